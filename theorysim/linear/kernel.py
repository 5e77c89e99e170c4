"""The two-layer linear network f(x) = a'Wx under stochastic gradient descent, both layers trained.

With M = [W | a], m x (d+1), a step on a batch is

    M <- M (I - lr S_v),   S_v = [[0, v], [v', 0]],   v = mean_b g_b x_b,   g_b = f(x_b) - y_b - eps_b,

that is W <- W - lr a v' and a <- a - lr W v at once. Neurons meet each other only through f, so the same kernel
evolves the m neurons of a network and the d + 1 of the square root of M'M, which is all that f depends on.
Sharpness-aware steps take the gradient at M (I + kappa S_v), kappa = radius/N, N^2 = |a|^2|v|^2 + |Wv|^2:

    M <- M - lr M (I + kappa S_v) S_u,   u = mean_b (g_b + <delta, x_b>) x_b,
    delta = kappa (W'Wv + |a|^2 v) + kappa^2 <W'a, v> v,   the change of W'a.

Nothing is drawn here.
"""

import numpy as np
from numpy.typing import NDArray

from theorysim.core.jit import jit

Array = NDArray[np.float64]
Samples = NDArray[np.int64]


@jit
def along(first: Array, direction: Array, result: Array) -> None:
    """result = W direction, one number a neuron, from W' (d, neurons): neurons run innermost, so that it vectorises."""
    result[:] = 0.0
    for j in range(direction.size):
        for i in range(result.size):
            result[i] += first[j, i] * direction[j]


@jit
def residual_mean(
    first: Array, second: Array, inputs: Array, outputs: Array, chosen: Samples, noise: Array, t: int, mean: Array,
    wv: Array,
) -> float:
    """mean = v over the samples chosen for step t and wv = W v; returns a residual, to see whether it is finite."""
    g = 0.0
    if chosen.shape[1] == 1:
        sample = chosen[t, 0]
        x = inputs[sample]
        along(first, x, wv)
        g -= outputs[sample] + noise[t, 0]
        for i in range(second.size):
            g += second[i] * wv[i]
        for j in range(x.size):
            mean[j] = g * x[j]
        for i in range(second.size):
            wv[i] *= g
        return g
    mean[:] = 0.0
    network = np.dot(first, second)
    for b in range(chosen.shape[1]):
        x = inputs[chosen[t, b]]
        g = np.dot(network, x) - outputs[chosen[t, b]] - noise[t, b]
        mean += g / chosen.shape[1] * x
    along(first, mean, wv)
    return g


@jit
def update(first: Array, second: Array, mean: Array, wv: Array, lr: float) -> None:
    """W <- W - lr a v', a <- a - lr W v, with W and a of before."""
    for j in range(mean.size):
        pull = lr * mean[j]
        for i in range(second.size):
            first[j, i] -= pull * second[i]
    for i in range(second.size):
        second[i] -= lr * wv[i]


@jit
def perturbed_mean(
    first: Array, second: Array, inputs: Array, chosen: Samples, mean: Array, wv: Array, radius: float, perturbed: Array
) -> float:
    """perturbed = u from mean = v and wv = W v; returns kappa."""
    norm_sq = np.dot(second, second) * np.dot(mean, mean) + np.dot(wv, wv)
    kappa = radius / np.sqrt(norm_sq) if norm_sq > 0.0 else 0.0
    delta = kappa * (np.dot(first, wv) + (np.dot(second, second) + kappa * np.dot(second, wv)) * mean)
    perturbed[:] = mean
    for b in range(chosen.size):
        x = inputs[chosen[b]]
        perturbed += np.dot(delta, x) / chosen.size * x
    return kappa


@jit
def sharpness_update(
    first: Array, second: Array, mean: Array, wv: Array, perturbed: Array, kappa: float, lr: float, terms: int
) -> None:
    """The step from u and kappa: terms 0 both, 1 shrink only (v for u in the first-order part), 2 kappa left out."""
    ahead = mean if terms == 1 else perturbed
    kappa = 0.0 if terms == 2 else kappa
    pull = np.empty(second.size)
    along(first, ahead, pull)
    for j in range(mean.size):
        for i in range(second.size):
            first[j, i] -= lr * (second[i] * ahead[j] + kappa * wv[i] * perturbed[j])
    second -= lr * (pull + kappa * np.dot(mean, perturbed) * second)


@jit
def evolve_linear(
    factor: Array, inputs: Array, outputs: Array, chosen: Samples, noise: Array, lr: float, radius: float, terms: int
) -> int:
    """Advance M = [W | a], or a factor of its second moment, in place by a step for each of chosen (steps, batch).

    Returns the number of steps made: fewer than asked when the network overflows.
    """
    d = inputs.shape[1]
    first, second = factor[:, :d].T.copy(), factor[:, d].copy()
    mean, perturbed, wv = np.empty(d), np.empty(d), np.empty(factor.shape[0])
    made = chosen.shape[0]
    for t in range(chosen.shape[0]):
        if not np.isfinite(residual_mean(first, second, inputs, outputs, chosen, noise, t, mean, wv)):
            made = t
            break
        if radius > 0.0:
            kappa = perturbed_mean(first, second, inputs, chosen[t], mean, wv, radius, perturbed)
            sharpness_update(first, second, mean, wv, perturbed, kappa, lr, terms)
        else:
            update(first, second, mean, wv, lr)
    factor[:, :d], factor[:, d] = first.T, second
    return made
