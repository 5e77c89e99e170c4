"""Lemma D.6 of Huang et al. 2025: a small shift of the noise moves the network's noise part, counted on fresh noise."""

import numpy as np

from theorysim.papers.huang2025.evidence import HuangEvidence
from theorysim.patch.risk import noise_covariance
from theorysim.theory.statement import Array, Steps

DRAWS = 20_000
SEED = 20251017  # of the noise that is counted on, the same for all runs


def shift_length(evidence: HuangEvidence) -> float:
    """‖v‖ of v = λ Σ_{y_i = 1} ξ_i, λ = 0.01/√(nd)."""
    chosen, scale = _shift(evidence)
    return float(scale * np.sqrt(np.maximum(chosen @ evidence.noise_gram @ chosen, 0.0)))


def _shift(evidence: HuangEvidence) -> tuple[Array, float]:
    p = evidence.problem
    return (evidence.run.draw.observed_labels > 0).astype(float), 0.01 / np.sqrt(p.n * p.d)


def moved_by(evidence: HuangEvidence, step: int) -> Array:
    """Σ_± [g(±ξ + v) − g(±ξ)] on fresh noise ξ, g(ξ) = (1/m) Σ_{j,r} jσ(⟨w_{j,r}, ξ⟩), (draws,)."""
    run, (chosen, scale) = evidence.run, _shift(evidence)
    along = scale * run.products(step)[:, 1:] @ chosen
    size, axes = np.linalg.eigh(noise_covariance(run, step))
    normal = np.random.default_rng(SEED).standard_normal((DRAWS, len(along)))
    noise = (normal * np.sqrt(np.maximum(size, 0.0))) @ axes.T
    readout = np.repeat([1.0, -1.0], evidence.problem.m) / evidence.problem.m

    def g(inner: Array) -> Array:
        votes: Array = np.maximum(inner, 0.0) ** evidence.problem.q @ readout
        return votes

    return sum((g(sign * noise + along) - g(sign * noise) for sign in (1, -1)), start=np.zeros(DRAWS))


def share_moved(evidence: HuangEvidence, steps: Steps) -> list[float]:
    """The share of fresh noise vectors that are moved by 4C σ_0²‖μ‖² or more."""
    p = evidence.problem
    level = 4 * evidence.constants.C * (p.init_std * p.signal_norm) ** 2
    return [float((moved_by(evidence, int(step)) >= level).mean()) for step in steps]
