"""Measured stage times of the patch network, beside the laws of Huang et al. 2025 (arXiv 2510.17526).

The paper's laws are Θ- and O-statements. What is called *predicted* here is the expression inside, with constant 1.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.core.html import show
from theorysim.core.run import Run, Steps, Times
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.problem import SignalNoise

Array = NDArray[np.float64]


def _known(problem: SignalNoise, algorithm: GradientDescent) -> bool:
    """Whether the laws speak of these at all."""
    return problem.q == 2 and problem.is_standard and algorithm.is_plain()


def first_stage(problem: SignalNoise, algorithm: GradientDescent) -> float:
    """T1 = n m log(1/(σ_0 σ_p √d)) / (η σ_p² d) steps (Lemmas 4.2 and 4.4); NaN unless q = 2 and σ_0σ_p√d < 1."""
    start = problem.init_std * problem.noise_std * np.sqrt(problem.d)
    if not _known(problem, algorithm) or not 0 < start < 1:
        return float("nan")
    return float(np.log(1 / start) / problem.kappa(algorithm.lr))


def second_stage_gradient_descent(problem: SignalNoise, algorithm: GradientDescent, epsilon: float) -> float:
    """T2 = T1 + m³ n / (η ε σ_p² d) steps (Theorem 3.2), by which L_S ≤ ε at some step."""
    if not _known(problem, algorithm):
        return float("nan")
    rate = algorithm.lr * problem.noise_std**2 * problem.d
    return first_stage(problem, algorithm) + problem.m**3 * problem.n / (rate * epsilon)


def second_stage_label_noise(problem: SignalNoise, algorithm: GradientDescent, output_bound: float) -> float:
    """T2 − T1 = 4m (1 + e^{c₂}) log(6/(σ_0‖μ‖)) / (η‖μ‖²) steps (Theorem 3.3, Lemma 4.5), f_i ≤ c₂ in between."""
    start = problem.init_std * problem.signal_norm
    if not _known(problem, algorithm) or not 0 < start < 6:
        return float("nan")
    rate = algorithm.lr * problem.signal_norm**2
    with np.errstate(over="ignore"):  # an output beyond 700 bounds nothing
        return float(4 * problem.m * (1 + np.exp(output_bound)) * np.log(6 / start) / rate)


@dataclass(frozen=True)
class StageTimes(Times):
    """Measured and predicted stage times, in steps; NaN where not reached or not predicted.

    Attributes
    ----------
    T1, T2 : float
        The first steps observed at which ``T1_definition`` and ``T2_definition`` hold.
    predicted_T1, predicted_T2 : float
        The paper's expressions, constant 1: Θ for T1, an upper bound for T2.
    T1_definition, T2_definition : str
        What was measured, with the thresholds used.
    resolution : int
        Largest distance of steps observed: measured times are less than this too late.
    """

    T1: float
    T2: float
    predicted_T1: float
    predicted_T2: float
    T1_definition: str
    T2_definition: str
    resolution: int = 1

    def to_dict(self) -> dict[str, float]:
        """The times alone, by name."""
        return {name: getattr(self, name) for name in ("T1", "T2", "predicted_T1", "predicted_T2")}

    def sentences(self) -> dict[str, str]:
        """Name and sentence of both times."""
        late = "" if self.resolution == 1 else f", observed every {self.resolution} steps"
        return {
            name: f"{show(measured)} (theory {show(predicted)}, ratio {show(measured / predicted)}): {definition}{late}"
            for name, measured, predicted, definition in (
                ("T1", self.T1, self.predicted_T1, self.T1_definition),
                ("T2", self.T2, self.predicted_T2, self.T2_definition),
            )
        }


def stage_times(
    run: Run,
    *,
    theta: float | None = None,
    epsilon: float = 0.01,
    gamma_threshold: float = 1.0,
) -> StageTimes:
    """T1 and T2 of a run, beside the paper's.

    - T1: first step with max over r of ρ̄_{j,r,i} ≥ ``theta`` for **all** i. Default 1 for gradient
      descent (Lemma 4.2), 0.1 with label noise (Lemma 4.4).
    - T2 of gradient descent: first step with training loss ≤ ``epsilon`` (Theorem 3.2).
    - A time is NaN, too, where a row before it lacks the column (``observe="outputs"``).
    - T2 with label noise: first step after T1 with max γ ≥ ``gamma_threshold`` (Theorem 3.3). Its
      prediction uses the largest training output ỹf measured from T1 to T2 (or the end) as c₂.

    Predictions exist for q = 2 and the signal-noise model.
    """
    noisy = run.algorithm.label_noise is not None
    theta = validate.real("theta", (0.1 if noisy else 1.0) if theta is None else theta, 0, above=True)
    epsilon = validate.real("epsilon", epsilon, 0, above=True)
    gamma_threshold = validate.real("gamma_threshold", gamma_threshold, 0, above=True)
    steps = run.steps_observed
    first = first_time(run, "rho_bar_min", lambda values: values >= theta)
    if noisy:
        second = first_time(run, "gamma_max", lambda values: values >= gamma_threshold, after=first)
        definition = f"first step after T1 with max γ ≥ {gamma_threshold:g}"
    else:
        second = first_time(run, "train_loss", lambda values: values <= epsilon)
        definition = f"first step with training loss ≤ {epsilon:g}"
    predicted = _predictions(run, first, second, epsilon)
    return StageTimes(
        first, second, *predicted, f"first step with max_r ρ̄_i ≥ {theta:g} for all i", definition,
        int(np.diff(steps).max(initial=1)),
    )


def _predictions(run: Run, first: float, second: float, epsilon: float) -> tuple[float, float]:
    problem, algorithm = run.problem, run.algorithm
    if not isinstance(problem, SignalNoise):
        return float("nan"), float("nan")
    predicted = first_stage(problem, algorithm)
    if algorithm.label_noise is None:
        return predicted, second_stage_gradient_descent(problem, algorithm, epsilon)
    if np.isnan(first):
        return predicted, float("nan")
    steps, until = run.steps_observed, run.steps if np.isnan(second) else second
    bound = float(run.column("output_max")[(steps >= first) & (steps <= until)].max())
    return predicted, first + second_stage_label_noise(problem, algorithm, bound)


def first_time(
    run: Run, column: str, reached: Callable[[Array], NDArray[np.bool_]], after: float = -1.0
) -> float:
    """The first step observed, greater than ``after``, at which a column is so; NaN if none, or not known before."""
    steps, values = run.steps_observed, run.column(column)
    found = first_step(steps, reached(values), after)
    unknown = np.isnan(values) & (steps > after) & (steps < (np.inf if np.isnan(found) else found))
    return float("nan") if unknown.any() else found


def first_step(steps: Steps, reached: NDArray[np.bool_], after: float = -1.0) -> float:
    """The first of the steps, greater than ``after``, at which a condition holds; NaN if none (or ``after`` is NaN)."""
    if np.isnan(after):
        return float("nan")
    later = reached & (steps > after)
    return float(steps[np.argmax(later)]) if later.any() else float("nan")
