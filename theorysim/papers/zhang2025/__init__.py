"""Zhang, Holtz, Mishne, Cloninger (arXiv 2510.12209): meta-learned sample reweighting in three phases."""

from theorysim.papers.zhang2025.evidence import ReweightingEvidence
from theorysim.papers.zhang2025.figures import FIGURES
from theorysim.papers.zhang2025.statements import STATEMENTS
from theorysim.reweighting import Reweighting, ReweightingRun
from theorysim.theory.paper import Paper


def setting(_run: ReweightingRun) -> str:
    """Every run with sample weights."""
    return "training with sample weights"


def unlike(run: ReweightingRun) -> str:
    """What makes a run other than reweighting as the paper has it, with its variants."""
    return "" if type(run.algorithm) is Reweighting else f"{run.algorithm} is not the rule of the paper"


PAPER = Paper(
    name="zhang2025",
    citation="Zhang et al. 2025: meta-learned sample reweighting, three phases (arXiv 2510.12209)",
    about=("reweighting",),
    statements=STATEMENTS,
    evidence=ReweightingEvidence,
    setting=setting,
    unlike=unlike,
    figures=FIGURES,
)

__all__ = ["PAPER", "STATEMENTS", "ReweightingEvidence"]
