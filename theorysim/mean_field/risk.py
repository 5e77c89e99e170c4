"""Test error of the mean field: the reduced Gaussian problem, and the error law for q = 2.

A filter is w_k = (its part along the signal) + Σ_i z_{k,i} ξ_i/‖ξ_i‖² + (what of w_k(0) is orthogonal to all patches),
and orthogonal patches make the Gram matrix of the filters a sum (derived). So fresh noise meets filters k and l with
covariance

    Σ_kl = σ_p² [Σ_i z_{k,i} z_{l,i}/‖ξ_i‖² + δ_kl σ_0² (d − n − 1)],

its last term by expectation, and with ⟨w_k, μ⟩⟨w_l, μ⟩/‖μ‖² besides where noise is not orthogonal to the signal. To
leading order in small errors (derived) the output of a branch on fresh noise, (1/m) Σ_r max(0, z_r)², exceeds S through
the top eigenvalue Λ of its own block:

    −ln(error) = min_k m S_k/(2Λ_{−k}),   and for half-Gaussian z   Λ_j = n_j F̄_j (1 + (m − 1)/π)/d,

with n_j samples of mean memory F̄_j in class j.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from theorysim.core import blas
from theorysim.mean_field.draw import MeanFieldDraw
from theorysim.mean_field.problem import MeanField
from theorysim.patch.activation import PowerReLU
from theorysim.patch.risk import Reduced

Array = NDArray[np.float64]
BRANCHES = (1.0, -1.0)


class Filters(NamedTuple):
    """All filters at one step."""

    problem: MeanField
    draw: MeanFieldDraw
    signal: Array  # (2, m) ⟨w_{j,r}, μ⟩
    noise: Array  # (2, m, n) ⟨w_{j,r}, ξ_i⟩

    def powers(self, inner: Array) -> Array:
        """(1/m) Σ_r max(0, z_{j,r})^q of each branch, (2, ...)."""
        powers: Array = (np.where(inner > 0, np.abs(inner), 0.0) ** self.problem.q).mean(axis=1)
        return powers

    def signal_votes(self) -> tuple[float, float]:
        """S_+ and S_−."""
        votes = (self.powers(branch * self.signal) for branch in BRANCHES)
        plus, minus = (float(branch * (plus - minus)) for branch, (plus, minus) in zip(BRANCHES, votes, strict=True))
        return plus, minus

    def outputs(self) -> Array:
        """f(x_i), (n,)."""
        plus, minus = self.signal_votes()
        own, other = self.powers(self.noise)
        outputs: Array = np.where(self.draw.labels > 0, plus, -minus) + own - other
        return outputs


def covariance(filters: Filters) -> Array:
    """Σ of ⟨w_k, ξ⟩ for fresh ξ, (2m, 2m)."""
    problem, draw = filters.problem, filters.draw
    z = filters.noise.reshape(2 * draw.m, -1) / np.sqrt(np.where(draw.noise_norm_sq > 0, draw.noise_norm_sq, 1.0))
    rest = problem.init_std**2 * max(problem.d - problem.n - 1, 0)
    with blas.single_threaded():
        gram: Array = z @ z.T + rest * np.eye(len(z))
    if not problem.orthogonal_noise and draw.signal_norm_sq > 0:
        gram += np.outer(filters.signal, filters.signal) / draw.signal_norm_sq
    return problem.noise_std**2 * gram


def reduced(filters: Filters) -> Reduced:
    """The reduced problem of fresh noise."""
    plus, minus = filters.signal_votes()
    m = filters.draw.m
    return Reduced(plus, -minus, covariance(filters), np.zeros((2 * m, 1)), 1.0, np.repeat(BRANCHES, m) / m,
                   PowerReLU(filters.problem.q))


def top_eigenvalues(filters: Filters) -> tuple[float, float]:
    """Λ of branches +1 and −1."""
    whole, m = covariance(filters), filters.draw.m
    with blas.single_threaded():
        plus, minus = (float(np.linalg.eigvalsh(block)[-1]) for block in (whole[:m, :m], whole[m:, m:]))
    return plus, minus


def half_gaussian_eigenvalues(filters: Filters) -> tuple[float, float]:
    """The same from the memories F_i alone, as if z were half-Gaussian."""
    powers, labels = filters.powers(filters.noise), filters.draw.observed_labels
    factor = (1 + (filters.draw.m - 1) / np.pi) / filters.problem.d
    plus, minus = (float(factor * mine[labels == branch].sum()) for mine, branch in zip(powers, BRANCHES, strict=True))
    return plus, minus


def log_error(filters: Filters, eigenvalues: tuple[float, float]) -> float:
    """ln of the test error by the law; 0 where a class has no signal."""
    votes, m = filters.signal_votes(), filters.draw.m
    exponents = (np.inf if top == 0 else m * vote / (2 * top)
                 for vote, top in zip(votes, reversed(eigenvalues), strict=True) if vote > 0)
    return -min(exponents) if min(votes) > 0 else 0.0
