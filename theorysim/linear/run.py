"""The result: what was seen of the network at some steps, exactly."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.core.html import show, table
from theorysim.linear.draw import LinearDraw
from theorysim.linear.problem import LinearNetwork, LinearSGD
from theorysim.linear.watch import LINEAR_OBSERVABLES, RESOLUTION, THINNING, grid
from theorysim.core.status import Status

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
WINDOW = 0.1  # of a time t, the share over which a loss is averaged from t on
FLOOR_SHARE = 0.25  # of the run, at its end, over which the floor of the loss is taken


@dataclass(frozen=True)
class LinearTimes:
    """When what happened, in steps; NaN for what did not.

    Attributes
    ----------
    T1_first, T1_half, T1_all : float
        √m‖w_i(t) − w_i(0)‖ > 1 has been seen for some, for half, for all of the neurons followed.
    T2_half, T2_most : float
        Alignment θ̂ᵀAθ̂/tr A is at least 0.5, 0.9.
    T3 : float
        From there on the mean test loss over t..1.1t is at most twice the floor, its mean over the last quarter of the
        run.
    resolution : float
        Times are found at steps watched: exact up to step 128, later at most this share too late.
    """

    T1_first: float
    T1_half: float
    T1_all: float
    T2_half: float
    T2_most: float
    T3: float
    resolution: float

    def _repr_html_(self) -> str:
        return table("LinearTimes", vars(self))


@dataclass(frozen=True, eq=False)
class LinearRun:
    """A training of a two-layer linear network, the result of :func:`theorysim.simulate`.

    Attributes
    ----------
    problem, algorithm, draw, seed, engine
        What was simulated.
    status : Status
        completed, diverged, interrupted or stopped.
    message : str
        The status in a sentence, with the remedy when something went wrong.
    stopped_at : int or None
        The last step reached, unless completed; for a diverged run the step of the overflow.
    steps_watched : (looks,) integer array
        Steps of the observables: every step up to 128, then at most 1.5% apart.
    rows : (looks, columns) array
        :attr:`observables` names the columns.
    steps_recorded : (records,) integer array
    states : (records, k, d+1) array
        The rows R evolved, RᵀR = Q = MᵀM.
    combination : (K, k) array
        The neurons followed are combination @ R at every step.
    leaving : (K,) array
        Step at which each of them has left the lazy regime, NaN if it has not.
    timings : dict
        Seconds spent to ``solve``.
    """

    problem: LinearNetwork
    algorithm: LinearSGD
    draw: LinearDraw
    seed: int
    engine: str
    status: Status
    message: str
    stopped_at: int | None
    steps_watched: NDArray[np.int64]
    rows: Array
    steps_recorded: NDArray[np.int64]
    states: Array
    combination: Array
    leaving: Array
    timings: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for array in vars(self).values():
            if isinstance(array, np.ndarray):
                array.setflags(write=False)

    @property
    def steps(self) -> int:
        """Number of steps made."""
        return int(self.steps_watched[-1])

    @cached_property
    def observables(self) -> "pd.DataFrame":
        """Exact observables at the steps watched; the columns are explained in ``LINEAR_OBSERVABLES``."""
        import pandas as pd

        index = pd.Index(self.steps_watched, name="step")
        return pd.DataFrame(self.rows, columns=list(LINEAR_OBSERVABLES), index=index)

    def column(self, name: str) -> Array:
        """One observable at the steps watched."""
        return self.rows[:, list(LINEAR_OBSERVABLES).index(validate.choice("name", name, LINEAR_OBSERVABLES))]

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
        rows = self.neurons[..., :-1]
        with np.errstate(invalid="ignore", divide="ignore"):
            lengths = np.linalg.norm(rows, axis=-1) * np.linalg.norm(self.draw.target)
            cosines: Array = rows @ self.draw.target / lengths
        return cosines

    def stage_times(self) -> LinearTimes:
        """T1, T2 and T3, see :class:`LinearTimes`."""
        gone = np.sort(self.leaving)  # those that never left come last
        first, half, every = (gone[[0, (len(gone) - 1) // 2, -1]] if len(gone) else np.full(3, np.nan)).tolist()
        steps = self.steps_watched
        later = np.diff(steps) / np.maximum(steps[1:], 1)
        return LinearTimes(
            first, half, every, self.alignment_time(0.5), self.alignment_time(0.9), self._convergence_time(),
            float(later[steps[1:] > RESOLUTION].max(initial=0.0)),
        )

    def alignment_time(self, level: float) -> float:
        """T2(level): first step watched with alignment at least ``level``; NaN if none."""
        return self.first(self.column("alignment") >= level)

    def loss_floor(self) -> float:
        """Mean test loss over the last quarter of the run, where it fluctuates and falls no more."""
        return self.mean_loss((1 - FLOOR_SHARE) * self.steps, self.steps)

    def mean_loss(self, start: float, stop: float) -> float:
        """Mean test loss over the steps watched in start..stop, each for the steps that it stands for."""
        steps, loss = self.steps_watched, self.column("test_loss")
        inside = (steps >= start) & (steps <= stop)
        weight = np.gradient(steps.astype(float))[inside] if len(steps) > 1 else np.ones(1)
        return float(np.average(loss[inside], weights=weight)) if inside.any() else float("nan")

    def _convergence_time(self) -> float:
        limit = 2 * self.loss_floor()
        starts = [step for step in self.steps_watched.tolist() if (1 + WINDOW) * step <= self.steps]
        settled = float("nan")
        for step in reversed(starts):
            if not self.mean_loss(step, (1 + WINDOW) * step) <= limit:
                break
            settled = float(step)
        return settled

    def first(self, reached: NDArray[np.bool_]) -> float:
        """First step watched at which something holds; NaN if none."""
        return float(self.steps_watched[np.argmax(reached)]) if reached.any() else float("nan")

    def save(self, path: str | Path) -> None:
        """Write everything to one ``.npz`` file; :func:`theorysim.load_run` reads it back."""
        from theorysim import storage

        storage.save(self, path)

    def summary(self) -> dict[str, Any]:
        """The main facts of the run, by name."""
        facts: dict[str, Any] = {
            "status": f"{self.status}: {self.message}" if self.message else str(self.status),
            "problem": self.problem, "algorithm": self.algorithm, "steps": self.steps, "seed": self.seed,
            "engine": self.engine,
        }
        facts |= {name: float(self.column(name)[-1]) for name in LINEAR_OBSERVABLES if name != "cosine_min"}
        return facts | {f"{name} time (s)": seconds for name, seconds in self.timings.items()}

    def __repr__(self) -> str:
        loss, alignment = (show(float(self.column(name)[-1])) for name in ("test_loss", "alignment"))
        return (f"<LinearRun {self.status} at step {self.steps}, test_loss={loss}, alignment={alignment}, "
                f"{self.algorithm}, seed={self.seed}>")

    def _repr_html_(self) -> str:
        return table("LinearRun", self.summary())


def joined(before: LinearRun, after: LinearRun) -> LinearRun:
    """One run from a run and its continuation, whose first look is the last of the former."""
    # What was looked at or kept only because the run ended there is not of the whole.
    every, more = grid(before.steps), after.steps > before.steps
    look, seam = len(before.steps_watched) - 1, int(more and every[-1] != before.steps)
    record, kept = len(before.steps_recorded) - 1, int(more and every[::THINNING][-1] != before.steps)
    return replace(
        after,
        steps_watched=np.concatenate([before.steps_watched[:look], after.steps_watched[seam:]]),
        rows=np.concatenate([before.rows[:look], after.rows[seam:]]),
        steps_recorded=np.concatenate([before.steps_recorded[:record], after.steps_recorded[kept:]]),
        states=np.concatenate([before.states[:record], after.states[kept:]]),
        timings={"solve": before.timings.get("solve", 0.0) + after.timings.get("solve", 0.0)},
    )
