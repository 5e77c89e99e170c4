"""`theorysim reweighting`: sample weights learned from a few clean samples."""

import argparse
from typing import Any

from theorysim import plot
from theorysim.cli.output import code, output_options, show, write
from theorysim.reweighting import Digits, KernelReweighting, Reweighting, SignalNoiseImages
from theorysim.reweighting.gram import KERNELS
from theorysim.core.status import DivergenceError
from theorysim.systems import simulate

HELP = """\
Train on noisy labels with sample weights that follow the loss on a few clean samples, one step ahead.

Under a fixed kernel outputs and weights are all there is, and they are evolved exactly. Three phases: the weights
separate (alignment), noisy samples are filtered out, and then the weights become sensitive again (post-filtering).
"""

EXAMPLES = """\
examples:
  theorysim reweighting                                signal and noise patches, 40% of the labels flipped
  theorysim reweighting --digits 3 8 --n 240 --clean 60
                                                       handwritten digits (needs theorysim[digits])
  theorysim reweighting --digits 0 1 --n 200 --clean 60 --clean-batch 10 --plot run.png --save run.npz
  theorysim check run.npz                              what is proved of it
"""


def add(commands: Any) -> None:
    """Its options."""
    parser = commands.add_parser(
        "reweighting",
        help="train with learned sample weights and print phases, AUC and accuracy",
        description=HELP,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    problem = parser.add_argument_group("problem")
    problem.add_argument("--digits", type=int, nargs=2, metavar="DIGIT", help="two handwritten digits to tell apart "
                         "(default: signal and noise patches)")
    problem.add_argument("--n", type=float, default=400.0, help="training samples (default %(default)g)")
    problem.add_argument("--clean", type=float, default=100.0, help="clean samples (default %(default)g)")
    problem.add_argument("--label-noise", type=float, default=0.4, help="flip probability (default %(default)g)")
    problem.add_argument("--clean-label-noise", type=float, default=0.0, help="the same of clean samples")
    problem.add_argument("--kernel", choices=KERNELS, default="linear", help="default %(default)s")
    problem.add_argument("--proxy-kernel", choices=KERNELS, help="another one for the look-ahead")
    algorithm = parser.add_argument_group("algorithm")
    algorithm.add_argument("--lr", type=float, help="learning rate (default: 0.02 over the largest eigenvalue)")
    algorithm.add_argument("--weight-lr", type=float, help="of the weights (default: by the clean set's pull)")
    algorithm.add_argument("--clean-batch", type=float, help="clean samples of a look-ahead (default: all)")
    algorithm.add_argument("--freeze-at-t2", action="store_true", help="keep the weights from t2 on")
    algorithm.add_argument("--no-reweighting", action="store_true", help="keep all weights as they are")
    algorithm.add_argument("--steps", type=float, default=3000, help="number of updates (default %(default)g)")
    algorithm.add_argument("--seed", type=int, default=0, help="same seed, same numbers (default %(default)s)")
    output_options(parser, "draw weights, clean loss and AUC", "observables of the recorded steps")


def command(options: argparse.Namespace) -> int:
    """Train, print, write; returns the exit status."""
    given = options.digits
    problem = KernelReweighting(
        SignalNoiseImages() if given is None else Digits((given[0],), (given[1],)), n=options.n, clean=options.clean,
        label_noise=options.label_noise, clean_label_noise=options.clean_label_noise, kernel=options.kernel,
        proxy_kernel=options.proxy_kernel,
    )
    algorithm = Reweighting(
        lr=options.lr, weight_lr=options.weight_lr, clean_batch=options.clean_batch,
        freeze_at="t2" if options.freeze_at_t2 else None, reweight=not options.no_reweighting,
    )
    try:
        run = simulate(problem, algorithm, options.steps, options.seed, progress=not options.quiet)
    except DivergenceError as error:
        run = error.run
    written = write(run, options, 3, lambda axes: plot.phases(run, axes))
    show(run)
    for name, time in run.stage_times().items():
        print(f"{name:32} {time:.4g}")
    for path in written:
        print(f"wrote {path}")
    return code(run)
