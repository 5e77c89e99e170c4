"""The reduced process of Lemma 4.5 beside the exact run, and the supermartingale step."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import theorysim as ts
from theorysim.papers.huang2025 import reduced_process
from theorysim.papers.huang2025.reduced import expected_change, largest_expected_growth, reduced_step
from theorysim.papers.huang2025 import HuangEvidence as Evidence

D = 10**6
PROBLEM = ts.SignalNoise(n=20, d=D, m=16, signal_norm=1.0, noise_std=1.0, init_std=1e-3 / D**0.5).replace(n_snr2=0.05)


def simulate(rate: float, steps: int, record_every: int = 5) -> ts.Run:
    """Stage 2 with label noise at a step η σ_p² d/(nm) of `rate`."""
    algorithm = ts.GradientDescent(rate * PROBLEM.n * PROBLEM.m / D, ts.Flip(0.1))
    return ts.simulate(PROBLEM, algorithm, steps, record_every=record_every)


@pytest.mark.compiled
@pytest.mark.parametrize("rate", [0.02, 0.1, 0.3])
def test_the_derived_rate_follows_the_run_and_the_papers_does_not(rate: float) -> None:
    """With 2κ (σ'(z) = 2z) the two agree to 1% of the fluctuation, with the paper's κ to no better than 20%."""
    run = simulate(rate, round(200 / rate))
    gaps = {}
    for factor in (1.0, 2.0):
        process = reduced_process(run, factor)
        late = len(process.steps) // 2
        exact, gap = process.exact[late:], (process.exact - process.reduced)[late:]
        gaps[factor] = float(np.sqrt((gap**2).mean()) / exact.std())
    assert gaps[2.0] < 0.01
    assert gaps[1.0] > 0.2


@pytest.mark.compiled
def test_outputs_rest_where_flips_balance() -> None:
    """For small steps the mean output is log((1 − p)/p), to 3%."""
    run = simulate(0.02, 20_000, record_every=50)
    late = run.steps_recorded > 10_000
    outputs = [run.draw.observed_labels * run.outputs(int(step)) for step in run.steps_recorded[late]]
    assert np.mean(outputs) == pytest.approx(np.log(9), rel=0.03)


def test_one_step_of_the_reduced_process() -> None:
    """Both branches, written out; it rests in the mean where ι² = log((1 − p)/p)."""
    up, down = reduced_step(np.array([1.0, 1.0]), np.array([True, False]), 0.5)
    assert up == pytest.approx(1 + 0.5 / (1 + np.e)) and down == pytest.approx(1 - 0.5 / (1 + 1 / np.e))
    rest = np.full(2, np.sqrt(np.log(9)))
    moved = reduced_step(rest, np.array([True, False]), 1e-3) - rest
    assert 0.9 * moved[0] + 0.1 * moved[1] == pytest.approx(0, abs=1e-12)


@pytest.mark.compiled
def test_expected_change_is_the_mean_over_both_flips() -> None:
    """Against one step of the engine for either label of a sample, from the same state."""
    run = simulate(0.3, 60, record_every=1)
    step = 50
    evidence = Evidence(run)
    predicted = expected_change(evidence, np.array([step]))[0]
    until = run.rows.shape[0] - 1
    assert until == 60
    before = ts.simulate(PROBLEM, run.algorithm, step)
    sizes = {}
    for flip in (1.0, -1.0):
        moved = ts.resume(before, 1, label_noise=np.full((1, PROBLEM.n), flip))
        sizes[flip] = (evidence.own(moved.rho[-1]) ** 2).mean(axis=0)
    now = (evidence.own(before.rho[-1]) ** 2).mean(axis=0)
    mean = 0.9 * sizes[1.0] + 0.1 * sizes[-1.0]
    np.testing.assert_allclose(predicted, mean / now - 1, rtol=1e-9, atol=1e-13)


@pytest.mark.compiled
@pytest.mark.parametrize("rate", [0.02, 0.2])
def test_the_supermartingale_step_needs_its_derived_term(rate: float) -> None:
    """Above log((1 − p)/p) + 2x_i the expected change is negative; just above log((1 − p)/p) it is not."""
    run = simulate(rate, round(200 / rate), record_every=2)
    evidence = Evidence(run)
    steps = run.steps_recorded[run.steps_recorded >= run.stage_times().T1]
    growth = largest_expected_growth(evidence, steps)
    assert np.isfinite(growth).sum() > 100 and np.nanmax(growth) < 0
    outputs = np.array([run.draw.observed_labels * run.outputs(int(step)) for step in steps])
    just_above = (outputs > np.log(9)) & (outputs < np.log(9) + 0.3 * rate)
    assert just_above.sum() > 10
    assert (expected_change(evidence, steps)[just_above] > 0).mean() > 0.9


@pytest.mark.compiled
@given(st.floats(1e-6, 1 - 1e-6), st.floats(1e-6, 0.25), st.floats(0, 20))
def test_the_derived_term_is_enough_for_every_rate_of_flips(p: float, x: float, beyond: float) -> None:
    """Where f ≥ log((1 − p)/p) + 2x, x ≤ 1/4, the drift outweighs x E[c²]; without the term it does not at f*."""
    def excess(f: float) -> float:
        kept, flipped = 1 / (1 + np.exp(f)), 1 / (1 + np.exp(-f))
        return float((1 - p) * kept - p * flipped + x * ((1 - p) * kept**2 + p * flipped**2))

    rest = np.log((1 - p) / p)
    assert excess(rest + 2 * x + beyond) <= 0 < excess(rest)


@pytest.mark.compiled
def test_the_derived_term_counts_what_was_there_at_the_start() -> None:
    """Where half of z is not memory, f_i ≥ log((1 − p)/p) + 2κ is not enough, and 2x_i is."""
    problem = ts.SignalNoise(n=10, d=10**5, m=150, signal_norm=0.3, noise_std=1.0, init_std=0.003)
    run = ts.simulate(problem, ts.GradientDescent(1e-5, ts.Flip(0.3)), 12_000, 1, record_every=5)
    evidence = Evidence(run)
    steps = run.steps_recorded[run.steps_recorded >= evidence.first_stage_end]
    outputs = np.array([run.draw.observed_labels * run.outputs(int(step)) for step in steps])
    above = outputs >= np.log(7 / 3) + 2 * evidence.rate
    assert above.sum() > 50 and expected_change(evidence, steps)[above].max() > 0
    growth = largest_expected_growth(evidence, steps)
    assert np.isfinite(growth).sum() > 50 and np.nanmax(growth) < 0


def test_what_cannot_be_reduced() -> None:
    """Runs without drawn flips, and runs that have not reached T1."""
    short = simulate(0.3, 3)
    with pytest.raises(ValueError, match="after T1, which was not reached"):
        reduced_process(short)
    with pytest.raises(ValueError, match="must have Flip drawn from the seed"):
        reduced_process(ts.simulate(PROBLEM, ts.GradientDescent(1e-6), 2))
    with pytest.raises(ValueError, match="must have Flip drawn from the seed"):
        reduced_process(dataclasses.replace(short, given_label_noise=True))
    with pytest.raises(ValueError, match="factor=0: must be finite and in"):
        reduced_process(short, 0)


def test_the_process_starts_from_the_run() -> None:
    """Its first record is the run's at T1, its steps those recorded from there on."""
    d = 10**5
    problem = ts.SignalNoise(n=2, d=d, m=8, signal_norm=1.0, noise_std=1.0, init_std=0.1 / d**0.5)
    algorithm = ts.GradientDescent(0.2 * 2 * 8 / d, ts.Flip(0.1))
    run = ts.simulate(problem, algorithm, 60, record_every=7)
    process = reduced_process(run, 2.0)
    assert process.steps[0] >= run.stage_times().T1 and process.steps.tolist() == [
        step for step in run.steps_recorded if step >= run.stage_times().T1
    ]
    np.testing.assert_array_equal(process.reduced[0], process.exact[0])
    assert process.exact.shape == process.reduced.shape == (len(process.steps), 2)
    assert np.abs(process.reduced - process.exact).max() < 0.2
