"""Numbers that change over a run: what a learning rate or a flip probability is at every step."""

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theorysim.core import validate
from theorysim.core.html import Shown

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
FOREVER = 2**53  # steps that a schedule without an end speaks of


class _Endless(Shown):
    """Speaks of every step."""

    @property
    def length(self) -> int:
        """How many steps it speaks of."""
        return FOREVER


@dataclass(frozen=True)
class Constant(_Endless):
    """The same at every step, which is what a plain number stands for."""

    value: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", validate.real("value", self.value, 0))

    @property
    def largest(self) -> float:
        """Of its values."""
        return self.value

    def at(self, steps: Integers) -> Array:
        """Its values at some steps."""
        return np.full(len(steps), self.value)


@dataclass(frozen=True)
class Warmup(_Endless):
    """start + (value − start)·min(t/steps, 1) at step t: linear, then constant."""

    value: float
    steps: int
    start: float = 0.0

    def __post_init__(self) -> None:
        for name in ("value", "start"):
            object.__setattr__(self, name, validate.real(name, getattr(self, name), 0))
        object.__setattr__(self, "steps", validate.integer("steps", self.steps, 1))

    @property
    def largest(self) -> float:
        """Of its values."""
        return max(self.start, self.value)

    def at(self, steps: Integers) -> Array:
        """Its values at some steps."""
        return self.start + (self.value - self.start) * np.minimum(steps / self.steps, 1.0)


@dataclass(frozen=True)
class Cosine(_Endless):
    """end + (start − end)(1 + cos(πt/steps))/2 at step t, and end after the last."""

    start: float
    steps: int
    end: float = 0.0

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            object.__setattr__(self, name, validate.real(name, getattr(self, name), 0))
        object.__setattr__(self, "steps", validate.integer("steps", self.steps, 1))

    @property
    def largest(self) -> float:
        """Of its values."""
        return max(self.start, self.end)

    def at(self, steps: Integers) -> Array:
        """Its values at some steps."""
        return self.end + (self.start - self.end) * 0.5 * (1.0 + np.cos(np.pi * np.minimum(steps / self.steps, 1.0)))


@dataclass(frozen=True)
class Exponential(_Endless):
    """start·factor^t at step t."""

    start: float
    factor: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", validate.real("start", self.start, 0))
        object.__setattr__(self, "factor", validate.real("factor", self.factor, 0, 1, above=True))

    @property
    def largest(self) -> float:
        """Of its values."""
        return self.start

    def at(self, steps: Integers) -> Array:
        """Its values at some steps."""
        return self.start * self.factor ** steps.astype(float)


@dataclass(frozen=True)
class Steps(_Endless):
    """``values[0]``, and from step ``starts[k]`` on ``values[k + 1]``."""

    values: tuple[float, ...]
    starts: tuple[int, ...]

    @property
    def largest(self) -> float:
        """Of its values."""
        return max(self.values)

    def __post_init__(self) -> None:
        values, starts = _sequence("values", self.values), _sequence("starts", self.starts)
        object.__setattr__(self, "values", tuple(validate.real(f"values[{k}]", one, 0) for k, one in enumerate(values)))
        object.__setattr__(self, "starts", tuple(validate.integer(f"starts[{k}]", one, 1)
                                                 for k, one in enumerate(starts)))
        if len(self.values) != len(self.starts) + 1:
            raise ValueError(f"values={self.values!r}: must be one more than starts, which are {len(self.starts)}")
        if any(one >= other for one, other in zip(self.starts, self.starts[1:], strict=False)):
            raise ValueError(f"starts={self.starts!r}: must increase")

    def at(self, steps: Integers) -> Array:
        """Its values at some steps."""
        return np.array(self.values)[np.searchsorted(self.starts, steps, side="right")]


@dataclass(frozen=True)
class Values(Shown):
    """``values[t]`` at step t, of as many steps as there are; what an array stands for."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        given = validate.array("values", self.values, None)
        if given.size == 0 or given.min() < 0:
            raise ValueError(f"values: has {given.size} entries from {given.min(initial=0):g} on, must have at least "
                             "one and none below 0")
        object.__setattr__(self, "values", tuple(given.tolist()))

    @property
    def length(self) -> int:
        """How many steps it speaks of."""
        return len(self.values)

    @property
    def largest(self) -> float:
        """Of its values."""
        return max(self.values)

    def at(self, steps: Integers) -> Array:
        """Its values at some steps."""
        return np.array(self.values)[steps]

    def __repr__(self) -> str:
        return f"Values({len(self.values)} from {self.values[0]:g} to {self.values[-1]:g})"


@dataclass(frozen=True)
class Until(Shown):
    """``first`` before step ``step``, ``then`` from there on, which counts its own steps from 0.

    Parameters
    ----------
    step : int
    first, then
        Numbers or schedules, of a learning rate; laws or None, of label noise.
    """

    step: int
    first: Any
    then: Any = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "step", validate.integer("step", self.step, 1))

    @property
    def length(self) -> int:
        """How many steps it speaks of."""
        return self.step + length(self.then) if length(self.first) >= self.step else length(self.first)

    def at(self, steps: Integers) -> Array:
        """Its values at some steps, of numbers and schedules."""
        values = np.empty(len(steps))
        early = steps < self.step
        values[early] = values_at(self.first, steps[early])
        values[~early] = values_at(self.then, steps[~early] - self.step)
        return values


Schedule = Constant | Warmup | Cosine | Exponential | Steps | Values | Until
SCHEDULES: tuple[type, ...] = get_args(Schedule)


def checked(name: str, value: Any, high: float = np.inf, *, above: bool = False) -> Any:
    """A number ≥ 0 (> 0 if ``above``) and ≤ ``high``, a schedule of such, or an array, which becomes a schedule.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """
    if isinstance(value, Until):
        return Until(value.step, *(checked(f"{name}.{part}", getattr(value, part), high) for part in ("first", "then")))
    if isinstance(value, np.ndarray | list | tuple) and np.ndim(value):
        value = Values(value)  # type: ignore[arg-type]
    if not isinstance(value, Constant | Warmup | Cosine | Exponential | Steps | Values):
        return validate.real(name, value, 0, high, above=above)
    largest: float = value.largest
    if largest > high:
        raise ValueError(f"{name}={value!r}: its values must be in [0, {high:g}]")
    return value


def length(value: Any) -> int:
    """How many steps a number, a law or a schedule speaks of."""
    found: int = getattr(value, "length", FOREVER)
    return found


def values_at(value: Any, steps: Integers) -> Array:
    """The values of a number or a schedule at some steps."""
    return np.full(len(steps), value) if isinstance(value, int | float) else value.at(steps)


def _sequence(name: str, value: ArrayLike) -> list[Any]:
    if not isinstance(value, tuple | list | np.ndarray):
        raise TypeError(f"{name}={value!r}: must be a sequence of numbers, not {type(value).__name__}")
    return list(value)
