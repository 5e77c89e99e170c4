"""Patch data of any kind: images, several patches, a bias coordinate, or only a Gram matrix."""

from dataclasses import dataclass
from typing import Self, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theorysim.core import blas, validate
from theorysim.patch.activation import Activation, Network, NetworkFields


@dataclass(frozen=True, eq=False)
class PatchData(Network):
    """A given patch dataset, whatever its patches are, and the network that meets it.

    The kernel sees patches as signed references to *atoms*, the distinct patches
    up to sign: patch p of sample i is ``sign[i, p]`` times atom ``atom[i, p]``.
    Make one with :meth:`from_vectors` (images, several patches, a bias
    coordinate) or :meth:`from_gram` (only inner products known).

    Attributes
    ----------
    labels, observed_labels : (n,) arrays of ±1
        True labels and the labels trained on.
    atom : (n, P) integer array
        Which atom each patch is.
    sign : (n, P) array of ±1
        With which sign.
    gram : (K, K) array
        Inner products of the atoms. An atom that only one sample has is turned, if need be, so
        that its first patch there has sign +1: memorizing it is then a positive ρ̄.
    vectors : (K, d) array or None
        The atoms themselves, when known.
    m, init_std, q, activation, loss, reduction, readout
        The network, as in :class:`theorysim.SignalNoise`.
    """

    labels: NDArray[np.float64]
    atom: NDArray[np.int64]
    sign: NDArray[np.float64]
    gram: NDArray[np.float64]
    observed_labels: NDArray[np.float64]
    m: int
    init_std: float
    q: float = 2
    vectors: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        labels = validate.signs("labels", self.labels, None)
        n = labels.size
        observed = validate.signs("observed_labels", self.observed_labels, n)
        gram = validate.array("gram", self.gram, None, None)
        atom = validate.indices("atom", self.atom, len(gram), n, None)
        for name, array in (("labels", labels), ("gram", gram), ("atom", atom)):
            if array.size == 0:
                raise ValueError(f"{name}: has shape {array.shape}, every length must be at least 1")
        gram = _positive_semidefinite("gram", gram)
        sign = validate.signs("sign", self.sign, *atom.shape)
        turn = _turned(atom, sign, len(gram))
        checked = {
            "labels": labels,
            "observed_labels": observed,
            "atom": atom,
            "sign": sign * turn[atom],
            "gram": gram * turn[:, None] * turn,
            "m": validate.integer("m", self.m, 1),
            "init_std": validate.real("init_std", self.init_std, 0),
            "q": validate.real("q", self.q, 1, 100),
        }
        if self.vectors is not None:
            checked["vectors"] = validate.array("vectors", self.vectors, len(gram), None) * turn[:, None]
        for name, value in checked.items():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
            object.__setattr__(self, name, value)
        self.check_network(self.m, self.q)

    @property
    def sigma(self) -> Activation:
        """The activation: ``activation``, or max(0, z)^q."""
        return self.sigma_of(self.q)

    @classmethod
    def from_vectors(
        cls,
        patches: ArrayLike,
        labels: ArrayLike,
        *,
        m: int,
        init_std: float,
        q: float = 2,
        observed_labels: ArrayLike | None = None,
        bias: float = 0.0,
        **network: Unpack[NetworkFields],
    ) -> Self:
        """From the patches themselves, an array (n, P, d).

        Patches that agree exactly, up to sign, become one atom. A non-zero
        ``bias`` is appended to every patch as one more coordinate, so that each
        filter has a bias weight b acting as ``bias * b``.
        """
        given = validate.array("patches", patches, None, None, None)
        bias = validate.real("bias", bias)
        if min(given.shape) == 0:
            raise ValueError(f"patches: has shape {given.shape}, every length must be at least 1")
        n, patches_each, _ = given.shape
        if bias:
            given = np.concatenate([given, np.full((n, patches_each, 1), bias)], axis=2)
        vectors, atom, sign = _atoms(given.reshape(n * patches_each, -1))
        true = validate.signs("labels", labels, n)
        with blas.single_threaded(), np.errstate(over="ignore", invalid="ignore"):
            gram = vectors @ vectors.T
        if not np.isfinite(gram).all():
            raise ValueError(f"patches: with entries up to {np.abs(vectors).max():g} their inner products overflow; "
                             "scale them down")
        return cls(
            labels=true,
            observed_labels=_observed(observed_labels, true),
            atom=atom.reshape(n, patches_each),
            sign=sign.reshape(n, patches_each),
            gram=gram,
            vectors=vectors,
            m=m,
            init_std=init_std,
            q=q,
            **network,
        )

    @classmethod
    def from_gram(
        cls,
        gram: ArrayLike,
        atom: ArrayLike,
        sign: ArrayLike,
        labels: ArrayLike,
        *,
        m: int,
        init_std: float,
        q: float = 2,
        observed_labels: ArrayLike | None = None,
        **network: Unpack[NetworkFields],
    ) -> Self:
        """From the Gram matrix of the atoms and, for every patch, its atom and sign."""
        true = validate.signs("labels", labels, None)
        matrix = validate.array("gram", gram, None, None)
        return cls(
            labels=true,
            observed_labels=_observed(observed_labels, true),
            atom=validate.indices("atom", atom, len(matrix), true.size, None),
            sign=validate.signs("sign", sign, true.size, None),
            gram=matrix,
            m=m,
            init_std=init_std,
            q=q,
            **network,
        )

    @property
    def n(self) -> int:
        """Number of samples."""
        return self.labels.size

    @property
    def atoms(self) -> int:
        """K, the number of distinct patches up to sign."""
        return len(self.gram)

    @property
    def owner(self) -> NDArray[np.int64]:
        """(K,) the only sample in which an atom occurs; −1 for atoms that samples share.

        Shared atoms carry signal (γ), the others noise (ρ). With a single sample
        there is nothing to tell them apart, and every atom is that sample's own.
        """
        return owners(self.atom, self.gram.shape[0])

    def __repr__(self) -> str:
        n, patches = self.atom.shape
        shared = int((self.owner < 0).sum())
        return (
            f"PatchData(n={n}, patches={patches}, atoms={len(self.gram)} ({shared} shared), "
            f"m={self.m}, init_std={self.init_std:g}, q={self.q:g}{self.told()})"
        )


def _observed(observed_labels: ArrayLike | None, labels: NDArray[np.float64]) -> NDArray[np.float64]:
    if observed_labels is None:
        return labels
    return validate.signs("observed_labels", observed_labels, labels.size)


def owners(atom: NDArray[np.int64], atoms: int) -> NDArray[np.int64]:
    """For each atom the only sample that has it, or −1 when several (or none) do."""
    first = np.full(atoms, -1)
    shared = np.zeros(atoms, dtype=bool)
    for i, row in enumerate(atom):
        fresh = first[row] == -1
        shared[row[~fresh & (first[row] != i)]] = True
        first[row[fresh]] = i
    return np.where(shared, -1, first)


def _turned(atom: NDArray[np.int64], sign: NDArray[np.float64], atoms: int) -> NDArray[np.float64]:
    """(K,) −1 for atoms of a single sample that come first with sign −1, else 1."""
    first = np.ones(atoms)
    used, where = np.unique(atom, return_index=True)
    first[used] = sign.ravel()[where]
    return np.where(owners(atom, atoms) >= 0, first, 1.0)


def _atoms(
    rows: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Distinct rows up to sign, in order of first appearance, with index and sign of every row."""
    seen: dict[bytes, int] = {}
    atom, sign = np.empty(len(rows), dtype=np.int64), np.ones(len(rows))
    chosen: list[int] = []
    rows = rows + 0.0  # -0.0 and 0.0 are one number and must be one key
    for k, row in enumerate(rows):
        if (same := seen.get(row.tobytes())) is not None:
            atom[k] = same
        elif (opposite := seen.get((0.0 - row).tobytes())) is not None:
            atom[k], sign[k] = opposite, -1.0
        else:
            atom[k] = seen[row.tobytes()] = len(chosen)
            chosen.append(k)
    return np.ascontiguousarray(rows[chosen]), atom, sign


def _positive_semidefinite(name: str, gram: NDArray[np.float64]) -> NDArray[np.float64]:
    if gram.shape[0] != gram.shape[1]:
        raise ValueError(f"{name}: has shape {gram.shape}, must be square")
    scale = float(np.abs(gram).max(initial=0.0))
    if not np.allclose(gram, gram.T, rtol=0, atol=1e-10 * scale):
        raise ValueError(f"{name}: must be symmetric, differs from its transpose by up to "
                         f"{np.abs(gram - gram.T).max():.3g}")
    smallest = float(np.linalg.eigvalsh(gram)[0])
    if smallest < -1e-8 * scale:
        raise ValueError(f"{name}: must be positive semidefinite, its smallest eigenvalue is {smallest:.3g}")
    return gram
