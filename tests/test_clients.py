"""Local steps against clients with explicit weights, written out."""

from pathlib import Path

import numpy as np
import pytest

import theorysim as ts

PROBLEM = ts.SignalNoise(n=7, d=40, m=3, signal_norm=2.0, noise_std=0.5, init_std=0.1, label_flip=0.2)


def reference(
    run: ts.PatchRun, clients: int, every: int, steps: int, lr: float, momentum: float, decay: float
) -> np.ndarray:
    """The mean of the clients' weights (2m, d) after some steps; q = 2, logistic loss."""
    draw = run.draw
    patches = draw.vectors[draw.atom] * draw.sign[..., None]
    vote = np.repeat([1.0, -1.0], draw.m) / draw.m
    weights = [draw.weights.copy() for _ in range(clients)]
    velocity = [None for _ in range(clients)]
    flips = run.label_multipliers(steps)
    for t in range(steps):
        for c in range(clients):
            mine, gradient = list(range(c, draw.n, clients)), np.zeros_like(draw.weights)
            for i in mine:
                label = draw.observed_labels[i] * flips[t, i]
                output = sum(vote @ np.maximum(weights[c] @ x, 0) ** 2 for x in patches[i])
                for x in patches[i]:
                    slope = np.outer(vote * 2 * np.maximum(weights[c] @ x, 0), x)
                    gradient -= label / (1 + np.exp(label * output)) / len(mine) * slope
            gradient += decay * weights[c]
            velocity[c] = gradient if velocity[c] is None else momentum * velocity[c] + gradient
            weights[c] = weights[c] - lr * velocity[c]
        if (t + 1) % every == 0:
            middle = sum(weights) / clients
            weights = [middle.copy() for _ in range(clients)]
    return sum(weights) / clients


@pytest.mark.parametrize(("clients", "every", "momentum", "decay"), [
    (2, 1, 0.0, 0.0), (3, 5, 0.0, 0.0), (7, 4, 0.0, 0.1), (3, 7, 0.8, 0.0), (2, 3, 0.5, 0.05)])
def test_clients_are_explicit_ones(clients: int, every: int, momentum: float, decay: float) -> None:
    """Over 60 steps with label noise; in the middle of a round too."""
    rule = ts.GradientDescent(0.3, ts.Flip(0.1), clients=clients, local_steps=every, momentum=momentum,
                              weight_decay=decay)
    run = ts.simulate(PROBLEM, rule, 60, 3, draw="vectors", record_at=[23])
    for step in (23, 60):
        expected = reference(run, clients, every, step, 0.3, momentum, decay)
        np.testing.assert_allclose(run.weights_at(step), expected, rtol=1e-10, atol=1e-12)
    products = run.draw.products_from(run.coefficients[-1], scale=run.scales[-1])
    np.testing.assert_allclose(run.inner, products, rtol=1e-9, atol=1e-12)


def test_averaged_at_every_step_equal_clients_are_one() -> None:
    """With plain steps the mean of the clients' gradients is the gradient, where they have as many samples each."""
    even = PROBLEM.replace(n=8)
    one = ts.simulate(even, ts.GradientDescent(0.3), 50, 1)
    four = ts.simulate(even, ts.GradientDescent(0.3, clients=4), 50, 1)
    np.testing.assert_allclose(four.inner, one.inner, rtol=1e-10)
    np.testing.assert_allclose(four.column("train_loss"), one.column("train_loss"), rtol=1e-10)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_cut_saved_and_resumed(momentum: float, tmp_path: Path) -> None:
    """Bit for bit, in the middle of a round; and another algorithm goes on from the average."""
    rule = ts.GradientDescent(0.3, ts.Flip(0.2), clients=3, local_steps=10, momentum=momentum, sam_radius=0.05)
    straight = ts.simulate(PROBLEM, rule, 300, 2)
    ts.simulate(PROBLEM, rule, 137, 2).save(tmp_path / "run.npz")
    resumed = ts.resume(ts.load_run(tmp_path / "run.npz"), 163)
    np.testing.assert_array_equal(resumed.inner, straight.inner)
    np.testing.assert_array_equal(resumed.rows, straight.rows)
    for one, other in zip(resumed.beside, straight.beside, strict=True):
        np.testing.assert_array_equal(one, other)
    alone = ts.resume(straight, 5, algorithm=ts.GradientDescent(0.3))
    again = ts.resume(alone, 5, algorithm=rule)
    assert alone.steps == 305 and again.steps == 310 and np.isfinite(again.inner).all()


def test_divergence_is_told_at_its_step() -> None:
    """The same step whatever is recorded."""
    rule = ts.GradientDescent(50.0, clients=2, local_steps=4)
    of = PROBLEM.replace(loss="squared")
    ends = {ts.simulate(of, rule, 100, 0, record_every=every, on_failure="return").stopped_at for every in (1, 7, 100)}
    assert len(ends) == 1 and None not in ends


@pytest.mark.parametrize(("options", "words"), [
    ({"clients": 0}, "clients=0: must be an integer >= 1"),
    ({"local_steps": 0}, "local_steps=0: must be an integer >= 1"),
    ({"local_steps": 5}, "local_steps=5: must be 1 without clients"),
    ({"clients": 2, "batch_size": 2}, "batch_size=2: a client takes all of its samples"),
    ({"clients": 2, "weight_noise": 0.1}, "weight_noise=0.1: with clients it is closed but not built")])
def test_bad_rules(options: dict[str, float], words: str) -> None:
    """Named before any work."""
    with pytest.raises(ValueError, match=words):
        ts.GradientDescent(0.1, **options)


def test_bad_calls() -> None:
    """More clients than samples, and engines that keep one set of weights."""
    with pytest.raises(ValueError, match=r"clients=8: must be an integer in \[1, 7\]"):
        ts.simulate(PROBLEM, ts.GradientDescent(0.1, clients=8), 2)
    with pytest.raises(ValueError, match="engine='paired': must be 'coefficients' with clients=2"):
        ts.simulate(PROBLEM, ts.GradientDescent(0.1, clients=2), 2, engine="paired")
