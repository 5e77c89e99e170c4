"""Where a phase diagram changes: the line at which a mean passes a level, and its exponent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.core.intervals import Moments, combined, student
from theorysim.sweep.curve import Passing, passing
from theorysim.sweep.random_numbers import INDEPENDENT, kind_of
from theorysim.sweep.work import DONE

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Crossing:
    """A line in a phase diagram, with 95% intervals over seeds.

    Attributes
    ----------
    points : DataFrame
        One row per value of the axis ``over``: where the mean crosses (NaN where it does not), ``low``, ``high`` (−∞ or
        ∞ where the interval reaches beyond the diagram; NaN without a crossing or with a single seed), ``seeds``, and
        ``missing``, runs without a value, which are left out.
    exponent : (float, float, float)
        Least-squares slope of log crossing against log ``over`` with its interval, over the points whose intervals lie
        inside the diagram; NaN with fewer than three of them.
    """

    points: "pd.DataFrame"
    exponent: tuple[float, float, float]


def crossing(frame: "pd.DataFrame", value: str, level: float, *, along: str, over: str, algorithm: str) -> Crossing:
    """Find where the mean over seeds of ``value`` passes ``level`` along one axis, for every value of another.

    Where the monotone curve of least squares through the means passes, which rises or falls as these do on the whole;
    between two cells it is taken to be linear, of which intervals know nothing. The interval holds the places around it
    at which the interval of the mean holds the level: for random numbers that are independent between cells a sum of
    independent means, with Satterthwaite's degrees of freedom; where they are common (or the table does not say) the
    mean of what each seed has there, so that what its cells share is seen. It is the hull of Student's interval and of
    Hall's (J. R. Statist. Soc. B 54, 221, 1992), which takes skewness in. The same runs give the same intervals.

    That of the exponent is Student's. The standard error of a point is half the width of its interval, in logarithms,
    over Student's quantile; with common random numbers they are correlated as the seeds' contributions to them.

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
    rows, found = [], []
    for place, group in chosen.groupby(over):
        done = group[group["status"].isin(DONE)].pivot(index=along, columns="seed", values=value)
        table = done.reindex(columns=seeds).astype(float)
        table = table.where(np.isfinite(table)).dropna(how="all")
        found.append(passing(table.index.to_numpy(dtype=float), table.to_numpy(), level, independent))
        rows.append((float(str(place)), found[-1].value, found[-1].low, found[-1].high, seeds.size,
                     len(group) - int(table.notna().to_numpy().sum())))
    points = pd.DataFrame(rows, columns=[over, "crossing", "low", "high", "seeds", "missing"])
    return Crossing(points, _exponent(points[over].to_numpy(dtype=float), found))


def _exponent(over: NDArray[np.float64], found: Sequence[Passing]) -> tuple[float, float, float]:
    """Slope in logarithms over the points with an error, with its interval."""
    kept = np.array([np.isfinite(one.error) for one in found], dtype=bool)
    if kept.sum() < 3:
        return (np.nan, np.nan, np.nan)
    x, points = np.log(over[kept]), [one for one, keep in zip(found, kept, strict=True) if keep]
    weights = (x - x.mean()) / ((x - x.mean()) @ (x - x.mean()))
    slope = float(weights @ np.log([one.value for one in points]))
    errors, freedom = (np.array([getattr(one, name) for one in points]) for name in ("error", "freedom"))
    shared, parts = np.array([one.shared for one in points]), weights * errors
    if shared.any():
        sums = Moments(np.array(slope), ((parts @ shared) ** 2).sum(), np.array(0.0), freedom.min())
    else:
        sums = combined(parts, Moments(np.zeros(len(parts)), np.ones(len(parts)), np.zeros(len(parts)), freedom))
    reach = float(student(sums.freedom) * np.sqrt(sums.variance))
    return slope, slope - reach, slope + reach
