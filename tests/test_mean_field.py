"""The mean field of the patch network: against loops over orthogonal patches, exact runs, and its own laws."""

from dataclasses import dataclass, replace
from typing import Any

import naive
import numpy as np
import pytest
from numpy.typing import NDArray

import theorysim as ts
from test_oracle import OF_OUTPUTS, OF_RHO, assert_close, assert_columns
from theorysim.patch.risk import noise_covariance

Array = NDArray[np.float64]
COLUMNS = (*OF_OUTPUTS, *OF_RHO, "gamma_max", "gamma_min")
OWN = ("signal_plus", "signal_minus", "memory_plus", "memory_minus", "memory_alive")
LR = {1: 0.6, 1.5: 0.4, 2: 0.3, 2.5: 0.2, 3: 0.15, 4: 0.06}  # by q, such that some hundred steps learn


@dataclass(frozen=True)
class Orthogonal:
    """Patches that are orthogonal to each other, initial filters, label multipliers."""

    signal: Array  # (d,)
    noise: Array  # (n, d)
    weights: Array  # (2, m, d)
    labels: Array
    observed: Array
    eps: Array  # (steps, n)
    lr: float
    q: float

    def problem(self) -> ts.MeanField:
        """The mean field that these could be of."""
        (n, d), m = self.noise.shape, self.weights.shape[1]
        return ts.MeanField(n, d, m, float(np.linalg.norm(self.signal)), 0.5, 0.3, q=self.q)

    def draw(self) -> ts.Draw:
        """As the exact network takes it."""
        return ts.Draw.from_arrays(noise=self.noise, weights=self.weights, labels=self.labels,
                                   observed_labels=self.observed, signal=self.signal)

    def run(self, **options: Any) -> Any:
        """The package's, every step recorded unless told otherwise."""
        options = {"record_every": 1} | options
        return ts.simulate(self.problem(), ts.GradientDescent(self.lr), len(self.eps), draw=self.draw(),
                           label_noise=self.eps, **options)

    def history(self) -> naive.History:
        """The reference's: explicit weights, one filter and patch at a time."""
        patches = np.stack([self.labels[:, None] * self.signal, self.noise], axis=1)
        return naive.train(patches, self.labels, self.observed, self.weights, self.eps, self.lr, self.q)


def orthogonal(
    seed: int = 3, *, n: int = 6, m: int = 3, q: float = 2, steps: int = 150, lr: float | None = None,
    law: str = "flips", flipped: bool = False, norm: float = 1.3, scale: float = 0.3,
) -> Orthogonal:
    """A small case; noise vectors differ in length. Patches lie on axes, so that not even rounding makes them overlap."""
    rng = np.random.default_rng(seed)
    d = n + 2 * m + 2
    axes = np.eye(d)[rng.permutation(d)]
    lengths = 1.5 + rng.random(n)
    labels = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
    observed = labels.copy()
    if flipped:
        observed[1:3] *= -1
    eps = {"none": lambda: np.ones((steps, n)), "flips": lambda: np.where(rng.random((steps, n)) < 0.2, -1.0, 1.0),
           "gaussian": lambda: 1 + 0.7 * rng.standard_normal((steps, n))}[law]()
    return Orthogonal(norm * axes[0], lengths[:, None] * axes[1 : n + 1], scale * rng.standard_normal((2, m, d)),
                      labels, observed, eps, LR[q] if lr is None else lr, q)


def _share_alive(case: Orthogonal, weights: Array) -> float:
    alive = 0
    for i, xi in enumerate(case.noise):
        branch = weights[0 if case.observed[i] > 0 else 1]
        alive += any(float(w @ xi) > 0 for w in branch)
    return alive / len(case.noise)


def own_columns(case: Orthogonal, weights: Array) -> dict[str, float]:
    """What the mean field is observed for besides, from explicit weights in plain loops."""
    votes: dict[str, float] = {}
    for name, k in (("plus", 1), ("minus", -1)):
        total, members = 0.0, []
        for j, branch in zip((1, -1), weights, strict=True):
            for w in branch:
                total += j * k / len(branch) * naive.activation(float(k * (w @ case.signal)), case.q)
        for i, xi in enumerate(case.noise):
            if case.observed[i] == k:
                branch = weights[0 if k > 0 else 1]
                members.append(sum(naive.activation(float(w @ xi), case.q) for w in branch) / len(branch))
        votes[f"signal_{name}"] = total
        votes[f"memory_{name}"] = sum(members) / len(members) if members else float("nan")
    return votes | {"memory_alive": _share_alive(case, weights)}


def assert_agrees(case: Orthogonal) -> Any:
    """Every observable of every step, coefficients, inner products and outputs, to 1e-10."""
    run, history = case.run(), case.history()
    assert run.status == "completed" and run.steps == len(case.eps)
    assert_columns(run, history.observables, COLUMNS)
    wanted = [own_columns(case, weights) for weights in history.weights]
    for name in OWN:
        assert_close(run.observables[name], [row[name] for row in wanted])
    assert_close(run.gamma, history.gamma)
    assert_close(run.rho, np.array(history.rho)[..., 1])
    weights = np.array(history.weights)
    assert_close(run.signal_products(), weights @ case.signal)
    assert_close(run.noise_products(), weights @ case.noise.T)
    for at in (0, 1, run.steps):
        assert_close(run.outputs(at), history.outputs[at])
        assert_close(run.outputs(at, -1), np.array(history.outputs[at])[case.labels < 0])
    return run


@pytest.mark.parametrize("q", [1, 1.5, 2, 2.5, 3, 4])
@pytest.mark.parametrize("law", ["none", "flips", "gaussian"])
@pytest.mark.parametrize("flipped", [False, True])
def test_against_the_reference(q: float, law: str, flipped: bool) -> None:
    """On patches that are orthogonal nothing is neglected."""
    run = assert_agrees(orthogonal(q=q, law=law, flipped=flipped))
    assert abs(run.rho).max() > 0.3 and abs(run.gamma).max() > 0.1


HARD = {
    "one sample": {"n": 1}, "one filter": {"m": 1}, "one of both": {"n": 1, "m": 1}, "no signal": {"norm": 0.0},
    "no weights": {"scale": 0.0}, "wide": {"m": 7}, "many": {"n": 40, "steps": 40},
    "dead memory": {"lr": 4.0, "n": 8, "steps": 40}, "signal thrown across": {"lr": 6.0, "norm": 3.0, "steps": 12},
    "large weights": {"scale": 3.0, "lr": 0.05},
}


@pytest.mark.parametrize("q", [2, 3])
@pytest.mark.parametrize("name", HARD)
def test_hard_cases(name: str, q: float) -> None:
    """Nothing to learn, nothing to remember, one of each, steps that kill and that throw filters over to a side."""
    if q == 3 and name in ("dead memory", "signal thrown across"):
        return
    assert_agrees(orthogonal(seed=5, q=q, **HARD[name]))
