"""Wan et al. 2025 as data, as far as it is known here."""

from collections.abc import Sequence

import numpy as np

from theorysim.papers.wan2025.evidence import NEW, OLD, ForgettingEvidence, is_second_task
from theorysim.theory.conditions import Condition
from theorysim.theory.statement import Array, Sense, Statement, Steps
from theorysim.theory.windows import end, number, recorded

SOURCE = "Wan et al. 2025, from a summary; C1, and what counts as kept, are choices"
SLACK = 1e-9  # relative, for angles that are set to these values
OFF = 0.1  # of the law, in shares of what was learned


def _learned_before(evidence: ForgettingEvidence) -> Condition:
    return Condition("min_y y f(yμ₁) ≥ 1 at the start", evidence.before, ">=", 1.0, "choice")


def _angle(evidence: ForgettingEvidence) -> float:
    """θ in degrees: unlike cos θ it has no sign, so that margins are ratios."""
    return float(np.degrees(np.arccos(np.clip(evidence.cosine, -1, 1))))


def near(evidence: ForgettingEvidence) -> Sequence[Condition]:
    """cos θ ≥ −C1, and the task before had been learned."""
    limit = float(np.degrees(np.arccos(-evidence.constants.C1)))
    return [_learned_before(evidence), Condition("θ ≤ arccos(−C1)", _angle(evidence), "<=", limit, SOURCE)]


def opposite(evidence: ForgettingEvidence) -> Sequence[Condition]:
    """cos θ ≤ −C2, no replay, and the task before had been learned."""
    limit = float(np.degrees(np.arccos(-evidence.constants.C2)))
    return [_learned_before(evidence), Condition("θ ≥ arccos(−C2)", _angle(evidence), ">=", limit, "choice"),
            Condition("no replay", evidence.replayed, "<=", 0, "choice")]


def obtuse(evidence: ForgettingEvidence) -> Sequence[Condition]:
    """θ ≥ 90°, no replay, and the task before had been learned."""
    return [_learned_before(evidence), Condition("θ ≥ 90°", _angle(evidence), ">=", 90.0 * (1 - SLACK), "derived"),
            Condition("no replay", evidence.replayed, "<=", 0, "derived")]


def _off(evidence: ForgettingEvidence, steps: Steps) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):  # a task that had no margin at all lost none
        return np.abs(evidence.margin(OLD, steps) / evidence.before - evidence.kept)


STATEMENTS = (
    Statement(
        id="wan2025.benign",
        claim="what was learned before is kept while the angle is not too large",
        formula="min_y y f(yμ₁) ≥ 0.1 of what it was, for cos θ ≥ −C1",
        source=SOURCE,
        sense=Sense.LOWER,
        measured=lambda e, steps: e.margin(OLD, steps),
        predicted=number(lambda e: e.constants.kept * e.before),
        window=recorded(end),
        conditions=near,
        applies=is_second_task,
    ),
    Statement(
        id="wan2025.harmful",
        claim="and lost where the second task is nearly the opposite of the first",
        formula="min_y y f(yμ₁) ≤ 0 for cos θ ≤ −C2",
        source="choice: the other side of the claim",
        sense=Sense.UPPER,
        measured=lambda e, steps: e.margin(OLD, steps),
        predicted=number(0.0),
        window=recorded(end),
        conditions=opposite,
        applies=is_second_task,
    ),
    Statement(
        id="wan2025.derived.kept",
        claim="what is left at an obtuse angle is given by the angle alone",
        formula="|f(yμ₁)/f₀(yμ₁) − ((1 − c²)³ − c³)| ≤ 0.1, c = −cos θ",
        source="derived, by an argument that is no proof; as measured",
        sense=Sense.UPPER,
        measured=_off,
        predicted=number(OFF),
        window=recorded(end),
        conditions=obtuse,
        applies=is_second_task,
    ),
    Statement(
        id="wan2025.learned",
        claim="the second task is learned, whatever the angle",
        formula="min_y y f(yμ₂) ≥ 1",
        source="choice: what the claim takes for granted",
        sense=Sense.LOWER,
        measured=lambda e, steps: e.margin(NEW, steps),
        predicted=number(1.0),
        window=recorded(end),
        applies=is_second_task,
    ),
)
