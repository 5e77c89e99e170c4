"""Label-noise gradient descent in the low-SNR regime (Huang et al. 2025, arXiv 2510.17526).

The constants chosen where the paper hides one are arguments. Stage times, measured and predicted, are in
:mod:`theorysim.patch.stages`.
"""

import numpy as np

from theorysim.core import validate
from theorysim.patch.algorithm import Flip, GradientDescent
from theorysim.patch.problem import SignalNoise
from theorysim.theory.conditions import Condition

SOURCE = "Huang et al. 2025, arXiv 2510.17526"


def assumption_3_1(
    problem: SignalNoise, algorithm: GradientDescent, constant: float = 1.0
) -> tuple[Condition, ...]:
    """Assumption 3.1, item by item, with every hidden constant C set to ``constant``.

    The tilde of the paper also hides logarithms; they are shown only where the paper writes
    them (the lower end of p), so a margin near 1 decides nothing.
    """
    n, d, m, sigma, mu = problem.n, problem.d, problem.m, problem.noise_std, problem.signal_norm
    sigma_0, lr, c = problem.init_std, algorithm.lr, validate.real("constant", constant, 0, above=True)
    widest = np.inf if mu == 0 else 1 / (mu * d**0.625)
    source = f"{SOURCE}, Assumption 3.1"
    conditions = [
        Condition("d ≥ C n²", d, ">=", c * n**2, source),
        Condition("d ≥ C n‖μ‖²/σ_p²", d, ">=", c * n * mu**2 / sigma**2, source),
        Condition("SNR ≤ C/√n", problem.snr, "<=", c / np.sqrt(n), source),
        Condition("m ≥ C", m, ">=", c, source),
        Condition("n ≥ C", n, ">=", c, source),
        Condition("η ≤ C/(σ_p² d)", lr, "<=", c / (sigma**2 * d), source),
        Condition("σ_0 ≥ C n/(σ_p d^(3/4))", sigma_0, ">=", c * n / (sigma * d**0.75), source),
        Condition("σ_0 ≤ C min{1/(‖μ‖ d^(5/8)), 1/(σ_p √d)}", sigma_0, "<=",
                  c * min(widest, 1 / (sigma * np.sqrt(d))), source),
    ]
    if isinstance(algorithm.label_noise, Flip):
        p = algorithm.label_noise.p
        conditions += [
            Condition("p ≥ C log d/√(mn)", p, ">=", c * np.log(d) / np.sqrt(m * n), source),
            Condition("p ≤ 1/C", p, "<=", 1 / c, source),
        ]
    return tuple(conditions)
