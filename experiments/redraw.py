"""Draw figures again from their written tables: ``python experiments/redraw.py docs/measured [NAME ...]``.

For figures that are functions of their tables alone; the pictures of runs need the runs, and so ``reproduce``. What a
table of means over seeds lacks, the seeds themselves, is put back as that many rows with the mean in each.
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from theorysim.core import style
from theorysim.core.intervals import Interval
from theorysim.papers import rare_errors
from theorysim.papers.chen2023.figures import heatmap as chen
from theorysim.papers.han2025.figures import early_stop_bound, phases, policies
from theorysim.papers.huang2025.figures import (
    appendix, error_bound, lemmas, regularisers, regularisers_picture, regularisers_rows,
)
from theorysim.papers.karhadkar2024.figures import grid
from theorysim.papers.kou2023.figures import heatmap as kou
from theorysim.papers.lu2024.figures import oscillation
from theorysim.papers.sakamoto2025.evidence import threshold
from theorysim.papers.sakamoto2025.figures import map as selection_map, time as selection_time
from theorysim.papers.second_order.figures import best, best_picture, error, fresh, law, transition
from theorysim.papers.wan2025.figures import forgetting
from theorysim.papers.zhang2025.figures import fbr, selection_methods
from theorysim.papers.zhang2026.figures import theorem2
from theorysim.scaling import ScalingFit
from theorysim.sweep.random_numbers import COMMON, INDEPENDENT

Tables = Mapping[str, pd.DataFrame]


def of_seeds(means: pd.DataFrame, random_numbers: str, **columns: Any) -> pd.DataFrame:
    """As many rows of each cell as it has runs."""
    rows = means.loc[means.index.repeat(means["runs"])].assign(status="completed", **columns)
    rows = rows.assign(seed=rows.groupby(level=0).cumcount()).reset_index(drop=True)
    rows.attrs["random_numbers"] = random_numbers
    return rows


def chen2023(tables: Tables) -> Any:
    """Both diagrams, both lines, and the radius."""
    lines = {str(name): one for name, one in tables["boundary"].groupby("algorithm", sort=False)}
    return chen.picture(of_seeds(tables["cells"], INDEPENDENT), lines, tables["radius"])


def kou2023(tables: Tables) -> Any:
    """The diagram, with the median constant along its boundary."""
    frame = of_seeds(tables["cells"], INDEPENDENT, algorithm=kou.GD, n=kou.N, noise_std=1.0)
    known = tables["boundary"].dropna(subset=["crossing"])
    return kou.picture(frame, float((kou.N * known["crossing"] ** 4 / known["d"]).median()))


def lu2024(tables: Tables) -> Any:
    """With the edge of the strong signal."""
    problem = oscillation.PROBLEM
    return oscillation.picture(tables["summary"], problem.m / (2 * problem.patches[0].norm ** 2))


def wan2025(tables: Tables) -> Any:
    """Errors, margins, and where the first is lost."""
    crossings = {row.replay: Interval(row.angle, row.low, row.high) for row in tables["crossings"].itertuples()}
    return forgetting.picture(tables["runs"], crossings)


def second_order_fresh(tables: Tables) -> Any:
    """Ratios, exponents and errors."""
    errors = tables["errors"]
    made = errors.drop_duplicates(["n", "d", "seed"])
    return fresh.picture(fresh.CLAIMS, tables["ratios"], tables["exponents"], fresh.means_of(errors, len(made)))


def zhang2026_theorem2(tables: Tables) -> Any:
    """Both studies."""
    fits = {}
    for name in ("T1", "T2"):
        runs = tables[f"{name}-runs"]
        band = (float(runs["ratio"].min()), float(runs["ratio"].max()))
        fits[f"zhang2026.{name}"] = ScalingFit(f"zhang2026.{name}", "", "", tables[f"{name}-exponents"], runs, band, 0,
                                               pd.DataFrame())
    return theorem2.picture(fits)


def sakamoto2025_map(tables: Tables) -> Any:
    """Means of the cells, and lines as they were found."""
    problem = selection_map.PROBLEM
    cells = tables["cells"]
    powers = problem.n * (cells["signal_norm"] / problem.noise_std) ** 2 / cells["d"]
    frame = of_seeds(cells.assign(n_snr2=powers), INDEPENDENT)
    lines = {(name, measure): one for (name, measure), one in tables["lines"].groupby(["algorithm", "measure"])}
    return selection_map.picture(frame, lines, threshold(problem, problem.label_flip))


def regularisers_(tables: Tables) -> Any:
    """Boundaries of all rules, and curves of some."""
    names = regularisers_picture.order(tables["scan"])
    return regularisers_picture.draw(tables["scan"], tables["boundary"], names, regularisers.LEVEL,
                                     regularisers_rows.LEARNED)


def best_noise(tables: Tables) -> Any:
    """All four panels."""
    return best_picture.draw(*(tables[name] for name in ("errors", "ridge", "times", "laws", "schedules")), best.STEPS,
                             best.LOG10_ERROR)


PICTURES: dict[str, Callable[[Tables], Any]] = {
    "best-noise": best_noise,
    "chen2023-sam": chen2023,
    "error-law": lambda tables: error.picture(tables["errors"]),
    "han2025-early-stop-bound": lambda tables: rare_errors.figure(tables["errors"], *early_stop_bound.SHOWN),
    "han2025-phases": lambda tables: phases.picture(of_seeds(tables["cells"], COMMON)),
    "han2025-policies": lambda tables: policies.picture(tables["runs"]),
    "huang2025-error-bound": lambda tables: rare_errors.figure(tables["errors"], *error_bound.SHOWN),
    "huang2025-lemmas": lambda tables: lemmas.picture(tables["statements"].fillna("")),
    "huang2025-noise-laws": appendix.laws_picture,
    "huang2025-powers": appendix.powers_picture,
    "karhadkar2024-grid": lambda tables: grid.picture(tables["cells"], grid.SIZES),
    "kou2023-heatmap": kou2023,
    "label-noise-transition": lambda tables: transition.picture(
        {name: tables[f"{name}-runs"] for name in ("kappa", "rebirth", "flips", "snr")}),
    "lu2024-oscillation": lu2024,
    "regularisers": regularisers_,
    "sakamoto2025-map": sakamoto2025_map,
    "sakamoto2025-time": lambda tables: selection_time.picture(tables["looks"]),
    "second-order-fresh": second_order_fresh,
    "second-order-law": lambda tables: law.picture(tables["runs"]),
    "selection-methods": lambda tables: selection_methods.picture(tables["runs"]),
    "wan2025-forgetting": wan2025,
    "zhang2025-fbr": lambda tables: fbr.picture(tables["detection"], tables["tails"], tables["training"]),
    "zhang2026-theorem2": zhang2026_theorem2,
}


def redraw(name: str, folder: Path) -> Path:
    """One picture, beside its tables."""
    found = {path.stem.removeprefix(f"{name}-"): pd.read_csv(path, keep_default_na=False, na_values=["", "nan"])
             for path in sorted(folder.glob(f"{name}-*.csv"))}  # "none" is a word there
    target = folder / f"{name}.png"
    with style.publication(), np.errstate(invalid="ignore"):
        PICTURES[name](found).savefig(target, dpi=style.DPI)
    return target


def main() -> None:
    """Draw some or all."""
    parser = argparse.ArgumentParser(description="Draw figures again from their tables.")
    parser.add_argument("folder", type=Path, help="where the tables are, and the pictures go")
    parser.add_argument("names", nargs="*", default=list(PICTURES), help="which (default: all that can be)")
    options = parser.parse_args()
    for name in options.names:
        if name not in PICTURES:
            parser.error(f"NAME={name!r}: must be one of {', '.join(PICTURES)}; make others again with reproduce.py")
        print(f"wrote {redraw(name, options.folder)}")


if __name__ == "__main__":
    main()
