"""What papers claim, one module per paper. Nothing here runs a simulation."""

import importlib

from theorysim.theory.statement import Statement

PAPERS = {
    "huang2025": "label-noise gradient descent in the low-SNR regime (arXiv 2510.17526)",
    "han2025": "two stages of feature learning under fixed noisy labels (arXiv 2505.18909)",
}


def statements(paper: str) -> tuple[Statement, ...]:
    """All statements of a paper."""
    found: tuple[Statement, ...] = importlib.import_module(f"theorysim.theory.{paper}").STATEMENTS
    return found
