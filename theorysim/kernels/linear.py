"""The two-layer linear network f(x) = a'Wx under stochastic gradient descent, both layers trained.

With M = [W | a] (rows x (d+1)) a step on a batch is

    M <- M (I - lr S_v),   S_v = [[0, v], [v', 0]],   v = mean_b g_b x_b,   g_b = f(x_b) - y_b - eps_b,

that is W <- W - lr a v' and a <- a - lr W v at once. Rows of M meet each other only through f, so the same kernel
evolves the m neurons of a network and the d + 1 rows of the square root of M'M, which is all that f depends on.
Sharpness-aware steps perturb first: with k = radius sign(g)/N, N^2 = |a|^2|x|^2 + |Wx|^2 the gradient norm,

    M <- M (I - lr g' (S + k S^2)),   g' = g + k N^2 + k^2 f |x|^2.

Nothing is drawn here.
"""

import numpy as np
from numpy.typing import NDArray

from theorysim.kernels.jit import jit

Array = NDArray[np.float64]


@jit
def product(rows: Array, weights: Array, result: Array) -> None:
    """result = a'W, (d,), from rows [W | a] and weights a (a copy of the last column)."""
    d = rows.shape[1] - 1
    result[:] = 0.0
    for i in range(rows.shape[0]):
        for j in range(d):
            result[j] += weights[i] * rows[i, j]


@jit
def residual_mean(
    inputs: Array, outputs: Array, chosen: NDArray[np.int64], noise: Array, network: Array, mean: Array
) -> float:
    """mean = v over the samples chosen; returns the residual of the last one."""
    mean[:] = 0.0
    g = 0.0
    for b in range(chosen.size):
        x = chosen[b]
        g = -outputs[x] - noise[b]
        for j in range(network.size):
            g += network[j] * inputs[x, j]
        for j in range(network.size):
            mean[j] += g * inputs[x, j] / chosen.size
    return g


@jit
def update(rows: Array, weights: Array, direction: Array, lr: float) -> None:
    """W <- W - lr a v', a <- a - lr W v, with W and a of before."""
    d = rows.shape[1] - 1
    for i in range(rows.shape[0]):
        along = 0.0
        for j in range(d):
            along += rows[i, j] * direction[j]
        pull = lr * weights[i]
        for j in range(d):
            rows[i, j] -= pull * direction[j]
        rows[i, d] = weights[i] - lr * along


@jit
def sharpness_update(rows: Array, weights: Array, x: Array, g: float, lr: float, radius: float) -> None:
    """The same after an ascent of length radius, for a single sample x with residual g."""
    d = rows.shape[1] - 1
    square, second, first, output = 0.0, 0.0, 0.0, 0.0
    along = np.empty(rows.shape[0])
    for j in range(d):
        square += x[j] * x[j]
    for i in range(rows.shape[0]):
        along[i] = 0.0
        for j in range(d):
            along[i] += rows[i, j] * x[j]
        second += weights[i] * weights[i]
        first += along[i] * along[i]
        output += weights[i] * along[i]
    norm_sq = second * square + first
    k = radius * np.sign(g) / np.sqrt(norm_sq) if norm_sq > 0.0 else 0.0
    rate = lr * (g + k * norm_sq + k * k * output * square)
    for i in range(rows.shape[0]):
        pull = rate * (weights[i] + k * along[i])
        for j in range(d):
            rows[i, j] -= pull * x[j]
        rows[i, d] = weights[i] - rate * (along[i] + k * square * weights[i])


@jit
def evolve_linear(
    rows: Array, inputs: Array, outputs: Array, chosen: NDArray[np.int64], noise: Array, lr: float, radius: float
) -> int:
    """Advance rows [W | a] in place by one step per row of chosen (steps, batch) and noise.

    Returns the number of steps made: fewer than asked when the network overflows.
    """
    d = inputs.shape[1]
    network, mean, weights = np.empty(d), np.empty(d), np.empty(rows.shape[0])
    for t in range(chosen.shape[0]):
        weights[:] = rows[:, d]
        product(rows, weights, network)
        g = residual_mean(inputs, outputs, chosen[t], noise[t], network, mean)
        if not np.isfinite(g):
            return t
        if radius > 0.0:
            sharpness_update(rows, weights, inputs[chosen[t, 0]], g, lr, radius)
        else:
            update(rows, weights, mean, lr)
    return chosen.shape[0]
