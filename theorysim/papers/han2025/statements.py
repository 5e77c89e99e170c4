"""Han et al. 2025 as data: Condition 4.1, both stages, early stopping, clean labels, Lemma 5.1, the early law."""

import numpy as np

from theorysim.papers.han2025 import quantities as q
from theorysim.papers.han2025.evidence import HanEvidence
from theorysim.papers.han2025.quantities import PAPER
from theorysim.theory import concentration
from theorysim.theory.conditions import Condition
from theorysim.theory.statement import Sense, Statement
from theorysim.theory.windows import at, end, first_record, number, observed, recorded, since

LOG2 = float(np.log(2))


def _item(position: int, name: str, formula: str) -> Statement:
    """One item of Condition 4.1."""
    def item(evidence: HanEvidence) -> Condition:
        return q.items(evidence)[position]

    return Statement(
        id=f"han2025.condition_4_1.{name}",
        claim="the problem lies in the regime of the theorems",
        formula=formula,
        source=f"{PAPER}, Condition 4.1",
        sense=Sense.LOWER if "≥" in formula else Sense.UPPER,
        measured=number(lambda evidence: item(evidence).value),
        predicted=number(lambda evidence: item(evidence).bound),
        applies=q.relu,
    )


CONDITION = tuple(_item(position, name, formula) for position, (name, formula) in enumerate((
    ("d_n2", "d ≥ C n² log(n/δ)"),
    ("d_signal", "d ≥ C n‖μ‖√log(n/δ)/σ"),
    ("n_snr2_low", "n·SNR² ≥ 1/order_one"),
    ("n_snr2_high", "n·SNR² ≤ order_one"),
    ("tau_low", "τ± ≥ 1/order_one"),
    ("tau_high", "τ± < ½ (≤ the number before it)"),
    ("lr", "η ≤ C min{m/‖μ‖², nm/(σ²d)}"),
    ("init", "σ_0 ≤ C/max{σ√d, ‖μ‖}"),
)))


FIRST_STAGE = (
    Statement(
        id="han2025.theorem_4_1.t1",
        claim="all samples are memorized a little at T1",
        formula="T1 = Θ(2c nm/(ησ²d))",
        source=f"{PAPER}, Theorem 4.1 (2c is ours)",
        sense=Sense.ORDER,
        measured=number(q.first_stage_reached),
        predicted=number(q.first_stage_law),
        window=end,
        conditions=q.condition,
        applies=q.noisy_labels,
        over_draws=True,
    ),
    Statement(
        id="han2025.theorem_4_1.signal_leads",
        claim="at T1 every signal coefficient exceeds every noise coefficient",
        formula="min γ ≥ max ρ̄ at T1",
        source=f"{PAPER}, Theorem 4.1",
        sense=Sense.LOWER,
        measured=observed("gamma_min"),
        predicted=observed("rho_bar_max"),
        window=at(lambda e: e.first),
        conditions=q.condition,
        applies=q.noisy_labels,
        over_draws=True,
    ),
    Statement(
        id="han2025.theorem_4_1.clean_right",
        claim="at T1 every clean sample is classified as labelled",
        formula="accuracy on S_t ≥ 1",
        source=f"{PAPER}, Theorem 4.1",
        sense=Sense.LOWER,
        measured=observed("clean_accuracy"),
        predicted=number(1.0),
        window=at(lambda e: e.first),
        conditions=q.condition,
        applies=q.noisy_labels,
        over_draws=True,
    ),
    Statement(
        id="han2025.theorem_4_1.noisy_true",
        claim="at T1 every noisy sample is classified to its true label",
        formula="accuracy on S_f against ỹ ≤ 0",
        source=f"{PAPER}, Theorem 4.1",
        sense=Sense.UPPER,
        measured=observed("noisy_accuracy"),
        predicted=number(0.0),
        window=at(lambda e: e.first),
        conditions=q.condition,
        applies=q.noisy_labels,
        over_draws=True,
    ),
    Statement(
        id="han2025.proposition_4_3.error",
        claim="stopped at T1 the test error is exponentially small in d/n",
        formula="P(error) ≤ exp(−d/(C n)) at T1",
        source=f"{PAPER}, Proposition 4.3",
        sense=Sense.UPPER,
        measured=q.test_error("fresh"),
        predicted=number(lambda e: float(np.exp(-e.problem.d / (e.constants.C * e.problem.n)))),
        window=first_record(lambda e: e.first),
        conditions=q.condition,
        applies=q.noisy_labels,
        trivial=0.5,
        over_draws=True,
    ),
    Statement(
        id="han2025.proposition_4_3.clean_loss",
        claim="at T1 the loss of every clean sample is at most log 2",
        formula="max ℓ on S_t ≤ log 2",
        source=f"{PAPER}, Proposition 4.3",
        sense=Sense.UPPER,
        measured=q.loss("output_min_clean"),
        predicted=number(LOG2),
        window=at(lambda e: e.first),
        conditions=q.condition,
        applies=q.noisy_labels,
        over_draws=True,
    ),
    Statement(
        id="han2025.proposition_4_3.noisy_loss",
        claim="at T1 the loss of every noisy sample is at least log 2",
        formula="min ℓ on S_f ≥ log 2",
        source=f"{PAPER}, Proposition 4.3",
        sense=Sense.LOWER,
        measured=q.loss("output_max_noisy"),
        predicted=number(LOG2),
        window=at(lambda e: e.first),
        conditions=q.condition,
        applies=q.noisy_labels,
        over_draws=True,
    ),
    Statement(
        id="han2025.early_law",
        claim="while losses are even, signal and noise grow at a fixed ratio",
        formula="|(γ/ρ̄)/(n·SNR²(1 − 2τ)/2) − 1| ≤ 0.05 C",
        source=f"{PAPER}, derived",
        sense=Sense.UPPER,
        measured=q.law_deviation,
        predicted=number(lambda e: q.ALL_ROUND * e.constants.C),
        window=recorded(q.early),
        conditions=q.model,
        applies=q.relu,
        over_draws=True,
    ),
)

SECOND_STAGE = (
    Statement(
        id="han2025.theorem_4_2.clean_right",
        claim="when the loss has converged, clean samples are still right",
        formula="accuracy on S_t ≥ 1 at T2",
        source=f"{PAPER}, Theorem 4.2",
        sense=Sense.LOWER,
        measured=observed("clean_accuracy"),
        predicted=number(1.0),
        window=at(lambda e: e.second),
        conditions=q.condition,
        applies=q.noisy_labels,
        over_draws=True,
    ),
    Statement(
        id="han2025.theorem_4_2.overtaken",
        claim="noise has overtaken the signal on a share of the samples, all of them noisy",
        formula="#{i in S_f: Σ_r ρ̄ > Σ_r γ} ≥ τ'n at T2, τ' = min τ±/2",
        source=f"{PAPER}, Theorem 4.2 (τ' is our reading)",
        sense=Sense.LOWER,
        measured=q.overtaken_share,
        predicted=number(lambda e: min(e.problem.flip_rates) / 2),
        window=first_record(lambda e: e.second),
        conditions=q.condition,
        applies=q.noisy_labels,
        over_draws=True,
    ),
    Statement(
        id="han2025.theorem_4_2.memory_error",
        claim="the memory test error is bounded away from zero",
        formula="P(error on (yμ, ξ_i)) ≥ min τ±/2 at T2",
        source=f"{PAPER}, Theorem 4.2",
        sense=Sense.LOWER,
        measured=q.test_error("memory"),
        predicted=number(lambda e: min(e.problem.flip_rates) / 2),
        window=first_record(lambda e: e.second),
        conditions=q.condition,
        applies=q.noisy_labels,
        over_draws=True,
    ),
    Statement(
        id="han2025.theorem_4_2.signal_stays",
        claim="signal learning stays positive after T1",
        formula="min γ ≥ 0 from T1 on",
        source=f"{PAPER}, Theorem 4.2",
        sense=Sense.LOWER,
        measured=observed("gamma_min"),
        predicted=number(0.0),
        window=since(lambda e: e.first),
        conditions=q.condition,
        applies=q.noisy_labels,
        over_draws=True,
    ),
    Statement(
        id="han2025.theorem_4_4.error",
        claim="with clean labels there is no second stage, and the converged network generalises",
        formula="P(error) ≤ exp(−n‖μ‖⁴/(C σ⁴ d)) at T2",
        source=f"{PAPER}, Theorem 4.4",
        sense=Sense.UPPER,
        measured=q.test_error("fresh"),
        predicted=number(lambda e: float(np.exp(
            -e.problem.n * e.problem.signal_norm**4 / (e.constants.C * e.problem.noise_std**4 * e.problem.d)))),
        window=first_record(lambda e: e.second),
        conditions=q.condition,
        applies=q.clean_labels,
        trivial=0.5,
        over_draws=True,
    ),
)

OUTPUTS = (
    Statement(
        id="han2025.lemma_5_1.clean",
        claim="outputs on clean samples are signal plus memory",
        formula="|ỹf − (1/m)Σ_r(γ_{ỹ,r} + ρ̄_{ỹ,r,i})| ≤ (C/m)Σ_{j,r}(|⟨w_0, μ⟩| + |⟨w_0, ξ_i⟩| + leakage)",
        source=f"{PAPER}, Lemma 5.1 (our reading: starts and leakage as measured, not at worst)",
        sense=Sense.UPPER,
        measured=q.output_sides(False)[0],
        predicted=q.output_sides(False)[1],
        window=first_record(lambda e: e.first),
        conditions=q.mostly_true,
        applies=q.relu,
        over_draws=True,
    ),
    Statement(
        id="han2025.lemma_5_1.noisy",
        claim="outputs on noisy samples are memory minus signal",
        formula="|ỹf − (1/m)Σ_r(ρ̄_{ỹ,r,i} − γ_{−ỹ,r})| ≤ (C/m)Σ_{j,r}(|⟨w_0, μ⟩| + |⟨w_0, ξ_i⟩| + leakage)",
        source=f"{PAPER}, Lemma 5.1 (our reading: starts and leakage as measured, not at worst)",
        sense=Sense.UPPER,
        measured=q.output_sides(True)[0],
        predicted=q.output_sides(True)[1],
        window=first_record(lambda e: e.first),
        conditions=q.mostly_true,
        applies=q.noisy_labels,
        over_draws=True,
    ),
)

STATEMENTS = (
    *CONDITION, *concentration.STATEMENTS, *concentration.FREE_NOISE, *FIRST_STAGE, *SECOND_STAGE, *OUTPUTS,
)
