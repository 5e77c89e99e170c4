"""Test errors by counting, with intervals that cover.

An error is a sum over *strata*, parts of the test distribution in which errors are counted on their own. One stratum
has the exact (Clopper–Pearson) 95% interval; of L each has one of 1 − 5%/L, so that all of them hold at once in 95%.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from theorysim.core import blas, intervals as binomial
from theorysim.patch.risk.estimate import Estimate
from theorysim.patch.risk.mixture import Mixture
from theorysim.patch.risk.sampling import Reduced, memory_outputs, noise_outputs

Array = NDArray[np.float64]


class Stratum(NamedTuple):
    """A part of the test distribution: of its samples rate + (1 − 2 rate)(base + share · P) are wrong.

    P is the probability that is counted: ``hits`` of all trials. ``rate`` is that of flipped test labels.
    """

    weight: float
    rate: float
    base: float
    share: float
    hits: int

    def error(self, probability: float) -> float:
        """Share of wrong answers in it."""
        return self.rate + (1 - 2 * self.rate) * (self.base + self.share * probability)

    @classmethod
    def of_pair(
        cls, weight: float, rate: float, fixed: tuple[float, float], hits: tuple[int, int], trials: int
    ) -> "Stratum":
        """Both labels, equally likely, on the same noise: f = S_± + h with one h.

        Where the fixed part is larger for y = +1 than for y = −1 at most one of them fails on a given noise vector;
        otherwise at least one does. Either way the failures to be counted are binomial.
        """
        one_at_most = fixed[0] > fixed[1]
        return cls(weight, rate, 0.0 if one_at_most else 0.5, 0.5, sum(hits) - (0 if one_at_most else trials))


def stratified(strata: Sequence[Stratum], trials: int, kind: str = "fresh") -> Estimate:
    """The error over all strata, whose weights add up to 1."""
    confidence = 1 - 0.05 / len(strata)
    value = low = high = 0.0
    for one in strata:
        ends = (one.error(end) for end in binomial.interval(one.hits, trials, confidence))
        below, middle, above = sorted((*ends, one.error(one.hits / trials)))
        value, low, high = value + one.weight * middle, low + one.weight * below, high + one.weight * above
    return Estimate(value, low, high, "monte-carlo", kind, evaluations=trials)


def counted(
    law: Reduced, kind: str, n_test: int, seed: int, tau: tuple[float, float]
) -> tuple[Estimate, int]:
    """The estimate of a signal-noise problem, and the number of events that its relative error rests on."""
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
    hits = wrong_plus, wrong_minus
    if tau[0] == tau[1]:
        strata = [Stratum.of_pair(1.0, tau[0], (plus, minus), hits, n_test)]
    else:
        strata = [Stratum(0.5, rate, 0.0, 1.0, count) for count, rate in zip(hits, tau, strict=True)]
    return stratified(strata, n_test, kind), errors


def of_states(
    law: Mixture, weights: Array, hits: NDArray[np.int64], n_test: int, tau: tuple[float, float] = (0.0, 0.0)
) -> tuple[Estimate, float]:
    """The estimate over states with some weights, and the number of events that its relative error is like."""
    if law.certain:
        rates = np.where(law.labels > 0, *tau)
        value = float(weights @ (rates + (1 - 2 * rates) * hits))
        return Estimate(value, value, value, "exact", evaluations=1), np.inf
    strata = _strata(law, weights, hits, n_test, tau)
    found = stratified(strata, n_test)
    share = np.array([one.hits / n_test for one in strata])
    spread = np.array([one.weight * one.share for one in strata]) ** 2 @ (share * (1 - share)) / n_test
    return found, found.value**2 / spread if spread > 0 else 0.0


def _strata(
    law: Mixture, weights: Array, hits: NDArray[np.int64], n_test: int, tau: tuple[float, float]
) -> list[Stratum]:
    """States with both labels in one where one noise decides them; those in which the same happens, once."""
    half = len(weights) // 2
    found: dict[tuple[float, ...], Stratum] = {}

    def add(key: tuple[float, ...], stratum: Stratum) -> None:
        known = found.get(key)
        found[key] = stratum if known is None else known._replace(weight=known.weight + stratum.weight)

    for plus in np.flatnonzero(weights[:half] + weights[half:]):
        pair = plus, plus + half
        fixed, counts = tuple(map(float, law.fixed[[*pair]])), tuple(map(int, hits[[*pair]]))
        together = law.which[pair[0]] == law.which[pair[1]] and tau[0] == tau[1]
        if together and weights[pair[0]] == weights[pair[1]]:
            add((0.0, law.which[plus], *fixed),
                Stratum.of_pair(2 * weights[plus], tau[0], (fixed[0], fixed[1]), (counts[0], counts[1]), n_test))
            continue
        for state, rate in zip(pair, tau, strict=True):
            if weights[state]:
                add((law.labels[state], law.which[state], law.fixed[state]),
                    Stratum(float(weights[state]), rate, 0.0, 1.0, int(hits[state])))
    return list(found.values())
