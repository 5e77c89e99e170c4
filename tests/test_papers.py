"""Papers as plug-ins: of a notebook, of another package, broken ones; and which is meant where none is named."""

import ast
import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import theorysim as ts
from theorysim.cli import main
from theorysim.reproduce import Report, figures, reproduce
from theorysim.theory import paper as registry
from theorysim.theory.law import Law
from theorysim.theory.paper import Figure, constants_of, default_paper, paper_named, papers, papers_about
from theorysim.theory.statement import Constants, Evidence, Sense, Statement
from theorysim.theory.windows import (
    at, end, every_step, first_record, number, observed, observed_next, recorded, records_since, since,
)

ROOT = Path(__file__).parents[1]
PROBLEM = ts.SignalNoise(n=8, d=200, m=3, signal_norm=2.0, noise_std=0.5, init_std=0.01)
RELU = PROBLEM.replace(q=1)
GD = ts.GradientDescent(0.1)
LINEAR = ts.LinearNetwork(n=10, d=3, width=20, label_noise_std=2.0)
KERNEL = ts.KernelReweighting(ts.SignalNoiseImages(d=10), n=10, clean=4, test=10)
OURS = ["chen2023", "deng2023", "han2025", "huang2025", "karhadkar2024", "kou2023", "lu2024", "sakamoto2025",
        "second_order", "wan2025", "zhang2025", "zhang2026"]


@pytest.fixture(autouse=True)
def nothing_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers is gone after it."""
    monkeypatch.setattr(registry, "_REGISTERED", {})
    yield
    registry._installed.cache_clear()
    registry._loaded.cache_clear()


# --- a toy paper, as it would be in a notebook ------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Hidden(Constants):
    """With the loss that counts as small."""

    small: float = 0.5


def fitted(evidence: Any) -> float:
    """The first step with a loss that is small."""
    reached = np.flatnonzero(evidence.run.column("train_loss") <= evidence.constants.small)
    return float(reached[0]) if reached.size else np.nan


def picture(*, seeds: int = 1, progress: bool = False) -> Report:
    """Nothing to see."""
    import pandas as pd
    from matplotlib.figure import Figure as Picture

    return Report("toy-figure", "Toy", f"{seeds} seeds", {"all": pd.DataFrame({"seed": range(seeds)})}, Picture())


TOY = ts.Paper(
    about=("patch",),
    name="toy1900",
    citation="Toy, 1900",
    statements=(
        Statement(
            id="toy1900.loss", claim="the loss stays below C", formula="L ≤ C", source="Toy, Lemma 1",
            sense=Sense.UPPER, measured=observed("train_loss"), predicted=number(lambda e: e.constants.C),
            window=every_step, applies=lambda run: run.algorithm.label_noise is None,
        ),
    ),
    constants=Hidden,
    laws={"T": Law("T = Θ(1/η)", "Toy, Theorem 2", Sense.ORDER, {"lr": -1}, fitted, lambda e: 1 / e.run.algorithm.lr,
                   until=lambda c: lambda seen: seen["train_loss"] <= c.small)},
    figures={"toy-figure": Figure("nothing to see", picture)},
)


def test_toy_paper_in_check() -> None:
    """Asked for by name; with its constants, and no other's."""
    ts.register_paper(TOY)
    run = ts.simulate(PROBLEM, GD, 50)
    report = ts.check(run, "toy1900")
    assert report.paper == "toy1900" and report.why == "" and list(report.table["verdict"]) == ["holds"]
    assert report.title == "toy1900: 1 run, delta=0.05, C=1.0, band=4.0, small=0.5"
    assert ts.check(run, "toy1900", C=0.1).table["verdict"][0] == "violated"
    with pytest.raises(TypeError, match="horizon=3: no such constant; there are delta, C, band, small"):
        ts.check(run, "toy1900", horizon=3)
    with pytest.raises(ValueError, match="paper='toy1900': says nothing of a LinearRun; must be one of 'zhang2026'"):
        ts.check(ts.simulate(LINEAR, ts.LinearSGD(1e-3), 5), "toy1900")


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_toy_paper_in_sweep(executor: str) -> None:
    """A statement by its id is a measure, wherever the run is made; a constant reaches those that know it."""
    ts.register_paper(TOY)
    grid, given = {"n": [4, 8]}, {"GD": GD, "noise": ts.GradientDescent(0.1, ts.Flip(0.1))}

    def verdicts(**constants: float) -> list[str]:
        frame = ts.sweep(PROBLEM, grid=grid, algorithms=given, steps=10, seeds=1, measure=["toy1900.loss", "T1"],
                         executor=executor, workers=1 if executor == "threads" else None, **constants)
        return frame.sort_values("algorithm")["toy1900.loss"].tolist()

    assert verdicts() == ["holds"] * 2 + ["does not apply"] * 2
    assert verdicts(C=0.1, small=0.3, rho_threshold=0.2) == ["violated"] * 2 + ["does not apply"] * 2
    with pytest.raises(TypeError, match="tiny=1: no such constant; there are delta, C, band, "):
        verdicts(tiny=1)
    with pytest.raises(ValueError, match="C=0: must be finite"):
        verdicts(C=0)


def test_toy_paper_in_scaling() -> None:
    """A law by the names of paper and law, with a constant of its own as a parameter."""
    ts.register_paper(TOY)
    fit = ts.scaling(PROBLEM, ts.GradientDescent(0.02), "toy1900.T", vary={"lr": [0.01, 0.02], "small": [0.4, 0.6]},
                     seeds=2, steps=5000)
    found = fit.exponents.set_index("parameter")
    assert found.loc["lr", "exponent"] == pytest.approx(-1, abs=0.05) and found.loc["small", "theory"] == 0
    assert fit.formula == "T = Θ(1/η)" and fit.source == "Toy, Theorem 2"
    with pytest.raises(ValueError, match="measure='T': must be one of 'T1', 'T1/start', 'T2', 'han2025.T1'"):
        ts.scaling(PROBLEM, GD, "T", vary={"lr": [0.1, 0.2]})
    with pytest.raises(TypeError, match="tiny=1: no such constant"):
        ts.scaling(PROBLEM, GD, "toy1900.T", vary={"lr": [0.1, 0.2]}, tiny=1)


def test_toy_paper_is_reproduced(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """By name, and listed by the command line with its constants."""
    ts.register_paper(TOY)
    assert figures()["toy-figure"].text == "nothing to see" and reproduce("toy-figure", seeds=3).text == "3 seeds"
    assert main(["reproduce", "toy-figure", "--out", str(tmp_path), "--quiet"]) == 0
    for command, words in ((["reproduce", "--list"], "toy-figure"), (["papers", "toy1900"], "small=")):
        assert main(command) == 0
        assert words in capsys.readouterr().out


# --- registering ------------------------------------------------------------------------------------------------


def test_registering_again_replaces() -> None:
    """As a cell of a notebook that is run twice does."""
    ts.register_paper(TOY)
    ts.register_paper(again := dataclasses.replace(TOY, statements=()))
    assert paper_named("toy1900") is again and list(papers()) == sorted([*OURS, "toy1900"])


def test_installed_names_are_taken() -> None:
    """And so are names of figures."""
    with pytest.raises(ValueError, match="paper.name='huang2025': is the name of an installed paper; must be another"):
        ts.register_paper(dataclasses.replace(TOY, name="huang2025"))
    with pytest.raises(ValueError, match="'huang2025-fig2' is the name of a figure of huang2025"):
        ts.register_paper(dataclasses.replace(TOY, figures={"huang2025-fig2": TOY.figures["toy-figure"]}))
    assert list(papers()) == OURS


@pytest.mark.parametrize(("field", "value", "error", "words"), [
    ("name", 3, TypeError, "name=3: must be a str, not int"),
    ("name", "two words", ValueError, "name='two words': must be letters, digits and underscores"),
    ("citation", None, TypeError, "citation=None: must be a str"),
    ("about", "patch", TypeError, "about='patch': must be a tuple, not str"),
    ("about", (1,), TypeError, r"about\[0\]=1: must be a str"),
    ("statements", [], TypeError, r"statements=\[\]: must be a tuple, not list"),
    ("statements", ("a",), TypeError, r"statements\[0\]='a': must be a Statement, not str"),
    ("statements", TOY.statements * 2, ValueError, "statements: the id 'toy1900.loss' occurs 2 times"),
    ("evidence", 1, TypeError, "evidence=1: must be a function"),
    ("constants", Constants(), TypeError, "constants=Constants.*: must be the type Constants or a subclass"),
    ("constants", dict, TypeError, "constants=<class 'dict'>: must be the type Constants"),
    ("laws", [1], TypeError, r"laws=\[1\]: must be a Mapping"),
    ("laws", {"T": 1}, TypeError, r"laws\['T'\]=1: must be a Law"),
    ("setting", None, TypeError, "setting=None: must be a function"),
    ("regime", 1, TypeError, "regime=1: must be a function"),
    ("figures", {"a": picture}, TypeError, r"figures\['a'\]=.*: must be a Figure"),
])
def test_bad_values_are_refused(field: str, value: Any, error: type[Exception], words: str) -> None:
    """By the name of the field, before anything can go wrong with it."""
    with pytest.raises(error, match=words):
        dataclasses.replace(TOY, **{field: value})


def test_only_papers_are_registered() -> None:
    """And nothing else."""
    with pytest.raises(TypeError, match="paper='toy1900': must be a Paper, not str"):
        ts.register_paper("toy1900")  # type: ignore[arg-type]


# --- installed papers -------------------------------------------------------------------------------------------


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that adds entry points to those there are, as (name, value)."""
    ours = tuple(registry.metadata.entry_points(group=registry.GROUP))

    def add(*others: tuple[str, str]) -> None:
        found = (*ours, *(EntryPoint(name, value, registry.GROUP) for name, value in others))
        monkeypatch.setattr(registry.metadata, "entry_points", lambda group: found)
        registry._installed.cache_clear()
        registry._loaded.cache_clear()

    return add


def test_ours_are_installed_like_anyones() -> None:
    """Five papers by entry points; importing the package loads none of them."""
    assert list(papers()) == OURS
    code = "import sys, theorysim, theorysim.cli; print([one for one in sys.modules if '.papers.' in one])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_broken_papers_break_no_other(installed: Callable[..., None]) -> None:
    """They are left out, and say what is wrong when they are asked for."""
    installed(("gone1", "no_such_package:PAPER"), ("gone2", "theorysim.theory.paper:NOTHING"),
              ("gone3", "theorysim.theory.paper:GROUP"), ("gone4", "theorysim.papers.han2025:PAPER"))
    assert list(papers()) == OURS
    assert ts.check(ts.simulate(PROBLEM, GD, 5)).paper == "huang2025"
    for name, words in (("gone1", "ModuleNotFoundError: No module named 'no_such_package'"),
                        ("gone2", "AttributeError"), ("gone3", "must be a Paper, not str"),
                        ("gone4", "has the name 'han2025', and is installed as")):
        with pytest.raises(ImportError, match=f"paper='{name}': cannot be loaded: .*{words}"):
            paper_named(name)
    with pytest.raises(ValueError, match="paper='nobody': must be one of 'chen2023', 'deng2023', 'gone1', 'gone2', "):
        paper_named("nobody")


def test_one_name_from_two_packages(installed: Callable[..., None]) -> None:
    """Neither is taken, unless one is ours; the same one found twice is one."""
    installed(("two", "first:PAPER"), ("two", "second:PAPER"), ("huang2025", "third:PAPER"),
              ("kou2023", "theorysim.papers.kou2023:PAPER"))
    assert list(papers()) == OURS
    with pytest.raises(ImportError, match="the packages first, second all bring a paper of this name"):
        paper_named("two")


def test_without_any_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout that is not installed says so."""
    monkeypatch.setattr(registry.metadata, "entry_points", lambda group: ())
    registry._installed.cache_clear()
    assert papers() == {}
    with pytest.raises(ValueError, match="paper='huang2025': no paper is installed; install the package"):
        paper_named("huang2025")
    with pytest.raises(ValueError, match="run: no paper speaks of a PatchRun"):
        ts.check(ts.simulate(PROBLEM, GD, 2))


def test_example_package(tmp_path: Path) -> None:
    """The package that the documentation offers for copying: installed, checked against, fitted, drawn, listed."""
    source, target = tmp_path / "source", tmp_path / "target"
    shutil.copytree(ROOT / "docs" / "example-paper", source, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
                    "--disable-pip-version-check", "--no-index", "--target", target, source], check=True)
    path = os.pathsep.join(filter(None, [str(target), str(ROOT), os.environ.get("PYTHONPATH", "")]))

    def told(*command: str) -> str:
        done = subprocess.run([sys.executable, *command], cwd=tmp_path, env=os.environ | {"PYTHONPATH": path},
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    code = """
import json, theorysim as ts
problem = ts.SignalNoise(n=20, d=1000, m=5, signal_norm=2.0, noise_std=0.5, init_std=0.001, q=1)
report = ts.check(ts.simulate(problem, ts.GradientDescent(0.01), 100, record_every=10), "example2026", C=1.5)
wrong = ts.check(ts.simulate(problem, ts.GradientDescent(0.01), 100), "example2026", C=0.01)
fit = ts.scaling(problem, ts.GradientDescent(0.002), "example2026.T", vary={"lr": [0.001, 0.002]}, seeds=2, steps=5000)
print(json.dumps([report.title, list(report.table["verdict"]), list(wrong.table["verdict"]), str(fit)]))
"""
    title, right, wrong, fit = json.loads(told("-c", code))
    assert title == "example2026: 1 run, delta=0.05, C=1.5, band=4.0, theta=0.1"
    assert right == ["holds", "holds"] and wrong == ["holds", "violated"]
    assert fit.startswith("example2026.T: T = Θ(θm/(η‖μ‖²))") and "agrees" in fit
    assert "example2026-rise" in told("-m", "theorysim", "reproduce", "--list")
    told("-m", "theorysim", "reproduce", "example2026-rise", "--seeds", "2", "--quiet", "--out", "made")
    assert sorted(one.name for one in (tmp_path / "made").iterdir()) == [
        "example2026-rise-end.csv", "example2026-rise.md", "example2026-rise.png"]


# --- which paper is meant ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("problem", "algorithm", "paper", "why"), [
    (PROBLEM, GD, "huang2025", "activation of power q = 2, no label noise"),
    (PROBLEM.replace(q=2.5), GD, "huang2025", "activation of power q = 2.5, no label noise"),
    (PROBLEM.replace(label_flip=0.5), GD, "huang2025", "activation of power q = 2, no label noise"),
    (PROBLEM, ts.GradientDescent(0.1, ts.Flip(0.1)), "huang2025", "label noise at every step"),
    (RELU, ts.GradientDescent(0.1, ts.Gaussian(1.0, 0.5)), "huang2025", "label noise at every step"),
    (RELU.replace(label_flip=0.5), GD, "han2025", "ReLU, labels flipped before training"),
    (RELU, GD, "han2025", "ReLU, clean labels"),
    (PROBLEM.replace(q=1.5), GD, "han2025", "no paper has this setting, and han2025 is the first about such runs"),
    (LINEAR, ts.LinearSGD(1e-3), "zhang2026", "a two-layer linear network"),
    (LINEAR, ts.OscillatingLayer(1e-2), "zhang2026", "a two-layer linear network"),
    (KERNEL, ts.Reweighting(), "zhang2025", "training with sample weights"),
])
def test_default_paper(problem: Any, algorithm: Any, paper: str, why: str) -> None:
    """The one whose setting it is; the report says which, why, and which others there are."""
    run = ts.simulate(problem, algorithm, 4)
    found = default_paper(run)
    others = [one.name for one in papers_about(run) if one.name != paper and one.statements_about(run)]
    assert ("second_order" in others) == (algorithm == ts.GradientDescent(0.1, ts.Flip(0.1)))
    assert found.paper.name == paper
    assert found.why == why + (f"; {', '.join(others)} also about such runs" if others else "")
    report = ts.check(run)
    assert (report.paper, report.why) == found._replace(paper=paper)
    for text in (str(report), report.to_markdown(), report._repr_html_()):
        assert why in text and report.paper in text


def test_own_setting_is_a_candidate() -> None:
    """A paper that claims a run is taken where no other before it does."""
    ts.register_paper(dataclasses.replace(TOY, setting=lambda run: "power 1.5" if run.problem.q == 1.5 else ""))
    assert ts.check(ts.simulate(PROBLEM.replace(q=1.5), GD, 3)).why.startswith("power 1.5; han2025, huang2025")
    assert ts.check(ts.simulate(PROBLEM, GD, 3)).paper == "huang2025"


def test_constants_of_several() -> None:
    """Each gets what it knows."""
    found = constants_of([paper_named("han2025"), paper_named("huang2025")], {"epsilon": 0.1, "horizon": 5, "C": 2})
    assert [str(one) for one in found.values()] == [
        "delta=0.05, C=2, band=4.0, epsilon=0.1, rho_threshold=0.1, order_one=20.0",
        "delta=0.05, C=2, band=4.0, horizon=5, epsilon=0.1, gamma_threshold=1.0, logs=tilde"]


def test_regimes() -> None:
    """Of the papers that have one."""
    from theorysim.strategies import problems

    assert problems(inside="huang2025") is not None
    with pytest.raises(ValueError, match="inside='han2025': must be one of 'huang2025'"):
        problems(inside="han2025")


# --- what statements share --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("problem", "algorithm", "column"), [
    (PROBLEM, GD, "train_loss"), (LINEAR, ts.LinearSGD(1e-3), "test_loss"),
    (LINEAR, ts.OscillatingLayer(1e-2), "mean_norm_sq"), (KERNEL, ts.Reweighting(), "auc"),
])
def test_evidence_of_any_system(problem: Any, algorithm: Any, column: str) -> None:
    """Observables by step, whatever steps a run was observed at; NaN at others."""
    evidence = Evidence(ts.simulate(problem, algorithm, 300))
    table = evidence.run.observables[column]
    steps = np.array([0, 1, 257, 300, 10**6])
    expected = [table.get(step, np.nan) for step in steps]
    np.testing.assert_array_equal(evidence.column(column, steps), expected)
    np.testing.assert_array_equal(observed_next(column)(evidence, steps), expected)
    with pytest.raises(ValueError, match="name='nothing': must be one of"):
        evidence.column("nothing", steps)


def test_windows() -> None:
    """At, since and after a moment, or never: the steps that a claim is about, recorded or not."""
    evidence = Evidence(ts.simulate(PROBLEM, GD, 20, record_at=[5, 10]))
    for moment, single in ((5.0, [5]), (5.2, [6]), (20.0, [20]), (21.0, []), (np.nan, [])):
        def when(_evidence: Evidence, moment: float = moment) -> float:
            return moment

        assert at(when)(evidence).tolist() == single and first_record(when)(evidence).tolist() == single
        assert since(when)(evidence).tolist() == (list(range(single[0], 21)) if single else [])
        assert records_since(when)(evidence).tolist() == since(when)(evidence).tolist()
    assert recorded(every_step)(evidence).tolist() == list(range(21)) and end(evidence).tolist() == [20]
    for two in (number(2), number(lambda _evidence: 2)):
        assert two(evidence, np.arange(3)).tolist() == [2, 2, 2]


# --- the house --------------------------------------------------------------------------------------------------


def test_only_papers_know_papers() -> None:
    """No file below imports one, inside a function neither; no module is found by putting its name together."""
    for path in (ROOT / "theorysim").rglob("*.py"):
        if path.relative_to(ROOT / "theorysim").parts[0] == "papers":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [one.name for one in node.names] + [getattr(node, "module", None) or ""]
                assert not any(name.startswith(("theorysim.papers", "importlib.import_module")) for name in names), path
                assert not (getattr(node, "module", "") == "theorysim" and "papers" in names), path


def test_statements_are_one_dialect() -> None:
    """Written with keywords."""
    for path in [*(ROOT / "theorysim" / "papers").rglob("*.py"), *(ROOT / "theorysim" / "theory").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Statement":
                assert not node.args, f"{path}:{node.lineno}"
