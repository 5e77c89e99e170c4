"""What a sweep keeps of every run: measures by name, statements by id, or functions of one's own."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from theorysim.checker import evaluate
from theorysim.observables import OBSERVABLES
from theorysim.risk import Estimate
from theorysim.run import Run
from theorysim.theory import PAPERS, statements
from theorysim.theory.statement import Constants, Evidence, Statement

Measure = str | Callable[[Run], Any]
Value = float | int | bool | str | None


@dataclass(frozen=True)
class Reading:
    """One run as measures see it; what several of them need is found once."""

    run: Run
    constants: Constants
    n_test: int

    @cached_property
    def error(self) -> Estimate:
        """On fresh data, against true labels."""
        return self.run.test_error(n_test=self.n_test, method="monte-carlo")

    @cached_property
    def times(self) -> Any:
        """T1 and T2."""
        c = self.constants
        return self.run.stage_times(epsilon=c.epsilon, gamma_threshold=c.gamma_threshold)


MEASURES: dict[str, Callable[[Reading], Value]] = {
    "test_error": lambda seen: seen.error.value,
    "test_accuracy": lambda seen: 1 - seen.error.value,
    "test_error_observed": lambda seen: seen.run.test_error(
        n_test=seen.n_test, labels="observed", method="monte-carlo").value,
    "log10_test_error": lambda seen: seen.run.test_error(n_test=seen.n_test).log10_value,
    "memory_test_error": lambda seen: seen.run.test_error(kind="memory").value,
    "precision": lambda seen: None if seen.run.selection is None else seen.run.selection.precision,
    "recall": lambda seen: None if seen.run.selection is None else seen.run.selection.recall,
    "stopped_at": lambda seen: seen.run.stopped_at,
    "T1": lambda seen: seen.times.T1,
    "T2": lambda seen: seen.times.T2,
}


def named(measures: Measure | Iterable[Measure]) -> dict[str, Measure]:
    """Measures by the name of their column.

    Raises
    ------
    TypeError, ValueError
        For a name that is none of a measure, an observable or a statement, or that occurs twice.
    """
    if isinstance(measures, str) or callable(measures):
        measures = [measures]
    if not isinstance(measures, Iterable):
        raise TypeError(f"measure={measures!r}: must be a name, a function of a Run, or a sequence of these")
    found: dict[str, Measure] = {}
    for one in measures:
        if not isinstance(one, str) and not callable(one):
            raise TypeError(f"measure={one!r}: must be a name or a function of a Run, not {type(one).__name__}")
        name = one if isinstance(one, str) else getattr(one, "__name__", type(one).__name__)
        if isinstance(one, str) and one not in MEASURES and one not in OBSERVABLES and statement_of(one) is None:
            raise ValueError(f"measure={one!r}: must be one of {', '.join(MEASURES)}; an observable, whose last value "
                             f"is kept ({', '.join(OBSERVABLES)}); the id of a statement of {', '.join(PAPERS)}; or "
                             "a function of a Run")
        if name in found:
            raise ValueError(f"measure: {name!r} occurs twice; give functions different names")
        found[name] = one
    if not found:
        raise ValueError("measure: must name at least one")
    return found


def statement_of(name: str) -> Statement | None:
    """The statement with this id, if there is one."""
    return next((one for paper in PAPERS for one in statements(paper) if one.id == name), None)


def needs_records(measures: dict[str, Measure]) -> bool:
    """Whether anything looks at coefficients between start and end: a statement, or a function of one's own."""
    return any(not isinstance(one, str) or statement_of(one) is not None for one in measures.values())


def needs_every_step(measures: dict[str, Measure]) -> bool:
    """Whether anything looks at coefficients of every step: a stage time, a statement, a function of one's own."""
    return needs_records(measures) or any(one in ("T1", "T2") for one in measures.values())


def read(name: str, measure: Measure, seen: Reading) -> Value:
    """The value of one measure: a number, a truth value or a word; NaN as None."""
    value = _value(measure, seen)
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, bool | int | float | str) and value is not None:
        raise TypeError(f"measure {name!r} returned {value!r}: must be a number, True, False or a string")
    if type(value) is int and abs(value) > 2**53:  # more than the store and a table keep of an integer
        value = float(value)
    return None if isinstance(value, float) and np.isnan(value) else value


def _value(measure: Measure, seen: Reading) -> Any:
    if not isinstance(measure, str):
        return measure(seen.run)
    if measure in MEASURES:
        return MEASURES[measure](seen)
    if measure in OBSERVABLES:
        return float(seen.run.column(measure)[-1])
    statement = statement_of(measure)
    assert statement is not None
    if not statement.applies(seen.run):
        return "does not apply"
    return str(evaluate(statement, Evidence(seen.run, seen.constants)).verdict)


def fingerprint(measure: Measure) -> str:
    """What identifies a measure in a store: its name; of a function its name, code, defaults and closure."""
    if isinstance(measure, str):
        return measure
    name = getattr(measure, "__qualname__", type(measure).__qualname__)
    return f"function {name} {hashlib.sha256(_text(measure).encode()).hexdigest()[:16]}"


def _text(value: Any) -> str:
    """A text that is the same in every process, and differs where a function computes something else."""
    if isinstance(value, CodeType):
        return f"{value.co_code.hex()} {value.co_names} {_text(value.co_consts)}"
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        parts = (value.__code__, value.__defaults__, value.__kwdefaults__, cells)
        return f"{value.__qualname__} {_text(parts)}"
    if isinstance(value, tuple | list):
        return f"({', '.join(map(_text, value))})"
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(map(_text, value)))}}}"
    if isinstance(value, dict):
        return _text(list(value.items()))
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | np.generic):
        return repr(value)
    return type(value).__qualname__  # the text of anything else may hold an address
