"""Benign and harmful overfitting of leaky ReLU networks under the hinge loss (Karhadkar et al. 2024)."""

from typing import Any

from theorysim.papers.karhadkar2024.evidence import KarhadkarConstants, KarhadkarEvidence, is_setting
from theorysim.papers.karhadkar2024.figures import FIGURES
from theorysim.papers.karhadkar2024.setting import algorithm, problem
from theorysim.papers.karhadkar2024.statements import STATEMENTS
from theorysim.theory.paper import Paper
from theorysim.theory.signal_noise import unlike_gradient_descent


def setting(run: Any) -> str:
    """Why a run is of the paper's setting."""
    return "leaky ReLU and summed hinge loss, a signal and noise in one patch" if is_setting(run) else ""


PAPER = Paper(
    name="karhadkar2024",
    citation="Karhadkar et al. 2024: benign overfitting in leaky ReLU networks with moderate input dimension",
    about=("patch",),
    statements=STATEMENTS,
    evidence=KarhadkarEvidence,
    constants=KarhadkarConstants,
    setting=setting,
    unlike=unlike_gradient_descent,
    figures=FIGURES,
)

__all__ = ["PAPER", "STATEMENTS", "KarhadkarConstants", "KarhadkarEvidence", "algorithm", "problem"]
