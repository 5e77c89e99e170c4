"""What was saved, read back."""

from pathlib import Path
from typing import TypeVar, overload

from theorysim.core import files
from theorysim.core.run import Run
from theorysim.core.runs import Runs
from theorysim.patch.system import PATCH
from theorysim.systems.registry import SYSTEMS

RunT = TypeVar("RunT", bound=Run)


@overload
def load_run(path: str | Path) -> Run: ...


@overload
def load_run(path: str | Path, kind: type[RunT]) -> RunT: ...


def load_run(path: str | Path, kind: type[Run] = Run) -> Run:
    """Read a run of any system, written by its ``save``; ``kind`` says of which class it must be.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file is not a saved run, is damaged, or of a format this version does not know.
    """
    found = load(path)
    if not isinstance(found, kind):
        raise ValueError(f"path={str(path)!r}: not a saved {kind.__name__}, but a {type(found).__name__}")
    return found


def load(path: str | Path) -> object:
    """Read what :func:`save` or a ``save`` wrote: a problem, an algorithm, a draw, a policy, a run, or runs over seeds.

    Raises
    ------
    FileNotFoundError, ValueError
        As of :func:`load_run`.
    """
    types = [Runs, *(kind for one in SYSTEMS for kind in (*one.problems, *one.algorithms, one.run, *one.types))]
    former = {one.name: one.former for one in SYSTEMS if one.former is not None}
    former[""] = former[PATCH.name]  # the first files were of the first system, and did not say so
    return files.load(path, types, former)
