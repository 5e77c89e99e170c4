"""When a side of a claim is beyond what it may be, and by how much of the larger side."""

import numpy as np
from numpy.typing import NDArray

from theorysim.theory.statement import Sense

Array = NDArray[np.float64]
ROUNDING = 1e-9  # relative slack of a comparison, far below any effect


def relative_excess(sense: Sense, measured: Array, predicted: Array, band: float) -> Array:
    """By how much of the larger side the claim fails, entry by entry; negative or zero where it holds."""
    size = np.maximum(np.abs(measured), np.abs(predicted))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if sense == Sense.UPPER:
            excess = measured - predicted
        elif sense == Sense.LOWER:
            excess = predicted - measured
        else:
            excess = np.maximum(measured - band * predicted, predicted / band - measured)
        excess = np.where(np.isnan(excess), 0.0, excess)  # infinite on both sides: equal
        relative = np.where(np.isfinite(size), excess / size, np.sign(excess))
    return np.where(size == 0, -np.inf, relative)  # 0 and 0 compare well, and say nothing about tightness


def worst_entry(sense: Sense, measured: Array, predicted: Array, band: float) -> NDArray[np.int64]:
    """Of each row the entry at which the claim fails worst or is closest to failing, (rows,).

    Where none fails, one that is not known comes first: it may.
    """
    excess = relative_excess(sense, measured, predicted, band)
    unknown = np.isnan(measured) | np.isnan(predicted)
    excess = np.where(unknown, -np.inf, excess)
    fails = (excess > ROUNDING).any(axis=1)
    found: NDArray[np.int64] = np.where(~fails & unknown.any(axis=1), unknown.argmax(axis=1), excess.argmax(axis=1))
    return found
