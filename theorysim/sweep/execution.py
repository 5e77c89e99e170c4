"""Sending batches out to threads, processes or a cluster, and taking back what they return."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from typing import Any

from theorysim.core import blas, interrupts, validate
from theorysim.core.parallel import cores
from theorysim.core.status import Status
from theorysim.sweep.plan import Task, batches
from theorysim.core.system import OVERHEAD
from theorysim.sweep.work import FAILED, Job, Outcome, perform

BATCH_WORK = 1e10  # floating-point operations in a batch, about a quarter of a second
BATCH_RUNS = 256
IN_FLIGHT = 1000  # batches handed to an executor whose size is not known
IDLE = 20  # seconds after which a worker process without work ends
POLL = 0.1  # seconds between two looks at Ctrl-C
WORTH_PROCESSES = 2e11  # work below which starting processes costs more than it gains
KINDS = ("threads", "processes")

Taken = Callable[[list[Task], list[Outcome]], None]


def execute(
    job: Job, tasks: Sequence[Task], executor: str | Executor | None, workers: int | None, taken: Taken
) -> bool:
    """Run all tasks, largest first; `taken` gets every batch and its outcomes as they come, in the calling thread.

    Returns False when Ctrl-C ended it early. A worker that dies takes no run with it: what it was at is tried again one
    by one, and only a run at which a worker dies alone becomes an outcome "failed". (An executor of the caller's that
    is itself broken by that takes no more work; then what is left comes out as "failed", to be tried by the next call.)
    """
    workers = cores() if workers is None else workers
    if executor is None:
        executor = _better(tasks, workers)
    waiting, suspects = deque(batches(tasks, BATCH_WORK, BATCH_RUNS)), deque[list[Task]]()
    limit = 2 * workers if isinstance(executor, str) else IN_FLIGHT
    running: dict[Future[list[Outcome]], list[Task]] = {}
    with interrupts.postponed() as interrupted, _pool(executor, workers, interrupted) as submit:
        while (waiting or running or suspects) and not interrupted():
            while waiting and len(running) < limit:
                _send(submit, job, waiting.popleft(), running, suspects)
            if not waiting and not running and suspects:  # one at a time: whoever falls, falls alone
                _send(submit, job, suspects.popleft(), running, suspects)
            done, _ = wait(running, POLL, FIRST_COMPLETED)
            for future in done:
                _take(future, running.pop(future), suspects, taken)
        complete = not (waiting or running or suspects)
        for future in running:
            future.cancel()
    for future, batch in running.items():  # what threads have finished since; of others nothing can come any more
        if future.done() and not future.cancelled() and future.exception() is None:
            _take(future, batch, suspects, taken)
    return complete


def _send(
    submit: Callable[..., Future[list[Outcome]]], job: Job, batch: list[Task],
    running: dict[Future[list[Outcome]], list[Task]], suspects: deque[list[Task]],
) -> None:
    try:
        future = submit(perform, job, batch)
    except Exception as error:  # the executor is broken: the same as if the work had come back so
        future = Future()
        future.set_exception(error)
    running[future] = batch


def _take(future: Future[list[Outcome]], batch: list[Task], suspects: deque[list[Task]], taken: Taken) -> None:
    error = future.exception()
    if error is None:
        pairs = zip(batch, future.result(), strict=True)
        kept = [(task, one) for task, one in pairs if one.status != Status.INTERRUPTED]
        taken([task for task, _ in kept], [one for _, one in kept])
    elif len(batch) > 1 or not getattr(batch, "suspect", False):
        suspects.extend(_Suspect([task]) for task in batch)
    else:
        reason = f"the worker died, or could not be reached: {type(error).__name__}: {error}"
        taken(batch, [Outcome(task.key, FAILED, reason, {}, 0.0) for task in batch])


class _Suspect(list[Task]):
    """A run that a worker may have died of."""

    suspect = True


def _better(tasks: Sequence[Task], workers: int) -> str:
    """Threads where compiled code takes the time, processes where Python does and there is enough of it."""
    overhead, work = OVERHEAD * len(tasks), sum(task.cost for task in tasks)
    return "processes" if workers > 1 and work > WORTH_PROCESSES and overhead > work / 4 else "threads"


@contextmanager
def _pool(executor: str | Executor, workers: int, interrupted: Callable[[], bool]) -> Iterator[Callable[..., Any]]:
    """The function that submits work; on leaving, nothing of it goes on."""
    if not isinstance(executor, str):
        yield executor.submit
    elif executor == "threads":
        with ThreadPoolExecutor(workers) as threads, blas.single_threaded():
            yield lambda work, *given: threads.submit(partial(_follow, interrupted, work), *given)
    else:
        from loky import get_reusable_executor

        def submit(work: Callable[..., Any], *given: Any) -> Any:
            return get_reusable_executor(workers, timeout=IDLE, initializer=_ignore_interrupts).submit(work, *given)

        try:
            yield submit
        finally:
            if interrupted():
                get_reusable_executor(workers).shutdown(wait=True, kill_workers=True)


def _follow(interrupted: Callable[[], bool], work: Callable[..., Any], *given: Any) -> Any:
    with interrupts.following(interrupted):
        return work(*given)


def _ignore_interrupts() -> None:
    """Ctrl-C reaches all processes of a terminal; only the first is to act on it."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


def validated(executor: Any, workers: Any) -> tuple[str | Executor | None, int | None]:
    """The two arguments of a sweep that say where it runs, checked."""
    if workers is not None:
        workers = validate.integer("workers", workers, 1)
    if isinstance(executor, str):
        validate.choice("executor", executor, KINDS)
    elif executor is not None:
        if not callable(getattr(executor, "submit", None)):
            raise TypeError(f"executor={executor!r}: must be 'threads', 'processes' or have a method submit(), as "
                            "those of concurrent.futures have")
        if workers is not None:
            raise ValueError(f"workers={workers}: executor= brings its own workers; give only one of them")
    return executor, workers
