"""Test error without test vectors: a Gaussian in 2m dimensions.

Two test distributions: *fresh*, (yμ, ξ) with a new ξ; and *memory*, (yμ, ξ_i + ζ) with a training noise vector ξ_i
and a further Gaussian ζ, the label y independent of i (the distribution of Han et al. 2025, Theorem 4.2).

On a fresh sample (yμ, ξ) the network's output is S_y + h(z) with S_y = Σ_k c_k σ(⟨w_k, yμ⟩) fixed,
h(z) = Σ_k c_k σ(z_k) and z_k = ⟨w_k, ξ⟩ jointly Gaussian with covariance σ_p² times the Gram matrix of the
filters (of their components orthogonal to μ when the noise is). The filters w(t) = w(0) + Σ_a b_a v_a are known in
the coordinates of the draw, which has n + 2m + 1 of them where no vector of dimension d exists, so a test set of
10⁵ samples costs milliseconds at any dimension. A bias coordinate adds its constant to every z_k.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from theorysim import _validate, binomial, blas
from theorysim.kernels.score import votes
from theorysim.problem import SignalNoise
from theorysim.run import At, Run
from theorysim.seeds import Stream, generator

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
BLOCK = 10_000  # noise draws that have a stream of random numbers to themselves
SCORED = 2_000  # of them at a time, for the cache
KEPT_BYTES = 2**22  # blocks up to this size are kept, some: runs of one seed, and the steps of one run, share them
LABELS = ("true", "observed")
KINDS = ("fresh", "memory")


@dataclass(frozen=True)
class Estimate:
    """A probability with its 95% interval, how it was found, and on which test distribution."""

    value: float
    low: float
    high: float
    method: str
    kind: str = "fresh"

    def __str__(self) -> str:
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"


def test_error(
    run: Run, at: At = "end", *, kind: str = "fresh", zeta_std: float = 0.0, n_test: int = 100_000,
    seed: int | None = None, labels: str = "true",
) -> Estimate:
    r"""Probability that a test sample is classified wrongly, y uniform; ties are errors.

    Parameters
    ----------
    run : Run
        A run of a :class:`SignalNoise` problem.
    at : int or "end"
        A recorded step.
    kind : {"fresh", "memory"}
        (yμ, ξ) with fresh noise, or (yμ, ξ_i + ζ) with ξ_i drawn from the training noise and y independent of i.
    zeta_std : float
        Standard deviation of a coordinate of ζ, for "memory"; 0 for the training noise itself, whose 2n samples are
        then counted exactly.
    n_test : int
        Noise vectors drawn; both labels are scored on each.
    seed : int, optional
        Seed of the test noise, the run's by default (with a stream of its own). The same
        noise serves every step, so curves are smooth.
    labels : {"true", "observed"}
        Count errors against y, or against a test label that is flipped with the problem's own rates τ as training
        labels are: the average over y of τ_y + (1 − 2τ_y) P(error | y).

    Returns
    -------
    Estimate
        Monte Carlo with an exact (Clopper–Pearson) 95% interval. Where the signal part of the output
        is larger for y = +1 than for y = −1, at most one of the two labels fails on a given noise
        vector; otherwise at least one does. Either way the failures to be counted are binomial.
        (Observed labels with two different rates: an interval for each class, of 97.5% each.)

    Raises
    ------
    ValueError
        When the step was not recorded, or the problem is patch data, which has no test distribution.
    """
    n_test = _validate.integer("n_test", n_test, 1)
    _validate.choice("labels", labels, LABELS)
    _validate.choice("kind", kind, KINDS)
    zeta_std = _validate.real("zeta_std", zeta_std, 0)
    if kind == "fresh" and zeta_std:
        raise ValueError(f"zeta_std={zeta_std!r}: must be 0 with kind='fresh', it belongs to kind='memory'")
    tau = _signal_noise(run).flip_rates if labels == "observed" else (0.0, 0.0)
    plus, minus = _signal_outputs(run, at)
    exclusive = plus > minus
    wrong_plus = wrong_minus = 0
    exact = kind == "memory" and zeta_std == 0
    if kind == "fresh":
        draws = _noise_outputs(run, at, n_test, seed)
    elif exact:
        n_test, draws = run.draw.n, iter([_memory_outputs(run, at)])
    else:
        draws = _noise_outputs(run, at, n_test, seed, zeta_std)
    with blas.single_threaded():
        for noise in draws:
            wrong_plus += int((noise + plus <= 0).sum())
            wrong_minus += int((noise + minus >= 0).sum())
    if exact:
        share = np.array([wrong_plus, wrong_minus]) / n_test
        value = float(np.mean(tau + (1 - 2 * np.array(tau)) * share))
        return Estimate(value, value, value, "exact", kind)
    if tau[0] != tau[1]:
        return _weighted((wrong_plus, wrong_minus), n_test, tau, kind)
    base = 0.0 if exclusive else 0.5
    hits = wrong_plus + wrong_minus - (0 if exclusive else n_test)  # either fails, or both do
    bounds = (base + share / 2 for share in (hits / n_test, *binomial.interval(hits, n_test)))
    low, value, high = sorted(tau[0] + (1 - 2 * tau[0]) * bound for bound in bounds)
    return Estimate(value, low, high, "monte-carlo", kind)


def _weighted(hits: tuple[int, int], n_test: int, tau: tuple[float, float], kind: str) -> Estimate:
    """Error against test labels flipped with different rates, from the errors of each class."""
    classes = []
    for count, rate in zip(hits, tau, strict=True):
        ends = sorted(rate + (1 - 2 * rate) * share for share in binomial.interval(count, n_test, 0.975))
        classes.append((rate + (1 - 2 * rate) * count / n_test, *ends))
    value, low, high = (float(np.mean(pair)) for pair in zip(*classes, strict=True))
    return Estimate(value, low, high, "monte-carlo", kind)


def test_accuracy_curve(
    run: Run, *, kind: str = "fresh", zeta_std: float = 0.0, n_test: int = 10_000, seed: int | None = None
) -> "pd.DataFrame":
    """Test accuracy at every recorded step with its 95% interval: columns test_accuracy, low, high."""
    import pandas as pd

    errors = [test_error(run, int(step), kind=kind, zeta_std=zeta_std, n_test=n_test, seed=seed)
              for step in run.steps_recorded]
    accuracy = [(1 - error.value, 1 - error.high, 1 - error.low) for error in errors]
    index = pd.Index(run.steps_recorded, name="step")
    return pd.DataFrame(accuracy, columns=["test_accuracy", "low", "high"], index=index)


def noise_covariance(run: Run, at: At = "end") -> Array:
    """Covariance of z = (⟨w_k, ξ⟩)_k for a fresh ξ at a recorded step, (2m, 2m)."""
    problem, filters = _signal_noise(run), run.weights_at(at)
    if problem.bias:  # the last coordinate, in which patches are alike
        filters = filters[:, :-1]
    if problem.orthogonal_noise:
        axis = run.draw.signal_axis(problem.bias)[: filters.shape[1]]
        filters = filters - np.outer(filters @ axis, axis)
    with blas.single_threaded():
        covariance: Array = problem.noise_std**2 * (filters @ filters.T)
    return covariance


def _signal_noise(run: Run) -> SignalNoise:
    if not isinstance(run.problem, SignalNoise):
        raise ValueError(f"problem={run.problem!r}: patch data has no test distribution; use run.predict(patches)")
    return run.problem


def _signal_outputs(run: Run, at: At) -> tuple[float, float]:
    """Network output on the signal patch of a positive and of a negative sample."""
    problem, atoms = _signal_noise(run), slice(0, 2 if _signal_noise(run).bias else 1)
    inner = run.draw.inner[:, atoms] + run.coefficients[run.record(at)] @ run.draw.gram[:, atoms]
    sides = (inner[:, 0], inner[:, 1] if problem.bias else -inner[:, 0])
    plus, minus = (float(_readout(run) @ np.where(z > 0, z, 0.0) ** problem.q) for z in sides)
    return plus, minus


def _memory_inner(run: Run, at: At) -> Array:
    """⟨w_k, ξ_i⟩ at a recorded step, (2m, n)."""
    inner: Array = run.draw.inner + run.coefficients[run.record(at)] @ run.draw.gram
    return np.ascontiguousarray(inner[:, run.draw.owner >= 0])


def _memory_outputs(run: Run, at: At) -> Array:
    """h on the training noises, (n,)."""
    inner, output = _memory_inner(run, at), np.empty(run.draw.n)
    votes(inner, _readout(run), float(_signal_noise(run).q), output)
    return output


def _noise_outputs(
    run: Run, at: At, n_test: int, seed: int | None, zeta_std: float | None = None
) -> Iterator[Array]:
    """h(z) on n_test noise vectors, in blocks: fresh ones, or with zeta_std training noises with something added."""
    problem = _signal_noise(run)
    size, axes = np.linalg.eigh(noise_covariance(run, at))
    spread = axes * np.sqrt(np.maximum(size, 0.0)) * (1.0 if zeta_std is None else zeta_std / problem.noise_std)
    seed = run.seed if seed is None else _validate.integer("seed", seed, 0)
    readout, q = _readout(run), float(problem.q)
    for start in range(0, n_test, BLOCK):
        noise = _standard_noise(seed, start // BLOCK, size.size, min(BLOCK, n_test - start))
        centre = _centres(run, at, zeta_std is not None, seed, start // BLOCK, noise.shape[1])
        for first in range(0, noise.shape[1], SCORED):
            part = slice(first, first + SCORED)
            z = spread @ noise[:, part] + centre[:, part]
            output = np.empty(z.shape[1])
            votes(z, readout, q, output)
            yield output


def _centres(run: Run, at: At, memory: bool, seed: int, block: int, size: int) -> Array:
    """(2m, size) what the Gaussian is added to: inner products with training noises, or with the bias coordinate."""
    if memory:
        inner = _memory_inner(run, at)
        return np.take(inner, generator(seed, Stream.TEST_MEMORY, block).integers(inner.shape[1], size=size), axis=1)
    bias = _signal_noise(run).bias
    shift: Array = bias * run.weights_at(at)[:, -1] if bias else np.zeros(2 * run.draw.m)
    return np.broadcast_to(shift[:, None], (shift.size, size))


def _standard_noise(seed: int, block: int, filters: int, size: int) -> Array:
    """(2m, size) standard Gaussians of a block of test noise."""
    return (_kept if 8 * filters * size <= KEPT_BYTES else _drawn)(seed, block, filters, size)


def _drawn(seed: int, block: int, filters: int, size: int) -> Array:
    noise: Array = np.ascontiguousarray(generator(seed, Stream.TEST, block).standard_normal((size, filters)).T)
    noise.setflags(write=False)
    return noise


_kept = lru_cache(maxsize=16)(_drawn)


def _readout(run: Run) -> Array:
    return np.repeat([1.0, -1.0], run.draw.m) / run.draw.m
