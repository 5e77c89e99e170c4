"""Test errors too rare to be counted: one tail for each label, put together.

An error on y = +1 is −h(z) ≥ S₊, one on y = −1 is h(z) ≥ −S₋, so p = ½T(−c, S₊) + ½T(c, −S₋) with
T(c, a) = P(Σ_k c_k max(0, z_k)^q ≥ a).
"""

import numpy as np

from theorysim.core import blas
from theorysim.patch.activation import PowerReLU
from theorysim.rare_event import LogEstimate, log_probability
from theorysim.patch.risk.estimate import Estimate
from theorysim.patch.risk.sampling import Reduced, signal_noise
from theorysim.patch.trained import TrainedRun
from theorysim.core.seeds import Stream, generator

NEGLIGIBLE = 1e-3  # share of the error that an unreliable label may carry


def refusal(run: TrainedRun, kind: str) -> str:
    """Why the method does not apply; empty if it does."""
    if kind != "fresh":
        return "it is for fresh noise, not for the memory test"
    if signal_noise(run).bias:
        return "with a bias the output is not homogeneous in the noise"
    if not isinstance(run.problem.sigma, PowerReLU):
        return f"activation={run.problem.sigma!r} is not homogeneous, only a power of ReLU is"
    return ""


def rare(law: Reduced, seed: int, relative_error: float, tau: tuple[float, float]) -> Estimate:
    """The estimate, against test labels flipped with rates tau."""
    q = law.sigma.numbers[0]
    with blas.single_threaded():
        classes = []
        for number, (sign, level) in enumerate(((-1.0, law.plus), (1.0, -law.minus))):
            rng = generator(seed, Stream.RARE_EVENT, number)
            classes.append(log_probability(sign * law.readout, law.covariance, q, level, rng, relative_error))
    first, second = classes
    pairs = ((first.value, second.value), (first.low, second.low), (first.high, second.high))
    logs = [float(np.logaddexp(*pair) - np.log(2)) for pair in pairs]
    doubtful = [one for one in classes if not one.reliable and one.high > logs[0] + np.log(NEGLIGIBLE)]
    reason = "; ".join(one.reason for one in doubtful)
    evaluations = sum(one.evaluations for one in classes)
    if not any(tau):
        return Estimate.of_logs(logs[0], logs[1], min(logs[2], 0.0), evaluations, not doubtful, reason)
    value, low, high = (_flipped(classes, tau, end) for end in ("value", "low", "high"))
    return Estimate(value, low, high, "rare-event", evaluations=evaluations, reliable=not doubtful, reason=reason)


def _flipped(classes: list[LogEstimate], tau: tuple[float, float], end: str) -> float:
    """Error against flipped labels: the average of τ_y + (1 − 2τ_y) P(error | y), at one end of the intervals."""
    ends = {"low": "high", "high": "low"}
    total = 0.0
    for one, rate in zip(classes, tau, strict=True):
        total += rate + (1 - 2 * rate) * float(np.exp(getattr(one, end if rate <= 0.5 else ends.get(end, end))))
    return total / 2
