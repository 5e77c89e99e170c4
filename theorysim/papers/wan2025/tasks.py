"""Two tasks, each with a signal of its own, trained one after the other.

A phase is a run of its own: the second starts from the weights that the first has left, on other data, with or without
some samples of the first. Both are in vector form, so that weights can be handed on.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from theorysim.core.seeds import Stream, generator
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.draw import Draw
from theorysim.patch.patch_data import PatchData
from theorysim.patch.run import PatchRun
from theorysim.patch.trained import reconstruct
from theorysim.systems import simulate

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Tasks:
    """Both tasks: sizes, as of :class:`theorysim.SignalNoise`, and what training is.

    Signals lie in the plane of the first two axes, with the first along axis 1; noise is orthogonal to the plane.
    """

    n: int = 100
    d: int = 100
    m: int = 10
    signal_norm: float = 8.0
    noise_std: float = 1.0
    init_std: float = 0.01
    lr: float = 0.01
    steps: int = 3000

    def signal(self, degrees: float) -> Array:
        """A signal at an angle to the first, (d,)."""
        angle = np.deg2rad(degrees)
        signal = np.zeros(self.d)
        signal[:2] = self.signal_norm * np.array([np.cos(angle), np.sin(angle)])
        return signal

    def samples(self, rng: np.random.Generator, count: int) -> tuple[Array, Array]:
        """Labels (count,) and noise vectors (count, d)."""
        noise = self.noise_std * rng.standard_normal((count, self.d))
        noise[:, :2] = 0.0
        return rng.choice([-1.0, 1.0], count), noise

    def test_set(self, degrees: float, count: int, seed: int) -> tuple[Array, Array]:
        """Patches (count, 2, d) and labels (count,) of the task with the signal at an angle."""
        labels, noise = self.samples(generator(seed, Stream.TEST), count)
        return np.stack([labels[:, None] * self.signal(degrees), noise], axis=1), labels


class First(NamedTuple):
    """The first task, trained."""

    run: PatchRun
    labels: Array
    noise: Array


def data(tasks: Tasks, signals: Array, which: NDArray[np.int64], labels: Array, noise: Array) -> PatchData:
    """Samples (y μ, ξ) with the signal of their own number; signals that no sample has are atoms all the same."""
    vectors = np.concatenate([signals, noise])
    own = len(signals) + np.arange(len(labels))
    return PatchData(
        labels=labels, observed_labels=labels, atom=np.stack([which, own], axis=1),
        sign=np.stack([labels, np.ones(len(labels))], axis=1), gram=vectors @ vectors.T, vectors=vectors, m=tasks.m,
        init_std=tasks.init_std, q=3)


def first_task(tasks: Tasks, seed: int) -> First:
    """Train on the first signal, from random weights."""
    labels, noise = tasks.samples(generator(seed, Stream.SAMPLES, 1), tasks.n)
    problem = data(tasks, tasks.signal(0.0)[None], np.zeros(tasks.n, dtype=np.int64), labels, noise)
    run = simulate(problem, GradientDescent(tasks.lr), tasks.steps, seed, record_every=tasks.steps)
    return First(run, labels, noise)


def second_task(tasks: Tasks, first: First, degrees: float, replay: float, seed: int) -> PatchRun:
    """Train on the second signal, from the weights of the first run; a share of the n samples are of the first task."""
    old = round(replay * tasks.n)
    labels, noise = tasks.samples(generator(seed, Stream.SAMPLES, 2), tasks.n - old)
    labels, noise = np.concatenate([first.labels[:old], labels]), np.concatenate([first.noise[:old], noise])
    signals = np.stack([tasks.signal(0.0), tasks.signal(degrees)])
    problem = data(tasks, signals, np.repeat([0, 1], [old, tasks.n - old]), labels, noise)
    draw = Draw.from_problem(problem, seed).with_weights(reconstruct(first.run))
    return simulate(problem, GradientDescent(tasks.lr), tasks.steps, seed, draw=draw, record_every=tasks.steps)
