"""`theorysim linear`: one training of a two-layer linear network, at any width."""

import argparse
from collections.abc import Sequence
from typing import Any

from theorysim.linear.algorithm import SAM_TERMS, LinearSGD
from theorysim.linear.problem import LinearNetwork

STEPS = 1_000_000


class LinearOptions:
    """The command's words, and its options to a setting."""

    command: str = "linear"
    help: str = "train a two-layer linear network of any width and print losses, alignment and times"
    description: str = """\
Train f(x) = a'Wx, both layers, by SGD with label noise on y = <theta, x>, and print what happened.

The neurons first shrink and leave the lazy regime, then align with theta (T. Zhang et al. 2026). A network of any width
is evolved exactly as one of width d + 1, so a billion neurons cost what a thousand do. The defaults are the setting
of the paper's Figure 2.
"""
    examples: str = """\
examples:
  theorysim linear                                     label noise: the neurons shrink, then align
  theorysim linear --no-label-noise                    they stay where they are
  theorysim linear --width 1e9 --lr 1e-9               a billion neurons
  theorysim linear --sam-radius 0.1 --no-label-noise --plot run.png --save run.npz
  theorysim check run.npz                              what the paper says of it
"""

    def add(self, parser: argparse.ArgumentParser) -> None:
        """Its own options; those of every system are added besides."""
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
        algorithm.add_argument("--sam-radius", type=float, default=0.0,
                               help="sharpness-aware minimisation (default: none)")
        algorithm.add_argument("--sam-terms", choices=SAM_TERMS, default=SAM_TERMS[0], help="default %(default)s")
        algorithm.add_argument("--neurons", type=float, help="neurons to follow one by one (default: 100)")
        parser.set_defaults(steps=STEPS)

    def setting(self, given: argparse.Namespace) -> tuple[LinearNetwork, LinearSGD, dict[str, Any]]:
        """Problem, algorithm, and further keywords of simulate()."""
        problem = LinearNetwork(
            n=given.n, d=given.d, width=given.width, target_norm=given.target_norm,
            label_noise_std=given.label_noise_std,
        )
        batch = given.batch if given.batch == "full" else _number("--batch", given.batch)
        algorithm = LinearSGD(
            given.lr, batch=batch, label_noise=not given.no_label_noise, period=given.period,
            sam_radius=given.sam_radius, sam_terms=given.sam_terms,
        )
        return problem, algorithm, {"neurons": given.neurons}

    def lines(self, _run: Any) -> Sequence[str]:
        """Nothing is printed of a run besides its summary and its times."""
        return ()


def _number(flag: str, text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f'{flag} {text}: must be a number or "full"') from None
