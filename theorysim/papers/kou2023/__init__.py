"""Benign overfitting of ReLU networks (Kou et al. 2023)."""

from theorysim.papers.kou2023.figures import FIGURES
from theorysim.papers.kou2023.statements import LOW_SNR, STATEMENTS
from theorysim.theory.paper import Paper
from theorysim.theory.signal_noise import SignalNoiseEvidence, unlike_gradient_descent

PAPER = Paper(
    name="kou2023",
    citation="Kou et al. 2023: benign overfitting of two-layer ReLU networks",
    about=("patch",),
    statements=STATEMENTS,
    evidence=SignalNoiseEvidence,
    unlike=unlike_gradient_descent,
    figures=FIGURES,
)

__all__ = ["LOW_SNR", "PAPER", "STATEMENTS"]
