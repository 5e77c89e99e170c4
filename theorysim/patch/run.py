"""The result of a simulation: what was seen at every step, and the coefficients at some."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theorysim.core import blas, validate
from theorysim.core.html import show, table
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.draw import Draw
from theorysim.patch.kernels.layout import Weights
from theorysim.patch.observables import OBSERVABLES
from theorysim.core.status import Status
from theorysim.patch.policy import Policy, Selection
from theorysim.patch.problem import Problem

if TYPE_CHECKING:
    import pandas as pd

    from theorysim.patch.risk import Estimate
    from theorysim.patch.stages import StageTimes

Array = NDArray[np.float64]
At = int | Literal["end"]


@dataclass(frozen=True, eq=False)
class Run:
    """An immutable result of :func:`theorysim.simulate`.

    Attributes
    ----------
    problem, algorithm, draw, seed, engine
        What was simulated.
    status : Status
        completed, diverged, interrupted or stopped; compares equal to these words.
    message : str
        The status in a sentence, with the remedy when something went wrong.
    stopped_at : int or None
        Diverged: the first step whose state is not finite (the run keeps the one before).
        Interrupted or stopped: the last step reached.
    rows : (steps + 1, columns) array
        Observables before each update and at the end; :attr:`observables` names the columns.
    steps_recorded : (records,) integer array
    coefficients : (records, 2m, K) array, in the precision of the run
        b with w(t) = w(0) + Σ_a b_a v_a over the atoms v_a; γ and ρ are b times ‖v_a‖².
    inner : (2m, K) array
        ⟨w, v_a⟩ at the end.
    weights : (2m, D) array or None
        Explicit weights at the end, for the engines that keep them.
    deviation : float or None
        Engine "paired": largest ‖W_coefficients − W_explicit‖_max / ‖W_explicit‖_max at the recorded steps.
        (For 1 < q < 2 it can grow: σ'' is unbounded at 0, where the dynamics themselves are unstable.)
    record_every : int or None
        Spacing of the records; None when they were asked for one by one.
    given_label_noise : bool
        Whether the label multipliers were given instead of drawn from the seed.
    policy : Policy or None
    selection : Selection or None
        What a selecting policy did: which samples it flagged, when, precision and recall.
    validation : (looks, 2) array or None
        Steps and held-out accuracies that a :class:`BestValidation` looked at.
    timings : dict
        Seconds spent to ``compile``, ``draw`` and ``solve``.
    """

    problem: Problem
    algorithm: GradientDescent
    draw: Draw
    seed: int
    engine: str
    status: Status
    message: str
    stopped_at: int | None
    rows: Array
    steps_recorded: NDArray[np.int64]
    coefficients: Weights
    inner: Weights
    weights: Array | None = None
    deviation: float | None = None
    record_every: int | None = None
    given_label_noise: bool = False
    policy: Policy | None = None
    selection: Selection | None = None
    validation: Array | None = None
    timings: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for array in (self.rows, self.steps_recorded, self.coefficients, self.inner, self.weights):
            if array is not None:
                array.setflags(write=False)

    @property
    def steps(self) -> int:
        """Number of updates made."""
        return len(self.rows) - 1

    @property
    def precision(self) -> str:
        """ "double" or "single"."""
        return "single" if self.inner.dtype == np.float32 else "double"

    @cached_property
    def observables(self) -> "pd.DataFrame":
        """What was measured at every step, one row per step 0..steps (row t is before update t)."""
        import pandas as pd

        index = pd.RangeIndex(self.steps + 1, name="step")
        return pd.DataFrame(self.rows, columns=list(OBSERVABLES), index=index)

    def column(self, name: str) -> Array:
        """One observable as an array of length steps + 1."""
        return self.rows[:, list(OBSERVABLES).index(validate.choice("name", name, OBSERVABLES))]

    @cached_property
    def gamma(self) -> Array:
        """Signal learning γ_{j,r} at the recorded steps, (records, 2, m), row 0 for j = +1.

        With several signal atoms S (patch data) the shape is (records, 2, m, S), and each is
        counted toward the class that it speaks for (:attr:`Draw.orientation`).
        """
        signal = self.draw.owner < 0
        gamma = self._branches(signal) * np.array([1.0, -1.0])[:, None, None] * self.draw.orientation[signal]
        return gamma[..., 0] if signal.sum() == 1 else gamma

    @cached_property
    def rho(self) -> Array:
        """Noise memorization ρ_{j,r,i} at the recorded steps, (records, 2, m, n).

        For patch data the last axis runs over the atoms that belong to one sample only.
        """
        return self._branches(self.draw.owner >= 0)

    def _branches(self, atoms: NDArray[np.bool_]) -> Array:
        scaled: Array = self.coefficients[..., atoms] * np.diag(self.draw.gram)[atoms]
        return scaled.reshape(len(scaled), 2, self.draw.m, -1)

    def record(self, at: At = "end") -> int:
        """Position of a step among the recorded ones.

        Raises
        ------
        ValueError
            When the step was not recorded; says which ones were.
        """
        if isinstance(at, str):
            validate.choice("at", at, ("end",))
            return len(self.steps_recorded) - 1
        step = validate.integer("at", at, 0, self.steps)
        position = int(np.searchsorted(self.steps_recorded, step))
        if self.steps_recorded[position] != step:
            below, above = self.steps_recorded[position - 1 : position + 1]
            raise ValueError(
                f"at={step}: must be a recorded step (nearest: {below}, {above}); "
                "simulate with record_every= or record_at= to keep others"
            )
        return position

    def weights_at(self, at: At = "end") -> Array:
        """Filters of a recorded step in the draw's own coordinates, w(t) = w(0) + Σ_a b_a v_a, (2m, D)."""
        with blas.single_threaded():
            weights: Array = self.draw.weights + self.coefficients[self.record(at)] @ self.draw.vectors
        return weights

    def outputs(self, at: At = "end") -> Array:
        """f(x_i) on the training samples at a recorded step, (n,)."""
        with blas.single_threaded():
            inner = self.draw.inner + self.coefficients[self.record(at)] @ self.draw.gram
        return self._vote(inner[:, self.draw.atom] * self.draw.sign)

    def predict(self, patches: ArrayLike, at: At = "end") -> Array:
        """f(x) on new samples (N, P, d) at a recorded step, (N,).

        Raises
        ------
        ValueError
            When the shape does not fit, or the draw has no coordinates to compare
            the patches with (simulate with ``draw="vectors"``).
        """
        weights = reconstruct(self, at).reshape(2 * self.draw.m, -1)
        given = validate.array("patches", patches, None, None, weights.shape[1])
        return self._vote(np.moveaxis(given @ weights.T, -1, 0))

    def _vote(self, inner: Array) -> Array:
        """Sum of the filters' votes from their inner products (2m, N, P) with the patches."""
        readout = np.repeat([1.0, -1.0], self.draw.m) / self.draw.m
        powers = np.where(inner > 0, np.abs(inner), 0.0) ** self.problem.q
        votes: Array = np.tensordot(readout, powers, axes=1).sum(axis=-1)
        return votes

    def test_error(
        self, at: At = "end", *, method: str = "auto", relative_error: float = 0.05, kind: str = "fresh",
        zeta_std: float = 0.0, n_test: int = 100_000, seed: int | None = None, labels: str = "true",
    ) -> "Estimate":
        """Probability of error on test data, fresh or with training noise; see :func:`theorysim.patch.risk.test_error`."""
        from theorysim.patch import risk

        return risk.test_error(self, at, method=method, relative_error=relative_error, kind=kind, zeta_std=zeta_std,
                               n_test=n_test, seed=seed, labels=labels)

    def test_accuracy_curve(
        self, *, kind: str = "fresh", zeta_std: float = 0.0, n_test: int = 10_000, seed: int | None = None
    ) -> "pd.DataFrame":
        """Test accuracy at every recorded step; see :func:`theorysim.patch.risk.test_accuracy_curve`."""
        from theorysim.patch import risk

        return risk.test_accuracy_curve(self, kind=kind, zeta_std=zeta_std, n_test=n_test, seed=seed)

    def stage_times(self, **thresholds: float) -> "StageTimes":
        """Measured and predicted T1 and T2; see :func:`theorysim.patch.stages.stage_times`.

        Those of fixed noisy labels: :func:`theorysim.papers.han2025.stage_times`.
        """
        from theorysim.patch import stages

        return stages.stage_times(self, **thresholds)

    def save(self, path: str | Path) -> None:
        """Write everything to one ``.npz`` file; :func:`theorysim.load_run` reads it back."""
        from theorysim import storage

        storage.save(self, path)

    def summary(self) -> dict[str, Any]:
        """The main facts of the run, by name."""
        final = dict(zip(OBSERVABLES, self.rows[-1], strict=True))
        facts: dict[str, Any] = {
            "status": f"{self.status}: {self.message}" if self.message else str(self.status),
            "problem": self.problem,
            "algorithm": self.algorithm,
            "steps": self.steps,
            "seed": self.seed,
            "engine": self.engine,
            "draw": self.draw,
        }
        facts |= {name: float(final[name]) for name in ("train_loss", "train_accuracy", "gamma_max", "rho_bar_max")}
        if self.policy is not None:
            facts["policy"] = self.policy
        if self.selection is not None:
            facts["selection"] = self.selection
        if self.deviation is not None:
            facts["deviation from explicit weights"] = self.deviation
        return facts | {f"{name} time (s)": seconds for name, seconds in self.timings.items()}

    def __repr__(self) -> str:
        loss = show(float(self.rows[-1, 0]))
        return f"<Run {self.status} at step {self.steps}, train_loss={loss}, {self.algorithm}, seed={self.seed}>"

    def _repr_html_(self) -> str:
        return table("Run", self.summary())


def reconstruct(run: Run, at: At = "end") -> Array:
    """Explicit weights w_{j,r} of a recorded step from the coefficients, (2, m, d).

    w(t) = w(0) + Σ_a b_a v_a, that is w(0) + j γ μ/‖μ‖² + Σ_i ρ_i ξ_i/‖ξ_i‖².

    Raises
    ------
    ValueError
        When the draw has no d-dimensional vectors.
    """
    validate.instance("run", run, (Run,))
    if run.draw.form != "vectors":
        remedy = (
            "make the PatchData from vectors"
            if run.draw.form == "gram"
            else 'simulate with draw="vectors" or a draw made by Draw.from_arrays'
        )
        raise ValueError(f'draw.form={run.draw.form!r}: must be "vectors" to have weights in d dimensions; {remedy}')
    return run.weights_at(at).reshape(2, run.draw.m, -1)
