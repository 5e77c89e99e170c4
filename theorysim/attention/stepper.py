"""The changing state: coordinates of p, W and v, and what the kernels make of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.attention.algorithm import AttentionGD
from theorysim.attention.draw import SIGNALS, AttentionDraw, draw_attention, fitting
from theorysim.attention.kernel import COLUMNS, Rule, Scratch, State, Tokens, evolve, look, observe
from theorysim.attention.problem import TokenSelection
from theorysim.attention.run import ATTENTION_OBSERVABLES, AttentionRun
from theorysim.core.loop import Ending, Stepper
from theorysim.core.rows import Rows

CHUNK = 1e8  # floating-point operations between two looks at Ctrl-C, some tenth of a second

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AttentionState:
    """The attention at one step: what observables of one's own are functions of. Arrays cannot be written to.

    Attributes
    ----------
    problem : TokenSelection
    draw : AttentionDraw
        Labels and Gram matrices, ``flipped`` among them.
    step : int
    query, carried, head : (nT,) arrays
        b, c and h of :class:`AttentionRun`.
    scores, values, softmax : (n, T) arrays
        x·Wp, x·v and the softmax weights.
    outputs : (n,) array
        f(X_i).
    """

    problem: TokenSelection
    draw: AttentionDraw
    step: int
    query: Array
    carried: Array
    head: Array
    scores: Array
    values: Array
    softmax: Array
    outputs: Array


class AttentionStepper(Stepper):
    """Gradient descent in coordinates; see :mod:`theorysim.attention.kernel`.

    Parameters
    ----------
    problem, algorithm, draw, seed, engine
    state : State
        Coordinates at ``step``; changed in place.
    step : int
    """

    problem: TokenSelection
    algorithm: AttentionGD
    draw: AttentionDraw

    def __init__(
        self, problem: TokenSelection, algorithm: AttentionGD, draw: AttentionDraw, seed: int, engine: str,
        state: State, step: int = 0,
    ) -> None:
        super().__init__(problem, algorithm, draw, seed, engine, step)
        count, tokens = draw.n * draw.tokens, slice(SIGNALS, None)
        start = np.array(problem.head)
        self.data = Tokens(
            draw.gram[tokens, tokens].copy(), draw.key_gram[tokens, tokens].copy(), draw.observed_labels, draw.flipped,
            problem.kinds, draw.gram[tokens, :SIGNALS] @ start,
            float(start @ draw.gram[:SIGNALS, :SIGNALS] @ start))
        self.rule = Rule(algorithm.lr, algorithm.train_keys, algorithm.train_head)
        self.scratch = Scratch(*(np.zeros(draw.n if name == "outputs" else count) for name in Scratch._fields))
        self.table, self.now = Rows(COLUMNS), state
        self._seen()

    def _seen(self) -> None:
        """Look at the present state and write down its row."""
        row = np.empty((1, COLUMNS))
        look(self.data, self.now, self.rule, self.scratch)
        observe(self.data, self.now, self.scratch, row[0])
        self.table.write(self.step, row)

    def advance(self, stop: int) -> int:
        """Make the updates up to a step; returns the last step that is finite."""
        rows = np.empty((stop - self.step, COLUMNS))
        made = int(evolve(self.data, self.now, self.rule, self.scratch, rows))
        self.table.write(self.step + 1, rows[:made])
        self.step += made
        return self.step

    def chunk_end(self) -> int:
        """So far that Ctrl-C is soon heeded."""
        return self.step + max(1, int(CHUNK / work_of(self.problem, self.algorithm)))

    def rows(self, first: int, last: int) -> Mapping[str, Any]:
        """Observables at the steps first..last, with their "step"."""
        part = slice(*np.searchsorted(self.table.steps, [first, last + 1]))
        return {"step": self.table.steps[part]} | dict(
            zip(ATTENTION_OBSERVABLES, self.table.rows[part].T, strict=True))

    def state(self) -> tuple[int, State]:
        """A copy of all that changes."""
        return self.step, _copied(self.now)

    def restore(self, state: tuple[int, State]) -> None:
        """Back to such a copy, with its row; rows after it are forgotten."""
        self.step, self.now = state[0], _copied(state[1])
        self._seen()

    def snapshot(self) -> dict[str, Any]:
        """Coordinates of p, of what W adds to Wp, and of v."""
        return {"query": self.now.query, "carried": self.scratch.carried, "head": self.now.head}

    def view(self) -> AttentionState:
        """What observables of one's own are functions of."""
        flat = {name: _locked(array) for name, array in
                {"query": self.now.query, "carried": self.scratch.carried, "head": self.now.head,
                 "outputs": self.scratch.outputs}.items()}
        shaped = {name: _locked(getattr(self.scratch, name)).reshape(self.draw.n, -1)
                  for name in ("scores", "values", "softmax")}
        return AttentionState(self.problem, self.draw, self.step, **flat, **shaped)

    def remedy(self, step: int) -> str:
        """What to lower."""
        return f"scores, values or coordinates overflow at step {step}; lower lr (now {self.algorithm.lr:g})"

    def result(self, ending: Ending) -> AttentionRun:
        """The run as it stands."""
        steps, records = self.table.steps.copy(), ending.records
        return AttentionRun(
            **self.common(ending, steps), observed_at=steps, rows=self.table.rows.copy(),
            columns=tuple(ATTENTION_OBSERVABLES), query=records["query"], carried=records["carried"],
            head=records["head"], keys=self.now.keys.copy(),
        )


def start(
    problem: TokenSelection, algorithm: AttentionGD, _steps: int, seed: int, *, engine: str = "exact",
    draw: AttentionDraw | str = "auto",
) -> AttentionStepper:
    """A stepper at step 0.

    Parameters
    ----------
    problem : TokenSelection
    algorithm : AttentionGD
    seed : int
    engine : {"exact"}
    draw : {"auto", "vectors", "wishart"} or AttentionDraw
        In which form to draw; or Gram matrices and labels given.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """
    drawn = fitting(draw, problem) if isinstance(draw, AttentionDraw) else draw_attention(problem, seed, draw)
    count = drawn.n * drawn.tokens
    keys = np.zeros((count, count) if algorithm.train_keys else (0, 0))
    state = State(np.zeros(count), np.zeros(count), keys)
    return AttentionStepper(problem, algorithm, drawn, seed, engine, state)


def proceed(run: AttentionRun, _end: int) -> AttentionStepper:
    """A stepper at the end of a run."""
    state = State(run.query[-1].copy(), run.head[-1].copy(), run.keys.copy())
    return AttentionStepper(run.problem, run.algorithm, run.draw, run.seed, run.engine, state, run.steps)


def work_of(problem: TokenSelection, algorithm: AttentionGD) -> float:
    """Floating-point operations of a step: products of matrices and vectors."""
    products = 1 + 5 * algorithm.train_keys + algorithm.train_head
    return 1e3 + 2.0 * products * (problem.n * problem.tokens) ** 2


def _copied(state: State) -> State:
    return State(*(part.copy() for part in state))


def _locked(array: Array) -> Array:
    """A copy that cannot be written to."""
    copy = array.copy()
    copy.setflags(write=False)
    return copy
