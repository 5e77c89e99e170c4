"""Fitted exponents: on times whose law is known by construction, and on the paper's."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import theorysim as ts
from theorysim.scaling import rounded
from theorysim.theory.paper import laws_of

D = 10**5
# Wide enough that some filter is active on every sample, without which T1 never comes.
CENTRE = ts.SignalNoise(n=10, d=D, m=16, signal_norm=1.0, noise_std=1.0, init_std=1e-3 / D**0.5).replace(n_snr2=0.1)
GD = ts.GradientDescent(1.0 / D)
# The smallest with all stages, for what must also run uncompiled: tens of steps.
SMALL = CENTRE.replace(n=2, m=8, init_std=0.02 / D**0.5)
SMALL_GD = ts.GradientDescent(2.0 / D)


def exact(run: ts.Run) -> float:
    """A "time" with a law of its own: n² m / lr, and a factor that depends on the seed alone."""
    return float(run.problem.n**2 * run.problem.m / run.algorithm.lr * (1 + 0.1 * run.seed))


def test_exponents_of_a_known_law_are_found_exactly() -> None:
    """n², m, 1/lr, and nothing for d; what a seed has at every point is in none of its slopes, and cancels."""
    fit = ts.scaling(
        CENTRE, GD, exact, vary={"n": [5, 10, 20], "m": [8, 16], "lr": [1e-6, 1e-5], "d": [D, 10 * D]}, seeds=4, steps=0
    )
    found = fit.exponents.set_index("parameter")
    np.testing.assert_allclose(found["exponent"], [2, 1, -1, 0], atol=1e-10)
    assert (found["low"] <= found["exponent"]).all() and (found["exponent"] <= found["high"]).all()
    assert (found["high"] - found["low"] < 1e-9).all() and (found["high"] > found["low"]).all()
    assert found["theory"].isna().all() and fit.measure == "exact"
    # One parameter at a time: values around the centre, not their product; the centre once.
    assert len(fit.runs) == 4 * (3 + 2 + 2 + 2 - 3)


@pytest.mark.compiled
@pytest.mark.parametrize("noise", [None, ts.Flip(0.1)], ids=["GD", "label noise"])
def test_first_stage_follows_its_law(noise: ts.Flip | None) -> None:
    """T1 grows as nm/(ησ_p² d) times log(θ/β̄), with exponents within 5% and the constant of the derivation.

    While |ℓ'| is near ½ memorization grows at the rate ησ_p² d/(nm), so the constant is near 1; with labels
    flipped at rate p the mean rate is (1 − 2p) times that, so it is near 1/(1 − 2p) = 1.25.
    """
    algorithm = ts.GradientDescent(GD.lr, noise)
    vary = {"n": [10, 20, 30], "m": [12, 16, 32], "lr": [GD.lr / 2, GD.lr], "noise_std": [0.5, 1.0], "d": [D // 2, D]}
    fit = ts.scaling(CENTRE, algorithm, "T1/start", vary=vary, seeds=10, hold=["n_snr2", "init_scale"])
    found = fit.exponents.set_index("parameter")
    np.testing.assert_allclose(found["exponent"], found["theory"], atol=0.05)
    constant = 1.0 if noise is None else 1 / (1 - 2 * 0.1)
    ratio = fit.runs["ratio"].median()
    assert abs(ratio / constant - 1) < 0.1
    assert fit.not_reached == 0


@pytest.mark.compiled
def test_second_stage_of_gradient_descent_is_loose_in_the_width() -> None:
    """Theorem 3.2 allows m³; runs need about m: the verdict says loose, by more than one power."""
    lr = 0.05 * CENTRE.n * CENTRE.m / D
    fit = ts.scaling(CENTRE, ts.GradientDescent(lr), "T2", vary={"m": [12, 16, 32], "lr": [lr / 2, lr]}, seeds=6)
    by_width = fit.exponents.set_index("parameter").loc["m"]
    assert by_width["high"] < 2 and by_width["theory"] == 3
    assert "loose by the power" in by_width["verdict"]
    assert fit.band[1] < 1, "the bound holds all the same"


@pytest.mark.compiled
def test_a_wrong_exponent_is_told() -> None:
    """The true law passes, the same with a power changed by one half does not."""
    vary = {"n": [10, 20, 30], "lr": [GD.lr / 2, GD.lr]}
    fit = ts.scaling(CENTRE, GD, "T1/start", vary=vary, seeds=6)
    assert fit.exponents.set_index("parameter").loc["lr", "verdict"].startswith("agrees")
    for row in fit.exponents.itertuples():
        assert not row.low <= row.theory + 0.5 <= row.high and not row.low <= row.theory - 0.5 <= row.high


@pytest.mark.compiled
def test_raw_exponents_come_first() -> None:
    """The time itself against powers and known logarithms; then with measured factors divided out, which may grow."""
    vary = {"noise_std": [0.5, 1.0], "lr": [GD.lr / 2, GD.lr]}
    first = ts.scaling(CENTRE, GD, "T1", vary=vary, seeds=4).exponents.set_index("parameter")
    scale = np.log(1 / (CENTRE.init_std * np.array([0.5, 1.0]) * CENTRE.d**0.5))
    growth = np.log(scale[1] / scale[0]) / np.log(2)
    assert first.loc["noise_std", "theory"] == pytest.approx(-2 + growth, abs=1e-9)
    assert first.loc["noise_std", "power"] == -2 and first.loc["lr", "theory"] == pytest.approx(-1, abs=1e-9)
    difference = first["exponent"] - first["normalised"]
    np.testing.assert_allclose(difference, [growth, 0], atol=1e-6)
    step = 0.15 * CENTRE.n * CENTRE.m / D
    fit = ts.scaling(CENTRE.replace(n_snr2=1.0), ts.GradientDescent(step, ts.Flip(0.1)), "T2", seeds=4, steps=50_000,
                     vary={"lr": [step, 1.5 * step]})
    row, runs = fit.exponents.iloc[0], fit.runs
    slopes = runs.pivot(index="lr", columns="seed", values="measured")
    raw = np.log(slopes.iloc[1] / slopes.iloc[0]) / np.log(1.5)
    assert raw.min() <= row["exponent"] <= raw.max() and row["theory"] == pytest.approx(-1, abs=1e-9)
    assert abs(row["normalised"] - row["exponent"]) > 0.1, "4(1 + e^c₂) is measured, and grows with lr"
    assert str(fit).index("exponent") < str(fit).index("normalised: factors of the law")
    assert max(map(len, str(fit).splitlines()[1:])) <= 120


@pytest.mark.parametrize("measure", ["T1", "T1/start", "T2", "han2025.T1", "huang2025.T2"])
@pytest.mark.parametrize("noise", [None, ts.Flip(0.1)], ids=["GD", "label noise"])
def test_every_measure_gives_an_exponent(measure: str, noise: ts.Flip | None) -> None:
    """Stage times of both algorithms fall as the learning rate rises, whatever the law says of them."""
    second = measure.endswith("T2")
    lr = 0.5 * SMALL.n * SMALL.m / D if second else SMALL_GD.lr
    problem = SMALL.replace(n_snr2=2.0) if second else SMALL
    algorithm = ts.GradientDescent(lr, noise)
    vary = {"lr": [lr / 2, lr]} | ({"p": [0.05, 0.1]} if noise else {"epsilon": [0.01, 0.1]})
    fit = ts.scaling(problem, algorithm, measure, vary=vary, seeds=2, steps=600)
    assert fit.exponents.set_index("parameter").loc["lr", "exponent"] < -0.5
    assert np.isfinite(fit.band).all()


@pytest.mark.compiled
def test_linear_networks() -> None:
    """Theorem 2's exponents in all three parameters, and the time of alignment, each by its own law."""
    problem, algorithm = ts.LinearNetwork(n=200, d=10, width=400, label_noise_std=4.0), ts.LinearSGD(1e-3)
    vary = {"width": [200, 400, 800], "label_noise_std": [3.0, 6.0], "lr": [5e-4, 1e-3]}
    fit = ts.scaling(problem, algorithm, "zhang2026.T1", vary=vary, seeds=4)
    found = fit.exponents.set_index("parameter")
    assert (np.abs(found["exponent"] - found["theory"]) < 0.35).all()
    assert fit.band[1] < 0.1, "the bound is far above"
    aligned = ts.scaling(problem, algorithm, "zhang2026.T2", vary={"lr": [1.5e-3, 3e-3]}, seeds=3).exponents
    assert aligned["exponent"].item() == pytest.approx(-2, abs=0.3)
    with pytest.raises(ValueError, match="measure='T1': must be one of 'zhang2026.T1'"):
        ts.scaling(problem, algorithm, "T1", vary=vary)
    with pytest.raises(ValueError, match="hold=.*must be empty for a LinearNetwork"):
        ts.scaling(problem, algorithm, "zhang2026.T1", vary=vary, hold=["snr"])


@pytest.mark.compiled
def test_numbers_do_not_depend_on_workers() -> None:
    """One thread or two, the same table."""
    one, two = (ts.scaling(CENTRE, GD, vary={"n": [5, 10]}, seeds=3, workers=workers) for workers in (1, 2))
    assert one.runs.equals(two.runs) and one.exponents.equals(two.exponents)


@pytest.mark.compiled
def test_hold_keeps_what_it_says() -> None:
    """n·SNR² and σ_0σ_p√d stay at the centre's values while n, d and σ_p vary."""
    seen: list[tuple[float, float]] = []

    def look(run: ts.Run) -> float:
        problem = run.problem
        assert isinstance(problem, ts.SignalNoise)
        seen.append((problem.n_snr2, problem.init_std * problem.noise_std * problem.d**0.5))
        return 1.0

    vary = {"n": [5, 10], "d": [D, 2 * D], "noise_std": [0.5, 1.0]}
    ts.scaling(CENTRE, GD, look, vary=vary, seeds=2, steps=0, workers=1, hold=["n_snr2", "init_scale"])
    np.testing.assert_allclose(np.array(seen), np.broadcast_to([0.1, 1e-3], (len(seen), 2)), rtol=1e-12)


def test_kappa_is_held_and_varied() -> None:
    """Held, the learning rate follows n, m, d and σ_p; varied beside others, they vary at the centre's κ."""
    seen: list[tuple[float, float]] = []

    def look(run: ts.Run) -> float:
        problem = run.problem
        assert isinstance(problem, ts.SignalNoise)
        seen.append((problem.kappa(run.algorithm.lr), run.algorithm.lr))
        return float(problem.kappa(run.algorithm.lr) ** 2 * problem.n)

    centre = CENTRE.kappa(GD.lr)
    vary = {"n": [5, 10], "m": [8, 16], "d": [D, 2 * D], "noise_std": [0.5, 1.0], "init_std": [1e-6, 2e-6]}
    ts.scaling(CENTRE, GD, look, vary=vary, seeds=2, steps=0, workers=1, hold=["d_over_n2", "init_scale", "kappa"])
    kappas, rates = np.array(seen).T
    np.testing.assert_allclose(kappas, centre, rtol=1e-12)
    np.testing.assert_allclose(np.unique(rates.round(12)), [5e-6, 1e-5, 2e-5, 4e-5])
    seen.clear()
    fit = ts.scaling(CENTRE, GD, look, vary={"n": [5, 10], "kappa": [centre, 3 * centre]}, seeds=2, steps=0, workers=1)
    np.testing.assert_allclose(fit.exponents["exponent"], [1, 2], atol=1e-10)
    assert {round(kappa / centre, 9) for kappa, _ in seen} == {1, 3}
    seen.clear()
    ts.scaling(CENTRE, GD, look, vary={"lr": [GD.lr, 2 * GD.lr]}, seeds=2, steps=0, workers=1, hold=["kappa"])
    assert {round(kappa / centre, 9) for kappa, _ in seen} == {1, 2}, "not while it is itself varied"


def test_powers_are_those_along_the_line() -> None:
    """What is held moves other fields: at fixed κ, T1 does not depend on n; with n·SNR² held T2 goes like n in place of
    1, as ‖μ‖² falls."""
    lr = SMALL_GD.lr
    fit = ts.scaling(SMALL, SMALL_GD, "T1/start", vary={"n": [2, 4], "kappa": [SMALL.kappa(lr), 2 * SMALL.kappa(lr)]},
                     seeds=3, steps=2000, hold=["n_snr2", "init_scale"])
    found = fit.exponents.set_index("parameter")
    np.testing.assert_allclose(found["power"], [0, -1], atol=1e-9)
    assert abs(found.loc["n", "normalised"]) < 0.2 and abs(found.loc["kappa", "normalised"] + 1) < 0.2
    strong = SMALL.replace(n_snr2=2.0)
    fast = ts.GradientDescent.from_kappa(strong, 0.5, ts.Flip(0.1))
    for hold, power in (((), 0.0), (("n_snr2",), 1.0)):
        fit = ts.scaling(strong, fast, "T2", vary={"n": [2, 3]}, seeds=3, steps=3000, hold=hold)
        assert fit.exponents["power"].item() == pytest.approx(power, abs=1e-9)


def test_a_zero_has_no_sign() -> None:
    """An exponent that rounds to 0 from below, on the screen, on a page and in a report."""
    fit = ts.scaling(SMALL, SMALL_GD, lambda run: float(run.algorithm.lr**-1e-5), vary={"lr": [1e-6, 1e-5]}, seeds=2,
                     steps=0)
    assert -1e-4 < fit.exponents["exponent"][0] < 0
    page = fit._repr_html_()
    assert "-0.0" not in str(fit) + page and " 0.000 " in str(fit) and "<td>0.0</td>" in page
    shown = rounded(pd.DataFrame({"a": [-1e-9, -0.0, -1.23456], "b": ["x", "-0.0", "z"], "c": [1, 2, 3]}))
    assert shown.to_numpy().tolist() == [[0.0, "x", 1], [0.0, "-0.0", 2], [-1.235, "z", 3]]
    assert list(map(str, shown["a"])) == ["0.0", "0.0", "-1.235"] and shown["c"].dtype.kind == "i"


def test_what_is_not_reached_is_counted() -> None:
    """Runs that end too early are left out, and said."""
    lr = SMALL_GD.lr
    fit = ts.scaling(SMALL, SMALL_GD, vary={"lr": [lr / 100, lr, 2 * lr]}, seeds=2, steps=200)
    assert fit.not_reached == 2 and len(fit.runs) == 4
    assert "in 2 runs, left out: 2 of 2 at lr = " in str(fit)
    assert fit.exponents[["seeds", "not_reached"]].to_numpy().tolist() == [[2, 2]]
    assert fit.points["not_reached"].tolist() == [2, 0, 0]
    with pytest.raises(ValueError, match="reached at too few values"):
        ts.scaling(SMALL, SMALL_GD, vary={"lr": [lr, 2 * lr]}, seeds=2, steps=3)


def test_a_study_shows_itself() -> None:
    """Text, HTML and picture name the law, exponents with intervals, and units."""
    fit = ts.scaling(SMALL, SMALL_GD, vary={"n": [1, 2], "lr": [SMALL_GD.lr, 2 * SMALL_GD.lr]}, seeds=3, steps=500)
    assert fit.not_reached == 0
    assert "Lemmas 4.2" in str(fit) and "measured/predicted from" in str(fit)
    assert "<table" in fit._repr_html_()
    axis = ts.plot.scaling(fit)
    assert "steps" in axis.get_xlabel() and "steps" in axis.get_ylabel()
    assert [text.get_text().split(":")[0] for text in axis.get_legend().get_texts()] == ["n", "lr"]
    assert sum(len(line.get_xdata()) for line in axis.get_lines()[:2]) == len(fit.runs) + 3, "the centre in both"
    plt.close("all")


@pytest.mark.parametrize("algorithm", [GD, ts.GradientDescent(GD.lr, ts.Flip(0.1)), ts.LinearSGD(1e-3)])
def test_every_measure_has_a_law(algorithm: Any) -> None:
    """With a source and at least one exponent, under the paper's name and, of one paper, under its own."""
    laws = laws_of("linear" if isinstance(algorithm, ts.LinearSGD) else "patch", algorithm)
    assert all(law.exponents and law.source and law.formula for _, law in laws.values())
    assert list(laws) == (["zhang2026.T1", "zhang2026.T2"] if isinstance(algorithm, ts.LinearSGD) else [
        "T1", "T1/start", "T2", "han2025.T1", "huang2025.T1", "huang2025.T1/start", "huang2025.T2"])
    assert all(laws[name][1].formula == laws[f"huang2025.{name}"][1].formula for name in laws if "." not in name)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"vary": {}}, ValueError, r"vary=\{\}: must name at least one of n, d, m"),
        ({"vary": {"flip_law": [1, 2]}}, ValueError, "vary='flip_law': must be one of 'n', 'd', 'm'"),
        ({"vary": {"p": [0.1, 0.2]}}, ValueError, "vary='p': must be one of"),
        ({"vary": {"n": [5, 5]}}, ValueError, r"vary\['n'\]=\[5, 5\]: must have at least two different values"),
        ({"vary": {"n": [5, 10]}, "measure": "T3"}, ValueError, "measure='T3': must be one of 'T1', 'T1/start', 'T2'"),
        ({"vary": {"n": [5, 10]}, "seeds": 1}, ValueError, "seeds=1: must be an integer >= 2"),
        ({"vary": {"n": [5, 10]}, "seeds": [0]}, ValueError, r"seeds=\[0\]: must be at least two, each only once"),
        ({"vary": {"n": [5, 10]}, "seeds": [0, 0]}, ValueError, r"seeds=\[0, 0\]: must be at least two, each"),
        ({"vary": {"n": [5, 10]}, "seeds": [0, -1]}, ValueError, "seeds=-1: must be an integer >= 0"),
        ({"vary": {"n": [5, 10]}, "hold": ["d"]}, ValueError, "hold='d': must be one of 'snr', 'n_snr2'"),
        ({"vary": {"kappa": [0.1, 0.2], "lr": [0.1, 0.2]}}, ValueError, "give only one of kappa and lr"),
        ({"vary": {"kappa": [0.1, -0.2]}}, ValueError, "kappa=-0.2: must be finite and in"),
        ({"vary": {"n": [5, 10]}, "workers": 0}, ValueError, "workers=0: must be an integer >= 1"),
        ({"vary": {"n": [0, 10]}}, ValueError, "n=0: must be an integer >= 1"),
        ({"vary": {"n": [5, 10]}, "delta": 2}, ValueError, "delta=2: must be finite and in"),
    ],
)
def test_bad_input(arguments: dict[str, object], error: type[Exception], message: str) -> None:
    """Each names the argument, the value and what is allowed."""
    with pytest.raises(error, match=message):
        ts.scaling(CENTRE, GD, **arguments)
