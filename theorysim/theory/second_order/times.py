"""The laws of T1 and T2 with label noise, from explicit numbers. Derived, q = 2 unless said, nearly orthogonal noise.

T1 and T2 are those of :func:`theorysim.patch.stages.stage_times`: the first step with max_r ρ̄_i ≥ θ for all i, and the
first after it with max γ ≥ a threshold. While memory multiplies z by G, ρ̄ = z(0)(G − 1), and γ = s(0)(G_s − 1).
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, ndtr, ndtri

from theorysim.core import validate
from theorysim.theory.second_order.limits import Phase, growth_rate, growth_variance, linear_psi, phase
from theorysim.theory.second_order.memory import at_rest
from theorysim.theory.second_order.multipliers import Multipliers
from theorysim.theory.second_order.starts import ClassStart, expected_start
from theorysim.theory.second_order.takeover import signal_rate

Array = NDArray[np.float64]
STARTS = 10_000  # quantiles over which a random start is averaged, many more than samples
CLASSES = 15  # of the size of a class, and of its largest signal


def first_stage_leading(kappa: float, law: Multipliers, start: float, theta: float = 0.1) -> float:
    """T1 = ln(1 + θ/β̄)/(κEε) steps, β̄ the weakest start min_i max_r ⟨w(0), ξ_i⟩; κ(1 − 2p) for flips.

    To lowest order in κ, as if the weakest start were the last to arrive: measured T1 is 1.2 times that at κ = .1 and
    1.7 times at κ = .3 (p = .1, n = 40, medians). ∞ where Eε ≤ 0.
    """
    kappa, theta = validate.real("kappa", kappa, 0, above=True), validate.real("theta", theta, 0, above=True)
    distance = float(np.log1p(theta / validate.real("start", start, 0, above=True)))
    return distance / (kappa * law.mean) if law.mean > 0 else float("inf")


def memorized_by(steps: ArrayLike, kappa: float, law: Multipliers, starts: ArrayLike, theta: float = 0.1) -> Array:
    """P(T1 ≤ t), like ``steps`` (whole steps): Π_i P(ln z_i has grown by ln(1 + θ/z_i)).

    Every ln z_i is a random walk with steps ln|1 + κε| while outputs are small, θ² ≪ 1, and the last sample counts, so
    that T1 exceeds the time of a single one by about √(2v ln n · D/g)/g, g and v mean and variance of a step and D the
    distance. ``starts`` are z_i = max_r ⟨w_{y_i,r}(0), ξ_i⟩, (n,), above 0. Binomial for a law of two values, else
    normal. That a sample may fall back below θ before the last arrives is left out.
    """
    distance = np.log1p(validate.real("theta", theta, 0, above=True) / _positive("starts", starts))
    chance: Array = np.prod(_arrived(steps, kappa, law, distance), axis=-1)
    return chance


def _arrived(steps: ArrayLike, kappa: float, law: Multipliers, distance: Array) -> Array:
    """P(ln z has grown by the distance), (..., n)."""
    given = np.floor(np.asarray(steps, dtype=float))[..., None]
    if len(law.values) == 2 and law.values[0] != law.values[1]:
        logs = np.log(np.maximum(np.abs(1 + kappa * np.array(law.values)), 1e-300))
        good, bad = int(logs.argmax()), int(logs.argmin())
        most = np.floor((given * logs[good] - distance) / (logs[good] - logs[bad]))  # bad steps that still arrive
        possible = betainc(np.maximum(given - most, 1.0), np.maximum(most, 0.0) + 1, law.probabilities[good])
        chance: Array = np.where(most < 0, 0.0, np.where(most >= given, 1.0, possible))
        return chance
    mean, spread = growth_rate(kappa, law), np.sqrt(growth_variance(kappa, law))
    with np.errstate(divide="ignore", invalid="ignore"):
        ahead = (mean * given - distance) / (spread * np.sqrt(given))
    normal: Array = ndtr(np.where(given > 0, ahead, -np.inf))
    return normal


def first_stage(
    kappa: float, law: Multipliers, starts: ArrayLike, theta: float = 0.1, quantile: float = 0.5
) -> float:
    """T1: the step by which all samples are memorised with the given probability (its median by default).

    ∞ where memory dies out on average.
    """
    return _quantile(lambda t: float(memorized_by(t, kappa, law, starts, theta)), kappa, law, quantile)


def first_stage_expected(
    kappa: float, law: Multipliers, n: int, m: int, memory_scale: float, theta: float = 0.1, quantile: float = 0.5
) -> float:
    """The same from a problem alone: over the steps and the n starts, each the largest of m normals of this scale.

    ``memory_scale`` is σ_0σ_p√d. Given that every sample has an active filter, of probability (1 − 2^{−m})^n; else T1
    does not come.
    """
    n, m = validate.integer("n", n, 1), validate.integer("m", m, 1)
    scale = validate.real("memory_scale", memory_scale, 0, above=True)
    theta = validate.real("theta", theta, 0, above=True)
    dead = 0.5**m
    starts = scale * ndtri((dead + (1 - dead) * (np.arange(STARTS) + 0.5) / STARTS) ** (1 / m))
    distance = np.log1p(theta / starts)

    def chance(t: float) -> float:
        return float(_arrived(t, kappa, law, distance).mean()) ** n

    return _quantile(chance, kappa, law, quantile)


def second_stage_leading(
    start: ClassStart, first: float, kappa: float, snr_squared: float, law: Multipliers, psi: float,
    threshold: float = 1.0,
) -> float:
    """T2 = T1 + L/(2λ n_jΨ), L = ln(threshold/s(0)) − n_jSNR² ln(√f*/√F(0)); at least T1. To lowest order.

    The second term of L is what the signal gains while memory grows. With many filters √F(0) is σ_0σ_p√(d/2). ``first``
    is T1, measured or predicted. With Ψ of :func:`psi_leading` the rate is η²‖μ‖²σ_p²d·p(1−p)/(nm²) at n_j = n/2. Dead
    samples, which cannot be memorised, pull by Eε/2 each in place of Ψ. Chains over this, with the exact Ψ and measured
    T1: 1.02 to 1.04 at κ ≤ .03 and n·SNR² = 1 (n = 20, 40; 1 − SNR² is most of it), .90 at κ = .3; single ones .9 to
    2.2 at n·SNR² = 2, where L nears 0.
    """
    lam, x = kappa * snr_squared, start.samples * snr_squared
    gain = np.log(np.sqrt(law.resting()) / start.memory)
    left = np.log(validate.real("threshold", threshold, 0, above=True) / start.signal) - x * gain
    return float(first + max(left, 0.0) / (2 * lam * (start.samples * psi + start.dead * linear_psi(law))))


def second_stage(
    start: ClassStart, kappa: float, snr_squared: float, law: Multipliers, threshold: float = 1.0
) -> float:
    """T2 from step 0, of one class; the faster class counts for max γ, the slower one for the test error.

    ln(1 + threshold/s(0)) is reached in three parts. Memory grows for t_m = (½E ln f − ln √F(0))/g steps, the signal
    meanwhile by E ln(1 + 2λC) with every output at 0; then by :func:`signal_rate` a step with Ψ and E[c²] of the
    stationary chain; and by n_jSNR²·½ ln(f*/F) less, as memory has made way for the signal, F = f* − S at the
    threshold. Where memory is killed or dies out the rate of outputs at 0 holds throughout (S ≪ 1).
    ∞ where S saturates below the threshold. Against chains with a shared signal, means over seeds: within 1% for κ ≤ .1
    at n·SNR² ≤ 1, within 2% for κ ≤ .45 at n·SNR² ≤ .5, 6% at κ = .3, n·SNR² = 1; single ones off by −20% to 60% at
    n·SNR² = 2, where memory alone takes the signal nearly there.
    """
    kappa, snr_squared = validate.real("kappa", kappa, 0, above=True), validate.real("snr_squared", snr_squared, 0)
    goal = float(np.log1p(validate.real("threshold", threshold, 0, above=True) / start.signal))
    lam, everyone, linear = kappa * snr_squared, start.samples + start.dead, linear_psi(law)
    spread = law.moment(2) / 4 - linear**2  # of a pull on an output of 0
    early = signal_rate(lam, everyone * linear, everyone * spread)
    if phase(kappa, law) != Phase.RESTING:
        return goal / early if early > 0 else float("inf")
    memory = at_rest(kappa, law)
    grown = (memory.log_output / 2 - np.log(start.memory)) / growth_rate(kappa, law)
    if early * grown >= goal:
        return float(goal / early)
    left = law.rest - start.breadth * (start.signal + threshold) ** 2
    late = signal_rate(lam, start.samples * memory.psi + start.dead * linear,
                       start.samples * (memory.pull_square - memory.psi**2) + start.dead * spread)
    if left <= 0 or late <= 0:
        return float("inf")
    released = snr_squared * start.samples * np.log(law.rest / left) / 2
    return float(grown + (goal - early * grown + released) / late)


def second_stage_expected(
    kappa: float, snr_squared: float, law: Multipliers, n: int, m: int, signal_scale: float, memory_scale: float,
    threshold: float = 1.0, *, slower: bool = False, quantile: float = 0.5,
) -> float:
    """T2 from a problem alone: a quantile over sizes of classes and their largest signals, the median by default.

    The faster class counts, or the slower one. It is often the larger one, as the rate goes with n_j ~ Bin(n, ½) while
    s enters in a logarithm: with n_j = n/2 for both T2 comes out too large, by 50% at n = 20.

    Parameters
    ----------
    n, m : int
        Samples and filters per branch.
    signal_scale, memory_scale : float
        σ_0‖μ‖ and σ_0σ_p√d.
    """
    n = validate.integer("n", n, 2)
    quantile = validate.real("quantile", quantile, 0, 1, above=True, below=True)
    middles = (np.arange(CLASSES) + 0.5) / CLASSES
    sizes = np.clip(n / 2 + np.sqrt(n) / 2 * ndtri(middles), 1, n - 1)
    dead = 0.5 ** validate.integer("m", m, 1)
    largest = ndtri((dead + (1 - dead) * middles) ** (1 / m))

    def time(size: float, signal: float) -> float:
        start = replace(expected_start(size, m, signal_scale, memory_scale), signal=signal_scale * signal,
                        breadth=0.5 / signal**2)
        return second_stage(start, kappa, snr_squared, law, threshold)

    times = np.array([[time(size, signal) for signal in largest] for size in sizes])
    both = times[:, :, None], times[::-1, None, :]  # the other class has the other samples
    found = np.maximum(*both) if slower else np.minimum(*both)
    return float(np.quantile(found, quantile, method="inverted_cdf"))


def signal_time(start: float, end: float, lam: float, samples: float, psi: float, q: float = 2.0) -> float:
    """Steps in which s grows from start to end at a constant Ψ, to first order in λ.

    q = 2: ln(end/start)/(2λn_jΨ). q > 2: (start^{2−q} − end^{2−q})/((q − 2)qλn_jΨ), as s^{2−q} falls by (q−2)qλn_jΨ.
    """
    q = validate.real("q", q, 2)
    start = validate.real("start", start, 0, above=True)
    end = validate.real("end", end, start)
    rate = q * validate.real("lam", lam, 0, above=True) * validate.real("samples", samples, 0, above=True) * psi
    if q == 2:
        return float(np.log(end / start) / rate)
    return float((start ** (2 - q) - end ** (2 - q)) / ((q - 2) * rate))


def _positive(name: str, values: ArrayLike) -> Array:
    found = validate.array(name, values, None)
    if not found.size or found.min() <= 0:
        raise ValueError(f"{name}: must be at least one, all above 0; T1 does not come where a sample has no active "
                         "filter")
    return found


def _quantile(chance: Callable[[float], float], kappa: float, law: Multipliers, quantile: float) -> float:
    """The first step of a bisection at which a probability that grows with it has reached a value."""
    quantile = validate.real("quantile", quantile, 0, 1, above=True, below=True)
    if growth_rate(kappa, law) <= 0:
        return float("inf")
    high = 1
    while chance(high) < quantile:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if chance(middle) >= quantile else (middle, high)
    return float(high)
