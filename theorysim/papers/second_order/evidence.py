"""What the statements of the second-order law are functions of: a run with label noise, and what is predicted of it."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.special import expit

from theorysim.core import validate
from theorysim.patch.algorithm import Gaussian, Uniform
from theorysim.patch.stages import StageTimes, first_step, first_time
from theorysim.theory import second_order
from theorysim.theory.second_order import ClassStart, Multipliers, Phase, Prediction
from theorysim.theory.signal_noise import SignalNoiseEvidence
from theorysim.theory.statement import Array, Constants, Steps

CLASSES = (1, -1)


@dataclass(frozen=True)
class SecondOrderConstants(Constants):
    """What the law leaves open.

    Attributes
    ----------
    delta, C, band : float
        See :class:`theorysim.theory.statement.Constants`; C is that of cross-talk between samples alone.
    gamma_threshold : float
        Signal learning that counts as learned, which ends stage 2.
    """

    gamma_threshold: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        validate.real("gamma_threshold", self.gamma_threshold, 0, above=True)


@dataclass(frozen=True, eq=False)
class SecondOrderEvidence(SignalNoiseEvidence):
    """One run with label noise at every step, its law of ε, and what is predicted from its own draw."""

    constants: SecondOrderConstants = field(default_factory=SecondOrderConstants)

    @cached_property
    def law(self) -> Multipliers:
        """Of ε."""
        return second_order.law_of(self.run.algorithm.label_noise)

    @cached_property
    def kappa(self) -> float:
        """κ = ησ_p²d/(nm)."""
        return self.rate

    @cached_property
    def kappas(self) -> Array:
        """κ_i = η‖ξ_i‖²/(nm), (n,)."""
        rates: Array = self.lr / (self.problem.n * self.problem.m) * np.diag(self.noise_gram)
        return rates

    @cached_property
    def signal_rate(self) -> float:
        """λ = η‖μ‖²/(nm)."""
        return self.problem.signal_rate(self.lr) if self.plain else float("nan")

    @cached_property
    def starts(self) -> tuple[ClassStart, ...]:
        """Where both classes start; empty when one has no filter aligned with its signal, or active on a sample."""
        try:
            return second_order.starts_of(self.run.draw)
        except ValueError:
            return ()

    @cached_property
    def prediction(self) -> Prediction | None:
        """What the law says of this draw; None where it is silent.

        That is where a class has not begun, outputs have no resting point, or no stationary memory is resolved.
        """
        try:
            return second_order.predicted(self.problem, self.run.algorithm, self.run.draw,
                                          threshold=self.constants.gamma_threshold)
        except ValueError:
            return None

    @cached_property
    def resting(self) -> bool:
        """Whether memory comes to rest, as far as the law knows."""
        return self.prediction is not None and self.prediction.phase == Phase.RESTING

    @cached_property
    def psi(self) -> float:
        """Ψ of the stationary chain; NaN where memory does not come to rest."""
        return self.prediction.psi if self.prediction is not None and self.resting else float("nan")

    @cached_property
    def overlap(self) -> float:
        """n √(log(4n²/δ)/d): how far one sample's noise may reach into the products of another."""
        p = self.problem
        return float(p.n * np.sqrt(np.log(4 * p.n**2 / self.constants.delta) / p.d))

    @cached_property
    def largest_multiplier(self) -> float:
        """sup |ε|."""
        noise = self.run.algorithm.label_noise
        if isinstance(noise, Uniform):
            return max(abs(noise.low), abs(noise.high))
        return float("inf") if isinstance(noise, Gaussian) else 1.0

    @cached_property
    def times(self) -> StageTimes:
        """T1 and T2 as measured."""
        return self.run.stage_times(gamma_threshold=self.constants.gamma_threshold)

    @cached_property
    def second_stage_end(self) -> float:
        """T2 as measured; NaN when not reached. Only where every step before it was seen."""
        return self.exact(self.times.T2, "rho_bar_min", "gamma_max")

    @cached_property
    def signal_learned(self) -> float:
        """The first step with max γ at its threshold, whether or not every sample was memorised before; NaN if none."""
        learned = first_time(self.run, "gamma_max", lambda values: values >= self.constants.gamma_threshold)
        return self.exact(learned, "gamma_max")

    @cached_property
    def smoothed_rest(self) -> float:
        """f* = log((1 − p)/p) with p = a/2: where label smoothing a has no pull; ∞ without it."""
        p = self.run.algorithm.label_smoothing / 2
        return float(np.log((1 - p) / p)) if p else float("inf")

    @cached_property
    def smoothed_kappa(self) -> float:
        """κ of a run with label smoothing."""
        lr = self.run.algorithm.lr
        return self.problem.kappa(lr) if isinstance(lr, float) else float("nan")

    @cached_property
    def rest(self) -> float:
        """The first step with all outputs within f*/10 of f*; NaN when not reached. Only where all before were seen."""
        if not np.isfinite(self.smoothed_rest):
            return float("nan")
        low, high = self.run.column("output_min"), self.run.column("output_max")
        away = np.maximum(high - self.smoothed_rest, self.smoothed_rest - low)
        return self.exact(first_step(self.run.steps_observed, away <= self.smoothed_rest / 10), "output_min")

    def signal_part(self, step: int, label: int) -> float:
        """S_j, the signal's part of the outputs of a class.

        Raises
        ------
        NotSampledError
            When the step was not recorded.
        """
        self.records(np.array([step]))
        along = label * self.run.products(step, slice(0, 1))[:, 0]
        return float(label * self.run.readouts[self.run.record(step)] @ self.problem.sigma(along))

    def members(self, label: int) -> Steps:
        """The samples of a class."""
        return np.flatnonzero(self.run.draw.labels == label)

    def pulls(self, steps: Steps) -> Array:
        """c_i = ε_i ς(−ε_i f_i) of the update after each of the steps, (steps, n).

        Raises
        ------
        NotSampledError
            When one of the steps was not recorded.
        """
        self.records(steps)
        drawn = self.run.label_multipliers(int(steps.max(initial=0)) + 1)[steps]
        outputs = np.array([self.run.outputs(int(step)) for step in steps]).reshape(len(steps), -1)
        found: Array = drawn * expit(-drawn * outputs * self.run.draw.labels)
        return found

    def products(self, steps: Steps, label: int) -> tuple[Array, Array]:
        """s and z of a class: of its largest signal filter, (steps,), and of every sample the own filter that starts
        largest, (steps, n_j); 0 once that filter has died.

        Raises
        ------
        NotSampledError
            When one of the steps was not recorded.
        """
        self.records(steps)
        branch, members = CLASSES.index(label), self.members(label)
        top = int((label * self.initial_signal[branch]).argmax())
        first = self.initial_noise[branch][:, members].argmax(axis=0)
        inner = np.array([self.run.products(int(step)) for step in steps]).reshape(len(steps), 2, self.problem.m, -1)
        signal = np.maximum(label * inner[:, branch, top, 0], 0.0)
        own = np.maximum(inner[:, branch, first, 1 + members], 0.0)
        return signal, own


def second_stage(evidence: SecondOrderEvidence) -> Steps:
    """Window: from T1 to T2, or to the end while T2 is not reached; empty before T1."""
    first, second = evidence.first_stage_end, evidence.second_stage_end
    if np.isnan(first):
        return np.arange(0)
    return np.arange(int(first), int(evidence.run.steps if np.isnan(second) else second) + 1)
