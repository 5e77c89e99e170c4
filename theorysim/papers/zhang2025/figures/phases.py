"""Zhang et al. 2025: alignment, filtering, post-filtering; weights of clean and noisy samples on seven tasks."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from theorysim import plot
from theorysim.core import style
from theorysim.reproduce import Report, markdown, spread
from theorysim.papers.zhang2025.figures.setting import (
    ODD_EVEN, PATCH, STEPS, THREE_EIGHT, ZERO_ONE, alignment_share, at_t1, each,
)
from theorysim.reweighting import KernelReweighting, Reweighting, ReweightingRun

if TYPE_CHECKING:
    import pandas as pd

SETTINGS = {
    "patch, linear": PATCH, "patch, ntk": PATCH.replace(kernel="ntk"),
    "0 vs 1, linear": ZERO_ONE,
    "3 vs 8, linear": THREE_EIGHT, "3 vs 8, ntk": THREE_EIGHT.replace(kernel="ntk"),
    "odd vs even, linear": ODD_EVEN, "odd vs even, ntk": ODD_EVEN.replace(kernel="ntk"),
}
PICTURED = ("patch, linear", "0 vs 1, linear", "odd vs even, linear")
QUANTITIES = ("A4", "t_pol", "t1", "t2", "AUC at t1", "AUC at the end", "margin at t1", "margin at the end", "D")
ALIGNED = 0.99  # share A4 from which the order of the times is expected (derived)
# Of the trial that came before this package, for comparison only: one code, few seeds, no spread written down.
TRIAL: Mapping[str, Sequence[float]] = {
    "patch, linear": (1.00, 5, 58, 391, 1.00, 1.00, 1.0, 0.0025, 0.002),
    "patch, ntk": (1.00, 5, 57, 400, 1.00, 1.00, 1.0, 0.33, 0.000),
    "0 vs 1, linear": (0.99, 6, 42, 164, 0.998, 0.974, 0.985, 0.015, 0.048),
    "3 vs 8, linear": (0.95, 7, 36, 132, 0.97, 0.86, 0.79, 0.02, 0.087),
    "3 vs 8, ntk": (0.95, 7, 54, 202, 0.97, 0.86, 0.55, 0.03, 0.053),
    "odd vs even, linear": (0.82, 29, 34, 78, 0.85, 0.76, 0.28, 0.007, 0.062),
    "odd vs even, ntk": (0.84, 46, 80, 185, 0.88, 0.81, 0.18, 0.02, 0.046),
}


class Reading(NamedTuple):
    """The quantities of a run, and the run where it is to be pictured."""

    values: dict[str, float]
    run: ReweightingRun | None


def run(
    *, seeds: int = 5, progress: bool = False, steps: int = STEPS,
    settings: Mapping[str, KernelReweighting] = SETTINGS, pictured: Sequence[str] = PICTURED,
) -> Report:
    """Train on every task, and report times, AUC, margins and drift."""
    from matplotlib.figure import Figure

    kept = [settings[name] for name in pictured]
    readings = each("zhang2025-phases", {name: (problem, Reweighting()) for name, problem in settings.items()}, seeds,
                    steps, progress, lambda one: Reading(quantities(one), one if one.problem in kept else None))
    values = _frame({name: [one.values for one in group] for name, group in readings.items()})
    table, compared, outside = _compare(values)
    figure = Figure(figsize=(style.PAGE, 0.6 + 2.1 * len(pictured)), layout="constrained")
    axes = plot.phases({name: [one.run for one in readings[name] if one.run is not None] for name in pictured},
                       figure.subplots(len(pictured), 3, squeeze=False, width_ratios=(1.5, 1, 1)))
    for axis in axes[:, 0::2].ravel():
        axis.get_legend().remove()
    for axis in axes[-1, 0::2]:
        style.legend_below(axis, 1)
    style.panel_letters(axes.ravel())
    ordered = (values["t_pol"] < values["t1"]) & (values["t1"] < values["t2"])
    aligned = values["A4"] >= ALIGNED
    return Report(
        name="zhang2025-phases",
        title="Three phases of sample reweighting (Zhang et al. 2025)",
        text=f"Training labels flipped with probability {_rates(settings)}, {steps} steps, seeds 0..{seeds - 1}: "
             "mean [smallest, largest]; in parentheses the figure of an earlier trial, with * when it is outside what "
             "the seeds span. A4: share of samples with γ_i > 0. Margin: median over samples. D: rise of the mean "
             "weight of noisy samples after its minimum. Picture: medians over the seeds, bands from the "
             "quantile 0.1 to 0.9 over samples.\n\n"
             f"{markdown(table)}\n\n{outside} of {compared} figures of the earlier trial are outside. "
             f"t_pol < t1 < t2 in {int(ordered.sum())} of {len(values)} runs, and in {int(ordered[aligned].sum())} "
             f"of the {int(aligned.sum())} with A4 ≥ {ALIGNED:g}.",
        tables={"runs": values, "summary": table},
        figure=figure,
    )


def quantities(run: ReweightingRun) -> dict[str, float]:
    """A4, the times, AUC and margin at t1 and at the end, D, and the test accuracy at the end."""
    first, last, times = at_t1(run), run.observables.iloc[-1], run.stage_times()
    found = (alignment_share(run), times["t_pol"], times["t1"], times["t2"], first["auc"], float(last["auc"]),
             first["margin_median"], float(last["margin_median"]), run.drift)
    return dict(zip(QUANTITIES, found, strict=True)) | {"test accuracy": float(last["test_accuracy"])}


def _frame(values: Mapping[str, Sequence[Mapping[str, float]]]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame([{"task": name, "seed": seed} | dict(one)
                         for name, group in values.items() for seed, one in enumerate(group)])


def _compare(values: "pd.DataFrame") -> "tuple[pd.DataFrame, int, int]":
    """The table of the report, how many figures of the trial it has, and how many are outside the seeds' range."""
    import pandas as pd

    rows, compared, outside = [], 0, 0
    for name, group in values.groupby("task", sort=False):
        row: dict[str, Any] = {"task": name}
        for number, quantity in enumerate(QUANTITIES):
            row[quantity] = spread(group[quantity])
            if name in TRIAL:
                figure = TRIAL[str(name)][number]
                out = not group[quantity].min() <= figure <= group[quantity].max()
                row[quantity] += f" ({figure:g}{'*' * out})"
                compared, outside = compared + 1, outside + out
        rows.append(row | {"test accuracy": spread(group["test accuracy"])})
    return pd.DataFrame(rows), compared, outside


def _rates(settings: Mapping[str, KernelReweighting]) -> str:
    return ", ".join(f"{rate:g}" for rate in sorted({problem.label_flip for problem in settings.values()}))
