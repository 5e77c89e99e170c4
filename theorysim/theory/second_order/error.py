"""The test error that label noise ends with, as −ln of it. Derived, q = 2, orthogonal noise.

A fresh sample (yμ, ξ) is wrong where the filters of branch −y answer its noise by more than S_y = (1/m) Σ_r s_r².
Their products with ξ are Gaussian with covariance u²I + Σ_i z_i z_iᵀ σ_p²/‖ξ_i‖²: u = σ_0σ_p√d is what w(0) brings, and
z_i (m,) are the products with a sample of class −y, all at least 0, so that the top eigenvector has one sign. Hence

    −ln P(error | y) = mS_y/(2μ_{−y}) · (1 + o(1)),   μ_{−y} the top eigenvalue,

d/n and not d/n², and no more than mS_y/(2u²) however large d is: the start ends it at d of about n_jFm/(πu²). The o(1)
is a logarithm of the same number, and what own filters add.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theorysim.core import blas, validate

Array = NDArray[np.float64]


def memory_eigenvalue(products: ArrayLike, norms: ArrayLike, init_scale: float = 0.0) -> float:
    """μ, the top eigenvalue of u²I + Σ_i z_i z_iᵀ/norms_i over the samples of a class, from measured products.

    While memory is there: once it has made way for the signal, F ≪ f*, the cross-talk that samples leave behind counts,
    which only the whole covariance has (:func:`minus_log_error_of`).

    Parameters
    ----------
    products : (m, n_j) array
        ⟨w_{j,r}, ξ_i⟩ of the branch of the class; those at most 0 count as 0.
    norms : float or (n_j,) array
        ‖ξ_i‖²/σ_p², about d.
    init_scale : float
        u = σ_0σ_p√d.
    """
    init_scale = validate.real("init_scale", init_scale, 0)
    active = np.maximum(validate.array("products", products, None, None), 0.0)
    scaled = active / np.sqrt(np.asarray(norms, dtype=float))
    with blas.single_threaded():
        return init_scale**2 + float(np.linalg.norm(scaled, 2) ** 2)


def closed_eigenvalue(
    memory: float, samples: float, m: int, d: float, init_scale: float = 0.0, *, equal: bool = True, finite: bool = True
) -> float:
    """μ from one number, F = (1/m) Σ_r z_r² of a sample: n_jF(1 + (m/(1 − 2^{−m}) − 2)/π)/d + u².

    Products keep the ratios of their start, z = G·max(0, g) with standard normal g. Where rest gives every sample the
    same F (``equal``), k active filters have E(Σ_r z_r)² = mF(1 + 2(k−1)/π), which is exact, and
    E k = (m/2)/(1 − 2^{−m}). With a common G instead E z² = F and E z_r E z_s = F/π, so (m − 1)/π. Either is for
    n_j → ∞; of n_j samples the top eigenvalue is larger by the factor 1 + (π−1)/n_j whatever m (a spike mF/π in noise
    of variance F(1 − 1/π)), included where ``finite``. Within 3% of Monte Carlo for n_j, m ≥ 10.

    Parameters
    ----------
    memory, samples, m, d
        F, the samples of the class (``equal``: those that have a memory), filters per branch, dimension.
    init_scale
        u = σ_0σ_p√d.
    """
    memory, samples = validate.real("memory", memory, 0), validate.real("samples", samples, 0, above=True)
    m, d = validate.integer("m", m, 1), validate.real("d", d, 0, above=True)
    init_scale = validate.real("init_scale", init_scale, 0)
    others = m / -np.expm1(-m * np.log(2)) - 2 if equal else m - 1
    correction = 1 + (np.pi - 1) / samples if finite else 1.0
    return float(samples * memory * (1 + others / np.pi) / d * correction + init_scale**2)


def minus_log_error(signal: ArrayLike, eigenvalues: ArrayLike, m: int) -> float:
    """−ln of the test error: min over y of mS_y/(2μ_{−y}); ``signal`` S_y and ``eigenvalues`` μ_y, each (+1, −1)."""
    parts, tops = validate.array("signal", signal, 2), validate.array("eigenvalues", eigenvalues, 2)
    m = validate.integer("m", m, 1)
    if parts.min() < 0 or tops.min() <= 0:
        raise ValueError(f"signal, eigenvalues={parts!r}, {tops!r}: must be at least 0, and above 0")
    return float((m * parts / (2 * tops[::-1])).min())


def minus_log_error_expected(
    signal: float, rest: float, n: float, m: int, d: float, init_scale: float = 0.0, *, equal: bool = True,
    finite: bool = True,
) -> float:
    """The same a priori: F = f* − S on all samples, n/2 of them in a class; π(S/F)(d/n) for large m and n at u = 0.

    ``signal`` is S in [0, f*), of both classes. ``equal`` and ``finite`` as of :func:`closed_eigenvalue`.
    """
    rest = validate.real("rest", rest, 0, above=True)
    signal = validate.real("signal", signal, 0, rest, below=True)
    top = closed_eigenvalue(rest - signal, validate.real("n", n, 0, above=True) / 2, m, d, init_scale, equal=equal,
                            finite=finite)
    return minus_log_error([signal, signal], [top, top], m)
