"""The figure of Deng et al. 2023, made again."""

from theorysim.papers.deng2023.figures import expansion
from theorysim.theory.paper import Figure

FIGURES = {
    "deng2023-expansion": Figure(
        "which of two features is learned first, momentum, and training that starts on balanced groups", expansion.run),
}
