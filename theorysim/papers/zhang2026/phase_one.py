"""Phase I: Theorem 2 in both readings, Lemma 3, the balance of the layers, and Lemma 4's oscillation."""

from collections.abc import Callable

import numpy as np

from theorysim.oscillation import OscillationRun
from theorysim.papers.zhang2026 import quantities as q
from theorysim.papers.zhang2026.condition import chain, first_phase
from theorysim.papers.zhang2026.evidence import LinearEvidence
from theorysim.papers.zhang2026.quantities import PAPER
from theorysim.theory.statement import Array, Sense, Statement, Steps
from theorysim.theory.windows import Side, at, end, number, observed, recorded

SAMPLE = "of the neurons followed; exact probability over the step's sample and noise"


def _change(name: str) -> Side:
    """One of the shares and sizes of Lemma 3, of the state at recorded steps."""

    def side(evidence: LinearEvidence, steps: Steps) -> Array:
        return np.array([evidence.changes(int(place))[name] for place in evidence.records(steps)], dtype=np.float64)

    return side


def _off_balance(evidence: LinearEvidence, steps: Steps) -> Array:
    """By how much the balance of the worst neuron is off after one step."""
    return np.array([evidence.off_balance(int(place)) for place in evidence.records(steps)], dtype=np.float64)


def _rounding(evidence: LinearEvidence, steps: Steps) -> Array:
    """10⁻¹² of the squared weights: what rounding may do to a neuron."""
    sizes: Array = 1e-12 * (evidence.run.problem.width * evidence.column("mean_norm_sq", steps)
                            + evidence.column("second_layer", steps))
    return sizes


def _followed_by_a_record(evidence: LinearEvidence) -> Steps:
    """Window: recorded steps whose next step is recorded, too."""
    steps = evidence.run.steps_recorded
    return steps[:-1][np.diff(steps) == 1]


def _lowest(evidence: LinearEvidence) -> float:
    """The smallest mean squared norm up to step η⁻²; of chains two standard errors above their mean, NaN for one."""
    run = evidence.run
    early = run.steps_observed <= evidence.inverse_square
    by_chains = isinstance(run, OscillationRun) and run.algorithm.chains
    above = 2 * run.column("standard_error") if by_chains else 0.0
    return float(np.min((run.column("mean_norm_sq") + above)[early]))


def _decided(evidence: LinearEvidence) -> Steps:
    """Window: the end, once the norm has been at most √η by step η⁻², or that step has passed."""
    seen = _lowest(evidence) <= np.sqrt(evidence.lr) or evidence.run.steps >= evidence.inverse_square
    return np.array([evidence.run.steps] if seen else [], dtype=np.int64)


def _vacuity(sign: int) -> Callable[[LinearEvidence], float]:
    """ρm^{−1/8}, or what it leaves of 1."""
    return lambda e: float(e.rho * e.run.problem.width**-0.125) if sign > 0 else 1 - e.rho * e.run.problem.width**-0.125


PHASE_ONE = (
    Statement(
        id="zhang2026.theorem_2",
        claim="every neuron leaves the lazy regime in time",
        formula="T1_all ≤ 384√(log m)/(σ²η²√m), with probability 1 − O(1/m)",
        source=f"{PAPER}, Theorem 2, read as its proof has it: outside at some step up to T1",
        sense=Sense.UPPER,
        measured=number(q.escape),
        predicted=number(q.escape_bound),
        window=end,
        conditions=first_phase,
        applies=q.followed,
        over_draws=True,  # δ = O(1/m), to be given as such
    ),
    Statement(
        id="zhang2026.theorem_2.outside",
        claim="every neuron is outside the lazy regime at that time",
        formula="min_i √m‖w_i(T1) − w_i(0)‖ > 1 at T1 = 384√(log m)/(σ²η²√m), with probability 1 − O(1/m)",
        source=f"{PAPER}, Theorem 2, as its words have it; share of the neurons followed",
        sense=Sense.LOWER,
        measured=observed("share_outside"),
        predicted=number(1.0),
        window=at(q.escape_bound),
        conditions=first_phase,
        applies=q.followed,
        over_draws=True,  # δ = O(1/m), to be given as such
    ),
    Statement(
        id="zhang2026.lemma_3.shrinking",
        claim="while the network is lazy every neuron shrinks at most steps",
        formula="min_i P(Δ_i ≤ 0) ≥ 1 − ρm^{−1/8}, ρ = 2√d/√π",
        source=f"{PAPER}, Lemma 3.1; the worst {SAMPLE}",
        sense=Sense.LOWER,
        measured=_change("shrinking"),
        predicted=number(_vacuity(-1)),
        window=recorded(q.lazy_steps),
        conditions=first_phase,
        applies=q.followed,
        trivial=0.0,
    ),
    Statement(
        id="zhang2026.lemma_3.shrinking_fast",
        claim="and shrinks fast at a quarter of them",
        formula="min_i P(Δ_i ≤ −(σ/4)²) ≥ 1/4",
        source=f"{PAPER}, Lemma 3.1; the worst {SAMPLE}",
        sense=Sense.LOWER,
        measured=_change("shrinking_fast"),
        predicted=number(0.25),
        window=recorded(q.lazy_steps),
        conditions=first_phase,
        applies=q.followed,
    ),
    Statement(
        id="zhang2026.lemma_3.growing",
        claim="and seldom grows",
        formula="max_i P(Δ_i > 0) ≤ ρm^{−1/8}, ρ = 2√d/√π",
        source=f"{PAPER}, Lemma 3.2; the worst {SAMPLE}",
        sense=Sense.UPPER,
        measured=_change("growing"),
        predicted=number(_vacuity(1)),
        window=recorded(q.lazy_steps),
        conditions=first_phase,
        applies=q.followed,
        trivial=1.0,
    ),
    Statement(
        id="zhang2026.lemma_3.growth",
        claim="and then by a bounded amount",
        formula="max_i Δ_i ≤ C",
        source=f"{PAPER}, Lemma 3.2: O(1), whose constant is C; the worst of the neurons followed, samples and noise",
        sense=Sense.UPPER,
        measured=_change("growth"),
        predicted=number(lambda e: e.constants.C),
        window=recorded(q.lazy_steps),
        conditions=first_phase,
        applies=q.followed,
    ),
    Statement(
        id="zhang2026.balance",
        claim="the layers stay balanced but for the noise of a step",
        formula="‖w_i‖² − a_i² changes by η²Δ_i in a step, Δ_i = −g²(⟨x, w_i⟩² − a_i²‖x‖²)",
        source=f"{PAPER}, section 3, an identity; between consecutive records, to rounding",
        sense=Sense.UPPER,
        measured=_off_balance,
        predicted=_rounding,
        window=_followed_by_a_record,
        applies=q.followed,
    ),
    Statement(
        id="zhang2026.lemma_4.exists",
        claim="oscillation of the second layer alone shrinks the neurons at some step",
        formula="min over t ≤ η⁻² of E tr A/m ≤ √η",
        source=f"{PAPER}, Lemma 4, over the steps observed; E by the recursion (derived), or by chains: their mean and "
               "two standard errors more",
        sense=Sense.UPPER,
        measured=number(_lowest),
        predicted=number(lambda e: np.sqrt(e.lr)),
        window=_decided,
        conditions=chain,
        applies=q.oscillating,
    ),
)
