"""Data by law: a problem whose patches are a signal, a spurious feature, noise, or whatever else their laws say."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.core.seeds import Stream, generator
from theorysim.patch.activation import Activation, Network
from theorysim.patch.labels import drawn_labels, flip_rates
from theorysim.patch.patch_laws import LARGEST, PatchLaw, Sum
from theorysim.patch.population import Population, named, population

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PatchModel(Network):
    r"""Samples made of patches by law, and the two-layer patch network that meets them.

    Each of n samples has a true label y = ±1 (uniform) and one patch for each law. All features, the unit directions
    of all laws, are orthonormal; noise is Gaussian::

        PatchModel([Signal(2.0), Spurious(3.0, agreement=0.98), Noise(0.5)], n=200, d=2000, m=20, init_std=0.01)

    :class:`SignalNoise` is the case ``[Signal(signal_norm), Noise(noise_std, orthogonal_noise)]``, with the same draws.
    The network is as there: f(x) = Σ_j j/m Σ_r Σ_p σ(⟨w_{j,r}, x^(p)⟩).

    Atoms are first the distinct feature patches up to sign, named by :attr:`features`, which carry γ; then for each
    sample its patches with noise, which carry ρ and are that sample's own, whatever features are summed into them.

    Parameters
    ----------
    patches : sequence of laws
        :class:`Signal`, :class:`Spurious`, :class:`XOR`, :class:`LongTail`, :class:`ConstantPatch`, :class:`Zero`,
        :class:`Noise`, or sums of them (``Signal(1.0) + Noise(0.5)`` is one patch).
    n, m, init_std, q, label_flip, flip_law, init_law, activation, loss, reduction, readout
        As of :class:`SignalNoise`.
    d : int
        Dimension of a patch: at least the number of features, and one more where noise is orthogonal to them.
    bias : float
        Appended to every patch as one more coordinate, in which there is no noise; 0 for none.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """

    patches: tuple[PatchLaw, ...]
    n: int
    d: int
    m: int
    init_std: float
    q: float = 2
    label_flip: float | tuple[float, float] = 0.0
    init_law: str = "normal"
    bias: float = 0.0
    flip_law: str = "independent"

    def __post_init__(self) -> None:
        if isinstance(self.patches, PatchLaw | str) or not isinstance(self.patches, Sequence) or not self.patches:
            raise TypeError(f"patches={self.patches!r}: must be a non-empty sequence of laws, such as [Signal(2.0), "
                            "Noise(0.5)]")
        for place, law in enumerate(self.patches):
            validate.instance(f"patches[{place}]", law, (PatchLaw,))
        checked = {
            "patches": tuple(self.patches),
            "n": validate.integer("n", self.n, 1),
            "d": validate.integer("d", self.d, 1, 2**53),
            "m": validate.integer("m", self.m, 1),
            "init_std": validate.real("init_std", self.init_std, 0, LARGEST),
            "q": validate.real("q", self.q, 1, 100),
            "label_flip": flip_rates(self.label_flip),
            "init_law": validate.choice("init_law", self.init_law, ("normal", "uniform")),
            "bias": validate.real("bias", self.bias, -LARGEST, LARGEST),
            "flip_law": validate.choice("flip_law", self.flip_law, ("independent", "stratified")),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        self.check_network(self.m, self.q)
        least = max(1, len(self.directions) + bool(self.population.orthogonal.any()))
        if self.d < least:
            raise ValueError(f"d={self.d}: must be an integer in [{least}, {2**53}], for {len(self.directions)} "
                             "features and noise")

    @property
    def sigma(self) -> Activation:
        """The activation: ``activation``, or max(0, z)^q."""
        return self.sigma_of(self.q)

    @cached_property
    def population(self) -> Population:
        """What the laws come to: all states of a sample, written out."""
        return population(self.patches, self.bias)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the feature atoms, the last axis of γ: distinct patches without noise, up to sign."""
        return self.population.features

    @property
    def directions(self) -> tuple[str, ...]:
        """Names of the unit features, the first coordinates of a draw."""
        return self.population.directions

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """What chance decides of a sample beside its label, by the name of its law: the groups of ``test_error``."""
        return {chance.name: chance.outcomes for chance in self.population.chances}

    @property
    def atoms(self) -> int:
        """K, the number of distinct patches up to sign: features, and those with noise of each sample."""
        return len(self.features) + self.n * len(self.population.noisy)

    @property
    def flip_rates(self) -> tuple[float, float]:
        """Flip probabilities of the labels +1 and −1."""
        flip = self.label_flip
        return flip if isinstance(flip, tuple) else (flip, flip)

    @property
    def parameters(self) -> dict[str, Any]:
        """The numbers of the laws by name, such as "spurious.agreement": axes of sweeps, and keys of ``replace``."""
        return {f"{name}.{key}": value for patch in named(self.patches) for name, law in patch
                for key, value in law.parameters.items()}

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields or numbers of laws changed: ``replace(d=100, **{"spurious.agreement": 0.9})``."""
        fields = {field.name for field in dataclasses.fields(self)}
        plain = {name: value for name, value in changes.items() if name in fields}
        changed = dataclasses.replace(self, **plain) if "patches" in plain else self
        of_laws = {name: value for name, value in changes.items() if name not in fields}
        if unknown := set(of_laws) - set(changed.parameters):
            name = min(unknown)
            allowed = ", ".join([*sorted(fields), *changed.parameters])
            raise TypeError(f"{name}={changes[name]!r}: not a field; the fields are {allowed}")
        patches = []
        for patch, law in zip(named(changed.patches), changed.patches, strict=True):
            made = tuple(_changed(name, term, of_laws) for name, term in patch)
            patches.append(Sum(made) if isinstance(law, Sum) else made[0])
        return dataclasses.replace(self, **plain | {"patches": tuple(patches)})

    def sample(self, samples: int, seed: int = 0) -> tuple[Array, Array]:
        """Fresh samples by law: patches (samples, P, d), d + 1 with a bias, and true labels (samples,).

        In the coordinates of draws with ``draw="vectors"``, so that ``run.predict`` takes them. They are independent
        of the training samples of every seed.
        """
        samples, seed = validate.integer("samples", samples, 1), validate.integer("seed", seed, 0)
        rng = generator(seed, Stream.SAMPLES)
        patches, labels, _ = self.fresh(samples, rng, self.d)
        return patches, labels

    def fresh(
        self, samples: int, rng: np.random.Generator, coordinates: int
    ) -> tuple[Array, Array, NDArray[np.int64]]:
        """Patches (samples, P, coordinates and the bias), labels and states of fresh samples from a generator.

        A fresh noise vector, seen in an orthonormal basis of some of its dimensions, has independent Gaussian
        coordinates there, so the coordinates that a network occupies are enough; features are the first of them.
        """
        labels = np.where(rng.random(samples) < 0.5, -1.0, 1.0)
        known = self.population
        states = known.states(labels, [rng.random(samples) for _ in known.chances])
        noise = rng.standard_normal((samples, len(known.noises), coordinates))
        return self.patches_of(states, noise), labels, states

    def states(self, seed: int) -> tuple[Array, Array, NDArray[np.int64]]:
        """True labels, observed labels and states of the training samples of a seed, (n,) each."""
        labels, observed = drawn_labels(self, seed)
        uniform = [generator(seed, Stream.FEATURES, number).random(self.n) for number in range(len(self.groups))]
        return labels, observed, self.population.states(labels, uniform)

    def patches_of(self, states: NDArray[np.int64], noise: Array, kinds: Any = slice(None)) -> Array:
        """Patches (samples, P, coordinates and the bias) in these states with standard Gaussian noise (samples, N, ·).

        ``kinds`` chooses some of the patches.
        """
        known, features = self.population, len(self.directions)
        std, parts = known.std[kinds], known.parts[:, kinds][states]
        found = np.zeros((len(states), len(std), noise.shape[2] + bool(self.bias)))
        coordinates = found[:, :, : noise.shape[2]]
        for number, orthogonal in enumerate(known.orthogonal):
            vectors = noise[:, number]
            if orthogonal:
                vectors = vectors.copy()
                vectors[:, :features] = 0.0
            for patch in np.flatnonzero(std[:, number]):
                coordinates[:, patch] += std[patch, number] * vectors
        coordinates[:, :, :features] += parts[:, :, :features]
        if self.bias:
            found[:, :, -1] = self.bias
        return found

    def _rows_shown(self) -> dict[str, Any]:
        rest = super()._rows_shown()
        laws = {f"patch {place}": law for place, law in enumerate(rest.pop("patches"), start=1)}
        return laws | rest | {"features": ", ".join(self.features)}


def _changed(name: str, term: PatchLaw, changes: Mapping[str, Any]) -> PatchLaw:
    """A law with those of the changes that are its own."""
    mine = {key: changes[f"{name}.{key}"] for key in term.parameters if f"{name}.{key}" in changes}
    return dataclasses.replace(term, **mine) if mine else term
