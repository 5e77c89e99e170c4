"""The systems there are, and how they are found: by their name, their values, or a run."""

from typing import Any

from theorysim.attention.system import ATTENTION
from theorysim.core import validate
from theorysim.core.run import Run
from theorysim.core.system import System
from theorysim.linear.system import LINEAR
from theorysim.mean_field.system import MEAN_FIELD
from theorysim.oscillation.system import OSCILLATION
from theorysim.patch.system import PATCH
from theorysim.reweighting.system import REWEIGHTING

SYSTEMS: list[System] = [PATCH, MEAN_FIELD, LINEAR, OSCILLATION, REWEIGHTING, ATTENTION]


def register_system(system: System) -> None:
    """Add a system of one's own: every verb knows it from then on. One of the same name is replaced.

    Raises
    ------
    TypeError, ValueError
        For what is not a :class:`System`, or has the name or a type of one that comes with the package.
    """
    validate.instance("system", system, (System,))
    if any(system is other for other in SYSTEMS):
        return
    for other in OWN:
        if system.name == other.name:
            raise ValueError(f"system.name={system.name!r}: is the name of a system of the package")
    SYSTEMS[:] = [other for other in SYSTEMS if other.name != system.name] + [system]


OWN = tuple(SYSTEMS)


def registered(system: System) -> bool:
    """Whether :func:`register_system` made it known, which another process does not know."""
    return all(system is not own for own in OWN)


def system_of(problem: Any, *algorithm: Any) -> System:
    """The system of a problem (with an algorithm, if one is given), or of a run.

    Raises
    ------
    TypeError
        When there is none.
    """
    if isinstance(problem, Run):
        return system_of_run(problem)
    fitting = systems_of(problem)
    if not fitting:
        validate.instance("problem", problem, tuple(dict.fromkeys(kind for one in SYSTEMS for kind in one.problems)))
    for given in algorithm:
        found = [one for one in fitting if isinstance(given, one.algorithms)]
        if not found:
            validate.instance("algorithm", given, tuple(kind for one in fitting for kind in one.algorithms))
        return found[0]
    return fitting[0]


def systems_of(problem: Any) -> list[System]:
    """Those with a type of the problem; of a class and one derived from it the systems of the latter come first."""
    line = type(problem).__mro__

    def distance(system: System) -> int:
        return min((line.index(kind) for kind in system.problems if kind in line), default=len(line))

    return sorted((one for one in SYSTEMS if isinstance(problem, one.problems)), key=distance)


def system_of_run(run: Any) -> System:
    """The system of a run.

    Raises
    ------
    TypeError
        When there is none.
    """
    found = [one for one in SYSTEMS if isinstance(run, one.run)]
    if not found:
        validate.instance("run", run, tuple(one.run for one in SYSTEMS))
    return found[0]


def system_named(name: str) -> System:
    """The system of a name.

    Raises
    ------
    ValueError
        When there is none.
    """
    validate.choice("system", name, tuple(one.name for one in SYSTEMS))
    return next(one for one in SYSTEMS if one.name == name)
