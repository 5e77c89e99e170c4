"""T. Zhang et al., AAAI 2026: two phases of two-layer linear networks under label-noise SGD."""

from theorysim.linear import LinearRun
from theorysim.oscillation import OscillationRun
from theorysim.papers.zhang2026.evidence import LinearEvidence
from theorysim.papers.zhang2026.figures import FIGURES
from theorysim.papers.zhang2026.quantities import alignment_law, escape_bound
from theorysim.papers.zhang2026.statements import STATEMENTS
from theorysim.papers.zhang2026.times import LAWS
from theorysim.theory.paper import Paper


def setting(_run: LinearRun | OscillationRun) -> str:
    """Every two-layer linear network, whole or its oscillation alone."""
    return "a two-layer linear network"


PAPER = Paper(
    name="zhang2026",
    citation="T. Zhang et al. 2026: two-layer linear networks under label-noise SGD (AAAI 2026)",
    about=("linear", "oscillation"),
    statements=STATEMENTS,
    evidence=LinearEvidence,
    laws=LAWS,
    setting=setting,
    figures=FIGURES,
)

__all__ = ["PAPER", "STATEMENTS", "LinearEvidence", "alignment_law", "escape_bound"]
