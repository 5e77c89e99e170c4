"""The bilevel rule: a step of gradient descent with weights that look one step ahead."""

from dataclasses import dataclass

from theorysim.core import validate
from theorysim.core.html import Shown

LOOK_AHEAD = ("exact", "none")


@dataclass(frozen=True)
class Reweighting(Shown):
    """Gradient descent on Σ_i w_i ½(f_i − y_i)², the weights by a gradient step on the clean loss one step ahead.

    Parameters
    ----------
    lr : float, optional
        η; by default ``lr_share``/λ_max(K_tt). Stable below 2/λ_max.
    lr_share : float
        c of the default of ``lr`` (inferred: 0.02).
    weight_lr : float, optional
        β in w ← clip_[0,1](w + βg); by default 0.1/median_i |(K_vtᵀ y^v)_i/m| (inferred).
    initial_weight : float
        w_i(0) in [0, 1].
    look_ahead : {"exact", "none"}
        Whether g takes the clean residuals after the step with the old weights, or those before it.
    clean_batch : int, optional
        Clean samples in the meta-gradient of a step, drawn without replacement; all by default.
    freeze_at : int or "t2", optional
        The weights stay as they are from this step on; "t2": from the first step t ≥ t1 at which the share of
        samples with sign g_i(t) = sign g_i(0) is below 0.9.
    reweight : bool
        False keeps the initial weights throughout.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """

    lr: float | None = None
    lr_share: float = 0.02
    weight_lr: float | None = None
    initial_weight: float = 0.5
    look_ahead: str = "exact"
    clean_batch: int | None = None
    freeze_at: int | str | None = None
    reweight: bool = True

    def __post_init__(self) -> None:
        if self.lr is not None:
            object.__setattr__(self, "lr", validate.real("lr", self.lr, 0, above=True))
        object.__setattr__(self, "lr_share", validate.real("lr_share", self.lr_share, 0, above=True))
        if self.weight_lr is not None:
            object.__setattr__(self, "weight_lr", validate.real("weight_lr", self.weight_lr, 0))
        object.__setattr__(self, "initial_weight", validate.real("initial_weight", self.initial_weight, 0, 1))
        validate.choice("look_ahead", self.look_ahead, LOOK_AHEAD)
        if self.clean_batch is not None:
            object.__setattr__(self, "clean_batch", validate.integer("clean_batch", self.clean_batch, 1))
        if isinstance(self.freeze_at, str):
            validate.choice("freeze_at", self.freeze_at, ("t2",))
        elif self.freeze_at is not None:
            object.__setattr__(self, "freeze_at", validate.integer("freeze_at", self.freeze_at, 0))
        object.__setattr__(self, "reweight", validate.flag("reweight", self.reweight))
