"""Which runs the second-order law speaks of, and where it was derived or found to hold, as margins."""

from collections.abc import Sequence

import numpy as np

from theorysim.patch.problem import SignalNoise
from theorysim.patch.run import PatchRun
from theorysim.papers.second_order.evidence import CLASSES, SecondOrderEvidence
from theorysim.theory import second_order
from theorysim.theory.conditions import Condition

SOURCE = "derived"
RARE = 500.0  # of −log of an error, from which the leading order is compared


def spoken_of(run: PatchRun) -> bool:
    """Label noise at every step, squared ReLU, noise orthogonal to the signal, true labels."""
    return _model(run) and run.algorithm.label_noise is not None and not run.algorithm.label_smoothing


def smoothed(run: PatchRun) -> bool:
    """The same with label smoothing in place of label noise."""
    return _model(run) and run.algorithm.label_noise is None and run.algorithm.label_smoothing > 0


def _model(run: PatchRun) -> bool:
    p = run.problem
    return (isinstance(p, SignalNoise) and p.is_standard and p.q == 2 and p.orthogonal_noise and not p.bias
            and not any(p.flip_rates) and p.signal_norm > 0 and p.init_std > 0)


def orthogonal(evidence: SecondOrderEvidence) -> Sequence[Condition]:
    """Noise vectors that are nearly orthogonal to each other, and both classes begun."""
    p = evidence.problem
    return (
        Condition("d ≥ 1000 n", p.d, ">=", 1000 * p.n, SOURCE),
        Condition("both classes have a filter aligned with their signal and one active on a sample",
                  float(len(evidence.starts)), ">=", 2, SOURCE),
    )


def small_step(evidence: SecondOrderEvidence) -> Sequence[Condition]:
    """The same, no sample without memory, and steps that cannot take half of an inner product at once."""
    return (
        *orthogonal(evidence), alive(evidence),
        Condition("max η‖ξ_i‖²/(nm) ≤ 1/4", float(evidence.kappas.max()), "<=", 0.25, SOURCE),
        Condition("|ε_i| ≤ 1", evidence.largest_multiplier, "<=", 1, SOURCE),
    )


def alive(evidence: SecondOrderEvidence) -> Condition:
    """Every sample has an own active filter, so that it can be memorised."""
    return Condition("no sample lacks an own active filter", sum(one.dead for one in evidence.starts), "<=", 0, SOURCE)


def mostly_memory(evidence: SecondOrderEvidence) -> Sequence[Condition]:
    """A small step, every sample with a memory, and, once outputs rest, at least half of each of them memory."""
    half, at = float("nan"), evidence.rest
    if not np.isnan(at):
        half = max(evidence.signal_part(int(at), label) for label in CLASSES) / evidence.smoothed_rest
    return (
        *orthogonal(evidence), alive(evidence),
        Condition("κ ≤ 1/4", evidence.smoothed_kappa, "<=", 0.25, SOURCE),
        Condition("S_j ≤ f*/2 at rest", half, "<=", 0.5, SOURCE),
    )


def resting(evidence: SecondOrderEvidence) -> Sequence[Condition]:
    """The same as for orthogonal noise, memory that comes to rest, and a signal that is weaker than it."""
    return (
        *orthogonal(evidence), alive(evidence),
        Condition("memory comes to rest", float(evidence.resting), ">=", 1, SOURCE),
        Condition("κ ≤ 0.4", evidence.kappa, "<=", 0.4, SOURCE),
        Condition("SNR² < 1", evidence.problem.snr**2, "<=", 1, SOURCE),
    )


def small_overlaps(evidence: SecondOrderEvidence) -> Sequence[Condition]:
    """The same, and overlaps so small beside the step that their bound does not cover what label noise does."""
    return (*resting(evidence),
            Condition("C n √(log(4n²/δ)/d) ≤ κ/10", evidence.constants.C * evidence.overlap, "<=", evidence.kappa / 10,
                      SOURCE))


def long_stage(evidence: SecondOrderEvidence) -> Sequence[Condition]:
    """The same, and a second stage that is long beside the first and beside the fluctuations of memory."""
    expected, steps = evidence.prediction, float("nan")
    if expected is not None:
        steps = expected.T2 - expected.T1
    first = expected.T1 if expected is not None else float("nan")
    return (
        *resting(evidence),
        Condition("T2 − T1 ≥ 2 T1, as predicted", steps, ">=", 2 * first, SOURCE),
        Condition("n·SNR² ≤ 1", evidence.problem.n_snr2, "<=", 1, SOURCE),
    )


def many_fluctuations(evidence: SecondOrderEvidence) -> Sequence[Condition]:
    """As at rest, and so many steps after T1 that what they start and end with counts for little."""
    first = evidence.first_stage_end
    second = evidence.second_stage_end
    last = evidence.run.steps if np.isnan(second) else second
    length = (last - first) / 2 * evidence.kappa * evidence.psi
    return (*resting(evidence), Condition("κΨ(T2 − T1)/2 ≥ 3", length, ">=", 3, SOURCE))


def killed(evidence: SecondOrderEvidence) -> Sequence[Condition]:
    """Orthogonal noise, and memory that flips kill or that dies out, and is not reborn of overlaps before T2."""
    p = evidence.problem
    return (
        *orthogonal(evidence),
        Condition("memory is killed or dies out", float(evidence.prediction is not None and not evidence.resting), ">=",
                  1, SOURCE),
        Condition("σ_0σ_p√d ≥ 10 √(n/d)", p.init_scale, ">=", 10 * np.sqrt(p.n / p.d), SOURCE),
    )


def rare(evidence: SecondOrderEvidence) -> Sequence[Condition]:
    """A test error at T2 that is rare enough for its leading order."""
    p, at = evidence.problem, evidence.second_stage_end
    expected = float("nan")
    if not np.isnan(at):
        evidence.records(np.array([int(at)]))
        expected = second_order.minus_log_error_of(evidence.run, int(at))
    return (Condition("d ≥ 1000 n", p.d, ">=", 1000 * p.n, SOURCE),
            Condition(f"min_y m S_y/(2μ_{{−y}}) ≥ {RARE:g}", expected, ">=", RARE, SOURCE))
