"""Figures of Sakamoto & Sato 2025, made again."""

from theorysim.papers.sakamoto2025.figures import map as map_of_regimes, time as long_runs
from theorysim.theory.paper import Figure

FIGURES = {
    "sakamoto2025-map": Figure(
        "training and test loss of attention over dimension and signal norm, and where the regimes meet",
        map_of_regimes.run),
    "sakamoto2025-time": Figure(
        "what of the regimes lasts: losses and flipped labels in runs thirty times as long", long_runs.run),
}
