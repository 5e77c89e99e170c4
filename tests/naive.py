"""Loop-level reference of the patch network: explicit weights in d dimensions, one filter and patch at a time.

It is written from the equations alone and shares no code with the package, so that agreement means something.
"""

import math
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
class History:
    """Every step of a training: state t is the one before update t, state 0 the initialisation."""

    weights: list[Array] = field(default_factory=list)  # each (2, m, d)
    outputs: list[list[float]] = field(default_factory=list)  # each (n,)
    gamma: list[Array] = field(default_factory=list)  # each (2, m)
    rho: list[Array] = field(default_factory=list)  # each (2, m, n, P): the coefficient of each patch of each sample
    observables: list[dict[str, float]] = field(default_factory=list)


def train(
    patches: Array, labels: Array, observed: Array, weights: Array, eps: Array, lr: float, q: float
) -> History:
    """Full-batch gradient descent on (1/n) Σ ℓ(ε_i ỹ_i f(x_i)) with the multipliers ε (steps, n).

    With c_i = −ℓ'(ε_i ỹ_i f_i) ε_i ỹ_i a step is, simultaneously in all weights,

        w_{j,r}   += (η j / (n m)) Σ_i c_i Σ_p σ'(⟨w_{j,r}, x_i^(p)⟩) x_i^(p)
        γ_{j,r}   += (η / (n m)) Σ_i c_i y_i σ'(⟨w_{j,r}, y_i μ⟩) ‖μ‖²
        ρ_{j,r,i} += (η / (n m)) j c_i σ'(⟨w_{j,r}, ξ_i⟩) ‖ξ_i‖²

    Patch 0 of sample i is taken to be the signal y_i μ where γ is concerned; ρ is kept for every patch.
    """
    (n, patches_each, _), m = patches.shape, weights.shape[1]
    weights, gamma, rho = weights.copy(), np.zeros((2, m)), np.zeros((2, m, n, patches_each))
    history = History()
    for t in range(len(eps) + 1):
        f = [output(weights, x, q) for x in patches]
        history.weights.append(weights.copy())
        history.outputs.append(f)
        history.gamma.append(gamma.copy())
        history.rho.append(rho.copy())
        history.observables.append(observables(f, labels, observed, gamma, rho[..., 1:]))
        if t == len(eps):
            return history
        c = [minus_loss_derivative(eps[t, i] * observed[i] * f[i]) * eps[t, i] * observed[i] for i in range(n)]
        for b, j in enumerate(BRANCHES):
            for r in range(m):
                w = weights[b, r].copy()
                for i in range(n):
                    for p in range(patches_each):
                        x = patches[i, p]
                        pull = lr / (n * m) * c[i] * slope(float(w @ x), q)
                        weights[b, r] += j * pull * x
                        rho[b, r, i, p] += j * pull * float(x @ x)
                        if p == 0:
                            gamma[b, r] += labels[i] * pull * float(x @ x)
    raise AssertionError("unreachable")


def observables(f: list[float], labels: Array, observed: Array, gamma: Array, rho: Array) -> dict[str, float]:
    """One row of measurements from the outputs f_i, γ (2, m) and ρ (2, m, n, noise patches).

    ρ̄ are the ρ with j = ỹ_i, the others ρ̲; a sample is noisy where ỹ_i ≠ y_i; NaN over an empty set.
    """
    n = len(f)
    z = [float(observed[i] * f[i]) for i in range(n)]
    clean = [i for i in range(n) if observed[i] == labels[i]]
    noisy = [i for i in range(n) if observed[i] != labels[i]]
    bar, under = [], []  # by sample: all its ρ̄, all its ρ̲
    for i in range(n):
        bar.append([float(value) for b, j in enumerate(BRANCHES) if j == observed[i] for value in rho[b, :, i].flat])
        under.append([float(value) for b, j in enumerate(BRANCHES) if j != observed[i] for value in rho[b, :, i].flat])
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
    }


def _share(hits: list[bool]) -> float:
    return sum(hits) / len(hits) if hits else math.nan
