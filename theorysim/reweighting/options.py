"""`theorysim reweighting`: sample weights learned from a few clean samples."""

import argparse
from collections.abc import Sequence
from typing import Any

from theorysim.reweighting.algorithm import Reweighting
from theorysim.reweighting.data import Digits, SignalNoiseImages
from theorysim.reweighting.gram import KERNELS
from theorysim.reweighting.problem import KernelReweighting

DESCRIPTION = """\
Train on noisy labels with sample weights that follow the loss on a few clean samples, one step ahead.

Under a fixed kernel outputs and weights are all there is, and they are evolved exactly. Three phases: the weights
separate (alignment), noisy samples are filtered out, and then the weights become sensitive again (post-filtering).
"""

EXAMPLES = """\
examples:
  theorysim reweighting                                signal and noise patches, 40% of the labels flipped
  theorysim reweighting --digits 3 8 --n 240 --clean 60
                                                       handwritten digits (needs scikit-learn)
  theorysim reweighting --digits 0 1 --n 200 --clean 60 --clean-batch 10 --plot run.png --save run.npz
  theorysim check run.npz                              what is proved of it
"""


class ReweightingOptions:
    """Its own options, and what they mean."""

    command = "reweighting"
    help = "train with learned sample weights and print phases, AUC and accuracy"
    description = DESCRIPTION
    examples = EXAMPLES

    def add(self, parser: argparse.ArgumentParser) -> None:
        """Its own options; those of every system are added besides."""
        problem = parser.add_argument_group("problem")
        problem.add_argument("--digits", type=int, nargs=2, metavar="DIGIT", help="two handwritten digits to tell "
                             "apart (default: signal and noise patches)")
        problem.add_argument("--n", type=float, default=400.0, help="training samples (default %(default)g)")
        problem.add_argument("--clean", type=float, default=100.0, help="clean samples (default %(default)g)")
        problem.add_argument("--label-flip", type=float, default=0.4, help="flip probability (default %(default)g)")
        problem.add_argument("--clean-label-flip", type=float, default=0.0, help="the same of clean samples")
        problem.add_argument("--kernel", choices=KERNELS, default="linear", help="default %(default)s")
        problem.add_argument("--proxy-kernel", choices=KERNELS, help="another one for the look-ahead")
        algorithm = parser.add_argument_group("algorithm")
        algorithm.add_argument("--lr", type=float, help="learning rate (default: 0.02 over the largest eigenvalue)")
        algorithm.add_argument("--weight-lr", type=float, help="of the weights (default: by the clean set's pull)")
        algorithm.add_argument("--clean-batch", type=float, help="clean samples of a look-ahead (default: all)")
        algorithm.add_argument("--freeze-at-t2", action="store_true", help="keep the weights from t2 on")
        algorithm.add_argument("--no-reweighting", action="store_true", help="keep all weights as they are")
        parser.set_defaults(steps=3000.0)

    def setting(self, given: argparse.Namespace) -> tuple[KernelReweighting, Reweighting, dict[str, Any]]:
        """Problem, algorithm, and no further keywords."""
        data = SignalNoiseImages() if given.digits is None else Digits((given.digits[0],), (given.digits[1],))
        problem = KernelReweighting(
            data, n=given.n, clean=given.clean, label_flip=given.label_flip,
            clean_label_flip=given.clean_label_flip, kernel=given.kernel, proxy_kernel=given.proxy_kernel,
        )
        algorithm = Reweighting(
            lr=given.lr, weight_lr=given.weight_lr, clean_batch=given.clean_batch,
            freeze_at="t2" if given.freeze_at_t2 else None, reweight=not given.no_reweighting,
        )
        return problem, algorithm, {}

    def lines(self, _run: Any) -> Sequence[str]:
        """Nothing besides summary and times."""
        return ()


OPTIONS = ReweightingOptions()
