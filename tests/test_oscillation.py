"""The second layer's oscillation alone: recursion of expectations and chains, against loops and the common loop."""

import dataclasses
import itertools
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import theorysim as ts
from theorysim.core.seeds import Stream, generator
from theorysim.linear import LinearDraw, LinearNetwork
from theorysim.oscillation import OscillatingLayer, OscillationRun, OscillationState
from theorysim.oscillation.picture import norm_curves
from theorysim.oscillation.stepper import BLOCK

Array = NDArray[np.float64]
PROBLEM = LinearNetwork(20, 4, 15, target_norm=2.0)
LAYERS = (OscillatingLayer(0.02), OscillatingLayer(0.02, chains=3))


def given_draw(problem: LinearNetwork, seed: int) -> tuple[LinearDraw, tuple[Array, Array, Array]]:
    """A draw made of arrays, and these: inputs, target, W."""
    rng = np.random.default_rng(seed)
    target = rng.standard_normal(problem.d)
    inputs, weights = rng.standard_normal((problem.n, problem.d)), rng.standard_normal((problem.width, problem.d))
    draw = LinearDraw.from_arrays(inputs=inputs, target=target, weights=weights, second_layer=np.ones(problem.width))
    return draw, (inputs, target, weights)


@given(n=st.integers(1, 6), d=st.integers(1, 4), m=st.integers(1, 6), seed=st.integers(0, 50))
def test_oscillation_closes_in_expectation(n: int, d: int, m: int, seed: int) -> None:
    """The recursion is the mean over all signs of two steps of the paper's chain, written out."""
    problem, lr, steps = LinearNetwork(n, d, m), 0.05, 2
    draw, (inputs, target, weights) = given_draw(problem, seed)
    gram, size = inputs.T @ inputs / n, lr**0.25
    total, count = 0.0, 0
    for signs in itertools.product([-1.0, 1.0], repeat=m):  # neurons of the first group move first
        w = weights.copy()
        for step in range(steps):
            a = np.where(np.arange(m) % 2 == step % 2, size * np.array(signs), 0.0)
            w = w - lr * np.outer(a, gram @ (w.T @ a - target))
        total, count = total + (w**2).sum() / m, count + 1
    run = ts.simulate(problem, OscillatingLayer(lr), steps, draw=draw)
    assert run.norms[-1, 0] == pytest.approx(total / count, rel=1e-12)


def test_a_chain_is_the_paper_s() -> None:
    """One simulation of the three-state chain, written out with the signs that it drew."""
    problem, lr = LinearNetwork(6, 3, 5), 0.05
    draw, (inputs, target, w) = given_draw(problem, 4)
    signs = 2.0 * generator(9, Stream.LINEAR_CHAIN, 0, 0).integers(0, 2, size=(1024, 5)) - 1.0
    for step in range(7):
        a = np.where(np.arange(5) % 2 == step % 2, lr**0.25 * signs[step], 0.0)
        w = w - lr * np.outer(a, inputs.T @ (inputs @ (w.T @ a - target)) / 6)
    run = ts.simulate(problem, OscillatingLayer(lr, chains=1), 7, 9, draw=draw, record_at=())
    assert run.norms[-1, 0] == pytest.approx((w**2).sum() / 5, rel=1e-12)


@pytest.mark.compiled
def test_oscillation_by_chains() -> None:
    """Means of many chains are within their errors of the recursion; the chains are the same however recorded."""
    problem = LinearNetwork(50, 5, 40, target_norm=3.0)
    mean = ts.simulate(problem, OscillatingLayer(0.01), 3000, record_at=range(0, 3001, 500))
    many = ts.simulate(problem, OscillatingLayer(0.01, chains=60), 3000, record_at=range(0, 3001, 500))
    off = (many.observables["mean_norm_sq"] - mean.observables["mean_norm_sq"]) / many.observables["standard_error"]
    assert (np.abs(off.iloc[1:]) < 4).all() and mean.norms[-1, 0] < 0.7 * mean.norms[0, 0]
    few = ts.simulate(problem, OscillatingLayer(0.01, chains=2), 3000, record_at=())
    np.testing.assert_array_equal(few.norms[-1], many.norms[-1, :2])
    assert "OscillationRun completed" in repr(few) and "mean_norm_sq" in few._repr_html_()
    far = ts.simulate(problem, OscillatingLayer(30.0), 3000, on_failure="return")
    assert far.status == "diverged" and "lower lr (now 30)" in far.message and np.isfinite(far.norms).all()


def assert_same_run(one: OscillationRun, other: OscillationRun) -> None:
    """All that was seen, and where the run can go on."""
    for name in ("problem", "algorithm", "seed", "status", "message", "stopped_at", "steps_recorded", "record_every",
                 "norms", "last", "rows", "observed_at", "own"):
        np.testing.assert_equal(getattr(one, name), getattr(other, name))


def first_norm(seen: Any) -> float:
    """An observable of one's own."""
    return float(seen.norms[0])


@pytest.mark.parametrize("options", [
    {}, {"record_every": 50}, {"observe": {"first": first_norm}},
    {"observe": {"first": first_norm}, "observe_every": 25}], ids=" ".join)
@pytest.mark.parametrize("cuts", [(17,), (128, 136), (150, BLOCK, BLOCK + 1), (1, 2, 3)])
@pytest.mark.parametrize("algorithm", LAYERS, ids=str)
def test_cut_and_resumed_is_the_same(
    algorithm: OscillatingLayer, cuts: tuple[int, ...], options: dict[str, Any], tmp_path: Path
) -> None:
    """However a run is cut, also across blocks of signs, and through a file: all bits."""
    steps = BLOCK + 200
    whole, run = (ts.simulate(PROBLEM, algorithm, count, 5, **options) for count in (steps, cuts[0]))
    further = {name: value for name, value in options.items() if name != "record_every"}
    for start, stop in zip(cuts, (*cuts[1:], steps), strict=True):
        run.save(tmp_path / "run.npz")
        run = ts.resume(ts.load_run(tmp_path / "run.npz", OscillationRun), stop - start, **further)
    assert_same_run(run, whole)


@pytest.mark.parametrize("algorithm", LAYERS, ids=str)
def test_interrupted_and_resumed_is_the_same(algorithm: OscillatingLayer) -> None:
    """Ctrl-C keeps what there is, which goes on to the same numbers."""
    def press(seen: OscillationState) -> float:
        if seen.step == 500:
            signal.raise_signal(signal.SIGINT)
        return seen.mean_norm_sq

    part = ts.simulate(PROBLEM, algorithm, 2000, 1, observe={"norm": press}, observe_every=100)
    assert (part.status, part.steps, part.stopped_at) == ("interrupted", 500, 500) and "resume()" in part.message
    looked = part.steps_observed % 100 == 0
    np.testing.assert_allclose(part.column("norm")[looked], part.column("mean_norm_sq")[looked], rtol=1e-14)
    run = ts.resume(part, 1500, observe={"norm": lambda seen: seen.mean_norm_sq}, observe_every=100)
    whole = ts.simulate(PROBLEM, algorithm, 2000, 1, observe={"norm": lambda seen: seen.mean_norm_sq},
                        observe_every=100)
    assert_same_run(run, whole)


@pytest.mark.parametrize("algorithm", LAYERS, ids=str)
def test_until(algorithm: OscillatingLayer) -> None:
    """The run ends at the first step observed at which the condition holds; it is given arrays."""
    def until(seen: Mapping[str, Array]) -> NDArray[np.bool_]:
        assert set(seen) == {"step", "mean_norm_sq", "standard_error"} and seen["step"].ndim == 1
        return np.asarray(seen["mean_norm_sq"] < 0.8)

    run = ts.simulate(PROBLEM, algorithm, 5000, 1, until=until)
    below = run.column("mean_norm_sq") < 0.8
    assert (run.status, run.stopped_at) == ("stopped", run.steps) and below[-1] and not below[:-1].any()
    straight = ts.simulate(PROBLEM, algorithm, run.steps, 1)
    np.testing.assert_array_equal(run.norms, straight.norms)
    np.testing.assert_array_equal(run.last, straight.last)


@pytest.mark.parametrize("chains", [0, 1, 4])
@pytest.mark.parametrize("lr", [0.9, 2.0, 30.0])
def test_divergence_at_its_very_step(lr: float, chains: int) -> None:
    """As in a run that is looked at after every step; raised or returned."""
    algorithm = OscillatingLayer(lr, chains)
    run, single = (ts.simulate(PROBLEM, algorithm, 50_000, 2, on_failure="return", **options)
                   for options in ({"record_at": ()}, {"record_every": 1}))
    assert run.status == single.status == "diverged" and run.stopped_at == run.steps + 1
    assert (run.steps, run.stopped_at, run.message) == (single.steps, single.stopped_at, single.message)
    assert f"overflow at step {run.stopped_at}; lower lr (now {lr:g})" in run.message
    assert run.steps_observed[-1] == run.steps_recorded[-1] == run.steps
    np.testing.assert_array_equal(run.norms[-1], single.norms[-1])
    np.testing.assert_array_equal(run.last, single.last)
    assert np.isfinite(single.norms).all() and (np.isfinite(single.column("standard_error")) == (chains > 1)).all()
    with pytest.raises(ts.DivergenceError, match="lower lr"):
        ts.simulate(PROBLEM, algorithm, 50_000, 2)
    with pytest.raises(ValueError, match="run has status 'diverged'|run has status <Status"):
        ts.resume(run, 5)


def test_state() -> None:
    """What observables of one's own are given: moments or weights, and norms."""
    seen: dict[int, list[OscillationState]] = {0: [], 3: []}
    for algorithm in LAYERS:
        keep = seen[algorithm.chains]
        run = ts.simulate(PROBLEM, algorithm, 100, observe={"kept": lambda state, keep=keep: float(len(keep.append(
            state) or keep))}, observe_every=20)
        assert [state.step for state in keep] == list(range(0, 101, 20))
        np.testing.assert_array_equal(run.column("kept")[run.steps_observed % 20 == 0], range(1, 7))
        assert all(state.mean_norm_sq == pytest.approx(run.observables["mean_norm_sq"].loc[state.step], rel=1e-14)
                   for state in keep)
    for state in seen[0]:
        assert state.weights is None and state.moments is not None and state.moments.shape == (2, 4, 4)
        assert np.trace(state.moments.sum(axis=0)) / 15 == pytest.approx(state.norms[0], rel=1e-12)
    for state in seen[3]:
        assert state.moments is None and state.weights is not None and state.weights.shape == (3, 15, 4)
        np.testing.assert_allclose((state.weights**2).sum(axis=(1, 2)) / 15, state.norms, rtol=1e-12)


def test_times_and_picture() -> None:
    """When the neurons have shrunk; a curve for each run."""
    run = ts.simulate(LinearNetwork(50, 3, 30), OscillatingLayer(0.05), 3000)
    frame = run.observables
    assert run.stage_times()["shrunk"] == frame.index[frame["mean_norm_sq"] <= 0.05**0.5][0]
    begun = ts.simulate(LinearNetwork(50, 3, 30), OscillatingLayer(0.05, 2), 5)
    assert np.isnan(begun.stage_times().shrunk) and "shrunk = nan" in str(begun.stage_times())
    panels = norm_curves({"expected": run, "chains": [begun, begun]})
    assert len(panels) == 1 and panels[0].get_xlabel() == "step (updates)" and "tr A/m" in panels[0].get_ylabel()
    assert [text.get_text() for text in panels[0].get_legend().get_texts()] == ["expected", "chains (2 runs)"]
    with pytest.raises(ValueError, match="axes: must be 1 Axes, got 2"):
        norm_curves(run, [panels[0], panels[0]])
    plt.close("all")


@dataclasses.dataclass(frozen=True)
class MarkedLayer(OscillatingLayer):
    """An algorithm with a field more."""

    mark: str = "none"


def test_a_field_more(tmp_path: Path) -> None:
    """Of a subclass: kept in files, in the run's line, and when it goes on."""
    run = ts.simulate(PROBLEM, MarkedLayer(0.02, mark="mine"), 30)
    run.save(tmp_path / "run.npz")
    loaded = ts.load_run(tmp_path / "run.npz", OscillationRun)
    assert loaded.algorithm == MarkedLayer(0.02, mark="mine") == ts.resume(loaded, 5).algorithm
    assert "mark='mine'" in repr(loaded)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: OscillatingLayer(0.1, -1), "chains=-1"), (lambda: OscillatingLayer(0.0), "lr=0.0"),
    (lambda: ts.simulate(LinearNetwork(2, 2, 10**6), OscillatingLayer(0.1), 3), "problem.width=1000000"),
    (lambda: ts.simulate(PROBLEM, OscillatingLayer(0.1), 3, engine="explicit"), "engine='explicit'"),
    (lambda: ts.simulate(PROBLEM, OscillatingLayer(0.1), 3, neurons=3), "neurons=3: simulate.. has no such keyword"),
    (lambda: ts.simulate(PROBLEM, OscillatingLayer(0.1), 3, observe={"standard_error": len}), "'standard_error' is a"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_bad_input(call: Any, message: str) -> None:
    """Names the argument and its value."""
    with pytest.raises((ValueError, TypeError), match=message):
        call()
