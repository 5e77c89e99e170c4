"""`theorysim attention`: one training of a single-head attention on tokens."""

import argparse
from collections.abc import Sequence
from typing import Any

from theorysim.attention.algorithm import AttentionGD
from theorysim.attention.problem import KEY_LAWS, TokenSelection
from theorysim.attention.run import AttentionRun

STEPS = 1000


class AttentionOptions:
    """The command's words, and its options to a setting."""

    command: str = "attention"
    help: str = "train a single-head attention to select tokens and print losses, softmax weights and times"
    description: str = """\
Train f(X) = v'X'softmax(XWp) on tokens by gradient descent, with some labels flipped, and print what happened.

One token of each sample has the signal of its label, two a tenth of a signal, the others noise alone. Flipped labels
are ignored, or fitted by selecting noise, and the attention generalises or not (Sakamoto & Sato 2025; Magen et al.
2025).
The cost of a step does not depend on the dimension.
"""
    examples: str = """\
examples:
  theorysim attention                                     a strong signal: flipped labels are ignored
  theorysim attention --signal-norm 10                    a weak one: they are fitted
  theorysim attention --key-law gaussian --d 1e7 --signal-norm 1000 --lr 5e-7
  theorysim attention --train-keys --plot run.png --save run.npz
  theorysim check run.npz                                 what is said of it
"""

    def add(self, parser: argparse.ArgumentParser) -> None:
        """Its own options; those of every system are added besides."""
        problem = parser.add_argument_group("problem")
        for flag, default, text in (
            ("--n", 20.0, "training samples"),
            ("--d", 1000.0, "dimension"),
            ("--tokens", 8.0, "tokens of a sample"),
            ("--signal-norm", 20.0, "length of the signals"),
            ("--relevance", 0.1, "of weakly relevant tokens, as a share of the signal"),
            ("--noise-std", 1.0, "standard deviation of the noise"),
            ("--label-flip", 0.2, "share of the labels that are flipped"),
        ):
            problem.add_argument(flag, type=float, default=default, help=f"{text} (default %(default)g)")
        problem.add_argument("--key-law", choices=KEY_LAWS, default=KEY_LAWS[0],
                             help="of the entries of W (default %(default)s)")
        problem.add_argument("--head-norm", type=float, help="length of v (default: 1 over that of the signals)")
        algorithm = parser.add_argument_group("algorithm")
        algorithm.add_argument("--lr", type=float, default=5e-3, help="learning rate (default %(default)g)")
        algorithm.add_argument("--train-keys", action="store_true", help="train W, too")
        algorithm.add_argument("--train-head", action="store_true", help="train v, too")
        parser.set_defaults(steps=STEPS)

    def setting(self, given: argparse.Namespace) -> tuple[TokenSelection, AttentionGD, dict[str, Any]]:
        """Problem, algorithm, and no further keywords."""
        problem = TokenSelection(
            n=given.n, d=given.d, tokens=given.tokens, signal_norm=given.signal_norm, relevance=given.relevance,
            noise_std=given.noise_std, label_flip=given.label_flip, key_law=given.key_law, head_norm=given.head_norm,
        )
        return problem, AttentionGD(given.lr, given.train_keys, given.train_head), {}

    def lines(self, run: AttentionRun) -> Sequence[str]:
        """Test error and loss."""
        error, loss = run.test_error(), run.test_loss()
        return [f"{name:<20} {one.value:.4g} [{one.low:.4g}, {one.high:.4g}]"
                for name, one in (("test error", error), ("test loss", loss))]
