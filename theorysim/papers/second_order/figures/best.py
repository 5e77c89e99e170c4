"""Which step, which flips and which schedule reach a test error or a training loss first."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.core import progress as bars
from theorysim.core.intervals import typical
from theorysim.papers.second_order.figures import best_picture, best_rows
from theorysim.papers.second_order.figures.best_rows import LATE, SLOW
from theorysim.patch.problem import SignalNoise
from theorysim.reproduce import Report, markdown
from theorysim.theory import second_order
from theorysim.theory.second_order import Multipliers

if TYPE_CHECKING:
    import pandas as pd

FIRST_SEED = 400
PROBLEM = SignalNoise(20, 20_000, 20, 1.0, 1.0, 0.01 / 20_000**0.5).replace(n_snr2=0.5)
KAPPAS = (0.2, 0.3, 0.35, 0.4, 0.45, 0.475, 0.5, 0.525, 0.55, 0.6, 0.7, 0.85, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0)
RATES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45)
P_FLIP = 0.1  # of the line that is estimated, of the laws and of the schedules
ESTIMATED, ESTIMATES = (0.3, 0.4, 0.45, 0.5, 0.6, 1.0, 2.0, 4.0), 2  # values of κ, and seeds
TIME_KAPPAS, TIME_RATES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 2.0), (0.02, 0.1, 0.3)
LAW_KAPPAS = (0.07, 0.1)
ANNEALED = (0.45, 0.5, 0.6, 1.0)
STEPS, LOG10_ERROR = 300, -10.0  # of the map, and to arrive at


def run(
    *, seeds: int = 10, progress: bool = False, problem: SignalNoise = PROBLEM, kappas: Sequence[float] = KAPPAS,
    rates: Sequence[float] = RATES, steps: int = STEPS, estimated: Sequence[float] = ESTIMATED,
    time_kappas: Sequence[float] = TIME_KAPPAS, time_rates: Sequence[float] = TIME_RATES,
    log10_error: float = LOG10_ERROR, law_kappas: Sequence[float] = LAW_KAPPAS,
    annealed: Sequence[float] = ANNEALED, most: int = 100_000,
) -> Report:
    """Measure, predict and report."""
    import pandas as pd

    chosen = range(FIRST_SEED, FIRST_SEED + seeds)
    laws = best_rows.laws_like(P_FLIP)
    jobs = (
        [("errors", best_rows.cell, (problem, kappa, p, seed, steps)) for p in rates for kappa in kappas
         for seed in chosen]
        + [("estimates", best_rows.estimated, (problem, kappa, P_FLIP, seed, steps)) for kappa in estimated
           for seed in chosen[:ESTIMATES]]
        + [("times", best_rows.arrival, (problem, kappa, p, seed, log10_error, most, seed == chosen[0]))
           for p in time_rates for kappa in time_kappas for seed in chosen]
        + [("laws", best_rows.of_law, (problem, kappa, name, noise, seed, most)) for kappa in law_kappas
           for name, noise in laws.items() for seed in chosen])
    rows: dict[str, list[dict[str, Any]]] = {"errors": [], "estimates": [], "times": [], "laws": [], "schedules": []}
    with bars.bar(len(jobs), progress, "run", "best-noise") as bar:
        for name, measure, given in jobs:
            rows[name].append(measure(*given))
            bar.update(1)
    for seed in chosen:
        for kappa in annealed:
            rows["schedules"] += best_rows.annealed(problem, kappa, P_FLIP, seed, steps)
    tables = {name: pd.DataFrame(found) for name, found in rows.items()}
    tables["laws"]["by variance"] = _by_variance(tables["laws"])
    tables["ridge"] = _ridge(tables["errors"])
    figure = best_picture.draw(tables["errors"], tables["ridge"], tables["times"], tables["laws"], tables["schedules"],
                               steps, log10_error)
    return Report(
        name="best-noise",
        title="The best label noise: step, flips, law and schedule",
        text=_text(problem, chosen, steps, log10_error, most, tables),
        tables=tables,
        figure=figure,
    )


def _ridge(errors: "pd.DataFrame") -> "pd.DataFrame":
    """The best κ of every p, seed by seed, of exact runs and of the mean field, and the loss there."""
    import pandas as pd

    rows = []
    for p in np.unique(errors["p"]):
        group = errors[errors["p"] == p]
        found: dict[str, Any] = {"p": p, "at_once": second_order.kappa_at_once(Multipliers.flips(p))}
        best = _best(group, "log10_error")
        found |= {"best": best["kappa"].median(), "lowest": best["kappa"].min(), "highest": best["kappa"].max(),
                  "field": _best(group, "log10_error_field")["kappa"].median(),
                  "log10_error": best["log10_error"].median()}
        loss = typical(best["train_loss"])
        rows.append(found | {"train_loss": loss.value, "loss_low": loss.low, "loss_high": loss.high,
                             "rest": -np.log1p(-p)})
    return pd.DataFrame(rows)


def _best(group: "pd.DataFrame", column: str) -> "pd.DataFrame":
    """Of every seed the row with the smallest error."""
    return group.loc[group.groupby("seed")[column].idxmin()]


def _by_variance(laws: "pd.DataFrame") -> "pd.Series[float]":
    """T2 of flips, as measured of the same draw, divided by the ratio of the variances of ε."""
    flips = laws[laws["law"] == "flips"].set_index(["kappa", "seed"])
    keys = list(zip(laws["kappa"], laws["seed"], strict=True))
    scale: pd.Series[float] = (flips["T2"] * flips["variance"]).loc[keys].to_numpy() / laws["variance"]
    return scale


def _spread(values: Any, form: str = ".3g") -> str:
    """Hodges–Lehmann estimate with its 95% interval, and how many are missing."""
    given = np.asarray(values, dtype=float)
    known = given[np.isfinite(given)]
    if not known.size:
        return "–"
    note = f"; {known.size} of {given.size}" if known.size < given.size else ""
    found = typical(known)
    return f"{found.value:{form}} [{found.low:{form}}, {found.high:{form}}]{note}"


def _range(values: "pd.Series[float]") -> str:
    """Median, smallest and largest."""
    known = values[np.isfinite(values)]
    note = f"; {len(known)} of {len(values)}" if len(known) < len(values) else ""
    return f"{known.median():z.3g} [{known.min():z.3g}, {known.max():z.3g}]{note}" if len(known) else "–"


def _tell(tables: "dict[str, pd.DataFrame]") -> "dict[str, pd.DataFrame]":
    """The tables of the report."""
    import pandas as pd

    ridge = [{
        "p": one.p, "best κ": f"{one.best:.3g} [{one.lowest:.3g}, {one.highest:.3g}]", "mean field": f"{one.field:.3g}",
        "1/(2(1 − p))": f"{one.at_once:.3g}", "log₁₀(error) there": f"{one.log10_error:.3g}",
        "loss there": f"{one.train_loss:.3g} [{one.loss_low:.3g}, {one.loss_high:.3g}]",
        "−ln(1 − p)": f"{one.rest:.3g}",
    } for one in tables["ridge"].itertuples()]
    errors = tables["errors"]
    line = [{"κ": kappa, "log₁₀(error), the law": _range(group["log10_error"]),
             "mean field": _range(group["log10_error_field"])}
            for kappa, group in errors[errors["p"] == P_FLIP].groupby("kappa")]
    estimates = [{"κ": kappa, "estimated": _range(group["estimated"]), "law, same runs": _range(group["log10_error"])}
                 for kappa, group in tables["estimates"].groupby("kappa")]
    times = [{"p": p, "κ": kappa, "steps": _range(group["measured"]),
              "measured/law": _spread(group["measured"] / group["law"]),
              "measured/mean field": _spread(group["measured"] / group["field"]),
              "estimated/by the law": _range((group["estimated"] / group["measured"]).dropna())}
             for (p, kappa), group in tables["times"].groupby(["p", "kappa"])]
    laws = [{"κ": kappa, "law of ε": name, "mean": f"{group['mean'].iloc[0]:.3g}",
             "variance": f"{group['variance'].iloc[0]:.3g}",
             "Ψ": f"{group['psi'].iloc[0]:.4g}",
             "T2": _range(group["T2"]), "T2/law of the draw": _spread(group["T2"] / group["predicted"]),
             "T2/(by variance)": _spread(group["T2"] / group["by variance"])}
            for (kappa, name), group in tables["laws"].groupby(["kappa", "law"], sort=False)]
    schedules = [{"κ": kappa, "schedule": name, "−log₁₀(error)": _range(-group["log10_error"]),
                  "training loss": _range(group["train_loss"])}
                 for (kappa, name), group in tables["schedules"].groupby(["kappa", "schedule"], sort=False)]
    return {name: pd.DataFrame(rows) for name, rows in
            (("ridge", ridge), ("line", line), ("estimates", estimates), ("times", times), ("laws", laws),
             ("schedules", schedules))}


def _text(problem: SignalNoise, seeds: range, steps: int, log10_error: float, most: int,
          tables: "dict[str, pd.DataFrame]") -> str:
    told, errors = _tell(tables), tables["errors"]
    diverged = int(errors["log10_error"].isna().sum())
    unsure = int((~tables["estimates"]["reliable"]).sum())
    return "\n\n".join([
        f"n = {problem.n}, d = {problem.d}, m = {problem.m}, n·SNR² = {problem.n_snr2:.3g}, σ_0σ_p√d = "
        f"{problem.init_scale:.3g}, seeds {seeds[0]}..{seeds[-1]}. [ , ] is the range over seeds after a median, and a "
        "95% signed-rank interval after ratios and losses. Error law: −ln(error) = min over y of mS_y/(2μ_{−y}), μ the "
        "top eigenvalue of the covariance that fresh noise has on the run's own filters.",
        f"## After {steps} steps",
        f"Best κ: of {errors['kappa'].nunique()} values from {errors['kappa'].min():g} to {errors['kappa'].max():g} "
        "the one with the smallest error by the error law, seed by seed. Mean field: the same of draws of its own, "
        "median. Predicted is κ = ½, the largest step at which no flip can kill a memory, as long as memory rests "
        f"there (p below {second_order.extinct_flip_rate(0.5):.3g}); above 1/(2(1 − p)) one flip kills it at the "
        f"resting output. Loss: mean over the last {LATE} steps; with every output at f* it is −ln(1 − p). "
        f"{diverged} of {len(errors)} runs diverged.",
        markdown(told["ridge"]),
        f"At p = {P_FLIP:g}, log₁₀(error) by the error law, of exact runs and of the mean field:",
        markdown(told["line"]),
        f"The same as estimated, counted or as a rare event, of {tables['estimates']['seed'].nunique()} seeds "
        f"({unsure} of {len(tables['estimates'])} estimates know only the scale of the logarithm):",
        markdown(told["estimates"]),
        f"## Steps to a test error of 10^{log10_error:g}",
        f"By the error law, at looks {best_rows.FINER - 1:.0%} apart, at most {most} steps. Law: what is "
        "predicted from the draw, where memory rests. Mean field: the same draw and flips. Last column: of seed "
        f"{seeds[0]} alone, the time by estimates of the error as a rare event over that by the error law.",
        markdown(told["times"]),
        "## Laws of ε",
        f"All rest at the output of flips with p = {P_FLIP:g}, f* = {tables['laws']['rest'].iloc[0]:.4g}. T2 is the "
        "first step with max γ ≥ 1. By variance: T2 of flips with the same draw, as measured, divided by the ratio of "
        "variances.",
        markdown(told["laws"]),
        "## Schedules",
        f"p = {P_FLIP:g}, {steps} steps; after half of them, or nine tenths, noise stays or ends, and κ stays or "
        f"becomes {SLOW:g}: the second phase is a run that starts from the weights of the first. No noise: gradient "
        "descent throughout. −log₁₀(error) by the error law.",
        markdown(told["schedules"]),
    ])
