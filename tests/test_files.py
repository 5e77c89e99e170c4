"""Values on disk: what is read back is what was written, bit for bit; what is not that is refused, by name."""

import ast
import dataclasses
import enum
import json
import os
import sys
import zipfile
from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fixed_runs
import numpy as np
import pytest
from all_systems import (
    CASES, HAN, KERNEL, LINEAR, MOST, ONE_EACH, SIGNAL, Case, assert_same, assert_same_run, control_c, every_case,
    images, one_step_chunks, only_gram,
)

import theorysim as ts
from theorysim.core import files
from theorysim.patch.policy import BestSoFar, Selection
from theorysim.sweep import work

PROBLEM = SIGNAL
LAWS = [None, ts.Flip(0.1), ts.Gaussian(1.0, 0.3), ts.Uniform(-1, 2)]
FORMER = Path(__file__).with_name("files")


def simulate(problem: Any = PROBLEM, steps: int = 30, **options: Any) -> ts.Run:
    """A run with label noise and a seed that no machine integer holds."""
    return ts.simulate(problem, ts.GradientDescent(0.3, ts.Flip(0.1)), steps, seed=2**70 + 3,
                       **{"record_every": 7} | options)


def diverged() -> ts.Run:
    """A run that diverged."""
    problem, algorithm = PROBLEM.replace(q=4, init_std=0.3), ts.GradientDescent(100.0, ts.Gaussian(1.0, 2.0))
    with np.errstate(all="ignore"):  # kernels run as plain Python warn where compiled ones cannot
        return ts.simulate(problem, algorithm, 100, 3, on_failure="return")


def given() -> ts.Run:
    """A run on arrays of one's own, with observed labels that differ from the true ones."""
    rng = np.random.default_rng(5)
    draw = ts.Draw.from_arrays(noise=rng.standard_normal((5, 16)), weights=rng.standard_normal((2, 2, 16)),
                               labels=[1, 1, -1, -1, 1], observed_labels=[1, -1, -1, -1, 1],
                               signal=1.5 * np.eye(16)[3])
    problem = PROBLEM.replace(orthogonal_noise=False)
    return simulate(problem, draw=draw, label_noise=rng.standard_normal((30, 5)))


RUNS: dict[str, Callable[[], ts.Run]] = {
    f"{data}-{engine}": lambda make=make, engine=engine: simulate(make(), engine=engine)
    for data, make in {"signal": lambda: PROBLEM, "images": images, "gram": only_gram}.items()
    for engine in ("coefficients", "weights", "paired")
} | {
    f"law{number}": lambda law=law: ts.simulate(PROBLEM, ts.GradientDescent(0.2, law), 5, 1)
    for number, law in enumerate(LAWS)
} | {
    "vectors": lambda: simulate(draw="vectors"),
    "given": given,
    "diverged": diverged,
    "stopped": lambda: simulate(until=lambda seen: seen["train_loss"] < 0.65),
    "record_at": lambda: simulate(record_every=None, record_at=[3, 4]),
    "no steps": lambda: simulate(steps=0),
    "resumed": lambda: ts.resume(simulate(), 12),
    "single": lambda: simulate(precision="single"),
    "bias": lambda: simulate(PROBLEM.replace(bias=-0.5)),
    "uniform": lambda: simulate(PROBLEM.replace(init_law="uniform", bias=0.5)),
    "stratified": lambda: simulate(PROBLEM.replace(flip_law="stratified")),
    "first stage": lambda: simulate(policy=ts.EarlyStopping(ts.FirstStage(1e-4))),
    "loss below": lambda: simulate(policy=ts.EarlyStopping(ts.LossBelow(0.1))),
    "best validation": lambda: simulate(policy=ts.EarlyStopping(ts.BestValidation(20, 3, 2, "true"))),
    "small loss": lambda: simulate(policy=ts.SmallLossSelection(4, 0.7, "downweight", 0.25)),
    "oracle": lambda: simulate(images(), policy=ts.OracleSelection(ts.AtStep(0), "relabel")),
    "not yet": lambda: simulate(policy=ts.OracleSelection(99)),
}

every_run = pytest.mark.parametrize("make", RUNS.values(), ids=RUNS.keys())


def reloaded(run: ts.Run, folder: Path) -> ts.Run:
    """The run as it comes back from a file."""
    run.save(folder / "run.npz")
    return ts.load_run(folder / "run.npz")


@every_run
def test_round_trip(make: Callable[[], ts.Run], tmp_path: Path) -> None:
    """Every field of a run, its problem, algorithm and draw comes back bit for bit."""
    run = make()
    assert_same(reloaded(run, tmp_path), run)


@every_run
def test_what_follows_from_a_run_is_the_same(make: Callable[[], ts.Run], tmp_path: Path) -> None:
    """Coefficients, outputs, tables and appearance."""
    run = make()
    loaded = reloaded(run, tmp_path)
    for name in ("gamma", "rho", "steps"):
        assert_same(getattr(loaded, name), getattr(run, name))
    assert_same(loaded.outputs(), run.outputs())
    assert loaded.observables.equals(run.observables)
    assert repr(loaded) == repr(run)
    assert loaded._repr_html_() == run._repr_html_()


def test_single_precision_stays_single(tmp_path: Path) -> None:
    """On disk, and when the loaded run goes on."""
    loaded = reloaded(RUNS["single"](), tmp_path)
    longer = ts.resume(loaded, 5)
    assert loaded.precision == longer.precision == "single"
    assert loaded.coefficients.dtype == longer.coefficients.dtype == longer.inner.dtype == np.float32


def test_the_examples_are_what_they_say() -> None:
    """The table above covers every status but an interruption, and every form of draw."""
    runs = [make() for make in RUNS.values()]
    assert {str(run.status) for run in runs} == {"completed", "diverged", "stopped"}
    assert {run.draw.form for run in runs} == {"vectors", "wishart", "gram"}
    assert {type(run.algorithm.label_noise) for run in runs} == {type(law) for law in LAWS}


@pytest.mark.parametrize("form", ["vectors", "wishart"])
def test_test_error_of_a_loaded_run(form: str, tmp_path: Path) -> None:
    """At the end, at a record, and at all of them."""
    run = simulate(draw=form)
    loaded = reloaded(run, tmp_path)
    assert loaded.test_error(n_test=1000) == run.test_error(n_test=1000)
    assert loaded.test_error(14, n_test=1000, seed=1) == run.test_error(14, n_test=1000, seed=1)
    assert loaded.test_accuracy_curve(n_test=200).equals(run.test_accuracy_curve(n_test=200))


@pytest.mark.parametrize("name", ["vectors", "given", "images-paired"])
def test_a_loaded_run_predicts(name: str, tmp_path: Path) -> None:
    """With the weights that the run had."""
    run = RUNS[name]()
    patches = np.random.default_rng(7).standard_normal((6, 2, run.draw.vectors.shape[1]))
    loaded = reloaded(run, tmp_path)
    assert np.abs(run.predict(patches)).max() > 0
    assert_same(loaded.predict(patches), run.predict(patches))
    assert_same(ts.reconstruct(loaded, 7), ts.reconstruct(run, 7))


@pytest.mark.parametrize("name", [name for name in RUNS if name != "diverged"])
def test_a_loaded_run_goes_on(name: str, tmp_path: Path) -> None:
    """Also one whose arrays are laid out by columns, as factors of a Gram matrix are."""
    run = RUNS[name]()
    more = np.full((11, run.draw.n), 0.5) if run.given_label_noise else None
    longer, loaded = (ts.resume(one, 11, label_noise=more) for one in (run, reloaded(run, tmp_path)))
    assert_same_run(loaded, longer)


def test_an_interrupted_run(tmp_path: Path) -> None:
    """Its status comes back as the enum, not as a word."""
    run = dataclasses.replace(simulate(), status=ts.Status.INTERRUPTED, stopped_at=30, message="interrupted at step 30")
    loaded = reloaded(run, tmp_path)
    assert loaded.status is ts.Status.INTERRUPTED
    assert_same(loaded, run)


@pytest.mark.parametrize("kind", [str, Path])
def test_path_may_be_a_string_or_a_path(kind: Callable[[Path], str | Path], tmp_path: Path) -> None:
    """And is used as it is given."""
    run, path = simulate(), tmp_path / "a run"  # no ending is added
    run.save(kind(path))
    assert [file.name for file in tmp_path.iterdir()] == ["a run"]
    assert_same(ts.load_run(kind(path)), run)


def test_path_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the current folder."""
    monkeypatch.chdir(tmp_path)
    run = simulate()
    run.save("run.npz")
    assert_same(ts.load_run("run.npz"), run)
    assert [file.name for file in tmp_path.iterdir()] == ["run.npz"]


def test_saving_again_replaces(tmp_path: Path) -> None:
    """Without leaving anything else."""
    first, second = simulate(), simulate(steps=12)
    first.save(tmp_path / "run.npz")
    assert_same(reloaded(second, tmp_path), second)
    assert [file.name for file in tmp_path.iterdir()] == ["run.npz"]


@pytest.mark.parametrize("failure", [OSError("no space left"), KeyboardInterrupt()], ids=["full", "interrupted"])
@pytest.mark.parametrize("there", [False, True], ids=["new", "again"])
def test_a_failed_save_leaves_things_as_they_were(
    failure: BaseException, there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No part of a file appears, and an earlier one stays whole."""
    before = simulate()
    if there:
        before.save(tmp_path / "run.npz")
    files = sorted(tmp_path.iterdir())

    def fail(file: Any, **_: Any) -> None:
        file.write(b"half of it")
        raise failure

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(type(failure)) as caught:
        simulate(steps=12).save(tmp_path / "run.npz")
    assert caught.value is failure
    assert sorted(tmp_path.iterdir()) == files
    if there:
        assert_same(ts.load_run(tmp_path / "run.npz"), before)


def test_a_save_that_cannot_take_its_place_leaves_nothing(tmp_path: Path) -> None:
    """Here because a folder of that name is in the way."""
    (tmp_path / "run.npz").mkdir()
    with pytest.raises(OSError):
        simulate().save(tmp_path / "run.npz")
    assert [file.name for file in tmp_path.iterdir()] == ["run.npz"]


@pytest.mark.skipif(sys.platform == "win32", reason="files have no such permissions there")
def test_others_may_read_a_file_as_they_may_any_other(tmp_path: Path) -> None:
    """A run has the permissions of a file written in the usual way."""
    (tmp_path / "usual").write_text("")
    simulate().save(tmp_path / "run.npz")
    assert oct(os.stat(tmp_path / "run.npz").st_mode) == oct(os.stat(tmp_path / "usual").st_mode)


@every_run
def test_a_file_holds_no_pickles(make: Callable[[], ts.Run], tmp_path: Path) -> None:
    """Plain numbers, truth values and text only: safe to load from strangers, readable without this package."""
    make().save(tmp_path / "run.npz")
    with zipfile.ZipFile(tmp_path / "run.npz") as archive:
        assert archive.testzip() is None
    with np.load(tmp_path / "run.npz", allow_pickle=False) as content:
        kinds = {content[name].dtype.kind for name in content.files}
    assert kinds <= set("bfiU")


# --- every system -------------------------------------------------------------------------------------------------

@every_case
def test_runs_of_every_system(case: Case, tmp_path: Path) -> None:
    """With all their records, own observables, draw and policy; what follows from them; and how they look."""
    run = case.simulate(record_every=10, observe=case.own(), observe_every=7)
    loaded = reloaded(run, tmp_path)
    assert_same(loaded, run)
    assert_same_run(loaded, run)
    assert loaded._repr_html_() == run._repr_html_() and type(loaded) is type(run)
    names = [*vars(run), *loaded.own]
    assert len(names) == len(set(names))
    assert not any(array.flags.writeable for array in (loaded.steps_recorded, *loaded.own.values()))


@every_case
def test_parts_of_a_setting(case: Case, tmp_path: Path) -> None:
    """Problem, algorithm, draw, law and policy by themselves."""
    run = case.simulate(3)
    parts = [run.problem, run.algorithm, run.draw, case.keywords.get("policy"), getattr(run.problem, "data", None),
             getattr(run.algorithm, "label_noise", None), getattr(case.keywords.get("policy"), "at", None)]
    kept = [part for part in parts if dataclasses.is_dataclass(part)]
    assert len(kept) >= 3
    for part in kept:
        ts.save(part, tmp_path / "part.npz")
        found = ts.load(tmp_path / "part.npz")
        assert_same(found, part)
        assert repr(found) == repr(part)


VALUES: dict[str, Any] = {
    "first stage": ts.EarlyStopping(ts.FirstStage(0.3)),
    "loss below": ts.EarlyStopping(ts.LossBelow(1 / 3)),
    "at step": ts.EarlyStopping(7),
    "best": ts.EarlyStopping(ts.BestValidation(20, 3, 2, "true")),
    "small loss": ts.SmallLossSelection(ts.FirstStage(), 0.7, "downweight", 1 / 7),
    "oracle": ts.OracleSelection(0, "relabel"),
    "triggers": ts.FirstStage(0.1 + 0.2),
    "selection": Selection(3, np.array([True, False]), np.array([False, True]), np.ones(2), -np.ones(2)),
    "best so far": BestSoFar(4, 0.5, (np.eye(2), np.zeros((1, 2), np.float32)), None),
    "pair of rates": SIGNAL, "mean field": ts.MeanField.of(SIGNAL), "one rate": SIGNAL.replace(label_flip=0.1),
    "extremes": SIGNAL.replace(d=2**53, signal_norm=1e145, noise_std=5e-324, init_std=0.0),
    "target": LINEAR.replace(target=(1 / 3, -0.0, 2.0, 1e-300)), "norm": LINEAR.replace(target_norm=1 / 3),
    "full": ts.LinearSGD(1e-3, batch="full", label_noise=False, period=3, sam_radius=0.1, sam_terms="shrink"),
    "chains": ts.OscillatingLayer(0.1, 4), "digits": ts.Digits((1,), (0, 3), False),
    "images": KERNEL, "images of vectors": images(), "images of a Gram matrix": only_gram(),
    "reweighting": ts.Reweighting(0.1, 0.5, 2.0, 1.0, "none", 3, "t2", False),
    "reweighting, a step": ts.Reweighting(freeze_at=17),
    "stratified": HAN, "tokens": ts.TokenSelection(n=3, tokens=3, key_std=1 / 3, head_norm=0.1, key_law="gaussian"),
    "attention": ts.AttentionGD(1 / 3, train_keys=True),
    **{f"law {number}": law for number, law in enumerate(LAWS) if law is not None},
}


@pytest.mark.parametrize("name", VALUES)
def test_values(name: str, tmp_path: Path) -> None:
    """Field by field, with the types of numbers and the bits of floats."""
    value = VALUES[name]
    ts.save(value, tmp_path / "value.npz")
    found = ts.load(tmp_path / "value.npz")
    assert_same(found, value)
    assert repr(found) == repr(value)


def test_an_interrupted_validation_keeps_its_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state to go back to, and the looks."""
    one_step_chunks(monkeypatch)
    case = Case(HAN, ts.GradientDescent(0.08), {"policy": VALUES["best"], "engine": "paired"})
    with control_c(monkeypatch, 4):
        run = case.simulate()
    assert run.best is not None and run.best.weights is not None
    assert_same(reloaded(run, tmp_path), run)


def test_kinds_of_runs(tmp_path: Path) -> None:
    """load_run takes runs only, and of one class if it is told which."""
    run = CASES["linear, SAM"].simulate(5)
    run.save(tmp_path / "run.npz")
    assert type(ts.load_run(tmp_path / "run.npz", ts.LinearRun)) is ts.LinearRun
    with pytest.raises(ValueError, match=r"path='.*run.npz': not a saved PatchRun, but a LinearRun"):
        ts.load_run(tmp_path / "run.npz", ts.PatchRun)
    ts.save(LINEAR, tmp_path / "problem.npz")
    with pytest.raises(ValueError, match=r"path='.*problem.npz': not a saved Run, but a LinearNetwork"):
        ts.load_run(tmp_path / "problem.npz")
    for verb in (ts.load, ts.load_run):
        with pytest.raises(FileNotFoundError, match="nothing.npz"):
            verb(tmp_path / "nothing.npz")
    with pytest.raises(FileNotFoundError, match=r"path='.*run.npz': its folder does not exist"):
        ts.save(LINEAR, tmp_path / "no folder" / "run.npz")
    with pytest.raises(TypeError, match="path=3: must be a str or Path"):
        ts.save(LINEAR, 3)  # type: ignore[arg-type]


# --- fields of one's own ------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Schedule:
    """A value within a value, with a field that the outer one has too."""

    lr: float = 0.25
    turns: tuple[int, ...] = (3, 5)


@dataclass(frozen=True)
class Cosine(Schedule):
    """Of which there may be kinds."""

    length: int = 9


def _more(kind: type) -> Any:
    """A subclass with a float, a frozen value, a tuple, an array, a mapping and a word."""
    added: dict[str, tuple[Any, Any]] = {
        "inertia": (float, 0.9), "schedule": (Schedule, Schedule()), "betas": (tuple, (0.9, (1, None))),
        "mask": (Any, None), "facts": (Any, None), "mode": (str, "plain"),
    }
    fields = [(name, hint, dataclasses.field(default=default)) for name, (hint, default) in added.items()]
    made = dataclasses.make_dataclass(f"More{kind.__name__}", fields, bases=(kind,), frozen=True, eq=False)
    made.__module__, made.__qualname__ = __name__, made.__name__
    globals()[made.__name__] = made
    return made


KINDS = (ts.GradientDescent, ts.LinearSGD, ts.OscillatingLayer, ts.Reweighting, ts.SignalNoise, ts.PatchData,
         ts.MeanField, ts.LinearNetwork, ts.KernelReweighting, ts.TokenSelection, ts.AttentionGD)
MORE = {kind: _more(kind) for kind in KINDS}
GIVEN: dict[str, Any] = {
    "inertia": 1 / 3, "schedule": Cosine(0.1, (7,), 2), "betas": (0.5, ("a", None, True)),
    "mask": np.random.default_rng(0).standard_normal((2, 3)).astype(np.float32).T,
    "facts": {"a.b": np.ones(2), "a": {"b": np.zeros(2, ">i4")}, "": 1, "\u03b7\x00/..": np.array(3)}, "mode": "other",
}


def more(value: Any, **given: Any) -> Any:
    """A problem or algorithm as a value of the subclass with more fields."""
    kept = {one.name: getattr(value, one.name) for one in dataclasses.fields(value) if one.init}
    return MORE[type(value)](**kept | GIVEN | given)


def settings() -> Iterator[tuple[str, Case, str]]:
    """Cases, and which of problem and algorithm is to have more fields."""
    for name in (*ONE_EACH, "patch, images"):
        for part in ("problem", "algorithm"):
            yield f"{name}, {part}", CASES[name], part


def with_more(case: Case, part: str, **given: Any) -> Case:
    """The case with a problem or algorithm that has more fields."""
    return dataclasses.replace(case, **{part: more(getattr(case, part), **given)})


every_setting = pytest.mark.parametrize(
    ("case", "part"), [one[1:] for one in settings()], ids=[one[0] for one in settings()])


@every_setting
def test_a_field_survives_the_disk(case: Case, part: str, tmp_path: Path) -> None:
    """In a value by itself and in a run, with everything that is in it; and it shows."""
    run = with_more(case, part).simulate(20, record_every=10)
    value = getattr(run, part)
    assert type(value) is MORE[type(getattr(case, part))]
    ts.save(value, tmp_path / "value.npz")
    assert_same(ts.load(tmp_path / "value.npz"), value)
    loaded = reloaded(run, tmp_path)
    assert_same(loaded, run)
    for name, wanted in GIVEN.items():
        assert_same(getattr(getattr(loaded, part), name), wanted, name)
    if part == "algorithm":
        for text in (repr(loaded), repr(value), loaded._repr_html_()):
            assert "inertia=0.333333" in text and "Cosine(lr=0.1, turns=(7,), length=2)" in text


@every_setting
def test_a_field_survives_a_resumption(case: Case, part: str, tmp_path: Path) -> None:
    """Of a run that was on disk, too; the numbers are those of the plain one."""
    richer = with_more(case, part)
    run = richer.simulate(20, record_every=10)
    for begun in (run, reloaded(run, tmp_path)):
        longer = richer.resume(begun, 17)
        assert_same(getattr(longer, part), getattr(richer, part))
        assert_same_run(longer.replace(**{part: getattr(case, part)}), case.simulate(37, record_every=10))


@every_setting
def test_a_field_survives_replace(case: Case, part: str) -> None:
    """Of a problem, of an algorithm and of a run."""
    richer = getattr(with_more(case, part), part)
    changes = {"algorithm": {"lr": 0.5}, "problem": {"m": 3} if case.system == "patch" else {"n": 9}}[part]
    if isinstance(richer, ts.PatchData):
        changes = {"init_std": 0.2}
    changed = richer.replace(**changes) if hasattr(richer, "replace") else dataclasses.replace(richer, **changes)
    assert type(changed) is type(richer)
    for name, wanted in GIVEN.items():
        assert getattr(changed, name) is wanted
    for name, value in changes.items():
        assert getattr(changed, name) == value


@dataclass(frozen=True)
class Momentum(ts.GradientDescent):
    """With a number more."""

    momentum: float = 0.5
    schedule: Schedule = Schedule()


@dataclass(frozen=True, eq=False)
class Masked(ts.GradientDescent):
    """With an array."""

    mask: Any = None


@dataclass(frozen=True)
class MomentumLinear(ts.LinearSGD):
    """With a number more."""

    momentum: float = 0.5


@dataclass(frozen=True)
class Shifted(ts.SignalNoise):
    """A problem with a number more."""

    shift: float = 0.0


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    """Problems and algorithms of the runs that sweeps and scaling studies make from here on."""
    made: list[tuple[Any, Any]] = []

    def noted(problem: Any, algorithm: Any, *rest: Any, **keywords: Any) -> Any:
        made.append((problem, algorithm))
        return ts.simulate(problem, algorithm, *rest, **keywords)

    monkeypatch.setattr(work, "simulate", noted)
    monkeypatch.setattr(sys.modules["theorysim.scaling.study"], "simulate", noted)
    return made


def sweep(algorithms: dict[str, Any], grid: dict[str, Any], problem: Any = PROBLEM, **options: Any) -> Any:
    """A table of a few short runs."""
    measure = "mean_norm_sq" if isinstance(problem, ts.LinearNetwork) else "train_loss"
    return ts.sweep(problem, grid=grid, algorithms=algorithms, steps=5, seeds=1, workers=1,
                    **{"measure": measure} | options)


def test_a_field_in_a_sweep(simulated: list[Any], tmp_path: Path) -> None:
    """It has a column, and two values are two runs; also where the store knows one of them."""
    one, other = Momentum(0.3, momentum=0.1), Momentum(0.3, momentum=0.2)
    frame = sweep({"one": one}, {"n": [5]}, store=tmp_path / "s.db")
    frame = sweep({"one": one, "other": other}, {"n": [5]}, store=tmp_path / "s.db")
    assert [algorithm for _, algorithm in simulated] == [one, other]
    assert frame.set_index("algorithm")["momentum"].to_dict() == {"one": 0.1, "other": 0.2}
    assert set(frame["schedule"]) == {"schedule"} and set(frame["lr"]) == {0.3} and set(frame["schedule.lr"]) == {0.25}
    assert ts.load_sweep(tmp_path / "s.db").set_index("algorithm")["momentum"].to_dict() == {"one": 0.1, "other": 0.2}
    with pytest.raises(ValueError, match="holds another sweep"):
        sweep({"one": other}, {"n": [5]}, store=tmp_path / "s.db")


def test_a_field_in_a_grid(simulated: list[Any]) -> None:
    """It is an axis, as is one of a value within; a name that occurs twice is told by where it is."""
    frame = sweep({"a": Momentum(0.3)}, {"momentum": [0.1, 0.2], "lr": [0.3, 0.6]})
    found = [(algorithm.momentum, algorithm.lr, algorithm.schedule.lr) for _, algorithm in simulated]
    assert sorted(found) == [(0.1, 0.3, 0.25), (0.1, 0.6, 0.25), (0.2, 0.3, 0.25), (0.2, 0.6, 0.25)]
    assert all(type(algorithm) is Momentum for _, algorithm in simulated)
    assert frame[["momentum", "lr"]].to_numpy().tolist() == [[0.1, 0.3], [0.1, 0.6], [0.2, 0.3], [0.2, 0.6]]
    simulated.clear()
    sweep({"a": Momentum(0.3)}, {"schedule.lr": [0.1, 0.2], "turns": [(1,), (2, 3)]})
    assert [(one.lr, one.schedule.lr, one.schedule.turns) for _, one in simulated] == [
        (0.3, 0.1, (1,)), (0.3, 0.1, (2, 3)), (0.3, 0.2, (1,)), (0.3, 0.2, (2, 3))]
    simulated.clear()
    sweep({"a": MomentumLinear(1e-3)}, {"momentum": [0.1, 0.2]}, LINEAR)
    assert [(type(one), one.momentum) for _, one in simulated] == [(MomentumLinear, 0.1), (MomentumLinear, 0.2)]


def test_a_field_of_a_problem_in_a_sweep(simulated: list[Any], tmp_path: Path) -> None:
    """An axis, a column and part of what a run is known by; a subclass is not its parent."""
    plain = {one.name: getattr(PROBLEM, one.name) for one in dataclasses.fields(PROBLEM)}
    frame = sweep({"a": ts.GradientDescent(0.3)}, {"shift": [0.0, 1.0]}, Shifted(**plain))
    assert [problem.shift for problem, _ in simulated] == [0.0, 1.0] and frame["shift"].tolist() == [0.0, 1.0]
    simulated.clear()
    either = {"kind": [0, 1]}
    sweep({"a": ts.GradientDescent(0.3)}, either, lambda kind: (ts.SignalNoise, Sub)[kind](**plain))
    assert [type(problem) for problem, _ in simulated] == [ts.SignalNoise, Sub]


@dataclass(frozen=True)
class Sub(ts.SignalNoise):
    """With no field more."""


def test_an_array_in_a_sweep(simulated: list[Any], tmp_path: Path) -> None:
    """Two that differ in the last bit, or in an entry that no text shows, are two runs; the same is one."""
    one, close, long, longer = np.ones(3), np.ones(3), np.zeros(5000), np.zeros(5000)
    close[1] = np.nextafter(1, 2)
    longer[2500] = 1.0
    algorithms = {str(number): Masked(0.3, mask=mask) for number, mask in enumerate((one, close, long, longer))}
    frame = sweep(algorithms | {"again": Masked(0.3, mask=one.copy())}, {"n": [5]}, store=tmp_path / "s.db")
    assert len(frame) == 5 and len(simulated) == 4
    assert [algorithm.mask is mask for (_, algorithm), mask in zip(simulated, (one, close, long, longer), strict=True)]
    sweep(algorithms, {"n": [5]}, store=tmp_path / "s.db")
    assert len(simulated) == 4, "they are in the store"


@pytest.mark.parametrize("make", [images, only_gram])
def test_patch_data_in_a_sweep(make: Callable[[], ts.PatchData], simulated: list[Any], tmp_path: Path) -> None:
    """A problem with arrays; two that differ in one are not one study."""
    data = make()
    frame = sweep({"a": ts.GradientDescent(0.1)}, {"lr": [0.1, 0.2], "m": [1, 2]}, data, store=tmp_path / "s.db")
    assert frame["status"].tolist() == ["completed"] * 4 and len(simulated) == 4
    run = ts.simulate(dataclasses.replace(data, m=2), ts.GradientDescent(0.2), 5, int(frame["draw_seed"].iloc[-1]))
    assert frame["train_loss"].iloc[-1] == run.column("train_loss")[-1]
    other = dataclasses.replace(data, observed_labels=-data.observed_labels)
    with pytest.raises(ValueError, match="holds another sweep"):
        sweep({"a": ts.GradientDescent(0.1)}, {"lr": [0.1, 0.2], "m": [1, 2]}, other, store=tmp_path / "s.db")


def test_a_field_in_scaling(simulated: list[Any]) -> None:
    """Runs are of the subclass, with its field, and it may be varied as any other."""
    fit = ts.scaling(PROBLEM, Momentum(0.3, momentum=0.7), lambda run: run.algorithm.lr * run.algorithm.momentum**2,
                     vary={"lr": [0.1, 0.2], "momentum": [0.7, 0.35]}, seeds=2, steps=3, workers=1)
    assert {(type(one), one.lr, one.momentum) for _, one in simulated} == {
        (Momentum, 0.1, 0.7), (Momentum, 0.2, 0.7), (Momentum, 0.3, 0.7), (Momentum, 0.3, 0.35)}
    assert fit.exponents["exponent"].tolist() == pytest.approx([1, 2])
    simulated.clear()
    ts.scaling(LINEAR, MomentumLinear(2e-3, momentum=0.7), lambda run: run.algorithm.lr, vary={"lr": [1e-3, 2e-3]},
               seeds=2, steps=3, workers=1)
    assert {(type(one), one.lr, one.momentum) for _, one in simulated} == {
        (MomentumLinear, 1e-3, 0.7), (MomentumLinear, 2e-3, 0.7)}
    simulated.clear()
    shifted = Shifted(**{one.name: getattr(PROBLEM, one.name) for one in dataclasses.fields(PROBLEM)}, shift=0.4)
    ts.scaling(shifted, Momentum(0.3), lambda run: float(run.problem.n), vary={"n": [4, 8]}, hold=("snr",), seeds=2,
               steps=3, workers=1)
    assert {(type(one), one.n, one.shift) for one, _ in simulated} == {(Shifted, 4, 0.4), (Shifted, 8, 0.4)}


# --- what is refused ----------------------------------------------------------------------------------------------

class Colour(enum.IntEnum):
    """An int of a class of its own."""

    RED = 1


Pair = namedtuple("Pair", "one other")
UNKEPT: dict[str, tuple[Any, str]] = {
    "function": (len, r"Masked\.mask=<built-in function len>"),
    "lambda": (lambda: 0, r"Masked\.mask=<function <lambda>"),
    "object": (object(), r"Masked\.mask=<object object"),
    "type": (Schedule, r"Masked\.mask=<class"),
    "in a tuple": ((1, len), r"Masked\.mask\.1=<built-in function len>"),
    "in a mapping": ({"a": {"b": (len,)}}, r"Masked\.mask\.a\.b\.0=<built-in function len>"),
    "in a value": (Masked(0.1, mask=len), r"Masked\.mask\.mask=<built-in function len>"),
    "set": ({1}, r"Masked\.mask=\{1\}: a set "),
    "complex": (1j, r"Masked\.mask=1j: a complex "),
    "bytes": (b"1", r"Masked\.mask=b'1': a bytes "),
    "keys that are no words": ({1: 2}, r"Masked\.mask={1: 2}: a dict "),
    "objects in an array": (np.array([None]), r"Masked\.mask=array"),
    "objects in a structured array": (np.array([(1, None)], [("a", int), ("b", object)]), r"Masked\.mask=array"),
    "named tuple": (Pair(1, 2), r"Masked\.mask=Pair\(one=1, other=2\): a Pair "),
    "enum": (Colour.RED, r"Masked\.mask=<Colour.RED: 1>: a Colour "),
}


@pytest.mark.parametrize("name", UNKEPT)
def test_what_cannot_be_kept(name: str, tmp_path: Path) -> None:
    """Is refused with the name of the field, before anything is written; what was there stays."""
    value, message = UNKEPT[name]
    ts.save(Masked(0.1), tmp_path / "value.npz")
    before = (tmp_path / "value.npz").read_bytes()
    with pytest.raises(TypeError, match=message + ".*cannot be kept in a file"):
        ts.save(Masked(0.1, mask=value), tmp_path / "value.npz")
    assert [file.name for file in tmp_path.iterdir()] == ["value.npz"]
    assert (tmp_path / "value.npz").read_bytes() == before


def test_a_run_with_what_cannot_be_kept(tmp_path: Path) -> None:
    """Too."""
    run = ts.simulate(PROBLEM, Masked(0.1, mask=len), 3)
    with pytest.raises(TypeError, match=r"PatchRun\.algorithm\.mask=<built-in function len>"):
        run.save(tmp_path / "run.npz")
    assert not list(tmp_path.iterdir())


def _content(path: Path) -> dict[str, Any]:
    with np.load(path) as content:
        return dict(content)


def _forged(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """A file with a changed header and a checksum that fits."""
    content = _content(path)
    header = json.loads(str(content.pop("header")))
    change(header)
    text = json.dumps(header)
    content.pop("checksum")
    np.savez(path, header=np.array(text), checksum=np.array(files._checksum(text, content)), **content)


UNKNOWN: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "format": (lambda header: header.update(format=9), "has format 9, this version reads formats 2 and 3"),
    "format 1": (lambda header: header.update(format=1), "has format 1, this version reads formats 2 and 3"),
    "type": (lambda header: header["content"].update(type="Elsewhere"),
             f"it holds a Elsewhere of {__name__}, which this process does not know; import or define it first"),
    "of another module": (lambda header: header["content"].update(type="Path", module="pathlib"),
                          "it holds a Path of pathlib, which this process does not know"),
    "field": (lambda header: header["content"]["fields"].update(speed=3), "Momentum has no field 'speed'"),
    "missing field": (lambda header: header["content"]["fields"].pop("lr"), "missing .* 'lr'"),
    "impossible value": (lambda header: header["content"]["fields"].update(lr=-1.0), "lr=-1.0: must be finite and in"),
    "no array": (lambda header: header["content"]["fields"].update(momentum={"array": "no"}), "'no'"),
    "no content": (lambda header: header.pop("content"), "'content'"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_files_that_say_something_unknown(name: str, tmp_path: Path) -> None:
    """Are refused by an error that names the path and what is unknown."""
    change, message = UNKNOWN[name]
    path = tmp_path / "value.npz"
    ts.save(Momentum(0.1), path)
    _forged(path, lambda header: None)
    assert_same(ts.load(path), Momentum(0.1))
    _forged(path, change)
    with pytest.raises(ValueError, match=f"path='{path}'.*{message}"):
        ts.load(path)


@pytest.mark.parametrize("content", [b"", b"not a file", b"PK\x03\x04", b"\x93NUMPY"])
def test_other_files(content: bytes, tmp_path: Path) -> None:
    """Empty, text, the beginning of an archive or of an array."""
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match=r"path='.*file': not a saved run"):
        ts.load_run(tmp_path / "file")
    np.savez(tmp_path / "arrays.npz", a=np.ones(3))
    with pytest.raises(ValueError, match=r"path='.*arrays.npz': not a saved run"):
        ts.load_run(tmp_path / "arrays.npz")
    with pytest.raises(ValueError, match="not a saved run"):
        ts.load_run(tmp_path)


def test_a_class_defined_again_in_a_notebook(tmp_path: Path) -> None:
    """The cell run twice leaves two of one name: the one that has the name now is meant."""
    name = "Again"

    def define() -> Any:
        made = dataclasses.make_dataclass(name, [("speed", float, dataclasses.field(default=1.0))],
                                          bases=(ts.GradientDescent,), frozen=True)
        made.__module__, made.__qualname__ = __name__, name
        globals()[name] = made
        return made

    first = define()
    ts.save(first(0.1, speed=2.0), tmp_path / "value.npz")
    second = define()
    loaded = ts.load(tmp_path / "value.npz")
    assert type(loaded) is second and first is not second
    assert (loaded.lr, loaded.speed) == (0.1, 2.0)
    del globals()[name]
    with pytest.raises(ValueError, match=f"it holds a Again of {__name__}, of which there are several"):
        ts.load(tmp_path / "value.npz")


@pytest.mark.parametrize("name", ["patch, paired", "mean_field, given draw", "linear, SAM", "oscillation, chains",
                                  "reweighting, network"])
def test_flipped_bytes(name: str, tmp_path: Path) -> None:
    """A damaged file is an error that names the path; where nothing that counts was hit, the value is the same."""
    run, path = CASES[name].simulate(2), tmp_path / "run.npz"
    run.save(path)
    whole, rng, refused = path.read_bytes(), np.random.default_rng(0), 0
    for _ in range(80):
        damaged = bytearray(whole)
        for place in rng.integers(len(whole), size=rng.integers(1, 3)):
            damaged[place] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        try:
            found = ts.load_run(path)
        except ValueError as error:
            assert str(error).startswith(f"path='{path}': ")
            refused += 1
        else:
            assert_same(found, run)
    assert refused > 40
    for length in (0, 1, len(whole) // 3, len(whole) - 30, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="run.npz': not a saved run"):
            ts.load_run(path)


def test_every_array_and_every_word_is_under_the_checksum(tmp_path: Path) -> None:
    """Whoever changes one in a well-formed archive is found out."""
    run, path = CASES["patch, oracle"].simulate(3), tmp_path / "run.npz"
    run.save(path)
    content = _content(path)
    for name in content:
        if name != "checksum":
            changed = content[name].copy()
            if name == "header":
                changed = np.array(str(changed).replace('"seed": 3', '"seed": 4'))
            else:
                changed.reshape(-1).view(np.uint8)[0] ^= 1
            np.savez(path, **content | {name: changed})
            with pytest.raises(ValueError, match="it is damaged: its checksum is not that of its content"):
                ts.load_run(path)
    for less in ("checksum", "header", next(one for one in content if one.startswith("PatchRun"))):
        np.savez(path, **{name: value for name, value in content.items() if name != less})
        with pytest.raises(ValueError, match="not a saved run"):
            ts.load_run(path)
    np.savez(path, **content | {"more": np.ones(1)})
    with pytest.raises(ValueError, match="it is damaged"):
        ts.load_run(path)


def test_no_pickles_anywhere() -> None:
    """No file of the package imports pickle or lets NumPy use it; sources are read, not searched for words."""
    root = Path(ts.__file__).parent
    sources = sorted(root.rglob("*.py"))
    assert len(sources) > 100
    for source in sources:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [one.name for one in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(one.name for one in node.names)]
            else:
                names = []
            assert not {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"} & set(names), source
            if isinstance(node, ast.Call):
                given = {one.arg: one.value for one in node.keywords}
                value = given.get("allow_pickle")
                assert value is None or (isinstance(value, ast.Constant) and value.value is False), source
                if ast.unparse(node.func) in ("np.load", "numpy.load"):
                    assert value is not None, source


# --- files of format 2 --------------------------------------------------------------------------------------------

def _reweighting(data: Any, **given: Any) -> ts.KernelReweighting:
    return ts.KernelReweighting(data, n=6, clean=4, test=5, **given)


def _former_arrays() -> ts.LabelledArrays:
    return ts.LabelledArrays(np.random.default_rng(0).standard_normal((20, 3)), np.tile([-1.0, 1.0], 10))


FORMER_RUNS: dict[str, Callable[[], Any]] = {
    "patch-2": lambda: ts.simulate(
        ts.SignalNoise(n=4, d=30, m=2, signal_norm=2.0, noise_std=.5, init_std=.01, label_flip=(.1, .3)),
        ts.GradientDescent(.5, ts.Flip(.1)), 20, 1, policy=ts.SmallLossSelection(5, action="drop"), record_every=10),
    "data-2": lambda: ts.simulate(
        fixed_runs._patches(), ts.GradientDescent(.2, ts.Gaussian(1, .5)), 10, 1, record_every=5, engine="paired",
        policy=ts.EarlyStopping(ts.LossBelow(.01))),
    "linear-2": lambda: ts.simulate(
        ts.LinearNetwork(n=5, d=3, width=8, label_noise_std=2.0), ts.LinearSGD(2e-3), 30, 1),
    "arrays-2": lambda: ts.simulate(_reweighting(_former_arrays()), ts.Reweighting(), 20, 1, record_at=[3]),
    "reweighting-2": lambda: ts.simulate(
        _reweighting(ts.SignalNoiseImages(d=4), kernel="ntk"), ts.Reweighting(), 20, 1, record_at=[3],
        engine="network", width=8),
}
NOT_KEPT = {"timings", "deviations", "listed", "looked"}  # by format 2: nothing of it, or only the largest


@pytest.mark.parametrize("name", FORMER_RUNS)
def test_files_of_format_2(name: str, tmp_path: Path) -> None:
    """Load as what a fresh run is: types and words exactly, numbers to rounding (they were made elsewhere)."""
    loaded, fresh = ts.load_run(FORMER / f"{name}.npz"), FORMER_RUNS[name]()
    assert type(loaded) is type(fresh)
    later = fixed_runs.ADDED.get(name.removesuffix("-2"), ())  # observables that there were not yet: NaN
    if later:
        fresh = fresh.replace(rows=np.where(np.isin(fresh.columns, later), np.nan, fresh.rows))
    assert (loaded.status, loaded.message, loaded.stopped_at) == ("completed", "", None)
    for one in dataclasses.fields(fresh):
        if one.name not in NOT_KEPT:
            assert_close(getattr(loaded, one.name), getattr(fresh, one.name), one.name)
    assert all(not values.size for values in getattr(fresh, "looked", {}).values())
    assert repr(loaded.problem) == repr(fresh.problem) and repr(loaded.algorithm) == repr(fresh.algorithm)
    assert list(loaded.observables) == list(fresh.observables)
    assert_close(loaded.stage_times(), fresh.stage_times(), "times")
    if name == "data-2":
        assert loaded.deviation == pytest.approx(2.762123459844583e-16, rel=1e-15)
    longer, wanted = (ts.resume(run, 7, record_at=[]) for run in (loaded, fresh))
    assert longer.steps == fresh.steps + 7
    for column in fresh.table:
        new = longer.steps_observed >= fresh.steps if column in later else slice(None)
        assert_close(longer.column(column)[new], wanted.column(column)[new], "resumed")
    assert_same(reloaded(loaded, tmp_path), loaded)


def assert_close(one: Any, other: Any, where: str) -> None:
    """The same types, shapes, words and whole numbers; floats but for rounding."""
    assert type(one) is type(other), where
    if isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape), where
        np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-12, err_msg=where)
    elif dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            assert_close(getattr(one, field.name), getattr(other, field.name), f"{where}.{field.name}")
    elif isinstance(one, dict):
        assert list(one) == list(other), where
        for key in one:
            assert_close(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, tuple):
        assert len(one) == len(other), where
        for left, right in zip(one, other, strict=True):
            assert_close(left, right, where)
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-7, abs=1e-12, nan_ok=True), where
    else:
        assert one == other, where


def test_a_damaged_file_of_format_2(tmp_path: Path) -> None:
    """Of a system that is unknown, or without one of its arrays."""
    content = _content(FORMER / "linear-2.npz")
    header = json.loads(str(content["header"])) | {"system": "nothing"}
    for changed in (content | {"header": np.array(json.dumps(header))},
                    {name: value for name, value in content.items() if name != "states"}):
        np.savez(tmp_path / "run.npz", **changed)
        with pytest.raises(ValueError, match=r"path='.*run.npz': not a saved run"):
            ts.load_run(tmp_path / "run.npz")


def test_there_is_noise_for_all_steps() -> None:
    """The cases with label noise of their own have enough of it for the tests above."""
    assert max(case.steps for case in CASES.values()) < MOST
