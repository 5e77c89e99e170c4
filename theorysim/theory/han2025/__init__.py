"""Fixed noisy labels: two stages of feature learning (Han et al. 2025, arXiv 2505.18909)."""

from theorysim.theory.han2025.laws import SOURCE, StageTimes, condition_4_1, early_ratio, first_stage, stage_times
from theorysim.theory.han2025.statements import STATEMENTS

__all__ = [
    "SOURCE", "STATEMENTS", "StageTimes", "condition_4_1", "early_ratio", "first_stage", "stage_times",
]
