"""The second layer that oscillates by itself."""

from dataclasses import dataclass

from theorysim.core import validate
from theorysim.core.html import Shown
from theorysim.core.plain import is_plain


@dataclass(frozen=True)
class OscillatingLayer(Shown):
    """Training of the first layer under a second layer that oscillates, ±√√η or 0, by itself.

    Parameters
    ----------
    lr : float
        η.
    chains : int
        Simulations of it; 0 for the recursion of expectations, exact and free of the width.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """

    lr: float
    chains: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "lr", validate.real("lr", self.lr, 0, above=True))
        object.__setattr__(self, "chains", validate.integer("chains", self.chains, 0))

    def is_plain(self, *free: str) -> bool:
        """Whether nothing but ``lr`` and ``chains`` (and ``free``) is set."""
        return is_plain(self, OscillatingLayer, "lr", "chains", *free)
