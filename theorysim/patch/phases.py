"""Training in phases: the algorithms a run had before it was resumed with another."""

from dataclasses import dataclass

from theorysim.patch.algorithm import GradientDescent


@dataclass(frozen=True)
class Phase:
    """An algorithm, and the step at which it gave way to the next."""

    algorithm: GradientDescent
    end: int
