"""Lu et al. 2024: growth by hand, each statement holding and failing, what it speaks of, the figure at a small size."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest

import theorysim as ts
from theorysim.check import evaluate
from theorysim.papers.lu2024 import PAPER, STATEMENTS, OscillationConstants, OscillationEvidence
from theorysim.papers.lu2024.figures import oscillation
from theorysim.theory.statement import Sense

pytestmark = pytest.mark.compiled
PROBLEM = oscillation.PROBLEM
STATEMENT = {one.id.removeprefix("lu2024."): one for one in STATEMENTS}


@cache
def run(lr: float, batch: int = 1) -> ts.PatchRun:
    """Some thousand steps."""
    return ts.simulate(PROBLEM, ts.GradientDescent(lr, batch_size=batch), 4000, 1, record_every=10)


def evidence(lr: float, **constants: float) -> OscillationEvidence:
    """With constants of its own."""
    return OscillationEvidence(run(lr), OscillationConstants(**constants))


def test_evidence_by_hand() -> None:
    """Shares, aligned filters and growth, filter by filter and sample by sample."""
    made = ts.simulate(PROBLEM, ts.GradientDescent(1.4, batch_size=1), 200, 2, record_every=20)
    found = OscillationEvidence(made, OscillationConstants())
    z, labels = made.signal_products(), made.draw.labels
    late = [record for record, step in enumerate(made.steps_recorded) if step >= 50]
    for i in range(PROBLEM.n):
        off = [abs(labels[i] * made.outputs(int(made.steps_recorded[record]))[i] - 1) >= 0.1 for record in late]
        assert found.oscillating[i] == pytest.approx(np.mean(off))
    grown = []
    for j, sign in enumerate((1, -1)):
        for r in range(PROBLEM.m):
            aligned = (sign * z[:, j, r] > 0).all()
            assert found.aligned[j, r] == aligned
            if aligned:
                grown.append(np.log(z[-1, j, r] / z[0, j, r]))
    np.testing.assert_allclose(found.growth, grown)
    assert len(grown) > 2 and found.share == pytest.approx(0.3**2 / 4)


def test_one_step_multiplies_as_derived() -> None:
    """One sample at a time: active filters of its class by 1 + 2η‖s‖²/m (1 − yf), the others of their class by 1."""
    made = ts.simulate(PROBLEM, ts.GradientDescent(0.7, batch_size=1), 60, 3, record_every=1)
    found = OscillationEvidence(made, OscillationConstants())
    labels, moved = made.draw.labels, 0
    for step in range(60):
        residual = 1 - labels * made.outputs(step)
        for j, sign in enumerate((1, -1)):
            mask = found.aligned[j]
            ratio = found.products[step + 1, j][mask] / found.products[step, j][mask]
            if np.abs(ratio - 1).max() < 1e-15:
                continue
            moved += 1
            expected = 1 + 2 * 0.7 / 10 * np.array([4.0, 0.09]) * residual[labels == sign][:, None]
            assert np.abs(ratio[:, None, :] - expected).max(axis=(0, 2)).min() < 1e-12
    assert moved >= 59


@pytest.mark.parametrize(("name", "lr"), [
    ("assumption_oscillation", 1.4), ("learned", 1.4), ("not_learned", 0.5), ("derived.share", 1.4),
    ("derived.share", 0.05), ("derived.excess", 1.4),
])
def test_holds_and_fails(name: str, lr: float) -> None:
    """Inside the regime; turned, or with a band of one in a hundred, it is violated."""
    found, claim = evidence(lr), STATEMENT[name]
    assert evaluate(claim, found).verdict == "holds"
    wrong: dict[str, Any] = {"band": 1.01} if claim.sense == Sense.ORDER else {
        "sense": Sense.UPPER if claim.sense == Sense.LOWER else Sense.LOWER}
    assert evaluate(replace(claim, **wrong), found).verdict == "violated"


def test_the_assumption_can_be_false() -> None:
    """With small steps, and with a δ that is larger than the oscillation."""
    claim = STATEMENT["assumption_oscillation"]
    assert evaluate(claim, evidence(0.5)).verdict == "violated"
    assert evaluate(claim, evidence(1.4, oscillation=1.0)).verdict == "violated"


@pytest.mark.parametrize(("name", "lr"), [("learned", 0.5), ("not_learned", 1.4), ("derived.excess", 0.5)])
def test_conditions(name: str, lr: float) -> None:
    """Rest where oscillation is asked for, and the other way round."""
    assert evaluate(STATEMENT[name], evidence(lr)).verdict == "outside regime"


def test_what_it_speaks_of() -> None:
    """Two signals, the first the stronger; the law only for batches of one; no other rule, loss or data."""
    assert len(PAPER.statements_about(run(1.4))) == 5 and PAPER.setting(run(1.4)) and not PAPER.unlike(run(1.4))
    assert len(PAPER.statements_about(ts.simulate(PROBLEM, ts.GradientDescent(0.5, batch_size=4), 2))) == 4
    signals = (ts.Signal(0.3, name="a"), ts.Signal(2.0, name="b"), ts.Noise(0.02))
    for problem in (replace(PROBLEM, patches=signals), replace(PROBLEM, loss="logistic"), replace(PROBLEM, q=3),
                    replace(PROBLEM, patches=signals[1:])):
        other = ts.simulate(problem, ts.GradientDescent(0.1, batch_size=1), 2)
        assert PAPER.setting(other) == "" and PAPER.statements_about(other) == ()
    assert PAPER.unlike(ts.simulate(PROBLEM, ts.GradientDescent(0.1, momentum=0.5, batch_size=1), 2))


@pytest.mark.parametrize("given", [{"oscillation": 0}, {"start": 1}, {"most": 0.4}])
def test_constants(given: dict[str, float]) -> None:
    """What cannot be is refused by name."""
    with pytest.raises(ValueError, match=f"{next(iter(given))}={next(iter(given.values()))}"):
        OscillationConstants(**given)


def test_figure(tmp_path: Path) -> None:
    """Seeds from 700, diverged runs counted, a row found again; drawn and written."""
    report = oscillation.run(seeds=2, rates=(0.5, 1.4, 4.0), batches=(1, 4), steps=600, n_test=50)
    rows = report.tables["runs"]
    assert len(rows) == 12 and "700..701" in report.text and "= 1.25" in report.text
    assert (rows[rows["lr"] == 4.0]["status"] == "diverged").all()
    summary = report.tables["summary"].set_index(["batch", "lr"])
    assert summary["diverged"].tolist() == [0, 0, 2, 0, 0, 2]
    one = rows[(rows["seed"] == 701) & (rows["lr"] == 1.4) & (rows["batch"] == 1)].iloc[0]
    made = ts.simulate(PROBLEM, ts.GradientDescent(1.4, batch_size=1), 600, 701, record_every=10, draw="vectors")
    patches, labels = PROBLEM.sample(50, seed=701)
    votes = made.predict(np.concatenate([0 * patches[:, :1], patches[:, 1:]], axis=1))
    assert one["error"] == (np.sign(votes) != labels).mean()
    assert summary.loc[(1, 1.4), "share"] > 0.9 > 0.1 > summary.loc[(1, 0.5), "share"]
    assert matplotlib.image.imread(report.write(tmp_path)[0]).shape[0] > 400
