"""The reduced problem: T(a) = E_θ[F_a(h(Lθ))] over uniform directions θ, h(z) = Σ_r c_r max(0, z_r)^q.

z = Lu with u standard normal in k = rank dimensions, u = Rθ; h is homogeneous, so given θ the probability of
R^q h ≥ a is an exact tail of the χ_k law and only the direction is random (derived).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theorysim.rare_event import kernel as radial

Array = NDArray[np.float64]
NULL = 1e-13  # eigenvalues of the correlation matrix below this, relative to the largest, are rounding


@dataclass(frozen=True, eq=False)
class Tail:
    """P(h(Lu) ≥ level), u standard normal.

    Attributes
    ----------
    c : (r,) array
        Second layer of the neurons that are left.
    factor : (r, k) array
        L, scaled so that its longest row is 1.
    q : float
    level : float
        a in the scaled units.
    """

    c: Array
    factor: Array
    q: float
    level: float

    @property
    def rank(self) -> int:
        """k."""
        return self.factor.shape[1]

    def at(self, level: float) -> "Tail":
        """The same at another level."""
        return Tail(self.c, self.factor, self.q, level)

    def outputs(self, z: Array) -> Array:
        """h of rows z (N, r)."""
        result = np.empty(len(z))
        radial.homogeneous_many(self.c, self.q, np.ascontiguousarray(z), result)
        return result

    def log_conditional(self, h: Array, level: float | None = None) -> Array:
        """log F_a(h), the probability given the direction."""
        result = np.empty(h.size)
        radial.log_conditionals(self.rank, self.q, self.level if level is None else level, h, result)
        return result


def reduce(c: Array, covariance: Array, q: float, level: float) -> "Tail | float":
    """The reduced problem, or log P where it is known exactly.

    Neurons without variance are dropped; directions of the correlation matrix that are rounding are left out.
    """
    deviation = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    alive = (deviation > 0) & (c != 0)
    c, deviation, covariance = c[alive], deviation[alive], covariance[np.ix_(alive, alive)]
    if not c.size:
        return 0.0 if level <= 0 else -np.inf
    if level > 0 and not (c > 0).any():
        return -np.inf
    if level <= 0 and not (c < 0).any():
        return 0.0
    size, axes = np.linalg.eigh(covariance / np.outer(deviation, deviation))
    kept = size > NULL * size[-1]
    factor = axes[:, kept] * np.sqrt(size[kept])
    factor /= np.linalg.norm(factor, axis=1, keepdims=True)
    largest = float(deviation.max())
    # In logarithms, for the level may leave the range of floats when it is scaled.
    exponent = np.clip(np.log(abs(level)) - q * np.log(largest), -700, 700) if level else 0.0
    scaled = float(np.sign(level) * np.exp(exponent))
    tail = Tail(c, np.ascontiguousarray(factor * (deviation / largest)[:, None]), float(q), scaled)
    if tail.rank > 1:
        return tail
    both = tail.log_conditional(tail.outputs(np.array([[1.0], [-1.0]]) @ tail.factor.T))
    return float(np.logaddexp(*both) - np.log(2))
