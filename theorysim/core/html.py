"""Small HTML tables for notebooks."""

from collections.abc import Mapping
from html import escape
from typing import Any


def table(title: str, rows: Mapping[str, Any]) -> str:
    """A two-column table of names and values under a title."""
    body = "".join(f"<tr><th>{escape(name)}</th><td>{escape(show(value))}</td></tr>" for name, value in rows.items())
    return f"<table><caption>{escape(title)}</caption>{body}</table>"


def show(value: Any) -> str:
    """A number in few digits, anything else as it prints."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
