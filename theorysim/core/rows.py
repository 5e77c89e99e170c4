"""Observables as they are written down: one row for every step, or for every so many."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Steps = NDArray[np.int64]
SMALLEST = 64  # rows that are made room for at first


class Rows:
    """A table that grows; writing from a step on forgets what stood there and after.

    Parameters
    ----------
    columns : int
    every : int
        Only rows of steps that are multiples of it stay, and those that :meth:`keep` is asked for.
    expected : int
        Rows to make room for at once.
    """

    def __init__(self, columns: int, every: int = 1, expected: int = 0) -> None:
        self.every, self.count = every, 0
        self._steps = np.empty(max(expected, SMALLEST), dtype=np.int64)
        self._rows = np.empty((max(expected, SMALLEST), columns))
        self._last: tuple[int, Array] | None = None

    def write(self, first: int, rows: Array) -> None:
        """Rows of the steps first, first + 1, ..."""
        if self.count and self._steps[self.count - 1] >= first:
            self.cut(first - 1)
        offset = -first % self.every
        kept = rows[offset :: self.every] if self.every > 1 else rows
        self._append(np.arange(first + offset, first + len(rows), self.every), kept)
        if len(rows):
            self._last = first + len(rows) - 1, rows[-1].copy()

    def keep(self) -> None:
        """The last row written stays."""
        if self._last is not None and not (self.count and self._steps[self.count - 1] == self._last[0]):
            self._append(np.array([self._last[0]]), self._last[1][None])

    def back_to(self, step: int, row: Array) -> None:
        """Forget what stands after a step, whose row is given."""
        self.cut(step)
        self._last = step, row.copy()

    def cut(self, step: int) -> None:
        """Forget what stands after a step."""
        self.count = int(np.searchsorted(self._steps[: self.count], step, side="right"))

    def _append(self, steps: Steps, rows: Array) -> None:
        end = self.count + len(steps)
        if end > len(self._steps):
            size = max(end, 2 * len(self._steps))
            self._steps = np.concatenate([self._steps[: self.count], np.empty(size - self.count, dtype=np.int64)])
            grown = np.empty((size, self._rows.shape[1]))
            grown[: self.count] = self._rows[: self.count]
            self._rows = grown
        self._steps[self.count : end], self._rows[self.count : end] = steps, rows
        self.count = end

    @property
    def steps(self) -> Steps:
        """The steps that have a row."""
        return self._steps[: self.count]

    @property
    def rows(self) -> Array:
        """(rows, columns)."""
        return self._rows[: self.count]
