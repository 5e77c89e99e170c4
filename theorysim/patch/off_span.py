"""Noise on the weights in the dimensions that a draw has no coordinates for: exact in law, 2m numbers a filter at most.

There it meets no training patch, only fresh ones, and these see nothing but its inner products. With O (2m, r) such
that O Oᵀ are these, and r ≤ 2m, a step adds ς E in the dimensions of O and in the others a Gaussian whose Gram matrix
is a Wishart matrix, drawn by Bartlett's triangle B: the new O is the triangle of (O + ς E, ς B), turned.
"""

import numpy as np
from numpy.typing import NDArray

from theorysim.core.seeds import Stream, generator

Array = NDArray[np.float64]


def first_off_span(filters: int, dimensions: int) -> Array:
    """(2m, r) nothing yet, with r = min(2m, dimensions)."""
    return np.zeros((filters, min(filters, max(dimensions, 0))))


def off_span_step(off: Array, std: float, keep: float, dimensions: int, seed: int, step: int) -> Array:
    """O after one step: ``keep`` times as large (weight decay), plus noise of standard deviation ``std``."""
    filters, held = off.shape
    if held == 0:
        return off
    rng = generator(seed, Stream.WEIGHT_NOISE, step, 1)
    moved = keep * off + std * rng.standard_normal(off.shape)
    rest = dimensions - held
    if rest <= 0:
        return moved
    rows = np.arange(min(filters, rest))
    triangle = np.tril(rng.standard_normal((filters, rows.size)), -1)
    triangle[rows, rows] = np.sqrt(rng.chisquare(rest - rows))
    upper: Array = np.linalg.qr(np.concatenate([moved, std * triangle], axis=1).T, mode="r")  # type: ignore[assignment]
    return np.ascontiguousarray(upper.T[:, :held])
