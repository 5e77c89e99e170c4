"""Assumptions, the alignment inequality, the filtering formula, the state of rest, and the order of the phases.

Marks: "paper" is what the paper says as far as it is known here; "derived" is not in it, and is proved or measured.
"""

from collections.abc import Callable, Sequence

import numpy as np

from theorysim.reweighting import ReweightingRun
from theorysim.theory.conditions import Condition
from theorysim.theory.statement import Array, Sense, Statement, Steps
from theorysim.theory.windows import end, number
from theorysim.papers.zhang2025.evidence import AT_REST, ReweightingEvidence

PAPER = "Zhang et al. 2025"
MOST = 0.99  # share of samples with γ_i > 0 that the order of the phases asks for
SLOW = 0.02  # largest ηλ_max, and
FAST = 0.1  # smallest β median|γ| that it asks for
SLACK = 1e-9  # relative, for rates that are set to these values
UNFILTERED = 0.1  # largest mean |w − 1[true label]| at which the filtering formula speaks
FILTERING_BAND = 1.06
ROUNDING = 1e-12  # of y_i y*_i g_i, in κ̄_i


def _kernel(run: ReweightingRun) -> bool:
    """Statements that are proved for a fixed kernel."""
    return run.engine == "kernel"


def _learning(run: ReweightingRun) -> bool:
    """Weights that follow g over all clean samples to the end."""
    a = run.algorithm
    return _kernel(run) and a.reweight and a.freeze_at is None and a.clean_batch is None and run.weight_lr > 0


def _reweighted(run: ReweightingRun) -> bool:
    return run.algorithm.reweight


def _sign_share(evidence: ReweightingEvidence) -> Sequence[Condition]:
    return [Condition("A3", evidence.sign_share, ">=", 1.0, f"{PAPER}, A3")]


def _aligned_share(evidence: ReweightingEvidence) -> Sequence[Condition]:
    return [Condition("A4 ≥ 0.99", evidence.aligned_share, ">=", MOST, "derived")]


def _rates(evidence: ReweightingEvidence) -> Sequence[Condition]:
    return [
        *_aligned_share(evidence),
        Condition("ηλ_max(K_tt) ≤ 0.02", evidence.lr_share, "<=", SLOW * (1 + SLACK), "derived"),
        Condition("β median|γ_i| ≥ 0.1", evidence.weight_lr_share, ">=", FAST * (1 - SLACK), "derived"),
    ]


def _certified(evidence: ReweightingEvidence) -> Steps:
    """Window: recorded steps with a certified sample."""
    return evidence.run.steps_recorded[evidence.certified.any(axis=1)]


def _alignment(evidence: ReweightingEvidence, steps: Steps) -> tuple[Array, Array]:
    """Both sides of the inequality at the certified sample of each step that is nearest to failing, or fails worst."""
    records = evidence.records(steps)
    measured = evidence.alignment[records]
    bound = evidence.alignment_bound[records] - ROUNDING * evidence.kernel_size
    size = np.maximum(np.abs(measured), np.abs(bound))
    excess = np.where(size > 0, (measured - bound) / np.where(size > 0, size, 1), 1.0)
    nearest = np.argmin(np.where(evidence.certified[records], excess, np.inf), axis=1)[:, None]
    return np.take_along_axis(measured, nearest, 1)[:, 0], np.take_along_axis(bound, nearest, 1)[:, 0]


def _filtered(evidence: ReweightingEvidence) -> Steps:
    """Window: the last record at or before t2."""
    span = evidence.filtering
    return evidence.run.steps_recorded[[] if span is None else [span[1]]]


def _span(value: Callable[[ReweightingEvidence, int, int], float]) -> Callable[[ReweightingEvidence, Steps], Array]:
    """Of the records between which the weights filter."""

    def found(evidence: ReweightingEvidence, steps: Steps) -> Array:
        assert evidence.filtering is not None
        return np.full(len(steps), value(evidence, *evidence.filtering))

    return found


def _separated(evidence: ReweightingEvidence) -> Sequence[Condition]:
    span = evidence.filtering
    left = np.nan if span is None else evidence.unfiltered(*span)
    return [Condition("mean|w_i − 1[i true]| ≤ 0.1 from T to t", left, "<=", UNFILTERED, "derived")]


def _resting(evidence: ReweightingEvidence) -> Steps:
    """Window: the end, if the run is at rest and some weight is above 0."""
    return np.array([evidence.run.steps] if evidence.at_rest and evidence.selected.any() else [], dtype=np.int64)


def _resting_excluded(evidence: ReweightingEvidence) -> Steps:
    """Window: the end, if the run is at rest and some weight is 0."""
    some = (~evidence.selected & (evidence.kernel_size > 0)).any()
    return np.array([evidence.run.steps] if evidence.at_rest and some else [], dtype=np.int64)


def _positive_definite(evidence: ReweightingEvidence) -> Sequence[Condition]:
    reached = evidence.relaxed if len(_resting(evidence)) else np.nan
    return [Condition("s(1 − ‖I − ηW^½ K_AA W^½‖) ≥ 1", reached, ">=", 1.0,
                      "derived: K ≻ 0, and seen for long enough; s steps between the last two records")]


def _monotone(evidence: ReweightingEvidence) -> Sequence[Condition]:
    return [Condition("ηλ_max(K_tt) ≤ 1", evidence.lr_share, "<=", 1 + SLACK, "derived: outputs do not oscillate")]


STATEMENTS = (
    Statement(
        id="zhang2025.assumption_a3",
        claim="the kernel has the sign of the labels",
        formula="sign K(x_i, x_j^v) = y*_i y_j^v for all i, j",
        source=(
            f"{PAPER}, A3 (the kernel of the meta-gradient, clean labels as observed); share of pairs; rare on real "
            "data"
        ),
        sense=Sense.LOWER,
        measured=number(lambda e: e.sign_share),
        predicted=number(1.0),
        conditions=_sign_share,
    ),
    Statement(
        id="zhang2025.assumption_a4",
        claim="the clean set leans to the true label",
        formula="γ_i = y*_i (1/m)Σ_j y_j^v K_ij > 0 for 99% of i",
        source="derived: A3 relaxed, the usable one; share of samples, clean labels as observed",
        sense=Sense.LOWER,
        measured=number(lambda e: e.aligned_share),
        predicted=number(MOST),
        conditions=_aligned_share,
    ),
    Statement(
        id="zhang2025.alignment",
        claim="weights of true labels rise and of flipped ones fall",
        formula="y_i y*_i g_i ≥ (1 − ρ_t)(γ_i − ρ_t κ̄_i) where ρ_t < 1, γ_i ≥ ρ_t κ̄_i",
        source=(
            "derived, proved: any kernel, any weights, mini-batches (g over all clean samples); ρ_t takes f^v "
            "after the look-ahead, or before it where there is none. With errors in clean labels true of the "
            "observed y^v, which certify less, and false of γ_i with the true ones. Below its condition false "
            "for some. At each step the sample nearest to failing"
        ),
        sense=Sense.LOWER,
        measured=lambda e, steps: _alignment(e, steps)[0],
        predicted=lambda e, steps: _alignment(e, steps)[1],
        window=_certified,
        applies=_kernel,
    ),
    Statement(
        id="zhang2025.filtering",
        claim="while filtering, the clean samples alone are fitted",
        formula="L_val(t) = ½ mean(f^v(T) − y^v + K_vA K_AA⁻¹(I − (I − ηK_AA)^{t−T})(y_A − f_A(T)))²",
        source=(
            "derived: exact for w = 1[i true] =: A, within 6% where weights are so up to 0.1 on average; T the "
            "first record from t1 on, t the last up to t2"
        ),
        sense=Sense.ORDER,
        measured=_span(lambda e, _first, last: e.clean_loss(last)),
        predicted=_span(lambda e, first, last: e.filtered_loss(first, last)),
        window=_filtered,
        conditions=_separated,
        applies=_kernel,
        band=FILTERING_BAND,
    ),
    Statement(
        id="zhang2025.rest.selected",
        claim="at rest the samples with weight are fitted, flipped labels too",
        formula="w_i > 0 ⇒ |u_i| ≤ 1e-6 √(Σ_j w_j/min w): u_i = 0, and g_i with it",
        source=(
            "derived, for K ≻ 0; at rest: outputs and weights moved by at most 1e-6 between the last two "
            "records, and the slowest mode would have by more. Without the latter false: weights of 1e-13 keep "
            "residuals above 1"
        ),
        sense=Sense.UPPER,
        measured=number(lambda e: e.residual()),
        predicted=number(lambda e: e.residual_at_rest()),
        window=_resting,
        conditions=_positive_definite,
        applies=_kernel,
    ),
    Statement(
        id="zhang2025.rest.excluded",
        claim="and nothing draws the others back",
        formula="w_i = 0 ⇒ max(g_i, 0)/κ̄_i ≤ 1e-5: g_i ≤ 0",
        source=(
            "derived, for any kernel; at rest: outputs and weights moved by at most 1e-6 between the last two "
            "records"
        ),
        sense=Sense.UPPER,
        measured=number(lambda e: e.push()),
        predicted=number(10 * AT_REST),
        window=_resting_excluded,
        conditions=_monotone,
        applies=_learning,
    ),
    Statement(
        id="zhang2025.phases.alignment",
        claim="the weights separate before outputs grow",
        formula="t_pol + 1 ≤ t1",
        source=(
            "derived: as measured; with conditions on A4 and η alone it is false, as outputs grow first when "
            "weights are 50 times slower"
        ),
        sense=Sense.LOWER,
        measured=number(lambda e: e.times["t1"]),
        predicted=number(lambda e: e.times["t_pol"] + 1),
        window=end,
        conditions=_rates,
        applies=_reweighted,
    ),
    Statement(
        id="zhang2025.phases.filtering",
        claim="and outputs grow before the meta-gradient turns",
        formula="t1 + 1 ≤ t2",
        source="derived: as measured; t2 ≥ t1 by definition",
        sense=Sense.LOWER,
        measured=number(lambda e: e.times["t2"]),
        predicted=number(lambda e: e.times["t1"] + 1),
        window=end,
        conditions=_rates,
        applies=_reweighted,
    ),
)
