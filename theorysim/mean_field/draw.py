"""One realisation: labels, and inner products of initial filters and patches."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.core.html import Shown
from theorysim.core.seeds import Stream, generator
from theorysim.mean_field.problem import MeanField
from theorysim.patch.draw import Draw
from theorysim.patch.fits import check_fits
from theorysim.patch.labels import drawn_labels
from theorysim.patch.problem import SignalNoise

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MeanFieldDraw(Shown):
    """What a mean field begins with.

    Made by :meth:`from_problem` (drawn from a seed, at a cost that does not depend on d) or :meth:`of` (that of a draw
    of the exact network, to be compared with run by run).

    Attributes
    ----------
    labels, observed_labels : (n,) arrays of ±1
    signal : (2, m) array
        ⟨w_{j,r}(0), μ⟩, row 0 for j = +1.
    noise : (2, m, n) array
        ⟨w_{j,r}(0), ξ_i⟩.
    signal_norm_sq : float
        ‖μ‖².
    noise_norm_sq : (n,) array
        ‖ξ_i‖².
    """

    labels: Array
    observed_labels: Array
    signal: Array
    noise: Array
    signal_norm_sq: float
    noise_norm_sq: Array

    def __post_init__(self) -> None:
        for array in vars(self).values():
            if isinstance(array, np.ndarray):
                array.setflags(write=False)

    @classmethod
    def from_problem(cls, problem: SignalNoise, seed: int = 0) -> Self:
        """Draw it: ⟨w, μ⟩ ~ N(0, σ_0²‖μ‖²) and ⟨w, ξ_i⟩ ~ N(0, σ_0²σ_p²d), all independent, ‖ξ_i‖² = σ_p²d.

        The labels are those of the exact network's draw of the seed.
        """
        seed, validated = validate.integer("seed", seed, 0), MeanField.of(problem)
        labels, observed = drawn_labels(validated, seed)
        n, m = validated.n, validated.m
        signal = generator(seed, Stream.MEAN_FIELD_SIGNAL).standard_normal((2, m))
        noise = generator(seed, Stream.MEAN_FIELD_MEMORY).standard_normal((2, m, n))
        return cls(
            labels=labels, observed_labels=observed, signal=validated.init_std * validated.signal_norm * signal,
            noise=validated.init_scale * noise, signal_norm_sq=validated.signal_norm**2,
            noise_norm_sq=np.full(n, validated.noise_std**2 * validated.d),
        )

    @classmethod
    def of(cls, draw: Draw) -> Self:
        """The labels, inner products and norms of a draw of the exact network (without bias).

        Raises
        ------
        ValueError
            When it is no draw of a signal and a noise vector for each sample.
        """
        validate.instance("draw", draw, (Draw,))
        if draw.owner.tolist() != [-1, *range(draw.n)]:
            raise ValueError(f"draw={draw!r}: must have one signal and a noise vector for each sample, no bias")
        size, inner = np.diag(draw.gram).copy(), draw.inner
        return cls(
            labels=draw.labels, observed_labels=draw.observed_labels, signal=inner[:, 0].reshape(2, -1).copy(),
            noise=inner[:, 1:].reshape(2, draw.m, -1).copy(), signal_norm_sq=float(size[0]), noise_norm_sq=size[1:],
        )

    @property
    def n(self) -> int:
        """Number of samples."""
        return self.labels.size

    @property
    def m(self) -> int:
        """Filters per branch."""
        return self.signal.shape[1]

    @property
    def noisy(self) -> NDArray[np.bool_]:
        """(n,) whether the observed label differs from the true one."""
        noisy: NDArray[np.bool_] = self.labels != self.observed_labels
        return noisy

    def check_against(self, problem: MeanField) -> None:
        """Raise ValueError unless this draw can be one of ``problem``."""
        for name, found, wanted in (("n", self.n, problem.n), ("m", self.m, problem.m)):
            if found != wanted:
                raise ValueError(f"draw has {name}={found}, but problem has {name}={wanted}: they must be equal")
        norm = float(np.sqrt(self.signal_norm_sq))
        if not np.isclose(norm, problem.signal_norm, rtol=1e-6, atol=0):
            raise ValueError(f"draw has a signal of norm {norm:g}, but problem has signal_norm="
                             f"{problem.signal_norm:g}: they must agree to 1e-6")

    def __repr__(self) -> str:
        return f"MeanFieldDraw(n={self.n}, flipped={int(self.noisy.sum())}, m={self.m})"


def fitting(draw: MeanFieldDraw | Draw, problem: MeanField) -> MeanFieldDraw:
    """A draw given to a simulation, checked against its problem."""
    validate.instance("draw", draw, (MeanFieldDraw, Draw))
    if isinstance(draw, Draw):
        check_fits(draw, problem)
        draw = MeanFieldDraw.of(draw)
    draw.check_against(problem)
    return draw
