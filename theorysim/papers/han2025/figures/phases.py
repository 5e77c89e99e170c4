"""Where Stage I exists: crossing time and separation over n·SNR² and the flip rate."""

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim import plot
from theorysim.core import style
from theorysim.patch.problem import SignalNoise
from theorysim.reproduce import Report, interrupted_note, markdown, require_runs
from theorysim.papers.han2025.figures import settings as han2025_settings
from theorysim.papers.han2025.figures.settings import algorithm
from theorysim.patch.run import PatchRun
from theorysim.sweep import summarise, sweep
from theorysim.sweep.random_numbers import INDEPENDENT, told
from theorysim.theory import boundaries
from theorysim.papers.han2025.laws import stage_times

if TYPE_CHECKING:
    import pandas as pd

SIGNALS = tuple(float(x) for x in np.round(np.geomspace(0.5, 16, 16), 3))
RATES = tuple(round(0.03 * k, 2) for k in range(1, 16))
N, M = 50, 20
GD = "GD"


def problem(n_snr2: float, tau: float) -> SignalNoise:
    """A cell, with d = n² log(n/δ), δ = 0.05."""
    return han2025_settings.problem(N, int(np.ceil(N**2 * np.log(N / 0.05))), M, n_snr2=n_snr2, tau=tau)


def crossing(run: PatchRun) -> float:
    """First step at which the largest ρ̄ of a noisy sample exceeds the largest γ."""
    return stage_times(run).crossing


def signal_leads(run: PatchRun) -> bool:
    """Whether at T1 (c = 0.1) the smallest γ exceeds the largest ρ̄, as Theorem 4.1 says."""
    first = stage_times(run).T1
    return bool(not np.isnan(first) and run.column("gamma_min")[int(first)] > run.column("rho_bar_max")[int(first)])


def separates(run: PatchRun) -> bool:
    """Whether log 2 ever separates the losses of clean and noisy samples."""
    return not np.isnan(stage_times(run).separation[0])


def run(
    *, seeds: int = 5, progress: bool = False, n_snr2: Sequence[float] = SIGNALS, tau: Sequence[float] = RATES,
    steps: int = 1000, random_numbers: str = INDEPENDENT, store: str | Path | None = None, workers: int | None = None,
    executor: str | Executor | None = None,
) -> Report:
    """Sweep the diagram and report."""
    frame = sweep(
        problem, grid={"n_snr2": n_snr2, "tau": tau}, algorithms={GD: algorithm}, seeds=seeds, steps=steps,
        random_numbers=random_numbers, measure=[crossing, signal_leads, separates, "memory_test_error", "test_error"],
        store=store, workers=workers, executor=executor, progress=progress,
    )
    require_runs(frame, [GD])
    return Report(
        name="han2025-phases",
        title="Where Stage I exists under fixed noisy labels (Han et al. 2025)",
        text=interrupted_note(frame) + _text(frame, seeds, steps),
        tables={"cells": summarise(frame)},
        figure=picture(frame),
    )


def _text(frame: "pd.DataFrame", seeds: int, steps: int) -> str:
    import pandas as pd

    variable = frame["n_snr2"] * (1 - 2 * frame["tau"])
    rows = []
    for low, high in ((0, 0.5), (0.5, 1), (1, 2), (2, 3), (3, 5), (5, np.inf)):
        part = frame[(variable >= low) & (variable < high)]
        if len(part):
            rows.append({
                "n·SNR²(1−2τ)": f"{low:g} to {high:g}", "runs": len(part),
                "γ leads at T1": f"{part['signal_leads'].mean():.2f}",
                "log 2 separates at some step": f"{part['separates'].mean():.2f}",
                "crossing (median step)": f"{part['crossing'].median():.0f}",
                "fresh-noise error at the end": f"{part['test_error'].mean():.3f}",
                "memory-test error": f"{part['memory_test_error'].mean():.3f}",
            })
    return "\n\n".join([
        f"n = {N}, d = n² log(n/0.05), m = {M}, {steps} steps, {seeds} seeds a cell, random "
        f"numbers {told(frame)}. The early law (derived) has "
        "γ = ρ̄ at n·SNR²(1−2τ) = 2.",
        markdown(pd.DataFrame(rows)),
    ])


def picture(frame: "pd.DataFrame") -> Any:
    """Crossing times, and the shares of seeds in which the signal leads and log 2 separates."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.PAGE, 6.0), layout="constrained")
    axes = [*figure.subplot_mosaic("ab;c.").values()]
    for axis, value, title, limits in (
        (axes[0], "crossing", "crossing time (steps)", None),
        (axes[1], "signal_leads", "share of seeds: min γ > max ρ̄ at T1", (0.0, 1.0)),
        (axes[2], "separates", "share of seeds: log 2 separates", (0.0, 1.0)),
    ):
        plot.heatmap(frame, "n_snr2", "tau", value, theory=[boundaries.first_stage(2.0)], limits=limits, label=title,
                     axes=[axis])
        axis.set(title=title.split(":")[-1].strip(), xscale="log", ylabel="flip rate τ")
    style.panel_letters(axes)
    return figure
