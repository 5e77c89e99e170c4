"""Figures of Chen et al. 2023, made again."""

from theorysim.papers.chen2023.figures import heatmap
from theorysim.theory.paper import Figure

FIGURES = {
    "chen2023-sam": Figure(
        "SAM against SGD over dimension and signal norm, at equal gradient evaluations", heatmap.run),
}
