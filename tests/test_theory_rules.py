"""Statements of Chen, Deng, Karhadkar, Lu and Wan et al.: searched for counterexamples in their own conditions.

What follows by proof must not be broken at all; what is claimed over draws must not be broken more often than that, by
an exact binomial bound. What the search does break is false as written, or as it is read: it stands in FINDINGS with
the reason, and has a small example below. The check is not weakened for it.
"""

from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import theorysim as ts
from theorysim import strategies as ours
from theorysim.check import Finding, Verdict, evaluate
from theorysim.core.intervals import interval
from theorysim.papers import chen2023, deng2023, karhadkar2024, lu2024, wan2025
from theorysim.theory.statement import Evidence

pytestmark = pytest.mark.compiled

PROVED = {"lu2024.derived.share": 150}  # decided runs wanted
NOT_BROKEN = {"karhadkar2024.fits": 200, "wan2025.benign": 30, "wan2025.harmful": 5, "deng2023.dominates": 20}
OVER_DRAWS = {"karhadkar2024.benign": 30, "karhadkar2024.harmful": 100}
FINDINGS = {
    "chen2023.sgd.benign": "with constant 1: flipped labels that are fitted leave an error above 0.1",
    "chen2023.sgd.harmful": "with constant 1: the boundary is near n‖μ‖⁴ = 0.02 dP⁴σ⁴",
    "chen2023.sam.benign": "with constant 1 in ‖μ‖ = Ω̃(1), and Θ of the radius within a factor of 4",
    "deng2023.spurious_first": "the pull at the start decides for equal filters only; cubic growth is by the best one",
    "deng2023.core_first": "the same",
    "deng2023.minority_right": "the same, as both may be learned",
    "lu2024.assumption_oscillation": "samples come to rest at small steps, and a few do at large ones",
    "lu2024.learned": "flipped labels are off by δ without any oscillation",
    "lu2024.not_learned": "what is learned before the run comes to rest counts",
    "wan2025.derived.kept": "where the second task is fitted by its noise, the first signal is not unlearned",
    "wan2025.learned": "the same, and where the run has not come so far",
}


def finding(paper: Any, evidence: Evidence, name: str) -> Finding:
    """One statement against one run."""
    return evaluate(next(one for one in paper.STATEMENTS if one.id == f"{paper.PAPER.name}.{name}"), evidence)


# --- runs of each setting ---------------------------------------------------------------------------------------------


@st.composite
def oscillating(draw: st.DrawFn) -> Evidence | None:
    """Two signals of any ratio, batches of any kind, steps on either side of stability, flipped labels."""
    strong, share = draw(ours.scales(-0.3, 0.4)), draw(st.floats(0.05, 0.95))
    n, m = draw(st.integers(2, 12)), draw(st.integers(2, 8))
    noise = ts.Noise(draw(ours.scales(-3, -1)))
    problem = ts.PatchModel(
        [ts.Signal(strong, name="strong"), ts.Signal(share * strong, name="weak"), noise], n=n,
        d=draw(st.integers(40, 300)), m=m, init_std=draw(ours.scales(-3, -1)), q=2, loss="squared",
        label_flip=draw(st.sampled_from([0.0, 0.0, 0.2])))
    batch = draw(st.sampled_from([1, 2, n]))
    rule = ts.GradientDescent(draw(st.floats(0.2, 1.9)) * m / (2 * strong**2), batch_size=min(batch, n),
                              replacement=draw(st.booleans()))
    run = ts.simulate(problem, rule, draw(st.integers(200, 600)), draw(ours.seeds()), record_every=1,
                      on_failure="return")
    return lu2024.OscillationEvidence(run, lu2024.OscillationConstants()) if run.status == "completed" else None


@st.composite
def fitted(draw: st.DrawFn) -> Evidence:
    """One patch, a signal of any strength with flipped labels, trained until the hinge loss is zero."""
    n = draw(st.integers(4, 40) | st.integers(20, 40))
    d = round(n * draw(ours.scales(0.61, 1.6)))
    gamma = draw(st.sampled_from([1 / d, 0.0, 0.0])) or draw(ours.scales(-1.5, -0.1))  # beyond 0.95 see below
    problem = karhadkar2024.problem(n, d, gamma, filters=2 * draw(st.integers(1, 12)))
    return karhadkar2024.KarhadkarEvidence(ts.simulate(
        problem, karhadkar2024.algorithm(problem), 20_000, draw(ours.seeds()), record_at=(),
        until=lambda seen: seen["train_loss"] <= 0))


@st.composite
def two_features(draw: st.DrawFn) -> Evidence | None:
    """A core and a spurious feature, trained until the one that pulls more is learned (or for 1000 steps)."""
    agreement, ratio = draw(st.floats(0.6, 1)), draw(ours.scales(-1, 1))
    spurious = draw(st.floats(0.8, 1.6))
    core = (ratio * (2 * agreement - 1)) ** (1 / 3) * spurious
    most = max(core, spurious, 2.0) / 2
    n, d, m = draw(st.integers(5, 60)), draw(st.integers(4, 20)), draw(st.integers(1, 6))
    problem = ts.PatchModel(
        (ts.Signal(core / most), ts.Spurious(spurious / most, agreement), ts.Noise(0.03, orthogonal=False)), n=n, d=d,
        m=m, init_law="uniform", init_std=0.1 / np.sqrt(3 * d), activation=ts.Monomial(3),
        readout=(1.0,) * m + (-1.0,) * m)
    name = "spurious" if ratio <= 1 else "core"
    momentum = draw(st.sampled_from([0.0, 0.8]))
    run = ts.simulate(
        problem, ts.GradientDescent(0.3 * (1 - momentum), momentum=momentum), 1000, draw(ours.seeds()), record_at=(),
        observe=deng2023.OBSERVE, observe_every=1, until=lambda seen: seen[name] >= 0.5, on_failure="return")
    return deng2023.DengEvidence(run) if run.status != "diverged" else None


@st.composite
def with_batches(draw: st.DrawFn, constant: float = 1.0) -> Evidence:
    """SGD and SAM on signals of all strengths."""
    n, m, d = draw(st.integers(4, 20)), draw(st.integers(2, 10)), draw(st.integers(30, 800))
    sam = draw(st.booleans())
    norm = draw(ours.scales(0, 1)) if sam else (draw(ours.scales(-3, 2.5)) * 16 * d / n) ** 0.25
    problem = ts.SignalNoise(
        n=n, d=d, m=m, signal_norm=norm, noise_std=1.0, init_std=draw(ours.scales(-3, -1)) / d**0.5, q=1,
        label_flip=draw(st.sampled_from([0.0, 0.1, 0.2])), orthogonal_noise=draw(st.booleans()))
    batch = draw(st.integers(1, n))
    lr = draw(ours.scales(-1, 0)) * n * m / (d + n * norm**2)
    factor = draw(ours.scales(-0.6, 0.6))
    rule = chen2023.sam(problem, lr, batch, factor) if sam else ts.GradientDescent(lr, batch_size=batch)
    steps = round(90 * n * m / (lr * (d + n * norm**2)))
    run = ts.simulate(problem, rule, steps, draw(ours.seeds()), record_at=())
    return chen2023.SamEvidence(run, chen2023.SamConstants(C=constant))


@st.composite
def second_tasks(draw: st.DrawFn) -> Evidence:
    """A second task at any angle, most of them obtuse."""
    tasks = wan2025.Tasks(
        n=draw(st.integers(10, 50)), d=draw(st.integers(20, 110)), m=draw(st.integers(3, 10)),
        signal_norm=draw(st.floats(5, 10)), init_std=draw(ours.scales(-2.5, -1.7)), steps=1500)
    seed = draw(ours.seeds())
    degrees = draw(st.floats(0, 180) | st.floats(172, 180) | st.floats(90, 180))
    run = wan2025.second_task(tasks, wan2025.first_task(tasks, seed), degrees, draw(st.sampled_from([0.0, 0.0, 0.2])),
                              seed)
    return wan2025.ForgettingEvidence(run, wan2025.ForgettingConstants())


SEARCHES: dict[str, tuple[Any, Callable[[], Any], int]] = {
    "chen2023": (chen2023, with_batches, 250), "deng2023": (deng2023, two_features, 150),
    "karhadkar2024": (karhadkar2024, fitted, 300), "lu2024": (lu2024, oscillating, 300),
    "wan2025": (wan2025, second_tasks, 150),
}


@cache
def search(name: str, **options: float) -> dict[str, Counter[Verdict]]:
    """Verdicts of all statements of a paper over many runs."""
    paper, runs, examples = SEARCHES[name]
    found: dict[str, Counter[Verdict]] = {one.id: Counter() for one in paper.STATEMENTS}

    @settings(max_examples=examples, suppress_health_check=[HealthCheck.too_slow])
    @given(runs(**options))
    def collect(evidence: Any) -> None:
        for one in paper.PAPER.statements_about(evidence.run) if evidence is not None else ():
            found[one.id][evaluate(one, evidence).verdict] += 1

    collect()
    return found


def decided(statement: str) -> tuple[int, int]:
    """Runs in its conditions that break it, and all in its conditions."""
    verdicts = search(statement.partition(".")[0])[statement]
    return verdicts[Verdict.VIOLATED], verdicts[Verdict.VIOLATED] + verdicts[Verdict.HOLDS]


@pytest.mark.parametrize("statement", PROVED | NOT_BROKEN)
def test_no_counterexample(statement: str) -> None:
    """Enough runs on which all conditions hold, and the conclusion in each of them."""
    violated, of = decided(statement)
    assert violated == 0 and of >= (PROVED | NOT_BROKEN)[statement], (violated, of)


@pytest.mark.parametrize("statement", OVER_DRAWS)
def test_as_often_as_claimed(statement: str) -> None:
    """The share of draws that break it may be δ or less."""
    violated, of = decided(statement)
    assert of >= OVER_DRAWS[statement] and interval(violated, of, 0.998)[0] <= 0.05, (violated, of)


@pytest.mark.parametrize("statement", FINDINGS)
def test_findings_are_found(statement: str) -> None:
    """The search breaks what stands in FINDINGS, though not on every run."""
    violated, of = decided(statement)
    assert 0 < violated < of, (violated, of)


def test_every_statement_is_one_of_these() -> None:
    """But for a law of second order, which few of these runs are in the conditions of, and not all within its band."""
    named = {*PROVED, *NOT_BROKEN, *OVER_DRAWS, *FINDINGS}
    assert {one.id for paper, _, _ in SEARCHES.values() for one in paper.STATEMENTS} - named == {
        "lu2024.derived.excess"}
    violated, of = decided("lu2024.derived.excess")
    assert of > 3 and violated < of


def test_constants_of_chen() -> None:
    """With C = 100 the claim that SGD does harm is not broken: so weak a signal is not learned."""
    verdicts = search("chen2023", constant=100.0)["chen2023.sgd.harmful"]
    assert verdicts[Verdict.VIOLATED] == 0 and verdicts[Verdict.HOLDS] >= 10, verdicts


# --- findings: small examples -----------------------------------------------------------------------------------------


def two_signals(
    signals: tuple[float, float], n: int, m: int, lr: float, batch: int, steps: int, seed: int, **fields: Any
) -> lu2024.OscillationEvidence:
    """A run on a strong and a weak signal."""
    strong, weak = signals
    problem = ts.PatchModel(
        [ts.Signal(strong, name="strong"), ts.Signal(weak, name="weak"), ts.Noise(0.002)], n=n, d=100, m=m, q=2,
        loss="squared", **{"init_std": 0.01} | fields)
    run = ts.simulate(problem, ts.GradientDescent(lr, batch_size=batch), steps, seed, record_every=10)
    return lu2024.OscillationEvidence(run, lu2024.OscillationConstants())


def test_a_strong_signal_that_shrinks() -> None:
    """Where samples oscillate for long the strong signal may have shrunk; the inequality is as true as before.

    The ratio of both growths, −5 here, is below 1, and says nothing.
    """
    evidence = two_signals((2.0, 1.8), 8, 5, 0.875, 1, 600, 0)
    assert (evidence.growth[:, 0] < -0.5).all() and (evidence.growth[:, 1] > 1).all()
    assert finding(lu2024, evidence, "derived.share").verdict == Verdict.HOLDS
    assert finding(lu2024, evidence, "learned").verdict == Verdict.HOLDS


def test_finding_flipped_labels_are_off_without_oscillation() -> None:
    """Full batches at a small step rest where flipped samples want the opposite of the others, and so all are off.

    Then the weak signal has its share of the growth and 3% more; with the same labels unflipped they come to rest.
    """
    evidence = two_signals((1.5, 0.15), 16, 8, 0.4, 16, 1500, 0, label_flip=0.2)
    assert evidence.run.draw.noisy.sum() > 0 and evidence.oscillating.min() == 1
    residuals = evidence.residuals
    assert np.abs(residuals - residuals[-1]).max() < 1e-3, "nothing moves"
    one = finding(lu2024, evidence, "learned")
    assert one.verdict == Verdict.VIOLATED and 0.5 < one.measured / one.predicted < 0.53
    calm = two_signals((1.5, 0.15), 16, 8, 0.4, 16, 1500, 0)
    assert calm.oscillating.max() == 0 and finding(lu2024, calm, "learned").verdict == Verdict.OUTSIDE


def test_finding_what_is_learned_before_rest_counts() -> None:
    """A run that rests in its last three quarters, in which the weak signal has grown twice its share before them."""
    evidence = two_signals((2.0, 1.0), 6, 8, 1.85, 6, 800, 2)
    one = finding(lu2024, evidence, "not_learned")
    assert one.verdict == Verdict.VIOLATED and one.measured > 2 * one.predicted
    assert evidence.oscillating.max() == 0
    products = np.log(evidence.products[:, evidence.aligned])
    quarter = len(products) // 4
    late = products[-1, :, 1] - products[quarter, :, 1]
    assert np.abs(late).max() < 0.01 * one.measured, "hardly anything is learned at rest"


def trained_on_features(core: float, spurious: float, agreement: float, m: int, seed: int) -> Evidence:
    """A run of 40 samples in 8 dimensions, for 400 steps."""
    problem = ts.PatchModel(
        (ts.Signal(core), ts.Spurious(spurious, agreement), ts.Noise(0.03, orthogonal=False)), n=40, d=8, m=m,
        init_law="uniform", init_std=0.1 / np.sqrt(24), activation=ts.Monomial(3), readout=(1.0,) * m + (-1.0,) * m)
    run = ts.simulate(problem, ts.GradientDescent(0.3), 400, seed, record_at=(), observe=deng2023.OBSERVE,
                      observe_every=1)
    return deng2023.DengEvidence(run)


@pytest.mark.parametrize(("name", "core", "spurious", "agreement", "m", "seed"), [
    ("spurious_first", 1.0, 1.5, 0.8, 2, 38), ("core_first", 1.2, 1.0, 0.86, 1, 10)])
def test_finding_the_pull_does_not_decide(
    name: str, core: float, spurious: float, agreement: float, m: int, seed: int
) -> None:
    """A feature that pulls twice as much is learned after the other, which was larger in the best of few filters."""
    evidence = trained_on_features(core, spurious, agreement, m, seed)
    easy, hard = ("spurious", "core") if name == "spurious_first" else ("core", "spurious")
    pulls = dict(zip(("core", "spurious"), evidence.pulls, strict=True))
    assert pulls[easy] > 2 * pulls[hard]
    assert evidence.time(hard) < evidence.time(easy)
    assert finding(deng2023, evidence, name).verdict == Verdict.VIOLATED
    assert evidence.run.column(hard)[0] > evidence.run.column(easy)[0]


def test_without_a_flip_no_signal_is_enough() -> None:
    """γ = Ω(1/k) is met by no γ at k = 0: six clean samples of hardly any signal are fitted, and the error is 1/2."""
    problem = karhadkar2024.problem(6, 60, 1e-4, filters=8)
    run = ts.simulate(problem, karhadkar2024.algorithm(problem), 20_000, 0, record_at=(),
                      until=lambda seen: seen["train_loss"] <= 0)
    evidence = karhadkar2024.KarhadkarEvidence(run)
    assert evidence.flipped == 0 and evidence.test_error > 0.45
    assert finding(karhadkar2024, evidence, "benign").verdict == Verdict.OUTSIDE
    assert finding(karhadkar2024, evidence, "fits").verdict == Verdict.HOLDS


def test_finding_flips_take_long_where_there_is_little_noise() -> None:
    """Beyond γ = 0.95 the noise that tells a flipped sample apart is small: zero loss comes after the horizon."""
    problem = karhadkar2024.problem(36, 196, 0.955, filters=4)
    run = ts.simulate(problem, karhadkar2024.algorithm(problem), 30_000, 0, record_at=(),
                      until=lambda seen: seen["train_loss"] <= 0)
    one = finding(karhadkar2024, karhadkar2024.KarhadkarEvidence(run), "fits")
    assert run.status == "stopped" and one.measured == run.steps > 20_000 and one.verdict == Verdict.VIOLATED


@pytest.mark.parametrize(("name", "fields", "lr", "constant"), [
    ("sgd.harmful", {"n": 10, "d": 400, "m": 8, "signal_norm": 3.0, "init_std": 5e-4}, 0.05, 1.0),
    ("sgd.benign", {"n": 20, "d": 600, "m": 9, "signal_norm": 9.0, "init_std": 1e-4, "label_flip": 0.2}, 0.05, 10.0),
])
def test_finding_constants_of_sgd(name: str, fields: dict[str, Any], lr: float, constant: float) -> None:
    """With constant 1 a signal that should be too weak is enough; with 10 flipped labels still harm a strong one."""
    problem = ts.SignalNoise(noise_std=1.0, q=1, **fields)
    run = ts.simulate(problem, ts.GradientDescent(lr, batch_size=5 if name == "sgd.harmful" else 17), 1000, 0,
                      record_at=())
    evidence = chen2023.SamEvidence(run, chen2023.SamConstants(C=constant))
    one = finding(chen2023, evidence, name)
    assert one.verdict == Verdict.VIOLATED and run.column("train_loss")[-1] < 0.1
    assert (one.measured < 0.1) == (name == "sgd.harmful")


def test_finding_sam_that_gets_nowhere() -> None:
    """‖μ‖ = 1.6 and a radius of three times its order, batches of one, no flip: the weights come to a halt.

    So far uphill no filter is active on the batch's sample, whichever it is, and the gradient there is zero.
    """
    problem = ts.SignalNoise(n=7, d=700, m=4, signal_norm=1.6, noise_std=1.0, init_std=2e-4, q=1)
    rule = chen2023.sam(problem, 0.02, 1, 3.0)
    run = ts.simulate(problem, rule, 2500, 4, record_at=[200])
    one = finding(chen2023, chen2023.SamEvidence(run, chen2023.SamConstants()), "sam.benign")
    assert one.verdict == Verdict.VIOLATED and one.measured > 0.4 and run.column("train_loss")[-1] > 0.6
    np.testing.assert_array_equal(run.coefficients[-1], run.coefficients[1])
    weights, vote = run.weights_at(), np.repeat([0.25, -0.25], 4)
    for patches, label in zip(run.draw.sign[..., None] * run.draw.vectors[run.draw.atom], run.draw.labels, strict=True):
        gradient = -label * vote[:, None] * ((weights @ patches.T > 0) @ patches)  # up to a factor
        uphill = weights + rule.sam_radius * gradient / max(np.linalg.norm(gradient), 1e-300)
        assert (uphill @ patches.T <= 0).all()


def test_finding_a_second_task_that_is_memorised() -> None:
    """Its samples are fitted by their noise, its signal is not learned, and so the first is not unlearned as derived.
    """
    tasks = wan2025.Tasks(n=20, d=90, m=4, signal_norm=6.0, init_std=0.007, steps=6000)
    run = wan2025.second_task(tasks, wan2025.first_task(tasks, 0), 175.0, 0.0, 0)
    evidence = wan2025.ForgettingEvidence(run, wan2025.ForgettingConstants())
    assert run.column("train_loss")[-1] < 1e-4
    for name in ("derived.kept", "learned"):
        assert finding(wan2025, evidence, name).verdict == Verdict.VIOLATED
    assert abs(finding(wan2025, evidence, "learned").measured) < 0.01
