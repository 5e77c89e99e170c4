"""The engines against tests/naive.py: explicit weights, plain loops, everything given and nothing drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count, product
from typing import Any

import naive
import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

import theorysim as ts
from theorysim.patch import risk, stepper
from theorysim.patch.kernels import score
from theorysim.patch.kernels.activation import POWER

Array = NDArray[np.float64]
TOLERANCE = 1e-10  # relative, of every comparison with the reference
LEARNING_RATE = {1: 0.5, 1.5: 0.3, 2: 0.2, 2.5: 0.15, 3: 0.1, 4: 0.05}  # by q, such that 500 steps learn
NOISE_STD = 0.5
ONES = np.ones(5)
POSITIVE = ("train_loss", "loss_derivative_min", "loss_derivative_max")  # no cancellation: compared step by step
OF_OUTPUTS = (*POSITIVE, "train_accuracy", "clean_accuracy", "noisy_accuracy", "output_min", "output_max",
              "output_min_clean", "output_max_noisy")
OF_RHO = ("rho_bar_max", "rho_bar_max_clean", "rho_bar_max_noisy", "rho_bar_min", "rho_under_min", "rho_bar_active_min")


@dataclass(frozen=True)
class Given:
    """Signal-noise data, initial weights and label multipliers."""

    signal: Array  # (d,)
    noise: Array  # (n, d)
    weights: Array  # (2, m, d)
    labels: Array  # (n,)
    observed: Array  # (n,)
    eps: Array  # (steps, n)
    lr: float
    q: float
    orthogonal: bool = True

    @property
    def patches(self) -> Array:
        """The samples as the network sees them, (n, 2, d)."""
        return np.stack([self.labels[:, None] * self.signal, self.noise], axis=1)

    def history(self, rule: naive.Rule | None = None) -> naive.History:
        """The reference's training."""
        return naive.train(
            self.patches, self.labels, self.observed, self.weights, self.eps, self.lr, self.q, rule
        )

    def problem(self) -> ts.SignalNoise:
        """The problem these data could be a draw of."""
        (n, d), m = self.noise.shape, self.weights.shape[1]
        norm = float(np.linalg.norm(self.signal))
        return ts.SignalNoise(n, d, m, norm, NOISE_STD, 0.3, q=self.q, orthogonal_noise=self.orthogonal)

    def run(self, engine: str = "coefficients", **options: Any) -> ts.Run:
        """The package's training, every step recorded unless told otherwise."""
        draw = ts.Draw.from_arrays(noise=self.noise, weights=self.weights, labels=self.labels,
                                   observed_labels=self.observed, signal=self.signal)
        records = {} if "record_at" in options else {"record_every": 1}
        return ts.simulate(self.problem(), ts.GradientDescent(self.lr), len(self.eps), engine=engine,
                           draw=draw, label_noise=self.eps, **records, **options)


def given(seed: int = 168, *, q: float = 2, n: int = 5, m: int = 2, d: int = 12, steps: int = 500,
          lr: float | None = None, orthogonal: bool = True, law: str = "none", flipped: bool = False) -> Given:
    """A small random case; the default seed moves a lot for every q, law of label noise and flip."""
    rng = np.random.default_rng(seed)
    signal = rng.standard_normal(d)
    signal *= 1.2 / np.linalg.norm(signal)
    noise = NOISE_STD * rng.standard_normal((n, d))
    if orthogonal:
        noise -= np.outer(noise @ signal, signal) / (signal @ signal)
    weights = 0.3 * rng.standard_normal((2, m, d))
    labels = np.where(rng.random(n) < 0.5, -1.0, 1.0)
    labels[:2] = (1, -1)[:n]
    observed = labels.copy()
    if flipped:
        observed[1:3] *= -1
    eps = {
        "none": lambda: np.ones((steps, n)),
        "flips": lambda: np.where(rng.random((steps, n)) < 0.2, -1.0, 1.0),
        "gaussian": lambda: 1 + 0.7 * rng.standard_normal((steps, n)),
    }[law]()
    return Given(signal, noise, weights, labels, observed, eps, lr or LEARNING_RATE[q], q, orthogonal)


def assert_close(found: ArrayLike, expected: ArrayLike, *, by_step: bool = False) -> None:
    """Equal to 1e-10 of the largest magnitude expected (at each step, the first axis), NaN in the same places."""
    found, expected = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
    assert found.shape == expected.shape
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    found, expected = np.nan_to_num(found), np.nan_to_num(expected)
    axes = tuple(range(int(by_step), expected.ndim))
    error, scale = (np.abs(values).max(axis=axes, initial=0.0) for values in (found - expected, expected))
    assert (error <= TOLERANCE * scale).all(), f"error {error.max():.3g} of {scale.max():.3g}"


def assert_columns(run: ts.Run, rows: Sequence[dict[str, float]], names: Sequence[str]) -> None:
    """The named observables of every step."""
    for name in names:
        assert_close(run.observables[name], [row[name] for row in rows], by_step=name in POSITIVE)


def assert_agrees(run: ts.Run, history: naive.History) -> None:
    """Coefficients, outputs, weights and observables of a signal-noise run at every step."""
    steps = range(len(history.gamma))
    assert_close(run.gamma, history.gamma, by_step=True)
    assert_close(run.rho, np.array(history.rho)[..., 1], by_step=True)
    assert_close([run.outputs(t) for t in steps], history.outputs, by_step=True)
    assert_close([ts.reconstruct(run, t) for t in steps], history.weights, by_step=True)
    if run.weights is not None:
        assert_close(run.weights.reshape(history.weights[-1].shape), history.weights[-1])
    assert_columns(run, history.observables, list(history.observables[0]))


CASES = list(product((1, 2, 3, 4), (True, False), ("none", "flips", "gaussian"), (False, True)))


@pytest.mark.parametrize(("q", "orthogonal", "law", "flipped"), CASES)
def test_coefficients_are_those_of_explicit_training(q: int, orthogonal: bool, law: str, flipped: bool) -> None:
    """γ, ρ, outputs, weights and observables of 500 steps, on runs that go far from their start."""
    case = given(q=q, orthogonal=orthogonal, law=law, flipped=flipped)
    run = case.run()
    assert_agrees(run, case.history())
    loss = run.column("train_loss")
    assert abs(loss[-1] - loss[0]) > 0.5 * loss[0]
    assert np.abs(run.gamma[-1]).max() > 0.5 and np.abs(run.rho[-1]).max() > 0.5


@pytest.mark.parametrize(
    ("q", "orthogonal", "law", "flipped"),
    [(1, False, "gaussian", True), (1, True, "flips", False), (2, False, "none", True), (2, True, "flips", True),
     (3, True, "gaussian", False), (4, False, "flips", True)],
)
def test_explicit_engine_is_explicit_training(q: int, orthogonal: bool, law: str, flipped: bool) -> None:
    """The same for the engine that keeps the weights."""
    case = given(q=q, orthogonal=orthogonal, law=law, flipped=flipped)
    assert_agrees(case.run("weights"), case.history())


def test_loss_keeps_its_digits_at_large_margins() -> None:
    """Loss and derivative agree relative to themselves, a hundred orders of magnitude below 1."""
    case = replace(given(q=1, lr=4000.0, steps=4), labels=ONES, observed=ONES)
    run = case.run()
    assert 0 < run.column("train_loss").min() < 1e-100
    assert_agrees(run, case.history())


def dead(case: Given, filters: Sequence[tuple[int, int]]) -> Given:
    """The case with filters that no patch activates: ⟨w, μ⟩ is exactly 0 and every ⟨w, ξ_i⟩ about −0.5."""
    signal = np.linalg.norm(case.signal) * np.eye(1, case.signal.size)[0]
    noise, weights = case.noise.copy(), case.weights.copy()
    noise[:, 0] = 0.0
    for b, r in filters:
        weights[b, r] = np.linalg.lstsq(noise, np.full(len(noise), -0.5))[0]
        weights[b, r, 0] = 0.0
    return replace(case, signal=signal, noise=noise, weights=weights)


ALL_FILTERS = [(0, 0), (0, 1), (1, 0), (1, 1)]
HARD = {
    **{f"one dead filter, q={q}": dead(given(q=q), [(0, 1)]) for q in (1, 2)},
    **{f"dead branch, q={q}": dead(given(q=q, law="flips"), [(1, 0), (1, 1)]) for q in (1, 3)},
    **{f"all dead, q={q}": dead(given(q=q, steps=20), ALL_FILTERS) for q in (1, 2)},
    **{f"no signal, q={q}, orthogonal={o}": replace(given(q=q, orthogonal=o), signal=np.zeros(12))
       for q in (1, 2) for o in (True, False)},
    **{f"one sample, q={q}": given(q=q, n=1) for q in (1, 2, 4)},
    **{f"one filter, q={q}": given(7, q=q, m=1, law="gaussian", flipped=True) for q in (1, 2)},
    "one sample, one filter": given(n=1, m=1, orthogonal=False),
    "one class": replace(given(q=1), labels=ONES, observed=ONES),
    "one class observed": replace(given(q=2), observed=-ONES),
    "every label flipped": replace(given(q=2), observed=-given().labels),
    **{f"n > d, q={q}, orthogonal={o}": given(4, q=q, n=9, d=5, orthogonal=o, lr=0.1)
       for q in (1, 2) for o in (True, False)},
    "two dimensions, orthogonal": given(4, n=5, d=2),
    **{f"d = n + 2m, orthogonal={o}": given(q=q, n=6, m=3, d=12, orthogonal=o) for q, o in ((1, True), (2, False))},
    **{f"learning rate {lr}, q=1": given(q=1, lr=lr, steps=15, law="flips") for lr in (50.0, 1000.0)},
    # The numbers reach 1e28 in 6 steps; later ones are differences of numbers so much larger that no digit is left.
    **{f"learning rate {lr}, q=2": given(q=2, lr=lr, steps=6) for lr in (50.0, 1000.0)},
    **{f"weights zero, q={q}": replace(given(q=q, steps=20), weights=np.zeros((2, 2, 12))) for q in (1, 1.5, 2)},
    **{f"q={q}, orthogonal={o}": given(q=q, orthogonal=o, law="gaussian", flipped=True)
       for q in (1.5, 2.5) for o in (True, False)},
}


@pytest.mark.parametrize("name", HARD)
def test_hard_inputs(name: str) -> None:
    """Both engines agree with the reference where something is degenerate or extreme."""
    history = HARD[name].history()
    for engine in ("coefficients", "weights"):
        assert_agrees(HARD[name].run(engine), history)


@pytest.mark.parametrize("name", [name for name in HARD if name.startswith(("all dead", "weights zero"))])
def test_what_no_patch_activates_never_moves(name: str) -> None:
    """σ'(0) = 0: such a network keeps its weights, the loss log 2 and no correct answer."""
    run = HARD[name].run()
    np.testing.assert_array_equal(run.coefficients, 0.0)
    np.testing.assert_allclose(run.column("train_loss"), np.log(2), rtol=1e-15)
    np.testing.assert_array_equal(run.column("train_accuracy"), 0.0)


def test_dead_filters_stay_while_others_learn() -> None:
    """A dead branch has exact zeros beside a branch that moves."""
    run = HARD["dead branch, q=1"].run()
    np.testing.assert_array_equal(run.gamma[:, 1], 0.0)
    np.testing.assert_array_equal(run.rho[:, 1], 0.0)
    assert np.abs(run.gamma[-1, 0]).min() > 0.1 and np.abs(run.rho[-1, 0]).max() > 0.1


@pytest.mark.compiled
@pytest.mark.parametrize("q", [1, 1.5, 2, 3, 4])
@pytest.mark.parametrize(("d", "form"), [(300, "vectors"), (300, "wishart"), (10**6, "wishart"), (10**12, "wishart")])
def test_paired_engines_on_larger_problems(q: float, d: int, form: str) -> None:
    """Coefficients and weights in lockstep differ by less than 1e-10, and the record of it is true."""
    problem = ts.SignalNoise(n=60, d=d, m=8, signal_norm=1.0, noise_std=d**-0.5, init_std=0.3, q=q,
                             label_flip=(0.1, 0.3), orthogonal_noise=q != 2)
    run = ts.simulate(problem, ts.GradientDescent(lr=1.0, label_noise=ts.Flip(0.1)), 500, seed=5, draw=form,
                      engine="paired")
    found = run.draw.weights + run.coefficients[-1] @ run.draw.vectors
    at_the_end = np.abs(found - run.weights).max() / np.abs(run.weights).max()
    assert 0 < at_the_end <= run.deviation * (1 + 1e-6) <= TOLERANCE
    assert run.column("train_loss")[-1] < 0.9 * run.column("train_loss")[0]


@pytest.mark.parametrize("q", [1, 2])
@pytest.mark.parametrize("d", [10, 10**4, 10**12])
def test_wishart_draw_is_a_network_like_any_other(d: int, q: float) -> None:
    """Its vectors, in the few coordinates they span, are trained by the reference to the same coefficients."""
    problem = ts.SignalNoise(n=5, d=d, m=2, signal_norm=1.0, noise_std=d**-0.5, init_std=0.3 if q > 1 else 1e-3,
                             q=q, orthogonal_noise=False)
    draw = ts.Draw.from_problem(problem, seed=3, form="wishart")
    lr, eps = LEARNING_RATE[q], np.ones((300, 5))
    run = ts.simulate(problem, ts.GradientDescent(lr), 300, draw=draw, record_every=1)
    patches = draw.sign[..., None] * draw.vectors[draw.atom]
    history = naive.train(
        patches, draw.labels, draw.observed_labels, draw.weights.reshape(2, 2, -1), eps, lr, q
    )
    assert_close(run.gamma, history.gamma, by_step=True)
    assert_close(run.rho, np.array(history.rho)[..., 1], by_step=True)
    assert_columns(run, history.observables, list(history.observables[0]))
    assert np.abs(run.rho[-1]).max() > 0.3


def train_patches(patches: Array, case: Given, engine: str = "coefficients", bias: float = 0.0) -> ts.Run:
    """A PatchData run on patches (n, P, d) with the labels, multipliers and network of a case."""
    problem = ts.PatchData.from_vectors(patches, case.labels, observed_labels=case.observed, bias=bias,
                                        m=case.weights.shape[1], init_std=0.1, q=case.q)
    draw = ts.Draw.from_problem(problem).with_weights(case.weights)
    return ts.simulate(problem, ts.GradientDescent(case.lr), len(case.eps), engine=engine, draw=draw,
                       label_noise=case.eps, record_every=1)


def assert_patches_agree(run: ts.Run, patches: Array, case: Given) -> naive.History:
    """Outputs, weights, their observables and the coefficient of every atom at every step."""
    history = naive.train(patches, case.labels, case.observed, case.weights, case.eps, case.lr, case.q)
    steps, (atom, sign) = range(len(history.outputs)), (run.draw.atom, run.draw.sign)
    np.testing.assert_array_equal(sign[..., None] * run.draw.vectors[atom], patches)
    assert_close([run.outputs(t) for t in steps], history.outputs, by_step=True)
    assert_close([ts.reconstruct(run, t) for t in steps], history.weights, by_step=True)
    assert_columns(run, history.observables, OF_OUTPUTS)
    expected = np.zeros((len(steps), *case.weights.shape[:2], len(run.draw.vectors)))
    for i, p in np.ndindex(atom.shape):  # an atom's coefficient is the signed sum over the places it occurs at
        expected[..., atom[i, p]] += sign[i, p] * np.array(history.rho)[..., i, p]
    found = run.coefficients * np.diag(run.draw.gram)
    assert_close(found.reshape(expected.shape), expected, by_step=True)
    samples_with = [(atom == a).any(axis=1).sum() for a in range(len(run.draw.vectors))]
    own = np.array(samples_with) == 1  # what one sample alone has is noise, also when the sample has it twice
    assert_close(run.rho, expected[..., own], by_step=True)
    assert abs(history.observables[-1]["train_loss"] / history.observables[0]["train_loss"] - 1) > 0.1
    return history


@pytest.mark.parametrize("engine", ["coefficients", "weights"])
@pytest.mark.parametrize("first", [1, -1])
@pytest.mark.parametrize(("q", "law", "orthogonal"), [(1, "flips", True), (2, "gaussian", False), (3, "none", True)])
def test_signal_noise_as_patch_data(q: int, law: str, orthogonal: bool, first: int, engine: str) -> None:
    """Deduplicated up to sign, signal-noise samples are one shared atom ±μ and n of their own; γ knows its sign."""
    case = given(q=q, law=law, orthogonal=orthogonal, flipped=True)
    # The atom is the first patch seen, −μ where the first label is −1.
    case = replace(case, labels=first * case.labels, observed=first * case.observed)
    assert case.labels[0] == first
    run, expected = train_patches(case.patches, case, engine), case.run(engine)
    np.testing.assert_array_equal(run.draw.owner, expected.draw.owner)
    assert_close(run.gamma, expected.gamma, by_step=True)
    assert_close(run.rho, expected.rho, by_step=True)
    assert_columns(run, case.history().observables, list(expected.observables))


@pytest.mark.parametrize("engine", ["coefficients", "weights"])
@pytest.mark.parametrize("q", [1, 2, 2.5])
def test_three_patches_of_noise(q: float, engine: str) -> None:
    """Samples that share nothing: every patch is an atom, ρ runs over all of them and there is no γ."""
    case = given(q=q, law="flips", flipped=True)
    patches = 0.5 * np.random.default_rng(1).standard_normal((5, 3, 12))
    run = train_patches(patches, case, engine)
    history = assert_patches_agree(run, patches, case)
    assert_close(run.rho, np.array(history.rho).reshape(len(history.rho), 2, 2, 15), by_step=True)
    assert run.gamma.shape == (len(history.rho), 2, 2, 0) and np.isnan(run.column("gamma_max")).all()
    active = naive.starts_active(case.weights, patches)
    rows = [naive.observables(history.outputs[t], case.labels, case.observed, history.gamma[t], history.rho[t], active)
            for t in range(len(history.rho))]
    assert_columns(run, rows, OF_RHO)


@pytest.mark.parametrize("q", [1, 2])
def test_bias_is_one_more_coordinate(q: int) -> None:
    """``bias=0.7`` trains as patches that end in 0.7 do."""
    case = given(11, q=q, d=13, law="gaussian")
    patches = 0.5 * np.random.default_rng(2).standard_normal((5, 2, 12))
    augmented = np.concatenate([patches, np.full((5, 2, 1), 0.7)], axis=2)
    assert_patches_agree(train_patches(patches, case, bias=0.7), augmented, case)


@pytest.mark.parametrize("q", [1, 2, 3])
@pytest.mark.parametrize(
    "kind", ["repeated", "opposite in one sample", "opposite in two samples", "all zero in one sample", "one for all"]
)
def test_patches_that_recur(kind: str, q: int) -> None:
    """A patch twice in a sample, v and −v in one or two samples, zeros, all samples the same: explicit training."""
    case = given(q=q, law="flips", flipped=True)
    patches = 0.5 * np.random.default_rng(3).standard_normal((5, 3, 12))
    if kind == "repeated":
        patches[0, 1] = patches[0, 2] = patches[0, 0]
        patches[3, 2] = patches[3, 0]
    elif kind == "opposite in one sample":
        patches[1, 2], patches[4, 1] = -patches[1, 0], -patches[4, 0]
    elif kind == "opposite in two samples":
        patches[1, 2], patches[4, 0] = -patches[0, 0], -patches[2, 1]
    elif kind == "all zero in one sample":
        patches[2] = 0.0
    else:
        patches[:] = patches[0]
        case = replace(case, observed=np.array([1.0, 1.0, 1.0, 1.0, -1.0]))
    run = train_patches(patches, case)
    assert_patches_agree(run, patches, case)
    assert len(run.draw.vectors) == {"repeated": 12, "one for all": 3}.get(kind, 13)


@pytest.mark.parametrize("q", [1, 2, 3])
@pytest.mark.parametrize("d", [12, 6])
def test_inner_products_are_enough(d: int, q: int) -> None:
    """Only a Gram matrix, of independent atoms or (d = 6) dependent ones, trains as the patches themselves do."""
    case = given(q=q, d=d, law="gaussian", flipped=True)
    patches = 0.5 * np.random.default_rng(6).standard_normal((5, 2, d))
    patches[1, 0], patches[3, 1] = -patches[0, 0], patches[2, 1]
    expected = train_patches(patches, case)
    data = expected.problem
    problem = ts.PatchData.from_gram(data.gram, data.atom, data.sign, data.labels, m=2, init_std=0.1, q=q,
                                     observed_labels=data.observed_labels)
    draw = ts.Draw.from_problem(problem)
    weights = np.linalg.lstsq(draw.vectors, expected.draw.inner.T)[0].T  # equal inner products with all atoms
    draw = draw.with_weights(weights.reshape(2, 2, -1))
    assert_close(draw.inner, expected.draw.inner)
    for engine in ("coefficients", "weights"):
        run = ts.simulate(problem, ts.GradientDescent(case.lr), 500, engine=engine, draw=draw,
                          label_noise=case.eps, record_every=1)
        assert_close(run.gamma, expected.gamma, by_step=True)
        assert_close(run.rho, expected.rho, by_step=True)
        assert_close(run.inner, expected.inner)
        for name in expected.observables:
            assert_close(run.column(name), expected.column(name), by_step=name in POSITIVE)


@pytest.mark.parametrize("q", [1, 2, 2.5, 4])
def test_predictions_on_new_patches(q: float) -> None:
    """f(x) on samples never seen, with any number of patches, at the start, in between and at the end."""
    case = given(q=q, orthogonal=False, law="flips", steps=200)
    run, history = case.run(), case.history()
    rng = np.random.default_rng(8)
    for at, patches in product((0, 77, 200), (rng.standard_normal((30, 2, 12)), rng.standard_normal((9, 5, 12)))):
        expected = [naive.output(history.weights[at], sample, q) for sample in patches]
        assert_close(run.predict(patches, at), expected)
        assert_close(run.predict(case.patches, at), history.outputs[at])
    np.testing.assert_array_equal(run.predict(patches), run.predict(patches, 200))
    np.testing.assert_array_equal(run.outputs(), run.outputs(200))


def brute_force_error(weights: Array, case: Given, samples: int, seed: int) -> tuple[float, float]:
    """Test error of explicit weights on fresh noise vectors, both labels on each, and its standard error."""
    mu, m = case.signal, weights.shape[1]
    xi = NOISE_STD * np.random.default_rng(seed).standard_normal((samples, mu.size))
    if case.orthogonal:
        xi -= np.outer(xi @ mu, mu) / (mu @ mu)
    noise = sum(j / m * np.maximum(xi @ w, 0.0) ** case.q
                for j, branch in zip(naive.BRANCHES, weights, strict=True) for w in branch)
    wrong = np.zeros(samples)
    for y in (1, -1):
        wrong += (y * (noise + naive.output(weights, y * mu[None], case.q)) <= 0) / 2
    return float(wrong.mean()), float(wrong.std() / np.sqrt(samples))


def assert_error_agrees(run: ts.Run, at: int, weights: Array, case: Given) -> None:
    """Two independent Monte Carlo values within 4 standard errors of their difference."""
    found = run.test_error(at, method="monte-carlo", n_test=200_000)
    value, deviation = brute_force_error(weights, case, 200_000, seed=9)
    own = (found.high - found.low) / (2 * 1.96)
    assert abs(found.value - value) < 4 * np.hypot(deviation, own)
    assert found.low <= found.value <= found.high


@pytest.mark.compiled
@pytest.mark.parametrize("q", [1, 2, 3, 4])
@pytest.mark.parametrize("orthogonal", [True, False])
def test_error_is_that_of_fresh_samples(orthogonal: bool, q: int) -> None:
    """Before, during and after training, against vectors in d dimensions, where the error is far from 0 and 1/2."""
    case = given(4, q=q, orthogonal=orthogonal, law="flips", steps=100)
    case = replace(case, signal=0.5 * case.signal)
    run, history = case.run(), case.history()
    for at in (0, 50, 100):
        assert_error_agrees(run, at, history.weights[at], case)
    assert 0.02 < run.test_error().value < 0.45


@pytest.mark.parametrize("q", [1, 2])
def test_error_of_a_network_turned_against_the_signal(q: int) -> None:
    """Where S₊ ≤ −S₋ at least one of the two labels fails on every noise vector: an error above 1/2."""
    case = given(5, q=q, steps=0)
    against = np.array([-1.0, 1.0])[:, None, None] * case.signal
    case = replace(case, weights=case.weights + 0.02 * against)
    run = case.run()
    assert_error_agrees(run, 0, case.weights, case)
    assert 0.52 < run.test_error().value < 0.98


def test_error_of_a_network_that_says_nothing() -> None:
    """Ties are errors: with all outputs 0 every answer is wrong, and that is certain."""
    error = replace(given(steps=0), weights=np.zeros((2, 2, 12))).run().test_error(method="monte-carlo", n_test=1000)
    assert error.value == 1.0 and error.high == 1.0 and error.low > 0.99


@pytest.mark.parametrize("q", [1, 2, 3, 4])
@pytest.mark.parametrize("orthogonal", [True, False])
def test_noise_covariance_is_the_gram_matrix_of_the_filters(orthogonal: bool, q: int) -> None:
    """σ_p² W Wᵀ of the explicit weights at every step, without their part along μ when the noise has none."""
    case = given(q=q, orthogonal=orthogonal, law="flips")
    run, history = case.run(), case.history()
    axis = case.signal / np.linalg.norm(case.signal)
    found, expected = [], []
    for at in (0, 1, 100, 500):
        filters = history.weights[at].reshape(4, 12)
        if orthogonal:
            filters = filters - np.outer(filters @ axis, axis)
        found.append(risk.noise_covariance(run, at))
        expected.append(NOISE_STD**2 * filters @ filters.T)
    assert_close(found, expected, by_step=True)


@pytest.mark.parametrize("orthogonal", [True, False])
@pytest.mark.parametrize("signal_norm", [1.0, 0.0])
def test_noise_covariance_without_vectors(orthogonal: bool, signal_norm: float) -> None:
    """The same for a Wishart draw, whose first coordinate is the signal's, and without any signal."""
    problem = ts.SignalNoise(n=6, d=10**9, m=3, signal_norm=signal_norm, noise_std=10**-4.5, init_std=0.1,
                             orthogonal_noise=orthogonal)
    run = ts.simulate(problem, ts.GradientDescent(0.5), 200, seed=1, engine="weights")
    filters = run.weights[:, 1:] if orthogonal else run.weights
    assert_close(risk.noise_covariance(run), problem.noise_std**2 * filters @ filters.T)


# --- other initial weights: uniform ones, and a bias coordinate ---------------------------------------------------


@dataclass(frozen=True)
class Started:
    """A draw of a problem with uniform weights, a bias or both, and label multipliers."""

    problem: ts.SignalNoise
    draw: ts.Draw
    eps: Array  # (steps, n)
    lr: float

    @property
    def plain_patches(self) -> Array:
        """y μ and ξ of every sample, (n, 2, d)."""
        vectors = self.draw.vectors[:, : self.problem.d]
        signal, noise = vectors[0], vectors[-self.draw.n:]
        return np.stack([self.draw.labels[:, None] * signal, noise], axis=1)

    @property
    def patches(self) -> Array:
        """The same with the bias as one more coordinate, if there is one."""
        if not self.problem.bias:
            return self.plain_patches
        return np.pad(self.plain_patches, ((0, 0), (0, 0), (0, 1)), constant_values=self.problem.bias)

    @property
    def weights(self) -> Array:
        """Initial filters, (2, m, d) or (2, m, d + 1)."""
        return self.draw.weights.reshape(2, self.draw.m, -1)

    def history(self, rule: naive.Rule | None = None) -> naive.History:
        """The reference's training."""
        draw = self.draw
        return naive.train(
            self.patches, draw.labels, draw.observed_labels, self.weights, self.eps, self.lr, self.problem.q, rule
        )

    def run(self, engine: str = "coefficients", **options: Any) -> ts.Run:
        """The package's training, every step recorded."""
        return ts.simulate(self.problem, ts.GradientDescent(self.lr), len(self.eps), engine=engine, draw=self.draw,
                           label_noise=self.eps, record_every=1, **options)


def started(seed: int = 3, *, steps: int = 200, law: str = "none", lr: float | None = None, **fields: Any) -> Started:
    """A small drawn case, by default with uniform weights, a bias and some labels flipped."""
    default: dict[str, Any] = {"n": 5, "d": 12, "m": 2, "signal_norm": 1.2, "noise_std": NOISE_STD, "init_std": 0.3}
    start: dict[str, Any] = {"q": 2, "label_flip": 0.3, "init_law": "uniform", "bias": 0.7}
    problem = ts.SignalNoise(**default | start | fields)
    rng = np.random.default_rng(seed)
    eps = 1 + 0.7 * rng.standard_normal((steps, problem.n)) if law == "gaussian" else np.ones((steps, problem.n))
    draw = ts.Draw.from_problem(problem, seed, "vectors")
    return Started(problem, draw, eps, lr or LEARNING_RATE[problem.q])


def with_weights(case: Started, weights: Array) -> Started:
    """The case with initial filters of one's own."""
    return replace(case, draw=case.draw.with_weights(weights))


def of_one_class(**fields: Any) -> Started:
    """A case whose true labels are all equal."""
    return next(case for case in (started(seed, n=3, **fields) for seed in count()) if len(set(case.draw.labels)) == 1)


def by_class(history: naive.History, labels: Array) -> Array:
    """γ of (μ, bias) and of (−μ, bias), which the samples of one class move, (steps + 1, 2, m, 2)."""
    own = np.array(history.rho)[..., 0] * np.array(naive.BRANCHES)[:, None, None] * labels
    return np.stack([own[..., labels == y].sum(axis=-1) for y in (1, -1)], axis=-1)


def assert_agrees_with_bias(run: ts.Run, history: naive.History) -> None:
    """As assert_agrees, with signal learning counted for two atoms."""
    draw, steps = run.draw, range(len(history.gamma))
    gamma, rho = by_class(history, draw.labels), np.array(history.rho)[..., 1]
    assert_close(gamma.sum(axis=-1), history.gamma)  # the reference adds them up
    assert_close(run.gamma, gamma, by_step=True)
    assert_close(run.rho, rho, by_step=True)
    assert_close([run.outputs(t) for t in steps], history.outputs, by_step=True)
    assert_close([ts.reconstruct(run, t) for t in steps], history.weights, by_step=True)
    assert_close([run.weights_at(t).reshape(history.weights[t].shape) for t in steps], history.weights, by_step=True)
    if run.weights is not None:
        assert_close(run.weights.reshape(history.weights[-1].shape), history.weights[-1])
    samples = draw.sign[..., None] * draw.vectors[draw.atom]
    active = naive.starts_active(draw.weights.reshape(2, draw.m, -1), samples)[..., 1:]
    rows = [
        naive.observables(history.outputs[t], draw.labels, draw.observed_labels, gamma[t], rho[t][..., None], active)
        for t in steps
    ]
    assert_columns(run, rows, list(rows[0]))


@pytest.mark.parametrize(
    ("q", "orthogonal", "law"), list(product((1, 2, 2.5, 3), (True, False), ("none", "gaussian")))
)
def test_uniform_weights_and_bias_are_explicit_training(q: float, orthogonal: bool, law: str) -> None:
    """Both at once and each alone, in either engine, on runs that go far from their start."""
    for init_law, bias in (("uniform", 0.7), ("uniform", 0.0), ("normal", -0.7)):
        case = started(q=q, orthogonal_noise=orthogonal, law=law, init_law=init_law, bias=bias)
        assert case.draw.noisy.any() and len(set(case.draw.labels)) == 2
        history = case.history()
        agrees = assert_agrees_with_bias if bias else assert_agrees
        for engine in ("coefficients", "weights"):
            agrees(case.run(engine), history)
        loss = [row["train_loss"] for row in history.observables]
        assert abs(loss[-1] - loss[0]) > 0.2 * loss[0]


@pytest.mark.parametrize("q", [1, 2, 2.5, 3])
def test_bias_of_a_problem_is_that_of_patch_data(q: float) -> None:
    """The same patches as PatchData with ``bias=``: the same coefficients, outputs and observables."""
    case = started(q=q, law="gaussian", orthogonal_noise=False)
    data = ts.PatchData.from_vectors(
        case.plain_patches, case.draw.labels, observed_labels=case.draw.observed_labels, bias=case.problem.bias,
        m=case.problem.m, init_std=0.1, q=q,
    )
    draw = ts.Draw.from_problem(data).with_weights(case.weights)
    expected = case.run()
    run = ts.simulate(data, ts.GradientDescent(case.lr), len(case.eps), draw=draw, label_noise=case.eps, record_every=1)
    signal = draw.vectors[draw.owner < 0]
    order = [int(np.flatnonzero((signal == wanted).all(axis=1)).item()) for wanted in case.draw.vectors[:2]]
    assert_close(run.gamma[..., order], expected.gamma, by_step=True)
    assert_close(run.rho, expected.rho, by_step=True)
    assert_close(run.outputs(), expected.outputs())
    assert_close(ts.reconstruct(run), ts.reconstruct(expected))
    for name in expected.observables:
        assert_close(run.column(name), expected.column(name), by_step=name in POSITIVE)


OFF = np.append(np.zeros(12), -1.0)  # a filter that a positive bias holds below 0 on every patch
BIASED = {
    **{f"one class, q={q}": of_one_class(q=q) for q in (1, 2, 2.5)},
    **{f"one class observed, flips {flip}": started(label_flip=flip) for flip in ((0.0, 1.0), (1.0, 0.0))},
    "every label flipped": started(label_flip=1.0),
    **{f"no signal, q={q}, orthogonal={o}": started(q=q, orthogonal_noise=o, signal_norm=0.0)
       for q in (1, 2) for o in (True, False)},
    **{f"one sample, q={q}": started(q=q, n=1) for q in (1, 2, 3)},
    **{f"one filter, q={q}": started(q=q, m=1, law="gaussian") for q in (1, 2, 2.5)},
    "one sample, one filter": started(n=1, m=1, orthogonal_noise=False),
    "two dimensions": started(d=2),
    **{f"one dead filter, q={q}": with_weights(case := started(q=q), np.stack([[case.weights[0, 0], OFF],
                                                                               case.weights[1]])) for q in (1, 2)},
    **{f"dead branch, q={q}": with_weights(case := started(q=q), np.stack([case.weights[0], [OFF, OFF]]))
       for q in (1, 3)},
    **{f"all dead, q={q}": with_weights(started(q=q, steps=20), np.broadcast_to(OFF, (2, 2, 13))) for q in (1, 2)},
    **{f"weights zero, q={q}": started(q=q, steps=20, init_std=0.0) for q in (1, 2.5)},
    **{f"bias {b}, q={q}": started(q=q, bias=b, law="gaussian", lr=0.01) for b in (-3.0, 3.0) for q in (1, 2)},
    **{f"bias {b}": started(bias=b) for b in (1e-6, -1e-6)},
}


@pytest.mark.parametrize("name", BIASED)
def test_hard_inputs_with_bias(name: str) -> None:
    """Both engines agree with the reference where something is degenerate or extreme."""
    case = BIASED[name]
    history = case.history()
    for engine in ("coefficients", "weights"):
        assert_agrees_with_bias(case.run(engine), history)
    if name.startswith(("all dead", "weights zero")):
        assert not case.run().coefficients.any()


@pytest.mark.parametrize("bias", [1e-3, 0.5, -1.0, 30.0])
@pytest.mark.parametrize("signal_norm", [0.0, 1e-9, 1e-6, 1.0])
def test_a_problem_takes_its_own_draw(signal_norm: float, bias: float) -> None:
    """However small the signal is beside the bias."""
    problem = ts.SignalNoise(n=4, d=50, m=2, signal_norm=signal_norm, noise_std=0.2, init_std=0.1, bias=bias)
    for form in ("vectors", "wishart"):
        assert ts.simulate(problem, ts.GradientDescent(1e-3), 2, draw=form).status == "completed"


def test_a_problem_takes_its_own_draw_whatever_its_bias() -> None:
    """Also where b·b and b**2 differ in the last digit."""
    numbers = np.random.default_rng(0).standard_normal(20_000).tolist()
    odd = [b for b in numbers if b**2 != b * b] or numbers[:1]  # about one in a thousand, depending on the C library
    for bias in odd[:5]:
        problem = ts.SignalNoise(n=4, d=50, m=2, signal_norm=0.0, noise_std=0.2, init_std=0.1, bias=bias)
        assert ts.simulate(problem, ts.GradientDescent(1e-3), 2).status == "completed"


@pytest.mark.compiled
@pytest.mark.parametrize("q", [1, 2, 2.5, 3])
@pytest.mark.parametrize(("init_law", "bias", "form"), [
    ("uniform", 0.0, "vectors"), ("uniform", 0.5, "auto"), ("normal", -0.5, "wishart"), ("normal", 0.5, "vectors"),
])
def test_paired_engines_on_other_initial_weights(q: float, init_law: str, bias: float, form: str) -> None:
    """Coefficients and weights in lockstep differ by less than 1e-10."""
    problem = ts.SignalNoise(n=60, d=300, m=8, signal_norm=1.0, noise_std=300**-0.5, init_std=0.3, q=q,
                             label_flip=(0.1, 0.3), orthogonal_noise=q != 2, init_law=init_law, bias=bias)
    run = ts.simulate(problem, ts.GradientDescent(lr=0.5, label_noise=ts.Flip(0.1)), 300, seed=5, draw=form,
                      engine="paired")
    assert run.deviation is not None and 0 < run.deviation <= TOLERANCE
    assert run.column("train_loss")[-1] < 0.9 * run.column("train_loss")[0]


# --- policies: which samples training goes on with ----------------------------------------------------------------

SELECT_AT = 20
ACTIONS = ("drop", "relabel", "downweight")
Selecting = ts.SmallLossSelection | ts.OracleSelection


def rule_of(policy: Selecting) -> naive.Rule:
    """The reference's rule for a policy."""
    at = policy.at

    def when(step: int, row: dict[str, float]) -> bool:
        if isinstance(at, ts.AtStep):
            return step >= at.step
        return row["train_loss"] <= at.level if isinstance(at, ts.LossBelow) else row["rho_bar_active_min"] >= at.c

    threshold = policy.threshold if isinstance(policy, ts.SmallLossSelection) else None
    return naive.Rule(when, policy.action, policy.weight, threshold)


def policy_for(case: Given | Started, kind: str, action: str, *, at: Any = SELECT_AT, above: int = 2) -> Selecting:
    """A policy whose threshold lies between the losses at SELECT_AT, such that so many are above."""
    if kind == "oracle":
        return ts.OracleSelection(at, action, weight=0.3)
    observed = case.draw.observed_labels if isinstance(case, Started) else case.observed
    outputs = case.history().outputs[min(SELECT_AT, len(case.eps))]
    losses = sorted(naive.loss(float(y * f)) for y, f in zip(observed, outputs, strict=True))
    return ts.SmallLossSelection(at, float(np.mean(losses[len(losses) - above - 1:][:2])), action, weight=0.3)


def assert_selects(run: ts.Run, history: naive.History) -> None:
    """The same samples at the same step."""
    assert (run.selection is None) == (history.selected_at is None)
    if run.selection is not None:
        assert run.selection.step == history.selected_at
        np.testing.assert_array_equal(run.selection.flagged, history.judged)


def assert_policy_agrees(
    case: Given, policy: Selecting, engines: Sequence[str] = ("coefficients", "weights")
) -> ts.Run:
    """Training with a policy, against the reference at every step, in any engine and with few records."""
    history = case.history(rule_of(policy))
    first: ts.Run | None = None
    for engine in engines:
        run = case.run(engine, policy=policy)
        first = first or run
        assert_agrees(run, history)
        assert_selects(run, history)
        sparse = case.run(engine, policy=policy, record_at=())
        assert_selects(sparse, history)
        np.testing.assert_array_equal(sparse.coefficients[-1], run.coefficients[-1])
        np.testing.assert_array_equal(sparse.rows, run.rows)
    paired = case.run("paired", policy=policy)
    assert_selects(paired, history)
    assert paired.deviation is not None and paired.deviation <= TOLERANCE
    assert first is not None
    return first


@pytest.mark.parametrize(
    ("q", "orthogonal", "law", "kind", "action"),
    list(product((1, 2), (True, False), ("none", "gaussian"), ("small loss", "oracle"), ACTIONS)),
)
def test_selection_is_explicit_training(q: int, orthogonal: bool, law: str, kind: str, action: str) -> None:
    """Dropped, relabelled or down-weighted samples, known or found by their loss: weights and all at every step."""
    case = given(q=q, orthogonal=orthogonal, law=law, flipped=True, steps=100)
    run, plain = assert_policy_agrees(case, policy_for(case, kind, action)), case.run()
    assert run.selection is not None and (run.selection.step, run.selection.flagged.sum()) == (SELECT_AT, 2)
    np.testing.assert_array_equal(run.coefficients[: SELECT_AT + 1], plain.coefficients[: SELECT_AT + 1])
    assert np.abs(run.inner - plain.inner).max() > 1e-2, "the policy matters"


@pytest.mark.parametrize("at", [0, 1, 99, 100, 101, ts.LossBelow(0.5), ts.LossBelow(0.0), ts.FirstStage(0.01),
                                ts.FirstStage(99.0)], ids=str)
@pytest.mark.parametrize("action", ACTIONS)
def test_selection_at_any_time(at: Any, action: str) -> None:
    """At the first step and the last, at what is met on the way, and never."""
    case = given(q=1, flipped=True, steps=100)
    run = assert_policy_agrees(case, policy_for(case, "small loss", action, at=at), ("coefficients",))
    never = at == 101 or at in (ts.LossBelow(0.0), ts.FirstStage(99.0))
    assert (run.selection is None) == never
    if never or at == 100:
        np.testing.assert_array_equal(run.coefficients, case.run().coefficients)


POLICIES: dict[str, Any] = {
    "nobody": lambda action: ts.SmallLossSelection(SELECT_AT // 4, 1e300, action, 0.3),
    "everybody": lambda action: ts.SmallLossSelection(SELECT_AT // 4, 0.0, action, 0.3),
    "oracle": lambda action: ts.OracleSelection(SELECT_AT // 4, action, 0.3),
    "everybody, weight 0": lambda action: ts.SmallLossSelection(SELECT_AT // 4, 0.0, action, 0.0),
    "log 2": lambda action: ts.SmallLossSelection(SELECT_AT // 4, action=action),
}
SELECTED_HARD = (
    "one sample, q=1", "one filter, q=1", "one sample, one filter", "one class", "one class observed",
    "every label flipped", "one dead filter, q=1", "dead branch, q=3", "all dead, q=2", "weights zero, q=1",
    "no signal, q=2, orthogonal=False", "n > d, q=1, orthogonal=False", "learning rate 50.0, q=1",
    "learning rate 1000.0, q=2", "two dimensions, orthogonal", "q=1.5, orthogonal=False",
)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("kind", POLICIES)
@pytest.mark.parametrize("name", SELECTED_HARD)
def test_selection_on_hard_inputs(name: str, kind: str, action: str) -> None:
    """Degenerate and extreme cases; nobody or everybody judged, so that no weight at all may be left."""
    case = replace(HARD[name], eps=HARD[name].eps[:25])
    policy = POLICIES[kind](action)
    engines = ("coefficients", "weights") if kind == "log 2" else ("coefficients",)
    run = assert_policy_agrees(case, policy, engines)
    selection = run.selection
    assert selection is not None
    after, plain = run.coefficients[selection.step:], case.run()
    everybody = kind.startswith("everybody") and not (run.column("loss_derivative_max")[selection.step] == 0)
    if kind == "nobody" or (kind == "oracle" and not plain.draw.noisy.any()):
        np.testing.assert_array_equal(run.coefficients, plain.coefficients)
        np.testing.assert_array_equal(selection.weight, 1.0)
    if everybody and selection.flagged.all() and (action == "drop" or (kind.endswith("0") and action != "relabel")):
        assert not selection.weight.any()
        assert (after == after[0]).all(), "without any weight nothing moves"
    assert (selection.turned == np.where(selection.flagged & (action == "relabel"), -1.0, 1.0)).all()
    assert not selection.weight.any() or selection.weight.mean() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("kind", ["small loss", "oracle"])
@pytest.mark.parametrize("q", [1, 2])
def test_selection_with_bias(q: int, kind: str, action: str) -> None:
    """With a bias coordinate, noise in all directions and either law of initial weights."""
    for init_law in ("normal", "uniform"):
        case = started(q=q, law="gaussian", orthogonal_noise=False, init_law=init_law, steps=60)
        policy = policy_for(case, kind, action)
        history = case.history(rule_of(policy))
        for engine in ("coefficients", "weights"):
            run = case.run(engine, policy=policy)
            assert_agrees_with_bias(run, history)
            assert_selects(run, history)
            assert run.selection is not None and run.selection.flagged.any()


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("kind", ["small loss", "oracle"])
def test_selection_among_patches(kind: str, action: str) -> None:
    """Three patches of noise each: the same of patch data."""
    case = given(q=2, law="flips", flipped=True, steps=60)
    patches = 0.5 * np.random.default_rng(1).standard_normal((5, 3, 12))
    policy = ts.SmallLossSelection(5, action=action) if kind == "small loss" else ts.OracleSelection(5, action)
    history = naive.train(patches, case.labels, case.observed, case.weights, case.eps, case.lr, case.q, rule_of(policy))
    problem = ts.PatchData.from_vectors(patches, case.labels, observed_labels=case.observed, m=2, init_std=0.1, q=2)
    draw = ts.Draw.from_problem(problem).with_weights(case.weights)
    run = ts.simulate(problem, ts.GradientDescent(case.lr), 60, draw=draw, label_noise=case.eps, record_every=1,
                      policy=policy)
    assert_selects(run, history)
    assert 0 < sum(history.judged) < 5
    assert_close([run.outputs(t) for t in range(61)], history.outputs, by_step=True)
    assert_columns(run, history.observables, OF_OUTPUTS)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("q", [1, 2])
def test_selection_in_single_precision(q: int, action: str) -> None:
    """The same samples as in double precision, and numbers close to it."""
    case = given(q=q, flipped=True, steps=200)
    policy = policy_for(case, "small loss", action)
    double, single = case.run(policy=policy), case.run(policy=policy, precision="single")
    assert double.selection is not None and single.selection is not None
    np.testing.assert_array_equal(single.selection.flagged, double.selection.flagged)
    for found, wanted in ((single.gamma, double.gamma), (single.rho, double.rho), (single.inner, double.inner)):
        assert np.abs(found - wanted).max() < 2e-5 * np.abs(wanted).max()


# --- the kernel that scores test noise ----------------------------------------------------------------------------


@pytest.mark.parametrize("q", [1, 1.5, 2, 2.5, 3, 4])
def test_votes_are_those_of_plain_loops(q: float) -> None:
    """Many patches at once, with inner products 0, all negative, and not a number; what was there is overwritten."""
    inner = np.random.default_rng(0).standard_normal((6, 50))
    inner[2, :10] = 0.0
    inner[:, 3], inner[:, 4], inner[1, 5] = -1.0, 0.0, np.nan
    readout, found = np.repeat([1 / 3, -1 / 3], 3), np.full(50, 7.0)
    score.votes(inner, readout, POWER, float(q), 0.0, found)
    expected = [sum(readout[k] * naive.activation(float(inner[k, i]), q) for k in range(6)) for i in range(50)]
    expected[5] = np.nan
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)
    assert found[3] == found[4] == 0.0


# --- single precision ---------------------------------------------------------------------------------------------

SINGLE = 2e-5  # relative; up to 2e-6 is measured
EPSILON = float(np.finfo(np.float32).eps)


@pytest.mark.parametrize("law", ["none", "flips"])
@pytest.mark.parametrize("orthogonal", [True, False])
@pytest.mark.parametrize("q", [1, 2, 2.5, 3])
def test_single_precision_is_close_to_double(q: float, orthogonal: bool, law: str) -> None:
    """Coefficients, outputs and observables of 300 steps, and it is single precision indeed."""
    case = given(q=q, orthogonal=orthogonal, law=law, flipped=True, steps=300)
    double, single = case.run(), case.run(precision="single")
    assert (double.precision, single.precision) == ("double", "single")
    assert single.coefficients.dtype == single.inner.dtype == np.float32
    assert double.coefficients.dtype == double.inner.dtype == single.rows.dtype == np.float64
    pairs = [
        (single.gamma, double.gamma), (single.rho, double.rho), (single.outputs(), double.outputs()),
        (single.inner, double.inner), (ts.reconstruct(single), ts.reconstruct(double)),
        *[(single.column(name), double.column(name)) for name in (*POSITIVE, "output_min", "output_max")],
    ]
    errors = [np.abs(found - wanted).max() / np.abs(wanted).max() for found, wanted in pairs]
    assert max(errors) < SINGLE
    assert max(errors) > EPSILON / 100


@pytest.mark.compiled
def test_single_precision_of_a_large_run() -> None:
    """Test error, loss and coefficients of a drawn problem agree, and so do a biased one's and a uniform one's."""
    settings: list[dict[str, Any]] = [{}, {"bias": 0.3}, {"init_law": "uniform"}]
    errors = []
    for fields in settings:
        problem = ts.SignalNoise(n=60, d=3000, m=8, signal_norm=0.2, noise_std=0.02, init_std=0.01, **fields)
        double, single = (ts.simulate(problem, ts.GradientDescent(10.0), 300, 2, precision=precision)
                          for precision in ("double", "single"))
        np.testing.assert_allclose(single.rows[:, 0], double.rows[:, 0], rtol=SINGLE)
        assert np.abs(single.coefficients - double.coefficients).max() < SINGLE * np.abs(double.coefficients).max()
        found, wanted = (run.test_error(method="monte-carlo", n_test=20_000) for run in (single, double))
        assert abs(found.value - wanted.value) <= 2e-4
        errors.append(wanted.value)
        assert double.rows[-1, 0] < 0.5 * double.rows[0, 0]
    assert 0.1 < max(errors) < 0.4  # a comparison of more than nothing


@pytest.mark.parametrize("first", [0, 1, 100, 256, 300])
def test_resumed_single_precision_is_the_straight_run(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit for bit, in whatever chunks."""
    problem = ts.SignalNoise(n=8, d=100, m=3, signal_norm=1.0, noise_std=0.1, init_std=0.1, q=3, bias=0.2)
    algorithm = ts.GradientDescent(0.3, ts.Gaussian(1, 0.5))
    straight = ts.simulate(problem, algorithm, 300, 4, record_every=10, precision="single")
    monkeypatch.setattr(stepper, "CHUNK_FLOPS", 1.0)
    part = ts.simulate(problem, algorithm, first, 4, record_every=10, precision="single")
    whole = ts.resume(part, 300 - first)
    assert whole.precision == straight.precision == "single"
    for name in ("rows", "coefficients", "inner", "steps_recorded"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(straight, name))


@pytest.mark.parametrize(("q", "lr"), [(1, 1e40), (2, 1e4), (3, 1e3)])
def test_overflow_of_single_precision_is_said(q: float, lr: float) -> None:
    """Where double precision goes on, numbers beyond 1e38 are divergence; what is kept is finite and right."""
    case = given(q=q, lr=lr, steps=40)
    with np.errstate(all="ignore"), pytest.raises(ts.DivergenceError) as caught:
        case.run(precision="single")
    run = caught.value.run
    assert (run.status, run.precision, run.stopped_at) == ("diverged", "single", run.steps + 1)
    for kept in (run.coefficients, run.inner, run.column("train_loss")):
        assert np.isfinite(kept).all()
    straight = replace(case, eps=case.eps[: run.steps]).run()
    np.testing.assert_allclose(run.inner, straight.inner, rtol=0, atol=1e-3 * np.abs(straight.inner).max())
    assert replace(case, eps=case.eps[: run.steps + 1]).run().status == "completed"


@pytest.mark.parametrize(("precision", "lr"), [("single", 3e38), ("double", 1e308)])
def test_overflow_below_zero_is_said(precision: str, lr: float) -> None:
    """An inner product of −∞ votes 0, as any negative one does, and is divergence nevertheless.

    The filter of j = −1 sees the noise of the one sample, y = 1, and is pushed away from it; the other one is dead.
    """
    draw = ts.Draw.from_arrays(signal=[1, 0], noise=[[1, 2]], labels=[1], weights=[[[-1, -1]], [[-1, 1]]])
    problem = ts.SignalNoise(1, 2, 1, 1.0, 1.0, 1.0, q=1, orthogonal_noise=False)
    with np.errstate(all="ignore"):
        run = ts.simulate(problem, ts.GradientDescent(lr), 3, draw=draw, precision=precision, on_failure="return")
    assert (run.status, run.stopped_at) == ("diverged", 1)
    assert np.isfinite(run.inner).all() and np.isfinite(run.coefficients).all()


@pytest.mark.parametrize("engine", ["weights", "paired"])
def test_oracles_are_in_double_precision(engine: str) -> None:
    """An engine that keeps explicit weights refuses to be less than exact."""
    with pytest.raises(ValueError, match=f"precision='single'.*'double'.*engine='{engine}'"):
        given(steps=1).run(engine, precision="single")


def test_reference_is_the_gradient_of_the_loss() -> None:
    """The reference itself: its first step is −η times the numerical gradient of the mean loss."""
    case = given(q=3, steps=1, lr=0.1, law="gaussian", flipped=True)

    def mean_loss(weights: Array) -> float:
        margins = [case.eps[0, i] * case.observed[i] * naive.output(weights, case.patches[i], 3) for i in range(5)]
        return float(np.mean([naive.loss(z) for z in margins]))

    def slope_along(index: tuple[int, ...], h: float = 1e-4) -> float:
        up, down = case.weights.copy(), case.weights.copy()
        up[index] += h
        down[index] -= h
        return (mean_loss(up) - mean_loss(down)) / (2 * h)

    before, after = case.history().weights
    gradient = np.reshape([slope_along(index) for index in np.ndindex(before.shape)], before.shape)
    np.testing.assert_allclose(after - before, -0.1 * gradient, rtol=0, atol=1e-7 * np.abs(gradient).max())
    assert np.abs(gradient).max() > 1e-2
