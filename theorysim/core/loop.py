"""The one loop of every simulation: what happens between kernels.

A *stepper* advances a state over a chunk: up to the next step to be recorded or looked at, to where the stepper has to
stop for reasons of its own (a block of random numbers, a tenth of a second of work), whichever comes first. Between
chunks the loop records, looks, asks whether to stop, shows progress and heeds Ctrl-C. A chunk's length never changes a
number: where a condition is met or the state overflows inside a chunk, the chunk is made again up to that very step.
"""

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import interrupts, progress
from theorysim.core.observing import NEVER, Observers
from theorysim.core.recording import Plan, Records
from theorysim.core.run import Run
from theorysim.core.status import Status

Array = NDArray[np.float64]
Steps = NDArray[np.int64]
Until = Callable[[Mapping[str, Array]], NDArray[np.bool_]]


class Guard:
    """What a policy does in a run; this one does nothing."""

    message = ""

    def condition(self) -> Until | None:
        """At which steps a chunk has to end for the guard to act."""
        return None

    def next_look(self, _step: int) -> int:
        """The next step at which the guard wants to see the state."""
        return NEVER

    def stops(self, _stepper: Any, _met: bool) -> bool:
        """Act on the state if it is time; whether the run ends here. ``_met``: the condition holds at this step."""
        return False

    def finish(self, _stepper: Any) -> bool:
        """The run has come to its end; whether the guard has put it back to an earlier step."""
        return False


@dataclass(frozen=True)
class Ending:
    """How the loop ended, and what it kept.

    Attributes
    ----------
    status : Status
    stopped_at : int or None
    message : str
    records : mapping
        "steps_recorded", and what the stepper's ``snapshot`` returned, stacked.
    observers : Observers
    plan : Plan
        How the records were asked for.
    """

    status: Status
    stopped_at: int | None
    message: str
    records: Mapping[str, Any]
    observers: Observers
    plan: Plan


class Stepper(ABC):
    """A state that moves, and what can be seen of it; every system brings one.

    Attributes
    ----------
    problem, algorithm, draw, seed, engine
        What is simulated.
    step : int
        The step of the state.
    guard : Guard
    timings : dict
        Seconds spent before the loop, by what for.
    """

    guard: Guard = Guard()

    def __init__(self, problem: Any, algorithm: Any, draw: Any, seed: int, engine: str, step: int = 0) -> None:
        self.problem, self.algorithm, self.draw, self.seed, self.engine = problem, algorithm, draw, seed, engine
        self.step = step
        self.timings: dict[str, float] = {}

    @abstractmethod
    def advance(self, stop: int) -> int:
        """Make the updates up to a step; returns the last step that is finite.

        Where that is less than ``stop`` the loop restores the state of before and asks for that step.
        """

    @abstractmethod
    def rows(self, first: int, last: int) -> Mapping[str, Array]:
        """Observables at the steps observed in first..last, all of the last chunk, with their "step"."""

    @abstractmethod
    def state(self) -> Any:
        """A copy of all that changes from step to step, the step included."""

    @abstractmethod
    def restore(self, state: Any) -> None:
        """Back to such a copy, which may be asked for again."""

    @abstractmethod
    def snapshot(self) -> dict[str, Any]:
        """What is kept of a recorded step: arrays by name."""

    @abstractmethod
    def result(self, ending: Ending) -> Run:
        """The run as it stands."""

    def chunk_end(self) -> int:
        """The last step that one chunk may go to from here."""
        return NEVER

    def keep(self) -> None:
        """The row of the present step stays, where the table of observables is thinned."""

    def view(self) -> Any:
        """What observables of one's own are functions of."""
        return self

    def remedy(self, step: int) -> str:
        """The message of a run that overflows at a step: what to lower."""
        return f"the state overflows at step {step}"

    def common(self, ending: Ending, observed: Steps) -> dict[str, Any]:
        """The attributes that all runs share."""
        return {
            "problem": self.problem, "algorithm": self.algorithm, "draw": self.draw, "seed": self.seed,
            "engine": self.engine, "status": ending.status, "message": ending.message,
            "stopped_at": ending.stopped_at, "steps_recorded": ending.records["steps_recorded"],
            "record_every": ending.plan.every, "listed": ending.plan.listed,
            "own": ending.observers.at(observed), "timings": self.timings,
        }


class Seen(dict[str, Array]):
    """Columns over some steps, as a condition sees them; says which there are when another is asked for."""

    def __missing__(self, name: str) -> Array:
        raise KeyError(f"until: there is no column {name!r} to ask at every step; there are {', '.join(self)}")


@dataclass
class _March:
    """One pass of the loop."""

    stepper: Stepper
    end: int
    wanted: list[int]
    observers: Observers
    until: Until | None
    records: Records

    def run(self, shown: bool) -> tuple[Status, int | None]:
        stepper, keep = self.stepper, set(self.wanted)
        bar = progress.bar(self.end - stepper.step, shown)
        # Overflow is looked for and reported; kernels run as plain Python would warn of it besides.
        with bar, interrupts.postponed() as interrupted, np.errstate(over="ignore", invalid="ignore"):
            while True:
                if stepper.step in keep:
                    self._record()
                if self.observers.due(stepper.step):
                    stepper.keep()
                    self.observers.look(stepper.step, stepper.view())
                if self._halts() or (stepper.step == self.end and stepper.guard.finish(stepper)):
                    return self._stop(Status.STOPPED)
                if stepper.step == self.end:
                    return Status.COMPLETED, None
                if interrupted():
                    return self._stop(Status.INTERRUPTED)
                before = stepper.step
                overflow = self._advance(self._chunk_end())
                bar.update(stepper.step - before)
                if overflow is not None:
                    self._stop(Status.DIVERGED)
                    return Status.DIVERGED, overflow

    def _chunk_end(self) -> int:
        step = self.stepper.step
        record = self.wanted[bisect_right(self.wanted, step)]
        return min(record, self.stepper.chunk_end(), self.stepper.guard.next_look(step),
                   self.observers.next_look(step), self.end)

    def _halts(self) -> bool:
        """Whether the run ends here, at the wish of the caller or of the policy, which may act otherwise."""
        stepper, guard = self.stepper, self.stepper.guard
        if self.until is not None and self._met(self.until, stepper.step, stepper.step) is not None:
            guard.finish(stepper)
            return True
        condition = guard.condition()
        return guard.stops(stepper, condition is not None
                           and self._met(condition, stepper.step, stepper.step) is not None)

    def _advance(self, stop: int) -> int | None:
        """Move to ``stop``, to where a condition is met before, or to the last finite step; the step of any overflow.

        Whether a condition is met at ``stop`` itself is asked once what is to be seen there has been looked at.
        """
        stepper, until = self.stepper, _either(self.until, self.stepper.guard.condition())
        start, before = stepper.step, stepper.state()
        finite = stepper.advance(stop)
        last = stop - 1 if finite == stop else finite
        met = None if until is None or last == start else self._met(until, start + 1, last)
        if finite == stop and met is None:
            return None
        goal = finite if met is None else met
        stepper.restore(before)
        if goal > start:  # the same updates again, up to the goal
            stepper.advance(goal)
        return finite + 1 if met is None else None

    def _met(self, until: Until, first: int, last: int) -> int | None:
        """The first step observed in first..last at which the condition holds."""
        seen = Seen(self.stepper.rows(first, last))
        steps = seen["step"]
        if not len(steps):
            return None
        if self.observers.functions:
            seen |= self.observers.at(steps)
        answer = np.asarray(until(seen))
        if answer.shape != steps.shape or answer.dtype != bool:
            raise ValueError(f"until: must return a boolean array of shape {steps.shape}, returned "
                             f"{answer.dtype} of shape {answer.shape}")
        return int(steps[np.argmax(answer)]) if answer.any() else None

    def _record(self) -> None:
        self.stepper.keep()
        self.records.add(self.stepper.step, self.stepper.snapshot)

    def _stop(self, status: Status) -> tuple[Status, int]:
        """End at the present step, which a policy may have gone back to."""
        self.records.cut(self.stepper.step)
        self.observers.cut(self.stepper.step)
        self._record()
        if self.observers.functions and self.observers.every is None:  # they look at every record
            self.observers.look(self.stepper.step, self.stepper.view())
        return status, self.stepper.step


def march(
    stepper: Stepper, end: int, plan: Plan, observers: Observers, until: Until | None, shown: bool
) -> Ending:
    """Advance to step ``end``, keeping the states of a plan."""
    records = Records(len(plan.steps) + 1)  # one for an early end
    pass_ = _March(stepper, end, plan.steps.tolist(), observers, until, records)
    status, at = pass_.run(shown)
    message = ""
    if status == Status.DIVERGED and at is not None:
        message = stepper.remedy(at)
    elif status == Status.INTERRUPTED:
        message = f"interrupted at step {at}; resume() goes on from there"
    elif status == Status.STOPPED:
        message = stepper.guard.message or f"the condition was met at step {at}"
    return Ending(status, at, message, records.arrays(), observers, plan)


def _either(one: Until | None, other: Until | None) -> Until | None:
    """Where either condition holds."""
    if one is None or other is None:
        return one or other
    return lambda seen: one(seen) | other(seen)
