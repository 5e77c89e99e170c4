"""Realisations: data, and a network of any width as d + 1 rows; and the random numbers of every step."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theorysim.core import validate
from theorysim.core.html import Shown
from theorysim.core.seeds import Stream, generator
from theorysim.linear.algorithm import LinearSGD
from theorysim.linear.problem import LinearNetwork

# Steps whose random numbers are drawn at a time, fewer for large batches; part of the seed discipline.
BLOCK, BLOCK_SIZE = 4096, 65_536
EXPLICIT_SIZE = 1_000_000  # entries of a network that is drawn neuron by neuron; larger ones through their moment

Array = NDArray[np.float64]
Samples = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LinearDraw(Shown):
    """Data and initial network, made by :meth:`from_problem`, :meth:`small`, :meth:`aligned` or :meth:`from_arrays`.

    Attributes
    ----------
    inputs : (n, d) array
    target : (d,) array
        θ*.
    factor : (k, d+1) array
        Its second moment is that of M = [W | a]: all m neurons, or some, followed by a triangle for the rest.
    neurons : int
        How many of its rows, from the first, are neurons of the network.
    """

    inputs: Array
    target: Array
    factor: Array
    neurons: int

    def __post_init__(self) -> None:
        for array in (self.inputs, self.target, self.factor):
            array.setflags(write=False)

    def __repr__(self) -> str:
        n, d = self.inputs.shape
        return f"LinearDraw(n={n}, d={d}, neurons={self.neurons})"

    @classmethod
    def from_problem(cls, problem: LinearNetwork, seed: int = 0, neurons: int = 100) -> Self:
        """Draw everything from a seed.

        Networks of up to :data:`EXPLICIT_SIZE` weights are drawn whole. Of wider ones so many ``neurons`` are, and the
        rest through their second moment, which is Wishart: Bartlett's triangle. Nothing is approximated.
        """
        d, m = problem.d, problem.width
        scale = np.concatenate([np.full(d, 1 / np.sqrt(d)), [1 / np.sqrt(m)]])
        rng = generator(seed, Stream.LINEAR_WEIGHTS)
        explicit = m if m * (d + 1) <= EXPLICIT_SIZE else neurons
        factor, rest = rng.standard_normal((explicit, d + 1)), m - explicit
        if rest:
            others = rng.standard_normal((rest, d + 1)) if rest <= d + 1 else _triangle(rng, d + 1, rest)
            factor = np.concatenate([factor, others])
        return cls(*_data(problem, seed), factor * scale, explicit if rest > d + 1 else m)

    @classmethod
    def small(cls, problem: LinearNetwork, size: float, seed: int = 0) -> Self:
        """A small start: w_i uniform in the ball of radius ``size``, a_i in [−size, size]; data as of the seed.

        With ``size`` √η it is where Phase II of T. Zhang et al. 2026 begins (Lemma 5).

        Raises
        ------
        TypeError, ValueError
            For a size that is not positive, or a network too wide to be drawn neuron by neuron.
        """
        rng = _small_start(problem, size, seed, 1)
        first = rng.standard_normal((problem.width, problem.d))
        lengths = size * rng.random(problem.width) ** (1 / problem.d)
        first *= (lengths / np.linalg.norm(first, axis=1))[:, None]
        return cls(*_data(problem, seed), _joined(first, rng, size), problem.width)

    @classmethod
    def aligned(cls, problem: LinearNetwork, size: float, seed: int = 0) -> Self:
        """All neurons along θ*: w_i = s_i θ*/‖θ*‖, s_i and a_i uniform in [−size, size]; data as of the seed.

        Lemma 6 of T. Zhang et al. 2026 starts from there.

        Raises
        ------
        TypeError, ValueError
            As of :meth:`small`, and for a target of length 0.
        """
        rng = _small_start(problem, size, seed, 2)
        inputs, target = _data(problem, seed)
        if not target.any():
            raise ValueError("problem.target_norm=0.0: must be positive for neurons to be aligned with the target")
        first = np.outer(rng.uniform(-size, size, problem.width), target / np.linalg.norm(target))
        return cls(inputs, target, _joined(first, rng, size), problem.width)

    def whitened(self) -> Self:
        """The same with inputs X H^{−1/2}, H = XᵀX/n, so that theirs is the identity, as of infinitely many.

        Raises
        ------
        ValueError
            When the inputs do not span all dimensions.
        """
        values, vectors = np.linalg.eigh(self.inputs.T @ self.inputs / len(self.inputs))
        if values[0] < 1e-12 * values[-1]:
            raise ValueError(f"inputs: {len(self.inputs)} of them do not span all {len(values)} dimensions")
        return replace(self, inputs=self.inputs @ (vectors / np.sqrt(values)) @ vectors.T)

    @classmethod
    def from_arrays(
        cls, *, inputs: ArrayLike, target: ArrayLike, weights: ArrayLike, second_layer: ArrayLike
    ) -> Self:
        """Everything given: inputs (n, d), θ* (d,), W (m, d) and a (m,).

        Raises
        ------
        TypeError, ValueError
            Naming the array and the shape it must have.
        """
        x = validate.array("inputs", inputs, None, None)
        theta = validate.array("target", target, x.shape[1])
        first = validate.array("weights", weights, None, x.shape[1])
        factor = np.column_stack([first, validate.array("second_layer", second_layer, len(first))])
        return cls(x, theta, factor, len(factor))

    @property
    def fingerprint(self) -> bytes:
        """Equal for equal draws, and hardly ever for others."""
        return self.factor.tobytes()

    def square_root(self) -> tuple[Array, Array]:
        """R with RᵀR = Q = MᵀM, at most d + 1 rows, and (neurons, ·) combinations C with C R the neurons.

        A step multiplies M from the right, so C R(t) are the neurons at any t.
        """
        if len(self.factor) <= self.factor.shape[1]:
            return self.factor.copy(), np.eye(len(self.factor))[: self.neurons]
        combination, root = np.linalg.qr(self.factor)
        return np.ascontiguousarray(root), np.ascontiguousarray(combination[: self.neurons])


def _data(problem: LinearNetwork, seed: int) -> tuple[Array, Array]:
    """Inputs and θ* of a seed."""
    inputs = generator(seed, Stream.LINEAR_DATA).standard_normal((problem.n, problem.d))
    if problem.target is not None:
        return inputs, np.array(problem.target)
    direction = generator(seed, Stream.LINEAR_DATA, 1).standard_normal(problem.d)
    assert problem.target_norm is not None
    return inputs, problem.target_norm * direction / np.linalg.norm(direction)


def _small_start(problem: LinearNetwork, size: float, seed: int, kind: int) -> np.random.Generator:
    """The random numbers of a small start of one kind."""
    validate.instance("problem", problem, (LinearNetwork,))
    validate.real("size", size, 0, above=True)
    if problem.width * (problem.d + 1) > EXPLICIT_SIZE:
        raise ValueError(f"problem.width={problem.width}: must be such that width·(d + 1) <= 1e6, neurons of such a "
                         "start being drawn one by one")
    return generator(seed, Stream.LINEAR_WEIGHTS, kind)


def _joined(first: Array, rng: np.random.Generator, size: float) -> Array:
    """[W | a] with a_i uniform in [−size, size]."""
    return np.column_stack([first, rng.uniform(-size, size, len(first))])


def fitting(draw: LinearDraw, problem: LinearNetwork) -> LinearDraw:
    """A draw given, once it is seen to be one of the problem."""
    validate.instance("draw", draw, (LinearDraw,))
    found = (*draw.inputs.shape, draw.neurons)
    if found != (problem.n, problem.d, problem.width):
        raise ValueError(f"draw: has (n, d, width) = {found}, must have {(problem.n, problem.d, problem.width)}")
    return draw


def _triangle(rng: np.random.Generator, size: int, degrees: int) -> Array:
    """Upper triangle T with TᵀT Wishart of so many degrees of freedom."""
    triangle = np.triu(rng.standard_normal((size, size)), 1)
    triangle[np.diag_indices(size)] = np.sqrt(rng.chisquare(degrees - np.arange(size)))
    return triangle


@dataclass
class StepNoise:
    """Samples and label noise of any range of steps; those of step t depend on t and the seed alone."""

    problem: LinearNetwork
    algorithm: LinearSGD
    seed: int
    block: tuple[int, Samples, Array] = field(default=(-1, np.empty((0, 0), np.int64), np.empty((0, 0))))

    @cached_property
    def steps_of_block(self) -> int:
        """Steps in a block: their samples are at most :data:`BLOCK_SIZE`, or those of one step."""
        return max(1, min(BLOCK, BLOCK_SIZE // self.algorithm.samples(self.problem)))

    def end_of_block(self, step: int) -> int:
        """The first step after ``step`` at which a new block begins."""
        return (step // self.steps_of_block + 1) * self.steps_of_block

    def between(self, start: int, stop: int) -> tuple[Samples, Array]:
        """Indices and noise, each (stop − start, batch); the range must not cross the end of a block."""
        number = start // self.steps_of_block
        first = number * self.steps_of_block
        if self.block[0] != number:
            self.block = (number, *self._draw(number))
        part = slice(start - first, stop - first)
        return self.block[1][part], self.block[2][part]

    def _draw(self, number: int) -> tuple[Samples, Array]:
        rng = generator(self.seed, Stream.LINEAR_STEPS, number)
        size = (self.steps_of_block, self.algorithm.samples(self.problem))
        if self.algorithm.batch == "full":
            chosen = np.ascontiguousarray(np.broadcast_to(np.arange(self.problem.n), size))
        else:
            chosen = rng.integers(self.problem.n, size=size)
        signs = 2.0 * rng.integers(0, 2, size=size) - 1.0
        on = self.algorithm.noise_on(np.arange(number * size[0], (number + 1) * size[0]))
        return chosen, self.problem.label_noise_std * on[:, None] * signs
