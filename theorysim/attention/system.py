"""Attention that selects tokens, as a value."""

from collections.abc import Callable
from typing import Any

from theorysim.attention import picture, stages, stepper
from theorysim.attention.algorithm import AttentionGD
from theorysim.attention.draw import AttentionDraw
from theorysim.attention.options import AttentionOptions
from theorysim.attention.problem import DERIVED, UNIFORM, TokenSelection
from theorysim.attention.run import ATTENTION_OBSERVABLES, AttentionRun
from theorysim.core.system import OVERHEAD, System

BYTES = 8


def _cost(problem: TokenSelection, algorithm: AttentionGD, steps: int) -> float:
    drawn = 4.0 * problem.n * problem.tokens * problem.d**2 if problem.key_law == UNIFORM else 0.0
    return OVERHEAD + drawn + steps * stepper.work_of(problem, algorithm)


def _record_bytes(problem: TokenSelection) -> int:
    return 3 * BYTES * problem.n * problem.tokens


def _economy(needs: str) -> dict[str, Any]:
    """Every step has a row anyway; states are for whoever asks."""
    return {} if needs == "all" else {"record_at": ()}


def _settings() -> Any:
    from theorysim.attention import strategies  # needs Hypothesis, which a simulation does not

    return strategies.settings()


QUANTITIES: dict[str, Callable[[AttentionRun, int], Any]] = {
    "query": lambda run, place: run.query[place],
    "carried": lambda run, place: run.carried[place],
    "head": lambda run, place: run.head[place],
    "attention": lambda run, place: run.attention(int(run.steps_recorded[place])),
}

ATTENTION = System(
    name="attention",
    problems=(TokenSelection,),
    algorithms=(AttentionGD,),
    run=AttentionRun,
    start=stepper.start,
    proceed=stepper.proceed,
    observables=ATTENTION_OBSERVABLES,
    record_bytes=_record_bytes,
    measures={
        "test_error": lambda seen: seen.run.test_error(n_test=seen.n_test).value,
        "test_loss": lambda seen: seen.run.test_loss(n_test=seen.n_test).value,
    },
    times=stages.TIMES,
    quantities=QUANTITIES,
    usual=("test_error", "train_loss"),
    derived=DERIVED,
    economy=_economy,
    cost=_cost,
    picture=picture.selection,
    options=AttentionOptions(),
    types=(AttentionDraw,),
    strategies=_settings,
)
