"""One run of a second task, with what it leaves of the first.

The data of such a run are :class:`theorysim.PatchData` whose atom 0 is the signal of the task before and atom 1 that of
the task at hand; without replay no sample has atom 0. :func:`theorysim.papers.wan2025.tasks.second_task` makes them.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from theorysim.core import validate
from theorysim.patch.patch_data import PatchData
from theorysim.patch.run import PatchRun
from theorysim.theory.statement import Array, Constants, Evidence, Steps

OLD, NEW = 0, 1  # atoms


@dataclass(frozen=True)
class ForgettingConstants(Constants):
    """With the smallest cosine −C1 at which forgetting is benign, the largest −C2 at which it is not, and what is kept.

    The paper has some C1; its number, ``C2`` and ``kept`` are choices.
    """

    C1: float = 0.5
    C2: float = 0.99
    kept: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        validate.real("C1", self.C1, 0, 1)
        validate.real("C2", self.C2, 0, 1)
        validate.real("kept", self.kept, 0, 1)


def is_second_task(run: PatchRun) -> bool:
    """Whether its data have two signals first and samples' own noise behind, and the power is 3."""
    p = run.problem
    return isinstance(p, PatchData) and p.q == 3 and p.is_standard and list(np.flatnonzero(p.owner < 0)) == [OLD, NEW]


def kept_share(cosine: ArrayLike) -> Array:
    """(1 − c²)³ − c³ with c = −cos θ > 0, derived: what is left of y f(yμ₁) after the second task, as a share.

    A filter along μ₁ is active on the second task's samples of the other label, and is pushed down until it has no
    component along μ₂: ⟨w, μ₁⟩ keeps the share sin²θ, and its vote the cube. New filters along μ₂, as long as the old
    ones, vote for the wrong label with c³. The two are equal at c = 1 − c², c = (√5 − 1)/2 = 0.618, θ = 128.2°.
    """
    c = np.maximum(-np.asarray(cosine, dtype=float), 0.0)
    share: Array = (1 - c**2) ** 3 - c**3
    return share


@dataclass(frozen=True, eq=False)
class ForgettingEvidence(Evidence):
    """A run of gradient descent on a second task, from the weights that the first has left."""

    constants: ForgettingConstants

    @property
    def cosine(self) -> float:
        """cos θ of both signals."""
        gram = self.run.draw.gram
        return float(gram[OLD, NEW] / np.sqrt(gram[OLD, OLD] * gram[NEW, NEW]))

    @cached_property
    def replayed(self) -> int:
        """Samples of the task before among those trained on."""
        return int((self.run.problem.atom == OLD).any(axis=1).sum())

    def margin(self, atom: int, steps: Steps) -> Array:
        """min over y of y f(yμ) for a signal alone, without noise, at recorded steps."""
        sides = []
        for step in steps:
            products = self.run.products(int(step))[:, atom]
            votes = self.run.readouts[self.run.record(int(step))]
            sides.append([y * votes @ self.run.problem.sigma(y * products) for y in (1, -1)])
        return np.min(np.reshape(sides, (-1, 2)), axis=1)

    @cached_property
    def kept(self) -> float:
        """What the law for obtuse angles leaves of the first task: (1 − c²)³ − c³ with c = −cos θ."""
        return float(kept_share(self.cosine))

    @cached_property
    def before(self) -> float:
        """The margin of the task before at the start of this one."""
        return float(self.margin(OLD, np.array([0]))[0])
