"""Sakamoto & Sato 2025: training and test loss over d and ‖μ‖, and the lines between the regimes."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from theorysim import plot
from theorysim.attention.algorithm import AttentionGD
from theorysim.attention.problem import TokenSelection
from theorysim.attention.run import AttentionRun
from theorysim.core import style
from theorysim.papers.sakamoto2025.evidence import LEVEL, threshold
from theorysim.papers.sakamoto2025.statements import IGNORED, STATEMENTS
from theorysim.reproduce import Report, interrupted_note, markdown, require_runs
from theorysim.sweep import summarise, sweep
from theorysim.sweep.crossing import Crossing, crossing
from theorysim.sweep.random_numbers import told
from theorysim.theory.boundaries import Boundary

if TYPE_CHECKING:
    import pandas as pd

PROBLEM = TokenSelection(n=20, tokens=8, relevance=0.1, weak=1, opposed=1, label_flip=0.2)
LR = 5e-3
DIMENSIONS = (250, 350, 500, 700, 1000, 1400, 2000, 2800, 4000, 5000)
NORMS = (5.0, 7.0, 10.0, 14.0, 20.0, 28.0, 40.0, 56.0, 80.0, 100.0)
QUERY, BOTH = "p", "p and W"
SELECTED = 0.5
LOOKS: tuple[dict[str, Any], ...] = (style.series(4), style.series(0) | {"linestyle": "-."})  # of the lines drawn
SHOWN = (("train_loss", "training loss", None), ("test_loss", "test loss", None),
         ("signal_weight_clean", "softmax weight on the\nrelevant token, true labels", (0.0, 1.0)),
         ("signal_weight_noisy", "softmax weight on the\nrelevant token, flipped labels", (0.0, 1.0)))
VERDICTS = ("holds", "violated", "outside regime", "not reached")


def first_step(run: AttentionRun) -> float:
    """What the first step makes of the weight on the relevant token of flipped samples: T times it, less 1."""
    return float(run.problem.tokens * run.column("signal_weight_noisy")[1] - 1)


class Line(NamedTuple):
    """A line of the map: where the mean of a measure passes a level."""

    text: str
    measure: str
    level: float


LINES = (
    Line("first step: flipped samples turn to their relevant token", "first_step", 0.0),
    Line(f"test loss passes {LEVEL:.3f}", "test_loss", LEVEL),
    Line("flipped samples keep their relevant token: weight passes ½", "signal_weight_noisy", SELECTED),
)
NUMBERS = ("train_loss", "test_loss", "test_error", "train_error", "noisy_accuracy", "signal_weight_clean",
           "noise_weight_clean", "signal_weight_noisy", "noise_weight_noisy")
KINDS = ("not overfitting", "benign", "harmful", "neither fitted nor generalising")


def kind_of(fitted: float, test_loss: float) -> str:
    """Of a cell, by the share of flipped labels that are fitted and the test loss."""
    if test_loss <= LEVEL:
        return "benign" if fitted > IGNORED else "not overfitting"
    return "harmful" if fitted > IGNORED else "neither fitted nor generalising"


def run(
    *,
    seeds: int = 5,
    progress: bool = False,
    problem: TokenSelection = PROBLEM,
    d: Sequence[int] = DIMENSIONS,
    signal_norm: Sequence[float] = NORMS,
    steps: int = 1000,
    lr: float = LR,
    n_test: int = 2000,
    store: str | Path | None = None,
    workers: int | None = None,
    executor: str | Executor | None = None,
) -> Report:
    """Sweep the map with p trained alone and together with W, and report."""
    algorithms = {QUERY: AttentionGD(lr), BOTH: AttentionGD(lr, train_keys=True)}
    frame = sweep(
        problem, grid={"d": d, "signal_norm": signal_norm}, algorithms=algorithms, seeds=seeds, steps=steps,
        measure=[*NUMBERS, first_step, *(one.id for one in STATEMENTS)], n_test=n_test, store=store, workers=workers,
        executor=executor, progress=progress,
    )
    require_runs(frame, list(algorithms))
    lines = {(name, line.measure): crossing(frame, line.measure, line.level, along="signal_norm", over="d",
                                            algorithm=name) for name in algorithms for line in LINES}
    cells, turning = summarise(frame), threshold(problem, problem.label_flip)
    return Report(
        name="sakamoto2025-map",
        title="Attention with flipped labels over dimension and signal norm (Sakamoto & Sato 2025)",
        text=interrupted_note(frame) + _text(frame, cells, lines, problem, turning, (seeds, steps, lr, n_test)),
        tables={"cells": cells[["d", "signal_norm", "algorithm", "runs",
                                *(f"{name}{part}" for name in (*NUMBERS, "first_step") for part in ("", "_se"))]],
                "lines": _points(lines)},
        figure=picture(frame, {key: one.points for key, one in lines.items()}, turning),
    )


def _points(lines: dict[tuple[str, str], Crossing]) -> "pd.DataFrame":
    import pandas as pd

    return pd.concat([one.points.assign(algorithm=name, measure=measure)
                      for (name, measure), one in lines.items()], ignore_index=True)


def _text(
    frame: "pd.DataFrame", cells: "pd.DataFrame", lines: dict[tuple[str, str], Crossing], problem: TokenSelection,
    turning: float, sizes: tuple[int, int, float, int],
) -> str:
    seeds, steps, lr, n_test = sizes
    return "\n\n".join([
        f"{len(frame)} runs ({int((frame['status'] != 'completed').sum())} not completed): n = {problem.n} samples of "
        f"T = {problem.tokens} tokens, one relevant, {problem.weak} weakly relevant (ρ = {problem.relevance:g}) and "
        f"{problem.opposed} with ρ of the other label's signal, noise of std {problem.noise_std:g} on all; "
        f"{problem.label_flip:.0%} of each class flipped; W uniform on ±1/√d, p = 0, "
        f"‖v‖ = 1/‖μ‖ fixed; lr = {lr:g}, {steps} steps; {seeds} seeds a cell, random numbers {told(frame)}; test "
        f"losses and errors on {n_test} fresh samples with true labels. \"{QUERY}\": W stays as it is; \"{BOTH}\": it "
        "is trained, too. A test loss of log 2 = 0.693 is that of no answer, "
        f"{np.log1p(np.exp(-np.sqrt(0.5))):.3f} that of the relevant token alone; halfway is {LEVEL:.3f}.",
        "Lines of the map: where the mean over seeds passes a level along ‖μ‖, and the exponent of ‖μ‖ against d along "
        "it, least squares with 95% interval over the dimensions where the line, with its interval, lies inside the "
        f"map (paper's scale, SNR² ~ 1/n: ½; first step, derived: ½ and n·SNR² = {turning:.2f}):",
        markdown(_of_lines(frame, lines, problem)),
        "Cells of each kind by their means (flipped labels fitted: more than half of them; generalising: test loss at "
        f"most {LEVEL:.3f}):",
        markdown(_of_regimes(cells)),
        "Every run alone against the statements, with the constants that are the defaults:",
        markdown(_of_statements(frame)),
    ])


def _of_lines(
    frame: "pd.DataFrame", lines: dict[tuple[str, str], Crossing], problem: TokenSelection
) -> "pd.DataFrame":
    import pandas as pd

    rows = []
    for line in LINES:
        for name in dict.fromkeys(frame["algorithm"]):
            found = lines[name, line.measure]
            points = found.points.dropna(subset=["crossing"])
            used = int((np.isfinite(points["low"]) & np.isfinite(points["high"])).sum())
            powers = problem.n * (points["crossing"] / problem.noise_std) ** 2 / points["d"]
            rows.append({
                "line": line.text, "trained": name,
                "d with a crossing": "–" if not len(points) else
                f"{len(points)}: {points['d'].min():g} to {points['d'].max():g}",
                "‖μ‖ there": "–" if not len(points) else
                f"{points['crossing'].iloc[0]:.1f} to {points['crossing'].iloc[-1]:.1f}",
                "exponent": "{:.2f} [{:.2f}, {:.2f}]".format(*found.exponent) + f", {used} points"
                if np.isfinite(found.exponent[0]) else "–",
                "n·SNR² along it": "–" if not len(points) else f"{powers.min():.2f} to {powers.max():.2f}",
            })
    return pd.DataFrame(rows)


def _of_regimes(cells: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    rows = []
    kinds = np.array([kind_of(*pair) for pair in zip(cells["noisy_accuracy"], cells["test_loss"], strict=True)])
    for name in dict.fromkeys(cells["algorithm"]):
        for kind in KINDS:
            chosen = cells[(cells["algorithm"] == name) & (kinds == kind)]
            rows.append({"trained": name, "cells": len(chosen), "kind": kind} | {
                text: "–" if not len(chosen) else f"{chosen[key].min():.3f} to {chosen[key].max():.3f}"
                for key, text in (("train_loss", "training loss"), ("test_loss", "test loss"),
                                  ("test_error", "test error"), ("signal_weight_clean", "relevant token, clean"),
                                  ("signal_weight_noisy", "relevant token, flipped"),
                                  ("noise_weight_noisy", "irrelevant tokens, flipped"))})
    return pd.DataFrame(rows)


def _of_statements(frame: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame([
        {"statement": f"`{one.id}`", "trained": name}
        | {verdict: int((part[one.id] == verdict).sum()) for verdict in VERDICTS}
        for one in STATEMENTS for name, part in frame.groupby("algorithm", sort=False)])


def picture(frame: "pd.DataFrame", lines: "Mapping[tuple[str, str], pd.DataFrame]", turning: float) -> Any:
    """A row for each measure and a column for what is trained, with the lines of the map."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    names = list(dict.fromkeys(frame["algorithm"]))
    figure = Figure(figsize=(style.PAGE, 2.3 * len(SHOWN)), layout="constrained")
    axes = figure.subplots(len(SHOWN), len(names), squeeze=False)
    first = Boundary(f"first step, n·SNR² = {turning:.2f}", "derived", lambda of: np.log(of["n_snr2"] / turning))
    for row, (value, title, limits) in zip(axes, SHOWN, strict=True):
        for axis, name in zip(row, names, strict=True):
            part = frame[frame["algorithm"] == name]
            plot.heatmap(part, "d", "signal_norm", value, theory=[first], limits=limits, label=title, axes=[axis])
            axis.set_title(f"trained: {name}")
            for line, look in zip(LINES[1:], LOOKS, strict=True):
                points = lines[name, line.measure].dropna(subset=["crossing"])
                axis.plot(points["d"], points["crossing"], label=line.text, **look)
            axis.set(xscale="log", yscale="log")
            style.log_ticks(axis.xaxis, axis.yaxis)
            if axis.get_legend() is not None:
                axis.get_legend().remove()
    handles, labels = axes[0, 0].get_legend_handles_labels()
    handles.append(Line2D([], [], color="black", linestyle="--"))
    figure.legend(handles, [*labels, first.label], loc="outside lower center", ncols=1, frameon=False)
    style.panel_letters(axes.ravel())
    return figure
