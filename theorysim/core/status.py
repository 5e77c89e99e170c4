"""How a run ended."""

from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """How a run ended."""

    COMPLETED = "completed"  # all steps were made
    DIVERGED = "diverged"  # the state overflowed at run.stopped_at; run.message says what to lower
    INTERRUPTED = "interrupted"  # Ctrl-C; the state so far is kept, and can be resumed
    STOPPED = "stopped"  # the condition given as `until` was met


class DivergenceError(ArithmeticError):
    """The state overflowed; ``run`` holds everything up to the last finite step.

    Of several seeds ``runs`` has all that were begun, in their order: finished, diverged, or interrupted by this error.
    """

    def __init__(self, run: Any, runs: Any = None) -> None:
        super().__init__(run.message if runs is None else f"seed {run.seed}: {run.message}")
        self.run, self.runs = run, runs

    def __reduce__(self) -> tuple[type, tuple[Any, Any]]:
        return type(self), (self.run, self.runs)  # otherwise made again from the message, in another process
