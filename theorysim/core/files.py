"""Frozen values on disk: one .npz file of arrays and a JSON header with the names of all fields. No pickles.

A value is a frozen dataclass; its fields are numbers, words, arrays, tuples, mappings or further such values. So a
field that is added to a class is kept without a word about it here. Classes are found by name among those a caller
knows, their subclasses, and those that fields of these are declared to hold or hold by default; nothing is imported
because a file says so.
"""

import hashlib
import json
import os
import re
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np

from theorysim.core import validate

FORMAT = 3
Reader = Callable[[dict[str, Any], dict[str, Any]], Any]  # of a header and arrays of a former format


def save(value: Any, path: str | Path) -> None:
    """Write a value; the file appears whole or not at all.

    Raises
    ------
    TypeError
        When it holds what a file cannot keep, such as a function; names the field.
    FileNotFoundError
        When the folder does not exist.
    """
    validate.instance("path", path, (str, Path))
    arrays: dict[str, Any] = {}
    header = json.dumps({"format": FORMAT, "content": _told(value, type(value).__name__, arrays, {})})
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"path={str(path)!r}: its folder does not exist")
    partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}.tmp")  # created as any file: the umask decides
    try:
        with partial.open("xb") as file:
            np.savez(file, header=np.array(header), checksum=np.array(_checksum(header, arrays)), **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def load(path: str | Path, types: Iterable[type], former: Mapping[str, Reader] | None = None) -> Any:
    """Read a value written by :func:`save`, made of the given types and their subclasses.

    ``former`` reads files of format 2, by the name of the system ("" where they have none).

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file is not one of these, is damaged, or of a format this version does not know.
    """
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as content:
            arrays = dict(content)
        text = str(arrays.pop("header"))
        header = json.loads(text)
        written = header.pop("format")
        if written == 2 and former:
            return former[header.pop("system", "")](header, arrays)
        if written == FORMAT:
            if str(arrays.pop("checksum")) != _checksum(text, arrays):
                raise ValueError("it is damaged: its checksum is not that of its content")
            return _made(header["content"], arrays, _by_name(types))
    except FileNotFoundError:
        raise
    except Exception as error:  # whatever a damaged or foreign file provokes
        raise ValueError(f"path={str(path)!r}: not a saved run ({error})") from error
    raise ValueError(f"path={str(path)!r}: has format {written}, this version reads formats 2 and {FORMAT}")


def _told(value: Any, where: str, arrays: dict[str, Any], seen: dict[int, str]) -> Any:
    """A value as JSON; its arrays go to ``arrays``, each once."""
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        plain = re.fullmatch(r"[\w.]+", where) and where not in arrays  # else keys of mappings are in the way
        name = seen.setdefault(id(value), where if plain else f"array {len(arrays)}")
        arrays[name] = value
        return {"array": name}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in (bool, int, float):
        return value
    if isinstance(value, str):
        return str(value)
    if type(value) in (tuple, list):
        return {"tuple": [_told(one, f"{where}.{place}", arrays, seen) for place, one in enumerate(value)]}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {"mapping": {key: _told(one, f"{where}.{key}", arrays, seen) for key, one in value.items()}}
    if is_dataclass(value) and not isinstance(value, type):
        kept = {one.name: _told(getattr(value, one.name), f"{where}.{one.name}", arrays, seen)
                for one in fields(value) if one.init}
        return {"type": type(value).__qualname__, "module": type(value).__module__, "fields": kept}
    raise TypeError(f"{where}={value!r}: a {type(value).__name__} cannot be kept in a file")


def _made(told: Any, arrays: Mapping[str, Any], types: Mapping[str, list[type]]) -> Any:
    """The value again."""
    if not isinstance(told, dict):
        return told
    if "array" in told:
        return arrays[told["array"]]
    if "tuple" in told:
        return tuple(_made(one, arrays, types) for one in told["tuple"])
    if "mapping" in told:
        return {key: _made(one, arrays, types) for key, one in told["mapping"].items()}
    kind = _kind(told, types)
    known = {one.name for one in fields(kind) if one.init}
    if unknown := set(told["fields"]) - known:
        raise ValueError(f"{kind.__name__} has no field {min(unknown)!r} in this version")
    return kind(**{name: _made(one, arrays, types) for name, one in told["fields"].items()})


def _kind(told: Mapping[str, Any], types: Mapping[str, list[type]]) -> Any:
    found = types.get(told["type"], [])
    same = [one for one in found if one.__module__ == told["module"]]
    same = [one for one in same if _current(one)] or same
    if len(same or found) != 1:
        raise ValueError(f"it holds a {told['type']} of {told['module']}, " + (
            "of which there are several" if found else "which this process does not know; import or define it first"))
    return (same or found)[0]


def _current(kind: type) -> bool:
    """Whether its module knows a class by its name: of one defined twice in a notebook it is the second."""
    found: Any = sys.modules.get(kind.__module__)
    for name in kind.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is kind


def _by_name(types: Iterable[type]) -> dict[str, list[type]]:
    found: dict[str, list[type]] = {}
    seen: set[type] = set()
    waiting = list(types)
    while waiting:
        kind = waiting.pop(0)
        if kind not in seen:
            seen.add(kind)
            waiting += kind.__subclasses__()
            if is_dataclass(kind):
                found.setdefault(kind.__qualname__, []).append(kind)
                waiting += _held(kind)
    return found


def _held(kind: Any) -> Iterator[type]:
    """Dataclasses that its fields are declared to hold, or hold by default."""
    try:
        hints = get_type_hints(kind)
    except Exception:  # names that only a type checker finds
        hints = {}
    for one in fields(kind):
        for held in (type(one.default), *_parts(hints.get(one.name))):
            if isinstance(held, type) and is_dataclass(held):
                yield held


def _parts(hint: Any) -> Iterator[Any]:
    """A type hint and all within it."""
    yield hint
    for part in get_args(hint):
        yield from _parts(part)


def _checksum(header: str, arrays: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(header.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
