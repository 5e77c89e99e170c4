"""What a step costs under each training rule, against plain gradient descent, side by side in one process.

    python experiments/benchmarks/training_rules.py [--rounds 5] [--out docs/measured]

Every round takes all rules in turn, after one unmeasured round. Prints Markdown: medians of the ratios with the
smallest and largest; with --out also writes it to training-rules.md there.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import theorysim as ts
from theorysim.reproduce import markdown

PROBLEM = ts.SignalNoise(n=200, d=2000, m=20, signal_norm=2.0, noise_std=0.5, init_std=0.01)
RULES: dict[str, dict[str, Any]] = {
    "plain": {},
    "momentum": {"momentum": 0.9},
    "Nesterov and weight decay": {"momentum": 0.9, "nesterov": True, "weight_decay": 1e-3},
    "weight decay": {"weight_decay": 1e-3},
    "label smoothing": {"label_smoothing": 0.1},
    "batches of 10": {"batch_size": 10},
    "batches of n/2": {"batch_size": 0},  # set below
    "clipping": {"clip_norm": 0.1},
    "SAM": {"sam_radius": 0.1},
    "dropout": {"dropout": 0.2},
    "second layer trained": {"train_readout": True},
    "noise on the weights": {"weight_noise": 1e-4},
}
NETWORKS: dict[str, dict[str, Any]] = {
    "ReLU": {"q": 1}, "leaky ReLU": {"activation": ts.LeakyReLU(0.1)}, "cubic": {"activation": ts.Monomial(3)},
    "softplus": {"activation": ts.Softplus()}, "hinge": {"loss": "hinge"},
}


def measured(n: int, rounds: int, work: float) -> dict[str, list[float]]:
    """Seconds a step of every rule and network, round by round."""
    steps = max(20, int(work / n**2))
    found: dict[str, list[float]] = {}
    for turn in range(rounds + 1):
        for name, options in RULES.items():
            rule = options | ({"batch_size": n // 2} if name == "batches of n/2" else {})
            found.setdefault(name, []).append(_seconds(PROBLEM.replace(n=n), ts.GradientDescent(0.1, **rule), steps))
        for name, network in NETWORKS.items():
            found.setdefault(name, []).append(
                _seconds(PROBLEM.replace(n=n, **network), ts.GradientDescent(0.1), steps))
        if turn == 0:
            found = {}
    return found


def _seconds(problem: ts.SignalNoise, algorithm: ts.GradientDescent, steps: int) -> float:
    run = ts.simulate(problem, algorithm, steps, 0, record_at=())
    begin = perf_counter()
    ts.resume(run, steps)
    return (perf_counter() - begin) / steps


def spread(ratios: Sequence[float]) -> str:
    """Median, smallest and largest."""
    return f"{median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"


def page(rounds: int, work: float) -> str:
    """The table as Markdown."""
    import pandas as pd

    rows: dict[str, dict[str, str]] = {}
    for n in (50, 200, 400):
        found = measured(n, rounds, work)
        for name, taken in found.items():
            ratios = [one / plain for one, plain in zip(taken, found["plain"], strict=True)]
            rows.setdefault(name, {})[f"n = {n}"] = (
                f"{1e6 * median(taken):.0f} µs a step" if name == "plain" else spread(ratios))
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("rule").reset_index()
    return (f"Time of a step against that of plain gradient descent (m = 20, d = 2000, one core, all observables): "
            f"medians of {rounds} rounds, smallest and largest.\n\n{markdown(frame)}\n")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds (default %(default)s)")
    parser.add_argument("--work", type=float, default=1.2e7, help="steps times n² of a run (default %(default)g)")
    parser.add_argument("--out", type=Path, help="folder to write training-rules.md to")
    given = parser.parse_args()
    text = page(given.rounds, given.work)
    print(text)
    if given.out:
        (given.out / "training-rules.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
