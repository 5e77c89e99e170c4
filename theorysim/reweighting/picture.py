"""Sample reweighting: weights that separate, and the three phases."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import style
from theorysim.core.grouping import Named, grouped
from theorysim.reweighting.run import ReweightingRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAND = (0.1, 0.9)  # quantiles over samples
COLOURS = {"clean": style.CLEAN, "noisy": style.NOISY}
TIMES = ("t_pol", "t1", "t2")
PHASES = ("alignment", "filtering", "post-filtering")
PANELS = 3

Array = NDArray[np.float64]


def phases(runs: Named, axes: "Any | None" = None) -> "NDArray[Any]":
    """Sample weights, clean loss, AUC and test accuracy over steps, with t_pol, t1 and t2 and the phases they bound.

    Alignment is until t1, filtering from t1 to t2, post-filtering from t2 on (Zhang et al., arXiv 2510.12209; the
    times are :meth:`ReweightingRun.stage_times`). Weights: mean of the samples with true and with flipped labels, with
    a band of the quantiles 0.1 to 0.9 over samples.

    Parameters
    ----------
    runs : ReweightingRun, sequence of them such as Runs, or mapping from names to these
        Several runs (seeds) are drawn as the median of their curves, the band over the samples of all, and the median
        of their times, where a time not reached counts as late; the title says how many.
    axes : array of Axes, optional
        Three for each name; a new figure by default.

    Returns
    -------
    array of Axes
        (3,) for a run or runs over seeds, (names, 3) for a mapping.
    """
    alone, named = not isinstance(runs, Mapping), grouped(runs)
    if axes is None:
        import matplotlib.pyplot as plt

        _, axes = plt.subplots(len(named), PANELS, figsize=(13, 3.6 * len(named)), layout="constrained")
    panels: NDArray[Any] = np.asarray(axes, dtype=object).ravel()
    if panels.size != PANELS * len(named):
        raise ValueError(f"axes: must be {PANELS * len(named)} Axes, {PANELS} for each name, got {panels.size}")
    panels = panels.reshape(-1, PANELS)
    for row, (name, group) in zip(panels, named.items(), strict=True):
        steps = reduce(np.intersect1d, [one.steps_recorded for one in group])
        _weights(row[0], group, steps)
        row[1].plot(steps, _median(group, steps, "clean_loss"), color=style.BLUE)
        row[2].plot(steps, _median(group, steps, "auc"), color=style.VIOLET, label="AUC of the weights")
        later = steps[steps > 0]  # f = 0 at first: no answer is neither right nor wrong
        row[2].plot(later, _median(group, later, "test_accuracy"), color=style.GREEN, linestyle="--",
                    label="test accuracy")
        times = {time: float(np.median([np.nan_to_num(one.stage_times()[time], nan=np.inf) for one in group]))
                 for time in TIMES}
        for axis, label in zip(row, ("sample weight w", "clean loss ½(f − y)²", "share"), strict=True):
            axis.set(xlabel="step (updates)", ylabel=label)
            style.log_steps(axis)
            axis.set_xlim(1, steps[-1])
            _marks(axis, times)
        row[0].set_ylim(-0.02, 1.27)
        row[0].set_title("" if alone and len(group) == 1 else name)
        _phases(row[0], times, float(steps[-1]))
        row[1].set_yscale("log")
        row[0].legend(fontsize=7, loc="center right")
        row[2].legend(fontsize=8, loc="lower left")
    return panels[0] if alone else panels


def _weights(axis: "Axes", group: Sequence[ReweightingRun], steps: NDArray[np.int64]) -> None:
    """Means and bands of both kinds of samples."""
    for kind, colour in COLOURS.items():
        axis.plot(steps, _median(group, steps, f"weight_{kind}"), color=colour, label=f"{kind} samples, mean")
        chosen = [(one, one.noisy == (kind == "noisy")) for one in group]
        samples = np.concatenate([one.weights[np.isin(one.steps_recorded, steps)][:, of] for one, of in chosen], axis=1)
        if samples.shape[1]:
            low, high = np.quantile(samples, BAND, axis=1)
            axis.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)


def _median(group: Sequence[ReweightingRun], steps: NDArray[np.int64], column: str) -> Array:
    """An observable at some steps, median over runs."""
    values: Array = np.median([one.observables.loc[steps, column].to_numpy() for one in group], axis=0)
    return values


def _marks(axis: "Axes", times: Mapping[str, float]) -> None:
    """A dotted line at each time that is reached."""
    for name, dash in zip(TIMES, (":", "--", "-"), strict=True):
        if np.isfinite(times[name]):
            axis.axvline(times[name], color="black", linewidth=0.9, linestyle=dash)


def _phases(axis: "Axes", times: Mapping[str, float], last: float) -> None:
    """Names of the phases between their ends, and of the times at their lines."""
    ends = [1.0, min(times["t1"], last), min(times["t2"], last), last]
    forward = axis.transData.transform
    for name, height, start, stop in zip(PHASES, (1.09, 1.2, 1.09), ends, ends[1:], strict=False):
        if stop > start:
            left, right = (forward((step, 0.0))[0] for step in (start, stop))
            middle = axis.transData.inverted().transform(((left + right) / 2, 0.0))[0]
            axis.text(middle, height, name, ha="center", va="center", fontsize=7.5,
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})
    for name in TIMES:
        if np.isfinite(times[name]):
            axis.text(times[name], 1.0, f" {name} = {times[name]:g}", rotation=90, va="top", ha="right", fontsize=7)
