"""A step of sample reweighting against its three matrix–vector products, in one process, in turn, on one core.

    python experiments/benchmarks/reweighting.py [--rounds 7] [--out docs/measured]
"""

import argparse
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from theorysim.core import blas
from theorysim.core.jit import jit
from theorysim.reproduce import markdown
from theorysim.reweighting import KernelReweighting, Reweighting, SignalNoiseImages, draw_reweighting
from theorysim.systems import simulate

Array = NDArray[np.float64]
STEPS = 300


@jit
def products(
    whole: Array, clean: Array, pull: Array, residual: Array, outputs: Array, ahead: Array, back: Array, steps: int
) -> None:
    """Per step K_vt r, K_vtᵀ û and [K_tt; K_vt] r."""
    for _ in range(steps):
        np.dot(clean, pull, ahead)
        np.dot(clean.T, residual, back)
        np.dot(whole, pull, outputs)


def compare(n: int, m: int, rounds: int) -> dict[str, str]:
    """Seconds a step at one size."""
    problem = KernelReweighting(SignalNoiseImages(), n, m, test=10)
    draw = draw_reweighting(problem)
    arrays = (draw.outputs_kernel, draw.proxy_kernel, np.ones(n), np.ones(m), np.empty(n + m), np.empty(m), np.empty(n))
    products(*arrays, 2)
    simulate(problem, Reweighting(), 2, draw=draw)
    plain, whole = [], []
    for _ in range(rounds):
        start = perf_counter()
        products(*arrays, STEPS)
        plain.append((perf_counter() - start) / STEPS)
        run = simulate(problem, Reweighting(), STEPS, draw=draw, record_at=())
        whole.append(run.timings["solve"] / STEPS)
    ratios = [slow / fast for slow, fast in zip(whole, plain, strict=True)]
    return {"n": f"{n}", "clean": f"{m}", "step, µs": f"{1e6 * median(whole):.3g}",
            "products, µs": f"{1e6 * median(plain):.3g}",
            "ratio": f"{median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="default %(default)s")
    parser.add_argument("--out", type=Path, help="folder to write reweighting.md to")
    options = parser.parse_args()
    import pandas as pd

    with blas.single_threaded():
        rows = [compare(n, m, options.rounds) for n, m in ((200, 60), (1000, 100), (3000, 100))]
    text = (f"One core; medians of {options.rounds} rounds of {STEPS} steps [smallest, largest]; exact look-ahead.\n\n"
            f"{markdown(pd.DataFrame(rows))}\n")
    print(text)
    if options.out:
        options.out.joinpath("reweighting.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
