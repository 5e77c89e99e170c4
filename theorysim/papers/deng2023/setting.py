"""The setting of Deng et al. 2023: a core feature y v_c, a spurious one a v_s that mostly agrees, and a patch of noise.

Strengths, agreement, noise, dimension, samples, filters, the cubic activation, the trained bias, initial weights, loss
and learning rates are the paper's. That the outer weights are ±1, as of two logits whose difference counts, and that
the bias is the weight of a coordinate 1, with the initial law of the others, are choices.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.patch.activation import Monomial
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.patch_laws import Noise, Signal, Spurious
from theorysim.patch.patch_model import PatchModel
from theorysim.patch.view import PatchView

STRONG, WEAK = 1.0, 0.2
AGREEMENT = 0.98
D, N, M = 50, 10_000, 20
STEPS = 401
GD = GradientDescent(0.1)
MOMENTUM = GradientDescent(0.03, momentum=0.8)


def problem(n: int = N, swapped: bool = False) -> PatchModel:
    """f(x) = Σ_r ±Σ_p (⟨w_r, x^(p)⟩ + b_r)³ on (y β_c v_c, a β_s v_s, ξ); ``swapped`` gives the core the strength 1."""
    core, spurious = (STRONG, WEAK) if swapped else (WEAK, STRONG)
    return PatchModel(
        (Signal(core), Spurious(spurious, AGREEMENT), Noise(1 / 8, orthogonal=False)), n=n, d=D, m=M, bias=1.0,
        init_law="uniform", init_std=0.1 / np.sqrt(3 * D), activation=Monomial(3),
        readout=(1.0,) * M + (-1.0,) * M,
    )


def is_setting(run: Any) -> bool:
    """Whether a run is of a cubic network on a signal, a spurious feature and noise, each in a patch of its own."""
    of = run.problem
    return isinstance(of, PatchModel) and of.sigma == Monomial(3) and of.loss == "logistic" and (
        [type(one) for one in of.patches] == [Signal, Spurious, Noise])


def _learned(direction: int) -> Callable[[PatchView], float]:
    def largest(view: PatchView) -> float:
        """max_r ±⟨w_r, v⟩, the sign that of the filter's outer weight."""
        return float(learned(view)[direction])

    return largest


def learned(view: PatchView) -> NDArray[np.float64]:
    """max_r ±⟨w_r, v⟩ of both unit features v from the products with their patches, whose span has the features."""
    shared = view.draw.owner < 0
    of_patches = np.linalg.pinv(view.draw.vectors[shared])[:2].T
    side = np.where(view.problem.second_layer(view.draw.m) < 0, -1.0, 1.0)
    largest: NDArray[np.float64] = (side[:, None] * (view.z[:, shared] @ of_patches)).max(axis=0)
    return largest


# What the statements look at: ``simulate(..., observe=OBSERVE)``.
OBSERVE: Mapping[str, Callable[[PatchView], float]] = {"core": _learned(0), "spurious": _learned(1)}
