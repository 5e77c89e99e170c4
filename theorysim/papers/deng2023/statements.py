"""Deng et al. 2023 as data: which feature is learned first, and what becomes of the minority."""

from collections.abc import Sequence

from theorysim.papers.deng2023.evidence import DengEvidence
from theorysim.papers.deng2023.setting import is_setting
from theorysim.theory.conditions import Condition
from theorysim.theory.statement import Sense, Statement
from theorysim.theory.windows import at, number, observed

SOURCE = "Deng et al. 2023"


def spurious_easier(evidence: DengEvidence) -> Sequence[Condition]:
    """The spurious feature pulls more at the start, and most samples agree with it."""
    core, spurious = evidence.pulls
    return [Condition("β_c³ ≤ (2α − 1)β_s³", core, "<=", spurious, "derived from the gradient at output 0")]


def core_easier(evidence: DengEvidence) -> Sequence[Condition]:
    """The core feature pulls more at the start."""
    core, spurious = evidence.pulls
    return [Condition("β_c³ ≥ (2α − 1)β_s³", core, ">=", spurious, "derived from the gradient at output 0")]


STATEMENTS = (
    Statement(
        id="deng2023.spurious_first",
        claim="an easy spurious feature of imbalanced groups is learned first",
        formula="max_r ±⟨w_r, v_c⟩ ≤ θ at T_s = min{t: max_r ±⟨w_r, v_s⟩ ≥ θ}",
        source=f"{SOURCE} (reconstructed; θ, the constant learned, is a choice)",
        sense=Sense.UPPER,
        measured=observed("core"),
        predicted=number(lambda e: e.constants.learned),
        window=at(lambda e: e.time("spurious")),
        conditions=spurious_easier,
        applies=is_setting,
    ),
    Statement(
        id="deng2023.dominates",
        claim="as long as the spurious feature alone is learned, the minority is classified by it, and wrongly",
        formula="P(y f(x) ≤ 0 | a ≠ y) ≥ 1/2 at the end, where T_s has come and T_c has not",
        source=f"{SOURCE} (reconstructed)",
        sense=Sense.LOWER,
        measured=number(lambda e: e.minority_error),
        predicted=number(0.5),
        window=lambda e: e.ends_with("spurious", "core"),
        conditions=spurious_easier,
        applies=is_setting,
    ),
    Statement(
        id="deng2023.core_first",
        claim="with the strengths the other way round the core feature is learned first",
        formula="max_r ±⟨w_r, v_s⟩ ≤ θ at T_c = min{t: max_r ±⟨w_r, v_c⟩ ≥ θ}",
        source=f"{SOURCE} (reconstructed; θ is a choice)",
        sense=Sense.UPPER,
        measured=observed("spurious"),
        predicted=number(lambda e: e.constants.learned),
        window=at(lambda e: e.time("core")),
        conditions=core_easier,
        applies=is_setting,
    ),
    Statement(
        id="deng2023.minority_right",
        claim="where the core feature is the easier one, the minority is classified rightly once it is learned",
        formula="P(y f(x) ≤ 0 | a ≠ y) ≤ 1/2 at the end, where T_c has come",
        source=f"{SOURCE} (reconstructed)",
        sense=Sense.UPPER,
        measured=number(lambda e: e.minority_error),
        predicted=number(0.5),
        window=lambda e: e.ends_with("core"),
        conditions=core_easier,
        applies=is_setting,
    ),
)
