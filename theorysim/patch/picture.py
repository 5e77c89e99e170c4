"""Learning curves: what happens in runs, step by step."""

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import style
from theorysim.core.grouping import Named, grouped
from theorysim.patch.patch_data import PatchData

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
PANELS = 4
COLUMNS = {"gamma_max", "rho_bar_max", "train_loss"}


def learning_curves(runs: Named, axes: "Sequence[Axes] | None" = None, *, n_test: int = 10_000) -> "NDArray[Any]":
    """Learning curves of one run, of runs over seeds, or of such by name (the look of Huang et al. 2025, Figure 2).

    Four panels over training steps: signal learning max γ and noise memorization max ρ̄ (log scale);
    their ratio; training loss; test accuracy at the recorded steps with fresh noise. Dotted vertical
    lines mark the measured T1 and T2 of each name.

    Parameters
    ----------
    runs : Run, sequence of them such as Runs, or mapping from names to these
        Several runs (seeds) are drawn as their median with a band from smallest to largest; legends say how many.
    axes : four matplotlib Axes, optional
        Where to draw; a new figure by default.
    n_test : int
        Noise vectors per recorded step for the test accuracy; the last panel stays out for patch data.

    Returns
    -------
    array of four Axes
    """
    named = _named(runs)
    panels = _axes(axes)
    for number, (name, group) in enumerate(named.items()):
        colour = style.COLOURS[number % len(style.COLOURS)]
        steps = reduce(np.intersect1d, [run.steps_observed for run in group])
        gamma, rho, loss = (_stack(group, column, steps) for column in ("gamma_max", "rho_bar_max", "train_loss"))
        ratio = _ratio(rho, gamma)
        _band(panels[0], steps, gamma, colour, "-", f"{name}: max γ")
        _band(panels[0], steps, rho, colour, "--", f"{name}: max ρ̄")
        _band(panels[1], steps, ratio, colour, "-", name)
        _band(panels[2], steps, loss, colour, "-", name)
        _test_accuracy(panels[3], group, colour, name, n_test)
        _mark_stages(panels, group, colour, number)
    _label(panels)
    return panels


def _named(runs: Named) -> dict[str, list[Any]]:
    """Runs by name, all of which have these curves: of the patch network or its mean field."""
    named = grouped(runs)
    for one in (one for group in named.values() for one in group):
        if not COLUMNS <= set(one.table):
            raise TypeError(f"runs: must be of the patch network or its mean field, got {one!r}")
    return named


def _axes(axes: "Sequence[Axes] | None") -> "NDArray[Any]":
    if axes is None:
        import matplotlib.pyplot as plt

        _, made = plt.subplots(1, PANELS, figsize=(17, 3.8), layout="constrained")
        return np.asarray(made)
    given = np.asarray(axes, dtype=object).ravel()
    if given.size != PANELS:
        raise ValueError(f"axes: has {given.size} axes, must have {PANELS}")
    return given


def _stack(group: Sequence[Any], column: str, steps: NDArray[Any]) -> Array:
    return np.stack([run.column(column)[np.isin(run.steps_observed, steps)] for run in group])


def _ratio(rho: Array, gamma: Array) -> Array:
    """ρ̄/γ where both have begun, else NaN."""
    begun = (gamma > 0) & (rho > 0)
    return np.where(begun, rho / np.where(begun, gamma, 1.0), np.nan)


def _band(axis: "Axes", steps: NDArray[Any], values: Array, colour: str, style: str, label: str) -> None:
    axis.plot(steps, np.median(values, axis=0), color=colour, linestyle=style, label=label)
    if len(values) > 1:
        axis.fill_between(steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)


def _test_accuracy(axis: "Axes", group: Sequence[Any], colour: str, name: str, n_test: int) -> None:
    if any(isinstance(run.problem, PatchData) for run in group):
        return
    curves = [run.test_accuracy_curve(n_test=n_test)["test_accuracy"] for run in group]
    common = curves[0].index
    for curve in curves[1:]:
        common = common.intersection(curve.index)
    values = np.stack([curve[common].to_numpy() for curve in curves])
    _band(axis, common.to_numpy(), values, colour, "-", name)


def _mark_stages(panels: "NDArray[Any]", group: Sequence[Any], colour: str, number: int) -> None:
    times = [run.stage_times() for run in group]
    shown = [axis for axis in panels if axis.get_lines()]  # patch data has no test accuracy
    reached = {"T1": [time.T1 for time in times], "T2": [time.T2 for time in times]}
    for line, (text, steps) in enumerate(reached.items()):
        if np.isnan(steps).any():
            continue
        step = float(np.median(steps))
        for axis in shown:
            axis.axvline(step, color=colour, linestyle=":", linewidth=1)
        # One line of text for each mark, so that marks close together stay readable.
        shown[-1].annotate(
            f"{text} = {step:g}", (step, 0.45), xycoords=("data", "axes fraction"),
            xytext=(3, -11 * (2 * number + line)), textcoords="offset points", color=colour, fontsize=8,
        )


def _label(panels: "NDArray[Any]") -> None:
    titles = ("signal learning and noise memorization", "max ρ̄ / max γ", "training loss", "test accuracy, fresh noise")
    units = ("coefficient", "ratio", "logistic loss", "share correct")
    for axis, title, unit in zip(panels, titles, units, strict=True):
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("step (updates)")
        axis.set_ylabel(unit)
        axis.margins(x=0)
    for axis in panels[:3]:
        if any((line.get_ydata() > 0).any() for line in axis.get_lines()[:1]):
            axis.set_yscale("log")
    if panels[3].get_lines():
        panels[3].set_ylim(-0.02, 1.02)
        panels[3].axhline(0.5, color="0.6", linewidth=0.8)
    else:
        panels[3].set_axis_off()
    panels[0].legend(fontsize=8)
    panels[2].legend(fontsize=8)
