"""The commands that train: one for every system that has options, what they share here."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from theorysim.core.run import Run
from theorysim.core.status import DivergenceError, Status
from theorysim.core.system import System
from theorysim.plot import dynamics
from theorysim.systems import SYSTEMS, simulate

CODES = {Status.DIVERGED: 1, Status.INTERRUPTED: 130}


def commands() -> dict[str, System]:
    """The systems by the name of their command."""
    return {one.options.command: one for one in SYSTEMS if one.options is not None}


def add(parsers: Any, system: System) -> None:
    """The command of a system: its own options, then those that all have."""
    options = system.options
    assert options is not None
    parser = parsers.add_parser(
        options.command, help=options.help, description=options.description, epilog=options.examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add(parser)
    run = parser.add_argument_group("run")
    run.add_argument("--steps", type=float, default=parser.get_default("steps") or 1000,
                     help="number of updates (default %(default)g)")
    run.add_argument("--seed", type=int, default=0, help="same seed, same numbers (default %(default)s)")
    if len(system.engines) > 1:
        run.add_argument("--engine", choices=system.engines, default=system.engines[0], help="default %(default)s")
    output = parser.add_argument_group("output")
    output.add_argument("--plot", type=Path, metavar="PNG", help="draw what happened")
    output.add_argument("--csv", type=Path, help="write the table of observables")
    output.add_argument("--save", type=Path, metavar="NPZ", help="write the whole run, for theorysim.load_run")
    output.add_argument("--quiet", action="store_true", help="no progress bar")


def train(system: System, given: argparse.Namespace) -> int:
    """Train, write, print; returns the exit status."""
    assert system.options is not None
    problem, algorithm, keywords = system.options.setting(given)
    if len(system.engines) > 1:
        keywords = keywords | {"engine": given.engine}
    try:
        run: Run = simulate(problem, algorithm, given.steps, given.seed, progress=not given.quiet, **keywords)
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


def _write(run: Run, given: argparse.Namespace) -> list[Path]:
    """Write the files asked for; returns their paths."""
    if given.csv:
        run.observables.to_csv(given.csv)
    if given.save:
        run.save(given.save)
    if given.plot:
        np.ravel(dynamics(run))[0].figure.savefig(given.plot, dpi=110)
    return [path for path in (given.csv, given.save, given.plot) if path]
