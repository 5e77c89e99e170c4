"""The numbers of a setting by name, whatever the system: which may be moved, and how a setting looks with others."""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from theorysim.core.system import OVERHEAD
from theorysim.falsify.region import Region
from theorysim.falsify.setting import Setting
from theorysim.systems import system_of

STEPS = "steps"
WIDER, LARGER = 10.0, 100.0  # how far beyond what random settings have real numbers and sizes may be moved
MOST_COST = 40 * OVERHEAD  # of a run that is tried beside the random ones


def owners(region: Region) -> tuple[str, ...]:
    """Whose numbers may be moved."""
    return (*(("problem",) if region.problems else ()), *(("algorithm",) if region.algorithms else ()))


def numbers(setting: Setting, region: Region) -> dict[str, float]:
    """The numbers that may be moved, by name; what is 0 has no scale and stays."""
    system = system_of(setting.problem, setting.algorithm)
    found: dict[str, float] = {STEPS: setting.steps} if region.steps and setting.steps else {}
    for name, axis in system.axes(setting.problem, setting.algorithm).items():
        mine = "problem" if axis.owner == "problem" else "algorithm"
        if axis.joint is not None or name in system.derived or mine not in owners(region):
            continue
        value = axis.get(setting.problem, setting.algorithm)
        if isinstance(value, int | float) and not isinstance(value, bool) and value and math.isfinite(value):
            found[name] = value
    return found


def changed(setting: Setting, changes: Mapping[str, Any]) -> Setting:
    """A setting with some numbers changed.

    Raises
    ------
    TypeError, ValueError
        Of the classes themselves, for values they do not allow; for one that costs too much.
    """
    changes = dict(changes)
    steps = int(changes.pop(STEPS, setting.steps))
    system = system_of(setting.problem, setting.algorithm)
    problem, algorithm = system.changed(setting.problem, setting.algorithm, changes)
    made = setting.replace(problem=problem, algorithm=algorithm, steps=steps)
    if made.cost > MOST_COST:
        raise ValueError(f"steps={steps}: of {problem!r} cost more than a search may spend on one run")
    return made


@dataclass(frozen=True)
class Reach:
    """How far each number may be moved: around what random settings have, and not at all where they agree."""

    low: Mapping[str, float]
    high: Mapping[str, float]

    @classmethod
    def of(cls, seen: Iterable[Mapping[str, float]]) -> "Reach":
        """From the numbers of random settings."""
        values: dict[str, list[float]] = {}
        for one in seen:
            for name, value in one.items():
                values.setdefault(name, []).append(value)
        low, high = {}, {}
        for name, found in values.items():
            sizes = sorted(map(abs, found))
            if sizes[0] < sizes[-1]:
                whole = all(isinstance(value, int) for value in found)
                low[name] = max(1.0, sizes[0] / LARGER) if whole else sizes[0] / WIDER
                high[name] = sizes[-1] * (1.0 if name == STEPS else LARGER if whole else WIDER)
        return cls(low, high)

    def names(self, numbers: Mapping[str, float]) -> Sequence[str]:
        """Those of some numbers that may be moved, in alphabetical order."""
        return sorted(set(numbers) & set(self.low))


def plainer(setting: Setting, region: Region) -> list[Setting]:
    """The setting with a usual draw, and with one field of problem, algorithm or recipe at its default.

    A recipe without fields is the caller's, and stays.
    """
    found = [setting.replace(recipe=None)] if dataclasses.is_dataclass(setting.recipe) else []
    for owner in (*owners(region), "recipe"):
        value = getattr(setting, owner)
        for one in dataclasses.fields(value) if dataclasses.is_dataclass(value) else ():
            if one.init and one.default is not dataclasses.MISSING and getattr(value, one.name) != one.default:
                try:
                    plain = dataclasses.replace(value, **{one.name: one.default})
                except (TypeError, ValueError):
                    continue
                found.append(setting.replace(**{owner: plain}))
    return found
