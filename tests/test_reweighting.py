"""Sample reweighting: compiled against loops, meta-gradients against differences, times, kernels, finite width."""

import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.integrate
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import theorysim as ts
from theorysim.reweighting import (
    REWEIGHTING_OBSERVABLES, Digits, KernelReweighting, LabelledArrays, Reweighting, ReweightingDraw, ReweightingRun,
    SignalNoiseImages, deviation, draw_reweighting, stepper,
)
from theorysim.reweighting.gram import gram, median_distance
from theorysim.reweighting.kernel import LARGEST
from theorysim.reweighting.network import Parameters
from theorysim.reweighting.observables import drift, drifts, weight_auc
from theorysim.reweighting.stepper import BLOCK

Array = NDArray[np.float64]

PATCHES = SignalNoiseImages()
SMALL = KernelReweighting(SignalNoiseImages(d=6, noise_std=0.3), n=14, clean=5, test=4, kernel="rbf", label_flip=0.3)


def random_arrays(n: int, m: int, seed: int, test: int = 3, rank: int = 4) -> ReweightingDraw:
    """Gram matrices of Gaussian features, random labels, and a proxy kernel of its own."""
    rng = np.random.default_rng(seed)
    train, clean, tests = (rng.standard_normal((size, rank)) for size in (n, m, test))
    labels, true, clean_labels, test_labels = (rng.choice([-1.0, 1.0], size) for size in (n, n, m, test))
    return ReweightingDraw(train @ train.T, clean @ train.T, labels, clean_labels, true, tests @ train.T, test_labels,
                           clean @ train.T + 0.3 * rng.standard_normal((m, n)))


def naive(
    draw: ReweightingDraw, algorithm: Reweighting, steps: int, seed: int, start: list[float]
) -> list[dict[str, Any]]:
    """The rule with scalars and loops: the state and g before each step, and at the end."""
    n, m = draw.n, draw.clean
    y, yv, kernel, proxy = draw.labels, draw.clean_labels, draw.train_kernel, draw.proxy_kernel
    lr, beta = draw.learning_rates(algorithm)
    f, fv, ft, w = [0.0] * n, [0.0] * m, [0.0] * len(draw.test_labels), list(start)
    history: list[dict[str, Any]] = []
    grown = frozen = False
    for t in range(steps + 1):
        u = [f[i] - y[i] for i in range(n)]
        ahead = []
        for j in range(m):
            step = sum(proxy[j, i] * w[i] * u[i] for i in range(n)) if algorithm.look_ahead == "exact" else 0.0
            ahead.append(fv[j] - lr * step - yv[j])
        g = [u[i] * sum(proxy[j, i] * ahead[j] for j in range(m)) / m for i in range(n)]
        history.append({"f": f, "fv": fv, "ft": ft, "w": w, "g": g, "ahead": ahead})
        grown |= max(map(abs, [*f, *fv])) >= 0.5
        same = sum(np.sign(now) == np.sign(then) for now, then in zip(g, history[0]["g"], strict=True)) / n
        frozen |= algorithm.freeze_at == "t2" and grown and same < 0.9
        frozen |= algorithm.freeze_at == t or not algorithm.reweight
        if algorithm.clean_batch is not None:
            block = t // BLOCK
            first = block * BLOCK
            chosen = stepper.batches(m, algorithm.clean_batch, seed, first, first + BLOCK)[t - first]
            g = [u[i] * sum(proxy[j, i] * ahead[j] for j in chosen) / len(chosen) for i in range(n)]
        if not frozen:
            w = [min(max(w[i] + beta * g[i], 0.0), 1.0) for i in range(n)]
        r = [w[i] * u[i] for i in range(n)]
        f, fv, ft = (
            [old[k] - lr * sum(rows[k, i] * r[i] for i in range(n)) for k in range(len(old))]
            for old, rows in ((f, kernel), (fv, draw.clean_kernel), (ft, draw.test_kernel))
        )
    return history


def assert_agrees(run: ReweightingRun, history: list[dict[str, Any]], tolerance: float = 1e-12) -> None:
    """All recorded arrays, relative to the largest entry or 1."""
    for k, step in enumerate(run.steps_recorded):
        for name, found in (("f", run.outputs), ("fv", run.clean_outputs), ("ft", run.test_outputs),
                            ("w", run.weights), ("g", run.gradients)):
            expected = np.array(history[step][name])
            scale = max(1.0, np.abs(expected).max(initial=0))
            assert np.abs(found[k] - expected).max(initial=0) <= tolerance * scale, (name, step)


ALGORITHMS = (
    Reweighting(lr_share=0.1), Reweighting(lr_share=0.1, look_ahead="none"), Reweighting(lr_share=0.3, clean_batch=2),
    Reweighting(lr_share=0.2, freeze_at=7), Reweighting(lr_share=0.3, freeze_at="t2"), Reweighting(reweight=False),
    Reweighting(lr=1e-3, weight_lr=0.5, initial_weight=0.0), Reweighting(lr_share=1.0, weight_lr=0.0),
)


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=str)
def test_against_loops(algorithm: Reweighting) -> None:
    """Every option, with noise in the proxy kernel, at every step."""
    draw = random_arrays(11, 5, 3)
    problem = KernelReweighting(PATCHES, 11, 5)
    run = ts.simulate(problem, algorithm, 80, 4, draw=draw, record_at=range(81))
    history = naive(draw, algorithm, 80, 4, [algorithm.initial_weight] * 11)
    assert_agrees(run, history)
    np.testing.assert_allclose(run.clean_residuals, [one["ahead"] for one in history], atol=1e-12)
    signs = np.sign([one["g"] for one in history])
    np.testing.assert_array_equal(run.series[:, 3], (signs == signs[0]).mean(axis=1))
    peak = [max(map(abs, [*one["f"], *one["fv"]])) for one in history]
    np.testing.assert_allclose(run.series[:, 2], peak, atol=1e-12)


def test_freezing_at_t2_happens() -> None:
    """In the run with that option above: the weights move before t2 and never after."""
    draw = random_arrays(11, 5, 3)
    run = ts.simulate(KernelReweighting(PATCHES, 11, 5), Reweighting(lr_share=0.3, freeze_at="t2"), 80, 4,
                      draw=draw, record_at=range(81))
    t2 = int(run.stage_times()["t2"])
    moved = np.abs(np.diff(run.weights, axis=0)).max(axis=1)
    assert 0 < t2 < 80 and moved[:t2].any() and not moved[t2:].any()


def test_signs_that_change_before_t1_do_not_freeze() -> None:
    """Below 0.9 from step 4 on, but outputs reach ½ at step 47 only: until then the weights move, as in loops."""
    algorithm = Reweighting(lr_share=0.1, freeze_at="t2")
    draw = random_arrays(11, 5, 4)
    run = ts.simulate(KernelReweighting(PATCHES, 11, 5), algorithm, 80, draw=draw, record_at=range(81))
    moved = np.abs(np.diff(run.weights, axis=0)).max(axis=1)
    assert (run.series[:47, 3] < 0.9).any() and run.stage_times()["t1"] == run.stage_times()["t2"] == 47
    assert moved[20:47].max() > 1e-3 and not moved[47:].any()
    assert_agrees(run, naive(draw, algorithm, 80, 0, [0.5] * 11))


def test_times_of_a_series() -> None:
    """By hand: t_pol before the maximum, t2 after t1 although the outputs are small again, and what is not reached."""
    run = ts.simulate(SMALL, Reweighting(), 4)
    columns = [[0.5, 0.8, 0.94, 1.0, 0.9], [0.5, 0.2, 0.1, 0.1, 0.2],
               [0.0, 0.2, 0.5, 0.4, 0.1], [1.0, 0.8, 0.95, 0.9, 0.8]]
    times = replace(run, series=np.array(columns).T).stage_times()
    assert times.to_dict() == {"t_pol": 2.0, "t1": 2.0, "t2": 4.0}
    columns[2] = [0.1] * 5
    columns[1] = columns[0]
    assert np.isnan(list(replace(run, series=np.array(columns).T).stage_times().to_dict().values())).all()


@given(
    n=st.integers(1, 7), m=st.integers(1, 5), seed=st.integers(0, 10_000), share=st.floats(0.01, 1.0),
    look_ahead=st.sampled_from(["exact", "none"]), batch=st.booleans(),
    freeze=st.one_of(st.none(), st.integers(0, 25)), initial=st.floats(0, 1),
)
def test_against_loops_everywhere(
    n: int, m: int, seed: int, share: float, look_ahead: str, batch: bool, freeze: int | None, initial: float
) -> None:
    """Small problems of any shape; the weights stay in [0, 1]."""
    draw = random_arrays(n, m, seed)
    algorithm = Reweighting(lr_share=share, initial_weight=initial, look_ahead=look_ahead, freeze_at=freeze,
                            clean_batch=1 if batch else None)
    problem = KernelReweighting(PATCHES, n, m)
    run = ts.simulate(problem, algorithm, 25, seed, draw=draw, record_at=range(26))
    assert_agrees(run, naive(draw, algorithm, 25, seed, [initial] * n), 1e-11)
    assert ((run.weights >= 0) & (run.weights <= 1)).all()


def test_order_of_updates() -> None:
    """One sample, K = 1: the look-ahead takes the old weight, the step the new one and the old residual."""
    draw = ReweightingDraw([[1.0]], [[1.0]], [1.0], [1.0])
    algorithm = Reweighting(lr=0.1, weight_lr=0.2)
    run = ts.simulate(KernelReweighting(PATCHES, 1, 1), algorithm, 2, draw=draw, record_at=(1,))
    # u = -1, û = 0.05 - 1, g = 0.95, w = 0.69, f = 0.069; then u = -0.931, û = 0.069 + 0.069 * 0.931 - 1.
    g = 0.931 * (0.931 - 0.069 * 0.931)
    w = 0.69 + 0.2 * g
    np.testing.assert_allclose(run.gradients[:2, 0], [0.95, g], rtol=1e-14)
    np.testing.assert_allclose(run.weights[:, 0], [0.5, 0.69, w], rtol=1e-14)
    np.testing.assert_allclose(run.outputs[:, 0], [0, 0.069, 0.069 + 0.1 * w * 0.931], rtol=1e-14)


@given(n=st.integers(1, 8), m=st.integers(1, 5), seed=st.integers(0, 10_000), step=st.integers(0, 40))
def test_meta_gradient_of_a_kernel(n: int, m: int, seed: int, step: int) -> None:
    """g = −(1/η) ∂L_val/∂w by central differences, exact for a quadratic."""
    draw = random_arrays(n, m, seed)
    draw = replace_proxy(draw)
    run = ts.simulate(KernelReweighting(PATCHES, n, m), Reweighting(lr_share=0.1), step, draw=draw)
    f, fv, w = run.outputs[-1], run.clean_outputs[-1], run.weights[-1]

    def loss(weights: Array) -> float:
        ahead = fv - run.lr * draw.clean_kernel @ (weights * (f - draw.labels)) - draw.clean_labels
        return float((ahead**2).mean() / 2)

    found = np.array([(loss(w + one) - loss(w - one)) / 2 for one in np.eye(n)]) / -run.lr
    assert np.abs(found - run.gradients[-1]).max() <= 1e-8 * max(np.abs(run.gradients[-1]).max(), 1e-3)


def replace_proxy(draw: ReweightingDraw) -> ReweightingDraw:
    """The same with the true kernel in the meta-gradient."""
    return ReweightingDraw(draw.train_kernel, draw.clean_kernel, draw.labels, draw.clean_labels,
                           draw.true_labels, draw.test_kernel, draw.test_labels)


@pytest.mark.parametrize("seed", range(5))
def test_meta_gradient_of_a_network(seed: int) -> None:
    """g = −(1/η) ∂L_val(θ̂(w))/∂w by central differences, the network evaluated after the step; steps of 4%."""
    problem, step = replace(SMALL, kernel="ntk"), 1e-3
    run = ts.simulate(problem, Reweighting(lr_share=0.04), 15, seed, engine="network", width=30)
    assert run.network is not None and run.draw.inputs is not None
    (first, second), w, x = run.network, run.weights[-1], run.draw.inputs

    def outputs(first: Array, second: Array, inputs: Array) -> Array:
        return np.array([sum(a * max(float(row @ one), 0) for a, row in zip(second, first, strict=True))
                         for one in inputs]) / np.sqrt(len(second))

    train, clean = x[:14], x[14:19]
    residual = outputs(first, second, train) - run.draw.labels

    def loss(weights: Array) -> float:
        new_first, new_second = first.copy(), second.copy()
        for i, one in enumerate(train):
            active = (first @ one > 0)
            factor = run.lr * weights[i] * residual[i] / np.sqrt(len(second))
            new_first -= factor * np.outer(second * active, one)
            new_second -= factor * active * (first @ one)
        error = outputs(new_first, new_second, clean) - run.draw.clean_labels
        return float((error**2).mean() / 2)

    found = np.array([(loss(w + step * one) - loss(w - step * one)) / (2 * step) for one in np.eye(14)]) / -run.lr
    np.testing.assert_allclose(residual + run.draw.labels, run.outputs[-1], atol=1e-13)
    assert np.abs(found - run.gradients[-1]).max() <= 1e-8 * np.abs(run.gradients[-1]).max()


def test_step_of_a_network_is_the_gradient() -> None:
    """The update of W and a against central differences of the weighted loss, with the new weights."""
    problem = replace(SMALL, kernel="ntk")
    rng = np.random.default_rng(0)
    start = rng.standard_normal((6, 12)), rng.standard_normal(6)
    run = ts.simulate(problem, Reweighting(lr_share=0.1), 1, engine="network", width=6, parameters=start)
    assert run.network is not None and run.draw.inputs is not None
    x, y, w = run.draw.inputs[:14], run.draw.labels, run.weights[1]

    def loss(flat: Array) -> float:
        values = np.maximum(x @ flat[:72].reshape(6, 12).T, 0) @ flat[72:] / np.sqrt(6)
        return float((w * (values - y) ** 2).sum() / 2)

    flat = np.concatenate([start[0].ravel(), start[1]])
    slope = np.array([(loss(flat + 1e-5 * one) - loss(flat - 1e-5 * one)) / 2e-5 for one in np.eye(78)])
    moved = np.concatenate([run.network[0].ravel(), run.network[1]]) - flat
    np.testing.assert_allclose(moved, -run.lr * slope, atol=1e-8 * np.abs(moved).max())


def test_network_without_look_ahead() -> None:
    """g_i = u_i ⟨∇f_i, ∇L_val⟩ at θ itself, by differences of L_val along ∇f_i."""
    problem = replace(SMALL, kernel="ntk")
    run = ts.simulate(problem, Reweighting(lr_share=0.3, look_ahead="none"), 5, engine="network", width=20)
    assert run.network is not None and run.draw.inputs is not None
    network, x = Parameters(*run.network), run.draw.inputs

    def loss(one: Parameters) -> float:
        return float(((one.outputs(x[14:19]) - run.draw.clean_labels) ** 2).mean() / 2)

    slopes = [network.gradient(x[:14], one) for one in np.eye(14)]
    along = np.array([(loss(network.moved(one, 1e-5)) - loss(network.moved(one, -1e-5))) / 2e-5 for one in slopes])
    found = along * (run.outputs[-1] - run.draw.labels)
    np.testing.assert_allclose(run.gradients[-1], found, atol=1e-8 * np.abs(found).max())


@pytest.mark.parametrize("algorithm", [Reweighting(freeze_at=5), Reweighting(clean_batch=2),
                                       Reweighting(reweight=False)], ids=str)
def test_network_options_in_the_limit(algorithm: Reweighting) -> None:
    """A wide network is much nearer to the kernel run with the same option than that is to one without it."""
    problem, steps = replace(SMALL, kernel="ntk"), 25
    kernel, plain = (ts.simulate(problem, one, steps, 1, record_at=range(steps))
                     for one in (algorithm, Reweighting()))
    network = ts.simulate(problem, algorithm, steps, 1, engine="network", width=20_000, record_at=range(steps))
    assert deviation(kernel, network)["weights"] < deviation(kernel, plain)["weights"] / 2.5


def test_network_frozen_at_t2() -> None:
    """Its weights move until its own t2 and never after."""
    algorithm = Reweighting(lr_share=0.2, freeze_at="t2")
    run = ts.simulate(replace(SMALL, kernel="ntk"), algorithm, 60, 1, engine="network", width=200,
                      record_at=range(60))
    t2 = int(run.stage_times()["t2"])
    moved = np.abs(np.diff(run.weights, axis=0)).max(axis=1)
    assert 0 < t2 < 60 and moved[t2 - 1] > 0 and not moved[t2:].any()


def test_deviation_falls_with_width() -> None:
    """Root mean square over 16 seeds: exponent −½ up to the spread (outputs −0.47, weights −0.44 with 24 seeds)."""
    problem = KernelReweighting(SignalNoiseImages(d=5), 20, 8, test=0, kernel="ntk")
    widths, algorithm = (64, 256, 1024, 4096), Reweighting()
    gaps = np.empty((len(widths), 16, 2))
    for seed in range(16):
        kernel = ts.simulate(problem, algorithm, 30, seed)
        for k, width in enumerate(widths):
            gap = deviation(kernel, ts.simulate(problem, algorithm, 30, seed, engine="network", width=width))
            gaps[k, seed] = gap["outputs"], gap["weights"]
    size = np.sqrt((gaps**2).mean(axis=1))
    assert (np.diff(size, axis=0) < 0).all()
    exponents = np.polyfit(np.log(widths), np.log(size), 1)[0]
    assert (np.abs(exponents + 0.5) < 0.15).all(), exponents


def test_ntk_against_an_integral() -> None:
    """E σσ' and E σ'σ' over the direction of a Gaussian in the plane of x and x'."""
    rng = np.random.default_rng(0)
    one, other = rng.standard_normal((4, 3)), rng.standard_normal((5, 3))
    kernel = gram("ntk", one, other)
    for i, x in enumerate(one):
        for j, z in enumerate(other):
            scale = np.linalg.norm(x) * np.linalg.norm(z)
            angle = np.arccos(x @ z / scale)
            edges = (angle - np.pi / 2, np.pi / 2)  # where both neurons are active
            second = scale * scipy.integrate.quad(lambda t: np.cos(t) * np.cos(t - angle) / np.pi, *edges)[0]
            first = x @ z * (edges[1] - edges[0]) / (2 * np.pi)
            assert kernel[i, j] == pytest.approx(first + second, rel=1e-12, abs=1e-14)


def test_ntk_is_the_kernel_of_a_wide_network() -> None:
    """⟨∇f(x), ∇f(x')⟩ of 400 000 random neurons within 5 standard errors."""
    width = 400_000
    x = np.random.default_rng(1).standard_normal((4, 3))
    network = Parameters.antisymmetric(width, 3, 5)
    found = np.array([network.along(x, network.gradient(x, one)) for one in np.eye(4)])
    w, a = network.first[: width // 2], network.second[: width // 2]
    terms = [np.maximum(w @ p, 0) * np.maximum(w @ q, 0) + a**2 * (w @ p > 0) * (w @ q > 0) * (p @ q)
             for p in x for q in x]
    error = np.array([np.std(one) for one in terms]).reshape(4, 4) / np.sqrt(width // 2)
    assert (np.abs(found - gram("ntk", x, x)) < 5 * error).all()


@given(size=st.integers(1, 12), d=st.integers(1, 4), seed=st.integers(0, 1000),
       kernel=st.sampled_from(["linear", "rbf", "ntk"]))
def test_kernels_are_positive(size: int, d: int, seed: int, kernel: str) -> None:
    """Symmetric and positive semidefinite, with a zero input and two equal ones among the inputs."""
    x = np.random.default_rng(seed).standard_normal((size, d))
    x[0] = 0
    x = np.concatenate([x, x[-1:]])
    matrix = gram(kernel, x, x)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-14)
    assert np.linalg.eigvalsh(matrix).min() > -1e-7 * np.trace(matrix) - 1e-14
    np.testing.assert_allclose(np.diag(matrix), 1 if kernel == "rbf" else (x**2).sum(axis=1), atol=1e-13)


def test_rbf_against_loops() -> None:
    """With the median distance as bandwidth."""
    x = np.random.default_rng(0).standard_normal((7, 3))
    width = float(np.median([np.linalg.norm(x[i] - x[j]) for i in range(7) for j in range(i)]))
    assert median_distance(x) == pytest.approx(width, rel=1e-12)
    given = LabelledArrays(x, np.ones(7))
    draw = draw_reweighting(KernelReweighting(given, 5, 2, kernel="rbf", balanced_clean=False), 0)
    assert draw.inputs is not None
    width = float(np.median([np.linalg.norm(a - b) for k, a in enumerate(draw.inputs[:5])
                             for b in draw.inputs[:k]]))
    expected = [[np.exp(-((a - b) ** 2).sum() / (2 * width**2)) for b in draw.inputs[:5]] for a in draw.inputs]
    np.testing.assert_allclose(draw.outputs_kernel, expected, rtol=1e-12)
    assert median_distance(x[:1]) == 1.0 and median_distance(np.ones((3, 2))) == 1.0


@pytest.mark.parametrize("algorithm", [Reweighting(), Reweighting(clean_batch=2)], ids=str)
def test_same_numbers_however_cut(algorithm: Reweighting) -> None:
    """Recorded here or there, at once or resumed twice, across blocks of random numbers: bit for bit."""
    steps = 2 * BLOCK + 30
    whole = ts.simulate(SMALL, algorithm, steps, 3, record_at=())
    often = ts.simulate(SMALL, algorithm, steps, 3, record_at=range(0, steps, 7))
    part = ts.simulate(SMALL, algorithm, 100, 3)
    more = ts.resume(ts.resume(part, 200, record_at=(170, 290)), steps - 300, record_at=())
    for other in (often, more):
        np.testing.assert_array_equal(whole.series, other.series)
        for name in ("outputs", "clean_outputs", "test_outputs", "weights", "gradients", "coefficients"):
            np.testing.assert_array_equal(getattr(whole, name)[-1], getattr(other, name)[-1])
    assert {170, 290, 300, steps} <= set(more.steps_recorded) and (np.diff(more.steps_recorded) > 0).all()
    assert more.stage_times() == whole.stage_times() and more.timings["solve"] > 0
    assert ts.resume(whole, 0).steps == steps


def test_resuming_a_frozen_run() -> None:
    """t2 lies in the first part: the weights stay as they are, although the signs are back where it ends."""
    algorithm = Reweighting(lr_share=0.3, freeze_at="t2")
    draw, problem = random_arrays(11, 5, 32), KernelReweighting(PATCHES, 11, 5)
    whole = ts.simulate(problem, algorithm, 120, 4, draw=draw)
    part = ts.simulate(problem, algorithm, 20, 4, draw=draw)
    assert part.stage_times()["t2"] < 20 and part.series[-1, 3] >= 0.9
    np.testing.assert_array_equal(ts.resume(part, 100).series, whole.series)
    free = ts.simulate(problem, replace(algorithm, freeze_at=None), 120, 4, draw=draw)
    assert np.abs(free.weights[-1] - whole.weights[-1]).max() > 1e-3


def test_control_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """Returns what is done, which can be resumed to the same end."""
    whole = ts.simulate(SMALL, Reweighting(), 900, 3)
    real = stepper.batches

    def interrupting(*given: Any) -> NDArray[np.int64]:
        if given[3] == BLOCK:
            signal.raise_signal(signal.SIGINT)
        return real(*given)

    monkeypatch.setattr(stepper, "batches", interrupting)
    run = ts.simulate(SMALL, Reweighting(), 900, 3, record_at=())
    monkeypatch.undo()
    assert run.status == "interrupted" and run.steps == run.stopped_at == 2 * BLOCK
    assert "interrupted at step 512" in run.message
    np.testing.assert_array_equal(ts.resume(run, 900 - 512).series, whole.series)


def test_observables_against_loops() -> None:
    """AUC over pairs, margins and losses by sums, drift by its definition; NaN where there is nothing."""
    run = ts.simulate(SMALL, Reweighting(lr_share=0.2), 60, 5)
    draw, table = run.draw, run.observables
    assert list(table) == list(REWEIGHTING_OBSERVABLES) and 0 < run.noisy.sum() < 14
    for k in (0, 7, len(table) - 1):
        row, w, step = table.iloc[k], run.weights[k], run.steps_recorded[k]
        pairs = [(a > b) + 0.5 * (a == b) for a in w[~run.noisy] for b in w[run.noisy]]
        assert row["auc"] == pytest.approx(np.mean(pairs), rel=1e-13)
        u, fv, ft = run.outputs[k] - draw.labels, run.clean_outputs[k], run.test_outputs[k]
        ahead = [fv[j] - run.lr * sum(draw.clean_kernel[j] * w * u) - draw.clean_labels[j] for j in range(5)]
        margins = [abs(sum(draw.clean_kernel[j, i] * ahead[j] for j in range(5)))
                   / sum(abs(draw.clean_kernel[j, i] * ahead[j]) for j in range(5)) for i in range(14)]
        assert row["margin_median"] == pytest.approx(np.median(margins), rel=1e-12)
        assert row["margin_min"] == pytest.approx(min(margins), rel=1e-10)
        assert row["clean_loss"] == pytest.approx(sum((fv - draw.clean_labels) ** 2) / 10, rel=1e-13)
        assert row["train_loss"] == pytest.approx(sum(u**2) / 28, rel=1e-13)
        assert row["test_accuracy"] == np.mean(ft * draw.test_labels > 0)
        assert row["weight_clean"] == pytest.approx(w[~run.noisy].mean(), rel=1e-13)
        assert row["weight_noisy"] == pytest.approx(w[run.noisy].mean(), rel=1e-13)
        seen = run.series[: step + 1, 1]
        lowest = min(range(len(seen)), key=lambda t: seen[t])
        assert row["drift"] == max(seen[lowest:]) - seen[lowest]
    assert run.drift == table["drift"].iloc[-1]
    assert drift(np.array([3.0, 1.0, 2.5, 0.5, 0.75])) == 0.25
    for seed in range(20):
        walk = np.random.default_rng(seed).integers(0, 6, 40) / 7  # with ties
        np.testing.assert_array_equal(drifts(walk), [drift(walk[: t + 1]) for t in range(40)])
    assert np.isnan(weight_auc(np.ones(3), np.ones(3, dtype=bool)))


def test_flip_margin_is_what_flips() -> None:
    """K_ij → K_ij(1 ± δ) in the direction against the sum changes its sign just beyond δ = M_i."""
    run = ts.simulate(SMALL, Reweighting(lr_share=0.2), 40, 2)
    kernel, ahead = run.draw.clean_kernel, run.clean_residuals[-1]
    for i, margin in enumerate(run.flip_margins[-1]):
        terms = kernel[:, i] * ahead
        for delta, flips in ((margin * (1 - 1e-9), False), (margin * (1 + 1e-9), True)):
            changed = terms * (1 - delta * np.sign(terms) * np.sign(terms.sum()))
            assert (np.sign(changed.sum()) != np.sign(terms.sum())) == flips


def test_weights_given() -> None:
    """Training on the true labels alone is the closed form of gradient descent there; all zero trains nothing."""
    draw = draw_reweighting(SMALL, 2)
    clean = ~draw.noisy
    fixed = Reweighting(reweight=False, lr_share=0.5)
    run = ts.simulate(SMALL, fixed, 50, draw=draw, weights=clean.astype(float))
    inner = draw.train_kernel[np.ix_(clean, clean)]
    left = np.linalg.matrix_power(np.eye(clean.sum()) - run.lr * inner, 50) @ draw.labels[clean]
    np.testing.assert_allclose(run.outputs[-1][clean], draw.labels[clean] - left, atol=1e-13)
    assert run.series[:, 0].min() == 1.0 and run.series[:, 1].max() == 0.0
    still = ts.simulate(SMALL, fixed, 10, draw=draw, weights=np.zeros(14))
    assert not still.outputs.any() and not still.test_outputs.any()
    woken = ts.simulate(SMALL, Reweighting(), 10, draw=draw, weights=np.zeros(14))
    assert woken.weights[-1].any() and woken.outputs[-1].any()


def test_hard_inputs() -> None:
    """One class, one sample, one clean sample, no flips, a sample that the kernel does not see."""
    kernel = np.diag([1.0, 2.0, 0.0])
    draw = ReweightingDraw(kernel, kernel[:2] + 0.5 * (kernel[:2] == 0) * [1, 1, 0], np.ones(3), np.ones(2))
    run = ts.simulate(KernelReweighting(PATCHES, 3, 2), Reweighting(lr=0.1, weight_lr=0.1), 50, draw=draw)
    assert run.status == "completed"
    assert not run.gradients[:, 2].any() and (run.weights[:, 2] == 0.5).all() and not run.outputs[:, 2].any()
    assert np.isnan(run.flip_margins[:, 2]).all() and run.observables["margin_min"].notna().all()
    for name in ("weight_noisy", "auc", "drift", "test_accuracy"):
        assert run.observables[name].isna().all(), name
    assert np.isnan(run.stage_times()["t_pol"]) and np.isnan(run.drift)
    lone = ts.simulate(KernelReweighting(PATCHES, 1, 1, test=0, label_flip=1.0), Reweighting(), 100, 1)
    assert lone.noisy.all() and np.isnan(lone.series[:, 0]).all() and lone.status == "completed"
    spotless = ts.simulate(replace(SMALL, label_flip=0.0, clean=1), Reweighting(), 100, 1)
    assert not spotless.noisy.any() and spotless.observables["weight_clean"].notna().all()
    none = ts.simulate(SMALL, Reweighting(), 0)
    assert none.steps == 0 and len(none.observables) == 1


def test_kernel_of_zeros() -> None:
    """Nothing to scale the learning rates by: says which one to give."""
    draw = ReweightingDraw(np.zeros((2, 2)), np.zeros((1, 2)), np.ones(2), np.ones(1))
    problem = KernelReweighting(PATCHES, 2, 1)
    with pytest.raises(ValueError, match="lr=None: must be given"):
        ts.simulate(problem, Reweighting(), 5, draw=draw)
    with pytest.raises(ValueError, match="weight_lr=None: must be given"):
        ts.simulate(problem, Reweighting(lr=0.1), 5, draw=draw)
    run = ts.simulate(problem, Reweighting(lr=0.1, weight_lr=1.0), 5, draw=draw)
    assert not run.outputs.any() and run.observables["margin_median"].isna().all()
    ts.simulate(problem, Reweighting(lr=0.1, reweight=False), 5, draw=draw)


@pytest.mark.parametrize("factor", [1.2, 50.0, 1e150, 1e300])
@pytest.mark.parametrize("fixed", [True, False])
def test_divergence_names_the_limit(factor: float, fixed: bool) -> None:
    """Beyond 2/λ_max with all weights 1 the outputs overflow; the run keeps the last finite state."""
    limit = 2 / draw_reweighting(SMALL, 0).largest_eigenvalue()
    algorithm = Reweighting(lr=factor * limit, initial_weight=1.0, reweight=not fixed)
    run = ts.simulate(SMALL, algorithm, 5000, on_failure="return")
    if fixed:
        assert run.status == "diverged" and f"{limit:.3g}" in run.message and f"{run.stopped_at}" in run.message
        assert run.stopped_at == run.steps + 1 == run.steps_recorded[-1] + 1 < 5000
    assert run.series[:, 2].max() < LARGEST and np.isfinite(run.series).all()
    assert ((run.weights >= 0) & (run.weights <= 1)).all() and np.isfinite(run.outputs).all()
    stable = ts.simulate(SMALL, replace(algorithm, lr=0.95 * limit), 5000)
    assert stable.status == "completed" and stable.series[:, 2].max() < 10
    if run.status == "diverged":
        with pytest.raises(ValueError, match="run has status .*diverged"):
            ts.resume(run, 1)
        with pytest.raises(ts.DivergenceError, match="stable for") as caught:
            ts.simulate(SMALL, algorithm, 5000)
        np.testing.assert_array_equal(caught.value.run.outputs, run.outputs)


def test_overflow_of_the_look_ahead() -> None:
    """∞ − ∞ in g is found before a weight is made of it."""
    draw = ReweightingDraw(200 * np.eye(2), np.array([[300.0, 299.0]]), np.array([1.0, -1.0]), np.ones(1))
    run = ts.simulate(KernelReweighting(PATCHES, 2, 1), Reweighting(lr=1e308, weight_lr=1.0), 5, draw=draw,
                      on_failure="return")
    assert run.status == "diverged" and run.steps == 0 and run.stopped_at == 1
    np.testing.assert_array_equal(run.weights, [[0.5, 0.5]])


def test_divergence_of_a_network() -> None:
    """Stops likewise."""
    run = ts.simulate(replace(SMALL, kernel="ntk"), Reweighting(lr=1e3, reweight=False), 100, engine="network",
                      width=10, on_failure="return")
    assert run.status == "diverged" and np.isfinite(run.outputs).all() and run.steps == run.steps_recorded[-1] < 100


@pytest.mark.compiled
@pytest.mark.parametrize("kernel", ["linear", "ntk"])
def test_phases_of_the_patch_model(kernel: str) -> None:
    """n = 400, m = 100, p = 0.4: t_pol 5, t1 58/57, t2 391/400 in the theory's trial; 379 ± 17 and 382 ± 17 here."""
    problem = KernelReweighting(PATCHES, 400, 100, kernel=kernel)
    runs = [ts.simulate(problem, Reweighting(), 3000, seed) for seed in range(5)]
    times = np.array([list(run.stage_times().to_dict().values()) for run in runs])
    assert (np.diff(times, axis=1) > 0).all()
    assert (np.abs(times[:, 0] - 5) <= 1).all() and np.abs(times[:, 1] - 56).max() < 8
    assert abs(times[:, 2].mean() - 391) < 25 and np.abs(times[:, 2] - 391).max() < 50
    for run in runs:
        gamma = run.draw.true_labels * (run.draw.clean_kernel.T @ run.draw.clean_labels)
        assert (gamma > 0).all()  # assumption A4 for every sample
        later = run.observables[run.steps_recorded >= run.stage_times()["t1"]]
        assert later["auc"].min() > 0.999 and run.drift < 0.01
        assert run.observables["test_accuracy"].iloc[-1] == 1.0


# Of the theory's trials; five seeds here: A4 .95 ± .01, t_pol 7 ± 1, t1 37 ± 3, t2 130 ± 14, AUC .86 ± .04, D .09 ± .02
# for 3 against 8, and .85, 36 ± 30, 75 ± 3, 175 ± 60, .82, .02 ± .01 for odd against even.
@pytest.mark.compiled
@pytest.mark.parametrize(("problem", "share", "t1", "t2", "auc", "spread"), [
    (KernelReweighting(Digits((3,), (8,)), 240, 60), 0.95, 36, 132, 0.86, 0.05),
    (KernelReweighting(Digits((3,), (8,)), 240, 60, kernel="ntk"), 0.95, 54, 202, 0.86, 0.05),
    (KernelReweighting(Digits((1,), (0,)), 200, 60), 0.99, 42, 164, 0.974, 0.06),
    (KernelReweighting(Digits(), 800, 100, kernel="ntk"), 0.84, 80, 185, 0.81, 0.05),
], ids=["3-8-linear", "3-8-ntk", "0-1-linear", "odd-even-ntk"])
def test_phases_of_digits(
    problem: KernelReweighting, share: float, t1: float, t2: float, auc: float, spread: float
) -> None:
    """The theory's table: share of A4, t1 and t2 and the AUC at the end, means of five seeds."""
    runs = [ts.simulate(problem, Reweighting(), 3000, seed, record_at=()) for seed in range(5)]
    times = np.mean([list(run.stage_times().to_dict().values()) for run in runs], axis=0)
    np.testing.assert_allclose(times[1:], [t1, t2], rtol=0.2)
    assert np.mean([run.observables["auc"].iloc[-1] for run in runs]) == pytest.approx(auc, abs=spread)
    assert np.mean([
        (run.draw.true_labels * (run.draw.clean_kernel.T @ run.draw.clean_labels) > 0).mean() for run in runs
    ]) == pytest.approx(share, abs=0.02)


def test_digits_and_arrays() -> None:
    """Disjoint samples in random order, prepared by the training mean alone; the same of the same seed."""
    problem = KernelReweighting(Digits((0,), (1,)), 100, 40, clean_label_flip=0.2)
    one, other = draw_reweighting(problem, 1), draw_reweighting(problem, 1)
    np.testing.assert_array_equal(one.outputs_kernel, other.outputs_kernel)
    assert one.inputs is not None and len(one.inputs) == 360 and problem.test_size() == 220
    np.testing.assert_allclose(np.linalg.norm(one.inputs, axis=1), 1, rtol=1e-12)
    assert len(np.unique(one.inputs.round(9), axis=0)) == 360
    assert one.noisy.mean() == pytest.approx(0.4, abs=0.2)
    assert one.clean_labels.size == 40 and (draw_reweighting(replace(problem, clean_label_flip=0.0), 1)
                                            .clean_labels.sum() == 0)
    rng = np.random.default_rng(0)
    data = LabelledArrays(rng.standard_normal((30, 2)), rng.choice([-1, 1], 30), centre=True)
    draw = draw_reweighting(KernelReweighting(data, 10, 5, test=7), 3)
    assert draw.inputs is not None and len(draw.inputs) == 22
    np.testing.assert_allclose(draw.inputs[:10].mean(axis=0), 0, atol=1e-15)
    shift = {tuple((raw - row).round(9)) for row, label in zip(draw.inputs[:10], draw.true_labels, strict=True)
             for raw, true in zip(data.inputs, data.labels, strict=True) if true == label}
    assert any(sum(np.abs(data.inputs - row - np.array(s)).max(axis=1).min() < 1e-8 for row in draw.inputs) == 22
               for s in shift)


def test_clean_label_flip_and_proxy() -> None:
    """Clean labels flip at their rate; a proxy kernel changes the meta-gradient, not the training."""
    problem = KernelReweighting(PATCHES, 20, 500, clean_label_flip=0.3)
    flipped = draw_reweighting(problem, 1).clean_labels != draw_reweighting(replace(problem, clean_label_flip=0.0),
                                                                            1).clean_labels
    assert flipped.mean() == pytest.approx(0.3, abs=5 * np.sqrt(0.21 / 500))
    one, other = (draw_reweighting(replace(SMALL, proxy_kernel=proxy), 0) for proxy in (None, "linear"))
    np.testing.assert_array_equal(one.outputs_kernel, other.outputs_kernel)
    assert other.inputs is not None
    np.testing.assert_allclose(other.proxy_kernel, other.inputs[14:19] @ other.inputs[:14].T, atol=1e-14)
    assert (one.proxy_kernel == one.clean_kernel).all()


def test_digits_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Says what to install."""
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r"pip install scikit-learn"):
        draw_reweighting(KernelReweighting(Digits(), 10, 5))


def with_wrong(**changes: Any) -> ReweightingDraw:
    """Small arrays with something wrong."""
    given_arrays: dict[str, Any] = {"train_kernel": np.eye(2), "clean_kernel": np.ones((1, 2)), "labels": [1, -1],
                                    "clean_labels": [1]}
    return ReweightingDraw(**(given_arrays | changes))


@pytest.mark.parametrize(("call", "message"), [
    (lambda: KernelReweighting(PATCHES, 0, 1), "n=0: must be an integer >= 1"),
    (lambda: KernelReweighting(PATCHES, 1, 0), "clean=0"),
    (lambda: KernelReweighting(PATCHES, 1, 1, test=-1), "test=-1"),
    (lambda: KernelReweighting(PATCHES, 1, 1, kernel="cosine"), "kernel='cosine': must be one of 'linear'"),
    (lambda: KernelReweighting(PATCHES, 1, 1, bandwidth=0.0), "bandwidth=0.0"),
    (lambda: KernelReweighting(PATCHES, 1, 1, label_flip=1.1), r"label_flip=1.1: must be finite and in \[0, 1\]"),
    (lambda: KernelReweighting(PATCHES, 1, 1, clean_label_flip=-0.1), "clean_label_flip=-0.1"),
    (lambda: KernelReweighting(PATCHES, 1, 1, proxy_kernel="x"), "proxy_kernel='x'"),
    (lambda: Reweighting(lr=0.0), "lr=0.0"), (lambda: Reweighting(lr_share=-1.0), "lr_share=-1.0"),
    (lambda: Reweighting(weight_lr=-1.0), "weight_lr=-1.0"),
    (lambda: Reweighting(initial_weight=2.0), "initial_weight=2"),
    (lambda: Reweighting(look_ahead="two"), "look_ahead='two'"), (lambda: Reweighting(clean_batch=0), "clean_batch=0"),
    (lambda: Reweighting(freeze_at=-1), "freeze_at=-1"), (lambda: Reweighting(freeze_at="t1"), "freeze_at='t1'"),
    (lambda: SignalNoiseImages(d=0), "d=0"), (lambda: SignalNoiseImages(noise_std=-1.0), "noise_std=-1.0"),
    (lambda: SignalNoiseImages(signal_norm=-1.0), "signal_norm=-1.0"),
    (lambda: Digits((1, 2), (2, 3)), "negative=.*must not contain 2"),
    (lambda: Digits((), (2,)), "positive=.*at least one digit"), (lambda: Digits((10,), (2,)), r"positive\[0\]=10"),
    (lambda: LabelledArrays(np.ones((2, 2)), np.array([1.0, 0.0])), r"labels\[1\]=0: must be \+1 or -1"),
    (lambda: LabelledArrays(np.ones(2), np.ones(2)), "inputs: has shape"),
    (lambda: draw_reweighting(KernelReweighting(LabelledArrays(np.ones((3, 2)), np.ones(3)), 2, 2)),
     "n=2, clean=2.*at most 3"),
    (lambda: draw_reweighting(KernelReweighting(LabelledArrays(np.ones((9, 2)), np.ones(9)), 2, 4)),
     "clean=4: .* 0 of -1"),
    (lambda: with_wrong(train_kernel=np.eye(3)), "train_kernel: has shape"),
    (lambda: with_wrong(train_kernel=[[1, 2], [0, 1]]), "train_kernel: must be symmetric"),
    (lambda: with_wrong(clean_kernel=np.ones((2, 2))), "clean_kernel: has shape"),
    (lambda: with_wrong(labels=[1, 2]), r"labels\[1\]=2"), (lambda: with_wrong(clean_labels=[]), "at least 1"),
    (lambda: with_wrong(test_kernel=np.ones((2, 2))), "test_kernel: has shape"),
    (lambda: with_wrong(proxy_kernel=[[1, np.nan]]), r"proxy_kernel\[0, 1\]=nan"),
    (lambda: with_wrong(inputs=np.ones((2, 2))), "inputs: has shape"),
    (lambda: ts.simulate(SMALL, Reweighting(), -1), "steps=-1"),
    (lambda: ts.simulate(SMALL, Reweighting(), 1, record_at=[2]), r"record_at=2: .* in \[0, 1\]"),
    (lambda: ts.simulate(SMALL, Reweighting(clean_batch=6), 1), r"clean_batch=6: .*\[1, 5\]"),
    (lambda: ts.simulate(SMALL, Reweighting(), 1, draw=with_wrong()), "draw: has n=2, clean=1, must"),
    (lambda: ts.simulate(SMALL, Reweighting(), 1, weights=np.full(14, 1.5)), r"weights\[0\]=1.5: .*\[0, 1\]"),
    (lambda: ts.simulate(SMALL, Reweighting(), 1, engine="network", width=10), "kernel='rbf'.*must be 'ntk'"),
    (lambda: ts.simulate(replace(SMALL, kernel="ntk"), Reweighting(), 1, engine="network", width=3),
     "width=3: must be even"),
    (lambda: ts.simulate(replace(SMALL, kernel="ntk"), Reweighting(), 1, engine="network"), "width=None: .* needs"),
    (lambda: ts.simulate(SMALL, Reweighting(), 1, width=4), 'width=4: .*engine="network"'),
    (lambda: ts.simulate(SMALL, Reweighting(), 1, parameters=(1, 2)), 'parameters: .*engine="network"'),
    (lambda: ts.simulate(replace(SMALL, kernel="ntk"), Reweighting(), 1, engine="network", width=2,
                         parameters=(np.ones((2, 3)), np.ones(2))), r"parameters\[0\]: has shape \(2, 3\)"),
    (lambda: ts.simulate(SMALL, Reweighting(), 1, engine="net"), "engine='net': must be one of 'kernel', 'network'"),
    (lambda: ts.simulate(KernelReweighting(PATCHES, 2, 1, kernel="ntk"), Reweighting(), 1, engine="network", width=2,
                         draw=with_wrong()), "must have inputs"),
    (lambda: ts.simulate(SMALL, Reweighting(), 9, record_at=()).record(4), "at=4: must be a recorded step"),
    (lambda: deviation(ts.simulate(SMALL, Reweighting(), 1), ts.simulate(
        replace(SMALL, clean=2), Reweighting(), 1)), "same samples"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_bad_input(call: Any, message: str) -> None:
    """Names the argument, its value and the range."""
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(("call", "message"), [
    (lambda: KernelReweighting("digits", 1, 1), "data='digits'"),
    (lambda: Reweighting(reweight=1), "reweight=1"),
    (lambda: ts.simulate(SMALL, Reweighting(), 1, record_at=5), "record_at=5"),
    (lambda: ts.simulate(SMALL, None, 1), "algorithm=None"),
    (lambda: ts.resume(None, 1), "run=None"),
])
def test_bad_types(call: Any, message: str) -> None:
    """Likewise."""
    with pytest.raises(TypeError, match=message):
        call()


def test_run_in_a_notebook_and_on_a_line() -> None:
    """Says what it is; its arrays are read-only; recorded steps are found."""
    run = ts.simulate(SMALL, Reweighting(), 10, record_at=(4,))
    assert "ReweightingRun completed at step 10" in repr(run) and "margin_median" in run._repr_html_()
    assert run.record("end") == 2 and run.record(4) == 1
    with pytest.raises(ValueError, match="read-only"):
        run.weights[0, 0] = 1


# --- the common verbs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [
    PATCHES, Digits(3, 8), LabelledArrays(np.random.default_rng(0).standard_normal((40, 3)), np.tile([1.0, -1.0], 20)),
], ids=lambda data: type(data).__name__)
@pytest.mark.parametrize("engine", ["kernel", "network"])
def test_saved_and_loaded(data: Any, engine: str, tmp_path: Path) -> None:
    """simulate, save, load and resume by the public names: everything comes back, and goes on as if never stopped."""
    problem = ts.KernelReweighting(data, 12, 4, test=3, kernel="ntk")
    options: dict[str, Any] = {"engine": "network", "width": 8} if engine == "network" else {}
    run = ts.simulate(problem, ts.Reweighting(clean_batch=2), 20, 3, **options)
    run.save(tmp_path / "run.npz")
    again = ts.load_run(tmp_path / "run.npz")
    assert (again.problem.n, again.algorithm, again.status, again.engine) == (12, run.algorithm, run.status, engine)
    for name in ("series", "outputs", "test_outputs", "weights", "gradients"):
        np.testing.assert_array_equal(getattr(again, name), getattr(run, name))
    assert again.observables.equals(run.observables) and str(again.stage_times()) == str(run.stage_times())
    if engine == "kernel":
        whole = ts.simulate(problem, ts.Reweighting(clean_batch=2), 50, 3)
        np.testing.assert_array_equal(ts.resume(again, 30).series, whole.series)


def test_sweep() -> None:
    """Rows are the runs made alone."""
    problem = ts.KernelReweighting(PATCHES, 20, 6, test=10)
    frame = ts.sweep(problem, grid={"label_flip": [0.1, 0.4], "kernel": ["linear", "rbf"]}, steps=30, seeds=2,
                     algorithms={"meta": ts.Reweighting(), "plain": ts.Reweighting(reweight=False)},
                     measure=["auc", "test_accuracy", "t_pol", "t1"])
    assert len(frame) == 16 and set(frame["status"]) == {"completed"}
    for row in frame.itertuples():
        run = ts.simulate(problem.replace(label_flip=row.label_flip, kernel=row.kernel),
                          ts.Reweighting(reweight=row.algorithm == "meta"), 30, row.draw_seed)
        last = run.observables.iloc[-1]
        np.testing.assert_equal([row.auc, row.test_accuracy], [last["auc"], last["test_accuracy"]])
        np.testing.assert_equal([row.t_pol, row.t1], [run.stage_times()[name] for name in ("t_pol", "t1")])
