"""Gaussian noise on the weights: closed in law, so a Wishart draw's weights have the law of explicit ones.

Every comparison is of runs with fixed seeds against an exact law, or against runs in d dimensions, at p > 1e-6.
"""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rule_cases import assert_close
from scipy import stats

import theorysim as ts
from theorysim.patch import risk

Array = NDArray[np.float64]
STD = 0.07
STEPS = 24
SEEDS = 250
LEAST = 1e-6  # p-value
PROBLEM = ts.SignalNoise(n=4, d=40, m=2, signal_norm=1.5, noise_std=0.25, init_std=0.1)
SPAN = 1 + 4 + 2 * 2  # coordinates of a Wishart draw: signal, noise vectors, filters
OFF = (1, 2, 3, 4, 5, 9, 500)  # dimensions beyond


def at_rest(decay: float = 0.0) -> ts.GradientDescent:
    """Noise alone: gradients are too small to be seen."""
    return ts.GradientDescent(0.5 if decay else 1e-200, weight_noise=STD, weight_decay=decay)


@cache
def drifts(d: int, draw: str) -> Array:
    """What noise alone has added after 12 and 24 steps, (seeds, 2, 2m, D + r)."""
    problem = PROBLEM.replace(d=d)
    return np.array([ts.simulate(problem, at_rest(), STEPS, seed, draw=draw, record_at=[STEPS // 2]).drifts[1:]
                     for seed in range(SEEDS)])


def assert_law(sample: Array, law: Any) -> None:
    """Kolmogorov–Smirnov."""
    assert stats.kstest(np.ravel(sample), law.cdf).pvalue > LEAST


def assert_same_law(one: Array, other: Array) -> None:
    """Of two samples; they are not the same numbers."""
    assert stats.ks_2samp(one, other).pvalue > LEAST
    assert (one != other).any()


@pytest.mark.parametrize("off", OFF)
def test_gram_matrix_of_noise_off_the_span(off: int) -> None:
    """A Wishart matrix of ``off`` degrees of freedom: its diagonal, its correlations and how it grows."""
    found = drifts(SPAN + off, "wishart") / STD
    assert found.shape == (SEEDS, 2, 4, SPAN + min(off, 4))
    half, end = found[:, 0, :, SPAN:], found[:, 1, :, SPAN:]
    squares = (end**2).sum(axis=-1)
    assert_law(squares / STEPS, stats.chi2(off))
    # of two independent Gaussian vectors the squared cosine is Beta(1/2, (off − 1)/2), and 1 in one dimension
    cosines = [(end[:, i] * end[:, j]).sum(axis=-1) / np.sqrt(squares[:, i] * squares[:, j])
               for i, j in ((0, 1), (2, 3))]
    if off == 1:
        np.testing.assert_allclose(np.square(cosines), 1.0, rtol=1e-9)
    else:
        assert_law(np.square(cosines), stats.beta(0.5, (off - 1) / 2))
    assert stats.binomtest(int((np.array(cosines) > 0).sum()), 2 * SEEDS).pvalue > LEAST
    # from half of the way on: a Gaussian around what was there
    start = (half**2).sum(axis=-1) / (STEPS / 2)
    uniform = stats.ncx2.cdf(squares / (STEPS / 2), off, start)
    assert_law(uniform, stats.uniform)
    # what is there before is not turned against the other filters: inner products grow by increments of mean 0
    grown = (end[:, 0] * end[:, 1]).sum(axis=-1) - (half[:, 0] * half[:, 1]).sum(axis=-1)
    scale = STEPS / 2 * np.sqrt(off + start[:, 0] + start[:, 1])
    assert abs((grown / scale).mean()) * np.sqrt(SEEDS) < 5  # of variance 1, exactly


@pytest.mark.parametrize("off", OFF)
def test_determinant_of_noise_off_the_span(off: int) -> None:
    """Bartlett: the squared volume of the first k filters is a product of χ² of off, off − 1, ... degrees."""
    end = drifts(SPAN + off, "wishart")[:, 1, :, SPAN:] / (STD * np.sqrt(STEPS))
    gram = end @ end.transpose(0, 2, 1)
    volumes = np.array([np.linalg.det(gram[:, :k, :k]) for k in range(5)])
    for k in range(min(off, 4)):
        assert_law(volumes[k + 1] / volumes[k], stats.chi2(off - k))
    for k in range(off, 4):
        assert (np.abs(volumes[k + 1]) < 1e-9 * gram.max(axis=(1, 2)) ** (k + 1)).all()


@pytest.mark.parametrize("draw", ["wishart", "vectors"])
def test_noise_in_the_span_is_standard(draw: str) -> None:
    """Every coordinate of its own N(0, tς²), in whatever coordinates; increments are independent."""
    found = drifts(SPAN + 5, draw)[..., : SPAN] / STD
    assert_law(found[:, 0] / np.sqrt(STEPS / 2), stats.norm)
    assert_law((found[:, 1] - found[:, 0]) / np.sqrt(STEPS / 2), stats.norm)
    product = (found[:, 0] * (found[:, 1] - found[:, 0])).ravel() / (STEPS / 2)
    assert abs(product.mean()) * np.sqrt(product.size) < 5
    neighbours = (found[:, 1, :, 1:] * found[:, 1, :, :-1]).ravel() / STEPS
    assert abs(neighbours.mean()) * np.sqrt(neighbours.size) < 5


@pytest.mark.parametrize("off", [0, 2, 30])
def test_noise_decays_with_the_weights(off: int) -> None:
    """Under λ all weights, noise included, are of variance σ_0² α² + ς² Σ_k (1 − ηλ)^{2k}, α = (1 − ηλ)^t."""
    keep, d = 1 - 0.5 * 0.2, SPAN + off
    problem = PROBLEM.replace(d=d, init_std=0.1, signal_norm=0.0, noise_std=1e-100, activation=ts.Monomial(2))
    runs = [ts.simulate(problem, at_rest(0.2), STEPS, seed, draw="wishart") for seed in range(SEEDS)]
    variance = 0.1**2 * keep ** (2 * STEPS) + STD**2 * sum(keep ** (2 * k) for k in range(STEPS))
    assert_law([(run.weights_at() ** 2).sum(axis=1) / variance for run in runs], stats.chi2(d))
    np.testing.assert_allclose([run.scales[-1] for run in runs], keep**STEPS, rtol=1e-12)


TRAINED = {
    "plain": ts.GradientDescent(0.5, ts.Flip(0.1), weight_noise=0.02),
    "decay": ts.GradientDescent(0.5, ts.Flip(0.1), weight_noise=0.02, weight_decay=0.05),
    "momentum": ts.GradientDescent(0.2, weight_noise=0.02, momentum=0.7, batch_size=2, train_readout=True),
    "SAM, dropout": ts.GradientDescent(0.5, weight_noise=0.02, sam_radius=0.2, dropout=0.3),
}


def measured(run: ts.Run) -> list[float]:
    """Inner products with training patches, the filters' Gram matrix and the test error, as functions of a run."""
    weights, inner = run.weights_at(), run.products()
    gram = weights @ weights.T
    return [gram[0, 0], gram[0, 1], gram[1, 3], np.trace(gram), float(np.linalg.slogdet(gram)[1]), inner[0, 0],
            inner[3, 0], inner[0, 2], float((inner**2).sum()), run.column("train_loss")[-1],
            run.test_error(method="monte-carlo", n_test=2000).value]


@pytest.mark.compiled
@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize("d", [SPAN + 1, SPAN + 31])
def test_trained_weights_have_the_law_of_explicit_ones(d: int, name: str) -> None:
    """Wishart draws against vectors: everything a run is asked for, over 250 seeds each."""
    problem, algorithm = PROBLEM.replace(d=d), TRAINED[name]
    one, other = (np.array([measured(ts.simulate(problem, algorithm, 60, seed, draw=draw, record_at=()))
                            for seed in seeds])
                  for draw, seeds in (("wishart", range(SEEDS)), ("vectors", range(1000, 1000 + SEEDS))))
    for found, expected in zip(one.T, other.T, strict=True):
        assert_same_law(found, expected)
    assert np.ptp(other[:, -1]) > 0.02
    without = replace(algorithm, weight_noise=0.0)
    still = [measured(ts.simulate(problem, without, 60, seed, record_at=()))[3] for seed in range(SEEDS)]
    assert stats.ks_2samp(still, other[:, 3]).pvalue < LEAST  # the noise is seen


@pytest.mark.parametrize("orthogonal", [True, False])
@pytest.mark.parametrize("d", [8, SPAN, SPAN + 1, SPAN + 31])
def test_noise_covariance_is_the_gram_matrix_of_all_coordinates(d: int, orthogonal: bool) -> None:
    """σ_p² W Wᵀ with the coordinates beyond the draw's, without the signal's where noise has none there."""
    problem = PROBLEM.replace(d=d, orthogonal_noise=orthogonal)
    for name, draw in (("decay", "wishart"), ("momentum", "wishart"), ("decay", "vectors")):
        run = ts.simulate(problem, TRAINED[name], 60, 3, draw=draw, record_every=20)
        for at in (0, 20, 60):
            weights = run.weights_at(at)
            filters = weights[:, 1:] if orthogonal else weights
            expected = problem.noise_std**2 * filters @ filters.T
            assert_close(risk.noise_covariance(run, at), expected, 1e-12, np.full(4, np.abs(expected).max()))


def test_error_of_noisy_weights_is_that_of_explicit_samples() -> None:
    """From a Wishart draw, by sampling patches in all its coordinates."""
    problem = PROBLEM.replace(orthogonal_noise=False, signal_norm=0.5)
    run = ts.simulate(problem, TRAINED["decay"], 60, 3, draw="wishart")
    weights, rng, count = run.weights_at(), np.random.default_rng(5), 100_000
    assert weights.shape[1] > run.draw.vectors.shape[1]
    noise = problem.noise_std * rng.standard_normal((count, weights.shape[1]))
    readout, signal = np.array([0.5, 0.5, -0.5, -0.5]), weights[:, 0] * 0.5
    label = np.where(np.arange(count) % 2, 1.0, -1.0)
    outputs = (np.maximum(noise @ weights.T, 0) ** 2 + np.maximum(label[:, None] * signal, 0) ** 2) @ readout
    found = run.test_error(method="monte-carlo", n_test=1_000_000)
    assert 0.05 < found.value < 0.5
    assert stats.binomtest(int((label * outputs <= 0).sum()), count, found.value).pvalue > LEAST


def test_noise_needs_no_dimension() -> None:
    """In d = 10^12 the filters' squares grow by ς² d a step, to within the spread of χ²."""
    problem = PROBLEM.replace(d=10**12, noise_std=1e-6, init_std=1e-6)
    run = ts.simulate(problem, ts.GradientDescent(0.5, weight_noise=1e-6), 10, record_every=5)
    for at in (5, 10):
        squares = (run.weights_at(at) ** 2).sum(axis=1)
        np.testing.assert_allclose(squares, at + 1.0, atol=1e-3)
