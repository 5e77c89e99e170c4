"""What the one loop gives to sample reweighting: conditions, observables of one's own, records, resuming, files."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import theorysim as ts
from theorysim.reweighting import REWEIGHTING_OBSERVABLES, ReweightingDraw, ReweightingRun, ReweightingView, stepper
from theorysim.reweighting.observables import SERIES
from theorysim.systems import load

Array = NDArray[np.float64]

PROBLEM = ts.KernelReweighting(ts.SignalNoiseImages(d=6, noise_std=0.3), n=14, clean=5, test=4, kernel="ntk",
                               label_flip=0.3)
RULE = ts.Reweighting(lr_share=0.1, clean_batch=3)
ENGINES: dict[str, dict[str, Any]] = {"kernel": {}, "network": {"engine": "network", "width": 8}}
OWN = {"own_auc": lambda seen: float(np.mean(seen.weights[~seen.noisy][:, None] > seen.weights[seen.noisy])),
       "sum_test": lambda seen: seen.test_outputs.sum()}
FILES = Path(__file__).parent / "files"

engines = pytest.mark.parametrize("engine", ENGINES)


def trained(engine: str, steps: int, **options: Any) -> ReweightingRun:
    """A run of seed 3."""
    return ts.simulate(PROBLEM, RULE, steps, 3, **ENGINES[engine] | options)


def assert_same(one: Any, other: Any, without: tuple[str, ...] = ("timings",), where: str = "") -> None:
    """Two frozen values have equal fields, arrays bit for bit."""
    if isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape), where
        np.testing.assert_array_equal(one, other, where)
    elif is_dataclass(one):
        assert type(one) is type(other), where
        for name in (field.name for field in fields(one) if field.name not in without):
            assert_same(getattr(one, name), getattr(other, name), without, f"{where}.{name}")
    elif isinstance(one, tuple):
        assert len(one) == len(other)
        for k, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_same(a, b, without, f"{where}[{k}]")
    elif isinstance(one, Mapping):
        assert list(one) == list(other), where
        for name in one:
            assert_same(one[name], other[name], without, f"{where}[{name}]")
    else:
        assert type(one) is type(other) and one == other, where


def interrupt_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Ctrl-C while the chunk that begins there is made."""
    real = stepper.batches

    def interrupting(*given: Any) -> NDArray[np.int64]:
        if given[3] == step:
            signal.raise_signal(signal.SIGINT)
        return real(*given)

    monkeypatch.setattr(stepper, "batches", interrupting)


# --- resuming -----------------------------------------------------------------------------------------------------


@engines
@pytest.mark.parametrize("cut", [0, 1, 30, 256, 299])
def test_resumed_is_straight(engine: str, cut: int, tmp_path: Path) -> None:
    """All of the run, bit for bit, also from a file, also for a network; records every 10 steps leave no seam."""
    whole = trained(engine, 300, record_every=10)
    part = trained(engine, cut, record_every=10)
    part.save(tmp_path / "run.npz")
    assert_same(ts.resume(ts.load_run(tmp_path / "run.npz", ReweightingRun), 300 - cut), whole)
    twice = ts.resume(ts.resume(part, (300 - cut) // 2), 300 - cut - (300 - cut) // 2)
    assert_same(twice, whole)
    assert (twice.network is None) == (engine == "kernel")


@engines
def test_resumed_after_control_c(engine: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is done is kept, says where, and goes on to the same end."""
    whole = trained(engine, 600, record_every=100)
    interrupt_at(monkeypatch, 256)
    part = trained(engine, 600, record_every=100)
    monkeypatch.undo()
    assert part.status == "interrupted" and 256 < part.steps == part.stopped_at <= 300
    assert f"interrupted at step {part.steps}; resume()" in part.message
    part.save(tmp_path / "run.npz")
    assert_same(ts.resume(ts.load_run(tmp_path / "run.npz", ReweightingRun), 600 - part.steps), whole)


@engines
def test_resumed_in_the_logarithm(engine: str) -> None:
    """Without even records the seam stays one: whoever asked for the run asked for its end."""
    more = ts.resume(trained(engine, 20, record_at=[7]), 30)
    whole = trained(engine, 50, record_at=more.steps_recorded)
    assert {0, 7, 20, 50} <= set(more.steps_recorded)
    assert_same(more, whole)


@pytest.mark.parametrize("engine", ENGINES)
def test_resumed_when_frozen(engine: str) -> None:
    """t2 lies in the first part."""
    algorithm = ts.Reweighting(lr_share=0.3, freeze_at="t2")
    whole = ts.simulate(PROBLEM, algorithm, 120, 1, record_every=40, **ENGINES[engine])
    part = ts.simulate(PROBLEM, algorithm, 80, 1, record_every=40, **ENGINES[engine])
    assert part.stage_times().t2 < 80
    assert_same(ts.resume(part, 40), whole)


# --- conditions ---------------------------------------------------------------------------------------------------


@engines
def test_until(engine: str) -> None:
    """Stops at the very step, wherever chunks end, with the state of that step; goes on from there."""
    whole = trained(engine, 400, record_every=1)
    level = float(whole.series[137, 2])
    expected = int(np.argmax(whole.series[:, 2] >= level))
    assert 100 < expected < 200
    run = trained(engine, 400, record_every=50, until=lambda seen: seen["output_max"] >= level)
    assert run.status == "stopped" and run.steps == run.stopped_at == expected
    assert_same(run.series, whole.series[: expected + 1])
    for name in ("outputs", "clean_outputs", "test_outputs", "weights", "gradients"):
        assert_same(getattr(run, name)[-1], getattr(whole, name)[expected])
    assert_same(ts.resume(run, 400 - expected), trained(engine, 400, record_every=50))
    assert trained(engine, 9, until=lambda seen: seen["step"] >= 0).steps == 0


@engines
def test_until_sees_every_step_once_chunks_are_done(engine: str) -> None:
    """The columns of the series and the step, which agree with the run; others are named as missing."""
    seen: dict[int, list[float]] = {}

    def until(columns: Any) -> NDArray[np.bool_]:
        assert set(columns) == {"step", *SERIES}
        seen.update((int(step), [float(columns[name][k]) for name in SERIES]) for k, step in enumerate(columns["step"]))
        return np.zeros(len(columns["step"]), dtype=bool)

    run = trained(engine, 300, until=until)
    assert list(seen) == list(range(301))
    assert_same(np.array(list(seen.values())), run.series)
    with pytest.raises(KeyError, match="no column 'auc'.*weight_clean, weight_noisy, output_max, sign_share"):
        trained(engine, 3, until=lambda columns: columns["auc"] > 0.9)


@engines
def test_until_of_an_own_observable(engine: str) -> None:
    """Where it is called; NaN, and so False, elsewhere."""
    whole = trained(engine, 60, record_every=1)
    sums = whole.test_outputs.sum(axis=1)
    order = np.abs(sums[::7])
    first = 7 * int(np.argmax(order > order.max() / 2))
    run = trained(engine, 60, observe=OWN, observe_every=7,
                  until=lambda seen: np.abs(seen["sum_test"]) > order.max() / 2)
    assert run.status == "stopped" and run.steps == first > 0


# --- observables of one's own ---------------------------------------------------------------------------------------


@engines
def test_own_observables_at_records(engine: str) -> None:
    """They are what the records give."""
    run = trained(engine, 100, observe=OWN)
    assert_same(run.steps_observed, run.steps_recorded)
    np.testing.assert_allclose(run.column("sum_test"), run.test_outputs.sum(axis=1), rtol=1e-14)
    expected = [np.mean(w[~run.noisy][:, None] > w[run.noisy]) for w in run.weights]
    np.testing.assert_array_equal(run.column("own_auc"), expected)
    assert list(run.observables) == [*REWEIGHTING_OBSERVABLES, *OWN]
    plain = trained(engine, 100)
    assert_same(dict(run.table), dict(plain.table))


@engines
def test_own_observables_every_so_many_steps(engine: str) -> None:
    """A row for each look; all columns of the run are there, as of a run that records there."""
    run = trained(engine, 100, observe=OWN, observe_every=9, record_every=30)
    looks, records = np.arange(0, 101, 9), np.array([0, 30, 60, 90, 100])
    assert_same(run.steps_recorded, records)
    assert_same(run.steps_observed, np.union1d(looks, records))
    assert len(run.outputs) == len(records) and len(run.observables) == len(run.steps_observed)
    recorded = trained(engine, 100, observe=OWN, record_at=run.steps_observed)
    for name in REWEIGHTING_OBSERVABLES:  # products of one row and of many may round differently
        np.testing.assert_allclose(run.column(name), recorded.column(name), rtol=1e-9, atol=1e-13, err_msg=name)
    at = np.isin(run.steps_observed, looks)
    for name in OWN:
        assert_same(run.column(name)[at], recorded.column(name)[at])
        assert np.isnan(run.column(name)[~at]).all()
    assert_same(run.series, trained(engine, 100).series)


@engines
@pytest.mark.parametrize("options", [{}, {"observe_every": 4}, {"observe_every": 25}], ids=str)
@pytest.mark.parametrize("cut", [10, 11, 16])
def test_own_observables_resumed(engine: str, options: dict[str, Any], cut: int, tmp_path: Path) -> None:
    """As if never stopped: at a record, at a look, and at neither; through a file."""
    whole = trained(engine, 40, record_every=10, observe=OWN, **options)
    trained(engine, cut, record_every=10, observe=OWN, **options).save(tmp_path / "run.npz")
    more = ts.resume(ts.load_run(tmp_path / "run.npz"), 40 - cut, observe=OWN, **options)
    assert_same(more, whole, ("timings", "looked"))
    for name in REWEIGHTING_OBSERVABLES:
        np.testing.assert_allclose(more.column(name), whole.column(name), rtol=1e-9, atol=1e-13, err_msg=name)


@engines
def test_own_observables_of_a_run_that_ends_early(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last look is the last record, once."""
    interrupt_at(monkeypatch, 20)
    run = trained(engine, 100, observe=OWN, observe_every=5, record_at=())
    monkeypatch.undo()
    assert run.status == "interrupted" and run.steps == 25
    assert_same(run.steps_observed, np.arange(0, 26, 5))
    assert_same(run.steps_recorded, np.array([0, 25]))
    assert np.isfinite(run.column("sum_test")).all() and len(run.observables) == 6


@engines
def test_view(engine: str) -> None:
    """Public names, in the shapes they say; nobody can change the state through them."""
    views: list[ReweightingView] = []

    def look(seen: ReweightingView) -> float:
        views.append(seen)
        assert seen.outputs.shape == seen.weights.shape == seen.gradient.shape == seen.noisy.shape == (14,)
        assert seen.clean_outputs.shape == (5,) and seen.test_outputs.shape == (4,)
        for array in (seen.outputs, seen.weights, seen.gradient, *(seen.network or ())):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 1
        assert (seen.coefficients is None) == (engine == "network") == (seen.network is not None)
        return float(seen.gradient @ seen.weights)

    run = trained(engine, 40, observe={"push": look}, record_every=1)
    assert [one.step for one in views] == list(range(41))
    assert (views[0].lr, views[0].weight_lr, views[0].draw) == (run.lr, run.weight_lr, run.draw)
    np.testing.assert_allclose(run.column("push"), (run.gradients * run.weights).sum(axis=1), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", ["auc", "step"])
def test_own_observables_with_a_name_that_is_taken(name: str) -> None:
    """Says so."""
    with pytest.raises(ValueError, match=name):
        trained("kernel", 3, observe={name: lambda _seen: 0.0})


# --- divergence -----------------------------------------------------------------------------------------------------


@engines
@pytest.mark.parametrize("options", [{}, {"record_every": 3}, {"observe": OWN, "observe_every": 1, "record_at": ()}],
                         ids=["usual", "every 3", "looks"])
def test_divergence_to_the_step(engine: str, options: dict[str, Any]) -> None:
    """The run ends at the last finite step, as one that is asked for so many; where chunks end is nothing."""
    algorithm = ts.Reweighting(lr_share=60.0, clean_batch=2, initial_weight=1.0, weight_lr=1e-9)
    run = ts.simulate(PROBLEM, algorithm, 5000, 3, on_failure="return", **ENGINES[engine] | options)
    assert run.status == "diverged" and run.stopped_at == run.steps + 1 > 3
    assert f"overflow at step {run.stopped_at}" in run.message and "below 2/λ_max" in run.message
    until_then = ts.simulate(PROBLEM, algorithm, run.steps, 3, record_at=run.steps_recorded, **ENGINES[engine])
    for name in ("series", "steps_recorded", "outputs", "weights", "gradients", "coefficients", "network"):
        assert_same(getattr(run, name), getattr(until_then, name), where=name)
    with pytest.raises(ts.DivergenceError):
        ts.simulate(PROBLEM, algorithm, run.stopped_at, 3, **ENGINES[engine])


def test_divergence_at_once() -> None:
    """In the first step, with a mini-batch: g of the record is over all clean samples."""
    algorithm = ts.Reweighting(lr=1e200, weight_lr=0.1, clean_batch=1)
    run = ts.simulate(PROBLEM, algorithm, 10, 3, on_failure="return")
    start = ts.simulate(PROBLEM, algorithm, 0, 3)
    assert (run.steps, run.stopped_at) == (0, 1)
    assert_same(run.gradients, start.gradients)
    assert_same(run.series, start.series)


# --- files ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cautious(ts.Reweighting):
    """A rule with a field of its own."""

    caution: float = 0.0


@dataclass(frozen=True)
class Named(ts.KernelReweighting):
    """A problem with a field of its own."""

    name: str = ""


@engines
@pytest.mark.parametrize("data", [
    ts.SignalNoiseImages(d=4), ts.Digits(3, 8, centre=False),
    ts.LabelledArrays(np.random.default_rng(0).standard_normal((40, 3)), np.tile([1.0, -1.0], 20), centre=True),
], ids=lambda data: type(data).__name__)
def test_files_keep_everything(engine: str, data: Any, tmp_path: Path) -> None:
    """Run, draw, problem and algorithm, subclasses with further fields too; what goes on is the same as well."""
    problem, algorithm = Named(data, 12, 4, test=3, kernel="ntk", name="a"), Cautious(clean_batch=2, caution=0.25)
    run = ts.simulate(problem, algorithm, 20, 3, observe=OWN, observe_every=3, record_every=5, **ENGINES[engine])
    assert run.algorithm.caution == 0.25 and "caution=0.25" in repr(run) and run.problem.name == "a"
    run.save(tmp_path / "run.npz")
    again = load(tmp_path / "run.npz")
    assert isinstance(again, ReweightingRun)
    assert_same(again, run, ())
    assert again.observables.equals(run.observables) and again.stage_times().to_dict() == pytest.approx(
        run.stage_times().to_dict(), nan_ok=True)
    further = {"observe": OWN, "observe_every": 3}
    assert_same(ts.resume(again, 7, **further), ts.resume(run, 7, **further))
    assert not again.weights.flags.writeable


@pytest.mark.parametrize("name", ["reweighting", "arrays"])
def test_files_of_format_2(name: str) -> None:
    """Written before labels' flips had their name of today: equal to a run made now, and go on as that does."""
    rng = np.random.default_rng(0)
    problem = ts.KernelReweighting(ts.SignalNoiseImages(d=4), n=6, clean=4, test=5, kernel="ntk")
    options: dict[str, Any] = {"engine": "network", "width": 8}
    if name == "arrays":
        data = ts.LabelledArrays(rng.standard_normal((20, 3)), np.where(np.arange(20) % 2, 1.0, -1.0))
        problem, options = ts.KernelReweighting(data, n=6, clean=4, test=5), {}
    old = ts.load_run(FILES / f"{name}-2.npz", ReweightingRun)
    new = ts.simulate(problem, ts.Reweighting(), 20, 1, record_at=[3], **options)
    assert_same(old, new, ("timings", "looked", "listed"))  # the format did not say how records were asked for
    assert old.observables.equals(new.observables) and set(old.timings) == {"draw", "solve"}
    assert_same(ts.resume(old.replace(listed=True), 10, record_at=[25]), ts.resume(new, 10, record_at=[25]))


def test_a_draw_of_ones_own(tmp_path: Path) -> None:
    """Goes into files with the run."""
    draw = ReweightingDraw(np.eye(3), np.ones((2, 3)), [1, -1, 1], [1, 1])
    run = ts.simulate(ts.KernelReweighting(ts.SignalNoiseImages(), 3, 2, test=0), ts.Reweighting(), 5, draw=draw)
    run.save(tmp_path / "run.npz")
    assert_same(ts.load_run(tmp_path / "run.npz"), run, ())


# --- records --------------------------------------------------------------------------------------------------------


@engines
def test_records(engine: str) -> None:
    """Every so many steps, chosen ones, or the usual 200 in the logarithm: the same numbers of a step."""
    every = trained(engine, 400, record_every=37)
    assert every.steps_recorded.tolist() == [*range(0, 400, 37), 400] and every.record_every == 37
    usual = trained(engine, 400)
    assert usual.record_every is None and 100 < len(usual.steps_recorded) <= 200
    some = trained(engine, 400, record_at=[5, 111])
    assert some.steps_recorded.tolist() == [0, 5, 111, 400]
    for other in (usual, some):
        assert_same(other.series, every.series)
        assert_same(other.weights[-1], every.weights[-1])
    assert every.record(37) == 1 and every.record() == len(every.steps_recorded) - 1
    with pytest.raises(ValueError, match="record_every=2 and record_at"):
        trained(engine, 3, record_every=2, record_at=[1])


def test_too_many_records() -> None:
    """Says how many are allowed, before any work."""
    with pytest.raises(ValueError, match="record_every=1: would keep 1000001 records"):
        ts.simulate(ts.KernelReweighting(ts.SignalNoiseImages(), 4000, 100), ts.Reweighting(), 10**6, record_every=1)
