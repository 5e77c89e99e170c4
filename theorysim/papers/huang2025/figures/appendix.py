"""Appendix G.3 and G.4 of Huang et al. 2025: other laws of label noise, other powers; and the loss level of Figure 2.

Beside each run are what the second-order law of the draw (q = 2) and the mean field say of its T2. What a figure of the
paper does not state is an argument here, and its report says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.core import style
from theorysim.core.intervals import typical
from theorysim.core.progress import bar as progress_bar
from theorysim.core.status import Status
from theorysim.mean_field import MeanField
from theorysim.papers.huang2025.figures.fig2 import PAPER
from theorysim.patch.algorithm import Flip, Gaussian, GradientDescent, LabelNoise, Uniform
from theorysim.patch.draw import Draw
from theorysim.patch.problem import SignalNoise
from theorysim.patch.run import PatchRun
from theorysim.reproduce import Report, markdown
from theorysim.systems import simulate
from theorysim.theory import second_order

if TYPE_CHECKING:
    import pandas as pd

FIRST_SEED = 600
LEARNED = 1.0  # of max γ
LATE = 0.75  # of a run, from where on losses are averaged
LOOKS = 200  # records of that part
NONE = "none"  # label noise


@dataclass(frozen=True)
class Cell:
    """A setting of the appendix: where it stands there, the problem, the step size and the law of ε."""

    figure: str
    problem: SignalNoise
    lr: float
    label_noise: LabelNoise | None

    @property
    def algorithm(self) -> GradientDescent:
        """Plain gradient descent with these multipliers."""
        return GradientDescent(self.lr, self.label_noise)

    def row(self, seed: int, steps: int) -> dict[str, Any]:
        """One run, with the losses of its last quarter and the T2 that is predicted of its draw."""
        late = np.unique(np.linspace(LATE * steps, steps, min(LOOKS, steps), dtype=int))
        run = simulate(self.problem, self.algorithm, steps, seed, record_at=late, on_failure="return")
        done = run.status == Status.COMPLETED
        own = losses(run) if done else (np.nan, np.nan)
        return {
            "figure": self.figure, "q": self.problem.q, "sigma_0": self.problem.init_std, "lr": self.lr,
            "noise": _name(self.label_noise), "seed": seed, "status": run.status,
            "test accuracy": 1 - run.test_error(method="monte-carlo").value if done else np.nan,
            "gamma": float(run.column("gamma_max")[-1]) if done else np.nan,
            "rho/gamma": float(run.column("rho_bar_max")[-1] / run.column("gamma_max")[-1]) if done else np.nan,
            "loss, true labels": own[0], "loss, with its multipliers": own[1],
            "T2": _first(run.column("gamma_max")), **self._predicted(run.draw, seed, steps),
        }

    def _predicted(self, draw: Draw, seed: int, steps: int) -> dict[str, float]:
        if self.label_noise is None:
            return dict.fromkeys(("T2 of the law", "T2 of the mean field"), np.nan)
        law = np.nan
        if self.problem.q == 2:
            law = second_order.predicted(self.problem, self.algorithm, draw, threshold=LEARNED).T2
        field = simulate(MeanField.of(self.problem), self.algorithm, steps, seed, draw=draw, record_at=(),
                         until=_learned, on_failure="return")
        return {"T2 of the law": law, "T2 of the mean field": _first(field.column("gamma_max"))}


def _name(law: LabelNoise | None) -> str:
    """A law of ε in a table."""
    if law is None:
        return NONE
    if isinstance(law, Flip):
        return f"flips, p = {law.p:g}"
    if isinstance(law, Gaussian):
        return f"N({law.mean:g}, {law.std**2:g})"
    return f"U[{law.low:g}, {law.high:g}]"


def _learned(seen: Mapping[str, Any]) -> Any:
    return seen["gamma_max"] >= LEARNED


def _first(gamma: Any) -> float:
    """The first step with max γ ≥ 1; NaN where there is none."""
    reached = np.flatnonzero(gamma >= LEARNED)
    return float(reached[0]) if reached.size else np.nan


def losses(run: PatchRun) -> tuple[float, float]:
    """Mean of log(1 + e^{−y f}), and of log(1 + e^{−εy f}) with the multipliers of the step, over records but the last.

    The first is the loss on the labels, the second that which a step with label noise descends.
    """
    steps = run.steps_recorded[:-1]
    steps = steps[steps >= LATE * run.steps]
    noise = run.label_multipliers()
    margins = np.stack([run.draw.labels * run.outputs(int(step)) for step in steps])
    return float(np.logaddexp(0, -margins).mean()), float(np.logaddexp(0, -noise[steps] * margins).mean())


# --- Appendix G.3 -----------------------------------------------------------------------------------------------

LAWS: tuple[tuple[str, LabelNoise | None], ...] = (
    ("2", None), ("2", Flip(0.1)), ("8", Flip(0.3)), ("9", Flip(0.4)), ("10", Gaussian(1.0, 1.0)),
    ("11", Gaussian(0.6, 1.0)), ("12", Uniform(-1.0, 2.0)), ("13", Uniform(-2.0, 3.0)),
)


def noise_laws(
    *, seeds: int = 10, progress: bool = False, paper: SignalNoise = PAPER, lrs: Sequence[float] = (0.5, 1.0),
    steps: int = 2000, level_lrs: Sequence[float] = (0.5, 1.0, 2.0, 4.0), level_flips: Sequence[float] = (0.1, 0.2),
) -> Report:
    """All laws of Appendix G.3 at the setting of Figure 2, and the loss level of Figure 2 over steps and flips."""
    cells = [Cell(figure, paper, lr, law) for lr in lrs for figure, law in LAWS]
    asked = {(lr, law) for lr in lrs for _, law in LAWS}
    more = [Cell("2", paper, lr, Flip(p)) for p in level_flips for lr in level_lrs if (lr, Flip(p)) not in asked]
    runs = _rows([*cells, *more], seeds, steps, "huang2025-noise-laws", progress)
    main = runs.iloc[: seeds * len(cells)]
    flips = runs[runs["noise"].isin([_name(Flip(p)) for p in level_flips]) & runs["lr"].isin(level_lrs)]
    summary, levels = _summary(main, ["figure", "lr", "noise"]), _levels(flips)
    return Report(
        name="huang2025-noise-laws",
        title="Other laws of label noise (Huang et al. 2025, Appendix G.3), and the loss level of Figure 2",
        text="\n\n".join([
            f"n = {paper.n}, d = {paper.d}, m = {paper.m}, ‖μ‖ = {paper.signal_norm:g}, σ_p = {paper.noise_std:g}, "
            f"{steps} steps, the setting of Figure 2 as the appendix gives none; σ_0 = {paper.init_std:g} is chosen. "
            + _told(seeds),
            markdown(summary),
            "**Loss level of Figure 2** (\"around 0.5\"). Mean of the last quarter of the steps, over seeds; expected "
            "at rest: outputs f* = log((1−p)/p) give −log(1−p) on the labels and the entropy −p log p − (1−p) log(1−p) "
            "on labels with their flips.",
            markdown(levels),
        ]),
        tables={"runs": runs, "summary": summary, "levels": levels},
        figure=laws_picture({"runs": runs}),
    )


def _levels(runs: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    rows = []
    for (noise, lr), group in runs.groupby(["noise", "lr"], sort=True):
        p = float(str(noise).rpartition(" ")[2])
        rows.append({
            "p": p, "η": lr,
            **{name: _interval(group[f"loss, {name}"]) for name in ("true labels", "with its multipliers")},
            "expected, true labels": f"{-np.log1p(-p):.3g}",
            "expected, with flips": f"{-p * np.log(p) - (1 - p) * np.log1p(-p):.3g}",
        })
    return pd.DataFrame(rows)


# --- Appendix G.4 -----------------------------------------------------------------------------------------------

POWERS: tuple[tuple[str, SignalNoise, float], ...] = (
    ("14", PAPER.replace(q=3), 0.5),
    ("15", PAPER.replace(q=4, n=50, signal_norm=5.0), 0.1),
)


def powers(
    *, seeds: int = 10, progress: bool = False, settings: Iterable[tuple[str, SignalNoise, float]] = POWERS,
    starts: Sequence[float] = (0.01, 0.03, 0.1), p: float = 0.1, steps: int = 6000,
) -> Report:
    """q = 3 and q = 4, with and without label noise, from starts of several sizes."""
    chosen = list(settings)
    cells = [Cell(figure, problem.replace(init_std=start), lr, law) for figure, problem, lr in chosen
             for start in starts for law in (None, Flip(p))]
    runs = _rows(cells, seeds, steps, "huang2025-powers", progress)
    summary = _summary(runs, ["figure", "q", "sigma_0", "lr", "noise"])
    told = "; ".join(f"Figure {figure}: q = {one.q:g}, n = {one.n}, m = {one.m}, ‖μ‖ = {one.signal_norm:g}, σ_p = "
                     f"{one.noise_std:g}, η = {lr:g}" for figure, one, lr in chosen)
    return Report(
        name="huang2025-powers",
        title="Higher powers of ReLU (Huang et al. 2025, Appendix G.4)",
        text=f"{told}. Not stated there, and chosen: d = {chosen[0][1].d}, p = {p:g}, {steps} steps, σ_0. "
        f"{_told(seeds)} The law of the draw is for q = 2; the mean field for any q.\n\n" + markdown(summary),
        tables={"runs": runs, "summary": summary},
        figure=powers_picture({"runs": runs}),
    )


# --- both -------------------------------------------------------------------------------------------------------


def _told(seeds: int) -> str:
    return (f"Seeds {FIRST_SEED}..{FIRST_SEED + seeds - 1}. Numbers are Hodges–Lehmann estimates over seeds with 95% "
            "signed-rank intervals (of fewer than six, the hull of Student's and all numbers); test accuracy as median "
            "[smallest, largest], of runs that completed, on 10⁵ fresh noise vectors each. T2 is the first step with "
            "max γ ≥ 1.")


def _rows(cells: Sequence[Cell], seeds: int, steps: int, name: str, progress: bool) -> "pd.DataFrame":
    import pandas as pd

    rows = []
    with progress_bar(seeds * len(cells), progress, "run", name) as bar:
        for cell in cells:
            for seed in range(FIRST_SEED, FIRST_SEED + seeds):
                rows.append(cell.row(seed, steps))
                bar.update(1)
    return pd.DataFrame(rows)


def _summary(runs: "pd.DataFrame", by: Sequence[str]) -> "pd.DataFrame":
    """A line for each setting."""
    import pandas as pd

    rows = []
    for key, group in runs.groupby(list(by), sort=False):
        known = group.dropna(subset=["T2", "T2 of the mean field"])
        accuracy = group["test accuracy"].dropna()
        rows.append(dict(zip(by, key, strict=True)) | {
            "completed": f"{(group['status'] == Status.COMPLETED).sum()} of {len(group)}",
            "test accuracy": f"{accuracy.median():.3f} [{accuracy.min():.3f}, {accuracy.max():.3f}]"
            if len(accuracy) else "–",
            "max ρ̄/max γ": _interval(group["rho/gamma"]), "loss, true labels": _interval(group["loss, true labels"]),
            "T2": f"{_interval(group['T2'])}; {group['T2'].notna().sum()} of {len(group)}",
            "T2/law of the draw": _interval(known["T2"] / known["T2 of the law"]),
            "T2/mean field": _interval(known["T2"] / known["T2 of the mean field"]),
        })
    return pd.DataFrame(rows)


def _interval(values: "pd.Series[float]") -> str:
    """Hodges–Lehmann estimate and its interval, of what is known."""
    known = values[np.isfinite(values)]
    if known.empty:
        return "–"
    middle, low, high = typical(known.to_numpy())
    return f"{middle:.3g}" if np.isnan(low) else f"{middle:.3g} [{low:.3g}, {high:.3g}]"


def laws_picture(tables: "Mapping[str, pd.DataFrame]") -> Any:
    """Of the runs of Appendix G.3, without those that are about the loss alone."""
    runs = tables["runs"]
    main = runs[runs["lr"].isin(runs.loc[runs["noise"] == NONE, "lr"])
                & runs["noise"].isin([_name(law) for _, law in LAWS])]
    return _picture(main, [f"{noise}, η = {lr:g}" for noise, lr in zip(main["noise"], main["lr"], strict=True)])


def powers_picture(tables: "Mapping[str, pd.DataFrame]") -> Any:
    """Of the runs of Appendix G.4."""
    runs = tables["runs"]
    return _picture(runs, [f"q = {q:g}, σ_0 = {start:g}, {noise}" for q, start, noise in
                           zip(runs["q"], runs["sigma_0"], runs["noise"], strict=True)])


def _picture(runs: "pd.DataFrame", settings: Sequence[str]) -> Any:
    """Test accuracy, and T2 measured over predicted, of every run."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(settings))
    places = np.array([names.index(one) for one in settings])
    figure = Figure(figsize=(style.PAGE, 0.2 * len(names) + 1.8), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    late = runs["T2"].isna().to_numpy()
    for number, (kind, label) in enumerate(((~late, "signal learned"), (late, "max γ below 1"))):
        left.plot(runs["test accuracy"][kind], places[kind], fillstyle="none", label=label, **style.points(number))
    left.axvline(0.5, color=style.REFERENCE, linestyle=":")
    left.set(xlabel="test accuracy at the end (every run a mark)", ylabel="setting")
    left.set_yticks(range(len(names)), names)
    left.invert_yaxis()
    for number, (column, marker) in enumerate((("T2 of the law", "x"), ("T2 of the mean field", "+"))):
        if runs[column].notna().any():
            right.plot(runs["T2"] / runs[column], places, label=f"over the {column}",
                       **style.points(number + 2) | {"marker": marker})
    right.axvline(1, color=style.REFERENCE, linestyle=":")
    right.set(xlabel="T2 measured/predicted (every run a mark)", ylabel="setting")
    for axis in (left, right):
        style.legend_below(axis, 1)
    style.panel_letters((left, right))
    return figure
