"""The documentation runs: every Python block and every command of every page, with the output it shows."""

import contextlib
import doctest
import importlib.util
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import theorysim
from theorysim import cli
from theorysim.systems import SYSTEMS

ROOT = Path(__file__).parents[1]
PROMPT = "$ "
SHOWN = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def _load(path: Path) -> ModuleType:
    """A module of the documentation's own, which is not on the path."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pages = _load(ROOT / "docs" / "_ext" / "pages.py")
RUN = ("python", "console")  # languages that are executed
PAGES = [
    page
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    if page.exists() and any(block.language in RUN for block in pages.blocks(page))
]


def assert_shown(wanted: str, found: str, where: str) -> None:
    """The output is what the page shows, where `...` stands for anything."""
    if not doctest.OutputChecker().check_output(wanted, found, SHOWN):
        raise AssertionError(f"{where}: the page shows\n{wanted}\nbut the output is\n{found}")


def command(line: str) -> str:
    """Output of a command line `theorysim ...`, which must succeed; a claim that is contradicted has the status 1."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            status = cli.main(shlex.split(line)[1:])
        except SystemExit as end:  # --help, --version and bad usage
            status = int(end.code or 0)
    contradicted = line.startswith("theorysim falsify") and "is contradicted" in output.getvalue()
    assert status == int(contradicted), f"{line}: exit status {status}\n{output.getvalue()}"
    return output.getvalue()


def console(block: str, where: str) -> None:
    """Execute the `$ theorysim` lines of a block; lines below a command, if any, are its output."""
    joined = re.sub(r"\\\n\s*", "", block)
    for part in re.split(r"^(?=\$ )", joined, flags=re.MULTILINE):
        line, _, wanted = part.partition("\n")
        if line.startswith(f"{PROMPT}theorysim "):
            found = command(line.removeprefix(PROMPT))
            if wanted.strip():
                assert_shown(wanted, found, where)


@pytest.fixture
def own_systems() -> Iterator[None]:
    """Systems of a page are its own."""
    before = list(SYSTEMS)
    yield
    SYSTEMS[:] = before


@pytest.mark.compiled
@pytest.mark.usefixtures("own_systems")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks run in order in one namespace; an ``output`` block is what the Python block before it prints."""
    import matplotlib.pyplot as plt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("theorysim.theory.paper._REGISTERED", {})  # papers of a page are its own
    names, printed = {"__name__": page.stem}, ""
    for block in pages.blocks(page):
        where = f"{page}:{block.line}"
        if block.language == "python":
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                pages.execute(block, page, names)
            printed = output.getvalue()
        elif block.language == "output":
            assert_shown(block.text, printed, where)
        elif block.language == "console":
            console(block.text, where)
    plt.close("all")


def test_reference_is_complete() -> None:
    """Every public name is on the page that lists them."""
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\.\. auto\w+:: (?:theorysim\.)?(\w+)$", text, re.MULTILINE)
    assert set(theorysim.__all__) <= set(listed)


def test_pages_are_on_the_map() -> None:
    """Every page is in the table of contents."""
    index = pages.blocks(ROOT / "docs" / "index.md")
    (tree,) = (block.text for block in index if block.language == "{toctree}")
    listed = {line for line in tree.split() if not line.startswith(":")}
    assert listed == {page.stem for page in (ROOT / "docs").glob("*.md")} - {"index"}


def test_unclosed_block_is_an_error(tmp_path: Path) -> None:
    """A fence that is never closed would hide the rest of the page."""
    page = tmp_path / "page.md"
    page.write_text("text\n\n```python\n1 + 1\n", encoding="utf-8")
    with pytest.raises(ValueError, match="page.md:3: this block is never closed"):
        pages.blocks(page)
