"""Pictures. Every function draws into the axes it is given (or makes them) and returns them."""

from theorysim.plot.diagram import heatmap
from theorysim.plot.exponents import scaling
from theorysim.plot.learning import PANELS, dynamics

__all__ = ["PANELS", "dynamics", "heatmap", "scaling"]
