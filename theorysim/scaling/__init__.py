"""Measured exponents beside the theory's: ``study`` makes the runs, ``fit`` the exponents."""

from theorysim.scaling.fit import ScalingFit, rounded
from theorysim.scaling.study import scaling

__all__ = ["ScalingFit", "rounded", "scaling"]
