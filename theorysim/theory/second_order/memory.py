"""Ψ, the mean pull E[c] that label noise keeps alive where outputs are at rest. All derived.

Gradient descent rests where the pull is 0. With label noise ln z must neither grow nor fall on average,
E ln(1 + 2κc) = 0, so that Ψ = κE[c²] − (4/3)κ²E[c³] + …: second order in the step, as the pull enters the step
multiplied by κ again. It does not depend on n, d, m, nor (q = 2) on how many filters are active.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from theorysim.core import validate
from theorysim.theory.second_order.chain import Stationary, stationary, stiffness
from theorysim.theory.second_order.limits import Phase, growth_rate, linear_psi, phase
from theorysim.theory.second_order.multipliers import Multipliers

Array = NDArray[np.float64]
SMALL = 1e-4  # κ below which the series is more exact than the chain


def psi(kappa: float, law: Multipliers) -> float:
    """Ψ for q = 2: that of the stationary memory (:func:`at_rest`), or Eε/2 where memory is killed or dies out.

    Raises
    ------
    ValueError
        When Eε ≤ 0 or no value of the law is negative.
    """
    law.resting()
    return at_rest(kappa, law).psi if phase(kappa, law) == Phase.RESTING else linear_psi(law)


def at_rest(kappa: float, law: Multipliers) -> Stationary:
    """The stationary memory for q = 2 at any κ: :func:`stationary`, or below κ = 1e-4 its lowest orders.

    These are Ψ by its series, f*, Var f = 2κf*V/H, ln f* and V = E[c²] at f*, with relative errors O(κ²) and O(κ).
    """
    if kappa >= SMALL:
        return stationary(kappa, law)
    rest, square = law.resting(), float(law.pull_moment(law.resting(), 2))
    mean = psi_series(kappa, law)
    return Stationary(mean, kappa**2 * mean, rest, 2 * kappa * rest * square / stiffness(law), float(np.log(rest)),
                      square, 0.0)


def psi_leading(kappa: float, law: Multipliers, q: float = 2.0, power: float = 1.0) -> float:
    """Ψ = κE[ε²ς(−εf*)²]·½q(q−1)⟨z^{q−2}⟩, to first order in κ; κp(1 − p) for flips and q = 2.

    It is not the variance of ε that counts, as ς(−εf*)² weighs its values. ``power`` is ⟨z^{q−2}⟩, see
    :func:`power_mean`. Relative error O(κ).
    """
    kappa, q = validate.real("kappa", kappa, 0), validate.real("q", q, 2)
    power = validate.real("power", power, 0, above=True)
    return kappa * float(law.pull_moment(law.resting(), 2)) * q * (q - 1) / 2 * power


def psi_series(kappa: float, law: Multipliers) -> float:
    """Ψ = κV[1 + κ(f*(V''/H + V'M''/H²) − V'/H)] − (4/3)κ²E[c³] for q = 2; relative error O(κ²).

    V(f) = E[c²], M(f) = E[c], H = −M', all at f*. Near rest Var f = 2κf*V/H, and E f is off f* by (½M'' Var f − κV)/H;
    both move V. For flips κp(1−p)[1 + 2κf*p(1−p) + (4/3)κ(1−2p)], within 1% of the chain for κ ≤ .05.
    """
    kappa = validate.real("kappa", kappa, 0)
    rest, soft = law.resting(), stiffness(law)
    square, cube = (float(law.pull_moment(rest, power)) for power in (2, 3))
    slope = float(law.average(2 * law.pulls(rest) * _first(law)))
    return kappa * square * (1 + kappa * (rest * _fluctuation(law) - slope / soft)) - (
        4 / 3 * kappa**2 * cube)


def psi_root(kappa: float, law: Multipliers) -> float:
    """Ψ = Ψ₀·(1 + κf*(V''/H + V'M''/H²)) for q = 2, Ψ₀ = M(f₀) at the root f₀ of E ln(1 + 2κc) = 0.

    For flips Ψ₀ = 1 − p − s with (1−p) ln(1 + 2κ(1−s)) + p ln(1 − 2κs) = 0, times 1 + 2κf*p(1−p). All orders of the
    step at one output, the first order of its fluctuation. Against the chain, flips with p from .001: within 1% for
    κ ≤ .1; 7.1% for κ ≤ .3, and 4.2% there for p ≥ .1; 14% at κ = .4 (8% for p ≥ .1); −14% at κ = .45, p = .1; −34% at
    κ = .5, p = .1.

    Raises
    ------
    ValueError
        Where there is no root: memory is killed or dies out.
    """
    kappa = validate.real("kappa", kappa, 0, above=True)
    rest, fate = law.resting(), phase(kappa, law)
    if fate != Phase.RESTING:
        raise ValueError(f"kappa={kappa!r}: memory is {fate}, it must be resting; E ln|1 + κε| is "
                         f"{growth_rate(kappa, law):g}")

    def drift(f: float) -> float:
        return float(law.average(np.log(np.abs(1 + 2 * kappa * law.pulls(f)))))

    root = brentq(drift, 0.0, rest, xtol=1e-15, rtol=1e-14)
    return float(law.mean_pull(root)) * (1 + kappa * rest * _fluctuation(law))


def _first(law: Multipliers) -> Array:
    """dc/df = −c(ε − c) at f*, for every value of the law."""
    pulls = law.pulls(law.resting())
    first: Array = -pulls * (np.array(law.values) - pulls)
    return first


def _fluctuation(law: Multipliers) -> float:
    """V''/H + V'M''/H² at f*, what a fluctuation of the output adds to V = E[c²]; 2p(1 − p) for flips."""
    pulls, first, soft = law.pulls(law.resting()), _first(law), stiffness(law)
    second = -first * (np.array(law.values) - 2 * pulls)
    curvature = float(law.average(2 * first**2 + 2 * pulls * second))
    return curvature / soft + float(law.average(2 * pulls * first)) * float(law.average(second)) / soft**2


def power_mean(products: ArrayLike, q: float) -> Array:
    """⟨z^{q−2}⟩ = Σ_r z_r^{3q−4} / Σ_r z_r^{2q−2} over the first axis, the filters: the mean with weights z^{2q−2}.

    For q > 2 filters of one sample are pulled at different rates; f = Σz^q/m at rest fixes the mean. 1 for q = 2.
    Products ⟨w_r, ξ_i⟩ (m, ...); those at most 0 do not count.
    """
    q = validate.real("q", q, 2)
    active = np.maximum(np.asarray(products, dtype=float), 0.0)
    mean: Array = (active ** (3 * q - 4)).sum(axis=0) / (active ** (2 * q - 2)).sum(axis=0)
    return mean


def resting_product(law: Multipliers, q: float = 2.0, share: float = 1.0) -> float:
    """z* = (f*/share)^{1/q}, the size of a filter's product at rest, where f = share·z^q."""
    q, share = validate.real("q", q, 2), validate.real("share", share, 0, above=True)
    return float((law.resting() / share) ** (1 / q))
