"""One realisation: kernel matrices and labels, drawn or given."""

from dataclasses import dataclass, field
from typing import cast

import numpy as np
from numpy.typing import NDArray

from theorysim.core import blas, validate
from theorysim.core.html import Shown
from theorysim.core.seeds import Stream, generator
from theorysim.reweighting.algorithm import Reweighting
from theorysim.reweighting.data import Sizes
from theorysim.reweighting.gram import gram, median_distance
from theorysim.reweighting.problem import KernelReweighting

SYMMETRY = 1e-10  # asymmetry of K_tt allowed, relative to its largest entry

Array = NDArray[np.float64]
_DEFAULT = cast(Array, None)  # what a field left out holds until __post_init__ has put its array there


@dataclass(frozen=True, eq=False)
class ReweightingDraw(Shown):
    """Everything that the dynamics need.

    Parameters
    ----------
    train_kernel : (n, n) array, symmetric
        K_tt.
    clean_kernel : (m, n) array
        K_vt, clean × training samples.
    labels : (n,) array of ±1
        y as observed.
    clean_labels : (m,) array of ±1
        y^v as observed.
    true_labels : (n,) array of ±1, optional
        y*; by default the observed ones. Samples with y ≠ y* are the noisy ones: observables only.
    test_kernel : (T, n) array, optional
    test_labels : (T,) array of ±1, optional
    proxy_kernel : (m, n) array, optional
        K_vt of the meta-gradient; ``clean_kernel`` by default.
    inputs : (n + m + T, d) array, optional
        For the explicit network.

    Attributes
    ----------
    outputs_kernel : (n + m, n) array
        K_tt above K_vt.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """

    # Anything that NumPy makes an array of may be given; afterwards each is a read-only array, none is None.
    train_kernel: Array
    clean_kernel: Array
    labels: Array
    clean_labels: Array
    true_labels: Array = _DEFAULT
    test_kernel: Array = _DEFAULT
    test_labels: Array = _DEFAULT
    proxy_kernel: Array = _DEFAULT
    inputs: Array | None = None
    outputs_kernel: Array = field(init=False)

    def __post_init__(self) -> None:
        labels = validate.signs("labels", self.labels, None)
        clean_labels = validate.signs("clean_labels", self.clean_labels, None)
        n, m = labels.size, clean_labels.size
        if n == 0 or m == 0:
            raise ValueError(f"labels, clean_labels: have {n} and {m} entries, must have at least 1")
        train = validate.array("train_kernel", self.train_kernel, n, n)
        if np.abs(train - train.T).max() > SYMMETRY * np.abs(train).max():
            raise ValueError("train_kernel: must be symmetric")
        clean = validate.array("clean_kernel", self.clean_kernel, m, n)
        stacked = validate.array("train_kernel", np.concatenate([train, clean]), n + m, n)
        test_labels = validate.signs("test_labels", _default(self.test_labels, np.empty(0)), None)
        values = {
            "labels": labels, "clean_labels": clean_labels, "outputs_kernel": stacked,
            "train_kernel": stacked[:n], "clean_kernel": stacked[n:], "test_labels": test_labels,
            "test_kernel": validate.array(
                "test_kernel", _default(self.test_kernel, np.empty((0, n))), test_labels.size, n),
            "true_labels": validate.signs("true_labels", _default(self.true_labels, labels), n),
            "proxy_kernel": validate.array("proxy_kernel", _default(self.proxy_kernel, clean), m, n),
        }
        if self.inputs is not None:
            values["inputs"] = validate.array("inputs", self.inputs, n + m + test_labels.size, None)
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return (f"ReweightingDraw(n={self.n}, flipped={int(self.noisy.sum())}, clean={self.clean}, "
                f"test={self.test_labels.size})")

    @property
    def n(self) -> int:
        """Number of training samples."""
        return int(self.outputs_kernel.shape[1])

    @property
    def clean(self) -> int:
        """Number of clean samples m."""
        return int(self.outputs_kernel.shape[0]) - self.n

    @property
    def noisy(self) -> NDArray[np.bool_]:
        """Whether y_i ≠ y*_i, (n,)."""
        noisy: NDArray[np.bool_] = self.labels != self.true_labels
        return noisy

    @property
    def fingerprint(self) -> bytes:
        """Equal for equal draws, and hardly ever for others."""
        return self.outputs_kernel.tobytes() + self.labels.tobytes()

    def largest_eigenvalue(self) -> float:
        """λ_max(K_tt)."""
        import scipy.linalg

        top = scipy.linalg.eigvalsh(self.train_kernel, subset_by_index=(self.n - 1, self.n - 1))
        return float(top[0])

    def learning_rates(self, algorithm: Reweighting) -> tuple[float, float]:
        """(η, β), with the defaults c/λ_max(K_tt) and 0.1/median_i |(K_vtᵀ y^v)_i/m|.

        Raises
        ------
        ValueError
            When a default has nothing to be scaled by: a kernel of zeros.
        """
        lr, weight_lr = algorithm.lr, algorithm.weight_lr
        if lr is None:
            top = self.largest_eigenvalue()
            if not top > 0:
                raise ValueError(f"lr=None: must be given when the largest eigenvalue of K_tt is {top:g}")
            lr = algorithm.lr_share / top
        if weight_lr is None:
            scale = float(np.median(np.abs(self.proxy_kernel.T @ self.clean_labels)) / self.clean)
            if algorithm.reweight and not scale > 0:
                raise ValueError("weight_lr=None: must be given when the median of |(K_vt^T y^v)_i| is 0")
            weight_lr = 0.1 / scale if scale > 0 else 0.0
        return lr, weight_lr


def _default(given: Array | None, otherwise: Array) -> Array:
    return otherwise if given is None else given


def draw_reweighting(problem: KernelReweighting, seed: int = 0) -> ReweightingDraw:
    """One realisation of a problem: what :func:`theorysim.simulate` draws from this seed.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed; also when the data has too few samples.
    ImportError
        When the digits are asked for and scikit-learn is missing.
    """
    validate.instance("problem", problem, (KernelReweighting,))
    seed = validate.integer("seed", seed, 0)
    n, m, test = problem.n, problem.clean, problem.test_size()
    inputs, true = problem.data.draw(Sizes(n, m, test, problem.balanced_clean), seed)
    flips = [generator(seed, Stream.REWEIGHTING_LABELS, which).random(size) < probability for which, size, probability
             in ((0, n, problem.label_flip), (1, m, problem.clean_label_flip))]
    train, clean, rest = inputs[:n], inputs[n:n + m], inputs[n + m:]
    with blas.single_threaded():
        width = problem.bandwidth or (median_distance(train) if "rbf" in (problem.kernel, problem.proxy_kernel) else 1)
        kernel = problem.kernel
        proxy = gram(problem.proxy_kernel or kernel, clean, train, width)
        return ReweightingDraw(
            gram(kernel, train, train, width), gram(kernel, clean, train, width),
            np.where(flips[0], -1.0, 1.0) * true[:n], np.where(flips[1], -1.0, 1.0) * true[n:n + m], true[:n],
            gram(kernel, rest, train, width), true[n + m:],
            proxy,
            inputs,
        )
