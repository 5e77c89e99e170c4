"""What must be true if the second-order law and its mean field are right, each measured on seeds used nowhere else."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.core import progress as bars
from theorysim.core import style
from theorysim.papers.second_order.figures import error, exponents, law
from theorysim.papers.second_order.figures.law import Setting, problem_of
from theorysim.reproduce import Report, markdown

if TYPE_CHECKING:
    import pandas as pd

FIRST_SEED = 400
WIDE = 10**14


@dataclass(frozen=True)
class Claim:
    """Between which numbers every median over seeds of measured/predicted must be."""

    name: str
    predicted: str  # a column of `law.times_of`
    low: float
    high: float
    settings: Sequence[Setting]


CLAIMS = (
    Claim("T2, closed law, κ ≤ 0.1", "closed", 0.97, 1.08, tuple(
        Setting(problem_of(n, n_snr2, d=n * ratio), p, kappas) for n, n_snr2, p, kappas in (
            (20, 0.3, 0.2, (0.02, 0.05, 0.1)), (40, 0.1, 0.1, (0.05, 0.1))) for ratio in (10**3, 10**6))),
    Claim("T2, mean field, κ < ½", "field", 0.97, 1.06, (
        Setting(problem_of(20, 1.0), 0.2, (0.003, 0.01, 0.03, 0.1, 0.3, 0.45)),
        Setting(problem_of(40, 0.2), 0.1, (0.05, 0.1, 0.3, 0.45)))),
    Claim("T2, mean field, κ > ½", "field", 0.9, 1.1, (
        Setting(problem_of(20, 1.0, d=WIDE), 0.2, (0.51, 1.0, 3.0)),
        Setting(problem_of(40, 0.2, d=WIDE), 0.1, (0.51, 1.0, 3.0)))),
)
CENTRE = Setting(problem_of(20, 0.3), 0.2, (0.02,))  # of the exponents
OFF = 0.05  # by which an exponent may be
SIZES = tuple((n, n * ratio) for ratio in (10**3, 10**4, 10**5) for n in (16, 48, 144))
ERRORS = {"eigenvalue": 0.03, "closed": 0.1}  # by which the geometric mean of −ln(error) may be, by prediction


def run(
    *, seeds: int = 8, progress: bool = False, claims: Sequence[Claim] = CLAIMS, centre: Setting = CENTRE,
    sizes: Sequence[tuple[int, int]] = SIZES, m: int = 10, steps: int = 5_000_000, error_steps: int = 30_000,
) -> Report:
    """Measure, and say of each whether it is so."""
    import pandas as pd

    chosen = range(FIRST_SEED, FIRST_SEED + seeds)
    cells = [(claim, setting, kappa) for claim in claims for setting in claim.settings for kappa in setting.kappas]
    times, errors = [], []
    with bars.bar((len(cells) + len(sizes)) * seeds, progress, "run", "second-order-fresh") as bar:
        for claim, setting, kappa in cells:
            for seed in chosen:
                times.append(_time(claim, setting, kappa, seed, steps))
                bar.update(1)
        for n, d in sizes:
            for seed in chosen:
                errors += error.errors_of(error.problem(n, d, m), seed, error_steps)
                bar.update(1)
    runs, ratios = pd.DataFrame(times), _ratios(times)
    found = exponents.table(centre.problem, centre.p, centre.kappas[0], chosen, steps, progress)
    rare = pd.DataFrame(errors)
    means = means_of(rare, len(sizes) * seeds)
    verdicts = pd.DataFrame(
        [*(_of_times(claim, ratios) for claim in claims), *_of_exponents(found), *_of_errors(means)])
    return Report(
        name="second-order-fresh",
        title="What must be true of the second-order law, on seeds of its own",
        text=_text(chosen, centre, sizes, m, ratios, found, means, verdicts),
        tables={"verdicts": verdicts, "runs": runs, "ratios": ratios, "exponents": found, "errors": rare},
        figure=picture(claims, ratios, found, means),
    )


def _time(claim: Claim, setting: Setting, kappa: float, seed: int, steps: int) -> dict[str, Any]:
    """T2 of one draw, and what is predicted of it."""
    one = law.times_of(setting, kappa, seed, steps)
    return {"claim": claim.name, "setting": setting.name, "d/n": setting.problem.d / setting.problem.n, "kappa": kappa,
            "seed": seed, "T2": one["T2"], "predicted": one[claim.predicted], "ratio": one["T2"] / one[claim.predicted]}


def _ratios(times: Sequence[dict[str, Any]]) -> "pd.DataFrame":
    """Of every setting and κ: T2, and the median, smallest and largest ratio of the runs that have one."""
    import pandas as pd

    groups = pd.DataFrame(times).groupby(["claim", "setting", "d/n", "kappa"], sort=False)
    return groups.agg(seeds=("seed", "size"), with_ratio=("ratio", "count"), T2=("T2", "median"),
                      median=("ratio", "median"), smallest=("ratio", "min"), largest=("ratio", "max")).reset_index()


def means_of(errors: "pd.DataFrame", made: int) -> "pd.DataFrame":
    """−ln(error), measured/predicted, where errors are rare: the geometric mean, the smallest and the largest."""
    import pandas as pd

    rows = []
    rare = errors[errors["reliable"] & (errors["measured"] >= error.RARE)]
    for at in error.MOMENTS:
        for column in ERRORS:
            known = rare[(rare["at"] == at) & (rare[column] > 0)]
            ratio = known["measured"] / known[column]
            rows.append({"at": at, "predicted with": column, "runs": len(known), "of": made,
                         "mean": float(np.exp(np.log(ratio).mean())), "smallest": ratio.min(), "largest": ratio.max()})
    return pd.DataFrame(rows)


def _of_times(claim: Claim, ratios: "pd.DataFrame") -> dict[str, Any]:
    """Whether every median is between the two numbers, and no run lacks its ratio."""
    mine = ratios[ratios["claim"] == claim.name]
    inside = mine["median"].between(claim.low, claim.high) & (mine["seeds"] == mine["with_ratio"])
    return {"what": claim.name, "must be": f"medians in [{claim.low:g}, {claim.high:g}]",
            "measured": f"{mine['median'].min():.3f} to {mine['median'].max():.3f}",
            "so": f"{int(inside.sum())} of {len(mine)}"}


def _of_exponents(found: "pd.DataFrame") -> list[dict[str, Any]]:
    """Whether exponents are near those of the law of the draws, and whether their intervals hold these."""
    gap = (found["measured"] - found["law of the draw"]).abs()
    held = found["law of the draw"].between(found["low"], found["high"])
    told = [f"{float(one):.3f}" for one in (gap.min(), gap.max())]
    return [
        {"what": "exponents of T2 − T1", "must be": f"within {OFF:g} of the law of the draw",
         "measured": f"off by {told[0]} to {told[1]}", "so": f"{int((gap <= OFF).sum())} of {len(found)}"},
        {"what": "95% intervals of exponents", "must be": "hold the law of the draw",
         "measured": ", ".join(found["parameter"][~held]) or "all do", "so": f"{int(held.sum())} of {len(found)}"},
    ]


def _of_errors(means: "pd.DataFrame") -> list[dict[str, Any]]:
    """Whether geometric means are near 1."""
    rows = []
    for column, most in ERRORS.items():
        mine = means[means["predicted with"] == column]["mean"]
        rows.append({"what": f"−ln(error), {error.PREDICTED[column]}", "must be": f"geometric mean within {most:.0%}",
                     "measured": f"{mine.min():.3f} to {mine.max():.3f}",
                     "so": f"{int(((mine - 1).abs() <= most).sum())} of {len(mine)}"})
    return rows


def picture(
    claims: Sequence[Claim], ratios: "pd.DataFrame", found: "pd.DataFrame", means: "pd.DataFrame"
) -> Any:
    """Ratios of times over κ with what is allowed, exponents beside the law's, and ratios of errors."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.PAGE, 7.6), layout="constrained")
    axes = figure.subplots(2, 2).ravel()
    times, fields, powers, errors = axes
    for axis, column in ((times, "closed"), (fields, "field")):
        mine, further = [claim for claim in claims if claim.predicted == column], 0
        for claim in mine:
            of = ratios[ratios["claim"] == claim.name]
            ends = [of["kappa"].min() / 1.1, of["kappa"].max() * 1.1]
            axis.fill_between(ends, claim.low, claim.high, color="0.88", label="allowed" if claim is mine[0] else None)
            for number, (name, group) in enumerate(of.groupby(["setting", "d/n"], sort=False)):
                reach = [group["median"] - group["smallest"], group["largest"] - group["median"]]
                axis.errorbar(group["kappa"], group["median"], reach, mfc="none", markersize=3 + 2 * number,
                              label=f"{name[0]}, d/n = {name[1]:.3g}", **style.points(further + number))
            further += len(of.groupby(["setting", "d/n"]))
        axis.axhline(1, color=style.REFERENCE, linestyle=":")
        axis.set(xscale="log", xlabel="κ = ησ_p²d/(nm)", ylabel=f"T2, exact/{law.PREDICTED[column]}")
        style.log_ticks(axis.xaxis)
        style.legend_below(axis, 1)
    places = np.arange(len(found))
    powers.errorbar(places, found["measured"], [found["measured"] - found["low"], found["high"] - found["measured"]],
                    fmt="o", color=style.THEORY, label="measured, 95% interval")
    powers.plot(places, found["law of the draw"], "x", color=style.ORANGE, markersize=7, zorder=3,
                label="law of the draw")
    powers.plot(places, found["Lemma 4.5"], "v", color=style.GREEN, label="Lemma 4.5")
    powers.set_xticks(places, found["parameter"], rotation=30, ha="right")
    powers.set(xlabel="parameter", ylabel="exponent of T2 − T1")
    style.legend_below(powers, 2, lower=62)
    places = np.arange(len(means))
    errors.errorbar(places, means["mean"], [means["mean"] - means["smallest"], means["largest"] - means["mean"]],
                    fmt="o", color=style.THEORY, label="geometric mean and range of runs")
    errors.axhline(1, color=style.REFERENCE, linestyle=":")
    names = [f"{error.PREDICTED[row['predicted with']]}, {row['at']}" for row in means.to_dict("records")]
    errors.set_xticks(places, [name.replace(" as ", "\nas ").replace(", ", ",\n") for name in names])
    errors.set(xlabel="predicted with, and when", ylabel="−ln(error), measured/predicted")
    style.legend_below(errors, 1, lower=52)
    style.panel_letters(axes)
    return figure


def _text(
    seeds: range, centre: Setting, sizes: Sequence[tuple[int, int]], m: int, ratios: "pd.DataFrame",
    found: "pd.DataFrame", means: "pd.DataFrame", verdicts: "pd.DataFrame",
) -> str:
    columns = {"claim": "what", "setting": "setting", "d/n": "d/n", "kappa": "κ", "with_ratio": "seeds", "T2": "T2"}
    shown = ratios[list(columns)].rename(columns=columns)
    shown["d/n"], shown["T2"] = ratios["d/n"].map("{:.3g}".format), ratios["T2"].map("{:.0f}".format)
    shown["exact/predicted"] = [f"{row.median:.3f} [{row.smallest:.3f}, {row.largest:.3f}]"
                                for row in ratios.itertuples()]
    told = means.copy()
    told["predicted with"] = means["predicted with"].map(error.PREDICTED)
    for name in ("mean", "smallest", "largest"):
        told[name] = means[name].map("{:.3f}".format)
    return "\n\n".join([
        f"Seeds {seeds[0]}..{seeds[-1]}, which no other study of this law uses; m = {centre.problem.m} and σ_0σ_p√d = "
        f"{centre.problem.init_scale:.3g} where not said. \"So\" counts settings, parameters or moments.",
        markdown(verdicts),
        "T2 is the first step with max γ ≥ 1. Closed law and mean field as in `second-order-law`: of the same draw, "
        "the mean field with the same flips. Median over seeds [smallest, largest]:",
        markdown(shown),
        f"Exponents of T2 − T1 at κ = {centre.kappas[0]:g}, {centre.name}, d = {centre.problem.d:g}, over "
        f"{exponents.FACTORS[0]:g}, 1 and {exponents.FACTORS[-1]:g} times each parameter, with 95% signed-rank "
        "intervals. The law of the draw is what must be met; it has logarithms, T1 and what stage 1 brings, which the "
        "leading power has not.",
        markdown(found),
        f"Test errors as in `error-law`: n·SNR² = {error.N_SNR2:g}, κ = {error.KAPPA:g}, p = {error.P_FLIP:g}, "
        f"m = {m}, σ_0 = 0.1/d, d/n from {min(d / n for n, d in sizes):g} to {max(d / n for n, d in sizes):g}, at T2 "
        f"and when both classes have S ≥ {error.LEVEL:g}; runs are those that got there with −ln(error) ≥ "
        f"{error.RARE:g}. Geometric mean of measured/predicted:",
        markdown(told),
    ])
