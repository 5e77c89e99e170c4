"""Condition 1 of T. Zhang et al. 2026 item by item, and which statement asks for which of its items."""

from collections.abc import Callable, Sequence

import numpy as np

from theorysim.linear import LinearRun
from theorysim.papers.zhang2026.evidence import LinearEvidence
from theorysim.papers.zhang2026.quantities import PAPER, stable
from theorysim.theory.conditions import Condition
from theorysim.theory.statement import Sense, Statement
from theorysim.theory.windows import NotEvaluableError, end, number

Item = Callable[[LinearEvidence], Condition]
LOST = "not evaluable: K and c of Lemma A.5 are lost"

# --- the items ------------------------------------------------------------------------------------------------


def width(evidence: LinearEvidence) -> Condition:
    """A1: the network is wide."""
    bound = evidence.constants.C / np.sqrt(evidence.lr)
    return Condition("m ≥ C/√η", evidence.run.problem.width, ">=", bound, f"{PAPER}, Condition 1, A1")


def rate(evidence: LinearEvidence) -> Condition:
    """A2: the learning rate is as small as the theory asks for; a function of d and of the draw's longest input."""
    return Condition("log₁₀(1/η) ≥ 96 max{8 log₁₀(7.5055ρ), max‖x‖²/ln 10}", -float(np.log10(evidence.lr)), ">=",
                     96 * evidence.log10_constant, f"{PAPER}, Condition 1, A2 with the footnote's C; ρ = 2√d/√π")


def sample(evidence: LinearEvidence) -> Condition:
    """A3: there are enough samples."""
    return Condition("n ≥ η⁻²", evidence.run.problem.n, ">=", evidence.inverse_square, f"{PAPER}, Condition 1, A3")


def target(evidence: LinearEvidence) -> Condition:
    """A4: the target is sparse."""
    bound = evidence.run.problem.width**-0.25
    return Condition("‖θ*‖ ≤ m^{−1/4}", evidence.target_norm, "<=", bound, f"{PAPER}, Condition 1, A4")


def inputs(evidence: LinearEvidence) -> Condition:
    """A5: inputs are bounded, by their own maximum."""
    longest = float(np.sqrt(evidence.longest_sq))
    return Condition("max‖x_i‖ ≤ C_data", longest, "<=", longest,
                     f"{PAPER}, Condition 1, A5; C_data is the draw's own maximum, which meets it")


def dimension(evidence: LinearEvidence) -> Condition:
    """A6: the dimension is large; its bound is not known, so it is not evaluable, and never counts as met."""
    return Condition("d ≥ 9(ln 2)K⁴/(2c)", evidence.run.problem.d, ">=", float("nan"),
                     f"{PAPER}, Condition 1, A6; {LOST}")


def constant(evidence: LinearEvidence) -> Condition:
    """The constant C is below the width, as the text adds to Condition 1."""
    return Condition("log₁₀ m ≥ log₁₀ C", float(np.log10(evidence.run.problem.width)), ">=", evidence.log10_constant,
                     f"{PAPER}, beside Condition 1: C_data ≤ C ≪ m")


# --- who asks for what ----------------------------------------------------------------------------------------


def all_followed(evidence: LinearEvidence) -> Condition:
    """All m neurons are followed; a sample of them can refute what is said of every neuron, and only support it."""
    return Condition("neurons followed = m", len(evidence.trained.leaving), ">=", evidence.run.problem.width,
                     "ours: a sample refutes, and supports with its size")


def first_phase(evidence: LinearEvidence) -> Sequence[Condition]:
    """A1, A2, A4, A5 and A6 of Condition 1, stability (derived), the start of the NTK (ours), all neurons followed."""
    norm = float(evidence.column("mean_norm_sq", np.array([0]))[0])
    start = Condition("tr A(0)/m ≥ ½", norm, ">=", 0.5, "ours: E‖w_i(0)‖² = 1 in the paper's start")
    return [width(evidence), rate(evidence), target(evidence), inputs(evidence), *stable(evidence), start,
            all_followed(evidence), dimension(evidence)]


def chain(evidence: LinearEvidence) -> Sequence[Condition]:
    """A1, A2, A3, A5 and A6 of Condition 1, and m = ⌈1/√η⌉."""
    asked = float(np.ceil(evidence.lr**-0.5 * (1 - 1e-12)))
    m = evidence.run.problem.width
    source = f"{PAPER}, Lemma 4: m = 1/√η, rounded up"
    return [width(evidence), rate(evidence), sample(evidence), inputs(evidence),
            Condition("m ≥ ⌈1/√η⌉", m, ">=", asked, source), Condition("m ≤ ⌈1/√η⌉", m, "<=", asked, source),
            dimension(evidence)]


def second_phase(evidence: LinearEvidence) -> Sequence[Condition]:
    """A1, A2, A3, A5 and A6 of Condition 1, and all neurons followed."""
    return [width(evidence), rate(evidence), sample(evidence), inputs(evidence), all_followed(evidence),
            dimension(evidence)]


# --- the items as statements ----------------------------------------------------------------------------------


def _statement(name: str, claim: str, formula: str, item: Item, source: str = "") -> Statement:
    """An item of Condition 1, shown as a statement of its own."""

    def asked(evidence: LinearEvidence) -> Sequence[Condition]:
        return [item(evidence)]

    def bound(evidence: LinearEvidence) -> float:
        found = item(evidence)
        if not found.known:
            raise NotEvaluableError(f"{found.formula}: {found.source}")
        return found.bound

    asked.__name__, asked.__doc__ = f"condition_1_{name}", item.__doc__
    upper = name in ("target", "inputs")
    return Statement(
        id=f"zhang2026.condition_1.{name}", claim=claim, formula=formula, source=source or f"{PAPER}, Condition 1",
        sense=Sense.UPPER if upper else Sense.LOWER,
        measured=number(lambda e: item(e).value), predicted=number(bound), window=end,
        conditions=asked, applies=lambda run: isinstance(run, LinearRun),
    )


CONDITION = (
    _statement("width", "A1: over-parameterised", "m ≥ C/√η", width),
    _statement("rate", "A2: learning rate as small as the theory asks for",
               "log₁₀(1/η) ≥ 96 max{8 log₁₀(7.5055ρ), max‖x‖²/ln 10}", rate,
               f"{PAPER}, Condition 1: η ≤ C^{{−96}} with the footnote's C; ρ = 2√d/√π; no double is as small"),
    _statement("sample", "A3: enough samples", "n ≥ η⁻²", sample),
    _statement("target", "A4: sparse target", "‖θ*‖ ≤ m^{−1/4}", target),
    _statement("inputs", "A5: bounded inputs; cannot fail, C_data being the draw's own maximum", "max‖x_i‖ ≤ C_data",
               inputs),
    _statement("dimension", f"A6: large dimension; {LOST}", "d ≥ 9(ln 2)K⁴/(2c)", dimension),
    _statement("constant", "the constant is below the width", "log₁₀ m ≥ max{8 log₁₀(7.5055ρ), max‖x‖²/ln 10}",
               constant, f"{PAPER}, beside Condition 1: C_data ≤ C ≪ m"),
)
