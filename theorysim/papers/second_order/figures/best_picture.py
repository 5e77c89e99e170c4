"""The picture of the study of the best noise: four panels."""

from typing import TYPE_CHECKING

import numpy as np

from theorysim.core import style
from theorysim.theory import second_order
from theorysim.theory.second_order import Multipliers

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CHANCE = -np.log10(0.5)
KAPPA_LABEL = "κ = ησ_p²d/(nm)"


def draw(errors: "pd.DataFrame", ridge: "pd.DataFrame", times: "pd.DataFrame", laws: "pd.DataFrame",
         schedules: "pd.DataFrame", steps: int, log10_error: float) -> "Figure":
    """All four."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.PAGE, 7.6), layout="constrained")
    (upper_left, upper_right), (lower_left, lower_right) = figure.subplots(2, 2)
    _map(errors, ridge, steps, upper_left)
    _times(times, log10_error, upper_right)
    _laws(laws, lower_left)
    _schedules(schedules, steps, lower_right)
    style.panel_letters((upper_left, upper_right, lower_left, lower_right))
    return figure


def _map(errors: "pd.DataFrame", ridge: "pd.DataFrame", steps: int, axis: "Axes") -> None:
    """The median error over κ and p, the best κ, and where the law expects it."""
    from matplotlib.colors import LogNorm

    table = (-errors.groupby(["p", "kappa"])["log10_error"].median()).unstack("kappa")
    rates, kappas = table.index.to_numpy(), table.columns.to_numpy()
    values = np.clip(table.to_numpy(), CHANCE, None)
    shown = axis.pcolormesh(kappas, rates, values, shading="nearest", cmap=style.SHARE,
                            norm=LogNorm(CHANCE, max(values.max(), 1.0)))
    axis.figure.colorbar(shown, ax=axis, label="−log₁₀(test error), median")
    axis.plot(ridge["best"], ridge["p"], "o", color="white", markeredgecolor="black", clip_on=False, zorder=3,
              label="best κ, exact runs, median")
    fine = np.linspace(rates.min(), rates.max(), 100)
    at_once = [second_order.kappa_at_once(Multipliers.flips(p)) for p in fine]
    axis.axvline(0.5, color="white", label="predicted: κ = ½")
    axis.plot(at_once, fine, color="white", linestyle=":", label="κ = 1/(2(1 − p)): killed at once")
    inside = np.linspace(kappas.min(), min(kappas.max(), 0.999), 200)
    edge = np.array([second_order.extinct_flip_rate(kappa) for kappa in inside])
    seen = edge >= rates.min()
    axis.plot(inside[seen], edge[seen], color="white", linestyle="--", label="above: memory dies out on average")
    axis.set(xscale="log", xlabel=KAPPA_LABEL, ylabel="flip probability p", ylim=(rates.min(), rates.max()),
             xlim=(kappas.min(), kappas.max()), title=f"test error after {steps} steps, flips")
    style.log_ticks(axis.xaxis)
    style.legend_below(axis, 1, frameon=True, facecolor="0.7")


def _times(times: "pd.DataFrame", log10_error: float, axis: "Axes") -> None:
    """Steps to the error: exact, of the law, of the mean field."""
    for number, (p, group) in enumerate(times.groupby("p")):
        by, look = group.groupby("kappa"), style.points(number)
        kappas, middle = np.array(list(by.groups)), by["measured"].median()
        axis.errorbar(kappas, middle, [middle - by["measured"].min(), by["measured"].max() - middle],
                      label=f"p = {p:g}", **look)
        for column, dash, name in (("law", "-", "law of the draw"), ("field", "--", "mean field")):
            axis.plot(kappas, by[column].median(), dash, color=look["color"])
            if not number:
                axis.plot([], [], dash, color=style.REFERENCE, label=name)
    axis.axvline(0.5, color=style.REFERENCE, linestyle=":")
    axis.set(xscale="log", yscale="log", xlabel=KAPPA_LABEL, ylabel="steps",
             title=f"steps to a test error of $10^{{{log10_error:g}}}$\nmarks: exact runs, median and range")
    style.log_ticks(axis.xaxis, axis.yaxis)
    style.legend_below(axis, 2)


def _laws(laws: "pd.DataFrame", axis: "Axes") -> None:
    """Measured against predicted T2; hollow: as if the variance counted."""
    for number, (name, group) in enumerate(laws.groupby("law", sort=False)):
        axis.plot(group["predicted"], group["T2"], label=name, **style.points(number))
        axis.plot(group["by variance"], group["T2"], markerfacecolor="none", **style.points(number))
    ends = np.array([laws["T2"].min(), laws["T2"].max()])
    axis.plot(ends, ends, color=style.REFERENCE, linestyle=":", label="equal")
    axis.set(xscale="log", yscale="log", xlabel="predicted steps: filled by Ψ,\nhollow from flips by the variance of ε",
             ylabel="first step with max γ ≥ 1 (steps)", title="laws of ε with one resting output")
    style.log_ticks(axis.xaxis, axis.yaxis)
    style.legend_below(axis, 2, borderaxespad=1)


def _schedules(schedules: "pd.DataFrame", steps: int, axis: "Axes") -> None:
    """Error over loss, one colour a κ, one marker a schedule; small: single runs."""
    kappas, names = schedules["kappa"].unique(), schedules["schedule"].unique()
    for (kappa, name), group in schedules.groupby(["kappa", "schedule"]):
        colour, marker = style.COLOURS[list(kappas).index(kappa)], style.MARKERS[list(names).index(name)]
        error = np.clip(-group["log10_error"], CHANCE, None)
        axis.plot(group["train_loss"], error, marker, color=colour, markersize=2, alpha=0.5)
        axis.plot(group["train_loss"].median(), error.median(), marker, color=colour, markersize=6,
                  markeredgecolor="black")
    for number, kappa in enumerate(kappas):
        axis.plot([], [], "_", color=style.COLOURS[number], markeredgewidth=3, linestyle="none", label=f"κ = {kappa:g}")
    for number, name in enumerate(names):
        axis.plot([], [], style.MARKERS[number], color=style.REFERENCE, linestyle="none", label=name)
    axis.set(xscale="log", yscale="log", xlabel="training loss", ylabel="−log₁₀(test error)",
             title=f"after {steps} steps; large: medians")
    style.log_ticks(axis.xaxis, axis.yaxis)
    style.legend_below(axis, 2, handlelength=1.2)
