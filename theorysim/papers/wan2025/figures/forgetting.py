"""Wan et al. 2025: the error on a first task after a second, against the angle between their signals."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.core import style
from theorysim.core.intervals import Interval, mean
from theorysim.core.progress import bar
from theorysim.papers.wan2025.evidence import NEW, OLD, ForgettingConstants, ForgettingEvidence, kept_share
from theorysim.papers.wan2025.tasks import First, Tasks, first_task, second_task
from theorysim.patch.run import PatchRun
from theorysim.reproduce import Report, markdown

if TYPE_CHECKING:
    import pandas as pd

ANGLES = (0, 15, 30, 45, 60, 75, 90, 100, 110, 115, 120, 122, 124, 126, 128, 130, 132, 135, 140, 150, 160, 165, 170,
          172, 173, 174, 175, 176, 178, 180)
REPLAYS = (0.0, 0.1)
FIRST_SEED = 700
MEASURES = ("error_1", "error_2", "margin_1", "margin_2")


def run(
    *,
    seeds: int = 10,
    progress: bool = False,
    angles: Sequence[float] = ANGLES,
    replays: Sequence[float] = REPLAYS,
    tasks: Tasks = Tasks(),
    n_test: int = 1000,
) -> Report:
    """Train the first task once a seed, the second at every angle, and report."""
    import pandas as pd

    rows, firsts = [], []
    with bar(seeds * len(angles) * len(replays), progress, "runs", "wan2025-forgetting") as shown:
        for seed in range(FIRST_SEED, FIRST_SEED + seeds):
            first = first_task(tasks, seed)
            firsts.append(_error(first.run, tasks, 0.0, n_test, seed))
            for angle in angles:
                for replay in replays:
                    rows.append({"angle": float(angle), "replay": replay, "seed": seed}
                                | _measured(tasks, first, angle, replay, n_test, seed))
                    shown.update(1)
    frame = pd.DataFrame(rows)
    crossings = {replay: _crossings(frame[frame["replay"] == replay]) for replay in replays}
    return Report(
        name="wan2025-forgetting",
        title="Forgetting against the angle between two tasks (Wan et al. 2025)",
        text=_text(frame, firsts, crossings, tasks, seeds, n_test),
        tables={"runs": frame, "angles": _summary(frame), "crossings": _table(crossings)},
        figure=picture(frame, crossings),
    )


def _measured(
    tasks: Tasks, first: First, angle: float, replay: float, n_test: int, seed: int
) -> dict[str, float]:
    """Errors on fresh samples of both tasks after the second, and how far both signals alone are from the boundary."""
    second = second_task(tasks, first, angle, replay, seed)
    evidence, end = ForgettingEvidence(second, ForgettingConstants()), np.array([second.steps])
    return {
        "error_1": _error(second, tasks, 0.0, n_test, seed), "error_2": _error(second, tasks, angle, n_test, seed),
        "margin_1": float(evidence.margin(OLD, end)[0]), "margin_2": float(evidence.margin(NEW, end)[0]),
        "before": evidence.before, "kept": evidence.kept,
        "train_loss": float(second.column("train_loss")[-1]),
    }


def _error(trained: PatchRun, tasks: Tasks, angle: float, n_test: int, seed: int) -> float:
    patches, labels = tasks.test_set(angle, n_test, seed)
    return trained.test_error(patches=patches, labels=labels).value


def _crossings(frame: "pd.DataFrame") -> Interval:
    """The angle at which signal 1 alone begins to be classified wrongly, by seed: their mean and interval.

    Between two angles the margin is taken to be linear.
    """
    found = []
    for _, rows in frame.sort_values("angle").groupby("seed"):
        angle, margin = rows["angle"].to_numpy(), rows["margin_1"].to_numpy()
        below = np.flatnonzero(margin < 0)
        if not below.size or below[0] == 0:
            return Interval(np.nan, np.nan, np.nan)
        last = below[0] - 1
        share = margin[last] / (margin[last] - margin[last + 1])
        found.append(angle[last] + share * (angle[last + 1] - angle[last]))
    return mean(found)


def _table(crossings: dict[float, Interval]) -> "pd.DataFrame":
    """The angles and their cosines."""
    import pandas as pd

    return pd.DataFrame([
        {"replay": replay, "angle": one.value, "low": one.low, "high": one.high,
         "cosine": np.cos(np.deg2rad(one.value))} for replay, one in crossings.items()])


def _summary(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Means over seeds with 95% intervals."""
    import pandas as pd

    rows = []
    for (angle, replay), part in frame.groupby(["angle", "replay"]):
        row: dict[str, Any] = {"angle": angle, "replay": replay, "seeds": len(part)}
        for name in MEASURES:
            row |= dict(zip((name, f"{name}_low", f"{name}_high"), _within(part[name], name), strict=True))
        rows.append(row)
    return pd.DataFrame(rows)


def _within(values: "pd.Series[float]", name: str) -> Interval:
    """The mean and its interval, which of an error lies in [0, 1]."""
    found = mean(values)
    return Interval(*np.clip(found, 0, 1)) if name.startswith("error") else found


def _text(
    frame: "pd.DataFrame", firsts: Sequence[float], crossings: dict[float, Interval], tasks: Tasks, seeds: int,
    n_test: int,
) -> str:
    import pandas as pd

    rows = []
    for replay, one in crossings.items():
        part = frame[frame["replay"] == replay]
        wrong = part.groupby("angle")["error_1"].mean()
        kept = wrong.index[(wrong <= 0.01).cumprod().astype(bool)]
        rows.append({
            "replay": f"{replay:.0%}",
            "error on task 1 ≤ 0.01 up to": f"{kept.max():g}°" if len(kept) else "–",
            "signal 1 turns wrong at": "–" if np.isnan(one.value) else
            f"{one.value:.1f}° [{one.low:.1f}°, {one.high:.1f}°]",
            "cos there": "–" if np.isnan(one.value) else f"{np.cos(np.deg2rad(one.value)):.3f}",
            "at 180°": _at_end(part, "error_1"), "largest error on task 2": f"{part['error_2'].max():.3f}",
            "largest distance from the law": _off(part) if replay == 0 else "–",
            "training loss at the end": f"{part['train_loss'].min():.2g} to {part['train_loss'].max():.2g}",
        })
    return "\n\n".join([
        f"ReLU³, n = {tasks.n} samples a task, d = {tasks.d}, ‖μ‖ = {tasks.signal_norm:g}, noise std "
        f"{tasks.noise_std:g}, m = {tasks.m} a branch, lr = {tasks.lr:g}, {tasks.steps} steps a task. Ours: initial "
        f"weights of std {tasks.init_std:g}, noise orthogonal to both signals, replay by putting samples of task 1 in "
        f"the place of as many of task 2. {seeds} seeds, {FIRST_SEED}..{FIRST_SEED + seeds - 1}, the same at all "
        f"angles; {n_test} fresh samples a task. After the first task the error on it is "
        f"{np.mean(firsts):.3f}, the largest {np.max(firsts):.3f}.",
        "After the second task, means over seeds with 95% intervals; signal 1 alone turns wrong where min y f(yμ₁, 0) "
        "passes 0 between two angles, by seed; the law (derived) is y f(yμ₁) = ((1 − c²)³ − c³) of what it was before, "
        "c = −cos θ, without replay and from 90° on:",
        markdown(pd.DataFrame(rows)),
    ])


def _off(part: "pd.DataFrame") -> str:
    """Of the share that is left of signal 1, over seeds and angles from 90° on."""
    obtuse = part[part["angle"] >= 90]
    return f"{(obtuse['margin_1'] / obtuse['before'] - obtuse['kept']).abs().max():.3f}" if len(obtuse) else "–"


def _at_end(part: "pd.DataFrame", name: str) -> str:
    last = part[part["angle"] == 180][name]
    return "{:.3f} [{:.3f}, {:.3f}]".format(*_within(last, name)) if len(last) else "–"


def picture(frame: "pd.DataFrame", crossings: Mapping[float, Interval]) -> Any:
    """Errors on both tasks, and what is left of the first signal, over the angle."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.PAGE, 3.0), layout="constrained")
    axes, summary = figure.subplots(1, 3), _summary(frame)
    for axis, name, title, label in (
        (axes[0], "error_1", "task 1 after task 2", "test error on task 1"),
        (axes[1], "error_2", "task 2 after task 2", "test error on task 2"),
        (axes[2], "margin_1", "what is left of signal 1", "min over y of y f(yμ₁, 0)"),
    ):
        for number, (replay, crossed) in enumerate(crossings.items()):
            part = summary[summary["replay"] == replay]
            reach = np.array([part[name] - part[f"{name}_low"], part[f"{name}_high"] - part[name]])
            axis.errorbar(part["angle"], part[name], np.nan_to_num(np.maximum(reach, 0)), markersize=3,
                          label=f"replay {replay:.0%}", **style.series(number))
            if name == "error_1" and not np.isnan(crossed.value):
                axis.axvline(crossed.value, color=style.COLOURS[number], linestyle=":")
        axis.set(xlabel="angle θ between the signals (°)", ylabel=label, title=title,
                 xticks=range(0, 181, 45))
        if name.startswith("error"):
            axis.set_ylim(-0.03, 1.03)
    angles = np.linspace(90, 180, 91)
    before = frame["before"].mean()
    axes[2].plot(angles, before * kept_share(np.cos(np.deg2rad(angles))), color=style.THEORY, linestyle="--",
                 zorder=5, label="derived law, no replay")
    axes[2].axhline(0.0, color=style.REFERENCE, linewidth=0.6)
    handles, labels = axes[2].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    style.panel_letters(axes)
    return figure
