"""Splitting: sequential Monte Carlo over a ladder of levels −∞ < a₁ < … < a, with slice moves in between."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theorysim.rare_event import kernel as radial
from theorysim.rare_event.tail import Tail

Array = NDArray[np.float64]
SHRINKS = 30  # of a slice move's bracket; after so many it is 1e-9 wide, and the move is not made
EVENNESS = 0.5  # (mean w)²/mean(w²) from one level to the next
MAX_LEVELS = 2000


@dataclass(frozen=True, eq=False)
class Particles:
    """Directions distributed as F_a at the last level, and the estimate of the log probability."""

    log_probability: float
    theta: Array  # (N, k)
    h: Array  # (N,)
    evaluations: int


def split(tail: Tail, rng: np.random.Generator, particles: int, moves: int, last_moves: int) -> Particles:
    """One run of splitting."""
    theta = rng.standard_normal((particles, tail.rank))
    theta /= np.linalg.norm(theta, axis=1, keepdims=True)
    z = np.ascontiguousarray(theta @ tail.factor.T)
    h = tail.outputs(z)
    level, log_f, total, evaluations = -np.inf, np.zeros(particles), 0.0, particles
    for _ in range(MAX_LEVELS):
        before = level
        level, weights, log_mean = _next_level(tail, h, log_f, level)
        total += log_mean
        if level == before or not np.isfinite(total):  # no way up
            break
        chosen = _systematic(weights, rng)
        theta, z = theta[chosen], z[chosen]
        log_f = tail.log_conditional(tail.outputs(z), level)
        done = level == tail.level
        for _ in range(last_moves if done else moves):
            _move(tail, level, (theta, z, log_f), rng)
        evaluations += 4 * particles * (last_moves if done else moves)
        h = tail.outputs(z)
        if done:
            return Particles(total, theta, h, evaluations)
    return Particles(-np.inf, theta, h, evaluations)


def _next_level(tail: Tail, h: Array, log_f: Array, current: float) -> tuple[float, Array, float]:
    """The highest level with weights even enough, by bisection; the weights and the log of their mean."""
    def weights(level: float) -> tuple[float, Array, float]:
        log_w = tail.log_conditional(h, level) - log_f
        top = log_w.max()
        if not np.isfinite(top):
            return 0.0, np.ones(h.size), -np.inf
        w = np.exp(log_w - top)
        return float(w.mean() ** 2 / (w**2).mean()), w, float(top + np.log(w.mean()))

    even, w, log_mean = weights(tail.level)
    if even >= EVENNESS:
        return tail.level, w, log_mean
    # From the current level, at first from one far below every output, to the goal.
    low, high = max(current, -1e3 * np.abs(h).max() * tail.rank ** (tail.q / 2)), tail.level
    if low < 0 < high:  # 0, which many outputs may equal, is a level of its own
        low, high = (0.0, high) if weights(0.0)[0] >= EVENNESS else (low, 0.0)
    for _ in range(200):
        middle = 0.5 * (low + high)
        even = weights(middle)[0]
        if even >= EVENNESS:
            low = middle
        else:
            high = middle
        if EVENNESS <= even < 1.1 * EVENNESS or high - low < 1e-14 * max(abs(low), abs(high)):
            break
    if low == current == 0.0 and (h > 0).any():  # some are above 0 and others at it: only those above go on
        low = 1e-9 * float(h[h > 0].min())
    return low, *weights(low)[1:]


def _systematic(weights: Array, rng: np.random.Generator) -> NDArray[np.int64]:
    """Systematic resampling."""
    places = (rng.random() + np.arange(weights.size)) / weights.size
    return np.minimum(np.searchsorted(np.cumsum(weights) / weights.sum(), places), weights.size - 1)


def _move(tail: Tail, level: float, state: tuple[Array, Array, Array], rng: np.random.Generator) -> None:
    """One slice move of every particle, with random numbers drawn here."""
    theta = state[0]
    particles, k = theta.shape
    nu = rng.standard_normal((particles, k))
    fresh = (
        np.sqrt(rng.chisquare(k, particles)), nu, np.ascontiguousarray(nu @ tail.factor.T),
        np.log(rng.random(particles)),
    )
    radial.slice_move(tail.c, tail.q, level, k, state, fresh, rng.random((particles, SHRINKS)))
