"""A figure: a function of sizes, all with defaults, that returns a picture, tables, and sentences."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import theorysim as ts
from theorysim.reproduce import Report, markdown, spread

PROBLEM = ts.SignalNoise(n=20, d=1000, m=5, signal_norm=2.0, noise_std=0.5, init_std=0.001, q=1)


def rise(*, seeds=5, progress=False, problem=PROBLEM, lr=0.01, steps=200):
    """Signal learning of some runs against its bound; ``theorysim reproduce example2026-rise --seeds 3``."""
    runs = [ts.simulate(problem, ts.GradientDescent(lr), steps, seed, progress=progress) for seed in range(seeds)]
    bound = lr * problem.signal_norm**2 * np.arange(steps + 1) / problem.m
    picture = Figure(figsize=(5, 4), layout="constrained")
    axis = picture.subplots()
    for run in runs:
        axis.plot(run.column("gamma_max"), color="C0", alpha=0.6)
    axis.plot(bound, "k--", label="η‖μ‖² t/m")
    axis.set(xlabel="step", ylabel="max γ")
    axis.legend()
    share = spread([run.column("gamma_max")[-1] / bound[-1] for run in runs])
    table = pd.DataFrame([{"steps": steps, "runs": seeds, "max γ over its bound": share}])
    return Report(
        name="example2026-rise",
        title="Signal learning against its bound (Example 2026)",
        text=f"{problem}, η = {lr:g}, {seeds} seeds; mean [smallest, largest].\n\n{markdown(table)}",
        tables={"end": table},
        figure=picture,
    )
