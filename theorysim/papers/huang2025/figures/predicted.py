"""What the mean field predicts of a diagram: its test error in every cell, no number fitted, beside the exact one."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.mean_field import MeanField
from theorysim.patch.problem import SignalNoise
from theorysim.sweep import sweep

if TYPE_CHECKING:
    import pandas as pd

NAME = "mean field"
CELL = ["n", "snr", "algorithm"]
BESIDE = {"test_error": "predicted_test_error", "test_error_se": "predicted_test_error_se"}  # columns of the cells


def predicted(
    problem: SignalNoise | Callable[..., SignalNoise], n: Sequence[int], snr: Sequence[float],
    algorithms: Mapping[str, Any], **options: Any
) -> "pd.DataFrame":
    """The same sweep of the mean field: labels and label noise of a cell and seed are the same, initial weights not."""
    def field(n: int, snr: float) -> MeanField:
        return MeanField.of(problem.replace(n=n, snr=snr) if isinstance(problem, SignalNoise) else problem(n, snr))

    return sweep(field, grid={"n": n, "snr": snr}, algorithms=algorithms, measure=["test_error"], **options)


def beside(cells: "pd.DataFrame", of_field: "pd.DataFrame") -> "pd.DataFrame":
    """Summarised cells with what is predicted of each, its mean and standard error, after their own."""
    found = cells.merge(of_field[[*CELL, *BESIDE]].rename(columns=BESIDE), on=CELL, how="left")
    found.attrs = cells.attrs
    first = list(cells.columns).index("test_error_count") + 1
    order = [*cells.columns[:first], *BESIDE.values(), *cells.columns[first:]]
    return found[order]


def sides(cells: "pd.DataFrame", level: float) -> "pd.DataFrame":
    """How many cells have their mean error on the predicted side of a level, by algorithm and in all; the others."""
    import pandas as pd

    known = cells.dropna(subset=["test_error", "predicted_test_error"])
    groups = [*known.groupby("algorithm", sort=False), ("both", known)]
    rows = []
    for name, group in groups:
        same = (group["test_error"] > level) == (group["predicted_test_error"] > level)
        gap = (group["predicted_test_error"] - group["test_error"]).abs()
        rows.append({
            "algorithm": name, "cells": len(group), "on the predicted side": int(same.sum()),
            "share": f"{same.mean():.1%}", "difference of a cell, mean": f"{gap.mean():.3f}",
            "largest": f"{gap.max():.3f}",
            "on the other side": "; ".join(_told(row) for row in group[~np.asarray(same)].itertuples()) or "none",
        })
    return pd.DataFrame(rows)


def _told(row: Any) -> str:
    """A cell on the other side."""
    return (f"{row.algorithm}, n = {row.n}, SNR = {row.snr:g}: {row.test_error:.3f} ± {row.test_error_se:.3f}, "
            f"predicted {row.predicted_test_error:.3f} ± {row.predicted_test_error_se:.3f}")
