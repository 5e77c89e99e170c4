"""What the laws of a problem's patches come to: directions, chances, noise vectors, and the atoms that are features.

A *state* is all that chance decides of a sample but its noise: the label and one outcome of every chance. Given the
state every patch has a *part* along the features, which is certain. States are few and are all written out, labels
first: the first half of them has y = +1, the second y = −1 with the same outcomes in the same order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from theorysim.patch.patch_laws import SURE, FeatureLaw, Noise, PatchLaw, Zero, terms

Array = NDArray[np.float64]
MAX_STATES = 4096
MAX_ENTRIES = 2**25  # of the parts of all states
LABELS = (1, -1)

Key = tuple[tuple[int, int, float], ...]  # (direction, sign, strength) of every term, the bias behind the directions


class Chance(NamedTuple):
    """What is decided of a sample beside its label: the name of its law, outcomes and their probabilities."""

    name: str
    outcomes: tuple[str, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Population:
    """S states of samples with P patches, over F directions, with N noise vectors a sample.

    Attributes
    ----------
    directions : F names
        Of the unit features, in the order of the laws; they are the first axes of a draw.
    chances : tuple of Chance
    noises : N names
    orthogonal : (N,) boolean array
        Which of the noise vectors are orthogonal to all features.
    std : (P, N) array
        How much of each noise vector is in a patch; its coordinates there have this standard deviation.
    labels : (S,) array of ±1
    outcome : (S, chances) integer array
    parts : (S, P, F) array, F + 1 with a bias
        What a patch is along the features; the bias comes last.
    features : A names
        Of the feature atoms: distinct feature patches up to sign, as they appear patch after patch.
    vectors : (A, F) array, F + 1 with a bias
        The feature atoms.
    classes : (A,) array of ±1
        The class for which an atom speaks by law (the sign on average of ±y where its patches are ±v; where that is
        even, as in an XOR, the class that it belongs to, and +1 where it belongs to both).
    atom, sign : (S, P) arrays
        Of patches without noise their feature atom and sign; of others −1 − (which of the distinct patches with noise)
        and 1.
    """

    directions: tuple[str, ...]
    chances: tuple[Chance, ...]
    noises: tuple[str, ...]
    orthogonal: NDArray[np.bool_]
    std: Array
    labels: Array
    outcome: NDArray[np.int64]
    parts: Array
    features: tuple[str, ...]
    vectors: Array
    classes: Array
    atom: NDArray[np.int64]
    sign: Array

    @property
    def noisy(self) -> NDArray[np.int64]:
        """(C,) one patch of every distinct kind of patch with noise, in the order of their atoms in a sample."""
        of_first = self.atom[0]
        return np.array([int(np.argmax(of_first == -1 - kind)) for kind in range(int((-of_first).max(initial=0)))],
                        dtype=np.int64)

    def probabilities(self, group: Mapping[str, str] | None = None) -> Array:
        """(S,) of the states, or of the states given some outcomes by the names of their chances (even unlikely)."""
        chosen = group or {}
        found = np.full(len(self.labels), 0.5)
        for column, chance in zip(self.outcome.T, self.chances, strict=True):
            if chance.name in chosen:
                found = np.where(column == chance.outcomes.index(chosen[chance.name]), found, 0.0)
            else:
                found = found * np.array(chance.probabilities)[column]
        return found

    def kinds(self, patches: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """States in which some patches differ along the features, one of every kind; and which kind each state is."""
        parts = self.parts[:, patches].reshape(len(self.labels), -1)
        if not parts.any():
            return np.zeros(1, dtype=np.int64), np.zeros(len(parts), dtype=np.int64)
        _, first, which = np.unique(parts, axis=0, return_index=True, return_inverse=True)
        return first, which.reshape(-1)

    def states(self, labels: Array, uniform: Sequence[Array]) -> NDArray[np.int64]:
        """(n,) the states of samples with these labels, from uniform numbers (n,) for every chance."""
        found = (labels < 0).astype(np.int64)
        for chance, numbers in zip(self.chances, uniform, strict=True):
            ends = np.cumsum(chance.probabilities)[:-1]
            found = found * len(chance.outcomes) + np.searchsorted(ends, numbers, side="right")
        return found


def named(patches: Sequence[PatchLaw]) -> tuple[tuple[tuple[str, PatchLaw], ...], ...]:
    """The terms of every patch with the names that they have: given, or that of the kind, numbered from the second.

    Raises
    ------
    ValueError
        When laws of one name differ in more than strength.
    """
    known: dict[str, PatchLaw] = {}
    for term in (term for patch in patches for term in terms(patch) if getattr(term, "name", None) is not None):
        first = known.setdefault(getattr(term, "name"), term)
        if first.shared != term.shared:
            raise ValueError(f"patches: {first!r} and {term!r} have one name; then they must differ in strength alone")
    taken, found = set(known), []
    for patch in patches:
        found.append(tuple((_called(term, taken), term) for term in terms(patch)))
    return tuple(found)


def _called(term: PatchLaw, taken: set[str]) -> str:
    given: str | None = getattr(term, "name", None)
    if given is not None:
        return given
    name, number = term.kind, 1
    while name in taken and not isinstance(term, Zero):
        number += 1
        name = f"{term.kind} {number}"
    taken.add(name)
    return name


@lru_cache(maxsize=64)
def population(patches: tuple[PatchLaw, ...], bias: float = 0.0) -> Population:
    """The population of a problem.

    Raises
    ------
    TypeError, ValueError
        For a term that is no law, laws of one name that do not fit, or more states than can be written out.
    """
    laws = named(patches)
    by_name = {name: law for patch in laws for name, law in patch}
    shown = {name: law for name, law in by_name.items() if isinstance(law, FeatureLaw)}
    noises = tuple(name for name, law in by_name.items() if isinstance(law, Noise))
    for law in by_name.values():
        if not isinstance(law, FeatureLaw | Noise | Zero):
            raise TypeError(f"patches: {law!r} must be derived from FeatureLaw, or a Noise or Zero")
    place = {(name, one): number for number, (name, one) in enumerate(
        (name, one) for name, law in shown.items() for one in law.strengths())}
    chances = tuple(Chance(name, tuple(law.outcomes()), tuple(law.outcomes().values()))
                    for name, law in shown.items() if dict(law.outcomes()) != SURE)
    size = 2 * prod(len(one.outcomes) for one in chances)
    if size > MAX_STATES or size * len(patches) * len(place) > MAX_ENTRIES:
        raise ValueError(f"patches: their laws have {size} combinations of label and outcomes over {len(place)} "
                         f"features; at most {MAX_STATES}, and {MAX_ENTRIES} numbers for all patches, are allowed")
    states = list(product(LABELS, *(one.outcomes for one in chances)))
    std = np.zeros((len(patches), len(noises)))
    for row, patch in zip(std, laws, strict=True):
        for name, law in patch:
            if isinstance(law, Noise):
                row[noises.index(name)] += law.std
    keys = [[_key(patch, state, chances, place, bias) for patch in laws] for state in states]
    of_noise = [tuple((name, law) for name, law in patch) if any(isinstance(law, Noise) for _, law in patch) else None
                for patch in laws]
    return _written_out(keys, of_noise, bias, states, dict(
        directions=tuple(f"{name} {one}".strip() for name, one in place), chances=chances, noises=noises, std=std,
        orthogonal=np.array([getattr(by_name[name], "orthogonal") for name in noises], dtype=bool),
    ))


def _key(
    patch: Sequence[tuple[str, PatchLaw]], state: Sequence[Any], chances: Sequence[Chance],
    place: Mapping[tuple[str, str], int], bias: float,
) -> Key:
    """What a patch is along the features in a state."""
    decided = {chance.name: outcome for chance, outcome in zip(chances, state[1:], strict=True)}
    found = []
    for name, law in patch:
        if isinstance(law, FeatureLaw):
            one, sign = law.shown(state[0], decided.get(name, ""))
            found.append((place[name, one], sign, law.strengths()[one]))
    return (*sorted(found), *([(len(place), 1, bias)] if bias else []))


def _written_out(
    keys: list[list[Key]], of_noise: Sequence[Any], bias: float, states: Sequence[Any], known: dict[str, Any]
) -> Population:
    """The arrays over all states."""
    directions, chances = known["directions"], known["chances"]
    width = len(directions) + bool(bias)
    shape = len(keys), len(of_noise)
    parts, atom, sign = np.zeros((*shape, width)), np.zeros(shape, dtype=np.int64), np.ones(shape)
    kinds = list(dict.fromkeys(one for one in of_noise if one is not None))
    found: dict[Key, int] = {}
    for p, s in np.ndindex(shape[::-1]):
        parts[s, p] = _vector(keys[s][p], width)
        if of_noise[p] is not None:
            atom[s, p] = -1 - kinds.index(of_noise[p])
        elif (opposite := tuple((at, -one, size) for at, one, size in keys[s][p])) in found and opposite:
            atom[s, p], sign[s, p] = found[opposite], -1.0
        else:
            atom[s, p] = found.setdefault(keys[s][p], len(found))
    labels = np.array([float(state[0]) for state in states])
    outcome = np.array([[chance.outcomes.index(one) for chance, one in zip(chances, state[1:], strict=True)]
                        for state in states], dtype=np.int64).reshape(len(states), len(chances))
    made = Population(
        **known, labels=labels, outcome=outcome, parts=parts, atom=atom, sign=sign,
        features=_names(list(found), (*directions, "bias")),
        vectors=np.array([_vector(key, width) for key in found]).reshape(len(found), width),
        classes=np.ones(len(found)),
    )
    chance = made.probabilities()
    for number in range(len(found)):
        made.classes[number] = _class(made, chance, number)
    for array in vars(made).values():
        if isinstance(array, np.ndarray):
            array.setflags(write=False)
    return made


def _vector(key: Key, width: int) -> Array:
    found = np.zeros(width)
    for at, sign, strength in key:
        found[at] += sign * strength
    return found


def _class(made: Population, chance: Array, number: int) -> float:
    """The class that a feature atom speaks for by law."""
    there = made.atom == number
    votes = float((there * made.sign * (chance * made.labels)[:, None]).sum())
    if abs(votes) > 1e-12:
        return 1.0 if votes > 0 else -1.0
    labels = set(made.labels[there.any(axis=1)])
    return labels.pop() if len(labels) == 1 else 1.0


def _names(keys: Sequence[Key], directions: Sequence[str]) -> tuple[str, ...]:
    """Names of feature atoms; with their strengths where they would be alike."""
    plain = [_name(key, directions, False) for key in keys]
    return tuple(_name(key, directions, plain.count(name) > 1) for key, name in zip(keys, plain, strict=True))


def _name(key: Key, directions: Sequence[str], strengths: bool) -> str:
    words = "".join(f" {'+' if sign > 0 else '-'} {f'{size:g} ' if strengths else ''}{directions[at]}"
                    for at, sign, size in key)
    return words.removeprefix(" + ").replace(" - ", "-", 1) if words.startswith(" - ") else (
        words.removeprefix(" + ") or "zero")
