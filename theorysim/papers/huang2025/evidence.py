"""What the statements of Huang et al. 2025 are functions of: a run with what the paper hides, and both stages."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from theorysim.core import validate
from theorysim.patch.stages import StageTimes
from theorysim.theory.signal_noise import SignalNoiseEvidence
from theorysim.theory.statement import Constants, Steps


@dataclass(frozen=True)
class HuangConstants(Constants):
    """What Huang et al. 2025 hide.

    Attributes
    ----------
    delta, C, band : float
        See :class:`theorysim.theory.statement.Constants`.
    horizon : float or None
        T*, the time up to which whole-run statements hold; None: the run's length, at least
        n m/(η σ_p² d) steps (and e, so that its logarithm is at least 1).
    epsilon : float
        Training loss that ends stage 2 of gradient descent.
    gamma_threshold : float
        Signal learning that ends stage 2 with label noise.
    """

    horizon: float | None = None
    epsilon: float = 0.01
    gamma_threshold: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        validate.real("epsilon", self.epsilon, 0, above=True)
        validate.real("gamma_threshold", self.gamma_threshold, 0, above=True)
        if self.horizon is not None:
            validate.real("horizon", self.horizon, 1)


@dataclass(frozen=True, eq=False)
class HuangEvidence(SignalNoiseEvidence):
    """One run of a signal-noise problem, with T* and both stages as the paper has them."""

    constants: HuangConstants = field(default_factory=HuangConstants)

    @cached_property
    def horizon(self) -> float:
        """T*."""
        given = self.constants.horizon
        return max(self.run.steps, 1 / self.rate, np.e) if given is None else given

    @cached_property
    def times(self) -> StageTimes:
        """T1 and T2, measured and predicted."""
        c = self.constants
        return self.run.stage_times(epsilon=c.epsilon, gamma_threshold=c.gamma_threshold)

    @property
    def second_stage_end(self) -> float:
        """Measured T2; NaN when not reached. Only where every step before it was seen."""
        return self.exact(self.times.T2, *(("rho_bar_min", "gamma_max") if self.label_noise else ("train_loss",)))


def to_horizon(evidence: HuangEvidence) -> Steps:
    """Window: all steps up to T*."""
    return np.arange(min(evidence.run.steps, int(evidence.horizon)) + 1)


def first_stage(evidence: HuangEvidence) -> Steps:
    """Window: steps 0..T1 (the whole run while T1 is not reached)."""
    reached = evidence.first_stage_end
    return np.arange((evidence.run.steps if np.isnan(reached) else int(reached)) + 1)


def second_stage(evidence: HuangEvidence) -> Steps:
    """Window: steps T1..T2 (to the end while T2 is not reached); empty before T1."""
    first, second = evidence.first_stage_end, evidence.second_stage_end
    if np.isnan(first):
        return np.arange(0)
    return np.arange(int(first), (evidence.run.steps if np.isnan(second) else int(second)) + 1)
