"""Sakamoto & Sato 2025: benign overfitting in the token selection of attention (arXiv 2409.17625, ICML 2025)."""

from theorysim.attention.run import AttentionRun
from theorysim.papers.sakamoto2025.evidence import LEVEL, SelectionConstants, SelectionEvidence, is_setting
from theorysim.papers.sakamoto2025.figures import FIGURES
from theorysim.papers.sakamoto2025.statements import STATEMENTS
from theorysim.theory.paper import Paper


def setting(run: AttentionRun) -> str:
    """A fixed head along the difference of the signals, and flipped labels."""
    return "attention with a fixed head and flipped labels" if is_setting(run) else ""


PAPER = Paper(
    name="sakamoto2025",
    citation="Sakamoto & Sato 2025: benign overfitting in token selection of attention mechanism",
    about=("attention",),
    statements=STATEMENTS,
    evidence=SelectionEvidence,
    constants=SelectionConstants,
    setting=setting,
    figures=FIGURES,
)

__all__ = ["LEVEL", "PAPER", "STATEMENTS", "SelectionConstants", "SelectionEvidence"]
