"""T. Zhang et al. 2026, Theorem 2: when all neurons have left the lazy regime, the bound, and the derived law."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from theorysim import plot
from theorysim.check import check
from theorysim.core import style
from theorysim.linear import LinearNetwork, LinearSGD
from theorysim.reproduce import Report, markdown, spread
from theorysim.papers.zhang2026.figures.setting import PAPER, groups
from theorysim.scaling import ScalingFit, rounded, scaling

if TYPE_CHECKING:
    import pandas as pd

LR = 2e-4  # ηm = .2, in the middle of what is varied: ηm ≤ .4 throughout
VARY: Mapping[str, Sequence[float]] = {
    "width": (250, 500, 1000, 2000), "lr": (1e-4, 2e-4, 4e-4), "label_noise_std": (2.0, 4.0, 8.0),
}
# Alignment takes ln(m/(√d‖θ*‖))/(ησ)² steps, so larger steps; ηm ≤ 1, below the limit 2d/(d + 2).
ALIGNMENT_LR = 5e-4
VARY_ALIGNMENT: Mapping[str, Sequence[float]] = {
    "width": (250, 500, 1000, 2000), "lr": (2.5e-4, 5e-4, 1e-3), "label_noise_std": (3.0, 4.0, 6.0),
}
STATEMENTS = ("zhang2026.theorem_2", "zhang2026.derived.escape_time", "zhang2026.derived.slow_flow")


def run(
    *, seeds: int = 10, progress: bool = False, steps: int = 20_000_000, problem: LinearNetwork = PAPER,
    lr: float = LR, vary: Mapping[str, Sequence[float]] = VARY, alignment_lr: float = ALIGNMENT_LR,
    vary_alignment: Mapping[str, Sequence[float]] = VARY_ALIGNMENT,
) -> Report:
    """Fit the exponents of T1_all and T2(½), and compare T1_all with the bound and with e^{−Hτ/2}."""
    studies = {"zhang2026.T1": (lr, vary), "zhang2026.T2": (alignment_lr, vary_alignment)}
    fits = {measure: scaling(problem, LinearSGD(rate), measure, vary=values, seeds=seeds, steps=steps,
                             progress=progress) for measure, (rate, values) in studies.items()}
    table = _laws(problem, lr, vary, seeds, steps, progress)
    return Report(
        name="zhang2026-theorem2",
        title="Leaving the lazy regime (T. Zhang et al. 2026, Theorem 2)",
        text=f"n = {problem.n}, d = {problem.d}; centre m = {problem.width}, σ = {problem.label_noise_std:g}, "
             f"η = {lr:g} (T1) and {alignment_lr:g} (T2); {seeds} seeds; all neurons followed.\n\n"
             + "\n\n".join(f"**{measure}**: {fit.formula} ({fit.source}); measured/predicted {fit.band[0]:.3g} to "
                           f"{fit.band[1]:.3g}.\n\n{markdown(rounded(fit.exponents))}"
                           for measure, fit in fits.items())
             + f"\n\n## The laws, measured/predicted\n\nMean [smallest, largest] over seeds.\n\n{markdown(table)}",
        tables={"laws": table} | {f"{name.split('.')[1]}-exponents": fit.exponents for name, fit in fits.items()}
        | {f"{name.split('.')[1]}-runs": fit.runs for name, fit in fits.items()},
        figure=picture(fits),
    )


def picture(fits: Mapping[str, ScalingFit]) -> Any:
    """Measured against predicted times, a panel for each study."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.PAGE, 3.9), layout="constrained")
    for axis, (measure, fit) in zip(figure.subplots(1, 2), fits.items(), strict=True):
        plot.scaling(fit, axis).set_title(measure)
    style.panel_letters(figure.axes)
    return figure


def _laws(
    problem: LinearNetwork, lr: float, vary: Mapping[str, Sequence[float]], seeds: int, steps: int, progress: bool
) -> "pd.DataFrame":
    """Ratios of measured and predicted at the corners that single parameters take."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for name, values in vary.items():
        for value in (values[0], values[-1]):
            here, rate = (problem, value) if name == "lr" else (problem.replace(**{name: value}), lr)
            wanted = min(steps, int(2.5 / (rate * here.label_noise_std) ** 2))
            runs = groups("zhang2026-theorem2", here, {"": LinearSGD(rate)}, seeds, wanted, progress,
                          neurons=here.width, record_at=())[""]
            findings = check(runs, "zhang2026", replay=True).findings
            row: dict[str, Any] = {"varied": f"{name} = {value:g}"}
            for statement in STATEMENTS:
                ratios = [one.ratio for found in findings for one in found if one.statement.id == statement]
                row[statement.split(".", 1)[1]] = spread(ratios)
            rows.append(row)
    return pd.DataFrame(rows)
