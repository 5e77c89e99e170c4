"""`theorysim linear`: one training of a two-layer linear network, at any width."""

import argparse
from typing import Any

from theorysim import plot
from theorysim.cli.output import code, output_options, show, write
from theorysim.linear import LinearNetwork, LinearSGD
from theorysim.linear.problem import SAM_TERMS
from theorysim.linear.simulate import ENGINES
from theorysim.core.status import DivergenceError
from theorysim.systems import simulate

HELP = """\
Train f(x) = a'Wx, both layers, by SGD with label noise on y = <theta, x>, and print what happened.

The neurons first shrink and leave the lazy regime, then align with theta (Zhang et al. 2026). A network of any width
is evolved exactly as one of width d + 1, so a billion neurons cost what a thousand do. The defaults are the setting
of the paper's Figure 2.
"""

EXAMPLES = """\
examples:
  theorysim linear                                     label noise: the neurons shrink, then align
  theorysim linear --no-label-noise                    they stay where they are
  theorysim linear --width 1e9 --lr 1e-9               a billion neurons
  theorysim linear --sam-radius 0.1 --no-label-noise --plot run.png --save run.npz
  theorysim check run.npz                              what the paper says of it
"""


def add(commands: Any) -> None:
    """Its options."""
    parser = commands.add_parser(
        "linear",
        help="train a two-layer linear network of any width and print losses, alignment and times",
        description=HELP,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    problem = parser.add_argument_group("problem")
    for flag, default, text in (
        ("--n", 200.0, "training samples"),
        ("--d", 20.0, "dimension"),
        ("--width", 1000.0, "neurons m, as many as you like"),
        ("--target-norm", 1.0, "length of theta"),
        ("--label-noise-std", 4.0, "sigma, standard deviation of the label noise"),
    ):
        problem.add_argument(flag, type=float, default=default, help=f"{text} (default %(default)g)")
    algorithm = parser.add_argument_group("algorithm")
    algorithm.add_argument("--lr", type=float, default=1e-3, help="learning rate (default %(default)g)")
    algorithm.add_argument("--batch", default="1", help='samples of a step, or "full" (default %(default)s)')
    algorithm.add_argument("--no-label-noise", action="store_true", help="leave the label noise out")
    algorithm.add_argument("--period", type=float, help="label noise on for so many steps, off for as many")
    algorithm.add_argument("--sam-radius", type=float, default=0.0, help="sharpness-aware minimisation (default: none)")
    algorithm.add_argument("--sam-terms", choices=SAM_TERMS, default=SAM_TERMS[0], help="default %(default)s")
    algorithm.add_argument("--steps", type=float, default=1_000_000, help="number of updates (default %(default)g)")
    algorithm.add_argument("--seed", type=int, default=0, help="same seed, same numbers (default %(default)s)")
    algorithm.add_argument("--engine", choices=ENGINES, default=ENGINES[0], help="default %(default)s")
    algorithm.add_argument("--neurons", type=float, help="neurons to follow one by one (default: 100)")
    output_options(parser, "draw loss, norm and alignment", "observables of the steps watched")


def command(options: argparse.Namespace) -> int:
    """Train, print, write; returns the exit status."""
    problem = LinearNetwork(
        n=options.n, d=options.d, width=options.width, target_norm=options.target_norm,
        label_noise_std=options.label_noise_std,
    )
    batch = options.batch if options.batch == "full" else _number("--batch", options.batch)
    algorithm = LinearSGD(
        options.lr, batch=batch, label_noise=not options.no_label_noise, period=options.period,
        sam_radius=options.sam_radius, sam_terms=options.sam_terms,
    )
    try:
        run = simulate(problem, algorithm, options.steps, options.seed, engine=options.engine, neurons=options.neurons,
                       progress=not options.quiet)
    except DivergenceError as error:
        run = error.run
    written = write(run, options, 3, lambda axes: plot.two_phases(run, axes))
    show(run)
    for name, time in vars(run.stage_times()).items():
        print(f"{name:32} {time:.4g}")
    for path in written:
        print(f"wrote {path}")
    return code(run)


def _number(flag: str, text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f'{flag} {text}: must be a number or "full"') from None
