"""Spurious features learned first, and progressive data expansion (Deng et al. 2023)."""

from typing import Any

from theorysim.papers.deng2023.evidence import DengConstants, DengEvidence
from theorysim.papers.deng2023.figures import FIGURES
from theorysim.papers.deng2023.setting import GD, MOMENTUM, OBSERVE, is_setting, problem
from theorysim.papers.deng2023.statements import STATEMENTS
from theorysim.theory.paper import Paper
from theorysim.theory.signal_noise import unlike_gradient_descent


def setting(run: Any) -> str:
    """Why a run is of the paper's setting."""
    return "cubic activation, a signal, a spurious feature and noise in patches of their own" if is_setting(run) else ""


PAPER = Paper(
    name="deng2023",
    citation="Deng et al. 2023: robust learning with progressive data expansion against spurious correlation",
    about=("patch",),
    statements=STATEMENTS,
    evidence=DengEvidence,
    constants=DengConstants,
    setting=setting,
    unlike=lambda run: unlike_gradient_descent(run, "momentum"),
    figures=FIGURES,
)

__all__ = ["GD", "MOMENTUM", "OBSERVE", "PAPER", "STATEMENTS", "DengConstants", "DengEvidence", "problem"]
