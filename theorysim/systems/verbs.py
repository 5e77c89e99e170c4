"""What simulate() and resume() share: their common keywords, how they end, and runs over seeds."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from theorysim.core import parallel, validate
from theorysim.core.run import Run
from theorysim.core.runs import Runs
from theorysim.core.status import DivergenceError, Status

MOST_STEPS = 2**53  # of a run: counted without rounding
Item = TypeVar("Item")


def check_common(until: Any, on_failure: Any, progress: Any) -> None:
    """Raise TypeError or ValueError for what these cannot be."""
    if until is not None:
        validate.function("until", until)
    validate.choice("on_failure", on_failure, ("raise", "return"))
    validate.flag("progress", progress)


def settled(run: Run, on_failure: str) -> Run:
    """The run, unless it has diverged and that is to raise."""
    if run.status == Status.DIVERGED and on_failure == "raise":
        raise DivergenceError(run)
    return run


def workers_of(workers: Any, threads: Any) -> int:
    """How many runs at a time; one alone where each takes several threads for itself.

    Raises
    ------
    TypeError, ValueError
        For what cannot be a number of workers, or go with ``threads``.
    """
    if workers is not None:
        workers = validate.integer("workers", workers, 1)
    if threads in (None, 1):
        return workers or parallel.cores()
    if workers not in (None, 1):
        raise ValueError(f"workers={workers!r}: must be 1 with threads={threads!r}, which one run has for itself")
    return 1


def over_seeds(
    work: Callable[[Item], Run], items: Sequence[Item], workers: int, on_failure: str, progress: bool
) -> Runs[Any]:
    """The runs that the work makes of seeds, or of runs, which stay as they are where Ctrl-C comes first.

    The work returns those that diverge.

    Raises
    ------
    DivergenceError
        See ``on_failure``: of the first that diverged, with all that were begun. No other is begun then.
    KeyboardInterrupt
        When there is no run yet.
    """
    def fails(run: Run) -> bool:
        return run.status == Status.DIVERGED and on_failure == "raise"

    made = parallel.side_by_side(work, items, workers, fails, progress)
    every = (item if run is None else run for item, run in zip(items, made, strict=True))
    found = [one for one in every if isinstance(one, Run)]
    if not found:
        raise KeyboardInterrupt
    runs = Runs(found)
    for run in runs:
        if fails(run):
            raise DivergenceError(run, runs)
    return runs
