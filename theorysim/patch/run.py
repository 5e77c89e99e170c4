"""The result of a simulation of the patch network: what was seen, and what is measured of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theorysim.core import validate
from theorysim.core.labelled import RECORDED, Labelled
from theorysim.core.run import At
from theorysim.patch import risk, stages
from theorysim.patch.kernels.observe import leave_out_coefficients
from theorysim.patch.label_noise import drawn_multipliers
from theorysim.patch.observables import OBSERVABLES
from theorysim.patch.patch_model import PatchModel
from theorysim.patch.phases import Phase
from theorysim.patch.policy import BestSoFar, Policy, Selection
from theorysim.patch.risk import Estimate
from theorysim.patch.stages import StageTimes
from theorysim.patch.trained import TrainedRun

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PatchRun(TrainedRun):
    """A training of the patch network, the result of :func:`theorysim.simulate`.

    Attributes
    ----------
    rows : (steps observed, columns) array
        Observables before each update and at the end; of every step unless ``observables_every`` says otherwise.
    deviations : (records,) array or None
        Engine "paired": ‖W_coefficients − W_explicit‖_max / ‖W_explicit‖_max at the recorded steps.
        (For 1 < q < 2 it can grow: σ'' is unbounded at 0, where the dynamics themselves are unstable.)
    observables_every : int
        Spacing of the rows; recorded steps have theirs too.
    given_label_noise : bool
        Whether the label multipliers were given instead of drawn from the seed.
    policy : Policy or None
    policy_ended : bool
        Whether the policy has ended the run, which may have been resumed since: it does not act again.
    selection : Selection or None
        What a selecting policy did: which samples it flagged, when, precision and recall.
    validation : (looks, 2) array or None
        Steps and held-out accuracies that a :class:`BestValidation` looked at.
    best : BestSoFar or None
        Of a run interrupted while a :class:`BestValidation` was looking: the state to go back to.
    phases : tuple of Phase
        Earlier algorithms of a run that was resumed with another, and where they ended.
    threads : int
        Cores that its products had, on which their last digits depend.
    observe : {"all", "outputs"}
        Whether there are observables of coefficients at every step, or only at recorded ones.
    """

    deviations: Array | None = None
    observables_every: int = 1
    given_label_noise: bool = False
    policy: Policy | None = None
    policy_ended: bool = False
    selection: Selection | None = None
    validation: Array | None = None
    best: BestSoFar | None = None
    phases: tuple[Phase, ...] = ()
    threads: int = 1
    observe: str = "all"

    HEADLINE: ClassVar[Sequence[str]] = ("train_loss",)
    PER_RECORD: ClassVar[Sequence[str]] = (*TrainedRun.PER_RECORD, "deviations")
    MEANINGS: ClassVar[Mapping[str, str]] = OBSERVABLES

    @property
    def deviation(self) -> float | None:
        """The largest of :attr:`deviations`."""
        return None if self.deviations is None else float(self.deviations.max())

    @property
    def precision(self) -> str:
        """ "double" or "single"."""
        return "single" if self.inner.dtype == np.float32 else "double"

    def named_arrays(self) -> dict[str, Labelled]:
        """Those of the trained network, and with the engine "paired" its deviation from explicit weights."""
        found = super().named_arrays()
        if self.deviations is not None:
            found["deviation"] = Labelled((RECORDED,), self.deviations, "relative deviation from explicit weights")
        return found

    def label_multipliers(self, steps: int | None = None) -> Array:
        """The multipliers ε_i that the first ``steps`` updates (all by default) drew from the seed, (steps, n).

        Raises
        ------
        ValueError
            When they were given instead of drawn: the run does not keep them.
        """
        if self.given_label_noise:
            raise ValueError("run: was given its label multipliers, which it does not keep")
        if self.phases and self.steps_recorded[0]:
            raise ValueError(f"run: went on with other data at step {self.steps_recorded[0]}, and does not know the "
                             "multipliers of before")
        steps = self.steps if steps is None else validate.integer("steps", steps, 0, self.steps)
        parts, first = [], 0
        for phase in (*self.phases, Phase(self.algorithm, self.steps)):
            law, end = phase.algorithm.label_noise, max(first, min(phase.end, steps))
            parts.append(drawn_multipliers(law, self.draw.n, first, end, self.seed))
            first = phase.end
        return np.concatenate(parts)

    def test_error(
        self, at: At = "end", *, method: str = "auto", relative_error: float = 0.05, kind: str = "fresh",
        zeta_std: float = 0.0, n_test: int = 100_000, seed: int | None = None, labels: str | ArrayLike = "true",
        group: Mapping[str, Any] | None = None, patches: ArrayLike | None = None,
    ) -> Estimate:
        """Probability of error on test data: fresh by law or in a group, with training noise, or a test set given.

        All is said at :func:`theorysim.patch.risk.test_error`.
        """
        return risk.test_error(self, at, method=method, relative_error=relative_error, kind=kind, zeta_std=zeta_std,
                               n_test=n_test, seed=seed, labels=labels, group=group, patches=patches)

    def group_accuracy(
        self, at: At = "end", *, by: Iterable[str] | None = None, n_test: int = 100_000, seed: int | None = None
    ) -> "pd.DataFrame":
        """Test accuracy in every group of data by law; see :func:`theorysim.patch.risk.group_accuracy`."""
        return risk.group_accuracy(self, at, by=by, n_test=n_test, seed=seed)

    def feature_products(self) -> Array:
        """⟨w_{j,r}, v_f⟩ with the unit features of data by law at the recorded steps, (records, 2, m, F).

        In the order of ``problem.directions``. They are there also where features have no atom of their own, as in
        patches that are a feature and noise.

        Raises
        ------
        ValueError
            When the problem is not by law.
        """
        problem = self.problem
        if not isinstance(problem, PatchModel):
            raise ValueError(f"problem={problem!r}: must be a PatchModel to have unit features")
        size = len(problem.directions)
        every = np.array([self.weights_at(int(step))[:, :size] for step in self.steps_recorded])
        return every.reshape(len(every), 2, self.draw.m, size)

    def test_accuracy_curve(
        self, *, kind: str = "fresh", zeta_std: float = 0.0, n_test: int = 10_000, seed: int | None = None
    ) -> "pd.DataFrame":
        """Test accuracy at every recorded step; see :func:`theorysim.patch.risk.test_accuracy_curve`."""
        return risk.test_accuracy_curve(self, kind=kind, zeta_std=zeta_std, n_test=n_test, seed=seed)

    def stage_times(
        self, *, theta: float | None = None, epsilon: float = 0.01, gamma_threshold: float = 1.0
    ) -> StageTimes:
        """Measured and predicted T1 and T2; see :func:`theorysim.patch.stages.stage_times`.

        Those of fixed noisy labels: :func:`theorysim.papers.han2025.stage_times`.
        """
        return stages.stage_times(self, theta=theta, epsilon=epsilon, gamma_threshold=gamma_threshold)

    def facts(self) -> dict[str, Any]:
        """What the summary says beside what is common to all systems."""
        said: dict[str, Any] = {"draw": self.draw}
        said |= {name: float(self.column(name)[-1])
                 for name in ("train_loss", "train_accuracy", "gamma_max", "rho_bar_max")}
        for name in ("policy", "selection"):
            if getattr(self, name) is not None:
                said[name] = getattr(self, name)
        if self.deviation is not None:
            said["deviation from explicit weights"] = self.deviation
        return said

    def continued(self, before: Self, keep_record: bool, keep_row: bool) -> dict[str, Any]:
        """What of the whole is neither an array to be joined as any other nor as at its end."""
        changes = super().continued(before, keep_record, keep_row)
        if self.observe == before.observe == "outputs" and self.steps > before.steps and keep_row and not keep_record:
            rows = self.rows.copy()
            leave_out_coefficients(rows[0])  # they were seen there only because the run ended
            changes["rows"] = np.concatenate([before.rows[:-1], rows])
        if self.validation is None:
            changes["validation"] = before.validation
        return changes | {name: getattr(self, name) or getattr(before, name)
                          for name in ("given_label_noise", "policy_ended")}
