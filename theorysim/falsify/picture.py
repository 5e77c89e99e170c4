"""Both sides of a claim over the steps of a run."""

from typing import Any

import numpy as np

from theorysim.theory.statement import Array, Statement, Steps

ORDERS = 100.0  # a side that varies by more than this is drawn on a logarithmic axis


def sides(statement: Statement, steps: Steps, measured: Array, predicted: Array, step: int, axes: Any = None) -> Any:
    """Measured and predicted over the steps that a claim speaks about, with one step marked; returns the Axes.

    The vertical axis is logarithmic where both are positive and spread over more than two decades.
    """
    if axes is None:
        import matplotlib.pyplot as plt

        _, axes = plt.subplots(figsize=(5.2, 3.6), layout="constrained")
    few = "o" if len(steps) <= 30 else ""
    axes.plot(steps, measured, color="C0", marker=few or None, label="measured")
    axes.plot(steps, predicted, color="C1", linestyle="--", marker="s" if few else None,
              label=f"predicted: measured {statement.sense} this is claimed")
    axes.axvline(step, color="0.4", linestyle=":", label=f"step {step}")
    both = np.concatenate([measured, predicted])
    both = both[np.isfinite(both)]
    if both.size and both.min() > 0 and both.max() > ORDERS * both.min():
        axes.set_yscale("log")
    axes.set(xlabel="step (updates)", ylabel="both sides of the claim", title=statement.formula)
    axes.legend(fontsize=8)
    return axes
