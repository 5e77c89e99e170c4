"""Lu et al. 2024 as data: the oscillation that the paper assumes, and what it does to a weak signal."""

from collections.abc import Sequence

import numpy as np

from theorysim.papers.lu2024.evidence import STRONG, WEAK, OscillationEvidence, is_two_signals
from theorysim.patch.run import PatchRun
from theorysim.theory.conditions import Condition
from theorysim.theory.statement import Array, Sense, Statement, Steps
from theorysim.theory.windows import end, number, recorded

PAPER = "Lu et al. 2024, from a summary"
LEARNED = 2.0  # times its share of the strong signal's growth, from which on the weak one counts as learned
ROUNDING = 1e-9


def _one_by_one(run: PatchRun) -> bool:
    return is_two_signals(run) and run.algorithm.batch_size == 1


def _late(evidence: OscillationEvidence) -> Steps:
    """Window: recorded steps after the start of the run."""
    return evidence.late


def followed(evidence: OscillationEvidence) -> Sequence[Condition]:
    """Some filter was active on both signals of its class at all recorded steps."""
    return [Condition("filters active on u and v ≥ 1", float(evidence.aligned.sum()), ">=", 1.0, "derived")]


def oscillates(evidence: OscillationEvidence) -> Sequence[Condition]:
    """|y f − 1| ≥ δ at most steps, whatever the sample."""
    return [*followed(evidence), Condition("share of steps with |yf − 1| ≥ δ ≥ 0.9", float(evidence.oscillating.min()),
                                           ">=", evidence.constants.most, PAPER)]


def rests(evidence: OscillationEvidence) -> Sequence[Condition]:
    """|y f − 1| < δ at most steps, whatever the sample."""
    return [*followed(evidence), Condition("share of steps with |yf − 1| < δ ≥ 0.9",
                                           float(1 - evidence.oscillating.max()), ">=", evidence.constants.most, PAPER)]


def _smallest(evidence: OscillationEvidence, steps: Steps) -> Array:
    return np.abs(evidence.residuals).min(axis=1)[np.searchsorted(evidence.late, steps)]


def _worst(evidence: OscillationEvidence, times: float, most: bool = False) -> tuple[float, float]:
    """ln v(T)/v(0), and so many times the share of ln u(T)/u(0), of the filter for which one is least (or most) beyond.

    Their ratio would not do: u may have shrunk.
    """
    if not len(evidence.growth):
        return float("nan"), float("nan")
    bounds = times * evidence.share * evidence.growth[:, STRONG]
    beyond = evidence.growth[:, WEAK] - bounds
    worst = int(np.argmax(beyond) if most else np.argmin(beyond))
    return float(evidence.growth[worst, WEAK]), float(bounds[worst])


def _excess(evidence: OscillationEvidence) -> float:
    return float(evidence.excess.mean()) if evidence.excess.size else float("nan")


STATEMENTS = (
    Statement(
        id="lu2024.assumption_oscillation",
        claim="no sample comes to rest",
        formula="|y_i f(x_i) − 1| ≥ δ for all i",
        source=f"{PAPER}: assumed there, not proved; δ, and the quarter of the run left out, are choices",
        sense=Sense.LOWER,
        measured=_smallest,
        predicted=number(lambda e: e.constants.oscillation),
        window=recorded(_late),
        applies=is_two_signals,
    ),
    Statement(
        id="lu2024.learned",
        claim="where samples oscillate the weak signal grows beyond its share of the strong one's growth",
        formula="ln v(T)/v(0) ≥ 2 (‖v‖²/‖u‖²) ln u(T)/u(0)",
        source=f"{PAPER}; what counts as learned is a choice",
        sense=Sense.LOWER,
        measured=number(lambda e: _worst(e, LEARNED)[0]),
        predicted=number(lambda e: _worst(e, LEARNED)[1]),
        window=recorded(end),
        conditions=oscillates,
        applies=is_two_signals,
    ),
    Statement(
        id="lu2024.not_learned",
        claim="where they come to rest it does not",
        formula="ln v(T)/v(0) ≤ 2 (‖v‖²/‖u‖²) ln u(T)/u(0)",
        source=f"{PAPER}; what counts as learned is a choice",
        sense=Sense.UPPER,
        measured=number(lambda e: _worst(e, LEARNED, most=True)[0]),
        predicted=number(lambda e: _worst(e, LEARNED, most=True)[1]),
        window=recorded(end),
        conditions=rests,
        applies=is_two_signals,
    ),
    Statement(
        id="lu2024.derived.share",
        claim="it has its share of the strong one's growth at the least",
        formula="ln v(T)/v(0) ≥ (‖v‖²/‖u‖²) ln u(T)/u(0)",
        source="derived, proved for filters that stay active on both: ln(1 + ax) ≥ a ln(1 + x) for a in [0, 1]",
        sense=Sense.LOWER,
        measured=number(lambda e: _worst(e, 1.0)[0]),
        predicted=number(lambda e: _worst(e, 1.0)[1] - ROUNDING),
        window=recorded(end),
        conditions=followed,
        applies=is_two_signals,
    ),
    Statement(
        id="lu2024.derived.excess",
        claim="and what it has beyond is the variance of the residuals",
        formula="ln v(T)/v(0) − (‖v‖²/‖u‖²) ln u(T)/u(0) = (T/4) c_v (c_u − c_v) mean((1 − yf)²)",
        source="derived to second order, c_s = 2η‖s‖²/m; batches of one; within a factor of 2 where samples oscillate",
        sense=Sense.ORDER,
        measured=number(_excess),
        predicted=number(lambda e: e.expected_excess),
        window=recorded(end),
        conditions=oscillates,
        applies=_one_by_one,
        band=2.0,
    ),
)
