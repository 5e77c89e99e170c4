"""The command line: the library's verbs, one subcommand each."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import theorysim
from theorysim.algorithm import Flip, Gaussian, GradientDescent, LabelNoise, Uniform
from theorysim.checker import check
from theorysim.draw import FORMS
from theorysim.policy import EarlyStopping, FirstStage
from theorysim.problem import SignalNoise
from theorysim.reproductions import REPRODUCTIONS, reproduce
from theorysim.run import DivergenceError, Status
from theorysim.simulate import ENGINES, PRECISIONS, simulate
from theorysim.storage import load_run
from theorysim.theory import PAPERS
from theorysim.theory.statement import Constants

CONSTANTS = tuple(Constants.__dataclass_fields__)

SIMULATE_HELP = """\
Train the two-layer patch network on one draw of signal-plus-noise data and print what happened.

Each sample has two patches, y·mu and a noise vector xi; filters are w_{j,r}, j = ±1, r = 1..m; the loss is
logistic. The program evolves the coefficients gamma (signal learning) and rho (noise memorization), so the cost
does not depend on the dimension d. The defaults are the setting of Huang et al. 2025, Figure 2.
"""

SIMULATE_EXAMPLES = """\
examples:
  theorysim simulate                               gradient descent: memorises the noise
  theorysim simulate --flip 0.1                    label-noise gradient descent: learns the signal
  theorysim simulate --d 1e9 --snr 0.05 --init-std 1e-6 --lr 1e-6
                                                   a billion dimensions, at the cost of a thousand
  theorysim simulate --flip 0.1 --plot run.png --csv run.csv --save run.npz
"""

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
    options = _parser().parse_args(arguments)
    commands = {"simulate": _simulate, "check": _check, "reproduce": _reproduce}
    try:
        return commands[options.command](options)
    except (ValueError, TypeError, OSError) as error:
        print(f"theorysim: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="theorysim",
        description="See whether a run does what a theorem says: exact coefficient dynamics at any dimension.",
        epilog="`theorysim COMMAND --help` explains a command with examples.",
    )
    parser.add_argument("--version", action="version", version=f"theorysim {theorysim.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_simulate(commands)
    _add_check(commands)
    _add_reproduce(commands)
    return parser


def _add_simulate(commands: Any) -> None:
    parser = commands.add_parser(
        "simulate",
        help="train one network and print T1, T2, losses and the test error",
        description=SIMULATE_HELP,
        epilog=SIMULATE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    problem = parser.add_argument_group("problem")
    for flag, default, text in (
        ("--n", 200.0, "training samples"),
        ("--d", 2000.0, "dimension of a patch, as large as you like"),
        ("--m", 20.0, "filters per branch; the network has 2m"),
        ("--noise-std", 0.5, "sigma_p, standard deviation of a noise coordinate"),
        ("--init-std", 0.01, "sigma_0, standard deviation of an initial weight"),
        ("--q", 2.0, "power of the activation max(0, z)^q; 1 is ReLU"),
    ):
        problem.add_argument(flag, type=float, default=default, help=f"{text} (default %(default)g)")
    signal = problem.add_mutually_exclusive_group()
    signal.add_argument("--signal-norm", type=float, default=2.0, help="length of mu (default %(default)g)")
    signal.add_argument("--snr", type=float, help="set it through SNR = |mu| / (sigma_p sqrt(d)) instead")
    problem.add_argument(
        "--label-flip", type=float, nargs="+", default=[0.0], metavar="TAU",
        help="probability that a training label is flipped once before training; two values: of +1 and of -1",
    )
    problem.add_argument("--flip-law", choices=("independent", "stratified"), default="independent",
                         help="stratified: in each class exactly that share of the labels (default: each by itself)")
    problem.add_argument("--non-orthogonal-noise", action="store_true", help="noise with a component along mu")
    problem.add_argument("--init-law", choices=("normal", "uniform"), default="normal", help="of initial weights")
    problem.add_argument("--bias", type=float, default=0.0, help="one more coordinate in every patch (default: none)")
    algorithm = parser.add_argument_group("algorithm")
    algorithm.add_argument("--lr", type=float, default=1.0, help="learning rate (default %(default)g)")
    noise = algorithm.add_mutually_exclusive_group()
    noise.add_argument("--flip", type=float, metavar="P", help="flip each label with probability P at every step")
    noise.add_argument("--gaussian", type=float, nargs=2, metavar=("MEAN", "STD"), help="Gaussian label multipliers")
    noise.add_argument("--uniform", type=float, nargs=2, metavar=("LOW", "HIGH"), help="uniform label multipliers")
    algorithm.add_argument("--steps", type=float, default=2000, help="number of updates (default %(default)g)")
    algorithm.add_argument("--seed", type=int, default=0, help="same seed, same numbers (default %(default)s)")
    algorithm.add_argument("--stop-at-first-stage", type=float, metavar="C", help="stop early, when initially active "
                           "filters have memorized C of their samples (Han et al. 2025)")
    algorithm.add_argument("--precision", choices=PRECISIONS, default="double", help="default %(default)s")
    algorithm.add_argument("--engine", choices=ENGINES, default=ENGINES[0],
                           help="coefficients (default), explicit weights, or both with their deviation")
    algorithm.add_argument("--draw", choices=FORMS, default="auto", help="form of the draw (default: the smaller)")
    output = parser.add_argument_group("output")
    output.add_argument("--plot", type=Path, metavar="PNG", help="draw the learning curves")
    output.add_argument("--csv", type=Path, help="write the observables of every step")
    output.add_argument("--save", type=Path, metavar="NPZ", help="write the whole run, for theorysim.load_run")
    output.add_argument("--quiet", action="store_true", help="no progress bar")


def _add_check(commands: Any) -> None:
    parser = commands.add_parser(
        "check",
        help="hold saved runs against every statement of a paper",
        description="Hold saved runs (of one setting, over seeds) against every statement of a paper: conditions, "
                    "predicted, measured, ratio and a verdict, one line each.",
        epilog=CHECK_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("runs", type=Path, nargs="+", metavar="NPZ", help="runs written by `theorysim simulate --save`")
    parser.add_argument("--paper", choices=PAPERS, default="huang2025", help="default %(default)s")
    parser.add_argument("--set", dest="constants", nargs="+", default=[], metavar="NAME=VALUE",
                        help=f"constants that papers hide: {', '.join(CONSTANTS)}")
    parser.add_argument("--csv", type=Path, help="write the whole table")


def _add_reproduce(commands: Any) -> None:
    listing = "\n".join(f"  {name:18} {text}" for name, text in REPRODUCTIONS.items())
    parser = commands.add_parser(
        "reproduce",
        help="make a figure of a paper again: picture, tables and a report",
        description=f"Make a figure or table of a paper again, with seeds and intervals.\n\n{listing}",
        epilog=REPRODUCE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=REPRODUCTIONS, metavar="NAME", help="one of the names above")
    parser.add_argument("--seeds", type=int, help="independent runs per setting (default: its own)")
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder to write to (default %(default)s)")
    sweeps = parser.add_argument_group("for those that are sweeps")
    sweeps.add_argument("--store", type=Path, metavar="DB", help="keep every run in this file as it finishes")
    sweeps.add_argument("--workers", type=int, help="cores to use (default: all)")
    sweeps.add_argument("--precision", choices=PRECISIONS, help="of the runs (default: double)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _simulate(options: argparse.Namespace) -> int:
    flips = options.label_flip
    problem = SignalNoise(
        n=options.n, d=options.d, m=options.m, signal_norm=options.signal_norm, noise_std=options.noise_std,
        init_std=options.init_std, q=options.q, label_flip=flips[0] if len(flips) == 1 else tuple(flips),
        orthogonal_noise=not options.non_orthogonal_noise, flip_law=options.flip_law, init_law=options.init_law,
        bias=options.bias,
    )
    if options.snr is not None:
        problem = problem.replace(snr=options.snr)
    try:
        run = simulate(
            problem, GradientDescent(options.lr, _label_noise(options)), options.steps, options.seed,
            engine=options.engine, draw=options.draw, precision=options.precision, progress=not options.quiet,
            policy=None if (c := options.stop_at_first_stage) is None else EarlyStopping(FirstStage(c)),
        )
    except DivergenceError as error:
        run = error.run
    written = _write(run, options)
    for name, fact in run.summary().items():
        print(f"{name:32} {fact:.4g}" if isinstance(fact, float) else f"{name:32} {fact}")
    print(f"{'test error [95% interval]':32} {run.test_error()}")
    print(run.stage_times())
    for path in written:
        print(f"wrote {path}")
    return 1 if run.status == Status.DIVERGED else 130 if run.status == Status.INTERRUPTED else 0


def _write(run: theorysim.Run, options: argparse.Namespace) -> list[Path]:
    """Write the files asked for; returns their paths."""
    if options.csv:
        run.observables.to_csv(options.csv)
    if options.save:
        run.save(options.save)
    if options.plot:
        from matplotlib.figure import Figure

        from theorysim import plot

        figure = Figure(figsize=(17, 3.8), layout="constrained")
        plot.dynamics({"run": run}, figure.subplots(1, plot.PANELS))
        figure.savefig(options.plot, dpi=110)
    return [path for path in (options.csv, options.save, options.plot) if path]


def _check(options: argparse.Namespace) -> int:
    report = check([load_run(path) for path in options.runs], options.paper, **_constants(options.constants))
    if options.csv:
        report.to_csv(options.csv)
    print(report)
    if options.csv:
        print(f"wrote {options.csv}")
    return 0


def _constants(assignments: Sequence[str]) -> dict[str, float]:
    """Numbers by name from NAME=VALUE."""
    constants = {}
    for assignment in assignments:
        name, _, value = assignment.partition("=")
        if name not in CONSTANTS:
            raise ValueError(f"--set {assignment}: must be NAME=VALUE with a name among {', '.join(CONSTANTS)}")
        try:
            constants[name] = float(value)
        except ValueError:
            raise ValueError(f"--set {assignment}: the value must be a number") from None
    return constants


def _label_noise(options: argparse.Namespace) -> LabelNoise | None:
    if options.flip is not None:
        return Flip(options.flip)
    if options.gaussian is not None:
        return Gaussian(*options.gaussian)
    return None if options.uniform is None else Uniform(*options.uniform)


def _reproduce(options: argparse.Namespace) -> int:
    given = {name: getattr(options, name) for name in ("store", "workers", "precision")}
    chosen = {name: value for name, value in given.items() if value is not None}
    report = reproduce(options.name, seeds=options.seeds, progress=not options.quiet, **chosen)
    written = report.write(options.out)  # first of all, so that nothing that happens to the output loses it
    print(f"{report.title}\n\n{report.text}\n")
    for path in written:
        print(f"wrote {path}")
    return 0
