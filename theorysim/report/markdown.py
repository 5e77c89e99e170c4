"""The Markdown that studies are written in, as parts of a page: paragraphs, headings, lists, tables, bold and code."""

import re
from collections.abc import Iterator

from markupsafe import Markup, escape

from theorysim.report.parts import Cell, Part, Table, Text, clean

INLINE = re.compile(r"`([^`]+)`|\*\*(.+?)\*\*")
ROW = re.compile(r"^\s*\|.*\|\s*$")
RULE = re.compile(r"^[\s|:-]+$")


def parts_of(text: str) -> Iterator[Part]:
    """Its blocks, one after the other; whatever else is in it is shown as it is."""
    for block in re.split(r"\n\s*\n", clean(text).strip()):
        lines = block.split("\n")
        if len(lines) > 1 and all(map(ROW.match, lines)) and RULE.match(lines[1]):
            yield _table(lines)
        elif found := re.fullmatch(r"(#+) (.*)", block):
            level = min(len(found[1]) + 1, 6)
            yield Text(Markup(f"<h{level}>{{}}</h{level}>").format(inline(found[2])))
        elif all(line.startswith(("- ", "* ", "  ")) for line in lines):
            yield Text(_list(block))
        elif block:
            yield Text(Markup("<p>{}</p>").format(inline(block)))


def inline(text: str) -> Markup:
    """Bold and code of a line; all else is escaped."""
    found, end = Markup(), 0
    for one in INLINE.finditer(text):
        code, bold = one.groups()
        found += escape(text[end : one.start()])
        found += Markup("<code>{}</code>").format(code) if code else Markup("<strong>{}</strong>").format(inline(bold))
        end = one.end()
    return found + escape(text[end:])


def _list(block: str) -> Markup:
    items = re.split(r"^[-*] ", block, flags=re.MULTILINE)[1:]
    return Markup("<ul>{}</ul>").format(Markup().join(
        Markup("<li>{}</li>").format(inline(" ".join(one.split()))) for one in items))


def _table(lines: list[str]) -> Table:
    head, _, *rows = ([one.strip() for one in re.split(r"(?<!\\)\|", line.strip()[1:-1])] for line in lines)
    cells = tuple(tuple(Cell(inline(one)) for one in row) for row in rows)
    return Table("", tuple(head), cells, (False,) * len(head))
