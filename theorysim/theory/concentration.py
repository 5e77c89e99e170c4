"""Concentration at initialisation (Cao et al. 2022, Lemmas B.1–B.2): the good events of trajectory lemmas.

Each holds with probability at least 1 − δ over the draw. A lemma about the trajectory is deterministic
once they hold, so they also serve as its conditions, as measured on the run's own draw.
"""

from collections.abc import Callable, Sequence

import numpy as np

from theorysim.theory.conditions import Condition
from theorysim.theory.statement import Array, Evidence, Sense, Statement, Steps, no_conditions

SOURCE = "Cao et al. 2022, Lemma B.{}"


def noise_norms(evidence: Evidence) -> Array:
    """‖ξ_i‖², (n,)."""
    return np.diag(evidence.noise_gram)


def scale(evidence: Evidence) -> float:
    """σ_p² d."""
    return evidence.problem.noise_std**2 * evidence.problem.d


def largest_overlap(evidence: Evidence) -> float:
    """max |⟨ξ_i, ξ_k⟩| over i ≠ k; 0 for a single sample."""
    overlaps = np.abs(evidence.noise_gram - np.diag(noise_norms(evidence)))
    return float(overlaps.max())


def overlap_bound(evidence: Evidence) -> float:
    """2σ_p² √(d log(4n²/δ))."""
    p, delta = evidence.problem, evidence.constants.delta
    return float(2 * p.noise_std**2 * np.sqrt(p.d * np.log(4 * p.n**2 / delta)))


def initial_signal_bound(evidence: Evidence) -> float:
    """√(2 log(8m/δ)) σ_0 ‖μ‖."""
    p, delta = evidence.problem, evidence.constants.delta
    return float(np.sqrt(2 * np.log(8 * p.m / delta)) * p.init_std * p.signal_norm)


def initial_noise_unit(evidence: Evidence) -> float:
    """σ_0 σ_p √d."""
    p = evidence.problem
    return float(p.init_std * p.noise_std * np.sqrt(p.d))


def initial_noise_bound(evidence: Evidence) -> float:
    """2 √log(8mn/δ) σ_0 σ_p √d."""
    p, delta = evidence.problem, evidence.constants.delta
    return float(2 * np.sqrt(np.log(8 * p.m * p.n / delta))) * initial_noise_unit(evidence)


def weakest_signal_start(evidence: Evidence) -> float:
    """min over j of max over r of j⟨w_{j,r}(0), μ⟩."""
    return float((evidence.initial_signal * [[1.0], [-1.0]]).max(axis=1).min())


def weakest_noise_start(evidence: Evidence) -> float:
    """min over i of max over r of ⟨w_{ỹ_i,r}(0), ξ_i⟩, the paper's β̄."""
    return float(evidence.own_noise.max(axis=0).min())


def large_dimension(evidence: Evidence) -> Sequence[Condition]:
    """d ≥ C log(4n/δ)."""
    p, c = evidence.problem, evidence.constants
    return (Condition("d ≥ C log(4n/δ)", p.d, ">=", c.C * np.log(4 * p.n / c.delta), SOURCE.format(1)),)


def large_width(evidence: Evidence) -> Sequence[Condition]:
    """d ≥ C log(4n/δ) and m ≥ C log(1/δ)."""
    p, c = evidence.problem, evidence.constants
    wide = Condition("m ≥ C log(1/δ)", p.m, ">=", c.C * np.log(1 / c.delta), SOURCE.format(2))
    return (*large_dimension(evidence), wide)


def _event(
    name: str,
    number: int,
    claim: str,
    formula: str,
    sense: Sense,
    measured: Callable[[Evidence], float],
    predicted: Callable[[Evidence], float],
    conditions: Callable[[Evidence], Sequence[Condition]],
    source: str = "",
) -> Statement:
    def constant(quantity: Callable[[Evidence], float]) -> Callable[[Evidence, Steps], float]:
        return lambda evidence, _steps: quantity(evidence)

    return Statement(
        id=f"concentration.{name}",
        claim=claim,
        formula=formula,
        source=source or SOURCE.format(number),
        sense=sense,
        measured=constant(measured),
        predicted=constant(predicted),
        conditions=conditions,
        over_draws=True,
    )


STATEMENTS = (
    _event(
        "noise_norm.lower", 1, "no noise vector is short", "‖ξ_i‖² ≥ σ_p² d/2", Sense.LOWER,
        lambda e: float(noise_norms(e).min()), lambda e: scale(e) / 2, large_dimension,
    ),
    _event(
        "noise_norm.upper", 1, "no noise vector is long", "‖ξ_i‖² ≤ 3σ_p² d/2", Sense.UPPER,
        lambda e: float(noise_norms(e).max()), lambda e: 1.5 * scale(e), large_dimension,
    ),
    _event(
        "noise_overlap", 1, "noise vectors are nearly orthogonal", "|⟨ξ_i, ξ_k⟩| ≤ 2σ_p² √(d log(4n²/δ))", Sense.UPPER,
        largest_overlap, overlap_bound, large_dimension,
    ),
    _event(
        "initial_signal.upper", 2, "no filter starts far along the signal", "|⟨w_{j,r}(0), μ⟩| ≤ √(2 log(8m/δ)) σ_0‖μ‖",
        Sense.UPPER, lambda e: float(np.abs(e.initial_signal).max()), initial_signal_bound, large_dimension,
    ),
    _event(
        "initial_noise.upper", 2, "no filter starts far along a noise vector",
        "|⟨w_{j,r}(0), ξ_i⟩| ≤ 2√log(8mn/δ) σ_0σ_p√d", Sense.UPPER,
        lambda e: float(np.abs(e.initial_noise).max()), initial_noise_bound, large_dimension,
    ),
    _event(
        "initial_signal.lower", 2, "each branch has a filter along its signal", "max_r j⟨w_{j,r}(0), μ⟩ ≥ σ_0‖μ‖/2",
        Sense.LOWER, weakest_signal_start, lambda e: e.problem.init_std * e.problem.signal_norm / 2, large_width,
    ),
    _event(
        "initial_noise.lower", 2, "each sample has a filter of its branch along its noise",
        "max_r ⟨w_{ỹ_i,r}(0), ξ_i⟩ ≥ σ_0σ_p√d/4", Sense.LOWER,
        weakest_noise_start, lambda e: initial_noise_unit(e) / 4, large_width,
    ),
)


FREE_NOISE = (
    _event(
        "noise_signal_overlap", 0, "no noise vector is far along the signal",
        "|⟨ξ_i, μ⟩| ≤ ‖μ‖σ_p √(2 log(6n/δ))", Sense.UPPER, lambda e: float(np.abs(e.run.draw.gram[0, 1:]).max()),
        lambda e: float(e.problem.signal_norm * e.problem.noise_std
                        * np.sqrt(2 * np.log(6 * e.problem.n / e.constants.delta))), no_conditions,
        source="Han et al. 2025, concentration",
    ),
    _event(
        "class_balance", 0, "both classes have about half of the samples", "||S_±| − n/2| ≤ √((n/2) log(4/δ))",
        Sense.UPPER, lambda e: float(abs((e.run.draw.labels > 0).sum() - e.problem.n / 2)),
        lambda e: float(np.sqrt(e.problem.n / 2 * np.log(4 / e.constants.delta))), no_conditions,
        source="Han et al. 2025, concentration",
    ),
)


def good_events(evidence: Evidence) -> Sequence[Condition]:
    """All events above as measured on this draw, the conditions of trajectory lemmas."""
    none = np.arange(0)
    return [
        Condition(
            one.formula, one.measured(evidence, none), "<=" if one.sense == Sense.UPPER else ">=",
            one.predicted(evidence, none), one.source,
        )
        for one in STATEMENTS
    ]
