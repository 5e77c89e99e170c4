"""What is looked at, and when: observables at steps that grow geometrically."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.linear.draw import LinearDraw, StepNoise

RESOLUTION = 128  # steps watched before their distance grows; then it is one part in so many, or the step after
THINNING = 8  # of the steps watched, every so many'th has its state kept by default

Array = NDArray[np.float64]
Steps = NDArray[np.int64]

LINEAR_OBSERVABLES = {
    "mean_norm_sq": "tr A/m with A = WᵀW: mean squared norm of the neurons",
    "second_layer": "c = ‖a‖²",
    "train_loss": "½ eᵀHe against clean labels, e = Wᵀa − θ*, H = XᵀX/n",
    "test_loss": "½ ‖e‖², on fresh inputs against clean labels",
    "alignment": "θ̂ᵀAθ̂/tr A, share of the neurons' squared norm along θ*",
    "cosine_mean": "mean of |cos(w_i, θ*)| over the neurons followed",
    "cosine_median": "its median",
    "cosine_min": "the smallest: the neuron least aligned",
    "share_left": "share of the neurons followed that have left the lazy regime, √m‖w_i − w_i(0)‖ > 1 at some step",
    "share_shrinking": "share with Δ_i ≤ 0 at the step to come, Δ_i = a_i²‖v‖² − ⟨w_i, v⟩², v the batch's mean of g x",
    "share_shrinking_fast": "share with Δ_i ≤ −(σ/4)²",
}


def grid(end: int) -> Steps:
    """The steps 0..end that are watched in any run: all below RESOLUTION, then a factor exp(1/RESOLUTION) apart."""
    count = max(0, int(np.log(max(end, 1) / RESOLUTION) * RESOLUTION) + 2)
    spaced = (RESOLUTION * np.exp(np.arange(count) / RESOLUTION)).round().astype(np.int64)
    every = np.concatenate([np.arange(RESOLUTION), spaced])
    return every[every <= end]


def recorded(start: int, end: int, at: Iterable[int] | None) -> Steps:
    """The steps in start..end whose state is kept, both ends included."""
    if at is None:
        chosen = grid(end)[::THINNING]
        chosen = chosen[chosen >= start]
    elif not isinstance(at, Iterable):
        raise TypeError(f"record_at={at!r}: must be a sequence of steps, not {type(at).__name__}")
    else:
        chosen = np.array([validate.integer("record_at", step, start, end) for step in at], dtype=np.int64)
    return np.unique(np.concatenate([[start], chosen, [end]])).astype(np.int64)


@dataclass
class Watch:
    """Observables of a state; remembers which neurons have left, and when."""

    draw: LinearDraw
    width: int
    combination: Array  # (K, k): neurons are combination @ rows
    noise: StepNoise
    leaving: Array  # (K,) step at which each neuron was first seen to have left, NaN before

    def look(self, rows: Array, step: int, counts: bool) -> Array:
        """One row of :data:`LINEAR_OBSERVABLES`; only looks that any run takes count for the times of leaving."""
        first, second = rows[:, :-1], rows[:, -1]
        target, trace = self.draw.target, float((first**2).sum())
        error = second @ first - target
        size = float(np.linalg.norm(target))
        along = first @ target
        alignment = float(along @ along) / (size**2 * trace) if size**2 * trace > 0 else np.nan
        return np.array([
            trace / self.width, second @ second, ((self.draw.inputs @ error) ** 2).mean() / 2, error @ error / 2,
            alignment, *self._neurons(self.combination @ rows, error, size, step, counts),
        ])

    def _neurons(self, neurons: Array, error: Array, size: float, step: int, counts: bool) -> list[float]:
        """What is known of the neurons followed; NaN when there are none."""
        if not len(neurons):
            return [np.nan] * 6
        first, second = neurons[:, :-1], neurons[:, -1]
        moved = np.sqrt(self.width) * np.linalg.norm(first - self.draw.rows[: len(neurons), :-1], axis=1)
        if counts:
            self.leaving[(moved > 1) & np.isnan(self.leaving)] = step
        lengths = np.linalg.norm(first, axis=1) * size
        known = lengths > 0
        cosines = np.abs(first[known] @ self.draw.target) / lengths[known]
        summary = [cosines.mean(), np.median(cosines), cosines.min()] if known.any() else [np.nan] * 3
        chosen, noise = (one[0] for one in self.noise.rows(step, step + 1))
        x = self.draw.inputs[chosen]
        mean = (x @ error - noise) @ x / len(chosen)
        change = second**2 * (mean @ mean) - (first @ mean) ** 2
        fast = -((self.noise.problem.label_noise_std / 4) ** 2)
        shares = [np.mean(change <= 0), np.mean(change <= fast)]
        return [*summary, 1 - np.isnan(self.leaving).mean(), *shares]
