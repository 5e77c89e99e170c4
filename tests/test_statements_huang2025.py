"""Statements of Huang et al. 2025 on draws, counts and trajectories whose truth is known by hand."""

import dataclasses

import numpy as np
import pytest

import theorysim as ts
from theorysim.check import Verdict, check, evaluate
from theorysim.papers.huang2025 import (
    STATEMENTS, HuangConstants, HuangEvidence, assumption_3_1, consistent_choice, counts, optimum, outputs, reduced,
    shifted, time_ratio,
)
from theorysim.patch.observables import OBSERVABLES
from theorysim.patch.run import PatchRun
from theorysim.theory.conditions import Condition
from theorysim.theory.windows import NotSampledError

BY_ID = {one.id.removeprefix("huang2025."): one for one in STATEMENTS}
SMALL = ts.SignalNoise(n=6, d=300, m=3, signal_norm=1.0, noise_std=0.5, init_std=0.01)
NOISY = ts.GradientDescent(0.2, ts.Flip(0.2))


def met(evidence: HuangEvidence, name: str) -> dict[str, Condition]:
    """The conditions of a statement by their formulas."""
    return {one.formula: one for one in BY_ID[name].conditions(evidence)}


def holds(evidence: HuangEvidence, name: str) -> bool | None:
    """How a statement compares."""
    return evaluate(BY_ID[name], evidence).comparison


def made(algorithm: ts.GradientDescent, **columns: list[float]) -> PatchRun:
    """A run with some observables made up, recorded at every step."""
    run = ts.simulate(SMALL, algorithm, len(next(iter(columns.values()))) - 1, record_every=1)
    rows = np.array(run.rows)
    for name, values in columns.items():
        rows[:, list(OBSERVABLES).index(name)] = values
    return dataclasses.replace(run, rows=rows)


# --- Assumption 3.1 and remarks ---------------------------------------------------------------------------------


def test_logarithms_of_the_thread() -> None:
    """Each item is stricter by its own logarithm: log(n/δ) at d, log(d/δ) elsewhere, √log d at the SNR, none at p."""
    tilde, explicit = (assumption_3_1(SMALL, NOISY, logs=logs, delta=0.1) for logs in ("tilde", "explicit"))
    of_n, of_d, of_snr = np.log(60), np.log(3000), np.sqrt(np.log(300))
    factors = [plain.margin / full.margin for plain, full in zip(tilde, explicit, strict=True)]
    assert factors == pytest.approx([of_n, of_n, of_snr, of_d, of_d, of_d, of_d, of_d, 1, 1])
    assert all(("log(" in one.formula or "log d" in one.formula) for one in explicit[:9])
    with pytest.raises(ValueError, match="logs='none': must be one of 'tilde', 'explicit'"):
        assumption_3_1(SMALL, NOISY, logs="none")
    report = check(ts.simulate(SMALL, NOISY, 1), logs="explicit", delta=0.1)
    assert report["huang2025.assumption_3_1.n"].predicted == pytest.approx(of_d)


def test_no_dimension_that_fits_is_inside_the_explicit_assumption() -> None:
    """Both ends of σ_0 and n ≥ log(d/δ) ask for d^(1/4) ≥ log³(d/δ), true from about 10²¹ on; d is at most 2⁵³."""
    for exponent, possible in ((6, False), (15.9, False), (20, False), (22, True)):
        d = 10**exponent
        assert bool(d**0.25 >= np.log(d / 0.05) ** 3) is possible


@pytest.mark.parametrize("d", [10**4, 10**6, 10**9, 10**12])
def test_the_consistent_choice_breaks_the_lower_end_of_the_start(d: int) -> None:
    """It meets the other items it fixes, and n d^(−3/4) > d^(−11/16) by d^(13/48)."""
    table = assumption_3_1(consistent_choice(d), ts.GradientDescent(1 / d))
    unmet = [one.formula for one in table if not one.holds]
    assert unmet == ["σ_0 ≥ C n/(σ_p d^(3/4))"]
    assert table[6].margin == pytest.approx(d ** (-13 / 48), rel=0.05)


def test_ratio_of_times() -> None:
    """Printed: x for m² = Λ/ε. The algebra gives x/ε² there, and x for m² = εΛ."""
    for m in (3, 20):
        found = time_ratio(SMALL.replace(m=m), 0.01)
        assert found.exact == pytest.approx(found.algebra, rel=1e-12)
    ratio = (found.algebra / m**2) * found.width**2 / found.printed
    assert ratio == pytest.approx(1 / 0.01**2)
    assert (found.algebra / m**2) * found.printed_needs**2 == pytest.approx(found.printed)


def test_default_horizon_does_not_depend_on_the_run() -> None:
    """The product that the constants document; a longer run has the same, and another accuracy another."""
    found = {steps: HuangEvidence(ts.simulate(SMALL, NOISY, steps)).horizon for steps in (1, 50)}
    by_hand = 6 * 3**3 * 300 / 0.2 / 1 / 1 / 0.01 / 0.01  # ‖μ‖ = 1, and σ_p²d = 75 would make it smaller
    assert found[1] == found[50] == pytest.approx(by_hand)
    finer = HuangEvidence(ts.simulate(SMALL, NOISY, 1), HuangConstants(epsilon=1e-4)).horizon
    assert finer == pytest.approx(100 * by_hand)
    assert found[1] > ts.simulate(SMALL, NOISY, 1).stage_times().predicted_T1


# --- counts -----------------------------------------------------------------------------------------------------


def test_counts_by_hand() -> None:
    """Two steps of four samples, two of each class: one step flips a whole class, the other nobody."""
    run = ts.simulate(SMALL.replace(n=4), NOISY, 2)
    labels = np.array([1.0, 1.0, -1.0, -1.0])
    run = dataclasses.replace(run, draw=dataclasses.replace(run.draw, labels=labels, observed_labels=labels))
    evidence = HuangEvidence(run, HuangConstants(horizon=2))
    evidence.__dict__["kept"] = np.array([[False, False, True, True], [True, True, True, True]])
    assert counts.flip_imbalance(evidence) == pytest.approx(abs(2 - 0.8 * 4))
    assert counts.class_imbalance(evidence) == pytest.approx(2 - 0.2 * 2)  # two flipped where 0.4 are expected
    assert counts.sample_imbalance(evidence) == pytest.approx(abs(1 - 0.8 * 2))
    one_step = HuangEvidence(run, HuangConstants(horizon=1))
    one_step.__dict__["kept"] = evidence.kept[::-1]
    assert counts.flip_imbalance(one_step) == pytest.approx(0.8), "steps after T* do not count"


@pytest.mark.parametrize("name", ["lemma_b_3.iii", "lemma_b_4.range"])
def test_ranges_say_what_intervals_say(name: str) -> None:
    """A deviation within pn/4 (pT/2) is a count within the paper's interval; its condition asks for many."""
    run = ts.simulate(SMALL.replace(n=50), NOISY, 400)
    evidence = HuangEvidence(run, HuangConstants(horizon=1e3))
    p, kept = 0.2, evidence.kept
    if name == "lemma_b_4.range":
        left, size = kept.sum(axis=0), 400
        inside = ((left >= (2 - 3 * p) * size / 2) & (left <= (2 - p) * size / 2)).all()
        assert met(evidence, name)["t ≥ 2 log(4n/δ)/p²"].bound == pytest.approx(2 * np.log(4000) / 0.04)
    else:
        inside = True
        for label in (1, -1):
            own = kept[:, run.draw.labels == label]
            left, gone = own.sum(axis=1), (~own).sum(axis=1)
            inside &= bool(((left >= (2 - 3 * p) * 50 / 4) & (left <= (2 - p) * 50 / 4)).all())
            inside &= bool(((gone >= p * 50 / 4) & (gone <= 3 * p * 50 / 4)).all())
        assert met(evidence, name)["n ≥ 8 log(8T*/δ)/p²"].bound == pytest.approx(8 * np.log(8e3 / 0.05) / 0.04)
    assert holds(evidence, name) == inside


def test_many_samples_meet_part_three() -> None:
    """n = 20,000 at p = 0.3: the condition holds with T* = 100, and so do the counts of 100 steps, most of the time."""
    bound = 8 * np.log(8 * 100 / 0.05) / 0.3**2
    assert bound < 20_000
    rng = np.random.default_rng(0)
    deviations = [abs(rng.binomial(10_000, 0.3) - 0.3 * 10_000) for _ in range(200)]
    assert max(deviations) < 0.3 * 20_000 / 4


# --- conditions of E.1, E.3, 4.5 --------------------------------------------------------------------------------


def test_conditions_of_the_growth_lemmas() -> None:
    """p ≤ C_0/6 and n ≥ 72 C_0⁻² log(8T*/δ) with the C_0 of the run; p ≤ C_0/24 and T1 ≥ 2 log(4n/δ)/p² in E.3."""
    evidence = HuangEvidence(ts.simulate(SMALL, NOISY, 40), HuangConstants(horizon=100))
    first = int(evidence.printed_first_stage)
    rows = evidence.run.observables.loc[:first]
    derivative = min(rows["loss_derivative_min"].min(), 1 - rows["loss_derivative_max"].max())
    found = met(evidence, "lemma_e_1")
    assert found["p ≤ C₀/6"].bound == pytest.approx(derivative / 6)
    assert found["n ≥ 72 C₀⁻² log(8T*/δ)"].bound == pytest.approx(72 / derivative**2 * np.log(800 / 0.05))
    found = met(evidence, "lemma_e_3.appendix")
    assert found["p ≤ C₀/24"].bound == pytest.approx(derivative / 24)
    assert found["t ≥ 2 log(4n/δ)/p²"].value == evidence.printed_first_stage
    assert any(name.endswith("d^(1/4)") for name in found)


def test_second_stage_ends_at_a_time_that_fits_its_own_output_bound() -> None:
    """T2 − T1 = K(1 + e^{c₂}) with c₂ the largest output up to T2, not beyond, where outputs rise at the end."""
    problem = SMALL.replace(init_std=5.0)  # log(6/σ_0‖μ‖) = 0.18, a short stage
    run = ts.simulate(problem, ts.GradientDescent(1e-9, ts.Flip(0.2)), 60)
    rows = np.array(run.rows)
    rows[:, list(OBSERVABLES).index("rho_bar_min")] = np.arange(61) >= 10
    outputs_ = np.where(np.arange(61) < 50, 1.0, 9.0)
    rows[:, list(OBSERVABLES).index("output_max")] = outputs_
    lr = 4 * 3 * np.log(6 / 5) * (1 + np.e) / 20.5  # a stage of 20.5 steps at c₂ = 1
    run = dataclasses.replace(run, rows=rows, algorithm=ts.GradientDescent(lr, ts.Flip(0.2)))
    evidence = HuangEvidence(run)
    assert (evidence.first_stage_end, evidence.second_stage_deadline, evidence.output_bound) == (10, 31, 1.0)
    condition = met(evidence, "lemma_4_5.ii")["(3/2)p ≤ ½/(1 + e^{c₂})"]
    assert condition.bound == pytest.approx(0.5 / (1 + np.e)) and condition.value == pytest.approx(0.3)
    slower = HuangEvidence(dataclasses.replace(run, algorithm=ts.GradientDescent(lr / 3, ts.Flip(0.2))))
    assert np.isnan(slower.second_stage_deadline) and slower.output_bound == 9.0


@pytest.mark.parametrize(("late", "comparison"), [(0.09, True), (0.11, False)])
def test_small_signal_is_judged_on_all_of_stage_two(late: float, comparison: bool) -> None:
    """(ii) of Lemma 4.5 fails at the last step before T2, and says nothing before T1."""
    columns = {"rho_bar_min": [0, 0, 0.2, 0.3, 0.3], "gamma_max": [0, 5, 0.01, 0.02, late]}
    assert holds(HuangEvidence(made(NOISY, **columns)), "lemma_4_5.ii") is comparison


def test_small_signal_excludes_the_takeover() -> None:
    """The two hold together only with a start along the signal beyond 2.9."""
    evidence = HuangEvidence(ts.simulate(SMALL, NOISY, 3))
    assert holds(evidence, "lemma_4_5.ii_or_takeover")
    assert not holds(HuangEvidence(ts.simulate(SMALL.replace(init_std=10.0), NOISY, 0)), "lemma_4_5.ii_or_takeover")


def test_required_probability_of_the_theorems() -> None:
    """1 − d^(−1/4) for Theorems 3.2 and 3.3, 1 − δ for claims about the draw; a violation is judged by it."""
    runs = [ts.simulate(SMALL, NOISY, 3, seed) for seed in range(2)]
    table = check(runs, "huang2025", delta=0.2).table.set_index("statement")["required"]
    assert table["huang2025.theorem_3_3.t2"] == pytest.approx(1 - 300**-0.25)
    assert table["huang2025.lemma_b_3"] == 0.8 and np.isnan(table["huang2025.lemma_e_1"])


# --- Lemmas C.1, D.3, E.2, D.5, D.6 -----------------------------------------------------------------------------


def test_signal_part_of_c_1_is_an_identity_for_orthogonal_noise_alone() -> None:
    """To rounding there; noise along μ breaks it."""
    runs = {free: ts.simulate(SMALL.replace(orthogonal_noise=not free), NOISY, 60) for free in (False, True)}
    assert holds(HuangEvidence(runs[False]), "lemma_c_1.signal") is True
    assert holds(HuangEvidence(runs[True]), "lemma_c_1.signal") is False


def test_noise_part_of_c_1_is_the_overlaps() -> None:
    """With orthogonal noises ⟨w(t) − w_0, ξ_i⟩ = ρ_i; with equal ones the gap is the other's ρ."""
    for overlap in (0.0, 1.0):
        noise = np.zeros((2, 9))
        noise[0, 1] = noise[1, 2] = 1.0
        noise[1, 1], noise[1, 2] = overlap, 1 - overlap + 1e-3
        weights = np.zeros((2, 1, 9))
        weights[..., 1:3] = 0.3
        signal = np.eye(9)[0]
        draw = ts.Draw.from_arrays(noise=noise, weights=weights, labels=[1.0, 1.0], signal=signal)
        problem = ts.SignalNoise(n=2, d=9, m=1, signal_norm=1.0, noise_std=0.4, init_std=0.1)
        run = ts.simulate(problem, ts.GradientDescent(0.5), 5, draw=draw)
        gap = BY_ID["lemma_c_1.noise"].measured(HuangEvidence(run), run.steps_recorded)
        rho = np.abs(run.rho[-1]).max()
        assert gap[-1] == pytest.approx(overlap * rho, rel=1e-2, abs=1e-12)


@pytest.mark.parametrize(("name", "algorithm"), [("lemma_d_3", ts.GradientDescent(1e-3)), ("lemma_e_2", NOISY)])
def test_large_starts(name: str, algorithm: ts.GradientDescent) -> None:
    """β̄ ≥ u/4 turns the condition on σ_0 into the claim: where it is met and the draw is good, it holds."""
    problem = SMALL.replace(m=12, d=400)
    share = 160 * 6 * np.sqrt(np.log(4 * 36 / 0.05) / 400) * 4 * np.log(100) / (0.5 * 20)
    share *= 400**0.25 if name == "lemma_e_2" else 1
    for factor, inside in ((1.001, True), (0.9, False)):
        for seed in range(20):
            run = ts.simulate(problem.replace(init_std=share * factor), algorithm, 0, seed)
            found = evaluate(BY_ID[name], HuangEvidence(run, HuangConstants(horizon=100)))
            assert found.conditions[-1].holds is inside
            assert found.verdict in ((Verdict.HOLDS, Verdict.OUTSIDE) if inside else (Verdict.OUTSIDE,))
    weak = ts.simulate(problem.replace(init_std=share / 100), algorithm, 0)
    assert not evaluate(BY_ID[name], HuangEvidence(weak, HuangConstants(horizon=100))).comparison


def test_optimum_with_explicit_weights() -> None:
    """Distance, alignment and gradient from the Gram matrix are those of d-dimensional arrays."""
    run = ts.simulate(SMALL.replace(d=40), ts.GradientDescent(0.3), 25, draw="vectors")
    evidence, draw, step = HuangEvidence(run), run.draw, 25
    weights, start = run.weights_at(step), run.draw.weights
    noise, signal = draw.vectors[1:], draw.vectors[0]
    towards = 2 * 3 * np.log(2 / 0.01) * (noise / (noise**2).sum(axis=1, keepdims=True)).sum(axis=0)
    best = start + towards
    assert optimum.distance(evidence, step) == pytest.approx(np.linalg.norm(weights - best), rel=1e-10)
    branch = np.repeat([1.0, -1.0], 3) / 3
    gradients = [
        branch[:, None] * sum(2 * np.maximum(weights @ patch, 0)[:, None] * patch for patch in (label * signal, one))
        for label, one in zip(draw.labels, noise, strict=True)
    ]
    aligned = [label * (one * best).sum() for label, one in zip(draw.labels, gradients, strict=True)]
    assert optimum.alignment(evidence, step) == pytest.approx(min(aligned), rel=1e-10)
    margins = draw.labels * run.outputs(step)
    whole = sum(-label / (1 + np.exp(margin)) * one / 6
                for label, margin, one in zip(draw.labels, margins, gradients, strict=True))
    loss = np.log1p(np.exp(-margins)).mean()
    assert optimum.gradient_ratio(evidence, step) == pytest.approx((whole**2).sum() / loss, rel=1e-10)


def test_sum_of_losses() -> None:
    """(9) on a run from T1 on, and broken by losses that do not fall."""
    run = ts.simulate(SMALL, ts.GradientDescent(0.3), 200, record_every=1)
    assert holds(HuangEvidence(run), "equation_9") is True
    rows = np.array(run.rows)
    rows[100:, list(OBSERVABLES).index("train_loss")] = 1e9
    assert holds(HuangEvidence(dataclasses.replace(run, rows=rows)), "equation_9") is False


def test_shifted_noise_with_explicit_vectors() -> None:
    """The share that Lemma D.6 counts, once more with vectors in d dimensions, within three standard errors."""
    run = ts.simulate(SMALL.replace(d=40, signal_norm=0.05), ts.GradientDescent(0.3), 60, draw="vectors")
    evidence, draw, rng = HuangEvidence(run), run.draw, np.random.default_rng(1)
    shift = 0.01 / np.sqrt(6 * 40) * draw.vectors[1:][draw.labels > 0].sum(axis=0)
    assert shifted.shift_length(evidence) == pytest.approx(np.linalg.norm(shift), rel=1e-10)
    noise = 0.5 * rng.standard_normal((20_000, 40))
    axis = draw.vectors[0] / np.linalg.norm(draw.vectors[0])
    noise -= np.outer(noise @ axis, axis)
    weights, readout = run.weights_at("end"), np.repeat([1.0, -1.0], 3) / 3

    def g(patches: np.ndarray) -> np.ndarray:
        return np.asarray(np.maximum(patches @ weights.T, 0) ** 2 @ readout)

    moved = sum(g(sign * noise + shift) - g(sign * noise) for sign in (1, -1))
    level = np.median(moved)
    assert (shifted.moved_by(evidence, 60) >= level).mean() == pytest.approx(0.5, abs=0.02)
    wanted = (moved >= 4 * (0.01 * 0.05) ** 2).mean()
    assert shifted.share_moved(evidence, np.array([60]))[0] == pytest.approx(wanted, abs=0.02)
    assert shifted.share_moved(HuangEvidence(run, HuangConstants(C=1e9)), np.array([60])) == [0.0], "a level too high"


# --- Lemma 4.5 --------------------------------------------------------------------------------------------------


def test_three_meanings_of_iota() -> None:
    """Two of four filters at ρ̄ = 2: mean 1, mean square 2, square of the sum over m 4, and f = 2 without signal."""
    rho = np.array([2.0, 2.0, 0.0, 0.0])[:, None]
    assert outputs.mean(rho) == 1 and outputs.mean_square(rho) == 2 and outputs.square_of_sum(rho) == 4
    assert outputs.square_of_mean(rho) == 1 and outputs.root_mean_square(rho) == np.sqrt(2)
    output = (np.maximum(rho, 0) ** 2).mean()
    assert output == outputs.mean_square(rho), "the only one that fits the network"


def test_growth_is_counted_from_the_modulus_of_the_sum_at_t1() -> None:
    """(iv) against a loop over both branches; it is not sampled where T1 was not recorded."""
    run = ts.simulate(SMALL.replace(m=6), NOISY, 300, 1, record_every=1)
    evidence = HuangEvidence(run)
    first, start = int(evidence.first_stage_end), evidence.initial_signal
    steps = np.array([first, first + 20, 300])
    wanted = []
    for step in steps:
        ratios = [(run.gamma[step, j] + np.abs(start[j])).max() / np.abs(run.gamma[first, j] + start[j]).max()
                  for j in (0, 1)]
        wanted.append(min(ratios))
    claim = BY_ID["lemma_4_5.growth"]
    np.testing.assert_allclose(claim.measured(evidence, steps), wanted, rtol=1e-12)
    np.testing.assert_allclose(claim.predicted(evidence, steps), np.exp(0.2 / 6 / 16 * (steps - first)), rtol=1e-12)
    few = HuangEvidence(ts.simulate(SMALL.replace(m=6), NOISY, 300, 1, record_at=[first + 1, 300]))
    with pytest.raises(NotSampledError, match=f"step {first} was not recorded"):
        claim.measured(few, np.array([300]))
    assert evaluate(claim, few).verdict == Verdict.NOT_SAMPLED


@pytest.mark.parametrize("meaning", [outputs.mean, outputs.root_mean_square])
def test_expected_change_of_the_square_is_that_of_many_steps(meaning: outputs.Meaning) -> None:
    """E[(ι' − ι*)²] − (ι − ι*)² from both outcomes is the mean over steps that flip at random."""
    run = ts.simulate(SMALL.replace(m=6), NOISY, 40, 1, record_every=1)
    evidence, rest = HuangEvidence(run), np.sqrt(np.log(4))
    after = reduced.next_step(evidence, 40)
    kept = np.random.default_rng(0).random((200_000, 6)) >= 0.2
    both = np.stack([meaning(after.flipped), meaning(after.kept)])
    drawn = np.where(kept, both[1], both[0])
    wanted = ((drawn - rest) ** 2).mean(axis=0) - (meaning(after.now) - rest) ** 2
    p = 0.2
    exact = (1 - p) * (both[1] - rest) ** 2 + p * (both[0] - rest) ** 2 - (meaning(after.now) - rest) ** 2
    np.testing.assert_allclose(exact, wanted, atol=5e-3)
    found = reduced.largest_square_growth(meaning)(evidence, np.array([40]))
    assert np.isnan(found[0]) or any(found[0] == pytest.approx(one, rel=1e-9) for one in exact)


def test_one_step_of_memory_is_exact() -> None:
    """The outcome that the run drew is where it went."""
    run = ts.simulate(SMALL, NOISY, 30, record_every=1)
    evidence = HuangEvidence(run)
    for step in (5, 20):
        after = reduced.next_step(evidence, step)
        wanted = np.where(evidence.kept[step], after.kept, after.flipped)
        np.testing.assert_allclose(evidence.own(run.rho[step + 1]), wanted, rtol=1e-10, atol=1e-14)
