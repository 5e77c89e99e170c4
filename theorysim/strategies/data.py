"""Strategies of data: arrays, draws on which the good events hold, and everything that a run is given."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray

from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.draw import Draw
from theorysim.patch.problem import SignalNoise
from theorysim.patch.run import PatchRun
from theorysim.systems import simulate
from theorysim.core.strategies import scales
from theorysim.patch.model_strategies import powers
from theorysim.patch.strategies import (
    PLAIN,
    comparable_steps,
    label_noises,
    largest_stable_lr,
    lively_problems,
    stable_algorithms,
)
from theorysim.theory import concentration
from theorysim.theory.signal_noise import SignalNoiseEvidence
from theorysim.theory.statement import Constants

Array = NDArray[np.float64]


def signs(size: int) -> SearchStrategy[Array]:
    """Arrays of ±1; equal ones, such as a single class, are not rare."""
    chosen = st.lists(st.sampled_from([1.0, -1.0]), min_size=size, max_size=size).map(np.array)
    return st.just(np.ones(size)) | st.just(-np.ones(size)) | chosen


@st.composite
def arrays(draw: st.DrawFn, problem: SignalNoise) -> dict[str, Array]:
    """One realisation of a problem, as the keyword arguments of :meth:`Draw.from_arrays`.

    The signal points in any direction, not along an axis. Labels and flips are chosen one by one, so that one
    class or all flipped happen too. Entries of vectors are Gaussian from a chosen seed: numbers chosen one by
    one are often 0 or equal, and then a filter is exactly perpendicular to a patch, where the slope of ReLU
    jumps and rounding decides. For such ties on purpose, in exact arithmetic, there is :func:`tied_arrays`.
    Weights are Gaussian and without bias, whatever the problem says.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    direction = rng.standard_normal(problem.d)
    direction /= np.linalg.norm(direction)
    noise = problem.noise_std * rng.standard_normal((problem.n, problem.d))
    if problem.orthogonal_noise:
        for _ in range(2):  # twice is enough to be orthogonal to the last digit
            noise -= np.outer(noise @ direction, direction)
    labels = draw(signs(problem.n))
    return {
        "noise": noise,
        "weights": problem.init_std * rng.standard_normal((2, problem.m, problem.d)),
        "labels": labels,
        "observed_labels": labels * draw(signs(problem.n)),
        "signal": problem.signal_norm * direction,
    }


@st.composite
def tied_arrays(draw: st.DrawFn) -> dict[str, Array]:
    """A realisation with small whole numbers for entries, as the keyword arguments of :meth:`Draw.from_arrays`.

    Its inner products are exact, and often 0 or equal; vectors may vanish, coincide or be linearly dependent.
    """
    n, m, d = draw(st.integers(1, 6)), draw(st.integers(1, 3)), draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    noise, weights, signal = (
        rng.integers(-2, 3, shape).astype(np.float64) for shape in ((n, d), (2, m, d), (d,))
    )
    labels = draw(signs(n))
    return {
        "noise": noise,
        "weights": weights / 4.0,
        "labels": labels,
        "observed_labels": labels * draw(signs(n)),
        "signal": signal,
    }


def good_draws(problem: SignalNoise, delta: float = 0.05) -> SearchStrategy[Draw]:
    """Draws of a problem on which all good events of :mod:`theorysim.theory.concentration` hold as measured.

    A lemma about the trajectory claims to be deterministic there, so not only typical draws are tried. Noise
    vectors may all have the least or the largest length that the events allow, filters the least or the largest
    start along noise or signal. Where hardly any draw is good (δ small, one filter), Hypothesis says so.
    """
    return _good_draws(problem, Constants(delta=delta))


EDGES = ("drawn", "low", "high")  # as drawn, or moved to an end of the good events
INSIDE = 1e-12  # how far inside of the end, beyond rounding


@dataclass(frozen=True)
class Edges:
    """A recipe for draws: as drawn from a seed, but with some lengths at an end that the good events allow.

    Attributes
    ----------
    noise, along_noise, along_signal : {"drawn", "low", "high"}
        The lengths of all noise vectors; the starts of filters along noise, and along the signal.
    delta : float
        δ of the events.
    """

    noise: str = "drawn"
    along_noise: str = "drawn"
    along_signal: str = "drawn"
    delta: float = 0.05

    def __call__(self, problem: SignalNoise, seed: int) -> Draw:
        """The draw of a seed; whether it is a good one remains to be seen."""
        constants = Constants(delta=self.delta)
        drawn = _with_noise_length(Draw.from_problem(problem, seed), problem, self.noise)
        drawn = _with_start_along_noise(drawn, problem, constants, self.along_noise)
        return _with_start_along_signal(drawn, problem, constants, self.along_signal)


@st.composite
def _good_draws(draw: st.DrawFn, problem: SignalNoise, constants: Constants) -> Draw:
    first = draw(st.integers(0, 2**32 - 1))
    noise, along_noise, along_signal = (draw(st.sampled_from(EDGES)) for _ in range(3))
    recipe = Edges(noise, along_noise, along_signal, constants.delta)
    for seed in range(first, first + 10):  # most draws of few filters are not good
        drawn = recipe(problem, seed)
        if all(one.holds for one in concentration.good_events(evidence_of(problem, drawn, constants))):
            return drawn
    reject()


def evidence_of(problem: SignalNoise, draw: Draw, constants: Constants) -> SignalNoiseEvidence:
    """A draw as a run of no steps, to evaluate statements about initialisation."""
    return SignalNoiseEvidence(simulate(problem, GradientDescent(1.0), 0, draw=draw), constants)


def _with_noise_length(draw: Draw, problem: SignalNoise, edge: str) -> Draw:
    """All noise vectors at an end of σ_p² d/2 ≤ ‖ξ_i‖² ≤ 3σ_p² d/2."""
    if edge == "drawn":
        return draw
    share = 0.5 * (1 + INSIDE) if edge == "low" else 1.5 * (1 - INSIDE)
    wanted = np.sqrt(share * problem.d) * problem.noise_std
    vectors = draw.vectors.copy()
    vectors[1:] *= wanted / np.linalg.norm(vectors[1:], axis=1, keepdims=True)
    return dataclasses.replace(draw, vectors=vectors, gram=vectors @ vectors.T)


def _with_start_along_noise(draw: Draw, problem: SignalNoise, constants: Constants, edge: str) -> Draw:
    """Filters scaled: each to the largest start along noise that is allowed, or all to the least weakest start."""
    evidence = evidence_of(problem, draw, constants)
    if edge == "drawn":
        return draw
    if edge == "low":
        unit, weakest = concentration.initial_noise_unit(evidence), concentration.weakest_noise_start(evidence)
        factor = np.full(2 * draw.m, 0.25 * (1 + INSIDE) * unit / weakest if weakest > 0 else 1.0)
    else:
        largest = np.abs(evidence.initial_noise).max(axis=2).ravel()
        bound = (1 - INSIDE) * concentration.initial_noise_bound(evidence)
        factor = np.divide(bound, largest, out=np.ones_like(largest), where=largest > 0)
    weights = draw.weights * factor[:, None]
    return draw.with_weights(weights.reshape(2, draw.m, -1))


def _with_start_along_signal(draw: Draw, problem: SignalNoise, constants: Constants, edge: str) -> Draw:
    """Filters moved along μ: each to the largest start allowed, keeping its sign, or each branch's best to the least.

    Only where noise is orthogonal to the signal, so that nothing else changes.
    """
    if edge == "drawn" or problem.signal_norm == 0 or not problem.orthogonal_noise:
        return draw
    evidence = evidence_of(problem, draw, constants)
    start = evidence.initial_signal
    if edge == "low":
        best = (start * [[1.0], [-1.0]]).max(axis=1, keepdims=True)
        least = 0.5 * (1 + INSIDE) * problem.init_std * problem.signal_norm
        wanted = start * np.where(best > 0, least / np.where(best > 0, best, 1.0), 1.0)
    else:
        wanted = np.sign(start) * (1 - INSIDE) * concentration.initial_signal_bound(evidence)
    direction = draw.vectors[0] / problem.signal_norm**2
    weights = draw.weights + np.multiply.outer((wanted - start).ravel(), direction)
    return draw.with_weights(weights.reshape(2, draw.m, -1))


def problem_of(given: Mapping[str, Array], q: float, orthogonal_noise: bool = False) -> SignalNoise:
    """The problem that given arrays can be a draw of, with the scales they have."""
    (n, d), m = given["noise"].shape, given["weights"].shape[1]
    return SignalNoise(
        n=n, d=d, m=m, q=q, orthogonal_noise=orthogonal_noise,
        signal_norm=float(np.linalg.norm(given["signal"])),
        noise_std=float(np.sqrt(np.mean(given["noise"] ** 2))) or 1.0,  # it must not be 0
        init_std=float(np.sqrt(np.mean(given["weights"] ** 2))),
    )


@dataclass(frozen=True)
class Case:
    """A run with everything given: power, learning rate, arrays, and the label multipliers of every step."""

    q: float
    orthogonal_noise: bool
    lr: float
    given: dict[str, Array]
    label_noise: Array  # (steps, n)

    @property
    def steps(self) -> int:
        """Number of updates."""
        return len(self.label_noise)

    def replace(self, **changes: Any) -> Self:
        """A copy with other fields or given arrays."""
        fields = {field.name for field in dataclasses.fields(self)}
        given = self.given | {name: value for name, value in changes.items() if name not in fields}
        plain = {name: value for name, value in changes.items() if name in fields}
        return dataclasses.replace(self, **{"given": given} | plain)

    def simulate(self, **options: Any) -> PatchRun:
        """Simulate it, keeping every step."""
        return simulate(
            problem_of(self.given, self.q, self.orthogonal_noise),
            GradientDescent(self.lr),
            self.steps,
            draw=Draw.from_arrays(**self.given),
            label_noise=self.label_noise,
            **{"record_every": 1} | options,
        )


@st.composite
def cases(
    draw: st.DrawFn,
    problem: SearchStrategy[SignalNoise] = lively_problems(**PLAIN),
    *,
    label_noise: Any = label_noises(),
    max_steps: int = 40,
) -> Case:
    """Runs within the stable learning rates, with everything random given as arrays."""
    drawn = draw(problem)
    algorithm = draw(stable_algorithms(drawn, label_noise=label_noise))
    shape = (draw(comparable_steps(drawn, max_steps)), drawn.n)
    law = algorithm.label_noise
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return Case(
        q=drawn.q,
        orthogonal_noise=drawn.orthogonal_noise,
        lr=algorithm.lr,
        given=draw(arrays(drawn)),
        label_noise=np.ones(shape) if law is None else law.sample(rng, shape),
    )


@st.composite
def tied_cases(draw: st.DrawFn, *, max_steps: int = 40) -> Case:
    """Runs without label noise from :func:`tied_arrays`, within the stable learning rates."""
    given, q = draw(tied_arrays()), draw(powers())
    lr = draw(scales(-2, 0)) * largest_stable_lr(problem_of(given, q))
    steps = draw(st.integers(1, max_steps))
    return Case(q=q, orthogonal_noise=False, lr=lr, given=given, label_noise=np.ones((steps, given["labels"].size)))
