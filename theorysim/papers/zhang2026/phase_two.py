"""Phase II: Lemmas 5 and 6 under their own algorithm, gradient descent without noise, and the repair of Lemma 5."""

from collections.abc import Sequence

import numpy as np

from theorysim.papers.zhang2026 import quantities as q
from theorysim.papers.zhang2026.condition import second_phase
from theorysim.papers.zhang2026.evidence import LinearEvidence
from theorysim.papers.zhang2026.quantities import PAPER
from theorysim.theory.conditions import Condition
from theorysim.theory.statement import Sense, Statement
from theorysim.theory.windows import at, number, observed

START = "t1: all ‖w_i‖ and |a_i| ≤ √η"


def printed(evidence: LinearEvidence) -> float:
    """Lemma 5's t2 = t1 + ln(1/η)/‖θ*‖."""
    return evidence.all_small + q.log_share(evidence)


def repaired(evidence: LinearEvidence) -> float:
    """The same with a further 1/η: t1 + ln(1/η)/(η‖θ*‖)."""
    return evidence.all_small + q.log_share(evidence) / evidence.lr


def settled(evidence: LinearEvidence) -> float:
    """Lemma 6's t3 = t2 + ln(1/η)/(η‖θ*‖²)."""
    return evidence.all_aligned + q.log_share(evidence) / (evidence.lr * evidence.target_norm or np.nan)


def nearly_one(evidence: LinearEvidence) -> float:
    """1 − C√η ln(1/η)."""
    return float(1 - evidence.constants.C * np.sqrt(evidence.lr) * np.log(1 / evidence.lr))


def small_share(evidence: LinearEvidence) -> float:
    """Cη ln(1/η)."""
    return float(evidence.constants.C * evidence.lr * np.log(1 / evidence.lr))


def repair(evidence: LinearEvidence) -> Sequence[Condition]:
    """H = I to a hundredth and ηm ≤ ‖θ*‖/10, so that growth e^{η‖θ*‖t} has time (derived)."""
    values = np.linalg.eigvalsh(evidence.gram)
    m = evidence.run.problem.width
    return [Condition("m ≤ ‖θ*‖/(10η)", m, "<=", evidence.target_norm / (10 * evidence.lr), "derived"),
            Condition("‖H − I‖ ≤ 0.01", float(np.abs(values - 1).max()), "<=", 0.01, "derived")]


def crowd(evidence: LinearEvidence) -> Sequence[Condition]:
    """So many neurons that some does not grow, and not all of them aligned at the start (derived)."""
    begun = np.array([np.nan_to_num(evidence.trained.first(evidence.small))], dtype=np.int64)
    return [Condition("neurons followed ≥ 100", len(evidence.trained.leaving), ">=", 100.0, "derived"),
            Condition("min_i |cos(θ*, w_i(t1))| ≤ ½", float(evidence.column("cosine_min", begun)[0]), "<=", 0.5,
                      "derived")]


PHASE_TWO = (
    Statement(
        id="zhang2026.lemma_5.printed",
        claim="gradient descent aligns every small neuron fast",
        formula="min_i |cos(θ*, w_i)| ≥ 1 − C√η ln(1/η) at t2 = t1 + ln(1/η)/‖θ*‖",
        source=f"{PAPER}, Lemma 5; {START}, of the neurons followed",
        sense=Sense.LOWER,
        measured=observed("cosine_min"),
        predicted=number(nearly_one),
        window=at(printed),
        conditions=second_phase,
        applies=q.descent,
    ),
    Statement(
        id="zhang2026.lemma_5.printed_median",
        claim="at least half of them",
        formula="median |cos(θ*, w_i)| ≥ 1 − C√η ln(1/η) at t2 = t1 + ln(1/η)/‖θ*‖",
        source=f"weaker than {PAPER}, Lemma 5; {START}",
        sense=Sense.LOWER,
        measured=observed("cosine_median"),
        predicted=number(nearly_one),
        window=at(printed),
        conditions=second_phase,
        applies=q.descent,
    ),
    Statement(
        id="zhang2026.lemma_6.error",
        claim="from aligned neurons gradient descent finds the target",
        formula="‖θ(t3) − θ*‖ ≤ Cη ln(1/η), t3 = t2 + ln(1/η)/(η‖θ*‖²)",
        source=f"{PAPER}, Lemma 6; t2: all neurons followed aligned to 10⁻⁹",
        sense=Sense.UPPER,
        measured=observed("parameter_error"),
        predicted=number(small_share),
        window=at(settled),
        conditions=second_phase,
        applies=q.descent,
    ),
    Statement(
        id="zhang2026.lemma_6.cosine",
        claim="and neurons that are not small stay aligned",
        formula="|cos(θ*, w_i(t3))| ≥ 1 − Cη ln(1/η) where ‖w_i(t3)‖ ≥ √η",
        source=f"{PAPER}, Lemma 6; t2: all neurons followed aligned to 10⁻⁹",
        sense=Sense.LOWER,
        measured=observed("cosine_min_large"),
        predicted=number(lambda e: 1 - small_share(e)),
        window=at(settled),
        conditions=second_phase,
        applies=q.descent,
    ),
    Statement(
        id="zhang2026.derived.lemma_5_repaired",
        claim="gradient descent aligns half of the small neurons in a time longer by 1/η",
        formula="median |cos(θ*, w_i)| ≥ 1 − C√η ln(1/η) at t1 + ln(1/η)/(η‖θ*‖)",
        source=f"derived, in place of Lemma 5; {START}",
        sense=Sense.LOWER,
        measured=observed("cosine_median"),
        predicted=number(nearly_one),
        window=at(repaired),
        conditions=repair,
        applies=q.descent,
    ),
    Statement(
        id="zhang2026.derived.lemma_5_repaired_any",
        claim="but not every one: those with a_i + ⟨w_i, θ*⟩/‖θ*‖ near 0 do not grow",
        formula="min_i |cos(θ*, w_i)| ≤ 1 − C√η ln(1/η) at t1 + ln(1/η)/(η‖θ*‖)",
        source=f"derived, against \"any neuron\" of Lemma 5; {START}",
        sense=Sense.UPPER,
        measured=observed("cosine_min"),
        predicted=number(nearly_one),
        window=at(repaired),
        conditions=crowd,
        applies=q.descent,
    ),
)
