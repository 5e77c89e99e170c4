"""Zhang et al. 2026, Figure 2: neurons shrink, then align; with label noise, without, periodic, and sharpness-aware."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim import progress as bars
from theorysim.linear import LinearNetwork, LinearRun, LinearSGD, simulate_linear
from theorysim.reproductions import Report, markdown
from theorysim.reproductions.han2025_settings import spread

if TYPE_CHECKING:
    import pandas as pd

# n, m, d, η and σ are the paper's; ‖θ*‖ is not given there.
PAPER = LinearNetwork(n=200, d=20, width=1000, target_norm=1.0)
LR = 1e-3
ALGORITHMS: Mapping[str, LinearSGD] = {
    "label noise σ = 4": LinearSGD(LR, 4.0),
    "no label noise": LinearSGD(LR),
    "label noise 5k on, 5k off": LinearSGD(LR, 4.0, period=5000),
    "SAM ρ = 0.1, no label noise": LinearSGD(LR, sam_radius=0.1),
}
LOOKS = (0, 20_000, 100_000, 300_000, 1_000_000)


def run(
    *, seeds: int = 5, progress: bool = False, steps: int = 1_000_000, problem: LinearNetwork = PAPER
) -> Report:
    """Train with every algorithm, and report."""
    looks = sorted({min(at, steps) for at in LOOKS})
    spaced = np.expm1(np.linspace(0, np.log1p(steps), 300)).astype(int).tolist()
    groups: dict[str, list[LinearRun]] = {name: [] for name in ALGORITHMS}
    with bars.bar(len(ALGORITHMS) * seeds, progress, "run", "zhang2026-fig2") as bar:
        for name, algorithm in ALGORITHMS.items():
            for seed in range(seeds):
                groups[name].append(simulate_linear(problem, algorithm, steps, seed, record_at=[*spaced, *looks]))
                bar.update(1)
    table = _table(groups, looks)
    return Report(
        name="zhang2026-fig2",
        title="Two phases of label-noise SGD in linear networks (Zhang et al. 2026, Figure 2)",
        text=f"n = {problem.n}, d = {problem.d}, m = {problem.width}, η = {LR:g}, ‖θ*‖ = {problem.target_norm:g}, "
             f"{seeds} seeds, mean [smallest, largest]. T1: first recorded step at which √m‖w_i(t) − w_i(0)‖ > 1 for "
             "all of 100 neurons; T2(c): alignment θ̂ᵀAθ̂/tr A ≥ c.\n\n"
             + markdown(table) + "\n\n" + markdown(_times(groups)),
        tables={"looks": table, "times": _times(groups)},
        figure=_figure(groups),
    )


def _table(groups: Mapping[str, list[LinearRun]], looks: list[int]) -> "pd.DataFrame":
    import pandas as pd

    rows = []
    for name, runs in groups.items():
        for step in looks:
            at = int(np.searchsorted(runs[0].steps_recorded, step))
            seen = [one.observables.iloc[at] for one in runs]
            rows.append({
                "algorithm": name, "step": step, "tr A/m": spread([one["mean_norm_sq"] for one in seen]),
                "mean abs. cosine": spread([np.abs(one.cosines[at]).mean() for one in runs]),
                "alignment": spread([one["alignment"] for one in seen]),
                "test loss": spread([one["test_loss"] for one in seen]),
            })
    return pd.DataFrame(rows)


def _times(groups: Mapping[str, list[LinearRun]]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame([
        {"algorithm": name, "T1, all": spread([one.leaving_times()["all"] for one in runs]),
         "T2(0.5)": spread([one.alignment_time(0.5) for one in runs]),
         "T2(0.9)": spread([one.alignment_time(0.9) for one in runs])}
        for name, runs in groups.items()
    ])


def _figure(groups: Mapping[str, list[LinearRun]]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(16, 4.2), layout="constrained")
    panels = figure.subplots(1, 4)
    columns = (("test_loss", "test loss", "log"), ("mean_norm_sq", "mean squared norm tr A/m", "log"),
               ("alignment", "alignment θ̂ᵀAθ̂/tr A", "linear"))
    for number, (name, runs) in enumerate(groups.items()):
        for axis, (column, label, scale) in zip(panels, columns, strict=False):
            values = np.stack([one.observables[column] for one in runs])
            axis.plot(runs[0].steps_recorded, np.median(values, axis=0), color=f"C{number}", label=name)
            axis.fill_between(runs[0].steps_recorded, values.min(axis=0), values.max(axis=0), color=f"C{number}",
                              alpha=0.2, linewidth=0)
            axis.set(xscale="symlog", yscale=scale, xlabel="step", ylabel=label)
    panels[0].legend(fontsize=8)
    first = next(iter(groups.values()))[0]
    for at in LOOKS:
        place = int(np.searchsorted(first.steps_recorded, min(at, first.steps)))
        norms = np.linalg.norm(first.neurons[place, :, :-1], axis=1)
        panels[3].plot(norms, np.abs(first.cosines[place]), ".", markersize=4, label=f"step {min(at, first.steps)}")
    panels[3].set(xscale="log", xlabel="‖w_i‖", ylabel="|cos(w_i, θ*)|", title="100 neurons, label noise")
    panels[3].legend(fontsize=8)
    return figure
