"""Checks of what users pass in. Every message names the argument, the value and what is allowed."""

from collections.abc import Collection, Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def real(
    name: str,
    value: Any,
    low: float = -np.inf,
    high: float = np.inf,
    *,
    above: bool = False,
    below: bool = False,
) -> float:
    """A finite number in [low, high]; ``above`` and ``below`` exclude the ends."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise TypeError(f"{name}={value!r}: must be a number, not {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:
        number = np.inf
    fits = (number > low if above else number >= low) and (number < high if below else number <= high)
    if not np.isfinite(number) or not fits:
        left, right = ("(" if above else "["), (")" if below else "]")
        raise ValueError(f"{name}={value!r}: must be finite and in {left}{low:g}, {high:g}{right}")
    return number


def integer(name: str, value: Any, low: int = 0, high: int | None = None) -> int:
    """A whole number in [low, high]; 2.0 and 1e6 count as whole."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise TypeError(f"{name}={value!r}: must be an integer, not {type(value).__name__}")
    whole = int(value) if isinstance(value, Integral) else int(float(value)) if float(value).is_integer() else None
    if whole is None or whole < low or (high is not None and whole > high):
        limit = f">= {low}" if high is None else f"in [{low}, {high}]"
        raise ValueError(f"{name}={value!r}: must be an integer {limit}")
    return whole


def flag(name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}={value!r}: must be True or False, not {type(value).__name__}")
    return bool(value)


def choice(name: str, value: Any, allowed: Collection[str]) -> str:
    """One of a few words."""
    if not isinstance(value, str):
        raise TypeError(f"{name}={value!r}: must be a string, not {type(value).__name__}")
    if value not in allowed:
        raise ValueError(f"{name}={value!r}: must be one of {', '.join(map(repr, allowed))}{nearest(value, allowed)}")
    return value


def nearest(word: str, known: Iterable[str]) -> str:
    """What a message ends with when a word begins one that is known, is nearly one or a part of one; else ""."""
    import difflib  # only where something is wrong

    names = list(dict.fromkeys(known))
    parts = names if len(word.strip("-")) > 2 else []
    found = ([one for one in parts if one.startswith(word)] or difflib.get_close_matches(word, names, 1)
             or [one for one in parts if word in one])
    return f"; did you mean {found[0]!r}?" if found else ""


def function(name: str, value: Any) -> None:
    """Something to call."""
    if not callable(value):
        raise TypeError(f"{name}={value!r}: must be a function, not {type(value).__name__}")


def instance(name: str, value: Any, kinds: tuple[type, ...]) -> None:
    """An object of one of the given types."""
    if not isinstance(value, kinds):
        names = " or ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"{name}={value!r}: must be a {names}, not {type(value).__name__}")


def array(name: str, value: ArrayLike, *shape: int | None) -> NDArray[np.float64]:
    """A finite float64 array of the given shape (None: any length), read-only and contiguous."""
    try:
        if np.iscomplexobj(value):
            raise TypeError("these are complex")
        result = np.array(value, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}: must be an array of numbers ({error})") from None
    wanted = tuple("any" if length is None else length for length in shape)
    if result.ndim != len(shape) or any(
        length is not None and length != found for length, found in zip(shape, result.shape, strict=True)
    ):
        raise ValueError(f"{name}: has shape {result.shape}, must have shape {wanted}")
    if not np.isfinite(result).all():
        where = tuple(int(k) for k in np.argwhere(~np.isfinite(result))[0])
        raise ValueError(f"{name}[{', '.join(map(str, where))}]={result[where]}: every entry must be finite")
    result.setflags(write=False)
    return result


def signs(name: str, value: ArrayLike, *shape: int | None) -> NDArray[np.float64]:
    """An array of labels or signs, +1 or -1."""
    result = array(name, value, *shape)
    wrong = np.abs(result) != 1
    if wrong.any():
        where = tuple(int(k) for k in np.argwhere(wrong)[0])
        raise ValueError(f"{name}[{', '.join(map(str, where))}]={result[where]:g}: must be +1 or -1")
    return result


def indices(name: str, value: ArrayLike, high: int, *shape: int | None) -> NDArray[np.int64]:
    """An array of whole numbers 0..high-1."""
    result = array(name, value, *shape)
    wrong = (result != np.floor(result)) | (result < 0) | (result >= high)
    if wrong.any():
        where = tuple(int(k) for k in np.argwhere(wrong)[0])
        raise ValueError(
            f"{name}[{', '.join(map(str, where))}]={result[where]:g}: must be an integer in [0, {high - 1}]"
        )
    whole = result.astype(np.int64)
    whole.setflags(write=False)
    return whole
