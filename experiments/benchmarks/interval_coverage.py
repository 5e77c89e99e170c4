"""How often 95% intervals hold the truth, where it is known: exponents of scaling(), lines of crossing(), means.

    python experiments/benchmarks/interval_coverage.py [--repeats 600] [--out docs/measured]

Exponents: times with a power law and noise of many kinds, and real T1 of a small problem, whose seeds are cut into
disjoint sets. Crossings: tables with a straight mean of known place. Means: of numbers of many kinds.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import theorysim as ts
from theorysim.core.intervals import ends, moments
from theorysim.reproduce import markdown
from theorysim.scaling.fit import exponent
from theorysim.sweep.crossing import crossing

Array = NDArray[np.float64]
SEEDS = (5, 10, 20)
KINDS = ("normal", "exponential", "heavy tails", "rare spikes", "shared by a seed")
DESIGNS: Mapping[str, tuple[Sequence[float], int, float]] = {  # values, parameters, largest spread over smallest
    "3 values, 1 parameter": ((1, 2, 4), 1, 1.0),
    "3 uneven values, 2 parameters": ((1, 1.4, 4), 2, 1.0),
    "5 values, 3 parameters": ((1, 2, 4, 8, 16), 3, 1.0),
    "3 values, 1 parameter, spread ×3": ((1, 2, 4), 1, 3.0),
    "5 values, 2 parameters, spread ×3": ((1, 2, 4, 8, 16), 2, 3.0),
}
MEANS = {"exponential": 1.0, "rare spikes": 0.2}  # of the noise; others have 0
TRUE = -1.5  # every exponent
COARSE, FINE = np.linspace(0.2, 2.0, 10), np.linspace(0.2, 2.0, 60)  # in the fine one noise crosses many times
OVER = np.array([10.0, 20.0, 40.0, 80.0])
SLOPE = -0.25  # of the crossing's logarithm
D = 10**5


def noise(kind: str, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Of one kind (points, seeds); of three kinds symmetric, of two not."""
    if kind == "exponential":
        return rng.exponential(size=shape)
    if kind == "heavy tails":
        return rng.standard_t(2.2, size=shape)
    if kind == "rare spikes":  # kurtosis about 40
        return 0.2 * rng.standard_normal(shape) + 10 * (rng.random(shape) < 0.02)
    if kind == "shared by a seed":  # nine tenths of the variance
        return 3 * rng.standard_normal((1, *shape[1:])) + rng.standard_normal(shape)
    return rng.standard_normal(shape)


def design(values: Sequence[float], parameters: int) -> tuple[list[dict[str, float]], dict[str, list[int]], Array]:
    """Points around a centre, the line of every parameter among them, and where on its line each point is."""
    names, middle = [f"x{k}" for k in range(parameters)], len(values) // 2
    points, lines, places = [dict.fromkeys(names, float(values[middle]))], {}, [middle]
    for name in names:
        lines[name] = [0]
        for place in (place for place in range(len(values)) if place != middle):
            lines[name].append(len(points))
            points.append(points[0] | {name: float(values[place])})
            places.append(place)
    return points, lines, np.array(places)


def truth(kind: str, values: Sequence[float], scale: Array, rng: np.random.Generator) -> float:
    """What is typical of the slopes of all seeds: the exponent, and what unequal skewed noise adds to it."""
    x = np.log(values) - np.log(values).mean()
    slopes = (x / (x @ x) * scale) @ noise(kind, rng, (len(values), 400_000))
    return TRUE + float(np.median((slopes[::2] + slopes[1::2]) / 2))


def exponents(kind: str, name: str, seeds: int, repeats: int, rng: np.random.Generator) -> tuple[float, float]:
    """Share of intervals that hold the truth, over repeats and parameters, and their median width."""
    values, parameters, spread = DESIGNS[name]
    points, lines, places = design(values, parameters)
    scale = 0.3 * np.geomspace(1, spread, len(values))
    skewed = spread > 1 and kind in ("exponential", "rare spikes")
    true = truth(kind, values, scale, np.random.default_rng(0)) if skewed else TRUE
    mean = np.array([TRUE * sum(np.log(list(point.values()))) for point in points])
    found = []
    for _ in range(repeats):
        times = mean[:, None] + scale[places][:, None] * noise(kind, rng, (len(points), seeds))
        for one, line in lines.items():
            found.append(exponent(np.log([points[number][one] for number in line]), times[line]))
    _, low, high = np.array(found).T
    return float(((low <= true) & (true <= high)).mean()), float(np.median(high - low))


def diagram(kind: str, common: bool, seeds: int, rng: np.random.Generator, axis: Array = COARSE) -> pd.DataFrame:
    """A table as of a sweep: a mean that falls in a straight line through ½ at over^SLOPE, with noise."""
    place = (OVER / np.sqrt(OVER[0] * OVER[-1])) ** SLOPE
    mean = 0.5 - 0.25 * (axis - place[:, None])
    own = noise(kind, rng, (*mean.shape, seeds))
    drawn = 0.5 * own + noise(kind, rng, (seeds,)) if common else own
    values = mean[..., None] + 0.05 * (drawn - MEANS.get(kind, 0.0) * (1.5 if common else 1.0))
    over, along, seed = (one.ravel() for one in np.meshgrid(OVER, axis, np.arange(seeds), indexing="ij"))
    return pd.DataFrame({"over": over, "along": along, "seed": seed, "value": values.ravel(), "algorithm": "a",
                         "draw_seed": seed if common else 1000 + np.arange(seed.size), "status": "completed"})


def crossings(
    kind: str, common: bool, seeds: int, repeats: int, rng: np.random.Generator, axis: Array = COARSE
) -> tuple[float, float, float]:
    """Shares of intervals that hold the place, and the exponent where there is one; share of open intervals."""
    place, held, slopes, ends_open = (OVER / np.sqrt(OVER[0] * OVER[-1])) ** SLOPE, [], [], []
    for _ in range(repeats):
        table = diagram(kind, common, seeds, rng, axis)
        line = crossing(table, "value", 0.5, along="along", over="over", algorithm="a")
        known = line.points["low"].notna()
        held += list(((line.points["low"] <= place) & (place <= line.points["high"]))[known])
        ends_open += list(np.isinf(line.points[["low", "high"]]).any(axis=1)[known])
        if np.isfinite(line.exponent[0]):
            slopes.append(line.exponent[1] <= SLOPE <= line.exponent[2])
    return float(np.mean(held)), float(np.mean(slopes)), float(np.mean(ends_open))


def means(kind: str, seeds: int, repeats: int, rng: np.random.Generator) -> float:
    """Share of intervals of means that hold the mean."""
    low, high = ends(moments(noise(kind, rng, (repeats, seeds))))
    return float(((low <= MEANS.get(kind, 0.0)) & (MEANS.get(kind, 0.0) <= high)).mean())


def real(seeds: int) -> dict[str, tuple[Array, Array]]:
    """T1 of a small problem: for every parameter its values and the times (values, seeds)."""
    centre = ts.SignalNoise(n=10, d=D, m=16, signal_norm=1.0, noise_std=1.0, init_std=1e-3 / D**0.5)
    lr = 20.0 / D
    vary = {"n": [7, 10, 14], "m": [10, 16, 26], "lr": [lr / 2, lr, 2 * lr]}
    runs = ts.scaling(centre.replace(n_snr2=0.1), ts.GradientDescent(lr), "T1", vary=vary, seeds=seeds, steps=3000,
                      hold=["n_snr2", "init_scale"]).runs
    middle = {"n": 10, "m": 16, "lr": lr}
    found = {}
    for name, values in vary.items():
        mine = runs[np.all([runs[one] == middle[one] for one in middle if one != name], axis=0)]
        table = mine.pivot(index=name, columns="seed", values="measured").loc[values].dropna(axis=1)
        found[name] = np.array(values, dtype=float), table.to_numpy()
    return found


def disjoint(values: Array, times: Array, seeds: int) -> tuple[float, int, float]:
    """Share of disjoint sets of seeds whose interval holds the exponent of all seeds, how many sets, median width."""
    x, y = np.log(values), np.log(times)
    whole = exponent(x, y).value
    sets = [exponent(x, y[:, start:start + seeds]) for start in range(0, y.shape[1] - seeds + 1, seeds)]
    widths = [one.high - one.low for one in sets]
    return float(np.mean([one.low <= whole <= one.high for one in sets])), len(sets), float(np.median(widths))


def report(repeats: int, real_seeds: int) -> str:
    """All tables."""
    rng = np.random.default_rng(1)
    rows = []
    for name in DESIGNS:
        for kind in KINDS:
            found = {seeds: exponents(kind, name, seeds, repeats, rng) for seeds in SEEDS}
            rows.append({"design": name, "noise": kind} | {
                f"{seeds} seeds": f"{share:.3f}" for seeds, (share, _) in found.items()})
    lines = []
    for common, axis in ((False, COARSE), (False, FINE), (True, COARSE), (True, FINE)):
        for kind in ("normal", "exponential", "heavy tails"):
            row = {"random numbers": "common" if common else "independent", "cells": f"4 × {axis.size}", "noise": kind}
            for seeds in SEEDS:
                place, slope, is_open = crossings(kind, common, seeds, repeats, rng, axis)
                row[f"{seeds} seeds"] = f"{place:.3f}, {slope:.3f}" + (f" ({is_open:.1%} open)" if is_open else "")
            lines.append(row)
    averages = [{"noise": kind} | {f"{seeds} seeds": f"{means(kind, seeds, 20 * repeats, rng):.3f}" for seeds in SEEDS}
                for kind in KINDS[:4]]
    measured = []
    for name, (values, times) in real(real_seeds).items():
        found = {seeds: disjoint(values, times, seeds) for seeds in SEEDS}
        measured.append({"parameter": name} | {
            f"{seeds} seeds": f"{share:.3f} of {sets} (width {width:.3f})"
            for seeds, (share, sets, width) in found.items()})
    return "\n\n".join([
        f"**Exponents, times of known law.** Share of 95% intervals of `scaling` that hold the exponent; {repeats} "
        "repeats each, over all parameters. Where noise is skewed and its spread differs between the points, the truth "
        "is what is typical of the slopes of all seeds.",
        markdown(pd.DataFrame(rows)),
        f"**Exponents of the real T1**, gradient descent, n = 10, m = 16, d = {D}: {real_seeds} seeds cut into "
        "disjoint sets; the truth is the exponent of all of them.",
        markdown(pd.DataFrame(measured)),
        f"**Crossings** of a straight mean: share of intervals of the place, and of the exponent where there is one, "
        f"that hold the truth; {repeats} repeats of four places. Open: an end lies beyond the diagram. "
        "With common random numbers all cells of a seed share four fifths of the variance.",
        markdown(pd.DataFrame(lines)),
        f"**Means** of numbers of one law, of which gains are: share of intervals that hold the mean; {20 * repeats} "
        "repeats.",
        markdown(pd.DataFrame(averages)),
    ])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=600, help="studies of every kind (default %(default)s)")
    parser.add_argument("--real-seeds", type=int, default=2000, help="runs of T1 at every point (default %(default)s)")
    parser.add_argument("--out", type=Path, help="folder to write coverage.md to")
    options = parser.parse_args()
    text = report(options.repeats, options.real_seeds)
    print(text)
    if options.out:
        options.out.joinpath("coverage.md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
