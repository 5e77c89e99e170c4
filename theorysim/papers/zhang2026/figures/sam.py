"""T. Zhang et al. 2026: sharpness-aware minimisation shows the same two phases; which of its terms does what."""

from typing import TYPE_CHECKING

import numpy as np

from theorysim import plot
from theorysim.core import style
from theorysim.linear import LinearNetwork, LinearSGD
from theorysim.oscillation import OscillatingLayer
from theorysim.reproduce import Report, markdown, spread
from theorysim.papers.zhang2026.figures.setting import LOOKS, LR, PAPER, groups, looks_table, setting, times_table
from theorysim.systems import simulate

if TYPE_CHECKING:
    import pandas as pd

RADIUS = 0.1
STEPS = 500_000
SETTLED = int(np.ceil(LR**-2))  # steps by which Lemma 4 promises √η
ALGORITHMS = {
    "SAM": LinearSGD(LR, label_noise=False, sam_radius=RADIUS),
    "SAM, shrink only": LinearSGD(LR, label_noise=False, sam_radius=RADIUS, sam_terms="shrink"),
    "SAM, oscillation only": LinearSGD(LR, label_noise=False, sam_radius=RADIUS, sam_terms="oscillation"),
    "SAM with label noise": LinearSGD(LR, sam_radius=RADIUS),
    "label noise": LinearSGD(LR),
}


def run(
    *, seeds: int = 5, progress: bool = False, steps: int = STEPS, problem: LinearNetwork = PAPER, chains: int = 5,
    oscillation_steps: int = 100_000, settled: int = SETTLED,
) -> Report:
    """Train with SAM, whole and in parts, and let the second layer oscillate by itself; report."""
    from matplotlib.figure import Figure

    looks = sorted({min(look, steps) for look in (*LOOKS, STEPS)})
    runs = groups("zhang2026-sam", problem, ALGORITHMS, seeds, steps, progress, record_at=looks)
    table, times = looks_table(runs, looks), times_table(runs)
    oscillation = _oscillation(problem, chains, oscillation_steps, settled)
    figure = Figure(figsize=(style.PAGE, 3.0), layout="constrained")
    axes = plot.two_phases(runs, figure.subplots(1, 3))
    axes[0].get_legend().remove()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    style.panel_letters(axes)
    return Report(
        name="zhang2026-sam",
        title="Sharpness-aware minimisation in linear networks (T. Zhang et al. 2026)",
        text=f"{setting(problem, steps, seeds)} Radius ρ = {RADIUS:g}.\n\n{markdown(table)}\n\n{markdown(times)}\n\n"
             "## Oscillation of the second layer alone\n\n"
             f"a_i ∈ {{−√√η, 0, √√η}} (Lemma 4), η = {LR:g}: tr A/m by the recursion of expectations and by {chains} "
             "chains (mean ± standard error); the rest is ηθ*ᵀHθ*/2 (derived); Lemma 4 asks that √η be reached by step "
             "η⁻².\n\n"
             f"{markdown(oscillation)}",
        tables={"looks": table, "times": times, "oscillation": oscillation},
        figure=figure,
    )


def _oscillation(problem: LinearNetwork, chains: int, steps: int, settled: int) -> "pd.DataFrame":
    import pandas as pd

    rows = []
    for norm in (1.0, 10.0):
        looks = sorted({0, steps // 10, steps})
        here = problem.replace(target_norm=norm)
        mean, several = (
            simulate(here, OscillatingLayer(LR, count), steps, 0, record_at=looks).observables for count in (0, chains))
        late = simulate(here, OscillatingLayer(LR), settled, 0, record_at=())
        inputs, target = late.draw.inputs, late.draw.target
        for step in looks:
            sampled = several.loc[step]
            rows.append({"‖θ*‖": f"{norm:g}", "step": step, "recursion": f"{mean['mean_norm_sq'].loc[step]:.4g}",
                         "chains": f"{sampled['mean_norm_sq']:.4g} ± {sampled['standard_error']:.1g}"})
        rows.append({"‖θ*‖": f"{norm:g}", "step": late.steps, "recursion": f"{late.norms[-1, 0]:.4g}", "chains": "–"})
        rest = LR * ((inputs @ target) ** 2).mean() / 2
        rows[-1]["rest"], rows[-1]["√η"] = spread([rest]), spread([np.sqrt(LR)])
    return pd.DataFrame(rows).fillna("")
