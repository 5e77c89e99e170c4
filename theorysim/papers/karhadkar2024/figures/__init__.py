"""The figure of Karhadkar et al. 2024, made again."""

from theorysim.papers.karhadkar2024.figures import grid
from theorysim.theory.paper import Figure

FIGURES = {
    "karhadkar2024-grid": Figure("test error at zero training loss over d/n, with enough signal and with too little",
                                 grid.run),
}
