"""check(): runs and claims side by side, one verdict for each statement of a paper."""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import intervals as binomial
from theorysim.theory.conditions import Condition
from theorysim.theory.paper import Choice, constants_of, default_paper, paper_named, papers_about, system_name
from theorysim.theory.statement import Constants, Sense, Statement

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
ROUNDING = 1e-9  # relative slack of a comparison, far below any effect


class Verdict(StrEnum):
    """What a run says about a statement."""

    HOLDS = "holds"
    VIOLATED = "violated"
    OUTSIDE = "outside regime"  # the assumptions fail; the comparison is shown all the same
    NOT_REACHED = "not reached"  # the run has not come to where the statement speaks
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
    """

    statement: Statement
    verdict: Verdict
    comparison: bool | None
    conditions: tuple[Condition, ...]
    measured: float
    predicted: float
    ratio: float
    first_violation: float

    @property
    def margin(self) -> float:
        """The smallest margin among the conditions; infinite when there is none."""
        return min((one.margin for one in self.conditions), default=float("inf"))


def evaluate(statement: Statement, evidence: Any) -> Finding:
    """Compare one statement with one run."""
    conditions = tuple(statement.conditions(evidence))
    steps = statement.window(evidence)
    if not len(steps):
        return Finding(statement, Verdict.NOT_REACHED, None, conditions, np.nan, np.nan, np.nan, np.nan)
    measured, predicted = (
        np.broadcast_to(np.asarray(side(evidence, steps), dtype=np.float64), (len(steps),))
        for side in (statement.measured, statement.predicted)
    )
    known = ~(np.isnan(measured) | np.isnan(predicted))
    if not known.any():
        return Finding(statement, Verdict.NOT_REACHED, None, conditions, np.nan, np.nan, np.nan, np.nan)
    steps, measured, predicted = steps[known], measured[known], predicted[known]
    band = evidence.constants.band if statement.band is None else statement.band
    excess = _relative_excess(statement.sense, measured, predicted, band)
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
    )


def _relative_excess(sense: Sense, measured: Array, predicted: Array, band: float) -> Array:
    """By how much of the larger side the claim fails at each step; negative or zero where it holds."""
    size = np.maximum(np.abs(measured), np.abs(predicted))
    with np.errstate(divide="ignore", invalid="ignore"):
        if sense == Sense.UPPER:
            excess = measured - predicted
        elif sense == Sense.LOWER:
            excess = predicted - measured
        else:
            excess = np.maximum(measured - band * predicted, predicted / band - measured)
        excess = np.where(np.isnan(excess), 0.0, excess)  # infinite on both sides: equal
        relative = np.where(np.isfinite(size), excess / size, np.sign(excess))
    return np.where(size == 0, -np.inf, relative)  # 0 and 0 compare well, and say nothing about tightness


def _verdict(statement: Statement, conditions: Sequence[Condition], failed: bool, predicted: Array) -> Verdict:
    if statement.trivial is not None and not failed:
        beyond = predicted >= statement.trivial if statement.sense == Sense.UPPER else predicted <= statement.trivial
        if beyond.all():
            return Verdict.VACUOUS
    if not all(one.holds for one in conditions):
        return Verdict.OUTSIDE
    return Verdict.VIOLATED if failed else Verdict.HOLDS


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
        that share), required (1 − δ for claims about the draw and theorems), margin (the smallest of any
        condition), measured, predicted, ratio (median over runs), first_violation (earliest).
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
        return {
            "statement": statement.id,
            "claim": statement.claim,
            "formula": statement.formula,
            "source": statement.source,
            "verdict": str(_joint_verdict(statement, group, holds, len(compared), self.constants.delta)),
            "runs": len(group),
            "compared": len(compared),
            "holds": holds,
            "low": low,
            "high": high,
            "required": 1 - self.constants.delta if statement.over_draws else np.nan,
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


def check(run: Any, paper: str | None = None, **constants: Any) -> CheckReport:
    """Hold a run, or runs of one setting over seeds, against every statement of a paper that is about them.

    A statement whose assumptions fail is compared all the same and shown as "outside regime". Claims about
    the draw ("with probability at least 1 − δ", theorems included) are counted over runs: with two runs or more
    they are violated when the exact one-sided 97.5% bound of the share that holds lies below 1 − δ. A single
    run speaks for itself, and other statements are violated when any run inside the regime violates them.

    Parameters
    ----------
    run : run or iterable of runs
        Of one system, fresh or loaded.
    paper : str, optional
        The name of a paper, ours ("han2025", "huang2025", "kou2023", "zhang2025", "zhang2026"), of another package, or
        registered with :func:`register_paper`. By default the one whose setting the run has, and where none claims it
        the first that speaks of such runs; the report says which and why.
    **constants
        What the paper hides: ``delta``, ``C`` and ``band`` of :class:`theorysim.theory.statement.Constants`, and more
        for some papers.

    Returns
    -------
    CheckReport

    Raises
    ------
    TypeError, ValueError
        For what is not a run that the paper speaks about, an unknown paper or an impossible constant.
    """
    runs = _validated(run)
    chosen, why = default_paper(runs[0]) if paper is None else _asked(runs[0], paper)
    hidden = constants_of([chosen], constants)[chosen.name]
    found = []
    for one in runs:
        evidence = chosen.evidence(one, hidden)
        found.append(tuple(evaluate(claim, evidence) for claim in chosen.statements if claim.applies(one)))
    return CheckReport(chosen.name, hidden, tuple(found), why)


def _asked(run: Any, name: str) -> Choice:
    paper = paper_named(name)
    if system_name(run) not in paper.about:
        known = ", ".join(repr(one.name) for one in papers_about(run))
        raise ValueError(f"paper={name!r}: says nothing of a {type(run).__name__}; must be one of {known or 'none'}")
    return Choice(paper, "")


def _validated(given: Any) -> list[Any]:
    """The runs, of one setting and each only once."""
    if system_name(given):
        given = [given]
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(f"run={given!r}: must be a Run or a sequence of Runs, not {type(given).__name__}")
    runs = list(given)
    if not runs:
        raise ValueError("run: must be a Run or a non-empty sequence of Runs")
    seen: set[tuple[int, bytes]] = set()
    for one in runs:
        if not system_name(one):
            raise TypeError(f"run={one!r}: must be a Run, not {type(one).__name__}")
        if (one.problem, one.algorithm) != (runs[0].problem, runs[0].algorithm):
            raise ValueError(f"run: must be runs of one setting over seeds; {one.problem}, {one.algorithm} is not "
                             f"{runs[0].problem}, {runs[0].algorithm}")
        draw = (one.seed, getattr(one.draw, "fingerprint", b""))
        if draw in seen:
            raise ValueError(f"run: the draw of seed {one.seed} occurs twice, and would count twice")
        seen.add(draw)
    return runs


def _joint_verdict(statement: Statement, group: list[Finding], holds: int, compared: int, delta: float) -> Verdict:
    """One verdict over runs: by count for claims about the draw, else the worst."""
    if not compared:
        return Verdict.NOT_REACHED
    verdicts = [one.verdict for one in group if one.comparison is not None]
    if statement.over_draws and len(group) > 1:
        if Verdict.OUTSIDE in verdicts:
            return Verdict.OUTSIDE
        return Verdict.VIOLATED if binomial.interval(holds, compared)[1] < 1 - delta else Verdict.HOLDS
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
