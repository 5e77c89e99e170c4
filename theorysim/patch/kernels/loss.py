"""Losses of the margin z = y f(x) and their derivatives, by number."""

import numpy as np

from theorysim.core.jit import jit

LOGISTIC, EXPONENTIAL, HINGE, SQUARED = range(4)


@jit
def logistic_derivative(margin: float) -> float:
    """-loss'(z) = 1 / (1 + e^z), without overflow."""
    decay = np.exp(-abs(margin))
    return (decay if margin > 0.0 else 1.0) / (1.0 + decay)


@jit
def loss_derivative(kind: int, margin: float) -> float:
    """-loss'(z); that of the hinge is 0 at z = 1."""
    if kind == EXPONENTIAL:
        return np.exp(-margin)
    if kind == HINGE:
        return 0.0 * margin if margin >= 1.0 else 1.0
    if kind == SQUARED:
        return 1.0 - margin
    return logistic_derivative(margin)


@jit
def loss_value(kind: int, margin: float) -> float:
    """log(1 + e^-z), e^-z, max(0, 1 - z) or (1 - z)^2 / 2."""
    if kind == EXPONENTIAL:
        return np.exp(-margin)
    if kind == HINGE:
        return max(0.0, 1.0 - margin)
    if kind == SQUARED:
        return 0.5 * (1.0 - margin) ** 2
    return np.log1p(np.exp(-abs(margin))) + (0.0 if margin > 0.0 else -margin)
