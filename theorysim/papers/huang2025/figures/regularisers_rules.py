"""Training rules of the study of regularisers: their strengths in units of a problem's own, and what a step costs."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from theorysim.patch.algorithm import Flip, GradientDescent
from theorysim.patch.policy import BestValidation, EarlyStopping, LossBelow, Policy, SmallLossSelection
from theorysim.patch.problem import SignalNoise

FIG2_KAPPA = 0.125  # ησ_p²d/(nm) of Figure 2 at η = 1
KAPPAS = (FIG2_KAPPA, 2.0, 8.0)
Keywords = dict[str, Any]


def _nothing(problem: SignalNoise, strength: float) -> Keywords:
    return {}


def _cost_one(strength: float) -> float:
    return 1.0


def _no_policy(strength: float) -> Policy | None:
    return None


@dataclass(frozen=True)
class Rule:
    """A family of algorithms with one strength.

    Parameters
    ----------
    name : str
    symbol : str
        Of the strength.
    strengths : tuple of float
        From which the best is chosen.
    options : function of problem and strength
        Keywords of :class:`GradientDescent`.
    kappas : tuple of float
        κ = ησ_p²d/(nm), from which the best is chosen, too.
    cost : function of the strength
        Gradients of all n samples that a step takes.
    policy : function of the strength
    """

    name: str
    symbol: str = ""
    strengths: tuple[float, ...] = (0.0,)
    options: Callable[[SignalNoise, float], Keywords] = _nothing
    kappas: tuple[float, ...] = KAPPAS
    cost: Callable[[float], float] = _cost_one
    policy: Callable[[float], Policy | None] = _no_policy

    def choices(self) -> "Iterator[Choice]":
        """All that may be chosen from, the smallest steps first."""
        for kappa in self.kappas:
            for strength in self.strengths:
                yield Choice(self, strength, kappa)


@dataclass(frozen=True)
class Choice:
    """A rule at a strength and a step."""

    rule: Rule = field(repr=False)
    strength: float
    kappa: float

    @property
    def cost(self) -> float:
        """Gradients of all n samples that a step takes."""
        return self.rule.cost(self.strength)

    @property
    def policy(self) -> Policy | None:
        """What is done during a run."""
        return self.rule.policy(self.strength)

    def algorithm(self, problem: SignalNoise) -> GradientDescent:
        """At a problem."""
        return GradientDescent.from_kappa(problem, self.kappa, **self.rule.options(problem, self.strength))

    def __str__(self) -> str:
        """Strength and step."""
        strength = f"{self.rule.symbol} = {self.strength:.3g}, " if self.rule.symbol else ""
        return f"{strength}κ = {self.kappa:g}"


def batch_of(problem: SignalNoise, share: float) -> int:
    """Samples of a batch that is a share of all.

    Raises
    ------
    ValueError
        When that is no whole number, as gradient evaluations would then not be equal.
    """
    size = share * problem.n
    if abs(size - round(size)) > 1e-9 or round(size) < 1:
        raise ValueError(f"share={share!r}: must be a whole number of the n={problem.n} samples, is {size:g}")
    return round(size)


def _memory(problem: SignalNoise) -> float:
    """η over κ."""
    return problem.n * problem.m / (problem.noise_std**2 * problem.d)


def _radius(problem: SignalNoise) -> float:
    """m√n/(σ_p√d), the unit of SAM's radius: a choice, by which it grows with n as a gradient's norm falls."""
    return problem.m * float(np.sqrt(problem.n / problem.d)) / problem.noise_std


GD, LARGE = "gradient descent", "large steps"
LABEL_NOISE, SMOOTHING, SAM = "label noise", "label smoothing", "SAM"
RULES = (
    Rule(GD, kappas=(FIG2_KAPPA,)),
    Rule(LARGE, kappas=(0.5, 2.0, 4.0, 8.0, 16.0, 32.0)),
    Rule("momentum", "μ", (0.5, 0.9, 0.99), lambda problem, mu: {"momentum": mu}, (FIG2_KAPPA, 8.0)),
    Rule("weight decay", "ηλ/κ", (0.003, 0.03),
         lambda problem, share: {"weight_decay": share / _memory(problem)}),
    Rule(SMOOTHING, "a", (0.05, 0.1, 0.2, 0.4, 0.6), lambda problem, a: {"label_smoothing": a},
         (FIG2_KAPPA, 2.0, 3.0, 4.0, 8.0)),
    Rule("early stopping, loss", "loss", (0.5, 0.1), policy=lambda level: EarlyStopping(LossBelow(level))),
    Rule("early stopping, validation", policy=lambda _: EarlyStopping(BestValidation(1000, 10, 1000))),
    Rule("small-loss selection", "at loss", (0.6, 0.3), policy=lambda level: SmallLossSelection(LossBelow(level))),
    Rule("weight noise", "ςσ_p√d", (0.003, 0.03),
         lambda problem, size: {"weight_noise": size / (problem.noise_std * problem.d**0.5)}, (FIG2_KAPPA, 8.0)),
    Rule("dropout", "r", (0.5, 0.8, 0.9, 0.95), lambda problem, rate: {"dropout": rate}, (FIG2_KAPPA, 0.5, 1.0)),
    Rule("mini-batches", "B/n", (1 / 4, 1 / 8, 1 / 16),  # with κ = 1 the smallest diverged on build seeds at n = 128
         lambda problem, share: {"batch_size": batch_of(problem, share)}, (FIG2_KAPPA, 0.25, 0.5),
         cost=lambda share: share),
    Rule(SAM, "ρσ_p√d/(m√n)", (0.03, 0.07, 0.1, 0.2, 0.5),
         lambda problem, share: {"sam_radius": share * _radius(problem)}, (FIG2_KAPPA, 0.5, 1.0, 2.0),
         cost=lambda share: 2.0),
    Rule(LABEL_NOISE, "p", (0.05, 0.1, 0.2, 0.3), lambda problem, p: {"label_noise": Flip(p)},
         (FIG2_KAPPA, 0.5, 0.7, 1.0, 1.4)),
)
NAMED = {rule.name: rule for rule in RULES}
AS_FIG2 = dataclasses.replace(NAMED[LABEL_NOISE], name="label noise, Figure 2's step")
SAME_MEAN = dataclasses.replace(NAMED[SMOOTHING], name="smoothing, mean of the noise")


def beside(noise: Choice) -> tuple[Choice, ...]:
    """What is not chosen: label noise of Figure 2, and smoothing with step and mean of a choice of label noise."""
    return (Choice(AS_FIG2, 0.1, FIG2_KAPPA), Choice(SAME_MEAN, 2 * noise.strength, noise.kappa))


def smoothing_edge(a: float) -> float:
    """κ = 1/(2f*p(1 − p)), p = a/2, f* = ln((1 − p)/p): beyond it the resting output of smoothing is unstable.

    Derived: a memory obeys ln f ← ln f + 2 ln(1 + 2κ(1 − p − ς(f))), whose slope at f* is 1 − 4κf*p(1 − p); below −1
    it oscillates.
    """
    p = a / 2
    return float(1 / (2 * np.log((1 - p) / p) * p * (1 - p)))
