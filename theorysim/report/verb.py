"""report(): what was computed, as one HTML file to send to somebody."""

from pathlib import Path
from typing import Any

from theorysim.core import validate
from theorysim.report.kinds import sections_of, validate_value
from theorysim.report.page import page
from theorysim.report.target import checked, write


def report(value: Any, path: str | Path, *, title: str | None = None) -> Path:
    """Write one HTML file about a value: tables, curves, verdicts, formulas, code, versions and seeds.

    The file needs nothing but a browser and asks for nothing outside it: formulas are MathML, curves SVG, and its
    content policy forbids every request and every script but the one that sorts tables. It follows the reader's choice
    of light or dark, and prints. All that comes from outside (names of observables and files, titles, statements and
    exceptions of plug-ins) is shown as text. The same value makes the same file, byte for byte, on the same versions:
    no date is in it, and no time that something took.

    Parameters
    ----------
    value
        A run: summary, curves with stage times, problem and algorithm, and :func:`check` by the paper that is meant
        where none is named. Runs in a sequence: for each setting the medians with bands, a row for each seed, and their
        check. What :func:`check`, :func:`scaling`, :func:`sweep` or :func:`theorysim.reproduce.reproduce` return. A
        value with ``_repr_html_()`` (reduced to text, tables and formulas), ``plot()`` or ``code``. Or a sequence of
        all these, in its order.
    path : str or Path
        Ends in .html. The file appears whole or not at all, in place of one that is there.
    title : str, optional
        By default what the value is.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    TypeError, ValueError
        For a value that nothing is known of, and for a path of another suffix.
    OSError
        Where the path cannot be written to; found out before any work.
    """
    target = checked(path)
    if title is not None:
        validate.instance("title", title, (str,))
    validate_value(value)
    sections = sections_of(value)
    write(target, page(title or _title([one.title for one in sections]), sections))
    return Path(path)


def _title(titles: list[str]) -> str:
    return titles[0] if len(titles) == 1 else f"{titles[0]}, and {len(titles) - 1} more"
