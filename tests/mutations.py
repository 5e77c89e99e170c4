"""Every statement made wrong, in the run or in its formula: which of these a verdict notices.

``python tests/mutations.py`` writes the table of docs/measured/mutations.md anew.
"""

import dataclasses
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import theorysim as ts
from test_checker import INSIDE, own_runs, real_runs
from theorysim.attention import AttentionRun
from theorysim.check import Verdict, evaluate
from theorysim.check.replay import replayed
from theorysim.linear import LinearRun
from theorysim.papers.han2025.figures.settings import algorithm, problem
from theorysim.patch.run import PatchRun
from theorysim.reweighting import ReweightingRun
from theorysim.theory.paper import Paper, papers, papers_about
from theorysim.theory.statement import Sense, Statement

PAGE = Path(__file__).parents[1] / "docs" / "measured" / "mutations.md"
TURNED, NEGATIVE = "≤ for ≥", "bound → −bound"
INSIDE_REGIME, REMOVED, VIOLATED = "inside the regime", "conditions and vacuity removed", "violated as it stands"
NEVER = "never compared"
RUNS_EACH = 2  # runs on which a statement is made wrong
Evidence = Any

# Statements that no wrong sign of γ or ρ, no factor of 2 and no other exponent turns on any run below, with the reason.
# Turning the inequality, or the sign of the bound, still does. The test asserts that these are all.
_FAR = "the problems of these runs lie farther inside than a factor of 2"
_SMALL = "γ stays within a small part of the bound, and its sign is not asked"
_SPREAD = "what is drawn is far within the bound"
_START = "at T1 what the filters began with still carries the outputs, far above this"
_ZERO = "the bound is 0, which no factor moves"
_BAND = "a Θ with a band of 4 either way"
TOO_LOOSE: dict[str, str] = {
    "han2025.condition_4_1.tau_high": "both sides are rates below ½", "han2025.condition_4_1.init": _FAR,
    "concentration.noise_signal_overlap": _SPREAD, "concentration.class_balance": _SPREAD,
    "huang2025.assumption_3_1.m": _FAR, "huang2025.assumption_3_1.n": _FAR, "huang2025.assumption_3_1.p_high": _FAR,
    "low_snr.relu": _FAR, "low_snr.squared_relu": _FAR, "low_snr.power": _FAR,
    "huang2025.proposition_4_1.gamma": _SMALL, "huang2025.lemma_4_2.gamma": _SMALL, "huang2025.lemma_4_3.gamma": _SMALL,
    "huang2025.lemma_c_1.noise": "overlaps move filters by far less", "huang2025.lemma_4_4.gamma.upper": _SMALL,
    "huang2025.lemma_4_4.rho_under": "flips leave it far within the bound", "huang2025.lemma_4_5.ii": _SMALL,
    "huang2025.theorem_3_2.t.train_loss": "the loss is far below ε by then",
    "huang2025.lemma_4_5.output.lower": _START, "huang2025.lemma_4_5.output.thread.lower": _START,
    "huang2025.lemma_4_5.ii_or_takeover": "starts are far below 2.9",
    "huang2025.lemma_4_5.supermartingale": _ZERO, "huang2025.lemma_4_5.supermartingale.thread": _ZERO,
    "huang2025.theorem_3_3.t.train_loss": _BAND,
    "huang2025.theorem_3_3.test_error": "no error is seen, below every factor of the bound",
    "deng2023.core_first": "the other feature has hardly moved at that time",
    "deng2023.spurious_first": "the other feature has hardly moved at that time",
    "wan2025.benign": "a tenth is far from what is kept",
    "zhang2025.phases.alignment": "the phases are farther apart than a factor of 2",
    "zhang2026.lemma_3.shrinking": "the bound is below 0", "zhang2026.derived.lemma_5_repaired_any": "it is near 0",
    "zhang2026.lemma_4.exists": "the norm comes to rest far below the bound",
}

# Statements that are violated wherever they are compared, with the reason: these fail as they stand. Exact, too.
AS_THEY_STAND: dict[str, str] = {
    "huang2025.lemma_4_4.i.proof": "flips take some sample back below 1",
    "huang2025.lemma_4_5.output.main_text.lower": "the square of the sum is up to m times the sum of squares",
    "huang2025.lemma_4_5.output.thread.upper": "the square of the mean is below the mean of squares",
    "huang2025.lemma_4_5.takeover": "the slower branch is below 3 then",
    "zhang2026.condition_1.rate": "no double is as small",
    "zhang2026.condition_1.constant": "it is 10⁷ at least",
    "zhang2026.lemma_3.growth": "of ten and more with constant 1",
    "zhang2026.derived.noisy_convergence": "with constant 1 the loss settles above",
}

# Statements that no run can be compared with, with the reason. Exact, too.
NOT_COMPARED = {"zhang2026.condition_1.dimension": "the constants of its bound are lost"}


def _rows(run: Any, **changes: Callable[[Any], Any]) -> Any:
    """The run with some columns of its table replaced by functions of the table."""
    rows, old = np.array(run.rows), dict(zip(run.columns, np.array(run.rows).T, strict=True))
    for name, change in changes.items():
        rows[:, run.columns.index(name)] = change(old)
    return run.replace(rows=rows)


def _gamma(factor: float) -> Callable[[Any], Any]:
    """Signal learning times a factor, in the state and in the table."""

    def changed(run: Any) -> Any:
        if not isinstance(run, PatchRun):
            return None
        coefficients = np.array(run.coefficients)
        coefficients[..., run.draw.owner < 0] *= factor
        ends = ("gamma_min", "gamma_max")
        low, high = ends if factor > 0 else ends[::-1]
        return _rows(run.replace(coefficients=coefficients), gamma_max=lambda old: factor * old[high],
                     gamma_min=lambda old: factor * old[low])

    return changed


def _rho(factor: float) -> Callable[[Any], Any]:
    """Noise memorization times a factor, in the state and in the table."""

    def changed(run: Any) -> Any:
        if not isinstance(run, PatchRun):
            return None
        coefficients = np.array(run.coefficients)
        coefficients[..., run.draw.owner >= 0] *= factor
        names = ("rho_bar_max", "rho_bar_max_clean", "rho_bar_max_noisy", "rho_bar_min", "rho_under_min",
                 "rho_bar_active_min")
        return _rows(run.replace(coefficients=coefficients),
                     **{name: lambda old, name=name: factor * old[name] for name in names})

    return changed


def _reported(**factors: float) -> Callable[[Any], Any]:
    """What is reported as γ or ρ times a factor, while the network is as it was."""

    def changed(run: Any) -> Any:
        if not isinstance(run, PatchRun):
            return None
        other = run.replace()
        for name, factor in factors.items():
            other.__dict__[name] = factor * getattr(run, name)
        return other

    return changed


def _ended(run: Any) -> Any:
    """Diverged for completed, and the other way round."""
    return run.replace(status="completed" if run.status == "diverged" else "diverged")


def _columns(kind: type, **changes: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Observables of the runs of a kind."""
    return lambda run: _rows(run, **changes) if isinstance(run, kind) else None


def _arrays(kind: type, **changes: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Arrays of the runs of a kind."""
    return lambda run: (run.replace(**{name: change(run) for name, change in changes.items()})
                        if isinstance(run, kind) else None)


RUN_MUTATIONS: dict[str, Callable[[Any], Any]] = {
    "γ → −γ": _gamma(-1.0), "γ → 2γ": _gamma(2.0), "γ → γ/2": _gamma(0.5),
    "ρ → −ρ": _rho(-1.0), "ρ → 2ρ": _rho(2.0), "ρ → ρ/2": _rho(0.5),
    "γ reported as −γ": _reported(gamma=-1.0), "ρ reported as −ρ": _reported(rho=-1.0),
    "diverged for completed": _ended,
    "f → −f, rows": _columns(
        PatchRun, clean_accuracy=lambda old: 1 - old["clean_accuracy"],
        noisy_accuracy=lambda old: 1 - old["noisy_accuracy"], output_min_clean=lambda old: -old["output_min_clean"],
        output_max_noisy=lambda old: -old["output_max_noisy"]),
    "‖w‖² → 2‖w‖²": _columns(LinearRun, mean_norm_sq=lambda old: np.concatenate(
        [old["mean_norm_sq"][:1], 2 * old["mean_norm_sq"][1:]])),
    "cos → cos/2": _columns(LinearRun, cosine_median=lambda old: old["cosine_median"] / 2,
                            cosine_min=lambda old: old["cosine_min"] / 2),
    "test loss × 2": _columns(LinearRun, test_loss=lambda old: 2 * old["test_loss"]),
    "Δ_i → −Δ_i": _columns(LinearRun, share_shrinking=lambda old: 1 - old["share_shrinking"],
                           share_shrinking_fast=lambda old: 1 - old["share_shrinking_fast"]),
    "g → −g": _arrays(ReweightingRun, gradients=lambda run: -run.gradients),
    "w → 1 − w": _arrays(ReweightingRun, weights=lambda run: 1 - run.weights),
    "f → −f": _arrays(ReweightingRun, outputs=lambda run: -run.outputs,
                      clean_outputs=lambda run: -run.clean_outputs),
    "p → −p": _arrays(AttentionRun, query=lambda run: -run.query, carried=lambda run: -run.carried),
    "flipped labels fitted for not": _columns(AttentionRun, noisy_accuracy=lambda old: 1 - old["noisy_accuracy"]),
    "softmax weights move the other way": _columns(
        AttentionRun, signal_weight_noisy=lambda old: 2 * old["signal_weight_noisy"][0] - old["signal_weight_noisy"]),
}


def _formula(change: Callable[[Any], Any]) -> Callable[[Statement], Statement]:
    return lambda claim: dataclasses.replace(
        claim, predicted=lambda evidence, steps: change(np.asarray(claim.predicted(evidence, steps), dtype=float)))


def _turned(claim: Statement) -> Statement:
    """≤ for ≥; of Θ the band shrunk to a thousandth part around 1."""
    if claim.sense == Sense.ORDER:
        return dataclasses.replace(claim, band=1.001)
    return dataclasses.replace(claim, sense=Sense.LOWER if claim.sense == Sense.UPPER else Sense.UPPER)


FORMULA_MUTATIONS: dict[str, Callable[[Statement], Statement]] = {
    "bound × 2": _formula(lambda values: 2 * values), "bound / 2": _formula(lambda values: values / 2),
    NEGATIVE: _formula(lambda values: -values),
    "exponent doubled": _formula(lambda values: np.sign(values) * values**2),
    "exponent turned": _formula(lambda values: 1 / values),
}


class Tried(NamedTuple):
    """What was found of one statement."""

    paper: str
    statement: str
    where: str  # one of the four above
    by: tuple[str, ...]  # mutations that turn it


@cache
def runs() -> dict[str, Any]:
    """Runs to make wrong: those of the checker's tests, and some that get further inside a regime."""
    early = problem(50, 17_270, 20)
    whole = ts.SignalNoise(n=10, d=10**5, m=150, signal_norm=0.3, noise_std=1.0, init_std=0.002)
    more = {
        "many samples, few steps": ts.simulate(
            ts.SignalNoise(n=3000, d=10**7, m=2, signal_norm=0.01, noise_std=1.0, init_std=1e-4),
            ts.GradientDescent(1e-7, ts.Flip(0.45)), 2, 1),
        "large start": ts.simulate(whole.replace(n=2, d=10**6, m=30, init_std=0.2), ts.GradientDescent(1e-6), 1, 1),
        "large start, label noise": ts.simulate(
            whole.replace(n=2, d=10**6, m=30, init_std=10.0), ts.GradientDescent(1e-6, ts.Flip(0.1)), 1, 1),
        "inside, to the time of Theorem 3.2": ts.simulate(
            ts.SignalNoise(n=2, d=10**6, m=2, signal_norm=0.5, noise_std=1.0, init_std=2e-4),
            ts.GradientDescent(1e-6), 1700, 1),
        "label noise, long": ts.simulate(
            INSIDE.replace(m=30), ts.GradientDescent(0.5 / INSIDE.d, ts.Flip(0.3)), 3000, 1),
        "early": ts.simulate(early, algorithm(early), 60),
        "linear, as Zhang et al. set it": ts.simulate(
            ts.LinearNetwork(n=200, d=20, width=1000, label_noise_std=4.0), ts.LinearSGD(1e-3), 3, record_every=1),
        "linear, few neurons": ts.simulate(
            ts.LinearNetwork(n=50, d=4, width=6, target_norm=0.5, label_noise_std=0.1), ts.LinearSGD(0.2), 1),
        "many flips": ts.simulate(INSIDE.replace(n=40, m=40), ts.GradientDescent(1e-7, ts.Flip(0.4)), 4),
    }
    for name, run in more.items():
        for paper in papers_about(run):
            more[name] = run = replayed(run, paper, paper.constants())
    at, few = [*range(700), *range(700, 20_001, 50)], [*range(700), *range(700, 6001, 50)]  # T1 is among the first
    loud = ts.SignalNoise(n=20, d=10**4, m=10, signal_norm=1.0, noise_std=1.0, init_std=1e-4).replace(n_snr2=0.5)
    both = {
        "inside, both stages": ts.simulate(whole, ts.GradientDescent(1e-5), 20_000, 1, record_at=at),
        "label noise inside, both stages": ts.simulate(
            whole, ts.GradientDescent(1e-5, ts.Flip(0.3)), 20_000, 1, record_at=at),
        "outside, both stages, label noise": ts.simulate(
            loud, ts.GradientDescent(0.02 * 20 * 10 / 10**4, ts.Flip(0.1)), 6000, 1, record_at=few),
    }
    slow = ts.SignalNoise(n=20, d=10**8, m=10, signal_norm=1.0, noise_std=1.0, init_std=1e-6).replace(n_snr2=0.5)
    for kappa in (0.2, 0.3, 1.0):  # until the signal is learned
        both[f"second order, κ = {kappa:g}"] = ts.simulate(
            slow, ts.GradientDescent.from_kappa(slow, kappa, ts.Flip(0.1)), 6000, 0, record_every=1,
            until=lambda seen: seen["gamma_max"] >= 1.0)
    return real_runs() | more | both


def _bare(claim: Statement) -> Statement:
    return dataclasses.replace(claim, conditions=lambda _e: (), trivial=None)


def _holding(claim: Statement, paper: Paper) -> tuple[str, Statement, list[Any]]:
    """Runs on which a statement holds, inside its regime if there are any, and the statement as it is judged there."""
    mine = runs() | own_runs().get(paper.name, {})
    about = [run for run in mine.values() if paper in papers_about(run) and claim in paper.statements_about(run)]
    for where, judged in ((INSIDE_REGIME, claim), (REMOVED, _bare(claim))):
        good = [run for run in about
                if evaluate(judged, paper.evidence(run, paper.constants())).verdict == Verdict.HOLDS]
        if good:
            return where, judged, good[:RUNS_EACH]
    looked = any(evaluate(_bare(claim), paper.evidence(run, paper.constants())).comparison is not None for run in about)
    return VIOLATED if looked else NEVER, _bare(claim), about[:RUNS_EACH]


def _violated(claim: Statement, paper: Paper, run: Any) -> bool:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return evaluate(_bare(claim), paper.evidence(run, paper.constants())).verdict == Verdict.VIOLATED


def _turning(claim: Statement, paper: Paper, good: list[Any]) -> Iterator[str]:
    for name, change in RUN_MUTATIONS.items():
        changed = (change(run) for run in good)
        if any(run is not None and _violated(claim, paper, run) for run in changed):
            yield name
    for name, alter in (*FORMULA_MUTATIONS.items(), (TURNED, _turned)):
        if any(_violated(alter(claim), paper, run) for run in good):
            yield name


@cache
def tried() -> tuple[Tried, ...]:
    """All statements of all papers, each once."""
    found: dict[str, Tried] = {}
    for paper in papers().values():
        for claim in paper.statements:
            if claim.id not in found:
                where, judged, good = _holding(claim, paper)
                by = () if where in (VIOLATED, NEVER) else tuple(_turning(judged, paper, good))
                found[claim.id] = Tried(paper.name, claim.id, where, by)
    return tuple(found.values())


def page() -> str:
    """The table as Markdown."""
    lines = ["| statement | runs | what turns it into violated |", "|---|---|---|"]
    for one in tried():
        reason = (TOO_LOOSE | AS_THEY_STAND | NOT_COMPARED).get(one.statement, "")
        told = (', '.join(one.by) or '—') + (f" ({reason})" if reason else "")
        lines.append(f"| `{one.statement}` | {one.where} | {told} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
