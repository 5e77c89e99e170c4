"""Huang et al. 2025, Figure 3: test error over (n, SNR), gradient descent against label-noise gradient descent.

Two diagrams: the paper's own, d = 2000 throughout, and the same where d = n² log n, as Assumption 3.1 asks.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim import plot
from theorysim.algorithm import Flip, GradientDescent
from theorysim.problem import SignalNoise
from theorysim.reproductions import Report, markdown
from theorysim.sweep import summarise, sweep
from theorysim.sweep.crossing import crossing
from theorysim.theory import boundaries

if TYPE_CHECKING:
    import pandas as pd

# SNR, n, d and the number of steps are the paper's; m, σ_p and p are those of its Figure 2, σ_0 is our choice.
PAPER = SignalNoise(n=100, d=2000, m=20, signal_norm=1.0, noise_std=0.5, init_std=0.01)
SNR = tuple(round(0.03 + 0.01 * k, 2) for k in range(8))
N = tuple(range(100, 701, 100))
P_FLIP = 0.1
LEVEL = 0.25  # of the test error: half-way between chance and none
GD, NOISY = "GD", "label-noise GD"


def inside(n: int, snr: float) -> SignalNoise:
    """The problem of a cell where d = n² log n, with initial weights that scale."""
    d = int(np.ceil(n**2 * np.log(n)))
    scaled = PAPER.replace(n=n, d=d, init_std=0.01 / (PAPER.noise_std * np.sqrt(d)))
    return scaled.replace(snr=snr)


def matched(label_noise: Flip | None) -> Callable[[SignalNoise], GradientDescent]:
    """Gradient descent with the step that keeps η σ_p² d/(nm) at 0.3 in every cell."""
    return lambda problem: GradientDescent(
        0.3 * problem.n * problem.m / (problem.noise_std**2 * problem.d), label_noise)


def run(
    *,
    seeds: int = 5,
    progress: bool = False,
    n: Sequence[int] = N,
    snr: Sequence[float] = SNR,
    steps: int = 1000,
    precision: str = "double",
    store: str | Path | None = None,
    workers: int | None = None,
    executor: str | Executor | None = None,
) -> Report:
    """Sweep both diagrams and report. A store keeps the paper's diagram in STORE and the other in STORE-inside."""
    def diagram(problem: Any, algorithms: dict[str, Any], name: str) -> "pd.DataFrame":
        return sweep(
            problem, grid={"n": n, "snr": snr}, algorithms=algorithms, seeds=seeds, steps=steps,
            measure=["test_error", "train_loss", "gamma_max", "rho_bar_max"], precision=precision,
            store=None if store is None else f"{store}{name}", workers=workers, executor=executor, progress=progress,
        )

    frames = {
        "d = 2000, η = 1 (the paper's)": diagram(
            PAPER, {GD: GradientDescent(1.0), NOISY: GradientDescent(1.0, Flip(P_FLIP))}, ""),
        "d = n² log n, ησ_p²d/(nm) = 0.3": diagram(
            inside, {GD: matched(None), NOISY: matched(Flip(P_FLIP))}, "-inside"),
    }
    lines = _lines(frames)
    return Report(
        name="huang2025-fig3",
        title="Test error over sample size and SNR (Huang et al. 2025, Figure 3)",
        text=_text(frames, lines, seeds, steps, precision),
        tables={"paper": summarise(next(iter(frames.values()))), "inside": summarise(list(frames.values())[1]),
                "boundary": lines},
        figure=_figure(frames),
    )


def _lines(frames: "dict[str, pd.DataFrame]") -> "pd.DataFrame":
    """Where each algorithm's test error passes the level, for every n and as a power of n."""
    import pandas as pd

    rows = []
    for name, frame in frames.items():
        for algorithm in (GD, NOISY):
            line = crossing(frame, "test_error", LEVEL, along="snr", over="n", algorithm=algorithm)
            slope, low, high = line.exponent
            for point in line.points.itertuples():
                rows.append({"diagram": name, "algorithm": algorithm, "n": point.n, "snr": point.crossing,
                             "low": point.low, "high": point.high, "exponent": slope, "exponent_low": low,
                             "exponent_high": high})
    return pd.DataFrame(rows)


def _text(frames: "dict[str, pd.DataFrame]", lines: "pd.DataFrame", seeds: int, steps: int, precision: str) -> str:
    import pandas as pd

    shown = []
    for (name, algorithm), group in lines.groupby(["diagram", "algorithm"], sort=False):
        frame = frames[str(name)]
        mine = frame[frame["algorithm"] == algorithm]
        exponents = group[["exponent", "exponent_low", "exponent_high"]].iloc[0]
        shown.append({
            "diagram": name, "algorithm": algorithm, "runs": len(mine),
            "not completed": int((mine["status"] != "completed").sum()),
            "mean test error": f"{mine['test_error'].mean():.3f}",
            f"SNR where it is {LEVEL:g}": "; ".join(
                f"n = {row.n:.0f}: {row.snr:.4f} [{row.low:.4f}, {row.high:.4f}]"
                for row in group.dropna(subset=["snr"]).itertuples()) or "nowhere in the diagram",
            "exponent in n": "" if exponents.isna().any() else "{:.2f} [{:.2f}, {:.2f}]".format(*exponents),
        })
    scaled = next(iter(frames.values()))["d_over_n2"]
    return "\n\n".join([
        f"{steps} steps, {seeds} seeds a cell, {precision} precision, test error with fresh noise. The boundary is "
        f"where the mean test error passes {LEVEL:g}, with 95% bootstrap intervals over seeds; the theory's line, "
        f"n·SNR² = c, has the exponent −1/2. The first diagram has d/n² between {scaled.min():.2g} and "
        f"{scaled.max():.2g}, outside the theorem's regime; the second has d = n² log n.",
        markdown(pd.DataFrame(shown)),
    ])


def _figure(frames: "dict[str, pd.DataFrame]") -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(18, 4.2 * len(frames)), layout="constrained")
    parts = figure.subfigures(len(frames), 1, squeeze=False)[:, 0]
    for part, (name, frame) in zip(parts, frames.items(), strict=True):
        part.suptitle(name)
        plot.heatmap(
            frame, "n", "snr", "test_error", theory=[boundaries.n_snr2(1.0)], level=LEVEL, difference=True,
            uncertainty=True, limits=(0.0, 0.5), axes=part.subplots(1, 4),
        )
    return figure
