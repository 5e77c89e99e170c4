"""The changing state of one training of the patch network, between kernels."""

from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theorysim.core import validate
from theorysim.core.loop import Ending, Stepper
from theorysim.core.rows import Rows
from theorysim.core.system import even_seams
from theorysim.patch import schedules
from theorysim.patch.activation import LOSSES
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.draw import FORMS, Draw
from theorysim.patch.guard import PatchGuard, guard_of, pending
from theorysim.patch.held import Held
from theorysim.patch.kernels import layout, network, rules
from theorysim.patch.label_noise import BLOCK, noise_source
from theorysim.patch.observables import OBSERVABLES
from theorysim.patch.off_span import off_span_step
from theorysim.patch.per_step import StepSource
from theorysim.patch.phases import Phase, check_next
from theorysim.patch.policy import EarlyStopping, OracleSelection, Policy, Selection, SmallLossSelection
from theorysim.patch.problem import Problem, SignalNoise
from theorysim.patch.run import PatchRun
from theorysim.patch.view import PatchView

ENGINES = ("coefficients", "weights", "paired", "auto")
PRECISIONS: dict[str, "Real"] = {"double": np.float64, "single": np.float32}
OBSERVE = ("all", "outputs")
CHUNK_FLOPS = 2e9  # work between two looks at Ctrl-C, about a tenth of a second
MAX_ROW_BYTES = 2**34  # largest table of observables

Array = NDArray[np.float64]
Real = type[np.floating[Any]]  # float64 or float32


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
                             f"activation={self.problem.sigma!r}")
        self.table.write(self.step, self._chunk[:1])
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
        done = self._evolve(steps)
        self.step = start + done
        if self.step < stop or not self._observe(done):
            return self.step - 1
        self.table.write(start + 1, self._chunk[1 : done + 1])
        return stop

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
        image = state.inner if weights is None else weights
        if image.shape[1] not in self.works:
            self.works[image.shape[1]] = layout.make_work(self.data, state.inner, image.shape)
        given: Any = np.empty(layout.NOTHING, image.dtype) if weights is None else weights
        return int(rules.evolve_by_rule(self.data, given, state, self.rule, steps, self.scratch,
                                        self.works[image.shape[1]], rows))

    def _observe(self, place: int) -> bool:
        """Observables of the state into a row of the chunk; False when it has overflowed."""
        return bool(network.observe(self.data, self.now, self.scratch, self._chunk[place]))

    def rows(self, first: int, last: int) -> dict[str, Array]:
        """Observables at the steps first..last, all of the last chunk, with their "step"."""
        if not self.data.watched:
            raise ValueError("observe='outputs': must be 'all' with until= or policy=, which look at every step")
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
        """The row of the present step stays."""
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
        return (f"the state overflows at step {step}; lower lr (now {self.algorithm.lr}), the initial weights "
                f"(init_std={self.problem.init_std:g}) or the power of the activation ({self.problem.sigma!r})")

    def result(self, ending: Ending) -> PatchRun:
        """The run as it stands."""
        kept: dict[str, Any] = {name: ending.records.get(name) for name in PatchRun.PER_RECORD[1:]}
        return PatchRun(
            **self.common(ending, self.table.steps), **self.guard.told(ending.status),
            rows=self.table.rows, observed_at=self.table.steps, columns=tuple(OBSERVABLES),
            inner=self.now.inner, beside=self.held.arrays()[2:], weights=self.held.weights,
            **kept, observables_every=self.table.every, given_label_noise=self.source.given, policy=self.policy,
            phases=self.phases,
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
        if draw == "wishart" and not (isinstance(problem, SignalNoise) and problem.init_law == "normal"):
            raise ValueError(f"draw={draw!r}: only a SignalNoise with init_law='normal' has a Wishart form, use 'auto'")
    if policy is not None:
        validate.instance("policy", policy, (EarlyStopping, SmallLossSelection, OracleSelection))
    _check_schedules(algorithm, steps)
    noise = noise_source(algorithm.label_noise, problem.n, 0, steps, label_noise, seed)
    started = perf_counter()
    drawn = Draw.from_problem(problem, seed, draw) if isinstance(draw, str) else draw
    drawn.check_against(problem)
    real = PRECISIONS[precision]
    largest = max(np.abs(drawn.gram).max(), np.abs(drawn.inner).max())
    if real is np.float32 and largest > np.finfo(real).max:
        raise ValueError(f"precision='single': inner products are as large as {largest:.3g}; use 'double'")
    if engine == "auto":
        engine = "weights" if 2 * drawn.vectors.shape[1] < len(drawn.gram) else "coefficients"
    dimensions = _off_dimensions(problem, drawn)
    held = Held.first(drawn, algorithm, engine, problem.second_layer(drawn.m), real, dimensions)
    stepper = PatchStepper(
        problem, algorithm, drawn, seed, engine, 0,
        kernel_data(drawn, problem, algorithm, engine, real, observe == "all"), held,
        StepSource(algorithm, noise, seed, drawn, dimensions, problem.reduction == "mean"),
        Rows(len(OBSERVABLES), every, steps // every + 1),
    )
    stepper.policy, stepper.guard = policy, guard_of(policy, problem, drawn, seed)
    stepper.timings["draw"] = perf_counter() - started
    stepper.begin()
    return stepper


def proceed(
    run: PatchRun, end: int, *, algorithm: GradientDescent | None = None, label_noise: ArrayLike | None = None,
) -> PatchStepper:
    """The state at the end of a run; keywords as of :func:`theorysim.resume`."""
    first, every, problem, draw = run.steps, run.observables_every, run.problem, run.draw
    _check_rows(end - first, end // every)
    if algorithm is not None:
        validate.instance("algorithm", algorithm, (GradientDescent,))
    same = algorithm is None or algorithm == run.algorithm
    if run.given_label_noise and label_noise is None and same:
        shape = (end - first, draw.n)
        raise ValueError(f"label_noise=None: the run was given its multipliers, so must be an array of {shape} more")
    dimensions = _off_dimensions(problem, draw)
    held = held_at_end(run, dimensions)
    phases = run.phases
    if algorithm is None or same:
        algorithm = run.algorithm
    else:
        check_next(algorithm, run.drifts is not None)
        held, phases = held.under(algorithm, draw, run.engine, dimensions), (*phases, Phase(run.algorithm, first))
    began = phases[-1].end if phases else 0
    _check_schedules(algorithm, end - began)
    noise = noise_source(algorithm.label_noise, problem.n, first, end - first, label_noise, run.seed, began)
    stepper = PatchStepper(
        problem, algorithm, draw, run.seed, run.engine, first,
        kernel_data(draw, problem, algorithm, run.engine, run.inner.dtype.type, True), held,
        StepSource(algorithm, noise, run.seed, draw, dimensions, problem.reduction == "mean", began),
        Rows(len(OBSERVABLES), every, (end - first) // every + 1),
    )
    stepper.policy, stepper.phases = run.policy, phases
    stepper.guard = guard_of(pending(run), problem, draw, run.seed, run)
    stepper.obey(stepper.guard.selection)
    stepper.begin()
    return stepper


def held_at_end(run: PatchRun, dimensions: int) -> Held:
    """What a run was at its end; files of before there were other rules have only z, b and the weights."""
    arrays = (run.inner, run.coefficients[-1], *run.beside)
    if run.beside:
        return Held.of(arrays, run.weights)
    held = Held.first(run.draw, run.algorithm, run.engine, run.readouts[-1], run.inner.dtype, dimensions)
    for state in (held.now, held.explicit):
        if state is not None:
            state.inner[:], state.coef[:] = arrays
    return held._replace(weights=None if run.weights is None else run.weights.copy())


def seams(run: PatchRun) -> tuple[bool, bool]:
    """Whether the last record and the last row of a run that is continued are of the whole."""
    record, _ = even_seams(run)
    return record, record or run.steps % run.observables_every == 0


def _check_rows(steps: int, rows: int) -> None:
    size = 8 * len(OBSERVABLES) * (rows + 1)
    if size > MAX_ROW_BYTES:
        raise ValueError(f"steps={steps}: the observables of every step would take {size / 2**30:.3g} GiB; at most "
                         f"{MAX_ROW_BYTES / 2**30:g} GiB is allowed; keep fewer with observables_every=")


def _check_schedules(algorithm: GradientDescent, steps: int) -> None:
    for name in ("lr", "label_noise"):
        value = getattr(algorithm, name)
        if schedules.length(value) < steps:
            raise ValueError(f"{name}={value!r}: has values for {schedules.length(value)} steps, must have them for "
                             f"{steps}")


def _off_dimensions(problem: Problem, draw: Draw) -> int:
    """Dimensions of the weights that the draw has no coordinates for."""
    return problem.d - draw.vectors.shape[1] + bool(problem.bias) if isinstance(problem, SignalNoise) else 0


def _awake(draw: Draw) -> NDArray[np.bool_]:
    """(2m, K) whether a filter of the owner's own branch is active on an atom at the start."""
    branch = np.repeat([1.0, -1.0], draw.m)[:, None]
    own = (draw.owner >= 0) & (branch == draw.observed_labels[draw.owner])
    awake: NDArray[np.bool_] = own & (draw.inner >= 0)
    return awake


def kernel_data(
    draw: Draw, problem: Problem, algorithm: GradientDescent, engine: str, real: Real, watched: bool
) -> layout.Data:
    """The draw as the kernel takes it: writable, contiguous arrays."""
    two_sided = np.zeros(len(draw.gram), dtype=bool)
    two_sided[draw.atom[draw.sign < 0]] = True
    placed = engine != "coefficients" or algorithm.weight_noise > 0  # explicit weights have coordinates
    q, width = problem.sigma.numbers
    return layout.Data(
        gram=np.array(draw.gram if engine != "weights" else np.empty(layout.NOTHING), real, order="C"),
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
        vectors=np.array(draw.vectors if placed else np.empty(layout.NOTHING), real, order="C"),
        activation=problem.sigma.KIND,
        q=q,
        width=width,
        loss=LOSSES[problem.loss],
        divisor=float(draw.n) if problem.reduction == "mean" else 1.0,
    )
