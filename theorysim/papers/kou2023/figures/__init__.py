"""Figures of Kou et al. 2023, made again."""

from theorysim.papers.kou2023.figures import heatmap
from theorysim.theory.paper import Figure

FIGURES = {
    "kou2023-heatmap": Figure(
        "benign overfitting of ReLU networks over dimension and signal norm, 100 000 runs", heatmap.run),
}
