"""The changing state of one mean field, between kernels."""

from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theorysim.core import validate
from theorysim.core.loop import Ending, Stepper
from theorysim.core.rows import Rows
from theorysim.core.system import even_seams
from theorysim.mean_field.draw import MeanFieldDraw, fitting
from theorysim.mean_field.groups import grouped
from theorysim.mean_field.kernels import chains
from theorysim.mean_field.kernels.layout import State, make_scratch
from theorysim.mean_field.observables import MEAN_FIELD_OBSERVABLES
from theorysim.mean_field.problem import MeanField
from theorysim.mean_field.run import MeanFieldRun
from theorysim.mean_field.view import MeanFieldView
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.draw import Draw
from theorysim.patch.label_noise import BLOCK, NoiseSource, noise_source

CHUNK = 4e6  # inner products updated between two looks at Ctrl-C, about a tenth of a second
MAX_ROW_BYTES = 2**34  # largest table of observables
ENGINE = "mean-field"

Array = NDArray[np.float64]


class MeanFieldStepper(Stepper):
    """Chains of all samples, and the signal."""

    def __init__(
        self, problem: MeanField, algorithm: GradientDescent, draw: MeanFieldDraw, seed: int, engine: str, step: int,
        state: State | None, noise: NoiseSource, rows: Rows,
    ) -> None:
        super().__init__(problem, algorithm, draw, seed, engine, step)
        self.data, first = grouped(problem, algorithm.lr, draw)
        self.now, self.noise, self.table = first if state is None else state, noise, rows
        self.scratch = make_scratch(problem.n)
        self.given = noise.given is not None
        self._first, self._chunk = step, np.empty((BLOCK + 1, len(MEAN_FIELD_OBSERVABLES)))  # rows of the last chunk
        if not self._observe(0):
            raise ValueError(f"draw: the network's output overflows at initialisation, with q={problem.q:g}")
        self.table.write(step, self._chunk[:1])

    def chunk_end(self) -> int:
        """The end of a block of label noise, or of a tenth of a second of work."""
        return min(self.noise.end_of_block(self.step), self.step + max(1, int(CHUNK / self.now.memory.size)))

    def advance(self, stop: int) -> int:
        """Make the updates up to a step; returns the last step that is finite."""
        start = self._first = self.step
        done = int(chains.evolve(self.data, self.now, self.noise.rows(start, stop), self.scratch, self._chunk))
        self.step = start + done
        if self.step < stop or not self._observe(done):
            return self.step - 1
        self.table.write(start + 1, self._chunk[1 : done + 1])
        return stop

    def _observe(self, place: int) -> bool:
        """Observables of the state into a row of the chunk; False when it has overflowed."""
        return bool(chains.look(self.data, self.now, self.scratch, self._chunk[place]))

    def rows(self, first: int, last: int) -> dict[str, Array]:
        """Observables at the steps first..last, all of the last chunk, with their "step"."""
        chosen = self._chunk[first - self._first : last - self._first + 1]
        return dict(zip(MEAN_FIELD_OBSERVABLES, chosen.T, strict=True)) | {"step": np.arange(first, last + 1.0)}

    def state(self) -> tuple[int, State]:
        """A copy of what changes from step to step."""
        return self.step, State(*(array.copy() for array in self.now))

    def restore(self, state: tuple[int, State]) -> None:
        """Back to such a copy."""
        self.step, self.now = state[0], State(*(array.copy() for array in state[1]))
        self._first = self.step
        self._observe(0)
        self.table.back_to(self.step, self._chunk[0])

    def keep(self) -> None:
        """The row of the present step stays."""
        self.table.keep()

    def snapshot(self) -> dict[str, Any]:
        """The inner products of all groups."""
        return {"memory": self.now.memory, "signal": self.now.signal}

    def view(self) -> MeanFieldView:
        """What observables of one's own are functions of."""
        return MeanFieldView(self.step, self.problem, self.draw, self.now.memory.copy(), self.now.signal.copy(),
                             self.scratch.margin.copy())

    def remedy(self, step: int) -> str:
        """The message of a run that overflows at a step."""
        return (f"the state overflows at step {step}; lower lr (now {self.algorithm.lr:g}), the initial weights "
                f"(init_std={self.problem.init_std:g}) or the power of the activation (q={self.problem.q:g})")

    def result(self, ending: Ending) -> MeanFieldRun:
        """The run as it stands."""
        return MeanFieldRun(
            **self.common(ending, self.table.steps), rows=self.table.rows, observed_at=self.table.steps,
            columns=tuple(MEAN_FIELD_OBSERVABLES), memory=ending.records["memory"], signal=ending.records["signal"],
            observables_every=self.table.every, given_label_noise=self.given,
        )


def start(
    problem: MeanField, algorithm: GradientDescent, steps: int, seed: int, *, engine: str = ENGINE,
    draw: MeanFieldDraw | Draw | None = None, label_noise: ArrayLike | None = None, observables_every: int = 1,
) -> MeanFieldStepper:
    """The initial state.

    Parameters
    ----------
    problem : MeanField
    algorithm : GradientDescent
        With a learning rate and label noise.
    steps, seed : int
    engine : {"mean-field"}
    draw : MeanFieldDraw or Draw, optional
        The start, given instead of drawn; a draw of the exact network is stripped of its overlaps.
    label_noise : (steps, n) array, optional
        Multipliers in place of drawn ones.
    observables_every : int
        Keep only every so manieth row of the table.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """
    every = validate.integer("observables_every", observables_every, 1)
    if not isinstance(algorithm.lr, float) or not algorithm.only_descends:
        raise ValueError(f"algorithm={algorithm!r}: must be plain gradient descent in the mean field")
    noise = noise_source(algorithm.label_noise, problem.n, 0, steps, label_noise, seed)
    began = perf_counter()
    drawn = MeanFieldDraw.from_problem(problem, seed) if draw is None else fitting(draw, problem)
    seconds = perf_counter() - began
    stepper = MeanFieldStepper(problem, algorithm, drawn, seed, engine, 0, None, noise, _table(steps, every))
    stepper.timings["draw"] = seconds
    return stepper


def proceed(run: MeanFieldRun, end: int, *, label_noise: ArrayLike | None = None) -> MeanFieldStepper:
    """The state at the end of a run; keywords as of :func:`theorysim.resume`."""
    first, n = run.steps, run.problem.n
    if run.given_label_noise and label_noise is None:
        raise ValueError(f"label_noise=None: the run was given its multipliers, so must be an array of "
                         f"{(end - first, n)} more")
    noise = noise_source(run.algorithm.label_noise, n, first, end - first, label_noise, run.seed)
    state = State(run.memory[-1].copy(), run.signal[-1].copy())
    return MeanFieldStepper(run.problem, run.algorithm, run.draw, run.seed, run.engine, first, state, noise,
                            _table(end - first, run.observables_every))


def seams(run: MeanFieldRun) -> tuple[bool, bool]:
    """Whether the last record and the last row of a run that is continued are of the whole."""
    record, _ = even_seams(run)
    return record, record or run.steps % run.observables_every == 0


def _table(steps: int, every: int) -> Rows:
    """Room for the rows of a run."""
    count = steps // every + 1
    size = 8 * len(MEAN_FIELD_OBSERVABLES) * count
    if size > MAX_ROW_BYTES:
        raise ValueError(f"steps={steps}: the observables of every step would take {size / 2**30:.3g} GiB; at most "
                         f"{MAX_ROW_BYTES / 2**30:g} GiB is allowed; keep fewer with observables_every=")
    return Rows(len(MEAN_FIELD_OBSERVABLES), every, count)
