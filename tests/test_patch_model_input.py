"""Bad input of data by law: one table of calls, each refused before any work with a message that helps."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

import theorysim as ts

T, V = TypeError, ValueError
SIGNAL, SPURIOUS, NOISE = ts.Signal(1.5), ts.Spurious(2.0, 0.8), ts.Noise(0.2)
ALGORITHM = ts.GradientDescent(0.1)


def model(patches: Any = (SIGNAL, SPURIOUS, NOISE), **fields: Any) -> ts.PatchModel:
    """A good problem, but for the changes."""
    return ts.PatchModel(patches, **{"n": 4, "d": 9, "m": 2, "init_std": 0.1} | fields)


@cache
def finished(draw: str = "vectors") -> ts.PatchRun:
    """A run, made once."""
    run: ts.PatchRun = ts.simulate(model(), ALGORITHM, 10, draw=draw, record_every=5)
    return run


@cache
def of_signal_noise() -> ts.PatchRun:
    """A run that is not by law, made once."""
    problem = ts.SignalNoise(n=4, d=9, m=2, signal_norm=1.0, noise_std=0.2, init_std=0.1)
    run: ts.PatchRun = ts.simulate(problem, ALGORITHM, 10)
    return run


def simulate_with(draw: ts.Draw, **changes: Any) -> ts.Run:
    """On the problem, but for the changes, with a draw."""
    return ts.simulate(model(**changes), ALGORITHM, 5, draw=draw)


def altered(array: str, place: Any, value: float) -> ts.Draw:
    """A good draw with one number changed."""
    draw = ts.Draw.from_problem(model(), form="vectors")
    fields = {name: getattr(draw, name) for name in draw.__dataclass_fields__}
    changed = fields[array].copy()
    changed[place] = value
    return ts.Draw(**fields | {array: changed})


@dataclass(frozen=True)
class Case:
    """A call that must raise, and words that its message must have."""

    name: str
    call: Callable[[], Any]
    error: type[Exception]
    words: tuple[str, ...]


CASES = [Case(name, call, error, words) for name, call, error, *words in (
    ("norm", lambda: ts.Signal(-1.0), V, "norm=-1.0", "[0, 1e+145]"),
    ("norm word", lambda: ts.XOR("2"), T, "norm='2'", "number"),
    ("norm nan", lambda: ts.ConstantPatch(float("nan")), V, "norm=nan"),
    ("agreement", lambda: ts.Spurious(1.0, 1.1), V, "agreement=1.1", "[0, 1]"),
    ("std", lambda: ts.Noise(-0.5), V, "std=-0.5", "[0, 1e+145]"),
    ("orthogonal", lambda: ts.Noise(0.5, "yes"), T, "orthogonal='yes'", "True or False"),
    ("name", lambda: ts.Signal(1.0, name="a.b"), V, "name='a.b'", "full stop"),
    ("no name", lambda: ts.Signal(1.0, name=""), V, "name=''", "non-empty"),
    ("name number", lambda: ts.Signal(1.0, name=3), V, "name=3", "string"),
    ("probabilities", lambda: ts.LongTail((1, 1), (0.5, 0.4)), V, "probabilities=(0.5, 0.4)", "add up to 1", "0.9"),
    ("probability", lambda: ts.LongTail((1, 1), (1.5, -0.5)), V, "probabilities=1.5", "[0, 1]"),
    ("norms", lambda: ts.LongTail((1, 1, 1), (0.5, 0.5)), V, "probabilities", "3 norms"),
    ("no norms", lambda: ts.LongTail((), ()), V, "at least one"),
    ("norms number", lambda: ts.LongTail(1.0, (1.0,)), T, "norms=1.0", "sequence"),
    ("features", lambda: ts.LongTail((1, 1), (0.5, 0.5), ("a", "a")), V, "features=('a', 'a')", "different"),
    ("features word", lambda: ts.LongTail((1, 1), (0.5, 0.5), "ab"), T, "features='ab'", "sequence"),
    ("sum of nothing", lambda: ts.Sum(()), T, "laws=()", "non-empty"),
    ("sum of a number", lambda: ts.Sum((SIGNAL, 1.0)), T, "laws=1.0", "PatchLaw"),
    ("no patches", lambda: model(()), T, "patches=()", "Signal(2.0)"),
    ("a single law", lambda: model(SIGNAL), T, "patches=Signal(1.5)", "sequence"),
    ("a number for a law", lambda: model([SIGNAL, 3]), T, "patches[1]=3", "PatchLaw"),
    ("a bare law", lambda: model([ts.PatchLaw()]), T, "FeatureLaw"),
    ("n", lambda: model(n=0), V, "n=0", ">= 1"),
    ("d", lambda: model(d=2), V, "d=2", "[3, "),
    ("d of features", lambda: model([ts.XOR(1.0)], d=1), V, "d=1", "[2, "),
    ("d fraction", lambda: model(d=2.5), V, "d=2.5"),
    ("m", lambda: model(m=0), V, "m=0"),
    ("q", lambda: model(q=0.5), V, "q=0.5", "[1, 100]"),
    ("init_std", lambda: model(init_std=-1), V, "init_std=-1"),
    ("init_law", lambda: model(init_law="cauchy"), V, "init_law='cauchy'", "'uniform'"),
    ("label_flip", lambda: model(label_flip=(0.1, 0.2, 0.3)), V, "label_flip", "tau_plus"),
    ("flip_law", lambda: model(flip_law="all"), V, "flip_law='all'", "'stratified'"),
    ("bias", lambda: model(bias=float("inf")), V, "bias=inf"),
    ("one name, two kinds", lambda: model([ts.Signal(1, name="a"), ts.ConstantPatch(1, name="a")]), V, "patches",
     "name"),
    ("one name, two rates", lambda: model([ts.Spurious(1, 0.5, "a"), ts.Spurious(1, 0.6, "a")]), V, "Spurious(1.0, "),
    ("too many states", lambda: model([ts.XOR(1.0)] * 12, d=100), V, "patches", "8192", "4096"),
    ("too many features", lambda: model([ts.LongTail([1.0] * 2000, [1 / 2000] * 2000)] * 5, d=10**5), V, "patches",
     "4096"),
    ("too many entries", lambda: model([ts.LongTail([1.0] * 2000, [1 / 2000] * 2000)] + [ts.Zero()] * 5, d=10**5), V,
     "patches", "2000 features", "33554432"),
    ("replace", lambda: model().replace(**{"noise.norm": 1.0}), T, "noise.norm=1.0", "noise.std"),
    ("replace value", lambda: model().replace(**{"spurious.agreement": 2.0}), V, "agreement=2.0", "[0, 1]"),
    ("too many samples", lambda: ts.simulate(model(n=10**6), ALGORITHM, 1), V, "n=1000000", "GiB", "at most 16",
     "engine='weights'"),
    ("too many inner products", lambda: ts.Draw.from_problem(model(n=10**5)).gram, V, "n=100000", "GiB", "at most 16"),
    ("too many dimensions", lambda: ts.Draw.from_problem(model(d=10**12), form="vectors"), V, "d=1000000000000", "GiB"),
    ("Wishart of uniform", lambda: ts.Draw.from_problem(model(init_law="uniform"), form="wishart"), V, "'wishart'",
     "init_law='normal'", "PatchModel"),
    ("simulate Wishart of uniform", lambda: ts.simulate(model(init_law="uniform"), ALGORITHM, 1, draw="wishart"), V,
     "draw='wishart'", "init_law='normal'"),
    ("draw of another n", lambda: simulate_with(finished().draw, n=5), V, "n=4", "n=5"),
    ("draw of another d", lambda: simulate_with(finished().draw, d=10), V, "d=9", "d=10"),
    ("draw of other laws", lambda: simulate_with(finished().draw, patches=[SIGNAL, NOISE]), V, "draw", "another"),
    ("draw of other strengths", lambda: simulate_with(finished().draw, patches=[ts.Signal(2), SPURIOUS, NOISE]), V,
     "draw", "other features", "signal, spurious"),
    ("draw with a turned signal", lambda: simulate_with(altered("sign", (2, 0), -finished().draw.sign[2, 0])), V,
     "sample (2)"),
    ("draw with noise along a feature", lambda: simulate_with(altered("vectors", (4, 1), 0.1)), V, "sample (2)"),
    ("draw with other atoms", lambda: simulate_with(altered("atom", (1, 2), 2)), V, "sample (1)"),
    ("draw of signal and noise", lambda: simulate_with(of_signal_noise().draw), V, "draw", "another"),
    ("group", lambda: finished().test_error(group={"signal": "agrees"}), V, "group=", "'spurious'", "'label'"),
    ("group outcome", lambda: finished().test_error(group={"spurious": "no"}), V, "'agrees', 'disagrees'", "'no'"),
    ("group label", lambda: finished().test_error(group={"label": 0}), V, "'label'", "1, -1"),
    ("group word", lambda: finished().test_error(group="spurious"), T, "group='spurious'", "Mapping"),
    ("group of signal and noise", lambda: of_signal_noise().test_error(group={"label": 1}), V, "group", "PatchModel"),
    ("by", lambda: finished().group_accuracy(by=["signal"]), V, "by=['signal']", "'label', 'spurious'"),
    ("by nothing", lambda: finished().group_accuracy(by=[]), V, "by=[]"),
    ("by twice", lambda: finished().group_accuracy(by=["label", "label"]), V, "different"),
    ("groups of signal and noise", lambda: of_signal_noise().group_accuracy(), V, "problem=SignalNoise", "PatchModel"),
    ("features of signal and noise", lambda: of_signal_noise().feature_products(), V, "PatchModel"),
    ("memory", lambda: finished().test_error(kind="memory"), V, "kind='memory'", "SignalNoise", "'fresh'"),
    ("at", lambda: finished().test_error(3), V, "at=3", "0, 5"),
    ("patches and no labels", lambda: finished().test_error(patches=np.ones((2, 3, 9))), V, "labels='true'", "array"),
    ("labels and no patches", lambda: finished().test_error(labels=[1, -1]), T, "labels=[1, -1]", "string"),
    ("patches of a group", lambda: finished().test_error(patches=np.ones((2, 3, 9)), labels=[1, 1], group={}), V,
     "group={}", "patches="),
    ("patches of another shape", lambda: finished().test_error(patches=np.ones((2, 3, 8)), labels=[1, 1]), V,
     "patches", "(2, 3, 8)"),
    ("labels of another length", lambda: finished().test_error(patches=np.ones((2, 3, 9)), labels=[1]), V, "labels",
     "(1,)"),
    ("labels that are none", lambda: finished().test_error(patches=np.ones((2, 3, 9)), labels=[1, 2]), V,
     "labels[1]=2"),
    ("no test samples", lambda: finished().test_error(patches=np.ones((0, 3, 9)), labels=[]), V, "no samples"),
    ("patches without coordinates", lambda: finished("wishart").test_error(patches=np.ones((2, 3, 9)), labels=[1, 1]),
     V, "draw.form", "vectors"),
    ("samples", lambda: model().sample(0), V, "samples=0", ">= 1"),
    ("from_kappa", lambda: ts.GradientDescent.from_kappa(model(), 0.1), T, "SignalNoise", "PatchModel"),
    ("mean field", lambda: ts.MeanField.of(model()), T, "SignalNoise", "PatchModel"),
    ("check", lambda: ts.check(finished(), "huang2025"), V, "SignalNoise", "not about a PatchModel"),
)]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_refused(case: Case) -> None:
    """With the type and the words."""
    with pytest.raises(case.error) as raised:
        case.call()
    for word in case.words:
        assert word in str(raised.value), str(raised.value)


def test_the_good_calls_are_good() -> None:
    """What the table changes one thing of each time."""
    assert simulate_with(finished().draw).status == "completed"
    assert 0 <= finished().test_error(group={"spurious": "agrees", "label": -1}, n_test=100).value <= 1
    assert finished().test_error(patches=np.ones((2, 3, 9)), labels=[1, -1]).value in (0.5, 1.0)
