"""What a claim may speak of besides observables: entries of a recorded state of the patch network or its mean field.

Each is a function of a run and the position of a record. ρ̄ and ρ̲ are the entries of ρ in the branch of the observed
label and in the other one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def _in_branch(run: Any, place: int, sign: float) -> Array:
    """ρ of the branch j = sign · ỹ_i, (m, atoms): one atom a sample, or as many as patch data have of its own."""
    labels = run.draw.observed_labels
    owner = getattr(run.draw, "owner", np.arange(len(labels)))
    atoms = owner[owner >= 0]
    found: Array = run.rho[place][np.where(sign * labels[atoms] > 0, 0, 1), :, np.arange(len(atoms))].T
    return found


def _outputs(run: Any, place: int) -> Array:
    return run.outputs(int(run.steps_recorded[place]))


COEFFICIENTS: Mapping[str, Callable[[Any, int], Any]] = {
    "gamma": lambda run, place: run.gamma[place],
    "rho": lambda run, place: run.rho[place],
    "rho_bar": lambda run, place: _in_branch(run, place, 1.0),
    "rho_under": lambda run, place: _in_branch(run, place, -1.0),
    "outputs": _outputs,
    "margins": lambda run, place: _outputs(run, place) * run.draw.observed_labels,
}


def _products(run: Any, place: int, noise: bool) -> Array:
    """⟨w_{j,r}, v_a⟩ with the atoms of one sample only, or the others."""
    products = run.products(int(run.steps_recorded[place]))[:, (run.draw.owner >= 0) == noise]
    found: Array = products.reshape(2, run.draw.m, -1)
    return found[..., 0] if not noise and found.shape[-1] == 1 else found


QUANTITIES: Mapping[str, Callable[[Any, int], Any]] = {
    **COEFFICIENTS,
    "z_signal": lambda run, place: _products(run, place, False),
    "z_noise": lambda run, place: _products(run, place, True),
}


def time_columns(run: Any, name: str) -> Sequence[str]:
    """The columns that T1 and T2 are read off; none for the theory's own times."""
    if name not in ("T1", "T2"):
        return ()
    first, noisy = ("rho_bar_min",), run.algorithm.label_noise is not None
    return first if name == "T1" else (*first, "gamma_max") if noisy else ("train_loss",)
