"""Settings at random, each from a seed of its own and so independent, and Hypothesis's own climb and shrinking."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings, target
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy

from theorysim.falsify.setting import Setting, Trial

QUIET: dict[str, Any] = {
    "database": None, "deadline": None, "derandomize": False, "verbosity": Verbosity.quiet, "print_blob": False,
    "report_multiple_bugs": False, "suppress_health_check": list(HealthCheck),
}

FARTHEST = 1e6  # Hypothesis climbs finite numbers only


def source(of: int, number: int) -> int:
    """The seed from which Hypothesis makes one setting: of a search and a number, independent of all others."""
    return int(np.random.SeedSequence(of, spawn_key=(number,)).generate_state(1, np.uint64)[0])


def sample(strategy: SearchStrategy[Setting], key: int) -> Setting | None:
    """One setting from a seed; None where Hypothesis found none that the strategy allows.

    The first that Hypothesis makes is the simplest, whatever the seed. The second is another at random, and as it
    depends on the seed alone, settings of different seeds are independent and of one law.
    """
    seen: list[Setting] = []

    @seed(key)
    @settings(max_examples=2, phases=[Phase.generate], **QUIET)
    @given(strategy)
    def take(setting: Setting) -> None:
        seen.append(setting)

    try:
        take()
    except Unsatisfiable:
        return None
    return seen[-1] if seen else None


class _Contradicted(Exception):
    """What Hypothesis sees of a counterexample."""


class _Out(BaseException):
    """Passes through Hypothesis, which does not look at what is no Exception."""

    def __init__(self, reason: Exception) -> None:
        super().__init__()
        self.reason = reason


def uphill(
    strategy: SearchStrategy[Setting], key: int, most: int, look: Callable[[Setting], Trial | None],
    objective: Callable[[Trial | None], float], fails: Callable[[Trial | None], bool],
) -> Trial | None:
    """A counterexample by Hypothesis's own climb, within a strategy; None if there is none in so many runs."""
    found: list[Trial] = []

    def body(setting: Setting) -> None:
        trial = look(setting)
        if fails(trial) and trial is not None:
            found.append(trial)
            raise _Out(StopIteration())
        target(-min(objective(trial), FARTHEST))

    _run(strategy, key, most, (Phase.generate, Phase.target), body)
    return found[0] if found else None


def shrunk(
    strategy: SearchStrategy[Setting], key: int, look: Callable[[Setting], Trial | None],
    fails: Callable[[Trial | None], bool], keep: Callable[[Trial], None],
) -> None:
    """What Hypothesis makes of the counterexample that a seed has, smaller and smaller; each is kept as it comes."""
    def body(setting: Setting) -> None:
        trial = look(setting)
        if fails(trial) and trial is not None:
            keep(trial)
            raise _Contradicted

    _run(strategy, key, 2, (Phase.generate, Phase.shrink), body)


def _run(
    strategy: SearchStrategy[Setting], key: int, most: int, phases: tuple[Phase, ...], body: Callable[[Setting], None]
) -> None:
    @seed(key)
    @settings(max_examples=most, phases=phases, **QUIET)
    @given(strategy)
    def test(setting: Setting) -> None:
        try:
            body(setting)
        except _Contradicted:
            raise
        except Exception as error:  # the search's own endings, and errors of the claim
            raise _Out(error) from None

    try:
        test()
    except (_Contradicted, Unsatisfiable):
        return
    except _Out as out:
        if not isinstance(out.reason, StopIteration):
            raise out.reason from None
