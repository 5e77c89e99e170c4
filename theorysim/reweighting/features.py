"""Feature-based reweighting: sample weights from the features of any network, for any number of classes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theorysim.core import validate
from theorysim.core.html import Shown

Array = NDArray[np.float64]
VARIANTS = ("paper", "match-only")
BLOCK = 2**20  # entries of features worked on at a time


@dataclass(frozen=True, eq=False)
class FeatureWeights(Shown):
    """What :func:`feature_reweighting` finds.

    Attributes
    ----------
    weights : (n,) array
        Updated sample weights, in [0, 1].
    scores : (n,) array
        d_i, the direction of the update: positive for samples whose label agrees with their features.
    step : float
        β as given, or as chosen from the scores.
    """

    weights: Array
    scores: Array
    step: float

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """The (n,) samples not trusted: d_i ≤ 0."""
        return ~(self.scores > 0)

    def __repr__(self) -> str:
        return (f"FeatureWeights(n={self.weights.size}, flagged={int(self.flagged.sum())}, "
                f"mean_weight={self.weights.mean():.3g}, step={self.step:.3g})")


def feature_reweighting(
    features: ArrayLike,
    labels: ArrayLike,
    clean_features: ArrayLike,
    clean_labels: ArrayLike,
    weights: ArrayLike | None = None,
    step: float | None = None,
    centre: bool = True,
    row_shift: bool = True,
    label_signed: bool = True,
    variant: str = "paper",
) -> FeatureWeights:
    """One update of sample weights by how similar samples are to a small clean set, class by class.

    With features φ_i and labels y_i of the training samples, φ_j^v and y_j^v of the m clean ones, of which m_c are in
    class c (Zhang et al. 2025, feature-based reweighting, once per epoch)::

        K_ij = ⟨φ_i − φ̄^v, φ_j^v − φ̄^v⟩           centred by the mean φ̄^v of the clean set             (paper)
        s_ic = (1/m_c) Σ_{j: y_j^v = c} K_ij        class similarities                                   (inferred)
        S_ij = K_ij − s_i^(2)                       shifted by the second largest class similarity       (paper)
        M_ij = 1 if y_i = y_j^v else −1/(C − 1)     mask of labels                                       (paper)
        d_i  = (1/m) Σ_j M_ij S_ij                  row sums (paper), divided by m                       (inferred)
        w_i  ← clip_[0,1](w_i + β d_i)                                                                   (paper)

    "match-only" (derived) has 0 for −1/(C − 1), so d_i = (m_{y_i}/m)(s_{i,y_i} − s_i^(2)): positive exactly when the
    label's class alone is the most similar one, and 0 without rounding where it is the second. Measured on small
    images of digits, d > 0 is then the better rule from 40% wrong labels on, and the worse one at 20%.

    M_ij is C/(C − 1) times the product (e_{y_i} − 1/C)·(e_{y_j^v} − 1/C) of initial residuals. Where every class has
    equally many clean samples its rows sum to 0, and "paper" is the same with row shift and without; with row shift,
    nothing changes when a constant is added to a row of K (derived).

    Parameters
    ----------
    features : (n, d) array
        Of the training samples, from the last hidden layer, say.
    labels : (n,) array of integers
        Their labels, possibly wrong; any integers, all of them classes of the clean set.
    clean_features : (m, d) array
    clean_labels : (m,) array of integers
        They define the C ≥ 2 classes. A single class is refused: there would be no other to compare with.
    weights : (n,) array, optional
        w in [0, 1] before the update; ½ by default (inferred).
    step : float, optional
        β; by default 0.1/median|d_i| over the d_i ≠ 0, so that a typical weight moves by a tenth (inferred). A
        default β changes from call to call: fix it when weights are updated repeatedly.
    centre : bool
        False leaves φ̄^v out.
    row_shift : bool
        False leaves s_i^(2) out.
    label_signed : bool
        False replaces the mask by ones: an ablation, blind to the labels. Only for "paper".
    variant : {"paper", "match-only"}

    Returns
    -------
    FeatureWeights
        Weights and scores (n,), and the step.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and what is allowed.

    Notes
    -----
    The row sums need class means only, so K is never formed: time O(nCd), memory one float64 copy of the features
    and blocks of about a million entries.
    """
    trained = _features("features", features)
    clean = _features("clean_features", clean_features)
    if clean.shape[1] != trained.shape[1]:
        raise ValueError(f"clean_features: has shape {clean.shape}, must have shape ('any', {trained.shape[1]}), as "
                         f"features has shape {trained.shape}")
    given = _labels("labels", labels, "features", trained)
    classes, clean_at = np.unique(_labels("clean_labels", clean_labels, "clean_features", clean), return_inverse=True)
    if classes.size < 2:
        raise ValueError(f"clean_labels: has one class, {classes[0]}; must have at least 2")
    at = _places(given, classes)
    before = np.full(at.size, 0.5) if weights is None else _weights(weights, trained)
    beta = None if step is None else validate.real("step", step, 0, above=True)
    centre, row_shift = validate.flag("centre", centre), validate.flag("row_shift", row_shift)
    label_signed, variant = validate.flag("label_signed", label_signed), validate.choice("variant", variant, VARIANTS)
    if not label_signed and variant == "match-only":
        raise ValueError("label_signed=False: must be True with variant='match-only', whose mask has no sign")

    counts = np.bincount(clean_at)
    if not label_signed:
        own, rest = np.zeros(classes.size), -1.0
    elif variant == "paper":
        own, rest = counts * classes.size / (clean.shape[0] * (classes.size - 1)), 1 / (classes.size - 1)
    else:
        own, rest = counts / clean.shape[0], 0.0
    with np.errstate(over="ignore", invalid="ignore"):  # seen in the scores
        scores = _scores(trained, at, clean, clean_at, counts, own, rest, centre, row_shift)
        if not np.isfinite(scores).all():
            raise ValueError(f"features, clean_features: have entries up to {np.abs(trained).max():.3g} and "
                             f"{np.abs(clean).max():.3g}, must have inner products below {np.finfo(float).max:.3g}")
        if beta is None:
            beta = _default_step(scores)
        after = np.clip(before + beta * scores, 0.0, 1.0)
    after.setflags(write=False)
    scores.setflags(write=False)
    return FeatureWeights(after, scores, beta)


def _scores(
    features: Array, at: NDArray[np.intp], clean: Array, clean_at: NDArray[np.intp], counts: NDArray[np.intp],
    own: Array, rest: float, centre: bool, row_shift: bool,
) -> Array:
    """d_i = own_{y_i} (s_{i,y_i} − s_i^(2)) − rest (k_i − s_i^(2)), where k_i = (1/m) Σ_j K_ij.

    All K_ij count −rest/m; those of the label's class own_c/m_c besides.
    """
    mean = clean.mean(axis=0) if centre else np.zeros(clean.shape[1])
    means = np.zeros((counts.size, clean.shape[1]))
    np.add.at(means, clean_at, clean - mean)
    means /= counts[:, None]
    rows = max(1, BLOCK // max(means.shape))
    scores = np.empty(at.size)
    for start in range(0, at.size, rows):
        block = slice(start, start + rows)
        similar = (features[block] - mean) @ means.T
        labelled = np.take_along_axis(similar, at[block, None], axis=1)[:, 0]
        overall = similar @ (counts / clean.shape[0])
        second = np.partition(similar, -2, axis=1)[:, -2] if row_shift else np.zeros(overall.size)
        scores[block] = own[at[block]] * (labelled - second) - rest * (overall - second)
    return scores


def _default_step(scores: Array) -> float:
    """0.1 over the median of the |d_i| that are not 0; 0 when all are."""
    sizes = np.abs(scores[scores != 0])
    if sizes.size == 0:
        return 0.0
    return float(min(0.1 / np.median(sizes), np.finfo(float).max))


def _features(name: str, value: ArrayLike) -> Array:
    """A matrix with at least one row and one column."""
    found = validate.array(name, value, None, None)
    if 0 in found.shape:
        raise ValueError(f"{name}: has shape {found.shape}, must have at least one row and one column")
    return found


def _labels(name: str, value: ArrayLike, of: str, rows: Array) -> NDArray[np.int64]:
    """One integer for each row; they may be stored as floats."""
    try:
        found = np.asarray(value)
    except ValueError as error:
        raise TypeError(f"{name}: must be an array of integers ({error})") from None
    if found.dtype.kind not in "biuf":
        raise TypeError(f"{name}: must be an array of integers, not of {found.dtype}")
    if found.shape != rows.shape[:1]:
        raise ValueError(f"{name}: has shape {found.shape}, must have shape {rows.shape[:1]}, as {of} has shape "
                         f"{rows.shape}")
    if found.dtype.kind == "f":
        found = found.astype(np.float64)
        wrong = (found != np.floor(found)) | ~((found >= -(2.0**63)) & (found < 2.0**63))
    else:
        wrong = (found > np.iinfo(np.int64).max) if found.dtype.kind == "u" else np.zeros(found.shape, dtype=bool)
    if wrong.any():
        where = int(wrong.argmax())
        raise ValueError(f"{name}[{where}]={found[where]}: must be an integer in [-2^63, 2^63)")
    return found.astype(np.int64)


def _places(labels: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.intp]:
    """Where the labels are among the classes."""
    at = np.minimum(np.searchsorted(classes, labels), classes.size - 1)
    missing = classes[at] != labels
    if missing.any():
        where = int(missing.argmax())
        known = ", ".join(map(str, classes[:10])) + (", ..." if classes.size > 10 else "")
        raise ValueError(f"labels[{where}]={labels[where]}: must be a class of clean_labels, which has {known}")
    return at


def _weights(value: ArrayLike, rows: Array) -> Array:
    """Numbers in [0, 1], one for each row."""
    found = validate.array("weights", value, rows.shape[0])
    wrong = (found < 0) | (found > 1)
    if wrong.any():
        where = int(wrong.argmax())
        raise ValueError(f"weights[{where}]={found[where]:g}: must be in [0, 1]")
    return found
