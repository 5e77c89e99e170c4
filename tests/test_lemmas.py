"""Lemmas about the trajectory are deterministic once the good events hold: a search for runs that break them.

The search is over problems in the regime of the paper (Assumption 3.1, constants 1) and draws on which the good
events hold, some with norms and starts at the very ends that the events allow. A lemma it breaks is wrong as
written, or as we read it: it stands in FINDINGS with the reason and has a test with a small example. The check
is not weakened for it.
"""

import dataclasses
import math
from collections import Counter
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import theorysim as ts
from theorysim import strategies as ours
from theorysim.check import Finding, Verdict, evaluate
from theorysim.theory import concentration
from theorysim.theory.paper import paper_named
from theorysim.papers.huang2025 import hypotheses
from theorysim.papers.huang2025 import HuangConstants as Constants, HuangEvidence as Evidence

pytestmark = pytest.mark.compiled

WANTED = max(200, settings.default.max_examples if settings.default else 0)  # decided runs for each lemma
MAX_STEPS = 4000

WHOLE_RUN = (
    *(f"huang2025.proposition_4_1.{name}" for name in ("gamma", "rho_bar", "rho_bar_below", "rho_under")),
    "huang2025.lemma_c_1.noise", "huang2025.lemma_c_1.signal", "huang2025.lemma_d_2.derived",
)
LEMMAS = {
    False: (
        *(f"huang2025.lemma_{name}" for name in ("d_1", "d_2", "d_4")),
        *(f"huang2025.lemma_4_2.{name}" for name in ("rho_under", "rho_under.explicit", "gamma", "gamma.explicit")),
        *(f"huang2025.lemma_4_3.{name}" for name in ("gamma", "rho_under", "rho_bar")),
        *WHOLE_RUN,
    ),
    True: (
        *(f"huang2025.lemma_{name}" for name in ("d_1.label_noise", "e_1", "e_1.main_text", "e_3")),
        *(f"huang2025.lemma_4_4.{name}" for name in ("rho_under.explicit", "gamma.explicit_upper")),
        *WHOLE_RUN,
    ),
}
# What small runs cannot meet is left out of these conditions: n ≥ 72 C₀⁻² log(8T*/δ) is some 15,000 samples (E.1), E.3
# has σ_0 of Lemma E.2, and Proposition 4.1 has a β that assumes large constants. So the search tells what they are for.
BARE = ("huang2025.lemma_e", "huang2025.proposition_4_1", "huang2025.lemma_4_2", "huang2025.lemma_4_3")
FINDINGS = {
    "huang2025.lemma_d_2": "the constant 3 has room for |ℓ'| ≤ 1/2 only, and a start with ỹf < 0 has more",
    "huang2025.lemma_d_4": "false at t = 0 when the weakest start lies between 1/4 and 1/2.4 of σ_0σ_p√d",
    "huang2025.lemma_4_2.rho_under": "Õ read with constant 1 is too small, the start along a noise may be twice that",
    "huang2025.lemma_4_3.rho_under": "the same",
    "huang2025.lemma_4_3.gamma": "Õ read with constant 1: a start that is long along μ passes it by some percent",
    "huang2025.lemma_e_1": "without its own conditions: a class without samples, or a step with most labels flipped, "
                           "does not grow its signal",
    "huang2025.lemma_e_1.main_text": "the same, and sooner, as it has no factor 1/2 at the start",
    "huang2025.lemma_e_3": "at t = T1 the filter may have grown by less than the 0.4 that are missing from 0.6 to 1",
}
PRINTED = {one.id: one for one in paper_named("huang2025").statements}
STATEMENTS = {name: dataclasses.replace(one, conditions=hypotheses.trajectory) if name.startswith(BARE) else one
              for name, one in PRINTED.items()}


def finding(run: ts.Run, lemma: str, **constants: float) -> Finding:
    """One lemma against one run, at the default constants but for those given."""
    return evaluate(STATEMENTS[f"huang2025.{lemma}"], Evidence(run, Constants(**constants)))


@st.composite
def runs(draw: st.DrawFn, label_noise: bool) -> ts.Run:
    """Runs in the regime, with or without label flips, most of them beyond the end of stage 1."""
    problem = draw(ours.problems(inside="huang2025", m=st.integers(1, 6)))
    lr = ours.largest_small_lr(problem) * draw(ours.scales(-0.5, 0))
    law = draw(st.builds(ts.Flip, st.floats(0, 0.3))) if label_noise else None
    realisation = draw(ours.good_draws(problem))
    stage = problem.n * problem.m * (3 - math.log(problem.init_std * problem.noise_std * math.sqrt(problem.d)))
    steps = max(1, min(MAX_STEPS, round(draw(st.floats(1, 6)) * stage)))
    algorithm, seed = ts.GradientDescent(lr, law), draw(ours.seeds())
    evidence = Evidence(ts.simulate(problem, algorithm, steps, seed, draw=realisation, record_at=()))
    times = (evidence.first_stage_end, evidence.printed_first_stage, evidence.proved_first_stage)
    at = {*range(0, steps, max(1, steps // 50)), *(math.ceil(one) for one in times if one <= steps)}
    return ts.simulate(problem, algorithm, steps, seed, draw=realisation, record_at=sorted(at))


@cache
def search(label_noise: bool) -> dict[str, Counter[Verdict]]:
    """Verdicts of all lemmas over many runs; fails with the smallest run that breaks one outside of FINDINGS."""
    found: dict[str, Counter[Verdict]] = {name: Counter() for name in LEMMAS[label_noise]}

    @settings(max_examples=2 * WANTED, suppress_health_check=[HealthCheck.too_slow])
    @given(runs(label_noise))
    def hold(run: ts.Run) -> None:
        evidence = Evidence(run)
        for name, verdicts in found.items():
            one = evaluate(STATEMENTS[name], evidence)
            verdicts[one.verdict] += 1
            assert one.verdict != Verdict.VIOLATED or name in FINDINGS, (run.problem, run.algorithm, one)

    hold()
    return found


CASES = [(name, label_noise) for label_noise, names in LEMMAS.items() for name in names]


@pytest.mark.parametrize(("lemma", "label_noise"), [case for case in CASES if case[0] not in FINDINGS])
def test_no_counterexample(lemma: str, label_noise: bool) -> None:
    """Enough runs on which all conditions hold, and the conclusion in each of them."""
    verdicts = search(label_noise)[lemma]
    assert verdicts[Verdict.HOLDS] >= WANTED
    assert verdicts[Verdict.VIOLATED] == 0


@pytest.mark.parametrize(("lemma", "label_noise"), [case for case in CASES if case[0] in FINDINGS])
def test_findings_are_found(lemma: str, label_noise: bool) -> None:
    """The search is able to break a lemma: those in FINDINGS it does, though not on every run."""
    verdicts = search(label_noise)[lemma]
    assert verdicts[Verdict.HOLDS] + verdicts[Verdict.VIOLATED] >= WANTED
    assert verdicts[Verdict.VIOLATED] > 0
    assert verdicts[Verdict.HOLDS] > 0


@pytest.mark.parametrize("label_noise", [False, True])
def test_the_search_stays_in_the_regime(label_noise: bool) -> None:
    """Every run meets the conditions, so none of them is wasted."""
    for verdicts in search(label_noise).values():
        assert verdicts[Verdict.OUTSIDE] == 0


# --- findings: the smallest examples ---------------------------------------------------------------------------

NOISE_STD, DIMENSION = 1.0, 10_000


def one_sample(
    own: list[float], other: list[float], *, along_signal: tuple[float, float] = (0.6, -0.6), length: float = 1.0,
    init_std: float = 0.005, signal_norm: float = 0.1, d: int = DIMENSION, label_noise: bool = False, steps: int = 1,
    multiplier: float = 1.0,
) -> ts.Run:
    """One sample with y = 1 and everything given, the same multiplier of its label at every step.

    ⟨w_{j,r}(0), ξ⟩ in units of σ_0σ_p√d for both branches, ⟨w_{j,r}(0), μ⟩ of every filter in units of σ_0‖μ‖,
    ‖ξ‖² in units of σ_p² d, and the largest learning rate with ησ_p²d ≤ 1. With label noise no label happens to be
    flipped.
    """
    m = len(own)
    problem = ts.SignalNoise(n=1, d=d, m=m, signal_norm=signal_norm, noise_std=NOISE_STD, init_std=init_std)
    noise, signal, weights = np.zeros((1, d)), np.zeros(d), np.zeros((2, m, d))
    signal[0] = signal_norm
    noise[0, 1] = NOISE_STD * np.sqrt(length * d)
    weights[..., 0] = init_std * np.array(along_signal)[:, None]
    weights[..., 1] = init_std * np.array([own, other]) / np.sqrt(length)
    return ts.simulate(
        problem, ts.GradientDescent(ours.largest_small_lr(problem), ts.Flip(0.1) if label_noise else None), steps,
        draw=ts.Draw.from_arrays(noise=noise, weights=weights, labels=[1.0], signal=signal),
        label_noise=np.full((steps, 1), multiplier), record_every=1 if steps <= 100 else steps // 50,
    )


def in_regime(run: ts.Run) -> bool:
    """Assumption 3.1 of the problem and the learning rate, with constants 1."""
    return all(one.holds for one in hypotheses.assumption(Evidence(run)) if not one.formula.startswith("p"))


@pytest.mark.parametrize(("init_std", "ratio"), [(0.001, 1.11), (0.005, 1.99)])
def test_finding_lemma_d_2(init_std: float, ratio: float) -> None:
    """One step moves ρ̲ by up to 2|ℓ'| (3/2) 2√log(8mn/δ), which is within 3√log(8mn/δ) only if |ℓ'| ≤ 1/2.

    Filters of the other branch at the largest start make f < 0, so |ℓ'| > 1/2. With 6 max|ℓ'| in place of 3 the
    search finds nothing; as σ_0σ_p√d → 0 the excess vanishes.
    """
    edge = 2 * math.sqrt(math.log(8 * 2 / Constants().delta)) * (1 - 1e-12)
    run = one_sample([0.3, 0.3], [edge, edge], length=1.5 * (1 - 1e-12), init_std=init_std)
    one = finding(run, "lemma_d_2")
    assert in_regime(run)
    assert (one.verdict, one.first_violation) == (Verdict.VIOLATED, 1)
    assert one.ratio == pytest.approx(ratio, abs=0.005)


@pytest.mark.parametrize(("start", "verdict"), [
    (0.251, Verdict.VIOLATED), (1 / 2.41, Verdict.VIOLATED), (1 / 2.39, Verdict.HOLDS), (1.0, Verdict.HOLDS),
])
def test_finding_lemma_d_4(start: float, verdict: Verdict) -> None:
    """At t = 0 it says 0 ≥ σ_0σ_p√d/4 − 0.6β̄, false whenever β̄ < σ_0σ_p√d/2.4, which good events allow.

    With (exp(...) − 1)β̄ on the right the search finds nothing.
    """
    run = one_sample([start], [-1.0], steps=50)
    one = finding(run, "lemma_d_4")
    assert in_regime(run)
    assert one.verdict == verdict
    if verdict == Verdict.VIOLATED:
        assert (one.first_violation, one.measured) == (0, 0)
        assert one.predicted == pytest.approx((0.25 - 0.6 * start) * 0.5, rel=1e-9)


def test_finding_lemma_e_1_needs_both_classes() -> None:
    """No good event says that both classes have samples: with one sample, the other branch learns no signal."""
    run = one_sample([1.0], [1.0], along_signal=(1.0, -0.500001), signal_norm=3.0, init_std=0.001,
                     label_noise=True)
    one = finding(run, "lemma_e_1")
    assert in_regime(run)
    assert one.verdict == Verdict.VIOLATED
    assert one.measured == pytest.approx(0.500001 * 0.003, rel=1e-9)  # where it started
    assert run.gamma[-1, 1, 0] == 0


def test_finding_lemma_e_1_needs_unflipped_labels() -> None:
    """Nor does one say that at each step most labels are unflipped: here both are flipped at the first step."""
    d, init_std, signal_norm = 10_000, 0.0025, 1.0
    problem = ts.SignalNoise(n=2, d=d, m=1, signal_norm=signal_norm, noise_std=1.0, init_std=init_std)
    noise, signal, weights = np.zeros((2, d)), np.zeros(d), np.zeros((2, 1, d))
    signal[0] = signal_norm
    noise[0, 1] = noise[1, 2] = math.sqrt(d)
    weights[:, 0, 0] = 0.5 * init_std * (1 + 1e-9) * np.array([1.0, -1.0])
    weights[:, 0, 1] = weights[:, 0, 2] = init_std
    draw = ts.Draw.from_arrays(noise=noise, weights=weights, labels=[1.0, -1.0], signal=signal)
    verdicts = []
    for multiplier in (1.0, -1.0):
        run = ts.simulate(problem, ts.GradientDescent(1e-4, ts.Flip(0.1)), 1, draw=draw,
                          label_noise=np.full((1, 2), multiplier))
        assert in_regime(run)
        verdicts.append(finding(run, "lemma_e_1").verdict)
    assert verdicts == [Verdict.HOLDS, Verdict.VIOLATED]


def test_finding_lemma_e_3() -> None:
    """It says 0.6 + ρ̄/⟨w_0, ξ⟩ ≥ exp(...) > 1 at T1, but a filter that starts at 0.5 has ρ̄ ≥ 0.1 before that.

    No label is flipped here. Without flips ρ̄/⟨w_0, ξ⟩ + 1 ≥ exp(...) has no counterexample in the search; with
    flips that too needs a bound on how often one sample is flipped until T1 (Lemma B.4 as an event).
    """
    run = one_sample([1.0] * 10, [-1.0] * 10, label_noise=True, steps=5)
    one = finding(run, "lemma_e_3")
    assert in_regime(run)
    assert one.verdict == Verdict.VIOLATED
    assert 0.6 < one.measured < 1 < one.predicted


@pytest.mark.parametrize(("multiplier", "holds"), [(1.0, True), (-1.0, False)])
def test_lemma_e_3_of_the_appendix_needs_few_flips(multiplier: float, holds: bool) -> None:
    """A sample whose label is kept until T1 meets it, one always flipped does not; p and T1 are to exclude it."""
    one = one_sample([1.0] * 4, [-1.0] * 4, label_noise=True, steps=12, multiplier=multiplier)
    found = evaluate(PRINTED["huang2025.lemma_e_3.appendix"], Evidence(one))
    assert (found.comparison, found.verdict) == (holds, Verdict.OUTSIDE)
    unmet = {condition.formula[:3] for condition in found.conditions if not condition.holds}
    assert {"p ≤", "t ≥"} <= unmet


def test_finding_proposition_4_1_rho_bar_at_large_width() -> None:
    """A single filter that memorizes alone needs ρ̄ = √(m f), beyond 4 log T* once m is some hundreds, T* the run.

    Good events promise one such filter for each sample. Among random starts half of them are, and then it holds. With
    the default horizon, a product of all scales, α is 4.5 times larger, and m would have to be 20 times.
    """
    m = 300
    alone = one_sample([1.0] + [-0.1] * (m - 1), [-0.1] * m, steps=5000, d=100, init_std=0.05)
    half = one_sample([1.0, -0.1] * (m // 2), [-0.1] * m, steps=5000, d=100, init_std=0.05)
    assert in_regime(alone) and in_regime(half)
    assert finding(alone, "proposition_4_1.rho_bar", horizon=5000).verdict == Verdict.VIOLATED
    assert finding(alone, "proposition_4_1.rho_bar", horizon=5000).ratio > 1.15
    assert finding(half, "proposition_4_1.rho_bar", horizon=5000).verdict == Verdict.HOLDS
    assert 4 < math.log(Evidence(alone).horizon) / math.log(5000) < 5


# --- why the search is over the paper's regime: good events alone are not enough ---------------------------------


def good(run: ts.Run) -> bool:
    """The model, the good events and ησ_p²d ≤ 1."""
    evidence = Evidence(run)
    small_step = [one for one in hypotheses.assumption(evidence) if one.formula.startswith("η")]
    conditions = (*hypotheses.model(evidence), *concentration.good_events(evidence), *small_step)
    return all(one.holds for one in conditions)


def test_finding_proposition_4_1_gamma_needs_a_weak_signal() -> None:
    """ησ_p²d ≤ 1 does not make a step along a strong signal small: γ passes 4 log T* at the first step."""
    run = one_sample([1.0], [-1.0], d=100, signal_norm=1000.0, init_std=0.001)
    assert good(run) and not in_regime(run)
    assert Evidence(run).problem.snr == 100
    assert finding(run, "proposition_4_1.gamma").comparison is False


def test_finding_lemma_d_2_needs_many_dimensions() -> None:
    """With d of the order of n² overlaps of noise vectors feed ρ̲, which then grows beyond linearly."""
    problem = ts.SignalNoise(n=3, d=93, m=5, signal_norm=0.02, noise_std=0.1, init_std=0.002)
    run = ts.simulate(problem, ts.GradientDescent(0.5), 1330, 428, record_every=50)
    assert good(run) and not in_regime(run)
    one = finding(run, "lemma_d_2")
    assert one.comparison is False
    assert one.first_violation > 100
