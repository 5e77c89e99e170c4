"""Han et al. 2025, Figure 3: how signal strength and flip rate move the end of Stage I."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from theorysim.core import progress as bars
from theorysim.core import style
from theorysim.reproduce import Report, markdown, spread
from theorysim.papers.han2025.figures.settings import algorithm, problem
from theorysim.patch.run import PatchRun
from theorysim.systems import simulate
from theorysim.papers.han2025.laws import stage_times

CURVES = (("gamma_max", "max γ", style.SIGNAL, "-"), ("rho_bar_max_noisy", "max ρ̄, noisy samples", style.NOISY, "--"))
SIGNALS, RATES = (3.0, 6.0, 12.0), (0.1, 0.2, 0.3)


def run(
    *, seeds: int = 5, progress: bool = False, signals: Sequence[float] = SIGNALS, rates: Sequence[float] = RATES,
    steps: int = 2000, n: int = 50, d: int = 25_000, m: int = 20,
) -> Report:
    """Simulate every signal strength and rate, and report."""
    import pandas as pd

    cells: dict[tuple[float, float], list[PatchRun]] = {}
    with bars.bar(seeds * len(signals) * len(rates), progress, unit="run", description="han2025-fig3") as bar:
        for x in signals:
            for tau in rates:
                of = problem(n, d, m, n_snr2=x, tau=tau)
                cells[x, tau] = []
                for seed in range(seeds):
                    cells[x, tau].append(simulate(of, algorithm(of), steps, seed, record_at=()))
                    bar.update(1)
    rows = []
    for (x, tau), runs in cells.items():
        times = [stage_times(one) for one in runs]
        rows.append({
            "n·SNR²": x, "‖μ‖": f"{np.sqrt(runs[0].draw.gram[0, 0]):.3g}", "τ": tau,
            "n·SNR²(1−2τ)": f"{x * (1 - 2 * tau):.2g}",
            "crossing": spread([one.crossing for one in times]),
            "log 2 separates from": spread([one.separation[0] for one in times]),
            "to": spread([one.separation[1] for one in times]),
            "fresh-noise error at the end": spread([one.test_error(method="monte-carlo").value for one in runs]),
            "memory-test error": spread([one.test_error(kind="memory").value for one in runs]),
            "min τ/2": tau / 2,
        })
    table = pd.DataFrame(rows)
    return Report(
        name="han2025-fig3",
        title="The end of Stage I over signal strength and flip rate (Han et al. 2025, Figure 3)",
        text=f"n = {n}, d = {d}, m = {m}, {steps} steps, {seeds} seeds; times in steps, mean [smallest, largest]. "
             "Stage I, shaded, is before the crossing: from then on the largest ρ̄ of a noisy sample exceeds the "
             "largest γ. Early stopping helps where the shade ends before training does.\n\n" + markdown(table),
        tables={"cells": table},
        figure=_figure(cells, signals, rates),
    )


def _figure(cells: dict[tuple[float, float], list[PatchRun]], signals: Sequence[float], rates: Sequence[float]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.PAGE, 0.6 + 1.8 * len(signals)), layout="constrained")
    axes = figure.subplots(len(signals), len(rates), squeeze=False, sharex=True)
    for row, x in zip(axes, signals, strict=True):
        for axis, tau in zip(row, rates, strict=True):
            runs = cells[x, tau]
            steps = np.arange(runs[0].steps + 1)
            for name, label, colour, dash in CURVES:
                values = np.stack([one.column(name) for one in runs])
                axis.plot(steps, np.median(values, axis=0), color=colour, linestyle=dash, label=label)
                axis.fill_between(steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, linewidth=0)
            crossing = np.median([stage_times(one).crossing for one in runs])
            if not np.isnan(crossing):
                axis.axvspan(1, max(float(crossing), 1.0), color="0.9", zorder=0)
            axis.set_yscale("log", nonpositive="mask")
            style.log_steps(axis)
            axis.set(title=f"n·SNR² = {x:g}, τ = {tau:g}", ylabel="coefficient")
            axis.margins(x=0)
    for axis in axes[-1]:
        axis.set_xlabel("step (updates)")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    style.panel_letters(axes.ravel())
    return figure
