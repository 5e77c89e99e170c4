"""Which training rules learn a weak signal: label noise, smoothing, SAM, batches, dropout and others, at equal cost.

The problem is that of Figure 2 of Huang et al. 2025 at other n and SNR. Each rule has the strength and the step that
did best on seeds of their own, and is reported on fresh ones. Then the settings of the paper's public review.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.core import progress as bars
from theorysim.papers.huang2025.figures import regularisers_picture, regularisers_rows as rows
from theorysim.papers.huang2025.figures.fig2 import PAPER
from theorysim.papers.huang2025.figures.regularisers_rules import (
    AS_FIG2, FIG2_KAPPA, GD, LABEL_NOISE, NAMED, RULES, SAM, SMOOTHING, Choice, Rule, beside)
from theorysim.papers.huang2025.figures.regularisers_text import Study, text
from theorysim.patch.problem import SignalNoise
from theorysim.reproduce import Report
from theorysim.sweep.crossing import Crossing, crossing

if TYPE_CHECKING:
    import pandas as pd

FIRST_SEED = 500
BUILD_SEEDS = 3  # from 0 on
BUDGET = 400  # gradient evaluations
N = (16, 32, 64, 128)
N_SNR2 = (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0)
BUILD_N_SNR2 = (1 / 16, 1 / 2, 4.0)
HIGH = (4.0, 16.0)
HIGH_RULES = (GD, SAM, LABEL_NOISE, AS_FIG2.name)
EDGE_N_SNR2 = 1 / 8
EDGE_STRENGTHS, EDGE_RATIOS = (0.1, 0.2, 0.4), (0.5, 0.8, 0.95, 1.05, 1.25, 2.0)
LEVEL = 0.25  # of the test error: half-way between chance and none
REVIEW_BUDGET = 2000  # steps of Figure 2
REVIEWED = ((3, 0.5, (1.0,)), (3, 2.0, (0.01, 0.1, 1.0)), (10, 2.0, (0.01, 0.1, 1.0)))  # m, σ_p, learning rates
REVIEW_RULES = ((GD, 0.0), (LABEL_NOISE, 0.1), (SMOOTHING, 0.2), (SAM, 0.1))


def run(
    *, seeds: int = 5, progress: bool = False, problem: SignalNoise = PAPER, rules: Sequence[str] = tuple(NAMED),
    n: Sequence[int] = N, n_snr2: Sequence[float] = N_SNR2, budget: int = BUDGET, build_seeds: int = BUILD_SEEDS,
    build_n_snr2: Sequence[float] = BUILD_N_SNR2, high: Sequence[float] = HIGH, review_budget: int = REVIEW_BUDGET,
) -> Report:
    """Choose strengths, scan, and report.

    ``rules`` are names of :data:`regularisers_rules.RULES`, among which label noise and gradient descent must be.
    """
    import pandas as pd

    missing = [name for name in (GD, LABEL_NOISE) if name not in rules]
    if missing:
        raise ValueError(f"rules={list(rules)!r}: must have {missing[0]!r}, with which the others are compared")
    used = [rule for rule in RULES if rule.name in rules]
    fresh, ends = range(FIRST_SEED, FIRST_SEED + seeds), sorted({min(n), max(n)})
    settings = [(problem.replace(m=m, noise_std=std), lr) for m, std, rates in REVIEWED for lr in rates]
    total = (sum(1 for rule in used for _ in rule.choices()) * build_seeds * len(ends) * len(build_n_snr2)
             + seeds * (len(used) + 2) * len(n) * len(n_snr2)
             + seeds * len(high) * len(set(HIGH_RULES) & {*rules, AS_FIG2.name})
             + seeds * len(EDGE_STRENGTHS) * len(EDGE_RATIOS) + 2 * seeds * len(settings) * len(REVIEW_RULES))
    with bars.bar(total, progress, "run", "regularisers") as bar:
        def tick() -> None:
            bar.update(1)

        built = pd.DataFrame(rows.build(used, problem, ends, build_n_snr2, range(build_seeds), budget, tick))
        best = {rule.name: _best(rule, built) for rule in used}
        chosen = [*best.values(), *beside(best[LABEL_NOISE])]
        scan = pd.DataFrame(rows.scan(chosen, problem, n, n_snr2, fresh, budget, tick))
        few = [one for one in chosen if one.rule.name in HIGH_RULES]
        costs = pd.DataFrame(rows.high(few, problem, max(n), high, fresh, budget, tick))
        edge = pd.DataFrame(rows.edge(problem.replace(n=min(n)).replace(n_snr2=EDGE_N_SNR2), EDGE_STRENGTHS,
                                      EDGE_RATIOS, fresh, budget, tick))
        review = pd.DataFrame(rows.review(settings, [(NAMED[name], strength) for name, strength in REVIEW_RULES],
                                          range(FIRST_SEED, FIRST_SEED + 2 * seeds), review_budget, tick))
    lines = {one.rule.name: _sides(scan, one.rule.name) for one in chosen}
    tables = {"choices": _choices(used, built, best), "scan": scan, "boundary": _boundary(lines), "high": costs,
              "edge": edge, "review": review}
    order = regularisers_picture.order(scan)
    build = (f"n = {', '.join(map(str, ends))} and n·SNR² = {', '.join(f'{x:.3g}' for x in build_n_snr2)}, "
             f"seeds 0..{build_seeds - 1}")
    study = Study(problem, fresh, build, budget, review_budget, LEVEL, f"n = {min(n)}, n·SNR² = {EDGE_N_SNR2:g}")
    return Report(
        name="regularisers",
        title="Which training rules learn a weak signal (the problem of Huang et al. 2025)",
        text=text(study, chosen, lines, tables, order),
        tables=tables,
        figure=regularisers_picture.draw(scan, tables["boundary"], order, LEVEL, rows.LEARNED),
    )


def _best(rule: Rule, built: "pd.DataFrame", kappa: float | None = None) -> Choice:
    """The smallest mean error over the cells and seeds of the choice; of equals the first, with the smaller step."""
    mine = built[built["rule"] == rule.name]
    errors = mine.groupby(["kappa", "strength"])["test_error"].mean()
    choices = [one for one in rule.choices() if kappa is None or one.kappa == kappa]
    return min(choices, key=lambda one: float(errors[one.kappa, one.strength]))


def _choices(used: Sequence[Rule], built: "pd.DataFrame", best: dict[str, Choice]) -> "pd.DataFrame":
    """What was chosen, and what would have been at the step of Figure 2."""
    import pandas as pd

    errors = built.groupby(["rule", "kappa", "strength"])["test_error"].mean()
    table = []
    for rule in used:
        row: dict[str, Any] = {"rule": rule.name, "symbol": rule.symbol, "choices": sum(1 for _ in rule.choices())}
        fig2 = _best(rule, built, FIG2_KAPPA) if FIG2_KAPPA in rule.kappas else None
        for name, one in (("best", best[rule.name]), ("fig2", fig2)):
            row |= {f"{name}_kappa": one.kappa if one else np.nan, f"{name}_strength": one.strength if one else np.nan,
                    f"{name}_error": errors[rule.name, one.kappa, one.strength] if one else np.nan}
        row["at_edge"] = any(len(grid) > 1 and value in (min(grid), max(grid)) for grid, value in (
            (rule.kappas, best[rule.name].kappa), (rule.strengths, best[rule.name].strength)))
        table.append(row)
    return pd.DataFrame(table)


def _sides(scan: "pd.DataFrame", name: str) -> tuple[Crossing, Crossing]:
    """Where the mean error falls below the level, and where it rises above it again: either side of its least."""
    mine = scan[scan["algorithm"] == name]
    means = mine.groupby(["n", "n_snr2"])["test_error"].mean().reset_index()
    least = means[means["test_error"] == means.groupby("n")["test_error"].transform("min")].groupby("n")["n_snr2"]
    parts = (mine[mine["n_snr2"] <= mine["n"].map(least.min())], mine[mine["n_snr2"] >= mine["n"].map(least.max())])
    first, last = (crossing(part, "test_error", LEVEL, along="n_snr2", over="n", algorithm=name) for part in parts)
    return first, last


def _boundary(lines: dict[str, tuple[Crossing, Crossing]]) -> "pd.DataFrame":
    """Where each rule's mean error passes the level, for every n."""
    import pandas as pd

    return pd.concat([line.points.assign(algorithm=name, side=side) for name, both in lines.items()
                      for side, line in zip(("falls", "rises"), both, strict=True)], ignore_index=True)
