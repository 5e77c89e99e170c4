"""A sweep on the screen: means and shares over seeds, with 95% intervals."""

from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.cli import output
from theorysim.core import intervals
from theorysim.sweep import summarise
from theorysim.sweep.work import DONE

if TYPE_CHECKING:
    import pandas as pd

TOLD = "mean or share over seeds [95% interval]"


def completed(frame: "pd.DataFrame") -> int:
    """How many runs have measures."""
    return int(frame["status"].isin(DONE).sum())


def lines(frame: "pd.DataFrame") -> list[str]:
    """The table, a row for every cell and algorithm, and what became of runs that did not complete."""
    if not len(frame):
        return ["no run was complete"]
    axes, measures = frame.attrs["axes"], frame.attrs["measures"]
    table = summarise(frame)
    groups = frame.groupby([*axes, "algorithm"], sort=False, dropna=False)
    rows = [[*axes, "algorithm", "runs", *measures]]
    for (_, group), row in zip(groups, table.to_dict("records"), strict=True):
        done = group[group["status"].isin(DONE)]
        rows.append([*(_short(row[name]) for name in axes), str(row["algorithm"]), f"{len(done)}/{len(group)}",
                     *(_told({str(key): value for key, value in row.items()}, name, done[name])
                       for name in measures)])
    return [TOLD, "", *output.columns(rows), "", *_others(frame)]


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _told(row: dict[str, Any], name: str, values: "pd.Series[Any]") -> str:
    """A measure of one cell: its mean, or the share that is true or holds, and how many runs have it if not all."""
    if f"{name}_se" not in row:
        counted = row.get(f"{name}_count", len(values))
        if not counted:
            return "–"
        return f"{row[name]:.3g} [{row[f'{name}_low']:.3g}, {row[f'{name}_high']:.3g}]" + _of(counted, len(values))
    numbers = values.astype(float).to_numpy()
    known = numbers[np.isfinite(numbers)]
    if not known.size:
        return "–"
    found = intervals.mean(known)
    ends = "" if np.isnan(found.low) else f" [{found.low:.3g}, {found.high:.3g}]"
    return f"{found.value:.3g}{ends}" + _of(known.size, len(values))


def _of(there: int, runs: int) -> str:
    return f" ({int(there)} of {runs})" if there < runs else ""


def _others(frame: "pd.DataFrame") -> list[str]:
    """How many runs there are, and how many of them have no measures, with the first reason of each kind."""
    told = [f"{len(frame)} runs"]
    for status, group in frame[~frame["status"].isin(DONE)].groupby("status", sort=False):
        told.append(f"{len(group)} {status}: {group['reason'].iloc[0]}")
    return told
