"""The keywords of simulate() and resume() by system, for type checkers and editors."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypedDict

from numpy.typing import ArrayLike

from theorysim.attention import AttentionDraw
from theorysim.core.loop import Until
from theorysim.linear import LinearDraw
from theorysim.mean_field import MeanFieldDraw
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.draw import Draw
from theorysim.patch.policy import Policy
from theorysim.patch.problem import Problem
from theorysim.reweighting import ReweightingDraw


class Looking(TypedDict, total=False):
    """Keywords of simulate() and resume() for every system."""

    record_every: int | None
    record_at: Iterable[int] | None
    until: Until | None
    observe_every: int | None
    on_failure: Literal["raise", "return"]
    progress: bool


class Simulating(Looking, total=False):
    """Keywords of simulate() for every system."""

    for_check: str | None


class PatchKeywords(Simulating, total=False):
    """Of the patch network."""

    engine: Literal["coefficients", "weights", "paired", "auto"] | None
    draw: Literal["auto", "vectors", "wishart"] | Draw
    label_noise: ArrayLike | None
    policy: Policy | None
    precision: Literal["double", "single"]
    observe: Literal["all", "outputs"] | Mapping[str, Callable[[Any], float]]
    observables_every: int
    threads: int


class MeanFieldKeywords(Simulating, total=False):
    """Of the mean field of the patch network."""

    draw: MeanFieldDraw | Draw | None
    label_noise: ArrayLike | None
    observe: Mapping[str, Callable[[Any], float]] | None
    observables_every: int


class LinearKeywords(Simulating, total=False):
    """Of linear networks."""

    engine: Literal["width-free", "explicit"] | None
    draw: LinearDraw | None
    neurons: int | None
    observe: Mapping[str, Callable[[Any], float]] | None


class OscillationKeywords(Simulating, total=False):
    """Of the oscillating second layer."""

    draw: LinearDraw | None
    observe: Mapping[str, Callable[[Any], float]] | None


class ReweightingKeywords(Simulating, total=False):
    """Of sample reweighting."""

    engine: Literal["kernel", "network"] | None
    draw: ReweightingDraw | None
    weights: ArrayLike | None
    width: int | None
    parameters: tuple[ArrayLike, ArrayLike] | None
    observe: Mapping[str, Callable[[Any], float]] | None


class AttentionKeywords(Simulating, total=False):
    """Of attention."""

    draw: Literal["auto", "vectors", "wishart"] | AttentionDraw
    observe: Mapping[str, Callable[[Any], float]] | None


class ResumeKeywords(Looking, total=False):
    """Of resume()."""

    algorithm: GradientDescent | None
    problem: Problem | None
    draw: Draw | None
    label_noise: ArrayLike | None
    observe: Literal["all", "outputs"] | Mapping[str, Callable[[Any], float]] | None
