"""Karhadkar et al. 2024 as data: when fitting flipped labels is benign, and when it is not."""

from collections.abc import Sequence

import numpy as np

from theorysim.papers.karhadkar2024.evidence import KarhadkarEvidence, is_setting
from theorysim.theory.conditions import Condition
from theorysim.theory.statement import Sense, Statement
from theorysim.theory.windows import Steps, at, number

SOURCE = "Karhadkar et al. 2024"


def fitted(evidence: KarhadkarEvidence) -> float:
    """Moment: the first step with a training hinge loss of zero."""
    return evidence.fitted


def dimension(evidence: KarhadkarEvidence) -> Condition:
    """d = Ω(n)."""
    run = evidence.run
    return Condition("d ≥ C n", run.problem.d, ">=", evidence.constants.dimension * run.draw.n, f"{SOURCE}, d = Ω(n)")


def benign_conditions(evidence: KarhadkarEvidence) -> Sequence[Condition]:
    """d = Ω(n) and γ = Ω(1/k), which no signal meets without a flip."""
    k = evidence.flipped
    least = evidence.constants.signal / k if k else np.inf
    return [dimension(evidence), Condition("γ ≥ C/k", evidence.gamma, ">=", least, f"{SOURCE}, γ = Ω(1/k)")]


def harmful_conditions(evidence: KarhadkarEvidence) -> Sequence[Condition]:
    """γ = O(1/d)."""
    most = float(f"{evidence.constants.C / evidence.run.problem.d:.10g}")  # as γ, which may be at the very edge
    return [Condition("γ ≤ C/d", evidence.gamma, "<=", most, f"{SOURCE}, γ = O(1/d)")]


def looked_for(evidence: KarhadkarEvidence) -> Steps:
    """Window: the end of a run that has come to zero loss, or to the horizon."""
    over = not np.isnan(evidence.fitted) or evidence.run.steps >= evidence.constants.horizon
    return np.array([evidence.run.steps]) if over else np.arange(0)


STATEMENTS = (
    Statement(
        id="karhadkar2024.fits",
        claim="gradient descent comes to a training hinge loss of zero",
        formula="min{t: L(t) = 0} ≤ horizon",
        source=f"{SOURCE} (our reading: the paper stops there; the horizon is a choice)",
        sense=Sense.UPPER,
        measured=number(lambda e: np.inf if np.isnan(e.fitted) else e.fitted),
        predicted=number(lambda e: float(e.constants.horizon)),
        window=looked_for,
        conditions=lambda e: [dimension(e)],
        applies=is_setting,
    ),
    Statement(
        id="karhadkar2024.benign",
        claim="with enough dimensions and signal, fitting the flipped labels does not harm",
        formula="P(y f(x) ≤ 0) ≤ ε at zero training loss",
        source=f"{SOURCE} (reconstructed: d = Ω(n), γ = Ω(1/k); ε and both constants are choices)",
        sense=Sense.UPPER,
        measured=number(lambda e: e.test_error),
        predicted=number(lambda e: e.constants.epsilon),
        window=at(fitted),
        conditions=benign_conditions,
        applies=is_setting,
        over_draws=True,
    ),
    Statement(
        id="karhadkar2024.harmful",
        claim="with too little signal, fitting the flipped labels harms",
        formula="P(y f(x) ≤ 0) ≥ 1/8 at zero training loss",
        source=f"{SOURCE} (γ = O(1/d), with constant C)",
        sense=Sense.LOWER,
        measured=number(lambda e: e.test_error),
        predicted=number(1 / 8),
        window=at(fitted),
        conditions=harmful_conditions,
        applies=is_setting,
        over_draws=True,
    ),
)
