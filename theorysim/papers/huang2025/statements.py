"""Huang et al. 2025 as data: the assumption here, and the lemmas and theorems of the other files in the paper's order.

Every source says what it rests on: the paper, "reconstructed" where its display is not legible, "our reading" where it
leaves more open than a constant, "derived" where the authors do not claim it.
"""

import numpy as np

from theorysim.papers.huang2025 import hypotheses as h
from theorysim.papers.huang2025.counts import LABEL_COUNTS
from theorysim.papers.huang2025.evidence import HuangEvidence
from theorysim.papers.huang2025.hypotheses import PAPER
from theorysim.papers.huang2025.stage_one import FIRST_STAGE
from theorysim.papers.huang2025.stage_one_noise import FIRST_STAGE_NOISE
from theorysim.papers.huang2025.stage_two import DESCENT
from theorysim.papers.huang2025.stage_two_noise import LABEL_NOISE
from theorysim.papers.huang2025.theorems import THEOREM_3_2, THEOREM_3_3
from theorysim.papers.huang2025.whole_run import WHOLE_RUN
from theorysim.papers.kou2023.statements import LOW_SNR, low_snr
from theorysim.theory import concentration
from theorysim.theory.conditions import Condition
from theorysim.theory.statement import Sense, Statement, any_run
from theorysim.theory.windows import number


def _assumption(position: int, name: str, formula: str) -> Statement:
    """One item of Assumption 3.1; those about p exist only with flips."""

    def item(evidence: HuangEvidence) -> Condition:
        return h.assumption(evidence)[position]

    return Statement(
        id=f"huang2025.assumption_3_1.{name}",
        claim="the problem lies in the regime of the theorems",
        formula=formula,
        source=f"{PAPER}, Assumption 3.1 (with logs='explicit' times or over the thread's logarithm)",
        sense=Sense.UPPER if "≤" in formula else Sense.LOWER,
        measured=number(lambda evidence: item(evidence).value),
        predicted=number(lambda evidence: item(evidence).bound),
        applies=h.flips if name.startswith("p_") else any_run,
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

BOUNDARIES = (
    LOW_SNR,
    low_snr("squared_relu", "n·SNR² ≤ C", f"{PAPER} (q = 2)", 2, 2),
    low_snr("power", "n·SNR^q ≤ C", "Cao et al. 2022 (q > 2)", 2.0000001, np.inf),
)

STATEMENTS = (
    *ASSUMPTION, *BOUNDARIES, *concentration.STATEMENTS, *LABEL_COUNTS, *WHOLE_RUN, *FIRST_STAGE, *FIRST_STAGE_NOISE,
    *DESCENT, *THEOREM_3_2, *LABEL_NOISE, *THEOREM_3_3,
)
