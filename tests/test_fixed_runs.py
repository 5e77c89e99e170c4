"""The numbers of a fixed set of runs do not change: bit for bit where they were made, to 1e-7 on any other machine."""

import json
from typing import Any

import numpy as np
import pytest

import fixed_runs

KNOWN = json.loads(fixed_runs.PATH.read_text(encoding="utf-8"))
SAME_MACHINE = KNOWN["machine"] == fixed_runs.machine()  # the last bits depend on processor and libraries
CLOSE = 1e-7


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return bool(one == other)
    return bool(np.isclose(one, other, rtol=CLOSE, atol=1e-12, equal_nan=True))


def test_nothing_is_forgotten() -> None:
    """Every run and table has a record, and no record lacks its run."""
    assert set(KNOWN["runs"]) == set(fixed_runs.RUNS) and set(KNOWN["tables"]) == set(fixed_runs.TABLES)


@pytest.mark.compiled
@pytest.mark.parametrize("name", fixed_runs.RUNS)
def test_run(name: str) -> None:
    """Status, steps and the last observables; the digests of every array where the machine is that of the record.

    Those of observables added since are by name, and an observable without a record changes the digest of the others.
    """
    found, known = fixed_runs.identity(name, fixed_runs.added(name)), KNOWN["runs"][name]
    assert (found["status"], found["steps"]) == (known["status"], known["steps"])
    assert len(found["last"]) == len(known["last"]) and all(map(_alike, found["last"], known["last"]))
    assert set(found.get("added", {})) == set(known.get("added", {})) == set(fixed_runs.added(name))
    if SAME_MACHINE:
        assert (found["digest"], found.get("added")) == (known["digest"], known.get("added"))


@pytest.mark.compiled
@pytest.mark.parametrize("name", fixed_runs.TABLES)
def test_table(name: str) -> None:
    """Cell by cell, by the names of columns; columns may be added."""
    found, known = fixed_runs.table(name), KNOWN["tables"][name]
    places = [found.get("columns", []).index(column) for column in known.get("columns", [])]
    rows = [[row[place] for place in places] if places else row for row in found["cells"]]
    assert len(rows) == len(known["cells"])
    for row, wanted in zip(rows, known["cells"], strict=True):
        assert all(map(_alike, row, wanted)), (row, wanted)
