"""What statements share: the steps that they speak about, and the plainest of their two sides.

A window is a function of an evidence that returns steps; a side is one of (evidence, steps) that returns a value for
each step. A moment is a function of an evidence that returns a time, NaN where it has not come.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Steps = NDArray[np.int64]
Window = Callable[[Any], Steps]
Side = Callable[[Any, Steps], Any]
Moment = Callable[[Any], float]

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
    """Window: the first step at or after a moment, if the run lasts so long."""

    def steps(evidence: Any) -> Steps:
        when = moment(evidence)
        return np.array([int(np.ceil(when))]) if when <= evidence.run.steps else np.arange(0)

    return steps


def since(moment: Moment) -> Window:
    """Window: from a moment to the end."""

    def steps(evidence: Any) -> Steps:
        when = moment(evidence)
        return np.arange(0) if np.isnan(when) else np.arange(int(np.ceil(when)), evidence.run.steps + 1)

    return steps


def recorded(window: Window) -> Window:
    """The recorded ones among the steps of a window, for what is not observed at every step."""

    def steps(evidence: Any) -> Steps:
        return np.intersect1d(window(evidence), evidence.run.steps_recorded)

    return steps


def records_since(moment: Moment) -> Window:
    """Window: the recorded steps at or after a moment."""

    def steps(evidence: Any) -> Steps:
        found: Steps = evidence.run.steps_recorded[evidence.run.steps_recorded >= moment(evidence)]
        return found

    return steps


def first_record(moment: Moment) -> Window:
    """Window: the first recorded step at or after a moment."""
    later = records_since(moment)
    return lambda evidence: later(evidence)[:1]


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
    """Side: an observable at the first step observed at or after each step, for runs that are not watched at all."""
    return lambda evidence, steps: evidence.column(name, evidence.observed_from(steps))
