"""One setting that was tried, and what came of it."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from theorysim.check.finding import Finding, Verdict, evaluate
from theorysim.core.status import Status
from theorysim.falsify.claim import Claim
from theorysim.systems import simulate, system_of
from theorysim.theory.conditions import Condition
from theorysim.theory.windows import RECORDS

KEPT = 2**25  # bytes of records that a run of the search may keep
FIRST, SPACED = 128, 64  # steps of a run that are recorded: the first so many, and beyond so many more
UNKNOWN = 100.0  # how far outside a condition is that is not known: farther than any that is
NOT_ABOUT = "not about"
Recipe = Callable[[Any, int], Any]


@dataclass(frozen=True)
class Setting:
    """Everything that a run is made of; ``recipe`` makes its draw of problem and seed, where it is not as usual."""

    problem: Any
    algorithm: Any
    steps: int
    seed: int
    recipe: Recipe | None = None

    def replace(self, **changes: Any) -> Self:
        """A copy with some of it changed."""
        return replace(self, **changes)

    def run(self, claim: Claim) -> Any:
        """Make the run; where the claim is about the state it is recorded at the first steps and some of the later."""
        options: dict[str, Any] = {} if self.recipe is None else {"draw": self.recipe(self.problem, self.seed)}
        if claim.statement.looks == RECORDS:
            each = system_of(self.problem, self.algorithm).record_bytes(self.problem)
            most = max(1, KEPT // max(each, 1))
            kept = {*range(min(self.steps, FIRST, most) + 1)}
            if self.steps > FIRST < most:
                kept |= {*np.geomspace(FIRST, self.steps, SPACED).astype(int).tolist()}
            options["record_at"] = sorted(kept)
        return simulate(self.problem, self.algorithm, self.steps, self.seed, on_failure="return", **options)

    @property
    def cost(self) -> float:
        """In floating-point operations."""
        return system_of(self.problem, self.algorithm).cost(self.problem, self.algorithm, self.steps)


@dataclass(frozen=True, eq=False)
class Trial:
    """A setting and its finding.

    Attributes
    ----------
    setting : Setting
    finding : Finding or None
        None for a run that the claim is not about.
    excess : float
        See :meth:`theorysim.falsify.claim.Claim.excess`, at the worst step; NaN where nothing was compared.
    shortfall : float
        By how much the assumptions are missed: the logarithms of their margins below 1, added up; 0 where they hold.
    assumed : frozenset of str
        Of the paper's assumption that the search is inside of, the items that this run meets.
    """

    setting: Setting
    finding: Finding | None
    excess: float = float("nan")
    shortfall: float = 0.0
    assumed: frozenset[str] = frozenset()

    @property
    def seen(self) -> Finding:
        """The finding of a run that the claim is about."""
        if self.finding is None:
            raise ValueError("finding: the claim is not about this run")
        return self.finding

    @property
    def violated(self) -> bool:
        """Whether the assumptions hold and the claim does not."""
        return self.finding is not None and self.finding.verdict == Verdict.VIOLATED

    @property
    def verdict(self) -> str:
        """As a word."""
        return NOT_ABOUT if self.finding is None else str(self.finding.verdict)


class Interrupted(Exception):
    """Ctrl-C came during a run."""


def look(claim: Claim, setting: Setting, assumption: Claim | None = None) -> Trial:
    """Make the run of a setting, and hold it against the claim, and against the items of an assumption if one is given.

    Raises
    ------
    Interrupted
        By Ctrl-C.
    TypeError, ValueError
        For a setting that cannot be simulated.
    """
    run = setting.run(claim)
    if run.status == Status.INTERRUPTED:
        raise Interrupted
    finding = claim.finding(run)
    if finding is not None and finding.verdict == Verdict.NOT_SAMPLED:
        try:
            run = claim.replayed(run)
        except KeyboardInterrupt:
            raise Interrupted from None
        finding = claim.finding(run)
    met = frozenset[str]() if assumption is None else frozenset(
        one.id for one in assumption.paper.statements_about(run)
        if evaluate(one, assumption.evidence(run)).verdict == Verdict.HOLDS)
    if finding is None or finding.comparison is None:
        return Trial(setting, finding, assumed=met)
    return Trial(setting, finding, float(claim.excess(finding.measured, finding.predicted)),
                 sum(map(shortfall, finding.conditions)), met)


def shortfall(condition: Condition) -> float:
    """How far outside a condition is, 0 where it holds."""
    if condition.holds:
        return 0.0
    return min(-math.log(max(condition.margin, 1e-40)), UNKNOWN) + 1e-9 if condition.known else UNKNOWN


def missed(claim: Claim, setting: Setting) -> int | None:
    """How many of a claim's assumptions the draw of a setting misses before its first step; None if it is not about it.

    Some may be met later, or missed later: this is only to choose draws that are worth a run.
    """
    run = setting.replace(steps=0).run(claim)
    if not claim.paper.statements_about(run):
        return None
    return sum(not one.holds for one in claim.statement.conditions(claim.evidence(run)))
