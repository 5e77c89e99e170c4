"""Sample reweighting by a one-step look-ahead, exactly, in the space of outputs.

With outputs f (training) and fv (clean) under a fixed kernel, residuals u = f - y and weights w, a step reads

    v = fv - lr Kv (w o u) - yv          (look-ahead, with the old weights; Kv is the proxy's)
    g = (1/m) u o (Kv' v)
    w <- clip(w + weight_lr g, 0, 1)
    r = w o u                            (with the new weights, and the old residual)
    f <- f - lr Ktt r,   fv <- fv - lr Kvt r,   c <- c - lr r

so that outputs anywhere are K(x, X) c. Products with matrices are BLAS. With a mini-batch B of clean samples the
step's g has v_j/|B| for j in B, 0 otherwise, instead of v_j/m; what is observed is g of all clean samples.
Nothing is drawn here.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from theorysim.core.jit import jit

HALF, STEADY = 0.5, 0.9  # t1: max |f| at least HALF; t2: share of unchanged signs below STEADY, t >= t1
LARGEST = 1e100  # of |f|: beyond it products of outputs may overflow
AT_T2 = -2  # of Rule.freeze

Array = NDArray[np.float64]


class Kernels(NamedTuple):
    """What stays: kernel (n + m, n) of all outputs, proxy (m, n), labels (n + m,), noisy (n,)."""

    kernel: Array
    proxy: Array
    labels: Array
    noisy: NDArray[np.bool_]


class State(NamedTuple):
    """What moves: f and fv (n + m,), w (n,), c (n,); and sign g(0) (n,), whether t1 and t2 are reached (2,)."""

    outputs: Array
    weights: Array
    coefficients: Array
    signs: Array
    reached: NDArray[np.bool_]


class Rule(NamedTuple):
    """lr, weight_lr, whether to look ahead, and the step that freezes the weights (-1 never, AT_T2)."""

    lr: float
    weight_lr: float
    exact: bool
    freeze: int


class Scratch(NamedTuple):
    """u (n,), w o u (n,), v (m,), v of a batch (m,), g (n,), new weights (n,), K r and new outputs (n + m,)."""

    residual: Array
    pull: Array
    ahead: Array
    part: Array
    gradient: Array
    weights: Array
    outputs: Array


@jit
def meta_gradient(data: Kernels, state: State, rule: Rule, scratch: Scratch) -> None:
    """scratch.ahead = v, scratch.gradient = g, over all clean samples."""
    n, m = data.proxy.shape[1], data.proxy.shape[0]
    for i in range(n):
        scratch.residual[i] = state.outputs[i] - data.labels[i]
        scratch.pull[i] = state.weights[i] * scratch.residual[i]
    if rule.exact:
        np.dot(data.proxy, scratch.pull, scratch.ahead)
        for j in range(m):
            scratch.ahead[j] = state.outputs[n + j] - rule.lr * scratch.ahead[j] - data.labels[n + j]
    else:
        for j in range(m):
            scratch.ahead[j] = state.outputs[n + j] - data.labels[n + j]
    np.dot(data.proxy.T, scratch.ahead, scratch.gradient)
    for i in range(n):
        scratch.gradient[i] *= scratch.residual[i] / m


@jit
def batch_gradient(data: Kernels, scratch: Scratch, batch: NDArray[np.int64]) -> None:
    """scratch.gradient = g of the clean samples of a batch, from v and u found before."""
    scratch.part[:] = 0.0
    for j in batch:
        scratch.part[j] += scratch.ahead[j]
    np.dot(data.proxy.T, scratch.part, scratch.gradient)
    for i in range(scratch.residual.size):
        scratch.gradient[i] *= scratch.residual[i] / batch.size


@jit
def observe_reweighting(data: Kernels, state: State, rule: Rule, scratch: Scratch, row: Array) -> None:
    """row = mean weights of clean and of noisy samples (NaN for none), max |f|, share of unchanged signs of g.

    Leaves v and g in scratch, and notes in the state whether t1 and t2 are reached.
    """
    meta_gradient(data, state, rule, scratch)
    n = state.weights.size
    clean, noisy, count, same = 0.0, 0.0, 0, 0
    for i in range(n):
        if data.noisy[i]:
            noisy += state.weights[i]
            count += 1
        else:
            clean += state.weights[i]
        if np.sign(scratch.gradient[i]) == state.signs[i]:
            same += 1
    peak = 0.0
    for value in state.outputs:
        peak = max(peak, abs(value))
    row[0] = clean / (n - count) if count < n else np.nan
    row[1] = noisy / count if count > 0 else np.nan
    row[2], row[3] = peak, same / n
    state.reached[0] |= peak >= HALF
    state.reached[1] |= state.reached[0] and row[3] < STEADY


@jit
def update_reweighting(data: Kernels, state: State, rule: Rule, scratch: Scratch, frozen: bool) -> bool:
    """One step from u and g in scratch; False, and the state unchanged, when it overflows."""
    n = state.weights.size
    for i in range(n):
        weight = state.weights[i]
        if not frozen:  # in this order NaN stays NaN, and is found in the outputs
            weight = min(max(weight + rule.weight_lr * scratch.gradient[i], 0.0), 1.0)
        scratch.weights[i] = weight
        scratch.pull[i] = weight * scratch.residual[i]
    np.dot(data.kernel, scratch.pull, scratch.outputs)
    for i in range(scratch.outputs.size):
        scratch.outputs[i] = state.outputs[i] - rule.lr * scratch.outputs[i]
        if not abs(scratch.outputs[i]) < LARGEST:
            return False
    state.outputs[:] = scratch.outputs
    for i in range(n):
        state.weights[i] = scratch.weights[i]
        state.coefficients[i] -= rule.lr * scratch.pull[i]
    return True


@jit
def evolve_reweighting(
    data: Kernels, state: State, rule: Rule, scratch: Scratch, chosen: NDArray[np.int64], start: int, rows: Array
) -> int:
    """Advance the state in place from step start, one step per row of rows, which is observed before it.

    chosen (steps, b) holds the clean samples of each step; b = 0 stands for all. Returns the number of steps made:
    fewer than asked when the next one overflows.
    """
    for t in range(rows.shape[0]):
        observe_reweighting(data, state, rule, scratch, rows[t])
        frozen = 0 <= rule.freeze <= start + t or (rule.freeze == AT_T2 and state.reached[1])
        if chosen.shape[1] > 0 and not frozen:
            batch_gradient(data, scratch, chosen[t])
        if not update_reweighting(data, state, rule, scratch, frozen):
            return t
    return rows.shape[0]
