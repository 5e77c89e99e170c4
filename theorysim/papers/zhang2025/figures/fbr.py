"""Zhang et al. 2025: feature-based reweighting on digits: noise, ablations, tails of the clean set, baselines."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import blas, progress as bars
from theorysim.core import style
from theorysim.reproduce import Report, markdown, spread
from theorysim.papers.zhang2025.figures.setting import difference, plus_minus
from theorysim.papers.zhang2025.figures.training import PENALTY, Kernel, leave_one_out, train
from theorysim.reweighting import feature_reweighting
from theorysim.reweighting.observables import weight_auc
from theorysim.core.seeds import Stream, generator

if TYPE_CHECKING:
    import pandas as pd

CLASSES = 10
NOISES = (("symmetric", 0.2), ("symmetric", 0.4), ("symmetric", 0.8), ("pair", 0.2), ("pair", 0.4), ("pair", 0.8))
DRAWN: tuple[tuple[str, float, dict[str, str]], ...] = (  # how a kind is drawn; aside, as they hide each other
    ("symmetric", -0.008, {}), ("pair", 0.008, {"linestyle": "--", "markerfacecolor": "white"}))
TAIL = (30, 23, 18, 14, 11, 8, 6, 5, 4, 3)
TAIL_NOISE = ("symmetric", 0.4)
UPDATES = 10  # of the weights before training
VARIANTS: dict[str, dict[str, Any]] = {
    "FBR": {}, "not centred": {"centre": False}, "not shifted": {"row_shift": False},
    "neither": {"centre": False, "row_shift": False}, "unsigned": {"label_signed": False},
    "match-only": {"variant": "match-only"},
}
KERNELS = ("linear", "rbf")
# Of the trial that came before this package, for comparison only: (noise, variant, column).
TRIAL = {
    ("symmetric 0.2", "FBR", "AUC"): 0.970, ("symmetric 0.4", "FBR", "AUC"): 0.970,
    ("symmetric 0.8", "FBR", "AUC"): 0.968, ("pair 0.4", "FBR", "AUC"): 0.965,
    ("symmetric 0.4", "unsigned", "AUC"): 0.50,
    ("symmetric 0.2", "FBR", "rule"): 0.91, ("symmetric 0.4", "FBR", "rule"): 0.84,
    ("symmetric 0.8", "FBR", "rule"): 0.68, ("symmetric 0.2", "match-only", "rule"): 0.88,
    ("symmetric 0.4", "match-only", "rule"): 0.90, ("symmetric 0.8", "match-only", "rule"): 0.92,
    ("long tail", "FBR", "AUC"): 0.945, ("long tail", "not centred", "AUC"): 0.942,
    ("long tail", "not shifted", "AUC"): 0.919, ("long tail", "neither", "AUC"): 0.557,
    ("long tail", "match-only", "AUC"): 0.962,
}

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Task:
    """Digits with observed labels, a clean set, and test digits; noise of a rate."""

    features: Array
    labels: NDArray[np.int64]
    truth: NDArray[np.int64]
    clean_features: Array
    clean_labels: NDArray[np.int64]
    test_features: Array
    test_labels: NDArray[np.int64]
    rate: float

    def scores(self, variant: str) -> Array:
        """d_i."""
        return self._weigh(VARIANTS[variant]).scores

    def weights(self, variant: str) -> Array:
        """The weights after some updates with the default step: the features are fixed, so it is one long one."""
        step = self._weigh(VARIANTS[variant]).step
        return self._weigh(VARIANTS[variant] | {"step": UPDATES * step}).weights

    def everything(self) -> tuple[Array, NDArray[np.int64]]:
        """Training and clean samples with their observed labels."""
        return (np.concatenate([self.features, self.clean_features]), np.concatenate([self.labels, self.clean_labels]))

    def _weigh(self, options: dict[str, Any]) -> Any:
        return feature_reweighting(self.features, self.labels, self.clean_features, self.clean_labels, **options)


def draw(seed: int, counts: Sequence[int], noise: str, rate: float, n: int) -> Task:
    """Pixels in [0, 1]; the first digits of each class are the clean set, n of the others are trained on.

    Symmetric noise: any other class alike; pair flips: the next class.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ImportError("the digits need scikit-learn: pip install scikit-learn") from None
    pixels, digits = load_digits(return_X_y=True)
    order = generator(seed, Stream.REWEIGHTING_DATA).permutation(digits.size)
    clean = np.concatenate([order[digits[order] == digit][:count] for digit, count in enumerate(counts)])
    rest = order[~np.isin(order, clean)]
    trained, tested = rest[:n], rest[n:]
    rng = generator(seed, Stream.REWEIGHTING_LABELS)
    flipped, turn = rng.random(n) < rate, rng.integers(1, CLASSES, n)
    labels = (digits[trained] + flipped * (turn if noise == "symmetric" else 1)) % CLASSES
    features = pixels / 16
    return Task(features[trained], labels, digits[trained], features[clean], digits[clean], features[tested],
                digits[tested], rate)


def _small_loss(task: Task, kernel: Kernel) -> Array:
    """1 for the share 1 − rate of the samples with the smallest loss; it is told the rate."""
    count = task.labels.size
    found = leave_one_out(kernel, *task.everything(), CLASSES)[:count]
    kept = np.zeros(count)
    kept[np.argsort(found)[: round((1 - task.rate) * count)]] = 1.0
    return kept


METHODS: dict[str, Callable[[Task, Kernel], Array]] = {
    "none": lambda task, kernel: np.ones(task.labels.size),
    "clean only": lambda task, kernel: np.zeros(task.labels.size),
    "small loss": _small_loss,
    "FBR": lambda task, kernel: task.weights("FBR"),
    "match-only": lambda task, kernel: task.weights("match-only"),
    "oracle": lambda task, kernel: (task.labels == task.truth).astype(float),
}


def run(
    *, seeds: int = 20, progress: bool = False, n: int = 1000, per_class: int = 10,
    noises: Sequence[tuple[str, float]] = NOISES, tail: Sequence[int] = TAIL, kernels: Sequence[str] = KERNELS,
) -> Report:
    """Detect wrong labels and train with the weights, over seeds; report."""
    balanced = [per_class] * CLASSES
    tasks = [(noise, rate, seed) for noise, rate in noises for seed in range(seeds)]
    with blas.single_threaded(), bars.bar(len(tasks) + seeds, progress, "draw", "zhang2025-fbr") as bar, \
            ThreadPoolExecutor() as pool:
        def one(key: tuple[str, float, int]) -> "tuple[list[dict[str, Any]], list[dict[str, Any]]]":
            noise, rate, seed = key
            task, place = draw(seed, balanced, noise, rate, n), {"noise": noise, "rate": rate, "seed": seed}
            bar.update(0.5)
            trained = [place | _trained(task, method, kernel) for kernel in kernels for method in METHODS]
            bar.update(0.5)
            return [place | found for found in _detected(task)], trained

        def long_tailed(seed: int) -> list[dict[str, Any]]:
            counts = np.random.default_rng(seed).permutation(tail).tolist()
            task = draw(seed, counts, *TAIL_NOISE, n)
            bar.update(1)
            return [{"seed": seed} | found for found in _detected(task)]

        made, tailed = list(pool.map(one, tasks)), list(pool.map(long_tailed, range(seeds)))
    return _report(made, tailed, seeds, n, balanced, tail, noises)


def _detected(task: Task) -> list[dict[str, Any]]:
    """How well the scores of each variant tell wrong labels, and the rule d > 0."""
    wrong, rows = task.labels != task.truth, []
    for variant in VARIANTS:
        scores = task.scores(variant)
        rows.append({"variant": variant, "AUC": weight_auc(scores, wrong),
                     "rule": float(((scores <= 0) == wrong).mean()), "zeros": float((scores == 0).mean())})
    return rows


def _trained(task: Task, method: str, kernel: str) -> dict[str, Any]:
    """Test accuracy of ridge regression with the weights of a method, the clean samples at weight 1."""
    with_kernel = Kernel(kernel, task.features)
    weights = np.concatenate([METHODS[method](task, with_kernel), np.ones(task.clean_labels.size)])
    predict = train(with_kernel, *task.everything(), weights, CLASSES)
    return {"kernel": kernel, "method": method,
            "accuracy": float((predict(task.test_features) == task.test_labels).mean())}


def _report(
    made: "list[tuple[list[dict[str, Any]], list[dict[str, Any]]]]", tailed: list[dict[str, Any]] | Any, seeds: int,
    n: int, balanced: Sequence[int], tail: Sequence[int], noises: Sequence[tuple[str, float]],
) -> Report:
    import pandas as pd

    detection = pd.DataFrame([row for rows, _ in made for row in rows])
    training = pd.DataFrame([row for _, rows in made for row in rows])
    tails = pd.DataFrame([row for rows in tailed for row in rows])
    compared = _trial_table(detection, tails)
    text = [
        f"Digits bundled with scikit-learn, raw pixels as features; {n} training samples, {sum(balanced)} clean ones, "
        f"the rest is for testing; seeds 0..{seeds - 1}, mean ± half of its 95% Student interval. Symmetric noise: any "
        "other digit; pair: the next digit.",
        "## Detection, balanced clean set",
        "AUC of the scores d for right against wrong labels, and in brackets the accuracy of the rule d > 0.\n\n"
        f"{markdown(_detection_table(detection, noises))}",
        "## Detection, long-tailed clean set",
        f"{sum(tail)} clean samples, {', '.join(map(str, tail))} of the classes in an order drawn for every seed; "
        f"{TAIL_NOISE[0]} noise {TAIL_NOISE[1]:g}. FBR less each variant is paired by seed, with 95% intervals.\n\n"
        f"{markdown(_tail_table(tails))}",
        "## Against an earlier trial",
        "Its scores were summed entry by entry; those of match-only that are exactly 0 here (the label's class is the "
        "second most similar, so not trusted) had signs made by rounding there. Its long tail had one order of "
        f"classes.\n\n{markdown(compared)}",
        "## Training with the weights",
        f"Test accuracy of ridge regression on one-hot targets, penalty {PENALTY:g}, in closed form: linear "
        "(pixels less their mean, and a constant) or with a Gaussian kernel (bandwidth: median distance). The "
        "clean samples are trained on too, with weight 1, by every method. FBR and match-only: weights after "
        f"{UPDATES} updates of the default step from ½. Small loss: keeps the share 1 − rate of smallest leave-one-out "
        "squared error under the same ridge regression trained on everything, so it is told the rate. Oracle: the "
        "right labels. In parentheses the gain over none, paired by seed.",
        *(f"{kernel}:\n\n{markdown(_training_table(training[training['kernel'] == kernel], noises))}"
          for kernel in dict.fromkeys(training["kernel"])),
    ]
    return Report(
        name="zhang2025-fbr",
        title="Feature-based reweighting on digits (Zhang et al. 2025)",
        text="\n\n".join(text),
        tables={"detection": detection, "tails": tails, "training": training, "trial": compared},
        figure=picture(detection, tails, training),
    )


def _name(noise: str, rate: float) -> str:
    return f"{noise} {rate:g}"


def _detection_table(frame: "pd.DataFrame", noises: Sequence[tuple[str, float]]) -> "pd.DataFrame":
    import pandas as pd

    rows = []
    for variant, group in frame.groupby("variant", sort=False):
        row: dict[str, Any] = {"variant": variant}
        for noise, rate in noises:
            here = group[(group["noise"] == noise) & (group["rate"] == rate)]
            row[_name(noise, rate)] = (f"{plus_minus(here['AUC'].to_numpy())} "
                                       f"[{plus_minus(here['rule'].to_numpy())}]")
        rows.append(row)
    return pd.DataFrame(rows)


def _tail_table(frame: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    full, rows = frame[frame["variant"] == "FBR"], []
    for variant, group in frame.groupby("variant", sort=False):
        row: dict[str, Any] = {"variant": variant}
        for column, title in (("AUC", "AUC"), ("rule", "accuracy of d > 0")):
            values = group[column].to_numpy()
            row[title] = plus_minus(values)
            row[f"FBR − this, {title}"] = "" if variant == "FBR" else difference(full[column].to_numpy() - values)
        rows.append(row)
    return pd.DataFrame(rows)


def _trial_table(detection: "pd.DataFrame", tails: "pd.DataFrame") -> "pd.DataFrame":
    """The figures of the trial that were measured here too, and whether they are among those of the seeds."""
    import pandas as pd

    rows = []
    for (noise, variant, column), figure in TRIAL.items():
        group = tails if noise == "long tail" else detection[
            [_name(*each) == noise for each in zip(detection["noise"], detection["rate"], strict=True)]]
        values = group[group["variant"] == variant][column]
        if len(values):
            inside = values.min() <= figure <= values.max()
            zeros = float(group[group["variant"] == variant]["zeros"].mean())
            rows.append({
                "noise": noise, "variant": variant, "quantity": "AUC" if column == "AUC" else "accuracy of d > 0",
                "trial": f"{figure:g}", "here, mean [smallest, largest]": spread(values),
                "within": "yes" if inside else "no", "share with d = 0": f"{zeros:.3f}"})
    return pd.DataFrame(rows)


def _training_table(frame: "pd.DataFrame", noises: Sequence[tuple[str, float]]) -> "pd.DataFrame":
    import pandas as pd

    rows = [{"method": method} for method in METHODS]
    for noise, rate in noises:
        here = frame[(frame["noise"] == noise) & (frame["rate"] == rate)]
        found = here.pivot(index="seed", columns="method", values="accuracy")
        for row in rows:
            values, plain = found[row["method"]].to_numpy(), found["none"].to_numpy()
            row[_name(noise, rate)] = plus_minus(values) if row["method"] == "none" else (
                f"{values.mean():.3f} ({difference(values - plain)})")
    return pd.DataFrame(rows)


def picture(detection: "pd.DataFrame", tails: "pd.DataFrame", training: "pd.DataFrame") -> Any:
    """Detection and its rule over the noise rate, detection with few clean samples of some classes, and accuracies."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.PAGE, 6.8), layout="constrained")
    axes = figure.subplots(2, 2).ravel()
    for number, (column, title) in enumerate((("AUC", "detection AUC"), ("rule", "accuracy of the rule d > 0"))):
        for place, variant in enumerate(("FBR", "match-only", "unsigned")):
            for noise, aside, other in DRAWN:
                group = detection[(detection["variant"] == variant) & (detection["noise"] == noise)]
                rates = group.groupby("rate")[column]
                if len(rates):
                    axes[number].errorbar(
                        rates.mean().index + aside, rates.mean(), yerr=rates.std(ddof=0), label=f"{variant}, {noise}",
                        **style.series(place) | other)
        axes[number].set(xlabel="noise rate", ylabel=f"{title} (mean ± sd)", title="balanced clean set", ylim=(0, 1.03))
        style.legend_below(axes[number], 2)
    names = list(VARIANTS)
    axes[2].boxplot([tails[tails["variant"] == name]["AUC"] for name in names], medianprops={"color": style.BRICK})
    axes[2].set_xticks(range(1, len(names) + 1), names, rotation=30, ha="right")
    axes[2].set(xlabel="variant", ylabel="detection AUC over seeds", title="long-tailed clean set, random order")
    kernel, noise = training["kernel"].iloc[-1], training["noise"].iloc[0]
    shown = training[(training["kernel"] == kernel) & (training["noise"] == noise)]
    for number, (method, group) in enumerate(shown.groupby("method", sort=False)):
        rates = group.groupby("rate")["accuracy"]
        axes[3].errorbar(rates.mean().index, rates.mean(), yerr=rates.std(ddof=0), label=method,
                         **style.series(number))
    axes[3].set(xlabel=f"noise rate, {noise}", ylabel="test accuracy (mean ± sd)",
                title=f"ridge regression, {kernel} kernel")
    style.legend_below(axes[3], 3)
    style.panel_letters(axes)
    return figure
