"""Deng et al. 2023: the setting against a loop of explicit weights, statements, and training on a growing subset."""

import dataclasses
from functools import cache
from typing import Any

import numpy as np
import pytest

import theorysim as ts
from theorysim.check import Finding, Verdict, evaluate
from theorysim.papers.deng2023 import GD, MOMENTUM, OBSERVE, STATEMENTS, DengConstants, DengEvidence, problem
from theorysim.papers.deng2023.figures.growing import balanced_first, expanded, subset
from theorysim.patch.fits import check_fits
from theorysim.theory.statement import Sense
from theorysim.theory.windows import NotSampledError

pytestmark = pytest.mark.compiled
BY_ID = {one.id.partition(".")[2]: one for one in STATEMENTS}


@cache
def trained(swapped: bool, steps: int = 401) -> ts.Run:
    """500 samples with momentum, seed 0."""
    return ts.simulate(problem(500, swapped), MOMENTUM, steps, engine="auto", record_at=(), observe=OBSERVE,
                       observe_every=1)


def finding(name: str, run: ts.Run, changes: Any = None, **constants: float) -> Finding:
    """One statement against one run."""
    statement = dataclasses.replace(BY_ID[name], **changes or {})
    return evaluate(statement, DengEvidence(run, DengConstants(**constants)))


def test_network_by_hand() -> None:
    """Three steps of momentum on explicit weights with a bias coordinate, in the convention of torch."""
    of = problem(30)
    run = ts.simulate(of, MOMENTUM, 3, seed=1, engine="auto", record_at=())
    draw = run.draw
    patches = draw.sign[..., None] * draw.vectors[draw.atom]
    assert run.engine == "coefficients" and patches.shape == (30, 3, 51) and (patches[..., -1] == 1).all()
    assert np.abs(draw.weights).max() <= 0.1 / np.sqrt(50) and np.abs(draw.weights).max() > 0.099 / np.sqrt(50)
    weights, outer, velocity = draw.weights.copy(), np.repeat([1.0, -1.0], 20), 0.0
    for _ in range(3):
        inner = np.einsum("kd,ipd->kip", weights, patches)
        pull = draw.labels / (1 + np.exp(draw.labels * np.einsum("k,kip->i", outer, inner**3)))
        gradient = -np.einsum("k,i,kip,ipd->kd", outer, pull, 3 * inner**2, patches) / 30
        velocity = 0.8 * velocity + gradient
        weights -= 0.03 * velocity
    np.testing.assert_allclose(run.weights_at(), weights, rtol=0, atol=1e-12 * np.abs(weights).max())


@pytest.mark.parametrize("swapped", [False, True])
def test_observables(swapped: bool) -> None:
    """Core and spurious are the largest products with the unit features, signed by the outer weight."""
    run = ts.simulate(problem(40, swapped), GD, 6, record_every=1, observe=OBSERVE)
    signed = run.feature_products() * np.array([1.0, -1.0])[:, None, None]
    for place, name in enumerate(("core", "spurious")):
        np.testing.assert_allclose(run.column(name), signed[..., place].max(axis=(1, 2)), rtol=1e-10)


def test_which_is_first() -> None:
    """The easy feature, in both cases; the other case's claims are not reached, or outside their regime."""
    easy, hard = trained(False), trained(True)
    for name in ("spurious_first", "dominates"):
        assert finding(name, easy).verdict == Verdict.HOLDS
        assert finding(name, hard).verdict == Verdict.NOT_REACHED
    for name in ("core_first", "minority_right"):
        assert finding(name, hard).verdict == Verdict.HOLDS
        assert finding(name, easy).verdict == Verdict.NOT_REACHED
    assert finding("core_first", easy, learned=0.02).verdict == Verdict.OUTSIDE
    times = DengEvidence(easy)
    assert easy.column("spurious")[int(times.time("spurious"))] >= 0.5 > easy.column("spurious")[
        int(times.time("spurious")) - 1]
    assert times.minority_error > 0.99 and DengEvidence(hard).minority_error < 0.01


def test_wrong_claims_are_caught() -> None:
    """With the sense turned the verdict is another."""
    for name, swapped in (("spurious_first", False), ("dominates", False), ("core_first", True),
                          ("minority_right", True)):
        turned = Sense.UPPER if BY_ID[name].sense == Sense.LOWER else Sense.LOWER
        assert finding(name, trained(swapped), {"sense": turned}).verdict == Verdict.VIOLATED


def test_a_run_that_did_not_look() -> None:
    """Is told what to observe, or that it skipped steps."""
    blind = ts.simulate(problem(30), GD, 4)
    with pytest.raises(NotSampledError, match="has not observed core, spurious; simulate with observe=OBSERVE"):
        DengEvidence(blind).time("core")
    assert finding("spurious_first", blind).verdict == Verdict.NOT_SAMPLED
    seldom = ts.simulate(problem(30), GD, 4, observe=OBSERVE, observe_every=2)
    assert finding("spurious_first", seldom).verdict == Verdict.NOT_SAMPLED


def test_is_chosen_for_its_runs() -> None:
    """Without a name, with momentum; not under another rule."""
    report = ts.check(trained(False))
    assert report.paper == "deng2023" and len(report.table) == 4
    decayed = ts.simulate(problem(30), ts.GradientDescent(0.1, weight_decay=0.1), 2)
    assert ts.check(decayed, "deng2023").table.empty
    other = ts.simulate(ts.SignalNoise(n=8, d=200, m=3, signal_norm=2.0, noise_std=0.5, init_std=0.01), GD, 5)
    assert not any(one.applies(other) for one in STATEMENTS)
    with pytest.raises(ValueError, match="must be a cubic network on the patches Signal, Spurious"):
        DengEvidence(other).pulls
    with pytest.raises(ValueError, match="learned="):
        DengConstants(learned=0.0)


def test_subset_of_a_draw() -> None:
    """Has the patches of its samples; all of them in order is the draw itself, and trains alike."""
    of = problem(60)
    draw = ts.Draw.from_problem(of, 3)
    chosen = np.array([7, 3, 59, 20])
    some = subset(draw, chosen)
    np.testing.assert_array_equal(some.sign[..., None] * some.vectors[some.atom],
                                  (draw.sign[..., None] * draw.vectors[draw.atom])[chosen])
    np.testing.assert_array_equal(some.labels, draw.labels[chosen])
    np.testing.assert_allclose(some.gram, some.vectors @ some.vectors.T, rtol=0, atol=1e-12)
    check_fits(some, of.replace(n=4))
    runs = [ts.simulate(of, GD, 5, 3, draw=one) for one in (draw, subset(draw, np.arange(60)))]
    np.testing.assert_array_equal(runs[0].coefficients, runs[1].coefficients)


def test_balanced_first() -> None:
    """As many samples of each group as the smallest has, and all others after them."""
    draw = ts.Draw.from_problem(problem(2000), 1)
    first, rest = balanced_first(draw, 1)
    spurious = (draw.sign * draw.vectors[draw.atom, 1])[:, 1]
    groups = draw.labels + 3 * spurious
    sizes = np.unique(groups, return_counts=True)[1]
    assert len(sizes) == 4 and (np.unique(groups[first], return_counts=True)[1] == sizes.min()).all()
    assert sorted([*first, *rest]) == list(range(2000))


def test_expansion_goes_on_from_the_weights() -> None:
    """Every part begins where the last one ended, with more samples."""
    runs = expanded(problem(300), 2, steps=4, part_steps=3)
    assert [run.steps for run in runs] == [4, 3, 3, 3, 3] and runs[-1].draw.n == 300
    assert all(one.draw.n < other.draw.n for one, other in zip(runs, runs[1:], strict=False))
    for one, other in zip(runs, runs[1:], strict=False):
        np.testing.assert_array_equal(other.draw.weights, one.weights_at())
