"""The command line: what it prints, writes and returns."""

import subprocess
import sys
from pathlib import Path

import matplotlib.image
import pandas as pd
import pytest
from figure_check import defects

import theorysim as ts
from theorysim.cli import main

SMALL = ["simulate", "--n", "6", "--d", "300", "--m", "2", "--steps", "40", "--quiet"]


def test_simulate_prints_the_facts(capsys: pytest.CaptureFixture[str]) -> None:
    """Status, losses, test error and stage times; nothing on stderr when quiet."""
    assert main(SMALL) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for text in ("completed", "train_loss", "test error [95% interval]", "T1 =", "T2 =", "n=6, d=300"):
        assert text in out


def test_simulate_writes_what_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Picture, table and the run itself, equal to the library's."""
    picture, table, saved = tmp_path / "run.png", tmp_path / "run.csv", tmp_path / "run.npz"
    arguments = ["--flip", "0.1", "--seed", "3", "--plot", str(picture), "--csv", str(table), "--save", str(saved)]
    assert main(SMALL + arguments) == 0
    problem = ts.SignalNoise(n=6, d=300, m=2, signal_norm=2.0, noise_std=0.5, init_std=0.01)
    run = ts.simulate(problem, ts.GradientDescent(1.0, ts.Flip(0.1)), 40, 3)
    assert ts.load_run(saved).rows.tobytes() == run.rows.tobytes()
    pd.testing.assert_frame_equal(pd.read_csv(table, index_col="step"), run.observables, check_index_type=False)
    assert matplotlib.image.imread(picture).std() > 0.01, "the picture is not blank"
    assert f"wrote {saved}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--gaussian", "1", "0.5"], "Gaussian(mean=1.0, std=0.5)"),
        (["--uniform", "-1", "2"], "Uniform(low=-1.0, high=2.0)"),
        (["--snr", "0.5", "--label-flip", "0.1", "0.2"], "label_flip=(0.1, 0.2)"),
        (["--non-orthogonal-noise", "--q", "1"], "orthogonal_noise=False"),
        (["--engine", "paired"], "deviation from explicit weights"),
        (["--draw", "vectors"], "Draw(form='vectors'"),
    ],
)
def test_options_reach_the_library(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each option shows in what is printed."""
    assert main(SMALL + arguments) == 0
    assert expected in capsys.readouterr().out


def test_linear(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same of a linear network: facts, times, picture, table, a run that the checker takes."""
    paths = [tmp_path / name for name in ("run.csv", "run.npz", "run.png")]
    arguments = ["linear", "--n", "20", "--d", "3", "--width", "1e6", "--lr", "1e-7", "--steps", "300", "--quiet",
                 "--csv", str(paths[0]), "--save", str(paths[1]), "--plot", str(paths[2])]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "completed" in out and "T2_half" in out and "alignment" in out and f"wrote {paths[1]}" in out
    problem = ts.LinearNetwork(20, 3, 10**6, label_noise_std=4.0)
    run = ts.simulate(problem, ts.LinearSGD(1e-7), 300)
    assert ts.load_run(paths[1]).rows.tobytes() == run.rows.tobytes()
    pd.testing.assert_frame_equal(pd.read_csv(paths[0], index_col="step"), run.observables, check_index_type=False)
    assert matplotlib.image.imread(paths[2]).std() > 0.01
    assert main(["check", str(paths[1])]) == 0
    assert "\n  condition_1.rate " in capsys.readouterr().out
    assert main(["linear", "--width", "1000", "--lr", "0.1", "--steps", "500", "--quiet", "--batch", "full"]) == 1
    assert "lower lr (now 0.1) below 2d/((d+2)m) = 0.00182" in capsys.readouterr().out
    assert main(["linear", "--batch", "some", "--quiet"]) == 2
    assert '--batch some: must be a number or "full"' in capsys.readouterr().err


def test_reweighting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same of sample reweighting."""
    paths = [tmp_path / name for name in ("run.csv", "run.npz", "run.png")]
    arguments = ["reweighting", "--n", "30", "--clean", "8", "--steps", "60", "--quiet", "--kernel", "rbf",
                 "--csv", str(paths[0]), "--save", str(paths[1]), "--plot", str(paths[2])]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "completed" in out and "t_pol" in out and "auc" in out and f"wrote {paths[1]}" in out
    problem = ts.KernelReweighting(ts.SignalNoiseImages(), 30, 8, kernel="rbf")
    run = ts.simulate(problem, ts.Reweighting(), 60)
    assert ts.load_run(paths[1]).series.tobytes() == run.series.tobytes()
    pd.testing.assert_frame_equal(pd.read_csv(paths[0], index_col="step"), run.observables, check_index_type=False)
    assert matplotlib.image.imread(paths[2]).std() > 0.01
    assert main(["check", str(paths[1])]) == 0
    assert "\n  alignment " in capsys.readouterr().out
    assert main(["reweighting", "--n", "20", "--clean", "4", "--lr", "1e9", "--quiet", "--no-reweighting"]) == 1
    assert "lower lr (now 1e+09) below 2/λ_max" in capsys.readouterr().out
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)  # as where it is not installed
    assert main(["reweighting", "--digits", "3", "8", "--quiet"]) == 2
    assert "pip install scikit-learn" in capsys.readouterr().err
    assert main(["reweighting", "--label-flip", "2", "--quiet"]) == 2
    assert "label_flip=2.0: must be finite and in [0, 1]" in capsys.readouterr().err


def test_bad_values_are_errors_not_tracebacks(capsys: pytest.CaptureFixture[str]) -> None:
    """The library's message on stderr, exit status 2."""
    assert main([*SMALL, "--lr", "-1"]) == 2
    assert "lr=-1.0: must be finite and in (0, inf]" in capsys.readouterr().err


def test_divergence_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    """What is finite is shown, the remedy named, exit status 1."""
    assert main([*SMALL, "--q", "4", "--lr", "1e6", "--init-std", "10"]) == 1
    assert "lower lr (now 1e+06)" in capsys.readouterr().out


@pytest.mark.parametrize("command", [[], ["simulate"], ["linear"], ["reweighting"], ["check"], ["reproduce"]])
def test_help_teaches(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Help explains and shows examples."""
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert "theorysim" in out and (not command or "examples:" in out)


def test_reproduce_small(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`reproduce` prints the report and writes picture, page and tables (here of a tiny problem)."""
    from theorysim.reproduce import reproduce
    from theorysim.papers.huang2025.figures import fig2 as huang2025_fig2

    tiny = ts.SignalNoise(n=6, d=60, m=2, signal_norm=2.0, noise_std=0.5, init_std=0.01)
    monkeypatch.setattr(
        "theorysim.cli.reproduce.reproduce", lambda name, **options: reproduce(name, paper=tiny, steps=30, **options)
    )
    assert main(["reproduce", "huang2025-fig2", "--seeds", "2", "--out", str(tmp_path), "--quiet"]) == 0
    out = capsys.readouterr().out
    assert "lies inside d ≥ n²" in out and "lies outside" not in out.split("d ≥ n² log n**")[1].split("\n")[0]
    runs = pd.read_csv(tmp_path / "huang2025-fig2-runs.csv")
    assert len(runs) == 2 * 2 * len(huang2025_fig2.settings(tiny))
    assert set(runs["seed"]) == {0, 1}
    page = (tmp_path / "huang2025-fig2.md").read_text(encoding="utf-8")
    assert "huang2025-fig2.png" in page and "seeds 0..1" in page
    assert matplotlib.image.imread(tmp_path / "huang2025-fig2.png").std() > 0.01


@pytest.mark.compiled
def test_reproduce_bounds_small(tmp_path: Path) -> None:
    """The tightness report at its smallest: six studies, test errors, two check tables, one picture."""
    from theorysim.reproduce import reproduce

    d = 10**5
    centre = ts.SignalNoise(n=8, d=d, m=20, signal_norm=1.0, noise_std=1.0, init_std=1e-3 / d**0.5).replace(n_snr2=0.1)
    report = reproduce("huang2025-bounds", seeds=2, centre=centre, steps=20_000)
    exponents = report.tables["exponents"]
    assert exponents["study"].nunique() == 6
    first = exponents[exponents["study"] == "T1 from the weakest start, GD"].set_index("parameter")
    assert (first["exponent"] - first["theory"]).abs().max() < 0.1
    assert set(report.tables["test-error"]["algorithm"]) == {"GD", "label noise"}
    assert "huang2025.lemma_d_1" in report.text and "huang2025.lemma_e_1" in report.text
    assert defects(report.figure) == []
    written = report.write(tmp_path)
    assert {path.suffix for path in written} == {".png", ".md", ".csv"}
    assert matplotlib.image.imread(written[0]).std() > 0.01


def test_one_script_makes_every_figure(tmp_path: Path) -> None:
    """It lists them without a name, and refuses others; beside it are benchmarks, and what draws from tables."""
    from theorysim.reproduce import figures

    folder = Path(__file__).parents[1] / "experiments"
    assert {path.name for path in folder.iterdir() if path.name != "__pycache__"} == {
        "benchmarks", "redraw.py", "reproduce.py"}

    def told(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, folder / "reproduce.py", *arguments], cwd=tmp_path, check=False,
                              capture_output=True, text=True)

    assert [line.split()[0] for line in told().stdout.splitlines()] == list(figures())
    assert "name='nothing': must be one of" in told("nothing").stderr
    done = told("kou2023-heatmap", "--seeds", "x")
    assert done.returncode == 2 and "--seeds" in done.stderr
    assert not list(tmp_path.iterdir())


def test_reproduce_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown name lists the known ones, from Python too."""
    from theorysim.reproduce import reproduce

    assert main(["reproduce", "nothing"]) == 2
    assert "name='nothing': must be one of 'chen2023-sam'" in capsys.readouterr().err
    with pytest.raises(ValueError, match="name='nothing': must be one of 'chen2023-sam'"):
        reproduce("nothing")


def test_module_runs_as_a_command() -> None:
    """python -m theorysim --version."""
    done = subprocess.run([sys.executable, "-m", "theorysim", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"theorysim {ts.__version__}"
