"""What two studies of rare test errors share: errors over a grid of (n, d), the fit of their exponents, the picture."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import progress as bars
from theorysim.core import style
from theorysim.core.intervals import Interval, typical
from theorysim.patch.risk.estimate import Estimate

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
Point = Callable[[int, int, int], dict[str, Estimate]]  # of n, d, seed: the error at each stop


@dataclass(frozen=True, eq=False)
class Exponents:
    """−ln p ∝ d^a n^b: what is typical of the seeds' exponents, with 95% intervals; and R² on single variables."""

    d: Interval
    n: Interval
    r2: dict[str, float]


def measure(cells: Sequence[tuple[int, int]], seeds: int, point: Point, shown: bool, name: str) -> "pd.DataFrame":
    """One row per cell, seed and stop."""
    import pandas as pd

    rows = []
    with bars.bar(len(cells) * seeds, shown, "run", name) as bar:
        for n, d in cells:
            for seed in range(seeds):
                for stop, error in point(n, d, seed).items():
                    rows.append({"stop": stop, "n": n, "d": d, "seed": seed, "log10_error": error.log10_value,
                                 "low": error.log10_low, "high": error.log10_high, "method": error.method,
                                 "reliable": error.reliable})
                bar.update(1)
    if not rows:
        raise ValueError("steps: no run got as far as to be stopped; allow more steps")
    return pd.DataFrame(rows)


def fit(frame: "pd.DataFrame") -> Exponents:
    """Of the rows of one stop; errors of ½ and beyond or unreliable ones are left out.

    For each seed ln(−ln p) is fitted by least squares over its cells, where n and d vary apart: a seed has many of its
    random numbers in common between cells, so that these are not independent, but seeds are. R² is of the cells' means.
    """
    kept = _kept(frame)
    planes = [plane for _, group in kept.groupby("seed") if (plane := _plane(group)) is not None]
    if not planes:
        nothing = Interval(np.nan, np.nan, np.nan)
        return Exponents(nothing, nothing, {})
    cells = kept.groupby(["n", "d"])["size"].mean().reset_index()
    n, d, size = (cells[name].to_numpy(dtype=float) for name in ("n", "d", "size"))
    r2 = {name: _r2(d / n**power, np.exp(size)) for name, power in (("d/n²", 2), ("d/n", 1))}
    in_d, in_n = np.array(planes)[:, 1:].T
    return Exponents(typical(in_d), typical(in_n), r2)


def _kept(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The rows that are fitted, with ln(−ln p)."""
    kept = frame[frame["reliable"] & (frame["log10_error"] < np.log10(0.4)) & np.isfinite(frame["log10_error"])]
    return kept.assign(size=np.log(-np.log(10) * kept["log10_error"]))


def _plane(group: "pd.DataFrame") -> Array | None:
    """Coefficients of 1, ln d and ln n of one seed; None where n and d do not vary apart."""
    design = np.column_stack([np.ones(len(group)), *(np.log(group[name]) for name in ("d", "n"))])
    return np.linalg.pinv(design) @ group["size"].to_numpy() if np.linalg.matrix_rank(design) == 3 else None


def _r2(variable: Array, size: Array) -> float:
    """Share of the variance of −ln p that is proportional to one variable, in logarithms with slope 1."""
    rest = np.log(size) - np.log(variable)
    return float(1 - rest.var() / np.log(size).var())


def words(found: Interval) -> str:
    """Estimate and interval; a single seed has none."""
    if np.isnan(found.low):
        return "–" if np.isnan(found.value) else f"{found.value:.3f} (one seed)"
    return "{:.3f} [{:.3f}, {:.3f}]".format(*found)


def figure(frame: "pd.DataFrame", title: str, claim: str, power: int) -> Any:
    """−log₁₀ p of the last stop against d/n² and against d/n, with the claim exp(−d/n^power) and the fit as lines.

    The fit is a surface over (n, d); shown is its line over d at the n that has most values of d.
    """
    from matplotlib.figure import Figure

    made = Figure(figsize=(style.PAGE, 3.6), layout="constrained")
    made.suptitle(title)
    last = frame[frame["stop"] == frame["stop"].iloc[-1]]
    axes = made.subplots(1, 2)
    for axis, (label, over) in zip(axes, (("d/n²", 2), ("d/n", 1)), strict=True):
        for number, (n, group) in enumerate(last.groupby("n")):
            axis.plot(group["d"] / float(str(n)) ** over, -group["log10_error"], **style.points(number),
                      label=f"n = {n}")
        _fitted(axis, last, over)
        if over == power:
            ends = np.sort(last["d"] / last["n"] ** power)[[0, -1]]
            axis.plot(ends, ends / np.log(10), color=style.THEORY, linestyle="--", label=claim)
        axis.set(xscale="log", yscale="log", xlabel=label, ylabel="−log₁₀ test error, fresh noise")
        style.legend_below(axis, 2)
    style.panel_letters(axes)
    return made


def _fitted(axis: "Axes", frame: "pd.DataFrame", over: int) -> None:
    """The fitted d^a n^b along d; nothing where there is no fit."""
    found = fit(frame)
    if np.isnan(found.d.value):
        return
    kept = _kept(frame)
    rest = np.mean(kept["size"] - found.d.value * np.log(kept["d"]) - found.n.value * np.log(kept["n"]))
    n = kept.groupby("n")["d"].nunique().sort_values().index[-1]
    d = np.sort(kept.loc[kept["n"] == n, "d"].unique()).astype(float)
    axis.plot(d / n**over, np.exp(rest) * d**found.d.value * n**found.n.value / np.log(10), color=style.REFERENCE,
              label=f"fit d^{found.d.value:.2f} n^{found.n.value:.2f}, at n = {n}")
