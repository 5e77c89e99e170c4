"""Defences against wrong labels on one signal-noise problem: the patch network's own, and learned sample weights."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from theorysim.core import blas, progress as bars
from theorysim.core import style
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.draw import Draw
from theorysim.patch.policy import EarlyStopping, FirstStage, OracleSelection, Policy, SmallLossSelection
from theorysim.patch.problem import SignalNoise
from theorysim.reproduce import Report, markdown, spread
from theorysim.papers.han2025.figures import settings as han2025_settings
from theorysim.papers.zhang2025.figures.setting import difference, plus_minus
from theorysim.reweighting import KernelReweighting, LabelledArrays, Reweighting, ReweightingDraw, ReweightingRun
from theorysim.reweighting.gram import gram
from theorysim.reweighting.observables import weight_auc
from theorysim.patch.run import PatchRun
from theorysim.core.seeds import Stream, generator
from theorysim.systems import simulate

if TYPE_CHECKING:
    import pandas as pd

RATES = (0.1, 0.2, 0.3, 0.4)
KERNELS = ("linear", "ntk")
PLAIN = "patch: no defence"
TRUSTED = 0.5  # samples of a larger weight are kept

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Sizes(NamedTuple):
    """n noisy training samples, further clean ones, test samples; network and steps."""

    n: int = 150
    clean: int = 30
    d: int = 2000
    m: int = 20
    n_snr2: float = 3.0
    steps: int = 2000
    kernel_steps: int = 3000
    test: int = 2000
    balanced: bool = True  # as many clean samples of one label as of the other


@dataclass(frozen=True, eq=False)
class Task:
    """One draw for all methods: n samples with flipped labels, then the clean ones; and test samples."""

    problem: SignalNoise
    algorithm: GradientDescent
    draw: Draw
    patches: Array
    test_patches: Array
    test_labels: Array
    sizes: Sizes
    seed: int

    @property
    def wrong(self) -> Flags:
        """Which of the n training labels are flipped."""
        flipped: Flags = self.draw.labels != self.draw.observed_labels
        return flipped[: self.sizes.n]

    def network(self, policy: Policy | None = None, kept: Flags | None = None) -> PatchRun:
        """The patch network under a policy, or on the samples kept and the clean ones, with the same η."""
        problem, draw = self.problem, self.draw
        if kept is not None:
            chosen = np.concatenate([kept, np.ones(self.sizes.clean, dtype=bool)])
            problem, draw = problem.replace(n=int(chosen.sum())), _part(draw, chosen)
        return simulate(problem, self.algorithm, self.sizes.steps, self.seed, draw=draw, policy=policy)

    def right(self, outputs: Array) -> float:
        """Test accuracy."""
        return float((outputs * self.test_labels > 0).mean())

    def kernels(self, kernel: str) -> "Kernels":
        """Inputs are both patches as one vector, all divided by one number: their root mean square norm."""
        inputs = self.patches.reshape(len(self.patches), -1)
        scale = np.sqrt((inputs**2).sum(axis=1).mean())
        inputs, tests = inputs / scale, self.test_patches.reshape(len(self.test_patches), -1) / scale
        return Kernels(self, kernel, inputs, gram(kernel, inputs, inputs), gram(kernel, tests, inputs))


@dataclass(frozen=True, eq=False)
class Kernels:
    """The kernel matrices of a task, of all training and clean samples, and of the tests with these."""

    task: Task
    name: str
    inputs: Array
    whole: Array
    tests: Array

    def train(self, algorithm: Reweighting, weights: Array | None = None) -> ReweightingRun:
        """Training in function space: on all n + clean samples with given weights, or on n with learned ones."""
        task, n = self.task, self.task.sizes.n
        used = slice(n if weights is None else None)
        draw = ReweightingDraw(
            self.whole[used, used], self.whole[n:, used], task.draw.observed_labels[used], task.draw.labels[n:],
            task.draw.labels[used], self.tests[:, used], task.test_labels)
        problem = KernelReweighting(LabelledArrays(self.inputs, task.draw.labels), draw.n, draw.clean, test=0,
                                    kernel=self.name)
        return simulate(problem, algorithm, task.sizes.kernel_steps, task.seed, draw=draw, weights=weights,
                        record_at=())


def make_task(rate: float, seed: int, sizes: Sizes = Sizes()) -> Task:
    """Draw n + clean samples of one signal, and test samples; flip labels of the first n."""
    n = sizes.n
    problem = han2025_settings.problem(n + sizes.clean, sizes.d, sizes.m, tau=0.0,
                                       n_snr2=sizes.n_snr2 * (n + sizes.clean) / n)
    with blas.single_threaded():
        first = Draw.from_problem(problem, seed, "vectors")
        flips = np.zeros(n + sizes.clean, dtype=bool)
        flips[generator(seed, Stream.OBSERVED_LABELS).permutation(n)[: round(rate * n)]] = True
        signal, noise = first.vectors[0], first.vectors[1:]
        true = first.labels.copy()
        if sizes.balanced:
            true[n:] = np.resize([1.0, -1.0], sizes.clean)
        draw = Draw.from_arrays(noise=noise, weights=first.weights.reshape(2, sizes.m, -1), labels=true,
                                signal=signal, observed_labels=np.where(flips, -true, true))
    rng = generator(seed, Stream.TEST)
    labels = rng.choice([-1.0, 1.0], sizes.test)
    fresh = problem.noise_std * rng.standard_normal((sizes.test, sizes.d))
    return Task(problem, han2025_settings.algorithm(problem), draw,
                np.stack([true[:, None] * signal, noise], axis=1),
                np.stack([labels[:, None] * signal, fresh], axis=1), labels, sizes, seed)


def _part(draw: Draw, chosen: Flags) -> Draw:
    """Some of the samples of a draw, the same initial weights."""
    signal, noise = draw.vectors[0], draw.vectors[1:]
    return Draw.from_arrays(noise=noise[chosen], weights=draw.weights.reshape(2, draw.m, -1), signal=signal,
                            labels=draw.labels[chosen], observed_labels=draw.observed_labels[chosen])


def run(
    *, seeds: int = 10, progress: bool = False, rates: Sequence[float] = RATES, kernels: Sequence[str] = KERNELS,
    sizes: Sizes = Sizes(),
) -> Report:
    """Train with every method on the same draws, and report."""
    import pandas as pd

    tasks = [(rate, seed) for rate in rates for seed in range(seeds)]
    with bars.bar(len(tasks), progress, "draw", "selection-methods") as bar, ThreadPoolExecutor() as pool:
        def one(key: tuple[float, int]) -> list[dict[str, Any]]:
            rows = compare(make_task(*key, sizes), kernels)
            bar.update(1)
            return [{"rate": key[0], "seed": key[1]} | row for row in rows]

        frame = pd.DataFrame([row for rows in pool.map(one, tasks) for row in rows])
    accuracies, detection = _accuracies(frame), _detection(frame)
    return Report(
        name="selection-methods",
        title="Small loss, early stopping and learned weights on one problem",
        text=_text(sizes, seeds, accuracies, detection),
        tables={"runs": frame, "accuracy": accuracies, "detection": detection},
        figure=picture(frame),
    )


def compare(task: Task, kernels: Sequence[str] = KERNELS) -> list[dict[str, Any]]:
    """One row a method: test accuracy, and how well it tells the flipped labels."""
    n = task.sizes.n
    stopped, small = task.network(EarlyStopping(FirstStage())), task.network(SmallLossSelection(FirstStage()))
    oracle = task.network(OracleSelection(FirstStage()))
    # The margins at which small loss selects are those at which early stopping stops.
    margins = (task.draw.observed_labels * stopped.outputs())[:n] if stopped.steps < task.sizes.steps else None
    rows = [_network(task, PLAIN, task.network(), None, None),
            _network(task, "patch: early stopping", stopped, margins, None),
            _network(task, "patch: small loss", small, margins, _flagged(small, n)),
            _network(task, "patch: oracle", oracle, None, None)]
    for kernel in kernels:
        matrices = task.kernels(kernel)
        learned, frozen = matrices.train(Reweighting()), matrices.train(Reweighting(freeze_at="t2"))
        trusted = learned.weights[-1] > TRUSTED
        everything = np.ones(n + task.sizes.clean)
        everything[:n] = ~task.wrong
        plain = matrices.train(Reweighting(reweight=False), np.ones(n + task.sizes.clean))
        known = matrices.train(Reweighting(reweight=False), everything)
        rows += [
            _row(task, f"{kernel}: no defence", task.right(plain.test_outputs[-1])),
            _learned(task, f"{kernel}: reweighting", learned),
            _learned(task, f"{kernel}: reweighting, frozen at t2", frozen),
            _row(task, f"{kernel}: oracle", task.right(known.test_outputs[-1])),
            _network(task, f"patch: kept by {kernel} reweighting", task.network(kept=trusted), None, None),
        ]
    return rows


def _learned(task: Task, method: str, run: ReweightingRun) -> dict[str, Any]:
    weights = run.weights[-1]
    return _row(task, method, task.right(run.test_outputs[-1]), weights, weights <= TRUSTED)


def _flagged(run: PatchRun, n: int) -> Flags | None:
    return None if run.selection is None else run.selection.flagged[:n]


def _network(task: Task, method: str, run: PatchRun, trust: Array | None, flagged: Flags | None) -> dict[str, Any]:
    stopped = float(run.steps) if run.steps < task.sizes.steps else float("nan")
    return _row(task, method, task.right(run.predict(task.test_patches)), trust, flagged) | {"stopped at": stopped}


def _row(
    task: Task, method: str, accuracy: float, trust: Array | None = None, flagged: Flags | None = None
) -> dict[str, Any]:
    wrong, nothing = task.wrong, float("nan")
    row = {"method": method, "accuracy": accuracy, "AUC": nothing if trust is None else weight_auc(trust, wrong),
           "precision": nothing, "recall": nothing, "stopped at": nothing}
    if flagged is not None:
        row["precision"] = float(wrong[flagged].mean()) if flagged.any() else nothing
        row["recall"] = float(flagged[wrong].mean()) if wrong.any() else nothing
    return row


def _accuracies(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Methods by rates, and at the highest rate what is gained over no defence, seed by seed."""
    import pandas as pd

    highest, rows = frame["rate"].max(), []
    plain = frame[(frame["method"] == PLAIN) & (frame["rate"] == highest)]["accuracy"].to_numpy()
    for method, group in frame.groupby("method", sort=False):
        row = {"method": method} | {
            f"τ = {rate:g}": plus_minus(here["accuracy"].to_numpy()) for rate, here in group.groupby("rate")}
        top = group[group["rate"] == highest]["accuracy"].to_numpy()
        row[f"over the plain network, τ = {highest:g}"] = "" if method == PLAIN else difference(top - plain)
        rows.append(row)
    return pd.DataFrame(rows)


def _detection(frame: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    rows = []
    for (rate, method), group in frame.groupby(["rate", "method"], sort=False):
        if group[["AUC", "recall", "stopped at"]].notna().any(axis=None):
            rows.append({"τ": rate, "method": method, "detection AUC": spread(group["AUC"]),
                         "precision": spread(group["precision"], "undefined"),
                         "recall": spread(group["recall"], "undefined"),
                         "stopped at": spread(group["stopped at"]),
                         "seeds that stopped or chose": int(group["AUC"].notna().sum())})
    return pd.DataFrame(rows)


def _text(sizes: Sizes, seeds: int, accuracies: "pd.DataFrame", detection: "pd.DataFrame") -> str:
    return "\n\n".join([
        f"The signal-noise problem with {sizes.n} training samples, d = {sizes.d}, width m = {sizes.m}, ReLU, n·SNR² = "
        f"{sizes.n_snr2:g}, a share τ of whose labels is flipped, and {sizes.clean} samples more whose labels are "
        f"right{', as many of one as of the other' * sizes.balanced}. {seeds} seeds; every method sees the same draw, "
        f"and is tested on the same {sizes.test} fresh samples. "
        "Test accuracy is the mean ± half of its 95% Student interval; differences are paired.",
        markdown(accuracies),
        f"Detection of the flipped labels among the {sizes.n}: mean [smallest, largest]. AUC of the margins at the end "
        "of the first stage, or of the weights at the end; flagged are losses above log 2, or weights of at most "
        f"{TRUSTED:g}.",
        markdown(detection),
        "**What is comparable.** Data, labels, test samples, and what is known: the clean samples are trained on by "
        "the patch networks, and by the kernels without defence and with the oracle. Reweighting trains on the others "
        "only and uses the clean ones to learn weights; small loss and early stopping do not know which samples are "
        f"clean. The patch network on samples kept by reweighting (weight above {TRUSTED:g}), and the clean ones, "
        "differs from the other patch networks in the selection alone: same η, same initial weights, same "
        f"{sizes.steps} steps.",
        "**What is not.** A kernel predictor and the patch network are different models: the network sees two patches "
        "with the same filters, the kernel one vector of both, and squared loss for logistic loss; compare reweighting "
        f"with its own kernel's other rows. Kernels make {sizes.kernel_steps} steps, which is not convergence.",
    ])


def picture(frame: "pd.DataFrame") -> Any:
    """Accuracy of networks and of kernels, and detection, over the flip rate."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.PAGE, 4.2), layout="constrained")
    axes = figure.subplots(1, 3)
    used = [0, 0, 0]
    for number, method in enumerate(dict.fromkeys(frame["method"])):
        group = frame[frame["method"] == method]
        for place, column in ((0 if method.startswith("patch") else 1, "accuracy"), (2, "AUC")):
            values = group.groupby("rate")[column]
            if not group[column].notna().any():
                continue
            mean = values.mean()
            axes[place].errorbar(
                mean.index + 0.003 * (used[place] - 3), mean, yerr=[mean - values.min(), values.max() - mean],
                label=method, markersize=3, **style.series(number))
            used[place] += 1
    for axis, title in zip(axes, ("patch network", "kernels", "detection"), strict=True):
        axis.set(xlabel="flip rate τ", title=title,
                 ylabel=("detection AUC" if title == "detection" else "test accuracy") + " (mean, range over seeds)")
        style.legend_below(axis, 1)
    style.panel_letters(axes)
    return figure
