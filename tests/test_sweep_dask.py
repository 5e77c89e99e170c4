"""Sweeps on a Dask cluster of this machine: the same table, also when its workers are killed."""

import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
import pandas as pd
import pytest
from dask.distributed import Client, LocalCluster
from test_sweep import assert_same, plain, spread, sweep

import theorysim as ts
from theorysim.sweep import execution


@pytest.fixture(autouse=True, scope="module")
def _small_batches() -> Iterator[None]:
    """Small sweeps in many batches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execution, "BATCH_RUNS", 2)
        yield


@contextmanager
def cluster(folder: Path, allowed_failures: int = 3) -> Iterator[Executor]:
    """The executor of two worker processes; they die silently."""
    plain()  # compiled once, by this process, for all
    with dask.config.set({"distributed.scheduler.allowed-failures": allowed_failures}), LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", local_directory=str(folder),
        silence_logs=logging.CRITICAL,
    ) as local, Client(local) as client:
        yield client.get_executor()


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Executor]:
    """One cluster for the tests that leave it as it is."""
    with cluster(tmp_path_factory.mktemp("dask")) as made:
        yield made


def fatal(seed: int, marks: Path | None) -> Callable[[ts.Run], float]:
    """A measure at which its own process dies for one seed; only the first time when there is a place for marks."""
    import os  # what is sent to workers brings its own

    def deadly(run: ts.Run) -> float:
        if run.seed == seed and run.algorithm.label_noise is None:
            try:
                if marks is not None:
                    os.close(os.open(marks / "died", os.O_CREAT | os.O_EXCL))
                os.kill(os.getpid(), 9)
            except FileExistsError:
                pass
        return float(run.column("train_loss")[-1])

    return deadly


def pid_of_worker() -> Callable[[ts.Run], str]:
    """A measure that says where it was taken."""
    import os

    return lambda run: str(os.getpid())


def test_the_same_table(executor: Executor, tmp_path: Path) -> None:
    """As on one thread, to the bit, with and without a store; nothing is kept from one call to the next."""
    assert_same(sweep(executor=executor), plain())
    assert_same(sweep(executor=executor, store=tmp_path / "s.db"), plain())
    loaded = ts.load_sweep(tmp_path / "s.db")
    pd.testing.assert_frame_equal(loaded[list(plain().columns)], plain(), check_exact=True)


def test_it_was_the_cluster(executor: Executor) -> None:
    """Both workers had their share, and this process none."""
    places = set(sweep(executor=executor, measure=pid_of_worker(), seeds=10)["<lambda>"])
    assert len(places) == 2 and str(os.getpid()) not in places


def test_failures_are_rows(executor: Executor) -> None:
    """What a measure raises on the cluster is the reason of its row."""
    frame = sweep(executor=executor, measure=["train_loss", lambda run: 1 / (run.seed - 1)])
    failed = frame["seed"] == 1
    assert set(frame["status"][failed]) == {"failed"} and frame["reason"][failed].str.contains("ZeroDivision").all()
    assert frame["train_loss"][~failed].equals(plain()["train_loss"][~failed])


@pytest.mark.parametrize("allowed_failures", [3, 0], ids=["moved", "given up"])
def test_a_worker_that_is_killed(allowed_failures: int, tmp_path: Path) -> None:
    """By SIGKILL in mid-sweep: the cluster moves its work, or gives it up and the sweep sends it again."""
    options: dict[str, Any] = {"seeds": 4, "measure": ["test_error", spread]}
    options["measure"].append(fatal(1, tmp_path))
    with cluster(tmp_path, allowed_failures) as executor:
        found = sweep(executor=executor, store=tmp_path / "s.db", **options)
    assert (tmp_path / "died").exists()
    options["measure"][-1] = fatal(-1, None)
    assert_same(found, sweep(**options))


def test_a_run_that_kills_its_worker(tmp_path: Path) -> None:
    """Every time: it alone failed."""
    grid = {"d": [50]}
    with cluster(tmp_path, 0) as executor:
        found = sweep(executor=executor, grid=grid, measure=["train_loss", fatal(1, None)])
    expected = sweep(grid=grid, measure=["train_loss", fatal(-1, None)])
    lost = (found["seed"] == 1) & (found["algorithm"] == "GD")
    assert lost.sum() == 1 and set(found["status"][lost]) == {"failed"}
    assert found["reason"][lost].str.contains("worker died").all()
    pd.testing.assert_frame_equal(found[~lost], expected[~lost], check_exact=True)
