"""simulate_reweighting(): train with sample weights learned one step ahead, exactly."""

from collections.abc import Iterable
from dataclasses import replace
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theorysim.core import blas, interrupts, progress as bars, validate
from theorysim.reweighting.kernel import State
from theorysim.reweighting.draw import ReweightingDraw, draw_reweighting
from theorysim.reweighting.stepper import Engine, KernelEngine, Snapshot, make_rule
from theorysim.reweighting.problem import KernelReweighting, Reweighting
from theorysim.reweighting.run import SERIES, ReweightingRun
from theorysim.core.status import DivergenceError, Status
from theorysim.core.seeds import Stream, generator

BLOCK = 256  # steps whose mini-batches are drawn at a time; part of the seed discipline
RECORDS = 200  # of the default, spaced evenly in log(1 + step)

Array = NDArray[np.float64]


class March(NamedTuple):
    """What a stretch of steps gave."""

    rows: Array
    steps: list[int]
    snapshots: list[Snapshot]
    status: Status
    message: str


def simulate_reweighting(
    problem: KernelReweighting,
    algorithm: Reweighting,
    steps: int,
    seed: int = 0,
    *,
    record_at: Iterable[int] | None = None,
    draw: ReweightingDraw | None = None,
    weights: ArrayLike | None = None,
    on_failure: str = "raise",
    progress: bool = False,
) -> ReweightingRun:
    """Train in the space of outputs, f(0) = 0: O(n(n + 3m)) a step.

    Look-ahead û^v = f^v − ηK_vt(w∘u) − y^v with the old weights; g_i = (1/m) u_i (K_vtᵀ û^v)_i, which is
    −(1/η) ∂L_val/∂w_i; w ← clip_[0,1](w + βg); then f ← f − ηK(w∘u) with the new weights, on training, clean and
    test samples (Zhang et al., arXiv 2510.12209, made exact for a fixed kernel).

    Parameters
    ----------
    problem : KernelReweighting
    algorithm : Reweighting
    steps : int
    seed : int
        Determines data, flipped labels and clean mini-batches. Random numbers of step t depend on t alone.
    record_at : iterable of int, optional
        Steps to keep; by default about 200, evenly in the logarithm. The first and last are always kept.
    draw : ReweightingDraw, optional
        Everything given, nothing of it drawn; sizes as in the problem.
    weights : (n,) array in [0, 1], optional
        Initial weights one by one. With ``Reweighting(reweight=False)`` they stay.
    on_failure : {"raise", "return"}
        What to do when the outputs overflow: raise :class:`theorysim.DivergenceError`, which has the run as ``.run``,
        or return it with status "diverged" and a message that names the stability limit.
    progress : bool
        Show a progress bar.

    Returns
    -------
    ReweightingRun
        Ctrl-C returns the run so far.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """
    validate.choice("on_failure", on_failure, ("raise", "return"))
    started = perf_counter()
    steps, seed, draw, start = prepare(problem, algorithm, steps, seed, draw, weights)
    wanted = recorded(0, steps, record_at)
    with blas.single_threaded():
        lr, weight_lr = draw.learning_rates(algorithm)
        engine = KernelEngine(draw, make_rule(algorithm, lr, weight_lr), start)
        drawn = perf_counter()
        march = advance(engine, draw, algorithm, lr, seed, wanted, progress)
    timings = {"draw": drawn - started, "solve": perf_counter() - drawn}
    return settle(make_run(problem, algorithm, seed, "kernel", draw, (lr, weight_lr), march, timings), on_failure)


def resume_reweighting(
    run: ReweightingRun, steps: int, *, record_at: Iterable[int] | None = None, on_failure: str = "raise",
    progress: bool = False,
) -> ReweightingRun:
    """Make so many steps more; the numbers are those of one long run.

    Parameters
    ----------
    run : ReweightingRun
        Of a kernel, completed or interrupted.
    steps : int
    record_at : iterable of int, optional
        Steps to keep, counted from the start of the run, besides those kept already.
    on_failure : {"raise", "return"}
    progress : bool
        Show a progress bar.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """
    validate.instance("run", run, (ReweightingRun,))
    validate.choice("on_failure", on_failure, ("raise", "return"))
    steps, first = validate.integer("steps", steps, 0), run.steps
    if run.coefficients is None or run.status == Status.DIVERGED:
        raise ValueError(f"run={run!r}: must be the run of a kernel that did not diverge")
    wanted = recorded(first, first + steps, record_at)
    times = run.stage_times()
    reached = np.array([not np.isnan(times[name]) for name in ("t1", "t2")])
    state = State(np.concatenate([run.outputs[-1], run.clean_outputs[-1]]), run.weights[-1].copy(),
                  run.coefficients[-1].copy(), np.sign(run.gradients[0]), reached)
    started = perf_counter()
    with blas.single_threaded():
        rule = make_rule(run.algorithm, run.lr, run.weight_lr)
        engine = KernelEngine(run.draw, rule, state.weights, state)
        march = advance(engine, run.draw, run.algorithm, run.lr, run.seed, wanted, progress)
    timings = dict(run.timings) | {"solve": run.timings["solve"] + perf_counter() - started}
    more = make_run(run.problem, run.algorithm, run.seed, "kernel", run.draw, (run.lr, run.weight_lr), march, timings)
    names = ("steps_recorded", "outputs", "clean_outputs", "test_outputs", "weights", "gradients", "coefficients")
    joined: dict[str, Any] = {name: np.concatenate([getattr(run, name), getattr(more, name)[1:]]) for name in names}
    return settle(replace(more, series=np.concatenate([run.series, more.series[1:]]), **joined), on_failure)


def settle(run: ReweightingRun, on_failure: str) -> ReweightingRun:
    """The run, unless it diverged and that is to be raised."""
    if run.status == Status.DIVERGED and on_failure == "raise":
        raise DivergenceError(run)
    return run


def prepare(
    problem: KernelReweighting, algorithm: Reweighting, steps: int, seed: int, draw: ReweightingDraw | None,
    weights: ArrayLike | None,
) -> tuple[int, int, ReweightingDraw, Array]:
    """Arguments checked, the realisation, and the initial weights."""
    validate.instance("problem", problem, (KernelReweighting,))
    validate.instance("algorithm", algorithm, (Reweighting,))
    steps, seed = validate.integer("steps", steps, 0), validate.integer("seed", seed, 0)
    if algorithm.clean_batch is not None:
        validate.integer("clean_batch", algorithm.clean_batch, 1, problem.clean)
    if draw is None:
        draw = draw_reweighting(problem, seed)
    else:
        validate.instance("draw", draw, (ReweightingDraw,))
        if (draw.n, draw.m) != (problem.n, problem.clean):
            raise ValueError(f"draw: has n={draw.n}, clean={draw.m}, must have n={problem.n}, "
                             f"clean={problem.clean} as the problem")
    if weights is None:
        return steps, seed, draw, np.full(problem.n, algorithm.initial_weight)
    start = validate.array("weights", weights, problem.n)
    wrong = (start < 0) | (start > 1)
    if wrong.any():
        where = int(np.argmax(wrong))
        raise ValueError(f"weights[{where}]={start[where]:g}: must be in [0, 1]")
    return steps, seed, draw, start


def recorded(first: int, last: int, at: Iterable[int] | None) -> NDArray[np.int64]:
    """The steps to keep, first and last among them."""
    if at is None:
        chosen = np.expm1(np.linspace(np.log1p(first), np.log1p(last), RECORDS)).round().astype(np.int64)
    elif not isinstance(at, Iterable):
        raise TypeError(f"record_at={at!r}: must be a sequence of steps, not {type(at).__name__}")
    else:
        chosen = np.array([validate.integer("record_at", step, first, last) for step in at], dtype=np.int64)
    return np.unique(np.concatenate([[first], chosen, [last]])).astype(np.int64)


def advance(
    engine: Engine, draw: ReweightingDraw, algorithm: Reweighting, lr: float, seed: int,
    wanted: NDArray[np.int64], progress: bool,
) -> March:
    """From the first to the last step wanted, in pieces that end at wanted steps and at blocks of mini-batches."""
    first, last = int(wanted[0]), int(wanted[-1])
    rows = np.empty((last - first + 1, len(SERIES)))
    steps, snapshots, step = [first], [engine.observe(rows[0])], first
    status, message = Status.COMPLETED, ""
    with bars.bar(last - first, validate.flag("progress", progress)) as bar, interrupts.postponed() as interrupted:
        while step < last and status == Status.COMPLETED:
            stop = int(min((step // BLOCK + 1) * BLOCK, wanted[np.searchsorted(wanted, step, side="right")]))
            chosen = batches(draw.m, algorithm.clean_batch, seed, step, stop)
            made = engine.advance(chosen, step, rows[step - first:stop - first])
            bar.update(made)
            if made < stop - step:
                status, message = Status.DIVERGED, _divergence(draw, lr, step + made + 1)
            elif interrupted():
                status, message = Status.INTERRUPTED, f"interrupted at step {stop}"
            step += made
            if step > steps[-1] and (step in wanted or status != Status.COMPLETED):
                snapshots.append(engine.observe(rows[step - first]))
                steps.append(step)
    return March(rows[: step - first + 1], steps, snapshots, status, message)


def batches(m: int, size: int | None, seed: int, start: int, stop: int) -> NDArray[np.int64]:
    """Clean samples of steps start..stop−1 of one block, (steps, size), without replacement; (steps, 0) for all."""
    if size is None:
        return np.empty((stop - start, 0), dtype=np.int64)
    order = generator(seed, Stream.REWEIGHTING_BATCHES, start // BLOCK).random((BLOCK, m)).argsort(axis=1)
    return np.ascontiguousarray(order[start % BLOCK : start % BLOCK + stop - start, :size])


def make_run(
    problem: KernelReweighting, algorithm: Reweighting, seed: int, engine: str, draw: ReweightingDraw,
    rates: tuple[float, float], march: March, timings: dict[str, float], network: tuple[Array, Array] | None = None,
) -> ReweightingRun:
    """The run of what a march has gathered."""
    outputs, test, weights, gradients = (np.array([one[k] for one in march.snapshots]) for k in range(4))
    kept = [one.coefficients for one in march.snapshots if one.coefficients is not None]
    stopped_at = {Status.DIVERGED: march.steps[-1] + 1, Status.INTERRUPTED: march.steps[-1]}.get(march.status)
    return ReweightingRun(
        problem, algorithm, seed, engine, march.status, march.message, stopped_at, draw, *rates, march.rows,
        np.array(march.steps, dtype=np.int64), outputs[:, : draw.n].copy(), outputs[:, draw.n:].copy(), test,
        weights, gradients, np.array(kept) if kept else None, network, timings,
    )


def _divergence(draw: ReweightingDraw, lr: float, step: int) -> str:
    limit = 2 / draw.largest_eigenvalue()
    return (f"the outputs overflow at step {step}; lower lr (now {lr:.3g}) below 2/λ_max = {limit:.3g}: a fixed "
            "kernel is stable for η·λ_max < 2, whatever the weights in [0, 1]")
