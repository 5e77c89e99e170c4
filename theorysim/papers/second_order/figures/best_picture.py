"""The picture of the study of the best noise: four panels."""

from typing import TYPE_CHECKING

import numpy as np

from theorysim.theory import second_order
from theorysim.theory.second_order import Multipliers

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # of Okabe and Ito
MARKERS = ("o", "^", "v", "s", "D", "P")
CHANCE = -np.log10(0.5)
KAPPA_LABEL = "κ = ησ_p²d/(nm)"


def draw(errors: "pd.DataFrame", ridge: "pd.DataFrame", times: "pd.DataFrame", laws: "pd.DataFrame",
         schedules: "pd.DataFrame", steps: int, log10_error: float) -> "Figure":
    """All four."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 11), layout="constrained")
    (upper_left, upper_right), (lower_left, lower_right) = figure.subplots(2, 2)
    _map(errors, ridge, steps, upper_left)
    _times(times, log10_error, upper_right)
    _laws(laws, lower_left)
    _schedules(schedules, steps, lower_right)
    return figure


def _map(errors: "pd.DataFrame", ridge: "pd.DataFrame", steps: int, axis: "Axes") -> None:
    """The median error over κ and p, the best κ, and where the law expects it."""
    from matplotlib.colors import LogNorm

    table = (-errors.groupby(["p", "kappa"])["log10_error"].median()).unstack("kappa")
    rates, kappas = table.index.to_numpy(), table.columns.to_numpy()
    values = np.clip(table.to_numpy(), CHANCE, None)
    shown = axis.pcolormesh(kappas, rates, values, shading="nearest", cmap="cividis",
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
             xlim=(kappas.min(), kappas.max()), title=f"(a) test error after {steps} steps, flips")
    _plain(axis.xaxis)
    _below(axis, 2)


def _times(times: "pd.DataFrame", log10_error: float, axis: "Axes") -> None:
    """Steps to the error: exact, of the law, of the mean field."""
    for number, (p, group) in enumerate(times.groupby("p")):
        by, colour = group.groupby("kappa"), COLOURS[number]
        kappas, middle = np.array(list(by.groups)), by["measured"].median()
        axis.errorbar(kappas, middle, [middle - by["measured"].min(), by["measured"].max() - middle], color=colour,
                      fmt=MARKERS[number], markersize=5, label=f"p = {p:g}")
        for column, style, name in (("law", "-", "law of the draw"), ("field", "--", "mean field")):
            axis.plot(kappas, by[column].median(), style, color=colour, label=None if number else name)
    axis.axvline(0.5, color="0.6", linestyle=":")
    axis.set(xscale="log", yscale="log", xlabel=KAPPA_LABEL, ylabel="steps",
             title=f"(b) steps to a test error of $10^{{{log10_error:g}}}$\nmarks: exact runs, median and range")
    _plain(axis.xaxis)
    _below(axis, 3)


def _laws(laws: "pd.DataFrame", axis: "Axes") -> None:
    """Measured against predicted T2; hollow: as if the variance counted."""
    for number, (name, group) in enumerate(laws.groupby("law", sort=False)):
        axis.plot(group["predicted"], group["T2"], MARKERS[number], color=COLOURS[number], markersize=5, label=name)
        axis.plot(group["by variance"], group["T2"], MARKERS[number], color=COLOURS[number], markersize=5,
                  markerfacecolor="none", alpha=0.6)
    ends = np.array([laws["T2"].min(), laws["T2"].max()])
    axis.plot(ends, ends, color="0.4", linestyle=":", label="equal")
    axis.set(xscale="log", yscale="log", xlabel="predicted steps: filled by Ψ, hollow from flips by the variance of ε",
             ylabel="first step with max γ ≥ 1 (steps)", title="(c) laws of ε with one resting output")
    _plain(axis.xaxis)
    _plain(axis.yaxis)
    _below(axis, 3)


def _schedules(schedules: "pd.DataFrame", steps: int, axis: "Axes") -> None:
    """Error over loss, one colour a κ, one marker a schedule; small: single runs."""
    kappas, names = schedules["kappa"].unique(), schedules["schedule"].unique()
    for (kappa, name), group in schedules.groupby(["kappa", "schedule"]):
        colour, marker = COLOURS[list(kappas).index(kappa)], MARKERS[list(names).index(name)]
        error = np.clip(-group["log10_error"], CHANCE, None)
        axis.plot(group["train_loss"], error, marker, color=colour, markersize=3, alpha=0.4)
        axis.plot(group["train_loss"].median(), error.median(), marker, color=colour, markersize=9,
                  markeredgecolor="black")
    for number, kappa in enumerate(kappas):
        axis.plot([], [], "o", color=COLOURS[number], linestyle="none", label=f"κ = {kappa:g}")
    for number, name in enumerate(names):
        axis.plot([], [], MARKERS[number], color="0.5", linestyle="none", label=name)
    axis.set(xscale="log", yscale="log", xlabel="training loss", ylabel="−log₁₀(test error)",
             title=f"(d) after {steps} steps; large: medians")
    _below(axis, 3)


def _plain(axis: "Axis") -> None:
    """Ticks of a logarithmic axis at 1, 2 and 5 times powers of ten, in plain figures."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.12g}".replace(",", " ")))
    axis.set_minor_locator(NullLocator())


def _below(axis: "Axes", columns: int) -> None:
    """The legend under the panel, off the data."""
    legend = axis.legend(fontsize=8, ncol=columns, loc="upper center", bbox_to_anchor=(0.5, -0.13),
                         handlelength=2.5)
    legend.get_frame().set_facecolor("0.75" if columns == 2 else "white")
