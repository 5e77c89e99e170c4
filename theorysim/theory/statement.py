"""What a theorem or lemma says, as data: what it bounds, by what, when, and under which conditions.

A :class:`Statement` holds no logic but small functions of an evidence, one run with the constants that its paper hides.
:class:`Evidence` is enough for a run of any system; a paper may have a type of its own, with the quantities that its
statements are made of. The checker compares; it knows no paper.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, Self

import numpy as np

from theorysim.core import validate
from theorysim.core.html import table
from theorysim.theory.conditions import Condition
from theorysim.theory.windows import RECORDS, ROWS, Array, NotSampledError, Side, Steps, Window, end, every_step, start

__all__ = ["Array", "Constants", "Evidence", "Sense", "Statement", "Steps", "any_run", "no_conditions"]


class Sense(StrEnum):
    """What a statement claims of measured and predicted."""

    UPPER = "≤"  # measured is at most predicted, at every step it speaks about
    LOWER = "≥"  # measured is at least predicted
    ORDER = "Θ"  # measured / predicted lies within [1/band, band]


@dataclass(frozen=True)
class Constants:
    """What papers hide in O, Ω, Θ and "with probability at least 1 − δ"; a paper that hides more has a subclass.

    Attributes
    ----------
    delta : float
        Failure probability δ in (0, 1).
    C : float
        Every constant hidden in a condition or an O(·) bound.
    band : float
        How far a Θ may be from its expression with constant 1, either way.
    """

    delta: float = 0.05
    C: float = 1.0
    band: float = 4.0

    def __post_init__(self) -> None:
        validate.real("delta", self.delta, 0, 1, above=True, below=True)
        validate.real("C", self.C, 0, above=True)
        validate.real("band", self.band, 1)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """What may be given."""
        return tuple(one.name for one in fields(cls))

    def replace(self, **changes: Any) -> Self:
        """A copy with some constants changed."""
        return replace(self, **changes)

    def __str__(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in self.names())


@dataclass(frozen=True, eq=False)
class Evidence:
    """One run of any system, with the constants that papers hide."""

    run: Any
    constants: Constants = field(default_factory=Constants)

    @cached_property
    def _table(self) -> Any:
        return self.run.observables

    @cached_property
    def _observed_at(self) -> Steps:
        found: Steps = self._table.index.to_numpy(dtype=np.int64)
        return found

    def column(self, name: str, steps: Steps) -> Array:
        """An observable at some steps; NaN where the run was not observed.

        Raises
        ------
        NotSampledError
            When it is known at none of these steps, but at others.
        """
        validate.choice("name", name, tuple(self._table.columns))
        values: Array = self._table[name].to_numpy(dtype=np.float64)
        steps = np.asarray(steps, dtype=np.int64)
        places = np.minimum(np.searchsorted(self._observed_at, steps), len(self._observed_at) - 1)
        found: Array = np.where(self._observed_at[places] == steps, values[places], np.nan)
        if len(steps) and np.isnan(found).all() and not np.isnan(values).all():
            raise NotSampledError(f"run: {name} was observed at none of the steps asked for")
        return found

    def exact(self, time: float, *columns: str) -> float:
        """A time read off some columns, NaN for what has not come.

        Raises
        ------
        NotSampledError
            When not every step up to it has a row with these columns, so that it may have come earlier.
        """
        last = self.run.steps if np.isnan(time) else int(time)
        before = self._observed_at <= last
        unknown = np.isnan(self._table[list(columns)].to_numpy(dtype=np.float64))
        known = not (unknown[before] & ~unknown.all(axis=0)).any()  # what is never known is not there at all
        if not known or np.count_nonzero(before) != last + 1:
            raise NotSampledError(f"run: not every step up to {last} was observed, with {', '.join(columns)}")
        return time

    def records(self, steps: Steps) -> Steps:
        """Positions of recorded steps among the records.

        Raises
        ------
        NotSampledError
            When one of them was not recorded.
        """
        recorded = self.run.steps_recorded
        places: Steps = np.minimum(np.searchsorted(recorded, steps), len(recorded) - 1)
        missing = recorded[places] != steps
        if missing.any():
            raise NotSampledError(f"run: step {int(np.asarray(steps)[missing][0])} was not recorded")
        return places


def no_conditions(_evidence: Any) -> Sequence[Condition]:
    """A statement that assumes nothing."""
    return ()


def any_run(_run: Any) -> bool:
    """A statement about every run."""
    return True


WHOLE: Mapping[Any, str] = {every_step: "every step", start: "the start", end: "the end"}


@dataclass(frozen=True)
class Statement:
    """One claim of a paper.

    Attributes
    ----------
    id : str
        Paper, number and item, e.g. ``huang2025.lemma_4_2.i``.
    claim, formula : str
        In words, and as a formula for display.
    source : str
        Paper and number; marked when the reading is ours.
    sense : Sense
    measured, predicted : function
        Of (evidence, steps), the evidence being that of the paper: one value per step of the window.
    window : function
        Of evidence: the steps the statement speaks about, exactly and all of them, whether the run kept anything
        there or not; empty means not reached yet.
    conditions : function
        Of evidence: the assumptions, as margins.
    applies : function
        Of a run: whether the statement is about such runs at all.
    trivial : float or None
        A value that bounds the measured quantity anyway; a prediction beyond it at every step says
        nothing, and the statement is vacuous there.
    band : float or None
        For a Θ that says more than its order: how far it may be off, in place of ``Constants.band``.
    over_draws : bool
        The claim is "with probability at least 1 − δ over the draw", to be counted over seeds.
    confidence : function or None
        Of evidence: the probability that a claim over draws is made with, where the paper names one; None: 1 − δ.
    anchored : bool
        At the first step of the window the claim is true by construction, as where something has grown by a factor of
        at most 1. That step is not counted, and nothing is compared there.
    looks : {"", "rows", "records"}
        What it is compared at, of these steps: those with a row of observables, or those whose state was recorded. By
        default what the window says: records of :func:`theorysim.theory.windows.recorded` and its kin, else rows.
    """

    id: str
    claim: str
    formula: str
    source: str
    sense: Sense
    measured: Side
    predicted: Side
    window: Window = start
    conditions: Callable[[Any], Sequence[Condition]] = no_conditions
    applies: Callable[[Any], bool] = any_run
    trivial: float | None = None
    band: float | None = None
    over_draws: bool = False
    confidence: Callable[[Any], float] | None = None
    anchored: bool = False
    looks: str = ""

    def __post_init__(self) -> None:
        validate.choice("looks", self.looks, ("", ROWS, RECORDS))
        object.__setattr__(self, "looks", self.looks or getattr(self.window, "looks", ROWS))

    @property
    def about_draw(self) -> bool:
        """Whether it is about problem and draw alone, whatever trains on them."""
        return self.window is start

    @property
    def moment(self) -> str:
        """Of which steps it speaks, in a few words; "" where its window is a function without any."""
        words = WHOLE.get(self.window, "")
        return f"at {words}" if words else getattr(self.window, "words", "")

    def __repr__(self) -> str:
        where = "" if self.formula.endswith(self.moment) else f" {self.moment}"
        return f"<Statement {self.id}: {self.formula}{where}>"

    def _repr_html_(self) -> str:
        return table(f"Statement {self.id}", {
            "claim": self.claim, "formula": self.formula, "at": self.moment.removeprefix("at "),
            "source": self.source})

    def asked(self, evidence: Any) -> Steps:
        """The steps at which it is to be compared: those it speaks about, less one where it is true by construction.

        Raises
        ------
        NotSampledError
            When the run does not tell which.
        """
        return self.window(evidence)[int(self.anchored):]

    def seen(self, evidence: Any, steps: Steps) -> Steps:
        """Those of some steps at which the run kept what the statement looks at."""
        return steps[np.isin(steps, evidence.run.steps_recorded)] if self.looks == RECORDS else steps
