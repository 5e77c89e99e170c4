"""What a page says of a sweep: how its runs ended, a picture over its axes, means over seeds, and what was fixed."""

from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.plot import heatmap
from theorysim.report.parts import Folded, Part, Picture, Section, Text, facts, numbers, table_of
from theorysim.report.pictures import picture
from theorysim.sweep import summarise
from theorysim.sweep.work import DONE

if TYPE_CHECKING:
    import pandas as pd

MOST_RUNS = 500  # shown one by one
PICTURES = 3  # of measures


def section_of(frame: "pd.DataFrame") -> Section:
    """The table of a sweep."""
    axes, measures = frame.attrs["axes"], frame.attrs["measures"]
    parts: list[Part] = [Text(_ended(frame)), table_of(_ends(frame), "How runs ended")]
    if frame["status"].isin(DONE).any():
        parts += _drawn(frame, axes, measures)
        whole = summarise(frame)
        fixed = [name for name in whole.columns if name not in (*axes, "algorithm", *measures)
                 and whole[name].nunique(dropna=False) == 1 and len(whole) > 1]
        parts += [table_of(whole.drop(columns=fixed), "Means over seeds, se their standard errors; low and high are "
                           "ends of exact 95% intervals"),
                  *([facts("The same in every cell", {name: whole[name].iloc[0] for name in fixed})] if fixed else [])]
    parts += _each(frame, axes, measures)
    parts.append(Text("Problem and algorithms are not part of the table: the sweep cannot be made again from this page "
                      "alone. draw_seed is the seed that simulate() makes a run of the table again with."))
    return Section(f"Sweep over {', '.join(axes)}", tuple(parts), numbers(frame["seed"].tolist()))


def is_sweep(value: Any) -> bool:
    """Whether a table is one of runs over a grid, and still says what its axes are."""
    return {"axes", "measures"} <= set(value.attrs) and {"seed", "status", "algorithm"} <= set(value.columns)


def _ended(frame: "pd.DataFrame") -> str:
    """How many there are, of what."""
    complete = {True: "", False: " It was interrupted: runs are missing.", None: " Whether that is all is not known."}
    random = frame.attrs.get("random_numbers")
    kind = f", {random} random numbers" if random else ""
    algorithms = frame["algorithm"].nunique()
    return (f"{len(frame)} runs of {algorithms} algorithm{'s' if algorithms > 1 else ''} with "
            f"{frame['seed'].nunique()} seeds{kind}.{complete[frame.attrs.get('complete')]}")


def _ends(frame: "pd.DataFrame") -> "pd.DataFrame":
    return frame.fillna({"reason": ""}).groupby(["status", "reason"], sort=True).size().rename("runs").reset_index()


def _drawn(frame: "pd.DataFrame", axes: list[str], measures: list[str]) -> list[Part]:
    """Diagrams over two axes, curves over one; of the first measures that are numbers or truth values."""
    numeric = [name for name in axes if frame[name].dtype.kind in "iuf"]
    done = frame[frame["status"].isin(DONE)]
    some = [name for name in measures if _numbers(done[name]).notna().any()][:PICTURES]
    if len(axes) != len(numeric) or len(axes) > 2 or not some:
        return [Text("No picture: it needs one or two axes of numbers, and a measure that is a number.")]
    draw = _curve if len(axes) == 1 else _diagram
    try:
        return [draw(frame, axes, name) for name in some]
    except ValueError as error:  # of rows that were chosen or joined by hand
        return [Text(f"No picture: {error}.")]


def _numbers(values: "pd.Series[Any]") -> "pd.Series[Any]":
    import pandas as pd

    return pd.to_numeric(values, errors="coerce")


def _diagram(frame: "pd.DataFrame", axes: list[str], measure: str) -> Picture:
    return picture(lambda: _panels(frame, axes, measure),
                   f"{measure} over {axes[0]} and {axes[1]}, mean over seeds; cells without a completed run are grey.",
                   arrange=False)


def _panels(frame: "pd.DataFrame", axes: list[str], measure: str) -> Any:
    """Two in a row."""
    import matplotlib.pyplot as plt

    count = frame["algorithm"].nunique()
    rows = -(-count // 2)
    made = plt.subplots(rows, min(2, count), figsize=(4.8 * min(2, count), 3.6 * rows), layout="constrained",
                        squeeze=False)[1].ravel()
    for axis in made[count:]:
        axis.set_axis_off()
    return heatmap(frame, axes[0], axes[1], measure, axes=list(made[:count]))


def _curve(frame: "pd.DataFrame", axes: list[str], measure: str) -> Picture:
    return picture(lambda: _lines(frame, axes[0], measure),
                   f"{measure} over {axes[0]}: mean over seeds, bars of one standard error.", arrange=False)


def _lines(frame: "pd.DataFrame", axis: str, measure: str) -> Any:
    import matplotlib.pyplot as plt

    made = plt.subplots(figsize=(6.4, 4), layout="constrained")[1]
    done = frame[frame["status"].isin(DONE)]
    for number, (name, group) in enumerate(done.groupby("algorithm", sort=False)):
        of = _numbers(group[measure]).groupby(group[axis])
        made.errorbar(of.mean().index, of.mean(), of.sem().fillna(0), color=f"C{number}", marker="osD^v"[number % 5],
                      markersize=4, capsize=2, label=str(name))
    values = np.unique(done[axis])
    if values.size > 2 and values[0] > 0 and values[-1] / values[0] > 30:
        made.set_xscale("log")
    made.set(xlabel=axis, ylabel=measure)
    made.legend(fontsize=8)
    return made


def _each(frame: "pd.DataFrame", axes: list[str], measures: list[str]) -> list[Part]:
    if len(frame) > MOST_RUNS:
        return [Text(f"The {len(frame)} runs themselves are not on this page; frame.to_csv(path) has them.")]
    shown = frame[[*axes, "algorithm", "seed", "draw_seed", "status", "reason", *measures]]
    return [Folded(f"All {len(frame)} runs", (table_of(shown, ""),))]
