"""Huang et al. 2025, Lemma C.1 and Proposition 4.1: what holds throughout a run, as data."""

import numpy as np

from theorysim.papers.huang2025 import hypotheses as h
from theorysim.papers.huang2025 import quantities as q
from theorysim.papers.huang2025.evidence import HuangEvidence, to_horizon
from theorysim.papers.huang2025.hypotheses import PAPER
from theorysim.theory.statement import Array, Sense, Statement, Steps
from theorysim.theory.windows import number, observed, recorded

ROUNDING = 1e-9


def _moved(evidence: HuangEvidence, step: int) -> Array:
    """⟨w(t) − w_0, v_a⟩ over the signal and the noises, (2, m, 1 + n)."""
    moved = evidence.run.products(step) - evidence.run.draw.inner
    return moved.reshape(2, evidence.problem.m, -1)


def noise_gap(evidence: HuangEvidence, steps: Steps) -> Array:
    """max |⟨w(t) − w_0, ξ_i⟩ − ρ_{j,r,i}|."""
    rho = evidence.run.rho[evidence.records(steps)]
    return np.array([np.abs(_moved(evidence, int(step))[..., 1:] - one).max()
                     for step, one in zip(steps, rho, strict=True)])


def signal_gap(evidence: HuangEvidence, steps: Steps) -> Array:
    """max |⟨w(t) − w_0, μ⟩ − jγ_{j,r}|."""
    gamma = evidence.run.gamma[evidence.records(steps)] * [[1.0], [-1.0]]
    return np.array([np.abs(_moved(evidence, int(step))[..., 0] - one).max()
                     for step, one in zip(steps, gamma, strict=True)])


def signal_rounding(evidence: HuangEvidence, steps: Steps) -> Array:
    """A billionth of the largest |γ_{j,r}| and of the largest |⟨w_0, μ⟩|."""
    gamma = np.abs(evidence.run.gamma[evidence.records(steps)]).max(axis=(1, 2))
    return ROUNDING * (gamma + np.abs(evidence.initial_signal).max())


WHOLE_RUN = (
    Statement(
        id="huang2025.lemma_c_1.noise",
        claim="a filter moves along a noise by its own memorization of it, up to overlaps",
        formula="|⟨w_{j,r}(t) − w_{j,r}(0), ξ_i⟩ − ρ_{j,r,i}| ≤ 8 n √(log(4n²/δ)/d) α",
        source=f"{PAPER}, Lemma C.1 (reconstructed from the proof of Proposition 4.1; its later uses have 16)",
        sense=Sense.UPPER,
        measured=noise_gap,
        predicted=number(lambda e: 8 * h.leak(e) * h.alpha(e)),
        window=recorded(to_horizon),
        conditions=h.bounded_so_far,
    ),
    Statement(
        id="huang2025.lemma_c_1.signal",
        claim="a filter moves along the signal by its signal learning exactly",
        formula="⟨w_{j,r}(t) − w_{j,r}(0), μ⟩ = jγ_{j,r}, to 1e-9 of the largest of γ and ⟨w_0, μ⟩",
        source=f"{PAPER}, Lemma C.1 (an identity where noise is orthogonal to μ)",
        sense=Sense.UPPER,
        measured=signal_gap,
        predicted=signal_rounding,
        window=recorded(to_horizon),
        conditions=h.model,
    ),
    Statement(
        id="huang2025.proposition_4_1.gamma",
        claim="signal learning stays below α = 4 log T*",
        formula="|γ_{j,r}| ≤ 4 log T*",
        source=f"{PAPER}, Proposition 4.1 (7)",
        sense=Sense.UPPER,
        measured=lambda e, s: np.maximum(e.column("gamma_max", s), -e.column("gamma_min", s)),
        predicted=number(h.alpha),
        window=to_horizon,
        conditions=h.bounded_steps,
    ),
    Statement(
        id="huang2025.proposition_4_1.rho_bar",
        claim="noise memorization stays below α",
        formula="ρ̄_{j,r,i} ≤ 4 log T*",
        source=f"{PAPER}, Proposition 4.1 (7)",
        sense=Sense.UPPER,
        measured=observed("rho_bar_max"),
        predicted=number(h.alpha),
        window=to_horizon,
        conditions=h.bounded_steps,
    ),
    Statement(
        id="huang2025.proposition_4_1.rho_bar_below",
        claim="noise memorization that flips made negative stays above −α",
        formula="ρ̄_{j,r,i} ≥ −4 log T*",
        source=f"{PAPER}, Proposition 4.1 (7), its modulus (whether the display also has ρ̄ ≥ 0 is not legible)",
        sense=Sense.LOWER,
        measured=q.smallest_memory,
        predicted=number(lambda e: -h.alpha(e)),
        window=recorded(to_horizon),
        conditions=h.bounded_steps,
    ),
    Statement(
        id="huang2025.proposition_4_1.rho_under",
        claim="anti-memorization is no larger than initialisation and leakage between noises",
        formula="ρ̲_{j,r,i} ≥ −β − 16 n √(log(4n²/δ)/d) α",
        source=f"{PAPER}, Proposition 4.1 (8) (reconstructed from text and induction)",
        sense=Sense.LOWER,
        measured=observed("rho_under_min"),
        predicted=number(lambda e: -h.leakage(e)),
        window=to_horizon,
        conditions=h.bounded_steps,
    ),
    Statement(
        id="huang2025.proposition_4_1.order",
        claim="that bound is itself within α",
        formula="β + 16 n √(log(4n²/δ)/d) α ≤ α",
        source=f"{PAPER}, Proposition 4.1 (8)",
        sense=Sense.UPPER,
        measured=number(h.leakage),
        predicted=number(h.alpha),
        conditions=h.theorem,
    ),
)
