"""Where theory draws the line in a phase diagram, as functions of a cell's numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Boundary:
    """A curve of a phase diagram.

    Attributes
    ----------
    label : str
        For the legend, with the constant.
    source : str
        Paper and number.
    margin : function
        Of the fields and derived numbers of a problem by name (arrays): positive on the side where the
        signal is learned, negative on the other, zero on the curve.
    """

    label: str
    source: str
    margin: Callable[[Mapping[str, Any]], Array]


def n_snr2(c: float = 1.0) -> Boundary:
    """n·SNR² = c, SNR = √(c/n): gradient descent on the squared ReLU learns the signal above it (Huang et al. 2025)."""
    c = validate.real("c", c, 0, above=True)
    return Boundary(f"n·SNR² = {c:g}", "Huang et al. 2025, Assumption 3.1", lambda of: np.log(of["n_snr2"] / c))


def n_snr_q(c: float = 1.0) -> Boundary:
    """n·SNR^q = c with the q of the activation: benign above, harmful below (Cao et al. 2022, q > 2)."""
    c = validate.real("c", c, 0, above=True)
    return Boundary(f"n·SNR^q = {c:g}", "Cao et al. 2022", lambda of: np.log(of["n"] * of["snr"] ** of["q"] / c))


def first_stage(c: float = 2.0) -> Boundary:
    """n·SNR²(1 − 2τ) = c, for ReLU with fixed noisy labels: Stage I needs c = 2 (derived from the early law)."""
    c = validate.real("c", c, 0, above=True)

    def margin(of: Mapping[str, Any]) -> Array:
        with np.errstate(divide="ignore"):
            return np.log(np.maximum(of["n_snr2"] * (1 - of["tau_plus"] - of["tau_minus"]), 0.0) / c)

    return Boundary(f"n·SNR²(1 − 2τ) = {c:g}", "Han et al. 2025, early law (derived)", margin)


def signal_power(c: float = 1.0) -> Boundary:
    """n‖μ‖⁴ = c σ_p⁴ d: for ReLU, test error near the flip rate above, bounded away from it below (Kou et al. 2023)."""
    c = validate.real("c", c, 0, above=True)

    def margin(of: Mapping[str, Any]) -> Array:
        power: Array = of["n"] * of["signal_norm"] ** 4 / (c * of["noise_std"] ** 4 * of["d"])
        return np.log(power)

    return Boundary(f"n‖μ‖⁴ = {c:g} σ⁴d", "Kou et al. 2023", margin)
