"""Stage times and Assumption 3.1 of Huang et al. 2025, on trajectories whose truth is known by construction."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import theorysim as ts
from theorysim.patch.observables import OBSERVABLES
from theorysim.papers import huang2025
from theorysim.theory.conditions import Condition, conditions_table

PROBLEM = ts.SignalNoise(n=8, d=400, m=2, signal_norm=1.0, noise_std=0.5, init_std=0.01)
GD = ts.GradientDescent(0.3)
LABEL_NOISE = ts.GradientDescent(0.3, ts.Flip(0.1))


def synthetic(algorithm: ts.GradientDescent, **columns: list[float]) -> ts.Run:
    """A run whose observables are made up; everything else is of no consequence."""
    run = ts.simulate(PROBLEM, algorithm, steps=len(next(iter(columns.values()))) - 1)
    rows = np.array(run.rows)
    for name, values in columns.items():
        rows[:, list(OBSERVABLES).index(name)] = values
    return dataclasses.replace(run, rows=rows)


def test_stage_times_of_gradient_descent() -> None:
    """T1 and T2 are the first steps at which the thresholds are passed, either in any order."""
    run = synthetic(GD, rho_bar_min=[0, 0.9, 1.0, 1.2, 0.8], train_loss=[0.7, 0.5, 0.2, 0.01, 0.02])
    times = run.stage_times()
    assert (times.T1, times.T2) == (2, 3)
    assert run.stage_times(theta=0.9, epsilon=0.5).T1 == 1
    assert run.stage_times(theta=0.9, epsilon=0.5).T2 == 1
    assert np.isnan(run.stage_times(theta=1.3).T1)
    assert np.isnan(run.stage_times(epsilon=1e-3).T2)
    assert "1.3" in run.stage_times(theta=1.3).T1_definition


def test_stage_times_with_label_noise() -> None:
    """T2 is counted after T1 only, and the prediction uses the largest output in between."""
    run = synthetic(
        LABEL_NOISE,
        rho_bar_min=[0, 0.05, 0.1, 0.3, 0.2, 0.2],
        gamma_max=[0, 1.5, 0.5, 0.9, 1.0, 2.0],
        output_max=[9, 9, 0.5, 1.0, 0.25, 9],
    )
    times = run.stage_times()
    assert (times.T1, times.T2) == (2, 4)
    start = PROBLEM.init_std * PROBLEM.signal_norm
    stage = 4 * PROBLEM.m * (1 + np.exp(1.0)) * np.log(6 / start) / (0.3 * PROBLEM.signal_norm**2)
    assert times.predicted_T2 == pytest.approx(2 + stage, rel=1e-12)
    assert np.isnan(run.stage_times(gamma_threshold=3).T2)
    assert np.isnan(run.stage_times(theta=5).T2), "no second stage before the first has ended"


def test_predictions_are_the_papers_expressions() -> None:
    """T1 and T2 of gradient descent written out once more, and their exponents."""
    rate = GD.lr * 0.25 * 400 / (8 * 2)
    assert huang2025.first_stage(PROBLEM, GD) == pytest.approx(np.log(1 / (0.01 * 0.5 * 20)) / rate, rel=1e-12)
    second = huang2025.second_stage_gradient_descent(PROBLEM, GD, 0.1) - huang2025.first_stage(PROBLEM, GD)
    assert second == pytest.approx(2**3 * 8 / (0.3 * 0.1 * 0.25 * 400), rel=1e-12)
    assert huang2025.first_stage(PROBLEM, ts.GradientDescent(0.6)) == pytest.approx(
        huang2025.first_stage(PROBLEM, GD) / 2, rel=1e-12
    )


@pytest.mark.parametrize("problem", [PROBLEM.replace(q=3), PROBLEM.replace(init_std=1.0), PROBLEM.replace(init_std=0)])
def test_no_prediction_outside_the_laws_domain(problem: ts.SignalNoise) -> None:
    """Other activations and initialisations with σ_0σ_p√d ≥ 1 (or none) have no predicted T1."""
    assert np.isnan(huang2025.first_stage(problem, GD))


def test_patch_data_has_measured_times_only() -> None:
    """Without the signal-noise model there is nothing to predict from."""
    data = ts.PatchData.from_vectors(np.eye(6).reshape(3, 2, 6), [1, -1, 1], m=2, init_std=0.1)
    times = ts.simulate(data, ts.GradientDescent(2.0), steps=60).stage_times(theta=0.01, epsilon=0.6)
    assert times.T1 > 0 and np.isnan(times.predicted_T1) and np.isnan(times.predicted_T2)


def test_stage_times_show_themselves() -> None:
    """Text and HTML name both times, thresholds and units."""
    times = ts.simulate(PROBLEM, LABEL_NOISE, steps=5).stage_times()
    assert "T1 = nan" in str(times) and "≥ 0.1 for all i" in str(times)
    assert "Stage times (steps)" in times._repr_html_()


def test_the_papers_experiment_lies_outside_its_assumption() -> None:
    """n = 200, d = 2000: d/n² = 0.05, and six more items fail with every constant at 1."""
    paper = ts.SignalNoise(n=200, d=2000, m=20, signal_norm=2.0, noise_std=0.5, init_std=0.01)
    table = conditions_table(huang2025.assumption_3_1(paper, ts.GradientDescent(1.0, ts.Flip(0.1))))
    by_name = table.set_index("condition")
    assert by_name.loc["d ≥ C n²", "margin"] == pytest.approx(0.05)
    assert not by_name.loc["d ≥ C n²", "holds"]
    assert by_name.loc["m ≥ C", "holds"]
    assert table["source"].str.contains("2510.17526").all()
    without = huang2025.assumption_3_1(paper, ts.GradientDescent(1.0))
    assert len(without) == len(table) - 2, "p is no matter without flips"


def test_constants_move_the_bounds() -> None:
    """A hidden constant of 1/20 brings d = n²/20 to the edge of the assumption."""
    paper = ts.SignalNoise(n=200, d=2000, m=20, signal_norm=2.0, noise_std=0.5, init_std=0.01)
    edge = huang2025.assumption_3_1(paper, GD, constant=0.05)[0]
    assert edge.holds and edge.margin == pytest.approx(1.0)
    assert not huang2025.assumption_3_1(paper, GD, constant=0.0501)[0].holds


@given(
    n=st.integers(1, 10**4),
    m=st.integers(1, 100),
    log_d=st.floats(1, 12),
    log_noise=st.floats(-3, 3),
    n_snr2=st.floats(1e-3, 1e3),
    log_init=st.floats(-20, 2),
)
def test_window_of_initialisation_is_empty_at_constant_n_snr2(
    n: int, m: int, log_d: float, log_noise: float, n_snr2: float, log_init: float
) -> None:
    """Assumption 3.1 asks n/(σ_p d^(3/4)) ≤ σ_0 ≤ 1/(‖μ‖ d^(5/8)), possible only if n‖μ‖/σ_p ≤ d^(1/8).

    With ‖μ‖ = σ_p √(x d/n), x = n·SNR², that reads √(x n) ≤ d^(−3/8) < 1: for every x n ≥ 1 no σ_0 is
    allowed with the hidden constants at 1, whatever d. The experiments all have x about 1.
    """
    problem = ts.SignalNoise(
        n=n, d=round(10**log_d), m=m, signal_norm=1.0, noise_std=10**log_noise, init_std=10**log_init
    ).replace(n_snr2=n_snr2)
    low, high = huang2025.assumption_3_1(problem, GD)[6:8]
    assert "σ_0" in low.formula and "σ_0" in high.formula
    both = low.holds and high.holds
    assert not both or n_snr2 * n <= problem.d**-0.75 * (1 + 1e-9)


@pytest.mark.parametrize(
    ("sense", "value", "bound", "holds", "margin"),
    [(">=", 2.0, 1.0, True, 2.0), (">=", 1.0, 2.0, False, 0.5), ("<=", 1.0, 4.0, True, 4.0),
     ("<=", 4.0, 1.0, False, 0.25), ("<=", 0.0, 1.0, True, np.inf), (">=", 3.0, 3.0, True, 1.0)],
)
def test_margins(sense: str, value: float, bound: float, holds: bool, margin: float) -> None:
    """A margin is at least 1 exactly where the condition holds."""
    condition = Condition("a", value, sense, bound, "nowhere")
    assert condition.holds is holds and condition.margin == margin


def test_first_step() -> None:
    """First True, after a step, or NaN."""
    steps, reached = np.array([0, 1, 2, 30]), np.array([False, True, False, True])
    assert huang2025.first_step(steps, reached) == 1
    assert huang2025.first_step(steps, reached, after=1) == 30
    assert np.isnan(huang2025.first_step(steps, reached, after=30))
    assert np.isnan(huang2025.first_step(steps, reached, after=float("nan")))


@pytest.mark.compiled
def test_finding_second_stage_with_label_noise_is_late_at_small_steps() -> None:
    """Theorem 3.3 as a bound on T2 fails at η σ_p² d/(nm) = 0.01 where p is below the range of Assumption 3.1.

    The run passes the deadline, computed with its own c₂, while no filter has learned a tenth of the threshold.
    """
    d = 20_000
    problem = ts.SignalNoise(n=50, d=d, m=10, signal_norm=1.0, noise_std=1.0, init_std=0.01 / d**0.5)
    problem = problem.replace(n_snr2=0.5)
    run = ts.simulate(problem, ts.GradientDescent(0.01 * 50 * 10 / d, ts.Flip(0.1)), 300_000, record_at=())
    found = ts.check(run)["huang2025.theorem_3_3.t2"]
    assert found.predicted < run.steps
    assert np.isinf(found.measured) and found.comparison is False
    assert run.column("gamma_max").max() < 0.1
    failed = {one.formula for one in found.conditions if not one.holds}
    assert any(formula.startswith("p ≥") for formula in failed)
    assert found.verdict == "outside regime"
