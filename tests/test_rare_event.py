"""Rare errors: special functions, exact truths of other kinds, coverage, degenerate cases, and mistakes put in."""

import importlib
import os
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import integrate, special, stats
from test_risk import trained

import theorysim as ts
from theorysim.patch import risk
from theorysim.rare_event import kernel as radial
from theorysim.patch.kernels.activation import POWER
from theorysim.patch.kernels.score import votes
from theorysim.patch.risk import sampling
from theorysim.rare_event import LogEstimate, estimate, log_probability, proposal, splitting, tail

Array = NDArray[np.float64]
LN10 = float(np.log(10))
rare = importlib.import_module("theorysim.patch.risk.rare")  # the module: the package has a function of this name
THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"

# --- radial integrals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2, 3, 7, 10, 40, 100, 200])
def test_chi_tails(k: int) -> None:
    """Both sides, wherever SciPy has digits."""
    for r in np.concatenate([np.linspace(0.01, 35, 120), np.sqrt(k) + np.linspace(-0.5, 0.5, 11)]):
        above, below = float(stats.chi.logsf(r, k)), float(stats.chi.logcdf(r, k))
        if above > -600:
            assert radial.log_chi_tail(k, r) == pytest.approx(above, rel=1e-9, abs=1e-13)
        if below > -600:
            assert radial.log_chi_below(k, r) == pytest.approx(below, rel=1e-9, abs=1e-13)


@pytest.mark.parametrize("r", [1e-3, 0.5, 1.0, 3.0, 30.0, 200.0, 1414.2, 1e5, 1e8])
def test_chi_tails_in_closed_form(r: float) -> None:
    """Of 1, 2 and 3 degrees of freedom, down to the exponential of -5e15."""
    assert radial.log_chi_tail(1, r) == pytest.approx(np.log(2) + special.log_ndtr(-r), rel=1e-12)
    assert radial.log_chi_tail(2, r) == pytest.approx(-r * r / 2, rel=1e-12)
    assert radial.log_chi_tail(3, r) == pytest.approx(above_3(np.array([r]))[0], rel=1e-10)
    if r < 30:
        assert radial.log_chi_below(2, r) == pytest.approx(np.log(-np.expm1(-r * r / 2)), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("k", [4, 10, 37, 100])
@pytest.mark.parametrize("r", [2.0, 20.0, 50.0, 1e3, 1e6])
def test_chi_tails_step_by_two_degrees(k: int, r: float) -> None:
    """Q(s + 1, x) = Q(s, x) + x^s e^-x/Γ(s + 1), exactly, far beyond the range of floats."""
    s, x = k / 2, r * r / 2
    step = s * np.log(x) - x - special.gammaln(s + 1)
    assert radial.log_chi_tail(k + 2, r) == pytest.approx(np.logaddexp(radial.log_chi_tail(k, r), step), rel=1e-10)
    if x < s:
        below = np.logaddexp(radial.log_chi_below(k + 2, r), step)
        assert radial.log_chi_below(k, r) == pytest.approx(below, rel=1e-10)


def test_chi_tails_near_zero() -> None:
    """P(R ≤ r) ~ (r²/2)^s/Γ(s + 1), and what happens at the ends."""
    for k, r in ((1, 1e-8), (10, 1e-5), (80, 1e-4), (40, 1e-100)):
        wanted = k / 2 * (2 * np.log(r) - np.log(2)) - special.gammaln(k / 2 + 1)
        assert radial.log_chi_below(k, r) == pytest.approx(wanted, rel=1e-9)
    for k in (1, 2, 5, 40):
        assert radial.log_chi_tail(k, 0.0) == radial.log_chi_tail(k, 1e-200) == radial.log_chi_below(k, np.inf) == 0.0
        assert radial.log_chi_below(k, 0.0) == radial.log_chi_tail(k, np.inf) == -np.inf
        assert radial.log_chi_tail(k, 1e200) == -np.inf and radial.log_chi_below(k, 1e200) == 0.0


def log_moment_by_quadrature(n: int, x: float) -> float:
    """log ∫ rⁿ e^(−r²/2 + xr) dr around its largest value."""
    mode = (x + np.sqrt(x * x + 4 * n)) / 2
    width = 1 / np.sqrt(1 + n / mode**2) if n else min(1.0, 1 / max(1e-9, -x))

    def exponent(r: float) -> float:
        return (n * np.log(r) if n else 0.0) - r * r / 2 + x * r

    top = exponent(max(mode, 1e-300))
    ends = max(0.0, mode - 40 * width), mode + 40 * width * (1 if n > 1 else 4)
    value = integrate.quad(lambda r: np.exp(exponent(r) - top), *ends, points=[max(mode, 1e-6 * ends[1])], limit=400,
                           epsabs=0, epsrel=1e-11)[0]
    return float(top + np.log(value))


@pytest.mark.parametrize("n", [0, 1, 2, 5, 19, 50, 100])
def test_moments(n: int) -> None:
    """log M_n by recursion, its derivative, and the interpolation, against quadrature."""
    x = np.array([-40.0, -12.3, -5.0, -1.0, -1e-3, 0.0, 1e-3, 1.0, 5.0, 12.3, 40.0])
    wanted = np.array([log_moment_by_quadrature(n, one) for one in x])
    np.testing.assert_allclose(proposal.log_moment(n, x), wanted, rtol=1e-8, atol=1e-8)
    slope = np.exp([log_moment_by_quadrature(n + 1, one) for one in x] - wanted)
    np.testing.assert_allclose(proposal._log_moments(n, x)[1], slope, rtol=1e-7)
    many = np.tile(x, 2000).reshape(2, -1)
    np.testing.assert_allclose(proposal.log_moment(n, many), np.tile(wanted, 2000).reshape(2, -1), atol=1e-7)


def test_hermite_is_exact_for_cubics() -> None:
    """Values and slopes of a cubic give the cubic, at the ends and outside by extrapolation too."""
    grid, x = -2 + 0.5 * np.arange(9), np.array([-2.1, -2.0, -1.3, 0.0, 0.77, 2.0, 2.2])
    cubic, result = np.polynomial.Polynomial([1.0, -2.0, 0.5, 3.0]), np.empty(7)
    radial.hermite(x, -2.0, 0.5, cubic(grid), cubic.deriv()(grid), result)
    np.testing.assert_allclose(result, cubic(x), rtol=1e-12)


def sphere(k: int, fine: int) -> tuple[Array, Array]:
    """Nodes on the sphere of R² or R³ and weights that sum to 1."""
    if k == 2:
        angle = 2 * np.pi * (np.arange(fine) + 0.5) / fine
        return np.stack([np.cos(angle), np.sin(angle)], axis=1), np.full(fine, 1 / fine)
    height, weight = np.polynomial.legendre.leggauss(fine)
    angle = 2 * np.pi * (np.arange(2 * fine) + 0.5) / (2 * fine)
    z, phi = np.repeat(height, 2 * fine), np.tile(angle, fine)
    flat = np.sqrt(1 - z * z)
    return np.stack([flat * np.cos(phi), flat * np.sin(phi), z], axis=1), np.repeat(weight, 2 * fine) / (4 * fine)


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("size", [0.0, 1.0, 6.0])
def test_density_of_a_cloud_integrates_to_one(k: int, size: float) -> None:
    """Relative to the uniform law; and it is the density of what is drawn."""
    rng = np.random.default_rng(k)
    root = np.linalg.cholesky(0.3 * np.eye(k) + (lambda a: a @ a.T)(rng.standard_normal((k, k))))
    cloud = proposal.Cloud(size * rng.standard_normal(k), root)
    theta, weight = sphere(k, 6000 if k == 2 else 200)
    density = np.exp(cloud.log_density(theta))
    assert weight @ density == pytest.approx(1.0, abs=1e-6)
    drawn = cloud.draw(rng, 20_000)
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=1), 1.0)
    np.testing.assert_allclose(drawn.mean(axis=0), (weight * density) @ theta, atol=4 / np.sqrt(20_000))
    second = (theta.T * (weight * density)) @ theta
    np.testing.assert_allclose(drawn.T @ drawn / 20_000, second, atol=4 / np.sqrt(20_000))


def test_density_of_a_mixture() -> None:
    """The parts add up to the density, design points are clouds with covariance I, strata have their shares."""
    rng = np.random.default_rng(0)
    points = np.array([[3.0, 0.0, 1.0], [0.0, -2.0, 0.5]])
    mixture = proposal.Mixture(np.array([0.1, 0.4, 0.3, 0.2]), (proposal.Cloud(np.ones(3), np.eye(3) / 2),), points)
    theta, weight = sphere(3, 150)
    parts = np.exp(mixture.log_parts(theta))
    np.testing.assert_allclose(weight @ parts, mixture.weights, atol=1e-6)
    for number, point in enumerate(points):
        wanted = mixture.weights[2 + number] * np.exp(proposal.Cloud(point, np.eye(3)).log_density(theta))
        np.testing.assert_allclose(parts[:, 2 + number], wanted, rtol=1e-7)
    drawn, stratum = mixture.draw(rng, 1003)
    assert drawn.shape == (1003, 3) and (abs(np.bincount(stratum) - 1003 * mixture.weights) < 1).all()


@pytest.mark.parametrize("q", [1.0, 1.5, 2.0, 3.0])
def test_homogeneous(q: float) -> None:
    """h against NumPy; of degree q; what cancels is 0."""
    rng = np.random.default_rng(1)
    c, z, result = rng.standard_normal(6), rng.standard_normal((50, 6)), np.empty(50)
    radial.homogeneous_many(c, q, z, result)
    np.testing.assert_allclose(result, np.maximum(z, 0) ** q @ c, rtol=1e-10)
    scaled = np.empty(50)
    radial.homogeneous_many(c, q, 3 * z, scaled)
    np.testing.assert_allclose(scaled, 3**q * result, rtol=1e-10)
    assert radial.homogeneous(np.array([0.3, -0.1, -0.2]), q, np.full(3, 0.7)) == 0.0
    assert radial.homogeneous(c, q, -np.ones(6)) == 0.0


def law_after_moves(moves: int, level: float, at: float) -> tuple[tail.Tail, NDArray[np.int64]]:
    """2000 directions drawn from F_a by rejection, then moved at a level of its own; counts in 16 sectors."""
    rng = np.random.default_rng(5)
    problem = tail.Tail(np.array([1.0, -0.6, 0.7]), np.array([[1.0, 0.0], [0.6, 0.8], [-0.8, 0.5]]), 2.0, level)
    theta = rng.standard_normal((80_000, 2))
    theta /= np.linalg.norm(theta, axis=1, keepdims=True)
    log_f = problem.log_conditional(problem.outputs(theta @ problem.factor.T))
    theta = theta[np.flatnonzero(np.log(rng.random(log_f.size)) < log_f - log_f.max())[:2000]]
    assert len(theta) == 2000
    z = np.ascontiguousarray(theta @ problem.factor.T)
    state = (theta, z, problem.log_conditional(problem.outputs(z), at))
    for _ in range(moves):
        splitting._move(problem, at, state, rng)
    np.testing.assert_allclose(z, theta @ problem.factor.T, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(theta, axis=1), 1.0)
    np.testing.assert_allclose(state[2], problem.log_conditional(problem.outputs(z), at), atol=1e-9)
    return problem, np.histogram(np.arctan2(theta[:, 1], theta[:, 0]), 16, (-np.pi, np.pi))[0]


def misfit(problem: tail.Tail, counts: NDArray[np.int64]) -> float:
    """P-value of the counts under the exact law ∝ F_a."""
    angle = -np.pi + 2 * np.pi * (np.arange(16_000) + 0.5) / 16_000
    theta = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    share = np.exp(problem.log_conditional(problem.outputs(theta @ problem.factor.T))).reshape(16, 1000).sum(axis=1)
    wanted = share / share.sum() * counts.sum()
    order = np.argsort(wanted)
    rare_ones = order[: max(1, int((np.cumsum(wanted[order]) < 8).sum()) + 1)]  # sectors too small for a χ² are one
    groups = [np.append(np.delete(one, rare_ones), one[rare_ones].sum()) for one in (counts, wanted)]
    return float(stats.chisquare(*groups).pvalue)


@pytest.mark.parametrize("level", [1.0, 4.0, 0.0, -1.0])
def test_slice_moves_keep_the_law(level: float) -> None:
    """Directions from F_a are still distributed so after moves."""
    problem, counts = law_after_moves(3, level, level)
    assert misfit(problem, counts) > 1e-4


def test_the_law_of_moves_is_seen() -> None:
    """The comparison can fail: moves for another level lead elsewhere."""
    assert misfit(*law_after_moves(3, 4.0, 2.0)) < 1e-6


# --- truths of other kinds ----------------------------------------------------------------------------------------


class Problem(NamedTuple):
    """A tail whose value is known otherwise: arguments of `log_probability`, and log p."""

    c: Array
    covariance: Array
    q: float
    level: float
    truth: float


def above_3(r: Array) -> Array:
    """log P(χ₃ ≥ r) in closed form."""
    tail_of: Array = np.log(special.erfcx(r / np.sqrt(2)) + np.sqrt(2 / np.pi) * r) - r * r / 2
    return tail_of


def segments(factor: Array) -> tuple[Array, Array]:
    """Angles and weights on the circle: between the kinks of h, nodes that crowd at both (tanh-sinh)."""
    rows = np.arctan2(factor[:, 1], factor[:, 0])
    kinks = np.unique(np.mod(np.concatenate([rows - np.pi / 2, rows + np.pi / 2]), 2 * np.pi))
    t = np.linspace(-4.0, 4.0, 20_001)
    place = special.expit(np.pi * np.sinh(t))
    slope = np.pi * np.cosh(t) * place * special.expit(-np.pi * np.sinh(t)) * (t[1] - t[0])
    width = np.diff(kinks, append=kinks[0] + 2 * np.pi)
    return (kinks[:, None] + width[:, None] * place).ravel(), (width[:, None] * slope).ravel() / (2 * np.pi)


def around(pole: Array) -> tuple[Array, Array]:
    """Nodes on the sphere of R³ that crowd at a pole, evenly in the logarithm of the angle to it."""
    t = np.exp(np.linspace(np.log(1e-7), np.log(np.pi), 701))
    middle, phi = np.sqrt(t[1:] * t[:-1]), 2 * np.pi * (np.arange(500) + 0.5) / 500
    frame = np.linalg.svd(pole[None])[2]
    across = np.cos(phi)[:, None] * frame[1] + np.sin(phi)[:, None] * frame[2]
    theta = np.cos(middle)[:, None, None] * pole + np.sin(middle)[:, None, None] * across
    weight = np.repeat((np.cos(t[:-1]) - np.cos(t[1:])) / 2 / 500, 500)
    return theta.reshape(-1, 3), weight


def directions(c: Array, factor: Array, q: float) -> tuple[Array, Array]:
    """Nodes on the sphere of R² or R³ and weights that sum to 1; in R³ they crowd where h is largest."""
    if factor.shape[1] == 2:
        angle, weight = segments(factor)
        return np.stack([np.cos(angle), np.sin(angle)], axis=1), weight
    rng, pole, width = np.random.default_rng(0), np.array([0.0, 0.0, 1.0]), 3.0
    for _ in range(60):
        trial = np.concatenate([pole[None], pole + width * rng.standard_normal((300, 3))])
        trial /= np.linalg.norm(trial, axis=1, keepdims=True)
        pole, width = trial[int((np.maximum(trial @ factor.T, 0.0) ** q @ c).argmax())], 0.8 * width
    return around(pole)


def by_quadrature(c: Array, factor: Array, q: float, level: float) -> float:
    """log T(a) over the sphere of R² or R³, with the closed forms of the χ laws."""
    theta, weight = directions(c, factor, q)
    assert weight.sum() == pytest.approx(1.0, abs=1e-9)
    h = np.maximum(theta @ factor.T, 0.0) ** q @ c
    with np.errstate(divide="ignore", over="ignore"):
        r = np.minimum((abs(level) / np.maximum(np.abs(h), 1e-300)) ** (1 / q), 1e100)
        far = -r * r / 2 if factor.shape[1] == 2 else above_3(r)
        if level > 0:
            log_f = np.where(h > 0, far, -np.inf)
        else:
            log_f = np.where(h >= 0, 0.0, np.log(-np.expm1(np.minimum(far, -1e-300))))
    return float(special.logsumexp(log_f, b=weight))


@cache
def low_rank(k: int, q: float, seed: int, log10_p: float | None = None) -> Problem:
    """A random problem of rank k, at a level where p has about the given size."""
    rng = np.random.default_rng([k, int(2 * q), seed])
    neurons = int(rng.integers(2, 8))
    factor, c = rng.standard_normal((2 * neurons, k)), np.repeat([1.0, -1.0], neurons) / neurons
    goal = (-rng.uniform(0.5, 40.0) if log10_p is None else log10_p) * LN10
    h = np.maximum(directions(c, factor, q)[0] @ factor.T, 0.0) ** q @ c
    c, size = (c, float(h.max())) if h.max() > 0 else (-c, float(-h.min()))
    level = size * (-2 * goal) ** (q / 2)
    return Problem(c, factor @ factor.T, q, level, by_quadrature(c, factor, q, level))


def active(neurons: int, a: float) -> Array:
    """Independent neurons, q = 2: P(χ²_i − χ²_j ≥ a) over the numbers of active neurons, integrated over χ_j."""
    x = np.linspace(0.0, 25.0, 20_001)
    number = np.arange(neurons + 1)
    share = stats.binom.pmf(number, neurons, 0.5)
    density = np.array([stats.chi.pdf(x, j) for j in number[1:]]) * (x[1] - x[0])
    density[:, 0] /= 2  # trapezoid
    beyond = np.array([np.zeros_like(x), *(stats.chi2.sf(a + x * x, i) for i in number[1:])])
    with_others = share[1:] @ (density @ (share @ beyond))
    return np.array(np.log(with_others + share[0] * (share @ beyond)[0]))


def self_convolved(mass: Array, times: int) -> Array:
    """The law of a sum of independent copies on the lattice, cut at its length; sums of positive terms throughout."""
    result: Array | None = None
    power, left = mass, times
    while left:
        if left % 2:
            result = power if result is None else np.convolve(result, power)[: mass.size]
        left //= 2
        power = np.convolve(power, power)[: mass.size] if left else power
    assert result is not None
    return result


@cache
def lattice(neurons: int, q: float, step: float, size: int) -> Array:
    """P(Σ max(0, z_r)^q − Σ max(0, z'_r)^q ≥ i step), by convolution on a lattice.

    A cell of the lattice gives its mass to both its ends, so that the mean is kept.
    """
    edges = (step * np.arange(size + 1)) ** (1 / q)
    mass = np.diff(stats.norm.cdf(edges[:2]), append=0.0)[:1]
    mass = np.append(mass, stats.norm.sf(edges[1:-1]) - stats.norm.sf(edges[2:]))
    fraction = np.array([
        integrate.fixed_quad(lambda z: (z**q / step - i) * stats.norm.pdf(z), *edges[i:i + 2], n=8)[0]
        for i in range(min(size, 400))
    ])
    part = np.full(size, 0.5)
    part[: fraction.size] = fraction / np.maximum(mass[: fraction.size], 1e-320)
    middle = 0.5 * (edges[1:] + edges[:-1])
    part[fraction.size:] = (middle**q / step - np.arange(size))[fraction.size:] - (
        middle * 0.5 * (q * middle ** (q - 1) / step) * np.diff(edges) ** 2 / 6)[fraction.size:]
    law = np.zeros(size)
    law += mass * (1 - np.clip(part, 0, 1))
    law[1:] += (mass * np.clip(part, 0, 1))[:-1]
    law[0] += 0.5
    total = self_convolved(law, neurons)
    beyond = np.cumsum(total[::-1])[::-1]
    return np.array([beyond[i:] @ total[: size - i] for i in range(size // 2)])


def independent(neurons: int, q: float, log10_p: float, scale: float = 1.0) -> Problem:
    """C = I: the level on the lattice at which p is about as wanted."""
    reach = np.sqrt(2 * LN10 * (8 - log10_p))
    step = float(reach**q + 4 * neurons) / 3000
    beyond = lattice(neurons, q, step, 6000)
    place = int(np.argmin(np.abs(np.log10(np.maximum(beyond, 1e-300)) - log10_p)))
    truth = np.log(beyond[place + 1])  # from halfway between two points on
    c = np.repeat([1.0, -1.0], neurons)
    return Problem(c, scale**2 * np.eye(2 * neurons), q, (place + 0.5) * step * scale**q, float(truth))


def found(problem: Problem, seed: int = 0, relative_error: float = 0.03) -> LogEstimate:
    """The estimate."""
    c, covariance, q, level, _ = problem
    return log_probability(c, covariance, q, level, np.random.default_rng(seed), relative_error)


def holds(problem: Problem, one: LogEstimate) -> bool:
    """Whether the truth is in the interval."""
    return bool(one.low <= problem.truth <= one.high)


def most_misses(total: int, rate: float) -> int:
    """More misses than this have a probability below 1e-4."""
    return int(stats.binom.ppf(1 - 1e-4, total, rate))


QS = (1.0, 1.5, 2.0, 3.0, 4.0)


def quadrature_misses(estimator: Callable[[Problem], LogEstimate] = found, seeds: int = 4) -> int:
    """Misses over random problems of rank 2 and 3."""
    problems = [low_rank(k, q, seed) for k in (2, 3) for q in QS for seed in range(seeds)]
    return sum(not holds(one, estimator(one)) for one in problems)


@pytest.mark.compiled
def test_values_by_quadrature() -> None:
    """40 random problems of rank 2 and 3 between 1e-1 and 1e-40: the interval holds the value of quadrature."""
    assert quadrature_misses() <= most_misses(40, 0.05)


@pytest.mark.compiled
@pytest.mark.parametrize("q", QS)
def test_values_beyond_floats(q: float) -> None:
    """10^-100 at rank 2 and 3, 10^-1000 and 10^-100000 at rank 2."""
    for k, log10_p in ((3, -100.0), (2, -100.0), (2, -1000.0), (2, -100_000.0)):
        problem = low_rank(k, q, 0, log10_p)
        one = found(problem)
        assert problem.truth / LN10 < 0.99 * log10_p
        assert one.reliable and abs(one.value - problem.truth) < max(0.1, 2 * (one.high - one.low))
        assert one.high - one.low < 0.5


@pytest.mark.compiled
@pytest.mark.parametrize("q", [1.0, 2.0, 3.0])
def test_negative_levels_by_quadrature(q: float) -> None:
    """P(h ≥ a) for a < 0, where the complement may be the rare one."""
    rng = np.random.default_rng(8)
    factor, c = rng.standard_normal((6, 2)), np.repeat([1.0, -1.0], 3)
    for level in (-0.1, -1.0, -30.0):
        truth = by_quadrature(c, factor, q, level)
        one = found(Problem(c, factor @ factor.T, q, level, truth))
        assert one.value == pytest.approx(truth, abs=0.1) and one.high <= 0.0


@pytest.mark.compiled
@pytest.mark.parametrize("q", [1.0, 2.0, 3.0])
def test_errors_only_in_a_sliver(q: float) -> None:
    """h > 0 on 1% of the directions, h = 0 on half of them: the ladder must get past 0."""
    c, factor = np.array([1.0, -1.0]), np.array([[1.0, 0.0], [10.0, 1.0]])
    truth = by_quadrature(c, factor, q, 5.0)
    one = found(Problem(c, factor @ factor.T, q, 5.0, truth))
    assert one.reliable and abs(one.value - truth) < 0.1


KNOWN = {40.0: -5.428, 80.0: -12.528, 160.0: -28.060}


@pytest.mark.compiled
@pytest.mark.parametrize("level", KNOWN)
def test_independent_neurons(level: float) -> None:
    """C = I, q = 2, 20 + 20 neurons: integrals over χ² laws, a lattice, and the values of the trial."""
    truth = float(active(20, level))
    assert truth / LN10 == pytest.approx(KNOWN[level], abs=1e-3)
    one = found(Problem(np.repeat([1.0, -1.0], 20), np.eye(40), 2.0, level, truth))
    assert one.reliable and abs(one.value - truth) < 2 * (one.high - one.low) / 2


@pytest.mark.compiled
def test_the_lattice_is_right() -> None:
    """Convolution agrees with the integrals, where both can be had."""
    for log10_p in (-3.0, -10.0, -30.0):
        problem = independent(20, 2.0, log10_p)
        assert problem.truth == pytest.approx(float(active(20, problem.level)), abs=0.01)


@pytest.mark.compiled
@pytest.mark.parametrize(("q", "log10_p"), [(1.0, -30.0), (2.0, -30.0), (3.0, -10.0), (4.0, -10.0)])
def test_independent_neurons_by_convolution(q: float, log10_p: float) -> None:
    """2m = 40 at any q: within the interval, or nearly."""
    problem = independent(20, q, log10_p)
    one = found(problem)
    assert problem.truth / LN10 == pytest.approx(log10_p, abs=0.5)
    assert abs(one.value - problem.truth) < 1.6 * (one.high - one.low) / 2 + 0.01
    assert one.reliable


def correlated(neurons: int, seed: int = 0) -> tuple[Array, Array]:
    """Second layer and a random covariance of unequal sizes."""
    rng = np.random.default_rng([neurons, seed])
    weights = rng.standard_normal((2 * neurons, 3 * neurons)) * rng.uniform(0.5, 1.5, (2 * neurons, 1))
    weights[:neurons] += 0.5 * rng.standard_normal(3 * neurons)
    return np.repeat([1.0, -1.0], neurons) / neurons, weights @ weights.T


@cache
def outputs(neurons: int, q: float, size: int) -> Array:
    """Sorted h(z) of plain Gaussians."""
    rng, (c, covariance) = np.random.default_rng(77), correlated(neurons)
    root = np.linalg.cholesky(covariance)
    parts = [np.maximum(rng.standard_normal((20_000, c.size)) @ root.T, 0.0) ** q @ c for _ in range(size // 20_000)]
    return np.sort(np.concatenate(parts))


def against_brute_force(neurons: int, q: float, size: int, hits: int, **changes: Any) -> None:
    """At a level that a known number of samples exceed."""
    c, covariance = correlated(neurons)
    level = float(outputs(neurons, q, size)[-hits])
    problem = Problem(c, covariance, q, level, float(np.log(hits / size)))._replace(**changes)
    one = found(problem)
    ratio = float(np.exp(one.value - problem.truth))
    deviation = np.hypot(hits**-0.5, (one.high - one.low) / (2 * 1.96))
    assert one.reliable
    assert abs(ratio - 1) < 3 * deviation


@pytest.mark.compiled
@pytest.mark.parametrize("q", [1.0, 2.0, 3.0, 4.0])
@pytest.mark.parametrize("neurons", [5, 10, 20])
def test_values_by_brute_force(neurons: int, q: float) -> None:
    """p = 2e-3 with 400 errors among 2e5 samples."""
    against_brute_force(neurons, q, 200_000, 400)


@pytest.mark.compiled
def test_values_by_much_brute_force() -> None:
    """p = 1e-4 with 300 errors among 3e6 samples."""
    against_brute_force(5, 2.0, 3_000_000, 300)


@pytest.mark.compiled
@pytest.mark.parametrize(("q", "log10_p", "samples"), [
    (2.0, -5.0, 40_000_000), *([(3.0, -5.0, 40_000_000), (2.0, -6.0, 300_000_000)] if THOROUGH else []),
])
def test_rarer_values_by_brute_force(q: float, log10_p: float, samples: int) -> None:
    """p = 1e-5 with some 400 errors among 4e7 samples; in a thorough run also q = 3, and 1e-6 with 300 among 3e8."""
    (c, covariance), size = correlated(5), 200_000
    low, high = 1e-3, 1e5
    for _ in range(25):  # the level of about that probability
        middle = float(np.sqrt(low * high))
        rough = log_probability(c, covariance, q, middle, np.random.default_rng(0), 0.1).value
        low, high = (middle, high) if rough > log10_p * LN10 else (low, middle)
    one = log_probability(c, covariance, q, low, np.random.default_rng(1))
    rng, root, outputs_, hits = np.random.default_rng(5), np.linalg.cholesky(covariance), np.empty(size), 0
    for _ in range(samples // size):
        votes(root @ rng.standard_normal((c.size, size)), c, POWER, q, 0.0, outputs_)
        hits += int((outputs_ >= low).sum())
    assert hits > 250 and one.reliable
    ratio = float(np.exp(one.value)) * samples / hits
    assert 0.9 < ratio < 1.1
    assert abs(ratio - 1) < 3 * np.hypot(hits**-0.5, (one.high - one.low) / (2 * 1.96))


# --- the interval -------------------------------------------------------------------------------------------------

SETTINGS: dict[str, Callable[[], Problem]] = {
    "rank 3, q=2, 1e-3": lambda: low_rank(3, 2.0, 4, -3.0),
    "rank 2, q=1, 1e-30": lambda: low_rank(2, 1.0, 2, -30.0),
    "5+5, q=2, 1e-6": lambda: independent(5, 2.0, -6.0),
    "5+5, q=1, 1e-3": lambda: independent(5, 1.0, -3.0),
}
MORE: dict[str, Callable[[], Problem]] = {
    "rank 3, q=1, 1e-100": lambda: low_rank(3, 1.0, 3, -100.0),
    "rank 3, q=3, 1e-8": lambda: low_rank(3, 3.0, 1, -8.0),
    "5+5, q=4, 1e-10": lambda: independent(5, 4.0, -10.0),
    "5+5, q=3, 1e-30": lambda: independent(5, 3.0, -30.0),
    "20+20, q=1, 1e-10": lambda: independent(20, 1.0, -10.0),
    "20+20, q=2, 1e-3": lambda: independent(20, 2.0, -3.0),
    "20+20, q=2, 1e-10": lambda: independent(20, 2.0, -10.0),
    "20+20, q=3, 1e-6": lambda: independent(20, 3.0, -6.0),
    "20+20, q=4, 1e-10": lambda: independent(20, 4.0, -10.0),
    "20+20, q=2, 1e-30": lambda: independent(20, 2.0, -30.0),
}


@pytest.mark.compiled
@pytest.mark.parametrize("name", SETTINGS | MORE if THOROUGH else SETTINGS)
def test_coverage(name: str) -> None:
    """The interval of 95% holds the truth: 25 repeats; 100, and many more settings, in a thorough run."""
    problem, repeats = (SETTINGS | MORE)[name](), 100 if THOROUGH else 25
    misses = sum(not holds(problem, found(problem, seed)) for seed in range(repeats))
    assert misses <= most_misses(repeats, 0.05)


# --- degenerate cases ---------------------------------------------------------------------------------------------

EYE = np.eye(4)
C4 = np.array([1.0, 1.0, -1.0, -1.0])


def value(c: Any, covariance: Any, q: float, level: float, seed: int = 0) -> LogEstimate:
    """The estimate of arrays as they come."""
    return log_probability(np.asarray(c, float), np.asarray(covariance, float), q, level, np.random.default_rng(seed))


@pytest.mark.parametrize("q", [1.0, 2.0, 3.5])
def test_exact_cases(q: float) -> None:
    """No draws are made, and there is no interval."""
    cases = [
        (C4, np.zeros((4, 4)), 1.0, -np.inf), (C4, np.zeros((4, 4)), 0.0, 0.0), (C4, np.zeros((4, 4)), -1.0, 0.0),
        (-np.abs(C4), EYE, 1.0, -np.inf), (np.abs(C4), EYE, 0.0, 0.0), (np.abs(C4), EYE, -2.0, 0.0),
        ([1.0, -1.0], np.diag([0.0, 3.0]), 2.0, -np.inf), ([1.0, -1.0], np.diag([3.0, 0.0]), -1.0, 0.0),
    ]
    for c, covariance, level, wanted in cases:
        one = value(c, covariance, q, level)
        assert (one.value, one.low, one.high, one.method, one.evaluations) == (wanted, wanted, wanted, "exact", 0)


@pytest.mark.parametrize("q", [1.0, 2.0, 3.5])
def test_rank_one(q: float) -> None:
    """z = s u: P(h(s) u^q ≥ a, u > 0) + P(h(−s) |u|^q ≥ a, u < 0), normal tails."""
    s, c = np.array([2.0, -1.0, 1.0, -3.0]), C4
    h = [float(np.maximum(sign * s, 0.0) ** q @ c) for sign in (1, -1)]
    assert h[0] > 0 > h[1]
    for level in (0.1, 10.0, 1e4):
        one = value(c, np.outer(s, s), q, level)
        assert one.method == "exact"
        assert one.value == pytest.approx(special.log_ndtr(-((level / h[0]) ** (1 / q))), rel=1e-9)
    assert value(c, np.outer(s, s), q, 0.0).value == pytest.approx(np.log(0.5))
    wanted = np.log1p(-special.ndtr(-((1 / -h[1]) ** (1 / q))))
    assert value(c, np.outer(s, s), q, -1.0).value == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("level", [0.0, 1e-300, -1e-300, 1e-12, -1e-12])
def test_level_zero(level: float) -> None:
    """Half, but for the directions in which all neurons are silent."""
    one = value(C4, EYE, 2.0, level)
    wanted = 0.5 + (1 if level <= 0 else -1) / 32
    assert one.reliable and one.low < np.log(wanted) < one.high


@pytest.mark.compiled
def test_wrong_sign() -> None:
    """Far below zero almost every sample is an error, and what is left is the complement's."""
    one, other = value(C4, EYE, 2.0, -60.0), value(-C4, EYE, 2.0, 60.0)
    assert other.value < -20
    assert one.value == pytest.approx(-np.exp(other.value), rel=0.2)
    assert -1e-9 < one.low <= one.value <= one.high <= 0.0


@pytest.mark.compiled
@pytest.mark.parametrize("scale", [1e-30, 1e-15, 1e15, 1e30])
@pytest.mark.parametrize("q", [1.0, 2.0, 4.0])
def test_scale(scale: float, q: float) -> None:
    """Covariance and level scaled together: the same number."""
    c, covariance = correlated(3)
    plain, scaled = value(c, covariance, q, 40.0), value(c, scale * covariance, q, 40.0 * scale ** (q / 2))
    assert scaled.value == pytest.approx(plain.value, abs=1e-6 if plain.method == "directional" else 0.15)
    assert scaled.reliable


@pytest.mark.compiled
def test_unequal_deviations() -> None:
    """One neuron 10⁷ times as wide as the others decides alone."""
    for q in (1.0, 2.0, 3.0):
        size = np.array([1.0, 1e7, 1.0, 1.0])
        one = value(C4, np.diag(size**2), q, (6e7) ** q)
        assert one.reliable and one.low < special.log_ndtr(-6.0) < one.high
        one = value(C4[::-1], np.diag(size**2), q, 36.0)
        assert one.reliable and one.value < np.log(0.6)


@pytest.mark.compiled
def test_opposite_duplicates() -> None:
    """h is 0 everywhere: always ≥ 0, never more; the second is not claimed to be known."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((3, 3))
    covariance = np.tile(rows @ rows.T, (2, 2))
    c = np.repeat([1.0, -1.0], 3)
    for level in (0.0, -1.0):
        always = value(c, covariance, 2.0, level)
        assert always.high == 0.0 and always.value > -1e-3  # but for directions that are rounding
    one = value(c, covariance, 2.0, 1.0)
    assert one.value < -100 and not one.reliable and one.reason


@pytest.mark.compiled
def test_impossible_errors() -> None:
    """Every positive neuron has a larger negative one along it: nothing is found, and that is said."""
    rows = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
    one = value([1, -1, 1, -1], rows @ rows.T, 2.0, 5.0)
    assert one.value == -np.inf and not one.reliable and "no error" in one.reason


@pytest.mark.parametrize("q", [1.0, 2.0, 3.0])
def test_singular_covariance(q: float) -> None:
    """Duplicate neurons are one neuron with their weights added."""
    rows = np.random.default_rng(3).standard_normal((2, 2))
    twice = np.repeat(rows, 2, axis=0)
    truth = by_quadrature(np.array([2.0, -2.0]), rows, q, 30.0)
    one = value(C4, twice @ twice.T, q, 30.0)
    assert abs(one.value - truth) < 0.1


@pytest.mark.compiled
def test_one_dominating_direction() -> None:
    """A shared direction 10⁴ times as large as the rest: nearly rank 1."""
    s = np.array([2.0, 1.5, 1.0, 0.5])
    one = value(C4, np.outer(s, s) + 1e-8 * EYE, 2.0, 50.0)
    assert one.value == pytest.approx(special.log_ndtr(-np.sqrt(50 / (4 + 2.25 - 1 - 0.25))), abs=0.1)


@pytest.mark.compiled
def test_several_design_points() -> None:
    """q = 4: one for each positive neuron, all of them found; p is nearly the sum of their tails."""
    problem = tail.reduce(np.repeat([1.0, -1.0], 6), np.eye(12), 4.0, 3000.0)
    assert isinstance(problem, tail.Tail)
    points = proposal.design_points(problem, np.eye(12)[:1], np.random.default_rng(0))
    np.testing.assert_allclose(np.sort(points.max(axis=1)), 3000**0.25, rtol=1e-3)
    assert len({int(point.argmax()) for point in points}) == len(points) == 6
    one = value(np.repeat([1.0, -1.0], 6), np.eye(12), 4.0, 3000.0)
    assert one.value == pytest.approx(independent_sum(6, 3000.0**0.25), abs=0.3)


def independent_sum(neurons: int, r: float) -> float:
    """log of neurons × P(z ≥ r)."""
    return float(np.log(neurons) + special.log_ndtr(-r))


@pytest.mark.compiled
def test_huge_levels() -> None:
    """Beyond what numbers can tell apart: an end, no exception, nothing claimed."""
    one = value(C4, EYE, 1.0, 1e308)
    assert not np.isnan(one.value) and not one.reliable and one.reason
    assert value(C4, EYE, 2.0, -1e308).value == 0.0


@pytest.mark.compiled
def test_same_seed_same_numbers() -> None:
    """All randomness is the generator's."""
    c, covariance = correlated(3)
    one, two, three = (value(c, covariance, 2.0, 60.0, seed) for seed in (1, 1, 2))
    assert one == two != three
    np.random.seed(5)
    assert value(c, covariance, 2.0, 60.0, 1) == one


@pytest.mark.compiled
def test_why_not_reliable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reason in words; the fallback reports its own scatter."""
    c, covariance = correlated(3)
    problem = tail.reduce(c, covariance, 2.0, 60.0)
    assert isinstance(problem, tail.Tail)
    rng = np.random.default_rng(0)
    found = {
        "relative standard error": (0.0, 0.5, 1000.0, 0.01, 8000),
        "effective sample size": (0.0, 0.01, 30.0, 0.01, 8000),
        "carries": (0.0, 0.01, 1000.0, 0.2, 8000), "splitting found more": (-200.0, 0.01, 1000.0, 0.01, 8000),
    }
    for reason, result in found.items():
        monkeypatch.setattr(estimate, "_stratified", lambda *_, result=result: result)
        one, pilots = estimate._importance(problem, rng, 0.03, 1)
        assert len(pilots) == 4
        assert not one.reliable and reason in one.reason
    last = value(c, covariance, 2.0, 60.0)
    assert last.method == "splitting"
    monkeypatch.undo()
    assert abs(last.value - value(c, covariance, 2.0, 60.0).value) < 0.3
    monkeypatch.setattr(estimate, "_mean", lambda _: (-20.0, 0.6, 2.0, 0.5))
    last = estimate._fallback(problem, rng, 50, 1)
    assert not last.reliable and last.reason == "relative standard error 0.6 over 16 runs" and last.low == -np.inf


@pytest.mark.compiled
def test_log_of_what_is_out_of_reach() -> None:
    """Where importance sampling gives up far out, the pilots' log p is what is left, and is said to be that."""
    rows = np.random.default_rng(0).standard_normal((10, 10))
    one = value(np.repeat([0.2, -0.2], 5), rows @ rows.T, 1.0, 1000.0)
    assert not one.reliable and "log p is known to" in one.reason and one.method == "splitting"
    assert one.value / LN10 == pytest.approx(-139_770, abs=30) and one.low < one.value < one.high


@pytest.mark.compiled
def test_relative_error() -> None:
    """A smaller one costs more and gives a narrower interval."""
    problem = independent(5, 2.0, -6.0)
    rough, fine = found(problem, relative_error=0.1), found(problem, relative_error=0.004)
    assert fine.evaluations > rough.evaluations
    assert fine.high - fine.low < rough.high - rough.low


# --- test errors of runs ------------------------------------------------------------------------------------------

SMALL: dict[str, dict[str, Any]] = {
    "q=1": {"q": 1, "signal_norm": 1.2, "steps": 200}, "q=1, less": {"q": 1, "signal_norm": 2.0},
    "q=1, all directions": {"q": 1, "signal_norm": 2.0, "steps": 200, "orthogonal_noise": False},
    "q=2, all directions": {"q": 2, "signal_norm": 3.0, "steps": 200, "orthogonal_noise": False},
    "q=3": {"q": 3, "signal_norm": 3.0, "steps": 200},
    "q=3, all directions": {"q": 3, "signal_norm": 3.0, "steps": 200, "orthogonal_noise": False},
    "q=4": {"q": 4, "signal_norm": 3.0, "steps": 200},
    "q=4, all directions": {"q": 4, "signal_norm": 3.0, "steps": 200, "orthogonal_noise": False},
}


@cache
def small(name: str) -> ts.Run:
    """A run that errs on about one sample in a thousand."""
    return trained(**{"n": 20, "d": 30, "m": 3, "seed": 3} | SMALL[name])


@cache
def tiny() -> ts.Run:
    """A run whose errors cannot be counted."""
    return trained(n=20, d=400, m=3, seed=3, q=2, signal_norm=2.0, noise_std=0.1, init_std=0.01)


@pytest.mark.compiled
@pytest.mark.parametrize("name", SMALL)
def test_error_of_runs(name: str) -> None:
    """Estimated and counted."""
    run = small(name)
    counted, rare_one = (run.test_error(method=method, n_test=400_000) for method in ("monte-carlo", "rare-event"))
    assert 1e-4 < counted.value < 2e-2 and (counted.method, rare_one.method) == ("monte-carlo", "rare-event")
    deviation = np.hypot(counted.high - counted.low, rare_one.high - rare_one.low) / (2 * 1.96)
    assert rare_one.reliable and abs(rare_one.value - counted.value) < 3.5 * deviation


@pytest.mark.compiled
@pytest.mark.parametrize("q", [1, 2, 3, 4])
def test_error_end_to_end(q: int) -> None:
    """Against explicit test points in all d dimensions."""
    name = {1: "q=1", 2: "q=2, all directions", 3: "q=3", 4: "q=4, all directions"}[q]
    run, rng = small(name), np.random.default_rng(9)
    problem, weights, errors, size = run.problem, run.weights_at(), 0, 600_000
    assert isinstance(problem, ts.SignalNoise)
    mu, c = run.draw.vectors[0], np.repeat([1.0, -1.0], 3) / 3
    for _ in range(size // 20_000):
        y, xi = rng.choice([-1.0, 1.0], 20_000), problem.noise_std * rng.standard_normal((20_000, mu.size))
        if problem.orthogonal_noise:
            xi -= np.outer(xi @ mu / (mu @ mu), mu)
        output = sum(np.maximum(patch @ weights.T, 0.0) ** q @ c for patch in (y[:, None] * mu, xi))
        errors += int((y * output <= 0).sum())
    one = run.test_error(method="rare-event")
    assert errors > 50
    assert abs(one.value - errors / size) < 3.5 * np.hypot(errors**0.5 / size, (one.high - one.low) / 3.92)


def test_half_and_more() -> None:
    """No signal, where silent directions count twice, and a network turned against the signal."""
    half = trained(signal_norm=0.0)
    one = half.test_error(method="rare-event")
    assert one.low <= half.test_error(method="monte-carlo", n_test=400_000).value <= one.high
    run = trained(signal_norm=2.0, steps=100)
    turned = run.draw.with_weights(run.weights_at().reshape(2, 2, -1)[::-1].copy())
    wrong = ts.simulate(run.problem, ts.GradientDescent(0.1), 0, draw=turned)
    counted, rare_one = (wrong.test_error(method=method) for method in ("monte-carlo", "rare-event"))
    assert counted.value > 0.6 and abs(counted.value - rare_one.value) < 0.01 and rare_one.high <= 1.0


@pytest.mark.compiled
def test_auto() -> None:
    """Counting where that leaves few doubts, the other method where not, with the very same numbers."""
    often, seldom = trained(), tiny()
    assert often.test_error() == often.test_error(method="monte-carlo")
    assert seldom.test_error(n_test=2000) == seldom.test_error(method="rare-event")
    errors = round(2 * 10_000 * often.test_error(n_test=10_000).value)
    for relative_error, method in ((1.01 * errors**-0.5, "monte-carlo"), (0.99 * errors**-0.5, "rare-event")):
        assert often.test_error(n_test=10_000, relative_error=relative_error).method == method


def test_auto_where_rare_events_do_not_apply() -> None:
    """A bias, the memory test, observed labels: counted, however few the errors."""
    with_bias = trained(bias=0.5, signal_norm=3.0, steps=100)
    assert with_bias.test_error(n_test=100).method == "monte-carlo"
    assert tiny().test_error(kind="memory").method == "exact"
    assert tiny().test_error(kind="memory", zeta_std=0.1, n_test=100).method == "monte-carlo"
    flipped = trained(signal_norm=3.0, steps=100, label_flip=0.1)
    assert flipped.test_error(labels="observed", n_test=1000).method == "monte-carlo"


@pytest.mark.parametrize("tau", [(0.2, 0.2), (0.05, 0.35), (0.9, 0.1), (1.0, 1.0)])
def test_observed_labels(tau: tuple[float, float]) -> None:
    """Rates put on top of the error of each class."""
    run = trained(seed=6, label_flip=tau)
    found = run.test_error(method="rare-event", labels="observed")
    counted = run.test_error(method="monte-carlo", labels="observed", n_test=400_000)
    assert found.low <= found.value <= found.high
    assert abs(found.value - counted.value) < 2 * np.hypot(found.high - found.low, counted.high - counted.low) / 2
    assert found.log10_value == pytest.approx(np.log10(found.value))


def test_refused() -> None:
    """By name, with what is allowed."""
    with pytest.raises(ValueError, match="method='rare-event': with a bias .* must be 'monte-carlo' or 'auto'"):
        trained(bias=0.5).test_error(method="rare-event")
    with pytest.raises(ValueError, match="method='rare-event': .*not for the memory test; must be 'monte-carlo'"):
        trained().test_error(method="rare-event", kind="memory")


def test_doubtful_labels_are_doubted(monkeypatch: pytest.MonkeyPatch) -> None:
    """An estimate is reliable when what a doubtful label may add does not matter."""
    run = trained()
    good = LogEstimate(-50.0, -50.1, -49.9, "importance", 10)
    cases = [
        (LogEstimate(-60.0, -60.5, -59.5, "splitting", 10, False, "why"), True),
        (LogEstimate(-55.0, -55.5, -54.5, "splitting", 10, False, "why"), False),
        (LogEstimate(-np.inf, -np.inf, 0.0, "splitting", 10, False, "why"), False),
    ]
    for other, reliable in cases:
        for pair in ((good, other), (other, good), (other, other)):
            given = iter(pair)
            monkeypatch.setattr(rare, "log_probability", lambda *_, given=given: next(given))
            found = run.test_error(method="rare-event")
            assert found.reliable == (reliable and good in pair)
            assert found.reliable or ("why" in found.reason and "not reliable: why" in str(found))


@pytest.mark.compiled
def test_estimates_in_logarithms() -> None:
    """Value and logarithm agree; where the value is 0 the logarithm tells."""
    one = risk.Estimate(0.01, 0.0, 0.1, "monte-carlo")
    assert (one.log10_value, one.log10_low, one.log10_high) == (-2.0, -np.inf, -1.0)
    far = risk.Estimate.of_logs(-1647 * LN10, -1647.5 * LN10, -1646 * LN10, 5, True, "")
    assert (far.value, far.low, far.high) == (0.0, 0.0, 0.0)
    assert str(far) == "10^-1647 [10^-1647.5, 10^-1646]"
    assert str(risk.Estimate.of_logs(-1647 * LN10, -np.inf, 0.0, 5, False, "why")).endswith("(not reliable: why)")
    assert str(risk.Estimate(0.0, 0.0, 0.1, "monte-carlo")) == "0 [0, 0.1]"
    found = tiny().test_error()
    assert found.reliable and found.log10_value < -8
    assert found.low <= found.value <= found.high and found.log10_low < found.log10_value < found.log10_high
    if found.log10_value > -300:
        np.testing.assert_allclose(np.log10([found.value, found.low, found.high]),
                                   [found.log10_value, found.log10_low, found.log10_high])


@pytest.mark.compiled
def test_curve_in_logarithms() -> None:
    """One test error for each recorded step."""
    run = tiny()
    curve = risk.log10_test_error_curve(run, n_test=1000)
    assert list(curve.index) == [0, 20, 40] and list(curve.columns) == ["log10_test_error", "low", "high", "reliable"]
    for step in (0, 20, 40):
        one = run.test_error(step, n_test=1000)
        assert list(curve.loc[step]) == [one.log10_value, one.log10_low, one.log10_high, one.reliable]
    assert curve["log10_test_error"].iloc[-1] < -8


@pytest.mark.compiled
def test_sweep_measure() -> None:
    """log10_test_error of a sweep is that of the run."""
    problem = ts.SignalNoise(n=20, d=400, m=3, signal_norm=6.0, noise_std=0.1, init_std=0.01)
    frame = ts.sweep(problem, algorithms={"GD": ts.GradientDescent(0.3)}, steps=40, grid={"n": [20]}, seeds=[3],
                     measure=["log10_test_error", "test_error"], n_test=2000)
    run = ts.simulate(problem, ts.GradientDescent(0.3), 40, frame["draw_seed"].item())
    assert frame["log10_test_error"].item() == pytest.approx(run.test_error(n_test=2000).log10_value)
    assert frame["test_error"].item() == run.test_error(n_test=2000, method="monte-carlo").value
    assert frame["log10_test_error"].item() < -3


# --- mistakes put in ----------------------------------------------------------------------------------------------


def misses(estimator: Callable[[Problem], LogEstimate]) -> int:
    """Misses of an estimator over 12 problems of rank 2 and 3."""
    problems = [low_rank(k, q, seed, -12.0) for k in (2, 3) for q in (1.0, 2.0, 3.0) for seed in range(2)]
    return sum(not holds(one, estimator(one)) for one in problems)


MOST = most_misses(12, 0.05)


@pytest.mark.compiled
def test_a_wrong_covariance_is_seen() -> None:
    """By 2%."""
    assert misses(found) <= MOST < misses(lambda one: found(one._replace(covariance=1.02 * one.covariance)))


@pytest.mark.compiled
def test_a_wrong_power_is_seen() -> None:
    """By 1%."""
    assert misses(lambda one: found(one._replace(q=1.01 * one.q))) > MOST


@pytest.mark.compiled
def test_a_wrong_radius_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """χ with one degree of freedom less."""
    right = tail.Tail.log_conditional

    def wrong(self: tail.Tail, h: Array, level: float | None = None) -> Array:
        result = np.empty(h.size)
        radial.log_conditionals(self.rank - 1, self.q, self.level if level is None else level, h, result)
        return result

    monkeypatch.setattr(tail.Tail, "log_conditional", wrong)
    assert misses(found) > MOST
    monkeypatch.setattr(tail.Tail, "log_conditional", right)


@pytest.mark.compiled
def test_a_wrong_density_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the design points, by a fifth."""
    right = proposal.Mixture.log_parts

    def wrong(self: proposal.Mixture, theta: Array) -> Array:
        parts = right(self, theta)
        parts[:, 1 + len(self.clouds):] += np.log(1.2)
        return parts

    monkeypatch.setattr(proposal.Mixture, "log_parts", wrong)
    assert misses(found) > MOST


@pytest.mark.compiled
def test_a_narrow_interval_is_seen() -> None:
    """A fifth of the width: intervals are on the safe side, so that half of one often holds the truth still."""
    problem = independent(5, 1.0, -3.0)
    estimates = [found(problem, seed) for seed in range(24)]
    narrow = sum(abs(problem.truth - one.value) > (one.high - one.low) / 10 for one in estimates)
    assert sum(not holds(problem, one) for one in estimates) <= most_misses(24, 0.05) < narrow


def test_a_missing_label_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the errors of a run are not half of its error."""
    run, number = trained(seed=6), iter(range(2))
    counted = run.test_error(method="monte-carlo", n_test=400_000)
    right = rare.log_probability
    monkeypatch.setattr(rare, "log_probability", lambda *given: (
        right(*given) if next(number) else LogEstimate(-np.inf, -np.inf, -np.inf, "exact", 0)))
    found = run.test_error(method="rare-event")
    assert abs(found.value - counted.value) > 3.5 * np.hypot(counted.high - counted.low, found.high - found.low) / 3.92


@pytest.mark.compiled
def test_a_wrong_axis_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The covariance of noise in all directions is not that of orthogonal noise."""
    run = small("q=1, all directions")
    counted = run.test_error(method="monte-carlo", n_test=400_000)
    right = sampling.noise_covariance
    axis = run.draw.vectors[0] / np.linalg.norm(run.draw.vectors[0])
    along = run.weights_at() @ axis
    assert isinstance(run.problem, ts.SignalNoise)
    wrong = right(run) - run.problem.noise_std**2 * np.outer(along, along)
    monkeypatch.setattr(sampling, "noise_covariance", lambda *_: wrong)
    found = run.test_error(method="rare-event")
    assert abs(found.value - counted.value) > 3.5 * np.hypot(counted.high - counted.low, found.high - found.low) / 3.92
