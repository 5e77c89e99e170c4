"""The state of the patch network as observables of one's own see it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.patch.draw import Draw
from theorysim.patch.kernels.layout import Weights
from theorysim.patch.problem import Problem

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PatchView:
    """One step of a training, before its update. Nothing of it may be changed.

    Attributes
    ----------
    step : int
    problem, draw
    z : (2m, K) array
        ⟨w_k, v_a⟩ of filters and atoms.
    coefficients : (2m, K) array
        b with w(t) = w(0) + Σ_a b_a v_a.
    margins : (n,) array
        ỹ_i f(x_i), against observed labels.
    scale, drift
        α, and what noise on the weights has added: w(t) = α w(0) + Σ_a b_a v_a + drift.
    """

    step: int
    problem: Problem
    draw: Draw
    z: Weights
    coefficients: Weights
    margins: Array
    scale: float = 1.0
    drift: Array | None = None

    @property
    def z_signal(self) -> Any:
        """⟨w_{j,r}, μ⟩, (2, m), row 0 for j = +1; (2, m, S) for S ≠ 1 signal atoms."""
        return self._alone(self._branches(self.z, self.draw.owner < 0))

    @property
    def z_noise(self) -> Any:
        """⟨w_{j,r}, ξ_i⟩, (2, m, n); over the atoms of one sample only for patch data."""
        return self._branches(self.z, self.draw.owner >= 0)

    @cached_property
    def gamma(self) -> Any:
        """Signal learning γ_{j,r}, (2, m); (2, m, S) for S ≠ 1 signal atoms."""
        signal = self.draw.owner < 0
        scale = self.draw.norm_sq[signal] * self.draw.orientation[signal]
        return self._alone(self._branches(self.coefficients, signal) * scale * np.array([1.0, -1.0])[:, None, None])

    @cached_property
    def rho(self) -> Any:
        """Noise memorization ρ_{j,r,i}, (2, m, n)."""
        noise = self.draw.owner >= 0
        return self._branches(self.coefficients, noise) * self.draw.norm_sq[noise]

    @property
    def outputs(self) -> Any:
        """f(x_i), (n,)."""
        return self.margins * self.draw.observed_labels

    @property
    def outputs_positive(self) -> Any:
        """f on the samples with true label +1."""
        return self.outputs[self.draw.labels > 0]

    @property
    def outputs_negative(self) -> Any:
        """f on the samples with true label −1."""
        return self.outputs[self.draw.labels < 0]

    @cached_property
    def weights(self) -> Any:
        """Filters in the draw's own coordinates, (2m, D)."""
        return self.draw.weights_from(self.coefficients, self.scale, self.drift)

    @staticmethod
    def _alone(values: Any) -> Any:
        return values[..., 0] if values.shape[-1] == 1 else values

    def _branches(self, values: Any, atoms: NDArray[np.bool_]) -> Any:
        return values[:, atoms].reshape(2, self.draw.m, -1)
