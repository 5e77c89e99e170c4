"""What a theorem or lemma says, as data: what it bounds, by what, when, and under which conditions.

A :class:`Statement` holds no logic but small functions of an evidence, one run with the constants that papers
hide: :class:`Evidence` for the patch network, one of its own for every other system. The checker compares;
it knows no paper.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.patch.problem import SignalNoise
from theorysim.patch.run import Run
from theorysim.theory.conditions import Condition

Array = NDArray[np.float64]
Steps = NDArray[np.int64]


class Sense(StrEnum):
    """What a statement claims of measured and predicted."""

    UPPER = "≤"  # measured is at most predicted, at every step it speaks about
    LOWER = "≥"  # measured is at least predicted
    ORDER = "Θ"  # measured / predicted lies within [1/band, band]


@dataclass(frozen=True)
class Constants:
    """What the papers hide in O, Ω, Θ and "with probability at least 1 − δ".

    Attributes
    ----------
    delta : float
        Failure probability δ in (0, 1).
    C : float
        Every constant hidden in a condition or an O(·) bound.
    band : float
        How far a Θ may be from its expression with constant 1, either way.
    horizon : float or None
        T*, the time up to which whole-run statements hold; None: the run's length, at least
        n m/(η σ_p² d) steps (and e, so that its logarithm is at least 1).
    epsilon : float
        Training loss that ends stage 2 of gradient descent.
    gamma_threshold : float
        Signal learning that ends stage 2 with label noise.
    rho_threshold : float
        Memorization of initially active filters that ends stage 1 of fixed noisy labels.
    order_one : float
        What a paper assumes to be Θ(1) must lie in [1/order_one, order_one].
    """

    delta: float = 0.05
    C: float = 1.0
    band: float = 4.0
    horizon: float | None = None
    epsilon: float = 0.01
    gamma_threshold: float = 1.0
    rho_threshold: float = 0.1
    order_one: float = 20.0

    def __post_init__(self) -> None:
        validate.real("delta", self.delta, 0, 1, above=True, below=True)
        for name in ("C", "epsilon", "gamma_threshold", "rho_threshold"):
            validate.real(name, getattr(self, name), 0, above=True)
        for name in ("band", "order_one"):
            validate.real(name, getattr(self, name), 1)
        if self.horizon is not None:
            validate.real("horizon", self.horizon, 1)

    def replace(self, **changes: Any) -> Self:
        """A copy with some constants changed."""
        return replace(self, **changes)


@dataclass(frozen=True, eq=False)
class Evidence:
    """One run of a signal-noise problem, with the quantities that statements are made of."""

    run: Run
    constants: Constants = field(default_factory=Constants)

    @property
    def problem(self) -> SignalNoise:
        """The problem of the run."""
        problem = self.run.problem
        if not isinstance(problem, SignalNoise):
            raise ValueError(f"run.problem={problem!r}: statements speak about a SignalNoise problem")
        if problem.bias or problem.init_law != "normal":
            raise ValueError(f"run.problem={problem!r}: statements speak about Gaussian initial weights without bias, "
                             "init_law='normal' and bias=0")
        return problem

    @property
    def label_noise(self) -> bool:
        """Whether labels are multiplied by noise at every step."""
        return self.run.algorithm.label_noise is not None

    @cached_property
    def rate(self) -> float:
        """η σ_p² d/(nm), the growth rate of memorization per step (up to a constant)."""
        p = self.problem
        return self.run.algorithm.lr * p.noise_std**2 * p.d / (p.n * p.m)

    @cached_property
    def horizon(self) -> float:
        """T*."""
        given = self.constants.horizon
        return max(self.run.steps, 1 / self.rate, np.e) if given is None else given

    @cached_property
    def initial_signal(self) -> Array:
        """⟨w_{j,r}(0), μ⟩, (2, m)."""
        return self.run.draw.inner[:, 0].reshape(2, -1)

    @cached_property
    def initial_noise(self) -> Array:
        """⟨w_{j,r}(0), ξ_i⟩, (2, m, n)."""
        return self.run.draw.inner[:, 1:].reshape(2, self.run.draw.m, -1)

    @cached_property
    def own_noise(self) -> Array:
        """⟨w_{ỹ_i,r}(0), ξ_i⟩ of the sample's own branch, (m, n)."""
        return self.own(self.initial_noise)

    def own(self, values: Array) -> Array:
        """Of an array (..., 2, m, n) what belongs to the branch of the sample's observed label, (..., m, n)."""
        positive = self.run.draw.observed_labels > 0
        return np.where(positive, values[..., 0, :, :], values[..., 1, :, :])

    @cached_property
    def noise_gram(self) -> Array:
        """⟨ξ_i, ξ_k⟩, (n, n)."""
        return self.run.draw.gram[1:, 1:]

    @cached_property
    def first_stage_end(self) -> float:
        """Measured T1; NaN when not reached."""
        return self.run.stage_times().T1

    @cached_property
    def second_stage_end(self) -> float:
        """Measured T2; NaN when not reached."""
        c = self.constants
        return self.run.stage_times(epsilon=c.epsilon, gamma_threshold=c.gamma_threshold).T2

    def column(self, name: str, steps: Steps) -> Array:
        """An observable at some steps."""
        return self.run.column(name)[steps]

    def records(self, steps: Steps) -> NDArray[np.int64]:
        """Positions of recorded steps among the records."""
        return np.searchsorted(self.run.steps_recorded, steps)


def start(_evidence: Evidence) -> Steps:
    """Window: initialisation only."""
    return np.array([0])


def end(evidence: Evidence) -> Steps:
    """Window: the last step of the run."""
    return np.array([evidence.run.steps])


def every_step(evidence: Evidence) -> Steps:
    """Window: all steps up to T*."""
    return np.arange(min(evidence.run.steps, int(evidence.horizon)) + 1)


def first_stage(evidence: Evidence) -> Steps:
    """Window: steps 0..T1 (the whole run while T1 is not reached)."""
    reached = evidence.first_stage_end
    return np.arange((evidence.run.steps if np.isnan(reached) else int(reached)) + 1)


def second_stage(evidence: Evidence) -> Steps:
    """Window: steps T1..T2 (to the end while T2 is not reached); empty before T1."""
    first, second = evidence.first_stage_end, evidence.second_stage_end
    if np.isnan(first):
        return np.arange(0)
    return np.arange(int(first), (evidence.run.steps if np.isnan(second) else int(second)) + 1)


def recorded(window: Callable[[Evidence], Steps]) -> Callable[[Evidence], Steps]:
    """The recorded ones among the steps of a window, for what is not observed at every step."""

    def steps(evidence: Evidence) -> Steps:
        return np.intersect1d(window(evidence), evidence.run.steps_recorded)

    return steps


def no_conditions(_evidence: Evidence) -> Sequence[Condition]:
    """A statement that assumes nothing."""
    return ()


def any_run(_run: Run) -> bool:
    """A statement about every run."""
    return True


@dataclass(frozen=True)
class Statement:
    """One claim of a paper.

    Attributes
    ----------
    id : str
        Paper, number and item, e.g. ``huang2025.lemma_4_2.i``.
    claim, formula : str
        In words, and as a formula for display.
    source : str
        Paper and number; marked when the reading is ours.
    sense : Sense
    measured, predicted : function
        Of (evidence, steps), the evidence being that of the paper: one value per step of the window.
    window : function
        Of evidence: the steps the statement speaks about; empty means not reached yet.
    conditions : function
        Of evidence: the assumptions, as margins.
    applies : function
        Of a run: whether the statement is about such runs at all.
    trivial : float or None
        A value that bounds the measured quantity anyway; a prediction beyond it at every step says
        nothing, and the statement is vacuous there.
    band : float or None
        For a Θ that says more than its order: how far it may be off, in place of ``Constants.band``.
    over_draws : bool
        The claim is "with probability at least 1 − δ over the draw", to be counted over seeds.
    """

    id: str
    claim: str
    formula: str
    source: str
    sense: Sense
    measured: Callable[[Any, Steps], Any]
    predicted: Callable[[Any, Steps], Any]
    window: Callable[[Any], Steps] = start
    conditions: Callable[[Any], Sequence[Condition]] = no_conditions
    applies: Callable[[Any], bool] = any_run
    trivial: float | None = None
    band: float | None = None
    over_draws: bool = False
