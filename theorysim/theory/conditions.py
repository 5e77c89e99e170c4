"""Assumptions as margins: how far a problem is inside or outside of what a theorem asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Condition:
    """One inequality ``value >= bound`` or ``value <= bound`` that a theorem assumes.

    Attributes
    ----------
    formula : str
        The inequality as the paper writes it, with the constant C where it hides one.
    value, bound : float
        Both sides, at the given problem; NaN where one cannot be evaluated.
    sense : ">=" or "<="
    source : str
        Paper and number.
    """

    formula: str
    value: float
    sense: Literal[">=", "<="]
    bound: float
    source: str

    @property
    def known(self) -> bool:
        """Whether both sides can be evaluated; a condition that is not known is never counted as met."""
        return not (np.isnan(self.value) or np.isnan(self.bound))

    @property
    def margin(self) -> float:
        """How many times over the condition holds: at least 1 where it does, below 1 where not, NaN where not known."""
        above, below = (self.value, self.bound) if self.sense == ">=" else (self.bound, self.value)
        if above == below == 0:
            return float("inf")  # what asks for zero and gets it is not near to failing
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return float(np.float64(above) / np.float64(below))

    @property
    def holds(self) -> bool:
        """Whether the inequality is true."""
        return self.value >= self.bound if self.sense == ">=" else self.value <= self.bound


def conditions_table(conditions: Sequence[Condition]) -> "pd.DataFrame":
    """One row per condition: formula, value, sense, bound, margin, holds (None where not known), source."""
    import pandas as pd

    rows = [(one.formula, one.value, one.sense, one.bound, one.margin, one.holds if one.known else None, one.source)
            for one in conditions]
    return pd.DataFrame(rows, columns=["condition", "value", "sense", "bound", "margin", "holds", "source"])
