"""Claims, counterexamples and pages on the command line."""

from pathlib import Path

import pytest

import theorysim as ts
from theorysim.cli import main

SETTING = ["--n", "6", "--d", "300", "--m", "2", "--steps", "30"]


def test_falsify_finds_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 1; the code that is printed makes the run again; page and picture are there."""
    page, picture = tmp_path / "new" / "found.html", tmp_path / "found.svg"
    line = ["falsify", "gamma_max <= rho_bar_max", "--runs", "60", "--html", str(page), "--plot", str(picture)]
    assert main(line) == 1
    out = capsys.readouterr().out
    assert "is contradicted" in out and f"wrote {page}" in out and f"wrote {picture}" in out
    code = out[out.index("claim = ts.claim("):out.index("\nwrote")]
    exec(code, {"ts": ts})
    assert "violated" in capsys.readouterr().out
    assert "Counterexample to" in page.read_text(encoding="utf-8") and "<svg" in picture.read_text(encoding="utf-8")


def test_falsify_survives(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 0, with how much was tried; the same seed, the same words but for the seconds."""
    said = []
    for _ in range(2):
        assert main(["falsify", "n >= 1", "--runs", "5", "--seed", "3"]) == 0
        said.append(capsys.readouterr().out.partition(" s")[0].rpartition(" ")[0])
    assert said[0] == said[1] and "5" in said[0]


@pytest.mark.parametrize(("arguments", "told"), [
    (["falsify", "gamma_mx <= 1", "--runs", "5"], "did you mean gamma_max?"),
    (["falsify", "gamma", "--runs", "5"], "must be a Statement"),
    (["falsify", "n >= 1", "--inside", "huang2052"], "huang2025"),
    (["falsify", "n >= 1", "--runs", "0"], "runs=0"),
    (["falsify", "n >= 1", "--html", "page.pdf"], "must end in .html"),
    (["check", "--seeds", "1", *SETTING, "--claim", "gamma_max <="], "cannot be read"),
    (["check", "--seeds", "1", *SETTING, "--claim", "__import__('os') <= 1"], "__import__"),
])
def test_refused(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong is named, and nothing is written."""
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert told in err and not out


def test_claims_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Alone, or beside a paper; with a page."""
    claims = ["--claim", "gamma_max <= 100", "--claim", "train_loss <= 0"]
    page = tmp_path / "page.html"
    assert main(["check", "--seeds", "2", *SETTING, *claims, "--html", str(page), "--quiet"]) == 0
    out = capsys.readouterr().out
    assert "own claims: 2 runs" in out and "Inside the regime, violated: 1" in out and f"wrote {page}" in out
    assert "train_loss" in page.read_text(encoding="utf-8")
    assert main(["check", "--seeds", "2", *SETTING, *claims, "--paper", "huang2025", "--quiet"]) == 0
    assert "own claims" in (out := capsys.readouterr().out) and "lemma_d_1" in out


def test_pages_of_other_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run's, and a sweep's."""
    for name, line in (("run", ["simulate", *SETTING, "--flip", "0.1"]),
                       ("sweep", ["sweep", *SETTING[2:], "--seeds", "2", "--grid", "n=4,6"])):
        page = tmp_path / f"{name}.html"
        assert main([*line, "--html", str(page), "--quiet"]) == 0
        assert f"wrote {page}" in capsys.readouterr().out
        assert "<html" in page.read_text(encoding="utf-8")
