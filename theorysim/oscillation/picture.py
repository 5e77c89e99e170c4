"""Oscillation alone: the norm of the neurons."""

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import style
from theorysim.core.grouping import Named, grouped
from theorysim.linear.picture import panels_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def norm_curves(runs: Named, axes: "Sequence[Axes] | None" = None) -> "NDArray[Any]":
    """Mean squared norm of the neurons over steps, with √η, below which Lemma 4 of T. Zhang et al. 2026 brings it.

    Parameters
    ----------
    runs : OscillationRun, sequence of them such as Runs, or mapping from names to these
        One run with chains has a band of two standard errors. Several runs (seeds) are drawn as their median with a
        band from smallest to largest; legends say how many.
    axes : one matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    array of one Axes
    """
    panels = panels_of(axes, 1)
    axis = panels[0]
    for number, (name, group) in enumerate(grouped(runs).items()):
        steps = reduce(np.intersect1d, [run.steps_observed for run in group])
        values = np.stack([run.column("mean_norm_sq")[np.isin(run.steps_observed, steps)] for run in group])
        middle, low, high = np.median(values, axis=0), values.min(axis=0), values.max(axis=0)
        if len(group) == 1:
            spread = 2 * np.nan_to_num(group[0].column("standard_error"))
            low, high = middle - spread, middle + spread
        look = style.series(number, dense=True)
        axis.plot(steps, middle, label=name, **look)
        axis.fill_between(steps, low, high, color=look["color"], alpha=0.2, linewidth=0)
        for rate in sorted({run.algorithm.lr for run in group}):
            axis.axhline(np.sqrt(rate), color=look["color"], linestyle=":", linewidth=1)
    axis.set(xlabel="step (updates)", ylabel="mean squared norm tr A/m (dotted: √η)", yscale="log")
    style.log_steps(axis)
    axis.legend(fontsize=8)
    return panels
