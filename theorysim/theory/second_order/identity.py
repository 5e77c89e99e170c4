"""One path of training, exactly: what made the signal grow, and the most that it can have grown by. Derived, q = 2.

A step multiplies the products of the own-branch active filters of sample i by 1 + 2κ_i c_i, κ_i = η‖ξ_i‖²/(nm), and
those of the aligned signal filters of class j by 1 + 2λC, λ = η‖μ‖²/(nm), C = Σ_{i∈j} c_i: exactly, where noise vectors
are orthogonal to each other and to the signal. So with h(x) = x − ln(1 + x) ≥ 0

    Δ ln s_j = Σ_i (λ/κ_i) [Δ ln z_i + Σ_t h(2κ_i c_i)] − Σ_t h(2λC).

The first term is the race of stage 1, all that gradient descent has; the second is the whole effect of label noise, and
positive in every summand; the third, O(λ²), is what the signal's own steps cost. λ/κ_i = ‖μ‖²/‖ξ_i‖², about SNR².
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theorysim.core import validate

Array = NDArray[np.float64]
LARGEST_KAPPA = 0.25  # of the bound


@dataclass(frozen=True)
class Growth:
    """The identity's two sides over some steps of one class.

    Attributes
    ----------
    signal : float
        Δ ln s_j, the left side.
    race : float
        Σ_i (λ/κ_i) Δ ln z_i.
    noise : float
        Σ_i (λ/κ_i) Σ_t h(2κ_i c_i) ≥ 0.
    own : float
        Σ_t h(2λC_t) ≥ 0.
    """

    signal: float
    race: float
    noise: float
    own: float

    @property
    def to_second_order(self) -> float:
        """race + noise, the right side up to O(λ²)."""
        return self.race + self.noise

    @property
    def exact(self) -> float:
        """race + noise − own, the right side; what is missing to ``signal`` is rounding and cross-talk of samples."""
        return self.race + self.noise - self.own


def pathwise(
    log_signal: float, log_memory: ArrayLike, pulls: ArrayLike, kappas: ArrayLike, lam: float
) -> Growth:
    """Both sides of the identity from the arrays of a recorded path.

    Parameters
    ----------
    log_signal : float
        Δ ln s_j over the steps, of any filter that stays aligned.
    log_memory : (n_j,) array
        Δ ln z_i, of any filter of sample i's own branch that stays active on it.
    pulls : (steps, n_j) array
        c_i = ε_i ς(−ε_i f_i) at every step, f_i before the step.
    kappas : float or (n_j,) array
        κ_i, above 0.
    lam : float
        λ ≥ 0.

    Raises
    ------
    ValueError
        For shapes that do not fit, and where a factor 1 + 2κ_i c_i or 1 + 2λC is not positive: that filter has died.
    """
    pull = validate.array("pulls", pulls, None, None)
    memory = validate.array("log_memory", log_memory, pull.shape[1])
    rates = np.broadcast_to(validate.array("kappas", np.ravel(kappas), None), memory.shape)
    lam = validate.real("lam", lam, 0)
    if (rates <= 0).any():
        raise ValueError(f"kappas={kappas!r}: must be above 0")
    steps, together = 2 * rates * pull, 2 * lam * pull.sum(axis=1)
    for name, factors in (("kappas", steps), ("lam", together)):
        if (factors <= -1).any():
            raise ValueError(f"{name}: makes a factor 1 + {factors.min():g} with these pulls, which must be above 0")
    share = lam / rates
    return Growth(
        signal=validate.real("log_signal", log_signal), race=float(share @ memory),
        noise=float(share @ excess(steps).sum(axis=0)), own=float(excess(together).sum()),
    )


def excess(x: ArrayLike) -> Array:
    """h(x) = x − ln(1 + x), x²/2 − x³/3 + … by its series where |x| < .01, so that nothing cancels; at least 0."""
    x = np.asarray(x, dtype=float)
    small = np.abs(x) < 0.01
    y = np.where(small, x, 0.0)
    series = y**2 * (1 / 2 - y * (1 / 3 - y * (1 / 4 - y * (1 / 5 - y * (1 / 6 - y * (1 / 7 - y / 8))))))
    return np.where(small, series, x - np.log1p(x))


def signal_bound(kappa: float, snr_squared: float, samples: float, memory_gain: float, steps: float) -> float:
    """The most that ln s_j grows by in so many steps: n_jSNR²[memory_gain + 4κ²·steps].

    For every path of flips, κ ≤ ¼ and orthogonal noise, as h(x) ≤ x² for x ≥ −½ and |c| ≤ 1. ``memory_gain`` is
    ln(z_max/z(T1)), at least the mean over the class of Δ ln z_i. κ and SNR² = ‖μ‖²/‖ξ‖²: with norms of their own, the
    largest κ_i and the largest λ/κ_i (for a gain of at least 0). So no linear rate holds at small κ.

    Raises
    ------
    ValueError
        Naming the argument; κ above ¼, where the proof ends.
    """
    kappa = validate.real("kappa", kappa, 0, LARGEST_KAPPA)
    x = validate.real("samples", samples, 0) * validate.real("snr_squared", snr_squared, 0)
    return x * (validate.real("memory_gain", memory_gain) + 4 * kappa**2 * validate.real("steps", steps, 0))
