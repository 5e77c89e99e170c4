"""What the build adds to the pages: the table of observables, and the pictures that their own code makes."""

import contextlib
import io
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pages
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from theorysim.observables import OBSERVABLES

PICTURES = "_generated"  # a page that refers to a file in this folder makes it


class ObservablesTable(SphinxDirective):
    """The columns of ``run.observables`` and what they mean, as the package lists them."""

    def run(self) -> list[nodes.Node]:
        """A Markdown table."""
        rows = [f"| `{name}` | {_plain(meaning)} |" for name, meaning in OBSERVABLES.items()]
        return self.parse_text_to_nodes("\n".join(["| column | meaning |", "|---|---|", *rows]))


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


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("observables", ObservablesTable)
    app.connect("builder-inited", make_pictures)
    app.connect("doctree-read", unlink_words)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
