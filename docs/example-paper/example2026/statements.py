"""Two statements. Each is a comparison of two functions at some steps, under some conditions.

Gradient descent on the logistic loss of the patch network moves the signal coefficient by

    γ_{j,r}(t+1) − γ_{j,r}(t) = (η/(nm)) Σ_i |ℓ'_i| σ'(⟨w_{j,r}, y_i μ⟩) ‖μ‖²      (no label noise, true labels).

With ReLU, |ℓ'| and σ' lie in [0, 1], so no γ ever falls, and none rises by more than η‖μ‖²/m a step.
"""

import numpy as np

from theorysim.theory.conditions import Condition
from theorysim.theory.statement import Sense, Statement
from theorysim.theory.windows import every_step, number, observed, recorded


def plain_relu(run):
    """Which runs the statements are about at all; others have no row in the report."""
    return run.problem.q == 1 and run.algorithm.label_noise is None


def true_labels(evidence):
    """An assumption, as a margin: where it fails the comparison is made all the same, and called outside the regime."""
    share = 1 - evidence.run.draw.noisy.mean()
    return [Condition("labels are true", share, ">=", 1.0, "example")]


def smallest_rise(evidence, steps):
    """min over (j, r) of γ(t) − γ(s), s the recorded step before t: one number a step, NaN where it is not known."""
    gamma = evidence.run.gamma[evidence.records(steps)]
    return np.diff(gamma, axis=0, prepend=np.nan).min(axis=(1, 2))


def fastest(evidence, steps):
    """C η‖μ‖² t/m. The constant is an argument of check, though this bound needs none."""
    run = evidence.run
    return evidence.constants.C * run.algorithm.lr * run.problem.signal_norm**2 * steps / run.problem.m


STATEMENTS = (
    Statement(
        id="example2026.gamma_rises",
        claim="the signal never falls",
        formula="γ_{j,r}(t+1) ≥ γ_{j,r}(t)",
        source="Example 2026, Lemma 1",
        sense=Sense.LOWER,  # measured ≥ predicted
        measured=smallest_rise,
        predicted=number(0.0),  # the same number at every step
        window=recorded(every_step),  # coefficients are kept at recorded steps
        conditions=true_labels,
        applies=plain_relu,
    ),
    Statement(
        id="example2026.gamma_bound",
        claim="the signal rises at most linearly",
        formula="γ_{j,r}(t) ≤ C η‖μ‖² t/m",
        source="Example 2026, Lemma 2",
        sense=Sense.UPPER,
        measured=observed("gamma_max"),  # a column of run.observables, there at every step
        predicted=fastest,
        window=every_step,
        conditions=true_labels,
        applies=plain_relu,
    ),
)
