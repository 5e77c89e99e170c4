"""What two studies of rare test errors share: errors over a grid of (n, d), the fit of their exponents, the picture."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import progress as bars
from theorysim.patch.risk.estimate import Estimate

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
REPLICATES = 2000
Point = Callable[[int, int, int], dict[str, Estimate]]  # of n, d, seed: the error at each stop


@dataclass(frozen=True, eq=False)
class Exponents:
    """−ln p ∝ d^a n^b: least squares in logarithms, 95% bootstrap intervals over seeds; and R² on single variables."""

    d: tuple[float, float, float]
    n: tuple[float, float, float]
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
    """Of the rows of one stop; errors of ½ and beyond or unreliable ones are left out."""
    kept = frame[frame["reliable"] & (frame["log10_error"] < np.log10(0.4)) & np.isfinite(frame["log10_error"])]
    cells = [(group["n"].iloc[0], group["d"].iloc[0], np.log(-np.log(10) * group["log10_error"].to_numpy()))
             for _, group in kept.groupby(["n", "d"])]
    design = np.array([[1.0, np.log(d), np.log(n)] for n, d, _ in cells])
    if np.linalg.matrix_rank(design) < 3:  # n and d do not vary apart
        nothing = (np.nan, np.nan, np.nan)
        return Exponents(nothing, nothing, {})
    solve = np.linalg.pinv(design)
    centre = np.array([values.mean() for _, _, values in cells])
    rng = np.random.default_rng(0)
    drawn = np.stack([values[rng.integers(values.size, size=(REPLICATES, values.size))].mean(axis=1)
                      for _, _, values in cells], axis=1)
    found, (low, high) = solve @ centre, np.percentile(drawn @ solve.T, [2.5, 97.5], axis=0)
    size = np.exp(centre)
    r2 = {name: _r2(np.exp(design[:, 1] - power * design[:, 2]), size) for name, power in (("d/n²", 2), ("d/n", 1))}
    return Exponents((found[1], low[1], high[1]), (found[2], low[2], high[2]), r2)


def _r2(variable: Array, size: Array) -> float:
    """Share of the variance of −ln p that is proportional to one variable, in logarithms with slope 1."""
    rest = np.log(size) - np.log(variable)
    return float(1 - rest.var() / np.log(size).var())


def interval(three: tuple[float, float, float]) -> str:
    """Estimate and interval in words."""
    return "–" if np.isnan(three[0]) else "{:.3f} [{:.3f}, {:.3f}]".format(*three)


def figure(frame: "pd.DataFrame", title: str) -> Any:
    """−log₁₀ p of the last stop against d/n² and against d/n, a colour for each n."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(12, 4.6), layout="constrained")
    made.suptitle(title)
    last = frame[frame["stop"] == frame["stop"].iloc[-1]]
    for axis, (label, power) in zip(made.subplots(1, 2), (("d/n²", 2), ("d/n", 1)), strict=True):
        for number, (n, group) in enumerate(last.groupby("n")):
            axis.plot(group["d"] / float(str(n)) ** power, -group["log10_error"], "o", color=f"C{number}", markersize=4,
                      label=f"n = {n}")
        axis.set(xscale="log", yscale="log", xlabel=label, ylabel="−log₁₀ test error, fresh noise")
        axis.legend(fontsize=8)
    return made
