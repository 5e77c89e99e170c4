"""The commands that train: one for every system that has options, what they share here."""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from theorysim.cli import output, setting
from theorysim.cli.parser import Command, Parser
from theorysim.core.run import Run
from theorysim.core.status import DivergenceError, Status
from theorysim.core.system import System
from theorysim.plot import dynamics
from theorysim.report import report
from theorysim.systems import simulate

CODES = {Status.DIVERGED: 1, Status.INTERRUPTED: 130}


def commands() -> list[Command]:
    """A command for every system that has options."""
    return [_command(system, system.options) for system in setting.systems().values() if system.options is not None]


def _command(system: System, options: Any) -> Command:
    return Command(options.command, options.help, options.description, options.examples,
                   lambda parser, _arguments: _add(parser, system), partial(_train, system))


def _add(parser: Parser, system: System) -> None:
    """A system's own options, then those that all have."""
    run = setting.add(parser, system)
    run.add_argument("--seed", type=int, default=0, help="same seed, same numbers (default %(default)s)")
    written = parser.add_argument_group("output")
    output.add_file(written, "--plot", output.PICTURES, "draw what happened")
    output.add_file(written, "--csv", output.TABLES, "write the table of observables")
    output.add_file(written, "--save", output.RUNS, "write the whole run, for theorysim.load_run")
    output.add_file(written, "--html", output.PAGES, "write a page: curves, verdicts, the code that makes it again")
    written.add_argument("--quiet", action="store_true", help="no progress bar")


def _picture(run: Run, path: Path) -> None:
    np.ravel(dynamics(run))[0].figure.savefig(path, dpi=110)


WRITERS: dict[str, Callable[[Run, Path], Any]] = {  # by option
    "csv": lambda run, path: run.observables.to_csv(path),
    "save": lambda run, path: run.save(path),
    "plot": _picture,
    "html": report,
}


def _train(system: System, given: argparse.Namespace) -> int:
    """Train, write, print; returns the exit status."""
    assert system.options is not None
    problem, algorithm, keywords = setting.of(system, given)
    setting.warn(system, [(problem, algorithm)], given.steps)
    with output.compiling(given):
        try:
            run: Run = simulate(problem, algorithm, given.steps, given.seed, progress=output.shows_bars(given),
                                **keywords)
        except DivergenceError as error:
            run = error.run
    written = _write(run, given)  # first of all, so that nothing that happens to the output loses it
    for name, fact in run.summary().items():
        print(f"{name:32} {fact:.4g}" if isinstance(fact, float) else f"{name:32} {fact}")
    for line in system.options.lines(run):
        print(line)
    print(run.stage_times())
    for path in written:
        print(f"wrote {path}")
    return CODES.get(run.status, 0)


def _write(run: Run, given: argparse.Namespace) -> Sequence[Path]:
    """Write the files asked for; returns their paths."""
    written = [(getattr(given, name), write) for name, write in WRITERS.items() if getattr(given, name)]
    for path, write in written:
        write(run, output.prepared(path))
    return [path for path, _ in written]
