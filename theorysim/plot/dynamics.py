"""Learning curves of runs of any system."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.core.run import Run
from theorysim.plot.columns import columns
from theorysim.systems import system_of_run


def dynamics(
    runs: Run | Mapping[str, Run | Sequence[Run]], axes: Any = None, **options: Any
) -> NDArray[Any]:
    """What happens in a run, step by step, in the pictures that its system is known by.

    Parameters
    ----------
    runs : run, or mapping from name to run or sequence of runs
        Of one system: the patch network (:func:`learning_curves`, four panels), linear networks (:func:`two_phases`,
        three), reweighting (:func:`phases`, three for each name); of a system without a picture of its own, one panel
        for each of the first observables, and for every observable of one's own.
    axes : matplotlib Axes, optional
        As many as there are panels; a new figure by default.
    **options
        Of the picture, such as ``n_test`` of :func:`learning_curves`.

    Returns
    -------
    array of Axes

    Raises
    ------
    TypeError
        For what is not a run.
    """
    first: Any = runs
    while isinstance(first, Mapping | list | tuple) and first:
        first = next(iter(first.values())) if isinstance(first, Mapping) else first[0]
    validate.instance("runs", first, (Run,))
    picture = system_of_run(first).picture or columns
    drawn: NDArray[Any] = picture(runs, axes, **options)
    return drawn
