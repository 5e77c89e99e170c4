"""Uphill from a setting: its numbers moved until the claim fails, with the assumptions as constraints."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.falsify.numbers import Reach, changed, numbers
from theorysim.falsify.region import Region
from theorysim.falsify.setting import Setting, Trial

Array = NDArray[np.float64]
FAR = 4e4  # the objective of what cannot be simulated
SPREAD = 0.5  # decades around the start from which a climb sets out


class _Found(Exception):
    """Ends the optimiser."""


def climb(
    start: Setting, region: Region, reach: Reach, rng: np.random.Generator, most: int,
    look: Callable[[Setting], Trial | None], objective: Callable[[Trial | None], float],
    fails: Callable[[Trial | None], bool],
) -> Trial | None:
    """A counterexample uphill of a setting, under its seed; None if there is none in so many runs.

    Differential evolution over the logarithms of the setting's numbers, whole ones rounded, from settings around the
    start. Where the assumptions do not hold the objective is how far they do not, above that of every setting where
    they do; so the search first comes inside, and then climbs.
    """
    from scipy.optimize import differential_evolution

    before = numbers(start, region)
    names = reach.names(before)
    if not names:
        return None
    bounds = [(math.log10(min(reach.low[one], abs(before[one]))), math.log10(max(reach.high[one], abs(before[one]))))
              for one in names]
    found: list[Trial] = []
    left = most

    def value(point: Array) -> float:
        nonlocal left
        if left <= 0:
            raise _Found
        left -= 1
        try:
            setting = changed(start, _numbers(point, names, before))
        except (TypeError, ValueError, OverflowError):
            return FAR
        trial = look(setting)
        if fails(trial) and trial is not None:
            found.append(trial)
            raise _Found
        return objective(trial)

    try:
        differential_evolution(
            value, bounds, init=_around(before, names, bounds, rng), maxiter=10**6, tol=0.0, mutation=(0.4, 1.0),
            recombination=0.8, strategy="currenttobest1bin", polish=False, rng=rng)
    except _Found:
        pass
    return found[0] if found else None


def _numbers(point: Array, names: Sequence[str], before: Any) -> dict[str, float]:
    return {name: math.copysign(round(10**x) if isinstance(before[name], int) else 10**x, before[name])
            if not isinstance(before[name], int) else max(1, round(10**x)) for name, x in zip(names, point, strict=True)}


def _around(before: Any, names: Sequence[str], bounds: Sequence[tuple[float, float]], rng: np.random.Generator) -> Array:
    """The start, and settings around it, most with few numbers moved."""
    low, high = np.array(bounds).T
    centre = np.log10(np.abs([before[one] for one in names], dtype=np.float64))
    size = max(8, 3 * len(names))
    moved = rng.random((size, len(names))) < 0.5
    cloud = centre + SPREAD * moved * rng.standard_normal((size, len(names)))
    cloud[0] = centre
    return np.clip(cloud, low, high)
