"""Fixed noisy labels: two stages of feature learning (Han et al. 2025, arXiv 2505.18909)."""

from theorysim.papers.han2025.evidence import HanConstants, HanEvidence
from theorysim.papers.han2025.figures import FIGURES
from theorysim.papers.han2025.laws import SOURCE, StageTimes, condition_4_1, early_ratio, first_stage, stage_times
from theorysim.papers.han2025.statements import STATEMENTS
from theorysim.papers.han2025.times import LAWS
from theorysim.patch.patch_model import PatchModel
from theorysim.patch.run import PatchRun
from theorysim.theory.paper import Paper
from theorysim.theory.signal_noise import unlike_gradient_descent


def setting(run: PatchRun) -> str:
    """ReLU without label noise per step: labels flipped once before training, or none (Theorem 4.4)."""
    if isinstance(run.problem, PatchModel) or run.problem.q != 1 or run.algorithm.label_noise is not None:
        return ""
    return "ReLU, labels flipped before training" if run.draw.noisy.any() else "ReLU, clean labels"


PAPER = Paper(
    name="han2025",
    citation="Han et al. 2025: two stages of feature learning under fixed noisy labels (arXiv 2505.18909)",
    about=("patch",),
    statements=STATEMENTS,
    evidence=HanEvidence,
    constants=HanConstants,
    laws=LAWS,
    setting=setting,
    unlike=unlike_gradient_descent,
    figures=FIGURES,
)

__all__ = [
    "PAPER", "SOURCE", "STATEMENTS", "HanConstants", "HanEvidence", "StageTimes", "condition_4_1", "early_ratio",
    "first_stage", "stage_times",
]
