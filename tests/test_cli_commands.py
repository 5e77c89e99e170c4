"""Commands beside those that train: help, papers, lists, check over seeds; words that are nearly right; warnings."""

import dataclasses
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import theorysim as ts
from theorysim.cli import commands, main, setting
from theorysim.patch.doubts import doubts
from theorysim.reproduce import figures
from theorysim.theory.paper import papers

SMALL = ["--n", "6", "--d", "300", "--m", "2", "--steps", "40"]
PROBLEM = ts.SignalNoise(n=6, d=300, m=2, signal_norm=2.0, noise_std=0.5, init_std=0.01)


def told(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> tuple[str, str]:
    """What a command prints, on stdout and on stderr."""
    try:
        ended = main(list(arguments))
    except SystemExit as end:
        ended = int(end.code or 0)
    assert ended == status
    out, err = capsys.readouterr()
    return out, err


# --- help ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["", *commands()])
def test_help_is_a_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`help COMMAND` is COMMAND --help, with examples that begin with the command's name."""
    words = [command] if command else []
    first, second = told(capsys, "help", *words), told(capsys, *words, "--help")
    assert first == second and first[1] == ""
    if command:
        assert f"\n  theorysim {command}" in first[0]
    else:
        assert all(f"  {name} " in first[0] for name in (*commands(), "help"))


HEAVY = ("scipy.special", "scipy.linalg", "pandas", "matplotlib", "hypothesis", "tqdm", "theorysim.papers")


@pytest.mark.parametrize("command", [[], *([name] for name in commands())], ids=str)
def test_help_loads_little(command: list[str]) -> None:
    """None of the large packages, and no paper."""
    code = ("import sys\nfrom theorysim.cli import main\ntry:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
            f"print([one for one in {HEAVY} if one in sys.modules], file=sys.stderr)")
    done = subprocess.run([sys.executable, "-c", code, *command, "--help"], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n" and "usage: theorysim" in done.stdout


def test_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    """What there is is listed; --version is known."""
    assert f"give a command: {', '.join(commands())}, help" in told(capsys, status=2)[1]
    assert told(capsys, "--version")[0] == f"theorysim {ts.__version__}\n"


# --- words that are nearly right ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("line", "meant"), [
    ("simulat", "simulate"), ("reproduc", "reproduce"), ("papr", "papers"), ("hepl", "help"),
    ("swep --grid n=4", "sweep"), ("--verison", "--version"),
    ("simulate --labl-flip 0.1", "--label-flip"), ("simulate --sam", "--sam-radius"),
    ("linear --widht=5", "--width"), ("check --sedes 5", "--seeds"),
    ("check --seeds 2 --label-flp 0.1", "--label-flip"),
    ("sweep --grid n=4,6 --heatmpa x.png", "--heatmap"), ("sweep --grid n=4,6 --snrr 0.1", "--snr"),
    ("reproduce huang2025-fg2", "huang2025-fig2"), ("reproduce error-bound", "huang2025-error-bound"),
    ("papers huang2052", "huang2025"), ("check run.npz --paper hung2025", "huang2025"),
    ("check --seeds 2 --set detla=0.1 --n 6 --d 300 --m 2 --steps 10", "delta"),
    ("sweep --grid n=4,6 --measure test_eror", "test_error"),
    ("sweep --grid n=4,6 --measure huang2025.lema_d_1", "huang2025.lemma_d_1"),
    ("sweep --grid nois_std=1,2", "noise_std"),
    ('sweep --grid n=4,6 --algorithm "flp=0.1"', "--flip"),
    ("sweep --grid n=4,6 m=2,3 --heatmap x.png --x nn", "n"),
])
def test_did_you_mean(
    line: str, meant: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands, options, figures, papers, constants, measures, statements, axes."""
    monkeypatch.chdir(tmp_path)
    out, err = told(capsys, *shlex.split(line), status=2)
    assert out == "" and err.endswith(f"did you mean {meant!r}?\n")


def test_nothing_near_is_not_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    """A word like no other has no hint."""
    for line in (["qqq"], ["simulate", "--zzzzz"], ["reproduce", "qqq"]):
        assert "did you mean" not in told(capsys, *line, status=2)[1]


# --- papers and figures -------------------------------------------------------------------------------------------


def test_papers_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """A line each: name, statements, figures, systems, citation."""
    head, *lines = told(capsys, "papers")[0].splitlines()
    assert head.split() == ["paper", "statements", "figures", "systems", "citation"]
    assert [line.split()[0] for line in lines] == list(papers())
    for line, one in zip(lines, papers().values(), strict=True):
        assert line.split()[1:3] == [str(len(one.statements)), str(len(one.figures))]
        assert line.endswith(one.citation) and f" {', '.join(one.about)} " in line


@pytest.mark.parametrize("name", list(papers()))
def test_a_paper_in_full(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every statement with claim, formula and source, every constant with its default, every figure."""
    out, paper = told(capsys, "papers", name)[0], papers()[name]
    for one in paper.statements:
        assert f"\n  {one.id}   ({one.source})\n      {one.claim}\n      {one.formula}\n" in out
    assert f"{name}: {paper.citation}\n" in out and str(paper.constants()) in out
    assert all(f"  {figure} " in out and one.text in out for figure, one in paper.figures.items())


def test_figures_are_listed_by_paper(capsys: pytest.CaptureFixture[str]) -> None:
    """All of them, once each, below the paper; without a name the list is pointed at."""
    out, _ = told(capsys, "reproduce", "--list")
    groups = {part.splitlines()[0].split(":")[0]: part.splitlines()[1:] for part in out.strip().split("\n\n")}
    assert groups.keys() == {name for name, one in papers().items() if one.figures}
    for name, lines in groups.items():
        assert [line.split()[0] for line in lines] == list(papers()[name].figures)
    assert sorted(line.split()[0] for lines in groups.values() for line in lines) == sorted(figures())
    assert "--list lists them" in told(capsys, "reproduce", status=2)[1]


# --- check over seeds ---------------------------------------------------------------------------------------------


def test_check_makes_the_runs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The report of the library on the same seeds; the table if asked for; no run is written."""
    table = tmp_path / "report.csv"
    out, err = told(capsys, "check", "--seeds", "3", *SMALL, "--lr", "0.5", "--set", "delta=0.1", "--csv", str(table))
    runs = [ts.simulate(PROBLEM, ts.GradientDescent(0.5), 40, seed) for seed in range(3)]
    assert out == f"{ts.check(runs, delta=0.1)}\nwrote {table}\n" and err == ""
    assert [path.name for path in tmp_path.iterdir()] == ["report.csv"]
    out, _ = told(capsys, "check", *SMALL, "--seeds=2", "--paper", "huang2025", "--replay")
    runs = [ts.simulate(PROBLEM, ts.GradientDescent(1.0), 40, seed) for seed in range(2)]
    assert out == f"{ts.check(runs, 'huang2025', replay=True)}\n"


def test_check_makes_runs_of_any_system(capsys: pytest.CaptureFixture[str]) -> None:
    """--system has the options of another one."""
    out, _ = told(capsys, "check", "--system", "linear", "--seeds", "2", "--n", "20", "--d", "3", "--width", "100",
                  "--steps", "50")
    problem = ts.LinearNetwork(20, 3, 100, label_noise_std=4.0)
    assert out == f"{ts.check([ts.simulate(problem, ts.LinearSGD(1e-3), 50, seed) for seed in range(2)])}\n"


def test_check_takes_files_or_seeds(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Not both, not neither; the options of a setting only with seeds."""
    path = tmp_path / "run.npz"
    ts.simulate(PROBLEM, ts.GradientDescent(1.0), 40).save(path)
    assert "give runs written by --save, or --seeds K" in told(capsys, "check", status=2)[1]
    assert "--seeds makes the runs" in told(capsys, "check", str(path), "--seeds", "2", *SMALL, status=2)[1]
    assert "unrecognized arguments: --n 6" in told(capsys, "check", str(path), "--n", "6", status=2)[1]
    assert "--seeds=0: must be an integer >= 1" in told(capsys, "check", "--seeds", "0", status=2)[1]
    assert "paper='nobody': must be one of" in told(capsys, "check", "--seeds", "2", "--paper", "nobody", status=2)[1]


def test_check_of_runs_that_diverge(capsys: pytest.CaptureFixture[str]) -> None:
    """They are checked up to there, and each is told with its remedy."""
    out, err = told(capsys, "check", "--seeds", "2", *SMALL, "--q", "4", "--lr", "1e6", "--init-std", "10")
    assert "seed 0: the state overflows" in err and "seed 1: " in err and "lower lr (now 1e+06)" in err
    assert "2 runs" in out


def test_check_interrupted(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C: what was complete is checked, the exit status says that it was not all."""
    simulate, made = ts.simulate, []

    def interrupted(*given: Any, **named: Any) -> Any:
        made.append(1)
        run = simulate(*given, **named)
        return run if len(made) < 3 else dataclasses.replace(run, status=ts.Status.INTERRUPTED)

    monkeypatch.setattr("theorysim.cli.check.simulate", interrupted)
    out, err = told(capsys, "check", "--seeds", "4", *SMALL, status=130)
    assert "2 runs" in out and "interrupted; 2 of 4 runs were complete" in err and len(made) == 3
    made[:] = [1, 1]
    out, err = told(capsys, "check", "--seeds", "4", *SMALL, status=130)
    assert out == "" and "0 of 4" in err


# --- warnings -----------------------------------------------------------------------------------------------------

WARNED = [
    (["simulate", *SMALL, "--label-flip", "0.6"], "label_flip=0.6: more than half"),
    (["simulate", *SMALL, "--label-flip", "0.1", "0.7"], "label_flip=(0.1, 0.7): more than half"),
    (["simulate", *SMALL, "--lr", "0.1", "--flip", "0.7"], "its multipliers have the mean -0.4 < 0"),
    (["simulate", *SMALL, "--lr", "0.1", "--gaussian", "-1", "0.5"], "have the mean -1 < 0"),
    (["simulate", *SMALL, "--lr", "0.1", "--uniform", "-2", "1"], "have the mean -0.5 < 0"),
    (["simulate", *SMALL, "--d", "5"], "d=5 < n=6: the noise vectors are linearly dependent"),
    (["simulate", *SMALL[:-1], "0"], "steps=0: nothing is trained"),
    (["simulate", *SMALL, "--lr", "30"], "lr=30: the first step alone carries the memory of a sample from 0.0866 by"),
    (["simulate", *SMALL, "--flip", "0.1"], "lr=1 is kappa=6.25 > 2"),
    (["simulate", *SMALL, "--lr", "0.1", "--weight-decay", "30"], "lr*weight_decay=3: beyond 2 = 2(1 + momentum)"),
    (["linear", "--n", "20", "--d", "3", "--width", "100", "--steps", "5", "--lr", "0.05"], "lr=0.05: beyond 0.012"),
    (["reweighting", "--n", "20", "--clean", "4", "--steps", "5", "--label-flip", "0.6"], "label_flip=0.6: more than"),
    (["reweighting", "--n", "20", "--clean", "4", "--steps", "5", "--clean-label-flip", "0.6"], "clean_label_flip=0.6"),
    (["check", "--seeds", "2", *SMALL, "--label-flip", "0.6"], "label_flip=0.6: more than half"),
    (["sweep", *SMALL, "--grid", "label_flip=0.4,0.6,0.7", "--seeds", "1"], "label_flip=0.6: more than half"),
]


@pytest.mark.parametrize(("arguments", "warning"), WARNED, ids=[" ".join(one) for one, _ in WARNED])
def test_what_makes_no_sense_is_warned_of(
    arguments: list[str], warning: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line on stderr; the work is done all the same."""
    status = main(arguments)
    out, err = capsys.readouterr()
    assert status == 0 and out
    (line,) = err.splitlines()
    assert line.startswith("theorysim: warning: ") and warning in line


def test_the_like_in_other_cells_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """A sweep warns once of each thing."""
    _, err = told(capsys, "sweep", *SMALL, "--grid", "label_flip=0.4,0.6,0.7,0.8", "--seeds", "1")
    assert err.count("warning") == 1 and err.endswith("(and the like in 2 more cells)\n")


@pytest.mark.parametrize("name", list(setting.systems()))
def test_defaults_are_not_warned_of(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Of no system."""
    system = setting.systems()[name]
    assert system.options is not None
    parser = commands()[system.options.command].parser([])
    problem, algorithm, _ = setting.of(system, parser.parse_args([]))
    assert not system.doubts(problem, algorithm)


@pytest.mark.parametrize("shrink", [0.9, 1.1])
def test_decay_beyond_the_limit_grows_weights(shrink: float) -> None:
    """What is warned of is so: (1 + momentum) 2/lr parts weights that shrink from weights that grow."""
    still = PROBLEM.replace(init_std=1e-6)
    algorithm = ts.GradientDescent(1e-3, momentum=0.5, weight_decay=shrink * 3000)
    run = ts.simulate(still, algorithm, 200, draw="vectors", on_failure="return")
    size = abs(ts.reconstruct(run)).max()
    assert (size > 1e-6) == (shrink > 1) == ("weight_decay" in doubts(still, algorithm))


def own_memory(problem: ts.SignalNoise, algorithm: ts.GradientDescent, **rest: Any) -> tuple[float, float]:
    """⟨w, ξ⟩ of a sample and the filter of its label that has most of it, before and after the first step."""
    own = int(ts.simulate(problem, algorithm, 0, 5).draw.labels[0] < 0)
    seen: list[Any] = []

    def look(state: Any) -> float:
        seen.append(state.z_noise[own, :, 0].copy())
        return 0.0

    ts.simulate(problem, algorithm, 1, 5, observe={"look": look}, **rest)
    best = int(np.argmax(seen[0]))
    assert len(seen) == 2 and seen[0][best] > 0
    return float(seen[0][best]), float(seen[1][best])


@pytest.mark.parametrize("kappa", [0.5, 1.5, 3.0])
def test_a_turned_label_multiplies_memory_by_one_minus_kappa(kappa: float) -> None:
    """What the warning says of a step, at small outputs and q = 2; samples are orthogonal to 1/√d."""
    still = ts.SignalNoise(n=2, d=10**10, m=9, signal_norm=0.0, noise_std=0.5, init_std=1e-8)
    before, after = own_memory(still, ts.GradientDescent.from_kappa(still, kappa), label_noise=-np.ones((1, 2)))
    assert after / before == pytest.approx(1 - kappa, abs=1e-3)


@pytest.mark.parametrize("q", [2.0, 3.0])
def test_the_first_step_is_as_large_as_said(q: float) -> None:
    """It carries memory from z by κ(q/2)z^{q−1}."""
    wide = ts.SignalNoise(n=2, d=10**10, m=9, signal_norm=0.0, noise_std=0.5, init_std=1e-8, q=q)
    before, after = own_memory(wide, ts.GradientDescent.from_kappa(wide, 3.0))
    assert after - before == pytest.approx(3.0 * q / 2 * before ** (q - 1), rel=0.01)
