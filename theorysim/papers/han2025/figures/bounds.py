"""Han et al. 2025 in numbers: exponents of T1, the early-stopping error over d/n, a verdict for every statement."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theorysim import plot
from theorysim.core import progress as bars
from theorysim.core import style
from theorysim.core.intervals import Interval, mean
from theorysim.patch.algorithm import GradientDescent
from theorysim.check import check
from theorysim.reproduce import Report, markdown
from theorysim.papers.han2025.figures.settings import STEP, algorithm, problem
from theorysim.scaling import ScalingFit, scaling
from theorysim.systems import simulate

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
RATIOS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
EARLY = 12  # steps, T1 at c = 0.1 where it exists: below d ≥ n² it does not, some active filter never gets there


def run(
    *, seeds: int = 10, progress: bool = False, n: int = 50, m: int = 20, ratios: Sequence[float] = RATIOS,
    steps: int = 12_000, early_seeds: int = 40,
) -> Report:
    """Fit, measure and check."""
    fit = _exponents(n, m, seeds, progress)
    errors, slope = _early_error(ratios, early_seeds, progress)
    verdicts = _verdicts(n, m, seeds, steps, progress)
    return Report(
        name="han2025-bounds",
        title="Exponents, early stopping and verdicts (Han et al. 2025)",
        text=_text(fit, errors, slope, verdicts, seeds, early_seeds),
        tables={"exponents": fit.exponents, "early-error": errors, "verdicts": verdicts},
        figure=_figure(fit, errors, slope),
    )


def _exponents(n: int, m: int, seeds: int, shown: bool) -> ScalingFit:
    """T1 with a step small enough for a hundred steps of Stage I, n·SNR² held."""
    centre = problem(n, int(n**2 * np.log(n / 0.05)), m)
    lr = algorithm(centre).lr / 10
    return scaling(
        centre, GradientDescent(lr), "han2025.T1",
        vary={"n": [n // 2, n, 2 * n], "m": [m // 2, m, 2 * m], "lr": [lr / 2, lr, 2 * lr],
              "noise_std": [0.7, 1.0, 1.4], "d": [centre.d, 2 * centre.d, 4 * centre.d],
              "init_std": [centre.init_std / 3, centre.init_std]},
        hold=["n_snr2"], seeds=seeds, steps=5000, progress=shown,
    )


def _early_error(
    ratios: Sequence[float], seeds: int, shown: bool, n: int = 200, m: int = 20
) -> "tuple[pd.DataFrame, Interval]":
    """Fresh-noise error after EARLY steps at n·SNR² = 3, τ = 0.2, and the slope of its logarithm in d/n."""
    import pandas as pd

    table = np.empty((len(ratios), seeds))
    with bars.bar(table.size, shown, unit="run", description="early stopping") as bar:
        for row, ratio in enumerate(ratios):
            of = problem(n, int(ratio * n), m, n_snr2=3.0)
            for seed in range(seeds):
                run = simulate(of, algorithm(of), EARLY, seed, record_at=())
                table[row, seed] = run.test_error(n_test=100_000, method="monte-carlo").value
                bar.update(1)
    frame = pd.DataFrame({"d/n": ratios, "error": table.mean(axis=1),
                          "standard error": table.std(axis=1, ddof=1) / np.sqrt(seeds)})
    return frame, slope_of_log_mean(np.array(ratios), table)


def slope_of_log_mean(x: Array, errors: Array) -> Interval:
    """Least-squares slope in x of the logarithm of the mean error, of errors (x, seeds), with its 95% interval.

    Places where no seed has an error are left out. The logarithm is linearised: of the slope every seed has the part
    Σ w (error/mean − 1), whatever its errors at different x share.
    """
    some = errors.any(axis=1)
    if some.sum() < 2:
        return Interval(np.nan, np.nan, np.nan)
    x, errors = x[some] - x[some].mean(), errors[some]
    weights, means = x / (x @ x), errors.mean(axis=1)
    return mean(weights @ (errors / means[:, None] - 1) + weights @ np.log(means))


def _verdicts(n: int, m: int, seeds: int, steps: int, shown: bool) -> "pd.DataFrame":
    """Every statement inside the regime, where they are known to fail, and with clean labels."""
    import pandas as pd

    d = int(np.ceil(n**2 * np.log(n / 0.05)))
    cases = {
        "inside, τ = 0.2": (problem(n, d, m), {}),
        "τ = 0.4, c = 0.3": (problem(n, d, m, tau=0.4), {"rho_threshold": 0.3}),
        "n·SNR² = 2, τ = 0.2": (problem(n, d, m, n_snr2=2.0), {}),
        "τ = 0": (problem(n, d, m, tau=0.0), {}),
    }
    rows = []
    with bars.bar(seeds * len(cases), shown, unit="run", description="statements") as bar:
        for name, (of, constants) in cases.items():
            runs = []
            for seed in range(seeds):
                runs.append(simulate(of, algorithm(of), steps, seed, record_at=(1, 2, 3, *range(5, 60, 5))))
                bar.update(1)
            table = check(runs, "han2025", replay=True, **constants).table
            rows.append(table[table["statement"].str.startswith("han2025.")].assign(case=name))
    return pd.concat(rows)


def _text(
    fit: ScalingFit, errors: "pd.DataFrame", slope: Interval, verdicts: "pd.DataFrame", seeds: int,
    early_seeds: int,
) -> str:
    shown = verdicts[~verdicts["statement"].str.contains("condition")]
    shown = shown[["case", "statement", "formula", "verdict", "holds", "compared", "measured", "predicted"]].copy()
    for name in ("measured", "predicted"):
        shown[name] = [f"{value:.3g}" for value in shown[name]]
    shown["formula"] = [text.replace("|", r"\|") for text in shown["formula"]]
    exponents = fit.exponents[["parameter", "exponent", "low", "high", "theory", "verdict"]].copy()  # the law is powers
    for name in ("exponent", "low", "high"):
        exponents[name] = [f"{value:z.3f}" for value in exponents[name]]
    table = errors.assign(error=[f"{value:.3g}" for value in errors["error"]],
                          **{"standard error": [f"{value:.1g}" for value in errors["standard error"]]})
    return "\n\n".join([
        f"## T1\n\n{fit.formula}, c = 0.1, {seeds} seeds; measured/predicted from {fit.band[0]:.3g} to "
        f"{fit.band[1]:.3g}.",
        markdown(exponents),
        "## Early-stopping error\n\nn = 200, m = 20, n·SNR² = 3, τ = 0.2, stopped after "
        f"{EARLY} steps of η = {STEP:g} nm/(σ²d), {early_seeds} seeds, fresh noise. The logarithm of the mean has the "
        "slope {:.3f} [{:.3f}, {:.3f}] in d/n.".format(*slope),
        markdown(table),
        "## Verdicts",
        markdown(shown),
    ])


def _figure(fit: ScalingFit, errors: "pd.DataFrame", slope: Interval) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.PAGE, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    plot.scaling(fit, left)
    x, y = errors["d/n"].to_numpy(), errors["error"].to_numpy()
    right.errorbar(x, y, yerr=2 * errors["standard error"], label="mean ± 2 s.e.", **style.points(0))
    right.plot(x, np.exp(np.log(y).mean() + slope[0] * (x - x.mean())), color=style.REFERENCE,
               label="slope {:.2f} [{:.2f}, {:.2f}]".format(*slope))
    right.set(yscale="log", xlabel="d/n", ylabel="test error, fresh noise", title="stopped at the end of Stage I")
    style.legend_below(right, 1)
    style.panel_letters((left, right))
    return figure
