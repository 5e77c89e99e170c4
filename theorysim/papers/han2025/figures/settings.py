"""The settings at which the reproductions of Han et al. 2025 run. The paper does not publish its own."""

from dataclasses import dataclass

import numpy as np

from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.problem import SignalNoise

STEP = 0.02  # η in units of nm/(σ²d), the time in which noise is memorized


def problem(
    n: int, d: int, m: int, *, n_snr2: float = 10.0, tau: float = 0.2, start: float = 0.01, q: float = 1
) -> SignalNoise:
    """σ = 1, noise not orthogonal to μ, flips stratified per class, σ_0√d = ``start``."""
    return SignalNoise(
        n=n, d=d, m=m, signal_norm=1.0, noise_std=1.0, init_std=start / np.sqrt(d), q=q, label_flip=tau,
        orthogonal_noise=False, flip_law="stratified",
    ).replace(n_snr2=n_snr2)


def algorithm(of: SignalNoise) -> GradientDescent:
    """Gradient descent with η = 0.02 nm/(σ²d)."""
    return GradientDescent(STEP * of.n * of.m / (of.noise_std**2 * of.d))


@dataclass(frozen=True)
class Setting:
    """A problem, the step in Stage I at which to look, and the number of steps."""

    name: str
    problem: SignalNoise
    look: int
    steps: int


SETTINGS = (
    Setting("n=100 d=10⁴ m=100", problem(100, 10_000, 100), 45, 6000),
    Setting("n=100 d=10⁴ m=20 q=2", problem(100, 10_000, 20, start=0.001, q=2), 150, 1000),
    Setting("n=200 d=400 m=20 τ=.3 (d < n²)", problem(200, 400, 20, tau=0.3), 5, 6000),
    Setting("n=50 d=2500 m=10", problem(50, 2500, 10), 45, 4000),
)
