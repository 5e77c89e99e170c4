"""Where the second-order law ends: κ through ½ and beyond at finite d, p through ½ − κ/4, SNR² through 1."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theorysim.core import progress as bars
from theorysim.core import style
from theorysim.core.intervals import Interval, mean, typical
from theorysim.papers.second_order.figures import panels
from theorysim.papers.second_order.figures.ends import KILLING, Crossing, Erasure, Extinction, Rebirth
from theorysim.papers.second_order.figures.panels import groups
from theorysim.patch.algorithm import Flip
from theorysim.reproduce import Report, markdown
from theorysim.theory import second_order

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
FIRST_SEED = 200
NEAR = 0.1  # of T2 measured/mean field, about 1
SELDOM = 0.6  # of m√(n/d)/u, where births are few


def run(
    *, seeds: int = 10, progress: bool = False, crossing: Crossing = Crossing(), rebirth: Rebirth = Rebirth(),
    extinction: Extinction = Extinction(), erasure: Erasure = Erasure(),
) -> Report:
    """Make the runs of all four ends, and put what is predicted beside them."""
    import pandas as pd

    parts: dict[str, Any] = {"kappa": crossing, "rebirth": rebirth, "flips": extinction, "snr": erasure}
    chosen = range(FIRST_SEED, FIRST_SEED + seeds)
    cells = {name: list(part.cells()) for name, part in parts.items()}
    runs = {}
    with bars.bar(seeds * sum(map(len, cells.values())), progress, "run", "label-noise-transition") as bar:
        for name, part in parts.items():
            rows = []
            for cell in cells[name]:
                for seed in chosen:
                    rows.append(part.row(*cell, seed))
                    bar.update(1)
            runs[name] = pd.DataFrame(rows)
    summaries = {"kappa": _crossings(runs["kappa"]), "rebirth": _rebirths(runs["rebirth"]),
                 "flips": _pulls(runs["flips"]), "snr": _growths(runs["snr"])}
    return Report(
        name="label-noise-transition",
        title="Where the second-order law ends: κ = ½, p = ½ − κ/4, SNR = 1",
        text=f"Seeds {chosen[0]}..{chosen[-1]} for every setting. Unless said otherwise a number is a Hodges–Lehmann "
        "estimate over seeds with its 95% signed-rank interval (of fewer than six, the hull of Student's and all "
        "numbers). Times in steps.\n\n" + "\n\n".join([
            *_crossing_text(crossing, runs["kappa"], summaries["kappa"]),
            *_rebirth_text(rebirth, runs["rebirth"], summaries["rebirth"]),
            *_extinction_text(extinction, summaries["flips"]),
            *_erasure_text(erasure, summaries["snr"])]),
        tables={f"{name}{kind}": frames[name] for name in parts
                for kind, frames in (("-runs", runs), ("", summaries))},
        figure=picture(runs),
    )


def picture(runs: "Mapping[str, pd.DataFrame]") -> Any:
    """A panel for each end, of its runs by name."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.PAGE, 7.4), layout="constrained")
    axes = figure.subplots(2, 2).ravel()
    for name, draw, axis in zip(runs, (panels.times, panels.ratios, panels.pulls, panels.growths), axes, strict=True):
        draw(axis, runs[name])
    style.panel_letters(axes)
    return figure


def _told(found: Interval, form: str = "0.3g") -> str:
    """Value [low, high]; one number has no interval."""
    value, low, high = (f"{one:.0f}" if abs(one) >= 1000 else f"{one:{form}}" for one in found)
    return value if np.isnan(found.low) else f"{value} [{low}, {high}]"


def _typical(values: ArrayLike, form: str = "0.3g") -> str:
    """Of what is known, and how many are not."""
    given = np.asarray(values, dtype=float)
    known = given[np.isfinite(given)]
    note = f"; {known.size} of {given.size}" if known.size < given.size else ""
    return f"{_told(typical(known), form)}{note}" if known.size else "–"


def _counts(values: ArrayLike) -> str:
    """The mean of what is at least 0, as its true mean is."""
    found = mean(values)
    return _told(Interval(found.value, np.maximum(found.low, 0.0), found.high))


def _spread(values: "pd.Series[float]") -> str:
    return f"{values.median():.2f} [{values.min():.2f}, {values.max():.2f}]"


def _crossings(runs: "pd.DataFrame") -> "pd.DataFrame":
    """By d and κ."""
    import pandas as pd

    return pd.DataFrame([
        {"d": f"{d:.0e}", "κ": kappa, "T2": _typical(one["T2"]),
         "T2/mean field": _typical(one["T2"] / one["field"], "0.3f"),
         "T2/law": _typical(one["T2"] / one["law"], "0.3f"), "deaths": _counts(one["deaths"]),
         "births": _counts(one["births"]), "alive": _counts(one["alive"])}
        for (d, kappa), one in groups(runs, ["d", "kappa"])])


def _rebirths(runs: "pd.DataFrame") -> "pd.DataFrame":
    """By κ, m, u and √(n/d)/u."""
    import pandas as pd

    return pd.DataFrame([
        {"κ": kappa, "√(n/d)/u": overlap, "start": f"m = {m}, u = {u:g}", "d": f"{one['d'].iloc[0]:.2g}",
         "deaths": _counts(one["deaths"]), "births": _counts(one["births"]),
         "T2/mean field": _typical(one["T2"] / one["field"], "0.3f")}
        for (kappa, overlap, m, u), one in groups(runs, ["kappa", "overlap", "m", "u"])])


def _pulls(runs: "pd.DataFrame") -> "pd.DataFrame":
    """By κ and p."""
    import pandas as pd

    return pd.DataFrame([
        {"κ": kappa, "p": p, "steps": steps,
         "memory": str(second_order.phase(kappa, second_order.law_of(Flip(p)))),
         "F at the end": f"{one['memory'].median():.2g}", "Ψ predicted": f"{one['predicted'].iloc[0]:.4f}",
         "½ − p": f"{0.5 - p:.3f}", "Ψ measured": _typical(one["psi"], "0.4f"),
         "measured/predicted": _typical(one["psi"] / one["predicted"], "0.3f")}
        for (kappa, p, steps), one in groups(runs, ["kappa", "p", "steps"])])


def _growths(runs: "pd.DataFrame") -> "pd.DataFrame":
    """By SNR²: at every κ, extrapolated from the smallest two, and the signal's share at the smallest."""
    import pandas as pd

    rows = []
    for snr_squared, one in groups(runs, ["snr_squared"]):
        growth = one.pivot(index="seed", columns="kappa", values="growth")
        last = one[one["kappa"] == one["kappa"].min()]
        rows.append({"SNR²": snr_squared, "1 − SNR²": f"{one['predicted'].iloc[0]:.2f}"}
                    | {f"κ = {kappa:g}": _typical(growth[kappa], "0.3f") for kappa in growth}
                    | {"κ → 0": _typical(_extrapolated(growth), "0.3f"),
                       "S/(S + F), first": _spread(last["share_first"]), "last": _spread(last["share_last"])})
    return pd.DataFrame(rows)


def _extrapolated(growth: "pd.DataFrame") -> Array:
    """At κ = 0 by a line through the two smallest κ, for every seed."""
    low, high = sorted(map(float, growth.columns))[:2]
    found: Array = np.asarray((high * growth[low] - low * growth[high]) / (high - low))
    return found


def _crossing_text(of: Crossing, runs: "pd.DataFrame", table: "pd.DataFrame") -> list[str]:
    largest = runs[runs["d"] == runs["d"].max()]
    medians = (largest["T2"] / largest["field"]).groupby(largest["kappa"]).median()
    beyond, before = medians[medians.index > KILLING], medians[medians.index < KILLING]
    return [
        "## κ through ½",
        f"n·SNR² = {of.n_snr2:g}, p = {of.p:g}, n = {of.n}, m = {of.m}, u = σ_0σ_p√d = {of.scale:g}. T2 is the first "
        "step with max γ ≥ 1. Mean field: same draw, same flips. Law: min over classes of `second_stage`, Ψ of the "
        "stationary chain for κ < ½, ½ − p throughout beyond. Deaths and births per sample up to T2: of the memory of "
        "a sample, the active filters of its own branch, which loses its last or finds one again. Alive: share of "
        "samples with a memory at T2. Means over seeds with 95% intervals.",
        markdown(table),
        f"At d = {runs['d'].max():.0e} the medians of T2/mean field are {_range(beyond)} for κ > ½, within {NEAR:.0%} "
        f"at {int((abs(beyond - 1) <= NEAR).sum())} of {len(beyond)} values of κ, and {_range(before)} for κ < ½.",
    ]


def _range(medians: "pd.Series[float]") -> str:
    return f"{medians.min():.3f} to {medians.max():.3f}" if len(medians) else "–"


def _rebirth_text(of: Rebirth, runs: "pd.DataFrame", table: "pd.DataFrame") -> list[str]:
    shown = {name: table.pivot(index=["κ", "√(n/d)/u"], columns="start", values=name).reindex(
        columns=table["start"].unique()).reset_index() for name in ("births", "T2/mean field")}
    return [
        "## Dead memory reborn",
        f"n·SNR² = {of.n_snr2:g}, p = {of.p:g}, n = {of.n}; d such that √(n/d)/u, overlap of noise vectors over the "
        "size of a filter's product at the start, is as said. Births per sample up to T2:",
        markdown(shown["births"]),
        f"Of cells with m√(n/d)/u ≤ {SELDOM:g}, births over m√(n/d)/u: {'; '.join(_slopes(runs))}. T2/mean field:",
        markdown(shown["T2/mean field"]),
    ]


def _slopes(runs: "pd.DataFrame") -> list[str]:
    """Births over m√(n/d)/u where they are few, by κ and m: sums over cells, seed by seed."""
    reach = runs["m"] * runs["overlap"]
    few = runs.assign(reach=reach)[reach <= SELDOM].sort_values(["kappa", "m"], kind="stable")
    said = []
    for (kappa, m), one in groups(few, ["kappa", "m"]):
        sums = one.groupby("seed")[["births", "reach"]].sum()
        said.append(f"{_counts(sums['births'] / sums['reach'])} (κ = {kappa:g}, m = {m})")
    return said


def _extinction_text(of: Extinction, table: "pd.DataFrame") -> list[str]:
    problem = of.problem
    ends = ", ".join(f"{second_order.extinct_flip_rate(kappa):.4f} (κ = {kappa:g})" for kappa in of.kappas)
    return [
        "## p through ½ − κ/4",
        f"n = {problem.n}, m = {problem.m}, d = {problem.d:.0e}, n·SNR² = {problem.n_snr2:g}, u = "
        f"{problem.init_scale:g}. Ψ measured: growth of ln s over 2λn_j, both classes, over the last three quarters of "
        f"the steps. {of.longer} times as many steps, with n·SNR² so many times smaller, at the p nearest to where "
        "memory dies out. Predicted: the stationary chain below that p, ½ − p beyond; (1−p) ln(1+κ) + p ln(1−κ) = 0 "
        f"at p = {ends}. F: mean over samples at the last step, median over seeds.",
        markdown(table),
    ]


def _erasure_text(of: Erasure, table: "pd.DataFrame") -> list[str]:
    return [
        "## SNR² through 1",
        f"n = {of.n}, m = {of.m}, p = {of.p:g}, d = {of.d:.0e}, u = {of.scale:g}. Growth of Σ_j (ln S_j − SNR² "
        "Σ_{i∈j} ln F_i) in units of 4κ²p(1−p)·n·SNR² a step: 1 − SNR² to leading order in κ. From step 10/κ to "
        "8/(κ² max(1, SNR² − 1)). κ → 0: a line through the two smallest κ, seed by seed. S/(S + F) at the first and "
        "the last of these steps at the smallest κ: mean over samples; median [smallest, largest] of seeds.",
        markdown(table),
    ]
