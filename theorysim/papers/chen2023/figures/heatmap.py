"""Chen et al. 2023: test error of SGD and of SAM over dimension and signal norm, at equal gradient evaluations.

The setting of the paper's figure is not known here. Data are those of Kou et al. 2023 (n, m, noise, flips, the range of
norms), on dimensions that go further; initial weights are small, which the theory asks for, and batches, step and
number of steps are ours.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim import plot
from theorysim.core import style
from theorysim.core.intervals import mean
from theorysim.papers.chen2023.evidence import PATCHES, sam
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.policy import EarlyStopping
from theorysim.patch.problem import SignalNoise
from theorysim.reproduce import Report, interrupted_note, markdown, require_runs
from theorysim.sweep import summarise, sweep
from theorysim.sweep.crossing import Crossing, crossing
from theorysim.sweep.random_numbers import INDEPENDENT, told

if TYPE_CHECKING:
    import pandas as pd

N, M = 20, 10
P_FLIP = 0.1
BATCH = 10
INIT = 0.003
LEVEL = 0.25  # half-way between no error and chance
FIRST_SEED = 700
STRONG = 4.0
N_TEST = 1000
SGD, SAM = "SGD", "SAM"
DIMENSIONS = (100, 178, 316, 562, 1000, 1778, 3162, 5623, 10_000)
NORMS = (0.25, 0.35, 0.5, 0.7, 0.85, 1.0, 1.2, 1.4, 1.7, 2.0, 2.4, 2.8, 3.4, 4.0, 4.8, 5.7, 6.7, 8.0, 10.0)
FACTORS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
RADIUS_DIMENSIONS = (100, 1000, 10_000)
RADIUS_NORM = 2.0
TICKS = (0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 4.0, 6.0, 10.0)
NUMBERS = {SGD: 0, SAM: 2}  # of their series; the second is label noise


def problem(d: int, signal_norm: float) -> SignalNoise:
    """A cell."""
    return SignalNoise(n=N, d=d, m=M, signal_norm=signal_norm, noise_std=1.0, q=1, label_flip=P_FLIP,
                       orthogonal_noise=False, init_std=INIT)


def run(
    *,
    seeds: int = 6,
    progress: bool = False,
    d: Sequence[int] = DIMENSIONS,
    signal_norm: Sequence[float] = NORMS,
    steps: int = 2000,
    lr: float = 0.2,
    factors: Sequence[float] = FACTORS,
    radius_d: Sequence[int] = RADIUS_DIMENSIONS,
    random_numbers: str = INDEPENDENT,
    workers: int | None = None,
    executor: str | Executor | None = None,
) -> Report:
    """Sweep the diagram for both, and the radius of SAM at one signal norm; report."""
    half = EarlyStopping(steps // 2)  # two gradients a step
    common: dict[str, Any] = {
        "seeds": range(FIRST_SEED, FIRST_SEED + seeds), "steps": steps, "n_test": N_TEST, "workers": workers,
        "executor": executor, "progress": progress, "random_numbers": random_numbers,
        "measure": ("test_error", "train_loss")}
    frame = sweep(
        problem, grid={"d": d, "signal_norm": signal_norm}, **common,
        algorithms={SGD: GradientDescent(lr, batch_size=BATCH), SAM: (lambda p: sam(p, lr, BATCH, 1.0), half)})
    require_runs(frame, [SGD, SAM])
    radii = sweep(
        problem, grid={"d": radius_d, "signal_norm": [RADIUS_NORM]}, **common,
        algorithms={f"{c:g}": (lambda p, c=c: sam(p, lr, BATCH, c), half) for c in factors})
    lines = {name: crossing(frame, "test_error", LEVEL, along="signal_norm", over="d", algorithm=name)
             for name in (SGD, SAM)}
    slices = summarise(radii).assign(factor=lambda rows: rows["algorithm"].astype(float))
    return Report(
        name="chen2023-sam",
        title="SAM against SGD over dimension and signal norm (Chen et al. 2023)",
        text=interrupted_note(frame, radii) + _text(frame, lines, slices, seeds, steps, lr),
        tables={"cells": summarise(frame)[["d", "signal_norm", "algorithm", "runs", "test_error", "test_error_se",
                                           "train_loss", "train_loss_se"]],
                "boundary": _boundary(lines),
                "radius": slices[["d", "factor", "runs", "test_error", "test_error_se", "train_loss"]]},
        figure=picture(frame, {name: line.points for name, line in lines.items()}, slices),
    )


def _boundary(lines: dict[str, Crossing]) -> "pd.DataFrame":
    """Both lines in one table, with n‖μ‖⁴/(dP⁴σ⁴) on them."""
    import pandas as pd

    both = pd.concat([line.points.assign(algorithm=name) for name, line in lines.items()], ignore_index=True)
    return both.assign(signal_power=N * both["crossing"] ** 4 / (both["d"] * PATCHES**4))


def _text(
    frame: "pd.DataFrame", lines: dict[str, Crossing], slices: "pd.DataFrame", seeds: int, steps: int, lr: float
) -> str:
    import pandas as pd

    rows = []
    for name, theory in ((SGD, "1/4"), (SAM, "0")):
        points = lines[name].points.dropna(subset=["crossing"])
        power = N * points["crossing"] ** 4 / (points["d"] * PATCHES**4)
        rows.append({
            "algorithm": name, "boundary found at": f"{len(points)} of {len(lines[name].points)} d",
            "‖μ‖ on it": _range(points["crossing"]),
            "exponent in d": "{:.3f} [{:.3f}, {:.3f}]".format(*lines[name].exponent), "theory": theory,
            "n‖μ‖⁴/(dP⁴σ⁴) on it": _range(power), f"error at ‖μ‖ ≥ {STRONG:g}": _strong(frame, name)})
    ended = frame["status"].value_counts()
    radius = slices.pivot(index="factor", columns="d", values="test_error")
    error = slices.pivot(index="factor", columns="d", values="test_error_se")
    table = pd.DataFrame({"ρPσ√d/(m√B)": [f"{c:g}" for c in radius.index]} | {
        f"d = {d}": [f"{value:.3f} ± {se:.3f}" for value, se in zip(radius[d], error[d], strict=True)]
        for d in radius.columns})
    return "\n\n".join([
        f"Claims from memory; the setting of the paper's figure is not known here. Data of Kou et al. 2023: n = {N}, "
        f"m = {M} a branch, P = {PATCHES} patches, noise std 1 not orthogonal to μ, flip rate {P_FLIP:g}; dimensions "
        f"beyond theirs. Ours: Gaussian initial weights of std {INIT:g} without bias, batches of {BATCH}, lr = {lr:g}. "
        f"SGD takes {steps} steps, SAM {steps // 2} with two gradients each and the radius m√B/(Pσ√d). {len(frame)} "
        f"runs ({int(ended.drop(['completed', 'stopped'], errors='ignore').sum())} not to their end), seeds "
        f"{FIRST_SEED}..{FIRST_SEED + seeds - 1}, {N_TEST} test noises each against true labels; random numbers "
        f"{told(frame)}.",
        f"Where the mean test error is {LEVEL:g}, with 95% intervals of the exponents, the smallest and "
        "largest value along d, and the mean error over cells of strong signals (95% interval over seeds):",
        markdown(pd.DataFrame(rows)),
        f"Test error of SAM at ‖μ‖ = {RADIUS_NORM:g} over its radius, mean ± standard error:",
        markdown(table),
    ])


def _range(values: "pd.Series[float]") -> str:
    return f"{values.min():.2g} to {values.max():.2g}" if len(values) else "–"


def _strong(frame: "pd.DataFrame", name: str) -> str:
    """Mean test error over the cells of strong signals, with the interval over seeds."""
    part = frame[(frame["algorithm"] == name) & (frame["signal_norm"] >= STRONG)]
    return "{:.3f} [{:.3f}, {:.3f}]".format(*mean(part.groupby("seed")["test_error"].mean())) if len(part) else "–"


def picture(frame: "pd.DataFrame", lines: "Mapping[str, pd.DataFrame]", slices: "pd.DataFrame") -> Any:
    """Both diagrams with the points of their lines, the lines, and the test error over the radius."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.PAGE, 6.4), layout="constrained")
    axes = figure.subplots(2, 2)
    for axis, name in zip(axes[0], (SGD, SAM), strict=True):
        part = frame[frame["algorithm"] == name]
        plot.heatmap(part, "d", "signal_norm", "test_error", limits=(0.0, 0.5), axes=[axis])
        points = lines[name]
        axis.plot(points["d"], points["crossing"], color="black", linewidth=3)
        axis.plot(points["d"], points["crossing"], color="white", linewidth=1.5)
        axis.set(xscale="log", yscale="log", title=f"{name} (line: test error {LEVEL:g})")
        _plain_ticks(axis)
    _draw_lines(axes[1, 0], lines)
    _draw_radii(axes[1, 1], slices)
    style.panel_letters(axes.ravel())
    return figure


def _draw_lines(axis: Any, lines: "Mapping[str, pd.DataFrame]") -> None:
    """Both boundaries with their intervals, and the power 1/4 through the middle of SGD's."""
    for name, line in lines.items():
        points = line.dropna(subset=["crossing"])
        if not len(points):
            continue
        reach = np.array([points["crossing"] - points["low"], points["high"] - points["crossing"]])
        axis.errorbar(points["d"], points["crossing"], np.where(np.isfinite(reach), reach, 0.0),
                      label=f"{name}, 95% intervals", **style.series(NUMBERS[name]))
    known = lines[SGD].dropna(subset=["crossing"])
    if len(known):
        scale = np.exp(np.mean(np.log(known["crossing"]) - np.log(known["d"]) / 4))
        axis.plot(known["d"], scale * known["d"] ** 0.25, color=style.THEORY, linestyle="--", label="∝ d^(1/4)")
    axis.set(xlabel="dimension d", ylabel="signal norm ‖μ‖", title=f"where the test error is {LEVEL:g}")
    if not axis.lines:
        return
    axis.set(xscale="log", yscale="log")
    _plain_ticks(axis)
    style.legend_below(axis)


def _plain_ticks(axis: Any) -> None:
    """Norms as numbers, not as powers of ten."""
    low, high = axis.get_ylim()
    shown = [value for value in TICKS if low <= value <= high]
    axis.set_yticks(shown, [f"{value:g}" for value in shown])
    axis.minorticks_off()
    axis.set_ylim(low, high)


def _draw_radii(axis: Any, slices: "pd.DataFrame") -> None:
    """Test error over the radius in units of the theory's, for each dimension."""
    for number, (d, part) in enumerate(slices.groupby("d")):
        axis.errorbar(part["factor"], part["test_error"], part["test_error_se"], label=f"d = {d}",
                      **style.series(3 + number))
    axis.set(xscale="log", ylim=(0, 0.52), xlabel="radius ρ / (m√B/(Pσ√d))",
             ylabel="test error, mean ± standard error", title=f"SAM at ‖μ‖ = {RADIUS_NORM:g}")
    style.legend_below(axis, 3)
