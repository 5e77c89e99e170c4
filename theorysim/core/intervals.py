"""95% intervals: of a share, and of what is typical of a few independent numbers."""

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
    reach = student(values.size - 1) * values.std(ddof=1) / np.sqrt(values.size)
    centre = values.mean()
    return Interval(middle, float(min(means[0], centre - reach)), float(max(means[-1], centre + reach)))


def student(freedom: float) -> float:
    """The 97.5% quantile of Student's law."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.975))


def _left_out(size: int) -> int:
    """The rank of the ends of a signed-rank interval among the means of pairs, from either side; 0 where none is."""
    if size > EXACT:
        spread = np.sqrt(size * (size + 1) * (2 * size + 1) / 24)
        return int(size * (size + 1) / 4 - 1.959964 * spread)
    ways = np.ones(1)  # in which the positive ranks add up to 0, 1, 2, …
    for rank in range(1, size + 1):
        ways = np.pad(ways, (0, rank)) + np.pad(ways, (rank, 0))
    return int((ways.cumsum() / 2.0**size <= 0.025).sum())
