"""The model behind theory/second_order, step by step and in plain loops over steps: nothing of the package is used.

Chains are vectors; every step draws the multipliers, takes the pulls from the equations, and multiplies.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Law = Callable[[np.random.Generator, tuple[int, ...]], Array]


def flips(p: float) -> Law:
    """ε = −1 with probability p."""
    return lambda rng, shape: np.where(rng.random(shape) < p, -1.0, 1.0)


def gaussian(mean: float, std: float) -> Law:
    """ε ~ N(mean, std²)."""
    return lambda rng, shape: mean + std * rng.standard_normal(shape)


def uniform(low: float, high: float) -> Law:
    """ε ~ U[low, high]."""
    return lambda rng, shape: low + (high - low) * rng.random(shape)


def pull(epsilon: Array, f: Array) -> Array:
    """−ε ℓ'(εf) with ℓ(u) = log(1 + e^{−u})."""
    return epsilon / (1 + np.exp(epsilon * f))


class Measured(NamedTuple):
    """A mean over independent chains, and its standard error."""

    value: float
    error: float

    def agrees(self, other: float, errors: float = 4.5) -> bool:
        """Whether a number is within so many standard errors, for each of which the seed is fixed."""
        return abs(self.value - other) <= errors * self.error


def measured(values: Array) -> Measured:
    """Of one number for every chain."""
    return Measured(float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size)))


class Chain(NamedTuple):
    """Time averages of a memory chain."""

    pull: Measured
    pull_square: Measured
    output: Measured
    output_square: Measured
    log_output: Measured
    killing: Measured


@cache
def chain(
    law: str, parameters: tuple[float, ...], kappa: float, start: float, q: float = 2.0, share: float = 1.0,
    chains: int = 4000, burn: int = 500, steps: int = 2000, seed: int = 0,
) -> Chain:
    """z ← z|1 + qκcz^{q−2}| with f = share·z^q, from f = start."""
    draw = {"flips": flips, "gaussian": gaussian, "uniform": uniform}[law](*parameters)
    rng = np.random.default_rng(seed)
    z = np.full(chains, (start / share) ** (1 / q))
    sums = np.zeros((6, chains))
    for step in range(burn + steps):
        f = share * z**q
        c = pull(draw(rng, (chains,)), f)
        factor = 1 + q * kappa * c * z ** (q - 2)
        if step >= burn:
            sums += [c, c**2, f, f**2, np.log(f), factor <= 0]
        z = z * np.abs(factor)
    return Chain(*map(measured, sums / steps))


class Stages(NamedTuple):
    """First steps at which memory, and then the signal, have got where they should."""

    first: int
    second: int


def stages(
    noise: Array, signal: Array, kappa: float, snr_squared: float, p: float, *, theta: float = 0.1,
    threshold: float = 1.0, limit: int = 2_000_000, seed: int = 0,
) -> Stages:
    """One class, orthogonal noise: products (m, n) and (m,) of its own branch, the active ones multiplied together."""
    rng = np.random.default_rng(seed)
    m = len(signal)
    squares, largest = (np.maximum(noise, 0) ** 2).sum(axis=0) / m, noise.max(axis=0)
    signal_square, top = float((np.maximum(signal, 0) ** 2).sum() / m), float(signal.max())
    grown, signal_grown, first = np.ones(noise.shape[1]), 1.0, -1
    for step in range(limit):
        if first < 0 and (largest * (grown - 1) >= theta).all():
            first = step
        if first >= 0 and top * (signal_grown - 1) >= threshold:
            return Stages(first, step)
        c = pull(np.where(rng.random(grown.size) < p, -1.0, 1.0), squares * grown**2 + signal_square * signal_grown**2)
        grown = np.where(grown > 0, np.maximum(grown * (1 + 2 * kappa * c), 0.0), 0.0)
        signal_grown *= 1 + 2 * kappa * snr_squared * c.sum()
    raise AssertionError("the signal did not get there")


class Path(NamedTuple):
    """One class over some steps: growth in logarithms, and all pulls (steps, n)."""

    signal: float
    memory: Array
    pulls: Array


def path(
    kappas: Array, lam: float, p: float, memory: Array, signal: float, steps: int, rng: np.random.Generator
) -> Path:
    """f_i = F_i + S from parts of the output F_i (n,) and S, each sample with its own κ_i."""
    z, s, pulls = np.sqrt(memory), np.sqrt(signal), []
    for _ in range(steps):
        c = pull(np.where(rng.random(len(z)) < p, -1.0, 1.0), z**2 + s**2)
        pulls.append(c)
        z, s = z * (1 + 2 * kappas * c), s * (1 + 2 * lam * c.sum())
    return Path(float(np.log(s / np.sqrt(signal))), np.log(z / np.sqrt(memory)), np.array(pulls))


@cache
def takeover(
    kappa: float, snr_squared: float, p: float, samples: int, share: float, steps: int, seed: int = 0,
    classes: int = 400,
) -> Measured:
    """Growth of ln S − SNR² Σ_i ln F_i per step, over independent classes that start at rest, S = share·f*."""
    rng = np.random.default_rng(seed)
    rest = np.log((1 - p) / p)
    z, s = np.full((classes, samples), np.sqrt(rest * (1 - share))), np.full(classes, np.sqrt(rest * share))
    first = np.log(s**2) - snr_squared * np.log(z**2).sum(axis=1)
    for _ in range(steps):
        c = pull(np.where(rng.random(z.shape) < p, -1.0, 1.0), z**2 + s[:, None] ** 2)
        z, s = z * (1 + 2 * kappa * c), s * (1 + 2 * kappa * snr_squared * c.sum(axis=1))
    last = np.log(s**2) - snr_squared * np.log(z**2).sum(axis=1)
    return measured((last - first) / steps)


@cache
def walks(
    kappa: float, p: float, scale: float, n: int, m: int, theta: float, seed: int = 0, runs: int = 600
) -> Array:
    """T1 of memory at outputs of 0, its starts drawn anew in every run; runs in which a sample has none left out."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(runs):
        z = scale * rng.standard_normal((m, n)).max(axis=0)
        if z.min() <= 0:
            continue
        grown, step = np.ones(n), 0
        while not (z * (grown - 1) >= theta).all():
            grown *= np.where(rng.random(n) < p, 1 - kappa, 1 + kappa)
            step += 1
        found.append(step)
    return np.array(found, dtype=float)
