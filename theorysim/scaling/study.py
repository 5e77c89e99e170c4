"""scaling(): the runs of a study, one parameter varied at a time, and what their times say."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import progress as bars, validate
from theorysim.core.run import Run
from theorysim.core.system import System
from theorysim.scaling.fit import ScalingFit, Times, fitted
from theorysim.systems import simulate, system_of
from theorysim.theory.law import Law
from theorysim.theory.paper import Paper, constants_of, laws_of, papers_of
from theorysim.theory.statement import Constants

Array = NDArray[np.float64]
MAX_STEPS = 1_000_000  # of a run, unless asked otherwise


def scaling(
    problem: Any,
    algorithm: Any,
    measure: str | Callable[[Any], float] = "T1",
    *,
    vary: Mapping[str, Sequence[float]],
    seeds: int | Iterable[int] = 10,
    hold: Iterable[str] = (),
    steps: int = MAX_STEPS,
    workers: int | None = None,
    progress: bool = False,
    **constants: Any,
) -> ScalingFit:
    """Fit how a time grows with each parameter, and compare with the theory's exponents.

    Every parameter is varied by itself, the others at the values of ``problem`` and ``algorithm``. For every seed
    the logarithm of its times is fitted by least squares on the logarithm of the parameter; the exponent is what is
    typical of these slopes, their Hodges–Lehmann estimate (the median of the means of all pairs), with its 95%
    signed-rank interval. So it does not matter what the runs of a seed share, nor how heavy the tails are.
    Beside the exponents of the time itself are those of the time with the theory's logarithms divided out.

    Parameters
    ----------
    problem, algorithm
        The centre of the study, of any system. Wishart draws make d ≥ n² log n cheap.
    measure : str or function
        A law of a paper, "PAPER.LAW", or a function of a run, which has no theory. "T1" and "T2" (counted from T1) are
        those of huang2025; "T1/start" divides the measured log(θ/β̄), β̄ the weakest start of any sample, out of T1 in
        place of the paper's logarithm; "han2025.T1" is the end of the first stage with fixed noisy labels. Of a linear
        network "zhang2026.T1" is when all its neurons (or 5000 of them) have left the lazy regime, "zhang2026.T2" when
        half of their norm is aligned.
        A function returns NaN for not reached; its runs make all ``steps``.
    vary : mapping
        From a numeric field of the problem or the algorithm, such as ``lr``, a field of its law of label noise, such as
        ``p``, a number of both, such as ``kappa`` (through ``lr``; held while the others vary), or a constant of the
        law's paper, such as ``epsilon``, to at least two values.
    seeds : int or iterable of int
        At least two: that many (from 0), or these. The same ones at every point.
    hold : iterable of str
        Derived numbers to keep at the centre's value while a parameter varies, each through the field that it stands
        for (but not while that one is itself varied): of the patch network "snr" and "n_snr2" (through the signal
        norm), "d_over_n2" (d), "init_scale", σ_0σ_p√d (init_std), and "kappa", ησ_p²d/(nm) (lr).
    steps : int
        Longest run; runs stop as soon as the time is known.
    workers : int, optional
        Threads, one run each; all cores by default. Numbers do not depend on it.
    progress : bool
        Show a progress bar.
    **constants
        What the paper of the law hides.

    Returns
    -------
    ScalingFit
        The verdict of an exponent is "agrees" when its interval contains the theory's, "agrees to 0.02" when it is so
        close to it but certain not to be the same. Otherwise a Θ "disagrees"; an upper bound is "loose" by a power if
        towards the theorem's limit (n, m, d large, η, ε small) it grows away from what is measured, and "disagrees" if
        measured time outgrows it. Runs in which the time does not come are left out, and counted where they are.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and what is allowed.
    """
    system = system_of(problem, algorithm)
    paper, law = _law(measure, system, algorithm)
    chosen = _seeds(seeds)
    hidden = _hidden(paper, system, constants)
    settings = _settings(system, problem, algorithm, vary, tuple(hold), hidden)

    def measured(task: tuple[_Setting, int]) -> tuple[float, ...]:
        setting, seed = task
        options = {} if law is None else dict(law.options(setting.problem))
        run: Run = simulate(
            setting.problem, setting.algorithm, steps, seed, record_at=(),
            until=None if law is None or law.until is None else law.until(setting.constants), on_failure="return",
            **options,
        )
        if law is None or paper is None:
            assert callable(measure)
            return float(measure(run)), np.nan, 1.0, 1.0
        evidence = paper.evidence(run, setting.constants)
        return law.measured(evidence), law.predicted(evidence), law.factor(evidence), law.prior(evidence)

    tasks = [(setting, seed) for setting in settings for seed in chosen]
    workers = os.cpu_count() or 1 if workers is None else validate.integer("workers", workers, 1)
    with bars.bar(len(tasks), validate.flag("progress", progress), "run", "scaling") as bar:
        results = _in_threads(measured, tasks, workers, bar)
    times = Times(*np.array(results).T.reshape(4, len(settings), len(chosen)))
    lines = _lines(settings, vary)
    return fitted(measure, None if law is None else _along(system, law, settings, lines),
                  [setting.values for setting in settings], lines, chosen, times)


def _seeds(seeds: int | Iterable[int]) -> list[int]:
    """At least two different ones: a single seed says nothing about the spread, and one twice too little of it."""
    if isinstance(seeds, bool) or not isinstance(seeds, Iterable):
        return list(range(validate.integer("seeds", seeds, 2)))
    chosen = [validate.integer("seeds", seed, 0) for seed in seeds]
    if len(chosen) < 2 or len(set(chosen)) < len(chosen):
        raise ValueError(f"seeds={chosen!r}: must be at least two, each only once")
    return chosen


def _lines(settings: "Sequence[_Setting]", vary: Mapping[str, Sequence[float]]) -> dict[str, list[int]]:
    """For every parameter the settings that belong to it: its values, with the others at the centre."""
    return {name: [number for number, one in enumerate(settings) if name in one.lines] for name in vary}


def _along(system: System, law: Law, settings: "Sequence[_Setting]", lines: Mapping[str, Sequence[int]]) -> Law:
    """The law with the power of every parameter along its line, where held numbers move other fields with it."""
    powers, limits = {}, dict(law.limits)
    for name, line in lines.items():
        x = np.log([settings[number].values[name] for number in line])
        moved = {one: _slope(x, np.array([_value(system, settings[number], one) for number in line]))
                 for one in law.exponents if one != name}
        powers[name] = float(law.exponents.get(name, 0) + sum(law.exponents[one] * moved[one] for one in moved))
        if name in system.joints:
            limits.setdefault(name, limits.get(system.joints[name].field, 1))
    return replace(law, exponents=powers, limits=limits)


def _value(system: System, setting: "_Setting", name: str) -> float:
    """A number of a setting, or of the paper's constants; 1 for what is neither."""
    axis = system.axes(setting.problem, setting.algorithm).get(name)
    found = getattr(setting.constants, name, None) if axis is None else axis.get(setting.problem, setting.algorithm)
    return float(found) if isinstance(found, int | float) else 1.0


def _slope(x: Array, values: Array) -> float:
    """The exponent of what moves with a parameter; 0 for what stays."""
    return 0.0 if (values == values[0]).all() else float(np.polyfit(x, np.log(values), 1)[0])


@dataclass(frozen=True)
class _Setting:
    """One point of the study."""

    problem: Any
    algorithm: Any
    constants: Constants
    values: Mapping[str, float]
    lines: frozenset[str]  # the parameters that it is a value of


def _law(
    measure: str | Callable[[Any], float], system: System, algorithm: Any
) -> tuple[Paper | None, Law | None]:
    """The law of a measure with a name, and the paper that has it."""
    if callable(measure):
        return None, None
    known = laws_of(system.name, algorithm)
    validate.choice("measure", measure, tuple(known))
    return known[measure]


def _hidden(paper: Paper | None, system: System, given: Mapping[str, Any]) -> Constants:
    """The constants of the law's paper, after those that no paper about the system knows are refused."""
    constants_of(papers_of(system.name), given)
    return Constants() if paper is None else paper.constants_from(given)


def _settings(
    system: System, problem: Any, algorithm: Any, vary: Mapping[str, Sequence[float]], hold: tuple[str, ...],
    constants: Constants,
) -> list[_Setting]:
    """The centre and, for every parameter, its values with the others at the centre."""
    centre = _centre(system, problem, algorithm, constants)
    if not isinstance(vary, Mapping) or not vary:
        raise ValueError(f"vary={vary!r}: must name at least one of {', '.join(centre)}")
    holdable = _holdable(system, problem, algorithm)
    for name in hold:
        if not holdable:
            raise ValueError(f"hold={hold!r}: must be empty for a {type(problem).__name__}, which has no such numbers")
        validate.choice("hold", name, holdable)
    hold = _and_joints(system, vary, hold)
    settings: dict[tuple[float, ...], _Setting] = {}
    for name, values in vary.items():
        validate.choice("vary", name, tuple(centre))
        if len(set(values)) < 2:
            raise ValueError(f"vary[{name!r}]={list(values)!r}: must have at least two different values")
        for value in values:
            point = {other: centre[other] for other in vary} | {name: value}
            lines = frozenset(one for one in vary if point[one] in vary[one] and all(
                point[other] == centre[other] for other in vary if other != one))
            setting = _setting(system, problem, algorithm, constants, name, value, hold, point)
            settings.setdefault(tuple(point.values()), replace(setting, lines=lines))
    return list(settings.values())


def _holdable(system: System, problem: Any, algorithm: Any) -> tuple[str, ...]:
    """What of the numbers that may be held a setting has."""
    return tuple(name for name in system.holdable if (
        system.joints[name].belongs(problem, algorithm) if name in system.joints else hasattr(problem, name)))


def _and_joints(system: System, vary: Mapping[str, Sequence[float]], hold: tuple[str, ...]) -> tuple[str, ...]:
    """What is held: a joint number that varies too, as the others are then at the centre."""
    for name in system.joints.keys() & vary.keys():
        if (field := system.joints[name].field) in vary:
            raise ValueError(f"vary={list(vary)!r}: give only one of {name} and {field}, the former sets {field}")
    return tuple(dict.fromkeys((*hold, *(name for name in vary if name in system.joints))))


def _centre(system: System, problem: Any, algorithm: Any, constants: Constants) -> dict[str, float]:
    """What may be varied, with its value: the numeric axes of the setting that are fields, and the paper's numbers."""
    axes = system.axes(problem, algorithm)
    found = {name: axis.get(problem, algorithm) for name, axis in axes.items()
             if axis.owner != "problem" or name not in set(system.derived) - _own_fields(problem)}
    numbers = {name: float(value) for name, value in found.items()
               if isinstance(value, int | float) and not isinstance(value, bool)}
    return numbers | _own_numbers(constants)


def _own_fields(problem: Any) -> set[str]:
    return {one.name for one in fields(problem)}


def _own_numbers(constants: Constants) -> dict[str, float]:
    """What a paper hides beside the usual, as far as these are numbers: they may be varied."""
    own = {name: getattr(constants, name) for name in constants.names() if name not in Constants.names()}
    return {name: float(value) for name, value in own.items() if isinstance(value, int | float)}


def _setting(
    system: System, problem: Any, algorithm: Any, constants: Constants, name: str, value: float,
    hold: tuple[str, ...], point: Mapping[str, float],
) -> _Setting:
    """One value of one parameter; then what is held is put back, one number after the other."""
    if name not in system.axes(problem, algorithm):
        return _Setting(problem, algorithm, constants.replace(**{name: value}), point, frozenset())
    of_problem = name in system.axes(problem, None)
    through = {one: joint.field for one, joint in system.joints.items()} | dict(system.holdable)
    kept = [one for one in hold if of_problem and through[one] != name]
    both = {one: system.joints[one].get(problem, algorithm) for one in kept if one in system.joints}
    held = {one: getattr(problem, one) for one in kept if one not in both}
    together = {one: number for one, number in held.items() if one in system.derived}
    changed, algorithm = system.changed(problem, algorithm, {name: value} | together)
    for one in held.keys() - together.keys():
        changed = changed.replace(**{one: held[one]})
    changed, algorithm = system.changed(changed, algorithm, both)
    return _Setting(changed, algorithm, constants, point, frozenset())


def _in_threads(work: Callable[[Any], Any], tasks: Sequence[Any], workers: int, bar: Any) -> list[Any]:
    """Results in order; kernels release the interpreter, so threads are enough."""
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(work, task) for task in tasks]
        try:
            for future in futures:
                future.result()
                bar.update(1)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [future.result() for future in futures]
