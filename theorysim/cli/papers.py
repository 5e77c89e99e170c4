"""`theorysim papers`: what is known, paper by paper and statement by statement."""

import argparse
from collections.abc import Sequence

from theorysim.cli import output
from theorysim.cli.parser import Command, Parser
from theorysim.theory.paper import Paper, paper_named, papers

DESCRIPTION = """\
Without a name: the papers there are, of this package and of others that are installed. With one: its statements, each
with its formula and its source, the constants that it hides and the figures that can be made again.
"""

EXAMPLES = """\
examples:
  theorysim papers
  theorysim papers huang2025
  theorysim papers huang2025 | grep "Lemma D.1"
"""


def _add(parser: Parser, _arguments: Sequence[str]) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="one paper, in full")


def _papers(given: argparse.Namespace) -> int:
    if given.name is None:
        rows = [("paper", "statements", "figures", "systems", "citation"), *map(_row, papers().values())]
        print("\n".join(output.columns(rows)))
    else:
        print("\n".join(_in_full(paper_named(given.name))))
    return 0


def _row(paper: Paper) -> tuple[str, str, str, str, str]:
    return (paper.name, str(len(paper.statements)), str(len(paper.figures)), ", ".join(paper.about), paper.citation)


def _in_full(paper: Paper) -> list[str]:
    """Everything about a paper."""
    lines = [f"{paper.name}: {paper.citation}", f"about: {', '.join(paper.about)}",
             f"constants that it hides: {paper.constants()}",
             f"laws for scaling: {', '.join(paper.laws) or 'none'}", "", f"{len(paper.statements)} statements"]
    for one in paper.statements:
        lines += ["", f"  {one.id}   ({one.source})", f"      {one.claim}", f"      {one.formula}"]
    if paper.figures:
        lines += ["", "figures, made again by `theorysim reproduce NAME`"]
        lines += [f"  {name:24} {figure.text}" for name, figure in paper.figures.items()]
    return lines


COMMAND = Command("papers", "list papers, and the statements of one", DESCRIPTION, EXAMPLES, _add, _papers)
