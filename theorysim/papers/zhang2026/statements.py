"""The paper's condition, theorem and lemmas, and what is derived for the exact dynamics.

The paper's constants are kept, and its statements ask for the items of Condition 1 that it names. "derived" is not in
the paper: predictions of the exact dynamics, and its lemmas carried over to an algorithm that they do not speak of.
"""

import numpy as np

from theorysim.papers.zhang2026 import quantities as q
from theorysim.papers.zhang2026.condition import CONDITION
from theorysim.papers.zhang2026.phase_one import PHASE_ONE
from theorysim.papers.zhang2026.phase_two import PHASE_TWO
from theorysim.papers.zhang2026.quantities import PAPER
from theorysim.theory.conditions import Condition
from theorysim.theory.statement import Sense, Statement
from theorysim.theory.windows import at, end, number, observed, observed_next, records_since

OURS = f"derived: no claim of the paper, but carried over to label noise from {PAPER}"

STATEMENTS = (
    *CONDITION,
    *PHASE_ONE,
    *PHASE_TWO,
    Statement(
        id="zhang2026.derived.oscillation",
        claim="where oscillation leaves them",
        formula="tr A/m = η θ*ᵀHθ*/2 at rest",
        source="derived",
        sense=Sense.ORDER,
        measured=observed("mean_norm_sq"),
        predicted=number(q.resting_norm),
        window=records_since(q.settled),
        applies=q.oscillating,
        band=1.25,
    ),
    Statement(
        id="zhang2026.derived.oscillation_limit",
        claim="and that a large target keeps it from what Lemma 4 promises",
        formula="θ*ᵀHθ* ≥ 2.5/√η ⇒ tr A/m ≥ √η at every step",
        source="derived: the rest ηθ*ᵀHθ*/2 is approached from above",
        sense=Sense.LOWER,
        measured=observed("mean_norm_sq"),
        predicted=number(lambda e: np.sqrt(e.lr)),
        window=records_since(lambda _e: 0.0),
        conditions=q.far_target,
        applies=q.oscillating,
    ),
    Statement(
        id="zhang2026.derived.noisy_alignment",
        claim="Lemma 5 carried over to label noise: neurons align fast once they have shrunk",
        formula="median |cos(w_i, θ*)| ≥ 0.9 at ln(1/η)/‖θ*‖ steps after tr A/m ≤ √η",
        source=f"{OURS}, Lemma 5",
        sense=Sense.LOWER,
        measured=observed_next("cosine_median"),
        predicted=number(q.ALIGNED),
        window=at(lambda e: e.shrunk + q.log_share(e)),
        conditions=q.stable,
        applies=q.followed,
    ),
    Statement(
        id="zhang2026.derived.noisy_alignment_slower",
        claim="the same with a further 1/η",
        formula="median |cos(w_i, θ*)| ≥ 0.9 at ln(1/η)/(η‖θ*‖) steps after tr A/m ≤ √η",
        source=f"{OURS}, Lemma 5",
        sense=Sense.LOWER,
        measured=observed_next("cosine_median"),
        predicted=number(q.ALIGNED),
        window=at(lambda e: e.shrunk + q.log_share(e) / e.lr),
        conditions=q.stable,
        applies=q.followed,
    ),
    Statement(
        id="zhang2026.derived.noisy_alignment_any",
        claim="every neuron, when the network has aligned under label noise",
        formula="min_i |cos(w_i, θ*)| ≥ 0.9 at T2(0.9)",
        source=f"{OURS}, \"any neuron\" of Lemma 5",
        sense=Sense.LOWER,
        measured=observed_next("cosine_min"),
        predicted=number(q.ALIGNED),
        window=at(lambda e: e.mostly_aligned),
        conditions=q.stable,
        applies=q.followed,
    ),
    Statement(
        id="zhang2026.derived.noisy_convergence",
        claim="Lemma 6 carried over to label noise: the loss becomes small",
        formula="mean test loss at the end ≤ C η ln(1/η)",
        source=f"{OURS}, Lemma 6; mean over the last quarter of the run",
        sense=Sense.UPPER,
        measured=number(lambda e: e.trained.loss_floor()),
        predicted=number(lambda e: e.constants.C * e.lr * np.log(1 / e.lr)),
        window=q.converged,
        conditions=q.at_rest,
        applies=q.noisy,
    ),
    Statement(
        id="zhang2026.derived.floor",
        claim="the floor that label noise leaves",
        formula="mean test loss at the end = ησ²(tr A + dc)/4",
        source="derived: stationary variance of Wᵀa at H = I; 104 runs: 1.00 on average, each within 0.68…1.49",
        sense=Sense.ORDER,
        measured=number(lambda e: e.trained.loss_floor()),
        predicted=number(q.final_floor),
        window=q.converged,
        conditions=q.at_rest,
        applies=q.noisy,
        band=1.5,
    ),
    Statement(
        id="zhang2026.derived.stability",
        claim="below the limit nothing diverges",
        formula="ηm < 2d/(d + 2) ⇒ no overflow",
        source="derived",
        sense=Sense.UPPER,
        measured=number(lambda e: float(e.run.status == "diverged")),
        predicted=number(0.0),
        window=end,
        conditions=q.stable,
        applies=q.plain,
    ),
    Statement(
        id="zhang2026.derived.divergence",
        claim="far above the limit everything does",
        formula="ηm ≥ 2.5 ⇒ overflow",
        source="derived",
        sense=Sense.LOWER,
        measured=number(lambda e: float(e.run.status == "diverged")),
        predicted=number(1.0),
        window=end,
        conditions=lambda e: [Condition("ηm ≥ 2.5", e.lr * e.run.problem.width, ">=", q.DIVERGING, "derived")],
        applies=q.plain,
    ),
    Statement(
        id="zhang2026.derived.escape_time",
        claim="neurons leave by shrinking: the smallest last",
        formula="√m min_i‖(1 − e^{−Hτ/2})w_i(0)‖ = 1 at T1_all, τ = η²ΣE[g²]",
        source="derived, of the mean motion: 125 runs within 0.73…1.29; 2/(√m η²E[g²] min_i‖w_i(0)‖) when it is small",
        sense=Sense.ORDER,
        measured=number(lambda e: e.times.T1_all),
        predicted=number(q.shrinking_escape),
        window=end,
        conditions=q.moderate,
        applies=q.followed,
        band=1.4,
    ),
    Statement(
        id="zhang2026.derived.slow_flow",
        claim="the norm falls with the slow time",
        formula="tr A = tr(A(0) e^{−Hτ}), τ = η²ΣE[g²], up to τ = 2 and tr A = 4d‖θ*‖",
        source="derived: 150 runs within 0.93…1.11",
        sense=Sense.ORDER,
        measured=q.trace_ratio,
        predicted=q.slow_decay,
        window=q.late_in_first_phase,
        conditions=q.stable,
        applies=q.noisy,
        band=1.15,
    ),
    Statement(
        id="zhang2026.derived.alignment_time",
        claim="when the network has half aligned",
        formula="T2(½) = Θ(ln(m/(√d‖θ*‖))/(ησ)²)",
        source="derived",
        sense=Sense.ORDER,
        measured=number(lambda e: e.times.T2_half),
        predicted=number(q.alignment_law),
        window=end,
        conditions=q.unaligned,
        applies=lambda run: q.noisy(run) and run.problem.d > 1,  # in one dimension all are aligned
    ),
)
