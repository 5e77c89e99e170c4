"""Reproductions of sample reweighting, small: what they report is what direct calls give; their picture."""

from collections.abc import Iterator
from pathlib import Path

import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import theorysim as ts
from theorysim.reproduce import figures, reproduce
from theorysim.papers.zhang2025.figures import drift as zhang2025_drift, fbr as zhang2025_fbr, selection_methods
from theorysim.papers.zhang2025.figures.setting import at_t1, each, interval
from theorysim.papers.zhang2025.figures.training import PENALTY, Kernel, leave_one_out, train
from theorysim.reweighting.observables import drift, weight_auc

TINY = ts.KernelReweighting(ts.SignalNoiseImages(d=10, noise_std=0.5), 40, 10, test=30)
OTHER = TINY.replace(kernel="ntk", label_flip=0.3)
STEPS = 500


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    """No figure outlives its test."""
    yield
    plt.close("all")


def trained(seed: int = 0, problem: ts.KernelReweighting = TINY, **options: object) -> ts.ReweightingRun:
    """One small run."""
    return ts.simulate(problem, ts.Reweighting(), STEPS, seed, **options)


@pytest.mark.compiled
def test_phases_of_one_run() -> None:
    """Three labelled panels; the run's own columns, quantiles and times."""
    run = trained()
    axes = ts.plot.phases(run)
    assert axes.shape == (3,)
    assert all(axis.get_xlabel() == "step (updates)" and axis.get_ylabel() for axis in axes)
    lines = {line.get_label(): line.get_ydata() for axis in axes for line in axis.get_lines()}
    np.testing.assert_array_equal(lines["clean samples, mean"], run.column("weight_clean"))
    np.testing.assert_array_equal(lines["noisy samples, mean"], run.column("weight_noisy"))
    np.testing.assert_array_equal(lines["AUC of the weights"], run.column("auc"))
    np.testing.assert_array_equal(lines["test accuracy"], run.column("test_accuracy")[1:])
    np.testing.assert_array_equal(axes[1].get_lines()[0].get_ydata(), run.column("clean_loss"))
    low, high = np.quantile(run.weights[:, run.noisy], (0.1, 0.9), axis=1)
    band = axes[0].collections[1].get_paths()[0].vertices[:, 1]
    assert band.min() == low.min() and band.max() == high.max()
    times = run.stage_times().to_dict()
    assert all(np.isfinite(list(times.values())))
    for axis in axes:
        marked = [line.get_xdata()[0] for line in axis.get_lines() if len(line.get_xdata()) == 2]
        assert marked == list(times.values())
    shown = [text.get_text().strip() for text in axes[0].texts]
    assert shown == [
        "alignment", "filtering", "post-filtering", *(f"{name} = {time:g}" for name, time in times.items())]


@pytest.mark.compiled
def test_phases_of_several_runs() -> None:
    """Medians over seeds, a row a name; a time that is not reached has no mark, and its phase no name."""
    runs = [trained(seed) for seed in range(3)]
    short = ts.simulate(TINY, ts.Reweighting(), 3, 0)
    _, given = plt.subplots(2, 3)
    axes = ts.plot.phases({"seeds": runs, "short": short}, given)
    assert axes.shape == (2, 3) and axes[1, 2] is given[1, 2]
    median = np.median([run.column("clean_loss") for run in runs], axis=0)
    np.testing.assert_array_equal(axes[0, 1].get_lines()[0].get_ydata(), median)
    t2 = np.median([run.stage_times()["t2"] for run in runs])
    assert f"t2 = {t2:g}" in [text.get_text().strip() for text in axes[0, 0].texts]
    assert [axis.get_title() for axis in axes[:, 0]] == ["seeds (3 seeds)", "short"]
    shown = [text.get_text().strip() for text in axes[1, 0].texts]
    assert shown[0] == "alignment" and not {"filtering", "post-filtering"} & set(shown)
    with pytest.raises(ValueError, match="axes: must be 6 Axes, 3 for each name, got 3"):
        ts.plot.phases({"a": runs, "b": short}, given[0])


@pytest.mark.compiled
def test_phases_report(tmp_path: Path) -> None:
    """Every number from a direct run; the earlier trial's figures beside it, and how many of them are outside."""
    settings = {"patch, linear": TINY, "other": OTHER}
    report = reproduce("zhang2025-phases", seeds=2, steps=STEPS, settings=settings, pictured=("other",))
    found = report.tables["runs"].set_index(["task", "seed"]).sort_index()
    assert len(found) == 4
    for name, problem in settings.items():
        for seed in range(2):
            run = trained(seed, problem)
            row, times = found.loc[name, seed], run.stage_times().to_dict()
            assert [row[time] for time in times] == list(times.values())
            there = trained(seed, problem, record_at=(int(times["t1"]),))
            assert row["AUC at t1"] == there.observables.loc[int(times["t1"]), "auc"]
            assert row["margin at t1"] == pytest.approx(there.observables.loc[int(times["t1"]), "margin_median"], 1e-12)
            assert row["AUC at the end"] == run.observables["auc"].iloc[-1] and row["D"] == run.drift
            draw = run.draw
            gamma = [draw.true_labels[i] * sum(draw.clean_labels * draw.clean_kernel[:, i]) for i in range(draw.n)]
            assert row["A4"] == np.mean(np.array(gamma) > 0)
    t1 = found.loc["patch, linear"]["t1"]
    assert f"({58 if t1.min() <= 58 <= t1.max() else '58*'})" in report.tables["summary"]["t1"].iloc[0]
    assert "(" not in report.tables["summary"]["t1"].iloc[1], "no trial of that name"
    stars = sum(str(cell).endswith("*)") for cell in report.tables["summary"].iloc[0])
    assert f"{stars} of 9 figures" in report.text
    assert len(report.figure.axes) == 3
    assert matplotlib.image.imread(report.write(tmp_path)[0]).std() > 0.01


@pytest.mark.compiled
def test_at_t1_needs_t1() -> None:
    """Not reached: no numbers."""
    assert all(np.isnan(value) for value in at_t1(ts.simulate(TINY, ts.Reweighting(), 3, 0)).values())


@pytest.mark.compiled
def test_each_keeps_order() -> None:
    """Results by case and seed, whatever thread was first."""
    found = each("", {"a": (TINY, ts.Reweighting()), "b": (OTHER, ts.Reweighting())}, 3, 5, False,
                 lambda run: (run.problem, run.seed))
    assert found == {"a": [(TINY, seed) for seed in range(3)], "b": [(OTHER, seed) for seed in range(3)]}


def test_interval() -> None:
    """Student's: mean 2, sd 1, n = 3, t = 4.3027."""
    np.testing.assert_allclose(interval(np.array([1.0, np.nan, 2.0, 3.0])), (2, 2 - 2.48414, 2 + 2.48414), atol=1e-5)
    assert np.isnan(interval(np.array([1.0]))[1:]).all() and np.isnan(interval(np.array([np.nan]))).all()


@pytest.mark.compiled
def test_drift_report() -> None:
    """Each cause is the run it names; frozen weights drift no further than at t2."""
    report = reproduce("zhang2025-drift", seeds=2, steps=STEPS, bases={"tiny": OTHER})
    frame = report.tables["runs"].set_index(["cause", "weights", "seed"]).sort_index()
    assert len(frame) == 4 * 2 * 2
    wrong = ts.simulate(OTHER.replace(clean_label_flip=0.1), ts.Reweighting(), STEPS, 1)
    batch = ts.simulate(OTHER, ts.Reweighting(clean_batch=10), STEPS, 1)
    other = ts.simulate(OTHER.replace(proxy_kernel="linear"), ts.Reweighting(), STEPS, 1)
    for cause, run in (("exact, full batch", trained(1, OTHER)), ("10% wrong clean labels", wrong),
                       ("clean mini-batches of 10", batch), ("kernel mismatch (linear)", other)):
        row = frame.loc[cause, "learned", 1]
        assert row["D"] == run.drift and row["AUC"] == run.observables["auc"].iloc[-1]
        means = [run.series[t : t + 100, 1].mean() for t in range(STEPS + 1 - 99)]
        assert row["D averaged"] == pytest.approx(drift(np.array(means)), abs=1e-12)
        t2 = run.stage_times()["t2"]
        assert frame.loc[cause, "frozen at t2", 1]["t2"] == pytest.approx(t2, nan_ok=True)
        if np.isfinite(t2):
            assert frame.loc[cause, "frozen at t2", 1]["D"] == drift(run.series[: int(t2) + 1, 1])
    gain = frame.loc["10% wrong clean labels", "learned"]["D"] - frame.loc["exact, full batch", "learned"]["D"]
    assert f"{gain.mean():+.3f} [" in report.tables["summary"]["D − exact"].iloc[2]
    (axis,) = report.figure.axes
    assert axis.get_xlabel() == "step (updates)" and len(axis.get_lines()) == 8
    assert list(zhang2025_drift.causes(TINY))[3] == "kernel mismatch (rbf)"


def test_training_by_hand() -> None:
    """The normal equations of weighted ridge regression; samples of weight 0 do not matter."""
    rng = np.random.default_rng(0)
    features, labels, weights = rng.normal(size=(30, 3)), rng.integers(0, 3, 30), rng.random(30)
    weights[:5] = 0
    tests = rng.normal(size=(200, 3))
    linear = Kernel("linear", features)
    design, new = (np.column_stack([part - features.mean(axis=0), np.ones(len(part))]) for part in (features, tests))
    solved = np.linalg.solve(design.T @ (weights[:, None] * design) + PENALTY * np.eye(4),
                             design.T @ (weights[:, None] * np.eye(3)[labels]))
    found = train(linear, features, labels, weights, 3)(tests)
    np.testing.assert_array_equal(found, np.argmax(new @ solved, axis=1))
    assert np.unique(found).size == 3
    moved = np.where(weights == 0, (labels + 1) % 3, labels)
    np.testing.assert_array_equal(train(linear, features, moved, weights, 3)(tests), found)


@pytest.mark.parametrize("name", ["linear", "rbf"])
def test_leave_one_out(name: str) -> None:
    """Equal to training without each sample."""
    rng = np.random.default_rng(1)
    features, labels = rng.normal(size=(12, 2)), rng.integers(0, 3, 12)
    kernel = Kernel(name, features)
    targets, wanted = np.eye(3)[labels], []
    for i in range(12):
        rest = np.arange(12) != i
        solved = np.linalg.solve(kernel(features[rest], features[rest]) + PENALTY * np.eye(11), targets[rest])
        wanted.append(((kernel(features[[i]], features[rest]) @ solved - targets[i]) ** 2).sum())
    np.testing.assert_allclose(leave_one_out(kernel, features, labels, 3), wanted, rtol=1e-10)


def test_fbr_report(tmp_path: Path) -> None:
    """Detection is that of direct calls; the identities of a balanced clean set; training orders the extremes."""
    report = reproduce("zhang2025-fbr", seeds=2, n=300, per_class=4, noises=(("symmetric", 0.4), ("pair", 0.4)),
                       tail=(9, 8, 7, 6, 5, 4, 3, 2, 2, 2))
    found = report.tables["detection"].set_index(["variant", "noise", "seed"]).sort_index()
    for noise in ("symmetric", "pair"):
        task = zhang2025_fbr.draw(1, [4] * 10, noise, 0.4, 300)
        wrong = task.labels != task.truth
        assert abs(wrong.mean() - 0.4) < 0.09
        assert noise == "symmetric" or (task.labels[wrong] == (task.truth[wrong] + 1) % 10).all()
        assert np.bincount(task.clean_labels).tolist() == [4] * 10 and len(task.test_labels) == 1797 - 340
        for name, options in (("FBR", {}), ("match-only", {"variant": "match-only"}), ("neither", {
                "centre": False, "row_shift": False})):
            direct = ts.feature_reweighting(
                task.features, task.labels, task.clean_features, task.clean_labels, **options)
            row = found.loc[name, noise, 1]
            assert row["AUC"] == weight_auc(direct.scores, wrong)
            assert row["rule"] == (direct.flagged == wrong).mean()
        updated = ts.feature_reweighting(task.features, task.labels, task.clean_features, task.clean_labels)
        weights = np.full(300, 0.5)
        for _ in range(zhang2025_fbr.UPDATES):
            weights = np.clip(weights + updated.step * updated.scores, 0, 1)
        np.testing.assert_allclose(task.weights("FBR"), weights, atol=1e-12)
    np.testing.assert_allclose(found.loc["FBR"]["AUC"], found.loc["not shifted"]["AUC"], atol=1e-4)
    assert found.loc["FBR"]["AUC"].min() > 0.9 > 0.6 > found.loc["unsigned"]["AUC"].max()
    assert report.tables["tails"].groupby("variant")["AUC"].mean()["neither"] < 0.8
    kernel = Kernel("rbf", task.features)
    kept = zhang2025_fbr.METHODS["small loss"](task, kernel) > 0
    loss = leave_one_out(kernel, *task.everything(), 10)[:300]
    assert kept.sum() == 180 and loss[kept].max() <= loss[~kept].min()
    training = report.tables["training"]
    here = training[(training["noise"] == "pair") & (training["kernel"] == "rbf")].pivot(
        index="seed", columns="method", values="accuracy")
    found_here = train(kernel, *task.everything(), np.concatenate([kept, np.ones(40)]), 10)(task.test_features)
    assert here.loc[1, "small loss"] == (found_here == task.test_labels).mean()
    gain = (here["oracle"] - here["none"]).mean()
    assert f"{here['oracle'].mean():.3f} ({gain:+.3f} [" in report.text
    accuracy = report.tables["training"].groupby(["kernel", "method"])["accuracy"].mean()
    for kernel in ("linear", "rbf"):
        assert accuracy[kernel, "oracle"] > max(accuracy[kernel, "none"], accuracy[kernel, "clean only"])
    assert set(report.tables["trial"]["within"]) <= {"yes", "no"} and "symmetric 0.4" in set(
        report.tables["trial"]["noise"])
    assert all(axis.get_ylabel() for axis in report.figure.axes)
    assert matplotlib.image.imread(report.write(tmp_path)[0]).std() > 0.01


SIZES = selection_methods.Sizes(n=30, clean=6, d=1200, m=4, n_snr2=10.0, steps=300, kernel_steps=200, test=200)


@pytest.mark.compiled
def test_selection_task() -> None:
    """Labels of the n samples alone are flipped; policies and kernels see the same draw."""
    for seed in range(4):
        other = selection_methods.make_task(0.4, seed, SIZES).draw
        assert (other.labels == other.observed_labels)[30:].all()
    task = selection_methods.make_task(0.2, 3, SIZES)
    flips = task.draw.labels != task.draw.observed_labels
    assert flips.sum() == 6 == task.wrong.sum() and not flips[30:].any() and task.draw.labels[30:].sum() == 0
    np.testing.assert_allclose(task.patches[:, 0], task.draw.labels[:, None] * task.draw.vectors[0])
    np.testing.assert_allclose(task.patches[:, 1], task.draw.vectors[1:])
    assert task.problem.n == 36 and task.problem.snr**2 * 30 == pytest.approx(10)
    oracle = task.network(ts.OracleSelection(0))
    np.testing.assert_array_equal(oracle.selection.flagged, flips)
    kept = task.network(kept=~task.wrong)
    assert kept.draw.n == 30
    np.testing.assert_allclose(kept.predict(task.test_patches), oracle.predict(task.test_patches), rtol=1e-8)
    matrices = task.kernels("linear")
    learned = matrices.train(ts.Reweighting())
    assert learned.draw.n == 30 and learned.draw.clean == 6
    np.testing.assert_array_equal(learned.noisy, task.wrong)
    raw = task.patches.reshape(36, -1)
    np.testing.assert_allclose(matrices.whole, raw @ raw.T / (raw**2).sum(axis=1).mean(), atol=1e-12)
    assert matrices.train(ts.Reweighting(reweight=False), np.ones(36)).draw.n == 36


@pytest.mark.compiled
def test_selection_report() -> None:
    """Rows are what direct runs give."""
    report = reproduce("selection-methods", seeds=2, rates=(0.2,), kernels=("linear",), sizes=SIZES)
    found = report.tables["runs"].set_index(["method", "seed"]).sort_index()
    task = selection_methods.make_task(0.2, 1, SIZES)
    plain, stopped = task.network(), task.network(ts.EarlyStopping(ts.FirstStage()))
    accuracy = (plain.predict(task.test_patches) * task.test_labels > 0).mean()
    assert found.loc["patch: no defence", 1]["accuracy"] == accuracy
    assert found.loc["patch: early stopping", 1]["stopped at"] == stopped.steps < SIZES.steps
    margins = (task.draw.observed_labels * stopped.outputs())[:30]
    assert found.loc["patch: small loss", 1]["AUC"] == weight_auc(margins, task.wrong)
    small = task.network(ts.SmallLossSelection(ts.FirstStage())).selection
    assert found.loc["patch: small loss", 1]["recall"] == small.flagged[:30][task.wrong].mean()
    learned = task.kernels("linear").train(ts.Reweighting())
    row, flagged = found.loc["linear: reweighting", 1], learned.weights[-1] <= 0.5
    assert row["AUC"] == weight_auc(learned.weights[-1], task.wrong)
    assert row["precision"] == task.wrong[flagged].mean() and row["recall"] == flagged[task.wrong].mean()
    assert row["accuracy"] == (learned.test_outputs[-1] * task.test_labels > 0).mean()
    assert found.loc["linear: oracle", 1]["accuracy"] >= found.loc["linear: no defence", 1]["accuracy"]
    kept = task.network(kept=learned.weights[-1] > 0.5)
    accuracy = (kept.predict(task.test_patches) * task.test_labels > 0).mean()
    assert found.loc["patch: kept by linear reweighting", 1]["accuracy"] == accuracy > 0.9
    assert len(report.tables["accuracy"]) == 4 + 5
    assert len(report.figure.axes) == 3


@pytest.mark.compiled
def test_selection_rows() -> None:
    """Precision: of the flagged, the wrong; recall: of the wrong, the flagged; nothing flagged has no precision."""
    task = selection_methods.make_task(0.2, 0, SIZES)
    flagged = ~task.wrong
    flagged[np.flatnonzero(task.wrong)[:3]] = True
    row = selection_methods._row(task, "", 0.5, None, flagged)
    assert (row["precision"], row["recall"]) == (3 / 27, 3 / 6)
    row = selection_methods._row(task, "", 0.5, None, np.zeros(30, dtype=bool))
    assert np.isnan(row["precision"]) and row["recall"] == 0


def test_selection_gains() -> None:
    """Against the plain network at the highest rate, seed by seed: 0.15 and 0.2, so ± 12.706 × 0.025."""
    frame = pd.DataFrame([
        {"rate": rate, "method": method, "accuracy": accuracy}
        for rate, shift in ((0.1, 0.0), (0.3, 0.05))
        for method, values in ((selection_methods.PLAIN, (0.5, 0.6)), ("other", (0.6 + 2 * shift - 0.05, 0.8)))
        for accuracy in values])
    found = selection_methods._accuracies(frame).set_index("method")
    assert found.loc["other"].iloc[-1] == "+0.175 [-0.143, +0.493]"
    assert found.loc[selection_methods.PLAIN].iloc[-1] == "" and list(found)[:2] == ["τ = 0.1", "τ = 0.3"]


def test_names_are_registered() -> None:
    """With a line of text each."""
    for name in ("zhang2025-phases", "zhang2025-drift", "zhang2025-fbr", "selection-methods"):
        assert figures()[name]
