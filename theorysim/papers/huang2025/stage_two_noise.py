"""Huang et al. 2025: Lemma 4.5, restated as E.4, about stage 2 with label noise, as data."""

import numpy as np

from theorysim.papers.huang2025 import hypotheses as h
from theorysim.papers.huang2025 import outputs
from theorysim.papers.huang2025 import quantities as q
from theorysim.papers.huang2025.evidence import second_stage
from theorysim.papers.huang2025.hypotheses import PAPER
from theorysim.papers.huang2025.reduced import largest_expected_growth, largest_square_growth, resting_point
from theorysim.theory.statement import Sense, Statement
from theorysim.theory.windows import Side, end, first_record, number, observed, recorded


def _carried(name: str, meaning: str, source: str, low: Side, high: Side) -> tuple[Statement, Statement]:
    """(iii) of Lemma 4.5 in one of the meanings of ι."""
    def half(end_of: str, formula: str, sense: Sense, side: Side, bound: float) -> Statement:
        return Statement(
            id=f"huang2025.lemma_4_5.{name}.{end_of}",
            claim="with label noise an output is carried by memorization",
            formula=f"{formula} on [T1, T2], {meaning}",
            source=f"{PAPER}, {source}",
            sense=sense,
            measured=side,
            predicted=number(bound),
            window=recorded(second_stage),
            conditions=h.theorem,
            applies=h.flips,
            over_draws=True,
        )

    return (half("lower", "f_i ≥ Q_i/2", Sense.LOWER, low, 0.5), half("upper", "f_i ≤ 2Q_i", Sense.UPPER, high, 2.0))


def _ends(meaning: outputs.Meaning) -> tuple[Side, Side]:
    return outputs.smallest(meaning), outputs.largest(meaning)


LABEL_NOISE = (
    *_carried("output", "Q_i = (1/m) Σ_r ρ̄²_{y_i,r,i}", "Lemma 4.5 (iii) as restated in Lemma E.4",
              *_ends(outputs.mean_square)),
    *_carried("output.main_text", "Q_i = (1/m) (Σ_r ρ̄_{y_i,r,i})²", "Lemma 4.5 (iii), main text",
              *_ends(outputs.square_of_sum)),
    *_carried("output.thread", "Q_i = ((1/m) Σ_r ρ̄_{y_i,r,i})²",
              "Lemma 4.5 (iii) (our reading, with the thread's f_i ≈ ι_i²)", *_ends(outputs.square_of_mean)),
    Statement(
        id="huang2025.lemma_4_5.rest",
        claim="with label noise memorization stays around its resting point",
        formula="|ι_i − ι*| ≤ C ι* on [T1, T2], ι_i = (1/m) Σ_r ρ̄²_{y_i,r,i}, ι* = log((1−p)/p)",
        source=f"{PAPER}, Lemma 4.5 (i) (our reading: ι* is where the reduced process rests, C_ι = C ι*; "
               "the paper's are some large constants, which nothing refutes)",
        sense=Sense.UPPER,
        measured=lambda e, s: np.abs(outputs.memory_of_outputs(e, s) - resting_point(e)).max(axis=1),
        predicted=number(lambda e: e.constants.C * resting_point(e)),
        window=recorded(second_stage),
        conditions=h.theorem,
        applies=h.flips,
        over_draws=True,
    ),
    Statement(
        id="huang2025.lemma_4_5.ii",
        claim="with label noise the signal is still small throughout stage 2",
        formula="γ_{j,r} ≤ 0.1 on [T1, T2], T2 = T1 + 4m(1+e^{c₂}) log(6/(σ_0‖μ‖))/(η‖μ‖²)",
        source=f"{PAPER}, Lemma 4.5 (ii) (our reading: c₂ is the largest output on [T1, T2])",
        sense=Sense.UPPER,
        measured=observed("gamma_max"),
        predicted=number(0.1),
        window=second_stage,
        conditions=h.small_flips,
        applies=h.flips,
        over_draws=True,
    ),
    Statement(
        id="huang2025.lemma_4_5.takeover",
        claim="with label noise the signal has taken over at T2",
        formula="max_r(γ_{j,r}(T2) + |⟨w_0, μ⟩|) ≥ 3, both j, T2 = T1 + 4m(1+e^{c₂}) log(6/(σ_0‖μ‖))/(η‖μ‖²)",
        source=f"{PAPER}, end of the proof of Lemma E.4 (reconstructed: the 6 in T2 is made for it)",
        sense=Sense.LOWER,
        measured=lambda e, s: q.signal_size(e, s).min(axis=1),
        predicted=number(3.0),
        window=first_record(lambda e: e.second_stage_deadline),
        conditions=h.small_flips,
        applies=h.flips,
        over_draws=True,
    ),
    Statement(
        id="huang2025.lemma_4_5.ii_or_takeover",
        claim="at T2 not both of the two before can be true, (ii) and the takeover",
        formula="max|⟨w_0, μ⟩| ≤ 2.9, so γ ≤ 0.1 excludes γ + |⟨w_0, μ⟩| ≥ 3",
        source="derived: the restated lemma and the end of its proof contradict each other",
        sense=Sense.UPPER,
        measured=number(lambda e: float(np.abs(e.initial_signal).max())),
        predicted=number(2.9),
        applies=h.flips,
    ),
    Statement(
        id="huang2025.lemma_4_5.t2",
        claim="with label noise some filter has learned the signal by T2",
        formula="min{t > T1: max γ ≥ 1} ≤ T1 + 4m(1+e^{c₂}) log(6/(σ_0‖μ‖))/(η‖μ‖²)",
        source=f"{PAPER}, T2 of Lemma 4.5 (our reading: learned is max γ ≥ gamma_threshold; c₂ up to then)",
        sense=Sense.UPPER,
        measured=number(lambda e: q.reached(e, e.second_stage_end, e.times.predicted_T2)),
        predicted=number(lambda e: e.times.predicted_T2),
        window=end,
        conditions=h.small_flips,
        applies=h.flips,
        over_draws=True,
    ),
    Statement(
        id="huang2025.lemma_4_5.growth",
        claim="with label noise the signal of both branches grows exponentially after T1",
        formula="max_r(γ_{j,r}(t) + |⟨w_0, μ⟩|)/max_r|γ_{j,r}(T1) + ⟨w_0, μ⟩| ≥ exp(η‖μ‖²(t−T1)/(16m)), both j",
        source=f"{PAPER}, Lemma 4.5 (iv)",
        sense=Sense.LOWER,
        measured=q.signal_growth_since,
        predicted=q.growth_since,
        window=recorded(second_stage),
        conditions=h.small_flips,
        applies=h.flips,
        over_draws=True,
        anchored=True,
    ),
    Statement(
        id="huang2025.lemma_4_5.growth.proof",
        claim="the same at the rate that the proof gives",
        formula="max_r(γ_{j,r}(t) + |⟨w_0, μ⟩|)/max_r|γ_{j,r}(T1) + ⟨w_0, μ⟩| "
                "≥ exp(η‖μ‖²(t−T1)/(4m(1+e^{c₂}))), both j",
        source="derived, from the proof of Lemma E.4 (at least (iv) only if c₂ ≤ log 3)",
        sense=Sense.LOWER,
        measured=q.signal_growth_since,
        predicted=lambda e, s: q.growth_since(e, s) ** (4 / (1 + np.exp(min(e.output_bound, 700.0)))),
        window=recorded(second_stage),
        conditions=h.small_flips,
        applies=h.flips,
        over_draws=True,
        anchored=True,
    ),
    Statement(
        id="huang2025.lemma_4_5.supermartingale",
        claim="above its resting point memorization is expected to fall",
        formula="E[ι_i(t+1) − ι_i(t) | state] ≤ 0 where f_i ≥ log((1−p)/p) + 2x_i, 0 < x_i ≤ 1/4, "
                "x_i = η‖ξ_i‖²/(nm) Σ_r z_r²/Σ_r ρ̄_r z_r, z_r = max(0, ⟨w_r, ξ_i⟩)",
        source="derived, in place of the supermartingale of Lemma 4.5, which is another claim",
        sense=Sense.UPPER,
        measured=largest_expected_growth,
        predicted=number(0.0),
        window=recorded(second_stage),
        conditions=h.theorem,
        applies=h.flips,
        over_draws=True,
    ),
    Statement(
        id="huang2025.lemma_4_5.supermartingale.paper",
        claim="below the resting point memorization is expected to come nearer to it",
        formula="E[(ι_i(t+1) − ι*)² − (ι_i(t) − ι*)² | state] ≤ 0 where ι_i ≤ 4ι*, p < 1/(1 + 2exp(ι_i²)) and (iii)",
        source=f"{PAPER}, proof of Lemma E.4 (our reading: ι* = √log((1−p)/p), ι_i² = (1/m) Σ_r ρ̄² which fits f_i)",
        sense=Sense.UPPER,
        measured=largest_square_growth(outputs.root_mean_square),
        predicted=number(0.0),
        window=recorded(second_stage),
        conditions=h.theorem,
        applies=h.flips,
        over_draws=True,
    ),
    Statement(
        id="huang2025.lemma_4_5.supermartingale.thread",
        claim="the same with the thread's ι",
        formula="E[(ι_i(t+1) − ι*)² − (ι_i(t) − ι*)² | state] ≤ 0, the same conditions, ι_i = (1/m) Σ_r ρ̄",
        source=f"{PAPER}, proof of Lemma E.4 (our reading: ι* the same, ι_i of the review thread)",
        sense=Sense.UPPER,
        measured=largest_square_growth(outputs.mean),
        predicted=number(0.0),
        window=recorded(second_stage),
        conditions=h.theorem,
        applies=h.flips,
        over_draws=True,
    ),
)
