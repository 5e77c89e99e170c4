"""Test samples in 2m dimensions: what the network sees of a noise patch, and its outputs on many of them."""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from theorysim.core import blas
from theorysim.patch.activation import Activation
from theorysim.patch.kernels.score import votes
from theorysim.patch.problem import SignalNoise
from theorysim.core.run import At
from theorysim.patch.trained import TrainedRun
from theorysim.core.seeds import Stream, generator

Array = NDArray[np.float64]
BLOCK = 10_000  # noise draws that have a stream of random numbers to themselves
SCORED = 2_000  # of them at a time, for the cache
KEPT_BYTES = 2**22  # blocks up to this size are kept, some: runs of one seed, and the steps of one run, share them


class Reduced(NamedTuple):
    """All that decides a test sample (yμ, ξ) at one step: S_y + Σ_k c_k σ(z_k) with z = centre + scale·N(0, Σ).

    Attributes
    ----------
    plus, minus : float
        S_y, the network's output on the signal patch of a positive and of a negative sample.
    covariance : (2m, 2m) array
        Σ, of ⟨w_k, ξ⟩ for fresh noise ξ.
    centres : (2m, S) array
        One of its columns, each as likely, is the centre: 0 for fresh noise, training noises for the memory test.
    scale : float
        1 for fresh noise.
    readout : (2m,) array
        c, the second layer.
    sigma : Activation
    """

    plus: float
    minus: float
    covariance: Array
    centres: Array
    scale: float
    readout: Array
    sigma: Activation


def reduced(run: TrainedRun, at: At = "end", memory: bool = False, zeta_std: float = 0.0) -> Reduced:
    """The reduced problem of a run at a recorded step, of fresh noise or of the memory test."""
    problem, filters = signal_noise(run), 2 * run.draw.m
    scale = zeta_std / problem.noise_std if memory else 1.0
    covariance = noise_covariance(run, at) if scale else np.zeros((filters, filters))
    shift = problem.bias * run.weights_at(at)[:, -1] if problem.bias else np.zeros(filters)
    centres = _memory_inner(run, at) if memory else shift[:, None]
    return Reduced(*signal_outputs(run, at), covariance, centres, scale, readout(run, at), problem.sigma)


def noise_covariance(run: TrainedRun, at: At = "end") -> Array:
    """Covariance of z = (⟨w_k, ξ⟩)_k for a fresh ξ at a recorded step, (2m, 2m)."""
    problem, filters = signal_noise(run), run.weights_at(at)
    if problem.bias:  # the last coordinate, in which patches are alike
        filters = filters[:, :-1]
    if problem.orthogonal_noise:
        axis = run.draw.signal_axis(problem.bias)[: filters.shape[1]]
        axis = np.pad(axis, (0, filters.shape[1] - axis.size))  # noise on the weights may have further coordinates
        filters = filters - np.outer(filters @ axis, axis)
    with blas.single_threaded():
        covariance: Array = problem.noise_std**2 * (filters @ filters.T)
    return covariance


def signal_noise(run: TrainedRun) -> SignalNoise:
    """The problem of a run, which must be a signal-noise one."""
    if not isinstance(run.problem, SignalNoise):
        raise ValueError(f"problem={run.problem!r}: must be a SignalNoise problem")
    return run.problem


def signal_outputs(run: TrainedRun, at: At) -> tuple[float, float]:
    """Network output on the signal patch of a positive and of a negative sample."""
    problem, atoms = signal_noise(run), slice(0, 2 if signal_noise(run).bias else 1)
    inner = run.products(at, atoms)
    sides = np.stack([inner[:, 0], inner[:, 1] if problem.bias else -inner[:, 0]], axis=1)
    plus, minus = voted(sides, readout(run, at), problem.sigma)
    return float(plus), float(minus)


def _memory_inner(run: TrainedRun, at: At) -> Array:
    """⟨w_k, ξ_i⟩ at a recorded step, (2m, n)."""
    inner = run.products(at)
    return np.ascontiguousarray(inner[:, run.draw.owner >= 0])


def voted(inner: Array, second_layer: Array, sigma: Activation) -> Array:
    """Σ_k c_k σ(z_k) of inner products z (2m, N), (N,): where the activation is applied to test patches."""
    output = np.empty(inner.shape[1])
    votes(np.ascontiguousarray(inner), second_layer, sigma.KIND, *sigma.numbers, output)
    return output


def memory_outputs(law: Reduced) -> Array:
    """h on the centres themselves, (S,)."""
    return voted(law.centres, law.readout, law.sigma)


def noise_outputs(law: Reduced, n_test: int, seed: int) -> Iterator[Array]:
    """h(z) on n_test noise vectors, in blocks."""
    root = spread(law.covariance) * law.scale
    for start in range(0, n_test, BLOCK):
        noise = standard_noise(seed, start // BLOCK, len(root), min(BLOCK, n_test - start))
        centre = _centres(law.centres, seed, start // BLOCK, noise.shape[1])
        for first in range(0, noise.shape[1], SCORED):
            part = slice(first, first + SCORED)
            yield voted(root @ noise[:, part] + centre[:, part], law.readout, law.sigma)


def spread(covariance: Array) -> Array:
    """A matrix that makes Gaussians of this covariance of standard ones."""
    size, axes = np.linalg.eigh(covariance)
    found: Array = axes * np.sqrt(np.maximum(size, 0.0))
    return found


def _centres(centres: Array, seed: int, block: int, size: int) -> Array:
    """(2m, size) what the Gaussian is added to: columns drawn with equal chances."""
    if centres.shape[1] == 1:
        return np.broadcast_to(centres, (len(centres), size))
    return np.take(centres, generator(seed, Stream.TEST_MEMORY, block).integers(centres.shape[1], size=size), axis=1)


def standard_noise(seed: int, block: int, filters: int, size: int, number: int = 0) -> Array:
    """(2m, size) standard Gaussians of a block of test noise, of one of the noise vectors of a sample."""
    return (_kept if 8 * filters * size <= KEPT_BYTES else _drawn)(seed, block, filters, size, number)


def _drawn(seed: int, block: int, filters: int, size: int, number: int) -> Array:
    rng = generator(seed, Stream.TEST, block, *([number] if number else []))
    noise: Array = np.ascontiguousarray(rng.standard_normal((size, filters)).T)
    noise.setflags(write=False)
    return noise


_kept = lru_cache(maxsize=16)(_drawn)


def readout(run: TrainedRun, at: At) -> Array:
    """c, the second layer at a recorded step, (2m,)."""
    second: Array = run.readouts[run.record(at)]
    return second
