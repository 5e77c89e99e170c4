"""Zhang, Holtz, Mishne, Cloninger (arXiv 2510.12209): meta-learned sample reweighting in three phases."""

from theorysim.papers.zhang2025.evidence import ReweightingEvidence
from theorysim.papers.zhang2025.figures import FIGURES
from theorysim.papers.zhang2025.statements import STATEMENTS
from theorysim.reweighting import ReweightingRun
from theorysim.theory.paper import Paper


def setting(_run: ReweightingRun) -> str:
    """Every run with sample weights."""
    return "training with sample weights"


PAPER = Paper(
    name="zhang2025",
    citation="Zhang et al. 2025: meta-learned sample reweighting, three phases (arXiv 2510.12209)",
    about=("reweighting",),
    statements=STATEMENTS,
    evidence=ReweightingEvidence,
    setting=setting,
    figures=FIGURES,
)

__all__ = ["PAPER", "STATEMENTS", "ReweightingEvidence"]
