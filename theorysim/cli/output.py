"""What the commands that train have in common: where results go, and how they are told."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from theorysim.core.status import Status


def output_options(parser: argparse.ArgumentParser, picture: str, observables: str) -> None:
    """Options for pictures, tables and the run itself."""
    output = parser.add_argument_group("output")
    output.add_argument("--plot", type=Path, metavar="PNG", help=picture)
    output.add_argument("--csv", type=Path, help=f"write the {observables}")
    output.add_argument("--save", type=Path, metavar="NPZ", help="write the whole run, for theorysim.load_run")
    output.add_argument("--quiet", action="store_true", help="no progress bar")


def write(run: Any, options: argparse.Namespace, panels: int, draw: Callable[[Any], Any]) -> list[Path]:
    """Write the files asked for; returns their paths."""
    if options.csv:
        run.observables.to_csv(options.csv)
    if options.save:
        run.save(options.save)
    if options.plot:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(4.25 * panels, 3.8), layout="constrained")
        draw(figure.subplots(1, panels))
        figure.savefig(options.plot, dpi=110)
    return [path for path in (options.csv, options.save, options.plot) if path]


def show(run: Any) -> None:
    """The main facts, one a line."""
    for name, fact in run.summary().items():
        print(f"{name:32} {fact:.4g}" if isinstance(fact, float) else f"{name:32} {fact}")


def code(run: Any) -> int:
    """The exit status: 0, 1 for a run that diverged, 130 after Ctrl-C."""
    return 1 if run.status == Status.DIVERGED else 130 if run.status == Status.INTERRUPTED else 0
