"""What the statements of Huang et al. 2025 are functions of: a run with what the paper hides, and both stages."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.papers.huang2025.assumption import LOGS
from theorysim.patch import stages
from theorysim.patch.algorithm import Flip
from theorysim.patch.stages import StageTimes
from theorysim.theory.signal_noise import SignalNoiseEvidence
from theorysim.theory.statement import Array, Constants, Steps
from theorysim.theory.windows import NotSampledError


@dataclass(frozen=True)
class HuangConstants(Constants):
    """What Huang et al. 2025 hide.

    Attributes
    ----------
    delta : float
        δ. Theorems 3.2 and 3.3 are counted against 1 − d^(−1/4) whatever δ is; Lemmas 4.2, 4.4 and 4.5 take δ = 1/d,
        which is ``delta=1 / problem.d``.
    C : float
        Every constant hidden in Assumption 3.1 and in an O(·), Õ(·) or exp(−C d/n²).
    band : float
        How far a Θ may be from its expression with constant 1, either way.
    horizon : float or None
        T*, up to which statements about the whole run hold, and whose logarithm is in α = 4 log T*. The paper has
        T* = η⁻¹ poly(n, m, d, ‖μ‖⁻¹, (σ_p²d)⁻¹, σ_0⁻¹, ε⁻¹). None: the product of these in the lowest powers that
        place it beyond T1 and T2 of both theorems, n m³ d η⁻¹ ‖μ‖⁻² (σ_p²d)⁻¹ σ_0⁻¹ ε⁻¹, where what would make it
        smaller (a scale above 1, inverted) is left out. It has nothing to do with the length of a run.
    epsilon : float
        Training loss that ends stage 2 of gradient descent.
    gamma_threshold : float
        Signal learning that ends stage 2 with label noise, as measured: the paper's T2 is an expression.
    logs : "tilde" or "explicit"
        Whether Assumption 3.1 leaves hidden logarithms out or has those of the review thread.
    """

    horizon: float | None = None
    epsilon: float = 0.01
    gamma_threshold: float = 1.0
    logs: str = "tilde"

    def __post_init__(self) -> None:
        super().__post_init__()
        validate.real("epsilon", self.epsilon, 0, above=True)
        validate.real("gamma_threshold", self.gamma_threshold, 0, above=True)
        validate.choice("logs", self.logs, LOGS)
        if self.horizon is not None:
            validate.real("horizon", self.horizon, 1)


@dataclass(frozen=True, eq=False)
class HuangEvidence(SignalNoiseEvidence):
    """One run of a signal-noise problem, with T* and both stages as the paper has them."""

    constants: HuangConstants = field(default_factory=HuangConstants)

    @cached_property
    def horizon(self) -> float:
        """T*."""
        if self.constants.horizon is not None:
            return self.constants.horizon
        p = self.problem
        scales = (self.run.algorithm.lr, p.signal_norm**2, p.noise_std**2 * p.d, p.init_std, self.constants.epsilon)
        logarithm = np.log(p.n) + 3 * np.log(p.m) + np.log(p.d) - sum(np.log(one) for one in scales if 0 < one < 1)
        return float(np.exp(min(max(logarithm, 1.0), 700.0)))

    @cached_property
    def times(self) -> StageTimes:
        """T1 and T2, measured and predicted."""
        c = self.constants
        return self.run.stage_times(epsilon=c.epsilon, gamma_threshold=c.gamma_threshold)

    @property
    def second_stage_end(self) -> float:
        """T2 as measured: training loss ε, or with label noise max γ at its threshold; NaN when not reached.

        Only where every step before it was seen.
        """
        return self.exact(self.times.T2, *(("rho_bar_min", "gamma_max") if self.label_noise else ("train_loss",)))

    @cached_property
    def memory(self) -> float:
        """u = σ_0σ_p√d."""
        p = self.problem
        return float(p.init_std * p.noise_std * np.sqrt(p.d))

    @cached_property
    def kept(self) -> NDArray[np.bool_]:
        """Which labels were left as they are, (steps, n), of flips drawn from the seed."""
        kept: NDArray[np.bool_] = self.run.label_multipliers() > 0
        return kept

    @cached_property
    def flip_rate(self) -> float:
        """p; 0 without flips."""
        law = self.run.algorithm.label_noise
        return law.p if isinstance(law, Flip) else 0.0

    @cached_property
    def derivative_bound(self) -> Array:
        """C_0 (C_1 without label noise) as the run shows it: the smallest |ℓ̃'| up to each step.

        With label noise of either sign of the label, |ℓ'(−z)| = 1 − |ℓ'(z)|. NaN once a step was not observed.
        """
        every = np.arange(self.run.steps + 1)
        smallest = self.column("loss_derivative_min", every)
        if self.label_noise:
            smallest = np.minimum(smallest, 1 - self.column("loss_derivative_max", every))
        return np.minimum.accumulate(smallest)

    @cached_property
    def printed_first_stage(self) -> float:
        """T1 = nm log(1/u)/(ησ_p²d), constant 1; NaN where u ≥ 1."""
        return stages.first_stage(self.problem, self.run.algorithm)

    @cached_property
    def proved_first_stage(self) -> float:
        """T1 in the proofs: 4nm log(1/u)/(ησ_p²d) of Lemma 4.2, 4nm log(20/u)/(ηC_0σ_p²d) of Lemma 4.4.

        The first step that is so late with the C_0 measured up to it; NaN when the run is over before. Only where
        every step before it was seen.
        """
        if not self.label_noise:
            return 4 * self.printed_first_stage
        if not 0 < self.memory < 20:
            return float("nan")
        steps, bound = np.arange(self.run.steps + 1), self.derivative_bound
        found = stages.first_step(steps, steps * bound >= 4 * np.log(20 / self.memory) / self.rate)
        if np.isnan(found) and np.isnan(bound[-1]):
            raise NotSampledError("run: the derivative of the loss was not observed at every step up to the proof's T1")
        return found

    @cached_property
    def _second_stage(self) -> tuple[float, float]:
        """T2 of Lemma 4.5 and c_2, each the smallest that fits the other; T2 NaN when the run is over before it.

        Only where every step from T1 to it was seen.
        """
        first, last = self.first_stage_end, self.run.steps
        if np.isnan(first):
            return float("nan"), float("nan")
        steps = np.arange(int(first), last + 1)
        largest = np.maximum.accumulate(self.column("output_max", steps))
        length = stages.second_stage_label_noise(self.problem, self.run.algorithm, 0.0) / 2  # 1 + e⁰ = 2
        with np.errstate(over="ignore"):
            over = steps - first >= length * (1 + np.exp(largest))
        if np.isnan(largest[-1]) and not over.any():
            raise NotSampledError("run: outputs were not observed at every step from T1 to the paper's T2")
        return stages.first_step(steps, over), float(largest[np.argmax(over) if over.any() else -1])

    @cached_property
    def second_stage_deadline(self) -> float:
        """T2 as the paper has it: an expression, with label noise in the measured T1 and c_2; NaN where not known.

        With label noise it is NaN too when the run is over before it.
        """
        return self._second_stage[0] if self.label_noise else self.times.predicted_T2

    @cached_property
    def output_bound(self) -> float:
        """c_2: the largest training output from T1 to the paper's T2, or to the end if that is first; NaN before T1."""
        return self._second_stage[1]


def to_horizon(evidence: HuangEvidence) -> Steps:
    """Window: all steps up to T*."""
    return np.arange(min(evidence.run.steps, int(min(evidence.horizon, 2**62))) + 1)


def _until(evidence: HuangEvidence, moment: float) -> Steps:
    return np.arange((evidence.run.steps if np.isnan(moment) else min(int(moment), evidence.run.steps)) + 1)


def first_stage(evidence: HuangEvidence) -> Steps:
    """Window: steps 0..T1 as measured (the whole run while T1 is not reached)."""
    return _until(evidence, evidence.first_stage_end)


def printed_first_stage(evidence: HuangEvidence) -> Steps:
    """Window: steps 0..nm log(1/u)/(ησ_p²d), which is T1 with constant 1; none where u ≥ 1."""
    moment = evidence.printed_first_stage
    return np.arange(0) if np.isnan(moment) else _until(evidence, moment)


def proved_first_stage(evidence: HuangEvidence) -> Steps:
    """Window: steps 0..T1 of the proofs of Lemmas 4.2 and 4.4 (the whole run when that is over before)."""
    return _until(evidence, evidence.proved_first_stage)


def second_stage(evidence: HuangEvidence) -> Steps:
    """Window: steps T1..T2, measured and the paper's (to the end when that comes first); empty before T1."""
    first, second = evidence.first_stage_end, evidence.second_stage_deadline
    if np.isnan(first):
        return np.arange(0)
    return np.arange(int(first), len(_until(evidence, second)))
