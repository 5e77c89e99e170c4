"""Test errors by counting, with exact intervals."""

import numpy as np

from theorysim.core import blas, intervals as binomial
from theorysim.patch.risk.estimate import Estimate
from theorysim.patch.risk.sampling import Reduced, memory_outputs, noise_outputs


def counted(
    law: Reduced, kind: str, n_test: int, seed: int, tau: tuple[float, float]
) -> tuple[Estimate, int]:
    """The estimate, and the number of events that its relative error rests on."""
    plus, minus = law.plus, law.minus
    wrong_plus = wrong_minus = 0
    exact = law.scale == 0
    if exact:
        n_test, draws = law.centres.shape[1], iter([memory_outputs(law)])
    else:
        draws = noise_outputs(law, n_test, seed)
    with blas.single_threaded():
        for noise in draws:
            wrong_plus += int((noise + plus <= 0).sum())
            wrong_minus += int((noise + minus >= 0).sum())
    errors = wrong_plus + wrong_minus
    if exact:
        share = np.array([wrong_plus, wrong_minus]) / n_test
        value = float(np.mean(tau + (1 - 2 * np.array(tau)) * share))
        return Estimate(value, value, value, "exact", kind, evaluations=n_test), errors
    if tau[0] != tau[1]:
        return _weighted((wrong_plus, wrong_minus), n_test, tau, kind), errors
    base = 0.0 if plus > minus else 0.5  # at most one of the labels fails, or at least one does
    hits = errors - (0 if plus > minus else n_test)
    bounds = (base + share / 2 for share in (hits / n_test, *binomial.interval(hits, n_test)))
    low, value, high = sorted(tau[0] + (1 - 2 * tau[0]) * bound for bound in bounds)
    return Estimate(value, low, high, "monte-carlo", kind, evaluations=n_test), errors


def _weighted(hits: tuple[int, int], n_test: int, tau: tuple[float, float], kind: str) -> Estimate:
    """Error against test labels flipped with different rates, from the errors of each class."""
    classes = []
    for count, rate in zip(hits, tau, strict=True):
        ends = sorted(rate + (1 - 2 * rate) * share for share in binomial.interval(count, n_test, 0.975))
        classes.append((rate + (1 - 2 * rate) * count / n_test, *ends))
    value, low, high = (float(np.mean(pair)) for pair in zip(*classes, strict=True))
    return Estimate(value, low, high, "monte-carlo", kind, evaluations=n_test)
