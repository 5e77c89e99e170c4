"""A row of a phase diagram: the monotone curve through its cells, and where it may pass a level."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theorysim.core.intervals import Moments, combined, ends, moments, student

Array = NDArray[np.float64]
PARTS = 16  # of a piece of the axis that is searched; of every piece left over, again
ROUNDS = 6


@dataclass(frozen=True, eq=False)
class Passing:
    """Where a mean passes the level.

    Attributes
    ----------
    shared : array (seeds,)
        How far each seed moves the place, of length 1 in all; zeros where seeds are independent between cells.
    value, low, high : float
        The place and its 95% interval; NaN where there is no place, ±∞ where the interval leaves the diagram.
    error : float
        Standard error of the logarithm of the place, from the width of its interval; NaN where this leaves the diagram
        or what is positive.
    freedom : float
        Its degrees of freedom.
    """

    shared: Array
    value: float = np.nan
    low: float = np.nan
    high: float = np.nan
    error: float = np.nan
    freedom: float = np.nan


def passing(where: Array, values: Array, level: float, independent: bool) -> Passing:
    """Where the mean over seeds passes the level, of a row of cells (see :class:`Curve`)."""
    if len(where) < 2:
        return Passing(np.zeros(values.shape[1]))
    return Curve(where, values, level, independent).passing()


class Curve:
    """The monotone curve of least squares through the means of cells, less a level, linear between cells.

    It pools the neighbours between which the means go back and forth. At every place it is a sum of means, with
    weights that are taken as given.

    Parameters
    ----------
    where : array (cells,)
        Rising, two or more.
    values : array (cells, seeds)
        NaN where missing, at least one in every cell.
    level : float
    independent : bool
        Whether cells have independent random numbers; else those of a seed belong together.
    """

    def __init__(self, where: Array, values: Array, level: float, independent: bool) -> None:
        from scipy.optimize import isotonic_regression

        self.where, self.cells, self.independent = where, moments(values - level), independent
        excess = self.cells.value
        self.falling = bool(((where - where.mean()) * excess).sum() < 0)
        pools = isotonic_regression(excess, increasing=not self.falling).blocks
        self._shares = np.zeros((len(where), len(where)))  # of every cell, its pool's mean
        for first, end in zip(pools, pools[1:], strict=False):
            self._shares[first:end, first:end] = 1 / (end - first)
        count = self.cells.freedom[:, None] + 1  # what each seed adds to a mean, as numbers with its variance
        with np.errstate(invalid="ignore", divide="ignore"):
            scale = np.sqrt(values.shape[1] * (values.shape[1] - 1) / (count * (count - 1)))
        self._moves = np.where(np.isfinite(values) & (count > 1), values - level - excess[:, None], 0.0)
        self._moves *= np.where(count > 1, scale, 0.0)

    def passing(self) -> Passing:
        """The place at which the curve passes the level, with the 95% interval of the true one.

        These are the places around it at which the 95% interval of the curve holds the level.
        """
        nothing, value = np.zeros(self._moves.shape[1]), self._place()
        if np.isnan(value) or self.cells.freedom.max() < 1:
            return Passing(nothing, value)
        low, high = self._around(value)
        freedom = float(self._moments(np.array([value])).freedom[0])
        error = np.log(high / low) / 2 / float(student(freedom)) if 0 < low and high < np.inf else np.nan
        shared = nothing
        if not self.independent:
            moves = (self._weights(np.array([value])) @ self._moves)[0] * (1 if self.falling else -1)
            length = np.sqrt((moves**2).sum())
            shared = moves / length if length else nothing
        return Passing(shared, value, low, high, error, freedom)

    def _place(self) -> float:
        """Where the curve changes its sign; NaN where it does not."""
        above = (self._shares @ self.cells.value) * (1 if self.falling else -1)  # first positive, then negative
        left = int(np.clip((above >= 0).sum() - 1, 0, len(above) - 2))
        start, end = above[left], above[left + 1]
        if start < 0 or end > 0 or start == end:
            return np.nan
        return float(self.where[left] + (self.where[left + 1] - self.where[left]) * start / (start - end))

    def _weights(self, places: Array) -> Array:
        """Of all cells (places, cells) in the curve at some places."""
        left = np.clip(np.searchsorted(self.where, places, side="right") - 1, 0, len(self.where) - 2)
        share = ((places - self.where[left]) / (self.where[left + 1] - self.where[left]))[:, None]
        return (1 - share) * self._shares[left] + share * self._shares[left + 1]

    def _moments(self, places: Array) -> Moments:
        """Of the curve at some places."""
        weights = self._weights(places)
        if self.independent:
            return combined(weights, self.cells)
        whole = moments(weights @ self._moves)
        used = np.where(weights > 0, self.cells.freedom, np.inf).min(axis=1)
        return Moments(weights @ self.cells.value, np.where(used > 0, whole.variance, np.nan), whole.third, used)

    def _possible(self, places: Array) -> NDArray[np.bool_]:
        """Whether the interval of the curve holds the level, or is unknown, at some places."""
        low, high = ends(self._moments(places))
        return ~((low > 0) | (high < 0))

    def _around(self, value: float) -> tuple[float, float]:
        """The ends of the possible places around one; ±∞ where they reach the end of the diagram."""
        pieces = np.linspace(self.where[:-1], self.where[1:], PARTS + 1).ravel()
        places = np.unique(np.append(pieces, value))
        possible, at = self._possible(places), int(np.searchsorted(places, value))
        found = []
        for side, edge in ((-1, -np.inf), (1, np.inf)):
            line = places[at::side]
            outside = np.flatnonzero(~possible[at::side][1:])
            found.append(self._end(line[outside[0]], line[outside[0] + 1]) if outside.size else edge)
        return found[0], found[1]

    def _end(self, inside: float, outside: float) -> float:
        """The last possible place before one that is not."""
        for _ in range(ROUNDS):
            places = np.linspace(inside, outside, PARTS + 1)
            first = 1 + int(np.argmin(self._possible(places[1:])))
            inside, outside = places[first - 1], places[first]
        return float(inside)
