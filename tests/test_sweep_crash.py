"""Sweeps that are killed: processes, workers and measures that die by SIGKILL, and two sweeps on one store."""

import os
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from test_sweep import SETUP, assert_same, child, namespace, stored, sweep, wait_for_rows

import theorysim as ts
from theorysim.sweep import execution

KILLS = 12
MANY: dict[str, Any] = {"seeds": 30}
SCRIPT = SETUP + """
from theorysim.sweep import execution
execution.BATCH_RUNS = 2
frame = study(store=sys.argv[1], executor=sys.argv[2], workers=2, seeds=30)
print(len(frame), frame.attrs["complete"])
"""


@pytest.fixture(autouse=True, scope="module")
def _small_batches() -> Iterator[None]:
    """Small sweeps in many batches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execution, "BATCH_RUNS", 2)
        yield


def study(**more: Any) -> pd.DataFrame:
    """What the processes that are killed sweep, here."""
    return namespace()["study"](**MANY | more)


@contextmanager
def sweeping(store: Path, executor: str = "threads", pause: float = 0.02) -> "Iterator[subprocess.Popen[str]]":
    """A process that sweeps; at the end it is dead, whatever happened, and its workers too."""
    process = child(store, executor, pause, SCRIPT)
    try:
        yield process
    finally:
        process.kill()
        for pid in workers_of(process.pid):  # only these: what cleans up after them ends by itself
            os.kill(pid, signal.SIGKILL)
        process.communicate()


def workers_of(session: int) -> list[int]:
    """Worker processes of a session that are not zombies."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state, _, _, theirs = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
                command = (folder / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):  # it ended while we looked
                continue
            if int(theirs) == session and state != "Z" and b"popen_loky" in command:
                found.append(int(folder.name))
    return found


def test_killed_again_and_again(tmp_path: Path) -> None:
    """At random moments, on threads and processes in turn: nothing stored is lost, and the table is exact.

    On processes only the first process is killed, as the kernel would when memory is short: its workers live on for a
    while, and must not be in the way of the next.
    """
    expected, store = study(), tmp_path / "s.db"
    rng = np.random.default_rng(7)
    before = 0
    for kill in range(KILLS):
        executor = "processes" if kill % 4 == 3 else "threads"
        with sweeping(store, executor) as process:
            assert wait_for_rows(process, store, before + 1), process.communicate()
            time.sleep(rng.uniform(0, 0.1))
            seen = stored(store)
            assert process.poll() is None, "it was killed before its end"
            process.kill()
            assert process.wait() == -signal.SIGKILL
        now = stored(store)
        assert now >= seen > before, "nothing that was seen is lost, and every life adds something"
        before = now
    assert before < len(expected), "it never came to its end"
    part = ts.load_sweep(store)
    assert len(part) == before and set(part["status"]) == {"completed"}
    assert len(part.merge(expected)) == before, "every stored row is one of the table"
    assert_same(study(store=store), expected)


def test_killed_at_once(tmp_path: Path) -> None:
    """Before it stored anything, while the file is made: the store is usable."""
    for wait in (0.0, 0.02, 0.05):
        store = tmp_path / f"{wait}.db"
        with sweeping(store) as process:
            while process.poll() is None and not store.exists():
                time.sleep(0.001)
            time.sleep(wait)
            process.kill()
            process.wait()
        with closing(sqlite3.connect(store)) as file:
            prepared = file.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if prepared:  # else it is refused as empty, see test_an_empty_file_is_no_sweep
            assert len(ts.load_sweep(store)) == stored(store)
        assert_same(study(store=store, seeds=2), study(seeds=2))


def test_two_on_one_store(tmp_path: Path) -> None:
    """The second is refused and told by whom; the first goes on as if alone."""
    store = tmp_path / "s.db"
    with sweeping(store, pause=0.03) as first:
        assert wait_for_rows(first, store, 1), first.communicate()
        with pytest.raises(ValueError, match=f"s.db': is in use by process {first.pid} on "):
            study(store=store)
        with sweeping(store) as second:
            err = second.communicate(timeout=60)[1]
            assert second.returncode == 1 and f"ValueError: store='{store}': is in use by process {first.pid}" in err
        assert stored(store) < len(study()), "the first was still at it"
        assert first.poll() is None
        out, err = first.communicate(timeout=120)
    assert (first.returncode, out.split(), err) == (0, [str(len(study())), "True"], "")
    assert_same(study(store=store), study())


def test_a_store_is_free_once_its_holder_is_dead(tmp_path: Path) -> None:
    """At once, although workers of a killed process may still be there."""
    store = tmp_path / "s.db"
    with sweeping(store, "processes", pause=0.3) as process:
        assert wait_for_rows(process, store, 1), process.communicate()
        process.kill()
        process.wait()
        assert workers_of(process.pid)
        assert_same(study(store=store, seeds=2), study(seeds=2))


def fatal(victim: dict[str, Any], marks: Path | None = None) -> Callable[[ts.Run], float]:
    """A measure at which its own process dies for one run; only the first time when there is a place for marks."""
    import os  # what is sent to workers brings its own

    def deadly(run: ts.Run) -> float:
        if all(getattr(run if name == "seed" else run.problem, name) == value for name, value in victim.items()):
            try:
                if marks is not None:
                    os.close(os.open(marks / "died", os.O_CREAT | os.O_EXCL))
                os.kill(os.getpid(), 9)
            except FileExistsError:
                pass
        return float(run.column("train_loss")[-1])

    return deadly


@pytest.mark.parametrize("batch", [2, 8])
def test_a_worker_that_is_killed(batch: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of a sweep: as if nothing had happened, in the store as well."""
    monkeypatch.setattr(execution, "BATCH_RUNS", batch)
    options: dict[str, Any] = {"measure": ["test_error", fatal({"d": 50, "seed": 1}, tmp_path)]}
    expected = sweep(measure=["test_error", fatal({"d": -1})])
    found = sweep(executor="processes", workers=2, store=tmp_path / "s.db", **options)
    assert (tmp_path / "died").exists()
    assert_same(found, expected)
    loaded = ts.load_sweep(tmp_path / "s.db")
    pd.testing.assert_frame_equal(loaded[list(found.columns)], found, check_exact=True)


def test_a_worker_killed_from_outside(tmp_path: Path) -> None:
    """At any moment; a process sweeps on with a new worker."""
    store = tmp_path / "s.db"
    with sweeping(store, "processes", pause=0.01) as process:
        for rows in (1, 60):
            assert wait_for_rows(process, store, rows), process.communicate()
            os.kill(workers_of(process.pid)[0], signal.SIGKILL)
        out, _ = process.communicate(timeout=120)
    assert (process.returncode, out.split()) == (0, [str(len(study())), "True"])
    loaded, expected = ts.load_sweep(store), study()
    pd.testing.assert_frame_equal(loaded[list(expected.columns)], expected, check_exact=True)


def deadly_once(run: ts.Run) -> float:
    """The same, for executors to which only functions of a module can be sent."""
    return fatal({"d": 50, "seed": 1}, Path(os.environ["MARKS"]))(run)


def test_a_pool_of_ones_own_that_breaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be mended: what it did not return failed, for that reason, and is made by the next call."""
    monkeypatch.setenv("MARKS", str(tmp_path))
    store, measure = tmp_path / "s.db", ["test_error", deadly_once]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        found = sweep(measure=measure, executor=pool, store=store)
    (tmp_path / "died").touch()
    expected = sweep(measure=measure)
    failed = found["status"] == "failed"
    assert failed.any() and found["reason"][failed].str.contains("BrokenProcessPool").all()
    pd.testing.assert_frame_equal(found[~failed], expected[~failed], check_exact=True)
    assert_same(sweep(measure=measure, store=store), expected)


def test_a_run_that_kills_its_worker(tmp_path: Path) -> None:
    """Every time: it failed, for a reason, and takes no other with it."""
    store, grid = tmp_path / "s.db", {"d": [50, 60, 200]}
    measure = ["test_error", fatal({"d": 50, "seed": 1})]
    found = sweep(grid=grid, measure=measure, executor="processes", workers=2, store=store)
    expected = sweep(grid=grid, measure=["test_error", fatal({"d": -1})])
    lost = (found["d"] == 50) & (found["seed"] == 1)
    assert lost.sum() == 2, "with either algorithm"
    assert set(found["status"][lost]) == {"failed"} and found.attrs["complete"]
    assert found["reason"][lost].str.contains("worker died").all()
    assert found.loc[lost, ["test_error", "deadly"]].isna().all(axis=None)
    pd.testing.assert_frame_equal(found[~lost], expected[~lost], check_exact=True)
    assert (ts.load_sweep(store)["status"] == "failed").sum() == 2


def test_what_cannot_be_sent() -> None:
    """A measure that no other process can be given fails its runs, with a reason."""
    lock = threading.Lock()
    frame = sweep(measure=["train_loss", lambda run: float(lock.locked())], executor="processes", workers=2, seeds=1)
    assert set(frame["status"]) == {"failed"} and frame["reason"].str.contains("pickle").all()
