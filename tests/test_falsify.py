"""falsify: false claims are contradicted by runs that anyone can make again, true ones survive."""

import contextlib
import dataclasses
import io
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import theorysim as ts
from theorysim import strategies as ours
from theorysim.check import Verdict, evaluate
from theorysim.theory.comparison import ROUNDING, relative_excess
from theorysim.falsify import Counterexample, Survived, search, verb
from theorysim.falsify.claim import claim_of
from theorysim.falsify.region import region_of
from theorysim.falsify.source import source
from theorysim.papers.huang2025 import HuangConstants, HuangEvidence, hypotheses
from theorysim.theory.conditions import Condition
from theorysim.theory.paper import papers, paper_named
from theorysim.theory.statement import Evidence, Sense, Statement
from theorysim.theory.windows import at, end, every_step, number, observed, recorded

pytestmark = pytest.mark.compiled

PRINTED = {one.id: one for one in paper_named("huang2025").statements}
PROBLEM = ts.SignalNoise(n=4, d=50, m=2, signal_norm=1.0, noise_std=0.5, init_std=0.1)
ALGORITHM = ts.GradientDescent(0.1)


def own(name: str, sense: Sense, measured: Any, predicted: Any, **more: Any) -> Statement:
    """A claim of one's own."""
    return Statement(f"own.{name}", name, f"{name} {sense}", "own", sense, measured, predicted, **more)


def bare(name: str) -> Statement:
    """A lemma without the conditions that small runs cannot meet, about every good draw."""
    return dataclasses.replace(PRINTED[f"huang2025.{name}"], conditions=hypotheses.trajectory, over_draws=False)


def smallest_rise(evidence: Any, steps: np.ndarray) -> np.ndarray:
    """min over filters of γ(t) − γ(t − 1); 0 at the first record."""
    gamma = evidence.run.gamma[evidence.records(steps)]
    return np.concatenate([[0.0], np.diff(gamma.reshape(len(steps), -1), axis=0).min(axis=1)])


RISES = own("gamma_rises", Sense.LOWER, smallest_rise, number(0.0), window=recorded(every_step))
BELOW = own("signal_below_memory", Sense.UPPER, observed("gamma_max"), observed("rho_bar_max"), window=every_step)
FALSE: dict[str, tuple[Any, Any, int]] = {
    "D.2": ("huang2025.lemma_d_2", "huang2025", 0),
    "D.4": ("huang2025.lemma_d_4", "huang2025", 1),
    "E.1": (bare("lemma_e_1.main_text"), "huang2025", 0),
    "E.3": (bare("lemma_e_3"), "huang2025", 0),
    "4.1": ("huang2025.proposition_4_1.order", "huang2025", 0),
    "4.2": (bare("lemma_4_2.rho_under"), "huang2025", 0),
    "γ rises": (RISES, None, 0),
    "γ ≤ ρ̄": (BELOW, "huang2025", 0),
}


def ran(code: str, claim: Any) -> tuple[str, dict[str, Any]]:
    """What the code of a counterexample prints, and what it makes, in a namespace that has nothing else."""
    output, names = io.StringIO(), {"ts": ts, "claim": claim}
    with contextlib.redirect_stdout(output):
        exec(code, names)
    return output.getvalue(), names


@pytest.mark.usefixtures("own_papers")
@pytest.mark.parametrize("name", FALSE)
def test_a_false_claim_is_contradicted(name: str) -> None:
    """Inside the assumptions, compared, and false; its code makes it again, bit for bit."""
    claim, inside, seed = FALSE[name]
    found = ts.falsify(claim, inside, runs=200, seed=seed)
    assert isinstance(found, Counterexample), str(found)
    assert found.finding.verdict == Verdict.VIOLATED and found.smallest and found.tries <= 200
    assert all(one.holds for one in found.finding.conditions)
    again = found.asked.finding(found.asked.replayed(found.run()))
    assert again is not None and (again.measured, again.predicted) == (found.measured, found.predicted)
    printed, names = ran(found.code, claim)
    assert "violated" in printed
    made = found.asked.finding(found.asked.replayed(names["run"]))
    assert made is not None and (made.measured, made.predicted) == (found.measured, found.predicted)
    assert 0 <= found.first <= found.steps and 0 <= found.step <= found.steps
    assert len(repr(found)) < 160 and found.claim.formula in str(found)


@pytest.fixture
def own_papers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Papers that a test registers are its own."""
    monkeypatch.setattr("theorysim.theory.paper._REGISTERED", {})


TRUE = ("huang2025.lemma_d_1", "huang2025.lemma_d_1.label_noise", "huang2025.lemma_d_2.derived",
        "huang2025.lemma_c_1.signal", "huang2025.lemma_c_1.noise", bare("lemma_4_2.rho_under.explicit"),
        "zhang2025.alignment")


@pytest.mark.parametrize("claim", TRUE, ids=lambda one: getattr(one, "id", one))
def test_a_true_claim_survives(claim: Any) -> None:
    """All runs are accounted for, and the bound is the exact one of the independent ones alone."""
    found = ts.falsify(claim, None if "zhang" in str(claim) else "huang2025", runs=60)
    assert isinstance(found, Survived), str(found)
    assert found.tried + found.outside + found.silent == 60
    assert 0 < found.independent <= found.tried - (found.climbed > 0 and found.tried > found.independent)
    assert found.bound == pytest.approx(1 - 0.05 ** (1 / found.independent), rel=1e-12)
    assert found.closest is not None and found.closest.seen.verdict == Verdict.HOLDS
    assert f"{found.independent} of them of independent" in str(found) and len(repr(found)) < 160


# --- the climb --------------------------------------------------------------------------------------------------


def near(centre: dict[str, float], reach: float, **more: Any) -> Statement:
    """Says that no setting is within some decades of a point: false in a corner, and only there."""
    def distance(evidence: Any) -> float:
        values = {"lr": evidence.run.algorithm.lr} | {
            name: getattr(evidence.run.problem, name) for name in ("signal_norm", "noise_std", "n")}
        return math.sqrt(sum(math.log10(max(values[name], 1e-9) / value) ** 2 for name, value in centre.items()))

    return own("corner", Sense.LOWER, number(distance), number(reach), **more)


def strong_signal(evidence: Any) -> list[Condition]:
    """An assumption that leaves half of all settings."""
    p = evidence.run.problem
    return [Condition("‖μ‖ ≥ σ_p", p.signal_norm, ">=", p.noise_std, "test")]


CORNER = {"lr": 0.01, "signal_norm": 3.0, "noise_std": 2.9, "n": 40}


def test_a_corner_is_climbed_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ball of a tenth of a decade in four numbers, one beyond all random settings, at an assumption's edge."""
    claim = near(CORNER, 0.1, conditions=strong_signal)
    found = ts.falsify(claim, steps=1, runs=1500)
    assert isinstance(found, Counterexample) and found.how == "climb"
    assert found.problem.signal_norm >= found.problem.noise_std and found.problem.n > 12
    monkeypatch.setattr(verb, "CLIMBS", 1)
    assert isinstance(ts.falsify(claim, steps=1, runs=300), Survived)


def test_strategies_are_climbed_by_hypothesis_and_never_left() -> None:
    """Of the caller's own strategies nothing outside is tried, while climbing or shrinking."""
    seen: list[tuple[int, float]] = []

    def noted(evidence: Any) -> float:
        seen.append((evidence.run.problem.n, evidence.run.problem.signal_norm))
        return evidence.run.problem.signal_norm

    problems = st.builds(PROBLEM.replace, n=st.integers(5, 9), signal_norm=st.floats(0.5, 4.0))
    claim = own("norm", Sense.UPPER, number(noted), number(3.98))
    found = ts.falsify(claim, {"problems": problems, "steps": 1}, runs=2000)
    assert isinstance(found, Counterexample)
    assert (found.problem.n, found.problem.signal_norm) == (5, 4.0), "the simplest that Hypothesis knows"
    assert all(5 <= n <= 9 and 0.5 <= norm <= 4.0 for n, norm in seen)


@given(st.sampled_from(Sense), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_the_climb_goes_by_what_a_check_goes_by(sense: Sense, a: float, b: float, c: float, d: float) -> None:
    """Its excess has the sign of the relative excess, and of upper and lower bounds the order too."""
    claim = claim_of(own("any", sense, number(0.0), number(0.0)), None, {})
    wild = relative_excess(sense, np.array([a, c]), np.array([b, d]), claim.constants.band)
    mine = claim.excess(np.array([a, c]), np.array([b, d]))
    for one, other in zip(wild, mine, strict=True):
        if abs(one) > ROUNDING and (sense != Sense.ORDER or min(a, b, c, d) > 0):
            assert (one > 0) == (other > 0)
    if sense != Sense.ORDER and np.abs(wild).max() < 1 - 1e-9 and abs(wild[0] - wild[1]) > ROUNDING:
        assert (wild[0] > wild[1]) == (mine[0] > mine[1])


# --- what counts ------------------------------------------------------------------------------------------------


def never(_evidence: Any) -> list[Condition]:
    """An assumption that no run meets."""
    return [Condition("1 ≥ 2", 1.0, ">=", 2.0, "test")]


def test_outside_of_its_assumptions_nothing_is_a_counterexample() -> None:
    """A claim that is false everywhere, and assumes what never holds; nothing is said about a rate."""
    found = ts.falsify(own("no", Sense.UPPER, number(2.0), number(1.0), conditions=never), runs=60, steps=1)
    assert isinstance(found, Survived) and found.outside > 0
    assert (found.tried, found.independent, found.bound, found.closest) == (0, 0, 1.0, None)
    assert "Nothing was compared" in str(found)


def test_what_was_not_reached_is_not_a_counterexample_and_runs_are_made_longer() -> None:
    """A claim about step 1000 is compared there, though most settings have fewer steps; unless steps are given."""
    claim = own("late", Sense.UPPER, number(1.0), number(1.0), window=at(lambda e: 1000.0))
    found = ts.falsify(claim, PROBLEM, algorithm=ALGORITHM, runs=20)
    assert isinstance(found, Survived) and found.independent == 20
    short = ts.falsify(claim, PROBLEM, algorithm=ALGORITHM, steps=10, runs=20)
    assert isinstance(short, Survived) and (short.tried, short.silent) == (0, 20)


def test_a_fixed_problem_stays() -> None:
    """Seed, algorithm and steps vary; what is given does not, and the claim's own constants are kept."""
    found = ts.falsify(BELOW, PROBLEM.replace(signal_norm=3.0), runs=100)
    assert isinstance(found, Counterexample) and found.problem == PROBLEM.replace(signal_norm=3.0)
    fixed = ts.falsify(BELOW, PROBLEM.replace(signal_norm=3.0), algorithm=ALGORITHM, steps=50, runs=100)
    assert isinstance(fixed, Counterexample) and (fixed.algorithm, fixed.steps) == (ALGORITHM, 50)
    earlier = [ts.simulate(fixed.problem, ALGORITHM, 50, seed) for seed in range(fixed.seed)]
    assert not any(evaluate(BELOW, Evidence(run)).verdict == Verdict.VIOLATED for run in earlier)
    wide = ts.falsify("huang2025.lemma_4_2.t1", PROBLEM, algorithm=ALGORITHM, runs=3, band=9.0)
    assert isinstance(wide, Survived) and wide.asked.constants.band == 9.0


def first_label(evidence: Any) -> float:
    return float(evidence.run.draw.labels[0])


def any_label(evidence: Any) -> float:
    return float(evidence.run.draw.labels.max())


def test_claims_about_draws_are_counted_over_fresh_draws() -> None:
    """One that fails on half of the draws is contradicted; one that fails on 1 in 32, less than δ, is not."""
    half = ts.falsify(own("half", Sense.LOWER, number(first_label), number(0.0), over_draws=True), PROBLEM,
                      algorithm=ALGORITHM, steps=1, runs=30)
    assert isinstance(half, Counterexample) and half.share is not None
    holds, count = half.share
    labels = [ts.Draw.from_problem(PROBLEM, seed).labels[0] for seed in range(count)]
    assert holds == sum(one > 0 for one in labels) and f"{holds} of {count}" in str(half)
    seldom = ts.falsify(own("seldom", Sense.LOWER, number(any_label), number(0.0), over_draws=True),
                        PROBLEM.replace(n=5), algorithm=ALGORITHM, steps=1, runs=150)
    assert isinstance(seldom, Survived) and seldom.failed > 0 and seldom.independent == 150
    k, f = seldom.independent, seldom.failed
    at_bound = sum(math.comb(k, i) * seldom.bound**i * (1 - seldom.bound) ** (k - i) for i in range(f + 1))
    assert at_bound == pytest.approx(0.05, rel=1e-9)


def test_the_bound_is_of_independent_settings() -> None:
    """A setting depends on its own seed alone, whatever was made before."""
    region = region_of(claim_of(BELOW, None, {}), None, None, None)
    keys = [search.source(0, number) for number in range(12)]
    forth = [repr(search.sample(region.settings, key)) for key in keys]
    back = [repr(search.sample(region.settings, key)) for key in reversed(keys)]
    assert forth == back[::-1] and len(set(forth)) == 12
    digits: Any = st.integers(0, 9)
    counts = np.bincount([search.sample(digits, search.source(1, number)) for number in range(300)], minlength=10)
    assert counts[0] == 0 and counts[1:].min() >= 15, "all but the simplest, each about 33 times"


def test_same_seed_same_search() -> None:
    """With a budget in runs all of it is the same: settings, order, what is found, and how small."""
    first, second = (ts.falsify("huang2025.lemma_d_2", "huang2025", runs=30, seed=3) for _ in range(2))
    assert str(first).rpartition(" s)")[2] == str(second).rpartition(" s)")[2] and repr(first) == repr(second)
    other = ts.falsify("huang2025.lemma_d_1", "huang2025", runs=45, seed=4)
    assert isinstance(other, Survived)
    same = ts.falsify("huang2025.lemma_d_1", "huang2025", runs=45, seed=4)
    assert isinstance(same, Survived) and same.counts == other.counts
    assert other.closest is not None and same.closest is not None
    assert repr(same.closest.setting) == repr(other.closest.setting)


# --- interruption, input, output --------------------------------------------------------------------------------


def after(calls: int, value: Callable[[Any], float]) -> Any:
    """A side during whose n-th evaluation Ctrl-C comes."""
    made = []

    def side(evidence: Any) -> float:
        made.append(1)
        if len(made) == calls:
            os.kill(os.getpid(), signal.SIGINT)
        return value(evidence)

    return number(side)


def test_ctrl_c_keeps_what_there_is() -> None:
    """During the search what was tried; during shrinking the counterexample so far."""
    tried = ts.falsify(own("fine", Sense.UPPER, after(5, lambda e: 0.5), number(1.0)), steps=1)
    assert isinstance(tried, Survived) and tried.interrupted and tried.tried == 5
    assert "so far (interrupted)" in str(tried)
    found = ts.falsify(own("wrong", Sense.UPPER, after(3, lambda e: 2.0), number(1.0)), steps=1)
    assert isinstance(found, Counterexample) and found.interrupted and not found.smallest


def test_time_ends_a_search() -> None:
    """A budget of seconds is kept, up to the run that is being made."""
    found = ts.falsify(own("fine", Sense.UPPER, number(0.5), number(1.0)), PROBLEM, steps=1, budget=0.3)
    assert isinstance(found, Survived) and found.seconds < 30 and not found.interrupted


BAD: dict[str, tuple[tuple[Any, ...], dict[str, Any], type[Exception], str]] = {
    "claim": ((3,), {}, TypeError, "claim=3: must be a Statement or str"),
    "id": (("huang2025.lemma_x",), {}, ValueError, "claim='huang2025.lemma_x': must be a Statement or the id of one"),
    "paper": ((BELOW, "nobody2025"), {}, ValueError, "inside='nobody2025': must be one of"),
    "no regime": ((BELOW, "han2025"), {}, ValueError, "inside='han2025': must be one of"),
    "inside": ((BELOW, 3), {}, TypeError, "inside=3: must be the name of a paper, a problem"),
    "part": ((BELOW, {"problem": PROBLEM}), {}, ValueError, "inside='problem': must be one of"),
    "twice": ((BELOW, {"steps": 3}), {"steps": 4}, ValueError, "steps: give them in inside= or as an argument"),
    "draws": ((BELOW, {"draws": 3}), {}, TypeError, "draws=3: must be a function"),
    "algorithm": ((BELOW,), {"algorithm": 0.1}, TypeError, "algorithm=0.1: must be a GradientDescent"),
    "steps": ((BELOW,), {"steps": -1}, ValueError, "steps=-1: must be an integer in"),
    "budget": ((BELOW,), {"budget": 0}, ValueError, "budget=0: must be finite and in"),
    "runs": ((BELOW,), {"runs": 0}, ValueError, "runs=0: must be an integer >= 1"),
    "seed": ((BELOW,), {"seed": -1}, ValueError, "seed=-1"),
    "progress": ((BELOW,), {"progress": 1}, TypeError, "progress=1: must be True or False"),
    "constant": ((BELOW,), {"horizon": 3}, TypeError, "horizon=3: no such constant"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str) -> None:
    """Refused before any run, naming argument, value and what is allowed."""
    given, keywords, kind, message = BAD[name]
    with pytest.raises(kind, match=message.replace("(", r"\(")):
        ts.falsify(*given, **keywords)


def test_what_can_never_be_run_says_why() -> None:
    """An algorithm of another system; a claim about a column that there is not."""
    with pytest.raises(TypeError, match="algorithm="):
        ts.falsify(BELOW, PROBLEM, algorithm=ts.LinearSGD(0.1), runs=5)
    missing = own("typo", Sense.UPPER, observed("gama_max"), number(1.0), window=end)
    with pytest.raises(ValueError, match="name='gama_max'"):
        ts.falsify(missing, PROBLEM, runs=5)


def test_hypothesis_is_wanted_only_here() -> None:
    """The package imports without it, and the search says what to install."""
    code = ("import sys; sys.modules['hypothesis'] = None\nimport theorysim as ts\n"
            "try:\n    ts.falsify('huang2025.lemma_d_1')\nexcept ImportError as error:\n    print(error)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "needs Hypothesis: pip install hypothesis" in done.stdout


@pytest.mark.parametrize("system", ["patch", "linear", "oscillation", "reweighting"])
@given(data=st.data())
def test_code_makes_the_values_again(system: str, data: st.DataObject) -> None:
    """Problems and algorithms of every system, by public names alone."""
    for value in data.draw(ours.settings(system)):
        assert repr(eval(source(value), {"ts": ts, "array": np.array})) == repr(value)


def test_picture_and_page() -> None:
    """Both sides over the steps with labelled axes and the step marked; what comes from outside is escaped."""
    claim = dataclasses.replace(BELOW, formula="max γ ≤ max ρ̄ <b>")
    found = ts.falsify(claim, PROBLEM.replace(signal_norm=3.0), steps=20, runs=50)
    assert isinstance(found, Counterexample)
    axes = found.plot()
    measured, predicted, mark = axes.get_lines()
    assert axes.get_xlabel() == "step (updates)" and axes.get_ylabel() and mark.get_xdata()[0] == found.step
    run = found.run()
    np.testing.assert_array_equal(measured.get_ydata(), run.column("gamma_max"))
    np.testing.assert_array_equal(predicted.get_ydata(), run.column("rho_bar_max"))
    place = list(measured.get_xdata()).index(found.step)
    assert (measured.get_ydata()[place], predicted.get_ydata()[place]) == (found.measured, found.predicted)
    page = found._repr_html_()
    assert "&lt;b&gt;" in page and "<b>" not in page and "ts.simulate" in page
    import matplotlib.pyplot as plt

    plt.close("all")
    survived = ts.falsify(dataclasses.replace(claim, predicted=number(1e9)), PROBLEM, steps=3, runs=5)
    assert "<b>" not in survived._repr_html_() and "failure rate below" in survived._repr_html_()


def test_evidence_is_the_papers() -> None:
    """A statement of a paper that was changed is seen with that paper's evidence and constants."""
    claim = claim_of(bare("lemma_e_3"), None, {"horizon": 100.0})
    assert claim.paper.evidence is HuangEvidence and isinstance(claim.constants, HuangConstants)
    assert claim.constants.horizon == 100.0 and not claim.printed
    assert claim_of("huang2025.lemma_e_3", None, {}).printed
    assert claim_of("low_snr.relu", "kou2023", {}).paper.name == "kou2023"
    assert {"huang2025"} <= {name for name, one in papers().items() if one.regime is not None}
    run = ts.simulate(PROBLEM, ALGORITHM, 5)
    assert claim.finding(run) is None, "it is about label noise"
    made = claim_of(BELOW, None, {}).finding(run)
    assert made is not None and made.verdict == evaluate(BELOW, claim_of(BELOW, None, {}).evidence(run)).verdict
