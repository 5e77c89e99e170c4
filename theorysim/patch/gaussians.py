"""Noise and initial weights of a seed, in coordinates whose first axes are the features.

As vectors in d dimensions; or by Bartlett's triangle in the span of what is drawn, where no dimension is left (see
:mod:`theorysim.patch.draw`). Rows are the noise vectors of the samples, one sample after the other, and the filters.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from theorysim.core.seeds import Stream, generator

Array = NDArray[np.float64]


class Drawn(Protocol):
    """A problem whose noise and weights are drawn."""

    @property
    def d(self) -> int:
        """Dimension of a patch."""

    @property
    def m(self) -> int:
        """Filters per branch."""

    @property
    def init_std(self) -> float:
        """σ_0."""

    @property
    def init_law(self) -> str:
        """ "normal" or "uniform"."""

    @property
    def bias(self) -> float:
        """Appended to every patch."""


def form_of(problem: Drawn, form: str, rows: int, features: int = 1) -> str:
    """The form in which so many noise vectors beside so many features are drawn: "auto" is the smaller one."""
    if form != "auto":
        return form
    smaller = problem.init_law == "normal" and problem.d - features >= rows + 2 * problem.m
    return "wishart" if smaller else "vectors"


def standard_noise_and_weights(
    problem: Drawn, seed: int, form: str, rows: int, features: int = 1
) -> tuple[Array, Array]:
    """Standard Gaussian noise (rows, D) and initial weights (2m, D), one coordinate more with a bias."""
    noise, weights = (_bartlett if form == "wishart" else _vectors)(problem, seed, rows, features)
    if problem.bias:
        biases = _weights(problem, generator(seed, Stream.BIAS), (len(weights), 1))
        weights = np.concatenate([weights, biases], axis=1)
    return noise, weights


def _vectors(problem: Drawn, seed: int, rows: int, _features: int) -> tuple[Array, Array]:
    """In d dimensions."""
    noise = generator(seed, Stream.NOISE).standard_normal((rows, problem.d))
    return noise, _weights(problem, generator(seed, Stream.WEIGHTS), (2 * problem.m, problem.d))


def _weights(problem: Drawn, rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Initial weights of mean 0 and standard deviation σ_0."""
    if problem.init_law == "uniform":
        return problem.init_std * np.sqrt(3.0) * rng.uniform(-1.0, 1.0, shape)
    return problem.init_std * rng.standard_normal(shape)


def _bartlett(problem: Drawn, seed: int, rows: int, features: int) -> tuple[Array, Array]:
    """The same two arrays in the coordinates (features, span of the rest)."""
    filters, degrees = 2 * problem.m, problem.d - features
    span = min(degrees, rows + filters)
    streams = (generator(seed, Stream.NOISE), rows, 0), (generator(seed, Stream.WEIGHTS), filters, rows)
    noise, weights = (_triangle_rows(rng, size, first, span, degrees, features) for rng, size, first in streams)
    return noise, problem.init_std * weights


def _triangle_rows(
    rng: np.random.Generator, rows: int, first: int, span: int, degrees: int, features: int
) -> Array:
    """Rows first..first+rows−1 of Bartlett's triangle, behind standard Gaussian coordinates along the features."""
    along_features = rng.standard_normal((rows, features))
    number = np.arange(first, first + rows)
    triangle = np.tril(rng.standard_normal((rows, span)), first - 1)
    on_diagonal = number[number < min(span, degrees)]
    triangle[on_diagonal - first, on_diagonal] = np.sqrt(rng.chisquare(degrees - on_diagonal))
    return np.concatenate([along_features, triangle], axis=1)
