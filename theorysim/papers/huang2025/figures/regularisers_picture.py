"""The picture of the study of regularisers: four panels."""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from theorysim.core import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LIKE_LARGE_STEPS = {"momentum", "weight decay", "early stopping, loss", "early stopping, validation",
                    "small-loss selection", "weight noise"}  # in panel (a) only, as their curves would hide others


def draw(scan: "pd.DataFrame", boundary: "pd.DataFrame", names: Sequence[str], level: float, learned: float
         ) -> "Figure":
    """Boundaries of all rules; over n·SNR² at the largest n error, time and loss."""
    import pandas as pd
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.PAGE, 7.8), layout="constrained")
    (upper_left, upper_right), (lower_left, lower_right) = figure.subplots(2, 2)
    _boundaries(boundary, names, level, upper_left)
    n = int(scan["n"].max())
    largest = pd.concat([scan[(scan["n"] == n) & (scan["algorithm"] == name)] for name in names
                         if name not in LIKE_LARGE_STEPS])
    _lines(largest, "test_error", upper_right)
    upper_right.set(ylabel="test error, mean over seeds", title=f"test error, n = {n}", ylim=(-0.02, 0.54))
    _lines(largest, "learned_at", lower_left)
    lower_left.set(yscale="log", ylabel=f"gradient evaluations to a test error of {learned:g}",
                   title=f"when half of the seeds\nhave learned, n = {n}")
    _lines(largest.assign(train_loss=largest["train_loss"].clip(1e-6, 10)), "train_loss", lower_right)
    lower_right.set(yscale="log", ylabel="training loss at the end, median,\nshown within [10⁻⁶, 10]",
                    title=f"training loss, n = {n}")
    for axis in (upper_right, lower_left, lower_right):
        axis.set(xscale="log", xlabel="n·SNR²")
        style.log_ticks(axis.xaxis)
    style.log_ticks(lower_left.yaxis, lower_right.yaxis)
    figure.legend(*upper_right.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    style.panel_letters((upper_left, upper_right, lower_left, lower_right))
    return figure


def _lines(scan: "pd.DataFrame", column: str, axis: "Axes") -> None:
    """Mean of the error, median of the rest, a run without a time being later than all that have one."""
    for number, (name, group) in enumerate(scan.groupby("algorithm", sort=False)):
        by = group.assign(value=group[column].fillna(np.inf)).groupby("n_snr2")["value"]
        middle = by.mean() if column == "test_error" else by.median()
        middle = middle[np.isfinite(middle)]
        dash = style.DASHES[(number + number // len(style.COLOURS)) % len(style.DASHES)]
        axis.plot(middle.index, middle, label=name, **style.series(number) | {"linestyle": dash})


def _boundaries(boundary: "pd.DataFrame", names: Sequence[str], level: float, axis: "Axes") -> None:
    """One row for each rule, one marker for each n; hollow where the error rises again."""
    sizes = sorted(boundary["n"].unique())
    for number, (n, side) in enumerate(itertools.product(sizes, ("falls", "rises"))):
        points = boundary[(boundary["n"] == n) & (boundary["side"] == side) & boundary["crossing"].notna()]
        number //= 2
        at = np.array([names.index(name) for name in points["algorithm"]]) + 0.18 * (number - (len(sizes) - 1) / 2)
        middle = points["crossing"].to_numpy()
        reach = [np.nan_to_num(middle - np.maximum(points["low"], middle / 100)),
                 np.nan_to_num(np.minimum(points["high"], middle * 100) - middle)]
        axis.errorbar(middle, at, xerr=reach, **style.points(number), markersize=3,
                      markerfacecolor=None if side == "falls" else "white",
                      label=f"n = {n:.0f}" if side == "falls" else None)
    for row in range(len(names)):
        axis.axhline(row + 0.5, color="0.9", linewidth=0.6)
    axis.set(xscale="log", xlabel=f"n·SNR² where the mean test error is {level:g},\nwith 95% interval",
             ylim=(len(names) - 0.5, -0.5), ylabel="training rule",
             title="signal learned from here\nhollow: up to here")
    axis.set_yticks(range(len(names)), names)
    style.log_ticks(axis.xaxis)
    style.legend_below(axis, max(len(sizes), 1), lower=40)


def order(scan: "pd.DataFrame") -> list[str]:
    """Rules by their mean test error over all cells, the smallest first."""
    means = scan.groupby("algorithm", sort=False)["test_error"].mean()
    return [str(name) for name in means.sort_values(kind="stable").index]
