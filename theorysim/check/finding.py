"""One statement against one run: measured, predicted, and the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.theory.comparison import ROUNDING, relative_excess
from theorysim.theory.conditions import Condition
from theorysim.theory.statement import Sense, Statement
from theorysim.theory.windows import NotEvaluableError, NotSampledError, Steps

Array = NDArray[np.float64]


class Verdict(StrEnum):
    """What a run says about a statement."""

    HOLDS = "holds"
    VIOLATED = "violated"
    OUTSIDE = "outside regime"  # the assumptions fail; the comparison is shown all the same
    NOT_REACHED = "not reached"  # the run has not come to where the statement speaks
    NOT_SAMPLED = "not sampled"  # it has, but nothing was kept there to compare
    NOT_EVALUABLE = "not evaluable"  # it is made of numbers that are not known, so no run tells
    VACUOUS = "vacuous"  # holds, but says nothing at these parameters


@dataclass(frozen=True)
class Finding:
    """One statement against one run.

    Attributes
    ----------
    statement : Statement
    verdict : Verdict
    comparison : bool or None
        Whether measured and predicted compare as claimed, whatever the regime; None where nothing was compared.
    conditions : tuple of Condition
    measured, predicted : float
        At the step where the claim is closest to failing (or fails worst), relative to the larger of the two.
    ratio : float
        measured/predicted there.
    first_violation : float
        First step at which the comparison fails (the last step for claims about a time); NaN if it never does.
    asked, compared : int
        Steps that the statement speaks about in this run, as far as the run tells, and those of them at which both
        sides are known. A step at which it is true by construction is not counted.
    required : float
        The probability that a claim over draws is made with, where the paper names one; NaN: 1 − δ.
    """

    statement: Statement
    verdict: Verdict
    comparison: bool | None
    conditions: tuple[Condition, ...]
    measured: float
    predicted: float
    ratio: float
    first_violation: float
    asked: int = 0
    compared: int = 0
    required: float = float("nan")

    @property
    def margin(self) -> float:
        """The smallest margin among the conditions known; infinite without conditions, NaN if none is known."""
        nothing = float("nan") if self.conditions else float("inf")
        return min((one.margin for one in self.conditions if one.known), default=nothing)


def evaluate(statement: Statement, evidence: Any) -> Finding:
    """Compare one statement with one run."""
    found = _compared(statement, evidence)
    return found if statement.confidence is None else replace(found, required=statement.confidence(evidence))


def _compared(statement: Statement, evidence: Any) -> Finding:
    conditions: tuple[Condition, ...] = ()
    asked = 0
    try:
        conditions = tuple(statement.conditions(evidence))
        steps = statement.asked(evidence)
        asked = len(steps)
        measured, predicted, steps = _sides(statement, evidence, steps)
    except NotSampledError:
        return _nothing(statement, Verdict.NOT_SAMPLED, conditions, asked)
    except NotEvaluableError:
        return _nothing(statement, Verdict.NOT_EVALUABLE, conditions, asked)
    if not len(steps):
        return _nothing(statement, Verdict.NOT_REACHED, conditions, asked)
    band = evidence.constants.band if statement.band is None else statement.band
    excess = relative_excess(statement.sense, measured, predicted, band)
    failed = excess > ROUNDING
    worst = int(np.argmax(excess))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = float(np.float64(measured[worst]) / np.float64(predicted[worst]))
    return Finding(
        statement,
        _verdict(statement, conditions, bool(failed.any()), predicted),
        not failed.any(),
        conditions,
        float(measured[worst]),
        float(predicted[worst]),
        ratio,
        float(steps[np.argmax(failed)]) if failed.any() else float("nan"),
        asked,
        len(steps),
    )


def _nothing(statement: Statement, verdict: Verdict, conditions: tuple[Condition, ...], asked: int) -> Finding:
    return Finding(statement, verdict, None, conditions, np.nan, np.nan, np.nan, np.nan, asked)


def _sides(statement: Statement, evidence: Any, asked: Steps) -> tuple[Array, Array, Steps]:
    """Measured and predicted where both are known, and these steps."""
    steps = statement.seen(evidence, asked)
    if len(asked) and not len(steps):
        raise NotSampledError(f"run: none of the steps that {statement.id} speaks about was recorded")
    measured, predicted = (
        np.broadcast_to(np.asarray(side(evidence, steps), dtype=np.float64), (len(steps),)) if len(steps) else
        np.empty(0) for side in (statement.measured, statement.predicted)
    )
    known = ~(np.isnan(measured) | np.isnan(predicted))
    if not known.any() and len(steps) < len(asked):
        raise NotSampledError(f"run: {statement.id} says nothing at the steps recorded")
    return measured[known], predicted[known], steps[known]


def _verdict(statement: Statement, conditions: Sequence[Condition], failed: bool, predicted: Array) -> Verdict:
    if statement.trivial is not None and not failed:
        beyond = predicted >= statement.trivial if statement.sense == Sense.UPPER else predicted <= statement.trivial
        if beyond.all():
            return Verdict.VACUOUS
    if not all(one.holds for one in conditions):
        return Verdict.OUTSIDE
    return Verdict.VIOLATED if failed else Verdict.HOLDS
