"""The command line: the library's verbs, one subcommand each."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import theorysim
from theorysim.check import check
from theorysim.cli import train
from theorysim.reproduce import figures, reproduce
from theorysim.sweep.random_numbers import KINDS
from theorysim.sweep.sweep import PRECISIONS
from theorysim.systems import load_run
from theorysim.theory.paper import paper_named, papers

CHECK_EXAMPLES = """\
examples:
  theorysim simulate --flip 0.1 --save run.npz
  theorysim check run.npz
  theorysim check seed0.npz seed1.npz seed2.npz --paper huang2025 --set delta=0.1 --csv report.csv
"""

REPRODUCE_EXAMPLES = """\
examples:
  theorysim reproduce huang2025-fig2
  theorysim reproduce huang2025-fig2 --seeds 3 --out elsewhere
  theorysim reproduce huang2025-fig3 --store fig3.db      a sweep: stop it with Ctrl-C, the same line goes on
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser(arguments[0] if arguments else "").parse_args(arguments)
    systems = train.commands()
    try:
        if options.command in systems:
            return train.train(systems[options.command], options)
        return {"check": _check, "reproduce": _reproduce}[options.command](options)
    except (ValueError, TypeError, OSError, ImportError) as error:
        print(f"theorysim: {error}", file=sys.stderr)
        return 2


def _parser(command: str) -> argparse.ArgumentParser:
    """All commands; papers are looked up only for the one that is called, if it speaks of them."""
    parser = argparse.ArgumentParser(
        prog="theorysim",
        description="See whether a run does what a theorem says: exact dynamics at any dimension, at any width.",
        epilog="`theorysim COMMAND --help` explains a command with examples.",
    )
    parser.add_argument("--version", action="version", version=f"theorysim {theorysim.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for system in train.commands().values():
        train.add(commands, system)
    _add_check(commands, _papers() if command == "check" else "")
    _add_reproduce(commands, _figures() if command == "reproduce" else "")
    return parser


def _papers() -> str:
    """A line for each paper, with the constants that it hides."""
    return "papers, and the constants that they hide:\n" + "\n".join(
        f"  {name:12} {one.citation}\n{'':15}{', '.join(one.constants.names())}" for name, one in papers().items())


def _figures() -> str:
    """A line for each figure."""
    return "\n".join(f"  {name:24} {one.text}" for name, one in figures().items())


def _add_check(commands: Any, listing: str) -> None:
    parser = commands.add_parser(
        "check",
        help="hold saved runs against every statement of a paper",
        description="Hold saved runs (of one setting, over seeds) against every statement of a paper: conditions, "
                    f"predicted, measured, ratio and a verdict, those that fail first.\n\n{listing}",
        epilog=CHECK_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("runs", type=Path, nargs="+", metavar="NPZ", help="runs written by `theorysim simulate --save`")
    parser.add_argument("--paper", help="default: the one whose setting the runs have")
    parser.add_argument("--set", dest="constants", nargs="+", default=[], metavar="NAME=VALUE",
                        help="constants that the paper hides")
    parser.add_argument("--csv", type=Path, help="write the whole table")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto",
                        help="of verdicts (default: in terminals that have colours, unless NO_COLOR is set)")
    parser.add_argument("--replay", action="store_true",
                        help="make runs again, from their seeds, to see every step that a statement speaks about")


def _add_reproduce(commands: Any, listing: str) -> None:
    parser = commands.add_parser(
        "reproduce",
        help="make a figure of a paper again: picture, tables and a report",
        description=f"Make a figure or table of a paper again, with seeds and intervals.\n\n{listing}",
        epilog=REPRODUCE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", help="one of the names above")
    parser.add_argument("--seeds", type=int, help="independent runs per setting (default: its own)")
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder to write to (default %(default)s)")
    sweeps = parser.add_argument_group("for those that are sweeps")
    sweeps.add_argument("--store", type=Path, metavar="DB", help="keep every run in this file as it finishes")
    sweeps.add_argument("--workers", type=int, help="cores to use (default: all)")
    sweeps.add_argument("--precision", choices=PRECISIONS, help="of the runs (default: double)")
    sweeps.add_argument("--random-numbers", choices=KINDS, help="of cells: their own (default) or the same in all")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _check(options: argparse.Namespace) -> int:
    if options.paper is not None:
        paper_named(options.paper)  # before any file is read
    report = check([load_run(path) for path in options.runs], options.paper, replay=options.replay,
                   **_constants(options.constants))
    if options.csv:
        report.to_csv(options.csv)
    print(report.to_text(color=options.color))
    if options.csv:
        print(f"wrote {options.csv}")
    return 0


def _constants(assignments: Sequence[str]) -> dict[str, float | str]:
    """Numbers and words by name from NAME=VALUE."""
    constants: dict[str, float | str] = {}
    for assignment in assignments:
        name, _, value = assignment.partition("=")
        if not name.isidentifier() or not value:
            raise ValueError(f"--set {assignment}: must be NAME=VALUE")
        try:
            constants[name] = float(value)
        except ValueError:
            constants[name] = value
    return constants


def _reproduce(options: argparse.Namespace) -> int:
    given = {name: getattr(options, name) for name in ("store", "workers", "precision", "random_numbers")}
    chosen = {name: value for name, value in given.items() if value is not None}
    report = reproduce(options.name, seeds=options.seeds, progress=not options.quiet, **chosen)
    written = report.write(options.out)  # first of all, so that nothing that happens to the output loses it
    print(f"{report.title}\n\n{report.text}\n")
    for path in written:
        print(f"wrote {path}")
    return 0
