"""Activations σ of the patch network, and what else a network is told: loss, and the second layer."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypedDict, get_args

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.core.html import Shown
from theorysim.patch.kernels import activation as kernel
from theorysim.patch.kernels import loss

Array = NDArray[np.float64]
LOSSES = {"logistic": loss.LOGISTIC, "exponential": loss.EXPONENTIAL, "hinge": loss.HINGE, "squared": loss.SQUARED}
REDUCTIONS = ("mean", "sum")


class _Shape(Shown):
    """An activation as a kernel takes it: which one, and two numbers."""

    KIND: ClassVar[int]

    @property
    def numbers(self) -> tuple[float, float]:
        """Its numbers, 0 where there is none."""
        given = [float(value) for value in vars(self).values()]
        first, second = (*given, 0.0, 0.0)[:2]
        return first, second

    def __call__(self, z: Any) -> Array:
        """σ(z) of an array of any shape."""
        values: Array = np.vectorize(lambda one: kernel.activate(self.KIND, *self.numbers, one)[0], otypes=[float])(z)
        return values


@dataclass(frozen=True)
class PowerReLU(_Shape):
    """max(0, z)^q, q ≥ 1, with σ'(0) = 0: what ``q=`` stands for; 1 is ReLU."""

    q: float = 2.0
    KIND: ClassVar[int] = kernel.POWER

    def __post_init__(self) -> None:
        object.__setattr__(self, "q", validate.real("q", self.q, 1, 100))

    def __str__(self) -> str:
        """As it is given."""
        return f"q={self.q:g}"

    def __call__(self, z: Any) -> Array:
        """σ(z) of an array of any shape."""
        values: Array = np.where(z > 0, np.abs(z), 0.0) ** self.q
        return values


@dataclass(frozen=True)
class SignedPower(_Shape):
    """|z|^q sign z, q ≥ 1."""

    q: float
    KIND: ClassVar[int] = kernel.SIGNED

    def __post_init__(self) -> None:
        object.__setattr__(self, "q", validate.real("q", self.q, 1, 100))


@dataclass(frozen=True)
class Monomial(_Shape):
    """z^q, q a whole number ≥ 1: 3 is the cubic activation of several feature-learning papers."""

    q: int
    KIND: ClassVar[int] = kernel.MONOMIAL

    def __post_init__(self) -> None:
        object.__setattr__(self, "q", validate.integer("q", self.q, 1, 100))


@dataclass(frozen=True)
class LeakyReLU(_Shape):
    """z for z > 0, else slope·z, with σ'(0) = slope."""

    slope: float = 0.1
    KIND: ClassVar[int] = kernel.LEAKY

    def __post_init__(self) -> None:
        object.__setattr__(self, "slope", validate.real("slope", self.slope, 0, 1))


@dataclass(frozen=True)
class HuberisedReLU(_Shape):
    """0 for z ≤ 0, z^q/(q h^(q−1)) up to h, z − h(1 − 1/q) above: a power, then linear, with a continuous slope."""

    q: float = 2.0
    h: float = 1.0
    KIND: ClassVar[int] = kernel.HUBERISED

    def __post_init__(self) -> None:
        object.__setattr__(self, "q", validate.real("q", self.q, 1, 100))
        object.__setattr__(self, "h", validate.real("h", self.h, 0, above=True))


@dataclass(frozen=True)
class SmoothedLeakyReLU(_Shape):
    """Leaky ReLU less (1 − slope)h/4, but a parabola for |z| ≤ h: (1 − slope)z²/(4h) + (1 + slope)z/2.

    Frei et al. 2022; continuous with its slope.
    """

    slope: float = 0.1
    h: float = 1.0
    KIND: ClassVar[int] = kernel.SMOOTHED

    def __post_init__(self) -> None:
        object.__setattr__(self, "slope", validate.real("slope", self.slope, 0, 1))
        object.__setattr__(self, "h", validate.real("h", self.h, 0, above=True))


@dataclass(frozen=True)
class Identity(_Shape):
    """z: a linear network."""

    KIND: ClassVar[int] = kernel.IDENTITY


@dataclass(frozen=True)
class Erf(_Shape):
    """erf(z/√2)."""

    KIND: ClassVar[int] = kernel.ERF


@dataclass(frozen=True)
class Softplus(_Shape):
    """log(1 + e^(βz))/β."""

    beta: float = 1.0
    KIND: ClassVar[int] = kernel.SOFTPLUS

    def __post_init__(self) -> None:
        object.__setattr__(self, "beta", validate.real("beta", self.beta, 0, above=True))


Activation = (PowerReLU | SignedPower | Monomial | LeakyReLU | HuberisedReLU | SmoothedLeakyReLU | Identity | Erf
              | Softplus)
ACTIVATIONS: tuple[type, ...] = get_args(Activation)


class NetworkFields(TypedDict, total=False):
    """The fields of :class:`Network` as keywords."""

    activation: Activation | None
    loss: str
    reduction: str
    readout: tuple[float, ...] | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Network(Shown):
    """What a network is told beside its size: fields that every problem of the patch network has.

    Parameters
    ----------
    activation : PowerReLU, LeakyReLU, ... or None
        σ; None is max(0, z)^q with the problem's ``q``.
    loss : {"logistic", "exponential", "hinge", "squared"}
        ℓ of the margin z: log(1 + e^(−z)), e^(−z), max(0, 1 − z) with ℓ'(1) = 0, (1 − z)²/2.
    reduction : {"mean", "sum"}
        Whether the loss of a step is the mean over its samples or their sum. The observable ``train_loss`` is a mean.
    readout : sequence of 2m numbers, optional
        Second layer; 1/m for the filters of branch j = +1 and −1/m for the others by default.
    """

    activation: Activation | None = None
    loss: str = "logistic"
    reduction: str = "mean"
    readout: tuple[float, ...] | None = None

    def check_network(self, m: int, q: float) -> None:
        """Raise TypeError or ValueError unless these go together."""
        validate.choice("loss", self.loss, tuple(LOSSES))
        validate.choice("reduction", self.reduction, REDUCTIONS)
        if self.activation is not None:
            validate.instance("activation", self.activation, ACTIVATIONS)
            if q != 2:
                raise ValueError(f"q={q!r}: must be left at 2 with activation={self.activation!r}, give only one of "
                                 "them")
        if self.readout is not None:
            if not isinstance(self.readout, Sequence | np.ndarray):
                raise TypeError(f"readout={self.readout!r}: must be a sequence of 2m={2 * m} numbers, not "
                                f"{type(self.readout).__name__}")
            object.__setattr__(self, "readout", tuple(validate.array("readout", self.readout, 2 * m).tolist()))

    def sigma_of(self, q: float) -> Activation:
        """The activation of a network with this q."""
        return PowerReLU(q) if self.activation is None else self.activation

    def second_layer(self, m: int) -> Array:
        """(2m,) the readout."""
        if self.readout is None:
            return np.repeat([1.0 / m, -1.0 / m], m)
        return np.array(self.readout)

    def told(self) -> str:
        """For a repr: what is not at its default, with a comma before each."""
        return "".join(f", {one.name}={getattr(self, one.name)!r}" for one in fields(Network)
                       if getattr(self, one.name) != one.default)

    @property
    def is_standard(self) -> bool:
        """Whether it is the network that papers speak of: a power of a ReLU, mean logistic loss, ±1/m."""
        return (self.activation, self.loss, self.reduction, self.readout) == (None, "logistic", "mean", None)
