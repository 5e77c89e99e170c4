"""Test samples by law in 2m dimensions: all states of a fresh sample, and what noise does to each.

In a state (label, spurious sign, …) the patches without noise give the output a fixed number, and the patches with
noise have a certain part along the features. So f = S_s + Σ_p h(z_p + c_{s,p}) with z Gaussian in 2m dimensions for
each noise vector, and c zero where no feature is summed into the patch.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from theorysim.core import blas, validate
from theorysim.core.run import At
from theorysim.patch.activation import Activation
from theorysim.patch.patch_model import PatchModel
from theorysim.patch.population import Chance
from theorysim.patch.risk.sampling import BLOCK, SCORED, readout, spread, standard_noise, voted
from theorysim.patch.trained import TrainedRun

Array = NDArray[np.float64]


class Mixture(NamedTuple):
    """All that decides a fresh sample of a :class:`PatchModel` at one step; states as in its population.

    Attributes
    ----------
    labels : (S,) array of ±1
        The second half of the states are the first with the other label.
    fixed : (S,) array
        Output on the patches without noise.
    shifts : (T, C, 2m) array
        The different ⟨w, features⟩ of the C patches with noise.
    which : (S,) integer array
        The shifts of every state.
    std : (C, N) array
        How much of each noise vector is in each of these patches.
    covariances : (N, 2m, 2m) array
        Of ⟨w_k, ξ⟩ for noise of standard deviation 1.
    readout : (2m,) array
    sigma : Activation
    """

    labels: Array
    fixed: Array
    shifts: Array
    which: NDArray[np.int64]
    std: Array
    covariances: Array
    readout: Array
    sigma: Activation

    @property
    def certain(self) -> bool:
        """Whether no noise enters."""
        return not self.std.any()


def mixture(run: TrainedRun, at: At = "end") -> Mixture:
    """The reduced problem of a run on a :class:`PatchModel` at a recorded step."""
    problem, filters = run.problem, run.weights_at(at)
    assert isinstance(problem, PatchModel)
    known, features = problem.population, len(problem.directions)
    noise = filters[:, :-1] if problem.bias else filters
    along = np.concatenate([filters[:, :features], filters[:, noise.shape[1]:]], axis=1)
    second_layer, sigma = readout(run, at), problem.sigma
    of_noise = known.atom[0] < 0
    first, which = known.kinds(of_noise)
    with blas.single_threaded():
        inner = along @ known.vectors.T
        fixed = np.array([voted(sign * inner, second_layer, sigma) for sign in (1.0, -1.0)])
        shifts = known.parts[first][:, of_noise] @ along.T
        covariances = np.array([rows @ rows.T for rows in (noise[:, features if orthogonal else 0:]
                                                           for orthogonal in known.orthogonal)])
    chosen = fixed[(known.sign[:, ~of_noise] < 0).astype(np.int64), known.atom[:, ~of_noise]]
    return Mixture(known.labels, chosen.sum(axis=1), shifts, which, known.std[of_noise],
                   covariances.reshape(len(known.noises), len(filters), len(filters)), second_layer, sigma)


def hits(law: Mixture, n_test: int, seed: int) -> NDArray[np.int64]:
    """(S,) number of errors in every state on the same n_test draws of the noise; ties are errors."""
    found = np.zeros(len(law.labels), dtype=np.int64)
    plus, minus = law.labels > 0, law.labels < 0
    for outputs in _noise_outputs(law, n_test, seed):
        for number, values in enumerate(outputs):
            ordered, mine = np.sort(values), law.which == number
            of_plus, of_minus = mine & plus, mine & minus
            found[of_plus] += np.searchsorted(ordered, -law.fixed[of_plus], side="right")
            found[of_minus] += ordered.size - np.searchsorted(ordered, -law.fixed[of_minus], side="left")
    return found


def _noise_outputs(law: Mixture, n_test: int, seed: int) -> Iterator[Array]:
    """(T, size) output on the patches with noise under every shift, in blocks; one sample where nothing is drawn."""
    if law.certain:
        z = law.shifts[..., None]
        yield np.array([sum((voted(one, law.readout, law.sigma) for one in patches), np.zeros(1)) for patches in z])
        return
    with blas.single_threaded():
        spreads = [spread(covariance) for covariance in law.covariances]
        for start in range(0, n_test, BLOCK):
            size = min(BLOCK, n_test - start)
            noise = [standard_noise(seed, start // BLOCK, len(law.readout), size, k) for k in range(len(spreads))]
            for first in range(0, size, SCORED):
                part = slice(first, first + SCORED)
                yield _scored(law, [one @ numbers[:, part] for one, numbers in zip(spreads, noise, strict=True)])


def _scored(law: Mixture, noise: list[Array]) -> Array:
    """(T, size) outputs from ⟨w_k, ξ⟩ (2m, size) of every noise vector of standard deviation 1."""
    found = np.zeros((len(law.shifts), noise[0].shape[1]))
    for patch, std in enumerate(law.std):
        z = np.zeros(noise[0].shape)
        for size, one in zip(std, noise, strict=True):
            z += size * one
        for output, shift in zip(found, law.shifts[:, patch], strict=True):
            output += voted(z + shift[:, None], law.readout, law.sigma)
    return found


def weights(problem: PatchModel, group: Mapping[str, Any] | None) -> Array:
    """(S,) probabilities of the states, in a group if one is given; see :func:`checked_group`."""
    outcomes = dict(group or {})
    label = outcomes.pop("label", None)
    found = problem.population.probabilities(outcomes)
    return found if label is None else np.where(problem.population.labels == label, 2 * found, 0.0)


def checked_group(problem: PatchModel, group: Any) -> dict[str, Any] | None:
    """A group as users give it: outcomes by the names of chances, and ±1 for "label".

    Raises
    ------
    TypeError, ValueError
        Naming what is not a chance of the problem or an outcome of it.
    """
    if group is None:
        return None
    validate.instance("group", group, (Mapping,))
    label = Chance("label", ("1", "-1"), (0.5, 0.5))
    chances = {one.name: one for one in (*problem.population.chances, label)}
    found: dict[str, Any] = {}
    for name, outcome in group.items():
        if name not in chances:
            raise ValueError(f"group={group!r}: {name!r} must be one of {', '.join(map(repr, chances))}")
        allowed = chances[name].outcomes
        word = str(int(outcome)) if name == "label" and outcome in (1, -1) else outcome
        if word not in allowed:
            raise ValueError(f"group={group!r}: {name!r} must be one of "
                             f"{', '.join(allowed if name == 'label' else map(repr, allowed))}, not {outcome!r}")
        found[name] = int(word) if name == "label" else word
    return found
