"""When what happened to a linear network: it leaves the lazy regime, aligns, converges."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theorysim.core.html import show
from theorysim.core.run import Times
from theorysim.linear.watch import RESOLUTION

Array = NDArray[np.float64]
Steps = NDArray[np.int64]
WINDOW = 0.1  # of a time t, the share over which a loss is averaged from t on
FLOOR_SHARE = 0.25  # of the run, at its end, over which the floor of the loss is taken


@dataclass(frozen=True)
class LinearTimes(Times):
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

    def to_dict(self) -> dict[str, float]:
        """The times alone, by name."""
        return {name: time for name, time in super().to_dict().items() if name != "resolution"}

    def sentences(self) -> dict[str, str]:
        """What is shown of every time, and their resolution."""
        return super().sentences() | {"resolution": show(self.resolution)}


TIMES = tuple(name for name in LinearTimes.__dataclass_fields__ if name != "resolution")


def leaving_times(leaving: Array) -> tuple[float, float, float]:
    """T1 for the first, for half and for all of the neurons; NaN where so many have not left."""
    if not len(leaving):
        return np.nan, np.nan, np.nan
    gone = np.sort(leaving)  # those that never left come last
    return float(gone[0]), float(gone[(len(gone) - 1) // 2]), float(gone[-1])


def first(steps: Steps, reached: NDArray[np.bool_]) -> float:
    """First step at which something holds; NaN if none."""
    return float(steps[np.argmax(reached)]) if reached.any() else float("nan")


def mean_loss(steps: Steps, loss: Array, start: float, stop: float) -> float:
    """Mean of a loss over the steps observed in start..stop, each for the steps that it stands for."""
    inside = (steps >= start) & (steps <= stop)
    weight = np.gradient(steps.astype(float))[inside] if len(steps) > 1 else np.ones(1)
    return float(np.average(loss[inside], weights=weight)) if inside.any() else float("nan")


def loss_floor(steps: Steps, loss: Array) -> float:
    """Mean of a loss over the last quarter of the run."""
    return mean_loss(steps, loss, (1 - FLOOR_SHARE) * float(steps[-1]), float(steps[-1]))


def convergence_time(steps: Steps, loss: Array) -> float:
    """T3, see :class:`LinearTimes`."""
    limit = 2 * loss_floor(steps, loss)
    settled = float("nan")
    for step in reversed([step for step in steps.tolist() if (1 + WINDOW) * step <= steps[-1]]):
        if not mean_loss(steps, loss, step, (1 + WINDOW) * step) <= limit:
            break
        settled = float(step)
    return settled


def resolution(steps: Steps) -> float:
    """The largest distance of two steps observed after step 128, as a share of the later."""
    later = np.diff(steps) / np.maximum(steps[1:], 1)
    return float(later[steps[1:] > RESOLUTION].max(initial=0.0))
