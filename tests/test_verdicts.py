"""Verdicts rest on what was looked at: at the steps that a statement speaks about, of runs that it is about."""

import dataclasses
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import theorysim as ts
from all_systems import CASES, Case, assert_same, control_c, every_case, one_case_each
from theorysim.check import Finding, Verdict, check, evaluate
from theorysim.check import replay as room
from theorysim.cli import main
from theorysim.core.plain import is_plain
from theorysim.patch.observables import OBSERVABLES
from theorysim.systems import again
from theorysim.theory.paper import paper_named, papers_about
from theorysim.theory.statement import Constants, Evidence, Sense, Statement
from theorysim.theory.windows import (
    NotSampledError, at, end, every_step, first_record, number, observed, observed_next, recorded, records_since,
)

# Inside the regime of Huang et al. 2025, but for the lower end of p.
INSIDE = ts.SignalNoise(n=4, d=10**6, m=30, signal_norm=0.5, noise_std=1.0, init_std=2e-4)
FLIPS = ts.GradientDescent(0.5 / INSIDE.d, ts.Flip(0.05))
STEPS, SEED = 6000, 3
NAN = np.nan
E_3, D_1, GROWTH = "huang2025.lemma_e_3", "huang2025.lemma_d_1", "huang2025.lemma_4_5.growth"


@cache
def noisy(**keywords: Any) -> ts.Run:
    """The run on which Lemma E.3 fails, observed or recorded in some way."""
    return ts.simulate(INSIDE, FLIPS, STEPS, SEED, **keywords)


@cache
def plain(**keywords: Any) -> ts.Run:
    """Without label noise."""
    return ts.simulate(INSIDE.replace(m=10), ts.GradientDescent(0.5 / INSIDE.d), 2000, 1, **keywords)


def known(finding: Finding) -> tuple[str, float, float]:
    """What a finding says."""
    return str(finding.verdict), finding.ratio, finding.compared


# --- a claim is compared where it speaks -------------------------------------------------------------------------


@pytest.mark.parametrize("keywords", [{}, {"record_at": ()}, {"record_at": (65, 67)}, {"record_every": 100}])
def test_a_claim_about_t1_is_not_read_at_the_next_record(keywords: dict[str, Any]) -> None:
    """Lemma E.3 holds 3, 34 and 5934 steps after T1 = 66 and fails there, outside its own conditions."""
    assert known(check(noisy(record_every=1))[E_3]) == ("outside regime", pytest.approx(0.794, abs=5e-4), 1)
    found = check(noisy(**{name: value for name, value in keywords.items()}))[E_3]
    assert (found.verdict, found.comparison, found.asked, found.compared) == (Verdict.NOT_SAMPLED, None, 1, 0)
    assert np.isnan([found.measured, found.predicted, found.ratio, found.first_violation]).all()


@cache
def _whole() -> Any:
    """What a run that kept everything says."""
    return check(noisy(record_every=1))


@pytest.mark.parametrize("keywords", [
    {}, {"record_at": ()}, {"observe": "outputs"}, {"observables_every": 7}, {"record_at": (10, 20), "until": None},
])
def test_replay_sees_it(keywords: dict[str, Any]) -> None:
    """Whatever the run has kept, the same finding, at the same steps."""
    found = check(noisy(**keywords), replay=True)
    whole = _whole()
    for one, other in zip(whole.findings[0], found.findings[0], strict=True):
        assert_same(one, other, one.statement.id)


def test_what_is_compared_with_itself_is_not_counted() -> None:
    """With one record after T1 Lemma 4.5's growth was γ(T1) against itself; and at step 0 D.1 says 1 ≤ 1."""
    found = check(noisy(record_at=(300,)), gamma_threshold=1e9)[GROWTH]
    assert (found.verdict, found.asked, found.compared) == (Verdict.NOT_SAMPLED, STEPS - 66, 0)
    both = check(noisy(record_at=(66, 300)), gamma_threshold=1e9)[GROWTH]
    assert (both.asked, both.compared) == (STEPS - 66, 2), "300 and the end, each against T1"
    assert check(noisy(record_at=(66,)))[GROWTH].compared == 1
    first = check(plain(record_at=()))[D_1]
    assert (first.verdict, first.comparison, first.compared) == (Verdict.NOT_SAMPLED, None, 0) and first.asked > 100
    whole = check(plain(), replay=True)[D_1]
    assert (whole.verdict, whole.asked, whole.compared) == (Verdict.HOLDS, first.asked, first.asked)


def test_lemma_d_1_does_not_survive_a_million_times_gamma() -> None:
    """Where it was looked at, it can fail."""
    run = plain(record_every=1)
    coefficients = run.coefficients.copy()
    coefficients[..., 0] *= 1e6
    assert check(run.replace(coefficients=coefficients))[D_1].verdict == Verdict.VIOLATED


def test_observing_outputs_alone_tells_no_t1() -> None:
    """ρ̄ is known at few steps then, and the first of these beyond the threshold is not T1."""
    run = noisy(observe="outputs")
    assert np.isnan(list(run.stage_times().to_dict().values())[:2]).all() and noisy().stage_times().T1 == 66
    report = check(run)
    for name in (E_3, GROWTH, "huang2025.lemma_4_4.t1", "huang2025.lemma_4_5.output.lower"):
        assert report[name].verdict == Verdict.NOT_SAMPLED, name
    table = report.table.set_index("statement")
    assert not set(table.loc[table["verdict"] == "violated"].index) - {"huang2025.assumption_3_1.p_low"}
    # The loss is known, and T2 of gradient descent with it; T1 is not.
    lossy = plain(observe="outputs")
    assert lossy.stage_times().T2 == plain().stage_times().T2 and np.isnan(lossy.stage_times().T1)
    assert check(lossy)["huang2025.theorem_3_2.t2"].verdict == Verdict.HOLDS


def test_thinned_rows_tell_t1_only_roughly() -> None:
    """Known within k steps: printed with its resolution, and nothing is judged by it."""
    run = noisy(observables_every=7)
    assert 66 <= run.stage_times().T1 < 66 + 7 and run.stage_times().resolution == 7
    report = check(run)
    assert {report[name].verdict for name in (E_3, GROWTH, "huang2025.lemma_4_4.t1")} == {Verdict.NOT_SAMPLED}
    whole = report["huang2025.proposition_4_1.gamma"]
    assert whole.verdict == Verdict.HOLDS and whole.asked == STEPS + 1 > 5 * whole.compared
    # Rows at every step up to T1 are enough: here T1 itself is a row, and the one before it.
    ends = ts.simulate(INSIDE, FLIPS, 66, SEED, observables_every=7, record_at=range(66))
    assert check(ends)[E_3].comparison is False


def test_times_of_fixed_noisy_labels_likewise() -> None:
    """T1, T2 and the crossing of Han et al. 2025."""
    problem = CASES["patch, first stage"].problem
    run = ts.simulate(problem, ts.GradientDescent(0.08), 800, observe="outputs")
    times = paper_named("han2025").evidence(run).times
    whole = paper_named("han2025").evidence(ts.simulate(problem, ts.GradientDescent(0.08), 800)).times
    assert np.isnan([times.T1, times.crossing]).all() and not np.isnan([whole.T1, whole.crossing]).any()
    assert check(run, "han2025")["han2025.theorem_4_1.t1"].verdict == Verdict.NOT_SAMPLED


# --- made-up statements -------------------------------------------------------------------------------------------


SMALL = ts.SignalNoise(n=6, d=300, m=4, signal_norm=2.0, noise_std=0.5, init_std=0.01)


def evidence(**keywords: Any) -> Evidence:
    """A short run."""
    return Evidence(ts.simulate(SMALL, ts.GradientDescent(0.1), 40, **keywords), Constants())


def claim(window: Any, measured: Any = None, **others: Any) -> Statement:
    """Measured at most 2, measured 1 unless told."""
    return Statement(id="made.up", claim="", formula="", source="", sense=Sense.UPPER, window=window,
                     measured=number(1.0) if measured is None else measured, predicted=number(2.0), **others)


@pytest.mark.parametrize(("window", "asked", "compared"), [
    (every_step, 41, 41), (recorded(every_step), 41, 5), (at(lambda e: 10.0), 1, 1), (at(lambda e: 9.5), 1, 1),
    (first_record(lambda e: 10.0), 1, 1), (first_record(lambda e: 11.0), 1, 0), (first_record(lambda e: NAN), 0, None),
    (records_since(lambda e: 15.0), 26, 3), (records_since(lambda e: 99.0), 0, None), (end, 1, 1),
])
def test_windows_say_what_the_claim_is_about(window: Any, asked: int, compared: int | None) -> None:
    """Asked are all steps; compared those recorded, where the claim is about the state."""
    found = evaluate(claim(window), evidence(record_every=10))
    verdicts = {None: Verdict.NOT_REACHED, 0: Verdict.NOT_SAMPLED}
    assert (found.asked, found.compared) == (asked, compared or 0)
    assert found.verdict == verdicts.get(compared, Verdict.HOLDS)


def test_looks_can_be_said() -> None:
    """By the statement, or by its window."""
    assert claim(every_step).looks == "rows" and claim(recorded(every_step)).looks == "records"
    assert evaluate(claim(every_step, looks="records"), evidence(record_at=())).compared == 2
    with pytest.raises(ValueError, match=r"looks='states': must be one of '', 'rows', 'records'"):
        claim(every_step, looks="states")


@pytest.mark.parametrize("side", [observed("gamma_max"), observed_next("gamma_max")])
def test_rows(side: Any) -> None:
    """An observable at the steps asked for, not at the next; of some of them, where there are some."""
    thin = evidence(observables_every=10, record_at=())
    assert evaluate(claim(at(lambda e: 20.0), side), thin).verdict == Verdict.HOLDS
    assert evaluate(claim(at(lambda e: 21.0), side), thin).verdict == Verdict.NOT_SAMPLED
    found = evaluate(claim(every_step, side), thin)
    assert (found.verdict, found.asked, found.compared) == (Verdict.HOLDS, 41, 5)
    nobody = Evidence(ts.simulate(SMALL, ts.GradientDescent(0.1), 4), Constants())
    assert np.isnan(nobody.column("noisy_accuracy", np.arange(3))).all(), "what is never known is not missing"
    assert evaluate(claim(every_step, observed("noisy_accuracy")), nobody).verdict == Verdict.NOT_REACHED


def test_first_step_by_construction() -> None:
    """Neither asked nor compared."""
    found = evaluate(claim(every_step, lambda e, s: np.where(s == 0, 9.0, 1.0), anchored=True), evidence())
    assert (found.verdict, found.asked, found.compared) == (Verdict.HOLDS, 40, 40)
    assert evaluate(claim(at(lambda e: 3.0), anchored=True), evidence()).verdict == Verdict.NOT_REACHED


def test_evidence_refuses_what_was_not_kept() -> None:
    """Records by their steps, and times before which rows are missing."""
    one = evidence(record_every=10)
    assert one.records(np.array([0, 30])).tolist() == [0, 3] and one.records(np.arange(0)).size == 0
    for steps in ([11], [10, 41], [0, 5]):
        with pytest.raises(NotSampledError, match=r"step \d+ was not recorded"):
            one.records(np.array(steps))
    assert one.exact(12.0, "rho_bar_min") == 12 and np.isnan(one.exact(NAN, "rho_bar_min"))
    with pytest.raises(NotSampledError, match="not every step up to 12 was observed"):
        evidence(observables_every=2, record_at=()).exact(12.0, "rho_bar_min")


def test_counts_over_runs() -> None:
    """Steps and runs add up in the table; where one run was looked at, it decides."""
    runs = [ts.simulate(INSIDE, FLIPS, 300, seed, record_at=(66,)) for seed in range(3)]
    report = check([*runs, noisy(record_at=(66,)).replace(problem=INSIDE)])
    table = report.table.set_index("statement")
    findings = [found for one in report.findings for found in one if found.statement.id == E_3]
    row = table.loc[E_3]
    assert (row.runs, row.compared) == (4, sum(one.compared for one in findings)) and row.compared >= 1
    assert row.steps_asked == 4 and (row.verdict, row.holds) == ("outside regime", row.compared - 1)
    assert table.loc["huang2025.proposition_4_1.gamma", "steps_asked"] == 3 * 301 + STEPS + 1
    unseen = check([ts.simulate(INSIDE, FLIPS, 300, seed, record_at=()) for seed in range(2)]).table
    assert unseen.set_index("statement").loc[E_3, "verdict"] == "not sampled"


# --- runs made again ----------------------------------------------------------------------------------------------


def unrepeatable(case: Case) -> bool:
    """Given multipliers are not kept."""
    return "label_noise" in case.keywords


@every_case
def test_again_is_the_same_run(case: Case) -> None:
    """Of every system and engine, to the bit, with a state at every step."""
    run = case.simulate()
    if unrepeatable(case):
        with pytest.raises(ValueError, match="was given its label noise, which it does not keep"):
            again(run)
        return
    whole, more = case.simulate(record_every=1), again(run, record_at=range(run.steps + 1))
    assert more.steps_recorded.tolist() == list(range(run.steps + 1)) and more.status == run.status
    for name in run.PER_RECORD:
        assert_same(getattr(more, name), getattr(whole, name), name)
    assert more.observables.to_numpy().tobytes() == whole.observables.to_numpy().tobytes()
    assert_same(more.stage_times(), whole.stage_times())
    assert_same(ts.resume(more, 7).steps, run.steps + 7)


@one_case_each
def test_again_keeps_what_the_run_was(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How it ended, its own observables, what a file kept of it."""
    run = case.simulate(observe=case.own(), record_at=[4, 20])
    more = again(run, record_at=[9])
    assert more.steps_recorded.tolist() == [0, 4, 9, 20, run.steps]
    for name in run.own:
        looked = ~np.isnan(more.column(name))
        assert more.steps_observed[looked].tolist() == [0, 4, 20, run.steps]
        assert np.array_equal(more.column(name)[looked], run.column(name)[~np.isnan(run.column(name))])
    run.save(tmp_path / "run.npz")
    assert_same(again(ts.load_run(tmp_path / "run.npz"), record_at=[9]).steps_recorded, more.steps_recorded)
    with control_c(monkeypatch, 2):
        cut = case.simulate(record_at=[1, 2, 3])
    assert cut.status == "interrupted" and again(cut, record_at=[0]).status == "interrupted"
    with control_c(monkeypatch, 0), pytest.raises(KeyboardInterrupt):
        again(run)


def test_again_after_any_end() -> None:
    """Stopped by a condition or a policy, diverged, resumed."""
    han = CASES["patch, first stage"].problem
    ended = {
        "stopped": ts.simulate(SMALL, ts.GradientDescent(0.5), 900, until=lambda seen: seen["train_loss"] < 0.5),
        "diverged": ts.simulate(SMALL.replace(q=3), ts.GradientDescent(80.0), 400, on_failure="return"),
    }
    for trigger in (ts.FirstStage(0.1), ts.BestValidation(samples=50), 20):
        policy = ts.EarlyStopping(trigger)
        ended[f"policy {trigger}"] = ts.simulate(han, ts.GradientDescent(0.05), 300, policy=policy)
    ended["resumed"] = ts.resume(ended["stopped"], 30)
    for name, run in ended.items():
        more = again(run, record_at=range(run.steps))
        assert (more.status, more.message, more.stopped_at) == (run.status, run.message, run.stopped_at), name
        assert len(more.steps_recorded) == run.steps + 1 and more.policy == run.policy


def test_again_refuses_another_run() -> None:
    """What does not come out the same was not made from the seed alone."""
    run = ts.simulate(SMALL, ts.GradientDescent(0.1), 30)
    with pytest.raises(ValueError, match="cannot be made again: coefficients at its records come out otherwise"):
        again(run.replace(algorithm=ts.GradientDescent(0.2)))
    case = CASES["reweighting, network"]
    weights, readout = np.random.default_rng(2).standard_normal((12, 20)), np.ones(12)
    given = ts.simulate(case.problem, case.algorithm, 9, engine="network", width=12, parameters=(weights, readout))
    with pytest.raises(ValueError, match="run: cannot be made again"):
        again(given)
    with pytest.raises(ValueError, match=r"record_at=31: must be"):
        again(run, record_at=[31])


def test_replay_within_what_may_be_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long windows are thinned evenly and the count says so; single steps stay."""
    monkeypatch.setattr(room, "MAX_BYTES", 0)
    monkeypatch.setattr(room, "FEW", 200)
    report = check(noisy(record_at=()), replay=True, gamma_threshold=1e9)
    assert report[E_3].comparison is False
    assert (report[GROWTH].asked, report[GROWTH].verdict) == (STEPS - 66, Verdict.OUTSIDE)
    assert 100 < report[GROWTH].compared < 201


def test_for_check() -> None:
    """simulate() keeps what a paper's statements look at, and is otherwise the same run."""
    run = noisy(for_check="huang2025")
    assert check(run)[E_3].comparison is False and run.steps_recorded[66] == 66
    assert_same(run.stage_times(), noisy().stage_times())
    with pytest.raises(ValueError, match="paper='nobody': must be one of"):
        ts.simulate(INSIDE, FLIPS, 10**9, for_check="nobody")
    with pytest.raises(ValueError, match="for_check='huang2025': must be None with label_noise="):
        ts.simulate(SMALL, ts.GradientDescent(0.1), 10, for_check="huang2025", label_noise=np.ones((10, 6)))


def test_for_check_however_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted at first: that run. Diverged: up to where it is finite."""
    with control_c(monkeypatch, 1):
        assert ts.simulate(SMALL, ts.GradientDescent(0.5), 9000, for_check="huang2025").status == "interrupted"
    diverged = ts.simulate(SMALL.replace(q=3), ts.GradientDescent(80.0), 400, on_failure="return",
                           for_check="huang2025")
    assert diverged.status == "diverged" and len(check(diverged).table)
    with pytest.raises(ts.DivergenceError):
        ts.simulate(SMALL.replace(q=3), ts.GradientDescent(80.0), 400, for_check="huang2025")


@every_case
def test_checks_of_all_systems_with_replay(case: Case) -> None:
    """Whatever is asked, a replay leaves nothing unsampled; without anything to see the run is not made again."""
    run = case.simulate(record_at=())
    for paper in papers_about(run):
        try:
            for one in paper.statements_about(run):
                one.conditions(paper.evidence(run, paper.constants()))
        except (ValueError, AssertionError):
            continue  # a problem that the paper does not know
        if unrepeatable(case):
            continue
        report = check(run, paper.name, replay=True)
        assert Verdict.NOT_SAMPLED not in {one.verdict for one in report.findings[0]}
        seen = room.replayed(run, paper, paper.constants())
        assert room.replayed(seen, paper, paper.constants()) is seen


def test_replay_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """theorysim check --replay."""
    path = tmp_path / "run.npz"
    noisy(record_at=()).save(path)
    assert main(["check", str(path), "--paper", "huang2025"]) == 0
    assert "not sampled" in capsys.readouterr().out
    assert main(["check", str(path), "--paper", "huang2025", "--replay"]) == 0
    out = capsys.readouterr().out
    assert "not sampled" not in out and out == f"{check(noisy(record_at=()), 'huang2025', replay=True)}\n"


# --- runs that no paper is about ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Momentum(ts.GradientDescent):
    """A rule that is gradient descent, and more."""

    momentum: float = 0.0


@dataclass(frozen=True)
class LinearMomentum(ts.LinearSGD):
    """The same of linear networks."""

    momentum: float = 0.0


def judged(report: Any) -> set[str]:
    """Statements that are not about problem and draw alone."""
    return {one.statement.id for found in report.findings for one in found if not one.statement.about_draw}


def unlike() -> dict[str, tuple[Any, str, str]]:
    """Runs, a paper, and what the report says of them."""
    han, small = CASES["patch, small loss"].problem, ts.GradientDescent(0.1)
    linear = CASES["linear, SAM"].problem
    selection = ts.SmallLossSelection(5, action="drop")
    return {
        "given": (ts.simulate(SMALL, small, 20, label_noise=np.ones((20, 6))), "huang2025", "label noise was given"),
        "selection": (ts.simulate(han, small, 20, policy=selection), "han2025", "SmallLossSelection.* acted"),
        "subclass": (ts.simulate(SMALL, Momentum(0.1), 20), "huang2025", "Momentum.*not plain gradient descent"),
        "subclass, noise": (ts.simulate(SMALL, Momentum(0.1, ts.Flip(0.1)), 20), "huang2025", "Momentum"),
        "subclass, relu": (ts.simulate(han, Momentum(0.1), 20), "han2025", "Momentum"),
        "SAM": (ts.simulate(linear, ts.LinearSGD(2e-3, sam_radius=0.1), 20), "zhang2026", "sam_radius=0.1.*is not SGD"),
        "batch": (ts.simulate(linear, ts.LinearSGD(2e-3, batch="full"), 20), "zhang2026", "is not SGD on single"),
        "linear subclass": (ts.simulate(linear, LinearMomentum(2e-3), 20), "zhang2026", "LinearMomentum"),
    }


@pytest.mark.parametrize("name", list(unlike()))
def test_runs_that_a_paper_is_not_about(name: str) -> None:
    """Their trajectories are not judged, and the report says why; what is about the draw alone still is."""
    run, paper, reason = unlike()[name]
    report = check(run, paper)
    assert judged(report) == set()
    assert "linear" in name or name in ("SAM", "batch") or len(report.table) > 5
    shown = " ".join(str(report).split())  # as it is read, whatever the width of the screen
    assert re.search(reason, shown) and "of problem and draw alone" in report.why
    assert "no paper has this setting" in check(run).why


def test_runs_that_a_paper_is_about() -> None:
    """Single precision, early stopping, a selection that has not acted yet, a file: all plain gradient descent."""
    han, small = CASES["patch, small loss"].problem, ts.GradientDescent(0.1)
    for run in (ts.simulate(SMALL, small, 20, precision="single"),
                ts.simulate(SMALL, small, 20, policy=ts.EarlyStopping(7)),
                ts.simulate(SMALL, small, 20, policy=ts.SmallLossSelection(50))):
        report = check(run, "huang2025")
        assert judged(report) and not report.why
    assert check(ts.simulate(han, small, 20)).why.startswith("ReLU, labels flipped before training")
    periodic = ts.simulate(CASES["linear, SAM"].problem, ts.LinearSGD(2e-3, period=5), 20)
    conditions = {f"zhang2026.condition_1.{name}" for name in (
        "width", "rate", "sample", "target", "inputs", "dimension", "constant")}
    assert judged(check(periodic)) == conditions | {"zhang2026.derived.stability", "zhang2026.derived.divergence"}
    descent = ts.simulate(periodic.problem, ts.LinearSGD(2e-3, batch="full", label_noise=False), 20)
    lemmas = {"lemma_5.printed", "lemma_5.printed_median", "lemma_6.error", "lemma_6.cosine",
              "derived.lemma_5_repaired", "derived.lemma_5_repaired_any"}
    assert judged(check(descent)) == conditions | {f"zhang2026.{name}" for name in lemmas}
    assert check(descent).why == "a two-layer linear network"


def test_plainness_asks_for_no_field_by_name() -> None:
    """A field that comes later counts as soon as it is used, and a subclass at once."""
    more = dataclasses.field(default_factory=tuple)
    later = dataclasses.make_dataclass(
        "Later", [("lr", float), ("extra", float, 0.0), ("more", tuple, more)], frozen=True)
    assert is_plain(later(1.0), later, "lr") and not is_plain(later(1.0, 0.1), later, "lr")
    assert not is_plain(later(1.0, 0.0, (1,)), later, "lr") and is_plain(later(1.0, 0.1), later, "lr", "extra")
    assert ts.GradientDescent(3.0, ts.Flip(0.2)).is_plain() and not Momentum(3.0).is_plain()
    assert ts.LinearSGD(1.0, label_noise=False).is_plain() and not ts.LinearSGD(1.0, period=3).is_plain()
    assert ts.LinearSGD(1.0, period=3).is_plain("period") and ts.OscillatingLayer(0.1, 3).is_plain()
    assert set(OBSERVABLES) and not is_plain(3, ts.GradientDescent)
