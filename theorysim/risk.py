"""Test error without test vectors: a Gaussian in 2m dimensions.

On a fresh sample (yμ, ξ) the network's output is S_y + h(z) with S_y = Σ_k c_k σ(y⟨w_k, μ⟩) fixed,
h(z) = Σ_k c_k σ(z_k) and z_k = ⟨w_k, ξ⟩ jointly Gaussian with covariance σ_p² times the Gram matrix of the
filters (of their components orthogonal to μ when the noise is). That matrix follows from the coefficients,

    W Wᵀ = W₀W₀ᵀ + Z₀ bᵀ + b Z₀ᵀ + b G bᵀ,   Z₀ = ⟨w(0), v⟩,

so a test set of 10⁵ samples costs milliseconds at any dimension, also where no vector exists.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from theorysim import _validate, binomial, blas
from theorysim.problem import SignalNoise
from theorysim.run import At, Run
from theorysim.seeds import Stream, generator

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
BLOCK = 10_000  # noise draws scored at a time


@dataclass(frozen=True)
class Estimate:
    """A probability with its 95% interval and how it was found."""

    value: float
    low: float
    high: float
    method: str

    def __str__(self) -> str:
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"


def test_error(run: Run, at: At = "end", *, n_test: int = 100_000, seed: int | None = None) -> Estimate:
    r"""Probability that a fresh sample (yμ, ξ) is classified wrongly, y uniform; ties are errors.

    Parameters
    ----------
    run : Run
        A run of a :class:`SignalNoise` problem.
    at : int or "end"
        A recorded step.
    n_test : int
        Noise vectors drawn; both labels are scored on each.
    seed : int, optional
        Seed of the test noise, the run's by default (with a stream of its own). The same
        noise serves every step, so curves are smooth.

    Returns
    -------
    Estimate
        Monte Carlo with an exact (Clopper–Pearson) 95% interval. Where the signal part of the output
        is larger for y = +1 than for y = −1, at most one of the two labels fails on a given noise
        vector; otherwise at least one does. Either way the failures to be counted are binomial.

    Raises
    ------
    ValueError
        When the step was not recorded, or the problem is patch data, which has no test distribution.
    """
    n_test = _validate.integer("n_test", n_test, 1)
    with blas.single_threaded():
        plus, minus = _signal_outputs(run, at)
        exclusive = plus > minus
        hits = 0
        for noise in _noise_outputs(run, at, n_test, seed):
            wrong_plus, wrong_minus = noise + plus <= 0, noise + minus >= 0
            hits += int((wrong_plus | wrong_minus if exclusive else wrong_plus & wrong_minus).sum())
    low, high = binomial.interval(hits, n_test)
    base = 0.0 if exclusive else 0.5
    value, low, high = (base + share / 2 for share in (hits / n_test, low, high))
    return Estimate(value, low, high, "monte-carlo")


def test_accuracy_curve(run: Run, *, n_test: int = 10_000, seed: int | None = None) -> "pd.DataFrame":
    """Test accuracy at every recorded step with its 95% interval: columns test_accuracy, low, high."""
    import pandas as pd

    errors = [test_error(run, int(step), n_test=n_test, seed=seed) for step in run.steps_recorded]
    accuracy = [(1 - error.value, 1 - error.high, 1 - error.low) for error in errors]
    index = pd.Index(run.steps_recorded, name="step")
    return pd.DataFrame(accuracy, columns=["test_accuracy", "low", "high"], index=index)


def noise_covariance(run: Run, at: At = "end") -> Array:
    """Covariance of z = (⟨w_k, ξ⟩)_k for a fresh ξ at a recorded step, (2m, 2m)."""
    problem, draw, coef = _signal_noise(run), run.draw, run.coefficients[run.record(at)]
    if problem.orthogonal_noise:
        seen = slice(1, None)  # the signal atom has no part in it
        initial = draw.weights - np.outer(draw.weights @ (axis := _signal_axis(run)), axis)
    else:
        seen, initial = slice(None), draw.weights
    coef, cross = coef[:, seen], draw.inner[:, seen] @ coef[:, seen].T
    gram = initial @ initial.T + cross + cross.T + coef @ draw.gram[seen, seen] @ coef.T
    covariance: Array = problem.noise_std**2 * (gram + gram.T) / 2
    return covariance


def _signal_axis(run: Run) -> Array:
    signal = run.draw.vectors[0]
    norm = float(np.linalg.norm(signal))
    return signal / norm if norm > 0 else np.eye(1, signal.size)[0]


def _signal_noise(run: Run) -> SignalNoise:
    if not isinstance(run.problem, SignalNoise):
        raise ValueError(f"problem={run.problem!r}: patch data has no test distribution; use run.predict(patches)")
    return run.problem


def _signal_outputs(run: Run, at: At) -> tuple[float, float]:
    """Network output on the signal patch of a positive and of a negative sample."""
    problem, position = _signal_noise(run), run.record(at)
    inner = run.draw.inner[:, 0] + run.coefficients[position] @ run.draw.gram[:, 0]
    readout = _readout(run)
    plus, minus = (float(readout @ np.where(z > 0, z, 0.0) ** problem.q) for z in (inner, -inner))
    return plus, minus


def _noise_outputs(run: Run, at: At, n_test: int, seed: int | None) -> Iterator[Array]:
    """h(z) on n_test noise vectors, in blocks."""
    size, axes = np.linalg.eigh(noise_covariance(run, at))
    spread = axes * np.sqrt(np.maximum(size, 0.0))
    rng = generator(run.seed if seed is None else _validate.integer("seed", seed, 0), Stream.TEST)
    readout, q = _readout(run), _signal_noise(run).q
    for start in range(0, n_test, BLOCK):
        z = rng.standard_normal((min(BLOCK, n_test - start), size.size)) @ spread.T
        yield np.where(z > 0, z, 0.0) ** q @ readout


def _readout(run: Run) -> Array:
    return np.repeat([1.0, -1.0], run.draw.m) / run.draw.m
