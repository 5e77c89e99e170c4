"""What papers claim, one module per paper. Nothing here runs a simulation."""

import importlib
from typing import Any

from theorysim.theory.statement import Statement

PAPERS = {
    "huang2025": "label-noise gradient descent in the low-SNR regime (arXiv 2510.17526)",
    "han2025": "two stages of feature learning under fixed noisy labels (arXiv 2505.18909)",
    "zhang2026": "two-layer linear networks under label-noise SGD (AAAI 2026)",
    "zhang2025": "meta-learned sample reweighting: three phases (arXiv 2510.12209)",
}


def statements(paper: str) -> tuple[Statement, ...]:
    """All statements of a paper."""
    found: tuple[Statement, ...] = _module(paper).STATEMENTS
    return found


def evidence_of(paper: str) -> Any:
    """The type that a paper's statements are functions of: a run and constants."""
    return _module(paper).EVIDENCE


def papers_about(run: Any) -> list[str]:
    """The papers that speak of such runs, the first being the one meant by default."""
    return [paper for paper in PAPERS if isinstance(run, _module(paper).RUNS)]


def _module(paper: str) -> Any:
    return importlib.import_module(f"theorysim.papers.{paper}")
