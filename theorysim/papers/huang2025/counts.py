"""Huang et al. 2025, Lemmas B.3 and B.4: how many labels a step flips, and how often a sample is flipped."""

import numpy as np
from numpy.typing import NDArray

from theorysim.papers.huang2025 import hypotheses as h
from theorysim.papers.huang2025.evidence import HuangEvidence
from theorysim.papers.huang2025.hypotheses import PAPER
from theorysim.theory.statement import Sense, Statement
from theorysim.theory.windows import number


def flip_imbalance(evidence: HuangEvidence) -> float:
    """Largest deviation of the number of unflipped labels of a step from (1 − p) n."""
    expected = (1 - evidence.flip_rate) * evidence.problem.n
    return float(np.abs(_to_horizon(evidence).sum(axis=1) - expected).max(initial=0.0))


def class_imbalance(evidence: HuangEvidence) -> float:
    """The same in each class, from (1 − p) n/2 unflipped and pn/2 flipped: the largest of the four."""
    half, p, kept = evidence.problem.n / 2, evidence.flip_rate, _to_horizon(evidence)
    found = 0.0
    for label in (1, -1):
        own = kept[:, evidence.run.draw.observed_labels == label]
        left = own.sum(axis=1)
        found = max(found, np.abs(left - (1 - p) * half).max(initial=0.0),
                    np.abs(own.shape[1] - left - p * half).max(initial=0.0))
    return float(found)


def _to_horizon(evidence: HuangEvidence) -> NDArray[np.bool_]:
    return evidence.kept[: int(min(evidence.horizon, evidence.run.steps))]


def sample_imbalance(evidence: HuangEvidence) -> float:
    """Largest deviation over samples of the number of steps without flip from (1 − p) T."""
    return float(np.abs(evidence.kept.sum(axis=0) - (1 - evidence.flip_rate) * evidence.run.steps).max())


def _hoeffding(count: float, outcomes: float) -> float:
    return float(np.sqrt(count / 2 * np.log(outcomes)))


LABEL_COUNTS = (
    Statement(
        id="huang2025.lemma_b_3",
        claim="at every step about (1 − p) n labels are left as they are",
        formula="|#{i: ε_i^(t) = 1} − (1−p)n| ≤ √((n/2) log(4T*/δ)), all t ≤ T*",
        source=f"{PAPER}, Lemma B.3, part 1 (reconstructed from its proof)",
        sense=Sense.UPPER,
        measured=number(flip_imbalance),
        predicted=number(lambda e: _hoeffding(e.problem.n, 4 * e.horizon / e.constants.delta)),
        applies=h.drawn_flips,
        over_draws=True,
    ),
    Statement(
        id="huang2025.lemma_b_3.ii",
        claim="at every step and in each class about (1 − p) n/2 labels are left and pn/2 are flipped",
        formula="|#(S₊ ∩ S_j) − (1−p)n/2|, |#(S₋ ∩ S_j) − pn/2| ≤ √((n/2) log(8T*/δ)), all t ≤ T*, both j",
        source=f"{PAPER}, Lemma B.3, part 2 (reconstructed)",
        sense=Sense.UPPER,
        measured=number(class_imbalance),
        predicted=number(lambda e: _hoeffding(e.problem.n, 8 * e.horizon / e.constants.delta)),
        applies=h.drawn_flips,
        over_draws=True,
    ),
    Statement(
        id="huang2025.lemma_b_3.iii",
        claim="with many samples these counts stay within pn/4 of what is expected",
        formula="#(S₊ ∩ S_j) ∈ [(2−3p)n/4, (2−p)n/4], #(S₋ ∩ S_j) ∈ [pn/4, 3pn/4], all t ≤ T*, both j",
        source=f"{PAPER}, Lemma B.3, part 3",
        sense=Sense.UPPER,
        measured=number(class_imbalance),
        predicted=number(lambda e: e.flip_rate * e.problem.n / 4),
        conditions=h.counted_classes,
        applies=h.drawn_flips,
        over_draws=True,
    ),
    Statement(
        id="huang2025.lemma_b_4",
        claim="every sample keeps its label at about (1 − p) T of T steps",
        formula="|#{t < T: ε_i^(t) = 1} − (1−p)T| ≤ √((T/2) log(4n/δ)), all i",
        source=f"{PAPER}, Lemma B.4 (reconstructed: the union over i)",
        sense=Sense.UPPER,
        measured=number(sample_imbalance),
        predicted=number(lambda e: _hoeffding(e.run.steps, 4 * e.problem.n / e.constants.delta)),
        applies=h.drawn_flips,
        over_draws=True,
    ),
    Statement(
        id="huang2025.lemma_b_4.range",
        claim="after many steps these counts are within pT/2 of what is expected",
        formula="|S_{i,+}| ∈ [(2−3p)T/2, (2−p)T/2], |S_{i,−}| ∈ [pT/2, 3pT/2], all i",
        source=f"{PAPER}, Lemma B.4",
        sense=Sense.UPPER,
        measured=number(sample_imbalance),
        predicted=number(lambda e: e.flip_rate * e.run.steps / 2),
        conditions=h.counted_steps,
        applies=h.drawn_flips,
        over_draws=True,
    ),
)
