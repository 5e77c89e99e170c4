"""Whether a value is of its kind and nothing more."""

from dataclasses import MISSING, fields
from typing import Any


def is_plain(value: Any, kind: type, *free: str) -> bool:
    """Whether a frozen value is of exactly this kind, and all its fields but the ``free`` ones at their defaults.

    It asks for no field by name, so that one added later counts as soon as it is used; a subclass is another kind.
    """
    of_kind = type(value) is kind
    return of_kind and all(
        getattr(value, one.name) == (one.default if one.default_factory is MISSING else one.default_factory())
        for one in fields(value) if one.name not in free)
