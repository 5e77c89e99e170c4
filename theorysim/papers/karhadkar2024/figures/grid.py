"""Karhadkar et al. 2024: test error at zero training hinge loss over d/n, at γ = 5/n and at γ = 1/d."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.check import evaluate
from theorysim.core import intervals
from theorysim.core import progress as bars
from theorysim.core import style
from theorysim.papers.karhadkar2024.evidence import N_TEST, KarhadkarEvidence
from theorysim.papers.karhadkar2024.setting import FILTERS, FLIPPED, MOST_STEPS, algorithm, problem
from theorysim.papers.karhadkar2024.statements import STATEMENTS
from theorysim.reproduce import Report, markdown, spread
from theorysim.systems import simulate

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SEED = 600
SIZES = (50, 100, 150)
RATIOS = (1, 2, 3, 4, 6, 8, 10)
SIGNAL = 5
FAMILIES: dict[str, Callable[[int, int], float]] = {f"{SIGNAL}/n": lambda n, d: SIGNAL / n, "1/d": lambda n, d: 1 / d}
LINEAR = 1e-4  # test errors below are shown on a linear scale, as some are 0
CLAIMS = {f"{SIGNAL}/n": "benign", "1/d": "harmful"}


def run(
    *, seeds: int = 5, progress: bool = False, sizes: Sequence[int] = SIZES, ratios: Sequence[int] = RATIOS,
    filters: int = FILTERS, steps: int = MOST_STEPS,
) -> Report:
    """Train every cell to zero hinge loss, for several seeds, and report."""
    import pandas as pd

    cells = [(name, n, ratio, SEED + seed) for name in FAMILIES for n in sizes for ratio in ratios
             for seed in range(seeds)]
    rows = []
    with bars.bar(len(cells), progress, "run", "karhadkar2024-grid") as bar:
        for cell in cells:
            rows.append(_cell(*cell, filters, steps))
            bar.update(1)
    frame = pd.DataFrame(rows)
    summary = _summary(frame)
    return Report(
        name="karhadkar2024-grid",
        title="Benign and harmful overfitting over d/n (Karhadkar et al. 2024)",
        text=_text(frame, summary, seeds, filters, steps),
        tables={"cells": summary, "runs": frame},
        figure=picture(summary, sizes),
    )


def _cell(family: str, n: int, ratio: int, seed: int, filters: int, steps: int) -> dict[str, Any]:
    """One run until all margins are at least 1, and what the statements say of it."""
    of = problem(n, ratio * n, FAMILIES[family](n, ratio * n), filters)
    found = simulate(of, algorithm(of), steps, seed, engine="auto", record_at=(), on_failure="return",
                     until=lambda seen: seen["train_loss"] <= 0)
    evidence = KarhadkarEvidence(found)
    verdicts = {one.id.partition(".")[2]: evaluate(one, evidence).verdict.value for one in STATEMENTS}
    return {"γ": family, "n": n, "d/n": ratio, "seed": seed, "steps to zero loss": evidence.fitted,
            "test error": evidence.test_error} | verdicts


def _summary(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Means over the seeds with intervals, of the runs that came to zero loss."""
    import pandas as pd

    rows = []
    for (family, n, ratio), cell in frame.groupby(["γ", "n", "d/n"], sort=False):
        errors = cell.loc[cell["steps to zero loss"].notna(), "test error"]
        mean = intervals.mean(errors)
        rows.append({"γ": family, "n": n, "d/n": ratio, "runs": len(cell), "at zero loss": len(errors),
                     "test error": mean.value, "low": max(mean.low, 0.0), "high": min(mean.high, 1.0),
                     "smallest": errors.min(), "largest": errors.max()})
    return pd.DataFrame(rows)


def _text(frame: "pd.DataFrame", summary: "pd.DataFrame", seeds: int, filters: int, steps: int) -> str:
    import pandas as pd

    rows, reached = [], frame["steps to zero loss"].notna()
    for (family, ratio), part in summary.groupby(["γ", "d/n"], sort=False):
        rows.append({"γ": family, "d/n": ratio} | {
            f"n = {cell['n']}": f"{cell['test error']:.4f} [{cell['low']:.4f}, {cell['high']:.4f}]"
            for cell in part.to_dict("records")})
    counts = []
    for family, name in CLAIMS.items():
        group = frame[frame["γ"] == family]
        for verdict, runs in group.groupby(name):
            counts.append({"γ": family, "statement": name, "verdict of a run": verdict, "runs": len(runs),
                           "test error": spread(runs["test error"])})
    return "\n\n".join([
        f"x = √γ y v + √(1−γ) ξ/√d in one patch, leaky ReLU of slope 0.1, {filters} filters with outer weights ±1 "
        f"(half of each sign), {FLIPPED:.0%} of the labels of each class flipped once, initial standard deviation "
        f"1/(m√d), summed hinge loss, learning rate 1/(mn); every run until its training loss is zero, at most "
        f"{steps} steps. Seeds {SEED}..{SEED + seeds - 1}; {int(reached.sum())} of {len(frame)} runs came to zero "
        f"loss, after {spread(frame.loc[reached, 'steps to zero loss'])} steps (mean [smallest, largest]).",
        f"Test errors are against true labels, counted for each run on {N_TEST} fresh noise vectors with both labels "
        "(the paper: 1000 points). Means over the runs at zero loss with 95% intervals for the mean over seeds:",
        markdown(pd.DataFrame(rows)),
        "Each run alone against the claim about its γ, with the default constants (d ≥ 4n, γ ≥ 0.25/k and an error of "
        "at most ε = 0.05 for benign; γ ≤ 1/d for harmful, error at least 1/8); test error as mean [smallest, "
        "largest]:",
        markdown(pd.DataFrame(counts)),
    ])


def picture(summary: "pd.DataFrame", sizes: Sequence[int]) -> Any:
    """Test errors over d/n in both families, a series for each n."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.PAGE, 3.6), layout="constrained")
    axes = figure.subplots(1, 2)
    for axis, (family, part) in zip(axes, summary.groupby("γ", sort=False), strict=True):
        for place, n in enumerate(sizes):
            aside = 0.12 * (place - (len(sizes) - 1) / 2)  # so that intervals do not hide each other
            _curve(axis, part[part["n"] == n], aside, label=f"n = {n}", **style.series(place))
        axis.axhline(1 / 8, color=style.REFERENCE, label="1/8")
        axis.set(xlabel="d/n (dimensions per sample)", title=f"γ = {family}, {CLAIMS[str(family)]} overfitting claimed",
                 ylabel="test error (probability, true labels)")
    axes[0].set_yscale("symlog", linthresh=LINEAR)
    axes[0].axhspan(0, LINEAR, color="0.92", label="left: linear below 10⁻⁴")
    axes[0].set_ylim(0, 0.6)
    axes[1].set_ylim(0, 0.6)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    style.panel_letters(axes)
    return figure


def _curve(axis: "Axes", part: "pd.DataFrame", aside: float, **look: Any) -> None:
    """Means with the ends of their intervals."""
    means = part["test error"].to_numpy()
    reach = np.abs(np.stack([means - part["low"], part["high"] - means]))
    axis.errorbar(part["d/n"] + aside, means, yerr=np.nan_to_num(reach), **look)
