"""Sakamoto & Sato 2025 as data: flipped labels that are ignored, or fitted, benignly at last or not."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from theorysim.papers.sakamoto2025.evidence import SelectionEvidence, is_setting
from theorysim.theory.conditions import Condition
from theorysim.theory.statement import Array, Sense, Statement, Steps
from theorysim.theory.windows import end, number, observed, recorded

PAPER = "Sakamoto & Sato 2025, from its abstract and summaries"
IGNORED = 0.5  # of the flipped labels: fewer are fitted


def strong(evidence: SelectionEvidence) -> Sequence[Condition]:
    """The signal is strong."""
    return [Condition("n·SNR² ≥ high", evidence.n_snr2, ">=", evidence.constants.high, PAPER)]


def weak(evidence: SelectionEvidence) -> Sequence[Condition]:
    """The signal is weak, and all observed labels are fitted at the end."""
    return [Condition("n·SNR² ≤ low", evidence.n_snr2, "<=", evidence.constants.low, PAPER),
            Condition("training error = 0", float(evidence.run.column("train_error")[-1]), "<=", 0.0, PAPER)]


def below(evidence: SelectionEvidence) -> Sequence[Condition]:
    """The signal is clearly below the threshold of the first step."""
    return [Condition("n·SNR² ≤ threshold/clear", evidence.n_snr2, "<=",
                      evidence.threshold / evidence.constants.clear, "derived")]


def above(evidence: SelectionEvidence) -> Sequence[Condition]:
    """The signal is clearly above it."""
    return [Condition("n·SNR² ≥ clear · threshold", evidence.n_snr2, ">=",
                      evidence.threshold * evidence.constants.clear, "derived")]


def after_one_step(evidence: SelectionEvidence) -> Steps:
    """Window: step 1."""
    return np.array([1]) if evidence.run.steps >= 1 else np.arange(0)


def after_fitting(evidence: SelectionEvidence) -> Steps:
    """Window: the end of a run that lasts ten times as long as it takes to fit all observed labels."""
    return end(evidence) if evidence.fitted <= evidence.run.steps / 10 else np.arange(0)


def _test_loss(evidence: SelectionEvidence, steps: Steps) -> Array:
    return evidence.test_loss_at(steps)


def _test_loss_when_fitted(evidence: SelectionEvidence, steps: Steps) -> Array:
    """At the first record from when on all observed labels had been fitted."""
    recorded_at = evidence.run.steps_recorded
    first = recorded_at[recorded_at >= evidence.fitted][:1]
    return np.full(len(steps), evidence.test_loss_at(first)[0])


def _one_over_tokens(evidence: Any) -> float:
    return 1 / float(evidence.run.problem.tokens)


STATEMENTS = (
    Statement(
        id="sakamoto2025.not_overfitting",
        claim="with a strong signal flipped labels are not fitted",
        formula="share of flipped samples with y f(X) > 0 is ≤ ½",
        source=f"{PAPER}; what counts as strong, and as not fitted, are choices",
        sense=Sense.UPPER,
        measured=observed("noisy_accuracy"),
        predicted=number(IGNORED),
        window=end,
        conditions=strong,
        applies=is_setting,
    ),
    Statement(
        id="sakamoto2025.not_overfitting.test_loss",
        claim="and the attention generalises",
        formula="E log(1 + exp(−y f(X))) ≤ level",
        source=f"{PAPER}; the level is a choice",
        sense=Sense.UPPER,
        measured=_test_loss,
        predicted=number(lambda e: e.constants.level),
        window=recorded(end),
        conditions=strong,
        applies=is_setting,
    ),
    Statement(
        id="sakamoto2025.harmful",
        claim="with a weak signal an attention that has fitted all labels does not generalise",
        formula="E log(1 + exp(−y f(X))) ≥ level",
        source=f"{PAPER}: before the late phase of generalisation; what counts as weak, and the level, are choices",
        sense=Sense.LOWER,
        measured=_test_loss,
        predicted=number(lambda e: e.constants.level),
        window=recorded(end),
        conditions=weak,
        applies=is_setting,
    ),
    Statement(
        id="sakamoto2025.delayed",
        claim="but the test loss falls long after all labels were fitted",
        formula="test loss(end) ≤ test loss(labels fitted), end ≥ 10 × that time",
        source=f"{PAPER}: delayed generalisation; how long, and that a fall is asked for, are choices",
        sense=Sense.UPPER,
        measured=_test_loss,
        predicted=_test_loss_when_fitted,
        window=recorded(after_fitting),
        conditions=weak,
        applies=is_setting,
    ),
    Statement(
        id="sakamoto2025.derived.memorises_first",
        claim="the first step takes weight from the relevant tokens of flipped samples",
        formula="mean softmax weight on their relevant token ≤ 1/T",
        source="derived, in expectation over W and the noise of values; the factor `clear` is a choice",
        sense=Sense.UPPER,
        measured=observed("signal_weight_noisy"),
        predicted=number(_one_over_tokens),
        window=after_one_step,
        conditions=below,
        applies=is_setting,
    ),
    Statement(
        id="sakamoto2025.derived.selects_first",
        claim="the first step gives weight to the relevant tokens of flipped samples",
        formula="mean softmax weight on their relevant token ≥ 1/T",
        source="derived, in expectation over W and the noise of values; the factor `clear` is a choice",
        sense=Sense.LOWER,
        measured=observed("signal_weight_noisy"),
        predicted=number(_one_over_tokens),
        window=after_one_step,
        conditions=above,
        applies=is_setting,
    ),
)
