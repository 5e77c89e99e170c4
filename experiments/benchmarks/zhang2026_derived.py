"""How far derived predictions are from what runs do: ``python experiments/benchmarks/zhang2026_derived.py``.

The time at which the last neuron leaves the lazy regime, the fall of the norm up to slow time 2, and the floor of the
test loss, over settings and seeds. The bands in ``papers/zhang2026`` are those that come out here. It takes some ten
minutes and writes docs/measured/zhang2026-derived.md.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import theorysim as ts
from theorysim.papers.zhang2026 import PAPER, LinearEvidence

OUT = Path(__file__).parents[2] / "docs" / "measured" / "zhang2026-derived.md"
SEEDS = range(5)
RATES = (0.05, 0.2, 0.4)  # ηm
BASE = ts.LinearNetwork(n=50, d=4, width=200, label_noise_std=4.0)
FIGURE_2 = ts.LinearNetwork(n=200, d=20, width=1000, label_noise_std=4.0)
ESCAPE = [BASE.replace(**one) for one in (
    {}, {"n": 200}, {"n": 20}, {"d": 10}, {"d": 20, "n": 200}, {"width": 50}, {"width": 1000},
    {"label_noise_std": 1.0}, {"target_norm": 5.0})]
FLOW = [*ESCAPE, FIGURE_2]
FLOOR = [BASE.replace(**one) for one in (
    {}, {"n": 200}, {"n": 20}, {"d": 10, "n": 200}, {"width": 50}, {"label_noise_std": 2.0}, {"target_norm": 3.0})]


def escape_steps(problem: ts.LinearNetwork, lr: float) -> int:
    """Long enough for most to have left."""
    return int(min(2e6, 60 / (problem.label_noise_std**2 * lr**2 * problem.width**0.5)))


def flow_steps(problem: ts.LinearNetwork, lr: float) -> int:
    """Slow time 2, and somewhat more."""
    return int(2.2 / (lr * problem.label_noise_std) ** 2)


def floor_steps(problem: ts.LinearNetwork, lr: float) -> int:
    """Long enough for both phases to be over before the last quarter."""
    slow = (lr * problem.label_noise_std) ** 2
    return int(min(60 / slow, max(4e6, 20 / slow)))


def ratio(run: ts.Run, name: str) -> float:
    """Measured over predicted inside the regime; NaN where nothing is compared."""
    claim = next(one for one in PAPER.statements if one.id == f"zhang2026.{name}")
    evidence = PAPER.evidence(run, PAPER.constants())
    steps = claim.window(evidence)
    if not len(steps) or not all(one.holds for one in claim.conditions(evidence)):
        return float("nan")
    measured, predicted = (float(np.ravel(side(evidence, steps))[0]) for side in (claim.measured, claim.predicted))
    return measured / predicted


def without_covariance(run: ts.LinearRun) -> float:
    """tr A over tr A(0) e^{−τ}, as if H were the identity, where ``derived.slow_flow`` is compared."""
    evidence = LinearEvidence(run)
    claim = next(one for one in PAPER.statements if one.id == "zhang2026.derived.slow_flow")
    [step] = claim.window(evidence)
    place = int(np.searchsorted(run.steps_observed, step))
    norms = run.column("mean_norm_sq")
    return float(norms[place] / norms[0] * np.exp(evidence.slow_time[place]))


def rows(
    name: str, problems: Sequence[ts.LinearNetwork], steps: Callable[[ts.LinearNetwork, float], int]
) -> pd.DataFrame:
    """One row for each run."""
    found = []
    for problem in problems:
        for rate in RATES:
            lr = rate / problem.width
            for seed in SEEDS:
                run = ts.simulate(problem, ts.LinearSGD(lr), steps(problem, lr), seed, on_failure="return",
                                  record_at=())
                row = {"n": problem.n, "d": problem.d, "m": problem.width, "σ": problem.label_noise_std,
                       "‖θ*‖": problem.target_norm, "ηm": rate, "ratio": ratio(run, name)}
                found.append(row | ({"with e^{−τ}": without_covariance(run)} if name.endswith("flow") else {}))
    return pd.DataFrame(found)


def spread(values: pd.Series) -> str:
    """Smallest, median and largest of those compared, and how many were not."""
    known = values.dropna()
    lacking = len(values) - len(known)
    note = f"{lacking} of {len(values)} not reached"
    if known.empty:
        return note
    return f"{known.min():.3f} … {known.median():.3f} … {known.max():.3f}" + (f"; {note}" if lacking else "")


def table(name: str, found: pd.DataFrame) -> str:
    """Sentences and a Markdown table of the settings."""
    values = found["ratio"].dropna()
    low, high = np.percentile(values, [2.5, 97.5])
    error = values.std() / np.sqrt(len(values))
    lacking = len(found) - len(values)
    by = ["n", "d", "m", "σ", "‖θ*‖", "ηm"]
    groups = found.groupby(by, sort=False).agg(spread).reset_index().astype(str)
    groups = groups.rename(columns={"ratio": "smallest … median … largest"})
    lines = ["| " + " | ".join(row) + " |" for row in
             [list(groups.columns), ["---"] * len(groups.columns), *groups.to_numpy().tolist()]]
    return (f"`zhang2026.{name}`, measured over predicted, seeds {SEEDS[0]}..{SEEDS[-1]}, in {len(values)} runs"
            f"{f' ({lacking} more not reached)' if lacking else ''}: mean {values.mean():.3f} ± {error:.3f}, 95% "
            f"within {low:.2f} to {high:.2f}, all within {values.min():.2f} to {values.max():.2f}.\n\n"
            + "\n".join(lines) + "\n")


if __name__ == "__main__":
    parts = [table(name, rows(name, problems, steps)) for name, problems, steps in (
        ("derived.escape_time", ESCAPE, escape_steps), ("derived.slow_flow", FLOW, flow_steps),
        ("derived.floor", FLOOR, floor_steps))]
    OUT.write_text("\n".join(parts), encoding="utf-8")
