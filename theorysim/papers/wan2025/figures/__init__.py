"""Figures of Wan et al. 2025, made again."""

from theorysim.papers.wan2025.figures import forgetting
from theorysim.theory.paper import Figure

FIGURES = {
    "wan2025-forgetting": Figure(
        "errors on a task after the next, against the angle between the two, with and without replay", forgetting.run),
}
