"""The code on a page: found here once, for the build (which makes the pictures) and for the tests."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,})(?P<language>[^`\s]*)(?P<rest>[^`]*)$")


@dataclass(frozen=True)
class Block:
    """A fenced block: the first word of its info string, the number of its first line in the file, its text."""

    language: str
    line: int
    text: str


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a Markdown file, in order."""
    found: list[Block] = []
    fence: re.Match[str] | None = None
    body: list[str] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        match = FENCE.match(line)
        if fence is None:
            if match:
                fence, body, first = match, [], number + 1
        elif match and not match["language"] + match["rest"].strip() and len(match["ticks"]) >= len(fence["ticks"]):
            found.append(Block(fence["language"], first, "".join(text + "\n" for text in body)))
            fence = None
        else:
            body.append(line.removeprefix(fence["indent"]))
    if fence is not None:
        raise ValueError(f"{page}:{first - 1}: this block is never closed")
    return found


def execute(block: Block, page: Path, names: dict[str, Any]) -> None:
    """Run a Python block among the names of its page; a traceback shows the line of the page."""
    code = compile("\n" * (block.line - 1) + block.text, str(page), "exec")
    exec(code, names)
