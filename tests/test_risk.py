"""Test errors against brute force: fresh samples as explicit vectors, scored in plain NumPy."""

from collections.abc import Callable
from typing import Any

import naive
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, binomtest

import theorysim as ts
from theorysim import risk
from theorysim.run import At

Array = NDArray[np.float64]
SAMPLES = 200_000
ALGORITHM = ts.GradientDescent(0.3)


def trained(steps: int = 40, seed: int = 1, draw: str = "vectors", **fields: Any) -> ts.Run:
    """A small run that makes errors, some but not on half of the samples."""
    default: dict[str, Any] = {"n": 8, "d": 12, "m": 2, "signal_norm": 0.6, "noise_std": 0.5, "init_std": 0.3, "q": 2}
    return ts.simulate(ts.SignalNoise(**default | fields), ALGORITHM, steps, seed, draw=draw, record_every=20)


def brute_force(run: ts.Run, tau: tuple[float, float] = (0.0, 0.0), *, at: At = "end") -> tuple[float, float]:
    """Share of wrong answers on fresh (yμ, ξ), against labels flipped with the rates τ, and its standard error.

    In the coordinates of the draw: fresh noise has a standard Gaussian in each, whatever their number.
    """
    problem, weights, rng = run.problem, run.weights_at(at), np.random.default_rng(12345)
    assert isinstance(problem, ts.SignalNoise)
    mu = run.draw.vectors[0, : weights.shape[1] - bool(problem.bias)]
    xi = problem.noise_std * rng.standard_normal((SAMPLES, mu.size))
    if problem.orthogonal_noise:
        xi[:, 0] = 0.0  # drawn problems have their signal along the first axis
        assert not mu[1:].any()
    if problem.bias:
        mu_of = {y: np.append(y * mu, problem.bias) for y in (1, -1)}
        xi = np.pad(xi, ((0, 0), (0, 1)), constant_values=problem.bias)
    else:
        mu_of = {y: y * mu for y in (1, -1)}
    branches = weights.reshape(2, run.draw.m, -1)
    noise = sum(j / run.draw.m * np.maximum(xi @ w, 0.0) ** problem.q
                for j, branch in zip(naive.BRANCHES, branches, strict=True) for w in branch)
    wrong = np.zeros(SAMPLES)
    for y, rate in zip((1, -1), tau, strict=True):
        label = np.where(rng.random(SAMPLES) < rate, -y, y)
        wrong += (label * (noise + naive.output(branches, mu_of[y][None], problem.q)) <= 0) / 2
    return float(wrong.mean()), float(wrong.std() / np.sqrt(SAMPLES))


def assert_agree(found: risk.Estimate, wanted: tuple[float, float]) -> None:
    """Two independent Monte Carlo values within 4 standard errors of their difference."""
    value, deviation = wanted
    own = (found.high - found.low) / (2 * 1.96)
    assert abs(found.value - value) < 4 * np.hypot(deviation, own)
    assert found.low <= found.value <= found.high


SETTINGS: dict[str, dict[str, Any]] = {
    **{f"bias {bias}, q={q}": {"bias": bias, "q": q} for bias in (0.5, -1.0) for q in (1, 2, 2.5)},
    "bias, noise in all directions": {"bias": 0.8, "orthogonal_noise": False},
    "bias, noise in all directions, q=1": {"bias": -0.8, "orthogonal_noise": False, "q": 1},
    "uniform": {"init_law": "uniform"},
    "uniform, noise in all directions": {"init_law": "uniform", "orthogonal_noise": False, "q": 3},
    "uniform with bias": {"init_law": "uniform", "bias": 0.7, "q": 1},
    "Wishart with bias": {"bias": 0.7, "draw": "wishart", "d": 40, "signal_norm": 1.0},
    "Wishart with bias, noise in all directions": {"bias": -0.7, "draw": "wishart", "d": 40, "orthogonal_noise": False},
    "little signal": {"bias": 0.5, "signal_norm": 0.01},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_error_is_that_of_fresh_samples(name: str) -> None:
    """At the start, in between and at the end, with a bias or uniform weights."""
    run = trained(**SETTINGS[name])
    for at in (0, 20, 40):
        assert_agree(run.test_error(at, n_test=SAMPLES), brute_force(run, at=at))
    assert 0.02 < run.test_error().value < 0.6


def test_the_bias_matters() -> None:
    """The comparison can fail: error at a bias is not that of the same weights without."""
    run = trained(bias=-1.0)
    value, deviation = brute_force(run)
    weights = run.draw.with_weights(run.weights_at().reshape(2, 2, -1) * np.append(np.ones(12), 0.0))
    other = ts.simulate(run.problem, ALGORITHM, 0, draw=weights).test_error(n_test=SAMPLES)
    assert abs(other.value - value) > 20 * deviation


def test_error_without_signal_is_one_half() -> None:
    """Then the two labels have one output, and exactly one of them fails on every draw."""
    error = trained(bias=0.5, signal_norm=0.0).test_error(n_test=1000)
    assert error.value == error.low == 0.5
    assert error.high == pytest.approx(0.5 + binomtest(0, 1000).proportion_ci().high / 2, abs=1e-12)


RATES = [(0.2, 0.2), (0.7, 0.7), (1.0, 1.0), (0.05, 0.35), (0.35, 0.05), (0.0, 1.0), (0.9, 0.1), (0.5, 0.0)]


@pytest.mark.parametrize("bias", [0.0, 0.6])
@pytest.mark.parametrize("tau", RATES)
def test_error_against_observed_labels(tau: tuple[float, float], bias: float) -> None:
    """Test labels flipped with equal rates or with the rate of each class, on a run that errs more on one of them."""
    run = trained(seed=6, label_flip=tau, bias=bias)
    assert_agree(run.test_error(n_test=SAMPLES, labels="observed"), brute_force(run, tau))
    assert_agree(run.test_error(n_test=SAMPLES), brute_force(run))


def test_rates_of_the_classes_are_told_apart() -> None:
    """The comparison can fail: exchanged rates give another error."""
    run = trained(seed=6, label_flip=(0.05, 0.35), bias=0.6)
    (right, deviation), (wrong, _) = brute_force(run, (0.05, 0.35)), brute_force(run, (0.35, 0.05))
    assert abs(right - wrong) > 20 * deviation


@pytest.mark.parametrize("rate", [0.0, (0.0, 0.0)])
def test_labels_never_flipped_are_the_true_ones(rate: float | tuple[float, float]) -> None:
    """In every digit."""
    run = trained(label_flip=rate, bias=0.5)
    assert run.test_error(n_test=5000, labels="observed") == run.test_error(n_test=5000)


def test_labels_that_say_nothing() -> None:
    """Flipped with probability 1/2 they are wrong on one half, and that is certain."""
    error = trained(label_flip=0.5).test_error(n_test=500, labels="observed")
    assert (error.value, error.low, error.high) == (0.5, 0.5, 0.5)


# --- intervals ----------------------------------------------------------------------------------------------------

N_TEST, REPEATS = 50, 400
# Misses out of 400 at a coverage of 95%: more of them have a probability below 1e-4.
MOST_MISSES = int(binom.ppf(1 - 1e-4, REPEATS, 0.05))


def against_the_signal() -> ts.Run:
    """A network turned against the signal, which errs on more than half."""
    run = trained(0, bias=0.3)
    push = np.array([-0.3, 0.3])[:, None, None] * run.draw.vectors[0] * np.append(np.ones(12), 0.0)
    return ts.simulate(run.problem, ALGORITHM, 0, draw=run.draw.with_weights(run.draw.weights.reshape(2, 2, -1) + push))


COVERED: dict[str, tuple[Callable[[], ts.Run], str]] = {
    "one fails": (lambda: trained(bias=0.5), "true"),
    "both fail": (against_the_signal, "true"),
    "few errors": (lambda: trained(signal_norm=1.2, steps=100), "true"),
    "equal rates": (lambda: trained(label_flip=0.2, bias=0.5), "observed"),
    "mostly flipped": (lambda: trained(label_flip=0.9), "observed"),
    "two rates": (lambda: trained(label_flip=(0.1, 0.4), bias=0.5), "observed"),
    "two rates, mostly flipped": (lambda: trained(label_flip=(0.9, 0.6)), "observed"),
}


@pytest.mark.compiled
@pytest.mark.parametrize("name", COVERED)
def test_coverage(name: str) -> None:
    """Few draws, many times: the interval holds the value of very many draws at least 95 times out of 100."""
    make, labels = COVERED[name]
    run = make()
    truth = run.test_error(n_test=1_000_000, seed=10**6, labels=labels).value
    found = [run.test_error(n_test=N_TEST, seed=seed, labels=labels) for seed in range(REPEATS)]
    misses = sum(not one.low <= truth <= one.high for one in found)
    assert misses <= MOST_MISSES
    assert 0.0 < truth < 1.0
    assert np.mean([one.value for one in found]) == pytest.approx(truth, abs=4 * 0.5 / np.sqrt(N_TEST * REPEATS))


@pytest.mark.parametrize("name", ["one fails", "both fail", "few errors"])
def test_interval_is_that_of_one_binomial(name: str) -> None:
    """Half of it, from 0 or from 1/2 on."""
    make, _ = COVERED[name]
    error, base = make().test_error(n_test=2000), 0.5 if name == "both fail" else 0.0
    exact = binomtest(round(2 * (error.value - base) * 2000), 2000).proportion_ci(0.95, method="exact")
    np.testing.assert_allclose([error.low, error.high], base + np.array([exact.low, exact.high]) / 2, atol=1e-10)


@pytest.mark.parametrize("tau", [(0.0, 0.5), (0.5, 0.0)])
def test_interval_of_two_rates_is_made_of_one_for_each_class(tau: tuple[float, float]) -> None:
    """Where one class is certain to be at 1/2, what remains is the other's interval of 97.5%."""
    run, n = trained(label_flip=tau, bias=0.5), 2000
    error = run.test_error(n_test=n, labels="observed")
    exact = binomtest(round((2 * error.value - 0.5) * n), n).proportion_ci(0.975, method="exact")
    np.testing.assert_allclose([error.low, error.high], (0.5 + np.array([exact.low, exact.high])) / 2, atol=1e-10)


# --- draws of the noise -------------------------------------------------------------------------------------------


def outputs(run: ts.Run, n_test: int, seed: int | None = None) -> Array:
    """h(z) on every draw of the noise."""
    return np.concatenate(list(risk._noise_outputs(run, "end", n_test, seed)))


def test_more_draws_begin_with_the_same() -> None:
    """Whatever n_test is, on either side of the ends of a block; rounding may differ, as products are split."""
    run = trained(bias=0.5)
    longest = outputs(run, 25_000)
    for n_test in (1, 2_001, 9_999, 10_000, 10_001, 20_000, 24_999):
        found = outputs(run, n_test)
        assert found.shape == (n_test,)
        np.testing.assert_allclose(found, longest[:n_test], rtol=0, atol=1e-12)


def test_every_draw_is_another() -> None:
    """Blocks do not repeat, nor do seeds; the run's own seed is the default."""
    run = trained(orthogonal_noise=False)
    drawn, other = outputs(run, 25_000), outputs(run, 5_000, seed=2)
    drawn, other = drawn[drawn != 0.0], other[other != 0.0]  # it is 0 where no filter is active
    assert drawn.size > 20_000 and np.unique(drawn).size == drawn.size
    assert other.size > 4_000 and not np.isin(other, drawn).any()
    np.testing.assert_array_equal(outputs(run, 5_000), outputs(run, 5_000, seed=run.seed))


def test_blocks_kept_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither being kept, nor being found again, nor other runs of the same seed in between."""
    run, wider = trained(bias=0.5), trained(m=3)
    risk._kept.cache_clear()
    first = [outputs(run, 12_000), outputs(wider, 12_000)]
    assert risk._kept.cache_info().currsize == 4
    again = [outputs(run, 12_000), outputs(wider, 12_000)]
    assert risk._kept.cache_info().hits == 4
    monkeypatch.setattr(risk, "KEPT_BYTES", 0)
    anew = [outputs(run, 12_000), outputs(wider, 12_000)]
    assert risk._kept.cache_info().hits == 4
    for one, two, three in zip(first, again, anew, strict=True):
        np.testing.assert_array_equal(two, one)
        np.testing.assert_array_equal(three, one)


def test_large_blocks_are_not_kept() -> None:
    """Those of very wide networks would fill the memory."""
    risk._kept.cache_clear()
    trained(0, m=60).test_error(n_test=10_000)
    assert risk._kept.cache_info().currsize == 0


def test_curve_is_made_of_test_errors() -> None:
    """At the recorded steps, with a bias too."""
    run = trained(bias=0.5)
    curve = run.test_accuracy_curve(n_test=1000)
    assert list(curve.index) == [0, 20, 40]
    for step in (0, 20, 40):
        error = run.test_error(step, n_test=1000)
        np.testing.assert_array_equal(curve.loc[step], [1 - error.value, 1 - error.high, 1 - error.low])
