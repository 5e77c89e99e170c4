"""Learning curves of runs of any system."""

from typing import Any

from theorysim.linear import LinearRun
from theorysim.patch.picture import learning_curves
from theorysim.linear.picture import two_phases
from theorysim.reweighting.picture import phases
from theorysim.reweighting import ReweightingRun


def dynamics(runs: Any, axes: Any = None, **options: Any) -> Any:
    """What happens in a run, step by step, in the pictures that its system is known by.

    Parameters
    ----------
    runs : run, or mapping from name to run or sequence of runs
        Of one system: :class:`Run` (:func:`learning_curves`, four panels), :class:`LinearRun` (:func:`two_phases`,
        three) or :class:`ReweightingRun` (:func:`phases`, three for each name).
    axes : matplotlib Axes, optional
        As many as there are panels; a new figure by default.
    **options
        ``n_test`` of :func:`learning_curves`.

    Returns
    -------
    array of Axes

    Raises
    ------
    TypeError
        For what is not a run.
    """
    first = runs
    while not isinstance(first, LinearRun | ReweightingRun) and isinstance(first, dict | list | tuple) and first:
        first = next(iter(first.values())) if isinstance(first, dict) else first[0]
    if isinstance(first, LinearRun):
        return two_phases(runs, axes, **options)
    if isinstance(first, ReweightingRun):
        return phases(runs, axes, **options)
    return learning_curves(runs, axes, **options)
