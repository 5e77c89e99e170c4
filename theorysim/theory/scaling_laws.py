"""Power laws for times: which exponents a paper claims, and what is divided out before fitting them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from theorysim.papers import han2025, zhang2026
from theorysim.theory.concentration import weakest_noise_start
from theorysim.theory.statement import Constants, Evidence, Sense

MEASURES = ("T1", "T1/start", "T2", "han2025.T1", "zhang2026.T1", "zhang2026.T2")
# Where a parameter goes in the regime of the theorems: a bound that is loose there is loose where it matters.
LIMITS = {
    "n": 1, "d": 1, "m": 1, "noise_std": 1, "signal_norm": 1, "lr": -1, "init_std": -1, "epsilon": -1, "p": -1,
    "width": 1, "label_noise_std": 1, "target_norm": 1,
}
FOLLOWED = 5000  # neurons at most whose leaving T1 of a linear network waits for


@dataclass(frozen=True)
class Law:
    """A time T as a product of powers of parameters and a factor that is no power.

    Attributes
    ----------
    formula, source : str
    sense : Sense
        ORDER for Θ, UPPER for a bound.
    exponents : mapping
        Of problem fields, ``lr``, ``p`` and ``epsilon``; 0 for those not named.
    measured : function
        Of evidence: the time in a run, NaN when not reached.
    predicted : function
        Of evidence: the paper's expression with constant 1.
    factor : function
        Of evidence: what the exponents leave over (logarithms), divided out before fitting.
    until : function
        Of constants and whether there is label noise: the condition on observables at which a run may stop.
    evidence : type
        Of what the functions are functions.
    options : function
        Of the problem: what else a simulation needs to be told.
    """

    formula: str
    source: str
    sense: Sense
    exponents: Mapping[str, float]
    measured: Callable[[Any], float]
    predicted: Callable[[Any], float]
    factor: Callable[[Any], float]
    until: Callable[[Constants, bool], Callable[[Mapping[str, Any]], Any]]
    evidence: type = Evidence
    options: Callable[[Any], Mapping[str, Any]] = lambda _problem: {}


def initial_logarithm(evidence: Evidence) -> float:
    """log(1/(σ_0σ_p√d))."""
    p = evidence.problem
    return float(np.log(1 / (p.init_std * p.noise_std * np.sqrt(p.d))))


def largest_output(evidence: Evidence) -> float:
    """c₂, the largest training output from T1 to T2."""
    first, second = evidence.first_stage_end, evidence.second_stage_end
    if np.isnan(first) or np.isnan(second):
        return float("nan")
    return float(evidence.run.column("output_max")[int(first) : int(second) + 1].max())


def law_of(run_kind: Literal["plain", "label noise"], measure: str) -> Law:
    """The law of one of :data:`MEASURES`; T2 is counted from T1."""
    return _LAWS[f"T2 {run_kind}" if measure == "T2" else measure]


def start_logarithm(evidence: Evidence) -> float:
    """log(θ/β̄) with θ the threshold of T1 and β̄ the measured weakest start; NaN where some sample has none."""
    threshold, weakest = 0.1 if evidence.label_noise else 1.0, weakest_noise_start(evidence)
    return float(np.log(threshold / weakest)) if weakest > 0 else float("nan")


def _first_prediction(evidence: Evidence) -> float:
    return initial_logarithm(evidence) / evidence.rate


def _second_prediction(evidence: Evidence) -> float:
    return evidence.problem.m**2 / (evidence.constants.epsilon * evidence.rate)


def _label_noise_factor(evidence: Evidence) -> float:
    start = evidence.problem.init_std * evidence.problem.signal_norm
    return float(4 * (1 + np.exp(largest_output(evidence))) * np.log(6 / start))


def _label_noise_prediction(evidence: Evidence) -> float:
    rate = evidence.run.algorithm.lr * evidence.problem.signal_norm**2 / evidence.problem.m
    return _label_noise_factor(evidence) / rate


def _second_stage_length(evidence: Evidence) -> float:
    return evidence.second_stage_end - evidence.first_stage_end


_LAWS = {
    "T1": Law(
        formula="T1 = Θ(nm log(1/(σ_0σ_p√d))/(ησ_p² d))",
        source="Huang et al. 2025, Lemmas 4.2 and 4.4",
        sense=Sense.ORDER,
        exponents={"n": 1, "m": 1, "lr": -1, "noise_std": -2, "d": -1},
        measured=lambda e: e.first_stage_end,
        predicted=_first_prediction,
        factor=initial_logarithm,
        until=lambda _c, noisy: lambda seen: seen["rho_bar_min"] >= (0.1 if noisy else 1.0),
    ),
    "T1/start": Law(
        formula="T1 = Θ(nm log(θ/β̄)/(ησ_p² d)), β̄ = min_i max_r ⟨w_{y_i,r}(0), ξ_i⟩",
        source="derived",
        sense=Sense.ORDER,
        exponents={"n": 1, "m": 1, "lr": -1, "noise_std": -2, "d": -1},
        measured=lambda e: e.first_stage_end,
        predicted=lambda e: start_logarithm(e) / e.rate,
        factor=start_logarithm,
        until=lambda _c, noisy: lambda seen: seen["rho_bar_min"] >= (0.1 if noisy else 1.0),
    ),
    "han2025.T1": Law(
        formula="T1 = Θ(2c nm/(ησ²d)) at fixed n·SNR²",
        source="Han et al. 2025, Theorem 4.1",
        sense=Sense.ORDER,
        exponents={"n": 1, "m": 1, "lr": -1, "noise_std": -2, "d": -1},
        measured=lambda e: han2025.stage_times(e.run, c=e.constants.rho_threshold).T1,
        predicted=lambda e: 2 * e.constants.rho_threshold / e.rate,
        factor=lambda _e: 1.0,
        until=lambda c, _noisy: lambda seen: seen["rho_bar_active_min"] >= c.rho_threshold,
    ),
    "zhang2026.T1": Law(
        formula="T1_all ≤ 384√(log m)/(σ²η²√m)",
        source="Zhang et al. 2026, Theorem 2",
        sense=Sense.UPPER,
        exponents={"lr": -2, "label_noise_std": -2, "width": -0.5},
        measured=lambda e: e.times.T1_all,
        predicted=lambda e: zhang2026.escape_bound(e),
        factor=lambda _e: 1.0,
        until=lambda _c, _noisy: lambda seen: seen["share_left"] == 1,
        evidence=zhang2026.LinearEvidence,
        options=lambda problem: {"neurons": min(problem.width, FOLLOWED)},
    ),
    "zhang2026.T2": Law(
        formula="T2(½) = Θ(ln(m/(√d‖θ*‖))/(ησ)²)",
        source="derived",
        sense=Sense.ORDER,
        exponents={"lr": -2, "label_noise_std": -2},
        measured=lambda e: e.times.T2_half,
        predicted=lambda e: zhang2026.alignment_law(e),
        factor=lambda e: zhang2026.alignment_law(e) * (e.lr * e.sigma) ** 2,
        until=lambda _c, _noisy: lambda seen: seen["alignment"] >= 0.5,
        evidence=zhang2026.LinearEvidence,
        options=lambda _problem: {"neurons": 0},
    ),
    "T2 plain": Law(
        formula="T2 − T1 ≤ m³n/(ηεσ_p² d)",
        source="Huang et al. 2025, Theorem 3.2",
        sense=Sense.UPPER,
        exponents={"n": 1, "m": 3, "lr": -1, "noise_std": -2, "d": -1, "epsilon": -1},
        measured=_second_stage_length,
        predicted=_second_prediction,
        factor=lambda _e: 1.0,
        until=lambda c, _noisy: lambda seen: (seen["train_loss"] <= c.epsilon) & (seen["rho_bar_min"] >= 1.0),
    ),
    "T2 label noise": Law(
        formula="T2 − T1 ≤ 4m(1+e^{c₂}) log(6/(σ_0‖μ‖))/(η‖μ‖²)",
        source="Huang et al. 2025, Theorem 3.3",
        sense=Sense.UPPER,
        exponents={"m": 1, "lr": -1, "signal_norm": -2},
        measured=_second_stage_length,
        predicted=_label_noise_prediction,
        factor=_label_noise_factor,
        until=lambda c, _noisy: lambda seen: seen["gamma_max"] >= c.gamma_threshold,
    ),
}
