"""Huang et al. 2025 as data: the assumption, what holds throughout a run, and (in stages) the lemmas of both stages.

Where the paper leaves more open than a constant, the source says "our reading".
"""

import numpy as np

from theorysim.theory import concentration
from theorysim.papers.huang2025 import quantities as q
from theorysim.papers.huang2025.stages import FIRST_STAGE, SECOND_STAGE
from theorysim.theory.statement import Evidence, Sense, Statement, any_run, every_step

PAPER = q.PAPER


def _assumption(position: int, name: str, formula: str) -> Statement:
    """One item of Assumption 3.1; those about p exist only with flips."""

    def item(evidence: Evidence) -> tuple[float, float, str]:
        one = q.assumption(evidence)[position]
        return one.value, one.bound, one.sense

    return Statement(
        id=f"huang2025.assumption_3_1.{name}",
        claim="the problem lies in the regime of the theorems",
        formula=formula,
        source=f"{PAPER}, Assumption 3.1",
        sense=Sense.UPPER if "≤" in formula else Sense.LOWER,
        measured=lambda evidence, _steps: item(evidence)[0],
        predicted=lambda evidence, _steps: item(evidence)[1],
        applies=q.flips if name.startswith("p_") else any_run,
    )


ASSUMPTION = tuple(
    _assumption(position, name, formula)
    for position, (name, formula) in enumerate((
        ("d_n2", "d ≥ C n²"),
        ("d_signal", "d ≥ C n‖μ‖²/σ_p²"),
        ("snr", "SNR ≤ C/√n"),
        ("m", "m ≥ C"),
        ("n", "n ≥ C"),
        ("lr", "η ≤ C/(σ_p² d)"),
        ("init_low", "σ_0 ≥ C n/(σ_p d^(3/4))"),
        ("init_high", "σ_0 ≤ C min{1/(‖μ‖ d^(5/8)), 1/(σ_p √d)}"),
        ("p_low", "p ≥ C log d/√(mn)"),
        ("p_high", "p ≤ 1/C"),
    ))
)

LABEL_COUNTS = (
    Statement(
        id="huang2025.lemma_b_3",
        claim="at every step about (1 − p) n labels are left as they are",
        formula="|#{i: ε_i^(t) = 1} − (1−p)n| ≤ √((n/2) log(4T*/δ)), all t",
        source=f"{PAPER}, Lemma B.3",
        sense=Sense.UPPER,
        measured=q.flip_imbalance,
        predicted=lambda e, _s: np.sqrt(e.problem.n / 2 * np.log(4 * e.horizon / e.constants.delta)),
        applies=q.drawn_flips,
        over_draws=True,
    ),
    Statement(
        id="huang2025.lemma_b_4",
        claim="every sample keeps its label at about (1 − p) T of T steps",
        formula="|#{t < T: ε_i^(t) = 1} − (1−p)T| ≤ √((T/2) log(4n/δ)), all i",
        source=f"{PAPER}, Lemma B.4 (our reading)",
        sense=Sense.UPPER,
        measured=q.sample_imbalance,
        predicted=lambda e, _s: np.sqrt(e.run.steps / 2 * np.log(4 * e.problem.n / e.constants.delta)),
        applies=q.drawn_flips,
        over_draws=True,
    ),
)

WHOLE_RUN = (
    Statement(
        id="huang2025.proposition_4_1.gamma",
        claim="signal learning stays below α = 4 log T*",
        formula="|γ_{j,r}| ≤ 4 log T*",
        source=f"{PAPER}, Proposition 4.1",
        sense=Sense.UPPER,
        measured=lambda e, s: np.maximum(e.column("gamma_max", s), -e.column("gamma_min", s)),
        predicted=lambda e, _s: q.alpha(e),
        window=every_step,
        conditions=q.trajectory,
    ),
    Statement(
        id="huang2025.proposition_4_1.rho_bar",
        claim="noise memorization stays below α",
        formula="ρ̄_{j,r,i} ≤ 4 log T*",
        source=f"{PAPER}, Proposition 4.1",
        sense=Sense.UPPER,
        measured=q.observed("rho_bar_max"),
        predicted=lambda e, _s: q.alpha(e),
        window=every_step,
        conditions=q.trajectory,
    ),
    Statement(
        id="huang2025.proposition_4_1.rho_under",
        claim="anti-memorization is no larger than initialisation and leakage between noises",
        formula="ρ̲_{j,r,i} ≥ −β − 16 n √(log(4n²/δ)/d) α",
        source=f"{PAPER}, Proposition 4.1",
        sense=Sense.LOWER,
        measured=q.observed("rho_under_min"),
        predicted=lambda e, _s: -q.leakage(e),
        window=every_step,
        conditions=q.trajectory,
    ),
    Statement(
        id="huang2025.proposition_4_1.order",
        claim="that bound is itself within α",
        formula="β + 16 n √(log(4n²/δ)/d) α ≤ α",
        source=f"{PAPER}, Proposition 4.1",
        sense=Sense.UPPER,
        measured=lambda e, _s: q.leakage(e),
        predicted=lambda e, _s: q.alpha(e),
        conditions=q.theorem,
    ),
)

BOUNDARIES = tuple(
    Statement(
        id=f"low_snr.{name}",
        claim="below this the signal is too weak to be learned without label noise",
        formula=formula,
        source=source,
        sense=Sense.UPPER,
        measured=lambda e, _s: q.low_snr_variable(e),
        predicted=lambda e, _s: e.constants.C,
        applies=applies,
    )
    for name, formula, source, applies in (
        ("relu", "n‖μ‖⁴/(σ_p⁴ d) ≤ C", "Kou et al. 2023 (q = 1)", q.power(1, 1)),
        ("squared_relu", "n·SNR² ≤ C", f"{PAPER} (q = 2)", q.power(2, 2)),
        ("power", "n·SNR^q ≤ C", "Cao et al. 2022 (q > 2)", q.power(2.0000001, np.inf)),
    )
)

STATEMENTS = (
    *ASSUMPTION, *BOUNDARIES, *concentration.STATEMENTS, *LABEL_COUNTS, *WHOLE_RUN, *FIRST_STAGE, *SECOND_STAGE,
)
