"""How it is learned: gradient descent and what it may be told besides, and the laws of per-step label noise."""

from dataclasses import KW_ONLY, dataclass, fields
from typing import Any, Self, get_args

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.core.html import Shown
from theorysim.core.plain import is_plain
from theorysim.patch import schedules
from theorysim.patch.kernels.layout import Rule
from theorysim.patch.problem import SignalNoise
from theorysim.patch.schedules import Schedule, Until


@dataclass(frozen=True)
class Flip(Shown):
    """Label flips: ε = −1 with probability p, else 1 (Huang et al. 2025, Algorithm 1).

    p is a number in [0, 1] or a schedule of such, of the run's steps.
    """

    p: float | Any  # or a schedule

    def __post_init__(self) -> None:
        object.__setattr__(self, "p", schedules.checked("p", self.p, 1))

    @property
    def length(self) -> int:
        """How many steps it speaks of."""
        return schedules.length(self.p)

    def sample(self, rng: np.random.Generator, shape: tuple[int, int], first: int = 0) -> NDArray[np.float64]:
        """Multipliers for shape = (steps, n), the first row for step ``first``."""
        below = rng.random(shape)
        below -= self.p if isinstance(self.p, float) else _column(self.p, first, shape[0])
        return np.copysign(1.0, below, out=below)  # in place: some runs spend their time here


@dataclass(frozen=True)
class Gaussian(Shown):
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
class Uniform(Shown):
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


def _column(p: Schedule, first: int, steps: int) -> NDArray[np.float64]:
    """(steps, 1) its values; before its first step and beyond its end, where nothing is asked for, the nearest one."""
    return p.at(np.clip(np.arange(first, first + steps), 0, schedules.length(p) - 1))[:, None]


LabelNoise = Flip | Gaussian | Uniform
LAWS: tuple[type, ...] = get_args(LabelNoise)


@dataclass(frozen=True)
class GradientDescent(Shown):
    r"""Gradient descent on (1/n) Σ ℓ(ε_i ỹ_i f(x_i)), full-batch unless ``batch_size`` says otherwise.

    With g = ∇L of a step, a step adds −η g to the weights w, or what the options below make of it, in this order: the
    batch, the labels' noise and smoothing, the mask and the point at which g is taken; its length; weight decay and
    momentum; noise on the weights. Names and conventions of momentum, decay and their order are those of
    ``torch.optim.SGD``. Whatever is set, weights stay in α w(0) + the span of the data.

    Parameters
    ----------
    lr : float, schedule or array
        Learning rate η > 0, or what it is at every step: :class:`Constant`, :class:`Warmup`, :class:`Cosine`,
        :class:`Exponential`, :class:`Steps`, :class:`Until`, or an array of values.
    label_noise : Flip, Gaussian, Uniform, Until or None
        Law of the multipliers ε_i, drawn afresh and independently for every sample
        at every step. None is standard gradient descent, ε_i = 1. ``Until(150, Flip(.1))`` ends it at a step.
    batch_size : int, optional
        Samples B in the loss of a step, with 1/B for 1/n. An epoch goes once through a fresh permutation; its last
        batch may be smaller.
    replacement : bool
        Whether every batch is drawn by itself, with replacement.
    momentum, dampening : float
        μ and τ in [0, 1): velocity u ← μ u + (1 − τ)(g + λ w), w −= η u; the first u is g + λ w.
    nesterov : bool
        w −= η (g + λ w + μ u) instead; needs momentum and no dampening.
    weight_decay : float
        λ ≥ 0.
    label_smoothing : float
        a in [0, 1]: the loss is (1 − a/2) ℓ(z) + (a/2) ℓ(−z). Its pull is the mean of that of flips with p = a/2.
    clip_norm : float, optional
        Largest norm c > 0 of the gradient, over all weights: g ← g·min(1, c/‖g‖).
    normalised : bool
        g ← g/‖g‖; a gradient of norm 0 stays.
    sam_radius : float
        ρ ≥ 0: g is taken at w + ρ ∇L(w)/‖∇L(w)‖, on the same batch under the same noise and mask (Foret et al. 2021).
    dropout : float
        r in [0, 1): at every step each filter is left out with probability r, the others count 1/(1 − r). What is
        observed is the whole network.
    weight_noise : float
        Standard deviation ς ≥ 0 of a Gaussian added to every weight after every step. Closed in law.
    clients, local_steps : int
        C > 1 clients with weights of their own, each with the samples i of one i mod C and their loss: each makes the
        steps of the rule (without mini-batches), and every ``local_steps`` their weights are averaged. The run shows
        the average of every step.
    train_readout : bool
        Whether the second layer is trained too, by the same rule.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed, or what it needs besides.
    """

    lr: float | Any  # or a schedule, which checked() sees to; code that takes a number asks is_plain() first
    label_noise: LabelNoise | Any | None = None
    _: KW_ONLY
    batch_size: int | None = None
    replacement: bool = False
    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    clip_norm: float | None = None
    normalised: bool = False
    sam_radius: float = 0.0
    dropout: float = 0.0
    weight_noise: float = 0.0
    train_readout: bool = False
    clients: int = 1
    local_steps: int = 1

    def __post_init__(self) -> None:
        checked: dict[str, Any] = {"lr": schedules.checked("lr", self.lr, above=True)}
        if self.label_noise is not None:
            _check_label_noise("label_noise", self.label_noise)
        for name in ("momentum", "dampening", "dropout"):
            checked[name] = validate.real(name, getattr(self, name), 0, 1, below=True)
        for name in ("weight_decay", "sam_radius", "weight_noise"):
            checked[name] = validate.real(name, getattr(self, name), 0)
        checked["label_smoothing"] = validate.real("label_smoothing", self.label_smoothing, 0, 1)
        for name in ("replacement", "nesterov", "normalised", "train_readout"):
            checked[name] = validate.flag(name, getattr(self, name))
        for name in ("clients", "local_steps"):
            checked[name] = validate.integer(name, getattr(self, name), 1)
        if self.batch_size is not None:
            checked["batch_size"] = validate.integer("batch_size", self.batch_size, 1)
        if self.clip_norm is not None:
            checked["clip_norm"] = validate.real("clip_norm", self.clip_norm, 0, above=True)
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        for name, needs, why in (
            ("replacement", self.batch_size is not None, "it is of batches, give batch_size"),
            ("dampening", self.momentum > 0, "without momentum there is nothing to dampen"),
            ("nesterov", self.momentum > 0 and self.dampening == 0, "it needs momentum > 0 and dampening=0"),
            ("normalised", self.clip_norm is None, "a gradient of norm 1 has nothing to clip; clip_norm must be None"),
            ("weight_noise", not (self.momentum and self.weight_decay),
             "with momentum and weight_decay at once it is closed but not built; set one of them to 0"),
            ("batch_size", self.clients == 1, "a client takes all of its samples; clients must be 1"),
            ("weight_noise", self.clients == 1, "with clients it is closed but not built; clients must be 1"),
        ):
            if getattr(self, name) and not needs:
                raise ValueError(f"{name}={getattr(self, name)!r}: {why}")
        if self.local_steps > 1 and self.clients == 1:
            raise ValueError(f"local_steps={self.local_steps!r}: must be 1 without clients, whose weights it averages")

    @classmethod
    def from_kappa(
        cls, problem: SignalNoise, kappa: float, label_noise: LabelNoise | Until | None = None, **rest: Any
    ) -> Self:
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
        """Whether nothing but a number ``lr`` and a law ``label_noise`` (and ``free``) is set: what papers speak of."""
        law = self.label_noise
        constant = isinstance(self.lr, float) and (law is None or (
            isinstance(law, LAWS) and all(isinstance(value, float) for value in vars(law).values())))
        return constant and is_plain(self, GradientDescent, "lr", "label_noise", *free)

    @property
    def only_descends(self) -> bool:
        """Whether a step is −η ∇L of all samples, whatever η and the labels' noise are at it."""
        unused = (getattr(self, one.name) == one.default for one in fields(GradientDescent) if one.kw_only)
        return type(self).rule is GradientDescent.rule and all(unused)

    def rule(self) -> Rule:
        """The numbers that the kernel's step needs."""
        return Rule(
            self.label_smoothing, np.inf if self.clip_norm is None else self.clip_norm, self.normalised,
            self.sam_radius, self.weight_decay, self.momentum, self.dampening, self.nesterov, self.train_readout)

    def __repr__(self) -> str:
        """Only what is not at its default."""
        told = [f"{one.name}={getattr(self, one.name)!r}" for one in fields(self)
                if one.name in ("lr", "label_noise") or getattr(self, one.name) != one.default]
        return f"{type(self).__name__}({', '.join(told)})"


def _check_label_noise(name: str, law: Any) -> None:
    if isinstance(law, Until):
        for part in ("first", "then"):
            if getattr(law, part) is not None:
                _check_label_noise(f"{name}.{part}", getattr(law, part))
    else:
        validate.instance(name, law, LAWS)
