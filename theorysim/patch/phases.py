"""Training in phases: the algorithms a run had before it was resumed with another."""

from dataclasses import dataclass

from theorysim.patch.algorithm import GradientDescent


@dataclass(frozen=True)
class Phase:
    """An algorithm, and the step at which it gave way to the next."""

    algorithm: GradientDescent
    end: int


def check_next(algorithm: GradientDescent, shaken: bool) -> None:
    """Raise ValueError unless weights that noise was added to, or not, can go on with an algorithm."""
    if algorithm.weight_noise and not shaken:
        raise ValueError(f"algorithm={algorithm!r}: noise on the weights has to be there from the first step on; begin "
                         "with a weight_noise as small as you like")
    if algorithm.momentum and algorithm.weight_decay and shaken:
        raise ValueError(f"algorithm={algorithm!r}: of weights that noise was added to, momentum and weight_decay at "
                         "once are closed but not built; set one of them to 0")
