"""What is learned, from which labels, and the bilevel rule that learns it."""

from dataclasses import dataclass, replace
from typing import Any, Self

from theorysim.core import validate
from theorysim.reweighting.data import GENERATED_TESTS, LabelledArrays, Data, Digits, SignalNoiseImages
from theorysim.reweighting.gram import KERNELS

LOOK_AHEAD = ("exact", "none")


@dataclass(frozen=True)
class KernelReweighting:
    """Training samples with noisy labels ±1, a few with clean ones, and a fixed kernel.

    Parameters
    ----------
    data : SignalNoiseImages, Digits or LabelledArrays
        Where inputs and true labels come from.
    n : int
        Training samples; each label is flipped with probability ``label_noise``.
    clean : int
        Clean samples m; each label is flipped with probability ``clean_label_noise``.
    test : int, optional
        Test samples, by default what the data has left, at most 1000.
    kernel : {"linear", "rbf", "ntk"}
        Of the training; see :func:`theorysim.reweighting.gram.gram`.
    bandwidth : float, optional
        Of "rbf"; by default the median distance between training inputs.
    label_noise, clean_label_noise : float
        Flip probabilities in [0, 1].
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
    label_noise: float = 0.4
    clean_label_noise: float = 0.0
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
        for name in ("label_noise", "clean_label_noise"):
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


@dataclass(frozen=True)
class Reweighting:
    """Gradient descent on Σ_i w_i ½(f_i − y_i)², the weights by a gradient step on the clean loss one step ahead.

    Parameters
    ----------
    lr : float, optional
        η; by default ``lr_share``/λ_max(K_tt). Stable below 2/λ_max.
    lr_share : float
        c of the default of ``lr`` (inferred: 0.02).
    weight_lr : float, optional
        β in w ← clip_[0,1](w + βg); by default 0.1/median_i |(K_vtᵀ y^v)_i/m| (inferred).
    initial_weight : float
        w_i(0) in [0, 1].
    look_ahead : {"exact", "none"}
        Whether g takes the clean residuals after the step with the old weights, or those before it.
    clean_batch : int, optional
        Clean samples in the meta-gradient of a step, drawn without replacement; all by default.
    freeze_at : int or "t2", optional
        The weights stay as they are from this step on; "t2": from the first step t ≥ t1 at which the share of
        samples with sign g_i(t) = sign g_i(0) is below 0.9.
    reweight : bool
        False keeps the initial weights throughout.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """

    lr: float | None = None
    lr_share: float = 0.02
    weight_lr: float | None = None
    initial_weight: float = 0.5
    look_ahead: str = "exact"
    clean_batch: int | None = None
    freeze_at: int | str | None = None
    reweight: bool = True

    def __post_init__(self) -> None:
        if self.lr is not None:
            object.__setattr__(self, "lr", validate.real("lr", self.lr, 0, above=True))
        object.__setattr__(self, "lr_share", validate.real("lr_share", self.lr_share, 0, above=True))
        if self.weight_lr is not None:
            object.__setattr__(self, "weight_lr", validate.real("weight_lr", self.weight_lr, 0))
        object.__setattr__(self, "initial_weight", validate.real("initial_weight", self.initial_weight, 0, 1))
        validate.choice("look_ahead", self.look_ahead, LOOK_AHEAD)
        if self.clean_batch is not None:
            object.__setattr__(self, "clean_batch", validate.integer("clean_batch", self.clean_batch, 1))
        if isinstance(self.freeze_at, str):
            validate.choice("freeze_at", self.freeze_at, ("t2",))
        elif self.freeze_at is not None:
            object.__setattr__(self, "freeze_at", validate.integer("freeze_at", self.freeze_at, 0))
        object.__setattr__(self, "reweight", validate.flag("reweight", self.reweight))
