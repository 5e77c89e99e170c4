"""A law: a time as a product of powers. ``scaling`` measures the exponents and sets them beside these."""

import numpy as np

from theorysim.theory.law import Law
from theorysim.theory.statement import Sense


def learned(evidence):
    """The first step with max γ ≥ θ; NaN when it was not reached."""
    reached = np.flatnonzero(evidence.run.column("gamma_max") >= evidence.constants.theta)
    return float(reached[0]) if reached.size else np.nan


def predicted(evidence):
    """θm/(η‖μ‖²), with constant 1."""
    run = evidence.run
    return evidence.constants.theta * run.problem.m / (run.algorithm.lr * run.problem.signal_norm**2)


LEARNED = Law(
    formula="T = Θ(θm/(η‖μ‖²))",
    source="Example 2026, Theorem 3",
    sense=Sense.ORDER,
    exponents={"m": 1, "lr": -1, "signal_norm": -2, "theta": 1},  # 0 for all others
    measured=learned,
    predicted=predicted,
    until=lambda constants: lambda seen: seen["gamma_max"] >= constants.theta,  # a run need not go on from there
)
