"""When label noise learns the signal: exact runs beside the second-order law, its mean field, and Theorem 3.3."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.core import progress as bars
from theorysim.core import style
from theorysim.core.status import Status
from theorysim.mean_field import MeanField, MeanFieldRun
from theorysim.papers.huang2025 import HuangEvidence, quantities
from theorysim.papers.second_order.figures import exponents
from theorysim.patch.algorithm import Flip, GradientDescent
from theorysim.patch.draw import Draw
from theorysim.patch.problem import SignalNoise
from theorysim.patch.run import PatchRun
from theorysim.reproduce import Report, markdown
from theorysim.systems import simulate
from theorysim.theory import second_order
from theorysim.theory.second_order import Phase

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

FIRST_SEED = 100
THETA = 0.1  # of T1 in the closed law
LEARNED = 1.0  # of max γ
PREDICTED = {"law": "law of the draw", "closed": "closed law", "leading": "closed law, leading Ψ",
             "field": "mean field", "theorem": "Theorem 3.3", "lemma": "Lemma 4.5"}
SHOWN = ("law", "closed", "field", "theorem")  # in the picture; Lemma 4.5 is a bound with a number that was measured


@dataclass(frozen=True)
class Setting:
    """A problem, the rate of flips, and the values of κ at which it is run."""

    problem: SignalNoise
    p: float
    kappas: Sequence[float]

    @property
    def name(self) -> str:
        """In tables."""
        return f"n·SNR² = {self.problem.n_snr2:.3g}, p = {self.p:g}, n = {self.problem.n}"


def problem_of(n: int, n_snr2: float, m: int = 20, d: int = 10**8) -> SignalNoise:
    """With σ_0σ_p√d = 0.01."""
    return SignalNoise(n, d, m, 1.0, 1.0, 0.01 / d**0.5).replace(n_snr2=n_snr2)


SETTINGS = (
    Setting(problem_of(20, 1.0), 0.2, (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.45, 0.6, 1.0, 3.0)),
    Setting(problem_of(40, 0.2), 0.1, (0.03, 0.05, 0.1, 0.2, 0.3, 0.4, 0.45, 0.6, 1.0, 3.0)),
)
CENTRE = Setting(problem_of(20, 0.2), 0.2, (0.03,))  # of the exponents


def run(
    *, seeds: int = 10, progress: bool = False, settings: Sequence[Setting] = SETTINGS, centre: Setting = CENTRE,
    steps: int = 5_000_000,
) -> Report:
    """Measure T2 over κ, put what is predicted beside it, and fit exponents."""
    import pandas as pd

    cells = [(setting, kappa) for setting in settings for kappa in setting.kappas]
    chosen = range(FIRST_SEED, FIRST_SEED + seeds)
    rows = []
    with bars.bar(len(cells) * seeds, progress, "run", "second-order-law") as bar:
        for setting, kappa in cells:
            for seed in chosen:
                rows.append(times_of(setting, kappa, seed, steps))
                bar.update(1)
    runs = pd.DataFrame(rows)
    ratios = _ratios(runs)
    found = exponents.table(centre.problem, centre.p, centre.kappas[0], chosen, steps, progress)
    return Report(
        name="second-order-law",
        title="When label noise learns the signal: a second-order law against exact runs",
        text=_text(settings, centre, chosen, ratios, found),
        tables={"runs": runs, "ratios": ratios, "exponents": found},
        figure=picture(runs),
    )


def times_of(setting: Setting, kappa: float, seed: int, steps: int) -> dict[str, Any]:
    """One draw: the first step with max γ ≥ 1, measured and predicted."""
    problem = setting.problem
    algorithm = GradientDescent(kappa / problem.kappa(1.0), Flip(setting.p))
    draw = Draw.from_problem(problem, seed)
    exact, field = both(problem, algorithm, draw, seed, steps)
    row: dict[str, Any] = {"setting": setting.name, "kappa": kappa, "seed": seed, "T2": reached(exact)}
    evidence = HuangEvidence(exact)
    return row | _laws(problem, algorithm, draw, kappa) | {
        "field": reached(field), "theorem": quantities.noise_time(evidence), "lemma": evidence.times.predicted_T2}


def both(
    problem: SignalNoise, algorithm: GradientDescent, draw: Draw, seed: int, steps: int, record_every: int | None = None
) -> tuple[PatchRun, MeanFieldRun]:
    """The exact run of a draw and its mean field, with the same flips, up to max γ ≥ 1; records are of the first."""
    kept: dict[str, Any] = {"record_at": ()} if record_every is None else {"record_every": record_every}

    def learned(seen: Mapping[str, Any]) -> Any:
        return seen["gamma_max"] >= LEARNED

    return (simulate(problem, algorithm, steps, seed, draw=draw, until=learned, **kept),
            simulate(MeanField.of(problem), algorithm, steps, seed, draw=draw, until=learned, record_at=()))


def reached(run: PatchRun | MeanFieldRun) -> float:
    """T2 of a run that was made to stop there; NaN where it did not come."""
    return float(run.steps) if run.status == Status.STOPPED else float("nan")


def _laws(problem: SignalNoise, algorithm: GradientDescent, draw: Draw, kappa: float) -> dict[str, float]:
    """The law of the draw, and, where memory comes to rest, its closed form with two values of Ψ."""
    law, snr_squared = second_order.law_of(algorithm.label_noise), problem.snr**2
    starts = second_order.starts_of(draw)
    found = {"law": min(second_order.second_stage(one, kappa, snr_squared, law, LEARNED) for one in starts),
             "closed": float("nan"), "leading": float("nan")}
    if second_order.phase(kappa, law) == Phase.RESTING:
        first = second_order.predicted(problem, algorithm, draw, theta=THETA).T1
        for name, psi in (("closed", second_order.psi_root), ("leading", second_order.psi_leading)):
            found[name] = min(second_order.second_stage_leading(one, first, kappa, snr_squared, law, psi(kappa, law),
                                                                LEARNED) for one in starts)
    return found


def _ratios(runs: "pd.DataFrame") -> "pd.DataFrame":
    """Medians with the smallest and largest: T2, and measured/predicted."""
    import pandas as pd

    return pd.DataFrame([
        {"setting": name, "κ": kappa, "seeds": len(group), "T2": _spread(group["T2"])}
        | {title: _spread(group["T2"] / group[column]) for column, title in PREDICTED.items()}
        for (name, kappa), group in runs.groupby(["setting", "kappa"], sort=False)])


def _spread(values: "pd.Series[float]") -> str:
    """Median [smallest, largest], and how many are missing."""
    known = values[np.isfinite(values)]
    if known.empty:
        return "–"
    note = f"; {len(known)} of {len(values)}" if len(known) < len(values) else ""
    middle, low, high = (f"{value:.0f}" if value >= 1000 else f"{value:.3g}"
                         for value in (known.median(), known.min(), known.max()))
    return f"{middle} [{low}, {high}]{note}"


def picture(runs: "pd.DataFrame") -> Any:
    """T2 and measured/predicted over κ, a column for each setting."""
    from matplotlib.figure import Figure

    settings = dict(list(runs.groupby("setting", sort=False)))
    figure = Figure(figsize=(min(3.5 * len(settings), style.PAGE), 5.6), layout="constrained")
    axes = figure.subplots(2, len(settings), squeeze=False, sharex="col")
    for (name, group), column in zip(settings.items(), axes.T, strict=True):
        _draw(group, str(name), column)
    style.panel_letters(axes.ravel())
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _draw(runs: "pd.DataFrame", name: str, axes: "Sequence[Axes]") -> None:
    """T2 over κ above, measured/predicted below."""
    above, below = axes
    groups = runs.groupby("kappa")
    kappas, middle = np.array(list(groups.groups)), groups["T2"].median()
    above.errorbar(kappas, middle, [middle - groups["T2"].min(), groups["T2"].max() - middle], fmt="o",
                   color=style.THEORY, label="exact runs, median and range", zorder=3)
    for number, column in enumerate(SHOWN):
        look = style.series(2 + number) | {"linestyle": style.DASHES[number], "markersize": 3}
        above.plot(kappas, groups[column].median(), label=PREDICTED[column], **look)
        ratio = runs["T2"] / runs[column]
        of = ratio.groupby(runs["kappa"])
        below.plot(kappas, of.median(), **look)
        below.fill_between(kappas, of.min(), of.max(), color=look["color"], alpha=0.15, linewidth=0)
    below.axhline(1, color=style.REFERENCE, linestyle=":")
    for axis in axes:
        axis.axvline(0.5, color=style.REFERENCE, linestyle=":")
        axis.set(xscale="log", yscale="log")
    above.set(ylabel="first step with max γ ≥ 1", title=name)
    below.set(xlabel="κ = ησ_p²d/(nm)", ylabel="measured/predicted")


def _text(
    settings: Sequence[Setting], centre: Setting, seeds: range, ratios: "pd.DataFrame", found: "pd.DataFrame"
) -> str:
    def told(setting: Setting) -> str:
        p = setting.problem
        return f"{setting.name}, m = {p.m}, d = {p.d:g}, σ_0σ_p√d = {p.init_scale:.3g}"

    return "\n\n".join([
        f"Settings: {'; '.join(told(one) for one in settings)}. Seeds {seeds[0]}..{seeds[-1]}. T2 is the first step "
        "with max γ ≥ 1, whether or not every sample was memorised before. Columns after it: measured/predicted, "
        "median [smallest, largest] over seeds.",
        "Law of the draw: min over classes of `second_stage`. Closed: T1 + L/(2λn_jΨ) with T1 as predicted and Ψ by "
        "its root, or to leading order; only where memory comes to rest. Mean field: the same draw and flips. Theorem "
        "3.3: nm log(1/(σ_0σ_p√d))/(ησ_p²d) + m log(6/(σ_0‖μ‖))/(η‖μ‖²), its Θ with constant 1. Lemma 4.5: T1 + "
        "4m(1+e^{c₂})log(6/(σ_0‖μ‖))/(η‖μ‖²), an upper bound, with T1 and c₂ as measured; none where T1 does not come.",
        markdown(ratios),
        f"## Exponents of T2 − T1 at κ = {centre.kappas[0]:g}",
        f"{told(centre)}; {exponents.FACTORS[0]:g}, 1 and {exponents.FACTORS[-1]:g} times each parameter by itself, "
        "nothing held, so that logarithms, T1 and what stage 1 brings change too; Hodges–Lehmann estimates over the "
        "same seeds with 95% signed-rank intervals. Law, power: the leading order T2 ∝ η⁻²m²nσ_p⁻²d⁻¹‖μ‖⁻²/(p(1−p)); "
        "law of the draw: the exponent of what it predicts for these draws; Lemma 4.5: its powers, and with what its "
        "logarithm adds. Theorem 3.3 has the same powers.",
        markdown(found),
    ])
