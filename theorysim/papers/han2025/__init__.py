"""Fixed noisy labels: two stages of feature learning (Han et al. 2025, arXiv 2505.18909)."""

from theorysim.patch.run import Run
from theorysim.papers.han2025.laws import SOURCE, StageTimes, condition_4_1, early_ratio, first_stage, stage_times
from theorysim.papers.han2025.statements import STATEMENTS
from theorysim.theory.statement import Evidence

EVIDENCE, RUNS = Evidence, (Run,)

__all__ = [
    "EVIDENCE", "RUNS", "SOURCE", "STATEMENTS", "StageTimes", "condition_4_1", "early_ratio", "first_stage",
    "stage_times",
]
