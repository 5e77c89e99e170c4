"""Settings of the training rules, and their training by tests/naive_rules.py with what the package drew at random."""

from dataclasses import dataclass, fields
from typing import Any

import naive_rules
import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from naive_rules import History, Rule, Taken
from numpy.typing import ArrayLike, NDArray

import theorysim as ts
from theorysim.patch.stepper import start

Array = NDArray[np.float64]
TOLERANCE = 1e-10  # relative, of every comparison with the reference
SEED = 5

PROBLEM = ts.SignalNoise(n=5, d=12, m=2, signal_norm=1.2, noise_std=0.5, init_std=0.3, label_flip=0.3,
                         orthogonal_noise=False)


def activation_of(problem: Any) -> naive_rules.Activation:
    """The reference's σ and σ' of a problem."""
    chosen = problem.activation
    match chosen:
        case None:
            return naive_rules.power_relu(problem.q)
        case ts.PowerReLU():
            return naive_rules.power_relu(chosen.q)
        case ts.SignedPower():
            return naive_rules.signed_power(chosen.q)
        case ts.Monomial():
            return naive_rules.monomial(chosen.q)
        case ts.LeakyReLU():
            return naive_rules.leaky_relu(chosen.slope)
        case ts.HuberisedReLU():
            return naive_rules.huberised_relu(chosen.q, chosen.h)
        case ts.SmoothedLeakyReLU():
            return naive_rules.smoothed_leaky_relu(chosen.slope, chosen.h)
        case ts.Identity():
            return naive_rules.identity()
        case ts.Erf():
            return naive_rules.erf()
        case ts.Softplus():
            return naive_rules.softplus(chosen.beta)
    raise AssertionError(chosen)


def network_of(problem: Any) -> naive_rules.Network:
    """The reference's network."""
    return naive_rules.Network(activation_of(problem), problem.loss, problem.reduction == "mean")


def rule_of(algorithm: ts.GradientDescent) -> Rule:
    """The reference's rule: fields of the same names."""
    return Rule(**{one.name: getattr(algorithm, one.name) for one in fields(Rule)})


def batch_sizes(n: int, size: int | None, replacement: bool, steps: int) -> list[int]:
    """How many samples there are in the batch of every step: the last of an epoch has what is left."""
    if size is None or replacement:
        return [size or n] * steps
    per_epoch = -(-n // size)
    return [min(size, n - t % per_epoch * size) for t in range(steps)]


def rows_of(source: Any, first: int, end: int) -> Any:
    """What a source gives for steps first..end−1, block by block."""
    parts = []
    while first < end:
        stop = min(source.end_of_block(first), end)
        parts.append(source.rows(first, stop))
        first = stop
    return type(parts[0])(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def read(problem: Any, algorithm: ts.GradientDescent, steps: int, seed: int, **options: Any) -> Any:
    """What the package takes at the steps of a run."""
    return rows_of(start(problem, algorithm, steps, seed, **options).source, 0, steps)


def taken_from(
    source: Any, problem: Any, algorithm: ts.GradientDescent, first: int, end: int, draw: ts.Draw
) -> Taken:
    """The same of steps first..end−1, an algorithm's own from the first on, for the reference.

    It gets counts of samples instead of shares, and ones and zeros where nothing is taken.
    """
    found = rows_of(source, first, end)
    rows, (filters, d) = end - first, draw.weights.shape
    sizes = np.array(batch_sizes(draw.n, algorithm.batch_size, algorithm.replacement, rows))[:, None]
    per_sample = sizes / draw.n if problem.reduction == "mean" else np.ones((rows, 1))
    count = np.rint(found.share * per_sample) if found.share.size else np.ones((rows, draw.n))
    if found.share.size:
        np.testing.assert_allclose(count, found.share * per_sample, rtol=0, atol=1e-12)
    assert (count.sum(axis=1) == sizes[:, 0]).all()
    mask = found.mask if found.mask.size else np.ones((rows, filters))
    shake = found.shake if found.shake.size else np.zeros((rows, filters, d))
    return Taken(found.lr, found.label_noise, count, mask, shake)


def readout_of(problem: Any) -> Array:
    """The second layer at the start."""
    if problem.readout is not None:
        return np.array(problem.readout, dtype=float)
    return np.repeat([1 / problem.m, -1 / problem.m], problem.m)


def samples_of(draw: ts.Draw) -> Array:
    """All patches, (n, P, d)."""
    return draw.sign[..., None] * draw.vectors[draw.atom]


@dataclass(frozen=True)
class Case:
    """A problem, an algorithm and a number of steps."""

    algorithm: ts.GradientDescent
    problem: Any = PROBLEM
    steps: int = 300
    seed: int = SEED
    draw: ts.Draw | None = None

    @property
    def drawn(self) -> ts.Draw:
        """The draw given, or that of the seed."""
        return self.draw or ts.Draw.from_problem(self.problem, self.seed, "vectors")

    def history(self) -> History:
        """The reference's training."""
        draw = self.drawn
        source = start(self.problem, self.algorithm, self.steps, self.seed, draw=draw).source
        return naive_rules.train(
            network_of(self.problem), rule_of(self.algorithm),
            taken_from(source, self.problem, self.algorithm, 0, self.steps, draw), samples_of(draw),
            draw.observed_labels, draw.weights, readout_of(self.problem))

    def run(self, engine: str = "coefficients", **options: Any) -> Any:
        """The package's training, every step recorded unless told otherwise."""
        records = {} if "record_at" in options else {"record_every": 1}
        return ts.simulate(self.problem, self.algorithm, self.steps, self.seed, engine=engine, draw=self.drawn,
                           on_failure="return", **records, **options)


def assert_close(found: ArrayLike, expected: ArrayLike, tolerance: float = TOLERANCE,
                 scale: ArrayLike | None = None) -> None:
    """At every step (the first axis) equal to the tolerance, relative to the largest magnitude there or to a scale."""
    found, expected = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
    assert found.shape == expected.shape
    assert np.isfinite(found).all() and np.isfinite(expected).all()
    axes = tuple(range(1, expected.ndim))
    error = np.abs(found - expected).max(axis=axes, initial=0.0)
    size = np.abs(expected).max(axis=axes, initial=0.0) if scale is None else np.asarray(scale)
    worst = int(np.argmax(error - tolerance * size))
    assert (error <= tolerance * size).all(), f"at {worst}: error {error[worst]:.3g} of {size[worst]:.3g}"


def assert_agrees(run: Any, history: History, tolerance: float = TOLERANCE) -> None:
    """Weights, readout, outputs, observables and coefficients at every step, and the step at which all is lost.

    On the way there only as long as outputs are below 100: an exponential loss multiplies the rounding of larger ones.
    """
    count = len(history.weights)
    assert (run.status == "diverged") == history.diverged
    assert (run.stopped_at if history.diverged else run.steps) == count - 1
    if history.diverged:
        count = int(np.argmax(~(np.array(history.sizes) < 100)))
    steps, weights = range(count), np.array(history.weights[:count])
    assert_close([run.weights_at(t) for t in steps], weights, tolerance)
    assert_close(run.readouts[:count], history.readouts[:count], tolerance)
    # w(t) = α w(0) + Σ_a b_a v_a + drift, from the attributes alone
    drifts = 0.0 if run.drifts is None else run.drifts[:count]
    rebuilt = run.scales[:count, None, None] * run.draw.weights + run.coefficients[:count] @ run.draw.vectors + drifts
    assert_close(rebuilt, weights, tolerance)
    if not history.diverged:
        assert_close(run.inner, weights[-1] @ run.draw.vectors.T, tolerance,
                     np.linalg.norm(weights[-1], axis=1) * np.linalg.norm(run.draw.vectors, axis=1).max())
    if run.weights is not None and not history.diverged:
        assert_close(run.weights, weights[-1], tolerance)
    size = np.array(history.sizes[:count])
    assert_close([run.outputs(t) for t in steps], np.array(history.outputs)[:count], tolerance, size)
    assert_rows(run, history, size, tolerance)


def assert_rows(run: Any, history: History, size: Array, tolerance: float) -> None:
    """Observables: an output's rounding is relative to its votes, a loss's to its output's."""
    count = len(size)
    found = {name: run.column(name)[:count] for name in history.rows[0]}
    expected = {name: np.array([one[name] for one in history.rows[:count]]) for name in history.rows[0]}
    slope = np.maximum(*(np.abs(expected[f"loss_derivative_{end}"]) for end in ("min", "max")))
    bend = 1.0 if run.problem.loss in ("hinge", "squared") else slope
    for name in ("output_min", "output_max"):
        assert_close(found[name], expected[name], tolerance, size)
    assert_close(found["train_loss"], expected["train_loss"], tolerance,
                 expected["train_loss"] + slope * size + tolerance * size**2)
    for name in ("loss_derivative_min", "loss_derivative_max"):
        assert_close(found[name], expected[name], tolerance, slope + bend * size)
    margins = np.array(history.outputs)[:count] * run.draw.observed_labels
    at_most, at_least = ((margins > one * tolerance * size[:, None]).mean(axis=1) for one in (-1, 1))
    assert (found["train_accuracy"] <= at_most + 1e-12).all() and (found["train_accuracy"] >= at_least - 1e-12).all()


# --- random combinations ---------------------------------------------------------------------------------------------

ACTIVATIONS = (
    ts.PowerReLU(1), ts.PowerReLU(2), ts.PowerReLU(2.5), ts.PowerReLU(3), ts.SignedPower(1), ts.SignedPower(2),
    ts.SignedPower(2.5), ts.Monomial(1), ts.Monomial(2), ts.Monomial(3), ts.LeakyReLU(), ts.LeakyReLU(0.0),
    ts.HuberisedReLU(2, 0.5), ts.HuberisedReLU(3, 0.2), ts.HuberisedReLU(1, 0.5), ts.SmoothedLeakyReLU(0.1, 0.3),
    ts.SmoothedLeakyReLU(0.2, 1.0), ts.Identity(), ts.Erf(), ts.Softplus(), ts.Softplus(5.0),
)


def _problems() -> SearchStrategy[Any]:
    """Signal-noise problems and patch data with recurring and opposite patches, of every kind of network."""
    return st.builds(_problem, st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 3), st.integers(2, 16),
                     st.sampled_from([None, *ACTIVATIONS]), st.sampled_from(list(naive_rules.LOSSES)),
                     st.sampled_from(["mean", "sum"]), st.booleans(), st.sampled_from([0.0, 1.2]),
                     st.sampled_from(["signal", "signal", "bias", "patches", "gram"]))


def _problem(seed: int, n: int, m: int, d: int, activation: Any, loss: str, reduction: str, default: bool,
             signal: float, kind: str) -> Any:
    rng = np.random.default_rng(seed)
    network = {"activation": activation, "loss": loss, "reduction": reduction,
               "readout": None if default else tuple(rng.normal(0, 1 / m, 2 * m).tolist())}
    if kind in ("signal", "bias"):
        return ts.SignalNoise(
            n=n, d=d, m=m, signal_norm=signal, noise_std=d**-0.5, init_std=rng.choice([0.3, 0.1]), label_flip=0.3,
            orthogonal_noise=bool(rng.random() < 0.5), bias=0.4 if kind == "bias" else 0.0, **network)
    patches = rng.normal(0, d**-0.5, (n, int(rng.integers(1, 4)), d))
    for i, p in np.ndindex(patches.shape[:2]):
        if rng.random() < 0.4:  # ± one that is there already
            patches[i, p] = rng.choice([-1, 1]) * patches[rng.integers(n), rng.integers(patches.shape[1])]
    labels, observed = (np.where(rng.random(n) < 0.5, -1.0, 1.0) for _ in range(2))
    data = ts.PatchData.from_vectors(patches, labels, observed_labels=observed, m=m, init_std=0.3, **network)
    if kind == "patches":
        return data
    return ts.PatchData.from_gram(data.gram, data.atom, data.sign, labels, observed_labels=observed, m=m, init_std=0.3,
                                  **network)


def _sometimes(strategy: SearchStrategy[Any], else_: Any) -> SearchStrategy[Any]:
    return st.just(else_) | strategy


@st.composite
def cases(draw: Any, steps: int = 40) -> Case:
    """A setting with any options at once, at learning rates below those at which rounding is multiplied for long."""
    problem = draw(_problems())
    momentum = draw(_sometimes(st.sampled_from([0.5, 0.9]), 0.0))
    nesterov = bool(momentum) and draw(st.booleans())
    normalised = draw(st.sampled_from([False, False, True]))
    decay = draw(_sometimes(st.sampled_from([0.01, 0.1]), 0.0))
    batch = draw(_sometimes(st.integers(1, problem.n), None))
    lr = draw(st.sampled_from([0.3, 0.1, 0.02])) * (1 - momentum) / (problem.n if problem.reduction == "sum" else 1)
    schedules = (lr, ts.Warmup(lr, 15, lr / 10), ts.Cosine(lr, 30), ts.Exponential(lr, 0.95),
                 ts.Steps((lr, lr / 2, lr / 4), (10, 31)), np.linspace(lr, 0, steps),
                 ts.Until(13, lr, ts.Cosine(lr, 20)))
    laws = (None, ts.Flip(0.2), ts.Flip(ts.Warmup(0.4, 20)), ts.Gaussian(1, 0.5), ts.Uniform(-0.5, 1.5),
            ts.Until(17, ts.Flip(0.3), ts.Gaussian(0.5, 0.5)))
    algorithm = ts.GradientDescent(
        draw(st.sampled_from(schedules)), draw(st.sampled_from(laws)), batch_size=batch,
        replacement=batch is not None and draw(st.booleans()), momentum=momentum,
        dampening=0.0 if nesterov or not momentum else draw(st.sampled_from([0.0, 0.4])), nesterov=nesterov,
        weight_decay=decay, label_smoothing=draw(_sometimes(st.sampled_from([0.2, 0.7]), 0.0)), normalised=normalised,
        clip_norm=None if normalised else draw(_sometimes(st.sampled_from([0.02, 0.3]), None)),
        sam_radius=draw(_sometimes(st.sampled_from([0.05, 0.3]), 0.0)),
        dropout=draw(_sometimes(st.sampled_from([0.2, 0.5]), 0.0)),
        weight_noise=0.0 if momentum and decay else draw(_sometimes(st.just(0.02), 0.0)),
        train_readout=draw(st.booleans()))
    return Case(algorithm, problem, steps, draw(st.integers(0, 1000)))
