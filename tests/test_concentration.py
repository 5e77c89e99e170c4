"""Claims about the draw, counted over draws: none fails more often than δ, and by how much less often."""

import dataclasses
from collections import Counter
from functools import cache

import numpy as np
import pytest
from scipy.stats import binomtest, chi2, norm

import theorysim as ts
from theorysim.patch.draw import Draw
from theorysim.papers.huang2025 import HuangConstants as Constants, HuangEvidence as Evidence
from theorysim.theory import concentration
from theorysim.theory.paper import paper_named
from theorysim.theory.statement import Sense, Statement

pytestmark = pytest.mark.compiled
DRAWS = 2000
SURE = 1e-3  # one-sided p-value below which a count contradicts a rate

# (n, m, d, δ), wide enough for the lower bounds: m ≥ 2.7 log(2/δ) and m ≥ 1.95 log(n/δ), see the findings below.
SETTINGS = ((4, 12, 60, 0.3), (10, 12, 200, 0.05), (50, 20, 500, 0.1), (20, 30, 10**6, 0.01))
EVENTS = tuple(one.id for one in concentration.STATEMENTS)
ALWAYS_CONSERVATIVE = ("noise_overlap", "initial_signal.upper", "initial_noise.upper")

COUNTS = {one.id: one for one in paper_named("huang2025").statements
          if one.id in ("huang2025.lemma_b_3", "huang2025.lemma_b_4")}
FLIP_SETTINGS = ((20, 50, 0.1, 0.05), (100, 30, 0.3, 0.2), (5, 200, 0.5, 0.1), (40, 10, 0.05, 0.01))  # n, T, p, δ


def fails(statement: Statement, evidence: Evidence) -> bool:
    """Whether measured and predicted compare otherwise than claimed."""
    steps = statement.window(evidence)
    measured, predicted = statement.measured(evidence, steps), statement.predicted(evidence, steps)
    return bool(np.any(measured > predicted if statement.sense == Sense.UPPER else measured < predicted))


def problem_of(n: int, m: int, d: int) -> ts.SignalNoise:
    """Scales play no part: all events are relative to them."""
    return ts.SignalNoise(n=n, d=d, m=m, signal_norm=1.0, noise_std=0.5, init_std=0.01)


@cache
def violations(n: int, m: int, d: int, delta: float, draws: int = DRAWS) -> Counter[str]:
    """How many of the draws violate each event; nothing is simulated."""
    problem, constants = problem_of(n, m, d), Constants(delta=delta)
    run = ts.simulate(problem, ts.GradientDescent(1.0), 0)
    found: Counter[str] = Counter()
    for seed in range(draws):
        draw = Draw.from_problem(problem, seed, form="wishart")
        evidence = Evidence(dataclasses.replace(run, draw=draw), constants)
        found.update(one.id for one in concentration.STATEMENTS if fails(one, evidence))
    return found


def conditions_hold(event: str, n: int, m: int, d: int, delta: float, constant: float = 1.0) -> bool:
    """Whether the statement as it stands speaks about this setting."""
    evidence = Evidence(ts.simulate(problem_of(n, m, d), ts.GradientDescent(1.0), 0), Constants(delta, constant))
    statement = next(one for one in concentration.STATEMENTS if one.id == event)
    return all(one.holds for one in statement.conditions(evidence))


@cache
def flip_violations(n: int, steps: int, p: float, delta: float) -> Counter[str]:
    """How many seeds violate the bounds on counts of flipped labels; the flips of a seed need no simulation."""
    algorithm = ts.GradientDescent(1e-3, ts.Flip(p))
    run = ts.simulate(problem_of(n, 2, 100), algorithm, steps, record_at=())
    found: Counter[str] = Counter()
    for seed in range(DRAWS):
        evidence = Evidence(dataclasses.replace(run, seed=seed), Constants(delta=delta, horizon=steps))
        found.update(name for name, one in COUNTS.items() if fails(one, evidence))
    return found


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
@pytest.mark.parametrize("event", EVENTS)
def test_events_fail_at_most_as_often_as_claimed(event: str, setting: tuple[int, int, int, float]) -> None:
    """The count is consistent with a rate of δ or less, where the conditions hold."""
    assert conditions_hold(event, *setting)
    assert binomtest(violations(*setting)[event], DRAWS, setting[-1], "greater").pvalue > SURE


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
@pytest.mark.parametrize("event", ALWAYS_CONSERVATIVE)
def test_upper_bounds_are_conservative(event: str, setting: tuple[int, int, int, float]) -> None:
    """They fail in less than half as many draws as claimed, everywhere."""
    count = violations(*setting)[f"concentration.{event}"]
    assert binomtest(count, DRAWS, setting[-1] / 2, "less").pvalue < SURE


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_overlaps_and_starts_along_noise_fail_less_than_a_tenth_as_often(setting: tuple[int, int, int, float]) -> None:
    """The union bound over pairs, and a constant 2 where √2 is enough, leave much room."""
    found = violations(*setting)
    for event in ("noise_overlap", "initial_noise.upper"):
        assert found[f"concentration.{event}"] <= 0.1 * setting[-1] * DRAWS


def exact_rates(n: int, m: int, d: int, delta: float) -> dict[str, float]:
    """Failure rates of the events that have a closed form (derived): n norms of χ²(d−1), 2m normal starts."""
    bound = np.sqrt(2 * np.log(8 * m / delta))
    return {
        "noise_norm.lower": float(-np.expm1(n * np.log1p(-chi2.cdf(d / 2, d - 1)))),
        "noise_norm.upper": float(-np.expm1(n * np.log1p(-chi2.sf(1.5 * d, d - 1)))),
        "initial_signal.upper": float(-np.expm1(2 * m * np.log1p(-2 * norm.sf(bound)))),
        "initial_signal.lower": float(-np.expm1(2 * np.log1p(-(norm.cdf(0.5) ** m)))),
    }


@pytest.mark.parametrize("setting", [*SETTINGS, (10, 3, 1000, 0.05)], ids=str)
def test_counts_agree_with_exact_rates(setting: tuple[int, int, int, float]) -> None:
    """Where the law of an event is known, the count over draws has that rate, neither more nor less."""
    found = violations(*setting)
    for event, rate in exact_rates(*setting).items():
        assert binomtest(found[f"concentration.{event}"], DRAWS, rate).pvalue > SURE, event


def test_how_conservative_each_event_is() -> None:
    """Exact rate over δ at n = 10, m = 12, d = 200, δ = 0.05: norms 0.00, starts 0.05 above and 0.47 below."""
    rates = exact_rates(10, 12, 200, 0.05)
    shares = {event: round(rate / 0.05, 2) for event, rate in rates.items()}
    assert shares == {
        "noise_norm.lower": 0.0, "noise_norm.upper": 0.0, "initial_signal.upper": 0.05, "initial_signal.lower": 0.47,
    }


@pytest.mark.parametrize("setting", FLIP_SETTINGS, ids=str)
@pytest.mark.parametrize("lemma", COUNTS)
def test_flip_counts_fail_at_most_as_often_as_claimed(lemma: str, setting: tuple[int, int, float, float]) -> None:
    """Hoeffding with a union bound over steps (B.3, T* = T) or samples (B.4): at most δ, in truth below δ/2."""
    count = flip_violations(*setting)[lemma]
    assert binomtest(count, DRAWS, setting[-1], "greater").pvalue > SURE
    assert binomtest(count, DRAWS, setting[-1] / 2, "less").pvalue < SURE


def surely_more_often(count: int, draws: int, delta: float) -> bool:
    """The rate is above δ, beyond chance."""
    return bool(binomtest(count, draws, delta, "greater").pvalue < SURE)


def test_finding_width_needs_a_constant_above_one() -> None:
    """m ≥ log(1/δ) is not enough: at n = 10, m = 3, δ = 0.05 no filter starts well in 56% and 92% of draws.

    A branch lacks a start along its signal with probability Φ(1/2)^m, a sample one along its noise with Φ(1/4)^m.
    So the lower bounds need m ≥ 2.7 log(2/δ) and m ≥ 1.95 log(n/δ).
    """
    setting = (10, 3, 1000, 0.05)
    found = violations(*setting)
    for event, count in (("initial_signal.lower", 1116), ("initial_noise.lower", 1836)):
        assert conditions_hold(f"concentration.{event}", *setting)
        assert found[f"concentration.{event}"] == count
        assert surely_more_often(count, DRAWS, 0.05)


def test_finding_width_must_grow_with_the_number_of_samples() -> None:
    """No C in m ≥ C log(1/δ) is enough for a start along every noise: at C = 3, n = 50 it fails in every third draw.

    Each of n samples needs a filter, n Φ(1/4)^m ≤ δ: the condition is m = Ω(log(n/δ)).
    """
    setting, draws = (50, 9, 500, 0.05), 500
    event = "concentration.initial_noise.lower"
    assert conditions_hold(event, *setting, constant=3.0)
    count = violations(*setting, draws)[event]
    assert count > draws / 3
    assert binomtest(count, draws, -np.expm1(50 * np.log1p(-(norm.cdf(0.25) ** 9)))).pvalue > SURE


def test_finding_dimension_needs_a_constant_above_one() -> None:
    """d ≥ log(4n/δ) is not enough: at n = 1, d = 10, δ = 0.05 a noise vector is short in 17% of draws.

    A squared length χ²(d−1) leaves [d/2, 3d/2] with a probability like exp(−d/20), so the constant is about 20.
    """
    setting = (1, 12, 10, 0.05)
    event = "concentration.noise_norm.lower"
    assert conditions_hold(event, *setting, constant=2.0)
    assert surely_more_often(violations(*setting)[event], DRAWS, 0.05)
    assert binomtest(violations(*setting)[event], DRAWS, exact_rates(*setting)["noise_norm.lower"]).pvalue > SURE
