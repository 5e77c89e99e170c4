"""The tasks that the reproductions of Zhang et al. 2025 share, how they run, and what is read off a run."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from theorysim.core import progress as bars
from theorysim.reweighting import (
    REWEIGHTING_OBSERVABLES, Digits, KernelReweighting, Reweighting, ReweightingRun, SignalNoiseImages,
)
from theorysim.systems import simulate

STEPS = 3000
PATCH = KernelReweighting(SignalNoiseImages(), 400, 100)
ZERO_ONE = KernelReweighting(Digits(positive=(1,), negative=(0,)), 200, 60)
THREE_EIGHT = KernelReweighting(Digits(positive=(3,), negative=(8,)), 240, 60)
ODD_EVEN = KernelReweighting(Digits(), 800, 100)

Case = tuple[KernelReweighting, Reweighting]
Array = NDArray[np.float64]
Result = TypeVar("Result")


def each(
    name: str, cases: Mapping[str, Case], seeds: int, steps: int, progress: bool,
    read: Callable[[ReweightingRun], Result], **options: Any,
) -> dict[str, list[Result]]:
    """What ``read`` makes of the runs of each case, one run a seed; kernels release the interpreter."""
    tasks = [(*case, seed) for case in cases.values() for seed in range(seeds)]
    with bars.bar(len(tasks), progress, "run", name) as bar, ThreadPoolExecutor() as pool:
        def one(task: tuple[KernelReweighting, Reweighting, int]) -> Result:
            problem, algorithm, seed = task
            found = read(simulate(problem, algorithm, steps, seed, **options))
            bar.update(1)
            return found

        made = list(pool.map(one, tasks))
    return {label: made[number * seeds : (number + 1) * seeds] for number, label in enumerate(cases)}


def alignment_share(run: ReweightingRun) -> float:
    """A4: the share of training samples with γ_i = y*_i (1/m) Σ_j y_j^v K_ij > 0."""
    gamma = run.draw.true_labels * (run.draw.clean_kernel.T @ run.draw.clean_labels)
    return float((gamma > 0).mean())


def at_t1(run: ReweightingRun) -> dict[str, float]:
    """The observables at t1, recorded or not: the first steps are made once more. NaN when t1 is not reached."""
    reached = run.stage_times()["t1"]
    if np.isnan(reached):
        return dict.fromkeys(REWEIGHTING_OBSERVABLES, float("nan"))
    again = simulate(run.problem, run.algorithm, int(reached), run.seed, draw=run.draw, record_at=())
    return {str(name): float(value) for name, value in again.observables.iloc[-1].items()}


def interval(values: Array) -> tuple[float, float, float]:
    """The mean and its 95% Student interval; NaN at the ends of a single value."""
    known = values[~np.isnan(values)]
    if known.size < 2:
        return (float(known.mean()) if known.size else float("nan"), float("nan"), float("nan"))
    half = float(scipy.stats.t.ppf(0.975, known.size - 1) * known.std(ddof=1) / np.sqrt(known.size))
    return float(known.mean()), float(known.mean() - half), float(known.mean() + half)


def difference(values: Array) -> str:
    """A paired difference: mean with its 95% interval."""
    mean, low, high = interval(values)
    return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"


def plus_minus(values: Array) -> str:
    """Mean ± half of its 95% interval."""
    mean, low, high = interval(values)
    return f"{mean:.3f} ± {(high - low) / 2:.3f}"
