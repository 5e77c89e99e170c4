"""What a plain script does: explicit weights, vectorised, on vectors held in memory."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def train(noise: Array, signal: Array, labels: Array, weights: Array, label_noise: Array, lr: float) -> Array:
    """Squared-ReLU patch network by NumPy; weights (2, m, d) are updated in place.

    Returns training loss and accuracy of every step, (steps, 2), the least that a script logs.
    """
    steps, n = label_noise.shape
    m, d = weights.shape[1:]
    readout = np.array([1.0, -1.0])[:, None, None] / m
    flat = weights.reshape(2 * m, d)
    log = np.empty((steps, 2))
    for t in range(steps):
        on_signal = np.maximum((flat @ signal).reshape(2, m, 1) * labels, 0.0)
        on_noise = np.maximum((flat @ noise.T).reshape(2, m, n), 0.0)
        output = (readout * (on_signal**2 + on_noise**2)).sum(axis=(0, 1))
        log[t] = np.logaddexp(0.0, -labels * output).mean(), (labels * output > 0).mean()
        target = label_noise[t] * labels
        force = target / (1.0 + np.exp(target * output))
        along_signal = (readout * 2.0 * on_signal * (force * labels)).sum(axis=2).reshape(2 * m, 1)
        along_noise = (readout * 2.0 * on_noise * force).reshape(2 * m, n)
        flat += lr / n * (along_signal * signal + along_noise @ noise)
    return log


def train_torch(noise: Array, signal: Array, labels: Array, weights: Array, label_noise: Array, lr: float) -> Array:
    """The same by PyTorch and autograd (float64)."""
    import torch

    xi, mu, y, eps = (torch.from_numpy(array) for array in (noise, signal, labels, label_noise))
    w = torch.from_numpy(weights).requires_grad_()
    log = np.empty((len(eps), 2))
    for t in range(len(eps)):
        on_signal = torch.relu((w @ mu)[..., None] * y)
        on_noise = torch.relu(w @ xi.T)
        branches = (on_signal**2 + on_noise**2).mean(dim=1)
        output = branches[0] - branches[1]
        loss = torch.nn.functional.softplus(-eps[t] * y * output).mean()
        (gradient,) = torch.autograd.grad(loss, w)
        with torch.no_grad():
            w -= lr * gradient
            log[t] = torch.nn.functional.softplus(-y * output).mean(), (y * output > 0).double().mean()
    return log
