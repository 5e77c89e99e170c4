"""What statements about linear networks are made of: one run, with what was measured in it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from theorysim.linear import LinearRun, LinearTimes
from theorysim.linear.draw import StepNoise
from theorysim.oscillation import OscillationRun
from theorysim.theory.statement import Array, Evidence
from theorysim.theory.windows import NotSampledError

SHARE = 3 / (4 * np.sqrt(np.pi))  # q of Condition 1's footnote
RATIO = (1 - SHARE) / (0.5 - SHARE)  # 7.5055
PERFECT = 1e-9  # 1 − |cos| of a neuron that is "perfectly aligned"
ENTRIES = 2**20  # of a table of neurons and samples that is made at a time


@dataclass(frozen=True, eq=False)
class LinearEvidence(Evidence):
    """A run of a linear network; an :class:`OscillationRun` has only the first four properties."""

    run: LinearRun | OscillationRun

    @property
    def lr(self) -> float:
        """η."""
        return self.run.algorithm.lr

    @property
    def inverse_square(self) -> float:
        """η⁻²; infinite where it is beyond every double."""
        with np.errstate(over="ignore"):
            return float(np.float64(self.lr) ** -2.0)

    @cached_property
    def target_norm(self) -> float:
        """‖θ*‖."""
        return float(np.linalg.norm(self.run.draw.target))

    @property
    def stability(self) -> float:
        """η over its limit 2d/((d + 2)m)."""
        return self.lr / self.run.problem.largest_stable_lr()

    @cached_property
    def gram(self) -> Array:
        """H = XᵀX/n, (d, d)."""
        inputs = self.run.draw.inputs
        gram: Array = inputs.T @ inputs / len(inputs)
        return gram

    @cached_property
    def longest_sq(self) -> float:
        """max‖x_i‖² over the draw."""
        return float((self.run.draw.inputs**2).sum(axis=1).max())

    @property
    def rho(self) -> float:
        """ρ = 2√d/√π of Lemma 3."""
        return float(2 * np.sqrt(self.run.problem.d / np.pi))

    @property
    def log10_constant(self) -> float:
        """log₁₀ C of Condition 1's footnote: C = max{(7.5055ρ)⁸, e^{max‖x‖²}}, its third entry being below 1."""
        return float(max(8 * np.log10(RATIO * self.rho), self.longest_sq / np.log(10)))

    @property
    def trained(self) -> LinearRun:
        """The run, one of both layers."""
        assert isinstance(self.run, LinearRun)
        return self.run

    @property
    def sigma(self) -> float:
        """σ, 0 when the algorithm leaves the label noise out."""
        return self.run.problem.label_noise_std if self.trained.algorithm.label_noise else 0.0

    @cached_property
    def times(self) -> LinearTimes:
        """T1, T2, T3."""
        return self.trained.stage_times()

    @cached_property
    def slow_time(self) -> Array:
        """τ = η² Σ E[g²] up to every step watched, E[g²] = σ² + eᵀHe."""
        run = self.trained
        noisy = self.sigma**2 * run.algorithm.noise_on(run.steps_observed)
        residual_sq = noisy + 2 * run.column("train_loss")
        passed = np.diff(run.steps_observed) * (residual_sq[:-1] + residual_sq[1:]) / 2
        return self.lr**2 * np.concatenate([[0.0], np.cumsum(passed)])

    @cached_property
    def slow_shares(self) -> tuple[Array, Array]:
        """Eigenvalues of H, and how much of tr A(0) lies along each of its eigenvectors."""
        values, vectors = np.linalg.eigh(self.gram)
        first = self.run.draw.factor[:, :-1]
        return values, ((first @ vectors) ** 2).sum(axis=0)

    def slow_norm(self, slow_time: Array) -> Array:
        """tr(A(0) e^{−Hτ}) at slow times τ."""
        values, squares = self.slow_shares
        norms: Array = np.exp(-np.multiply.outer(slow_time, values)) @ squares
        return norms

    def all_shrunk_away(self, slow_time: float) -> float:
        """m min_i ‖(1 − e^{−Hτ/2})w_i(0)‖² over the neurons followed: at 1 the last has left the lazy regime."""
        values, vectors = np.linalg.eigh(self.gram)
        start = self.run.draw.factor[: len(self.trained.leaving), :-1] @ vectors
        moved = (start**2) @ (1 - np.exp(-values * slow_time / 2)) ** 2
        return float(self.run.problem.width * moved.min())

    def moment(self, reached: NDArray[np.bool_]) -> float:
        """First of the steps observed at which something holds, to the step; NaN if none.

        What lies between two earlier rows that both lack it was not looked at.

        Raises
        ------
        NotSampledError
            When the step before was not observed, so that it may have come since the row before; names these steps.
        """
        run = self.trained
        found, place = run.first(reached), int(np.argmax(reached))
        if place and run.steps_observed[place - 1] < found - 1:
            last = int(run.steps_observed[place - 1])
            raise NotSampledError(f"run: not every step from {last} to {found:.0f} was observed",
                                  range(last + 1, int(found)))
        return found

    @cached_property
    def small(self) -> NDArray[np.bool_]:
        """Whether all ‖w_i‖ and |a_i| are at most √η, at every step observed."""
        run, limit = self.trained, np.sqrt(self.lr) * (1 + 1e-12)
        small: NDArray[np.bool_] = (run.column("largest_norm") <= limit) & (run.column("largest_second") <= limit)
        return small

    @cached_property
    def all_small(self) -> float:
        """t1, where Phase II begins: all ‖w_i‖ and |a_i| are at most √η, see :meth:`moment`."""
        return self.moment(self.small)

    @cached_property
    def all_aligned(self) -> float:
        """t2 of Lemma 6: all |cos(w_i, θ*)| are at least 1 − 10⁻⁹, see :meth:`moment`."""
        return self.moment(self.trained.column("cosine_min") >= 1 - PERFECT)

    @cached_property
    def mostly_aligned(self) -> float:
        """T2(0.9), see :meth:`moment`."""
        return self.moment(self.trained.column("alignment") >= 0.9)

    def changes(self, place: int) -> dict[str, float]:
        """Lemma 3 at a record: over the sample and the noise of a step, exactly, of the worst neuron followed.

        The smallest P(Δ_i ≤ 0) and P(Δ_i ≤ −(σ/4)²), the largest P(Δ_i > 0) and Δ_i, where Δ_i = −g²(⟨x, w_i⟩² −
        a_i²‖x‖²), x any of the n inputs and g = ⟨e, x⟩ ± σ.
        """
        if place not in self._changes:  # four statements ask for each
            self._changes[place] = self._changes_at(place)
        return self._changes[place]

    @cached_property
    def _changes(self) -> dict[int, dict[str, float]]:
        return {}

    def _changes_at(self, place: int) -> dict[str, float]:
        run, x = self.trained, self.run.draw.inputs
        state, neurons = run.states[place], run.combination @ run.states[place]
        error = state[:, -1] @ state[:, :-1] - run.draw.target
        residual_sq = np.concatenate([(x @ error + sign * self.sigma) ** 2 for sign in (1, -1)])
        lengths = (x**2).sum(axis=1)
        shares = []
        for part in np.array_split(neurons, max(1, len(neurons) * len(x) // ENTRIES)):
            excess = np.outer(part[:, -1] ** 2, lengths) - (part[:, :-1] @ x.T) ** 2
            change = residual_sq * np.concatenate([excess, excess], axis=1)
            fast = (change <= -((self.sigma / 4) ** 2)).mean(axis=1)
            grows = (change > 0).mean(axis=1)
            shares.append((1 - grows.max(), fast.min(), grows.max(), change.max()))
        low, high = np.min(shares, axis=0), np.max(shares, axis=0)
        return {"shrinking": low[0], "shrinking_fast": low[1], "growing": high[2], "growth": high[3]}

    def off_balance(self, place: int) -> float:
        """|change of ‖w_i‖² − a_i² from a record to the next − η²Δ_i| of the worst neuron, these one step apart."""
        run = self.trained
        before, after = (run.combination @ run.states[one] for one in (place, place + 1))
        error = run.states[place][:, -1] @ run.states[place][:, :-1] - run.draw.target
        step = int(run.steps_recorded[place])
        chosen, noise = (one[0] for one in StepNoise(run.problem, run.algorithm, run.seed).between(step, step + 1))
        x = run.draw.inputs[chosen]
        mean = (x @ error - noise) @ x / len(chosen)
        change = before[:, -1] ** 2 * (mean @ mean) - (before[:, :-1] @ mean) ** 2
        balance = [(one[:, :-1] ** 2).sum(axis=1) - one[:, -1] ** 2 for one in (before, after)]
        return float(np.abs(balance[1] - balance[0] - self.lr**2 * change).max())

    @cached_property
    def shrunk(self) -> float:
        """tr A/m is at most √η, where Lemma 4 brings it, see :meth:`moment`."""
        return self.moment(self.trained.column("mean_norm_sq") <= np.sqrt(self.lr))
