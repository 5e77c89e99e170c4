"""What the claims of T. Zhang et al. 2026 are made of: which runs, conditions, times, and what is predicted of them."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq

from theorysim.linear import LinearRun
from theorysim.oscillation import OscillationRun
from theorysim.theory.conditions import Condition
from theorysim.theory.statement import Array, Steps
from theorysim.papers.zhang2026.evidence import LinearEvidence

PAPER = "T. Zhang et al. 2026"
ALIGNED = 0.9  # |cos(w_i, θ*)| of a neuron that is "aligned with θ*"
DIVERGING = 2.5  # ηm from which on every run diverges (derived)


def noisy(run: object) -> bool:
    """A run of the paper: single samples, label noise always on."""
    if not isinstance(run, LinearRun):
        return False
    a = run.algorithm
    return a.label_noise and run.problem.label_noise_std > 0 and a.is_plain()


def followed(run: object) -> bool:
    """A run of the paper with neurons followed."""
    return isinstance(run, LinearRun) and noisy(run) and len(run.leaving) > 0


def plain(run: object) -> bool:
    """Single samples, nothing added to the rule."""
    return isinstance(run, LinearRun) and run.algorithm.is_plain("period")


def descent(run: object) -> bool:
    """Gradient descent on clean labels, with neurons followed: the algorithm of Lemmas 5 and 6."""
    if not isinstance(run, LinearRun):
        return False
    a = run.algorithm
    quiet = not a.label_noise or run.problem.label_noise_std == 0
    return a.batch == "full" and quiet and a.is_plain("batch", "label_noise") and len(run.leaving) > 0


def oscillating(run: object) -> bool:
    """The second layer alone."""
    return isinstance(run, OscillationRun)


def stable(evidence: LinearEvidence) -> Sequence[Condition]:
    """η is below the limit of stability."""
    limit = evidence.run.problem.largest_stable_lr()
    return [Condition("η ≤ 2d/((d + 2)m)", evidence.lr, "<=", limit, "derived: stability at the start")]


def moderate(evidence: LinearEvidence) -> Sequence[Condition]:
    """ηm is small enough for the flow."""
    width = evidence.lr * evidence.run.problem.width
    return [Condition("ηm ≤ 0.4", width, "<=", 0.4, "derived: 125 runs there, 95% within −14…+18%")]


def far_target(evidence: LinearEvidence) -> Sequence[Condition]:
    """The target is so large that the neurons rest above √η."""
    bound = 2.5 / np.sqrt(evidence.lr)
    size = 2 * resting_norm(evidence) / evidence.lr
    return [Condition("θ*ᵀHθ* ≥ 2.5/√η", size, ">=", bound, "derived: at rest from 2/√η on")]


def escape_bound(evidence: LinearEvidence) -> float:
    """Theorem 2: 384√(log m)/(σ²η²√m)."""
    m = evidence.run.problem.width
    return float(384 * np.sqrt(np.log(m)) / (evidence.sigma**2 * evidence.lr**2 * np.sqrt(m)))


def escape(evidence: LinearEvidence) -> float:
    """T1_all; beyond the bound, if some neuron is still there, the step after the run's last: it is later than that."""
    reached, last = evidence.times.T1_all, evidence.run.steps
    return last + 1.0 if np.isnan(reached) and last > escape_bound(evidence) else reached


def lazy_steps(evidence: LinearEvidence) -> Steps:
    """Window: the steps observed, up to Theorem 2's T1, at which no neuron followed has left the lazy regime."""
    steps = evidence.run.steps_observed
    first = evidence.times.T1_first
    lazy = steps < (np.inf if np.isnan(first) else first)
    return steps[lazy & (steps <= escape_bound(evidence))]


def shrinking_escape(evidence: LinearEvidence) -> float:
    """The step by which e^{−Hτ/2} alone would have carried every neuron followed out of the lazy regime."""
    slow, steps = evidence.slow_time, evidence.trained.steps_observed
    gone = [evidence.all_shrunk_away(time) >= 1 for time in slow]
    if not any(gone):
        return float("nan")
    after = gone.index(True)
    exact = brentq(lambda time: evidence.all_shrunk_away(time) - 1, slow[after - 1], slow[after])
    return float(np.interp(exact, slow, steps))


def log_share(evidence: LinearEvidence) -> float:
    """ln(1/η)/‖θ*‖; NaN without a target."""
    return float(np.log(1 / evidence.lr) / evidence.target_norm) if evidence.target_norm > 0 else float("nan")


def alignment_law(evidence: LinearEvidence) -> float:
    """ln(m/(√d‖θ*‖))/(ησ)², derived; NaN without a target."""
    p = evidence.run.problem
    if evidence.target_norm == 0:
        return float("nan")
    return float(np.log(p.width / (p.d**0.5 * evidence.target_norm)) / (evidence.lr * evidence.sigma) ** 2)


def final_floor(evidence: LinearEvidence) -> float:
    """ησ²(tr A + dc)/4 with the means of the run's last quarter."""
    run = evidence.trained
    late = run.steps_observed >= 0.75 * run.steps
    trace = run.column("mean_norm_sq")[late].mean() * run.problem.width
    second = run.column("second_layer")[late].mean()
    return float(evidence.lr * evidence.sigma**2 * (trace + run.problem.d * second) / 4)


def converged(evidence: LinearEvidence) -> Steps:
    """Window: the end, if T3 lies before the last quarter, from which the floor is taken."""
    return np.array([evidence.run.steps] if evidence.times.T3 < 0.75 * evidence.run.steps else [], dtype=np.int64)


def late_in_first_phase(evidence: LinearEvidence) -> Steps:
    """Window: the last step watched with slow time ≤ 2 and tr A ≥ 10‖θ*‖, before the target holds the norm up."""
    run = evidence.trained
    norm = run.column("mean_norm_sq") * run.problem.width
    inside = (evidence.slow_time <= 2) & (norm >= 10 * evidence.target_norm)
    return run.steps_observed[1:][inside[1:]][-1:]


def trace_ratio(evidence: LinearEvidence, steps: Steps) -> Array:
    """tr A over its start."""
    return evidence.column("mean_norm_sq", steps) / evidence.column("mean_norm_sq", np.array([0]))


def slow_decay(evidence: LinearEvidence, steps: Steps) -> Array:
    """tr(A(0) e^{−Hτ}) over its start."""
    times = evidence.slow_time[np.searchsorted(evidence.trained.steps_observed, steps)]
    return evidence.slow_norm(times) / evidence.slow_norm(np.zeros(1))


def settled(evidence: LinearEvidence) -> float:
    """Ten relaxation times 1/(η^{3/2} λ_min(H)), the part beside H's kernel being gone."""
    slowest = float(np.linalg.eigvalsh(evidence.gram)[0])
    return 10 / (evidence.lr**1.5 * slowest) if slowest > 1e-12 else np.inf


def resting_norm(evidence: LinearEvidence) -> float:
    """η θ*ᵀHθ*/2."""
    target = evidence.run.draw.target
    return float(evidence.lr * target @ evidence.gram @ target / 2)
