"""How values show themselves: small HTML tables for notebooks, and reprs that stay short."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from html import escape
from typing import Any

import numpy as np

MOST = 200  # characters of one value in a table, or in the repr of another
MOST_INSIDE = 100  # beyond which less is said of it there


def table(title: str, rows: Mapping[str, Any]) -> str:
    """A two-column table of names and values under a title."""
    body = "".join(f"<tr><th>{escape(name)}</th><td>{escape(_cell(value))}</td></tr>" for name, value in rows.items())
    return f"<table><caption>{escape(title)}</caption>{body}</table>"


def show(value: Any) -> str:
    """A number in few digits, an array by its shape, a function by its name, anything else as it prints."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, np.ndarray):
        return f"array of shape {value.shape}"
    if callable(value) and hasattr(value, "__qualname__"):
        return str(value.__qualname__)
    return str(value)


def _cell(value: Any) -> str:
    text = show(value)
    return text if len(text) <= MOST else brief(value) if is_dataclass(value) else cut(text)


def cut(text: str) -> str:
    """A text of bounded length."""
    return text if len(text) <= MOST else f"{text[: MOST - 1]}…"


def brief(value: Any) -> str:
    """A frozen value inside the repr of another: where its own is long, only what is not at its default."""
    text = repr(value)
    if len(text) <= MOST_INSIDE or not is_dataclass(value):
        return cut(text)
    given = ((one, getattr(value, one.name)) for one in fields(value) if one.repr)
    told = [f"{one.name}={show(found) if isinstance(found, np.ndarray) else repr(found)}" for one, found in given
            if one.default is MISSING or repr(found) != repr(one.default)]
    return cut(f"{type(value).__name__}({', '.join(told)})")


class Shown:
    """A frozen dataclass that notebooks show as a table of its fields."""

    def _repr_html_(self) -> str:
        return table(type(self).__name__, self._rows_shown())

    def _rows_shown(self) -> dict[str, Any]:
        value: Any = self
        return {one.name: getattr(value, one.name) for one in fields(value)}
