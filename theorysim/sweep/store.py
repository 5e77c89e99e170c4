"""Where finished runs are kept: an SQLite file, or memory.

A batch is one transaction, so a process that is killed at any instant loses the runs in flight and nothing else.
A sweep holds a lock on a file beside the store for as long as it runs; the operating system releases it when the
process ends, however it ends. Reading needs no lock.
"""

import json
import os
import socket
import sqlite3
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from theorysim.core.system import Value
from theorysim.sweep.plan import Cell, Task
from theorysim.sweep.random_numbers import COMMON, draw_seed
from theorysim.sweep.work import FAILED, Outcome

APPLICATION = 0x74687379  # marks an SQLite file as a sweep's ("thsy")
FORMAT = 2
FORMATS = (1, 2)  # that can be read; 1 was before cells had random numbers of their own
BEFORE = {"random_numbers": COMMON}  # what older stores do not say
SCHEMA = """
    CREATE TABLE study (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE cells (cell INTEGER PRIMARY KEY, coordinates TEXT NOT NULL, algorithm TEXT NOT NULL,
                        setting TEXT NOT NULL, UNIQUE (coordinates, algorithm));
    CREATE TABLE runs (cell INTEGER NOT NULL REFERENCES cells, seed INTEGER NOT NULL, key TEXT NOT NULL,
                       status TEXT NOT NULL, reason TEXT NOT NULL, seconds REAL NOT NULL, measures TEXT NOT NULL,
                       PRIMARY KEY (cell, seed)) WITHOUT ROWID;
    CREATE INDEX runs_by_key ON runs (key);
"""


class Row(NamedTuple):
    """One run in a table."""

    coordinates: dict[str, Any]
    algorithm: str
    seed: int
    draw_seed: int
    status: str
    reason: str
    values: dict[str, Value]
    setting: dict[str, Any]


class Store:
    """Finished runs of one sweep.

    Parameters
    ----------
    path : path or None
        An SQLite file; None keeps everything in memory.
    create : bool
        Whether to make the file if there is none, or it is empty.

    Raises
    ------
    FileNotFoundError
        When the folder does not exist.
    ValueError
        When the file is not a sweep's, or of another format.
    """

    def __init__(self, path: str | Path | None, *, create: bool = True) -> None:
        self.path = None if path is None else Path(path).absolute()
        self.name = str(path)  # as it was given, for messages
        if self.path is not None and not self.path.parent.is_dir():
            raise FileNotFoundError(f"store={str(path)!r}: its folder does not exist")
        place = ":memory:" if self.path is None else self.path
        try:
            self._connection = sqlite3.connect(place, timeout=30, isolation_level=None)
        except sqlite3.OperationalError as error:
            raise ValueError(f"store={str(path)!r}: cannot be opened ({error})") from None
        try:
            self._prepare(create)
        except sqlite3.DatabaseError as error:
            self.close()
            raise ValueError(f"store={str(path)!r}: cannot be read as the store of a sweep ({error})") from None
        except ValueError:
            self.close()
            raise

    def _prepare(self, create: bool) -> None:
        found = self._connection.execute("PRAGMA application_id").fetchone()[0]
        tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and found != APPLICATION:
            raise ValueError(f"store={self.name!r}: is a database of something else, give the name of a new file")
        if tables and (version := self._connection.execute("PRAGMA user_version").fetchone()[0]) not in FORMATS:
            raise ValueError(f"store={self.name!r}: has format {version}, this version knows formats up to {FORMAT}")
        if not tables and not create:
            raise ValueError(f"store={self.name!r}: is empty, not the store of a sweep")
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        if not tables:
            with self._transaction():
                # Another process may have been faster between the look and the lock.
                if not self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    for statement in SCHEMA.split(";")[:-1]:
                        self._connection.execute(statement)
                    self._connection.execute(f"PRAGMA application_id = {APPLICATION}")
                    self._connection.execute(f"PRAGMA user_version = {FORMAT}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Inside, no other sweep can write here.

        Raises
        ------
        ValueError
            When another one does: it names the process.
        """
        if self.path is None:
            yield
            return
        lock = sqlite3.connect(self.path.with_name(f"{self.path.name}-lock"), timeout=0.2, isolation_level=None)
        try:
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:
                holder = self.study().get("holder", "another process")
                raise ValueError(f"store={self.name!r}: is in use by {holder}; wait for it, or give another file. "
                                 "What is there already can be read with load_sweep()") from None
            self._note({"holder": f"process {os.getpid()} on {socket.gethostname()}"})
            yield
        finally:
            lock.close()

    def study(self) -> dict[str, Any]:
        """What the stored runs have in common, by name."""
        found = {name: json.loads(value) for name, value in self._connection.execute("SELECT name, value FROM study")}
        return BEFORE | found if found.keys() - {"holder"} else found

    def _note(self, facts: Mapping[str, Any]) -> None:
        rows = [(name, json.dumps(value)) for name, value in facts.items()]
        with self._transaction():
            self._connection.executemany("INSERT OR REPLACE INTO study VALUES (?, ?)", rows)

    def enter(self, study: Mapping[str, Any], cells: Sequence[Cell]) -> dict[tuple[str, str], int]:
        """Note the study and its cells, or make sure that they fit what is there; numbers of the cells.

        Raises
        ------
        ValueError
            When the file holds another study; says what differs.
        """
        before = self.study()
        asked = json.loads(json.dumps(study))
        differing = [f"{name} was {before[name]!r} and is now {asked[name]!r}"
                     for name in asked if name in before and not _agree(name, before[name], asked[name])]
        if differing:
            raise ValueError(f"store={self.name!r}: holds another sweep: {'; '.join(differing)}. Give another "
                             "file, or go on with the old parameters (grid, seeds and algorithms may grow)")
        self._note(study)
        known = {(place, name): (number, setting) for number, place, name, setting
                 in self._connection.execute("SELECT cell, coordinates, algorithm, setting FROM cells")}
        fresh = []
        for cell in cells:
            place, setting = _place(cell), json.dumps(cell.setting() | {"reason": cell.reason})
            if (place, cell.algorithm_name) not in known:
                fresh.append((place, cell.algorithm_name, setting))
            elif known[place, cell.algorithm_name][1] != setting:
                raise ValueError(f"store={self.name!r}: holds another sweep: {place}, {cell.algorithm_name!r} was "
                                 f"{known[place, cell.algorithm_name][1]} and is now {setting}. Give another file")
        with self._transaction():
            self._connection.executemany("INSERT INTO cells (coordinates, algorithm, setting) VALUES (?, ?, ?)", fresh)
        rows = self._connection.execute("SELECT coordinates, algorithm, cell FROM cells")
        return {(place, name): number for place, name, number in rows}

    def finished(self, keys: Container[str]) -> dict[str, Outcome]:
        """What is kept of the runs with these keys; runs that failed are to be tried again."""
        rows = self._connection.execute(
            "SELECT key, status, reason, measures, seconds FROM runs WHERE status != ?", (FAILED,))
        return {key: Outcome(key, status, reason, json.loads(measures), seconds)
                for key, status, reason, measures, seconds in rows if key in keys}

    def add(self, rows: Iterable[tuple[int, Task, Outcome]]) -> None:
        """Keep runs, given with the numbers of their cells, all or none."""
        values = [(cell, task.seed, one.key, one.status, one.reason, one.seconds, json.dumps(one.values))
                  for cell, task, one in rows]
        with self._transaction():
            self._connection.executemany("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def rows(self) -> Iterator[Row]:
        """Everything there is."""
        kind = self.study().get("random_numbers", COMMON)
        query = """SELECT coordinates, algorithm, seed, status, reason, measures, setting
                   FROM runs JOIN cells USING (cell) ORDER BY cell, seed"""
        for place, name, seed, status, reason, measures, setting in self._connection.execute(query):
            coordinates = {axis: _hashable(value) for axis, value in json.loads(place).items()}
            fields = json.loads(setting)
            del fields["reason"]
            drawn = draw_seed(coordinates, seed, kind)
            yield Row(coordinates, name, seed, drawn, status, reason, json.loads(measures), fields)


def _hashable(value: Any) -> Any:
    return tuple(_hashable(part) for part in value) if isinstance(value, list) else value


def _agree(name: str, before: Any, now: Any) -> bool:
    """Whether two values are equal; of the constants, which grow with the papers there are, those that both have."""
    if name == "constants":
        return all(before[one] == now[one] for one in before.keys() & now.keys())
    return bool(before == now)


def _place(cell: Cell) -> str:
    return json.dumps(dict(cell.coordinates), sort_keys=True)


def number_of(cell: Cell, numbers: Mapping[tuple[str, str], int]) -> int:
    """The number of a cell in the store."""
    return numbers[_place(cell), cell.algorithm_name]
