"""Fresh samples without vectors: of a fresh token only its score and its value matter, two numbers.

With q = Wp a token μ + ξ, ξ ~ N(0, σ²I_d), has the score q·μ + q·ξ and the value v·μ + v·ξ, and (q·ξ, v·ξ) is Gaussian
with covariance σ² times the Gram matrix of q and v, independent of all other tokens (derived). In coordinates (see the
package's docstring), with c = R K b, q = Σ_a b_a W(0)W(0)ᵀx_a + Σ_a c_a x_a, so that

    q·x = K b + G c,   ‖q‖² = bᵀQb + 2 cᵀKb + cᵀGc.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from theorysim.attention.draw import SIGNALS, AttentionDraw
from theorysim.attention.problem import TokenSelection
from theorysim.core.intervals import Interval, interval, mean
from theorysim.core.seeds import Stream, generator

BLOCK = 2**20  # tokens drawn at a time

Array = NDArray[np.float64]


class FreshLaw(NamedTuple):
    """The law of scores and values of fresh tokens, given a trained attention.

    Attributes
    ----------
    scores, values : (2,) arrays
        q·e_f and v·e_f for f = 1, 2.
    covariance : (2, 2) array
        Gram matrix of q and v.
    """

    scores: Array
    values: Array
    covariance: Array


def fresh_law(problem: TokenSelection, draw: AttentionDraw, query: Array, carried: Array, head: Array) -> FreshLaw:
    """From coordinates b, c and h of the training tokens.

    Raises
    ------
    ValueError
        When lengths overflow.
    """
    tokens, start = slice(SIGNALS, None), np.array(problem.head)
    products = draw.key_gram[:, tokens] @ query + draw.gram[:, tokens] @ carried
    values = draw.gram[:, tokens] @ head + draw.gram[:, :SIGNALS] @ start
    square = (query @ draw.square_gram[tokens, tokens] @ query + carried @ products[tokens]
              + carried @ draw.key_gram[tokens, tokens] @ query)
    cross = start @ products[:SIGNALS] + head @ products[tokens]
    size = start @ values[:SIGNALS] + head @ values[tokens]
    found = FreshLaw(products[:SIGNALS], values[:SIGNALS], np.array([[square, cross], [cross, size]]))
    if not all(np.isfinite(part).all() for part in found):
        raise ValueError(f"run: the length of Wp or v overflows (squares {square:g}, {size:g}); there is no test error")
    return found


def fresh_margins(problem: TokenSelection, law: FreshLaw, n_test: int, seed: int) -> Array:
    """(n_test,) y f(X) of fresh samples with their true labels."""
    root = _root(law.covariance) * problem.noise_std
    means = problem.signals() @ np.stack([law.scores, law.values], axis=1)  # (2, T, 2)
    size, found = max(1, BLOCK // problem.tokens), []
    for first in range(0, n_test, size):
        rng = generator(seed, Stream.ATTENTION_TEST, first // size)
        count = min(size, n_test - first)
        minus = rng.integers(0, 2, size)[:count]
        noise = rng.standard_normal((size, problem.tokens, 2))[:count]
        both = means[minus] + noise @ root.T
        weights = np.exp(both[..., 0] - both[..., 0].max(axis=1, keepdims=True))
        outputs = (weights * both[..., 1]).sum(axis=1) / weights.sum(axis=1)
        found.append(np.where(minus, -outputs, outputs))
    return np.concatenate(found)


def _root(covariance: Array) -> Array:
    """A lower triangle L with LLᵀ the covariance, which may be singular."""
    square, cross, size = covariance[0, 0], covariance[0, 1], covariance[1, 1]
    first = np.sqrt(max(square, 0.0))
    slope = cross / first if first > 0 else 0.0
    return np.array([[first, 0.0], [slope, np.sqrt(max(size - slope**2, 0.0))]])


def error_of(margins: Array) -> Interval:
    """The share of margins that are not positive, with its 95% Clopper–Pearson interval."""
    hits = int((margins <= 0).sum())
    return Interval(hits / margins.size, *interval(hits, margins.size))


def loss_of(margins: Array) -> Interval:
    """The mean logistic loss with its 95% interval."""
    return mean(np.logaddexp(0.0, -margins))
