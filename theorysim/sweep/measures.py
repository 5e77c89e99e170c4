"""What a sweep keeps of every run: measures by name, statements by id, or functions of one's own."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from theorysim.check import evaluate
from theorysim.core import validate
from theorysim.core.system import System, Value
from theorysim.sweep.reading import Reading
from theorysim.theory.paper import Paper, paper_of, papers, papers_about, registered_papers, statement_named
from theorysim.theory.statement import Constants, Evidence, Statement

Measure = str | Statement | Callable[[Any], Any]


def named(system: System, measures: Measure | Iterable[Measure], own: Iterable[str] = ()) -> dict[str, Measure]:
    """Measures by the name of their column; ``own`` are the names of observables of one's own.

    Raises
    ------
    TypeError, ValueError
        For a name that is none of a measure, an observable or a statement, or that occurs twice.
    """
    if isinstance(measures, str | Statement) or callable(measures):
        measures = [measures]
    if not isinstance(measures, Iterable):
        raise TypeError(f"measure={measures!r}: must be a name, a claim, a function of a Run, or a sequence of these")
    found: dict[str, Measure] = {}
    for one in measures:
        if not isinstance(one, str | Statement) and not callable(one):
            raise TypeError(f"measure={one!r}: must be a name, a claim or a function of a Run, not "
                            f"{type(one).__name__}")
        name = _column(one)
        known = (*system.known(), *own)
        if isinstance(one, str) and one not in known and not statement_named(one):
            raise ValueError(f"measure={one!r}: must be one of {', '.join(system.named())}; an observable, whose "
                             f"last value is kept ({', '.join((*system.observables, *own))}); the id of a statement of "
                             f"{', '.join(papers())}; a claim; or a function of a Run"
                             f"{validate.nearest(one, [*known, *_statements(papers().values())])}")
        if name in found:
            raise ValueError(f"measure: {name!r} occurs twice; give functions and claims different names")
        found[name] = one
    if not found:
        raise ValueError("measure: must name at least one")
    return found


def _column(measure: Measure) -> str:
    if isinstance(measure, Statement):
        return measure.id
    return measure if isinstance(measure, str) else getattr(measure, "__name__", type(measure).__name__)


def _statements(of: Iterable[Paper]) -> list[str]:
    return [one.id for paper in of for one in paper.statements]


def unknown_elsewhere(measures: Mapping[str, Measure]) -> tuple[Paper, ...]:
    """Papers whose statements are measures and that another process would not find."""
    return tuple(paper for paper in registered_papers().values()
                 if {one.id for one in paper.statements} & set(measures))


def needs(system: System, measures: dict[str, Measure]) -> str:
    """What measures look at: "all" recorded states, the "times" of stages at every step, or the "outputs" alone."""
    known = set(system.known())
    if any(not isinstance(one, str) or one not in known for one in measures.values()):
        return "all"
    return "times" if any(one in system.times for one in measures.values()) else "outputs"


def read(system: System, name: str, measure: Measure, seen: Reading) -> Value:
    """The value of one measure: a number, a truth value or a word; NaN as None."""
    value = _value(system, measure, seen)
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, bool | int | float | str) and value is not None:
        raise TypeError(f"measure {name!r} returned {value!r}: must be a number, True, False or a string")
    if type(value) is int and abs(value) > 2**53:  # more than the store and a table keep of an integer
        value = float(value)
    return None if isinstance(value, float) and np.isnan(value) else value


def _value(system: System, measure: Measure, seen: Reading) -> Any:
    if isinstance(measure, Statement):
        return _verdict(measure, paper_of(measure, seen.run), seen)
    if not isinstance(measure, str):
        return measure(seen.run)
    if measure in system.measures:
        return system.measures[measure](seen)
    if measure in system.times:
        return seen.times[measure]
    if measure == "stopped_at":
        return seen.run.stopped_at
    if measure in system.observables or measure in seen.run.own:
        return float(seen.run.column(measure)[-1])
    about = papers_about(seen.run)
    for paper, statement in statement_named(measure):
        if paper in about and statement.applies(seen.run):
            return _verdict(statement, paper, seen)
    return "does not apply"


def _verdict(statement: Statement, paper: Paper | None, seen: Reading) -> str:
    if not statement.applies(seen.run):
        return "does not apply"
    if paper is not None:
        evidence = paper.evidence(seen.run, paper.constants_from(seen.constants))
    else:
        given = {name: value for name, value in seen.constants.items() if name in Constants.names()}
        evidence = Evidence(seen.run, Constants(**given))
    return str(evaluate(statement, evidence).verdict)


def fingerprint(measure: Measure) -> str:
    """What identifies a measure in a store: its name; of a function its name, code, defaults and closure.

    Of a claim all that it is made of: expressions, functions, where, when.
    """
    if isinstance(measure, str):
        return measure
    if isinstance(measure, Statement):
        return f"claim {measure.id} {hashlib.sha256(_text(measure).encode()).hexdigest()[:16]}"
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
    if is_dataclass(value) and not isinstance(value, type):
        return f"{type(value).__qualname__}{_text([(one.name, getattr(value, one.name)) for one in fields(value)])}"
    return type(value).__qualname__  # the text of anything else may hold an address
