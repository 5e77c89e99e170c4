"""What statements about sample reweighting are made of: one run, with what was measured in it."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from theorysim.reweighting import ReweightingDraw, ReweightingRun, ReweightingTimes
from theorysim.theory.statement import Constants

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Steps = NDArray[np.int64]
RUNS = ReweightingRun
AT_REST = 1e-6  # largest change of an output or a weight between the last two records of a run at rest
FLAT = 1e-12  # eigenvalues of K_AA below this share of the largest are 0


@dataclass(frozen=True, eq=False)
class ReweightingEvidence:
    """A run with sample weights. All but the times is of a fixed kernel.

    The kernel between training and clean samples is that of the meta-gradient ("proxy"); y^v are the clean labels as
    observed, errors included, since those are what g sees.
    """

    run: ReweightingRun
    constants: Constants = field(default_factory=Constants)

    @property
    def draw(self) -> ReweightingDraw:
        """Kernels and labels."""
        return self.run.draw

    @cached_property
    def sign_share(self) -> float:
        """Share of pairs with sign K(x_i, x_j^v) = y*_i y_j^v; a kernel of 0 agrees with neither sign."""
        agree = np.sign(self.draw.proxy_kernel) == np.outer(self.draw.clean_labels, self.draw.true_labels)
        return float(agree.mean())

    @cached_property
    def gamma(self) -> Array:
        """γ_i = y*_i (1/m) Σ_j y_j^v K_ij, (n,)."""
        gamma: Array = self.draw.true_labels * (self.draw.proxy_kernel.T @ self.draw.clean_labels) / self.draw.clean
        return gamma

    @cached_property
    def kernel_size(self) -> Array:
        """κ̄_i = (1/m) Σ_j |K_ij|, (n,)."""
        size: Array = np.abs(self.draw.proxy_kernel).mean(axis=0)
        return size

    @cached_property
    def aligned_share(self) -> float:
        """Share of i with γ_i > 0."""
        return float((self.gamma > 0).mean())

    @cached_property
    def lr_share(self) -> float:
        """c = η λ_max(K_tt)."""
        return self.run.lr * self.draw.largest_eigenvalue()

    @property
    def weight_lr_share(self) -> float:
        """β median_i |γ_i|: the first step of a weight, while residuals are −labels."""
        return self.run.weight_lr * float(np.median(np.abs(self.gamma)))

    @cached_property
    def times(self) -> ReweightingTimes:
        """t_pol, t1, t2; NaN for what is not reached."""
        return self.run.stage_times()

    @cached_property
    def output_size(self) -> Array:
        """ρ_t = max(|f| on training samples, |f̂^v| on clean ones) at the recorded steps, (records,)."""
        ahead = self.run.clean_residuals + self.draw.clean_labels
        size: Array = np.maximum(np.abs(self.run.outputs).max(axis=1), np.abs(ahead).max(axis=1))
        return size

    @cached_property
    def certified(self) -> Bools:
        """ρ_t < 1 and γ_i ≥ ρ_t κ̄_i, (records, n)."""
        size = self.output_size[:, None]
        certified: Bools = (size < 1) & (self.gamma >= size * self.kernel_size)
        return certified

    @cached_property
    def alignment(self) -> Array:
        """y_i y*_i g_i, (records, n): positive where a weight moves towards 1[label is true]."""
        alignment: Array = self.draw.labels * self.draw.true_labels * self.run.gradients
        return alignment

    @cached_property
    def alignment_bound(self) -> Array:
        """(1 − ρ_t)(γ_i − ρ_t κ̄_i), (records, n)."""
        size = self.output_size[:, None]
        bound: Array = (1 - size) * (self.gamma - size * self.kernel_size)
        return bound

    @cached_property
    def filtering(self) -> tuple[int, int] | None:
        """Records T, t: the first at or after t1 and the last at or before t2; None while there is nothing between."""
        times, steps = self.times, self.run.steps_recorded
        if np.isnan(times["t2"]):
            return None
        first = int(np.searchsorted(steps, times["t1"]))
        last = int(np.searchsorted(steps, times["t2"], side="right")) - 1
        return (first, last) if first < last else None

    def clean_loss(self, record: int) -> float:
        """L_val at a record."""
        return float(((self.run.clean_outputs[record] - self.draw.clean_labels) ** 2).mean() / 2)

    def filtered_loss(self, first: int, last: int) -> float:
        """L_val at a record when from another on w = 1[true label] =: A.

        f^v(t) = f^v(T) + K_vA K_AA⁻¹ (I − (I − ηK_AA)^{t−T})(y_A − f_A(T)); in a direction that K_AA does not see
        the inverse times the bracket is η(t − T).
        """
        run, draw, chosen = self.run, self.draw, ~self.draw.noisy
        steps = int(run.steps_recorded[last] - run.steps_recorded[first])
        values, vectors = np.linalg.eigh(draw.train_kernel[np.ix_(chosen, chosen)])
        seen = values > FLAT * values.max(initial=0)
        factors = np.where(seen, (1 - (1 - run.lr * values) ** steps) / np.where(seen, values, 1), run.lr * steps)
        left = (draw.labels - run.outputs[first])[chosen]
        outputs = run.clean_outputs[first] + draw.clean_kernel[:, chosen] @ (vectors @ (factors * (vectors.T @ left)))
        return float(((outputs - draw.clean_labels) ** 2).mean() / 2)

    def unfiltered(self, first: int, last: int) -> float:
        """max over the records between of mean_i |w_i − 1[label i is true]|: what filtering has left to do."""
        return float(np.abs(self.run.weights[first : last + 1] - ~self.draw.noisy).mean(axis=1).max())

    @cached_property
    def at_rest(self) -> bool:
        """Whether no output of training and clean samples and no weight changed by 1e-6 between the last two records.

        Measured over an interval, not a step: the steps of a slow mode are small as well.
        """
        moved = [np.abs(one[-1] - one[-2]).max() for one in (self.run.outputs, self.run.clean_outputs, self.run.weights)
                 if len(one) > 1]
        return bool(moved) and max(moved) <= AT_REST

    @property
    def selected(self) -> Bools:
        """w_i > 0 at the end, (n,)."""
        selected: Bools = self.run.weights[-1] > 0
        return selected

    @cached_property
    def relaxed(self) -> float:
        """Steps between the last two records times 1 − ‖I − ηW^½ K_AA W^½‖, A the samples of weight above 0.

        From 1 on the slowest residual shrinks by e or more from one record to the other, so that what does not move
        is at rest: |u_i| ≤ δ√(Σ_j w_j/w_i)/(e − 1) when outputs moved by at most δ.
        """
        chosen = self.selected
        root = np.sqrt(self.run.weights[-1][chosen])
        values = np.linalg.eigvalsh(self.draw.train_kernel[np.ix_(chosen, chosen)] * np.outer(root, root))
        slowest = np.abs(1 - self.run.lr * values).max()
        return float((1 - slowest) * np.diff(self.run.steps_recorded[-2:])[0])

    def residual(self) -> float:
        """max over w_i > 0 of |u_i| at the end."""
        return float(np.abs(self.run.outputs[-1] - self.draw.labels)[self.selected].max())

    def residual_at_rest(self) -> float:
        """What :attr:`at_rest` leaves of it when :attr:`relaxed` is at least 1: 1e-6 √(Σw/min_{w_i > 0} w_i)."""
        weights = self.run.weights[-1][self.selected]
        return float(AT_REST * np.sqrt(weights.sum() / weights.min()))

    def push(self) -> float:
        """max over w_i = 0 of max(g_i, 0)/κ̄_i at the end."""
        left = ~self.selected & (self.kernel_size > 0)
        return float(np.maximum(self.run.gradients[-1][left] / self.kernel_size[left], 0).max())
