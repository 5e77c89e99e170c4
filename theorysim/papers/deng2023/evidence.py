"""What the statements of Deng et al. 2023 are functions of: a run that observed its two features, and its minority."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from theorysim.core import validate
from theorysim.papers.deng2023.setting import OBSERVE, is_setting
from theorysim.theory.statement import Constants, Evidence
from theorysim.theory.windows import NotSampledError, Steps

N_TEST = 10_000  # noise vectors; all groups are scored on each
MINORITY = {"spurious": "disagrees"}


@dataclass(frozen=True)
class DengConstants(Constants):
    """What the paper hides.

    Attributes
    ----------
    delta, C, band : float
        See :class:`theorysim.theory.statement.Constants`.
    learned : float
        max_r ±⟨w_r, v⟩ from which on a feature v counts as learned.
    """

    learned: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        validate.real("learned", self.learned, 0, above=True)


@dataclass(frozen=True, eq=False)
class DengEvidence(Evidence):
    """One run of the cubic network."""

    constants: DengConstants = field(default_factory=DengConstants)

    def time(self, name: str) -> float:
        """The first step at which a feature, "core" or "spurious", is learned; NaN where it is not.

        Raises
        ------
        NotSampledError
            When the run did not observe it, or not at every step up to then.
        """
        if name not in self.run.observables.columns:
            raise NotSampledError(f"run: has not observed {', '.join(OBSERVE)}; simulate with observe=OBSERVE of "
                                  "theorysim.papers.deng2023")
        reached = np.flatnonzero(self.run.column(name) >= self.constants.learned)
        return self.exact(float(self.run.steps_observed[reached[0]]) if reached.size else np.nan, name)

    @cached_property
    def pulls(self) -> tuple[float, float]:
        """β_c³ and (2α − 1)β_s³: what the features pull with at a network of output 0, by equal filters."""
        if not is_setting(self.run):
            raise ValueError(f"run.problem={self.run.problem!r}: must be a cubic network on the patches Signal, "
                             "Spurious and Noise")
        core, spurious, _ = self.run.problem.patches
        return core.norm**3, (2 * spurious.agreement - 1) * spurious.norm**3

    @cached_property
    def minority_error(self) -> float:
        """At the end, on fresh samples with a ≠ y, counted."""
        return float(self.run.test_error(group=MINORITY, method="monte-carlo", n_test=N_TEST).value)

    def ends_with(self, first: str, other: str | None = None) -> Steps:
        """The last step, where ``first`` is learned by then and ``other`` is not."""
        alone = other is None or np.isnan(self.time(other))
        return np.array([self.run.steps]) if not np.isnan(self.time(first)) and alone else np.arange(0)
