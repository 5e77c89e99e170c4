"""What a sweep is to run: every cell of the grid with every algorithm and seed, as concrete values."""

import hashlib
import inspect
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from theorysim.core import validate
from theorysim.core.system import System
from theorysim.sweep.random_numbers import COMMON, draw_seed
from theorysim.systems import SYSTEMS, system_of, systems_of

Coordinates = tuple[tuple[str, Any], ...]
ProblemOf = Any  # a problem, or a function from the grid's values to one
AlgorithmOf = Any  # an algorithm, or a function from a problem to one
Procedure = Any  # an algorithm or such a function, or a pair of either and a policy


@dataclass(frozen=True)
class Cell:
    """A point of the grid and an algorithm, with all seeds; not valid when there is a ``reason``."""

    coordinates: Coordinates
    algorithm_name: str
    problem: Any
    algorithm: Any
    policy: Any = None
    reason: str = ""

    @property
    def system(self) -> System:
        """The system of the cell; without a problem any will do."""
        if self.problem is None:
            return SYSTEMS[0]
        return system_of(self.problem) if self.algorithm is None else system_of(self.problem, self.algorithm)

    def setting(self) -> dict[str, Any]:
        """All numbers that define the cell, fields and derived, by name; those that it lacks are missing."""
        numbers = self.system.told(self.problem, self.algorithm)
        if self.algorithm is not None and self.policy is not None:
            numbers["policy"] = repr(self.policy)
        return numbers


@dataclass(frozen=True)
class Task:
    """One run: a cell and a seed."""

    cell: Cell
    seed: int
    steps: int
    precision: str
    random_numbers: str = COMMON

    @property
    def draw_seed(self) -> int:
        """The seed that the run is made with."""
        return draw_seed(dict(self.cell.coordinates), self.seed, self.random_numbers)

    @property
    def key(self) -> str:
        """A fingerprint of everything that determines the numbers of the run, this version's arithmetic included."""
        cell = self.cell
        what = (
            None if cell.problem is None else asdict(cell.problem),
            None if cell.algorithm is None else [repr(cell.algorithm), repr(cell.policy)],
            cell.reason, self.draw_seed, self.steps, self.precision, cell.system.numerics,
            *_hidden(cell),
        )
        return hashlib.sha256(json.dumps(what, default=digest).encode()).hexdigest()[:32]

    @property
    def cost(self) -> float:
        """Work in floating-point operations."""
        cell = self.cell
        return 0.0 if cell.reason else cell.system.cost(cell.problem, cell.algorithm, self.steps)


def _hidden(cell: Cell) -> Iterator[str]:
    """What the fields of a problem and the text of an algorithm do not tell apart: classes, arrays."""
    kind = type(cell.problem)
    if cell.problem is not None and any(kind not in one.problems for one in systems_of(cell.problem)):
        yield kind.__qualname__
    yield from _kinds(cell.problem)
    for array in (*_arrays(cell.algorithm), *_arrays(cell.policy)):
        yield f"{array.dtype.str} {array.shape} {digest(array)}"


def _kinds(value: Any) -> Iterator[str]:
    """The classes of all frozen values in tuples that a value has as fields, and in their own."""
    for one in fields(value) if is_dataclass(value) else ():
        found = getattr(value, one.name)
        for part in found if isinstance(found, tuple) else ():
            if is_dataclass(part):
                yield type(part).__qualname__
                yield from _kinds(part)


def _arrays(value: Any) -> Iterator[Any]:
    """All arrays in the fields of a value, and of the values there."""
    if isinstance(value, np.ndarray):
        yield value
    parts = value if isinstance(value, tuple | list) else ()
    if is_dataclass(value):
        parts = [getattr(value, one.name) for one in fields(value)]
    for part in parts:
        yield from _arrays(part)


def digest(array: Any) -> str:
    """What stands for an array in a fingerprint."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def system_for(problem: Any, algorithms: Any, grid: Mapping[str, Sequence[Any]]) -> System:
    """The system that a sweep is of: told by its problem, or, where this is a function, by the first that it makes."""
    given = [_parts(one)[0] for one in algorithms.values()] if isinstance(algorithms, Mapping) else []
    by_problem = systems_of(problem)
    by_algorithm = [one for one in SYSTEMS if any(isinstance(method, one.algorithms) for method in given)]
    if not by_problem and callable(problem) and given and len(by_algorithm) != 1:
        by_problem = systems_of(_first_made(problem, given[0], grid, by_algorithm or SYSTEMS))
    both = [one for one in by_problem if one in by_algorithm]
    return [*both, *by_problem, *by_algorithm, SYSTEMS[0]][0]


def _first_made(
    problem_of: Any, algorithm_of: Any, grid: Mapping[str, Sequence[Any]], systems: Sequence[System]
) -> Any:
    """The first problem that a function makes of a point of the grid; None where it makes none."""
    made = (_cell(system, tuple(zip(grid, point, strict=True)), "", problem_of, algorithm_of, None).problem
            for point in itertools.product(*grid.values()) for system in systems)
    return next((one for one in made if one is not None), None)


def cells(
    system: System, problem: ProblemOf, axes: Mapping[str, Sequence[Any]], algorithms: Mapping[str, Procedure]
) -> list[Cell]:
    """All cells of a grid as :func:`axes_of` returns it, its last axis fastest, algorithms within a point.

    Raises
    ------
    TypeError, ValueError
        For a grid or algorithms that make no sense as a whole, or when no cell is valid. A single cell that is
        not valid becomes a cell with a reason.
    """
    _check_algorithms(system, problem, algorithms)
    for name in system.joints.keys() & axes.keys():
        if (field := system.joints[name].field) in axes:
            raise ValueError(f"grid={list(axes)!r}: give only one of {name} and {field}, the former sets {field}")
    found = []
    for point in itertools.product(*axes.values()):
        coordinates = tuple(zip(axes, point, strict=True))
        for name, procedure in algorithms.items():
            algorithm, policy = _parts(procedure)
            found.append(_cell(system, coordinates, name, problem, algorithm, policy))
    if isinstance(problem, system.problems):
        _check_names(system, problem, axes, algorithms, found)
    if all(cell.reason for cell in found):
        raise ValueError(f"grid: no cell is valid; the first one, {dict(found[0].coordinates)}: {found[0].reason}")
    return found


def _parts(procedure: Procedure) -> tuple[AlgorithmOf, Any]:
    return procedure if isinstance(procedure, tuple) else (procedure, None)


def _cell(
    system: System, coordinates: Coordinates, name: str, problem_of: ProblemOf, algorithm_of: AlgorithmOf, policy: Any
) -> Cell:
    values = dict(coordinates)
    problem = algorithm = None
    try:
        if isinstance(problem_of, system.problems):
            problem, _ = system.changed(problem_of, None, values)
            rest = {key: value for key, value in values.items() if key not in system.axes(problem_of, None)}
        else:
            theirs = _of_algorithm(system, problem_of, algorithm_of)
            rest = {key: value for key, value in values.items() if key in theirs}
            made = problem_of(**{key: value for key, value in values.items() if key not in rest})
            validate.instance("problem", made, system.problems)
            problem = made
        algorithm = algorithm_of if isinstance(algorithm_of, system.algorithms) else algorithm_of(problem)
        validate.instance("algorithm", algorithm, system.algorithms)
        joint = {key: rest.pop(key) for key in system.joints if key in rest}
        _, algorithm = system.changed(None, algorithm, rest)
        _, algorithm = system.changed(problem, algorithm, joint)
    except Exception as error:  # whatever a function of the user's raises is the reason
        return Cell(coordinates, name, problem, None, policy, f"{type(error).__name__}: {error}")
    return Cell(coordinates, name, problem, algorithm, policy)


def _of_algorithm(system: System, problem_of: Any, algorithm_of: Any) -> set[str]:
    """Names of the grid that are the algorithm's, where the problem is a function that does not take them."""
    own = {one.name for kind in system.algorithms for one in fields(kind)} | set(system.joints)
    if isinstance(algorithm_of, system.algorithms):
        own |= set(system.axes(None, algorithm_of))
    taken = inspect.signature(problem_of).parameters.values()
    return own - {one.name for one in taken}


def _check_algorithms(system: System, problem: ProblemOf, algorithms: Mapping[str, Procedure]) -> None:
    kind, method = (" or ".join(one.__name__ for one in types) for types in (system.problems, system.algorithms))
    if not isinstance(problem, system.problems) and not callable(problem):
        raise TypeError(f"problem={problem!r}: must be a {kind}, or a function from the grid's values to one")
    if not isinstance(algorithms, Mapping) or not algorithms:
        raise TypeError(f"algorithms={algorithms!r}: must be a non-empty mapping from names to {method}")
    for name, procedure in algorithms.items():
        parts = procedure if isinstance(procedure, tuple) else (procedure, None)
        fits = len(parts) == 2 and (isinstance(parts[0], system.algorithms) or callable(parts[0]))
        if fits and parts[1] is not None and not system.policies:
            raise ValueError(f"algorithms[{name!r}]={procedure!r}: a {kind} has no policies; must be a {method}")
        if not fits or not (parts[1] is None or isinstance(parts[1], system.policies)):
            raise TypeError(f"algorithms[{name!r}]={procedure!r}: must be a {method}, or a function from a "
                            f"{kind} to one, or a pair of either and a policy")


def _check_names(
    system: System, problem: Any, axes: Mapping[str, Any], algorithms: Mapping[str, Procedure], found: Sequence[Cell]
) -> None:
    """Every name of the grid is an axis of the problem or of some algorithm."""
    made = [one.algorithm for one in found if one.algorithm is not None]
    given = [one for one, _ in map(_parts, algorithms.values()) if isinstance(one, system.algorithms)]
    everyone = [*made, *given]
    mine, theirs = system.axes(problem, None), {name for one in everyone for name in system.axes(None, one)}
    both = {name for one in everyone for name, joint in system.joints.items() if joint.belongs(problem, one)}
    for name in axes:
        if name not in {*mine, *theirs, *both} and everyone:
            raise ValueError(f"grid: {name!r} is not a field; there are {', '.join(sorted(mine))} of the problem and "
                             f"{', '.join(sorted(theirs))} of the algorithms"
                             + (f", and {', '.join(sorted(both))} of both" if both else "")
                             + validate.nearest(name, sorted({*mine, *theirs, *both})))


def axes_of(grid: Mapping[str, Iterable[Any]]) -> dict[str, list[Any]]:
    """The grid's values as plain Python objects, after checks of the whole.

    Raises
    ------
    TypeError, ValueError
        For what is not a mapping from names to different values that a store can keep.
    """
    if not isinstance(grid, Mapping):
        raise TypeError(f"grid={grid!r}: must be a mapping from names to values")
    axes: dict[str, list[Any]] = {}
    for name, values in grid.items():
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise TypeError(f"grid[{name!r}]={values!r}: must be a sequence of values")
        axes[name] = [_plain(value) for value in values]
        if not axes[name]:
            raise ValueError(f"grid[{name!r}]: must have at least one value")
        for value in axes[name]:
            if not _is_plain(value):
                raise TypeError(f"grid[{name!r}]: {value!r} must be a number, a string, a truth value or a tuple")
        if len({repr(value) for value in axes[name]}) < len(axes[name]):
            raise ValueError(f"grid[{name!r}]={axes[name]!r}: has a value twice")
    return axes


def _plain(value: Any) -> Any:
    """A NumPy scalar as the Python number it is; a list as a tuple, which can be a key."""
    if isinstance(value, np.generic):
        return value.item()
    return tuple(_plain(part) for part in value) if isinstance(value, list | tuple) else value


def _is_plain(value: Any) -> bool:
    """Whether a value can be kept in a store and read back."""
    return all(map(_is_plain, value)) if isinstance(value, tuple) else isinstance(value, bool | int | float | str)


def batches(tasks: Sequence[Task], largest: float, most: int) -> list[list[Task]]:
    """Tasks in batches of bounded work and number, the largest runs first; the order of equals is kept."""
    ordered = sorted(tasks, key=lambda task: -task.cost)
    found: list[list[Task]] = []
    work = np.inf
    for task in ordered:
        if work + task.cost > largest or len(found[-1]) == most:
            found.append([])
            work = 0.0
        found[-1].append(task)
        work += task.cost
    return found
