"""Figures of Zhang et al. 2025, made again."""

from theorysim.papers.zhang2025.figures import drift, fbr, phases, selection_methods
from theorysim.theory.paper import Figure

FIGURES = {
    "zhang2025-phases": Figure(
        "sample weights learned from a few clean samples: alignment, filtering, post-filtering", phases.run),
    "zhang2025-drift": Figure(
        "what makes the weights of noisy samples come back late, and freezing them as a remedy", drift.run),
    "zhang2025-fbr": Figure(
        "feature-based reweighting on digits: detection, ablations, and what training gains by it", fbr.run),
    "selection-methods": Figure(
        "small loss, early stopping, oracle and learned weights on one signal-noise problem", selection_methods.run),
}
