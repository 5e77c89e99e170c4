"""Which random numbers the cells of a sweep use: each its own, or all the same."""

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

INDEPENDENT, COMMON = "independent", "common"
KINDS = (INDEPENDENT, COMMON)
BITS = 53  # such a number is kept by everything that reads tables
TOLD = {INDEPENDENT: "independent between cells", COMMON: "the same in all cells"}


def draw_seed(coordinates: Mapping[str, Any], seed: int, kind: str) -> int:
    """The seed of a run at a point of a grid: with common random numbers the one asked for.

    Else a hash of the point and of that: of the names and values of the axes, in whatever order, and of nothing else,
    so the algorithms of a cell share it, and it stays when the grid grows. 2 and 2.0 are the same value.
    """
    if kind == COMMON:
        return seed
    place = json.dumps([sorted((name, _plain(value)) for name, value in coordinates.items()), int(seed)])
    return int.from_bytes(hashlib.sha256(f"theorysim sweep {place}".encode()).digest()[:8]) >> (64 - BITS)


def _plain(value: Any) -> Any:
    """Values of an axis as text that does not depend on their type."""
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    if isinstance(value, int | float) and not isinstance(value, bool) and float(value) == value:
        return float(value).hex()
    return repr(value)


def kind_of(frame: "pd.DataFrame") -> str | None:
    """Which a table of a sweep has; None where it does not say."""
    if "draw_seed" in frame.columns and len(frame):
        return COMMON if bool((frame["draw_seed"] == frame["seed"]).all()) else INDEPENDENT
    return frame.attrs.get("random_numbers")


def told(frame: "pd.DataFrame") -> str:
    """In words, after "random numbers"."""
    kind = kind_of(frame)
    return "of unknown kind" if kind is None else TOLD[kind]
