"""What the study of regularisers says in words and tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.core.intervals import interval, mean
from theorysim.papers.huang2025.figures.regularisers_rows import LEARNED, N_TEST, SPAN
from theorysim.papers.huang2025.figures.regularisers_rules import FIG2_KAPPA, Choice
from theorysim.patch.problem import SignalNoise
from theorysim.reproduce import markdown
from theorysim.sweep.crossing import Crossing

if TYPE_CHECKING:
    import pandas as pd

SOLVED = 0.01  # test error of the settings of the review


@dataclass(frozen=True)
class Study:
    """What the text has to say of how it was made."""

    problem: SignalNoise
    seeds: range
    build: str
    budget: int
    review_budget: int
    level: float
    edge: str


def text(
    of: Study, chosen: Sequence[Choice], lines: Mapping[str, tuple[Crossing, Crossing]],
    tables: "Mapping[str, pd.DataFrame]", order: Sequence[str],
) -> str:
    """All of it; tables have the rules in an order."""
    problem, scan, high, review = of.problem, tables["scan"], tables["high"], tables["review"]
    seeds = f"{of.seeds[0]}..{of.seeds[-1]}"
    return "\n\n".join([
        f"d = {problem.d}, m = {problem.m}, σ_p = {problem.noise_std:g}, σ_0 = {problem.init_std:g}, "
        f"q = {problem.q:g}, true labels, orthogonal noise, {of.budget} gradient evaluations for every rule: a step "
        "takes one, of SAM two, of a batch of B B/n. (Early stopping takes fewer; its 1000 validation samples are not "
        f"counted.) κ = ησ_p²d/(nm), {FIG2_KAPPA:g} in Figure 2 at η = 1. Test error: fresh noise, {N_TEST} vectors, "
        "both labels on each; ½ for a network that diverged.",
        "## Strengths",
        f"The best of all combinations of strengths and steps by the mean test error over {of.build}; and the best at "
        "the step of Figure 2.",
        markdown(_choices(tables["choices"])),
        f"All that follows has seeds {seeds}, with random numbers of their own in every cell, common to its rules. "
        f"“{chosen[-1].rule.name}”: {chosen[-1]}; “{chosen[-2].rule.name}”: {chosen[-2]}.",
        "## Where the signal is learned",
        f"n·SNR² at which the mean test error falls below {of.level:g}, and where it rises above it again, with 95% "
        f"intervals (±∞ where they leave the cells from {scan['n_snr2'].min():.3g} to {scan['n_snr2'].max():.3g}); and "
        "the exponent in n of the SNR at which it falls, −½ where n·SNR² decides.",
        markdown(_boundary(lines, tables["boundary"], scan, order, of.level)),
        f"## Error, loss and time at n = {scan['n'].max()}",
        "Error: mean with its 95% interval over seeds. Loss: median [smallest, largest], against the true labels. "
        "Time: gradient evaluations to the first look (a factor √2 apart) with a test error of at most "
        f"{LEARNED:g}, median [smallest, largest] of the seeds that come to it.",
        *(part for x in _shown(scan) for part in (f"n·SNR² = {x:g}:", markdown(_cell(scan, x, order)))),
        f"## Where gradient descent learns, n = {high['n'].max()}",
        "log₁₀ of the test error, however small, median [smallest, largest] over seeds. (Of errors too rare to be "
        "counted it is an estimate, of the largest ones of the order of the logarithm.)",
        markdown(_high(high, order)),
        "## Label smoothing at large steps",
        f"{of.edge}, {of.budget} steps, seeds {seeds}. κ* = 1/(2f*p(1 − p)), p = a/2 and f* = ln((1 − p)/p), is "
        "the step beyond which the resting output of a memory is unstable (derived, a memory alone). Error, and swing "
        f"of the largest training output over the last {SPAN} steps: median [smallest, largest].",
        markdown(_edge(tables["edge"])),
        "## The settings of the public review",
        f"n = {problem.n}, d = {problem.d}, ‖μ‖ = {problem.signal_norm:g}, {of.review_budget} gradient evaluations, "
        f"seeds {of.seeds[0]}..{of.seeds[0] + 2 * len(of.seeds) - 1}. Label noise has p = 0.1, smoothing the same "
        f"mean, SAM ρσ_p√d/(m√n) = 0.1. Solved: test error at most {SOLVED:g}, with an exact 95% interval. Error and "
        "loss: median [smallest, largest] of the runs that did not diverge.",
        markdown(_review(review)),
    ])


def _choices(table: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    def said(row: Any, of: str) -> str:
        strength, kappa = row[f"{of}_strength"], row[f"{of}_kappa"]
        if np.isnan(kappa):
            return "–"
        return (f"{row['symbol']} = {strength:.3g}, " if row["symbol"] else "") + f"κ = {kappa:g}"

    return pd.DataFrame([{
        "rule": row["rule"], "choices": row["choices"], "best": said(row, "best"),
        "test error": f"{row['best_error']:.3f}", "at an end of its grid": "yes" if row["at_edge"] else "no",
        "best at Figure 2's step": said(row, "fig2"),
        "test error there": "–" if np.isnan(row["fig2_error"]) else f"{row['fig2_error']:.3f}",
    } for _, row in table.iterrows()])


def _boundary(
    lines: Mapping[str, tuple[Crossing, Crossing]], boundary: "pd.DataFrame", scan: "pd.DataFrame",
    order: Sequence[str], level: float,
) -> "pd.DataFrame":
    import pandas as pd

    least = scan.groupby(["algorithm", "n", "n_snr2"])["test_error"].mean().groupby(["algorithm", "n"]).min()
    ends = scan["n_snr2"].min(), scan["n_snr2"].max()
    table = []
    for name in order:
        row, again = {"rule": name}, []
        points: Any = boundary[boundary["algorithm"] == name].itertuples()
        for point in points:
            if point.side == "falls":
                nowhere = f"< {ends[0]:.3g}" if least[name, point.n] < level else f"> {ends[1]:.3g}"
                row[f"n = {point.n:.0f}"] = nowhere if np.isnan(point.crossing) else _place(point)
            elif not np.isnan(point.crossing):
                again.append(f"n = {point.n:.0f}: {_place(point)}")
        slope, low, high = lines[name][0].exponent  # of n·SNR², so that SNR has (slope − 1)/2
        row["exponent of SNR"] = "–" if np.isnan(slope) else "{:.2f} [{:.2f}, {:.2f}]".format(
            *((one - 1) / 2 for one in (slope, low, high)))
        table.append(row | {"rises again at": "; ".join(again) or "–"})
    return pd.DataFrame(table)


def _place(point: Any) -> str:
    return f"{point.crossing:.3g} [{point.low:.3g}, {point.high:.3g}]"


def _shown(scan: "pd.DataFrame") -> tuple[float, ...]:
    """The middle and the largest of the values of n·SNR²."""
    values = np.unique(scan["n_snr2"])
    return tuple(dict.fromkeys((float(values[len(values) // 2]), float(values[-1]))))


def _range(values: Any, form: str = ".3g") -> str:
    """Median, smallest, largest."""
    known = np.asarray(values, dtype=float)
    if not known.size:
        return "–"
    return f"{np.median(known):{form}} [{known.min():{form}}, {known.max():{form}}]"


def _time(values: "pd.Series[float]") -> str:
    known = values.dropna()
    return _range(known, ".0f") + (f"; {len(known)} of {len(values)}" if 0 < len(known) < len(values) else "")


def _cell(scan: "pd.DataFrame", n_snr2: float, order: Sequence[str]) -> "pd.DataFrame":
    import pandas as pd

    table, here = [], scan[(scan["n"] == scan["n"].max()) & (scan["n_snr2"] == n_snr2)]
    for name in order:
        mine = here[here["algorithm"] == name]
        found = mean(mine["test_error"])
        table.append({
            "rule": name, "test error": f"{found.value:.3f} [{max(found.low, 0):.3f}, {min(found.high, 1):.3f}]",
            "diverged": int(mine["diverged"].sum()), "training loss": _range(mine["train_loss"], ".2g"),
            "time": _time(mine["learned_at"])})
    return pd.DataFrame(table)


def _high(high: "pd.DataFrame", order: Sequence[str]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame([
        {"n·SNR²": f"{x:g}", "rule": name, "log₁₀(test error)": _range(mine["log10_error"]),
         "diverged": int(mine["diverged"].sum()), "training loss": _range(mine["train_loss"], ".2g"),
         "time": _time(mine["learned_at"])}
        for x, here in high.groupby("n_snr2") for name in order
        for mine in [here[here["algorithm"] == name]] if len(mine)])


def _edge(edge: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame([
        {"a": a, "κ/κ*": ratio, "κ": f"{mine['kappa'].iloc[0]:.3g}", "test error": _range(mine["test_error"]),
         "diverged": int(mine["diverged"].sum()), "swing of the output": _range(mine["swing"], ".2g")}
        for (a, ratio), mine in edge.groupby(["a", "ratio"], sort=False)])


def _review(review: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    table = []
    for (m, std, lr, kappa), here in review.groupby(["m", "noise_std", "lr", "kappa"], sort=False):
        for name, mine in here.groupby("algorithm", sort=False):
            hits, left = int((mine["test_error"] <= SOLVED).sum()), mine[~mine["diverged"]]
            low, high = interval(hits, len(mine))
            table.append({
                "m": m, "σ_p": std, "η": lr, "κ": f"{kappa:.3g}", "rule": name,
                "solved": f"{hits} of {len(mine)} [{low:.2f}, {high:.2f}]", "diverged": len(mine) - len(left),
                "test error": _range(left["test_error"]), "training loss": _range(left["train_loss"], ".2g")})
    return pd.DataFrame(table)
