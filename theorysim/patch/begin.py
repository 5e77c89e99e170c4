"""How a training of the patch network begins, and how it goes on from the end of a run."""

from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theorysim.core import validate
from theorysim.core.rows import Rows
from theorysim.core.system import even_seams
from theorysim.patch import schedules
from theorysim.patch.activation import LOSSES
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.draw import FORMS, NO_WISHART, Draw, has_wishart_form
from theorysim.patch.fits import check_fits
from theorysim.patch.guard import guard_of, pending
from theorysim.patch.held import Held
from theorysim.patch.kernels import layout
from theorysim.patch.label_noise import noise_source
from theorysim.patch.model_draw import check_gram
from theorysim.patch.patch_data import PatchData
from theorysim.patch.observables import OBSERVABLES
from theorysim.patch.other_data import carried
from theorysim.patch.per_step import StepSource
from theorysim.patch.phases import Phase, check_next
from theorysim.patch.policy import BestValidation, EarlyStopping, OracleSelection, Policy, SmallLossSelection
from theorysim.patch.patch_model import PatchModel
from theorysim.patch.problem import Problem, SignalNoise
from theorysim.patch.run import PatchRun
from theorysim.patch.stepper import NOT_ALL, PatchStepper

ENGINES = ("coefficients", "weights", "paired", "auto")
PRECISIONS: dict[str, "Real"] = {"double": np.float64, "single": np.float32}
OBSERVE = ("all", "outputs")
PROBLEMS = (SignalNoise, PatchData, PatchModel)
MOST_THREADS = 1024
MAX_ROW_BYTES = 2**34  # largest table of observables

Real = type[np.floating[Any]]  # float64 or float32


def start(
    problem: Problem, algorithm: GradientDescent, steps: int, seed: int, *, engine: str = "coefficients",
    draw: str | Draw = "auto", label_noise: ArrayLike | None = None, policy: Policy | None = None,
    precision: str = "double", observe: str = "all", observables_every: int = 1, threads: int = 1,
) -> PatchStepper:
    """The initial state; keywords as of :func:`theorysim.simulate`."""
    validate.choice("precision", precision, tuple(PRECISIONS))
    validate.choice("observe", observe, OBSERVE)
    every = validate.integer("observables_every", observables_every, 1)
    threads = validate.integer("threads", threads, 1, MOST_THREADS)
    if observe == "outputs" and policy is not None:
        raise ValueError(NOT_ALL)
    if precision == "single" and engine != "coefficients":
        raise ValueError(f"precision={precision!r}: must be 'double' with engine={engine!r}, an oracle")
    _check_rows(steps, steps // every)
    validate.instance("draw", draw, (str, Draw))
    if isinstance(draw, str):
        validate.choice("draw", draw, FORMS)
        if draw == "wishart" and not has_wishart_form(problem):
            raise ValueError(f"draw={draw!r}: {NO_WISHART}")
    if policy is not None:
        validate.instance("policy", policy, (EarlyStopping, SmallLossSelection, OracleSelection))
    if engine in ("coefficients", "paired"):
        check_gram(problem.n, problem.atoms)
    _check_schedules(algorithm, steps)
    noise = noise_source(algorithm.label_noise, problem.n, 0, steps, label_noise, seed)
    started = perf_counter()
    drawn = Draw.from_problem(problem, seed, draw) if isinstance(draw, str) else draw
    check_fits(drawn, problem)
    real = PRECISIONS[precision]
    if real is np.float32:
        largest = max(np.abs(drawn.gram).max(), np.abs(drawn.inner).max())
        if largest > np.finfo(real).max:
            raise ValueError(f"precision='single': inner products are as large as {largest:.3g}; use 'double'")
    if engine == "auto":
        engine = "weights" if 2 * drawn.vectors.shape[1] < len(drawn.vectors) else "coefficients"
    if algorithm.clients > drawn.n:
        raise ValueError(f"clients={algorithm.clients}: must be an integer in [1, {drawn.n}], so that each has one")
    if algorithm.clients > 1 and engine != "coefficients":
        raise ValueError(f"engine={engine!r}: must be 'coefficients' with clients={algorithm.clients}")
    dimensions = _off_dimensions(problem, drawn)
    if algorithm.weight_noise and dimensions and getattr(problem, "bias", 0):
        raise ValueError(f"weight_noise={algorithm.weight_noise!r}: with a bias must be 0, or draw='vectors'")
    if algorithm.weight_noise and dimensions and isinstance(getattr(policy, "at", None), BestValidation):
        raise ValueError(f"weight_noise={algorithm.weight_noise!r}: with policy={policy!r} must be 0, or "
                         "draw='vectors': its held-out set has no coordinates off those of the draw")
    held = Held.first(drawn, algorithm, engine, problem.second_layer(drawn.m), real, dimensions)
    stepper = PatchStepper(
        problem, algorithm, drawn, seed, engine, 0,
        kernel_data(drawn, problem, algorithm, engine, real, observe == "all"), held,
        StepSource(algorithm, noise, seed, drawn, dimensions, problem.reduction == "mean"),
        Rows(len(OBSERVABLES), every, steps // every + 1),
    )
    stepper.threads = threads
    stepper.policy, stepper.guard = policy, guard_of(policy, problem, drawn, seed)
    stepper.timings["draw"] = perf_counter() - started
    stepper.begin()
    return stepper


def proceed(
    run: PatchRun, end: int, *, algorithm: GradientDescent | None = None, label_noise: ArrayLike | None = None,
    problem: Problem | None = None, draw: Draw | None = None, observe: str | None = None,
) -> PatchStepper:
    """The state at the end of a run; keywords as of :func:`theorysim.resume`."""
    watched = validate.choice("observe", run.observe if observe is None else observe, OBSERVE) == "all"
    if problem is not None or draw is not None:
        return _with_other_data(run, end, algorithm or run.algorithm, label_noise, problem or run.problem, draw,
                                watched)
    if not watched and run.policy is not None:
        raise ValueError(NOT_ALL)
    return _same_data(run, end, algorithm, label_noise, watched)


def _with_other_data(
    run: PatchRun, end: int, algorithm: GradientDescent, label_noise: ArrayLike | None, problem: Problem,
    draw: Draw | None, watched: bool,
) -> PatchStepper:
    """A run of its own, which begins with the weights and at the step that another ended with."""
    first, every = run.steps, run.observables_every
    _check_rows(end - first, end // every)
    validate.instance("algorithm", algorithm, (GradientDescent,))
    validate.instance("problem", problem, PROBLEMS)
    if draw is None:
        draw = Draw.from_problem(problem, run.seed, "vectors")
    validate.instance("draw", draw, (Draw,))
    if algorithm.weight_noise:
        raise ValueError(f"weight_noise={algorithm.weight_noise!r}: must be 0 with other data, closed but not built")
    _check_schedules(algorithm, end - first)
    noise = noise_source(algorithm.label_noise, problem.n, first, end - first, label_noise, run.seed, first)
    started, (draw, coefficients) = perf_counter(), carried(run, problem, draw)
    held = Held.first(draw, algorithm, run.engine, run.readouts[-1], run.inner.dtype, 0)
    for state in (held.now, held.explicit, *held.clients):
        if state is not None:
            state.coef[:], state.inner[:] = coefficients, draw.products_from(coefficients)
    if held.weights is not None:
        held.weights[:] = draw.weights_from(coefficients)
    stepper = PatchStepper(
        problem, algorithm, draw, run.seed, run.engine, first,
        kernel_data(draw, problem, algorithm, run.engine, run.inner.dtype.type, watched), held,
        StepSource(algorithm, noise, run.seed, draw, 0, problem.reduction == "mean", first),
        Rows(len(OBSERVABLES), every, (end - first) // every + 1),
    )
    stepper.phases, stepper.threads = (*run.phases, Phase(run.algorithm, first)), run.threads
    stepper.timings["draw"] = perf_counter() - started
    stepper.begin()
    return stepper


def _same_data(
    run: PatchRun, end: int, algorithm: GradientDescent | None, label_noise: ArrayLike | None, watched: bool
) -> PatchStepper:
    first, every, problem, draw = run.steps, run.observables_every, run.problem, run.draw
    _check_rows(end - first, end // every)
    if algorithm is not None:
        validate.instance("algorithm", algorithm, (GradientDescent,))
    same = algorithm is None or algorithm == run.algorithm
    if run.given_label_noise and label_noise is None and same:
        shape = (end - first, draw.n)
        raise ValueError(f"label_noise=None: the run was given its multipliers, so must be an array of {shape} more")
    dimensions = _off_dimensions(problem, draw)
    held = held_at_end(run, dimensions)
    phases = run.phases
    if algorithm is None or same:
        algorithm = run.algorithm
    else:
        if run.best is not None:
            raise ValueError(f"algorithm={algorithm!r}: must be the run's own, {run.algorithm!r}, while its policy "
                             "still looks for the best step; resume(run, 0) ends it there")
        check_next(algorithm, run.drifts is not None)
        held, phases = held.under(algorithm, draw, run.engine, dimensions), (*phases, Phase(run.algorithm, first))
    began = phases[-1].end if phases else 0
    _check_schedules(algorithm, end - began)
    noise = noise_source(algorithm.label_noise, problem.n, first, end - first, label_noise, run.seed, began)
    stepper = PatchStepper(
        problem, algorithm, draw, run.seed, run.engine, first,
        kernel_data(draw, problem, algorithm, run.engine, run.inner.dtype.type, watched), held,
        StepSource(algorithm, noise, run.seed, draw, dimensions, problem.reduction == "mean", began),
        Rows(len(OBSERVABLES), every, (end - first) // every + 1),
    )
    stepper.policy, stepper.phases, stepper.threads = run.policy, phases, run.threads
    stepper.guard = guard_of(pending(run), problem, draw, run.seed, run)
    stepper.obey(stepper.guard.selection)
    stepper.begin()
    return stepper


def held_at_end(run: PatchRun, dimensions: int) -> Held:
    """What a run was at its end; files of before there were other rules have only z, b and the weights."""
    arrays = (run.inner, run.coefficients[-1], *run.beside)
    if run.beside:
        return Held.of(arrays, run.weights)
    held = Held.first(run.draw, run.algorithm, run.engine, run.readouts[-1], run.inner.dtype, dimensions)
    for state in (held.now, held.explicit):
        if state is not None:
            state.inner[:], state.coef[:] = arrays
    return held._replace(weights=None if run.weights is None else run.weights.copy())


def seams(run: PatchRun) -> tuple[bool, bool]:
    """Whether the last record and the last row of a run that is continued are of the whole."""
    record, _ = even_seams(run)
    return record, record or run.steps % run.observables_every == 0


def _check_rows(steps: int, rows: int) -> None:
    size = 8 * len(OBSERVABLES) * (rows + 1)
    if size > MAX_ROW_BYTES:
        raise ValueError(f"steps={steps}: the observables of every step would take {size / 2**30:.3g} GiB; at most "
                         f"{MAX_ROW_BYTES / 2**30:g} GiB is allowed; keep fewer with observables_every=")


def _check_schedules(algorithm: GradientDescent, steps: int) -> None:
    for name in ("lr", "label_noise"):
        value = getattr(algorithm, name)
        if schedules.length(value) < steps:
            raise ValueError(f"{name}={value!r}: has values for {schedules.length(value)} steps, must have them for "
                             f"{steps}")


def _off_dimensions(problem: Problem, draw: Draw) -> int:
    """Dimensions of the weights that the draw has no coordinates for."""
    if isinstance(problem, PatchData):
        return 0
    beyond: int = problem.d - draw.vectors.shape[1] + bool(problem.bias)
    return beyond


def _awake(draw: Draw) -> NDArray[np.bool_]:
    """(2m, K) whether a filter of the owner's own branch is active on an atom at the start."""
    branch = np.repeat([1.0, -1.0], draw.m)[:, None]
    own = (draw.owner >= 0) & (branch == draw.observed_labels[draw.owner])
    awake: NDArray[np.bool_] = own & (draw.inner >= 0)
    return awake


def kernel_data(
    draw: Draw, problem: Problem, algorithm: GradientDescent, engine: str, real: Real, watched: bool
) -> layout.Data:
    """The draw as the kernel takes it: writable, contiguous arrays."""
    two_sided = np.zeros(len(draw.vectors), dtype=bool)
    two_sided[draw.atom[draw.sign < 0]] = True
    placed = engine != "coefficients" or algorithm.weight_noise > 0  # explicit weights have coordinates
    q, width = problem.sigma.numbers
    return layout.Data(
        gram=np.array(draw.gram if engine != "weights" else np.empty(layout.NOTHING), real, order="C"),
        norm_sq=draw.norm_sq.copy(),
        atom=np.array(draw.atom, order="C"),
        sign=np.array(draw.sign, order="C"),
        two_sided=two_sided,
        owner=np.array(draw.owner, order="C"),
        orientation=np.array(draw.orientation, order="C"),
        observed=np.array(draw.observed_labels, order="C"),
        noisy=draw.noisy,
        weight=np.ones(draw.n),
        awake=_awake(draw),
        watched=watched,
        vectors=np.array(draw.vectors if placed else np.empty(layout.NOTHING), real, order="C"),
        activation=problem.sigma.KIND,
        q=q,
        width=width,
        loss=LOSSES[problem.loss],
        divisor=float(draw.n) if problem.reduction == "mean" else 1.0,
    )
