"""The state of the mean field as observables of one's own see it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from theorysim.mean_field.draw import MeanFieldDraw
from theorysim.mean_field.groups import noise_products, signal_products
from theorysim.mean_field.problem import MeanField

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MeanFieldView:
    """One step of a mean field, before its update. Nothing of it may be changed.

    Attributes
    ----------
    step : int
    problem, draw
    memory : (n, 2, R) array
        Inner products with the noise, of a sample's own branch and of the other: for q = 2 that of its largest active
        filter (R = 1, not positive once it is dead), else those of all filters.
    signal : (G,) array
        Inner products with the signal: for q = 2 of the largest filter on either side of it in either branch.
    margins : (n,) array
        ỹ_i f(x_i), against observed labels.
    """

    step: int
    problem: MeanField
    draw: MeanFieldDraw
    memory: Array
    signal: Array
    margins: Array

    @cached_property
    def z_signal(self) -> Array:
        """⟨w_{j,r}, μ⟩, (2, m), row 0 for j = +1."""
        return signal_products(self.problem, self.draw, self.signal)

    @cached_property
    def z_noise(self) -> Array:
        """⟨w_{j,r}, ξ_i⟩, (2, m, n)."""
        return noise_products(self.problem, self.draw, self.memory)

    @property
    def gamma(self) -> Array:
        """Signal learning γ_{j,r} = j⟨w_{j,r} − w_{j,r}(0), μ⟩, (2, m)."""
        found: Array = (self.z_signal - self.draw.signal) * np.array([[1.0], [-1.0]])
        return found

    @property
    def rho(self) -> Array:
        """Noise memorization ρ_{j,r,i} = ⟨w_{j,r} − w_{j,r}(0), ξ_i⟩, (2, m, n)."""
        return self.z_noise - self.draw.noise

    @property
    def outputs(self) -> Array:
        """f(x_i), (n,)."""
        return self.margins * self.draw.observed_labels

    @property
    def outputs_positive(self) -> Array:
        """f on the samples with true label +1."""
        return self.outputs[self.draw.labels > 0]

    @property
    def outputs_negative(self) -> Array:
        """f on the samples with true label −1."""
        return self.outputs[self.draw.labels < 0]
