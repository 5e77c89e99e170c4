"""One run of attention on tokens with flipped labels, its test losses, and what its first step does.

At p = 0 all tokens have the softmax weight 1/T. Let γ = ‖v‖‖μ‖/√2, and let the noise of values be small. In units of γ
and of the true label the values are 1, ρ, −ρ and 0, and f̂ = (1 + ρ(w − o))/T with w weakly relevant tokens and o of
the other label. The slope of −loss at a token is (value − f̂)γ/(nT), times c = 1/(1 + exp(γf̂)) for a clean sample and
times −(1 − c) for a flipped one. Scores move by ησ_w²d times G on these slopes (expectation over W, with entries of
variance σ_w²). So all relevant tokens of a class gain ‖μ‖²(n/2)((1 − τ)c − τ(1 − c))B with

    B = 1 − f̂ + wρ(ρ − f̂) − oρ(ρ + f̂),

weakly relevant tokens ρ times as much, and the tokens of a flipped sample lose σ²d(1 − c)(value − f̂) by their own
noise. Less its mean over tokens, the score of the relevant token of a flipped sample falls if and only if

    n·SNR² < 2(1 − f̂)(1 − c)/(((1 − τ)c − τ(1 − c)) B (1 − (1 + ρ(w + o))/T)).
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
    clear: float = 1.5

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
        """n·SNR² below which the first step takes weight from the relevant tokens of flipped samples."""
        return threshold(self.run.problem, float(self.run.draw.flipped.mean()))

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


def threshold(problem: TokenSelection, flipped: float) -> float:
    """n·SNR² below which the first step takes weight from the relevant tokens of flipped samples (derived, see above).

    ``flipped`` is the share of flipped labels; infinite where clean samples do not outweigh them.
    """
    rho, tokens, value = problem.relevance, problem.tokens, problem.head[0] * problem.signal_norm
    mean = (1 + rho * (problem.weak - problem.opposed)) / tokens
    clean = 1 / (1 + np.exp(value * mean))
    pull = (1 - flipped) * clean - flipped * (1 - clean)
    signal = 1 - mean + problem.weak * rho * (rho - mean) - problem.opposed * rho * (rho + mean)
    gain = pull * signal * (1 - (1 + rho * (problem.weak + problem.opposed)) / tokens)
    return float(2 * (1 - mean) * (1 - clean) / gain) if gain > 0 else float("inf")
