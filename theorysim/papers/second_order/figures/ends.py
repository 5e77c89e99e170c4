"""Four ends of the second-order law, as runs: κ through ½, dead memory reborn, p through ½ − κ/4, SNR² through 1."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.papers.second_order.figures import law
from theorysim.patch.algorithm import Flip, GradientDescent
from theorysim.patch.draw import Draw
from theorysim.patch.problem import SignalNoise
from theorysim.patch.run import PatchRun
from theorysim.systems import simulate
from theorysim.theory import second_order

Array = NDArray[np.float64]
LABELS = (1, -1)
KILLING = second_order.kappa_critical(second_order.law_of(Flip(0.1)))  # ½ for flips of any probability
SETTLED = 10.0  # of κ times the steps after which outputs count as settled
SPAN = 8.0  # of κ² times the steps over which the signal is watched
Row = dict[str, Any]


def _problem(n: int, n_snr2: float, m: int, d: int, scale: float) -> SignalNoise:
    """With σ_0σ_p√d = scale."""
    return SignalNoise(n, d, m, 1.0, 1.0, scale / d**0.5).replace(n_snr2=n_snr2)


@dataclass(frozen=True)
class Crossing:
    """κ through ½ at several dimensions, all else held: n·SNR², p, n, m and u = σ_0σ_p√d."""

    kappas: Sequence[float] = (0.3, 0.4, 0.45, 0.49, 0.51, 0.55, 0.7, 1.0, 2.0, 3.0)
    dimensions: Sequence[int] = (10**6, 10**8, 10**14)
    n: int = 40
    m: int = 20
    n_snr2: float = 0.2
    p: float = 0.1
    scale: float = 0.01
    steps: int = 20_000

    def cells(self) -> Iterable[tuple[int, float]]:
        """d and κ."""
        return [(d, kappa) for d in self.dimensions for kappa in self.kappas]

    def row(self, d: int, kappa: float, seed: int) -> Row:
        """T2, exact and predicted, and what became of memory until then."""
        problem = _problem(self.n, self.n_snr2, self.m, d, self.scale)
        found, draw = _watched(problem, kappa, self.p, seed, self.steps)
        flips = second_order.law_of(Flip(self.p))
        return {"d": d, "kappa": kappa, "seed": seed} | found | {
            "law": min(second_order.second_stage(one, kappa, problem.snr**2, flips, law.LEARNED)
                       for one in second_order.starts_of(draw))}


@dataclass(frozen=True)
class Rebirth:
    """√(n/d)/u at κ > ½, by d, for several m and u = σ_0σ_p√d."""

    kappas: Sequence[float] = (0.7, 2.0)
    overlaps: Sequence[float] = (0.001, 0.01, 0.03, 0.1, 0.3, 1.0)  # √(n/d)/u
    starts: Sequence[tuple[int, float]] = ((20, 0.001), (20, 0.1), (5, 0.001), (80, 0.001))  # m and u
    n: int = 40
    n_snr2: float = 0.2
    p: float = 0.1
    steps: int = 20_000

    def cells(self) -> Iterable[tuple[float, float, int, float]]:
        """κ, √(n/d)/u, m and u."""
        return [(kappa, overlap, *start) for kappa in self.kappas for overlap in self.overlaps for start in self.starts]

    def row(self, kappa: float, overlap: float, m: int, scale: float, seed: int) -> Row:
        """As of a crossing."""
        d = round(self.n / (overlap * scale) ** 2)
        found, _ = _watched(_problem(self.n, self.n_snr2, m, d, scale), kappa, self.p, seed, self.steps)
        return {"kappa": kappa, "overlap": overlap, "m": m, "u": scale, "d": d, "seed": seed} | found


@dataclass(frozen=True)
class Extinction:
    """p through ½ − κ/4 at κ < ½, with so small a signal that memory alone counts."""

    kappas: Sequence[float] = (0.1, 0.3, 0.45)
    rates: Sequence[float] = (0.05, 0.1, 0.2, 0.3, 0.35, 0.38, 0.42, 0.45, 0.475, 0.49)
    problem: SignalNoise = _problem(20, 0.002, 20, 10**8, 0.3)
    steps: int = 8000
    longer: int = 8  # times as long at the rate nearest to where memory dies out, which takes time there

    def cells(self) -> Iterable[tuple[float, float, int]]:
        """κ, p and steps."""
        cells = [(kappa, p, self.steps) for kappa in self.kappas for p in self.rates]
        for kappa in self.kappas:
            off = [abs(p - second_order.extinct_flip_rate(kappa)) for p in self.rates]
            cells.append((kappa, self.rates[int(np.argmin(off))], self.steps * self.longer))
        return cells

    def row(self, kappa: float, p: float, steps: int, seed: int) -> Row:
        """The mean pull Ψ after a quarter of the steps, by the growth of the signal: Δln s = 2λn_jΨ a step to first
        order in λ; and predicted. In more steps a weaker signal grows as much.
        """
        problem = self.problem.replace(n_snr2=self.problem.n_snr2 * self.steps / steps)
        settled = steps // 4
        run = simulate(problem, GradientDescent.from_kappa(problem, kappa, Flip(p)), steps, seed, record_at=[settled])
        (before, _), (after, memory) = (_parts(run, at) for at in (settled, steps))
        each = 2 * kappa * problem.n_snr2 * (steps - settled)
        return {
            "kappa": kappa, "p": p, "steps": steps, "seed": seed, "psi": float(np.log(after / before).sum() / 2 / each),
            "predicted": second_order.psi(kappa, second_order.law_of(Flip(p))), "memory": float(memory.mean()),
            "signal": float(after.max())}


@dataclass(frozen=True)
class Erasure:
    """SNR² through 1 at small κ: n λ = κ·n·SNR² ≤ ½, else flips of a whole class at once can kill the signal."""

    snrs_squared: Sequence[float] = (0.25, 0.5, 1.0, 2.0, 4.0)
    kappas: Sequence[float] = (0.01, 0.02, 0.03)
    n: int = 4
    m: int = 20
    d: int = 10**10
    p: float = 0.2
    scale: float = 0.1

    def __post_init__(self) -> None:
        largest = max(self.kappas) * self.n * max(self.snrs_squared)
        if largest > KILLING:
            raise ValueError(f"kappas={self.kappas!r}: κ·n·SNR² is up to {largest:g}, must be at most {KILLING:g}")

    def cells(self) -> Iterable[tuple[float, float]]:
        """SNR² and κ."""
        return [(snr_squared, kappa) for snr_squared in self.snrs_squared for kappa in self.kappas]

    def window(self, snr_squared: float, kappa: float) -> tuple[int, int]:
        """First and last step: from when outputs rest, to before an erased signal is lost in rounding."""
        return round(SETTLED / kappa), round(SPAN / kappa**2 / max(1.0, snr_squared - 1))

    def row(self, snr_squared: float, kappa: float, seed: int) -> Row:
        """Growth of Σ_j (ln S_j − SNR² Σ_{i∈j} ln F_i), in units of 4κ²p(1−p)·n·SNR² a step, and S/(S + F)."""
        problem = _problem(self.n, self.n * snr_squared, self.m, self.d, self.scale)
        window = self.window(snr_squared, kappa)
        algorithm = GradientDescent.from_kappa(problem, kappa, Flip(self.p))
        run = simulate(problem, algorithm, window[1], seed, record_at=window[:1])
        levels, shares = [], []
        for at in window:
            signal, memory = _parts(run, at)
            levels.append(float(np.log(signal).sum() - snr_squared * np.log(memory).sum()))
            mine = np.where(run.draw.labels > 0, *signal)
            shares.append(float((mine / (mine + memory)).mean()))
        unit = 4 * kappa**2 * self.p * (1 - self.p) * problem.n_snr2
        flips = second_order.law_of(Flip(self.p))
        return {
            "snr_squared": snr_squared, "kappa": kappa, "seed": seed,
            "growth": (levels[1] - levels[0]) / (window[1] - window[0]) / unit,
            "predicted": second_order.takeover_rate(kappa, snr_squared, flips, self.n) / unit,
            "share_first": shares[0], "share_last": shares[1]}


def _watched(problem: SignalNoise, kappa: float, p: float, seed: int, steps: int) -> tuple[Row, Draw]:
    """T2 of an exact run and its mean field; of the memories of samples, the deaths and births until then."""
    draw = Draw.from_problem(problem, seed)
    algorithm = GradientDescent.from_kappa(problem, kappa, Flip(p))
    exact, field = law.both(problem, algorithm, draw, seed, steps, record_every=1)
    alive: NDArray[np.bool_] = np.any(_own(exact, exact.noise_products()) > 0, axis=1)
    return {
        "T2": law.reached(exact), "field": law.reached(field),
        "deaths": float((alive[:-1] & ~alive[1:]).sum() / problem.n),
        "births": float((~alive[:-1] & alive[1:]).sum() / problem.n), "alive": float(alive[-1].mean())}, draw


def _own(run: PatchRun, noise: Array) -> Array:
    """Of (..., 2, m, n) the branch of each sample's label, (..., m, n)."""
    mine: Array = np.where(run.draw.labels > 0, noise[..., 0, :, :], noise[..., 1, :, :])
    return mine


def _parts(run: PatchRun, at: int) -> tuple[Array, Array]:
    """What own filters answer to the signal of either class, S (2,), and to the noise of each sample, F (n,)."""
    place = int(np.flatnonzero(run.steps_recorded == at)[0])
    signal = run.signal_products()[place] * np.array(LABELS)[:, None]
    memory = _own(run, run.noise_products()[place])
    return (np.maximum(signal, 0.0) ** 2).mean(axis=1), (np.maximum(memory, 0.0) ** 2).mean(axis=0)
