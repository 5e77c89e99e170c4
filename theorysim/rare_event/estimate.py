"""log P(h(z) ≥ a) with an interval: directional Monte Carlo where that is enough, else importance sampling."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theorysim.rare_event.proposal import Mixture, fitted
from theorysim.rare_event.splitting import Particles, split
from theorysim.rare_event.tail import Tail, reduce

Array = NDArray[np.float64]
PAIRS = 5000  # antithetic pairs of directional Monte Carlo
PILOTS = 4  # independent runs of splitting behind a proposal
FALLBACKS = 16
ENOUGH = 400  # effective sample size
DRAWS, MAX_DRAWS = 8000, 200_000
UNSEEN = 0.015  # relative error allowed for what the proposal reaches too seldom to show in the spread
T15, T3 = 2.1314495455597742, 3.182446305284263  # 97.5% points of Student's t with 15 and 3 degrees of freedom
COARSE = -2000.0  # below this log p, what importance sampling cannot do is left at the scale of log p


@dataclass(frozen=True)
class LogEstimate:
    """A log probability with the ends of its 95% interval.

    Attributes
    ----------
    value, low, high : float
        Natural logarithms; −inf for zero.
    method : str
        "exact", "directional", "importance" or "splitting".
    evaluations : int
        Directions at which the network was evaluated.
    reliable : bool
    reason : str
        Why not, if so.
    """

    value: float
    low: float
    high: float
    method: str
    evaluations: int
    reliable: bool = True
    reason: str = ""


def log_probability(
    c: Array, covariance: Array, q: float, level: float, rng: np.random.Generator, relative_error: float = 0.03
) -> LogEstimate:
    """log P(Σ_r c_r max(0, z_r)^q ≥ level), z ~ N(0, covariance).

    Parameters
    ----------
    c : (r,) array
    covariance : (r, r) array
    q : float
    level : float
    rng : Generator
        The only source of randomness.
    relative_error : float
        Standard error of the probability, relative to it, to aim for.
    """
    reduced = reduce(c, covariance, q, level)
    if isinstance(reduced, float):
        return LogEstimate(reduced, reduced, reduced, "exact", 0)
    return _estimate(reduced, rng, relative_error)


def _estimate(tail: Tail, rng: np.random.Generator, target: float) -> LogEstimate:
    found, good = _directional(tail, rng, target)
    if good:
        return found
    if tail.level < 0:  # the complement may be the rare one
        other = _estimate(Tail(-tail.c, tail.factor, tail.q, -tail.level), rng, target)
        if other.value < np.log(0.9):
            low, value, high = (_log_complement(one) for one in (other.high, other.value, other.low))
            return LogEstimate(value, low, high, other.method, found.evaluations + other.evaluations, other.reliable,
                               other.reason)
    if tail.level <= 0:
        return _fallback(tail, rng, 2000, 20)
    evaluations = found.evaluations
    for scale in (1, 4, 8):
        attempt, pilots = _importance(tail, rng, target, scale)
        evaluations += attempt.evaluations
        if attempt.reliable:
            return LogEstimate(attempt.value, attempt.low, attempt.high, "importance", evaluations)
        if max(pilots) < COARSE and np.isfinite(min(pilots)):
            return _coarse(pilots, attempt.reason, evaluations)
    last = _fallback(tail, rng, 1000, 30)
    return LogEstimate(last.value, last.low, last.high, last.method, evaluations + last.evaluations, last.reliable,
                       last.reason)


def _coarse(pilots: list[float], reason: str, evaluations: int) -> LogEstimate:
    """What the pilots say of log p itself: their mean, with Student's interval."""
    value, half = float(np.mean(pilots)), T3 * float(np.std(pilots, ddof=1)) / np.sqrt(PILOTS)
    text = f"log p is known to ±{half:.2g}, not p to a share of itself ({reason})"
    return LogEstimate(value, value - half, min(value + half, 0.0), "splitting", evaluations, False, text)


def _log_complement(log_p: float) -> float:
    """log(1 − p)."""
    with np.errstate(divide="ignore"):
        return float(np.log1p(-np.exp(min(log_p, 0.0))))


def _directional(tail: Tail, rng: np.random.Generator, target: float) -> tuple[LogEstimate, bool]:
    """Uniform directions in antithetic pairs, and whether that was enough."""
    theta = rng.standard_normal((PAIRS, tail.rank))
    theta /= np.linalg.norm(theta, axis=1, keepdims=True)
    z = theta @ tail.factor.T
    log_f = np.logaddexp(tail.log_conditional(tail.outputs(z)), tail.log_conditional(tail.outputs(-z))) - np.log(2)
    value, error, effective, share = _mean(log_f)
    good = np.isfinite(value) and error <= target and effective >= ENOUGH and share < 0.02
    low, high = value - 1.96 * error, min(value + 1.96 * error, 0.0)
    return LogEstimate(value, low, high, "directional", 2 * PAIRS), bool(good)


def _mean(log_w: Array) -> tuple[float, float, float, float]:
    """Of weights given by logarithms: log mean, relative standard error, effective number, largest share."""
    top = log_w.max()
    if not np.isfinite(top):
        return -np.inf, np.inf, 0.0, 1.0
    w = np.exp(log_w - top)
    total, squares = w.sum(), (w**2).sum()
    error = float(w.std(ddof=1) / np.sqrt(w.size) / w.mean())
    return float(top + np.log(total / w.size)), error, float(total**2 / squares), float(w.max() / total)


def _importance(
    tail: Tail, rng: np.random.Generator, target: float, scale: int
) -> tuple[LogEstimate, list[float]]:
    """Pilot, proposal, adaptation, estimate; and the pilots' own estimates."""
    particles = scale * max(400, 10 * tail.rank)
    pilots = [split(tail, rng, particles, 10, 20) for _ in range(PILOTS)]
    evaluations = sum(one.evaluations for one in pilots)
    logs = np.array([one.log_probability for one in pilots])
    if not np.isfinite(logs).all():
        nothing = LogEstimate(-np.inf, -np.inf, 0.0, "importance", evaluations, False, "splitting found no error")
        return nothing, logs.tolist()
    pilot = float(np.logaddexp.reduce(logs) - np.log(PILOTS))
    pilot_error = float(np.exp(logs - logs.max()).std(ddof=1) / np.exp(logs - logs.max()).mean() / np.sqrt(PILOTS))
    mixture = fitted(tail, *_pooled(pilots), rng)
    for _ in range(4):
        mixture = _adapted(tail, mixture, rng)
    value, error, effective, share, size = _stratified(tail, mixture, rng, DRAWS)
    grown = DRAWS * max(1.0, 1.3 * (error / target) ** 2, 1.3 * ENOUGH / max(effective, 1.0))
    size = int(min(MAX_DRAWS, grown))
    if size > DRAWS:
        value, error, effective, share, size = _stratified(tail, mixture, rng, size)
    evaluations += 4 * 2000 + DRAWS + size
    reasons = []
    if error > 2 * target:
        reasons.append(f"relative standard error {error:.2g}")
    if effective < ENOUGH:
        reasons.append(f"effective sample size {effective:.0f}")
    if share >= 0.05:
        reasons.append(f"one direction carries {share:.2g} of the sum")
    if (value - pilot) / np.sqrt(error**2 + max(pilot_error, 0.05) ** 2) <= -4:
        reasons.append("splitting found more than the proposal covers")
    kappa = 2.0 if effective / size < 0.1 else 1.0
    half = 1.96 * kappa * float(np.sqrt(error**2 + UNSEEN**2))
    high = min(value + half, 0.0)
    found = LogEstimate(value, value - half, high, "importance", evaluations, not reasons, "; ".join(reasons))
    return found, logs.tolist()


def _pooled(pilots: list[Particles]) -> tuple[Array, Array]:
    return np.concatenate([one.theta for one in pilots]), np.concatenate([one.h for one in pilots])


def _log_weights(tail: Tail, mixture: Mixture, theta: Array) -> tuple[Array, Array]:
    """Importance weights of directions, and the mixture's parts at them."""
    parts = mixture.log_parts(theta)
    density = np.logaddexp.reduce(parts, axis=1)
    return tail.log_conditional(tail.outputs(theta @ tail.factor.T)) - density, parts - density[:, None]


def _adapted(tail: Tail, mixture: Mixture, rng: np.random.Generator) -> Mixture:
    """Weights of the mixture moved towards where the probability is, none ever to nothing."""
    theta, _ = mixture.draw(rng, 2000)
    log_w, responsibility = _log_weights(tail, mixture, theta)
    if not np.isfinite(log_w.max()):
        return mixture
    w = np.exp(log_w - log_w.max())
    w = np.minimum(w, np.sort(w)[-20])  # a few heavy weights decide nothing
    if w.sum() == 0:
        return mixture
    weights = 0.9 * (w / w.sum()) @ np.exp(responsibility) + 0.1 * mixture.weights
    floor = np.full(weights.size, 0.1 / max(1, weights.size - 1))
    floor[0] = 0.03
    weights = np.maximum(weights, floor)
    return Mixture(weights / weights.sum(), mixture.clouds, mixture.points)


def _stratified(
    tail: Tail, mixture: Mixture, rng: np.random.Generator, size: int
) -> tuple[float, float, float, float, int]:
    """From fresh draws, stratified over components: log mean, relative error, effective number, largest share, size."""
    theta, stratum = mixture.draw(rng, size)
    log_w, _ = _log_weights(tail, mixture, theta)
    value, error, effective, share = _mean(log_w)
    if not np.isfinite(value):
        return value, error, effective, share, size
    w = np.exp(log_w - log_w.max())
    strata = [w[stratum == one] for one in np.unique(stratum)]
    variance = sum(one.var(ddof=1) * one.size for one in strata if one.size > 1)
    return value, float(np.sqrt(variance) / w.sum()), effective, share, size


def _fallback(tail: Tail, rng: np.random.Generator, particles: int, moves: int) -> LogEstimate:
    """Independent runs of splitting, Student's interval over them."""
    runs = [split(tail, rng, max(particles, 10 * tail.rank), moves, moves) for _ in range(FALLBACKS)]
    logs = np.array([one.log_probability for one in runs])
    evaluations = sum(one.evaluations for one in runs)
    value, error, _, _ = _mean(logs)
    if not np.isfinite(value):
        return LogEstimate(-np.inf, -np.inf, 0.0, "splitting", evaluations, False, "splitting found no error")
    half = T15 * error
    low = value + float(np.log1p(-half)) if half < 1 else -np.inf
    reason = f"relative standard error {error:.2g} over {FALLBACKS} runs" if error > 0.15 else ""
    high = min(value + float(np.log1p(half)), 0.0)
    return LogEstimate(value, low, high, "splitting", evaluations, not reason, reason)
