"""The regime of Huang et al. 2025, as a Hypothesis strategy; imported only where Hypothesis is wanted."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from theorysim.papers.huang2025.assumption import assumption_3_1
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.problem import SignalNoise
from theorysim.core.strategies import scales
from theorysim.patch.strategies import FIELDS, PLAIN, largest_small_lr


@st.composite
def inside(draw: st.DrawFn, given: Mapping[str, SearchStrategy[Any]]) -> SignalNoise:
    """Problems of which all that Assumption 3.1 (constants 1) asks of a problem holds, with some fields given."""
    def chosen(name: str, default: SearchStrategy[Any]) -> Any:
        return draw(given.get(name, default))

    n, m = chosen("n", FIELDS["n"]), chosen("m", FIELDS["m"])
    noise_std = chosen("noise_std", scales(-1, 1))
    d = chosen("d", scales(0, 4).map(lambda factor: max(20, round(1.01 * factor * n**4))))
    largest_signal = noise_std * min(d**0.125 / n, np.sqrt(d / n))
    signal_norm = chosen("signal_norm", scales(-2, -0.01).map(lambda share: float(share * largest_signal)))
    low, high = n / (noise_std * d**0.75), 1 / (noise_std * np.sqrt(d))
    if signal_norm > 0:
        high = min(high, 1 / (signal_norm * d**0.625))
    init_std = chosen("init_std", st.floats(0, 1).map(lambda share: float(low * (high / low) ** share)))
    problem = SignalNoise(
        n, d, m, signal_norm, noise_std, init_std,
        q=chosen("q", st.just(2)),
        label_flip=chosen("label_flip", st.just(0.0)),
        orthogonal_noise=chosen("orthogonal_noise", st.just(True)),
        **{name: chosen(name, st.just(value)) for name, value in PLAIN.items()},
    )
    model = problem.q == 2 and problem.flip_rates == (0, 0) and problem.orthogonal_noise
    plain = problem.init_law == "normal" and not problem.bias
    algorithm = GradientDescent(largest_small_lr(problem))
    assume(model and plain and all(one.holds for one in assumption_3_1(problem, algorithm)))
    return problem
