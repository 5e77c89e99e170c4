"""The findings of one run, or of several over seeds, as a table."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.check import show, show_pages, show_text
from theorysim.check.finding import Finding, Verdict
from theorysim.core import intervals as binomial
from theorysim.core import validate
from theorysim.theory.statement import Constants, Statement

if TYPE_CHECKING:
    import pandas as pd


COLUMNS = (
    "statement", "claim", "formula", "source", "verdict", "runs", "compared", "steps_asked", "steps_compared", "holds",
    "low", "high", "required", "margin", "measured", "predicted", "ratio", "first_violation",
)


@dataclass(frozen=True, eq=False)
class CheckReport:
    """The findings of one run, or of several over seeds, as a table.

    Attributes
    ----------
    paper : str
    constants : Constants
    findings : tuple of tuple of Finding
        One tuple for each run.
    why : str
        Why it is this paper, and which others speak of such runs; "" when it was asked for.
    """

    paper: str
    constants: Constants
    findings: tuple[tuple[Finding, ...], ...]
    why: str = ""

    @property
    def title(self) -> str:
        """Paper, number of runs, constants, and why it is this paper."""
        return self._setting + (f" ({self.why})" if self.why else "")

    @property
    def _setting(self) -> str:
        return f"{self.paper}: {self._runs}, {self.constants}"

    @property
    def _runs(self) -> str:
        return f"{len(self.findings)} run{'s' if len(self.findings) != 1 else ''}"

    @cached_property
    def _groups(self) -> dict[str, list[Finding]]:
        """The findings of each statement, in the paper's order."""
        groups: dict[str, list[Finding]] = {}
        for findings in self.findings:
            for finding in findings:
                groups.setdefault(finding.statement.id, []).append(finding)
        return groups

    @cached_property
    def table(self) -> "pd.DataFrame":
        """One row per statement.

        Columns: statement, claim, formula, source, verdict, runs (how many had it), compared (in how many there
        was something to compare), steps_asked and steps_compared (that the statement speaks about, and at which it was
        compared, in all runs together), holds (among the runs compared, whatever the regime), low and high (exact 95%
        interval of that share), required (the probability that a claim about the draw or a theorem is made with, 1 − δ
        unless the paper has another), margin (the smallest of any condition), measured, predicted, ratio (median over
        runs), first_violation (earliest).
        """
        import pandas as pd

        return pd.DataFrame([self._row(group) for group in self._groups.values()], columns=list(COLUMNS))

    def _row(self, group: list[Finding]) -> dict[str, Any]:
        statement = group[0].statement
        compared = [one for one in group if one.comparison is not None]
        holds = sum(bool(one.comparison) for one in compared)
        low, high = binomial.interval(holds, len(compared))
        required = 1 - self.constants.delta if np.isnan(group[0].required) else group[0].required
        return {
            "statement": statement.id,
            "claim": statement.claim,
            "formula": statement.formula,
            "source": statement.source,
            "verdict": str(_joint_verdict(statement, group, holds, len(compared), required)),
            "runs": len(group),
            "compared": len(compared),
            "steps_asked": sum(one.asked for one in group),
            "steps_compared": sum(one.compared for one in group),
            "holds": holds,
            "low": low,
            "high": high,
            "required": required if statement.over_draws else np.nan,
            "margin": min(one.margin for one in group),
            "measured": _median([one.measured for one in compared]),
            "predicted": _median([one.predicted for one in compared]),
            "ratio": _median([one.ratio for one in compared]),
            "first_violation": min((one.first_violation for one in compared if not one.comparison), default=np.nan),
        }

    @cached_property
    def _rows(self) -> list[show.Row]:
        """The table as people read it."""
        return [show.row(self._row(group), group, self.constants.band) for group in self._groups.values()]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many statements there are of each kind; together all of them.

        Inside the regime ``holds`` and ``violated``; ``outside_true`` and ``outside_false``; ``vacuous``,
        ``not_sampled``, ``not_reached``, ``not_evaluable``; and of the items that the paper assumes
        ``assumptions_met``, ``assumptions_unmet`` and ``assumptions_open`` (not compared).
        """
        return show.counts(self._rows)

    @property
    def summary(self) -> str:
        """The counts in one sentence."""
        return show.summary(self._rows)

    def __getitem__(self, statement: str) -> Finding:
        """The finding of a statement in the first run that has it; the paper's name may be left out."""
        for name in (statement, f"{self.paper}.{statement}"):
            if name in self._groups:
                return self._groups[name][0]
        raise KeyError(f"{statement!r}: no such statement applies; see report.table['statement']")

    def to_text(self, width: int | None = None, color: str = "never") -> str:
        """The screen: summary, and the statements in groups, each with its numbers and its formula.

        Parameters
        ----------
        width : int, optional
            Columns, at most 120 of which are used; by default the terminal's, or 120 where there is none.
        color : str
            "never", "always", or "auto": in a terminal that has colours, as ``NO_COLOR`` and ``FORCE_COLOR`` say.
        """
        validate.choice("color", color, show_text.CHOICES)
        if width is None:
            width = show_text.width_of(sys.stdout)
        columns = min(validate.integer("width", width, show_text.NARROWEST), show_text.WIDEST)
        coloured = show_text.has_colour(sys.stdout, color)
        return show_text.screen(self._setting, self.why, self.summary, self._rows, self.paper, columns, coloured)

    def to_markdown(self) -> str:
        """Title, summary and the columns people read, as Markdown."""
        return show_pages.markdown(self.title, self.summary, self._rows)

    def to_html(self) -> str:
        """Title, summary and the statements in groups, formulas as MathML, as part of a page."""
        told = {show.clean(name): (group[0].statement.claim, group[0].statement.source)
                for name, group in self._groups.items()}
        return show_pages.html(self._setting, self.why, self.summary, self._rows, told)

    def to_latex(self) -> str:
        """A table for a paper, which needs the packages amsmath and booktabs."""
        return show_pages.latex(self.title, self.summary, self._rows, f"{self.paper}.")

    def to_csv(self, path: str | Path) -> None:
        """Write the whole table."""
        self.table.to_csv(path, index=False)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"<CheckReport {self.paper}: {self._runs}, {show.inside_in_short(self._rows)}>"

    def _repr_html_(self) -> str:
        return self.to_html()


def _joint_verdict(statement: Statement, group: list[Finding], holds: int, compared: int, required: float) -> Verdict:
    """One verdict over runs: by count for claims about the draw, else the worst."""
    if not compared:
        unseen = {one.verdict for one in group}
        return next(one for one in (Verdict.NOT_SAMPLED, Verdict.NOT_EVALUABLE, Verdict.NOT_REACHED) if one in unseen)
    verdicts = [one.verdict for one in group if one.comparison is not None]
    if statement.over_draws and len(group) > 1:
        if Verdict.OUTSIDE in verdicts:
            return Verdict.OUTSIDE
        return Verdict.VIOLATED if binomial.interval(holds, compared)[1] < required else Verdict.HOLDS
    for verdict in (Verdict.VIOLATED, Verdict.OUTSIDE, Verdict.VACUOUS):
        if verdict in verdicts:
            return verdict
    return Verdict.HOLDS


def _median(values: list[float]) -> float:
    """NaN between −∞ and ∞."""
    with np.errstate(invalid="ignore"):
        return float(np.median(values)) if values else float("nan")
