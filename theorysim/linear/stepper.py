"""The changing state of one training, between kernels."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.core.loop import Ending, Stepper
from theorysim.core.observing import NEVER
from theorysim.core.overflow import last_finite
from theorysim.core.rows import Rows
from theorysim.linear.algorithm import SAM_TERMS, LinearSGD
from theorysim.linear.draw import LinearDraw, StepNoise, fitting
from theorysim.linear.kernel import evolve_linear
from theorysim.linear.problem import LinearNetwork
from theorysim.linear.run import LinearRun
from theorysim.linear.watch import LINEAR_OBSERVABLES, LinearState, Watch, grid

ENGINES = ("width-free", "explicit")
FOLLOWED = 100  # neurons, unless asked otherwise
LARGEST = 1e30  # of the weights: beyond it observables, of fourth and sixth order, may overflow

Array = NDArray[np.float64]


class LinearStepper(Stepper):
    """M ← M(I − ηS_v) on M = [W | a] or on a factor of its second moment.

    Parameters
    ----------
    problem, algorithm, draw, seed, engine
    end : int
        The step to go to.
    factor : (k, d+1) array
    combination : (K, k) array
    leaving : (K,) array
    step : int
    """

    def __init__(
        self, problem: LinearNetwork, algorithm: LinearSGD, draw: LinearDraw, seed: int, engine: str, end: int, *,
        factor: Array, combination: Array, leaving: Array, step: int = 0,
    ) -> None:
        super().__init__(problem, algorithm, draw, seed, engine, step)
        self.factor, self.combination = factor, combination
        combination.setflags(write=False)  # observables of one's own see it
        self.noise = StepNoise(problem, algorithm, seed)
        self.watch = Watch(self.noise, leaving)
        self.watched: list[int] = grid(end).tolist()
        self.table = Rows(len(LINEAR_OBSERVABLES), expected=len(self.watched))
        self._inputs, self._outputs = np.array(draw.inputs), draw.inputs @ draw.target

    def advance(self, stop: int) -> int:
        """Make the updates up to a step of the same block of noise; returns the last step that is finite."""
        factor = self._evolved(stop)
        if factor is None:
            return last_finite(self.step, stop, lambda step: self._evolved(step) is not None)
        self.factor, self.step = factor, stop
        if self._is_watched():
            self._look()
        return stop

    def _evolved(self, stop: int) -> Array | None:
        """The factor at a later step; None where it overflows."""
        factor = self.factor.copy()
        chosen, eps = self.noise.between(self.step, stop)
        made = evolve_linear(
            factor, self._inputs, self._outputs, chosen, eps, self.algorithm.lr, self.algorithm.sam_radius,
            SAM_TERMS.index(self.algorithm.sam_terms))
        return factor if made == stop - self.step and np.abs(factor).max() < LARGEST else None

    def chunk_end(self) -> int:
        """The next step watched, or the end of a block of noise."""
        following = bisect_right(self.watched, self.step)
        watched = self.watched[following] if following < len(self.watched) else NEVER
        return min(self.noise.end_of_block(self.step), watched)

    def _is_watched(self) -> bool:
        place = bisect_left(self.watched, self.step)
        return place < len(self.watched) and self.watched[place] == self.step

    def _look(self) -> None:
        self.table.write(self.step, self.watch.look(self.view(), self._is_watched())[None])

    def keep(self) -> None:
        """A row of the present step, watched or not."""
        if not self.table.count or self.table.steps[-1] != self.step:
            self._look()

    def rows(self, first: int, last: int) -> Mapping[str, Any]:
        """Observables at the steps observed in first..last, with their "step"."""
        part = slice(*np.searchsorted(self.table.steps, [first, last + 1]))
        return {"step": self.table.steps[part]} | dict(
            zip(LINEAR_OBSERVABLES, self.table.rows[part].T, strict=True))

    def view(self) -> LinearState:
        """What observables of one's own are functions of."""
        self.factor.setflags(write=False)
        return LinearState(self.problem, self.draw, self.step, self.factor, self.combination)

    def state(self) -> tuple[int, Array, Array]:
        """All that changes; arrays are replaced and never written."""
        return self.step, self.factor, self.watch.leaving

    def restore(self, state: tuple[int, Array, Array]) -> None:
        """Back to a state; rows after it are forgotten."""
        self.step, self.factor, self.watch.leaving = state
        self.table.cut(self.step)

    def snapshot(self) -> dict[str, Any]:
        """The factor."""
        return {"states": self.factor}

    def remedy(self, step: int) -> str:
        """What to lower, and the limit of stability."""
        return (f"the network overflows at step {step}; lower lr (now {self.algorithm.lr:g}) below "
                f"2d/((d+2)m) = {self.problem.largest_stable_lr():.3g}, the stability limit at the start, or "
                f"label_noise_std (now {self.problem.label_noise_std:g})")

    def result(self, ending: Ending) -> LinearRun:
        """The run as it stands."""
        steps = self.table.steps.copy()
        return LinearRun(
            **self.common(ending, steps), observed_at=steps, rows=self.table.rows.copy(),
            columns=tuple(LINEAR_OBSERVABLES), states=ending.records["states"], combination=self.combination,
            leaving=self.watch.leaving,
        )


def start(
    problem: LinearNetwork, algorithm: LinearSGD, steps: int, seed: int, *, engine: str = ENGINES[0],
    draw: LinearDraw | None = None, neurons: int | None = None,
) -> LinearStepper:
    """A stepper at step 0.

    Parameters
    ----------
    problem, algorithm, steps, seed
    engine : {"width-free", "explicit"}
        Evolve the square root of Q = MᵀM, (d+1)×(d+1), or the m neurons themselves: the oracle.
    draw : LinearDraw, optional
        Data and initial network given instead of drawn.
    neurons : int, optional
        Neurons to follow exactly, min(width, 100) by default: for cosines and for the times of leaving.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """
    followed = validate.integer("neurons", min(problem.width, FOLLOWED) if neurons is None else neurons, 0,
                                problem.width)
    drawn = LinearDraw.from_problem(problem, seed, followed) if draw is None else fitting(draw, problem)
    if engine == "explicit" and drawn.neurons < problem.width:
        raise ValueError(f"engine='explicit': width={problem.width} is too large to have its neurons drawn one by "
                         "one; must be such that width·(d + 1) <= 1e6, or give the network as draw=")
    if engine == "explicit":
        factor, combination = drawn.factor.copy(), np.eye(followed, problem.width)
    else:
        factor, combination = drawn.square_root()
    return LinearStepper(problem, algorithm, drawn, seed, engine, steps, factor=factor,
                         combination=combination[:followed], leaving=np.full(followed, np.nan))


def proceed(run: LinearRun, end: int) -> LinearStepper:
    """A stepper at the end of a run."""
    return LinearStepper(
        run.problem, run.algorithm, run.draw, run.seed, run.engine, end, factor=run.states[-1].copy(),
        combination=run.combination, leaving=run.leaving, step=run.steps)
