"""The second-order law as statements: true where derived, to rounding on orthogonal noise, and able to fail."""

import dataclasses
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theorysim as ts
from theorysim.check import Finding, Verdict, check, evaluate
from theorysim.papers.second_order import PAPER, STATEMENTS, SecondOrderEvidence
from theorysim.papers.second_order.statements import identity_gap
from theorysim.theory.paper import default_paper
from theorysim.theory.second_order import identity

pytestmark = pytest.mark.compiled
BY_ID = {one.id.removeprefix("second_order."): one for one in STATEMENTS}
PROBLEM = ts.SignalNoise(n=20, d=10**8, m=20, signal_norm=1.0, noise_std=1.0, init_std=1e-6).replace(n_snr2=0.4)
SMALL = ts.SignalNoise(n=8, d=10**7, m=6, signal_norm=1.0, noise_std=1.0, init_std=3e-6).replace(n_snr2=0.5)


@cache
def learned(kappa: float, p: float = 0.1, seed: int = 0, problem: ts.SignalNoise = PROBLEM) -> ts.Run:
    """A run until the signal is learned, with every step recorded."""
    return ts.simulate(problem, ts.GradientDescent.from_kappa(problem, kappa, ts.Flip(p)), 6000, seed, record_every=1,
                       until=lambda seen: seen["gamma_max"] >= 1.0)


def finding(name: str, run: ts.Run, **constants: float) -> Finding:
    """One statement against one run."""
    return evaluate(BY_ID[name], SecondOrderEvidence(run, PAPER.constants(**constants)))


def orthogonal(n: int, m: int, kappa: float, p: float, steps: int, seed: int, x: float = 0.5) -> ts.Run:
    """A run whose noise vectors are orthogonal to each other and to the signal, to rounding."""
    rng, d = np.random.default_rng(seed), 2 * (n + 1)
    problem = ts.SignalNoise(n=n, d=d, m=m, signal_norm=1.0, noise_std=1.0, init_std=0.02).replace(n_snr2=x)
    axes = np.linalg.qr(rng.standard_normal((d, n + 1)))[0].T
    draw = ts.Draw.from_arrays(
        noise=axes[1:] * np.sqrt(d), weights=0.02 * rng.standard_normal((2, m, d)),
        labels=np.where(np.arange(n) % 2, 1.0, -1.0), signal=axes[0] * problem.signal_norm)
    return ts.simulate(problem, ts.GradientDescent.from_kappa(problem, kappa, ts.Flip(p)), steps, seed, draw=draw,
                       record_every=1)


# --- where it was derived ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_all_of_it_holds_where_it_was_derived(seed: int) -> None:
    """At κ = .2 and .3, x = .4: identity and bound at every step, Ψ, T1, T2; none of these by a wide margin."""
    run = learned(0.3, seed=seed)
    for name in ("identity", "psi", "t1", "t2"):
        found = finding(name, run)
        assert found.verdict == Verdict.HOLDS, name
        assert found.asked == found.compared == (run.steps if name == "identity" else 1)
    assert 0.9 < finding("t2", run).ratio < 1.15
    bound = finding("bound", learned(0.2, seed=seed))
    assert bound.verdict == Verdict.HOLDS and bound.compared > 1000 and bound.ratio > 0.2


@pytest.mark.parametrize(("kappa", "p"), [(1.0, 0.1), (0.3, 0.45)])
def test_beyond_the_transition_the_law_is_linear(kappa: float, p: float) -> None:
    """Memory killed, or extinct: the time is that of the linear law, and the statements about rest do not speak."""
    run = learned(kappa, p)
    assert finding("transition", run).verdict == Verdict.HOLDS
    for name in ("t2", "psi", "t1"):
        assert finding(name, run).verdict in (Verdict.NOT_REACHED, Verdict.OUTSIDE)
    assert finding("transition", learned(0.3)).verdict == Verdict.OUTSIDE


def test_the_error_is_that_of_the_eigenvalue() -> None:
    """−log of the error at T2, from an estimate of rare errors, against the law; below 500 it does not speak."""
    for seed in (1, 3):
        found = finding("error", learned(0.3, 0.2, seed, SMALL))
        assert found.verdict == Verdict.HOLDS and found.predicted > 1000
        assert found.measured == pytest.approx(found.predicted, rel=0.01)
    common = finding("error", learned(0.3, 0.2, 2, SMALL))
    assert common.verdict == Verdict.OUTSIDE and common.predicted < 20


def test_an_estimate_that_does_not_trust_itself_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a rare error."""
    run = learned(0.3, 0.2, 1, SMALL)
    real = ts.PatchRun.test_error
    monkeypatch.setattr(ts.PatchRun, "test_error", lambda *given, **named: dataclasses.replace(
        real(*given, **named), reliable=False))
    assert finding("error", run).comparison is None


# --- one path ----------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(n=st.integers(2, 6), m=st.integers(2, 6), kappa=st.floats(0.01, 0.45), p=st.floats(0.01, 0.5),
       seed=st.integers(0, 10**6), x=st.floats(0.01, 4.0))
def test_the_identity_is_exact_on_orthogonal_noise(
    n: int, m: int, kappa: float, p: float, seed: int, x: float
) -> None:
    """To rounding at every step, for every path of flips, until a filter that it speaks of dies.

    An inner product that has shrunk by a factor has lost as much of its digits.
    """
    steps = np.arange(61)
    evidence = SecondOrderEvidence(orthogonal(n, m, kappa, p, 60, seed, x))
    gap, least = identity_gap(evidence, steps), np.ones(61)
    for label in (1, -1):
        signal, own = evidence.products(steps, label)
        every = np.column_stack([signal, own])
        begun = np.where(every[0] > 0, every[0], np.inf)
        least = np.minimum(least, (every / begun).min(axis=1))
    lost = 1 / np.minimum.accumulate(np.where(least > 0, least, np.inf))
    known = ~np.isnan(gap)
    assert (gap[known] <= 1e-12 * lost[known]).all()
    assert (known == (least > 0)).all()


def test_no_path_grows_faster_than_the_bound() -> None:
    """For every path of flips after T1 on orthogonal noise, whatever p and x; and at many of these it was compared."""
    compared = []

    @settings(deadline=None, max_examples=100)
    @given(n=st.integers(2, 6), m=st.integers(3, 6), kappa=st.floats(0.02, 0.25), p=st.floats(0.0, 0.6),
           seed=st.integers(0, 10**6), x=st.floats(0.01, 4.0))
    def search(n: int, m: int, kappa: float, p: float, seed: int, x: float) -> None:
        found = finding("bound", orthogonal(n, m, kappa, p, 200, seed, x))
        assert found.comparison is not False
        compared.append(found.compared)

    search()
    assert np.count_nonzero(np.array(compared) > 20) >= 20


def test_the_bound_is_for_multipliers_up_to_one() -> None:
    """|c| ≤ 1 takes |ε| ≤ 1: another law is outside, a uniform one within it is not."""
    for law, met in ((ts.Flip(0.2), True), (ts.Uniform(-1.0, 1.0), True), (ts.Uniform(-0.5, 1.5), False),
                     (ts.Gaussian(0.5, 0.2), False)):
        run = ts.simulate(PROBLEM, ts.GradientDescent.from_kappa(PROBLEM, 0.1, law), 3)
        (found,) = (one for one in BY_ID["bound"].conditions(SecondOrderEvidence(run)) if one.formula == "|ε_i| ≤ 1")
        assert found.holds == met


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 12), st.integers(2, 8), st.floats(0.02, 0.25), st.floats(0.02, 0.45), st.floats(0.05, 0.6),
       st.integers(0, 10**6))
def test_smoothing_leaves_the_signal_where_it_is(n: int, m: int, kappa: float, p: float, x: float, seed: int) -> None:
    """Wherever it speaks, at every step after rest: the bound holds, and is at most ten times too large."""
    problem = ts.SignalNoise(n=n, d=10**9, m=m, signal_norm=1.0, noise_std=1.0, init_std=1e-6).replace(n_snr2=x)
    steps = min(6000, int(60 / (kappa * p)))
    run = ts.simulate(problem, ts.GradientDescent.from_kappa(problem, kappa, label_smoothing=2 * p), steps, seed,
                      record_every=max(1, steps // 150))
    found = finding("smoothing", ts.again(run, record_at=_after_rest(run)))
    begun = len(SecondOrderEvidence(run, PAPER.constants()).starts) == 2
    assert found.verdict in (Verdict.HOLDS, Verdict.OUTSIDE, Verdict.NOT_REACHED) or not begun, found
    if found.verdict == Verdict.HOLDS:
        assert found.ratio > 0.1


def _after_rest(run: ts.Run) -> list[int]:
    rest = SecondOrderEvidence(run, PAPER.constants()).rest
    return [] if np.isnan(rest) else [int(rest), *(int(step) for step in run.steps_recorded if step > rest)]


def test_noise_of_the_same_mean_does_not() -> None:
    """Flips with p = a/2 pull as much on average at every output; in the place of smoothing they break the bound."""
    smooth = ts.GradientDescent.from_kappa(PROBLEM, 0.1, label_smoothing=0.2)
    still = ts.simulate(PROBLEM, smooth, 2000, 0, record_every=1)
    assert finding("smoothing", still).verdict == Verdict.HOLDS
    assert finding("smoothing", still).ratio == pytest.approx(0.5, abs=0.1)  # as derived
    rest = int(SecondOrderEvidence(still, PAPER.constants()).rest)
    noisy = ts.resume(ts.simulate(PROBLEM, smooth, rest, 0, record_every=1), 2000 - rest,
                      algorithm=ts.GradientDescent(smooth.lr, ts.Flip(0.1)), record_every=1)
    told_otherwise = noisy.replace(algorithm=smooth, phases=())
    assert finding("smoothing", told_otherwise).verdict == Verdict.VIOLATED


def test_smoothing_and_noise_are_told_apart() -> None:
    """Of a run with both, or with another loss, there is nothing to say."""
    both = ts.simulate(PROBLEM, ts.GradientDescent.from_kappa(PROBLEM, 0.1, ts.Flip(0.1), label_smoothing=0.2), 20, 0)
    assert not PAPER.statements_about(both)
    hinge = ts.simulate(PROBLEM.replace(loss="hinge"), ts.GradientDescent(1e-8, label_smoothing=0.2), 5, 0)
    assert not PAPER.statements_about(hinge)


def test_the_identity_needs_its_fluctuation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without h the gap is far beyond what overlaps do; where that could not be told, it is outside."""
    run = learned(0.2)
    assert finding("identity", run).verdict == Verdict.HOLDS
    monkeypatch.setattr(identity, "excess", lambda x: 0 * np.asarray(x))
    assert finding("identity", run).verdict == Verdict.VIOLATED
    slow = ts.simulate(PROBLEM, ts.GradientDescent.from_kappa(PROBLEM, 0.01, ts.Flip(0.1)), 20, record_every=1)
    assert finding("identity", slow).verdict == Verdict.OUTSIDE


def test_the_bound_needs_a_small_step() -> None:
    """With a step that kills memory the signal grows at first order, beyond any bound of the second."""
    run = learned(1.0)
    evidence = SecondOrderEvidence(run)
    grown = np.log(run.column("gamma_max")[-1] / run.draw.inner[:, 0].max())
    assert grown > PROBLEM.n / 2 * PROBLEM.snr**2 * 4 * 0.25**2 * run.steps
    assert not all(one.holds for one in BY_ID["bound"].conditions(evidence))


# --- what it does not speak of -----------------------------------------------------------------------------------


def test_runs_that_it_does_not_speak_of() -> None:
    """Gradient descent, q = 3, labels flipped before training, multipliers that were given."""
    quiet = ts.simulate(SMALL, ts.GradientDescent.from_kappa(SMALL, 0.1), 5)
    cubic = SMALL.replace(q=3)
    for run in (quiet, ts.simulate(cubic, ts.GradientDescent.from_kappa(cubic, 0.1, ts.Flip(0.1)), 5),
                ts.simulate(SMALL.replace(label_flip=0.2), ts.GradientDescent.from_kappa(SMALL, 0.1, ts.Flip(0.1)), 5),
                ts.simulate(SMALL, ts.GradientDescent.from_kappa(SMALL, 0.1, ts.Flip(0.1)), 5,
                            label_noise=np.ones((5, 8)))):
        assert not PAPER.statements_about(run)
    assert default_paper(learned(0.3)).paper.name == "huang2025", "it is nobody's first choice"


def test_what_was_not_seen_is_not_sampled() -> None:
    """Without records no path; a time needs rows; the same run made again tells."""
    run = ts.simulate(PROBLEM, ts.GradientDescent.from_kappa(PROBLEM, 0.3, ts.Flip(0.1)), 200, record_at=())
    report = check(run, "second_order")
    assert {report[f"second_order.{name}"].verdict for name in ("identity", "bound", "psi")} == {Verdict.NOT_SAMPLED}
    again = check(run, "second_order", replay=True)
    found = again["second_order.identity"]
    assert (found.verdict, found.asked, found.compared) == (Verdict.HOLDS, 200, 200)


@pytest.mark.parametrize("kappa", [1e-5, 0.1, 0.45, 20.0])
@pytest.mark.parametrize("law", [
    ts.Flip(0.0), ts.Flip(0.5), ts.Flip(1.0), ts.Gaussian(0.0, 1.0), ts.Gaussian(1.0, 0.1), ts.Gaussian(-0.5, 0.5),
    ts.Gaussian(0.5, 2.0), ts.Uniform(0.5, 1.5), ts.Uniform(-1.0, 2.0), ts.Uniform(-3.0, -1.0)])
def test_laws_of_which_it_is_silent(law: ts.Flip | ts.Gaussian | ts.Uniform, kappa: float) -> None:
    """Without a resting point, or one that is resolved: nothing crashes, and nothing is claimed of times."""
    run = ts.simulate(SMALL, ts.GradientDescent.from_kappa(SMALL, kappa, law), 60, 1, record_every=1,
                      on_failure="return")
    report, evidence = check(run, "second_order"), SecondOrderEvidence(run)
    if evidence.prediction is None:
        verdicts = {report[f"second_order.{name}"].verdict for name in ("psi", "t1", "t2", "transition")}
        assert verdicts <= {Verdict.NOT_REACHED, Verdict.OUTSIDE}
    if law in (ts.Flip(0.5), ts.Gaussian(0.0, 1.0), ts.Uniform(0.5, 1.5)):
        assert evidence.prediction is None


def test_a_sample_without_a_filter_is_outside() -> None:
    """At m = 1 and 2 some samples cannot be memorised: no crash, and neither rest nor bound speak."""
    met = 0
    for m, seed in ((m, seed) for m in (1, 2) for seed in range(6)):
        of = SMALL.replace(m=m, d=200, init_std=0.01).replace(n_snr2=1.0)
        run = ts.simulate(of, ts.GradientDescent.from_kappa(of, 0.2, ts.Flip(0.1)), 400, seed, record_every=1)
        report, evidence = check(run, "second_order"), SecondOrderEvidence(run)
        if sum(one.dead for one in evidence.starts):
            met += 1
            assert report["second_order.bound"].verdict in (Verdict.NOT_REACHED, Verdict.OUTSIDE)
    assert met >= 3


def test_a_class_without_a_filter_is_outside() -> None:
    """One filter: a class may have none aligned; the report says so, and no number is made up."""
    single = PROBLEM.replace(m=1, n=4)
    for seed in range(8):
        run = ts.simulate(single, ts.GradientDescent.from_kappa(single, 0.3, ts.Flip(0.1)), 60, seed, record_every=1)
        evidence = SecondOrderEvidence(run)
        if not evidence.starts:
            break
    assert evidence.prediction is None
    for one in STATEMENTS:
        assert evaluate(one, evidence).verdict in (Verdict.OUTSIDE, Verdict.NOT_REACHED), one.id


@pytest.mark.parametrize("name", ["identity", "bound", "psi", "t2", "t1"])
def test_each_can_fail(name: str) -> None:
    """With a κ or a law that is not the run's, or labels that were flipped otherwise."""
    run = learned(0.2 if name == "bound" else 0.3)
    wrong = {
        "identity": lambda e: {"signal_rate": 1.5 * e.signal_rate},
        "bound": lambda e: {"signal_rate": e.signal_rate / 9},
        "psi": lambda e: {"psi": 2 * e.psi},
        "t2": lambda e: {"prediction": dataclasses.replace(e.prediction, T2=e.prediction.T2 / 2)},
        "t1": lambda e: {"prediction": dataclasses.replace(e.prediction, T1=e.prediction.T1 / 3)},
    }[name]
    evidence = SecondOrderEvidence(run)
    evidence.__dict__.update(wrong(evidence))
    bare = dataclasses.replace(BY_ID[name], conditions=lambda _e: ())
    assert evaluate(bare, evidence).verdict == Verdict.VIOLATED
