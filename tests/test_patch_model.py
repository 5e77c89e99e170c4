"""Data by law: draws against the laws, and training against the loop-level reference over explicit patches."""

from typing import Any

import naive
import numpy as np
import pytest
from numpy.typing import NDArray

import theorysim as ts
from theorysim.patch.draw import Draw

Array = NDArray[np.float64]
FORMS = ("vectors", "wishart")
EXACT = 1e-10

SIGNAL, SPURIOUS, NOISE = ts.Signal(1.5), ts.Spurious(2.0, 0.8), ts.Noise(0.2)
TAIL = ts.LongTail((1.0, 2.0, 0.5), (0.6, 0.3, 0.1), ("common", "rare", "extremely rare"))
LAWS: dict[str, list[ts.PatchLaw]] = {
    "signal-noise": [SIGNAL, NOISE],
    "spurious": [SIGNAL, SPURIOUS, NOISE],
    "several noise patches": [SIGNAL, NOISE, ts.Noise(0.1, orthogonal=False), NOISE],
    "shared noise": [ts.Noise(0.2, name="xi"), SIGNAL, ts.Noise(0.1, name="xi"), ts.Noise(0.2, name="xi")],
    "XOR": [ts.XOR(1.2), NOISE],
    "long tail": [TAIL, NOISE],
    "constant and zero": [SIGNAL, ts.Constant(0.7), ts.Zero(), NOISE],
    "one patch": [SIGNAL + NOISE],
    "sums": [SIGNAL + SPURIOUS, TAIL + ts.Noise(0.2, orthogonal=False) + ts.Noise(0.1), ts.Constant(0.5) + NOISE],
    "no noise": [SIGNAL + SPURIOUS, ts.XOR(0.7)],
    "only noise": [NOISE],
    "one feature in two patches": [ts.Signal(1.0, name="v"), ts.Signal(0.5, name="v") + NOISE],
    "zero norm": [ts.Signal(0.0), ts.Spurious(0.0, 0.5), ts.Noise(0.3)],
    "no noise at all in it": [SIGNAL, ts.Noise(0.0)],
    "certain": [SIGNAL, ts.Spurious(1.0, 1.0), ts.LongTail((1.0, 1.0), (0.0, 1.0)), NOISE],
    "two of a kind": [SIGNAL, ts.Signal(0.5), ts.XOR(1.0), ts.XOR(0.5), NOISE],
}
every_law = pytest.mark.parametrize("laws", LAWS.values(), ids=LAWS.keys())


def model(laws: list[ts.PatchLaw], **fields: Any) -> ts.PatchModel:
    """A small problem in which training shows within some steps."""
    default: dict[str, Any] = {"n": 7, "d": 14, "m": 2, "init_std": 0.2}
    return ts.PatchModel(laws, **default | fields)


def patches_of(draw: Draw) -> Array:
    """The patches (n, P, D) of a draw."""
    found: Array = draw.sign[:, :, None] * draw.vectors[draw.atom]
    return found


def reference(draw: Draw, eps: Array, lr: float, q: float) -> naive.History:
    """The reference over the patches, and one of zeros, which changes nothing: it wants two patches a sample."""
    patches = np.pad(patches_of(draw), ((0, 0), (0, 1), (0, 0)))
    return naive.train(patches, draw.labels, draw.observed_labels, draw.weights.reshape(2, draw.m, -1), eps, lr, q)


# --- training -----------------------------------------------------------------------------------------------------


def assert_trains(
    problem: ts.PatchModel, form: str = "vectors", seed: int = 3, steps: int = 25, lr: float = 0.2
) -> None:
    """Weights, outputs and ρ are those of the reference over the patches, in the coordinates of the draw."""
    algorithm = ts.GradientDescent(lr, ts.Flip(0.1))
    run = ts.simulate(problem, algorithm, steps, seed, draw=form, record_every=1)
    draw, m = run.draw, problem.m
    history = reference(draw, run.label_multipliers(), lr, problem.q)
    scale = max(1.0, float(np.abs(history.weights[-1]).max()))
    for step in range(steps + 1):
        np.testing.assert_allclose(run.weights_at(step).reshape(2, m, -1), history.weights[step], rtol=0,
                                   atol=EXACT * scale)
        np.testing.assert_allclose(run.outputs(step), history.outputs[step], rtol=EXACT, atol=EXACT)
    assert np.abs(history.weights[-1] - history.weights[0]).max() > 1e-3 or not np.any(draw.vectors)


@every_law
@pytest.mark.parametrize("form", FORMS)
def test_training_is_that_of_explicit_patches(laws: list[ts.PatchLaw], form: str) -> None:
    """Every law, in either form, with labels flipped before and during training."""
    assert_trains(model(laws, label_flip=0.2), form)


HARD: dict[str, dict[str, Any]] = {
    "one sample": {"n": 1}, "one filter": {"m": 1}, "one of both": {"n": 1, "m": 1}, "ReLU": {"q": 1},
    "cubic": {"q": 3}, "q = 2.5": {"q": 2.5}, "bias": {"bias": -0.6}, "uniform": {"init_law": "uniform"},
    "uniform with bias": {"init_law": "uniform", "bias": 0.4}, "few dimensions": {"d": 7, "n": 12},
    "all flipped": {"label_flip": 1.0}, "stratified": {"label_flip": (0.5, 0.2), "flip_law": "stratified"},
}


@pytest.mark.parametrize("fields", HARD.values(), ids=HARD.keys())
@pytest.mark.parametrize("name", ["spurious", "sums", "XOR", "shared noise"])
def test_training_of_hard_cases(name: str, fields: dict[str, Any]) -> None:
    """A single sample or filter, other powers, a bias, fewer dimensions than atoms."""
    assert_trains(model(LAWS[name], **fields), lr=0.1)


@pytest.mark.parametrize("name", ["spurious", "XOR", "sums"])
def test_training_of_one_class(name: str) -> None:
    """A seed whose samples all have one label."""
    problem = model(LAWS[name], n=3)
    seeds = [seed for seed in range(60) if len(set(problem.states(seed)[0])) == 1]
    assert len({problem.states(seed)[0][0] for seed in seeds}) == 2
    for label in (1.0, -1.0):
        assert_trains(problem, seed=next(seed for seed in seeds if problem.states(seed)[0][0] == label))


@every_law
def test_gamma_is_what_features_are_learned(laws: list[ts.PatchLaw]) -> None:
    """Patch by patch: γ of a feature atom sums j · class · pull over the patches ±v, ρ over a sample's own."""
    problem, lr = model(laws), 0.2
    run = ts.simulate(problem, ts.GradientDescent(lr), 12, 1, draw="vectors", record_every=1)
    draw, m, known = run.draw, problem.m, problem.population
    history = reference(draw, np.ones((12, 7)), lr, problem.q)
    coefficients = np.zeros((2, m, problem.atoms))
    for b, r, i, p in np.ndindex(2, m, *draw.atom.shape):
        a = draw.atom[i, p]
        norm = float(draw.vectors[a] @ draw.vectors[a])
        coefficients[b, r, a] += history.rho[-1][b, r, i, p] * draw.sign[i, p] if norm else 0.0
    size = len(problem.features)
    gamma = run.gamma[-1][..., None] if size == 1 else run.gamma[-1]
    wanted = coefficients[..., :size] * np.array([1.0, -1.0])[:, None, None] * known.classes
    np.testing.assert_allclose(gamma, wanted, rtol=0, atol=EXACT)
    np.testing.assert_allclose(run.rho[-1], coefficients[..., size:], rtol=0, atol=EXACT)
    assert (draw.owner[:size] == -1).all() and (draw.owner[size:] >= 0).all()
