"""Running a batch, wherever it has been sent: a thread, a process, another machine."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from theorysim.core.run import Run
from theorysim.core.status import Status
from theorysim.sweep.measures import Measure, needs, read
from theorysim.core.system import System, Value
from theorysim.sweep.plan import Cell, Task
from theorysim.sweep.reading import Reading
from theorysim.systems import register_system, simulate
from theorysim.theory.paper import Paper, register_paper

INVALID, FAILED = "invalid", "failed"  # beside those of theorysim.Status
DONE = (str(Status.COMPLETED), str(Status.STOPPED))  # stopped by a policy; what there is to measure is there


@dataclass(frozen=True)
class Job:
    """What is the same for all runs of a sweep."""

    measures: dict[str, Measure]
    constants: Mapping[str, Any]
    n_test: int
    papers: tuple[Paper, ...] = ()  # registered where the sweep was called, and perhaps not where it is run
    systems: tuple[System, ...] = ()  # likewise
    observe: Mapping[str, Callable[[Any], float]] = field(default_factory=dict)  # observables of one's own


@dataclass(frozen=True)
class Outcome:
    """What is kept of one run."""

    key: str
    status: str
    reason: str
    values: dict[str, Value]
    seconds: float


def perform(job: Job, tasks: Sequence[Task]) -> list[Outcome]:
    """Run a batch; what goes wrong in one run is its outcome, and the others go on."""
    for system in job.systems:
        register_system(system)
    for paper in job.papers:
        register_paper(paper)
    return [_perform(job, task) for task in tasks]


def _perform(job: Job, task: Task) -> Outcome:
    started = perf_counter()
    status, reason, values = _run(job, task)
    return Outcome(task.key, status, reason, values, perf_counter() - started)


def _run(job: Job, task: Task) -> tuple[str, str, dict[str, Value]]:
    cell = task.cell
    nothing: dict[str, Value] = dict.fromkeys(job.measures)
    if cell.reason:
        return INVALID, cell.reason, nothing
    try:
        run: Run = simulate(cell.problem, cell.algorithm, task.steps, task.draw_seed, on_failure="return",
                            **_keywords(job, cell, task.precision))
        if run.status not in DONE:
            return str(run.status), run.message, nothing
        seen = Reading(run, job.constants, job.n_test)
        return str(run.status), "", {name: read(cell.system, name, one, seen) for name, one in job.measures.items()}
    except Exception as error:  # the sweep goes on, and the row says why
        return FAILED, f"{type(error).__name__}: {error}", nothing


def _keywords(job: Job, cell: Cell, precision: str) -> dict[str, Any]:
    """Keywords of simulate(): the cell's policy, the precision, own observables, and what may be spared."""
    needed = needs(cell.system, job.measures)
    if cell.policy is not None and needed == "outputs":
        needed = "times"  # a policy looks at every step
    keywords: dict[str, Any] = {"observe": job.observe} if job.observe else cell.system.economy(needed)
    if cell.policy is not None:
        keywords["policy"] = cell.policy
    return keywords | ({"precision": precision} if precision != "double" else {})
