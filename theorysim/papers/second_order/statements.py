"""The second-order law of label noise as statements: nothing here is in a paper, everything is derived."""

import numpy as np

from theorysim.papers.second_order import conditions as c
from theorysim.papers.second_order.evidence import CLASSES, SecondOrderEvidence, second_stage
from theorysim.theory import second_order
from theorysim.theory.second_order import identity
from theorysim.theory.statement import Array, Sense, Statement, Steps
from theorysim.theory.windows import Moment, Side, end, every_step, first_record, number, recorded, since

SOURCE = "derived"

# --- one path ---------------------------------------------------------------------------------------------------


def identity_gap(evidence: SecondOrderEvidence, steps: Steps) -> Array:
    """max over classes of |Δ ln s − (race + noise − own)| from step 0; NaN once one of its filters has died."""
    return _path(evidence, steps)[0]


def identity_size(evidence: SecondOrderEvidence, steps: Steps) -> Array:
    """C n √(log(4n²/δ)/d) times what memory moved: what overlaps between samples may do."""
    return evidence.constants.C * evidence.overlap * _path(evidence, steps)[1]


def _path(evidence: SecondOrderEvidence, steps: Steps) -> tuple[Array, Array]:
    every = np.arange(int(steps.max(initial=0)) + 1)
    pulls = evidence.pulls(every[:-1])
    gaps, sizes = np.zeros(len(every)), np.zeros(len(every))
    for label in CLASSES:
        members = evidence.members(label)
        if not len(members):
            continue
        signal, own = evidence.products(every, label)
        with np.errstate(divide="ignore", invalid="ignore"):
            grown, memory = np.log(signal / signal[0]), np.log(own / own[0])
        share = evidence.signal_rate / evidence.kappas[members]
        moved = _living(2 * evidence.kappas[members] * pulls[:, members])
        together = _living(2 * evidence.signal_rate * pulls[:, members].sum(axis=1))
        noise = _since_start((identity.excess(moved) * share).sum(axis=1))
        gap = np.abs(grown - (memory @ share + noise - _since_start(identity.excess(together))))
        gaps = np.maximum(gaps, np.where(np.isfinite(gap), gap, np.nan))
        sizes = np.maximum(sizes, _since_start((np.abs(moved) * share).sum(axis=1)))
    return gaps[steps], sizes[steps]


def _living(factors: Array) -> Array:
    """NaN for a step that kills."""
    return np.where(factors > -1, factors, np.nan)


def _since_start(increments: Array) -> Array:
    return np.concatenate([[0.0], np.cumsum(increments)])


def signal_grown(evidence: SecondOrderEvidence, steps: Steps) -> Array:
    """ln[s(t)/s(T1)] of the class that is closer to its bound."""
    return _growth(evidence, steps)[0]


def signal_bound(evidence: SecondOrderEvidence, steps: Steps) -> Array:
    """n_jSNR²[ln(z_max/z(T1)) + 4κ²(t − T1)] of that class, with the largest κ_i and λ/κ_i of its samples."""
    return _growth(evidence, steps)[1]


def _growth(evidence: SecondOrderEvidence, steps: Steps) -> tuple[Array, Array]:
    first = np.array([int(evidence.first_stage_end)])
    kappa = min(float(evidence.kappas.max()), identity.LARGEST_KAPPA)  # beyond it the conditions fail
    sides = []
    for label in CLASSES:
        members = evidence.members(label)
        if not len(members):
            continue
        (before, own), (signal, after) = evidence.products(first, label), evidence.products(steps, label)
        with np.errstate(divide="ignore", invalid="ignore"):
            gain = np.maximum(np.log(after / own).max(axis=1), 0.0)
            grown = np.log(signal / before)
        x = len(members) * evidence.signal_rate / float(evidence.kappas[members].min())
        sides.append((grown, x * gain + second_order.signal_bound(kappa, 1.0, x, 0.0, 1.0) * (steps - first)))
    measured, predicted = np.moveaxis(np.array(sides), 1, 0)
    closer = np.argmax(measured - predicted, axis=0)[None]
    return np.take_along_axis(measured, closer, axis=0)[0], np.take_along_axis(predicted, closer, axis=0)[0]


def smoothed_growth(evidence: SecondOrderEvidence, steps: Steps) -> Array:
    """|ln s_j(t)/s_j(T)| since outputs came to rest, of the class that is closer to its bound."""
    return _smoothed(evidence, steps)[0]


def smoothed_bound(evidence: SecondOrderEvidence, steps: Steps) -> Array:
    """SNR² Σ_{i∈j} |f_i(T) − f*|/f* of that class, whatever the number of further steps."""
    return _smoothed(evidence, steps)[1]


def _smoothed(evidence: SecondOrderEvidence, steps: Steps) -> tuple[Array, Array]:
    rest, target = np.array([int(evidence.rest)]), evidence.smoothed_rest
    evidence.records(rest)
    away = np.abs(evidence.run.outputs(int(rest[0])) * evidence.run.draw.labels - target)
    sides = []
    for label in CLASSES:
        members = evidence.members(label)
        (before, _), (signal, _) = evidence.products(rest, label), evidence.products(steps, label)
        if not before[0]:  # without an aligned filter, which is outside
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            grown = np.abs(np.log(signal / before))
        sides.append((grown, np.full(len(steps), evidence.problem.snr**2 * away[members].sum() / target)))
    if not sides:
        return np.full(len(steps), np.nan), np.full(len(steps), np.nan)
    measured, predicted = np.moveaxis(np.array(sides), 1, 0)
    closer = np.argmax(measured - predicted, axis=0)[None]
    return np.take_along_axis(measured, closer, axis=0)[0], np.take_along_axis(predicted, closer, axis=0)[0]


# --- rest, times, error -----------------------------------------------------------------------------------------


def mean_pull(evidence: SecondOrderEvidence, _steps: Steps) -> Array:
    """Ψ as measured: the mean of c_i over samples and updates, in the second half of stage 2; NaN before it."""
    stage = second_stage(evidence)
    steps = stage[len(stage) // 2:-1]
    return np.array([evidence.pulls(steps).mean() if len(steps) else np.nan])


def reached(evidence: SecondOrderEvidence, step: float, expected: float) -> float:
    """A measured time; ∞ when the run is 4 times as long as was expected without it, NaN when it is still open."""
    if np.isnan(step):
        return np.inf if evidence.run.steps >= 4 * expected else np.nan
    return step


def _time(measured: Moment, name: str) -> tuple[Side, Side]:
    """A measured time and what is predicted of it."""
    def expected(evidence: SecondOrderEvidence) -> float:
        found = evidence.prediction
        return float("nan") if found is None else float(getattr(found, name))

    return number(lambda e: reached(e, measured(e), expected(e))), number(expected)


def minus_log_error(evidence: SecondOrderEvidence, steps: Steps) -> list[float]:
    """−ln of the test error, however rare; NaN where the estimate does not trust itself."""
    found = [evidence.run.test_error(int(step), method="rare-event") for step in steps]
    return [-np.log(10) * one.log10_value if one.reliable else np.nan for one in found]


def expected_error(evidence: SecondOrderEvidence, steps: Steps) -> list[float]:
    """The law with the eigenvalue as measured."""
    return [second_order.minus_log_error_of(evidence.run, int(step)) for step in steps]


T1, T1_EXPECTED = _time(lambda e: e.first_stage_end, "T1")
T2, T2_EXPECTED = _time(lambda e: e.second_stage_end, "T2")

STATEMENTS = (
    Statement(
        id="second_order.identity",
        claim="what made the signal grow is the race of stage 1 and the fluctuation of label noise, up to overlaps",
        formula="|Δ ln s − Σ_i (λ/κ_i)[Δ ln z_i + Σ_t h(2κ_i c_i)] + Σ_t h(2λ Σ_i c_i)| ≤ "
                "C n √(log(4n²/δ)/d) Σ_i (λ/κ_i) Σ_t |2κ_i c_i|, h(x) = x − log(1 + x), both classes",
        source=f"{SOURCE} (exact for orthogonal noise; the right side is what overlaps may do, to leading order)",
        sense=Sense.UPPER,
        measured=identity_gap,
        predicted=identity_size,
        window=recorded(every_step),
        conditions=c.small_overlaps,
        applies=c.spoken_of,
        anchored=True,
    ),
    Statement(
        id="second_order.bound",
        claim="at a small step the signal grows no faster than at second order in the step",
        formula="log(s(t)/s(T1)) ≤ n_j SNR²[log(z_max/z(T1)) + 4κ²(t − T1)], both classes",
        source=f"{SOURCE} (for every path of flips, noise vectors orthogonal)",
        sense=Sense.UPPER,
        measured=signal_grown,
        predicted=signal_bound,
        window=recorded(since(lambda e: e.first_stage_end)),
        conditions=c.small_step,
        applies=c.spoken_of,
        anchored=True,
    ),
    Statement(
        id="second_order.psi",
        claim="the mean pull of label noise on samples at rest is of second order in the step",
        formula="mean c_i = Θ(Ψ(κ)) on the second half of [T1, T2], within 1.15",
        source=f"{SOURCE} (Ψ of the stationary chain)",
        sense=Sense.ORDER,
        measured=mean_pull,
        predicted=number(lambda e: e.psi),
        window=end,
        conditions=c.many_fluctuations,
        applies=c.spoken_of,
        band=1.15,
        over_draws=True,
    ),
    Statement(
        id="second_order.t2",
        claim="with label noise the signal is learned at the time of the second-order law",
        formula="min{t > T1: max γ ≥ 1} = Θ(T2 of the law), about T1 + L/(2λ n_j Ψ(1 − SNR²)), within 1.25",
        source=f"{SOURCE} (of the draw, the faster class, as theory.second_order.second_stage has it)",
        sense=Sense.ORDER,
        measured=T2,
        predicted=T2_EXPECTED,
        window=end,
        conditions=c.long_stage,
        applies=c.spoken_of,
        band=1.25,
        over_draws=True,
    ),
    Statement(
        id="second_order.t1",
        claim="with label noise the last sample is memorised at the time of the random walk of its logarithm",
        formula="T1 = Θ(median of the law), within 1.5",
        source=f"{SOURCE} (of the draw)",
        sense=Sense.ORDER,
        measured=T1,
        predicted=T1_EXPECTED,
        window=end,
        conditions=c.resting,
        applies=c.spoken_of,
        band=1.5,
        over_draws=True,
    ),
    Statement(
        id="second_order.transition",
        claim="where a flip kills memory, or memory dies out, the signal is learned at first order in the step",
        formula="min{t: max γ ≥ 1} = Θ(log(1 + 1/s_j(0))/E log(1 + λ Σ_i ε_i)), i in class j, within 1.5",
        source=f"{SOURCE} (of the draw, the faster class; without T1, which need not come)",
        sense=Sense.ORDER,
        measured=number(lambda e: reached(e, e.signal_learned, e.prediction.T2 if e.prediction else np.nan)),
        predicted=T2_EXPECTED,
        window=end,
        conditions=c.killed,
        applies=c.spoken_of,
        band=1.5,
        over_draws=True,
    ),
    Statement(
        id="second_order.error",
        claim="the test error is exponentially small in the signal over the memory's top eigenvalue",
        formula="−log P(error) = Θ(min_y m S_y/(2μ_{−y})) at T2, within 1.05, where that is 500 and more",
        source=f"{SOURCE} (leading order, eigenvalue as measured)",
        sense=Sense.ORDER,
        measured=minus_log_error,
        predicted=expected_error,
        window=first_record(lambda e: e.second_stage_end),
        conditions=c.rare,
        applies=c.spoken_of,
        band=1.05,
        over_draws=True,
    ),
    Statement(
        id="second_order.smoothing",
        claim="label smoothing with the same mean pull as label noise leaves the signal where it is",
        formula="|log(s_j(t)/s_j(T))| ≤ SNR² Σ_i |f_i(T) − f*|/f* for all t ≥ T, i in class j, "
                "T = min{t: max_i |f_i − f*| ≤ f*/10}, both classes",
        source=f"{SOURCE} (to first order in f − f*; the sum over all further steps of a pull that dies out)",
        sense=Sense.UPPER,
        measured=smoothed_growth,
        predicted=smoothed_bound,
        window=recorded(since(lambda e: e.rest)),
        conditions=c.mostly_memory,
        applies=c.smoothed,
        anchored=True,
    ),
)
