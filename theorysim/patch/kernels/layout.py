"""The arrays of the patch network's kernels: what stays fixed during a run, what a step changes, what is overwritten.

A training rule is numbers (``Rule``) and a ``State``; ``descend`` in network.py makes its step."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from theorysim.core.jit import jit

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
    readout: Array  # (2m,) second layer: +1/m for the first m filters, then -1/m
    q: float  # power of the activation


class Rule(NamedTuple):
    """The numbers of a training rule."""

    lr: float  # learning rate


class State(NamedTuple):
    """What a step changes; what a training rule needs beside z and b comes after them."""

    inner: Weights  # (2m, K) z, inner products of filters and atoms
    coef: Weights  # (2m, K) b, with w(t) = w(0) + sum_a b_a v_a


def first_state(inner: Weights, _rule: Rule) -> State:
    """The state at step 0 under a rule: nothing is learned yet."""
    return State(inner, np.zeros_like(inner))


class Scratch(NamedTuple):
    """Working arrays of one run, overwritten at every step."""

    slope: Weights  # (2m, K) sigma'(|z|)
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
def make_scratch(data: Data) -> Scratch:
    """Allocate the working arrays of one run; done once, they are too large to be had for nothing."""
    filters, atoms, samples = data.readout.size, data.norm_sq.size, data.observed.size
    big = np.empty((3, filters, atoms), data.gram.dtype)
    per_atom = np.zeros((4, atoms))
    per_sample = np.empty((3, samples))
    return Scratch(
        big[0], big[1], big[2],
        per_atom[0], per_atom[1], per_atom[2], per_atom[3],
        per_sample[0], per_sample[1],
        np.empty((2, atoms)), np.empty((2, atoms)), np.empty(atoms), per_sample[2],
    )
