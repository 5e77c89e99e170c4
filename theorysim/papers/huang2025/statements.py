"""Huang et al. 2025 as data: the assumption, what holds throughout a run, and the lemmas of both stages.

Where the paper leaves more open than a constant, the source says "our reading".
"""

import numpy as np

from theorysim.theory import concentration
from theorysim.papers.huang2025 import quantities as q
from theorysim.papers.huang2025.stage_one import FIRST_STAGE
from theorysim.papers.huang2025.stage_two import SECOND_STAGE
from theorysim.papers.huang2025.evidence import HuangEvidence, to_horizon
from theorysim.papers.kou2023.statements import LOW_SNR, low_snr
from theorysim.theory.statement import Sense, Statement, any_run
from theorysim.theory.windows import number, observed

PAPER = q.PAPER


def _assumption(position: int, name: str, formula: str) -> Statement:
    """One item of Assumption 3.1; those about p exist only with flips."""

    def item(evidence: HuangEvidence) -> tuple[float, float, str]:
        one = q.assumption(evidence)[position]
        return one.value, one.bound, one.sense

    return Statement(
        id=f"huang2025.assumption_3_1.{name}",
        claim="the problem lies in the regime of the theorems",
        formula=formula,
        source=f"{PAPER}, Assumption 3.1",
        sense=Sense.UPPER if "≤" in formula else Sense.LOWER,
        measured=number(lambda evidence: item(evidence)[0]),
        predicted=number(lambda evidence: item(evidence)[1]),
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
        measured=number(q.flip_imbalance),
        predicted=number(lambda e: np.sqrt(e.problem.n / 2 * np.log(4 * e.horizon / e.constants.delta))),
        applies=q.drawn_flips,
        over_draws=True,
    ),
    Statement(
        id="huang2025.lemma_b_4",
        claim="every sample keeps its label at about (1 − p) T of T steps",
        formula="|#{t < T: ε_i^(t) = 1} − (1−p)T| ≤ √((T/2) log(4n/δ)), all i",
        source=f"{PAPER}, Lemma B.4 (our reading)",
        sense=Sense.UPPER,
        measured=number(q.sample_imbalance),
        predicted=number(lambda e: np.sqrt(e.run.steps / 2 * np.log(4 * e.problem.n / e.constants.delta))),
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
        predicted=number(q.alpha),
        window=to_horizon,
        conditions=q.trajectory,
    ),
    Statement(
        id="huang2025.proposition_4_1.rho_bar",
        claim="noise memorization stays below α",
        formula="ρ̄_{j,r,i} ≤ 4 log T*",
        source=f"{PAPER}, Proposition 4.1",
        sense=Sense.UPPER,
        measured=observed("rho_bar_max"),
        predicted=number(q.alpha),
        window=to_horizon,
        conditions=q.trajectory,
    ),
    Statement(
        id="huang2025.proposition_4_1.rho_under",
        claim="anti-memorization is no larger than initialisation and leakage between noises",
        formula="ρ̲_{j,r,i} ≥ −β − 16 n √(log(4n²/δ)/d) α",
        source=f"{PAPER}, Proposition 4.1",
        sense=Sense.LOWER,
        measured=observed("rho_under_min"),
        predicted=number(lambda e: -q.leakage(e)),
        window=to_horizon,
        conditions=q.trajectory,
    ),
    Statement(
        id="huang2025.proposition_4_1.order",
        claim="that bound is itself within α",
        formula="β + 16 n √(log(4n²/δ)/d) α ≤ α",
        source=f"{PAPER}, Proposition 4.1",
        sense=Sense.UPPER,
        measured=number(q.leakage),
        predicted=number(q.alpha),
        conditions=q.theorem,
    ),
)

BOUNDARIES = (
    LOW_SNR,
    low_snr("squared_relu", "n·SNR² ≤ C", f"{PAPER} (q = 2)", 2, 2),
    low_snr("power", "n·SNR^q ≤ C", "Cao et al. 2022 (q > 2)", 2.0000001, np.inf),
)

STATEMENTS = (
    *ASSUMPTION, *BOUNDARIES, *concentration.STATEMENTS, *LABEL_COUNTS, *WHOLE_RUN, *FIRST_STAGE, *SECOND_STAGE,
)
