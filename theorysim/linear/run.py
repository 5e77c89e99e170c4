"""The result: what was seen of the network at some steps, exactly."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from theorysim._html import show, table
from theorysim.linear.problem import LinearNetwork, LinearSGD
from theorysim.run import Status

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

LINEAR_OBSERVABLES = {
    "mean_norm_sq": "tr A/m with A = WᵀW: mean squared norm of the neurons",
    "second_layer": "c = ‖a‖²",
    "train_loss": "½ eᵀHe against clean labels, e = Wᵀa − θ*, H = XᵀX/n",
    "test_loss": "½ ‖e‖², on fresh inputs against clean labels",
    "alignment": "θ̂ᵀAθ̂/tr A, share of the neurons' squared norm along θ*",
}


@dataclass(frozen=True, eq=False)
class LinearRun:
    """A training of a two-layer linear network.

    Attributes
    ----------
    problem, algorithm, seed, engine
        What was simulated.
    status : Status
        completed, diverged or interrupted.
    message : str
        With the remedy when something went wrong.
    target : (d,) array
        θ*.
    inputs : (n, d) array
    steps_recorded : (records,) integer array
    second_moments : (records, d+1, d+1) array
        Q = MᵀM of M = [W | a]: everything that f depends on.
    neurons : (records, K, d+1) array
        Rows [w_i | a_i] of the neurons followed.
    """

    problem: LinearNetwork
    algorithm: LinearSGD
    seed: int
    engine: str
    status: Status
    message: str
    target: Array
    inputs: Array
    steps_recorded: NDArray[np.int64]
    second_moments: Array
    neurons: Array
    timings: Mapping[str, float] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """Number of steps made."""
        return int(self.steps_recorded[-1])

    @cached_property
    def observables(self) -> "pd.DataFrame":
        """Exact observables at the recorded steps; see ``LINEAR_OBSERVABLES``."""
        import pandas as pd

        d, q = self.problem.d, self.second_moments
        first, second = q[:, :d, :d], q[:, d, d]
        error = q[:, :d, d] - self.target
        trace = np.trace(first, axis1=1, axis2=2)
        norm = float(np.linalg.norm(self.target))
        direction = self.target / norm if norm > 0 else np.zeros(d)
        columns = (
            trace / self.problem.width, second, ((error @ self.inputs.T) ** 2).mean(axis=1) / 2,
            (error**2).sum(axis=1) / 2, np.einsum("i,tij,j->t", direction, first, direction) / trace,
        )
        index = pd.Index(self.steps_recorded, name="step")
        return pd.DataFrame(dict(zip(LINEAR_OBSERVABLES, columns, strict=True)), index=index)

    @cached_property
    def cosines(self) -> Array:
        """cos(w_i, θ*) of the neurons followed, (records, K)."""
        rows = self.neurons[..., :-1]
        with np.errstate(invalid="ignore", divide="ignore"):
            cosines: Array = rows @ self.target / (np.linalg.norm(rows, axis=-1) * np.linalg.norm(self.target))
        return cosines

    def leaving_times(self) -> dict[str, float]:
        """T1: first recorded steps at which √m‖w_i(t) − w_i(0)‖ > 1 for some, half and all of the neurons followed."""
        moved = np.sqrt(self.problem.width) * np.linalg.norm(self.neurons[..., :-1] - self.neurons[0, :, :-1], axis=-1)
        gone = np.maximum.accumulate(moved > 1, axis=0)
        share = gone.mean(axis=1) if gone.shape[1] else np.zeros(len(gone))
        return {name: self._first(share >= level) if level else self._first(share > 0)
                for name, level in (("first", 0.0), ("half", 0.5), ("all", 1.0))}

    def alignment_time(self, level: float) -> float:
        """T2: first recorded step with alignment at least ``level``; NaN if none."""
        return self._first(self.observables["alignment"].to_numpy() >= level)

    def _first(self, reached: NDArray[np.bool_]) -> float:
        return float(self.steps_recorded[np.argmax(reached)]) if reached.any() else float("nan")

    def __repr__(self) -> str:
        last = self.observables.iloc[-1]
        return (f"<LinearRun {self.status} at step {self.steps}, test_loss={show(float(last['test_loss']))}, "
                f"alignment={show(float(last['alignment']))}, {self.algorithm}, seed={self.seed}>")

    def _repr_html_(self) -> str:
        last = self.observables.iloc[-1]
        return table("LinearRun", {"problem": self.problem, "algorithm": self.algorithm, "status": self.status,
                                   "steps": self.steps} | {str(name): float(value) for name, value in last.items()})
