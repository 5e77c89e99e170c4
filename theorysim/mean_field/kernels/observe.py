"""What is measured of the mean field at a step; the columns are those of `theorysim.mean_field.observables`."""

import numpy as np

from theorysim.core.jit import jit
from theorysim.mean_field.kernels.layout import Array, Data, Scratch, State

SMALL = 1e-5  # e^-f from which on log(1 + e^-f) goes through the product: its rounding is then 1e-11 of it
LARGE = 1e200  # of the product


@jit
def mean_loss(scratch: Scratch) -> float:
    """(1/n) sum of log(1 + e^-f_i), with one logarithm for some hundred samples."""
    loss, product = 0.0, 1.0
    for i in range(scratch.margin.size):
        margin, decay = scratch.margin[i], scratch.decay[i]
        loss += 0.0 if margin > 0.0 else -margin
        if decay > SMALL:
            product *= 1.0 + decay
            if product > LARGE:
                loss, product = loss + np.log(product), 1.0
        else:
            loss += decay * (1.0 - decay * (0.5 - decay / 3.0))
    return (loss + np.log(product)) / scratch.margin.size


@jit
def loss_derivative(margin: float) -> float:
    """-loss'(f) = 1 / (1 + e^f), without overflow."""
    decay = np.exp(-abs(margin))
    return (decay if margin > 0.0 else 1.0) / (1.0 + decay)


@jit
def observe_outputs(data: Data, scratch: Scratch, row: Array) -> None:
    """Losses, accuracies and margins: columns 0-7, 15 and 16 of a row."""
    samples = data.turn.size
    right, right_noisy, noisy = 0, 0, 0
    low, high = np.inf, -np.inf
    low_clean, high_noisy = np.inf, -np.inf
    for i in range(samples):
        margin = scratch.margin[i]
        low, high = min(low, margin), max(high, margin)
        right += margin > 0.0
        if data.noisy[i]:
            noisy += 1
            right_noisy += margin > 0.0
            high_noisy = max(high_noisy, margin)
        else:
            low_clean = min(low_clean, margin)
    row[0] = mean_loss(scratch)
    row[1] = right / samples
    row[2] = (right - right_noisy) / (samples - noisy) if noisy < samples else np.nan
    row[3] = right_noisy / noisy if noisy > 0 else np.nan
    row[4], row[5] = loss_derivative(high), loss_derivative(low)
    row[6], row[7] = low, high
    row[15] = low_clean if noisy < samples else np.nan
    row[16] = high_noisy if noisy > 0 else np.nan


@jit
def observe_signal(data: Data, signal: Array, scratch: Scratch, row: Array) -> None:
    """Signal learning, columns 8 and 9, and the signal's outputs, 18 and 19."""
    groups, most, least = data.signal, -np.inf, np.inf
    for g in range(signal.size):
        gamma = groups.branch[g] * (signal[g] - groups.start[g])
        smallest = groups.share[g] * gamma
        most, least = max(most, gamma, smallest), min(least, gamma, smallest)
    row[8], row[9] = most, least
    row[18], row[19] = scratch.signal[0], scratch.signal[1]


@jit
def observe_memory(data: Data, memory: Array, scratch: Scratch, row: Array) -> None:
    """Noise memorization: columns 10-14 and 17, and of the memory's outputs 20-22."""
    start, share, idle = data.memory.start, data.memory.share, data.memory.idle
    clean, noisy, weakest, under, active = -np.inf, -np.inf, np.inf, np.inf, np.inf
    plus, minus, members, alive = 0.0, 0.0, 0, 0
    for i in range(memory.shape[0]):
        most, living = -np.inf, False
        for r in range(memory.shape[2]):
            own, other = memory[i, 0, r] - start[i, 0, r], memory[i, 1, r] - start[i, 1, r]
            smallest = share[i, 0] * own
            most = max(most, own if own >= 0.0 else (0.0 if idle[i, 0] else smallest))
            if start[i, 0, r] >= 0.0:
                active = min(active, own, smallest)
            under = min(under, other if other < 0.0 else (0.0 if idle[i, 1] else share[i, 1] * other))
            living |= memory[i, 0, r] > 0.0
        weakest = min(weakest, most)
        if data.noisy[i]:
            noisy = max(noisy, most)
        else:
            clean = max(clean, most)
        alive += living
        if data.own[i] == 0:
            plus, members = plus + scratch.own[i], members + 1
        else:
            minus += scratch.own[i]
    samples = memory.shape[0]
    row[10], row[11], row[12] = max(clean, noisy), clean, noisy
    row[13], row[14], row[17] = weakest, under, active
    for column in (11, 12, 17):  # an extremum over nothing is NaN
        if np.isinf(row[column]):
            row[column] = np.nan
    row[20] = plus / members if members > 0 else np.nan
    row[21] = minus / (samples - members) if members < samples else np.nan
    row[22] = alive / samples


@jit
def is_finite(state: State, scratch: Scratch, row: Array) -> bool:
    """Whether the state just observed is free of overflow."""
    total = row[0] + row[6] + row[7] + scratch.signal[0] + scratch.signal[1]
    for g in range(state.signal.size):
        total += state.signal[g]
    for i in range(state.memory.shape[0]):
        for r in range(state.memory.shape[2]):
            total += state.memory[i, 0, r] + state.memory[i, 1, r]
    return np.isfinite(total)
