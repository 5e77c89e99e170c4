"""The numbers that define a setting, by name, and how to change them: what grids and scaling studies vary.

Names are the fields of problem and algorithm, the fields of frozen values in fields of the algorithm (the p of a law of
label noise; "label_noise.p" where another field has that name), what a problem's mapping ``parameters`` names within
its fields with a full stop and its ``replace`` takes ("signal.norm"), numbers that a problem derives and its
``replace`` takes (SNR), and numbers that problem and algorithm have together (κ). So a field that is added to a class
is an axis without a word about it here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any


JOINT = "both"  # who owns a joint number


@dataclass(frozen=True)
class Joint:
    """A number that problem and algorithm have together, set through a field of the algorithm.

    Attributes
    ----------
    problem : type
        Of the problems that have it.
    field : str
        Of the algorithm, which it takes the place of.
    get : function
        Of problem and algorithm: its value.
    put : function
        Of problem and value: what the field must be.
    """

    problem: type
    field: str
    get: Callable[[Any, Any], float]
    put: Callable[[Any, Any], Any]

    def belongs(self, problem: Any, algorithm: Any) -> bool:
        """Whether a setting has it."""
        return isinstance(problem, self.problem) and hasattr(algorithm, self.field)


Joints = Mapping[str, Joint]
NO_JOINTS: Joints = {}


@dataclass(frozen=True)
class Axis:
    """One number of a setting.

    Attributes
    ----------
    owner : "problem", "algorithm", "both", or the name of a field of the algorithm whose value has it
    name : str
        Of the field, or of the derived number.
    joint : Joint or None
        What "both" have.
    """

    owner: str
    name: str
    joint: Joint | None = None

    def get(self, problem: Any, algorithm: Any) -> Any:
        """Its value."""
        if self.joint is not None:
            return self.joint.get(problem, algorithm)
        if self.owner == "problem":
            inner = _inner(problem)
            return inner[self.name] if self.name in inner else getattr(problem, self.name)
        return getattr(algorithm if self.owner == "algorithm" else getattr(algorithm, self.owner), self.name)


def axes(
    problem: Any, algorithm: Any, derived: Mapping[str, str], joints: Joints = NO_JOINTS
) -> dict[str, Axis]:
    """All axes of a setting; either of problem and algorithm may be None. Names of the problem come first."""
    found: dict[str, Axis] = {}
    if problem is not None:
        for name in (*_names(problem), *_inner(problem), *(name for name in derived if hasattr(problem, name))):
            found.setdefault(name, Axis("problem", name))
    if algorithm is not None:
        own = _names(algorithm)
        for name in own:
            found.setdefault(name, Axis("algorithm", name))
        for name in own:
            inner = getattr(algorithm, name)
            if is_dataclass(inner):
                for below in _names(inner):
                    found.setdefault(below if below not in found else f"{name}.{below}", Axis(name, below))
    for name, joint in joints.items():
        if joint.belongs(problem, algorithm):
            found.setdefault(name, Axis(JOINT, name, joint))
    return found


def changed(
    problem: Any, algorithm: Any, changes: Mapping[str, Any], derived: Mapping[str, str], joints: Joints = NO_JOINTS
) -> tuple[Any, Any]:
    """Problem and algorithm with some axes set, all at once; what neither has is left out.

    Raises
    ------
    TypeError, ValueError
        Of the classes themselves, for values they do not allow; for a joint number beside the field that it sets.
    """
    known = axes(problem, algorithm, derived, joints)
    parts: dict[str, dict[str, Any]] = {}
    for name, value in changes.items():
        if name in known:
            parts.setdefault(known[name].owner, {})[known[name].name] = value
    mine = parts.pop("problem", None)
    if mine:
        problem = problem.replace(**mine) if hasattr(problem, "replace") else replace(problem, **mine)
    both, own = parts.pop(JOINT, {}), parts.pop("algorithm", {})
    for name, value in both.items():
        field = joints[name].field
        if field in own:
            raise ValueError(f"{name} and {field}: give only one of them, the former sets {field}")
        own[field] = joints[name].put(problem, value)
    own |= {name: replace(getattr(algorithm, name), **inner) for name, inner in parts.items()}
    return problem, replace(algorithm, **own) if own else algorithm


def numbers(problem: Any, algorithm: Any, derived: Mapping[str, str]) -> dict[str, Any]:
    """All that defines a setting, as a table shows it: numbers and words; of other values their type or text."""
    found: dict[str, Any] = {}
    for value in (problem, algorithm):
        if value is None:
            continue
        for name in _names(value):
            part = getattr(value, name)
            if is_dataclass(part) and value is algorithm:
                taken = {*found, *_names(value)}
                found[name] = type(part).__name__.lower()
                found |= {one if one not in taken else f"{name}.{one}": _shown(getattr(part, one))
                          for one in _names(part)}
            else:
                found[name] = _shown(part)
        if value is problem:
            found |= {name: _shown(inner) for name, inner in _inner(problem).items()}
            found |= {name: getattr(problem, name) for name in derived if name not in found and hasattr(problem, name)}
    return found


def _inner(problem: Any) -> Mapping[str, Any]:
    """The numbers within its fields that a problem names with a full stop."""
    named = getattr(problem, "parameters", None)
    return {name: value for name, value in named.items() if "." in name} if isinstance(named, Mapping) else {}


def _shown(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str | None) else repr(value)


def _names(value: Any) -> list[str]:
    return [one.name for one in fields(value) if one.init]
