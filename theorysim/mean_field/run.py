"""The result of a simulation of the mean field: what was seen, and what is measured of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.core.labelled import Labelled
from theorysim.core.run import At, RowsRun
from theorysim.mean_field import risk
from theorysim.mean_field.draw import MeanFieldDraw
from theorysim.mean_field.groups import noise_products, signal_products
from theorysim.mean_field.observables import MEAN_FIELD_OBSERVABLES
from theorysim.mean_field.problem import MeanField
from theorysim.mean_field.risk import Filters
from theorysim.patch import dimensions, stages
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.label_noise import drawn_multipliers
from theorysim.patch.risk import LABELS, METHODS, Estimate, accuracy_curve, estimated
from theorysim.patch.stages import StageTimes

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
EIGENVALUES = ("chains", "half-gaussian")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MeanFieldRun(RowsRun):
    """A mean field of the patch network, the result of :func:`theorysim.simulate`.

    Attributes
    ----------
    rows : (steps observed, columns) array
        Observables before each update and at the end; of every step unless ``observables_every`` says otherwise.
    memory : (records, n, 2, R) array
        Inner products with the noise at the recorded steps, of a sample's own branch and of the other: for q = 2 of its
        largest active filter (R = 1), else of all filters.
    signal : (records, G) array
        Inner products with the signal: for q = 2 of the largest filter on either side in either branch, else of all.
    observables_every : int
        Spacing of the rows; recorded steps have theirs too.
    given_label_noise : bool
        Whether the label multipliers were given instead of drawn from the seed.
    """

    problem: MeanField
    algorithm: GradientDescent
    draw: MeanFieldDraw
    memory: Array
    signal: Array
    observables_every: int = 1
    given_label_noise: bool = False

    HEADLINE: ClassVar[Sequence[str]] = ("train_loss",)
    PER_RECORD: ClassVar[Sequence[str]] = ("steps_recorded", "memory", "signal")
    MEANINGS: ClassVar[Mapping[str, str]] = MEAN_FIELD_OBSERVABLES

    def signal_products(self) -> Array:
        """⟨w_{j,r}, μ⟩ at the recorded steps, (records, 2, m), row 0 for j = +1."""
        return np.array([signal_products(self.problem, self.draw, one) for one in self.signal])

    def noise_products(self) -> Array:
        """⟨w_{j,r}, ξ_i⟩ at the recorded steps, (records, 2, m, n)."""
        return np.array([noise_products(self.problem, self.draw, one) for one in self.memory])

    @cached_property
    def gamma(self) -> Array:
        """Signal learning γ_{j,r} at the recorded steps, (records, 2, m), row 0 for j = +1."""
        found: Array = (self.signal_products() - self.draw.signal) * np.array([[1.0], [-1.0]])
        return found

    @cached_property
    def rho(self) -> Array:
        """Noise memorization ρ_{j,r,i} at the recorded steps, (records, 2, m, n)."""
        return self.noise_products() - self.draw.noise

    def named_arrays(self) -> dict[str, Labelled]:
        """γ, ρ and the products at the recorded steps."""
        filters = dimensions.FILTERS
        return {
            "gamma": Labelled(filters, self.gamma, dimensions.GAMMA),
            "signal_products": Labelled(filters, self.signal_products(), dimensions.SIGNAL_PRODUCTS),
            "rho": Labelled((*filters, "sample"), self.rho, dimensions.RHO),
            "noise_products": Labelled((*filters, "sample"), self.noise_products(), dimensions.NOISE_PRODUCTS),
        }

    def coordinates(self) -> dict[str, Labelled]:
        """Labels of the samples."""
        return dimensions.of_samples(self.draw)

    def outputs(self, at: At = "end", label: int | None = None) -> Array:
        """f(x_i) on the training samples at a recorded step, (n,); with ``label`` ±1 on those of this true label."""
        outputs = self._filters(at).outputs()
        if label is None:
            return outputs
        validate.choice("label", str(label), ("1", "-1"))
        return outputs[self.draw.labels == label]

    def _filters(self, at: At) -> Filters:
        record, given = self.record(at), (self.problem, self.draw)
        signal, noise = self.signal[record], self.memory[record]
        return Filters(*given, signal_products(*given, signal), noise_products(*given, noise))

    def label_multipliers(self, steps: int | None = None) -> Array:
        """The multipliers ε_i that the first ``steps`` updates (all by default) drew from the seed, (steps, n).

        They are those of the exact network's run of the same seed.

        Raises
        ------
        ValueError
            When they were given instead of drawn: the run does not keep them.
        """
        if self.given_label_noise:
            raise ValueError("run: was given its label multipliers, which it does not keep")
        steps = self.steps if steps is None else validate.integer("steps", steps, 0, self.steps)
        return drawn_multipliers(self.algorithm.label_noise, self.draw.n, 0, steps, self.seed)

    def test_error(
        self, at: At = "end", *, method: str = "auto", relative_error: float = 0.05, n_test: int = 100_000,
        seed: int | None = None, labels: str = "true",
    ) -> Estimate:
        """Probability that a fresh sample is classified wrongly, from the covariance that its noise meets.

        Parameters
        ----------
        at : int or "end"
            A recorded step.
        method : {"auto", "monte-carlo", "rare-event"}
        relative_error : float
        n_test : int
        seed : int, optional
        labels : {"true", "observed"}
            All as of :func:`theorysim.patch.risk.test_error`.
        """
        n_test = validate.integer("n_test", n_test, 1)
        validate.choice("method", method, METHODS)
        validate.choice("labels", labels, LABELS)
        relative_error = validate.real("relative_error", relative_error, 0, 0.5, above=True)
        seed = self.seed if seed is None else validate.integer("seed", seed, 0)
        tau = self.problem.flip_rates if labels == "observed" else (0.0, 0.0)
        return estimated(risk.reduced(self._filters(at)), method, relative_error, n_test, seed, tau)

    def log_error_law(self, at: At = "end", *, eigenvalue: str = "chains") -> float:
        r"""ln of the test error by the error law for q = 2, ln p = −min_k m S_k/(2Λ_{−k}) (derived).

        It is the leading order where errors are rare, without the factor before the exponential.

        Parameters
        ----------
        at : int or "end"
            A recorded step.
        eigenvalue : {"chains", "half-gaussian"}
            Whether Λ_j is the top eigenvalue of the covariance of branch j's filters on fresh noise, from the chains
            themselves; or n_j F̄_j (1 + (m − 1)/π)/d, from the mean memory F̄_j alone.

        Raises
        ------
        ValueError
            For q ≠ 2, or a step that was not recorded.
        """
        validate.choice("eigenvalue", eigenvalue, EIGENVALUES)
        if self.problem.q != 2:
            raise ValueError(f"problem.q={self.problem.q:g}: the error law is of q = 2; use test_error()")
        filters = self._filters(at)
        tops = risk.top_eigenvalues if eigenvalue == "chains" else risk.half_gaussian_eigenvalues
        return risk.log_error(filters, tops(filters))

    def test_accuracy_curve(self, *, n_test: int = 10_000, seed: int | None = None) -> "pd.DataFrame":
        """Test accuracy, counted, at every recorded step with its 95% interval: columns test_accuracy, low, high."""
        return accuracy_curve(self.steps_recorded, [
            self.test_error(int(step), method="monte-carlo", n_test=n_test, seed=seed) for step in self.steps_recorded])

    def stage_times(
        self, *, theta: float | None = None, epsilon: float = 0.01, gamma_threshold: float = 1.0
    ) -> StageTimes:
        """Measured and predicted T1 and T2, as of the exact network: :func:`theorysim.patch.stages.stage_times`."""
        return stages.stage_times(self, theta=theta, epsilon=epsilon, gamma_threshold=gamma_threshold)

    def facts(self) -> dict[str, Any]:
        """What the summary says beside what is common to all systems."""
        columns = ("train_loss", "train_accuracy", "gamma_max", "rho_bar_max", "memory_alive")
        return {"draw": self.draw} | {name: float(self.column(name)[-1]) for name in columns}

    def continued(self, before: Self, keep_record: bool, keep_row: bool) -> dict[str, Any]:
        """What of the whole is neither an array to be joined nor as at its end."""
        changes = super().continued(before, keep_record, keep_row)
        return changes | {"given_label_noise": self.given_label_noise or before.given_label_noise}
