"""T. Zhang et al., AAAI 2026: two phases of two-layer linear networks under label-noise SGD."""

from theorysim.linear import LinearRun
from theorysim.oscillation import OscillationRun
from theorysim.papers.zhang2026 import quantities
from theorysim.papers.zhang2026.evidence import LinearEvidence
from theorysim.papers.zhang2026.figures import FIGURES
from theorysim.papers.zhang2026.quantities import alignment_law, escape_bound
from theorysim.papers.zhang2026.statements import STATEMENTS
from theorysim.papers.zhang2026.times import LAWS
from theorysim.theory.paper import Paper


def setting(_run: LinearRun | OscillationRun) -> str:
    """Every two-layer linear network, whole or its oscillation alone."""
    return "a two-layer linear network"


def unlike(run: LinearRun | OscillationRun) -> str:
    """What makes a run other than the paper's: SGD on single samples, label noise periodic where a statement says so.

    Or, of its second phase, gradient descent on clean labels.
    """
    plain = isinstance(run, OscillationRun) and run.algorithm.is_plain() or quantities.plain(run)
    return "" if plain or quantities.descent(run) else f"{run.algorithm} is not SGD on single samples"


PAPER = Paper(
    name="zhang2026",
    citation="T. Zhang et al. 2026: two-layer linear networks under label-noise SGD (AAAI 2026)",
    about=("linear", "oscillation"),
    statements=STATEMENTS,
    evidence=LinearEvidence,
    laws=LAWS,
    setting=setting,
    unlike=unlike,
    figures=FIGURES,
)

__all__ = ["PAPER", "STATEMENTS", "LinearEvidence", "alignment_law", "escape_bound"]
