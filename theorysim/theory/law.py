"""Power laws for times: which exponents a paper claims, and what is divided out before fitting them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from theorysim.theory.statement import Sense


def _one(_evidence: Any) -> float:
    return 1.0


def _nothing(_problem: Any) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class Law:
    """A time T as a product of powers of parameters and a factor that is no power.

    Attributes
    ----------
    formula, source : str
    sense : Sense
        ORDER for Θ, UPPER for a bound.
    exponents : mapping
        Of fields of the problem and the algorithm, and of constants; 0 for those not named.
    measured : function
        Of the paper's evidence: the time in a run, NaN when not reached.
    predicted : function
        Of evidence: the paper's expression with constant 1.
    factor : function
        Of evidence: what the exponents leave over (logarithms, and what is measured in the run), which is divided
        out for the normalised exponents.
    known : function, optional
        Of evidence: the part of the factor that is known before training, whose growth belongs to the theory's exponent
        of the time itself. The whole factor by default.
    until : function
        Of the paper's constants: the condition on observables at which a run may stop; None to make all its steps.
    options : function
        Of the problem: what else a simulation needs to be told.
    limits : mapping
        Where a parameter goes in the regime of the theorem, 1 for up (also where not named) and −1 for down: a bound
        that is loose there is loose where it matters.
    """

    formula: str
    source: str
    sense: Sense
    exponents: Mapping[str, float]
    measured: Callable[[Any], float]
    predicted: Callable[[Any], float]
    factor: Callable[[Any], float] = _one
    known: Callable[[Any], float] | None = None
    until: Callable[[Any], Callable[[Mapping[str, Any]], Any]] | None = None
    options: Callable[[Any], Mapping[str, Any]] = _nothing
    limits: Mapping[str, int] = field(default_factory=dict)

    def prior(self, evidence: Any) -> float:
        """The part of the factor that is known before training."""
        return self.factor(evidence) if self.known is None else self.known(evidence)


LawOf = Law | Callable[[Any], Law]  # or a function of the algorithm, where the law depends on it


def law_for(given: LawOf, algorithm: Any) -> Law:
    """The law that holds for runs of an algorithm."""
    return given if isinstance(given, Law) else given(algorithm)
