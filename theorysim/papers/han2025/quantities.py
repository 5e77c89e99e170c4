"""What the claims of Han et al. 2025 are made of: functions of a run at some steps."""

from collections.abc import Callable, Sequence

import numpy as np

from theorysim.patch.run import PatchRun
from theorysim.theory.conditions import Condition
from theorysim.papers.han2025 import laws
from theorysim.papers.han2025.evidence import HanEvidence
from theorysim.theory.statement import Array, Steps
from theorysim.theory.windows import Side

PAPER = "Han et al. 2025"
ALL_ROUND = 0.05  # how far −ℓ' may be from ½ for the early law to speak, and how close it is then claimed to be


# --- which runs, and under which conditions ----------------------------------------------------------------------


def relu(run: PatchRun) -> bool:
    """Plain gradient descent on ReLU, no policy acting on it."""
    return bool(run.problem.q == 1) and run.algorithm.label_noise is None and run.policy is None


def noisy_labels(run: PatchRun) -> bool:
    """The same with some labels flipped before training."""
    return relu(run) and bool(run.draw.noisy.any())


def clean_labels(run: PatchRun) -> bool:
    """The same with none flipped."""
    return relu(run) and not run.draw.noisy.any()


def model(evidence: HanEvidence) -> Sequence[Condition]:
    """The paper's data: noise not orthogonal to the signal."""
    return (Condition("noise is not orthogonal to μ", float(evidence.problem.orthogonal_noise), "<=", 0, PAPER),)


def condition(evidence: HanEvidence) -> Sequence[Condition]:
    """The model and Condition 4.1 (τ = 0 where the labels are clean, Theorem 4.4)."""
    noisy = evidence.run.draw.noisy.any()
    return (*model(evidence), *(one for one in items(evidence) if noisy or not one.formula.startswith("τ± =")))


def mostly_true(evidence: HanEvidence) -> Sequence[Condition]:
    """The same, and that either class has more true labels than flipped ones: else its signal is learned with the wrong
    sign, and ReLU sees none of it."""
    draw = evidence.run.draw
    agree = np.where(draw.noisy, -1.0, 1.0)
    ahead = min(float(agree[draw.labels == label].sum()) for label in np.unique(draw.labels))
    return (*condition(evidence), Condition("in each class most labels are true", ahead, ">=", 1.0, "derived"))


def items(evidence: HanEvidence) -> Sequence[Condition]:
    """Condition 4.1 item by item."""
    c = evidence.constants
    return laws.condition_4_1(evidence.problem, evidence.run.algorithm, c.C, c.order_one, c.delta)


# --- when --------------------------------------------------------------------------------------------------------


def early(evidence: HanEvidence) -> Steps:
    """The last step but the initial one with all −ℓ' within 0.05 of ½."""
    evidence.exact(np.nan, "loss_derivative_min", "loss_derivative_max")
    steps = np.arange(1, evidence.run.steps + 1)
    low, high = evidence.column("loss_derivative_min", steps), evidence.column("loss_derivative_max", steps)
    return steps[(low >= 0.5 - ALL_ROUND) & (high <= 0.5 + ALL_ROUND)][-1:]


# --- measured ----------------------------------------------------------------------------------------------------


def loss(name: str) -> Callable[[HanEvidence, Steps], Array]:
    """ℓ of an observed margin."""
    return lambda evidence, steps: np.logaddexp(0.0, -evidence.column(name, steps))


def test_error(kind: str) -> Callable[[HanEvidence, Steps], Array]:
    """Test error of a kind, counted: a bound below 10⁻⁵ is confirmed as far as no error is found."""

    def counted(evidence: HanEvidence, steps: Steps) -> Array:
        errors = [evidence.run.test_error(int(step), kind=kind, method="monte-carlo") for step in steps]
        return np.array([one.value for one in errors])

    return counted


def overtaken_share(evidence: HanEvidence, steps: Steps) -> Array:
    """Noisy samples with Σ_r ρ̄_{ỹ_i,r,i} > Σ_r γ_{−ỹ_i,r}, as a share of all samples."""
    run, at = evidence.run, evidence.records(steps)
    memory = evidence.own(run.rho[at]).sum(axis=1)  # (steps, n)
    signal = run.gamma[at].sum(axis=2)  # (steps, 2)
    against = np.where(run.draw.observed_labels > 0, signal[:, 1:], signal[:, :1])
    return ((memory > against) & run.draw.noisy).mean(axis=1)


def output_sides(noisy: bool) -> tuple[Side, Side]:
    """Distance of ỹ_i f_i from what Lemma 5.1 says and its tolerance, at the sample of S_t or S_f that is nearest to
    failing, or fails worst."""

    def nearest(evidence: HanEvidence, steps: Steps) -> tuple[Array, Array]:
        gaps, tolerance = output_gaps(evidence, steps), output_tolerance(evidence, steps)
        gaps[:, evidence.run.draw.noisy != noisy] = -np.inf
        chosen = np.argmax(gaps - tolerance, axis=1)[:, None]
        return np.take_along_axis(gaps, chosen, 1)[:, 0], np.take_along_axis(tolerance, chosen, 1)[:, 0]

    return lambda evidence, steps: nearest(evidence, steps)[0], lambda evidence, steps: nearest(evidence, steps)[1]


def output_gaps(evidence: HanEvidence, steps: Steps) -> Array:
    """|ỹ_i f_i − mean_r(γ_{ỹ_i,r} + ρ̄_{ỹ_i,r,i})|, of noisy samples |ỹ_i f_i − mean_r(ρ̄_{ỹ_i,r,i} − γ_{−ỹ_i,r})|."""
    run, at = evidence.run, evidence.records(steps)
    memory = evidence.own(run.rho[at]).mean(axis=1)
    signal = run.gamma[at].mean(axis=2)
    own = np.where(run.draw.observed_labels > 0, signal[:, :1], signal[:, 1:])
    against = np.where(run.draw.observed_labels > 0, signal[:, 1:], signal[:, :1])
    claimed = np.where(run.draw.noisy, memory - against, memory + own)
    outputs = np.array([run.outputs(int(step)) for step in steps]).reshape(len(steps), -1)
    gaps: Array = np.abs(run.draw.observed_labels * outputs - claimed)
    return gaps


def output_tolerance(evidence: HanEvidence, steps: Steps) -> Array:
    """(C/m) Σ_{j,r} (|⟨w_0, μ⟩| + |⟨w_0, ξ_i⟩| + leakage), (steps, n), as measured on the run.

    Leakage is what filters see along μ or ξ_i of what they have learned along other vectors.
    """
    run = evidence.run
    learned = run.coefficients[evidence.records(steps)]  # (steps, 2m, 1 + n)
    leakage = learned @ run.draw.gram - learned * np.diag(run.draw.gram)
    seen = (np.abs(run.draw.inner) + np.abs(leakage)).sum(axis=1)
    tolerance: Array = evidence.constants.C * (seen[:, :1] + seen[:, 1:]) / run.draw.m
    return tolerance


def law_deviation(evidence: HanEvidence, steps: Steps) -> Array:
    """|(mean γ)/(mean ρ̄ of initially active filters)/(n·SNR²(1 − 2τ)/2) − 1|."""
    run, at = evidence.run, evidence.records(steps)
    active = evidence.own_noise >= 0
    rho = np.where(active, evidence.own(run.rho[at]), 0.0).sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = run.gamma[at].mean(axis=(1, 2)) / (rho / active.sum())
        deviation: Array = np.abs(ratio / laws.early_ratio(evidence.problem) - 1)
    return deviation


def first_stage_law(evidence: HanEvidence) -> float:
    """2c nm/(ησ²d)."""
    return laws.first_stage(evidence.problem, evidence.run.algorithm, evidence.constants.rho_threshold)


def first_stage_reached(evidence: HanEvidence) -> float:
    """T1; infinite when the run has passed band times the law without it, NaN when it is open."""
    measured, law = evidence.first, first_stage_law(evidence)
    if not np.isnan(measured):
        return measured
    return np.inf if evidence.run.steps >= evidence.constants.band * law else np.nan
