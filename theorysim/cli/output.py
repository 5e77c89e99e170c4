"""Where a command writes: files that are tried before any work, a screen that may go away, a terminal or none."""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from theorysim.core import jit

PICTURES = (".png", ".pdf", ".svg")
TABLES = (".csv",)
RUNS = (".npz",)
PAGES = (".html",)
CLOSED_PIPE = 141  # of a process that was ended by SIGPIPE, as shells count


# --- files ------------------------------------------------------------------------------------------------------


def add_file(parser: Any, flag: str, endings: Sequence[str], text: str) -> None:
    """An option that names a file to be written: refused while options are read, unless it can be written there.

    ``endings`` are those that it may have (the ending decides the format); all, if there are none.
    """
    parser.add_argument(flag, type=Path, metavar="FILE", action=_Writable, endings=tuple(endings),
                        help=f"{text} ({', '.join(endings)})" if endings else text)


class _Writable(argparse.Action):
    """Stores a path once it is known that it can be written."""

    def __init__(self, *, endings: tuple[str, ...], **rest: Any) -> None:
        super().__init__(**rest)
        self.endings = endings

    def __call__(self, _parser: Any, given: argparse.Namespace, value: Any, _flag: str | None = None) -> None:
        require_writable(self.option_strings[0], value, self.endings)
        setattr(given, self.dest, value)


def require_writable(option: str, path: Path, endings: Sequence[str] = ()) -> None:
    """Raise ValueError, naming option, path and what is allowed, where a file cannot be written; makes nothing."""
    if endings and path.suffix.lower() not in endings:
        raise ValueError(f"{option} {path}: must end in {_either(endings)}; the ending decides the format")
    try:
        if path.is_dir():
            raise ValueError(f"{option} {path}: is a folder; must be the name of a file")
        _require_folder(option, path, path.parent)
        if path.is_file():
            path.open("ab").close()
    except OSError as error:
        raise _refusal(option, path, error) from None


def require_folder(option: str, path: Path) -> None:
    """The same of a folder: there, or to be made where it can be."""
    try:
        _require_folder(option, path, path)
    except OSError as error:
        raise _refusal(option, path, error) from None


def prepared(path: Path) -> Path:
    """The path, in a folder that is made where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _require_folder(option: str, path: Path, folder: Path) -> None:
    """A file can be made in the folder, or in the nearest above it that there is; what the system says is tried."""
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    if not there.is_dir():
        raise ValueError(f"{option} {path}: {there} is a file; must be a folder, or a name that is free")
    tempfile.TemporaryFile(dir=there).close()


def _refusal(option: str, path: Path, error: OSError) -> ValueError:
    return ValueError(f"{option} {path}: cannot be written ({error.strerror or error}); must be in a folder that there "
                      "is, or can be made, and that you may write to")


def _either(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


# --- the screen -------------------------------------------------------------------------------------------------


def flushed(work: Callable[[], int]) -> int:
    """Do the work and flush what it prints, so that a screen that is gone is met here and not as Python ends.

    Raises
    ------
    BrokenPipeError, OSError
        When what was printed cannot be written; nothing more is tried then.
    """
    try:
        return work()
    finally:  # --help ends by SystemExit
        try:
            if sys.stdout is not None:
                sys.stdout.flush()
        except OSError:
            let_go()
            raise


def let_go() -> None:
    """Whatever is still to be printed goes nowhere: Python flushes once more as it ends, and would complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for stream in (sys.stdout, sys.stderr):
            try:
                if stream is not None:
                    stream.flush()
            except OSError:
                os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Cells under each other, two spaces apart."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def terminal() -> bool:
    """Whether somebody watches what goes to stderr."""
    return sys.stderr is not None and sys.stderr.isatty()


def shows_bars(given: argparse.Namespace) -> bool:
    """Whether a progress bar is shown: not where it would end in a file."""
    return not given.quiet and terminal()


@contextmanager
def compiling(given: argparse.Namespace) -> Iterator[None]:
    """Inside, say so when kernels have been compiling for a second, as at the very first run of all."""
    if not shows_bars(given):
        yield
        return
    with jit.watched(_say_compiling):
        yield


def _say_compiling() -> None:
    from tqdm import tqdm  # keeps clear of a bar

    tqdm.write("compiling… (once; from then on kernels are read from the disk)", file=sys.stderr)


def warn(text: str) -> None:
    """Say on stderr what surely was not meant; the work goes on."""
    print(f"theorysim: warning: {text}", file=sys.stderr)
