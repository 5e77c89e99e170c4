"""Where the second-order law ends: memory that is killed, dies out, or was never there. All derived.

κ = ησ_p²d/(nm). Where no memory is left the signal grows at first order in the step, by λ n_j Eε per step in ln s.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from theorysim.core import validate
from theorysim.theory.second_order.multipliers import Multipliers

Array = NDArray[np.float64]


class Phase(StrEnum):
    """What becomes of the memory of a sample."""

    RESTING = "resting"  # outputs fluctuate about f*
    KILLED = "killed"  # a single multiplier can end it, so it ends
    EXTINCT = "extinct"  # it shrinks on average even at output 0


def kappa_critical(law: Multipliers) -> float:
    """The largest κ at which no multiplier can kill a memory, at whatever output: 1/(2|ε_lowest|); ½ for flips.

    As 1 + 2κc ≥ 1 − 2κ|ε|ς(|ε|f) > 0. A first-order transition: just above, Ψ jumps to that of no memory. 0 for a
    Gaussian, whose kills are rare (:attr:`Stationary.killing`), ∞ without negative values. Derived for q = 2.
    """
    return 1 / (2 * -law.lowest) if law.lowest < 0 else float("inf")


def kappa_at_once(law: Multipliers) -> float:
    """The κ above which the lowest multiplier kills at the resting output: 1/(2|ε|ς(|ε|f*)); 1/(2(1 − p)) for flips.

    Between :func:`kappa_critical` and this a memory dies when fluctuations have carried its output high enough.
    """
    if law.lowest >= 0:
        return float("inf")
    size = -law.lowest
    return 0.0 if np.isinf(size) else float(1 / (2 * size * expit(size * law.resting())))


def growth_rate(kappa: float, law: Multipliers) -> float:
    """E ln|1 + κε|, growth of ln z per step at small outputs; (1 − p) ln(1 + κ) + p ln|1 − κ| for flips. q = 2.

    −∞ where a value of positive probability makes the factor 0. Positive in stage 1; at most 0 where memory dies out on
    average.
    """
    chance, logs = _steps(kappa, law)
    return float(chance @ logs)


def growth_variance(kappa: float, law: Multipliers) -> float:
    """Var ln|1 + κε|, of the same growth of ln z per step; ∞ where :func:`growth_rate` is −∞."""
    chance, logs = _steps(kappa, law)
    mean = float(chance @ logs)
    return float(chance @ (logs - mean) ** 2) if np.isfinite(mean) else float("inf")


def _steps(kappa: float, law: Multipliers) -> tuple[Array, Array]:
    """Probabilities and ln|1 + κε| of the values that the law has; of a density at least its mean about the root."""
    kappa = validate.real("kappa", kappa, 0, above=True)
    chance = np.array(law.probabilities)
    with np.errstate(divide="ignore"):
        logs = np.log(np.abs(1 + kappa * np.array(law.values)))
        logs = np.maximum(logs, np.log(kappa * law.spacing / 2) - 1)
    return chance[chance > 0], logs[chance > 0]


def extinct_flip_rate(kappa: float) -> float:
    """The p above which flips let memory die out: a/(a − b), a = ln(1+κ), b = ln(1−κ); ½ − κ/4 + O(κ³). κ in (0, 1)."""
    kappa = validate.real("kappa", kappa, 0, 1, above=True, below=True)
    grown, shrunk = np.log1p(kappa), np.log1p(-kappa)
    return float(grown / (grown - shrunk))


def phase(kappa: float, law: Multipliers) -> Phase:
    """Which of the three: extinct where E ln|1 + κε| ≤ 0, killed where κ > kappa_critical, else resting.

    Of an unbounded law, whose kappa_critical is 0, "resting" is said where it is so but for rare kills.
    """
    if growth_rate(kappa, law) <= 0:
        return Phase.EXTINCT
    return Phase.KILLED if np.isfinite(law.lowest) and kappa > kappa_critical(law) else Phase.RESTING


def linear_psi(law: Multipliers) -> float:
    """Ψ without memory, E[c] at output 0: Eε/2; ½ − p for flips. Of a dead sample while the signal part S ≪ 1, too."""
    return law.mean / 2


def dead_share(m: int) -> float:
    """2^{−m}: the probability that a sample has no own active filter among m at the start, and cannot be memorised."""
    return 0.5 ** validate.integer("m", m, 1)
