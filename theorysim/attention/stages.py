"""When an attention has selected, fitted and memorised."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theorysim.core.run import Times

SELECTED = 0.5  # softmax weight from which on a token counts as selected: more than all others together

Array = NDArray[np.float64]


@dataclass(frozen=True)
class AttentionTimes(Times):
    """When what happened, in steps, exact to the step; NaN for what did not.

    Attributes
    ----------
    selected : float
        First t at which the softmax weight on the relevant token is at least ½, mean over clean samples.
    memorised : float
        First t at which the observed labels of all flipped samples are predicted.
    fitted : float
        First t at which all observed labels are.
    """

    selected: float
    memorised: float
    fitted: float


def times_of(column: Callable[[str], Array]) -> AttentionTimes:
    """The times of a table that has a row for every step."""
    return AttentionTimes(
        _first(column("signal_weight_clean") >= SELECTED), _first(column("noisy_accuracy") >= 1),
        _first(column("train_error") <= 0),
    )


def _first(reached: NDArray[np.bool_]) -> float:
    return float(np.argmax(reached)) if reached.any() else float("nan")


TIMES = tuple(AttentionTimes.__dataclass_fields__)
