"""Zhang et al. 2026, Figure 2: with label noise the neurons shrink, then align; without it they stay."""

from theorysim import plot
from theorysim.check import check
from theorysim.linear import LinearNetwork, LinearSGD
from theorysim.reproduce import Report, markdown
from theorysim.papers.zhang2026.figures.setting import (
    LOOKS, LR, PAPER, STEPS, groups, looks_table, setting, times_table,
)

ALGORITHMS = {"label noise": LinearSGD(LR), "no label noise": LinearSGD(LR, label_noise=False)}


def run(
    *, seeds: int = 5, progress: bool = False, steps: int = STEPS, problem: LinearNetwork = PAPER
) -> Report:
    """Train with and without label noise, and report."""
    from matplotlib.figure import Figure

    at = sorted({min(look, steps) for look in LOOKS})
    runs = groups("zhang2026-fig2", problem, ALGORITHMS, seeds, steps, progress, neurons=problem.width, record_at=at)
    looks, times = looks_table(runs, at), times_table(runs)
    verdicts = check(runs["label noise"], "zhang2026", replay=True)
    figure = Figure(figsize=(17, 4), layout="constrained")
    panels = figure.subplots(1, 4)
    plot.two_phases(runs, panels[:3])
    plot.neurons(runs["label noise"][0], at, panels[3]).set_title("all neurons, label noise, seed 0")
    return Report(
        name="zhang2026-fig2",
        title="Two phases of label-noise SGD in linear networks (Zhang et al. 2026, Figure 2)",
        text=f"{setting(problem, steps, seeds)} T1: √m‖w_i(t) − w_i(0)‖ > 1 seen for the first, half and all "
             "neurons; T2(c): alignment θ̂ᵀAθ̂/tr A ≥ c; T3: from there on the mean test loss over t..1.1t is at "
             f"most twice its mean over the last quarter.\n\n{markdown(looks)}\n\n{markdown(times)}\n\n## Statements\n"
             f"\n{verdicts.to_markdown()}",
        tables={"looks": looks, "times": times, "statements": verdicts.table},
        figure=figure,
    )
