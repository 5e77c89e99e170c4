"""How fast is theorysim? Side by side in one process against plain alternatives, as ratios.

    python experiments/benchmarks/speed.py [--rounds 5] [--out docs/measured]

Every comparison takes its sides in turn, after one unmeasured round, and gives the median of the ratios with the
smallest and largest. PyTorch is compared with if it is installed. Sides that do the same job are first shown to
give the same numbers. Prints Markdown; with --out also writes it to benchmarks.md there.
"""

import argparse
import importlib.util
import os
import platform
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import theorysim as ts
from theorysim.core import blas
from theorysim.core.jit import jit
from theorysim.patch.kernels import network
from theorysim.patch.kernels.layout import PerStep, State
from theorysim.patch.observables import OBSERVABLES
from theorysim.patch.system import PATCH
from theorysim.reproduce import markdown

sys.path.insert(0, str(Path(__file__).parent))
import plain  # noqa: E402

PROBLEM = ts.SignalNoise(n=200, d=2000, m=20, signal_norm=2.0, noise_std=0.5, init_std=0.01)
ALGORITHMS = {"GD": ts.GradientDescent(1.0), "label-noise GD": ts.GradientDescent(1.0, ts.Flip(0.1))}
MEASURES = ["test_error", "train_loss", "gamma_max", "rho_bar_max"]  # those of the diagram of Figure 3
CORES = len(os.sched_getaffinity(0))
TORCH = importlib.util.find_spec("torch") is not None

Calls = dict[str, Callable[[], object]]


def seconds(call: Callable[[], object]) -> float:
    """Duration of one call."""
    start = perf_counter()
    call()
    return perf_counter() - start


def interleaved(calls: Calls, rounds: int) -> dict[str, list[float]]:
    """Durations of every call, taken in turn after one unmeasured round."""
    for call in calls.values():
        call()
    taken = [{name: seconds(call) for name, call in calls.items()} for _ in range(rounds)]
    return {name: [one[name] for one in taken] for name in calls}


def spread(values: Sequence[float]) -> str:
    """Median and range."""
    return f"{median(values):.3g} [{min(values):.3g}, {max(values):.3g}]"


def table(rows: list[dict[str, object]]) -> str:
    """A Markdown table."""
    import pandas as pd

    return markdown(pd.DataFrame(rows))


def arrays(d: int, steps: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Data, initial weights and label noise as a script draws them."""
    rng = np.random.default_rng(seed)
    noise = PROBLEM.noise_std * rng.standard_normal((PROBLEM.n, d))
    noise[:, 0] = 0.0
    signal = np.zeros(d)
    signal[0] = PROBLEM.signal_norm
    weights = PROBLEM.init_std * rng.standard_normal((2, PROBLEM.m, d))
    labels = np.where(rng.random(PROBLEM.n) < 0.5, -1.0, 1.0)
    return noise, signal, labels, weights, np.where(rng.random((steps, PROBLEM.n)) < 0.1, -1.0, 1.0)


def one_run(rounds: int, steps: int) -> str:
    """simulate() against the plain scripts."""
    rows: list[dict[str, object]] = []
    for d in (2000, 40_000):
        noise, signal, labels, weights, eps = arrays(d, steps)
        lr = 1.0 * PROBLEM.d / d

        def script(
            train: Callable[..., object], threads: int | None, noise: np.ndarray = noise, lr: float = lr,
            rest: tuple[np.ndarray, ...] = (signal, labels), weights: np.ndarray = weights, eps: np.ndarray = eps,
        ) -> Callable[[], object]:
            def call() -> object:
                with threadpool_limits(threads, user_api="blas"):
                    return train(noise, *rest, weights.copy(), eps, lr)

            return call

        problem, algorithm = PROBLEM.replace(d=d), ts.GradientDescent(lr, ts.Flip(0.1))
        draw = ts.Draw.from_arrays(noise=noise, weights=weights, labels=labels, signal=signal)
        same = ts.simulate(problem, algorithm, steps, draw=draw, label_noise=eps)
        gap = np.abs(same.column("train_loss")[:-1] - script(plain.train, None)()[:, 0]).max()
        calls: Calls = {
            "simulate()": lambda problem=problem, algorithm=algorithm: ts.simulate(problem, algorithm, steps, seed=1),
            "NumPy, one core": script(plain.train, 1),
            "NumPy, all cores": script(plain.train, None),
        }
        if TORCH:
            calls["PyTorch autograd, all cores"] = script(plain.train_torch, None)
        times = interleaved(calls, rounds)
        for name, taken in times.items():
            ratio = [one / mine for one, mine in zip(taken, times["simulate()"], strict=True)]
            rows.append({"d": d, "side": name, "µs a step": spread([1e6 * one / steps for one in taken]),
                         "times as long as simulate()": spread(ratio), "largest difference in loss": f"{gap:.0e}"})
    return table(rows)


def whole_diagram(rounds: int, steps: int) -> str:
    """sweep() against loops over cells and seeds around the plain scripts."""
    snr, seeds, d = (0.03, 0.06, 0.09), 2, 2000
    data = [arrays(d, steps, seed) for seed in range(seeds)]

    def loop(train: Callable[..., object]) -> Callable[[], object]:
        def call() -> None:
            for ratio in snr:
                for noisy in (False, True):
                    for noise, signal, labels, weights, eps in data:
                        scaled = signal * ratio * PROBLEM.noise_std * np.sqrt(d) / PROBLEM.signal_norm
                        train(noise, scaled, labels, weights.copy(), eps if noisy else np.ones_like(eps), 1.0)

        return call

    calls: Calls = {
        "sweep()": lambda: ts.sweep(PROBLEM, grid={"snr": snr}, algorithms=ALGORITHMS, seeds=seeds, steps=steps,
                                    measure=MEASURES),
        "NumPy, all cores": loop(plain.train),
    }
    if TORCH:
        calls["PyTorch autograd, all cores"] = loop(plain.train_torch)
    times = interleaved(calls, rounds)
    return table([
        {"side": name, "s": spread(taken),
         "times as long as sweep()": spread([one / mine for one, mine in zip(taken, times["sweep()"], strict=True)])}
        for name, taken in times.items()
    ])


@jit
def products(step: np.ndarray, gram: np.ndarray, change: np.ndarray, repeats: int) -> None:
    """The kernel's matrix product and nothing else."""
    for _ in range(repeats):
        np.dot(step, gram, change)


def dgemm(n: int, steps: int, cores: int, real: type = np.float64) -> Callable[[], object]:
    """So many products on every core at once, each with arrays of its own."""
    atoms = n + 1
    rng = np.random.default_rng(0)
    sets = [(rng.standard_normal((2 * PROBLEM.m, atoms)).astype(real), rng.standard_normal((atoms, atoms)).astype(real),
             np.empty((2 * PROBLEM.m, atoms), real)) for _ in range(cores)]

    def call() -> None:
        with blas.single_threaded():
            threads = [threading.Thread(target=products, args=(*one, steps)) for one in sets]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    return call


def both_cores_on_one(n: int, steps: int) -> Callable[[], object]:
    """The products one after the other, BLAS on all cores."""
    rng = np.random.default_rng(0)
    step, gram = rng.standard_normal((2 * PROBLEM.m, n + 1)), rng.standard_normal((n + 1, n + 1))
    change = np.empty_like(step)
    return lambda: products(step, gram, change, steps)


def of_dgemm(rounds: int) -> str:
    """Rate of the products within kernel and sweep against that of the products alone."""
    rows: list[dict[str, object]] = []
    for n, steps, snr, seeds in ((200, 1000, (0.03, 0.05, 0.07, 0.09), 3), (700, 1000, (0.03, 0.09), 2)):
        problem = PROBLEM.replace(n=n)
        runs = len(snr) * seeds * len(ALGORITHMS)
        for cores in sorted({1, CORES}):
            calls: Calls = {
                "sweep": lambda n=n, snr=snr, seeds=seeds, steps=steps, cores=cores, problem=problem: ts.sweep(
                    problem, grid={"snr": snr}, algorithms=ALGORITHMS, seeds=seeds, steps=steps, measure=MEASURES,
                    workers=cores),
                "dgemm": dgemm(n, runs * steps // cores, cores),
                "dgemm by all cores": both_cores_on_one(n, runs * steps) if cores > 1 else dgemm(n, runs * steps, 1),
            }
            times = interleaved(calls, rounds)
            work = 2 * 2 * PROBLEM.m * (n + 1) ** 2 * steps * runs / 1e9
            best = [min(pair) for pair in zip(times["dgemm"], times["dgemm by all cores"], strict=True)]
            rows.append({
                "n": n, "cores": cores, "sweep GFLOP/s": spread([work / one for one in times["sweep"]]),
                "dgemm, a product a core": spread([work / one for one in times["dgemm"]]),
                "dgemm, all cores on a product": spread([work / one for one in times["dgemm by all cores"]]),
                "sweep / best dgemm": spread([one / mine for one, mine in zip(best, times["sweep"], strict=True)]),
            })
    return table(rows)


def product_share(rounds: int, steps: int) -> str:
    """Time of the matrix product as a share of the kernel's, one core."""
    rows: list[dict[str, object]] = []
    for n in (100, 200, 400, 700):
        problem = PROBLEM.replace(n=n)
        with blas.single_threaded():
            made: Any = PATCH.start(problem, ts.GradientDescent(1.0), steps, 0)
            nothing, observed = np.empty((0, 0)), np.empty((steps + 1, len(OBSERVABLES)))
            rows_given = PerStep(np.ones(steps), np.ones((steps, n)), nothing, nothing, np.empty((0, 0, 0)))
            step, change = np.zeros_like(made.now.coef) + 0.5, np.empty_like(made.now.coef)
            times = interleaved({
                "kernel": lambda made=made, given=rows_given, observed=observed: network.evolve_coefficients(
                    made.data, State(*(array.copy() for array in made.now)), given, made.scratch, observed),
                "product": lambda made=made, step=step, change=change: products(
                    step, made.data.gram, change, steps),
            }, rounds)
        share = [part / whole for part, whole in zip(times["product"], times["kernel"], strict=True)]
        rows.append({"n": n, "µs a step": spread([1e6 * one / steps for one in times["kernel"]]),
                     "share of the product": spread(share)})
    return table(rows)


def growth(rounds: int, steps: int) -> str:
    """Time of a run at twice (or ten thousand times) a parameter, against the centre."""
    def call(**changes: float) -> Callable[[], object]:
        problem = PROBLEM.replace(**changes)
        return lambda: ts.simulate(problem, ts.GradientDescent(2000.0 / problem.d, ts.Flip(0.1)), steps, record_at=())

    calls = {"n = 200, m = 20, d = 2000": call(), "n = 400": call(n=400), "n = 800": call(n=800), "m = 40": call(m=40),
             "m = 80": call(m=80), "d = 10⁶": call(d=1e6), "d = 10¹²": call(d=1e12)}
    times = interleaved(calls, rounds)
    centre = times["n = 200, m = 20, d = 2000"]
    return table([{"run": name, "times as long": spread([one / base for one, base in zip(taken, centre, strict=True)])}
                  for name, taken in times.items()])


def workers(rounds: int, steps: int) -> str:
    """One worker against all, threads and processes, for large runs and for small ones."""
    large, small = PROBLEM, PROBLEM.replace(n=20, m=10)
    rows: list[dict[str, object]] = []
    for name, problem, seeds, length in (("n = 200", large, 8, steps), ("n = 20, 100 steps", small, 500, 100)):
        def call(
            problem: ts.SignalNoise = problem, seeds: int = seeds, length: int = length, **where: object
        ) -> object:
            return ts.sweep(problem, grid={"snr": (0.03, 0.09)}, algorithms=ALGORITHMS, seeds=seeds, steps=length,
                            measure=MEASURES, n_test=1000, **where)

        times = interleaved({
            "one worker": lambda call=call: call(workers=1),
            f"{CORES} threads": lambda call=call: call(workers=CORES, executor="threads"),
            f"{CORES} processes": lambda call=call: call(workers=CORES, executor="processes"),
        }, rounds)
        for side, taken in times.items():
            ratio = [base / one for base, one in zip(times["one worker"], taken, strict=True)]
            rows.append({"runs": name, "side": side, "ms a run": spread([1e3 * one / (4 * seeds) for one in taken]),
                         "times as fast as one worker": spread(ratio)})
    return table(rows)


def single_precision(rounds: int) -> str:
    """Speed of single precision, and what it does to a diagram."""
    grid = {"n": (100, 300), "snr": (0.03, 0.05, 0.07, 0.09)}
    frames = {name: ts.sweep(PROBLEM, grid=grid, algorithms=ALGORITHMS, seeds=3, steps=1000, measure=MEASURES,
                             precision=name) for name in ("double", "single")}
    means = {name: ts.summarise(frame)["test_error"] for name, frame in frames.items()}
    times = interleaved({name: lambda name=name: ts.sweep(
        PROBLEM, grid={"snr": (0.03, 0.09)}, algorithms=ALGORITHMS, seeds=3, steps=1000, measure=MEASURES,
        precision=name) for name in ("double", "single")}, rounds)
    ratio = [a / b for a, b in zip(times["double"], times["single"], strict=True)]
    return (f"At n = 200 single precision is {spread(ratio)} times as fast. Over {means['double'].size} "
            f"means of test error (n = 100 and 300, 4 SNRs, 3 seeds, 1000 steps, both algorithms) the largest "
            f"difference is {np.abs(means['double'] - means['single']).max():.2g}.")


def main() -> None:
    """Print all comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds (default %(default)s)")
    parser.add_argument("--steps", type=int, default=500, help="steps of single runs (default %(default)s)")
    parser.add_argument("--out", type=Path, help="folder to write benchmarks.md to")
    parser.add_argument("--only", type=int, nargs="+", metavar="K", help="only these parts, counted from 1")
    options = parser.parse_args()
    rounds, steps = options.rounds, options.steps
    pages = [f"Measured on {CORES} cores ({platform.machine()}), Python {platform.python_version()}, NumPy "
             f"{np.__version__}, in double precision; medians of {rounds} rounds with the smallest and largest."]
    print(pages[0], flush=True)
    parts: Sequence[tuple[str, Callable[[], str]]] = (
        (f"One run: n = 200, m = 20, {steps} steps, all observables", lambda: one_run(rounds, steps)),
        ("A diagram: 3 cells, 2 algorithms, 2 seeds, n = 200, d = 2000, 200 steps", lambda: whole_diagram(rounds, 200)),
        ("A sweep against the machine's own matrix product, m = 20, 1000 steps", lambda: of_dgemm(rounds)),
        ("Share of the product in the kernel, one core", lambda: product_share(rounds, steps)),
        ("How a run grows", lambda: growth(rounds, 200)),
        ("Workers", lambda: workers(rounds, steps)),
        ("Single precision", lambda: single_precision(rounds)),
    )
    for number, (title, part) in enumerate(parts, start=1):
        if options.only and number not in options.only:
            continue
        pages.append(f"## {title}\n\n{part()}")
        print(f"\n{pages[-1]}", flush=True)
    if options.out:
        options.out.joinpath("benchmarks.md").write_text("\n\n".join(pages) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
