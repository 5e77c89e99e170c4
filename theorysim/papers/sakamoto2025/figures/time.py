"""Sakamoto & Sato 2025: what of the regimes lasts, in runs much longer than those of the map."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.attention.algorithm import AttentionGD
from theorysim.check import evaluate
from theorysim.core import style
from theorysim.core.intervals import mean
from theorysim.core.progress import bar
from theorysim.papers.sakamoto2025.evidence import SelectionConstants, SelectionEvidence
from theorysim.papers.sakamoto2025.figures.map import BOTH, LR, PROBLEM, QUERY
from theorysim.papers.sakamoto2025.statements import STATEMENTS
from theorysim.reproduce import Report, markdown, spread
from theorysim.systems import simulate

if TYPE_CHECKING:
    import pandas as pd

CELLS = ((250, 60.0), (500, 40.0), (1000, 20.0), (2000, 10.0), (2000, 5.0))
STEPS = 30_000
LOOKS = (0, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000)
FIRST_SEED = 700
COLUMNS = ("train_loss", "noisy_accuracy", "signal_weight_clean", "signal_weight_noisy")


def run(
    *,
    seeds: int = 5,
    progress: bool = False,
    cells: Sequence[tuple[int, float]] = CELLS,
    steps: int = STEPS,
    lr: float = LR,
    n_test: int = 10_000,
) -> Report:
    """Train some cells of the map for long, and report."""
    import pandas as pd

    algorithms = {QUERY: AttentionGD(lr), BOTH: AttentionGD(lr, train_keys=True)}
    looks = [step for step in LOOKS if step < steps] + [steps]
    rows, ends = [], []
    with bar(len(cells) * len(algorithms) * seeds, progress, "runs", "sakamoto2025-time") as shown:
        for d, norm in cells:
            for name, algorithm in algorithms.items():
                for seed in range(FIRST_SEED, FIRST_SEED + seeds):
                    made = simulate(PROBLEM.replace(d=d, signal_norm=norm), algorithm, steps, seed, record_at=looks)
                    of = {"d": d, "signal_norm": norm, "trained": name, "seed": seed}
                    for step in looks:
                        rows.append(of | {"step": step} | {one: made.column(one)[step] for one in COLUMNS} | {
                            "test_loss": made.test_loss(step, n_test).value,
                            "test_error": made.test_error(step, n_test).value})
                    evidence = SelectionEvidence(made, SelectionConstants())
                    ends.append(of | made.stage_times().to_dict() | {
                        one.id: str(evaluate(one, evidence).verdict) for one in STATEMENTS})
                    shown.update(1)
    frame, times = pd.DataFrame(rows), pd.DataFrame(ends)
    return Report(
        name="sakamoto2025-time",
        title="Attention with flipped labels, trained for long (Sakamoto & Sato 2025)",
        text=_text(frame, times, seeds, steps, lr, n_test),
        tables={"looks": frame, "runs": times},
        figure=picture(frame),
    )


def _text(frame: "pd.DataFrame", times: "pd.DataFrame", seeds: int, steps: int, lr: float, n_test: int) -> str:
    import pandas as pd

    first, rows = min(1000, steps), []
    keys = ["d", "signal_norm", "trained"]
    for d, norm, name in frame[keys].drop_duplicates().itertuples(index=False):
        part, own = (table[(table[keys] == [d, norm, name]).all(axis=1)] for table in (frame, times))
        row = {"d": d, "‖μ‖": f"{norm:g}", "n·SNR²": f"{PROBLEM.replace(d=d, signal_norm=norm).n_snr2:.2f}",
               "trained": name, "all flipped labels fitted at step": spread(own["memorised"])}
        for column, text in (("noisy_accuracy", "flipped labels fitted"), ("test_loss", "test loss"),
                             ("test_error", "test error")):
            most = np.inf if column == "test_loss" else 1.0
            row[f"{text} at {first}, at {steps}"] = " → ".join(
                _interval(part[part["step"] == step][column], most) for step in (first, steps))
        rows.append(row)
    verdicts = pd.DataFrame([
        {"statement": f"`{one.id}`", "trained": name} | {
            verdict: int((part[one.id] == verdict).sum())
            for verdict in ("holds", "violated", "outside regime", "not reached")}
        for one in STATEMENTS for name, part in times.groupby("trained", sort=False)])
    return "\n\n".join([
        f"Cells of the map, as there but for {steps} steps at lr = {lr:g}, {seeds} seeds, {FIRST_SEED}.."
        f"{FIRST_SEED + seeds - 1}; test losses and errors on {n_test} fresh samples with true labels. Means over "
        "seeds with 95% intervals; times as mean [smallest, largest].",
        markdown(pd.DataFrame(rows)),
        f"Every run at step {steps} against the statements, with the constants that are the defaults:",
        markdown(verdicts),
    ])


def _interval(values: "pd.Series[float]", most: float) -> str:
    """A mean with its interval, of numbers from 0 to the most."""
    return "{:.3f} [{:.3f}, {:.3f}]".format(*np.clip(mean(values), 0.0, most))


def picture(frame: "pd.DataFrame") -> Any:
    """A row for each measure and a column for what is trained: medians over seeds with the range."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(frame["trained"]))
    shown = (("train_loss", "training loss"), ("noisy_accuracy", "share of flipped\nlabels fitted"),
             ("test_loss", "test loss"), ("test_error", "test error"))
    figure = Figure(figsize=(style.PAGE, 2.0 * len(shown)), layout="constrained")
    axes = figure.subplots(len(shown), len(names), squeeze=False)
    for row, (column, title) in zip(axes, shown, strict=True):
        for axis, name in zip(row, names, strict=True):
            of = frame[frame["trained"] == name].groupby(["d", "signal_norm"], sort=False)
            for number, ((d, norm), part) in enumerate(of):
                by_step, look = part[part["step"] > 0].groupby("step")[column], style.series(number, dense=True)
                axis.plot(by_step.median(), label=f"d = {d:g}, ‖μ‖ = {norm:g}", **look)
                axis.fill_between(by_step.min().index, by_step.min(), by_step.max(), color=look["color"], alpha=0.2,
                                  linewidth=0)
            style.log_steps(axis)
            axis.set(xlabel="step (updates)", ylabel=title, title=f"trained: {name}")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(3, len(labels)), frameon=False)
    style.panel_letters(axes.ravel())
    return figure
