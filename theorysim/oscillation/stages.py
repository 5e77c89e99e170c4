"""When oscillation has done its work."""

from dataclasses import dataclass

from theorysim.core.run import Times


@dataclass(frozen=True)
class OscillationTimes(Times):
    """When what happened, in steps; NaN for what did not.

    Attributes
    ----------
    shrunk : float
        First step observed with tr A/m ≤ √η, where Lemma 4 of T. Zhang et al. 2026 brings it.
    """

    shrunk: float


TIMES = tuple(OscillationTimes.__dataclass_fields__)
