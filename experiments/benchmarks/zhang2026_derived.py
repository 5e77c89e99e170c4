"""How far derived predictions are from what runs do: ``python experiments/benchmarks/zhang2026_derived.py``.

The time at which the last neuron leaves the lazy regime, and the floor of the test loss, over settings and seeds. The
bands in ``papers/zhang2026`` are those that come out here. It takes some six minutes and writes
docs/measured/zhang2026-derived.md.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import theorysim as ts
from theorysim.papers.zhang2026 import PAPER

OUT = Path(__file__).parents[2] / "docs" / "measured" / "zhang2026-derived.md"
SEEDS = range(5)
RATES = (0.05, 0.2, 0.4)  # ηm
BASE = ts.LinearNetwork(n=50, d=4, width=200, label_noise_std=4.0)
ESCAPE = [BASE.replace(**one) for one in (
    {}, {"n": 200}, {"n": 20}, {"d": 10}, {"d": 20, "n": 200}, {"width": 50}, {"width": 1000},
    {"label_noise_std": 1.0}, {"target_norm": 5.0})]
FLOOR = [BASE.replace(**one) for one in (
    {}, {"n": 200}, {"n": 20}, {"d": 10, "n": 200}, {"width": 50}, {"label_noise_std": 2.0}, {"target_norm": 3.0})]


def escape_steps(problem: ts.LinearNetwork, lr: float) -> int:
    """Long enough for most to have left."""
    return int(min(2e6, 60 / (problem.label_noise_std**2 * lr**2 * problem.width**0.5)))


def floor_steps(problem: ts.LinearNetwork, lr: float) -> int:
    """Long enough for most to have converged."""
    return int(min(4e6, 60 / (lr * problem.label_noise_std) ** 2))


def ratio(run: ts.Run, name: str) -> float:
    """Measured over predicted inside the regime; NaN where nothing is compared."""
    claim = next(one for one in PAPER.statements if one.id == f"zhang2026.{name}")
    evidence = PAPER.evidence(run, PAPER.constants())
    steps = claim.window(evidence)
    if not len(steps) or not all(one.holds for one in claim.conditions(evidence)):
        return float("nan")
    measured, predicted = (float(np.ravel(side(evidence, steps))[0]) for side in (claim.measured, claim.predicted))
    return measured / predicted


def rows(
    name: str, problems: Sequence[ts.LinearNetwork], steps: Callable[[ts.LinearNetwork, float], int]
) -> pd.DataFrame:
    """One row for each run in which it was compared."""
    found = []
    for problem in problems:
        for rate in RATES:
            lr = rate / problem.width
            for seed in SEEDS:
                run = ts.simulate(problem, ts.LinearSGD(lr), steps(problem, lr), seed, on_failure="return")
                found.append({"n": problem.n, "d": problem.d, "m": problem.width, "σ": problem.label_noise_std,
                              "‖θ*‖": problem.target_norm, "ηm": rate, "ratio": ratio(run, name)})
    return pd.DataFrame(found).dropna()


def table(name: str, found: pd.DataFrame) -> str:
    """Sentences and a Markdown table of the settings."""
    values = found["ratio"]
    low, high = np.percentile(values, [2.5, 97.5])
    error = values.std() / np.sqrt(len(values))
    groups = found.groupby(["n", "d", "m", "σ", "‖θ*‖", "ηm"])["ratio"].agg(["count", "min", "median", "max"])
    shown = groups.round(3).reset_index().astype(str)
    lines = ["| " + " | ".join(row) + " |" for row in
             [list(shown.columns), ["---"] * len(shown.columns), *shown.to_numpy().tolist()]]
    return (f"`zhang2026.{name}`, measured over predicted in {len(values)} runs: mean {values.mean():.3f} ± "
            f"{error:.3f}, 95% within {low:.2f} to {high:.2f}, all within {values.min():.2f} to {values.max():.2f}.\n\n"
            + "\n".join(lines) + "\n")


if __name__ == "__main__":
    parts = [table(name, rows(name, problems, steps)) for name, problems, steps in (
        ("derived.escape_time", ESCAPE, escape_steps), ("derived.floor", FLOOR, floor_steps))]
    OUT.write_text("\n".join(parts), encoding="utf-8")
