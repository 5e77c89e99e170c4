"""Small settings of every system and engine, and equality of values bit for bit: what tests of all systems share."""

import dataclasses
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
import pytest

import theorysim as ts
from theorysim.attention import stepper as attention
from theorysim.core import interrupts
from theorysim.mean_field import stepper as mean_field
from theorysim.oscillation import stepper as oscillation
from theorysim.patch import stepper as patch
from theorysim.reweighting import stepper as reweighting
from theorysim.systems import system_of, system_of_run

STEPS = 60
SEED = 3
MOST = 400  # steps for which label noise is given


@dataclass(frozen=True)
class Case:
    """A setting; given label noise is cut to the steps asked for."""

    problem: Any
    algorithm: Any
    keywords: Mapping[str, Any] = field(default_factory=dict)
    steps: int = STEPS

    @property
    def system(self) -> str:
        """The name of its system."""
        return system_of(self.problem, self.algorithm).name

    def simulate(self, steps: int | None = None, **keywords: Any) -> Any:
        """A run of it."""
        steps = self.steps if steps is None else steps
        given = self._given(0, steps)
        return ts.simulate(self.problem, self.algorithm, steps, SEED, **self.keywords | given | keywords)

    def resume(self, run: Any, steps: int, **keywords: Any) -> Any:
        """So many steps more."""
        return ts.resume(run, steps, **self._given(run.steps, run.steps + steps) | keywords)

    def _given(self, start: int, stop: int) -> dict[str, Any]:
        given = self.keywords.get("label_noise")
        return {} if given is None else {"label_noise": given[start:stop]}

    def own(self) -> dict[str, Callable[[Any], float]]:
        """Observables of one's own."""
        return OWN[self.system]


OWN: dict[str, dict[str, Callable[[Any], float]]] = {
    "patch": {"largest_output": lambda view: view.outputs.max(), "memory": lambda view: np.abs(view.rho).sum()},
    "mean_field": {"largest_output": lambda view: view.outputs.max(), "size": lambda view: np.abs(view.rho).sum()},
    "linear": {"size": lambda view: view.norm_sq, "follower": lambda view: view.neurons[0, 0]},
    "oscillation": {"size": lambda view: view.norms.sum()},
    "reweighting": {"first_output": lambda view: view.outputs[0], "unseen": lambda view: view.test_outputs.sum(),
                    "weight": lambda view: view.weights.min()},
    "attention": {"largest_output": lambda view: view.outputs.max(), "least": lambda view: view.softmax[:, 0].min()},
}

SIGNAL = ts.SignalNoise(n=5, d=16, m=2, signal_norm=1.5, noise_std=0.4, init_std=0.1, label_flip=(0.3, 0.2))
HAN = ts.SignalNoise(n=12, d=300, m=4, signal_norm=3.0, noise_std=0.18, init_std=0.002, q=1, label_flip=0.25,
                     orthogonal_noise=False, flip_law="stratified")
BY_LAW = ts.PatchModel([ts.Signal(1.0) + ts.Noise(0.1), ts.Spurious(1.5, 0.8), ts.LongTail((1.0, 2.0), (0.7, 0.3)),
                        ts.Noise(0.4, name="xi"), ts.Noise(0.2, name="xi")], n=5, d=16, m=2, init_std=0.1,
                       label_flip=(0.3, 0.2))
FIELD = ts.MeanField.of(SIGNAL)
LINEAR = ts.LinearNetwork(n=12, d=4, width=9, label_noise_std=2.0)
KERNEL = ts.KernelReweighting(ts.SignalNoiseImages(d=10), n=16, clean=6, test=9)
TOKENS = ts.TokenSelection(n=6, d=9, tokens=3, signal_norm=2.0, label_flip=0.34)
CROWD = TOKENS.replace(n=12, d=2, tokens=2, opposed=0, signal_norm=1.0)  # whose labels cannot all be fitted
PLAIN, FLIPS, HAN_GD = ts.GradientDescent(0.3), ts.GradientDescent(0.3, ts.Flip(0.2)), ts.GradientDescent(0.08)
NOISY_HAN = ts.GradientDescent(0.08, ts.Gaussian(1.0, 0.3))


def images() -> ts.PatchData:
    """Three patches a sample, one of them in all samples, and a bias coordinate."""
    rng = np.random.default_rng(1)
    patches = rng.standard_normal((4, 3, 6))
    patches[:, 0] = patches[0, 0]
    return ts.PatchData.from_vectors(patches, [1, -1, 1, -1], m=2, init_std=0.1, q=3, bias=0.5,
                                     observed_labels=[1, 1, 1, -1])


def only_gram() -> ts.PatchData:
    """The same data, of which only the Gram matrix is known."""
    data = images()
    return ts.PatchData.from_gram(data.gram, data.atom, data.sign, data.labels, m=2, init_std=0.1,
                                  observed_labels=data.observed_labels)


def _given_draw() -> ts.Draw:
    rng = np.random.default_rng(5)
    return ts.Draw.from_arrays(noise=rng.standard_normal((5, 16)), weights=rng.standard_normal((2, 2, 16)),
                               labels=[1, 1, -1, -1, 1], observed_labels=[1, -1, -1, -1, 1],
                               signal=1.5 * np.eye(16)[3])


def _arrays() -> ts.LabelledArrays:
    rng = np.random.default_rng(8)
    return ts.LabelledArrays(rng.standard_normal((40, 7)), np.where(rng.random(40) < 0.5, -1.0, 1.0), True, True)


def _tokens() -> ts.AttentionDraw:
    rng = np.random.default_rng(11)
    return ts.AttentionDraw.from_vectors(rng.standard_normal((6, 3, 5)), rng.standard_normal((5, 5)),
                                         [1, 1, 1, -1, -1, -1], [1, 1, -1, -1, -1, 1])


_MULTIPLIERS = np.random.default_rng(9).normal(1.0, 0.7, (MOST, 5))
LONG = 300  # beyond a block of label noise

CASES: dict[str, Case] = {
    "patch, plain": Case(SIGNAL, PLAIN),
    "patch, flips": Case(SIGNAL, FLIPS, steps=LONG),
    "patch, Gaussian noise": Case(SIGNAL, ts.GradientDescent(0.2, ts.Gaussian(1, 0.5)), {"draw": "vectors"}),
    "patch, uniform noise": Case(SIGNAL, ts.GradientDescent(0.2, ts.Uniform(-1, 2))),
    "patch, given noise": Case(SIGNAL, PLAIN, {"label_noise": _MULTIPLIERS}, steps=LONG),
    "patch, Wishart": Case(SIGNAL.replace(d=10**8, noise_std=1e-4), FLIPS, {"draw": "wishart"}),
    "patch, weights": Case(SIGNAL, FLIPS, {"engine": "weights"}, steps=LONG),
    "patch, paired": Case(SIGNAL, FLIPS, {"engine": "paired"}),
    "patch, single": Case(SIGNAL, FLIPS, {"precision": "single"}),
    "patch, bias": Case(SIGNAL.replace(bias=-0.5, init_law="uniform"), FLIPS),
    "patch, given draw": Case(SIGNAL.replace(orthogonal_noise=False), FLIPS, {"draw": _given_draw()}),
    "patch, by law": Case(BY_LAW, FLIPS, steps=LONG),
    "patch, by law, paired": Case(BY_LAW.replace(bias=0.3, d=60), FLIPS, {"engine": "paired"}),
    "patch, images": Case(images(), FLIPS),
    "patch, images, weights": Case(images(), FLIPS, {"engine": "weights"}),
    "patch, Gram": Case(only_gram(), ts.GradientDescent(0.1, ts.Flip(0.1)), {"engine": "paired"}),
    "patch, small loss": Case(HAN, NOISY_HAN, {"policy": ts.SmallLossSelection(ts.LossBelow(0.45), action="relabel")}),
    "patch, oracle": Case(HAN, NOISY_HAN, {"policy": ts.OracleSelection(17, "downweight", 0.25)}),
    "patch, first stage": Case(HAN, HAN_GD, {"policy": ts.EarlyStopping(ts.FirstStage(1e3))}),
    "mean_field, plain": Case(FIELD, PLAIN),
    "mean_field, flips": Case(FIELD.replace(d=10**14, noise_std=4e-7), FLIPS, steps=LONG),
    "mean_field, Gaussian noise": Case(FIELD, ts.GradientDescent(0.2, ts.Gaussian(1, 0.5))),
    "mean_field, given noise": Case(FIELD, PLAIN, {"label_noise": _MULTIPLIERS}, steps=LONG),
    "mean_field, given draw": Case(FIELD.replace(orthogonal_noise=False), FLIPS, {"draw": _given_draw()}),
    "mean_field, q = 3": Case(FIELD.replace(q=3, init_std=0.3), FLIPS),
    "linear, width-free": Case(LINEAR, ts.LinearSGD(4e-3)),
    "linear, beyond all steps": Case(LINEAR, ts.LinearSGD(4e-3), steps=LONG),
    "linear, wide": Case(LINEAR.replace(width=10**7), ts.LinearSGD(1e-8, batch=4), {"neurons": 3}),
    "linear, explicit": Case(LINEAR, ts.LinearSGD(4e-3, batch=3), {"engine": "explicit"}),
    "linear, SAM": Case(LINEAR, ts.LinearSGD(2e-3, batch="full", sam_radius=0.1)),
    "linear, periodic": Case(LINEAR.replace(target=(1.0, 0.0, -1.0, 0.5)), ts.LinearSGD(2e-3, period=13)),
    "oscillation, expectation": Case(LINEAR, ts.OscillatingLayer(1e-2)),
    "oscillation, chains": Case(LINEAR, ts.OscillatingLayer(1e-2, 3)),
    "reweighting, linear": Case(KERNEL, ts.Reweighting()),
    "reweighting, batch": Case(KERNEL, ts.Reweighting(clean_batch=2), steps=LONG),
    "reweighting, ntk, t2": Case(KERNEL.replace(kernel="ntk", clean_label_flip=0.2),
                                 ts.Reweighting(lr_share=0.9, freeze_at="t2")),
    "reweighting, rbf": Case(KERNEL.replace(kernel="rbf", proxy_kernel="linear"), ts.Reweighting(look_ahead="none")),
    "reweighting, frozen": Case(KERNEL, ts.Reweighting(freeze_at=23, clean_batch=3)),
    "reweighting, arrays": Case(KERNEL.replace(data=_arrays()), ts.Reweighting(reweight=False),
                                {"weights": np.linspace(0, 1, 16)}),
    "reweighting, network": Case(KERNEL.replace(kernel="ntk"), ts.Reweighting(lr_share=0.9, freeze_at="t2"),
                                 {"engine": "network", "width": 12}),
    "reweighting, network, batch": Case(KERNEL.replace(kernel="ntk"), ts.Reweighting(clean_batch=2, freeze_at=31),
                                        {"engine": "network", "width": 12}),
    "attention, query": Case(TOKENS, ts.AttentionGD(0.3), steps=LONG),
    "attention, keys": Case(TOKENS, ts.AttentionGD(0.3, train_keys=True)),
    "attention, head": Case(TOKENS.replace(key_law="identity"), ts.AttentionGD(0.1, train_head=True)),
    "attention, all, Wishart": Case(TOKENS.replace(d=10**8, noise_std=1e-4, key_law="gaussian"),
                                    ts.AttentionGD(0.3, True, True)),
    "attention, given draw": Case(TOKENS.replace(d=5), ts.AttentionGD(0.1, True, True), {"draw": _tokens()}),
}
ONE_EACH = ("patch, flips", "patch, weights", "mean_field, flips", "linear, width-free", "linear, explicit",
            "oscillation, expectation", "oscillation, chains", "reweighting, linear", "reweighting, network",
            "attention, keys")

DIVERGING: dict[str, Case] = {
    "patch, flips": Case(SIGNAL.replace(q=4), ts.GradientDescent(200.0, ts.Flip(0.2)), steps=2000),
    "patch, given noise": Case(SIGNAL.replace(q=4), ts.GradientDescent(200.0), {"label_noise": _MULTIPLIERS}, 300),
    "patch, weights": Case(SIGNAL.replace(q=4), ts.GradientDescent(200.0), {"engine": "weights"}, 2000),
    "patch, paired": Case(SIGNAL.replace(q=4), ts.GradientDescent(200.0), {"engine": "paired"}, 2000),
    "patch, single": Case(SIGNAL.replace(q=4), ts.GradientDescent(200.0), {"precision": "single"}, 2000),
    "patch, images": Case(images(), ts.GradientDescent(500.0, ts.Gaussian(1.0, 2.0)), steps=2000),
    "patch, thinned": Case(SIGNAL.replace(q=4), ts.GradientDescent(200.0), {"observables_every": 7}, 2000),
    "mean_field, flips": Case(FIELD.replace(q=4), ts.GradientDescent(200.0, ts.Flip(0.2)), steps=2000),
    "mean_field, thinned": Case(FIELD.replace(q=4), ts.GradientDescent(200.0), {"observables_every": 7}, 2000),
    "linear, width-free": Case(LINEAR, ts.LinearSGD(2.0), steps=2000),
    "linear, full batch": Case(LINEAR, ts.LinearSGD(0.4, batch="full"), steps=2000),
    "linear, explicit": Case(LINEAR, ts.LinearSGD(2.0, batch=3), {"engine": "explicit"}, 2000),
    "linear, SAM": Case(LINEAR, ts.LinearSGD(2.0, sam_radius=0.1), steps=2000),
    "oscillation, expectation": Case(LINEAR, ts.OscillatingLayer(5.0), steps=2000),
    "oscillation, late": Case(LINEAR, ts.OscillatingLayer(1.0), steps=2000),
    "oscillation, chains": Case(LINEAR, ts.OscillatingLayer(50.0, 2), steps=2000),
    "oscillation, one chain": Case(LINEAR, ts.OscillatingLayer(50.0, 1), steps=2000),
    "reweighting, linear": Case(KERNEL, ts.Reweighting(lr=50.0), steps=2000),
    "reweighting, batch": Case(KERNEL, ts.Reweighting(lr=50.0, clean_batch=2), steps=2000),
    "reweighting, network": Case(KERNEL.replace(kernel="ntk"), ts.Reweighting(lr=50.0),
                                 {"engine": "network", "width": 12}, 2000),
    "attention, head": Case(CROWD, ts.AttentionGD(1e99, train_head=True), steps=400),
    "attention, all": Case(CROWD, ts.AttentionGD(3e99, True, True), steps=400),
}
every_divergence = pytest.mark.parametrize("case", DIVERGING.values(), ids=DIVERGING.keys())
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
one_case_each = pytest.mark.parametrize("case", [CASES[name] for name in ONE_EACH], ids=ONE_EACH)


def assert_same(one: Any, other: Any, where: str = "value") -> None:
    """The same type and value, down to the bits of numbers and arrays and through the fields of objects."""
    assert type(one) is type(other), where
    if isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape), where
        assert one.tobytes() == other.tobytes(), f"{where}: first differs at {np.argwhere(one != other)[:1].tolist()}"
    elif dataclasses.is_dataclass(one):
        for named in dataclasses.fields(one):
            assert_same(getattr(one, named.name), getattr(other, named.name), f"{where}.{named.name}")
    elif isinstance(one, Mapping):
        assert list(one) == list(other), where
        for key in one:
            assert_same(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, tuple):
        assert len(one) == len(other), where
        for place, (left, right) in enumerate(zip(one, other, strict=True)):
            assert_same(left, right, f"{where}.{place}")
    elif isinstance(one, float):
        assert struct.pack("d", one) == struct.pack("d", other), (where, one, other)
    else:
        assert one == other, where


def assert_same_run(found: Any, wanted: Any) -> None:
    """Two runs agree in all but the seconds they took: arrays, tables, own observables, stage times, words."""
    assert_same(found.replace(timings={}), wanted.replace(timings={}), "run")
    one, other = found.observables, wanted.observables
    assert list(one.columns) == list(other.columns) and one.index.tolist() == other.index.tolist()
    assert one.to_numpy().tobytes() == other.to_numpy().tobytes()
    assert_same(found.stage_times(), wanted.stage_times(), "times")
    assert repr(found) == repr(wanted)


def one_step_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on every step is a chunk of its own (of linear networks those up to 128 are anyway)."""
    monkeypatch.setattr(patch, "CHUNK_FLOPS", 1e-9)
    monkeypatch.setattr(mean_field, "CHUNK", 1e-9)
    monkeypatch.setattr(oscillation, "CHUNK", 1e-9)
    monkeypatch.setattr(reweighting, "CHUNK", 1e-9)
    monkeypatch.setattr(attention, "CHUNK", 1e-9)


@contextmanager
def control_c(monkeypatch: pytest.MonkeyPatch, at: int) -> Iterator[None]:
    """Inside, every run is interrupted before its chunk number ``at``, counted from 0."""
    @contextmanager
    def pressed() -> Iterator[Callable[[], bool]]:
        calls = count()
        yield lambda: next(calls) >= at

    with monkeypatch.context() as changed:
        changed.setattr(interrupts, "postponed", pressed)
        yield


def kept_arrays(run: Any) -> dict[str, Any]:
    """All that is recorded of a run, and nothing of what was observed."""
    names = [name for name in run.PER_RECORD if getattr(run, name) is not None]
    assert system_of_run(run).name in OWN and len(names) > 1
    return {name: getattr(run, name) for name in names}
