"""The checker: verdicts where the truth is known by construction, and every statement of each paper made wrong."""

import ast
import dataclasses
import html
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

import theorysim as ts
from theorysim.check import CheckReport, Finding, Verdict, check, evaluate
from theorysim.check.replay import replayed
from theorysim.cli import main
from theorysim.patch.observables import OBSERVABLES
from theorysim.papers import chen2023, deng2023, karhadkar2024, wan2025
from theorysim.papers.lu2024.figures import oscillation
from theorysim.patch.stages import second_stage_gradient_descent
from theorysim.theory.conditions import Condition
from theorysim.theory.paper import Paper, paper_named, papers, papers_about
from theorysim.theory.statement import Constants, Evidence, Sense, Statement
from theorysim.theory.windows import NotEvaluableError

PACKAGE = Path(ts.__file__).parent
SIDES = (Sense.UPPER, Sense.LOWER)
NAN, INF = np.nan, np.inf
MET = Condition("met", 2.0, ">=", 1.0, "this test")
UNMET = Condition("unmet", 1.0, ">=", 4.0, "this test")
SMALL = ts.SignalNoise(n=6, d=300, m=4, signal_norm=2.0, noise_std=0.5, init_std=0.01)
# Stages I and II of fixed noisy labels, at the least n, d and m that Condition 4.1 leaves room for.
STAGES = ts.SignalNoise(n=6, d=300, m=3, signal_norm=1.0, noise_std=1.0, init_std=0.01 / 300**0.5, q=1, label_flip=0.2,
                        orthogonal_noise=False, flip_law="stratified").replace(n_snr2=10.0)
# Every item of Assumption 3.1 holds with C = 1, which takes a dimension that only a Wishart draw affords.
INSIDE = ts.SignalNoise(n=4, d=10**6, m=4, signal_norm=0.5, noise_std=1.0, init_std=2e-4)


def made_up(
    sense: Sense, measured: Any, predicted: Any, *, steps: Sequence[int] | None = None,
    conditions: Sequence[Condition] = (MET,), **others: Any,
) -> Statement:
    """A statement with both sides given as numbers, about steps 0, 1, ... unless told."""
    window = np.arange(len(measured)) if steps is None else np.array(steps, dtype=np.int64)
    return Statement(
        id=others.pop("id", "made.up"), claim="a claim", formula="a < b", source="this test", sense=sense,
        measured=lambda _e, _s: measured, predicted=lambda _e, _s: predicted, window=lambda _e: window,
        conditions=lambda _e: conditions, **others,
    )


@cache
def short_run(seed: int = 0) -> ts.Run:
    """A few steps of anything."""
    return ts.simulate(SMALL, ts.GradientDescent(0.1), 8, seed)


def judge(sense: Sense, measured: Any, predicted: Any, band: float = 4.0, **others: Any) -> Finding:
    """The finding of a made-up statement."""
    return evaluate(made_up(sense, measured, predicted, **others), Evidence(short_run(), Constants(band=band)))


# --- one statement, one run -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sense", "measured", "predicted", "step", "worst"),
    [
        (Sense.UPPER, [1.0, 2.0, 3.0], [1.0, 3.0, 4.0], NAN, (1.0, 1.0)),
        (Sense.UPPER, [1.0, 5.0, 2.0, 9.0], [2.0, 4.0, 3.0, 3.0], 1, (9.0, 3.0)),
        (Sense.UPPER, [1.0, 1.0, 8.0], 2.0, 2, (8.0, 2.0)),
        (Sense.LOWER, [1.0, 3.0, 4.0], [1.0, 2.0, 3.0], NAN, (1.0, 1.0)),
        (Sense.LOWER, [2.0, 1.0, 0.5, 9.0], [1.0, 1.5, 4.0, 1.0], 1, (0.5, 4.0)),
        (Sense.LOWER, [0.0], [1.0], 0, (0.0, 1.0)),
        (Sense.ORDER, [3.9, 1.0], [1.0, 3.9], NAN, None),
        (Sense.ORDER, [1.0, 4.1], [1.0, 1.0], 1, (4.1, 1.0)),
        (Sense.ORDER, [1.0, 1.0], [1.0, 4.1], 1, (1.0, 4.1)),
        # Below zero the larger number is the one nearer to zero.
        (Sense.UPPER, [-2.0], [-1.0], NAN, (-2.0, -1.0)),
        (Sense.UPPER, [-1.0], [-2.0], 0, (-1.0, -2.0)),
        (Sense.LOWER, [-1.0], [-2.0], NAN, (-1.0, -2.0)),
        (Sense.LOWER, [-2.0, -3.0], [-2.5, -2.5], 1, (-3.0, -2.5)),
        # A deadline missed, and a bound that overflowed.
        (Sense.UPPER, [INF], [100.0], 0, (INF, 100.0)),
        (Sense.UPPER, [100.0], [INF], NAN, (100.0, INF)),
        (Sense.LOWER, [100.0], [INF], 0, (100.0, INF)),
        (Sense.ORDER, [INF], [1.0], 0, (INF, 1.0)),
        (Sense.UPPER, [INF], [INF], NAN, (INF, INF)),
    ],
)
def test_comparison(
    sense: Sense, measured: Any, predicted: Any, step: float, worst: tuple[float, float] | None
) -> None:
    """Verdict, first step of violation, and both sides with their ratio where it is worst."""
    found = judge(sense, measured, predicted)
    fails = not np.isnan(step)
    assert (found.verdict, found.comparison) == (Verdict.VIOLATED if fails else Verdict.HOLDS, not fails)
    np.testing.assert_equal(found.first_violation, float(step))
    if worst is not None:
        assert (found.measured, found.predicted) == worst
        np.testing.assert_equal(found.ratio, NAN if worst == (INF, INF) else worst[0] / worst[1])


@pytest.mark.parametrize("sense", list(Sense))
def test_steps_are_those_of_the_window(sense: Sense) -> None:
    """The first violation is a step of the run, not a position in the window."""
    fails = {Sense.UPPER: 9.0, Sense.LOWER: 0.1, Sense.ORDER: 9.0}[sense]
    assert judge(sense, [1.0, fails, fails], [1.0, 1.0, 1.0], steps=[2, 5, 7]).first_violation == 5


@pytest.mark.parametrize("size", [1.0, 1e-300, 1e300, -1.0, -1e12])
@pytest.mark.parametrize("sense", SIDES)
def test_equality_within_rounding_holds(sense: Sense, size: float) -> None:
    """The slack is relative: a few last digits are nothing at any size, one part in a million is a violation."""
    for relative, holds in ((1e-12, True), (-1e-12, True), (1e-6, False)):
        wrong_side = abs(size) * relative * (1 if sense == Sense.UPPER else -1)
        assert judge(sense, [size + wrong_side], [size]).comparison is holds


@pytest.mark.parametrize("band", [1.0, 2.0, 10.0])
@pytest.mark.parametrize("predicted", [1e-3, 1.0, 50.0])
def test_band_on_both_sides(band: float, predicted: float) -> None:
    """Θ holds from predicted/band to band·predicted, ends included, and nowhere else."""
    for ratio in (1 / band, 1.0, band):
        assert judge(Sense.ORDER, [ratio * predicted], [predicted], band).verdict == Verdict.HOLDS
    for ratio in (0.999 / band, 1.001 * band):
        found = judge(Sense.ORDER, [ratio * predicted], [predicted], band)
        assert found.verdict == Verdict.VIOLATED and found.ratio == pytest.approx(ratio)


@pytest.mark.parametrize("sense", list(Sense))
@pytest.mark.parametrize(("measured", "comparison"), [(1.0, True), (None, False)])
def test_outside_the_regime_the_comparison_is_shown(sense: Sense, measured: float | None, comparison: bool) -> None:
    """One condition that fails is enough; what was compared is there all the same."""
    value = {Sense.UPPER: 9.0, Sense.LOWER: 0.1, Sense.ORDER: 9.0}[sense] if measured is None else measured
    found = judge(sense, [value], [1.0], conditions=(MET, UNMET))
    assert (found.verdict, found.comparison) == (Verdict.OUTSIDE, comparison)
    assert (found.measured, found.predicted, found.ratio, found.margin) == (value, 1.0, value, 0.25)
    assert np.isnan(found.first_violation) == comparison


@pytest.mark.parametrize(
    ("measured", "predicted", "steps"),
    [
        ([], [], []), ([NAN, NAN], [1.0, 1.0], [0, 1]), ([1.0, 1.0], [NAN, NAN], [0, 1]),
        ([NAN, 1.0], [1.0, NAN], [3, 4]),
    ],
)
@pytest.mark.parametrize("conditions", [(), (MET,), (UNMET,)])
@pytest.mark.parametrize("sense", list(Sense))
def test_not_reached(
    sense: Sense, conditions: Sequence[Condition], measured: Any, predicted: Any, steps: Sequence[int]
) -> None:
    """Without a step at which both sides are known nothing is compared, in any regime."""
    found = judge(sense, measured, predicted, steps=steps, conditions=conditions)
    assert (found.verdict, found.comparison, found.conditions) == (Verdict.NOT_REACHED, None, tuple(conditions))
    assert np.isnan([found.measured, found.predicted, found.ratio, found.first_violation]).all()


@pytest.mark.parametrize("conditions", [(), (MET,), (UNMET,)])
@pytest.mark.parametrize("side", ["measured", "predicted"])
def test_not_evaluable(side: str, conditions: Sequence[Condition]) -> None:
    """A side that nobody can work out is not one that the run has not come to; steps and regime do not matter."""

    def unknown(_evidence: Any, _steps: Any) -> Any:
        raise NotEvaluableError("a constant is lost")

    claim = dataclasses.replace(made_up(Sense.UPPER, [1.0, 1.0], [2.0, 2.0], conditions=conditions),
                                **{side: unknown})
    found = evaluate(claim, Evidence(short_run(), Constants()))
    assert (found.verdict, found.comparison, found.conditions) == (Verdict.NOT_EVALUABLE, None, tuple(conditions))
    assert np.isnan([found.measured, found.predicted, found.ratio, found.first_violation]).all()
    assert (found.asked, found.compared) == (2, 0)
    late = judge(Sense.UPPER, [NAN], [1.0])
    lost, waiting = (dataclasses.replace(late, verdict=one) for one in (Verdict.NOT_EVALUABLE, Verdict.NOT_SAMPLED))
    for group, joint in (((late, lost), lost), ((lost, waiting, late), waiting), ((late, late), late)):
        row = CheckReport("paper", Constants(), tuple((one,) for one in group)).table.iloc[0]
        assert row.verdict == joint.verdict


def test_unknown_steps_are_skipped() -> None:
    """NaN neither fails nor hides what fails later."""
    assert judge(Sense.UPPER, [NAN, 1.0, 9.0], [1.0, NAN, 10.0]).verdict == Verdict.HOLDS
    found = judge(Sense.UPPER, [NAN, 1.0, NAN, 5.0], [0.0, 2.0, 1.0, 1.0], steps=[1, 3, 4, 6])
    assert (found.verdict, found.first_violation, found.ratio) == (Verdict.VIOLATED, 6, 5.0)


@pytest.mark.parametrize(
    ("sense", "measured", "predicted", "vacuous"),
    [
        (Sense.UPPER, [0.1], [0.5], True), (Sense.UPPER, [0.1], [2.0], True), (Sense.UPPER, [0.1], [0.49], False),
        (Sense.UPPER, [0.1, 0.1], [0.7, 0.4], False), (Sense.UPPER, [0.1, NAN], [0.7, 0.4], True),
        (Sense.LOWER, [0.6], [0.5], True), (Sense.LOWER, [0.6], [-1.0], True), (Sense.LOWER, [0.6], [0.51], False),
    ],
)
@pytest.mark.parametrize("conditions", [(MET,), (UNMET,)])
def test_vacuous(
    sense: Sense, measured: Any, predicted: Any, vacuous: bool, conditions: Sequence[Condition]
) -> None:
    """A bound beyond the trivial one wherever it is known says nothing, inside the regime or out of it."""
    otherwise = Verdict.HOLDS if conditions == (MET,) else Verdict.OUTSIDE
    found = judge(sense, measured, predicted, trivial=0.5, conditions=conditions)
    assert found.verdict == (Verdict.VACUOUS if vacuous else otherwise)
    assert judge(sense, measured, predicted, conditions=conditions).verdict == otherwise, "no trivial bound is known"


def test_margin_is_the_smallest() -> None:
    """Of several conditions the one nearest to failing counts; of none, nothing does."""
    far = Condition("far", 1.0, "<=", 50.0, "this test")
    assert judge(Sense.UPPER, [1.0], [2.0], conditions=(far, MET)).margin == 2.0
    assert judge(Sense.UPPER, [1.0], [2.0], conditions=()).margin == INF


def test_margin_of_a_condition_that_asks_for_zero() -> None:
    """0 ≤ 0, as in "q = 2", holds and hides no other margin."""
    exact = Condition("q = 2", 0.0, "<=", 0.0, "this test")
    assert exact.holds and exact.margin >= 1
    assert judge(Sense.UPPER, [1.0], [2.0], conditions=(exact, MET)).margin == 2.0
    assert np.isfinite(check(real_runs()["inside"])["huang2025.theorem_3_2.t2"].margin)


def test_worst_step_is_one_that_fails() -> None:
    """Rounding of a large number is not worse than a violation of a small one."""
    found = judge(Sense.UPPER, [1e12 + 10, 1.5], [1e12, 1.0])
    assert (found.first_violation, found.ratio) == (1, 1.5)


# --- synthetic trajectories -------------------------------------------------------------------------------------


def synthetic(algorithm: ts.GradientDescent, **columns: Sequence[float]) -> ts.Run:
    """A run whose observables are made up, recorded at every step."""
    run = ts.simulate(SMALL, algorithm, len(next(iter(columns.values()))) - 1, record_every=1)
    rows = np.array(run.rows)
    for name, values in columns.items():
        rows[:, list(OBSERVABLES).index(name)] = values
    return dataclasses.replace(run, rows=rows)


def test_whole_run_bound_on_a_made_up_trajectory() -> None:
    """Proposition 4.1 with T* = 10: |γ| ≤ 4 log 10 = 9.21, on either side, and only up to T*."""
    run = synthetic(ts.GradientDescent(0.1), gamma_max=[0, 1, 9.3, 2, 1], gamma_min=[0, -9.2, -1, -12, -1])
    found = check(run, horizon=10)["huang2025.proposition_4_1.gamma"]
    assert (found.comparison, found.first_violation, found.measured) == (False, 2, 12.0)
    assert found.predicted == pytest.approx(4 * np.log(10))
    assert check(run, horizon=1e3)["huang2025.proposition_4_1.gamma"].comparison
    # With T* = 2 steps 0, 1 and 2 count, and 4 log 2 = 2.77.
    assert check(run, horizon=2)["huang2025.proposition_4_1.gamma"].measured == 9.3


def test_stages_of_a_made_up_trajectory() -> None:
    """The signal of Lemma 4.2 is judged up to T1 = 2, of Lemma 4.3 from there to its T2, an expression, here 4."""
    columns: dict[str, Sequence[float]] = {
        "rho_bar_min": [0, 0.5, 1, 2, 0.5, 0.1], "train_loss": [0.7, 0.5, 0.3, 0.2, 0.01, 0.5],
    }
    large = 100.0
    for step, fails in ((1, ["4_2"]), (2, ["4_2", "4_3"]), (4, ["4_3"]), (5, [])):
        gamma = np.where(np.arange(6) == step, large, 0.0)
        made = synthetic(ts.GradientDescent(0.1), gamma_max=gamma.tolist(), **columns)
        fast = ts.GradientDescent(0.1 * second_stage_gradient_descent(SMALL, made.algorithm, 0.01) / 4.5)
        report = check(dataclasses.replace(made, algorithm=fast))
        assert 4 < second_stage_gradient_descent(SMALL, fast, 0.01) < 5
        for lemma in ("4_2", "4_3"):
            np.testing.assert_equal(
                report[f"huang2025.lemma_{lemma}.gamma"].first_violation, float(step) if lemma in fails else NAN
            )
    memory = report["huang2025.lemma_4_3.rho_bar"]
    assert (memory.first_violation, memory.measured, memory.ratio) == (4, 0.5, 0.5)
    assert report["huang2025.theorem_3_2.t2"].measured == 4


def test_deadline() -> None:
    """A loss that never falls is open before the deadline of Theorem 3.2 and a violation after it."""
    columns = {"rho_bar_min": [1.0] * 12, "train_loss": [0.7] * 12}
    for lr, comparison in ((0.1, None), (1e4, False)):
        made = synthetic(ts.GradientDescent(0.1), **columns)  # with a learning rate that moves the deadline alone
        found = check(dataclasses.replace(made, algorithm=ts.GradientDescent(lr)))["huang2025.theorem_3_2.t2"]
        assert found.comparison is comparison
    assert found.measured == INF and found.predicted < 11


@pytest.mark.parametrize("flip", [None, ts.Flip(0.1)])
def test_first_stage_that_never_ends_is_a_violation(flip: ts.Flip | None) -> None:
    """T1 = Θ(...) fails once the run is longer than the band allows; before that it is open."""
    lemma = "huang2025.lemma_4_2.t1" if flip is None else "huang2025.lemma_4_4.t1"
    run = synthetic(ts.GradientDescent(0.1, flip), rho_bar_min=[0.0] * 60)
    predicted = run.stage_times().predicted_T1
    assert 4 * predicted < run.steps < 40 * predicted
    assert check(run, band=40)[lemma].comparison is None
    assert check(run, band=4)[lemma].comparison is False


def test_label_noise_before_the_end_of_stage_1() -> None:
    """What speaks about stage 2 has not been reached."""
    report = check(synthetic(ts.GradientDescent(0.1, ts.Flip(0.1)), rho_bar_min=[0.0] * 4))
    assert report["huang2025.lemma_4_5.output.lower"].verdict == Verdict.NOT_REACHED


# --- several runs -----------------------------------------------------------------------------------------------


def several(
    measured: Sequence[float], *, delta: float = 0.05, unmet: Sequence[int] = (), **others: Any
) -> pd.Series:
    """The row of "measured ≤ 1" over runs, one value for each; the conditions fail in the runs of ``unmet``."""
    findings = tuple(
        (judge(Sense.UPPER, [value], [1.0], conditions=(UNMET if k in unmet else MET,), **others),)
        for k, value in enumerate(measured)
    )
    return CheckReport("paper", Constants(delta=delta), findings).table.iloc[0]


@pytest.mark.parametrize("over_draws", [False, True])
@pytest.mark.parametrize(("fails", "runs"), [(0, 2), (1, 2), (2, 2), (0, 20), (1, 20), (5, 20), (7, 20), (100, 100)])
@pytest.mark.parametrize("delta", [0.05, 0.3])
def test_counts_and_intervals(fails: int, runs: int, delta: float, over_draws: bool) -> None:
    """Clopper–Pearson; a claim over draws is violated when the upper end lies below 1 − δ, another by one failure."""
    row = several([2.0] * fails + [0.5] * (runs - fails), delta=delta, over_draws=over_draws)
    exact = binomtest(runs - fails, runs).proportion_ci(0.95, method="exact")
    assert (row.runs, row.compared, row.holds) == (runs, runs, runs - fails)
    assert (row.low, row.high) == pytest.approx((exact.low, exact.high), abs=1e-12)
    violated = exact.high < 1 - delta if over_draws else fails > 0
    assert row.verdict == (Verdict.VIOLATED if violated else Verdict.HOLDS)
    np.testing.assert_equal(row.required, 1 - delta if over_draws else NAN)


def test_both_verdicts_over_draws_occur() -> None:
    """The same failures are consistent with a large δ and not with a small one."""
    failures = [2.0] * 5 + [0.5] * 15
    assert several(failures, delta=0.2, over_draws=True).verdict == Verdict.HOLDS
    assert several(failures, delta=0.05, over_draws=True).verdict == Verdict.VIOLATED


@pytest.mark.parametrize(
    ("measured", "unmet", "trivial", "verdict"),
    [
        ([0.5, 0.5], (), None, Verdict.HOLDS),
        ([0.5, 2.0, 0.5], (), None, Verdict.VIOLATED),
        ([0.5, 2.0, 0.5], (0,), None, Verdict.VIOLATED),
        ([0.5, 2.0], (1,), None, Verdict.OUTSIDE),
        ([0.5, 0.5], (0, 1), None, Verdict.OUTSIDE),
        ([0.5, 0.5], (), 1.0, Verdict.VACUOUS),
        ([NAN, 0.5], (), None, Verdict.HOLDS),
        ([NAN, 2.0], (), None, Verdict.VIOLATED),
        ([NAN, NAN], (), None, Verdict.NOT_REACHED),
    ],
)
def test_joint_verdict_is_the_worst(
    measured: Sequence[float], unmet: Sequence[int], trivial: float | None, verdict: Verdict
) -> None:
    """Violated inside the regime, else outside of it, else vacuous, else holds; open runs have no say."""
    assert several(measured, unmet=unmet, trivial=trivial).verdict == verdict


def test_over_draws_outside_the_regime() -> None:
    """Draws of which the claim does not speak are counted, and judged outside."""
    row = several([2.0] * 20, unmet=(3,), over_draws=True)
    assert (row.verdict, row.holds, row.compared) == (Verdict.OUTSIDE, 0, 20)
    row = several([NAN] * 4, over_draws=True)
    assert (row.verdict, row.compared, row.low, row.high) == (Verdict.NOT_REACHED, 0, 0.0, 1.0)


def test_one_draw_keeps_its_own_verdict() -> None:
    """A single draw on which the event fails says so."""
    assert several([2.0], over_draws=True).verdict == Verdict.VIOLATED


def test_medians_and_the_earliest_violation() -> None:
    """Numbers over runs: median of those compared, smallest margin, first violation of any."""
    sides = [([1.0, 5.0], [9, 4]), ([7.0, 1.0], [3, 6]), ([0.5, 0.5], [1, 2]), ([NAN, NAN], [0, 1])]
    findings = tuple(
        (judge(Sense.UPPER, values, [2.0, 2.0], steps=steps, conditions=(MET if k else UNMET,)),)
        for k, (values, steps) in enumerate(sides)
    )
    row = CheckReport("paper", Constants(), findings).table.iloc[0]
    assert (row.runs, row.compared, row.holds) == (4, 3, 1)
    assert (row.measured, row.predicted, row.ratio) == (5.0, 2.0, 2.5)
    assert (row.first_violation, row.margin) == (3, 0.25)


def test_several_real_runs() -> None:
    """check([...]) counts what check() finds one by one, whatever the iterable."""
    runs = [short_run(seed) for seed in range(3)]
    report = check(iter(runs))
    pd.testing.assert_frame_equal(report.table, check(runs).table)
    assert report.findings[2] != report.findings[0] and len(report.findings) == 3
    row = report.table.set_index("statement").loc["concentration.noise_norm.upper"]
    alone = [check(run)["concentration.noise_norm.upper"] for run in runs]
    assert row["holds"] == sum(bool(one.comparison) for one in alone)
    assert row["ratio"] == np.median([one.ratio for one in alone])


# --- every statement of the papers, made wrong -------------------------------------------------------------------


@cache
def linear_runs() -> dict[str, Any]:
    """Networks that shrink, align and converge; that stay; that diverge; and the oscillation, small and large."""
    problem = ts.LinearNetwork(n=50, d=4, width=200, label_noise_std=4.0)
    settings: dict[str, tuple[ts.LinearNetwork, Any, int]] = {
        "aligned": (problem, ts.LinearSGD(1.9e-3), 400_000),
        "far target": (problem.replace(target_norm=30.0), ts.LinearSGD(2e-3), 200_000),
        "begun": (problem, ts.LinearSGD(2e-3), 50),
        "diverged": (problem, ts.LinearSGD(0.02), 1000),
        "no label noise": (problem, ts.LinearSGD(2e-3, label_noise=False), 100),
        "oscillating": (problem, ts.OscillatingLayer(0.02), 12_000),
        "oscillating, far target": (problem.replace(target_norm=6.0), ts.OscillatingLayer(0.02, chains=3), 12_000),
    }
    made = {name: ts.simulate(problem, algorithm, steps, **({} if "osc" in name else {"on_failure": "return"}))
            for name, (problem, algorithm, steps) in settings.items()}
    return made | linear_runs_of_lemmas(problem)


def linear_runs_of_lemmas(problem: ts.LinearNetwork) -> dict[str, Any]:
    """Runs that last as long as Theorem 2's T1; that keep every step; descent from small neurons, and aligned ones."""
    runs: dict[str, Any] = {}
    for d in (1, 4):
        of = problem.replace(d=d, width=400 // (5 - d), label_noise_std=8.0)
        bound = 384 * np.log(of.width) ** 0.5 / (64 * 4e-6 * of.width**0.5)
        runs[f"to T1, d = {d}"] = ts.simulate(of, ts.LinearSGD(2e-3), int(np.ceil(bound)), neurons=of.width)
    runs["every step"] = ts.simulate(problem, ts.LinearSGD(2e-3), 40, record_every=1)
    crowd, descent = problem.replace(width=100), ts.LinearSGD(1e-3, batch="full", label_noise=False)
    for name in ("small", "aligned"):
        draw = getattr(ts.LinearDraw, name)(crowd, 1e-3**0.5).whitened()
        runs[f"descent, {name}"] = ts.simulate(crowd, descent, 6908, draw=draw, record_at=[7])
    return runs


@cache
def reweighting_runs() -> dict[str, Any]:
    """Sample weights that go through all phases, inside and outside the regime; that come to rest; that begin."""
    easy, harder = ts.SignalNoiseImages(), ts.SignalNoiseImages(noise_std=0.2)
    settings: dict[str, tuple[ts.KernelReweighting, ts.Reweighting, int]] = {
        "reweighting": (ts.KernelReweighting(easy, 40, 20), ts.Reweighting(), 1000),
        "reweighting, harder": (ts.KernelReweighting(harder, 60, 10, kernel="ntk"), ts.Reweighting(), 1000),
        "reweighting, slow weights": (ts.KernelReweighting(easy, 40, 20), ts.Reweighting(weight_lr=2e-3), 600),
        "reweighting, at rest": (ts.KernelReweighting(harder, 40, 20), ts.Reweighting(lr_share=0.5), 6000),
        "reweighting, fixed": (ts.KernelReweighting(harder, 40, 20), ts.Reweighting(reweight=False), 4000),
        "reweighting, begun": (ts.KernelReweighting(harder, 30, 10), ts.Reweighting(), 4),
    }
    return {name: ts.simulate(problem, algorithm, steps) for name, (problem, algorithm, steps) in settings.items()}


@cache
def real_runs() -> dict[str, Any]:
    """Gradient descent with and without label noise, inside and outside the regime, and other activations."""
    flat = ts.SignalNoise(n=3, d=3000, m=4, signal_norm=1.5, noise_std=0.1, init_std=0.01)
    settings: dict[str, tuple[ts.SignalNoise, ts.GradientDescent, int]] = {
        "inside": (INSIDE, ts.GradientDescent(1e-6), 200),
        "outside": (SMALL, ts.GradientDescent(1.0), 40),
        "label noise, stage 1 inside": (INSIDE, ts.GradientDescent(1e-6, ts.Flip(0.3)), 200),
        "label noise, outside": (flat, ts.GradientDescent(0.3, ts.Flip(0.1)), 150),
        "relu": (SMALL.replace(q=1), ts.GradientDescent(0.1), 20),
        "cubic": (SMALL.replace(q=3), ts.GradientDescent(0.1), 20),
        "stages": (STAGES, ts.GradientDescent(0.08 * 18 / 300), 1400),
        "stages, outside": (STAGES.replace(n=8, d=40, n_snr2=1.5), ts.GradientDescent(0.08 * 24 / 40), 150),
        "stages, clean labels": (STAGES.replace(label_flip=0.0), ts.GradientDescent(0.08 * 18 / 300), 300),
        "one filter": (STAGES.replace(d=40, m=1, n_snr2=0.5, label_flip=0.4), ts.GradientDescent(0.08 * 6 / 40), 40),
        "weak signal, clean labels": (STAGES.replace(n=8, d=40, n_snr2=0.3, label_flip=0.0),
                                      ts.GradientDescent(0.5 * 24 / 40), 160),
    }
    patch = {name: ts.simulate(problem, algorithm, steps) for name, (problem, algorithm, steps) in settings.items()}
    made = patch | both_stages() | linear_runs() | reweighting_runs()
    for name, run in made.items():  # with the states and rows at the steps that statements speak about
        for paper in papers_about(run):
            made[name] = run = replayed(run, paper, paper.constants())
    return made


@cache
def own_runs() -> dict[str, dict[str, Any]]:
    """By paper, runs of what no other speaks of: SGD and SAM, two signals, a second task, data by law."""
    relu = ts.SignalNoise(n=20, d=5000, m=4, signal_norm=3.0, noise_std=1.0, init_std=0.003, q=1)
    sgd, signals = ts.GradientDescent(0.2, batch_size=10), oscillation.PROBLEM
    two = {f"two signals, η = {lr:g}": ts.simulate(signals, ts.GradientDescent(lr, batch_size=1), 2000, 1)
           for lr in (0.5, 1.4)}
    tasks = wan2025.Tasks()
    first = wan2025.first_task(tasks, 1)
    second = {f"second task at {angle:g}°": wan2025.second_task(tasks, first, angle, 0.0, 1)
              for angle in (60.0, 150.0, 180.0)}
    features = {f"features, swapped: {swapped}": ts.simulate(
        deng2023.problem(500, swapped), deng2023.MOMENTUM, 401, engine="auto", record_at=(), observe=deng2023.OBSERVE,
        observe_every=1) for swapped in (False, True)}
    flipped = {}
    for share in (5 / 50, 1 / 200):
        of = karhadkar2024.problem(50, 200, share, filters=16)
        flipped[f"flipped labels, γ = {share:g}"] = ts.simulate(
            of, karhadkar2024.algorithm(of), 5000, record_at=(), until=lambda seen: seen["train_loss"] <= 0)
    slow = ts.SignalNoise(n=20, d=10**8, m=10, signal_norm=1.0, noise_std=1.0, init_std=1e-6).replace(n_snr2=0.5)
    smooth = {"label smoothing": ts.simulate(
        slow, ts.GradientDescent.from_kappa(slow, 0.1, label_smoothing=0.2), 600, 0, record_every=1)}
    batches = {
        "SGD, weak signal": ts.simulate(relu, sgd, 1000, 1),
        "SGD, strong signal": ts.simulate(relu.replace(d=200, signal_norm=6.0), sgd, 1000, 1),
        "SAM": ts.simulate(relu, chen2023.sam(relu, 0.2, 10, 1.0), 500, 1),
    }
    return {"second_order": smooth, "lu2024": two, "wan2025": second, "deng2023": features, "karhadkar2024": flipped,
            "chen2023": batches, "sakamoto2025": selections()}


def selections() -> dict[str, Any]:
    """Attentions with a strong signal, one between, and a weak one that memorises; W trained in one of them."""
    of, gd = ts.TokenSelection(key_law="gaussian"), ts.AttentionGD(5e-3)
    settings = {"strong": (of.replace(d=250, signal_norm=60.0), gd, 200),
                "between": (of.replace(d=500, signal_norm=20.0), gd, 200),
                "weak": (of.replace(d=2000, signal_norm=5.0), gd, 3000),
                "weak, W trained": (of.replace(d=2000, signal_norm=7.0), ts.AttentionGD(5e-3, train_keys=True), 3000)}
    return {f"attention, {name}": ts.simulate(*one, 1) for name, one in settings.items()}


def runs_for(paper: Paper) -> dict[str, Any]:
    """Those of all papers, and its own."""
    return real_runs() | own_runs().get(paper.name, {})


@cache
def both_stages() -> dict[str, Any]:
    """Small runs that last beyond every time of Huang et al. 2025, recorded at each of them."""
    plain = ts.SignalNoise(n=3, d=3000, m=2, signal_norm=1.5, noise_std=0.1, init_std=0.01)
    noisy = ts.SignalNoise(n=4, d=3000, m=6, signal_norm=1.0, noise_std=0.1, init_std=0.01).replace(n_snr2=0.9)
    flips = ts.GradientDescent(0.2 * 4 * 6 / 30, ts.Flip(0.3))
    times = [*range(100), *range(100, 2100, 100), *range(2100, 2301)]
    return {
        "both stages": ts.simulate(plain, ts.GradientDescent(0.3), 300, record_every=1),
        "both stages, label noise": ts.simulate(noisy, flips, 2300, 1, record_at=times),
    }


STATEMENTS = {one.id: one for paper in papers().values() for one in paper.statements}
PAPER = {one.id: paper for paper in papers().values() for one in paper.statements}


@cache
def evidence(statement: str, run: str) -> Any:
    """What a statement is held against, with all constants at their defaults."""
    return PAPER[statement].evidence(runs_for(PAPER[statement])[run], PAPER[statement].constants())


# Statements that none of the runs above reaches, with the reason.
NEVER_COMPARED = {"zhang2026.condition_1.dimension": "its bound is made of constants of a lemma that is lost"}
LINEAR = ("aligned", "far target", "begun", "no label noise", "to T1, d = 1", "to T1, d = 4", "every step",
          "descent, small", "descent, aligned")
# Both sides equal at every step: 1e-6 ≤ 1/(1² 10⁶), the learning rate at the edge of the regime; accuracies that are
# to be 1 or 0 and are; an error of 0 below a bound of e^{−5000}; m = 1; a sample that no filter sees,
# whose loss is log 2; what does not overflow and should not, and what does and should; all pairs of samples; what
# speaks of steps up to a time that is less than a step.
EQUAL = {
    ("huang2025.assumption_3_1.lr", "inside"), ("huang2025.assumption_3_1.lr", "label noise, stage 1 inside"),
    *((f"han2025.theorem_4_1.{name}", run) for name in ("clean_right", "noisy_true")
      for run in ("stages", "stages, outside")),
    ("huang2025.assumption_3_1.m", "one filter"), ("han2025.proposition_4_3.clean_loss", "one filter"),
    ("han2025.theorem_4_2.clean_right", "stages"), ("han2025.theorem_4_4.error", "stages, clean labels"),
    *((f"zhang2026.{name}", run) for name, runs in (
        ("derived.stability", (one for one in LINEAR if "descent" not in one)), ("condition_1.inputs", LINEAR),
        ("condition_1.inputs", ["diverged"]), ("theorem_2.outside", ["to T1, d = 4"])) for run in runs),
    ("zhang2026.derived.divergence", "diverged"),
    *(("zhang2025.assumption_a3", run) for run in ("reweighting", "reweighting, slow weights")),
}


# Statements that equality is all there is to: a mean loss of at most 0.01 leaves no sample wrong where n < 100 log 2;
# inputs are as long as the longest of them.
NEVER_APART = {"han2025.theorem_4_2.clean_right", "zhang2026.condition_1.inputs"}


@cache
def compared(name: str) -> tuple[tuple[str, Finding], ...]:
    """In which runs a statement was compared, and what was found."""
    found = (
        (run, evaluate(STATEMENTS[name], evidence(name, run)))
        for run, made in runs_for(PAPER[name]).items()
        if PAPER[name] in papers_about(made) and STATEMENTS[name].applies(made)
    )
    return tuple((run, one) for run, one in found if one.comparison is not None)


def sides(statement: Statement, evidence: Any) -> tuple[np.ndarray, np.ndarray]:
    """Measured and predicted where both are known, worked out beside the checker."""
    steps = statement.window(evidence)[1 if statement.anchored else 0:]
    if statement.looks == "records":
        steps = np.array([step for step in steps if step in evidence.run.steps_recorded])
    pair = [
        np.array(side(evidence, steps), dtype=float) + np.zeros(len(steps))
        for side in (statement.measured, statement.predicted)
    ]
    known = ~np.isnan(pair[0] + pair[1])
    return pair[0][known], pair[1][known]


def altered(statement: Statement, change: Callable[[np.ndarray], np.ndarray]) -> Statement:
    """The statement with another predicted value."""
    return dataclasses.replace(
        statement, predicted=lambda evidence, steps: change(np.asarray(statement.predicted(evidence, steps), float))
    )


def moved(statement: Statement, evidence: Any) -> Statement:
    """The statement with its bound scaled, or where signs forbid it shifted, to the right side of what was measured."""
    measured, predicted = sides(statement, evidence)
    if statement.sense == Sense.ORDER:
        factor = measured[0] / predicted[0]
        return altered(statement, lambda values: values * factor)
    upper = statement.sense == Sense.UPPER
    if (measured > 0).all() and (predicted > 0).all():
        ratio = measured / predicted
        factor = 2 * ratio.max() if upper else ratio.min() / 2
        return altered(statement, lambda values: values * factor)
    gap = (measured - predicted).max() + 1 if upper else (measured - predicted).min() - 1
    return altered(statement, lambda values: values + gap)


def wrong_bounds(right: Statement, evidence: Any) -> Iterator[tuple[str, Statement]]:
    """Versions of a statement that holds, each of which must fail."""
    found, band = evaluate(right, evidence), right.band or evidence.constants.band
    measured, predicted = sides(right, evidence)
    upper = right.sense == Sense.UPPER
    if right.sense == Sense.ORDER:
        yield "threshold too high", altered(right, lambda values: values * 2 * band * found.ratio)
        yield "threshold too low", altered(right, lambda values: values * found.ratio / (2 * band))
        if not 1 / (2 * band) ** 2 <= predicted[0] <= (2 * band) ** 2:
            yield "wrong exponent", altered(right, lambda values: 1 / values)
    elif found.measured > 0 and found.predicted > 0:
        factor = found.ratio * (0.5 if upper else 2)
        yield "threshold off by 2", altered(right, lambda values: values * factor)
    else:  # a factor cannot move a bound across zero
        gap = found.measured - found.predicted + (-1 if upper else 1) * (abs(found.measured) + 1e-9)
        yield "threshold shifted", altered(right, lambda values: values + gap)
    if upper and (predicted > 0).any():
        yield "wrong sign", altered(right, lambda values: -values)


def wrong_senses(statement: Statement, evidence: Any) -> list[bool]:
    """How the statement compares when read the other way round: at most, and at least."""
    return [
        bool(evaluate(dataclasses.replace(statement, sense=sense), evidence).comparison) for sense in SIDES
        if sense != statement.sense
    ]


@pytest.mark.parametrize("name", [name for name in STATEMENTS if name not in NEVER_COMPARED])
def test_wrong_bounds_are_caught(name: str) -> None:
    """Threshold, sign or exponent wrong: the comparison flips, and a bound moved to the right side holds."""
    caught = 0
    for run, found in compared(name):
        known, statement = evidence(name, run), STATEMENTS[name]
        right = statement if found.comparison else moved(statement, known)
        assert evaluate(right, known).comparison, f"{run}: the bound lies on the right side"
        for mutation, wrong in wrong_bounds(right, known):
            after = evaluate(wrong, known)
            assert after.comparison is False, f"{run}: {mutation}"
            assert after.first_violation in statement.window(known)
            plain = dataclasses.replace(wrong, conditions=lambda _e: (), trivial=None)
            assert evaluate(plain, known).verdict == Verdict.VIOLATED
            caught += 1
    assert caught


@pytest.mark.parametrize("name", [name for name in STATEMENTS if name not in NEVER_COMPARED])
def test_wrong_sense_is_caught(name: str) -> None:
    """≤ for ≥ flips wherever both sides differ; of a Θ exactly one side holds as a bound with constant 1."""
    caught, equal = 0, set()
    for run, found in compared(name):
        known, statement = evidence(name, run), STATEMENTS[name]
        measured, predicted = sides(statement, known)
        apart = ~np.isclose(measured, predicted, rtol=2e-9, atol=0)  # twice what the checker calls rounding
        if not apart.any():
            equal.add((name, run))
            assert all(wrong_senses(statement, known)), "both readings hold at equality"
            continue
        reversed_sense = wrong_senses(statement, known)
        if statement.sense == Sense.ORDER:
            assert sum(reversed_sense) == 1, run
        else:
            as_claimed = (measured < predicted) if statement.sense == Sense.UPPER else (measured > predicted)
            assert reversed_sense == [not (as_claimed & apart).any()], run
            assert not (found.comparison and reversed_sense[0]), run
        caught += 1
    assert equal == {pair for pair in EQUAL if pair[0] == name}
    assert bool(caught) == (name not in NEVER_APART)


@pytest.mark.parametrize("name", [name for name in STATEMENTS if name not in NEVER_COMPARED])
def test_wrong_conditions_are_caught(name: str) -> None:
    """Any single condition whose threshold lies a factor 2 beyond its value puts the run outside the regime."""
    for run, found in compared(name):
        known, statement = evidence(name, run), dataclasses.replace(STATEMENTS[name], trivial=None)
        inside = Verdict.HOLDS if found.comparison else Verdict.VIOLATED
        met = tuple(one for one in found.conditions if one.holds)
        assert judged(statement, met, known) == inside
        assert judged(statement, (*met, UNMET), known) == Verdict.OUTSIDE
        for position, one in enumerate(met):
            further = 2 if one.sense == ">=" else 0.5
            bound = one.value * further if one.value > 0 else one.value + (1 if one.sense == ">=" else -1)
            harder = [*met[:position], dataclasses.replace(one, bound=bound), *met[position + 1:]]
            assert judged(statement, harder, known) == Verdict.OUTSIDE, one.formula
        expected = inside if len(met) == len(found.conditions) else Verdict.OUTSIDE
        assert judged(statement, found.conditions, known) == expected


def judged(statement: Statement, conditions: Sequence[Condition], evidence: Any) -> Verdict:
    """The verdict under given conditions."""
    return evaluate(dataclasses.replace(statement, conditions=lambda _e: conditions), evidence).verdict


def test_every_statement_was_exercised() -> None:
    """Each statement is compared in some run, but for those listed; real runs show all kinds of verdict."""
    assert {name for name in STATEMENTS if not compared(name)} == set(NEVER_COMPARED)
    for paper in papers().values():
        assert all(STATEMENTS[one.id] is one for one in paper.statements), "papers share what they share"
    verdicts = {found.verdict for name in STATEMENTS for _, found in compared(name)}
    assert verdicts >= {Verdict.HOLDS, Verdict.VIOLATED, Verdict.OUTSIDE}
    comparisons = [found.comparison for name in STATEMENTS for _, found in compared(name)]
    assert min(comparisons.count(True), comparisons.count(False)) >= 20, "statements fail outside the regime"


def test_inside_the_regime_gradient_descent_does_what_the_paper_says() -> None:
    """Every condition and every statement holds in the run made for it, or speaks of what is not there."""
    table = check(ts.simulate(INSIDE, ts.GradientDescent(1e-6), 200, record_every=1)).table
    others = table[table["verdict"] != "holds"].set_index("statement")["verdict"].to_dict()
    assert others == {
        "huang2025.lemma_d_3": "outside regime",  # asks for σ_0 ≥ 160 n √(log(4n²/δ)/d) α/(σ_p √d), with its constants
        "huang2025.theorem_3_2.t.train_loss": "not reached", "huang2025.theorem_3_2.t.test_error": "not reached",
    }
    assert {"huang2025.theorem_3_2.t2", "huang2025.lemma_4_3.gamma"} <= set(table["statement"])


# --- reports ----------------------------------------------------------------------------------------------------

COLUMNS = [
    "statement", "claim", "formula", "source", "verdict", "runs", "compared", "steps_asked", "steps_compared", "holds",
    "low", "high", "required", "margin", "measured", "predicted", "ratio", "first_violation",
]


def report() -> CheckReport:
    """Of the run outside the regime."""
    return check(real_runs()["outside"], delta=0.1)


def test_table_and_text() -> None:
    """One row per statement that applies, all columns; the text shows constants, verdicts and numbers."""
    table, shown = report().table, str(report())
    assert list(table.columns) == COLUMNS
    outside = real_runs()["outside"]
    assert list(table["statement"]) == [one.id for one in paper_named("huang2025").statements if one.applies(outside)]
    assert not table["statement"].str.contains("lemma_4_5|low_snr.relu").any(), "not about this run"
    assert shown.startswith("huang2025: 1 run, delta=0.1, C=1.0")
    assert "2 runs" in str(check([short_run(0), short_run(1)]))
    lines = shown.splitlines()
    for row in table.itertuples():
        (place,) = (k for k, line in enumerate(lines) if line.split()[:1] == [row.statement.removeprefix("huang2025.")])
        values = [f"{row.holds}/{row.compared}", f"{row.measured:.3g}", f"{row.steps_compared}/{row.steps_asked}"]
        item = ".assumption" in row.statement or "low_snr" in row.statement
        verdict = ("met" if row.holds else "not") if item else row.verdict.removesuffix(" regime")
        values += [f"{row.ratio:.3g}", *verdict.split()]
        assert set(values) - {"nan"} <= set(lines[place].split()), row.statement
        assert " ".join(lines[place + 1 : place + 3]).replace("      ", "").startswith(row.formula)
    assert "nan" not in shown, "unknown numbers are dashes"


def test_html_is_escaped() -> None:
    """Formulas hold < and & without harm to the page."""
    finding = judge(Sense.UPPER, [1.0], [2.0], id="<b>&made")
    page = CheckReport("paper", Constants(), ((finding,),))._repr_html_()
    assert "<b>" not in page and "&lt;b&gt;&amp;made" in page and 'alttext="a &lt; b"' in page
    assert page.count("<tr") == 3, "a head, a group, a statement"
    groups = sum(count > 0 for count in report().counts.values())
    assert report()._repr_html_().count("<tr") == len(report().table) + groups + 1


def test_html_shows_whole_formulas() -> None:
    """Nothing is cut in the page, though some are longer than the 50 characters of pandas."""
    page, formulas = html.unescape(report()._repr_html_()), report().table["formula"]
    assert formulas.str.len().max() > 60
    assert all(formula in page for formula in formulas)


def test_markdown() -> None:
    """The title, a head, a rule, and one line per statement."""
    title, empty, summary, _, *lines = report().to_markdown().splitlines()
    assert title == report().title and not empty and summary == f"{report().summary}."
    assert lines[0].startswith("| statement | formula | verdict | holds | steps | margin |")
    assert set(lines[1]) == set("|- ") and len(lines) == len(report().table) + 2
    line = "| huang2025.theorem_3_2.test_error | test error ≥ 0.24 at T2 | outside regime | 1/1 |"
    assert sum(one.startswith(line) for one in lines) == 1


def test_markdown_keeps_its_columns() -> None:
    """A bar in a formula (|γ| ≤ ...) ends no cell."""
    counts = {len(re.findall(r"(?<!\\)\|", line)) for line in report().to_markdown().splitlines()[4:]}
    assert len(counts) == 1


def test_infinite_is_shown_apart_from_unknown() -> None:
    """A deadline missed (measured = ∞) does not look like a number that is not there."""
    missed = CheckReport("paper", Constants(), ((judge(Sense.UPPER, [INF], [2.0]),),))
    known = CheckReport("paper", Constants(), ((judge(Sense.UPPER, [NAN], [2.0]),),))
    assert "∞" in str(missed).splitlines()[-2] and "∞" not in str(known)


def test_csv_round_trip(tmp_path: Path) -> None:
    """Everything comes back from the file."""
    report().to_csv(tmp_path / "report.csv")
    back = pd.read_csv(tmp_path / "report.csv")
    pd.testing.assert_frame_equal(back, report().table, rtol=1e-14, atol=0)


def test_findings_by_name() -> None:
    """report[...] is the finding of the first run that has the statement; others are named in the error."""
    both = check([short_run(0), short_run(1)])
    found = both["huang2025.lemma_d_1"]
    assert found is both.findings[0][[one.statement.id for one in both.findings[0]].index("huang2025.lemma_d_1")]
    assert both["concentration.noise_overlap"] in both.findings[0]
    with pytest.raises(KeyError, match=r"'lemma 1': no such statement applies; see report.table"):
        both["lemma 1"]


def patch_run() -> ts.Run:
    """A run of patch data, of which the paper says nothing."""
    data = ts.PatchData.from_vectors(np.eye(6).reshape(3, 2, 6), [1, -1, 1], m=2, init_std=0.1)
    return ts.simulate(data, ts.GradientDescent(0.1), 2)


@pytest.mark.parametrize(
    ("run", "arguments", "error", "message"),
    [
        (lambda: 3, {}, TypeError, r"run=3: must be a Run or a sequence of Runs, not int"),
        (lambda: None, {}, TypeError, r"run=None: must be a Run"),
        (lambda: "run.npz", {}, TypeError, r"run='run.npz': must be a Run.*, not str"),
        (lambda: [short_run(), 3], {}, TypeError, r"run=3: must be a Run, not int"),
        (list, {}, ValueError, r"run: must be a Run or a non-empty sequence of Runs"),
        (lambda: iter(()), {}, ValueError, r"run: must be .* non-empty"),
        (short_run, {"paper": "nobody1900"}, ValueError, r"paper='nobody1900': must be one of 'chen2023', 'deng2023'"),
        (short_run, {"paper": 5}, TypeError, r"paper=5: must be a string"),
        (short_run, {"delta": 0}, ValueError, r"delta=0: must be finite and in \(0, 1\)"),
        (short_run, {"delta": 1.0}, ValueError, r"delta=1.0: must be finite and in \(0, 1\)"),
        (short_run, {"band": 0.5}, ValueError, r"band=0.5: must be finite and in \[1, inf\]"),
        (short_run, {"C": 0}, ValueError, r"C=0: must be finite and in \(0, inf\]"),
        (short_run, {"C": "1"}, TypeError, r"C='1': must be a number"),
        (short_run, {"horizon": 0.5}, ValueError, r"horizon=0.5: must be"),
        (short_run, {"epsilon": -1}, ValueError, r"epsilon=-1: must be"),
        (short_run, {"gamma_threshold": NAN}, ValueError, r"gamma_threshold=nan: must be finite"),
        (short_run, {"gamma": 1}, TypeError, r"gamma=1: no such constant; there are delta, C, band"),
        (patch_run, {}, ValueError, r"run.problem=.*PatchData.*: statements speak about a SignalNoise problem"),
        (lambda: [short_run(), patch_run()], {}, ValueError, r"run: must be runs of one setting.*PatchData"),
        (lambda: [short_run(), short_run()], {}, ValueError, r"run: the draw of seed 0 occurs twice"),
    ],
)
def test_bad_input(run: Callable[[], Any], arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    """The message names the argument, the value and what is allowed."""
    with pytest.raises(error, match=message):
        check(run(), **arguments)


# --- loaded runs, no engine, the command line -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["inside", "outside", "label noise, stage 1 inside", "label noise, outside"])
def test_loaded_runs_are_judged_alike(name: str, tmp_path: Path) -> None:
    """A saved run has all that statements need, to the last bit, flips and test errors included."""
    run = real_runs()[name]
    run.save(tmp_path / "run.npz")
    fresh, loaded = check(run), check(ts.load_run(tmp_path / "run.npz"))
    pd.testing.assert_frame_equal(loaded.table, fresh.table, check_exact=True)
    for one, other in zip(fresh.findings[0], loaded.findings[0], strict=True):
        assert (one.statement, one.verdict, one.comparison) == (other.statement, other.verdict, other.comparison)


def imported(path: Path) -> set[str]:
    """Modules that a file imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.update({node.module or "."} | {f"{node.module}.{alias.name}" for alias in node.names})
            assert not node.level, "imports are absolute, so that this test can read them"
    return names


def test_no_engine_is_imported() -> None:
    """Neither the checker nor any theory imports a kernel, the loop around it, or numba.

    The package itself imports everything, so that this is read off the source.
    """
    files = [Path(inspect.getfile(CheckReport)), *(PACKAGE / "theory").rglob("*.py")]
    found = {name for path in files for name in imported(path)}
    assert "theorysim.theory.statement" in found and "theorysim.patch.run.PatchRun" in found
    engine = re.compile(r"theorysim(\.\w+)*\.(kernels?|simulat\w+|stepper|begin|resume)(\.|$)|numba")
    assert engine.match("theorysim.patch.begin.start") and engine.match("theorysim.linear.kernel")
    assert not {name for name in found if engine.match(name)}


def saved(path: Path, seed: int = 0) -> str:
    """A run written by the command line."""
    arguments = ["simulate", "--n", "6", "--d", "300", "--m", "2", "--steps", "40", "--quiet", "--seed", str(seed)]
    assert main([*arguments, "--save", str(path)]) == 0
    return str(path)


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`check` prints and writes the library's report."""
    path, table = saved(tmp_path / "run.npz"), tmp_path / "out.csv"
    capsys.readouterr()
    assert main(["check", path, "--set", "delta=0.1", "C=2", "--csv", str(table)]) == 0
    out, err = capsys.readouterr()
    expected = check(ts.load_run(path), delta=0.1, C=2.0)
    assert out == f"{expected}\nwrote {table}\n" and err == ""
    assert "delta=0.1, C=2.0" in out
    pd.testing.assert_frame_equal(pd.read_csv(table), expected.table, rtol=1e-14, atol=0)


def test_command_line_over_seeds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Several files are runs of one report; no file is written unasked."""
    paths = [saved(tmp_path / f"{seed}.npz", seed) for seed in range(2)]
    capsys.readouterr()
    assert main(["check", *paths, "--paper", "huang2025"]) == 0
    out = capsys.readouterr().out
    assert out == f"{check([ts.load_run(path) for path in paths], 'huang2025')}\n"
    assert out.startswith("huang2025: 2 runs")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.npz", "1.npz"]
    assert main(["check", paths[0], "--set", "logs=explicit", "delta=0.1"]) == 0
    assert capsys.readouterr().out == f"{check(ts.load_run(paths[0]), logs='explicit', delta=0.1)}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "gamma=1"], "gamma=1.0: no such constant; there are delta, C, band"),
        (["--set", "0.1"], "--set 0.1: must be NAME=VALUE"),
        (["--set", "delta"], "--set delta: must be NAME=VALUE"), (["--set", "delta="], "--set delta=: must be NAME"),
        (["--set", "C=2", "delta=small"], "delta='small': must be a number"),
        (["--set", "logs=none"], "logs='none': must be one of 'tilde', 'explicit'"),
        (["--set", "delta=0"], "delta=0.0: must be finite and in (0, 1)"),
        (["--set", "band=0.5"], "band=0.5: must be finite and in [1, inf]"),
    ],
)
def test_command_line_errors(
    arguments: Sequence[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line on stderr, exit status 2, nothing written."""
    path, table = saved(tmp_path / "run.npz"), tmp_path / "out.csv"
    capsys.readouterr()
    assert main(["check", path, *arguments, "--csv", str(table)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err and len(err.splitlines()) == 1
    assert not table.exists()


def test_command_line_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing or foreign file is named; an unknown paper is refused."""
    assert main(["check", str(tmp_path / "nowhere.npz")]) == 2
    assert "nowhere.npz" in capsys.readouterr().err
    (tmp_path / "text.npz").write_text("not a run", encoding="utf-8")
    assert main(["check", str(tmp_path / "text.npz")]) == 2
    assert "text.npz" in capsys.readouterr().err
    assert main(["check", str(tmp_path / "text.npz"), "--paper", "nobody1900"]) == 2
    assert "paper='nobody1900': must be one of" in capsys.readouterr().err
