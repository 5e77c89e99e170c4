"""Two-layer linear networks: width-free against explicit against loops, initial law, batches, divergence."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from theorysim.linear import LinearNetwork, LinearRun, LinearSGD, simulate_linear
from theorysim.linear.simulate import BLOCK, _initial, _random

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
    LinearSGD(1e-3, 4.0), LinearSGD(1e-3), LinearSGD(2e-3, 2.0, batch=5), LinearSGD(5e-3, 1.0, batch="full"),
    LinearSGD(1e-3, 4.0, period=30), LinearSGD(1e-3, 1.0, sam_radius=0.1), LinearSGD(1e-3, 0.0, sam_radius=0.3),
)


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=str)
def test_against_loops(algorithm: LinearSGD) -> None:
    """Both engines, from arrays given, against gradients written out."""
    problem, steps = LinearNetwork(n=12, d=3, width=9), 200
    given_arrays = arrays(problem, 1)
    w, a = naive(*given_arrays, *_random(problem, algorithm, 7, 0, steps), algorithm)
    for engine in ("explicit", "width-free"):
        run = simulate_linear(problem, algorithm, steps, 7, engine=engine, arrays=given_arrays, neurons=9, record_at=())
        exact = np.column_stack([w, a])
        assert np.abs(run.neurons[-1] - exact).max() <= 1e-11 * np.abs(exact).max()
        assert np.abs(run.second_moments[-1] - exact.T @ exact).max() <= 1e-11 * np.abs(exact.T @ exact).max()


@pytest.mark.compiled
@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=str)
def test_width_free_after_many_steps(algorithm: LinearSGD) -> None:
    """10⁵ steps of a network of width 50: every neuron, Q and the losses to 1e-10."""
    problem, steps = LinearNetwork(n=30, d=5, width=50), 100_000
    given_arrays = arrays(problem, 2)
    free, explicit = (
        simulate_linear(problem, algorithm, steps, 3, engine=engine, arrays=given_arrays, neurons=50)
        for engine in ("width-free", "explicit")
    )
    for name in ("neurons", "second_moments"):
        one, other = getattr(free, name), getattr(explicit, name)
        axes = tuple(range(1, one.ndim))
        assert (np.abs(one - other).max(axis=axes) <= 1e-10 * np.abs(other).max(axis=axes)).all(), name
    for column in free.observables:
        np.testing.assert_allclose(free.observables[column], explicit.observables[column], rtol=1e-9, atol=1e-12)


@given(
    n=st.integers(1, 8), d=st.integers(1, 5), extra=st.integers(1, 10), lr=st.floats(1e-4, 2e-2),
    sigma=st.floats(0, 4), batch=st.one_of(st.integers(1, 6), st.just("full")), seed=st.integers(0, 100),
    period=st.one_of(st.none(), st.integers(1, 20)),
)
def test_width_free_everywhere(
    n: int, d: int, extra: int, lr: float, sigma: float, batch: Any, seed: int, period: int | None
) -> None:
    """Small networks of any shape, drawn: the two engines agree from the same initial rows."""
    problem, algorithm = LinearNetwork(n, d, d + extra), LinearSGD(lr, sigma, batch=batch, period=period)
    given_arrays = arrays(problem, seed)
    runs = [simulate_linear(problem, algorithm, 100, seed, engine=engine, arrays=given_arrays)
            for engine in ("width-free", "explicit")]
    if all(run.status == "completed" for run in runs):
        one, other = (run.second_moments for run in runs)
        condition = np.linalg.cond(other[0])
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-13 * condition * np.abs(other).max())


def test_random_numbers_depend_on_the_step_alone() -> None:
    """However a run is cut, also across blocks of random numbers."""
    problem, algorithm = LinearNetwork(n=10, d=3, width=20), LinearSGD(1e-3, 2.0)
    steps = BLOCK + 300
    one, other = (simulate_linear(problem, algorithm, steps, 5, record_at=at) for at in ((), range(0, steps, 37)))
    np.testing.assert_array_equal(one.second_moments[-1], other.second_moments[-1])
    whole = _random(problem, algorithm, 5, 0, 100)
    part = _random(problem, algorithm, 5, 40, 60)
    np.testing.assert_array_equal(whole[0][40:60], part[0])
    np.testing.assert_array_equal(whole[1][40:60], part[1])


def test_law_of_a_wide_start() -> None:
    """Q(0) of the width-free draw has the moments of m explicit Gaussian rows."""
    problem = LinearNetwork(n=2, d=3, width=40)
    moments = {engine: np.array([_moment(problem, seed, engine) for seed in range(600)])
               for engine in ("width-free", "explicit")}
    for statistic in (np.mean, np.var):
        one, other = (statistic(moments[engine], axis=0) for engine in moments)
        spread = np.sqrt(sum(_variance(values, statistic) for values in moments.values()) / 600)
        assert (np.abs(one - other) < 4.5 * spread + 1e-12).all(), statistic


def _moment(problem: LinearNetwork, seed: int, engine: str) -> Array:
    rows = _initial(problem, seed + (10_000 if engine == "explicit" else 0), engine, 5, None)[2]
    return rows.T @ rows


def _variance(values: Array, statistic: Any) -> Array:
    centred = values - values.mean(axis=0)
    result: Array = centred.var(axis=0) if statistic is np.mean else (centred**2).var(axis=0)
    return result


def test_neurons_followed_are_part_of_the_network() -> None:
    """At any width the sampled rows are explicit ones, and their second moment is below the whole's."""
    run = simulate_linear(LinearNetwork(n=20, d=4, width=10**9), LinearSGD(1e-10, 4.0), 500, neurons=30)
    assert run.neurons.shape[1:] == (30, 5)
    rest = run.second_moments - np.einsum("tki,tkj->tij", run.neurons, run.neurons)
    assert (np.linalg.eigvalsh(rest) > 0).all()
    assert run.observables["mean_norm_sq"].iloc[0] == pytest.approx(1.0, abs=1e-3)


def test_divergence_names_the_limit() -> None:
    """A step beyond 2.5/m, and one well below."""
    problem = LinearNetwork(n=50, d=10, width=1000)
    run = simulate_linear(problem, LinearSGD(5e-3, 4.0), 20_000)
    assert run.status == "diverged" and f"{problem.largest_stable_lr():.3g}" in run.message
    assert np.isfinite(run.second_moments).all()
    assert simulate_linear(problem, LinearSGD(5e-4, 4.0), 20_000).status == "completed"


@pytest.mark.compiled
def test_figure_2() -> None:
    """The paper's setting: the neurons shrink, then align; without label noise they stay (5 seeds)."""
    problem = LinearNetwork(n=200, d=20, width=1000)
    noisy = [simulate_linear(problem, LinearSGD(1e-3, 4.0), 1_000_000, seed, record_at=(20_000, 100_000, 300_000))
             for seed in range(5)]
    norms = np.array([run.observables["mean_norm_sq"] for run in noisy])
    np.testing.assert_allclose(norms.mean(axis=0), [1, 0.59, 0.16, 0.020, 0.0044], rtol=0.1)
    cosines = np.array([np.abs(run.cosines).mean(axis=1) for run in noisy])
    assert (cosines[:, :3] < 0.25).all() and (cosines[:, -1] > 0.7).all()
    assert all(run.observables["alignment"].iloc[-1] > 0.8 for run in noisy)
    lazy = simulate_linear(problem, LinearSGD(1e-3), 100_000, 0)
    assert lazy.observables["mean_norm_sq"].iloc[-1] > 0.95 and np.isnan(lazy.leaving_times()["all"])


@pytest.mark.parametrize(("call", "message"), [
    (lambda: LinearNetwork(0, 2, 5), "n=0"), (lambda: LinearNetwork(2, 3, 3), "width=3"),
    (lambda: LinearNetwork(2, 3, 5, -1.0), "target_norm=-1.0"), (lambda: LinearSGD(0.0), "lr=0.0"),
    (lambda: LinearSGD(0.1, -1.0), "label_noise_std=-1.0"), (lambda: LinearSGD(0.1, batch=0), "batch=0"),
    (lambda: LinearSGD(0.1, batch="all"), "batch='all'"), (lambda: LinearSGD(0.1, period=0), "period=0"),
    (lambda: LinearSGD(0.1, batch=2, sam_radius=0.1), "batch=2"),
    (lambda: simulate_linear(LinearNetwork(2, 2, 4), LinearSGD(0.1), -1), "steps=-1"),
    (lambda: simulate_linear(LinearNetwork(2, 2, 4), LinearSGD(0.1), 1, engine="weights"), "engine='weights'"),
    (lambda: simulate_linear(LinearNetwork(2, 2, 4), LinearSGD(0.1), 1, neurons=5), "neurons=5"),
    (lambda: simulate_linear(LinearNetwork(2, 2, 4), LinearSGD(0.1), 1, record_at=[2]), "record_at=2"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_bad_input(call: Any, message: str) -> None:
    """Names the argument and its value."""
    with pytest.raises(ValueError, match=message):
        call()


def test_run_in_a_notebook_and_on_a_line() -> None:
    """Says what it is."""
    run: LinearRun = simulate_linear(LinearNetwork(5, 2, 10), LinearSGD(1e-3), 10)
    assert "LinearRun completed at step 10" in repr(run) and "alignment" in run._repr_html_()
