"""What is seen of a training: four numbers of every step, and others wherever outputs and weights are kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.reweighting.draw import ReweightingDraw

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
SERIES = ("weight_clean", "weight_noisy", "output_max", "sign_share")  # of every step


@dataclass(frozen=True, eq=False)
class Seen:
    """Outputs (rows, n), (rows, m) and (rows, T) and weights (rows, n) of some steps, one a row.

    ``look_ahead`` is η, or None where the meta-gradient takes the residuals before the step.
    """

    draw: ReweightingDraw
    look_ahead: float | None
    outputs: Array = field(repr=False)
    clean_outputs: Array = field(repr=False)
    test_outputs: Array = field(repr=False)
    weights: Array = field(repr=False)

    @cached_property
    def clean_residuals(self) -> Array:
        """û^v, after the look-ahead of the fixed kernel with the old weights, (rows, m)."""
        residuals: Array = self.clean_outputs - self.draw.clean_labels
        if self.look_ahead is None:
            return residuals
        pull = self.weights * (self.outputs - self.draw.labels)
        ahead: Array = residuals - self.look_ahead * pull @ self.draw.proxy_kernel.T
        return ahead

    @cached_property
    def flip_margins(self) -> Array:
        """M_i, (rows, n); NaN where K_ij û_j = 0 for all j: no sign to flip."""
        kernel, ahead = self.draw.proxy_kernel, self.clean_residuals
        whole = np.abs(ahead) @ np.abs(kernel)
        margins: Array = np.abs(ahead @ kernel) / np.where(whole > 0, whole, np.nan)
        return margins


def accuracy(seen: Seen) -> Array:
    """Share of test samples with y f > 0; NaN for none."""
    test = seen.draw.test_labels
    right = seen.test_outputs * test > 0
    return right.mean(axis=1) if test.size else np.full(len(right), np.nan)


MEASURED: Mapping[str, Callable[[Seen], Array]] = {  # (rows,) each
    "clean_loss": lambda seen: ((seen.clean_outputs - seen.draw.clean_labels) ** 2).mean(axis=1) / 2,
    "train_loss": lambda seen: ((seen.outputs - seen.draw.labels) ** 2).mean(axis=1) / 2,
    "test_accuracy": accuracy,
    "auc": lambda seen: np.array([weight_auc(weights, seen.draw.noisy) for weights in seen.weights]),
    "margin_median": lambda seen: _reduced(np.median, seen.flip_margins),
    "margin_min": lambda seen: _reduced(np.min, seen.flip_margins),
}


def weight_auc(weights: Array, noisy: NDArray[np.bool_]) -> float:
    """P(w of a clean sample > w of a noisy one) + ½ P(equal); NaN when there are none of one kind."""
    count = int((~noisy).sum())
    if count in (0, noisy.size):
        return float("nan")
    from scipy.stats import rankdata  # takes longer to import than all the rest

    ranks = rankdata(weights)[~noisy].sum()
    return float((ranks - count * (count + 1) / 2) / (count * (noisy.size - count)))


def drift(weights: Array) -> float:
    """max_{t ≥ t*} w(t) − w(t*) with t* the first minimum of w; NaN when w is."""
    return float("nan") if np.isnan(weights).any() else float(weights[np.argmin(weights):].max() - weights.min())


def drifts(weights: Array) -> Array:
    """:func:`drift` of w until each step, (steps + 1,), in one pass."""
    if np.isnan(weights).any():
        return np.full(weights.shape, np.nan)
    lowest = np.minimum.accumulate(weights)
    since = np.cumsum(weights < np.concatenate([[np.inf], lowest[:-1]]))  # how many minima there were so far
    values, rank = np.unique(weights, return_inverse=True)
    highest = np.maximum.accumulate(since * values.size + rank) - since * values.size  # among those since the minimum
    result: Array = values[highest] - lowest
    return result


def _reduced(how: Callable[[Array], Any], margins: Array) -> Array:
    """A statistic of each row without its NaN; NaN where nothing is left."""
    kept = (row[~np.isnan(row)] for row in margins)
    return np.array([float(how(row)) if row.size else np.nan for row in kept])
