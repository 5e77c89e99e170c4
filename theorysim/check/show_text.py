"""The report as a screen: at most 120 columns, groups under headings, colours where a terminal has them."""

import os
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TextIO

from theorysim.check.show import HEAD, Row, grouped

WIDEST, NARROWEST = 120, 40
CHOICES = ("auto", "always", "never")
LINES = 4  # of a formula, at most
STYLES: Mapping[str, str] = {"bad": "31", "good": "32", "unsure": "33", "plain": "36", "bold": "1", "dim": "2"}
GAP, INDENT, FORMULA = "  ", "  ", "      "
LEAST_NAME = 24  # columns of a statement's name; where there are fewer it has a line of its own
_HEAD = (*HEAD[:-1], "fails at")
_NUMERIC = "0123456789.e+-−"


def cells_wide(text: str) -> int:
    """Columns that a text takes in a terminal: none for combining signs, two for wide ones."""
    return sum(_cell(one) for one in text)


def _cell(sign: str) -> int:
    if unicodedata.combining(sign) or unicodedata.category(sign) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def width_of(stream: TextIO) -> int:
    """Columns to use: the terminal's, where it is one, and 120 at most."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else WIDEST
    except (OSError, ValueError):  # no file, or one that is closed
        return WIDEST
    return max(NARROWEST, min(columns or WIDEST, WIDEST))


def has_colour(stream: TextIO, choice: str = "auto") -> bool:
    """Whether to colour what is written there: "always", "never", or as the terminal and its environment say."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") != "0":
        return bool(os.environ["FORCE_COLOR"])
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def screen(title: str, why: str, summary: str, rows: Sequence[Row], paper: str, width: int, colour: bool) -> str:
    """Title, summary, and every statement with its numbers and its formula below."""
    paint = _painted if colour else _plain
    lines = [*wrap(title, width), *(wrap(f"Chosen for this: {why}.", width) if why else [])]
    lines += [paint("bold", one) for one in wrap(f"{summary[:1].upper()}{summary[1:]}.", width)]
    if rows:
        columns = _Columns(rows, f"{paper}.", width)
        lines += ["", *(paint("dim", one) for one in columns.lines(_HEAD))]
    for group, members in grouped(rows):
        lines += ["", *(paint(f"bold {group.tone}", one) for one in wrap(f"{group.heading}: {len(members)}", width))]
        for row in members:
            lines += columns.lines(row.cells, partial(paint, group.tone))
            lines += [paint("dim", f"{FORMULA}{one}") for one in wrap(row.cells[1], width - len(FORMULA), LINES)]
    return "\n".join(line.rstrip() for line in lines)


def _plain(_styles: str, text: str) -> str:
    return text


def _painted(styles: str, text: str) -> str:
    return f"\x1b[{';'.join(STYLES[one] for one in styles.split())}m{text}\x1b[0m" if text else ""


class _Columns:
    """Where the cells of every row go: on one line where they fit, else the name on a line of its own."""

    def __init__(self, rows: Sequence[Row], prefix: str, width: int) -> None:
        self.prefix, self.width = prefix, width
        shown = [self.values(one.cells) for one in rows]
        table = [self.values(_HEAD), *shown]
        self.sizes = [max(map(cells_wide, column)) for column in zip(*table, strict=True)]
        used = [k for k, column in enumerate(zip(*shown, strict=True)) if k and (k < 8 or set(column) != {"–"})]
        left = width - len(INDENT) - sum(len(GAP) + self.sizes[k] for k in used)
        self.left = min(left, self.sizes[0]) if left >= min(self.sizes[0], LEAST_NAME) else 0
        self.used = used if self.left else used[1:]  # without room the verdict is beside the name

    def values(self, cells: Sequence[str]) -> tuple[str, ...]:
        """Cells without formula; the paper's name and "regime" are in the headings."""
        return (cells[0].removeprefix(self.prefix), cells[2].removesuffix(" regime"), *cells[3:])

    def lines(self, cells: Sequence[str], paint: Callable[[str], str] = str) -> list[str]:
        """The lines of a row, the verdict painted."""
        values = self.values(cells)
        fields = [_pad(values[k], self.sizes[k], right=k > 1) for k in self.used]
        verdict = paint(values[1])
        if not self.left:
            name = wrap(f"{values[0]}: {values[1]}", self.width - len(INDENT))
            name[-1] = f"{name[-1].removesuffix(values[1])}{verdict}" if name[-1].endswith(values[1]) else name[-1]
            return [*(INDENT + one for one in name), *self.folded(fields)]
        fields[0] = verdict + fields[0].removeprefix(values[1])
        if cells_wide(values[0]) <= self.left:
            return [INDENT + GAP.join([_pad(values[0], self.left), *fields])]
        name = [INDENT + one for one in wrap(values[0], self.width - len(INDENT))]
        return [*name, INDENT + GAP.join([" " * self.left, *fields])]

    def folded(self, fields: Sequence[str]) -> list[str]:
        """Numbers on as many lines as they need, at the same places for every row."""
        lines, room = [""], 0
        for k, field in zip(self.used, fields, strict=True):
            room -= self.sizes[k] + len(GAP)
            if room < 0:
                lines.append(INDENT)
                room = self.width - len(INDENT) - len(GAP) - self.sizes[k]
            lines[-1] += GAP + field
        return lines[1:]


def _pad(text: str, width: int, *, right: bool = False) -> str:
    space = " " * (width - cells_wide(text))
    return space + text if right else text + space


def wrap(text: str, width: int, most: int | None = None) -> list[str]:
    """Lines of at most so many columns, broken at spaces; what has none is broken too, but not within a number."""
    lines = [""]
    for word in text.split():
        while cells_wide(word) > width:
            head, word = _broken(word, width)
            lines += [head, ""]
        together = f"{lines[-1]} {word}".strip()
        if cells_wide(together) <= width:
            lines[-1] = together
        else:
            lines.append(word)
    lines = [one for one in lines if one]
    if most is None or len(lines) <= most:
        return lines
    last, _ = _broken(lines[most - 1] + " " * width, width - 2)
    return [*lines[: most - 1], f"{last.rstrip()} …"]


def _broken(word: str, width: int) -> tuple[str, str]:
    """The longest start of a word that fits, and the rest; digits and combining signs stay together."""
    end = 0
    while end < len(word) and cells_wide(word[: end + 1]) <= width:
        end += 1
    fitting = end
    while end > 1 and _joined(word[end - 1], word[end : end + 1]):
        end -= 1
    end = end if end > 1 else fitting
    return word[:end], word[end:]


def _joined(before: str, after: str) -> bool:
    """Whether two signs belong together: parts of a number, or a letter and what stands over it."""
    return bool(after) and (not _cell(after) or (before in _NUMERIC and after in _NUMERIC))
