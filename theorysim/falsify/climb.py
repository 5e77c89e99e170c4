"""Uphill from a setting: its numbers moved until the claim fails, with the assumptions as constraints."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.falsify.numbers import Reach, changed, numbers
from theorysim.falsify.region import Region
from theorysim.falsify.setting import Setting, Trial

Array = NDArray[np.float64]
FAR = 4e4  # the objective of what cannot be simulated
LEAST = 1e-290  # below it numbers have no scale
SPREAD = 0.5  # decades that each number is moved by at first
CLOSE = 1e-6  # of a simplex that has come to its end


class _Found(Exception):
    """Ends the optimiser."""


def climb(
    start: Setting, region: Region, reach: Reach, rng: np.random.Generator, most: int, simplex: bool,
    look: Callable[[Setting], Trial | None], objective: Callable[[Trial | None], float],
    fails: Callable[[Trial | None], bool],
) -> Trial | None:
    """A counterexample uphill of a setting, under its seed; None if there is none in so many runs.

    Differential evolution over the logarithms of the setting's numbers, whole ones rounded, from settings around the
    start; or Nelder and Mead's ``simplex``, which sees less around it. Where the assumptions do not hold the objective
    is how far they do not, above that of every setting where they do; so the search first comes inside, then climbs.
    """
    from scipy.optimize import Bounds, differential_evolution, minimize

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
    centre = np.clip(np.log10(list(sizes.values())), low, high)
    limits = Bounds(low, high)
    try:
        if simplex:
            options: Any = {"initial_simplex": np.clip(_simplex(centre, rng), low, high), "adaptive": True,
                            "maxfev": most, "xatol": CLOSE, "fatol": CLOSE}
            minimize(value, centre, method="Nelder-Mead", bounds=limits, options=options)
        else:
            differential_evolution(
                value, limits, init=np.clip(_around(centre, rng), low, high), maxiter=10**6, tol=0.0, rng=rng,
                mutation=(0.4, 1.0), recombination=0.8, strategy="currenttobest1bin", polish=False)
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


def _simplex(centre: Array, rng: np.random.Generator) -> Array:
    """The start, and each number moved to either side."""
    sides = np.where(rng.random(len(centre)) < 0.5, -SPREAD, SPREAD)
    return np.vstack([centre, centre + np.diag(sides)])


def _around(centre: Array, rng: np.random.Generator) -> Array:
    """The start, and settings around it with half of the numbers moved."""
    count = max(8, 3 * len(centre))
    moved = rng.random((count, len(centre))) < 0.5
    cloud = centre + SPREAD * moved * rng.standard_normal((count, len(centre)))
    cloud[0] = centre
    return cloud
