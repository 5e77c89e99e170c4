"""Test errors too rare to be counted: one tail for each label, put together.

An error on y = +1 is −h(z) ≥ S₊, one on y = −1 is h(z) ≥ −S₋, so p = ½T(−c, S₊) + ½T(c, −S₋) with
T(c, a) = P(Σ_k c_k max(0, z_k)^q ≥ a). With data by law there is one tail for every state of a sample.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from theorysim.core import blas
from theorysim.patch.activation import PowerReLU
from theorysim.rare_event import LogEstimate, log_probability
from theorysim.patch.patch_model import PatchModel
from theorysim.patch.risk.estimate import Estimate
from theorysim.patch.risk.mixture import Mixture
from theorysim.patch.risk.sampling import Reduced, signal_noise
from theorysim.patch.trained import TrainedRun
from theorysim.core.seeds import Stream, generator

Array = NDArray[np.float64]
NEGLIGIBLE = 1e-3  # share of the error that an unreliable label may carry


class Tail(NamedTuple):
    """Samples with this weight in the test distribution: the error is P(Σ_k sign c_k max(0, z_k)^q ≥ level)."""

    weight: float
    sign: float
    level: float
    rate: float  # of flipped test labels


def refusal(run: TrainedRun, kind: str) -> str:
    """Why the method does not apply; empty if it does."""
    if kind != "fresh":
        return "it is for fresh noise, not for the memory test"
    problem = run.problem
    if isinstance(problem, PatchModel):
        std = problem.population.std
        of_noise = problem.population.atom[0] < 0
        if of_noise.sum() != 1 or (std[of_noise] > 0).sum() != 1:
            return "it is for one patch with one noise vector"
        if problem.population.parts[:, of_noise, : len(problem.directions)].any():
            return "with a feature summed to it the output is not homogeneous in the noise"
    if not isinstance(problem, PatchModel):
        problem = signal_noise(run)
    if problem.bias:
        return "with a bias the output is not homogeneous in the noise"
    if not isinstance(run.problem.sigma, PowerReLU):
        return f"activation={run.problem.sigma!r} is not homogeneous, only a power of ReLU is"
    return ""


def rare(law: Reduced, seed: int, relative_error: float, tau: tuple[float, float]) -> Estimate:
    """The estimate of a signal-noise problem, against test labels flipped with rates tau."""
    tails = Tail(0.5, -1.0, law.plus, tau[0]), Tail(0.5, 1.0, -law.minus, tau[1])
    return of_tails(tails, law.readout, law.covariance, law.sigma.numbers[0], seed, relative_error)


def rare_of_states(
    law: Mixture, weights: Array, seed: int, relative_error: float, tau: tuple[float, float]
) -> Estimate:
    """The estimate over states with some weights; those of one output are one tail."""
    total: dict[tuple[float, float, float], float] = {}
    half = len(weights) // 2
    for state in np.arange(2 * half).reshape(2, half).T.ravel():
        label = float(law.labels[state])
        key = -label, label * float(law.fixed[state]), tau[0] if label > 0 else tau[1]
        total[key] = total.get(key, 0.0) + float(weights[state])
    tails = [Tail(weight, *key) for key, weight in total.items() if weight]
    (patch,) = law.std
    (number,) = np.flatnonzero(patch)
    covariance = patch[number] ** 2 * law.covariances[number]
    return of_tails(tails, law.readout, covariance, law.sigma.numbers[0], seed, relative_error)


def of_tails(
    tails: Sequence[Tail], readout: Array, covariance: Array, q: float, seed: int, relative_error: float
) -> Estimate:
    """The error over all tails, whose weights add up to 1."""
    with blas.single_threaded():
        found = [log_probability(one.sign * readout, covariance, q, one.level,
                                 generator(seed, Stream.RARE_EVENT, number), relative_error)
                 for number, one in enumerate(tails)]
    largest = max(one.weight for one in tails)
    shares = np.array([float(np.log(one.weight / largest)) for one in tails])
    value, low, high = (float(np.logaddexp.reduce(shares + [getattr(one, end) for one in found]) + np.log(largest))
                        for end in ("value", "low", "high"))
    doubtful = [one for one, share in zip(found, shares, strict=True)
                if not one.reliable and one.high + share > value + np.log(NEGLIGIBLE)]
    reason = "; ".join(one.reason for one in doubtful)
    evaluations = sum(one.evaluations for one in found)
    if not any(one.rate for one in tails):
        return Estimate.of_logs(value, low, min(high, 0.0), evaluations, not doubtful, reason)
    value, low, high = (_flipped(tails, found, end) for end in ("value", "low", "high"))
    return Estimate(value, low, high, "rare-event", evaluations=evaluations, reliable=not doubtful, reason=reason)


def _flipped(tails: Sequence[Tail], found: Sequence[LogEstimate], end: str) -> float:
    """Error against flipped labels: the average of τ_y + (1 − 2τ_y) P(error | y), at one end of the intervals."""
    ends = {"low": "high", "high": "low"}
    total = 0.0
    for tail, one in zip(tails, found, strict=True):
        log = getattr(one, end if tail.rate <= 0.5 else ends.get(end, end))
        total += tail.weight * (tail.rate + (1 - 2 * tail.rate) * float(np.exp(log)))
    return total
