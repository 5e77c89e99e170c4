"""One table of wrong calls: each must say which argument is wrong, what it was and what is allowed."""

import gc
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

import theorysim as ts
from theorysim.patch import risk
from theorysim.theory import boundaries
from theorysim.papers import han2025
from theorysim.papers.huang2025 import HuangEvidence

FIELDS: dict[str, Any] = {"n": 4, "d": 12, "m": 2, "signal_norm": 2.0, "noise_std": 0.5, "init_std": 0.1}
ALGORITHM = ts.GradientDescent(0.5)
LABELS = (1, -1, 1, -1)
NETWORK: dict[str, Any] = {"m": 2, "init_std": 0.1}


class Case(NamedTuple):
    """A wrong call and what its error must be and contain."""

    id: str
    call: Callable[[Path], object]  # given an empty folder
    error: type[Exception]
    name: str  # of the argument, as a word
    value: str  # as the message shows it; empty where it is too long to show
    allowed: str


def problem(**changes: Any) -> ts.SignalNoise:
    """A good problem, but for the changes."""
    return ts.SignalNoise(**FIELDS | changes)


def patches(*shape: int) -> NDArray[np.float64]:
    """Patches of the given shape, (4, 2, 5) by default."""
    return np.random.default_rng(0).standard_normal(shape or (4, 2, 5))


def vectors(given: Any = None, labels: Any = LABELS, **changes: Any) -> ts.PatchData:
    """Patch data from vectors, good but for what is given."""
    return ts.PatchData.from_vectors(patches() if given is None else given, labels, **NETWORK | changes)


def gram(given: Any = ((1, 0), (0, 1)), atom: Any = ((0,), (1,)), sign: Any = ((1,), (1,)), labels: Any = (1, -1),
         **changes: Any) -> ts.PatchData:
    """Patch data from a Gram matrix, good but for what is given."""
    return ts.PatchData.from_gram(given, atom, sign, labels, **NETWORK | changes)


def arrays(**changes: Any) -> ts.Draw:
    """A draw that fits n = 4, d = 5, m = 2 and a signal of norm 2, but for the changes."""
    noise = patches(4, 5)
    noise[:, 0] = 0.0
    fit: dict[str, Any] = {"noise": noise, "weights": np.ones((2, 2, 5)), "labels": LABELS, "signal": [2, 0, 0, 0, 0]}
    return ts.Draw.from_arrays(**fit | changes)


def simulate(**changes: Any) -> ts.Run:
    """A good call of simulate, but for the changes."""
    return ts.simulate(**{"problem": problem(), "algorithm": ALGORITHM, "steps": 10} | changes)


def simulate_on(draw: ts.Draw, **changes: Any) -> ts.Run:
    """Simulate a given draw on a problem that fits `arrays()`, but for the changes."""
    return simulate(problem=problem(d=5).replace(**changes), draw=draw)


def simulate_patches(data: ts.PatchData, **changes: Any) -> ts.Run:
    """Simulate patch data."""
    return simulate(problem=data, **changes)


@cache
def finished(form: str = "vectors") -> ts.Run:
    """A run with records at 0, 5 and 10, made once."""
    return simulate(draw=form, record_every=5)


@cache
def with_bias() -> ts.Run:
    """A run with a bias, made once."""
    return simulate(problem=problem(bias=0.5))


@cache
def uniform() -> ts.Run:
    """A run from uniform weights, made once."""
    return simulate(problem=problem(init_law="uniform"))


@cache
def of_patches() -> ts.Run:
    """A run on patches known as vectors, made once."""
    return simulate_patches(vectors())


@cache
def of_gram() -> ts.Run:
    """A run on patches of which only the Gram matrix is known, made once."""
    return simulate_patches(gram())


def overflowing(**changes: Any) -> ts.Run:
    """A call of simulate in which numbers overflow."""
    with np.errstate(all="ignore"):  # kernels run as plain Python warn where compiled ones cannot
        return simulate(**changes)


def diverged() -> ts.Run:
    """A run that diverged."""
    return overflowing(algorithm=ts.GradientDescent(1e300), on_failure="return")


def load_bytes(folder: Path, content: bytes) -> ts.Run:
    """Load a file of the given content."""
    (folder / "file").write_bytes(content)
    return ts.load_run(folder / "file")


def load_npz(folder: Path, **content: Any) -> ts.Run:
    """Load a NumPy archive of the given content."""
    np.savez(folder / "file.npz", **content)
    return ts.load_run(folder / "file.npz")


def load_npy(folder: Path) -> ts.Run:
    """Load a NumPy file that holds one array."""
    np.save(folder / "file.npy", np.ones(3))
    return ts.load_run(folder / "file.npy")


def load_saved(folder: Path, change: Callable[[bytes], bytes]) -> ts.Run:
    """Load a saved run whose bytes were changed."""
    finished().save(folder / "saved.npz")
    return load_bytes(folder, change((folder / "saved.npz").read_bytes()))


def flip_bytes(content: bytes) -> bytes:
    """Damage the middle of a file, over more than the head of an array in it, of which not every byte counts."""
    middle = len(content) // 2
    return content[:middle] + bytes(byte ^ 255 for byte in content[middle:middle + 200]) + content[middle + 200:]


def header(**content: Any) -> NDArray[np.str_]:
    """A header as saved runs have one, of the given content."""
    return np.array(json.dumps(content))


V, T = ValueError, TypeError
NAN, INF = float("nan"), float("inf")

PROBLEMS = [
    Case("n zero", lambda _: problem(n=0), V, "n", "=0", ">= 1"),
    Case("n negative", lambda _: problem(n=-3), V, "n", "=-3", ">= 1"),
    Case("n fractional", lambda _: problem(n=2.5), V, "n", "=2.5", "integer"),
    Case("n string", lambda _: problem(n="4"), T, "n", "='4'", "integer"),
    Case("n bool", lambda _: problem(n=True), T, "n", "=True", "integer"),
    Case("n None", lambda _: problem(n=None), T, "n", "=None", "integer"),
    Case("n nan", lambda _: problem(n=NAN), V, "n", "=nan", "integer"),
    Case("n infinite", lambda _: problem(n=INF), V, "n", "=inf", "integer"),
    Case("n array", lambda _: problem(n=np.array([4])), T, "n", "[4]", "integer"),
    Case("d one", lambda _: problem(d=1), V, "d", "=1", "2"),
    Case("m zero", lambda _: problem(m=0), V, "m", "=0", ">= 1"),
    Case("m complex", lambda _: problem(m=2j), T, "m", "=2j", "integer"),
    Case("signal_norm negative", lambda _: problem(signal_norm=-1.0), V, "signal_norm", "=-1.0", "[0, "),
    Case("signal_norm nan", lambda _: problem(signal_norm=NAN), V, "signal_norm", "=nan", "finite"),
    Case("signal_norm infinite", lambda _: problem(signal_norm=INF), V, "signal_norm", "=inf", "finite"),
    Case("signal_norm beyond floats", lambda _: problem(signal_norm=10**400), V, "signal_norm", "=1000", "finite"),
    Case("noise_std zero", lambda _: problem(noise_std=0), V, "noise_std", "=0", "(0, "),
    Case("noise_std string", lambda _: problem(noise_std="0.5"), T, "noise_std", "='0.5'", "number"),
    Case("init_std negative", lambda _: problem(init_std=-0.1), V, "init_std", "=-0.1", "[0, "),
    Case("init_std bool", lambda _: problem(init_std=True), T, "init_std", "=True", "number"),
    Case("q below one", lambda _: problem(q=0.5), V, "q", "=0.5", "[1, 100]"),
    Case("q large", lambda _: problem(q=101), V, "q", "=101", "[1, 100]"),
    Case("q list", lambda _: problem(q=[2]), T, "q", "=[2]", "number"),
    Case("label_flip large", lambda _: problem(label_flip=1.5), V, "label_flip", "=1.5", "[0, 1]"),
    Case("label_flip negative", lambda _: problem(label_flip=-0.1), V, "label_flip", "=-0.1", "[0, 1]"),
    Case("label_flip single", lambda _: problem(label_flip=(0.1,)), V, "label_flip", "=(0.1,)", "pair"),
    Case("label_flip triple", lambda _: problem(label_flip=(0.1, 0.2, 0.3)), V, "label_flip", "0.3)", "pair"),
    Case("label_flip pair large", lambda _: problem(label_flip=(0.1, 2)), V, "label_flip", "=2", "[0, 1]"),
    Case("label_flip pair string", lambda _: problem(label_flip=("a", 0)), T, "label_flip", "='a'", "number"),
    Case("label_flip bool", lambda _: problem(label_flip=True), T, "label_flip", "=True", "number"),
    Case("label_flip string", lambda _: problem(label_flip="0.1"), T, "label_flip", "='0.1'", "number"),
    Case("orthogonal_noise number", lambda _: problem(orthogonal_noise=1), T, "orthogonal_noise", "=1", "True or"),
    Case("replace unknown", lambda _: problem().replace(depth=3), T, "depth", "=3", "signal_norm"),
    Case("replace n", lambda _: problem().replace(n=0), V, "n", "=0", ">= 1"),
    Case("replace snr negative", lambda _: problem().replace(snr=-1), V, "snr", "=-1", "[0, inf]"),
    Case("replace snr nan", lambda _: problem().replace(snr=NAN), V, "snr", "=nan", "finite"),
    Case("replace snr string", lambda _: problem().replace(snr="x"), T, "snr", "='x'", "number"),
    Case("replace snr overflows", lambda _: problem().replace(snr=1e308, d=10**6), V, "snr", "=1e+308", "finite"),
    Case("replace n_snr2", lambda _: problem().replace(n_snr2=-0.5), V, "n_snr2", "=-0.5", "[0, inf]"),
    Case("replace snr twice", lambda _: problem().replace(snr=1, n_snr2=1), V, "n_snr2", "snr", "only one"),
    Case("init_law unknown", lambda _: problem(init_law="gaussian"), V, "init_law", "='gaussian'", "'uniform'"),
    Case("init_law None", lambda _: problem(init_law=None), T, "init_law", "=None", "string"),
    Case("bias of problem nan", lambda _: problem(bias=NAN), V, "bias", "=nan", "finite"),
    Case("bias of problem infinite", lambda _: problem(bias=-INF), V, "bias", "=-inf", "finite"),
    Case("bias of problem large", lambda _: problem(bias=1e146), V, "bias", "=1e+146", "1e+145]"),
    Case("bias of problem bool", lambda _: problem(bias=True), T, "bias", "=True", "number"),
    Case("bias of problem string", lambda _: problem(bias="1"), T, "bias", "='1'", "number"),
    Case("replace d_over_n2 with d", lambda _: problem().replace(d_over_n2=2, d=30), V, "d_over_n2", "d and",
         "only one"),
    Case("replace d_over_n2 negative", lambda _: problem().replace(d_over_n2=-1), V, "d_over_n2", "=-1", "[0, "),
    Case("replace d_over_n2 nan", lambda _: problem().replace(d_over_n2=NAN), V, "d_over_n2", "=nan", "finite"),
    Case("replace d_over_n2 string", lambda _: problem().replace(d_over_n2="x"), T, "d_over_n2", "='x'", "number"),
    Case("replace d_over_n2 bool", lambda _: problem().replace(d_over_n2=True), T, "d_over_n2", "=True", "number"),
    Case("replace d_over_n2 zero", lambda _: problem().replace(d_over_n2=0), V, "d_over_n2", "=0", "[2, "),
    Case("replace d_over_n2 large", lambda _: problem(n=1000).replace(d_over_n2=1e15), V, "d_over_n2",
         "=1000000000000000", "[2, "),
    Case("replace d_over_n2 and n", lambda _: problem().replace(d_over_n2=2, n=0), V, "n", "=0", ">= 1"),
    Case("replace both norms", lambda _: problem().replace(snr=1, signal_norm=1), V, "snr", "signal_norm", "only one"),
]

PATCHES = [
    Case("patches flat", lambda _: vectors(patches(4, 5)), V, "patches", "(4, 5)", "('any', 'any', 'any')"),
    Case("patches None", lambda _: vectors(np.array(None)), V, "patches", "()", "('any', 'any', 'any')"),
    Case("patches empty", lambda _: vectors(np.ones((4, 0, 5))), V, "patches", "(4, 0, 5)", "at least 1"),
    Case("patches nan", lambda _: vectors(np.full((4, 2, 5), NAN)), V, "patches", "[0, 0, 0]=nan", "finite"),
    Case("patches words", lambda _: vectors([[["a"]]] * 4), T, "patches", "'a'", "numbers"),
    Case("patches ragged", lambda _: vectors([[[1, 2]], [[1]]]), T, "patches", "", "numbers"),
    Case("patches complex", lambda _: vectors(patches() * 1j), T, "patches", "complex", "numbers"),
    Case("patches overflow", lambda _: vectors(np.full((4, 2, 5), 1e200)), V, "patches", "1e+200", "overflow"),
    Case("patch labels short", lambda _: vectors(labels=[1, -1]), V, "labels", "(2,)", "(4,)"),
    Case("patch labels zero", lambda _: vectors(labels=[1, 0, 1, 1]), V, "labels", "[1]=0", "+1 or -1"),
    Case("patch labels bool", lambda _: vectors(labels=[True, False] * 2), V, "labels", "[1]=0", "+1 or -1"),
    Case("patch labels None", lambda _: vectors(labels=None), V, "labels", "()", "(4,)"),
    Case("patch labels nan", lambda _: vectors(labels=[1, 1, NAN, 1]), V, "labels", "[2]=nan", "finite"),
    Case("patch observed two", lambda _: vectors(observed_labels=[2] * 4), V, "observed_labels", "[0]=2", "+1 or -1"),
    Case("patch observed long", lambda _: vectors(observed_labels=[1] * 5), V, "observed_labels", "(5,)", "(4,)"),
    Case("patch m", lambda _: vectors(m=0), V, "m", "=0", ">= 1"),
    Case("patch init_std", lambda _: vectors(init_std=-1), V, "init_std", "=-1", "[0, "),
    Case("patch q", lambda _: vectors(q="2"), T, "q", "='2'", "number"),
    Case("bias nan", lambda _: vectors(bias=NAN), V, "bias", "=nan", "finite"),
    Case("bias bool", lambda _: vectors(bias=True), T, "bias", "=True", "number"),
    Case("gram rectangular", lambda _: gram(np.ones((2, 3))), V, "gram", "(2, 3)", "square"),
    Case("gram scalar", lambda _: gram(5), V, "gram", "()", "('any', 'any')"),
    Case("gram asymmetric", lambda _: gram([[1, 2], [0, 1]]), V, "gram", "2", "symmetric"),
    Case("gram indefinite", lambda _: gram([[1, 0], [0, -1]]), V, "gram", "-1", "semidefinite"),
    Case("gram infinite", lambda _: gram([[INF, 0], [0, 1]]), V, "gram", "[0, 0]=inf", "finite"),
    Case("gram without atoms", lambda _: gram(np.ones((0, 0)), np.ones((2, 0)), np.ones((2, 0))), V, "gram", "(0, 0)",
         "at least 1"),
    Case("atom beyond", lambda _: gram(atom=[[0], [2]]), V, "atom", "[1, 0]=2", "[0, 1]"),
    Case("atom negative", lambda _: gram(atom=[[-1], [0]]), V, "atom", "[0, 0]=-1", "[0, 1]"),
    Case("atom fractional", lambda _: gram(atom=[[0.5], [0]]), V, "atom", "[0, 0]=0.5", "integer"),
    Case("atom flat", lambda _: gram(atom=[0, 1]), V, "atom", "(2,)", "(2, 'any')"),
    Case("sign two", lambda _: gram(sign=[[1], [2]]), V, "sign", "[1, 0]=2", "+1 or -1"),
    Case("sign long", lambda _: gram(sign=[[1, 1], [1, 1]]), V, "sign", "(2, 2)", "(2, 1)"),
    Case("no patches", lambda _: gram(atom=np.ones((2, 0)), sign=np.ones((2, 0))), V, "atom", "(2, 0)", "at least 1"),
    Case("no samples", lambda _: gram(atom=np.ones((0, 1)), sign=np.ones((0, 1)), labels=[]), V, "labels", "(0,)",
         "at least 1"),
]

ALGORITHMS = [
    Case("Flip large", lambda _: ts.Flip(1.5), V, "p", "=1.5", "[0, 1]"),
    Case("Flip nan", lambda _: ts.Flip(NAN), V, "p", "=nan", "[0, 1]"),
    Case("Flip string", lambda _: ts.Flip("0.1"), T, "p", "='0.1'", "number"),
    Case("Flip bool", lambda _: ts.Flip(True), T, "p", "=True", "number"),
    Case("Gaussian mean", lambda _: ts.Gaussian(INF, 1), V, "mean", "=inf", "finite"),
    Case("Gaussian std", lambda _: ts.Gaussian(1, -1), V, "std", "=-1", "[0, inf]"),
    Case("Uniform reversed", lambda _: ts.Uniform(2, 1), V, "high", "=1", "[2, inf]"),
    Case("Uniform nan", lambda _: ts.Uniform(NAN, 1), V, "low", "=nan", "finite"),
    Case("Uniform too wide", lambda _: ts.Uniform(-1e308, 1e308), V, "high", "=1e+308", "finite"),
    Case("lr zero", lambda _: ts.GradientDescent(0), V, "lr", "=0", "(0, inf]"),
    Case("lr nan", lambda _: ts.GradientDescent(NAN), V, "lr", "=nan", "finite"),
    Case("lr bool", lambda _: ts.GradientDescent(True), T, "lr", "=True", "number"),
    Case("lr string", lambda _: ts.GradientDescent("1"), T, "lr", "='1'", "number"),
    Case("kappa zero", lambda _: ts.GradientDescent.from_kappa(problem(), 0), V, "kappa", "=0", "(0, inf]"),
    Case("kappa nan", lambda _: problem().lr_at(NAN), V, "kappa", "=nan", "finite"),
    Case("kappa of a string", lambda _: problem().kappa("1"), T, "lr", "='1'", "number"),
    Case("kappa of patch data", lambda _: ts.GradientDescent.from_kappa(vectors(), 0.1), T, "problem", "PatchData",
         "SignalNoise"),
    Case("signal rate negative", lambda _: problem().signal_rate(-1), V, "lr", "=-1", "[0, inf]"),
    Case("law number", lambda _: ts.GradientDescent(1, 0.1), T, "label_noise", "=0.1", "Flip"),
    Case("law class", lambda _: ts.GradientDescent(1, ts.Flip), T, "label_noise", "Flip", "Uniform"),
]

DRAWS = [
    Case("from_problem word", lambda _: ts.Draw.from_problem("x"), T, "problem", "='x'", "SignalNoise"),
    Case("from_problem seed", lambda _: ts.Draw.from_problem(problem(), -1), V, "seed", "=-1", ">= 0"),
    Case("from_problem form", lambda _: ts.Draw.from_problem(problem(), 0, "gram"), V, "form", "='gram'", "'wishart'"),
    Case("from_problem uniform", lambda _: ts.Draw.from_problem(problem(init_law="uniform"), 0, "wishart"), V, "form",
         "='wishart'", "init_law='normal'"),
    Case("noise cube", lambda _: arrays(noise=patches(4, 2, 5)), V, "noise", "(4, 2, 5)", "('any', 5)"),
    Case("noise narrow", lambda _: arrays(noise=patches(4, 3)), V, "noise", "(4, 3)", "('any', 5)"),
    Case("noise empty", lambda _: arrays(noise=np.ones((0, 5))), V, "noise", "(0, 5)", "at least 1"),
    Case("noise ragged", lambda _: arrays(noise=[[1, 2], [3]]), T, "noise", "", "numbers"),
    Case("noise infinite", lambda _: arrays(noise=np.full((4, 5), -INF)), V, "noise", "[0, 0]=-inf", "finite"),
    Case("weights flat", lambda _: arrays(weights=np.ones((4, 5))), V, "weights", "(4, 5)", "(2, 'any', 5)"),
    Case("weights none", lambda _: arrays(weights=np.ones((2, 0, 5))), V, "weights", "(2, 0, 5)", "at least one"),
    Case("weights words", lambda _: arrays(weights="random"), T, "weights", "'random'", "numbers"),
    Case("labels zero", lambda _: arrays(labels=[0, 1, 1, 1]), V, "labels", "[0]=0", "+1 or -1"),
    Case("labels short", lambda _: arrays(labels=[1, 1]), V, "labels", "(2,)", "(4,)"),
    Case("observed short", lambda _: arrays(observed_labels=[1]), V, "observed_labels", "(1,)", "(4,)"),
    Case("signal scalar", lambda _: arrays(signal=2.0), V, "signal", "()", "('any',)"),
    Case("signal empty", lambda _: arrays(signal=[]), V, "signal", "(0,)", "at least 1"),
    Case("signal nan", lambda _: arrays(signal=[NAN] * 5), V, "signal", "[0]=nan", "finite"),
    Case("with_weights m", lambda _: arrays().with_weights(np.ones((2, 3, 5))), V, "weights", "(2, 3, 5)", "(2, 2, 5)"),
    Case("with_weights nan", lambda _: arrays().with_weights(np.full((2, 2, 5), NAN)), V, "weights", "=nan", "finite"),
]

SIMULATIONS = [
    Case("problem list", lambda _: simulate(problem=[1]), T, "problem", "=[1]", "SignalNoise or PatchData"),
    Case("algorithm number", lambda _: simulate(algorithm=0.1), T, "algorithm", "=0.1", "GradientDescent"),
    Case("steps negative", lambda _: simulate(steps=-1), V, "steps", "=-1", "in [0"),
    Case("steps fractional", lambda _: simulate(steps=2.5), V, "steps", "=2.5", "integer"),
    Case("steps string", lambda _: simulate(steps="10"), T, "steps", "='10'", "integer"),
    Case("steps bool", lambda _: simulate(steps=True), T, "steps", "=True", "integer"),
    Case("steps infinite", lambda _: simulate(steps=INF), V, "steps", "=inf", "integer"),
    Case("steps beyond memory", lambda _: simulate(steps=10**15), V, "steps", "=1000000000000000", "GiB"),
    Case("steps beyond integers", lambda _: simulate(steps=10**25), V, "steps", "=10000000000000", "in [0"),
    Case("d beyond floats", lambda _: simulate(problem=problem(d=10**400)), V, "d", "=10000", "in [2"),
    Case("seed negative", lambda _: simulate(seed=-1), V, "seed", "=-1", ">= 0"),
    Case("seed None", lambda _: simulate(seed=None), T, "seed", "=None", "integer"),
    Case("seed fractional", lambda _: simulate(seed=0.5), V, "seed", "=0.5", "integer"),
    Case("engine unknown", lambda _: simulate(engine="explicit"), V, "engine", "='explicit'", "'paired'"),
    Case("engine number", lambda _: simulate(engine=3), T, "engine", "=3", "string"),
    Case("draw unknown", lambda _: simulate(draw="gram"), V, "draw", "='gram'", "'wishart'"),
    Case("draw number", lambda _: simulate(draw=3), T, "draw", "=3", "Draw"),
    Case("draw of patches by name", lambda _: simulate_patches(vectors(), draw="wishart"), V, "draw", "='wishart'",
         "SignalNoise"),
    Case("on_failure unknown", lambda _: simulate(on_failure="ignore"), V, "on_failure", "='ignore'", "'return'"),
    Case("progress number", lambda _: simulate(progress=1), T, "progress", "=1", "True or False"),
    Case("record_every zero", lambda _: simulate(record_every=0), V, "record_every", "=0", ">= 1"),
    Case("record_every half", lambda _: simulate(record_every=0.5), V, "record_every", "=0.5", "integer"),
    Case("record_every bool", lambda _: simulate(record_every=True), T, "record_every", "=True", "integer"),
    Case("record_at late", lambda _: simulate(record_at=[3, 11]), V, "record_at", "=11", "[0, 10]"),
    Case("record_at negative", lambda _: simulate(record_at=[-1]), V, "record_at", "=-1", "[0, 10]"),
    Case("record_at fractional", lambda _: simulate(record_at=[1.5]), V, "record_at", "=1.5", "integer"),
    Case("record_at word", lambda _: simulate(record_at="end"), T, "record_at", "='e", "integer"),
    Case("record_at number", lambda _: simulate(record_at=5), T, "record_at", "=5", "steps"),
    Case("record both", lambda _: simulate(record_every=2, record_at=[1]), V, "record_at", "every=2", "only one"),
    Case("record too much", lambda _: simulate(problem=problem(n=999, d=10**4, m=50), steps=10**5, record_every=1),
         V, "record_every", "=1: would keep 100001 records", "74.5 GiB in all; at most 1 GiB"),
    Case("record too many", lambda _: simulate(problem=problem(n=999, d=10**4, m=500), steps=200,
                                               record_at=range(201)),
         V, "record_at", "201 records of 7.63 MiB", "1.5 GiB in all; at most 1 GiB"),
    Case("until number", lambda _: simulate(until=3), T, "until", "=3", "function"),
    Case("until scalar", lambda _: simulate(until=lambda seen: True), V, "until", "shape ()", "shape (1,)"),
    Case("until numbers", lambda _: simulate(until=lambda seen: seen["train_loss"]), V, "until", "float64", "boolean"),
    Case("label_noise shape", lambda _: simulate(label_noise=np.ones((4, 10))), V, "label_noise", "(4, 10)", "(10, 4)"),
    Case("label_noise scalar", lambda _: simulate(label_noise=0.1), V, "label_noise", "()", "(10, 4)"),
    Case("label_noise law", lambda _: simulate(label_noise=ts.Flip(0.1)), T, "label_noise", "Flip", "array of numbers"),
    Case("label_noise nan", lambda _: simulate(label_noise=np.full((10, 4), NAN)), V, "label_noise", "[0, 0]=nan",
         "finite"),
    Case("label_noise complex", lambda _: simulate(label_noise=np.full((10, 4), 1j)), T, "label_noise", "complex",
         "numbers"),
    Case("draw n", lambda _: simulate_on(arrays(), n=5), V, "draw", "n=4", "n=5"),
    Case("draw m", lambda _: simulate_on(arrays(), m=3), V, "draw", "m=2", "m=3"),
    Case("draw d", lambda _: simulate_on(arrays(), d=6), V, "draw", "d=5", "d=6"),
    Case("draw signal", lambda _: simulate_on(arrays(), signal_norm=3), V, "draw", "norm 2", "signal_norm=3"),
    Case("draw cosine", lambda _: simulate_on(arrays(noise=np.ones((4, 5)))), V, "draw", "cosine 0.447",
         "orthogonal_noise=False"),
    Case("draw of uniform by name", lambda _: simulate(problem=problem(init_law="uniform"), draw="wishart"), V, "draw",
         "='wishart'", "init_law='normal'"),
    Case("draw without bias", lambda _: simulate(problem=problem(bias=1.0), draw=finished().draw), V, "draw",
         "bias=1.0", "another bias"),
    Case("draw with bias", lambda _: simulate(draw=with_bias().draw), V, "draw", "bias=0.0", "another bias"),
    Case("draw of arrays without bias", lambda _: simulate_on(arrays(), bias=1.0), V, "draw", "bias=1.0",
         "another bias"),
    Case("draw other bias", lambda _: simulate(problem=problem(bias=2.0), draw=with_bias().draw), V, "draw", "0.5",
         "bias"),
    Case("draw other bias and norm", lambda _: simulate(
        problem=problem(signal_norm=2.0, bias=1.0, orthogonal_noise=False),
        draw=ts.Draw.from_problem(problem(signal_norm=1.0, bias=2.0, orthogonal_noise=False))), V, "draw", "2", "bias"),
    Case("precision unknown", lambda _: simulate(precision="half"), V, "precision", "='half'", "'single'"),
    Case("precision type", lambda _: simulate(precision=np.float32), T, "precision", "float32", "string"),
    Case("precision weights", lambda _: simulate(precision="single", engine="weights"), V, "precision", "='single'",
         "'double'"),
    Case("precision paired", lambda _: simulate(precision="single", engine="paired"), V, "precision", "='single'",
         "'double'"),
    Case("precision too small", lambda _: overflowing(problem=problem(signal_norm=1e25), precision="single"), V,
         "precision", "='single'", "'double'"),
    Case("draw of patches", lambda _: simulate(draw=of_patches().draw), V, "draw", "PatchData", "SignalNoise"),
    Case("draw of signal", lambda _: simulate_patches(vectors(), draw=finished().draw), V, "draw", "other atoms",
         "from_problem"),
    Case("draw other labels", lambda _: simulate_patches(vectors(labels=[1] * 4), draw=of_patches().draw), V, "draw",
         "labels", "from_problem"),
    Case("init_std overflows", lambda _: overflowing(problem=problem(init_std=1e140, q=3)), V, "draw", "q=3",
         "overflows"),
    Case("signal overflows", lambda _: simulate(problem=problem(signal_norm=1e200)), V, "signal_norm", "=1e+200",
         "finite"),
]

RUNS = [
    Case("resume problem", lambda _: ts.resume(problem(), 3), T, "run", "SignalNoise", "Run"),
    Case("resume steps", lambda _: ts.resume(finished(), -1), V, "steps", "=-1", "in [0"),
    Case("resume steps string", lambda _: ts.resume(finished(), "3"), T, "steps", "='3'", "integer"),
    Case("resume label_noise", lambda _: ts.resume(finished(), 3, label_noise=np.ones((10, 4))), V, "label_noise",
         "(10, 4)", "(3, 4)"),
    Case("resume on_failure", lambda _: ts.resume(finished(), 3, on_failure="x"), V, "on_failure", "='x'", "'raise'"),
    Case("resume progress", lambda _: ts.resume(finished(), 3, progress=1), T, "progress", "=1",
         "True or False"),
    Case("resume until", lambda _: ts.resume(finished(), 3, until=3), T, "until", "=3", "function"),
    Case("resume diverged", lambda _: ts.resume(diverged(), 3), V, "run", "diverged", "lower lr"),
    Case("at unrecorded", lambda _: finished().record(3), V, "at", "=3", "0, 5"),
    Case("at negative", lambda _: finished().record(-1), V, "at", "=-1", "[0, 10]"),
    Case("at late", lambda _: finished().record(11), V, "at", "=11", "[0, 10]"),
    Case("at word", lambda _: finished().record("start"), V, "at", "='start'", "'end'"),
    Case("at None", lambda _: finished().record(None), T, "at", "=None", "integer"),
    Case("at bool", lambda _: finished().record(False), T, "at", "=False", "integer"),
    Case("outputs at", lambda _: finished().outputs(4), V, "at", "=4", "0, 5"),
    Case("column unknown", lambda _: finished().column("loss"), V, "name", "='loss'", "'train_loss'"),
    Case("predict wide", lambda _: finished().predict(np.ones((2, 2, 13))), V, "patches", "(2, 2, 13)",
         "('any', 'any', 12)"),
    Case("predict flat", lambda _: finished().predict(np.ones((2, 12))), V, "patches", "(2, 12)", "('any', 'any', 12)"),
    Case("predict nan", lambda _: finished().predict(np.full((1, 2, 12), NAN)), V, "patches", "[0, 0, 0]=nan",
         "finite"),
    Case("predict at", lambda _: finished().predict(np.ones((2, 2, 12)), 3), V, "at", "=3", "0, 5"),
    Case("predict wishart", lambda _: finished("wishart").predict(np.ones((2, 2, 12))), V, "draw", "'wishart'",
         'draw="vectors"'),
    Case("predict gram", lambda _: of_gram().predict(np.ones((2, 1, 2))), V, "draw", "'gram'", '"vectors"'),
    Case("reconstruct wishart", lambda _: ts.reconstruct(finished("wishart")), V, "draw", "'wishart'",
         'draw="vectors"'),
    Case("reconstruct at", lambda _: ts.reconstruct(finished(), 3), V, "at", "=3", "0, 5"),
    Case("reconstruct word", lambda _: ts.reconstruct("run"), T, "run", "='run'", "Run"),
    Case("test_error none", lambda _: finished().test_error(n_test=0), V, "n_test", "=0", ">= 1"),
    Case("test_error word", lambda _: finished().test_error(n_test="many"), T, "n_test", "='many'",
         "integer"),
    Case("test_error at", lambda _: finished().test_error(3), V, "at", "=3", "0, 5"),
    Case("test_error seed", lambda _: finished().test_error(seed=-1), V, "seed", "=-1", ">= 0"),
    Case("test_error patches", lambda _: of_patches().test_error(), V, "problem", "PatchData", "run.predict"),
    Case("test_error labels", lambda _: finished().test_error(labels="noisy"), V, "labels", "='noisy'", "'observed'"),
    Case("test_error labels None", lambda _: finished().test_error(labels=None), T, "labels", "=None", "string"),
    Case("test_error labels array", lambda _: finished().test_error(labels=[1, -1]), T, "labels", "=[1, -1]", "string"),
    Case("test_error method", lambda _: finished().test_error(method="exact"), V, "method", "='exact'", "'rare-event'"),
    Case("test_error method None", lambda _: finished().test_error(method=None), T, "method", "=None", "string"),
    Case("relative_error zero", lambda _: finished().test_error(relative_error=0), V, "relative_error", "=0",
         "(0, 0.5]"),
    Case("relative_error large", lambda _: finished().test_error(relative_error=0.6), V, "relative_error", "=0.6",
         "(0, 0.5]"),
    Case("relative_error nan", lambda _: finished().test_error(relative_error=NAN), V, "relative_error", "=nan",
         "(0, 0.5]"),
    Case("relative_error word", lambda _: finished().test_error(relative_error="5%"), T, "relative_error", "='5%'",
         "number"),
    Case("rare event with bias", lambda _: with_bias().test_error(method="rare-event"), V, "method", "='rare-event'",
         "'monte-carlo'"),
    Case("rare event of memory", lambda _: finished().test_error(method="rare-event", kind="memory"), V, "method",
         "='rare-event'", "'monte-carlo'"),
    Case("rare event of patches", lambda _: of_patches().test_error(method="rare-event"), V, "problem", "PatchData",
         "run.predict"),
    Case("rare event at", lambda _: finished().test_error(3, method="rare-event"), V, "at", "=3", "0, 5"),
    Case("log curve none", lambda _: risk.log10_test_error_curve(finished(), n_test=0), V, "n_test", "=0", ">= 1"),
    Case("log curve relative_error", lambda _: risk.log10_test_error_curve(finished(), relative_error=-1), V,
         "relative_error", "=-1", "(0, 0.5]"),
    Case("weights_at unrecorded", lambda _: finished().weights_at(3), V, "at", "=3", "0, 5"),
    Case("weights_at word", lambda _: finished().weights_at("start"), V, "at", "='start'", "'end'"),
    Case("check bias", lambda _: ts.check(with_bias(), "huang2025"), V, "problem", "bias=0.5", "bias=0"),
    Case("check uniform", lambda _: ts.check([uniform()], "huang2025"), V, "problem", "init_law='uniform'",
         "init_law='normal'"),
    Case("evidence bias", lambda _: HuangEvidence(with_bias()).problem, V, "problem", "bias=0.5", "bias=0"),
    Case("evidence uniform", lambda _: HuangEvidence(uniform()).problem, V, "problem", "='uniform'",
         "init_law='normal'"),
    Case("curve none", lambda _: finished().test_accuracy_curve(n_test=0), V, "n_test", "=0", ">= 1"),
]

POLICIES = [
    Case("c zero", lambda _: ts.FirstStage(0), V, "c", "=0", "(0, inf]"),
    Case("c string", lambda _: ts.FirstStage("0.1"), T, "c", "='0.1'", "number"),
    Case("c nan", lambda _: ts.FirstStage(NAN), V, "c", "=nan", "finite"),
    Case("level negative", lambda _: ts.LossBelow(-0.1), V, "level", "=-0.1", "[0, inf]"),
    Case("level missing", lambda _: ts.LossBelow(None), T, "level", "=None", "number"),
    Case("step negative", lambda _: ts.AtStep(-1), V, "step", "=-1", ">= 0"),
    Case("step fractional", lambda _: ts.AtStep(1.5), V, "step", "=1.5", "integer"),
    Case("samples zero", lambda _: ts.BestValidation(0), V, "samples", "=0", ">= 1"),
    Case("every zero", lambda _: ts.BestValidation(every=0), V, "every", "=0", ">= 1"),
    Case("patience zero", lambda _: ts.BestValidation(patience=0), V, "patience", "=0", ">= 1"),
    Case("patience infinite", lambda _: ts.BestValidation(patience=INF), V, "patience", "=inf", "integer"),
    Case("validation labels", lambda _: ts.BestValidation(labels="clean"), V, "labels", "='clean'", "'observed'"),
    Case("stop at word", lambda _: ts.EarlyStopping("end"), T, "at", "='end'", "FirstStage"),
    Case("stop at half a step", lambda _: ts.EarlyStopping(2.5), T, "at", "=2.5", "a step"),
    Case("stop at truth", lambda _: ts.EarlyStopping(True), T, "at", "=True", "a step"),
    Case("stop at negative", lambda _: ts.EarlyStopping(-1), V, "at", "=-1", ">= 0"),
    Case("stop at class", lambda _: ts.EarlyStopping(ts.FirstStage), T, "at", "FirstStage", "a step"),
    Case("select at validation", lambda _: ts.SmallLossSelection(ts.BestValidation()), T, "at", "BestValidation",
         "LossBelow"),
    Case("select at None", lambda _: ts.OracleSelection(None), T, "at", "=None", "LossBelow"),
    Case("threshold negative", lambda _: ts.SmallLossSelection(3, -1.0), V, "threshold", "=-1.0", "[0, inf]"),
    Case("threshold infinite", lambda _: ts.SmallLossSelection(3, INF), V, "threshold", "=inf", "finite"),
    Case("action unknown", lambda _: ts.SmallLossSelection(3, action="flip"), V, "action", "='flip'", "'relabel'"),
    Case("oracle action unknown", lambda _: ts.OracleSelection(3, "keep"), V, "action", "='keep'", "'downweight'"),
    Case("action None", lambda _: ts.OracleSelection(3, None), T, "action", "=None", "string"),
    Case("weight large", lambda _: ts.OracleSelection(3, "downweight", 1.1), V, "weight", "=1.1", "[0, 1]"),
    Case("weight negative", lambda _: ts.SmallLossSelection(3, weight=-0.1), V, "weight", "=-0.1", "[0, 1]"),
    Case("policy word", lambda _: simulate(policy="early"), T, "policy", "='early'", "EarlyStopping"),
    Case("policy trigger", lambda _: simulate(policy=ts.FirstStage()), T, "policy", "FirstStage", "EarlyStopping"),
    Case("policy class", lambda _: simulate(policy=ts.OracleSelection), T, "policy", "OracleSelection",
         "SmallLossSelection"),
    Case("policy of patches", lambda _: simulate_patches(vectors(), policy=ts.EarlyStopping(ts.BestValidation())), V,
         "policy", "BestValidation", "patch data"),
    Case("flip_law unknown", lambda _: problem(flip_law="exact"), V, "flip_law", "='exact'", "'stratified'"),
    Case("flip_law None", lambda _: problem(flip_law=None), T, "flip_law", "=None", "string"),
    Case("test_error kind", lambda _: finished().test_error(kind="old"), V, "kind", "='old'", "'memory'"),
    Case("test_error kind None", lambda _: finished().test_error(kind=None), T, "kind", "=None", "string"),
    Case("zeta_std negative", lambda _: finished().test_error(kind="memory", zeta_std=-1), V, "zeta_std", "=-1",
         "[0, inf]"),
    Case("zeta_std fresh", lambda _: finished().test_error(zeta_std=0.1), V, "zeta_std", "=0.1", "kind='memory'"),
    Case("zeta_std word", lambda _: finished().test_error(kind="memory", zeta_std="a"), T, "zeta_std", "='a'",
         "number"),
    Case("memory of patches", lambda _: of_patches().test_error(kind="memory"), V, "problem", "PatchData",
         "run.predict"),
    Case("memory at", lambda _: finished().test_error(3, kind="memory"), V, "at", "=3", "0, 5"),
    Case("curve kind", lambda _: finished().test_accuracy_curve(kind="old"), V, "kind", "='old'", "'memory'"),
    Case("stage times c", lambda _: han2025.stage_times(finished(), c=0), V, "c", "=0", "(0, inf]"),
    Case("stage times epsilon", lambda _: han2025.stage_times(finished(), epsilon=-1), V, "epsilon", "=-1", "(0, inf]"),
    Case("condition constant", lambda _: han2025.condition_4_1(problem(), ALGORITHM, 0), V, "constant", "=0",
         "(0, inf]"),
    Case("condition order", lambda _: han2025.condition_4_1(problem(), ALGORITHM, order_one=0.5), V, "order_one",
         "=0.5", "[1, inf]"),
    Case("boundary c", lambda _: boundaries.first_stage(0), V, "c", "=0", "(0, inf]"),
    Case("rho_threshold", lambda _: ts.check(finished(), "han2025", rho_threshold=0), V, "rho_threshold", "=0",
         "(0, inf]"),
    Case("order_one", lambda _: ts.check(finished(), "han2025", order_one=0.9), V, "order_one", "=0.9", "[1, inf]"),
]

FILES = [
    Case("load missing", lambda tmp: ts.load_run(tmp / "absent.npz"), FileNotFoundError, "absent.npz", "", "No such"),
    Case("load folder", lambda tmp: ts.load_run(tmp), V, "path", "", "not a saved run"),
    Case("load None", lambda _: ts.load_run(None), V, "path", "None", "not a saved run"),
    Case("load empty", lambda tmp: load_bytes(tmp, b""), V, "path", "file", "not a saved run"),
    Case("load text", lambda tmp: load_bytes(tmp, b"a,b\n1,2\n"), V, "path", "file", "not a saved run"),
    Case("load npy", load_npy, V, "path", "file.npy", "not a saved run"),
    Case("load foreign npz", lambda tmp: load_npz(tmp, a=np.ones(3)), V, "path", "file.npz", "not a saved run"),
    Case("load other header", lambda tmp: load_npz(tmp, header=header(a=1)), V, "path", "file.npz", "not a saved run"),
    Case("load listed header", lambda tmp: load_npz(tmp, header=np.array("[1]")), V, "path", "file.npz",
         "not a saved run"),
    Case("load format", lambda tmp: load_npz(tmp, header=header(format=99)), V, "path", "format 99",
         "reads formats 2 and 3"),
    Case("load no arrays", lambda tmp: load_npz(tmp, header=header(format=2)), V, "path", "file.npz",
         "not a saved run"),
    Case("load half", lambda tmp: load_saved(tmp, lambda content: content[:len(content) // 2]), V, "path", "file",
         "not a saved run"),
    Case("load damaged", lambda tmp: load_saved(tmp, flip_bytes), V, "path", "file", "not a saved run"),
    Case("save number", lambda _: finished().save(3), T, "path", "=3", "str"),
    Case("save nowhere", lambda tmp: finished().save(tmp / "absent" / "run.npz"), FileNotFoundError, "path",
         "run.npz", "folder"),
]

CASES = PROBLEMS + PATCHES + ALGORITHMS + DRAWS + SIMULATIONS + RUNS + POLICIES + FILES


def test_ids_are_unique() -> None:
    """A case is found again by its id."""
    assert len({case.id for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_message(case: Case, tmp_path: Path) -> None:
    """A wrong call is a ValueError or TypeError that names argument, value and range."""
    with pytest.raises(case.error) as caught:
        case.call(tmp_path)
    message = str(caught.value)
    assert type(caught.value) is case.error
    assert re.search(rf"(?<!\w){re.escape(case.name)}(?!\w)", message), f"{case.name!r} is not named: {message}"
    assert case.value in message
    assert case.allowed in message
    if case in FILES:
        del caught
        gc.collect()  # a file left open is a warning, hence an error, now and not in some later test


@pytest.mark.parametrize("call", [
    lambda: problem(n=4.0, d=1e6, m=np.int64(2), q=np.float32(3), label_flip=np.float64(0.1)),
    lambda: problem(orthogonal_noise=np.bool_(False), label_flip=[0, 1]),
    lambda: vectors(labels=np.array(LABELS, dtype=np.int8), bias=1),
    lambda: simulate(steps=1e1, seed=np.uint64(3), record_every=2.0),
    lambda: simulate(steps=0, label_noise=np.ones((0, 4))),
    lambda: simulate(record_at=iter([])),
    lambda: simulate_on(arrays()),
    lambda: simulate_on(arrays(noise=np.ones((4, 5))), orthogonal_noise=False),
    lambda: ts.Uniform(1, 1),
    lambda: problem(init_law="uniform", bias=-1e145),
    lambda: problem().replace(d_over_n2=0.15, snr=1),
    lambda: simulate(problem=problem(init_law="uniform", bias=np.float64(0.5)), draw="vectors"),
    lambda: simulate(problem=problem(bias=1), draw=ts.Draw.from_problem(problem(bias=1, init_law="uniform"))),
    lambda: finished().test_error(n_test=10, labels="observed"),
    lambda: simulate(policy=ts.SmallLossSelection(np.int64(3), threshold=1, weight=np.float64(0.5))),
    lambda: simulate(policy=ts.EarlyStopping(ts.BestValidation(np.int64(5), 2.0, 3))),
    lambda: simulate_patches(vectors(), policy=ts.EarlyStopping(ts.FirstStage(1))),
    lambda: finished().test_error(kind="memory", zeta_std=0),
    lambda: finished().test_error(relative_error=0.5, n_test=10, method="monte-carlo"),
    lambda: finished().test_error(relative_error=np.float64(0.2), method="rare-event"),
], ids=range(20))
def test_right_calls_pass(call: Callable[[], object]) -> None:
    """Whole floats, NumPy scalars, the ends of ranges and empty arrays are no mistakes."""
    assert call() is not None
