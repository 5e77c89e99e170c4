"""The setting that the reproductions of T. Zhang et al. 2026 share, and how they run and tabulate it."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.core import progress as bars
from theorysim.linear import LinearNetwork, LinearRun, LinearSGD
from theorysim.reproduce import spread
from theorysim.systems import simulate

if TYPE_CHECKING:
    import pandas as pd

# n, m, d, η and σ are the paper's; ‖θ*‖ is not given there.
PAPER = LinearNetwork(n=200, d=20, width=1000, target_norm=1.0, label_noise_std=4.0)
LR = 1e-3
STEPS = 1_000_000
LOOKS = (0, 20_000, 100_000, 300_000, 1_000_000)
COLUMNS = {
    "tr A/m": "mean_norm_sq", "mean abs. cosine": "cosine_mean", "alignment": "alignment", "test loss": "test_loss",
}


def groups(
    name: str, problem: LinearNetwork, algorithms: Mapping[str, LinearSGD], seeds: int, steps: int, progress: bool,
    **options: Any,
) -> dict[str, list[LinearRun]]:
    """Runs by algorithm, one a seed; kernels release the interpreter, so threads are enough."""
    tasks = [(label, seed) for label in algorithms for seed in range(seeds)]
    with bars.bar(len(tasks), progress, "run", name) as bar, ThreadPoolExecutor() as pool:
        def one(task: tuple[str, int]) -> LinearRun:
            label, seed = task
            run = simulate(problem, algorithms[label], steps, seed, on_failure="return", **options)
            bar.update(1)
            return run

        made = list(pool.map(one, tasks))
    return {label: made[number * seeds : (number + 1) * seeds] for number, label in enumerate(algorithms)}


def setting(problem: LinearNetwork, steps: int, seeds: int) -> str:
    """A sentence for the head of a report."""
    return (f"n = {problem.n}, d = {problem.d}, m = {problem.width}, η = {LR:g}, σ = {problem.label_noise_std:g}, "
            f"‖θ*‖ = {problem.target_norm:g}, {steps} steps, seeds 0..{seeds - 1}; mean [smallest, largest].")


def looks_table(
    runs: Mapping[str, Sequence[LinearRun]], looks: Sequence[int], columns: Mapping[str, str] = COLUMNS,
    head: str = "algorithm",
) -> "pd.DataFrame":
    """The observables at some steps."""
    import pandas as pd

    rows = []
    for name, group in runs.items():
        for step in sorted({min(look, group[0].steps) for look in looks}):
            row: dict[str, Any] = {head: name, "step": step}
            for title, column in columns.items():
                row[title] = spread([one.observables.loc[step, column] for one in group])
            rows.append(row)
    return pd.DataFrame(rows)


def times_table(runs: Mapping[str, Sequence[LinearRun]]) -> "pd.DataFrame":
    """T1, T2, T3 and the floor of the loss."""
    import pandas as pd

    rows = []
    for name, group in runs.items():
        times = [one.stage_times() for one in group]
        rows.append({"algorithm": name} | {
            title: spread([getattr(one, field) for one in times]) for title, field in (
                ("T1, first", "T1_first"), ("T1, half", "T1_half"), ("T1, all", "T1_all"), ("T2(0.5)", "T2_half"),
                ("T2(0.9)", "T2_most"), ("T3", "T3"))
        } | {"floor of the test loss": spread([one.loss_floor() for one in group])})
    return pd.DataFrame(rows)


def slope(run: LinearRun, start: int, stop: int) -> float:
    """Change of log tr A from one recorded step to another."""
    norms = run.observables["mean_norm_sq"]
    return float(np.log(norms.loc[stop] / norms.loc[start]))
