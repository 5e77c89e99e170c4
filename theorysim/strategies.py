"""Hypothesis strategies for whatever a run is made of: problems, algorithms, draws, label multipliers, seeds.

    @given(problems(), algorithms(), seeds())                  # anything valid
    @given(problems(q=2, d=st.integers(100, 200)))             # a field fixed, a field narrowed
    @given(problems(inside="huang2025"))                       # in the regime that a paper assumes
    @given(problems(inside="huang2025").flatmap(good_draws))   # draws on which its lemmas are deterministic
    @given(cases(max_steps=100))                               # everything given as arrays, dynamics within bounds

They are for property tests of your own lemmas, and need Hypothesis: ``pip install 'theorysim[test]'``.

Unless a paper asks for more dimensions, all of it is small (at most 12 samples, 2·4 filters, 60 dimensions): what
goes wrong in the signal-noise model goes wrong there, and fails there with a short example. Numbers with a scale
are drawn evenly in their logarithm and shrink towards 1; sizes shrink towards the smallest, laws towards none.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

try:
    from hypothesis import assume, reject
    from hypothesis import strategies as st
    from hypothesis.strategies import SearchStrategy
except ImportError as missing:
    raise ImportError("theorysim.strategies needs Hypothesis: pip install 'theorysim[test]'") from missing

from theorysim import _validate
from theorysim.algorithm import Flip, Gaussian, GradientDescent, LabelNoise, Uniform
from theorysim.draw import Draw
from theorysim.problem import SignalNoise
from theorysim.run import Run
from theorysim.simulate import simulate
from theorysim.theory import concentration
from theorysim.theory.huang2025 import assumption_3_1
from theorysim.theory.statement import Constants, Evidence

Array = NDArray[np.float64]


def seeds() -> SearchStrategy[int]:
    """Seeds, small and as large as 64 bits."""
    return st.integers(0, 100) | st.integers(0, 2**64 - 1)


def scales(low: float, high: float) -> SearchStrategy[float]:
    """Positive numbers from 10^low to 10^high, evenly in the logarithm."""
    return st.floats(low, high).map(lambda exponent: 10.0**exponent)


def powers() -> SearchStrategy[float]:
    """Powers q of the activation: those with a loop of their own in the kernel, others, and non-integers."""
    return st.sampled_from([1, 2, 3, 4, 1.5, 2.5, 3.25])


def flip_rates() -> SearchStrategy[float | tuple[float, float]]:
    """Values of ``label_flip``: none, one rate, or one for each class, certainty included."""
    rate = st.floats(0.0, 1.0)
    return st.just(0.0) | rate | st.tuples(rate, rate)


FIELDS: dict[str, SearchStrategy[Any]] = {
    "n": st.integers(1, 12),
    "d": st.integers(2, 60),
    "m": st.integers(1, 4),
    "signal_norm": st.just(0.0) | scales(-2, 1),
    "noise_std": scales(-2, 1),
    "init_std": st.just(0.0) | scales(-4, 0),
    "q": powers(),
    "label_flip": flip_rates(),
    "orthogonal_noise": st.booleans(),
}


def problems(inside: str | None = None, **fields: Any) -> SearchStrategy[SignalNoise]:
    """Valid :class:`SignalNoise` problems over all fields; any may be given as a value or a strategy of its own.

    With ``inside="huang2025"`` all that Assumption 3.1 (constants 1) asks of a problem holds: q = 2, orthogonal
    noise, true labels, d ≥ n⁴ at least (there is no σ_0 otherwise), a weak signal and a small initialisation. What
    it asks of p needs mn ≥ log² d as well. Fields given that leave no such problem are unsatisfiable.
    """
    if unknown := fields.keys() - FIELDS.keys():
        raise TypeError(f"{min(unknown)}: not a field of SignalNoise")
    given = {name: as_strategy(value) for name, value in fields.items()}
    if inside is None:
        return st.builds(SignalNoise, **FIELDS | given)
    return REGIMES[_validate.choice("inside", inside, REGIMES)](given)


@st.composite
def _inside_huang2025(draw: st.DrawFn, given: Mapping[str, SearchStrategy[Any]]) -> SignalNoise:
    def chosen(name: str, default: SearchStrategy[Any]) -> Any:
        return draw(given.get(name, default))

    n, m = chosen("n", FIELDS["n"]), chosen("m", FIELDS["m"])
    noise_std = chosen("noise_std", scales(-1, 1))
    d = chosen("d", scales(0, 4).map(lambda factor: max(20, round(1.01 * factor * n**4))))
    largest_signal = noise_std * min(d**0.125 / n, np.sqrt(d / n))
    signal_norm = chosen("signal_norm", scales(-2, -0.01).map(lambda share: float(share * largest_signal)))
    low, high = n / (noise_std * d**0.75), 1 / (noise_std * np.sqrt(d))
    if signal_norm > 0:
        high = min(high, 1 / (signal_norm * d**0.625))
    init_std = chosen("init_std", st.floats(0, 1).map(lambda share: float(low * (high / low) ** share)))
    problem = SignalNoise(
        n, d, m, signal_norm, noise_std, init_std,
        q=chosen("q", st.just(2)),
        label_flip=chosen("label_flip", st.just(0.0)),
        orthogonal_noise=chosen("orthogonal_noise", st.just(True)),
    )
    model = problem.q == 2 and problem.flip_rates == (0, 0) and problem.orthogonal_noise
    assume(model and all(one.holds for one in assumption_3_1(problem, GradientDescent(largest_small_lr(problem)))))
    return problem


REGIMES = {"huang2025": _inside_huang2025}


def lively_problems(**fields: Any) -> SearchStrategy[SignalNoise]:
    """Problems in which training shows within some tens of steps: initial inner products are of order 0.1 to 1.

    Over all initialisations half of the runs would compare near nothing with near nothing; for powers q > 2 the
    first steps from small weights are tiny, and from weights of zero there are none.
    """

    def started(problem: SignalNoise, inner: float) -> SignalNoise:
        """With the initial scale that makes inner products of that size."""
        return problem.replace(init_std=inner / largest_patch_norm(problem))

    return st.builds(started, problems(**fields), scales(-1, 0))


def as_strategy(value: Any) -> SearchStrategy[Any]:
    """The strategy itself, or one that has a single value."""
    return value if isinstance(value, SearchStrategy) else st.just(value)


def label_noises() -> SearchStrategy[LabelNoise | None]:
    """No label noise, or any of its laws, degenerate ones included."""
    return st.none() | label_noise_laws()


def label_noise_laws() -> SearchStrategy[LabelNoise]:
    """Laws of the label multipliers ε with |ε| of order 1."""
    flips = st.builds(Flip, st.floats(0.0, 1.0))
    gaussians = st.builds(Gaussian, mean=thousandths(-2, 2), std=thousandths(0, 2))
    uniforms = st.builds(lambda low, width: Uniform(low, low + width), thousandths(-2, 2), thousandths(0, 3))
    return flips | gaussians | uniforms


def thousandths(low: int, high: int) -> SearchStrategy[float]:
    """Multiples of 1/1000: 0 or of a visible size, so that no product with them loses digits to underflow."""
    return st.integers(1000 * low, 1000 * high).map(lambda count: count / 1000)


def algorithms(
    *,
    small_for: SignalNoise | None = None,
    lr: float | SearchStrategy[float] | None = None,
    label_noise: Any = label_noises(),
) -> SearchStrategy[GradientDescent]:
    """Gradient descent with learning rates over six decades, from no visible change to divergence.

    With ``small_for`` a problem they are within two decades of the largest with ησ_p²d ≤ 1 (Huang et al. 2025,
    Assumption 3.1).
    """
    rates = scales(-3, 3)
    if small_for is not None:
        largest = largest_small_lr(small_for)
        rates = scales(-2, 0).map(lambda share: share * largest)
    return st.builds(
        GradientDescent, lr=rates if lr is None else as_strategy(lr), label_noise=as_strategy(label_noise)
    )


def largest_small_lr(problem: SignalNoise) -> float:
    """1/(σ_p² d), the learning rate up to which no step is large (Huang et al. 2025, Assumption 3.1)."""
    return 1.0 / (problem.noise_std**2 * problem.d)


def largest_stable_lr(problem: SignalNoise, multiplier: float = 1.0) -> float:
    """A learning rate below which gradient descent on this problem neither oscillates for long nor diverges.

    Along an atom v a filter with z = ⟨w, v⟩ meets curvature of at most ε² |v|² q² z^{2q−2} / 4m, where z is the larger
    of its initial size and of the order-1 size at which the loss saturates. ``multiplier`` is the largest |ε|.
    """
    size = largest_patch_norm(problem)
    inner = max(1.0, 2.0 * problem.init_std * size)
    curvature = max(1.0, multiplier) ** 2 * size**2 * problem.q**2 * inner ** (2.0 * problem.q - 2.0)
    return float(4.0 * problem.m / curvature)


def largest_patch_norm(problem: SignalNoise) -> float:
    """√(|μ|² + |ξ|²), rarely exceeded: √χ²(d) has mean √d and standard deviation below 1."""
    return float(np.hypot(problem.signal_norm, problem.noise_std * (np.sqrt(problem.d) + 2.0)))


def largest_multiplier(law: LabelNoise | None) -> float:
    """A bound on |ε|, for a Gaussian one that is rarely exceeded."""
    if isinstance(law, Gaussian):
        return abs(law.mean) + 3.0 * law.std
    return max(abs(law.low), abs(law.high)) if isinstance(law, Uniform) else 1.0


def stable_algorithms(problem: SignalNoise, *, label_noise: Any = label_noises()) -> SearchStrategy[GradientDescent]:
    """Gradient descent on this problem with learning rates up to where oscillation begins.

    Two computations of the same run differ by rounding, and a run that oscillates beyond the stable learning rate
    multiplies that difference by a factor at every step, as any chaotic system does. Then they agree only for some
    tens of steps, whatever the program; so what is to agree to the last digits is compared below that rate.
    """
    return as_strategy(label_noise).flatmap(
        lambda law: scales(-2, 0).map(
            lambda speed: GradientDescent(speed * largest_stable_lr(problem, largest_multiplier(law)), law)
        )
    )


def comparable_steps(problem: SignalNoise, most: int) -> SearchStrategy[int]:
    """Numbers of steps over which runs at a stable learning rate differ by rounding alone.

    Any number, but for 1 < q < 2. There σ''(z) ~ z^{q−2} has no bound, so around the balance of a filter that its
    own sample pushes to z = 0 and others push up, training is unstable at every learning rate, however small.
    """
    return st.integers(1, min(3, most) if 1 < problem.q < 2 else most)


def signs(size: int) -> SearchStrategy[Array]:
    """Arrays of ±1; equal ones, such as a single class, are not rare."""
    chosen = st.lists(st.sampled_from([1.0, -1.0]), min_size=size, max_size=size).map(np.array)
    return st.just(np.ones(size)) | st.just(-np.ones(size)) | chosen


@st.composite
def arrays(draw: st.DrawFn, problem: SignalNoise) -> dict[str, Array]:
    """One realisation of a problem, as the keyword arguments of :meth:`Draw.from_arrays`.

    The signal points in any direction, not along an axis. Labels and flips are chosen one by one, so that one
    class or all flipped happen too. Entries of vectors are Gaussian from a chosen seed: numbers chosen one by
    one are often 0 or equal, and then a filter is exactly perpendicular to a patch, where the slope of ReLU
    jumps and rounding decides. For such ties on purpose, in exact arithmetic, there is :func:`tied_arrays`.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    direction = rng.standard_normal(problem.d)
    direction /= np.linalg.norm(direction)
    noise = problem.noise_std * rng.standard_normal((problem.n, problem.d))
    if problem.orthogonal_noise:
        for _ in range(2):  # twice is enough to be orthogonal to the last digit
            noise -= np.outer(noise @ direction, direction)
    labels = draw(signs(problem.n))
    return {
        "noise": noise,
        "weights": problem.init_std * rng.standard_normal((2, problem.m, problem.d)),
        "labels": labels,
        "observed_labels": labels * draw(signs(problem.n)),
        "signal": problem.signal_norm * direction,
    }


@st.composite
def tied_arrays(draw: st.DrawFn) -> dict[str, Array]:
    """A realisation with small whole numbers for entries, as the keyword arguments of :meth:`Draw.from_arrays`.

    Its inner products are exact, and often 0 or equal; vectors may vanish, coincide or be linearly dependent.
    """
    n, m, d = draw(st.integers(1, 6)), draw(st.integers(1, 3)), draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    noise, weights, signal = (
        rng.integers(-2, 3, shape).astype(np.float64) for shape in ((n, d), (2, m, d), (d,))
    )
    labels = draw(signs(n))
    return {
        "noise": noise,
        "weights": weights / 4.0,
        "labels": labels,
        "observed_labels": labels * draw(signs(n)),
        "signal": signal,
    }


def good_draws(problem: SignalNoise, delta: float = 0.05) -> SearchStrategy[Draw]:
    """Draws of a problem on which all good events of :mod:`theorysim.theory.concentration` hold as measured.

    A lemma about the trajectory claims to be deterministic there, so not only typical draws are tried. Noise
    vectors may all have the least or the largest length that the events allow, filters the least or the largest
    start along noise or signal. Where hardly any draw is good (δ small, one filter), Hypothesis says so.
    """
    return _good_draws(problem, Constants(delta=delta))


EDGES = ("drawn", "low", "high")  # as drawn, or moved to an end of the good events
INSIDE = 1e-12  # how far inside of the end, beyond rounding


@st.composite
def _good_draws(draw: st.DrawFn, problem: SignalNoise, constants: Constants) -> Draw:
    first = draw(st.integers(0, 2**32 - 1))
    noise, along_noise, along_signal = (draw(st.sampled_from(EDGES)) for _ in range(3))
    for seed in range(first, first + 10):  # most draws of few filters are not good
        drawn = _with_noise_length(Draw.from_problem(problem, seed), problem, noise)
        drawn = _with_start_along_noise(drawn, problem, constants, along_noise)
        drawn = _with_start_along_signal(drawn, problem, constants, along_signal)
        if all(one.holds for one in concentration.good_events(evidence_of(problem, drawn, constants))):
            return drawn
    reject()


def evidence_of(problem: SignalNoise, draw: Draw, constants: Constants) -> Evidence:
    """A draw as a run of no steps, to evaluate statements about initialisation."""
    return Evidence(simulate(problem, GradientDescent(1.0), 0, draw=draw), constants)


def _with_noise_length(draw: Draw, problem: SignalNoise, edge: str) -> Draw:
    """All noise vectors at an end of σ_p² d/2 ≤ ‖ξ_i‖² ≤ 3σ_p² d/2."""
    if edge == "drawn":
        return draw
    share = 0.5 * (1 + INSIDE) if edge == "low" else 1.5 * (1 - INSIDE)
    wanted = np.sqrt(share * problem.d) * problem.noise_std
    vectors = draw.vectors.copy()
    vectors[1:] *= wanted / np.linalg.norm(vectors[1:], axis=1, keepdims=True)
    return dataclasses.replace(draw, vectors=vectors, gram=vectors @ vectors.T)


def _with_start_along_noise(draw: Draw, problem: SignalNoise, constants: Constants, edge: str) -> Draw:
    """Filters scaled: each to the largest start along noise that is allowed, or all to the least weakest start."""
    evidence = evidence_of(problem, draw, constants)
    if edge == "drawn":
        return draw
    if edge == "low":
        unit, weakest = concentration.initial_noise_unit(evidence), concentration.weakest_noise_start(evidence)
        factor = np.full(2 * draw.m, 0.25 * (1 + INSIDE) * unit / weakest if weakest > 0 else 1.0)
    else:
        largest = np.abs(evidence.initial_noise).max(axis=2).ravel()
        bound = (1 - INSIDE) * concentration.initial_noise_bound(evidence)
        factor = np.divide(bound, largest, out=np.ones_like(largest), where=largest > 0)
    weights = draw.weights * factor[:, None]
    return draw.with_weights(weights.reshape(2, draw.m, -1))


def _with_start_along_signal(draw: Draw, problem: SignalNoise, constants: Constants, edge: str) -> Draw:
    """Filters moved along μ: each to the largest start allowed, keeping its sign, or each branch's best to the least.

    Only where noise is orthogonal to the signal, so that nothing else changes.
    """
    if edge == "drawn" or problem.signal_norm == 0 or not problem.orthogonal_noise:
        return draw
    evidence = evidence_of(problem, draw, constants)
    start = evidence.initial_signal
    if edge == "low":
        best = (start * [[1.0], [-1.0]]).max(axis=1, keepdims=True)
        least = 0.5 * (1 + INSIDE) * problem.init_std * problem.signal_norm
        wanted = start * np.where(best > 0, least / np.where(best > 0, best, 1.0), 1.0)
    else:
        wanted = np.sign(start) * (1 - INSIDE) * concentration.initial_signal_bound(evidence)
    direction = draw.vectors[0] / problem.signal_norm**2
    weights = draw.weights + np.multiply.outer((wanted - start).ravel(), direction)
    return draw.with_weights(weights.reshape(2, draw.m, -1))


def problem_of(given: Mapping[str, Array], q: float, orthogonal_noise: bool = False) -> SignalNoise:
    """The problem that given arrays can be a draw of, with the scales they have."""
    (n, d), m = given["noise"].shape, given["weights"].shape[1]
    return SignalNoise(
        n=n, d=d, m=m, q=q, orthogonal_noise=orthogonal_noise,
        signal_norm=float(np.linalg.norm(given["signal"])),
        noise_std=float(np.sqrt(np.mean(given["noise"] ** 2))) or 1.0,  # it must not be 0
        init_std=float(np.sqrt(np.mean(given["weights"] ** 2))),
    )


@dataclass(frozen=True)
class Case:
    """A run with everything given: power, learning rate, arrays, and the label multipliers of every step."""

    q: float
    orthogonal_noise: bool
    lr: float
    given: dict[str, Array]
    label_noise: Array  # (steps, n)

    @property
    def steps(self) -> int:
        """Number of updates."""
        return len(self.label_noise)

    def replace(self, **changes: Any) -> Self:
        """A copy with other fields or given arrays."""
        fields = {field.name for field in dataclasses.fields(self)}
        given = self.given | {name: value for name, value in changes.items() if name not in fields}
        plain = {name: value for name, value in changes.items() if name in fields}
        return dataclasses.replace(self, **{"given": given} | plain)

    def simulate(self, **options: Any) -> Run:
        """Run it, keeping every step."""
        return simulate(
            problem_of(self.given, self.q, self.orthogonal_noise),
            GradientDescent(self.lr),
            self.steps,
            draw=Draw.from_arrays(**self.given),
            label_noise=self.label_noise,
            **{"record_every": 1} | options,
        )


@st.composite
def cases(
    draw: st.DrawFn,
    problem: SearchStrategy[SignalNoise] = lively_problems(),
    *,
    label_noise: Any = label_noises(),
    max_steps: int = 40,
) -> Case:
    """Runs within the stable learning rates, with everything random given as arrays."""
    drawn = draw(problem)
    algorithm = draw(stable_algorithms(drawn, label_noise=label_noise))
    shape = (draw(comparable_steps(drawn, max_steps)), drawn.n)
    law = algorithm.label_noise
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return Case(
        q=drawn.q,
        orthogonal_noise=drawn.orthogonal_noise,
        lr=algorithm.lr,
        given=draw(arrays(drawn)),
        label_noise=np.ones(shape) if law is None else law.sample(rng, shape),
    )


@st.composite
def tied_cases(draw: st.DrawFn, *, max_steps: int = 40) -> Case:
    """Runs without label noise from :func:`tied_arrays`, within the stable learning rates."""
    given, q = draw(tied_arrays()), draw(powers())
    lr = draw(scales(-2, 0)) * largest_stable_lr(problem_of(given, q))
    steps = draw(st.integers(1, max_steps))
    return Case(q=q, orthogonal_noise=False, lr=lr, given=given, label_noise=np.ones((steps, given["labels"].size)))
