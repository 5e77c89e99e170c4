"""scaling(): measured exponents with intervals, beside the theory's."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import progress as bars, validate
from theorysim.core.run import Run
from theorysim.core.system import System
from theorysim.systems import simulate, system_of
from theorysim.theory.law import Law
from theorysim.theory.paper import Paper, constants_of, laws_of, papers_of
from theorysim.theory.statement import Constants, Sense

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
REPLICATES = 2000  # of the bootstrap
MAX_STEPS = 1_000_000  # of a run, unless asked otherwise


@dataclass(frozen=True, eq=False)
class ScalingFit:
    """Fitted exponents of a time, with bootstrap intervals over seeds.

    Attributes
    ----------
    measure, formula, source : str
        What was measured, and the law it is held against ("" for a function of one's own).
    exponents : DataFrame
        Columns parameter, exponent, low, high (95%), theory, verdict.
    runs : DataFrame
        One row per run: the parameters varied, seed, measured, predicted, ratio.
    band : (float, float)
        Smallest and largest measured/predicted.
    not_reached : int
        Runs left out, in which the time did not come or the law's logarithm does not exist.
    """

    measure: str
    formula: str
    source: str
    exponents: "pd.DataFrame"
    runs: "pd.DataFrame"
    band: tuple[float, float]
    not_reached: int

    def __str__(self) -> str:
        low, high = self.band
        lines = [f"{self.measure}: {self.formula} ({self.source})" if self.formula else self.measure,
                 self.exponents.to_string(index=False, float_format=lambda value: f"{value:.3f}")]
        if np.isfinite(low):
            lines.append(f"measured/predicted from {low:.3g} to {high:.3g} over {len(self.runs)} runs")
        if self.not_reached:
            lines.append(f"not reached (or without a prediction) in {self.not_reached} runs, left out")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<p>{self.formula or self.measure}</p>{self.exponents.round(3).to_html(index=False)}"


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

    Every parameter is varied by itself, the others at the values of ``problem`` and ``algorithm``. The
    logarithm of the measured time, with the theory's logarithms divided out, is fitted by least squares
    on the logarithms of the parameters; intervals are percentiles of a bootstrap over seeds.

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
        ``p``, or a constant of the law's paper, such as ``epsilon``, to at least two values.
    seeds : int or iterable of int
    hold : iterable of str
        Derived numbers to keep at the centre's value while a parameter varies, each through the field that it stands
        for (but not while that one is itself varied): of the patch network "snr" and "n_snr2" (through the signal
        norm), "d_over_n2" (d), and "init_scale", σ_0σ_p√d (init_std).
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
        The verdict of an exponent is "agrees" when its interval contains the theory's. Otherwise a Θ "disagrees";
        an upper bound is "loose" by a power if towards the theorem's limit (n, m, d large, η, ε small) it grows
        away from what is measured, and "disagrees" if measured time outgrows it.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and what is allowed.
    """
    system = system_of(problem, algorithm)
    paper, law = _law(measure, system, algorithm)
    chosen = list(range(validate.integer("seeds", seeds, 2))) if isinstance(seeds, int) else list(seeds)
    settings = _settings(system, problem, algorithm, vary, tuple(hold), _hidden(paper, system, constants))

    def measured(task: tuple[_Setting, int]) -> tuple[float, float, float]:
        setting, seed = task
        options = {} if law is None else dict(law.options(setting.problem))
        run: Run = simulate(
            setting.problem, setting.algorithm, steps, seed, record_at=(),
            until=None if law is None or law.until is None else law.until(setting.constants), on_failure="return",
            **options,
        )
        if law is None or paper is None:
            assert callable(measure)
            return float(measure(run)), np.nan, 1.0
        evidence = paper.evidence(run, setting.constants)
        return law.measured(evidence), law.predicted(evidence), law.factor(evidence)

    tasks = [(setting, seed) for setting in settings for seed in chosen]
    workers = os.cpu_count() or 1 if workers is None else validate.integer("workers", workers, 1)
    with bars.bar(len(tasks), validate.flag("progress", progress), "run", "scaling") as bar:
        results = _in_threads(measured, tasks, workers, bar)
    return _fit(measure, law, settings, chosen, np.array(results), tuple(vary))


@dataclass(frozen=True)
class _Setting:
    """One point of the study."""

    problem: Any
    algorithm: Any
    constants: Constants
    values: Mapping[str, float]


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
    for name in hold:
        if not system.holdable:
            raise ValueError(f"hold={hold!r}: must be empty for a {type(problem).__name__}, which has no such numbers")
        validate.choice("hold", name, tuple(system.holdable))
    settings: dict[tuple[float, ...], _Setting] = {}
    for name, values in vary.items():
        validate.choice("vary", name, tuple(centre))
        if len(set(values)) < 2:
            raise ValueError(f"vary[{name!r}]={list(values)!r}: must have at least two different values")
        for value in values:
            point = {other: centre[other] for other in vary} | {name: value}
            setting = _setting(system, problem, algorithm, constants, name, value, hold, point)
            settings.setdefault(tuple(point.values()), setting)
    return list(settings.values())


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
        return _Setting(problem, algorithm, constants.replace(**{name: value}), point)
    of_problem = name in system.axes(problem, None)
    held = {one: getattr(problem, one) for one in hold if of_problem and system.holdable[one] != name}
    together = {one: number for one, number in held.items() if one in system.derived}
    changed, algorithm = system.changed(problem, algorithm, {name: value} | together)
    for one in held.keys() - together.keys():
        changed = changed.replace(**{one: held[one]})
    return _Setting(changed, algorithm, constants, point)


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


def _fit(
    measure: str | Callable[[Any], float],
    law: Law | None,
    settings: Sequence[_Setting],
    seeds: Sequence[int],
    results: Array,
    names: tuple[str, ...],
) -> ScalingFit:
    import pandas as pd

    shape = (len(settings), len(seeds))
    measured, predicted, factor = (results[:, column].reshape(shape) for column in range(3))
    with np.errstate(invalid="ignore", divide="ignore"):
        target = np.log(measured / factor)
    target[~np.isfinite(target)] = np.nan
    design = np.array([[1.0, *(np.log(setting.values[name]) for name in names)] for setting in settings])
    exponents, low, high = _bootstrap(design, target)
    rows = []
    for number, name in enumerate(names):
        theory = float("nan") if law is None else float(law.exponents.get(name, 0))
        interval = exponents[number], low[number], high[number]
        rows.append((name, *interval, theory, _verdict(law, name, *interval, theory)))
    columns = ["parameter", "exponent", "low", "high", "theory", "verdict"]
    runs = pd.DataFrame([dict(setting.values) | {"seed": seed} for setting in settings for seed in seeds])
    runs = runs.assign(measured=measured.ravel(), predicted=predicted.ravel())
    runs["ratio"] = runs["measured"] / runs["predicted"]
    reached = runs[np.isfinite(target.ravel())]
    return ScalingFit(
        measure=measure if isinstance(measure, str) else getattr(measure, "__name__", "measure"),
        formula="" if law is None else law.formula,
        source="" if law is None else law.source,
        exponents=pd.DataFrame(rows, columns=columns),
        runs=reached,
        band=(float(reached["ratio"].min()), float(reached["ratio"].max())),
        not_reached=len(runs) - len(reached),
    )


def _bootstrap(design: Array, target: Array) -> tuple[Array, Array, Array]:
    """Exponents of a least-squares fit to the mean over seeds, with 95% percentile intervals over resampled seeds."""
    kept = ~np.isnan(target).all(axis=1)
    if np.linalg.matrix_rank(design[kept]) < design.shape[1]:
        raise ValueError("measure: reached at too few values to fit an exponent for each parameter; allow more steps")
    solve = np.linalg.pinv(design[kept])
    target = target[kept]
    rng = np.random.default_rng(0)  # fixed: the same runs give the same intervals
    # Each point has seeds of its own: the same seed at another n is another draw.
    chosen = rng.integers(target.shape[1], size=(REPLICATES, *target.shape))
    drawn = np.take_along_axis(target[None], chosen, axis=2)
    known = ~np.isnan(drawn)
    total, count = np.where(known, drawn, 0.0).sum(axis=2), known.sum(axis=2)
    means = np.where(count > 0, total / np.maximum(count, 1), np.nanmean(target, axis=1))
    samples = means @ solve.T
    low, high = np.percentile(samples, [2.5, 97.5], axis=0)
    return (solve @ np.nanmean(target, axis=1))[1:], low[1:], high[1:]


def _verdict(law: Law | None, name: str, exponent: float, low: float, high: float, theory: float) -> str:
    if law is None:
        return ""
    if low <= theory <= high:
        return "agrees"
    slack = (theory - exponent) * law.limits.get(name, 1)
    if law.sense == Sense.UPPER and slack > 0:
        return f"bound is loose by the power {abs(theory - exponent):.2f}"
    return "disagrees"
