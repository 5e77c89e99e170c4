"""Which sections a value has."""

from collections.abc import Sequence
from typing import Any

from theorysim.check import CheckReport
from theorysim.core.run import Run
from theorysim.report import checks, fits, others, runs, sweeps
from theorysim.report.parts import Section, table_of
from theorysim.scaling import ScalingFit


def validate_value(value: Any, name: str = "value") -> None:
    """Raise for what no section is made of.

    Raises
    ------
    TypeError, ValueError
        Naming the value, or the place in a sequence.
    """
    if _is_sequence(value):
        if not len(value):
            raise ValueError(f"{name}: must not be empty")
        for place, one in enumerate(value):
            validate_value(one, f"{name}[{place}]")
    elif not (isinstance(value, Run | CheckReport | ScalingFit) or _is_frame(value) or others.is_study(value)
              or others.is_known(value)):
        raise TypeError(f"{name}={value!r}: must be a run, a check, a scaling fit, a sweep, a study, a value with "
                        f"{', '.join(others.KNOWN[:-1])} or {others.KNOWN[-1]}, or a sequence of these, not "
                        f"{type(value).__name__}")


def sections_of(value: Any) -> list[Section]:
    """The sections of a value, in order; runs that follow each other are taken together."""
    if isinstance(value, Run):
        return runs.sections_of([value])
    if _is_sequence(value):
        return _mixed(value)
    if isinstance(value, CheckReport):
        return [checks.section_of(value)]
    if isinstance(value, ScalingFit):
        return [fits.section_of(value)]
    if _is_frame(value):
        return [sweeps.section_of(value) if sweeps.is_sweep(value) else Section("Table", (table_of(value, ""),))]
    return [others.study(value) if others.is_study(value) else others.other(value)]


def _mixed(values: Sequence[Any]) -> list[Section]:
    found: list[Section] = []
    waiting: list[Run] = []
    for one in values:
        if isinstance(one, Run):
            waiting.append(one)
            continue
        found += runs.sections_of(waiting) if waiting else []
        found += sections_of(one)
        waiting = []
    return found + (runs.sections_of(waiting) if waiting else [])


def _is_sequence(value: Any) -> bool:
    """Whether its members are shown; a tuple that shows itself is a value, unless it is of runs."""
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return False
    return not others.is_known(value) or (len(value) > 0 and all(isinstance(one, Run) for one in value))


def _is_frame(value: Any) -> bool:
    import pandas as pd

    return isinstance(value, pd.DataFrame)
