"""Chen et al. 2023: its units by hand, each statement holding and made wrong, the figure at a small size."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

import theorysim as ts
from theorysim.check import evaluate
from theorysim.papers.chen2023 import PAPER, STATEMENTS, SamConstants, SamEvidence, sam
from theorysim.papers.chen2023.evidence import radius_unit, signal_power
from theorysim.papers.chen2023.figures import heatmap
from theorysim.theory.statement import Sense

pytestmark = pytest.mark.compiled
WEAK = ts.SignalNoise(n=20, d=5000, m=4, signal_norm=3.0, noise_std=1.0, init_std=0.003, q=1)
STRONG = WEAK.replace(d=200, signal_norm=6.0)
STATEMENT = {one.id.removeprefix("chen2023."): one for one in STATEMENTS}


@cache
def runs() -> dict[str, ts.PatchRun]:
    """SGD on a strong and on a weak signal, SAM on the weak one."""
    sgd = ts.GradientDescent(0.2, batch_size=10)
    return {"sgd.benign": ts.simulate(STRONG, sgd, 1500, 1), "sgd.harmful": ts.simulate(WEAK, sgd, 1500, 1),
            "sam.benign": ts.simulate(WEAK, sam(WEAK, 0.2, 10, 1.0), 750, 1)}


def test_units() -> None:
    """By hand: 20·81/(5000·16) and 4√10/(2√5000); SAM's radius is its factor times the latter."""
    assert signal_power(WEAK) == pytest.approx(20 * 81 / 80_000)
    assert signal_power(WEAK.replace(noise_std=2.0)) == pytest.approx(signal_power(WEAK) / 16)
    assert radius_unit(WEAK, 10) == pytest.approx(4 * np.sqrt(10) / (2 * np.sqrt(5000)))
    assert SamEvidence(ts.simulate(WEAK, sam(WEAK, 0.2, 10, 3.0), 1), SamConstants()).radius == pytest.approx(3.0)


@pytest.mark.parametrize("name", STATEMENT)
def test_holds_and_fails(name: str) -> None:
    """Inside the regime; turned, or with the bound on the other side of what was measured, it is violated."""
    evidence = SamEvidence(runs()[name], SamConstants())
    found = evaluate(STATEMENT[name], evidence)
    assert found.verdict == "holds"
    turned = Sense.UPPER if STATEMENT[name].sense == Sense.LOWER else Sense.LOWER
    assert evaluate(replace(STATEMENT[name], sense=turned), evidence).verdict == "violated"
    level = evidence.test_error * 1.1 if name == "sgd.harmful" else evidence.test_error * 0.9
    if level > 0:
        assert evaluate(STATEMENT[name], SamEvidence(runs()[name], SamConstants(error=level))).verdict == "violated"


@pytest.mark.parametrize(("name", "constants"), [
    ("sgd.benign", {"C": 1000}), ("sgd.harmful", {"C": 1000}), ("sam.benign", {"C": 4}),
    ("sgd.benign", {"loss": 1e-9}), ("sgd.harmful", {"loss": 1e-9}),
])
def test_conditions_are_asked_for(name: str, constants: dict[str, float]) -> None:
    """With a constant out of reach the run is outside the regime."""
    finding = evaluate(STATEMENT[name], SamEvidence(runs()[name], SamConstants(**constants)))
    assert finding.verdict == "outside regime"


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_radius_of_another_order(factor: float) -> None:
    """Is outside the band of 4."""
    run = ts.simulate(WEAK, sam(WEAK, 0.2, 10, factor), 5)
    assert evaluate(STATEMENT["sam.benign"], SamEvidence(run, SamConstants())).verdict == "outside regime"


def test_what_it_speaks_of() -> None:
    """Mini-batches of signal-noise data with ReLU; SGD and SAM have their own statements."""
    spoken = {name: [one.id for one in PAPER.statements_about(run)] for name, run in runs().items()}
    assert spoken["sgd.benign"] == ["chen2023.sgd.benign", "chen2023.sgd.harmful"]
    assert spoken["sam.benign"] == ["chen2023.sam.benign"]
    assert PAPER.setting(runs()["sam.benign"]) == "ReLU, mini-batches"
    for problem, rule in ((WEAK, ts.GradientDescent(0.1)), (WEAK.replace(q=2), ts.GradientDescent(0.1, batch_size=5)),
                          (WEAK, ts.GradientDescent(0.1, ts.Flip(0.1), batch_size=5)),
                          (WEAK, ts.GradientDescent(0.1, batch_size=5, momentum=0.5))):
        assert PAPER.statements_about(ts.simulate(problem, rule, 1)) == ()


@pytest.mark.parametrize("given", [{"error": 0}, {"error": 0.6}, {"loss": 0}])
def test_constants(given: dict[str, float]) -> None:
    """What cannot be is refused by name."""
    with pytest.raises(ValueError, match=f"{next(iter(given))}={next(iter(given.values()))}"):
        SamConstants(**given)


def test_figure() -> None:
    """Seeds from 700, half the steps for SAM, all cells, and cells that are found again one by one."""
    report = heatmap.run(seeds=2, d=(100, 400, 1600), signal_norm=(0.3, 1.0, 3.0, 9.0), steps=60, factors=(0.1, 1.0),
                         radius_d=(100, 400), workers=1, random_numbers="common")
    cells = report.tables["cells"].set_index(["d", "signal_norm", "algorithm"])
    assert len(cells) == 24 and (cells["runs"] == 2).all() and len(report.tables["radius"]) == 4
    assert len(report.tables["boundary"]) == 6 and "seeds 700..701" in report.text
    for name, rule, steps in (("SGD", ts.GradientDescent(0.2, batch_size=10), 60),
                              ("SAM", sam(heatmap.problem(400, 3.0), 0.2, 10, 1.0), 30)):
        losses = [ts.simulate(heatmap.problem(400, 3.0), rule, steps, seed).column("train_loss")[-1]
                  for seed in (700, 701)]
        assert cells.loc[(400, 3.0, name), "train_loss"] == pytest.approx(np.mean(losses), rel=1e-9)


def test_figure_is_drawn(tmp_path: Path) -> None:
    """Also where no boundary is found."""
    report = heatmap.run(seeds=1, d=(100, 400), signal_norm=(0.1, 0.2), steps=4, factors=(1.0,), radius_d=(100,),
                         workers=1)
    written = report.write(tmp_path)
    assert matplotlib.image.imread(written[0]).shape[0] > 500 and "0 of 2 d" in report.text
