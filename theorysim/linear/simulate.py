"""simulate_linear(): train a two-layer linear network of any width."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from theorysim.core import blas, validate
from theorysim.linear.draw import LinearDraw, fitting
from theorysim.linear.problem import LinearNetwork, LinearSGD
from theorysim.linear.run import LinearRun, joined
from theorysim.linear.stepper import Training, Until
from theorysim.linear.watch import recorded
from theorysim.core.status import DivergenceError, Status

ENGINES = ("width-free", "explicit")
FOLLOWED = 100  # neurons, unless asked otherwise


def simulate_linear(
    problem: LinearNetwork,
    algorithm: LinearSGD,
    steps: int,
    seed: int = 0,
    *,
    engine: str = "width-free",
    draw: LinearDraw | None = None,
    neurons: int | None = None,
    record_at: Iterable[int] | None = None,
    until: Until | None = None,
    on_failure: str = "raise",
    progress: bool = False,
) -> LinearRun:
    """Train, exactly, at a cost that does not depend on the width.

    M ← M(I − ηS_v) on M = [W | a] (Zhang et al. 2026; that M may have d + 1 rows is derived).

    Parameters
    ----------
    problem : LinearNetwork
    algorithm : LinearSGD
    steps : int
    seed : int
        Determines inputs, target, initial weights, batches and label noise. Random numbers of step t depend on t
        alone.
    engine : {"width-free", "explicit"}
        Evolve the square root of Q = MᵀM, (d+1)×(d+1), or the m neurons themselves: the oracle.
    draw : LinearDraw, optional
        Data and initial network given instead of drawn.
    neurons : int, optional
        Neurons to follow exactly, min(width, 100) by default: for cosines and for the times of leaving.
    record_at : iterable of int, optional
        Steps whose state to keep; by default about 200, evenly in the logarithm. The first and last are always kept.
        Observables are taken besides at every step up to 128 and then at steps at most 1.5% apart.
    until : function, optional
        Of the observables of a watched step, by name, and "step": True ends the run there.
    on_failure : {"raise", "return"}
        What to do when the network overflows: raise :class:`DivergenceError`, which has the run as ``.run``, or return
        it with status "diverged" and a message that names the stability limit.
    progress : bool
        Show a progress bar.

    Returns
    -------
    LinearRun
        Ctrl-C returns the run so far.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """
    validate.instance("problem", problem, (LinearNetwork,))
    validate.instance("algorithm", algorithm, (LinearSGD,))
    steps, seed = validate.integer("steps", steps, 0), validate.integer("seed", seed, 0)
    validate.choice("engine", engine, ENGINES)
    _check_options(until, on_failure, progress)
    followed = validate.integer("neurons", min(problem.width, FOLLOWED) if neurons is None else neurons, 0,
                                 problem.width)
    wanted = recorded(0, steps, record_at)
    with blas.single_threaded():
        drawn = LinearDraw.from_problem(problem, seed, followed) if draw is None else fitting(draw, problem)
        if engine == "explicit" and drawn.neurons < problem.width:
            raise ValueError(f"engine='explicit': width={problem.width} is too large to have its neurons drawn one by "
                             "one; must be such that width·(d + 1) <= 1e6, or give the network as draw=")
        if engine == "explicit":
            start, combination = drawn.rows.copy(), np.eye(followed, problem.width)
        else:
            start, combination = drawn.square_root()
        training = Training(
            problem, algorithm, drawn, seed, engine, rows=start, step=0, combination=combination[:followed],
            leaving=np.full(followed, np.nan),
        )
        return _settle(training.run(steps, wanted, until, progress), on_failure)


def resume_linear(
    run: LinearRun, steps: int, *, record_at: Iterable[int] | None = None, until: Until | None = None,
    on_failure: str = "raise", progress: bool = False,
) -> LinearRun:
    """Continue a run by more steps; the numbers are those of a run that had never stopped, bit for bit.

    Parameters as of :func:`simulate_linear`; ``record_at`` counts from the start of the run.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed; also when the run has diverged.
    """
    validate.instance("run", run, (LinearRun,))
    steps = validate.integer("steps", steps, 0)
    _check_options(until, on_failure, progress)
    if run.status == Status.DIVERGED:
        raise ValueError(f"run has status {run.status!r}: {run.message}")
    end = run.steps + steps
    wanted = recorded(run.steps, end, record_at)
    with blas.single_threaded():
        training = Training(
            run.problem, run.algorithm, run.draw, run.seed, run.engine, rows=run.states[-1].copy(), step=run.steps,
            combination=run.combination, leaving=run.leaving.copy(),
        )
        return _settle(joined(run, training.run(end, wanted, until, progress)), on_failure)


def _check_options(until: Any, on_failure: Any, progress: Any) -> None:
    if until is not None:
        validate.function("until", until)
    validate.choice("on_failure", on_failure, ("raise", "return"))
    validate.flag("progress", progress)


def _settle(run: LinearRun, on_failure: str) -> LinearRun:
    if run.status == Status.DIVERGED and on_failure == "raise":
        raise DivergenceError(run)
    return run
