"""The main job: what Figure 2 of Huang et al. 2025 shows, counted over seeds with exact binomial bounds."""

from functools import cache

import numpy as np
import pytest
from scipy.stats import binomtest

import theorysim as ts
from theorysim.papers.huang2025.figures.fig2 import PAPER, STEPS, settings

pytestmark = pytest.mark.compiled
SEEDS = 16


@cache
def outcome(setting: int, label_noise: bool, seed: int) -> tuple[float, float, bool]:
    """Final training loss, test accuracy, and whether both classes started with an active filter of their own."""
    chosen = settings()[setting]
    algorithm = ts.GradientDescent(chosen.lr, ts.Flip(0.1) if label_noise else None)
    run = ts.simulate(chosen.problem, algorithm, STEPS, seed, record_at=())
    aligned = run.draw.inner[:, 0].reshape(2, -1) * [[1.0], [-1.0]] > 0
    error = run.test_error(method="monte-carlo", n_test=20_000).value
    return run.rows[-1, 0], 1 - error, bool(aligned.any(axis=1).all())


def surely(hits: int, trials: int) -> float:
    """The probability that is exceeded with 99% confidence, given the count."""
    return float(binomtest(hits, trials).proportion_ci(0.98, "exact").low)


@pytest.mark.parametrize("setting", [0, 1, 2], ids=["paper, lr 1", "paper, lr 0.5", "d ≥ n² log n"])
def test_gradient_descent_memorises(setting: int) -> None:
    """Training loss goes to zero, test accuracy stays within 0.5..0.6, in most draws (with 99% confidence)."""
    results = [outcome(setting, False, seed) for seed in range(SEEDS)]
    hits = sum(loss < 1e-3 and 0.5 < accuracy < 0.6 for loss, accuracy, _ in results)
    assert surely(hits, SEEDS) > 0.5


@pytest.mark.parametrize("setting", [0, 2], ids=["paper, lr 1", "d ≥ n² log n"])
def test_label_noise_learns_the_signal(setting: int) -> None:
    """Test accuracy above 0.99 while the training loss stays above 0.05, in most draws."""
    results = [outcome(setting, True, seed) for seed in range(SEEDS)]
    hits = sum(loss > 0.05 and accuracy > 0.99 for loss, accuracy, _ in results)
    assert surely(hits, SEEDS) > 0.5


def test_half_the_learning_rate_is_on_its_way() -> None:
    """At η = 0.5 the same number of steps ends between the two: above 0.7, below 0.99 in most draws."""
    accuracies = [outcome(1, True, seed)[1] for seed in range(SEEDS)]
    hits = sum(0.7 < accuracy < 0.99 for accuracy in accuracies)
    assert surely(hits, SEEDS) > 0.5


def test_width_3_needs_no_label_noise_when_both_classes_start() -> None:
    """The review's counterexample, and its limit.

    At m = 3 gradient descent reaches accuracy 1.00 on most draws in which each class has a filter of its own
    branch active on its signal at initialisation, and on none of the others. Each filter is active with
    probability ½, so both classes start with probability (1 − 2⁻³)² = 0.766.
    """
    results = [outcome(3, False, seed) for seed in range(60)]
    started = [accuracy for _, accuracy, both in results if both]
    stuck = [accuracy for _, accuracy, both in results if not both]
    assert surely(sum(accuracy > 0.995 for accuracy in started), len(started)) > 0.5
    assert stuck and max(stuck) < 0.99
    assert binomtest(len(started), len(results), (1 - 2**-3) ** 2).pvalue > 1e-3


def test_settings_are_what_they_say() -> None:
    """The paper's numbers, and a third setting with d ≥ n² log n, n·SNR² = 1."""
    paper, slower, large, narrow = settings()
    assert (paper.problem, paper.lr, slower.lr) == (PAPER, 1.0, 0.5)
    assert paper.problem.d_over_n2 == pytest.approx(0.05)
    assert large.problem.d >= large.problem.n**2 * np.log(large.problem.n)
    assert large.problem.n_snr2 == pytest.approx(1.0)
    assert (narrow.problem.m, narrow.lr) == (3, 1.0)
