"""The second-order law of label noise: a result of our own, in no paper. What it says, as statements and studies."""

from theorysim.papers.second_order.evidence import SecondOrderConstants, SecondOrderEvidence
from theorysim.papers.second_order.figures import FIGURES
from theorysim.papers.second_order.statements import STATEMENTS
from theorysim.theory.paper import Paper
from theorysim.theory.signal_noise import unlike_gradient_descent

PAPER = Paper(
    name="second_order",
    citation="derived here: label noise acts at second order in the step",
    about=("patch",),
    statements=STATEMENTS,
    evidence=SecondOrderEvidence,
    constants=SecondOrderConstants,
    unlike=lambda run: unlike_gradient_descent(run, "label_smoothing"),
    figures=FIGURES,
)

__all__ = ["PAPER", "STATEMENTS", "SecondOrderConstants", "SecondOrderEvidence"]
