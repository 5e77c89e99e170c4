"""The paper's condition, theorem and lemmas, and the predictions derived for the exact dynamics.

The paper's constants are kept. Where it says "aligned" or "converged" without a number, ours is in the formula. Marks:
"derived" is not in the paper.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from theorysim.linear import LinearRun
from theorysim.oscillation import OscillationRun
from theorysim.theory.conditions import Condition
from theorysim.theory.statement import Sense, Statement
from theorysim.papers.zhang2026.evidence import LinearEvidence

Array = NDArray[np.float64]
Steps = NDArray[np.int64]
PAPER = "Zhang et al. 2026"
CONDITION_1 = 1960.0  # log₁₀(1/η) that the constant C of Condition 1 asks for at best
ALIGNED = 0.9  # |cos(w_i, θ*)| of a neuron that is "aligned with θ*"
DIVERGING = 2.5  # ηm from which on every run diverges (derived)


def _noisy(run: object) -> bool:
    """A run of the paper: single samples, label noise always on."""
    if not isinstance(run, LinearRun):
        return False
    a = run.algorithm
    return (a.label_noise and run.problem.label_noise_std > 0 and a.batch == 1 and a.period is None
            and a.sam_radius == 0)


def _followed(run: object) -> bool:
    """A run of the paper with neurons followed."""
    return isinstance(run, LinearRun) and _noisy(run) and len(run.leaving) > 0


def _plain(run: object) -> bool:
    return isinstance(run, LinearRun) and run.algorithm.batch == 1 and run.algorithm.sam_radius == 0


def _oscillating(run: object) -> bool:
    return isinstance(run, OscillationRun)


def _constant(value: Callable[[LinearEvidence], float]) -> Callable[[LinearEvidence, Steps], Array]:
    """One number for every step of the window."""
    return lambda evidence, steps: np.full(len(steps), value(evidence))


def _column(name: str) -> Callable[[LinearEvidence, Steps], Array]:
    return lambda evidence, steps: np.array([evidence.at(name, step) for step in steps])


def _at_end(evidence: LinearEvidence) -> Steps:
    return np.array([evidence.run.steps])


def _after(moment: Callable[[LinearEvidence], float]) -> Callable[[LinearEvidence], Steps]:
    """Window: one moment, if the run lasts so long."""

    def steps(evidence: LinearEvidence) -> Steps:
        when = moment(evidence)
        return np.array([int(np.ceil(when))]) if when <= evidence.run.steps else np.arange(0)

    return steps


def _stable(evidence: LinearEvidence) -> Sequence[Condition]:
    limit = evidence.run.problem.largest_stable_lr()
    return [Condition("η ≤ 2d/((d + 2)m)", evidence.lr, "<=", limit, "derived: stability at the start")]


def _moderate(evidence: LinearEvidence) -> Sequence[Condition]:
    width = evidence.lr * evidence.run.problem.width
    return [Condition("ηm ≤ 0.4", width, "<=", 0.4, "derived: seen there within −10…+16%")]


def _condition_1(evidence: LinearEvidence) -> Sequence[Condition]:
    value = -float(np.log10(evidence.lr))
    return [Condition("log₁₀(1/η) ≥ 1960", value, ">=", CONDITION_1, f"{PAPER}, Condition 1")]


def escape_bound(evidence: LinearEvidence) -> float:
    """Theorem 2: 384√(log m)/(σ²η²√m)."""
    m = evidence.run.problem.width
    return float(384 * np.sqrt(np.log(m)) / (evidence.sigma**2 * evidence.lr**2 * np.sqrt(m)))


def _escape(evidence: LinearEvidence) -> float:
    """T1_all; beyond the bound infinite, if some neuron is still there."""
    reached = evidence.times.T1_all
    return np.inf if np.isnan(reached) and evidence.run.steps > escape_bound(evidence) else reached


def _shrinking_escape(evidence: LinearEvidence) -> float:
    """The step by which e^{−Hτ/2} alone would have carried every neuron followed out of the lazy regime."""
    slow, steps = evidence.slow_time, evidence.trained.steps_observed
    gone = [evidence.all_shrunk_away(time) >= 1 for time in slow]
    if not any(gone):
        return float("nan")
    after = gone.index(True)
    exact = brentq(lambda time: evidence.all_shrunk_away(time) - 1, slow[after - 1], slow[after])
    return float(np.interp(exact, slow, steps))


def _log_share(evidence: LinearEvidence) -> float:
    return float(np.log(1 / evidence.lr) / evidence.target_norm) if evidence.target_norm > 0 else float("nan")


def alignment_law(evidence: LinearEvidence) -> float:
    """ln(m/(√d‖θ*‖))/(ησ)², derived; NaN without a target."""
    p = evidence.run.problem
    if evidence.target_norm == 0:
        return float("nan")
    return float(np.log(p.width / (p.d**0.5 * evidence.target_norm)) / (evidence.lr * evidence.sigma) ** 2)


def _final_floor(evidence: LinearEvidence) -> float:
    """ησ²(tr A + dc)/4 with the means of the run's last quarter."""
    run = evidence.trained
    late = run.steps_observed >= 0.75 * run.steps
    trace = run.column("mean_norm_sq")[late].mean() * run.problem.width
    second = run.column("second_layer")[late].mean()
    return float(evidence.lr * evidence.sigma**2 * (trace + run.problem.d * second) / 4)


def _converged(evidence: LinearEvidence) -> Steps:
    """Window: the end, if T3 lies before the last quarter, from which the floor is taken."""
    return np.array([evidence.run.steps] if evidence.times.T3 < 0.75 * evidence.run.steps else [], dtype=np.int64)


def _late_in_first_phase(evidence: LinearEvidence) -> Steps:
    """Window: the last step watched with slow time ≤ 2 and tr A ≥ 10‖θ*‖, before the target holds the norm up."""
    run = evidence.trained
    norm = run.column("mean_norm_sq") * run.problem.width
    inside = (evidence.slow_time <= 2) & (norm >= 10 * evidence.target_norm)
    return run.steps_observed[1:][inside[1:]][-1:]


def _trace_ratio(evidence: LinearEvidence, steps: Steps) -> Array:
    found = evidence.trained.column("mean_norm_sq")
    return found[np.searchsorted(evidence.trained.steps_observed, steps)] / found[0]


def _slow_decay(evidence: LinearEvidence, steps: Steps) -> Array:
    times = evidence.slow_time[np.searchsorted(evidence.trained.steps_observed, steps)]
    return evidence.slow_norm(times) / evidence.slow_norm(np.zeros(1))


def _oscillation_norm(evidence: LinearEvidence, steps: Steps) -> Array:
    assert isinstance(evidence.run, OscillationRun)
    means: Array = evidence.run.norms.mean(axis=1)
    return means[np.searchsorted(evidence.run.steps_recorded, steps)]


def _long_after(evidence: LinearEvidence) -> Steps:
    """Window: recorded steps from η⁻² on."""
    assert isinstance(evidence.run, OscillationRun)
    return evidence.run.steps_recorded[evidence.run.steps_recorded >= evidence.lr**-2]


def _settled(evidence: LinearEvidence) -> Steps:
    """Window: recorded steps after ten relaxation times 1/(η^{3/2} λ_min(H)), the part beside H's kernel being gone."""
    assert isinstance(evidence.run, OscillationRun)
    slowest = float(np.linalg.eigvalsh(evidence.gram)[0])
    rest = 10 / (evidence.lr**1.5 * slowest) if slowest > 1e-12 else np.inf
    return evidence.run.steps_recorded[evidence.run.steps_recorded >= rest]


def _resting_norm(evidence: LinearEvidence) -> float:
    target = evidence.run.draw.target
    return float(evidence.lr * target @ evidence.gram @ target / 2)


STATEMENTS = (
    Statement(
        "zhang2026.condition_1", "learning rate as small as the theory asks for", "log₁₀(1/η) ≥ 1960",
        f"{PAPER}, Condition 1 (its constant C at best; no double is as small)", Sense.LOWER,
        _constant(lambda e: -np.log10(e.lr)), _constant(lambda _e: CONDITION_1), _at_end, _condition_1,
        lambda run: isinstance(run, LinearRun),
    ),
    Statement(
        "zhang2026.theorem_2", "every neuron leaves the lazy regime in time",
        "T1_all ≤ 384√(log m)/(σ²η²√m)", f"{PAPER}, Theorem 2", Sense.UPPER,
        _constant(_escape), _constant(escape_bound), _at_end, _stable, _followed,
    ),
    Statement(
        "zhang2026.lemma_3.i", "neurons shrink at most steps", "P(Δ_i ≤ 0) ≥ 1 − C m^{−1/8}",
        f"{PAPER}, Lemma 3; share of neurons, mean over the steps watched up to T1_all", Sense.LOWER,
        _constant(lambda e: e.first_phase_mean("share_shrinking")),
        _constant(lambda e: 1 - e.constants.C * e.run.problem.width**-0.125), _at_end, _stable, _followed, 0.0,
    ),
    Statement(
        "zhang2026.lemma_3.ii", "and shrink fast at a quarter of them", "P(Δ_i ≤ −(σ/4)²) ≥ 1/4",
        f"{PAPER}, Lemma 3; share of neurons, mean over the steps watched up to T1_all", Sense.LOWER,
        _constant(lambda e: e.first_phase_mean("share_shrinking_fast")), _constant(lambda _e: 0.25), _at_end, _stable,
        _followed,
    ),
    Statement(
        "zhang2026.lemma_4", "oscillation of the second layer alone shrinks the neurons", "tr A/m ≤ √η from η⁻² on",
        f"{PAPER}, Lemma 4; the expectation recursion is derived", Sense.UPPER,
        _oscillation_norm, _constant(lambda e: np.sqrt(e.lr)), _long_after, applies=_oscillating,
    ),
    Statement(
        "zhang2026.derived.oscillation", "where oscillation leaves them", "tr A/m = η θ*ᵀHθ*/2 at rest",
        "derived", Sense.ORDER, _oscillation_norm, _constant(_resting_norm), _settled, applies=_oscillating, band=1.25,
    ),
    Statement(
        "zhang2026.lemma_5", "neurons align fast once they have shrunk",
        "median |cos(w_i, θ*)| ≥ 0.9 at ln(1/η)/‖θ*‖ steps after tr A/m ≤ √η",
        f"{PAPER}, Lemma 5; 0.9 and where Phase II starts are ours", Sense.LOWER, _column("cosine_median"),
        _constant(lambda _e: ALIGNED), _after(lambda e: e.shrunk + _log_share(e)), _stable, _followed,
    ),
    Statement(
        "zhang2026.lemma_5.slower", "the same with a further 1/η",
        "median |cos(w_i, θ*)| ≥ 0.9 at ln(1/η)/(η‖θ*‖) steps after tr A/m ≤ √η", "derived from Lemma 5", Sense.LOWER,
        _column("cosine_median"), _constant(lambda _e: ALIGNED),
        _after(lambda e: e.shrunk + _log_share(e) / e.lr), _stable, _followed,
    ),
    Statement(
        "zhang2026.lemma_5.any", "every neuron, when the network has aligned", "min_i |cos(w_i, θ*)| ≥ 0.9 at T2(0.9)",
        f"{PAPER}, Lemma 5: \"any neuron\"", Sense.LOWER, _column("cosine_min"), _constant(lambda _e: ALIGNED),
        _after(lambda e: e.times.T2_most), _stable, _followed,
    ),
    Statement(
        "zhang2026.lemma_6", "the network converges to the target", "mean test loss at the end ≤ C η ln(1/η)",
        f"{PAPER}, Lemma 6; mean over the last quarter of the run", Sense.UPPER,
        _constant(lambda e: e.trained.loss_floor()),
        _constant(lambda e: e.constants.C * e.lr * np.log(1 / e.lr)), _converged, _stable, _noisy,
    ),
    Statement(
        "zhang2026.derived.floor", "the floor that label noise leaves", "mean test loss at the end = ησ²(tr A + dc)/4",
        "derived: stationary variance of Wᵀa at H = I", Sense.ORDER, _constant(lambda e: e.trained.loss_floor()),
        _constant(_final_floor), _converged, _stable, _noisy, band=1.5,
    ),
    Statement(
        "zhang2026.derived.stability", "below the limit nothing diverges", "ηm < 2d/(d + 2) ⇒ no overflow", "derived",
        Sense.UPPER, _constant(lambda e: float(e.run.status == "diverged")), _constant(lambda _e: 0.0), _at_end,
        _stable, _plain,
    ),
    Statement(
        "zhang2026.derived.divergence", "far above the limit everything does", "ηm ≥ 2.5 ⇒ overflow", "derived",
        Sense.LOWER, _constant(lambda e: float(e.run.status == "diverged")), _constant(lambda _e: 1.0), _at_end,
        lambda e: [Condition("ηm ≥ 2.5", e.lr * e.run.problem.width, ">=", DIVERGING, "derived")], _plain,
    ),
    Statement(
        "zhang2026.derived.escape_time", "neurons leave by shrinking: the smallest last",
        "√m min_i‖(1 − e^{−Hτ/2})w_i(0)‖ = 1 at T1_all, τ = η²ΣE[g²]",
        "derived; 2/(√m η²E[g²] min_i‖w_i(0)‖) when it is small", Sense.ORDER, _constant(lambda e: e.times.T1_all),
        _constant(_shrinking_escape), _at_end, _moderate, _followed, band=1.2,
    ),
    Statement(
        "zhang2026.derived.slow_flow", "the norm falls with the slow time",
        "tr A = tr(A(0) e^{−Hτ}), τ = η²ΣE[g²], up to 2",
        "derived", Sense.ORDER, _trace_ratio, _slow_decay, _late_in_first_phase, _stable, _noisy, band=1.15,
    ),
    Statement(
        "zhang2026.derived.alignment_time", "when the network has half aligned", "T2(½) = Θ(ln(m/(√d‖θ*‖))/(ησ)²)",
        "derived", Sense.ORDER, _constant(lambda e: e.times.T2_half),
        _constant(alignment_law), _at_end, _stable, _noisy,
    ),
)
