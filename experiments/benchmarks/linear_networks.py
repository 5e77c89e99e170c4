"""A step of a linear network: width-free, and neuron by neuron compiled and in NumPy, in one process, in turn.

    python experiments/benchmarks/linear_networks.py [--rounds 5] [--out docs/measured]

Single-sample SGD with label noise, d = 20, one core; medians of rounds with the smallest and largest. First the three
are shown to give the same second moments.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import blas
from theorysim.linear.kernel import evolve_linear
from theorysim.linear import LinearDraw, LinearNetwork, LinearSGD
from theorysim.linear.draw import StepNoise
from theorysim.reproduce import markdown
from theorysim.systems import simulate

Array = NDArray[np.float64]
D, N = 20, 200


def numpy_steps(
    rows: Array, inputs: Array, outputs: Array, chosen: NDArray[np.int64], noise: Array, lr: float
) -> Array:
    """The plain alternative: both layers' updates as NumPy expressions."""
    w, a = rows[:, :-1].copy(), rows[:, -1].copy()
    for sample, eps in zip(chosen[:, 0], noise[:, 0], strict=True):
        x = inputs[sample]
        wx = w @ x
        g = a @ wx - outputs[sample] - eps
        w, a = w - lr * g * np.outer(a, x), a - lr * g * wx
    return np.column_stack([w, a])


def timed(work: Callable[[], Any], repeat: int) -> tuple[float, Any]:
    """Seconds of one call, and what it returned last."""
    start = perf_counter()
    for _ in range(repeat):
        found = work()
    return (perf_counter() - start) / repeat, found


def compare(width: int, rounds: int) -> dict[str, str]:
    """Seconds a step at one width."""
    problem, algorithm = LinearNetwork(N, D, width, label_noise_std=4.0), LinearSGD(0.1 / width)
    rng = np.random.default_rng(0)
    draw = LinearDraw.from_arrays(inputs=rng.standard_normal((N, D)), target=np.eye(D)[0],
                                  weights=rng.standard_normal((width, D)) / np.sqrt(D),
                                  second_layer=rng.standard_normal(width) / np.sqrt(width))
    count = 4000 if width <= 10_000 else 200
    chosen, noise = StepNoise(problem, algorithm, 0).between(0, count)
    inputs, outputs = np.array(draw.inputs), draw.inputs @ draw.target

    def compiled(start: Array) -> Array:
        rows = start.copy()
        evolve_linear(rows, inputs, outputs, chosen, noise, algorithm.lr, 0.0, 0)
        return rows

    root = draw.square_root()[0]
    sides = {
        "width-free": (lambda: compiled(root), max(1, 20_000 // count)),
        "explicit, compiled": (lambda: compiled(draw.factor), 1),
        "explicit, NumPy": (lambda: numpy_steps(draw.factor, inputs, outputs, chosen, noise, algorithm.lr), 1),
    }
    moments = {name: (found := work()).T @ found for name, (work, _) in sides.items()}
    for name, moment in moments.items():
        assert np.allclose(moment, moments["width-free"], rtol=1e-9, atol=1e-9 * np.abs(moment).max()), name
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, (work, repeat) in sides.items():
            seconds[name].append(timed(work, repeat)[0] / count)
    row = {"m": f"{width}"}
    for name, times in seconds.items():
        row[f"{name}, µs a step"] = f"{1e6 * median(times):.3g}"
    for name in list(sides)[1:]:
        ratios = [slow / fast for slow, fast in zip(seconds[name], seconds["width-free"], strict=True)]
        row[f"{name} / width-free"] = f"{median(ratios):.0f} [{min(ratios):.0f}, {max(ratios):.0f}]"
    return row


def main() -> None:
    """Print the table, and the time of a million steps of a billion neurons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="default %(default)s")
    parser.add_argument("--out", type=Path, help="folder to write linear-networks.md to")
    options = parser.parse_args()
    import pandas as pd

    with blas.single_threaded():
        rows = [compare(width, options.rounds) for width in (100, 1000, 100_000)]
    wide = LinearNetwork(N, D, 10**9, label_noise_std=4.0)
    simulate(wide, LinearSGD(1e-10), 10)
    seconds = [timed(lambda: simulate(wide, LinearSGD(1e-10), 1_000_000), 1)[0] for _ in range(options.rounds)]
    text = (f"d = {D}, n = {N}, single samples, one core; medians of {options.rounds} rounds [smallest, largest].\n\n"
            f"{markdown(pd.DataFrame(rows))}\n\nA million steps at m = 10⁹, the whole call with observables and 100 "
            f"neurons followed: {median(seconds):.2f} s [{min(seconds):.2f}, {max(seconds):.2f}].\n")
    print(text)
    if options.out:
        options.out.joinpath("linear-networks.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
