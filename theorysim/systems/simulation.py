"""simulate(): one training, or one setting over seeds."""

from collections.abc import Callable, Iterable, Mapping
from time import perf_counter
from typing import Any, Unpack, overload

from theorysim.attention import AttentionGD, AttentionRun, TokenSelection
from theorysim.core import blas, validate
from theorysim.core.loop import Until, march
from theorysim.core.observing import observers
from theorysim.core.recording import record_steps
from theorysim.core.run import Run
from theorysim.core.runs import Runs
from theorysim.core.seeds import seeds_of
from theorysim.keywords import (
    AttentionKeywords, LinearKeywords, MeanFieldKeywords, OscillationKeywords, PatchKeywords, ReweightingKeywords,
)
from theorysim.linear import LinearNetwork, LinearRun, LinearSGD
from theorysim.mean_field import MeanField, MeanFieldRun
from theorysim.oscillation import OscillatingLayer, OscillationRun
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.problem import Problem
from theorysim.patch.run import PatchRun
from theorysim.reweighting import KernelReweighting, Reweighting, ReweightingRun
from theorysim.systems.registry import system_of
from theorysim.systems.verbs import MOST_STEPS, check_common, over_seeds, settled, workers_of


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


@overload
def simulate(  # type: ignore[overload-overlap]
    problem: MeanField, algorithm: GradientDescent, steps: int, *, seeds: int | Iterable[int],
    workers: int | None = None, **keywords: Unpack[MeanFieldKeywords],
) -> Runs[MeanFieldRun]: ...


@overload
def simulate(
    problem: Problem, algorithm: GradientDescent, steps: int, *, seeds: int | Iterable[int],
    workers: int | None = None, **keywords: Unpack[PatchKeywords],
) -> Runs[PatchRun]: ...


@overload
def simulate(
    problem: LinearNetwork, algorithm: LinearSGD, steps: int, *, seeds: int | Iterable[int],
    workers: int | None = None, **keywords: Unpack[LinearKeywords],
) -> Runs[LinearRun]: ...


@overload
def simulate(
    problem: LinearNetwork, algorithm: OscillatingLayer, steps: int, *, seeds: int | Iterable[int],
    workers: int | None = None, **keywords: Unpack[OscillationKeywords],
) -> Runs[OscillationRun]: ...


@overload
def simulate(
    problem: KernelReweighting, algorithm: Reweighting, steps: int, *, seeds: int | Iterable[int],
    workers: int | None = None, **keywords: Unpack[ReweightingKeywords],
) -> Runs[ReweightingRun]: ...


@overload
def simulate(
    problem: TokenSelection, algorithm: AttentionGD, steps: int, *, seeds: int | Iterable[int],
    workers: int | None = None, **keywords: Unpack[AttentionKeywords],
) -> Runs[AttentionRun]: ...


def simulate(
    problem: Any, algorithm: Any, steps: int, seed: int = 0, *, seeds: int | Iterable[int] | None = None,
    workers: int | None = None, engine: str | None = None, draw: Any = None, record_every: int | None = None,
    record_at: Iterable[int] | None = None, until: Until | None = None, observe: Any = None,
    observe_every: int | None = None, on_failure: str = "raise", progress: bool = False, for_check: str | None = None,
    **own: Any,
) -> Run | Runs[Any]:
    """Simulate one training, exactly, or one over several seeds; problem and algorithm decide of which system.

    Parameters
    ----------
    problem : SignalNoise, PatchModel, PatchData, MeanField, LinearNetwork, KernelReweighting or TokenSelection
    algorithm : GradientDescent; LinearSGD or OscillatingLayer; Reweighting; AttentionGD
    steps : int
        Number of updates.
    seed : int
        Determines data, initial weights and all noise. Same seed, same numbers.
    seeds : int or iterable of int, optional
        In place of ``seed``: the same for each of these seeds (0..seeds−1 of a number). Returned are :class:`Runs`,
        whose members are, bit for bit, what each seed gives alone.
    workers : int, optional
        How many of these are made at a time; as many as there are cores by default. Functions that are given
        (``until``, ``observe``) are then called from several threads.
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
        the run with status "diverged". Either way it ends at the last finite step. Of several seeds no other is begun
        when one raises; the error says which it is, and its ``runs`` has all that were.
    progress : bool
        Show a progress bar, over seeds one that counts runs.
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
    Runs
        With ``seeds``. Ctrl-C returns those that have ended, and those being made as interrupted ones.

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
    chosen, workers = _chosen(seed, seeds, workers, own)
    system.check_keywords(own)
    if draw is not None:
        own["draw"] = draw
    if isinstance(observe, str):
        own["observe"], observe = observe, None
        system.check_keywords(own)
    if engine is not None or "engine" in system.keywords():
        own["engine"] = system.engine(engine)
    check_common(until, on_failure, progress)
    finish = _finishing(for_check, own)
    plan = record_steps(0, steps, record_every, record_at,
                        lambda start, end: system.usual_records(start, end, problem, None),
                        system.record_bytes(problem))

    def trained(seed: int, shown: bool) -> Run:
        watching = observers(observe, observe_every, plan.steps, system.observables)
        with blas.single_threaded():
            stepper = system.start(problem, algorithm, steps, seed, **own)
            started = perf_counter()
            ending = march(stepper, steps, plan, watching, until, shown)
            stepper.timings["solve"] = perf_counter() - started
            return stepper.result(ending)

    if seeds is None:
        return finish(settled(trained(seed, progress), on_failure))
    return over_seeds(lambda seed: _finished(trained(seed, False), finish), chosen, workers, on_failure, progress)


def _chosen(seed: int, seeds: Any, workers: Any, own: Mapping[str, Any]) -> tuple[list[int], int]:
    """The seeds, and how many runs at a time."""
    if seeds is None:
        if workers is not None:
            raise ValueError(f"workers={workers!r}: must be left out without seeds=, a single run has one")
        return [seed], 1
    if seed:
        raise ValueError(f"seed={seed!r}: must be left out with seeds={seeds!r}, give only one of them")
    return seeds_of(seeds), workers_of(workers, own.get("threads"))


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


def _finished(run: Run, finish: Finish) -> Run:
    """With what ``for_check`` adds, if it comes to its end; else the run that there is."""
    try:
        return finish(run)
    except KeyboardInterrupt:
        return run
