"""The reduced process of Lemma 4.5: one number per sample, beside the exact run.

In stage 2 with label noise the paper follows each sample's output f_i ≈ ι² by

    ι ← (1 + κ/(1 + e^{ι²})) ι   with probability 1 − p,
    ι ← (1 − κ/(1 + e^{−ι²})) ι  with probability p,          κ = η σ_p² d/(nm),

which rests where ι² = log((1 − p)/p). The exact update of ρ̄_{y_i,r,i} is (to first order) the same with 2κ in
place of κ, since σ'(z) = 2z; ``factor`` chooses.
"""

from typing import NamedTuple

import numpy as np

from theorysim.core import validate
from theorysim.patch.algorithm import Flip
from theorysim.patch.label_noise import drawn_multipliers
from theorysim.patch.run import PatchRun
from theorysim.papers.huang2025.evidence import HuangEvidence
from theorysim.theory.statement import Array, Steps


class ReducedProcess(NamedTuple):
    """√f_i of the run and ι of the reduced process at recorded steps from T1 on."""

    steps: Steps  # (records,)
    exact: Array  # (records, n) √max(0, y_i f_i)
    reduced: Array  # (records, n)


def reduced_process(run: PatchRun, factor: float = 1.0) -> ReducedProcess:
    """Drive the reduced process by the run's own flips, from the exact outputs at the first record after T1.

    Parameters
    ----------
    run : PatchRun
        Of a signal-noise problem with flips drawn from the seed, and recorded steps after T1.
    factor : float
        1 is the paper's rate, 2 the derived one.

    Raises
    ------
    ValueError
        When the run has no such flips or T1 was not reached.
    """
    factor = validate.real("factor", factor, 0, above=True)
    if not isinstance(run.algorithm.label_noise, Flip) or run.given_label_noise:
        raise ValueError(f"run: has label noise {run.algorithm.label_noise!r}, must have Flip drawn from the seed")
    evidence = HuangEvidence(run)
    steps = run.steps_recorded[run.steps_recorded >= evidence.first_stage_end]
    if not len(steps):
        raise ValueError("run: must have a recorded step after T1, which was not reached")
    kept = drawn_multipliers(run.algorithm.label_noise, run.draw.n, run.steps, run.seed) > 0
    exact = np.sqrt(np.maximum([run.draw.observed_labels * run.outputs(int(step)) for step in steps], 0.0))
    reduced = np.empty_like(exact)
    iota = exact[0]
    for record, step in enumerate(steps):
        reduced[record] = iota
        until = steps[record + 1] if record + 1 < len(steps) else step
        for flips in kept[step:until]:
            iota = reduced_step(iota, flips, factor * evidence.rate)
    return ReducedProcess(steps, exact, reduced)


def reduced_step(iota: Array, kept: Array, rate: float) -> Array:
    """One step of the reduced process for every sample."""
    return np.where(kept, 1 + rate / (1 + np.exp(iota**2)), 1 - rate / (1 + np.exp(-(iota**2)))) * iota


def resting_point(evidence: HuangEvidence) -> float:
    """log((1 − p)/p), where a kept and a flipped label balance; NaN without flips or at p = 0."""
    noise = evidence.run.algorithm.label_noise
    p = noise.p if isinstance(noise, Flip) else 0.0
    return float(np.log((1 - p) / p)) if 0 < p < 1 else float("nan")


def expected_change(evidence: HuangEvidence, steps: Steps) -> Array:
    """Exact E[ι_i(t+1) − ι_i(t) | state]/ι_i(t) for ι_i = (1/m) Σ_r ρ̄²_{y_i,r,i}, (steps, n).

    ρ̄_{y_i,r,i} changes only through the sample's own label, by (η/(nm)) |ℓ'| σ'(⟨w, ξ_i⟩) ‖ξ_i‖² upwards with
    probability 1 − p at |ℓ'(f_i)| and downwards with probability p at |ℓ'(−f_i)|.
    """
    run, problem, noise = evidence.run, evidence.problem, evidence.run.algorithm.label_noise
    p = noise.p if isinstance(noise, Flip) else 0.0
    gram = run.draw.gram
    found = np.empty((len(steps), problem.n))
    for number, step in enumerate(steps):
        coef = run.coefficients[run.record(int(step))]
        inner = (run.draw.inner + coef @ gram)[:, 1:].reshape(2, problem.m, -1)
        rho = evidence.own(run.rho[run.record(int(step))])
        push = run.algorithm.lr / (problem.n * problem.m) * 2 * np.maximum(evidence.own(inner), 0.0) * np.diag(gram)[1:]
        up = 1 / (1 + np.exp(run.draw.observed_labels * run.outputs(int(step))))
        first, second = (1 - p) * up - p * (1 - up), (1 - p) * up**2 + p * (1 - up) ** 2
        memory = (rho**2).mean(axis=0)
        found[number] = (2 * rho * push * first + push**2 * second).mean(axis=0) / memory
    return found


def largest_expected_growth(evidence: HuangEvidence, steps: Steps) -> Array:
    """The largest relative expected change among samples with f_i ≥ log((1 − p)/p) + 2κ; NaN if there is none."""
    rest = resting_point(evidence) + 2 * evidence.rate
    outputs = np.array([evidence.run.draw.observed_labels * evidence.run.outputs(int(step)) for step in steps])
    above = outputs.reshape(len(steps), -1) >= rest
    growth = np.where(above, expected_change(evidence, steps), -np.inf).max(axis=1, initial=-np.inf)
    return np.where(above.any(axis=1), growth, np.nan)
