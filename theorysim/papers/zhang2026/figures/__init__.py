"""Figures of T. Zhang et al. 2026, made again."""

from theorysim.papers.zhang2026.figures import fig2, lemmas, periodic, sam, theorem2
from theorysim.theory.paper import Figure

FIGURES = {
    "zhang2026-fig2": Figure("linear networks under label-noise SGD: neurons shrink, then align", fig2.run),
    "zhang2026-lemmas": Figure("Theorem 2 and Lemmas 3 to 6, each under its own hypotheses", lemmas.run),
    "zhang2026-sam": Figure(
        "the same under sharpness-aware minimisation, whole and in parts; oscillation alone", sam.run),
    "zhang2026-periodic": Figure("the same with label noise switched on and off", periodic.run),
    "zhang2026-theorem2": Figure(
        "when all neurons have left the lazy regime: exponents, bound and derived law", theorem2.run),
}
