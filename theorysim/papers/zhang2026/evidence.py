"""What statements about linear networks are made of: one run, with what was measured in it."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from theorysim.linear import LinearRun, LinearTimes
from theorysim.oscillation import OscillationRun
from theorysim.theory.statement import Constants

Array = NDArray[np.float64]
RUNS = (LinearRun, OscillationRun)


@dataclass(frozen=True, eq=False)
class LinearEvidence:
    """A run of a linear network; an :class:`OscillationRun` has only the first four properties."""

    run: LinearRun | OscillationRun
    constants: Constants = field(default_factory=Constants)

    @property
    def lr(self) -> float:
        """η."""
        return self.run.algorithm.lr

    @cached_property
    def target_norm(self) -> float:
        """‖θ*‖."""
        return float(np.linalg.norm(self.run.draw.target))

    @property
    def stability(self) -> float:
        """η over its limit 2d/((d + 2)m)."""
        return self.lr / self.run.problem.largest_stable_lr()

    @cached_property
    def gram(self) -> Array:
        """H = XᵀX/n, (d, d)."""
        inputs = self.run.draw.inputs
        gram: Array = inputs.T @ inputs / len(inputs)
        return gram

    @property
    def trained(self) -> LinearRun:
        """The run, one of both layers."""
        assert isinstance(self.run, LinearRun)
        return self.run

    @property
    def sigma(self) -> float:
        """σ, 0 when the algorithm leaves the label noise out."""
        return self.run.problem.label_noise_std if self.trained.algorithm.label_noise else 0.0

    @cached_property
    def times(self) -> LinearTimes:
        """T1, T2, T3."""
        return self.trained.stage_times()

    @cached_property
    def slow_time(self) -> Array:
        """τ = η² Σ E[g²] up to every step watched, E[g²] = σ² + eᵀHe."""
        run = self.trained
        noisy = self.sigma**2 * run.algorithm.noise_on(run.steps_observed)
        residual_sq = noisy + 2 * run.column("train_loss")
        passed = np.diff(run.steps_observed) * (residual_sq[:-1] + residual_sq[1:]) / 2
        return self.lr**2 * np.concatenate([[0.0], np.cumsum(passed)])

    @cached_property
    def slow_shares(self) -> tuple[Array, Array]:
        """Eigenvalues of H, and how much of tr A(0) lies along each of its eigenvectors."""
        values, vectors = np.linalg.eigh(self.gram)
        first = self.run.draw.factor[:, :-1]
        return values, ((first @ vectors) ** 2).sum(axis=0)

    def slow_norm(self, slow_time: Array) -> Array:
        """tr(A(0) e^{−Hτ}) at slow times τ."""
        values, squares = self.slow_shares
        norms: Array = np.exp(-np.multiply.outer(slow_time, values)) @ squares
        return norms

    def all_shrunk_away(self, slow_time: float) -> float:
        """m min_i ‖(1 − e^{−Hτ/2})w_i(0)‖² over the neurons followed: at 1 the last has left the lazy regime."""
        values, vectors = np.linalg.eigh(self.gram)
        start = self.run.draw.factor[: len(self.trained.leaving), :-1] @ vectors
        moved = (start**2) @ (1 - np.exp(-values * slow_time / 2)) ** 2
        return float(self.run.problem.width * moved.min())

    @cached_property
    def shrunk(self) -> float:
        """Phase II's start: first step watched with tr A/m ≤ √η, where Lemma 4 brings it; NaN if none."""
        return self.trained.first(self.trained.column("mean_norm_sq") <= np.sqrt(self.lr))

    def at(self, column: str, step: float) -> float:
        """An observable at the first step watched from ``step`` on."""
        return float(self.trained.column(column)[np.searchsorted(self.trained.steps_observed, step)])

    def first_phase_mean(self, column: str) -> float:
        """Mean of an observable over the steps watched until all neurons followed have left (or to the end)."""
        run, last = self.trained, self.times.T1_all
        inside = run.steps_observed <= (run.steps if np.isnan(last) else last)
        return float(run.column(column)[inside].mean())
