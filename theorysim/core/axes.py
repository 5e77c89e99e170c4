"""The numbers that define a setting, by name, and how to change them: what grids and scaling studies vary.

Names are the fields of problem and algorithm, the fields of frozen values in fields of the algorithm (the p of a law of
label noise; "label_noise.p" where another field has that name), and numbers that a problem derives and its ``replace``
takes (SNR). So a field that is added to a class is an axis without a word about it here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Axis:
    """One number of a setting.

    Attributes
    ----------
    owner : "problem", "algorithm", or the name of a field of the algorithm whose value has it
    name : str
        Of the field, or of the derived number.
    """

    owner: str
    name: str

    def get(self, problem: Any, algorithm: Any) -> Any:
        """Its value."""
        if self.owner == "problem":
            return getattr(problem, self.name)
        return getattr(algorithm if self.owner == "algorithm" else getattr(algorithm, self.owner), self.name)


def axes(problem: Any, algorithm: Any, derived: Mapping[str, str]) -> dict[str, Axis]:
    """All axes of a setting; either of problem and algorithm may be None. Names of the problem come first."""
    found: dict[str, Axis] = {}
    if problem is not None:
        for name in (*_names(problem), *(name for name in derived if hasattr(problem, name))):
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
    return found


def changed(problem: Any, algorithm: Any, changes: Mapping[str, Any], derived: Mapping[str, str]) -> tuple[Any, Any]:
    """Problem and algorithm with some axes set, all at once; what neither has is left out.

    Raises
    ------
    TypeError, ValueError
        Of the classes themselves, for values they do not allow.
    """
    known = axes(problem, algorithm, derived)
    parts: dict[str, dict[str, Any]] = {}
    for name, value in changes.items():
        if name in known:
            parts.setdefault(known[name].owner, {})[known[name].name] = value
    mine = parts.pop("problem", None)
    if mine:
        problem = problem.replace(**mine) if hasattr(problem, "replace") else replace(problem, **mine)
    own = parts.pop("algorithm", {})
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
            found |= {name: getattr(problem, name) for name in derived if name not in found and hasattr(problem, name)}
    return found


def _shown(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str | None) else repr(value)


def _names(value: Any) -> list[str]:
    return [one.name for one in fields(value) if one.init]
