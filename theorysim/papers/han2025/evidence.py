"""What the statements of Han et al. 2025 are functions of: a run with the paper's hidden constants and stage times."""

from dataclasses import dataclass, field
from functools import cached_property

from theorysim.core import validate
from theorysim.papers.han2025.laws import StageTimes, stage_times
from theorysim.theory.signal_noise import SignalNoiseEvidence
from theorysim.theory.statement import Constants


@dataclass(frozen=True)
class HanConstants(Constants):
    """What Han et al. 2025 hide.

    Attributes
    ----------
    delta, C, band : float
        See :class:`theorysim.theory.statement.Constants`.
    epsilon : float
        Training loss that ends stage 2.
    rho_threshold : float
        Memorization of initially active filters that ends stage 1.
    order_one : float
        What the paper assumes to be Θ(1) must lie in [1/order_one, order_one].
    """

    epsilon: float = 0.01
    rho_threshold: float = 0.1
    order_one: float = 20.0

    def __post_init__(self) -> None:
        super().__post_init__()
        validate.real("epsilon", self.epsilon, 0, above=True)
        validate.real("rho_threshold", self.rho_threshold, 0, above=True)
        validate.real("order_one", self.order_one, 1)


@dataclass(frozen=True, eq=False)
class HanEvidence(SignalNoiseEvidence):
    """One run of a signal-noise problem, with the paper's stage times."""

    constants: HanConstants = field(default_factory=HanConstants)

    @cached_property
    def times(self) -> StageTimes:
        """Measured stage times."""
        return stage_times(self.run, c=self.constants.rho_threshold, epsilon=self.constants.epsilon)

    @property
    def first(self) -> float:
        """T1, where every step before it was seen."""
        return self.exact(self.times.T1, "rho_bar_active_min")

    @property
    def second(self) -> float:
        """T2, where every step before it was seen."""
        return self.exact(self.times.T2, "train_loss")
