"""Attention: loss, labels that are fitted, tokens that are selected."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core.grouping import Named, grouped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS: dict[str, dict[str, str]] = {  # label of the panel: columns and their line styles
    "training loss": {"train_loss": "-"},
    "labels predicted (full: true, dashed: flipped)": {"clean_accuracy": "-", "noisy_accuracy": "--"},
    "softmax weight, relevant token (full: true labels, dashed: flipped)": {
        "signal_weight_clean": "-", "signal_weight_noisy": "--"},
    "softmax weight, irrelevant tokens (full: true labels, dashed: flipped)": {
        "noise_weight_clean": "-", "noise_weight_noisy": "--"},
}


def selection(runs: Named, axes: "Sequence[Axes] | None" = None) -> "NDArray[Any]":
    """Training loss, accuracy and softmax weights over steps, on samples with true and with flipped labels.

    Parameters
    ----------
    runs : AttentionRun, sequence of them such as Runs, or mapping from names to these
        Several runs (seeds) are drawn as their median with a band from smallest to largest; legends say how many.
    axes : four matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    array of four Axes

    Raises
    ------
    ValueError
        When other than four Axes are given.
    """
    if axes is None:
        import matplotlib.pyplot as plt

        axes = plt.subplots(1, len(PANELS), figsize=(17, 3.8), layout="constrained")[1]
    panels: NDArray[Any] = np.asarray(axes, dtype=object).ravel()
    if panels.size != len(PANELS):
        raise ValueError(f"axes: must be {len(PANELS)} Axes, got {panels.size}")
    for number, (name, several) in enumerate(grouped(runs).items()):
        length = min(one.steps for one in several) + 1
        for axis, columns in zip(panels, PANELS.values(), strict=True):
            for column, style in columns.items():
                values = np.stack([one.column(column)[:length] for one in several])
                axis.plot(np.median(values, axis=0), style, color=f"C{number}", label=name if style == "-" else None)
                if len(several) > 1:
                    axis.fill_between(np.arange(length), values.min(axis=0), values.max(axis=0), color=f"C{number}",
                                      alpha=0.2, linewidth=0)
    for axis, label in zip(panels, PANELS, strict=True):
        axis.set(xlabel="step", ylabel=label)
        axis.yaxis.label.set_size(7)
    for axis in panels[1:]:
        axis.set_ylim(-0.03, 1.03)
    panels[0].legend(fontsize=8)
    return panels
