"""The one-file report: what is on it for every value, what it escapes, and that it is the same for the same value."""

import ast
import os
import re
import threading
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
import pandas as pd
import pytest
from all_systems import CASES, DIVERGING
from matplotlib.figure import Figure

import theorysim as ts
from theorysim.check.formula_lines import to_mathml_lines
from theorysim.check.formulas import parse, to_mathml
from theorysim.core.replay import unequal
from theorysim.papers.huang2025 import PAPER
from theorysim.report import code, parts, pictures, target, verb
from theorysim.report import runs as runs_page
from theorysim.report.foreign import sanitised
from theorysim.report.markdown import parts_of
from theorysim.report.meanings import meanings
from theorysim.report.page import versions
from theorysim.reproduce import Report, reproduce
from theorysim.theory.paper import Paper
from theorysim.theory.statement import Evidence, Sense, Statement

HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{7*7}}", "</style><b>", "</script>",
           "a$\\frac$b", "--><i>", "\x00\x1b[31m\ud800", "' onclick='x", "{% raw %}")
PROBLEM = ts.SignalNoise(n=6, d=200, m=3, signal_norm=2.0, noise_std=0.5, init_std=0.01)
GD, FLIPS = ts.GradientDescent(0.3), ts.GradientDescent(0.3, ts.Flip(0.1))
VOID = ("meta", "link", "br", "img", "hr", "mspace")
TAGS = {"html", "head", "meta", "link", "title", "style", "body", "header", "main", "nav", "ol", "ul", "li", "a", "p",
        "section", "h1", "h2", "h3", "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "figure",
        "figcaption", "pre", "code", "details", "summary", "footer", "script", "strong", "span", "wbr", "b", "i"}
MATHS = {"math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "msqrt", "msub", "msup", "msubsup", "mover", "munder"}
DRAWN = {"svg", "g", "path", "use", "defs", "clippath", "rect", "image", "lineargradient", "stop"}


class Page(HTMLParser):
    """Tags, attributes, ids and text of a file."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.source = path.read_text(encoding="utf-8")
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Every tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Every text."""
        self.texts.append(data)

    @property
    def text(self) -> str:
        """All of it on one line."""
        return " ".join(" ".join(self.texts).split())


def assert_safe(page: Page) -> None:
    """Only tags of our own, no handlers, nothing from elsewhere, one script, ids that occur once."""
    assert {tag for tag, _ in page.tags} <= TAGS | MATHS | DRAWN
    assert [tag for tag, _ in page.tags].count("script") == 1 == [tag for tag, _ in page.tags].count("style")
    for tag, given in page.tags:
        assert not [name for name in given if name.startswith("on") or name in ("src", "srcset", "action")]
        for name in ("href", "xlink:href"):
            assert name not in given or str(given[name]).startswith(("#", "data:")), (tag, given)
    ids = [given["id"] for _, given in page.tags if "id" in given]
    assert len(ids) == len(set(ids))
    links = {str(given["href"])[1:] for _, given in page.tags if str(given.get("href", "")).startswith("#")}
    assert links | set(re.findall(r"url\(#([^)]*)\)", page.source)) <= set(ids)


def page_of(value: Any, folder: Path, **options: Any) -> Page:
    """The page of a value, after what every page must be."""
    path = folder / "page.html"
    assert ts.report(value, path, **options) == path
    assert [one.name for one in folder.iterdir()] == ["page.html"]
    page = Page(path)
    assert_safe(page)
    return page


def run_of(algorithm: ts.GradientDescent = FLIPS, seed: int = 0, **keywords: Any) -> Any:
    """A short run."""
    return ts.simulate(PROBLEM, algorithm, 40, seed, **keywords)


def sweep_of(**keywords: Any) -> pd.DataFrame:
    """A small diagram."""
    given = {"grid": {"n": [4, 6], "signal_norm": [1.0, 2.0]}, "algorithms": {"GD": GD, "noise": FLIPS}, "seeds": 2,
             "steps": 5, "workers": 1} | keywords
    return ts.sweep(problem=PROBLEM, **given)


def study_of(name: str = "name", **changes: Any) -> Report:
    """A study with a figure and a table."""
    figure = Figure()
    figure.subplots().plot([1, 2])
    return Report(**{"name": name, "title": "A title", "text": "some text", "figure": figure,
                     "tables": {"rows": pd.DataFrame({"x": [1.5, np.nan], "y": ["a", "b"]})}} | changes)


# --- values ----------------------------------------------------------------------------------------------------


def test_a_run(tmp_path: Path) -> None:
    """Summary, times, curves, setting with meanings, the check, observables, code, versions and seeds."""
    run = run_of(seed=7, observe={"largest": lambda view: view.outputs.max()})
    page = page_of(run, tmp_path)
    report = ts.check(run)
    for text in ("PatchRun, completed at step 40", run.stage_times().sentences()["T1"], "Training samples, at least 1",
                 "label_noise Flip(p=0.1)", PAPER.citation, f"{report.summary[:1].upper()}{report.summary[1:]}.",
                 "one's own observables (largest)", "seed=7", f"numpy {np.__version__}", "completed at step 40”: 7."):
        assert text in page.text, text
    assert [tag for tag, _ in page.tags].count("svg") == 1
    assert "time (s)" not in page.text


@pytest.mark.compiled
@pytest.mark.parametrize("name", CASES)
def test_code_makes_the_run_again(name: str) -> None:
    """Bit for bit, whatever the system and the engine; where it cannot, there is none, with the reason."""
    run = CASES[name].simulate()
    lines = code.of_run(run)
    given = "given" in name or name.split(",")[1] in (" images", " Gram", " arrays")
    assert bool(lines.code) != given, lines
    if not lines.code:
        assert "run.save(path)" in lines.note
        return
    names: dict[str, Any] = {}
    exec(compile(ast.parse(lines.code), "page", "exec"), names)  # as a reader would
    assert not unequal(run, names["run"])
    assert names["run"].steps_recorded.tolist() == run.steps_recorded.tolist() or "steps to record" in lines.note


@pytest.mark.parametrize("name", DIVERGING)
def test_code_of_a_run_that_diverged(name: str) -> None:
    """It diverges again, at the same step."""
    with pytest.raises(ts.DivergenceError) as error:
        DIVERGING[name].simulate()
    run = error.value.run
    lines = code.of_run(run)
    assert bool(lines.code) != name.endswith(("given noise", "images"))
    if not lines.code:
        return
    names: dict[str, Any] = {}
    exec(lines.code, names)
    assert (names["run"].status, names["run"].stopped_at) == (run.status, run.stopped_at)


def test_code_of_what_is_not_all_in_it() -> None:
    """Listed records and own observables are named; runs in phases have none."""
    run = run_of(record_at=[3, 5], observe={"own": lambda view: 1.0})
    assert code.of_run(run).note == "Not in these lines: the steps to record (4), one's own observables (own)."
    phased = ts.resume(run_of(), 10, algorithm=GD)
    assert "phases" in code.of_run(phased).note and not code.of_run(phased).code


@pytest.mark.parametrize(("value", "equal"), [((1, -2.5, "a"), True), (np.arange(3), False), (float("nan"), False),
                                              ([GD, (FLIPS,)], True), (ts.Signal(1.0) + ts.Noise(0.1), True)])
def test_spelled(value: Any, equal: bool) -> None:
    """What is spelled makes an equal value; what does not is refused."""
    if equal:
        packages: set[str] = set()
        assert eval(code.spelled(value, packages), {"ts": ts}) == value
    else:
        with pytest.raises(code.NoCodeError):
            code.spelled(value, set())


def test_a_repr_is_read_and_never_evaluated() -> None:
    """Calls of what the value is not made of are refused."""
    class Trap:
        def __repr__(self) -> str:
            return "__import__('os').abort()"

    with pytest.raises(code.NoCodeError, match="a Trap is made of what its repr does not say"):
        code.spelled(Trap(), set())


def test_runs(tmp_path: Path) -> None:
    """A row for each seed; settings side by side; the check of each over its seeds."""
    runs = [run_of(one, seed) for one in (FLIPS, GD) for seed in (0, 1, 3)]
    page = page_of(runs, tmp_path, title="Both")
    for text in ("Both", "Setting A: 3 runs of one setting", "Setting B: 3 runs", "0–1, 3", "huang2025: 3 runs",
                 "In what they differ"):
        assert text in page.text, text
    assert [tag for tag, _ in page.tags].count("svg") == 3
    assert page.source.count("ts.simulate(") == 6


def test_runs_of_several_systems_in_any_sequence(tmp_path: Path) -> None:
    """No picture has them both."""
    page = page_of((run_of(), CASES["linear, width-free"].simulate()), tmp_path)
    assert [tag for tag, _ in page.tags].count("svg") == 2 and "Settings side by side" not in page.text


@pytest.mark.compiled
@pytest.mark.parametrize("name", ["linear, wide", "oscillation, expectation", "reweighting, linear",
                                  "mean_field, flips", "patch, images"])
def test_runs_of_every_system(tmp_path: Path, name: str) -> None:
    """Own observables, too; times are marked where the system's picture does not."""
    case = CASES[name]
    page = page_of(case.simulate(observe=case.own()), tmp_path)
    assert all(one in page.text for one in case.own())


def test_times_are_marked_where_there_is_no_picture_of_the_system() -> None:
    """A line and a word at each time that came."""
    axes = Figure().subplots(1, 2)
    pictures.mark_times(axes, {"t": 3.0, "u": float("nan")})
    assert all([line.get_xdata()[0] for line in one.get_lines()] == [3.0] for one in axes)
    assert [one.get_text() for one in axes[1].texts] == ["t = 3"]
    pictures.mark_times(axes, {"u": 5.0})
    assert len(axes[0].get_lines()) == 1


def test_linear_times_are_marked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The system's picture has none of its own; of a patch network it has, and nothing is added."""
    marked: list[set[str]] = []
    mark = pictures.mark_times

    def watched(drawn: Any, times: dict[str, float]) -> Any:
        before = sum(len(one.get_lines()) for one in np.ravel(drawn))
        mark(drawn, times)
        if sum(len(one.get_lines()) for one in np.ravel(drawn)) > before:
            marked.append({name for name, time in times.items() if np.isfinite(time)})
        return drawn

    monkeypatch.setattr(runs_page, "mark_times", watched)
    page_of(CASES["linear, width-free"].simulate(1000), tmp_path)
    assert len(marked) == 1 and marked[0]
    reached = ts.simulate(PROBLEM.replace(n=20, d=2000, m=5), GD, 60)
    assert reached.stage_times().T1 > 0
    page_of(reached, tmp_path)
    assert len(marked) == 1


def test_a_check(tmp_path: Path) -> None:
    """Every statement with formula, claim and source; the constants that were changed are in the code."""
    report = ts.check([run_of(seed=seed) for seed in (0, 1)], delta=0.1)
    page = page_of(report, tmp_path)
    for claim in set(report.table["claim"]) | set(report.table["source"]) | set(report.table["verdict"]):
        assert " ".join(claim.split()) in page.text
    assert "ts.check(runs, 'huang2025', delta=0.1)" in page.text
    assert "theorysim-bad" in page.source and "theorysim-good" in page.source


def test_a_scaling_fit(tmp_path: Path) -> None:
    """Exponents with verdicts; a measure of one's own has a picture, too."""
    fit = ts.scaling(PROBLEM, GD, "T1", vary={"lr": [0.1, 0.2, 0.4]}, seeds=[3, 4, 6], workers=1)
    page = page_of(fit, tmp_path)
    assert "Scaling of T1" in page.text and fit.exponents["verdict"][0] in page.text
    assert f"“Scaling of T1”: {parts.numbers(fit.runs['seed'].tolist())}" in page.text
    own = ts.scaling(PROBLEM, GD, lambda run: run.stage_times().T1, vary={"lr": [0.1, 0.2]}, seeds=2, steps=60)
    assert [tag for tag, _ in page_of(own, tmp_path).tags].count("svg") == 1


@pytest.mark.parametrize(("grid", "drawn"), [({"n": [4, 6], "signal_norm": [1.0, 2.0]}, 2), ({"n": [4, 6]}, 2),
                                             ({"n": [4, 6], "m": [2, 3], "signal_norm": [1.0]}, 0)])
def test_a_sweep(tmp_path: Path, grid: dict[str, list[float]], drawn: int) -> None:
    """Diagrams over two axes, curves over one; means over seeds, and every run while they are few."""
    frame = sweep_of(grid=grid)
    page = page_of(frame, tmp_path)
    assert f"Sweep over {', '.join(grid)}" in page.text and f"All {len(frame)} runs" in page.text
    assert [tag for tag, _ in page.tags].count("svg") == drawn
    assert f"{ts.summarise(frame)['test_error'][0]:.4g}" in page.text
    if not drawn:
        assert "No picture" in page.text


def test_a_sweep_that_failed(tmp_path: Path) -> None:
    """Reasons are told, and counted."""
    frame = sweep_of(measure=lambda run: 1 / 0)
    page = page_of(frame, tmp_path)
    assert "failed" in page.text and "division by zero" in page.text


def test_a_long_sweep_and_a_table(tmp_path: Path) -> None:
    """What is left out is said, and how much."""
    frame = sweep_of()
    long = pd.concat([frame] * 40, ignore_index=True)
    long.attrs = frame.attrs
    page = page_of(long, tmp_path)
    assert f"The {len(long)} runs themselves are not on this page" in page.text
    assert "No picture: frame: has several rows for one (n, signal_norm)" in page.text
    table = pd.DataFrame({"x": np.arange(parts.MOST_ROWS + 3)})
    assert "3 more rows are left out." in page_of(table, tmp_path).text


def test_a_study(tmp_path: Path) -> None:
    """Its Markdown, its figure, its tables; the command and the code where it was made by reproduce()."""
    text = "First *line*.\n\n## Second\n\n- **one**: a\n  b\n- two\n\n| a | b |\n| --- | --- |\n| `c` | 1 |"
    page = page_of(study_of(text=text), tmp_path)
    assert "First *line*." in page.text and "which options it was made with is not known" in page.text
    made = page_of(study_of(options={"seeds": 2}), tmp_path)
    assert "theorysim reproduce name --seeds 2" in made.text and "reproduce('name', seeds=2)" in made.text
    sized = page_of(study_of(options={"centre": PROBLEM}), tmp_path)
    assert "centre=ts.SignalNoise(n=6" in sized.text and "import theorysim as ts" in sized.text
    assert "cannot be made again" in page_of(study_of(options={"a": np.arange(2)}), tmp_path).text


def test_reproduce_says_what_it_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seeds and sizes, but not where runs were kept."""
    from theorysim.theory.paper import Figure as Made

    def run(*, seeds: int = 3, progress: bool = False, size: int = 1, workers: int = 1) -> Report:
        return study_of()

    monkeypatch.setattr("theorysim.reproduce.figures", lambda: {"mine": Made("mine", run)})
    assert reproduce("mine", seeds=2, size=5, workers=2).options == {"seeds": 2, "size": 5}
    assert reproduce("mine").options == {}


def test_what_a_study_writes(tmp_path: Path) -> None:
    """Figures in the formats asked for, the page, and the same bytes each time."""
    def files(folder: str, *given: Any, **options: Any) -> dict[str, bytes]:
        return {one.name: one.read_bytes() for one in study_of().write(tmp_path / folder, *given, **options)}

    assert list(files("a")) == ["name.png", "name.md", "name-rows.csv"]
    every = files("b", ("svg", "pdf", "svg"), html=True)
    assert list(every) == ["name.svg", "name.pdf", "name.md", "name-rows.csv", "name.html"]
    assert every == files("c", ("svg", "pdf"), html=True)
    assert b"![A title](name.svg)" in every["name.md"] and b"[A title](name.pdf)" in files("d", "pdf")["name.md"]
    for given, message in ((("jpg",), "formats='jpg': must be one of 'png', 'pdf', 'svg'"), ((), "formats=.*at least")):
        with pytest.raises(ValueError, match=message):
            study_of().write(tmp_path / "e", given)
    assert not (tmp_path / "e").exists()


class Found(NamedTuple):
    """A value of another room."""

    name: str

    def _repr_html_(self) -> str:
        return f"<table onclick='x'><tr><td>{self.name}<math><mi>x</mi><mspace width='1em'/></math></table><script>"

    def code(self) -> str:
        """Its lines."""
        return f"run({self.name!r})"

    def plot(self) -> Any:
        """Its picture."""
        axis = Figure().subplots()
        axis.set_title(self.name)
        return axis


class Plain:
    """A value with code as a text, and nothing else."""

    code = "a < b"


def test_other_values(tmp_path: Path) -> None:
    """Their repr, their HTML reduced, their picture and code; a tuple with these is a value, no sequence."""
    page = page_of(Found("mine"), tmp_path)
    assert "run('mine')" in page.text and [tag for tag, _ in page.tags].count("svg") == 1
    assert "a < b" in page_of(Plain(), tmp_path).text


def test_a_mixed_sequence(tmp_path: Path) -> None:
    """In its order; runs next to each other are taken together, those of a list within are apart."""
    page = page_of([run_of(), run_of(seed=1), sweep_of(), [run_of(seed=2)], study_of()], tmp_path)
    wanted = ["2 runs of one setting", "Sweep over n, signal_norm", "PatchRun, completed", "A title"]
    titles = re.findall(r'<li><a href="#section\d">(.*?)</a>', page.source)
    assert len(titles) == 4 and all(one.startswith(two) for one, two in zip(titles, wanted, strict=True))


# --- what comes from outside -----------------------------------------------------------------------------------


def assert_shown(page: Page, hostile: str) -> None:
    """As text; what no page may hold is replaced."""
    assert " ".join(parts.clean(hostile).split()) in page.text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_names(tmp_path: Path, hostile: str) -> None:
    """In every field that a user can name."""
    run = run_of()
    run = run.replace(own={hostile: np.ones(len(run.steps_observed))})
    assert_shown(page_of(run, tmp_path, title=hostile), hostile)
    name = hostile.replace("\ud800", "")  # which no store keeps
    assert_shown(page_of(sweep_of(algorithms={name: GD}, grid={"n": [4, 6]}), tmp_path), name)
    frame = sweep_of(algorithms={name: GD})
    frame.loc[0, ["reason", "status"]] = [hostile, "failed"]
    assert_shown(page_of(frame, tmp_path), hostile)
    assert_shown(page_of(pd.DataFrame({hostile: [hostile]}), tmp_path), hostile)
    own = lambda run: run.stage_times().T1  # noqa: E731
    own.__name__ = hostile.replace("\x00", "")
    fit = ts.scaling(PROBLEM, GD, own, vary={"lr": [0.1, 0.2]}, seeds=2, steps=60)
    assert_shown(page_of(fit, tmp_path), own.__name__)
    assert "<" not in re.sub(r"</?(p|table|thead|tbody|tr|th|td)\b[^>]*>", "", fit._repr_html_())


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_studies_and_others(tmp_path: Path, hostile: str) -> None:
    """Titles, texts, tables, and what others return."""
    plain = hostile.replace("\x00", "").replace("\ud800", "").replace("\x1b", "")
    page = page_of(study_of(title=plain, text=f"x {hostile}\n\n| {hostile} | b |\n|---|---|\n| {hostile} | 1 |",
                            tables={hostile: pd.DataFrame({hostile: [hostile]})},
                            options={"seeds": 1, "word": hostile}), tmp_path)
    assert_shown(page, hostile)
    page = page_of(Found(hostile), tmp_path)
    assert "alert" not in page.source or "alert(1)" in page.text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_papers(tmp_path: Path, hostile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids, claims, formulas, sources and citations of a plug-in; an exception that it raises."""
    def broken(*_: Any) -> Any:
        raise RuntimeError(hostile)

    def statement(**changes: Any) -> Statement:
        return Statement(**{"id": f"mine.{hostile}", "claim": hostile, "formula": hostile, "source": hostile,
                            "sense": Sense.UPPER, "over_draws": False,
                            "measured": lambda e, steps: np.zeros(len(steps)),
                            "predicted": lambda e, steps: np.ones(len(steps))} | changes)

    monkeypatch.setattr("theorysim.theory.paper._REGISTERED", {})
    ts.register_paper(Paper(name="aaa", citation=hostile, about=("patch",), statements=(statement(),),
                            evidence=Evidence, setting=lambda run: hostile))
    for value in (run_of(), ts.check(run_of(), "aaa")):
        page = page_of(value, tmp_path)
        assert "Paper: " in page.text
        assert_shown(page, hostile)
    ts.register_paper(Paper(name="a0", citation="", about=("patch",), statements=(statement(measured=broken),),
                            setting=lambda run: "first"))
    page = page_of(run_of(), tmp_path)
    assert "The check of these runs failed: RuntimeError:" in page.text
    assert_shown(page, hostile)


@pytest.mark.parametrize(("given", "left"), [
    ("<b>x", "<b>x</b>"), ("a<script>b</script>c", "ac"), ("<svg><script>x</script></svg>y", "y"), ("</b>x", "x"),
    ("<p onclick=x style=y title='&lt;'>x</p>", '<p title="&lt;">x</p>'), ("<img src=x>x<br>", "x<br/>"),
    ("<a href='javascript:x'>y</a>", "y"), ("<b><i>x</b>y", "<b><i>x</i></b>y"), ("&lt;script&gt;", "&lt;script&gt;"),
    ("<style>x", ""), ("<math><mspace width='1em'/></math>", '<math><mspace width="1em"/></math>'),
    ("<!--<script>-->x", "x"), ("<!DOCTYPE x><?php x?>z", "z"),
])
def test_sanitised(given: str, left: str) -> None:
    """What is kept of HTML, every tag closed."""
    assert sanitised(given) == left


def test_markdown() -> None:
    """Blocks that are not known are paragraphs, as they are."""
    kinds = [one.kind for one in parts_of("a\n\n## b\n\n- c\n- d\n\n| a | b |\n|--|--|\n| 1 | `2` |\n\n> e | f")]
    assert kinds == ["text", "text", "text", "table", "text"]
    assert [str(one.text) for one in parts_of("**a `b`**\n\n###### <x>")] == [  # type: ignore[union-attr]
        "<p><strong>a <code>b</code></strong></p>", "<h6>&lt;x&gt;</h6>"]


# --- the file --------------------------------------------------------------------------------------------------


def test_the_same_value_makes_the_same_file(tmp_path: Path) -> None:
    """A run made twice, too, and whatever a session has set about figures."""
    study = study_of()

    def written(name: str) -> bytes:
        values = [run_of(), run_of(GD), sweep_of(), study]
        return ts.report(values, tmp_path / f"{name}.html").read_bytes()

    first = written("first")
    with matplotlib.rc_context({"lines.linewidth": 7, "font.size": 20, "svg.hashsalt": "other", "text.color": "red"}):
        assert written("second") == first


def test_no_figure_is_left_open(tmp_path: Path) -> None:
    """Those of a session stay."""
    import matplotlib.pyplot as plt

    plt.close("all")  # of tests before this one
    mine = plt.figure()
    ts.report([run_of(), sweep_of()], tmp_path / "page.html")
    assert plt.get_fignums() == [mine.number]
    plt.close(mine)


@pytest.mark.parametrize(("path", "kind", "message"), [
    ("page.htm", ValueError, r"path='.*page\.htm': must end in \.html"), ("page", ValueError, "must end in"),
    ("no/page.html", FileNotFoundError, "its folder does not exist"), ("folder.html", IsADirectoryError, "a folder"),
    (3, TypeError, "path=3: must be a str or Path"), ("x" * 300 + ".html", OSError, "cannot be written|too long"),
])
def test_bad_paths(tmp_path: Path, path: Any, kind: type[Exception], message: str,
                   monkeypatch: pytest.MonkeyPatch) -> None:
    """They are refused before any work, whatever the value."""
    (tmp_path / "folder.html").mkdir()
    monkeypatch.setattr(verb, "sections_of", lambda value: pytest.fail("work was done"))
    with pytest.raises(kind, match=message):
        ts.report(run_of(), tmp_path / path if isinstance(path, str) else path)
    assert [one.name for one in tmp_path.iterdir()] == ["folder.html"]


def test_files_that_must_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the file or its folder forbids it (asked of a system where everything is allowed)."""
    page = tmp_path / "page.html"
    page.write_text("before")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="must not be written to"):
        target.checked(page)
    monkeypatch.undo()

    def refused(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(PermissionError, match=r"path='.*page\.html': cannot be written: Permission denied"):
        target.checked(page)


def test_a_page_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails leaves the former one; a link stays a link."""
    page, link = tmp_path / "page.html", tmp_path / "link.html"
    ts.report(Plain(), page)
    before = page.read_bytes()
    link.symlink_to(page)
    ts.report(Plain(), link, title="Other")
    assert link.is_symlink() and b"Other" in page.read_bytes()
    page.write_bytes(before)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        ts.report(Plain(), page, title="Other")
    assert page.read_bytes() == before and sorted(one.name for one in tmp_path.iterdir()) == ["link.html", "page.html"]


def test_whoever_reads_sees_a_whole_page(tmp_path: Path) -> None:
    """While it is written again and again."""
    page = tmp_path / "page.html"
    ts.report(Plain(), page)
    seen: set[bool] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(page.read_text(encoding="utf-8").endswith("</html>\n") or page.read_text().endswith("</html>"))

    reader = threading.Thread(target=read)
    reader.start()
    for k in range(50):
        ts.report(Plain(), page, title=str(k))
    done.set()
    reader.join()
    assert seen == {True}


@pytest.mark.parametrize(("value", "kind", "message"), [
    (3, TypeError, "value=3: must be a run, a check"), ([], ValueError, "value: must not be empty"),
    ([Plain(), [None]], TypeError, r"value\[1\]\[0\]=None: must be"), ("text", TypeError, "not str"),
    (Plain, TypeError, "must be a run"), ({}, TypeError, "not dict"),
])
def test_bad_values(tmp_path: Path, value: Any, kind: type[Exception], message: str) -> None:
    """Named with their place; nothing is written."""
    with pytest.raises(kind, match=message):
        ts.report(value, tmp_path / "page.html")
    with pytest.raises(TypeError, match="title=3: must be a str"):
        ts.report(Plain(), tmp_path / "page.html", title=3)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_a_page_forbids_everything_but_its_own_script(tmp_path: Path) -> None:
    """Its hash is that of the script in it."""
    import base64
    import hashlib

    page = page_of(Plain(), tmp_path)
    policy = next(str(given["content"]) for tag, given in page.tags if given.get("http-equiv"))
    script = re.search(r"<script>(.*?)</script>", page.source, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy and policy.startswith("default-src 'none';")
    assert not re.search(r"https?://(?!www\.w3\.org)", page.source)


def test_versions() -> None:
    """Of the package that runs, and of what numbers depend on."""
    assert versions()["theorysim"] == ts.__version__
    assert versions() | {"numpy": np.__version__} == versions() and set(versions()) == {
        "theorysim", "numpy", "scipy", "numba", "Python"}


# --- pieces ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("formula", sorted({one.formula for one in PAPER.statements}))
def test_broken_formulas_have_all_their_signs(formula: str) -> None:
    """In order, whatever the place of a break; every element is closed."""
    def signs(html: str) -> str:
        return "".join(re.sub("<[^>]*>", "", html).split())

    drawn = to_mathml_lines(formula)
    assert parse(formula) and signs(drawn) == signs(to_mathml(formula))
    assert drawn.count("<math>") == drawn.count("</math>") >= 1


def test_formulas_that_cannot_be_read_are_texts() -> None:
    """Escaped."""
    assert to_mathml_lines("(a <") == "(a &lt;" and to_mathml_lines("- a").count("infix") == 0


def test_colours_on_dark() -> None:
    """Lighter where contrast needs it, and only there."""
    assert pictures.contrast("000000", "ffffff") == 21 and pictures.contrast("777777", "777777") == 1
    assert pictures._on_dark("fill", "ffcc00", 4.5) == "fill: #ffcc00"
    drawn = pictures._on_dark("fill", "00003f", 4.5)
    found = re.fullmatch(r"fill: #00003f; fill: light-dark\(#00003f, #(\w{6})\)", drawn)
    assert found is not None and 4.5 <= pictures.contrast(found[1], pictures.DARK) < 5.2
    css = (Path(ts.__file__).parent / "report" / "templates" / "page.css").read_text(encoding="utf-8")
    assert f"--ground: #{pictures.DARK}" in css


def test_meanings() -> None:
    """Read off the documentation, also where several names share an entry."""
    found = meanings(ts.GradientDescent)
    assert found["weight_decay"] == "λ ≥ 0" and found["momentum"] == found["dampening"]
    assert meanings(ts.MeanField)["n"] == "Training samples, at least 1" and meanings(int) == {}


@pytest.mark.parametrize(("given", "told"), [([0, 1, 2, 5], "0–2, 5"), ([4], "4"), ([3, 1, 1], "1, 3"), ([], "")])
def test_numbers(given: list[int], told: str) -> None:
    """Seeds in short."""
    assert parts.numbers(given) == told


def test_templates_are_part_of_the_package() -> None:
    """An installed one has them: setup.cfg lists every file of the folder."""
    import configparser

    settings = configparser.ConfigParser()
    settings.read(Path(__file__).parents[1] / "setup.cfg", encoding="utf-8")
    assert settings["options.package_data"]["theorysim.report"] == "templates/*"
    folder = Path(ts.__file__).parent / "report" / "templates"
    assert {one.suffix for one in folder.iterdir()} == {".html", ".css", ".js"}
