"""What is learned and how: linear regression by a two-layer linear network, SGD with label noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theorysim import _validate


@dataclass(frozen=True)
class LinearNetwork:
    """n inputs x ~ N(0, I_d), labels y = ⟨θ*, x⟩, and the network f(x) = aᵀWx of width m.

    W_ij(0) ~ N(0, 1/d) and a_i(0) ~ N(0, 1/m).

    Parameters
    ----------
    n : int
        Training samples.
    d : int
        Dimension.
    width : int
        Neurons m, at least d + 1; cost does not depend on it.
    target_norm : float
        ‖θ*‖; its direction is drawn uniformly.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """

    n: int
    d: int
    width: int
    target_norm: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", _validate.integer("n", self.n, 1))
        object.__setattr__(self, "d", _validate.integer("d", self.d, 1))
        object.__setattr__(self, "width", _validate.integer("width", self.width, self.d + 1, 2**53))
        object.__setattr__(self, "target_norm", _validate.real("target_norm", self.target_norm, 0, 1e100))

    def largest_stable_lr(self) -> float:
        """2d/((d + 2)m): a single-sample step with a larger η grows the initial network on average (derived)."""
        return 2 * self.d / ((self.d + 2) * self.width)


@dataclass(frozen=True)
class LinearSGD:
    """Stochastic gradient descent on ½(f − y − ε)², ε = ±σ afresh for every sample of every step.

    Parameters
    ----------
    lr : float
        η.
    label_noise_std : float
        σ; 0 for none.
    batch : int or "full"
        Samples of a step, drawn with replacement; "full" takes every sample once.
    period : int, optional
        Label noise on for so many steps, off for as many, and so on; always on by default.
    sam_radius : float
        ρ of sharpness-aware minimisation, for single samples; 0 for none.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """

    lr: float
    label_noise_std: float = 0.0
    batch: int | str = 1
    period: int | None = None
    sam_radius: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "lr", _validate.real("lr", self.lr, 0, above=True))
        noise = _validate.real("label_noise_std", self.label_noise_std, 0)
        object.__setattr__(self, "label_noise_std", noise)
        object.__setattr__(self, "sam_radius", _validate.real("sam_radius", self.sam_radius, 0))
        if isinstance(self.batch, str):
            _validate.choice("batch", self.batch, ("full",))
        else:
            object.__setattr__(self, "batch", _validate.integer("batch", self.batch, 1))
        if self.period is not None:
            object.__setattr__(self, "period", _validate.integer("period", self.period, 1))
        if self.sam_radius > 0 and self.batch != 1:
            raise ValueError(f"batch={self.batch!r}: must be 1 with sam_radius={self.sam_radius:g}")

    def noise_on(self, steps: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether the label noise is on at these steps."""
        if self.period is None:
            return np.ones(steps.size, dtype=bool)
        return (steps // self.period) % 2 == 0
