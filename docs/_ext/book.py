"""What the build adds to the pages: tables of observables and statements, and the pictures that their code makes."""

import contextlib
import inspect
import io
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pages
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from theorysim.patch.observables import OBSERVABLES
from theorysim.theory.paper import paper_named
from theorysim.theory.statement import Statement, no_conditions

PICTURES = "_generated"  # a page that refers to a file in this folder makes it


class ObservablesTable(SphinxDirective):
    """The columns of ``run.observables`` and what they mean, as the package lists them."""

    def run(self) -> list[nodes.Node]:
        """A Markdown table."""
        rows = [f"| `{name}` | {_plain(meaning)} |" for name, meaning in OBSERVABLES.items()]
        return self.parse_text_to_nodes("\n".join(["| column | meaning |", "|---|---|", *rows]))


class StatementsTable(SphinxDirective):
    """The statements of a paper, as the package has them, and what each kind of condition asks for."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """A Markdown table, and one list entry for each kind of condition."""
        found = paper_named(self.arguments[0]).statements
        head = ("id", "claim", "formula", "sense", "conditions", "source")
        rows = [" | ".join(head), " | ".join("---" for _ in head), *(" | ".join(_cells(one)) for one in found)]
        asked = {one.conditions.__name__: one.conditions for one in found if one.conditions is not no_conditions}
        kinds = [f"- *{_kind(name)}*: {_plain(_summary(function))}" for name, function in asked.items()]
        return self.parse_text_to_nodes("\n".join([*(f"| {row} |" for row in rows), "", *kinds]))


def _cells(statement: Statement) -> tuple[str, ...]:
    sense = f"{statement.sense}{', with probability 1 − δ' if statement.over_draws else ''}"
    asked = "" if statement.conditions is no_conditions else _kind(statement.conditions.__name__)
    claim, formula, source = (_plain(text) for text in (statement.claim, statement.formula, statement.source))
    return f"`{statement.id}`", claim, formula, sense, asked, source


def _kind(name: str) -> str:
    return name.replace("_", " ")


def _summary(function: Callable[..., Any]) -> str:
    return (inspect.getdoc(function) or "").partition("\n")[0]


def _plain(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>|~$#])", r"\\\1", text)


def make_pictures(app: Sphinx) -> None:
    """Run the Python of every page that shows a picture it makes, and keep the pictures."""
    folder = Path(app.srcdir) / PICTURES
    folder.mkdir(exist_ok=True)
    os.environ["MPLBACKEND"] = "Agg"
    for page in sorted(Path(app.srcdir).glob("*.md")):
        if f"]({PICTURES}/" not in page.read_text(encoding="utf-8"):
            continue
        with tempfile.TemporaryDirectory() as work, contextlib.chdir(work), contextlib.redirect_stdout(io.StringIO()):
            names: dict[str, Any] = {"__name__": page.stem}
            for block in pages.blocks(page):
                if block.language == "python":
                    pages.execute(block, page, names)
            for picture in Path(work).glob("*.png"):
                shutil.copy(picture, folder)


def unlink_words(_app: Sphinx, document: nodes.document) -> None:
    """Types are words, "(n, d) array": without this every n among them would be a link to some attribute n."""
    for link in list(document.findall(addnodes.pending_xref)):
        if link.get("refspecific") and not re.match("[A-Z][a-z]", link["reftarget"]):
            link.replace_self(link.children)


def keep_bars(_app: Sphinx, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    """Bars in docstrings are absolute values, |ε|, not names to be substituted; those in ``code`` are left alone."""
    lines[:] = ["".join(part if part.startswith("``") else part.replace("|", r"\|")
                        for part in re.split("(``.*?``)", line)) for line in lines]


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("observables", ObservablesTable)
    app.add_directive("statements", StatementsTable)
    app.connect("builder-inited", make_pictures)
    app.connect("autodoc-process-docstring", keep_bars)
    app.connect("doctree-read", unlink_words)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
