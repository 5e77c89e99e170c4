"""Theorem 2 and Lemmas 3 to 6 of T. Zhang et al. 2026, each under its own algorithm and start."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.check import Finding, Verdict, check
from theorysim.core import progress as bars
from theorysim.core import style
from theorysim.linear import LinearDraw, LinearNetwork, LinearSGD
from theorysim.linear.watch import grid
from theorysim.oscillation import OscillatingLayer
from theorysim.papers.zhang2026.figures.setting import LR, PAPER
from theorysim.reproduce import Report, markdown, spread
from theorysim.systems import simulate

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

CHAIN_LR = 1e-2  # Lemma 4 asks for η⁻² steps at a width of 1/√η: here 10⁴ at 10
CHAIN_TARGETS = (1.0, 4.0, 5.0)  # ‖θ*‖² = 2/√η = 20 lies between the last two
CHAINS = 20


@dataclass(frozen=True, eq=False)
class Case:
    """Runs over seeds, and the statements that they are made for."""

    title: str
    setting: str
    runs: Sequence[Any]
    statements: tuple[str, ...] = field(default=())


def run(
    *, seeds: int = 5, progress: bool = False, problem: LinearNetwork = PAPER, lr: float = LR,
    widths: Sequence[int] = (32, 1000), chain_lr: float = CHAIN_LR, targets: Sequence[float] = CHAIN_TARGETS,
) -> Report:
    """Make the runs that every statement speaks of, and count in how many it is true."""
    from matplotlib.figure import Figure

    with bars.bar(4, progress, "part", "zhang2026-lemmas") as bar:
        cases = []
        for part in (_escapes(problem, lr, seeds), _chains(problem, chain_lr, targets, seeds),
                     _descents(problem, lr, widths, seeds, "small"), _descents(problem, lr, widths, seeds, "aligned")):
            cases += part
            bar.update(1)
    table = _table(cases)
    figure = Figure(figsize=(style.PAGE, 4.2), layout="constrained")
    _draw(cases, lr, figure.subplots(1, 2))
    return Report(
        name="zhang2026-lemmas",
        title="Theorem 2 and Lemmas 3 to 6, each under its own hypotheses (T. Zhang et al. 2026)",
        text=f"d = {problem.d}, n = {problem.n}, seeds 0..{seeds - 1}, constants 1; \"true\" whatever the regime, as "
             "A2 (the learning rate) is met by no run; vacuous: the claim says nothing at these parameters; mean "
             "[smallest, largest] over seeds, of the worst step compared. Lemma 3 is compared at all steps observed "
             "before a neuron is outside the lazy regime. H = I: inputs whitened, as of infinitely many (A3 asks for "
             "η⁻²)."
             f"\n\n{markdown(table)}",
        tables={"statements": table},
        figure=figure,
    )


def _escapes(problem: LinearNetwork, lr: float, seeds: int) -> list[Case]:
    """Label-noise SGD for as long as Theorem 2's T1, at the setting given and in two dimensions.

    Every step watched that may be lazy is recorded, up to twice the 2/(√m η²σ²) in which a neuron of norm 1 leaves.
    """
    cases = []
    for here, rate in ((problem, lr), (problem.replace(d=2, width=problem.width // 10), 2 * lr)):
        noise = rate * here.label_noise_std
        steps = int(np.ceil(384 * np.log(here.width) ** 0.5 / (noise**2 * here.width**0.5)))
        lazy = grid(int(4 / (noise**2 * here.width**0.5))).tolist()
        runs = [simulate(here, LinearSGD(rate), steps, seed, neurons=here.width, record_at=lazy)
                for seed in range(seeds)]
        names = ("theorem_2", "theorem_2.outside") + tuple(
            f"lemma_3.{name}" for name in ("shrinking", "shrinking_fast", "growing", "growth"))
        cases.append(Case("label-noise SGD", f"d = {here.d}, m = {here.width}, η = {rate:g}, {steps} steps", runs,
                          names if here is problem else names[:2]))
    return cases


def _chains(problem: LinearNetwork, lr: float, targets: Sequence[float], seeds: int) -> list[Case]:
    """The oscillating layer by the recursion and by chains, at Lemma 4's width."""
    width, steps = int(np.ceil(lr**-0.5 * (1 - 1e-12))), int(np.ceil(lr**-2))
    cases = []
    for norm in targets:
        here = problem.replace(width=width, target_norm=norm)
        for chains, title in ((0, "recursion"), (CHAINS, f"{CHAINS} chains")):
            runs = [simulate(here, OscillatingLayer(lr, chains), steps, seed) for seed in range(seeds)]
            cases.append(Case(f"oscillation, {title}", f"m = {width}, η = {lr:g}, ‖θ*‖ = {norm:g}, {steps} steps", runs,
                              ("lemma_4.exists",)))
    return cases


def _descents(problem: LinearNetwork, lr: float, widths: Sequence[int], seeds: int, kind: str) -> list[Case]:
    """Gradient descent without noise from small or aligned neurons, with H = I and with the inputs as they are."""
    share = np.log(1 / lr)
    names = {"small": ("lemma_5.printed", "lemma_5.printed_median", "derived.lemma_5_repaired",
                       "derived.lemma_5_repaired_any"),
             "aligned": ("lemma_6.error", "lemma_6.cosine")}[kind]
    cases = []
    for width in widths:
        for norm, tag in ((1.0, "1"), (width**-0.25, "m^{−1/4}")):
            here = problem.replace(width=width, target_norm=norm)
            steps = int(np.ceil(share / (lr * norm**(1 if kind == "small" else 2))))
            for white in (True,) if kind == "small" else (True, False):
                draws = [getattr(LinearDraw, kind)(here, lr**0.5, seed) for seed in range(seeds)]
                runs = [simulate(here, LinearSGD(lr, batch="full", label_noise=False), steps, seed, neurons=width,
                                 draw=draw.whitened() if white else draw, record_at=[int(np.ceil(share / norm))])
                        for seed, draw in enumerate(draws)]
                cases.append(Case(f"descent, {kind}", f"m = {width}, η = {lr:g}, ‖θ*‖ = {tag}, "
                                  + ("H = I" if white else f"n = {here.n}"), runs, names))
    return cases


def _table(cases: Sequence[Case]) -> "pd.DataFrame":
    import pandas as pd

    rows = []
    for case in cases:
        findings = check(case.runs, "zhang2026").findings
        for name in case.statements:
            group = [one for found in findings for one in found if one.statement.id == f"zhang2026.{name}"]
            known = [one for one in group if one.comparison is not None]
            lacking = len(group) - len(known)
            rows.append({
                "statement": name, "runs": case.title, "setting": case.setting,
                "true": f"{sum(bool(one.comparison) for one in known)} of {len(known)}"
                        + (f", {lacking} more not reached" if lacking else "")
                        + (", vacuous" if all(one.verdict == Verdict.VACUOUS for one in known) else ""),
                "measured": spread([_within(one, run) for one, run in zip(group, case.runs, strict=True)]),
                "claimed": f"{group[0].statement.sense} {np.mean([one.predicted for one in known]):.3g}"
                if known else "–"})
    return pd.DataFrame(rows)


def _within(finding: Finding, run: Any) -> float:
    """What was measured; NaN for the time of Theorem 2 where it has not come by the run's last step."""
    late = finding.statement.id == "zhang2026.theorem_2" and finding.measured > run.steps
    return float("nan") if late else finding.measured


def _draw(cases: Sequence[Case], lr: float, axes: "Sequence[Axes]") -> None:
    """Median cosines from small neurons, and the error from aligned ones."""
    shown = {"small": ("cosine_median", axes[0]), "aligned": ("parameter_error", axes[1])}
    for kind, (column, axis) in shown.items():
        for number, case in enumerate(one for one in cases if one.title == f"descent, {kind}"):
            for place, one in enumerate(case.runs):
                axis.plot(one.steps_observed, one.column(column), linewidth=0.8,
                          label=None if place else case.setting, **style.series(number, dense=True))
        style.log_steps(axis)
        axis.set(xlabel="step (updates)")
        style.legend_below(axis, 1)
    style.panel_letters(axes)
    share = np.log(1 / lr)
    for axis, steps in ((axes[0], (share, share / lr)), (axes[1], (share / lr,))):
        for step in steps:
            axis.axvline(step, color=style.REFERENCE, linestyle=":")
    axes[1].axhline(lr * share, color=style.REFERENCE, linestyle="--")
    axes[0].set(ylabel="median |cos(w_i, θ*)|", title="small neurons\ndotted: t2 as printed, and with 1/η")
    axes[1].set(ylabel="‖θ − θ*‖", yscale="log", title="aligned neurons\ndashed: η ln(1/η), dotted: t3 at ‖θ*‖ = 1")
