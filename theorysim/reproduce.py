"""Figures and tables of papers, made again: one module each, by name.

A reproduction is a function ``run(seeds, progress)`` returning a :class:`Report`; what it draws on
is the public library, so each is also an example of its use.
"""

import importlib
import inspect
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from theorysim.core import validate
from theorysim.sweep.work import DONE

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

REPRODUCTIONS = {
    "huang2025-fig2": "gradient descent memorises noise, label-noise gradient descent learns the signal",
    "huang2025-fig3": "the same over sample size and SNR, as a phase diagram",
    "huang2025-fig3-inside": "that diagram where d = n² log n, inside the regime of the theorems",
    "kou2023-heatmap": "benign overfitting of ReLU networks over dimension and signal norm, 100 000 runs",
    "han2025-fig1": "fixed noisy labels: signal first, noise later, in four settings",
    "han2025-fig3": "the end of the first stage over signal strength and flip rate",
    "han2025-phases": "where the first stage exists, over n·SNR² and flip rate",
    "han2025-policies": "early stopping and sample selection against training to convergence",
    "han2025-bounds": "exponents of T1, error of early stopping over d/n, a verdict for every statement",
    "han2025-early-stop-bound": "the test error at T1, down to 10⁻¹⁰⁰⁰, over n and d",
    "huang2025-error-bound": "the test error of label-noise gradient descent, down to 10⁻¹⁰⁰⁰, over n and d",
    "zhang2026-fig2": "linear networks under label-noise SGD: neurons shrink, then align",
    "zhang2026-sam": "the same under sharpness-aware minimisation, whole and in parts; oscillation alone",
    "zhang2026-periodic": "the same with label noise switched on and off",
    "zhang2026-theorem2": "when all neurons have left the lazy regime: exponents, bound and derived law",
    "zhang2025-phases": "sample weights learned from a few clean samples: alignment, filtering, post-filtering",
    "zhang2025-drift": "what makes the weights of noisy samples come back late, and freezing them as a remedy",
    "zhang2025-fbr": "feature-based reweighting on digits: detection, ablations, and what training gains by it",
    "selection-methods": "small loss, early stopping, oracle and learned weights on one signal-noise problem",
    "huang2025-bounds": "how tight the bounds are: exponents of T1 and T2 with intervals, test error, verdicts",
}


@dataclass(frozen=True, eq=False)
class Report:
    """What a reproduction shows: a picture, tables, and the sentences that say what was measured."""

    name: str
    title: str
    text: str
    tables: "dict[str, pd.DataFrame]"
    figure: "Figure" = field(repr=False)

    def write(self, folder: str | Path) -> list[Path]:
        """Write NAME.png, NAME.md and one CSV per table; returns their paths."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        picture, page = target / f"{self.name}.png", target / f"{self.name}.md"
        self.figure.savefig(picture, dpi=110)
        page.write_text(f"# {self.title}\n\n![{self.title}]({picture.name})\n\n{self.text}\n", encoding="utf-8")
        written = [picture, page]
        for name, frame in self.tables.items():
            written.append(target / f"{self.name}-{name}.csv")
            frame.to_csv(written[-1], index=False, float_format="%.6g")
        return written


def markdown(frame: "pd.DataFrame") -> str:
    """A Markdown table (pandas' own needs another package)."""
    rows = [list(frame.columns), ["---"] * len(frame.columns), *frame.to_numpy(dtype=object).tolist()]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)


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


def module_of(name: str) -> Any:
    """The module that makes a figure."""
    paper, _, figure = name.replace("-", "_").partition("_")
    place = f"{paper}.figures.{figure}" if paper != "selection" else "zhang2025.figures.selection_methods"
    return importlib.import_module(f"theorysim.papers.{place}")


def reproduce(name: str, *, seeds: int | None = None, progress: bool = False, **options: Any) -> Report:
    """Run a reproduction by name.

    Parameters
    ----------
    name : str
        One of ``REPRODUCTIONS``.
    seeds : int, optional
        Independent runs per setting; each reproduction has its own default.
    progress : bool
        Show a progress bar.
    **options
        Further arguments of the reproduction's ``run`` (mostly sizes, to try it small).
    """
    validate.choice("name", name, REPRODUCTIONS)
    module = module_of(name)
    known = inspect.signature(module.run).parameters
    for option in options:
        if option not in known and "options" not in known:
            raise TypeError(f"{option}={options[option]!r}: {name} has no such option; it has {', '.join(known)}")
    if seeds is not None:
        options["seeds"] = validate.integer("seeds", seeds, 1)
    report: Report = module.run(progress=validate.flag("progress", progress), **options)
    return report
