"""The three meanings that ι_i has in Huang et al. 2025, and what Lemma 4.5 says of each."""

from collections.abc import Callable

import numpy as np

from theorysim.papers.huang2025.evidence import HuangEvidence
from theorysim.theory.statement import Array, Steps

Meaning = Callable[[Array], Array]  # of ρ̄_{y_i,r,i}, (..., m, n), to (..., n)


def mean(rho: Array) -> Array:
    """(1/m) Σ_r ρ̄, the meaning of the review thread, where f ≈ ι²; the proof of Lemma E.4 still has exp(ι²)."""
    found: Array = rho.mean(axis=-2)
    return found


def mean_square(rho: Array) -> Array:
    """(1/m) Σ_r ρ̄², the meaning of section 4.3 and of Lemma E.4, where f ≈ ι; the only one that fits the network."""
    found: Array = (rho**2).mean(axis=-2)
    return found


def square_of_sum(rho: Array) -> Array:
    """(1/m)(Σ_r ρ̄)², the meaning of Lemma 4.5 (iii) in the main text."""
    found: Array = rho.sum(axis=-2) ** 2 / rho.shape[-2]
    return found


def square_of_mean(rho: Array) -> Array:
    """((1/m) Σ_r ρ̄)², to which the thread compares f."""
    return mean(rho) ** 2


def root_mean_square(rho: Array) -> Array:
    """√((1/m) Σ_r ρ̄²), the ι whose square fits f."""
    return np.sqrt(mean_square(rho))


def memory_of_outputs(evidence: HuangEvidence, steps: Steps, meaning: Meaning = mean_square) -> Array:
    """ι_i at recorded steps, (steps, n)."""
    return meaning(evidence.own(evidence.run.rho[evidence.records(steps)]))


def margins(evidence: HuangEvidence, steps: Steps) -> Array:
    """ỹ_i f_i at recorded steps, (steps, n)."""
    outputs = np.array([evidence.run.outputs(int(step)) for step in steps]).reshape(len(steps), -1)
    found: Array = evidence.run.draw.observed_labels * outputs
    return found


def output_over_memory(evidence: HuangEvidence, steps: Steps, meaning: Meaning = mean_square) -> Array:
    """ỹ_i f_i/ι_i, (steps, n)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return margins(evidence, steps) / memory_of_outputs(evidence, steps, meaning)


def smallest(meaning: Meaning) -> Callable[[HuangEvidence, Steps], Array]:
    """Side: min over i of f_i/ι_i, in one of the meanings."""
    return lambda evidence, steps: output_over_memory(evidence, steps, meaning).min(axis=1)


def largest(meaning: Meaning) -> Callable[[HuangEvidence, Steps], Array]:
    """Side: max over i of f_i/ι_i, in one of the meanings."""
    return lambda evidence, steps: output_over_memory(evidence, steps, meaning).max(axis=1)
