"""Huang et al. 2025, Theorem 3.3: does the test error of label-noise gradient descent fall as exp(−C d/n²)?

Runs are stopped when the signal part of the output reaches the same level on both labels, so that errors compare.
"""

from collections.abc import Sequence

from theorysim.patch.algorithm import Flip, GradientDescent
from theorysim.patch.problem import SignalNoise
from theorysim.reproduce import Report, markdown
from theorysim.papers import rare_errors
from theorysim.patch.risk.estimate import Estimate
from theorysim.patch.risk.sampling import signal_outputs
from theorysim.patch.run import PatchRun
from theorysim.systems import simulate

CELLS = (
    *((50, d) for d in (2500, 10_000, 30_000, 100_000, 300_000, 1_000_000)),
    *((n, 100_000) for n in (20, 35, 90, 160)),
)
LEVELS = (0.5, 1.0)  # of the smaller of the two labels' signal outputs
P_FLIP, M, RATE, EVERY = 0.1, 10, 0.3, 10
SHOWN = ("label-noise gradient descent, test error as a rare event", "Theorem 3.3, exp(−C d/n²), C = 1", 2)


def problem(n: int, d: int, m: int = M) -> SignalNoise:
    """A cell, with initial weights so small that they leave no floor in the covariance of the output."""
    return SignalNoise(n=n, d=d, m=m, signal_norm=1.0, noise_std=1.0, init_std=0.5 / d).replace(n_snr2=1.0)


def run(
    *, seeds: int = 4, progress: bool = False, cells: Sequence[tuple[int, int]] = CELLS, m: int = M,
    steps: int = 4000,
) -> Report:
    """Measure, fit and report."""
    import pandas as pd

    def point(n: int, d: int, seed: int) -> dict[str, Estimate]:
        of = problem(n, d, m)
        done = simulate(of, GradientDescent(RATE * n * m / d, Flip(P_FLIP)), steps, seed, record_every=EVERY,
                        until=lambda seen: seen["gamma_max"] >= 4.0)
        reached = {level: _first(done, level) for level in LEVELS}
        return {f"signal output {level:g}": done.test_error(at) for level, at in reached.items() if at is not None}

    frame = rare_errors.measure(cells, seeds, point, progress, "huang2025-error-bound")
    rows = []
    for stop, group in frame.groupby("stop", sort=False):
        found = rare_errors.fit(group)
        rows.append({"stopped at": stop, "runs": len(group), "unreliable": int((~group["reliable"]).sum()),
                     "log₁₀ p from": f"{group['log10_error'].min():.0f}", "to": f"{group['log10_error'].max():.2g}",
                     "exponent in d": rare_errors.words(found.d), "exponent in n": rare_errors.words(found.n),
                     **{f"R² of {name}": f"{value:.3f}" for name, value in found.r2.items()}})
    table = pd.DataFrame(rows)
    return Report(
        name="huang2025-error-bound",
        title="The test error of label-noise gradient descent over n and d (Huang et al. 2025, Theorem 3.3)",
        text=f"−ln p fitted as d^a n^b over runs with n·SNR² = 1, q = 2, m = {m}, p = 0.1, σ_0 = 0.5/d, "
             f"ησ_p²d/(nm) = {RATE:g}, {seeds} seeds, stopped at the first of every {EVERY} steps at which the smaller "
             "of the two labels' signal outputs reaches the level; what is typical of the seeds' exponents, with 95% "
             "intervals. The theorem's exp(−C d/n²) has a = 1, b = −2. R²: share of the variance of ln(−ln p) "
             "explained by proportionality to one variable.\n\n" + markdown(table),
        tables={"errors": frame, "exponents": table},
        figure=rare_errors.figure(frame, *SHOWN),
    )


def _first(done: PatchRun, level: float) -> int | None:
    """The first recorded step at which both labels' signal outputs reach a level."""
    for step in done.steps_recorded:
        plus, minus = signal_outputs(done, int(step))
        if min(plus, -minus) >= level:
            return int(step)
    return None
