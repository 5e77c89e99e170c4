"""Oscillation alone: the norm of the neurons."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import style
from theorysim.linear.picture import grouped, panels_of
from theorysim.oscillation.run import OscillationRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OscillationRuns = OscillationRun | Mapping[str, OscillationRun | Sequence[OscillationRun]]


def norm_curves(runs: OscillationRuns, axes: "Sequence[Axes] | None" = None) -> "NDArray[Any]":
    """Mean squared norm of the neurons over steps, with √η, below which Lemma 4 of T. Zhang et al. 2026 brings it.

    Parameters
    ----------
    runs : OscillationRun, or mapping from name to OscillationRun or sequence of them
        With chains, a band of two standard errors.
    axes : one matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    array of one Axes
    """
    panels = panels_of(axes, 1)
    axis = panels[0]
    for number, (name, group) in enumerate(grouped(runs).items()):
        look = style.series(number, dense=True)
        for place, run in enumerate(group):
            steps, mean = run.steps_observed, run.column("mean_norm_sq")
            axis.plot(steps, mean, label=None if place else name, **look)
            spread = 2 * np.nan_to_num(run.column("standard_error"))
            axis.fill_between(steps, mean - spread, mean + spread, color=look["color"], alpha=0.2, linewidth=0)
            axis.axhline(np.sqrt(run.algorithm.lr), color=look["color"], linestyle=":", linewidth=1)
    axis.set(xlabel="step (updates)", ylabel="mean squared norm tr A/m (dotted: √η)", yscale="log")
    style.log_steps(axis)
    axis.legend(fontsize=8)
    return panels
