"""`theorysim simulate`: one training of the patch network."""

import argparse
from typing import Any

from theorysim import plot
from theorysim.patch.algorithm import Flip, Gaussian, GradientDescent, LabelNoise, Uniform
from theorysim.cli.output import code, output_options, show, write
from theorysim.patch.draw import FORMS
from theorysim.patch.policy import EarlyStopping, FirstStage
from theorysim.patch.problem import SignalNoise
from theorysim.core.status import DivergenceError
from theorysim.patch.simulate import ENGINES, PRECISIONS, simulate

HELP = """\
Train the two-layer patch network on one draw of signal-plus-noise data and print what happened.

Each sample has two patches, y·mu and a noise vector xi; filters are w_{j,r}, j = ±1, r = 1..m; the loss is
logistic. The program evolves the coefficients gamma (signal learning) and rho (noise memorization), so the cost
does not depend on the dimension d. The defaults are the setting of Huang et al. 2025, Figure 2.
"""

EXAMPLES = """\
examples:
  theorysim simulate                               gradient descent: memorises the noise
  theorysim simulate --flip 0.1                    label-noise gradient descent: learns the signal
  theorysim simulate --d 1e9 --snr 0.05 --init-std 1e-6 --lr 1e-6
                                                   a billion dimensions, at the cost of a thousand
  theorysim simulate --flip 0.1 --plot run.png --csv run.csv --save run.npz
"""


def add(commands: Any) -> None:
    """Its options."""
    parser = commands.add_parser(
        "simulate",
        help="train one network and print T1, T2, losses and the test error",
        description=HELP,
        epilog=EXAMPLES,
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
    output_options(parser, "draw the learning curves", "observables of every step")


def command(options: argparse.Namespace) -> int:
    """Train, print, write; returns the exit status."""
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
    written = write(run, options, plot.PANELS, lambda axes: plot.dynamics({"run": run}, axes))
    show(run)
    print(f"{'test error [95% interval]':32} {run.test_error()}")
    print(run.stage_times())
    for path in written:
        print(f"wrote {path}")
    return code(run)


def _label_noise(options: argparse.Namespace) -> LabelNoise | None:
    if options.flip is not None:
        return Flip(options.flip)
    if options.gaussian is not None:
        return Gaussian(*options.gaussian)
    return None if options.uniform is None else Uniform(*options.uniform)
