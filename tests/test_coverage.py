"""Do 95% intervals hold the truth in about 95% of studies? Where it is known: exponents, crossings, and the real T1.

The whole study, which also writes docs/measured/coverage.md, is experiments/benchmarks/interval_coverage.py.
"""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from theorysim.core.intervals import typical
from theorysim.scaling.fit import Times, fitted
from theorysim.sweep.crossing import crossing

SCRIPT = Path(__file__).parents[1] / "experiments" / "benchmarks" / "interval_coverage.py"
REPEATS = 300


def _load() -> ModuleType:
    made = importlib.util.spec_from_file_location("interval_coverage", SCRIPT)
    assert made is not None and made.loader is not None
    module = importlib.util.module_from_spec(made)
    made.loader.exec_module(module)
    return module


study = _load()


def covers(share: float, trials: int, low: float = 0.93, high: float = 0.98) -> bool:
    """Whether a share is compatible with a coverage in [low, high]: within two and a half standard errors."""
    slack = 2.5 * np.sqrt(0.95 * 0.05 / trials)
    return bool(low - slack <= share <= high + slack)


@pytest.mark.parametrize("seeds", study.SEEDS)
@pytest.mark.parametrize("kind", study.KINDS)
def test_exponents(kind: str, seeds: int) -> None:
    """All designs together between .93 and .98, and each of them as far as 300 repeats can tell."""
    shares = []
    for number, (name, (_, parameters, _)) in enumerate(study.DESIGNS.items()):
        share, _ = study.exponents(kind, name, seeds, REPEATS, np.random.default_rng([number, seeds]))
        assert covers(share, REPEATS * parameters), f"{name}: {share}"
        shares.append(share)
    assert 0.93 <= np.mean(shares) <= 0.98, shares


@pytest.mark.parametrize(("common", "kind", "axis"), [
    (False, "normal", study.COARSE), (False, "exponential", study.COARSE), (False, "normal", study.FINE),
    (True, "normal", study.COARSE),
], ids=["independent", "skewed", "fine", "common"])
@pytest.mark.parametrize("seeds", study.SEEDS)
def test_crossings(common: bool, kind: str, axis: Any, seeds: int) -> None:
    """The place and the exponent of a line, with random numbers of either kind, also where noise crosses often."""
    repeats = 30 if axis is study.FINE else 100
    place, slope, without = study.crossings(kind, common, seeds, repeats, np.random.default_rng(seeds), axis)
    assert covers(place, 2 * repeats) and without < 0.05, "places of one table are not independent, half of them are"
    assert slope >= 0.93 - 2.5 * np.sqrt(0.05 / repeats)


def test_crossings_see_what_cells_share() -> None:
    """A draw of luck shared by all cells: taken as independent, intervals would be too narrow."""
    rng, widths = np.random.default_rng(0), np.zeros(2)
    for _ in range(10):
        table = study.diagram("normal", True, 20, rng)
        blind = table.assign(draw_seed=np.arange(len(table)) + 1000)
        for number, frame in enumerate((table, blind)):
            points = crossing(frame, "value", 0.5, along="along", over="over", algorithm="a").points
            widths[number] += (points["high"] - points["low"]).sum()
    assert widths[0] > 1.1 * widths[1]


@pytest.mark.compiled
def test_the_real_first_stage() -> None:
    """Disjoint sets of seeds of T1; also for lr, between whose values the draws of a seed coincide."""
    for name, (values, times) in study.real(300).items():
        share, sets, width = study.disjoint(values, times, 5)
        assert covers(share, sets), f"{name}: {share} of {sets}"
        assert width < (0.05 if name == "lr" else 0.5), name


def test_missing_values_are_counted() -> None:
    """A seed without a time at one value is fitted to the others; what is missing is said, and where."""
    rng, values = np.random.default_rng(0), [1.0, 2.0, 4.0]
    times = np.array(values)[:, None] ** 2 * np.exp(0.01 * rng.standard_normal((3, 5)))
    times[2, :2] = np.nan
    ones, points = np.ones((3, 5)), [{"x": value} for value in values]
    fit = fitted("time", None, points, {"x": [0, 1, 2]}, range(5), Times(times, ones, ones, ones))
    row = fit.exponents.iloc[0]
    assert row["low"] <= 2 <= row["high"] and (row["seeds"], row["not_reached"]) == (5, 2)
    assert "2 of 5 at x = 4" in str(fit) and "2 of 5 at x = 4" in fit._repr_html_()
    assert fit.points["not_reached"].tolist() == [0, 0, 2] and len(fit.runs) == 13
    times[1:, :4] = np.nan
    fit = fitted("time", None, points, {"x": [0, 1, 2]}, range(5), Times(times, ones, ones, ones))
    assert np.isnan(fit.exponents["low"].item()) and fit.exponents["seeds"].item() == 1
    times[1:] = np.nan
    with pytest.raises(ValueError, match="measure: reached at too few values of x to fit an exponent"):
        fitted("time", None, points, {"x": [0, 1, 2]}, range(5), Times(times, ones, ones, ones))


def test_what_is_typical() -> None:
    """By hand, against SciPy's signed-rank test, and with few numbers."""
    from scipy.stats import t, wilcoxon

    assert typical([1.0, 2.0, 30.0]).value == np.median([1, 1.5, 2, 15.5, 16, 30])
    numbers = np.random.default_rng(0).standard_normal(12)
    value, low, high = typical(numbers)
    assert low < value < high
    for end, inside in ((low, 1e-9), (high, -1e-9)):
        assert wilcoxon(numbers - end - inside, method="exact").pvalue > 0.05
        assert wilcoxon(numbers - end + inside, method="exact").pvalue <= 0.05
    four = numbers[:4]
    reach = t.ppf(0.975, 3) * four.std(ddof=1) / 2
    assert typical(four).low == pytest.approx(min(four.min(), four.mean() - reach))
    assert typical(four).high == pytest.approx(max(four.max(), four.mean() + reach))
    assert typical([3.0]).value == 3.0 and np.isnan(typical([3.0]).low) and np.isnan(typical([]).value)
