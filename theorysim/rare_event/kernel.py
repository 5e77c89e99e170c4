"""Radial integrals of the rare-event method: tails of the chi law in logarithms, and slice moves on the sphere.

A Gaussian u in k dimensions is R theta with R ~ chi_k and a uniform direction theta, independent. The network's noise
output h is homogeneous of degree q, so P(h(u) >= a | theta) is a tail of R, known exactly, and only a direction is
random.
"""

import math

import numpy as np
from numpy.typing import NDArray

from theorysim.core.jit import jit

Array = NDArray[np.float64]

ITERATIONS = 10_000  # of series and fraction; both converge in O(sqrt(s)) of them
PRECISION = 1e-15


@jit
def log_gamma_series(s: float, x: float) -> float:
    """log P(s, x), the regularised lower incomplete gamma function, by its series; for x < s + 1."""
    term = total = 1.0 / s
    n = s
    for _ in range(ITERATIONS):
        n += 1.0
        term *= x / n
        total += term
        if term < total * PRECISION:
            break
    return math.log(total) - x + s * math.log(x) - math.lgamma(s)


@jit
def log_gamma_fraction(s: float, x: float) -> float:
    """log Q(s, x) = log(1 - P(s, x)) by Lentz's continued fraction; for x >= s + 1."""
    tiny = 1e-300
    b = x + 1.0 - s
    c = 1.0 / tiny
    d = 1.0 / b
    h = d
    for i in range(1, ITERATIONS):
        a = -i * (i - s)
        b += 2.0
        d = a * d + b
        d = 1.0 / (d if abs(d) > tiny else tiny)
        c = b + a / c
        c = c if abs(c) > tiny else tiny
        change = d * c
        h *= change
        if abs(change - 1.0) < PRECISION:
            break
    return math.log(h) - x + s * math.log(x) - math.lgamma(s)


@jit
def log_one_minus_exp(x: float) -> float:
    """log(1 - e^x) for x <= 0."""
    if x >= 0.0:
        return -np.inf
    return math.log(-math.expm1(x)) if x > -0.6931471805599453 else math.log1p(-math.exp(x))


@jit
def log_chi_tail(k: int, r: float) -> float:
    """log P(R >= r) for R ~ chi_k."""
    if r <= 0.0:
        return 0.0
    if np.isinf(r):
        return -np.inf
    s, x = 0.5 * k, 0.5 * r * r
    if x == 0.0:
        return 0.0
    if np.isinf(x):
        return -np.inf
    return log_one_minus_exp(log_gamma_series(s, x)) if x < s + 1.0 else log_gamma_fraction(s, x)


@jit
def log_chi_below(k: int, r: float) -> float:
    """log P(R <= r) for R ~ chi_k."""
    if r <= 0.0:
        return -np.inf
    if np.isinf(r):
        return 0.0
    s, x = 0.5 * k, 0.5 * r * r
    if x == 0.0:
        return -np.inf
    if np.isinf(x):
        return 0.0
    return log_gamma_series(s, x) if x < s + 1.0 else log_one_minus_exp(log_gamma_fraction(s, x))


@jit
def log_conditional(k: int, q: float, level: float, h: float) -> float:
    """log F_a(h) = log P(R^q h >= a), R ~ chi_k."""
    if level == 0.0:
        return 0.0 if h >= 0.0 else -np.inf
    if level > 0.0:
        return log_chi_tail(k, (level / h) ** (1.0 / q)) if h > 0.0 else -np.inf
    return 0.0 if h >= 0.0 else log_chi_below(k, (level / h) ** (1.0 / q))


@jit
def log_conditionals(k: int, q: float, level: float, h: Array, result: Array) -> None:
    """log F_a of many directions."""
    for i in range(h.size):
        result[i] = log_conditional(k, q, level, h[i])


@jit
def homogeneous(c: Array, q: float, z: Array) -> float:
    """h = sum_r c_r max(0, z_r)^q, with what is rounding set to 0."""
    total, size = 0.0, 0.0
    for r in range(c.size):
        if z[r] > 0.0:
            power = c[r] * z[r] if q == 1.0 else (c[r] * z[r] * z[r] if q == 2.0 else c[r] * z[r] ** q)
            total += power
            size += abs(power)
    return 0.0 if abs(total) < 1e-12 * size else total


@jit
def homogeneous_many(c: Array, q: float, z: Array, result: Array) -> None:
    """h of many directions, z (N, 2m)."""
    for i in range(result.size):
        result[i] = homogeneous(c, q, z[i])


@jit
def slice_move(
    c: Array, q: float, level: float, k: int, state: tuple[Array, Array, Array],
    fresh: tuple[Array, Array, Array, Array], angles: Array,
) -> None:
    """One elliptical slice move of every direction, leaving theta ~ F_a(h(L theta)) invariant.

    state = (theta (N, k), L theta (N, 2m), log F_a (N,)) is changed in place; fresh = (R (N,), nu (N, k), L nu (N, 2m),
    log U (N,)); angles (N, shrinks) are uniform on [0, 1]. A move that has used up its angles is not made.
    """
    theta, z, log_f = state
    radius, nu, nu_z, log_u = fresh
    trial = np.empty(z.shape[1])
    for i in range(theta.shape[0]):
        bar, along, square = log_f[i] + log_u[i], 0.0, 0.0  # <theta, nu> and |nu|^2 give every trial's length
        for j in range(theta.shape[1]):
            along += theta[i, j] * nu[i, j]
            square += nu[i, j] * nu[i, j]
        high = 2.0 * math.pi * angles[i, 0]
        low, angle = high - 2.0 * math.pi, high
        for shrink in range(1, angles.shape[1]):
            cosine, sine = radius[i] * math.cos(angle), math.sin(angle)
            size = math.sqrt(max(cosine * cosine + 2.0 * cosine * sine * along + sine * sine * square, 1e-300))
            cosine, sine = cosine / size, sine / size
            for r in range(trial.size):
                trial[r] = cosine * z[i, r] + sine * nu_z[i, r]
            value = log_conditional(k, q, level, homogeneous(c, q, trial))
            if value > bar:
                for j in range(theta.shape[1]):
                    theta[i, j] = cosine * theta[i, j] + sine * nu[i, j]
                z[i], log_f[i] = trial, value
                break
            if angle > 0.0:
                high = angle
            else:
                low = angle
            angle = low + angles[i, shrink] * (high - low)


@jit
def moment_ratio_up(n: int, x: float, log_first: float) -> tuple[float, float]:
    """(log M_n, M_{n+1}/M_n) of M_n(x) = int_0^inf r^n e^(-r^2/2 + x r) dr from log M_0.

    M_{j+1} = x M_j + j M_{j-1} in ratios, forwards: where terms are positive, or errors grow little.
    """
    total, product, ratio = log_first, 1.0, x + math.exp(-log_first)
    for j in range(1, n + 1):
        product *= ratio
        if product > 1e200:
            total += math.log(product)
            product = 1.0
        ratio = x + j / ratio
    return total + math.log(product), ratio


@jit
def moment_ratio_down(n: int, x: float, log_first: float) -> tuple[float, float]:
    """The same for x < 0, backwards: ratio_j = j/(ratio_{j+1} - x), from where the start is forgotten."""
    start = max(n + 60, int((math.sqrt(n) - 12.0 / x) ** 2) + 1)
    ratio = 0.5 * (x + math.sqrt(x * x + 4.0 * start))
    total, product, last = log_first, 1.0, 0.0
    for j in range(start - 1, 0, -1):
        ratio = j / (ratio - x)
        if j == n + 1:
            last = ratio
        if j <= n:
            product *= ratio
            if product > 1e200 or product < 1e-200:
                total += math.log(product)
                product = 1.0
    return total + math.log(product), last


@jit
def log_moments(n: int, x: Array, log_first: Array, result: Array, slope: Array) -> None:
    """log M_n and its derivative M_{n+1}/M_n at many x, given log M_0."""
    for i in range(x.size):
        if x[i] * math.sqrt(n + 1.0) >= -4.0:
            result[i], slope[i] = moment_ratio_up(n, x[i], log_first[i])
        else:
            result[i], slope[i] = moment_ratio_down(n, x[i], log_first[i])


@jit
def hermite(x: Array, first: float, spacing: float, value: Array, slope: Array, result: Array) -> None:
    """Cubic Hermite interpolation at x from values and slopes on the grid first + i spacing."""
    for i in range(x.size):
        place = (x[i] - first) / spacing
        cell = min(max(int(place), 0), value.size - 2)
        t = place - cell
        u = 1.0 - t
        result[i] = (
            u * u * (1.0 + 2.0 * t) * value[cell] + t * t * (1.0 + 2.0 * u) * value[cell + 1]
            + spacing * t * u * (u * slope[cell] - t * slope[cell + 1])
        )
