"""What an estimate of a test error is."""

from dataclasses import dataclass

import numpy as np

from theorysim.core.html import Shown


@dataclass(frozen=True)
class Estimate(Shown):
    """A probability with its 95% interval, how it was found, and on which test distribution.

    Attributes
    ----------
    value, low, high : float
        0 where the logarithm is below that of the smallest float.
    method : str
        "monte-carlo" (counted), "exact", "rare-event", or "test set" (counted on given samples).
    kind : "fresh", "memory" or "given"
    log10_value, log10_low, log10_high : float
        The same in logarithms, which know no smallest number; −inf for zero.
    evaluations : int
        Noise vectors, directions or samples at which the network was evaluated.
    reliable : bool
        Whether a rare-event estimate trusts itself; ``reason`` says why not.
    """

    value: float
    low: float
    high: float
    method: str
    kind: str = "fresh"
    log10_value: float = float("nan")
    log10_low: float = float("nan")
    log10_high: float = float("nan")
    evaluations: int = 0
    reliable: bool = True
    reason: str = ""

    def __post_init__(self) -> None:
        with np.errstate(divide="ignore"):
            for name in ("value", "low", "high"):
                if np.isnan(getattr(self, f"log10_{name}")):
                    object.__setattr__(self, f"log10_{name}", float(np.log10(getattr(self, name))))

    @classmethod
    def of_logs(
        cls, value: float, low: float, high: float, evaluations: int, reliable: bool, reason: str
    ) -> "Estimate":
        """A rare-event estimate from natural logarithms."""
        p, p_low, p_high = (float(np.exp(max(one, -1e4))) for one in (value, low, high))
        log, log_low, log_high = (float(one / np.log(10)) for one in (value, low, high))
        return cls(p, p_low, p_high, "rare-event", "fresh", log, log_low, log_high, evaluations, reliable, reason)

    def __str__(self) -> str:
        if self.value > 1e-300 or np.isinf(self.log10_value):
            text = f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"
        else:
            text = f"10^{self.log10_value:.6g} [10^{self.log10_low:.6g}, 10^{self.log10_high:.6g}]"
        return text if self.reliable else f"{text} (not reliable: {self.reason})"
