"""Names of the dimensions of a patch network's arrays."""

from typing import Any

import numpy as np

from theorysim.core.labelled import RECORDED, Labelled

FILTERS = (RECORDED, "branch", "filter")
GAMMA = "signal learning γ_{j,r}"
RHO = "noise memorization ρ_{j,r,i}"
SIGNAL_PRODUCTS = "inner products ⟨w_{j,r}, μ⟩ with the signal"
NOISE_PRODUCTS = "inner products ⟨w_{j,r}, ξ_i⟩ with the noise"


def of_samples(draw: Any) -> dict[str, Labelled]:
    """The branches j = ±1, and of every sample its labels."""
    return {
        "branch": Labelled(("branch",), np.array([1, -1]), "j, the class that a branch votes for"),
        "label": Labelled(("sample",), draw.labels, "true label y"),
        "observed_label": Labelled(("sample",), draw.observed_labels, "label ỹ as observed"),
        "flipped": Labelled(("sample",), draw.noisy, "whether ỹ is not y"),
    }
