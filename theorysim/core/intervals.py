"""95% intervals: of a share, of what is typical of a few independent numbers, and of means of such."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
EXACT = 50  # numbers up to which the signed-rank distribution is counted out


class Interval(NamedTuple):
    """An estimate between two ends."""

    value: float
    low: float
    high: float


def interval(hits: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Clopper–Pearson interval of a probability from ``hits`` among ``trials``; (0, 1) without trials."""
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(betaincinv(hits, trials - hits + 1, tail))
    high = 1.0 if hits == trials else float(betaincinv(hits + 1, trials - hits, 1 - tail))
    return low, high


def typical(numbers: ArrayLike) -> Interval:
    """The Hodges–Lehmann estimate (median of the means of all pairs) and its 95% signed-rank interval.

    For independent numbers of one law. Where this is symmetric the middle of it is estimated, which is also its mean,
    and the coverage does not depend on the law; else the median of the mean of two of them, with about the same
    coverage. A few wild numbers do not matter. Below six numbers signed ranks cannot reach 95%: then it is the hull
    of all numbers and of Student's interval. NaN ends for a single number, all NaN for none.
    """
    values = np.asarray(numbers, dtype=float)
    if not values.size:
        return Interval(np.nan, np.nan, np.nan)
    first, second = np.triu_indices(values.size)
    means = np.sort((values[first] + values[second]) / 2)
    middle = float(np.median(means))
    if values.size == 1:
        return Interval(middle, np.nan, np.nan)
    left_out = _left_out(values.size)
    if left_out:
        return Interval(middle, float(means[left_out - 1]), float(means[-left_out]))
    reach = float(student(values.size - 1)) * values.std(ddof=1) / np.sqrt(values.size)
    centre = values.mean()
    return Interval(middle, float(min(means[0], centre - reach)), float(max(means[-1], centre + reach)))


class Moments(NamedTuple):
    """What is known of a mean of independent numbers, or of a sum of such means: arrays of one shape.

    Attributes
    ----------
    value : the mean
    variance : of the mean, not of the numbers; NaN of a single number
    third : the third cumulant of the mean; 0 below three numbers, which show no skewness
    freedom : the degrees of freedom of ``variance``
    """

    value: Array
    variance: Array
    third: Array
    freedom: Array


def mean(numbers: ArrayLike) -> Interval:
    """The mean of independent numbers of one law and its 95% interval (see :func:`ends`); NaN ends for one number."""
    found = moments(numbers)
    low, high = ends(found)
    return Interval(float(found.value), float(low), float(high))


def moments(numbers: ArrayLike) -> Moments:
    """Of the means along the last axis, without bias; NaN are left out. All NaN where there is nothing."""
    values = np.asarray(numbers, dtype=float)
    there = np.isfinite(values)
    count = there.sum(axis=-1).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = np.where(there, values, 0.0).sum(axis=-1) / count
        rest = np.where(there, values - centre[..., None], 0.0)
        variance = (rest**2).sum(axis=-1) / (count * (count - 1))
        third = (rest**3).sum(axis=-1) / (count * (count - 1) * (count - 2))
    return Moments(centre, np.where(count < 2, np.nan, variance), np.where(count < 3, 0.0, third), count - 1)


def combined(weights: Array, parts: Moments) -> Moments:
    """Of sums (...,) of independent means (parts,) with weights (..., parts); degrees of freedom as Satterthwaite's."""
    known = np.isfinite(parts.variance)
    variance, freedom = np.where(known, parts.variance, 0.0), np.where(known, parts.freedom, 1.0)
    total = weights**2 @ variance
    unknown = (weights[..., ~known] != 0).any(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = weights**2 * variance / total[..., None]
        return Moments(weights @ parts.value, np.where(unknown, np.nan, total), weights**3 @ parts.third,
                       np.where(total > 0, 1 / (shares**2 @ (1 / freedom)), np.inf))


def ends(of: Moments) -> tuple[Array, Array]:
    """Ends of 95% intervals of true means: the hull of Student's interval and of Hall's, which takes skewness in.

    With T = (value − truth)/√variance and γ = third/variance^1.5, Hall's transformation T + γT²/3 + γ²T³/27 + γ/6 has
    no skewness to the order of γ; it grows with T, so that its interval is one. Student's holds means of a few skewed
    numbers too seldom (exponential law, five of them: in 89% of studies), Hall's those of a few with heavy tails, whose
    skewness is only apparent. ``third`` = 0 gives Student's alone; NaN where a variance is unknown.

    Source: P. Hall, On the removal of skewness by transformation, J. R. Statist. Soc. B 54, 221–228 (1992).
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        error, quantile = np.sqrt(of.variance), student(of.freedom)
        skewness = np.where(of.variance > 0, of.third / of.variance / error, 0.0)
    reaches = [_untransformed(side * quantile, skewness) for side in (-1, 1)]
    return (of.value - np.maximum(quantile, reaches[1]) * error, of.value - np.minimum(-quantile, reaches[0]) * error)


def _untransformed(value: Array, skewness: Array) -> Array:
    """The T whose transform by Hall's cubic is the value: T = (3/γ)((1 + γ(value − γ/6))^⅓ − 1), γ = 0 too."""
    plain = value - skewness / 6
    root = np.cbrt(1 + skewness * plain)
    return np.asarray(3 * plain / (root**2 + root + 1))


def student(freedom: ArrayLike) -> Array:
    """The 97.5% quantile of Student's law."""
    from scipy.special import stdtrit

    return np.asarray(stdtrit(np.asarray(freedom, dtype=float), 0.975), dtype=float)


def _left_out(size: int) -> int:
    """The rank of the ends of a signed-rank interval among the means of pairs, from either side; 0 where none is."""
    if size > EXACT:
        spread = np.sqrt(size * (size + 1) * (2 * size + 1) / 24)
        return int(size * (size + 1) / 4 - 1.959964 * spread)
    ways = np.ones(1)  # in which the positive ranks add up to 0, 1, 2, …
    for rank in range(1, size + 1):
        ways = np.pad(ways, (0, rank)) + np.pad(ways, (rank, 0))
    return int((ways.cumsum() / 2.0**size <= 0.025).sum())
