"""Hypothesis strategies of the oscillating second layer."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from theorysim.core.strategies import scales
from theorysim.linear.problem import LinearNetwork
from theorysim.oscillation.algorithm import OscillatingLayer


def settings() -> SearchStrategy[tuple[LinearNetwork, OscillatingLayer]]:
    """Networks small enough to have every neuron, with learning rates up to 1."""
    problems = st.builds(
        LinearNetwork, n=st.integers(1, 12), d=st.integers(1, 6), width=st.integers(1, 20),
        target_norm=st.just(0.0) | scales(-1, 1),
    )
    return st.tuples(problems, st.builds(OscillatingLayer, lr=scales(-4, 0), chains=st.integers(0, 3)))
