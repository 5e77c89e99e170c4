"""Label-noise gradient descent in the low-SNR regime (Huang et al. 2025, arXiv 2510.17526)."""

from collections.abc import Mapping
from typing import Any

from theorysim.papers.huang2025.evidence import HuangConstants, HuangEvidence
from theorysim.papers.huang2025.figures import FIGURES
from theorysim.papers.huang2025.assumption import SOURCE, assumption_3_1, consistent_choice, time_ratio
from theorysim.papers.huang2025.reduced import ReducedProcess, reduced_process
from theorysim.papers.huang2025.statements import STATEMENTS
from theorysim.papers.huang2025.times import LAWS
from theorysim.patch.patch_model import PatchModel
from theorysim.patch.run import PatchRun
from theorysim.patch.stages import (
    StageTimes, first_stage, first_step, second_stage_gradient_descent, second_stage_label_noise, stage_times,
)
from theorysim.theory.paper import Paper
from theorysim.theory.signal_noise import unlike_gradient_descent


def setting(run: PatchRun) -> str:
    """Label noise at every step, or an activation of power 2 and more; not on data by law."""
    if isinstance(run.problem, PatchModel):
        return ""
    if run.algorithm.label_noise is not None:
        return "label noise at every step"
    return f"activation of power q = {run.problem.q:g}, no label noise" if run.problem.q >= 2 else ""


def regime(fields: Mapping[str, Any]) -> Any:
    """Problems inside Assumption 3.1, as a Hypothesis strategy."""
    from theorysim.papers.huang2025.regime import inside  # with Hypothesis, which only tests have

    return inside(fields)


PAPER = Paper(
    name="huang2025",
    citation="Huang et al. 2025: label-noise gradient descent in the low-SNR regime (arXiv 2510.17526)",
    about=("patch",),
    statements=STATEMENTS,
    evidence=HuangEvidence,
    constants=HuangConstants,
    laws=LAWS,
    plain_laws=True,
    setting=setting,
    regime=regime,
    unlike=unlike_gradient_descent,
    figures=FIGURES,
)

__all__ = [
    "PAPER",
    "SOURCE",
    "STATEMENTS",
    "HuangConstants",
    "HuangEvidence",
    "ReducedProcess",
    "StageTimes",
    "assumption_3_1",
    "consistent_choice",
    "first_stage",
    "first_step",
    "reduced_process",
    "second_stage_gradient_descent",
    "second_stage_label_noise",
    "stage_times",
    "time_ratio",
]
