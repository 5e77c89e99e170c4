"""What the paper hides. Numbers that a theorem leaves open belong here, with a default, and are never written in it."""

from dataclasses import dataclass

from theorysim.core import validate
from theorysim.theory.statement import Constants


@dataclass(frozen=True)
class ExampleConstants(Constants):
    """delta, C and band, which every paper has, and theta: the signal learning that counts as learned."""

    theta: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        validate.real("theta", self.theta, 0, above=True)  # a bad value is refused by name
