"""Hypothesis strategies of the patch network: problems, label noise, learning rates, policies."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from theorysim.core.strategies import as_strategy, scales
from theorysim.patch.algorithm import Flip, Gaussian, GradientDescent, LabelNoise, Uniform
from theorysim.patch.model_strategies import biases, flip_rates, patch_models, powers
from theorysim.patch.patch_model import PatchModel
from theorysim.patch.policy import (
    ACTIONS,
    AtStep,
    BestValidation,
    EarlyStopping,
    FirstStage,
    LossBelow,
    OracleSelection,
    Policy,
    SmallLossSelection,
    Trigger,
)
from theorysim.patch.problem import SignalNoise


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
    "init_law": st.sampled_from(["normal", "normal", "uniform"]),
    "bias": biases(),
    "flip_law": st.sampled_from(["independent", "stratified"]),
}
PLAIN: dict[str, Any] = {"init_law": "normal", "bias": 0.0}  # what papers speak of; ``problems(**PLAIN)``


def problems(**fields: Any) -> SearchStrategy[SignalNoise]:
    """Valid :class:`SignalNoise` problems over all fields; any may be given as a value or a strategy of its own."""
    return st.builds(SignalNoise, **FIELDS | given(fields))


def given(fields: Mapping[str, Any]) -> dict[str, SearchStrategy[Any]]:
    """Strategies of the fields that a caller names.

    Raises
    ------
    TypeError
        For what is not a field.
    """
    if unknown := fields.keys() - FIELDS.keys():
        raise TypeError(f"{min(unknown)}: not a field of SignalNoise")
    return {name: as_strategy(value) for name, value in fields.items()}


def lively_problems(**fields: Any) -> SearchStrategy[SignalNoise]:
    """Problems in which training shows within some tens of steps: initial inner products are of order 0.1 to 1.

    Over all initialisations half of the runs would compare near nothing with near nothing; for powers q > 2 the
    first steps from small weights are tiny, and from weights of zero there are none.
    """

    def started(problem: SignalNoise, inner: float) -> SignalNoise:
        """With the initial scale that makes inner products of that size."""
        return problem.replace(init_std=inner / largest_patch_norm(problem))

    return st.builds(started, problems(**fields), scales(-1, 0))


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
    """√(|μ|² + |ξ|²), rarely exceeded: √χ²(d) has mean √d and standard deviation below 1.

    With a bias b it is √(|μ|² + |ξ|² + 4b²), as the two patches add up in that coordinate.
    """
    noise = problem.noise_std * (np.sqrt(problem.d) + 2.0)
    return float(np.hypot(np.hypot(problem.signal_norm, noise), 2.0 * problem.bias))


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


def triggers(steps: int = 40) -> SearchStrategy[Trigger]:
    """When a policy acts: at a step, or where a threshold is passed that many runs of so many steps do pass."""
    at_steps = st.builds(AtStep, st.integers(0, steps))
    return at_steps | st.builds(FirstStage, scales(-3, 0)) | st.builds(LossBelow, scales(-2, 0.3))


def policies(steps: int = 40, *, validation: bool = True) -> SearchStrategy[Policy | None]:
    """No policy, or any. Without ``validation`` none that looks at a held-out set and goes back to its best step."""
    actions, weights = st.sampled_from(ACTIONS), st.floats(0.0, 1.0)
    thresholds = st.just(float(np.log(2))) | st.just(0.0) | scales(-2, 1)
    some = (
        st.none()
        | st.builds(EarlyStopping, triggers(steps))
        | st.builds(SmallLossSelection, triggers(steps), thresholds, actions, weights)
        | st.builds(OracleSelection, triggers(steps), actions, weights)
    )
    counts = st.integers(1, 20)
    best = st.builds(BestValidation, counts, counts, st.integers(1, 5), st.sampled_from(["observed", "true"]))
    return some | st.builds(EarlyStopping, best) if validation else some


def settings() -> SearchStrategy[tuple[SignalNoise | PatchModel, GradientDescent]]:
    """Problems with algorithms for them, any that are valid; half of them by other laws than signal and noise."""
    return st.tuples(problems() | patch_models(), algorithms())
