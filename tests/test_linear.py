"""Two-layer linear networks: width-free against explicit against loops, initial law, batches, divergence."""

import dataclasses
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import theorysim as ts
from theorysim.linear import (
    LINEAR_OBSERVABLES, LinearDraw, LinearNetwork, LinearRun, LinearSGD, LinearState, LinearTimes, linearised_errors,
)
from theorysim.core.files import save
from theorysim.linear import stages
from theorysim.linear.draw import BLOCK, StepNoise, _triangle
from theorysim.systems import load
from theorysim.linear.watch import MAX_BYTES, RESOLUTION, THINNING, USUAL, grid, record_bytes, usual_records

Array = NDArray[np.float64]


def naive(
    inputs: Array, target: Array, weights: Array, second: Array, chosen: NDArray[np.int64], noise: Array,
    algorithm: LinearSGD,
) -> tuple[Array, Array]:
    """The training by the paper's formulas, gradients of both layers written out; sharpness-aware by two gradients."""
    w, a = weights.copy(), second.copy()

    def gradients(w: Array, a: Array, batch: NDArray[np.int64], eps: Array) -> tuple[Array, Array]:
        of_w, of_a = np.zeros_like(w), np.zeros_like(a)
        for sample, shift in zip(batch, eps, strict=True):
            x = inputs[sample]
            g = a @ w @ x - target @ x - shift
            of_w += g * np.outer(a, x) / batch.size
            of_a += g * (w @ x) / batch.size
        return of_w, of_a

    for batch, eps in zip(chosen, noise, strict=True):
        of_w, of_a = gradients(w, a, batch, eps)
        norm = np.sqrt((of_w**2).sum() + (of_a**2).sum())
        if algorithm.sam_radius and norm > 0:
            step = algorithm.sam_radius / norm
            of_w, of_a = gradients(w + step * of_w, a + step * of_a, batch, eps)
        w, a = w - algorithm.lr * of_w, a - algorithm.lr * of_a
    return w, a


def arrays(problem: LinearNetwork, seed: int) -> tuple[Array, Array, Array, Array]:
    """Inputs, target, W, a."""
    rng = np.random.default_rng(seed)
    target = rng.standard_normal(problem.d)
    return (rng.standard_normal((problem.n, problem.d)), target,
            rng.standard_normal((problem.width, problem.d)) / np.sqrt(problem.d),
            rng.standard_normal(problem.width) / np.sqrt(problem.width))


ALGORITHMS = (
    LinearSGD(1e-3), LinearSGD(1e-3, label_noise=False), LinearSGD(2e-3, batch=5), LinearSGD(5e-3, batch="full"),
    LinearSGD(1e-3, period=30), LinearSGD(1e-3, sam_radius=0.1), LinearSGD(1e-3, label_noise=False, sam_radius=0.3),
    LinearSGD(1e-3, batch=4, sam_radius=0.2), LinearSGD(1e-3, batch="full", sam_radius=0.2),
)
PARTS = [dataclasses.replace(one, sam_terms=terms) for one in ALGORITHMS if one.sam_radius and one.batch != "full"
         for terms in ("shrink", "oscillation")]
SIGMA = 2.0


def given_draw(problem: LinearNetwork, seed: int) -> tuple[LinearDraw, tuple[Array, Array, Array, Array]]:
    """A draw made of arrays, and these."""
    given = arrays(problem, seed)
    return LinearDraw.from_arrays(inputs=given[0], target=given[1], weights=given[2], second_layer=given[3]), given


@pytest.mark.parametrize("shape", [(12, 3, 9), (12, 3, 4), (12, 3, 2), (1, 3, 9), (5, 1, 1), (4, 6, 7)], ids=str)
@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=str)
def test_against_loops(algorithm: LinearSGD, shape: tuple[int, int, int]) -> None:
    """Both engines, from arrays given, against gradients written out; also fewer neurons than d + 1."""
    n, d, m = shape
    problem, steps = LinearNetwork(n, d, m, label_noise_std=SIGMA), 200
    draw, given = given_draw(problem, 1)
    w, a = naive(*given, *StepNoise(problem, algorithm, 7).between(0, steps), algorithm)
    for engine in ("explicit", "width-free"):
        run = ts.simulate(problem, algorithm, steps, 7, engine=engine, draw=draw, neurons=m, record_at=())
        exact = np.column_stack([w, a])
        assert np.abs(run.neurons[-1] - exact).max() <= 1e-11 * np.abs(exact).max()
        assert np.abs(run.second_moments[-1] - exact.T @ exact).max() <= 1e-11 * np.abs(exact.T @ exact).max()


@pytest.mark.parametrize("terms", ["shrink", "oscillation"])
def test_parts_of_a_sharpness_aware_step(terms: str) -> None:
    """Written out from the gradients: W − η((a + κWv)v′ᵀ) with v for v′, or without κ."""
    problem = LinearNetwork(8, 3, 6, label_noise_std=SIGMA)
    algorithm = LinearSGD(2e-3, batch=2, sam_radius=0.3, sam_terms=terms)
    draw, (inputs, target, w, a) = given_draw(problem, 3)
    chosen, noise = StepNoise(problem, algorithm, 0).between(0, 50)
    for batch, eps in zip(chosen, noise, strict=True):
        x = inputs[batch]
        v = ((x @ (w.T @ a - target)) - eps) @ x / 2
        kappa = algorithm.sam_radius / np.sqrt((np.outer(a, v) ** 2).sum() + ((w @ v) ** 2).sum())
        w_up, a_up = w + kappa * np.outer(a, v), a + kappa * (w @ v)
        u = ((x @ (w_up.T @ a_up - target)) - eps) @ x / 2
        first, kept = (v, kappa) if terms == "shrink" else (u, 0.0)
        w, a = (w - algorithm.lr * (np.outer(a, first) + kept * np.outer(w @ v, u)),
                a - algorithm.lr * (w @ first + kept * a * (v @ u)))
    run = ts.simulate(problem, algorithm, 50, 0, draw=draw, neurons=6, record_at=())
    np.testing.assert_allclose(run.neurons[-1], np.column_stack([w, a]), rtol=1e-11, atol=1e-13)


@pytest.mark.compiled
@pytest.mark.parametrize("algorithm", [*ALGORITHMS, *PARTS], ids=str)
def test_width_free_after_many_steps(algorithm: LinearSGD) -> None:
    """10⁵ steps of a network of width 50: every neuron, Q and the losses to 1e-10."""
    problem = LinearNetwork(n=30, d=5, width=50, label_noise_std=SIGMA)
    steps = 100_000
    draw, _ = given_draw(problem, 2)
    free, explicit = (ts.simulate(problem, algorithm, steps, 3, engine=engine, draw=draw, neurons=50)
                      for engine in ("width-free", "explicit"))
    for name in ("neurons", "second_moments"):
        one, other = getattr(free, name), getattr(explicit, name)
        axes = tuple(range(1, one.ndim))
        assert (np.abs(one - other).max(axis=axes) <= 1e-10 * np.abs(other).max(axis=axes)).all(), name
    for column in ("mean_norm_sq", "second_layer", "train_loss", "test_loss", "alignment"):
        np.testing.assert_allclose(free.column(column), explicit.column(column), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(free.leaving, explicit.leaving)


@given(
    n=st.integers(1, 8), d=st.integers(1, 5), m=st.integers(1, 12), lr=st.floats(1e-4, 2e-2), sigma=st.floats(0, 4),
    batch=st.one_of(st.integers(1, 6), st.just("full")), seed=st.integers(0, 100),
    period=st.one_of(st.none(), st.integers(1, 20)), radius=st.sampled_from([0.0, 0.0, 0.1, 1.0]),
    terms=st.sampled_from(["both", "shrink", "oscillation"]),
)
def test_width_free_everywhere(
    n: int, d: int, m: int, lr: float, sigma: float, batch: Any, seed: int, period: int | None, radius: float,
    terms: str,
) -> None:
    """Small networks of any shape, drawn: the two engines agree from the same initial rows, or both diverge."""
    problem = LinearNetwork(n, d, m, label_noise_std=sigma)
    algorithm = LinearSGD(lr, batch=batch, period=period, sam_radius=radius, sam_terms=terms)
    draw, _ = given_draw(problem, seed)
    runs = [ts.simulate(problem, algorithm, 100, seed, engine=engine, draw=draw, on_failure="return", neurons=m)
            for engine in ("width-free", "explicit")]
    assert runs[0].status == runs[1].status
    if runs[0].status == "completed":
        one, other = (run.second_moments for run in runs)
        size = np.abs(other).max(axis=(1, 2), keepdims=True)
        # Rounding is of the size of the start; where the network has shrunk far below it, that is what remains.
        assert (np.abs(one - other) <= 1e-10 * size + 1e-13 * size[0]).all()


@pytest.mark.compiled
@settings(max_examples=settings.default.max_examples // 6)
@given(
    n=st.integers(2, 8), d=st.integers(1, 5), m=st.integers(2, 30), share=st.floats(0.02, 0.5), sigma=st.floats(0, 4),
    batch=st.one_of(st.integers(1, 4), st.just("full")), seed=st.integers(0, 100),
    period=st.one_of(st.none(), st.integers(1, 5000)), radius=st.sampled_from([0.0, 0.0, 0.05]),
    terms=st.sampled_from(["both", "shrink", "oscillation"]),
)
def test_width_free_after_many_steps_everywhere(
    n: int, d: int, m: int, share: float, sigma: float, batch: Any, seed: int, period: int | None, radius: float,
    terms: str,
) -> None:
    """10⁵ steps inside the limit of stability: neurons, Q and losses to 1e-10 of their size.

    Or to ten times what a change of the start in its last digits makes of the explicit network: normalised gradients
    (SAM) that pass zero amplify anything.
    """
    problem = LinearNetwork(n, d, m, label_noise_std=sigma)
    algorithm = LinearSGD(share * problem.largest_stable_lr() / (1 + sigma), batch=batch, period=period,
                          sam_radius=radius, sam_terms=terms)
    draw, given = given_draw(problem, seed)

    def run(engine: str, draw: LinearDraw = draw) -> LinearRun:
        return ts.simulate(problem, algorithm, 100_000, seed, engine=engine, draw=draw, neurons=m,
                           on_failure="return", record_at=range(0, 100_001, 10_000))

    def apart(one: LinearRun, other: LinearRun) -> Array:
        gaps = [np.abs(getattr(one, name) - getattr(other, name)).max(axis=(1, 2))
                / np.abs(getattr(other, name)).max(axis=(1, 2)) for name in ("neurons", "second_moments")]
        for name in ("train_loss", "test_loss"):
            first, second = (made.observables[name].loc[made.steps_recorded].to_numpy() for made in (one, other))
            gaps.append(np.abs(first - second) / (second + 1e-2))
        return np.array(gaps)

    free, explicit = run("width-free"), run("explicit")
    assert free.status == explicit.status == "completed"
    gaps = apart(free, explicit)
    if (gaps > 1e-10).any():
        nudged = LinearDraw.from_arrays(inputs=given[0], target=given[1], weights=given[2] * (1 + 1e-15),
                                        second_layer=given[3])
        assert (gaps <= 1e-10 + 10 * np.maximum.accumulate(apart(run("explicit", nudged), explicit), axis=1)).all()


def test_a_start_without_full_rank() -> None:
    """Neurons that repeat each other and a dead input: no triangle to invert, and none is."""
    rng = np.random.default_rng(0)
    inputs, weights = rng.standard_normal((6, 4)), np.repeat(rng.standard_normal((3, 4)), 3, axis=0)
    inputs[:, 2] = weights[:, 1] = 0.0
    draw = LinearDraw.from_arrays(inputs=inputs, target=np.ones(4), weights=weights, second_layer=np.ones(9) / 9)
    problem = LinearNetwork(6, 4, 9, target=(1.0,) * 4, label_noise_std=1.0)
    free, explicit = (ts.simulate(problem, LinearSGD(1e-2), 500, draw=draw, engine=engine, neurons=9)
                      for engine in ("width-free", "explicit"))
    np.testing.assert_allclose(free.neurons, explicit.neurons, rtol=0, atol=1e-11)


def test_both_engines_draw_the_same_network() -> None:
    """From a seed, as long as neurons are drawn one by one; wider ones have no explicit engine."""
    problem = LinearNetwork(20, 3, 500, label_noise_std=1.0)
    free, explicit = (ts.simulate(problem, LinearSGD(1e-3), 300, 4, engine=engine) for engine in
                      ("width-free", "explicit"))
    np.testing.assert_allclose(free.second_moments, explicit.second_moments, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(free.rows, explicit.rows, rtol=1e-9, atol=1e-9)
    with pytest.raises(ValueError, match="engine='explicit': width=1000000 is too large"):
        ts.simulate(problem.replace(width=10**6), LinearSGD(1e-7), 3, engine="explicit")


@pytest.mark.parametrize("cuts", [(17,), (128, 136), (200, 4097, 5000), (1, 2, 3)])
def test_cut_and_resumed_is_the_same(cuts: tuple[int, ...], tmp_path: Path) -> None:
    """However a run is cut, also across blocks of random numbers, and through a file: all bits."""
    problem, algorithm, steps = LinearNetwork(10, 3, 20, label_noise_std=2.0), LinearSGD(2e-3), BLOCK + 1300
    whole = ts.simulate(problem, algorithm, steps, 5)
    run = ts.simulate(problem, algorithm, cuts[0], 5)
    for start, stop in zip(cuts, (*cuts[1:], steps), strict=True):
        run.save(tmp_path / "run.npz")
        run = ts.resume(ts.load_run(tmp_path / "run.npz"), stop - start)
    for name in ("steps_observed", "rows", "steps_recorded", "states", "leaving", "combination"):
        np.testing.assert_array_equal(getattr(run, name), getattr(whole, name))
    assert (run.problem, run.algorithm, run.status) == (whole.problem, whole.algorithm, whole.status)


def test_random_numbers_depend_on_the_step_alone() -> None:
    """Whatever is recorded."""
    problem, algorithm = LinearNetwork(10, 3, 20, label_noise_std=2.0), LinearSGD(1e-3)
    steps = BLOCK + 300
    one, other = (ts.simulate(problem, algorithm, steps, 5, record_at=at) for at in ((), range(0, steps, 37)))
    np.testing.assert_array_equal(one.states[-1], other.states[-1])
    np.testing.assert_array_equal(one.leaving, other.leaving)
    noise = StepNoise(problem, algorithm, 5)
    for whole, part in zip(noise.between(0, 100), StepNoise(problem, algorithm, 5).between(40, 60), strict=True):
        np.testing.assert_array_equal(whole[40:60], part)


@pytest.mark.parametrize("batch", [1, 40, "full"])
def test_blocks_of_large_batches_are_short(batch: Any) -> None:
    """Memory is bounded; cut anywhere it is the same run, and every step has samples and noise of its own."""
    problem, algorithm = LinearNetwork(3000, 2, 5, label_noise_std=1.0), LinearSGD(1e-3, batch=batch)
    noise = StepNoise(problem, algorithm, 0)
    assert noise.steps_of_block == {1: BLOCK, 40: 1638, "full": 21}[batch]
    blocks = [noise.between(start, noise.end_of_block(start))
              for start in range(0, 3 * noise.steps_of_block, noise.steps_of_block)]
    signs = np.concatenate([eps for _, eps in blocks])
    assert len({row.tobytes() for row in signs}) == len(signs) or batch == 1
    assert abs(signs.mean()) < 5 / signs.size**0.5
    whole = ts.simulate(problem, algorithm, 60, 1)
    part = ts.resume(ts.simulate(problem, algorithm, 25, 1), 35)
    np.testing.assert_array_equal(part.rows, whole.rows)


def pressing(step: int) -> Callable[[Any], float]:
    """An observable that presses Ctrl-C at a step."""
    def press(seen: Any) -> float:
        if seen.step == step:
            signal.raise_signal(signal.SIGINT)
        return 0.0

    return press


def test_interrupted_and_resumed_is_the_same() -> None:
    """Ctrl-C in the midst: the run so far, which goes on to the same numbers."""
    problem, algorithm, steps, at = LinearNetwork(10, 3, 20, label_noise_std=2.0), LinearSGD(2e-3), 4 * BLOCK, 6001
    part = ts.simulate(problem, algorithm, steps, 1, observe={"press": pressing(at)}, record_at=[at])
    assert (part.status, part.steps, part.stopped_at) == ("interrupted", at, at) and "resume()" in part.message
    assert part.steps_observed[-1] == part.steps_recorded[-1] == at
    rest = ts.resume(part, steps - at, observe={"press": pressing(-1)})
    whole = ts.simulate(problem, algorithm, steps, 1, record_at=[at])
    for name in ("rows", "observed_at", "leaving"):
        np.testing.assert_array_equal(getattr(rest, name), getattr(whole, name))
    np.testing.assert_array_equal(rest.states[-1], whole.states[-1])


@pytest.mark.parametrize("seed", range(3))
def test_convergence_time_does_not_depend_on_what_is_recorded(seed: int) -> None:
    """T3, its interval and the floor, whatever other steps have a row; the interval is around it."""
    problem, algorithm = LinearNetwork(50, 4, 20, label_noise_std=4.0), LinearSGD(1.9e-2)
    usual = ts.simulate(problem, algorithm, 3000, seed)
    times, floor = usual.stage_times(), usual.loss_floor()
    assert times.T3_low <= times.T3 <= times.T3_high
    for keywords in ({"record_at": ()}, {"record_every": 7}, {"observe": {"a": lambda seen: 0.0}, "observe_every": 10}):
        other = ts.simulate(problem, algorithm, 3000, seed, **keywords)
        found = other.stage_times()
        assert (found.T3, found.T3_low, found.T3_high, other.loss_floor()) == (
            times.T3, times.T3_low, times.T3_high, floor)
    assert "T3_low" not in times.to_dict() and "two standard errors" in str(times)


def convergence_by_loops(steps: list[int], loss: list[float]) -> list[float]:
    """T3, T3_low and T3_high: sums over the steps of each window, one at a time."""
    stood = [steps[1] - steps[0], *((steps[k + 1] - steps[k - 1]) / 2 for k in range(1, len(steps) - 1)),
             steps[-1] - steps[-2]]

    def mean(start: float, stop: float) -> tuple[float, float]:
        inside = [k for k, step in enumerate(steps) if start <= step <= stop]
        values = [loss[k] for k in inside]
        centre = sum(values) / len(values)
        error = (sum((one - centre) ** 2 for one in values) / (len(values) - 1) / len(values)) ** 0.5 if (
            len(values) > 1) else 0.0
        return sum(loss[k] * stood[k] for k in inside) / sum(stood[k] for k in inside), error

    limit = 2 * mean(0.75 * steps[-1], steps[-1])[0]
    found = []
    for shift in (0, -2, 2):
        above = [k for k, step in enumerate(steps) if 1.1 * step <= steps[-1]
                 and mean(step, 1.1 * step)[0] + shift * mean(step, 1.1 * step)[1] > limit]
        last = max(k for k, step in enumerate(steps) if 1.1 * step <= steps[-1])
        found.append(float(steps[above[-1] + 1]) if above and above[-1] < last else np.nan)
    return found


FALLS: dict[str, Callable[[Any], Any]] = {
    "falls": lambda t: 1 + 9 * np.exp(-t / 40), "rises": lambda t: 3 - 2 * np.exp(-t / 40), "flat": lambda t: 0 * t + 2,
    "rises and falls": lambda t: 1 + 5 * np.exp(-(((t - 90) / 60) ** 2)), "at the end": lambda t: 1.0 + (t > 430),
    "to nothing": lambda t: np.exp(-t / 5.0), "zero": lambda t: 0.0 * t, "still falling": lambda t: 1 / (1 + t),
    "falls late": lambda t: 1 + 9.0 * (t < 444), "peak at the end": lambda t: 1 + 9.0 * (t > 440) * (t < 443),
}


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("kind", FALLS)
def test_convergence_time_by_loops(kind: str, noise: float) -> None:
    """A loss that has come down; one that has not by the end; one that never was above twice its end: NaN."""
    rng = np.random.default_rng(5)
    for steps in (grid(500), np.arange(60), np.array([0, 1, 3, 4, 90, 100])):
        loss = FALLS[kind](steps) * np.exp(noise * rng.standard_normal(len(steps)))
        np.testing.assert_array_equal(stages.convergence_times(steps, loss), convergence_by_loops(
            steps.tolist(), loss.tolist()))
    if not noise:
        settled = stages.convergence_times(grid(500), FALLS[kind](grid(500)))[0]
        assert np.isnan(settled) == (kind in ("rises", "flat", "zero", "falls late", "peak at the end", "at the end"))


def test_until() -> None:
    """The run ends at the first step observed at which the condition holds."""
    problem = LinearNetwork(50, 4, 200, label_noise_std=4.0)
    run = ts.simulate(problem, LinearSGD(2e-3), 100_000, until=lambda seen: seen["mean_norm_sq"] < 0.5)
    below = run.column("mean_norm_sq") < 0.5
    assert (run.status, run.stopped_at) == ("stopped", run.steps) and below[-1] and not below[:-1].any()


def test_until_is_given_arrays() -> None:
    """Of every step observed, recorded ones and those of own observables among them, with these as columns."""
    problem, seen_at = LinearNetwork(10, 3, 20, label_noise_std=2.0), set()

    def until(seen: Mapping[str, Array]) -> NDArray[np.bool_]:
        assert all(values.shape == seen["step"].shape for values in seen.values())
        assert set(seen) == {"step", "norm", *LINEAR_OBSERVABLES}
        seen_at.update(int(step) for step in seen["step"])
        return np.asarray((seen["step"] >= 600) & (seen["norm"] > 0))

    run = ts.simulate(problem, LinearSGD(2e-3), 2000, record_at=[313], until=until, observe_every=150,
                      observe={"norm": lambda seen: float(np.linalg.norm(seen.error))})
    assert seen_at == set(run.steps_observed.tolist()) == {*grid(600).tolist(), *range(0, 601, 150), 313}
    assert (run.status, run.steps, run.steps_recorded.tolist()) == ("stopped", 600, [0, 313, 600])
    np.testing.assert_allclose(run.column("norm")[-1] ** 2 / 2, run.column("test_loss")[-1], rtol=1e-12)
    with pytest.raises(ValueError, match="until: must return a boolean array"):
        ts.simulate(problem, LinearSGD(2e-3), 10, until=lambda _seen: True)


OWN = {
    "trace": lambda seen: float(np.trace(seen.second_moment[:-1, :-1])) / seen.problem.width,
    "norm_sq": lambda seen: seen.mean_norm_sq, "neuron": lambda seen: seen.neurons[0, 0],
    "second": lambda seen: float(seen.second_layer @ seen.second_layer),
    "first": lambda seen: float((seen.first_layer**2).sum()), "at": lambda seen: float(seen.step),
}


@pytest.mark.parametrize("engine", ["width-free", "explicit"])
def test_own_observables_of_the_state(engine: Any) -> None:
    """At the recorded steps: what the run says of itself; elsewhere NaN; every public name has a word of its own."""
    problem = LinearNetwork(10, 3, 20, label_noise_std=2.0)
    run = ts.simulate(problem, LinearSGD(2e-3), 500, 2, engine=engine, observe=OWN, record_at=[3, 7, 333])
    looked = np.isin(run.steps_observed, run.steps_recorded)
    for name, expected in {"norm_sq": "mean_norm_sq", "trace": "mean_norm_sq", "second": "second_layer"}.items():
        np.testing.assert_allclose(run.column(name)[looked], run.column(expected)[looked], rtol=1e-12)
    np.testing.assert_allclose(run.column("first")[looked], 20 * run.column("norm_sq")[looked], rtol=1e-12)
    np.testing.assert_array_equal(run.column("at")[looked], run.steps_recorded)
    np.testing.assert_allclose(run.column("neuron")[looked], run.neurons[:, 0, 0], rtol=1e-12)
    assert all(np.isnan(run.column(name)[~looked]).all() for name in OWN)
    plain = ts.simulate(problem, LinearSGD(2e-3), 500, 2, engine=engine, record_at=[3, 7, 333])
    np.testing.assert_array_equal(run.rows, plain.rows)
    assert all(value.__doc__ for value in vars(LinearState).values() if isinstance(value, property))


@pytest.mark.parametrize("options", [{}, {"record_every": 7}, {"record_every": 50}], ids=str)
@pytest.mark.parametrize("every", [None, 10, 150])
@pytest.mark.parametrize("cut", [64, 128, 145, 150, 300, 307, 350, 333])
def test_own_observables_resumed(cut: int, every: int | None, options: dict[str, Any]) -> None:
    """As in one run, wherever it is cut: rows, records, NaN and times of leaving."""
    problem, algorithm = LinearNetwork(10, 3, 40, label_noise_std=4.0), LinearSGD(4e-3)
    own: dict[str, Any] = {"observe": OWN, "observe_every": every}
    whole = ts.simulate(problem, algorithm, 700, 2, **own, **options)
    part = ts.simulate(problem, algorithm, cut, 2, **own, **options)
    run = ts.resume(part, 700 - cut, **own)
    for name in ("steps_observed", "rows", "steps_recorded", "states", "leaving", "record_every"):
        np.testing.assert_array_equal(getattr(run, name), getattr(whole, name))
    for name in OWN:
        np.testing.assert_array_equal(run.column(name), whole.column(name))
    plain = ts.simulate(problem, algorithm, 700, 2)
    np.testing.assert_array_equal(run.leaving, plain.leaving)
    with pytest.raises(ValueError, match="observe=None: the run has observables of your own, trace"):
        ts.resume(part, 3)


def test_record_every() -> None:
    """Multiples and both ends; a row each; a run that goes on keeps the spacing."""
    problem = LinearNetwork(10, 3, 20, label_noise_std=2.0)
    run = ts.simulate(problem, LinearSGD(2e-3), 1234, 1, record_every=100)
    assert run.steps_recorded.tolist() == [*range(0, 1201, 100), 1234] and run.record_every == 100
    assert set(run.steps_recorded) <= set(run.steps_observed)
    longer = ts.resume(run, 100)
    assert longer.steps_recorded.tolist() == [*range(0, 1301, 100), 1334]
    usual = ts.simulate(problem, LinearSGD(2e-3), 1234, 1)
    assert usual.record_every is None and usual.steps_recorded[:-1].tolist() == grid(1233)[::THINNING].tolist()
    with pytest.raises(ValueError, match="record_every=1: would keep"):
        ts.simulate(LinearNetwork(10, 100, 200), LinearSGD(1e-4), 10**6, record_every=1)


def test_usual_records_of_large_networks_fit() -> None:
    """However many steps: fewer records of many inputs, and the same whether or not the run goes on."""
    for d in (5, 600, 700, 3000):
        problem = LinearNetwork(5, d, 10**6)
        steps = usual_records(10**9, problem)
        assert len(steps) < USUAL and len(steps) * record_bytes(problem) <= MAX_BYTES
        np.testing.assert_array_equal(usual_records(10**6, problem), steps[steps <= 10**6])


def test_law_of_a_wide_start() -> None:
    """Q(0) of a network drawn through its moment is that of m explicit Gaussian rows."""
    problem, count = LinearNetwork(n=2, d=3, width=40), 600
    scale = np.array([1, 1, 1, 0]) / np.sqrt(3) + np.array([0, 0, 0, 1]) / np.sqrt(40)
    moments = {"explicit": np.empty((count, 4, 4)), "triangle": np.empty((count, 4, 4))}
    for seed in range(count):
        rows = LinearDraw.from_problem(problem, seed).factor
        wide = _triangle(np.random.default_rng(seed), 4, 40) * scale
        moments["explicit"][seed], moments["triangle"][seed] = rows.T @ rows, wide.T @ wide
    for statistic in (np.mean, np.var):
        one, other = (statistic(values, axis=0) for values in moments.values())
        spread = np.sqrt(sum(_variance(values, statistic) for values in moments.values()) / count)
        assert (np.abs(one - other) < 4.5 * spread + 1e-12).all(), statistic


def _variance(values: Array, statistic: Any) -> Array:
    centred = values - values.mean(axis=0)
    result: Array = centred.var(axis=0) if statistic is np.mean else (centred**2).var(axis=0)
    return result


def test_neurons_followed_are_part_of_the_network() -> None:
    """At any width the sampled rows are explicit ones, and their second moment is below the whole's."""
    problem = LinearNetwork(n=20, d=4, width=10**9, label_noise_std=4.0)
    run = ts.simulate(problem, LinearSGD(1e-10), 500, neurons=30)
    assert run.neurons.shape[1:] == (30, 5)
    rest = run.second_moments - np.einsum("tki,tkj->tij", run.neurons, run.neurons)
    assert (np.linalg.eigvalsh(rest) > 0).all()
    assert run.column("mean_norm_sq")[0] == pytest.approx(1.0, abs=1e-3)


def test_observables_are_those_of_the_weights() -> None:
    """Every column, from the explicit neurons at recorded steps."""
    problem, algorithm = LinearNetwork(15, 3, 40, label_noise_std=3.0), LinearSGD(5e-3, batch=2)
    run = ts.simulate(problem, algorithm, 150, 2, engine="explicit", neurons=40, record_at=range(151))
    noise = StepNoise(problem, algorithm, 2)
    gone = np.zeros(40, dtype=bool)
    x, target = run.draw.inputs, run.draw.target
    for step, rows in enumerate(run.neurons):
        w, a = rows[:, :3], rows[:, 3]
        error = w.T @ a - target
        cosines = [abs(wi @ target) / np.sqrt((wi @ wi) * (target @ target)) for wi in w]
        gone |= np.sqrt(40) * np.linalg.norm(w - run.neurons[0][:, :3], axis=1) > 1
        chosen, eps = (one[0] for one in noise.between(step, step + 1))
        v = sum((error @ x[b] - e) * x[b] for b, e in zip(chosen, eps, strict=True)) / 2
        change = [(a[i] ** 2) * (v @ v) - (w[i] @ v) ** 2 for i in range(40)]
        expected = {
            "mean_norm_sq": (w**2).sum() / 40, "second_layer": a @ a,
            "train_loss": np.mean([0.5 * (error @ xi) ** 2 for xi in x]), "test_loss": 0.5 * error @ error,
            "alignment": ((w @ target) ** 2).sum() / (target @ target) / (w**2).sum(),
            "cosine_mean": np.mean(cosines), "cosine_median": np.median(cosines), "cosine_min": min(cosines),
            "share_left": gone.mean(), "share_shrinking": np.mean([one <= 0 for one in change]),
            "share_shrinking_fast": np.mean([one <= -(3.0 / 4) ** 2 for one in change]),
            "parameter_error": sum(one**2 for one in error) ** 0.5,
            "share_outside": np.mean([40 * sum((wi - start) ** 2) > 1 for wi, start in
                                      zip(w, run.neurons[0][:, :3], strict=True)]),
            "largest_norm": max(np.sqrt(wi @ wi) for wi in w), "largest_second": max(abs(a)),
            "inner_product_mean": np.mean([abs(wi @ target) for wi in w]),
            "cosine_min_large": min(one for one, wi in zip(cosines, w, strict=True) if wi @ wi >= 5e-3),
        }
        assert list(expected) == list(LINEAR_OBSERVABLES)
        np.testing.assert_allclose(run.observables.loc[step], list(expected.values()), rtol=1e-10, atol=1e-12)
        after = run.neurons[step + 1] if step < 150 else None
        if after is not None:  # ‖w_i‖² − a_i² changes by η²Δ_i (balance)
            balance = (w**2).sum(axis=1) - a**2
            later = (after[:, :3] ** 2).sum(axis=1) - after[:, 3] ** 2
            np.testing.assert_allclose(later - balance, algorithm.lr**2 * np.array(change), rtol=1e-6, atol=1e-13)


def test_times() -> None:
    """From the run's own series, written out."""
    problem = LinearNetwork(50, 4, 200, label_noise_std=4.0)
    run = ts.simulate(problem, LinearSGD(2e-3), 200_000, 1, neurons=200)
    times, seen = run.stage_times(), run.observables
    left = np.sort(run.leaving)
    assert (times.T1_first, times.T1_half, times.T1_all) == (left[0], left[99], left[-1])
    assert times.T1_all == seen.index[seen["share_left"] == 1][0]
    assert times.T2_half == seen.index[seen["alignment"] >= 0.5][0] < times.T2_most
    assert times.T3 < 150_000 and run.mean_loss(times.T3, 1.1 * times.T3) <= 2 * run.loss_floor()
    before = int(seen.index[seen.index < times.T3][-1])
    assert run.mean_loss(before, 1.1 * before) > 2 * run.loss_floor()
    assert all(run.mean_loss(step, 1.1 * step) <= 2 * run.loss_floor() for step in seen.index
               if times.T3 <= step and 1.1 * step <= run.steps)
    assert 1 / RESOLUTION <= times.resolution < 2 / RESOLUTION
    short = ts.simulate(problem, LinearSGD(2e-3), 10, 1).stage_times()
    assert np.isnan([short.T1_all, short.T2_half]).all() and short.resolution == 0
    assert np.isnan(ts.simulate(problem, LinearSGD(2e-3), 10, neurons=0).stage_times().T1_first)


def test_divergence_names_the_limit() -> None:
    """A step beyond 2.5/m, and one well below; raised or returned."""
    problem = LinearNetwork(n=50, d=10, width=1000, label_noise_std=4.0)
    with pytest.raises(ts.DivergenceError, match="lower lr .now 0.005. below 2d/..d.2.m. = 0.00167") as caught:
        ts.simulate(problem, LinearSGD(5e-3), 20_000)
    run = ts.simulate(problem, LinearSGD(5e-3), 20_000, on_failure="return")
    np.testing.assert_array_equal(caught.value.run.rows, run.rows)
    assert run.status == "diverged" and run.stopped_at is not None and run.steps < run.stopped_at
    assert np.isfinite(run.second_moments).all() and len(run.steps_recorded) == len(run.states)
    assert run.steps_recorded[-1] == run.steps
    with pytest.raises(ValueError, match="run has status .*overflows at step"):
        ts.resume(run, 5)
    assert ts.simulate(problem, LinearSGD(5e-4), 5000).status == "completed"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("algorithm", [LinearSGD(0.1), LinearSGD(0.2, batch=3), LinearSGD(0.1, sam_radius=0.3)],
                         ids=str)
def test_divergence_at_its_very_step(algorithm: LinearSGD, seed: int) -> None:
    """As in a run that is looked at after every step: last finite step, message, row and record.

    Late in a run, where some 70 steps are made at a time; so the learning rate jumps there.
    """
    problem, calm = LinearNetwork(n=20, d=4, width=30, label_noise_std=2.0), 9000
    run = ts.simulate(problem, LinearSGD(1e-4), calm, seed, record_at=()).replace(algorithm=algorithm)
    one, single = (ts.resume(run, 5000, on_failure="return", **options)
                   for options in ({"record_at": ()}, {"record_every": 1}))
    assert one.status == single.status == "diverged" and one.steps > calm + 2
    assert one.stopped_at == one.steps + 1 and one.steps not in grid(calm + 5000)
    assert (one.steps, one.stopped_at, one.message) == (single.steps, single.stopped_at, single.message)
    assert f"overflows at step {one.stopped_at};" in one.message
    assert one.steps_observed[-1] == one.steps_recorded[-1] == one.steps
    np.testing.assert_array_equal(one.states[-1], single.states[-1])
    np.testing.assert_array_equal(one.rows[-1], single.rows[-1])
    assert np.abs(one.states[-1]).max() < 1e30 and np.isfinite(one.rows[-1]).all()
    before = ts.resume(run, one.steps - calm)
    assert before.status == "completed"
    with pytest.raises(ts.DivergenceError, match=f"at step {one.stopped_at}"):
        ts.resume(before, 1)


@dataclasses.dataclass(frozen=True)
class MarkedSGD(LinearSGD):
    """An algorithm with a field more."""

    mark: float = 0.5


@dataclasses.dataclass(frozen=True)
class MarkedNetwork(LinearNetwork):
    """A problem with a field more."""

    remark: str = "none"


@pytest.mark.parametrize("problem", [
    LinearNetwork(10, 3, 20, label_noise_std=2.0), LinearNetwork(10, 3, 10**6, target=(1.0, 2.0, -1.0)),
    MarkedNetwork(10, 3, 20, remark="mine")], ids=str)
@pytest.mark.parametrize("algorithm", [LinearSGD(1e-6, batch="full", period=9), MarkedSGD(1e-6, mark=0.25)], ids=str)
def test_saved_and_loaded(problem: LinearNetwork, algorithm: LinearSGD, tmp_path: Path) -> None:
    """All fields, those of subclasses too; the loaded run goes on as the one in memory."""
    path = tmp_path / "run.npz"
    run = ts.simulate(problem, algorithm, 200, 1, observe=OWN, neurons=7)
    run.save(path)
    loaded = ts.load_run(path, LinearRun)
    assert_same_run(loaded, run)
    assert type(loaded.problem) is type(problem) and type(loaded.algorithm) is type(algorithm)
    assert_same_run(ts.resume(loaded, 30, observe=OWN), ts.resume(run, 30, observe=OWN))
    assert ("period=9" if algorithm.period else "mark=0.25") in repr(loaded)
    for value in (problem, algorithm):
        save(value, path)
        assert load(path) == value
    save(run.draw, path)
    drawn = load(path)
    assert isinstance(drawn, LinearDraw) and drawn.fingerprint == run.draw.fingerprint


def assert_same_run(one: LinearRun, other: LinearRun) -> None:
    """Every field but the seconds."""
    for field in dataclasses.fields(LinearRun):
        first, second = getattr(one, field.name), getattr(other, field.name)
        if field.name == "draw":
            for name in ("inputs", "target", "factor", "neurons"):
                np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
        elif field.name != "timings":
            np.testing.assert_equal(first, second)


def test_files_of_the_former_format() -> None:
    """Load as what they were saved from."""
    loaded = ts.load_run(Path(__file__).parent / "files" / "linear-2.npz", LinearRun)
    fresh = ts.simulate(LinearNetwork(n=5, d=3, width=8, label_noise_std=2.0), LinearSGD(2e-3), 30, 1)
    assert_same_run(loaded, without_later(fresh, 0))
    assert_same_run(ts.resume(loaded, 50), without_later(ts.resume(fresh, 50), 30))


def without_later(run: LinearRun, start: int) -> LinearRun:
    """A run as of a file that has none of the observables added since, up to a row; all rows for 0."""
    rows = run.rows.copy()
    rows[: start or None, list(run.columns).index("parameter_error"):] = np.nan
    return run.replace(rows=rows)


@pytest.mark.compiled
def test_figure_2() -> None:
    """The paper's setting: the neurons shrink, then align; without label noise they stay (5 seeds)."""
    problem = LinearNetwork(n=200, d=20, width=1000, label_noise_std=4.0)
    looks = (0, 20_000, 100_000, 300_000, 1_000_000)
    noisy = [ts.simulate(problem, LinearSGD(1e-3), looks[-1], seed, record_at=looks, neurons=1000)
             for seed in range(5)]
    norms = np.array([run.observables.loc[list(looks), "mean_norm_sq"] for run in noisy])
    np.testing.assert_allclose(norms.mean(axis=0), [1, 0.59, 0.16, 0.020, 0.0044], rtol=0.1)
    cosines = np.array([run.observables.loc[list(looks), "cosine_mean"] for run in noisy])
    np.testing.assert_allclose(cosines.mean(axis=0), [0.17, 0.17, 0.18, 0.37, 0.86], rtol=0.1)
    times = [run.stage_times() for run in noisy]
    for name, value in (("T1_all", 4e3), ("T2_half", 4.8e5), ("T2_most", 9.1e5)):
        found = [getattr(one, name) for one in times]
        assert min(found) <= value * 1.05 and max(found) >= value * 0.95, name
    lazy = ts.simulate(problem, LinearSGD(1e-3, label_noise=False), 100_000)
    assert lazy.column("mean_norm_sq")[-1] > 0.95 and np.isnan(lazy.stage_times().T1_all)


def test_target_given() -> None:
    """θ* itself: its norm follows, and neither contradicts the other."""
    problem = LinearNetwork(5, 2, 10, target=[3.0, 4.0])
    assert problem.target == (3.0, 4.0) and problem.target_norm == 5.0
    run = ts.simulate(problem, LinearSGD(1e-3), 3)
    np.testing.assert_array_equal(run.draw.target, [3.0, 4.0])
    assert problem.replace(target_norm=2.0).target is None
    assert problem.replace(n=7).target == (3.0, 4.0)
    with pytest.raises(ValueError, match="target_norm=2.0: give target or target_norm"):
        LinearNetwork(5, 2, 10, target_norm=2.0, target=(3.0, 4.0))


def test_sweep() -> None:
    """Rows are the runs made alone; fields of problem and algorithm; times, observables, statements, functions."""
    problem = LinearNetwork(20, 3, 50, label_noise_std=2.0)
    measures = ["test_loss", "alignment", "T1_all", "T3", "zhang2026.theorem_2", deepest]
    frame = ts.sweep(problem, grid={"width": [50, 10**6], "lr": [1e-4, 1e-3]}, steps=300, seeds=2, measure=measures,
                     algorithms={"noise": LinearSGD(1.0), "none": LinearSGD(1.0, label_noise=False)}, workers=2)
    assert len(frame) == 16
    for row in frame.itertuples():
        run = ts.simulate(problem.replace(width=row.width), LinearSGD(row.lr, label_noise=row.algorithm == "noise"),
                          300, row.draw_seed, on_failure="return", record_at=None)
        assert row.status == run.status == ("diverged" if row.width * row.lr > 10 else "completed")
        if run.status == "completed":
            assert (row.test_loss, row.deepest) == (run.column("test_loss")[-1], deepest(run))
            np.testing.assert_equal(row.T1_all, run.stage_times().T1_all)
            assert row.label_noise == (row.algorithm == "noise") and row.label_noise_std == 2.0
    assert {"n", "d", "target_norm", "batch", "sam_radius"} <= set(frame.columns)
    verdicts = set(frame["zhang2026.theorem_2"].dropna())
    assert "does not apply" in verdicts and verdicts <= {"does not apply", "outside regime", "not reached"}
    usual = ts.sweep(problem, grid={}, algorithms={"a": LinearSGD(1e-3)}, steps=3, seeds=1)
    assert {"test_loss", "alignment"} <= set(usual.columns)
    for bad, message in (({"grid": {"snr": [1]}}, "'snr' is not a field"),
                         ({"measure": "T2"}, "measure='T2': must be one of test_loss_floor, T1_first"),
                         ({"algorithms": {"a": ts.GradientDescent(1.0)}}, "must be a LinearSGD"),
                         ({"algorithms": {"a": (LinearSGD(1e-3), ts.EarlyStopping(ts.AtStep(1)))}}, "has no policies"),
                         ({"precision": "single"}, "precision='single': a LinearNetwork is simulated in 'double'")):
        with pytest.raises((ValueError, TypeError), match=message):
            ts.sweep(problem, **({"grid": {}, "algorithms": {"a": LinearSGD(1e-3)}, "steps": 3} | bad))


def deepest(run: LinearRun) -> float:
    """A measure of one's own."""
    return float(run.column("mean_norm_sq").min())


def test_check_and_plot() -> None:
    """The same verbs as for the patch network."""
    problem = LinearNetwork(20, 3, 50, label_noise_std=2.0)
    runs = [ts.simulate(problem, LinearSGD(1e-3), 300, seed) for seed in range(3)]
    report = ts.check(runs)
    assert report.paper == "zhang2026" and report["zhang2026.condition_1.rate"].verdict == "outside regime"
    with pytest.raises(ValueError, match="paper='huang2025': says nothing of a LinearRun; must be one of 'zhang2026'"):
        ts.check(runs, "huang2025")
    with pytest.raises(ValueError, match="the draw of seed 0 occurs twice"):
        ts.check([runs[0], runs[0]])
    panels = ts.plot.dynamics({"label noise": runs, "one": runs[0]})
    assert [axis.get_xlabel() for axis in panels] == ["step (updates)"] * 3
    assert all(axis.get_ylabel() for axis in panels) and len(panels[1].get_lines()) == 2
    axis = ts.plot.neurons(runs[0], [0, 300])
    assert len(axis.get_lines()) == 2 and "cos" in axis.get_ylabel()
    with pytest.raises(ValueError, match="axes: must be 3 Axes, got 1"):
        ts.plot.two_phases(runs[0], [axis])
    plt.close("all")


@pytest.mark.parametrize(("call", "message"), [
    (lambda: LinearNetwork(0, 2, 5), "n=0"), (lambda: LinearNetwork(2, 3, 0), "width=0"),
    (lambda: LinearNetwork(2, 3, 5, -1.0), "target_norm=-1.0"),
    (lambda: LinearNetwork(2, 3, 5, target=(1.0,)), r"target: has shape \(1,\), must have shape \(3,\)"),
    (lambda: LinearNetwork(2, 3, 5, label_noise_std=-1.0), "label_noise_std=-1.0"),
    (lambda: LinearSGD(0.0), "lr=0.0"), (lambda: LinearSGD(0.1, batch=0), "batch=0"),
    (lambda: LinearSGD(0.1, batch="all"), "batch='all'"), (lambda: LinearSGD(0.1, period=0), "period=0"),
    (lambda: LinearSGD(0.1, sam_terms="none"), "sam_terms='none'"),
    (lambda: LinearSGD(0.1, optimizer="adam"), "optimizer='adam': divides every entry .* must be 'sgd'"),
    (lambda: LinearSGD(0.1, optimizer="sign-sgd"), "optimizer='sign-sgd': takes the sign of every entry"),
    (lambda: LinearSGD(0.1, optimizer="lion"), "optimizer='lion': must be one of 'sgd'"),
    (lambda: ts.simulate(LinearNetwork(2, 2, 4), LinearSGD(0.1), -1), "steps=-1"),
    (lambda: ts.simulate(LinearNetwork(2, 2, 4), LinearSGD(0.1), 1, engine="weights"), "engine='weights'"),
    (lambda: ts.simulate(LinearNetwork(2, 2, 4), LinearSGD(0.1), 1, neurons=5), "neurons=5"),
    (lambda: ts.simulate(LinearNetwork(2, 2, 4), LinearSGD(0.1), 1, record_at=[2]), "record_at=2"),
    (lambda: ts.simulate(LinearNetwork(2, 2, 4), LinearSGD(0.1), 1, on_failure="no"), "on_failure='no'"),
    (lambda: ts.simulate(LinearNetwork(2, 2, 4), LinearSGD(0.1), 1, draw=given_draw(LinearNetwork(2, 2, 5), 0)[0]),
     r"draw: has \(n, d, width\) = \(2, 2, 5\), must have \(2, 2, 4\)"),
    (lambda: ts.simulate(LinearNetwork(2, 2, 4), ts.GradientDescent(0.1), 1), "must be a LinearSGD"),
    (lambda: ts.simulate(3, LinearSGD(0.1), 1), "problem=3: must be a SignalNoise or PatchData or PatchModel or Mea"),
    (lambda: ts.simulate(LinearNetwork(2, 2, 4), LinearSGD(0.1), 1, record_at=3), "record_at=3"),
    (lambda: ts.resume(3, 4), "run=3: must be a .*LinearRun or OscillationRun"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_bad_input(call: Any, message: str) -> None:
    """Names the argument and its value."""
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_run_in_a_notebook_and_on_a_line() -> None:
    """Says what it is."""
    run = ts.simulate(LinearNetwork(5, 2, 10), LinearSGD(1e-3), 10)
    assert "LinearRun completed at step 10" in repr(run) and "alignment" in run._repr_html_()
    times = run.stage_times()
    assert "T2_most" in times._repr_html_() and "resolution = " in str(times)
    assert isinstance(times, LinearTimes) and "resolution" not in times.to_dict() and np.isnan(times["T1_all"])
    assert list(run.observables.columns) == list(LINEAR_OBSERVABLES)


# --- small and aligned starts: Phase II of Zhang et al. 2026 -------------------------------------------------------

DESCENT = LinearSGD(1e-3, batch="full", label_noise=False)
SMALL = 1e-3**0.5


@pytest.mark.parametrize("kind", ["small", "aligned"])
@pytest.mark.parametrize(("d", "m"), [(1, 7), (4, 3), (4, 60), (20, 32)])
def test_small_starts(kind: str, d: int, m: int) -> None:
    """Within the size, along the target if aligned; data and target are those of the seed, and seeds differ."""
    problem = LinearNetwork(30, d, m, target_norm=2.0)
    draws = [getattr(LinearDraw, kind)(problem, 0.3, seed) for seed in (0, 0, 1)]
    weights, second = draws[0].factor[:, :-1], draws[0].factor[:, -1]
    lengths = np.linalg.norm(weights, axis=1)
    assert lengths.max() <= 0.3 * (1 + 1e-12) and np.abs(second).max() <= 0.3 and lengths.max() > 0.15
    assert draws[0].neurons == m and draws[0].fingerprint == draws[1].fingerprint != draws[2].fingerprint
    usual = LinearDraw.from_problem(problem, 0)
    np.testing.assert_array_equal(draws[0].inputs, usual.inputs)
    np.testing.assert_array_equal(draws[0].target, usual.target)
    if kind == "aligned":
        np.testing.assert_allclose(np.abs(weights @ usual.target), 2 * lengths, rtol=1e-12)
        assert m < 20 or len(set(np.sign(weights @ usual.target))) == 2
    white = draws[0].whitened()
    np.testing.assert_allclose(white.inputs.T @ white.inputs / 30, np.eye(d), atol=1e-12)
    np.testing.assert_array_equal(white.factor, draws[0].factor)


def test_the_ball_is_filled_evenly() -> None:
    """‖w_i‖^d is uniform, directions have mean 0, a_i is uniform."""
    draw = LinearDraw.small(LinearNetwork(2, 3, 20_000), 0.5)
    weights, second = draw.factor[:, :-1], draw.factor[:, -1]
    share = np.sort((np.linalg.norm(weights, axis=1) / 0.5) ** 3)
    assert np.abs(share - np.arange(20_000) / 20_000).max() < 1.7 / 20_000**0.5
    assert np.abs(np.sort(second) - np.linspace(-0.5, 0.5, 20_000)).max() < 1.7 / 20_000**0.5
    assert np.abs(weights.mean(axis=0)).max() < 5 * 0.5 / (5 * 20_000) ** 0.5


@pytest.mark.compiled
@pytest.mark.parametrize("whitened", [False, True])
@pytest.mark.parametrize("kind", ["small", "aligned"])
@pytest.mark.parametrize("m", [12, 90])
def test_descent_from_small_starts(kind: str, m: int, whitened: bool) -> None:
    """Free of the width, the network itself, and plain gradient descent written out: all neurons to 1e-10."""
    problem, steps = LinearNetwork(15, 4, m, label_noise_std=2.0), 3000
    draw = getattr(LinearDraw, kind)(problem, SMALL, 5)
    draw = draw.whitened() if whitened else draw
    free, explicit = (ts.simulate(problem, LinearSGD(5e-3, batch="full", label_noise=False), steps, 5, engine=engine,
                                  draw=draw, neurons=m, record_at=[100, 1000]) for engine in ("width-free", "explicit"))
    w, a = draw.factor[:, :-1].copy(), draw.factor[:, -1].copy()
    gram = draw.inputs.T @ draw.inputs / 15
    for _ in range(steps):
        v = gram @ (w.T @ a - draw.target)
        w, a = w - 5e-3 * np.outer(a, v), a - 5e-3 * w @ v
    exact = np.column_stack([w, a])
    assert np.abs(exact).max() > 5 * SMALL, "they have grown"
    for run in (free, explicit):
        assert np.abs(run.neurons[-1] - exact).max() <= 1e-10 * np.abs(exact).max()
    known = ~np.isnan(explicit.rows)
    np.testing.assert_allclose(free.rows[known], explicit.rows[known], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: LinearDraw.small(LinearNetwork(2, 2, 4), 0.0), "size=0.0"),
    (lambda: LinearDraw.aligned(LinearNetwork(2, 2, 4), -1.0), "size=-1.0"),
    (lambda: LinearDraw.small(LinearNetwork(2, 2, 10**6), 0.1), "problem.width=1000000: must be such that"),
    (lambda: LinearDraw.aligned(LinearNetwork(2, 2, 4, 0.0), 0.1), "problem.target_norm=0.0: must be positive"),
    (lambda: LinearDraw.small(LinearNetwork(2, 3, 4), 0.1).whitened(), "2 of them do not span all 3 dimensions"),
    (lambda: LinearDraw.small(LinearSGD(0.1), 0.1), "problem=LinearSGD"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_bad_starts(call: Any, message: str) -> None:
    """Names the argument and its value."""
    with pytest.raises((ValueError, TypeError), match=message):
        call()


@pytest.mark.parametrize("batch", [1, 3, "full"])
def test_linearised_model(batch: Any) -> None:
    """It is what a network of vanishing learning rate per neuron does: the wider the closer; SAM has none."""
    apart = []
    for m in (100, 10_000):
        problem = LinearNetwork(20, 3, m, label_noise_std=0.5)
        run = ts.simulate(problem, LinearSGD(0.02 / m**0.5 / 10, batch=batch), 5000 if m > 100 else 500, 2,
                          record_at=[100, 200])
        steps = [100, 200, run.steps]
        errors = linearised_errors(run, steps)
        losses = [run.observables["test_loss"].loc[step] for step in steps]
        apart.append(np.abs((errors**2).sum(axis=1) / 2 / losses - 1).max())
        np.testing.assert_array_equal(linearised_errors(run, [200]), errors[1:2])
    assert apart[1] < apart[0] / 2 < 0.1
    with pytest.raises(ValueError, match=r"sam_radius=0.1: must be 0"):
        linearised_errors(run.replace(algorithm=LinearSGD(1e-3, sam_radius=0.1)), [1])
