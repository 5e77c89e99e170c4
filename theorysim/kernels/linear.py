"""The two-layer linear network f(x) = a'Wx under stochastic gradient descent, both layers trained.

With M = [W | a] (rows x (d+1)) a step on a batch is

    M <- M (I - lr S_v),   S_v = [[0, v], [v', 0]],   v = mean_b g_b x_b,   g_b = f(x_b) - y_b - eps_b,

that is W <- W - lr a v' and a <- a - lr W v at once. Rows of M meet each other only through f, so the same kernel
evolves the m neurons of a network and the d + 1 rows of the square root of M'M, which is all that f depends on.
Sharpness-aware steps take the gradient at M (I + kappa S_v), kappa = radius/N, N^2 = |a|^2|v|^2 + |Wv|^2:

    M <- M - lr M (I + kappa S_v) S_u,   u = mean_b (g_b + <delta, x_b>) x_b,
    delta = kappa (W'Wv + |a|^2 v) + kappa^2 <W'a, v> v,   the change of W'a.

Nothing is drawn here.
"""

import numpy as np
from numpy.typing import NDArray

from theorysim.kernels.jit import jit

Array = NDArray[np.float64]
Samples = NDArray[np.int64]


@jit
def product(rows: Array, weights: Array, result: Array) -> None:
    """result = W'weights, (d,), from rows [W | a]; weights may be a copy of the last column."""
    d = rows.shape[1] - 1
    result[:] = 0.0
    for i in range(rows.shape[0]):
        for j in range(d):
            result[j] += weights[i] * rows[i, j]


@jit
def along(rows: Array, direction: Array, result: Array) -> None:
    """result = W direction, one number a row."""
    for i in range(rows.shape[0]):
        result[i] = 0.0
        for j in range(direction.size):
            result[i] += rows[i, j] * direction[j]


@jit
def residual_mean(
    inputs: Array, outputs: Array, chosen: Samples, noise: Array, network: Array, mean: Array
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
        along_v = 0.0
        for j in range(d):
            along_v += rows[i, j] * direction[j]
        pull = lr * weights[i]
        for j in range(d):
            rows[i, j] -= pull * direction[j]
        rows[i, d] = weights[i] - lr * along_v


@jit
def perturbed_mean(
    rows: Array, weights: Array, network: Array, inputs: Array, chosen: Samples, mean: Array, radius: float,
    wv: Array, perturbed: Array,
) -> float:
    """perturbed = u and wv = W v from mean = v; returns kappa."""
    along(rows, mean, wv)
    second, square = np.dot(weights, weights), np.dot(mean, mean)
    norm_sq = second * square + np.dot(wv, wv)
    kappa = radius / np.sqrt(norm_sq) if norm_sq > 0.0 else 0.0
    delta = np.empty(mean.size)
    product(rows, wv, delta)
    delta[:] = kappa * (delta + (second + kappa * np.dot(network, mean)) * mean)
    perturbed[:] = mean
    for b in range(chosen.size):
        x = inputs[chosen[b]]
        perturbed += np.dot(delta, x) / chosen.size * x
    return kappa


@jit
def sharpness_update(
    rows: Array, weights: Array, mean: Array, perturbed: Array, wv: Array, kappa: float, lr: float, terms: int
) -> None:
    """The step from u and kappa: terms 0 both, 1 shrink only (v for u in the first-order part), 2 kappa left out."""
    d = rows.shape[1] - 1
    first = mean if terms == 1 else perturbed
    kappa = 0.0 if terms == 2 else kappa
    cross = np.dot(mean, perturbed)
    for i in range(rows.shape[0]):
        pull = 0.0
        for j in range(d):
            pull += rows[i, j] * first[j]
        for j in range(d):
            rows[i, j] -= lr * (weights[i] * first[j] + kappa * wv[i] * perturbed[j])
        rows[i, d] = weights[i] - lr * (pull + kappa * weights[i] * cross)


@jit
def evolve_linear(
    rows: Array, inputs: Array, outputs: Array, chosen: Samples, noise: Array, lr: float, radius: float, terms: int
) -> int:
    """Advance rows [W | a] in place by one step per row of chosen (steps, batch) and noise.

    Returns the number of steps made: fewer than asked when the network overflows.
    """
    d = inputs.shape[1]
    network, mean, weights = np.empty(d), np.empty(d), np.empty(rows.shape[0])
    wv, perturbed = np.empty(rows.shape[0]), np.empty(d)
    for t in range(chosen.shape[0]):
        weights[:] = rows[:, d]
        product(rows, weights, network)
        g = residual_mean(inputs, outputs, chosen[t], noise[t], network, mean)
        if not np.isfinite(g):
            return t
        if radius > 0.0:
            kappa = perturbed_mean(rows, weights, network, inputs, chosen[t], mean, radius, wv, perturbed)
            sharpness_update(rows, weights, mean, perturbed, wv, kappa, lr, terms)
        else:
            update(rows, weights, mean, lr)
    return chosen.shape[0]


@jit
def oscillate(
    weights: Array, inputs_gram: Array, target: Array, signs: Array, lr: float, second: float
) -> None:
    """Full-batch steps of W (m, d) under a second layer that is given: signs (steps, m) in {-1, 0, 1} times second.

    W <- W - lr a (H e)',   e = W'a - target,   a = second * signs[t].
    """
    m, d = weights.shape
    error, pull = np.empty(d), np.empty(d)
    for t in range(signs.shape[0]):
        error[:] = -target
        for i in range(m):
            if signs[t, i] != 0.0:
                for j in range(d):
                    error[j] += second * signs[t, i] * weights[i, j]
        pull[:] = np.dot(inputs_gram, error)
        for i in range(m):
            if signs[t, i] != 0.0:
                for j in range(d):
                    weights[i, j] -= lr * second * signs[t, i] * pull[j]
