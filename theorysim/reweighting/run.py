"""The result: outputs and sample weights at some steps, four numbers of every step, and the times they give."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from theorysim.core.html import table
from theorysim.core.labelled import RECORDED, Labelled
from theorysim.core.run import Run
from theorysim.reweighting.algorithm import Reweighting
from theorysim.reweighting.draw import ReweightingDraw
from theorysim.reweighting.observables import MEASURED, REWEIGHTING_OBSERVABLES, SERIES, Seen, drift, drifts
from theorysim.reweighting.problem import KernelReweighting
from theorysim.reweighting.stages import ReweightingTimes, times_of

Array = NDArray[np.float64]
Steps = NDArray[np.int64]
NEVER = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ReweightingRun(Run):
    """A training with reweighted samples.

    Beside the attributes of every :class:`~theorysim.core.run.Run`; its engine is "kernel" or "network".

    Attributes
    ----------
    draw : ReweightingDraw
        Kernels and labels.
    lr, weight_lr : float
        η and β as used.
    series : (steps + 1, 4) array
        ``weight_clean``, ``weight_noisy``, ``output_max`` and ``sign_share`` at every step: what the times need.
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
    observe_every : int or None
        Spacing of the steps at which observables of one's own were called; None for the recorded steps.
    looked_at : (looks,) integer array
        Those of them that are not recorded. :attr:`observables` has a row for each record and each look.
    looked : mapping
        The observables there that need more than the series, (looks,) each.
    """

    problem: KernelReweighting
    algorithm: Reweighting
    draw: ReweightingDraw
    lr: float
    weight_lr: float
    series: Array
    outputs: Array
    clean_outputs: Array
    test_outputs: Array
    weights: Array
    gradients: Array
    coefficients: Array | None = None
    network: tuple[Array, Array] | None = None
    observe_every: int | None = None
    looked_at: Steps = field(default_factory=NEVER.copy)
    looked: Mapping[str, Array] = field(default_factory=dict)

    HEADLINE: ClassVar = ("clean_loss", "auc")
    PER_RECORD: ClassVar = (
        "steps_recorded", "outputs", "clean_outputs", "test_outputs", "weights", "gradients", "coefficients")
    MEANINGS: ClassVar = REWEIGHTING_OBSERVABLES

    @property
    def noisy(self) -> NDArray[np.bool_]:
        """Which training samples have a flipped label, (n,)."""
        return self.draw.noisy

    @property
    def steps_observed(self) -> Steps:
        """The recorded steps, and those at which observables of one's own were called."""
        return np.union1d(self.steps_recorded, self.looked_at) if self.looked_at.size else self.steps_recorded

    @cached_property
    def seen(self) -> Seen:
        """Outputs and weights at the recorded steps."""
        return self.at_records(slice(None))

    def at_records(self, which: slice) -> Seen:
        """Outputs and weights at some of the recorded steps."""
        parts = (one[which] for one in (self.outputs, self.clean_outputs, self.test_outputs, self.weights))
        return Seen(self.draw, self.lr if self.algorithm.look_ahead == "exact" else None, *parts)

    @cached_property
    def table(self) -> Mapping[str, Array]:
        """Exact observables at the steps observed, see ``REWEIGHTING_OBSERVABLES``; found when first asked for."""
        steps = self.steps_observed
        columns = {name: self.series[steps, place] for place, name in enumerate(SERIES)}
        columns["drift"] = drifts(self.series[:, 1])[steps]
        recorded = np.isin(steps, self.steps_recorded)
        for name, measure in MEASURED.items():
            columns[name] = np.full(len(steps), np.nan)
            columns[name][recorded] = measure(self.seen)
            if name in self.looked:
                columns[name][~recorded] = self.looked[name]
        return {name: columns[name] for name in REWEIGHTING_OBSERVABLES}

    def named_arrays(self) -> dict[str, Labelled]:
        """Outputs and weights at the recorded steps, and the series of every step."""
        samples = (RECORDED, "sample")
        found = {
            "outputs": Labelled(samples, self.outputs, "f on the training samples"),
            "clean_outputs": Labelled((RECORDED, "clean_sample"), self.clean_outputs, "f^v on the clean samples"),
            "test_outputs": Labelled((RECORDED, "test_sample"), self.test_outputs, "f on the test samples"),
            "weights": Labelled(samples, self.weights, "sample weights w"),
            "gradients": Labelled(samples, self.gradients, "g over all clean samples"),
        }
        if self.coefficients is not None:
            found["coefficients"] = Labelled(samples, self.coefficients, "c with f(x) = Σ_i K(x, x_i) c_i")
        return found | {f"{name}_every_step": Labelled(("every_step",), values, REWEIGHTING_OBSERVABLES[name])
                        for name, values in zip(SERIES, self.series.T, strict=True)}

    def coordinates(self) -> dict[str, Labelled]:
        """Labels of training, clean and test samples."""
        return {
            "label": Labelled(("sample",), self.draw.true_labels, "true label y*"),
            "observed_label": Labelled(("sample",), self.draw.labels, "label y as observed"),
            "flipped": Labelled(("sample",), self.noisy, "whether y is not y*"),
            "clean_label": Labelled(("clean_sample",), self.draw.clean_labels, "label y^v as observed"),
            "test_label": Labelled(("test_sample",), self.draw.test_labels, "label of a test sample"),
        }

    @property
    def clean_residuals(self) -> Array:
        """û^v at the recorded steps, after the look-ahead of the fixed kernel with the old weights, (records, m)."""
        return self.seen.clean_residuals

    @property
    def flip_margins(self) -> Array:
        """M_i at the recorded steps, (records, n); NaN where K_ij û_j = 0 for all j: no sign to flip."""
        return self.seen.flip_margins

    @cached_property
    def drift(self) -> float:
        """D = max_{t ≥ t*} w̄_noisy(t) − w̄_noisy(t*), t* its first minimum, over every step; NaN without flips."""
        return drift(self.series[:, 1])

    def stage_times(self) -> ReweightingTimes:
        """t_pol, t1 and t2, exact to the step; NaN for what is not reached. See :class:`ReweightingTimes`."""
        return times_of(self.series)

    def _repr_html_(self) -> str:
        return table(type(self).__name__, self.summary() | self.stage_times().to_dict())

    def continued(self, before: Self, keep_record: bool, keep_row: bool) -> dict[str, Any]:
        """What of the whole is neither an array to be joined nor as at its end; ``before`` is the run so far."""
        # The seam is the first record of this part; of the whole it may be a look alone, or not even that.
        left = slice(0, int(keep_row and not keep_record and self.steps > before.steps))
        alone = self.at_records(slice(0, 1))  # as it is measured where it is only looked at
        looked = {}
        for name, measure in MEASURED.items():
            parts = [one.looked.get(name, np.full(one.looked_at.size, np.nan)) for one in (before, self)]
            parts.insert(1, measure(alone)[left] if left.stop else np.empty(0))
            looked[name] = np.concatenate(parts)
        return super().continued(before, keep_record, keep_row) | {
            "series": np.concatenate([before.series[:-1], self.series]), "looked": looked,
            "looked_at": np.concatenate([before.looked_at, self.steps_recorded[left], self.looked_at]),
        }


def seams(run: ReweightingRun) -> tuple[bool, bool]:
    """Whether the last record of a run that is continued is of the whole, and whether it is observed there.

    It is, unless records are evenly spaced and the run ended between two of them.
    """
    recorded = run.record_every is None or run.steps % run.record_every == 0
    looked = bool(run.own) and run.observe_every is not None and run.steps % run.observe_every == 0
    return recorded, recorded or looked
