"""Realisations: one set of data and initial weights, as vectors or without any dimension.

Everything a run needs of its data is a Gram matrix. Stack the noise vectors and
the initial weights, both without their component along the signal and divided by
their standard deviations: n + 2m rows of independent standard Gaussians in d − 1
dimensions. Rotated into the span of those rows they form a lower triangular
matrix (Bartlett 1933), row k with √χ²(d−1−k) on the diagonal and N(0, 1) before
it, whose Gram matrix is Wishart. A *Wishart draw* draws that triangle directly.
It is not an approximation: it is the same random network and data, described in
the n + 2m + 1 coordinates they occupy, so explicit weights exist there too and d
enters only through the degrees of freedom.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theorysim.core import blas, validate
from theorysim.core.html import Shown
from theorysim.patch import gaussians, model_draw
from theorysim.patch.labels import drawn_labels
from theorysim.patch.patch_data import PatchData, owners
from theorysim.patch.patch_model import PatchModel
from theorysim.patch.problem import Problem, SignalNoise
from theorysim.core.seeds import Stream, generator

FORMS = ("auto", "vectors", "wishart")
NO_WISHART = "only a SignalNoise or a PatchModel with init_law='normal' has a Wishart form, use 'auto'"

Array = NDArray[np.float64]


class Gram:
    """The field ``gram`` of a draw: as given, or ``vectors @ vectors.T``, made when it is first asked for.

    Explicit weights never ask, and of many samples in few dimensions it would be the largest array of all. One of more
    than 16 GiB is refused with a ValueError.
    """

    @overload
    def __get__(self, draw: None, kind: type | None = None) -> None: ...

    @overload
    def __get__(self, draw: "Draw", kind: type | None = None) -> Array: ...

    def __get__(self, draw: "Draw | None", kind: type | None = None) -> Array | None:
        if draw is None:  # a dataclass asks for the default
            return None
        found: Array | None = vars(draw)["gram"]
        if found is None:
            model_draw.check_gram(draw.n, len(draw.vectors))
            with blas.single_threaded():
                found = draw.vectors @ draw.vectors.T
            found.setflags(write=False)
            vars(draw)["gram"] = found
        return found

    def __set__(self, draw: "Draw", value: Array | None) -> None:
        vars(draw)["gram"] = value


@dataclass(frozen=True, eq=False)
class Draw(Shown):
    """One realisation of data and initial weights.

    Made by :meth:`from_problem` (drawn from a seed) or :meth:`from_arrays` (everything given).

    Attributes
    ----------
    labels, observed_labels : (n,) arrays of ±1
    atom, sign : (n, P) arrays
        Atom and sign of every patch: number p of sample i is ``sign[i, p] * vectors[atom[i, p]]``.
    owner : (K,) integer array
        The sample whose noise an atom is, −1 for a signal atom.
    vectors : (K, D) array
        The atoms in an orthonormal basis: that of the patches themselves
        (``form="vectors"``, D = d), or of the span of data and initial weights.
    weights : (2m, D) array
        Initial filters in the same basis; the first m belong to j = +1.
    form : "vectors", "wishart" or "gram"
        How it was obtained. Only ``"vectors"`` knows the coordinates of a patch.
    gram : (K, K) array
        Inner products of the atoms, made of the vectors when first asked for unless given.
    classes : (K,) array of ±1 or None
        The class that an atom speaks for by law; where there is no law, by the patches drawn.
    """

    labels: Array
    observed_labels: Array
    atom: NDArray[np.int64]
    sign: Array
    owner: NDArray[np.int64]
    vectors: Array
    weights: Array
    form: str
    gram: Gram = Gram()
    classes: Array | None = None

    def __post_init__(self) -> None:
        for array in vars(self).values():
            if isinstance(array, np.ndarray):
                array.setflags(write=False)

    @property
    def fingerprint(self) -> bytes:
        """Equal for equal draws, and hardly ever for others."""
        return self.inner.tobytes()

    @classmethod
    def from_problem(cls, problem: Problem, seed: int = 0, form: str = "auto") -> Self:
        """Draw data and initial weights.

        ``form="auto"`` takes the Wishart form where it is the smaller one (d − 1 ≥ n + 2m)
        and vectors below that; of a :class:`PatchModel` F features count for the 1
        and all noise vectors for the n. Ask for ``"vectors"`` when patches of your own will be shown to the
        network, for ``"wishart"`` to have no d-dimensional object.
        """
        seed = validate.integer("seed", seed, 0)
        validate.choice("form", form, FORMS)
        validate.instance("problem", problem, (SignalNoise, PatchData, PatchModel))
        if form == "wishart" and not isinstance(problem, PatchData) and not has_wishart_form(problem):
            raise ValueError(f"form={form!r}: {NO_WISHART}")
        with blas.single_threaded():
            if isinstance(problem, PatchData):
                return cls._of_patches(problem, seed)
            if isinstance(problem, PatchModel):
                return cls(**model_draw.drawn(problem, seed, form))
            return cls._of_distribution(problem, seed, form)

    @classmethod
    def _of_distribution(cls, problem: SignalNoise, seed: int, form: str) -> Self:
        labels, observed = drawn_labels(problem, seed)
        form = gaussians.form_of(problem, form, problem.n)
        noise, weights = gaussians.standard_noise_and_weights(problem, seed, form, problem.n)
        if problem.orthogonal_noise:
            noise[:, 0] = 0.0
        signal = np.zeros(noise.shape[1])
        signal[0] = problem.signal_norm
        return cls._of_signal_noise(
            labels, observed, signal, problem.noise_std * noise, weights, form, problem.bias)

    @classmethod
    def from_arrays(
        cls,
        *,
        noise: ArrayLike,
        weights: ArrayLike,
        labels: ArrayLike,
        signal: ArrayLike,
        observed_labels: ArrayLike | None = None,
    ) -> Self:
        """Everything given, nothing drawn, to compare with a script of your own.

        Parameters
        ----------
        noise : (n, d) array
            Noise vectors ξ_i.
        weights : (2, m, d) array
            Initial filters w_{j,r}; row 0 is j = +1, row 1 is j = −1.
        labels : (n,) array of ±1
            True labels y_i; sample i has the patches y_i μ and ξ_i.
        signal : (d,) array
            The signal μ.
        observed_labels : (n,) array of ±1, optional
            Labels trained on; the true ones by default.

        Raises
        ------
        TypeError, ValueError
            Naming the array and what is wrong with its shape or entries.
        """
        mu = validate.array("signal", signal, None)
        if mu.size == 0:
            raise ValueError("signal: has shape (0,), every length must be at least 1")
        xi = validate.array("noise", noise, None, mu.size)
        if min(xi.shape) == 0:
            raise ValueError(f"noise: has shape {xi.shape}, every length must be at least 1")
        y = validate.signs("labels", labels, len(xi))
        observed = y if observed_labels is None else validate.signs("observed_labels", observed_labels, len(xi))
        filters = validate.array("weights", weights, 2, None, mu.size)
        if filters.shape[1] == 0:
            raise ValueError(f"weights: has shape {filters.shape}, needs at least one filter per branch")
        with blas.single_threaded():
            return cls._of_signal_noise(y, observed, mu, xi, filters.reshape(-1, mu.size), "vectors")

    @classmethod
    def _of_signal_noise(
        cls, labels: Array, observed: Array, signal: Array, noise: Array, weights: Array, form: str, bias: float = 0.0
    ) -> Self:
        n = labels.size
        if bias:  # (μ, bias) and (−μ, bias) are two atoms
            vectors = np.concatenate([signal[None], -signal[None], noise])
            vectors = np.pad(vectors, ((0, 0), (0, 1)), constant_values=bias)
            signal_atom, signal_sign = (labels < 0).astype(np.int64), np.ones(n)
        else:
            vectors = np.concatenate([signal[None], noise])
            signal_atom, signal_sign = np.zeros(n, dtype=np.int64), labels
        shared = len(vectors) - n
        return cls(
            labels=labels,
            observed_labels=observed,
            atom=np.stack([signal_atom, np.arange(shared, shared + n)], axis=1),
            sign=np.stack([signal_sign, np.ones(n)], axis=1),
            owner=np.concatenate([np.full(shared, -1), np.arange(n)]),
            vectors=vectors,
            weights=np.ascontiguousarray(weights),
            form=form,
        )

    @classmethod
    def _of_patches(cls, problem: PatchData, seed: int) -> Self:
        vectors = _factor(problem.gram) if problem.vectors is None else problem.vectors
        rng = generator(seed, Stream.WEIGHTS)
        return cls(
            labels=problem.labels,
            observed_labels=problem.observed_labels,
            atom=problem.atom,
            sign=problem.sign,
            owner=owners(problem.atom, len(problem.gram)),
            gram=problem.gram,
            vectors=vectors,
            weights=problem.init_std * rng.standard_normal((2 * problem.m, vectors.shape[1])),
            form="gram" if problem.vectors is None else "vectors",
        )

    def with_weights(self, weights: ArrayLike) -> Self:
        """The same data with initial weights (2, m, D) of your own."""
        filters = validate.array("weights", weights, 2, self.m, self.vectors.shape[1])
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return type(self)(**fields | {"weights": filters.reshape(2 * self.m, -1)})

    @property
    def n(self) -> int:
        """Number of samples."""
        return self.labels.size

    @property
    def m(self) -> int:
        """Filters per branch."""
        return len(self.weights) // 2

    @property
    def noisy(self) -> NDArray[np.bool_]:
        """(n,) whether the observed label differs from the true one."""
        noisy: NDArray[np.bool_] = self.labels != self.observed_labels
        return noisy

    @cached_property
    def orientation(self) -> Array:
        """(K,) the class, ±1, that an atom speaks for by law, or else most of its patches ±v_a; +1 for the signal μ.

        Signal learning of an atom counts what points to its own class: γ = j · orientation · b ‖v‖².
        """
        if self.classes is not None:
            return self.classes
        votes = np.zeros(len(self.vectors))
        np.add.at(votes, self.atom, self.sign * self.labels[:, None])
        orientation = np.where(votes < 0, -1.0, 1.0)
        orientation.setflags(write=False)
        return orientation

    @cached_property
    def norm_sq(self) -> Array:
        """(K,) ‖v_a‖²; without the Gram matrix where explicit weights are the cheaper engine."""
        many = 2 * self.vectors.shape[1] < len(self.vectors)
        norm_sq: Array = np.einsum("ad,ad->a", self.vectors, self.vectors) if many else np.diag(self.gram).copy()
        norm_sq.setflags(write=False)
        return norm_sq

    @cached_property
    def inner(self) -> Array:
        """(2m, K) inner products of initial filters and atoms."""
        with blas.single_threaded():
            inner: Array = self.weights @ self.vectors.T
        inner.setflags(write=False)
        return inner

    def weights_from(
        self, coefficients: NDArray[Any], scale: float = 1.0, drift: NDArray[Any] | None = None
    ) -> Array:
        """Filters w(t) = α w(0) + Σ_a b_a v_a + drift in these coordinates, (2m, D), from b (2m, K).

        Where noise on the weights has left these coordinates there are further ones behind, orthogonal to them.
        """
        weights: Array = scale * self.weights + coefficients @ self.vectors
        if drift is None:
            return weights
        further = drift.shape[1] - weights.shape[1]
        return np.pad(weights, ((0, 0), (0, further))) + drift

    def products_from(
        self, coefficients: NDArray[Any], atoms: slice = slice(None), scale: float = 1.0,
        drift: NDArray[Any] | None = None,
    ) -> Array:
        """⟨w(t), v_a⟩ = α⟨w(0), v_a⟩ + Σ_b b_b ⟨v_b, v_a⟩ + ⟨drift, v_a⟩ of some atoms v_a, (2m, atoms)."""
        if vars(self)["gram"] is not None or model_draw.gram_fits(len(self.vectors)):
            learned = coefficients @ self.gram[:, atoms]
        else:
            learned = (coefficients @ self.vectors) @ self.vectors[atoms].T
        products: Array = scale * self.inner[:, atoms] + learned
        return products if drift is None else products + drift[:, : self.vectors.shape[1]] @ self.vectors[atoms].T

    def signal_axis(self, bias: float = 0.0) -> Array:
        """(D,) unit vector along the signal of a signal-noise draw; the first axis where there is no signal."""
        signal = self.vectors[0] - self.vectors[1] if bias else self.vectors[0]
        norm = float(np.linalg.norm(signal))
        return signal / norm if norm > 0 else np.eye(1, signal.size)[0]

    def __repr__(self) -> str:
        return f"Draw({', '.join(f'{name}={value!r}' for name, value in self._rows_shown().items())})"

    def _rows_shown(self) -> dict[str, Any]:
        return {"form": self.form, "n": self.n, "flipped": int(self.noisy.sum()), "m": self.m,
                "coordinates": self.vectors.shape[1]}


def has_wishart_form(problem: Problem) -> bool:
    """Whether a problem can be drawn without its dimension: Gaussian data by law, and Gaussian weights."""
    return not isinstance(problem, PatchData) and problem.init_law == "normal"


def _factor(gram: Array) -> Array:
    """Vectors (K, rank) with the given Gram matrix."""
    size, direction = np.linalg.eigh(gram)
    kept = size > 1e-14 * max(size[-1], 0.0)
    factor: Array = direction[:, kept] * np.sqrt(size[kept])
    return factor if factor.shape[1] else np.zeros((len(gram), 1))
