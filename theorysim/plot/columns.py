"""Observables over steps, for runs of any system."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import style
from theorysim.core.grouping import Named, grouped
from theorysim.core.run import Run

MOST = 4  # panels, unless columns are named


def columns(
    runs: Named, axes: Any = None, *, names: Sequence[str] | None = None
) -> NDArray[Any]:
    """Observables over steps, one panel each; several runs (seeds) as median and band from smallest to largest.

    Parameters
    ----------
    runs : Run, sequence of them such as Runs, or mapping from names to these
    axes : array of Axes, optional
        As many as columns; a new figure by default.
    names : sequence of str, optional
        Columns of the runs; by default the first four and all of one's own.

    Returns
    -------
    array of Axes

    Raises
    ------
    TypeError, ValueError
        For what is not a run, an unknown column, or a wrong number of axes.
    """
    named = grouped(runs)
    first = next(iter(named.values()))[0]
    chosen = [*list(first.table)[:MOST], *first.own] if names is None else list(names)
    if axes is None:
        import matplotlib.pyplot as plt

        _, axes = plt.subplots(1, len(chosen), figsize=(4.25 * len(chosen), 3.8), layout="constrained", squeeze=False)
    panels: NDArray[Any] = np.asarray(axes, dtype=object).ravel()
    if panels.size != len(chosen):
        raise ValueError(f"axes: must be {len(chosen)} Axes, got {panels.size}")
    for axis, column in zip(panels, chosen, strict=True):
        for number, (name, group) in enumerate(named.items()):
            _curve(axis, group, column, style.COLOURS[number % len(style.COLOURS)], name)
        axis.set(xlabel="step (updates)", ylabel=column, title=column)
    panels[0].legend(fontsize=8)
    return panels


def _curve(axis: Any, group: Sequence[Run], column: str, colour: str, name: str) -> None:
    """One name in one panel; steps at which no run has a value are left out."""
    steps = reduce(np.intersect1d, [one.steps_observed for one in group])
    values = np.stack([one.column(column)[np.isin(one.steps_observed, steps)] for one in group])
    known = ~np.isnan(values).any(axis=0)
    steps, values = steps[known], values[:, known]
    axis.plot(steps, np.median(values, axis=0), color=colour, label=name)
    if len(group) > 1:
        axis.fill_between(steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, linewidth=0)
