"""Zhang, Holtz, Mishne, Cloninger (arXiv 2510.12209): meta-learned sample reweighting in three phases."""

from theorysim.papers.zhang2025.evidence import RUNS, ReweightingEvidence
from theorysim.papers.zhang2025.statements import STATEMENTS

EVIDENCE = ReweightingEvidence

__all__ = ["EVIDENCE", "RUNS", "STATEMENTS", "ReweightingEvidence"]
