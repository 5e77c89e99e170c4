"""Runs of one setting over seeds, side by side."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

from theorysim.core import files, intervals, labelled, validate
from theorysim.core.html import brief, table
from theorysim.core.run import Run
from theorysim.core.status import Status

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

RunT_co = TypeVar("RunT_co", bound=Run, covariant=True)
ENDED = (Status.COMPLETED, Status.STOPPED)


@dataclass(frozen=True, eq=False, repr=False)
class Runs(Sequence[RunT_co]):
    """Runs of one setting over seeds, the result of :func:`theorysim.simulate` with ``seeds``; a sequence of them.

    ``runs[0]`` is a run, ``runs[:3]`` are runs again. :func:`theorysim.check`, :func:`theorysim.resume` and
    ``theorysim.plot.dynamics`` take them as they are.

    Parameters
    ----------
    members : sequence of Run
        Of one problem and one algorithm, each with a seed of its own.

    Raises
    ------
    TypeError, ValueError
        For what is not a run of the same class and setting, none at all, or a seed that occurs twice.
    """

    members: Sequence[RunT_co]

    def __post_init__(self) -> None:
        if isinstance(self.members, str) or not isinstance(self.members, Iterable):
            raise TypeError(f"members={self.members!r}: must be runs, not {type(self.members).__name__}")
        members = tuple(self.members)
        if not members:
            raise ValueError("members: must be at least one run")
        first: Any = members[0]
        for one in members:
            validate.instance("members", one, (Run,))
            if type(one) is not type(first) or not _same(_setting(one), _setting(first)):
                raise ValueError(f"members: must be runs of one setting; {one!r} is not of that of {first!r}")
        found = [one.seed for one in members]
        if len(set(found)) < len(found):
            raise ValueError(f"members: have seeds {found}, each must occur only once")
        # One setting is one object, although a file has it once for each run.
        setting = {"problem": first.problem, "algorithm": first.algorithm}
        object.__setattr__(self, "members", tuple(
            one if one.problem is first.problem and one.algorithm is first.algorithm else one.replace(**setting)
            for one in members))

    @overload
    def __getitem__(self, place: int) -> RunT_co: ...

    @overload
    def __getitem__(self, place: slice) -> "Runs[RunT_co]": ...

    def __getitem__(self, place: int | slice) -> "RunT_co | Runs[RunT_co]":
        """The run at a place (not: of a seed), or runs; of a slice there must be some."""
        return Runs(self.members[place]) if isinstance(place, slice) else self.members[place]

    def __len__(self) -> int:
        return len(self.members)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seed of every run."""
        return tuple(one.seed for one in self.members)

    @property
    def problem(self) -> Any:
        """What was learned."""
        return self.members[0].problem

    @property
    def algorithm(self) -> Any:
        """How."""
        return self.members[0].algorithm

    @cached_property
    def observables(self) -> "pd.DataFrame":
        """All observables, a row for each seed and each step that any run has a row of; index levels seed and step.

        Where a run has no row of a step, as after it stopped, its row there is NaN. So
        ``runs.observables["train_loss"].unstack("seed")`` has a column for each seed.
        """
        import pandas as pd

        found = np.unique(np.concatenate([one.steps_observed for one in self.members]))
        steps = pd.Index(found, name="step")
        return pd.concat([one.observables.reindex(steps) for one in self.members], keys=self.seeds, names=["seed"])

    def stage_times(self, **given: Any) -> "pd.DataFrame":
        """Stage times, a row for each seed; NaN for what did not happen. Takes what a run's ``stage_times`` does."""
        return self._table(lambda one: one.stage_times(**given).to_dict())

    def test_error(self, at: Any = "end", **given: Any) -> "pd.DataFrame":
        """Test errors, a row for each seed with the fields of an estimate. Takes what a run's ``test_error`` does.

        Raises
        ------
        TypeError
            When runs of this system have none.
        """
        kind = type(self.members[0])
        if not hasattr(kind, "test_error"):
            raise TypeError(f"test_error: a {kind.__name__} has none")
        return self._table(lambda one: vars(one.test_error(at, **given)))

    def _table(self, told: Callable[[Any], Mapping[str, Any]]) -> "pd.DataFrame":
        import pandas as pd

        return pd.DataFrame([told(one) for one in self.members], index=pd.Index(self.seeds, name="seed"))

    def summary(self) -> "pd.DataFrame":
        """Observables at the end of the runs and their stage times, over seeds, a row for each.

        Of runs that completed or stopped (where others ended says more of the ending). Columns: ``count``, how many
        have the number, as a time may not be reached; ``share`` of all runs, with its exact 95% interval ``share_low``,
        ``share_high``; over those that have it ``median``, ``smallest``, ``largest``; and ``typical`` with the 95%
        signed-rank interval ``low``, ``high`` (:func:`theorysim.core.intervals.typical`: below six seeds the hull of
        all numbers and of Student's interval).
        """
        import pandas as pd

        ended = [one for one in self.members if one.status in ENDED]
        found = [{name: one.column(name)[-1] for name in (*one.table, *one.own)} | one.stage_times().to_dict()
                 for one in ended]
        first: Any = self.members[0]
        names = (*first.table, *first.own, *first.stage_times().to_dict())
        rows = {name: _spread([one[name] for one in found], len(self)) for name in names}
        return pd.DataFrame.from_dict(rows, orient="index")

    def to_xarray(self) -> "xr.Dataset":
        """All runs as one labelled dataset, with a dimension ``seed`` before those of :meth:`Run.to_xarray`.

        Where a run has no value, as at a step that only others have, it is NaN.

        Raises
        ------
        ImportError
            When xarray is not installed.
        """
        return labelled.over_seeds([one.to_xarray() for one in self.members], self.seeds)

    def save(self, path: str | Path) -> None:
        """Write all runs to one ``.npz`` file; :func:`theorysim.load` reads them back."""
        files.save(self, path)

    def __repr__(self) -> str:
        return (f"<Runs of {_counted(len(self), 'seed')}: {type(self.members[0]).__name__}, {self._endings()}, "
                f"{brief(self.algorithm)}, seeds={_shortly(self.seeds)}>")

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(repr(self))  # pretty-printers would show a dataclass field by field

    def _endings(self) -> str:
        """How many ended how, and where."""
        ended = Counter((str(one.status), one.steps) for one in self.members)
        if len(ended) > 3:
            return ", ".join(f"{count} {status}" for status, count in Counter(
                str(one.status) for one in self.members).items())
        return ", ".join(f"{count} {status} at step {step}" for (status, step), count in ended.items())

    def _repr_html_(self) -> str:
        said = table(f"Runs of {_counted(len(self), type(self.members[0]).__name__)} over seeds", {
            "problem": self.problem, "algorithm": self.algorithm, "seeds": _shortly(self.seeds),
            "ended": self._endings()})
        return said + str(self.summary().to_html(float_format="{:.4g}".format))


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number > 1 else ''}"


def _shortly(seeds: Sequence[int]) -> str:
    """0..4 for consecutive ones, at most six of others."""
    if len(seeds) > 1 and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]}..{seeds[-1]}"
    return ", ".join(map(str, seeds)) if len(seeds) <= 6 else ", ".join(map(str, seeds[:5])) + f", …, {seeds[-1]}"


def _spread(values: Sequence[float], runs: int) -> dict[str, float]:
    """What is said of a number over seeds; NaN and infinite ones are not there."""
    known = np.array([one for one in values if np.isfinite(one)], dtype=float)
    share_low, share_high = intervals.interval(known.size, runs)
    median, least, most = (float(find(known)) if known.size else np.nan for find in (np.median, np.min, np.max))
    around = intervals.typical(known)
    return {"count": known.size, "median": median, "smallest": least, "largest": most, "typical": around.value,
            "low": around.low, "high": around.high, "share": known.size / runs, "share_low": share_low,
            "share_high": share_high}


def _setting(run: Run) -> tuple[Any, Any]:
    return run.problem, run.algorithm


def _same(one: Any, other: Any) -> bool:
    """Whether two frozen values are equal through and through, arrays included."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if is_dataclass(one):
        return all(_same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    return bool(one == other)
