"""T. Zhang et al. 2026, Figure 2: with label noise the neurons shrink, then align; without it they stay.

The paper's axis ends at 100 000 steps, and does not give ‖θ*‖; at length 1 the neurons have not aligned by then, at 20
they have begun to. So both are shown, and a run ten times as long beside them. The linearised model is Figure 3's.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from theorysim import plot
from theorysim.check import check
from theorysim.core import style
from theorysim.linear import LinearNetwork, LinearRun, LinearSGD, linearised_errors
from theorysim.linear.picture import plane
from theorysim.reproduce import Report, markdown, spread
from theorysim.papers.zhang2026.figures.setting import (
    COLUMNS, LOOKS, LR, PAPER, STEPS, groups, looks_table, setting, times_table,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ALGORITHMS = {"label noise": LinearSGD(LR), "no label noise": LinearSGD(LR, label_noise=False)}
SHORT = 100_000  # the paper's axis
TARGETS = (1.0, 20.0)
SHOWN = {"mean abs. ⟨w_i, θ*⟩": "inner_product_mean"} | COLUMNS
Runs = Mapping[str, Sequence[LinearRun]]


def run(
    *, seeds: int = 5, progress: bool = False, steps: int = STEPS, problem: LinearNetwork = PAPER, short: int = SHORT,
    target_norms: Sequence[float] = TARGETS,
) -> Report:
    """Train with and without label noise, and report."""
    at = sorted({min(look, steps) for look in LOOKS})
    runs = groups("zhang2026-fig2", problem, ALGORITHMS, seeds, steps, progress, neurons=problem.width, record_at=at)
    looks, times = looks_table(runs, at), times_table(runs)
    early = [0, short // 5, short // 2, short]
    targets = {f"{norm:g}": groups("zhang2026-fig2", problem.replace(target_norm=norm), {"": ALGORITHMS["label noise"]},
                                   seeds, short, progress, neurons=problem.width, record_at=early)[""]
               for norm in target_norms}
    table, lazy = looks_table(targets, early, SHOWN, "‖θ*‖"), _lazy(runs, short)
    verdicts = check(runs["label noise"], "zhang2026", replay=True)
    return Report(
        name="zhang2026-fig2",
        title="Two phases of label-noise SGD in linear networks (T. Zhang et al. 2026, Figure 2)",
        text=f"{setting(problem, steps, seeds)} T1: √m‖w_i(t) − w_i(0)‖ > 1 seen for the first, half and all "
             "neurons; T2(c): alignment θ̂ᵀAθ̂/tr A ≥ c; T3: from there on the mean test loss over t..1.1t is at "
             f"most twice its mean over the last quarter.\n\n{markdown(looks)}\n\n{markdown(times)}\n\n"
             f"## The paper's {short} steps, at targets of several lengths\n\n{markdown(table)}\n\n"
             "## The linearised model\n\nThe same samples and noise under the kernel of the start (derived). Test loss "
             f"½‖θ − θ*‖² of both, and how far they are apart.\n\n{markdown(lazy)}\n\n## Statements\n\n"
             f"{verdicts.to_markdown()}",
        tables={"looks": looks, "times": times, "targets": table, "lazy": lazy, "statements": verdicts.table},
        figure=_picture(runs, at, targets, early),
    )


def _lazy(runs: Runs, last: int) -> "pd.DataFrame":
    """The network beside the linearised model at recorded steps and some of the first."""
    import pandas as pd

    rows = []
    for name, group in runs.items():
        steps = [step for step in (30, 100) if step < last] + [last // 5]
        errors = [linearised_errors(one, steps) for one in group]
        for place, step in enumerate(steps):
            losses = [one.observables["test_loss"].loc[:step].iloc[-1] for one in group]
            linear = [float(each[place] @ each[place]) / 2 for each in errors]
            apart = np.abs(np.sqrt(losses) - np.sqrt(linear)) * np.sqrt(2)
            rows.append({"algorithm": name, "step": step, "network": spread(losses), "linearised": spread(linear),
                         "difference of ‖θ − θ*‖": spread(apart)})
    return pd.DataFrame(rows)


def _picture(runs: Runs, at: Sequence[int], targets: Runs, early: Sequence[int]) -> "Figure":
    from matplotlib import figure as pictures

    figure = pictures.Figure(figsize=(style.PAGE, 10.4), layout="constrained")
    panels = figure.subplots(4, 2).reshape(2, 4)
    plot.two_phases(runs, panels[0, :3])
    plot.neurons(runs["label noise"][0], at, panels[0, 3]).set_title("all neurons, label noise, seed 0")
    for axis, column in zip(panels[1, :2], ("mean_norm_sq", "inner_product_mean"), strict=True):
        _curves(axis, targets, column)
    panels[1, 0].set(ylabel="mean squared norm tr A/m", title=f"the paper's {early[-1]} steps")
    panels[1, 1].set(ylabel="mean |⟨w_i, θ*⟩|, start 1", title="relative to the start")
    for axis, (norm, group) in zip(panels[1, 2:], [*targets.items()][:2], strict=False):
        plane(group[0], [early[0], *early[2:]], axis).set_title(f"‖θ*‖ = {norm}, seed 0")
    for axis in (panels[0, 0], panels[0, 3], *panels[1]):
        style.legend_below(axis, 3)
    style.panel_letters(panels.ravel())
    return figure


def _curves(axis: "Axes", targets: Runs, column: str) -> None:
    for number, (norm, group) in enumerate(targets.items()):
        for place, one in enumerate(group):
            values = one.column(column)
            axis.plot(one.steps_observed, values / (values[0] if column != "mean_norm_sq" else 1), linewidth=0.8,
                      label=None if place else f"‖θ*‖ = {norm}", **style.series(number, dense=True))
    axis.set(xlabel="step (updates)")
