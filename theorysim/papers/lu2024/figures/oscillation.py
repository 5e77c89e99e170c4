"""Lu et al. 2024: how often |y f − 1| ≥ δ, which the paper assumes, and what of a weak signal is learned."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.check import evaluate
from theorysim.core import style
from theorysim.core.intervals import mean
from theorysim.core.progress import bar
from theorysim.core.status import Status
from theorysim.papers.lu2024.evidence import STRONG, WEAK, OscillationConstants, OscillationEvidence
from theorysim.papers.lu2024.statements import STATEMENTS
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.patch_laws import Noise, Signal
from theorysim.patch.patch_model import PatchModel
from theorysim.patch.run import PatchRun
from theorysim.reproduce import Report, markdown
from theorysim.systems import simulate

if TYPE_CHECKING:
    import pandas as pd

PROBLEM = PatchModel((Signal(2.0, name="strong"), Signal(0.3, name="weak"), Noise(0.02)), n=16, d=1000, m=10,
                     init_std=0.01, q=2, loss="squared")
RATES = (0.05, 0.2, 0.5, 0.8, 1.0, 1.1, 1.2, 1.25, 1.3, 1.35, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0, 2.2, 2.4)
BATCHES = (1, 4, 16)
STEPS = 4000
RECORD_EVERY = 10
FIRST_SEED = 700
LARGE = 1.8  # step sizes that the page shows for larger batches
MEASURES = ("share", "weak", "gain", "error")


def run(
    *,
    seeds: int = 10,
    progress: bool = False,
    problem: PatchModel = PROBLEM,
    rates: Sequence[float] = RATES,
    batches: Sequence[int] = BATCHES,
    steps: int = STEPS,
    n_test: int = 500,
) -> Report:
    """Train at every step size with every batch size, and report."""
    import pandas as pd

    rows = []
    with bar(seeds * len(rates) * len(batches), progress, "runs", "lu2024-oscillation") as shown:
        for batch in batches:
            for lr in rates:
                for seed in range(FIRST_SEED, FIRST_SEED + seeds):
                    made = simulate(
                        problem, GradientDescent(lr, batch_size=batch), steps, seed, record_every=RECORD_EVERY,
                        draw="vectors", on_failure="return")
                    rows.append({"batch": batch, "lr": lr, "seed": seed} | _measured(made, n_test))
                    shown.update(1)
    frame = pd.DataFrame(rows)
    summary = _summary(frame)
    limit = problem.m / (2 * np.diag(made.draw.gram)[STRONG])
    return Report(
        name="lu2024-oscillation",
        title="Oscillation, and what a weak signal gains by it (Lu et al. 2024)",
        text=_text(frame, summary, problem, float(limit), seeds, steps, n_test),
        tables={"runs": frame, "summary": summary},
        figure=picture(summary, float(limit)),
    )


def _measured(made: PatchRun, n_test: int) -> dict[str, Any]:
    """What is measured of a run; of a diverged one nothing but that."""
    row: dict[str, Any] = {"status": str(made.status)}
    if made.status != Status.COMPLETED:
        return row
    evidence = OscillationEvidence(made, OscillationConstants())
    start, end = (_size(evidence, record) for record in (0, -1))
    row |= {
        "share": evidence.oscillating.mean(), "share_least": evidence.oscillating.min(),
        "share_most": evidence.oscillating.max(),
        "weak": 1000 / made.steps * float(np.log(end[WEAK] / start[WEAK])), "end_weak": end[WEAK],
        "end_strong": end[STRONG], "error": _weak_alone(made, n_test),
    }
    if evidence.aligned.any():
        row |= {"gain": 1000 / made.steps * float(evidence.excess.mean()),
                "predicted": 1000 / made.steps * evidence.expected_excess}
    return row | {one.id.removeprefix("lu2024."): str(evaluate(one, evidence).verdict)
                  for one in STATEMENTS if one.applies(made)}


def _size(evidence: OscillationEvidence, record: int) -> Any:
    """The largest j⟨w_{j,r}, s⟩ of either branch, the smaller of the two branches, (2,) for both signals."""
    return evidence.products[record].max(axis=1).min(axis=0)


def _weak_alone(made: PatchRun, n_test: int) -> float:
    """Test error on samples without the strong signal."""
    problem = made.problem
    assert isinstance(problem, PatchModel)
    patches, labels = problem.sample(n_test, seed=made.seed)
    patches[:, STRONG] = 0.0
    return made.test_error(patches=patches, labels=labels).value


def _summary(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Means over the seeds that completed, with 95% intervals."""
    import pandas as pd

    rows = []
    for (batch, lr), part in frame.groupby(["batch", "lr"]):
        row: dict[str, Any] = {"batch": batch, "lr": lr, "runs": len(part), "diverged": int(part["share"].isna().sum())}
        for name in (one for one in MEASURES if one in part):
            found = np.array(mean(part[name].dropna()) if part[name].notna().any() else (np.nan,) * 3)
            found = np.clip(found, 0, 1) if name in ("share", "error") else found
            row |= dict(zip((name, f"{name}_low", f"{name}_high"), found, strict=True))
        ratio = part["predicted"].dropna() / part["gain"].dropna()
        rows.append(row | {"law_over_gain": ratio.mean(), "share_least": part["share_least"].min(),
                           "share_most": part["share_most"].max()})
    return pd.DataFrame(rows)


def _text(
    frame: "pd.DataFrame", summary: "pd.DataFrame", problem: PatchModel, limit: float, seeds: int, steps: int,
    n_test: int,
) -> str:
    import pandas as pd

    constants = OscillationConstants()
    small = summary.loc[summary["lr"] == summary["lr"].min()].set_index("batch")["weak"]
    rows = []
    for _, one in summary.iterrows():
        if one["diverged"] == one["runs"]:
            rows.append({"B": f"{one['batch']:g}", "η": f"{one['lr']:g}", "diverged": f"{one['diverged']:g}"})
            continue
        rows.append({
            "B": f"{one['batch']:g}", "η": f"{one['lr']:g}", "diverged": f"{one['diverged']:g}",
            "share of steps with ∣yf − 1∣ ≥ δ": f"{one['share']:.3f}",
            "least and most of a sample": f"{one['share_least']:.3f}, {one['share_most']:.3f}",
            "weak signal, ln per 1000 steps": _interval(one, "weak"),
            "times that of the smallest η": f"{one['weak'] / small[one['batch']]:.1f}",
            "law / measured gain": f"{one['law_over_gain']:.2f}" if one["batch"] == 1 else "",
            "error, weak signal alone": _interval(one, "error"),
        })
    table = pd.DataFrame(rows).fillna("–")
    chosen = table[table["η"].isin([f"{lr:g}" for lr in _shown(summary["lr"])]) & (
        (table["B"] == "1") | (table["η"].astype(float) >= LARGE))]
    verdicts = pd.DataFrame([
        {"statement": f"`{one.id}`"} | {verdict: int((frame[one.id.removeprefix("lu2024.")] == verdict).sum())
                                        for verdict in ("holds", "violated", "outside regime", "not reached")}
        for one in STATEMENTS if one.id.removeprefix("lu2024.") in frame])
    return "\n\n".join([
        f"Patches {', '.join(map(str, problem.patches))}; n = {problem.n}, d = {problem.d}, m = {problem.m} a branch, "
        f"initial weights of std {problem.init_std:g}, squared ReLU, squared loss; {steps} steps, {seeds} seeds a "
        f"cell, {FIRST_SEED}..{FIRST_SEED + seeds - 1}. The setting is ours. "
        f"δ = {constants.oscillation:g}; shares are over samples and every {RECORD_EVERY}th step after the first "
        f"{constants.start:.0%}. The weak signal is measured by the largest ⟨w, jv⟩ of a branch, the smaller of both. "
        f"Test errors on {n_test} fresh samples without the strong signal. Means over seeds that did not diverge, "
        f"with 95% intervals. One sample at a time, the strong signal alone is stable below η = m/(2‖u‖²) = {limit:g} "
        "(derived). The study's table has all step sizes, some are here:",
        markdown(chosen),
        "The gain is what the weak signal has beyond its share of the strong one's growth; the law, of second order, "
        "is for batches of one. Verdicts over all runs that did not diverge, with the constants that are the defaults:",
        markdown(verdicts),
    ])


def _shown(rates: "pd.Series[float]") -> list[float]:
    """Every second step size or so."""
    found = sorted(set(rates))
    return found if len(found) < 10 else [found[0], *found[2:-1:2], found[-1]]


def _interval(row: Any, name: str) -> str:
    return f"{row[name]:.3f} [{row[f'{name}_low']:.3f}, {row[f'{name}_high']:.3f}]"


def picture(summary: "pd.DataFrame", limit: float) -> Any:
    """Oscillation, growth of the weak signal and the error without the strong one, over the learning rate."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.PAGE, 3.0), layout="constrained")
    axes = figure.subplots(1, 3)
    for axis, name, title, label in (
        (axes[0], "share", "do samples oscillate?", "share of samples and steps\nwith |yf − 1| ≥ δ"),
        (axes[1], "weak", "the weak signal", "ln ⟨w, v⟩, gain per 1000 steps"),
        (axes[2], "error", "the weak signal alone", "test error without the strong signal"),
    ):
        for number, (batch, part) in enumerate(summary.groupby("batch")):
            part = part.dropna(subset=[name])
            reach = np.array([part[name] - part[f"{name}_low"], part[f"{name}_high"] - part[name]])
            axis.errorbar(part["lr"], part[name], np.maximum(np.nan_to_num(reach), 0), markersize=3,
                          label=f"batches of {batch}", **style.series(number))
        axis.axvline(limit, color=style.THEORY, linestyle=":", label="m/(2‖u‖²), edge for batches of 1")
        axis.set(xlabel="learning rate η", ylabel=label, title=title)
    axes[0].set_ylim(-0.03, 1.03)
    axes[2].set_ylim(-0.03, 0.63)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    style.panel_letters(axes)
    return figure
