"""What advances a run between records: all that both engines share, and the engine of a fixed kernel."""

from abc import abstractmethod
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core.loop import Ending, Stepper
from theorysim.core.rows import Rows
from theorysim.core.seeds import Stream, generator
from theorysim.reweighting.algorithm import Reweighting
from theorysim.reweighting.draw import ReweightingDraw
from theorysim.reweighting.kernel import (
    AT_T2, Kernels, Rule, Scratch, State, evolve_reweighting, meta_gradient, observe_reweighting,
)
from theorysim.reweighting.observables import MEASURED, SERIES, Seen
from theorysim.reweighting.problem import KernelReweighting
from theorysim.reweighting.run import ReweightingRun

BLOCK = 256  # steps whose mini-batches are drawn at a time; part of the seed discipline
CHUNK = 1e9  # floating-point operations between two looks at Ctrl-C, about a tenth of a second

Array = NDArray[np.float64]
Steps = NDArray[np.int64]


class ReweightingView:
    """The state between two steps, for observables of one's own. Arrays cannot be written to; copy what you keep.

    Attributes
    ----------
    step : int
    draw : ReweightingDraw
        Kernels and labels, ``noisy`` among them.
    lr, weight_lr : float
        η and β.
    outputs, clean_outputs : (n,), (m,) arrays
        f and f^v.
    weights, gradient : (n,) arrays
        w, and g over all clean samples.
    coefficients : (n,) array or None
        c with f(x) = Σ_i K(x, x_i) c_i; None for a network.
    network : (W (M, d), a (M,)) or None
        The weights of a network.
    """

    def __init__(self, stepper: "ReweightingStepper") -> None:
        self._stepper = stepper
        self.step, self.draw, self.lr, self.weight_lr = stepper.step, stepper.draw, stepper.lr, stepper.weight_lr
        outputs = _locked(stepper.outputs)
        self.outputs, self.clean_outputs = outputs[: self.draw.n], outputs[self.draw.n :]
        self.weights, self.gradient = _locked(stepper.weights), _locked(stepper.gradient)
        self.coefficients = None if stepper.coefficients is None else _locked(stepper.coefficients)
        self.network = None if stepper.network is None else tuple(map(_locked, stepper.network))

    @property
    def test_outputs(self) -> Array:
        """f on the test samples, (T,)."""
        return self._stepper.test_outputs()

    @property
    def noisy(self) -> NDArray[np.bool_]:
        """Which training samples have a flipped label, (n,)."""
        return self.draw.noisy


class ReweightingStepper(Stepper):
    """Outputs and weights that move; engines say how.

    Parameters
    ----------
    problem, algorithm, draw, seed, engine, step
        As of every :class:`Stepper`.
    rates : (η, β)
    work : float
        Floating-point operations of a step.

    Attributes
    ----------
    outputs : (n + m,) array
        f and f^v.
    weights, gradient : (n,) arrays
        w, and g over all clean samples, of the present step.
    coefficients, network
        Of a fixed kernel and of an explicit network; None for the other.
    """

    outputs: Array
    weights: Array
    gradient: Array
    coefficients: Array | None = None
    network: Any = None

    def __init__(
        self, problem: KernelReweighting, algorithm: Reweighting, draw: ReweightingDraw, seed: int, engine: str,
        rates: tuple[float, float], step: int, work: float,
    ) -> None:
        super().__init__(problem, algorithm, draw, seed, engine, step)
        self.lr, self.weight_lr = rates
        self.rule = rule_of(algorithm, *rates)
        self.pace = max(1, int(CHUNK / work))
        self.series, self.looks = Rows(len(SERIES)), Rows(len(MEASURED))
        self._kept = self._recorded = -1  # the last step to keep the row of, and the last one recorded

    @abstractmethod
    def evolve(self, chosen: Steps, start: int, rows: Array) -> int:
        """One step per row of rows, which is observed before it; the number of steps that do not overflow."""

    @abstractmethod
    def observe(self, row: Array) -> None:
        """The row of the present step, and its g."""

    @abstractmethod
    def test_outputs(self) -> Array:
        """f on the test samples, (T,)."""

    def see(self) -> None:
        """Write down the row of the present step."""
        row = np.empty((1, len(SERIES)))
        with np.errstate(over="ignore", invalid="ignore"):
            self.observe(row[0])
        self.series.write(self.step, row)

    def advance(self, stop: int) -> int:
        """Make the updates up to a step; returns the last step that is finite, and is there."""
        self._note_look()
        start, count = self.step, stop - self.step
        rows = np.empty((count + 1, len(SERIES)))
        chosen = batches(self.draw.clean, self.algorithm.clean_batch, self.seed, start, stop)
        made = self.evolve(chosen, start, rows[:count])
        self.step += made
        if made == count:
            self.observe(rows[count])
        self.series.write(start, rows[: made + 1])
        return self.step

    def chunk_end(self) -> int:
        """The end of the block of mini-batches, or of a tenth of a second."""
        return min((self.step // BLOCK + 1) * BLOCK, self.step + self.pace)

    def rows(self, first: int, last: int) -> Mapping[str, Any]:
        """The columns of the series and "step": every step is observed."""
        start = int(self.series.steps[0])
        part = slice(first - start, last - start + 1)
        return {"step": self.series.steps[part]} | dict(zip(SERIES, self.series.rows[part].T, strict=True))

    def snapshot(self) -> dict[str, Any]:
        """What is kept of a recorded step."""
        self._recorded, n = self.step, self.draw.n
        kept = {"outputs": self.outputs[:n], "clean_outputs": self.outputs[n:], "test_outputs": self.test_outputs(),
                "weights": self.weights, "gradients": self.gradient}
        return kept if self.coefficients is None else kept | {"coefficients": self.coefficients}

    def keep(self) -> None:
        """The observables of the present step are to be known, recorded or not."""
        self._kept = self.step

    def _note_look(self) -> None:
        """Measure what is about to be lost: the state of a step that is looked at and not recorded."""
        if self._kept != self.step or self._recorded == self.step:
            return
        parts = (self.outputs[: self.draw.n], self.outputs[self.draw.n :], self.test_outputs(), self.weights)
        seen = Seen(self.draw, self.lr if self.rule.exact else None, *(part[None] for part in parts))
        self.looks.write(self.step, np.array([[measure(seen)[0] for measure in MEASURED.values()]]))

    def view(self) -> ReweightingView:
        """What observables of one's own are functions of."""
        return ReweightingView(self)

    def remedy(self, step: int) -> str:
        """Names the limit of stability."""
        limit = 2 / self.draw.largest_eigenvalue()
        return (f"the outputs overflow at step {step}; lower lr (now {self.lr:.3g}) below 2/λ_max = {limit:.3g}: a "
                "fixed kernel is stable for η·λ_max < 2, whatever the weights in [0, 1]")

    def result(self, ending: Ending) -> ReweightingRun:
        """The run as it stands."""
        records = dict(ending.records)
        alone = ~np.isin(self.looks.steps, records.pop("steps_recorded"))
        looked_at = self.looks.steps[alone]
        observed = np.union1d(ending.records["steps_recorded"], looked_at)
        return ReweightingRun(
            **self.common(ending, observed), **records, lr=self.lr, weight_lr=self.weight_lr,
            series=self.series.rows.copy(), network=None if self.network is None else tuple(self.network),
            observe_every=ending.observers.every, looked_at=looked_at,
            looked=dict(zip(MEASURED, self.looks.rows[alone].T, strict=True)),
        )


class KernelStepper(ReweightingStepper):
    """Outputs under a fixed kernel, exactly; see :mod:`theorysim.reweighting.kernel`.

    Parameters
    ----------
    problem, algorithm, draw, seed, rates
        As of :class:`ReweightingStepper`.
    start : (n,) array or State
        Initial weights, with f = 0; or a state to go on from.
    step : int
    """

    def __init__(
        self, problem: KernelReweighting, algorithm: Reweighting, draw: ReweightingDraw, seed: int,
        rates: tuple[float, float], start: Array | State, step: int = 0,
    ) -> None:
        n, m = draw.n, draw.clean
        super().__init__(problem, algorithm, draw, seed, "kernel", rates, step, 2.0 * n * (n + 3 * m))
        self.data = Kernels(draw.outputs_kernel, draw.proxy_kernel, np.concatenate([draw.labels, draw.clean_labels]),
                            draw.noisy)
        self.scratch = Scratch(*(np.empty(size) for size in (n, n, m, m, n, n, n + m)))
        self._take(start if isinstance(start, State) else self._begun(start))
        self.see()

    def _begun(self, weights: Array) -> State:
        """f = 0, with the signs of g there."""
        n = self.draw.n
        state = State(np.zeros(n + self.draw.clean), weights.copy(), np.zeros(n), np.zeros(n), np.zeros(2, dtype=bool))
        with np.errstate(over="ignore", invalid="ignore"):
            meta_gradient(self.data, state, self.rule, self.scratch)
        state.signs[:] = np.sign(self.scratch.gradient)
        return state

    def _take(self, state: State) -> None:
        """The kernels change these arrays in place."""
        self.now, self.gradient = state, self.scratch.gradient
        self.outputs, self.weights, self.coefficients = state.outputs, state.weights, state.coefficients

    def evolve(self, chosen: Steps, start: int, rows: Array) -> int:
        """One step per row of rows, which is observed before it; the number of steps that do not overflow."""
        return int(evolve_reweighting(self.data, self.now, self.rule, self.scratch, chosen, start, rows))

    def observe(self, row: Array) -> None:
        """The row of the present step, and its g."""
        observe_reweighting(self.data, self.now, self.rule, self.scratch, row)

    def test_outputs(self) -> Array:
        """f on the test samples, (T,)."""
        outputs: Array = self.draw.test_kernel @ self.now.coefficients
        return outputs

    def state(self) -> tuple[int, State]:
        """A copy of all that changes."""
        return self.step, _copied(self.now)

    def restore(self, state: tuple[int, State]) -> None:
        """Back to such a copy, with its row and its g."""
        self.step = state[0]
        self._take(_copied(state[1]))
        self.looks.cut(self.step)
        self.see()


def rule_of(algorithm: Reweighting, lr: float, weight_lr: float) -> Rule:
    """The settings of the kernels."""
    freeze = -1
    if not algorithm.reweight:
        freeze = 0
    elif algorithm.freeze_at is not None:
        freeze = AT_T2 if algorithm.freeze_at == "t2" else int(algorithm.freeze_at)
    return Rule(lr, weight_lr, algorithm.look_ahead == "exact", freeze)


def batches(clean: int, size: int | None, seed: int, start: int, stop: int) -> Steps:
    """Clean samples of steps start..stop−1 of one block, (steps, size), without replacement; (steps, 0) for all."""
    if size is None:
        return np.empty((stop - start, 0), dtype=np.int64)
    order = _order(clean, seed, start // BLOCK)
    return np.ascontiguousarray(order[start % BLOCK : start % BLOCK + stop - start, :size])


@lru_cache(maxsize=4)
def _order(clean: int, seed: int, block: int) -> Steps:
    """The clean samples in random order for each step of a block, which chunks may share."""
    return generator(seed, Stream.REWEIGHTING_BATCHES, block).random((BLOCK, clean)).argsort(axis=1)


def _copied(state: State) -> State:
    parts: Any = (part.copy() for part in state)
    return State(*parts)


def _locked(array: Array) -> Array:
    """A view that cannot be written to."""
    view = array.view()
    view.setflags(write=False)
    return view
