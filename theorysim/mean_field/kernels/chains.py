"""The mean field's step: independent chains, one for each sample and branch, that only the signal couples.

With margins f_i, multipliers e_i and c_i = -loss'(e_i f_i) e_i,

    z <- z + rate_i c_i z^(q-1)   (own branch, z > 0),   z <- z - rate_i c_i z^(q-1)   (other branch, z > 0),
    s <- s + j rate |s|^(q-1) P_k,   k = sign(s),   P_k = sum of turn_i c_i over samples of class k,
    f_i = turn_i S_k + F_i - F'_i.
"""

import numpy as np

from theorysim.core.jit import jit
from theorysim.mean_field.kernels.layout import Array, Data, Scratch, State
from theorysim.mean_field.kernels.observe import is_finite, observe_memory, observe_outputs, observe_signal


@jit
def power(z: float, q: float) -> float:
    """z^q of a positive z."""
    if q == 2.0:
        return z * z
    if q == 1.0:
        return z
    return z * z * z if q == 3.0 else z**q


@jit
def slope(z: float, q: float) -> float:
    """z^(q-1) of a positive z."""
    if q == 2.0:
        return z
    if q == 1.0:
        return 1.0
    return z * z if q == 3.0 else z ** (q - 1.0)


@jit
def signal_outputs(data: Data, signal: Array, output: Array) -> None:
    """S of both classes."""
    groups = data.signal
    output[:] = 0.0
    for g in range(signal.size):
        vote = groups.branch[g] * groups.weight[g] * power(abs(signal[g]), data.q)
        if signal[g] > 0.0:
            output[0] += vote
        else:
            output[1] -= vote


@jit
def forward(data: Data, state: State, scratch: Scratch) -> None:
    """Margins of all samples."""
    signal_outputs(data, state.signal, scratch.signal)
    memory, weight = state.memory, data.memory.weight
    for i in range(memory.shape[0]):
        own, other = 0.0, 0.0
        for r in range(memory.shape[2]):
            first, second = memory[i, 0, r], memory[i, 1, r]
            own += power(first, data.q) if first > 0.0 else 0.0
            other += power(second, data.q) if second > 0.0 else 0.0
        own *= weight[i, 0]
        scratch.own[i] = own
        margin = data.turn[i] * scratch.signal[data.side[i]] + own + weight[i, 1] * other
        scratch.margin[i] = margin
        scratch.decay[i] = np.exp(-abs(margin))


@jit
def pull(noise: float, margin: float, decay: float) -> float:
    """c = noise / (1 + e^(noise margin)), from decay = e^-|margin|."""
    if abs(noise) != 1.0:
        decay = np.exp(-abs(noise * margin))
    return noise * (decay if noise * margin > 0.0 else 1.0) / (1.0 + decay)


@jit
def descend(data: Data, state: State, label_noise: Array, scratch: Scratch) -> None:
    """One update of all groups."""
    memory, rate, plus, minus = state.memory, data.memory.rate, 0.0, 0.0
    for i in range(memory.shape[0]):
        c = pull(label_noise[i], scratch.margin[i], scratch.decay[i])
        step = rate[i] * c
        for r in range(memory.shape[2]):
            own, other = memory[i, 0, r], memory[i, 1, r]
            if own > 0.0:
                memory[i, 0, r] = own + step * slope(own, data.q)
            if other > 0.0:
                memory[i, 1, r] = other - step * slope(other, data.q)
        if data.side[i] == 0:
            plus += data.turn[i] * c
        else:
            minus += data.turn[i] * c
    signal, groups = state.signal, data.signal
    for g in range(signal.size):
        if signal[g] != 0.0:
            force = groups.branch[g] * groups.rate * (plus if signal[g] > 0.0 else minus)
            signal[g] += force * slope(abs(signal[g]), data.q)


@jit
def look(data: Data, state: State, scratch: Scratch, row: Array) -> bool:
    """Margins and observables of a state; False when it has overflowed."""
    forward(data, state, scratch)
    observe_outputs(data, scratch, row)
    observe_signal(data, state.signal, scratch, row)
    observe_memory(data, state.memory, scratch, row)
    return is_finite(state, scratch, row)


@jit
def evolve(data: Data, state: State, label_noise: Array, scratch: Scratch, rows: Array) -> int:
    """Advance the state in place by one update per row of label_noise (steps, n).

    rows[t] receives the observables *before* update t. Returns the number of updates made: fewer than asked when the
    state overflows.
    """
    for t in range(label_noise.shape[0]):
        if not look(data, state, scratch, rows[t]):
            return t
        descend(data, state, label_noise[t], scratch)
    return label_noise.shape[0]
