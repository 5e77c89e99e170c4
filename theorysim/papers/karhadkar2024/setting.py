"""The setting of Karhadkar et al. 2024: one patch, a signal of strength √γ and noise orthogonal to it.

The strengths, m, the initial weights, the summed hinge loss and the learning rate are the paper's. That m = 64 counts
the filters of both signs, and that exactly a tenth of each class is flipped, are choices.
"""

import numpy as np

from theorysim.patch.activation import LeakyReLU
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.patch_laws import Noise, PatchLaw, Signal, Sum, terms
from theorysim.patch.patch_model import PatchModel

FILTERS = 64
FLIPPED = 0.1
MOST_STEPS = 20_000


def problem(n: int, d: int, gamma: float, filters: int = FILTERS) -> PatchModel:
    """x = √γ y v + √(1 − γ) ξ/√d with ξ orthogonal to v; f(x) = Σ_r ±σ(⟨w_r, x⟩), leaky ReLU, hinge loss summed."""
    half = filters // 2
    return PatchModel(
        (Signal(np.sqrt(gamma)) + Noise(np.sqrt((1 - gamma) / d)),), n=n, d=d, m=half,
        init_std=1 / (filters * np.sqrt(d)), label_flip=FLIPPED, flip_law="stratified", activation=LeakyReLU(0.1),
        loss="hinge", reduction="sum", readout=(1.0,) * half + (-1.0,) * half,
    )


def algorithm(of: PatchModel) -> GradientDescent:
    """Gradient descent with the learning rate 1/(mn), m counting the filters of both signs."""
    return GradientDescent(1 / (2 * of.m * of.n))


def parts(of: object) -> tuple[Signal, Noise] | None:
    """The signal and the noise of a problem that has one patch, their sum; None of another."""
    if not isinstance(of, PatchModel) or len(of.patches) != 1 or not isinstance(of.patches[0], Sum):
        return None
    found: tuple[PatchLaw, ...] = terms(of.patches[0])
    signals = [one for one in found if isinstance(one, Signal)]
    noises = [one for one in found if isinstance(one, Noise) and one.orthogonal]
    return (signals[0], noises[0]) if len(found) == 2 and signals and noises else None
