"""simulate_linear(): train a two-layer linear network of any width."""

from collections.abc import Iterable
from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theorysim import _validate, blas, interrupts, progress as bars
from theorysim.kernels.linear import evolve_linear
from theorysim.linear.problem import LinearNetwork, LinearSGD
from theorysim.linear.run import LinearRun
from theorysim.run import Status
from theorysim.seeds import Stream, generator

BLOCK = 4096  # steps whose random numbers are drawn at a time; part of the seed discipline
ENGINES = ("width-free", "explicit")
RECORDS = 200  # of the default, spaced evenly in log(1 + step)
LARGEST = 1e150  # of the second moments: beyond it the next step may overflow

Array = NDArray[np.float64]


def simulate_linear(
    problem: LinearNetwork,
    algorithm: LinearSGD,
    steps: int,
    seed: int = 0,
    *,
    engine: str = "width-free",
    neurons: int | None = None,
    record_at: Iterable[int] | None = None,
    arrays: tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike] | None = None,
    progress: bool = False,
) -> LinearRun:
    """Train, exactly, at a cost that does not depend on the width.

    Parameters
    ----------
    problem : LinearNetwork
    algorithm : LinearSGD
    steps : int
    seed : int
        Determines inputs, target, initial weights, batches and label noise. Random numbers of step t depend on t
        alone.
    engine : {"width-free", "explicit"}
        Evolve the square root of MᵀM, (d+1)×(d+1), or the m neurons themselves: the oracle.
    neurons : int, optional
        Neurons to follow, min(width, 100) by default.
    record_at : iterable of int, optional
        Steps to keep; by default about 200, evenly in the logarithm. The first and last are always kept.
    arrays : (inputs (n, d), target (d,), W (m, d), a (m,)), optional
        Everything given, nothing of it drawn.
    progress : bool
        Show a progress bar.

    Returns
    -------
    LinearRun
        Status "diverged" when the network overflows: the message names the stability limit. Ctrl-C returns the run so
        far.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """
    _validate.instance("problem", problem, (LinearNetwork,))
    _validate.instance("algorithm", algorithm, (LinearSGD,))
    steps, seed = _validate.integer("steps", steps, 0), _validate.integer("seed", seed, 0)
    _validate.choice("engine", engine, ENGINES)
    followed = _validate.integer("neurons", min(problem.width, 100) if neurons is None else neurons, 0, problem.width)
    wanted = _recorded(steps, record_at)
    started = perf_counter()
    with blas.single_threaded():
        inputs, target, start, chosen = _initial(problem, seed, engine, followed, arrays)
        outputs, rows = inputs @ target, start.copy()
        inverse = np.linalg.inv(start) if engine == "width-free" else None
        moments, kept, done = [start.T @ start], [chosen], [0]
        status, message = Status.COMPLETED, ""
        with bars.bar(steps, _validate.flag("progress", progress)) as bar, interrupts.postponed() as interrupted:
            step = 0
            while step < steps and status == Status.COMPLETED:
                stop = int(min((step // BLOCK + 1) * BLOCK, wanted[np.searchsorted(wanted, step, side="right")]))
                batch, noise = _random(problem, algorithm, seed, step, stop)
                with np.errstate(over="ignore", invalid="ignore"):
                    made = evolve_linear(rows, inputs, outputs, batch, noise, algorithm.lr, algorithm.sam_radius)
                    moment = rows.T @ rows
                if made < stop - step or not np.abs(moment).max() < LARGEST:
                    status, message = Status.DIVERGED, _divergence(problem, algorithm, step + made)
                    break
                bar.update(stop - step)
                step = stop
                if interrupted():
                    status, message = Status.INTERRUPTED, f"interrupted at step {step}"
                if step in wanted or status != Status.COMPLETED:
                    moments.append(moment)
                    kept.append(chosen @ (inverse @ rows) if inverse is not None else rows[:followed].copy())
                    done.append(step)
    return LinearRun(
        problem, algorithm, seed, engine, status, message, target, inputs, np.array(done), np.array(moments),
        np.array(kept), {"solve": perf_counter() - started},
    )


def _divergence(problem: LinearNetwork, algorithm: LinearSGD, step: int) -> str:
    return (f"the network overflows by step {step}; lower lr (now {algorithm.lr:g}) below 2d/((d+2)m) = "
            f"{problem.largest_stable_lr():.3g}, the stability limit at the start, or label_noise_std "
            f"(now {algorithm.label_noise_std:g})")


def _recorded(steps: int, at: Iterable[int] | None) -> NDArray[np.int64]:
    """The steps to keep."""
    if at is None:
        spaced = np.expm1(np.linspace(0, np.log1p(steps), RECORDS)).round()
        chosen = spaced.astype(np.int64)
    elif not isinstance(at, Iterable):
        raise TypeError(f"record_at={at!r}: must be a sequence of steps, not {type(at).__name__}")
    else:
        chosen = np.array([_validate.integer("record_at", step, 0, steps) for step in at], dtype=np.int64)
    return np.unique(np.concatenate([[0], chosen, [steps]])).astype(np.int64)


def _random(
    problem: LinearNetwork, algorithm: LinearSGD, seed: int, start: int, stop: int
) -> tuple[NDArray[np.int64], Array]:
    """Samples and label noise of steps start..stop−1, within one block."""
    number, first = start // BLOCK, start - start % BLOCK
    rng = generator(seed, Stream.LINEAR_STEPS, number)
    part = slice(start - first, stop - first)
    if algorithm.batch == "full":
        batch = np.broadcast_to(np.arange(problem.n), (stop - start, problem.n))
        signs = rng.integers(0, 2, size=(BLOCK, problem.n))[part]
    else:
        size = (BLOCK, int(algorithm.batch))
        batch = rng.integers(problem.n, size=size)[part]
        signs = rng.integers(0, 2, size=size)[part]
    scale = algorithm.label_noise_std * algorithm.noise_on(np.arange(start, stop))
    return np.ascontiguousarray(batch), scale[:, None] * (2.0 * signs - 1.0)


def _initial(
    problem: LinearNetwork, seed: int, engine: str, followed: int,
    arrays: tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike] | None,
) -> tuple[Array, Array, Array, Array]:
    """Inputs, target, the rows to evolve, and the neurons followed."""
    n, d, m = problem.n, problem.d, problem.width
    if arrays is not None:
        inputs = _validate.array("inputs", arrays[0], n, d)
        target = _validate.array("target", arrays[1], d)
        weights = _validate.array("W", arrays[2], m, d)
        rows = np.column_stack([weights, _validate.array("a", arrays[3], m)])
        start = rows if engine == "explicit" else np.linalg.cholesky(rows.T @ rows).T
        return inputs.copy(), target, np.ascontiguousarray(start), rows[:followed].copy()
    inputs = generator(seed, Stream.LINEAR_DATA).standard_normal((n, d))
    direction = generator(seed, Stream.LINEAR_DATA, 1).standard_normal(d)
    target = problem.target_norm * direction / np.linalg.norm(direction)
    scale = np.concatenate([np.full(d, 1 / np.sqrt(d)), [1 / np.sqrt(m)]])
    rng = generator(seed, Stream.LINEAR_WEIGHTS)
    some = rng.standard_normal((followed, d + 1)) * scale
    rest = m - followed
    if engine == "explicit":
        rows = np.concatenate([some, rng.standard_normal((rest, d + 1)) * scale])
        return inputs, target, rows, some
    # The other neurons only through their second moment, which is Wishart: Bartlett's triangle.
    others = rng.standard_normal((rest, d + 1)) if rest <= d + 1 else _triangle(rng, d + 1, rest)
    stacked = np.concatenate([some, others * scale])
    return inputs, target, np.ascontiguousarray(np.linalg.qr(stacked, mode="r")), some


def _triangle(rng: np.random.Generator, size: int, degrees: int) -> Array:
    """Upper triangle T with TᵀT Wishart of so many degrees of freedom."""
    triangle = np.triu(rng.standard_normal((size, size)), 1)
    triangle[np.diag_indices(size)] = np.sqrt(rng.chisquare(degrees - np.arange(size)))
    return triangle
