"""What the lemmas of Huang et al. 2025 are made of: functions of a run at some steps.

Õ(·) is read as C √log(8mn/δ) times its argument, the logarithm that the concentration lemmas give.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.papers.huang2025.evidence import HuangEvidence
from theorysim.theory import concentration
from theorysim.theory.statement import Array, Steps
from theorysim.theory.windows import NotSampledError

# --- measured ---------------------------------------------------------------------------------------------------


def signal_growth(evidence: HuangEvidence, steps: Steps) -> Array:
    """max over (j, r) of (γ_{j,r}(t) + |⟨w_0, μ⟩|) / |⟨w_0, μ⟩|."""
    initial = np.abs(evidence.initial_signal)
    gamma = evidence.run.gamma[evidence.records(steps)]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(gamma + initial > 0, (gamma + initial) / initial, 0.0)
    return ratio.max(axis=(1, 2), initial=0.0)


def aligned(evidence: HuangEvidence, steps: Steps) -> Array:
    """max over r of γ_{j,r} + j⟨w_{j,r}(0), μ⟩, (steps, 2)."""
    start = evidence.initial_signal * [[1.0], [-1.0]]
    return (evidence.run.gamma[evidence.records(steps)] + start).max(axis=2)


def weakest_signal(evidence: HuangEvidence, steps: Steps) -> Array:
    """min over j of max over r of γ_{j,r} + j⟨w_{j,r}(0), μ⟩."""
    return aligned(evidence, steps).min(axis=1)


def weakest_growth_of_signal(evidence: HuangEvidence, steps: Steps) -> Array:
    """The same over its value at 0, min over the branches where that is positive; NaN where it is in none."""
    start = aligned(evidence, np.array([0]))[0]
    started = start > 0
    if not started.any():
        return np.full(len(steps), np.nan)
    return (aligned(evidence, steps)[:, started] / start[started]).min(axis=1)


def signal_size(evidence: HuangEvidence, steps: Steps) -> Array:
    """max over r of γ_{j,r} + |⟨w_{j,r}(0), μ⟩|, (steps, 2)."""
    return (evidence.run.gamma[evidence.records(steps)] + np.abs(evidence.initial_signal)).max(axis=2)


def memory_range(evidence: HuangEvidence, steps: Steps) -> tuple[Array, Array]:
    """max |ρ̲_{j,r,i}| and min ρ̄_{j,r,i} at recorded steps."""
    rho = evidence.run.rho[evidence.records(steps)]
    own = evidence.own(rho)
    other = evidence.own(rho[..., ::-1, :, :])
    return np.abs(other).max(axis=(1, 2), initial=0.0), own.min(axis=(1, 2))


def anti_memory(evidence: HuangEvidence, steps: Steps) -> Array:
    """max |ρ̲_{j,r,i}|: a flip can make ρ̲ positive."""
    return memory_range(evidence, steps)[0]


def smallest_memory(evidence: HuangEvidence, steps: Steps) -> Array:
    """min ρ̄_{j,r,i}: a flip can make ρ̄ negative."""
    return memory_range(evidence, steps)[1]


def weakest_growth_of_noise(evidence: HuangEvidence, steps: Steps) -> Array:
    """min over i and r with ⟨w_0, ξ_i⟩ ≥ β̄ of (ρ̄ + 0.6|⟨w_0, ξ_i⟩|)/|⟨w_0, ξ_i⟩|."""
    return _over_starts(evidence, steps, lambda rho, start, _weakest: rho / start + 0.6)


def weakest_part_of_noise(evidence: HuangEvidence, steps: Steps) -> Array:
    """min over i and r with ⟨w_0, ξ_i⟩ ≥ β̄ of A/⟨w_0, ξ_i⟩, A = ρ̄ + ⟨w_0, ξ_i⟩ − 0.4 β̄/d^(1/4)."""
    share = 0.4 / evidence.problem.d**0.25
    return _over_starts(evidence, steps, lambda rho, start, weakest: (rho - share * weakest) / start + 1)


def _over_starts(evidence: HuangEvidence, steps: Steps, part: Callable[[Array, Array, float], Array]) -> Array:
    weakest = concentration.weakest_noise_start(evidence)
    started = evidence.own_noise >= weakest
    if weakest <= 0:
        return np.full(len(steps), np.nan)
    rho = evidence.own(evidence.run.rho[evidence.records(steps)])
    return np.where(started, part(rho, np.where(started, evidence.own_noise, 1.0), weakest), np.inf).min(axis=(1, 2))


def signal_growth_since(evidence: HuangEvidence, steps: Steps) -> Array:
    """min over j of max_r(γ(t) + |⟨w_0, μ⟩|) / max_r|γ(T1) + ⟨w_0, μ⟩|."""
    gamma = evidence.run.gamma[evidence.records(np.array([int(evidence.first_stage_end)]))][0]
    start = np.abs(gamma + evidence.initial_signal).max(axis=1)
    return (signal_size(evidence, steps) / start).min(axis=1)


def smallest_loss(evidence: HuangEvidence) -> float:
    """The smallest training loss from T1 to the paper's T2; NaN while that is still open."""
    first, last = evidence.first_stage_end, evidence.second_stage_deadline
    if np.isnan(first) or np.isnan(last):
        return float("nan")
    until = int(min(last, evidence.run.steps))
    losses = evidence.column("train_loss", np.arange(int(first), max(until, int(first)) + 1))
    found = float(np.fmin.reduce(losses))
    if not found <= evidence.constants.epsilon and np.isnan(losses).any():
        raise NotSampledError("run: the training loss was not observed at every step from T1 to T2")
    return found if found <= evidence.constants.epsilon or evidence.run.steps >= last else float("nan")


def reached(evidence: HuangEvidence, step: float, deadline: float) -> float:
    """A measured time; inf when the run passed the deadline without it, NaN when it is still open."""
    if np.isnan(step):
        return np.inf if evidence.run.steps >= deadline else np.nan
    return step


def test_error(evidence: HuangEvidence, steps: Steps) -> list[float]:
    """Test error counted on 10⁵ noise vectors: a smaller bound is confirmed as far as no error is found."""
    return [evidence.run.test_error(int(step), method="monte-carlo").value for step in steps]


# --- predicted --------------------------------------------------------------------------------------------------


def log_width(evidence: HuangEvidence) -> float:
    """√log(8mn/δ), the logarithm behind Õ."""
    p = evidence.problem
    return float(np.sqrt(np.log(8 * p.m * p.n / evidence.constants.delta)))


def memory_unit(evidence: HuangEvidence) -> float:
    """C √log(8mn/δ) σ_0σ_p√d, what Õ(σ_0σ_p√d) is read as."""
    return evidence.constants.C * log_width(evidence) * evidence.memory


def signal_scale(evidence: HuangEvidence) -> float:
    """σ_0‖μ‖."""
    return evidence.problem.init_std * evidence.problem.signal_norm


def signal_unit(evidence: HuangEvidence) -> float:
    """C √log(8mn/δ) σ_0‖μ‖, what Õ(σ_0‖μ‖) is read as."""
    return evidence.constants.C * log_width(evidence) * signal_scale(evidence)


def signal_rate(evidence: HuangEvidence) -> float:
    """η‖μ‖²/m."""
    return evidence.run.algorithm.lr * evidence.problem.signal_norm**2 / evidence.problem.m


def growth(exponent: NDArray[Any] | float) -> Array:
    """exp, without a warning where it overflows."""
    with np.errstate(over="ignore"):
        found: Array = np.exp(exponent)
    return found


def noise_growth(evidence: HuangEvidence, steps: Steps, share: float = 0.5) -> Array:
    """exp(share η C_0 σ_p² d t/(nm)) with C_0 the measured lower bound of the derivative up to t."""
    return growth(share * evidence.rate * evidence.derivative_bound[steps] * steps)


def started_signal_growth(evidence: HuangEvidence, steps: Steps) -> Array:
    """exp(C_0 η‖μ‖² t/(8m)), C_0 the same."""
    return growth(evidence.derivative_bound[steps] * signal_rate(evidence) * steps / 8)


def growth_since(evidence: HuangEvidence, steps: Steps) -> Array:
    """exp(η‖μ‖²(t − T1)/(16m))."""
    return growth(signal_rate(evidence) * (steps - evidence.first_stage_end) / 16)


def logarithm(top: float, evidence: HuangEvidence) -> float:
    """log(top/u), u = σ_0σ_p√d; NaN where that is not positive."""
    return float(np.log(top / evidence.memory)) if 0 < evidence.memory < top else float("nan")


def proved_growth(evidence: HuangEvidence) -> float:
    """log(20/u)/C_0, C_0 as measured up to the T1 of the proof of Lemma 4.4, or to the end when that comes first."""
    until, last = evidence.proved_first_stage, evidence.run.steps
    bound = evidence.derivative_bound[last if np.isnan(until) else min(int(until), last)]
    with np.errstate(divide="ignore"):  # a step so large that some |ℓ̃'| is 0
        return float(np.divide(logarithm(20, evidence), bound))


def test_error_bound(evidence: HuangEvidence) -> float:
    """2 exp(−C d/n²)."""
    return float(2 * np.exp(-evidence.constants.C * evidence.problem.d_over_n2))


def theorem_confidence(evidence: HuangEvidence) -> float:
    """1 − d^(−1/4), with which Theorems 3.2 and 3.3 hold."""
    return float(1 - evidence.problem.d**-0.25)


def descent_time(evidence: HuangEvidence) -> float:
    """nm log(1/u)/(ησ_p² d) + m³n/(ηεσ_p² d), the time of Theorem 3.2."""
    return evidence.times.predicted_T2 if not evidence.label_noise else float("nan")


def noise_time(evidence: HuangEvidence) -> float:
    """nm log(1/u)/(ησ_p² d) + m log(6/(σ_0‖μ‖))/(η‖μ‖²), the time of Theorem 3.3."""
    start = signal_scale(evidence)
    length = np.log(6 / start) / signal_rate(evidence) if 0 < start < 6 else np.nan
    return float(evidence.printed_first_stage + length)
