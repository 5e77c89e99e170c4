"""Every rule, activation, loss, readout and kind of data: killed, interrupted, stopped and resumed, bit for bit.

Sweeps and runs on disk die by SIGKILL at random moments, runs in memory are ended by SIGINT, by Ctrl-C before any chunk
and by a condition. All rules share a process, so that few kills are enough for all.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Iterator

import numpy as np
import pandas as pd
import pytest
from all_systems import (
    BY_LAW, SEED, Case, assert_same_run, control_c, images, one_step_chunks, only_gram,
)
from rule_cases import ACTIVATIONS, PROBLEM
from test_rules import IN_PARTS, MIXED, NORMALISED, RULES
from test_sweep import assert_same, stored
from test_sweep_crash import workers_of

import theorysim as ts
from theorysim.sweep import execution

STEPS = 120  # beyond what rules and schedules above change at
KILLS = 6
SOFT = replace(MIXED, lr=0.03, momentum=0.0)
CLIENTS = {
    "clients": ts.GradientDescent(0.1, ts.Flip(0.2), clients=2),
    "clients, momentum": ts.GradientDescent(0.1, clients=3, local_steps=7, momentum=0.8, nesterov=True),
    "clients, all": ts.GradientDescent(
        ts.Cosine(0.1, 50), ts.Gaussian(1, 0.5), clients=5, local_steps=4, momentum=0.5, dampening=0.3,
        weight_decay=0.01, sam_radius=0.05, dropout=0.2, clip_norm=0.5, label_smoothing=0.1, train_readout=True),
}
ALL = {**IN_PARTS, **CLIENTS}
WIDE = PROBLEM.replace(n=150, m=8, d=400)


def _cases() -> dict[str, Case]:
    """Each a setting of its own; rules that draw from a seed do so over a block's end."""
    made = {name: Case(PROBLEM, rule, {"draw": "vectors"}) for name, rule in ALL.items()}
    for d in (40, 10**6):
        for name in ("weight noise", "weight noise, momentum", "mixed"):
            problem = PROBLEM.replace(d=d, noise_std=0.5 * (12 / d) ** 0.5)
            made[f"{name}, Wishart in {d}"] = Case(problem, ALL[name], {"draw": "wishart"})
    for activation in ACTIVATIONS:
        made[str(activation)] = Case(PROBLEM.replace(activation=activation), SOFT)
    for loss in ("logistic", "exponential", "hinge", "squared"):
        for reduction in ("mean", "sum"):
            made[f"{loss}, {reduction}"] = Case(PROBLEM.replace(loss=loss, reduction=reduction), SOFT)
    made["readout"] = Case(PROBLEM.replace(readout=(1.0, 0.0, -0.3, 2.0)), SOFT)
    made["readout, fixed"] = Case(PROBLEM.replace(readout=(1.0, 0.5, -0.3, 2.0)), replace(SOFT, train_readout=False))
    for name, problem in (("by law", BY_LAW), ("images", images()), ("Gram", only_gram())):
        made[name] = Case(problem, SOFT)
        made[f"{name}, clients"] = Case(problem, replace(CLIENTS["clients, all"], lr=0.03, clients=3))
    for engine in ("weights", "paired", "auto"):
        for name, rule in (("mixed", MIXED), ("normalised", NORMALISED), ("decay", RULES["weight noise, decay"])):
            made[f"{name}, {engine}"] = Case(PROBLEM, rule, {"engine": engine})
    made["mixed, single"] = Case(PROBLEM, MIXED, {"precision": "single"})
    for name in ("plain", "mixed", "clients, momentum"):
        made[f"{name}, two threads"] = Case(WIDE, ALL[name], {"threads": 2})
    made["outputs"] = Case(PROBLEM, MIXED, {"observe": "outputs"})
    return made


CASES = _cases()
every_case = pytest.mark.parametrize("name", CASES)


def folder_of(path: Path) -> list[Path]:
    """A file for each case."""
    return [path / f"{place}.npz" for place in range(len(CASES))]


def simulate(case: Case, steps: int = STEPS, **keywords: Any) -> Any:
    """A run of a case."""
    return case.simulate(steps, **{"record_every": 20} | keywords)


@contextmanager
def child(function: str, *arguments: object) -> "Iterator[subprocess.Popen[str]]":
    """A process that calls a function of this module; at the end it is dead, and its workers too."""
    script = f"import sys; import test_rules_killed; test_rules_killed.{function}(*sys.argv[1:])"
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(ts.__file__).parents[1])])
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)], env=os.environ | {"PYTHONPATH": paths}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    try:
        yield process
    finally:
        process.kill()
        for pid in workers_of(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.communicate()


def wait_until(process: "subprocess.Popen[str]", condition: Any) -> None:
    """Until a condition holds; fails with what the process says if that ended before."""
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)


# --- sweeps -----------------------------------------------------------------------------------------------------------

SELECTED = {
    "mixed, selected": (MIXED, ts.SmallLossSelection(11, action="relabel")),
    "clients, selected": (CLIENTS["clients, momentum"], ts.OracleSelection(9, "downweight")),
    "normalised, best": (NORMALISED, ts.EarlyStopping(ts.BestValidation(20, 5, 3))),
    "momentum, stopped": (RULES["momentum"], ts.EarlyStopping(ts.LossBelow(0.6))),
}
SOME = {"plain": RULES["flips"], "mixed": SOFT, "normalised": NORMALISED, "clients": CLIENTS["clients, all"]}
SWEPT: dict[str, tuple[Any, dict[str, Any]]] = {
    "rules": (PROBLEM, ALL | SELECTED),
    "Wishart": (PROBLEM.replace(d=10**6, noise_std=0.5 * (12 / 10**6) ** 0.5), SOME),
    "by law": (BY_LAW, SOME),
    "exponential": (PROBLEM.replace(loss="exponential", activation=ts.Erf()), SOME),
    "hinge": (PROBLEM.replace(loss="hinge", activation=ts.LeakyReLU(), readout=(1.0, 0.5, -0.5, -1.0)), SOME),
    "squared": (PROBLEM.replace(loss="squared", reduction="sum", activation=ts.SmoothedLeakyReLU(0.1, 0.3)),
                {"mixed": replace(SOFT, lr=0.01)}),
}


def spread(run: ts.Run) -> float:
    """A measure of one's own, which takes its time."""
    time.sleep(0.01)
    return float(np.ptp(run.coefficients))


def sweep(name: str, **more: Any) -> pd.DataFrame:
    """One of the sweeps."""
    problem, algorithms = SWEPT[name]
    return ts.sweep(problem, grid={"init_std": [0.1, 0.3]}, algorithms=algorithms, steps=20, seeds=2, n_test=30,
                    measure=["train_loss", "test_error", "stopped_at", spread], **more)


def sweep_all(folder: str, executor: str) -> None:
    """All of them, one after the other, each with its store."""
    execution.BATCH_RUNS = 2
    for name in SWEPT:
        sweep(name, store=Path(folder) / f"{name}.db", executor=executor, workers=2)


def rows_in(folder: Path) -> int:
    """Runs stored in all of them."""
    return sum(stored(one) for one in folder.glob("*.db"))


@cache
def undisturbed() -> dict[str, pd.DataFrame]:
    """Tables of sweeps that nothing happened to, without a store."""
    return {name: sweep(name, workers=1) for name in SWEPT}


@pytest.mark.compiled
def test_killed_sweeps(tmp_path: Path) -> None:
    """At random moments, on threads and processes in turn; what is stored is never lost, and tables are exact."""
    expected = undisturbed()
    total, rng, before = sum(map(len, expected.values())), np.random.default_rng(11), 0
    assert all(set(table["status"]) <= {"completed", "stopped"} for table in expected.values())
    for kill in range(KILLS):
        with child("sweep_all", tmp_path, "processes" if kill % 3 == 2 else "threads") as process:
            goal = before + int(rng.integers(1, 1.5 * (total - before) / (KILLS + 1 - kill)))
            wait_until(process, lambda least=goal: rows_in(tmp_path) >= least)
            time.sleep(rng.uniform(0, 0.02))
            seen = rows_in(tmp_path)
            process.kill()
            assert process.wait() == -signal.SIGKILL, "it was killed before its end"
        now = rows_in(tmp_path)
        assert now >= seen > before, "nothing that was seen is lost, and every life adds something"
        before = now
    assert before < total, "it never came to its end"
    columns = ["init_std", "algorithm", "seed", "train_loss", "test_error", "spread"]
    for path in tmp_path.glob("*.db"):
        part = ts.load_sweep(path)[columns]
        assert len(part.merge(expected[path.stem][columns])) == len(part), "every stored row is one of the table"
    for name, table in expected.items():
        assert_same(sweep(name, store=tmp_path / f"{name}.db", workers=1), table)


# --- runs on disk -----------------------------------------------------------------------------------------------------


PARTS = (26, 53, 74, STEPS)


def go_on(folder: str) -> None:
    """Every case some steps further and saved, in turn, until all are at their end; a byte for every file written."""
    with (Path(folder) / "saved").open("ab", buffering=0) as saved:
        for part in PARTS:
            for case, path in zip(CASES.values(), folder_of(Path(folder)), strict=True):
                run = ts.load_run(path) if path.exists() else simulate(case, 0)
                if run.steps < part:
                    ts.resume(run, part - run.steps).save(path)
                    saved.write(b".")


@pytest.mark.compiled
def test_killed_while_they_are_saved(tmp_path: Path) -> None:
    """Whenever the process is killed, every file is a whole run; from there the rest is that of the straight run."""
    rng, before, total, saved = np.random.default_rng(5), 0, len(PARTS) * len(CASES), tmp_path / "saved"
    saved.touch()
    for kill in range(KILLS):
        with child("go_on", tmp_path) as process:
            goal = before + int(rng.integers(1, 1.5 * (total - before) / (KILLS + 1 - kill)))
            wait_until(process, lambda least=goal: saved.stat().st_size >= least)
            time.sleep(rng.uniform(0, 0.02))
            process.kill()
            assert process.wait() == -signal.SIGKILL, "it was killed before its end"
        before = saved.stat().st_size
    ends = set()
    for case, path in zip(CASES.values(), folder_of(tmp_path), strict=True):
        run = ts.load_run(path) if path.exists() else simulate(case, 0)
        ends.add(run.steps)
        assert_same_run(ts.resume(run, STEPS - run.steps), simulate(case))
    assert before < total and len(ends) > 1 and ends <= {0, *PARTS}


# --- runs in memory ---------------------------------------------------------------------------------------------------

ENDLESS = 10**6
WITHOUT_END = [name for name, case in CASES.items()
               if not isinstance(case.algorithm.lr, ts.Values) and case.keywords.get("observe") is None]


def run_on(folder: str) -> None:
    """Each case until Ctrl-C, with a file once it is under way and one of the run when it has ended."""
    for place, name in enumerate(WITHOUT_END):
        mark = Path(folder) / f"{place}.begun"

        def under_way(seen: Any, mark: Path = mark) -> Any:
            mark.touch()
            return np.zeros(len(seen["step"]), dtype=bool)

        CASES[name].simulate(ENDLESS, record_at=(), observables_every=1000, until=under_way).save(
            mark.with_suffix(".npz"))


@pytest.mark.compiled
def test_interrupted_by_a_signal(tmp_path: Path) -> None:
    """SIGINT at a random moment ends each run with what was done; saved, loaded and resumed it is the straight one."""
    rng = np.random.default_rng(3)
    with child("run_on", tmp_path) as process:
        for place in range(len(WITHOUT_END)):
            wait_until(process, (tmp_path / f"{place}.begun").exists)
            time.sleep(rng.uniform(0, 0.02))
            os.kill(process.pid, signal.SIGINT)
            wait_until(process, lambda made=place: process.poll() == 0 or (tmp_path / f"{made}.npz").exists())
        assert process.wait() == 0, process.communicate()
    ends = []
    for place, name in enumerate(WITHOUT_END):
        run = ts.load_run(tmp_path / f"{place}.npz")
        assert (run.status, run.stopped_at) == ("interrupted", run.steps)
        ends.append(run.steps)
        straight = CASES[name].simulate(run.steps + 30, record_at=[run.steps], observables_every=1000)
        assert_same_run(ts.resume(run, 30), straight)
    assert max(ends) < ENDLESS and len(set(ends)) > 8, "Ctrl-C is heeded between chunks"


@pytest.mark.compiled
@every_case
def test_interrupted_and_stopped_at_random(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ctrl-C at a random step, saved, again in the rest, then a condition that ends it: still the straight run."""
    case, straight = CASES[name], simulate(CASES[name])
    first, second, third = np.sort(np.random.default_rng(sum(map(ord, name))).choice(STEPS, 3, replace=False)).tolist()
    one_step_chunks(monkeypatch)
    with control_c(monkeypatch, first):
        run = simulate(case)
    assert (run.status, run.steps) == ("interrupted", first)
    run.save(tmp_path / "run.npz")
    with control_c(monkeypatch, second - first):
        run = ts.resume(ts.load_run(tmp_path / "run.npz"), STEPS - first)
    assert (run.status, run.steps) == ("interrupted", second)
    if run.observe == "all":
        run = ts.resume(run, STEPS - second, until=lambda seen: seen["step"] >= third)
        assert (run.status, run.steps) == ("stopped", third)
    assert_same_run(ts.resume(run, STEPS - run.steps), straight)


def test_cases_can_be_told_apart() -> None:
    """No run diverges, and hardly two are the same: that all is resumed says something of each."""
    ends = {name: simulate(case) for name, case in CASES.items()}
    assert all(run.status == "completed" and run.column("train_loss")[-1] > 0 for run in ends.values())
    alike: dict[bytes, set[str]] = {}
    for name, run in ends.items():
        alike.setdefault(run.inner.tobytes(), set()).add(name)
    same = [{"plain", "constant"}, {"q=2", "logistic, mean"}, {"q=1", "LeakyReLU(slope=0.0)"},
            {"SignedPower(q=1.0)", "Monomial(q=1)", "Identity()"}, {"mixed, paired", "mixed, auto", "outputs"}]
    for names in alike.values():
        rest = {name.partition(",")[0] for name in names if "paired" in name or "auto" in name}
        assert len(names) == 1 or len(rest) == 1 or any(names >= one for one in same), names
    assert SEED != 0 and ends["plain, two threads"].threads == 2
