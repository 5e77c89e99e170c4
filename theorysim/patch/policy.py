"""What is done during a run: when to stop, and which samples to go on training with.

A *trigger* says when: a step, or the first step at which something holds. Policies are frozen values; what a policy
did in a run is recorded in the run.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.core.html import Shown

Array = NDArray[np.float64]
ACTIONS = ("drop", "relabel", "downweight")
LOSS_VALUES: dict[str, Callable[[Array], Array]] = {  # of margins
    "logistic": lambda margins: np.logaddexp(0.0, -margins),
    "exponential": lambda margins: np.exp(-margins),
    "hinge": lambda margins: np.maximum(0.0, 1.0 - margins),
    "squared": lambda margins: 0.5 * (1.0 - margins) ** 2,
}


@dataclass(frozen=True)
class FirstStage(Shown):
    """Trigger: the end of the first stage, min ρ̄_{ỹ_i,r,i} ≥ c over samples and initially active filters.

    Observable ``rho_bar_active_min`` (Han et al. 2025, Theorem 4.1, whose Θ(1) is c).
    """

    c: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "c", validate.real("c", self.c, 0, above=True))

    def met(self, seen: Mapping[str, Array]) -> NDArray[np.bool_]:
        """At which of the steps seen it holds."""
        return seen["rho_bar_active_min"] >= self.c


@dataclass(frozen=True)
class LossBelow(Shown):
    """Trigger: training loss at most ``level``."""

    level: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "level", validate.real("level", self.level, 0))

    def met(self, seen: Mapping[str, Array]) -> NDArray[np.bool_]:
        """At which of the steps seen it holds."""
        return seen["train_loss"] <= self.level


@dataclass(frozen=True)
class AtStep(Shown):
    """Trigger: a step."""

    step: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "step", validate.integer("step", self.step, 0))

    def met(self, seen: Mapping[str, Array]) -> NDArray[np.bool_]:
        """At which of the steps seen it holds."""
        return seen["step"] >= self.step


@dataclass(frozen=True)
class BestValidation(Shown):
    """Trigger of :class:`EarlyStopping`: the step with the best accuracy on a held-out set.

    The set has ``samples`` fresh samples (yμ, ξ) of the problem's own distribution, drawn once from the run's seed. It
    is looked at every ``every`` steps; after ``patience`` looks without improvement, or at the end of the run, the
    state of the first best look is the result.

    Parameters
    ----------
    samples : int
    every : int
        Steps between two looks.
    patience : int
    labels : {"observed", "true"}
        Whether the held-out labels are flipped at the problem's rates, as those of training are.
    """

    samples: int = 1000
    every: int = 10
    patience: int = 20
    labels: str = "observed"

    def __post_init__(self) -> None:
        for name in ("samples", "every", "patience"):
            object.__setattr__(self, name, validate.integer(name, getattr(self, name), 1))
        validate.choice("labels", self.labels, ("observed", "true"))


Trigger = FirstStage | LossBelow | AtStep


def trigger(name: str, value: Any) -> Trigger:
    """A trigger from what users give for one: a step is short for AtStep."""
    if isinstance(value, FirstStage | LossBelow | AtStep):
        return value
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}={value!r}: must be a step, FirstStage(...) or LossBelow(...), not "
                        f"{type(value).__name__}")
    return AtStep(validate.integer(name, value, 0))


@dataclass(frozen=True)
class EarlyStopping(Shown):
    """Policy: stop early, with status "stopped".

    Parameters
    ----------
    at : FirstStage, LossBelow, BestValidation or int
        The end of the first stage (Han et al. 2025, Proposition 4.3), a training loss, the best accuracy on a
        held-out set, or a step.
    """

    at: Trigger | BestValidation | int

    def __post_init__(self) -> None:
        if not isinstance(self.at, BestValidation):
            object.__setattr__(self, "at", trigger("at", self.at))


@dataclass(frozen=True)
class SmallLossSelection(Shown):
    """Policy: at some step trust the samples of small loss, and go on training accordingly.

    From then on the loss is Σ_i ω_i ℓ(ε_i ỹ_i f_i)/Σ_i ω_i, where samples with ℓ(ỹ_i f_i) > ``threshold`` at that step
    are dropped (ω_i = 0), relabelled (ỹ_i turned, ω_i = 1) or down-weighted (ω_i = ``weight``); else ω_i = 1. Where the
    loss is a sum it is Σ_i ω_i ℓ(ε_i ỹ_i f_i). A batch, or a client, has the mean over its samples with ω_i as scaled
    over all: nω_i/Σ_j ω_j. ℓ is the problem's loss; log 2 is the logistic loss of a network that knows nothing, and
    separates at the end of the first stage (Han et al. 2025, Proposition 4.3). (At output 0 an exponential or hinge
    loss is 1, a squared one ½.)

    Parameters
    ----------
    at : FirstStage, LossBelow or int
    threshold : float
    action : {"drop", "relabel", "downweight"}
    weight : float
        In [0, 1], for "downweight".
    """

    at: Trigger | int
    threshold: float = float(np.log(2))
    action: str = "drop"
    weight: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", trigger("at", self.at))
        object.__setattr__(self, "threshold", validate.real("threshold", self.threshold, 0))
        validate.choice("action", self.action, ACTIONS)
        object.__setattr__(self, "weight", validate.real("weight", self.weight, 0, 1))

    def flag(self, margins: Array, noisy: NDArray[np.bool_], loss: str = "logistic") -> NDArray[np.bool_]:
        """Which samples are not trusted, from their margins ỹ_i f_i."""
        with np.errstate(over="ignore"):
            flagged: NDArray[np.bool_] = LOSS_VALUES[loss](margins) > self.threshold
        return flagged


@dataclass(frozen=True)
class OracleSelection(Shown):
    """Policy: the same, but the samples whose labels were flipped are known. What selection could gain at best."""

    at: Trigger | int
    action: str = "drop"
    weight: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", trigger("at", self.at))
        validate.choice("action", self.action, ACTIONS)
        object.__setattr__(self, "weight", validate.real("weight", self.weight, 0, 1))

    def flag(self, margins: Array, noisy: NDArray[np.bool_], loss: str = "logistic") -> NDArray[np.bool_]:
        """The samples with flipped labels."""
        return noisy


Policy = EarlyStopping | SmallLossSelection | OracleSelection


@dataclass(frozen=True, eq=False)
class BestSoFar:
    """What :class:`BestValidation` goes back to: the state of the best look so far.

    Attributes
    ----------
    step : int
    accuracy : float
        On the held-out set.
    state : tuple of arrays
        Inner products, coefficients, and all else that a step changes.
    weights : (2m, D) array or None
        Explicit weights, of the engines that keep them.
    """

    step: int
    accuracy: float
    state: tuple[NDArray[Any], ...]
    weights: Array | None


@dataclass(frozen=True, eq=False)
class Selection(Shown):
    """What a selection did.

    Attributes
    ----------
    step : int
        Before the update of this step.
    flagged : (n,) boolean array
        The samples not trusted.
    noisy : (n,) boolean array
        The samples whose labels were flipped: the truth.
    weight : (n,) array
        ω_i, scaled to mean 1 unless the loss is a sum.
    turned : (n,) array
        −1 for samples that were relabelled, else 1.
    """

    step: int
    flagged: NDArray[np.bool_]
    noisy: NDArray[np.bool_]
    weight: Array
    turned: Array

    @classmethod
    def of(cls, policy: SmallLossSelection | OracleSelection, step: int, margins: Array,
           noisy: NDArray[np.bool_], loss: str = "logistic", reduction: str = "mean") -> "Selection":
        """The selection that a policy makes of these margins."""
        flagged = policy.flag(margins, noisy, loss)
        weight = np.ones(flagged.size)
        if policy.action != "relabel":
            weight[flagged] = 0.0 if policy.action == "drop" else policy.weight
        total = weight.sum()
        scaled = weight * flagged.size / total if total > 0 and reduction == "mean" else weight
        turned = np.where(flagged & (policy.action == "relabel"), -1.0, 1.0)
        return cls(step, flagged, noisy, scaled, turned)

    @property
    def precision(self) -> float:
        """Share of flipped labels among the flagged samples; NaN when none is flagged."""
        return float(self.noisy[self.flagged].mean()) if self.flagged.any() else float("nan")

    @property
    def recall(self) -> float:
        """Share of flagged samples among those with flipped labels; NaN when there are none."""
        return float(self.flagged[self.noisy].mean()) if self.noisy.any() else float("nan")

    def __repr__(self) -> str:
        return (f"Selection(step={self.step}, flagged={int(self.flagged.sum())}, noisy={int(self.noisy.sum())}, "
                f"precision={self.precision:.3g}, recall={self.recall:.3g})")
