"""One realisation: labels, and the Gram matrices of tokens, of their keys and of what a query does to fresh tokens.

Rows of the matrices are e₁, e₂ and the N = nT training tokens, those of a sample one after the other. In the form
"vectors" tokens and W are drawn in d dimensions. In the form "wishart" nothing of dimension d is: the tokens' parts
beyond e₁, e₂ through Bartlett's triangle with d − 2 degrees of freedom, in which they have N coordinates at most; W, if
Gaussian, through its triangle on the span of the tokens (d degrees) and, off that span, through that of d minus the
dimension of the span (derived: rows of W along orthonormal directions are independent). Both forms are the same law.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theorysim.attention.problem import GAUSSIAN, IDENTITY, UNIFORM, TokenSelection
from theorysim.core import blas, validate
from theorysim.core.html import Shown
from theorysim.core.seeds import Stream, generator

SIGNALS = 2  # rows before those of the tokens
FORMS = ("auto", "vectors", "wishart")
SYMMETRY = 1e-10  # asymmetry allowed, relative to the largest entry

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AttentionDraw(Shown):
    """Everything that training and fresh tokens need, made from a seed or :meth:`from_vectors`.

    Attributes
    ----------
    labels, observed_labels : (n,) arrays of ±1
    gram : (2 + nT, 2 + nT) array
        G, of e₁, e₂ and the tokens.
    key_gram : array of the same shape
        K, of their keys W(0)ᵀx.
    square_gram : array of the same shape
        Q, of W(0)W(0)ᵀx.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """

    labels: Array
    observed_labels: Array
    gram: Array
    key_gram: Array
    square_gram: Array

    def __post_init__(self) -> None:
        labels = validate.signs("labels", self.labels, None)
        observed = validate.signs("observed_labels", self.observed_labels, labels.size)
        size = validate.array("gram", self.gram, None, None).shape[0]
        if labels.size == 0 or size <= SIGNALS or (size - SIGNALS) % labels.size:
            raise ValueError(f"gram: has {size} rows, must have 2 and a multiple of n = {labels.size}, at least 1")
        found = {"labels": labels, "observed_labels": observed}
        for name in ("gram", "key_gram", "square_gram"):
            found[name] = validate.array(name, getattr(self, name), size, size)
            if np.abs(found[name] - found[name].T).max() > SYMMETRY * np.abs(found[name]).max():
                raise ValueError(f"{name}: must be symmetric")
        for name, value in found.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_vectors(
        cls, tokens: ArrayLike, matrix: ArrayLike, labels: ArrayLike, observed_labels: ArrayLike | None = None
    ) -> Self:
        """From tokens (n, T, d) themselves and W(0) (d, d); d is 2 or more.

        Raises
        ------
        TypeError, ValueError
            Naming the argument, its value and the range allowed.
        """
        x = validate.array("tokens", tokens, None, None, None)
        n, _, d = x.shape
        if d < SIGNALS:
            raise ValueError(f"tokens: have dimension {d}, must have 2 or more")
        w = validate.array("matrix", matrix, d, d)
        observed = labels if observed_labels is None else observed_labels
        return cls._of_rows(np.concatenate([np.eye(SIGNALS, d), x.reshape(-1, d)]), w, np.empty((0, d)),
                            validate.array("labels", labels, n), validate.array("observed_labels", observed, n))

    @classmethod
    def _of_rows(cls, rows: Array, matrix: Array, off: Array, labels: Array, observed: Array) -> Self:
        """From coordinates of e₁, e₂ and tokens, the rows of W that act on these, and those that act off their span."""
        with blas.single_threaded():
            keys = rows @ matrix
            images = np.concatenate([keys @ matrix.T, keys @ off.T], axis=1)
            grams = rows @ rows.T, keys @ keys.T, images @ images.T
        return cls(labels, observed, *((one + one.T) / 2 for one in grams))

    def __repr__(self) -> str:
        return f"AttentionDraw(n={self.n}, flipped={int(self.flipped.sum())}, tokens={self.tokens})"

    @property
    def n(self) -> int:
        """Number of samples."""
        return self.labels.size

    @property
    def tokens(self) -> int:
        """Tokens of a sample."""
        return (self.gram.shape[0] - SIGNALS) // self.n

    @property
    def flipped(self) -> NDArray[np.bool_]:
        """Whether the observed label is not the true one, (n,)."""
        flipped: NDArray[np.bool_] = self.labels != self.observed_labels
        return flipped

    @property
    def fingerprint(self) -> bytes:
        """Equal for equal draws, and hardly ever for others."""
        return self.gram.tobytes() + self.key_gram.tobytes() + self.observed_labels.tobytes()


def token_vectors(problem: TokenSelection, seed: int = 0) -> tuple[Array, Array]:
    """Tokens (n, T, d) and W(0) (d, d) of a seed in the form "vectors", from which the explicit network is made."""
    d = problem.d
    noise = generator(seed, Stream.ATTENTION_TOKENS).standard_normal((problem.n, problem.tokens, d))
    tokens = problem.noise_std * noise
    tokens[:, :, :SIGNALS] += _signals(problem)
    if problem.key_law == IDENTITY:
        return tokens, np.eye(d)
    rng = generator(seed, Stream.ATTENTION_KEYS)
    if problem.key_law == UNIFORM:
        reach = np.sqrt(3.0) * problem.entry_std
        return tokens, rng.uniform(-reach, reach, (d, d))
    return tokens, problem.entry_std * rng.standard_normal((d, d))


def draw_attention(problem: TokenSelection, seed: int = 0, form: str = "auto") -> AttentionDraw:
    """One realisation of a problem: what :func:`theorysim.simulate` draws from this seed.

    Parameters
    ----------
    problem : TokenSelection
    seed : int
    form : {"auto", "vectors", "wishart"}
        "auto" is "wishart" where W is not uniform and d is larger than the number of tokens.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """
    validate.choice("draw", form, FORMS)
    uniform = problem.key_law == UNIFORM
    if form == "wishart" and uniform:
        raise ValueError(f"draw={form!r}: must be 'vectors' where key_law={UNIFORM!r}, whose entries have no rotation-"
                         f"invariant law; key_law={GAUSSIAN!r} with the same key_std has")
    if form == "vectors" or uniform or (form == "auto" and problem.d - SIGNALS < problem.n * problem.tokens):
        tokens, matrix = token_vectors(problem, seed)
        return AttentionDraw.from_vectors(tokens, matrix, *problem.labels())
    return _wishart(problem, seed)


def _wishart(problem: TokenSelection, seed: int) -> AttentionDraw:
    count, rng = problem.n * problem.tokens, generator(seed, Stream.ATTENTION_TOKENS)
    along = problem.noise_std * rng.standard_normal((count, SIGNALS)) + _signals(problem).reshape(count, SIGNALS)
    beyond = problem.noise_std * bartlett(rng, count, problem.d - SIGNALS)
    span = SIGNALS + beyond.shape[1]
    rows = np.concatenate([np.eye(SIGNALS, span), np.concatenate([along, beyond], axis=1)])
    if problem.key_law == IDENTITY:
        matrix, off = np.eye(span), np.empty((0, span))
    else:
        rng = generator(seed, Stream.ATTENTION_KEYS)
        matrix = problem.entry_std * bartlett(rng, span, problem.d)
        off = problem.entry_std * bartlett(rng, span, problem.d - span).T
    return AttentionDraw._of_rows(rows, matrix, off, *problem.labels())


def bartlett(rng: np.random.Generator, rows: int, degrees: int) -> Array:
    """L (rows, min(rows, degrees)), lower triangular: LLᵀ is Wishart of so many degrees of freedom (Bartlett 1933)."""
    size = min(rows, degrees)
    found = np.tril(rng.standard_normal((rows, size)), -1)
    found[np.diag_indices(size)] = np.sqrt(rng.chisquare(degrees - np.arange(size)))
    return found


def _signals(problem: TokenSelection) -> Array:
    """(n, T, 2) signals of the training tokens along e₁ and e₂."""
    labels, _ = problem.labels()
    return problem.signals()[np.where(labels > 0, 0, 1)]


def fitting(draw: AttentionDraw, problem: TokenSelection) -> AttentionDraw:
    """A draw given, once it is seen to be one of the problem."""
    if (draw.n, draw.tokens) != (problem.n, problem.tokens):
        raise ValueError(f"draw: has (n, tokens) = {(draw.n, draw.tokens)}, must have {(problem.n, problem.tokens)}")
    return draw
