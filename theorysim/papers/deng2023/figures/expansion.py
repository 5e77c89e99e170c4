"""Deng et al. 2023: which feature is learned first, whether momentum is faster, and a start on balanced groups."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from theorysim.check import evaluate
from theorysim.core import intervals
from theorysim.core import progress as bars
from theorysim.core import style
from theorysim.papers.deng2023.evidence import N_TEST, DengEvidence
from theorysim.papers.deng2023.figures.growing import PART_STEPS, PARTS, WARM, WARM_STEPS, expanded
from theorysim.papers.deng2023.setting import AGREEMENT, GD, MOMENTUM, N, OBSERVE, STEPS, D, M, problem
from theorysim.papers.deng2023.statements import STATEMENTS
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.run import PatchRun
from theorysim.reproduce import Report, markdown, spread
from theorysim.systems import simulate

if TYPE_CHECKING:
    import pandas as pd

SEED = 600
CASES = {"β_c = 0.2, β_s = 1": False, "β_c = 1, β_s = 0.2": True}
RULES = {"GD, η = 0.1": GD, "momentum 0.8, η = 0.03": MOMENTUM, "GD, η = 0.15": GradientDescent(0.15)}
COMPARED = {0: tuple(RULES), 1: tuple(RULES)[:2]}  # η = 0.03/(1 − 0.8) shows what of momentum is its longer step
LOOKS = {"core": (style.SIGNAL, "core ⟨w, v_c⟩"), "spurious": (style.VIOLET, "spurious ⟨w, v_s⟩")}
LINES = ("-", "--", ":")


class Seen(NamedTuple):
    """A run's row of the table, and its two features over the steps."""

    row: dict[str, Any]
    curves: dict[str, NDArray[np.float64]]


def run(
    *, seeds: int = 5, progress: bool = False, n: int = N, steps: int = STEPS, warm_steps: int = WARM_STEPS,
    part_steps: int = PART_STEPS,
) -> Report:
    """Train in both cases by all rules and by expansion, for several seeds, and report."""
    import pandas as pd

    tasks = [(case, rule, SEED + seed) for place, case in enumerate(CASES) for rule in COMPARED[place]
             for seed in range(seeds)]
    seen, grown = [], []
    with bars.bar(len(tasks) + seeds, progress, "run", "deng2023-expansion") as bar:
        for case, rule, seed in tasks:
            seen.append(_trained(case, rule, seed, n, steps))
            bar.update(1)
        for seed in range(SEED, SEED + seeds):
            runs = expanded(problem(n), seed, warm_steps, part_steps)
            grown += [{"part": part, "seed": seed, "samples": one.draw.n, **_measured(one)}
                      for part, one in enumerate(runs)]
            bar.update(1)
    frame, growth = pd.DataFrame([one.row for one in seen]), pd.DataFrame(grown)
    return Report(
        name="deng2023-expansion",
        title="Spurious features and data expansion (Deng et al. 2023)",
        text=_text(frame, growth, seeds, n, steps, warm_steps, part_steps),
        tables={"runs": frame, "expansion": growth},
        figure=_figure(seen, frame, growth),
    )


def _trained(case: str, rule: str, seed: int, n: int, steps: int) -> Seen:
    made = simulate(problem(n, CASES[case]), RULES[rule], steps, seed, engine="auto", record_at=(), observe=OBSERVE,
                    observe_every=1, on_failure="return")
    evidence = DengEvidence(made)
    verdicts = {one.id.partition(".")[2]: evaluate(one, evidence).verdict.value for one in STATEMENTS}
    times = {"T_c": evidence.time("core"), "T_s": evidence.time("spurious")}
    return Seen({"case": case, "rule": rule, "seed": seed} | times | _measured(made) | verdicts,
                {name: made.column(name) for name in OBSERVE})


def _measured(made: PatchRun) -> dict[str, Any]:
    """The end of a run: test errors are on samples by law, minority and majority by their shares of them."""
    groups = made.group_accuracy(n_test=N_TEST)
    accuracy = groups["test_accuracy"].to_numpy()
    return {"loss": made.column("train_loss")[-1], "core": made.column("core")[-1],
            "spurious": made.column("spurious")[-1], "accuracy": float(groups["share"].to_numpy() @ accuracy),
            "minority": accuracy[1]}


def _mean(values: Any) -> str:
    """A mean with its 95% interval, which may not reach beyond a probability."""
    found = intervals.mean(values)
    return f"{found.value:.3f} [{max(found.low, 0):.3f}, {min(found.high, 1):.3f}]"


def _text(
    frame: "pd.DataFrame", growth: "pd.DataFrame", seeds: int, n: int, steps: int, warm_steps: int, part_steps: int,
) -> str:
    import pandas as pd

    rows = [{"case": case, "rule": rule, "loss": spread(cell["loss"]), "T_c": spread(cell["T_c"]),
             "T_s": spread(cell["T_s"]), "max ⟨w, v_c⟩": spread(cell["core"]),
             "max ⟨w, v_s⟩": spread(cell["spurious"]), "accuracy": _mean(cell["accuracy"]),
             "minority": _mean(cell["minority"])}
            for (case, rule), cell in frame.groupby(["case", "rule"], sort=False)]
    parts = [{"samples": spread(cell["samples"]), "loss": spread(cell["loss"]), "max ⟨w, v_c⟩": spread(cell["core"]),
              "max ⟨w, v_s⟩": spread(cell["spurious"]), "accuracy": _mean(cell["accuracy"]),
              "minority": _mean(cell["minority"])} for _, cell in growth.groupby("part")]
    names = [one.id.partition(".")[2] for one in STATEMENTS]
    verdicts = [{"statement": name, "case": case} | {
        verdict: int((cell[name] == verdict).sum()) for verdict in sorted(set(frame[names].to_numpy().ravel()))}
        for name in names for case, cell in frame.groupby("case", sort=False)]
    return "\n\n".join([
        f"n = {n}, d = {D}, 2·{M} filters of outer weight ±1 with a trained bias, z³, P(a = y) = {AGREEMENT}, noise "
        f"N(0, I/64), full batch, {steps} steps; seeds {SEED}..{SEED + seeds - 1}. Curves: median, band from the "
        "smallest to the largest seed. Losses, times and products as mean [smallest, largest] over seeds; accuracies "
        f"on fresh samples by law ({N_TEST} noise vectors a run, every group scored on each) as mean with the 95% "
        "interval of the mean over seeds. ⟨w, v⟩ counts with the sign of the "
        "filter's outer weight; T is the first step at which its maximum is 0.5.",
        markdown(pd.DataFrame(rows)),
        _momentum(frame),
        markdown(pd.DataFrame(verdicts)),
        "## Expansion",
        f"{next(iter(CASES))}. First {warm_steps} steps of momentum {WARM.momentum:g} (η = {WARM.lr:g}) on as many "
        f"training samples of each of the four groups (y, a) as the smallest has, then the rest in {PARTS} random "
        f"parts, {part_steps} steps after each, momentum from rest. One row after each:",
        markdown(pd.DataFrame(parts)),
        _kept(growth),
    ])


def _kept(growth: "pd.DataFrame") -> str:
    """What expansion did to the minority, seed by seed."""
    parts = growth.pivot(index="seed", columns="part", values="minority")
    change = parts[PARTS] - parts[0]
    found = intervals.mean(change)
    return (f"From the balanced start to all samples the minority's accuracy changes by {found.value:.3f} "
            f"[{found.low:.3f}, {found.high:.3f}] (mean over seeds, 95% interval); it falls in "
            f"{int((change < 0).sum())} of {len(change)} seeds.")


def _momentum(frame: "pd.DataFrame") -> str:
    """Times of the first feature, momentum against gradient descent, seed by seed."""
    said = []
    for (case, swapped), time in zip(CASES.items(), ("T_s", "T_c"), strict=True):
        table = frame[frame["case"] == case].pivot(index="seed", columns="rule", values=time)
        for rule in COMPARED[int(swapped)]:
            if rule != "momentum 0.8, η = 0.03":
                said.append(f"{spread(table['momentum 0.8, η = 0.03'] / table[rule])} times that of {rule} ({case})")
    return ("The first feature's time under momentum, seed by seed, as mean [smallest, largest]: " + "; ".join(said)
            + ". Were momentum nothing but a step of η/(1 − μ), it would be 0.667 times that of η = 0.1, and as "
            "long as that of η = 0.15.")


def _typeset(case: str) -> str:
    """The name of a case with its indices set."""
    return case.replace("β_c", r"$\beta_c$").replace("β_s", r"$\beta_s$")


def _figure(seen: Sequence[Seen], frame: "pd.DataFrame", growth: "pd.DataFrame") -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.PAGE, 3.9), layout="constrained")
    axes = figure.subplots(1, 3)
    for axis, (case, rules) in zip(axes, zip(CASES, COMPARED.values(), strict=True), strict=False):
        for line, rule in zip(LINES, rules, strict=False):
            runs = [one.curves for one in seen if (one.row["case"], one.row["rule"]) == (case, rule)]
            for name, (colour, label) in LOOKS.items():
                values = np.array([one[name] for one in runs])
                steps = np.arange(values.shape[1])
                axis.plot(steps, np.median(values, axis=0), line, color=colour, label=f"{label}, {rule}")
                axis.fill_between(steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)
        axis.set(xlabel="step (updates)", ylabel="largest product with the feature",
                 title=_typeset(case))
    parts = [intervals.mean(cell["minority"]) for _, cell in growth.groupby("part")]
    means = np.array([one.value for one in parts])
    reach = np.array([[one.value - max(one.low, 0), min(one.high, 1) - one.value] for one in parts]).T
    axes[2].errorbar(growth.groupby("part")["samples"].mean(), means, yerr=np.nan_to_num(reach),
                     label="balanced start, expansion", **style.series(0))
    direct = frame[(frame["case"] == next(iter(CASES))) & (frame["rule"] == tuple(RULES)[1])]["minority"]
    axes[2].plot([growth["samples"].max()], [direct.mean()], clip_on=False, **style.points(4),
                 label="all from the start")
    axes[2].set(xlabel="training samples so far", ylabel="test accuracy, minority (a ≠ y)", ylim=(-0.03, 1.03),
                title="expansion, case of a")
    for axis in axes:
        style.legend_below(axis, 1)
    style.panel_letters(axes)
    return figure
