"""The second-order law of a problem, an algorithm, a draw or a run: plain numbers for the rest of this folder.

Speaks of the squared ReLU (q = 2) on signal-noise data with noise orthogonal to the signal and true labels, where
gradient descent multiplies labels by noise; noise vectors nearly orthogonal to each other, d ≫ n. Derived.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from theorysim.core import validate
from theorysim.core.run import At
from theorysim.patch.algorithm import Flip, Gaussian, GradientDescent, LabelNoise
from theorysim.patch.draw import Draw
from theorysim.patch.fits import check_fits
from theorysim.patch.problem import Problem, SignalNoise
from theorysim.patch.risk import noise_covariance
from theorysim.patch.run import PatchRun
from theorysim.theory.second_order.error import minus_log_error
from theorysim.theory.second_order.identity import Growth, pathwise
from theorysim.theory.second_order.limits import Phase, phase
from theorysim.theory.second_order.memory import psi
from theorysim.theory.second_order.multipliers import Multipliers
from theorysim.theory.second_order.starts import ClassStart, class_start
from theorysim.theory.second_order.times import (
    first_stage,
    first_stage_expected,
    second_stage,
    second_stage_expected,
)

Array = NDArray[np.float64]
BRANCHES = (1, -1)


@dataclass(frozen=True)
class Prediction:
    """What the law says of a setting, in steps; ∞ where a time does not come.

    Attributes
    ----------
    kappa, psi : float
        κ = ησ_p²d/(nm) and Ψ.
    phase : Phase
        What becomes of memory.
    T1 : float
        The median of T1; NaN where memory is killed, as some samples die before the last is memorised.
    T2, T2_slower : float
        When max γ is reached by the faster class, as T2 is defined, and by the slower one; at least T1.
    """

    kappa: float
    psi: float
    phase: Phase
    T1: float
    T2: float
    T2_slower: float


def law_of(label_noise: LabelNoise | None) -> Multipliers:
    """The law of ε of an algorithm; ε = 1 without label noise."""
    if label_noise is None:
        return Multipliers.flips(0.0)
    if isinstance(label_noise, Flip):
        return Multipliers.flips(label_noise.p)
    if isinstance(label_noise, Gaussian):
        return Multipliers.gaussian(label_noise.mean, label_noise.std)
    return Multipliers.uniform(label_noise.low, label_noise.high)


def starts_of(draw: Draw) -> tuple[ClassStart, ClassStart]:
    """Where the classes +1 and −1 of a draw start.

    Raises
    ------
    ValueError
        When no filter of a class is aligned with its signal, or none is active on any of its samples.
    """
    signal, noise = _products(draw.inner, draw)
    plus, minus = (class_start(label * signal[branch], noise[branch][:, draw.labels == label])
                   for branch, label in enumerate(BRANCHES))
    return plus, minus


def predicted(
    problem: SignalNoise, algorithm: GradientDescent, draw: Draw | None = None, *, theta: float = 0.1,
    threshold: float = 1.0,
) -> Prediction:
    """T1 and T2 of a setting with label noise: of a draw, or, without one, as expected over draws.

    Parameters
    ----------
    problem, algorithm
        With ``label_noise``.
    draw : Draw, optional
    theta, threshold : float
        Of ρ̄ for T1 and of γ for T2, as of :meth:`PatchRun.stage_times`.

    Raises
    ------
    ValueError
        For a setting that the law does not speak of, and a draw of which a class has no start (:func:`starts_of`).
    """
    _checked(problem)
    if not algorithm.is_plain() or algorithm.label_noise is None:
        raise ValueError(f"algorithm={algorithm!r}: must be plain gradient descent with label noise")
    law, kappa, snr_squared = law_of(algorithm.label_noise), problem.kappa(algorithm.lr), problem.snr**2
    if draw is None:
        scales = problem.init_std * problem.signal_norm, problem.init_scale
        first = first_stage_expected(kappa, law, problem.n, problem.m, problem.init_scale, theta)
        times = [second_stage_expected(kappa, snr_squared, law, problem.n, problem.m, *scales, threshold, slower=slower)
                 for slower in (False, True)]
    else:
        check_fits(draw, problem)
        own = _own(_products(draw.inner, draw)[1], draw).max(axis=0)
        first = first_stage(kappa, law, own, theta) if own.min() > 0 else float("inf")
        times = sorted(second_stage(one, kappa, snr_squared, law, threshold) for one in starts_of(draw))
    fate = phase(kappa, law)
    first = float("nan") if fate == Phase.KILLED else first
    reached = first if np.isfinite(first) else 0.0
    return Prediction(kappa, psi(kappa, law), fate, first, *(max(one, reached) for one in times))


def pathwise_of(run: PatchRun, label: int) -> Growth:
    """The identity of a run that recorded every step, for one class: its largest signal filter, and of every sample
    the own filter that starts largest.

    Raises
    ------
    ValueError
        When steps are missing among the records, or one of these filters is not active throughout.
    """
    validate.choice("label", str(label), ("1", "-1"))
    _checked(run.problem)
    steps = run.steps_recorded
    if len(steps) < 2 or (np.diff(steps) != 1).any():
        raise ValueError(f"run: has {len(steps)} records from step {steps[0]} to {steps[-1]}, must have one of every "
                         "step: simulate with record_every=1")
    branch, members = BRANCHES.index(label), run.draw.labels == label
    signal, noise = label * run.signal_products()[:, branch], run.noise_products()[:, branch][..., members]
    top = int(signal[0].argmax())
    own = np.take_along_axis(noise, noise[0].argmax(axis=0)[None, None], axis=1)[:, 0]
    if signal[:, top].min() <= 0 or own.min(initial=np.inf) <= 0:
        raise ValueError(f"label={label}: its filters do not stay active: the smallest product with the signal is "
                         f"{signal[:, top].min():g}, with a sample's own noise {own.min(initial=np.inf):g}")
    outputs = np.array([run.outputs(int(step)) for step in steps[:-1]])[:, members] * label
    epsilon = run.label_multipliers(int(steps[-1]))[steps[0]:, members]
    rate = run.algorithm.lr / (run.draw.n * run.draw.m)
    norms = np.diag(run.draw.gram)
    return pathwise(
        float(np.log(signal[-1, top] / signal[0, top])), np.log(own[-1] / own[0]), epsilon * expit(-epsilon * outputs),
        rate * norms[run.draw.owner >= 0][members], rate * float(norms[0]),
    )


def minus_log_error_of(run: PatchRun, at: At = "end") -> float:
    """−ln of the test error to leading order, min over y of mS_y/(2μ_{−y}), from a recorded step.

    S_y is the signal part of the output and μ_{−y} the top eigenvalue of the covariance that fresh noise has on the
    filters of branch −y, as measured: memory, initial weights and cross-talk of samples. Within 5% of estimates as rare
    events beyond −ln = 1000, most within 1%.
    """
    _checked(run.problem)
    signal, _ = _products(run.products(at), run.draw)
    m = run.draw.m
    covariance = noise_covariance(run, at)
    parts, tops = [], []
    for branch, label in enumerate(BRANCHES):
        answers = (np.maximum(label * signal, 0.0) ** 2).mean(axis=1)
        parts.append(max(answers[branch] - answers[1 - branch], 0.0))
        tops.append(float(np.linalg.norm(covariance[branch * m:(branch + 1) * m, branch * m:(branch + 1) * m], 2)))
    return minus_log_error(parts, tops, m)


def _products(inner: Array, draw: Draw) -> tuple[Array, Array]:
    """⟨w_{j,r}, μ⟩ (2, m) and ⟨w_{j,r}, ξ_i⟩ (2, m, n) from (2m, n + 1)."""
    return inner[:, 0].reshape(2, draw.m), inner[:, 1:].reshape(2, draw.m, draw.n)


def _own(noise: Array, draw: Draw) -> Array:
    """Of (2, m, n) the branch of each sample's label, (m, n)."""
    own: Array = np.where(draw.labels > 0, noise[0], noise[1])
    return own


def _checked(problem: Problem) -> SignalNoise:
    """The problem, if the law speaks of it."""
    if not isinstance(problem, SignalNoise):
        raise TypeError(f"problem={problem!r}: must be a SignalNoise, not {type(problem).__name__}")
    wrong = [text for text, other in (
        ("q = 2", problem.q != 2), ("the standard network", not problem.is_standard),
        ("orthogonal_noise", not problem.orthogonal_noise), ("bias = 0", bool(problem.bias)),
        ("label_flip = 0", any(problem.flip_rates)), ("init_law = 'normal'", problem.init_law != "normal"),
        ("signal_norm > 0", problem.signal_norm == 0), ("init_std > 0", problem.init_std == 0)) if other]
    if wrong:
        raise ValueError(f"problem={problem!r}: must have {', '.join(wrong)} for the second-order law")
    return problem
