"""Hypothesis strategies that every system shares."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy


def seeds() -> SearchStrategy[int]:
    """Seeds, small and as large as 64 bits."""
    return st.integers(0, 100) | st.integers(0, 2**64 - 1)


def scales(low: float, high: float) -> SearchStrategy[float]:
    """Positive numbers from 10^low to 10^high, evenly in the logarithm."""
    return st.floats(low, high).map(lambda exponent: 10.0**exponent)


def as_strategy(value: Any) -> SearchStrategy[Any]:
    """The strategy itself, or one that has a single value."""
    return value if isinstance(value, SearchStrategy) else st.just(value)
