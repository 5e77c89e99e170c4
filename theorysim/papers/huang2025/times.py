"""T1 and T2 of Huang et al. 2025 as power laws, for ``scaling``."""

import numpy as np

from theorysim.patch.algorithm import GradientDescent
from theorysim.papers.huang2025.evidence import HuangEvidence
from theorysim.theory.concentration import weakest_noise_start
from theorysim.theory.law import Law, LawOf
from theorysim.theory.statement import Sense

LIMITS = {"n": 1, "d": 1, "m": 1, "noise_std": 1, "signal_norm": 1, "lr": -1, "init_std": -1, "epsilon": -1, "p": -1}
RATE = {"n": 1, "m": 1, "lr": -1, "noise_std": -2, "d": -1}


def initial_logarithm(evidence: HuangEvidence) -> float:
    """log(1/(σ_0σ_p√d))."""
    p = evidence.problem
    return float(np.log(1 / (p.init_std * p.noise_std * np.sqrt(p.d))))


def threshold(label_noise: bool) -> float:
    """Of ρ̄ on all samples, which ends stage 1."""
    return 0.1 if label_noise else 1.0


def start_logarithm(evidence: HuangEvidence) -> float:
    """log(θ/β̄) with θ the threshold of T1 and β̄ the measured weakest start; NaN where some sample has none."""
    weakest = weakest_noise_start(evidence)
    return float(np.log(threshold(evidence.label_noise) / weakest)) if weakest > 0 else float("nan")


def largest_output(evidence: HuangEvidence) -> float:
    """c₂, the largest training output from T1 to T2."""
    first, second = evidence.first_stage_end, evidence.second_stage_end
    if np.isnan(first) or np.isnan(second):
        return float("nan")
    return float(evidence.column("output_max", np.arange(int(first), int(second) + 1)).max())


def second_stage_length(evidence: HuangEvidence) -> float:
    """T2 − T1."""
    return evidence.second_stage_end - evidence.first_stage_end


def signal_logarithm(evidence: HuangEvidence) -> float:
    """log(6/(σ_0‖μ‖))."""
    return float(np.log(6 / (evidence.problem.init_std * evidence.problem.signal_norm)))


def label_noise_factor(evidence: HuangEvidence) -> float:
    """4(1 + e^{c₂}) log(6/(σ_0‖μ‖))."""
    return float(4 * (1 + np.exp(largest_output(evidence)))) * signal_logarithm(evidence)


def label_noise_prediction(evidence: HuangEvidence) -> float:
    """That over η‖μ‖²/m."""
    rate = evidence.run.algorithm.lr * evidence.problem.signal_norm**2 / evidence.problem.m
    return label_noise_factor(evidence) / rate


def first_stage_law(algorithm: GradientDescent) -> Law:
    """T1, with the paper's logarithm."""
    memorized = threshold(algorithm.label_noise is not None)
    return Law(
        formula="T1 = Θ(nm log(1/(σ_0σ_p√d))/(ησ_p² d))",
        source="Huang et al. 2025, Lemmas 4.2 and 4.4",
        sense=Sense.ORDER,
        exponents=RATE,
        measured=lambda e: e.first_stage_end,
        predicted=lambda e: initial_logarithm(e) / e.rate,
        factor=initial_logarithm,
        until=lambda _c: lambda seen: seen["rho_bar_min"] >= memorized,
        limits=LIMITS,
    )


def first_stage_from_start(algorithm: GradientDescent) -> Law:
    """T1, with the logarithm of the weakest start."""
    memorized = threshold(algorithm.label_noise is not None)
    return Law(
        formula="T1 = Θ(nm log(θ/β̄)/(ησ_p² d)), β̄ = min_i max_r ⟨w_{y_i,r}(0), ξ_i⟩",
        source="derived",
        sense=Sense.ORDER,
        exponents=RATE,
        measured=lambda e: e.first_stage_end,
        predicted=lambda e: start_logarithm(e) / e.rate,
        factor=start_logarithm,
        until=lambda _c: lambda seen: seen["rho_bar_min"] >= memorized,
        limits=LIMITS,
    )


SECOND_STAGE = Law(
    formula="T2 − T1 ≤ m³n/(ηεσ_p² d)",
    source="Huang et al. 2025, Theorem 3.2",
    sense=Sense.UPPER,
    exponents={"n": 1, "m": 3, "lr": -1, "noise_std": -2, "d": -1, "epsilon": -1},
    measured=second_stage_length,
    predicted=lambda e: e.problem.m**2 / (e.constants.epsilon * e.rate),
    until=lambda c: lambda seen: (seen["train_loss"] <= c.epsilon) & (seen["rho_bar_min"] >= 1.0),
    limits=LIMITS,
)

SECOND_STAGE_WITH_LABEL_NOISE = Law(
    formula="T2 − T1 ≤ 4m(1+e^{c₂}) log(6/(σ_0‖μ‖))/(η‖μ‖²)",
    source="Huang et al. 2025, Lemma 4.5",
    sense=Sense.UPPER,
    exponents={"m": 1, "lr": -1, "signal_norm": -2},
    measured=second_stage_length,
    predicted=label_noise_prediction,
    factor=label_noise_factor,
    known=signal_logarithm,  # c₂ is the paper's constant, and measured here
    until=lambda c: lambda seen: seen["gamma_max"] >= c.gamma_threshold,
    limits=LIMITS,
)


def second_stage_law(algorithm: GradientDescent) -> Law:
    """T2 − T1, by which either theorem ends stage 2."""
    return SECOND_STAGE if algorithm.label_noise is None else SECOND_STAGE_WITH_LABEL_NOISE


LAWS: dict[str, LawOf] = {"T1": first_stage_law, "T1/start": first_stage_from_start, "T2": second_stage_law}
