"""Which steps are recorded, and the states kept there."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate

RECORDS = 100  # kept by default where their spacing is even
MAX_BYTES = 2**30  # largest record a run may keep

Steps = NDArray[np.int64]
Usual = Callable[[int, int], tuple[int | None, Steps]]  # first and last step -> spacing if it is even, and steps


class Plan(NamedTuple):
    """The steps to keep, both ends included; their spacing, None where it is not even; whether they were listed."""

    steps: Steps
    every: int | None
    listed: bool


def evenly(start: int, end: int, every: int) -> Steps:
    """The multiples of a spacing in [start, end]."""
    return np.arange(-(-start // every) * every, end + 1, every, dtype=np.int64)


def record_steps(
    start: int, end: int, every: int | None, at: Iterable[int] | None, usual: Usual, bytes_each: int
) -> Plan:
    """Which steps in [start, end] to keep.

    Raises
    ------
    TypeError, ValueError
        When both ``record_every`` and ``record_at`` are given, or more than MAX_BYTES would be kept.
    """
    if every is not None and at is not None:
        raise ValueError(f"record_every={every!r} and record_at={at!r}: give only one of them")
    if at is not None:
        if not isinstance(at, Iterable):
            raise TypeError(f"record_at={at!r}: must be a sequence of steps, not {type(at).__name__}")
        chosen = np.array([validate.integer("record_at", step, start, end) for step in at], dtype=np.int64)
    elif every is not None:
        every = validate.integer("record_every", every, 1)
        chosen = evenly(start, end, every)
    else:
        every, chosen = usual(start, end)
    wanted = np.unique(np.concatenate([[start], chosen, [end]])).astype(np.int64)
    size = bytes_each * len(wanted)
    if size > MAX_BYTES:
        raise ValueError(
            f"{f'record_every={every}' if at is None else 'record_at'}: would keep {len(wanted)} records of "
            f"{bytes_each / 2**20:.3g} MiB, {size / 2**30:.3g} GiB in all; at most {MAX_BYTES / 2**30:g} GiB is "
            f"allowed, {MAX_BYTES // bytes_each} records"
        )
    return Plan(wanted, every, at is not None)


class Records:
    """States kept at some steps, in arrays that are as long as there may be records."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.steps: list[int] = []
        self._arrays: dict[str, Any] = {}

    def add(self, step: int, state: Callable[[], dict[str, Any]]) -> None:
        """Keep the state of a step, if it is not yet kept."""
        if self.steps and self.steps[-1] == step:
            return
        for name, value in state().items():
            if name not in self._arrays:
                self._arrays[name] = np.empty((self.most, *value.shape), value.dtype)
            self._arrays[name][len(self.steps)] = value
        self.steps.append(step)

    def cut(self, step: int) -> None:
        """Forget what was kept after a step."""
        self.steps = [one for one in self.steps if one <= step]

    def arrays(self) -> dict[str, Any]:
        """Everything by name, the steps as "steps_recorded"."""
        count = len(self.steps)
        steps = np.array(self.steps, dtype=np.int64)
        return {"steps_recorded": steps} | {name: array[:count] for name, array in self._arrays.items()}
