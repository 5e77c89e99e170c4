"""`theorysim falsify`: the search for a run that contradicts a claim."""

import argparse
from collections.abc import Sequence

import numpy as np

from theorysim.cli import constants, output
from theorysim.cli.parser import Command, Parser
from theorysim.falsify import Counterexample, falsify
from theorysim.report import report
from theorysim.theory.paper import paper_named

DESCRIPTION = """\
Search for a run that contradicts a claim: inside its assumptions, compared, and false. What is found is made small and
shown with the Python that makes it again; else what was tried, and what that bounds. Exit status 1 when the claim is
contradicted, 0 when it survived.

CLAIM is a comparison of what runs are made of (columns, entries of the state, numbers of the setting), or the id of a
paper's statement. `theorysim papers NAME` lists those.
"""

EXAMPLES = """\
examples:
  theorysim falsify "gamma_max <= rho_bar_max" --inside huang2025
  theorysim falsify "max(gamma) <= 2*max(rho_bar)" --seconds 10 --html found.html
  theorysim falsify huang2025.lemma_d_4 --inside huang2025 --runs 300 --seed 1
"""


def _add(parser: Parser, _arguments: Sequence[str]) -> None:
    parser.add_argument("claim", metavar="CLAIM", help="a comparison (<=, >= or ~), or the id of a statement")
    parser.add_argument("--inside", metavar="PAPER", help="in the regime of this paper (default: anything valid)")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--seconds", type=float, default=60.0, help="how long to search (default %(default)g)")
    budget.add_argument("--runs", type=int, help="so many runs instead; the same seed then gives the same result")
    parser.add_argument("--seed", type=int, default=0, help="of the search (default %(default)s)")
    constants.add(parser)
    output.add_file(parser, "--plot", output.PICTURES, "draw both sides of the claim on the run that was found")
    output.add_file(parser, "--html", output.PAGES, "write a page")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _falsify(given: argparse.Namespace) -> int:
    if given.inside is not None:
        paper_named(given.inside)  # before any run
    with output.compiling(given):
        found = falsify(given.claim, given.inside, budget=given.seconds, runs=given.runs, seed=given.seed,
                        progress=output.shows_bars(given), **constants.of(given.constants))
    written = []
    if given.html:
        written.append(report(found, output.prepared(given.html)))
    if given.plot and isinstance(found, Counterexample):
        np.ravel(found.plot())[0].figure.savefig(output.prepared(given.plot), dpi=110)
        written.append(given.plot)
    print(found)
    for path in written:
        print(f"wrote {path}")
    return 130 if found.interrupted else int(isinstance(found, Counterexample))


COMMAND = Command("falsify", "search for a run that contradicts a claim", DESCRIPTION, EXAMPLES, _add, _falsify)
