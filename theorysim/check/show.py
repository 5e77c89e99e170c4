"""What people read of a check: statements in groups, the most pressing first, counted in one sentence.

Screen, page, Markdown and LaTeX show the same rows in the same order.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from theorysim.check.finding import Finding, Verdict
from theorysim.theory.statement import Sense

ASSUMPTION = re.compile(r"(^|\.)(assumption|condition|low_snr)(_|\.|$)")  # ids of what a paper asks of the problem
HEAD = ("statement", "formula", "verdict", "holds", "steps", "margin", "measured", "predicted", "ratio",
        "first violation")


class Group(NamedTuple):
    """A heading of the report: its name in ``counts``, what it says, and how it is coloured."""

    key: str
    heading: str
    tone: str


GROUPS = tuple(Group(*one) for one in (
    ("violated", "Inside the regime, violated", "bad"),
    ("holds", "Inside the regime, as claimed", "good"),
    ("outside_true", "Outside the regime, still true", "unsure"),
    ("outside_false", "Outside the regime, not true", "unsure"),
    ("vacuous", "Vacuous (true, and says nothing here)", "plain"),
    ("not_sampled", "Not sampled (the run kept nothing to compare)", "plain"),
    ("not_reached", "Not reached (the run ends before)", "plain"),
    ("not_evaluable", "Not evaluable (made of numbers that are not known)", "plain"),
    ("assumptions_unmet", "Assumptions not met", "bad"),
    ("assumptions_met", "Assumptions met", "good"),
    ("assumptions_open", "Assumptions not compared", "plain"),
))
BY_KEY = {one.key: one for one in GROUPS}
_RANK = {one.key: rank for rank, one in enumerate(GROUPS)}
_SIMPLE = {Verdict.VIOLATED: "violated", Verdict.HOLDS: "holds", Verdict.VACUOUS: "vacuous",
           Verdict.NOT_SAMPLED: "not_sampled", Verdict.NOT_REACHED: "not_reached",
           Verdict.NOT_EVALUABLE: "not_evaluable"}
_UNDECIDED = ("not_reached", "not_sampled", "not_evaluable", "vacuous")
_WORDS = {"assumptions_met": "met", "assumptions_unmet": "not met"}


@dataclass(frozen=True)
class Row:
    """One statement as it is shown.

    Attributes
    ----------
    group : Group
    cells : tuple of str
        In the order of ``HEAD``.
    excess : float
        By how much the claim fails in the worst run, relative to the larger side; negative where it holds.
    margin : float
    partly : bool
        Fewer runs hold than were compared.
    """

    group: Group
    cells: tuple[str, ...]
    excess: float
    margin: float
    partly: bool


def row(values: Mapping[str, Any], findings: Sequence[Finding], band: float) -> Row:
    """The row of a statement: what the table has of it, and its findings in each run.

    Measured, predicted and their ratio are the table's medians over runs; of what is violated they are those of the
    worst run that violates it, and so is the margin.
    """
    group = BY_KEY[_key(values)]
    compared = [one for one in findings if one.comparison is not None]
    if group.key == "violated":
        failing = [one for one in compared if one.verdict == Verdict.VIOLATED] or compared
        worst = max(failing, key=lambda one: _excess(one, band))
        values = {**values, **{name: getattr(worst, name) for name in ("measured", "predicted", "ratio", "margin")}}
    verdict = _WORDS.get(group.key, values["verdict"])
    margin = values["margin"]
    cells = (
        clean(values["statement"]), clean(values["formula"]), verdict, f"{values['holds']}/{values['compared']}",
        f"{values['steps_compared']}/{values['steps_asked']}", number(margin if np.isfinite(margin) else np.nan),
        *(number(values[name]) for name in ("measured", "predicted", "ratio", "first_violation")),
    )
    excess = max((_excess(one, band) for one in compared), default=-np.inf)
    return Row(group, cells, excess, margin, 0 < values["compared"] != values["holds"])


def ordered(rows: Sequence[Row]) -> list[Row]:
    """Group by group; within each the worst failure, or what is closest to failing, first."""
    return sorted(rows, key=lambda one: (_RANK[one.group.key], -one.excess, one.margin))


def grouped(rows: Sequence[Row]) -> list[tuple[Group, list[Row]]]:
    """The groups that have rows."""
    found = [(group, [one for one in ordered(rows) if one.group is group]) for group in GROUPS]
    return [(group, members) for group, members in found if members]


def is_assumption(statement: str) -> bool:
    """Whether an id says that the statement is about the problem: assumption, condition, low_snr."""
    return ASSUMPTION.search(statement) is not None


def _key(values: Mapping[str, Any]) -> str:
    true = values["holds"] == values["compared"]
    if is_assumption(values["statement"]):
        if not values["compared"]:
            return "assumptions_open"
        return "assumptions_met" if true else "assumptions_unmet"
    if values["verdict"] == Verdict.OUTSIDE:
        return "outside_true" if true else "outside_false"
    return _SIMPLE[Verdict(values["verdict"])]


def _excess(finding: Finding, band: float) -> float:
    measured, predicted = finding.measured, finding.predicted
    size = max(abs(measured), abs(predicted))
    if size == 0 or measured == predicted == size == np.inf:
        return 0.0 if size else -np.inf
    sense = finding.statement.sense
    if sense == Sense.ORDER:
        band = finding.statement.band or band
        by = max(measured - band * predicted, predicted / band - measured)
    else:
        by = measured - predicted if sense == Sense.UPPER else predicted - measured
    return float(by / size) if np.isfinite(size) else float(np.sign(by))


def number(value: float) -> str:
    """Three digits; a dash for what is not known."""
    if np.isnan(value):
        return "–"
    return f"{value:.3g}" if np.isfinite(value) else "∞" if value > 0 else "−∞"


def clean(text: str) -> str:
    """Text on one line, without signs that would steer a terminal."""
    return " ".join("".join(" " if unicodedata.category(one) in ("Cc", "Zl", "Zp") else one for one in text).split())


# --- the sentence ----------------------------------------------------------------------------------------------


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """How many statements each group has."""
    return {group.key: sum(one.group is group for one in rows) for group in GROUPS}


def summary(rows: Sequence[Row]) -> str:
    """What came of it, in one sentence; what there is none of is left out."""
    number_of = counts(rows)
    if not rows:
        return "no statement applies"
    partly = sum(one.partly for one in rows if one.group.key == "holds")
    outside = number_of["outside_true"] + number_of["outside_false"]
    parts = [
        _inside(number_of["holds"], number_of["violated"], partly),
        _outside(outside, number_of["outside_true"]),
        *(f"{number_of[key]} {key.replace('_', ' ')}" for key in _UNDECIDED if number_of[key]),
        _assumptions(*(number_of[f"assumptions_{key}"] for key in ("met", "unmet", "open"))),
    ]
    return "; ".join(one for one in parts if one)


def _inside(holds: int, violated: int, partly: int) -> str:
    total = holds + violated
    if total < 2:
        return "no statement inside the regime" if not total else (
            f"1 statement inside the regime: it {'holds' if holds else 'is violated'}{_not_all(holds, partly)}")
    if not violated:
        told = f"all hold{_not_all(holds, partly)}"
    elif not holds:
        told = "all violated"
    else:
        told = f"{holds} hold{'s' if holds == 1 else ''}{_not_all(holds, partly)}, {violated} violated"
    return f"{total} statements inside the regime: {told}"


def _not_all(holds: int, partly: int) -> str:
    if not partly:
        return ""
    return " by count, not in every run" if holds == 1 else f" ({partly} of these by count, not in every run)"


def _outside(total: int, true: int) -> str:
    if total < 2:
        return "" if not total else f"1 outside, {'still true' if true else 'not true'}"
    return f"{total} outside, " + ("all still true" if true == total else f"of which {true or 'none'} still true")


def _assumptions(met: int, unmet: int, unknown: int) -> str:
    total = met + unmet
    others = [f"{unknown} assumption{'s' if unknown > 1 else ''} not compared"] if unknown else []
    if total == 1:
        others.insert(0, f"its one assumption {'' if met else 'not '}met")
    elif total:
        share = f"all {total}" if met == total else f"{met or 'none'} of {total}"
        others.insert(0, f"{share} assumptions met")
    return "; ".join(others)


def inside_in_short(rows: Sequence[Row]) -> str:
    """Statements inside the regime, for a repr."""
    number_of = counts(rows)
    holds, total = number_of["holds"], number_of["holds"] + number_of["violated"]
    return f"{holds} of {total} inside the regime hold{'' if total > 1 else 's'}" if total else "none inside the regime"
