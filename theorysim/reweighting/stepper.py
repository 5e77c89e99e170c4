"""What advances a run step by step: the interface, and the engine of a fixed kernel."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from theorysim.reweighting.kernel import (
    AT_T2, Kernels, Rule, Scratch, State, evolve_reweighting, meta_gradient, observe_reweighting,
)
from theorysim.reweighting.draw import ReweightingDraw
from theorysim.reweighting.problem import Reweighting

Array = NDArray[np.float64]


class Snapshot(NamedTuple):
    """State of one step: f (n + m,), f on the test samples (T,), w (n,), g (n,), and c (n,) of a kernel."""

    outputs: Array
    test: Array
    weights: Array
    gradient: Array
    coefficients: Array | None


class Engine(Protocol):
    """Advances a state in place."""

    def advance(self, chosen: NDArray[np.int64], start: int, rows: Array) -> int:
        """One step per row of rows, which is observed before it; the number of steps that do not overflow."""

    def observe(self, row: Array) -> Snapshot:
        """The present state; row as for :meth:`advance`."""


def make_rule(algorithm: Reweighting, lr: float, weight_lr: float) -> Rule:
    """The settings of the kernels."""
    freeze = -1
    if not algorithm.reweight:
        freeze = 0
    elif algorithm.freeze_at is not None:
        freeze = AT_T2 if algorithm.freeze_at == "t2" else int(algorithm.freeze_at)
    return Rule(lr, weight_lr, algorithm.look_ahead == "exact", freeze)


class KernelEngine:
    """Outputs under a fixed kernel; see :mod:`theorysim.reweighting.kernel`.

    Parameters
    ----------
    draw : ReweightingDraw
    rule : Rule
    weights : (n,) array
    state : State, optional
        To go on from, instead of f = 0.
    """

    def __init__(self, draw: ReweightingDraw, rule: Rule, weights: Array, state: State | None = None) -> None:
        n, m = draw.n, draw.m
        labels = np.concatenate([draw.labels, draw.clean_labels])
        self.draw, self.rule = draw, rule
        self.data = Kernels(draw.outputs_kernel, draw.proxy_kernel, labels, draw.noisy)
        sizes = (n, n, m, m, n, n, n + m)
        self.scratch = Scratch(*(np.empty(size) for size in sizes))
        if state is None:
            state = State(np.zeros(n + m), weights.copy(), np.zeros(n), np.zeros(n), np.zeros(2, dtype=bool))
            with np.errstate(over="ignore", invalid="ignore"):
                meta_gradient(self.data, state, rule, self.scratch)
            state.signs[:] = np.sign(self.scratch.gradient)
        self.state = state

    def advance(self, chosen: NDArray[np.int64], start: int, rows: Array) -> int:
        """One step per row of rows, which is observed before it; the number of steps that do not overflow."""
        with np.errstate(over="ignore", invalid="ignore"):
            return int(evolve_reweighting(self.data, self.state, self.rule, self.scratch, chosen, start, rows))

    def observe(self, row: Array) -> Snapshot:
        """The present state; row as for :meth:`advance`."""
        with np.errstate(over="ignore", invalid="ignore"):
            observe_reweighting(self.data, self.state, self.rule, self.scratch, row)
        coefficients = self.state.coefficients.copy()
        return Snapshot(
            self.state.outputs.copy(), self.draw.test_kernel @ coefficients, self.state.weights.copy(),
            self.scratch.gradient.copy(), coefficients,
        )
