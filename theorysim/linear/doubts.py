"""What of a setting was surely not meant, in words."""

from theorysim.linear.algorithm import LinearSGD
from theorysim.linear.problem import LinearNetwork


def doubts(problem: LinearNetwork, algorithm: LinearSGD) -> dict[str, str]:
    """By what they are about: each with its value and with why."""
    limit = problem.largest_stable_lr()
    if algorithm.batch != 1 or algorithm.lr <= limit:
        return {}
    return {"lr": f"lr={algorithm.lr:g}: beyond {limit:.3g} = 2d/((d+2)m) a step on a single sample makes the initial "
                  "network grow on average"}
