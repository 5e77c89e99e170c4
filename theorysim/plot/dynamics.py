"""Learning curves of runs of any system."""

from typing import Any

from numpy.typing import NDArray

from theorysim.core.grouping import Named, grouped
from theorysim.plot.columns import columns
from theorysim.systems import system_of_run


def dynamics(runs: Named, axes: Any = None, **options: Any) -> NDArray[Any]:
    """What happens in a run, step by step, in the pictures that its system is known by.

    Parameters
    ----------
    runs : run, sequence of runs such as Runs, or mapping from names to these
        Several runs (seeds) are drawn as median and band from smallest to largest, and legends say how many. Of one
        system: the patch network (:func:`learning_curves`, four panels), linear networks (:func:`two_phases`, three),
        reweighting (:func:`phases`, three for each name); of a system without a picture of its own, one panel for each
        of the first observables, and for every observable of one's own.
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
    first, *_ = next(iter(grouped(runs).values()))
    picture = system_of_run(first).picture or columns
    drawn: NDArray[Any] = picture(runs, axes, **options)
    return drawn
