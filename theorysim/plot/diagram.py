"""Phase diagrams: a measure over two axes of a sweep, averaged over seeds, with theory's curves on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from theorysim.core import style, validate
from theorysim.sweep.random_numbers import TOLD, kind_of
from theorysim.sweep.work import DONE
from theorysim.theory.boundaries import Boundary

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

NAMES = {
    "n": "training samples n", "d": "dimension d", "m": "filters per branch m", "signal_norm": "signal norm ‖μ‖",
    "noise_std": "noise standard deviation σ_p", "init_std": "initial standard deviation σ_0", "q": "power q",
    "snr": "SNR = ‖μ‖/(σ_p√d)", "n_snr2": "n·SNR²", "d_over_n2": "d/n²", "lr": "learning rate η",
    "kappa": "κ = ησ_p²d/(nm)",
    "p": "label-noise flip rate p", "label_flip": "label flip rate τ", "T1": "T1 (steps)", "T2": "T2 (steps)",
    "test_error": "test error", "test_accuracy": "test accuracy", "train_loss": "training loss",
    "test_error_observed": "test error against flipped labels", "gamma_max": "max γ", "rho_bar_max": "max ρ̄",
}
CURVES: tuple[Literal["--", ":", "-."], ...] = ("--", ":", "-.")  # of theory
PREDICTED = (style.ORANGE, style.SKY, style.MAUVE)  # of predictions
Curve = tuple[str, Array, float, str, Literal["-", "--", ":", "-."]]  # label, values (y, x), level, colour, style


@dataclass(frozen=True)
class _Map:
    """A picture: values (y, x) and how to show them."""

    title: str
    values: Array
    label: str
    cmap: str
    symmetric: bool = False
    own_scale: bool = True
    curves: tuple[Curve, ...] = ()


def heatmap(
    frame: "pd.DataFrame",
    x: str,
    y: str,
    value: str,
    *,
    theory: Sequence[Boundary] = (),
    level: float | None = None,
    predicted: "Mapping[str, pd.DataFrame] | None" = None,
    difference: tuple[str, str] | bool = False,
    uncertainty: bool = False,
    limits: tuple[float, float] | None = None,
    label: str | None = None,
    axes: "Sequence[Axes] | None" = None,
) -> "NDArray[Any]":
    """Draw a phase diagram: the mean over seeds of a measure, one panel per algorithm.

    Parameters
    ----------
    frame : DataFrame
        Of :func:`theorysim.sweep`; rows of one (x, y) must differ by algorithm and seed only.
    x, y, value : str
        Columns: two axes of the sweep, and a measure (numbers or truth values).
    theory : sequence of Boundary
        Curves to draw over every panel, from :mod:`theorysim.theory.boundaries`.
    level : float, optional
        Draw the contour of the mean at this value.
    predicted : mapping, optional
        From names for the legend to sweeps that predict this one, say of its mean field, with the same axes and
        algorithms: the contours of their means at ``level``, on the panel of each algorithm.
    difference : (str, str) or bool
        A further panel with the mean of first − second algorithm, taken seed by seed; True for the two there are.
    uncertainty : bool
        A further panel with the standard error: of the difference if that is shown, else the largest of any algorithm.
    limits : (float, float), optional
        Ends of the colour scale of the means; by default the smallest and largest of them, the same for all panels.
    label : str, optional
        What the value is, in words, for colour bar and legend.
    axes : sequence of Axes, optional
        Where to draw, as many as panels; a new figure by default.

    Returns
    -------
    array of Axes
        Cells without a completed run are left grey.

    Raises
    ------
    TypeError, ValueError
        For columns that are missing or not numbers, other axes that still vary, an unknown algorithm, a wrong
        number of axes, or a prediction without a level or of other cells.
    """
    done = _checked(frame, x, y, value)
    names = list(dict.fromkeys(frame["algorithm"]))
    xs, ys = (np.unique(frame[name].to_numpy(dtype=float)) for name in (x, y))
    cubes = {name: _cube(done[done["algorithm"] == name], x, y, value, xs, ys) for name in names}
    text = NAMES.get(value, value) if label is None else label
    told = f"{text}, mean\n{_seeds(frame)}"
    lines = _predictions(predicted or {}, x, y, value, xs, ys, names, level)
    maps = [_Map(name, _mean(cube), told, style.ORDERED, own_scale=False, curves=lines[name])
            for name, cube in cubes.items()]
    spread = [_standard_error(cube) for cube in cubes.values()]
    if difference is not False:
        first, second = _pair(difference, names)
        gap = _difference(cubes[first], cubes[second])
        maps.append(_Map(f"{first} − {second}", _mean(gap), f"difference in {text}", style.SIGNED, symmetric=True))
        spread = [_standard_error(gap)]
    if uncertainty:
        error = np.fmax.reduce(spread)
        what = maps[-1].label if difference else text
        maps.append(_Map("standard error", error, f"standard error of {what}\n{_seeds(frame)}", style.ERROR))
    panels = _axes(axes, len(maps))
    scale = limits or _range([one.values for one in maps if not one.own_scale])
    curves = _margins(frame, x, y, xs, ys, theory)
    for axis, one in zip(panels, maps, strict=True):
        _draw(axis, one, xs, ys, scale)
        axis.set(xlabel=NAMES.get(x, x), ylabel=NAMES.get(y, y))
        measured: list[Curve] = []
        if level is not None and not one.own_scale:
            measured.append((_at(text, level), one.values, level, "white", "-"))
        _curves(axis, xs, ys, [*curves, *measured, *one.curves])
    return panels


def _seeds(frame: "pd.DataFrame") -> str:
    """How many, and what they mean in different cells."""
    kind = kind_of(frame)
    return f"{frame['seed'].nunique()} seeds" + ("" if kind is None else f" {TOLD[kind]}")


def _checked(frame: "pd.DataFrame", x: str, y: str, value: str) -> "pd.DataFrame":
    """The completed runs, after checks."""
    for argument, name in (("x", x), ("y", y), ("value", value)):
        if name not in frame.columns:
            raise ValueError(f"{argument}={name!r}: must be a column of the table, which has "
                             f"{', '.join(map(str, frame.columns))}")
    for argument, name in (("x", x), ("y", y)):
        if frame[name].dtype.kind not in "iuf":
            raise TypeError(f"{argument}={name!r}: must be an axis of numbers, has type {frame[name].dtype}")
    if frame.duplicated([x, y, "algorithm", "seed"]).any():
        others = [name for name in frame.attrs.get("axes", ()) if name not in (x, y) and frame[name].nunique() > 1]
        raise ValueError(f"frame: has several rows for one ({x}, {y}), algorithm and seed; choose one value of "
                         f"{', '.join(others) or 'what else varies'} first")
    done = frame[frame["status"].isin(DONE)]
    try:
        done[value].astype(float)
    except (TypeError, ValueError):
        raise TypeError(f"value={value!r}: must be a column of numbers or truth values") from None
    if not len(done):
        raise ValueError(f"frame: none of its {len(frame)} runs is completed")
    return done


def _cube(done: "pd.DataFrame", x: str, y: str, value: str, xs: Array, ys: Array) -> Array:
    """Values (seeds, y, x), NaN where there is none."""
    seeds, at = np.unique(done["seed"], return_inverse=True)
    cube = np.full((max(1, seeds.size), ys.size, xs.size), np.nan)
    cube[at, np.searchsorted(ys, done[y]), np.searchsorted(xs, done[x])] = done[value].astype(float)
    return cube


def _mean(cube: Array) -> Array:
    count = (~np.isnan(cube)).sum(axis=0)
    return np.where(count > 0, np.nansum(cube, axis=0) / np.maximum(count, 1), np.nan)


def _standard_error(cube: Array) -> Array:
    count = (~np.isnan(cube)).sum(axis=0)
    squares = np.nansum((cube - _mean(cube)) ** 2, axis=0)
    return np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1) / np.maximum(count, 1)), np.nan)


def _difference(first: Array, second: Array) -> Array:
    if first.shape != second.shape:
        raise ValueError("difference: the two algorithms have different seeds")
    return first - second


def _pair(difference: tuple[str, str] | bool, names: list[str]) -> tuple[str, str]:
    if difference is True:
        if len(names) != 2:
            raise ValueError(f"difference=True: needs two algorithms, there are {len(names)}; name the two")
        return names[0], names[1]
    if not isinstance(difference, tuple | list) or len(difference) != 2:
        raise TypeError(f"difference={difference!r}: must be True, False or the names of two algorithms")
    first, second = (validate.choice("difference", name, names) for name in difference)
    return first, second


def _range(values: list[Array]) -> tuple[float, float]:
    known = np.concatenate([one[np.isfinite(one)] for one in values])
    return (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)


def _axes(axes: "Sequence[Axes] | None", panels: int) -> "NDArray[Any]":
    if axes is None:
        import matplotlib.pyplot as plt

        _, made = plt.subplots(1, panels, figsize=(4.6 * panels, 3.9), layout="constrained", squeeze=False)
        return np.asarray(made).ravel()
    given = np.asarray(axes, dtype=object).ravel()
    if given.size != panels:
        raise ValueError(f"axes: has {given.size} axes, must have {panels}")
    return given


def _draw(axis: "Axes", one: _Map, xs: Array, ys: Array, scale: tuple[float, float]) -> None:
    from matplotlib.colors import Normalize

    low, high = _range([one.values]) if one.own_scale else scale
    if one.symmetric:
        low, high = -max(abs(low), abs(high)), max(abs(low), abs(high))
    axis.set_facecolor("0.85")
    mesh = axis.pcolormesh(_edges(xs), _edges(ys), np.ma.masked_invalid(one.values), cmap=one.cmap,
                           norm=Normalize(low, high if high > low else low + 1e-12), rasterized=True)
    axis.figure.colorbar(mesh, ax=axis, label=one.label)
    axis.set_title(one.title)


def _edges(centres: Array) -> Array:
    """Borders half-way between values; a single value gets a unit of room."""
    if centres.size == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


def _at(value: str, level: float) -> str:
    return f"{value} = {level:g}"


def _predictions(
    predicted: "Mapping[str, pd.DataFrame]", x: str, y: str, value: str, xs: Array, ys: Array, names: list[str],
    level: float | None,
) -> dict[str, tuple[Curve, ...]]:
    """The contours of what is predicted, by algorithm."""
    found: dict[str, tuple[Curve, ...]] = {name: () for name in names}
    for number, (title, frame) in enumerate(predicted.items()):
        if level is None:
            raise ValueError(f"predicted={title!r}: needs level, the value whose contour is drawn")
        done = _checked(frame, x, y, value)
        if not all(set(of) <= set(done[name]) for name, of in ((x, xs), (y, ys), ("algorithm", names))):
            raise ValueError(f"predicted={title!r}: must have every {x}, {y} and algorithm of the table")
        done = done[done[x].isin(xs) & done[y].isin(ys)]
        label, colour = f"{_at(NAMES.get(value, value), level)}, {title}", PREDICTED[number % len(PREDICTED)]
        for name in names:
            mean = _mean(_cube(done[done["algorithm"] == name], x, y, value, xs, ys))
            found[name] += ((label, mean, level, colour, "-."),)
    return found


def _margins(
    frame: "pd.DataFrame", x: str, y: str, xs: Array, ys: Array, theory: Sequence[Boundary]
) -> list[Curve]:
    """Every boundary's margin (y, x) from the fields in the table, which is 0 on it."""
    if isinstance(theory, Boundary):
        theory = [theory]
    cells = frame.drop_duplicates([x, y])
    fields = {str(name): cells[name].to_numpy() for name in cells.columns}
    found: list[Curve] = []
    for number, boundary in enumerate(theory):
        validate.instance("theory", boundary, (Boundary,))
        margin = np.full((ys.size, xs.size), np.nan)
        with np.errstate(divide="ignore"):
            margin[np.searchsorted(ys, cells[y]), np.searchsorted(xs, cells[x])] = boundary.margin(fields)
        found.append((boundary.label, margin, 0.0, "black", CURVES[number % len(CURVES)]))
    return found


def _curves(axis: "Axes", xs: Array, ys: Array, wanted: Sequence[Curve]) -> None:
    """Contours of theory, of the measured level and of the predicted one, with a legend."""
    from matplotlib.lines import Line2D
    from matplotlib.patheffects import Normal, Stroke

    handles = []
    for label, values, at, colour, dash in wanted:
        known = values[np.isfinite(values)]
        if min(values.shape) < 2 or not known.size or not known.min() <= at <= known.max():
            continue  # no such curve in the picture
        drawn = axis.contour(xs, ys, np.ma.masked_invalid(values), levels=[at], colors=colour, linestyles=dash)
        drawn.set_path_effects([Stroke(linewidth=3, foreground="0.6"), Normal()])  # visible on any colour
        handles.append(Line2D([], [], color=colour, linestyle=dash, label=label))
    if handles:
        style.legend_below(axis, 1, handles=handles, frameon=True, facecolor="0.7")
