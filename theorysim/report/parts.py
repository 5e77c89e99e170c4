"""What a page is made of: sections, and in them texts, tables, pictures and code. Texts are escaped by the template."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from markupsafe import Markup

from theorysim.core.html import show

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 1000  # of a table; a page says how many it leaves out


@dataclass(frozen=True)
class Cell:
    """What a table shows in one place; ``tone`` is "good", "bad", "unsure" or "plain" where it is a verdict."""

    text: str | Markup
    tone: str = ""


@dataclass(frozen=True)
class Text:
    """A paragraph; Markup where it is a part of a page that is known to be one."""

    text: str | Markup
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Table:
    """Rows under a head, to be sorted by each of its columns."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numeric: tuple[bool, ...]
    left_out: int = 0
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Grouped:
    """A table that a value makes of itself."""

    markup: Markup
    kind: ClassVar[str] = "grouped"


@dataclass(frozen=True)
class Picture:
    """An SVG, and what it shows in words."""

    svg: Markup
    caption: str
    kind: ClassVar[str] = "picture"


@dataclass(frozen=True)
class Code:
    """Lines to run; "python" or "sh"."""

    lines: str
    language: str = "python"
    kind: ClassVar[str] = "code"


@dataclass(frozen=True)
class Folded:
    """Parts that are shown when asked for, and on paper."""

    title: str
    parts: "tuple[Part, ...]"
    kind: ClassVar[str] = "folded"


Part = Text | Table | Grouped | Picture | Code | Folded


@dataclass(frozen=True)
class Section:
    """A value on the page.

    Attributes
    ----------
    title : str
    parts : tuple of Part
    seeds : str
        Which ones are behind it, as far as the value knows.
    """

    title: str
    parts: tuple[Part, ...]
    seeds: str = ""


def clean(text: Any) -> str:
    """Text without signs that no page may hold: control characters, halves of characters."""
    return "".join(one if one in "\n\t" or unicodedata.category(one) not in ("Cc", "Cs") else "\ufffd"
                   for one in str(text))


def facts(caption: str, rows: dict[str, Any], meanings: dict[str, str] | None = None) -> Table:
    """Names and values, and what the names mean where that is known."""
    head = ("name", "value") + (("meaning",) if meanings else ())
    shown = {name: value(one) if isinstance(one, float) else show(one) for name, one in rows.items()}
    cells = tuple((Cell(name), Cell(one), *([Cell(meanings.get(name, ""))] if meanings else []))
                  for name, one in shown.items())
    return Table(caption, head, cells, (False,) * len(head))


def table_of(frame: "pd.DataFrame", caption: str, tones: dict[str, Any] | None = None) -> Table:
    """A DataFrame; ``tones`` gives, by column, a function from what is in a cell to its tone."""
    given = tones or {}
    names = list(frame.columns)
    tone = [given.get(name, lambda _value: "") for name in names]
    rows = tuple(tuple(Cell(value(one), of(one)) for one, of in zip(row, tone, strict=True))
                 for row in frame.head(MOST_ROWS).itertuples(index=False, name=None))
    numeric = tuple(frame.dtypes.iloc[k].kind in "iuf" for k in range(len(names)))
    return Table(caption, tuple(map(str, names)), rows, numeric, max(0, len(frame) - MOST_ROWS))


def value(given: Any) -> str:
    """What a cell says: four digits of a number, a dash for none."""
    if given is None or given != given:
        return "–"
    return show(float(given)) if isinstance(given, float) else str(given)


def numbers(given: Sequence[int]) -> str:
    """Whole numbers in short: 0–4, 7."""
    ends: list[list[int]] = []
    for one in sorted(set(given)):
        if ends and one == ends[-1][1] + 1:
            ends[-1][1] = one
        else:
            ends.append([one, one])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in ends)
