"""Probabilities of rare errors: P(Σ_r c_r max(0, z_r)^q ≥ a) for a Gaussian z, down to 10⁻³⁰⁰⁰⁰⁰ and with intervals.

``tail`` reduces the problem to directions and knows its exact cases, ``splitting`` explores (sequential Monte Carlo
over a ladder of levels), ``proposal`` turns what it found into a mixture to draw from, ``estimate`` puts them together.
"""

from theorysim.rare_event.estimate import LogEstimate, log_probability

__all__ = ["LogEstimate", "log_probability"]
