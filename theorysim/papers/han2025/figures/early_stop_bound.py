"""Han et al. 2025, Proposition 4.3: does the test error at T1 fall as exp(−d/(C n))?"""

from collections.abc import Sequence

import numpy as np

from theorysim.patch.policy import EarlyStopping, FirstStage
from theorysim.reproduce import Report, markdown
from theorysim.papers import rare_errors
from theorysim.papers.han2025.figures.settings import algorithm, problem
from theorysim.patch.risk.estimate import Estimate
from theorysim.systems import simulate

CELLS = (
    *((50, d) for d in (2500, 5000, 10_000, 30_000, 100_000)),
    *((n, 30_000) for n in (20, 35, 90, 150)),
)
SIGNALS = (3.0, 10.0)
M = 10
SHOWN = ("gradient descent stopped at T1, test error as a rare event", "Prop. 4.3, exp(−d/(C n)), C = 1", 1)


def run(
    *, seeds: int = 4, progress: bool = False, cells: Sequence[tuple[int, int]] = CELLS, m: int = M,
    steps: int = 200,
) -> Report:
    """Measure, fit and report."""
    import pandas as pd

    def point(n: int, d: int, seed: int) -> dict[str, Estimate]:
        found = {}
        for x in SIGNALS:
            # σ_0 = 0.1/d: with σ_0√d constant, initial weights leave a floor under the output's covariance.
            of = problem(n, d, m, n_snr2=x, start=0.1 / np.sqrt(d))
            done = simulate(of, algorithm(of), steps, seed, record_at=(), policy=EarlyStopping(FirstStage()))
            if done.stopped_at is not None:
                found[f"T1, n·SNR² = {x:g}"] = done.test_error()
        return found

    frame = rare_errors.measure(cells, seeds, point, progress, "han2025-early-stop-bound")
    rows = []
    for stop, group in frame.groupby("stop", sort=False):
        found = rare_errors.fit(group)
        ratio = -np.log(10) * group["log10_error"] * group["n"] / group["d"]
        rows.append({"stopped at": stop, "runs": len(group), "unreliable": int((~group["reliable"]).sum()),
                     "log₁₀ p from": f"{group['log10_error'].min():.0f}", "to": f"{group['log10_error'].max():.3g}",
                     "exponent in d": rare_errors.words(found.d), "exponent in n": rare_errors.words(found.n),
                     **{f"R² of {name}": f"{value:.3f}" for name, value in found.r2.items()},
                     "−ln p · n/d": f"{ratio.mean():.3g} [{ratio.min():.3g}, {ratio.max():.3g}]"})
    table = pd.DataFrame(rows)
    return Report(
        name="han2025-early-stop-bound",
        title="The test error of early stopping over n and d (Han et al. 2025, Proposition 4.3)",
        text=f"−ln p fitted as d^a n^b over runs with τ = 0.2, q = 1, m = {m}, σ_0 = 0.1/d, stopped at T1 (ρ̄ ≥ 0.1 on "
             f"all samples and initially active filters), {seeds} seeds; what is typical of the seeds' exponents, with "
             "95% intervals. The "
             "proposition's exp(−d/(C n)) has a = 1, b = −1.\n\n" + markdown(table),
        tables={"errors": frame, "exponents": table},
        figure=rare_errors.figure(frame, *SHOWN),
    )
