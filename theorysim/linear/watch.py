"""What is looked at, and when: observables at steps that grow geometrically."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theorysim.core.recording import MAX_BYTES
from theorysim.linear.draw import LinearDraw, StepNoise
from theorysim.linear.problem import LinearNetwork

RESOLUTION = 128  # steps watched before their distance grows; then it is one part in so many, or the step after
THINNING = 8  # of the steps watched, every so many'th has its state kept by default
USUAL = 320  # records kept by default, at most, in as many steps as anyone makes (10^10)

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
    "parameter_error": "‖e‖ = ‖θ − θ*‖, θ = Wᵀa",
    "share_outside": "share of the neurons followed that are outside the lazy regime at this very step",
    "largest_norm": "largest ‖w_i‖ of the neurons followed",
    "largest_second": "their largest |a_i|",
    "inner_product_mean": "mean of |⟨w_i, θ*⟩| over them",
    "cosine_min_large": "smallest |cos(w_i, θ*)| of those with ‖w_i‖ ≥ √η, NaN if there are none",
}


def grid(end: int) -> Steps:
    """The steps 0..end that are watched in any run: all below RESOLUTION, then a factor exp(1/RESOLUTION) apart."""
    count = max(0, int(np.log(max(end, 1) / RESOLUTION) * RESOLUTION) + 2)
    spaced = (RESOLUTION * np.exp(np.arange(count) / RESOLUTION)).round().astype(np.int64)
    every = np.concatenate([np.arange(RESOLUTION), spaced])
    return every[every <= end]


def record_bytes(problem: LinearNetwork) -> int:
    """The size of one record, of the engine that is free of the width."""
    return 8 * min(problem.width, problem.d + 1) * (problem.d + 1)


def usual_records(end: int, problem: LinearNetwork) -> Steps:
    """Those of the :func:`grid` that are recorded by default; fewer of networks of very many inputs."""
    return grid(end)[:: THINNING * -(-USUAL * record_bytes(problem) // MAX_BYTES)]


@dataclass(frozen=True, eq=False)
class LinearState:
    """The network at one step: what observables of one's own are functions of.

    Attributes
    ----------
    problem : LinearNetwork
    draw : LinearDraw
        Data, θ* and the initial network.
    step : int
    factor : (k, d+1) array
        R with RᵀR = Q: a network of width at most d + 1 that stands for all m neurons, or these themselves with
        engine "explicit".
    combination : (K, k) array
        The neurons followed are combination @ factor.
    """

    problem: LinearNetwork
    draw: LinearDraw
    step: int
    factor: Array
    combination: Array

    @property
    def first_layer(self) -> Array:
        """W of the network evolved, (k, d): its WᵀW, Wᵀa and ‖a‖² are those of the m neurons."""
        return self.factor[:, :-1]

    @property
    def second_layer(self) -> Array:
        """a of the network evolved, (k,)."""
        return self.factor[:, -1]

    @property
    def second_moment(self) -> Array:
        """Q = MᵀM of M = [W | a], (d+1, d+1): everything that f depends on."""
        moment: Array = self.factor.T @ self.factor
        return moment

    @property
    def neurons(self) -> Array:
        """Rows [w_i | a_i] of the neurons followed, (K, d+1)."""
        neurons: Array = self.combination @ self.factor
        return neurons

    @property
    def mean_norm_sq(self) -> float:
        """tr A/m with A = WᵀW: mean squared norm of the m neurons."""
        return self.norm_sq / self.problem.width

    @property
    def norm_sq(self) -> float:
        """tr A."""
        return float((self.first_layer**2).sum())

    @property
    def error(self) -> Array:
        """e = Wᵀa − θ*, (d,)."""
        error: Array = self.second_layer @ self.first_layer - self.draw.target
        return error


@dataclass
class Watch:
    """Observables of a state; remembers which neurons have left, and when."""

    noise: StepNoise
    leaving: Array  # (K,) step at which each neuron was first seen to have left, NaN before; replaced, never written

    def look(self, state: LinearState, counts: bool) -> Array:
        """One row of :data:`LINEAR_OBSERVABLES`; only looks that any run takes count for the times of leaving."""
        target, trace = state.draw.target, state.norm_sq
        error, second = state.error, state.second_layer
        size = float(np.linalg.norm(target))
        along = state.first_layer @ target
        alignment = float(along @ along) / (size**2 * trace) if size**2 * trace > 0 else np.nan
        shares, sizes = self._neurons(state, error, size, counts)
        return np.array([
            trace / state.problem.width, second @ second, ((state.draw.inputs @ error) ** 2).mean() / 2,
            error @ error / 2, alignment, *shares, float(np.linalg.norm(error)), *sizes,
        ])

    def _neurons(
        self, state: LinearState, error: Array, size: float, counts: bool
    ) -> tuple[list[float], list[float]]:
        """What is known of the neurons followed; NaN when there are none."""
        neurons = state.neurons
        if not len(neurons):
            return [np.nan] * 6, [np.nan] * 5
        first, second = neurons[:, :-1], neurons[:, -1]
        start = state.draw.factor[: len(neurons), :-1]
        moved = np.sqrt(state.problem.width) * np.linalg.norm(first - start, axis=1)
        gone = moved > 1
        if counts and gone.any():
            self.leaving = np.where(gone & np.isnan(self.leaving), float(state.step), self.leaving)
        norms = np.linalg.norm(first, axis=1)
        lengths = norms * size
        known = lengths > 0
        cosines = np.abs(first[known] @ state.draw.target) / lengths[known]
        summary = [cosines.mean(), np.median(cosines), cosines.min()] if known.any() else [np.nan] * 3
        mean = self._mean(state, error)
        change = second**2 * (mean @ mean) - (first @ mean) ** 2
        fast = -((state.problem.label_noise_std / 4) ** 2)
        shares = [np.mean(change <= 0), np.mean(change <= fast)]
        large = cosines[norms[known] ** 2 >= self.noise.algorithm.lr]
        sizes = [gone.mean(), norms.max(), np.abs(second).max(), np.abs(first @ state.draw.target).mean(),
                 large.min() if large.size else np.nan]
        return [*summary, 1 - np.isnan(self.leaving).mean(), *shares], sizes

    def _mean(self, state: LinearState, error: Array) -> Array:
        """v of the step to come: the batch's mean of g x."""
        chosen, noise = (one[0] for one in self.noise.between(state.step, state.step + 1))
        x = state.draw.inputs[chosen]
        mean: Array = (x @ error - noise) @ x / len(chosen)
        return mean
