"""Uphill from a setting: its numbers moved until the claim fails, with the assumptions as constraints."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from theorysim.falsify.numbers import Reach, changed, numbers
from theorysim.falsify.region import Region
from theorysim.falsify.setting import Setting, Trial

Array = NDArray[np.float64]
FAR = 4e4  # the objective of what cannot be simulated
LEAST = 1e-290  # below it numbers have no scale
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
    from scipy.optimize import Bounds, differential_evolution

    before = numbers(start, region)
    names = reach.names(before)
    if not names:
        return None
    sizes = {one: max(abs(before[one]), LEAST) for one in names}
    bounds = [(math.log10(max(min(reach.low[one], sizes[one]), LEAST)), math.log10(max(reach.high[one], sizes[one])))
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

    low, high = np.array(bounds).T
    try:
        differential_evolution(
            value, Bounds(low, high), init=_around(list(sizes.values()), bounds, rng), maxiter=10**6, tol=0.0,
            mutation=(0.4, 1.0), recombination=0.8, strategy="currenttobest1bin", polish=False, rng=rng)
    except _Found:
        pass
    return found[0] if found else None


def _numbers(point: Array, names: Sequence[str], before: Mapping[str, float]) -> dict[str, float]:
    """The numbers at a point: whole where they were, with the sign that they had."""
    found: dict[str, float] = {}
    for name, exponent in zip(names, point, strict=True):
        size = 10 ** float(exponent)
        found[name] = max(1, round(size)) if isinstance(before[name], int) else math.copysign(size, before[name])
    return found


def _around(sizes: Sequence[float], bounds: Sequence[tuple[float, float]], rng: np.random.Generator) -> Array:
    """The start, and settings around it with half of the numbers moved."""
    low, high = np.array(bounds).T
    centre = np.log10(sizes)
    count = max(8, 3 * len(sizes))
    moved = rng.random((count, len(sizes))) < 0.5
    cloud = centre + SPREAD * moved * rng.standard_normal((count, len(sizes)))
    cloud[0] = centre
    return np.clip(cloud, low, high)
