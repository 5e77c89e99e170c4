"""Label-noise gradient descent in the low-SNR regime (Huang et al. 2025, arXiv 2510.17526)."""

from theorysim.patch.run import Run
from theorysim.papers.huang2025.laws import SOURCE, assumption_3_1
from theorysim.papers.huang2025.reduced import ReducedProcess, reduced_process
from theorysim.papers.huang2025.statements import STATEMENTS
from theorysim.patch.stages import (
    StageTimes, first_stage, first_step, second_stage_gradient_descent, second_stage_label_noise, stage_times,
)
from theorysim.theory.statement import Evidence

EVIDENCE, RUNS = Evidence, (Run,)

__all__ = [
    "EVIDENCE",
    "RUNS",
    "SOURCE",
    "STATEMENTS",
    "ReducedProcess",
    "StageTimes",
    "assumption_3_1",
    "first_stage",
    "first_step",
    "reduced_process",
    "second_stage_gradient_descent",
    "second_stage_label_noise",
    "stage_times",
]
