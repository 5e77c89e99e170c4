"""How pictures look: series told apart without colour vision, panel letters, legends off the data, sizes for print.

The colours are ours, near those of Okabe and Ito (2008), moved apart: any two of them, and black, differ by a
CIEDE2000 of at least 19 to normal eyes, with deuteranopia and with protanopia (simulated as Machado et al. 2009,
severity 1), and against white each has a contrast of at least 2.4 (tests/test_style.py computes both). Nothing changes
matplotlib's settings but for the time of :func:`publication`.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.legend import Legend

BLUE, BRICK, GREEN, MAUVE, ORANGE, SKY, UMBER, VIOLET = COLOURS = (
    "#0057C8", "#B13A24", "#17BC8D", "#8C7990", "#E07B00", "#5DA8FF", "#67444E", "#340761")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", "-.", ":")

# One thing, one colour, in every picture.
GD, LABEL_NOISE = BLUE, BRICK
SIGNAL, NOISE = GREEN, UMBER  # γ and ρ
CLEAN, NOISY = SKY, ORANGE  # samples by their labels
THEORY, REFERENCE = "black", "0.45"  # what is predicted or claimed; marks and levels to read by
ORDERED, SHARE, SIGNED, ERROR = "viridis", "cividis", "PuOr_r", "magma"  # colour maps, none of them red to green

COLUMN, PAGE = 3.4, 7.0  # inches: widths of one column and of two
DPI = 160  # of pictures that are not vectors
SMALLEST = 7  # points, of any text at these widths
SETTINGS: Any = {
    "font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8, "figure.titlesize": 9, "xtick.labelsize": SMALLEST,
    "ytick.labelsize": SMALLEST, "legend.fontsize": SMALLEST, "legend.title_fontsize": SMALLEST,
    "legend.frameon": False, "axes.linewidth": 0.6, "lines.linewidth": 1.1, "lines.markersize": 4,
    "lines.markeredgewidth": 0.8, "errorbar.capsize": 2, "pdf.fonttype": 42, "ps.fonttype": 42,
}


@contextmanager
def publication() -> Iterator[None]:
    """Text and lines for the printed size, and fonts that stay text in PDF; as before afterwards."""
    import matplotlib

    with matplotlib.rc_context(SETTINGS):
        yield


def series(number: int, *, dense: bool = False) -> dict[str, Any]:
    """Keywords of a series: its colour, marker and dash; from the ninth on colours come again with others of both.

    Parameters
    ----------
    number : int
        Which, from 0.
    dense : bool
        For a line of so many points that markers would hide it: every one has a dash of its own instead.
    """
    again, place = divmod(number, len(COLOURS))
    if dense:
        return {"color": COLOURS[place], "linestyle": DASHES[(place + again) % len(DASHES)]}
    return {"color": COLOURS[place], "marker": MARKERS[(place + again) % len(MARKERS)],
            "linestyle": DASHES[again % len(DASHES)]}


def points(number: int) -> dict[str, Any]:
    """The same without a line."""
    return series(number) | {"linestyle": "none"}


def panel_letters(axes: "Iterable[Axes]") -> None:
    """"a", "b" and so on, bold, at the upper left corner outside each panel."""
    for place, axis in enumerate(axes):
        axis.annotate(chr(ord("a") + place), (0, 1), xycoords="axes fraction", xytext=(-8, 5),
                      textcoords="offset points", ha="right", va="bottom", fontweight="bold")


def legend_below(axis: "Axes", columns: int = 2, *, lower: float = 30, **options: Any) -> "Legend":
    """The legend of a panel so many points under it, beneath ticks and label, so that it is never on data."""
    from matplotlib.transforms import ScaledTranslation

    # The transform of the canvas that is drawn on: a part of a figure has its own, of the same inches.
    inches = axis.get_figure(root=True).dpi_scale_trans  # type: ignore[union-attr]
    lowered = axis.transAxes + ScaledTranslation(0, -lower / 72, inches)
    return axis.legend(**{"loc": "upper center", "bbox_to_anchor": (0.5, 0), "bbox_transform": lowered,
                          "ncols": columns, "borderaxespad": 0, "columnspacing": 1.2, "handlelength": 2.4} | options)


def log_steps(*axes: "Axes") -> None:
    """Steps on a logarithmic scale, from the first on: no kink where a linear part would end, and no step 0."""
    for axis in axes:
        axis.set_xscale("log", nonpositive="mask")


def log_ticks(*axes: "Axis") -> None:
    """Ticks of a logarithmic axis that do not run into each other, in plain figures where these are short.

    At 1, 2 and 5 times powers of ten over at most three decades, one and a half of longer figures; else at powers of
    ten.
    """
    from matplotlib.ticker import FuncFormatter, LogFormatterSciNotation, LogLocator, NullFormatter

    for axis in axes:
        low, high = axis.get_view_interval()
        short = low > 1e-4 and high < 1e5
        if high <= (1000 if short else 50) * low:
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.12g}".replace(",", " ")) if short
                                     else LogFormatterSciNotation(labelOnlyBase=False, minor_thresholds=(9, 9)))
        axis.set_minor_formatter(NullFormatter())
