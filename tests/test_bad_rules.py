"""Wrong calls of training rules, schedules, activations, losses and readouts, in the style of test_bad_input.py."""

import re
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest

import theorysim as ts

FIELDS: dict[str, Any] = {"n": 4, "d": 12, "m": 2, "signal_norm": 2.0, "noise_std": 0.5, "init_std": 0.1}
V, T = ValueError, TypeError
NAN, INF = float("nan"), float("inf")
FLIP = ts.Flip(0.1)


class Case(NamedTuple):
    """A wrong call and what its error must be and contain."""

    call: Callable[[], object]
    error: type[Exception]
    name: str  # of the argument, as a word
    value: str  # as the message shows it; empty where it is too long to show
    allowed: str


def rule(lr: Any = 0.1, label_noise: Any = None, **options: Any) -> ts.GradientDescent:
    """A good rule, but for what is given."""
    return ts.GradientDescent(lr, label_noise, **options)


def problem(**changes: Any) -> ts.SignalNoise:
    """A good problem, but for the changes."""
    return ts.SignalNoise(**FIELDS | changes)


def data(**network: Any) -> ts.PatchData:
    """Good patch data, but for the network."""
    return ts.PatchData.from_vectors(np.ones((2, 1, 3)), [1, -1], m=2, init_std=0.1, **network)


@cache
def finished(given: bool = False) -> ts.Run:
    """A short run, with drawn or given label noise."""
    keywords = {"label_noise": np.ones((5, 4))} if given else {}
    return ts.simulate(problem(), rule(), 5, **keywords)


def resumed(algorithm: Any, steps: int = 5, **keywords: Any) -> ts.Run:
    """That run resumed with another algorithm."""
    return ts.resume(finished(), steps, algorithm=algorithm, **keywords)


RATES = [
    Case(lambda: rule(0), V, "lr", "=0", "(0, inf]"),
    Case(lambda: rule(-0.1), V, "lr", "=-0.1", "(0, inf]"),
    Case(lambda: rule(NAN), V, "lr", "=nan", "finite"),
    Case(lambda: rule(INF), V, "lr", "=inf", "finite"),
    Case(lambda: rule("0.1"), T, "lr", "='0.1'", "number"),
    Case(lambda: rule(None), T, "lr", "=None", "number"),
    Case(lambda: rule(True), T, "lr", "=True", "number"),
    Case(lambda: rule(1j), T, "lr", "=1j", "number"),
    Case(lambda: rule([]), V, "values", "0 entries", "at least one"),
    Case(lambda: rule([0.1, -0.1]), V, "values", "-0.1", "none below 0"),
    Case(lambda: rule([0.1, NAN]), V, "values", "", "finite"),
    Case(lambda: rule([[0.1, 0.2]]), V, "values", "(1, 2)", "shape"),
    Case(lambda: rule(FLIP), T, "lr", "=Flip(p=0.1)", "number"),
    Case(lambda: rule(ts.Until(5, -0.1, 0.1)), V, "lr.first", "=-0.1", "[0, inf]"),
    Case(lambda: rule(ts.Until(5, 0.1)), T, "lr.then", "=None", "number"),
    Case(lambda: rule(ts.Until(5, 0.1, FLIP)), T, "lr.then", "=Flip(p=0.1)", "number"),
    Case(lambda: rule(ts.Constant), T, "lr", "Constant", "number"),
]

LAWS = [
    Case(lambda: ts.Flip(1.1), V, "p", "=1.1", "[0, 1]"),
    Case(lambda: ts.Flip(-0.1), V, "p", "=-0.1", "[0, 1]"),
    Case(lambda: ts.Flip("0.1"), T, "p", "='0.1'", "number"),
    Case(lambda: ts.Flip(ts.Warmup(1.5, 10)), V, "p", "=Warmup(", "[0, 1]"),
    Case(lambda: ts.Flip([0.1, 1.2]), V, "p", "=Values(", "[0, 1]"),
    Case(lambda: ts.Flip(ts.Until(5, 0.1, 1.1)), V, "p.then", "=1.1", "[0, 1]"),
    Case(lambda: ts.Flip(ts.Exponential(2.0, 0.5)), V, "p", "=Exponential(", "[0, 1]"),
    Case(lambda: rule(label_noise=0.1), T, "label_noise", "=0.1", "Flip or Gaussian or Uniform"),
    Case(lambda: rule(label_noise="flip"), T, "label_noise", "='flip'", "Flip"),
    Case(lambda: rule(label_noise=ts.Flip), T, "label_noise", "Flip", "Gaussian"),
    Case(lambda: rule(label_noise=ts.Warmup(0.1, 5)), T, "label_noise", "=Warmup(", "Flip"),
    Case(lambda: rule(label_noise=ts.Until(5, 0.1)), T, "label_noise.first", "=0.1", "Flip"),
    Case(lambda: rule(label_noise=ts.Until(5, FLIP, 0.1)), T, "label_noise.then", "=0.1", "Flip"),
    Case(lambda: rule(label_noise=ts.Until(5, None, ts.Until(5, "x"))), T, "label_noise.then.first", "='x'", "Flip"),
]

OPTIONS = [
    Case(lambda: rule(batch_size=0), V, "batch_size", "=0", ">= 1"),
    Case(lambda: rule(batch_size=2.5), V, "batch_size", "=2.5", "integer"),
    Case(lambda: rule(batch_size="2"), T, "batch_size", "='2'", "integer"),
    Case(lambda: rule(batch_size=True), T, "batch_size", "=True", "integer"),
    Case(lambda: rule(replacement=True), V, "replacement", "=True", "batch_size"),
    Case(lambda: rule(batch_size=2, replacement=1), T, "replacement", "=1", "True or False"),
    Case(lambda: rule(momentum=1), V, "momentum", "=1", "[0, 1)"),
    Case(lambda: rule(momentum=-0.1), V, "momentum", "=-0.1", "[0, 1)"),
    Case(lambda: rule(momentum="0.9"), T, "momentum", "='0.9'", "number"),
    Case(lambda: rule(momentum=None), T, "momentum", "=None", "number"),
    Case(lambda: rule(dampening=0.5), V, "dampening", "=0.5", "momentum"),
    Case(lambda: rule(momentum=0.5, dampening=1), V, "dampening", "=1", "[0, 1)"),
    Case(lambda: rule(nesterov=True), V, "nesterov", "=True", "momentum > 0"),
    Case(lambda: rule(momentum=0.5, dampening=0.1, nesterov=True), V, "nesterov", "=True", "dampening=0"),
    Case(lambda: rule(momentum=0.5, nesterov=1), T, "nesterov", "=1", "True or False"),
    Case(lambda: rule(weight_decay=-0.1), V, "weight_decay", "=-0.1", "[0, inf]"),
    Case(lambda: rule(weight_decay=INF), V, "weight_decay", "=inf", "finite"),
    Case(lambda: rule(label_smoothing=1.1), V, "label_smoothing", "=1.1", "[0, 1]"),
    Case(lambda: rule(label_smoothing=-0.1), V, "label_smoothing", "=-0.1", "[0, 1]"),
    Case(lambda: rule(label_smoothing=[0.1]), T, "label_smoothing", "=[0.1]", "number"),
    Case(lambda: rule(clip_norm=0), V, "clip_norm", "=0", "(0, inf]"),
    Case(lambda: rule(clip_norm=INF), V, "clip_norm", "=inf", "finite"),
    Case(lambda: rule(clip_norm="1"), T, "clip_norm", "='1'", "number"),
    Case(lambda: rule(normalised=1), T, "normalised", "=1", "True or False"),
    Case(lambda: rule(normalised=True, clip_norm=0.1), V, "normalised", "=True", "clip_norm"),
    Case(lambda: rule(sam_radius=-0.1), V, "sam_radius", "=-0.1", "[0, inf]"),
    Case(lambda: rule(sam_radius=NAN), V, "sam_radius", "=nan", "finite"),
    Case(lambda: rule(dropout=1), V, "dropout", "=1", "[0, 1)"),
    Case(lambda: rule(dropout=-0.1), V, "dropout", "=-0.1", "[0, 1)"),
    Case(lambda: rule(weight_noise=-1), V, "weight_noise", "=-1", "[0, inf]"),
    Case(lambda: rule(weight_noise=0.1, momentum=0.5, weight_decay=0.1), V, "weight_noise", "=0.1", "momentum"),
    Case(lambda: rule(train_readout="yes"), T, "train_readout", "='yes'", "True or False"),
    Case(lambda: ts.GradientDescent(0.1, None, 2), T, "positional", "", "3"),  # type: ignore[misc]
    Case(lambda: ts.GradientDescent.from_kappa(problem(), 0.0), V, "kappa", "=0.0", "(0, inf]"),
    Case(lambda: ts.GradientDescent.from_kappa(data(), 0.1), T, "problem", "=PatchData", "SignalNoise"),
    Case(lambda: ts.GradientDescent.from_kappa(problem(), 0.1, momentum=2), V, "momentum", "=2", "[0, 1)"),
    Case(lambda: ts.Adam(), V, "Adam", "", "span of the data"),
    Case(lambda: ts.Adam(lr=1e-3), V, "Adam", "", "momentum"),
    Case(lambda: ts.SignSGD(0.1), V, "SignSGD", "", "span of the data"),
]

SCHEDULES = [
    Case(lambda: ts.Constant(-1), V, "value", "=-1", "[0, inf]"),
    Case(lambda: ts.Constant("1"), T, "value", "='1'", "number"),
    Case(lambda: ts.Warmup(-1, 10), V, "value", "=-1", "[0, inf]"),
    Case(lambda: ts.Warmup(1, 0), V, "steps", "=0", ">= 1"),
    Case(lambda: ts.Warmup(1, 2.5), V, "steps", "=2.5", "integer"),
    Case(lambda: ts.Warmup(1, 10, -0.1), V, "start", "=-0.1", "[0, inf]"),
    Case(lambda: ts.Cosine(NAN, 10), V, "start", "=nan", "finite"),
    Case(lambda: ts.Cosine(1, -3), V, "steps", "=-3", ">= 1"),
    Case(lambda: ts.Cosine(1, 10, -1), V, "end", "=-1", "[0, inf]"),
    Case(lambda: ts.Exponential(-1, 0.9), V, "start", "=-1", "[0, inf]"),
    Case(lambda: ts.Exponential(1, 0), V, "factor", "=0", "(0, 1]"),
    Case(lambda: ts.Exponential(1, 1.1), V, "factor", "=1.1", "(0, 1]"),
    Case(lambda: ts.Steps((1, 2), (5, 6)), V, "values", "", "one more than starts"),
    Case(lambda: ts.Steps((1, 2, 3), (6, 5)), V, "starts", "=(6, 5)", "increase"),
    Case(lambda: ts.Steps((1, 2, 3), (5, 5)), V, "starts", "=(5, 5)", "increase"),
    Case(lambda: ts.Steps((1, 2), (0,)), V, "starts[0]", "=0", ">= 1"),
    Case(lambda: ts.Steps((1, -2), (5,)), V, "values[1]", "=-2", "[0, inf]"),
    Case(lambda: ts.Steps(1, (5,)), T, "values", "=1", "sequence"),
    Case(lambda: ts.Steps((1, 2), 5), T, "starts", "=5", "sequence"),
    Case(lambda: ts.Values(()), V, "values", "0 entries", "at least one"),
    Case(lambda: ts.Values((0.1, -1)), V, "values", "-1", "none below 0"),
    Case(lambda: ts.Values(0.1), V, "values", "", "shape"),
    Case(lambda: ts.Until(0, 1, 2), V, "step", "=0", ">= 1"),
    Case(lambda: ts.Until("5", 1, 2), T, "step", "='5'", "integer"),
    Case(lambda: ts.simulate(problem(), rule([0.1] * 9), 10), V, "lr", "", "9 steps"),
    Case(lambda: ts.simulate(problem(), rule(label_noise=ts.Flip([0.1] * 9)), 10), V, "label_noise", "", "9 steps"),
]

NETWORKS = [
    Case(lambda: ts.PowerReLU(0.5), V, "q", "=0.5", "[1, "),
    Case(lambda: ts.PowerReLU("2"), T, "q", "='2'", "number"),
    Case(lambda: ts.SignedPower(0), V, "q", "=0", "[1, "),
    Case(lambda: ts.Monomial(0), V, "q", "=0", "1"),
    Case(lambda: ts.Monomial(2.5), V, "q", "=2.5", "integer"),
    Case(lambda: ts.LeakyReLU(NAN), V, "slope", "=nan", "finite"),
    Case(lambda: ts.LeakyReLU("0.1"), T, "slope", "='0.1'", "number"),
    Case(lambda: ts.HuberisedReLU(0.5), V, "q", "=0.5", "[1, "),
    Case(lambda: ts.HuberisedReLU(2, 0), V, "h", "=0", "(0, "),
    Case(lambda: ts.SmoothedLeakyReLU(0.1, -1), V, "h", "=-1", "(0, "),
    Case(lambda: ts.SmoothedLeakyReLU(INF), V, "slope", "=inf", "finite"),
    Case(lambda: ts.Softplus(0), V, "beta", "=0", "(0, "),
    Case(lambda: ts.Softplus(None), T, "beta", "=None", "number"),
    Case(lambda: problem(activation="relu"), T, "activation", "='relu'", "LeakyReLU"),
    Case(lambda: problem(activation=ts.PowerReLU), T, "activation", "PowerReLU", "LeakyReLU"),
    Case(lambda: problem(activation=np.tanh), T, "activation", "tanh", "Erf"),
    Case(lambda: problem(q=3, activation=ts.Erf()), V, "q", "=3", "activation"),
    Case(lambda: problem(loss="mse"), V, "loss", "='mse'", "'squared'"),
    Case(lambda: problem(loss=None), T, "loss", "=None", "string"),
    Case(lambda: problem(reduction="max"), V, "reduction", "='max'", "'sum'"),
    Case(lambda: problem(reduction=1), T, "reduction", "=1", "string"),
    Case(lambda: problem(readout=0.5), T, "readout", "=0.5", "2m=4"),
    Case(lambda: problem(readout=(0.5, -0.5)), V, "readout", "(2,)", "(4,)"),
    Case(lambda: problem(readout=(0.5, NAN, 0.5, 0.5)), V, "readout", "", "finite"),
    Case(lambda: problem(readout=(0.5, "a", 0.5, 0.5)), T, "readout", "", "number"),
    Case(lambda: problem(readout=(1, 1, -1, -1)).replace(m=3), V, "readout", "(4,)", "(6,)"),
    Case(lambda: problem().replace(loss="mse"), V, "loss", "='mse'", "'hinge'"),
    Case(lambda: data(loss="mse"), V, "loss", "='mse'", "'hinge'"),
    Case(lambda: data(activation=2), T, "activation", "=2", "Erf"),
    Case(lambda: data(reduction="none"), V, "reduction", "='none'", "'mean'"),
    Case(lambda: data(readout=(1.0,)), V, "readout", "(1,)", "(4,)"),
    Case(lambda: data(q=3, activation=ts.Identity()), V, "q", "=3", "activation"),
]

PHASES = [
    Case(lambda: resumed("SGD"), T, "algorithm", "='SGD'", "GradientDescent"),
    Case(lambda: resumed(ts.GradientDescent), T, "algorithm", "GradientDescent", "GradientDescent"),
    Case(lambda: resumed(ts.LinearSGD(0.1)), T, "algorithm", "=LinearSGD", "GradientDescent"),
    Case(lambda: resumed(0.1), T, "algorithm", "=0.1", "GradientDescent"),
    Case(lambda: resumed(rule([0.1] * 4)), V, "lr", "", "4 steps"),
    Case(lambda: resumed(rule(label_noise=ts.Flip([0.1] * 4))), V, "label_noise", "", "4 steps"),
    Case(lambda: resumed(rule(weight_noise=0.1)), V, "algorithm", "weight_noise=0.1", "first step"),
    Case(lambda: resumed(rule(0.2), -1), V, "steps", "=-1", "[0, "),
    Case(lambda: resumed(rule(0.2), label_noise=np.ones((4, 4))), V, "label_noise", "(4, 4)", "(5, 4)"),
    Case(lambda: ts.resume(finished(True), 5), V, "label_noise", "=None", "(5, 4)"),
    Case(lambda: ts.resume(ts.simulate(ts.MeanField.of(problem()), rule(), 5), 5, algorithm=rule(0.2)), T, "algorithm",
         "", ""),
    Case(lambda: ts.resume(resumed(rule(0.2)), 5, algorithm=rule(0.2, weight_noise=1)), V, "algorithm", "", "first"),
]

CASES = RATES + LAWS + OPTIONS + SCHEDULES + NETWORKS + PHASES


@pytest.mark.parametrize("case", CASES, ids=[f"{case.name}-{number}" for number, case in enumerate(CASES)])
def test_message(case: Case) -> None:
    """A wrong call is a ValueError or TypeError that names argument, value and range."""
    with pytest.raises(case.error) as caught:
        case.call()
    message = str(caught.value)
    assert type(caught.value) is case.error
    assert re.search(rf"(?<!\w){re.escape(case.name)}(?!\w)", message), f"{case.name!r} is not named: {message}"
    assert case.value in message
    assert case.allowed in message


def test_there_are_enough() -> None:
    """No table is lost in a change."""
    assert len(CASES) > 130


@pytest.mark.parametrize("call", [
    lambda: rule(np.float32(0.5), batch_size=np.int64(2), momentum=0, clip_norm=1, replacement=np.bool_(True)),
    lambda: rule(np.linspace(0.1, 0.2, 5)),
    lambda: rule((0.1, 0)),
    lambda: rule(ts.Until(3, 0, [0.1, 0.2])),
    lambda: rule(label_noise=ts.Until(3, None, ts.Until(4, FLIP, ts.Gaussian(1, 1)))),
    lambda: rule(label_smoothing=1, dropout=0, sam_radius=0, weight_noise=0, weight_decay=0),
    lambda: ts.Flip([0, 1]),
    lambda: ts.Flip(ts.Constant(1)),
    lambda: ts.Steps([0.1], []),
    lambda: problem(readout=np.array([1, 2, 3, 4]), activation=ts.Monomial(3.0)),
    lambda: problem(q=2.0, activation=ts.LeakyReLU(0)),
    lambda: problem(readout=[1, 1, 1, 1], m=2).replace(m=3, readout=None),
    lambda: data(activation=ts.Erf(), loss="squared", reduction="sum", readout=(0, 0, 0, 0)),
    lambda: resumed(rule([0.1] * 5)),
    lambda: resumed(rule(0.2), 0),
    lambda: ts.GradientDescent.from_kappa(problem(), 0.1, FLIP, momentum=0.5),
], ids=range(16))
def test_right_calls_pass(call: Callable[[], object]) -> None:
    """NumPy scalars, the ends of ranges and sequences of any kind are no mistakes."""
    assert call() is not None


@pytest.mark.parametrize("value", [
    rule(), rule(np.linspace(0.1, 0.2, 3), ts.Until(5, FLIP), momentum=0.5, nesterov=True), ts.Steps((1, 2), (5,)),
    ts.Until(3, 0.1, ts.Cosine(0.1, 5)), ts.Softplus(2), ts.HuberisedReLU(3, 0.5), problem(activation=ts.Erf()),
    problem(loss="hinge", reduction="sum", readout=(1, 2, 3, 4)),
], ids=str)
def test_values_compare_and_hash(value: Any) -> None:
    """Equal to what is made of the same again, and fit for a set; what is at its default is not shown."""
    again = type(value)(**{one.name: getattr(value, one.name) for one in fields(value)})
    assert again == value and hash(again) == hash(value)
    assert "sam_radius" not in repr(value)
