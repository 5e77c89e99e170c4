"""Two-layer linear networks under label-noise SGD, at any width (T. Zhang et al., AAAI 2026).

f(x) = aᵀWx, both layers trained on ½(f − y − ε)², y = ⟨θ*, x⟩. Every step is M ← M(I − ηS) on M = [W | a], and f
depends on M only through Q = MᵀM, so a network of any width m *is* one of width d + 1: its square root R, RᵀR = Q,
evolved by the ordinary kernel (derived). Its neurons are C R(t), where M(0) = C R(0).
"""

from theorysim.linear.algorithm import LinearSGD
from theorysim.linear.draw import LinearDraw
from theorysim.linear.lazy import linearised_errors
from theorysim.linear.problem import LinearNetwork
from theorysim.linear.run import LinearRun
from theorysim.linear.stages import LinearTimes
from theorysim.linear.watch import LINEAR_OBSERVABLES, LinearState

__all__ = [
    "LINEAR_OBSERVABLES", "LinearDraw", "LinearNetwork", "LinearRun", "LinearSGD", "LinearState", "LinearTimes",
    "linearised_errors",
]
