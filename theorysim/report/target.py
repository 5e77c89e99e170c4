"""Where a page goes: tested before any work, written whole or not at all."""

import os
import secrets
from pathlib import Path
from typing import Any

from theorysim.core import validate

SUFFIX = ".html"


def checked(path: Any) -> Path:
    """The file that a path names, after links, if a page may be written there.

    Raises
    ------
    TypeError, ValueError
        For what is no path, or has another suffix.
    OSError
        Where no file can be made: FileNotFoundError, IsADirectoryError, PermissionError.
    """
    validate.instance("path", path, (str, Path))
    if Path(path).suffix.lower() != SUFFIX:
        raise ValueError(f"path={str(path)!r}: must end in {SUFFIX}")
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(f"path={str(path)!r}: its folder does not exist")
    if target.is_dir():
        raise IsADirectoryError(f"path={str(path)!r}: is a folder")
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(f"path={str(path)!r}: is a file that must not be written to")
    try:
        trial = _beside(target)
        trial.open("xb").close()
    except OSError as error:
        raise type(error)(error.errno, f"path={str(path)!r}: cannot be written: {error.strerror}") from None
    trial.unlink()
    return target


def write(target: Path, text: str) -> None:
    """Put a page in its place; whoever reads meanwhile sees the former one."""
    partial = _beside(target)
    try:
        with partial.open("xb") as file:
            file.write(text.encode("utf-8", "xmlcharrefreplace"))
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _beside(target: Path) -> Path:
    """A file of its own in the same folder, created as any file: the umask decides who may read it."""
    return target.with_name(f".{secrets.token_hex(8)}.tmp")
