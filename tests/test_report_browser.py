"""The one-file report in a browser: nothing but the file is asked for, formulas are drawn, tables sort, it prints.

Any Chromium of the machine will do: the file that CHROMIUM names, or the first found by its usual names. With
THEORYSIM_NEEDS_BROWSER set, as in continuous integration, a machine without one fails.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.figure import Figure

import theorysim as ts
from theorysim.report.pictures import contrast
from theorysim.reproduce import Report

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "headless_shell",
         "chrome-headless-shell")
BROWSER = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), "")
NEEDED = bool(os.environ.get("THEORYSIM_NEEDS_BROWSER"))
pytestmark = [pytest.mark.compiled, pytest.mark.skipif(not BROWSER and not NEEDED, reason="no Chromium is installed")]

A4 = 680  # CSS pixels between margins of 15 mm
READABLE = 4.5  # WCAG 2.2, AA
HOSTILE = '"><img src=//example.org/x onerror=alert(1)><script>alert(1)</script>'

# Text that is shown, with its colour and what is behind it: the nearest ground that is not transparent.
COLOURS = """() => {
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const ground = getComputedStyle(one).backgroundColor;
      if (!/, 0\\)$/.test(ground) && ground !== "transparent") return ground;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const one = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !one.getClientRects().length || one.closest("script")) continue;
    found.push([walk.currentNode.data.trim(), getComputedStyle(one).color, behind(one)]);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser for all tests."""
    assert BROWSER, "THEORYSIM_NEEDS_BROWSER is set, and no Chromium is installed"
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield one
        one.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with a bit of everything."""
    problem = ts.SignalNoise(n=12, d=200, m=3, signal_norm=2.0, noise_std=0.5, init_std=0.01)
    gd, flips = ts.GradientDescent(0.3), ts.GradientDescent(0.3, ts.Flip(0.1))
    runs = [ts.simulate(problem, flips, 60, seed) for seed in (0, 1)]
    staged = ts.simulate(problem.replace(n=20, d=2000, m=5), gd, 60)  # it has reached T1 and T2, which are named
    frame = ts.sweep(problem=problem, grid={"n": [4, 6], "signal_norm": [1.0, 2.0]}, algorithms={HOSTILE: gd},
                     seeds=2, steps=5, workers=1)
    fit = ts.scaling(problem, gd, "T1", vary={"lr": [0.1, 0.2, 0.4]}, seeds=3, workers=1)
    figure = Figure()
    figure.subplots().plot([1, 2], label="one")
    study = Report("study", HOSTILE, "| a | b |\n|---|---|\n| 1 | 2 |", {"rows": pd.DataFrame({"x": [1]})}, figure)
    path = tmp_path_factory.mktemp("pages") / "page.html"
    return ts.report([*runs, [staged], ts.check(runs), fit, frame, study], path, title=HOSTILE)


@contextmanager
def opened(browser: Any, file: Path, **options: Any) -> Iterator[Any]:
    """The page, after which nothing may have gone wrong, and nothing been asked for but the file."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, **options)
    page = context.new_page()
    wrong: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    try:
        yield page
        assert not wrong
        assert [one for one in asked if not one.startswith("data:")] == [file.as_uri()]
    finally:
        context.close()


def test_nothing_goes_wrong_and_nothing_is_asked_for(browser: Any, file: Path) -> None:
    """Without a word on the console."""
    with opened(browser, file) as page:
        page.wait_for_load_state("networkidle")
        assert page.title() == HOSTILE and page.locator("h1").inner_text() == HOSTILE
        assert page.locator("img").count() == 0


def test_what_is_asked_for_would_be_seen(browser: Any, tmp_path: Path) -> None:
    """Pages that break these rules are caught: a request, an error, a script that the policy forbids."""
    policy = "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'\">"
    breaking = {"request": "<img src='http://127.0.0.1:9/x'>", "error": "<script>throw new Error('x')</script>",
                "policy": f"{policy}<script>1</script>"}
    for name, text in breaking.items():
        page = tmp_path / f"{name}.html"
        page.write_text(f"<!DOCTYPE html><link rel=icon href='data:,'>{text}")
        with pytest.raises(AssertionError), opened(browser, page) as shown:
            shown.wait_for_load_state("networkidle")


def test_formulas_are_drawn(browser: Any, file: Path) -> None:
    """Every one has a size, once what is folded is open, and none is as its source."""
    with opened(browser, file) as page:
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        sizes = page.evaluate("[...document.querySelectorAll('math')].map((one) => { const box ="
                              " one.getBoundingClientRect(); return [box.width, box.height, one.namespaceURI]; })")
        assert len(sizes) > 100
        assert all(width > 1 and height > 4 and space.endswith("MathML") for width, height, space in sizes)


def test_formulas_stay_in_their_cells(browser: Any, file: Path) -> None:
    """None runs into the verdict beside it."""
    with opened(browser, file) as page:
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        beyond = page.evaluate("[...document.querySelectorAll('td math')].filter((one) => one.getBoundingClientRect()"
                               ".right > one.closest('td').getBoundingClientRect().right + 1).length")
        assert beyond == 0


def column(page: Any, table: str, place: int) -> list[str]:
    """Texts of a column of a table."""
    found: list[str] = page.evaluate(
        "([table, place]) => [...document.querySelector(table).tBodies[0].rows]"
        ".map((row) => row.cells[place].textContent.trim())", [table, place])
    return found


def number(text: str) -> float:
    """What a cell says; a dash is after all else."""
    return float("inf") if text == "–" else float(text.replace("−", "-").replace("∞", "inf"))


@pytest.mark.parametrize("key", ["click", "Enter", "Space"])
def test_tables_sort(browser: Any, file: Path, key: str) -> None:
    """By mouse and by keyboard, up and down; assistive technology is told; what is not known comes last."""
    with opened(browser, file) as page:
        page.evaluate("document.querySelectorAll('table').forEach((one, k) => { one.id = `table${k}`; })")
        name, place = page.evaluate(
            "() => { for (const one of document.querySelectorAll('table.sortable')) { const heads ="
            " [...one.tHead.rows[0].cells].map((head) => head.textContent); const place ="
            " heads.indexOf('test_error'); if (place >= 0) return [`#${one.id}`, place]; } }")
        head = page.locator(f"{name} thead th").nth(place)
        assert head.get_attribute("aria-sort") == "none"
        before = column(page, name, place)

        def press() -> list[str]:
            button = head.locator("button")
            if key == "click":
                button.click()
            else:
                button.focus()
                page.keyboard.press(key)
            return column(page, name, place)

        up = press()
        assert head.get_attribute("aria-sort") == "ascending"
        assert up == sorted(before, key=number) and len(set(up)) > 1
        down = press()
        assert head.get_attribute("aria-sort") == "descending"
        assert down == sorted(before, key=number, reverse=True) != up
        page.locator(f"{name} thead th button").nth(0).click()
        assert head.get_attribute("aria-sort") == "none"


def test_what_rows_sort_by(browser: Any, tmp_path: Path) -> None:
    """Numbers by value, shares of two by their quotient, words as words; dashes last either way; rows stay whole."""
    table = pd.DataFrame({"number": ["9", "10", "–", "−3", "∞", "1e-3"],
                          "share": ["1/2", "0/0", "9/10", "0/5", "1/1", "2/3"],
                          "word": ["b10", "b9", "A", "c", "1a", "–"]})
    with opened(browser, ts.report(table, tmp_path / "table.html")) as page:
        wanted = {"number": ["−3", "1e-3", "9", "10", "∞", "–"], "share": ["0/5", "1/2", "2/3", "9/10", "1/1", "0/0"],
                  "word": ["1a", "A", "b9", "b10", "c", "–"]}
        for place, (name, order) in enumerate(wanted.items()):
            page.locator("thead button").nth(place).click()
            assert column(page, "table", place) == order
            rows = {tuple(column(page, "table", k)[row] for k in range(3)) for row in range(len(table))}
            assert rows == {tuple(row) for row in table.to_numpy().tolist()}
            page.locator("thead button").nth(place).click()
            assert column(page, "table", place) == [*order[-2::-1], order[-1]], name


def test_groups_of_a_check_stay_under_their_headings(browser: Any, file: Path) -> None:
    """Each is sorted by itself."""
    with opened(browser, file) as page:
        read = "[...document.querySelector('.theorysim-check table').tBodies].map((one) => [one.className, " \
               "one.rows[0].cells.length, [...one.rows].map((row) => row.cells[0].textContent).sort().join()])"
        before = page.evaluate(read)
        page.locator(".theorysim-check thead button").nth(0).click()
        assert page.evaluate(read) == before and len(before) > 1
        assert all(cells == 1 for _, cells, _ in before)


def ratio(one: str, other: str) -> float:
    """Contrast of two colours as a browser computes them, both opaque."""
    def digits(colour: str) -> str:
        parts = re.fullmatch(r"rgb\((\d+), (\d+), (\d+)\)", colour)
        assert parts is not None, colour
        return "".join(f"{int(part):02x}" for part in parts.groups())

    return contrast(digits(one), digits(other))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_are_readable(browser: Any, file: Path, scheme: Any) -> None:
    """All text, verdicts among it, on what is behind it; a dark page is dark."""
    with opened(browser, file, color_scheme=scheme) as page:
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        found = page.evaluate(COLOURS)
        assert {"holds", "outside regime", "not met", "not reached"} <= {text for text, _, _ in found}
        assert not [one for one in found if ratio(*one[1:]) < READABLE]
        ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert (ratio(ground, "rgb(0, 0, 0)") < 2) == (scheme == "dark")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_follow_the_page(browser: Any, file: Path, scheme: Any) -> None:
    """Axes and their texts are ink of the page, texts in colours are readable, the ground is the page's."""
    with opened(browser, file, color_scheme=scheme) as page:
        ground, ink = page.evaluate("(() => { const one = getComputedStyle(document.documentElement);"
                                    " return [one.backgroundColor, one.color]; })()")
        fills = page.evaluate("[...document.querySelectorAll('figure svg')].map((one) => [getComputedStyle(one).fill,"
                              " getComputedStyle(one.querySelector('path')).fill])")
        assert len(fills) > 4 and all(one == [ink, ground] for one in fills)
        texts = page.evaluate("[...document.querySelectorAll('figure svg g[style]')].map((one) =>"
                              " getComputedStyle(one).fill).filter((one) => one.startsWith('rgb('))")
        assert texts
        if scheme == "dark":
            assert min(ratio(one, ground) for one in texts) >= READABLE


def test_paper(browser: Any, file: Path, tmp_path: Path) -> None:
    """It prints: light even where the reader's choice is dark, everything open, nothing beyond the edge."""
    with opened(browser, file, color_scheme="dark") as page:
        target = tmp_path / "page.pdf"
        page.evaluate("addEventListener('beforeprint', () => setTimeout(() => 0)); window.opened = 0;"
                      "addEventListener('beforeprint', () => { window.opened ="
                      " document.querySelectorAll('details:not([open])').length; })")
        folded = page.locator("details:not([open])").count()
        page.pdf(path=target, format="A4")
        assert target.read_bytes().startswith(b"%PDF") and target.stat().st_size > 20_000
        assert folded > 0 == page.evaluate("window.opened")
        assert page.locator("details:not([open])").count() == folded  # afterwards as before
        page.emulate_media(media="print")
        page.set_viewport_size({"width": A4, "height": 900})
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        wide = page.evaluate("[...document.querySelectorAll('table, figure, pre, p')].filter((one) =>"
                             " one.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map((one)"
                             " => one.outerHTML.slice(0, 200))")
        assert not wide
        assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"


def test_small_screens(browser: Any, file: Path) -> None:
    """The page itself does not scroll sideways; wide tables do, by keyboard as well."""
    with opened(browser, file) as page:
        page.set_viewport_size({"width": 360, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert page.evaluate("[...document.querySelectorAll('.scroll')].every((one) => one.tabIndex === 0)")


def test_without_scripts(browser: Any, file: Path) -> None:
    """All is there, but no button that does nothing."""
    with opened(browser, file, java_script_enabled=False) as page:
        assert page.locator("table").count() > 5 and page.locator("button").count() == 0
