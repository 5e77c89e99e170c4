"""T. Zhang et al. 2026: label noise switched on and off; the neurons shrink while it is on and stay while it is off.

The second layer oscillates while it is on, and settles while it is off.
"""

from typing import TYPE_CHECKING

import numpy as np

from theorysim import plot
from theorysim.core import style
from theorysim.linear import LinearNetwork, LinearRun, LinearSGD
from theorysim.reproduce import Report, markdown, spread
from theorysim.papers.zhang2026.figures.setting import LR, PAPER, groups, setting, slope

if TYPE_CHECKING:
    import pandas as pd

PERIOD = 5000
PERIODS = 10  # on and off together


def run(
    *, seeds: int = 5, progress: bool = False, period: int = PERIOD, problem: LinearNetwork = PAPER
) -> Report:
    """Train with periodic label noise, and report the change of log tr A in every period."""
    from matplotlib.figure import Figure

    ends = [number * period for number in range(2 * PERIODS + 1)]
    algorithms = {"periodic": LinearSGD(LR, period=period), "always on": LinearSGD(LR)}
    at = sorted({*ends, *(end + period // 2 for end in ends[:-1])})
    runs = groups("zhang2026-periodic", problem, algorithms, seeds, ends[-1], progress, neurons=0, record_at=at)
    table = _table(runs["periodic"], ends, problem.label_noise_std)
    figure = Figure(figsize=(style.PAGE, 5.2), layout="constrained")
    axes = figure.subplots(2, 2).ravel()
    plot.two_phases(runs, axes[:3])
    for place, one in enumerate(runs["periodic"]):
        axes[3].plot(one.steps_observed, np.sqrt(one.column("second_layer")), color=style.COLOURS[0], linewidth=0.6,
                     label=None if place else "periodic, each seed")
    axes[3].set(xlabel="step (updates)", ylabel="second layer ‖a‖", title="periodic, each seed")
    for axis in axes:
        axis.set_xscale("linear")
        for start in ends[:-1:2]:
            axis.axvspan(start, start + period, color="0.9", zorder=0)
    axes[1].set_title("grey: label noise on")
    axes[0].get_legend().remove()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    style.panel_letters(axes)
    means = {state: table.loc[table["label noise"] == state, "change"].mean() for state in ("on", "off")}
    shown = table.assign(change=table["spread"]).drop(columns=["spread"])
    shown["−τ"] = [f"{value:.3g}" for value in shown["−τ"]]
    return Report(
        name="zhang2026-periodic",
        title="Periodic label noise in linear networks (T. Zhang et al. 2026)",
        text=f"{setting(problem, ends[-1], seeds)} Label noise on for {period} steps, off for as many.\n\n"
             f"Change of log tr A over a period, mean over seeds and periods: {means['on']:.3f} with label noise, "
             f"{means['off']:.4f} without. Expected: −τ, τ = η²ΣE[g²] (derived, for H = I).\n\n"
             "‖a‖: length of the second layer at the end of a period; moved: ‖a(end) − a(middle)‖, the largest of all."
             f"\n\n{markdown(shown)}",
        tables={"periods": table.drop(columns=["spread"])},
        figure=figure,
    )


def _table(runs: list[LinearRun], ends: list[int], sigma: float) -> "pd.DataFrame":
    import pandas as pd

    rows = []
    for number, (start, stop) in enumerate(zip(ends, ends[1:], strict=False)):
        changes = [slope(one, start, stop) for one in runs]
        on = number % 2 == 0
        losses = [one.observables["train_loss"].loc[start:stop] for one in runs]
        halves = [(start + stop) // 2, stop]
        second = [one.states[np.searchsorted(one.steps_recorded, halves), :, -1] for one in runs]
        residuals = [2 * np.trapezoid(loss, loss.index) / (stop - start) + on * sigma**2 for loss in losses]
        rows.append({"from": start, "to": stop, "label noise": "on" if on else "off", "change": float(np.mean(changes)),
                     "spread": spread(changes), "−τ": -(LR**2) * (stop - start) * float(np.mean(residuals)),
                     "‖a‖": spread([np.linalg.norm(one[1]) for one in second]),
                     "moved": f"{max(np.linalg.norm(one[1] - one[0]) for one in second):.1e}"})
    return pd.DataFrame(rows)
