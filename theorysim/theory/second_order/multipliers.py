"""Laws of the label multiplier ε, and the pull c = ες(−εf) that one of them has on a sample of output f."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit

from theorysim.core import validate

Array = NDArray[np.float64]
NODES = 161  # of a law with a density
REACH = 9.0  # standard deviations of a Gaussian on either side; beyond is less than 3e-19
LARGEST_OUTPUT = 700.0  # of a root that is looked for: e^f is finite


@dataclass(frozen=True)
class Multipliers:
    """A law of ε: finitely many values with their probabilities (of a density, a quadrature).

    With the logistic loss and an output y_i f(x_i) = f the step of gradient descent pulls sample i by
    c = ες(−εf), ς(u) = 1/(1 + e^{−u}): all that label noise does goes through c.

    Attributes
    ----------
    values, probabilities : tuples of float
        Of the same length; probabilities ≥ 0 with sum 1.
    lowest : float
        The lowest value that the law allows (−∞ for a Gaussian), which decides what can kill a memory.

    Raises
    ------
    ValueError
        Naming what does not fit.
    """

    values: tuple[float, ...]
    probabilities: tuple[float, ...]
    lowest: float

    def __post_init__(self) -> None:
        values = validate.array("values", self.values, None)
        chances = validate.array("probabilities", self.probabilities, values.size)
        if not values.size or chances.min() < 0 or abs(chances.sum() - 1) > 1e-12:
            raise ValueError(f"probabilities: have sum {chances.sum():g}, must be one or more, at least 0, of sum 1")
        if np.isnan(self.lowest) or self.lowest > values[chances > 0].min():
            raise ValueError(f"lowest={self.lowest!r}: must be at most the least of values, {values.min():g}")

    @classmethod
    def flips(cls, p: float) -> Self:
        """ε = −1 with probability p in [0, 1], else 1."""
        p = validate.real("p", p, 0, 1)
        return cls((1.0, -1.0), (1 - p, p), -1.0 if p else 1.0)

    @classmethod
    def gaussian(cls, mean: float, std: float) -> Self:
        """ε ~ N(mean, std²), by the trapezoidal rule, error e^{−π²K/(9·std·f)} at output f, K = 161."""
        mean, std = validate.real("mean", mean), validate.real("std", std, 0)
        if std == 0:
            return cls((mean,), (1.0,), mean)
        nodes = np.linspace(-REACH, REACH, NODES)
        density = np.exp(-(nodes**2) / 2)
        return cls(tuple((mean + std * nodes).tolist()), tuple((density / density.sum()).tolist()), -np.inf)

    @classmethod
    def uniform(cls, low: float, high: float) -> Self:
        """ε ~ U[low, high], by Gauss and Legendre."""
        low = validate.real("low", low)
        high = validate.real("high", high, low)
        if low == high:
            return cls((low,), (1.0,), low)
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        values = low + (high - low) * (nodes + 1) / 2
        return cls(tuple(values.tolist()), tuple((weights / weights.sum()).tolist()), low)

    @cached_property
    def _epsilon(self) -> Array:
        return np.array(self.values)

    @cached_property
    def _chance(self) -> Array:
        return np.array(self.probabilities)

    @cached_property
    def spacing(self) -> Array:
        """(K,) how far apart the nodes of a density are; 0 of values that the law has."""
        dense = self._epsilon.size > 1 and self.lowest < self._epsilon.min()
        return np.abs(np.gradient(self._epsilon)) if dense else np.zeros(self._epsilon.size)

    @property
    def mean(self) -> float:
        """Eε; 1 − 2p for flips."""
        return self.moment(1)

    def moment(self, power: int) -> float:
        """Eε^power."""
        return float(self._epsilon**power @ self._chance)

    def average(self, values: ArrayLike) -> Array:
        """Σ_k P(ε_k) · values[..., k]: of what is given for every value of the law its mean, (...)."""
        mean: Array = np.asarray(values, dtype=float) @ self._chance
        return mean

    def pulls(self, outputs: ArrayLike) -> Array:
        """c_k = ε_k ς(−ε_k f) for every value of the law, (..., K), at outputs f (...)."""
        outputs = np.asarray(outputs, dtype=float)[..., None]
        pulls: Array = self._epsilon * expit(-self._epsilon * outputs)
        return pulls

    def mean_pull(self, outputs: ArrayLike) -> Array:
        """M(f) = E[ες(−εf)], which falls in f; ς(−f) − p for flips. That of label smoothing with α = 2p, too."""
        return self.average(self.pulls(outputs))

    def pull_moment(self, outputs: ArrayLike, power: int) -> Array:
        """E[c^power] at outputs f, like f."""
        return self.average(self.pulls(outputs) ** power)

    @cached_property
    def rest(self) -> float:
        """f*, the root of E[ες(−εf)] = 0: where outputs come to rest (derived).

        ln((1 − p)/p) for flips, exactly 2·mean/variance for a Gaussian. 0 where Eε ≤ 0, as nothing is memorised then,
        and ∞ without negative values, as outputs grow for ever (gradient descent) or beyond 700.
        """
        if self.mean <= 0:
            return 0.0
        if (self._epsilon[self._chance > 0] >= 0).all() or self.mean_pull(LARGEST_OUTPUT) > 0:
            return float("inf")
        return float(brentq(lambda f: float(self.mean_pull(f)), 0.0, LARGEST_OUTPUT, xtol=1e-14, rtol=1e-14))

    def resting(self) -> float:
        """f*, where there is one.

        Raises
        ------
        ValueError
            When outputs do not come to rest at a positive value.
        """
        if not 0 < self.rest < np.inf:
            raise ValueError(f"law: has mean {self.mean:g} and lowest value {self.lowest:g}; outputs come to rest only "
                             "where the mean is above 0 and the lowest value below")
        return self.rest
