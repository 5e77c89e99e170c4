"""The systems there are, and the verbs that find them by their values: simulate, resume, load_run."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar, Unpack, overload

from theorysim.attention import AttentionGD, AttentionRun, TokenSelection
from theorysim.attention.system import ATTENTION
from theorysim.core import blas, files, validate
from theorysim.core.loop import Until, march
from theorysim.core.observing import observers
from theorysim.core.recording import record_steps
from theorysim.core.replay import kept, unequal
from theorysim.core.run import Run, joined
from theorysim.core.status import DivergenceError, Status
from theorysim.core.system import System
from theorysim.keywords import (
    AttentionKeywords, LinearKeywords, MeanFieldKeywords, OscillationKeywords, PatchKeywords, ResumeKeywords,
    ReweightingKeywords,
)
from theorysim.linear import LinearNetwork, LinearRun, LinearSGD
from theorysim.linear.system import LINEAR
from theorysim.mean_field import MeanField, MeanFieldRun
from theorysim.mean_field.system import MEAN_FIELD
from theorysim.oscillation import OscillatingLayer, OscillationRun
from theorysim.oscillation.system import OSCILLATION
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.problem import Problem
from theorysim.patch.run import PatchRun
from theorysim.patch.system import PATCH
from theorysim.reweighting import KernelReweighting, Reweighting, ReweightingRun
from theorysim.reweighting.system import REWEIGHTING

MOST_STEPS = 2**53  # of a run: counted without rounding
SYSTEMS: list[System] = [PATCH, MEAN_FIELD, LINEAR, OSCILLATION, REWEIGHTING, ATTENTION]
RunT = TypeVar("RunT", bound=Run)


def register_system(system: System) -> None:
    """Add a system of one's own: every verb knows it from then on. One of the same name is replaced.

    Raises
    ------
    TypeError, ValueError
        For what is not a :class:`System`, or has the name or a type of one that comes with the package.
    """
    validate.instance("system", system, (System,))
    if any(system is other for other in SYSTEMS):
        return
    for other in OWN:
        if system.name == other.name:
            raise ValueError(f"system.name={system.name!r}: is the name of a system of the package")
    SYSTEMS[:] = [other for other in SYSTEMS if other.name != system.name] + [system]


OWN = tuple(SYSTEMS)


def registered(system: System) -> bool:
    """Whether :func:`register_system` made it known, which another process does not know."""
    return all(system is not own for own in OWN)


def system_of(problem: Any, *algorithm: Any) -> System:
    """The system of a problem (with an algorithm, if one is given), or of a run.

    Raises
    ------
    TypeError
        When there is none.
    """
    if isinstance(problem, Run):
        return system_of_run(problem)
    fitting = systems_of(problem)
    if not fitting:
        validate.instance("problem", problem, tuple(dict.fromkeys(kind for one in SYSTEMS for kind in one.problems)))
    for given in algorithm:
        found = [one for one in fitting if isinstance(given, one.algorithms)]
        if not found:
            validate.instance("algorithm", given, tuple(kind for one in fitting for kind in one.algorithms))
        return found[0]
    return fitting[0]


def systems_of(problem: Any) -> list[System]:
    """Those with a type of the problem; of a class and one derived from it the systems of the latter come first."""
    line = type(problem).__mro__

    def distance(system: System) -> int:
        return min((line.index(kind) for kind in system.problems if kind in line), default=len(line))

    return sorted((one for one in SYSTEMS if isinstance(problem, one.problems)), key=distance)


def system_of_run(run: Any) -> System:
    """The system of a run.

    Raises
    ------
    TypeError
        When there is none.
    """
    found = [one for one in SYSTEMS if isinstance(run, one.run)]
    if not found:
        validate.instance("run", run, tuple(one.run for one in SYSTEMS))
    return found[0]


def system_named(name: str) -> System:
    """The system of a name.

    Raises
    ------
    ValueError
        When there is none.
    """
    validate.choice("system", name, tuple(one.name for one in SYSTEMS))
    return next(one for one in SYSTEMS if one.name == name)


@overload
def simulate(  # type: ignore[overload-overlap]  # a MeanField is a SignalNoise, and its run is none of a PatchRun
    problem: MeanField, algorithm: GradientDescent, steps: int, seed: int = 0, **keywords: Unpack[MeanFieldKeywords]
) -> MeanFieldRun: ...


@overload
def simulate(
    problem: Problem, algorithm: GradientDescent, steps: int, seed: int = 0, **keywords: Unpack[PatchKeywords]
) -> PatchRun: ...


@overload
def simulate(
    problem: LinearNetwork, algorithm: LinearSGD, steps: int, seed: int = 0, **keywords: Unpack[LinearKeywords]
) -> LinearRun: ...


@overload
def simulate(
    problem: LinearNetwork, algorithm: OscillatingLayer, steps: int, seed: int = 0,
    **keywords: Unpack[OscillationKeywords],
) -> OscillationRun: ...


@overload
def simulate(
    problem: KernelReweighting, algorithm: Reweighting, steps: int, seed: int = 0,
    **keywords: Unpack[ReweightingKeywords],
) -> ReweightingRun: ...


@overload
def simulate(
    problem: TokenSelection, algorithm: AttentionGD, steps: int, seed: int = 0, **keywords: Unpack[AttentionKeywords],
) -> AttentionRun: ...


def simulate(
    problem: Any, algorithm: Any, steps: int, seed: int = 0, *, engine: str | None = None, draw: Any = None,
    record_every: int | None = None, record_at: Iterable[int] | None = None, until: Until | None = None,
    observe: Any = None, observe_every: int | None = None, on_failure: str = "raise", progress: bool = False,
    for_check: str | None = None, **own: Any,
) -> Run:
    """Simulate one training, exactly; problem and algorithm decide of which system.

    Parameters
    ----------
    problem : SignalNoise, PatchModel, PatchData, MeanField, LinearNetwork, KernelReweighting or TokenSelection
    algorithm : GradientDescent; LinearSGD or OscillatingLayer; Reweighting; AttentionGD
    steps : int
        Number of updates.
    seed : int
        Determines data, initial weights and all noise. Same seed, same numbers.
    engine : str, optional
        Patch network: "coefficients" evolves γ and ρ at a cost independent of d, "weights" the explicit weights (the
        oracle), "paired" both, with their largest deviation in ``run.deviation``. Linear networks: "width-free" or
        "explicit". Reweighting: "kernel" or "network". The first of these by default.
    draw : optional
        A realisation given instead of drawn; of the patch network and of attention also the form in which to draw,
        "auto" (default), "vectors" or "wishart". A mean field takes a draw of the patch network, too.
    record_every : int, optional
        Keep the state every so many steps. By default the patch network keeps about 100 states evenly, the others
        about 200 evenly in the logarithm of the step.
    record_at : iterable of int, optional
        Keep it at these steps instead. First and last step are always kept.
    until : function, optional
        Called with a mapping from observable (and "step") to its values over consecutive observed steps; returns a
        boolean array of the same length. The run stops at the first True. It must judge each step by itself, e.g.
        ``lambda seen: seen["train_loss"] < 0.01``. Reweighting has the columns of ``ReweightingRun.series`` here.
    observe : mapping, optional
        Observables of your own: from names to functions of the state between kernels, which has public names
        (``z_signal``, ``gamma``, ``rho``, ``outputs``, ``weights``, ...: see the view of each system). They become
        columns of the run, NaN at steps where they were not called, for ``until``, measures, statements and plots.
    observe_every : int, optional
        Call them every so many steps, instead of at the recorded ones.
    on_failure : {"raise", "return"}
        What to do when the state overflows: raise :class:`DivergenceError` (the run so far is its ``run``) or return
        the run with status "diverged". Either way it ends at the last finite step.
    progress : bool
        Show a progress bar.
    for_check : str, optional
        The name of a paper: make the run twice, the second time with what :func:`check` compares its statements at,
        which are steps that only the first run tells (such as T1). Of windows with more steps than may be recorded
        evenly spaced ones.
    **own
        Patch network: ``label_noise``, an array (steps, n) of multipliers in place of drawn ones; ``policy``, when to
        stop, or which samples to go on with; ``precision``, "double" or "single"; ``observables_every``, to keep only
        every so manieth row of the table; ``observe="outputs"``, to leave out observables of coefficients;
        ``threads``, cores for the products of a large n, which the run remembers as its last digits depend on them;
        ``engine="auto"``, explicit weights where they have fewer coordinates than there are atoms. Mean field:
        ``label_noise``, ``observables_every``.
        Linear networks: ``neurons``, how many to follow one by one. Reweighting: ``weights``, initial ones; with
        engine "network" its ``width`` and initial ``parameters``.

    Returns
    -------
    Run
        Of the system's own class. Ctrl-C returns the run so far with status "interrupted"; :func:`resume` continues.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed, before any work.
    DivergenceError
        See ``on_failure``.

    Notes
    -----
    Time is counted in steps. The exact updates are in the documentation, "The exact reduction" and the pages of the
    systems.
    """
    system = system_of(problem, algorithm)
    steps, seed = validate.integer("steps", steps, 0, MOST_STEPS), validate.integer("seed", seed, 0)
    system.check_keywords(own)
    if draw is not None:
        own["draw"] = draw
    if isinstance(observe, str):
        own["observe"], observe = observe, None
        system.check_keywords(own)
    if engine is not None or "engine" in system.keywords():
        own["engine"] = system.engine(engine)
    _check(until, on_failure, progress)
    finish = _finishing(for_check, own)
    plan = record_steps(0, steps, record_every, record_at,
                        lambda start, end: system.usual_records(start, end, problem, None),
                        system.record_bytes(problem))
    watching = observers(observe, observe_every, plan.steps, system.observables)
    with blas.single_threaded():
        stepper = system.start(problem, algorithm, steps, seed, **own)
        started = perf_counter()
        ending = march(stepper, steps, plan, watching, until, progress)
        stepper.timings["solve"] = perf_counter() - started
        run = stepper.result(ending)
    return finish(_settled(run, on_failure))


Finish = Callable[[Run], Run]
_FINISHING: list[Callable[[str], Finish]] = []


def register_for_check(finishing: Callable[[str], Finish]) -> None:
    """What ``for_check`` does with a run, by the name of a paper; told by the room of checks, which is above this."""
    _FINISHING[:] = [finishing]


def _finishing(for_check: Any, own: Mapping[str, Any]) -> Finish:
    if for_check is None:
        return lambda run: run
    if own.get("label_noise") is not None:
        raise ValueError(f"for_check={for_check!r}: must be None with label_noise=, as the run is made again from its "
                         "seed")
    return _FINISHING[0](for_check)


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
def resume(run: RunT, steps: int, **keywords: Unpack[ResumeKeywords]) -> RunT: ...


def resume(
    run: Any, steps: int, *, record_every: int | None = None, record_at: Iterable[int] | None = None,
    until: Until | None = None, observe: Any = None, observe_every: int | None = None, on_failure: str = "raise",
    progress: bool = False, **own: Any,
) -> Run:
    """Continue a run of any system by more steps; the result is the whole run, as if it had never stopped.

    Numbers equal those of a straight run bit for bit.

    Parameters
    ----------
    run : Run
        One that completed, was interrupted or stopped. Its policy goes on too, unless it has ended the run.
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
        of its own that begins at this step with these weights, and the coefficients of patches that both have.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed; also when the run has diverged, or lacks what it was
        given at first.
    DivergenceError
        See ``on_failure`` of :func:`simulate`.
    """
    system = system_of_run(run)
    steps = validate.integer("steps", steps, 0, MOST_STEPS - run.steps)
    system.check_keywords(own, "proceed")
    _check(until, on_failure, progress)
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
            return _settled(further, on_failure)
        record, row = system.seams(run)
        record |= run.listed or asked  # what was asked for one by one stays
        look = watching.look_again(run.steps, record)
        return _settled(joined(run, further, record, record or row or look, look), on_failure)


@overload
def load_run(path: str | Path) -> Run: ...


@overload
def load_run(path: str | Path, kind: type[RunT]) -> RunT: ...


def load_run(path: str | Path, kind: type[Run] = Run) -> Run:
    """Read a run of any system, written by its ``save``; ``kind`` says of which class it must be.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file is not a saved run, is damaged, or of a format this version does not know.
    """
    found = load(path)
    if not isinstance(found, kind):
        raise ValueError(f"path={str(path)!r}: not a saved {kind.__name__}, but a {type(found).__name__}")
    return found


def load(path: str | Path) -> object:
    """Read a problem, an algorithm, a draw, a policy or a run, written by :func:`save` or a run's ``save``.

    Raises
    ------
    FileNotFoundError, ValueError
        As of :func:`load_run`.
    """
    types = [kind for one in SYSTEMS for kind in (*one.problems, *one.algorithms, one.run, *one.types)]
    former = {one.name: one.former for one in SYSTEMS if one.former is not None}
    former[""] = former[PATCH.name]  # the first files were of the first system, and did not say so
    return files.load(path, types, former)


def _check(until: Any, on_failure: Any, progress: Any) -> None:
    if until is not None:
        validate.function("until", until)
    validate.choice("on_failure", on_failure, ("raise", "return"))
    validate.flag("progress", progress)


def _settled(run: Run, on_failure: str) -> Run:
    if run.status == Status.DIVERGED and on_failure == "raise":
        raise DivergenceError(run)
    return run
