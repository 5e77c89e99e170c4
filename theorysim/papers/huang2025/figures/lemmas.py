"""Every statement of Huang et al. 2025, counted over seeds: inside Assumption 3.1, and outside at three steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.check import CheckReport, check
from theorysim.core import progress as bars
from theorysim.core import style
from theorysim.patch.algorithm import Flip, GradientDescent
from theorysim.patch.problem import SignalNoise
from theorysim.reproduce import Report, markdown
from theorysim.systems import simulate

if TYPE_CHECKING:
    import pandas as pd

INSIDE = SignalNoise(n=10, d=10**5, m=150, signal_norm=0.3, noise_std=1.0, init_std=0.002)  # all of Assumption 3.1
OUTSIDE = SignalNoise(n=20, d=10**4, m=10, signal_norm=1.0, noise_std=1.0, init_std=1e-4).replace(n_snr2=0.5)
RATES = (0.02, 0.1, 0.3)  # κ = ησ_p²d/(nm) of the runs outside
P_INSIDE, P_OUTSIDE = 0.3, 0.1
STEPS_INSIDE, STEPS_OUTSIDE = 20_000, 6000


@dataclass(frozen=True)
class Case:
    """Runs of both algorithms on one problem, at one step."""

    name: str
    problem: SignalNoise
    lr: float
    p: float
    steps: int


def run(
    *, seeds: int = 10, progress: bool = False, inside: SignalNoise = INSIDE, outside: SignalNoise = OUTSIDE,
    rates: Sequence[float] = RATES, steps: tuple[int, int] = (STEPS_INSIDE, STEPS_OUTSIDE),
) -> Report:
    """Check both algorithms in every setting, at every step that may be recorded, and count over seeds."""
    cases = _cases(inside, outside, rates, steps)
    reports = _checks(cases, seeds, progress)
    table = _table(reports)
    return Report(
        name="huang2025-lemmas",
        title="Every statement of Huang et al. 2025, counted over seeds",
        text=_text(cases, seeds) + "\n\n" + markdown(table),
        tables={"statements": table} | {f"check-{_slug(name)}": one.table for name, one in reports.items()},
        figure=picture(table),
    )


def _cases(
    inside: SignalNoise, outside: SignalNoise, rates: Sequence[float], steps: tuple[int, int],
) -> list[Case]:
    unit = outside.n * outside.m / (outside.noise_std**2 * outside.d)
    first = Case("inside", inside, 1 / (inside.noise_std**2 * inside.d), P_INSIDE, steps[0])
    return [first, *(Case(f"κ = {rate:g}", outside, rate * unit, P_OUTSIDE, steps[1]) for rate in rates)]


def _checks(cases: Sequence[Case], seeds: int, progress: bool) -> dict[str, CheckReport]:
    """One report for each setting and algorithm."""
    found = {}
    with bars.bar(2 * len(cases), progress, "setting", "huang2025-lemmas") as bar:
        for case in cases:
            for algorithm, noise in (("GD", None), ("label noise", Flip(case.p))):
                runs = [simulate(case.problem, GradientDescent(case.lr, noise), case.steps, seed)
                        for seed in range(seeds)]
                found[f"{case.name}, {algorithm}"] = check(runs, "huang2025", replay=True)
                bar.update(1)
    return found


def _slug(name: str) -> str:
    return name.replace("κ = ", "").replace(", ", "-").replace(" ", "-")


def _table(reports: dict[str, CheckReport]) -> "pd.DataFrame":
    """In how many runs each statement is true, of those compared, and where a regime or a record is missing."""
    import pandas as pd

    columns = {}
    for name, report in reports.items():
        kept = report.table[~report.table["statement"].str.contains("assumption|low_snr")]
        names, *values = (kept[column] for column in ("statement", "verdict", "holds", "compared"))
        cells = [_cell(*row) for row in zip(*values, strict=True)]
        columns[name] = pd.Series(cells, index=names.str.removeprefix("huang2025."))
    order = dict.fromkeys(one for column in columns.values() for one in column.index)
    return pd.DataFrame(columns).reindex(list(order)).fillna("").rename_axis("statement").reset_index()


def _cell(verdict: str, holds: int, compared: int) -> str:
    if not compared:
        return verdict
    note = {"holds": "", "outside regime": " (outside)"}.get(verdict, f" ({verdict})")
    return f"{holds} of {compared}{note}"


def _text(cases: Sequence[Case], seeds: int) -> str:
    first, second = cases[0], cases[-1]
    return "\n\n".join([
        f"Seeds 0..{seeds - 1}, constants 1, made again so that every step that may be recorded is compared.",
        f"Inside: every item of Assumption 3.1 with constants 1. {_told(first)}.",
        f"Outside, at κ = ησ_p²d/(nm) as in the heading: {_told(second)}.",
        "\"9 of 10\": true in nine of the ten runs in which it was compared; (outside): a condition is not met; "
        "(violated): a claim about every run, or too few for the probability claimed, by the exact interval.",
    ])


def _told(case: Case) -> str:
    p = case.problem
    return (f"n = {p.n}, d = {p.d}, m = {p.m}, n·SNR² = {p.n_snr2:.3g}, σ_0σ_p√d = "
            f"{p.init_std * p.noise_std * np.sqrt(p.d):.3g}, flips with p = {case.p:g}, {case.steps} steps")


def picture(table: "pd.DataFrame") -> Any:
    """The share of runs in which each statement is true, as a chart of squares."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.PAGE, 9.6), layout="constrained")
    axis, names = figure.subplots(), [str(name) for name in table.columns[1:]]
    shares = np.array([[_share(cell) for cell in row] for row in table[names].to_numpy()])
    mesh = axis.pcolormesh(np.ma.masked_invalid(shares), cmap=style.SHARE, vmin=0, vmax=1, edgecolors="w",
                           linewidth=0.5)
    axis.set_xticks(np.arange(len(names)) + 0.5, names, rotation=45, ha="right")
    axis.set_yticks(np.arange(len(table)) + 0.5, table["statement"])
    axis.set(title="share of runs in which a statement is true\nwhite: not about these, or not compared",
             xlabel="setting and algorithm", ylabel="statement")
    axis.invert_yaxis()
    axis.figure.colorbar(mesh, ax=axis, label="share of runs in which it is true", shrink=0.5)
    return figure


def _share(cell: str) -> float:
    holds, found, rest = cell.partition(" of ")
    return float(holds) / float(rest.split()[0]) if found else float("nan")
