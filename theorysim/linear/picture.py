"""Linear networks: neurons shrink, then align."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import style
from theorysim.core.grouping import Named, grouped
from theorysim.linear.run import LinearRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS = {
    "test_loss": ("test loss ½‖Wᵀa − θ*‖²", "log"),
    "mean_norm_sq": ("mean squared norm tr A/m", "log"),
    "alignment": ("alignment θ̂ᵀAθ̂/tr A", "linear"),
}


def two_phases(runs: Named, axes: "Sequence[Axes] | None" = None) -> "NDArray[Any]":
    """Test loss, mean squared norm and alignment over steps (the look of T. Zhang et al. 2026, Figure 2).

    Parameters
    ----------
    runs : LinearRun, sequence of them such as Runs, or mapping from names to these
        Several runs (seeds) are drawn as their median with a band from smallest to largest; legends say how many.
    axes : three matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    array of three Axes
    """
    named, panels = grouped(runs), panels_of(axes, len(PANELS))
    for number, (name, group) in enumerate(named.items()):
        steps = _common([one.steps_observed for one in group])
        for axis, column in zip(panels, PANELS, strict=True):
            values = np.stack([one.column(column)[np.isin(one.steps_observed, steps)] for one in group])
            axis.plot(steps, np.median(values, axis=0), label=name, **style.series(number, dense=True))
            if len(group) > 1:
                axis.fill_between(steps, values.min(axis=0), values.max(axis=0), alpha=0.2, linewidth=0,
                                  color=style.series(number)["color"])
    for axis, (label, scale) in zip(panels, PANELS.values(), strict=True):
        axis.set(xlabel="step (updates)", ylabel=label, yscale=scale)
        style.log_steps(axis)
    panels[-1].set_ylim(0, 1.02)
    panels[0].legend(fontsize=8)
    return panels


def neurons(run: LinearRun, steps: Sequence[int], axis: "Axes | None" = None) -> "Axes":
    """Norm against |cos(w_i, θ*)| of the neurons followed, at some recorded steps.

    Parameters
    ----------
    run : LinearRun
    steps : sequence of int
        For each the recorded step at or after it.
    axis : matplotlib Axes, optional

    Returns
    -------
    Axes
    """
    if axis is None:
        import matplotlib.pyplot as plt

        axis = plt.subplots(layout="constrained")[1]
    for number, step in enumerate(steps):
        place = min(int(np.searchsorted(run.steps_recorded, step)), len(run.steps_recorded) - 1)
        norms = np.linalg.norm(run.neurons[place, :, :-1], axis=1)
        axis.plot(norms, np.abs(run.cosines[place]), label=f"step {run.steps_recorded[place]}",
                  **style.points(number), markersize=2)
    axis.set(xscale="log", xlabel="norm of a neuron ‖w_i‖", ylabel="|cos(w_i, θ*)|", ylim=(0, 1.02))
    axis.legend(fontsize=8)
    return axis


def plane(run: LinearRun, steps: Sequence[int], axis: "Axes") -> "Axes":
    """‖w_i‖² against ⟨w_i, θ*⟩ of the neurons followed, at recorded steps (T. Zhang et al. 2026, Figure 2, bottom)."""
    for number, step in enumerate(steps):
        first = run.neurons[int(np.searchsorted(run.steps_recorded, step)), :, :-1]
        axis.plot((first**2).sum(axis=1), first @ run.draw.target, label=f"step {step}",
                  **style.points(number), markersize=2)
    axis.set(xlabel="‖w_i‖²", ylabel="⟨w_i, θ*⟩")
    axis.legend(fontsize=8)
    return axis


def panels_of(axes: "Sequence[Axes] | Axes | None", count: int) -> "NDArray[Any]":
    """The Axes given, or those of a new figure.

    Raises
    ------
    ValueError
        When there are not as many as needed.
    """
    if axes is None:
        import matplotlib.pyplot as plt

        return np.atleast_1d(plt.subplots(1, count, figsize=(1 + 4 * count, 3.8), layout="constrained")[1])
    panels = np.asarray(axes, dtype=object).ravel()
    if panels.size != count:
        raise ValueError(f"axes: must be {count} Axes, got {panels.size}")
    return panels


def _common(every: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Steps that all runs were observed at."""
    steps = every[0]
    for other in every[1:]:
        steps = np.intersect1d(steps, other)
    return steps
