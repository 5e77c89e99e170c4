"""Do 95% intervals hold the truth in about 95% of studies? Where it is known: exponents, crossings, means, real T1.

The whole study, which also writes docs/measured/coverage.md, is experiments/benchmarks/interval_coverage.py.
"""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.optimize import brentq

from theorysim.core import intervals
from theorysim.core.intervals import Moments, combined, ends, mean, moments, typical
from theorysim.papers import rare_errors
from theorysim.papers.han2025.figures.bounds import slope_of_log_mean
from theorysim.scaling.fit import Times, fitted
from theorysim.sweep.crossing import Crossing, crossing
from theorysim.sweep.curve import Curve

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


@pytest.mark.parametrize("seeds", study.SEEDS)
@pytest.mark.parametrize("kind", ["normal", "exponential"])
@pytest.mark.parametrize("common", [False, True], ids=["independent", "common"])
def test_crossings(common: bool, kind: str, seeds: int) -> None:
    """The place and the exponent of a line: intervals that leave the diagram count, and are few."""
    place, slope, is_open = study.crossings(kind, common, seeds, REPEATS, np.random.default_rng(seeds))
    assert covers(place, REPEATS) if common else 0.93 <= place <= 0.98, "independent places are four times as many"
    assert covers(slope, REPEATS)
    assert is_open < (0.2 if seeds == 5 else 0.06 if common else 0.02)


@pytest.mark.parametrize("seeds", study.SEEDS)
def test_crossings_where_noise_crosses_often(seeds: int) -> None:
    """A fine grid, in which a cell's mean differs from the next by a third of its standard error, or less."""
    place, slope, is_open = study.crossings("normal", False, seeds, REPEATS, np.random.default_rng(seeds), study.FINE)
    assert 0.93 <= place <= 0.98 and covers(slope, REPEATS) and is_open == 0


@pytest.mark.parametrize("wrong", ["halved", "normal quantile"])
def test_wrong_intervals_are_noticed(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the test above: half as wide, or made with the quantile of the normal law in place of Student's."""
    around = Curve._around
    if wrong == "halved":
        monkeypatch.setattr(Curve, "_around", lambda self, value: tuple(
            (end + value) / 2 for end in around(self, value)))
    else:
        monkeypatch.setattr(intervals, "student", lambda freedom: np.full(np.shape(freedom), 1.959964))
    place, _, _ = study.crossings("normal", False, 5, REPEATS, np.random.default_rng(5))
    assert place < 0.93


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


def line_of(frame: pd.DataFrame) -> Crossing:
    """The line at ½."""
    return crossing(frame, "value", 0.5, along="along", over="over", algorithm="a")


def held(numbers: Any, weights: Any = None) -> tuple[float, float]:
    """The hull of Student's and Hall's intervals, by loops: of a mean, or of a sum of means of independent numbers."""
    weights = np.ones(1) if weights is None else np.asarray(weights)
    value = variance = third = doubt = 0.0
    for weight, row in zip(weights, np.atleast_2d(numbers), strict=True):
        n = len(row)
        value += weight * np.mean(row)
        part = weight**2 * np.var(row, ddof=1) / n
        variance, doubt = variance + part, doubt + part**2 / (n - 1)
        third += weight**3 * stats.kstat(row, 3) / n**2
    quantile, skewness = stats.t.ppf(0.975, variance**2 / doubt), third / variance**1.5

    def transformed(t: float) -> float:
        return t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / 6

    reaches = [brentq(lambda t, to=to: transformed(t) - to, -1e3, 1e3) for to in (-quantile, quantile)]
    error = variance**0.5
    return value - max(quantile, reaches[1]) * error, value - min(-quantile, reaches[0]) * error


@pytest.mark.parametrize("common", [False, True], ids=["independent", "common"])
@pytest.mark.parametrize("seeds", [3, 8])
def test_ends_of_a_crossing(common: bool, seeds: int) -> None:
    """There the interval of the mean, interpolated between two cells, begins or ends at the level."""
    for number in range(4):
        frame = study.diagram("exponential", common, seeds, np.random.default_rng([seeds, number]))
        frame["value"] -= 0.75 * (frame["along"] - 1)  # so steep that neighbours are not pooled
        for over, low, high in line_of(frame).points[["over", "low", "high"]].itertuples(index=False):
            table = frame[frame["over"] == over].pivot(index="along", columns="seed", values="value")
            for place, side in ((low, 0), (high, 1)):
                if np.isinf(place):
                    continue
                left = int(np.searchsorted(table.index, place)) - 1
                share = (place - table.index[left]) / (table.index[left + 1] - table.index[left])
                cells, weights = table.to_numpy()[left:left + 2], [1 - share, share]
                interval = held(weights @ cells) if common else held(cells, weights)
                assert interval[side] == pytest.approx(0.5, abs=1e-7)


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


# --- crossings by hand --------------------------------------------------------------------------------------------


def small(cells: dict[float, list[float]], independent: bool = True) -> pd.DataFrame:
    """The same row of a diagram at 1, 2 and 4."""
    return pd.DataFrame([
        {"over": over, "along": along, "seed": seed, "value": value, "algorithm": "a", "status": "completed",
         "draw_seed": seed + 1000 * independent}
        for over in (1.0, 2.0, 4.0) for along, values in cells.items() for seed, value in enumerate(values)])


@pytest.mark.parametrize("common", [False, True], ids=["independent", "common"])
def test_order_of_rows_and_direction_do_not_matter(common: bool) -> None:
    """The same intervals to the last digit; and of 1 − value the same places."""
    frame = study.diagram("exponential", common, 6, np.random.default_rng(0), study.FINE)
    line = line_of(frame)
    again = line_of(frame.sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(line.points, again.points, check_exact=True)
    assert line.exponent == again.exponent
    rising = line_of(frame.assign(value=1 - frame["value"]))
    np.testing.assert_allclose(rising.points, line.points, rtol=1e-7)
    np.testing.assert_allclose(rising.exponent, line.exponent, rtol=1e-6)


def test_ends_beyond_the_diagram() -> None:
    """Are infinite, also where one end is known; no exponent is made of such points."""
    cells = {1.0: [0.2, 0.7, 0.8], 2.0: [0.1, 0.11, 0.12], 3.0: [0.0, 0.01, 0.02]}
    points = line_of(small(cells)).points
    assert (points["low"] == -np.inf).all() and points["high"].between(points["crossing"], 2, inclusive="neither").all()
    upside_down = line_of(small({4 - place: [1 - one for one in values] for place, values in cells.items()})).points
    assert (upside_down["high"] == np.inf).all()
    np.testing.assert_allclose(upside_down["low"], 4 - points["high"], rtol=1e-7)
    assert np.isnan(line_of(small(cells)).exponent).all()


def test_without_spread() -> None:
    """A line that is known, to the last digit, with the exponent 0 of a row that does not change."""
    line = line_of(small({1.0: [1.0] * 3, 2.0: [0.75] * 3, 4.0: [0.25] * 3}))
    assert (line.points[["crossing", "low", "high"]] == 3.0).all(axis=None)
    np.testing.assert_allclose(line.exponent, 0, atol=1e-12)


@pytest.mark.parametrize(("cells", "place"), [
    ({1.0: [0.6], 2.0: [0.4]}, 1.5),  # a single seed
    ({1.0: [0.9, 0.8], 2.0: [0.7, 0.6]}, np.nan),  # no crossing
    ({1.0: [0.9, 0.8], 2.0: [0.5, 0.5], 3.0: [0.5, 0.5]}, np.nan),  # the level is reached and not passed
    ({1.0: [0.9, 0.3]}, np.nan), ({1.0: [np.nan], 2.0: [np.nan]}, np.nan),
], ids=["one seed", "above", "reached", "one cell", "nothing"])
@pytest.mark.parametrize("independent", [False, True])
def test_without_an_interval(cells: dict[float, list[float]], place: float, independent: bool) -> None:
    """Where the mean does not pass the level, and of a single seed."""
    line = line_of(small(cells, independent))
    np.testing.assert_allclose(line.points["crossing"], place)
    assert line.points[["low", "high"]].isna().all(axis=None) and np.isnan(line.exponent).all()


def test_neighbours_between_which_the_mean_goes_back_and_forth_are_pooled() -> None:
    """1, ½ ± noise, 0: the places of the pool are all possible, and the estimate is where the pools' line passes."""
    cells = {1.0: [0.99, 1.0, 1.01], 2.0: [0.3, 0.4, 0.5], 3.0: [0.5, 0.6, 0.76], 4.0: [0.0, 0.01, 0.02]}
    pool = np.mean([cells[2.0], cells[3.0]])
    point = line_of(small(cells)).points.iloc[0]
    assert point["crossing"] == pytest.approx(3 + (pool - 0.5) / (pool - 0.01))
    assert 1 < point["low"] < 2 and 3 < point["crossing"] < point["high"] < 4


@pytest.mark.parametrize("independent", [False, True])
def test_missing_runs_of_a_line(independent: bool) -> None:
    """Are counted; a cell with one run has an unknown spread, so that the interval reaches over it, and no further."""
    full = {1.0: [0.99, 1.0, 1.01], 2.0: [0.9, 0.91, 0.92], 3.0: [0.1, 0.12, 0.11], 4.0: [0.0, 0.01, 0.02]}
    line = line_of(small(full, independent)).points
    assert (line["missing"] == 0).all() and line["low"].gt(2).all() and line["high"].lt(3).all()
    holes = full | {3.0: [0.1, np.nan, np.inf]}
    line = line_of(small(holes, independent)).points
    assert (line["missing"] == 2).all() and line["low"].between(2, 2.1).all() and line["high"].between(3.9, 4).all()
    few = line_of(small(full | {3.0: [0.1, np.nan, 0.12]}, independent)).points
    assert (few["missing"] == 1).all() and few["low"].gt(2).all() and few["high"].lt(3.1).all()


# --- means --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seeds", study.SEEDS)
@pytest.mark.parametrize("kind", ["normal", "exponential", "heavy tails"])
def test_means(kind: str, seeds: int) -> None:
    """Of which the gains of a policy are."""
    assert covers(study.means(kind, seeds, 10_000, np.random.default_rng(seeds)), 10_000)


@pytest.mark.parametrize(("kind", "change"), [
    ("normal", lambda of: of._replace(freedom=np.full_like(of.freedom, np.inf))),
    ("normal", lambda of: of._replace(variance=of.variance / 4)),
    ("exponential", lambda of: of._replace(third=0 * of.third)),
], ids=["normal quantile", "halved", "no skewness"])
def test_wrong_means_are_noticed(kind: str, change: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """At five seeds."""
    monkeypatch.setattr(study, "moments", lambda numbers: change(moments(numbers)))
    assert not covers(study.means(kind, 5, 10_000, np.random.default_rng(5)), 10_000)


def test_means_by_hand() -> None:
    """One and two numbers; many by loops; a difference of two means as in Welch's test."""
    rng = np.random.default_rng(0)
    assert mean([3.0]).value == 3.0 and np.isnan(mean([3.0])[1:]).all() and np.isnan(mean([])).all()
    low, high = stats.t.interval(0.95, 1, loc=2.0, scale=1.0)
    np.testing.assert_allclose(mean([1.0, np.nan, 3.0]), (2.0, low, high))
    np.testing.assert_allclose(mean([0.7, 0.7, 0.7]), 0.7)
    for size in (3, 5, 40):
        for numbers in (rng.exponential(size=size), -rng.exponential(size=size), rng.standard_normal(size)):
            np.testing.assert_allclose(mean(numbers), (numbers.mean(), *held(numbers)), rtol=1e-9)
    a, b = rng.exponential(size=4), rng.standard_normal(9)
    both = Moments(*(np.array(pair) for pair in zip(moments(a), moments(b), strict=True)))
    difference = combined(np.array([1.0, -1.0]), both)
    welch = stats.ttest_ind(a, b, equal_var=False).confidence_interval()
    np.testing.assert_allclose(ends(difference._replace(third=np.array(0.0))), (welch.low, welch.high))
    unknown = combined(np.array([[1.0, 0.0], [1.0, 1.0]]), both._replace(variance=np.array([1.0, np.nan])))
    np.testing.assert_array_equal(np.isnan(ends(unknown)), [[False, True], [False, True]])


@pytest.mark.parametrize("seeds", [4, *study.SEEDS])
def test_exponents_of_rare_errors(seeds: int) -> None:
    """Whatever a seed's cells share, where some are missing too."""
    rng, hits = np.random.default_rng(seeds), []
    cells = [*((50, d) for d in (2500, 10_000, 100_000)), (20, 30_000), (90, 30_000)]
    for _ in range(REPEATS):
        rows = []
        for seed in range(seeds):
            shared = 0.3 * rng.standard_normal()
            for n, d in cells:
                size = 0.9 * np.log(d) - 0.8 * np.log(n) + shared * (50 / n) ** 0.5 + 0.1 * rng.standard_normal()
                rows.append({"n": n, "d": d, "seed": seed, "log10_error": -np.exp(size) / np.log(10),
                             "reliable": rng.random() > 0.05})
        found = rare_errors.fit(pd.DataFrame(rows))
        hits.append((found.d.low <= 0.9 <= found.d.high, found.n.low <= -0.8 <= found.n.high))
    assert all(covers(share, REPEATS) for share in np.mean(hits, axis=0))


@pytest.mark.parametrize("seeds", study.SEEDS)
@pytest.mark.parametrize("shared", [False, True])
def test_slope_of_the_logarithm_of_a_mean(shared: bool, seeds: int) -> None:
    """Errors whose law is a gamma law, wider where they are small; independent, or powers of one number of a seed."""
    rng, x, hits = np.random.default_rng(seeds), np.array([0.25, 0.5, 1.0, 2.0, 4.0, 8.0]), []
    shape = 10 / x[:, None]
    size = 0.3 * np.exp(-0.8 * x)[:, None]
    for _ in range(REPEATS):
        luck = rng.random((1 if shared else 6, seeds))
        slope = slope_of_log_mean(x, size * stats.gamma.ppf(luck, shape) / shape)
        hits.append(slope.low <= -0.8 <= slope.high)
    assert covers(float(np.mean(hits)), REPEATS)
    exact = slope_of_log_mean(x, np.vstack([np.exp(-0.8 * x[:5, None]) * np.ones(3), np.zeros((1, 3))]))
    np.testing.assert_allclose(exact, -0.8)
    assert np.isnan(slope_of_log_mean(x[:2], np.array([[0.1, 0.2], [0.0, 0.0]]))).all()
