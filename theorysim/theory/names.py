"""What the names of an expression stand for in a run: columns, entries of the state, numbers of the setting, times."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np

from theorysim.core.system import System
from theorysim.systems import SYSTEMS, system_of
from theorysim.theory.expression import Expression, did_you_mean, evaluate
from theorysim.theory.statement import Array, Evidence, Steps
from theorysim.theory.windows import NotSampledError

STEP = "t"
LONGEST = 60  # of a value in a message
SYNONYMS: Mapping[str, str] = {"eta": "lr", "mu": "signal_norm", "sigma": "noise_std", "sigma_p": "noise_std",
                               "sigma_0": "init_std", "sigma0": "init_std", "SNR": "snr"}


def of_state(name: str) -> bool:
    """Whether a name stands for entries of the state of some system, which are known where they were recorded."""
    return any(name in system.quantities for system in SYSTEMS)


def numbers_of(run: Any) -> dict[str, Any]:
    """Everything that defines a run's setting, a full stop in a name as _; not all of it is a number.

    Besides the numbers that a problem derives as properties, such as the n of given data.
    """
    system: System = system_of(run)
    problem, algorithm = run.problem, run.algorithm
    derived = {name: getattr(problem, name) for name, one in inspect.getmembers(type(problem))
               if isinstance(one, property) and not name.startswith("_")}
    found = {name: value for name, value in derived.items() if _is_number(value)}
    found |= system.told(problem, algorithm)
    found |= {name: axis.get(problem, algorithm) for name, axis in system.axes(problem, algorithm).items()}
    return {name.replace(".", "_"): value for name, value in found.items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def time_of(evidence: Evidence, name: str) -> float:
    """A stage time of the run, NaN for what has not come.

    Raises
    ------
    NotSampledError
        When it is read off rows, and not every step up to it has one.
    ValueError
        When the run has no such time.
    """
    run = evidence.run
    times = run.stage_times().to_dict()
    if name not in times:
        raise ValueError(f"{name!r}: is no time of a {type(run).__name__}{did_you_mean(name, times)}; there are "
                         f"{', '.join(times)}")
    columns = system_of(run).time_columns(run, name)
    for column in columns:
        if np.isnan(run.column(column)).all():
            raise NotSampledError(f"run: {column}, which tells {name}, was not observed")
    return evidence.exact(times[name], *columns) if columns else times[name]


@dataclass
class Look:
    """The values of names at some steps of a run, and which of them are not known.

    Attributes
    ----------
    evidence : Evidence
    steps : (steps,) integer array or None
        None for what is the same at all steps; then there are neither columns nor states.
    missing : (steps,) boolean array
        Where a column or a state that was asked for is not known.
    unreached : bool
        Whether a time that was asked for has not come.
    """

    evidence: Evidence
    steps: Steps | None
    unreached: bool = False
    missing: Any = field(init=False)

    def __post_init__(self) -> None:
        self.missing = np.zeros(1 if self.steps is None else len(self.steps), dtype=bool)

    def value(self, expression: Expression) -> Array:
        """An expression, (steps or 1, entries...)."""
        known = {name: self.named(name, expression.text) for name in expression.names}
        return evaluate(expression.tree, known.__getitem__)

    def named(self, name: str, text: str) -> Array:
        """What a name stands for, (steps or 1, entries...).

        Raises
        ------
        ValueError
            For a name that stands for nothing in this run, or for no number.
        """
        for one in (name, SYNONYMS.get(name, name)):
            if one in self._columns or one in self._system.quantities:
                if self.steps is None:
                    raise ValueError(f"{text!r}: {name} differs from step to step; must be of numbers of the setting, "
                                     "stage times and constants")
                return self._column(one) if one in self._columns else self._state(one)
            if one in self._numbers:
                return _real(name, self._numbers[one], text)
            if one == STEP and self.steps is not None:
                return self.steps.astype(np.float64)
            if one in self._times:
                time = time_of(self.evidence, one)
                self.unreached |= bool(np.isnan(time))
                return np.array([time])
            if one in self.evidence.constants.names():
                return _real(name, getattr(self.evidence.constants, one), text)
        known = (*self._columns, *self._system.quantities, *self._numbers, STEP, *self._times,
                 *self.evidence.constants.names())
        raise ValueError(f"{text!r}: {name!r} is nothing of a {type(self.evidence.run).__name__}"
                         f"{did_you_mean(name, known)}; there are {', '.join(dict.fromkeys(known))}")

    @cached_property
    def _system(self) -> System:
        return system_of(self.evidence.run)

    @cached_property
    def _columns(self) -> tuple[str, ...]:
        return tuple(self.evidence.run.observables.columns)

    @cached_property
    def _numbers(self) -> Mapping[str, Any]:
        return numbers_of(self.evidence.run)

    @cached_property
    def _times(self) -> tuple[str, ...]:
        return tuple(self.evidence.run.stage_times().to_dict())

    def _column(self, name: str) -> Array:
        steps, run = np.asarray(self.steps), self.evidence.run
        places = np.minimum(np.searchsorted(run.steps_observed, steps), len(run.steps_observed) - 1)
        found = np.where(run.steps_observed[places] == steps, run.column(name)[places], np.nan)
        self.missing |= np.isnan(found)
        return found

    def _state(self, name: str) -> Array:
        """Entries at the steps, NaN where the state was not recorded."""
        steps, run = np.asarray(self.steps), self.evidence.run
        places = np.minimum(np.searchsorted(run.steps_recorded, steps), len(run.steps_recorded) - 1)
        recorded = run.steps_recorded[places] == steps
        entries = [np.asarray(self._system.quantities[name](run, int(one)), dtype=np.float64)
                   for one in (places[recorded] if recorded.any() else [0])]
        found = np.full((len(steps), *entries[0].shape), np.nan)
        if recorded.any():
            found[recorded] = entries
        self.missing |= np.isnan(found).reshape(len(found), -1).any(axis=1) if found.size else ~recorded
        return found


def _real(name: str, value: Any, text: str) -> Array:
    if not _is_number(value):
        told = repr(value) if len(repr(value)) <= LONGEST else f"of the type {type(value).__name__}"
        raise ValueError(f"{text!r}: {name} is {told} in this run; must be a number")
    return np.array([float(value)])
