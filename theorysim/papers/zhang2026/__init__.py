"""Zhang et al., AAAI 2026: two phases of two-layer linear networks under label-noise SGD."""

from theorysim.papers.zhang2026.evidence import RUNS, LinearEvidence
from theorysim.papers.zhang2026.statements import STATEMENTS, alignment_law, escape_bound

EVIDENCE = LinearEvidence

__all__ = ["EVIDENCE", "RUNS", "STATEMENTS", "LinearEvidence", "alignment_law", "escape_bound"]
