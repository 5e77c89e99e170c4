"""T1 and T2 of T. Zhang et al. 2026 as power laws, for ``scaling``."""

from theorysim.papers.zhang2026 import quantities as q
from theorysim.theory.law import Law, LawOf
from theorysim.theory.statement import Sense

FOLLOWED = 5000  # neurons at most whose leaving T1 waits for
LIMITS = {"n": 1, "d": 1, "width": 1, "label_noise_std": 1, "target_norm": 1, "lr": -1}

LAWS: dict[str, LawOf] = {
    "T1": Law(
        formula="T1_all ≤ 384√(log m)/(σ²η²√m)",
        source="T. Zhang et al. 2026, Theorem 2",
        sense=Sense.UPPER,
        exponents={"lr": -2, "label_noise_std": -2, "width": -0.5},
        measured=lambda e: e.times.T1_all,
        predicted=q.escape_bound,
        until=lambda _c: lambda seen: seen["share_left"] == 1,
        options=lambda problem: {"neurons": min(problem.width, FOLLOWED)},
        limits=LIMITS,
    ),
    "T2": Law(
        formula="T2(½) = Θ(ln(m/(√d‖θ*‖))/(ησ)²)",
        source="derived",
        sense=Sense.ORDER,
        exponents={"lr": -2, "label_noise_std": -2},
        measured=lambda e: e.times.T2_half,
        predicted=q.alignment_law,
        factor=lambda e: q.alignment_law(e) * (e.lr * e.sigma) ** 2,
        until=lambda _c: lambda seen: seen["alignment"] >= 0.5,
        options=lambda _problem: {"neurons": 0},
        limits=LIMITS,
    ),
}
