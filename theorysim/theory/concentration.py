"""Concentration at initialisation (Cao et al. 2022, Lemmas B.1–B.2): the good events of trajectory lemmas.

Each holds with probability at least 1 − δ over the draw. A lemma about the trajectory is deterministic
once they hold, so they also serve as its conditions, as measured on the run's own draw.
"""

from collections.abc import Sequence

import numpy as np

from theorysim.theory.conditions import Condition
from theorysim.theory.signal_noise import SignalNoiseEvidence
from theorysim.theory.statement import Array, Sense, Statement
from theorysim.theory.windows import number, start

SOURCE = "Cao et al. 2022, Lemma B.{}"


def noise_norms(evidence: SignalNoiseEvidence) -> Array:
    """‖ξ_i‖², (n,)."""
    return np.diag(evidence.noise_gram)


def scale(evidence: SignalNoiseEvidence) -> float:
    """σ_p² d."""
    return evidence.problem.noise_std**2 * evidence.problem.d


def largest_overlap(evidence: SignalNoiseEvidence) -> float:
    """max |⟨ξ_i, ξ_k⟩| over i ≠ k; 0 for a single sample."""
    overlaps = np.abs(evidence.noise_gram - np.diag(noise_norms(evidence)))
    return float(overlaps.max())


def overlap_bound(evidence: SignalNoiseEvidence) -> float:
    """2σ_p² √(d log(4n²/δ))."""
    p, delta = evidence.problem, evidence.constants.delta
    return float(2 * p.noise_std**2 * np.sqrt(p.d * np.log(4 * p.n**2 / delta)))


def initial_signal_bound(evidence: SignalNoiseEvidence) -> float:
    """√(2 log(8m/δ)) σ_0 ‖μ‖."""
    p, delta = evidence.problem, evidence.constants.delta
    return float(np.sqrt(2 * np.log(8 * p.m / delta)) * p.init_std * p.signal_norm)


def initial_noise_unit(evidence: SignalNoiseEvidence) -> float:
    """σ_0 σ_p √d."""
    p = evidence.problem
    return float(p.init_std * p.noise_std * np.sqrt(p.d))


def initial_noise_bound(evidence: SignalNoiseEvidence) -> float:
    """2 √log(8mn/δ) σ_0 σ_p √d."""
    p, delta = evidence.problem, evidence.constants.delta
    return float(2 * np.sqrt(np.log(8 * p.m * p.n / delta))) * initial_noise_unit(evidence)


def weakest_signal_start(evidence: SignalNoiseEvidence) -> float:
    """min over j of max over r of j⟨w_{j,r}(0), μ⟩."""
    return float((evidence.initial_signal * [[1.0], [-1.0]]).max(axis=1).min())


def weakest_noise_start(evidence: SignalNoiseEvidence) -> float:
    """min over i of max over r of ⟨w_{ỹ_i,r}(0), ξ_i⟩, the paper's β̄."""
    return float(evidence.own_noise.max(axis=0).min())


def large_dimension(evidence: SignalNoiseEvidence) -> Sequence[Condition]:
    """d ≥ C log(4n/δ)."""
    p, c = evidence.problem, evidence.constants
    return (Condition("d ≥ C log(4n/δ)", p.d, ">=", c.C * np.log(4 * p.n / c.delta), SOURCE.format(1)),)


def large_width(evidence: SignalNoiseEvidence) -> Sequence[Condition]:
    """d ≥ C log(mn/δ) and m ≥ C log(1/δ)."""
    p, c = evidence.problem, evidence.constants
    return (
        Condition("d ≥ C log(mn/δ)", p.d, ">=", c.C * np.log(p.m * p.n / c.delta), SOURCE.format(2)),
        Condition("m ≥ C log(1/δ)", p.m, ">=", c.C * np.log(1 / c.delta), SOURCE.format(2)),
    )


STATEMENTS = (
    Statement(
        id="concentration.noise_norm.lower",
        claim="no noise vector is short",
        formula="‖ξ_i‖² ≥ σ_p² d/2",
        source=SOURCE.format(1),
        sense=Sense.LOWER,
        measured=number(lambda e: float(noise_norms(e).min())),
        predicted=number(lambda e: scale(e) / 2),
        conditions=large_dimension,
        over_draws=True,
    ),
    Statement(
        id="concentration.noise_norm.upper",
        claim="no noise vector is long",
        formula="‖ξ_i‖² ≤ 3σ_p² d/2",
        source=SOURCE.format(1),
        sense=Sense.UPPER,
        measured=number(lambda e: float(noise_norms(e).max())),
        predicted=number(lambda e: 1.5 * scale(e)),
        conditions=large_dimension,
        over_draws=True,
    ),
    Statement(
        id="concentration.noise_overlap",
        claim="noise vectors are nearly orthogonal",
        formula="|⟨ξ_i, ξ_k⟩| ≤ 2σ_p² √(d log(4n²/δ))",
        source=SOURCE.format(1),
        sense=Sense.UPPER,
        measured=number(largest_overlap),
        predicted=number(overlap_bound),
        conditions=large_dimension,
        over_draws=True,
    ),
    Statement(
        id="concentration.initial_signal.upper",
        claim="no filter starts far along the signal",
        formula="|⟨w_{j,r}(0), μ⟩| ≤ √(2 log(8m/δ)) σ_0‖μ‖",
        source=SOURCE.format(2),
        sense=Sense.UPPER,
        measured=number(lambda e: float(np.abs(e.initial_signal).max())),
        predicted=number(initial_signal_bound),
        conditions=large_width,
        over_draws=True,
    ),
    Statement(
        id="concentration.initial_noise.upper",
        claim="no filter starts far along a noise vector",
        formula="|⟨w_{j,r}(0), ξ_i⟩| ≤ 2√log(8mn/δ) σ_0σ_p√d",
        source=SOURCE.format(2),
        sense=Sense.UPPER,
        measured=number(lambda e: float(np.abs(e.initial_noise).max())),
        predicted=number(initial_noise_bound),
        conditions=large_width,
        over_draws=True,
    ),
    Statement(
        id="concentration.initial_signal.lower",
        claim="each branch has a filter along its signal",
        formula="max_r j⟨w_{j,r}(0), μ⟩ ≥ σ_0‖μ‖/2",
        source=SOURCE.format(2),
        sense=Sense.LOWER,
        measured=number(weakest_signal_start),
        predicted=number(lambda e: e.problem.init_std * e.problem.signal_norm / 2),
        conditions=large_width,
        over_draws=True,
    ),
    Statement(
        id="concentration.initial_noise.lower",
        claim="each sample has a filter of its branch along its noise",
        formula="max_r ⟨w_{ỹ_i,r}(0), ξ_i⟩ ≥ σ_0σ_p√d/4",
        source=SOURCE.format(2),
        sense=Sense.LOWER,
        measured=number(weakest_noise_start),
        predicted=number(lambda e: initial_noise_unit(e) / 4),
        conditions=large_width,
        over_draws=True,
    ),
)


FREE_NOISE = (
    Statement(
        id="concentration.noise_signal_overlap",
        claim="no noise vector is far along the signal",
        formula="|⟨ξ_i, μ⟩| ≤ ‖μ‖σ_p √(2 log(6n/δ))",
        source="Han et al. 2025, concentration",
        sense=Sense.UPPER,
        measured=number(lambda e: float(np.abs(e.run.draw.gram[0, 1:]).max())),
        predicted=number(lambda e: float(
            e.problem.signal_norm * e.problem.noise_std * np.sqrt(2 * np.log(6 * e.problem.n / e.constants.delta)))),
        over_draws=True,
    ),
    Statement(
        id="concentration.class_balance",
        claim="both classes have about half of the samples",
        formula="||S_±| − n/2| ≤ √((n/2) log(4/δ))",
        source="Han et al. 2025, concentration",
        sense=Sense.UPPER,
        measured=number(lambda e: float(abs((e.run.draw.labels > 0).sum() - e.problem.n / 2))),
        predicted=number(lambda e: float(np.sqrt(e.problem.n / 2 * np.log(4 / e.constants.delta)))),
        over_draws=True,
    ),
)


def good_events(evidence: SignalNoiseEvidence) -> Sequence[Condition]:
    """All events above as measured on this draw, the conditions of trajectory lemmas."""
    steps = start(evidence)
    return [
        Condition(
            one.formula, float(one.measured(evidence, steps)[0]), "<=" if one.sense == Sense.UPPER else ">=",
            float(one.predicted(evidence, steps)[0]), one.source,
        )
        for one in STATEMENTS
    ]
