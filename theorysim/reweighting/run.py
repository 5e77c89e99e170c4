"""The result: outputs and sample weights at some steps, four numbers of every step, and the times they give."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.core.html import show, table
from theorysim.reweighting.kernel import HALF, STEADY
from theorysim.reweighting.draw import ReweightingDraw
from theorysim.reweighting.problem import KernelReweighting, Reweighting
from theorysim.core.status import Status

if TYPE_CHECKING:
    import pandas as pd

POLARISED = 0.9  # t_pol: share of the largest separation of the weights

Array = NDArray[np.float64]

REWEIGHTING_OBSERVABLES = {
    "weight_clean": "mean weight of the samples with a true label (NaN for none)",
    "weight_noisy": "mean weight of the samples with a flipped label (NaN for none)",
    "clean_loss": "L_val = (1/m) Σ_j ½(f^v_j − y^v_j)²",
    "train_loss": "(1/n) Σ_i ½(f_i − y_i)², observed labels, every sample alike",
    "test_accuracy": "share of test samples with y f > 0 (NaN for none)",
    "auc": "of the weights, for true against flipped labels: P(w_clean > w_noisy) + ½ P(equal)",
    "margin_median": "median over i of the flip margin M_i = |Σ_j K_ij û_j| / Σ_j |K_ij||û_j|",
    "margin_min": "smallest flip margin: a relative change of the kernel by so much flips a g_i",
    "drift": "D so far: max of weight_noisy since its minimum, less that minimum, over all steps until here",
    "sign_share": "share of samples with sign g_i(t) = sign g_i(0), g over all clean samples",
    "output_max": "max |f| over training and clean samples",
}
SERIES = ("weight_clean", "weight_noisy", "output_max", "sign_share")


@dataclass(frozen=True, eq=False)
class ReweightingRun:
    """A training with reweighted samples.

    Attributes
    ----------
    problem, algorithm, seed, engine
        What was simulated; engine is "kernel" or "network".
    status : Status
        completed, diverged or interrupted.
    message : str
        With the remedy when something went wrong.
    stopped_at : int or None
        Diverged: the first step whose outputs overflow; the run keeps the one before. Interrupted: the last step.
    draw : ReweightingDraw
        Kernels and labels.
    lr, weight_lr : float
        η and β as used.
    series : (steps + 1, 4) array
        ``weight_clean``, ``weight_noisy``, ``output_max`` and ``sign_share`` at every step: what the times need.
    steps_recorded : (records,) integer array
    outputs, clean_outputs, test_outputs : (records, n), (records, m), (records, T) arrays
        f, f^v and f on the test samples.
    weights : (records, n) array
        w(t), with which step t looks ahead.
    gradients : (records, n) array
        g(t) over all clean samples.
    coefficients : (records, n) array or None
        c with f(x) = Σ_i K(x, x_i) c_i; None for a network.
    network : (W (M, d), a (M,)) or None
        The weights of a network at the end.
    timings : dict
        Seconds spent to ``draw`` and to ``solve``.
    """

    problem: KernelReweighting
    algorithm: Reweighting
    seed: int
    engine: str
    status: Status
    message: str
    stopped_at: int | None
    draw: ReweightingDraw
    lr: float
    weight_lr: float
    series: Array
    steps_recorded: NDArray[np.int64]
    outputs: Array
    clean_outputs: Array
    test_outputs: Array
    weights: Array
    gradients: Array
    coefficients: Array | None
    network: tuple[Array, Array] | None = None
    timings: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for array in (self.series, self.steps_recorded, self.outputs, self.clean_outputs, self.test_outputs,
                      self.weights, self.gradients, self.coefficients, *(self.network or ())):
            if array is not None:
                array.setflags(write=False)

    @property
    def steps(self) -> int:
        """Number of steps made."""
        return len(self.series) - 1

    @property
    def noisy(self) -> NDArray[np.bool_]:
        """Which training samples have a flipped label, (n,)."""
        return self.draw.noisy

    @cached_property
    def observables(self) -> "pd.DataFrame":
        """Exact observables at the recorded steps; see ``REWEIGHTING_OBSERVABLES``."""
        import pandas as pd

        test = self.draw.test_labels
        accuracy = (self.test_outputs * test > 0).mean(axis=1) if test.size else np.full(len(self.outputs), np.nan)
        margins = self.flip_margins
        columns = {name: self.series[self.steps_recorded, k] for k, name in enumerate(SERIES)} | {
            "clean_loss": ((self.clean_outputs - self.draw.clean_labels) ** 2).mean(axis=1) / 2,
            "train_loss": ((self.outputs - self.draw.labels) ** 2).mean(axis=1) / 2,
            "test_accuracy": accuracy,
            "auc": np.array([weight_auc(weights, self.noisy) for weights in self.weights]),
            "margin_median": _reduced(np.median, margins), "margin_min": _reduced(np.min, margins),
            "drift": np.array([drift(self.series[: step + 1, 1]) for step in self.steps_recorded]),
        }
        index = pd.Index(self.steps_recorded, name="step")
        return pd.DataFrame({name: columns[name] for name in REWEIGHTING_OBSERVABLES}, index=index)

    @cached_property
    def clean_residuals(self) -> Array:
        """û^v at the recorded steps, after the look-ahead of the fixed kernel with the old weights, (records, m)."""
        residuals: Array = self.clean_outputs - self.draw.clean_labels
        if self.algorithm.look_ahead == "none":
            return residuals
        pull = self.weights * (self.outputs - self.draw.labels)
        ahead: Array = residuals - self.lr * pull @ self.draw.proxy_kernel.T
        return ahead

    @cached_property
    def flip_margins(self) -> Array:
        """M_i at the recorded steps, (records, n); NaN where K_ij û_j = 0 for all j: no sign to flip."""
        kernel, ahead = self.draw.proxy_kernel, self.clean_residuals
        whole = np.abs(ahead) @ np.abs(kernel)
        margins: Array = np.abs(ahead @ kernel) / np.where(whole > 0, whole, np.nan)
        return margins

    @cached_property
    def drift(self) -> float:
        """D = max_{t ≥ t*} w̄_noisy(t) − w̄_noisy(t*), t* its first minimum, over every step; NaN without flips."""
        return drift(self.series[:, 1])

    def column(self, name: str) -> Array:
        """One observable at the recorded steps."""
        name = validate.choice("name", name, REWEIGHTING_OBSERVABLES)
        return self.observables[name].to_numpy()

    def save(self, path: str | Path) -> None:
        """Write everything to one ``.npz`` file; :func:`theorysim.load_run` reads it back."""
        from theorysim import storage

        storage.save(self, path)

    def stage_times(self) -> dict[str, float]:
        """t_pol, t1 and t2, exact to the step; NaN for what is not reached.

        * t_pol: first t with w̄_clean − w̄_noisy at least 0.9 of its largest value, which is positive;
        * t1: first t with max |f| over training and clean samples at least ½;
        * t2: first t ≥ t1 with the share of i with sign g_i(t) = sign g_i(0) below 0.9; needs no true labels.
        """
        apart = self.series[:, 0] - self.series[:, 1]
        largest = float(apart.max())
        grown = self.series[:, 2] >= HALF
        return {
            "t_pol": _first(apart >= POLARISED * largest) if largest > 0 else float("nan"),
            "t1": _first(grown), "t2": _first((self.series[:, 3] < STEADY) & np.maximum.accumulate(grown)),
        }

    def record(self, at: int | None = None) -> int:
        """Position of a step among the recorded ones; the last by default.

        Raises
        ------
        ValueError
            When the step was not recorded.
        """
        if at is None:
            return len(self.steps_recorded) - 1
        step = validate.integer("at", at, 0, self.steps)
        position = int(np.searchsorted(self.steps_recorded, step))
        if self.steps_recorded[position] != step:
            below, above = self.steps_recorded[position - 1 : position + 1]
            raise ValueError(f"at={step}: must be a recorded step (nearest: {below}, {above}); "
                             "simulate with record_at= to keep others")
        return position

    def summary(self) -> dict[str, Any]:
        """The main facts of the run, by name."""
        last = self.observables.iloc[-1]
        facts: dict[str, Any] = {
            "status": f"{self.status}: {self.message}" if self.message else str(self.status),
            "problem": self.problem, "algorithm": self.algorithm, "steps": self.steps, "seed": self.seed,
            "engine": self.engine,
        }
        facts |= {str(name): float(value) for name, value in last.items()}
        return facts | {f"{name} time (s)": seconds for name, seconds in self.timings.items()}

    def __repr__(self) -> str:
        last = self.observables.iloc[-1]
        return (f"<ReweightingRun {self.status} at step {self.steps}, clean_loss={show(float(last['clean_loss']))}, "
                f"auc={show(float(last['auc']))}, {self.algorithm}, seed={self.seed}>")

    def _repr_html_(self) -> str:
        return table("ReweightingRun", self.summary() | self.stage_times())


def weight_auc(weights: Array, noisy: NDArray[np.bool_]) -> float:
    """P(w of a clean sample > w of a noisy one) + ½ P(equal); NaN when there are none of one kind."""
    count = int((~noisy).sum())
    if count in (0, noisy.size):
        return float("nan")
    ranks = scipy.stats.rankdata(weights)[~noisy].sum()
    return float((ranks - count * (count + 1) / 2) / (count * (noisy.size - count)))


def drift(weights: Array) -> float:
    """max_{t ≥ t*} w(t) − w(t*) with t* the first minimum of w; NaN when w is."""
    return float("nan") if np.isnan(weights).any() else float(weights[np.argmin(weights):].max() - weights.min())


def _reduced(how: Callable[[Array], Any], margins: Array) -> Array:
    """A statistic of each row without its NaN; NaN where nothing is left."""
    kept = (row[~np.isnan(row)] for row in margins)
    return np.array([float(how(row)) if row.size else np.nan for row in kept])


def _first(reached: NDArray[np.bool_]) -> float:
    return float(np.argmax(reached)) if reached.any() else float("nan")
