"""How it is learned: gradient descent, and the laws of per-step label noise."""

from dataclasses import dataclass
from typing import Any, Self, get_args

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.core.plain import is_plain
from theorysim.patch.kernels.layout import Rule
from theorysim.patch.problem import SignalNoise


@dataclass(frozen=True)
class Flip:
    """Label flips: ε = −1 with probability p, else 1 (Huang et al. 2025, Algorithm 1)."""

    p: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "p", validate.real("p", self.p, 0, 1))

    def sample(self, rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
        """Multipliers for shape = (steps, n)."""
        below = rng.random(shape)
        below -= self.p
        return np.copysign(1.0, below, out=below)  # in place: some runs spend their time here


@dataclass(frozen=True)
class Gaussian:
    """Gaussian multipliers: ε ~ N(mean, std²) (Huang et al. 2025, Appendix G)."""

    mean: float
    std: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", validate.real("mean", self.mean))
        object.__setattr__(self, "std", validate.real("std", self.std, 0))

    def sample(self, rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
        """Multipliers for shape = (steps, n)."""
        return self.mean + self.std * rng.standard_normal(shape)


@dataclass(frozen=True)
class Uniform:
    """Uniform multipliers: ε ~ U[low, high] (Huang et al. 2025, Appendix G)."""

    low: float
    high: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "low", validate.real("low", self.low))
        object.__setattr__(self, "high", validate.real("high", self.high, self.low))
        if not np.isfinite(self.high - self.low):
            raise ValueError(f"high={self.high!r}: must be such that high - low is finite, with low={self.low!r}")

    def sample(self, rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
        """Multipliers for shape = (steps, n)."""
        return self.low + (self.high - self.low) * rng.random(shape)


LabelNoise = Flip | Gaussian | Uniform
LAWS: tuple[type, ...] = get_args(LabelNoise)


@dataclass(frozen=True)
class GradientDescent:
    r"""Full-batch gradient descent on (1/n) Σ ℓ(ε_i ỹ_i f(x_i)), ℓ(z) = log(1 + e^{−z}).

    Parameters
    ----------
    lr : float
        Learning rate η > 0; a step adds −η ∇ to the weights.
    label_noise : Flip, Gaussian, Uniform or None
        Law of the multipliers ε_i, drawn afresh and independently for every sample
        at every step. None is standard gradient descent, ε_i = 1.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """

    lr: float
    label_noise: LabelNoise | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "lr", validate.real("lr", self.lr, 0, above=True))
        if self.label_noise is not None:
            validate.instance("label_noise", self.label_noise, LAWS)

    @classmethod
    def from_kappa(cls, problem: SignalNoise, kappa: float, label_noise: LabelNoise | None = None, **rest: Any) -> Self:
        """The algorithm whose learning rate is κnm/(σ_p²d) at a problem: :meth:`SignalNoise.kappa` gives κ back.

        Parameters
        ----------
        problem : SignalNoise
        kappa : float
            κ > 0. Nothing but the step in units of the memory's own: up to ½ no label flip can kill a memory.
        label_noise, **rest
            The other fields.

        Raises
        ------
        TypeError, ValueError
            Naming the argument, its value and the range allowed.
        """
        validate.instance("problem", problem, (SignalNoise,))
        return cls(problem.lr_at(kappa), label_noise, **rest)

    def is_plain(self, *free: str) -> bool:
        """Whether nothing but ``lr`` and ``label_noise`` (and ``free``) is set: the rule that papers speak of."""
        return is_plain(self, GradientDescent, "lr", "label_noise", *free)

    def rule(self) -> Rule:
        """The numbers that the kernel's step needs."""
        return Rule(self.lr)
