"""simulate(): train one network on one draw; resume(): go on with it."""

from collections.abc import Iterable
from dataclasses import replace
from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theorysim.core import blas, validate
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.draw import FORMS, Draw
from theorysim.patch.guard import Until, guard_of
from theorysim.patch.label_noise import noise_source
from theorysim.patch.observables import OBSERVABLES
from theorysim.patch.patch_data import PatchData
from theorysim.patch.policy import BestValidation, EarlyStopping, OracleSelection, Policy, SmallLossSelection
from theorysim.patch.problem import Problem, SignalNoise
from theorysim.core.status import DivergenceError, Status
from theorysim.patch.run import Run
from theorysim.patch.stepper import Real, Simulation

ENGINES = ("coefficients", "weights", "paired")
PRECISIONS: dict[str, Real] = {"double": np.float64, "single": np.float32}
NUMERICS = 2  # raised when the same seed gives other numbers than before, be it by rounding
OBSERVE = ("all", "outputs")
RECORDS = 100  # kept by default
MAX_ROW_BYTES = 2**34  # largest table of observables
MAX_BYTES = 2**30  # largest record a run may keep


def simulate(
    problem: Problem,
    algorithm: GradientDescent,
    steps: int,
    seed: int = 0,
    *,
    engine: str = "coefficients",
    draw: str | Draw = "auto",
    label_noise: ArrayLike | None = None,
    policy: Policy | None = None,
    record_every: int | None = None,
    record_at: Iterable[int] | None = None,
    until: Until | None = None,
    observe: str = "all",
    precision: str = "double",
    on_failure: str = "raise",
    progress: bool = False,
) -> Run:
    r"""Train the patch network on one draw of the data, exactly.

    Parameters
    ----------
    problem : SignalNoise or PatchData
        Data distribution and network.
    algorithm : GradientDescent
        Learning rate and per-step label noise.
    steps : int
        Number of updates.
    seed : int
        Determines data, initial weights and label noise. Same seed, same numbers.
    engine : {"coefficients", "weights", "paired"}
        Evolve γ and ρ (cost independent of d), the explicit weights (the oracle), or both in
        lockstep, recording their largest deviation in ``run.deviation``.
    draw : {"auto", "vectors", "wishart"} or Draw
        The form in which to draw, or a realisation of your own (:meth:`Draw.from_arrays`).
    label_noise : (steps, n) array, optional
        Multipliers ε of every step, instead of drawing them from ``algorithm.label_noise``.
    policy : EarlyStopping, SmallLossSelection or OracleSelection, optional
        What is done during the run: when to stop, or which samples to go on training with. What it did is in
        ``run.selection``, ``run.validation`` and ``run.stopped_at``.
    record_every : int, optional
        Keep γ and ρ every so many steps; about 100 records by default.
    record_at : iterable of int, optional
        Keep them at these steps instead. First and last step are always kept.
    until : function, optional
        Called with a mapping from observable (and "step") to its values over consecutive steps; returns a
        boolean array of the same length. The run stops at the first True. It must judge each step by itself,
        e.g. ``lambda seen: seen["train_loss"] < 0.01``.
    observe : {"all", "outputs"}
        What to observe at every step. With "outputs" observables of coefficients are NaN but at some steps, the last
        one among them, which saves 5% of the time; stage times then cannot be told.
    precision : {"double", "single"}
        Of coefficients, inner products and the matrix product, where the time goes; data are drawn, and all
        else is summed, in double precision. Single takes about 0.6 of the time, agrees to some six digits, and
        has only the engine "coefficients".
    on_failure : {"raise", "return"}
        What to do when the state overflows: raise :class:`DivergenceError` (the run so far is
        its ``run``) or return the run with status "diverged".
    progress : bool
        Show a progress bar.

    Returns
    -------
    Run
        Ctrl-C returns the run so far with status "interrupted"; :func:`resume` continues it.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    DivergenceError
        See ``on_failure``.

    Notes
    -----
    The update (Huang et al. 2025, eqs. for γ and ρ; derived for any patch data) and the arrays are
    described in the documentation, "The exact reduction". Time is counted in steps.
    """
    validate.instance("problem", problem, (SignalNoise, PatchData))
    validate.instance("algorithm", algorithm, (GradientDescent,))
    steps = validate.integer("steps", steps, 0)
    seed = validate.integer("seed", seed, 0)
    validate.choice("engine", engine, ENGINES)
    validate.choice("precision", precision, tuple(PRECISIONS))
    validate.choice("observe", observe, OBSERVE)
    if observe == "outputs" and (until is not None or policy is not None):
        raise ValueError("observe='outputs': must be 'all' with until= or policy=, which look at every step")
    if precision == "single" and engine != "coefficients":
        raise ValueError(f"precision={precision!r}: must be 'double' with engine={engine!r}, an oracle")
    validate.choice("on_failure", on_failure, ("raise", "return"))
    validate.flag("progress", progress)
    if until is not None:
        validate.function("until", until)
    _check_rows(steps, steps)
    validate.instance("draw", draw, (str, Draw))
    if isinstance(draw, str):
        validate.choice("draw", draw, FORMS)
        if draw == "wishart" and not (isinstance(problem, SignalNoise) and problem.init_law == "normal"):
            raise ValueError(f"draw={draw!r}: only a SignalNoise with init_law='normal' has a Wishart form, use 'auto'")
    if policy is not None:
        validate.instance("policy", policy, (EarlyStopping, SmallLossSelection, OracleSelection))
    noise = noise_source(algorithm.label_noise, problem.n, 0, steps, label_noise, seed)
    every, wanted = _record_steps(0, steps, record_every, record_at, problem)

    with blas.single_threaded():
        started = perf_counter()
        realisation = Draw.from_problem(problem, seed, draw) if isinstance(draw, str) else draw
        realisation.check_against(problem)
        simulation = Simulation.start(
            problem, algorithm, realisation, engine, steps, PRECISIONS[precision], observe == "all")
        guard = guard_of(policy, problem, realisation, seed)
        drawn = perf_counter()
        simulation.compile()
        compiled = perf_counter()
        status, stopped_at = simulation.run(steps, wanted, noise, until, progress, guard)
        solved = perf_counter()
    timings = {"draw": drawn - started, "compile": compiled - drawn, "solve": solved - compiled}
    run = simulation.result(
        status, stopped_at, guard, seed=seed, record_every=every, given_label_noise=label_noise is not None,
        policy=policy, timings=timings,
    )
    return _settle(run, on_failure)


def resume(
    run: Run,
    steps: int,
    *,
    label_noise: ArrayLike | None = None,
    record_every: int | None = None,
    record_at: Iterable[int] | None = None,
    until: Until | None = None,
    on_failure: str = "raise",
    progress: bool = False,
) -> Run:
    """Continue a run by more steps; the result is the whole run, as if it had never stopped.

    Numbers equal those of a straight run bit for bit.

    Parameters
    ----------
    run : Run
        A run that completed, was interrupted or stopped. Its policy goes on too, unless it has ended the run.
    steps : int
        Number of further updates.
    label_noise : (steps, n) array
        Multipliers of the further steps, for a run that was given its own.
    record_every, record_at
        Which further steps to keep, as in :func:`simulate` and counted from the start of the run. By
        default records go on at the run's own spacing, or, if they were asked for one by one, only the
        end is kept. A last step that is off the run's spacing leaves the records.
    until, on_failure, progress
        As in :func:`simulate`.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed; also when the run has diverged, or was
        given label noise and ``label_noise`` is missing.
    DivergenceError
        See ``on_failure`` of :func:`simulate`.
    """
    validate.instance("run", run, (Run,))
    steps = validate.integer("steps", steps, 0)
    validate.choice("on_failure", on_failure, ("raise", "return"))
    validate.flag("progress", progress)
    if until is not None:
        validate.function("until", until)
    _check_rows(steps, run.steps + steps)
    if run.status == Status.DIVERGED:
        raise ValueError(f"run has status {run.status!r}: {run.message}")
    if run.given_label_noise and label_noise is None:
        shape = (steps, run.draw.n)
        raise ValueError(f"label_noise=None: the run was given its multipliers, so must be an array of {shape} more")
    if record_every is None and record_at is None:
        record_every, record_at = run.record_every, None if run.record_every else ()
    start, end = run.steps, run.steps + steps
    noise = noise_source(run.algorithm.label_noise, run.problem.n, start, steps, label_noise, run.seed)
    every, wanted = _record_steps(start, end, record_every, record_at, run.problem)
    with blas.single_threaded():
        simulation = Simulation.proceed(run, end)
        guard = guard_of(_pending(run), run.problem, run.draw, run.seed, run.selection)
        simulation.obey(guard.selection)
        started = perf_counter()
        status, stopped_at = simulation.run(end, wanted, noise, until, progress, guard)
        seconds = perf_counter() - started
    timings = dict(run.timings) | {"solve": run.timings.get("solve", 0.0) + seconds}
    longer = simulation.result(
        status, stopped_at, guard, seed=run.seed, record_every=every,
        given_label_noise=run.given_label_noise or label_noise is not None, policy=run.policy, timings=timings,
    )
    return _settle(_joined(run, longer), on_failure)


def _pending(run: Run) -> Policy | None:
    """The policy of a run as far as it is still to act (or has selected); one that has stopped the run is done."""
    policy = run.policy
    if not isinstance(policy, EarlyStopping):
        return policy
    if isinstance(policy.at, BestValidation):
        if run.status == Status.INTERRUPTED:
            raise ValueError(f"run: was interrupted while {policy} looked for the best step; simulate it again")
        return None
    seen = dict(zip(OBSERVABLES, run.rows.T, strict=True)) | {"step": np.arange(run.steps + 1.0)}
    return None if policy.at.met(seen).any() else policy


def _check_rows(steps: int, end: int) -> None:
    size = 8 * len(OBSERVABLES) * (end + 1)
    if size > MAX_ROW_BYTES:
        raise ValueError(f"steps={steps}: the observables of every step would take {size / 2**30:.3g} GiB; at most "
                         f"{MAX_ROW_BYTES / 2**30:g} GiB is allowed")


def _settle(run: Run, on_failure: str) -> Run:
    if run.status == Status.DIVERGED and on_failure == "raise":
        raise DivergenceError(run)
    return run


def _joined(before: Run, after: Run) -> Run:
    """One run from a run and its continuation, whose first record and row are the last of the former."""
    on_grid = before.record_every is None or before.steps % before.record_every == 0
    seam = 0 if on_grid or after.steps == 0 else 1  # the end of `before` is no record of the whole
    kept = len(before.steps_recorded) - 1
    return replace(
        after,
        rows=np.concatenate([before.rows[:-1], after.rows]),
        steps_recorded=np.concatenate([before.steps_recorded[:kept], after.steps_recorded[seam:]]),
        coefficients=np.concatenate([before.coefficients[:kept], after.coefficients[seam:]]),
        deviation=None if after.deviation is None else max(after.deviation, before.deviation or 0.0),
        validation=before.validation if after.validation is None else after.validation,
    )


def _record_steps(
    start: int,
    end: int,
    every: int | None,
    at: Iterable[int] | None,
    problem: Problem,
) -> tuple[int | None, NDArray[np.int64]]:
    """The spacing in force and the steps in [start, end] to keep, refusing more than MAX_BYTES."""
    bytes_each = 8 * 2 * problem.m * problem.atoms
    if every is not None and at is not None:
        raise ValueError(f"record_every={every!r} and record_at={at!r}: give only one of them")
    if at is not None:
        if not isinstance(at, Iterable):
            raise TypeError(f"record_at={at!r}: must be a sequence of steps, not {type(at).__name__}")
        chosen = np.array([validate.integer("record_at", step, start, end) for step in at], dtype=np.int64)
    else:
        if every is None:
            records = max(1, min(RECORDS, MAX_BYTES // bytes_each - 2))
            every = max(1, -(-(end - start) // records))
        every = validate.integer("record_every", every, 1)
        chosen = np.arange(-(-start // every) * every, end + 1, every)
    wanted = np.unique(np.concatenate([[start], chosen, [end]])).astype(np.int64)
    size = bytes_each * len(wanted)
    if size > MAX_BYTES:
        raise ValueError(
            f"{f'record_every={every}' if at is None else 'record_at'}: would keep {len(wanted)} records of "
            f"{bytes_each / 2**20:.3g} MiB, {size / 2**30:.3g} GiB in all; at most {MAX_BYTES / 2**30:g} GiB is "
            f"allowed, {MAX_BYTES // bytes_each} records"
        )
    return every, wanted
