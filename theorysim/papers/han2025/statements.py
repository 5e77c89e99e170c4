"""Han et al. 2025 as data: Condition 4.1, both stages, early stopping, clean labels, Lemma 5.1, the early law."""

from collections.abc import Callable, Sequence

import numpy as np

from theorysim.patch.run import Run
from theorysim.theory import concentration
from theorysim.theory.conditions import Condition
from theorysim.papers.han2025 import laws
from theorysim.theory.statement import Array, Evidence, Sense, Statement, Steps, end

PAPER = "Han et al. 2025"
LOG2 = float(np.log(2))
ALL_ROUND = 0.05  # how far −ℓ' may be from ½ for the early law to speak, and how close it is then claimed to be


# --- which runs, and under which conditions ----------------------------------------------------------------------


def relu(run: Run) -> bool:
    """Plain gradient descent on ReLU, no policy acting on it."""
    return bool(run.problem.q == 1) and run.algorithm.label_noise is None and run.policy is None


def noisy_labels(run: Run) -> bool:
    """The same with some labels flipped before training."""
    return relu(run) and bool(run.draw.noisy.any())


def clean_labels(run: Run) -> bool:
    """The same with none flipped."""
    return relu(run) and not run.draw.noisy.any()


def model(evidence: Evidence) -> Sequence[Condition]:
    """The paper's data: noise not orthogonal to the signal."""
    return (Condition("noise is not orthogonal to μ", float(evidence.problem.orthogonal_noise), "<=", 0, PAPER),)


def condition(evidence: Evidence) -> Sequence[Condition]:
    """The model and Condition 4.1 (τ = 0 where the labels are clean, Theorem 4.4)."""
    noisy = evidence.run.draw.noisy.any()
    return (*model(evidence), *(one for one in items(evidence) if noisy or not one.formula.startswith("τ± =")))


def items(evidence: Evidence) -> Sequence[Condition]:
    """Condition 4.1 item by item."""
    c = evidence.constants
    return laws.condition_4_1(evidence.problem, evidence.run.algorithm, c.C, c.order_one, c.delta)


# --- when --------------------------------------------------------------------------------------------------------


def times(evidence: Evidence) -> laws.StageTimes:
    """Measured stage times."""
    return laws.stage_times(evidence.run, c=evidence.constants.rho_threshold, epsilon=evidence.constants.epsilon)


def _at(step: float) -> Steps:
    return np.arange(0) if np.isnan(step) else np.array([int(step)])


def at_first_stage(evidence: Evidence) -> Steps:
    """T1."""
    return _at(times(evidence).T1)


def at_second_stage(evidence: Evidence) -> Steps:
    """T2."""
    return _at(times(evidence).T2)


def after_first_stage(evidence: Evidence) -> Steps:
    """T1 to the end."""
    first = times(evidence).T1
    return np.arange(0) if np.isnan(first) else np.arange(int(first), evidence.run.steps + 1)


def _record_from(evidence: Evidence, step: float) -> Steps:
    return evidence.run.steps_recorded[evidence.run.steps_recorded >= step][:1]


def record_of_first_stage(evidence: Evidence) -> Steps:
    """The first recorded step at or after T1."""
    return _record_from(evidence, times(evidence).T1)


def record_of_second_stage(evidence: Evidence) -> Steps:
    """The first recorded step at or after T2."""
    return _record_from(evidence, times(evidence).T2)


def early(evidence: Evidence) -> Steps:
    """The last recorded step but the initial one with all −ℓ' within 0.05 of ½."""
    run = evidence.run
    steps = run.steps_recorded[run.steps_recorded > 0]
    low, high = run.column("loss_derivative_min")[steps], run.column("loss_derivative_max")[steps]
    return steps[(low >= 0.5 - ALL_ROUND) & (high <= 0.5 + ALL_ROUND)][-1:]


# --- measured ----------------------------------------------------------------------------------------------------


def observed(name: str) -> Callable[[Evidence, Steps], Array]:
    """An observable."""
    return lambda evidence, steps: evidence.column(name, steps)


def loss(name: str) -> Callable[[Evidence, Steps], Array]:
    """ℓ of an observed margin."""
    return lambda evidence, steps: np.logaddexp(0.0, -evidence.column(name, steps))


def test_error(kind: str) -> Callable[[Evidence, Steps], Array]:
    """Test error of a kind, counted: a bound below 10⁻⁵ is confirmed as far as no error is found."""

    def counted(evidence: Evidence, steps: Steps) -> Array:
        errors = [evidence.run.test_error(int(step), kind=kind, method="monte-carlo") for step in steps]
        return np.array([one.value for one in errors])

    return counted


def overtaken_share(evidence: Evidence, steps: Steps) -> Array:
    """Noisy samples with Σ_r ρ̄_{ỹ_i,r,i} > Σ_r γ_{−ỹ_i,r}, as a share of all samples."""
    run, at = evidence.run, evidence.records(steps)
    memory = evidence.own(run.rho[at]).sum(axis=1)  # (steps, n)
    signal = run.gamma[at].sum(axis=2)  # (steps, 2)
    against = np.where(run.draw.observed_labels > 0, signal[:, 1:], signal[:, :1])
    return ((memory > against) & run.draw.noisy).mean(axis=1)


def output_gap(noisy: bool) -> Callable[[Evidence, Steps], Array]:
    """Largest distance of ỹ_i f_i from what Lemma 5.1 says, over S_t or S_f."""

    def gap(evidence: Evidence, steps: Steps) -> Array:
        run, at = evidence.run, evidence.records(steps)
        memory = evidence.own(run.rho[at]).mean(axis=1)
        signal = run.gamma[at].mean(axis=2)
        own = np.where(run.draw.observed_labels > 0, signal[:, :1], signal[:, 1:])
        against = np.where(run.draw.observed_labels > 0, signal[:, 1:], signal[:, :1])
        claimed = memory - against if noisy else memory + own
        outputs = np.array([run.outputs(int(step)) for step in steps]).reshape(len(steps), -1)
        gaps = np.abs(run.draw.observed_labels * outputs - claimed)
        return gaps[:, run.draw.noisy == noisy].max(axis=1, initial=0.0)

    return gap


def output_scale(evidence: Evidence, steps: Steps) -> Array:
    """C(√log(8mn/δ) σ_0 max{σ√d, ‖μ‖} + 2n √(log(4n²/δ)/d) max ρ̄ + √(2 log(6n/δ)) (max γ σ/‖μ‖ + n max ρ̄ ‖μ‖/(σd))).

    Initial outputs, what leaks between noises, and what leaks between signal and noise, by the concentration lemmas.
    """
    p, c = evidence.problem, evidence.constants
    ratio = p.noise_std / p.signal_norm if p.signal_norm else np.inf
    across = np.sqrt(2 * np.log(6 * p.n / c.delta)) * (
        evidence.column("gamma_max", steps) * ratio + p.n * evidence.column("rho_bar_max", steps) / (ratio * p.d))
    start = np.sqrt(np.log(8 * p.m * p.n / c.delta)) * p.init_std * max(p.noise_std * np.sqrt(p.d), p.signal_norm)
    leak = 2 * p.n * np.sqrt(np.log(4 * p.n**2 / c.delta) / p.d) * evidence.column("rho_bar_max", steps)
    scale: Array = c.C * (start + leak + across)
    return scale


def law_deviation(evidence: Evidence, steps: Steps) -> Array:
    """|(mean γ)/(mean ρ̄ of initially active filters)/(n·SNR²(1 − 2τ)/2) − 1|."""
    run, at = evidence.run, evidence.records(steps)
    active = evidence.own_noise >= 0
    rho = np.where(active, evidence.own(run.rho[at]), 0.0).sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = run.gamma[at].mean(axis=(1, 2)) / (rho / active.sum())
        deviation: Array = np.abs(ratio / laws.early_ratio(evidence.problem) - 1)
    return deviation


def _number(value: float) -> Callable[[Evidence, Steps], float]:
    return lambda _evidence, _steps: value


def first_stage_law(evidence: Evidence, _steps: Steps) -> float:
    """2c nm/(ησ²d)."""
    return laws.first_stage(evidence.problem, evidence.run.algorithm, evidence.constants.rho_threshold)


def first_stage_reached(evidence: Evidence, _steps: Steps) -> float:
    """T1; infinite when the run has passed band times the law without it, NaN when it is open."""
    measured, law = times(evidence).T1, first_stage_law(evidence, _steps)
    if not np.isnan(measured):
        return measured
    return np.inf if evidence.run.steps >= evidence.constants.band * law else np.nan


# --- statements --------------------------------------------------------------------------------------------------


def _item(position: int, name: str, formula: str) -> Statement:
    """One item of Condition 4.1."""
    def item(evidence: Evidence) -> Condition:
        return items(evidence)[position]

    return Statement(
        id=f"han2025.condition_4_1.{name}",
        claim="the problem lies in the regime of the theorems",
        formula=formula,
        source=f"{PAPER}, Condition 4.1",
        sense=Sense.LOWER if "≥" in formula else Sense.UPPER,
        measured=lambda evidence, _steps: item(evidence).value,
        predicted=lambda evidence, _steps: item(evidence).bound,
        applies=relu,
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


def _claim(
    name: str, claim: str, formula: str, source: str, sense: Sense,
    measured: Callable[[Evidence, Steps], Array | float], predicted: Callable[[Evidence, Steps], Array | float],
    window: Callable[[Evidence], Steps], applies: Callable[[Run], bool] = noisy_labels,
    conditions: Callable[[Evidence], Sequence[Condition]] = condition, trivial: float | None = None,
) -> Statement:
    """A claim "with probability at least 1 − δ"."""
    return Statement(
        id=f"han2025.{name}", claim=claim, formula=formula, source=f"{PAPER}, {source}", sense=sense, measured=measured,
        predicted=predicted, window=window, applies=applies, conditions=conditions, trivial=trivial, over_draws=True,
    )


FIRST_STAGE = (
    _claim("theorem_4_1.t1", "all samples are memorized a little at T1", "T1 = Θ(2c nm/(ησ²d))",
           "Theorem 4.1 (2c is ours)", Sense.ORDER, first_stage_reached, first_stage_law, end),
    _claim("theorem_4_1.signal_leads", "at T1 every signal coefficient exceeds every noise coefficient",
           "min γ ≥ max ρ̄ at T1", "Theorem 4.1", Sense.LOWER, observed("gamma_min"), observed("rho_bar_max"),
           at_first_stage),
    _claim("theorem_4_1.clean_right", "at T1 every clean sample is classified as labelled", "accuracy on S_t ≥ 1",
           "Theorem 4.1", Sense.LOWER, observed("clean_accuracy"), _number(1.0), at_first_stage),
    _claim("theorem_4_1.noisy_true", "at T1 every noisy sample is classified to its true label",
           "accuracy on S_f against ỹ ≤ 0", "Theorem 4.1", Sense.UPPER, observed("noisy_accuracy"), _number(0.0),
           at_first_stage),
    _claim("proposition_4_3.error", "stopped at T1 the test error is exponentially small in d/n",
           "P(error) ≤ exp(−d/(C n)) at T1", "Proposition 4.3", Sense.UPPER, test_error("fresh"),
           lambda e, _s: float(np.exp(-e.problem.d / (e.constants.C * e.problem.n))), record_of_first_stage,
           trivial=0.5),
    _claim("proposition_4_3.clean_loss", "at T1 the loss of every clean sample is at most log 2",
           "max ℓ on S_t ≤ log 2", "Proposition 4.3", Sense.UPPER, loss("output_min_clean"), _number(LOG2),
           at_first_stage),
    _claim("proposition_4_3.noisy_loss", "at T1 the loss of every noisy sample is at least log 2",
           "min ℓ on S_f ≥ log 2", "Proposition 4.3", Sense.LOWER, loss("output_max_noisy"), _number(LOG2),
           at_first_stage),
    _claim("early_law", "while losses are even, signal and noise grow at a fixed ratio",
           "|(γ/ρ̄)/(n·SNR²(1 − 2τ)/2) − 1| ≤ 0.05 C", "derived", Sense.UPPER, law_deviation,
           lambda e, _s: ALL_ROUND * e.constants.C, early, applies=relu, conditions=model),
)

SECOND_STAGE = (
    _claim("theorem_4_2.clean_right", "when the loss has converged, clean samples are still right",
           "accuracy on S_t ≥ 1 at T2", "Theorem 4.2", Sense.LOWER, observed("clean_accuracy"), _number(1.0),
           at_second_stage),
    _claim("theorem_4_2.overtaken", "noise has overtaken the signal on a share of the samples, all of them noisy",
           "#{i in S_f: Σ_r ρ̄ > Σ_r γ} ≥ τ'n at T2, τ' = min τ±/2", "Theorem 4.2 (τ' is our reading)", Sense.LOWER,
           overtaken_share, lambda e, _s: min(e.problem.flip_rates) / 2, record_of_second_stage),
    _claim("theorem_4_2.memory_error", "the memory test error is bounded away from zero",
           "P(error on (yμ, ξ_i)) ≥ min τ±/2 at T2", "Theorem 4.2", Sense.LOWER, test_error("memory"),
           lambda e, _s: min(e.problem.flip_rates) / 2, record_of_second_stage),
    _claim("theorem_4_2.signal_stays", "signal learning stays positive after T1", "min γ ≥ 0 from T1 on", "Theorem 4.2",
           Sense.LOWER, observed("gamma_min"), _number(0.0), after_first_stage),
    _claim("theorem_4_4.error", "with clean labels there is no second stage, and the converged network generalises",
           "P(error) ≤ exp(−n‖μ‖⁴/(C σ⁴ d)) at T2", "Theorem 4.4", Sense.UPPER, test_error("fresh"),
           lambda e, _s: float(np.exp(-e.problem.n * e.problem.signal_norm**4
                                      / (e.constants.C * e.problem.noise_std**4 * e.problem.d))),
           record_of_second_stage, applies=clean_labels, trivial=0.5),
)

OUTPUTS = (
    _claim("lemma_5_1.clean", "outputs on clean samples are signal plus memory",
           "|ỹf − (1/m)Σ_r(γ_{ỹ,r} + ρ̄_{ỹ,r,i})| ≤ C(initial outputs + leakage)", "Lemma 5.1 (scale is our reading)",
           Sense.UPPER, output_gap(False), output_scale, record_of_first_stage, applies=relu),
    _claim("lemma_5_1.noisy", "outputs on noisy samples are memory minus signal",
           "|ỹf − (1/m)Σ_r(ρ̄_{ỹ,r,i} − γ_{−ỹ,r})| ≤ C(initial outputs + leakage)", "Lemma 5.1 (scale is our reading)",
           Sense.UPPER, output_gap(True), output_scale, record_of_first_stage),
)

STATEMENTS = (
    *CONDITION, *concentration.STATEMENTS, *concentration.FREE_NOISE, *FIRST_STAGE, *SECOND_STAGE, *OUTPUTS,
)
