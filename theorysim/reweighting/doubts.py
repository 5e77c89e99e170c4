"""What of a setting was surely not meant, in words."""

from theorysim.reweighting.algorithm import Reweighting
from theorysim.reweighting.problem import KernelReweighting


def doubts(problem: KernelReweighting, _algorithm: Reweighting) -> dict[str, str]:
    """By what they are about: each with its value and with why."""
    found = {}
    if problem.label_flip > 0.5:
        found["label_flip"] = (f"label_flip={problem.label_flip:g}: more than half of the training labels are wrong, "
                               "so that most samples speak for the opposite label")
    if problem.clean_label_flip > 0.5:
        found["clean_label_flip"] = (f"clean_label_flip={problem.clean_label_flip:g}: more than half of the clean "
                                     "labels are wrong, so that weights favour noisy samples")
    return found
