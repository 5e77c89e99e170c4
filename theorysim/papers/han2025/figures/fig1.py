"""Han et al. 2025, Figure 1: signal against memorized noise, and accuracies, with and without fixed label noise.

The picture is of the first setting; the table has all four, in Stage I and at the end.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.core import progress as bars
from theorysim.core import style
from theorysim.reproduce import Report, markdown, spread
from theorysim.papers.han2025.figures.settings import SETTINGS, Setting, algorithm
from theorysim.patch.run import PatchRun
from theorysim.systems import simulate
from theorysim.papers.han2025.laws import stage_times

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

CURVES = (("gamma_max", "max γ", style.SIGNAL), ("rho_bar_max_clean", "max ρ̄, clean samples", style.CLEAN),
          ("rho_bar_max_noisy", "max ρ̄, noisy samples", style.NOISY))
ACCURACIES = (("train_accuracy", "all", style.REFERENCE), ("clean_accuracy", "clean", style.CLEAN),
              ("noisy_accuracy", "noisy", style.NOISY))
Group = dict[str, list[PatchRun]]


def run(
    *, seeds: int = 5, progress: bool = False, settings: Sequence[Setting] = SETTINGS, steps: int | None = None
) -> Report:
    """Simulate every setting with and without flipped labels, and report."""
    import pandas as pd

    rows: list[dict[str, object]] = []
    shown: Group = {}
    with bars.bar(2 * seeds * len(settings), progress, unit="run", description="han2025-fig1") as bar:
        for setting in settings:
            for tau in (max(setting.problem.flip_rates), 0.0):
                runs = []
                for seed in range(seeds):
                    of, last = setting.problem.replace(label_flip=tau), steps or setting.steps
                    at = {min(setting.look, last), *np.unique(np.geomspace(1, last, 40).astype(int)).tolist()}
                    runs.append(simulate(of, algorithm(of), last, seed, record_at=at))
                    bar.update(1)
                rows += [_row(setting, tau, runs, step) for step in (min(setting.look, runs[0].steps), runs[0].steps)]
                if setting is settings[0]:
                    shown[f"τ = {tau:g}"] = runs
    table = pd.DataFrame(rows)
    return Report(
        name="han2025-fig1",
        title="Two stages under fixed noisy labels (Han et al. 2025, Figure 1)",
        text=_text(table, seeds),
        tables={"settings": table},
        figure=_figure(settings[0].name, shown),
    )


def _row(setting: Setting, tau: float, runs: list[PatchRun], step: int) -> dict[str, object]:
    """What is seen at one step, over seeds."""
    def column(name: str) -> list[float]:
        return [float(one.column(name)[step]) for one in runs]

    def largest_loss(name: str) -> list[float]:
        with np.errstate(invalid="ignore"):  # NaN where no label was flipped
            return [float(np.logaddexp(0.0, -one.column(name)[step])) for one in runs]

    times = [stage_times(one) for one in runs]
    return {
        "setting": setting.name, "τ": tau, "step": step, "seeds": len(runs),
        "accuracy clean": spread(column("clean_accuracy")), "noisy": spread(column("noisy_accuracy")),
        "max γ": spread(column("gamma_max")), "max ρ̄ clean": spread(column("rho_bar_max_clean")),
        "max ρ̄ noisy": spread(column("rho_bar_max_noisy")),
        "largest loss clean": spread(largest_loss("output_min_clean")),
        "smallest loss noisy": spread(largest_loss("output_max_noisy")),
        "fresh-noise error": spread([one.test_error(step, method="monte-carlo").value for one in runs]),
        "memory-test error": spread([one.test_error(step, kind="memory").value for one in runs]),
        "T1": spread([one.T1 for one in times]), "crossing": spread([one.crossing for one in times]),
        "separation ends": spread([one.separation[1] for one in times]),
    }


def _text(table: "pd.DataFrame", seeds: int) -> str:
    return "\n\n".join([
        f"{seeds} seeds, mean [smallest, largest]. Accuracies are against the labels trained on, so 0 on noisy samples "
        "means that every one of them is classified to its true label. Fresh-noise error: (yμ, ξ) with new noise, 10⁵ "
        "draws. Memory-test error: (yμ, ξ_i) with the training noise and y independent of i, counted exactly. "
        "T1: ρ̄ ≥ 0.1 on all samples and initially active filters; crossing: max ρ̄ on noisy samples exceeds max γ.",
        markdown(table.rename(columns=str)),
    ])


def _figure(name: str, groups: Group) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.PAGE, 0.9 + 2.1 * len(groups)), layout="constrained")
    figure.suptitle(name)
    grid = figure.subplots(len(groups), 3, squeeze=False)
    for row, (title, runs) in zip(grid, groups.items(), strict=True):
        _curves(row[0], runs, CURVES, f"{title}: coefficients", "coefficient")
        row[0].set_yscale("log", nonpositive="mask")
        _curves(row[1], runs, ACCURACIES, f"{title}: training accuracy", "share as labelled")
        _test(row[2], runs, f"{title}: test error")
        _mark(row, runs)
    for first, last in zip(grid[0], grid[-1], strict=True):  # what has no flipped labels lacks some
        handles, labels = first.get_legend_handles_labels()
        style.legend_below(last, 1, handles=handles, labels=labels)
    style.panel_letters(grid.ravel())
    return figure


def _curves(axis: "Axes", runs: list[PatchRun], columns: Any, title: str, unit: str) -> None:
    steps = np.arange(runs[0].steps + 1)
    for column, label, colour in columns:
        values = np.stack([one.column(column) for one in runs])
        if np.isnan(values).all():
            continue
        axis.plot(steps, np.median(values, axis=0), color=colour, label=label)
        axis.fill_between(steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, linewidth=0)
    _dress(axis, title, unit)


def _test(axis: "Axes", runs: list[PatchRun], title: str) -> None:
    for kind, label, colour in (("fresh", "fresh noise", style.BLUE), ("memory", "memory test", style.BRICK)):
        curves = [1 - one.test_accuracy_curve(kind=kind, n_test=10_000)["test_accuracy"] for one in runs]
        axis.plot(curves[0].index, np.median(np.stack(curves), axis=0), color=colour, label=label,
                  linestyle="-" if kind == "fresh" else "--")
    _dress(axis, title, "share wrong")


def _dress(axis: "Axes", title: str, unit: str) -> None:
    axis.set(xlabel="step (updates)", ylabel=unit, title=title)
    style.log_steps(axis)
    axis.margins(x=0)


def _mark(axes: "Sequence[Axes]", runs: list[PatchRun]) -> None:
    """T1 and the crossing as vertical lines, Stage I shaded."""
    times = [stage_times(one) for one in runs]
    first, crossing = (np.array([getattr(one, name) for one in times]) for name in ("T1", "crossing"))
    for axis in axes:
        if not np.isnan(crossing).any():
            axis.axvspan(1, float(np.median(crossing)), color="0.9", zorder=0)
        if not np.isnan(first).any():
            axis.axvline(float(np.median(first)), color=style.REFERENCE, linestyle=":")
            axis.annotate("T1", (float(np.median(first)), 0.02), xycoords=("data", "axes fraction"))
