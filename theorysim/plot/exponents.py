"""Scaling studies: measured times against predicted ones."""

from typing import TYPE_CHECKING

import numpy as np

from theorysim.core import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from theorysim.scaling import ScalingFit


def scaling(fit: "ScalingFit", axis: "Axes | None" = None) -> "Axes":
    """Measured against predicted times of a scaling study, one colour and marker for each parameter varied.

    Both axes are logarithmic, in steps; the line is measured = predicted, and the legend gives the
    fitted exponent of each parameter with its 95% interval, and the theory's.
    """
    if axis is None:
        import matplotlib.pyplot as plt

        _, axis = plt.subplots(figsize=(6, 5), layout="constrained")
    names = list(fit.exponents["parameter"])
    centre = fit.runs[names].mode().iloc[0]
    theories = fit.exponents["theory"].round(9).to_numpy() + 0.0  # a slope of 0 up to rounding is 0
    for number, (row, theory) in enumerate(zip(fit.exponents.itertuples(), theories, strict=True)):
        others = [name for name in names if name != row.parameter]
        shown = fit.runs[(fit.runs[others] == centre[others]).all(axis=1)]
        label = f"{row.parameter}: {row.exponent:.2f} [{row.low:.2f}, {row.high:.2f}], theory {theory:.3g}"
        axis.plot(shown["predicted"], shown["measured"], **style.points(number), fillstyle="none", label=label)
    ends = np.array([fit.runs["predicted"].min(), fit.runs["predicted"].max()])
    axis.plot(ends, ends, color=style.REFERENCE, linewidth=0.8)
    axis.set(xscale="log", yscale="log", xlabel="predicted (steps, constant 1)", ylabel="measured (steps)")
    axis.set_title(f"{fit.measure}: {fit.formula}")
    style.log_ticks(axis.xaxis, axis.yaxis)
    style.legend_below(axis, 1, title="exponents; line: measured = predicted")
    return axis
