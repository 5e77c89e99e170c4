"""Kernels as matrices: linear, Gaussian (RBF), and the analytic two-layer ReLU neural tangent kernel."""

import numpy as np
from numpy.typing import NDArray

KERNELS = ("linear", "rbf", "ntk")

Array = NDArray[np.float64]


def gram(kernel: str, first: Array, second: Array, bandwidth: float = 1.0) -> Array:
    """K(x, x') for all x of ``first`` (a, d) and x' of ``second`` (b, d): (a, b).

    * linear: ⟨x, x'⟩
    * rbf: exp(−‖x − x'‖²/(2 bandwidth²))
    * ntk: both layers of f(x) = M^(−½) Σ_r a_r max(0, ⟨w_r, x⟩) trained, no biases, a_r and w_r standard normal,
      M → ∞. With θ the angle between x and x' (arc-cosine kernels of order 1 and 0; Cho & Saul 2009):
      ‖x‖‖x'‖ (sin θ + (π − θ) cos θ)/2π + ⟨x, x'⟩ (π − θ)/2π.
    """
    inner: Array = first @ second.T
    if kernel == "linear":
        return inner
    if kernel == "rbf":
        return np.exp(-squared_distances(first, second, inner) / (2 * bandwidth**2))
    scale = np.linalg.norm(first, axis=1)[:, None] * np.linalg.norm(second, axis=1)
    cosine = np.clip(inner / np.where(scale > 0, scale, 1), -1, 1)
    if first is second:
        np.fill_diagonal(cosine, 1)  # arccos turns a rounding error of 1e-16 at 1 into 1e-8
    sine, rest = np.sqrt(1 - cosine**2), np.pi - np.arccos(cosine)
    return scale * (sine + 2 * rest * cosine) / (2 * np.pi)


def squared_distances(first: Array, second: Array, inner: Array) -> Array:
    """‖x − x'‖² from ⟨x, x'⟩, (a, b)."""
    square = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1) - 2 * inner
    if first is second:
        np.fill_diagonal(square, 0)
    return np.maximum(square, 0)


def median_distance(inputs: Array) -> float:
    """The median of ‖x_i − x_j‖ over pairs i < j; 1 when there are none, or it is 0."""
    distances = np.sqrt(squared_distances(inputs, inputs, inputs @ inputs.T))[np.triu_indices(len(inputs), 1)]
    return float(np.median(distances)) or 1.0 if distances.size else 1.0
