"""Hypothesis strategies of two-layer linear networks."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from theorysim.core.strategies import scales
from theorysim.linear.algorithm import SAM_TERMS, LinearSGD
from theorysim.linear.problem import LinearNetwork


def problems() -> SearchStrategy[LinearNetwork]:
    """Small networks and wide ones, with label noise and without, with no target to learn among them."""
    return st.builds(
        LinearNetwork, n=st.integers(1, 12), d=st.integers(1, 6), width=st.integers(1, 40) | st.just(10**9),
        target_norm=st.just(0.0) | scales(-1, 1), label_noise_std=st.just(0.0) | scales(-1, 1),
    )


def algorithms(problem: LinearNetwork) -> SearchStrategy[LinearSGD]:
    """Learning rates within two decades of the limit of stability, either side of it."""
    return st.builds(
        LinearSGD, lr=scales(-2, 0.5).map(lambda share: share * problem.largest_stable_lr()),
        batch=st.integers(1, 4) | st.just("full"), label_noise=st.booleans(), period=st.none() | st.integers(1, 20),
        sam_radius=st.just(0.0) | scales(-2, 0), sam_terms=st.sampled_from(SAM_TERMS),
    )


def settings() -> SearchStrategy[tuple[LinearNetwork, LinearSGD]]:
    """Problems with algorithms for them."""
    return problems().flatmap(lambda problem: st.tuples(st.just(problem), algorithms(problem)))
