"""A system of one's own: scalar least squares under SGD, in this file alone, works with every verb."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import theorysim as ts
from theorysim.cli import main
from theorysim.core.loop import Ending, Stepper
from theorysim.core.rows import Rows
from theorysim.core.run import RowsRun, Times
from theorysim.core.seeds import generator
from theorysim.core.system import System
from theorysim.systems import SYSTEMS
from theorysim.theory.law import Law
from theorysim.theory.paper import _REGISTERED, Paper
from theorysim.theory.statement import Sense, Statement


@dataclass(frozen=True)
class Scalar:
    """y = x θ + noise, x ~ N(0, 1): learn θ."""

    target: float = 2.0
    noise: float = 0.0


@dataclass(frozen=True)
class ScalarSGD:
    """w ← w − η x(xw − y)."""

    lr: float


@dataclass(frozen=True)
class ScalarTimes(Times):
    """When |w − θ| is first below a tenth of θ."""

    close: float


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ScalarRun(RowsRun):
    """w at the recorded steps."""

    weights: Any

    PER_RECORD = ("steps_recorded", "weights")
    HEADLINE = ("error",)

    def stage_times(self) -> ScalarTimes:
        """When what happened."""
        near = self.column("error") < 0.1 * abs(self.problem.target)
        return ScalarTimes(float(self.steps_observed[np.argmax(near)]) if near.any() else float("nan"))


class ScalarStepper(Stepper):
    """One weight; every step is observed."""

    def __init__(self, problem: Scalar, algorithm: ScalarSGD, seed: int, step: int, weight: float) -> None:
        super().__init__(problem, algorithm, None, seed, "exact", step)
        self.weight, self.table = weight, Rows(1)
        self.last = self._row(step)

    def _row(self, step: int) -> Any:
        row = np.array([[abs(self.weight - self.problem.target)]])
        self.table.write(step, row)
        return {"step": np.array([float(step)]), "error": row[0]}

    def chunk_end(self) -> int:
        return self.step + 1

    def advance(self, stop: int) -> int:
        rng = generator(self.seed, 999, self.step)  # type: ignore[arg-type]
        x, noise = rng.standard_normal(2)
        self.weight -= self.algorithm.lr * x * (x * (self.weight - self.problem.target) - self.problem.noise * noise)
        if not abs(self.weight) < 1e100:
            return self.step
        self.step += 1
        self.last = self._row(self.step)
        return self.step

    def rows(self, first: int, last: int) -> Any:
        return self.last

    def state(self) -> Any:
        return self.step, self.weight

    def restore(self, state: Any) -> None:
        self.step, self.weight = state
        self.last = self._row(self.step)

    def snapshot(self) -> dict[str, Any]:
        return {"weights": np.array(self.weight)}

    def result(self, ending: Ending) -> ScalarRun:
        return ScalarRun(**self.common(ending, self.table.steps), rows=self.table.rows, observed_at=self.table.steps,
                         columns=("error",), weights=ending.records["weights"])


class ScalarOptions:
    """theorysim scalar."""

    command, help, description, examples = "scalar", "train one weight", "Least squares by SGD.", ""

    def add(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--lr", type=float, default=0.1)

    def setting(self, given: argparse.Namespace) -> tuple[Any, Any, dict[str, Any]]:
        return Scalar(), ScalarSGD(given.lr), {}

    def lines(self, run: Any) -> list[str]:
        return [f"weight {run.weights[-1]:.3f}"]


SCALAR = System(
    name="scalar", problems=(Scalar,), algorithms=(ScalarSGD,), run=ScalarRun,
    start=lambda problem, algorithm, steps, seed, *, engine: ScalarStepper(problem, algorithm, seed, 0, 0.0),
    proceed=lambda run, end: ScalarStepper(run.problem, run.algorithm, run.seed, run.steps, float(run.weights[-1])),
    observables={"error": "|w − θ|"}, times=("close",), usual=("error",), options=ScalarOptions(),
)

TOY = Paper(
    name="toy2026", citation="Of contraction", about=("scalar",),
    statements=(Statement(
        id="toy2026.contraction", claim="without noise the error never grows at small steps", formula="|w(t) − θ| ≤ θ",
        source="this test", sense=Sense.UPPER, measured=lambda e, steps: e.column("error", steps),
        predicted=lambda e, steps: np.full(len(steps), abs(e.run.problem.target)),
        window=lambda e: np.arange(e.run.steps + 1),
    ),),
    laws={"close": Law(
        formula="t = Θ(1/η)", source="this test", sense=Sense.ORDER, exponents={"lr": -1},
        measured=lambda e: e.run.stage_times().close, predicted=lambda e: 1 / e.run.algorithm.lr,
    )},
    setting=lambda run: "a run of least squares",
)
PROBLEM, SGD = Scalar(), ScalarSGD(0.05)


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    ts.register_system(SCALAR)
    ts.register_paper(TOY)
    yield
    SYSTEMS.remove(SCALAR)
    _REGISTERED.clear()


def simulate(*arguments: Any, **keywords: Any) -> Any:
    """The types of the package's overloads know its own systems only."""
    return ts.simulate(*arguments, **keywords)


def test_simulate_and_resume() -> None:
    """A cut run is the straight one, bit for bit; own observables, until and records as everywhere."""
    watch = {"weight": lambda state: state.weight}
    straight = simulate(PROBLEM, SGD, 100, 3, record_every=10, observe=watch)
    cut = ts.resume(simulate(PROBLEM, SGD, 37, 3, record_every=10, observe=watch), 63, observe=watch)
    pd.testing.assert_frame_equal(straight.observables, cut.observables)
    assert np.array_equal(straight.weights, cut.weights) and straight.steps_recorded[1] == 10
    stopped = simulate(PROBLEM, SGD, 500, 3, until=lambda seen: seen["error"] < 1.0)
    assert stopped.status == "stopped" and stopped.column("error")[-1] < 1 <= stopped.column("error")[-2]
    assert "error=" in repr(stopped) and "ScalarTimes" in type(stopped.stage_times()).__name__


def test_divergence() -> None:
    """Ends at the last finite step."""
    with pytest.raises(ts.DivergenceError) as told:
        simulate(PROBLEM, ScalarSGD(50.0), 10_000)
    assert told.value.run.status == "diverged" and told.value.run.stopped_at == told.value.run.steps + 1


def test_files(tmp_path: Path) -> None:
    """Saved, loaded, resumed."""
    run = simulate(PROBLEM, SGD, 20, 1)
    run.save(tmp_path / "run.npz")
    loaded = ts.load_run(tmp_path / "run.npz")
    assert (loaded.problem, loaded.algorithm) == (PROBLEM, SGD)
    pd.testing.assert_frame_equal(ts.resume(loaded, 5).observables, simulate(PROBLEM, SGD, 25, 1).observables)


def test_check_and_scaling() -> None:
    """A paper about it; a law of it."""
    report = ts.check([simulate(PROBLEM, SGD, 50, seed) for seed in range(3)])
    assert report.paper == "toy2026" and list(report.table["verdict"]) == ["holds"]
    wrong = ts.check(simulate(PROBLEM, ScalarSGD(1.9), 200, 0))
    assert list(wrong.table["verdict"]) == ["violated"]
    fit = ts.scaling(PROBLEM, SGD, "toy2026.close", vary={"lr": [0.01, 0.02, 0.04]}, seeds=20, steps=3000)
    assert fit.exponents["exponent"][0] == pytest.approx(-1, abs=0.25)


def test_sweep(tmp_path: Path) -> None:
    """With a store that is gone on with; a row is the run of its cell."""
    def made(seeds: int) -> pd.DataFrame:
        return ts.sweep(PROBLEM, grid={"target": [1.0, 3.0], "lr": [0.02, 0.05]}, algorithms={"SGD": SGD}, steps=40,
                        seeds=seeds, measure=["error", "close", "toy2026.contraction"], store=tmp_path / "s.db")
    first, grown = made(2), made(3)
    assert len(first) == 8 and len(grown) == 12
    row = grown[(grown["target"] == 3.0) & (grown["lr"] == 0.05) & (grown["seed"] == 2)].iloc[0]
    assert row["error"] == simulate(Scalar(3.0), SGD, 40, row["draw_seed"]).column("error")[-1]
    assert row["noise"] == 0.0 and row["toy2026.contraction"] == "holds"


def test_sweep_in_processes() -> None:
    """A worker learns of the system from the sweep."""
    frame = ts.sweep(PROBLEM, grid={"lr": [0.02, 0.05]}, algorithms={"SGD": SGD}, steps=10, seeds=1,
                     measure=["error", "toy2026.contraction"], executor="processes", workers=2)
    assert list(frame["status"]) == ["completed"] * 2 and list(frame["toy2026.contraction"]) == ["holds"] * 2


def test_picture_and_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One panel for each observable, own ones too; theorysim scalar --save --plot."""
    run = simulate(PROBLEM, SGD, 50, 1, observe={"weight": lambda state: state.weight}, observe_every=1)
    assert [axis.get_ylabel() for axis in ts.plot.dynamics(run)] == ["error", "weight"]
    saved, picture = tmp_path / "run.npz", tmp_path / "run.png"
    arguments = ["scalar", "--lr", "0.05", "--steps", "50", "--seed", "1", "--quiet"]
    assert main([*arguments, "--save", str(saved), "--plot", str(picture)]) == 0
    assert "weight 1." in capsys.readouterr().out and picture.stat().st_size > 1000
    assert np.array_equal(ts.load_run(saved).observables["error"], run.observables["error"])


def test_names_of_the_package_are_its_own() -> None:
    """A system cannot take the place of one that comes with the package; nor a paper."""
    with pytest.raises(ValueError, match="name of a system of the package"):
        ts.register_system(System(name="patch", problems=(), algorithms=(), run=ScalarRun, start=SCALAR.start,
                                  proceed=SCALAR.proceed))
