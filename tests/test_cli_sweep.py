"""theorysim sweep: grids and algorithms in words, the table of the library, a store that is gone on with."""

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import theorysim as ts
from theorysim.cli import grid, main
from theorysim.core import intervals

MODULE = sys.modules["theorysim.sweep.sweep"]  # whose name in the package is the function
SMALL = ["sweep", "--n", "6", "--d", "300", "--m", "2", "--steps", "30"]
PROBLEM = ts.SignalNoise(n=6, d=300, m=2, signal_norm=2.0, noise_std=0.5, init_std=0.01)


# --- words --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "whole", "values"), [
    ("50,100,200", True, [50, 100, 200]), ("1e3", True, [1000]), ("2.5", True, [2.5]), ("1,2", False, [1.0, 2.0]),
    ("0.1:0.5:5", False, [0.1, 0.2, 0.3, 0.4, 0.5]), ("0.01:1:3log", False, [0.01, 0.1, 1.0]),
    ("20:200:4", True, [20, 80, 140, 200]), ("10:1000:3log", True, [10, 100, 1000]), ("1:3:9", True, [1, 2, 3]),
    ("-1:1:3", False, [-1.0, 0.0, 1.0]), ("normal,uniform", False, ["normal", "uniform"]),
    ("true,false", False, [True, False]),
])
def test_values_of_an_axis(text: str, whole: bool, values: list[Any]) -> None:
    """Lists, ranges, ranges of equal ratios; whole numbers where there is one in the setting."""
    found = grid.values("x", text, whole)
    assert found == values and list(map(type, found)) == list(map(type, values))


@pytest.mark.parametrize(("text", "words"), [
    ("GD:", ("GD", [])), ("label noise: lr=0.5 flip=0.1", ("label noise", ["--lr", "0.5", "--flip", "0.1"])),
    ("flip=0.1", ("flip=0.1", ["--flip", "0.1"])), ("nesterov momentum=0.9", ("nesterov momentum=0.9", [
        "--nesterov", "--momentum", "0.9"])),
    ("x: gaussian=-1,0.5 sam_radius=0.1", ("x", ["--gaussian", "-1", "0.5", "--sam-radius", "0.1"])),
    ("activation=LeakyReLU:0.1", ("activation=LeakyReLU:0.1", ["--activation", "LeakyReLU:0.1"])),
])
def test_words_of_an_algorithm(text: str, words: tuple[str, list[str]]) -> None:
    """A name, if there is one, and options without dashes."""
    assert grid.named(text) == words


WRONG = [
    (["--grid", "n"], "--grid n: must be NAME=VALUE,VALUE"), (["--grid", "n="], "--grid n=: must be NAME=VALUE"),
    (["--grid", "snr=1:0.1:5"], "must be LOW:HIGH:COUNT with LOW < HIGH and COUNT at least 2"),
    (["--grid", "snr=0:1:5log"], "LOW must be positive for equal ratios"),
    (["--grid", "snr=a:1:5"], "LOW and HIGH must be numbers"),
    (["--grid", "n=4", "n=6"], "--grid: 'n' is given twice"), (["--grid", "n=4,4"], "has a value twice"),
    (["--grid", "lr=1,2", "kappa=1,2"], "give only one of kappa and lr"),
    (["--grid", "n=4,6", "--algorithm", "a: lr=1", "a: lr=2"], "there are two of the name 'a'"),
    (["--grid", "n=4,6", "--algorithm", ": lr=1"], "must have a name before the colon"),
    (["--grid", "n=4,6", "--algorithm", "m=3"], "--algorithm 'm=3': changes more than the algorithm"),
    (["--grid", "n=4,6", "--algorithm", "steps=3"], "changes more than the algorithm"),
    (["--grid", "n=4,6", "--algorithm", "precision=single"], "changes more than the algorithm"),
    (["--grid", "n=4,6", "--algorithm", "lr=x"], "--algorithm 'lr=x': argument --lr: invalid float value: 'x'"),
    (["--grid", "n=4,6", "--flip", "0.1", "--algorithm", "gaussian=1,1"], "not allowed with argument --flip"),
    (["--grid", "n=4,6", "--engine", "paired"], "--engine paired: is of single runs"),
    (["--grid", "n=4,6", "--draw", "vectors"], "--draw vectors: is of single runs"),
    (["--grid", "n=4,6", "--threads", "2"], "--threads 2: is of single runs"),
    (["--grid", "n=4,6", "--seeds", "0"], "seeds=0: must be an integer >= 1"),
    (["--grid", "n=4,6", "--x", "n"], "--x n: is of a heatmap; give --heatmap FILE with it"),
    (["--grid", "n=4,6", "--heatmap", "a.png"], "needs a grid with two axes of several values, has 1 (n)"),
    (["--grid", "n=4,6", "m=2,3", "snr=1,2", "--heatmap", "a.png"], "two axes of several values, has 3 (n, m, snr)"),
    (["--grid", "n=4,6", "m=2,3", "--heatmap", "a.png", "--y", "d"], "--y='d': must be one of 'm'"),
    (["--grid", "n=4,6", "m=2,3", "--heatmap", "a.png", "--x", "n", "--y", "n"], "--y='n': must be one of 'm'"),
    (["--grid", "n=4,6", "m=2,3", "--heatmap", "a.png", "--value", "T1"], "--value='T1': must be one of 'test_error'"),
    (["--grid", "n=4,6", "init_law=normal,uniform", "--heatmap", "a.png"], "init_law has values that are no numbers"),
    (["--grid", "n=4,6", "m=2,3", "--heatmap", "a.png", "--measure", "huang2025.lemma_d_1"], "is no number; give the"),
    (["--grid", "d=1,0"], "no cell is valid"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=[" ".join(one) for one, _ in WRONG])
def test_what_is_wrong_is_told_before_any_work(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One line on stderr, exit status 2, no run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(MODULE, "_run", lambda *_: pytest.fail("work was begun"))
    assert main([*SMALL, *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err and len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


# --- the sweep ----------------------------------------------------------------------------------------------------


def test_sweep_is_that_of_the_library(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same table, row by row; on the screen the mean of every cell with its interval."""
    table = tmp_path / "new" / "runs.csv"
    arguments = ["--grid", "n=4,6", "snr=0.1:0.4:2log", "--algorithm", "GD: lr=0.5", "noise: flip=0.1 lr=0.2",
                 "--seeds", "3", "--measure", "train_loss", "T1", "huang2025.lemma_d_1", "--set", "delta=0.1",
                 "--workers", "1", "--csv", str(table)]
    assert main([*SMALL, *arguments]) == 0
    frame = ts.sweep(
        PROBLEM, grid={"n": [4, 6], "snr": [0.1, 0.4]}, steps=30, seeds=3, delta=0.1,
        algorithms={"GD": ts.GradientDescent(0.5), "noise": ts.GradientDescent(0.2, ts.Flip(0.1))},
        measure=["train_loss", "T1", "huang2025.lemma_d_1"])
    written = pd.read_csv(table)
    assert list(written.columns) == list(frame.columns) and len(written) == 24
    np.testing.assert_array_equal(written["train_loss"], frame["train_loss"])
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[2].split() == ["n", "snr", "algorithm", "runs", "train_loss", "T1", "huang2025.lemma_d_1"]
    assert len(lines[3:lines.index("", 3)]) == 8 and "24 runs" in lines and f"wrote {table}" in lines
    for (n, snr, name), cell in frame.groupby(["n", "snr", "algorithm"]):
        (line,) = [one for one in lines if re.match(rf"{n} +{snr:g} +{name} ", one)]
        found = intervals.mean(cell["train_loss"])
        assert " 3/3 " in line and f" {found.value:.3g} [{found.low:.3g}, {found.high:.3g}]" in line
        reached = int(cell["T1"].notna().sum())
        assert (f"({reached} of 3)" in line) == (0 < reached < 3)
        holds, judged = ((cell["huang2025.lemma_d_1"].isin(words)).sum()
                         for words in (["holds"], ["holds", "violated"]))
        low, high = intervals.interval(int(holds), int(judged))
        if judged:
            assert f"{holds / judged:.3g} [{low:.3g}, {high:.3g}]" in line
        else:
            assert line.endswith(" –")


def test_one_algorithm_is_the_options_of_the_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """With its policy and precision; an axis of label noise is an axis."""
    path = tmp_path / "runs.csv"
    assert main([*SMALL, "--grid", "p=0.1,0.2", "--lr", "0.1", "--flip", "0.3", "--precision", "single", "--seeds", "1",
                 "--stop-at-first-stage", "0.5", "--csv", str(path)]) == 0
    rows = pd.read_csv(path)
    assert list(rows["p"]) == [0.1, 0.2] and set(rows["algorithm"]) == {"GradientDescent"}
    assert rows["policy"].str.startswith("EarlyStopping").all()
    row = rows.iloc[1]
    run = ts.simulate(PROBLEM, ts.GradientDescent(0.1, ts.Flip(0.2)), 30, int(row["draw_seed"]), precision="single",
                      policy=ts.EarlyStopping(ts.FirstStage(0.5)))
    assert run.column("train_loss")[-1] == row["train_loss"]
    assert "[" not in capsys.readouterr().out.splitlines()[3], "one seed has no interval"


@pytest.mark.parametrize(("words", "column"), [
    (["--system", "linear", "--n", "20", "--d", "3", "--width", "100", "--grid", "lr=1e-4:1e-3:2log", "width=50,100",
      "--algorithm", "noise:", "none: no-label-noise"], "alignment"),
    (["--system", "reweighting", "--n", "20", "--clean", "6", "--grid", "label_flip=0.1,0.4", "n=16,20",
      "--algorithm", "learned:", "plain: no-reweighting"], "test_accuracy"),
])
def test_every_system(words: list[str], column: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its options, its axes, its usual measures; a picture, too."""
    picture, table = tmp_path / "map.png", tmp_path / "runs.csv"
    assert main(["sweep", *words, "--steps", "30", "--seeds", "2", "--heatmap", str(picture), "--csv", str(table)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    rows = pd.read_csv(table)
    assert len(rows) == 16 and rows[column].notna().all() and rows["algorithm"].nunique() == 2
    assert column in capsys.readouterr().out


def test_heatmap_of_the_axes_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first two of the grid and the first measure, or those named."""
    drawn: list[tuple[str, ...]] = []

    def heatmap(frame: pd.DataFrame, *what: str) -> Any:
        drawn.append(what)
        return ts.plot.heatmap(frame, *what)

    monkeypatch.setattr("theorysim.cli.sweep.heatmap", heatmap)
    words = [*SMALL, "--grid", "n=4,6", "d=300", "label-flip=0,0.1", "--seeds", "1", "--measure", "train_loss",
             "gamma_max", "--heatmap", str(tmp_path / "map.svg")]
    assert main(words) == 0 and main([*words, "--x", "label-flip", "--value", "gamma_max"]) == 0
    assert drawn == [("n", "label_flip", "train_loss"), ("label_flip", "n", "gamma_max")]
    assert (tmp_path / "map.svg").read_bytes().startswith(b"<?xml")


def test_impossible_cells_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """They are rows without measures, with a reason."""
    assert main([*SMALL, "--grid", "d=1,300", "--seeds", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "4 runs" in lines and any(line.startswith("2 invalid: ") and "d=1" in line for line in lines)
    assert re.search(r"^1 +GradientDescent +0/2 +– +–$", "\n".join(lines), re.MULTILINE)


def test_the_same_line_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped half-way, it ends with 130 and says how far it came; then it makes what is missing, and no more."""
    words = [*SMALL, "--grid", "n=4,6,8", "--seeds", "2", "--store", str(tmp_path / "new" / "s.db")]
    real = MODULE.execute
    made: list[int] = []

    def execute(job: Any, tasks: Any, *rest: Any) -> bool:
        made.append(len(tasks))
        return real(job, tasks[:2] if len(made) == 1 else tasks, *rest) and len(made) > 1

    monkeypatch.setattr(MODULE, "execute", execute)
    assert main(words) == 130
    out, err = capsys.readouterr()
    assert "2 runs" in out and err == "theorysim: interrupted; 2 of 6 runs were complete; the same line goes on\n"
    assert main(words) == 0
    assert "6 runs" in capsys.readouterr().out and made == [6, 4]
    assert main(words) == 0 and made == [6, 4, 0]


def test_interrupted_before_the_first_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing to show, nothing drawn."""
    monkeypatch.setattr(MODULE, "execute", lambda *_: False)
    assert main([*SMALL, "--grid", "n=4,6", "m=2,3", "--seeds", "1", "--heatmap", str(tmp_path / "map.png")]) == 130
    out, err = capsys.readouterr()
    assert out == "no run was complete\n" and "0 of 4 runs were complete; with --store the same line would go on" in err
    assert not (tmp_path / "map.png").exists()
