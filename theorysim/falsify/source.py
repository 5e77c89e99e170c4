"""Values as the Python that makes them, with ``import theorysim as ts``."""

import dataclasses
from typing import Any

import numpy as np

from theorysim.theory.claim import WORDS, Conditions, Moment, claim
from theorysim.theory.statement import Statement

HOME = "theorysim"


def source(value: Any) -> str:
    """What makes a value: numbers, words, collections of them, and frozen values of fields that are such.

    Fields at their defaults are left out. Classes of this package have ``ts.`` before their names, others nothing;
    arrays are made by ``array``, which is NumPy's.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        given = [one for one in dataclasses.fields(value) if one.init and not _usual(one, getattr(value, one.name))]
        inside = ", ".join(f"{one.name}={source(getattr(value, one.name))}" for one in given)
        kind = type(value)
        home = "ts." if kind.__module__.partition(".")[0] == HOME else ""
        return f"{home}{kind.__qualname__}({inside})"
    if isinstance(value, np.ndarray):
        return f"array({source(value.tolist())})"
    if isinstance(value, np.generic):
        return source(value.item())
    if isinstance(value, tuple):
        return f"({', '.join(map(source, value))}{',' * (len(value) == 1)})"
    if isinstance(value, list):
        return f"[{', '.join(map(source, value))}]"
    if isinstance(value, float) and not np.isfinite(value):
        return f"float({str(value)!r})"
    return repr(value)


def claim_source(statement: Statement) -> str | None:
    """The call of :func:`theorysim.claim` that makes a statement; None where some part of it is a function."""
    window, conditions = statement.window, statement.conditions
    when = conditions.written if isinstance(conditions, Conditions) else ()
    if not all(isinstance(one, str) for one in when):
        return None
    words = window.words.removeprefix("at ").replace("step ", "") if isinstance(window, Moment) else ""
    at = next((word for word, one in WORDS.items() if one is window), words)
    parts: dict[str, tuple[Any, Any]] = {
        "at": (at, "every step"), "when": (when[0] if len(when) == 1 else when, ()),
        "band": (statement.band, None), "over_draws": (statement.over_draws, False)}
    options: dict[str, Any] = {name: value for name, (value, usual) in parts.items() if value != usual}
    for called in (None, statement.id):
        try:
            if claim(statement.claim, name=called, **options) == statement:
                given = options | ({} if called is None else {"name": called})
                named = (f"{name}={value!r}" for name, value in given.items())
                return f"ts.claim({', '.join([repr(statement.claim), *named])})"
        except (TypeError, ValueError):
            return None
    return None


def _usual(field: Any, value: Any) -> bool:
    if field.default_factory is not dataclasses.MISSING:
        return bool(field.default_factory() == value)
    if isinstance(value, np.ndarray):
        return False
    return field.default is not dataclasses.MISSING and (
        isinstance(field.default, bool) == isinstance(value, bool) and bool(field.default == value))
