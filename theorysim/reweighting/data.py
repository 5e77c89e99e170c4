"""Where the samples come from: the patch model, the bundled digits, or arrays of the user."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.core.html import Shown
from theorysim.core.seeds import Stream, generator

GENERATED_TESTS = 1000  # test samples, unless another number is asked for

Array = NDArray[np.float64]


class Sizes(NamedTuple):
    """Numbers of training, clean and test samples, and whether the clean labels are to be balanced."""

    train: int
    clean: int
    test: int
    balanced: bool

    def positive(self) -> int:
        """Clean samples labelled +1 of a balanced set: half of them, rounded up."""
        return (self.clean + 1) // 2


class Samples(NamedTuple):
    """Inputs and true labels: training, clean and test samples one after the other."""

    inputs: Array
    labels: Array


@dataclass(frozen=True)
class SignalNoiseImages(Shown):
    """Two patches as one flat input, x = [y·μ ; ξ]: y = ±1 with equal odds, ξ ~ N(0, σ² I_d), x in R^(2d).

    Parameters
    ----------
    d : int
        Dimension of a patch.
    signal_norm : float
        ‖μ‖; its direction is drawn uniformly.
    noise_std : float
        σ; the noise patch has norm about σ√d, 0.4 of the signal's by default.
    unit_norm : bool
        Divide every input by its norm.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """

    d: int = 100
    signal_norm: float = 1.0
    noise_std: float = 0.04
    unit_norm: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "d", validate.integer("d", self.d, 1))
        object.__setattr__(self, "signal_norm", validate.real("signal_norm", self.signal_norm, 0, 1e100))
        object.__setattr__(self, "noise_std", validate.real("noise_std", self.noise_std, 0, 1e100))
        object.__setattr__(self, "unit_norm", validate.flag("unit_norm", self.unit_norm))

    def available(self) -> None:
        """As many samples as are asked for."""

    def draw(self, sizes: Sizes, seed: int) -> Samples:
        """Fresh samples."""
        rng = generator(seed, Stream.REWEIGHTING_DATA)
        signal = rng.standard_normal(self.d)
        signal *= self.signal_norm / np.linalg.norm(signal)
        count = sizes.train + sizes.clean + sizes.test
        labels = rng.choice([-1.0, 1.0], count)
        if sizes.balanced:
            half = np.arange(sizes.clean) < sizes.positive()
            labels[sizes.train : sizes.train + sizes.clean] = np.where(half, 1.0, -1.0)
        noise = self.noise_std * rng.standard_normal((count, self.d))
        return Samples(_scaled(np.concatenate([labels[:, None] * signal, noise], axis=1), self.unit_norm), labels)


@dataclass(frozen=True, eq=False)
class LabelledArrays(Shown):
    """Any inputs and their true labels, of which training, clean and test samples are drawn without replacement.

    Parameters
    ----------
    inputs : (N, d) array
    labels : (N,) array of ±1
    centre : bool
        Subtract the mean of the training inputs.
    unit_norm : bool
        Then divide every input by its norm.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """

    inputs: Array = field(repr=False)
    labels: Array = field(repr=False)
    centre: bool = False
    unit_norm: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", validate.array("inputs", self.inputs, None, None))
        object.__setattr__(self, "labels", validate.signs("labels", self.labels, len(self.inputs)))
        object.__setattr__(self, "centre", validate.flag("centre", self.centre))
        object.__setattr__(self, "unit_norm", validate.flag("unit_norm", self.unit_norm))

    def available(self) -> int:
        """The number of samples N."""
        return len(self.labels)

    def draw(self, sizes: Sizes, seed: int) -> Samples:
        """Some of the samples in random order, the clean ones first come, first served.

        Raises
        ------
        ValueError
            When there are too few of one label for a balanced clean set.
        """
        order = generator(seed, Stream.REWEIGHTING_DATA).permutation(self.available())
        clean = order[: sizes.clean]
        if sizes.balanced:
            wanted = {1: sizes.positive(), -1: sizes.clean - sizes.positive()}
            sides = [order[self.labels[order] == label][:count] for label, count in wanted.items()]
            clean = np.concatenate(sides)
            if clean.size < sizes.clean:
                raise ValueError(f"clean={sizes.clean}: the data has {sides[0].size} samples of label +1 and "
                                 f"{sides[1].size} of -1 for it, must have {wanted[1]} and {wanted[-1]} to be balanced")
        rest = order[~np.isin(order, clean)]
        chosen = np.concatenate([rest[: sizes.train], clean, rest[sizes.train : sizes.train + sizes.test]])
        inputs = self.inputs[chosen]
        if self.centre:
            inputs = inputs - inputs[: sizes.train].mean(axis=0)
        return Samples(_scaled(inputs, self.unit_norm), self.labels[chosen])


@dataclass(frozen=True)
class Digits(Shown):
    """Handwritten digits, 8×8 pixels in [0, 1], bundled with scikit-learn: one set of digits against another.

    Parameters
    ----------
    positive, negative : sequences of digits 0..9, without a common member
        Labels +1 and −1; odd against even by default.
    centre, unit_norm : bool
        Subtract the mean of the training inputs, then divide every input by its norm. (Inferred: with both the
        figures of the theory come out.)

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    ImportError
        When samples are needed and scikit-learn is missing.
    """

    positive: tuple[int, ...] = (1, 3, 5, 7, 9)
    negative: tuple[int, ...] = (0, 2, 4, 6, 8)
    centre: bool = True
    unit_norm: bool = True

    def __post_init__(self) -> None:
        for name in ("positive", "negative"):
            value = getattr(self, name)
            digits = (value,) if isinstance(value, int) and not isinstance(value, bool) else value
            chosen = tuple(int(k) for k in validate.indices(name, digits, 10, None))
            if not chosen:
                raise ValueError(f"{name}={value!r}: must have at least one digit in [0, 9]")
            object.__setattr__(self, name, chosen)
        common = set(self.positive) & set(self.negative)
        if common:
            raise ValueError(f"negative={self.negative}: must not contain {min(common)}, which is in positive")
        object.__setattr__(self, "centre", validate.flag("centre", self.centre))
        object.__setattr__(self, "unit_norm", validate.flag("unit_norm", self.unit_norm))

    def available(self) -> int:
        """The number of images of these digits."""
        return self._arrays().available()

    def draw(self, sizes: Sizes, seed: int) -> Samples:
        """Some of the images, as :meth:`LabelledArrays.draw`."""
        return self._arrays().draw(sizes, seed)

    def _arrays(self) -> LabelledArrays:
        try:
            from sklearn.datasets import load_digits
        except ImportError:
            raise ImportError("the digits need scikit-learn: pip install scikit-learn") from None
        pixels, digits = load_digits(return_X_y=True)
        chosen = np.isin(digits, self.positive + self.negative)
        labels = np.where(np.isin(digits[chosen], self.positive), 1.0, -1.0)
        return LabelledArrays(pixels[chosen] / 16, labels, self.centre, self.unit_norm)


Data = SignalNoiseImages | Digits | LabelledArrays


def _scaled(inputs: Array, unit_norm: bool) -> Array:
    """Inputs divided by their norms if asked; zero stays zero."""
    if not unit_norm:
        return inputs
    norms = np.linalg.norm(inputs, axis=1, keepdims=True)
    scaled: Array = inputs / np.where(norms > 0, norms, 1)
    return scaled
