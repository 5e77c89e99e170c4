"""One run of SGD on a strong and a weak signal, with what oscillation does to the weak one.

With the squared loss (1 − z)²/2 and σ(z) = max(0, z)² a filter of branch j that is active on its own class moves along
a signal s by ⟨w, s⟩ ← (1 + c_s r̄)⟨w, s⟩, c_s = 2η‖s‖²/m, where r̄ is the sum of the residuals 1 − y_i f(x_i) of its
class in the batch over its size (signals are orthogonal to all else). Such filters of a branch grow by one factor.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.patch.patch_laws import Signal
from theorysim.patch.patch_model import PatchModel
from theorysim.patch.run import PatchRun
from theorysim.theory.statement import Array, Constants, Evidence

STRONG, WEAK = 0, 1  # atoms
RESOLVED = 1e-9  # of a product, below which of its start only rounding is left


@dataclass(frozen=True)
class OscillationConstants(Constants):
    """With the δ of the oscillation, the share of a run left out as its start, and the share that counts as most.

    All three are choices.
    """

    oscillation: float = 0.1
    start: float = 0.25
    most: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        validate.real("oscillation", self.oscillation, 0, above=True)
        validate.real("start", self.start, 0, 1, below=True)
        validate.real("most", self.most, 0.5, 1)


def is_two_signals(run: PatchRun) -> bool:
    """Whether its patches are two signals, the first the stronger, and noise; q = 2 and the mean squared loss."""
    p = run.problem
    return (isinstance(p, PatchModel) and p.q == 2 and p.activation is None and p.loss == "squared"
            and p.reduction == "mean" and p.readout is None and len(p.patches) == 3 and len(p.features) == 2
            and all(isinstance(one, Signal) for one in p.patches[:2])
            and run.draw.norm_sq[STRONG] > run.draw.norm_sq[WEAK] > 0)


@dataclass(frozen=True, eq=False)
class OscillationEvidence(Evidence):
    """A run on a strong and a weak signal."""

    run: PatchRun
    constants: OscillationConstants

    @property
    def late(self) -> NDArray[np.int64]:
        """Recorded steps after the start of the run."""
        recorded = self.run.steps_recorded
        return recorded[recorded >= self.constants.start * self.run.steps]

    @cached_property
    def residuals(self) -> Array:
        """1 − y f(x_i) at these steps, (steps, n)."""
        return np.array([1 - self.run.draw.observed_labels * self.run.outputs(int(step)) for step in self.late])

    @cached_property
    def oscillating(self) -> Array:
        """(n,) for each sample the share of these steps with |y f − 1| ≥ δ."""
        share: Array = (np.abs(self.residuals) >= self.constants.oscillation).mean(axis=0)
        return share

    @cached_property
    def products(self) -> Array:
        """j⟨w_{j,r}, s⟩ at all recorded steps, (records, 2, m, 2)."""
        signed: Array = self.run.signal_products() * np.array([1.0, -1.0])[:, None, None]
        return signed

    @cached_property
    def aligned(self) -> NDArray[np.bool_]:
        """(2, m) filters that were active on both signals of their own class whenever the run was recorded.

        And far above the rounding of where they started, of which a product that has shrunk is the rest.
        """
        active: NDArray[np.bool_] = np.all(self.products > RESOLVED * np.abs(self.products[0]), axis=(0, 3))
        return active

    @cached_property
    def growth(self) -> Array:
        """(filters, 2) of these filters: ln of how many times ⟨w, s⟩ has grown from the start of the run to its end."""
        first, last = self.products[0][self.aligned], self.products[-1][self.aligned]
        grown: Array = np.log(last / first)
        return grown

    @property
    def strengths(self) -> tuple[float, float]:
        """‖s‖² of the strong and of the weak signal."""
        return float(self.run.draw.norm_sq[STRONG]), float(self.run.draw.norm_sq[WEAK])

    @property
    def share(self) -> float:
        """‖v‖²/‖u‖² of the weak signal v and the strong one u."""
        strong, weak = self.strengths
        return weak / strong

    @cached_property
    def excess(self) -> Array:
        """(filters,) ln growth of the weak signal beyond the share of the strong one's."""
        beyond: Array = self.growth[:, WEAK] - self.share * self.growth[:, STRONG]
        return beyond

    @cached_property
    def expected_excess(self) -> float:
        """T/2 · c_v(c_u − c_v)⟨r²⟩/2, derived to second order for batches of one: half of T steps are of a class."""
        strong, weak = (2 * float(self.run.algorithm.lr) * size / self.run.draw.m for size in self.strengths)
        squares = np.array([np.mean((1 - self.run.draw.observed_labels * self.run.outputs(int(step))) ** 2)
                            for step in self.run.steps_recorded[:-1]])
        return float(self.run.steps * weak * (strong - weak) * squares.mean() / 4)
