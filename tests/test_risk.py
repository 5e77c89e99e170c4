"""Test errors against brute force: fresh samples as explicit vectors, scored in plain NumPy."""

from collections.abc import Callable
from typing import Any

import naive
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, binomtest

import theorysim as ts
from theorysim.patch import risk
from theorysim.patch.risk import sampling
from theorysim.core.run import At

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
    other = ts.simulate(run.problem, ALGORITHM, 0, draw=weights).test_error(method="monte-carlo", n_test=SAMPLES)
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
    truth = run.test_error(method="monte-carlo", n_test=1_000_000, seed=10**6, labels=labels).value
    found = [run.test_error(method="monte-carlo", n_test=N_TEST, seed=seed, labels=labels) for seed in range(REPEATS)]
    misses = sum(not one.low <= truth <= one.high for one in found)
    assert misses <= MOST_MISSES
    assert 0.0 < truth < 1.0
    assert np.mean([one.value for one in found]) == pytest.approx(truth, abs=4 * 0.5 / np.sqrt(N_TEST * REPEATS))


@pytest.mark.parametrize("name", ["one fails", "both fail", "few errors"])
def test_interval_is_that_of_one_binomial(name: str) -> None:
    """Half of it, from 0 or from 1/2 on."""
    make, _ = COVERED[name]
    error, base = make().test_error(method="monte-carlo", n_test=2000), 0.5 if name == "both fail" else 0.0
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
    law = sampling.reduced(run)
    return np.concatenate(list(sampling.noise_outputs(law, n_test, run.seed if seed is None else seed)))


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
    sampling._kept.cache_clear()
    first = [outputs(run, 12_000), outputs(wider, 12_000)]
    assert sampling._kept.cache_info().currsize == 4
    again = [outputs(run, 12_000), outputs(wider, 12_000)]
    assert sampling._kept.cache_info().hits == 4
    monkeypatch.setattr(sampling, "KEPT_BYTES", 0)
    anew = [outputs(run, 12_000), outputs(wider, 12_000)]
    assert sampling._kept.cache_info().hits == 4
    for one, two, three in zip(first, again, anew, strict=True):
        np.testing.assert_array_equal(two, one)
        np.testing.assert_array_equal(three, one)


def test_large_blocks_are_not_kept() -> None:
    """Those of very wide networks would fill the memory."""
    sampling._kept.cache_clear()
    trained(0, m=60).test_error(method="monte-carlo", n_test=10_000)
    assert sampling._kept.cache_info().currsize == 0


def test_curve_is_made_of_test_errors() -> None:
    """At the recorded steps, with a bias too."""
    run = trained(bias=0.5)
    curve = run.test_accuracy_curve(n_test=1000)
    assert list(curve.index) == [0, 20, 40]
    for step in (0, 20, 40):
        error = run.test_error(step, method="monte-carlo", n_test=1000)
        np.testing.assert_array_equal(curve.loc[step], [1 - error.value, 1 - error.high, 1 - error.low])


# --- training noise at test time ----------------------------------------------------------------------------------


def patches_of(run: ts.Run) -> tuple[dict[int, Array], Array]:
    """Signal patches yμ by label, and the training noises (n, D), both with the bias coordinate if there is one."""
    problem, vectors = run.problem, run.draw.vectors
    assert isinstance(problem, ts.SignalNoise)
    mu = {1: vectors[0], -1: vectors[1] if problem.bias else -vectors[0]}
    return mu, vectors[-run.draw.n:]


def memory_by_hand(run: ts.Run, tau: tuple[float, float] = (0.0, 0.0), at: At = "end") -> float:
    """Share of wrong answers on all n × 2 samples (yμ, ξ_i), one by one through explicit weights."""
    mu, noise = patches_of(run)
    weights, wrong = run.weights_at(at).reshape(2, run.draw.m, -1), 0.0
    for xi in noise:
        for y, rate in zip((1, -1), tau, strict=True):
            fails = y * naive.output(weights, np.stack([mu[y], xi]), run.problem.q) <= 0
            wrong += 1 - rate if fails else rate
    return wrong / (2 * len(noise))


MEMORY: dict[str, dict[str, Any]] = {
    "plain": {}, "q=1": {"q": 1}, "q=2.5": {"q": 2.5}, "noise in all directions": {"orthogonal_noise": False},
    "bias": {"bias": 0.8}, "bias, all directions": {"bias": -0.5, "orthogonal_noise": False, "q": 1},
    "Wishart": {"draw": "wishart", "d": 400}, "Wishart with bias": {"draw": "wishart", "d": 400, "bias": 0.6},
    "flipped": {"label_flip": 0.4, "orthogonal_noise": False, "q": 1}, "no signal": {"signal_norm": 0.0},
    "one sample": {"n": 1}, "uniform": {"init_law": "uniform"},
}


@pytest.mark.parametrize("name", MEMORY)
def test_memory_error_is_counted(name: str) -> None:
    """Without ζ the 2n samples are all there are: the value is exact, at every recorded step."""
    run = trained(**MEMORY[name])
    for at in (0, 20, 40):
        error = run.test_error(at, kind="memory")
        assert error.value == pytest.approx(memory_by_hand(run, at=at), abs=1e-15)
        assert (error.low, error.high, error.method, error.kind) == (error.value, error.value, "exact", "memory")
    assert run.test_error(kind="memory", n_test=3, seed=9) == run.test_error(kind="memory"), "nothing is drawn"


def test_memory_error_says_something() -> None:
    """The values above are not all alike, nor those of fresh noise."""
    found = [run.test_error(kind="memory").value for run in (trained(**fields) for fields in MEMORY.values())]
    assert len(set(found)) > 4
    run = trained(seed=3, label_flip=0.4, steps=400, q=1)
    memory, fresh = run.test_error(kind="memory"), run.test_error(method="monte-carlo")
    assert fresh.kind == "fresh" and not fresh.low <= memory.value <= fresh.high


@pytest.mark.parametrize("bias", [0.0, 0.6])
@pytest.mark.parametrize("tau", RATES)
def test_memory_error_against_observed_labels(tau: tuple[float, float], bias: float) -> None:
    """Each class with its own rate."""
    run = trained(seed=6, label_flip=tau, bias=bias)
    error = run.test_error(kind="memory", labels="observed")
    assert error.value == pytest.approx(memory_by_hand(run, tau), abs=1e-15)


def memory_brute_force(run: ts.Run, zeta_std: float, tau: tuple[float, float] = (0.0, 0.0)) -> tuple[float, float]:
    """Share of wrong answers on explicit (yμ, ξ_i + ζ), and its standard error; ζ lives where the noise does."""
    problem, weights, rng = run.problem, run.weights_at(), np.random.default_rng(4321)
    assert isinstance(problem, ts.SignalNoise)
    mu, noise = patches_of(run)
    zeta = zeta_std * rng.standard_normal((SAMPLES, weights.shape[1]))
    if problem.orthogonal_noise:
        zeta[:, 0] = 0.0
    if problem.bias:
        zeta[:, -1] = 0.0
    xi = noise[rng.integers(len(noise), size=SAMPLES)] + zeta
    branches = weights.reshape(2, run.draw.m, -1)
    votes = sum(j / run.draw.m * np.maximum(xi @ w, 0.0) ** problem.q
                for j, branch in zip(naive.BRANCHES, branches, strict=True) for w in branch)
    wrong = np.zeros(SAMPLES)
    for y, rate in zip((1, -1), tau, strict=True):
        label = np.where(rng.random(SAMPLES) < rate, -y, y)
        wrong += (label * (votes + naive.output(branches, mu[y][None], problem.q)) <= 0) / 2
    return float(wrong.mean()), float(wrong.std() / np.sqrt(SAMPLES))


@pytest.mark.compiled
@pytest.mark.parametrize("zeta_std", [0.05, 0.5, 3.0])
@pytest.mark.parametrize("name", ["plain", "noise in all directions", "bias", "bias, all directions",
                                  "Wishart with bias", "flipped", "one sample", "uniform"])
def test_memory_error_around_training_noise(name: str, zeta_std: float) -> None:
    """With ζ, against explicit vectors."""
    run = trained(**MEMORY[name])
    error = run.test_error(kind="memory", zeta_std=zeta_std, n_test=SAMPLES)
    assert (error.kind, error.method) == ("memory", "monte-carlo")
    assert_agree(error, memory_brute_force(run, zeta_std))


@pytest.mark.parametrize("tau", [(0.2, 0.2), (0.05, 0.35)])
def test_memory_error_around_training_noise_against_observed_labels(tau: tuple[float, float]) -> None:
    """Both: the rates and ζ."""
    run = trained(seed=6, label_flip=tau, bias=0.6)
    error = run.test_error(kind="memory", zeta_std=0.3, n_test=SAMPLES, labels="observed")
    assert_agree(error, memory_brute_force(run, 0.3, tau))


def test_a_little_zeta_is_like_none() -> None:
    """And much of it like noise of that size alone."""
    run = trained(orthogonal_noise=False, seed=3)
    exact, near = run.test_error(kind="memory"), run.test_error(kind="memory", zeta_std=1e-9)
    assert near.low <= exact.value <= near.high
    far, fresh = run.test_error(kind="memory", zeta_std=500.0), memory_brute_force(run, 500.0)
    assert_agree(far, fresh)


def test_training_noises_drawn_are_all_of_them_equally() -> None:
    """Each in 1/n of the draws, other ones for other seeds and blocks."""
    run = trained(n=5)
    inner = sampling._memory_inner(run, "end")
    centres = sampling._centres(inner, 0, 0, 10_000)
    which = [int(np.flatnonzero((inner == column[:, None]).all(axis=0)).item()) for column in centres.T]
    counts = np.bincount(which, minlength=5)
    assert np.abs(counts - 2000).max() < 4.5 * np.sqrt(10_000 * 0.2 * 0.8)
    for other in (sampling._centres(inner, 1, 0, 10_000), sampling._centres(inner, 0, 1, 10_000)):
        assert (other != centres).any(axis=0).mean() > 0.7
    np.testing.assert_array_equal(sampling._centres(inner, 0, 0, 100), centres[:, :100])


def test_curve_of_memory_errors() -> None:
    """Of the kind asked for."""
    run = trained(label_flip=0.4, q=1)
    curve = run.test_accuracy_curve(kind="memory")
    for step in (0, 20, 40):
        np.testing.assert_array_equal(curve.loc[step], [1 - run.test_error(step, kind="memory").value] * 3)
    other = run.test_accuracy_curve(kind="memory", zeta_std=0.4, n_test=1000).loc[40]
    error = run.test_error(kind="memory", zeta_std=0.4, n_test=1000)
    np.testing.assert_array_equal(other, [1 - error.value, 1 - error.high, 1 - error.low])
