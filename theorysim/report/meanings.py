"""What the fields of a problem or an algorithm mean, read off the documentation of its class."""

import inspect
import re

ENTRY = re.compile(r"^(\w+(?:, \w+)*) :.*$")
ROLE = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`")


def meanings(kind: type) -> dict[str, str]:
    """First sentences of the entries under Parameters and Attributes, by name; those of a class before its bases'."""
    found: dict[str, str] = {}
    for one in kind.__mro__:
        for name, text in _entries(inspect.cleandoc(one.__doc__ or "")):
            found.setdefault(name, text)
    return found


def _entries(documentation: str) -> list[tuple[str, str]]:
    entries: list[tuple[str, list[str]]] = []
    for line in documentation.split("\n"):
        if named := ENTRY.match(line):
            entries.append((named[1], []))
        elif entries and line.startswith("    "):
            entries[-1][1].append(line.strip())
        elif line.strip():
            entries.append(("", []))
    return [(name, _sentence(" ".join(lines))) for names, lines in entries for name in names.split(", ") if name]


def _sentence(text: str) -> str:
    plain = ROLE.sub(r"\1", text).replace("``", "").replace("\\\\", "\\")
    first = re.split(r"(?<=\.) (?=[A-Z])", plain, maxsplit=1)[0]
    return first.rstrip(".:")
