"""The mean field beside exact runs: how fast, as ratios, and how close.

    python experiments/benchmarks/mean_field.py [--only K ...] [--out docs/measured]

Both sides of a comparison are in one process. Exact runs and mean fields have the same seeds, so the same labels and
flips; "same draw" means the same initial inner products, too. Prints Markdown; with --out also writes mean-field.md
there, of which --only replaces the parts it names.
"""

import argparse
import os
import platform
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pandas as pd

import theorysim as ts
from theorysim.papers.huang2025.figures.fig3 import GD, N, NOISY, P_FLIP, PAPER, SNR

sys.path.insert(0, str(Path(__file__).parent))
from speed import interleaved, spread, table  # noqa: E402

MEASURED = Path(__file__).parents[2] / "docs" / "measured"
ALGORITHMS = {GD: ts.GradientDescent(1.0), NOISY: ts.GradientDescent(1.0, ts.Flip(P_FLIP))}
INTRODUCTION = (f"Measured on {len(os.sched_getaffinity(0))} cores ({platform.machine()}), Python "
                f"{platform.python_version()}, NumPy {np.__version__}; medians with the smallest and largest. Other "
                "work ran beside, so ratios and processor time count, seconds are at most what is given.\n\n")
RARE = -10  # log₁₀ of test errors at which the law is looked at, being one for rare errors
LEVEL = 0.25  # of the test error, where the diagram's boundary is


def setting(
    kappa: float, d: int, n: int = 20, m: int = 10, n_snr2: float = 1.0, p: float = 0.2
) -> tuple[ts.SignalNoise, ts.GradientDescent]:
    """σ_p = 1, σ_0σ_p√d = 0.01, and the learning rate with ησ_p²d/(nm) = κ."""
    problem = ts.SignalNoise(n, d, m, 1.0, 1.0, 0.01 / d**0.5).replace(n_snr2=n_snr2)
    return problem, ts.GradientDescent(kappa * n * m / (problem.noise_std**2 * d), ts.Flip(p))


def until_takeover(problem: ts.SignalNoise, algorithm: ts.GradientDescent, seed: int, **options: Any) -> Any:
    """A run up to the first step with max γ ≥ 1."""
    return ts.simulate(problem, algorithm, 5_000_000, seed, record_at=(),
                       until=lambda seen: seen["gamma_max"] >= 1, **options)


def sides(problem: ts.SignalNoise, algorithm: ts.GradientDescent, seed: int, own: bool = False) -> list[Any]:
    """The exact run and the mean field from one draw, up to takeover; with ``own`` that from its own start, too."""
    draw, field = ts.Draw.from_problem(problem, seed), ts.MeanField.of(problem)
    found = [until_takeover(one, algorithm, seed, draw=draw) for one in (problem, field)]
    return [*found, until_takeover(field, algorithm, seed)] if own else found


def one_run(rounds: int) -> str:
    """Time of a run of 1000 steps."""
    rows: list[dict[str, object]] = []
    for n in (20, 200, 700):
        problem = PAPER.replace(n=n)
        times = interleaved({
            name: lambda one=one: ts.simulate(one, ALGORITHMS[NOISY], 1000, 1, record_at=())
            for name, one in (("exact", problem), ("mean field", ts.MeanField.of(problem)))}, rounds)
        ratio = [one / other for one, other in zip(times["exact"], times["mean field"], strict=True)]
        per_step = {name: spread([1e3 * one for one in taken]) for name, taken in times.items()}
        rows.append({"n": n, "exact, µs a step": per_step["exact"], "mean field, µs a step": per_step["mean field"],
                     "times as fast": spread(ratio)})
    return table(rows)


def diagram(problem: ts.SignalNoise, seeds: int) -> pd.DataFrame:
    """Figure 3 of Huang et al. 2025."""
    return ts.sweep(problem, grid={"n": N, "snr": SNR}, algorithms=ALGORITHMS, seeds=seeds, steps=1000,
                    measure=["test_error"], n_test=2000)


def whole_diagram(rounds: int) -> str:
    """Time of the diagram, and where its cells are."""
    field, used = ts.MeanField.of(PAPER), []

    def timed(problem: ts.SignalNoise, seeds: int) -> None:
        start = process_time()
        diagram(problem, seeds)
        used.append((type(problem).__name__, seeds, process_time() - start))

    times = interleaved({"exact": lambda: timed(PAPER, 1), "mean field": lambda: timed(field, 1)}, 1)
    whole = interleaved({"mean field": lambda: timed(field, 5)}, rounds)["mean field"]
    seconds = {(kind, seeds): [one for a, b, one in used if (a, b) == (kind, seeds)][1:] for kind, seeds, _ in used}
    rows = [{"diagram": name, "runs": 112 * seeds, "s": spread(taken), "s of processor time": spread(seconds[key])}
            for name, seeds, taken, key in (
                ("exact, one seed", 1, times["exact"], ("SignalNoise", 1)),
                ("mean field, one seed", 1, times["mean field"], ("MeanField", 1)),
                ("mean field, five seeds", 5, whole, ("MeanField", 5)))]
    ratio = times["exact"][0] / times["mean field"][0]
    return f"{table(rows)}\n\nWith one seed the mean field is {ratio:.3g} times as fast.\n\n{cells(diagram(field, 5))}"


def cells(frame: pd.DataFrame) -> str:
    """Means of the cells beside those of the exact diagram."""
    exact = pd.read_csv(MEASURED / "huang2025-fig3-cells.csv").set_index(["algorithm", "n", "snr"])["test_error"]
    mine = frame.groupby(["algorithm", "n", "snr"])["test_error"].mean()
    rows: list[dict[str, object]] = []
    for name in ALGORITHMS:
        one, other = exact[name], mine[name].reindex(exact[name].index)
        off = (other - one).abs()
        rows.append({
            "algorithm": name, "cells": len(one), "mean test error, exact": f"{one.mean():.3f}",
            "mean field": f"{other.mean():.3f}", "difference of a cell, mean": f"{off.mean():.3f}",
            "largest": f"{off.max():.3f}",
            f"cells on the other side of {LEVEL:g}": int(((one > LEVEL) != (other > LEVEL)).sum()),
        })
    return ("Means over five seeds of every cell, against those of `huang2025-fig3` (exact, the same labels and flips, "
            f"other initial weights; d/n from {PAPER.d / max(N):.2g} to {PAPER.d / min(N):.2g}):\n\n{table(rows)}")


def takeover(_rounds: int) -> str:
    """Time at which max γ passes 1, over κ."""
    rows: list[dict[str, object]] = []
    for (n_snr2, p, n), counts in {
        (1.0, 0.2, 20): {0.003: 4, 0.01: 20, 0.03: 60, 0.1: 200, 0.3: 200, 0.45: 200, 0.51: 200, 1.0: 200, 3.0: 200},
        (0.2, 0.1, 40): {0.1: 20, 0.3: 100, 0.49: 100},
    }.items():
        for kappa, seeds in counts.items():
            problem, algorithm = setting(kappa, 10**8, n=n, n_snr2=n_snr2, p=p)
            found = []
            for seed in range(seeds):  # runs of a million steps are large: only numbers are kept
                runs = sides(problem, algorithm, seed, True)
                found.append((*(run.steps for run in runs), runs[1].column("memory_alive")[0]))
            steps = np.array(found)[:, :3]
            alive = np.array(found)[:, 3] == 1
            same, logs = steps[:, 0] / steps[:, 1], np.log(steps[:, 0] / steps[:, 2])
            error = logs.std(ddof=1) / np.sqrt(seeds)
            rows.append({
                "n·SNR²": n_snr2, "p": p, "n": n, "κ": kappa, "seeds": seeds,
                "median, exact": f"{np.median(steps[:, 0]):g}", "same draw: equal": f"{(same == 1).mean():.0%}",
                "ratio": spread(same[alive].tolist()), "runs with a sample without own filter": int((~alive).sum()),
                "their ratio": spread(same[~alive].tolist()) if (~alive).any() else "",
                "own start: ratio of medians": f"{np.median(steps[:, 0]) / np.median(steps[:, 2]):.3f}",
                "mean logarithm of the ratio": f"{logs.mean():+.3f} ± {error:.3f}",
            })
            print(rows[-1], flush=True)
    return table(rows)


def dimension(_rounds: int) -> str:
    """The same time and the largest deviations, over d/n."""
    rows: list[dict[str, object]] = []
    for share in (2, 4, 10, 100, 10**4, 10**6, 10**8):
        problem, algorithm = setting(0.3, 20 * share)
        ratios, gaps = [], []
        for seed in range(100):
            one, other = (run.steps for run in sides(problem, algorithm, seed))
            ratios.append(one / other)
        for seed in range(20):
            draw = ts.Draw.from_problem(problem, seed)
            pair = [ts.simulate(side, algorithm, 150, seed, draw=draw, record_at=())
                    for side in (problem, ts.MeanField.of(problem))]
            gaps.append(np.abs(pair[0].column("output_max") - pair[1].column("output_max")).max() * share**0.5)
        low, high = np.quantile(ratios, [0.1, 0.9])
        rows.append({"d/n": f"{share:g}", "time, exact/mean field": f"{np.median(ratios):.3f}",
                     "10% to 90%": f"{low:.3f} to {high:.3f}",
                     "largest deviation of max f, in √(n/d)": spread(gaps)})
    return table(rows)


def errors(_rounds: int) -> str:
    """Test errors at takeover."""
    rows: list[dict[str, object]] = []
    for n, m, n_snr2, kappa, p in ((20, 10, 1.0, 0.1, 0.2), (40, 20, 0.5, 0.3, 0.1)):
        for share in (10, 100, 1000, 10**4):
            found = []
            for seed in range(6):
                problem, algorithm = setting(kappa, n * share, n=n, m=m, n_snr2=n_snr2, p=p)
                exact, field = sides(problem, algorithm, seed)
                one, other = (run.test_error(method="rare-event").log10_value for run in (exact, field))
                law = [field.log_error_law(eigenvalue=name) / np.log(10) for name in ("chains", "half-gaussian")]
                found.append((one, one / other, *(one / value if value else np.nan for value in law)))
            columns = np.array(found).T
            rare = columns[:, columns[0] < RARE]
            laws = [spread(one.tolist()) if one.size else "" for one in rare[2:]]
            rows.append({"n": n, "m": m, "n·SNR²": n_snr2, "κ": kappa, "d/n": share,
                         "log₁₀ error, exact": spread(columns[0].tolist()),
                         "exact/mean field": spread(columns[1].tolist()), f"runs below 10^{RARE}": rare.shape[1],
                         "exact/law, Λ of the chains": laws[0], "exact/law, half-Gaussian Λ": laws[1]})
            print(rows[-1], flush=True)
    return table(rows)


def later_errors(_rounds: int) -> str:
    """Test errors long after takeover, when the memory has decayed."""
    rows: list[dict[str, object]] = []
    for share in (10, 100, 1000, 10**6):
        found = []
        for seed in range(4):
            problem, algorithm = setting(0.3, 20 * share)
            draw = ts.Draw.from_problem(problem, seed)
            runs = [ts.simulate(side, algorithm, 600, seed, draw=draw, record_at=())
                    for side in (problem, ts.MeanField.of(problem))]
            found.append([run.test_error(method="rare-event").log10_value for run in runs])
        exact, field = np.array(found).T
        rows.append({"d/n": f"{share:g}", "log₁₀ error, exact": spread(exact.tolist()),
                     "mean field": spread(field.tolist()), "exact/mean field": spread((exact / field).tolist())})
    return table(rows)


def main() -> None:
    """Print all parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="measured rounds (default %(default)s)")
    parser.add_argument("--out", type=Path, help="folder to write mean-field.md to")
    parser.add_argument("--only", type=int, nargs="+", metavar="K", help="only these parts, counted from 1")
    options = parser.parse_args()
    parts: Sequence[tuple[str, Callable[[int], str]]] = (
        ("One run of 1000 steps with flips, m = 20", one_run),
        ("The diagram of Huang et al. 2025, Figure 3: 56 cells, 2 algorithms, 1000 steps, with test errors",
         whole_diagram),
        ("Step at which max γ passes 1, at d = 10⁸, m = 10, σ_0σ_p√d = 0.01", takeover),
        ("The same over d/n, from one draw: n = 20, n·SNR² = 1, p = 0.2, κ = 0.3; 100 seeds, of deviations over 150 "
         "steps 20", dimension),
        ("log₁₀ of test errors at that step, from one draw, p = 0.2 and 0.1: 6 seeds, medians [smallest, largest]",
         errors),
        ("log₁₀ of test errors after 600 steps, from one draw: n = 20, m = 10, n·SNR² = 1, p = 0.2, κ = 0.3; 4 seeds",
         later_errors),
    )
    path = None if options.out is None else options.out / "mean-field.md"
    before = path.read_text(encoding="utf-8") if path is not None and path.exists() else ""
    pages = dict(re.findall(r"^## (.*)\n\n((?:(?!^## ).*\n?)*)", before, re.MULTILINE))
    for number, (title, part) in enumerate(parts, start=1):
        if not options.only or number in options.only:
            pages[title] = part(options.rounds)
            print(f"\n## {title}\n\n{pages[title]}", flush=True)
    if path is not None:
        made = (f"## {title}\n\n{pages[title].strip()}" for title, _ in parts if title in pages)
        path.write_text(INTRODUCTION + "\n\n".join(made) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
