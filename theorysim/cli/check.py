"""`theorysim check`: runs, saved or made for it, against every statement of a paper."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from theorysim.check import check
from theorysim.cli import constants, output, setting
from theorysim.cli.parser import Command, Parser
from theorysim.core import validate
from theorysim.core.run import Run
from theorysim.core.status import DivergenceError, Status
from theorysim.report import report
from theorysim.systems import load_run, simulate
from theorysim.theory.claim import claim
from theorysim.theory.paper import paper_named

DESCRIPTION = """\
Hold runs of one setting, over seeds, against every statement of a paper: conditions, predicted, measured, ratio and a
verdict, those that fail first.

Either saved runs, or with --seeds those of a setting, made here and not kept; `theorysim check --seeds 5 --help` lists
the options of the setting, which are those of the command that trains. `theorysim papers` lists papers.
"""

EXAMPLES = """\
examples:
  theorysim simulate --flip 0.1 --save run.npz
  theorysim check run.npz
  theorysim check seed0.npz seed1.npz seed2.npz --paper huang2025 --set delta=0.1 --csv report.csv
  theorysim check --seeds 5 --n 50 --m 10 --lr 0.3 --steps 1000
  theorysim check --seeds 5 --system linear
  theorysim check --seeds 5 --steps 300 --claim "gamma_max <= rho_bar_max" --html page.html
"""


def _seeds(arguments: Sequence[str]) -> bool:
    """Whether runs are to be made."""
    return any(one.partition("=")[0] == "--seeds" for one in arguments)


def _add(parser: Parser, arguments: Sequence[str]) -> None:
    # With --seeds there are no files, and each option of a setting takes what follows it.
    parser.add_argument("runs", type=Path, nargs="*", metavar="NPZ", help="runs written by `theorysim simulate --save`")
    parser.add_argument("--seeds", type=int, metavar="K", help="make K runs of a setting instead, seeds 0..K-1")
    parser.add_argument("--paper", help="default: the one whose setting the runs have, if no claim is given")
    parser.add_argument("--claim", action="append", default=[], metavar="TEXT",
                        help='a claim of your own, such as "gamma_max <= 2*rho_bar_max"; may be given several times')
    constants.add(parser)
    output.add_file(parser, "--csv", output.TABLES, "write the whole table")
    output.add_file(parser, "--html", output.PAGES, "write a page")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto",
                        help="of verdicts (default: in terminals that have colours, unless NO_COLOR is set)")
    parser.add_argument("--replay", action="store_true",
                        help="make runs again, from their seeds, to see every step that a statement speaks about")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    if _seeds(arguments):
        setting.add_system(parser)
        setting.add(parser, setting.chosen(arguments))


def _check(given: argparse.Namespace) -> int:
    if given.paper is not None:
        paper_named(given.paper)  # before any run is read or made
    asked = [*([] if given.paper is None else [given.paper]), *map(claim, given.claim)]
    hidden = constants.of(given.constants)
    if given.seeds is None:
        if not given.runs:
            raise ValueError("NPZ: give runs written by --save, or --seeds K to make runs of a setting")
        runs, made = [load_run(path) for path in given.runs], given.runs
    else:
        runs, made = _made(given), range(given.seeds)
    if not runs:
        return 130
    with output.compiling(given):
        found = check(runs, asked or None, replay=given.replay, **hidden)
    if given.csv:
        found.to_csv(output.prepared(given.csv))
    if given.html:
        report(found, output.prepared(given.html))
    print(found.to_text(color=given.color))
    for path in filter(None, (given.csv, given.html)):
        print(f"wrote {path}")
    return 0 if len(runs) == len(made) else 130


def _made(given: argparse.Namespace) -> list[Run]:
    """Runs of the setting; after Ctrl-C those that were complete."""
    if given.runs:
        raise ValueError(f"{' '.join(map(str, given.runs))}: --seeds makes the runs; give either it or saved ones")
    seeds = validate.integer("--seeds", given.seeds, 1)
    system = setting.chosen(given.arguments)
    problem, algorithm, keywords = setting.of(system, given)
    setting.warn(system, [(problem, algorithm)], given.steps)
    runs: list[Run] = []
    with output.compiling(given):
        for seed in range(seeds):
            run = _run(problem, algorithm, given, seed, keywords)
            if run.status == Status.INTERRUPTED:
                print(f"theorysim: interrupted; {len(runs)} of {seeds} runs were complete", file=sys.stderr)
                break
            runs.append(run)
    return runs


def _run(problem: Any, algorithm: Any, given: argparse.Namespace, seed: int, keywords: dict[str, Any]) -> Run:
    """One of them, up to where it diverged if it did."""
    try:
        found: Run = simulate(problem, algorithm, given.steps, seed, progress=output.shows_bars(given), **keywords)
    except DivergenceError as error:
        output.warn(f"seed {seed}: {error}")
        found = error.run
    return found


COMMAND = Command("check", "hold runs against every statement of a paper", DESCRIPTION, EXAMPLES, _add, _check)
