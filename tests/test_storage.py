"""Runs on disk: what is read back is what was written, and a failed save harms nothing."""

import dataclasses
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import theorysim as ts

PROBLEM = ts.SignalNoise(n=5, d=16, m=2, signal_norm=1.5, noise_std=0.4, init_std=0.1, label_flip=(0.3, 0.2))
LAWS = [None, ts.Flip(0.1), ts.Gaussian(1.0, 0.3), ts.Uniform(-1, 2)]


def images() -> ts.PatchData:
    """Three patches a sample, one of them in all samples, and a bias coordinate."""
    rng = np.random.default_rng(1)
    patches = rng.standard_normal((4, 3, 6))
    patches[:, 0] = patches[0, 0]
    return ts.PatchData.from_vectors(patches, [1, -1, 1, -1], m=2, init_std=0.1, q=3, bias=0.5,
                                     observed_labels=[1, 1, 1, -1])


def only_gram() -> ts.PatchData:
    """The same data, of which only the Gram matrix is known."""
    data = images()
    return ts.PatchData.from_gram(data.gram, data.atom, data.sign, data.labels, m=2, init_std=0.1,
                                  observed_labels=data.observed_labels)


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


def assert_equal(one: Any, other: Any, where: str = "run") -> None:
    """The same type and value, down to the bits of arrays and through the fields of objects."""
    assert type(one) is type(other), where
    if isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape), where
        assert one.tobytes() == other.tobytes(), where
    elif dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            assert_equal(getattr(one, field.name), getattr(other, field.name), f"{where}.{field.name}")
    else:
        assert one == other, where


def reloaded(run: ts.Run, folder: Path) -> ts.Run:
    """The run as it comes back from a file."""
    run.save(folder / "run.npz")
    return ts.load_run(folder / "run.npz")


@every_run
def test_round_trip(make: Callable[[], ts.Run], tmp_path: Path) -> None:
    """Every field of a run, its problem, algorithm and draw comes back bit for bit."""
    run = make()
    assert_equal(reloaded(run, tmp_path), run)


@every_run
def test_what_follows_from_a_run_is_the_same(make: Callable[[], ts.Run], tmp_path: Path) -> None:
    """Coefficients, outputs, tables and appearance."""
    run = make()
    loaded = reloaded(run, tmp_path)
    for name in ("gamma", "rho", "steps"):
        assert_equal(getattr(loaded, name), getattr(run, name))
    assert_equal(loaded.outputs(), run.outputs())
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
    assert_equal(loaded.predict(patches), run.predict(patches))
    assert_equal(ts.reconstruct(loaded, 7), ts.reconstruct(run, 7))


@pytest.mark.parametrize("name", [name for name in RUNS if name != "diverged"])
def test_a_loaded_run_goes_on(name: str, tmp_path: Path) -> None:
    """Also one whose arrays are laid out by columns, as factors of a Gram matrix are."""
    run = RUNS[name]()
    more = np.full((11, run.draw.n), 0.5) if run.given_label_noise else None
    longer, loaded = (ts.resume(one, 11, label_noise=more) for one in (run, reloaded(run, tmp_path)))
    for field in ("rows", "steps_recorded", "coefficients", "inner", "weights", "deviation", "status"):
        assert_equal(getattr(loaded, field), getattr(longer, field))


def test_an_interrupted_run(tmp_path: Path) -> None:
    """Its status comes back as the enum, not as a word."""
    run = dataclasses.replace(simulate(), status=ts.Status.INTERRUPTED, stopped_at=30, message="interrupted at step 30")
    loaded = reloaded(run, tmp_path)
    assert loaded.status is ts.Status.INTERRUPTED
    assert_equal(loaded, run)


@pytest.mark.parametrize("kind", [str, Path])
def test_path_may_be_a_string_or_a_path(kind: Callable[[Path], str | Path], tmp_path: Path) -> None:
    """And is used as it is given."""
    run, path = simulate(), tmp_path / "a run"  # no ending is added
    run.save(kind(path))
    assert [file.name for file in tmp_path.iterdir()] == ["a run"]
    assert_equal(ts.load_run(kind(path)), run)


def test_path_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the current folder."""
    monkeypatch.chdir(tmp_path)
    run = simulate()
    run.save("run.npz")
    assert_equal(ts.load_run("run.npz"), run)
    assert [file.name for file in tmp_path.iterdir()] == ["run.npz"]


def test_saving_again_replaces(tmp_path: Path) -> None:
    """Without leaving anything else."""
    first, second = simulate(), simulate(steps=12)
    first.save(tmp_path / "run.npz")
    assert_equal(reloaded(second, tmp_path), second)
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
        assert_equal(ts.load_run(tmp_path / "run.npz"), before)


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
