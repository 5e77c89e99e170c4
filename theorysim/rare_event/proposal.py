"""The proposal: a mixture of projected normals, fitted to where errors were found.

The direction of u ~ N(μ, S) has the density, relative to the uniform law on the sphere of R^k,

    [2π^{k/2}/Γ(k/2)] (2π)^{−k/2} |S|^{−1/2} exp(−½ μᵀS⁻¹μ) α^{−k/2} M_{k−1}(β/√α),

α = θᵀS⁻¹θ, β = θᵀS⁻¹μ, M_n(x) = ∫₀^∞ rⁿ e^{−r²/2 + xr} dr (derived).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.rare_event import kernel as radial
from theorysim.rare_event.tail import Tail

Array = NDArray[np.float64]
UNIFORM = 0.05  # weight of the uniform law
REACH = 14.0  # design points whose β²/2 is within this of the best are kept
MAX_POINTS = 64
MERGED = 0.97  # cosine above which two design points are one
ASCENTS = 80
SPACING = 0.02  # of the grid of log M_n


@dataclass(frozen=True, eq=False)
class Cloud:
    """The direction of N(mean, covariance)."""

    mean: Array
    root: NDArray[Any]  # lower Cholesky factor of the covariance

    def draw(self, rng: np.random.Generator, size: int) -> Array:
        """Directions (size, k)."""
        u = self.mean + rng.standard_normal((size, self.mean.size)) @ self.root.T
        directions: Array = u / np.linalg.norm(u, axis=1, keepdims=True)
        return directions

    def log_density(self, theta: Array) -> Array:
        """Relative to the uniform law on the sphere, (N,)."""
        inverse = np.linalg.inv(self.root)  # k is small, and the factor well conditioned by the shrinkage
        white, centre = theta @ inverse.T, inverse @ self.mean
        alpha, beta = (white**2).sum(axis=1), white @ centre
        k = self.mean.size
        density: Array = _constant(k) - np.log(np.diag(self.root)).sum() - centre @ centre / 2 - k / 2 * np.log(alpha)
        return density + log_moment(k - 1, beta / np.sqrt(alpha))


def _constant(k: int) -> float:
    """log [2π^{k/2}/Γ(k/2)] (2π)^{−k/2}."""
    from scipy.special import gammaln  # at the top it would be a fifth of the time of `import theorysim`

    return float(np.log(2) + k / 2 * np.log(np.pi) - gammaln(k / 2) - k / 2 * np.log(2 * np.pi))


def log_moment(n: int, x: Array) -> Array:
    """log M_n(x), by its recursion; where many are asked for, by interpolation from a grid (to 1e-9)."""
    result = np.empty(x.size)
    flat, low, high = np.ascontiguousarray(x).ravel(), float(x.min(initial=0.0)), float(x.max(initial=0.0))
    size = int((high - low) / SPACING) + 3
    if size * 4 < flat.size:
        grid = low - SPACING / 2 + SPACING * np.arange(size)
        values, slopes = _log_moments(n, grid)
        radial.hermite(flat, grid[0], SPACING, values, slopes, result)
    else:
        result, _ = _log_moments(n, flat)
    return result.reshape(x.shape)


def _log_moments(n: int, x: NDArray[Any]) -> tuple[Array, Array]:
    from scipy.special import log_ndtr

    value, slope = np.empty(x.size), np.empty(x.size)
    radial.log_moments(n, x, 0.5 * np.log(2 * np.pi) + log_ndtr(x) + x**2 / 2, value, slope)  # M_0 has a closed form
    return value, slope


@dataclass(frozen=True, eq=False)
class Mixture:
    """The uniform law, clouds, and N(point, I) at every design point, with weights in that order."""

    weights: Array
    clouds: tuple[Cloud, ...]
    points: Array  # (points, k)

    def draw(self, rng: np.random.Generator, size: int) -> tuple[Array, NDArray[np.int64]]:
        """Directions, stratified over components: numbers in proportion to the weights; the stratum of each."""
        counts = np.floor(self.weights * size).astype(np.int64)
        order = np.argsort(-(self.weights * size - counts), kind="stable")
        counts[order[: size - counts.sum()]] += 1
        stratum = np.repeat(np.arange(counts.size), counts)
        first = 1 + len(self.clouds)
        u = rng.standard_normal((size, self.points.shape[1]))
        at_points = stratum >= first
        u[at_points] += self.points[stratum[at_points] - first]
        u /= np.linalg.norm(u, axis=1, keepdims=True)
        for number, cloud in enumerate(self.clouds, start=1):
            u[stratum == number] = cloud.draw(rng, int(counts[number]))
        return u, stratum

    def log_parts(self, theta: Array) -> Array:
        """(N, components) weighted log densities relative to the uniform law."""
        k = theta.shape[1]
        at_points = _constant(k) - (self.points**2).sum(axis=1) / 2 + log_moment(k - 1, theta @ self.points.T)
        clouds = [one.log_density(theta)[:, None] for one in self.clouds]
        parts: Array = np.concatenate([np.zeros((len(theta), 1)), *clouds, at_points], axis=1)
        return parts + np.log(self.weights)


def fitted(tail: Tail, theta: Array, h: Array, rng: np.random.Generator) -> Mixture:
    """The mixture for particles at the level: their cloud, wider and narrower, and all design points."""
    k = tail.rank
    theta, h = theta[h > 0], h[h > 0]
    radius = (tail.level / h) ** (1 / tail.q)
    lifted = np.abs(radius + rng.standard_normal(h.size))[:, None] * theta
    centre = lifted.mean(axis=0)
    spread = np.cov(lifted.T).reshape(k, k)
    shrinkage = float(np.clip(2 * k / h.size, 0.1, 0.6))
    level = np.trace(spread) / k * np.eye(k)
    narrow = (1 - shrinkage) * spread + shrinkage * level
    clouds: list[tuple[Array, Array]] = [(centre, narrow), (centre, 1.3 * spread + 0.4 * np.eye(k))]
    points = design_points(tail, theta, rng)
    weights = np.array([UNIFORM, 0.35, 0.2, *[0.4 / max(1, len(points))] * len(points)])
    return Mixture(
        weights / weights.sum(),
        tuple(Cloud(mean, np.linalg.cholesky(_positive(covariance))) for mean, covariance in clouds),
        points,
    )


def _positive(covariance: NDArray[Any]) -> Array:
    return covariance + 1e-10 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))


def design_points(tail: Tail, theta: Array, rng: np.random.Generator) -> Array:
    """(points, k) nearest points to the origin of the set h ≥ a, one for each local maximum of h on the sphere."""
    rows = tail.factor[tail.c > 0]
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    uniform = rng.standard_normal((50, tail.rank))
    uniform /= np.linalg.norm(uniform, axis=1, keepdims=True)
    some = theta[rng.permutation(len(theta))[:200]]
    found = _ascend(tail, np.concatenate([rows, uniform, some]))
    h = tail.outputs(found @ tail.factor.T)
    found, h = found[h > 0], h[h > 0]
    if not h.size:
        return np.empty((0, tail.rank))
    radius = (tail.level / h) ** (1 / tail.q)
    order = np.argsort(radius)
    kept: list[int] = []
    for one in order:
        if radius[one] ** 2 / 2 > radius[order[0]] ** 2 / 2 + REACH or len(kept) == MAX_POINTS:
            break
        if not kept or (found[kept] @ found[one]).max() <= MERGED:
            kept.append(int(one))
    return found[kept] * radius[kept][:, None]


def _ascend(tail: Tail, theta: Array) -> Array:
    """Projected-gradient ascent of h on the sphere, every start with a step of its own."""
    step = np.full(len(theta), 0.5)
    value = tail.outputs(theta @ tail.factor.T)
    for _ in range(ASCENTS):
        z = theta @ tail.factor.T
        slope = np.where(z > 0, np.abs(z), 0.0) ** (tail.q - 1) if tail.q > 1 else (z > 0).astype(float)
        gradient = (slope * tail.c) @ tail.factor
        gradient -= (gradient * theta).sum(axis=1, keepdims=True) * theta
        size = np.linalg.norm(gradient, axis=1, keepdims=True)
        trial = theta + step[:, None] * gradient / np.maximum(size, 1e-300)
        trial /= np.linalg.norm(trial, axis=1, keepdims=True)
        new = tail.outputs(trial @ tail.factor.T)
        better = new > value
        theta, value = np.where(better[:, None], trial, theta), np.where(better, new, value)
        step = np.where(better, 1.3 * step, 0.5 * step)
    return theta
