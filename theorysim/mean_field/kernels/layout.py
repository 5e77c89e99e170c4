"""The arrays of the mean field's kernels.

Filters that are multiplied by one and the same factor as long as they live are a *group*, and one number stands for
it: the inner product of the group's largest filter (at the start). For q = 2 the active filters of a sample and branch
are a group, and so are the filters of a branch on one side of the signal; else every filter is one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]


class Memory(NamedTuple):
    """Groups of filters on the noise of n samples; index 0 is the sample's own branch, 1 the other."""

    start: Array  # (n, 2, R) z of R groups at step 0
    weight: Array  # (n, 2) what a group's z^q counts in the output, negative for the other branch
    share: Array  # (n, 2) smallest z of a group at step 0, as a share of the largest
    idle: Flags  # (n, 2) whether there are filters in no group, which rest
    rate: Array  # (n,) lr q |xi_i|^2 / (n m)


class Signal(NamedTuple):
    """G groups of filters on the signal."""

    start: Array  # (G,) <w, mu> at step 0
    weight: Array  # (G,) what a group's |<w, mu>|^q counts in the output
    share: Array  # (G,) smallest |<w, mu>| of a group at step 0, as a share of the largest
    branch: Array  # (G,) j, +1.0 or -1.0
    rate: float  # lr q |mu|^2 / (n m)


class Data(NamedTuple):
    """What stays fixed during a run."""

    memory: Memory
    signal: Signal
    side: Integers  # (n,) 0 for true label +1, 1 for -1
    own: Integers  # (n,) the same of the observed label
    turn: Array  # (n,) product of both labels
    noisy: Flags  # (n,) whether they differ
    q: float  # power of the activation


class State(NamedTuple):
    """What a step changes."""

    memory: Array  # (n, 2, R) z of the groups on noise; not positive once dead
    signal: Array  # (G,) <w, mu> of the groups on the signal


class Scratch(NamedTuple):
    """Working arrays of one run, overwritten at every step."""

    margin: Array  # (n,) f_i
    decay: Array  # (n,) exp(-|f_i|)
    own: Array  # (n,) F_i
    signal: Array  # (2,) S of the classes +1 and -1


def make_scratch(n: int) -> Scratch:
    """Allocate the working arrays of one run."""
    return Scratch(np.empty(n), np.empty(n), np.empty(n), np.empty(2))
