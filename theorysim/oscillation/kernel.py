"""The first layer of a linear network under a second layer that is given. Nothing is drawn here."""

import numpy as np
from numpy.typing import NDArray

from theorysim.core.jit import jit

Array = NDArray[np.float64]


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
