"""Where one class starts: from the numbers of a draw, or as expected from the number of filters alone. Derived.

Of m standard normal products about half are positive, and only these filters are active; what counts for the signal is
the largest, as its multiple is the same for all, and for the memory of a sample the sum of their squares.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.special import binom, digamma, log_ndtr, ndtri

from theorysim.core import validate

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ClassStart:
    """What the second stage of one class starts from.

    Attributes
    ----------
    samples : float
        Of the class, with an own active filter.
    dead : float
        Of the class, without one: ⟨w_{j,r}(0), ξ_i⟩ ≤ 0 for all r.
    signal : float
        s(0) = max_r j⟨w_{j,r}(0), μ⟩, above 0.
    memory : float
        √F(0), F = (1/m) Σ_r max(0, ⟨w_{j,r}(0), ξ_i⟩)², its geometric mean over the samples; above 0.
    breadth : float
        S/s² = (1/m) Σ_r s_r²/s² over the aligned filters, above 0.
    """

    samples: float
    dead: float
    signal: float
    memory: float
    breadth: float

    def __post_init__(self) -> None:
        for name in ("samples", "dead"):
            validate.real(name, getattr(self, name), 0)
        for name in ("signal", "memory", "breadth"):
            validate.real(name, getattr(self, name), 0, above=True)


def class_start(signal: Array, noise: Array) -> ClassStart:
    """The start of one class from its products.

    Parameters
    ----------
    signal : (m,) array
        j⟨w_{j,r}(0), μ⟩ of the filters of its branch.
    noise : (m, n_j) array
        ⟨w_{j,r}(0), ξ_i⟩ of these filters and the samples of the class.

    Raises
    ------
    ValueError
        When no filter is aligned with the signal, or none is active on any sample.
    """
    products, memories = validate.array("signal", signal, None), validate.array("noise", noise, len(signal), None)
    aligned = np.maximum(products, 0.0)
    squares = (np.maximum(memories, 0.0) ** 2).mean(axis=0)
    alive = squares > 0
    if not aligned.any() or not alive.any():
        raise ValueError(f"signal, noise: have {np.count_nonzero(aligned)} filters aligned with the signal and "
                         f"{alive.sum()} samples with an active one; there must be at least one of each")
    top = float(aligned.max())
    return ClassStart(
        samples=float(alive.sum()), dead=float((~alive).sum()), signal=top,
        memory=float(np.exp(np.log(squares[alive]).mean() / 2)), breadth=float(((aligned / top) ** 2).mean()),
    )


@lru_cache(maxsize=64)
def log_largest(m: int) -> float:
    """E[ln max_r g_r | max_r g_r > 0] of m independent standard normals; −.635 for m = 1, .605 for m = 20."""
    m = validate.integer("m", m, 1)

    def density(x: float) -> float:
        return float(np.exp((m - 1) * log_ndtr(x) - x**2 / 2) * m / np.sqrt(2 * np.pi)) * np.log(x)

    edge = float(max(ndtri(0.5 ** (1 / m)), 0.0)) + 0.5
    total = sum(quad(density, *ends, epsabs=1e-12, epsrel=1e-10, limit=200)[0]
                for ends in ((0.0, edge), (edge, edge + 1.0), (edge + 1.0, 40.0)))
    return float(total / -np.expm1(-m * np.log(2)))


@lru_cache(maxsize=64)
def log_memory(m: int) -> float:
    """E[½ ln((1/m) Σ_r max(0, g_r)²) | some g_r > 0] of m standard normals: ½ Σ_k P(k | k ≥ 1)[ψ(k/2) + ln(2/m)].

    k, the number of positive ones, is binomial, and their sum of squares χ²_k. Tends to −½ ln 2 for large m.
    """
    m = validate.integer("m", m, 1)
    k = np.arange(1, m + 1)
    chance = np.exp(np.log(binom(m, k)) - m * np.log(2)) if m < 500 else _binomial(m, k)
    return float((chance @ (digamma(k / 2) + np.log(2 / m))) / chance.sum() / 2)


def _binomial(m: int, k: NDArray[np.int64]) -> Array:
    from scipy.special import gammaln

    chance: Array = np.exp(gammaln(m + 1) - gammaln(k + 1) - gammaln(m - k + 1) - m * np.log(2))
    return chance


def weakest_start(n: int, m: int) -> float:
    """Median of min_i max_r g_{i,r} of n × m standard normals: Φ^{−1}((1 − 2^{−1/n})^{1/m}).

    Of the start of T1, in units of σ_0σ_p√d. Negative where some sample is likely to have no active filter.
    """
    n, m = validate.integer("n", n, 1), validate.integer("m", m, 1)
    return float(ndtri((-np.expm1(-np.log(2) / n)) ** (1 / m)))


def expected_start(samples: float, m: int, signal_scale: float, memory_scale: float, filters: int = 0) -> ClassStart:
    """The start expected of a class: logarithms of its numbers are the means over draws.

    Parameters
    ----------
    samples : float
        n_j; of these 2^{−m} are dead.
    m : int
        Filters per branch.
    signal_scale, memory_scale : float
        σ_0‖μ‖ and σ_0σ_p√d, the standard deviations of the products.
    filters : int
        Among how many the largest signal is taken: m by default; 2m for the faster of two equal classes.
    """
    samples = validate.real("samples", samples, 0, above=True)
    signal_scale = validate.real("signal_scale", signal_scale, 0, above=True)
    memory_scale = validate.real("memory_scale", memory_scale, 0, above=True)
    log_signal = log_largest(filters or m)
    dead = samples * 0.5**m
    return ClassStart(samples - dead, dead, signal_scale * float(np.exp(log_signal)),
                      memory_scale * float(np.exp(log_memory(m))), 0.5 * float(np.exp(-2 * log_signal)))
