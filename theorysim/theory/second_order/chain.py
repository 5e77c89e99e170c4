"""The stationary law of the memory chain, exactly: a quadrature for its invariant measure. Derived.

One step makes of f = share·z^q, the output that memory alone gives,

    f ← f|1 + x|^q,   x = qκ c (f/share)^{(q−2)/q},   c = ες(−εf);   q = 2: x = 2κc whatever the share.

Its invariant measure can be singular (few values of ε), yet means of smooth functions are had to many digits. In
v = ln(e^f − 1), which is ln f below 1 and f above, everything is smooth at scale 1. On N Chebyshev nodes v_k of an
interval the operator (Kg)(v) = E g(v') becomes a matrix with rows of sum 1, by interpolation, and its left eigenvector
of eigenvalue 1 holds the weights w_k of a quadrature, E g = Σ_k w_k g(v_k). Steps that would leave the interval end at
its edge; it is chosen so wide that this does not matter, and made wider for the error.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import logsumexp

from theorysim.core import blas, validate
from theorysim.theory.second_order.limits import Phase, growth_rate, kappa_critical, phase
from theorysim.theory.second_order.multipliers import Multipliers

Array = NDArray[np.float64]
NEGLIGIBLE = 30.0  # −ln of the probability that is left out
WIDEST = 600.0  # of the interval
SIZES = (64, 128, 256, 512)  # nodes, until two of them agree
SMALLEST_FACTOR = 1e-100  # of one step, so that its logarithm is finite
AGREEMENT = 1e-9  # relative, of Ψ
RESOLVED = 0.05


@dataclass(frozen=True)
class Stationary:
    """What is stationary in one sample's memory.

    Attributes
    ----------
    psi : float
        Ψ = E[c], by what the chain leaves alone on average (ln z, or z^{2−q}): Ψ = E[2κc − ln(1 + 2κc)]/(2κ) for q = 2,
        so that nothing cancels.
    error : float
        What Ψ changes by with a wider interval and with fewer nodes: an estimate of its error.
    output, output_variance, log_output : float
        E f, Var f and E ln f; the first is f* only to lowest order in κ.
    pull_square : float
        E[c²].
    killing : float
        Probability per step that the factor 1 + x is not positive, which ends a real memory. 0 for flips up to κ = ½;
        where it is not small beside 1/(steps looked at) this stationary law is that of |z|, not of the network.
    """

    psi: float
    error: float
    output: float
    output_variance: float
    log_output: float
    pull_square: float
    killing: float


@lru_cache(maxsize=256)
def stationary(kappa: float, law: Multipliers, q: float = 2.0, share: float = 1.0) -> Stationary:
    """The stationary law of a sample's memory at κ = ησ_p²d/(nm).

    Parameters
    ----------
    kappa : float
        κ > 0; for q = 2 at most :func:`kappa_critical` where that is positive.
    law : Multipliers
    q : float
        Power of the activation, at least 2.
    share : float
        (Σ_r z_r^q)/(m z^q), in (0, 1]: k/m for k filters of equal size z. Of no influence for q = 2.

    Raises
    ------
    ValueError
        Naming the argument; and where there is no stationary law, as memory is killed or dies out.
    """
    kappa, q = validate.real("kappa", kappa, 0, above=True), validate.real("q", q, 2, 100)
    share = validate.real("share", share, 0, 1, above=True)
    rest = law.resting()
    fate = phase(kappa, law)
    if q == 2 and fate != Phase.RESTING:
        raise ValueError(f"kappa={kappa!r}: must be at most {kappa_critical(law):g} and such that E ln|1 + κε| > 0, "
                         f"which is {growth_rate(kappa, law):g}; memory is {fate}, and Ψ that of linear_psi")
    low, high = _interval(kappa, law, q, share, rest)
    with blas.single_threaded():
        size, change = SIZES[0], np.inf
        found = _moments(kappa, law, q, share, low, high, size)
        for more in SIZES[1:]:
            finer = _moments(kappa, law, q, share, low, high, more)
            if (difference := abs(finer.psi - found.psi)) > change:
                break  # what is left is rounding, which grows
            found, size, change = finer, more, difference
            if change <= AGREEMENT * abs(found.psi):
                break
        wide = _moments(kappa, law, q, share, low - (high - low) / 8, high + 1, size)
    error = max(change, abs(wide.psi - found.psi))
    if not error <= RESOLVED * abs(wide.psi):
        raise ValueError(f"kappa={kappa!r}: no stationary law is resolved: Ψ is {wide.psi:g} with error {error:g}, as "
                         f"where memory is killed with probability {wide.killing:.2g} a step")
    return replace(wide, error=error)


def _moments(
    kappa: float, law: Multipliers, q: float, share: float, low: float, high: float, size: int
) -> Stationary:
    """Means over the invariant measure on one grid, without an error."""
    nodes, barycentric = _chebyshev(low, high, size)
    f = np.logaddexp(0.0, nodes)
    product = (f / share) ** (1 / q)  # z
    pulls = law.pulls(f)
    x = q * kappa * pulls * product[:, None] ** (q - 2)
    logs = np.log(np.maximum(np.abs(1 + x), SMALLEST_FACTOR))
    to = np.clip(_unfolded(f[:, None] * np.exp(q * logs)), low, high)
    operator = np.zeros((size, size))
    for value, chance in enumerate(law.probabilities):
        operator += chance * _interpolation(nodes, barycentric, to[:, value])
    weights = np.linalg.solve(np.eye(size) - operator.T + np.full((size, size), 1 / size), np.full(size, 1 / size))
    if q == 2:
        left = (x - logs) / (2 * kappa)
    else:  # E z^{2−q} is left alone
        left = product[:, None] ** (2 - q) * (np.expm1((2 - q) * logs) + (q - 2) * x) / ((q - 2) * q * kappa)
    mean = float(weights @ f)
    return Stationary(
        psi=float(weights @ law.average(left)), error=0.0, output=mean,
        output_variance=float(weights @ (f - mean) ** 2), log_output=float(weights @ np.log(f)),
        pull_square=float(weights @ law.average(pulls**2)),
        killing=max(float(weights @ law.average(1 + x <= 0)), 0.0),
    )


def _interval(kappa: float, law: Multipliers, q: float, share: float, rest: float) -> tuple[float, float]:
    """Where v is but with a probability of about e^{−30}.

    Near rest Var f = 2κ_e f* E[c²]/H, H = −M'(f*), with κ_e = κ(q²/4) z*^{q−2}; far above f grows like a logarithm. Far
    below, the steps of ln z (or, for q > 2, of z^{2−q}) no longer depend on z, so it has an exponential tail, which
    begins where the lowest multiplier throws an output that is high.
    """
    size = (rest / share) ** (1 / q)
    effective = kappa * q**2 / 4 * size ** (q - 2)
    spread = np.sqrt(2 * effective * rest * float(law.pull_moment(rest, 2)) / stiffness(law))
    reach = np.sqrt(2 * NEGLIGIBLE) + 2
    top = rest + reach * spread + np.log1p(4 * NEGLIGIBLE * effective * rest)
    pulls = law.pulls(top)[np.array(law.probabilities) > np.exp(-NEGLIGIBLE)]
    thrown = np.log(top) + q * np.log(max(1 + q * kappa * pulls.min() * (top / share) ** ((q - 2) / q), 1e-3))
    bottom = min(np.log(rest) - reach * spread / rest, thrown)
    if q == 2:
        bottom -= NEGLIGIBLE / _decay(kappa, law)
    else:
        decay = 4 * law.mean / ((q - 2) * q * kappa * law.moment(2))
        smallest = (np.exp(bottom) / share) ** (1 / q)
        bottom = np.log(share) - q / (q - 2) * np.log(smallest ** (2 - q) + NEGLIGIBLE / decay)
    high = float(_unfolded(top))
    return max(float(bottom), high - WIDEST), high


def _unfolded(f: Any) -> Any:
    """v = ln(e^f − 1)."""
    with np.errstate(divide="ignore"):
        return f + np.log(-np.expm1(-f))


def stiffness(law: Multipliers) -> float:
    """H = −M'(f*) = E[ε²ς(εf*)ς(−εf*)]; p(1 − p) for flips, where it equals E[c²]."""
    pulls, epsilon = law.pulls(law.resting()), np.array(law.values)
    return float(law.average(pulls * (epsilon - pulls)))


def _decay(kappa: float, law: Multipliers) -> float:
    """θ > 0 with E|1 + κε|^{−2θ} = 1: P(f < x) falls like x^θ.

    Raises
    ------
    ValueError
        When no value of the law shrinks a memory, so that it knows no rest that is resolved.
    """
    kept = np.array(law.probabilities) > 1e-30
    chance, factors = np.array(law.probabilities)[kept], np.abs(1 + kappa * np.array(law.values)[kept])
    logs = np.log(np.maximum(factors, SMALLEST_FACTOR))

    if logs.min() >= 0:
        raise ValueError(f"kappa={kappa!r}: no stationary law is resolved: no |1 + κε| of the law's values is below 1")

    def excess(theta: float) -> float:
        return float(logsumexp(-2 * theta * logs, b=chance))

    high = 1e-6
    while excess(high) <= 0:
        high *= 2
    return float(brentq(excess, high / 2, high)) if high > 1e-6 else high


def _chebyshev(low: float, high: float, size: int) -> tuple[Array, Array]:
    """Nodes of the first kind, and their weights for interpolation."""
    angle = (2 * np.arange(size) + 1) * np.pi / (2 * size)
    barycentric = (np.sin(angle) * (-1.0) ** np.arange(size)).astype(np.float64)
    return low + (high - low) * (np.cos(angle) + 1) / 2, barycentric


def _interpolation(nodes: Array, barycentric: Array, at: Array) -> Array:
    """The matrix that makes of values at the nodes those of their polynomial elsewhere."""
    distance = at[:, None] - nodes
    hit = distance == 0
    matrix = barycentric / np.where(hit, 1.0, distance)
    matrix /= matrix.sum(axis=1, keepdims=True)
    there = hit.any(axis=1)
    matrix[there] = hit[there]
    return matrix
