"""Attention in the coordinates of its training tokens. Nothing is drawn here.

N = nT tokens, those of a sample one after the other. With b, R, h as in the package's docstring:

    keys·p = K b,   carried = R K b,   scores = K b + G carried,   values = v(0)·x + G h.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from theorysim.core.jit import jit

Array = NDArray[np.float64]
LARGEST = 1e100  # of coordinates, scores and values: beyond it their squares may overflow
COLUMNS = 12


class Tokens(NamedTuple):
    """The data: G and K (N, N); observed labels (n,), which are flipped (n,), kinds (T,); v(0)·x (N,) and ‖v(0)‖²."""

    gram: Array
    key_gram: Array
    labels: Array
    flipped: NDArray[np.bool_]
    kinds: NDArray[np.int64]
    start_values: Array
    start_square: float


class Rule(NamedTuple):
    """Learning rate; whether W and v are trained."""

    lr: float
    keys: bool
    head: bool


class State(NamedTuple):
    """b (N,), h (N,), R (N, N), which is (0, 0) where W is not trained."""

    query: Array
    head: Array
    keys: Array


class Scratch(NamedTuple):
    """Of the present state: K b, R K b, scores, values, softmax (N,), outputs (n,); of the last step: its slopes (N,).

    ``slopes`` are the derivatives of −loss by the scores, ``pulls`` (N,) those by the values.
    """

    plain: Array
    carried: Array
    scores: Array
    values: Array
    softmax: Array
    outputs: Array
    slopes: Array
    pulls: Array


@jit
def look(data: Tokens, state: State, rule: Rule, scratch: Scratch) -> None:
    """Scores, values, softmax and outputs of a state."""
    scratch.plain[:] = np.dot(data.key_gram, state.query)
    scratch.scores[:] = scratch.plain
    scratch.values[:] = data.start_values
    if rule.keys:
        scratch.carried[:] = np.dot(state.keys, scratch.plain)
        scratch.scores[:] += np.dot(data.gram, scratch.carried)
    if rule.head:
        scratch.values[:] += np.dot(data.gram, state.head)
    size = data.kinds.size
    for i in range(data.labels.size):
        part = slice(i * size, (i + 1) * size)
        weights = np.exp(scratch.scores[part] - scratch.scores[part].max())
        scratch.softmax[part] = weights / weights.sum()
        scratch.outputs[i] = (scratch.softmax[part] * scratch.values[part]).sum()


@jit
def move(data: Tokens, state: State, rule: Rule, scratch: Scratch) -> None:
    """One step of gradient descent from a state that has been looked at."""
    n, size = data.labels.size, data.kinds.size
    for i in range(n):
        part = slice(i * size, (i + 1) * size)
        pull = data.labels[i] / (1.0 + np.exp(data.labels[i] * scratch.outputs[i])) / n
        scratch.pulls[part] = pull * scratch.softmax[part]
        scratch.slopes[part] = scratch.pulls[part] * (scratch.values[part] - scratch.outputs[i])
    if rule.keys:
        through = np.dot(np.dot(data.gram, scratch.slopes), state.keys)
        for a in range(n * size):
            state.keys[a] += rule.lr * scratch.slopes[a] * state.query
        state.query[:] += rule.lr * through
    state.query[:] += rule.lr * scratch.slopes
    if rule.head:
        state.head[:] += rule.lr * scratch.pulls


@jit
def within(state: State, scratch: Scratch) -> bool:
    """Whether nothing has overflown, or is about to."""
    for values in (state.query, state.head, scratch.plain, scratch.carried, scratch.scores, scratch.values):
        for value in values:
            if not abs(value) < LARGEST:
                return False
    return True


@jit
def observe(data: Tokens, state: State, scratch: Scratch, row: Array) -> None:
    """The columns of ``ATTENTION_OBSERVABLES``; NaN for samples that there are none of."""
    n, size = data.labels.size, data.kinds.size
    sums, counts = np.zeros((2, 4)), np.zeros(2)
    loss, wrong = 0.0, 0
    for i in range(n):
        margin = data.labels[i] * scratch.outputs[i]
        loss += max(-margin, 0.0) + np.log1p(np.exp(-abs(margin)))
        group = 1 if data.flipped[i] else 0
        counts[group] += 1
        if margin > 0:
            sums[group, 3] += 1
        else:
            wrong += 1
        for t in range(size):
            sums[group, data.kinds[t]] += scratch.softmax[i * size + t]
    row[0], row[1] = loss / n, wrong / n
    for group in range(2):
        share = 1.0 / counts[group] if counts[group] > 0 else np.nan
        row[2 + group] = sums[group, 3] * share
        row[4 + 3 * group : 7 + 3 * group] = sums[group, :3] * share
    row[10] = np.sqrt(max(np.dot(state.query, scratch.plain), 0.0))
    square = data.start_square + np.dot(state.head, data.start_values + scratch.values)
    row[11] = np.sqrt(max(square, 0.0))


@jit
def evolve(data: Tokens, state: State, rule: Rule, scratch: Scratch, rows: Array) -> int:
    """Steps from a state that has been looked at, one for each of the rows, observed after it; how many are finite."""
    for t in range(rows.shape[0]):
        move(data, state, rule, scratch)
        look(data, state, rule, scratch)
        if not within(state, scratch):
            return t
        observe(data, state, scratch, rows[t])
    return rows.shape[0]
