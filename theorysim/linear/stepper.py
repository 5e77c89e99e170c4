"""The changing state of one training, between kernels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from theorysim.core import interrupts, progress
from theorysim.linear.kernel import evolve_linear
from theorysim.linear.draw import LinearDraw, StepNoise
from theorysim.linear.problem import SAM_TERMS, LinearNetwork, LinearSGD
from theorysim.linear.run import LinearRun
from theorysim.linear.watch import LINEAR_OBSERVABLES, Watch, grid
from theorysim.core.status import Status

LARGEST = 1e30  # of the rows: beyond it observables, of fourth and sixth order, may overflow

Array = NDArray[np.float64]
Until = Callable[[Mapping[str, float]], bool]


@dataclass
class Training:
    """The rows that evolve, and what has been seen of them."""

    problem: LinearNetwork
    algorithm: LinearSGD
    draw: LinearDraw
    seed: int
    engine: str
    rows: Array
    step: int
    combination: Array
    leaving: Array

    def run(self, end: int, wanted: NDArray[np.int64], until: Until | None, shown: bool) -> LinearRun:
        """Advance to step ``end``, keeping the states wanted; a run from the step begun at."""
        started = perf_counter()
        noise = StepNoise(self.problem, self.algorithm, self.seed)
        watch = Watch(self.draw, self.problem.width, self.combination, noise, self.leaving)
        usual, keep = set(grid(end).tolist()), set(wanted.tolist())
        looks = sorted(step for step in usual | keep if step >= self.step)
        seen: list[tuple[int, Array]] = []
        states: list[tuple[int, Array]] = []
        status, last = Status.COMPLETED, self.rows.copy()
        with progress.bar(end - self.step, shown) as bar, interrupts.postponed() as interrupted:
            for look in looks:
                before, status = self.step, self._advance(look, noise, interrupted)
                bar.update(self.step - before)
                if status == Status.DIVERGED:
                    break
                last = self.rows.copy()
                seen.append((self.step, watch.look(last, self.step, self.step in usual)))
                if until is not None and status == Status.COMPLETED and _met(until, *seen[-1]):
                    status = Status.STOPPED
                if self.step in keep or status != Status.COMPLETED:
                    states.append((self.step, last))
                if status != Status.COMPLETED:
                    break
        if states[-1][0] != seen[-1][0]:  # what diverged ends where it was last looked at
            states.append((seen[-1][0], last))
        return LinearRun(
            problem=self.problem, algorithm=self.algorithm, draw=self.draw, seed=self.seed, engine=self.engine,
            status=status, message=self._message(status),
            stopped_at=None if status == Status.COMPLETED else self.step,
            steps_watched=np.array([step for step, _ in seen]), rows=np.array([row for _, row in seen]),
            steps_recorded=np.array([step for step, _ in states]), states=np.array([state for _, state in states]),
            combination=self.combination, leaving=self.leaving, timings={"solve": perf_counter() - started},
        )

    def _advance(self, goal: int, noise: StepNoise, interrupted: Callable[[], bool]) -> Status:
        """Move to ``goal``, or to where the network overflows or Ctrl-C is noticed."""
        outputs, inputs = self.draw.inputs @ self.draw.target, np.array(self.draw.inputs)
        radius, terms = self.algorithm.sam_radius, SAM_TERMS.index(self.algorithm.sam_terms)
        while self.step < goal:
            stop = min(noise.end_of_block(self.step), goal)
            chosen, eps = noise.rows(self.step, stop)
            with np.errstate(over="ignore", invalid="ignore"):
                made = evolve_linear(self.rows, inputs, outputs, chosen, eps, self.algorithm.lr, radius, terms)
            self.step, asked = self.step + made, stop - self.step
            if made < asked or not np.abs(self.rows).max() < LARGEST:
                return Status.DIVERGED
            if self.step < goal and interrupted():
                return Status.INTERRUPTED
        return Status.COMPLETED

    def _message(self, status: Status) -> str:
        if status == Status.DIVERGED:
            return (f"the network overflows by step {self.step}; lower lr (now {self.algorithm.lr:g}) below "
                    f"2d/((d+2)m) = {self.problem.largest_stable_lr():.3g}, the stability limit at the start, or "
                    f"label_noise_std (now {self.problem.label_noise_std:g})")
        if status == Status.INTERRUPTED:
            return f"interrupted at step {self.step}; resume() goes on from there"
        return f"the condition was met at step {self.step}" if status == Status.STOPPED else ""


def _met(until: Until, step: int, row: Array) -> bool:
    return bool(until(dict(zip(LINEAR_OBSERVABLES, row.tolist(), strict=True)) | {"step": step}))
