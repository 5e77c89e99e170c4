"""Runs by name, as pictures take them."""

from collections.abc import Mapping, Sequence
from typing import Any

from theorysim.core.run import Run

Group = Run | Sequence[Run]
Named = Group | Mapping[str, Group]


def grouped(runs: Any) -> dict[str, list[Any]]:
    """Runs by what a legend says of them, of each name several: of a run, runs over seeds, or these by name.

    Raises
    ------
    TypeError
        For anything else.
    """
    if isinstance(runs, Mapping) and runs:
        named = {name: _group(one, f"runs[{name!r}]") for name, one in runs.items()}
        return {f"{name} ({_several(group)})" if len(group) > 1 else name: group for name, group in named.items()}
    group = _group(runs, "runs")
    return {_several(group) if len(group) > 1 else "run": group}


def _group(given: Any, name: str) -> list[Any]:
    several = isinstance(given, Sequence) and not isinstance(given, str)
    group = [given] if isinstance(given, Run) else list(given) if several else []
    if not group or not all(isinstance(one, Run) for one in group):
        named = ", or a non-empty mapping from names to these" if name == "runs" else ""
        raise TypeError(f"{name}={given!r}: must be a run, a non-empty sequence of runs{named}")
    return group


def _several(group: Sequence[Run]) -> str:
    seeds = {one.seed for one in group}
    return f"{len(group)} {'seeds' if len(seeds) == len(group) else 'runs'}"
