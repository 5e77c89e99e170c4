"""What is to be falsified: one statement, with the evidence and the constants that it is a function of."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from theorysim.check.finding import Finding, Verdict, evaluate
from theorysim.check.replay import replayed
from theorysim.core import validate
from theorysim.systems import SYSTEMS
from theorysim.theory.claim import SENSES, claim
from theorysim.theory.paper import Paper, constants_of, papers, statement_named
from theorysim.theory.statement import Array, Constants, Sense, Statement, Steps

OWN = "claim"  # the paper of a statement that no paper has
FLAT = 1e-12  # below which one side is as good as nothing beside the other


@dataclass(frozen=True, eq=False)
class Claim:
    """A statement as a paper of its own.

    Attributes
    ----------
    paper : Paper
        The paper whose it is with this statement alone; one's own statement is a paper about every system.
    constants : Constants
    given : mapping
        Those of the constants that were asked for.
    """

    paper: Paper
    constants: Constants
    given: Mapping[str, Any]

    @property
    def statement(self) -> Statement:
        """What is claimed."""
        return self.paper.statements[0]

    @property
    def printed(self) -> bool:
        """Whether a paper has this very statement, so that :func:`theorysim.check` knows it too."""
        return any(one is self.statement for _, one in statement_named(self.statement.id))

    def finding(self, run: Any) -> Finding | None:
        """The verdict as far as the run was kept; None for a run that the claim is not about."""
        return evaluate(self.statement, self.evidence(run)) if self.paper.statements_about(run) else None

    def replayed(self, run: Any) -> Any:
        """The run, made again if need be, with every step that the claim speaks about."""
        return replayed(run, self.paper, self.constants)

    def evidence(self, run: Any) -> Any:
        """What the statement is a function of."""
        return self.paper.evidence(run, self.constants)

    def sides(self, run: Any) -> tuple[Steps, Array, Array]:
        """Steps at which the claim speaks, and its two sides there; NaN where one is not known."""
        evidence = self.evidence(run)
        steps = self.statement.seen(evidence, self.statement.asked(evidence))
        measured, predicted = (np.broadcast_to(np.asarray(side(evidence, steps), dtype=np.float64), (len(steps),))
                               for side in (self.statement.measured, self.statement.predicted))
        return steps, measured, predicted

    def excess(self, measured: Any, predicted: Any) -> Any:
        """How far the claim is from holding, from −∞ to ∞ and above 0 where it fails, evenly in the logarithm.

        It is log(measured/predicted) of an upper bound between positive numbers, its negative of a lower one; of a Θ
        what the worse of its two ends has. It grows with the relative excess that a check goes by.
        """
        band = self.constants.band if self.statement.band is None else self.statement.band
        measured, predicted = np.asarray(measured, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
        if self.statement.sense == Sense.UPPER:
            return _logarithmic(measured, predicted)
        if self.statement.sense == Sense.LOWER:
            return _logarithmic(predicted, measured)
        return np.fmax(_logarithmic(measured, band * predicted), _logarithmic(predicted / band, measured))


def _logarithmic(less: Any, more: Any) -> Any:
    """For less ≤ more: (less − more)/max(|less|, |more|), its ends ±1 stretched to ±∞, and on beyond them."""
    size = np.maximum(np.abs(less), np.abs(more))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        relative = np.where(np.isfinite(size), (less - more) / size, np.sign(less - more))
        beyond = np.maximum(np.abs(relative) - (1 - FLAT), 0.0)
        stretched = np.sign(relative) * (beyond - np.log(np.maximum(1 - np.abs(relative), FLAT)))
    return np.where(size == 0, -np.inf, stretched)


def claim_of(given: Any, inside: Any, constants: Mapping[str, Any]) -> Claim:
    """A statement, the id of a paper's, or the expressions of :func:`theorysim.claim`, as a claim.

    A statement with the id of a paper's, such as one of which something was replaced, is looked at as that paper looks
    at its own. Of an id that several papers have it is the paper named as ``inside``, or else the first.

    Raises
    ------
    TypeError, ValueError
        For what is neither, an unknown id, and constants that the claim does not know.
    """
    validate.instance("claim", given, (Statement, str))
    if isinstance(given, str) and any(sign in given for sign in SENSES):
        given = claim(given)
    found = statement_named(given if isinstance(given, str) else given.id)
    if isinstance(given, str) and not found:
        prefix = given.partition(".")[0]
        known = [one.id for other in papers().values() for one in other.statements]
        near = [one for one in known if one.startswith(f"{prefix}.")] or [f"{paper}...." for paper in papers()]
        raise ValueError(f"claim={given!r}: must be a Statement or the id of one; there are {', '.join(near)}")
    if found:
        home, statement = next((one for one in found if one[0].name == inside), found[0])
        paper = replace(home, statements=(statement if isinstance(given, str) else given,))
    else:
        paper = Paper(OWN, "", tuple(one.name for one in SYSTEMS), (given,))
    return Claim(paper, constants_of([paper], constants)[paper.name], dict(constants))


def compared_inside(finding: Finding | None) -> bool:
    """Whether the assumptions held, both sides were compared, and the claim could have failed."""
    return finding is not None and finding.verdict in (Verdict.HOLDS, Verdict.VIOLATED)
