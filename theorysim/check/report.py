"""The findings of one run, or of several over seeds, as a table."""

import html
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.check.finding import Finding, Verdict
from theorysim.core import intervals as binomial
from theorysim.theory.statement import Constants, Statement

if TYPE_CHECKING:
    import pandas as pd


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
        runs = f"{len(self.findings)} run{'s' if len(self.findings) != 1 else ''}"
        return f"{self.paper}: {runs}, {self.constants}" + (f" ({self.why})" if self.why else "")

    @cached_property
    def table(self) -> "pd.DataFrame":
        """One row per statement.

        Columns: statement, claim, formula, source, verdict, runs (how many had it), compared (in how many there
        was something to compare), holds (among these, whatever the regime), low and high (exact 95% interval of
        that share), required (the probability that a claim about the draw or a theorem is made with, 1 − δ unless the
        paper has another), margin (the smallest of any condition), measured, predicted, ratio (median over runs),
        first_violation (earliest).
        """
        import pandas as pd

        groups: dict[str, list[Finding]] = {}
        for findings in self.findings:
            for finding in findings:
                groups.setdefault(finding.statement.id, []).append(finding)
        return pd.DataFrame([self._row(group) for group in groups.values()])

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

    def __getitem__(self, statement: str) -> Finding:
        """The finding of a statement in the first run that has it."""
        for findings in self.findings:
            for finding in findings:
                if finding.statement.id == statement:
                    return finding
        raise KeyError(f"{statement!r}: no such statement applies; see report.table['statement']")

    def to_markdown(self) -> str:
        """The title and the table as Markdown, the columns people read."""
        rows = [[cell.replace("|", r"\|") for cell in row] for row in self._shown().astype(str).to_numpy().tolist()]
        head = list(self._shown().columns)
        lines = ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]]
        return "\n".join([self.title, "", *lines])

    def to_csv(self, path: str | Path) -> None:
        """Write the whole table."""
        self.table.to_csv(path, index=False)

    def _shown(self) -> "pd.DataFrame":
        table = self.table
        shown = table[["statement", "formula", "verdict"]].copy()
        shown["holds"] = [f"{row.holds}/{row.compared}" for row in table.itertuples()]
        for name in ("margin", "measured", "predicted", "ratio", "first_violation"):
            shown[name] = [_number(value) for value in table[name]]
        return shown

    def __str__(self) -> str:
        return f"{self.title}\n{self._shown().to_string(index=False)}"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.title)}</p>{self._shown().to_html(index=False)}"


def _joint_verdict(statement: Statement, group: list[Finding], holds: int, compared: int, required: float) -> Verdict:
    """One verdict over runs: by count for claims about the draw, else the worst."""
    if not compared:
        return Verdict.NOT_REACHED
    verdicts = [one.verdict for one in group if one.comparison is not None]
    if statement.over_draws and len(group) > 1:
        if Verdict.OUTSIDE in verdicts:
            return Verdict.OUTSIDE
        return Verdict.VIOLATED if binomial.interval(holds, compared)[1] < required else Verdict.HOLDS
    for verdict in (Verdict.VIOLATED, Verdict.OUTSIDE, Verdict.VACUOUS):
        if verdict in verdicts:
            return verdict
    return Verdict.HOLDS


def _number(value: float) -> str:
    if np.isnan(value):
        return "–"
    return f"{value:.3g}" if np.isfinite(value) else "∞" if value > 0 else "−∞"


def _median(values: list[float]) -> float:
    return float(np.median(values)) if values else float("nan")
