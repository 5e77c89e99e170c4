"""`theorysim sweep`: a grid of settings, several algorithms, many seeds."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from theorysim.cli import constants, grid, output, setting, summary
from theorysim.cli.parser import Command, Parser, parsed
from theorysim.core import validate
from theorysim.core.system import System
from theorysim.plot import heatmap
from theorysim.report import report
from theorysim.sweep import sweep
from theorysim.sweep.measures import named
from theorysim.sweep.plan import axes_of, cells
from theorysim.sweep.random_numbers import INDEPENDENT, KINDS

if TYPE_CHECKING:
    import pandas as pd

DESCRIPTION = """\
Train at every point of a grid with every algorithm and seed, and print means with 95% intervals over seeds.

The grid moves numbers of the problem or the algorithm: NAME=VALUE,VALUE,... or NAME=LOW:HIGH:COUNT, evenly spaced, or
with equal ratios as LOW:HIGH:COUNTlog. What it does not move is given by the options of the command that trains
(`theorysim simulate`, or that of another --system), which are listed below. An algorithm is written as these options
without dashes, on top of those of the line, after a name and a colon if it is to have one; several values of an
option have commas between them (gaussian=1,0.5).

With --store every run is kept as it finishes: stop with Ctrl-C, and the same line goes on. Grid, algorithms and seeds
may grow.
"""

EXAMPLES = """\
examples:
  theorysim sweep --n 50 --m 10 --grid snr=0.05:0.3:6 --steps 200
  theorysim sweep --grid n=20,40,60 snr=0.05:0.4:4log --algorithm "GD:" "label noise: flip=0.1" --d 500 --m 10 \\
      --steps 200 --seeds 3 --measure test_error T1 --store diagram.db --heatmap diagram.png
  theorysim sweep --system linear --grid lr=1e-4:1e-3:4log --algorithm noise: "none: no-label-noise" --steps 1e5
"""


def _add(parser: Parser, arguments: Sequence[str]) -> None:
    _add_own(parser)
    setting.add(parser, setting.chosen(arguments))


def _add_own(parser: Parser) -> None:
    """What is the sweep's, beside the setting."""
    parser.add_argument("--grid", nargs="+", action="extend", required=True, metavar="NAME=VALUES", help="see above")
    parser.add_argument("--algorithm", nargs="+", action="extend", default=[], metavar="ALGORITHM",
                        help='such as "label noise: lr=0.5 flip=0.1" (default: the options of the line alone)')
    parser.add_argument("--seeds", type=int, default=5, metavar="K", help="runs of every cell (default %(default)s)")
    parser.add_argument("--measure", nargs="+", metavar="NAME",
                        help="what to keep of a run: a measure, a time, an observable at the end, the id of a "
                             "statement (default: what is usual for the system)")
    setting.add_system(parser)
    parser.add_argument("--random-numbers", choices=KINDS, default=INDEPENDENT,
                        help="of cells: their own (default) or the same in all")
    constants.add(parser)
    parser.add_argument("--workers", type=int, help="cores to use (default: all)")
    output.add_file(parser, "--store", (), "keep every run in this file as it finishes, and go on with what it has")
    output.add_file(parser, "--csv", output.TABLES, "write the table, a row for every run")
    output.add_file(parser, "--html", output.PAGES, "write a page")
    output.add_file(parser, "--heatmap", output.PICTURES, "draw means over two axes of the grid, a panel each")
    parser.add_argument("--x", metavar="NAME", help="axis of the heatmap (default: the first of the grid)")
    parser.add_argument("--y", metavar="NAME", help="the other one (default: the second)")
    parser.add_argument("--value", metavar="NAME", help="measure that it shows (default: the first)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _sweep(given: argparse.Namespace) -> int:
    system = setting.chosen(given.arguments)
    problem, algorithms, precision = _setting(system, given)
    axes = _axes(system, problem, algorithms, given.grid)
    measures = list(named(system, given.measure or system.usual))
    drawn = _map(system, given, axes, measures)
    hidden = constants.of(given.constants)
    made = cells(system, problem, axes_of(axes), algorithms)
    setting.warn(system, [(one.problem, one.algorithm) for one in made if not one.reason], given.steps)
    if given.store is not None:
        output.prepared(given.store)
    with output.compiling(given):
        frame = sweep(
            problem, grid=axes, algorithms=algorithms, steps=given.steps, seeds=given.seeds, measure=measures,
            random_numbers=given.random_numbers, store=given.store, workers=given.workers, precision=precision,
            progress=output.shows_bars(given), **hidden,
        )
    written = _write(frame, given, drawn)
    for line in summary.lines(frame):
        print(line)
    for path in written:
        print(f"wrote {path}")
    if frame.attrs["complete"]:
        return 0
    print(f"theorysim: interrupted; {len(frame)} of {len(made) * given.seeds} runs were complete"
          + ("; the same line goes on" if given.store else "; with --store the same line would go on"), file=sys.stderr)
    return 130


# --- the setting ------------------------------------------------------------------------------------------------


class _Words(Parser):
    """Reads the options of an algorithm; what is wrong with them is a ValueError."""

    text = ""

    def error(self, message: str) -> NoReturn:
        """Instead of ending the program."""
        raise ValueError(f"--algorithm {self.text!r}: {message}")


def _setting(system: System, given: argparse.Namespace) -> tuple[Any, dict[str, Any], str]:
    """The problem, the algorithms by name (with their policies) and the precision of all."""
    own = Parser("", "", "", add_help=False)
    _add_own(own)
    words = own.parse_known_args(given.arguments)[1]  # those of the setting, on top of which algorithms are written
    problem, algorithm, keywords = setting.of(system, given)
    _refuse_others(system, keywords)
    if not given.algorithm:
        return problem, {type(algorithm).__name__: _with_policy(algorithm, keywords)}, _precision(keywords)
    found: dict[str, Any] = {}
    for text in given.algorithm:
        name, further = grid.named(text)
        parser = _Words("", "", "", add_help=False)
        parser.text = text
        setting.add(parser, system)
        mine = parsed(parser, [*words, *further])
        its_problem, algorithm, its_keywords = setting.of(system, mine)
        same = {"policy": None}
        if (its_problem, mine.steps, its_keywords | same) != (problem, given.steps, keywords | same):
            raise ValueError(f"--algorithm {text!r}: changes more than the algorithm; problem, steps and precision are "
                             "the same for all, and the grid moves the problem")
        if name in found:
            raise ValueError(f"--algorithm {text!r}: there are two of the name {name!r}")
        found[name] = _with_policy(algorithm, its_keywords)
    return problem, found, _precision(keywords)


def _with_policy(algorithm: Any, keywords: Mapping[str, Any]) -> Any:
    policy = keywords.get("policy")
    return algorithm if policy is None else (algorithm, policy)


def _precision(keywords: Mapping[str, Any]) -> str:
    return str(keywords.get("precision", "double"))


def _refuse_others(system: System, keywords: Mapping[str, Any]) -> None:
    """Keywords of simulate() that a sweep has not, when they are given."""
    parser = Parser("", "", "", add_help=False)
    setting.add(parser, system)
    usual = setting.of(system, parsed(parser, []))[2]
    for name, value in keywords.items():
        if name not in ("precision", "policy") and value != usual[name]:
            raise ValueError(f"--{name} {value}: is of single runs; a sweep makes all of them as usual ({usual[name]})")


def _axes(system: System, problem: Any, algorithms: Mapping[str, Any], given: Sequence[str]) -> dict[str, list[Any]]:
    """The grid, with whole numbers on an axis where the setting has one."""
    texts = [grid.axis(one) for one in given]
    grid.unique([name for name, _ in texts], "--grid")
    found = {}
    for name, text in texts:
        whole = False
        for one in algorithms.values():
            algorithm = one[0] if isinstance(one, tuple) else one
            axis = system.axes(problem, algorithm).get(name)
            now = None if axis is None else axis.get(problem, algorithm)
            whole = whole or (isinstance(now, int) and not isinstance(now, bool))
        found[name] = grid.values(name, text, whole)
    return found


# --- what is written --------------------------------------------------------------------------------------------


def _map(
    system: System, given: argparse.Namespace, axes: Mapping[str, Sequence[Any]], measures: Sequence[str]
) -> tuple[str, str, str] | None:
    """Axes and value of the heatmap, which is refused before any work where it could not be drawn."""
    if given.heatmap is None:
        for option in ("x", "y", "value"):
            if getattr(given, option) is not None:
                raise ValueError(f"--{option} {getattr(given, option)}: is of a heatmap; give --heatmap FILE with it")
        return None
    moving = [name for name, values in axes.items() if len(values) > 1]
    if len(moving) != 2:
        raise ValueError(f"--heatmap {given.heatmap}: needs a grid with two axes of several values, has {len(moving)} "
                         f"({', '.join(moving) or 'none'})")
    x = moving[0] if given.x is None else validate.choice("--x", given.x.replace("-", "_"), moving)
    rest = [name for name in moving if name != x]
    y = rest[0] if given.y is None else validate.choice("--y", given.y.replace("-", "_"), rest)
    for name in moving:
        if not all(isinstance(one, int | float) for one in axes[name]):
            raise ValueError(f"--heatmap {given.heatmap}: the axis {name} has values that are no numbers")
    value = measures[0] if given.value is None else validate.choice("--value", given.value, measures)
    if value not in system.known():
        raise ValueError(f"--heatmap {given.heatmap}: {value} is no number; give the measure to draw as --value NAME")
    return x, y, value


def _write(frame: "pd.DataFrame", given: argparse.Namespace, drawn: tuple[str, str, str] | None) -> list[Path]:
    """The files asked for; of a sweep that was interrupted before its first run there is nothing to draw."""
    written = []
    if given.csv:
        frame.to_csv(output.prepared(given.csv), index=False)
        written.append(given.csv)
    if given.html:
        written.append(report(frame, output.prepared(given.html)))
    if drawn is not None and summary.completed(frame):
        heatmap(frame, *drawn)[0].figure.savefig(output.prepared(given.heatmap), dpi=110)
        written.append(given.heatmap)
    return written


COMMAND = Command("sweep", "train over a grid, with several algorithms and seeds: a phase diagram", DESCRIPTION,
                  EXAMPLES, _add, _sweep)
