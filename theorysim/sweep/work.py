"""Running a batch, wherever it has been sent: a thread, a process, another machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from theorysim.core.status import Status
from theorysim.sweep.measures import Measure, needs, read
from theorysim.sweep.plan import Task
from theorysim.sweep.subjects import Reading, Value
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
        run = cell.subject.simulate(
            cell.problem, cell.algorithm, task.steps, task.seed,
            policy=cell.policy, precision=task.precision, needs=needs(job.measures),
        )
        if run.status not in DONE:
            return str(run.status), run.message, nothing
        seen = Reading(run, job.constants, job.n_test)
        return str(run.status), "", {name: read(cell.subject, name, one, seen) for name, one in job.measures.items()}
    except Exception as error:  # the sweep goes on, and the row says why
        return FAILED, f"{type(error).__name__}: {error}", nothing
