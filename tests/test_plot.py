"""Pictures: axes in, axes out, labelled, showing what the run holds."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import theorysim as ts

PROBLEM = ts.SignalNoise(n=6, d=300, m=2, signal_norm=3.0, noise_std=0.5, init_std=0.01)


def runs(steps: int = 30) -> dict[str, list[ts.Run]]:
    """Two algorithms, two seeds each."""
    algorithms = {"GD": ts.GradientDescent(0.2), "noisy": ts.GradientDescent(0.2, ts.Flip(0.1))}
    return {
        name: [ts.simulate(PROBLEM, algorithm, steps, seed) for seed in (0, 1)]
        for name, algorithm in algorithms.items()
    }


@pytest.fixture(autouse=True)
def close_figures() -> object:
    """No figure outlives its test."""
    yield
    plt.close("all")


def test_one_run_makes_its_own_figure() -> None:
    """Four labelled panels whose lines are the run's columns."""
    run = runs()["GD"][0]
    axes = ts.plot.dynamics(run, n_test=500)
    assert len(axes) == 4 and all(axis.get_xlabel() == "step (updates)" and axis.get_ylabel() for axis in axes)
    np.testing.assert_array_equal(axes[0].get_lines()[0].get_ydata(), run.column("gamma_max"))
    np.testing.assert_array_equal(axes[2].get_lines()[0].get_ydata(), run.column("train_loss"))
    curve = run.test_accuracy_curve(n_test=500)["test_accuracy"]
    np.testing.assert_array_equal(axes[3].get_lines()[0].get_ydata(), curve)


def test_seeds_become_median_and_band() -> None:
    """Given axes are drawn into and returned; two seeds show their median and a band."""
    _, given = plt.subplots(2, 2)
    group = runs()
    axes = ts.plot.dynamics(group, given, n_test=500)
    assert list(axes) == list(given.ravel())
    loss = np.median([run.column("train_loss") for run in group["GD"]], axis=0)
    np.testing.assert_array_equal(axes[2].get_lines()[0].get_ydata(), loss)
    assert len(axes[2].collections) == 2, "a band for each name"
    assert [text.get_text() for text in axes[2].get_legend().get_texts()] == ["GD (2 seeds)", "noisy (2 seeds)"]


def test_stage_times_are_marked_where_reached() -> None:
    """T1 appears as a dotted line at its step in every panel."""
    run = ts.simulate(PROBLEM, ts.GradientDescent(0.5), 400)
    first = run.stage_times().T1
    assert np.isfinite(first)
    axes = ts.plot.dynamics(run, n_test=100)
    for axis in axes:
        dotted = [line.get_xdata()[0] for line in axis.get_lines() if line.get_linestyle() == ":"]
        assert first in dotted
    assert any(text.get_text() == f"T1 = {first:g}" for text in axes[3].texts)


def test_runs_of_different_lengths_share_what_they_have() -> None:
    """Curves end with the shortest run of a name."""
    pair = [ts.simulate(PROBLEM, ts.GradientDescent(0.2), steps, record_every=5) for steps in (20, 35)]
    axes = ts.plot.dynamics({"GD": pair}, n_test=100)
    assert axes[0].get_lines()[0].get_xdata()[-1] == 20
    assert axes[3].get_lines()[0].get_xdata().tolist() == [0, 5, 10, 15, 20]


def test_patch_data_has_no_test_accuracy() -> None:
    """Without a test distribution the last panel is switched off."""
    data = ts.PatchData.from_vectors(np.eye(4).reshape(2, 2, 4), [1, -1], m=2, init_std=0.1)
    axes = ts.plot.dynamics(ts.simulate(data, ts.GradientDescent(0.5), 10))
    assert not axes[3].axison and not axes[3].get_lines()
    assert axes[2].axison


@pytest.mark.parametrize("wrong", [None, {}, 3, {"a": []}, {"a": [1]}])
def test_wrong_runs(wrong: object) -> None:
    """What is not a run is refused by name."""
    with pytest.raises(TypeError, match="runs"):
        ts.plot.dynamics(wrong)


def test_wrong_number_of_axes() -> None:
    """Four axes are needed."""
    _, given = plt.subplots(1, 3)
    with pytest.raises(ValueError, match="axes: has 3 axes, must have 4"):
        ts.plot.dynamics(runs()["GD"][0], given)
