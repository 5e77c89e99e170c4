"""Figures as SVG inside a page: no fonts, links or scripts, ids of their own, ink that follows the page."""

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from theorysim.report.parts import Picture, clean

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SALT = "theorysim"  # of the ids, which are otherwise random
STYLE = {"svg.fonttype": "path", "svg.hashsalt": SALT, "figure.dpi": 100, "savefig.dpi": 150}
PANEL = (4.6, 3.4)  # inches, so that eight points are read on a page
SIZE = 6.6  # rem an inch, at most
ACROSS = 2  # panels in a row
MARK = "#b0442a"  # of times where a picture has none of its own

DARK = "15181b"  # ground of a dark page, as in page.css
READ, SEEN = 4.5, 3.0  # contrast that texts and lines need

# Black and white of what is drawn are ink and ground of the page, so that a figure is read on black, too. Lines in
# white stay: they are drawn over colours.
INK = ((re.compile(r"(fill|stroke): #000000"), r"\1: var(--ink)"),
       (re.compile(r"fill: #ffffff"), "fill: var(--ground)"))


@contextmanager
def drawing() -> Iterator[None]:
    """The same picture whatever a session has set; glyphs that no font has are drawn as boxes, without a word."""
    import matplotlib.pyplot as plt

    with plt.style.context(["default", STYLE]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        before = set(plt.get_fignums())
        try:
            yield
        finally:
            for number in set(plt.get_fignums()) - before:
                plt.close(number)


def picture(draw: Callable[[], Any], caption: str, *, arrange: bool = True) -> Picture:
    """What a function draws, which returns Axes, an array of them, or a figure."""
    with drawing():
        figure = figure_of(draw())
        if arrange:
            _in_rows(figure)
        _as_typed(figure)
        return Picture(svg(figure), caption)


def shown(figure: "Figure", caption: str) -> Picture:
    """A figure that there is, as it is."""
    with drawing():
        return Picture(svg(figure), caption)


def figure_of(drawn: Any) -> "Figure":
    """The figure of what a plotting function returns."""
    found = drawn if hasattr(drawn, "savefig") else np.ravel(np.asarray(drawn, dtype=object))[0]
    return getattr(found, "figure", None) or found


def _in_rows(figure: "Figure") -> None:
    """Panels that are side by side, so many in a row that their texts are read on a page."""
    panels = figure.get_axes()
    across = min(ACROSS, len(panels))
    rows = -(-len(panels) // across)
    grid = figure.add_gridspec(rows, across)
    for place, axis in enumerate(panels):
        axis.set_subplotspec(grid[divmod(place, across)])
    figure.set_size_inches(PANEL[0] * across, PANEL[1] * rows)


def mark_times(drawn: Any, times: dict[str, float]) -> Any:
    """A line at each time that is known, in pictures that have no upright lines yet; returns what was drawn."""
    panels = np.ravel(np.asarray(drawn, dtype=object))
    if any(len({*line.get_xdata()}) == 1 and len(line.get_xdata()) > 1 for axis in panels for line in axis.get_lines()):
        return drawn
    known = {name: time for name, time in times.items() if np.isfinite(time)}
    for axis in panels:
        for place, (name, time) in enumerate(known.items()):  # words one below the other, as times may be close
            axis.axvline(time, color=MARK, linestyle=":", linewidth=1)
            axis.annotate(f"{name} = {time:g}", (time, 0.97 - 0.07 * place), xycoords=("data", "axes fraction"),
                          xytext=(-3, 0), textcoords="offset points", va="top", ha="right", fontsize=7, color=MARK)
    return drawn


def _as_typed(figure: "Figure") -> None:
    """Names with a dollar in them are names; only ticks are set in mathematics."""
    from matplotlib.text import Text

    ticks = {id(one) for axis in figure.get_axes() for side in (axis.xaxis, axis.yaxis)
             for one in side.get_ticklabels(which="both")}
    for text in figure.findobj(Text):
        if id(text) not in ticks:
            text.set_text(clean(text.get_text()))
            text.set_parse_math(False)


def svg(figure: "Figure") -> Markup:
    """The figure as an element of a page."""
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=False, metadata={"Date": None, "Creator": None, "Format": None,
                                                                    "Type": None})
    drawn = file.getvalue()
    drawn = drawn[drawn.index("<svg"):]
    drawn = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", drawn, flags=re.DOTALL)
    for pattern, ink in INK:
        drawn = pattern.sub(ink, drawn)
    drawn = re.sub(r'(?<=<g style=")fill: #(\w{6})(?=[";])', lambda one: _on_dark("fill", one[1], READ), drawn)
    drawn = re.sub(r"(?<!-)stroke: #(\w{6})", lambda one: _on_dark("stroke", one[1], SEEN), drawn)
    used = {*re.findall(r'href="#([^"]*)"', drawn), *re.findall(r"url\(#([^)]*)\)", drawn)}
    drawn = re.sub(r' id="([^"]*)"', lambda one: one[0] if one[1] in used else "", drawn)
    head, rest = drawn.split(">", 1)
    head = re.sub(r' (width|height|version|xmlns(:xlink)?)="[^"]*"', "", head)
    widest = f' style="max-width: {figure.get_size_inches()[0] * SIZE:.1f}rem"'
    return Markup(head + widest + ">" + rest.replace("xlink:href", "href").strip())


def _on_dark(of: str, colour: str, least: float) -> str:
    """A declaration, with a lighter colour on dark pages where contrast needs it; old browsers keep the former."""
    usual, parts = f"{of}: #{colour}", np.array([int(colour[k : k + 2], 16) for k in (0, 2, 4)], dtype=float)
    lighter = next(mixed for share in np.linspace(0, 1, 41) if contrast(
        mixed := "".join(f"{round(one):02x}" for one in parts + share * (255 - parts)), DARK) >= least)
    return usual if lighter == colour else f"{usual}; {of}: light-dark(#{colour}, #{lighter})"


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two colours (WCAG 2.2), as hexadecimal digits: 1 for equal ones, 21 for black on white."""
    light = [_luminance(one) for one in (first, second)]
    return (max(light) + 0.05) / (min(light) + 0.05)


def _luminance(colour: str) -> float:
    parts = np.array([int(colour[k : k + 2], 16) for k in (0, 2, 4)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def with_own_ids(drawn: Markup, place: int) -> Markup:
    """The same with ids that no other picture of the page has."""
    own = f"picture{place}-"
    return Markup(re.sub(r'(\bid="|\bhref="#|url\(#)', rf"\1{own}", str(drawn)))
