"""The report as a screen: at most 120 columns, groups under headings, colours where a terminal has them."""

import os
import unicodedata
from collections.abc import Callable, Mapping, Sequence
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
    lines += [paint(one, "bold") for one in wrap(f"{summary[:1].upper()}{summary[1:]}.", width)]
    if rows:
        columns = _Columns(rows, f"{paper}.", width)
        lines += ["", *(paint(one, "dim") for one in columns.lines(_HEAD))]
    for group, members in grouped(rows):
        lines += ["", *(paint(one, "bold", group.tone) for one in wrap(f"{group.heading}: {len(members)}", width))]
        for row in members:
            lines += columns.lines(row.cells, lambda text, tone=group.tone: paint(text, tone))
            lines += [paint(f"{FORMULA}{one}", "dim") for one in wrap(row.cells[1], width - len(FORMULA), LINES)]
    return "\n".join(line.rstrip() for line in lines)


def _plain(text: str, *_styles: str) -> str:
    return text


def _painted(text: str, *styles: str) -> str:
    return f"\x1b[{';'.join(STYLES[one] for one in styles)}m{text}\x1b[0m" if text else ""


class _Columns:
    """Where the cells of every row go: on one line where they fit, else the name on a line of its own."""

    def __init__(self, rows: Sequence[Row], prefix: str, width: int) -> None:
        self.prefix, self.width = prefix, width
        shown = [(self.name(one.cells[0]), *one.cells[2:]) for one in rows]
        table = [(_HEAD[0], *_HEAD[2:]), *shown]
        self.sizes = [max(map(cells_wide, column)) for column in zip(*table, strict=True)]
        self.used = [k for k, column in enumerate(zip(*shown, strict=True)) if k and (k < 8 or set(column) != {"–"})]
        left = width - len(INDENT) - sum(len(GAP) + self.sizes[k] for k in self.used)
        self.left = min(left, self.sizes[0]) if left >= min(self.sizes[0], LEAST_NAME) else 0

    def name(self, statement: str) -> str:
        """Without the name of the paper."""
        return statement.removeprefix(self.prefix)

    def lines(self, cells: Sequence[str], paint: Callable[[str], str] = str) -> list[str]:
        """The lines of a row, the verdict painted."""
        values = (self.name(cells[0]), *cells[2:])
        fields = [_pad(values[k], self.sizes[k], right=k > 1) for k in self.used]
        fields[0] = paint(fields[0].rstrip()) + " " * (len(fields[0]) - len(fields[0].rstrip()))
        if cells_wide(values[0]) <= self.left:
            return [INDENT + GAP.join([_pad(values[0], self.left), *fields])]
        name = [INDENT + one for one in wrap(values[0], self.width - len(INDENT))]
        if self.left:
            return [*name, INDENT + GAP.join([" " * self.left, *fields])]
        return [*name, *self.folded(fields)]

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
