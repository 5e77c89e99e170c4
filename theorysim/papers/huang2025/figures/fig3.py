"""Huang et al. 2025, Figure 3: test error over (n, SNR), gradient descent against label-noise gradient descent.

The paper's own diagram, d = 2000 throughout; huang2025_fig3_inside has the same where d = n² log n. Beside the exact
runs is what the mean field predicts of every cell, with nothing fitted.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim import plot
from theorysim.core import style
from theorysim.papers.huang2025.figures import predicted
from theorysim.patch.algorithm import Flip, GradientDescent
from theorysim.patch.problem import SignalNoise
from theorysim.reproduce import Report, interrupted_note, markdown, require_runs
from theorysim.sweep import summarise, sweep
from theorysim.sweep.crossing import Crossing, crossing
from theorysim.sweep.random_numbers import INDEPENDENT, told
from theorysim.theory import boundaries

if TYPE_CHECKING:
    import pandas as pd

# SNR, n, d and the number of steps are the paper's; m, σ_p and p are those of its Figure 2, σ_0 is our choice.
PAPER = SignalNoise(n=100, d=2000, m=20, signal_norm=1.0, noise_std=0.5, init_std=0.01)
SNR = tuple(round(0.03 + 0.01 * k, 2) for k in range(8))
N = tuple(range(100, 701, 100))
P_FLIP = 0.1
LEVEL = 0.25  # of the test error: half-way between chance and none
GD, NOISY = "GD", "label-noise GD"


@dataclass(frozen=True)
class Diagram:
    """What distinguishes one diagram from the other."""

    name: str
    title: str
    problem: SignalNoise | Callable[..., SignalNoise]
    algorithms: Mapping[str, GradientDescent | Callable[[SignalNoise], GradientDescent]]
    note: str


PAPERS_OWN = Diagram(
    name="huang2025-fig3",
    title="Test error over sample size and SNR (Huang et al. 2025, Figure 3)",
    problem=PAPER,
    algorithms={GD: GradientDescent(1.0), NOISY: GradientDescent(1.0, Flip(P_FLIP))},
    note="d = 2000 and η = 1 in every cell, as in the paper, outside the regime of its theorems",
)


def run(
    *,
    seeds: int = 5,
    progress: bool = False,
    n: Sequence[int] = N,
    snr: Sequence[float] = SNR,
    steps: int = 1000,
    precision: str = "double",
    random_numbers: str = INDEPENDENT,
    store: str | Path | None = None,
    workers: int | None = None,
    executor: str | Executor | None = None,
    diagram: Diagram = PAPERS_OWN,
) -> Report:
    """Sweep the diagram and its mean field, and report."""
    options: dict[str, Any] = {"seeds": seeds, "steps": steps, "random_numbers": random_numbers, "workers": workers,
                               "executor": executor, "progress": progress}
    frame = sweep(
        diagram.problem, grid={"n": n, "snr": snr}, algorithms=diagram.algorithms,
        measure=["test_error", "train_loss", "gamma_max", "rho_bar_max"], precision=precision, store=store, **options,
    )
    require_runs(frame, diagram.algorithms)
    field = predicted.predicted(diagram.problem, n, snr, diagram.algorithms, **options)
    require_runs(field, diagram.algorithms)
    lines, of_field = (
        {name: crossing(one, "test_error", LEVEL, along="snr", over="n", algorithm=name) for name in diagram.algorithms}
        for one in (frame, field))
    cells = predicted.beside(summarise(frame), summarise(field))
    scale = frame["d_over_n2"]
    text = "\n\n".join([
        f"{diagram.note} (d/n² from {scale.min():.2g} to {scale.max():.2g}). {steps} steps, {seeds} seeds a cell, "
        f"random numbers {told(frame)} and common to its algorithms, {precision} precision, test error with fresh "
        f"noise. The boundary is where the mean test error passes {LEVEL:g}, with 95% intervals over seeds, infinite "
        "where they leave the diagram; the theory's line, n·SNR² = c, has the exponent −1/2.",
        markdown(_summary(frame, lines, of_field)),
        "Predicted is the mean test error of the mean field, double precision, over the same seeds: the same labels "
        "and flips, initial weights of its own, no number fitted. Cells whose exact mean error is on the predicted "
        f"side of {LEVEL:g} (mean ± standard error over seeds of those that are not):",
        markdown(predicted.sides(cells, LEVEL)),
    ])
    return Report(
        name=diagram.name,
        title=diagram.title,
        text=(interrupted_note(frame) or interrupted_note(field)) + text,
        tables={"cells": cells, "boundary": _boundary(lines, of_field)},
        figure=_figure(frame, field),
    )


def _boundary(lines: Mapping[str, Crossing], of_field: Mapping[str, Crossing]) -> "pd.DataFrame":
    """Where each algorithm's test error passes the level, for every n, and where it is predicted to."""
    import pandas as pd

    return pd.concat([
        line.points.merge(of_field[name].points[["n", "crossing"]].rename(columns={"crossing": "predicted"}), on="n",
                          how="left").assign(algorithm=name) for name, line in lines.items()])


def _summary(
    frame: "pd.DataFrame", lines: Mapping[str, Crossing], of_field: Mapping[str, Crossing]
) -> "pd.DataFrame":
    """One row per algorithm."""
    import pandas as pd

    rows = []
    for name, line in lines.items():
        mine, points = frame[frame["algorithm"] == name], line.points.dropna(subset=["crossing"])
        places = [f"n = {row.n:.0f}: {row.crossing:.4f} [{row.low:.4f}, {row.high:.4f}]" for row in points.itertuples()]
        field = of_field[name].points.dropna(subset=["crossing"])
        told = [f"n = {row.n:.0f}: {row.crossing:.4f}" for row in field.itertuples()]
        rows.append({
            "algorithm": name, "runs": len(mine), "not completed": int((mine["status"] != "completed").sum()),
            "mean test error": f"{mine['test_error'].mean():.3f}",
            f"SNR where it is {LEVEL:g}": "; ".join(places) or "nowhere in the diagram",
            "exponent in n": "" if np.isnan(line.exponent[0]) else "{:.2f} [{:.2f}, {:.2f}]".format(*line.exponent),
            "predicted SNR": "; ".join(told) or "nowhere in the diagram",
        })
    return pd.DataFrame(rows)


def _figure(frame: "pd.DataFrame", field: "pd.DataFrame") -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.PAGE, 7.0), layout="constrained")
    axes = figure.subplots(2, 2).ravel()
    plot.heatmap(
        frame, "n", "snr", "test_error", theory=[boundaries.n_snr2(1.0)], level=LEVEL,
        predicted={predicted.NAME: field}, difference=True, uncertainty=True, limits=(0.0, 0.5),
        axes=axes,
    )
    style.panel_letters(axes)
    return figure
