"""What the lemmas of Huang et al. 2025 are made of: functions of a run at some steps.

Õ(·) is read as C √log(8mn/δ) times its argument, the logarithm that the concentration lemmas give.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.patch.algorithm import Flip
from theorysim.patch.label_noise import drawn_multipliers
from theorysim.patch import stages
from theorysim.patch.run import PatchRun
from theorysim.theory import concentration
from theorysim.theory.conditions import Condition
from theorysim.papers.huang2025 import laws
from theorysim.papers.huang2025.evidence import HuangEvidence
from theorysim.theory.statement import Array, Steps

PAPER = "Huang et al. 2025"

# --- which runs -------------------------------------------------------------------------------------------------


def plain(run: PatchRun) -> bool:
    """Gradient descent without label noise."""
    return run.algorithm.label_noise is None


def flips(run: PatchRun) -> bool:
    """Label-noise gradient descent as in the paper."""
    return isinstance(run.algorithm.label_noise, Flip)


def drawn_flips(run: PatchRun) -> bool:
    """The same, with flips drawn from the seed, which alone can be counted afterwards."""
    return flips(run) and not run.given_label_noise


# --- conditions -------------------------------------------------------------------------------------------------


def assumption(evidence: HuangEvidence) -> Sequence[Condition]:
    """Assumption 3.1 with the constant C."""
    return laws.assumption_3_1(evidence.problem, evidence.run.algorithm, evidence.constants.C)


def model(evidence: HuangEvidence) -> Sequence[Condition]:
    """The paper's network and data: q = 2, orthogonal noise, true labels."""
    p = evidence.problem
    rates = (
        Condition("q = 2", abs(p.q - 2), "<=", 0, PAPER),
        Condition("noise is orthogonal to μ", float(not p.orthogonal_noise), "<=", 0, PAPER),
        Condition("labels are true", float(evidence.run.draw.noisy.mean()), "<=", 0, PAPER),
    )
    return rates


def trajectory(evidence: HuangEvidence) -> Sequence[Condition]:
    """What a lemma about the trajectory assumes: the model, the measured good events, and the regime.

    The regime is Assumption 3.1 without the lower ends of σ_0 and p, which these lemmas do not use.
    """
    regime = [one for one in assumption(evidence) if not one.formula.startswith(("σ_0 ≥", "p ≥"))]
    return (*model(evidence), *concentration.good_events(evidence), *regime)


def theorem(evidence: HuangEvidence) -> Sequence[Condition]:
    """What a theorem assumes: the model and Assumption 3.1."""
    return (*model(evidence), *assumption(evidence))


# --- measured ---------------------------------------------------------------------------------------------------


def signal_growth(evidence: HuangEvidence, steps: Steps) -> Array:
    """max over (j, r) of (γ_{j,r}(t) + |⟨w_0, μ⟩|) / |⟨w_0, μ⟩|."""
    initial = np.abs(evidence.initial_signal)
    gamma = evidence.run.gamma[evidence.records(steps)]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(gamma + initial > 0, (gamma + initial) / initial, 0.0)
    return ratio.max(axis=(1, 2), initial=0.0)


def weakest_signal(evidence: HuangEvidence, steps: Steps) -> Array:
    """min over j of max over r of γ_{j,r} + j⟨w_{j,r}(0), μ⟩."""
    aligned = evidence.initial_signal * [[1.0], [-1.0]]
    return (evidence.run.gamma[evidence.records(steps)] + aligned).max(axis=2).min(axis=1)


def signal_size(evidence: HuangEvidence, steps: Steps) -> Array:
    """max over (j, r) of γ_{j,r} + |⟨w_{j,r}(0), μ⟩|."""
    gamma = evidence.run.gamma[evidence.records(steps)]
    return (gamma + np.abs(evidence.initial_signal)).max(axis=(1, 2))


def weakest_growth_of_noise(evidence: HuangEvidence, steps: Steps) -> Array:
    """min over i and r with ⟨w_0, ξ_i⟩ ≥ β̄ of (ρ̄ + 0.6|⟨w_0, ξ_i⟩|)/|⟨w_0, ξ_i⟩|."""
    started = evidence.own_noise >= concentration.weakest_noise_start(evidence)
    initial = np.abs(np.where(started, evidence.own_noise, 1.0))
    rho = evidence.own(evidence.run.rho[evidence.records(steps)])
    return np.where(started, rho / initial + 0.6, np.inf).min(axis=(1, 2))


def memory_of_outputs(evidence: HuangEvidence, steps: Steps) -> Array:
    """ι_i = (1/m) Σ_r ρ̄²_{ỹ_i,r,i}, (steps, n)."""
    rho = evidence.own(evidence.run.rho[evidence.records(steps)])
    return (rho**2).mean(axis=1)


def output_over_memory(evidence: HuangEvidence, steps: Steps) -> Array:
    """ỹ_i f_i/ι_i, (steps, n)."""
    outputs = np.array([evidence.run.outputs(int(step)) for step in steps]).reshape(len(steps), -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return evidence.run.draw.observed_labels * outputs / memory_of_outputs(evidence, steps)


def reached(evidence: HuangEvidence, step: float, deadline: float) -> float:
    """A measured time; inf when the run passed the deadline without it, NaN when it is still open."""
    if np.isnan(step):
        return np.inf if evidence.run.steps >= deadline else np.nan
    return step


def kept_labels(evidence: HuangEvidence) -> NDArray[np.bool_]:
    """Which labels were left as they are, (steps, n)."""
    run = evidence.run
    return drawn_multipliers(run.algorithm.label_noise, run.draw.n, run.steps, run.seed) > 0


def flip_imbalance(evidence: HuangEvidence) -> float:
    """Largest deviation of the number of unflipped labels of a step from (1 − p) n."""
    kept = kept_labels(evidence)
    return float(np.abs(kept.sum(axis=1) - _kept_rate(evidence) * evidence.problem.n).max(initial=0.0))


def sample_imbalance(evidence: HuangEvidence) -> float:
    """Largest deviation over samples of the number of steps without flip from (1 − p) T."""
    kept = kept_labels(evidence)
    return float(np.abs(kept.sum(axis=0) - _kept_rate(evidence) * evidence.run.steps).max())


def _kept_rate(evidence: HuangEvidence) -> float:
    law = evidence.run.algorithm.label_noise
    return 1 - law.p if isinstance(law, Flip) else 1.0


# --- predicted --------------------------------------------------------------------------------------------------


def alpha(evidence: HuangEvidence) -> float:
    """α = 4 log T*."""
    return float(4 * np.log(evidence.horizon))


def leakage(evidence: HuangEvidence) -> float:
    """β + 16 n √(log(4n²/δ)/d) α, with β = 2 max{|⟨w_0, μ⟩|, |⟨w_0, ξ_i⟩|}."""
    p, delta = evidence.problem, evidence.constants.delta
    beta = 2 * max(np.abs(evidence.initial_signal).max(), np.abs(evidence.initial_noise).max())
    return float(beta + 16 * p.n * np.sqrt(np.log(4 * p.n**2 / delta) / p.d) * alpha(evidence))


def log_width(evidence: HuangEvidence) -> float:
    """√log(8mn/δ), the logarithm behind Õ."""
    p = evidence.problem
    return float(np.sqrt(np.log(8 * p.m * p.n / evidence.constants.delta)))


def memory_unit(evidence: HuangEvidence) -> float:
    """C √log(8mn/δ) σ_0σ_p√d, what Õ(σ_0σ_p√d) is read as."""
    return evidence.constants.C * log_width(evidence) * concentration.initial_noise_unit(evidence)


def signal_unit(evidence: HuangEvidence) -> float:
    """C √log(8mn/δ) σ_0‖μ‖, what Õ(σ_0‖μ‖) is read as."""
    p = evidence.problem
    return evidence.constants.C * log_width(evidence) * p.init_std * p.signal_norm


def signal_rate(evidence: HuangEvidence) -> float:
    """η‖μ‖²/m."""
    return evidence.run.algorithm.lr * evidence.problem.signal_norm**2 / evidence.problem.m


def lower_derivative(evidence: HuangEvidence, steps: Steps, label_noise: bool) -> Array:
    """Lower bound of |ℓ'| over samples and steps up to t; with label noise of |ℓ̃'|, either sign of the label."""
    run, last = evidence.run, int(steps.max(initial=0)) + 1
    smallest = run.column("loss_derivative_min")[:last]
    if label_noise:  # a flip turns the margin, |ℓ'(−z)| = 1 − |ℓ'(z)|
        smallest = np.minimum(smallest, 1 - run.column("loss_derivative_max")[:last])
    return np.minimum.accumulate(smallest)[steps]


def growth(exponent: NDArray[Any]) -> Array:
    """exp, without a warning where it overflows."""
    with np.errstate(over="ignore"):
        return np.exp(exponent)


def noise_growth(evidence: HuangEvidence, steps: Steps, label_noise: bool) -> Array:
    """exp(η C σ_p² d t/(2nm)) with C the measured lower bound of the derivative up to t."""
    return growth(evidence.rate * lower_derivative(evidence, steps, label_noise) * steps / 2)


def first_stage_law(evidence: HuangEvidence) -> float:
    """T1 as the paper gives it, constant 1."""
    return stages.first_stage(evidence.problem, evidence.run.algorithm)


def deadline(evidence: HuangEvidence) -> float:
    """T2 as the paper bounds it, from the measured T1 and outputs where there is label noise."""
    return evidence.times.predicted_T2


def signal_growth_from_first_stage(evidence: HuangEvidence, steps: Steps) -> Array:
    """exp(η‖μ‖²(t − T1)/(16m)) times the size of the signal at T1."""
    first = np.array([int(evidence.first_stage_end)])
    return growth(signal_rate(evidence) * (steps - first) / 16) * signal_size(evidence, first)


def test_error_bound(evidence: HuangEvidence) -> float:
    """2 exp(−C d/n²)."""
    return float(2 * np.exp(-evidence.constants.C * evidence.problem.d_over_n2))


def test_error(evidence: HuangEvidence, steps: Steps) -> list[float]:
    """Test error counted on 10⁵ noise vectors: a smaller bound is confirmed as far as no error is found."""
    return [evidence.run.test_error(int(step), method="monte-carlo").value for step in steps]
