"""Where a phase diagram changes: the line at which a mean passes a level, and its exponent."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.core.intervals import student
from theorysim.sweep.random_numbers import INDEPENDENT, kind_of
from theorysim.sweep.work import DONE

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
REPLICATES = 2000  # of the bootstrap
NORMAL = 1.959964


@dataclass(frozen=True, eq=False)
class Crossing:
    """A line in a phase diagram, with 95% intervals over seeds.

    Attributes
    ----------
    points : DataFrame
        One row per value of the axis ``over``: where the mean crosses, ``low``, ``high`` (NaN where it does not, or may
        do so outside the diagram), ``seeds``, and ``missing``, runs without a value, which are left out.
    exponent : (float, float, float)
        Least-squares slope of log crossing against log ``over`` with its interval; NaN with fewer than three points.
    """

    points: "pd.DataFrame"
    exponent: tuple[float, float, float]


def crossing(frame: "pd.DataFrame", value: str, level: float, *, along: str, over: str, algorithm: str) -> Crossing:
    """Find where the mean over seeds of ``value`` passes ``level`` along one axis, for every value of another.

    Of several crossings the one counts that divides the axis best, in the direction in which the mean falls or rises on
    the whole: where the monotone curve of least squares passes. Between two cells the mean is taken to be linear, of
    which intervals know nothing. These are of a bootstrap over seeds, stretched for the number of seeds as Student's
    interval is. Seeds are drawn as the table has them: for every cell by itself where its random numbers are
    independent between cells; where they are common (or the table does not say) one draw for the whole diagram, so
    that what its cells share is seen. NaN for a single seed.

    Parameters
    ----------
    frame : DataFrame
        Of :func:`theorysim.sweep`, with two axes.
    value : str
        A measure.
    level : float
    along, over : str
        The axes.
    algorithm : str
        Which of the algorithms.

    Raises
    ------
    ValueError
        When the table lacks a column or the algorithm.
    """
    import pandas as pd

    for name in (value, along, over):
        validate.choice("column", name, list(frame.columns))
    validate.choice("algorithm", algorithm, list(dict.fromkeys(frame["algorithm"])))
    chosen = frame[frame["algorithm"] == algorithm]
    independent = kind_of(chosen) == INDEPENDENT
    seeds = np.unique(chosen["seed"])
    rng = np.random.default_rng(0)  # fixed: the same runs give the same intervals
    joint = _drawn(rng, seeds.size, 1)
    rows, samples = [], []
    for place, group in chosen.groupby(over):
        done = group[group["status"].isin(DONE)].pivot(index=along, columns="seed", values=value)
        table = done.reindex(columns=seeds).astype(float).dropna(how="all")
        where, values = table.index.to_numpy(dtype=float), table.to_numpy()
        drawn = _drawn(rng, seeds.size, len(values)) if independent else joint
        means = np.nanmean(values, axis=1)[None] if len(values) else np.zeros((1, 0))
        falling = bool(((where - where.mean()) * means[0]).sum() < 0) if len(values) else True
        found = float(_crossing(where, means - level, falling)[0])
        samples.append(_crossing(where, _means(values, drawn) - level, falling))
        low, high = _ends(found, samples[-1], seeds.size)
        inside = len(where) > 0 and where.min() <= low and high <= where.max()
        rows.append((float(str(place)), found, *((low, high) if inside else (np.nan, np.nan)), seeds.size,
                     len(group) - int(np.isfinite(values).sum())))
    points = pd.DataFrame(rows, columns=[over, "crossing", "low", "high", "seeds", "missing"])
    return Crossing(points, _exponent(points, over, np.array(samples), independent))


def _drawn(rng: np.random.Generator, seeds: int, cells: int) -> NDArray[np.int64]:
    """Places of the seeds drawn (cells, replicates, seeds); a single cell stands for all."""
    return rng.integers(seeds, size=(cells, REPLICATES, seeds))


def _means(values: Array, drawn: NDArray[np.int64]) -> Array:
    """Means (replicates, cells) over the seeds drawn, of cells (cells, seeds); that of all where none has a value."""
    there = np.isfinite(values)
    everything = np.where(there, values, 0).sum(axis=1) / there.sum(axis=1)
    if there.all():
        return np.array([one[places].mean(axis=1) for one, places in _pairs(values, drawn)]).T.reshape(REPLICATES, -1)
    total, count = (np.array([one[places].sum(axis=1) for one, places in _pairs(known, drawn)]).T
                    for known in (np.where(there, values, 0), there.astype(float)))
    return np.where(count > 0, total / np.maximum(count, 1), everything)


def _pairs(values: Array, drawn: NDArray[np.int64]) -> Iterator[tuple[Array, NDArray[np.int64]]]:
    """Every cell with its draws."""
    return zip(values, drawn if len(drawn) > 1 else (drawn[0] for _ in values), strict=False)


def _crossing(where: Array, excess: Array, falling: bool) -> Array:
    """Positions (replicates,) where each row changes its sign, by linear interpolation; NaN where none does.

    Of several changes in the direction asked for the one with the most above the level on its upper side, and below it
    on the other: where the monotone curve of least squares passes. The last or the first of the changes of a noisy row
    would be biased, the more so the finer the grid.
    """
    if len(where) < 2:
        return np.full(len(excess), np.nan)
    split = np.cumsum(excess if falling else -excess, axis=1)[:, :-1]
    found, rows = np.argmax(split, axis=1), np.arange(len(excess))
    left, right = excess[rows, found], excess[rows, found + 1]
    change = (left >= 0) & (right < 0) | (left > 0) & (right <= 0) if falling else (
        (left <= 0) & (right > 0) | (left < 0) & (right >= 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        place = where[found] + (where[found + 1] - where[found]) * left / (left - right)
    return np.where(change, place, np.nan)


def _ends(found: float, samples: Array, seeds: int, freedom: float | None = None) -> tuple[float, float]:
    """The middle 95% of replicates, stretched about what was found; NaN where a tail of them has no crossing.

    A bootstrap's spread is that of a normal law with the variance over n in place of n − 1.
    """
    if seeds < 2 or np.isnan(found) or np.isnan(samples).mean() > 0.025:
        return np.nan, np.nan
    stretch = student(seeds - 1 if freedom is None else freedom) / NORMAL * np.sqrt(seeds / (seeds - 1))
    low, high = np.nanpercentile(samples, [2.5, 97.5])
    return float(found - stretch * (found - low)), float(found + stretch * (high - found))


def _exponent(points: "pd.DataFrame", over: str, samples: Array, independent: bool) -> tuple[float, float, float]:
    """Slope in logarithms over the points that cross, with its interval."""
    found, seeds = points["crossing"].to_numpy(), int(points["seeds"].max()) if len(points) else 0
    kept = np.isfinite(found) & (found > 0)
    kept[kept] = (np.isnan(samples[kept]) | (samples[kept] <= 0)).mean(axis=1) < 0.025
    if kept.sum() < 3:
        return (np.nan, np.nan, np.nan)
    x = np.log(points[over].to_numpy()[kept])
    weights = (x - x.mean()) / ((x - x.mean()) @ (x - x.mean()))
    with np.errstate(invalid="ignore", divide="ignore"):
        replicates = np.log(samples[kept])
    replicates = np.where(np.isfinite(replicates), replicates, np.log(found[kept])[:, None])
    slope = float(weights @ np.log(found[kept]))
    parts = weights**4 * np.ptp(np.percentile(replicates, [2.5, 97.5], axis=1), axis=0) ** 4
    share = parts.sum() / np.sqrt(parts).sum() ** 2 if independent and parts.any() else 1.0  # Satterthwaite
    return (slope, *_ends(slope, weights @ replicates, seeds, (seeds - 1) / share))
