"""Colours to eyes of three kinds, series that never look alike, and a check of pictures that finds what is wrong."""

import itertools

import matplotlib
import numpy as np
import pytest
from figure_check import APART, VISIONS, ciede2000, contrast, defects, difference, lab, linear, looks
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import theorysim as ts
from theorysim.core import style
from theorysim.reproduce import reproduce

# Table 1 of Sharma, Wu and Dalal 2005.
SHARMA = """
50 2.6772 -79.7751 50 0 -82.7485 2.0425
50 3.1571 -77.2803 50 0 -82.7485 2.8615
50 2.8361 -74.0200 50 0 -82.7485 3.4412
50 -1.3802 -84.2814 50 0 -82.7485 1.0000
50 -1.1848 -84.8006 50 0 -82.7485 1.0000
50 -0.9009 -85.5211 50 0 -82.7485 1.0000
50 0 0 50 -1 2 2.3669
50 -1 2 50 0 0 2.3669
50 2.4900 -0.0010 50 -2.4900 0.0009 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0010 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0011 7.2195
50 2.4900 -0.0010 50 -2.4900 0.0012 7.2195
50 -0.0010 2.4900 50 0.0009 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0010 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0011 -2.4900 4.7461
50 2.5 0 50 0 -2.5 4.3065
50 2.5 0 73 25 -18 27.1492
50 2.5 0 61 -5 29 22.8977
50 2.5 0 56 -27 -3 31.9030
50 2.5 0 58 24 15 19.4535
50 2.5 0 50 3.1736 0.5854 1.0000
50 2.5 0 50 3.2972 0 1.0000
50 2.5 0 50 1.8634 0.5757 1.0000
50 2.5 0 50 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""


@pytest.mark.parametrize("row", SHARMA.strip().splitlines())
def test_difference_of_the_standard(row: str) -> None:
    """Every pair of the published table, to its four digits, both ways."""
    *pair, expected = map(float, row.split())
    first, second = np.array(pair[:3]), np.array(pair[3:])
    assert ciede2000(first, second) == pytest.approx(expected, abs=6e-5)
    assert ciede2000(second, first) == pytest.approx(expected, abs=6e-5)


def test_colour_spaces() -> None:
    """White and black, and red as sRGB defines it; greys look alike to all eyes."""
    np.testing.assert_allclose(lab(linear("white")), [100, 0, 0], atol=1e-9)
    np.testing.assert_allclose(lab(linear("black")), [0, 0, 0], atol=1e-9)
    np.testing.assert_allclose(lab(linear("red")), [53.24, 80.09, 67.20], atol=0.02)
    np.testing.assert_allclose(linear(("black", 0.5)), linear("#808080"), atol=4e-3)
    for matrix in VISIONS.values():
        np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=2e-6)
    assert [contrast("black"), contrast("white")] == pytest.approx([21, 1])


def test_red_and_green() -> None:
    """What the simulation is for: a pair that only normal eyes tell apart."""
    red, green = "#B05040", "#6B7038"
    normal = ciede2000(lab(linear(red)), lab(linear(green)))
    assert difference(red, green) < APART < normal / 2


def test_colours() -> None:
    """Any two, and black, are told apart by all eyes, and each from white."""
    pairs = itertools.combinations([*style.COLOURS, style.THEORY], 2)
    assert min(difference(*pair) for pair in pairs) >= 19 > APART
    assert min(map(contrast, style.COLOURS)) >= 2.4 and len(set(style.COLOURS)) == 8


def test_meanings() -> None:
    """Whatever is compared has two colours, and gradient descent and label noise are the first two series."""
    for pair in ((style.GD, style.LABEL_NOISE), (style.SIGNAL, style.NOISE), (style.CLEAN, style.NOISY)):
        assert difference(*pair) >= APART
    assert (style.GD, style.LABEL_NOISE) == tuple(style.series(number)["color"] for number in range(2))


def test_series() -> None:
    """Beyond the colours they come again with another marker and dash; up to 32 no two are the same."""
    found = [style.series(number) for number in range(32)]
    assert len({tuple(one.values()) for one in found}) == 32
    for number, one in enumerate(found[:-8]):
        later = found[number + 8]
        assert one["color"] == later["color"] and one["marker"] != later["marker"]
        assert one["linestyle"] != later["linestyle"]
    assert style.points(3) == style.series(3) | {"linestyle": "none"}
    dense = [style.series(number, dense=True) for number in range(32)]
    assert len({tuple(one.values()) for one in dense}) == 32 and all("marker" not in one for one in dense)
    assert [one["color"] for one in dense] == [one["color"] for one in found]
    assert all(one["linestyle"] != other["linestyle"] for one, other in itertools.pairwise(dense[:8]))


def test_publication() -> None:
    """Settings are as before, after an error too."""
    before = dict(matplotlib.rcParams)
    with pytest.raises(KeyError), style.publication():
        assert matplotlib.rcParams["pdf.fonttype"] == 42
        assert all(matplotlib.rcParams[name] == value for name, value in style.SETTINGS.items())
        raise KeyError
    assert dict(matplotlib.rcParams) == before


def good(colours: tuple[str, str] = style.COLOURS[:2], markers: str = "oo") -> tuple[Figure, list[Axes]]:
    """A picture of two panels, one of which has a colour bar, as they should be."""
    with style.publication():
        figure = Figure(figsize=(style.PAGE, 3), layout="constrained")
        axes = list(figure.subplots(1, 2))
        for colour, marker, slope in zip(colours, markers, (1, 2), strict=True):
            axes[0].plot(range(10), slope * np.arange(10), color=colour, marker=marker, label=f"slope {slope}")
        axes[0].set(xlabel="step (updates)", title="lines")
        style.legend_below(axes[0])
        mesh = axes[1].pcolormesh(np.eye(3))
        figure.colorbar(mesh, ax=axes[1], label="share of runs")
        style.panel_letters(axes)
    return figure, axes


def test_good_picture() -> None:
    """No defect; two series of near colours are told apart by markers; the legend is under panel and label."""
    figure, axes = good()
    assert defects(figure) == []
    assert defects(good(("#0057C8", "#0A60D0"), "os")[0]) == []
    legend = axes[0].get_legend()
    assert legend.get_window_extent().y1 < axes[0].xaxis.label.get_window_extent().y0 + 2
    assert [axis.texts[0].get_text() for axis in axes] == ["a", "b"]


@pytest.mark.parametrize("colours", [("#0057C8", "#0A60D0"), ("#B05040", "#6B7038")])
def test_near_colours(colours: tuple[str, str]) -> None:
    """Two that all eyes mix up, and two that only some do."""
    figure, axes = good(colours)
    assert defects(figure) == ["'slope 1' looks like 'slope 2'"]
    assert [one.label for one in looks(axes[0].get_legend())] == ["slope 1", "slope 2"]


@pytest.mark.parametrize("point", ["marker", "line", "error bar", "scatter"])
def test_legend_on_data(point: str) -> None:
    """Points under a legend count, and so do lines that only pass through it."""
    figure = Figure(figsize=(style.COLUMN, 3), layout="constrained")
    axis = figure.subplots()
    if point == "error bar":
        axis.errorbar([0.3], [1.6], [1.2], color=style.BLUE, label="value")
    elif point == "scatter":
        axis.scatter([0.3], [2.7], color=style.BLUE, label="value")
    else:
        places = ([0.3], [2.7]) if point == "marker" else ([0, 3], [2.9, 2.5])
        axis.plot(*places, "-o", color=style.BLUE, label="value")
    axis.set(xlim=(0, 3), ylim=(0, 3))
    axis.legend(loc="upper left")
    assert defects(figure) == ["legend 'value' on data of ''"]
    axis.legend(loc="lower right")
    assert defects(figure) == []


@pytest.mark.compiled
def test_learning_curves() -> None:
    """Four rows of them, in one figure."""
    tiny = ts.SignalNoise(n=6, d=60, m=2, signal_norm=2.0, noise_std=0.5, init_std=0.01)
    figure = reproduce("huang2025-fig2", seeds=2, paper=tiny, steps=30).figure
    assert defects(figure) == [] and len(figure.axes) == 16


def test_other_defects() -> None:
    """A bare colour bar, a column's name on it, letters that are missing, small text, kinks, more than a page."""
    figure, axes = good()
    for bad in ("", "signal_leads"):
        figure.axes[2].set_ylabel(bad)
        assert defects(figure) == [f"colour bar labelled {bad!r}"]
    figure, axes = good()
    axes[1].texts[0].remove()
    assert defects(figure) == ["panel 1 without its letter"]
    figure, axes = good()
    axes[0].set_title("small", fontsize=6)
    assert defects(figure) == ["'small' in 6 pt"]
    figure, axes = good()
    axes[0].set_xscale("symlog")
    assert defects(figure) == ["kink in 'lines'"]
    style.log_steps(axes[0])
    assert defects(figure) == []
    axes[0].set_title("a title that is far too long for so small a panel with a letter")
    assert defects(figure) == ["title 'a title that is far too long for so small a panel with a letter' on its letter"]
    axes[0].set_title("")
    axes[1].plot([1], [1], "o", label="value")
    axes[1].legend(loc="upper left", bbox_to_anchor=(1.9, 1)).set_in_layout(False)
    assert defects(figure) == ["legend 'value' off the page"]
    axes[1].get_legend().remove()
    figure.set_figwidth(12)
    assert defects(figure) == ["12 in wide"]
