"""The result: norms of the neurons at the recorded steps, and where the run can go on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from theorysim.core.labelled import RECORDED, Labelled
from theorysim.core.run import RowsRun
from theorysim.linear.draw import LinearDraw
from theorysim.linear.problem import LinearNetwork
from theorysim.oscillation.algorithm import OscillatingLayer
from theorysim.oscillation.stages import OscillationTimes

Array = NDArray[np.float64]

OSCILLATION_OBSERVABLES = {
    "mean_norm_sq": "tr A/m with A = WᵀW: mean squared norm of the neurons, expected or the mean over chains",
    "standard_error": "its standard error, NaN for fewer than two chains",
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class OscillationRun(RowsRun):
    """What the oscillation does to the neurons, the result of :func:`theorysim.simulate`.

    :attr:`observables` has a row for every recorded step, and for those at which own observables were called.

    Attributes
    ----------
    norms : (records, max(chains, 1)) array
        tr A/m, mean squared norm of the neurons: expected, or of each chain.
    last : array
        The state at the last step, from which ``resume`` goes on: (2, d, d) expected moments Σ w_i w_iᵀ of either
        group of neurons, or (chains, m, d) first layers.
    """

    problem: LinearNetwork
    algorithm: OscillatingLayer
    draw: LinearDraw
    norms: Array
    last: Array

    HEADLINE: ClassVar[Sequence[str]] = ("mean_norm_sq",)
    PER_RECORD: ClassVar[Sequence[str]] = ("steps_recorded", "norms")
    MEANINGS: ClassVar[Mapping[str, str]] = OSCILLATION_OBSERVABLES

    def named_arrays(self) -> dict[str, Labelled]:
        """The norms of every chain."""
        meaning = "tr A/m, mean squared norm of the neurons: expected, or of each chain"
        return {"norms": Labelled((RECORDED, "chain"), self.norms, meaning)}

    def stage_times(self) -> OscillationTimes:
        """When the neurons have shrunk, see :class:`OscillationTimes`."""
        below = self.column("mean_norm_sq") <= np.sqrt(self.algorithm.lr)
        return OscillationTimes(float(self.steps_observed[np.argmax(below)]) if below.any() else float("nan"))
