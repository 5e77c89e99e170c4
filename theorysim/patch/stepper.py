"""The changing state of one run, between kernels.

Kernels advance the state over a *chunk*: up to the next step to be recorded, the end of a block
of label noise, or about a tenth of a second of work, whichever comes first. Between chunks Python
records, shows progress and looks at Ctrl-C. A chunk's length never changes a number.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import interrupts, progress
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.draw import Draw
from theorysim.patch.guard import Guard, Until
from theorysim.patch.kernels import layout, network as patch
from theorysim.patch.label_noise import NoiseSource
from theorysim.patch.observables import OBSERVABLES
from theorysim.patch.policy import Selection
from theorysim.patch.problem import Problem
from theorysim.core.status import Status
from theorysim.patch.run import Run

CHUNK_FLOPS = 2e9  # work between two looks at Ctrl-C, about a tenth of a second

Array = NDArray[np.float64]
Real = type[np.floating[Any]]  # float64 or float32


@dataclass
class Simulation:
    """The changing state of one run, between kernels."""

    problem: Problem
    algorithm: GradientDescent
    draw: Draw
    engine: str
    data: layout.Data
    first: int  # step of rows[0]
    step: int  # step of the state
    inner: layout.Weights
    coef: layout.Weights
    weights: Array | None
    rows: Array
    scratch: layout.Scratch
    recorded: list[int] = field(default_factory=list)
    records: layout.Weights = field(default_factory=lambda: np.empty((0, 0, 0)))  # coefficients at those steps
    deviation: float | None = None
    turned: Array | None = None  # (n,) −1 for samples relabelled by a policy, else 1

    @classmethod
    def start(
        cls, problem: Problem, algorithm: GradientDescent, draw: Draw, engine: str, steps: int,
        real: Real = np.float64, watched: bool = True,
    ) -> "Simulation":
        """The initial state, with its large arrays in the given type."""
        largest = max(np.abs(draw.gram).max(), np.abs(draw.inner).max())
        if real is np.float32 and largest > np.finfo(real).max:
            raise ValueError(f"precision='single': inner products are as large as {largest:.3g}; use 'double'")
        data = _kernel_data(draw, problem.q, real, watched)
        return cls(
            problem, algorithm, draw, engine,
            data=data,
            first=0,
            step=0,
            inner=draw.inner.astype(real),
            coef=np.zeros_like(draw.inner, real),
            weights=None if engine == "coefficients" else np.array(draw.weights),
            rows=np.empty((steps + 1, len(OBSERVABLES))),
            scratch=layout.make_scratch(data),
        )

    @classmethod
    def proceed(cls, run: Run, end: int) -> "Simulation":
        """The state at the end of a run."""
        data = _kernel_data(run.draw, run.problem.q, run.inner.dtype.type, True)
        return cls(
            run.problem, run.algorithm, run.draw, run.engine,
            data=data,
            first=run.steps,
            step=run.steps,
            inner=run.inner.copy(),
            coef=run.coefficients[-1].copy(),
            weights=None if run.weights is None else run.weights.copy(),
            rows=np.empty((end - run.steps + 1, len(OBSERVABLES))),
            scratch=layout.make_scratch(data),
        )

    def compile(self) -> None:
        """Have the kernels of this engine compiled (or loaded) by asking for no step at all."""
        self._evolve(np.empty((0, self.problem.n)))
        self._observe()

    def run(
        self,
        end: int,
        wanted: NDArray[np.int64],
        noise: NoiseSource,
        until: Until | None,
        shown: bool,
        guard: Guard,
    ) -> tuple[Status, int | None]:
        """Advance to step `end`, keeping records; returns how it ended and where if not there."""
        if not self._observe():
            raise ValueError(f"draw: the network's output overflows at initialisation, with q={self.problem.q:g}")
        # One to spare for where the run ends early.
        self.records = np.empty((len(wanted) + 1, *self.coef.shape), self.coef.dtype)
        keep, bar = set(wanted.tolist()), progress.bar(end - self.step, shown)
        # Overflow is looked for and reported; kernels run as plain Python would warn of it besides.
        with bar, interrupts.postponed() as interrupted, np.errstate(over="ignore", invalid="ignore"):
            while True:
                if self.step in keep:
                    self._record()
                if self._halts(until, guard) or (self.step == end and guard.finish(self)):
                    return self._stop(Status.STOPPED)
                if self.step == end:
                    return Status.COMPLETED, None
                if interrupted():
                    return self._stop(Status.INTERRUPTED)
                before, stop = self.step, min(self._chunk_end(noise, wanted), guard.next_look(self.step), end)
                overflow = self._advance(stop, noise, _either(until, guard.condition()))
                bar.update(self.step - before)
                if overflow is not None:
                    self._record()
                    return Status.DIVERGED, overflow

    def _halts(self, until: Until | None, guard: Guard) -> bool:
        """Whether the run ends here, at the wish of the caller or of the policy, which may act otherwise."""
        if until is not None and self._met(until, self.step) is not None:
            guard.finish(self)
            return True
        condition = guard.condition()
        if guard.stops(self, condition is not None and self._met(condition, self.step) is not None):
            return True
        self.obey(guard.selection)
        return False

    def obey(self, selection: Selection | None) -> None:
        """Go on with the weights and labels that a selection gave the samples."""
        if selection is not None and self.turned is not selection.turned:
            self.data, self.turned = self.data._replace(weight=selection.weight.copy()), selection.turned

    def go_back(self, step: int, state: tuple[layout.Weights, layout.Weights, Array | None]) -> None:
        """To an earlier step, whose state was kept."""
        self.step = step
        self.inner, self.coef, self.weights = state
        self.recorded = [at for at in self.recorded if at < step]

    def _stop(self, status: Status) -> tuple[Status, int | None]:
        self._record()
        return status, self.step

    def _chunk_end(self, noise: NoiseSource, wanted: NDArray[np.int64]) -> int:
        flops = 2.0 * self.coef.shape[1] * self.coef.size
        if self.weights is not None:
            flops += 4.0 * self.coef.shape[1] * self.weights.size
        next_record = int(wanted[np.searchsorted(wanted, self.step, side="right")])
        return min(next_record, noise.end_of_block(self.step), self.step + max(1, int(CHUNK_FLOPS / flops)))

    def _advance(self, stop: int, noise: NoiseSource, until: Until | None) -> int | None:
        """Move the state to `stop`, to where `until` is met, or to the last finite step.

        Returns the step at which the state overflows, if it does.
        """
        start, saved = self.step, self.state()
        done = self._evolve(self._multipliers(noise, start, stop))
        self.step = start + done
        finite = self.step == stop and self._observe()
        goal = self.step if finite else self.step - 1
        met = None if until is None else self._met(until, goal, start + 1)
        if finite and met in (None, goal):
            return None
        overflow = None if finite or met is not None else self.step
        goal = goal if met is None else met
        self.inner, self.coef, self.weights = saved
        self.step = start
        if goal > start:  # the same updates again, up to the goal
            self._evolve(self._multipliers(noise, start, goal))
            self.step = goal
        self._observe()  # what a guard looks at is of this state
        return overflow

    def _multipliers(self, noise: NoiseSource, start: int, stop: int) -> Array:
        """Of the labels of steps start..stop−1; a relabelled sample is one whose label is always turned."""
        rows = noise.rows(start, stop)
        return rows if self.turned is None else rows * self.turned

    def state(self) -> tuple[layout.Weights, layout.Weights, Array | None]:
        """A copy of what changes from step to step."""
        return self.inner.copy(), self.coef.copy(), None if self.weights is None else self.weights.copy()

    def _evolve(self, label_noise: Array) -> int:
        """Call the kernel of the engine; returns the updates made before an overflow."""
        lr, rows, done = self.algorithm.lr, self.rows[self.step - self.first :], len(label_noise)
        if self.engine != "weights":
            done = patch.evolve_coefficients(
                self.data, self.inner, self.coef, label_noise, lr, self.scratch, rows
            )
        if self.weights is not None:
            inner, coef = self.inner, self.coef
            if self.engine == "paired":  # the explicit engine works beside, in a place of its own
                inner, coef, rows = np.empty_like(inner), coef.copy(), np.empty_like(rows)
            explicit = patch.evolve_weights(
                self.data, self.draw.vectors, self.weights, inner, coef, label_noise, lr, self.scratch, rows
            )
            done = min(done, explicit)
        return int(done)

    def _observe(self) -> bool:
        """Observables of the state into its row; False when it has overflowed."""
        row = self.rows[self.step - self.first]
        return bool(patch.observe(self.data, self.inner, self.coef, self.scratch, row))

    def _met(self, until: Until, last: int, start: int | None = None) -> int | None:
        """The first step in start..last at which the condition holds."""
        start = last if start is None else start
        rows = self.rows[start - self.first : last - self.first + 1]
        seen = dict(zip(OBSERVABLES, rows.T, strict=True)) | {"step": np.arange(start, last + 1.0)}
        answer = np.asarray(until(seen))
        if answer.shape != (len(rows),) or answer.dtype != bool:
            raise ValueError(f"until: must return a boolean array of shape ({len(rows)},), returned "
                             f"{answer.dtype} of shape {answer.shape}")
        return start + int(np.argmax(answer)) if answer.any() else None

    def _record(self) -> None:
        if not self.recorded or self.recorded[-1] != self.step:
            self.records[len(self.recorded)] = self.coef
            self.recorded.append(self.step)
            self._compare()

    def _compare(self) -> None:
        """Engine "paired": note how far the explicit weights are from those of the coefficients."""
        if self.weights is None or self.engine != "paired":
            return
        rebuilt = self.draw.weights + self.coef @ self.draw.vectors
        scale = np.abs(self.weights).max()
        gap = float(np.abs(rebuilt - self.weights).max() / scale) if scale > 0 else 0.0
        self.deviation = max(gap, self.deviation or 0.0)

    def result(self, status: Status, stopped_at: int | None, guard: Guard, **facts: Any) -> Run:
        """The run as it stands."""
        message = _message(status, stopped_at, self.algorithm, self.problem)
        return Run(
            problem=self.problem,
            algorithm=self.algorithm,
            draw=self.draw,
            engine=self.engine,
            status=status,
            message=guard.message if status == Status.STOPPED and guard.message else message,
            stopped_at=stopped_at,
            rows=self.rows[: self.step - self.first + 1],
            steps_recorded=np.array(self.recorded),
            coefficients=self.records[: len(self.recorded)],
            inner=self.inner,
            weights=self.weights,
            deviation=self.deviation,
            selection=guard.selection,
            validation=guard.validation,
            **facts,
        )


def _either(one: Until | None, other: Until | None) -> Until | None:
    """Where either condition holds."""
    if one is None or other is None:
        return one or other
    return lambda seen: one(seen) | other(seen)


def _message(status: Status, at: int | None, algorithm: GradientDescent, problem: Problem) -> str:
    if status == Status.DIVERGED:
        return (
            f"the state overflows at step {at}; lower lr (now {algorithm.lr:g}), the initial weights "
            f"(init_std={problem.init_std:g}) or the power of the activation (q={problem.q:g})"
        )
    if status == Status.INTERRUPTED:
        return f"interrupted at step {at}; resume() goes on from there"
    return f"the condition was met at step {at}" if status == Status.STOPPED else ""


def _awake(draw: Draw) -> NDArray[np.bool_]:
    """(2m, K) whether a filter of the owner's own branch is active on an atom at the start."""
    branch = np.repeat([1.0, -1.0], draw.m)[:, None]
    own = (draw.owner >= 0) & (branch == draw.observed_labels[draw.owner])
    awake: NDArray[np.bool_] = own & (draw.inner >= 0)
    return awake


def _kernel_data(draw: Draw, q: float, real: Real, watched: bool) -> layout.Data:
    """The draw as the kernel takes it: writable, contiguous arrays."""
    two_sided = np.zeros(len(draw.gram), dtype=bool)
    two_sided[draw.atom[draw.sign < 0]] = True
    return layout.Data(
        gram=np.array(draw.gram, real, order="C"),
        norm_sq=np.diag(draw.gram).copy(),
        atom=np.array(draw.atom, order="C"),
        sign=np.array(draw.sign, order="C"),
        two_sided=two_sided,
        owner=np.array(draw.owner, order="C"),
        orientation=np.array(draw.orientation, order="C"),
        observed=np.array(draw.observed_labels, order="C"),
        noisy=draw.noisy,
        weight=np.ones(draw.n),
        awake=_awake(draw),
        watched=watched,
        readout=np.repeat([1.0 / draw.m, -1.0 / draw.m], draw.m),
        q=float(q),
    )
