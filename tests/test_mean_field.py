"""The mean field of the patch network: against loops over orthogonal patches, exact runs, and its own laws."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import naive
import numpy as np
import pytest
from numpy.typing import NDArray
from test_oracle import OF_OUTPUTS, OF_RHO, assert_close, assert_columns

import theorysim as ts
from theorysim.mean_field import risk
from theorysim.patch.risk import noise_covariance
from theorysim.systems import system_of, systems_of

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
    """A small case; noise vectors differ in length and lie on axes, so that not even rounding makes them overlap."""
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


def is_dead(run: Any) -> bool:
    """A sample's own memory is gone that was there."""
    return bool(run.column("memory_alive")[-1] < run.column("memory_alive")[0])


def is_thrown(run: Any) -> bool:
    """Some filter changes its side of the signal."""
    return bool((np.sign(run.signal_products()[-1]) != np.sign(run.draw.signal)).any())


HARD: dict[str, tuple[dict[str, Any], Any]] = {
    "one sample": ({"n": 1}, None), "one filter": ({"m": 1}, None), "one of both": ({"n": 1, "m": 1}, None),
    "no signal": ({"norm": 0.0}, lambda run: not run.gamma.any()), "wide": ({"m": 7}, None),
    "no weights": ({"scale": 0.0}, lambda run: not run.gamma.any() and not run.rho.any()),
    "many": ({"n": 40, "steps": 40}, None), "large weights": ({"scale": 3.0, "lr": 0.05}, None),
    "dead memory": ({"lr": 4.0, "n": 8, "steps": 40}, is_dead),
    "thrown across the signal": ({"lr": 6.0, "norm": 3.0, "steps": 12}, is_thrown),
    "one class": ({"labels": 1.0}, lambda run: np.isnan(run.column("memory_minus")).all()),
    "a vanishing share": ({"eps": 0.0}, lambda run: not run.gamma.any()),
}


@pytest.mark.parametrize("q", [2, 2.5, 3])
@pytest.mark.parametrize("name", HARD)
def test_hard_cases(name: str, q: float) -> None:
    """Nothing to learn, nothing to remember, one of each, steps that kill and that throw filters over to a side."""
    changes, happened = HARD[name]
    fields = dict(changes)
    labels, eps = fields.pop("labels", None), fields.pop("eps", None)
    if q > 2 and "lr" in fields:
        fields["lr"] = min(fields["lr"], 1.0)  # beyond it they diverge
    case = orthogonal(seed=5, q=q, **fields)
    if labels is not None:
        case = replace(case, labels=np.full(6, labels), observed=np.full(6, labels))
    if eps is not None:
        case = replace(case, eps=np.full_like(case.eps, eps))
    run = assert_agrees(case)
    if happened is not None and (q == 2 or name not in ("dead memory", "thrown across the signal")):
        assert happened(run)


@pytest.mark.parametrize("q", [2, 3, 4])
def test_divergence_is_that_of_the_exact_engine(q: float) -> None:
    """At the same step, or not at all; raised or returned."""
    steps = set()
    for lr in (1e-3, 1.0, 1e3, 1e60, 1e140, 1e300):
        case = orthogonal(seed=2, q=q, steps=40, lr=lr)
        draw = case.draw()
        algorithm, given = ts.GradientDescent(lr), {"draw": draw, "label_noise": case.eps, "on_failure": "return"}
        exact, field = (ts.simulate(one, algorithm, 40, **given) for one in (case.problem().exact(), case.problem()))
        assert (field.status, field.steps, field.stopped_at) == (exact.status, exact.steps, exact.stopped_at)
        steps.add(field.stopped_at)
        if field.status == "diverged":
            assert f"overflows at step {field.stopped_at}; lower lr (now {lr:g})" in field.message
            with pytest.raises(ts.DivergenceError, match="lower lr"):
                case.run()
    assert None in steps and len(steps) > 1


# --- the exact network at large d ---------------------------------------------------------------------------------


def setting(kappa: float, d: int, n: int = 20, m: int = 10, n_snr2: float = 1.0, p: float = 0.2) -> Any:
    """A problem with σ_0σ_p√d = 0.01, and label noise at κ = ησ_p²d/(nm)."""
    problem = ts.SignalNoise(n, d, m, 1.0, 1.0, 0.01 / d**0.5).replace(n_snr2=n_snr2)
    return problem, ts.GradientDescent(kappa * n * m / d, ts.Flip(p))


def both(problem: ts.SignalNoise, algorithm: ts.GradientDescent, steps: int, seed: int, **options: Any) -> Any:
    """The exact run and the mean field, from one draw and with the same flips."""
    draw = ts.Draw.from_problem(problem, seed)
    return tuple(ts.simulate(one, algorithm, steps, seed, draw=draw, **options)
                 for one in (problem, ts.MeanField.of(problem)))


@pytest.mark.compiled
@pytest.mark.parametrize("law", [ts.Flip(0.2), None])
def test_deviation_is_of_order_sqrt_n_over_d(law: ts.Flip | None) -> None:
    """Of outputs and loss over 150 steps, at six magnitudes of d: slope −1/2, and the size of √(n/d)."""
    dimensions = np.logspace(5, 15, 6)
    found = []
    for d in dimensions:
        problem, algorithm = setting(0.3, int(d))
        algorithm = ts.GradientDescent(algorithm.lr, law)
        worst = []
        for seed in range(5):
            exact, field = both(problem, algorithm, 150, seed, record_at=())
            gaps = [np.abs(exact.column(name) - field.column(name)).max() for name in ("output_max", "output_min")]
            worst.append([*gaps, 10 * np.abs(exact.column("train_loss") - field.column("train_loss")).max()])
        found.append(np.median(worst, axis=0))
    slopes = np.polyfit(np.log(dimensions), np.log(found), 1)[0]
    np.testing.assert_allclose(slopes, -0.5, atol=0.04)
    in_units = np.array(found) / np.sqrt(20 / dimensions)[:, None]
    assert (in_units > 0.2).all() and (in_units < 10).all()


@pytest.mark.compiled
@pytest.mark.parametrize("kappa", [0.1, 0.3, 0.45, 0.51, 1.0, 3.0])
def test_takeover_is_that_of_the_exact_run(kappa: float) -> None:
    """From one draw with the same flips at d = 10⁸: the step at which max γ passes 1, on every seed; T1 and T2."""
    problem, algorithm = setting(kappa, 10**8)
    for seed in range(6):
        exact, field = both(problem, algorithm, 4000, seed, record_at=(), until=lambda seen: seen["gamma_max"] >= 1)
        assert (exact.status, field.status) == ("stopped", "stopped")
        assert 0.97 <= exact.steps / field.steps <= 1.06
        times = [one.stage_times() for one in (exact, field)]
        assert times[0].T1 == times[1].T1 or np.isnan([one.T1 for one in times]).all()
        assert times[0].T1_definition == times[1].T1_definition and times[0].predicted_T1 == times[1].predicted_T1


@pytest.mark.compiled
def test_takeover_from_a_start_of_its_own() -> None:
    """Over 150 seeds the mean logarithm of the time of takeover is the exact runs', within errors of 3%."""
    problem, algorithm = setting(0.3, 10**8)
    times = np.array([[
        ts.simulate(one, algorithm, 4000, seed, record_at=(), until=lambda seen: seen["gamma_max"] >= 1).steps
        for one in (problem, ts.MeanField.of(problem))] for seed in range(150)])
    logs = np.log(times[:, 0] / times[:, 1])
    error = logs.std() / np.sqrt(logs.size)
    assert abs(logs.mean()) < 3 * error and error < 0.03
    assert 0.9 < np.median(times[:, 0]) / np.median(times[:, 1]) < 1.1


def test_random_numbers_are_the_exact_network_s() -> None:
    """Labels and flips of a seed, fixed and per step; only the start is another draw."""
    problem = ts.SignalNoise(40, 10**14, 5, 1.0, 1e-7, 0.1, label_flip=(0.3, 0.1))
    algorithm = ts.GradientDescent(0.5, ts.Flip(0.3))
    exact, field = (ts.simulate(one, algorithm, 300, 7) for one in (problem, ts.MeanField.of(problem)))
    for name in ("labels", "observed_labels"):
        np.testing.assert_array_equal(getattr(exact.draw, name), getattr(field.draw, name))
    np.testing.assert_array_equal(exact.label_multipliers(), field.label_multipliers())
    again = ts.simulate(ts.MeanField.of(problem), algorithm, 300, 7, label_noise=field.label_multipliers())
    np.testing.assert_array_equal(again.memory, field.memory)
    assert np.abs(exact.draw.inner[:, 1:].reshape(2, 5, -1) - field.draw.noise).min() > 0


def test_the_start_has_the_law_of_the_exact_one() -> None:
    """Standard deviations of inner products, by their own errors; ‖ξ‖² = σ_p²d; nothing of size d or m² is made."""
    problem = ts.MeanField(400, 10**14, 50, 3.0, 2e-7, 0.3, q=2)
    draw = ts.MeanFieldDraw.from_problem(problem, 1)
    assert draw.noise.shape == (2, 50, 400) and draw.signal.shape == (2, 50)
    size = problem.init_scale
    assert abs(draw.noise.std() / size - 1) < 4 / np.sqrt(2 * draw.noise.size)
    assert abs(draw.noise.mean() / size) < 4 / np.sqrt(draw.noise.size)
    many = np.concatenate([ts.MeanFieldDraw.from_problem(problem, seed).signal.ravel() for seed in range(50)])
    assert abs(many.std() / 0.9 - 1) < 4 / np.sqrt(2 * many.size)
    np.testing.assert_allclose(draw.noise_norm_sq, problem.noise_std**2 * problem.d, rtol=1e-12)
    exact = ts.MeanFieldDraw.of(ts.Draw.from_problem(problem, 1))
    assert np.abs(exact.noise_norm_sq / draw.noise_norm_sq - 1).max() < 1e-5
    assert abs(exact.noise.std() / size - 1) < 4 / np.sqrt(2 * draw.noise.size)
    wide = ts.simulate(ts.MeanField(3, 10**14, 10**6, 1.0, 1e-7, 0.1), ts.GradientDescent(1.0), 5)
    assert wide.memory.shape == (6, 3, 2, 1) and wide.signal.shape == (6, 4)


# --- test error ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("orthogonal_noise", "norm"), [(True, 0.1), (False, 0.1), (False, 0.0)])
def test_covariance_of_fresh_noise(orthogonal_noise: bool, norm: float) -> None:
    """That of the exact filters from one draw at d = 10¹², where overlaps are 10⁻⁶; it is memory, not the start."""
    problem = ts.SignalNoise(8, 10**12, 4, norm, 1e-6, 1e-8, orthogonal_noise=orthogonal_noise)
    exact, field = both(problem, ts.GradientDescent(10.0), 80, 3)
    found, wanted = field_covariance(field), noise_covariance(exact)
    assert np.abs(found - wanted).max() < 1e-4 * np.abs(wanted).max()
    assert np.abs(field_covariance(field, 0)).max() < 1e-3 * np.abs(wanted).max()


def field_covariance(run: Any, at: Any = "end") -> Array:
    """Of a mean field at a recorded step."""
    return risk.covariance(run._filters(at))


@pytest.mark.parametrize("orthogonal_noise", [True, False])
@pytest.mark.parametrize("q", [2, 3])
def test_covariance_in_loops(orthogonal_noise: bool, q: float) -> None:
    """Term by term; of what is orthogonal to all patches the expectation."""
    case = orthogonal(n=5, m=2, steps=30, q=q)
    run = case.run()
    problem = run.problem.replace(orthogonal_noise=orthogonal_noise)
    run = run.replace(problem=problem)
    s, z = run.signal_products()[-1].ravel(), run.noise_products()[-1].reshape(4, 5)
    wanted = np.zeros((4, 4))
    for k in range(4):
        for other in range(4):
            for i in range(5):
                wanted[k, other] += z[k, i] * z[other, i] / float(case.noise[i] @ case.noise[i])
            if not orthogonal_noise:
                wanted[k, other] += s[k] * s[other] / float(case.signal @ case.signal)
        wanted[k, k] += problem.init_std**2 * (problem.d - 5 - 1)
    assert_close(field_covariance(run), problem.noise_std**2 * wanted)


@pytest.mark.compiled
def test_test_errors_agree_with_the_exact_network_s() -> None:
    """Counted and rare, from one draw at d/n = 10⁸; the start of one's own has errors of the same size."""
    problem, algorithm = setting(0.3, 20_000, n_snr2=0.1)
    exact, field = both(problem, algorithm, 60, 4)
    for at in (0, "end"):
        one, other = (run.test_error(at, method="monte-carlo", n_test=40_000) for run in (exact, field))
        assert 0.3 < other.value < 0.52 and one.low < other.high and other.low < one.high
    problem, algorithm = setting(0.3, 20_000)
    exact, field = both(problem, algorithm, 4000, 1, until=lambda seen: seen["gamma_max"] >= 1)
    one, other = (run.test_error(method="rare-event") for run in (exact, field))
    assert other.log10_value < -4 and one.log10_value == pytest.approx(other.log10_value, rel=0.1)
    curve = field.test_accuracy_curve(n_test=500)
    assert curve.index.tolist() == field.steps_recorded.tolist() and curve["test_accuracy"].iloc[-1] == 1.0
    flipped = field.replace(problem=field.problem.replace(label_flip=0.2))
    assert flipped.test_error(labels="observed", n_test=1000).value == pytest.approx(0.2, abs=1e-12)


def explicit_law(run: Any, half_gaussian: bool) -> float:
    """ln p = −min_k m S_k/(2Λ_{−k}) from all inner products, in loops."""
    problem, draw = run.problem, run.draw
    s, z = run.signal_products()[-1], run.noise_products()[-1]
    m, n = draw.m, draw.n
    vote = {}
    for k in (1, -1):
        vote[k] = sum(j * k / m * max(0.0, k * s[b, r]) ** 2 for b, j in enumerate((1, -1)) for r in range(m))
    top = {}
    for b, j in enumerate((1, -1)):
        if half_gaussian:
            members = [i for i in range(n) if draw.observed_labels[i] == j]
            mean = sum(max(0.0, z[b, r, i]) ** 2 / m for i in members for r in range(m)) / len(members)
            top[j] = len(members) * mean * (1 + (m - 1) / np.pi) / problem.d
        else:
            gram = np.zeros((m, m))
            for r in range(m):
                for t in range(m):
                    gram[r, t] = sum(z[b, r, i] * z[b, t, i] / draw.noise_norm_sq[i] for i in range(n))
                gram[r, r] += problem.init_std**2 * (problem.d - n - 1)
            top[j] = problem.noise_std**2 * np.linalg.eigvalsh(gram)[-1]
    return -min(m * vote[1] / (2 * top[-1]), m * vote[-1] / (2 * top[1]))


@pytest.mark.parametrize("eigenvalue", ["chains", "half-gaussian"])
def test_error_law(eigenvalue: str) -> None:
    """As written out in loops; 0 where a class has no signal."""
    problem, algorithm = setting(0.3, 20_000)
    run = ts.simulate(ts.MeanField.of(problem), algorithm, 300, 3, record_every=50)
    assert run.log_error_law(eigenvalue=eigenvalue) == pytest.approx(
        explicit_law(run, eigenvalue == "half-gaussian"), rel=1e-10)
    against = run.replace(signal=-np.abs(run.signal) * np.sign(run.draw.signal.sum()))
    assert against.log_error_law(eigenvalue=eigenvalue) == 0.0 or against.log_error_law() < 0
    nothing = ts.simulate(ts.MeanField.of(problem.replace(signal_norm=0.0)), algorithm, 10)
    assert nothing.log_error_law(eigenvalue=eigenvalue) == 0.0


@pytest.mark.compiled
def test_error_law_is_the_leading_order() -> None:
    """At takeover the logarithm of the error is the law's, the closer the larger d/n (here with the chains' Λ)."""
    ratios = []
    for d in (2000, 20_000, 200_000, 2_000_000):
        problem, algorithm = setting(0.1, d)
        run = ts.simulate(ts.MeanField.of(problem), algorithm, 20_000, 3, record_at=(),
                          until=lambda seen: seen["gamma_max"] >= 1)
        ratios.append(run.test_error(method="rare-event").log10_value * np.log(10) / run.log_error_law())
    assert abs(ratios[-1] - 1) < 0.02 and (np.diff(np.abs(np.array(ratios) - 1)) < 0).all()


# --- under the verbs ----------------------------------------------------------------------------------------------


def test_values() -> None:
    """From and to the exact problem; derived numbers and fields are axes; a field cannot be what has no mean field."""
    problem = ts.SignalNoise(5, 100, 2, 1.0, 0.5, 0.1, q=3, label_flip=(0.1, 0.2))
    field = ts.MeanField.of(problem)
    assert isinstance(field, ts.SignalNoise) and field != problem and field.exact() == problem
    assert type(field.exact()) is ts.SignalNoise and ts.MeanField.of(field) == field
    assert field.replace(snr=0.3, n=7) == ts.MeanField.of(problem.replace(snr=0.3, n=7))
    assert "MeanField" in field._repr_html_() and repr(field).startswith("MeanField(n=5, d=100")
    draw = ts.MeanFieldDraw.from_problem(field, 1)
    assert repr(draw) == f"MeanFieldDraw(n=5, flipped={draw.noisy.sum()}, m=2)"
    with pytest.raises(ValueError, match="read-only"):
        draw.noise[0, 0, 0] = 1.0


def test_the_most_specific_class_has_the_system() -> None:
    """A mean field is a signal-noise problem; its own system is asked first."""
    problem = ts.MeanField(5, 100, 2, 1.0, 0.5, 0.1)
    assert [one.name for one in systems_of(problem)] == ["mean_field", "patch"]
    assert [one.name for one in systems_of(problem.exact())] == ["patch"]
    assert system_of(problem, ts.GradientDescent(0.1)).name == "mean_field"
    run = ts.simulate(problem, ts.GradientDescent(0.1), 3)
    assert isinstance(run, ts.MeanFieldRun) and system_of(run).name == "mean_field" and run.engine == "mean-field"


GRID: dict[str, Any] = {"n": [4, 6], "snr": [0.1, 0.3]}


def sweep(problem: Any, **changes: Any) -> Any:
    """A small diagram."""
    given: dict[str, Any] = {
        "grid": GRID, "algorithms": {"GD": ts.GradientDescent(0.5), "noise": ts.GradientDescent(0.5, ts.Flip(0.2))},
        "steps": 30, "seeds": 2, "measure": ["test_error", "log10_error_law", "T1", "memory_alive"], "n_test": 200}
    return ts.sweep(problem, **given | changes)


BASE = ts.SignalNoise(6, 400, 3, 1.0, 0.5, 0.05)
FIELD = ts.MeanField.of(BASE)


@pytest.mark.compiled
def test_sweep_of_a_problem_and_of_a_function() -> None:
    """The numbers are those of simulate(); a function of the grid says by what it returns which system is meant."""
    frame = sweep(ts.MeanField.of(BASE))
    made = sweep(lambda n, snr: ts.MeanField.of(BASE).replace(n=n, snr=snr))
    by_problem = sweep(lambda n, snr: ts.MeanField.of(BASE).replace(n=n, snr=snr),
                       algorithms={"GD": lambda of: ts.GradientDescent(0.5),
                                   "noise": lambda of: ts.GradientDescent(0.5, ts.Flip(0.2))})
    names = ["n", "snr", "algorithm", "seed", "draw_seed", "status", "test_error", "log10_error_law", "T1",
             "memory_alive"]
    for other in (made, by_problem):
        assert frame[names].equals(other[names])
    assert (frame["status"] == "completed").all() and len(frame) == 16
    row = frame[(frame["n"] == 6) & (frame["snr"] == 0.3) & (frame["algorithm"] == "noise")].iloc[1]
    run = ts.simulate(ts.MeanField.of(BASE.replace(snr=0.3)), ts.GradientDescent(0.5, ts.Flip(0.2)), 30,
                      int(row["draw_seed"]))
    assert row["test_error"] == run.test_error(n_test=200, method="monte-carlo").value
    assert row["log10_error_law"] == run.log_error_law() / np.log(10) and row["memory_alive"] == run.column(
        "memory_alive")[-1]
    measured = sweep(ts.MeanField.of(BASE), measure=["test_accuracy", "test_error_observed", "log10_test_error"])
    np.testing.assert_allclose(measured["test_accuracy"], 1 - frame["test_error"], rtol=0, atol=1e-15)
    exact = sweep(lambda n, snr: BASE.replace(n=n, snr=snr), measure=["test_error", "memory_test_error"])
    assert (exact["status"] == "completed").all()


def test_a_function_that_fails_first() -> None:
    """The system is that of the first problem it makes; cells without one are invalid."""
    def problem(n: int, snr: float) -> ts.MeanField:
        if n == 4:
            raise ValueError("too few")
        return ts.MeanField.of(BASE).replace(n=n, snr=snr)

    frame = sweep(problem)
    assert frame["status"].tolist() == ["invalid"] * 8 + ["completed"] * 8
    with pytest.raises(ValueError, match="no cell is valid"):
        sweep(lambda n, snr: 1 / 0, measure="test_error")


def test_stores_do_not_mix_with_the_exact_system(tmp_path: Path) -> None:
    """The same fields, the same file: another sweep."""
    sweep(BASE, store=tmp_path / "s.db", measure=["test_error"])
    with pytest.raises(ValueError, match="system was 'patch' and is now 'mean_field'"):
        sweep(ts.MeanField.of(BASE), store=tmp_path / "s.db", measure=["test_error"])


@pytest.mark.compiled
def test_scaling() -> None:
    """Exponents of a time of one's own measure."""
    problem, algorithm = setting(0.02, 10**14)
    fit = ts.scaling(ts.MeanField.of(problem), ts.GradientDescent(algorithm.lr), lambda run: run.stage_times().T1,
                     seeds=3, steps=3000, vary={"lr": [algorithm.lr, 2 * algorithm.lr]})
    assert fit.exponents["exponent"].iloc[0] == pytest.approx(-1.0, abs=0.05)


def test_pictures_beside_the_exact_run() -> None:
    """The learning curves of both, in one figure."""
    exact, field = both(BASE, ts.GradientDescent(0.5, ts.Flip(0.2)), 40, 1)
    panels = ts.plot.dynamics({"exact": exact, "mean field": [field, field]})
    assert [text.get_text() for text in panels[2].get_legend().get_texts()] == ["exact", "mean field (2 runs)"]
    assert len(ts.plot.dynamics(field)) == 4
    plt.close("all")


def test_views() -> None:
    """What observables of one's own are given is what the run keeps."""
    seen: list[Any] = []
    problem = ts.MeanField(6, 10**10, 3, 1.0, 1e-5, 0.3)
    run = ts.simulate(problem, ts.GradientDescent(0.5, ts.Flip(0.2)), 40, record_every=10,
                      observe={"kept": lambda view: float(len(seen.append(view) or seen))})
    for at, view in enumerate(seen):
        np.testing.assert_array_equal(view.z_signal, run.signal_products()[at])
        np.testing.assert_array_equal(view.z_noise, run.noise_products()[at])
        np.testing.assert_array_equal(view.gamma, run.gamma[at])
        np.testing.assert_array_equal(view.rho, run.rho[at])
        np.testing.assert_allclose(view.outputs, run.outputs(view.step), rtol=1e-12, atol=1e-15)
        np.testing.assert_array_equal(np.sort([*view.outputs_positive, *view.outputs_negative]), np.sort(view.outputs))


class Heavy(ts.GradientDescent):
    """A rule with a number more."""

    def rule(self) -> Any:
        return (self.lr, 0.9)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: ts.MeanField(5, 10, 2, 1.0, 0.5, 0.1, bias=0.5), "bias=0.5: must be 0 in the mean field"),
    (lambda: ts.MeanField(5, 10, 2, 1.0, 0.5, 0.1, init_law="uniform"), "init_law='uniform': must be 'normal'"),
    (lambda: ts.MeanField(0, 10, 2, 1.0, 0.5, 0.1), "n=0: must be"),
    (lambda: ts.MeanField.of(3), "problem=3: must be a SignalNoise"),  # type: ignore[arg-type]
    (lambda: FIELD.replace(bias=1.0), "bias=1.0"),
    (lambda: ts.MeanFieldDraw.from_problem(FIELD.exact().replace(bias=0.5)), "bias=0.5"),
    (lambda: ts.MeanFieldDraw.from_problem(FIELD, -1), "seed=-1"),
    (lambda: ts.MeanFieldDraw.of(ts.Draw.from_problem(FIELD.exact().replace(bias=0.5))), "draw=Draw.*no bias"),
    (lambda: go(draw=ts.MeanFieldDraw.from_problem(FIELD.replace(n=7))), "draw has n=7, but problem has n=6"),
    (lambda: go(draw=ts.MeanFieldDraw.from_problem(FIELD.replace(m=7))), "draw has m=7, but problem has m=3"),
    (lambda: go(draw=ts.MeanFieldDraw.from_problem(FIELD.replace(signal_norm=2.0))), "draw has a signal of norm 2"),
    (lambda: go(draw=ts.Draw.from_problem(BASE.replace(n=7))), "draw has n=7, but problem has n=6"),
    (lambda: go(draw="wishart"), "draw='wishart': must be a MeanFieldDraw or Draw"),
    (lambda: go(engine="weights"), "engine='weights': must be"),
    (lambda: go(precision="single"), "precision='single': simulate.. has no such keyword for the system 'mean_fiel"),
    (lambda: go(observables_every=0), "observables_every=0"),
    (lambda: go(label_noise=np.ones((3, 6))), "label_noise"),
    (lambda: go(steps=10**12, record_every=None, record_at=()), "steps=1000000000000: the observables of every ste"),
    (lambda: go(algorithm=Heavy(0.1)), "algorithm=.*must be plain gradient descent"),
    (lambda: overflowing(), "draw: the network's output overflows at initialisation, with q=4"),
    (lambda: go().test_error(method="guess"), "method='guess'"), (lambda: go().test_error(3), "at=3: must be a recor"),
    (lambda: go().test_error(labels="all"), "labels='all'"), (lambda: go().test_error(n_test=0), "n_test=0"),
    (lambda: go().log_error_law(eigenvalue="top"), "eigenvalue='top': must be"),
    (lambda: go(problem=FIELD.replace(q=3)).log_error_law(), "problem.q=3: the error law is of q = 2"),
    (lambda: go(label_noise=np.ones((10, 6))).label_multipliers(), "was given its label multipliers"),
    (lambda: ts.resume(go(label_noise=np.ones((10, 6))), 2), "label_noise=None: the run was given its multipliers"),
    (lambda: ts.again(go(label_noise=np.ones((10, 6)))), "was given its label noise"),
    (lambda: ts.check(go()), "no paper speaks of a MeanFieldRun"),
], ids=lambda one: getattr(one, "__name__", str(one)))
def test_bad_input(call: Any, message: str) -> None:
    """Names the argument and its value."""
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def overflowing() -> Any:
    """A call in which numbers overflow at once."""
    with np.errstate(all="ignore"):  # kernels run as plain Python warn where compiled ones cannot
        return go(problem=FIELD.replace(init_std=1e80, q=4))


def go(**changes: Any) -> Any:
    """A good call of simulate, but for the changes."""
    return ts.simulate(**{"problem": FIELD, "algorithm": ts.GradientDescent(0.5), "steps": 10,
                          "record_every": 5} | changes)
