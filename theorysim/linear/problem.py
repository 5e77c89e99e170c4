"""What is learned and how: linear regression by a two-layer linear network, SGD with label noise."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate

# Optimisers that people ask for and that do not stay in the span of the start, with the reason.
NOT_CLOSED = {
    "adam": "divides every entry of the gradient by a size of its own",
    "sign-sgd": "takes the sign of every entry of the gradient",
}


@dataclass(frozen=True)
class LinearNetwork:
    """n inputs x ~ N(0, I_d), labels y = ⟨θ*, x⟩ + ε, ε = ±σ, and the network f(x) = aᵀWx of width m.

    W_ij(0) ~ N(0, 1/d) and a_i(0) ~ N(0, 1/m) (Zhang et al. 2026).

    Parameters
    ----------
    n : int
        Training samples.
    d : int
        Dimension.
    width : int
        Neurons m; beyond d + 1 the cost does not depend on it.
    target_norm : float
        ‖θ*‖, its direction being drawn uniformly; 1 by default. The paper does not give it.
    target : sequence of d floats, optional
        θ* itself, in place of its norm.
    label_noise_std : float
        σ, drawn afresh for every label at every step that an algorithm takes with label noise; 0 for none.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """

    n: int
    d: int
    width: int
    target_norm: float | None = None
    target: tuple[float, ...] | None = None
    label_noise_std: float = 0.0

    def __post_init__(self) -> None:
        for name, most in (("n", None), ("d", None), ("width", 2**53)):
            object.__setattr__(self, name, validate.integer(name, getattr(self, name), 1, most))
        noise = validate.real("label_noise_std", self.label_noise_std, 0, 1e100)
        object.__setattr__(self, "label_noise_std", noise)
        norm = self.target_norm
        norm = None if norm is None else validate.real("target_norm", norm, 0, 1e100)
        if self.target is not None:
            target = validate.array("target", self.target, self.d)
            object.__setattr__(self, "target", tuple(target.tolist()))
            own = float(np.linalg.norm(target))
            if norm is not None and norm != own:
                raise ValueError(f"target_norm={norm!r}: give target or target_norm; the target's own is {own!r}")
            norm = own
        object.__setattr__(self, "target_norm", 1.0 if norm is None else norm)

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed; a new ``target`` or ``target_norm`` takes the place of both."""
        if {"target", "target_norm"} & set(changes):
            changes = {"target": None, "target_norm": None} | changes
        return replace(self, **changes)

    def largest_stable_lr(self) -> float:
        """2d/((d + 2)m): a single-sample step with a larger η grows the initial network on average (derived)."""
        return 2 * self.d / ((self.d + 2) * self.width)


@dataclass(frozen=True)
class LinearSGD:
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

    def noise_on(self, steps: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether labels are noisy at these steps."""
        if not self.label_noise or self.period is None:
            return np.full(steps.shape, self.label_noise)
        return (steps // self.period) % 2 == 0

    def samples(self, problem: LinearNetwork) -> int:
        """Samples of a step."""
        return problem.n if isinstance(self.batch, str) else self.batch


SAM_TERMS = ("both", "shrink", "oscillation")
