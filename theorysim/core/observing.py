"""Observables of one's own: functions of the state, called between kernels."""

from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate

Array = NDArray[np.float64]
Steps = NDArray[np.int64]
Observable = Callable[[Any], float]
NEVER = 2**62


class Observers:
    """Calls functions of the state at the recorded steps, or every so many, and keeps what they return.

    Parameters
    ----------
    functions : mapping
        From names to functions of the stepper's view.
    every : int or None
        Steps between two calls; None for the recorded steps.
    recorded : integer array
    """

    def __init__(self, functions: Mapping[str, Observable], every: int | None, recorded: Steps) -> None:
        self.functions, self.every = functions, every
        self._due = set(recorded.tolist()) if every is None else None
        self.steps: list[int] = []
        self.values: dict[str, list[float]] = {name: [] for name in functions}

    def next_look(self, step: int) -> int:
        """The next step at which a chunk has to end for them; recorded steps end chunks anyway."""
        return NEVER if self.every is None or not self.functions else (step // self.every + 1) * self.every

    def due(self, step: int) -> bool:
        """Whether they look at this step."""
        if not self.functions:
            return False
        return step in self._due if self._due is not None else step % (self.every or 1) == 0

    def look_again(self, step: int, recorded: bool) -> bool:
        """Whether they would look at a step where a run is continued, had it not ended there; ``recorded`` likewise."""
        return bool(self.functions) and (recorded if self.every is None else step % self.every == 0)

    def look(self, step: int, view: Any) -> None:
        """Call them all, once a step."""
        if self.steps and self.steps[-1] == step:
            return
        self.steps.append(step)
        for name, function in self.functions.items():
            self.values[name].append(_number(name, function(view)))

    def cut(self, step: int) -> None:
        """Forget what was seen after a step."""
        while self.steps and self.steps[-1] > step:
            self.steps.pop()
            for values in self.values.values():
                values.pop()

    def at(self, steps: Array | Steps) -> dict[str, Array]:
        """The values by name at some steps in ascending order, NaN where they did not look."""
        if not self.functions:
            return {}
        begin = bisect_left(self.steps, steps[0]) if len(steps) else 0  # a condition asks for the last few only
        looked = np.array(self.steps[begin:], dtype=np.int64)
        place = np.searchsorted(looked, steps)
        known = (place < looked.size) & (np.append(looked, -1)[place] == steps)
        found = {}
        for name, values in self.values.items():
            found[name] = np.full(len(steps), np.nan)
            found[name][known] = np.array(values[begin:])[place[known]] if known.any() else np.nan
        return found


def observers(observe: Any, every: Any, recorded: Steps, taken: Collection[str]) -> Observers:
    """The observers that a user asks for, checked.

    Raises
    ------
    TypeError, ValueError
        For what is not a mapping from new names to functions.
    """
    if observe is None:
        if every is not None:
            raise ValueError(f"observe_every={every!r}: needs observe=, the functions to call")
        return Observers({}, None, recorded)
    if not isinstance(observe, Mapping):
        raise TypeError(f"observe={observe!r}: must be a mapping from names to functions of the state, not "
                        f"{type(observe).__name__}")
    for name, function in observe.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise ValueError(f"observe: the name {name!r} must be an identifier")
        if name in taken or name == "step":
            raise ValueError(f"observe: {name!r} is a column of every such run; choose another name")
        validate.function(f"observe[{name!r}]", function)
    return Observers(dict(observe), None if every is None else validate.integer("observe_every", every, 1), recorded)


def _number(name: str, value: Any) -> float:
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if not isinstance(value, Real | np.bool_):
        raise TypeError(f"observe[{name!r}]: must return a number, returned {value!r}")
    return float(value)
