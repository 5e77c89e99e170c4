"""Training that goes on with other data, against the loop-level reference run twice."""

from pathlib import Path

import naive
import numpy as np
import pytest

import theorysim as ts

FIRST = ts.SignalNoise(n=6, d=30, m=3, signal_norm=2.0, noise_std=0.5, init_std=0.1)
SECOND = FIRST.replace(n=4, signal_norm=1.0)
GD = ts.GradientDescent(0.3)


def patches_of(draw: ts.Draw) -> np.ndarray:
    """(n, P, d)."""
    return draw.vectors[draw.atom] * draw.sign[..., None]


def turned(degrees: float, seed: int) -> ts.Draw:
    """Six samples whose signal makes an angle with that of FIRST, with noise of its own."""
    rng, signal = np.random.default_rng(seed), np.zeros(30)
    signal[:2] = {0.0: (2.0, 0.0), 60.0: (1.0, np.sqrt(3.0)), 180.0: (-2.0, 0.0)}[degrees]  # to the last bit
    noise = 0.5 * rng.standard_normal((6, 30))
    noise -= np.outer(noise @ signal, signal) / 4.0
    return ts.Draw.from_arrays(noise=noise, weights=np.zeros((2, 3, 30)), labels=np.sign(rng.standard_normal(6)),
                               signal=signal)


@pytest.mark.parametrize("engine", ["coefficients", "weights", "paired"])
@pytest.mark.parametrize("degrees", [0.0, 60.0, 180.0])
def test_two_tasks_are_the_reference_twice(degrees: float, engine: str) -> None:
    """Weights, outputs and training loss of both data sets, for the same signal, another, and its opposite."""
    run = ts.simulate(FIRST, GD, 80, 4, draw="vectors", engine=engine)
    other = turned(degrees, 5)
    then = ts.resume(run, 70, draw=other, algorithm=ts.GradientDescent(0.2))
    draw = run.draw
    one = naive.train(patches_of(draw), draw.labels, draw.observed_labels, draw.weights.reshape(2, 3, -1),
                      np.ones((80, 6)), 0.3, 2)
    two = naive.train(patches_of(other), other.labels, other.observed_labels, one.weights[-1], np.ones((70, 6)), 0.2, 2)
    for step in (80, then.steps_recorded[len(then.steps_recorded) // 2], 150):
        np.testing.assert_allclose(then.weights_at(int(step)).reshape(2, 3, -1), two.weights[step - 80], rtol=1e-10,
                                   atol=1e-12)
    np.testing.assert_allclose(then.column("train_loss")[-1], two.observables[-1]["train_loss"], rtol=1e-10)
    assert then.steps_recorded[0] == then.steps_observed[0] == 80 and then.steps == 150
    expected = {0.0: run.gamma[-1], 60.0: np.zeros((2, 3)), 180.0: -run.gamma[-1]}[degrees]
    np.testing.assert_allclose(then.gamma[0], expected, rtol=1e-12)  # what was learned of μ counts against −μ
    assert np.abs(run.gamma[-1]).max() > 0.1 and (then.rho[0] == 0).all()


def test_what_both_have_is_carried_over() -> None:
    """The same draw has everything; another problem of the same seed its first noise vectors, and another signal."""
    run = ts.simulate(FIRST, GD, 50, 1, draw="vectors")
    same = ts.resume(run, 30, draw=ts.Draw.from_problem(FIRST, 1, "vectors"))
    straight = ts.resume(run, 30)
    np.testing.assert_allclose(same.gamma[-1], straight.gamma[-1], rtol=1e-10)
    np.testing.assert_allclose(same.rho[-1], straight.rho[-1], rtol=1e-10)
    other = ts.resume(run, 30, problem=SECOND)
    assert other.problem == SECOND and other.draw.n == 4 and (other.gamma[0] == 0).all()
    np.testing.assert_allclose(other.rho[0], run.rho[-1][..., :4], rtol=1e-12)
    np.testing.assert_allclose(other.weights_at(50), run.weights_at(), rtol=1e-12)


def test_it_goes_on_is_saved_and_says_what_it_is(tmp_path: Path) -> None:
    """Bit for bit, with label noise and momentum; papers compare draw and problem alone."""
    run = ts.simulate(FIRST, GD, 20, 1, draw="vectors")
    rule = ts.GradientDescent(0.1, ts.Flip(0.2), momentum=0.5)
    straight = ts.resume(run, 300, problem=SECOND, algorithm=rule)
    ts.resume(run, 110, problem=SECOND, algorithm=rule).save(tmp_path / "run.npz")
    resumed = ts.resume(ts.load_run(tmp_path / "run.npz"), 190)
    np.testing.assert_array_equal(resumed.inner, straight.inner)
    np.testing.assert_array_equal(resumed.rows, straight.rows)
    assert [phase.end for phase in straight.phases] == [20]
    with pytest.raises(ValueError, match="went on with other data at step 20"):
        straight.label_multipliers()
    with pytest.raises(ValueError, match="trained in phases"):
        ts.again(straight)


def test_bad_input() -> None:
    """Named before any work."""
    run = ts.simulate(FIRST, GD, 5, 1, draw="vectors")
    wishart = ts.simulate(FIRST.replace(d=3000), GD, 5, 1)
    with pytest.raises(ValueError, match="run.draw.form='wishart': must be 'vectors'"):
        ts.resume(wishart, 5, problem=FIRST.replace(d=3000))
    with pytest.raises(ValueError, match="draw.form='wishart': must be 'vectors'"):
        ts.resume(run, 5, problem=FIRST.replace(d=3000), draw=wishart.draw)
    with pytest.raises(ValueError, match="draw: has filters of shape"):
        ts.resume(run, 5, problem=FIRST.replace(m=4))
    with pytest.raises(ValueError, match="draw has n=6, but problem has n=4"):
        ts.resume(run, 5, problem=SECOND, draw=run.draw)
    with pytest.raises(TypeError, match="problem=3: must be a SignalNoise or PatchData or PatchModel"):
        ts.resume(run, 5, problem=3)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="weight_noise=0.1: must be 0 with other data"):
        ts.resume(run, 5, problem=SECOND, algorithm=ts.GradientDescent(0.1, weight_noise=0.1))
    noisy = ts.simulate(FIRST, ts.GradientDescent(0.1, weight_noise=0.1), 5, 1, draw="vectors")
    with pytest.raises(ValueError, match="run: has noise on its weights"):
        ts.resume(noisy, 5, problem=SECOND, algorithm=GD)
