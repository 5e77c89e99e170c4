"""What papers about the signal-noise model make statements of: one run of the patch network, with its quantities."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from theorysim.patch.problem import SignalNoise
from theorysim.patch.run import PatchRun
from theorysim.theory.statement import Array, Evidence


def unlike_gradient_descent(run: PatchRun, *free: str) -> str:
    """What makes a run of the patch network more, or other, than gradient descent with label noise from the seed.

    ``free`` are options of the algorithm that may be set.
    """
    if not run.algorithm.is_plain(*free):
        return f"{run.algorithm} is not plain gradient descent with or without label noise"
    if run.phases:
        return f"until step {run.phases[-1].end} its algorithm was another"
    if run.given_label_noise:
        return "its label noise was given, not drawn"
    return f"{run.policy} acted on its samples" if run.selection is not None else ""


@dataclass(frozen=True, eq=False)
class SignalNoiseEvidence(Evidence):
    """One run of a signal-noise problem, with the quantities that statements are made of."""

    run: PatchRun

    @property
    def problem(self) -> SignalNoise:
        """The problem of the run."""
        problem = self.run.problem
        if not isinstance(problem, SignalNoise):
            raise ValueError(f"run.problem={problem!r}: statements speak about a SignalNoise problem, "
                             f"not about a {type(problem).__name__}")
        if problem.bias or problem.init_law != "normal":
            raise ValueError(f"run.problem={problem!r}: statements speak about Gaussian initial weights without bias, "
                             "init_law='normal' and bias=0")
        if not problem.is_standard:
            raise ValueError(f"run.problem={problem!r}: statements speak about a power of ReLU, the mean logistic loss "
                             "and the second layer ±1/m; leave activation, loss, reduction and readout as they are")
        return problem

    @property
    def label_noise(self) -> bool:
        """Whether labels are multiplied by noise at every step."""
        return self.run.algorithm.label_noise is not None

    @property
    def plain(self) -> bool:
        """Whether it is gradient descent with one learning rate, with or without a law of label noise."""
        return self.run.algorithm.is_plain()

    @property
    def lr(self) -> float:
        """η; NaN where there is not one."""
        return float(self.run.algorithm.lr) if self.plain else float("nan")

    @cached_property
    def rate(self) -> float:
        """κ = η σ_p² d/(nm), the growth rate of memorization per step (up to a constant)."""
        return self.problem.kappa(self.lr) if self.plain else float("nan")

    @cached_property
    def initial_signal(self) -> Array:
        """⟨w_{j,r}(0), μ⟩, (2, m)."""
        return self.run.draw.inner[:, 0].reshape(2, -1)

    @cached_property
    def initial_noise(self) -> Array:
        """⟨w_{j,r}(0), ξ_i⟩, (2, m, n)."""
        return self.run.draw.inner[:, 1:].reshape(2, self.run.draw.m, -1)

    @cached_property
    def own_noise(self) -> Array:
        """⟨w_{ỹ_i,r}(0), ξ_i⟩ of the sample's own branch, (m, n)."""
        return self.own(self.initial_noise)

    def own(self, values: Array) -> Array:
        """Of an array (..., 2, m, n) what belongs to the branch of the sample's observed label, (..., m, n)."""
        positive = self.run.draw.observed_labels > 0
        return np.where(positive, values[..., 0, :, :], values[..., 1, :, :])

    @cached_property
    def noise_gram(self) -> Array:
        """⟨ξ_i, ξ_k⟩, (n, n)."""
        return self.run.draw.gram[1:, 1:]

    @cached_property
    def first_stage_end(self) -> float:
        """Measured T1: every sample is memorized; NaN when not reached. Only where every step before it was seen."""
        return self.exact(self.run.stage_times().T1, "rho_bar_min")
