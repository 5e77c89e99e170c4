"""Huang et al. 2025, Figure 3, where d = n² log n as Assumption 3.1 asks, initial weights and steps scaled along."""

from collections.abc import Callable
from typing import Any

import numpy as np

from theorysim.patch.algorithm import Flip, GradientDescent
from theorysim.patch.problem import SignalNoise
from theorysim.reproduce import Report
from theorysim.papers.huang2025.figures import fig3 as huang2025_fig3
from theorysim.papers.huang2025.figures.fig3 import GD, NOISY, P_FLIP, PAPER, Diagram

RATE = 0.3  # η σ_p² d/(nm) in every cell: the effect of label noise vanishes with the step


def inside(n: int, snr: float) -> SignalNoise:
    """The problem of a cell where d = n² log n."""
    d = int(np.ceil(n**2 * np.log(n)))
    return PAPER.replace(n=n, d=d, snr=snr, init_std=0.01 / (PAPER.noise_std * np.sqrt(d)))


def matched(label_noise: Flip | None) -> Callable[[SignalNoise], GradientDescent]:
    """Gradient descent with the same step in units of the stage time n m/(σ_p² d) in every cell."""
    return lambda of: GradientDescent(RATE * of.n * of.m / (of.noise_std**2 * of.d), label_noise)


def run(**options: Any) -> Report:
    """The options are those of huang2025_fig3."""
    return huang2025_fig3.run(diagram=Diagram(
        name="huang2025-fig3-inside",
        title="Test error over sample size and SNR where d = n² log n (Huang et al. 2025, Figure 3)",
        problem=inside,
        algorithms={GD: matched(None), NOISY: matched(Flip(P_FLIP))},
        note=f"d = n² log n, σ_0σ_p√d = 0.01 and η σ_p² d/(nm) = {RATE:g} in every cell",
    ), **options)
