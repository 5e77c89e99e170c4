"""Kou et al. 2023: the diagram of benign overfitting in ReLU networks, over dimension and signal norm.

A network of 2m filters with bias whose output is the *sum* over filters and patches of ±ReLU. Ours has 1/m
before it; as σ(mz) = mσ(z), the sum of filters u is our network with w = mu: initial weights are m times
as large, and the learning rate m².
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim import plot
from theorysim.core import style
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.problem import SignalNoise
from theorysim.patch.run import PatchRun
from theorysim.reproduce import Report, interrupted_note, markdown, require_runs
from theorysim.sweep import summarise, sweep
from theorysim.sweep.crossing import Crossing, crossing
from theorysim.sweep.random_numbers import INDEPENDENT, told
from theorysim.theory import boundaries

if TYPE_CHECKING:
    import pandas as pd

N, M = 20, 10
P_FLIP = 0.1
TRUNCATION = 0.2
N_TEST = 1000
DIMENSIONS = tuple(range(100, 1100, 10))
NORMS = tuple(round(0.1 * k, 1) for k in range(100))
GD = "GD"
COLUMNS = tuple(f"{name}{part}" for name in ("test_error_observed", "test_error", "train_loss", "flipped")
                for part in ("", "_se"))


def flipped(run: PatchRun) -> float:
    """The share of training labels that were flipped."""
    return float(run.draw.noisy.mean())


MEASURES = ("test_error_observed", "test_error", "train_loss", flipped)


def problem(d: int, signal_norm: float) -> SignalNoise:
    """A cell: initial weights and biases u are uniform on ±1/√d, and w = mu."""
    return SignalNoise(
        n=N, d=d, m=M, signal_norm=signal_norm, noise_std=1.0, q=1, label_flip=P_FLIP, orthogonal_noise=False,
        init_law="uniform", init_std=M / np.sqrt(3 * d), bias=1.0,
    )


def run(
    *,
    seeds: int = 10,
    progress: bool = False,
    d: Sequence[int] = DIMENSIONS,
    signal_norm: Sequence[float] = NORMS,
    steps: int = 100,
    lr: float = 0.1,
    precision: str = "double",
    random_numbers: str = INDEPENDENT,
    store: str | Path | None = None,
    workers: int | None = None,
    executor: str | Executor | None = None,
) -> Report:
    """Sweep the diagram and report."""
    frame = sweep(
        problem, grid={"d": d, "signal_norm": signal_norm}, algorithms={GD: GradientDescent(lr * M**2)},
        seeds=seeds, steps=steps, measure=MEASURES, n_test=N_TEST,
        random_numbers=random_numbers, precision=precision, store=store, workers=workers, executor=executor,
        progress=progress,
    )
    require_runs(frame, [GD])
    line = crossing(frame, "test_error_observed", TRUNCATION, along="signal_norm", over="d", algorithm=GD)
    constant = _constant(line)
    return Report(
        name="kou2023-heatmap",
        title="Test error over dimension and signal norm (Kou et al. 2023)",
        text=interrupted_note(frame) + _text(frame, line, constant, seeds, steps, lr),
        tables={"cells": summarise(frame)[["d", "signal_norm", "runs", *COLUMNS]], "boundary": line.points},
        figure=picture(frame, constant[0]),
    )


def _constant(line: Crossing) -> tuple[float, float, float]:
    """n‖μ‖⁴/(σ⁴d) along the measured boundary: median, smallest and largest."""
    points = line.points.dropna(subset=["crossing"])
    if not len(points):
        return (np.nan, np.nan, np.nan)
    values = N * points["crossing"] ** 4 / points["d"]
    return float(values.median()), float(values.min()), float(values.max())


def _text(
    frame: "pd.DataFrame", line: Crossing, constant: tuple[float, float, float], seeds: int, steps: int, lr: float
) -> str:
    import pandas as pd

    floor = frame[frame["n"] * frame["signal_norm"] ** 4 > 100 * frame["d"]]
    weak = frame[frame["n"] * frame["signal_norm"] ** 4 < 0.01 * frame["d"]]
    rows = []
    for name, part in (("n‖μ‖⁴ > 100 σ⁴d", floor), ("n‖μ‖⁴ < 0.01 σ⁴d", weak), ("whole diagram", frame)):
        cells = part.groupby(["d", "signal_norm"])[["test_error_observed", "test_error", "train_loss"]].mean()
        rows.append({"part": name, "cells": len(cells)} | {
            text: "" if not len(cells) else f"{cells[key].mean():.4f} [{cells[key].min():.4f}, {cells[key].max():.4f}]"
            for key, text in (("test_error_observed", "error against flipped labels"),
                              ("test_error", "error against true labels"), ("train_loss", "training loss"))
        })
    truncated = frame.groupby(["d", "signal_norm"])["test_error_observed"].mean() > TRUNCATION
    slope = "{:.3f} [{:.3f}, {:.3f}]".format(*line.exponent)
    return "\n\n".join([
        f"{len(frame)} runs ({int((frame['status'] != 'completed').sum())} not completed): n = {N}, m = {M} a branch, "
        f"noise std 1 not orthogonal to μ, flip rate {P_FLIP:g} in training and test, biases, lr = {lr:g} for the "
        f"network without 1/m, {steps} steps, {seeds} seeds a cell, {N_TEST} test noises each scored with both "
        f"labels; random numbers {told(frame)}. Means over cells, with the smallest and largest cell.",
        _luck(frame),
        markdown(pd.DataFrame(rows)),
        f"Test error exceeds {TRUNCATION:g} in {int(truncated.sum())} of {len(truncated)} cells. Along the line where "
        f"it is {TRUNCATION:g}, ‖μ‖ grows as d to the power {slope} (theory: 1/4), and n‖μ‖⁴/(σ⁴d) has median "
        "{:.2f}, from {:.2f} to {:.2f} (of order one in theory).".format(*constant),
    ])


def _luck(frame: "pd.DataFrame") -> str:
    """How many training labels were flipped over the whole map, and what that did to it."""
    per_seed = frame.groupby("seed")[["flipped", "test_error_observed"]].mean()
    count, spread = len(per_seed), per_seed.std() / np.sqrt(len(per_seed))
    return (f"Of the training labels {frame['flipped'].mean():.4f} were flipped, mean over the map (expected "
            f"{P_FLIP:g}; of one seed from {per_seed['flipped'].min():.3f} to {per_seed['flipped'].max():.3f}). The "
            f"error against flipped labels has the mean {per_seed['test_error_observed'].mean():.4f} over the map, "
            f"with a standard error of {spread['test_error_observed']:.4f} over the {count} seeds.")


def picture(frame: "pd.DataFrame", constant: float) -> Any:
    """Test error, training loss, and where the error is too large; the curve is n‖μ‖⁴ = constant·σ⁴d."""
    from matplotlib.figure import Figure

    mean = frame.groupby(["d", "signal_norm"])["test_error_observed"].transform("mean")
    frame = frame.assign(truncated=(mean > TRUNCATION).astype(float))
    figure = Figure(figsize=(style.PAGE, 6.2), layout="constrained")
    axes = [*figure.subplot_mosaic("ab;c.").values()]
    theory = [boundaries.signal_power(round(constant, 2))] if np.isfinite(constant) and constant > 0 else []
    for axis, value, title, limits in (
        (axes[0], "test_error_observed", "test error, labels flipped", (P_FLIP, 0.5)),
        (axes[1], "train_loss", "training loss", None),
        (axes[2], "truncated", f"test error > {TRUNCATION:g} (1: yes)", (0.0, 1.0)),
    ):
        plot.heatmap(frame, "d", "signal_norm", value, theory=theory, limits=limits, label=title, axes=[axis])
        axis.set_title(title)
    style.panel_letters(axes)
    return figure
