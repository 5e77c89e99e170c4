"""Figures of Huang et al. 2025, made again."""

from theorysim.papers.huang2025.figures import (
    appendix, bounds, error_bound, fig2, fig3, fig3_inside, lemmas, regularisers,
)
from theorysim.theory.paper import Figure

FIGURES = {
    "huang2025-fig2": Figure(
        "gradient descent memorises noise, label-noise gradient descent learns the signal", fig2.run),
    "huang2025-fig3": Figure("the same over sample size and SNR, as a phase diagram", fig3.run),
    "huang2025-fig3-inside": Figure(
        "that diagram where d = n² log n, inside the regime of the theorems", fig3_inside.run),
    "huang2025-bounds": Figure(
        "how tight the bounds are: exponents of T1 and T2 with intervals, test error, verdicts", bounds.run),
    "huang2025-lemmas": Figure(
        "every statement counted over seeds, inside the assumptions and outside at three steps", lemmas.run),
    "huang2025-error-bound": Figure(
        "the test error of label-noise gradient descent, down to 10⁻¹⁰⁰⁰, over n and d", error_bound.run),
    "huang2025-noise-laws": Figure(
        "laws of label noise of Appendix G.3 and the loss level of Figure 2, beside what is predicted",
        appendix.noise_laws),
    "huang2025-powers": Figure("q = 3 and 4 as in Appendix G.4, from starts of three sizes", appendix.powers),
    "regularisers": Figure(
        "label noise, smoothing, SAM, batches, dropout and others at equal gradient evaluations, over n and SNR",
        regularisers.run),
}
