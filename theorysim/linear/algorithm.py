"""How it is learned: SGD with label noise, sharpness-aware or not."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.core.html import Shown
from theorysim.core.plain import is_plain
from theorysim.linear.problem import LinearNetwork

SAM_TERMS = ("both", "shrink", "oscillation")
# Optimisers that people ask for and that do not stay in the span of the start, with the reason.
NOT_CLOSED = {
    "adam": "divides every entry of the gradient by a size of its own",
    "sign-sgd": "takes the sign of every entry of the gradient",
}


@dataclass(frozen=True)
class LinearSGD(Shown):
    """Stochastic gradient descent on ½(f(x) − y)² for both layers, with or without the labels' noise.

    Parameters
    ----------
    lr : float
        η.
    batch : int or "full"
        Samples of a step, drawn with replacement; "full" takes every sample once.
    label_noise : bool
        Whether labels carry the problem's noise ε = ±σ.
    period : int, optional
        Label noise on for so many steps, off for as many, and so on; always on by default.
    sam_radius : float
        ρ of sharpness-aware minimisation, which takes the gradient at M + ρ∇/‖∇‖ (M both layers); 0 for none.
    sam_terms : {"both", "shrink", "oscillation"}
        Its step is W ← W − η(a + κWv)v′ᵀ, a ← a − η(Wv′ + κa⟨v, v′⟩) with κ = ρ/‖∇‖, v the batch's mean of g x and v′
        the same at the perturbed point (derived). "shrink" has v for v′ where κ is not, "oscillation" lacks the terms
        with κ.
    optimizer : {"sgd"}
        Nothing else stays exact at every width, see :data:`NOT_CLOSED`.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """

    lr: float
    batch: int | str = 1
    label_noise: bool = True
    period: int | None = None
    sam_radius: float = 0.0
    sam_terms: str = "both"
    optimizer: str = "sgd"

    def __post_init__(self) -> None:
        object.__setattr__(self, "lr", validate.real("lr", self.lr, 0, above=True))
        if isinstance(self.batch, str):
            validate.choice("batch", self.batch, ("full",))
        else:
            object.__setattr__(self, "batch", validate.integer("batch", self.batch, 1))
        object.__setattr__(self, "label_noise", validate.flag("label_noise", self.label_noise))
        if self.period is not None:
            object.__setattr__(self, "period", validate.integer("period", self.period, 1))
        object.__setattr__(self, "sam_radius", validate.real("sam_radius", self.sam_radius, 0))
        validate.choice("sam_terms", self.sam_terms, SAM_TERMS)
        if self.optimizer in NOT_CLOSED:
            raise ValueError(
                f"optimizer={self.optimizer!r}: {NOT_CLOSED[self.optimizer]}, so a step depends on more than Q = MᵀM "
                "of M = [W | a] and there is no network of width d + 1 that stands for a wide one; must be 'sgd'")
        validate.choice("optimizer", self.optimizer, ("sgd",))

    def is_plain(self, *free: str) -> bool:
        """Whether nothing but ``lr`` and ``label_noise`` (and ``free``) is set: single samples, label noise or none."""
        return is_plain(self, LinearSGD, "lr", "label_noise", *free)

    def noise_on(self, steps: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether labels are noisy at these steps."""
        if not self.label_noise or self.period is None:
            return np.full(steps.shape, self.label_noise)
        return (steps // self.period) % 2 == 0

    def samples(self, problem: LinearNetwork) -> int:
        """Samples of a step."""
        return problem.n if isinstance(self.batch, str) else self.batch
