"""Whether a picture can be read: colours as all eyes see them, legends off the data, labels, letters, sizes."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import Collection, PathCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.offsetbox import DrawingArea
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from theorysim.core import style

Array = NDArray[np.float64]
APART = 12.0  # CIEDE2000 from which two colours are told apart
# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
VISIONS = {
    "normal": np.eye(3),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                            [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                              [-0.011820, 0.042940, 0.968881]]),
}
TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                   [0.0193339, 0.1191920, 0.9503041]])


def linear(colour: object) -> Array:
    """Linear RGB of a colour on white."""
    *rgb, alpha = to_rgba(colour)  # type: ignore[arg-type]
    seen = alpha * np.array(rgb) + 1 - alpha
    return np.where(seen <= 0.04045, seen / 12.92, ((seen + 0.055) / 1.055) ** 2.4)


def lab(rgb: Array) -> Array:
    """CIE L*a*b* under D65."""
    ratio = TO_XYZ @ rgb / (TO_XYZ @ np.ones(3))
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def ciede2000(first: Array, second: Array) -> float:
    """The colour difference of Sharma, Wu and Dalal 2005."""
    (l1, a1, b1), (l2, a2, b2) = first, second
    chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    stretch = 1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    c1, c2 = np.hypot(stretch * a1, b1), np.hypot(stretch * a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, stretch * a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = (h2 - h1 + 180) % 360 - 180 if c1 * c2 else 0.0
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    hue = (h1 + h2) / 2 if c1 * c2 else h1 + h2
    if c1 * c2 and abs(h1 - h2) > 180:
        hue += 180 if h1 + h2 < 360 else -180
    t = sum(weight * np.cos(np.radians(times * hue + shift)) for weight, times, shift in (
        (1, 0, 0), (-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.2, 4, -63)))
    light = (l2 - l1) / (1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2))
    colour = (c2 - c1) / (1 + 0.045 * chroma)
    turned = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * chroma * t)
    mixed = -2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7)) * np.sin(
        np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    return float(np.sqrt(light**2 + colour**2 + turned**2 + mixed * colour * turned))


def difference(first: object, second: object) -> float:
    """The smallest over kinds of vision."""
    return min(ciede2000(*(lab(np.clip(matrix @ linear(one), 0, 1)) for one in (first, second)))
               for matrix in VISIONS.values())


def contrast(colour: object) -> float:
    """Against white, as WCAG has it."""
    return float(1.05 / (TO_XYZ[1] @ linear(colour) + 0.05))


@dataclass(frozen=True)
class Look:
    """An entry of a legend: its colour, and all about it that is no colour."""

    label: str
    colour: object
    form: tuple[object, ...]

    def like(self, other: "Look") -> bool:
        """Whether eyes may take the one for the other."""
        return self.form == other.form and difference(self.colour, other.colour) < APART


def looks(legend: Legend) -> list[Look]:
    """The entries."""
    boxes = [one for one in legend.findobj(DrawingArea)]
    texts = [one.get_text() for one in legend.get_texts()]
    assert len(boxes) == len(texts)
    return [_look(label, box) for label, box in zip(texts, boxes, strict=True)]


def _look(label: str, box: DrawingArea) -> Look:
    colour, form = None, []
    for one in box.get_children():
        if isinstance(one, Line2D):
            dash, marker = one.get_linestyle(), one.get_marker()
            dashed, marked = dash not in ("None", "none", ""), marker not in ("None", "none", "", None)
            if dashed or marked:
                hollow = marked and one.get_markerfacecolor() in ("none", "white")
                form.append(("line", dash if dashed else "", marker if marked else "", hollow))
                alpha = 1.0 if one.get_alpha() is None else one.get_alpha()
                colour = to_rgba(one.get_color() if dashed or hollow else one.get_markerfacecolor(), alpha)
        elif isinstance(one, Patch):
            form.append(("patch", one.get_hatch()))
            colour = one.get_facecolor()
        elif isinstance(one, PathCollection):
            form.append(("points", len(one.get_paths()[0].vertices)))
            colour = one.get_facecolor()[0]
        elif isinstance(one, Collection):
            form.append(("bars",))
            colour = colour if colour is not None else one.get_edgecolor()[0]
    assert colour is not None, label
    return Look(label, colour, tuple(form))


def panels(figure: Figure) -> list[Axes]:
    """Axes that are not colour bars and not switched off."""
    return [axis for axis in figure.axes if axis.get_label() != "<colorbar>" and axis.axison]


def legends(figure: Figure) -> list[Legend]:
    """Of the figure, its parts and its panels."""
    return figure.findobj(Legend)


def _drawn(axis: Axes) -> Iterator[tuple[object, Array, bool]]:
    """Paths in display coordinates, and whether they are joined."""
    for line in axis.lines:
        if line.get_visible() and len(line.get_xdata()):
            joined = line.get_linestyle() not in ("None", "none", "")
            yield line, line.get_transform().transform(line.get_xydata()), joined
    for one in axis.collections:
        offsets = one.get_offset_transform().transform(np.ma.getdata(one.get_offsets()))
        if isinstance(one, PathCollection):
            yield one, offsets, False
        else:
            for path in one.get_paths():
                yield one, one.get_transform().transform(path.vertices), True


def _inside(box: Bbox, figure: Figure) -> bool:
    """Whether it is on the page, but for a hair."""
    return bool(box.x0 > -2 and box.y0 > -2 and box.x1 < figure.bbox.x1 + 2 and box.y1 < figure.bbox.y1 + 2)


def covered(box: Bbox, axis: Axes) -> bool:
    """Whether the box lies on anything drawn in the panel, points or the lines that join them."""
    seen = Bbox.intersection(box, axis.get_window_extent())
    if seen is None or seen.width < 1 or seen.height < 1:
        return False
    for _, places, joined in _drawn(axis):
        fine = [places]
        if joined:
            fine += [places[:-1] + (places[1:] - places[:-1]) * share for share in np.linspace(0.02, 0.98, 49)]
        if any(seen.count_contains(some[np.isfinite(some).all(axis=1)]) for some in fine if len(some)):
            return True
    return False


def defects(figure: Figure) -> list[str]:
    """What is wrong with a picture, in words; the figure is drawn for it."""
    with style.publication():
        figure.draw_without_rendering()
    found = []
    if figure.get_figwidth() > style.PAGE:
        found.append(f"{figure.get_figwidth():g} in wide")
    for legend in legends(figure):
        found += [f"{one.label!r} looks like {other.label!r}"
                  for one, other in itertools.combinations(looks(legend), 2) if one.like(other)]
        if not _inside(legend.get_window_extent(), figure):
            found.append(f"legend {legend.get_texts()[0].get_text()!r} off the page")
        found += [f"legend {legend.get_texts()[0].get_text()!r} on data of {axis.get_title()!r}"
                  for axis in panels(figure) if covered(legend.get_window_extent(), axis)]
    for axis in figure.axes:
        if axis.get_label() == "<colorbar>" and (not axis.get_ylabel() + axis.get_xlabel()
                                                 or "_" in axis.get_ylabel().replace("σ_", "")):
            found.append(f"colour bar labelled {axis.get_ylabel()!r}")
    shown = panels(figure)
    if len(shown) > 1:
        for place, axis in enumerate(shown):
            letters = [one for one in axis.texts if one.get_text() == chr(ord("a") + place)]
            if not letters:
                found.append(f"panel {place} without its letter")
            elif axis.get_title() and letters[-1].get_window_extent().overlaps(axis.title.get_window_extent()):
                found.append(f"title {axis.get_title()!r} on its letter")
    found += [f"{text.get_text()!r} in {text.get_fontsize():g} pt" for text in figure.findobj(Text)
              if text.get_text() and text.get_visible() and text.get_fontsize() < style.SMALLEST]
    found += [f"kink in {axis.get_title()!r}" for axis in shown if "symlog" in (axis.get_xscale(), axis.get_yscale())
              and not any("linear" in one.label for legend in legends(figure) for one in looks(legend))]
    return found
