"""One run of SGD or SAM, with what the claims of Chen et al. 2023 are made of."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from theorysim.core import validate
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.problem import SignalNoise
from theorysim.theory.signal_noise import SignalNoiseEvidence
from theorysim.theory.statement import Constants

PATCHES = 2  # P, of the signal-noise model


def signal_power(problem: SignalNoise) -> float:
    """n‖μ‖⁴/(dP⁴σ⁴), which SGD is said to need."""
    return problem.n * problem.signal_norm**4 / (problem.d * PATCHES**4 * problem.noise_std**4)


def radius_unit(problem: SignalNoise, batch_size: int) -> float:
    """m√B/(Pσ√d), the order of the radius that SAM is said to need."""
    return float(problem.m * np.sqrt(batch_size) / (PATCHES * problem.noise_std * np.sqrt(problem.d)))


def sam(problem: SignalNoise, lr: float, batch_size: int, factor: float) -> GradientDescent:
    """SAM whose radius is a factor times :func:`radius_unit`."""
    return GradientDescent(lr, batch_size=batch_size, sam_radius=factor * radius_unit(problem, batch_size))


@dataclass(frozen=True)
class SamConstants(Constants):
    """With the test error that separates good from bad, and the training loss that ends training: both are choices."""

    error: float = 0.1
    loss: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        validate.real("error", self.error, 0, 0.5, above=True)
        validate.real("loss", self.loss, 0, above=True)


@dataclass(frozen=True, eq=False)
class SamEvidence(SignalNoiseEvidence):
    """A run of mini-batch SGD, or of SAM."""

    constants: SamConstants

    @cached_property
    def test_error(self) -> float:
        """P(y f(x) < 0) against true labels on fresh noise at the end, counted on 10 000 noise vectors."""
        return self.run.test_error(method="monte-carlo", n_test=10_000).value

    @cached_property
    def radius(self) -> float:
        """ρ in units of m√B/(Pσ√d)."""
        rule, p = self.run.algorithm, self.problem
        return rule.sam_radius / radius_unit(p, rule.batch_size or p.n)
