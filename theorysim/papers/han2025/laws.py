"""Fixed noisy labels: two stages of feature learning (Han et al. 2025, arXiv 2505.18909).

Labels are flipped once, before training, with rates τ₊ and τ₋; S_t are the samples that kept their label (clean), S_f
the others (noisy). What is called *predicted* is the expression inside a Θ or O, with constant 1.
"""

from dataclasses import dataclass

import numpy as np

from theorysim.core import validate
from theorysim.core.html import show, table
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.problem import SignalNoise
from theorysim.patch.run import PatchRun
from theorysim.theory.conditions import Condition
from theorysim.patch.stages import first_step, first_time

SOURCE = "Han et al. 2025, arXiv 2505.18909"


def condition_4_1(
    problem: SignalNoise, algorithm: GradientDescent, constant: float = 1.0, order_one: float = 20.0,
    delta: float = 0.05,
) -> tuple[Condition, ...]:
    """Condition 4.1, item by item, every hidden constant C set to ``constant``.

    What is to be Θ(1) must lie in [1/order_one, order_one]. The logarithm in d ≥ C n² log(·) is read as log(n/δ).
    """
    n, d, m, sigma, mu = problem.n, problem.d, problem.m, problem.noise_std, problem.signal_norm
    c, lr, source = validate.real("constant", constant, 0, above=True), algorithm.lr, f"{SOURCE}, Condition 4.1"
    order_one = validate.real("order_one", order_one, 1)
    log = float(np.log(n / delta))
    steps = min(np.inf if mu == 0 else m / mu**2, n * m / (sigma**2 * d))
    return (
        Condition("d ≥ C n² log(n/δ)", d, ">=", c * n**2 * log, source),
        Condition("d ≥ C n‖μ‖√log(n/δ)/σ", d, ">=", c * n * mu / sigma * np.sqrt(log), source),
        Condition("n·SNR² = Θ(1), from below", problem.n_snr2, ">=", 1 / order_one, source),
        Condition("n·SNR² = Θ(1), from above", problem.n_snr2, "<=", order_one, source),
        Condition("τ± = Θ(1)", min(problem.flip_rates), ">=", 1 / order_one, source),
        Condition("τ± < ½", max(problem.flip_rates), "<=", float(np.nextafter(0.5, 0)), source),
        Condition("η ≤ C min{m/‖μ‖², nm/(σ²d)}", lr, "<=", c * steps, source),
        Condition("σ_0 ≤ C/max{σ√d, ‖μ‖}", problem.init_std, "<=", c / max(sigma * np.sqrt(d), mu), source),
    )


def first_stage(problem: SignalNoise, algorithm: GradientDescent, c: float = 0.1) -> float:
    """T1 = 2c n m/(η σ² d) steps; NaN unless q = 1.

    Theorem 4.1 has Θ(n m/(η σ² d)) until ρ̄ = Θ(1); the factor 2c is ours: ρ̄ grows by |ℓ'| η‖ξ_i‖²/(nm) a step, and
    |ℓ'| is near ½.
    """
    if problem.q != 1:
        return float("nan")
    return 2 * c * problem.n * problem.m / (algorithm.lr * problem.noise_std**2 * problem.d)


def early_ratio(problem: SignalNoise) -> float:
    """γ/ρ̄ = n·SNR² (1 − 2τ)/2 while all |ℓ'| are near ½, τ the mean rate (derived, q = 1)."""
    return problem.n_snr2 * (1 - sum(problem.flip_rates)) / 2


@dataclass(frozen=True)
class StageTimes:
    """Measured stage times in steps, NaN where not reached.

    Attributes
    ----------
    T1 : float
        First step with ρ̄_{ỹ_i,r,i} ≥ c for all i and all r with ⟨w_{ỹ_i,r}(0), ξ_i⟩ ≥ 0.
    crossing : float
        First step at which the largest ρ̄ of a noisy sample exceeds the largest γ: from Stage I to Stage II.
    T2 : float
        First step with training loss ≤ ε.
    separation : (float, float)
        First step at which log 2 separates the losses, all of S_t below and all of S_f above, and the last step
        before that first ends. It is the same as S_t being classified as labelled and S_f to its true labels: Stage I.
    predicted_T1 : float
        2c nm/(ησ²d).
    c, epsilon : float
        The thresholds.
    """

    T1: float
    crossing: float
    T2: float
    separation: tuple[float, float]
    predicted_T1: float
    c: float
    epsilon: float

    def rows(self) -> dict[str, str]:
        """Name and sentence of every time."""
        first, last = self.separation
        return {
            "T1": f"{show(self.T1)} (theory {show(self.predicted_T1)}, ratio {show(self.T1 / self.predicted_T1)}): "
                  f"first step with ρ̄ ≥ {self.c:g} for all samples and initially active filters",
            "crossing": f"{show(self.crossing)}: first step with max ρ̄ on noisy samples > max γ",
            "T2": f"{show(self.T2)}: first step with training loss ≤ {self.epsilon:g}",
            "separation": f"{show(first)} to {show(last)}: log 2 separates the losses of clean and noisy samples",
        }

    def __str__(self) -> str:
        return "\n".join(f"{name} = {sentence}" for name, sentence in self.rows().items())

    def _repr_html_(self) -> str:
        return table("Stage times (steps)", self.rows())


def stage_times(run: PatchRun, *, c: float = 0.1, epsilon: float = 0.01) -> StageTimes:
    """T1, crossing, T2 and the window of separation of a run, beside the paper's T1.

    Parameters
    ----------
    run : PatchRun
    c : float
        The paper's Θ(1) in T1.
    epsilon : float
    """
    c = validate.real("c", c, 0, above=True)
    epsilon = validate.real("epsilon", epsilon, 0, above=True)
    apart = (run.column("clean_accuracy") == 1) & (run.column("noisy_accuracy") == 0)
    steps = run.steps_observed
    first = first_step(steps, apart)
    end = first_step(steps, ~apart, after=first)
    last = first if np.isnan(first) else (run.steps if np.isnan(end) else end - 1)
    predicted = first_stage(run.problem, run.algorithm, c) if isinstance(run.problem, SignalNoise) else np.nan
    return StageTimes(
        T1=first_time(run, "rho_bar_active_min", lambda values: values >= c),
        crossing=first_time(run, "gamma_max", lambda values: run.column("rho_bar_max_noisy") > values),
        T2=first_time(run, "train_loss", lambda values: values <= epsilon),
        separation=(first, float(last)),
        predicted_T1=float(predicted),
        c=c,
        epsilon=epsilon,
    )
