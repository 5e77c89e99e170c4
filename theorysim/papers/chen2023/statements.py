"""Chen et al. 2023 as data, as far as it is remembered: the strength of the signal that SGD needs, and SAM."""

from collections.abc import Sequence

from theorysim.papers.chen2023.evidence import SamEvidence, signal_power
from theorysim.patch.problem import SignalNoise
from theorysim.patch.run import PatchRun
from theorysim.theory.conditions import Condition
from theorysim.theory.statement import Sense, Statement
from theorysim.theory.windows import end, number, recorded

SOURCE = "Chen et al. 2023, from memory; the level of the error is our choice"


def _relu(run: PatchRun) -> bool:
    return isinstance(run.problem, SignalNoise) and run.problem.q == 1


def _sgd(run: PatchRun) -> bool:
    return _relu(run) and run.algorithm.sam_radius == 0


def _sam(run: PatchRun) -> bool:
    return _relu(run) and run.algorithm.sam_radius > 0


def trained(evidence: SamEvidence) -> Condition:
    """The training loss is small at the end."""
    return Condition("training loss ≤ 0.1", float(evidence.run.column("train_loss")[-1]), "<=", evidence.constants.loss,
                     "choice")


def strong_signal(evidence: SamEvidence) -> Sequence[Condition]:
    """n‖μ‖⁴ ≥ C dP⁴σ⁴, and training is over."""
    return [Condition("n‖μ‖⁴ ≥ C dP⁴σ⁴", signal_power(evidence.problem), ">=", evidence.constants.C, SOURCE),
            trained(evidence)]


def weak_signal(evidence: SamEvidence) -> Sequence[Condition]:
    """n‖μ‖⁴ ≤ dP⁴σ⁴/C, and training is over."""
    return [Condition("n‖μ‖⁴ ≤ dP⁴σ⁴/C", signal_power(evidence.problem), "<=", 1 / evidence.constants.C, SOURCE),
            trained(evidence)]


def sharpness_aware(evidence: SamEvidence) -> Sequence[Condition]:
    """‖μ‖ ≥ C, and a radius of the right order; training need not be over, as flipped labels are kept out."""
    band = evidence.constants.band
    return [
        Condition("‖μ‖ ≥ C", evidence.problem.signal_norm, ">=", evidence.constants.C, SOURCE),
        Condition("ρ ≥ m√B/(Pσ√d)/band", evidence.radius, ">=", 1 / band, SOURCE),
        Condition("ρ ≤ m√B/(Pσ√d)·band", evidence.radius, "<=", band, SOURCE),
    ]


STATEMENTS = (
    Statement(
        id="chen2023.sgd.benign",
        claim="SGD generalises where the signal is strong",
        formula="P(y f(x) < 0) ≤ 0.1",
        source=SOURCE,
        sense=Sense.UPPER,
        measured=number(lambda e: e.test_error),
        predicted=number(lambda e: e.constants.error),
        window=recorded(end),
        conditions=strong_signal,
        applies=_sgd,
    ),
    Statement(
        id="chen2023.sgd.harmful",
        claim="and does not where it is weak",
        formula="P(y f(x) < 0) ≥ 0.1",
        source=SOURCE,
        sense=Sense.LOWER,
        measured=number(lambda e: e.test_error),
        predicted=number(lambda e: e.constants.error),
        window=recorded(end),
        conditions=weak_signal,
        applies=_sgd,
    ),
    Statement(
        id="chen2023.sam.benign",
        claim="SAM generalises where the signal is of order one, whatever the dimension",
        formula="P(y f(x) < 0) ≤ 0.1 for ‖μ‖ = Ω̃(1), ρ = Θ(m√B/(Pσ√d))",
        source=SOURCE,
        sense=Sense.UPPER,
        measured=number(lambda e: e.test_error),
        predicted=number(lambda e: e.constants.error),
        window=recorded(end),
        conditions=sharpness_aware,
        applies=_sam,
    ),
)
