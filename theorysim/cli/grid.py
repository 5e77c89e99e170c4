"""Grids and algorithms as words: `n=50,100`, `snr=0.1:1:10log`, `label noise: lr=0.5 flip=0.1`."""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

RANGE = re.compile(r"(?P<low>[^:]+):(?P<high>[^:]+):(?P<count>\d+)(?P<log>log)?")
WORDS = {"true": True, "false": False}


def axis(text: str) -> tuple[str, str]:
    """Name and values of NAME=VALUES, not yet read.

    Raises
    ------
    ValueError
        For what has no name or no values.
    """
    name, _, values = text.partition("=")
    if not name or not values:
        raise ValueError(f"--grid {text}: must be NAME=VALUE,VALUE,... or NAME=LOW:HIGH:COUNT, with log after COUNT "
                         "for equal ratios")
    return name.replace("-", "_"), values


def values(name: str, text: str, whole: bool) -> list[Any]:
    """The values of an axis; whole numbers where the setting has one there.

    Raises
    ------
    ValueError
        For a range that is none.
    """
    found = RANGE.fullmatch(text)
    if found is None:
        return [_value(one, whole) for one in text.split(",")]
    where = f"--grid {name}={text}"
    try:
        low, high, count = float(found["low"]), float(found["high"]), int(found["count"])
    except ValueError:
        raise ValueError(f"{where}: LOW and HIGH must be numbers") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high and count >= 2):
        raise ValueError(f"{where}: must be LOW:HIGH:COUNT with LOW < HIGH and COUNT at least 2")
    if found["log"] and low <= 0:
        raise ValueError(f"{where}: LOW must be positive for equal ratios")
    spaced: Any = np.geomspace(low, high, count) if found["log"] else np.linspace(low, high, count)
    if whole:
        return [int(one) for one in np.unique(spaced.round())]
    return [float(f"{one:.12g}") for one in spaced]  # 0.3, and not 0.30000000000000004


def _value(text: str, whole: bool) -> Any:
    """A number, a truth value or a word."""
    try:
        number = float(text)
    except ValueError:
        return WORDS.get(text, text)
    return int(number) if whole and number.is_integer() else number


def named(text: str) -> tuple[str, list[str]]:
    """Name and options of NAME: OPTION=VALUE ...; options alone are their own name."""
    name, colon, rest = text.partition(":")
    if not colon or "=" in name:
        name, rest = text, text
    if not name.strip():
        raise ValueError(f"--algorithm {text!r}: must have a name before the colon")
    return name.strip(), [word for one in rest.split() for word in _option(one)]


def _option(text: str) -> Iterable[str]:
    """flip=0.1 as --flip 0.1, gaussian=1,0.5 as --gaussian 1 0.5, nesterov as --nesterov."""
    name, equals, given = text.partition("=")
    yield f"--{name.lstrip('-').replace('_', '-')}"
    if equals:
        yield from given.split(",")


def unique(names: Sequence[str], option: str) -> None:
    """Raise ValueError for a name that is given twice."""
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{option}: {name!r} is given twice")
