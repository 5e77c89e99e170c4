"""The arrays of the patch network's kernels: what stays fixed during a run, what a step changes, what is overwritten.

A training rule is numbers (``Rule``), rows for every step (``PerStep``) and a ``State``; rules.py makes its step, and
network.py that of plain gradient descent."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from theorysim.core.jit import jit
from theorysim.patch.kernels.activation import POWER

Array = NDArray[np.float64]
Weights = NDArray[np.floating[Any]]  # float64, or float32: the arrays a step spends its time on


class Data(NamedTuple):
    """What stays fixed during a run (n samples of P patches, K atoms, 2m filters)."""

    gram: Weights  # (K, K) inner products of atoms
    norm_sq: Array  # (K,) its diagonal
    atom: NDArray[np.int64]  # (n, P) which atom a patch is
    sign: Array  # (n, P) with which sign, +1.0 or -1.0
    two_sided: NDArray[np.bool_]  # (K,) whether any patch is minus this atom
    owner: NDArray[np.int64]  # (K,) the one sample whose noise it is, -1 for a signal atom
    orientation: Array  # (K,) the class a signal atom speaks for, +1.0 or -1.0
    observed: Array  # (n,) observed labels, +1.0 or -1.0
    noisy: NDArray[np.bool_]  # (n,) whether the observed label differs from the true one
    weight: Array  # (n,) weight of a sample's loss in the step, of mean 1
    awake: NDArray[np.bool_]  # (2m, K) whether a filter of the owner's branch starts active on an atom
    watched: bool  # whether coefficients are observed at every step, or only where a call asks
    vectors: Weights  # (K, D) the atoms themselves, for explicit weights and their noise; else (0, 0)
    activation: int  # which one, see activation.py
    q: float  # its first number, the power where it has one
    width: float  # its second
    loss: int  # which one, see loss.py
    divisor: float  # what the sum over samples is divided by: n, or 1 where the loss is a sum


class Rule(NamedTuple):
    """The numbers of a training rule that are the same at every step; zero is without."""

    label_smoothing: float  # a: the other label has the weight a/2
    clip_norm: float  # largest norm of the gradient, inf for any
    normalised: bool  # whether the gradient is divided by its norm
    sam_radius: float  # how far uphill the gradient is taken
    weight_decay: float  # lambda, added to the gradient as lambda w
    momentum: float  # mu
    dampening: float  # tau, of what the gradient adds to the velocity
    nesterov: bool
    trained_readout: bool  # whether the second layer moves as well


class PerStep(NamedTuple):
    """What a training rule takes afresh at each of T steps; arrays of no rows where it takes nothing."""

    lr: Array  # (T,) learning rates
    label_noise: Array  # (T, n) multipliers of the labels
    share: Array  # (T, n) of the samples in the loss, n/B on a batch of B and 0 off it
    mask: Array  # (T, 2m) of the filters, 0 or 1/(1 - r)
    shake: Array  # (T, 2m, D) added to the weights, in the coordinates of the draw


class State(NamedTuple):
    """What a step changes; what a training rule needs beside z and b comes after them.

    The weights are w(t) = alpha w(0) + sum_a b_a v_a + drift. A velocity is the same three in its own numbers; its
    image is what it does to z, or to explicit weights.
    """

    inner: Weights  # (2m, K) z, inner products of filters and atoms
    coef: Weights  # (2m, K) b
    readout: Array  # (2m,) second layer
    scale: Array  # (3,) alpha, the same of the velocity, and whether there is a velocity yet
    velocity: Weights  # (2m, K) of b, or (0, 0)
    velocity_image: Weights  # (2m, K) of z, (2m, D) of the weights, or (0, 0)
    velocity_readout: Array  # (2m,) or (0,)
    drift: Array  # (2m, D) what noise on the weights has added, or (0, 0)


NOTHING = (0, 0)


def first_state(inner: Weights, readout: Array, rule: Rule, image: tuple[int, ...], drift: tuple[int, ...]) -> State:
    """The state at step 0 under a rule: nothing is learned yet. ``image`` is the shape of what a velocity moves."""
    moving = rule.momentum > 0
    return State(
        inner, np.zeros_like(inner), readout.copy(), np.array([1.0, 0.0, 0.0]),
        np.zeros(inner.shape if moving else NOTHING, inner.dtype), np.zeros(image if moving else NOTHING, inner.dtype),
        np.zeros(readout.size if moving else 0), np.zeros(drift),
    )


class Scratch(NamedTuple):
    """Working arrays of one run, overwritten at every step."""

    slope: Weights  # (2m, K) sigma'(|z|) of a power, else sigma'(z)
    backward: Weights  # (2m, K) sigma'(-z), where the activation is no power and a patch is minus its atom
    step: Weights  # (2m, K) s
    change: Weights  # (2m, K) s G
    plus: Array  # (K,) network on the patch +v_a
    minus: Array  # (K,) network on the patch -v_a (two-sided atoms only)
    pull_plus: Array  # (K,) sum of c_i over patches +v_a
    pull_minus: Array  # (K,) sum of c_i over patches -v_a
    margin: Array  # (n,) y_i f_i
    decay: Array  # (n,) exp(-|y_i f_i|)
    high: Array  # (2, K) largest b over the filters of either branch
    low: Array  # (2, K) smallest
    active_low: Array  # (K,) smallest b over the filters of the own branch that were active at the start
    memory: Array  # (n,) max over the sample's noise atoms and filters of rho-bar


@jit
def make_scratch(data: Data, inner: Weights) -> Scratch:
    """Allocate the working arrays of one run; done once, they are too large to be had for nothing."""
    (filters, atoms), samples = inner.shape, data.observed.size
    big = np.empty((3, filters, atoms), inner.dtype)
    per_atom = np.zeros((4, atoms))
    per_sample = np.empty((3, samples))
    return Scratch(
        big[0], np.zeros((filters, atoms if data.activation != POWER else 0), inner.dtype), big[1], big[2],
        per_atom[0], per_atom[1], per_atom[2], per_atom[3],
        per_sample[0], per_sample[1],
        np.empty((2, atoms)), np.empty((2, atoms)), np.empty(atoms), per_sample[2],
    )


class Work(NamedTuple):
    """Working arrays of a rule that is more than plain gradient descent."""

    image: Weights  # (2m, K) what the step does to z, or (2m, D) to explicit weights
    there: Weights  # (2m, K) inner products elsewhere: uphill, or the same ones under a mask
    weights: Weights  # (2m, D) explicit weights uphill
    masked: Array  # (2m,) the readout that training sees
    readout: Array  # (2m,) the step of the readout
    point: Scratch  # outputs and slopes elsewhere


def make_work(data: Data, inner: Weights, image: tuple[int, ...]) -> Work:
    """Allocate them."""
    filters, point = len(inner), make_scratch(data, inner)
    point.change[:] = 0.0  # nothing is pending elsewhere
    return Work(np.zeros(image, inner.dtype), np.zeros_like(inner),
                np.zeros((filters, data.vectors.shape[1]), inner.dtype), np.zeros(filters), np.zeros(filters), point)
