"""Labels: fair coins, and which of them are flipped before training."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.core.seeds import Stream, generator

Array = NDArray[np.float64]


class Labelled(Protocol):
    """A problem whose labels are drawn."""

    @property
    def n(self) -> int:
        """Number of samples."""

    @property
    def flip_rates(self) -> tuple[float, float]:
        """Flip probabilities of the labels +1 and −1."""

    @property
    def flip_law(self) -> str:
        """ "independent" or "stratified"."""


def flip_rates(label_flip: Any) -> float | tuple[float, float]:
    """``label_flip`` as users give it, checked: a rate, or a pair of those of the two classes."""
    if isinstance(label_flip, tuple | list):
        if len(label_flip) != 2:
            raise ValueError(f"label_flip={label_flip!r}: must be a number or a pair (tau_plus, tau_minus)")
        plus, minus = (validate.real("label_flip", rate, 0, 1) for rate in label_flip)
        return (plus, minus)
    return validate.real("label_flip", label_flip, 0, 1)


def drawn_labels(problem: Labelled, seed: int) -> tuple[Array, Array]:
    """True and observed labels of a seed, (n,) each."""
    labels = np.where(generator(seed, Stream.LABELS).random(problem.n) < 0.5, -1.0, 1.0)
    flipped = _flipped(problem, labels, generator(seed, Stream.OBSERVED_LABELS).random(problem.n))
    return labels, np.where(flipped, -labels, labels)


def _flipped(problem: Labelled, labels: Array, uniform: Array) -> NDArray[np.bool_]:
    """Which labels are flipped before training, from one uniform number for each."""
    if problem.flip_law == "independent":
        return uniform < np.where(labels > 0, *problem.flip_rates)
    flipped = np.zeros(labels.size, dtype=bool)
    for label, rate in zip((1.0, -1.0), problem.flip_rates, strict=True):
        members = np.flatnonzero(labels == label)
        flipped[members[np.argsort(uniform[members])[: round(rate * members.size)]]] = True
    return flipped
