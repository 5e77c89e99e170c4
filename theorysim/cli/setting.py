"""The setting that is trained: the options of a system, for every command that makes runs."""

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from theorysim.cli import output
from theorysim.cli.parser import Parser
from theorysim.core.system import System
from theorysim.systems import SYSTEMS


def systems() -> dict[str, System]:
    """Those with options, by name."""
    return {one.name: one for one in SYSTEMS if one.options is not None}


def chosen(arguments: Sequence[str]) -> System:
    """The system that --system names among the words of a command; the first of all by default."""
    first = Parser("", "", "", add_help=False)
    add_system(first)
    return systems()[first.parse_known_args(arguments)[0].system]


def add_system(parser: Any) -> None:
    """The option that says of which system the other options are."""
    known = systems()
    parser.add_argument("--system", choices=tuple(known), default=next(iter(known)),
                        help="whose options those of problem and algorithm are; with --help it lists them "
                             "(default %(default)s)")


def add(parser: Parser, system: System) -> Any:
    """The options of problem and algorithm, and of every run; returns the group of the latter."""
    assert system.options is not None
    system.options.add(parser)
    run = parser.add_argument_group("run")
    run.add_argument("--steps", type=float, default=parser.get_default("steps") or 1000,
                     help="number of updates (default %(default)g)")
    if len(system.engines) > 1:
        run.add_argument("--engine", choices=system.engines, default=system.engines[0], help="default %(default)s")
    return run


def of(system: System, given: argparse.Namespace) -> tuple[Any, Any, dict[str, Any]]:
    """Problem, algorithm and keywords of simulate()."""
    assert system.options is not None
    problem, algorithm, keywords = system.options.setting(given)
    if len(system.engines) > 1:
        keywords = keywords | {"engine": given.engine}
    return problem, algorithm, keywords


def warn(system: System, settings: Iterable[tuple[Any, Any]], steps: float) -> None:
    """Say what of these settings surely was not meant, each thing once."""
    if steps == 0:
        output.warn("steps=0: nothing is trained; what is shown is the start")
    found: dict[str, list[str]] = {}
    for problem, algorithm in settings:
        for about, text in system.doubts(problem, algorithm).items():
            found.setdefault(about, []).append(text)
    for texts in found.values():
        more = len(set(texts)) - 1
        output.warn(texts[0] + (f" (and the like in {more} more cells)" if more else ""))
