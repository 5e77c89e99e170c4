"""How the signal takes over while outputs rest: its rate, and the whole curve. Derived, q = 2, orthogonal noise.

On class j the output at rest is shared by signal and memory, S + F = f*. Both have the same drive, so the first order
of the step cancels in ln S − n_jSNR² ln F, and what is left grows by R per step.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit

from theorysim.core import validate
from theorysim.theory.second_order.multipliers import Multipliers

Array = NDArray[np.float64]


def signal_rate(lam: float, pull: float, variance: float) -> float:
    """Growth of ln s_j per step, E ln(1 + 2λC) = 2λE[C] − 2λ²E[C²], C = Σ_i c_i over the class; error O(λ³E|C|³).

    ``pull`` is E[C] = n_jΨ and ``variance`` Var C = n_j(E[c²] − Ψ²), where all samples have a memory at rest. As
    κE[c²] = Ψ to lowest order, the second term makes of 2λn_jΨ 2λn_jΨ(1 − SNR²), λ = η‖μ‖²/(nm) = κ·SNR².
    """
    lam = validate.real("lam", lam, 0)
    return 2 * lam * pull - 2 * lam**2 * (variance + pull**2)


def takeover_rate(kappa: float, snr_squared: float, law: Multipliers, samples: float) -> float:
    """R = d/dt (ln S − n_jSNR² ln F) = 4κ²E[c²](1 − SNR²)n_jSNR² per step, ln F the mean over the class.

    E[c²] = p(1−p) for flips. Holds at any S + F = f*. Above SNR = 1 it is negative: label noise erases the signal.
    Relative error O(κ) and O(λn_j): at κ = .02 (p = .2, n = 4) 2% at SNR² = ¼, 18% at SNR² = 4.
    """
    kappa = validate.real("kappa", kappa, 0)
    x = validate.real("samples", samples, 0) * validate.real("snr_squared", snr_squared, 0)
    return 4 * kappa**2 * float(law.pull_moment(law.resting(), 2)) * (1 - snr_squared) * x


def takeover_time(signal_from: ArrayLike, signal_to: ArrayLike, rate: float, x: float, rest: float) -> Array:
    """Steps from one signal part to another on S + F = f*: [ln(S₂/S₁) − x ln((f* − S₂)/(f* − S₁))]/R.

    Parameters
    ----------
    signal_from, signal_to : arrays
        S₁ and S₂, in (0, f*).
    rate, x, rest : float
        R of :func:`takeover_rate`, n_jSNR² and f*.
    """
    rest = validate.real("rest", rest, 0, above=True)
    potentials = []
    for name, given in (("signal_from", signal_from), ("signal_to", signal_to)):
        part = np.asarray(given, dtype=float)
        if not ((part > 0) & (part < rest)).all():
            raise ValueError(f"{name}={given!r}: must be in (0, {rest:g}), below the resting output")
        potentials.append(np.log(part) - x * np.log(rest - part))
    time: Array = np.asarray((potentials[1] - potentials[0]) / rate)
    return time


def signal_part(steps: ArrayLike, start: float, rate: float, x: float, rest: float) -> Array:
    """S after so many steps, like ``steps``: the root of ln S − x ln(f* − S) = the same at the start + R·steps.

    Its slope is RSF/(F + xS), F = f* − S: exponential at first, then F dies at the rate R/x.
    """
    rest = validate.real("rest", rest, 0, above=True)
    start = validate.real("start", start, 0, rest, above=True, below=True)
    x = validate.real("x", x, 0)
    begun = np.log(start) - x * np.log(rest - start)

    def at(step: float) -> float:
        def missing(logit: float) -> float:  # S = f*·ς(logit): exact at both ends
            return float(np.log(rest) - np.logaddexp(0, -logit) - x * (np.log(rest) - np.logaddexp(0, logit))
                         - begun - rate * step)

        reach = 1.0
        while missing(-reach) > 0 or missing(reach) < 0:
            reach *= 2
        return float(rest * expit(brentq(missing, -reach, reach, xtol=1e-13, rtol=1e-14)))

    given = np.asarray(steps, dtype=float)
    found: Array = np.array([at(step) for step in given.ravel()]).reshape(given.shape)
    return found


def smoothing_slope(outputs: ArrayLike, alpha: float, lam: float, samples: float) -> Array:
    """Growth of ln s_j per step under label smoothing, 2λn_j(ς(−f) − α/2), to first order in λ; like ``outputs``.

    Smoothing with α = 2p has the mean pull of flips with p, and no noise: at its rest f* = ln((2 − α)/α) the slope is
    0, and the signal stops. Only the variance of flips helps.
    """
    alpha = validate.real("alpha", alpha, 0, 1)
    lam, samples = validate.real("lam", lam, 0), validate.real("samples", samples, 0)
    slope: Array = 2 * lam * samples * (expit(-np.asarray(outputs, dtype=float)) - alpha / 2)
    return slope
