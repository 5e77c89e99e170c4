"""Pictures. Every function draws into the axes it is given (or makes them) and returns them."""

from theorysim.linear.picture import neurons, two_phases
from theorysim.patch.picture import PANELS, learning_curves
from theorysim.plot.columns import columns
from theorysim.plot.diagram import heatmap
from theorysim.plot.dynamics import dynamics
from theorysim.plot.exponents import scaling
from theorysim.reweighting.picture import phases

__all__ = [
    "PANELS", "columns", "dynamics", "heatmap", "learning_curves", "neurons", "phases", "scaling", "two_phases",
]
