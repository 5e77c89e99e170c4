"""What is learned: linear regression by a two-layer linear network."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from theorysim.core import validate
from theorysim.core.html import Shown


@dataclass(frozen=True)
class LinearNetwork(Shown):
    """n inputs x ~ N(0, I_d), labels y = ⟨θ*, x⟩ + ε, ε = ±σ, and the network f(x) = aᵀWx of width m.

    W_ij(0) ~ N(0, 1/d) and a_i(0) ~ N(0, 1/m) (T. Zhang et al. 2026).

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
