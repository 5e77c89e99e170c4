"""Karhadkar et al. 2024: the setting against its formulas, statements that come out, and ones that must not."""

import dataclasses
from functools import cache
from typing import Any

import numpy as np
import pytest

import theorysim as ts
from theorysim.check import Finding, Verdict, evaluate
from theorysim.papers.karhadkar2024 import KarhadkarConstants, KarhadkarEvidence, algorithm, problem
from theorysim.papers.karhadkar2024.statements import STATEMENTS
from theorysim.theory.statement import Sense

pytestmark = pytest.mark.compiled
BY_ID = {one.id.partition(".")[2]: one for one in STATEMENTS}
N, D = 50, 200


@cache
def trained(gamma: float, steps: int = 5000, d: int = D) -> ts.Run:
    """A run of 16 filters until its loss is zero."""
    of = problem(N, d, gamma, filters=16)
    return ts.simulate(of, algorithm(of), steps, record_at=(), until=lambda seen: seen["train_loss"] <= 0)


def finding(name: str, run: ts.Run, changes: Any = None, **constants: float) -> Finding:
    """One statement against one run."""
    statement = dataclasses.replace(BY_ID[name], **changes or {})
    return evaluate(statement, KarhadkarEvidence(run, KarhadkarConstants(**constants)))


def test_setting() -> None:
    """Patches are √γ y v + √(1 − γ) ξ/√d with ξ ⊥ v, exactly a tenth of each class flipped; γ is read back."""
    of = problem(1000, 40, 0.3)
    draw = ts.Draw.from_problem(of, 0, "vectors")
    own = draw.vectors[draw.atom[:, 0]]
    np.testing.assert_allclose(own[:, 0], np.sqrt(0.3) * draw.labels, rtol=1e-12)
    error = 0.7 * np.sqrt(2 / (1000 * 39))  # of the mean square of a coordinate, times d
    assert (own[:, 1:] ** 2).mean() * 40 == pytest.approx(0.7, abs=4 * error)
    for label in (1, -1):
        members = draw.labels == label
        assert draw.noisy[members].sum() == round(0.1 * members.sum())
    assert algorithm(of).lr == 1 / (64 * 1000)
    assert draw.weights.std() == pytest.approx(1 / (64 * np.sqrt(40)), rel=0.06)
    assert KarhadkarEvidence(trained(0.1)).gamma == pytest.approx(0.1, rel=1e-9)


def test_network_by_hand() -> None:
    """The first two updates of explicit weights: a filter moves by η a_r Σ_{margin < 1} ỹ_i σ'(⟨w_r, x_i⟩) x_i."""
    of = problem(12, 30, 0.2, filters=6)
    run = ts.simulate(of, algorithm(of), 2, seed=1, draw="vectors", record_every=1)
    data, labels = run.draw.vectors[run.draw.atom[:, 0]], run.draw.observed_labels
    weights, outer = run.draw.weights.copy(), np.repeat([1.0, -1.0], 3)
    for _ in range(2):
        inner = weights @ data.T
        active = labels * (outer @ np.where(inner > 0, inner, 0.1 * inner)) < 1
        weights += np.outer(outer / (6 * 12), labels * active) * np.where(inner > 0, 1, 0.1) @ data
    np.testing.assert_allclose(run.weights_at(), weights, rtol=0, atol=1e-12 * np.abs(weights).max())


def test_benign_and_harmful() -> None:
    """The claims hold in these runs at n = 50, d = 200, each in its regime and not in the other's."""
    strong, weak = trained(5 / N), trained(1 / D)
    for run in (strong, weak):
        assert finding("fits", run).verdict == Verdict.HOLDS and run.column("train_loss")[-1] == 0
    assert finding("benign", strong).verdict == Verdict.HOLDS
    assert finding("harmful", weak).verdict == Verdict.HOLDS
    assert finding("benign", weak).verdict == finding("harmful", strong).verdict == Verdict.OUTSIDE
    assert finding("benign", strong, dimension=5.0).verdict == Verdict.OUTSIDE


def test_wrong_claims_are_caught() -> None:
    """With the sense turned, or ε below what was measured, the verdict is another."""
    strong, weak = trained(5 / N), trained(1 / D)
    assert finding("benign", strong, epsilon=1e-4).verdict == Verdict.VIOLATED
    assert finding("benign", strong, {"sense": Sense.LOWER}).verdict == Verdict.VIOLATED
    assert finding("harmful", weak, {"sense": Sense.UPPER}).verdict == Verdict.VIOLATED
    assert finding("fits", strong, horizon=10).verdict == Verdict.VIOLATED


def test_not_yet_at_zero_loss() -> None:
    """Then nothing is compared, but for the horizon where it is over."""
    early = trained(5 / N, steps=5)
    for name in BY_ID:
        assert finding(name, early).verdict == Verdict.NOT_REACHED
    assert finding("fits", early, horizon=5).verdict == Verdict.VIOLATED


def test_is_chosen_for_its_runs() -> None:
    """Without a name; statements are not about other problems."""
    report = ts.check(trained(5 / N))
    assert report.paper == "karhadkar2024" and "summed hinge loss" in report.why
    other = ts.simulate(ts.SignalNoise(n=8, d=200, m=3, signal_norm=2.0, noise_std=0.5, init_std=0.01),
                        ts.GradientDescent(0.1), 5)
    assert not any(one.applies(other) for one in STATEMENTS)
    with pytest.raises(ValueError, match="must have one patch, a Signal and orthogonal Noise"):
        KarhadkarEvidence(other).gamma


@pytest.mark.parametrize(("name", "value"), [("dimension", 0.0), ("signal", -1.0), ("epsilon", 0.6), ("horizon", 0)])
def test_bad_constants(name: str, value: float) -> None:
    """Are named."""
    with pytest.raises(ValueError, match=f"{name}="):
        KarhadkarConstants(**{name: value})
