"""What a page says of runs: of one what there is, of several of a setting the curves over seeds, then each in a row."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.check import check
from theorysim.core.run import Run
from theorysim.plot import dynamics
from theorysim.report import checks
from theorysim.report.code import of_run
from theorysim.report.meanings import meanings
from theorysim.report.parts import Code, Folded, Part, Section, Table, Text, facts, numbers, table_of
from theorysim.report.pictures import mark_times, picture
from theorysim.systems import system_of_run
from theorysim.theory.paper import papers_about

if TYPE_CHECKING:
    import pandas as pd

TOO_MANY = 4  # settings in one picture


def sections_of(runs: Sequence[Run]) -> list[Section]:
    """One for each setting; before them, of a few settings of one system, one with all of them."""
    settings = _settings(runs)
    names = [f"Setting {letter}: " for letter in ascii_uppercase] if 1 < len(settings) <= TOO_MANY else [""] * len(runs)
    found = [_section(group, name) for group, name in zip(settings, names, strict=False)]
    systems = {system_of_run(one).name for one in runs}
    return [_beside(settings), *found] if 1 < len(settings) <= TOO_MANY and len(systems) == 1 else found


def _settings(runs: Sequence[Run]) -> list[list[Run]]:
    groups: list[list[Run]] = []
    for run in runs:
        same = (one for one in groups if (one[0].problem, one[0].algorithm) == (run.problem, run.algorithm))
        group = next(same, None)
        if group is None:
            groups.append([run])
        else:
            group.append(run)
    return groups


def _beside(settings: Sequence[Sequence[Run]]) -> Section:
    """Curves of several settings, and in what they differ."""
    import pandas as pd

    told = [system_of_run(one[0]).told(one[0].problem, one[0].algorithm) for one in settings]
    names = list(dict.fromkeys(name for one in told for name in one))
    differing = [name for name in names if len({repr(one.get(name)) for one in told}) > 1]
    table = pd.DataFrame([{"setting": letter, **{name: one.get(name) for name in differing}, "runs": len(runs)}
                          for letter, one, runs in zip(ascii_uppercase, told, settings, strict=False)])
    named = {letter: list(runs) for letter, runs in zip(ascii_uppercase, settings, strict=False)}
    drawn = picture(lambda: _curves(named), f"Curves of the settings {', '.join(named)}; steps are updates.")
    return Section("Settings side by side", (table_of(table, "In what they differ"), drawn))


def _section(runs: Sequence[Run], name: str) -> Section:
    """Runs of one setting."""
    first = runs[0]
    title = f"{type(first).__name__}, {first.status} at step {first.steps}" if len(runs) == 1 else (
        f"{len(runs)} runs of one setting, {type(first).__name__}")
    seeds = [one.seed for one in runs]
    drawn = picture(lambda: _curves({f"seed {seeds[0]}" if len(runs) == 1 else f"{len(runs)} seeds": list(runs)}),
                    _caption(runs))
    parts: list[Part] = [
        *(_one(first) if len(runs) == 1 else [table_of(_each(runs), "Runs; times in steps")]),
        drawn, *_fields("Problem", first.problem), *_fields("Algorithm", first.algorithm), *_checked(runs),
        *([Folded("Observables", (_observables(first),))] if len(runs) == 1 else []), *_code(runs),
    ]
    return Section(f"{name}{title}", tuple(parts), numbers(seeds))


def _curves(named: dict[str, list[Run]]) -> Any:
    """The picture of their system; of a single run times are marked where it marks none."""
    drawn, runs = dynamics(named), [one for group in named.values() for one in group]
    if len(runs) > 1:
        return drawn
    measured, times = system_of_run(runs[0]).times, runs[0].stage_times().to_dict()
    return mark_times(drawn, {name: time for name, time in times.items() if name in measured or not measured})


def _caption(runs: Sequence[Run]) -> str:
    over = "" if len(runs) == 1 else f" Medians over {len(runs)} runs, bands from the smallest to the largest."
    return f"Observables over steps (updates).{over}"


def _one(run: Run) -> list[Part]:
    """Summary and times of a run."""
    spent = {f"{name} time (s)" for name in run.timings}  # of the machine, and not of the run
    said = {name: one for name, one in run.summary().items() if name not in spent | {"problem", "algorithm"}}
    times = run.stage_times().sentences()
    told = {name: "not reached" if one == "nan" else one for name, one in times.items()}
    return [facts("Summary", said), *([facts("Stage times (steps)", told)] if told else [])]


def _each(runs: Sequence[Run]) -> "pd.DataFrame":
    """A row for each run."""
    import pandas as pd

    return pd.DataFrame([
        {"seed": one.seed, "status": str(one.status), "steps": one.steps}
        | {name: float(one.column(name)[-1]) for name in (*one.HEADLINE, *one.own)}
        | one.stage_times().to_dict() for one in runs])


def _fields(title: str, value: Any) -> list[Part]:
    """The fields of a frozen value, with what its documentation says of them; when asked for those at defaults."""
    if not is_dataclass(value):
        return [facts(title, {type(value).__name__: value})]
    said = meanings(type(value))
    chosen: dict[str, Any] = {}
    usual: dict[str, Any] = {}
    for one in fields(value):
        given = getattr(value, one.name)
        if not one.name.startswith("_"):
            at_default = repr(given) in (repr(one.default), repr(_plain(one.default)))
            shown = f"array of shape {given.shape}" if isinstance(given, np.ndarray) else given
            (usual if at_default else chosen)[one.name] = shown
    return [facts(f"{title}: {type(value).__name__}", chosen, said),
            *([Folded(f"Fields at their defaults: {len(usual)}", (facts("", usual, said),))] if usual else [])]


def _plain(default: Any) -> Any:
    """A whole number as a field that takes any number keeps it."""
    return float(default) if isinstance(default, int) and not isinstance(default, bool) else default


def _observables(run: Run) -> Table:
    """What was measured, and between which values."""
    import pandas as pd

    known = system_of_run(run).observables
    rows = []
    for name in (*run.table, *run.own):
        values = run.column(name)
        some = values[~np.isnan(values)]
        low, high = (some.min(), some.max()) if some.size else (np.nan, np.nan)
        rows.append({"name": name, "meaning": known.get(name, "one's own"), "first": values[0], "last": values[-1],
                     "smallest": low, "largest": high})
    return table_of(pd.DataFrame(rows), f"At {len(run.steps_observed)} steps")


def _checked(runs: Sequence[Run]) -> tuple[Part, ...]:
    """The check by the paper that is meant where none is named; why there is none, if so."""
    if not papers_about(runs[0]):
        return (Text("No paper that is installed speaks of such runs."),)
    try:
        return checks.parts_of(check(runs))
    except Exception as error:  # of a plug-in, whatever it is: a page of the run there is all the same
        return (Text(f"The check of these runs failed: {type(error).__name__}: {error}"),)


def _code(runs: Sequence[Run]) -> tuple[Part, ...]:
    """The lines that make the runs again: of several those of each, the first shown."""
    told = [of_run(one) for one in runs]
    lines: tuple[Part, ...] = tuple(Code(one.code) for one in told if one.code)
    notes = tuple(Text(one) for one in dict.fromkeys(one.note for one in told) if one)
    others = (Folded(f"The other {len(lines) - 1}", lines[1:]),) if len(lines) > 1 else ()
    return (*lines[:1], *others, *notes)
