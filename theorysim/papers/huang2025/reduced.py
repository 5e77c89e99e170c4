"""The reduced process of Lemma 4.5: one number per sample, beside the exact run.

In stage 2 with label noise the paper follows each sample's output f_i ≈ ι² by

    ι ← (1 + κ/(1 + e^{ι²})) ι   with probability 1 − p,
    ι ← (1 − κ/(1 + e^{−ι²})) ι  with probability p,          κ = η σ_p² d/(nm),

which rests where ι² = log((1 − p)/p). The exact update of ρ̄_{y_i,r,i} is (to first order) the same with 2κ in
place of κ, since σ'(z) = 2z; ``factor`` chooses.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.papers.huang2025.evidence import HuangEvidence
from theorysim.papers.huang2025.outputs import Meaning, margins, mean_square, memory_of_outputs, output_over_memory
from theorysim.patch.algorithm import Flip
from theorysim.patch.run import PatchRun
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
    kept = evidence.kept
    exact = np.sqrt(np.maximum(margins(evidence, steps), 0.0))
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
    p = evidence.flip_rate
    return float(np.log((1 - p) / p)) if 0 < p < 1 else float("nan")


class NextStep(NamedTuple):
    """What one step makes of ρ̄_{y_i,r,i}: each sample's own label alone decides it."""

    now: Array  # (m, n)
    kept: Array  # with probability 1 − p, upwards by (η/(nm)) |ℓ'(f_i)| σ'(⟨w, ξ_i⟩) ‖ξ_i‖²
    flipped: Array  # with probability p, downwards by the same at |ℓ'(−f_i)|
    push: Array  # (η/(nm)) σ'(⟨w, ξ_i⟩) ‖ξ_i‖²
    slope: Array  # |ℓ'(f_i)|, (n,)


def next_step(evidence: HuangEvidence, step: int) -> NextStep:
    """Both outcomes of the step after a recorded one, exactly."""
    run, problem = evidence.run, evidence.problem
    inner = run.products(step)[:, 1:].reshape(2, problem.m, -1)
    norms = np.diag(run.draw.gram)[1:]
    push = run.algorithm.lr / (problem.n * problem.m) * 2 * np.maximum(evidence.own(inner), 0.0) * norms
    slope = 1 / (1 + np.exp(run.draw.observed_labels * run.outputs(step)))
    rho = evidence.own(run.rho[run.record(step)])
    return NextStep(rho, rho + push * slope, rho - push * (1 - slope), push, slope)


def expected_change(evidence: HuangEvidence, steps: Steps) -> Array:
    """Exact E[ι_i(t+1) − ι_i(t) | state]/ι_i(t) for ι_i = (1/m) Σ_r ρ̄²_{y_i,r,i}, (steps, n)."""
    p, found = evidence.flip_rate, np.empty((len(steps), evidence.problem.n))
    for number, step in enumerate(steps):
        after = next_step(evidence, int(step))
        first = (1 - p) * after.slope - p * (1 - after.slope)
        second = (1 - p) * after.slope**2 + p * (1 - after.slope) ** 2
        change = (2 * after.now * after.push * first + after.push**2 * second).mean(axis=0)
        found[number] = change / mean_square(after.now)
    return found


def step_share(evidence: HuangEvidence, steps: Steps) -> Array:
    """x_i = (η‖ξ_i‖²/(nm)) Σ_r z_r²/Σ_r ρ̄_r z_r, z_r = max(0, ⟨w_r, ξ_i⟩) of the own branch, (steps, n).

    It is κ where nothing but memory is left of z. The square of a step adds x_i E[c_i²] to the drift E[c_i].
    """
    found = np.empty((len(steps), evidence.problem.n))
    for number, step in enumerate(steps):
        after = next_step(evidence, int(step))
        with np.errstate(divide="ignore", invalid="ignore"):
            found[number] = (after.push**2).sum(axis=0) / (2 * (after.now * after.push).sum(axis=0))
    return found


def largest_expected_growth(evidence: HuangEvidence, steps: Steps) -> Array:
    """The largest relative expected change among samples with f_i ≥ log((1 − p)/p) + 2x_i, 0 < x_i ≤ 1/4.

    There ς(f_i) − (1 − p) ≥ x_i E[c_i²] for every p, so the change is at most 0. NaN if there is no such sample.
    """
    share = step_share(evidence, steps)
    above = (share > 0) & (share <= 0.25) & (margins(evidence, steps) >= resting_point(evidence) + 2 * share)
    return _largest_where(above, expected_change(evidence, steps))


def largest_square_growth(meaning: Meaning) -> Callable[[HuangEvidence, Steps], Array]:
    """Side: the largest E[M_i(t+1) − M_i(t) | state], M_i = (ι_i − ι*)², ι* = √log((1 − p)/p); NaN if there is none.

    Among the samples with the paper's conditions: ι_i ≤ 4ι*, p < 1/(1 + 2exp(ι_i²)), and (iii), ½Q_i ≤ f_i ≤ 2Q_i with
    Q_i = (1/m) Σ_r ρ̄².
    """

    def side(evidence: HuangEvidence, steps: Steps) -> Array:
        p, rest = evidence.flip_rate, np.sqrt(resting_point(evidence))
        found, fits = np.empty((len(steps), evidence.problem.n)), output_over_memory(evidence, steps)
        iota = memory_of_outputs(evidence, steps, meaning)
        for number, step in enumerate(steps):
            after = next_step(evidence, int(step))
            kept, flipped = meaning(after.kept), meaning(after.flipped)
            mean, now = (1 - p) * kept + p * flipped, iota[number]
            spread = p * (1 - p) * (kept - flipped) ** 2
            found[number] = (mean - now) * (mean + now - 2 * rest) + spread
        with np.errstate(over="ignore", invalid="ignore"):
            met = (iota <= 4 * rest) & (p < 1 / (1 + 2 * np.exp(iota**2))) & (fits >= 0.5) & (fits <= 2)
        return _largest_where(met, found)

    return side


def _largest_where(chosen: NDArray[np.bool_], values: Array) -> Array:
    largest = np.where(chosen, values, -np.inf).max(axis=1, initial=-np.inf)
    return np.where(chosen.any(axis=1), largest, np.nan)
