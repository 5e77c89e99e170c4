"""The weights W* that gradient descent of Huang et al. 2025 is compared with in stage 2, and what it says of them.

w*_{j,r} = w_{j,r}(0) + 2m log(2/ε) Σ_i ξ_i/‖ξ_i‖², all samples for every filter as the paper prints it. Everything is a
quadratic form in the Gram matrix of the patches, so no vector in d dimensions is needed.
"""

import numpy as np

from theorysim.papers.huang2025 import quantities as q
from theorysim.papers.huang2025.evidence import HuangEvidence
from theorysim.theory.statement import Array, Steps


def _towards(evidence: HuangEvidence, own_only: bool = False) -> Array:
    """Coefficients of W* − W(0) over the atoms, (2m, 1 + n); ``own_only``: with 1(y_i = j) in the sum."""
    draw, p = evidence.run.draw, evidence.problem
    size = 2 * p.m * np.log(2 / evidence.constants.epsilon)
    branch = np.repeat([1.0, -1.0], p.m)[:, None]
    wanted = (branch == draw.observed_labels) if own_only else np.ones((2 * p.m, draw.n), dtype=bool)
    return np.hstack([np.zeros((2 * p.m, 1)), size * wanted / np.diag(draw.gram)[1:]])


def _slopes(evidence: HuangEvidence, step: int) -> Array:
    """j σ'(⟨w_{j,r}, x⟩)/m at the patches y_iμ and ξ_i of every sample, (2, 2m, n)."""
    draw, inner = evidence.run.draw, evidence.run.products(step)
    branch = np.repeat([1.0, -1.0], evidence.problem.m)[:, None] / evidence.problem.m
    along = np.stack([inner[:, :1] * draw.labels, inner[:, 1:]])
    slopes: Array = branch * evidence.problem.q * np.maximum(along, 0.0) ** (evidence.problem.q - 1)
    return slopes


def distance(evidence: HuangEvidence, step: int) -> float:
    """‖W(t) − W*‖_F at a recorded step."""
    gap = evidence.run.coefficients[evidence.run.record(step)] - _towards(evidence)
    return float(np.sqrt(max(np.einsum("ka,ab,kb->", gap, evidence.run.draw.gram, gap), 0.0)))


def alignment(evidence: HuangEvidence, step: int, own_only: bool = False) -> float:
    """min over i of y_i⟨∇f(W(t), x_i), W*⟩."""
    draw = evidence.run.draw
    optimum = draw.inner + _towards(evidence, own_only) @ draw.gram
    signal, noise = _slopes(evidence, step)
    sums = (signal * (optimum[:, :1] * draw.labels) + noise * optimum[:, 1:]).sum(axis=0)
    return float((draw.observed_labels * sums).min())


def gradient_ratio(evidence: HuangEvidence, step: int) -> float:
    """‖∇L_S‖²_F/L_S."""
    draw = evidence.run.draw
    margins = draw.observed_labels * evidence.run.outputs(step)
    push = draw.observed_labels / (1 + np.exp(np.minimum(margins, 700.0))) / draw.n
    signal, noise = _slopes(evidence, step) * push
    gradient = np.hstack([(signal * draw.labels).sum(axis=1, keepdims=True), noise])
    return float(np.einsum("ka,ab,kb->", gradient, draw.gram, gradient) / np.logaddexp(0, -margins).mean())


def alignments(evidence: HuangEvidence, steps: Steps) -> list[float]:
    """The same at recorded steps."""
    return [alignment(evidence, int(step)) for step in steps]


def own_alignments(evidence: HuangEvidence, steps: Steps) -> list[float]:
    """The same with the W* of Cao et al., each filter along the noises of its own branch."""
    return [alignment(evidence, int(step), own_only=True) for step in steps]


def gradient_ratios(evidence: HuangEvidence, steps: Steps) -> list[float]:
    """The same at recorded steps."""
    return [gradient_ratio(evidence, int(step)) for step in steps]


def gradient_bound(evidence: HuangEvidence) -> float:
    """C max{‖μ‖², σ_p² d}."""
    p = evidence.problem
    return float(evidence.constants.C * max(p.signal_norm**2, p.noise_std**2 * p.d))


def distances(evidence: HuangEvidence, steps: Steps) -> list[float]:
    """‖W(t) − W*‖_F at recorded steps."""
    return [distance(evidence, int(step)) for step in steps]


def distance_bound(evidence: HuangEvidence) -> float:
    """4C log(2/ε) √log(8mn/δ) m^{3/2} n^{1/2}/(σ_p √d): ‖W* − W(0)‖_F is 4 log(2/ε) of it where noises are shortest."""
    p, c = evidence.problem, evidence.constants
    hidden = 4 * c.C * np.log(2 / c.epsilon) * q.log_width(evidence)
    return float(hidden * p.m**1.5 * np.sqrt(p.n / p.d) / p.noise_std)


def losses_since(evidence: HuangEvidence, steps: Steps) -> Array:
    """Σ of L_S from the first of the steps up to each."""
    return np.cumsum(evidence.column("train_loss", steps))


def losses_bound(evidence: HuangEvidence, steps: Steps) -> Array:
    """‖W(T1) − W*‖²_F/η + ε(number of steps)."""
    evidence.records(steps[:1])  # or not sampled
    start = distance(evidence, int(steps[0])) ** 2 / evidence.run.algorithm.lr
    return start + evidence.constants.epsilon * (steps - steps[0] + 1)
