"""A run in parts is the straight run, bit for bit: whatever the system, wherever it is cut, saved or interrupted."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from all_systems import (
    CASES, HAN, HAN_GD, NOISY_HAN, ONE_EACH, STEPS, Case, assert_same, assert_same_run, control_c, every_case,
    every_divergence, one_case_each, one_step_chunks,
)

import theorysim as ts

EVERY = 10
RECORDS = (0, 4, 13, 20, 21, 47, STEPS)
# From step to step: at the start, after one, off and on the grid of records, beside its end; and in many parts.
CUTS = ((0,), (1,), (20,), (37,), (STEPS - 1,), (STEPS,), (0, 0), (13, 13, 40), (7, 8, 9, 30))


def in_parts(case: Case, cuts: tuple[int, ...], folder: Path | None = None, **keywords: Any) -> Any:
    """The run of a case, ended and resumed at every cut; saved and loaded in between if there is a folder."""
    resumed = {name: value for name, value in keywords.items() if name in ("observe", "observe_every")}
    run = case.simulate(cuts[0], **keywords)
    for goal in (*cuts[1:], case.steps):
        if folder is not None:
            run.save(folder / "run.npz")
            run = ts.load_run(folder / "run.npz")
        run = case.resume(run, goal - run.steps, **resumed)
    return run


@every_case
def test_cut(case: Case) -> None:
    """Ended and resumed, once or several times, on the grid of records and off it, also by no step at all."""
    watched: dict[str, Any] = {"record_every": EVERY, "observe": case.own(), "observe_every": 7}
    straight = case.simulate(**watched)
    assert straight.status == "completed" and straight.steps == case.steps
    for cuts in (*CUTS, (case.steps // 2 + 3, case.steps - 2)):
        assert_same_run(in_parts(case, cuts, **watched), straight)


@every_case
def test_saved_loaded_and_resumed(case: Case, tmp_path: Path) -> None:
    """As if it had never been on disk."""
    watched: dict[str, Any] = {"record_every": EVERY, "observe": case.own(), "observe_every": 7}
    straight = case.simulate(**watched)
    for cuts in ((0,), (37,), (20, 41)):
        assert_same_run(in_parts(case, cuts, tmp_path, **watched), straight)
    assert_same(in_parts(case, (13, STEPS), tmp_path).stage_times(), in_parts(case, (13, STEPS)).stage_times())


@every_case
def test_looked_at_where_recorded(case: Case) -> None:
    """Own observables that look at the records are of the whole where these are."""
    watched: dict[str, Any] = {"record_every": EVERY, "observe": case.own()}
    straight = case.simulate(**watched)
    for cuts in ((0,), (20,), (37,), (1, 59)):
        assert_same_run(in_parts(case, cuts, **watched), straight)


@every_case
def test_interrupted(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C before any chunk, of one step each or as long as they are, keeps what was done; the rest follows."""
    watched: dict[str, Any] = {"record_every": EVERY, "observe": case.own(), "observe_every": 7}
    rng = np.random.default_rng(zlib.crc32(repr((case.algorithm, case.keywords.keys())).encode()))
    straight = case.simulate(**watched)
    for chunk in (0, 1, *rng.integers(2, 6, 1).tolist()):
        with control_c(monkeypatch, chunk):
            run = case.simulate(**watched)
        assert run.status == "interrupted" and run.stopped_at == run.steps < case.steps
        assert_same_run(case.resume(run, case.steps - run.steps, observe=case.own(), observe_every=7), straight)
    one_step_chunks(monkeypatch)
    for step in rng.integers(1, STEPS - 1, 4).tolist():
        with control_c(monkeypatch, step):
            run = case.simulate(**watched)
        assert (run.status, run.steps, run.stopped_at) == ("interrupted", step, step)
        with control_c(monkeypatch, 1):
            run = case.resume(run, case.steps - step, observe=case.own(), observe_every=7)
        assert (run.status, run.steps) == ("interrupted", step + 1)
        run = case.resume(run, case.steps - run.steps, observe=case.own(), observe_every=7)
        assert_same_run(run, straight)


@every_case
def test_an_interrupted_run_is_the_beginning(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it holds is what a run of as many steps holds, but for how it ended."""
    one_step_chunks(monkeypatch)
    with control_c(monkeypatch, 33):
        run = case.simulate(record_every=EVERY, observe=case.own())
    short = case.simulate(33, record_every=EVERY, observe=case.own())
    assert run.message.startswith("interrupted at step 33")
    assert_same_run(run.replace(status="completed", message="", stopped_at=None), short)


@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith("reweighting")])
def test_default_records(name: str) -> None:
    """They go on as they were spaced. (Those of reweighting are spaced by the logarithm within each part.)"""
    case = CASES[name]
    case = Case(case.problem, case.algorithm, case.keywords)
    straight = case.simulate()
    for cuts in ((0,), (32,), (37,), (1, 40, 59)):
        assert_same_run(in_parts(case, cuts), straight)


@every_case
def test_records_one_by_one(case: Case) -> None:
    """Those asked for are there, in whatever parts; also one at which a part ends."""
    case = Case(case.problem, case.algorithm, case.keywords)
    straight = case.simulate(record_at=RECORDS, observe=case.own())
    assert straight.steps_recorded.tolist() == list(RECORDS)
    for cut in RECORDS:
        before = [step for step in RECORDS if step <= cut]
        run = case.simulate(cut, record_at=before, observe=case.own())
        after = [step for step in RECORDS if step >= cut]
        assert_same_run(case.resume(run, STEPS - cut, record_at=after, observe=case.own()), straight)


@every_case
def test_records_in_between_change_no_number(case: Case) -> None:
    """Where both have a record, the state is the same; how the records are spaced may change at a cut."""
    straight = case.simulate(record_every=1)
    for first, then in (({"record_every": 9}, {"record_every": 4}), ({"record_at": [5, 23]}, {"record_at": [40]}),
                        ({"record_every": 9}, {"record_at": [24, 44]}), ({}, {})):
        run = case.resume(case.simulate(23, **first), case.steps - 23, **then)
        assert np.all(np.diff(run.steps_recorded) > 0) and run.steps == case.steps
        for name in run.PER_RECORD:
            whole = getattr(straight, name)
            if whole is not None:
                assert getattr(run, name).tobytes() == np.ascontiguousarray(whole[run.steps_recorded]).tobytes(), name
        rows = np.isin(straight.steps_observed, run.steps_observed)
        for column in straight.table:
            assert run.column(column)[np.isin(run.steps_observed, straight.steps_observed)].tobytes() == \
                np.ascontiguousarray(straight.column(column)[rows]).tobytes(), column


@pytest.mark.parametrize("name", ONE_EACH)
def test_other_looks_after_a_cut(name: str) -> None:
    """Own observables may be called at other steps in the rest; columns stay aligned with their steps."""
    case = CASES[name]
    case = Case(case.problem, case.algorithm, case.keywords)
    straight = case.simulate(record_every=1, observe=case.own(), observe_every=1)
    for cut in (20, 21, 30):
        for first, then in ((None, 1), (None, 3), (7, None), (7, 4), (1, None), (3, 7)):
            run = case.simulate(cut, record_every=EVERY, observe=case.own(), observe_every=first)
            run = case.resume(run, STEPS - cut, observe=case.own(), observe_every=then)
            assert run.observables.index.tolist() == run.steps_observed.tolist() == sorted(set(run.steps_observed))
            for column, values in run.own.items():
                assert len(values) == len(run.steps_observed)
                looked = ~np.isnan(values)
                assert looked.sum() > 3
                wanted = straight.own[column][run.steps_observed[looked]]
                assert values[looked].tobytes() == np.ascontiguousarray(wanted).tobytes()
            late = run.steps_observed[looked & (run.steps_observed > cut)]
            due = [step for step in range(cut + 1, STEPS + 1) if step % (then or EVERY) == 0]
            assert late.tolist() == due


@pytest.mark.parametrize("every", [1, 7, 10, 1000])
@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("patch") and "first" not in name])
def test_thinned(name: str, every: int) -> None:
    """Rows of every so many steps, of the records, of own observables and of the end: the same in parts."""
    case = CASES[name]
    watched: dict[str, Any] = {"observables_every": every, "record_every": 8, "observe": case.own(), "observe_every": 9}
    straight = case.simulate(**watched)
    full = case.simulate(record_every=8)
    steps = straight.steps_observed
    wanted = {step for step in range(case.steps + 1) if step % every == 0 or step % 8 == 0 or step % 9 == 0}
    assert steps.tolist() == sorted(wanted | {case.steps})
    assert straight.rows.tobytes() == np.ascontiguousarray(full.rows[steps]).tobytes()
    for cuts in ((0,), (37,), (35, 36), (8, 56)):
        assert_same_run(in_parts(case, cuts, **watched), straight)


@pytest.mark.parametrize("every", [1, 7])
def test_thinned_and_interrupted(every: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row at which Ctrl-C came is there while the run ends there, and leaves it when it goes on."""
    one_step_chunks(monkeypatch)
    case = CASES["patch, flips"]
    straight = case.simulate(observables_every=every, record_every=10)
    for step in (1, 7, 10, 37, 69, 255, 256, 257):
        with control_c(monkeypatch, step):
            run = case.simulate(observables_every=every, record_every=10)
        assert run.steps_observed[-1] == step
        assert_same_run(case.resume(run, case.steps - step), straight)


@one_case_each
def test_the_first_part_is_left_alone(case: Case, tmp_path: Path) -> None:
    """A run is not changed by being resumed, nor by what its continuation does."""
    begun = case.simulate(23, observe=case.own())
    begun.save(tmp_path / "run.npz")
    once = case.resume(begun, 20, observe=case.own())
    assert_same(begun, ts.load_run(tmp_path / "run.npz"))
    assert_same_run(case.resume(begun, 20, observe=case.own()), once)


@one_case_each
def test_stopped_and_resumed(case: Case) -> None:
    """A condition that ended the run leaves nothing behind."""
    straight = case.simulate(record_every=EVERY)
    for goal in (0, 20, 37):
        run = case.simulate(record_every=EVERY, until=lambda seen: seen["step"] >= goal)
        assert run.status == "stopped" and goal <= run.steps < case.steps
        assert_same_run(case.resume(run, case.steps - run.steps), straight)


@one_case_each
def test_diverged_runs_do_not_go_on(case: Case) -> None:
    """Nor runs without the functions of their own observables."""
    run = case.simulate(5)
    with pytest.raises(ValueError, match="run has status"):
        ts.resume(run.replace(status="diverged", message="the state overflows at step 6"), 5)
    with pytest.raises(ValueError, match=r"observe=None: .*give functions of these names"):
        case.resume(case.simulate(5, observe=case.own()), 5)
    with pytest.raises(ValueError, match=r"observe=.*the run has observables of your own, none"):
        case.resume(run, 5, observe=case.own())


# --- the best of a held-out set -----------------------------------------------------------------------------------

BEST = ts.EarlyStopping(ts.BestValidation(samples=100, every=4, patience=5))
WEAK, WIDE = HAN.replace(signal_norm=1.0), HAN.replace(signal_norm=1.0, d=40, noise_std=0.4)
SLOW, SLOW_NOISE = ts.GradientDescent(0.02), ts.GradientDescent(0.02, ts.Gaussian(1.0, 0.3))
VALIDATED: dict[str, Case] = {
    "Wishart": Case(WEAK, SLOW, {"policy": BEST}),
    "noise": Case(WEAK, SLOW_NOISE, {"policy": BEST, "draw": "vectors"}),
    "weights": Case(WIDE, SLOW, {"policy": BEST, "engine": "weights"}),
    "paired": Case(WIDE, SLOW, {"policy": BEST, "engine": "paired"}),
    "to the end": Case(WEAK, SLOW, {"policy": ts.EarlyStopping(ts.BestValidation(60, 4, 100, "true"))}),
    "single": Case(WEAK, SLOW, {"policy": BEST, "precision": "single", "draw": "vectors"}),
}
WATCHES: dict[str, dict[str, Any]] = {
    "plain": {"record_every": EVERY},
    "thinned": {"record_every": 9, "observables_every": 7},
    "every look": {"record_every": EVERY, "observe": Case(HAN, HAN_GD).own(), "observe_every": 1},
    "some looks": {"record_every": 9, "observables_every": 10, "observe": Case(HAN, HAN_GD).own(), "observe_every": 6},
    "at records": {"record_every": EVERY, "observe": Case(HAN, HAN_GD).own()},
}


def _again(watched: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in watched.items() if name.startswith("observe") and "ables" not in name}


@pytest.mark.parametrize("watch", WATCHES)
@pytest.mark.parametrize("name", VALIDATED)
def test_interrupted_validation(name: str, watch: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Before the best look, at it, after it, at other looks and between them: the same best state is the result."""
    case, watched = VALIDATED[name], WATCHES[watch]
    straight = case.simulate(**watched)
    assert straight.status == "stopped" and straight.validation is not None
    best, last = straight.steps, int(straight.validation[-1, 0])
    one_step_chunks(monkeypatch)
    moments = {0, 1, 10, best - 1, best, best + 1, best + 3, best + 4, best + 13, last - 1}
    for moment in sorted(one for one in moments if 0 <= one < last):
        with control_c(monkeypatch, moment):
            run = case.simulate(**watched)
        assert (run.status, run.steps) == ("interrupted", moment)
        run.save(tmp_path / "run.npz")
        loaded = ts.load_run(tmp_path / "run.npz")
        assert_same(loaded, run)
        found = case.resume(loaded, case.steps - moment, **_again(watched))
        assert_same_run(found, straight)
        assert found.steps_observed.tolist() == sorted(set(found.steps_observed.tolist()))


def test_validation_interrupted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time in the rest, before and after the best look."""
    case = VALIDATED["noise"]
    straight = case.simulate(record_every=EVERY)
    assert straight.validation is not None
    best, last = straight.steps, int(straight.validation[-1, 0])
    one_step_chunks(monkeypatch)
    for first, second in ((best - 2, 1), (best - 2, 2), (best - 2, 5), (best, 1), (best + 1, 2), (best + 2, 6)):
        with control_c(monkeypatch, first):
            run = case.simulate(record_every=EVERY)
        with control_c(monkeypatch, second):
            run = case.resume(run, case.steps - first)
        assert (run.status, run.steps) == ("interrupted", first + second) and first + second < last
        assert_same_run(case.resume(run, case.steps - run.steps), straight)


def test_interrupted_validation_that_is_resumed_by_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comes to its end: the best look so far."""
    case = VALIDATED["noise"]
    one_step_chunks(monkeypatch)
    with control_c(monkeypatch, 37):
        run = case.simulate(record_every=EVERY)
    assert_same_run(case.resume(run, 0), case.simulate(37, record_every=EVERY))


def test_the_moments_are_different_ones() -> None:
    """The best look is neither the first nor the last in most of the settings above, and patience matters in some."""
    runs = {name: case.simulate() for name, case in VALIDATED.items()}
    best = {name: run.steps for name, run in runs.items()}
    last = {name: int(run.validation[-1, 0]) for name, run in runs.items()}
    assert all(10 < best[name] < last[name] for name in runs), (best, last)
    assert last["to the end"] == STEPS and min(last.values()) < STEPS


# --- policies that have acted -------------------------------------------------------------------------------------

@pytest.mark.parametrize("every", [1, 9, 1000])
def test_a_policy_that_has_ended_a_run_does_not_end_it_again(every: int) -> None:
    """However often the run is resumed and however few rows it keeps; here the loss goes up and down."""
    algorithm = ts.GradientDescent(1.0, ts.Gaussian(0.3, 2.0))
    plain = Case(HAN, algorithm).simulate()
    loss = plain.column("train_loss")
    level = float(np.median(loss))
    first = int(np.argmax(loss <= level))
    above = [t for t in range(first + 1, STEPS - 1) if loss[t] > level and loss[t + 1] <= level]
    assert first > 0 and above, "it falls again"
    case = Case(HAN, algorithm, {"policy": ts.EarlyStopping(ts.LossBelow(level)), "observables_every": every})
    run = case.simulate(record_every=1000)
    assert (run.status, run.steps) == ("stopped", first)
    for goal in (*above, STEPS):
        run = case.resume(run, goal - run.steps)
        assert (run.status, run.steps) == ("completed", goal)


@pytest.mark.parametrize("first", [0, 5, 16, 17, 30])
def test_early_stopping_in_parts(first: int) -> None:
    """A part that ends before the trigger goes on to it."""
    case = Case(HAN, NOISY_HAN, {"policy": ts.EarlyStopping(17), "observables_every": 4})
    run = case.simulate(first, record_every=EVERY)
    if first < 17:
        run = case.resume(run, STEPS - first)
    assert_same_run(run, case.simulate(record_every=EVERY))
    assert (run.status, run.steps) == ("stopped", 17)


@every_divergence
def test_divergence_in_a_resumption(case: Case) -> None:
    """At the same step as in a straight run, with the same message and numbers."""
    watched: dict[str, Any] = {"record_every": EVERY, "observe": case.own(), "observe_every": 3}
    straight = case.simulate(on_failure="return", **watched)
    assert straight.status == "diverged" and straight.steps > 1
    for cut in (0, straight.steps // 2, straight.steps):
        begun = case.simulate(cut, **watched)
        run = case.resume(begun, case.steps - cut, on_failure="return", observe=case.own(), observe_every=3)
        assert_same_run(run, straight)
