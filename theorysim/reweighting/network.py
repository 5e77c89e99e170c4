"""An explicit two-layer ReLU network trained by the same bilevel rule: the oracle of the kernel limit.

f(x) = M^(−½) Σ_r a_r max(0, ⟨w_r, x⟩), all a_r and w_r trained, θ = (W, a). With u = f − y on the training samples:

    θ̂ = θ − η Σ_i w_i u_i ∇f_i(θ),  û_j = f^v_j(θ̂) − y^v_j,  L_val(w) = (1/m) Σ_j ½ û_j²,
    g_i = −(1/η) ∂L_val/∂w_i = u_i ⟨∇f_i(θ), (1/m) Σ_j û_j ∇f^v_j(θ̂)⟩,
    w ← clip_[0,1](w + βg),  θ ← θ − η Σ_i w_i u_i ∇f_i(θ) with the new weights.

The gradient through the step is exact: only its inner product with ∇f_i(θ) is needed, so no second derivative occurs.
"""

from collections.abc import Iterable
from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theorysim.core import blas, validate
from theorysim.reweighting.kernel import AT_T2, HALF, STEADY, Rule
from theorysim.reweighting.draw import ReweightingDraw
from theorysim.reweighting.stepper import Snapshot, make_rule
from theorysim.reweighting.problem import KernelReweighting, Reweighting
from theorysim.reweighting.run import ReweightingRun
from theorysim.reweighting.simulate import advance, make_run, prepare, recorded, settle
from theorysim.core.seeds import Stream, generator

LARGEST = 1e25  # of |f|; earlier than for a kernel, the parameters overflow too: g is of the order of |f| cubed

Array = NDArray[np.float64]


class Parameters(NamedTuple):
    """First layer W (M, d) and second layer a (M,)."""

    first: Array
    second: Array

    @classmethod
    def antisymmetric(cls, width: int, d: int, seed: int) -> "Parameters":
        """Standard normal; the second half of the neurons are the first with −a, so that f(0) = 0."""
        rng = generator(seed, Stream.REWEIGHTING_NETWORK)
        first, second = rng.standard_normal((width // 2, d)), rng.standard_normal(width // 2)
        return cls(np.concatenate([first, first]), np.concatenate([second, -second]))

    def outputs(self, inputs: Array) -> Array:
        """f on inputs (N, d), (N,)."""
        values: Array = np.maximum(inputs @ self.first.T, 0) @ self.second / np.sqrt(self.second.size)
        return values

    def gradient(self, inputs: Array, factors: Array) -> "Parameters":
        """Σ_i c_i ∇f_i."""
        inner, scale = inputs @ self.first.T, 1 / np.sqrt(self.second.size)
        first = ((inner > 0) * (factors[:, None] * self.second)).T @ inputs
        return Parameters(scale * first, scale * (np.maximum(inner, 0).T @ factors))

    def along(self, inputs: Array, direction: "Parameters") -> Array:
        """⟨∇f_i, direction⟩ for all i, (N,)."""
        inner = inputs @ self.first.T
        first = ((inner > 0) * (inputs @ direction.first.T)) @ self.second
        result: Array = (first + np.maximum(inner, 0) @ direction.second) / np.sqrt(self.second.size)
        return result

    def moved(self, direction: "Parameters", by: float) -> "Parameters":
        """θ + by · direction."""
        return Parameters(self.first + by * direction.first, self.second + by * direction.second)


class NetworkEngine:
    """Outputs of an explicit network.

    Parameters
    ----------
    draw : ReweightingDraw
        With inputs.
    rule : Rule
    weights : (n,) array
    network : Parameters
    """

    def __init__(self, draw: ReweightingDraw, rule: Rule, weights: Array, network: Parameters) -> None:
        inputs, n = np.asarray(draw.inputs), draw.n
        self.draw, self.rule, self.network, self.weights = draw, rule, network, weights.copy()
        self.inputs, self.clean, self.test = np.split(inputs, [n, n + draw.m])
        self.reached = np.zeros(2, dtype=bool)
        self.outputs = self._outputs()
        self.signs = np.sign(self.gradient(np.arange(draw.m)))

    def _outputs(self) -> Array:
        """f on training and clean samples, (n + m,)."""
        return np.concatenate([self.network.outputs(self.inputs), self.network.outputs(self.clean)])

    def residual(self) -> Array:
        """u, (n,)."""
        residual: Array = self.outputs[: self.draw.n] - self.draw.labels
        return residual

    def gradient(self, batch: NDArray[np.int64]) -> Array:
        """g of the clean samples of a batch, (n,)."""
        ahead = self.network
        if self.rule.exact:
            ahead = ahead.moved(ahead.gradient(self.inputs, self.weights * self.residual()), -self.rule.lr)
        error = ahead.outputs(self.clean[batch]) - self.draw.clean_labels[batch]
        direction = ahead.gradient(self.clean[batch], error / batch.size)
        return self.residual() * self.network.along(self.inputs, direction)

    def advance(self, chosen: NDArray[np.int64], start: int, rows: Array) -> int:
        """One step per row of rows, which is observed before it; the number of steps that do not overflow."""
        with np.errstate(over="ignore", invalid="ignore"):
            for t, row in enumerate(rows):
                gradient = self._see(row)
                frozen = 0 <= self.rule.freeze <= start + t or (self.rule.freeze == AT_T2 and self.reached[1])
                if not frozen and chosen.shape[1] > 0:
                    gradient = self.gradient(chosen[t])
                before = self.network, self.weights, self.outputs
                if not frozen:
                    self.weights = np.clip(self.weights + self.rule.weight_lr * gradient, 0, 1)
                step = self.network.gradient(self.inputs, self.weights * self.residual())
                self.network = self.network.moved(step, -self.rule.lr)
                self.outputs = self._outputs()
                if not np.abs(self.outputs).max() < LARGEST:
                    self.network, self.weights, self.outputs = before
                    return t
        return len(rows)

    def observe(self, row: Array) -> Snapshot:
        """The present state; row as for :meth:`advance`."""
        with np.errstate(over="ignore", invalid="ignore"):
            gradient = self._see(row)
        return Snapshot(self.outputs, self.network.outputs(self.test), self.weights, gradient, None)

    def _see(self, row: Array) -> Array:
        """As ``observe_reweighting`` of a fixed kernel; g over all clean samples."""
        gradient, noisy = self.gradient(np.arange(self.draw.m)), self.draw.noisy
        row[0] = self.weights[~noisy].mean() if not noisy.all() else np.nan
        row[1] = self.weights[noisy].mean() if noisy.any() else np.nan
        row[2], row[3] = np.abs(self.outputs).max(), (np.sign(gradient) == self.signs).mean()
        self.reached[0] |= row[2] >= HALF
        self.reached[1] |= self.reached[0] and row[3] < STEADY
        return gradient


def simulate_network(
    problem: KernelReweighting,
    algorithm: Reweighting,
    steps: int,
    seed: int = 0,
    *,
    width: int,
    record_at: Iterable[int] | None = None,
    draw: ReweightingDraw | None = None,
    weights: ArrayLike | None = None,
    parameters: tuple[ArrayLike, ArrayLike] | None = None,
    on_failure: str = "raise",
    progress: bool = False,
) -> ReweightingRun:
    """Train an explicit ReLU network; as the width grows its run approaches that of the kernel "ntk".

    η and β are those of the kernel run. The fixed kernel of the draw serves for the flip margins of the run only.

    Parameters
    ----------
    problem : KernelReweighting
        With kernel "ntk" and no proxy kernel.
    algorithm : Reweighting
    steps, seed, record_at, weights, on_failure, progress
        As in :func:`simulate_reweighting`: data, labels and mini-batches are the same.
    width : int
        Neurons M, even.
    draw : ReweightingDraw, optional
        With ``inputs``.
    parameters : (W (M, d), a (M,)), optional
        Initial weights; drawn with W and a antisymmetric by default, so that f(0) = 0.

    Returns
    -------
    ReweightingRun
        With engine "network".

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """
    validate.choice("on_failure", on_failure, ("raise", "return"))
    started = perf_counter()
    steps, seed, draw, start = prepare(problem, algorithm, steps, seed, draw, weights)
    width = validate.integer("width", width, 2)
    if width % 2:
        raise ValueError(f"width={width}: must be even")
    if problem.kernel != "ntk" or problem.proxy_kernel not in (None, "ntk"):
        raise ValueError(f"kernel={problem.kernel!r}, proxy_kernel={problem.proxy_kernel!r}: must be 'ntk' and None, "
                         "the limit of the network")
    if draw.inputs is None:
        raise ValueError("draw: must have inputs for the network to see")
    wanted, d = recorded(0, steps, record_at), draw.inputs.shape[1]
    network = Parameters.antisymmetric(width, d, seed)
    if parameters is not None:
        network = Parameters(validate.array("W", parameters[0], width, d), validate.array("a", parameters[1], width))
    with blas.single_threaded():
        rates = draw.learning_rates(algorithm)
        engine = NetworkEngine(draw, make_rule(algorithm, *rates), start, network)
        drawn = perf_counter()
        march = advance(engine, draw, algorithm, rates[0], seed, wanted, progress)
    timings = {"draw": drawn - started, "solve": perf_counter() - drawn}
    final = engine.network.first, engine.network.second
    return settle(make_run(problem, algorithm, seed, "network", draw, rates, march, timings, final), on_failure)


def deviation(kernel: ReweightingRun, network: ReweightingRun) -> dict[str, float]:
    """Largest differences between two runs over the steps that both have recorded.

    Returns
    -------
    dict
        ``outputs``: max |Δf| over training and clean samples; ``weights``: max |Δw|.

    Raises
    ------
    TypeError, ValueError
        When the runs are not of the same samples.
    """
    for name, run in (("kernel", kernel), ("network", network)):
        validate.instance(name, run, (ReweightingRun,))
    one, other = kernel.draw, network.draw
    if (one.n, one.m) != (other.n, other.m) or (one.labels != other.labels).any():
        raise ValueError("network: must be a run on the same samples as kernel")
    _, first, second = np.intersect1d(kernel.steps_recorded, network.steps_recorded, return_indices=True)
    differences = {name: max(float(np.abs(getattr(kernel, part)[first] - getattr(network, part)[second]).max())
                             for part in parts)
                   for name, parts in (("outputs", ("outputs", "clean_outputs")), ("weights", ("weights",)))}
    return differences
