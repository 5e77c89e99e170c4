"""The result: what was seen of the network at some steps, exactly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from theorysim.core.labelled import RECORDED, Labelled
from theorysim.core.run import RowsRun
from theorysim.linear import stages
from theorysim.linear.algorithm import LinearSGD
from theorysim.linear.draw import LinearDraw
from theorysim.linear.problem import LinearNetwork
from theorysim.linear.stages import LinearTimes
from theorysim.linear.watch import LINEAR_OBSERVABLES, grid, usual_records

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class LinearRun(RowsRun):
    """A training of a two-layer linear network, the result of :func:`theorysim.simulate`.

    The columns of :attr:`observables` are explained in ``LINEAR_OBSERVABLES``, and are NaN where a file is older than
    they; its rows are of every step up to 128, of
    steps at most 1.5% apart after that, and of the recorded ones.

    Attributes
    ----------
    states : (records, k, d+1) array
        The factor R evolved, RᵀR = Q = MᵀM.
    combination : (K, k) array
        The neurons followed are combination @ R at every step.
    leaving : (K,) array
        Step at which each of them has left the lazy regime, NaN if it has not.
    """

    problem: LinearNetwork
    algorithm: LinearSGD
    draw: LinearDraw
    states: Array
    combination: Array
    leaving: Array

    HEADLINE: ClassVar[Sequence[str]] = ("test_loss", "alignment")
    PER_RECORD: ClassVar[Sequence[str]] = ("steps_recorded", "states")
    MEANINGS: ClassVar[Mapping[str, str]] = LINEAR_OBSERVABLES

    def __post_init__(self) -> None:
        lacking = tuple(name for name in LINEAR_OBSERVABLES if name not in self.columns)
        if lacking:  # a file from before there were these
            unknown = np.full((len(self.rows), len(lacking)), np.nan)
            object.__setattr__(self, "rows", np.concatenate([self.rows, unknown], axis=1))
            object.__setattr__(self, "columns", (*self.columns, *lacking))
        super().__post_init__()

    @cached_property
    def second_moments(self) -> Array:
        """Q = MᵀM of M = [W | a] at the recorded steps, (records, d+1, d+1): everything that f depends on."""
        return np.einsum("tki,tkj->tij", self.states, self.states)

    @cached_property
    def neurons(self) -> Array:
        """Rows [w_i | a_i] of the neurons followed at the recorded steps, (records, K, d+1)."""
        neurons: Array = self.combination @ self.states
        return neurons

    @cached_property
    def cosines(self) -> Array:
        """cos(w_i, θ*) of the neurons followed at the recorded steps, (records, K)."""
        first = self.neurons[..., :-1]
        with np.errstate(invalid="ignore", divide="ignore"):
            lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(self.draw.target)
            cosines: Array = first @ self.draw.target / lengths
        return cosines

    def named_arrays(self) -> dict[str, Labelled]:
        """The factor, and the neurons followed; their last ``coordinate`` is the second layer."""
        followed = (RECORDED, "neuron")
        return {
            "state": Labelled((RECORDED, "factor", "coordinate"), self.states, "R with RᵀR = Q = MᵀM, M = [W | a]"),
            "neurons": Labelled((*followed, "coordinate"), self.neurons, "[w_i | a_i] of the neurons followed"),
            "cosines": Labelled(followed, self.cosines, "cos(w_i, θ*) of the neurons followed"),
            "leaving": Labelled(("neuron",), self.leaving, "step at which a neuron has left the lazy regime",
                                "updates"),
        }

    def stage_times(self) -> LinearTimes:
        """T1, T2 and T3, see :class:`LinearTimes`."""
        watched = stages.watched(self.steps_observed)
        settled, low, high = stages.convergence_times(
            self.steps_observed[watched], self.column("test_loss")[watched])
        return LinearTimes(
            *stages.leaving_times(self.leaving), self.alignment_time(0.5), self.alignment_time(0.9),
            settled, stages.resolution(self.steps_observed), low, high,
        )

    def alignment_time(self, level: float) -> float:
        """T2(level): first step observed with alignment at least ``level``; NaN if none."""
        return self.first(self.column("alignment") >= level)

    def loss_floor(self) -> float:
        """Mean test loss over the last quarter of the run, where it fluctuates and falls no more."""
        watched = stages.watched(self.steps_observed)
        return stages.loss_floor(self.steps_observed[watched], self.column("test_loss")[watched])

    def mean_loss(self, start: float, stop: float) -> float:
        """Mean test loss over the steps observed in start..stop, each for the steps that it stands for."""
        return stages.mean_loss(self.steps_observed, self.column("test_loss"), start, stop)

    def first(self, reached: NDArray[np.bool_]) -> float:
        """First step observed at which something holds; NaN if none."""
        return stages.first(self.steps_observed, reached)

    def facts(self) -> dict[str, Any]:
        """What the summary says beside what is common to all systems."""
        return {name: value for name, value in super().facts().items() if name != "cosine_min"}


def seams(run: LinearRun) -> tuple[bool, bool]:
    """Whether last record and last row of a run are of the longer one, too, or are there because it ended."""
    every = run.record_every
    usual = usual_records(run.steps, run.problem)[-1] == run.steps
    record = bool(usual) if every is None else run.steps % every == 0
    return record, record or bool(grid(run.steps)[-1] == run.steps)
