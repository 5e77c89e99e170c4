"""One run of attention on tokens with flipped labels, its test losses, and what its first step does.

At p = 0 all tokens have the softmax weight 1/T. Where ρ and the noise of values are small, the relevant token of a
sample with label y* has the value y*γ and f = y*γ/T, so a step of the scores is η σ_w²d times G on slopes that are
(1 − 1/T) at the relevant token of a clean sample, minus that at one of a flipped sample, and 1/T at the latter's other
tokens, all times γ/(2nT) (expectation over W, with entries of variance σ_w²). With (1 − 2τ)n/2 more clean than flipped
samples in a class the weight on the relevant token of a flipped sample falls if and only if

    (1 − 1/T)(‖μ‖²(1 − 2τ)n/2 − σ²d) < σ²d/T,   that is   n·SNR² < 2/((1 − 2τ)(1 − 1/T)).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from theorysim.attention.problem import TokenSelection
from theorysim.attention.run import AttentionRun
from theorysim.core import validate
from theorysim.theory.statement import Array, Constants, Evidence

LEVEL = float(np.log(2) + np.log1p(np.exp(-np.sqrt(0.5)))) / 2  # between no answer and the relevant token alone
N_TEST = 10_000


@dataclass(frozen=True)
class SelectionConstants(Constants):
    """With what counts as a strong and a weak signal, as generalising, and as beyond a threshold: all are choices.

    Attributes
    ----------
    high, low : float
        n·SNR² from which on, and up to which.
    level : float
        Test loss below which an attention generalises; by default halfway between log 2, of no answer at all, and
        log(1 + exp(−1/√2)), of the relevant token alone at ‖v‖ = 1/‖μ‖.
    clear : float
        The factor by which n·SNR² is beyond the threshold of the first step, for fluctuations.
    """

    high: float = 100.0
    low: float = 1.0
    level: float = LEVEL
    clear: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        validate.real("high", self.high, 0, above=True)
        validate.real("low", self.low, 0, above=True)
        validate.real("level", self.level, 0, above=True)
        validate.real("clear", self.clear, 1)


def is_setting(run: AttentionRun) -> bool:
    """Whether its head is fixed at 1/‖μ‖ and some labels are flipped, fewer than half."""
    p, a = run.problem, run.algorithm
    flipped = 2 * int(run.draw.flipped.sum())
    return (not a.train_head and p.tokens > 1 and p.noise_std > 0 and p.signal_norm > 0 and 0 < flipped < run.draw.n
            and np.isclose(np.hypot(*p.head) * p.signal_norm, 1.0))


@dataclass(frozen=True, eq=False)
class SelectionEvidence(Evidence):
    """A run with a fixed head and flipped labels."""

    run: AttentionRun
    constants: SelectionConstants

    @property
    def n_snr2(self) -> float:
        """n·SNR²."""
        return self.run.problem.n_snr2

    @property
    def threshold(self) -> float:
        """2/((1 − 2τ)(1 − 1/T)) with the labels that are flipped."""
        flipped = self.run.draw.flipped.mean()
        return threshold(self.run.problem, float(flipped))

    @property
    def fitted(self) -> float:
        """The first step with all observed labels predicted."""
        return self.run.stage_times().fitted

    @cached_property
    def test_loss(self) -> dict[int, float]:
        """Test losses that were asked for, by step."""
        return {}

    def test_loss_at(self, steps: NDArray[np.int64]) -> Array:
        """Test losses at recorded steps, all on the same fresh samples."""
        self.records(steps)
        for step in steps:
            if int(step) not in self.test_loss:
                self.test_loss[int(step)] = self.run.test_loss(int(step), N_TEST).value
        return np.array([self.test_loss[int(step)] for step in steps])


def threshold(problem: TokenSelection, flipped: float | None = None) -> float:
    """n·SNR² below which the first step takes weight from the relevant tokens of flipped samples (derived)."""
    share = problem.label_flip if flipped is None else flipped
    return 2 / ((1 - 2 * share) * (1 - 1 / problem.tokens))
