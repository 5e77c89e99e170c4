"""A classifier that takes sample weights: ridge regression on one-hot targets, linear or with a Gaussian kernel."""

from collections.abc import Callable

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from theorysim.reweighting.gram import gram, median_distance

PENALTY = 1.0

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


class Kernel:
    """K(x, x') = ⟨x − x̄, x' − x̄⟩ + 1, the 1 for a constant term, or exp(−‖x − x'‖²/2b²)."""

    def __init__(self, name: str, features: Array) -> None:
        self.name, self.mean = name, features.mean(axis=0)
        self.width = median_distance(features) if name == "rbf" else 1.0

    def __call__(self, first: Array, second: Array) -> Array:
        """The matrix of two sets of features."""
        inner = gram(self.name, first - self.mean, second - self.mean, self.width)
        return inner + 1 if self.name == "linear" else inner


def train(
    kernel: Kernel, features: Array, labels: Labels, weights: Array, classes: int
) -> Callable[[Array], Labels]:
    """The predictor of the f that is least in Σ_i w_i ‖f(x_i) − e_{y_i}‖² + λ‖f‖².

    f(x) = Σ_i K(x, x_i) c_i with c = S(SKS + λ)⁻¹S Y, S = diag(√w): samples of weight 0 are as if not there.
    """
    used = weights > 0
    trained, root = features[used], np.sqrt(weights[used])[:, None]
    matrix = root * kernel(trained, trained) * root.T
    matrix[np.diag_indices_from(matrix)] += PENALTY
    targets = np.eye(classes)[labels[used]]
    coefficients = root * scipy.linalg.solve(matrix, root * targets, assume_a="pos")
    return lambda given: np.argmax(kernel(given, trained) @ coefficients, axis=1)


def leave_one_out(kernel: Kernel, features: Array, labels: Labels, classes: int) -> Array:
    """‖f₋ᵢ(x_i) − e_{y_i}‖², f₋ᵢ trained on all other samples: residuals over the diagonal of (K + λ)⁻¹, exact."""
    matrix = kernel(features, features)
    matrix[np.diag_indices_from(matrix)] += PENALTY
    inverse = scipy.linalg.inv(matrix)
    errors = inverse @ np.eye(classes)[labels] / np.diag(inverse)[:, None]
    squares: Array = (errors**2).sum(axis=1)
    return squares
