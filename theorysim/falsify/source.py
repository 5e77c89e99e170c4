"""Values as the Python that makes them, with ``import theorysim as ts``."""

import dataclasses
from typing import Any

import numpy as np

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


def _usual(field: Any, value: Any) -> bool:
    if field.default_factory is not dataclasses.MISSING:
        return bool(field.default_factory() == value)
    if isinstance(value, np.ndarray):
        return False
    return field.default is not dataclasses.MISSING and (
        isinstance(field.default, bool) == isinstance(value, bool) and bool(field.default == value))
