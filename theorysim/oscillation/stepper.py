"""The changing state: expected moments of two groups of neurons, or the first layers of all chains."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core.loop import Ending, Stepper
from theorysim.core.overflow import last_finite
from theorysim.core.rows import Rows
from theorysim.core.seeds import Stream, generator
from theorysim.linear.draw import LinearDraw, fitting
from theorysim.linear.problem import LinearNetwork
from theorysim.oscillation.algorithm import OscillatingLayer
from theorysim.oscillation.kernel import oscillate
from theorysim.oscillation.run import OSCILLATION_OBSERVABLES, OscillationRun

BLOCK = 1024  # steps whose signs are drawn at a time; part of the seed discipline
CACHE = 2**26  # bytes of signs kept until their block is over
CHUNK = 2e8  # floating-point operations between two looks at Ctrl-C, some tenth of a second
LARGEST = 1e150  # of norms: beyond it their standard error, of second order, may overflow
CALL = 4e4  # what a step takes besides its products where Python makes it

Array = NDArray[np.float64]
Signs = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class OscillationState:
    """The neurons at one step: what observables of one's own are functions of.

    Attributes
    ----------
    problem : LinearNetwork
    draw : LinearDraw
        Data, θ* and the initial network.
    step : int
    norms : (max(chains, 1),) array
        tr A/m: expected, or of each chain.
    moments : (2, d, d) array or None
        Expected B = Σ w_i w_iᵀ over the neurons that move at even steps, and at odd ones.
    weights : (chains, m, d) array or None
        W of every chain.
    """

    problem: LinearNetwork
    draw: LinearDraw
    step: int
    norms: Array
    moments: Array | None
    weights: Array | None

    @property
    def mean_norm_sq(self) -> float:
        """tr A/m, expected or the mean over chains."""
        return float(self.norms.mean())


class OscillationStepper(Stepper):
    """W ← W − η a (H e)ᵀ under an a that oscillates.

    Parameters
    ----------
    problem, algorithm, draw, seed, engine
    at : array
        The state; replaced, never written.
    step : int
    """

    problem: LinearNetwork
    algorithm: OscillatingLayer
    draw: LinearDraw

    def __init__(
        self, problem: LinearNetwork, algorithm: OscillatingLayer, draw: LinearDraw, seed: int, engine: str, at: Array,
        step: int = 0,
    ) -> None:
        super().__init__(problem, algorithm, draw, seed, engine, step)
        self.at = at
        self.gram = draw.inputs.T @ draw.inputs / problem.n
        self.table = Rows(len(OSCILLATION_OBSERVABLES))

    @abstractmethod
    def evolved(self, stop: int) -> Array:
        """The state at a later step."""

    @abstractmethod
    def norms(self, at: Array) -> Array:
        """tr A/m of a state: expected, or of each chain."""

    @abstractmethod
    def work(self) -> float:
        """Floating-point operations of a step."""

    def advance(self, stop: int) -> int:
        """Make the updates up to a step; returns the last step before norms overflow."""
        at = self.evolved(stop)
        if not self._is_finite(at):
            return last_finite(self.step, stop, lambda step: self._is_finite(self.evolved(step)))
        self.at, self.step = at, stop
        return stop

    def _is_finite(self, at: Array) -> bool:
        return bool((self.norms(at) < LARGEST).all())

    def chunk_end(self) -> int:
        """So far that Ctrl-C is soon heeded."""
        return self.step + max(1, int(CHUNK / self.work()))

    def keep(self) -> None:
        """A row of the present step."""
        if self.table.count and self.table.steps[-1] == self.step:
            return
        norms = self.norms(self.at)
        count = len(norms)
        error = norms.std(ddof=1) / np.sqrt(count) if count > 1 else np.nan
        self.table.write(self.step, np.array([[norms.mean(), error]]))

    def rows(self, first: int, last: int) -> Mapping[str, Any]:
        """Observables at the steps observed in first..last, with their "step"."""
        part = slice(*np.searchsorted(self.table.steps, [first, last + 1]))
        return {"step": self.table.steps[part]} | dict(
            zip(OSCILLATION_OBSERVABLES, self.table.rows[part].T, strict=True))

    def state(self) -> tuple[int, Array]:
        """All that changes."""
        return self.step, self.at

    def restore(self, state: tuple[int, Array]) -> None:
        """Back to a state; rows after it are forgotten."""
        self.step, self.at = state
        self.table.cut(self.step)

    def snapshot(self) -> dict[str, Any]:
        """The norms."""
        return {"norms": self.norms(self.at)}

    def view(self) -> OscillationState:
        """What observables of one's own are functions of."""
        self.at.setflags(write=False)
        chains = self.algorithm.chains
        return OscillationState(self.problem, self.draw, self.step, self.norms(self.at),
                                None if chains else self.at, self.at if chains else None)

    def remedy(self, step: int) -> str:
        """What to lower."""
        return f"the neurons overflow at step {step}; lower lr (now {self.algorithm.lr:g})"

    def result(self, ending: Ending) -> OscillationRun:
        """The run as it stands."""
        steps = self.table.steps.copy()
        return OscillationRun(
            **self.common(ending, steps), observed_at=steps, rows=self.table.rows.copy(),
            columns=tuple(OSCILLATION_OBSERVABLES), norms=ending.records["norms"], last=self.at,
        )


class Expectation(OscillationStepper):
    """B ← B − ηs²(BH + HB) + η²s²m_g H(s²B + θ*θ*ᵀ)H for the group whose turn it is."""

    def evolved(self, stop: int) -> Array:
        """The moments of both groups at a later step."""
        lr, square, gram = self.algorithm.lr, np.sqrt(self.algorithm.lr), self.gram  # square is s²
        target = np.outer(self.draw.target, self.draw.target)
        counts = [len(self.draw.factor[group::2]) for group in (0, 1)]
        moments = list(self.at)
        for now in range(self.step, stop):
            group = now % 2
            b = moments[group]
            pulled = gram @ b
            moments[group] = (b - lr * square * (pulled + pulled.T)
                              + lr**2 * square * counts[group] * gram @ (square * b + target) @ gram)
        return np.stack(moments)

    def norms(self, at: Array) -> Array:
        """tr A/m expected, as an array of length 1."""
        return np.array([np.trace(at[0]) + np.trace(at[1])]) / self.problem.width

    def work(self) -> float:
        """Three products."""
        return CALL + 6.0 * self.problem.d**3


class Chains(OscillationStepper):
    """Simulations; the signs of a step depend on seed, chain and step alone."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        width = self.problem.width
        self._signs = lru_cache(max(1, CACHE // (BLOCK * width)))(partial(signs_of_block, self.seed, width))

    def chunk_end(self) -> int:
        """So far that Ctrl-C is soon heeded, within a block of signs."""
        return min((self.step // BLOCK + 1) * BLOCK, super().chunk_end())

    def evolved(self, stop: int) -> Array:
        """The first layers of all chains at a later step of the same block."""
        block, lr, target = self.step // BLOCK, self.algorithm.lr, np.array(self.draw.target)
        part = slice(self.step - block * BLOCK, stop - block * BLOCK)
        at = self.at.copy()
        for number, weights in enumerate(at):
            signs = self._signs(number, block)[part].astype(np.float64)
            oscillate(weights, self.gram, target, signs, lr, lr**0.25)
        return at

    def norms(self, at: Array) -> Array:
        """tr A/m of every chain."""
        return np.array([(weights**2).sum() for weights in at]) / self.problem.width

    def work(self) -> float:
        """Half of the neurons move in a step."""
        return 4.0 * self.algorithm.chains * self.problem.width * self.problem.d


def signs_of_block(seed: int, width: int, number: int, block: int) -> Signs:
    """Signs of a block of steps in one chain, (BLOCK, width), 0 where a neuron is at 0."""
    drawn = generator(seed, Stream.LINEAR_CHAIN, number, block).integers(0, 2, size=(BLOCK, width))
    signs = (2 * drawn - 1).astype(np.int8)
    signs[0::2, 1::2] = 0  # a block begins at an even step, when the second group is at 0
    signs[1::2, 0::2] = 0
    return signs


def start(
    problem: LinearNetwork, algorithm: OscillatingLayer, _steps: int, seed: int, *, engine: str = "exact",
    draw: LinearDraw | None = None,
) -> OscillationStepper:
    """A stepper at step 0.

    Parameters
    ----------
    problem : LinearNetwork
        Small enough for its neurons to be drawn one by one; its label noise plays no part.
    algorithm : OscillatingLayer
    seed : int
    engine : {"exact"}
    draw : LinearDraw, optional
        Data and initial network given instead of drawn.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """
    drawn = LinearDraw.from_problem(problem, seed, min(problem.width, 2)) if draw is None else fitting(draw, problem)
    if drawn.neurons < problem.width:
        raise ValueError(f"problem.width={problem.width}: must be such that width·(d + 1) <= 1e6, the neurons "
                         "being of two groups")
    weights = drawn.factor[:, :-1]
    if algorithm.chains:
        return Chains(problem, algorithm, drawn, seed, engine, np.repeat(weights[None], algorithm.chains, axis=0))
    moments = np.stack([weights[group::2].T @ weights[group::2] for group in (0, 1)])
    return Expectation(problem, algorithm, drawn, seed, engine, moments)


def proceed(run: OscillationRun, _end: int) -> OscillationStepper:
    """A stepper at the end of a run."""
    kind = Chains if run.algorithm.chains else Expectation
    return kind(run.problem, run.algorithm, run.draw, run.seed, run.engine, run.last.copy(), run.steps)
