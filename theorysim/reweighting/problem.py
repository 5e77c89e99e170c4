"""What is learned, and from which labels."""

from dataclasses import dataclass, replace
from typing import Any, Self

from theorysim.core import validate
from theorysim.core.html import Shown
from theorysim.reweighting.data import GENERATED_TESTS, LabelledArrays, Data, Digits, SignalNoiseImages
from theorysim.reweighting.gram import KERNELS


@dataclass(frozen=True)
class KernelReweighting(Shown):
    """Training samples with noisy labels ±1, a few with clean ones, and a fixed kernel.

    Parameters
    ----------
    data : SignalNoiseImages, Digits or LabelledArrays
        Where inputs and true labels come from.
    n : int
        Training samples; each label is flipped with probability ``label_flip``.
    clean : int
        Clean samples m; each label is flipped with probability ``clean_label_flip``.
    test : int, optional
        Test samples, by default what the data has left, at most 1000.
    kernel : {"linear", "rbf", "ntk"}
        Of the training; see :func:`theorysim.reweighting.gram.gram`.
    bandwidth : float, optional
        Of "rbf"; by default the median distance between training inputs.
    label_flip, clean_label_flip : float
        Probabilities in [0, 1] that a label is flipped, once, before training.
    proxy_kernel : {"linear", "rbf", "ntk"}, optional
        The kernel between training and clean samples in the meta-gradient, when it is to differ from the one that
        f really follows.
    balanced_clean : bool
        As many clean samples with true label +1 as with −1, or one more. (Inferred: with it the figures of the
        theory come out; an unbalanced clean set favours the labels of one class.)

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """

    data: Data
    n: int
    clean: int
    test: int | None = None
    kernel: str = "linear"
    bandwidth: float | None = None
    label_flip: float = 0.4
    clean_label_flip: float = 0.0
    proxy_kernel: str | None = None
    balanced_clean: bool = True

    def __post_init__(self) -> None:
        validate.instance("data", self.data, (SignalNoiseImages, Digits, LabelledArrays))
        object.__setattr__(self, "n", validate.integer("n", self.n, 1))
        object.__setattr__(self, "clean", validate.integer("clean", self.clean, 1))
        if self.test is not None:
            object.__setattr__(self, "test", validate.integer("test", self.test, 0))
        validate.choice("kernel", self.kernel, KERNELS)
        if self.bandwidth is not None:
            object.__setattr__(self, "bandwidth", validate.real("bandwidth", self.bandwidth, 0, above=True))
        for name in ("label_flip", "clean_label_flip"):
            object.__setattr__(self, name, validate.real(name, getattr(self, name), 0, 1))
        if self.proxy_kernel is not None:
            validate.choice("proxy_kernel", self.proxy_kernel, KERNELS)
        object.__setattr__(self, "balanced_clean", validate.flag("balanced_clean", self.balanced_clean))

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def test_size(self) -> int:
        """Number of test samples.

        Raises
        ------
        ValueError
            When the data does not have n + clean + test samples.
        """
        available = self.data.available()
        if available is None:
            return GENERATED_TESTS if self.test is None else self.test
        left = available - self.n - self.clean
        if left < (self.test or 0):
            raise ValueError(f"n={self.n}, clean={self.clean}, test={self.test}: their sum must be at most {available},"
                             " the number of samples in the data")
        return min(left, GENERATED_TESTS) if self.test is None else self.test
