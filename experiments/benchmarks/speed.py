"""How fast is simulate()? Side by side in one process against a plain script, as ratios.

    python experiments/benchmarks/speed.py [--repeats 5] [--steps 500]

1. The whole simulate() call with all observables and a warm cache (the draw included) against plain NumPy
   on explicit weights (the draw not included), with BLAS on one core and on all; PyTorch too if installed.
   Both train on the same arrays once, to show that they do the same thing.
2. The share of the kernel's time spent in its one matrix product.
3. d = 10⁹ against d = 10⁴.

Medians over interleaved repeats, with the smallest and largest in brackets.
"""

import argparse
import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from threadpoolctl import threadpool_limits

import theorysim as ts
from theorysim import blas
from theorysim.kernels import patch
from theorysim.kernels.jit import jit
from theorysim.simulation import Simulation

sys.path.insert(0, str(Path(__file__).parent))
import plain  # noqa: E402

PROBLEM = ts.SignalNoise(n=200, d=2000, m=20, signal_norm=2.0, noise_std=0.5, init_std=0.01)
P_FLIP = 0.1


def seconds(call: Callable[[], object]) -> float:
    """Duration of one call."""
    start = perf_counter()
    call()
    return perf_counter() - start


def interleaved(calls: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Durations of every call, taken in turn after one unmeasured round."""
    for call in calls.values():
        call()
    rounds = [{name: seconds(call) for name, call in calls.items()} for _ in range(repeats)]
    return {name: [one[name] for one in rounds] for name in calls}


def spread(values: list[float]) -> str:
    """Median and range."""
    return f"{median(values):.3g} [{min(values):.3g}, {max(values):.3g}]"


def against_plain(d: int, steps: int, repeats: int) -> None:
    """simulate() against the plain script at one dimension."""
    problem = PROBLEM.replace(d=d)
    algorithm = ts.GradientDescent(1.0 * PROBLEM.d / d, ts.Flip(P_FLIP))
    rng = np.random.default_rng(0)
    noise = problem.noise_std * rng.standard_normal((problem.n, d))
    noise[:, 0] = 0.0
    signal = np.zeros(d)
    signal[0] = problem.signal_norm
    weights = problem.init_std * rng.standard_normal((2, problem.m, d))
    labels = np.where(rng.random(problem.n) < 0.5, -1.0, 1.0)
    eps = np.where(rng.random((steps, problem.n)) < P_FLIP, -1.0, 1.0)

    def script(train: Callable[..., object], threads: int | None) -> Callable[[], object]:
        def call() -> object:
            with threadpool_limits(threads, user_api="blas"):
                return train(noise, signal, labels, weights.copy(), eps, algorithm.lr)

        return call

    draw = ts.Draw.from_arrays(noise=noise, weights=weights, labels=labels, signal=signal)
    same = ts.simulate(problem, algorithm, steps, draw=draw, label_noise=eps)
    gap = np.abs(same.column("train_loss")[:-1] - script(plain.train, None)()[:, 0]).max()
    calls = {
        "simulate()": lambda: ts.simulate(problem, algorithm, steps, seed=1),
        "NumPy, one core": script(plain.train, 1),
        "NumPy, all cores": script(plain.train, None),
    }
    if importlib.util.find_spec("torch"):
        calls["PyTorch autograd, all cores"] = script(plain.train_torch, None)
    times = interleaved(calls, repeats)
    ours = times["simulate()"]
    print(f"\nn={problem.n}, d={d}, m={problem.m}, {steps} steps; largest difference in training loss on the same "
          f"arrays {gap:.1e}")
    for name, taken in times.items():
        ratio = [one / mine for one, mine in zip(taken, ours, strict=True)]
        print(f"  {name:28} {spread([1e6 * one / steps for one in taken]):>28} µs a step   ratio {spread(ratio)}")


@jit
def products(step: np.ndarray, gram: np.ndarray, change: np.ndarray, repeats: int) -> None:
    """The kernel's matrix product and nothing else."""
    for _ in range(repeats):
        np.dot(step, gram, change)


def product_share(n: int, steps: int, repeats: int) -> None:
    """Time of the matrix product as a share of the kernel's."""
    problem = PROBLEM.replace(n=n)
    with blas.single_threaded():
        state = Simulation.start(problem, ts.GradientDescent(1.0), ts.Draw.from_problem(problem), "coefficients", steps)
        eps = np.ones((steps, n))
        rows = np.empty_like(state.rows)
        step, change = np.zeros_like(state.coef) + 0.5, np.empty_like(state.coef)

        def kernel() -> None:
            patch.evolve_coefficients(
                state.data, state.inner.copy(), state.coef.copy(), eps, 1.0, state.scratch, rows
            )

        times = interleaved(
            {"kernel": kernel, "product": lambda: products(step, state.data.gram, change, steps)}, repeats
        )
    share = [part / whole for part, whole in zip(times["product"], times["kernel"], strict=True)]
    rate = 2 * step.size * len(state.data.gram) * steps / median(times["product"]) / 1e9
    print(f"  n={n}: {spread(share)} of the kernel's time in the product, which runs at {rate:.3g} GFLOP/s on one core")


def dimension_free(steps: int, repeats: int) -> None:
    """The cost of a billion dimensions against ten thousand."""
    def call(d: int) -> Callable[[], object]:
        problem = PROBLEM.replace(d=d)
        return lambda: ts.simulate(problem, ts.GradientDescent(2000.0 / d, ts.Flip(P_FLIP)), steps, seed=1)

    times = interleaved({"small": call(10**4), "large": call(10**9)}, repeats)
    ratio = [large / small for small, large in zip(times["small"], times["large"], strict=True)]
    print(f"  d = 10⁹ costs {spread(ratio)} times d = 10⁴")


def main() -> None:
    """Print all comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="measured rounds (default %(default)s)")
    parser.add_argument("--steps", type=int, default=500, help="steps of a run (default %(default)s)")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, NumPy {np.__version__}")
    for d in (2000, 40_000):
        against_plain(d, options.steps, options.repeats)
    print("\nMatrix product, one core")
    for n in (200, 700):
        product_share(n, options.steps, options.repeats)
    print("\nDimension")
    dimension_free(options.steps, options.repeats)


if __name__ == "__main__":
    main()
