"""The changing state of one training of the patch network, between kernels."""

from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import blas
from theorysim.core.loop import Ending, Stepper
from theorysim.core.rows import Rows
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.clients import local_updates, shares
from theorysim.patch.draw import Draw
from theorysim.patch.guard import PatchGuard
from theorysim.patch.held import Held
from theorysim.patch.kernels import layout, network, rules
from theorysim.patch.kernels.observe import leave_out_coefficients
from theorysim.patch.label_noise import BLOCK
from theorysim.patch.observables import OBSERVABLES
from theorysim.patch.off_span import off_span_step
from theorysim.patch.per_step import StepSource
from theorysim.patch.phases import Phase
from theorysim.patch.policy import Policy, Selection
from theorysim.patch.problem import Problem
from theorysim.patch.run import PatchRun
from theorysim.patch.view import PatchView

CHUNK_FLOPS = 2e9  # work between two looks at Ctrl-C, about a tenth of a second
NOT_ALL = "observe='outputs': must be 'all' with until= or policy=, which look at every step"

Array = NDArray[np.float64]


class PatchStepper(Stepper):
    """Weights under a training rule: z and b, and beside them the explicit weights where an engine keeps them."""

    def __init__(
        self, problem: Problem, algorithm: GradientDescent, draw: Draw, seed: int, engine: str, step: int,
        data: layout.Data, held: Held, source: StepSource, rows: Rows,
    ) -> None:
        super().__init__(problem, algorithm, draw, seed, engine, step)
        self.data, self.held, self.source, self.table = data, held, source, rows
        self.rule, self.scratch = algorithm.rule(), layout.make_scratch(data, held.now.inner)
        self.works: dict[int, layout.Work] = {}  # by the width of the image that a rule works on
        self.turned: Array | None = None  # (n,) −1 for samples relabelled by a policy, else 1
        self.policy: Policy | None = None
        self.guard: PatchGuard = PatchGuard()
        self.phases: tuple[Phase, ...] = ()
        self.threads = 1
        self._first, self._chunk = step, np.empty((BLOCK + 1, len(OBSERVABLES)))  # rows of the last chunk

    def begin(self) -> None:
        """Have the kernels compiled (or loaded) by asking for no step at all, and observe the first state.

        Raises
        ------
        ValueError
            When it is not finite.
        """
        started = perf_counter()
        self._evolve(self.source.rows(self.step, self.step))
        if not self._observe(0):
            raise ValueError("draw: the network's output overflows at initialisation, with "
                             f"{self.problem.sigma}")
        self._write(self.step, self._chunk[:1])
        self.timings["compile"] = perf_counter() - started

    def obey(self, selection: Selection | None) -> None:
        """Go on with the weights and labels that a selection gave the samples."""
        if selection is not None and self.turned is not selection.turned:
            self.data, self.turned = self.data._replace(weight=selection.weight.copy()), selection.turned

    @property
    def now(self) -> layout.State:
        """z, b and what belongs to them."""
        return self.held.now

    def chunk_end(self) -> int:
        """The end of a block of random numbers, or of a tenth of a second of work."""
        atoms, filters = self.data.norm_sq.size, 2 * self.draw.m
        flops = 2.0 * filters * atoms**2 if self.engine != "weights" else 0.0
        if self.held.weights is not None:
            flops += 4.0 * atoms * self.held.weights.size
        return min(self.source.end_of_block(self.step), self.step + max(1, int(CHUNK_FLOPS / flops)))

    def advance(self, stop: int) -> int:
        """Make the updates up to a step; returns the last step that is finite."""
        start = self._first = self.step
        steps = self.source.rows(start, stop)
        if self.turned is not None:  # a relabelled sample is one whose label is always turned
            steps = steps._replace(label_noise=steps.label_noise * self.turned)
        with blas.threads(self.threads):
            done = self._evolve(steps)
        self.step = start + done
        if self.step < stop or not self._observe(done):
            return self.step - 1
        self._write(start + 1, self._chunk[1 : done + 1])
        return stop

    def _write(self, first: int, rows: Array) -> None:
        """Into the table; where only outputs are watched a chunk's end has coefficients that it is not to show."""
        if not self.data.watched:
            rows = rows.copy()
            leave_out_coefficients(rows[-1])
        self.table.write(first, rows)

    def _evolve(self, steps: layout.PerStep) -> int:
        """Call the kernels of the engine; returns the updates made before an overflow."""
        rows, done, start = self._chunk, len(steps.lr), self.step
        if self.engine != "weights":
            done = self._updates(self.held.now, None, steps, rows)
            rows = np.empty_like(rows)  # the explicit engine observes in a place of its own
        else:
            done = self._updates(self.held.now, self.held.weights, steps, rows)
        if self.held.explicit is not None:
            done = min(done, self._updates(self.held.explicit, self.held.weights, steps, rows))
        if self.held.off.size:
            off, std, decay = self.held.off, self.algorithm.weight_noise, self.algorithm.weight_decay
            for step, lr in zip(range(start, start + done), steps.lr, strict=False):
                off = off_span_step(off, std, 1.0 - lr * decay, self.source.dimensions, self.seed, step)
            self.held = self.held._replace(off=off)
        return done

    def _updates(self, state: layout.State, weights: Array | None, steps: layout.PerStep, rows: Array) -> int:
        """Those of one engine, in place."""
        if self.algorithm.only_descends:
            if weights is None:
                return int(network.evolve_coefficients(self.data, state, steps, self.scratch, rows))
            return int(network.evolve_weights(self.data, weights, state, steps, self.scratch, rows))
        if self.held.clients:
            return self._local_updates(steps, rows)
        image = state.inner if weights is None else weights
        if image.shape[1] not in self.works:
            self.works[image.shape[1]] = layout.make_work(self.data, state.inner, image.shape)
        given: Any = np.empty(layout.NOTHING, image.dtype) if weights is None else weights
        return int(rules.evolve_by_rule(self.data, given, state, self.rule, steps, self.scratch,
                                        self.works[image.shape[1]], rows))

    def _local_updates(self, steps: layout.PerStep, rows: Array) -> int:
        """Those of all clients, and of their average."""
        held, width = self.held, self.held.now.inner.shape[1]
        if width not in self.works:
            self.works[width] = layout.make_work(self.data, held.now.inner, held.now.inner.shape)
        own = shares(self.draw.n, self.algorithm.clients, self.source.mean)
        return local_updates(self.data, held.now, held.clients, self.algorithm, steps, self.step - self.source.began,
                             own, self.scratch, self.works[width], rows)

    def _observe(self, place: int) -> bool:
        """Observables of the state into a row of the chunk; False when it has overflowed."""
        return bool(network.observe(self.data, self.now, self.scratch, self._chunk[place]))

    def rows(self, first: int, last: int) -> dict[str, Array]:
        """Observables at the steps first..last, all of the last chunk, with their "step"."""
        if not self.data.watched:
            raise ValueError(NOT_ALL)
        chosen = self._chunk[first - self._first : last - self._first + 1]
        return dict(zip(OBSERVABLES, chosen.T, strict=True)) | {"step": np.arange(first, last + 1.0)}

    def state(self) -> tuple[int, Held]:
        """A copy of what changes from step to step."""
        return self.step, self.held.copy()

    def restore(self, state: tuple[int, Held]) -> None:
        """Back to such a copy."""
        self.step, held = state
        self.held = held.copy()
        self._first = self.step
        self._observe(0)  # what a guard looks at is of this state
        self.table.back_to(self.step, self._chunk[0])

    def keep(self) -> None:
        """The row of the present step stays, with observables of coefficients."""
        if not self.data.watched:
            self.table.write(self.step, self._chunk[self.step - self._first][None])
        self.table.keep()

    def snapshot(self) -> dict[str, Any]:
        """What the weights are made of; of engine "paired" also how far the explicit ones are from it."""
        held = self.held
        kept = {"coefficients": self.now.coef, "scales": self.now.scale[0], "readouts": self.now.readout}
        if held.drift is not None:
            kept["drifts"] = held.drift
        if held.explicit is not None and held.weights is not None:
            rebuilt, scale = self.filters(), np.abs(held.weights).max()
            kept["deviations"] = (np.abs(rebuilt[:, : held.weights.shape[1]] - held.weights).max()
                                  / (scale if scale > 0 else 1.0))
        return kept

    def filters(self) -> Array:
        """The weights as they follow from the coefficients, (2m, D)."""
        return self.draw.weights_from(self.now.coef, self.held.scale, self.held.drift)

    def view(self) -> PatchView:
        """What observables of one's own are functions of."""
        return PatchView(self.step, self.problem, self.draw, self.now.inner.copy(), self.now.coef.copy(),
                         self.scratch.margin.copy(), self.held.scale, self.held.drift)

    def remedy(self, step: int) -> str:
        """The message of a run that overflows at a step."""
        lr = f"{self.algorithm.lr:g}" if isinstance(self.algorithm.lr, float) else self.algorithm.lr
        return (f"the state overflows at step {step}; lower lr (now {lr}), the initial weights "
                f"(init_std={self.problem.init_std:g}) or the power of the activation ({self.problem.sigma})")

    def result(self, ending: Ending) -> PatchRun:
        """The run as it stands."""
        beside = () if self.algorithm.only_descends and not self.phases else self.held.arrays()[2:]
        kept: dict[str, Any] = {name: ending.records.get(name) for name in PatchRun.PER_RECORD[1:]}
        return PatchRun(
            **self.common(ending, self.table.steps), **self.guard.told(ending.status),
            rows=self.table.rows, observed_at=self.table.steps, columns=tuple(OBSERVABLES),
            inner=self.now.inner, beside=beside, weights=self.held.weights,
            **kept, observables_every=self.table.every, given_label_noise=self.source.given, policy=self.policy,
            phases=self.phases, threads=self.threads, observe="all" if self.data.watched else "outputs",
        )
