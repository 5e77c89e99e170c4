"""Statements of T. Zhang et al. 2026 against numbers worked out beside them, and trials of its lemmas over seeds."""

from functools import cache
from typing import Any

import numpy as np
import pytest

import theorysim as ts
from theorysim.check import Finding, Verdict, evaluate
from theorysim.linear.draw import StepNoise
from theorysim.papers.zhang2026 import STATEMENTS, LinearEvidence
from theorysim.papers.zhang2026.condition import chain, first_phase, second_phase
from theorysim.theory.conditions import conditions_table
from theorysim.theory.statement import Constants
from theorysim.theory.windows import NotSampledError

KNOWN = {one.id: one for one in STATEMENTS}
LR = 1e-3
DESCENT = ts.LinearSGD(LR, batch="full", label_noise=False)
README = ts.LinearNetwork(n=200, d=20, width=1000, label_noise_std=4.0)
ASKED = {"A1": "width", "A2": "rate", "A3": "sample", "A4": "target", "A5": "inputs", "A6": "dimension"}


def finding(run: Any, name: str, **constants: float) -> Finding:
    """One statement against one run."""
    return evaluate(KNOWN[f"zhang2026.{name}"], LinearEvidence(run, Constants(**constants)))


# --- Condition 1 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("d", "term"), [(1, 713), (2, 828), (5, 981), (10, 1097), (20, 1212), (50, 1365)])
def test_the_constant_by_dimension(d: int, term: float) -> None:
    """96 · 8 log₁₀(7.5055ρ): what A2 asks for where inputs are short."""
    draw = ts.LinearDraw.from_arrays(inputs=np.full((1, d), 1e-3), target=np.ones(d), weights=np.ones((2, d)),
                                     second_layer=[1.0, 1.0])
    run = ts.simulate(ts.LinearNetwork(1, d, 2, target=(1.0,) * d), DESCENT, 1, draw=draw)
    assert 96 * LinearEvidence(run).log10_constant == pytest.approx(term, abs=0.6)


@pytest.mark.parametrize(("n", "d", "mean"), [(200, 20, 1756), (1000, 20, 1959)])
def test_the_constant_by_inputs(n: int, d: int, mean: float) -> None:
    """96 max‖x‖²/ln 10 over draws: it is no one number."""
    runs = [ts.simulate(ts.LinearNetwork(n, d, 4), ts.LinearSGD(LR), 0, seed) for seed in range(60)]
    found = [96 * LinearEvidence(run).log10_constant for run in runs]
    assert np.mean(found) == pytest.approx(mean, rel=0.03) and max(found) > 1.4 * min(found)
    exact = [96 * (run.draw.inputs**2).sum(axis=1).max() / np.log(10) for run in runs]
    np.testing.assert_allclose(found, exact, rtol=1e-12)


def test_condition_1_item_by_item() -> None:
    """At the README's setting: A1 and A5 are met, A2, A3, A4 missed, A6 is unknown and not counted as met."""
    run = ts.simulate(README, ts.LinearSGD(LR), 10)
    found = {item: finding(run, f"condition_1.{name}") for item, name in ASKED.items()}
    assert {item for item, one in found.items() if one.comparison} == {"A1", "A5"}
    assert (found["A1"].measured, found["A1"].predicted) == (1000, pytest.approx(31.62, abs=0.01))
    assert (found["A3"].measured, found["A3"].predicted) == (200, pytest.approx(1e6))
    assert (found["A4"].measured, found["A4"].predicted) == (pytest.approx(1.0), pytest.approx(0.1778, abs=1e-4))
    assert found["A6"].comparison is None and np.isnan(found["A6"].margin)
    assert found["A6"].verdict == Verdict.NOT_EVALUABLE, "no longer run would reach it"
    report = ts.check([run, ts.simulate(README, ts.LinearSGD(LR), 10, 1)])
    row = report.table.set_index("statement").loc["zhang2026.condition_1.dimension"]
    assert row["verdict"] == "not evaluable" and report.counts["assumptions_open"] == 1
    assert report.counts["not_evaluable"] == 0 and "1 assumption not compared" in report.summary
    [unknown] = found["A6"].conditions
    assert not unknown.known and not unknown.holds and np.isnan(unknown.margin)
    assert "not evaluable" in unknown.source and conditions_table([unknown])["holds"].tolist() == [None]
    assert finding(run, "condition_1.constant").comparison is False
    wide = ts.simulate(ts.LinearNetwork(200, 2, 10**12), ts.LinearSGD(1e-12), 0)
    assert finding(wide, "condition_1.constant").comparison is True


@pytest.mark.parametrize(("name", "items"), [
    ("theorem_2", "A1 A2 A4 A5 A6"), ("theorem_2.outside", "A1 A2 A4 A5 A6"), ("lemma_3.growing", "A1 A2 A4 A5 A6"),
    ("lemma_3.shrinking", "A1 A2 A4 A5 A6"), ("lemma_3.growth", "A1 A2 A4 A5 A6"), ("lemma_4.exists", "A1 A2 A3 A5 A6"),
    ("lemma_5.printed", "A1 A2 A3 A5 A6"), ("lemma_6.error", "A1 A2 A3 A5 A6"), ("lemma_6.cosine", "A1 A2 A3 A5 A6"),
    ("derived.noisy_alignment", ""), ("derived.noisy_convergence", ""), ("derived.lemma_5_repaired", ""),
])
def test_which_statement_asks_what(name: str, items: str) -> None:
    """The items of Condition 1 that the paper names, and no others; what is derived asks for none."""
    run = ts.simulate(README, ts.OscillatingLayer(LR) if "lemma_4" in name else ts.LinearSGD(LR), 5)
    asked = [one.source for one in KNOWN[f"zhang2026.{name}"].conditions(LinearEvidence(run))]
    assert [item for item in ASKED if any(f"Condition 1, {item}" in source for source in asked)] == items.split()
    assert KNOWN[f"zhang2026.{name}"].source.startswith("derived" if "derived" in name else "T. Zhang et al. 2026")


def test_no_double_is_small_enough() -> None:
    """The smallest learning rate and the dimension that asks for least: A2 is missed by 389 decades, A1 by 145."""
    least = float(np.nextafter(0, 1))
    draw = ts.LinearDraw.from_arrays(inputs=[[1e-3]], target=[1e-3], weights=np.ones((2, 1)), second_layer=[1.0, 1.0])
    run = ts.simulate(ts.LinearNetwork(1, 1, 2, target=(1e-3,)), ts.LinearSGD(least, "full", False), 1, draw=draw)
    rate = finding(run, "condition_1.rate")
    assert rate.predicted - rate.measured == pytest.approx(389.3, abs=0.05)
    assert rate.margin == pytest.approx(0.4537, abs=1e-4)
    widest = np.log10(2.0**53)  # of a LinearNetwork
    assert rate.predicted / 2 - widest > 340, "A1 at a rate that meets A2"
    assert -np.log10(least) / 2 - widest == pytest.approx(145.7, abs=0.1), "A1 at the smallest rate there is"
    assuming = [one.id for one in STATEMENTS if one.conditions in (first_phase, second_phase, chain)]
    assert len(assuming) == 11, "those that no run is inside the regime of"


# --- Theorem 2 and Lemma 3 --------------------------------------------------------------------------------------


def test_theorem_2_bound() -> None:
    """384√(log m)/(σ²η²√m) with the natural logarithm."""
    run = ts.simulate(README, ts.LinearSGD(LR), 5000, neurons=1000)
    by, at = finding(run, "theorem_2"), finding(run, "theorem_2.outside")
    assert by.comparison and by.predicted == pytest.approx(1.995e6, rel=1e-3) and 2500 < by.measured < 4999
    assert at.verdict == Verdict.NOT_REACHED
    sample = finding(ts.simulate(README, ts.LinearSGD(LR), 5000), "theorem_2")
    [size] = [one for one in sample.conditions if one.formula == "neurons followed = m"]
    assert (size.value, size.bound, size.holds) == (100, 1000, False)


@pytest.mark.compiled
@pytest.mark.parametrize(("d", "low", "high"), [(1, 0, 0), (2, 0, 5), (4, 10, 10)])
def test_theorem_2_in_both_readings(d: int, low: int, high: int) -> None:
    """All neurons outside at T1 itself, over 10 seeds: where d is 1 or 2 some neuron starts too small to be."""
    problem = ts.LinearNetwork(n=50, d=d, width=100, label_noise_std=8.0)
    steps = int(np.ceil(384 * np.log(100) ** 0.5 / ((8 * 2e-3) ** 2 * 10)))
    runs = [ts.simulate(problem, ts.LinearSGD(2e-3), steps, seed, record_at=()) for seed in range(10)]
    outside = [finding(run, "theorem_2.outside") for run in runs]
    for run, one in zip(runs, outside, strict=True):
        moved = np.linalg.norm(run.neurons[-1, :, :-1] - run.draw.factor[:, :-1], axis=1)
        assert one.measured == np.mean(10 * moved > 1) and one.comparison == (10 * moved > 1).all()
    assert low <= sum(bool(one.comparison) for one in outside) <= high
    by = [finding(run, "theorem_2") for run in runs]
    assert all(one.comparison for one, at in zip(by, outside, strict=True) if at.comparison)
    for run, one in zip(runs, by, strict=True):
        assert one.comparison == (not np.isnan(run.leaving).any())


def test_lemma_3_by_brute_force() -> None:
    """Every sample with either sign of the noise, for every neuron; windows end before the first has left."""
    problem = ts.LinearNetwork(n=7, d=3, width=9, label_noise_std=3.0)
    run = ts.simulate(problem, ts.LinearSGD(8e-3), 300, 1, record_every=10)
    for place in (0, 4):
        state, x = run.neurons[place], run.draw.inputs
        error = state[:, 3] @ state[:, :3] - run.draw.target
        change = np.array([[-((error @ one + eps) ** 2) * ((one @ w[:3]) ** 2 - w[3] ** 2 * (one @ one))
                            for one in x for eps in (3.0, -3.0)] for w in state])
        expected = {"shrinking": (change <= 0).mean(axis=1).min(), "growing": (change > 0).mean(axis=1).max(),
                    "shrinking_fast": (change <= -9 / 16).mean(axis=1).min(), "growth": change.max()}
        assert LinearEvidence(run).changes(place) == pytest.approx(expected, rel=1e-9)
    steps = KNOWN["zhang2026.lemma_3.growing"].window(LinearEvidence(run))
    lazy = run.stage_times().T1_first
    assert steps.tolist() == [step for step in run.steps_observed if step < lazy] and 10 < lazy < 300
    kept = [place for place, step in enumerate(run.steps_recorded) if step < lazy]
    fast = finding(run, "lemma_3.shrinking_fast")
    assert fast.measured == min(LinearEvidence(run).changes(place)["shrinking_fast"] for place in kept)
    assert (fast.asked, fast.compared) == (len(steps), len(kept)), "what was not kept is not said to hold"


def test_lemma_3_constant_is_explicit() -> None:
    """ρ = 2√d/√π; the bound says nothing below m = ρ⁸ and something above."""
    narrow = ts.simulate(README, ts.LinearSGD(LR), 20)
    one = finding(narrow, "lemma_3.shrinking")
    assert one.verdict == Verdict.VACUOUS and one.predicted == pytest.approx(-1.13, abs=0.005)
    wide = ts.simulate(README.replace(width=10**9), ts.LinearSGD(1e-10), 20)
    for name in ("shrinking", "growing"):
        one = finding(wide, f"lemma_3.{name}")
        assert one.verdict == Verdict.OUTSIDE and one.comparison
    assert finding(wide, "lemma_3.growing").predicted == pytest.approx(5.046 / 10**1.125, rel=1e-3)
    at_start = [LinearEvidence(ts.simulate(README, ts.LinearSGD(LR), 0, seed)).changes(0) for seed in range(3)]
    mean = 2 / np.pi * np.arctan(np.sqrt(20 / 1000))
    assert all(one["growing"] > 3 * mean for one in at_start), "the worst neuron is far from the mean one"


@pytest.mark.parametrize("algorithm", [ts.LinearSGD(2e-3), ts.LinearSGD(1e-2)], ids=str)
def test_balance(algorithm: ts.LinearSGD) -> None:
    """Holds to rounding between consecutive records; with other noise, or without the factor η², it does not."""
    run = ts.simulate(README.replace(width=50), algorithm, 30, 3, record_every=1)
    one = finding(run, "balance")
    assert one.verdict == Verdict.HOLDS and one.measured < 1e-13 and one.compared == 30
    assert finding(run.replace(seed=4), "balance").verdict == Verdict.VIOLATED
    assert finding(run.replace(algorithm=ts.LinearSGD(algorithm.lr * 1.01)), "balance").verdict == Verdict.VIOLATED
    assert finding(ts.simulate(README, algorithm.__class__(LR), 30, record_every=7), "balance").comparison is None
    chosen, _ = StepNoise(run.problem, algorithm, 3).between(0, 1)
    x = run.draw.inputs[chosen[0, 0]]
    printed = (run.neurons[1, :, -1] - run.neurons[0, :, -1]) ** 2  # equal to g²⟨x, w_i⟩² in the paper's words
    g = (x @ run.draw.target - run.neurons[0, :, -1] @ run.neurons[0, :, :-1] @ x)
    residual_sq = np.array([(g + sign * 4.0) ** 2 for sign in (1, -1)])
    exact = algorithm.lr**2 * residual_sq[:, None] * (run.neurons[0, :, :-1] @ x) ** 2
    assert np.isclose(exact, printed, rtol=1e-6).all(axis=1).any(), "a factor η² is missing there"


def seen_at(run: Any, *steps: int) -> Any:
    """A run of which only some rows were kept."""
    kept = np.isin(run.observed_at, steps)
    return run.replace(rows=run.rows[kept], observed_at=run.observed_at[kept])


def test_lazy_steps_end_at_the_first_row_outside() -> None:
    """Which may be one that only this run has: T1 of all runs is of the steps that each of them watches."""
    problem = README.replace(width=50, d=4)
    run = ts.simulate(problem, ts.LinearSGD(1e-2), 400, 3, record_every=1)
    outside = run.observables["share_outside"]
    first = int(outside.index[outside > 0][0])
    assert KNOWN["zhang2026.lemma_3.growing"].window(LinearEvidence(run)).tolist() == list(range(first))
    late = run.replace(leaving=np.maximum(run.leaving, first + 9))
    assert KNOWN["zhang2026.lemma_3.growing"].window(LinearEvidence(late)).tolist() == list(range(first))
    former = run.replace(rows=np.where([name == "share_outside" for name in run.columns], np.nan, run.rows))
    assert KNOWN["zhang2026.lemma_3.growing"].window(LinearEvidence(former))[-1] == run.stage_times().T1_first - 1


def test_a_bound_between_two_looks_decides_nothing() -> None:
    """The last neuron has left by the look after the bound of Theorem 2, and had not by the look before."""
    run = ts.simulate(README.replace(width=4), ts.LinearSGD(2e-2), 60_000)
    bound = 384 * np.log(4) ** 0.5 / ((4 * 2e-2) ** 2 * 2)
    looks = run.steps_observed
    after = looks[looks > bound][0]
    assert after - looks[looks < bound][-1] > 2

    def left(at: float) -> Finding:
        return finding(run.replace(leaving=np.array([10.0, 20.0, 30.0, at])), "theorem_2")

    assert left(after).verdict == Verdict.NOT_SAMPLED
    assert left(looks[looks < bound][-1]).comparison is True
    assert left(looks[looks > after][0]).comparison is left(np.nan).comparison is False


# --- Lemma 4 ------------------------------------------------------------------------------------------------------


@pytest.mark.compiled
@pytest.mark.parametrize("chains", [0, 2])
def test_lemma_4_at_its_own_width(chains: int) -> None:
    """m = ⌈1/√η⌉: by η⁻² the mean has been at most √η, at ln(1/η)/(2η^{3/2}) or so; wider ones are outside."""
    lr = 1e-2
    for width, inside in ((10, True), (40, False)):
        run = ts.simulate(ts.LinearNetwork(200, 5, width), ts.OscillatingLayer(lr, chains), 10_000)
        one = finding(run, "lemma_4.exists")
        assert one.comparison and one.measured < 0.1 and one.predicted == pytest.approx(0.1)
        own = [one for one in one.conditions if "Lemma 4" in one.source]
        assert all(one.holds for one in own) == inside and len(own) == 2
        if not chains:
            assert run.stage_times().shrunk == pytest.approx(np.log(100) / 2 / lr**1.5, rel=0.35)
    early = ts.simulate(ts.LinearNetwork(200, 5, 10), ts.OscillatingLayer(lr, chains), 300)
    assert finding(early, "lemma_4.exists").verdict == Verdict.NOT_REACHED


@pytest.mark.compiled
@pytest.mark.parametrize(("share", "holds"), [(0.5, True), (0.95, True), (1.0, False), (3.0, False)])
def test_lemma_4_boundary(share: float, holds: bool) -> None:
    """A step as promised exists for θ*ᵀHθ* below 2/√η (derived, to first order): the norm rests at ηθ*ᵀHθ*/2."""
    problem = ts.LinearNetwork(200, 5, 10)
    draw = ts.LinearDraw.from_problem(problem)
    size = share * 20 / float(((draw.inputs @ draw.target) ** 2).mean())
    run = ts.simulate(problem.replace(target_norm=size**0.5), ts.OscillatingLayer(1e-2), 10_000)
    assert finding(run, "lemma_4.exists").comparison == holds
    limit = finding(run, "derived.oscillation_limit")
    assert limit.verdict == (Verdict.HOLDS if share > 1.25 else Verdict.OUTSIDE)


# --- Lemmas 5 and 6 -----------------------------------------------------------------------------------------------


@cache
def descended(m: int, norm: float, kind: str, steps: int, seed: int, whitened: bool = True) -> Any:
    """Gradient descent from small or aligned neurons, recorded at step 7, at 6908 and at the end."""
    problem = ts.LinearNetwork(200, 20, m, target_norm=norm)
    draw = getattr(ts.LinearDraw, kind)(problem, LR**0.5, seed)
    looks = [step for step in (7, 6908) if step <= steps]
    return ts.simulate(problem, DESCENT, steps, seed, draw=draw.whitened() if whitened else draw, neurons=m,
                       record_at=looks)


@pytest.mark.compiled
@pytest.mark.parametrize("m", [32, 1000])
def test_lemma_5_fails_as_printed(m: int) -> None:
    """At t2 = ln(1/η)/‖θ*‖ = 7 steps nothing has grown: the median cosine is that of the start, .11–.16 (5 seeds)."""
    for seed in range(5):
        run = descended(m, 1.0, "small", 6908, seed)
        every, half = finding(run, "lemma_5.printed"), finding(run, "lemma_5.printed_median")
        assert every.comparison is half.comparison is False and every.verdict == Verdict.OUTSIDE
        assert 0.1 < half.measured < 0.2 and every.measured < 0.06
        assert half.predicted == pytest.approx(1 - 1e-3**0.5 * np.log(1000), rel=1e-12)
        assert finding(run, "lemma_6.error").verdict == Verdict.NOT_REACHED, "nothing is perfectly aligned"


@pytest.mark.compiled
@pytest.mark.parametrize(("m", "low", "high", "verdict"), [
    (32, 0.95, 1.0, Verdict.HOLDS), (1000, 0.4, 0.9, Verdict.OUTSIDE)])
def test_lemma_5_with_a_further_factor(m: int, low: float, high: float, verdict: Verdict) -> None:
    """After ln(1/η)/(η‖θ*‖) steps half of the neurons are aligned if m ≪ ‖θ*‖/η, and never all (5 seeds)."""
    for seed in range(5):
        run = descended(m, 1.0, "small", 6908, seed)
        half = finding(run, "derived.lemma_5_repaired")
        assert low < half.measured < high and half.verdict == verdict
        assert run.observables["cosine_min"].iloc[-1] < (0.6 if m == 32 else 0.01)
        if m == 1000:
            assert finding(run, "derived.lemma_5_repaired_any").verdict == Verdict.HOLDS


@pytest.mark.compiled
@pytest.mark.parametrize(("m", "low", "high"), [(32, 1e-4, 4e-4), (1000, 1e-6, 5e-6)])
def test_lemma_6_under_its_own_algorithm(m: int, low: float, high: float) -> None:
    """From aligned neurons ‖θ(t3) − θ*‖ is far below η ln(1/η) = .0069 where H = I (3 seeds)."""
    for seed in range(3):
        run = descended(m, 1.0, "aligned", 6908, seed)
        error, cosine = finding(run, "lemma_6.error"), finding(run, "lemma_6.cosine")
        assert low < error.measured < high and error.comparison and cosine.comparison
        assert error.predicted == pytest.approx(LR * np.log(1 / LR)) and cosine.measured > 1 - 1e-9
        assert error.verdict == Verdict.OUTSIDE, "A2 is out of reach"


@pytest.mark.compiled
def test_lemma_6_needs_many_samples() -> None:
    """With 200 samples in place of η⁻² = 10⁶ H is not I, and at m = 32 both halves fail (3 seeds)."""
    for seed in range(3):
        run = descended(32, 1.0, "aligned", 6908, seed, whitened=False)
        error = finding(run, "lemma_6.error")
        assert error.comparison is False and 0.0069 < error.measured < 0.03
        assert finding(run, "lemma_6.error", C=5.0).comparison
        [asked] = [one for one in error.conditions if one.formula == "n ≥ η⁻²"]
        assert not asked.holds


@pytest.mark.parametrize("algorithm", [ts.LinearSGD(LR), ts.LinearSGD(LR, batch="full"),
                                       ts.LinearSGD(LR, label_noise=False), ts.LinearSGD(LR, "full", False, None, 0.1)])
def test_lemmas_5_and_6_are_about_descent_alone(algorithm: ts.LinearSGD) -> None:
    """Under label noise, single samples or SAM they are not judged."""
    problem = README.replace(width=32)
    run = ts.simulate(problem, algorithm, 10, draw=ts.LinearDraw.small(problem, LR**0.5))
    assert not [one.id for one in STATEMENTS if "lemma_5" in one.id or "lemma_6" in one.id if one.applies(run)]
    usual = ts.simulate(problem, DESCENT, 10)
    assert finding(usual, "lemma_5.printed").verdict == Verdict.NOT_REACHED, "Phase II has not begun"


def test_both_layers_must_be_small() -> None:
    """Phase II begins when all ‖w_i‖ and all |a_i| are at most √η, not the mean."""
    problem = ts.LinearNetwork(50, 3, 4)
    rng = np.random.default_rng(0)
    small = 0.5 * LR**0.5 * rng.uniform(-1, 1, (4, 4)) / 2
    for row, column in ((0, 0), (2, 3)):
        large = small.copy()
        large[row, column] = 2 * LR**0.5
        for rows, begins in ((small, True), (large, False)):
            draw = ts.LinearDraw.from_arrays(inputs=rng.standard_normal((50, 3)), target=[1.0, 0, 0],
                                             weights=rows[:, :3], second_layer=rows[:, 3])
            run = ts.simulate(problem, DESCENT, 7, draw=draw)
            assert (finding(run, "lemma_5.printed").comparison is not None) == begins


# --- derived, under label noise -----------------------------------------------------------------------------------

SLOW = ts.LinearNetwork(n=50, d=4, width=200, label_noise_std=4.0)
MOMENTS = ("derived.noisy_alignment", "derived.noisy_alignment_slower", "derived.noisy_alignment_any")


@cache
def noisy(steps: int, d: int = 4, norm: float = 1.0, seed: int = 0) -> Any:
    """Label-noise SGD that has come to rest after some 300 000 steps."""
    return ts.simulate(SLOW.replace(d=d, target_norm=norm), ts.LinearSGD(2e-3), steps, seed)


def arrival(run: Any) -> list[Any]:
    """The three conditions of having arrived, worked out beside the checker."""
    seen, p = run.observables, run.problem
    last = 0.75 * run.steps
    rate = 4e-6 * (16.0 + 2 * seen["train_loss"])
    passed = np.diff(seen.index) * (rate.to_numpy()[1:] + rate.to_numpy()[:-1]) / 2
    slow = np.interp(last, seen.index, np.concatenate([[0.0], np.cumsum(passed)]))
    values, vectors = np.linalg.eigh(run.draw.inputs.T @ run.draw.inputs / p.n)
    shrunk = ((run.draw.factor[:, :-1] @ vectors) ** 2 * np.exp(-values * slow)).sum()
    half = seen.index[seen["alignment"] >= 0.5]
    aligned = (half[0] if len(half) else run.steps + 1) + np.log(500) / (2e-3 * p.target_norm**2)
    down = run.stage_times().T3
    return [(shrunk, p.target_norm), (aligned, last), (run.steps + 1 if np.isnan(down) else down, last)]


@pytest.mark.compiled
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("steps", "d", "norm", "there"), [
    (40, 4, 1.0, False), (50, 4, 1.0, False), (3000, 4, 1.0, False), (30_000, 4, 1.0, False), (30_000, 2, 1.0, False),
    (3000, 1, 20.0, False), (400_000, 4, 1.0, True), (300_000, 2, 1.0, True), (300_000, 1, 20.0, True),
])
def test_a_floor_is_taken_of_runs_that_have_arrived(steps: int, d: int, norm: float, there: bool, seed: int) -> None:
    """Not of those whose loss has not fallen, nor of those of Phase I, where it falls with tr A; with margins."""
    run = noisy(steps, d, norm, seed)
    floor, loss = finding(run, "derived.floor"), finding(run, "derived.noisy_convergence")
    for one in (floor, loss):
        assert (one.verdict != Verdict.NOT_REACHED) == (one.comparison is not None) == there
        [_, *three] = one.conditions
        assert [(each.value, each.bound) for each in three] == [
            pytest.approx(pair, rel=1e-9) for pair in arrival(run)]
        assert all(each.known for each in three) and all(each.holds for each in three) == there
        assert (one.margin >= 1) == there
    if there:
        assert floor.verdict == Verdict.HOLDS and loss.verdict == Verdict.VIOLATED
        assert floor.measured == loss.measured == run.loss_floor()


def test_a_floor_needs_a_target() -> None:
    """Without one nothing aligns, and the time of Lemma 6 cannot be told."""
    run = ts.simulate(SLOW.replace(target_norm=0.0), ts.LinearSGD(2e-3), 300)
    one = finding(run, "derived.floor")
    assert one.verdict == Verdict.NOT_REACHED and [each.known for each in one.conditions] == [True, True, False, True]


def test_the_floor_does_not_depend_on_what_is_recorded() -> None:
    """Means over the last quarter, of the loss and of what predicts it, with many more rows in a part of it."""
    usual = noisy(400_000)
    dense = ts.simulate(SLOW, ts.LinearSGD(2e-3), 400_000, record_at=range(310_000, 313_000))
    for one, other in zip(*(((found := finding(run, "derived.floor")).measured, found.predicted)
                            for run in (usual, dense)), strict=True):
        assert one == other
    late = dense.observables.loc[300_000:]
    assert late["mean_norm_sq"].mean() != pytest.approx(usual.observables.loc[300_000:, "mean_norm_sq"].mean())


@pytest.mark.compiled
@pytest.mark.parametrize("seed", range(3))
def test_moments_are_exact_or_not_sampled(seed: int) -> None:
    """Where tr A/m first is √η, and T2(0.9): to the step, by a replay of the steps between two looks."""
    run = noisy(400_000, seed=seed)
    assert {finding(run, name).verdict for name in MOMENTS} == {Verdict.NOT_SAMPLED}
    report = ts.check(run, replay=True)
    exact = []
    for column, level, above in (("mean_norm_sq", 2e-3**0.5, False), ("alignment", 0.9, True)):
        reached = (lambda values, level=level, above=above: values >= level if above else values <= level)
        coarse = run.observables[column]
        found = int(coarse.index[reached(coarse)][0])
        before = int(coarse.index[coarse.index < found][-1])
        assert found - before > 100
        fine = ts.simulate(SLOW, ts.LinearSGD(2e-3), found, seed, record_at=range(before, found)).observables[column]
        exact.append(int(fine.index[reached(fine)][0]))
        assert before < exact[-1] <= found
    assert min(exact) > 128
    whole = ts.simulate(SLOW, ts.LinearSGD(2e-3), 400_000, seed, record_at=[
        exact[0] + int(np.ceil(np.log(500))), exact[0] + int(np.ceil(np.log(500) / 2e-3)), exact[1]]).observables
    for name, shift, column in zip(MOMENTS, (exact[0] + np.log(500), exact[0] + np.log(500) / 2e-3, exact[1]),
                                   ("cosine_median", "cosine_median", "cosine_min"), strict=True):
        one = report[f"zhang2026.{name}"]
        step = int(np.ceil(shift))
        assert (one.asked, one.compared, one.measured) == (1, 1, whole.loc[step, column])
        assert np.isnan(one.first_violation) or one.first_violation == step


def test_a_moment_says_which_rows_would_tell() -> None:
    """Those since the row before; none where it comes at the first row, at the row after, or not at all."""
    run = ts.simulate(SLOW, ts.LinearSGD(2e-3), 300)
    every, thin = LinearEvidence(run), LinearEvidence(seen_at(run, 0, 10, 40, 41, 300))
    assert every.moment(run.steps_observed >= 17) == 17 and np.isnan(every.moment(run.steps_observed > 300))
    assert thin.moment(np.array([True, False, True, True, True])) == 0
    assert thin.moment(np.array([False, False, False, True, True])) == 41
    assert np.isnan(thin.moment(np.zeros(5, dtype=bool)))
    with pytest.raises(NotSampledError, match="not every step from 10 to 40 was observed") as caught:
        thin.moment(np.array([False, False, True, False, True]))
    assert caught.value.lacking.tolist() == list(range(11, 40))


@pytest.mark.parametrize("lr", [5e-324, 1e-200, 1e-155])
def test_the_smallest_rates_are_checked_like_others(lr: float) -> None:
    """η⁻² is beyond every double: bounds are infinite, and nothing overflows."""
    problem = ts.LinearNetwork(5, 2, 10, label_noise_std=2.0)
    for algorithm in (ts.LinearSGD(lr), ts.LinearSGD(lr, "full", False), ts.OscillatingLayer(lr)):
        assert ts.check(ts.simulate(problem, algorithm, 3)).counts["violated"] == 0
    sample = finding(ts.simulate(problem, ts.LinearSGD(lr), 3), "condition_1.sample")
    assert sample.predicted == np.inf and sample.comparison is False and sample.margin == 0


def test_what_comes_to_rest_after_no_time() -> None:
    """With fewer samples than dimensions a part of W is never moved: the oscillation does not come to rest."""
    run = ts.simulate(ts.LinearNetwork(3, 8, 10), ts.OscillatingLayer(1e-2), 20)
    assert finding(run, "derived.oscillation").verdict == Verdict.NOT_REACHED


@pytest.mark.compiled
def test_alignment_is_timed_of_starts_that_are_not_aligned() -> None:
    """In two dimensions half of the starts have alignment ½ at step 0, which is no time of alignment."""
    runs = [noisy(30_000, 2, seed=seed) for seed in range(8)]
    starts = np.array([run.column("alignment")[0] for run in runs])
    assert (starts > 0.5).any() and (starts < 0.5).any()
    for run, start in zip(runs, starts, strict=True):
        one = finding(run, "derived.alignment_time")
        assert (one.verdict == Verdict.OUTSIDE) == (start > 0.5) and one.conditions[-1].value == start
        assert start <= 0.5 or (one.measured, one.comparison) == (0, False)


@pytest.mark.compiled
@pytest.mark.parametrize(("d", "m", "norm", "rate"), [(4, 200, 1.0, 0.2), (20, 200, 1.0, 0.4), (4, 200, 5.0, 0.05)])
def test_the_norm_falls_with_the_slow_time(d: int, m: int, norm: float, rate: float) -> None:
    """Within 15% until tr A = 4d‖θ*‖; from tr A = 10‖θ*‖ the last of these is off by more (3 seeds)."""
    problem = ts.LinearNetwork(200, d, m, target_norm=norm, label_noise_std=4.0)
    later = []
    for seed in range(3):
        run = ts.simulate(problem, ts.LinearSGD(rate / m), int(2.2 / (rate / m * 4) ** 2), seed, neurons=0)
        one = finding(run, "derived.slow_flow")
        assert one.verdict == Verdict.HOLDS
        evidence, norms = LinearEvidence(run), run.column("mean_norm_sq") * m
        inside = (evidence.slow_time <= 2) & (norms >= 4 * d * norm)
        assert KNOWN["zhang2026.derived.slow_flow"].window(evidence).tolist() == [run.steps_observed[inside][-1]]
        ratios = norms / norms[0] / (evidence.slow_norm(evidence.slow_time) / evidence.slow_norm(np.zeros(1)))
        assert one.ratio == pytest.approx(ratios[inside][-1], rel=1e-12)
        later.append(ratios[(evidence.slow_time <= 2) & (norms >= 10 * norm)][-1])
    assert (min(later) > 1.15) == (d == 20)
