"""What statements share: the steps that they speak about, and the plainest of their two sides.

A window is a function of an evidence that returns the steps a claim is about, all of them and these only, whatever the
run has kept; a side is one of (evidence, steps) that returns a value for each step. A moment is a function of an
evidence that returns a time, NaN where it has not come. Each raises :class:`NotSampledError` where the run has not kept
what would tell, and :class:`NotEvaluableError` where no run can.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Steps = NDArray[np.int64]
Window = Callable[[Any], Steps]
Side = Callable[[Any, Steps], Any]
Moment = Callable[[Any], float]

ROWS, RECORDS = "rows", "records"  # what a statement looks at: observables, or the state where it was recorded


class NotSampledError(ValueError):
    """The run has not kept what would tell.

    Attributes
    ----------
    lacking : array of int
        Steps whose rows would tell, which a replay then has; empty where it is not known which.
    """

    def __init__(self, message: str, lacking: Iterable[int] = ()) -> None:
        super().__init__(message)
        self.lacking: Steps = np.array([*lacking], dtype=np.int64)


class NotEvaluableError(ValueError):
    """A side of the claim is made of numbers that are not known, whatever a run keeps."""


# --- when -------------------------------------------------------------------------------------------------------


def start(_evidence: Any) -> Steps:
    """Window: initialisation only."""
    return np.array([0])


def end(evidence: Any) -> Steps:
    """Window: the last step of the run."""
    return np.array([evidence.run.steps])


def every_step(evidence: Any) -> Steps:
    """Window: all steps of the run."""
    return np.arange(evidence.run.steps + 1)


def at(moment: Moment) -> Window:
    """Window: the step of a moment (the first whole one after it), if the run lasts so long."""

    def steps(evidence: Any) -> Steps:
        when = moment(evidence)
        return np.array([int(np.ceil(when))]) if when <= evidence.run.steps else np.arange(0)

    return steps


def since(moment: Moment) -> Window:
    """Window: from a moment to the end."""

    def steps(evidence: Any) -> Steps:
        when = moment(evidence)
        return np.arange(int(np.ceil(when)), evidence.run.steps + 1) if when <= evidence.run.steps else np.arange(0)

    return steps


@dataclass(frozen=True)
class Recorded:
    """The steps of a window, for what is made of the state: compared at those that were recorded."""

    window: Window
    looks: ClassVar[str] = RECORDS

    def __call__(self, evidence: Any) -> Steps:
        return self.window(evidence)


def recorded(window: Window) -> Window:
    """Window: the same steps, for what is made of the state and not observed at every step."""
    return Recorded(window)


def records_since(moment: Moment) -> Window:
    """Window: from a moment to the end, for what is made of the state."""
    return Recorded(since(moment))


def first_record(moment: Moment) -> Window:
    """Window: the very step of a moment, for what is made of the state."""
    return Recorded(at(moment))


# --- what -------------------------------------------------------------------------------------------------------


def number(value: float | Callable[[Any], float]) -> Side:
    """Side: one number for all steps of the window, given or worked out from the evidence."""

    def side(evidence: Any, steps: Steps) -> Array:
        return np.full(len(steps), value(evidence) if callable(value) else value, dtype=np.float64)

    return side


def observed(name: str) -> Side:
    """Side: an observable; NaN at steps that it was not observed at."""
    return lambda evidence, steps: evidence.column(name, steps)


def observed_next(name: str) -> Side:
    """Side: as :func:`observed`. A claim about a step is compared there, never at the next one that was kept."""
    return observed(name)
