"""Sweeps: every row is a run, whatever made it; what is stored, refused, retried, shown and averaged."""

import itertools
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

import theorysim as ts
from theorysim.check import evaluate
from theorysim.sweep import execution, work
from theorysim.sweep.random_numbers import draw_seed
from theorysim.papers.huang2025 import HuangEvidence as Evidence
from theorysim.theory.paper import paper_named

PROBLEM = ts.SignalNoise(n=4, d=60, m=2, signal_norm=1.0, noise_std=0.5, init_std=0.1, label_flip=0.2)
ALGORITHMS = {"GD": ts.GradientDescent(0.5), "noisy": ts.GradientDescent(0.4, ts.Flip(0.2))}
GRID: dict[str, Any] = {"n_snr2": [0.3, 4.0], "d": [50, 200]}
STATEMENT = "concentration.noise_overlap"
OBSERVABLE = "rho_bar_max"
PINNED = [6843962580369636, 4888837786155220, 1424027949446301]  # seeds of n = 20, snr = 0.1 and seeds 0, 1, 2
N_TEST = 40
STEPS = 12


def spread(run: ts.Run) -> float:
    """A measure of one's own that looks at all records."""
    return float(np.ptp(run.coefficients))


def learned(run: ts.Run) -> bool:
    """A truth value."""
    return bool(run.column("train_loss")[-1] < 0.4)


MEASURES = ("test_error", "test_error_observed", "train_loss", OBSERVABLE, "T1", "T2", STATEMENT, spread, learned)


@pytest.fixture(autouse=True, scope="module")
def _small_batches() -> Iterator[None]:
    """Small sweeps in many batches, otherwise one batch would hold all of a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execution, "BATCH_RUNS", 2)
        yield


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The runs that are made, in this process."""
    made: list[tuple[Any, ...]] = []

    def counting(*given: Any, **options: Any) -> ts.Run:
        made.append(given)
        return ts.simulate(*given, **options)

    monkeypatch.setattr(work, "simulate", counting)
    return made


def gap(state: Any) -> float:
    """An observable of one's own: the largest share of the signal beyond the smallest."""
    return float(np.ptp(state.gamma))


def sweep(problem: Any = PROBLEM, **changes: Any) -> pd.DataFrame:
    """A small sweep with every kind of measure and common random numbers, but for the changes."""
    usual: dict[str, Any] = {
        "grid": GRID, "algorithms": ALGORITHMS, "steps": STEPS, "seeds": 3, "measure": MEASURES, "n_test": N_TEST,
        "random_numbers": "common",
    }
    return ts.sweep(problem, **usual | changes)


@cache
def _plain() -> pd.DataFrame:
    return sweep(workers=1)


def plain() -> pd.DataFrame:
    """The sweep without changes, made once on one thread."""
    return _plain().copy()


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """The same table: values to the bit, kinds, order of rows and of columns, and what it says of itself."""
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    assert found.attrs == expected.attrs


def ordered(frame: pd.DataFrame, *by: str) -> pd.DataFrame:
    """Rows in an order that does not depend on how the sweep was asked for."""
    return frame.sort_values([*(by or GRID), "algorithm", "seed"], ignore_index=True)


def same(found: Any, expected: Any) -> bool:
    """Equal to the bit, in kind too, or both missing."""
    if pd.isna(found) or pd.isna(expected):
        return bool(pd.isna(found) and pd.isna(expected))
    return bool(found == expected) and isinstance(expected, str) == isinstance(found, str)


def verdict(run: ts.Run) -> str:
    """Of the statement, without the sweep."""
    statement = next(one for one in paper_named("huang2025").statements if one.id == STATEMENT)
    return str(evaluate(statement, Evidence(run)).verdict)


ALONE: dict[str, Callable[[ts.Run], Any]] = {
    "test_error": lambda run: run.test_error(method="monte-carlo", n_test=N_TEST).value,
    "test_error_observed": lambda run: run.test_error(method="monte-carlo", n_test=N_TEST, labels="observed").value,
    "train_loss": lambda run: run.column("train_loss")[-1],
    OBSERVABLE: lambda run: run.column(OBSERVABLE)[-1],
    "T1": lambda run: run.stage_times().T1,
    "T2": lambda run: run.stage_times().T2,
    STATEMENT: verdict,
    "spread": spread,
    "learned": learned,
}


def assert_is_run(row: "pd.Series[Any]", run: ts.Run, measures: Any = None) -> None:
    """A row holds what the run made alone says."""
    assert (row["status"], row["reason"]) == (str(run.status), "")
    for name in measures or ALONE:
        alone = ALONE[name](run)
        assert same(row[name], alone), f"{name}: {row[name]!r} in the sweep, {alone!r} alone"


def algorithm_at(row: "pd.Series[Any]", **changes: Any) -> ts.GradientDescent:
    """The algorithm of a row, with lr and p of its cell."""
    base = ALGORITHMS[row["algorithm"]]
    noise = base.label_noise and ts.Flip(changes.get("p", 0.2))
    return ts.GradientDescent(changes.get("lr", base.lr), noise)


class TestRows:
    """Every row equals a run made alone."""

    @pytest.mark.parametrize("grid", [
        {},
        {"n": [3, 4], "m": [1, 3], "init_std": [0.05]},
        {"snr": [0.1, 1.0], "noise_std": [0.5, 0.7]},
        {"n_snr2": [0.1, 2.0], "n": [2, 5]},
        {"d_over_n2": [2.0, 10.0], "n": [4, 5]},
        {"lr": [0.1, 0.7]},
        {"p": [0.0, 0.3, 1.0], "d": [50, 60]},
        {"q": [1, 2.5], "bias": [0.0, 0.3]},
        {"label_flip": [0.0, (0.1, 0.4)], "orthogonal_noise": [True, False]},
        {"init_law": ["normal", "uniform"]},
        {"d": np.array([50, 70]), "signal_norm": np.geomspace(0.1, 2.0, 2)},
    ], ids=lambda grid: ",".join(grid) or "none")
    @pytest.mark.parametrize("kind", ["independent", "common"])
    def test_of_any_grid(self, grid: dict[str, Any], kind: str) -> None:
        """Fields, derived numbers, and parameters of the algorithm; in the order asked for."""
        usable = [one for one in MEASURES if one != STATEMENT or not {"bias", "init_law"} & set(grid)]
        frame = sweep(grid=grid, seeds=[5, 2], measure=usable, random_numbers=kind)
        assert list(frame.columns[:len(grid) + 5]) == [*grid, "algorithm", "seed", "draw_seed", "status", "reason"]
        assert frame["seed"].tolist() == [5, 2] * (len(frame) // 2)
        assert len(frame) == len(ALGORITHMS) * 2 * int(np.prod([len(values) for values in grid.values()]))
        assert (frame.attrs["axes"], frame.attrs["complete"]) == (list(grid), True)
        names = [one if isinstance(one, str) else one.__name__ for one in usable]
        assert frame.attrs["measures"] == names
        for _, row in frame.iterrows():
            place = {name: row[name] for name in grid}
            problem = PROBLEM.replace(**{name: value for name, value in place.items() if name not in ("lr", "p")})
            algorithm = algorithm_at(row, **place)
            assert_is_run(row, ts.simulate(problem, algorithm, STEPS, row["draw_seed"]), names)
            for name in ("n", "d", "m", "signal_norm", "noise_std", "init_std", "q", "snr", "n_snr2", "d_over_n2"):
                if name not in grid:  # else what was asked for, of which the problem has a rounded version
                    assert row[name] == getattr(problem, name)
            assert (row["tau_plus"], row["tau_minus"]) == problem.flip_rates
            assert row["lr"] == algorithm.lr
            assert row["label_noise"] == ("none" if algorithm.label_noise is None else "flip")

    @pytest.mark.parametrize("problem", [PROBLEM, lambda n: PROBLEM.replace(n=n, d=20 * n)], ids=["fields", "function"])
    def test_kappa_sets_the_learning_rate(self, problem: Any) -> None:
        """At the problem of its cell, of every algorithm, whatever rate it was given."""
        made = {"GD": ts.GradientDescent(0.3), "noise": lambda of: ts.GradientDescent(0.1 * of.n, ts.Flip(0.2))}
        frame = sweep(problem, grid={"n": [3, 5], "kappa": [0.1, 0.4]}, algorithms=made, measure=["train_loss"])
        for _, row in frame.iterrows():
            of = problem.replace(n=row["n"]) if isinstance(problem, ts.SignalNoise) else problem(row["n"])
            noise = ts.Flip(0.2) if row["algorithm"] == "noise" else None
            algorithm = ts.GradientDescent.from_kappa(of, row["kappa"], noise)
            assert row["lr"] == algorithm.lr and of.kappa(row["lr"]) == pytest.approx(row["kappa"], rel=1e-14)
            assert_is_run(row, ts.simulate(of, algorithm, STEPS, row["draw_seed"]), ["train_loss"])

    def test_rows_are_in_the_order_of_the_grid(self) -> None:
        """The last axis fastest, algorithms within a point, seeds within those."""
        frame = sweep(grid={"d": [70, 50], "lr": [0.2, 0.1]}, measure="train_loss", seeds=2)
        expected = list(itertools.product((70, 50), (0.2, 0.1), ALGORITHMS, (0, 1)))
        assert list(frame[["d", "lr", "algorithm", "seed"]].itertuples(index=False, name=None)) == expected

    @pytest.mark.parametrize("measure", ["test_error", "train_loss", "T1", "test_accuracy", STATEMENT, spread])
    def test_a_measure_does_not_depend_on_the_others(self, measure: Any) -> None:
        """Alone, also where no records are kept for it, it has the value that it has in company."""
        frame, company = sweep(measure=measure), plain()
        company["test_accuracy"] = 1 - company["test_error"]
        name = measure if isinstance(measure, str) else measure.__name__
        pd.testing.assert_series_equal(frame[name], company[name], check_exact=True)
        assert frame.attrs["measures"] == [name]

    def test_single_precision(self) -> None:
        """Of the runs, so that numbers differ from those in double precision a little."""
        frame = sweep(precision="single", measure=["train_loss", "test_error", spread])
        for _, row in frame.iterrows():
            problem = PROBLEM.replace(n_snr2=row["n_snr2"], d=row["d"])
            run = ts.simulate(problem, ALGORITHMS[row["algorithm"]], STEPS, row["seed"], precision="single")
            assert_is_run(row, run, ["train_loss", "test_error", "spread"])
        assert not frame["train_loss"].equals(plain()["train_loss"])
        np.testing.assert_allclose(frame["train_loss"], plain()["train_loss"], rtol=1e-4)

    def test_constants_reach_stage_times(self) -> None:
        """A threshold of the whole sweep is that of every T2."""
        grid = {"lr": [0.5, 5.0]}
        frame = sweep(grid=grid, measure="T2", epsilon=0.5, gamma_threshold=1e-3)
        assert frame["T2"].notna().any() and not frame["T2"].equals(sweep(grid=grid, measure="T2")["T2"])
        for _, row in frame.iterrows():
            run = ts.simulate(PROBLEM, algorithm_at(row, lr=row["lr"]), STEPS, row["seed"])
            assert same(row["T2"], run.stage_times(epsilon=0.5, gamma_threshold=1e-3).T2)

    @pytest.mark.parametrize("executor", ["threads", "processes"])
    def test_observables_of_ones_own(self, executor: str) -> None:
        """Their last value is kept, that of the run alone; other measures are as without them."""
        frame = sweep(measure=["train_loss", "gap"], observe={"gap": gap}, executor=executor, workers=2)
        pd.testing.assert_frame_equal(frame.drop(columns="gap"), sweep(measure="train_loss"), check_exact=True)
        for row in frame.itertuples():
            problem = PROBLEM.replace(d=row.d).replace(n_snr2=row.n_snr2)
            run = ts.simulate(problem, ALGORITHMS[row.algorithm], STEPS, row.draw_seed)
            assert row.status == "completed" and row.gap == np.ptp(run.gamma[-1]) > 0

    @pytest.mark.parametrize(("wrong", "says"), [
        ({"train_loss": gap}, "train_loss"), ({"a b": gap}, "identifier"), ([gap], "mapping"), ({"gap": 3}, "gap")])
    def test_wrong_observables(self, wrong: Any, says: str) -> None:
        """Refused before any work."""
        with pytest.raises((TypeError, ValueError), match=says):
            sweep(observe=wrong)

    def test_functions_make_problem_and_algorithm(self) -> None:
        """The problem from axes of one's own, the algorithm from the problem."""
        frame = sweep(
            lambda size, power: PROBLEM.replace(n=size, d=size**power), grid={"size": [4, 6], "power": [2, 3]},
            algorithms={"GD": lambda problem: ts.GradientDescent(10 / problem.d), "fixed": ts.GradientDescent(0.3)},
        )
        assert len(frame) == 2 * 2 * 2 * 3
        for _, row in frame.iterrows():
            problem = PROBLEM.replace(n=row["size"], d=row["size"] ** row["power"])
            lr = 10 / problem.d if row["algorithm"] == "GD" else 0.3
            assert_is_run(row, ts.simulate(problem, ts.GradientDescent(lr), STEPS, row["seed"]))
            assert (row["n"], row["d"], row["lr"]) == (problem.n, problem.d, lr)

    def test_lr_of_the_grid_goes_over_that_of_a_function(self) -> None:
        """An axis is never without effect."""
        frame = sweep(grid={"lr": [0.1, 0.2]}, algorithms={"any": lambda problem: ts.GradientDescent(9.0)})
        for _, row in frame.iterrows():
            assert_is_run(row, ts.simulate(PROBLEM, ts.GradientDescent(row["lr"]), STEPS, row["seed"]))

    def test_a_run_of_several_cells_is_made_once(self, calls: list[Any], tmp_path: Path) -> None:
        """Plain gradient descent has no p: one run for all values of it, a row for each."""
        frame = sweep(grid={"p": [0.1, 0.2, 0.3]}, seeds=2, store=tmp_path / "s.db")
        assert len(calls) == 2 * (1 + 3) and len(frame) == 2 * (3 + 3)
        rows = frame[frame["algorithm"] == "GD"].drop(columns="p").groupby("seed", sort=False)
        assert all(len(same.drop_duplicates()) == 1 and len(same) == 3 for _, same in rows)
        calls.clear()
        longer = sweep(grid={"p": [0.4, 0.1, 0.2, 0.3]}, seeds=2, store=tmp_path / "s.db")
        assert len(calls) == 2, "p = 0.4 with label noise; without it nothing is new"
        assert len(longer) == 16 and longer["train_loss"].notna().all()
        assert len(ts.load_sweep(tmp_path / "s.db")) == 16, "rows without a run of their own are stored, too"
        assert_same(longer, sweep(grid={"p": [0.4, 0.1, 0.2, 0.3]}, seeds=2))

    def test_no_steps(self) -> None:
        """Zero updates: what the initialisation says."""
        frame = sweep(steps=0)
        for _, row in frame.iterrows():
            run = ts.simulate(PROBLEM.replace(n_snr2=row["n_snr2"], d=row["d"]), ALGORITHMS[row["algorithm"]], 0,
                              row["seed"])
            assert_is_run(row, run)


class TestAnyWayTheSameTable:
    """Neither order, nor workers, nor interruptions can be seen in the numbers."""

    @pytest.mark.parametrize("how", [
        {"workers": 2}, {"workers": 5}, {"executor": "threads"}, {"executor": "threads", "workers": 3},
        {"executor": "processes", "workers": 2}, {"executor": "processes", "workers": 1}, {},
    ], ids=str)
    def test_workers(self, how: dict[str, Any]) -> None:
        """Any number of threads or processes."""
        assert_same(sweep(**how), plain())

    @pytest.mark.parametrize("largest", [1, 7, 1000])
    def test_batches(self, largest: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """However runs are bundled."""
        monkeypatch.setattr(execution, "BATCH_RUNS", largest)
        assert_same(sweep(workers=2), plain())

    @pytest.mark.parametrize("make", [
        lambda: ThreadPoolExecutor(3), lambda: ProcessPoolExecutor(2, mp_context=get_context("spawn")),
    ], ids=["threads", "processes"])
    def test_executors_given(self, make: Callable[[], Executor]) -> None:
        """Those of concurrent.futures; they stay usable."""
        with make() as executor:
            assert_same(sweep(executor=executor), plain())
            assert executor.submit(abs, -1).result() == 1

    def test_order(self, tmp_path: Path) -> None:
        """A grid, algorithms and seeds in another order; also from a store filled in the first order."""
        sweep(store=tmp_path / "s.db")
        grid = {"d": GRID["d"][::-1], "n_snr2": GRID["n_snr2"][::-1]}
        algorithms = dict(reversed(ALGORITHMS.items()))
        for store in (None, tmp_path / "s.db"):
            frame = sweep(grid=grid, algorithms=algorithms, seeds=[2, 0, 1], store=store)
            assert frame["seed"].tolist()[:3] == [2, 0, 1] and frame["algorithm"].tolist()[0] == "noisy"
            expected = ordered(plain())
            pd.testing.assert_frame_equal(ordered(frame)[list(expected.columns)], expected, check_exact=True)

    @pytest.mark.parametrize("at", [1, 6, 13])
    def test_interrupted_by_hand_and_resumed(
        self, at: int, calls: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Ctrl-C at any run returns the rows there are; the same call goes on."""
        def press(*given: Any, **options: Any) -> ts.Run:
            if len(calls) + 1 == at:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.3)  # long enough for it to arrive
            return counting(*given, **options)

        counting = work.simulate
        monkeypatch.setattr(work, "simulate", press)
        handler = signal.getsignal(signal.SIGINT)
        part = sweep(store=tmp_path / "s.db", workers=1)
        assert signal.getsignal(signal.SIGINT) is handler
        assert at - 1 <= len(part) < len(plain()) and part.attrs["complete"] is False
        assert set(part["status"]) <= {"completed"}
        assert list(part.columns) == list(plain().columns) or not len(part)
        whole = ordered(plain()).set_index([*GRID, "algorithm", "seed"])
        for _, row in part.iterrows():
            there = whole.loc[tuple(row[name] for name in whole.index.names)]
            assert all(same(row[name], there[name]) for name in whole.columns)
        calls.clear()
        monkeypatch.setattr(work, "simulate", counting)
        assert_same(sweep(store=tmp_path / "s.db"), plain())
        assert len(calls) == len(plain()) - len(part)

    @pytest.mark.parametrize("smaller", [
        {"grid": {"n_snr2": [4.0], "d": [200]}}, {"grid": GRID | {"d": [50]}}, {"seeds": [1]}, {"seeds": 2},
        {"algorithms": {"noisy": ALGORITHMS["noisy"]}},
        {"grid": GRID | {"d": [200]}, "seeds": [2], "algorithms": {"GD": ALGORITHMS["GD"]}},
    ], ids=str)
    def test_a_store_grows(self, smaller: dict[str, Any], calls: list[Any], tmp_path: Path) -> None:
        """In grid, seeds and algorithms; what is there is not made again, and nothing is lost."""
        store = tmp_path / "s.db"
        first = sweep(store=store, **smaller)
        assert len(calls) == len(first) < len(plain())
        assert_same(sweep(store=store), plain())
        assert len(calls) == len(plain()), "each run once"
        assert_same(sweep(store=str(store)), plain())
        assert_same(sweep(store=store, **smaller), first)
        assert len(calls) == len(plain())
        assert len(ts.load_sweep(store)) == len(plain())

    @settings(max_examples=12)
    @given(
        axes=st.fixed_dictionaries({}, optional={
            "lr": st.lists(st.sampled_from([0.05, 0.3, 2.0]), min_size=1, unique=True),
            "n": st.lists(st.integers(1, 4), min_size=1, max_size=2, unique=True),
            "p": st.lists(st.sampled_from([0.0, 0.4, 1.5]), min_size=1, max_size=2, unique=True),
        }),
        seeds=st.lists(st.integers(0, 2**70), min_size=1, max_size=3, unique=True),
        workers=st.integers(1, 4),
        data=st.data(),
    )
    def test_property(self, axes: dict[str, list[Any]], seeds: list[int], workers: int, data: st.DataObject) -> None:
        """Any small grid, in any order, on any number of threads."""
        def shuffled(values: Any) -> Any:
            return data.draw(st.permutations(list(values)))

        options: dict[str, Any] = {"measure": ["train_loss", "test_error", spread], "steps": 3}
        one = sweep(grid=axes, seeds=seeds, workers=1, **options)
        other = sweep(
            grid={name: shuffled(axes[name]) for name in shuffled(axes)}, seeds=shuffled(seeds), workers=workers,
            algorithms={name: ALGORITHMS[name] for name in shuffled(ALGORITHMS)}, **options,
        )
        expected = ordered(one, *sorted(axes), "algorithm")
        found = ordered(other, *sorted(axes), "algorithm")[list(expected.columns)]
        pd.testing.assert_frame_equal(found, expected, check_exact=True)


def content(store: Path) -> list[str]:
    """All that is in a database, but for who wrote to it last."""
    with closing(sqlite3.connect(store)) as connection:
        return sorted(line for line in connection.iterdump() if "'holder'" not in line)


def text(path: Path) -> None:
    """A file that is no database."""
    path.write_text("a,b\n1,2\n" * 200)


def half(path: Path) -> None:
    """A database that was cut off."""
    sweep(store=path, measure="train_loss", seeds=1)
    whole = path.read_bytes()
    path.write_bytes(whole[:len(whole) // 2 - 100])


def notebook(path: Path, journal: str = "DELETE") -> None:
    """A database of something else, by chance of the same version."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 1")
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.execute("CREATE TABLE runs (a, b)")
        connection.execute("INSERT INTO runs VALUES (1, 2)")
        connection.commit()


def later(path: Path) -> None:
    """A store of a format not known yet."""
    sweep(store=path, measure="train_loss", seeds=1)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


class TestStore:
    """What is in a file is kept, and never mixed with anything else."""

    @pytest.mark.parametrize(("changes", "differs"), [
        ({"steps": 13}, "steps was 12 and is now 13"),
        ({"precision": "single"}, "precision was 'double' and is now 'single'"),
        ({"n_test": 41}, "n_test was 40 and is now 41"),
        ({"random_numbers": "independent"}, "random_numbers was 'common' and is now 'independent'"),
        ({"measure": "train_loss"}, "measures was"),
        ({"measure": [*MEASURES[:-1], lambda run: True]}, "measures was"),
        ({"epsilon": 0.5}, "constants was"),
        ({"problem": PROBLEM.replace(m=3)}, "problem was"),
        ({"problem": lambda n_snr2, d: PROBLEM.replace(n_snr2=n_snr2, d=d)}, "problem was"),
        ({"algorithms": ALGORITHMS | {"GD": ts.GradientDescent(0.6)}}, "'GD' was .*is now"),
        ({"algorithms": ALGORITHMS | {"noisy": ts.GradientDescent(0.4, ts.Flip(0.3))}}, "'noisy' was .*is now"),
        ({"grid": {"n_snr2": [0.3]}}, "was"),
        ({"grid": GRID | {"lr": [0.1]}}, "was"),
    ], ids=lambda one: ",".join(one) if isinstance(one, dict) else "")
    def test_another_sweep_is_refused(self, changes: dict[str, Any], differs: str, tmp_path: Path) -> None:
        """With what differs named, and nothing in the file changed."""
        store = tmp_path / "s.db"
        sweep(store=store, seeds=1)
        before = content(store)
        with pytest.raises(ValueError, match=f"s.db'.*{differs}"):
            sweep(**{"store": store, "seeds": 2} | changes)
        assert content(store) == before
        assert_same(sweep(store=store), plain())

    def test_another_observable_of_the_same_name_is_refused(self, tmp_path: Path) -> None:
        """An observable of one's own is known by what it does; without it its name is no measure."""
        first = sweep(store=tmp_path / "s.db", measure="gap", observe={"gap": gap}, seeds=1)
        assert_same(sweep(store=tmp_path / "s.db", measure="gap", observe={"gap": gap}, seeds=1), first)
        with pytest.raises(ValueError, match="observe was"):
            sweep(store=tmp_path / "s.db", measure="gap", observe={"gap": lambda state: 0.0}, seeds=1)
        with pytest.raises(ValueError, match="measure='gap': must be"):
            sweep(measure="gap")

    def test_another_function_of_the_same_name_is_refused(self, tmp_path: Path) -> None:
        """A measure is known by what it does, too."""
        def other() -> Callable[[ts.Run], float]:
            def spread(run: ts.Run) -> float:
                return float(np.ptp(run.coefficients)) / 2

            spread.__qualname__ = "spread"
            return spread

        sweep(store=tmp_path / "s.db", measure=spread, seeds=1)
        with pytest.raises(ValueError, match="measures was"):
            sweep(store=tmp_path / "s.db", measure=other(), seeds=1)

    @pytest.mark.parametrize("make", [
        lambda level: (lambda run: bool(run.column("train_loss")[-1] < level)),
        lambda level: (lambda run, at=level: bool(run.column("train_loss")[-1] < at)),
        lambda level: eval(f"lambda run: [bool(loss < {level}) for loss in run.column('train_loss')][-1]"),
    ], ids=["closure", "default", "inner"])
    def test_a_function_with_another_parameter_is_refused(
        self, make: Callable[[float], Callable[[ts.Run], bool]], tmp_path: Path
    ) -> None:
        """Its values would be those of the old one."""
        first = sweep(store=tmp_path / "s.db", measure=make(0.0), seeds=1)
        assert_same(sweep(store=tmp_path / "s.db", measure=make(0.0), seeds=1), first)
        with pytest.raises(ValueError, match="measures was"):
            sweep(store=tmp_path / "s.db", measure=make(99.0), seeds=1)

    def test_a_function_is_known_again_by_another_process(self, tmp_path: Path) -> None:
        """Its fingerprint does not depend on the process: hashes of strings do."""
        script = SETUP + (
            "def measure(run):\n"
            "    return run.status in {'completed', 'diverged', 'stopped', 'interrupted'}\n"
            "study(store=sys.argv[1], measure=measure, seeds=1)\n"
        )
        for hashes in ("1", "2", "3"):
            environment = os.environ | {"PYTHONHASHSEED": hashes}
            subprocess.run([sys.executable, "-c", script, str(tmp_path / "s.db")], env=environment, check=True)

    @pytest.mark.parametrize("make", [text, half, notebook, lambda path: notebook(path, "WAL"), later],
                             ids=["text", "half", "database", "WAL", "format"])
    @pytest.mark.parametrize("use", [lambda path: sweep(store=path), ts.load_sweep], ids=["sweep", "load"])
    def test_what_is_no_store_is_left_alone(
        self, make: Callable[[Path], None], use: Callable[[Path], object], tmp_path: Path
    ) -> None:
        """Refused, every byte as before, and no file beside it that was not there."""
        path = tmp_path / "s.db"
        make(path)
        before = path.read_bytes(), sorted(tmp_path.iterdir())
        with pytest.raises(ValueError, match="s.db'"):
            use(path)
        assert (path.read_bytes(), sorted(tmp_path.iterdir())) == before

    def test_an_empty_file_is_no_sweep(self, tmp_path: Path) -> None:
        """Reading it is an error and does not write to it."""
        (tmp_path / "s.db").touch()
        with pytest.raises(ValueError, match="s.db'"):
            ts.load_sweep(tmp_path / "s.db")
        assert (tmp_path / "s.db").read_bytes() == b""

    def test_where_nothing_can_be_written(self, tmp_path: Path) -> None:
        """Folders that are missing or in the way are named; a bad argument makes no file."""
        with pytest.raises(FileNotFoundError, match="absent"):
            sweep(store=tmp_path / "absent" / "s.db")
        with pytest.raises(FileNotFoundError, match=r"absent\.db"):
            ts.load_sweep(tmp_path / "absent.db")
        with pytest.raises(ValueError, match="store="):
            sweep(store=tmp_path)
        with pytest.raises(TypeError, match="store=3"):
            sweep(store=3)
        with pytest.raises(ValueError, match="n_test=0"):
            sweep(store=tmp_path / "s.db", n_test=0)
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("seeds", [3, [7]])
    def test_load_sweep_is_the_table(self, seeds: Any, tmp_path: Path) -> None:
        """Up to the order of columns, and complete, which it cannot know; pairs of flip rates included."""
        grid = GRID | {"label_flip": [0.1, (0.1, 0.3)], "lr": [0.2]}
        frame = sweep(store=tmp_path / "s.db", grid=grid, seeds=seeds)
        loaded = ts.load_sweep(tmp_path / "s.db")
        assert loaded.attrs == frame.attrs | {"axes": sorted(grid), "complete": None}
        pd.testing.assert_frame_equal(loaded[list(frame.columns)], frame, check_exact=True)

    def test_load_sweep_keeps_statuses(self, tmp_path: Path) -> None:
        """Rows that are not completed, with their reasons."""
        grid = {"d": [1, 50], "lr": [0.5, 1e300]}
        frame = sweep(PROBLEM.replace(q=3), store=tmp_path / "s.db", grid=grid, measure=["T1", moody])
        assert set(frame["status"]) == {"invalid", "completed", "diverged", "failed"}
        loaded = ts.load_sweep(tmp_path / "s.db")
        pd.testing.assert_frame_equal(loaded[list(frame.columns)], frame, check_exact=True)

    def test_load_sweep_while_it_is_written(self, tmp_path: Path) -> None:
        """Reading needs no lock: what is there is right, and there is ever more of it."""
        store, expected = tmp_path / "s.db", namespace()["study"]()
        process = child(store, "threads", pause=0.02)
        seen = []
        while process.poll() is None:
            if wait_for_rows(process, store, 1):
                frame = ts.load_sweep(store)
                seen.append(len(frame))
                found = frame.merge(expected)  # on all columns; p comes with the first run that has one
                assert len(found) == len(frame), "every row is one of the whole table"
        assert process.wait() == 0
        process.communicate()
        assert seen == sorted(seen) and len(set(seen)) > 3
        assert_same(namespace()["study"](store=store), expected)


MOOD = {"bad": True}


def moody(run: ts.Run) -> float:
    """A measure that raises on odd seeds, as long as it is in a bad mood."""
    if MOOD["bad"] and run.seed % 2:
        raise RuntimeError(f"no seed {run.seed} today")
    return 1.0


def unusable(run: ts.Run) -> Any:
    """What fits no column, for one seed."""
    return [1, 2] if run.seed == 1 else 0.5


def assert_without(frame: pd.DataFrame, status: str, reason: str) -> None:
    """All rows have this status, a reason, and no measure."""
    assert len(frame) and set(frame["status"]) == {status}
    assert frame["reason"].str.contains(reason).all(), frame["reason"].tolist()
    measures = frame.attrs["measures"]
    assert frame[measures].isna().all(axis=None)


def older(path: Path) -> None:
    """The store of a sweep from before cells had random numbers of their own."""
    sweep(store=path, seeds=2)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM study WHERE name = 'random_numbers'")
        connection.execute("PRAGMA user_version = 1")
        connection.commit()


class TestRandomNumbers:
    """Each cell its own, or all the same; the algorithms of a cell always the same."""

    def test_independent_is_the_default(self, tmp_path: Path) -> None:
        """No two cells share a draw, both algorithms of a cell do, and every row can be made again from its number."""
        frame = ts.sweep(PROBLEM, grid=GRID, algorithms=ALGORITHMS, steps=STEPS, seeds=3, measure=MEASURES,
                         n_test=N_TEST, store=tmp_path / "s.db")
        assert frame.attrs["random_numbers"] == "independent"
        assert frame["draw_seed"].nunique() == 4 * 3 and sorted(set(frame["seed"])) == [0, 1, 2]
        assert (frame.groupby([*GRID, "seed"])["draw_seed"].nunique() == 1).all()
        for _, row in frame.iterrows():
            problem = PROBLEM.replace(n_snr2=row["n_snr2"], d=row["d"])
            assert_is_run(row, ts.simulate(problem, ALGORITHMS[row["algorithm"]], STEPS, row["draw_seed"]))
        loaded = ts.load_sweep(tmp_path / "s.db")
        assert loaded.attrs["random_numbers"] == "independent"
        pd.testing.assert_frame_equal(ordered(loaded)[list(frame.columns)], ordered(frame), check_exact=True)

    def test_common(self) -> None:
        """The number asked for is the seed of every run."""
        assert (plain()["draw_seed"] == plain()["seed"]).all() and plain().attrs["random_numbers"] == "common"

    def test_numbers_of_this_and_every_later_version(self) -> None:
        """They are in people's stores: of the axes' names and values, in any order and of any type, and the seed."""
        assert [draw_seed({"n": 20, "snr": 0.1}, seed, "independent") for seed in range(3)] == PINNED
        assert draw_seed({"snr": np.float64(0.1), "n": 20.0}, 0, "independent") == PINNED[0]
        assert draw_seed({"snr": 0.1, "n": 20}, 7, "common") == 7
        others = [{"n": 21, "snr": 0.1}, {"n": 20, "p": 0.1}, {"n": 20}, {}, {"n": 20, "snr": "0.1"}, {"n": True},
                  {"n": (1, 2)}, {"n": [1, 2.0]}, {"n": (2, 1)}]
        drawn = [draw_seed(one, 0, "independent") for one in others]
        assert drawn[6] == drawn[7] and len({*drawn, PINNED[0]}) == len(others)
        many = {draw_seed({"n": n}, seed, "independent") for n in range(300) for seed in range(30)}
        assert len(many) == 9000 and max(many) < 2**53

    @pytest.mark.parametrize("changes", [
        {"workers": 2}, {"executor": "processes", "workers": 2}, {"grid": dict(reversed(GRID.items()))},
        {"grid": {name: values[::-1] for name, values in GRID.items()}}, {"seeds": [2, 0, 1]},
        {"algorithms": dict(reversed(ALGORITHMS.items()))},
    ], ids=lambda one: next(iter(one)))
    def test_order_and_workers(self, changes: dict[str, Any]) -> None:
        """Neither can be seen in the numbers."""
        expected = ordered(sweep(random_numbers="independent"))
        found = ordered(sweep(**{"random_numbers": "independent"} | changes))[list(expected.columns)]
        pd.testing.assert_frame_equal(found, expected, check_exact=True)

    @pytest.mark.parametrize("smaller", [
        {"grid": {"n_snr2": [4.0], "d": [200]}}, {"seeds": [1]}, {"algorithms": {"noisy": ALGORITHMS["noisy"]}},
    ], ids=str)
    def test_a_store_grows(self, smaller: dict[str, Any], calls: list[Any], tmp_path: Path) -> None:
        """In grid, seeds and algorithms, each run made once."""
        options: dict[str, Any] = {"store": tmp_path / "s.db", "random_numbers": "independent"}
        sweep(**options | smaller)
        whole = sweep(**options)
        assert len(calls) == len(whole)
        assert_same(whole, sweep(random_numbers="independent"))

    def test_older_stores(self, calls: list[Any], tmp_path: Path) -> None:
        """They had common random numbers: refused by default, with that said; gone on with when asked for."""
        store = tmp_path / "s.db"
        older(store)
        before = content(store)
        with pytest.raises(ValueError, match="random_numbers was 'common' and is now 'independent'"):
            sweep(store=store, random_numbers="independent")
        assert content(store) == before
        assert ts.load_sweep(store).attrs["random_numbers"] == "common"
        assert (ts.load_sweep(store)["draw_seed"] == ts.load_sweep(store)["seed"]).all()
        calls.clear()
        assert_same(sweep(store=store), plain())
        assert len(calls) == len(plain()) / 3, "the third seed"

    @pytest.mark.parametrize("kind", ["independent", "common"])
    def test_tables_and_pictures_say_which(self, kind: str) -> None:
        """Summaries in a column, heatmaps beside the number of seeds; differences are of the same draws."""
        frame = sweep(random_numbers=kind)
        assert set(ts.summarise(frame)["random_numbers"]) == {kind} and "draw_seed" not in ts.summarise(frame)
        axes = ts.plot.heatmap(frame, "n_snr2", "d", "train_loss", difference=True, uncertainty=True)
        told = {"independent": "3 seeds independent between cells", "common": "3 seeds the same in all cells"}[kind]
        assert any(told in axis.get_ylabel() for axis in axes[-1].figure.axes)  # of a colour bar
        gap = frame.pivot(index=["n_snr2", "d", "seed"], columns="algorithm", values="train_loss")
        expected = (gap["GD"] - gap["noisy"]).groupby(["d", "n_snr2"]).mean().to_numpy()
        np.testing.assert_allclose(axes[2].collections[0].get_array().ravel(), expected, rtol=1e-12)
        plt.close("all")

    @pytest.mark.parametrize(("predicted", "level", "words"), [
        (lambda whole: whole, None, "predicted='ours': needs level"),
        (lambda whole: whole[whole["d"] < 200], 0.5, "predicted='ours': must have every n_snr2, d and algorithm"),
        (lambda whole: whole[whole["algorithm"] == "GD"], 0.5, "predicted='ours': must have every n_snr2, d and alg"),
        (lambda whole: whole.drop(columns="train_loss"), 0.5, "value='train_loss': must be a column"),
    ])
    def test_predictions_that_do_not_fit(
        self, predicted: Callable[[pd.DataFrame], pd.DataFrame], level: float | None, words: str
    ) -> None:
        """Are refused by name; further cells do no harm."""
        frame = sweep()
        with pytest.raises(ValueError, match=words):
            ts.plot.heatmap(frame, "n_snr2", "d", "train_loss", predicted={"ours": predicted(frame)}, level=level)
        ts.plot.heatmap(frame[frame["d"] < 200], "n_snr2", "d", "train_loss", predicted={"ours": frame}, level=0.5)
        plt.close("all")

    def test_means_over_a_diagram(self) -> None:
        """Common luck does not average out over cells, independent luck does: the share of flipped labels."""
        def luck(run: ts.Run) -> float:
            return float(run.draw.noisy.mean())

        grid = {"signal_norm": [0.1 * k for k in range(1, 41)]}
        spreads = [sweep(grid=grid, measure=luck, steps=0, seeds=8, random_numbers=kind).groupby("seed")["luck"].mean()
                   .std() for kind in ("independent", "common")]
        assert spreads[0] < spreads[1] / 2


class TestStatus:
    """What goes wrong is said in its row, and touches no other."""

    def test_cells_that_cannot_be(self) -> None:
        """d too small, p not a probability: invalid, the others as without them."""
        frame = sweep(grid=GRID | {"d": [1, 50, 200]})
        assert_without(frame[frame["d"] == 1], "invalid", r"ValueError: d=1: must be an integer in \[2")
        rest = frame[frame["d"] > 1].reset_index(drop=True)[plain().columns]
        pd.testing.assert_frame_equal(rest, plain(), check_exact=True, check_dtype=False)
        frame = sweep(grid={"p": [-0.1, 0.3, 1.5]}, measure="train_loss")
        noisy = frame[frame["algorithm"] == "noisy"]
        assert_without(noisy[noisy["p"] != 0.3], "invalid", r"ValueError: p=.*must be")
        rest = frame[(frame["algorithm"] == "GD") | (frame["p"] == 0.3)]
        assert set(rest["status"]) == {"completed"} and rest["train_loss"].notna().all()

    @pytest.mark.parametrize("wrong", ["raise", None, 3, "problem"])
    def test_functions_that_fail(self, wrong: Any) -> None:
        """A problem or an algorithm that a function cannot make."""
        def problem(size: int) -> Any:
            if size != 5:
                return PROBLEM.replace(n=size)
            if wrong == "raise":
                raise RuntimeError("no five")
            return wrong

        def algorithm(problem: ts.SignalNoise) -> Any:
            if problem.n != 6:
                return ALGORITHMS["GD"]
            if wrong == "raise":
                raise RuntimeError("no six")
            return wrong

        frame = sweep(problem, grid={"size": [4, 5, 6]}, algorithms={"mine": algorithm, "GD": ALGORITHMS["GD"]})
        reason = "RuntimeError: no " if wrong == "raise" else "problem=.*SignalNoise"
        assert_without(frame[frame["size"] == 5], "invalid", reason)
        reason = "RuntimeError: no " if wrong == "raise" else "algorithm=.*GradientDescent"
        assert_without(frame[(frame["size"] == 6) & (frame["algorithm"] == "mine")], "invalid", reason)
        assert set(frame[frame["size"] == 4]["status"]) == {"completed"}
        for _, row in frame[frame["status"] == "completed"].iterrows():
            assert_is_run(row, ts.simulate(PROBLEM.replace(n=row["size"]), ALGORITHMS["GD"], STEPS, row["seed"]))

    def test_no_valid_cell(self) -> None:
        """Then there is nothing to sweep."""
        with pytest.raises(ValueError, match=r"grid: no cell is valid; .*d=1: must be"):
            sweep(grid={"d": [1]})

    def test_divergence(self) -> None:
        """Overflow is a status, with the message of the run."""
        problem = PROBLEM.replace(q=3, signal_norm=2.0)
        grid = {"lr": [0.1, 1e200]}
        frame = sweep(problem, grid=grid)
        assert_without(frame[frame["lr"] == 1e200], "diverged", "lower lr")
        for _, row in frame[frame["lr"] == 0.1].iterrows():
            assert_is_run(row, ts.simulate(problem, algorithm_at(row, lr=0.1), STEPS, row["seed"]))

    @pytest.mark.parametrize("executor", ["threads", "processes"])
    def test_measures_that_fail(self, executor: str) -> None:
        """Raising, or returning what fits no column: that run failed, others are as they are."""
        frame = sweep(measure=["train_loss", moody], executor=executor, workers=2)
        assert_without(frame[frame["seed"] == 1], "failed", "RuntimeError: no seed 1 today")
        frame = sweep(measure=["train_loss", unusable], executor=executor, workers=2)
        assert_without(frame[frame["seed"] == 1], "failed", r"TypeError: measure 'unusable' returned \[1, 2\]")
        rest = frame[frame["seed"] != 1]
        assert rest["train_loss"].equals(plain()["train_loss"][rest.index]) and set(rest["unusable"]) == {0.5}

    def test_failures_are_tried_again(
        self, calls: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By the next call with the store, and only those."""
        options: dict[str, Any] = {"measure": ["train_loss", moody], "store": tmp_path / "s.db"}
        first = sweep(**options)
        assert (first["status"] == "failed").sum() == len(first) / 3 and first.attrs["complete"]
        assert (ts.load_sweep(tmp_path / "s.db")["status"] == "failed").sum() == len(first) / 3
        calls.clear()
        assert_same(sweep(**options), first)
        assert len(calls) == len(first) / 3, "they fail again"
        calls.clear()
        monkeypatch.setitem(MOOD, "bad", False)
        second = sweep(**options)
        assert len(calls) == len(first) / 3
        assert set(second["status"]) == {"completed"} and set(second["moody"]) == {1.0}
        assert second["train_loss"].equals(plain()["train_loss"])
        assert set(ts.load_sweep(tmp_path / "s.db")["status"]) == {"completed"}

    @pytest.mark.parametrize(("returned", "expected"), [
        (np.float64(0.5), 0.5), (np.int64(3), 3.0), (np.bool_(True), True), (float("nan"), None), (None, None),
        (float("inf"), float("inf")), ("word", "word"), (0.1 + 0.2, 0.1 + 0.2), (2**60, 2.0**60),
    ], ids=repr)
    def test_what_a_measure_may_return(self, returned: Any, expected: Any, tmp_path: Path) -> None:
        """Numbers of any kind, truth values, words, and nothing; the same from a store."""
        frame = sweep(grid={}, measure=lambda run: returned, store=tmp_path / "s.db")
        values = frame["<lambda>"]
        assert set(frame["status"]) == {"completed"}
        assert all(same(value, expected) for value in values)
        assert all(isinstance(value, bool | np.bool_) for value in values) == isinstance(expected, bool)
        assert ts.load_sweep(tmp_path / "s.db")["<lambda>"].equals(values)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"grid": {"D": [50]}}, ValueError, "grid: 'D' is not a field; there are activation, bias, d, d_over_n2"),
        ({"grid": {"kappa": [0.1], "lr": [0.1]}}, ValueError, "give only one of kappa and lr, the former sets lr"),
        ({"grid": {"kappa": [-0.1]}}, ValueError, "no cell is valid; .*kappa=-0.1: must be finite and in"),
        ({"grid": {"d": 50}}, TypeError, r"grid\['d'\]=50: must be a sequence"),
        ({"grid": {"d": []}}, ValueError, r"grid\['d'\]: must have at least one"),
        ({"grid": {"d": [50, 60, 50]}}, ValueError, r"grid\['d'\].*twice"),
        ({"grid": {"d": "50"}}, TypeError, r"grid\['d'\]='50': must be a sequence"),
        ({"grid": [50]}, TypeError, r"grid=\[50\]: must be a mapping"),
        ({"grid": {"std": [0.1]}}, ValueError, "grid: 'std' is not a field; there are .* of the problem and .*label"),
        ({"algorithms": {}}, TypeError, "algorithms={}: must be a non-empty mapping"),
        ({"algorithms": {"GD": 0.1}}, TypeError, r"algorithms\['GD'\]=0.1: must be a GradientDescent"),
        ({"problem": 3}, TypeError, "problem=3: must be a SignalNoise"),
        ({"steps": -1}, ValueError, "steps=-1: must be an integer >= 0"),
        ({"seeds": 0}, ValueError, "seeds=0: must be an integer >= 1"),
        ({"seeds": [1, 1]}, ValueError, r"seeds=\[1, 1\]: must be at least one, each only once"),
        ({"seeds": []}, ValueError, r"seeds=\[\]"),
        ({"measure": "loss"}, ValueError, "measure='loss': must be one of test_error, .*train_loss.*huang2025"),
        ({"measure": 3}, TypeError, "measure=3: must be a name"),
        ({"measure": []}, ValueError, "measure: must name at least one"),
        ({"measure": ["T1", "T1"]}, ValueError, "measure: 'T1' occurs twice"),
        ({"precision": "half"}, ValueError, "precision='half'"),
        ({"random_numbers": "mine"}, ValueError, "random_numbers='mine': must be one of 'independent', 'common'"),
        ({"executor": "gpu"}, ValueError, "executor='gpu'"),
        ({"executor": 3}, TypeError, r"executor=3: must be 'threads', 'processes' or have a method submit\(\)"),
        ({"workers": 0}, ValueError, "workers=0: must be an integer >= 1"),
        ({"executor": ThreadPoolExecutor(1), "workers": 2}, ValueError, "workers=2: executor= brings its own"),
        ({"progress": 1}, TypeError, "progress=1: must be True or False"),
        ({"delta": 2}, ValueError, "delta=2: must be"),
    ],
)
def test_bad_input(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    """Each names the argument, the value and what is allowed."""
    with pytest.raises(error, match=message):
        sweep(**arguments)


class TestProgress:
    """Nothing is shown unless asked."""

    @pytest.mark.parametrize("executor", ["threads", "processes"])
    def test_off(self, executor: str, capfd: pytest.CaptureFixture[str]) -> None:
        """By no kind of worker either."""
        sweep(executor=executor, workers=2)
        assert capfd.readouterr() == ("", "")

    def test_on(self, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        """On stderr: runs made and wanted, those that failed, and the whole of the work."""
        shown = sweep(progress=True, measure=["train_loss", moody], store=tmp_path / "s.db")
        printed = capfd.readouterr()
        assert printed.out == "" and "sweep" in printed.err
        assert "24/24 runs, 8 failed" in printed.err and "100%" in printed.err
        assert_same(shown, sweep(measure=["train_loss", moody]))
        sweep(progress=True, measure=["train_loss", moody], store=tmp_path / "s.db")
        assert "24/24 runs, 8 failed" in capfd.readouterr().err, "what is there already counts"


def by_hand() -> pd.DataFrame:
    """A table as sweep() returns it, with all kinds of measures and statuses."""
    rows = [
        (10, "GD", 0, "completed", 1.0, 5.0, True, "holds", 7.0),
        (10, "GD", 1, "completed", 2.0, np.nan, False, "violated", 7.0),
        (10, "GD", 2, "completed", 6.0, 9.0, True, "outside regime", 7.0),
        (10, "GD", 3, "diverged", np.nan, np.nan, None, None, 7.0),
        (5, "GD", 0, "completed", 4.0, 3.0, False, "not reached", 8.0),
        (5, "GD", 1, "failed", np.nan, np.nan, None, None, 8.0),
        (1, "GD", 0, "invalid", np.nan, np.nan, None, None, np.nan),
    ]
    columns = ["d", "algorithm", "seed", "status", "loss", "T2", "good", "law", "m"]
    frame = pd.DataFrame(rows, columns=columns)
    frame.insert(4, "reason", "")
    frame.attrs = {"axes": ["d"], "measures": ["loss", "T2", "good", "law"]}
    return frame


def exact(hits: int, trials: int) -> list[float]:
    """Share and Clopper–Pearson interval, from SciPy."""
    between = binomtest(hits, trials).proportion_ci(0.95, method="exact")
    return [hits / trials, between.low, between.high]


class TestSummarise:
    """Means with standard errors, shares with exact intervals."""

    def test_by_hand(self) -> None:
        """Every column of a table with every kind of measure."""
        table = ts.summarise(by_hand())
        assert table[["d", "algorithm", "runs", "completed", "failed"]].to_numpy().tolist() == [
            [10, "GD", 4, 3, 1], [5, "GD", 2, 1, 1], [1, "GD", 1, 0, 1]]
        ten, five, one = (row for _, row in table.iterrows())
        assert ten["loss"] == pytest.approx(3.0) and ten["loss_count"] == 3
        assert ten["loss_se"] == pytest.approx(np.std([1, 2, 6], ddof=1) / 3**0.5)
        assert (ten["T2"], ten["T2_count"]) == (7.0, 2) and ten["T2_se"] == pytest.approx(2.0)
        np.testing.assert_allclose(ten[["T2_reached", "T2_reached_low", "T2_reached_high"]].tolist(), exact(2, 3))
        np.testing.assert_allclose(ten[["good", "good_low", "good_high"]].tolist(), exact(2, 3))
        np.testing.assert_allclose(ten[["law", "law_low", "law_high"]].tolist(), exact(1, 2))
        assert (ten["law_count"], ten["m"]) == (2, 7.0)
        assert (five["loss"], five["good"], five["law_count"]) == (4.0, 0.0, 0) and np.isnan(five["loss_se"])
        np.testing.assert_allclose(five[["good_low", "good_high"]].tolist(), exact(0, 1)[1:])
        assert np.isnan(five["law"]) and (five["law_low"], five["law_high"]) == (0.0, 1.0)
        assert np.isnan(one["loss"]) and np.isnan(one["m"])
        assert table.attrs == {"axes": ["d"], "measures": ["loss", "T2", "good", "law"]}

    def test_by(self) -> None:
        """Over all d, or for every seed."""
        table = ts.summarise(by_hand(), by=["algorithm"])
        assert len(table) == 1 and (table["runs"][0], table["completed"][0], table["loss"][0]) == (7, 4, 13 / 4)
        assert len(ts.summarise(by_hand(), by=["d", "algorithm", "seed"])) == 7

    def test_of_a_sweep(self, tmp_path: Path) -> None:
        """A row per cell in its order, the same from a store, and from a CSV file once it is told the cells."""
        frame = sweep(store=tmp_path / "s.db")
        table = ts.summarise(frame)
        assert len(table) == 8 and (table["runs"] == 3).all()
        groups = frame.groupby([*GRID, "algorithm"], sort=False)
        assert table[[*GRID, "algorithm"]].equals(groups.size().reset_index()[[*GRID, "algorithm"]])
        for name in ("test_error", "train_loss", OBSERVABLE, "spread"):
            np.testing.assert_allclose(table[name], groups[name].mean().to_numpy(), rtol=1e-12)
            np.testing.assert_allclose(
                table[f"{name}_se"], [np.std(group[name], ddof=1) / 3**0.5 for _, group in groups], rtol=1e-9)
        hits = [int(group["learned"].sum()) for _, group in groups]
        np.testing.assert_allclose(table[["learned", "learned_low", "learned_high"]], [exact(one, 3) for one in hits])
        assert table["signal_norm"].tolist() == frame["signal_norm"].tolist()[::3]
        loaded = ts.summarise(ts.load_sweep(tmp_path / "s.db"))
        pd.testing.assert_frame_equal(loaded[list(table.columns)], table, check_exact=True)

        frame.to_csv(tmp_path / "s.csv", index=False)
        again = pd.read_csv(tmp_path / "s.csv")
        with pytest.raises(ValueError, match="by=None: this table does not say what its axes are"):
            ts.summarise(again)
        told = ts.summarise(again, by=[*GRID, "algorithm"])
        for name in ("test_error", "train_loss", OBSERVABLE, "spread"):
            columns = [*GRID, "algorithm", "runs", "completed", "failed", name, f"{name}_se", f"{name}_count"]
            pd.testing.assert_frame_equal(told[columns], table[columns], rtol=1e-12)

    @pytest.mark.parametrize("by", [["D"], ["d", "algo"], []])
    def test_bad_by(self, by: list[str]) -> None:
        """A column that is not there is named, with those that are."""
        with pytest.raises(ValueError, match=r"by=.*must name columns of the table, which are d, algorithm, seed"):
            ts.summarise(by_hand(), by=by)

    def test_words_and_nothing(self) -> None:
        """A measure that is a word for some seeds and nothing for others is still one of words."""
        frame = by_hand()
        frame.loc[1, "law"] = None
        table = ts.summarise(frame)
        np.testing.assert_allclose(table[["law", "law_low", "law_high"]].iloc[0].tolist(), exact(1, 1))


SETUP = """
import os, sys, time
import theorysim as ts

def slow(run):
    time.sleep(float(os.environ.get("PAUSE", 0)))
    return float(run.column("train_loss")[-1])

def study(**more):
    problem = ts.SignalNoise(n=4, d=60, m=2, signal_norm=1.0, noise_std=0.5, init_std=0.1)
    algorithms = {"GD": ts.GradientDescent(0.5), "noisy": ts.GradientDescent(0.5, ts.Flip(0.1))}
    usual = {"grid": {"d": [50, 60, 70], "n_snr2": [0.1, 1.0]}, "algorithms": algorithms, "steps": 10, "seeds": 8,
             "measure": ["test_error", slow], "n_test": 40}
    return ts.sweep(problem, **usual | more)
"""
MAIN = """
from theorysim.sweep import execution
execution.BATCH_RUNS = 2
frame = study(store=sys.argv[1], executor=sys.argv[2], workers=2)
print(len(frame), frame.attrs["complete"])
"""


def namespace() -> dict[str, Any]:
    """What a child process runs, in this process."""
    names: dict[str, Any] = {"__name__": "__main__"}  # functions of which are sent to workers whole
    exec(SETUP, names)
    return names


def child(store: Path, executor: str, pause: float, script: str = SETUP + MAIN) -> "subprocess.Popen[str]":
    """A process that sweeps, in a session of its own; a run takes at least the pause."""
    return subprocess.Popen(
        [sys.executable, "-c", script, str(store), executor], env=os.environ | {"PAUSE": str(pause)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )


def stored(store: Path) -> int:
    """Runs in a store, 0 while there is none."""
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM runs").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def wait_for_rows(process: "subprocess.Popen[str]", store: Path, rows: int) -> bool:
    """Wait until there are so many, and never fewer than before; False if the process ended first."""
    seen = 0
    while process.poll() is None:
        before, seen = seen, stored(store)
        assert seen >= before, "stored runs are lost"
        if seen >= rows:
            return True
        time.sleep(0.005)
    return False


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_ctrl_c_of_a_terminal(executor: str, tmp_path: Path) -> None:
    """It reaches all processes; the first returns what there is, none complains, and the rest is made later."""
    expected, store = namespace()["study"](), tmp_path / "s.db"
    process = child(store, executor, pause=0.05)
    assert wait_for_rows(process, store, 6), process.communicate()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    rows, complete = out.split()
    assert complete == "False" and 6 <= int(rows) < len(expected)
    part = ts.load_sweep(store)
    assert len(part) == int(rows) and set(part["status"]) == {"completed"}
    assert_same(namespace()["study"](store=store), expected)
