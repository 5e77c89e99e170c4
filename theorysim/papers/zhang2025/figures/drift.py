"""Zhang et al. 2025: what makes the weights of noisy samples come back late, and whether freezing them at t2 helps."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from theorysim.core import style
from theorysim.reproduce import Report, markdown, spread
from theorysim.papers.zhang2025.figures.setting import ODD_EVEN, STEPS, ZERO_ONE, Case, difference, each
from theorysim.reweighting import KernelReweighting, Reweighting, ReweightingRun
from theorysim.reweighting.observables import drift

if TYPE_CHECKING:
    import pandas as pd

BASES = {"0 vs 1, ntk": ZERO_ONE.replace(kernel="ntk"), "odd vs even, linear": ODD_EVEN,
         "odd vs even, ntk": ODD_EVEN.replace(kernel="ntk")}
EXACT = "exact, full batch"
CLEAN_NOISE = 0.1
BATCH = 10
OTHER = {"linear": "rbf", "ntk": "linear", "rbf": "linear"}  # kernel of the meta-gradient under mismatch
WINDOW = 100  # steps averaged over, to tell a rise from the jitter of mini-batches
WEIGHTS = {"learned": None, "frozen at t2": "t2"}


class Reading(NamedTuple):
    """Numbers of a run, and the mean weight of noisy samples at every step."""

    values: dict[str, float]
    noisy: NDArray[np.float64]


def causes(problem: KernelReweighting) -> dict[str, Case]:
    """The exact dynamics, and each thing that may disturb them."""
    return {
        EXACT: (problem, Reweighting()),
        f"{CLEAN_NOISE:.0%} wrong clean labels": (problem.replace(clean_label_flip=CLEAN_NOISE), Reweighting()),
        f"clean mini-batches of {BATCH}": (problem, Reweighting(clean_batch=min(BATCH, problem.clean))),
        f"kernel mismatch ({OTHER[problem.kernel]})": (
            problem.replace(proxy_kernel=OTHER[problem.kernel]), Reweighting()),
    }


def run(
    *, seeds: int = 5, progress: bool = False, steps: int = STEPS, bases: Mapping[str, KernelReweighting] = BASES,
) -> Report:
    """Disturb the exact dynamics in three ways, with weights learned throughout and frozen at t2; report."""
    cases = {(base, cause, weights): (changed, Reweighting(clean_batch=algorithm.clean_batch, freeze_at=freeze))
             for base, problem in bases.items() for cause, (changed, algorithm) in causes(problem).items()
             for weights, freeze in WEIGHTS.items()}
    readings = each("zhang2025-drift", {"|".join(key): case for key, case in cases.items()}, seeds, steps, progress,
                    _read, record_at=())
    groups = {key: readings["|".join(key)] for key in cases}
    frame = _frame(groups)
    table = _table(frame)
    return Report(
        name="zhang2025-drift",
        title="What makes the weights of noisy samples come back (Zhang et al. 2025)",
        text=f"{steps} steps, seeds 0..{seeds - 1}: mean [smallest, largest]. D: rise of the mean weight of noisy "
             f"samples after its minimum; averaged: the same of its mean over {WINDOW} steps, without jitter. "
             "Differences against the exact dynamics with learned weights, and of frozen against learned weights, are "
             "seed by seed, with 95% Student intervals; same seed, same data and flipped labels. Kernel mismatch: the "
             "kernel of the meta-gradient is the one in parentheses, outputs follow the task's. Where the weights are "
             "frozen D is what happened until t2.\n\n"
             f"{markdown(table)}",
        tables={"runs": frame, "summary": table},
        figure=_figure(groups, list(bases)),
    )


def _read(run: ReweightingRun) -> Reading:
    last, times = run.observables.iloc[-1], run.stage_times()
    return Reading({
        "t1": times["t1"], "t2": times["t2"], "D": run.drift, "D averaged": _smooth_drift(run),
        "w_noisy": float(last["weight_noisy"]), "AUC": float(last["auc"]), "accuracy": float(last["test_accuracy"]),
    }, run.series[:, 1].copy())


def _smooth_drift(run: ReweightingRun) -> float:
    """D of the mean weight of noisy samples averaged over so many steps."""
    width = min(WINDOW, run.steps + 1)
    return drift(np.convolve(run.series[:, 1], np.full(width, 1 / width), "valid"))


def _frame(groups: Mapping[tuple[str, str, str], list[Reading]]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame([{"task": task, "cause": cause, "weights": weights, "seed": seed} | one.values
                         for (task, cause, weights), group in groups.items() for seed, one in enumerate(group)])


def _table(frame: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    rows = []
    for key, group in frame.groupby(["task", "cause", "weights"], sort=False):
        task, cause, weights = key
        row: dict[str, Any] = {
            "task": task, "cause": cause, "weights": weights, "t2": spread(group["t2"]), "D": spread(group["D"])}
        learned = frame[(frame["task"] == task) & (frame["weights"] == "learned")]
        exact, same = learned[learned["cause"] == EXACT], learned[learned["cause"] == cause]
        row["D − exact"] = "" if cause == EXACT or weights != "learned" else difference(
            group["D"].to_numpy() - exact["D"].to_numpy())
        row["D, averaged"] = spread(group["D averaged"])
        row |= {"AUC at the end": spread(group["AUC"]), "test accuracy at the end": spread(group["accuracy"])}
        row["accuracy, frozen − learned"] = "" if weights == "learned" else difference(
            group["accuracy"].to_numpy() - same["accuracy"].to_numpy())
        rows.append(row)
    return pd.DataFrame(rows)


def _figure(groups: Mapping[tuple[str, str, str], list[Reading]], bases: list[str]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(min(3.4 * len(bases), style.PAGE), 3.3), layout="constrained")
    for axis, base in zip(figure.subplots(1, len(bases), squeeze=False)[0], bases, strict=True):
        found = [key for key in groups if key[0] == base]
        numbers = {cause: number for number, cause in enumerate(dict.fromkeys(cause for _, cause, _ in found))}
        for _, cause, weights in found:
            mean = np.mean([one.noisy for one in groups[base, cause, weights]], axis=0)
            axis.plot(mean, color=style.COLOURS[numbers[cause]], linestyle="-" if weights == "learned" else "--",
                      label=cause if weights == "learned" else None, linewidth=0.8,
                      zorder=1 if "mini-batches" in cause else 2)  # whose jitter would hide the others
        style.log_steps(axis)
        axis.set(xlabel="step (updates)", ylabel="mean weight of noisy samples", ylim=(0, None),
                 title=f"{base}\ndashed: frozen at t2")
        style.legend_below(axis, 1)
    style.panel_letters(figure.axes)
    return figure
