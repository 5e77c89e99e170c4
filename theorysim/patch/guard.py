"""A policy at work: asked at the end of every chunk of a run whether it is time to act."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import blas
from theorysim.patch.draw import Draw
from theorysim.patch.policy import BestValidation, EarlyStopping, Policy, Selection
from theorysim.patch.problem import Problem, SignalNoise
from theorysim.core.seeds import Stream, generator

if TYPE_CHECKING:
    from theorysim.patch.stepper import Simulation

Array = NDArray[np.float64]
Until = Callable[[Mapping[str, Array]], NDArray[np.bool_]]
NEVER = 2**62


class Guard:
    """No policy: never acts."""

    selection: Selection | None = None
    message = ""

    def condition(self) -> Until | None:
        """At which steps a chunk has to end for the guard to act."""
        return None

    def next_look(self, _step: int) -> int:
        """The next step at which the guard wants to see the state."""
        return NEVER

    def stops(self, _simulation: "Simulation", _met: bool) -> bool:
        """Act on the state if it is time; whether the run ends here. `_met`: the condition holds at this step."""
        return False

    def finish(self, _simulation: "Simulation") -> bool:
        """The run has come to its end; whether the guard has put it back to an earlier step."""
        return False

    @property
    def validation(self) -> Array | None:
        """(looks, 2) steps and held-out accuracies, of guards that look at these."""
        return None


class _Stopper(Guard):
    """Stops at a trigger."""

    def __init__(self, policy: EarlyStopping) -> None:
        self.policy = policy

    def condition(self) -> Until:
        assert not isinstance(self.policy.at, BestValidation)
        return self.policy.at.met

    def stops(self, simulation: "Simulation", met: bool) -> bool:
        if met:
            self.message = f"{self.policy} stopped the run at step {simulation.step}"
        return met


class _Selector(Guard):
    """Selects once, at a trigger; or has done so in the run that is resumed."""

    def __init__(self, policy: Any, selection: Selection | None) -> None:
        self.policy, self.selection = policy, selection

    def condition(self) -> Until | None:
        return self.policy.at.met if self.selection is None else None

    def stops(self, simulation: "Simulation", met: bool) -> bool:
        if met and self.selection is None:
            self.selection = Selection.of(
                self.policy, simulation.step, simulation.scratch.margin.copy(), simulation.draw.noisy)
        return False


class _Validator(Guard):
    """Watches the accuracy on a held-out set, and goes back to its best step."""

    def __init__(self, at: BestValidation, problem: SignalNoise, draw: Draw, seed: int) -> None:
        self.at = at
        self.patches, self.labels = _held_out(at, problem, draw, seed)
        self.looks: list[tuple[int, float]] = []
        self.best: tuple[int, float, Any] = (-1, -1.0, None)

    @property
    def validation(self) -> Array:
        return np.array(self.looks).reshape(-1, 2)

    def next_look(self, step: int) -> int:
        return (step // self.at.every + 1) * self.at.every

    def stops(self, simulation: "Simulation", _met: bool) -> bool:
        step = simulation.step
        if step % self.at.every or (self.looks and self.looks[-1][0] == step):
            return False
        self.looks.append((step, self._accuracy(simulation)))
        if self.looks[-1][1] > self.best[1]:
            self.best = (*self.looks[-1], simulation.state())
        since = sum(at > self.best[0] for at, _ in self.looks)
        return since >= self.at.patience and self.finish(simulation)

    def finish(self, simulation: "Simulation") -> bool:
        if not self.looks:
            return False
        step, accuracy, state = self.best
        simulation.go_back(step, state)
        self.message = (f"best held-out accuracy {accuracy:.4g} at step {step}, of {len(self.looks)} looks up to step "
                        f"{self.looks[-1][0]}")
        return True

    def _accuracy(self, simulation: "Simulation") -> float:
        """Share of the held-out set that is classified as labelled."""
        draw, q = simulation.draw, simulation.problem.q
        with blas.single_threaded():
            weights = simulation.weights
            filters = draw.weights + simulation.coef @ draw.vectors if weights is None else weights
            inner = self.patches @ filters.T
        outputs = (np.where(inner > 0, np.abs(inner), 0.0) ** q @ np.repeat([1.0, -1.0], draw.m)).sum(axis=0)
        return float((self.labels * outputs > 0).mean())


def _held_out(at: BestValidation, problem: SignalNoise, draw: Draw, seed: int) -> tuple[Array, Array]:
    """Patches (2, N, D) of fresh samples in the draw's coordinates and their labels (N,).

    A fresh noise vector, seen in an orthonormal basis of any D of its dimensions, is D independent Gaussians, so the
    coordinates that the network occupies are enough.
    """
    rng = generator(seed, Stream.VALIDATION)
    labels = np.where(rng.random(at.samples) < 0.5, -1.0, 1.0)
    flipped = rng.random(at.samples) < np.where(labels > 0, *problem.flip_rates)
    noise = problem.noise_std * rng.standard_normal((at.samples, draw.vectors.shape[1]))
    axis = draw.signal_axis(problem.bias)
    if problem.orthogonal_noise:
        noise -= np.outer(noise @ axis, axis)
    signal = labels[:, None] * problem.signal_norm * axis
    if problem.bias:
        signal[:, -1] = noise[:, -1] = problem.bias
    observed = np.where(flipped, -labels, labels) if at.labels == "observed" else labels
    return np.stack([signal, noise]), observed


def guard_of(
    policy: Policy | None, problem: Problem, draw: Draw, seed: int, selection: Selection | None = None
) -> Guard:
    """The guard of a policy; `selection` is what it has done already, in a run that is resumed."""
    if policy is None:
        return Guard()
    if not isinstance(policy, EarlyStopping):
        return _Selector(policy, selection)
    if not isinstance(policy.at, BestValidation):
        return _Stopper(policy)
    if not isinstance(problem, SignalNoise):
        raise ValueError(f"policy={policy!r}: patch data has no distribution to draw a held-out set from")
    return _Validator(policy.at, problem, draw, seed)
