"""What the statements of Karhadkar et al. 2024 are functions of: a run, its flipped labels, its test error."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from theorysim.core import validate
from theorysim.papers.karhadkar2024.setting import parts
from theorysim.theory.statement import Constants, Evidence

N_TEST = 20_000  # noise vectors, each with both labels


@dataclass(frozen=True)
class KarhadkarConstants(Constants):
    """What the paper hides.

    Attributes
    ----------
    delta, C, band : float
        See :class:`theorysim.theory.statement.Constants`; C is that of γ = O(1/d).
    dimension : float
        Of d = Ω(n): d ≥ dimension·n.
    signal : float
        Of γ = Ω(1/k): γ ≥ signal/k.
    epsilon : float
        The test error that counts as benign.
    horizon : int
        Steps by which the training loss should be zero.
    """

    dimension: float = 4.0
    signal: float = 0.25
    epsilon: float = 0.05
    horizon: int = 20_000

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("dimension", "signal"):
            validate.real(name, getattr(self, name), 0, above=True)
        validate.real("epsilon", self.epsilon, 0, 0.5, above=True)
        validate.integer("horizon", self.horizon, 1)


@dataclass(frozen=True, eq=False)
class KarhadkarEvidence(Evidence):
    """One run of a network on a signal and noise in one patch."""

    constants: KarhadkarConstants = field(default_factory=KarhadkarConstants)

    @cached_property
    def gamma(self) -> float:
        """γ = s²/(s² + σ²d), the signal's share; to ten digits, as the roots in s and σ are not exact."""
        found = parts(self.run.problem)
        if found is None:
            raise ValueError(f"run.problem={self.run.problem!r}: must have one patch, a Signal and orthogonal Noise")
        signal, noise = found
        return float(f"{signal.norm**2 / (signal.norm**2 + noise.std**2 * self.run.problem.d):.10g}")

    @property
    def flipped(self) -> int:
        """k, the number of labels that were flipped before training."""
        return int(self.run.draw.noisy.sum())

    @cached_property
    def test_error(self) -> float:
        """On fresh samples with true labels, at the end, counted."""
        return float(self.run.test_error(method="monte-carlo", n_test=N_TEST).value)

    @cached_property
    def fitted(self) -> float:
        """The first step with a hinge loss of zero; NaN where there is none. Only where all steps before were seen."""
        zero = np.flatnonzero(self.run.column("train_loss") <= 0)
        return self.exact(float(self.run.steps_observed[zero[0]]) if zero.size else np.nan, "train_loss")


def is_setting(run: Any) -> bool:
    """Whether a run is of one patch, a signal and noise orthogonal to it, with a leaky ReLU and a summed hinge loss."""
    problem = run.problem
    return parts(problem) is not None and type(problem.sigma).__name__ == "LeakyReLU" and (
        problem.loss, problem.reduction) == ("hinge", "sum")
