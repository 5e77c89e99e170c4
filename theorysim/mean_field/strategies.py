"""Hypothesis strategies of the mean field."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from theorysim.mean_field.problem import MeanField
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.strategies import PLAIN, algorithms, problems


def settings() -> SearchStrategy[tuple[MeanField, GradientDescent]]:
    """Mean fields of problems, with algorithms, any that are valid."""
    return st.tuples(problems(**PLAIN).map(MeanField.of), algorithms())
