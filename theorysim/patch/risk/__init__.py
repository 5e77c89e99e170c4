"""Test error without test vectors: a Gaussian in 2m dimensions.

Two test distributions: *fresh*, (yμ, ξ) with a new ξ; and *memory*, (yμ, ξ_i + ζ) with a training noise vector ξ_i
and a further Gaussian ζ, the label y independent of i (the distribution of Han et al. 2025, Theorem 4.2).

On a fresh sample (yμ, ξ) the network's output is S_y + h(z) with S_y = Σ_k c_k σ(⟨w_k, yμ⟩) fixed,
h(z) = Σ_k c_k σ(z_k) and z_k = ⟨w_k, ξ⟩ jointly Gaussian with covariance σ_p² times the Gram matrix of the
filters (of their components orthogonal to μ when the noise is). The filters w(t) = w(0) + Σ_a b_a v_a are known in
the coordinates of the draw, which has n + 2m + 1 of them where no vector of dimension d exists, so a test set of
10⁵ samples costs milliseconds at any dimension. A bias coordinate adds its constant to every z_k. Data by law
(:class:`PatchModel`) has a fixed part and a shift of z for every state of a sample: label, spurious sign, and so on.

Errors too rare to be counted are estimated as such (:mod:`theorysim.rare_event`), in logarithms.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from theorysim.core import validate
from theorysim.patch.patch_data import PatchData
from theorysim.patch.patch_model import PatchModel
from theorysim.patch.risk.by_law import group_accuracy, of_model
from theorysim.patch.risk.counting import counted
from theorysim.patch.risk.estimate import Estimate
from theorysim.patch.risk.given import on_samples
from theorysim.patch.risk.mixture import checked_group
from theorysim.patch.risk.rare import refusal, rare
from theorysim.patch.risk.sampling import Reduced, noise_covariance, reduced
from theorysim.core.run import At, Steps
from theorysim.patch.trained import TrainedRun

if TYPE_CHECKING:
    import pandas as pd

LABELS = ("true", "observed")
KINDS = ("fresh", "memory")
METHODS = ("auto", "monte-carlo", "rare-event")

__all__ = ["Estimate", "Reduced", "accuracy_curve", "estimated", "group_accuracy", "log10_test_error_curve",
           "noise_covariance", "test_accuracy_curve", "test_error"]


def test_error(
    run: TrainedRun, at: At = "end", *, method: str = "auto", relative_error: float = 0.05, kind: str = "fresh",
    zeta_std: float = 0.0, n_test: int = 100_000, seed: int | None = None, labels: str | ArrayLike = "true",
    group: Mapping[str, Any] | None = None, patches: ArrayLike | None = None,
) -> Estimate:
    r"""Probability that a test sample is classified wrongly, y uniform; ties are errors.

    Parameters
    ----------
    run : PatchRun
        A run of a :class:`SignalNoise` or a :class:`PatchModel`; with ``patches`` of any problem.
    at : int or "end"
        A recorded step.
    method : {"auto", "monte-carlo", "rare-event"}
        Count errors among ``n_test`` noise vectors; or estimate the probability of a rare error, of any size, with
        one label after the other; or count first and, where that leaves more than ``relative_error``, the other.
    relative_error : float
        Standard error to aim for, relative to the probability, in (0, 0.5].
    kind : {"fresh", "memory"}
        (yμ, ξ) with fresh noise, or (yμ, ξ_i + ζ) with ξ_i drawn from the training noise and y independent of i.
    zeta_std : float
        Standard deviation of a coordinate of ζ, for "memory"; 0 for the training noise itself, whose 2n samples are
        then counted exactly.
    n_test : int
        Noise vectors drawn for counting; both labels are scored on each.
    seed : int, optional
        Seed of the test noise, the run's by default (with streams of its own). The same
        noise serves every step, so curves are smooth.
    labels : {"true", "observed"}, or an array
        Count errors against y, or against a test label that is flipped with the problem's own rates τ as training
        labels are: the average over y of τ_y + (1 − 2τ_y) P(error | y). With ``patches`` their labels, (N,) of ±1.
    group : mapping, optional
        Of a :class:`PatchModel`: only samples with these outcomes, such as ``{"spurious": "disagrees"}``, the minority
        whose spurious sign is not the label's (``problem.groups`` has all names and outcomes), or ``{"label": 1}``.
    patches : (N, P, d) array, optional
        A test set of your own in place of samples by law: errors are counted there, whatever the other keywords say
        of a law. It needs a draw with coordinates, ``draw="vectors"`` or patch data from vectors.

    Returns
    -------
    Estimate
        Counted, with an exact (Clopper–Pearson) 95% interval: where the signal part of the output is larger for
        y = +1 than for y = −1, at most one of the two labels fails on a given noise vector; otherwise at least one
        does. Either way the failures to be counted are binomial. (Observed labels with two different rates: an interval
        for each class, of 97.5% each. Data by law: one for each of the L pairs of states with both labels, or where
        features and noise share a patch each of the L states, of 1 − 5%/L each.) "exact" where no noise enters. On a
        test set the interval is that of the population it was drawn from. Rare: with the interval of
        :func:`theorysim.rare_event.log_probability`, and ``reliable`` false with a ``reason`` where the method does
        not trust itself.

    Raises
    ------
    ValueError
        When the step was not recorded, the problem is patch data, which has no test distribution, or the rare-event
        method does not apply (memory test, bias; by law other than one patch with one noise vector and no feature).
    """
    if patches is not None:
        if group is not None:
            raise ValueError(f"group={group!r}: must be None with patches=, which are given; choose among them")
        return on_samples(run, at, patches, labels)
    n_test = validate.integer("n_test", n_test, 1)
    validate.choice("method", method, METHODS)
    validate.choice("labels", labels, LABELS)
    validate.choice("kind", kind, KINDS)
    relative_error = validate.real("relative_error", relative_error, 0, 0.5, above=True)
    zeta_std = validate.real("zeta_std", zeta_std, 0)
    seed = run.seed if seed is None else validate.integer("seed", seed, 0)
    if kind == "fresh" and zeta_std:
        raise ValueError(f"zeta_std={zeta_std!r}: must be 0 with kind='fresh', it belongs to kind='memory'")
    problem = run.problem
    if isinstance(problem, PatchData):
        raise ValueError(f"problem={problem!r}: patch data has no test distribution; use run.predict(patches), or "
                         "test_error(patches=, labels=) with samples of your own")
    if kind == "memory" and isinstance(problem, PatchModel):
        raise ValueError(f"kind={kind!r}: is the test of a SignalNoise problem; must be 'fresh' for {problem!r}")
    if group is not None and not isinstance(problem, PatchModel):
        raise ValueError(f"group={group!r}: must be None for {problem!r}, only a PatchModel has groups")
    tau = problem.flip_rates if labels == "observed" else (0.0, 0.0)
    reason = refusal(run, kind)
    if method == "rare-event" and reason:
        raise ValueError(f"method='rare-event': {reason}; must be 'monte-carlo' or 'auto'")
    if isinstance(problem, PatchModel):
        chosen = checked_group(problem, group)
        return of_model(run, problem, at, chosen, method, relative_error, n_test, seed, tau, not reason)
    law = reduced(run, at, kind == "memory", zeta_std)
    return estimated(law, "monte-carlo" if reason else method, relative_error, n_test, seed, tau, kind)


def estimated(
    law: Reduced, method: str, relative_error: float, n_test: int, seed: int, tau: tuple[float, float] = (0.0, 0.0),
    kind: str = "fresh",
) -> Estimate:
    """The error of a reduced problem, against test labels flipped with rates tau; see :func:`test_error`."""
    if method == "rare-event":
        return rare(law, seed, relative_error, tau)
    found, errors = counted(law, kind, n_test, seed, tau)
    enough = errors >= relative_error**-2 or found.method == "exact" or any(tau)
    return found if method == "monte-carlo" or enough else rare(law, seed, relative_error, tau)


def test_accuracy_curve(
    run: TrainedRun, *, kind: str = "fresh", zeta_std: float = 0.0, n_test: int = 10_000, seed: int | None = None
) -> "pd.DataFrame":
    """Test accuracy, counted, at every recorded step with its 95% interval: columns test_accuracy, low, high."""
    return accuracy_curve(run.steps_recorded, [
        test_error(run, int(step), method="monte-carlo", kind=kind, zeta_std=zeta_std, n_test=n_test, seed=seed)
        for step in run.steps_recorded
    ])


def accuracy_curve(steps: Steps, errors: Sequence[Estimate]) -> "pd.DataFrame":
    """Accuracies from errors at some steps: columns test_accuracy, low, high."""
    import pandas as pd

    accuracy = [(1 - error.value, 1 - error.high, 1 - error.low) for error in errors]
    return pd.DataFrame(accuracy, columns=["test_accuracy", "low", "high"], index=pd.Index(steps, name="step"))


def log10_test_error_curve(
    run: TrainedRun, *, relative_error: float = 0.05, n_test: int = 20_000, seed: int | None = None
) -> "pd.DataFrame":
    """log₁₀ of the test error at every recorded step, however small: columns log10_test_error, low, high, reliable."""
    import pandas as pd

    found = [test_error(run, int(step), relative_error=relative_error, n_test=n_test, seed=seed)
             for step in run.steps_recorded]
    rows = [(one.log10_value, one.log10_low, one.log10_high, one.reliable) for one in found]
    index = pd.Index(run.steps_recorded, name="step")
    return pd.DataFrame(rows, columns=["log10_test_error", "low", "high", "reliable"], index=index)
