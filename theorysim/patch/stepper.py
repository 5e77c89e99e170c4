"""The changing state of one training of the patch network, between kernels."""

from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theorysim.core import validate
from theorysim.core.loop import Ending, Stepper
from theorysim.core.rows import Rows
from theorysim.core.system import even_seams
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.draw import FORMS, NO_WISHART, Draw, has_wishart_form
from theorysim.patch.guard import PatchGuard, guard_of, pending
from theorysim.patch.kernels import layout, network
from theorysim.patch.label_noise import BLOCK, NoiseSource, noise_source
from theorysim.patch.observables import OBSERVABLES
from theorysim.patch.policy import EarlyStopping, OracleSelection, Policy, Selection, SmallLossSelection
from theorysim.patch.problem import Problem
from theorysim.patch.run import PatchRun
from theorysim.patch.view import PatchView

ENGINES = ("coefficients", "weights", "paired")
PRECISIONS: dict[str, "Real"] = {"double": np.float64, "single": np.float32}
OBSERVE = ("all", "outputs")
CHUNK_FLOPS = 2e9  # work between two looks at Ctrl-C, about a tenth of a second
MAX_ROW_BYTES = 2**34  # largest table of observables

Array = NDArray[np.float64]
Real = type[np.floating[Any]]  # float64 or float32


class PatchStepper(Stepper):
    """z and b under gradient descent, and beside them the explicit weights where an engine keeps them."""

    def __init__(
        self, problem: Problem, algorithm: GradientDescent, draw: Draw, seed: int, engine: str, step: int,
        data: layout.Data, state: layout.State, weights: Array | None, noise: NoiseSource, rows: Rows,
    ) -> None:
        super().__init__(problem, algorithm, draw, seed, engine, step)
        self.data, self.now, self.weights, self.noise, self.table = data, state, weights, noise, rows
        self.rule, self.scratch = algorithm.rule(), layout.make_scratch(data)
        self.turned: Array | None = None  # (n,) −1 for samples relabelled by a policy, else 1
        self.policy: Policy | None = None
        self.given = noise.given is not None
        self.guard: PatchGuard = PatchGuard()
        self._first, self._chunk = step, np.empty((BLOCK + 1, len(OBSERVABLES)))  # rows of the last chunk

    def begin(self) -> None:
        """Have the kernels compiled (or loaded) by asking for no step at all, and observe the first state.

        Raises
        ------
        ValueError
            When it is not finite.
        """
        started = perf_counter()
        self._evolve(np.empty((0, self.problem.n)))
        if not self._observe(0):
            raise ValueError(f"draw: the network's output overflows at initialisation, with q={self.problem.q:g}")
        self.table.write(self.step, self._chunk[:1])
        self.timings["compile"] = perf_counter() - started

    def obey(self, selection: Selection | None) -> None:
        """Go on with the weights and labels that a selection gave the samples."""
        if selection is not None and self.turned is not selection.turned:
            self.data, self.turned = self.data._replace(weight=selection.weight.copy()), selection.turned

    def chunk_end(self) -> int:
        """The end of a block of label noise, or of a tenth of a second of work."""
        coef = self.now.coef
        flops = 2.0 * coef.shape[1] * coef.size
        if self.weights is not None:
            flops += 4.0 * coef.shape[1] * self.weights.size
        return min(self.noise.end_of_block(self.step), self.step + max(1, int(CHUNK_FLOPS / flops)))

    def advance(self, stop: int) -> int:
        """Make the updates up to a step; returns the last step that is finite."""
        start = self._first = self.step
        done = self._evolve(self._multipliers(start, stop))
        self.step = start + done
        if self.step < stop or not self._observe(done):
            return self.step - 1
        self.table.write(start + 1, self._chunk[1 : done + 1])
        return stop

    def _multipliers(self, start: int, stop: int) -> Array:
        """Of the labels of steps start..stop−1; a relabelled sample is one whose label is always turned."""
        rows = self.noise.rows(start, stop)
        return rows if self.turned is None else rows * self.turned

    def _evolve(self, label_noise: Array) -> int:
        """Call the kernel of the engine; returns the updates made before an overflow."""
        rows, done, state = self._chunk, len(label_noise), self.now
        if self.engine == "paired":  # the explicit engine works beside from the same state, in a place of its own
            state, rows = layout.State(*(array.copy() for array in state)), np.empty_like(rows)
        if self.engine != "weights":
            done = network.evolve_coefficients(self.data, self.now, self.rule, label_noise, self.scratch, self._chunk)
        if self.weights is not None:
            explicit = network.evolve_weights(
                self.data, self.draw.vectors, self.weights, state, self.rule, label_noise, self.scratch, rows
            )
            done = min(done, explicit)
        return int(done)

    def _observe(self, place: int) -> bool:
        """Observables of the state into a row of the chunk; False when it has overflowed."""
        return bool(network.observe(self.data, self.now.inner, self.now.coef, self.scratch, self._chunk[place]))

    def rows(self, first: int, last: int) -> dict[str, Array]:
        """Observables at the steps first..last, all of the last chunk, with their "step"."""
        if not self.data.watched:
            raise ValueError("observe='outputs': must be 'all' with until= or policy=, which look at every step")
        chosen = self._chunk[first - self._first : last - self._first + 1]
        return dict(zip(OBSERVABLES, chosen.T, strict=True)) | {"step": np.arange(first, last + 1.0)}

    def state(self) -> tuple[int, layout.State, Array | None]:
        """A copy of what changes from step to step."""
        now = layout.State(*(array.copy() for array in self.now))
        return self.step, now, None if self.weights is None else self.weights.copy()

    def restore(self, state: tuple[int, layout.State, Array | None]) -> None:
        """Back to such a copy."""
        self.step, now, weights = state
        self.now = layout.State(*(array.copy() for array in now))
        self.weights = None if weights is None else weights.copy()
        self._first = self.step
        self._observe(0)  # what a guard looks at is of this state
        self.table.back_to(self.step, self._chunk[0])

    def keep(self) -> None:
        """The row of the present step stays."""
        self.table.keep()

    def snapshot(self) -> dict[str, Any]:
        """The coefficients; of engine "paired" also how far the explicit weights are from them."""
        kept = {"coefficients": self.now.coef}
        if self.weights is not None and self.engine == "paired":
            rebuilt = self.draw.weights_from(self.now.coef)
            scale = np.abs(self.weights).max()
            kept["deviations"] = np.abs(rebuilt - self.weights).max() / (scale if scale > 0 else 1.0)
        return kept

    def view(self) -> PatchView:
        """What observables of one's own are functions of."""
        return PatchView(self.step, self.problem, self.draw, self.now.inner.copy(), self.now.coef.copy(),
                         self.scratch.margin.copy())

    def remedy(self, step: int) -> str:
        """The message of a run that overflows at a step."""
        return (f"the state overflows at step {step}; lower lr (now {self.algorithm.lr:g}), the initial weights "
                f"(init_std={self.problem.init_std:g}) or the power of the activation (q={self.problem.q:g})")

    def result(self, ending: Ending) -> PatchRun:
        """The run as it stands."""
        return PatchRun(
            **self.common(ending, self.table.steps), **self.guard.told(ending.status),
            rows=self.table.rows, observed_at=self.table.steps, columns=tuple(OBSERVABLES),
            coefficients=ending.records["coefficients"], inner=self.now.inner,
            beside=tuple(self.now[2:]), weights=self.weights, deviations=ending.records.get("deviations"),
            observables_every=self.table.every, given_label_noise=self.given, policy=self.policy,
        )


def start(
    problem: Problem, algorithm: GradientDescent, steps: int, seed: int, *, engine: str = "coefficients",
    draw: str | Draw = "auto", label_noise: ArrayLike | None = None, policy: Policy | None = None,
    precision: str = "double", observe: str = "all", observables_every: int = 1,
) -> PatchStepper:
    """The initial state; keywords as of :func:`theorysim.simulate`."""
    validate.choice("precision", precision, tuple(PRECISIONS))
    validate.choice("observe", observe, OBSERVE)
    every = validate.integer("observables_every", observables_every, 1)
    if observe == "outputs" and policy is not None:
        raise ValueError("observe='outputs': must be 'all' with until= or policy=, which look at every step")
    if precision == "single" and engine != "coefficients":
        raise ValueError(f"precision={precision!r}: must be 'double' with engine={engine!r}, an oracle")
    _check_rows(steps, steps // every)
    validate.instance("draw", draw, (str, Draw))
    if isinstance(draw, str):
        validate.choice("draw", draw, FORMS)
        if draw == "wishart" and not has_wishart_form(problem):
            raise ValueError(f"draw={draw!r}: {NO_WISHART}")
    if policy is not None:
        validate.instance("policy", policy, (EarlyStopping, SmallLossSelection, OracleSelection))
    noise = noise_source(algorithm.label_noise, problem.n, 0, steps, label_noise, seed)
    started = perf_counter()
    drawn = Draw.from_problem(problem, seed, draw) if isinstance(draw, str) else draw
    drawn.check_against(problem)
    real = PRECISIONS[precision]
    largest = max(np.abs(drawn.gram).max(), np.abs(drawn.inner).max())
    if real is np.float32 and largest > np.finfo(real).max:
        raise ValueError(f"precision='single': inner products are as large as {largest:.3g}; use 'double'")
    stepper = PatchStepper(
        problem, algorithm, drawn, seed, engine, 0, kernel_data(drawn, problem.q, real, observe == "all"),
        layout.first_state(drawn.inner.astype(real), algorithm.rule()),
        None if engine == "coefficients" else np.array(drawn.weights), noise,
        Rows(len(OBSERVABLES), every, steps // every + 1),
    )
    stepper.policy, stepper.guard = policy, guard_of(policy, problem, drawn, seed)
    stepper.timings["draw"] = perf_counter() - started
    stepper.begin()
    return stepper


def proceed(run: PatchRun, end: int, *, label_noise: ArrayLike | None = None) -> PatchStepper:
    """The state at the end of a run; keywords as of :func:`theorysim.resume`."""
    first, every = run.steps, run.observables_every
    _check_rows(end - first, end // every)
    if run.given_label_noise and label_noise is None:
        shape = (end - first, run.draw.n)
        raise ValueError(f"label_noise=None: the run was given its multipliers, so must be an array of {shape} more")
    stepper = PatchStepper(
        run.problem, run.algorithm, run.draw, run.seed, run.engine, first,
        kernel_data(run.draw, run.problem.q, run.inner.dtype.type, True),
        layout.State(run.inner.copy(), run.coefficients[-1].copy(), *(array.copy() for array in run.beside)),
        None if run.weights is None else run.weights.copy(),
        noise_source(run.algorithm.label_noise, run.problem.n, first, end - first, label_noise, run.seed),
        Rows(len(OBSERVABLES), every, (end - first) // every + 1),
    )
    stepper.policy = run.policy
    stepper.guard = guard_of(pending(run), run.problem, run.draw, run.seed, run)
    stepper.obey(stepper.guard.selection)
    stepper.begin()
    return stepper


def seams(run: PatchRun) -> tuple[bool, bool]:
    """Whether the last record and the last row of a run that is continued are of the whole."""
    record, _ = even_seams(run)
    return record, record or run.steps % run.observables_every == 0


def _check_rows(steps: int, rows: int) -> None:
    size = 8 * len(OBSERVABLES) * (rows + 1)
    if size > MAX_ROW_BYTES:
        raise ValueError(f"steps={steps}: the observables of every step would take {size / 2**30:.3g} GiB; at most "
                         f"{MAX_ROW_BYTES / 2**30:g} GiB is allowed; keep fewer with observables_every=")


def _awake(draw: Draw) -> NDArray[np.bool_]:
    """(2m, K) whether a filter of the owner's own branch is active on an atom at the start."""
    branch = np.repeat([1.0, -1.0], draw.m)[:, None]
    own = (draw.owner >= 0) & (branch == draw.observed_labels[draw.owner])
    awake: NDArray[np.bool_] = own & (draw.inner >= 0)
    return awake


def kernel_data(draw: Draw, q: float, real: Real, watched: bool) -> layout.Data:
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
