"""A fixed set of runs over all systems, and what identifies their numbers.

``python tests/fixed_runs.py`` writes ``fixed_runs.json`` anew; do so only when numbers are meant to change, and say why
in the changelog. For every run it keeps a digest of all arrays, bit for bit, and a few of the numbers themselves.
Observables that a system gains later have digests of their own ("added", by name), so that the one of the former
numbers stays as it was and shows that they have not changed.
"""

import hashlib
import json
import platform
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np
import scipy

import theorysim as ts

PATH = Path(__file__).with_suffix(".json")
ARRAYS = (
    "steps_recorded", "coefficients", "inner", "weights", "validation", "states", "combination", "leaving", "norms",
    "series", "outputs", "clean_outputs", "test_outputs", "gradients", "gamma", "rho", "memory", "signal",
    "query", "carried", "head", "keys",
)

SIGNAL = ts.SignalNoise(n=20, d=400, m=4, signal_norm=2.0, noise_std=0.5, init_std=0.01)
HAN = ts.SignalNoise(n=24, d=600, m=5, signal_norm=5.0, noise_std=0.5, init_std=0.001, q=1, label_flip=0.2,
                     orthogonal_noise=False)
FIELD = ts.MeanField.of(SIGNAL)
LINEAR = ts.LinearNetwork(n=30, d=6, width=50, label_noise_std=2.0)
KERNEL = ts.KernelReweighting(ts.SignalNoiseImages(d=30), n=40, clean=10, test=50)
TOKENS = ts.TokenSelection(n=10, d=60, tokens=5, signal_norm=5.0)
GD, NOISY = ts.GradientDescent(0.5), ts.GradientDescent(0.5, ts.Flip(0.1))


def _patches() -> ts.PatchData:
    rng = np.random.default_rng(5)
    patches, labels = rng.standard_normal((6, 3, 12)), np.where(rng.random(6) < 0.5, -1.0, 1.0)
    patches[:, 0] = labels[:, None] * patches[0, 0]
    return ts.PatchData.from_vectors(patches, labels, m=3, init_std=0.1, q=2)


def _given() -> Any:
    rng = np.random.default_rng(6)
    draw = ts.Draw.from_arrays(
        noise=rng.standard_normal((5, 9)), weights=0.1 * rng.standard_normal((2, 3, 9)),
        labels=[1, -1, 1, 1, -1], signal=rng.standard_normal(9))
    norm = float(np.linalg.norm(draw.vectors[0]))
    problem = ts.SignalNoise(n=5, d=9, m=3, signal_norm=norm, noise_std=1.0, init_std=0.1, orthogonal_noise=False)
    return ts.simulate(problem, ts.GradientDescent(0.3), 60, draw=draw)


def _resumed(problem: Any, algorithm: Any, first: int, then: int, **options: Any) -> Any:
    return ts.resume(ts.simulate(problem, algorithm, first, 3, **options), then)


RUNS: dict[str, Callable[[], Any]] = {
    "patch, plain": lambda: ts.simulate(SIGNAL, GD, 300, 1),
    "patch, flips": lambda: ts.simulate(SIGNAL, NOISY, 700, 2),
    "patch, Gaussian noise": lambda: ts.simulate(SIGNAL, ts.GradientDescent(0.3, ts.Gaussian(1, 0.5)), 300, 3),
    "patch, uniform noise": lambda: ts.simulate(SIGNAL, ts.GradientDescent(0.3, ts.Uniform(-1, 2)), 300, 3),
    "patch, Wishart": lambda: ts.simulate(SIGNAL.replace(d=10**8, noise_std=1e-3), NOISY, 300, 4),
    "patch, vectors": lambda: ts.simulate(SIGNAL, NOISY, 200, 4, draw="vectors"),
    "patch, weights": lambda: ts.simulate(SIGNAL, NOISY, 200, 5, engine="weights"),
    "patch, paired": lambda: ts.simulate(SIGNAL.replace(q=3, init_std=0.1), GD, 200, 5, engine="paired"),
    "patch, q = 1.5": lambda: ts.simulate(SIGNAL.replace(q=1.5), GD, 100, 6),
    "patch, single": lambda: ts.simulate(SIGNAL, NOISY, 300, 7, precision="single"),
    "patch, outputs only": lambda: ts.simulate(SIGNAL, GD, 150, 7, observe="outputs"),
    "patch, bias": lambda: ts.simulate(SIGNAL.replace(bias=0.5, init_law="uniform", d=60), NOISY, 200, 8),
    "patch, until": lambda: ts.simulate(SIGNAL, GD, 3000, 9, until=lambda seen: seen["train_loss"] < 0.1),
    "patch, diverged": lambda: ts.simulate(SIGNAL.replace(q=3), ts.GradientDescent(80.0), 400, 9, on_failure="return"),
    "patch, resumed": lambda: _resumed(SIGNAL, NOISY, 333, 222),
    "patch, records": lambda: ts.simulate(SIGNAL, NOISY, 100, 1, record_at=[3, 17, 55]),
    "patch, fixed flips": lambda: ts.simulate(HAN, ts.GradientDescent(0.05), 400, 1),
    "patch, early stopping": lambda: ts.simulate(
        HAN, ts.GradientDescent(0.05), 400, 2, policy=ts.EarlyStopping(ts.FirstStage(0.1))),
    "patch, selection": lambda: ts.simulate(
        HAN, ts.GradientDescent(0.05), 400, 3, policy=ts.SmallLossSelection(ts.FirstStage(0.1), action="relabel")),
    "patch, validation": lambda: ts.simulate(
        HAN, ts.GradientDescent(0.05), 400, 4, policy=ts.EarlyStopping(ts.BestValidation(samples=200))),
    "patch, data": lambda: ts.simulate(_patches(), ts.GradientDescent(0.2, ts.Flip(0.2)), 200, 1),
    "patch, given": _given,
    "mean_field, plain": lambda: ts.simulate(FIELD, GD, 300, 1),
    "mean_field, flips": lambda: ts.simulate(FIELD.replace(d=10**14, noise_std=1e-6), NOISY, 700, 2),
    "mean_field, Gaussian noise": lambda: ts.simulate(FIELD, ts.GradientDescent(0.3, ts.Gaussian(1, 0.5)), 300, 3),
    "mean_field, q = 3": lambda: ts.simulate(FIELD.replace(q=3, init_std=0.1), NOISY, 300, 4),
    "mean_field, fixed flips": lambda: ts.simulate(ts.MeanField.of(HAN), ts.GradientDescent(0.05), 400, 1),
    "mean_field, given draw": lambda: ts.simulate(FIELD, NOISY, 300, 5, draw=ts.Draw.from_problem(SIGNAL, 5)),
    "mean_field, resumed": lambda: _resumed(FIELD, NOISY, 333, 222),
    "linear, plain": lambda: ts.simulate(LINEAR, ts.LinearSGD(2e-3), 3000, 1),
    "linear, wide": lambda: ts.simulate(LINEAR.replace(width=10**7), ts.LinearSGD(1e-8, batch=4), 2000, 2),
    "linear, explicit": lambda: ts.simulate(LINEAR, ts.LinearSGD(2e-3, batch="full"), 500, 3, engine="explicit"),
    "linear, SAM, periodic": lambda: ts.simulate(
        LINEAR, ts.LinearSGD(1e-3, sam_radius=0.1, period=100), 1000, 4),
    "linear, resumed": lambda: _resumed(LINEAR, ts.LinearSGD(2e-3), 700, 900),
    "linear, until": lambda: ts.simulate(
        LINEAR, ts.LinearSGD(2e-3), 3000, 1, until=lambda seen: (seen["step"] > 1000) & (seen["test_loss"] < 1.3)),
    "oscillation, expectation": lambda: ts.simulate(LINEAR, ts.OscillatingLayer(1e-2), 2000, 1),
    "oscillation, chains": lambda: ts.simulate(LINEAR, ts.OscillatingLayer(1e-2, 3), 2000, 1),
    "reweighting, linear": lambda: ts.simulate(KERNEL, ts.Reweighting(), 400, 1),
    "reweighting, ntk": lambda: ts.simulate(
        KERNEL.replace(kernel="ntk", clean_label_flip=0.2), ts.Reweighting(clean_batch=3, freeze_at="t2"), 400, 2),
    "reweighting, rbf": lambda: ts.simulate(
        KERNEL.replace(kernel="rbf", proxy_kernel="linear"), ts.Reweighting(look_ahead="none"), 300, 3),
    "reweighting, network": lambda: ts.simulate(
        KERNEL.replace(kernel="ntk"), ts.Reweighting(), 60, 4, engine="network", width=64),
    "reweighting, resumed": lambda: _resumed(KERNEL, ts.Reweighting(clean_batch=4), 300, 250),
    "attention, query": lambda: ts.simulate(TOKENS, ts.AttentionGD(0.05), 400, 1),
    "attention, all": lambda: ts.simulate(TOKENS, ts.AttentionGD(0.05, True, True), 400, 2),
    "attention, Wishart": lambda: ts.simulate(
        TOKENS.replace(d=10**7, noise_std=1e-3, key_law="gaussian"), ts.AttentionGD(0.05, train_keys=True), 400, 3),
    "attention, resumed": lambda: _resumed(TOKENS.replace(key_law="identity"), ts.AttentionGD(0.01, True), 150, 130),
}


def arrays(run: Any, former: list[str]) -> Iterator[tuple[str, Any]]:
    """Everything of a run that is a number, by name; of its observables those that were there from the first."""
    frame = run.observables[former]
    yield "observables", frame.to_numpy(dtype=float)
    yield "observed at", frame.index.to_numpy(dtype=float)
    for name in ARRAYS:
        value = getattr(run, name, None)
        if isinstance(value, np.ndarray):
            yield name, value
    for name in ("selection", "network", "deviation"):
        value = getattr(run, name, None)
        if name == "selection" and value is not None:
            value = np.concatenate([[value.step], value.weight, value.turned])
        for number, part in enumerate(value if isinstance(value, tuple) else (value,)):
            if part is not None:
                yield f"{name} {number}", np.asarray(part)


def _tables() -> dict[str, Callable[[], Any]]:
    """Tables that the verbs make of runs."""
    settings = {
        "huang2025": (SIGNAL, NOISY, 600), "han2025": (HAN, ts.GradientDescent(0.05), 400),
        "zhang2026": (LINEAR, ts.LinearSGD(2e-3), 3000), "zhang2025": (KERNEL, ts.Reweighting(), 400),
    }

    def checked(paper: str) -> Any:
        problem, algorithm, steps = settings[paper]
        table = ts.check([ts.simulate(problem, algorithm, steps, seed) for seed in range(2)], paper).table
        return table[["statement", "verdict", "measured", "predicted", "first_violation", "margin", "holds"]]

    def swept(problem: Any, **given: Any) -> Any:
        return ts.sweep(problem, **given, seeds=2, random_numbers="common", workers=1)

    grid = {"GD": ts.GradientDescent(0.5), "noise": NOISY}
    return {f"check {paper}": lambda paper=paper: checked(paper) for paper in settings} | {
        "sweep patch": lambda: swept(SIGNAL, grid={"n": [5, 9], "snr": [0.1, 0.3]}, algorithms=grid, steps=100,
                                     measure=["test_error", "train_loss", "T1"]),
        "sweep mean_field": lambda: swept(FIELD, grid={"n": [5, 9], "snr": [0.1, 0.3]}, algorithms=grid, steps=100,
                                          measure=["test_error", "log10_error_law", "train_loss", "T1"]),
        "sweep linear": lambda: swept(LINEAR, grid={"width": [10, 20]}, algorithms={"a": ts.LinearSGD(2e-3)},
                                      steps=200, measure=["test_loss", "T1_all"]),
        "sweep attention": lambda: swept(TOKENS, grid={"signal_norm": [2.0, 6.0]}, steps=100,
                                         algorithms={"a": ts.AttentionGD(0.05)},
                                         measure=["test_error", "test_loss", "selected"]),
        "sweep reweighting": lambda: swept(KERNEL, grid={"n": [20, 30]}, algorithms={"a": ts.Reweighting()},
                                           steps=100, measure=["test_accuracy", "t1"]),
        "scaling patch": lambda: ts.scaling(SIGNAL, GD, "T1", vary={"n": [8, 16], "lr": [0.3, 0.6]}, seeds=3,
                                            hold=("n_snr2",), steps=4000).exponents,
        "scaling linear": lambda: ts.scaling(LINEAR, ts.LinearSGD(2e-3), "zhang2026.T2", seeds=3, steps=200_000,
                                             vary={"lr": [2e-3, 4e-3], "label_noise_std": [2.0, 4.0]}).exponents,
        "test error": lambda: [RUNS["patch, flips"]().test_error(method=one).log10_value
                               for one in ("monte-carlo", "rare-event")],
    }


def machine() -> str:
    """What the last bits of a result depend on besides this package."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    model = next((line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")), "")
    flags = next((line.partition(":")[2] for line in text.splitlines() if line.startswith("flags")), "")
    versions = f"numpy {np.__version__}, scipy {scipy.__version__}, numba {numba.__version__}"
    return f"{platform.machine()} {model} {hashlib.sha256(flags.encode()).hexdigest()[:8]}, {versions}"


def identity(name: str, added: Collection[str] = ()) -> dict[str, Any]:
    """Digests and some numbers of a run; observables ``added`` since its first record have digests of their own."""
    made = RUNS[name]()
    former = [column for column in made.observables if column not in added]
    found = {key: np.ascontiguousarray(np.asarray(value, dtype=np.float64)) for key, value in arrays(made, former)}
    text = hashlib.sha256()
    for key, value in sorted(found.items()):
        text.update(key.encode() + str(value.shape).encode() + value.tobytes())
    more = made.observables[[column for column in made.observables if column in added]]
    digests = {column: hashlib.sha256(more[column].to_numpy(dtype=float).tobytes()).hexdigest() for column in more}
    last = [float(value) for value in (*found["observables"][-1], *more.to_numpy(dtype=float)[-1])]
    return {"digest": text.hexdigest(), "status": str(made.status), "steps": int(made.steps), "last": last} | (
        {"added": digests} if digests else {})


def table(name: str) -> dict[str, Any]:
    """The cells of a table, numbers as they are."""
    found = _tables()[name]()
    if isinstance(found, list):
        return {"cells": [[float(one) for one in found]]}
    columns = [column for column in found.columns if column not in ("reason",)]
    rows = found[columns].to_numpy(dtype=object).tolist()
    return {"columns": [str(one) for one in columns],
            "cells": [[float(one) if isinstance(one, int | float | np.number) else str(one) for one in row]
                      for row in rows]}


TABLES = tuple(_tables())


# Observables that runs have gained since their first record, by the first word of their names.
ADDED = {
    "linear": ("parameter_error", "share_outside", "largest_norm", "largest_second", "inner_product_mean",
               "cosine_min_large"),
}


def added(name: str) -> tuple[str, ...]:
    """Those of one run."""
    return ADDED.get(name.split(",")[0], ())


def main() -> None:
    """Write the identities of all runs and tables."""
    content = {"machine": machine(), "runs": {name: identity(name, added(name)) for name in RUNS},
               "tables": {name: table(name) for name in TABLES}}
    PATH.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
