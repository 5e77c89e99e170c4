"""An explicit two-layer ReLU network trained by the same bilevel rule: the oracle of the kernel limit.

f(x) = M^(−½) Σ_r a_r max(0, ⟨w_r, x⟩), all a_r and w_r trained, θ = (W, a). With u = f − y on the training samples:

    θ̂ = θ − η Σ_i w_i u_i ∇f_i(θ),  û_j = f^v_j(θ̂) − y^v_j,  L_val(w) = (1/m) Σ_j ½ û_j²,
    g_i = −(1/η) ∂L_val/∂w_i = u_i ⟨∇f_i(θ), (1/m) Σ_j û_j ∇f^v_j(θ̂)⟩,
    w ← clip_[0,1](w + βg),  θ ← θ − η Σ_i w_i u_i ∇f_i(θ) with the new weights.

The gradient through the step is exact: only its inner product with ∇f_i(θ) is needed, so no second derivative occurs.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.core.seeds import Stream, generator
from theorysim.reweighting.algorithm import Reweighting
from theorysim.reweighting.draw import ReweightingDraw
from theorysim.reweighting.kernel import AT_T2, HALF, STEADY
from theorysim.reweighting.problem import KernelReweighting
from theorysim.reweighting.run import ReweightingRun
from theorysim.reweighting.stepper import ReweightingStepper

LARGEST = 1e25  # of |f|; earlier than for a kernel, the parameters overflow too: g is of the order of |f| cubed

Array = NDArray[np.float64]
Steps = NDArray[np.int64]


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


class Moving(NamedTuple):
    """What moves: θ, f and f^v (n + m,), w (n,); and sign g(0) (n,), whether t1 and t2 are reached (2,)."""

    network: Parameters
    outputs: Array
    weights: Array
    signs: Array
    reached: NDArray[np.bool_]


class NetworkStepper(ReweightingStepper):
    """Outputs of an explicit network. Arrays are replaced at each step, never written to, but for ``reached``.

    Parameters
    ----------
    problem, algorithm, draw, seed, rates
        As of :class:`ReweightingStepper`; the draw with inputs.
    start : (Parameters, (n,) array) or Moving
        Initial θ and w; or a state to go on from.
    step : int
    """

    def __init__(
        self, problem: KernelReweighting, algorithm: Reweighting, draw: ReweightingDraw, seed: int,
        rates: tuple[float, float], start: tuple[Parameters, Array] | Moving, step: int = 0,
    ) -> None:
        n, m = draw.n, draw.clean
        super().__init__(problem, algorithm, draw, seed, "network", rates, step, 20.0 * (n + m) * start[0].first.size)
        self.inputs, self.clean, self.test = np.split(np.asarray(draw.inputs), [n, n + m])
        if isinstance(start, Moving):
            self.network, self.outputs, self.weights, self.signs, self.reached = start
        else:
            self.network, self.weights = start[0], start[1].copy()
            self.outputs, self.reached = self._outputs(), np.zeros(2, dtype=bool)
            with np.errstate(over="ignore", invalid="ignore"):
                self.signs = np.sign(self.meta_gradient(np.arange(m)))
        self.see()

    def _outputs(self) -> Array:
        """f on training and clean samples, (n + m,)."""
        return np.concatenate([self.network.outputs(self.inputs), self.network.outputs(self.clean)])

    def test_outputs(self) -> Array:
        """f on the test samples, (T,)."""
        return self.network.outputs(self.test)

    def residual(self) -> Array:
        """u, (n,)."""
        residual: Array = self.outputs[: self.draw.n] - self.draw.labels
        return residual

    def meta_gradient(self, batch: Steps) -> Array:
        """g of the clean samples of a batch, (n,)."""
        ahead = self.network
        if self.rule.exact:
            ahead = ahead.moved(ahead.gradient(self.inputs, self.weights * self.residual()), -self.rule.lr)
        error = ahead.outputs(self.clean[batch]) - self.draw.clean_labels[batch]
        direction = ahead.gradient(self.clean[batch], error / batch.size)
        return self.residual() * self.network.along(self.inputs, direction)

    def evolve(self, chosen: Steps, start: int, rows: Array) -> int:
        """One step per row of rows, which is observed before it; the number of steps that do not overflow."""
        for t, row in enumerate(rows):
            if t > 0:
                self.observe(row)
            else:
                row[:] = self.series.rows[-1]  # seen when the step was reached; its g is there as well
            frozen = 0 <= self.rule.freeze <= start + t or (self.rule.freeze == AT_T2 and self.reached[1])
            gradient = self.meta_gradient(chosen[t]) if not frozen and chosen.shape[1] > 0 else self.gradient
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

    def observe(self, row: Array) -> None:
        """As ``observe_reweighting`` of a fixed kernel: the row of the present step, and its g."""
        self.gradient, noisy = self.meta_gradient(np.arange(self.draw.clean)), self.draw.noisy
        row[0] = self.weights[~noisy].mean() if not noisy.all() else np.nan
        row[1] = self.weights[noisy].mean() if noisy.any() else np.nan
        row[2], row[3] = np.abs(self.outputs).max(), (np.sign(self.gradient) == self.signs).mean()
        self.reached[0] |= row[2] >= HALF
        self.reached[1] |= self.reached[0] and row[3] < STEADY

    def state(self) -> tuple[int, Moving]:
        """A copy of all that changes."""
        return self.step, Moving(self.network, self.outputs, self.weights, self.signs, self.reached.copy())

    def restore(self, state: tuple[int, Moving]) -> None:
        """Back to such a copy, with its row and its g."""
        self.step = state[0]
        self.network, self.outputs, self.weights, self.signs = state[1][:4]
        self.reached = state[1].reached.copy()
        self.looks.cut(self.step)
        self.see()


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
    if (one.n, one.clean) != (other.n, other.clean) or (one.labels != other.labels).any():
        raise ValueError("network: must be a run on the same samples as kernel")
    _, first, second = np.intersect1d(kernel.steps_recorded, network.steps_recorded, return_indices=True)
    differences = {name: max(float(np.abs(getattr(kernel, part)[first] - getattr(network, part)[second]).max())
                             for part in parts)
                   for name, parts in (("outputs", ("outputs", "clean_outputs")), ("weights", ("weights",)))}
    return differences
