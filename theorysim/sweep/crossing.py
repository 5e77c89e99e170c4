"""Where a phase diagram changes: the line at which a mean passes a level, and its exponent."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.sweep.work import DONE

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
REPLICATES = 2000  # of the bootstrap


@dataclass(frozen=True, eq=False)
class Crossing:
    """A line in a phase diagram, with 95% bootstrap intervals over seeds.

    Attributes
    ----------
    points : DataFrame
        One row per value of the axis ``over``: where the mean crosses, ``low``, ``high``; NaN where it does not.
    exponent : (float, float, float)
        Least-squares slope of log crossing against log ``over`` with its interval; NaN with fewer than three points.
    """

    points: "pd.DataFrame"
    exponent: tuple[float, float, float]


def crossing(frame: "pd.DataFrame", value: str, level: float, *, along: str, over: str, algorithm: str) -> Crossing:
    """Find where the mean over seeds of ``value`` passes ``level`` along one axis, for every value of another.

    Of several crossings the one at the largest ``along`` counts. Between two cells the mean is taken to be linear.
    Seeds are resampled as a whole for each value of ``over``, since the cells of a seed share their random numbers.

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
    chosen = frame[(frame["algorithm"] == algorithm) & frame["status"].isin(DONE)]
    rng = np.random.default_rng(0)  # fixed: the same runs give the same intervals
    places, found, samples = [], [], []
    for place, group in chosen.groupby(over):
        table = group.pivot(index="seed", columns=along, values=value).dropna(axis=1).astype(float)
        where, values = table.columns.to_numpy(dtype=float), table.to_numpy()
        picks = rng.integers(len(values), size=(REPLICATES, len(values)))
        places.append(float(str(place)))
        found.append(float(_last_crossing(where, values.mean(axis=0)[None] - level)[0]))
        samples.append(_last_crossing(where, values[picks].mean(axis=1) - level))
    drawn = np.array(samples)
    low, high = _percentiles(drawn)
    points = pd.DataFrame({over: places, "crossing": found, "low": low, "high": high})
    return Crossing(points, _exponent(np.array(places), np.array(found), drawn))


def _last_crossing(where: Array, excess: Array) -> Array:
    """Positions (replicates,) of the last change of sign of each row, by linear interpolation."""
    changes = np.sign(excess[:, 1:]) != np.sign(excess[:, :-1])
    if not changes.shape[1]:
        return np.full(len(excess), np.nan)
    last, rows = changes.shape[1] - 1 - np.argmax(changes[:, ::-1], axis=1), np.arange(len(excess))
    left, right = excess[rows, last], excess[rows, last + 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        place = where[last] + (where[last + 1] - where[last]) * left / (left - right)
    return np.where(changes.any(axis=1), place, np.nan)


def _percentiles(samples: Array) -> tuple[Array, Array]:
    """95% intervals (rows,), NaN where a tail of replicates has no crossing."""
    lacking = np.isnan(samples).mean(axis=1) > 0.025
    ends = np.nanpercentile(np.where(lacking[:, None], 0.0, samples), [2.5, 97.5], axis=1)
    low, high = np.where(lacking, np.nan, ends)
    return low, high


def _exponent(over: Array, found: Array, samples: Array) -> tuple[float, float, float]:
    """Slope in logarithms over the points that cross, with its interval."""
    kept = np.isfinite(found) & (found > 0) & (np.isnan(samples).mean(axis=1) < 0.025)
    if kept.sum() < 3:
        return (np.nan, np.nan, np.nan)
    centred = np.log(over[kept]) - np.log(over[kept]).mean()
    weights = centred / (centred @ centred)
    replicates = np.log(samples[kept])
    replicates = np.where(np.isnan(replicates), np.nanmean(replicates, axis=1)[:, None], replicates)
    low, high = np.percentile(weights @ replicates, [2.5, 97.5])
    return float(weights @ np.log(found[kept])), float(low), float(high)
