"""The report that people read: its sentence, its groups and order, widths, colours, pages, and formulas as LaTeX."""

import contextlib
import dataclasses
import os
import re
import struct
import unicodedata
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.mathtext import MathTextParser

import theorysim as ts
from theorysim.check import CheckReport, Finding, Verdict, show, show_text
from theorysim.check.formulas import to_latex, to_mathml
from theorysim.cli import main
from theorysim.theory.conditions import Condition
from theorysim.theory.paper import papers
from theorysim.theory.statement import Constants, Sense, Statement

NAN = float("nan")
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
V = Verdict


def found(
    name: str, verdict: Verdict, measured: float = NAN, predicted: float = NAN, *, formula: str = "a ≤ b",
    comparison: bool | None = None, margin: float = 2.0, steps: tuple[int, int] = (1, 1), at: float = NAN,
    sense: Sense = Sense.UPPER, over_draws: bool = False,
) -> Finding:
    """A finding with its numbers given."""
    def nothing(*_: Any) -> Any:
        return np.zeros(0)

    statement = Statement(id=name, claim="a claim", formula=formula, source="this test", sense=sense,
                          measured=nothing, predicted=nothing, over_draws=over_draws)
    conditions = (Condition("met", margin, ">=", 1.0, "this test"),) if np.isfinite(margin) else ()
    if comparison is None and not np.isnan(measured):
        comparison = verdict in (V.HOLDS, V.VACUOUS)
    with np.errstate(all="ignore"):
        ratio = float(np.float64(measured) / np.float64(predicted))
    return Finding(statement, verdict, comparison, conditions, measured, predicted, ratio, at, steps[1], steps[0])


def one_run(*findings: Finding, paper: str = "toy1900", why: str = "") -> CheckReport:
    """A report of one run."""
    return CheckReport(paper, Constants(), (findings,), why)


def made_up() -> CheckReport:
    """One statement or two in every group, in no order."""
    inf = float("inf")
    return one_run(
        found("toy1900.assumption_1.d", V.HOLDS, 1e6, 16.0, formula="d ≥ C n²", margin=inf, sense=Sense.LOWER),
        found("toy1900.lemma_1", V.HOLDS, 0.5, 2.0, steps=(200, 200), formula="γ_{j,r} ≤ C√log(8mn/δ) σ_0‖μ‖"),
        found("toy1900.late", V.NOT_REACHED, steps=(0, 0)),
        found("toy1900.out.false", V.OUTSIDE, 9.0, 1.0, margin=0.25, at=17, steps=(90, 90)),
        found("toy1900.lemma_2", V.HOLDS, 1.9, 2.0, steps=(3, 200)),
        found("toy1900.bad", V.VIOLATED, 3.0, 1.0, at=4, formula="|ρ̲| ≤ ρ̄², all i"),
        found("toy1900.out.true", V.OUTSIDE, 1e-9, 1.0, comparison=True, margin=0.5),
        found("toy1900.unseen", V.NOT_SAMPLED, steps=(0, 12)),
        found("toy1900.worse", V.VIOLATED, 123456.0, 1.0, at=0),
        found("toy1900.empty", V.VACUOUS, 0.1, 0.9),
        found("toy1900.lost", V.NOT_EVALUABLE, steps=(0, 1)),
        found("toy1900.assumption_1.lr", V.VIOLATED, 2.0, 1.0, formula="η ≤ C/(σ_p² d)", margin=inf),
        why="a made-up setting",
    )


WIDE = """\
toy1900: 1 run, delta=0.05, C=1.0, band=4.0
Chosen for this: a made-up setting.
4 statements inside the regime: 2 hold, 2 violated; 2 outside, of which 1 still true; 1 not reached; 1 not sampled; 1
not evaluable; 1 vacuous; 1 of 2 assumptions met.

  statement        verdict        holds    steps  margin  measured  predicted     ratio  fails at

Inside the regime, violated: 2
  worse            violated         0/1      1/1       2  1.23e+05          1  1.23e+05         0
      a ≤ b
  bad              violated         0/1      1/1       2         3          1         3         4
      |ρ̲| ≤ ρ̄², all i

Inside the regime, as claimed: 2
  lemma_2          holds            1/1    3/200       2       1.9          2      0.95         –
      a ≤ b
  lemma_1          holds            1/1  200/200       2       0.5          2      0.25         –
      γ_{j,r} ≤ C√log(8mn/δ) σ_0‖μ‖

Outside the regime, still true: 1
  out.true         outside          1/1      1/1     0.5     1e-09          1     1e-09         –
      a ≤ b

Outside the regime, not true: 1
  out.false        outside          0/1    90/90    0.25         9          1         9        17
      a ≤ b

Vacuous (true, and says nothing here): 1
  empty            vacuous          1/1      1/1       2       0.1        0.9     0.111         –
      a ≤ b

Not sampled (the run kept nothing to compare): 1
  unseen           not sampled      0/0     0/12       2         –          –         –         –
      a ≤ b

Not reached (the run ends before): 1
  late             not reached      0/0      0/0       2         –          –         –         –
      a ≤ b

Not evaluable (made of numbers that are not known): 1
  lost             not evaluable    0/0      0/1       2         –          –         –         –
      a ≤ b

Assumptions not met: 1
  assumption_1.lr  not met          0/1      1/1       –         2          1         2         –
      η ≤ C/(σ_p² d)

Assumptions met: 1
  assumption_1.d   met              1/1      1/1       –     1e+06         16  6.25e+04         –
      d ≥ C n²"""

NARROW = """\
toy1900: 1 run, delta=0.05, C=1.0, band=4.0
Chosen for this: a made-up setting.
4 statements inside the regime: 2 hold, 2 violated; 2 outside, of which 1 still
true; 1 not reached; 1 not sampled; 1 not evaluable; 1 vacuous; 1 of 2
assumptions met.

  statement: verdict
    holds    steps  margin  measured  predicted     ratio  fails at

Inside the regime, violated: 2
  worse: violated
      0/1      1/1       2  1.23e+05          1  1.23e+05         0
      a ≤ b
  bad: violated
      0/1      1/1       2         3          1         3         4
      |ρ̲| ≤ ρ̄², all i

Inside the regime, as claimed: 2
  lemma_2: holds
      1/1    3/200       2       1.9          2      0.95         –
      a ≤ b
  lemma_1: holds
      1/1  200/200       2       0.5          2      0.25         –
      γ_{j,r} ≤ C√log(8mn/δ) σ_0‖μ‖
"""


# --- the screen -------------------------------------------------------------------------------------------------


def test_screen_at_120() -> None:
    """Every group, most pressing first, what is closest to failing first in each."""
    assert made_up().to_text(120) == WIDE
    assert str(made_up()) == WIDE, "no terminal here"


def test_screen_at_80() -> None:
    """The verdict beside the name, numbers below, in columns."""
    assert made_up().to_text(80).startswith(NARROW)


LONG = "x" * 900, "Σ_r " * 60, "3.14159265358979 " * 20, "ρ̄" * 400, "1" * 119 + " " + "2" * 50, "中文" * 90


@pytest.mark.parametrize("width", [40, 61, 80, 100, 119, 120])
def test_no_line_is_longer(width: int) -> None:
    """Whatever the formulas, names and numbers."""
    report = one_run(
        *(found(f"toy1900.{'deep.' * k}lemma_{k}", V.HOLDS, 1.0, 2.0, formula=text) for k, text in enumerate(LONG)),
        found("toy1900." + "y" * 130, V.VIOLATED, -1.2345e-300, -2.2e-300, steps=(10**9, 10**9), at=10**9),
        why="w " * 99,
    )
    lines = report.to_text(width).splitlines()
    assert max(map(show_text.cells_wide, lines)) <= width
    assert not any("\u0304" == line.strip()[:1] for line in lines), "a bar stays on its letter"
    shown = re.sub(r"\s+", " ", report.to_text(width))
    for text in ("-1.23e-300", "-2.2e-300", "1000000000/1000000000", "1e+09"):
        assert text in shown
    assert str(report).count("…") >= 1, "a formula of many lines is cut"


def test_wider_than_120_is_not_used() -> None:
    """Nor is what no one could read."""
    assert made_up().to_text(500) == made_up().to_text(120)
    with pytest.raises(ValueError, match="width=10: must be an integer >= 40"):
        made_up().to_text(10)


def test_numbers_are_not_broken() -> None:
    """A formula without spaces is broken between its parts."""
    lines = show_text.wrap("abc+" * 9 + "1234.5678e-9" + "+abc" * 9, 40)
    assert any("1234.5678e-9" in line for line in lines) and "".join(lines).count("abc") == 18
    assert show_text.wrap("9" * 100, 40) == ["9" * 40, "9" * 40, "9" * 20], "but for what fits nowhere"
    assert show_text.wrap("", 40) == []


def test_combining_signs_take_no_room() -> None:
    """ρ̄ and ρ̲ are one column wide, and wide letters two."""
    assert [show_text.cells_wide(text) for text in ("ρ̄", "ρ̲_{j}", "y\u0303\u0304", "中", "a")] == [1, 5, 1, 2, 1]


def test_terminals_are_not_steered() -> None:
    """Names and formulas of a plug-in are shown, not obeyed."""
    report = one_run(found("toy1900.\x1b[2J", V.HOLDS, 1.0, 2.0, formula="a\n\x07 ≤ b\r"))
    assert not {one for one in str(report) if unicodedata.category(one) == "Cc"} - {"\n"}


# --- the sentence -----------------------------------------------------------------------------------------------


def plain(verdict: Verdict, count: int, *, name: str = "lemma", comparison: bool | None = None) -> list[Finding]:
    """Findings of one kind."""
    known = comparison is not None or verdict not in (V.NOT_REACHED, V.NOT_SAMPLED, V.NOT_EVALUABLE)
    return [found(f"{name}_{verdict}_{comparison}_{k}", verdict, *((1.0, 2.0) if known else ()), comparison=comparison)
            for k in range(count)]


@pytest.mark.parametrize(("findings", "summary", "short"), [
    ([], "no statement applies", "none inside the regime"),
    (plain(V.HOLDS, 11) + plain(V.VIOLATED, 1) + plain(V.OUTSIDE, 6, comparison=True) + plain(V.OUTSIDE, 2)
     + plain(V.NOT_REACHED, 5) + plain(V.NOT_SAMPLED, 2) + plain(V.VACUOUS, 1) + plain(V.NOT_EVALUABLE, 3),
     "12 statements inside the regime: 11 hold, 1 violated; 8 outside, of which 6 still true; 5 not reached; "
     "2 not sampled; 3 not evaluable; 1 vacuous", "11 of 12 inside the regime hold"),
    (plain(V.HOLDS, 1), "1 statement inside the regime: it holds", "1 of 1 inside the regime holds"),
    (plain(V.VIOLATED, 1), "1 statement inside the regime: it is violated", "0 of 1 inside the regime holds"),
    (plain(V.HOLDS, 1) + plain(V.VIOLATED, 2), "3 statements inside the regime: 1 holds, 2 violated",
     "1 of 3 inside the regime hold"),
    (plain(V.HOLDS, 3), "3 statements inside the regime: all hold", "3 of 3 inside the regime hold"),
    (plain(V.VIOLATED, 2), "2 statements inside the regime: all violated", "0 of 2 inside the regime hold"),
    (plain(V.OUTSIDE, 1), "no statement inside the regime; 1 outside, not true", "none inside the regime"),
    (plain(V.OUTSIDE, 1, comparison=True), "no statement inside the regime; 1 outside, still true",
     "none inside the regime"),
    (plain(V.OUTSIDE, 4), "no statement inside the regime; 4 outside, of which none still true",
     "none inside the regime"),
    (plain(V.OUTSIDE, 4, comparison=True), "no statement inside the regime; 4 outside, all still true",
     "none inside the regime"),
    (plain(V.HOLDS, 1, name="p.assumption"), "no statement inside the regime; its one assumption met",
     "none inside the regime"),
    (plain(V.HOLDS, 2, name="p.condition") + plain(V.VIOLATED, 1, name="low_snr") + plain(V.HOLDS, 2),
     "2 statements inside the regime: all hold; 2 of 3 assumptions met", "2 of 2 inside the regime hold"),
    (plain(V.HOLDS, 2, name="p.condition") + plain(V.NOT_EVALUABLE, 1, name="assumption"),
     "no statement inside the regime; all 2 assumptions met; 1 assumption not compared", "none inside the regime"),
])
def test_summary(findings: Sequence[Finding], summary: str, short: str) -> None:
    """Right grammar, and nothing said of what there is none of; the counts are of all statements."""
    report = one_run(*findings)
    assert report.summary == summary
    assert repr(report) == f"<CheckReport toy1900: 1 run, {short}>"
    assert sum(report.counts.values()) == len(report.table) == len(findings)
    sentence = f"{summary[0].upper()}{summary[1:]}."
    assert sentence in " ".join(str(report).split()) and sentence in report.to_html()


def test_summary_over_seeds() -> None:
    """Claims about the draw are counted, and those that fail on some draws are told apart."""
    runs = tuple(
        (found("often", V.VIOLATED if k == 3 else V.HOLDS, 3.0 if k == 3 else 1.0, 2.0, over_draws=True),
         found("always", V.HOLDS, 1.0, 2.0, over_draws=True),
         found("never", V.VIOLATED, 5.0, 2.0, over_draws=True),
         found("plain", V.VIOLATED if k == 3 else V.HOLDS, 7.0 if k == 3 else 1.0, 2.0, steps=(2, 3), at=k))
        for k in range(20)
    )
    report = CheckReport("toy1900", Constants(), runs)
    assert report.summary == (
        "4 statements inside the regime: 2 hold (1 of these by count, not in every run), 2 violated")
    assert repr(report) == "<CheckReport toy1900: 20 runs, 2 of 4 inside the regime hold>"
    rows = {line.split()[0]: line.split() for line in str(report).splitlines() if re.match(r"  \w", line)}
    assert rows["often"][2] == "19/20" and rows["always"][2] == "20/20" and rows["never"][2] == "0/20"
    assert rows["plain"][1:] == ["violated", "19/20", "40/60", "2", "7", "2", "3.5", "3"], "of the worst run"
    assert report.table.set_index("statement").loc["plain", "measured"] == 1.0, "the table has medians"


def test_counts_of_the_made_up_report() -> None:
    """By name; one statement is in one group."""
    assert dict(made_up().counts) == {
        "violated": 2, "holds": 2, "outside_true": 1, "outside_false": 1, "vacuous": 1, "not_sampled": 1,
        "not_reached": 1, "not_evaluable": 1, "assumptions_unmet": 1, "assumptions_met": 1, "assumptions_open": 0}


def test_empty_report() -> None:
    """No statement applies: said so everywhere, and nothing breaks."""
    report = one_run()
    assert str(report) == "toy1900: 1 run, delta=0.05, C=1.0, band=4.0\nNo statement applies."
    assert "No statement applies." in report.to_html() and "no statement applies" in report.to_markdown()
    assert report.to_latex().endswith("\\bottomrule\n\\end{tabular}")
    assert set(report.counts.values()) == {0} and report.table.empty


# --- order ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sense", list(Sense))
def test_order_within_a_group(sense: Sense) -> None:
    """What is closest to failing first; ties by the margin of the conditions."""
    sides = {Sense.UPPER: [(1.0, 1.1), (1.0, 9.0), (-9.0, -1.0)], Sense.LOWER: [(1.1, 1.0), (9.0, 1.0), (-1.0, -9.0)],
             Sense.ORDER: [(3.9, 1.0), (0.5, 1.0), (1.0, 1.5)]}[sense]
    findings = [found(f"s{k}", V.HOLDS, *pair, sense=sense) for k, pair in enumerate(sides)]
    near = [found("tie.far", V.HOLDS, 1.0, 1.0, margin=50.0, sense=sense),
            found("tie.near", V.HOLDS, 2.0, 2.0, margin=1.5, sense=sense)]
    rows = show.ordered(one_run(*findings[::-1], *near)._rows)
    names = [row.cells[0] for row in rows]
    assert names.index("tie.far") == names.index("tie.near") + 1
    assert [name for name in names if name[0] == "s"][0] == "s0"
    assert (names[0] == "s0") is (sense == Sense.ORDER), "equal sides are the end of ≤ and the middle of Θ"


def test_same_order_everywhere() -> None:
    """Screen, page, Markdown and LaTeX agree; the table keeps the paper's order."""
    report = made_up()
    names = [row.cells[0] for row in show.ordered(report._rows)]
    short = [name.removeprefix("toy1900.") for name in names]
    assert re.findall(r"^  (\S+) ", str(report), re.MULTILINE)[1:] == short
    assert re.findall(r"<code>(.*?)</code>", report.to_html()) == names
    assert re.findall(r"^\| (toy\S+)", report.to_markdown(), re.MULTILINE) == names
    table = re.findall(r"^\\texttt{(.*?)} &", report.to_latex(), re.MULTILINE)
    assert [one.replace("\\", "") for one in table] == short
    assert list(report.table["statement"]) == [one.statement.id for one in report.findings[0]]


@pytest.mark.parametrize(("name", "expected"), [
    ("huang2025.assumption_3_1.m", True), ("han2025.condition_4_1.lr", True), ("zhang2026.condition_1", True),
    ("low_snr.power", True), ("p.assumption", True), ("huang2025.lemma_4_2.t1", False), ("p.preconditioned", False),
    ("concentration.noise_norm.lower", False), ("p.lemma_1.assumptions_none", False),
])
def test_assumptions_by_their_names(name: str, expected: bool) -> None:
    """A part of the id says so."""
    assert show.is_assumption(name) is expected


def test_names_without_the_paper() -> None:
    """What the screen shows can be asked for."""
    report = made_up()
    assert report["lemma_1"] is report["toy1900.lemma_1"]


# --- colours ----------------------------------------------------------------------------------------------------


@pytest.fixture
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No wishes about colours, and a terminal that has them."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


@contextlib.contextmanager
def terminal(columns: int) -> Iterator[None]:
    """Standard output is a real terminal."""
    pty, termios, fcntl = (pytest.importorskip(name) for name in ("pty", "termios", "fcntl"))
    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(reader, "rb"), os.fdopen(writer, "w") as stream, contextlib.redirect_stdout(stream):
        yield


@pytest.mark.usefixtures("plain_environment")
def test_a_terminal_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its width; its colours, unless the environment or the caller says otherwise; a plain string has none ever."""
    report = made_up()
    with terminal(80):
        assert str(report) == report.to_text(80), "no colours in a string that may be written to a file"
        coloured = report.to_text(color="auto")
        assert ESCAPE.sub("", coloured) == report.to_text(80) and "\x1b[31mviolated\x1b[0m" in coloured
        assert "\x1b[1;32mInside the regime, as claimed: 2\x1b[0m" in coloured
        assert "\x1b" not in report.to_text(color="never")
        monkeypatch.setenv("TERM", "dumb")
        assert "\x1b" not in report.to_text(color="auto")
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("NO_COLOR", "1")
        assert "\x1b" not in report.to_text(color="auto") and "\x1b" in report.to_text(color="always")
    for columns, used in ((0, 120), (30, 40), (100, 100), (200, 120)):
        with terminal(columns):
            text = str(report)
        assert text == report.to_text(used)


@pytest.mark.usefixtures("plain_environment")
@pytest.mark.parametrize(("environment", "coloured"), [
    ({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "0"}, False), ({"FORCE_COLOR": ""}, False),
    ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False), ({"NO_COLOR": ""}, False),
])
def test_a_pipe_has_no_colours(environment: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless they are forced."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b" in made_up().to_text(color="auto")) is coloured
    assert "\x1b" in made_up().to_text(color="always") and "\x1b" not in str(made_up())
    with pytest.raises(ValueError, match="color='pink': must be one of 'auto', 'always', 'never'"):
        made_up().to_text(color="pink")


@pytest.mark.usefixtures("plain_environment")
def test_command_line_colours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """--color, and none into a pipe; the text is the same."""
    problem = ts.SignalNoise(n=6, d=300, m=2, signal_norm=2.0, noise_std=0.5, init_std=0.01)
    ts.simulate(problem, ts.GradientDescent(0.1), 20).save(tmp_path / "run.npz")

    def told(*options: str) -> str:
        assert main(["check", str(tmp_path / "run.npz"), *options]) == 0
        return capsys.readouterr().out

    piped, forced = told(), told("--color", "always")
    assert "\x1b" not in piped + told("--color", "never") and "\x1b[" in forced
    assert ESCAPE.sub("", forced) == piped and max(map(show_text.cells_wide, piped.splitlines())) <= 120
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert told() == forced and told("--color", "never") == piped


# --- pages ------------------------------------------------------------------------------------------------------

HOSTILE = "<script>alert(1)</script> & \"'$\\input{x}$ | `*_#%~^{} \n% x"


class Tags(HTMLParser):
    """The tags of a page, which must be closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        """One more."""
        self.seen.add(tag)
        if not (self.get_starttag_text() or "").endswith("/>"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """One less, the last."""
        if not (self.get_starttag_text() or "").endswith("/>") or self.open[-1] == tag:
            assert self.open.pop() == tag


@pytest.mark.parametrize("text", [HOSTILE, "a < b > c & d", "\"><img src=x onerror=alert(1)>", "]](http://x)"])
def test_what_comes_from_outside_is_escaped(text: str) -> None:
    """A paper's name, the reason for it, an id and a formula, on every kind of page."""
    report = one_run(found(f"p.{text}", V.HOLDS, 1.0, 2.0, formula=text), paper=text, why=text)
    tags = Tags()
    tags.feed(report.to_html())
    assert not tags.open and not {"script", "img"} & tags.seen
    assert tags.seen >= {"table", "td", "th", "tbody", "p"}
    (line,) = (one for one in report.to_markdown().splitlines() if one.startswith("| p."))
    assert len(re.findall(r"(?<!\\)\|", line)) == len(show.HEAD) + 1 and not re.search(r"(?<!\\)<", line)
    assert not re.search(r"(?<!\\)\]\(", report.to_markdown())
    balanced(report.to_latex())
    assert r"\input" not in report.to_latex().replace(r"% ", "").split(r"\toprule")[1]


def balanced(latex: str) -> None:
    """Braces and dollars of LaTeX outside comments close, and every row has all cells."""
    lines = [one for one in latex.splitlines() if not one.startswith("%")]
    text = re.sub(r"\\.", "", "\n".join(lines))
    depth = 0
    for sign in text:
        depth += (sign == "{") - (sign == "}")
        assert depth >= 0
    assert depth == 0 and text.count("$") % 2 == 0 and not set(text) & set("%#")
    for line in lines:
        if line.startswith(r"\texttt"):
            assert line.endswith(r" \\") and len(re.findall(r"(?<!\\)&", line)) == len(show.HEAD) - 1


def test_html_is_a_page_part() -> None:
    """Headings, tints and no scripts; the same in a notebook; numbers as on the screen."""
    page = made_up().to_html()
    tags = Tags()
    tags.feed(page)
    assert not tags.open and made_up()._repr_html_() == page
    assert page.count("<tbody") == 10 and "Inside the regime, violated: 2" in page and "1.23e+05" in page
    assert "color:" not in page.replace("background", ""), "letters in the reader's own colour"
    assert 'title="this test: a claim"' in page and "\x1b" not in page


def test_latex_of_a_report() -> None:
    """A booktabs table: a head, groups with rules between, numbers with powers of ten."""
    latex = made_up().to_latex()
    balanced(latex)
    assert latex.count(r"\midrule") == 10 and latex.count(r"\toprule") == latex.count(r"\bottomrule") == 1
    assert r"\texttt{worse} & $a \leq b$ & violated & $0/1$ & $1/1$ & $2$ & $1.23 \times 10^{5}$ & $1$" in latex
    assert "-- & -- & --" in latex
    for formula in re.findall(r"(?<!\\)\$(.*?)(?<!\\)\$", latex):
        MathTextParser("path").parse(f"${formula}$")


# --- formulas ---------------------------------------------------------------------------------------------------


def every_formula() -> list[str]:
    """Of the statements of all papers."""
    return sorted({one.formula for paper in papers().values() for one in paper.statements})


@pytest.mark.parametrize("formula", every_formula())
def test_every_formula_is_latex_and_mathml(formula: str) -> None:
    """Of every paper: read, accepted by a reader of LaTeX, with no letter left that LaTeX does not know."""
    latex = to_latex(formula)
    assert latex[0] == latex[-1] == "$" and latex.isascii()
    MathTextParser("path").parse(latex)
    page = to_mathml(formula)
    tags = Tags()
    tags.feed(page)
    assert page.startswith("<math alttext=") and not tags.open


@pytest.mark.parametrize(("formula", "latex"), [
    ("‖ξ_i‖² ≥ σ_p² d/2", r"$\|\xi_{i}\|^{2} \geq \sigma_{p}^{2}\,d/2$"),
    ("ρ̄²_{y_i,r,i} ≤ |ρ̲|", r"$\bar{\rho}_{y_{i},r,i}^{2} \leq |\underline{\rho}|$"),
    ("ỹf = y*_i", r"$\tilde{y}f = y_{i}^{*}$"),
    ("2√log(8mn/δ) σ_0√d", r"$2\sqrt{\log(8mn/\delta)}\,\sigma_{0}\sqrt{d}$"),
    ("√(d log(4n²/δ)) α", r"$\sqrt{d\,\log(4n^{2}/\delta)}\,\alpha$"),
    ("T1 = Θ(nm) on [T1, T2], all i", r"$T_{1} = \Theta(nm)\ \mathrm{on}\ [T_{1},\ T_{2}],\ \mathrm{all}\ i$"),
    ("d^(3/4) + ε_i^(t)", r"$d^{3/4} + \epsilon_{i}^{(t)}$"),
    ("(1/m)Σ_r γ and ΣE[g²]", r"$(1/m)\sum_{r}\,\gamma\ \mathrm{and}\ \Sigma E[g^{2}]$"),
    ("w ≤ 1e-6 + 2.5e3", r"$w \leq 10^{-6} + 2.5 \times 10^{3}$"),
    ("e^{c₂} K_AA⁻¹ θ*ᵀ log₁₀ x", r"$e^{c_{2}}\,K_{AA}^{-1}\,\theta^{*T}\,\log_{10}x$"),
    ("T1_all ≥ t_pol", r"$T_{1,\mathrm{all}} \geq t_{\mathrm{pol}}$"),
    ("test error <= order_one", r"$\mathrm{test\ error} \leq \mathrm{order\_one}$"),
    ("min τ±/2, ½, 99% of i", r"$\min\tau_{\pm}/2,\ 1/2,\ 99\%\ \mathrm{of}\ i$"),
    ("a ≠ b ± 2", r"$a \neq b \pm 2$"),
])
def test_latex(formula: str, latex: str) -> None:
    """What people type, as LaTeX."""
    assert to_latex(formula) == latex
    MathTextParser("path").parse(latex)


def test_mathml() -> None:
    """Scripts, roots, bars and relations."""
    page = to_mathml("ρ̄²_i < √d")
    assert page == (
        '<math alttext="ρ̄²_i &lt; √d"><mrow><msubsup><mover accent="true"><mi>ρ</mi><mo>¯</mo></mover><mi>i</mi>'
        "<mn>2</mn></msubsup><mo>&lt;</mo><msqrt><mi>d</mi></msqrt></mrow></math>")


@pytest.mark.parametrize(("formula", "latex"), [
    ("", ""), ("(a ≤ b", "(a ≤ b"), (r"$\gamma_1$", r"\$\textbackslash{}gamma\_1\$"), ("√", "√"), ("a_", r"a\_"),
    ("x^{2", r"x\textasciicircum{}\{2"), ("при d", "при d"), ("100 & 5 € ~", r"100 \& 5 € \textasciitilde{}"),
])
def test_what_cannot_be_read_is_shown_as_text(formula: str, latex: str) -> None:
    """LaTeX already, brackets that stay open, signs of no table."""
    assert to_latex(formula) == latex
    assert "<math" not in to_mathml(formula) and "<" not in to_mathml(formula)


@given(st.text(alphabet="abTδ012_^{}()[]|‖√²₀ ̲̄*'±≤<&$\\#% e-.,Σ", max_size=30) | st.text(max_size=20))
def test_any_text_at_all(formula: str) -> None:
    """Nothing raises, everything closes; formulas that are read are LaTeX."""
    latex, page = to_latex(formula), to_mathml(formula)
    text = re.sub(r"\\.", "", latex)
    assert text.count("{") == text.count("}") and text.count("$") in (0, 2) and "\n" not in latex
    tags = Tags()
    tags.feed(page)
    assert not tags.open
    report = one_run(dataclasses.replace(found("x", V.HOLDS, 1.0, 2.0, formula=formula)))
    assert max(map(show_text.cells_wide, report.to_text(60).splitlines())) <= 60


def test_deep_nesting_is_text() -> None:
    """Ten thousand roots are no formula."""
    assert to_latex("√" * 10_000 + "2") == "√" * 10_000 + "2"
