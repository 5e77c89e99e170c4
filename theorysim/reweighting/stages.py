"""When weights separate, when outputs have grown, and when the signs of the meta-gradient change."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theorysim.core.run import Times
from theorysim.reweighting.kernel import HALF, STEADY

POLARISED = 0.9  # t_pol: share of the largest separation of the weights

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ReweightingTimes(Times):
    """The times that bound the phases (derived), in steps, exact to the step; NaN for what is not reached.

    Attributes
    ----------
    t_pol : float
        First t with w̄_clean − w̄_noisy at least 0.9 of its largest value, which is positive.
    t1 : float
        First t with max |f| over training and clean samples at least ½: the end of alignment.
    t2 : float
        First t ≥ t1 with the share of i with sign g_i(t) = sign g_i(0) below 0.9: the end of filtering. It needs no
        true labels.
    """

    t_pol: float
    t1: float
    t2: float


def times_of(series: Array) -> ReweightingTimes:
    """The times of ``ReweightingRun.series``, (steps + 1, 4)."""
    apart = series[:, 0] - series[:, 1]
    largest = float(apart.max())
    grown = series[:, 2] >= HALF
    return ReweightingTimes(
        _first(apart >= POLARISED * largest) if largest > 0 else float("nan"), _first(grown),
        _first((series[:, 3] < STEADY) & np.maximum.accumulate(grown)),
    )


def _first(reached: NDArray[np.bool_]) -> float:
    return float(np.argmax(reached)) if reached.any() else float("nan")
