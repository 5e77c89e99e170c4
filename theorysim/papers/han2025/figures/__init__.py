"""Figures of Han et al. 2025, made again."""

from theorysim.papers.han2025.figures import bounds, early_stop_bound, fig1, fig3, phases, policies
from theorysim.theory.paper import Figure

FIGURES = {
    "han2025-fig1": Figure("fixed noisy labels: signal first, noise later, in four settings", fig1.run),
    "han2025-fig3": Figure("the end of the first stage over signal strength and flip rate", fig3.run),
    "han2025-phases": Figure("where the first stage exists, over n·SNR² and flip rate", phases.run),
    "han2025-policies": Figure("early stopping and sample selection against training to convergence", policies.run),
    "han2025-bounds": Figure(
        "exponents of T1, error of early stopping over d/n, a verdict for every statement", bounds.run),
    "han2025-early-stop-bound": Figure("the test error at T1, down to 10⁻¹⁰⁰⁰, over n and d", early_stop_bound.run),
}
