"""The second layer's oscillation alone: it shrinks the neurons (Zhang et al. 2026, Lemma 4's simulation).

The paper replaces the second layer by a Markov chain of three states, −s, 0 and s with s² = √η (read off its equations;
our reading): from 0 a neuron goes to ±s, either with probability ½, and from ±s back to 0. Half of the neurons are at 0
at even steps and half at odd ones. The first layer takes full-batch steps,

    W ← W − η a (H e)ᵀ,   e = Wᵀa − θ*,   H = XᵀX/n.

A neuron moves only when it is not at 0, with a sign that is new, so the moments B = Σ w_i w_iᵀ of the m_g neurons of a
group close in expectation (derived): at the steps of its group

    B ← B − ηs²(BH + HB) + η²s²m_g H(s²B + θ*θ*ᵀ)H,

which brings tr B/m_g to η‖θ*‖²/2 where H = I, below √η only when ‖θ*‖² ≤ 2/√η.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import blas, progress as bars, validate
from theorysim.core.html import show, table
from theorysim.linear import kernel as linear
from theorysim.linear.draw import LinearDraw, fitting
from theorysim.linear.problem import LinearNetwork
from theorysim.linear.watch import recorded
from theorysim.core.status import Status
from theorysim.core.seeds import Stream, generator

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
BLOCK = 1024  # steps whose signs are drawn at a time; part of the seed discipline


@dataclass(frozen=True)
class OscillatingLayer:
    """Training of the first layer under a second layer that oscillates, ±√√η or 0, by itself.

    Parameters
    ----------
    lr : float
        η.
    chains : int
        Simulations of it; 0 for the recursion of expectations, exact and free of the width.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """

    lr: float
    chains: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "lr", validate.real("lr", self.lr, 0, above=True))
        object.__setattr__(self, "chains", validate.integer("chains", self.chains, 0))


@dataclass(frozen=True, eq=False)
class OscillationRun:
    """What the oscillation does to the neurons.

    Attributes
    ----------
    problem, algorithm, draw, seed
        What was simulated.
    status : Status
        completed, or diverged at the last step recorded.
    message : str
    steps_recorded : (records,) integer array
    norms : (records, max(chains, 1)) array
        tr A/m, mean squared norm of the neurons: expected, or of each chain.
    """

    problem: LinearNetwork
    algorithm: OscillatingLayer
    draw: LinearDraw
    seed: int
    status: Status
    message: str
    steps_recorded: NDArray[np.int64]
    norms: Array

    @property
    def steps(self) -> int:
        """Number of steps made."""
        return int(self.steps_recorded[-1])

    @cached_property
    def observables(self) -> "pd.DataFrame":
        """Mean over chains of tr A/m, and its standard error (NaN for fewer than two)."""
        import pandas as pd

        count = self.norms.shape[1]
        error = self.norms.std(axis=1, ddof=1) / np.sqrt(count) if count > 1 else np.full(len(self.norms), np.nan)
        columns = {"mean_norm_sq": self.norms.mean(axis=1), "standard_error": error}
        return pd.DataFrame(columns, index=pd.Index(self.steps_recorded, name="step"))

    def __repr__(self) -> str:
        norm = show(float(self.norms[-1].mean()))
        return (f"<OscillationRun {self.status} at step {self.steps}, mean_norm_sq={norm}, "
                f"{self.algorithm}, seed={self.seed}>")

    def _repr_html_(self) -> str:
        facts = {"problem": self.problem, "algorithm": self.algorithm, "status": self.status, "steps": self.steps}
        return table("OscillationRun", facts | {"mean_norm_sq": float(self.norms[-1].mean())})


def oscillate(
    problem: LinearNetwork, algorithm: OscillatingLayer, steps: int, seed: int = 0, *, draw: LinearDraw | None = None,
    record_at: Iterable[int] | None = None, progress: bool = False,
) -> OscillationRun:
    """Let the second layer oscillate, and see what becomes of the neurons' norms.

    Parameters
    ----------
    problem : LinearNetwork
        Small enough for its neurons to be drawn one by one; its label noise plays no part.
    algorithm : OscillatingLayer
    steps, seed : int
    draw : LinearDraw, optional
        Data and initial network given instead of drawn.
    record_at : iterable of int, optional
        Steps to keep, as for the other linear runs.
    progress : bool
        Show a progress bar.

    Returns
    -------
    OscillationRun

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """
    validate.instance("problem", problem, (LinearNetwork,))
    validate.instance("algorithm", algorithm, (OscillatingLayer,))
    steps, seed = validate.integer("steps", steps, 0), validate.integer("seed", seed, 0)
    wanted, chains = recorded(0, steps, record_at), algorithm.chains
    with blas.single_threaded():
        few = min(problem.width, 2)
        drawn = LinearDraw.from_problem(problem, seed, few) if draw is None else fitting(draw, problem)
        if drawn.neurons < problem.width:
            raise ValueError(f"problem.width={problem.width}: must be such that width·(d + 1) <= 1e6, the neurons "
                             "being of two groups")
        gram = drawn.inputs.T @ drawn.inputs / problem.n
        shown = bars.bar(max(chains, 1) * steps, validate.flag("progress", progress), description="oscillate")
        with shown as bar, np.errstate(over="ignore", invalid="ignore"):
            if chains == 0:
                norms = _expectation(drawn, gram, algorithm.lr, wanted, bar)[:, None]
            else:
                every = [_chain(drawn, gram, algorithm.lr, wanted, seed, number, bar) for number in range(chains)]
                norms = np.stack(every, axis=1)
    finite = np.isfinite(norms).all(axis=1)
    last = int(np.argmin(finite)) if not finite.all() else len(wanted)
    status = Status.COMPLETED if last == len(wanted) else Status.DIVERGED
    message = "" if last == len(wanted) else (
        f"the neurons overflow between steps {wanted[last - 1]} and {wanted[last]}; lower lr (now {algorithm.lr:g})")
    return OscillationRun(
        problem, algorithm, drawn, seed, status, message, wanted[:last], norms[:last] / problem.width)


def _expectation(draw: LinearDraw, gram: Array, lr: float, wanted: NDArray[np.int64], bar: Any) -> Array:
    """tr A at the steps wanted."""
    weights = draw.rows[:, :-1]
    square = np.sqrt(lr)  # s²
    moments = [weights[group::2].T @ weights[group::2] for group in (0, 1)]
    counts = [len(weights[group::2]) for group in (0, 1)]
    target = np.outer(draw.target, draw.target)
    norms, step = np.empty(len(wanted)), 0
    for place, goal in enumerate(wanted.tolist()):
        for now in range(step, goal):
            group = now % 2
            b = moments[group]
            pulled = gram @ b
            moments[group] = (b - lr * square * (pulled + pulled.T)
                              + lr**2 * square * counts[group] * gram @ (square * b + target) @ gram)
        bar.update(goal - step)
        step = goal
        norms[place] = np.trace(moments[0]) + np.trace(moments[1])
    return norms


def _chain(
    draw: LinearDraw, gram: Array, lr: float, wanted: NDArray[np.int64], seed: int, number: int, bar: Any
) -> Array:
    """tr A at the steps wanted, in one simulation; the signs of a step depend on seed, chain and step alone."""
    weights, norms, step = np.array(draw.rows[:, :-1]), np.empty(len(wanted)), 0
    m, target = len(weights), np.array(draw.target)
    for place, goal in enumerate(wanted.tolist()):
        while step < goal:
            block, stop = step // BLOCK, min((step // BLOCK + 1) * BLOCK, goal)
            drawn = generator(seed, Stream.LINEAR_CHAIN, number, block).integers(0, 2, size=(BLOCK, m))
            signs = (2 * drawn - 1).astype(np.float64)
            signs[0::2, 1::2] = 0.0  # a block begins at an even step, when the second group is at 0
            signs[1::2, 0::2] = 0.0
            first = block * BLOCK
            linear.oscillate(weights, gram, target, signs[step - first : stop - first], lr, lr**0.25)
            bar.update(stop - step)
            step = stop
        norms[place] = (weights**2).sum()
    return norms
