"""The result: coordinates of p, W and v at the recorded steps, a row of observables for every step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from theorysim.attention.algorithm import AttentionGD
from theorysim.attention.draw import SIGNALS, AttentionDraw
from theorysim.attention.problem import TokenSelection
from theorysim.attention.risk import FreshLaw, error_of, fresh_law, fresh_margins, loss_of
from theorysim.attention.stages import AttentionTimes, times_of
from theorysim.core import validate
from theorysim.core.intervals import Interval
from theorysim.core.labelled import RECORDED, Labelled
from theorysim.core.run import At, RowsRun

ATTENTION_OBSERVABLES = {
    "train_loss": "(1/n) Σ_i log(1 + exp(−y_i f(X_i))) on the observed labels",
    "train_error": "share of samples with y_i f(X_i) ≤ 0, observed labels",
    "clean_accuracy": "share of the samples with true labels whose label is predicted",
    "noisy_accuracy": "share of the samples with flipped labels whose observed label is predicted",
    "signal_weight_clean": "softmax weight on the relevant token, mean over samples with true labels",
    "weak_weight_clean": "softmax weight on all weakly relevant tokens together, the same mean",
    "noise_weight_clean": "softmax weight on all irrelevant tokens together, the same mean",
    "signal_weight_noisy": "softmax weight on the relevant token, mean over samples with flipped labels",
    "weak_weight_noisy": "softmax weight on all weakly relevant tokens together, the same mean",
    "noise_weight_noisy": "softmax weight on all irrelevant tokens together, the same mean",
    "query_norm": "‖p‖",
    "head_norm": "‖v‖",
}
N_TEST = 10_000

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class AttentionRun(RowsRun):
    """A trained attention, the result of :func:`theorysim.simulate`.

    :attr:`observables` has a row for every step. Coordinates are those of the package's docstring, of the nT training
    tokens, those of a sample one after the other.

    Attributes
    ----------
    query : (records, nT) array
        b, with p = Σ_a b_a W(0)ᵀx_a.
    carried : (records, nT) array
        c = R K b, with Wp = W(0)p + Σ_a c_a x_a; 0 where W is not trained.
    head : (records, nT) array
        h, with v = v(0) + Σ_a h_a x_a.
    keys : (nT, nT) array
        R at the last step, with W = W(0) + Σ_ab R_ab x_a (W(0)ᵀx_b)ᵀ; (0, 0) where W is not trained.
    """

    problem: TokenSelection
    algorithm: AttentionGD
    draw: AttentionDraw
    query: Array
    carried: Array
    head: Array
    keys: Array

    HEADLINE: ClassVar[Sequence[str]] = ("train_loss", "signal_weight_clean")
    PER_RECORD: ClassVar[Sequence[str]] = ("steps_recorded", "query", "carried", "head")
    MEANINGS: ClassVar[Mapping[str, str]] = ATTENTION_OBSERVABLES

    def named_arrays(self) -> dict[str, Labelled]:
        """Coordinates of p, Wp and v over all training tokens, and the softmax weights by sample and token."""
        weights = np.stack([self.attention(int(step)) for step in self.steps_recorded])
        meanings = {"query": "b of p = Σ_a b_a W(0)ᵀx_a", "carried": "c of Wp = W(0)p + Σ_a c_a x_a",
                    "head": "h of v = v(0) + Σ_a h_a x_a"}
        coordinates = {name: Labelled((RECORDED, "training_token"), getattr(self, name), meaning)
                       for name, meaning in meanings.items()}
        return coordinates | {"attention": Labelled((RECORDED, "sample", "token"), weights, "softmax of the scores")}

    def stage_times(self) -> AttentionTimes:
        """When the relevant token is selected and labels are fitted, see :class:`AttentionTimes`."""
        return times_of(self.column)

    def scores(self, at: At = "end") -> Array:
        """(n, T) scores x·Wp at a recorded step."""
        record, tokens = self.record(at), slice(SIGNALS, None)
        found: Array = (self.draw.key_gram[tokens, tokens] @ self.query[record]
                        + self.draw.gram[tokens, tokens] @ self.carried[record])
        return found.reshape(self.draw.n, -1)

    def attention(self, at: At = "end") -> Array:
        """(n, T) softmax of the scores at a recorded step."""
        scores = self.scores(at)
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        found: Array = weights / weights.sum(axis=1, keepdims=True)
        return found

    def fresh(self, at: At = "end") -> FreshLaw:
        """The law of scores and values of fresh tokens at a recorded step."""
        record = self.record(at)
        return fresh_law(self.problem, self.draw, self.query[record], self.carried[record], self.head[record])

    def margins(self, at: At = "end", n_test: int = N_TEST, seed: int | None = None) -> Array:
        """(n_test,) y f(X) of fresh samples with their true labels, at a recorded step; exact in law.

        Parameters
        ----------
        at : int or "end"
        n_test : int
        seed : int, optional
            Of the fresh samples; by default that of the run.
        """
        n_test = validate.integer("n_test", n_test, 1)
        seed = self.seed if seed is None else validate.integer("seed", seed, 0)
        return fresh_margins(self.problem, self.fresh(at), n_test, seed)

    def test_error(self, at: At = "end", n_test: int = N_TEST, seed: int | None = None) -> Interval:
        """P(y f(X) ≤ 0) on fresh samples, true labels, with its 95% interval for this run; arguments of margins()."""
        return error_of(self.margins(at, n_test, seed))

    def test_loss(self, at: At = "end", n_test: int = N_TEST, seed: int | None = None) -> Interval:
        """E log(1 + exp(−y f(X))) on fresh samples, true labels, with its 95% interval for this run."""
        return loss_of(self.margins(at, n_test, seed))
