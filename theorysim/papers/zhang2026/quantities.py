"""What the claims of T. Zhang et al. 2026 are made of: which runs, conditions, times, and what is predicted of them."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq

from theorysim.linear import LinearRun
from theorysim.linear.stages import FLOOR_SHARE, loss_floor, watched
from theorysim.oscillation import OscillationRun
from theorysim.papers.zhang2026.evidence import LinearEvidence
from theorysim.theory.conditions import Condition
from theorysim.theory.statement import Array, Steps
from theorysim.theory.windows import NotSampledError

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


def unaligned(evidence: LinearEvidence) -> Sequence[Condition]:
    """Stability, and a start that is not half aligned, as in two dimensions every other is."""
    start = float(evidence.column("alignment", np.array([0]))[0])
    return [*stable(evidence), Condition("θ̂ᵀA(0)θ̂/tr A(0) ≤ ½", start, "<=", 0.5, "ours: else T2(½) is 0")]


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
    return float(384 * np.sqrt(np.log(m) / m) * evidence.inverse_square / evidence.sigma**2)


def no_earlier(evidence: LinearEvidence, time: float) -> float:
    """A time; of what has not come the step after the run's last, as it is no earlier than that."""
    return evidence.run.steps + 1.0 if np.isnan(time) else time


def escape(evidence: LinearEvidence) -> float:
    """T1_all; beyond the bound, if some neuron is still there, the step after the run's last: it is later than that.

    Raises
    ------
    NotSampledError
        When the bound lies between the look at which the last neuron was seen outside and the look before.
    """
    reached, bound, run = evidence.times.T1_all, escape_bound(evidence), evidence.trained
    if np.isnan(reached):
        return no_earlier(evidence, reached) if run.steps > bound else reached
    looks = run.steps_observed[watched(run.steps_observed)]
    before = looks[looks < reached].max(initial=0)
    if before < np.floor(bound) < reached - 1:
        raise NotSampledError(f"run: the last neuron left between the steps {before} and {reached:.0f}, and the bound "
                              f"{bound:.0f} lies between them, too")
    return reached


def lazy_steps(evidence: LinearEvidence) -> Steps:
    """Window: the steps observed, up to Theorem 2's T1, before any at which a neuron followed is outside."""
    run = evidence.trained
    left = [evidence.times.T1_first, run.first(run.column("share_outside") > 0)]  # at looks, and at any step observed
    lazy = run.steps_observed < np.nanmin([*left, np.inf])
    return run.steps_observed[lazy & (run.steps_observed <= escape_bound(evidence))]


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
    return float(np.log(p.width / (p.d**0.5 * evidence.target_norm)) * evidence.inverse_square / evidence.sigma**2)


def final_floor(evidence: LinearEvidence) -> float:
    """ησ²(tr A + dc)/4 with the means of the run's last quarter, taken as that of the loss is."""
    run, p = evidence.trained, evidence.run.problem
    looks = watched(run.steps_observed)
    norm, second = (loss_floor(run.steps_observed[looks], run.column(name)[looks])
                    for name in ("mean_norm_sq", "second_layer"))
    return evidence.lr * evidence.sigma**2 * (p.width * norm + p.d * second) / 4


def arrived(evidence: LinearEvidence) -> Sequence[Condition]:
    """Before the last quarter of the run, over which the floor is taken, both phases are over and the loss is down.

    T3 alone does not tell: in Phase I the loss falls with tr A, so slowly that its mean over t..1.1t is soon within a
    factor of 2 of that over the last quarter.
    """
    run, times, norm = evidence.trained, evidence.times, evidence.target_norm
    last = (1 - FLOOR_SHARE) * run.steps
    shrunk = evidence.slow_norm(np.interp([last], run.steps_observed, evidence.slow_time))[0]
    convergence = log_share(evidence) / (evidence.lr * norm or np.nan)
    return [
        Condition("tr(A(0) e^{−Hτ}) ≤ ‖θ*‖ before the last quarter", float(shrunk), "<=", norm,
                  "derived: the neurons have shrunk until only the target holds them up"),
        Condition("T2(½) + ln(1/η)/(η‖θ*‖²) ≤ ¾ of the run", no_earlier(evidence, times.T2_half) + convergence, "<=",
                  last, f"ours: the neurons have aligned, and for Lemma 6's time of {PAPER} after that"),
        Condition("T3 ≤ ¾ of the run", no_earlier(evidence, times.T3), "<=", last, "ours: the loss has come down"),
    ]


def at_rest(evidence: LinearEvidence) -> Sequence[Condition]:
    """Stability, and before the last quarter of the run both phases are over and the loss has come down."""
    return [*stable(evidence), *arrived(evidence)]


def converged(evidence: LinearEvidence) -> Steps:
    """Window: the end, if the run has :func:`arrived`."""
    there = all(one.holds for one in arrived(evidence))
    return np.array([evidence.run.steps] if there else [], dtype=np.int64)


def late_in_first_phase(evidence: LinearEvidence) -> Steps:
    """Window: the last step observed with slow time ≤ 2 and tr A ≥ 4d‖θ*‖, before the target holds the norm up.

    Fitting the target takes ‖a‖² ≥ θ*ᵀA⁻¹θ*, at H = I some d‖θ*‖²/tr A, which adds (d‖θ*‖)²/tr A a unit of slow time.
    """
    run = evidence.trained
    norm = run.column("mean_norm_sq") * run.problem.width
    inside = (evidence.slow_time <= 2) & (norm >= 4 * run.problem.d * evidence.target_norm)
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
    rate = evidence.lr**1.5 * slowest
    return 10 / rate if slowest > 1e-12 and rate > 0 else np.inf


def resting_norm(evidence: LinearEvidence) -> float:
    """η θ*ᵀHθ*/2."""
    target = evidence.run.draw.target
    return float(evidence.lr * target @ evidence.gram @ target / 2)
