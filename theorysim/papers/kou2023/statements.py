"""Kou et al. 2023 as data: below which strength the signal is too weak to be learned; and its kin of other powers."""

from theorysim.theory.signal_noise import SignalNoiseEvidence
from theorysim.theory.statement import Sense, Statement
from theorysim.theory.windows import number


def low_snr_variable(evidence: SignalNoiseEvidence) -> float:
    """n‖μ‖⁴/(σ_p⁴ d) = n d·SNR⁴ for ReLU, n·SNR^q for q ≥ 2."""
    p = evidence.problem
    return p.n * p.d * p.snr**4 if p.q == 1 else p.n * p.snr**p.q


def low_snr(name: str, formula: str, source: str, low: float, high: float) -> Statement:
    """The line of low SNR for activations with a power in [low, high]."""
    return Statement(
        id=f"low_snr.{name}",
        claim="below this the signal is too weak to be learned without label noise",
        formula=formula,
        source=source,
        sense=Sense.UPPER,
        measured=number(low_snr_variable),
        predicted=number(lambda e: e.constants.C),
        applies=lambda run: low <= run.problem.q <= high,
    )


LOW_SNR = low_snr("relu", "n‖μ‖⁴/(σ_p⁴ d) ≤ C", "Kou et al. 2023 (q = 1)", 1, 1)
STATEMENTS = (LOW_SNR,)
