"""How far the derived predictions for linear networks are from what runs do: `python experiments/zhang2026_derived.py`.

Time at which the last neuron leaves the lazy regime, and floor of the test loss, each over some settings and seeds. The
bands stated in ``papers/zhang2026`` are those that come out here; the table is docs/measured/zhang2026-derived.md.
"""

from pathlib import Path

import numpy as np
import pandas as pd

import theorysim as ts
from theorysim.papers.zhang2026 import PAPER

OUT = Path(__file__).parents[1] / "docs" / "measured" / "zhang2026-derived.md"
SEEDS = range(5)
BASE = ts.LinearNetwork(n=50, d=4, width=200, label_noise_std=4.0)
# (problem, lr·width, steps for the escape, steps for the floor)
ESCAPE = [
    BASE.replace(**one) for one in (
        {}, {"n": 200}, {"n": 20}, {"d": 10}, {"d": 20, "n": 200}, {"width": 50}, {"width": 1000}, {"label_noise_std": 1.0},
        {"target_norm": 5.0})
]
FLOOR = [
    BASE.replace(**one) for one in (
        {}, {"n": 200}, {"n": 20}, {"d": 10, "n": 200}, {"width": 50}, {"label_noise_std": 2.0}, {"target_norm": 3.0})
]
RATES = (0.05, 0.2, 0.4)


def ratio(run: ts.Run, name: str) -> tuple[float, bool]:
    """Measured over predicted, and whether all conditions hold; NaN where nothing was compared."""
    claim = next(one for one in PAPER.statements if one.id == f"zhang2026.{name}")
    evidence = PAPER.evidence(run, PAPER.constants())
    if not len(claim.window(evidence)):
        return np.nan, False
    measured, predicted = (float(np.ravel(side(evidence, claim.window(evidence)))[0])
                           for side in (claim.measured, claim.predicted))
    return measured / predicted, all(one.holds for one in claim.conditions(evidence))


def rows(name: str, problems: list[ts.LinearNetwork], steps_of: object) -> pd.DataFrame:
    """One row for each run."""
    found = []
    for problem in problems:
        for rate in RATES:
            lr = rate / problem.width
            for seed in SEEDS:
                run = ts.simulate(problem, ts.LinearSGD(lr), steps_of(problem, lr), seed, on_failure="return")
                value, inside = ratio(run, name)
                found.append({"n": problem.n, "d": problem.d, "m": problem.width, "sigma": problem.label_noise_std,
                              "target": round(float(np.linalg.norm(problem.target or 0)), 3), "lr m": rate,
                              "seed": seed, "ratio": value, "inside": inside, "status": str(run.status)})
    return pd.DataFrame(found)


if __name__ == "__main__":
    def escape_steps(problem: ts.LinearNetwork, lr: float) -> int:
        return int(min(2e6, 60 / (problem.label_noise_std**2 * lr**2 * problem.width**0.5)))

    def floor_steps(problem: ts.LinearNetwork, lr: float) -> int:
        return int(min(4e6, 60 / (lr * problem.label_noise_std) ** 2))

    for name, problems, steps in (("derived.escape_time", ESCAPE, escape_steps), ("derived.floor", FLOOR, floor_steps)):
        table = rows(name, problems, steps)
        known = table.dropna(subset="ratio")
        print(name, len(table), "runs", len(known), "compared")
        print(known.groupby(["n", "d", "m", "sigma", "target", "lr m"])["ratio"].agg(["count", "min", "median", "max"]).round(3).to_string())
        print(known.groupby("inside")["ratio"].describe(percentiles=[.025, .05, .5, .95, .975]).round(3).to_string(), flush=True)
