"""The result of a simulation, whatever the system: what was observed, what was recorded, how it ended."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from theorysim.core import files, labelled, validate
from theorysim.core.html import brief, show, table
from theorysim.core.status import Status

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Array = NDArray[np.float64]
Steps = NDArray[np.int64]
At = int | Literal["end"]


@dataclass(frozen=True)
class Times:
    """Times of a run in steps, NaN for what did not happen; every system has its own."""

    def to_dict(self) -> dict[str, float]:
        """The times alone, by name."""
        return {one.name: float(getattr(self, one.name)) for one in fields(self)}

    def __getitem__(self, name: str) -> float:
        return self.to_dict()[validate.choice("name", name, tuple(self.to_dict()))]

    def sentences(self) -> dict[str, str]:
        """What is shown of every time."""
        return {name: show(time) for name, time in self.to_dict().items()}

    def __str__(self) -> str:
        return "\n".join(f"{name} = {sentence}" for name, sentence in self.sentences().items())

    def _repr_html_(self) -> str:
        return table("Stage times (steps)", self.sentences())


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Run(ABC):
    """An immutable result of :func:`theorysim.simulate`; every system has a class of its own.

    Attributes
    ----------
    problem, algorithm, draw, seed, engine
        What was simulated.
    status : Status
        completed, diverged, interrupted or stopped; compares equal to these words.
    message : str
        The status in a sentence, with the remedy when something went wrong.
    stopped_at : int or None
        Diverged: the first step whose state is not finite (the run keeps the one before).
        Interrupted or stopped: the last step reached.
    steps_recorded : (records,) integer array
        Steps whose state was kept; the first and the last are among them.
    record_every : int or None
        Spacing of the records; None when it is not even.
    listed : bool
        Whether records were asked for one by one.
    own : mapping
        Columns of one's own observables (``observe=``), aligned with :attr:`steps_observed`; NaN where not looked.
    timings : mapping
        Seconds spent, by what for.
    """

    problem: Any
    algorithm: Any
    draw: Any
    seed: int
    engine: str
    status: Status
    message: str
    stopped_at: int | None
    steps_recorded: Steps
    record_every: int | None = None
    listed: bool = False
    own: Mapping[str, Array] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)

    HEADLINE: ClassVar[Sequence[str]] = ()  # columns that say at a glance how it went
    PER_RECORD: ClassVar[Sequence[str]] = ("steps_recorded",)  # arrays with one entry a record
    PER_ROW: ClassVar[Sequence[str]] = ()  # and with one for each step observed
    MEANINGS: ClassVar[Mapping[str, str]] = {}  # of columns

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        if "__repr__" not in cls.__dict__:  # or @dataclass makes one that prints every array
            setattr(cls, "__repr__", super(cls, cls).__repr__)

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", Status(self.status))
        for value in (*vars(self).values(), *self.own.values()):
            for array in value if isinstance(value, tuple) else (value,):
                if isinstance(array, np.ndarray):
                    array.setflags(write=False)

    @property
    def steps(self) -> int:
        """Number of updates made."""
        return int(self.steps_recorded[-1])

    @property
    @abstractmethod
    def steps_observed(self) -> Steps:
        """The steps that :meth:`column` and :attr:`observables` have values for."""

    @property
    @abstractmethod
    def table(self) -> Mapping[str, Array]:
        """The system's own columns by name, aligned with :attr:`steps_observed`."""

    @abstractmethod
    def stage_times(self) -> Times:
        """When what happened, in steps."""

    def column(self, name: str) -> Array:
        """One observable at the steps observed, the system's or one's own."""
        if name in self.own:
            return self.own[name]
        return self.table[validate.choice("name", name, (*self.table, *self.own))]

    @cached_property
    def observables(self) -> "pd.DataFrame":
        """All observables, one row for every step observed (row t is of the state before update t)."""
        import pandas as pd

        return pd.DataFrame({**self.table, **self.own}, index=pd.Index(self.steps_observed, name="step"))

    def record(self, at: At = "end") -> int:
        """Position of a step among the recorded ones.

        Raises
        ------
        ValueError
            When the step was not recorded; says which ones were.
        """
        if isinstance(at, str):
            validate.choice("at", at, ("end",))
            return len(self.steps_recorded) - 1
        step = validate.integer("at", at, 0, self.steps)
        position = int(np.searchsorted(self.steps_recorded, step))
        if self.steps_recorded[position] != step:
            below, above = self.steps_recorded[position - 1 : position + 1]
            raise ValueError(
                f"at={step}: must be a recorded step (nearest: {below}, {above}); "
                "simulate with record_every= or record_at= to keep others"
            )
        return position

    def replace(self, **changes: Any) -> Self:
        """A copy with some attributes changed."""
        return replace(self, **changes)

    def save(self, path: str | Path) -> None:
        """Write everything to one ``.npz`` file; :func:`theorysim.load_run` reads it back."""
        files.save(self, path)

    def named_arrays(self) -> dict[str, labelled.Labelled]:
        """What :meth:`to_xarray` has beside the observables, with the name of every dimension."""
        return {}

    def coordinates(self) -> dict[str, labelled.Labelled]:
        """What its dimensions are labelled by beside their numbers, such as the labels of the samples."""
        return {}

    def to_xarray(self) -> "xr.Dataset":
        """Observables and recorded arrays as one dataset with named dimensions.

        Observables have the dimension ``step`` (steps observed), recorded arrays ``step_recorded``; the others say what
        they count, such as ``branch``, ``filter`` and ``sample``. Every variable has its meaning as ``long_name`` and
        ``units`` ("updates" for steps, "1" for pure numbers); setting, seed and status are attributes of the whole.

        Raises
        ------
        ImportError
            When xarray is not installed.
        """
        return labelled.dataset(self)

    def facts(self) -> dict[str, Any]:
        """What the summary says beside what is common to all systems."""
        return {name: float(self.column(name)[-1]) for name in self.table}

    def summary(self) -> dict[str, Any]:
        """The main facts of the run, by name."""
        said = {
            "status": f"{self.status}: {self.message}" if self.message else str(self.status),
            "problem": self.problem, "algorithm": self.algorithm, "steps": self.steps, "seed": self.seed,
            "engine": self.engine,
        } | self.facts()
        return said | {f"{name} time (s)": seconds for name, seconds in self.timings.items()}

    def __repr__(self) -> str:
        seen = "".join(f"{name}={show(float(self.column(name)[-1]))}, " for name in self.HEADLINE)
        return (f"<{type(self).__name__} {self.status} at step {self.steps}, {seen}{brief(self.algorithm)}, "
                f"seed={self.seed}>")

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(repr(self))  # pretty-printers would show a dataclass field by field

    def _repr_html_(self) -> str:
        return table(type(self).__name__, self.summary())

    def continued(self, before: Self, _keep_record: bool, _keep_row: bool) -> dict[str, Any]:
        """What of the whole is neither an array to be joined as any other nor as at its end.

        ``before`` is the run so far; the flags are those of :func:`joined`.
        """
        return {"timings": joined_timings(before.timings, self.timings)}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class RowsRun(Run):
    """A run whose observables were written down as it went.

    Attributes
    ----------
    rows : (steps observed, columns) array
        The system's observables; :attr:`columns` names them.
    observed_at : (steps observed,) integer array
    columns : tuple of str
    """

    rows: Array
    observed_at: Steps
    columns: tuple[str, ...]

    PER_ROW: ClassVar[Sequence[str]] = ("rows", "observed_at")

    @property
    def steps_observed(self) -> Steps:
        """The steps that :meth:`column` and :attr:`observables` have values for."""
        return self.observed_at

    @cached_property
    def table(self) -> Mapping[str, Array]:
        """The system's own columns by name, aligned with :attr:`steps_observed`."""
        return dict(zip(self.columns, self.rows.T, strict=True))


def joined_timings(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Seconds of both parts."""
    return {name: before.get(name, 0.0) + after.get(name, 0.0) for name in {**before, **after}}


def joined(before: Any, after: Any, keep_record: bool, keep_row: bool, keep_look: bool = True) -> Any:
    """One run from a run and its continuation, which begins with the last record and row of the former.

    What was recorded or observed only because the former ended there is not of the whole, unless it is to be kept;
    ``keep_look`` says it of what one's own observables saw. A policy may have put the whole back to a step of the
    former.
    """
    further, back = after.steps > before.steps, after.steps < before.steps
    changes = after.continued(before, keep_record, keep_row)
    parts = ((after.PER_RECORD, before.steps_recorded < after.steps, keep_record),
             (after.PER_ROW, before.steps_observed < after.steps_observed[0], keep_row))
    for names, earlier, keep in parts:
        for name in names:
            first, second = getattr(before, name), getattr(after, name)
            if first is not None and second is not None and name not in changes:
                changes[name] = _seam(first, second, earlier if back else None, keep or not further)
    earlier = parts[1][1]
    changes["own"] = {name: _seam(before.own[name], values, earlier if back else None, keep_row or not further)
                      for name, values in after.own.items()}
    if further and keep_row and not keep_look:
        for values in changes["own"].values():
            values[len(before.steps_observed) - 1] = np.nan
    if back:
        looked = before.steps_observed == after.steps  # then, if at all, one's own observables saw this step
        for name, values in changes["own"].items():
            if looked.any() and np.isnan(values[-1]):
                values[-1] = before.own[name][looked][0]
    return replace(after, **changes)


def _seam(first: Array, second: Array, earlier: NDArray[np.bool_] | None, keep: bool) -> Array:
    """All but the last of the first array, or what of it is ``earlier``; then the second, with its first or without."""
    return np.concatenate([first[:-1] if earlier is None else first[earlier], second[0 if keep else 1 :]])
