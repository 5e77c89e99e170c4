"""Wan et al. 2025: two phases against explicit gradient descent, each statement holding and failing, the figure."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

import theorysim as ts
from theorysim.check import evaluate
from theorysim.papers.wan2025 import (
    PAPER, STATEMENTS, ForgettingConstants, ForgettingEvidence, Tasks, first_task, second_task,
)
from theorysim.papers.wan2025.evidence import kept_share
from theorysim.papers.wan2025.figures import forgetting
from theorysim.theory.statement import Sense

pytestmark = pytest.mark.compiled
TASKS = Tasks()
STATEMENT = {one.id.removeprefix("wan2025."): one for one in STATEMENTS}
HOLDS = {"benign": (60.0, 0.1), "harmful": (180.0, 0.0), "derived.kept": (150.0, 0.0), "learned": (120.0, 0.0)}


@cache
def after(angle: float, replay: float, steps: int = 3000) -> ts.PatchRun:
    """The second task."""
    tasks = replace(TASKS, steps=steps)
    return second_task(tasks, first_task(tasks, 1), angle, replay, 1)


def evidence(angle: float, replay: float, **constants: float) -> ForgettingEvidence:
    """With constants of its own."""
    return ForgettingEvidence(after(angle, replay), ForgettingConstants(**constants))


def explicit(weights: np.ndarray, patches: np.ndarray, labels: np.ndarray, lr: float, steps: int) -> np.ndarray:
    """Gradient descent on weights (2, m, d), as the equations have it."""
    n, m = len(labels), weights.shape[1]
    second = np.array([1.0, -1.0])[:, None] / m
    for _ in range(steps):
        products = np.einsum("jrd,npd->jrnp", weights, patches)
        output = (second[..., None, None] * np.maximum(products, 0) ** 3).sum(axis=(0, 1, 3))
        pull = labels / (1 + np.exp(labels * output))
        slope = 3 * np.maximum(products, 0) ** 2 * pull[:, None]
        weights = weights + lr / n * second[..., None] * np.einsum("jrnp,npd->jrd", slope, patches)
    return weights


@pytest.mark.parametrize("replay", [0.0, 0.25])
def test_both_phases_against_explicit_weights(replay: float) -> None:
    """Samples of both tasks laid out here, trained with a loop on the weights themselves."""
    tasks = Tasks(n=8, d=6, m=2, signal_norm=2.0, init_std=0.1, lr=0.2, steps=40)
    first = first_task(tasks, 3)
    second = second_task(tasks, first, 120.0, replay, 3)
    mu, nu = np.eye(6)[0] * 2.0, 2.0 * (np.cos(2 * np.pi / 3) * np.eye(6)[0] + np.sin(2 * np.pi / 3) * np.eye(6)[1])
    assert (first.noise[:, :2] == 0).all()

    old = np.stack([first.labels[:, None] * mu, first.noise], axis=1)
    weights = explicit(first.run.draw.weights.reshape(2, 2, 6), old, first.labels, 0.2, 40)
    np.testing.assert_allclose(ts.reconstruct(first.run), weights, rtol=0, atol=1e-10)

    kept, draw = round(8 * replay), second.draw
    signals = np.where(np.arange(8)[:, None] < kept, mu, nu) * draw.labels[:, None]
    noise = draw.vectors[2:]
    np.testing.assert_array_equal(noise[:kept], first.noise[:kept])
    assert not np.isin(noise[kept:], first.noise)[:, 2:].any()
    weights = explicit(weights, np.stack([signals, noise], axis=1), draw.labels, 0.2, 40)
    np.testing.assert_allclose(ts.reconstruct(second), weights, rtol=0, atol=1e-10)

    found, said = ForgettingEvidence(second, ForgettingConstants()), []
    for y in (1.0, -1.0):
        vote = (np.maximum(weights @ (y * mu), 0) ** 3).mean(axis=1)
        said.append(y * (vote[0] - vote[1]))
    assert found.margin(0, np.array([40]))[0] == pytest.approx(min(said), abs=1e-10)
    assert found.cosine == pytest.approx(-0.5) and found.replayed == kept


def test_law() -> None:
    """0 at the golden section, 1 at a right angle and below, −1 for opposite signals."""
    golden = (np.sqrt(5) - 1) / 2
    np.testing.assert_allclose(kept_share([-golden, 0.0, 0.7, -1.0]), [0.0, 1.0, 1.0, -1.0], atol=1e-12)


@pytest.mark.parametrize("name", STATEMENT)
def test_holds_and_fails(name: str) -> None:
    """Inside the regime; turned it is violated."""
    found = evidence(*HOLDS[name])
    assert evaluate(STATEMENT[name], found).verdict == "holds"
    turned = Sense.UPPER if STATEMENT[name].sense == Sense.LOWER else Sense.LOWER
    assert evaluate(replace(STATEMENT[name], sense=turned), found).verdict == "violated"


@pytest.mark.parametrize(("name", "angle", "replay", "constants"), [
    ("benign", 150.0, 0.0, {"C1": 0.9}), ("harmful", 120.0, 0.0, {"C2": 0.4}), ("benign", 120.0, 0.0, {"kept": 0.6}),
])
def test_false_constants_are_caught(name: str, angle: float, replay: float, constants: dict[str, float]) -> None:
    """A regime that is too wide, or more kept than is."""
    assert evaluate(STATEMENT[name], evidence(angle, replay, **constants)).verdict == "violated"


@pytest.mark.parametrize(("name", "angle", "replay"), [
    ("benign", 150.0, 0.0), ("harmful", 150.0, 0.0), ("harmful", 180.0, 0.1), ("derived.kept", 60.0, 0.0),
    ("derived.kept", 150.0, 0.1),
])
def test_conditions(name: str, angle: float, replay: float) -> None:
    """Angles on the other side, and replay where there should be none."""
    assert evaluate(STATEMENT[name], evidence(angle, replay)).verdict in ("outside regime",)


def test_nothing_learned_before_is_outside() -> None:
    """After 20 steps a task there is nothing to forget; and the second is not learned either."""
    short = ForgettingEvidence(after(60.0, 0.0, steps=20), ForgettingConstants())
    assert evaluate(STATEMENT["benign"], short).verdict == "outside regime"
    assert evaluate(STATEMENT["learned"], short).verdict == "violated"


def test_what_it_speaks_of() -> None:
    """Second tasks, whatever else is told of the run; not the first, nor other data."""
    run = after(60.0, 0.1)
    assert len(PAPER.statements_about(run)) == 4 and PAPER.setting(run) and not PAPER.unlike(run)
    other = ts.SignalNoise(n=8, d=200, m=3, signal_norm=2.0, noise_std=0.5, init_std=0.01, q=3)
    for one in (first_task(replace(TASKS, steps=2), 1).run, ts.simulate(other, ts.GradientDescent(0.1), 2)):
        assert PAPER.statements_about(one) == () and PAPER.setting(one) == ""


@pytest.mark.parametrize("name", ["C1", "C2", "kept"])
def test_constants(name: str) -> None:
    """Shares and cosines."""
    with pytest.raises(ValueError, match=f"{name}=1.5"):
        ForgettingConstants(**{name: 1.5})


def test_figure(tmp_path: Path) -> None:
    """Seeds from 700, a row for every run, the same as one by one; drawn and written."""
    tasks = replace(TASKS, n=40, steps=1500, init_std=0.02)
    report = forgetting.run(seeds=2, angles=(90, 120, 150), replays=(0.0, 0.2), tasks=tasks, n_test=50)
    rows = report.tables["runs"]
    assert len(rows) == 12 and len(report.tables["angles"]) == 6 and "seeds, 700..701" in report.text
    one = rows[(rows["seed"] == 701) & (rows["angle"] == 120) & (rows["replay"] == 0.2)].iloc[0]
    run = second_task(tasks, first_task(tasks, 701), 120.0, 0.2, 701)
    patches, labels = tasks.test_set(120.0, 50, 701)
    assert one["error_2"] == (np.sign(run.predict(patches)) != labels).mean()
    assert one["train_loss"] == pytest.approx(run.column("train_loss")[-1], rel=1e-12)
    first, last = (rows[(rows["replay"] == 0) & (rows["angle"] == angle)]["margin_1"].mean() for angle in (90, 150))
    assert first > 0 > last
    found = report.tables["crossings"].set_index("replay").loc[0.0]
    assert 120 < found["angle"] < 150 and found["cosine"] == pytest.approx(np.cos(np.deg2rad(found["angle"])))
    assert matplotlib.image.imread(report.write(tmp_path)[0]).shape[0] > 400
