"""Figures of Lu et al. 2024, made again."""

from theorysim.papers.lu2024.figures import oscillation
from theorysim.theory.paper import Figure

FIGURES = {
    "lu2024-oscillation": Figure(
        "how often samples oscillate, and what a weak signal gains by it, from small steps to instability",
        oscillation.run),
}
