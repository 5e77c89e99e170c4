"""Sakamoto & Sato 2025: the threshold of the first step, each statement holding and failing, the figures."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest

import theorysim as ts
from theorysim.check import evaluate
from theorysim.papers.sakamoto2025 import LEVEL, PAPER, STATEMENTS, SelectionConstants, SelectionEvidence
from theorysim.papers.sakamoto2025.evidence import threshold
from theorysim.papers.sakamoto2025.figures import map as map_of_regimes, time as long_runs
from theorysim.papers.sakamoto2025.figures.map import kind_of
from theorysim.theory.statement import Sense

pytestmark = pytest.mark.compiled
STATEMENT = {one.id.removeprefix("sakamoto2025."): one for one in STATEMENTS}
PROBLEM = ts.TokenSelection(key_law="gaussian")
RUNS: dict[str, tuple[dict[str, Any], int]] = {
    "strong": ({"d": 250, "signal_norm": 60.0}, 300), "weak": ({"d": 2000, "signal_norm": 5.0}, 3000),
    "weak, short": ({"d": 2000, "signal_norm": 5.0}, 400), "between": ({"d": 1000, "signal_norm": 20.0}, 300),
    "begun": ({"d": 250, "signal_norm": 60.0}, 0), "weak, begun": ({"d": 2000, "signal_norm": 5.0}, 20),
}
HOLDS = {"not_overfitting": "strong", "not_overfitting.test_loss": "strong", "harmful": "weak", "delayed": "weak",
         "derived.memorises_first": "weak", "derived.selects_first": "between"}


@cache
def run_of(name: str) -> ts.AttentionRun:
    """One of the runs above."""
    fields, steps = RUNS[name]
    return ts.simulate(PROBLEM.replace(**fields), ts.AttentionGD(5e-3), steps, 1)


def evidence(name: str, **constants: float) -> SelectionEvidence:
    """With constants of its own."""
    return SelectionEvidence(run_of(name), SelectionConstants(**constants))


@pytest.mark.parametrize("tokens", [4, 8])
@pytest.mark.parametrize("fields", [
    {}, {"weak": 0, "opposed": 0}, {"weak": 2, "opposed": 0, "relevance": 0.3}, {"opposed": 2, "relevance": 0.2},
    {"label_flip": 0.3}, {"head_norm": 0.05},
])
def test_threshold(fields: dict[str, Any], tokens: int) -> None:
    """Exact where noise has no overlaps: with W = I and noise along axes of its own the sign turns there."""
    problem = ts.TokenSelection(n=20, tokens=tokens, d=2 + 20 * tokens, key_law="identity", **fields)
    turning = threshold(problem, problem.label_flip)
    if problem.head_norm is not None:  # then γ, and the threshold, depend on ‖μ‖
        for _ in range(50):
            turning = threshold(problem.replace(n_snr2=turning), problem.label_flip)
    changes = []
    for factor in (0.999, 1.001):
        found = problem.replace(n_snr2=factor * turning)
        true, observed = found.labels()
        x = np.zeros((20, tokens, found.d))
        x[:, :, :2] = found.signals()[np.where(true > 0, 0, 1)]
        x[:, :, 2:] = found.noise_std * np.sqrt(found.d) * np.eye(20 * tokens).reshape(20, tokens, -1)
        draw = ts.AttentionDraw.from_vectors(x, np.eye(found.d), true, observed)
        run = ts.simulate(found, ts.AttentionGD(1e-4), 1, draw=draw)
        changes.append(tokens * run.column("signal_weight_noisy")[1] - 1)
    assert changes[0] < 0 < changes[1]


def test_no_threshold_where_flips_outweigh() -> None:
    """Then the first step never turns flipped samples to their relevant tokens."""
    assert threshold(PROBLEM, 0.49) == np.inf and 4 < threshold(PROBLEM, 0.2) < 5
    assert threshold(PROBLEM, 0.0) < threshold(PROBLEM, 0.2)


def test_level() -> None:
    """Halfway between no answer and the relevant token alone."""
    assert LEVEL == pytest.approx((np.log(2) + np.log(1 + np.exp(-1 / np.sqrt(2)))) / 2, rel=1e-14)


@pytest.mark.parametrize("name", STATEMENT)
def test_holds_and_fails(name: str) -> None:
    """Inside the regime; turned it is violated."""
    found = evidence(HOLDS[name])
    assert evaluate(STATEMENT[name], found).verdict == "holds"
    turned = Sense.UPPER if STATEMENT[name].sense == Sense.LOWER else Sense.LOWER
    assert evaluate(replace(STATEMENT[name], sense=turned), found).verdict == "violated"


@pytest.mark.parametrize(("name", "run", "constants"), [
    ("not_overfitting", "weak", {"high": 0.1}), ("not_overfitting.test_loss", "weak", {"high": 0.1}),
    ("harmful", "weak", {"level": 0.69}),
])
def test_false_constants_are_caught(name: str, run: str, constants: dict[str, float]) -> None:
    """A regime that is too wide, or a level that is too high."""
    assert evaluate(STATEMENT[name], evidence(run, **constants)).verdict == "violated"


@pytest.mark.parametrize(("name", "run", "verdict"), [
    ("not_overfitting", "between", "outside regime"), ("not_overfitting.test_loss", "weak", "outside regime"),
    ("harmful", "between", "outside regime"), ("harmful", "weak, begun", "outside regime"),
    ("delayed", "weak, short", "not reached"), ("delayed", "weak, begun", "not reached"),
    ("derived.memorises_first", "between", "outside regime"), ("derived.selects_first", "weak", "outside regime"),
    ("derived.selects_first", "begun", "not reached"),
])
def test_conditions(name: str, run: str, verdict: str) -> None:
    """The other signal, labels that are not fitted, runs that are too short."""
    assert evaluate(STATEMENT[name], evidence(run)).verdict == verdict


def test_test_losses() -> None:
    """Those of the run, each made once."""
    found = evidence("weak, short")
    steps = run_of("weak, short").steps_recorded[[0, 50, -1]]
    expected = [run_of("weak, short").test_loss(int(step)).value for step in steps]
    assert found.test_loss_at(steps).tolist() == found.test_loss_at(steps).tolist() == expected
    assert found.n_snr2 == pytest.approx(20 * 25 / 2000)


@pytest.mark.parametrize("fields", [{"label_flip": 0.0}, {"label_flip": 0.5}, {"head_norm": 1.0}, {"noise_std": 0.0},
                                    {"signal_norm": 0.0, "head_norm": 1.0}, {"tokens": 1, "weak": 0, "opposed": 0}])
def test_what_it_does_not_speak_of(fields: dict[str, Any]) -> None:
    """No flips, as many as not, another head, no noise, no signal, no choice; nor a head that is trained."""
    small = PROBLEM.replace(d=200)
    assert PAPER.setting(ts.simulate(small, ts.AttentionGD(0.1), 1)) and len(PAPER.statements_about(
        ts.simulate(small, ts.AttentionGD(0.1, train_keys=True), 1))) == len(STATEMENTS)
    for run in (ts.simulate(small.replace(**fields), ts.AttentionGD(0.1), 1),
                ts.simulate(small, ts.AttentionGD(0.1, train_head=True), 1)):
        assert PAPER.statements_about(run) == () and PAPER.setting(run) == ""


@pytest.mark.parametrize(("name", "value"), [("high", 0.0), ("low", -1.0), ("level", 0.0), ("clear", 0.9)])
def test_constants(name: str, value: float) -> None:
    """Positive; a factor is 1 at least."""
    with pytest.raises(ValueError, match=f"{name}={value}"):
        SelectionConstants(**{name: value})


def test_kinds() -> None:
    """Fitted or not, generalising or not."""
    assert [kind_of(fitted, loss) for fitted in (0.2, 0.9) for loss in (0.45, 0.62)] == [
        "not overfitting", "neither fitted nor generalising", "benign", "harmful"]


def test_map(tmp_path: Path) -> None:
    """A row for every run, lines and kinds of cells, drawn and written."""
    report = map_of_regimes.run(seeds=2, d=(100, 200, 400), signal_norm=(3.0, 8.0, 30.0, 90.0), steps=200, n_test=200,
                                executor="threads", workers=1)
    assert "48 runs (0 not completed)" in report.text and "n·SNR² = 4.55" in report.text
    cells, lines = report.tables["cells"], report.tables["lines"]
    assert len(cells) == 24 and len(lines) == 2 * 3 * 3
    first = lines[lines["measure"] == "first_step"]
    assert first["crossing"].between(3.0, 30.0).all()
    wide = cells[(cells["d"] == 100) & (cells["signal_norm"] == 90.0)]
    assert (wide["signal_weight_noisy"] > 0.5).all() and (wide["test_loss"] < LEVEL).all()
    verdicts = [line for line in report.text.splitlines() if line.startswith("| `sakamoto2025.derived.selects_first`")]
    assert len(verdicts) == 2 and all("| 0 |" in line for line in verdicts)
    assert matplotlib.image.imread(report.write(tmp_path)[0]).shape[0] > 400


def test_long_runs(tmp_path: Path) -> None:
    """Looks of every run are those of the run; seeds from 700."""
    report = long_runs.run(seeds=2, cells=((150, 40.0), (800, 4.0)), steps=1500, n_test=300)
    looks, runs = report.tables["looks"], report.tables["runs"]
    assert len(runs) == 8 and sorted(set(looks["step"])) == [0, 10, 30, 100, 300, 1000, 1500]
    problem = map_of_regimes.PROBLEM.replace(d=800, signal_norm=4.0)
    run = ts.simulate(problem, ts.AttentionGD(5e-3, train_keys=True), 1500, 701, record_at=[1000])
    chosen = (looks["d"] == 800) & (looks["trained"] == "p and W") & (looks["seed"] == 701)
    row = looks[chosen & (looks["step"] == 1000)].iloc[0]
    assert row["test_loss"] == run.test_loss(1000, 300).value and row["train_loss"] == run.column("train_loss")[1000]
    one = runs[(runs["d"] == 800) & (runs["trained"] == "p and W") & (runs["seed"] == 701)].iloc[0]
    np.testing.assert_equal(one["memorised"], run.stage_times().memorised)
    assert "700..701" in report.text
    assert matplotlib.image.imread(report.write(tmp_path)[0]).shape[0] > 400
