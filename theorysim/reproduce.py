"""Figures and tables of papers, made again, by name: what they return, and what their reports are written with.

A reproduction is a function of ``seeds``, ``progress`` and sizes returning a :class:`Report`. Papers bring them as
:attr:`theorysim.theory.paper.Paper.figures`; what they draw on is the public library, so each is also an example of it.
"""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.core import style, validate
from theorysim.report import report
from theorysim.sweep.work import DONE
from theorysim.theory.paper import Figure, papers

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Picture


METADATA: Mapping[str, dict[str, None]] = {"png": {}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
ASIDE = ("store", "workers")  # options on which no number depends


@dataclass(frozen=True, eq=False)
class Report:
    """What a reproduction shows: a picture, tables, and the sentences that say what was measured.

    Attributes
    ----------
    name, title, text : str
        The text is Markdown.
    tables : mapping from str to DataFrame
    figure : matplotlib Figure
    options : mapping or None
        Arguments that :func:`reproduce` was given, as far as they say what was computed; None of a report that it did
        not make.
    """

    name: str
    title: str
    text: str
    tables: "dict[str, pd.DataFrame]"
    figure: "Picture" = field(repr=False)
    options: Mapping[str, Any] | None = None

    def write(self, folder: str | Path, formats: str | Sequence[str] = ("png",), *, html: bool = False) -> list[Path]:
        """Write the figure, NAME.md, one CSV per table and, if asked for, NAME.html; returns their paths.

        Parameters
        ----------
        folder : str or Path
            Made where there is none.
        formats : str or sequence of str
            Of the figure: "png", "pdf", "svg", one or several of them, each a file NAME.FORMAT. NAME.md shows the first
            of those that a page can show, or has a link.
        html : bool
            Whether to write the one-file page of :func:`theorysim.report`, too.

        Raises
        ------
        TypeError, ValueError
            For an unknown format, before anything is written.
        """
        chosen = (formats,) if isinstance(formats, str) else tuple(formats)
        if not chosen:
            raise ValueError(f"formats={formats!r}: must have at least one of {', '.join(map(repr, METADATA))}")
        for one in chosen:
            validate.choice("formats", one, tuple(METADATA))
        validate.flag("html", html)
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        written = [self._draw(target, one) for one in dict.fromkeys(chosen)]
        shown = next((one for one in written if one.suffix != ".pdf"), None)
        picture = f"[{self.title}]({written[0].name})" if shown is None else f"![{self.title}]({shown.name})"
        written.append(target / f"{self.name}.md")
        written[-1].write_text(f"# {self.title}\n\n{picture}\n\n{self.text}\n", encoding="utf-8")
        for name, frame in self.tables.items():
            written.append(target / f"{self.name}-{name}.csv")
            frame.to_csv(written[-1], index=False, float_format="%.6g")
        return [*written, report(self, target / f"{self.name}.html")] if html else written

    def _draw(self, folder: Path, suffix: str) -> Path:
        """The figure in one format, without a date, so that the same figure makes the same file."""
        import matplotlib

        path = folder / f"{self.name}.{suffix}"
        with style.publication(), matplotlib.rc_context({"svg.hashsalt": "theorysim"}):
            self.figure.savefig(path, dpi=style.DPI, metadata=METADATA[suffix])
        return path


def markdown(frame: "pd.DataFrame") -> str:
    """A Markdown table (pandas' own needs another package)."""
    rows = [list(frame.columns), ["---"] * len(frame.columns), *frame.to_numpy(dtype=object).tolist()]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)


def spread(values: Sequence[float] | Any, lacking: str = "not reached") -> str:
    """Mean, with the smallest and the largest, of those that are numbers; says how many are not, and what they lack."""
    given = np.asarray(values, dtype=float)
    known = given[~np.isnan(given)]
    if not known.size:
        return "–"
    missing = given.size - known.size
    note = f"; {missing} of {given.size} {lacking}" if missing else ""
    return f"{known.mean():.3g} [{known.min():.3g}, {known.max():.3g}]{note}"


def interrupted_note(*frames: "pd.DataFrame") -> str:
    """What a report made of sweeps says first when Ctrl-C ended one of them; nothing otherwise."""
    if all(frame.attrs["complete"] for frame in frames):
        return ""
    return (f"**Interrupted: made of the {sum(map(len, frames))} runs there were. With a store (`--store`) the same "
            "command goes on.**\n\n")


def require_runs(frame: "pd.DataFrame", algorithms: Iterable[str]) -> None:
    """Refuse a sweep that Ctrl-C ended before these algorithms had runs, of the same seeds."""
    done = frame[frame["status"].isin(DONE)]
    seeds = [set(done.loc[done["algorithm"] == name, "seed"]) for name in algorithms]
    if not frame.attrs["complete"] and not (all(seeds) and all(one == seeds[0] for one in seeds)):
        raise ValueError(f"interrupted after {len(frame)} runs, too few for a report; with a store (`--store`) the "
                         "same command goes on")


def figures() -> dict[str, Figure]:
    """What can be made again, by name: the figures of all papers, of two with one name the first's."""
    found: dict[str, Figure] = {}
    for paper in papers().values():
        for name, one in paper.figures.items():
            found.setdefault(name, one)
    return found


def reproduce(name: str, *, seeds: int | None = None, progress: bool = False, **options: Any) -> Report:
    """Run a reproduction by name.

    Parameters
    ----------
    name : str
        One of :func:`figures`.
    seeds : int, optional
        Independent runs per setting; each reproduction has its own default.
    progress : bool
        Show a progress bar.
    **options
        Further arguments of the reproduction's ``run`` (mostly sizes, to try it small).
    """
    known_figures = figures()
    validate.choice("name", name, tuple(known_figures))
    run = known_figures[name].run
    known = inspect.signature(run).parameters
    for option in options:
        if option not in known and "options" not in known:
            raise TypeError(f"{option}={options[option]!r}: {name} has no such option; it has {', '.join(known)}")
    if seeds is not None:
        options["seeds"] = validate.integer("seeds", seeds, 1)
    shown = validate.flag("progress", progress)
    with style.publication():
        made: Report = run(progress=shown, **options)
    if not isinstance(made, Report):
        return made
    return replace(made, options={key: value for key, value in options.items() if key not in ASIDE})
