"""Draws of data by law: features along the first axes, then the noise patches of each sample."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.patch import gaussians
from theorysim.patch.patch_model import PatchModel

Array = NDArray[np.float64]
MAX_BYTES = 2**34  # largest array of a draw
CLOSE = 1e-8  # of a patch to its part along the features, relative to its length


def drawn(problem: PatchModel, seed: int, form: str) -> dict[str, Any]:
    """The fields of a draw."""
    known, features, n = problem.population, len(problem.directions), problem.n
    rows = n * len(known.noises)
    form = gaussians.form_of(problem, form, rows, features)
    _check_size(problem, form, rows)
    labels, observed, states = problem.states(seed)
    noise, weights = gaussians.standard_noise_and_weights(problem, seed, form, rows, features)
    patches = problem.patches_of(states, noise.reshape(n, len(known.noises), noise.shape[1]), known.noisy)
    shared = np.zeros((len(known.features), patches.shape[2]))
    shared[:, :features] = known.vectors[:, :features]
    if problem.bias:
        shared[:, -1] = problem.bias
    vectors = np.concatenate([shared, patches.reshape(-1, patches.shape[2])])
    return dict(
        labels=labels, observed_labels=observed, atom=_atoms(problem, states), sign=known.sign[states],
        owner=_owners(problem), vectors=vectors, weights=np.ascontiguousarray(weights),
        form=form, classes=np.concatenate([known.classes, np.repeat(labels, len(known.noisy))]),
    )


def _check_size(problem: PatchModel, form: str, rows: int) -> None:
    """Raise ValueError where a draw would be too large to be held, its Gram matrix aside."""
    filters = 2 * problem.m
    coordinates = problem.d if form == "vectors" else len(problem.directions) + rows + filters
    name = "d" if form == "vectors" else "n"
    _check_bytes(f"{name}={getattr(problem, name)}", f"{rows + filters} vectors in {coordinates} coordinates",
                 (rows + filters) * coordinates)


def check_gram(n: int, atoms: int) -> None:
    """Raise ValueError where the Gram matrix of n samples' atoms would be too large, which explicit weights do without.

    Asked when it is about to be made; and before any work of an engine that needs it.
    """
    _check_bytes(f"n={n}", f"the inner products of {atoms} patches", atoms**2,
                 "; explicit weights need none: engine='weights', or 'auto' where dimensions are few")


def gram_fits(atoms: int) -> bool:
    """Whether a Gram matrix may be made."""
    return 8 * atoms**2 <= MAX_BYTES


def _check_bytes(name: str, what: str, numbers: int, remedy: str = "") -> None:
    if 8 * numbers > MAX_BYTES:
        raise ValueError(f"{name}: {what} would take {8 * numbers / 2**30:.3g} GiB; at most {MAX_BYTES / 2**30:g} GiB "
                         f"is allowed{remedy}")


def _atoms(problem: PatchModel, states: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n, P) atoms of the patches of samples in these states."""
    known = problem.population
    own = len(known.features) + len(known.noisy) * np.arange(len(states))[:, None] - 1 - known.atom[states]
    atoms: NDArray[np.int64] = np.where(known.atom[states] < 0, own, known.atom[states])
    return atoms


def _owners(problem: PatchModel) -> NDArray[np.int64]:
    """(K,) the sample whose noise an atom is."""
    known = problem.population
    return np.concatenate([np.full(len(known.features), -1), np.repeat(np.arange(problem.n), len(known.noisy))])


def check(
    problem: PatchModel, labels: Array, atom: NDArray[np.int64], sign: Array, owner: NDArray[np.int64],
    vectors: Array, form: str,
) -> None:
    """Raise ValueError unless these can be of a draw of the problem."""
    known, features = problem.population, len(problem.directions)
    remedy = "make it with Draw.from_problem(problem)"
    if atom.shape[1] != len(problem.patches) or not np.array_equal(owner, _owners(problem)):
        raise ValueError(f"draw is one of another problem, but problem is {problem}: {remedy}")
    given = vectors.shape[1] - bool(problem.bias)
    if given < features or (form == "vectors" and given != problem.d):
        raise ValueError(f"draw has d={given}, but problem has d={problem.d} and {features} features: {remedy}")
    wanted = np.zeros((len(known.features), vectors.shape[1]))
    wanted[:, :features] = known.vectors[:, :features]
    wanted[:, given:] = problem.bias
    if not np.allclose(vectors[: len(wanted)], wanted, rtol=1e-6, atol=0):
        raise ValueError(f"draw has other features than {', '.join(problem.features)} of problem along its first "
                         f"axes: {remedy}")
    possible = labels[:, None] == known.labels
    for patch, of_noise in enumerate(known.atom[0] < 0):
        if not of_noise:
            possible &= (atom[:, patch, None] == known.atom[:, patch]) & (sign[:, patch, None] == known.sign[:, patch])
            continue
        possible &= (atom[:, patch] == _atoms(problem, np.zeros(len(labels), dtype=np.int64))[:, patch])[:, None]
        if known.orthogonal[known.std[patch] > 0].all():
            own = vectors[atom[:, patch]]
            first, which = known.kinds(patch)
            away = np.array([np.abs(own[:, :features] - known.parts[state, patch, :features]).max(axis=1, initial=0.0)
                             for state in first])
            possible &= (away <= CLOSE * np.linalg.norm(own, axis=1)).T[:, which]
    if not possible.any(axis=1).all():
        raise ValueError(f"draw has a sample ({int(np.argmin(possible.any(axis=1)))}) that problem cannot have: "
                         f"{remedy}")
