"""Runs over seeds: what each seed gives alone, in one sequence with aligned tables."""

import pickle
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from all_systems import CASES, FLIPS, LINEAR, ONE_EACH, SIGNAL, Case, assert_same_run, images, one_case_each
from scipy.stats import binomtest

import theorysim as ts
from theorysim.core import interrupts
from theorysim.core.intervals import typical
from theorysim.systems import system_of_run

SEEDS = (4, 1, 7)
UNSTABLE = SIGNAL.replace(q=4)  # at these rates seed 0 alone diverges, and seeds 0 and 3
ONE_DIVERGES, TWO_DIVERGE = ts.GradientDescent(8.0), ts.GradientDescent(20.0)

DRAWN = {"patch": "train_loss", "mean_field": "train_loss", "linear": "test_loss", "oscillation": "mean_norm_sq",
         "reweighting": "clean_loss", "attention": "train_loss"}


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    """No figure outlives its test."""
    yield
    plt.close("all")


@pytest.fixture
def control_c() -> Iterator[None]:
    """Python's own handler of Ctrl-C, whatever runs the tests; afterwards the one that was there."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def over_seeds(case: Case, seeds: Any = SEEDS, steps: int = 40, **keywords: Any) -> Any:
    """Runs of a case, whose label noise is given for all seeds alike."""
    given = dict(case.keywords)
    if given.get("label_noise") is not None:
        given["label_noise"] = given["label_noise"][:steps]
    return ts.simulate(case.problem, case.algorithm, steps, seeds=seeds, **given | keywords)


def pressed_at(step: int, first: int = 1) -> Any:
    """A condition that is never met, and presses Ctrl-C when asked about a step for the time number ``first``."""
    asked = []

    def until(seen: Any) -> Any:
        if step in seen["step"]:
            asked.append(threading.get_ident())
            if len(asked) == first:
                signal.raise_signal(signal.SIGINT)
            while len(asked) >= first and not interrupts._thread.flag():  # until the main thread has seen it
                time.sleep(0.01)
        return np.zeros(len(seen["step"]), dtype=bool)

    return until


# --- each seed alone ----------------------------------------------------------------------------------------------

@one_case_each
@pytest.mark.parametrize("workers", [1, 3])
def test_each_is_what_its_seed_gives_alone(case: Case, workers: int) -> None:
    """Bit for bit, in the order of the seeds, however many are made at a time."""
    runs = over_seeds(case, workers=workers, record_at=iter([7, 20]))
    assert type(runs) is ts.Runs and runs.seeds == SEEDS and len(runs) == 3
    for seed, run in zip(SEEDS, runs, strict=True):
        alone = ts.simulate(case.problem, case.algorithm, 40, seed, **case.keywords, record_at=[7, 20])
        assert_same_run(run, alone)


@pytest.mark.parametrize("name", ["patch, given noise", "patch, given draw", "patch, images", "patch, small loss"])
def test_what_is_given_is_the_same_for_all(name: str) -> None:
    """Multipliers, a draw, patch data, a policy."""
    case = CASES[name]
    runs, noise = over_seeds(case, range(2)), case.keywords.get("label_noise")
    given = case.keywords | ({} if noise is None else {"label_noise": noise[:40]})
    for seed, run in enumerate(runs):
        assert_same_run(run, ts.simulate(case.problem, case.algorithm, 40, seed, **given))


def test_a_number_of_seeds_and_one_that_takes_threads() -> None:
    """0..seeds−1, as in sweeps; runs with threads of their own are made one by one."""
    runs = ts.simulate(SIGNAL, FLIPS, 5, seeds=3, threads=2)
    assert runs.seeds == (0, 1, 2) and [run.threads for run in runs] == [2, 2, 2]
    further = ts.resume(runs, 5)
    assert_same_run(further[2], ts.simulate(SIGNAL, FLIPS, 10, 2, threads=2))
    with pytest.raises(ValueError, match="workers=3: must be 1 with threads=2"):
        ts.simulate(SIGNAL, FLIPS, 5, seeds=3, threads=2, workers=3)


@pytest.mark.parametrize(("keywords", "error", "said"), [
    ({"seeds": []}, ValueError, r"seeds=\[\]: must be at least one"),
    ({"seeds": [1, 2, 1]}, ValueError, r"seeds=\[1, 2, 1\]: must be at least one, each only once"),
    ({"seeds": [1, -2]}, ValueError, "seeds=-2: must be an integer >= 0"),
    ({"seeds": [0.5]}, ValueError, "seeds=0.5: must be an integer"),
    ({"seeds": [True]}, TypeError, "seeds=True"),
    ({"seeds": "ab"}, TypeError, "seeds='a'"),
    ({"seeds": 0}, ValueError, "seeds=0: must be an integer >= 1"),
    ({"seeds": range(2), "seed": 3}, ValueError, r"seed=3: must be left out with seeds=range\(0, 2\)"),
    ({"seeds": range(2), "workers": 0}, ValueError, "workers=0: must be an integer >= 1"),
    ({"workers": 2}, ValueError, "workers=2: must be left out without seeds="),
    ({"seeds": range(2), "until": 3}, TypeError, "until=3"),
    ({"seeds": range(2), "neurons": 3}, TypeError, "neurons=3"),
    ({"seeds": range(2), "label_noise": np.ones((2, 5))}, ValueError, "label_noise"),
])
def test_bad_input(
    keywords: dict[str, Any], error: type[Exception], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused by name before anything is drawn."""
    monkeypatch.setattr(ts.Draw, "from_problem", None)
    with pytest.raises(error, match=said):
        ts.simulate(SIGNAL, FLIPS, 10, **keywords)


# --- a sequence ---------------------------------------------------------------------------------------------------

def test_a_sequence_of_runs() -> None:
    """Places, slices, iteration, membership; what all have in common."""
    runs = over_seeds(CASES["patch, flips"], range(5))
    assert runs[-1] is runs.members[4] and list(runs) == [runs[place] for place in range(5)]
    assert runs[1] in runs and runs.index(runs[3]) == 3 and len(runs[1:3]) == 2
    assert type(runs[::2]) is ts.Runs and runs[::2].seeds == (0, 2, 4)
    assert runs.problem is SIGNAL and runs.algorithm is FLIPS
    with pytest.raises(IndexError):
        runs[5]
    with pytest.raises(ValueError, match="members: must be at least one run"):
        runs[5:]
    with pytest.raises(AttributeError):
        runs.members = ()


def test_runs_made_of_runs() -> None:
    """Of one class and setting, each seed once; equal settings in two objects count as one."""
    first, second = (ts.simulate(SIGNAL, FLIPS, 5, seed) for seed in (0, 1))
    copy = second.replace(problem=SIGNAL.replace(n=SIGNAL.n))
    assert ts.Runs([first, copy]).problem is ts.Runs([first, copy])[1].problem
    other = ts.simulate(SIGNAL.replace(n=6), FLIPS, 5, 1)
    linear = ts.simulate(LINEAR, ts.LinearSGD(1e-3), 5, 1)
    for wrong, error, said in (
        ([], ValueError, "at least one run"), ([first, first], ValueError, r"have seeds \[0, 0\], each must"),
        ([first, other], ValueError, "runs of one setting"), ([first, linear], ValueError, "runs of one setting"),
        ([first, 3], TypeError, "members=3: must be a Run"), (3, TypeError, "members=3"), ("ab", TypeError, "members="),
        ([first, ts.simulate(SIGNAL, ts.GradientDescent(0.3), 5, 1)], ValueError, "runs of one setting"),
    ):
        with pytest.raises(error, match=said):
            ts.Runs(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["patch, flips", "patch, images", "patch, by law", "reweighting, arrays",
                                  "linear, width-free", "mean_field, flips", "oscillation, chains"])
def test_one_file(name: str, tmp_path: Path) -> None:
    """Written and read back bit for bit, the setting once more one object; pickled, too."""
    runs = over_seeds(CASES[name])
    runs.save(tmp_path / "runs.npz")
    read, copied = ts.load(tmp_path / "runs.npz"), pickle.loads(pickle.dumps(runs))
    assert isinstance(read, ts.Runs) and read.seeds == copied.seeds == SEEDS
    for one in (read, copied):
        assert all(run.problem is one.problem for run in one)
        for run, wanted in zip(one, runs, strict=True):
            for column in wanted.observables:
                assert run.column(str(column)).tobytes() == wanted.column(str(column)).tobytes()
    with pytest.raises(ValueError, match="not a saved Run, but a Runs"):
        ts.load_run(tmp_path / "runs.npz")


# --- tables -------------------------------------------------------------------------------------------------------

def test_observables_are_aligned() -> None:
    """Levels seed and step; where a run stopped earlier its rows are NaN, and nowhere else."""
    runs = ts.simulate(SIGNAL, ts.GradientDescent(0.3), 300, seeds=range(4),
                       until=lambda seen: seen["train_loss"] < 0.2)
    ends = [run.steps for run in runs]
    assert len(set(ends)) > 1, "they stop at different steps"
    table = runs.observables
    assert table.index.names == ["seed", "step"] and len(table) == 4 * (max(ends) + 1)
    loss = table["train_loss"].unstack("seed")
    assert list(loss.columns) == [0, 1, 2, 3] and list(loss.index) == list(range(max(ends) + 1))
    for seed, run in enumerate(runs):
        assert (loss[seed].to_numpy()[:run.steps + 1] == run.column("train_loss")).all()
        assert loss[seed].iloc[run.steps + 1:].isna().all()
        assert (table.loc[seed].iloc[:run.steps + 1] == run.observables).to_numpy().sum() == (
            run.observables.notna().to_numpy().sum())


def test_tables_over_seeds() -> None:
    """Stage times and test errors of every seed, with the keywords that a run's have."""
    runs = ts.simulate(SIGNAL.replace(d=400), ts.GradientDescent(0.5), 60, seeds=SEEDS)
    times = runs.stage_times(theta=0.3)
    assert times.index.tolist() == list(SEEDS) and times.index.name == "seed"
    np.testing.assert_array_equal(times["T1"], [run.stage_times(theta=0.3).T1 for run in runs])
    assert times["T1"].notna().any()
    errors = runs.test_error(0, n_test=2000)
    assert errors["value"].tolist() == [run.test_error(0, n_test=2000).value for run in runs]
    assert {"low", "high", "method", "reliable"} <= set(errors.columns)
    with pytest.raises(TypeError, match="test_error: a LinearRun has none"):
        over_seeds(CASES["linear, width-free"]).test_error()


def test_summary_counts_what_there_is() -> None:
    """Medians, ranges and intervals of the seeds that have a number, and the exact interval of their share."""
    runs = ts.simulate(UNSTABLE, ONE_DIVERGES, 400, seeds=range(8), on_failure="return")
    ended = [run for run in runs if run.status == "completed"]
    assert 1 <= len(ended) < 8, "some diverge"
    summary = runs.summary()
    losses = np.array([run.column("train_loss")[-1] for run in ended])
    row = summary.loc["train_loss"]
    assert (row["count"], row["median"], row["smallest"], row["largest"]) == (
        len(ended), np.median(losses), losses.min(), losses.max())
    around = typical(losses)
    assert (row["typical"], row["low"], row["high"]) == tuple(around)
    exact = binomtest(len(ended), 8).proportion_ci(0.95, "exact")
    np.testing.assert_allclose([row["share"], row["share_low"], row["share_high"]],
                               [len(ended) / 8, exact.low, exact.high], rtol=1e-12)
    reached = np.array([run.stage_times().T1 for run in ended])
    assert summary.loc["T1", "count"] == np.isfinite(reached).sum()
    nobody = ts.simulate(SIGNAL, FLIPS, 2, seeds=2).summary().loc["T1"]
    assert nobody["count"] == 0 and nobody["share_low"] == 0.0 and np.isnan(nobody["median"])


@one_case_each
def test_every_system_has_these_tables(case: Case) -> None:
    """Rows for every column and time."""
    runs = over_seeds(case, range(2), observe=case.own())
    first: Any = runs[0]
    assert set(runs.observables.columns) == {*first.table, *case.own()}
    assert set(runs.summary().index) == {*first.table, *case.own(), *first.stage_times().to_dict()}
    assert list(runs.stage_times().columns) == list(first.stage_times().to_dict())


def test_what_is_shown() -> None:
    """In one line how many seeds, and how they ended."""
    runs = ts.simulate(UNSTABLE, ONE_DIVERGES, 400, seeds=range(5), on_failure="return")
    assert repr(runs) == (f"<Runs of 5 seeds: PatchRun, 1 diverged at step {runs[0].steps}, 4 completed at step 400, "
                          "GradientDescent(lr=8.0, label_noise=None), seeds=0..4>")
    assert "1 seed:" in repr(runs[:1]) and "seeds=0, 2, 4" in repr(runs[::2])
    many = ts.simulate(SIGNAL, FLIPS, 1, seeds=range(0, 40, 2))
    assert "20 seeds" in repr(many) and "0, 2, 4, 6, 8, …, 38" in repr(many)
    short = ts.simulate(SIGNAL, ts.GradientDescent(0.3), 300, seeds=range(6),
                        until=lambda seen: seen["train_loss"] < 0.2)
    assert len({run.steps for run in short}) > 3 and ": PatchRun, 6 stopped, Grad" in repr(short)


# --- endings ------------------------------------------------------------------------------------------------------

def test_divergence_loses_nothing() -> None:
    """The error says which seed, and has the runs that were begun; on request they are returned."""
    with pytest.raises(ts.DivergenceError, match="seed 3: the state overflows") as caught:
        ts.simulate(UNSTABLE, TWO_DIVERGE, 400, seeds=[1, 2, 3, 4, 0], workers=1)
    error = caught.value
    assert error.run.seed == 3 and error.runs.seeds == (1, 2, 3) and error.run is error.runs[2]
    assert_same_run(error.runs[0], ts.simulate(UNSTABLE, TWO_DIVERGE, 400, 1))
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error) and copy.runs.seeds == (1, 2, 3)
    returned = ts.simulate(UNSTABLE, TWO_DIVERGE, 400, seeds=range(5), on_failure="return")
    assert [str(run.status) for run in returned] == ["diverged", "completed", "completed", "diverged", "completed"]
    with pytest.raises(ts.DivergenceError) as alone:
        ts.simulate(UNSTABLE, TWO_DIVERGE, 400, 3)
    assert alone.value.runs is None and str(alone.value) == alone.value.run.message


@pytest.mark.usefixtures("control_c")
def test_control_c_returns_what_there_is() -> None:
    """The runs that have ended, and the one that was being made, which can be resumed; no others."""
    runs = ts.simulate(SIGNAL, FLIPS, 50, seeds=range(5), workers=1, until=pressed_at(9, first=3), record_every=3)
    assert runs.seeds == (0, 1, 2)
    assert [str(run.status) for run in runs] == ["completed", "completed", "interrupted"]
    assert 0 < runs[2].steps < 50
    whole = ts.resume(runs[2], 50 - runs[2].steps)
    assert_same_run(whole, ts.simulate(SIGNAL, FLIPS, 50, 2, record_every=3))


@pytest.mark.usefixtures("control_c")
def test_control_c_before_any_run() -> None:
    """Then there is nothing to return."""
    def draw(_problem: Any, _seed: int, _form: str) -> Any:
        raise AssertionError("not reached")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("theorysim.core.parallel.interrupts.postponed", _raised)
        patched.setattr(ts.Draw, "from_problem", draw)
        with pytest.raises(KeyboardInterrupt):
            ts.simulate(SIGNAL, FLIPS, 50, seeds=range(5))


class _raised:
    """Ctrl-C has come."""

    def __enter__(self) -> Any:
        return lambda: True

    def __exit__(self, *_: object) -> None:
        pass


def test_an_error_of_the_callers_own_comes_through() -> None:
    """As it is, and no further run is begun."""
    asked: list[int] = []

    def until(seen: Any) -> Any:
        asked.append(1)
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        ts.simulate(SIGNAL, FLIPS, 50, seeds=range(50), workers=1, until=until)
    assert len(asked) < 50


def test_progress_counts_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """One bar, not one a run; without it nothing is printed."""
    ts.simulate(SIGNAL, FLIPS, 5, seeds=range(4))
    assert capsys.readouterr() == ("", "")
    ts.simulate(SIGNAL, FLIPS, 5, seeds=range(4), progress=True)
    assert "4/4" in capsys.readouterr().err


# --- going on, checks, pictures -----------------------------------------------------------------------------------

@one_case_each
def test_resume_equals_straight_runs(case: Case) -> None:
    """Of every seed bit for bit."""
    further = ts.resume(over_seeds(case, steps=25), 15, record_at=iter([30]))
    assert further.seeds == SEEDS
    for seed, run in zip(SEEDS, further, strict=True):
        alone = ts.resume(ts.simulate(case.problem, case.algorithm, 25, seed, **case.keywords), 15, record_at=[30])
        assert_same_run(run, alone)


@pytest.mark.usefixtures("control_c")
def test_resume_keeps_all() -> None:
    """After Ctrl-C those not begun are there as they were; a diverged one is refused, none having gone on."""
    runs = ts.simulate(SIGNAL, FLIPS, 10, seeds=range(16))
    further = ts.resume(runs, 200, until=pressed_at(15))
    assert further.seeds == runs.seeds
    assert "interrupted" in [run.status for run in further]
    untouched = [place for place, run in enumerate(further) if run.status == "completed" and run.steps == 10]
    assert untouched and all(further[place] is runs[place] for place in untouched)
    diverged = ts.simulate(UNSTABLE, ONE_DIVERGES, 400, seeds=range(2), on_failure="return")
    with pytest.raises(ValueError, match="run of seed 0 has status 'diverged'"):
        ts.resume(diverged, 5)
    with pytest.raises(TypeError, match="speed=3"):
        ts.resume(runs, 5, speed=3)
    with pytest.raises(ts.DivergenceError, match="seed 0") as caught:
        ts.resume(ts.simulate(UNSTABLE, ONE_DIVERGES, 2, seeds=range(3)), 400)
    assert caught.value.runs.seeds == (0, 1, 2)


def test_check_takes_them() -> None:
    """The report counts the runs; what it compares may be asked for in advance."""
    runs = ts.simulate(SIGNAL.replace(d=400), FLIPS, 40, seeds=5)
    report = ts.check(runs)
    assert "5 runs" in report.title and (report.table["runs"] <= 5).all() and (report.table["runs"] == 5).any()
    assert ts.check(list(runs)).table.equals(report.table)
    ready = ts.simulate(SIGNAL.replace(d=400), FLIPS, 40, seeds=range(2), for_check="huang2025", record_every=40)
    for seed, run in enumerate(ready):
        assert_same_run(run, ts.simulate(SIGNAL.replace(d=400), FLIPS, 40, seed, for_check="huang2025",
                                         record_every=40))


@pytest.mark.parametrize("name", ONE_EACH)
def test_pictures_of_every_system(name: str) -> None:
    """Runs, a list of them, and either by name: one curve, their median, and how many there are; a band."""
    runs = over_seeds(CASES[name], range(3))
    column = DRAWN[CASES[name].system]
    median = runs.observables[column].dropna().unstack("seed").median(axis=1)
    for given, told in ((runs, "3 seeds"), (list(runs), "3 seeds"), ({"mine": runs}, "mine (3 seeds)"),
                        ({"mine": tuple(runs)}, "mine (3 seeds)"), ([runs[0], runs[0]], "2 runs"), ([runs[0]], "run")):
        panels = np.ravel(ts.plot.dynamics(given))
        legends = [axis.get_legend().get_texts() for axis in panels if axis.get_legend()]
        said = [panels[0].get_title(), *(text.get_text() for texts in legends for text in texts)]
        if told != "run":
            assert any(told in one for one in said), (said, told)
        if "3" in told:
            curves = [line.get_ydata() for axis in panels for line in axis.get_lines()]
            assert any(np.array_equal(curve, median) for curve in curves)
            assert any(axis.collections for axis in panels)
    columns = ts.plot.columns(runs, names=[column])
    np.testing.assert_array_equal(columns[0].get_lines()[0].get_ydata(), median)
    assert columns[0].get_legend().get_texts()[0].get_text() == "3 seeds"


@pytest.mark.parametrize("wrong", [[], (), "ab", [3], {"a": []}, {"a": "b"}, {}])
def test_what_is_no_run_is_refused(wrong: Any) -> None:
    """By name, in every picture."""
    for draw in (ts.plot.dynamics, ts.plot.columns, ts.plot.learning_curves, ts.plot.two_phases, ts.plot.phases):
        with pytest.raises(TypeError, match="runs"):
            draw(wrong)


def test_curves_of_another_system_are_refused() -> None:
    """The patch network's picture says what it is of."""
    linear = over_seeds(CASES["linear, width-free"])
    with pytest.raises(TypeError, match="runs: must be of the patch network or its mean field, got <LinearRun"):
        ts.plot.learning_curves(linear)
    data = ts.simulate(images(), FLIPS, 5, seeds=2)
    assert system_of_run(data[0]).name == "patch" and len(ts.plot.dynamics(data)) == 4
