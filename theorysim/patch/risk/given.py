"""Test errors on samples of one's own."""

from numpy.typing import ArrayLike

from theorysim.core import intervals as binomial, validate
from theorysim.core.run import At
from theorysim.patch.risk.estimate import Estimate
from theorysim.patch.trained import TrainedRun


def on_samples(run: TrainedRun, at: At, patches: ArrayLike, labels: ArrayLike) -> Estimate:
    """The share of given samples (N, P, d) that are classified other than labelled (N,); ties are errors.

    The interval is the exact (Clopper–Pearson) one for the population that the samples were drawn from.
    """
    if isinstance(labels, str):
        raise ValueError(f"labels={labels!r}: must be an array of ±1, one for each sample, with patches=")
    outputs = run.predict(patches, at)
    if not outputs.size:
        raise ValueError("patches: has no samples, must have at least one")
    wrong = int((outputs * validate.signs("labels", labels, outputs.size) <= 0).sum())
    low, high = binomial.interval(wrong, outputs.size)
    return Estimate(wrong / outputs.size, low, high, "test set", "given", evaluations=outputs.size)
