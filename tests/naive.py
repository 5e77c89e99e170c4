"""Loop-level reference of the patch network: explicit weights in d dimensions, one filter and patch at a time.

It is written from the equations alone and shares no code with the package, so that agreement means something.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BRANCHES = (1, -1)  # j of weights[0] and of weights[1]


def activation(z: float, q: float) -> float:
    """σ(z) = max(0, z)^q."""
    return z**q if z > 0 else 0.0


def slope(z: float, q: float) -> float:
    """σ'(z) = q max(0, z)^(q−1), and σ'(0) = 0 for every q."""
    return q * z ** (q - 1) if z > 0 else 0.0


def loss(z: float) -> float:
    """ℓ(z) = log(1 + e^{−z})."""
    return math.log1p(math.exp(-z)) if z > 0 else math.log1p(math.exp(z)) - z


def minus_loss_derivative(z: float) -> float:
    """−ℓ'(z) = 1/(1 + e^z)."""
    return math.exp(-z) / (1 + math.exp(-z)) if z > 0 else 1 / (1 + math.exp(z))


def output(weights: Array, sample: Array, q: float) -> float:
    """f(x) = Σ_j j (1/m) Σ_r Σ_p σ(⟨w_{j,r}, x^(p)⟩) for weights (2, m, d) and one sample (P, d)."""
    total = 0.0
    for j, branch in zip(BRANCHES, weights, strict=True):
        for w in branch:
            for x in sample:
                total += j / len(branch) * activation(float(w @ x), q)
    return total


@dataclass
class Rule:
    """Before the first step at which ``when`` holds some samples are judged untrustworthy, and treated from then on.

    ``when`` is asked with the step and its observables. Judged are the samples of loss ℓ(ỹ_i f_i) above the threshold,
    or without a threshold those whose labels are wrong, ỹ_i ≠ y_i. They are dropped, relabelled or down-weighted.
    """

    when: Callable[[int, dict[str, float]], bool]
    action: str
    weight: float
    threshold: float | None

    def judged(self, f: list[float], labels: Array, observed: Array) -> list[bool]:
        """One answer for each sample."""
        if self.threshold is None:
            return [bool(labels[i] != observed[i]) for i in range(len(f))]
        return [loss(float(observed[i] * f[i])) > self.threshold for i in range(len(f))]


@dataclass
class History:
    """Every step of a training: state t is the one before update t, state 0 the initialisation."""

    weights: list[Array] = field(default_factory=list)  # each (2, m, d)
    outputs: list[list[float]] = field(default_factory=list)  # each (n,)
    gamma: list[Array] = field(default_factory=list)  # each (2, m)
    rho: list[Array] = field(default_factory=list)  # each (2, m, n, P): the coefficient of each patch of each sample
    observables: list[dict[str, float]] = field(default_factory=list)
    selected_at: int | None = None  # the step at which a rule was applied
    judged: list[bool] = field(default_factory=list)  # by it, (n,)


def train(
    patches: Array, labels: Array, observed: Array, weights: Array, eps: Array, lr: float, q: float,
    rule: Rule | None = None,
) -> History:
    """Full-batch gradient descent on (1/n) Σ ℓ(ε_i ỹ_i f(x_i)) with the multipliers ε (steps, n).

    With c_i = −ℓ'(ε_i ỹ_i f_i) ε_i ỹ_i a step is, simultaneously in all weights,

        w_{j,r}   += (η j / (n m)) Σ_i c_i Σ_p σ'(⟨w_{j,r}, x_i^(p)⟩) x_i^(p)
        γ_{j,r}   += (η / (n m)) Σ_i c_i y_i σ'(⟨w_{j,r}, y_i μ⟩) ‖μ‖²
        ρ_{j,r,i} += (η / (n m)) j c_i σ'(⟨w_{j,r}, ξ_i⟩) ‖ξ_i‖²

    Patch 0 of sample i is taken to be the signal y_i μ where γ is concerned; ρ is kept for every patch.

    Once a rule has judged, the loss is Σ_i ω_i ℓ(ε_i ỹ_i f(x_i)) / Σ_i ω_i: of the samples judged ω_i is 0 or the
    rule's weight, or ỹ_i is turned; of the others ω_i = 1. With no weight left at all there is no loss, and nothing
    moves. Observables go on to speak of the labels as they were.
    """
    (n, patches_each, _), m = patches.shape, weights.shape[1]
    weights, gamma, rho = weights.copy(), np.zeros((2, m)), np.zeros((2, m, n, patches_each))
    history = History()
    active = starts_active(weights, patches)
    share, target = [1 / n] * n, [float(y) for y in observed]
    for t in range(len(eps) + 1):
        f = [output(weights, x, q) for x in patches]
        history.weights.append(weights.copy())
        history.outputs.append(f)
        history.gamma.append(gamma.copy())
        history.rho.append(rho.copy())
        history.observables.append(observables(f, labels, observed, gamma, rho[..., 1:], active[..., 1:]))
        if rule is not None and history.selected_at is None and rule.when(t, history.observables[-1]):
            history.selected_at, history.judged = t, rule.judged(f, labels, observed)
            omega = [1.0] * n
            for i in range(n):
                if history.judged[i] and rule.action == "relabel":
                    target[i] = -target[i]
                elif history.judged[i]:
                    omega[i] = 0.0 if rule.action == "drop" else rule.weight
            share = [one / sum(omega) if sum(omega) > 0 else 0.0 for one in omega]
        if t == len(eps):
            return history
        c = [minus_loss_derivative(eps[t, i] * target[i] * f[i]) * eps[t, i] * target[i] for i in range(n)]
        for b, j in enumerate(BRANCHES):
            for r in range(m):
                w = weights[b, r].copy()
                for i in range(n):
                    for p in range(patches_each):
                        x = patches[i, p]
                        pull = lr / m * share[i] * c[i] * slope(float(w @ x), q)
                        weights[b, r] += j * pull * x
                        rho[b, r, i, p] += j * pull * float(x @ x)
                        if p == 0:
                            gamma[b, r] += labels[i] * pull * float(x @ x)
    raise AssertionError("unreachable")


def starts_active(weights: Array, patches: Array) -> NDArray[np.bool_]:
    """Whether ⟨w_{j,r}(0), x_i^(p)⟩ ≥ 0, (2, m, n, P)."""
    active = np.zeros((*weights.shape[:2], *patches.shape[:2]), dtype=bool)
    for b, r, i, p in np.ndindex(active.shape):
        active[b, r, i, p] = float(weights[b, r] @ patches[i, p]) >= 0
    return active


def observables(
    f: list[float], labels: Array, observed: Array, gamma: Array, rho: Array, active: NDArray[np.bool_]
) -> dict[str, float]:
    """One row of measurements from the outputs f_i, γ (2, m), and ρ and its initial activity (2, m, n, noise patches).

    ρ̄ are the ρ with j = ỹ_i, the others ρ̲; a sample is noisy where ỹ_i ≠ y_i; NaN over an empty set.
    """
    n = len(f)
    z = [float(observed[i] * f[i]) for i in range(n)]
    clean = [i for i in range(n) if observed[i] == labels[i]]
    noisy = [i for i in range(n) if observed[i] != labels[i]]
    bar, under = [], []  # by sample: all its ρ̄, all its ρ̲
    active_bar = []  # every ρ̄ whose filter was active on that noise at the start
    for i in range(n):
        bar.append([float(value) for b, j in enumerate(BRANCHES) if j == observed[i] for value in rho[b, :, i].flat])
        under.append([float(value) for b, j in enumerate(BRANCHES) if j != observed[i] for value in rho[b, :, i].flat])
        for b, j in enumerate(BRANCHES):
            for r, p in np.ndindex(rho.shape[1], rho.shape[3]):
                if j == observed[i] and active[b, r, i, p]:
                    active_bar.append(float(rho[b, r, i, p]))
    return {
        "train_loss": sum(loss(value) for value in z) / n,
        "train_accuracy": _share([value > 0 for value in z]),
        "clean_accuracy": _share([z[i] > 0 for i in clean]),
        "noisy_accuracy": _share([z[i] > 0 for i in noisy]),
        "loss_derivative_min": min(minus_loss_derivative(value) for value in z),
        "loss_derivative_max": max(minus_loss_derivative(value) for value in z),
        "output_min": min(z),
        "output_max": max(z),
        "gamma_max": float(gamma.max()),
        "gamma_min": float(gamma.min()),
        "rho_bar_max": max(max(of_sample) for of_sample in bar),
        "rho_bar_max_clean": max((max(bar[i]) for i in clean), default=math.nan),
        "rho_bar_max_noisy": max((max(bar[i]) for i in noisy), default=math.nan),
        "rho_bar_min": min(max(of_sample) for of_sample in bar),
        "rho_under_min": min(min(of_sample) for of_sample in under),
        "output_min_clean": min((z[i] for i in clean), default=math.nan),
        "output_max_noisy": max((z[i] for i in noisy), default=math.nan),
        "rho_bar_active_min": min(active_bar, default=math.nan),
    }


def _share(hits: list[bool]) -> float:
    return sum(hits) / len(hits) if hits else math.nan
