"""Assumption 3.1 of Huang et al. 2025, item by item, and two remarks that are arithmetic.

A tilde in the paper hides logarithms of d. The review thread of an earlier version (ICLR 2025, submission 6319) writes
most of them out; ``logs="explicit"`` takes those.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from theorysim.core import validate
from theorysim.patch.algorithm import Flip, GradientDescent
from theorysim.patch.problem import SignalNoise
from theorysim.theory.conditions import Condition

SOURCE = "Huang et al. 2025, arXiv 2510.17526"
LOGS = ("tilde", "explicit")


class _Bound(NamedTuple):
    """One item: both sides, and the logarithm that the thread writes where the paper has a tilde."""

    plain: str
    explicit: str
    value: float
    sense: Literal[">=", "<="]
    bound: float
    logarithm: float = 1.0  # by which the bound is multiplied if "≥" and divided if "≤"


def _bounds(problem: SignalNoise, algorithm: GradientDescent, c: float, delta: float) -> Iterator[_Bound]:
    n, d, m, sigma, mu = problem.n, problem.d, problem.m, problem.noise_std, problem.signal_norm
    lr, sigma_0 = algorithm.lr, problem.init_std
    of_d, of_n = float(np.log(d / delta)), float(np.log(n / delta))
    widest = np.inf if mu == 0 else 1 / (mu * d**0.625)
    yield _Bound("d ≥ C n²", "d ≥ C log(n/δ) n²", d, ">=", c * n**2, of_n)
    yield _Bound("d ≥ C n‖μ‖²/σ_p²", "d ≥ C log(n/δ) n‖μ‖²/σ_p²", d, ">=", c * n * mu**2 / sigma**2, of_n)
    yield _Bound("SNR ≤ C/√n", "SNR ≤ C/√(n log d)", problem.snr, "<=", c / np.sqrt(n), float(np.sqrt(np.log(d))))
    yield _Bound("m ≥ C", "m ≥ C log(d/δ)", m, ">=", c, of_d)
    yield _Bound("n ≥ C", "n ≥ C log(d/δ)", n, ">=", c, of_d)
    yield _Bound("η ≤ C/(σ_p² d)", "η ≤ C/(log(d/δ) σ_p² d)", lr, "<=", c / (sigma**2 * d), of_d)
    yield _Bound("σ_0 ≥ C n/(σ_p d^(3/4))", "σ_0 ≥ C log(d/δ) n/(σ_p d^(3/4))", sigma_0, ">=",
                 c * n / (sigma * d**0.75), of_d)
    yield _Bound("σ_0 ≤ C min{1/(‖μ‖ d^(5/8)), 1/(σ_p √d)}", "σ_0 ≤ C min{1/(‖μ‖ d^(5/8)), 1/(σ_p √d)}/log(d/δ)",
                 sigma_0, "<=", c * min(widest, 1 / (sigma * np.sqrt(d))), of_d)
    if isinstance(algorithm.label_noise, Flip):
        p, low, high = algorithm.label_noise.p, "p ≥ C log d/√(mn)", "p ≤ 1/C"
        yield _Bound(low, low, p, ">=", c * np.log(d) / np.sqrt(m * n))
        yield _Bound(high, high, p, "<=", 1 / c)


def assumption_3_1(
    problem: SignalNoise, algorithm: GradientDescent, constant: float = 1.0, logs: str = "tilde", delta: float = 0.05,
) -> tuple[Condition, ...]:
    """Assumption 3.1, item by item, with every hidden constant C set to ``constant``.

    Parameters
    ----------
    problem : SignalNoise
    algorithm : GradientDescent
        Two further items are about p, with label flips.
    constant : float
        C, on the side of the larger bound: in "≥ C ..." and in "≤ C ...", as an O(·) hides it.
    logs : "tilde" or "explicit"
        With "tilde" the logarithms that the paper hides are left out, so a margin near 1 decides nothing. "explicit"
        has those of the review thread: log(n/δ) at d, log(d/δ) at m, n, η and both ends of σ_0, and from its replies
        n·SNR² ≤ 1/log d. Its list has no lower end of p; the paper's writes its logarithm.
    delta : float
        δ, for "explicit".
    """
    c = validate.real("constant", constant, 0, above=True)
    delta = validate.real("delta", delta, 0, 1, above=True, below=True)
    explicit = validate.choice("logs", logs, LOGS) == "explicit"
    source = f"{SOURCE}, Assumption 3.1{', logarithms of the review thread' if explicit else ''}"

    def item(one: _Bound) -> Condition:
        factor = (one.logarithm if one.sense == ">=" else 1 / one.logarithm) if explicit else 1.0
        return Condition(one.explicit if explicit else one.plain, one.value, one.sense, one.bound * factor, source)

    return tuple(item(one) for one in _bounds(problem, algorithm, c, delta))


def consistent_choice(d: int, m: int = 20) -> SignalNoise:
    """What the authors' replies call a consistent choice: σ_0 = d^(−11/16), ‖μ‖ = d^(−1/3), σ_p = 1, n = d^(1/3).

    It is not: the lower end of σ_0, n d^(−3/4) = d^(−5/12), lies above both d^(−11/16) and the upper end d^(−1/2).
    """
    norm, start = d ** (-1 / 3), d ** (-11 / 16)
    return SignalNoise(n=round(d ** (1 / 3)), d=d, m=m, signal_norm=norm, noise_std=1.0, init_std=start)


class TimeRatio(NamedTuple):
    """Gradient descent's second time over that of label noise."""

    exact: float  # (m³n/(ηεσ_p²d)) / (m log(6/(σ_0‖μ‖))/(η‖μ‖²))
    algebra: float  # the same, simplified: m² x/(ε log(6/(σ_0‖μ‖)))
    printed: float  # x = n·SNR², said to follow on choosing m² = log(6/(σ_0‖μ‖))/ε
    width: float  # the m of that choice
    printed_needs: float  # the m that makes it x: √(ε log(6/(σ_0‖μ‖)))


def time_ratio(problem: SignalNoise, epsilon: float) -> TimeRatio:
    """The paper's remark on times, and what its own expressions give: x needs m² = ε log(·), not log(·)/ε."""
    epsilon = validate.real("epsilon", epsilon, 0, above=True)
    p, logarithm = problem, float(np.log(6 / (problem.init_std * problem.signal_norm)))
    descent = p.m**3 * p.n / (epsilon * p.noise_std**2 * p.d)
    noise = p.m * logarithm / p.signal_norm**2
    algebra = p.m**2 * p.n_snr2 / (epsilon * logarithm)
    return TimeRatio(descent / noise, algebra, p.n_snr2, np.sqrt(logarithm / epsilon), np.sqrt(epsilon * logarithm))
