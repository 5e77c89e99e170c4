"""sweep(): a grid of problems, several algorithms, many seeds, to one table."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.core import progress as bars, validate
from theorysim.core.observing import observers
from theorysim.core.seeds import seeds_of
from theorysim.core.system import System
from theorysim.sweep.execution import execute, validated
from theorysim.sweep.measures import Measure, fingerprint, named, unknown_elsewhere
from theorysim.sweep.plan import ProblemOf, Procedure, Task, axes_of, cells, digest, system_for
from theorysim.sweep.random_numbers import INDEPENDENT, KINDS
from theorysim.sweep.store import Row, Store, number_of
from theorysim.sweep.work import FAILED, Job, Outcome, perform
from theorysim.systems import registered
from theorysim.theory.paper import constants_of, papers_of
from theorysim.theory.statement import Constants

if TYPE_CHECKING:
    import pandas as pd

PRECISIONS = ("double", "single")


def sweep(
    problem: ProblemOf,
    *,
    grid: Mapping[str, Iterable[Any]],
    algorithms: Mapping[str, Procedure],
    steps: int,
    seeds: int | Iterable[int] = 5,
    random_numbers: str = INDEPENDENT,
    measure: Measure | Iterable[Measure] | None = None,
    observe: Mapping[str, Callable[[Any], float]] | None = None,
    store: str | Path | None = None,
    workers: int | None = None,
    executor: str | Executor | None = None,
    precision: str = "double",
    n_test: int = 10_000,
    progress: bool = False,
    **constants: Any,
) -> "pd.DataFrame":
    """Simulate every cell of a grid with every algorithm and seed; one row each.

    The numbers of a row are those of ``simulate(problem, algorithm, steps, draw_seed)`` of its cell, bit for bit, with
    the ``draw_seed`` of that row, whatever the order, the number of workers, their kind, and the interruptions. The
    algorithms of a cell always share their random numbers, so they are compared seed by seed.

    Parameters
    ----------
    problem : SignalNoise, PatchModel, MeanField, LinearNetwork, or function
        What the grid's values are put into with its ``replace``; or a function that gets
        them as keyword arguments and returns the problem, for parameters that go together (d growing with n).
    grid : mapping
        From a field of the problem, a derived number ("snr", "n_snr2", "d_over_n2"), "lr", "kappa" (which sets lr) or a
        field of a law of label noise ("p") to its values.
    algorithms : mapping
        From names to :class:`GradientDescent` (or :class:`LinearSGD`), or to functions of the problem that return
        one, or to a pair of either and a policy.
    steps : int
        Updates of every run.
    seeds : int or iterable of int
        That many (from 0), or these.
    random_numbers : {"independent", "common"}
        Whether seed s means random numbers of its own in every cell, or the same in all of them. Independent cells do
        not share a draw of luck: means over a diagram and fits along it average over it. Common ones make neighbouring
        cells err in the same direction, for smooth pictures and small differences between cells.
    measure : str, function, or sequence of these, optional
        What to keep of a run, by default test error (or loss) and train loss (or alignment). Of the patch network:
        "test_error", "test_accuracy", "test_error_observed" (against flipped test labels),
        "log10_test_error" (however small, as a rare event), "memory_test_error" (with the training noise),
        "precision" and "recall" of a selection, "stopped_at", "T1", "T2"; of its mean field also "log10_error_law".
        Of a linear network: the times of :class:`theorysim.linear.LinearTimes`, "test_loss_floor",
        "stopped_at". Of all: an observable, whose last value is kept; the id of a statement, for its verdict; a
        function of the run that returns a number, a truth value or a string.
    observe : mapping, optional
        Observables of one's own, from names to functions of the state, as of :func:`simulate`; their names are then
        measures, too.
    store : path, optional
        An SQLite file that keeps every run as it finishes. The same call goes on where it was killed; grid, seeds and
        algorithms may grow. In memory by default.
    workers : int, optional
        All cores by default.
    executor : "threads", "processes" or an executor, optional
        Where runs are made. By default threads, or processes where runs are many and so small that Python takes the
        time. Any executor of :mod:`concurrent.futures` will do, such as a Dask cluster's
        (``Client(...).get_executor()``).
    precision : {"double", "single"}
        See :func:`simulate`.
    n_test : int
        Noise vectors of a test error.
    progress : bool
        Show a progress bar, in units of work, with the time left.
    **constants
        Of "T1", "T2" and verdicts: what the papers about this system hide, each given to those that know it.

    Returns
    -------
    DataFrame
        Columns: the axes of the grid, algorithm, seed, draw_seed (the one to give to :func:`simulate`; equal to seed
        with common random numbers), status, reason, the measures (NaN where there is none),
        then all fields and derived numbers of problem and algorithm. Status is that of the run ("completed",
        "stopped" by a policy, "diverged"), "invalid" for a cell that cannot be (say d too small), or "failed", for the
        ``reason`` given.
        Ctrl-C returns the rows there are; ``attrs["complete"]`` says whether that is all.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and what is allowed; also for a store that holds another sweep, or that
        another process is writing to.
    """
    axes = axes_of(grid)
    system = system_for(problem, algorithms, axes)
    found = cells(system, problem, axes, algorithms)
    steps = validate.integer("steps", steps, 0)
    chosen = seeds_of(seeds)
    validate.choice("random_numbers", random_numbers, KINDS)
    own = observers(observe, None, np.arange(0), system.known()).functions
    measures = named(system, system.usual if measure is None else measure, own)
    validate.choice("precision", precision, PRECISIONS)
    if precision == "single" and "precision" not in system.keywords():
        raise ValueError(f"precision={precision!r}: a {system.problems[0].__name__} is simulated in 'double'")
    n_test = validate.integer("n_test", n_test, 1)
    validate.flag("progress", progress)
    executor, workers = validated(executor, workers)
    hidden = constants_of(papers_of(system.name), constants)
    job = Job(measures, constants, n_test, unknown_elsewhere(measures), (system,) if registered(system) else (), own)
    tasks = [Task(cell, seed, steps, precision, random_numbers) for cell in found for seed in chosen]
    study = {
        "system": system.name, "axes": sorted(axes), "steps": steps, "precision": precision, "n_test": n_test,
        "numerics": system.numerics, "random_numbers": random_numbers,
        "constants": _named(hidden.values()) | constants, "problem": _held(system, problem, axes),
        "measures": {name: fingerprint(one) for name, one in measures.items()},
        "observe": {name: fingerprint(one) for name, one in own.items()},
    }
    if store is not None:
        validate.instance("store", store, (str, Path))
    kept = Store(store)
    try:
        with kept.locked():
            numbers = kept.enter(study, found)
            outcomes = kept.finished({task.key for task in tasks})
            complete = _run(job, tasks, outcomes, executor, workers, kept, numbers, progress)
    finally:
        kept.close()
    return _frame(_rows(tasks, outcomes), list(axes), list(measures), random_numbers, complete)


def _rows(tasks: Sequence[Task], outcomes: Mapping[str, Outcome]) -> list[Row]:
    """The runs there are, in the order of the tasks."""
    rows, settings = [], {}
    for task in tasks:
        cell = task.cell
        if (one := outcomes.get(task.key)) is not None:
            if id(cell) not in settings:
                settings[id(cell)] = dict(cell.coordinates), cell.setting()
            place, setting = settings[id(cell)]
            rows.append(Row(place, cell.algorithm_name, task.seed, task.draw_seed, one.status, one.reason, one.values,
                            setting))
    return rows


def _run(
    job: Job, tasks: Sequence[Task], outcomes: dict[str, Outcome], executor: str | Executor | None,
    workers: int | None, kept: Store, numbers: Mapping[tuple[str, str], int], shown: bool,
) -> bool:
    """Add what is missing to the outcomes and to the store; False when interrupted."""
    keys = [task.key for task in tasks]
    places: dict[str, list[Task]] = {}  # several cells may ask for the same run, as p does without label noise
    for key, task in zip(keys, tasks, strict=True):
        places.setdefault(key, []).append(task)
    missing = {key: same[0] for key, same in places.items() if key not in outcomes}
    failures = 0

    def take(batch: Sequence[Task], results: Sequence[Outcome]) -> None:
        nonlocal failures
        outcomes.update((one.key, one) for one in results)
        kept.add((number_of(task.cell, numbers), task, one) for one in results for task in places[one.key])
        failures += sum(one.status == FAILED for one in results)
        bar.set_postfix_str(f"{len(outcomes)}/{len(places)} runs" + (f", {failures} failed" if failures else ""), False)
        bar.update(sum(task.cost for task in batch))

    with bars.bar(sum(task.cost for task in missing.values()), shown, "FLOP", "sweep") as bar:
        take((), [outcomes[key] for key in places if key in outcomes])  # cells that are new here, of runs known
        impossible = [task for task in missing.values() if task.cell.reason]
        take(impossible, perform(job, impossible))
        return execute(job, [task for task in missing.values() if not task.cell.reason], executor, workers, take)


def _named(constants: Iterable[Constants]) -> dict[str, Any]:
    """All of them by name, of two with one name the first."""
    return {name: value for one in reversed(list(constants)) for name, value in asdict(one).items()}


def _held(system: System, problem: ProblemOf, grid: Mapping[str, Any]) -> Any:
    """What of the problem the grid leaves alone."""
    if not isinstance(problem, system.problems):
        return f"function {getattr(problem, '__qualname__', type(problem).__qualname__)}"
    moved = set(grid) | {system.derived[name] for name in grid if name in system.derived}
    given: Any = problem
    kept = {one.name: getattr(given, one.name) for one in fields(given) if one.name not in moved}
    return {name: _told(value) for name, value in kept.items()}


def _told(value: Any) -> Any:
    """A value, which may be made of fields, such as data, as JSON holds it; arrays by what stands for them."""
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__name__, _told(asdict(value))]
    return json.loads(json.dumps(value, default=digest))


def load_sweep(path: str | Path) -> "pd.DataFrame":
    """The rows that the store of a sweep holds, finished or not, also while it is being written.

    Columns as of :func:`sweep`, axes in alphabetical order.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is not the store of a sweep.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"path={str(path)!r}: there is no such file")
    kept = Store(path, create=False)
    try:
        study = kept.study()
        rows = list(kept.rows())
    finally:
        kept.close()
    return _frame(rows, study.get("axes", []), list(study.get("measures", [])), study.get("random_numbers"), None)


def _frame(
    rows: Sequence[Row], axes: list[str], measures: list[str], random_numbers: str | None, complete: bool | None
) -> "pd.DataFrame":
    import pandas as pd

    nothing = dict.fromkeys(measures)
    frame = pd.DataFrame([
        row.setting | nothing | row.values | row.coordinates
        | {"algorithm": row.algorithm, "seed": row.seed, "draw_seed": row.draw_seed, "status": row.status,
           "reason": row.reason}
        for row in rows
    ])
    first = [*axes, "algorithm", "seed", "draw_seed", "status", "reason", *measures]
    frame = frame.reindex(columns=[*first, *(name for name in frame.columns if name not in first)])
    for name in measures:
        if all(value is None or type(value) in (int, float) for value in frame[name]):
            frame[name] = frame[name].astype(float)
    frame.attrs = {"axes": axes, "measures": measures, "random_numbers": random_numbers, "complete": complete}
    return frame
