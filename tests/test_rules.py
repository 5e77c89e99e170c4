"""Training rules, activations, losses and readouts against tests/naive_rules.py: explicit weights in plain loops."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import naive_rules
import numpy as np
import pytest
from all_systems import assert_same_run, one_step_chunks
from hypothesis import given
from numpy.typing import NDArray
from rule_cases import (
    ACTIVATIONS, PROBLEM, SEED, TOLERANCE, Case, activation_of, assert_agrees, assert_close, batch_sizes, cases,
    network_of, read, readout_of, rows_of, rule_of, samples_of, taken_from,
)
from scipy.stats import binomtest, chisquare

import theorysim as ts
from theorysim.patch.begin import proceed

Array = NDArray[np.float64]
LR = 0.3
STEPS = 300


def descent(lr: Any = LR, label_noise: Any = None, **options: Any) -> ts.GradientDescent:
    """Gradient descent, with a learning rate that learns within the steps."""
    return ts.GradientDescent(lr, label_noise, **options)


RULES: dict[str, ts.GradientDescent] = {
    "plain": descent(),
    "flips": descent(label_noise=ts.Flip(0.2)),
    "rising flips": descent(label_noise=ts.Flip(ts.Warmup(0.3, 200))),
    "Gaussian multipliers": descent(label_noise=ts.Gaussian(1, 0.7)),
    "noise until": descent(label_noise=ts.Until(100, ts.Flip(0.3), ts.Uniform(-0.5, 1.5))),
    "noise for a while": descent(label_noise=ts.Until(100, ts.Flip(0.3))),
    "constant": descent(ts.Constant(LR)),
    "warm-up": descent(ts.Warmup(LR, 50, 0.01)),
    "cosine": descent(ts.Cosine(LR, 200, 0.01)),
    "exponential": descent(ts.Exponential(LR, 0.99)),
    "steps": descent(ts.Steps((LR, 0.1, 0.2), (50, 100))),
    "array": descent(np.linspace(LR, 0.0, STEPS)),
    "until": descent(ts.Until(70, ts.Warmup(LR, 20), ts.Cosine(0.2, 100))),
    "batches": descent(batch_size=2),
    "batches of one": descent(0.1, batch_size=1),
    "batches of all": descent(batch_size=5),
    "replacement": descent(batch_size=3, replacement=True),
    "momentum": descent(LR / 4, momentum=0.8),
    "dampening": descent(momentum=0.8, dampening=0.6),
    "Nesterov": descent(LR / 4, momentum=0.8, nesterov=True),
    "decay": descent(weight_decay=0.02),
    "momentum, decay": descent(LR / 4, momentum=0.8, weight_decay=0.02),
    "dampening, decay": descent(LR / 4, momentum=0.8, dampening=0.3, weight_decay=0.02),
    "Nesterov, decay": descent(LR / 4, momentum=0.8, nesterov=True, weight_decay=0.02),
    "smoothing": descent(label_smoothing=0.2),
    "smoothing, all": descent(label_smoothing=1.0),
    "clipping": descent(clip_norm=0.05),
    "normalised": descent(0.02, normalised=True),
    "SAM": descent(sam_radius=0.2),
    "dropout": descent(dropout=0.4),
    "weight noise": descent(weight_noise=0.01),
    "weight noise, momentum": descent(LR / 4, weight_noise=0.01, momentum=0.8),
    "weight noise, decay": descent(weight_noise=0.01, weight_decay=0.02),
}
# All that a step asks of its readout; the rest is the same code for a number of the readout as for one of the weights.
READOUTS = {f"{name}, readout": replace(RULES[name], train_readout=True) for name in (
    "plain", "flips", "batches", "replacement", "momentum", "dampening", "Nesterov", "decay", "Nesterov, decay",
    "smoothing", "clipping", "normalised", "SAM", "dropout", "weight noise, momentum", "weight noise, decay")}
MIXED = descent(0.1, ts.Flip(0.2), batch_size=2, momentum=0.5, label_smoothing=0.1, clip_norm=0.5, sam_radius=0.1,
                dropout=0.2, weight_noise=0.005, train_readout=True)
NORMALISED = descent(ts.Exponential(0.1, 0.98), ts.Gaussian(1, 0.5), weight_decay=0.01, normalised=True,
                     sam_radius=0.1, nesterov=True, momentum=0.5, train_readout=True)
ENGINES = ("coefficients", "weights")


@cache
def plain_history() -> naive_rules.History:
    """The reference without any option."""
    return Case(RULES["plain"]).history()


def check(case: Case, tolerance: float = TOLERANCE) -> naive_rules.History:
    """Both engines against the reference."""
    history = case.history()
    for engine in ENGINES:
        assert_agrees(case.run(engine), history, tolerance)
    return history


def learned(history: naive_rules.History) -> float:
    """How far the loss has moved, in units of the first."""
    loss = [row["train_loss"] for row in history.rows]
    return abs(loss[-1] / loss[0] - 1)


# --- one by one ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*RULES, *READOUTS])
def test_rule_is_explicit_training(name: str) -> None:
    """Weights, readout, outputs, observables and coefficients of 300 steps, of a rule that makes a difference."""
    algorithm = (RULES | READOUTS)[name]
    history = check(Case(algorithm))
    assert learned(history) > (0.03 if "all" in name.split(", ") else 0.3)
    changed = np.abs(history.weights[-1] - plain_history().weights[-1]).max()
    assert (changed > 1e-3) == (name not in ("plain", "constant", "batches of all"))
    assert (np.ptp(history.readouts, axis=0) > 1e-3).all() == algorithm.train_readout


@pytest.mark.parametrize("name", ["momentum", "SAM", "dropout", "clipping", "weight noise, decay"])
def test_paired_engine(name: str) -> None:
    """Coefficients and explicit weights in lockstep, both beside their velocity, readout and drift."""
    run = Case(replace(RULES[name], train_readout=True)).run("paired")
    assert 0 < run.deviation < 1e-12


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_activation_is_explicit_training(activation: Any) -> None:
    """Each with flips, and with all options at once; new patches are answered as the reference does."""
    problem = PROBLEM.replace(activation=activation)
    assert learned(check(Case(descent(0.2, ts.Flip(0.1)), problem))) > 0.1
    case = Case(MIXED, problem, 150)
    history, run = check(case), case.run()
    patches = np.random.default_rng(8).standard_normal((6, 3, 12))
    for at in (0, 80, 150):
        expected = network_of(problem).outputs(history.weights[at], history.readouts[at], patches)
        scale = [network_of(problem).size(history.weights[at], history.readouts[at], patches)] * len(patches)
        assert_close(run.predict(patches, at), expected, scale=scale)


@pytest.mark.parametrize(("loss", "reduction", "q"), list(product(naive_rules.LOSSES, ("mean", "sum"), (1, 2))))
def test_loss_is_explicit_training(loss: str, reduction: str, q: int) -> None:
    """The whole sample and batches of two, smoothing or not; a sum is n times a mean."""
    problem = PROBLEM.replace(loss=loss, reduction=reduction, q=q)
    lr = 0.1 if reduction == "mean" else 0.02
    assert learned(check(Case(descent(lr, ts.Flip(0.1)), problem))) > 0.1
    check(Case(descent(lr, label_smoothing=0.1, batch_size=2), problem))
    check(Case(descent(lr / 4, ts.Gaussian(1, 0.5), sam_radius=0.05, batch_size=3, replacement=True), problem))


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("readout", [(0.5, 0.5, -0.5, -0.5), (1.0, 0.3, -0.7, 0.0), (-0.5, -0.5, 0.5, 0.5)], ids=str)
def test_readout_is_explicit_training(readout: tuple[float, ...], trained: bool) -> None:
    """Any fixed vector, also one that swaps the branches, and training from it."""
    problem = PROBLEM.replace(readout=readout)
    assert learned(check(Case(descent(0.1, ts.Flip(0.1), train_readout=trained), problem))) > 0.1


@pytest.mark.compiled
@pytest.mark.parametrize("activation", [None, ts.LeakyReLU(), ts.Monomial(3), ts.Erf()], ids=str)
def test_error_is_that_of_fresh_samples(activation: Any) -> None:
    """Against samples of one's own through the reference's network, of a trained readout."""
    problem = PROBLEM.replace(activation=activation, label_flip=0.0)
    case = Case(descent(0.1, ts.Flip(0.1), train_readout=True), problem, 60)
    run, rng, count = case.run(), np.random.default_rng(3), 3000
    network, axis = network_of(problem), case.drawn.vectors[0]
    labels = np.where(np.arange(count) % 2, 1.0, -1.0)
    patches = np.stack([labels[:, None] * axis, problem.noise_std * rng.standard_normal((count, 12))], axis=1)
    outputs = network.outputs(run.weights_at(), run.readouts[-1], patches)
    found = run.test_error(method="monte-carlo", n_test=400_000)
    assert 0.05 < found.value < 0.5
    assert binomtest(int((labels * outputs <= 0).sum()), count, found.value).pvalue > 1e-6


# --- hard inputs -----------------------------------------------------------------------------------------------------


def of_one_class() -> Case:
    """A draw whose labels are all equal."""
    problem = PROBLEM.replace(n=3, label_flip=0.0)
    seed = next(seed for seed in range(100)
                if len(set(ts.Draw.from_problem(problem, seed, "vectors").labels)) == 1)
    return Case(MIXED, problem, seed=seed)


def patches() -> Array:
    """Five samples of three patches: repeated, opposite within a sample and between two, and a zero."""
    given = 0.5 * np.random.default_rng(3).standard_normal((5, 3, 12))
    given[1, 2], given[4, 1], given[2, 2] = -given[1, 0], -given[4, 0], -given[0, 0]
    given[3, 1], given[2, 1] = given[3, 0], 0.0
    return given


def of_patches(**network: Any) -> ts.PatchData:
    """The data of ``patches``."""
    return ts.PatchData.from_vectors(patches(), [1, -1, 1, -1, 1], observed_labels=[1, -1, -1, -1, 1], m=2,
                                     init_std=0.3, **network)


def of_gram() -> ts.PatchData:
    """The same of which only inner products are known."""
    data = of_patches()
    return ts.PatchData.from_gram(data.gram, data.atom, data.sign, data.labels, m=2, init_std=0.3)


def dead(case: Case) -> Case:
    """The case with two filters that no patch activates, ⟨w, μ⟩ = 0 and ⟨w, ξ_i⟩ < 0."""
    weights = case.drawn.weights.copy()
    for k in (0, 3):
        weights[k] = np.linalg.lstsq(case.drawn.vectors[1:], np.full(5, -0.5))[0]
        weights[k, 0] = 0.0
    return replace(case, draw=case.drawn.with_weights(weights.reshape(2, 2, -1)))


HARD: dict[str, Callable[[ts.GradientDescent], Case]] = {
    "one sample": lambda rule: Case(rule, PROBLEM.replace(n=1)),
    "one filter": lambda rule: Case(rule, PROBLEM.replace(m=1)),
    "one of both": lambda rule: Case(rule, PROBLEM.replace(n=1, m=1)),
    "one class": lambda rule: replace(of_one_class(), algorithm=rule),
    "no signal": lambda rule: Case(rule, PROBLEM.replace(signal_norm=0.0)),
    "no signal, orthogonal": lambda rule: Case(rule, PROBLEM.replace(signal_norm=0.0, orthogonal_noise=True)),
    "two dimensions": lambda rule: Case(rule, PROBLEM.replace(d=2)),
    "n > d": lambda rule: Case(rule, PROBLEM.replace(n=9, d=4)),
    "bias": lambda rule: Case(rule, PROBLEM.replace(bias=0.5)),
    "uniform weights": lambda rule: Case(rule, PROBLEM.replace(init_law="uniform")),
    "dead filters": lambda rule: dead(Case(rule, PROBLEM.replace(orthogonal_noise=True))),
    "patches": lambda rule: Case(rule, of_patches()),
    "patches, leaky": lambda rule: Case(rule, of_patches(activation=ts.LeakyReLU())),
    "patches, cubic": lambda rule: Case(rule, of_patches(activation=ts.Monomial(3))),
    "patches, signed square": lambda rule: Case(rule, of_patches(activation=ts.SignedPower(2), loss="hinge")),
    "Gram": lambda rule: Case(rule, of_gram()),
}


@pytest.mark.compiled
@pytest.mark.parametrize("algorithm", [MIXED, NORMALISED], ids=["mixed", "normalised"])
@pytest.mark.parametrize("name", HARD)
def test_hard_inputs(name: str, algorithm: ts.GradientDescent) -> None:
    """Degenerate data under nearly all options."""
    history = check(HARD[name](algorithm))
    assert name == "two dimensions" or np.abs(history.weights[-1] - history.weights[0]).max() > 0.1


def test_dead_filters_stay() -> None:
    """Uphill of a zero gradient is nowhere: no step of SAM, momentum or clipping moves them."""
    for algorithm in (descent(sam_radius=0.1, momentum=0.5), descent(batch_size=2, clip_norm=0.1)):
        coefficients = dead(Case(algorithm, PROBLEM.replace(orthogonal_noise=True))).run().coefficients
        np.testing.assert_array_equal(coefficients[:, [0, 3]], 0.0)
        assert np.abs(coefficients[-1]).max() > 0.1


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_weights_of_zero(activation: Any) -> None:
    """Training from z = 0, where a slope is a convention, and where its gradient is zero stays."""
    problem = PROBLEM.replace(init_std=0.0, activation=activation)
    slope = activation_of(problem)[1](0.0)
    for algorithm in (descent(0.1), descent(0.1, sam_radius=0.2), descent(0.05, normalised=True, train_readout=True),
                      descent(0.1, momentum=0.5, clip_norm=0.1, weight_decay=0.1)):
        history = check(Case(algorithm, problem, 60))
        moved = bool(np.abs(history.weights[-1]).max() > 1e-3)
        assert moved == (slope > 0)


def test_hinge_at_the_corner() -> None:
    """ℓ'(1) = 0: a sample with margin exactly 1 pulls at nothing, one below does."""
    data = ts.PatchData.from_vectors([[[1.0, 0.0]], [[0.0, 1.0]]], [1, 1], m=1, init_std=1.0, loss="hinge",
                                     activation=ts.Identity(), readout=(1.0, 0.0))
    draw = ts.Draw.from_problem(data).with_weights([[[1.0, 0.5]], [[0.0, 0.0]]])
    run = ts.simulate(data, descent(0.25), 4, draw=draw, record_every=1)
    np.testing.assert_array_equal(run.outputs(), [1.0, 1.0])
    np.testing.assert_array_equal(run.weights_at(4), run.weights_at(4 - 0))
    np.testing.assert_array_equal(run.coefficients[:, 0, 0], 0.0)
    np.testing.assert_array_equal(run.coefficients[:, 0, 1], [0.0, 0.125, 0.25, 0.375, 0.5])


@pytest.mark.parametrize("d", [10, 13, 1000, 10**8])
@pytest.mark.parametrize("algorithm", [replace(MIXED, weight_noise=0.0), NORMALISED], ids=["mixed", "normalised"])
def test_wishart_draws(d: int, algorithm: ts.GradientDescent) -> None:
    """In the few coordinates they span."""
    problem = PROBLEM.replace(d=d, noise_std=2 * d**-0.5, init_std=0.2)
    draw = ts.Draw.from_problem(problem, 4, "wishart")
    assert learned(check(Case(algorithm, problem, 200, 4, draw))) > 0.3


def test_gradients_whose_squares_underflow() -> None:
    """Norms of 1e-170 and below: their square is 0 in double precision, their direction is not lost."""
    algorithm = descent(0.05, normalised=True, momentum=0.5, sam_radius=0.01)
    history = check(Case(algorithm, PROBLEM.replace(label_flip=0.0, n=4), 320))
    losses = np.array([row["train_loss"] for row in history.rows])
    assert (losses > 1e-290).all() and (losses < 1e-170).sum() > 5
    moved = np.linalg.norm(np.diff(history.weights, axis=0), axis=(1, 2))
    np.testing.assert_allclose(moved[-5:], 0.1, rtol=1e-3)  # η/(1 − μ), were the direction constant


@pytest.mark.parametrize(("activation", "loss", "lr"), [
    (None, "logistic", 1e160), (None, "squared", 1e4), (ts.Monomial(3), "logistic", 1e150),
    (ts.Monomial(2), "hinge", 1e160),
    (ts.SignedPower(2.5), "squared", 1e4), (ts.LeakyReLU(), "squared", 1e200), (ts.Softplus(), "squared", 1e200),
    (ts.HuberisedReLU(), "exponential", 1e4), (ts.Identity(), "squared", 1e4), (ts.SmoothedLeakyReLU(), "squared", 1e4),
    (ts.SmoothedLeakyReLU(), "exponential", 1.5e308), (ts.Softplus(5.0), "exponential", 1.5e308),
    (ts.PowerReLU(1), "exponential", 1.5e308),
], ids=str)
def test_divergence_is_said_at_its_step(activation: Any, loss: str, lr: float) -> None:
    """The step at which weights, outputs or the loss are no longer finite, of either engine."""
    case = Case(descent(lr, ts.Flip(0.3)), PROBLEM.replace(activation=activation, loss=loss), 40)
    with np.errstate(all="ignore"):
        history = case.history()
        assert history.diverged
        for engine in ENGINES:
            run = case.run(engine)
            assert (run.status, run.stopped_at) == ("diverged", len(history.weights) - 1)
            assert np.isfinite(run.coefficients).all() and np.isfinite(run.column("train_loss")).all()


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_overflow_of_inner_products_is_said(activation: Any) -> None:
    """±∞ is divergence, also where an activation makes a finite vote of it."""
    draw = ts.Draw.from_arrays(signal=[1, 0], noise=[[1, 2]], labels=[1], weights=[[[-1, -1]], [[-1, 1]]])
    problem = ts.SignalNoise(1, 2, 1, 1.0, 1.0, 1.0, orthogonal_noise=False, activation=activation)
    large = PROBLEM.replace(signal_norm=1e5, noise_std=1e5, init_std=3e-6, activation=activation)
    with np.errstate(all="ignore"):
        one = ts.simulate(problem, descent(1e308), 3, draw=draw, on_failure="return")
        for run in (one, *(Case(descent(1e305), large, 5).run(engine) for engine in ENGINES)):
            assert (run.status, run.stopped_at) == ("diverged", 1)
            assert np.isfinite(run.inner).all() and np.isfinite(run.coefficients).all()


@pytest.mark.parametrize("name", ["plain", "batches", "Nesterov, decay", "SAM", "dropout", "weight noise", "clipping"])
def test_single_precision_is_close(name: str) -> None:
    """The same run to five digits, with a trained readout, and it is single precision indeed."""
    case = Case(replace(RULES[name], train_readout=True))
    single = case.run(precision="single")
    assert single.coefficients.dtype == single.inner.dtype == np.float32
    with pytest.raises(AssertionError, match="error"):
        assert_agrees(single, case.history())
    assert_agrees(single, case.history(), 5e-5)


# --- all at once -----------------------------------------------------------------------------------------------------


@given(cases())
def test_any_combination_is_explicit_training(case: Case) -> None:
    """Any options on any data with any network."""
    with np.errstate(all="ignore"):
        check(case)


# --- in parts --------------------------------------------------------------------------------------------------------

IN_PARTS = {**RULES, **READOUTS, "mixed": MIXED, "normalised, all": NORMALISED}


@pytest.mark.compiled
@pytest.mark.parametrize("name", IN_PARTS)
def test_in_parts(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Resumed, saved and loaded, in chunks of one step: bit for bit the straight run."""
    algorithm, keywords = IN_PARTS[name], {"seed": SEED, "record_every": 10, "draw": "vectors"}
    straight = ts.simulate(PROBLEM, algorithm, STEPS, **keywords)
    for cut in (0, 37, 256):
        part = ts.simulate(PROBLEM, algorithm, cut, **keywords)
        part.save(tmp_path / "run.npz")
        assert_same_run(ts.resume(ts.load_run(tmp_path / "run.npz"), STEPS - cut), straight)
    one_step_chunks(monkeypatch)
    assert_same_run(ts.simulate(PROBLEM, algorithm, STEPS, **keywords), straight)


@pytest.mark.parametrize("engine", ["weights", "paired"])
@pytest.mark.parametrize("name", ["mixed", "normalised, all", "weight noise, decay"])
def test_other_engines_in_parts(name: str, engine: str, tmp_path: Path) -> None:
    """The same of explicit weights, and of both at once, on a Wishart draw."""
    problem = PROBLEM.replace(d=40)
    keywords = {"seed": SEED, "record_every": 10, "engine": engine, "draw": "wishart"}
    straight = ts.simulate(problem, IN_PARTS[name], STEPS, **keywords)
    ts.simulate(problem, IN_PARTS[name], 37, **keywords).save(tmp_path / "run.npz")
    assert_same_run(ts.resume(ts.resume(ts.load_run(tmp_path / "run.npz"), 100), STEPS - 137), straight)


def test_sweep_is_the_runs() -> None:
    """In one thread or two: every row is that of its run."""
    algorithms = {name: replace(IN_PARTS[name], lr=0.2) for name in ("mixed", "SAM", "replacement", "weight noise")}
    problem = PROBLEM.replace(d=40, activation=ts.LeakyReLU(), loss="hinge")
    keywords = {"grid": {"n": [4, 6]}, "algorithms": algorithms, "steps": 30, "seeds": 2, "measure": "train_loss"}
    one, two = (ts.sweep(problem, workers=workers, executor="threads", **keywords) for workers in (1, 2))
    assert len(one) == 16 and one["train_loss"].tolist() == two["train_loss"].tolist()
    for row in one.itertuples():
        run = ts.simulate(problem.replace(n=row.n), algorithms[row.algorithm], 30, row.draw_seed)
        assert run.column("train_loss")[-1] == row.train_loss


# --- in phases -------------------------------------------------------------------------------------------------------

PHASES = {
    "warm start": (RULES["plain"], RULES["momentum"]),
    "momentum again": (RULES["momentum"], RULES["Nesterov, decay"]),
    "schedules begin anew": (RULES["warm-up"], descent(ts.Cosine(LR, 100), ts.Flip(ts.Warmup(0.4, 80)))),
    "noise ends": (MIXED, replace(RULES["decay"], batch_size=3)),
    "noise ends, momentum": (RULES["weight noise, decay"], RULES["Nesterov"]),
    "other noise": (RULES["weight noise, decay"], replace(MIXED, label_noise=ts.Until(30, ts.Flip(0.5)))),
    "readout joins": (RULES["SAM"], replace(RULES["dampening, decay"], train_readout=True)),
    "readout stays": (READOUTS["momentum, readout"], RULES["clipping"]),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", PHASES)
def test_phases_are_explicit_training(name: str, engine: str, tmp_path: Path) -> None:
    """Weights and readout stay, velocity and schedules begin anew; multipliers over all of it are those taken."""
    first, then = PHASES[name]
    cut, end = 101, 280
    case = Case(first, steps=cut)
    before = case.history()
    run = case.run(engine)
    run.save(tmp_path / "run.npz")
    whole = ts.resume(ts.load_run(tmp_path / "run.npz"), end - cut, algorithm=then)
    taken = taken_from(proceed(run, end, algorithm=then).source, PROBLEM, then, cut, end, case.drawn)
    after = naive_rules.train(network_of(PROBLEM), rule_of(then), taken, samples_of(case.drawn),
                              case.drawn.observed_labels, before.weights[-1], before.readouts[-1])
    both = naive_rules.History(*(getattr(before, part)[:-1] + getattr(after, part)
                                 for part in ("weights", "readouts", "outputs", "sizes", "rows")))
    assert_agrees(whole, both)
    multipliers = np.concatenate([read(PROBLEM, first, cut, SEED, draw=case.drawn).label_noise, taken.eps])
    np.testing.assert_array_equal(whole.label_multipliers(), multipliers)
    np.testing.assert_array_equal(whole.label_multipliers(150), multipliers[:150])
    # cut again within the second phase
    assert_same_run(ts.resume(ts.resume(run, 60, algorithm=then), end - cut - 60), whole)


def test_momentum_and_decay_of_noisy_weights_are_refused() -> None:
    """At once, also when the noise was that of an earlier phase: what it added would have a velocity of its own."""
    run = Case(RULES["weight noise"], steps=5).run()
    with pytest.raises(ValueError, match="algorithm=.*momentum and weight_decay"):
        ts.resume(run, 5, algorithm=RULES["momentum, decay"])
    with pytest.raises(ValueError, match="algorithm=.*from the first step on"):
        ts.resume(Case(RULES["plain"], steps=5).run(), 5, algorithm=RULES["weight noise"])


def test_an_equal_algorithm_is_no_phase() -> None:
    """Resumed with what it has, a run goes on as if nothing had been given: schedules and velocity, too."""
    case = Case(descent(ts.Warmup(LR, 100), momentum=0.8), steps=50)
    straight = replace(case, steps=100).run()
    assert_same_run(ts.resume(case.run(), 50, record_every=1, algorithm=replace(case.algorithm)), straight)
    assert straight.phases == ()


def test_epochs_of_a_phase_begin_with_it() -> None:
    """Wherever it begins every sample comes once in an epoch, in other permutations than those of before."""
    problem, first, then = PROBLEM.replace(n=7), descent(batch_size=7), descent(batch_size=2)
    run = ts.simulate(problem, first, 25, SEED)
    visits = rows_of(proceed(run, 65, algorithm=then).source, 25, 65).share.reshape(10, 4, 7) > 0
    assert (visits.sum(axis=1) == 1).all()
    alone = read(problem, then, 100, SEED).share.reshape(25, 4, 7) > 0
    assert not any((visits == epoch).all(axis=(1, 2)).any() for epoch in alone)
    assert_same_run(ts.resume(ts.resume(run, 13, algorithm=then), 27), ts.resume(run, 40, algorithm=then))


# --- schedules -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("schedule", "formula"), [
    (0.3, lambda t: 0.3),
    (ts.Constant(0.3), lambda t: 0.3),
    (ts.Warmup(0.4, 50, 0.1), lambda t: 0.1 + 0.3 * min(t / 50, 1)),
    (ts.Warmup(0.4, 1), lambda t: 0.4 * min(t, 1)),
    (ts.Cosine(0.4, 200, 0.1), lambda t: 0.1 + 0.3 * (1 + np.cos(np.pi * min(t, 200) / 200)) / 2),
    (ts.Exponential(0.4, 0.97), lambda t: 0.4 * 0.97**t),
    (ts.Steps((0.4, 0.1, 0.2), (50, 260)), lambda t: 0.4 if t < 50 else 0.1 if t < 260 else 0.2),
    (ts.Values(tuple(0.001 * k for k in range(1, 301))), lambda t: 0.001 * (t + 1)),
    ([0.001 * k for k in range(1, 301)], lambda t: 0.001 * (t + 1)),
    (ts.Until(70, 0.2, ts.Warmup(0.4, 50)), lambda t: 0.2 if t < 70 else 0.4 * min((t - 70) / 50, 1)),
    (ts.Until(256, ts.Cosine(0.4, 100), ts.Exponential(0.3, 0.9)),
     lambda t: 0.2 * (1 + np.cos(np.pi * min(t, 100) / 100)) if t < 256 else 0.3 * 0.9**(t - 256)),
    (ts.Until(10, 0.1, ts.Until(20, 0.2, 0.3)), lambda t: 0.1 if t < 10 else 0.2 if t < 30 else 0.3),
], ids=lambda one: "formula" if callable(one) else str(one))
def test_values_of_schedules(schedule: Any, formula: Callable[[int], float]) -> None:
    """Learning rates as the formula says, and flips as often as it says of the same schedule."""
    expected = [formula(t) for t in range(300)]
    found = read(PROBLEM, descent(schedule), 300, 0)
    np.testing.assert_allclose(found.lr, expected, rtol=1e-13, atol=1e-16)
    problem = PROBLEM.replace(n=400)
    flips = (read(problem, descent(label_noise=ts.Flip(schedule)), 300, 1).label_noise < 0).sum(axis=1)
    expected = np.clip(expected, 0.0, 1.0)
    assert (flips[expected == 0] == 0).all()
    sizes = np.sqrt(400 * expected * (1 - expected)) + 1e-9
    score = ((flips - 400 * expected) / sizes)[expected * 400 > 4]
    assert abs(score.mean()) * np.sqrt(score.size) < 5 and np.abs(score).max() < 6  # each below 1e-6


def test_flips_of_a_schedule_share_their_numbers() -> None:
    """A label flipped at a rate is flipped at any higher one: rates are compared draw by draw."""
    low, high = (read(PROBLEM, descent(label_noise=ts.Flip(p)), 300, 3).label_noise
                 for p in (0.2, ts.Steps((0.3, 0.4), (100,))))
    assert ((low > 0) | (high < 0)).all() and (low != high).any()


@pytest.mark.parametrize("given", [
    lambda values: {"lr": values}, lambda values: {"lr": ts.Values(tuple(values))},
    lambda values: {"lr": 0.1, "label_noise": ts.Flip(values)}, lambda values: {"lr": ts.Until(7, 0.1, values[7:])},
    lambda values: {"lr": 0.1, "label_noise": ts.Until(7, None, ts.Flip(values[7:]))},
    lambda values: {"lr": 0.1, "label_noise": ts.Until(30, ts.Flip(values), None)},
])
def test_arrays_too_short_are_refused(given: Callable[[list[float]], dict[str, Any]]) -> None:
    """As many values as steps are enough, also when resumed; one fewer is not."""
    algorithm = ts.GradientDescent(**given([0.1] * 20))
    run = ts.simulate(PROBLEM, algorithm, 20)
    assert run.steps == 20
    with pytest.raises(ValueError, match="20"):
        ts.simulate(PROBLEM, algorithm, 21)
    with pytest.raises(ValueError, match="20"):
        ts.resume(run, 1)
    assert ts.resume(ts.simulate(PROBLEM, RULES["plain"], 15), 20, algorithm=algorithm).steps == 35
    with pytest.raises(ValueError, match="20"):
        ts.resume(ts.simulate(PROBLEM, RULES["plain"], 15), 21, algorithm=algorithm)


# --- what is drawn ---------------------------------------------------------------------------------------------------


def shares(n: int, steps: int, seed: int = 0, **options: Any) -> Array:
    """Shares of the samples at every step, as multiples of the loss of one."""
    problem = PROBLEM.replace(n=n)
    return read(problem, descent(**options), steps, seed).share


@pytest.mark.parametrize(("n", "size"), [(7, 3), (6, 3), (7, 1), (5, 5), (300, 7), (3, 2)])
def test_batches_are_permutations(n: int, size: int) -> None:
    """Every sample once in an epoch, in batches that all but the last are full, with n/B of the loss."""
    epoch = -(-n // size)
    steps = 40 * epoch
    found, sizes = shares(n, steps, batch_size=size), np.array(batch_sizes(n, size, False, steps))
    np.testing.assert_array_equal((found > 0).sum(axis=1), sizes)
    np.testing.assert_allclose(found[found > 0], (n / sizes[:, None] * (found > 0))[found > 0], rtol=1e-15)
    visits = (found > 0).reshape(40, epoch, n)
    assert (visits.sum(axis=1) == 1).all()
    if size < n:
        assert (visits != visits[:1]).any(axis=(1, 2)).any()  # fresh ones
        assert (shares(n, steps, 1, batch_size=size) != found).any()
    # an epoch depends on the seed and its own number alone
    np.testing.assert_array_equal(shares(n, steps // 2, batch_size=size, momentum=0.5, dropout=0.3), found[:steps // 2])


def test_every_permutation_is_as_likely() -> None:
    """The sample that is alone in the last batch of three, and the pair in the first of them."""
    visits = (shares(3, 4000, batch_size=1) > 0).argmax(axis=1)[:3996].reshape(-1, 3)
    codes = np.bincount(visits @ [9, 3, 1], minlength=27)
    assert (codes > 0).sum() == 6
    assert chisquare(codes[codes > 0]).pvalue > 1e-6


def test_batches_with_replacement() -> None:
    """Counts are multinomial: as often twice as chance has it, and each sample as often as any other."""
    count = np.rint(shares(4, 5000, batch_size=3, replacement=True) * 3 / 4).astype(int)
    assert (count.sum(axis=1) == 3).all()
    assert chisquare(count.sum(axis=0)).pvalue > 1e-6
    kinds = np.bincount(count.max(axis=1), minlength=4)[1:]  # all different, one twice, one thrice
    assert chisquare(kinds, 5000 * np.array([24, 36, 4]) / 64).pvalue > 1e-6


def test_a_batch_larger_than_the_sample() -> None:
    """Without replacement it is the sample; with replacement it is that large."""
    for case in (Case(descent(), steps=50), Case(descent(), PROBLEM.replace(reduction="sum"), 50)):
        full, large = case.run(), replace(case, algorithm=descent(batch_size=9)).run()
        assert_close(large.coefficients, full.coefficients, 1e-13)
        check(replace(case, algorithm=descent(0.02, batch_size=8, replacement=True)))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_masks_are_of_the_rate(rate: float) -> None:
    """0, or 1/(1 − r); independent between filters and steps."""
    mask = read(PROBLEM.replace(m=5), descent(dropout=rate), 3000, 2).mask
    assert set(np.unique(mask)) == {0.0, 1 / (1 - rate)}
    out = mask == 0
    assert binomtest(int(out.sum()), out.size, rate).pvalue > 1e-6
    for one, other in ((out[:, 0], out[:, 7]), (out[1:, 2], out[:-1, 2])):
        assert binomtest(int((one & other).sum()), one.size, rate**2).pvalue > 1e-6
    assert (read(PROBLEM.replace(m=5), descent(dropout=rate), 300, 3).mask != mask[:300]).any()


def test_options_do_not_change_each_others_numbers() -> None:
    """Labels, batches, masks and weight noise of a seed are the same whatever else is set."""
    alone = {"label_noise": {"label_noise": ts.Flip(0.2)}, "share": {"batch_size": 2}, "mask": {"dropout": 0.3},
             "shake": {"weight_noise": 0.1}}
    together = read(PROBLEM, descent(**{key: value for one in alone.values() for key, value in one.items()}), 300, 1)
    for name, options in alone.items():
        np.testing.assert_array_equal(getattr(read(PROBLEM, descent(**options), 300, 1), name),
                                      getattr(together, name))


@pytest.mark.parametrize("q", [1, 2])
@pytest.mark.parametrize("loss", list(naive_rules.LOSSES))
def test_smoothing_is_the_mean_of_flips(loss: str, q: int) -> None:
    """A step with a is the mean over all flip patterns with p = a/2 of a step under them."""
    problem, a = PROBLEM.replace(n=4, loss=loss, q=q), 0.3
    draw = ts.Draw.from_problem(problem, 2, "vectors")
    mean = np.zeros_like(draw.inner)
    for pattern in product((1.0, -1.0), repeat=4):
        chance = np.prod([1 - a / 2 if one > 0 else a / 2 for one in pattern])
        mean += chance * ts.simulate(problem, descent(), 1, draw=draw, label_noise=[pattern]).coefficients[-1]
    smooth = ts.simulate(problem, descent(label_smoothing=a), 1, draw=draw).coefficients[-1]
    np.testing.assert_allclose(smooth, mean, rtol=0, atol=1e-14 * np.abs(mean).max())
    assert np.abs(smooth - ts.simulate(problem, descent(), 1, draw=draw).coefficients[-1]).max() > 1e-3


def test_reference_is_the_gradient_of_the_loss() -> None:
    """The reference itself: weights and readout against numerical derivatives, for every activation and loss."""
    rng = np.random.default_rng(2)
    samples, target = rng.standard_normal((3, 2, 4)), np.array([1.0, -1.0, 1.0])
    weights, readout, eps = 0.7 * rng.standard_normal((4, 4)), rng.standard_normal(4), rng.normal(1, 0.5, 3)
    count, mask, smoothing = np.array([1.0, 2.0, 0.0]), np.array([0.0, 1.5, 1.5, 1.5]), 0.3
    for activation, loss, mean in product(ACTIVATIONS, naive_rules.LOSSES, (True, False)):
        network = naive_rules.Network(activation_of(PROBLEM.replace(activation=activation)), loss, mean)

        def value(point: Array, network: naive_rules.Network = network) -> float:
            w, a = point[:16].reshape(4, 4), point[16:]
            total = 0.0
            for i in range(3):
                z = float(eps[i] * target[i]) * network.output(w, a, samples[i], mask)
                losses = naive_rules.LOSSES[network.loss]
                total += count[i] * ((1 - smoothing / 2) * losses(z)[0] + smoothing / 2 * losses(-z)[0])
            return total / 3 if network.mean else total

        point, h = np.concatenate([weights.ravel(), readout]), 1e-6
        numeric = [(value(point + h * axis) - value(point - h * axis)) / (2 * h) for axis in np.eye(20)]
        g, by_readout = naive_rules.gradient(network, samples, target, weights, readout, eps, count, mask, smoothing)
        exact = np.concatenate([g.ravel(), by_readout])
        np.testing.assert_allclose(exact, numeric, rtol=0, atol=1e-6 * max(1.0, np.abs(exact).max()))
        assert np.abs(exact).max() > 1e-2


def test_readout_of_a_problem() -> None:
    """1/m for the first half, −1/m for the other, or what is given; at every record when it is not trained."""
    for problem in (PROBLEM, PROBLEM.replace(readout=(1.0, 0.0, 2.0, -3.0))):
        run = ts.simulate(problem, descent(), 10, record_every=5)
        np.testing.assert_array_equal(run.readouts, np.tile(readout_of(problem), (3, 1)))
