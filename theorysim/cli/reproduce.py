"""`theorysim reproduce`: figures and tables of papers, made again."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from theorysim.cli import output
from theorysim.cli.parser import Command, Parser
from theorysim.core import validate
from theorysim.reproduce import METADATA, figures, reproduce
from theorysim.sweep.random_numbers import KINDS
from theorysim.sweep.sweep import PRECISIONS
from theorysim.theory.paper import papers

DESCRIPTION = """\
Make a figure or table of a paper again, with seeds and intervals. --list has the names.
"""

EXAMPLES = """\
examples:
  theorysim reproduce --list
  theorysim reproduce huang2025-fig2
  theorysim reproduce huang2025-fig2 --seeds 3 --out elsewhere
  theorysim reproduce huang2025-fig3 --store fig3.db      a sweep: stop it with Ctrl-C, the same line goes on
"""


def _add(parser: Parser, _arguments: Sequence[str]) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="one of those that --list lists")
    parser.add_argument("--list", action="store_true", help="list what can be made again, by paper, and end")
    parser.add_argument("--seeds", type=int, help="independent runs per setting (default: its own)")
    parser.add_argument("--out", type=Path, default=Path("results"), metavar="FOLDER",
                        help="folder to write to (default %(default)s)")
    parser.add_argument("--format", nargs="+", choices=tuple(METADATA), default=["png"], metavar="FORMAT",
                        help="of the picture: png, pdf, svg, one or several (default png)")
    parser.add_argument("--html", action="store_true", help="write the page NAME.html, too")
    sweeps = parser.add_argument_group("for those that are sweeps")
    output.add_file(sweeps, "--store", (), "keep every run in this file as it finishes")
    sweeps.add_argument("--workers", type=int, help="cores to use (default: all)")
    sweeps.add_argument("--precision", choices=PRECISIONS, help="of the runs (default: double)")
    sweeps.add_argument("--random-numbers", choices=KINDS, help="of cells: their own (default) or the same in all")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _reproduce(given: argparse.Namespace) -> int:
    if given.list:
        print("\n\n".join(_listing()))
        return 0
    if given.name is None:
        raise ValueError("NAME: give the name of a figure; --list lists them")
    validate.choice("name", given.name, tuple(figures()))
    output.require_folder("--out", given.out)
    options = {name: getattr(given, name) for name in ("store", "workers", "precision", "random_numbers")}
    chosen = {name: value for name, value in options.items() if value is not None}
    if given.store is not None:
        output.prepared(given.store)
    with output.compiling(given):
        report = reproduce(given.name, seeds=given.seeds, progress=output.shows_bars(given), **chosen)
    # First of all, so that nothing that happens to the output loses it.
    written = report.write(given.out, given.format, html=given.html)
    print(f"{report.title}\n\n{report.text}\n")
    for path in written:
        print(f"wrote {path}")
    return 0


def _listing() -> list[str]:
    """The figures of every paper that has some, a line each."""
    return ["\n".join([f"{paper.name}: {paper.citation}",
                       *(f"  {name:26} {one.text}" for name, one in paper.figures.items())])
            for paper in papers().values() if paper.figures]


COMMAND = Command("reproduce", "make a figure of a paper again: picture, tables and a report", DESCRIPTION, EXAMPLES,
                  _add, _reproduce)
