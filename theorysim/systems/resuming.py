"""resume() and again(): runs that go on, and runs made anew to keep more of them."""

from collections.abc import Iterable
from time import perf_counter
from typing import Any, TypeVar, Unpack, overload

from theorysim.core import blas, validate
from theorysim.core.loop import Until, march
from theorysim.core.observing import observers
from theorysim.core.recording import record_steps
from theorysim.core.replay import kept, unequal
from theorysim.core.run import Run, joined
from theorysim.core.runs import Runs
from theorysim.core.status import Status
from theorysim.keywords import ResumeKeywords
from theorysim.patch.run import PatchRun
from theorysim.systems.registry import system_of_run
from theorysim.systems.verbs import MOST_STEPS, check_common, over_seeds, settled, workers_of

RunT = TypeVar("RunT", bound=Run)


def again(run: RunT, *, record_at: Iterable[int] = ()) -> RunT:
    """Make a run again from its seed, exactly, to keep more of it: states at further steps, a row of every step.

    The run that is returned is the given one, with more records and rows. (A linear network has rows at the steps that
    it watches, and at records.)

    Parameters
    ----------
    run : Run
        However it ended; it is made again up to where it did.
    record_at : iterable of int
        Steps to record besides those that are.

    Raises
    ------
    TypeError, ValueError
        For steps that the run has not, more records than may be kept, and a run that cannot be made again: one that was
        given its label noise, or of which no record came out the same.
    KeyboardInterrupt
        When interrupted, as the run that there is lacks nothing.
    """
    system = system_of_run(run)
    keywords = system.again(run) | ({"engine": run.engine} if "engine" in system.keywords() else {})
    plan = record_steps(0, run.steps, None, [*run.steps_recorded.tolist(), *record_at],
                        lambda _start, _end: (None, run.steps_recorded), system.record_bytes(run.problem))
    with blas.single_threaded():
        stepper = system.start(run.problem, run.algorithm, run.steps, run.seed, **keywords)
        ending = march(stepper, run.steps, plan, observers(None, None, plan.steps, system.observables), None, False)
        made = stepper.result(ending)
    if made.status == Status.INTERRUPTED:
        raise KeyboardInterrupt
    differs = unequal(run, made)
    if differs:
        raise ValueError(f"run: cannot be made again: {differs}, as when parts of it were given, or another machine "
                         "made it")
    return kept(run, made, keywords)


@overload
def resume(run: PatchRun, steps: int, **keywords: Unpack[ResumeKeywords]) -> PatchRun: ...


@overload
def resume(run: Runs[RunT], steps: int, **keywords: Unpack[ResumeKeywords]) -> Runs[RunT]: ...


@overload
def resume(run: RunT, steps: int, **keywords: Unpack[ResumeKeywords]) -> RunT: ...


def resume(
    run: Any, steps: int, *, record_every: int | None = None, record_at: Iterable[int] | None = None,
    until: Until | None = None, observe: Any = None, observe_every: int | None = None, on_failure: str = "raise",
    progress: bool = False, **own: Any,
) -> Run | Runs[Any]:
    """Continue a run of any system by more steps; the result is the whole run, as if it had never stopped.

    Numbers equal those of a straight run bit for bit.

    Parameters
    ----------
    run : Run or Runs
        One that completed, was interrupted or stopped. Its policy goes on too, unless it has ended the run. Of several
        seeds each goes on by so many steps, several at a time, and the result is :class:`Runs`; after Ctrl-C, or where
        one diverges, those that had not begun are in it as they were.
    steps : int
        Number of further updates.
    record_every, record_at
        Which further steps to keep, as in :func:`simulate` and counted from the start of the run. By default records
        go on as they were spaced, or, if they were asked for one by one, only the end is kept. What was recorded only
        because the run ended there leaves the records.
    until, observe, observe_every, on_failure, progress
        As in :func:`simulate`. A run with observables of one's own needs the same functions again.
    **own
        ``label_noise``, (steps, n) multipliers of the further steps, for a patch network (or mean field) that was given
        its own; ``algorithm``, another one that a patch network goes on with: its weights stay, its velocity, its
        epochs and the steps of its schedules begin anew. (An equal one changes nothing.) ``problem`` and ``draw``,
        other data in the same coordinates (drawn from the run's seed if only the problem is given): the result is a run
        of its own that begins at this step with these weights, and the coefficients of patches that both have. The
        run's policy is not carried over, nor what it did: a selection is of samples that are no longer trained on.
        ``observe="all"`` or ``"outputs"``, where the further steps are to be observed otherwise than those before.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed; also when the run has diverged, or lacks what it was
        given at first.
    DivergenceError
        See ``on_failure`` of :func:`simulate`.
    """
    if isinstance(run, Runs):
        looking = {"record_every": record_every, "until": until, "observe": observe, "observe_every": observe_every,
                   "record_at": tuple(record_at) if isinstance(record_at, Iterable) else record_at}
        return _resumed(run, steps, on_failure, progress, looking | own)
    system = system_of_run(run)
    steps = validate.integer("steps", steps, 0, MOST_STEPS - run.steps)
    if isinstance(observe, str):
        own["observe"], observe = observe, None
    system.check_keywords(own, "proceed")
    check_common(until, on_failure, progress)
    if run.status == Status.DIVERGED:
        raise ValueError(f"run has status {run.status!r}: {run.message}")
    end = run.steps + steps
    record_at = tuple(record_at) if isinstance(record_at, Iterable) else record_at
    asked = isinstance(record_at, tuple) and run.steps in record_at
    if run.listed and record_every is None and record_at is None:
        record_at = ()
    plan = record_steps(run.steps, end, record_every, record_at,
                        lambda start, stop: system.usual_records(start, stop, run.problem, run),
                        system.record_bytes(run.problem))
    watching = observers(observe, observe_every, plan.steps, system.observables)
    if set(run.own) != set(watching.functions):
        raise ValueError(f"observe={observe!r}: the run has observables of your own, {', '.join(run.own) or 'none'}; "
                         "give functions of these names, and no others")
    with blas.single_threaded():
        stepper = system.proceed(run, end, **own)
        started = perf_counter()
        ending = march(stepper, end, plan, watching, until, progress)
        stepper.timings["solve"] = perf_counter() - started
        further = stepper.result(ending)
        if further.draw is not run.draw:  # a run of its own, on other data
            return settled(further, on_failure)
        record, row = system.seams(run)
        record |= run.listed or asked  # what was asked for one by one stays
        look = watching.look_again(run.steps, record)
        return settled(joined(run, further, record, record or row or look, look), on_failure)


def _resumed(runs: Runs[Any], steps: int, on_failure: str, progress: bool, keywords: dict[str, Any]) -> Runs[Any]:
    """Every run continued; none where one cannot be."""
    check_common(keywords["until"], on_failure, progress)
    for run in runs:
        if run.status == Status.DIVERGED:
            raise ValueError(f"run of seed {run.seed} has status {str(run.status)!r}: {run.message}")
    workers = workers_of(None, getattr(runs[0], "threads", 1))
    return over_seeds(lambda run: resume(run, steps, on_failure="return", **keywords), runs, workers, on_failure,
                      progress)
