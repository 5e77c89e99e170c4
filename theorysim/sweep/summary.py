"""summarise(): means with standard errors, and rates with exact intervals, over seeds."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.core import intervals as binomial
from theorysim.check import Verdict
from theorysim.sweep.random_numbers import kind_of
from theorysim.sweep.work import DONE
if TYPE_CHECKING:
    import pandas as pd

OF_RUNS = ("seed", "draw_seed", "status", "reason")  # columns that belong to one run


def summarise(frame: "pd.DataFrame", by: Sequence[str] | None = None) -> "pd.DataFrame":
    """Average a sweep over seeds.

    Parameters
    ----------
    frame : DataFrame
        Of :func:`sweep` or :func:`load_sweep`, or read from a file.
    by : sequence of str, optional
        Columns that define a cell: the axes and the algorithm by default (a table read from CSV has
        forgotten which these were).

    Returns
    -------
    DataFrame
        One row per cell and algorithm, in the order of the sweep, with ``runs``, ``completed``, ``failed``,
        ``random_numbers`` ("independent" between cells or "common" to them, where the table says) and, of every measure
        x over completed runs:

        - a number: ``x`` (mean), ``x_se`` (standard error of the mean, NaN for a single run), ``x_count`` (runs that
          have it), and where some have none, as of T2 not reached, the share that has: ``x_reached`` with exact 95%
          interval ``x_reached_low``, ``x_reached_high``;
        - a truth value: ``x`` (share that is true) with exact 95% interval ``x_low``, ``x_high``;
        - a verdict: the same for the share of "holds" among "holds" and "violated", ``x_count`` of them.

        Then the fields of the problem and the algorithm.

    Raises
    ------
    ValueError
        When ``by`` is missing or names no column.
    """
    import pandas as pd

    axes, measures = frame.attrs.get("axes"), frame.attrs.get("measures")
    if by is None:
        if axes is None:
            raise ValueError("by=None: this table does not say what its axes are; name the columns that define a cell")
        by = [*axes, "algorithm"]
    unknown = [name for name in by if name not in frame.columns]
    if unknown or not by:
        columns = ", ".join(map(str, frame.columns))
        raise ValueError(f"by={list(by)!r}: must name columns of the table, which are {columns}")
    if measures is None:
        measures = _numbers_that_vary(frame, by)
    kind: dict[str, Any] = {} if kind_of(frame) is None else {"random_numbers": kind_of(frame)}
    rows = []
    for key, group in frame.groupby(list(by), sort=False, dropna=False):
        done = group[group["status"].isin(DONE)]
        row = dict(zip(by, key, strict=True))
        row |= {"runs": len(group), "completed": len(done), "failed": len(group) - len(done)} | kind
        for name in measures:
            row |= _summary(name, done[name])
        fields = [name for name in frame.columns
                  if name not in row and name not in (*measures, "algorithm", *OF_RUNS)]
        rows.append(row | {name: group[name].iloc[0] for name in fields})
    summary = pd.DataFrame(rows)
    summary.attrs = kind | {"axes": [name for name in by if name != "algorithm"], "measures": list(measures)}
    return summary


def _numbers_that_vary(frame: "pd.DataFrame", by: Sequence[str]) -> list[str]:
    """Columns that differ between seeds of a cell: what was measured."""
    others = [name for name in frame.columns if name not in (*by, *OF_RUNS)]
    varies = frame.groupby(list(by), dropna=False)[others].nunique().max() > 1
    return [name for name in others if varies[name]]


def _summary(name: str, values: "pd.Series[Any]") -> dict[str, Any]:
    """What a table says of one measure over the seeds of one cell."""
    known = values.dropna()
    if len(known) and all(isinstance(value, bool | np.bool_) for value in known):
        return _share(name, int(known.sum()), len(known))
    if len(known) and all(isinstance(value, str) for value in known):
        holds, violated = (int((known == str(verdict)).sum()) for verdict in (Verdict.HOLDS, Verdict.VIOLATED))
        return _share(name, holds, holds + violated) | {f"{name}_count": holds + violated}
    numbers = values.astype(float)
    numbers = numbers[~numbers.isna()]
    row = {name: numbers.mean(), f"{name}_se": numbers.sem(), f"{name}_count": len(numbers)}
    reached = _share(f"{name}_reached", len(numbers), len(values)) if len(numbers) < len(values) else {}
    return row | reached


def _share(name: str, hits: int, trials: int) -> dict[str, float]:
    low, high = binomial.interval(hits, trials)
    return {name: hits / trials if trials else np.nan, f"{name}_low": low, f"{name}_high": high}
