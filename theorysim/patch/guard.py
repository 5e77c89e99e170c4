"""A policy at work: asked at the end of every chunk of a run whether it is time to act."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import blas
from theorysim.core.loop import Guard, Until
from theorysim.core.seeds import Stream, generator
from theorysim.core.status import Status
from theorysim.patch.draw import Draw
from theorysim.patch.patch_data import PatchData
from theorysim.patch.patch_model import PatchModel
from theorysim.patch.policy import BestSoFar, BestValidation, EarlyStopping, Policy, Selection, trigger
from theorysim.patch.problem import Problem, SignalNoise
from theorysim.patch.run import PatchRun

Array = NDArray[np.float64]


class PatchGuard(Guard):
    """No policy: never acts."""

    selection: Selection | None = None

    def told(self, _status: Status) -> dict[str, Any]:
        """What the run keeps of it."""
        return {"selection": self.selection}


class _Stopper(PatchGuard):
    """Stops at a trigger."""

    def __init__(self, policy: EarlyStopping) -> None:
        self.policy = policy

    def condition(self) -> Until:
        return trigger("at", self.policy.at).met

    def stops(self, stepper: Any, met: bool) -> bool:
        if met:
            self.message = f"{self.policy} stopped the run at step {stepper.step}"
        return met

    def told(self, status: Status) -> dict[str, Any]:
        return super().told(status) | {"policy_ended": bool(self.message)}


class _Selector(PatchGuard):
    """Selects once, at a trigger; or has done so in the run that is resumed."""

    def __init__(self, policy: Any, selection: Selection | None) -> None:
        self.policy, self.selection = policy, selection

    def condition(self) -> Until | None:
        return self.policy.at.met if self.selection is None else None

    def stops(self, stepper: Any, met: bool) -> bool:
        if met and self.selection is None:
            self.selection = Selection.of(
                self.policy, stepper.step, stepper.scratch.margin.copy(), stepper.draw.noisy,
                stepper.problem.loss, stepper.problem.reduction)
        stepper.obey(self.selection)
        return False


class _Validator(PatchGuard):
    """Watches the accuracy on a held-out set, and goes back to its best step."""

    def __init__(
        self, at: BestValidation, problem: SignalNoise | PatchModel, draw: Draw, seed: int, looks: Array | None,
        best: BestSoFar | None,
    ) -> None:
        self.at, self.best = at, best
        self.patches, self.labels = _held_out(at, problem, draw, seed)
        self.looks: list[tuple[int, float]] = [] if looks is None else [(int(step), float(a)) for step, a in looks]

    def told(self, status: Status) -> dict[str, Any]:
        best = self.best if status == Status.INTERRUPTED else None
        return super().told(status) | {"validation": np.array(self.looks).reshape(-1, 2), "best": best}

    def next_look(self, step: int) -> int:
        return (step // self.at.every + 1) * self.at.every

    def stops(self, stepper: Any, _met: bool) -> bool:
        step = stepper.step
        if step % self.at.every or (self.looks and self.looks[-1][0] == step):
            return False
        accuracy = self._accuracy(stepper)
        self.looks.append((step, accuracy))
        if self.best is None or accuracy > self.best.accuracy:
            held = stepper.held.copy()
            self.best = BestSoFar(step, accuracy, held.arrays(), held.weights)
        since = sum(at > self.best.step for at, _ in self.looks)
        return since >= self.at.patience and self.finish(stepper)

    def finish(self, stepper: Any) -> bool:
        if self.best is None:
            return False
        stepper.restore((self.best.step, stepper.held.of(self.best.state, self.best.weights)))
        self.message = (f"best held-out accuracy {self.best.accuracy:.4g} at step {self.best.step}, of "
                        f"{len(self.looks)} looks up to step {self.looks[-1][0]}")
        return True

    def _accuracy(self, stepper: Any) -> float:
        """Share of the held-out set that is classified as labelled."""
        weights = stepper.held.weights
        with blas.single_threaded():
            filters = stepper.filters() if weights is None else weights
            inner = self.patches @ filters[:, : self.patches.shape[2]].T
        outputs = (stepper.problem.sigma(inner) @ stepper.now.readout).sum(axis=0)
        return float((self.labels * outputs > 0).mean())


def _held_out(at: BestValidation, problem: SignalNoise | PatchModel, draw: Draw, seed: int) -> tuple[Array, Array]:
    """Patches (P, N, D) of fresh samples in the draw's coordinates and their labels (N,)."""
    rng = generator(seed, Stream.VALIDATION)
    if isinstance(problem, PatchModel):
        patches, labels, _ = problem.fresh(at.samples, rng, draw.vectors.shape[1] - bool(problem.bias))
        flipped = rng.random(at.samples) < np.where(labels > 0, *problem.flip_rates)
        return np.moveaxis(patches, 1, 0), np.where(flipped & (at.labels == "observed"), -labels, labels)
    return _signal_noise(at, problem, draw, rng)


def _signal_noise(
    at: BestValidation, problem: SignalNoise, draw: Draw, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Of a signal-noise problem, whose signal may point anywhere.

    A fresh noise vector, seen in an orthonormal basis of any D of its dimensions, is D independent Gaussians, so the
    coordinates that the network occupies are enough.
    """
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


def guard_of(policy: Policy | None, problem: Problem, draw: Draw, seed: int, run: Any = None) -> PatchGuard:
    """The guard of a policy; ``run`` is the one that is resumed, with what the policy has done in it already."""
    if policy is None:
        return PatchGuard()
    if not isinstance(policy, EarlyStopping):
        return _Selector(policy, None if run is None else run.selection)
    if not isinstance(policy.at, BestValidation):
        return _Stopper(policy)
    if isinstance(problem, PatchData):
        raise ValueError(f"policy={policy!r}: patch data has no distribution to draw a held-out set from")
    looks, best = (None, None) if run is None else (run.validation, run.best)
    return _Validator(policy.at, problem, draw, seed, looks, best)


def pending(run: PatchRun) -> Policy | None:
    """The policy of a run as far as it is still to act (or has selected); one that has ended the run is done."""
    policy = run.policy
    if not isinstance(policy, EarlyStopping):
        return policy
    if isinstance(policy.at, BestValidation):
        return policy if run.best is not None else None
    if run.policy_ended:
        return None
    seen = dict(run.table) | {"step": run.steps_observed.astype(float)}
    return None if trigger("at", policy.at).met(seen).any() else policy
