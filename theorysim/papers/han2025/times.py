"""T1 of Han et al. 2025 as a power law, for ``scaling``."""

from theorysim.theory.law import Law, LawOf
from theorysim.theory.statement import Sense

LAWS: dict[str, LawOf] = {
    "T1": Law(
        formula="T1 = Θ(2c nm/(ησ²d)) at fixed n·SNR²",
        source="Han et al. 2025, Theorem 4.1",
        sense=Sense.ORDER,
        exponents={"n": 1, "m": 1, "lr": -1, "noise_std": -2, "d": -1},
        measured=lambda e: e.first,
        predicted=lambda e: 2 * e.constants.rho_threshold / e.rate,
        until=lambda c: lambda seen: seen["rho_bar_active_min"] >= c.rho_threshold,
        limits={"lr": -1, "init_std": -1},
    ),
}
