"""What is measured of the patch network at a step: losses and margins, signal learning and noise memorization.

The columns of a row are those of `theorysim.patch.observables.OBSERVABLES`.
"""

import numpy as np
from numpy.typing import NDArray

from theorysim.core.jit import jit
from theorysim.patch.kernels.layout import Array, Data, Scratch, Weights
from theorysim.patch.kernels.loss import LOGISTIC, loss_derivative, loss_value


@jit
def observe_outputs(data: Data, scratch: Scratch, row: Array) -> None:
    """Losses, accuracies and margins: columns 0-7, 15 and 16 of a row."""
    samples = data.observed.size
    loss, right, right_noisy, noisy = 0.0, 0, 0, 0
    low, high = np.inf, -np.inf
    low_clean, high_noisy = np.inf, -np.inf
    for i in range(samples):
        margin = scratch.margin[i]
        if data.loss == LOGISTIC:
            loss += np.log1p(scratch.decay[i]) + (0.0 if margin > 0.0 else -margin)
        else:
            loss += loss_value(data.loss, margin)
        low = margin if margin < low else low
        high = margin if margin > high else high
        noisy += data.noisy[i]
        right += margin > 0.0
        right_noisy += data.noisy[i] and margin > 0.0
        if data.noisy[i]:
            high_noisy = margin if margin > high_noisy else high_noisy
        else:
            low_clean = margin if margin < low_clean else low_clean
    row[0] = loss / samples
    row[1] = right / samples
    row[2] = (right - right_noisy) / (samples - noisy) if noisy < samples else np.nan
    row[3] = right_noisy / noisy if noisy > 0 else np.nan
    row[4], row[5] = loss_derivative(data.loss, high), loss_derivative(data.loss, low)
    row[6], row[7] = low, high
    row[15] = low_clean if noisy < samples else np.nan
    row[16] = high_noisy if noisy > 0 else np.nan


@jit
def branch_extremes(coef: Weights, awake: NDArray[np.bool_], high: Array, low: Array, active_low: Array) -> None:
    """Of every atom the largest and smallest coefficient over each branch, and the smallest of active filters."""
    width = coef.shape[0] // 2
    high[:], low[:], active_low[:] = -np.inf, np.inf, np.inf
    for k in range(coef.shape[0]):
        for a in range(coef.shape[1]):
            b, most, least = coef[k, a], high[k // width, a], low[k // width, a]
            high[k // width, a] = b if b > most else most
            low[k // width, a] = b if b < least else least
            active_low[a] = min(active_low[a], b if awake[k, a] else np.inf)


@jit
def observe_coefficients(data: Data, _coef: Weights, scratch: Scratch, row: Array) -> None:
    """Signal learning and noise memorization: columns 8-14 and 17 of a row, all from the extremes over filters.

    Work over filters and atoms is as much as that of the step; what is an extremum is found on the way of the step.
    """
    high, low, memory = scratch.high, scratch.low, scratch.memory
    memory[:] = -np.inf
    gamma_max, gamma_min, under, active = -np.inf, np.inf, np.inf, np.inf
    for a in range(data.norm_sq.size):
        norm_sq, owner = data.norm_sq[a], data.owner[a]
        if owner < 0:
            toward = 0 if data.orientation[a] > 0.0 else 1  # the branch whose growth is learning
            gamma_max = max(gamma_max, norm_sq * max(high[toward, a], -low[1 - toward, a]))
            gamma_min = min(gamma_min, norm_sq * min(low[toward, a], -high[1 - toward, a]))
        else:
            own = 0 if data.observed[owner] > 0.0 else 1
            memory[owner] = max(memory[owner], norm_sq * high[own, a])
            under = min(under, norm_sq * low[1 - own, a])
            active = min(active, norm_sq * scratch.active_low[a] if norm_sq > 0.0 else 0.0)
    clean, noisy, weakest = -np.inf, -np.inf, np.inf
    for i in range(memory.size):
        if memory[i] > -np.inf:
            weakest = min(weakest, memory[i])
            if data.noisy[i]:
                noisy = max(noisy, memory[i])
            else:
                clean = max(clean, memory[i])
    row[8], row[9] = gamma_max, gamma_min
    row[10], row[11], row[12] = max(clean, noisy), clean, noisy
    row[13], row[14], row[17] = weakest, under, active
    for column in range(8, 18):  # an extremum over nothing is NaN
        if np.isinf(row[column]):
            row[column] = np.nan


@jit
def leave_out_coefficients(row: Array) -> None:
    """The same columns where coefficients are not observed."""
    row[8:15], row[17] = np.nan, np.nan


@jit
def is_finite(scratch: Scratch, row: Array, watched: bool) -> bool:
    """Whether the state just observed is free of overflow, coefficients included where they are known."""
    total = row[0] + row[6] + row[7]
    if not watched:
        return np.isfinite(total)
    first, second, third, fourth = 0.0, 0.0, 0.0, 0.0  # sums of their own, so that none waits for another
    for a in range(scratch.plus.size):
        total += scratch.plus[a]
        first += scratch.high[0, a]
        second += scratch.high[1, a]
        third += scratch.low[0, a]
        fourth += scratch.low[1, a]
    return np.isfinite(total + first + second + third + fourth)
