"""The network's output on many noise patches at once."""

import numpy as np
from numpy.typing import NDArray

from theorysim.core.jit import jit
from theorysim.patch.kernels.activation import POWER, activate

Array = NDArray[np.float64]


@jit
def votes(inner: Array, readout: Array, kind: int, q: float, width: float, output: Array) -> None:
    """output_i = sum_k readout_k sigma(z_{k,i}) from inner products z (2m, N), one filter after the other."""
    output[:] = 0.0
    for k in range(inner.shape[0]):
        if kind != POWER:
            for i in range(inner.shape[1]):
                output[i] += readout[k] * activate(kind, q, width, inner[k, i])[0]
        elif q == 1.0:
            for i in range(inner.shape[1]):
                power = readout[k] * inner[k, i]
                output[i] += 0.0 if inner[k, i] <= 0.0 else power
        elif q == 2.0:
            for i in range(inner.shape[1]):
                power = readout[k] * (inner[k, i] * inner[k, i])
                output[i] += 0.0 if inner[k, i] <= 0.0 else power
        else:
            for i in range(inner.shape[1]):
                output[i] += 0.0 if inner[k, i] <= 0.0 else readout[k] * inner[k, i] ** q
