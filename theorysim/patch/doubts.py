"""What of a setting was surely not meant, in words: flips that turn the task round, steps beyond what can be stable."""

from typing import Any

import numpy as np

from theorysim.patch.algorithm import Flip, Gaussian, GradientDescent, Uniform
from theorysim.patch.problem import SignalNoise


def doubts(problem: Any, algorithm: Any) -> dict[str, str]:
    """By what they are about: each with its value and with why."""
    found: dict[str, str] = {}
    if isinstance(problem, SignalNoise):
        found |= _of_problem(problem)
    if isinstance(algorithm, GradientDescent):
        found |= _of_algorithm(algorithm)
    if isinstance(problem, SignalNoise) and isinstance(algorithm, GradientDescent):
        found |= _of_steps(problem, algorithm)
    return found


def _of_problem(problem: SignalNoise) -> dict[str, str]:
    found = {}
    if max(problem.flip_rates) > 0.5:
        found["label_flip"] = (f"label_flip={problem.label_flip}: more than half of the training labels of a class "
                               "are wrong, so that what can be learned of it is the opposite label")
    if problem.d < problem.n:
        found["d"] = (f"d={problem.d} < n={problem.n}: the noise vectors are linearly dependent, and what is "
                      "memorised of one sample moves others; the theory has d far above n, and them nearly orthogonal")
    return found


def _of_algorithm(algorithm: GradientDescent) -> dict[str, str]:
    found, mean = {}, mean_multiplier(algorithm.label_noise)
    if mean is not None and mean < 0:
        found["label_noise"] = (f"label_noise={algorithm.label_noise}: its multipliers have the mean {mean:.3g} < 0, "
                                "so that steps lead to the opposite labels on average")
    if isinstance(algorithm.lr, float):
        shrink, limit = algorithm.lr * algorithm.weight_decay, 2 * (1 + algorithm.momentum)
        if shrink > limit and not (algorithm.nesterov or algorithm.dampening):
            found["weight_decay"] = (f"lr*weight_decay={shrink:.3g}: beyond {limit:.3g} = 2(1 + momentum) decay alone "
                                     "makes weights grow, with another sign at every step")
    return found


def mean_multiplier(law: Any) -> float | None:
    """E[ε] of a law of label noise; None for none and for one that changes from step to step."""
    if isinstance(law, Flip):
        return 1 - 2 * law.p if isinstance(law.p, float) else None
    if isinstance(law, Gaussian):
        return law.mean
    return (law.low + law.high) / 2 if isinstance(law, Uniform) else None


def _of_steps(problem: SignalNoise, algorithm: GradientDescent) -> dict[str, str]:
    """Of the papers' network under gradient descent: steps that leave nothing of a stage, or overshoot.

    At small outputs a step multiplies the inner product z of a filter with a sample by 1 + εκ(q/2)z^{q−2}: the logistic
    loss has the slope ½ at 0.
    """
    if not (problem.is_standard and isinstance(algorithm.lr, float) and algorithm.only_descends):
        return {}
    kappa = problem.kappa(algorithm.lr)
    start = problem.init_std * problem.noise_std * np.sqrt(problem.d)
    first = kappa * problem.q / 2 * start ** (problem.q - 1)
    if first > 1:
        return {"lr": f"lr={algorithm.lr:g}: the first step alone carries the memory of a sample from {start:.3g} "
                      f"by {first:.3g}, beyond order 1; there is no first stage, and what follows may diverge"}
    if problem.q == 2 and flips_signs(algorithm.label_noise) and kappa > 2:
        return {"lr": f"lr={algorithm.lr:g} is kappa={kappa:.3g} > 2: where label noise turns a label round, a step "
                      f"multiplies the memory of the sample by 1 - kappa = {1 - kappa:.3g}, which overshoots zero by "
                      "more than there was"}
    return {}


def flips_signs(law: Any) -> bool:
    """Whether a law of label noise turns labels round altogether, ε = −1."""
    return isinstance(law, Flip) and isinstance(law.p, float) and law.p > 0
