"""Panels of the picture of where the second-order law ends."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.core import style
from theorysim.core.intervals import Interval, typical
from theorysim.papers.second_order.figures.ends import KILLING
from theorysim.patch.algorithm import Flip
from theorysim.theory import second_order

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

CURVE = 60  # points of a predicted curve
SMALLEST_RATE = 0.01


def groups(runs: "pd.DataFrame", by: Sequence[str]) -> "Iterable[tuple[Any, pd.DataFrame]]":
    """Rows that agree in some columns, in the order in which they come first; keys are numbers, or tuples of them."""
    return runs.groupby(by[0] if len(by) == 1 else list(by), sort=False)


def times(axis: "Axes", runs: "pd.DataFrame") -> None:
    """T2 over κ, with the mean field's at the largest d and the law's."""
    largest = runs[runs["d"] == runs["d"].max()]
    for below in (True, False):
        middle = largest[(largest["kappa"] < KILLING) == below].groupby("kappa")[["field", "law"]].median()
        axis.plot(middle.index, middle["field"], "-", color=style.THEORY, label="mean field" if below else None)
        axis.plot(middle.index, middle["law"], "--", color=style.REFERENCE, label="law" if below else None)
    for number, (d, one) in enumerate(groups(runs, ["d"])):
        _points(axis, number, [(kappa, typical(cell["T2"].dropna())) for kappa, cell in groups(one, ["kappa"])],
                f"exact, d = {d:.0e}", hollow=True)
    axis.axvline(KILLING, color=style.REFERENCE, linestyle=":")
    axis.set(xscale="log", yscale="log", xlabel="κ = ησ_p²d/(nm)", ylabel="first step with max γ ≥ 1",
             title="κ through ½ (dotted)")
    _ticks(axis, [0.3, 0.5, 1, 2, 3])
    style.legend_below(axis)


def ratios(axis: "Axes", runs: "pd.DataFrame") -> None:
    """T2 over the mean field's, over √(n/d)/u."""
    runs = runs.assign(ratio=runs["T2"] / runs["field"])
    for number, ((m, u), start) in enumerate(groups(runs, ["m", "u"])):
        for kappa, one in groups(start, ["kappa"]):
            first = kappa == runs["kappa"].min()
            found = [(at, typical(cell["ratio"].dropna())) for at, cell in groups(one, ["overlap"])]
            _points(axis, number, found, f"m = {m}, u = {u:g}, κ = {kappa:g}", line="-" if first else "--",
                    hollow=not first)
    axis.axvline(1, color=style.REFERENCE, linestyle=":")
    axis.axhline(1, color=style.REFERENCE, linestyle=":")
    axis.set(xscale="log", xlabel="√(n/d)/u, u = σ_0σ_p√d", ylabel="T2, exact/mean field", title="dead memory reborn")
    axis.set_xlim(right=1.5 * max(1.0, runs["overlap"].max()))
    style.legend_below(axis)


def pulls(axis: "Axes", runs: "pd.DataFrame") -> None:
    """Ψ over p, of the shorter runs."""
    runs = runs[runs["steps"] == runs["steps"].min()]
    for number, (kappa, one) in enumerate(groups(runs, ["kappa"])):
        edge = second_order.extinct_flip_rate(kappa)
        rates = np.linspace(SMALLEST_RATE, edge, CURVE)[:-1]
        chain = [second_order.psi(kappa, second_order.law_of(Flip(p))) for p in rates]
        axis.plot([*rates, edge, 0.5], [*chain, 0.5 - edge, 0], color=style.COLOURS[number])
        _points(axis, number, [(p, typical(cell["psi"])) for p, cell in groups(one, ["p"])], f"κ = {kappa:g}, exact")
    axis.plot([0.3, 0.5], [0.2, 0], "--", color=style.REFERENCE, label="½ − p")
    axis.set(xlabel="flip probability p", ylabel="Ψ, growth of ln s over 2λn_j a step",
             title="p through ½ − κ/4; lines: predicted")
    axis.set_ylim(0, 1.3 * max(runs["psi"].max(), 0.01))
    style.legend_below(axis)


def growths(axis: "Axes", runs: "pd.DataFrame") -> None:
    """Growth of ln S − n_jSNR² ln F over SNR²."""
    at = np.linspace(runs["snr_squared"].min(), runs["snr_squared"].max(), CURVE)
    axis.plot(at, 1 - at, "-", color=style.THEORY, label="1 − SNR²")
    for number, (kappa, one) in enumerate(groups(runs, ["kappa"])):
        _points(axis, number, [(x, typical(cell["growth"])) for x, cell in groups(one, ["snr_squared"])],
                f"κ = {kappa:g}, exact", hollow=True)
    axis.axhline(0, color=style.REFERENCE, linestyle=":")
    axis.axvline(1, color=style.REFERENCE, linestyle=":")
    axis.set(xscale="log", xlabel="SNR²", ylabel="growth of ln S − n_jSNR² ln F,\nover 4κ²p(1−p)n_jSNR²",
             title="SNR² through 1\nbelow 0 label noise erases the signal")
    _ticks(axis, sorted(runs["snr_squared"].unique()))
    style.legend_below(axis)


def _points(
    axis: "Axes", number: int, found: Sequence[tuple[Any, Interval]], label: str, line: str = "", hollow: bool = False
) -> None:
    """Estimates with their intervals."""
    at, middle, low, high = np.array([(x, *one) for x, one in found], dtype=float).T
    axis.errorbar(at, middle, [middle - low, high - middle], markerfacecolor="none" if hollow else None,
                  label=label, **style.series(number) | {"linestyle": line or "none"})


def _ticks(axis: "Axes", at: Sequence[float]) -> None:
    axis.set_xticks(at, [f"{one:g}" for one in at])
    axis.minorticks_off()
