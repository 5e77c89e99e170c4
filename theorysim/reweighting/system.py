"""Sample reweighting as a system: how it starts and goes on, and what is seen of it."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theorysim.core import validate
from theorysim.core.recording import Steps, evenly
from theorysim.core.system import OVERHEAD, System, geometric
from theorysim.reweighting.algorithm import Reweighting
from theorysim.reweighting.data import GENERATED_TESTS, Digits, LabelledArrays, SignalNoiseImages
from theorysim.reweighting.doubts import doubts
from theorysim.reweighting.draw import ReweightingDraw, draw_reweighting
from theorysim.reweighting.former import unpack
from theorysim.reweighting.kernel import State
from theorysim.reweighting.network import Moving, NetworkStepper, Parameters
from theorysim.reweighting.observables import REWEIGHTING_OBSERVABLES
from theorysim.reweighting.options import OPTIONS
from theorysim.reweighting.picture import phases
from theorysim.reweighting.problem import KernelReweighting
from theorysim.reweighting.run import ReweightingRun, seams
from theorysim.reweighting.stepper import KernelStepper, ReweightingStepper

Array = NDArray[np.float64]


def _entries(name: str) -> Callable[[ReweightingRun, int], Array]:
    return lambda run, place: getattr(run, name)[place]


QUANTITIES = {name: _entries(name) for name in ("outputs", "clean_outputs", "test_outputs", "weights", "gradients",
                                                "clean_residuals", "flip_margins")}


def start(
    problem: KernelReweighting, algorithm: Reweighting, _steps: int, seed: int, *, engine: str = "kernel",
    draw: ReweightingDraw | None = None, weights: ArrayLike | None = None, width: int | None = None,
    parameters: tuple[ArrayLike, ArrayLike] | None = None,
) -> ReweightingStepper:
    """Train in the space of outputs from f(0) = 0, O(n(n + 3m)) a step, or an explicit ReLU network beside it.

    Look-ahead û^v = f^v − ηK_vt(w∘u) − y^v with the old weights; g_i = (1/m) u_i (K_vtᵀ û^v)_i, which is
    −(1/η) ∂L_val/∂w_i; w ← clip_[0,1](w + βg); then f ← f − ηK(w∘u) with the new weights, on training, clean and
    test samples (Zhang et al., arXiv 2510.12209, made exact for a fixed kernel). As the width grows the run of a
    network approaches that of the kernel "ntk"; η and β are those of the kernel run, and the fixed kernel of the draw
    serves for the flip margins only.

    Parameters
    ----------
    problem : KernelReweighting
        For a network with kernel "ntk" and no proxy kernel.
    algorithm : Reweighting
    seed : int
        Determines data, flipped labels and clean mini-batches. Random numbers of step t depend on t alone.
    engine : {"kernel", "network"}
    draw : ReweightingDraw, optional
        Everything given, nothing of it drawn; sizes as in the problem. For a network with ``inputs``.
    weights : (n,) array in [0, 1], optional
        Initial weights one by one. With ``Reweighting(reweight=False)`` they stay.
    width : int
        Of a network: neurons M, even.
    parameters : (W (M, d), a (M,)), optional
        Of a network: initial weights; drawn with W and a antisymmetric by default, so that f(0) = 0.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """
    started = perf_counter()
    _check(problem, algorithm, draw)
    first = _initial_weights(problem, algorithm, weights)
    _check_network(problem, engine, draw, width, parameters)
    draw = draw_reweighting(problem, seed) if draw is None else draw
    rates = draw.learning_rates(algorithm)
    stepper: ReweightingStepper
    if engine == "kernel":
        stepper = KernelStepper(problem, algorithm, draw, seed, rates, first)
    else:
        network = _network(draw, int(width or 0), parameters, seed)
        stepper = NetworkStepper(problem, algorithm, draw, seed, rates, (network, first))
    stepper.timings["draw"] = perf_counter() - started
    return stepper


def proceed(run: ReweightingRun, _end: int) -> ReweightingStepper:
    """At the end of a run; what the weights waited for has happened if it has happened in the run."""
    times = run.stage_times()
    reached = ~np.isnan([times.t1, times.t2])
    outputs = np.concatenate([run.outputs[-1], run.clean_outputs[-1]])
    signs, rates = np.sign(run.gradients[0]), (run.lr, run.weight_lr)
    if run.network is not None:
        moving = Moving(Parameters(*run.network), outputs, run.weights[-1], signs, reached)
        return NetworkStepper(run.problem, run.algorithm, run.draw, run.seed, rates, moving, run.steps)
    assert run.coefficients is not None
    state = State(outputs, run.weights[-1].copy(), run.coefficients[-1].copy(), signs, reached)
    return KernelStepper(run.problem, run.algorithm, run.draw, run.seed, rates, state, run.steps)


def usual_records(begin: int, end: int, _problem: Any, run: ReweightingRun | None) -> tuple[int | None, Steps]:
    """About 200 records, evenly spaced in log(1 + step); those of a run that is continued go on as they were spaced."""
    every = None if run is None else run.record_every
    return every, geometric(begin, end) if every is None else evenly(begin, end, every)


def record_bytes(problem: KernelReweighting) -> int:
    """Outputs, weights, g and c, for at most so many test samples."""
    test = GENERATED_TESTS if problem.test is None else problem.test
    return 8 * (4 * problem.n + problem.clean + test)


def economy(needs: str) -> dict[str, Any]:
    """Times need the series alone, and other measures the last record."""
    return {} if needs == "all" else {"record_at": ()}


def cost(problem: KernelReweighting, _algorithm: Reweighting, steps: int) -> float:
    """Three products a step, and the largest eigenvalue."""
    return OVERHEAD + problem.n**3 + steps * 2.0 * problem.n * (problem.n + 3 * problem.clean)


def _check(problem: KernelReweighting, algorithm: Reweighting, draw: ReweightingDraw | None) -> None:
    validate.instance("algorithm", algorithm, (Reweighting,))
    if algorithm.clean_batch is not None:
        validate.integer("clean_batch", algorithm.clean_batch, 1, problem.clean)
    if draw is None:
        return
    validate.instance("draw", draw, (ReweightingDraw,))
    if (draw.n, draw.clean) != (problem.n, problem.clean):
        raise ValueError(f"draw: has n={draw.n}, clean={draw.clean}, must have n={problem.n}, clean={problem.clean} "
                         "as the problem")


def _initial_weights(problem: KernelReweighting, algorithm: Reweighting, given: ArrayLike | None) -> Array:
    if given is None:
        return np.full(problem.n, algorithm.initial_weight)
    weights = validate.array("weights", given, problem.n)
    wrong = (weights < 0) | (weights > 1)
    if wrong.any():
        where = int(np.argmax(wrong))
        raise ValueError(f"weights[{where}]={weights[where]:g}: must be in [0, 1]")
    return weights


def _check_network(
    problem: KernelReweighting, engine: str, draw: ReweightingDraw | None, width: int | None, parameters: Any
) -> None:
    """What only one of the engines has, before anything is drawn."""
    if engine == "kernel":
        for name, value in (("width", width), ("parameters", parameters)):
            if value is not None:
                given = f"={value!r}" if name == "width" else ""
                raise ValueError(f'{name}{given}: is of an explicit network; give engine="network" with it')
        return
    if width is None:
        raise ValueError('width=None: engine="network" needs a number of neurons, an even one')
    if validate.integer("width", width, 2) % 2:
        raise ValueError(f"width={width}: must be even")
    if problem.kernel != "ntk" or problem.proxy_kernel not in (None, "ntk"):
        raise ValueError(f"kernel={problem.kernel!r}, proxy_kernel={problem.proxy_kernel!r}: must be 'ntk' and None, "
                         "the limit of the network")
    if draw is not None and draw.inputs is None:
        raise ValueError("draw: must have inputs for the network to see")


def _network(
    draw: ReweightingDraw, width: int, parameters: tuple[ArrayLike, ArrayLike] | None, seed: int
) -> Parameters:
    d = np.asarray(draw.inputs).shape[1]
    if parameters is None:
        return Parameters.antisymmetric(width, d, seed)
    if not isinstance(parameters, tuple | list) or len(parameters) != 2:
        raise TypeError(f"parameters: must be a pair of arrays, W ({width}, {d}) and a ({width},)")
    return Parameters(validate.array("parameters[0]", parameters[0], width, d),
                      validate.array("parameters[1]", parameters[1], width))


def _again(run: ReweightingRun) -> dict[str, Any]:
    """With its initial weights; a network as drawn from the seed."""
    if run.looked_at.size:
        raise ValueError("run: has observables of one's own between its records, and cannot be made again")
    network = {} if run.network is None else {"width": len(run.network[1])}
    return {"draw": run.draw, "weights": run.weights[0]} | network


def _settings() -> Any:
    from theorysim.reweighting import strategies  # needs Hypothesis, which a simulation does not

    return strategies.settings()


REWEIGHTING = System(
    name="reweighting", problems=(KernelReweighting,), algorithms=(Reweighting,), run=ReweightingRun,
    types=(ReweightingDraw, SignalNoiseImages, Digits, LabelledArrays), start=start, proceed=proceed,
    engines=("kernel", "network"), observables=REWEIGHTING_OBSERVABLES, usual_records=usual_records,
    record_bytes=record_bytes, seams=seams, times=("t_pol", "t1", "t2"), quantities=QUANTITIES,
    usual=("test_accuracy", "auc"),
    economy=economy, cost=cost, numerics=2, picture=phases, options=OPTIONS, doubts=doubts, former=unpack,
    strategies=_settings, again=_again,
)
