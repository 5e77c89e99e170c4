"""What a system brings: its types, how it starts and goes on, what is seen of it. Every verb finds it by these."""

import argparse
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

import numpy as np

from theorysim.core import axes, validate
from theorysim.core.files import Reader
from theorysim.core.html import table
from theorysim.core.loop import Stepper
from theorysim.core.recording import RECORDS, Steps, evenly
from theorysim.core.run import Run

Value = float | int | bool | str | None
OVERHEAD = 5e7  # of a run, as floating-point operations that take as long: draw, set up, measure


class Options(Protocol):
    """A system on the command line: ``theorysim COMMAND``."""

    command: str
    help: str
    description: str
    examples: str

    def add(self, parser: argparse.ArgumentParser) -> None:
        """Its own options; those of every system are added besides."""

    def setting(self, given: argparse.Namespace) -> tuple[Any, Any, dict[str, Any]]:
        """Problem, algorithm, and further keywords of simulate()."""

    def lines(self, run: Any) -> Sequence[str]:
        """What is printed of a run besides its summary and its times."""


def even_records(start: int, end: int, most: int, run: Run | None) -> tuple[int | None, Steps]:
    """So many records, evenly spaced; a run goes on at its own spacing, or, if it has none, keeps only the end."""
    if run is not None and run.record_every is None:
        return None, evenly(end, end, 1)
    every = max(1, -(-(end - start) // most)) if run is None or run.record_every is None else run.record_every
    return every, evenly(start, end, every)


def even_seams(run: Run) -> tuple[bool, bool]:
    """The last record is of the whole where it is on the run's spacing; so is the last row, every step having one."""
    return run.record_every is None or run.steps % run.record_every == 0, True


def _usual(start: int, end: int, _problem: Any, run: Run | None) -> tuple[int | None, Steps]:
    return even_records(start, end, RECORDS, run)


def _no_cost(_problem: Any, _algorithm: Any, steps: int) -> float:
    return OVERHEAD + float(steps)


def _nothing(_value: Any) -> int:
    return 0


def _no_columns(_run: Any, _time: str) -> Sequence[str]:
    return ()


def _no_doubts(_problem: Any, _algorithm: Any) -> Mapping[str, str]:
    return {}


def _as_drawn(run: Any) -> dict[str, Any]:
    return {"draw": run.draw}


def _everything(_needs: str) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, eq=False)
class System:
    """A system as a value.

    Attributes
    ----------
    name : str
    problems, algorithms : tuple of types
        What it trains, and how.
    run : type
        Of its runs.
    start : function
        Of problem, algorithm, steps, seed and keywords (``engine`` and ``draw`` among them, if it knows these): a
        :class:`Stepper` at step 0. It checks its keywords before it draws anything.
    proceed : function
        Of a run, the step to go to, and keywords: a stepper at the end of the run.
    engines : tuple of str
        The first is meant by default.
    observables : mapping
        Columns of a run and what they mean.
    usual_records : function
        Of first and last step, the problem, and the run that is continued (or None): the spacing (None where it is not
        even) and the steps that are recorded by default.
    record_bytes : function
        Of the problem: the size of one record.
    seams : function
        Of a run that is continued: whether its last record and its last row are of the whole.
    measures : mapping
        Names of what a sweep may keep of a run, beside observables, times and "stopped_at": functions of a reading,
        which has ``run``, ``constants`` and ``n_test``.
    times : tuple of str
        Names of the stage times, measures too.
    time_columns : function
        Of a run and the name of one of its times: the columns off whose rows it is read, every step of which must have
        one for it to be exact; none for times that are as exact as they can be.
    quantities : mapping
        Names of what there is of a state besides its observables, such as the entries of γ: functions of a run and the
        position of a record that return an array. Claims are made of them.
    policies : tuple of types
        What its keyword ``policy`` takes.
    usual : tuple of str
        Measures kept by default.
    derived : mapping
        Numbers that the problem's ``replace`` takes besides its fields, and the field each takes the place of.
    joints : mapping
        Numbers that problem and algorithm have together, by name.
    holdable : mapping
        Of numbers that a scaling study may hold, such as the derived and joint ones, to the field that each is held
        through.
    numbers : function
        Of problem and algorithm (either may be None): all that defines a cell, as a table shows it.
    economy : function
        Of what is needed of a run ("all", "times" at every step or "outputs" alone): keywords that spare the rest.
    cost : function
        Of problem, algorithm, steps: work in floating-point operations.
    numerics : int
        Raised when the same seed gives other numbers than before, be it by rounding.
    picture : function or None
        Of runs and axes: what ``plot.dynamics`` draws.
    options : Options or None
    doubts : function
        Of problem and algorithm: what of them was surely not meant, such as a step beyond stability, in words with the
        value and with why; by what it is about. The command line warns of it, and works on.
    strategies : function or None
        Without arguments: a Hypothesis strategy of problems with algorithms for them. It imports Hypothesis itself.
    types : tuple of types
        Frozen values that its files may hold besides problems, algorithms and runs.
    former : Reader or None
        Reads run files of format 2.
    again : function
        Of a run: the keywords with which ``start`` makes it again from its seed, a row of every step included where
        the system has these. Raises ValueError with the reason where there are none.
    """

    name: str
    problems: tuple[type, ...]
    algorithms: tuple[type, ...]
    run: type[Run]
    start: Callable[..., Stepper]
    proceed: Callable[..., Stepper]
    engines: tuple[str, ...] = ("exact",)
    observables: Mapping[str, str] = field(default_factory=dict)
    usual_records: Callable[[int, int, Any, Any], tuple[int | None, Steps]] = _usual
    record_bytes: Callable[[Any], int] = _nothing
    seams: Callable[[Any], tuple[bool, bool]] = even_seams
    measures: Mapping[str, Callable[[Any], Value]] = field(default_factory=dict)
    times: tuple[str, ...] = ()
    time_columns: Callable[[Any, str], Sequence[str]] = _no_columns
    quantities: Mapping[str, Callable[[Any, int], Any]] = field(default_factory=dict)
    policies: tuple[type, ...] = ()
    usual: tuple[str, ...] = ()
    derived: Mapping[str, str] = field(default_factory=dict)
    joints: axes.Joints = field(default_factory=dict)
    holdable: Mapping[str, str] = field(default_factory=dict)
    numbers: Callable[[Any, Any], dict[str, Any]] | None = None
    economy: Callable[[str], dict[str, Any]] = _everything
    cost: Callable[[Any, Any, int], float] = _no_cost
    numerics: int = 1
    picture: Callable[..., Any] | None = None
    options: Options | None = None
    doubts: Callable[[Any, Any], Mapping[str, str]] = _no_doubts
    strategies: Callable[[], Any] | None = None
    types: tuple[type, ...] = ()
    former: Reader | None = None
    again: Callable[[Any], dict[str, Any]] = _as_drawn

    def __repr__(self) -> str:
        return f"<System {self.name}: {self.run.__name__} of {_names(self.problems)}>"

    def _repr_html_(self) -> str:
        return table(f"System {self.name}", {
            "problems": _names(self.problems), "algorithms": _names(self.algorithms), "run": self.run.__name__,
            "engines": ", ".join(self.engines), "times": ", ".join(self.times)} | dict(self.observables))

    def keywords(self, of: str = "start") -> tuple[str, ...]:
        """The keywords of simulate() ("start") or resume() ("proceed") that only this system has."""
        return _keywords(getattr(self, of))

    def check_keywords(self, given: Mapping[str, Any], of: str = "start") -> None:
        """Raise TypeError for a keyword that the system does not know."""
        known = self.keywords(of)
        for name in given:
            if name not in known:
                verb = "simulate" if of == "start" else "resume"
                raise TypeError(f"{name}={given[name]!r}: {verb}() has no such keyword for the system {self.name!r}; "
                                f"its own are {', '.join(known) or 'none'}")

    def axes(self, problem: Any, algorithm: Any) -> dict[str, axes.Axis]:
        """The numbers of a setting that grids and scaling studies may vary."""
        return axes.axes(problem, algorithm, self.derived, self.joints)

    def changed(self, problem: Any, algorithm: Any, changes: Mapping[str, Any]) -> tuple[Any, Any]:
        """A setting with some of its axes set."""
        return axes.changed(problem, algorithm, changes, self.derived, self.joints)

    def told(self, problem: Any, algorithm: Any) -> dict[str, Any]:
        """All that defines a setting, as a table shows it."""
        if self.numbers is not None:
            return self.numbers(problem, algorithm)
        return axes.numbers(problem, algorithm, self.derived)

    def known(self) -> tuple[str, ...]:
        """Names of all that a sweep may keep of a run: measures, times, observables."""
        return tuple(dict.fromkeys((*self.named(), *self.observables)))

    def named(self) -> tuple[str, ...]:
        """The same without observables."""
        return (*self.measures, *self.times, "stopped_at")

    def engine(self, name: Any) -> str:
        """The engine asked for, or the usual one."""
        return self.engines[0] if name is None else validate.choice("engine", name, self.engines)


def _names(types: tuple[type, ...]) -> str:
    return ", ".join(one.__name__ for one in types)


@cache
def _keywords(function: Callable[..., Any]) -> tuple[str, ...]:
    given = inspect.signature(function).parameters.values()
    return tuple(one.name for one in given if one.kind is one.KEYWORD_ONLY)


def geometric(start: int, end: int, records: int = 200) -> Steps:
    """Steps evenly spaced in log(1 + step), both ends included."""
    spaced = np.expm1(np.linspace(np.log1p(start), np.log1p(end), records)).round().astype(np.int64)
    return np.unique(spaced)
