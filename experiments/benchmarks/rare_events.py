"""What a rare test error costs, on one core: seconds for one label at a standard error of 2%.

    python experiments/benchmarks/rare_events.py [--repeats 9]

Networks of random filters at the level where the probability is about 1e-3, 1e-6, 1e-10 and 1e-30; medians over
repeats with the smallest and largest, and what counting would need for the same standard error.
"""

import argparse
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from theorysim.core import blas
from theorysim.rare_event import log_probability
from theorysim.reproduce import markdown

TARGET = 0.02


def covariance(filters: int, rng: np.random.Generator) -> np.ndarray:
    """Of 2m filters that share a direction each half."""
    weights = rng.standard_normal((filters, 4 * filters)) / np.sqrt(4 * filters)
    shared = np.repeat(rng.standard_normal((2, 4 * filters)) / np.sqrt(4 * filters), filters // 2, axis=0)
    weights += shared * rng.random((filters, 1))
    product: np.ndarray = weights @ weights.T
    return product


def level(c: np.ndarray, matrix: np.ndarray, q: float, exponent: float) -> float:
    """Where the probability is about 10^exponent, by bisection on coarse estimates."""
    low, high = 1e-2, 1e4
    for _ in range(12):
        middle = float(np.sqrt(low * high))
        found = log_probability(c, matrix, q, middle, np.random.default_rng(0), 0.2).value / np.log(10)
        low, high = (middle, high) if found > exponent else (low, middle)
    return low


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9, help="measured estimates (default %(default)s)")
    parser.add_argument("--filters", type=int, nargs="+", default=[10, 40, 100], help="values of 2m")
    parser.add_argument("--out", type=Path, help="folder to write rare-events.md to")
    options = parser.parse_args()
    import pandas as pd

    rows = []
    with blas.single_threaded():
        for filters in options.filters:
            c = np.repeat([1.0, -1.0], filters // 2) / (filters // 2)
            matrix = covariance(filters, np.random.default_rng(filters))
            for exponent in (-3, -6, -10, -30):
                at = level(c, matrix, 2.0, exponent)
                seconds, errors = [], []
                for repeat in range(options.repeats + 1):
                    start = perf_counter()
                    found = log_probability(c, matrix, 2.0, at, np.random.default_rng(repeat), TARGET)
                    seconds.append(perf_counter() - start)
                    errors.append((found.high - found.low) / 2 / 1.96)
                kept = seconds[1:]
                rows.append({
                    "2m": filters, "log₁₀ p": f"{found.value / np.log(10):.1f}",
                    "seconds a label": f"{median(kept):.2f} [{min(kept):.2f}, {max(kept):.2f}]",
                    "stated standard error": f"{median(errors):.3f}",
                    "draws to count it": f"{np.exp(-found.value) / TARGET**2:.0e}",
                })
                print(rows[-1], flush=True)
    text = (f"One core, standard error {TARGET:.0%} asked for, q = 2; medians of {options.repeats} estimates with the "
            f"smallest and largest.\n\n{markdown(pd.DataFrame(rows))}\n")
    print("\n" + text)
    if options.out:
        options.out.joinpath("rare-events.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
