"""When what happened to a linear network: it leaves the lazy regime, aligns, converges."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theorysim.core.html import show
from theorysim.core.run import Times
from theorysim.linear.watch import RESOLUTION, grid

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
        The loss has come down: before, the mean test loss over t..1.1t was more than twice the floor, its mean over the
        last quarter of the run, and from there on it is not; both over the steps that every such run is watched at,
        whatever else was recorded. NaN for a loss that never was more, as one that label noise makes grow: it has not
        come down. That the floor has stopped falling is not said.
    resolution : float
        Times are found at steps watched: exact up to step 128, later at most this share too late.
    T3_low, T3_high : float
        T3 is a time of means over few steps of a loss that fluctuates. It would be this if each were smaller, or
        larger, by two standard errors; NaN where it would not have come.
    """

    T1_first: float
    T1_half: float
    T1_all: float
    T2_half: float
    T2_most: float
    T3: float
    resolution: float
    T3_low: float = float("nan")
    T3_high: float = float("nan")

    def to_dict(self) -> dict[str, float]:
        """The times alone, by name."""
        return {name: time for name, time in super().to_dict().items() if name in TIMES}

    def sentences(self) -> dict[str, str]:
        """What is shown of every time, and their resolution."""
        within = f"{show(self.T3)} (two standard errors: {show(self.T3_low)} to {show(self.T3_high)})"
        return super().sentences() | {"T3": within, "resolution": show(self.resolution)}


TIMES = ("T1_first", "T1_half", "T1_all", "T2_half", "T2_most", "T3")


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
    return _mean(loss, _stood_for(steps), _inside(steps, start, stop))


def _stood_for(steps: Steps) -> Array:
    """How many steps each of those observed stands for."""
    stood: Array = np.gradient(steps.astype(np.float64)) if len(steps) > 1 else np.ones(1)
    return stood


def _inside(steps: Steps, start: float, stop: float) -> slice:
    """Which of the steps observed, in order, lie in start..stop."""
    return slice(int(np.searchsorted(steps, start)), int(np.searchsorted(steps, stop, side="right")))


def _mean(loss: Array, weight: Array, part: slice) -> float:
    total = weight[part].sum()
    return float((loss[part] * weight[part]).sum() / total) if total > 0 else float("nan")


def loss_floor(steps: Steps, loss: Array) -> float:
    """Mean of a loss over the last quarter of the run."""
    return mean_loss(steps, loss, (1 - FLOOR_SHARE) * float(steps[-1]), float(steps[-1]))


def watched(steps: Steps) -> NDArray[np.bool_]:
    """Which of the steps observed are observed in every run of this length, whatever it records."""
    return np.isin(steps, np.append(grid(int(steps[-1])), steps[-1]))


def convergence_times(steps: Steps, loss: Array) -> tuple[float, float, float]:
    """T3, T3_low and T3_high, see :class:`LinearTimes`, of a loss at steps watched."""
    limit = 2 * loss_floor(steps, loss)
    begun = [step for step in steps.tolist() if (1 + WINDOW) * step <= steps[-1]]
    weight, parts = _stood_for(steps), [_inside(steps, step, (1 + WINDOW) * step) for step in begun]
    means = np.array([_mean(loss, weight, part) for part in parts])
    errors = np.array([standard_error(loss[part]) for part in parts])
    found = (_settled(begun, means + shift * errors <= limit) for shift in (0.0, -2.0, 2.0))
    settled, low, high = found
    return settled, low, high


def standard_error(values: Array) -> float:
    """Of the mean of values a step or more apart, as if they were independent; 0 for one, which is all there is."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0


def _settled(steps: list[int], below: NDArray[np.bool_]) -> float:
    """The step from which on all are below; NaN where the last is not, and where all are."""
    above = np.flatnonzero(~below)
    return float(steps[above[-1] + 1]) if len(above) and below[-1] else float("nan")


def resolution(steps: Steps) -> float:
    """The largest distance of two steps observed after step 128, as a share of the later."""
    later = np.diff(steps) / np.maximum(steps[1:], 1)
    return float(later[steps[1:] > RESOLUTION].max(initial=0.0))
