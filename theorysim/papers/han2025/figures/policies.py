"""What stopping early or selecting samples gains under fixed noisy labels: test errors of policies over flip rates."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from theorysim.core import style
from theorysim.core.intervals import mean
from theorysim.patch.policy import AtStep, EarlyStopping, FirstStage, OracleSelection, SmallLossSelection
from theorysim.patch.problem import SignalNoise
from theorysim.reproduce import Report, interrupted_note, markdown, require_runs, spread
from theorysim.papers.han2025.figures import settings as han2025_settings
from theorysim.papers.han2025.figures.settings import algorithm
from theorysim.sweep import sweep
from theorysim.sweep.random_numbers import INDEPENDENT, told

if TYPE_CHECKING:
    import pandas as pd

RATES = (0.1, 0.2, 0.3, 0.4)
N, D, M = 100, 10_000, 100
LATE = 3000  # a step at which noise has overtaken the signal: outside the window of separation
PLAIN = "to convergence"
PROCEDURES: Mapping[str, Any] = {
    PLAIN: algorithm,
    "early stopping at T1": (algorithm, EarlyStopping(FirstStage())),
    "small loss at T1, drop": (algorithm, SmallLossSelection(FirstStage())),
    "small loss at T1, relabel": (algorithm, SmallLossSelection(FirstStage(), action="relabel")),
    "oracle at T1, drop": (algorithm, OracleSelection(FirstStage())),
    f"small loss at step {LATE}, drop": (algorithm, SmallLossSelection(AtStep(LATE))),
}
ERRORS = (("test_error", "fresh-noise error"), ("memory_test_error", "memory-test error"))


def problem(tau: float) -> SignalNoise:
    """The first setting with another flip rate."""
    return han2025_settings.problem(N, D, M, tau=tau)


def run(
    *, seeds: int = 10, progress: bool = False, tau: Sequence[float] = RATES, steps: int = 6000,
    random_numbers: str = INDEPENDENT, store: str | Path | None = None, workers: int | None = None,
    executor: str | Executor | None = None,
) -> Report:
    """Sweep policies and rates, and report."""
    frame = sweep(
        problem, grid={"tau": tau}, algorithms=PROCEDURES, seeds=seeds, steps=steps,
        measure=["test_error", "memory_test_error", "train_loss", "precision", "recall", "stopped_at"],
        random_numbers=random_numbers, store=store, workers=workers, executor=executor, progress=progress,
    )
    require_runs(frame, [PLAIN])
    gains = _gains(frame)
    return Report(
        name="han2025-policies",
        title="Early stopping and sample selection under fixed noisy labels (Han et al. 2025)",
        text=interrupted_note(frame) + _text(frame, gains, seeds, steps),
        tables={"runs": frame, "gains": gains},
        figure=picture(frame),
    )


def _gains(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Memory-test error of training to convergence minus that of each policy, seed by seed, with intervals."""
    import pandas as pd

    errors = frame.pivot_table(index=["tau", "seed"], columns="algorithm", values="memory_test_error")
    rows = []
    for tau, group in errors.groupby(level="tau"):
        for name in (one for one in PROCEDURES if one != PLAIN and one in group):
            gain = (group[PLAIN] - group[name]).dropna().to_numpy()
            if not gain.size:
                continue
            found = mean(gain)
            rows.append({"τ": tau, "policy": name, "seeds": gain.size, "gain": found.value, "low": found.low,
                         "high": found.high})
    return pd.DataFrame(rows)


def _text(frame: "pd.DataFrame", gains: "pd.DataFrame", seeds: int, steps: int) -> str:
    import pandas as pd

    rows = []
    for (tau, name), group in frame.groupby(["tau", "algorithm"], sort=False):
        gain = gains[(gains["τ"] == tau) & (gains["policy"] == name)]
        rows.append({
            "τ": tau, "policy": name, **{title: spread(group[key]) for key, title in ERRORS},
            "gain on the memory test": "" if gain.empty else "{:.3f} [{:.3f}, {:.3f}]".format(
                *gain[["gain", "low", "high"]].iloc[0]),
            "precision": spread(group["precision"], "undefined"), "recall": spread(group["recall"], "undefined"),
            "stopped at": spread(group["stopped_at"]),
        })
    return "\n\n".join([
        f"n = {N}, d = {D}, m = {M}, n·SNR² = 10, {steps} steps, {seeds} seeds (random numbers "
        f"{told(frame)}, common to its policies), mean [smallest, largest]; gains over "
        "training to convergence seed by seed, with 95% intervals of their mean. Fresh-noise error: new ξ. Memory-test "
        "error: training noise ξ_i, label independent of i. Selection trusts samples with loss ≤ log 2; step "
        f"{LATE} is after noise has overtaken the signal.",
        markdown(pd.DataFrame(rows)),
    ])


def picture(frame: "pd.DataFrame") -> Any:
    """Both errors of every policy over the flip rate."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.PAGE, 3.6), layout="constrained")
    for axis, (key, title) in zip(figure.subplots(1, 2), ERRORS, strict=True):
        for number, name in enumerate(dict.fromkeys(frame["algorithm"])):
            group = frame[frame["algorithm"] == name].groupby("tau")[key]
            shift = 0.004 * (number - 2.5)
            axis.errorbar(group.mean().index + shift, group.mean(), yerr=group.sem(), label=name,
                          **style.series(number))
        axis.set(xlabel="flip rate τ", ylabel=f"{title} (mean ± standard error)", title=title)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    style.panel_letters(figure.axes)
    return figure
