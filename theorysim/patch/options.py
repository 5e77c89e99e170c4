"""The patch network on the command line: `theorysim simulate`."""

import argparse
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from theorysim.patch.activation import ACTIVATIONS, LOSSES, REDUCTIONS
from theorysim.patch.algorithm import Flip, Gaussian, GradientDescent, LabelNoise, Uniform
from theorysim.patch.draw import FORMS
from theorysim.patch.policy import EarlyStopping, FirstStage
from theorysim.patch.problem import SignalNoise
from theorysim.patch.run import PatchRun
from theorysim.patch.schedules import Cosine, Warmup
from theorysim.patch.begin import PRECISIONS

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
  theorysim simulate --sam-radius 0.1 --batch-size 10
  theorysim simulate --activation LeakyReLU:0.1 --loss hinge --momentum 0.9 --lr 0.1
  theorysim simulate --flip 0.1 --plot run.png --csv run.csv --save run.npz
"""


class PatchOptions:
    """Options of `theorysim simulate`, and what it prints."""

    command = "simulate"
    help = "train one patch network and print T1, T2, losses and the test error"
    description = HELP
    examples = EXAMPLES

    def add(self, parser: argparse.ArgumentParser) -> None:
        """Problem and algorithm."""
        parser.set_defaults(steps=2000)
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
                             help="stratified: in each class exactly that share of labels (default: each by itself)")
        problem.add_argument("--non-orthogonal-noise", action="store_true", help="noise with a component along mu")
        problem.add_argument("--activation", metavar="NAME", help="instead of max(0, z)^q: one of "
                             f"{', '.join(ACTIVATION_NAMES)}, with its numbers after colons, as LeakyReLU:0.1")
        problem.add_argument("--loss", choices=LOSSES, default="logistic", help="default %(default)s")
        problem.add_argument("--reduction", choices=REDUCTIONS, default="mean", help="of the loss over samples")
        problem.add_argument("--init-law", choices=("normal", "uniform"), default="normal", help="of initial weights")
        problem.add_argument("--bias", type=float, default=0.0, help="one more coordinate in each patch (default none)")
        algorithm = parser.add_argument_group("algorithm")
        algorithm.add_argument("--lr", type=float, default=1.0, help="learning rate (default %(default)g)")
        noise = algorithm.add_mutually_exclusive_group()
        noise.add_argument("--flip", type=float, metavar="P", help="flip each label with probability P at every step")
        noise.add_argument("--gaussian", type=float, nargs=2, metavar=("MEAN", "STD"), help="Gaussian multipliers")
        noise.add_argument("--uniform", type=float, nargs=2, metavar=("LOW", "HIGH"), help="uniform multipliers")
        _add_rule(parser.add_argument_group("training rule", "what a step is besides, see ts.GradientDescent"))
        algorithm.add_argument("--stop-at-first-stage", type=float, metavar="C", help="stop early, when initially "
                               "active filters have memorized C of their samples (Han et al. 2025)")
        algorithm.add_argument("--precision", choices=PRECISIONS, default="double", help="default %(default)s")
        algorithm.add_argument("--threads", type=int, default=1, help="cores for the products of a large n; the last "
                               "digits depend on it (default %(default)s)")
        algorithm.add_argument("--draw", choices=FORMS, default="auto", help="form of the draw (default: the smaller)")

    def setting(self, given: argparse.Namespace) -> tuple[Any, Any, dict[str, Any]]:
        """Problem, algorithm, and further keywords of simulate()."""
        flips = given.label_flip
        problem = SignalNoise(
            n=given.n, d=given.d, m=given.m, signal_norm=given.signal_norm, noise_std=given.noise_std,
            init_std=given.init_std, q=given.q, label_flip=flips[0] if len(flips) == 1 else tuple(flips),
            orthogonal_noise=not given.non_orthogonal_noise, flip_law=given.flip_law, init_law=given.init_law,
            bias=given.bias, activation=_activation(given.activation), loss=given.loss, reduction=given.reduction,
        )
        if given.snr is not None:
            problem = problem.replace(snr=given.snr)
        stop = given.stop_at_first_stage
        keywords = {"draw": given.draw, "precision": given.precision, "threads": given.threads,
                    "policy": None if stop is None else EarlyStopping(FirstStage(stop))}
        rule = {name: getattr(given, name) for name in RULES}
        return problem, GradientDescent(_lr(given), _label_noise(given), **rule), keywords

    def lines(self, run: PatchRun) -> Sequence[str]:
        """The test error."""
        return [f"{'test error [95% interval]':32} {run.test_error()}"]


RULES: dict[str, tuple[Any, str]] = {  # the fields of GradientDescent that are a number or a switch, and what they are
    "batch_size": (int, "samples of a step; an epoch goes through a permutation"),
    "replacement": (None, "draw every batch by itself, with replacement"),
    "momentum": (float, "of the velocity, as torch.optim.SGD"),
    "dampening": (float, "of what a gradient adds to the velocity"),
    "nesterov": (None, "Nesterov's momentum"),
    "weight_decay": (float, "lambda, added to the gradient as lambda w"),
    "label_smoothing": (float, "a: the other label has the weight a/2"),
    "clip_norm": (float, "largest norm of a gradient"),
    "normalised": (None, "divide each gradient by its norm"),
    "sam_radius": (float, "sharpness-aware: take the gradient so far uphill"),
    "dropout": (float, "probability to leave a filter out of a step"),
    "weight_noise": (float, "standard deviation of noise on every weight after every step"),
    "train_readout": (None, "train the second layer too"),
    "clients": (int, "clients with weights and samples of their own"),
    "local_steps": (int, "steps after which clients are averaged"),
}
ACTIVATION_NAMES = {kind.__name__: kind for kind in ACTIVATIONS}


def _add_rule(group: Any) -> None:
    """An option for every field of a rule, and the usual schedules of the learning rate."""
    defaults = {one.name: one.default for one in fields(GradientDescent)}
    for name, (kind, text) in RULES.items():
        flag = f"--{name.replace('_', '-')}"
        if kind is None:
            group.add_argument(flag, action="store_true", help=text)
        else:
            group.add_argument(flag, type=kind, default=defaults[name], metavar="X",
                               help=f"{text} (default %(default)s)")
    schedule = group.add_mutually_exclusive_group()
    schedule.add_argument("--warmup", type=int, metavar="STEPS",
                          help="raise the learning rate from 0 over so many steps")
    schedule.add_argument("--cosine", type=int, metavar="STEPS", help="lower it to 0 over so many steps, as a cosine")


def _lr(given: argparse.Namespace) -> Any:
    if given.warmup is not None:
        return Warmup(given.lr, given.warmup)
    return given.lr if given.cosine is None else Cosine(given.lr, given.cosine)


def _activation(text: str | None) -> Any:
    """NAME:NUMBER:… as an activation."""
    if text is None:
        return None
    name, *numbers = text.split(":")
    if name not in ACTIVATION_NAMES:
        raise ValueError(f"activation={text!r}: must be one of {', '.join(ACTIVATION_NAMES)}")
    try:
        return ACTIVATION_NAMES[name](*map(float, numbers))
    except TypeError as error:
        raise ValueError(f"activation={text!r}: {error}") from None


def _label_noise(given: argparse.Namespace) -> LabelNoise | None:
    if given.flip is not None:
        return Flip(given.flip)
    if given.gaussian is not None:
        return Gaussian(*given.gaussian)
    return None if given.uniform is None else Uniform(*given.uniform)
