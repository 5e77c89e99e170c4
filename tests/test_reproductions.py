"""Reproductions, all but those of the command line's tests, at small sizes: every one is run, drawn, written and
repeated, and some of its numbers are found again without it."""

import inspect
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
import test_redraw
from figure_check import defects
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.contour import ContourSet
from scipy import stats

import theorysim as ts
from theorysim.core import style
from theorysim.linear.draw import StepNoise
from theorysim.linear.watch import grid
from theorysim.reproduce import Report, figures, reproduce, spread as ours
from theorysim.papers import rare_errors
from theorysim.papers.han2025.figures.settings import Setting
from theorysim.papers.huang2025.figures import predicted, regularisers_rows
from theorysim.papers.huang2025.figures.regularisers_rules import NAMED, Choice, batch_of, beside, smoothing_edge
from theorysim.papers.second_order.figures.ends import Crossing, Erasure, Extinction, Rebirth
from theorysim.papers.second_order.figures.family import Family
from theorysim.papers.second_order.figures.fresh import Claim
from theorysim.papers.second_order.figures.law import Setting as LawSetting
from theorysim.papers.zhang2025.figures.selection_methods import Sizes
from theorysim.sweep import execution, work
from theorysim.theory import boundaries, second_order
from theorysim.papers import han2025

pytestmark = pytest.mark.compiled


def noisy_labels(
    n: int, d: int, m: int, n_snr2: float = 10.0, tau: float = 0.2, start: float = 0.01, q: float = 1
) -> ts.SignalNoise:
    """The problem of the reproductions of Han et al. 2025, spelled out."""
    return ts.SignalNoise(
        n=n, d=d, m=m, signal_norm=1.0, noise_std=1.0, init_std=start / np.sqrt(d), q=q, label_flip=tau,
        orthogonal_noise=False, flip_law="stratified",
    ).replace(n_snr2=n_snr2)


def descent(of: ts.SignalNoise) -> ts.GradientDescent:
    """With their step, 0.02 nm/d as σ = 1."""
    return ts.GradientDescent(0.02 * of.n * of.m / of.d)


NET = ts.LinearNetwork(n=30, d=5, width=40, target_norm=1.0, label_noise_std=20.0)
PATCHES = ts.KernelReweighting(ts.SignalNoiseImages(d=10, noise_std=0.5), 40, 10, test=30)
LEMMAS = ts.SignalNoise(n=6, d=900, m=4, signal_norm=1.0, noise_std=0.5, init_std=1e-3)
CELLS = ((10, 1000), (10, 4000), (20, 4000))
SETTINGS = (
    Setting("ReLU", noisy_labels(10, 400, 4), 20, 140),
    Setting("squared", noisy_labels(10, 400, 4, tau=0.3, start=0.001, q=2), 20, 100),
)
SLOW_NOISE = ts.SignalNoise(n=6, d=10**6, m=8, signal_norm=1.0, noise_std=1.0, init_std=1e-5).replace(n_snr2=0.6)
TEN = SLOW_NOISE.replace(n=10, d=10**5, init_std=1e-4).replace(n_snr2=0.6)
QUICK = ts.SignalNoise(n=8, d=10**6, m=12, signal_norm=1.0, noise_std=1.0, init_std=1e-5).replace(n_snr2=0.3)
FEW = ts.SignalNoise(n=2, d=400, m=6, signal_norm=1.0, noise_std=1.0, init_std=1e-3).replace(n_snr2=0.8)
BRIEF = ts.SignalNoise(n=20, d=2000, m=6, signal_norm=4.5, noise_std=0.5, init_std=0.01)
QUIET = ts.SignalNoise(n=10, d=10**8, m=10, signal_norm=1.0, noise_std=1.0, init_std=3e-5).replace(n_snr2=0.004)
ENDS = ["T2", "field", "deaths", "births", "alive"]
TOLD = ["T2", "T2/mean field"]
FIT = ["parameter", "exponent", "low", "high", "theory", "verdict", "normalised", "normalised_low", "normalised_high",
       "power", "normalised_verdict", "seeds", "not_reached"]
COMMON = {"random_numbers": "common"}  # so that rows are runs of seeds 0 and 1
CHECK = [
    "statement", "claim", "formula", "source", "verdict", "runs", "compared", "steps_asked", "steps_compared",
    "holds", "low", "high", "required",
    "margin", "measured", "predicted", "ratio", "first_violation",
]
RARE = ["stop", "n", "d", "seed", "log10_error", "low", "high", "method", "reliable"]
RARE_FIT = ["stopped at", "runs", "unreliable", "log₁₀ p from", "to", "exponent in d", "exponent in n", "R² of d/n²",
            "R² of d/n"]
LOOKS = ["algorithm", "step", "tr A/m", "mean abs. cosine", "alignment", "test loss"]
APPENDIX = ["figure", "q", "sigma_0", "lr", "noise", "seed", "status", "test accuracy", "gamma", "rho/gamma",
            "loss, true labels", "loss, with its multipliers", "T2", "T2 of the law", "T2 of the mean field"]
TIMES = ["algorithm", "T1, first", "T1, half", "T1, all", "T2(0.5)", "T2(0.9)", "T3", "floor of the test loss"]
STUDY = ["width", "lr", "seed", "measured", "predicted", "ratio"]
COUNTS = ["algorithm", "runs", "completed", "failed", "random_numbers"]


@dataclass(frozen=True)
class Case:
    """A reproduction at a small size, the columns of its tables (``...`` for more) with their rows, and its words."""

    options: dict[str, Any]
    tables: dict[str, tuple[int, list[Any]]]
    says: tuple[str, ...]
    missing: frozenset[str] = frozenset()  # columns that have nothing at this size


CASES = {
    "best-noise": Case(
        {"seeds": 2, "problem": TEN, "kappas": (0.3, 0.5, 1.0), "rates": (0.1, 0.3), "steps": 120, "estimated": (0.5,),
         "time_kappas": (0.3, 1.0), "time_rates": (0.2,), "law_kappas": (0.1,), "annealed": (0.6,)},
        {"errors": (12, ["p", "kappa", "seed", "status", "log10_error", "log10_error_field", "train_loss"]),
         "estimates": (2, ["p", "kappa", "seed", "log10_error", "estimated", "reliable"]),
         "times": (4, ["p", "kappa", "seed", "law", "field", "measured", "estimated"]),
         "laws": (10, ["law", "kappa", "seed", "rest", "mean", "variance", "psi", "T2", "predicted", "by variance"]),
         "schedules": (12, ["kappa", "schedule", "seed", "log10_error", "train_loss"]),
         "ridge": (2, ["p", "at_once", "best", "lowest", "highest", "field", "log10_error", "train_loss", "loss_low",
                       "loss_high", "rest"])},
        ("n = 10, d = 100000, m = 8", "seeds 400..401", "## After 120 steps", "of 3 values from 0.3 to 1 ",
         "a test error of 10^-10", "f* = 2.197", "| 0.6 | noise off at ½ |"),
    ),
    "deng2023-expansion": Case(
        {"seeds": 2, "n": 200, "steps": 12, "warm_steps": 5, "part_steps": 3},
        {"runs": (10, ["case", "rule", "seed", "T_c", "T_s", "loss", "core", "spurious", "accuracy", "minority",
                       "spurious_first", "dominates", "core_first", "minority_right"]),
         "expansion": (10, ["part", "seed", "samples", "loss", "core", "spurious", "accuracy", "minority"])},
        ("n = 200, d = 50, 2·20 filters", "12 steps; seeds 600..601", "First 5 steps of momentum 0.9 (η = 0.03)",
         "| spurious_first | β_c = 0.2, β_s = 1 | 6 |", "in 4 random parts, 3 steps after each"),
        frozenset({"T_c", "T_s"}),
    ),
    "error-law": Case(
        {"seeds": 2, "sizes": ((10, 10**5), (20, 10**6)), "m": 6},
        {"errors": (8, ["at", "n", "d", "seed", "step", "measured", "reliable", "eigenvalue", "closed", "before", ...]),
         "summary": (6, ["at", "predicted with", "runs", "left out", "from", "to", "ratio", "range", "R²"]),
         "proportional": (3, ["at", "runs", "proportional to", "spread", "R²"])},
        ("m = 6, σ_0 = 0.1/d, seeds 100..101, d/n from 10000 to 50000; 4 of 4 runs reached T2", "| both classes | 4 |"),
    ),
    "han2025-bounds": Case(
        {"seeds": 2, "n": 8, "m": 4, "ratios": (0.25, 0.5, 1.0), "steps": 60, "early_seeds": 3},
        {"exponents": (6, FIT), "early-error": (3, ["d/n", "error", "standard error"]),
         "verdicts": (77, [*CHECK, "case"])},
        ("c = 0.1, 2 seeds", "3 seeds, fresh noise", "stopped after 12 steps of η = 0.02 nm", "| τ = 0.4, c = 0.3 |"),
    ),
    "han2025-early-stop-bound": Case(
        {"seeds": 2, "cells": CELLS, "m": 1, "steps": 100},
        {"errors": (12, RARE), "exponents": (2, [*RARE_FIT, "−ln p · n/d"])},
        ("m = 1, σ_0 = 0.1/d", "2 seeds", "| T1, n·SNR² = 3 | 6 | 0 |", "| T1, n·SNR² = 10 | 6 | 0 |"),
    ),
    "han2025-fig1": Case(
        {"seeds": 2, "settings": SETTINGS},
        {"settings": (8, [
            "setting", "τ", "step", "seeds", "accuracy clean", "noisy", "max γ", "max ρ̄ clean", "max ρ̄ noisy",
            "largest loss clean", "smallest loss noisy", "fresh-noise error", "memory-test error", "T1", "crossing",
            "separation ends"])},
        ("2 seeds, mean", "| ReLU | 0.2 | 140 | 2 |", "| squared | 0.3 | 100 | 2 |", "| squared | 0.0 | 20 | 2 |"),
    ),
    "han2025-fig3": Case(
        {"seeds": 2, "signals": (4.0, 12.0), "rates": (0.1, 0.3), "steps": 200, "n": 20, "d": 3000, "m": 4},
        {"cells": (4, [
            "n·SNR²", "‖μ‖", "τ", "n·SNR²(1−2τ)", "crossing", "log 2 separates from", "to",
            "fresh-noise error at the end", "memory-test error", "min τ/2"])},
        ("n = 20, d = 3000, m = 4, 200 steps, 2 seeds",),
    ),
    "han2025-phases": Case(
        COMMON | {"seeds": 2, "n_snr2": [1.0, 4.0, 12.0], "tau": [0.1, 0.4], "steps": 160},
        {"cells": (6, ["n_snr2", "tau", *COUNTS, "crossing", ...])},
        ("160 steps, 2 seeds a cell", "| 2 to 3 | 2 |", "| 5 to inf | 2 |"),
    ),
    "han2025-policies": Case(
        COMMON | {"seeds": 2, "tau": [0.3], "steps": 80},
        {"runs": (12, ["tau", "algorithm", "seed", "draw_seed", "status", "reason", "test_error",
                       "memory_test_error", ...]),
         "gains": (5, ["τ", "policy", "seeds", "gain", "low", "high"])},
        ("80 steps, 2 seeds", "| 0.3 | oracle at T1, drop |"),
        frozenset({"reason"}),
    ),
    "huang2025-error-bound": Case(
        {"seeds": 1, "cells": ((10, 2000), (20, 2000), (20, 8000)), "m": 4, "steps": 1000},
        {"errors": (6, RARE), "exponents": (2, RARE_FIT)},
        ("m = 4, p = 0.1", "1 seeds", "| signal output 0.5 | 3 | 0 |", "| signal output 1 | 3 | 0 |"),
    ),
    "huang2025-fig3": Case(
        COMMON | {"seeds": 2, "n": [20, 30, 40], "snr": [0.03, 0.1, 0.3], "steps": 60},
        {"cells": (18, ["n", "snr", *COUNTS, "test_error", ...]),
         "boundary": (6, ["n", "crossing", "low", "high", "seeds", "missing", "predicted", "algorithm"])},
        ("d = 2000 and η = 1 in every cell", "60 steps, 2 seeds a cell, random numbers the same in all cells",
         "| label-noise GD | 18 | 0 |"),
    ),
    "huang2025-fig3-inside": Case(
        COMMON | {"seeds": 2, "n": [20, 30, 40], "snr": [0.03, 0.1, 0.3], "steps": 60},
        {"cells": (18, ["n", "snr", *COUNTS, "test_error", ...]),
         "boundary": (6, ["n", "crossing", "low", "high", "seeds", "missing", "predicted", "algorithm"])},
        ("d = n² log n, σ_0σ_p√d = 0.01", "2 seeds a cell, random numbers the same in all cells", "| GD | 18 | 0 |"),
    ),
    "huang2025-lemmas": Case(
        {"seeds": 2, "inside": LEMMAS.replace(n=4, m=6), "outside": LEMMAS, "rates": (0.3,), "steps": (40, 200)},
        {"statements": (81, ["statement", "inside, GD", "inside, label noise", "κ = 0.3, GD", "κ = 0.3, label noise"]),
         "check-inside-GD": (50, CHECK), "check-inside-label-noise": (66, CHECK), "check-0.3-GD": (50, CHECK),
         "check-0.3-label-noise": (66, CHECK)},
        ("Seeds 0..1, constants 1", "κ = ησ_p²d/(nm)", "n = 6, d = 900, m = 4", "2 of 2 (outside)"),
    ),
    "karhadkar2024-grid": Case(
        {"seeds": 2, "sizes": (10, 20), "ratios": (2, 4), "filters": 8},
        {"cells": (8, ["γ", "n", "d/n", "runs", "at zero loss", "test error", "low", "high", "smallest", "largest"]),
         "runs": (16, ["γ", "n", "d/n", "seed", "steps to zero loss", "test error", "fits", "benign", "harmful"])},
        ("8 filters with outer weights ±1", "Seeds 600..601; 16 of 16 runs came to zero loss", "| 1/d | 4 | 0.",
         "| 5/n | benign | outside regime | 4 |"),
    ),
    "kou2023-heatmap": Case(
        COMMON | {"seeds": 2, "d": [100, 200, 300], "signal_norm": [0.1, 1.0, 6.0], "steps": 30},
        {"cells": (9, ["d", "signal_norm", "runs", "test_error_observed", "test_error_observed_se", "test_error",
                       "test_error_se", "train_loss", "train_loss_se", "flipped", "flipped_se"]),
         "boundary": (3, ["d", "crossing", "low", "high", "seeds", "missing"])},
        ("18 runs (0 not completed)", "30 steps, 2 seeds a cell", "| whole diagram | 9 |", "lr = 0.1"),
    ),
    "regularisers": Case(
        {"seeds": 2, "problem": ts.SignalNoise(n=16, d=400, m=6, signal_norm=1.0, noise_std=0.5, init_std=0.01),
         "rules": ("gradient descent", "early stopping, loss", "mini-batches", "SAM", "label noise"), "n": (16, 32, 48),
         "n_snr2": (0.125, 1.0, 8.0), "budget": 40, "build_seeds": 1, "build_n_snr2": (1.0,), "high": (1.0,),
         "review_budget": 30},
        {"choices": (5, ["rule", "symbol", "choices", "best_kappa", "best_strength", "best_error", ...]),
         "scan": (126, ["algorithm", "n", "n_snr2", "seed", "draw_seed", "status", "diverged", "test_error",
                        "train_loss", "evaluations", "learned_at"]),
         "boundary": (42, ["n", "crossing", "low", "high", "seeds", "missing", "algorithm", "side"]),
         "high": (8, ["algorithm", "n", "n_snr2", "seed", "draw_seed", "diverged", "log10_error", "train_loss",
                      "learned_at"]),
         "edge": (36, ["a", "ratio", "kappa", "seed", "diverged", "test_error", "swing", "train_loss"]),
         "review": (112, ["m", "noise_std", "lr", "kappa", "algorithm", "seed", "diverged", "test_error",
                          "train_loss"])},
        ("d = 400, m = 6", "40 gradient evaluations for every rule", "n = 16, 48 and n·SNR² = 1, seeds 0..0",
         "seeds 500..501", "seeds 500..503", "| 10 | 2.0 | 1.0 |"),
    ),
    "second-order-law": Case(
        {"seeds": 2, "settings": (LawSetting(SLOW_NOISE, 0.2, (0.1, 0.3, 1.0)), LawSetting(SLOW_NOISE.replace(n=8), 0.1,
                                                                                           (0.3,))),
         "centre": LawSetting(SLOW_NOISE, 0.2, (0.2,))},
        {"runs": (8, ["setting", "kappa", "seed", "T2", "law", "closed", "leading", "field", "theorem", "lemma"]),
         "ratios": (4, ["setting", "κ", "seeds", "T2", "law of the draw", "closed law", "closed law, leading Ψ",
                        "mean field", "Theorem 3.3", "Lemma 4.5"]),
         "exponents": (7, ["parameter", "measured", "low", "high", "law, power", "law of the draw", "Lemma 4.5, power",
                           "Lemma 4.5", "seeds", "not reached"])},
        ("n·SNR² = 0.6, p = 0.2, n = 6, m = 8, d = 1e+06", "Seeds 100..101", "at κ = 0.2", "| signal_norm |"),
    ),
    "label-noise-transition": Case(
        {"seeds": 2, "crossing": Crossing((0.45, 0.7, 2.0), (2000, 10**14), n=10, m=8, n_snr2=0.4),
         "rebirth": Rebirth((0.7,), (0.01, 0.3), ((8, 0.1), (4, 0.1)), n=10, n_snr2=0.4),
         "extinction": Extinction((0.3, 0.45), (0.2, 0.38, 0.45), QUIET, 2000, 4),
         "erasure": Erasure((0.5, 1.0, 2.0), (0.03, 0.06))},
        {"kappa-runs": (12, ["d", "kappa", "seed", *ENDS, "law"]), "kappa": (6, ["d", "κ", *TOLD, "T2/law", ...]),
         "rebirth-runs": (8, ["kappa", "overlap", "m", "u", "d", "seed", *ENDS]),
         "rebirth": (4, ["κ", "√(n/d)/u", "start", "d", "deaths", "births", "T2/mean field"]),
         "flips-runs": (16, ["kappa", "p", "steps", "seed", "psi", "predicted", "memory", "signal"]),
         "flips": (8, ["κ", "p", "steps", "memory", "F at the end", "Ψ predicted", "½ − p", "Ψ measured",
                       "measured/predicted"]),
         "snr-runs": (12, ["snr_squared", "kappa", "seed", "growth", "predicted", "share_first", "share_last"]),
         "snr": (3, ["SNR²", "1 − SNR²", "κ = 0.03", "κ = 0.06", "κ → 0", "S/(S + F), first", "last"])},
        ("Seeds 200..201", "n·SNR² = 0.4, p = 0.1, n = 10, m = 8, u = σ_0σ_p√d = 0.01", "At d = 1e+14 the medians",
         "within 10% at 2 of 2 values of κ", "| κ | √(n/d)/u | m = 8, u = 0.1 | m = 4, u = 0.1 |", "| extinct |"),
    ),
    "second-order-fresh": Case(
        {"seeds": 2, "m": 6, "sizes": ((16, 10**5), (20, 10**6)), "centre": LawSetting(QUICK, 0.2, (0.2,)), "claims": (
            Claim("closed", "closed", 0.97, 1.03, (LawSetting(QUICK, 0.2, (0.2, 0.45)),)),
            Claim("field", "field", 0.97, 1.06, (
                LawSetting(QUICK, 0.2, (0.3, 1.0)), LawSetting(SLOW_NOISE, 0.1, (1.0,)))),
        )},
        {"verdicts": (6, ["what", "must be", "measured", "so"]),
         "runs": (10, ["claim", "setting", "d/n", "kappa", "seed", "T2", "predicted", "ratio"]),
         "ratios": (5, ["claim", "setting", "d/n", "kappa", "seeds", "with_ratio", "T2", "median", ...]),
         "exponents": (7, ["parameter", "measured", "low", "high", "law, power", "law of the draw", "Lemma 4.5, power",
                           "Lemma 4.5", "seeds", "not reached"]),
         "errors": (6, ["at", "n", "d", "seed", "step", "measured", ...])},  # in two runs one class does not get there
        ("Seeds 400..401", "m = 12", "p = 0.2, n = 8", "| closed | medians in [0.97, 1.03] |", "at κ = 0.2",
         "| both classes | eigenvalue as measured | 2 | 4 |"),
    ),
    "huang2025-noise-laws": Case(
        {"seeds": 2, "paper": BRIEF, "lrs": (0.1,), "steps": 600, "level_lrs": (0.05, 0.1), "level_flips": (0.1, 0.2)},
        {"runs": (22, APPENDIX),
         "summary": (8, ["figure", "lr", "noise", "completed", "test accuracy", "max ρ̄/max γ", "loss, true labels",
                         "T2", "T2/law of the draw", "T2/mean field"]),
         "levels": (4, ["p", "η", "true labels", "with its multipliers", "expected, true labels",
                        "expected, with flips"])},
        ("n = 20, d = 2000, m = 6", "600 steps", "Seeds 600..601", "| 10 | 0.1 | N(1, 1) |", "| 0.2 | 0.1 |"),
    ),
    "huang2025-powers": Case(
        {"seeds": 2, "settings": [("14", BRIEF.replace(q=3), 0.1)], "starts": (0.02, 0.05), "steps": 600},
        {"runs": (8, APPENDIX), "summary": (4, ["figure", "q", "sigma_0", "lr", "noise", "completed", ...])},
        ("Figure 14: q = 3, n = 20", "d = 2000, p = 0.1, 600 steps", "| 14 | 3.0 | 0.05 |"),
        frozenset({"T2 of the law", "T2/law of the draw"}),
    ),
    "theorem-3-3": Case(
        {"seeds": 3, "problem": FEW, "p": 0.2, "steps": 20_000, "more": Family((8, 10), 1000)},
        {"runs": (3, ["seed", "samples of class +1", "T1", "t of Theorem 3.3", "T2 of Lemma 4.5", "c₂", "max γ at t",
                      "max γ of the run", "max γ allowed at the end", "training loss at t", "test error at t",
                      "test error at the end", "T2 of the law"]),
         "statements": (16, CHECK),
         "family": (6, ["n", "seed", "kappa", "t", "steps", "gamma at t", "gamma at the end", "train loss at t",
                        "test error at t", "test error at the end", "T2 of the law", "T2", "verdict", "as claimed",
                        "items not met"])},
        ("n = 2, d = 400, m = 6, p = 0.2", "20000 steps, seeds 100..102", "| huang2025.theorem_3_3.t2 |",
         "What this does not say", "d = 1000, σ_p = 1", "| 8 | 0.0156 |", "init_low"),
        frozenset({"T2"}),
    ),
    "zhang2026-fig2": Case(
        {"seeds": 2, "steps": 20_000, "problem": NET, "short": 1000},
        {"looks": (4, LOOKS), "times": (2, TIMES), "statements": (24, CHECK),
         "targets": (8, ["‖θ*‖", "step", "mean abs. ⟨w_i, θ*⟩", *LOOKS[2:]]),
         "lazy": (6, ["algorithm", "step", "network", "linearised", "difference of ‖θ − θ*‖"])},
        ("n = 30, d = 5, m = 40, η = 0.001, σ = 20, ‖θ*‖ = 1, 20000 steps, seeds 0..1", "zhang2026.theorem_2"),
        frozenset({"T2(0.9)"}),
    ),
    "zhang2026-lemmas": Case(
        {"seeds": 2, "problem": NET.replace(width=60), "lr": 4e-3, "widths": (16,), "chain_lr": 0.04,
         "targets": (1.0,)},
        {"statements": (26, ["statement", "runs", "setting", "true", "measured", "claimed"])},
        ("d = 5, n = 30, seeds 0..1", "| 2 of 2 |", "m = 16, η = 0.004, ‖θ*‖ = m^{−1/4}, H = I", "20 chains"),
    ),
    "zhang2026-sam": Case(
        {"seeds": 2, "steps": 12_000, "problem": NET, "chains": 3, "oscillation_steps": 1000, "settled": 5000},
        {"looks": (10, LOOKS), "times": (5, TIMES),
         "oscillation": (8, ["‖θ*‖", "step", "recursion", "chains", "rest", "√η"])},
        ("σ = 20, ‖θ*‖ = 1, 12000 steps, seeds 0..1", "Radius ρ = 0.1", "by 3 chains", "| SAM, shrink only | 12000 |"),
        frozenset({"T2(0.9)"}),
    ),
    "zhang2026-periodic": Case(
        {"seeds": 2, "period": 200, "problem": NET},
        {"periods": (20, ["from", "to", "label noise", "change", "−τ", "‖a‖", "moved"])},
        ("4000 steps, seeds 0..1", "Label noise on for 200 steps", "| 3800 | 4000 | off |"),
    ),
    "zhang2026-theorem2": Case(
        {"seeds": 2, "steps": 20_000, "problem": NET, "lr": 1e-3, "vary": {"width": (30, 60), "lr": (1e-3, 1.4e-3)},
         "alignment_lr": 1e-3, "vary_alignment": {"width": (30, 60), "lr": (1e-3, 1.4e-3)}},
        {"laws": (4, ["varied", "theorem_2", "derived.escape_time", "derived.slow_flow"]), "T1-exponents": (2, FIT),
         "T2-exponents": (2, FIT), "T1-runs": (8, STUDY), "T2-runs": (5, STUDY)},
        ("centre m = 40, σ = 20, η = 0.001 (T1) and 0.001 (T2); 2 seeds", "| lr = 0.0014 |", "**zhang2026.T2**"),
        frozenset({"low", "high", "normalised_low", "normalised_high"}),  # of an exponent that one seed has
    ),
    "zhang2025-phases": Case(
        {"seeds": 2, "steps": 600, "settings": {"patch, linear": PATCHES, "other": PATCHES.replace(kernel="ntk")},
         "pictured": ("other",)},
        {"runs": (4, ["task", "seed", "A4", "t_pol", "t1", "t2", "AUC at t1", ...]),
         "summary": (2, ["task", "A4", ...])},
        ("probability 0.4, 600 steps, seeds 0..1", "of 9 figures of the earlier trial", "of 4 runs"),
    ),
    "zhang2025-drift": Case(
        {"seeds": 2, "steps": 600, "bases": {"small": PATCHES}},
        {"runs": (16, ["task", "cause", "weights", "seed", "t1", "t2", "D", ...]),
         "summary": (8, ["task", "cause", "weights", "t2", "D", "D − exact", ...])},
        ("600 steps, seeds 0..1", "| small | 10% wrong clean labels | frozen at t2 |",
         "| small | kernel mismatch (rbf) |"),
    ),
    "zhang2025-fbr": Case(
        {"seeds": 2, "n": 150, "per_class": 2, "noises": (("symmetric", 0.4), ("pair", 0.4)), "kernels": ("linear",)},
        {"detection": (24, ["noise", "rate", "seed", "variant", "AUC", "rule", "zeros"]),
         "tails": (12, ["seed", "variant", "AUC", "rule", "zeros"]),
         "training": (24, ["noise", "rate", "seed", "kernel", "method", "accuracy"]),
         "trial": (10, ["noise", "variant", "quantity", "trial", ...])},
        ("150 training samples, 20 clean ones", "seeds 0..1", "122 clean samples", "| oracle |"),
    ),
    "selection-methods": Case(
        {"seeds": 2, "rates": (0.2,), "kernels": ("linear",),
         "sizes": Sizes(n=30, clean=6, d=1200, m=4, n_snr2=10.0, steps=200, kernel_steps=200, test=200)},
        {"runs": (18, ["rate", "seed", "method", "accuracy", "AUC", "precision", "recall", "stopped at"]),
         "accuracy": (9, ["method", "τ = 0.2", "over the plain network, τ = 0.2"]),
         "detection": (4, ["τ", "method", "detection AUC", ...])},
        ("30 training samples, d = 1200", "6 samples more", "2 seeds", "| patch: kept by linear reweighting |"),
    ),
}
ELSEWHERE = {  # in test_cli.py and the tests of the paper
    "huang2025-fig2", "huang2025-bounds", "chen2023-sam", "lu2024-oscillation", "wan2025-forgetting",
    "sakamoto2025-map", "sakamoto2025-time"}
REDRAWN = [  # all whose pictures have no sizes beside their tables
    "error-law", "han2025-early-stop-bound", "han2025-policies", "huang2025-error-bound", "label-noise-transition",
    "second-order-law", "selection-methods", "zhang2025-fbr", "zhang2026-theorem2", "best-noise", "regularisers"]
SWEEPS = [name for name in CASES if "store" in inspect.signature(
    figures()[name].run).parameters]
SWEEPS.append("huang2025-fig3-inside")  # whose options are those of huang2025-fig3


@cache
def report(name: str) -> Report:
    """The small reproduction, made once."""
    return reproduce(name, **CASES[name].options)


def table(name: str, of: str) -> pd.DataFrame:
    """A table of it."""
    return report(name).tables[of]


def spread(values: Sequence[float]) -> str:
    """Mean, smallest and largest of what is known, with three digits, as tables have them; and how many are not."""
    known = [value for value in values if not np.isnan(value)]
    rest = f"; {len(values) - len(known)} of {len(values)} not reached" if len(known) < len(values) else ""
    return f"{sum(known) / len(known):.3g} [{min(known):.3g}, {max(known):.3g}]{rest}" if known else "–"


def assert_same_tables(found: Report, expected: Report) -> None:
    """To the bit."""
    assert list(found.tables) == list(expected.tables) and found.text == expected.text
    for name, frame in expected.tables.items():
        pd.testing.assert_frame_equal(found.tables[name], frame, check_exact=True)


@pytest.mark.parametrize(("values", "text"), [
    ([1.0, 3.0], "2 [1, 3]"), ([1.0, np.nan, 3.0], "2 [1, 3]; 1 of 3 not reached"), ([np.nan] * 2, "–"), ([], "–"),
])
def test_spread_drops_nothing_silently(values: list[float], text: str) -> None:
    """What is not known is counted, in other words where asked for."""
    assert ours(values) == text and ours(pd.Series(values)) == text
    assert ours(values, "undefined") == text.replace("not reached", "undefined")


class TestEvery:
    """What all reproductions have in common."""

    def test_none_is_left_out(self) -> None:
        """Every one is in the table above or tested elsewhere."""
        assert set(CASES) | ELSEWHERE == set(figures())
        assert len(SWEEPS) == 5

    @pytest.mark.parametrize("name", CASES)
    def test_reports(self, name: str) -> None:
        """Name, title, setting and seeds; tables with all rows and columns, of which none is empty unawares."""
        made, case = report(name), CASES[name]
        assert made.name == name and set(made.tables) == set(case.tables)
        author, year = name.split("-")[0][:-4].capitalize(), name.split("-")[0][-4:]
        assert not year.isdigit() or f"{author} et al. {year}" in made.title
        for words in case.says:
            assert words in made.text
        assert "Interrupted" not in made.text
        missing = set()
        for key, (rows, columns) in case.tables.items():
            frame = made.tables[key]
            more = columns[-1] is ...
            names = columns[:-1] if more else columns
            assert list(frame.columns[:len(names)]) == names and more == (len(frame.columns) > len(names)), key
            assert len(frame) == rows, key
            nothing = frame.isna() | frame.isin(["–", "", "nan"])
            missing |= {column for column in frame if nothing[column].all()}
        assert missing == case.missing

    @pytest.mark.parametrize("name", CASES)
    def test_files(self, name: str, tmp_path: Path) -> None:
        """A picture, a page that shows it, and every table."""
        made = report(name)
        written = made.write(tmp_path / "new" / "folder")
        names = [f"{name}.png", f"{name}.md", *(f"{name}-{key}.csv" for key in made.tables)]
        assert [path.name for path in written] == names
        assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == sorted(names)
        assert matplotlib.image.imread(written[0]).std() > 0.01
        page = written[1].read_text(encoding="utf-8")
        assert page.startswith(f"# {made.title}\n") and f"({name}.png)" in page and made.text in page
        for path, frame in zip(written[2:], made.tables.values(), strict=True):
            again = pd.read_csv(path)
            assert list(again.columns) == list(frame.columns) and len(again) == len(frame)
            for column in frame.select_dtypes("float"):
                np.testing.assert_allclose(again[column], frame[column], rtol=1e-5)

    @pytest.mark.parametrize("name", CASES)
    def test_pictures(self, name: str) -> None:
        """Something is drawn in every axes, both axes of which are labelled; nothing has the same name twice."""
        axes = report(name).figure.axes
        assert axes
        for axis in axes:
            assert drawn(axis), "nothing to see"
            assert axis.get_ylabel()
            if axis.get_label() != "<colorbar>":
                assert any(other.get_xlabel() for other in below(axis, axes))
            legend = axis.get_legend()
            labels = [] if legend is None else [text.get_text() for text in legend.get_texts()]
            assert all(labels) and len(set(labels)) == len(labels)

    @pytest.mark.parametrize("name", CASES)
    def test_readable(self, name: str) -> None:
        """At the printed size: series told apart by all eyes, legends off the data, letters, labelled colour bars."""
        assert defects(report(name).figure) == []

    @pytest.mark.parametrize("name", REDRAWN)
    def test_redrawn(self, name: str, tmp_path: Path) -> None:
        """From what is written down the picture is the same: to six digits, times 12.7 in intervals of two seeds."""
        made = report(name)
        made.write(tmp_path)
        tables = {path.stem.removeprefix(f"{name}-"): pd.read_csv(path) for path in tmp_path.glob("*.csv")}
        with style.publication():
            picture = test_redraw.redraw.PICTURES[name](tables)
        again, lines = (test_redraw.drawn(one) for one in (picture, made.figure))
        assert len(again) == len(lines) > 0
        for found, expected in zip(again, lines, strict=True):
            np.testing.assert_allclose(found, expected, rtol=2e-4, atol=1e-9)

    @pytest.mark.parametrize("name", [name for name, case in CASES.items() if "cells" not in case.options])
    def test_again(self, name: str, capfd: pytest.CaptureFixture[str]) -> None:
        """The same seeds, the same report; and nothing is printed."""
        expected = report(name)
        capfd.readouterr()
        assert_same_tables(reproduce(name, **CASES[name].options), expected)
        assert capfd.readouterr() == ("", "")

    @pytest.mark.parametrize("name", [name for name, case in CASES.items() if "cells" in case.options])
    def test_again_in_part(self, name: str, capfd: pytest.CaptureFixture[str]) -> None:
        """The same runs have the same errors in less company, to which no exponents can be fitted."""
        expected, cell = table(name, "errors"), CASES[name].options["cells"][0]
        capfd.readouterr()
        found = reproduce(name, **CASES[name].options | {"cells": [cell]}).tables
        assert capfd.readouterr() == ("", "")
        mine = expected[(expected["n"] == cell[0]) & (expected["d"] == cell[1])].reset_index(drop=True)
        pd.testing.assert_frame_equal(found["errors"], mine, check_exact=True)
        assert set(found["exponents"]["exponent in d"]) == set(found["exponents"]["exponent in n"]) == {"–"}

    @pytest.mark.parametrize(("name", "bar", "runs"), [
        ("han2025-fig3", "han2025-fig3", 8), ("zhang2026-periodic", "zhang2026-periodic", 4),
        ("kou2023-heatmap", "sweep", 18),
    ])
    def test_progress(self, name: str, bar: str, runs: int, capfd: pytest.CaptureFixture[str]) -> None:
        """On stderr when asked for, to the last run; numbers are as without."""
        expected = report(name)
        capfd.readouterr()
        assert_same_tables(reproduce(name, **CASES[name].options, progress=True), expected)
        printed = capfd.readouterr()
        assert printed.out == "" and bar in printed.err and f"{runs}/{runs}" in printed.err

    def test_other_seeds_are_other_numbers(self) -> None:
        """More seeds are the same and further ones."""
        made = reproduce("huang2025-fig3", **CASES["huang2025-fig3"].options | {"seeds": 3})
        cells, before = made.tables["cells"], table("huang2025-fig3", "cells")
        assert set(cells["runs"]) == {3} and set(before["runs"]) == {2}
        assert "3 seeds a cell" in made.text and not np.allclose(cells["test_error"], before["test_error"])


def drawn(axis: Axes) -> bool:
    """Whether a number is shown: on a line, as a marker, or as a colour."""
    shown = [np.asarray(line.get_ydata(), dtype=float) for line in axis.lines]
    shown += [np.ma.filled(np.ma.asarray(values, dtype=float), np.nan)
              for one in axis.collections if (values := one.get_array()) is not None]
    shown += [np.asarray(one.get_offsets(), dtype=float) for one in axis.collections if one.get_array() is None]
    return any(np.isfinite(values).any() for values in shown)


def below(axis: Axes, axes: Sequence[Axes]) -> list[Axes]:
    """The axes itself, and those under it that share its horizontal axis."""
    box = axis.get_position()
    return [other for other in axes if other is axis or (
        axis.get_shared_x_axes().joined(axis, other) and np.isclose(other.get_position().x0, box.x0))]


def law_by_hand(run: ts.PatchRun) -> float:
    """min over y of mS_y/(2μ_{−y}) from the weights themselves; the first coordinate is the signal's."""
    m, weights = run.draw.m, run.weights_at()
    along = weights @ run.draw.vectors[0]
    noise = np.delete(weights, 0, axis=1)
    found = []
    for label, own in ((1, slice(0, m)), (-1, slice(m, 2 * m))):
        other = slice(m, 2 * m) if label == 1 else slice(0, m)
        votes = [sum(max(label * one, 0.0) ** 2 for one in along[side]) / m for side in (own, other)]
        found.append(m * max(votes[0] - votes[1], 0) / (2 * np.linalg.eigvalsh(noise[other] @ noise[other].T)[-1]))
    return float(min(found))


WEAK = ts.SignalNoise(n=16, d=2000, m=20, signal_norm=2.0, noise_std=0.5, init_std=0.01)


class TestRegularisers:
    """Equal cost, choices, rows against runs made alone, and what the page says of two rules."""

    def test_cost(self) -> None:
        """Every run takes all gradient evaluations, unless it was to stop or diverged."""
        scan = table("regularisers", "scan")
        stops = scan["algorithm"] == "early stopping, loss"
        assert set(scan["evaluations"][~stops & ~scan["diverged"]]) == {40.0}
        assert (scan["evaluations"][stops] <= 40).all() and (scan["evaluations"][stops] < 40).any()

    def test_choice(self) -> None:
        """The best is at least as good as the best at one step, and among what there was to choose from."""
        choices = table("regularisers", "choices").set_index("rule")
        assert (choices["best_error"] <= choices["fig2_error"]).all()
        assert choices.loc["label noise", "best_strength"] in (0.05, 0.1, 0.2, 0.3)
        assert choices.loc["gradient descent", "choices"] == 1 and not choices.loc["gradient descent", "at_edge"]

    @pytest.mark.parametrize("name", ["SAM", "mini-batches", "label noise"])
    def test_row(self, name: str) -> None:
        """Error, loss and time of one run, with its algorithm and seed spelled out."""
        scan = table("regularisers", "scan")
        row = scan[(scan["algorithm"] == name) & (scan["n"] == 32) & (scan["n_snr2"] == 8.0)].iloc[1]
        choice = table("regularisers", "choices").set_index("rule").loc[name]
        kappa, strength = float(choice["best_kappa"]), float(choice["best_strength"])
        problem = CASES["regularisers"].options["problem"].replace(n=32).replace(n_snr2=8.0)
        told: dict[str, Any] = {
            "SAM": {"sam_radius": strength * 6 * np.sqrt(32) / (0.5 * 20)},
            "mini-batches": {"batch_size": round(32 * strength)}, "label noise": {"label_noise": ts.Flip(strength)},
        }[name]
        cost = {"SAM": 2.0, "mini-batches": strength, "label noise": 1.0}[name]
        steps = round(40 / cost)
        run = ts.simulate(problem, ts.GradientDescent(kappa * 32 * 6 / (0.25 * 400), **told), steps, row["draw_seed"],
                          record_at=range(steps + 1))
        assert row["test_error"] == run.test_error(method="monte-carlo", n_test=2000).value
        assert row["train_loss"] == pytest.approx(run.column("train_loss")[-1], rel=1e-9)
        looks = sorted({round(40 / np.sqrt(2) ** k / cost) for k in range(12)} - {0})
        found = [step * cost for step in looks
                 if run.test_error(step, method="monte-carlo", n_test=2000).value <= 0.1]
        assert found == [] and np.isnan(row["learned_at"]) or row["learned_at"] == found[0]

    def errors(self, choices: Sequence[Choice], n_snr2: float) -> pd.DataFrame:
        """Test errors of four seeds, a column each."""
        made = regularisers_rows.scan(choices, WEAK, (16,), (n_snr2,), range(4), 400, lambda: None)
        return pd.DataFrame(made).pivot(index="seed", columns="algorithm", values="test_error")

    def test_noise_not_its_mean(self) -> None:
        """Flips learn the signal where smoothing with the same mean pull, at the same step, does not."""
        noise = Choice(NAMED["label noise"], 0.1, 0.7)
        found = self.errors([noise, *beside(noise)], 0.25)
        assert found["label noise"].max() < 0.01 and found["smoothing, mean of the noise"].min() > 0.3

    def test_smoothing_that_oscillates(self) -> None:
        """Beyond κ = 1/(2f*p(1 − p)), a = 2p, outputs of a memory do not come to rest, and smoothing learns, too."""
        rest = np.log(0.9 / 0.1)
        assert smoothing_edge(0.2) == pytest.approx(1 / (2 * rest * 0.09))
        made = pd.DataFrame(regularisers_rows.edge(WEAK.replace(n_snr2=0.25), (0.2,), (0.7, 1.5), range(3), 400,
                                                   lambda: None))
        below, above = made[made["ratio"] < 1], made[made["ratio"] > 1]
        assert below["test_error"].min() > 0.3 and above["test_error"].max() < 0.01
        assert below["swing"].max() < 0.01

    def test_edge_of_a_memory(self) -> None:
        """The map of one memory, iterated: a step 2% below the edge it comes to rest, 2% beyond it does not."""
        for a in (0.1, 0.3):
            p = a / 2
            for ratio, rests in ((0.98, True), (1.02, False)):
                kappa, f = ratio * smoothing_edge(a), 1.001 * np.log((1 - p) / p)
                for _ in range(4000):
                    last, f = f, f * (1 + 2 * kappa * (1 - p - 1 / (1 + np.exp(-f)))) ** 2
                assert (abs(f - last) < 1e-6) == rests

    def test_refusals(self) -> None:
        """Batches that are no whole number of samples; a study without what others are compared with."""
        with pytest.raises(ValueError, match="share=0.25: must be a whole number of the n=6 samples, is 1.5"):
            batch_of(WEAK.replace(n=6), 0.25)
        with pytest.raises(ValueError, match="rules=.*must have 'label noise'"):
            reproduce("regularisers", rules=("gradient descent",))


class TestSecondOrder:
    """Against runs made alone."""

    @pytest.mark.parametrize(("kappa", "resting"), [(0.3, True), (1.0, False)])
    def test_law(self, kappa: float, resting: bool) -> None:
        """The first step with max γ ≥ 1 of one draw, and all that is beside it."""
        runs, of = table("second-order-law", "runs"), SLOW_NOISE
        row = runs[(runs["setting"].str.endswith("n = 6")) & (runs["kappa"] == kappa) & (runs["seed"] == 101)].iloc[0]
        algorithm = ts.GradientDescent(kappa * of.n * of.m / of.d, ts.Flip(0.2))
        draw = ts.Draw.from_problem(of, 101)
        for name, one in (("T2", of), ("field", ts.MeanField.of(of))):
            gamma = ts.simulate(one, algorithm, 2000, 101, draw=draw, record_at=()).column("gamma_max")
            assert row[name] == np.flatnonzero(gamma >= 1)[0]
        law, snr2, u, mu = second_order.law_of(ts.Flip(0.2)), 0.1, 0.01, float(np.sqrt(0.1 * of.d))
        starts = second_order.starts_of(draw)
        assert row["law"] == pytest.approx(min(second_order.second_stage(one, kappa, snr2, law) for one in starts))
        lengths = np.log(1 / u) / kappa, np.log(6 / (of.init_std * mu)) / (of.n * kappa * snr2)
        assert row["theorem"] == pytest.approx(sum(lengths), rel=1e-9)
        assert np.isfinite(row["closed"]) == np.isfinite(row["leading"]) == resting
        if resting:
            first = second_order.predicted(of, algorithm, draw).T1
            psi = kappa * 0.2 * 0.8
            left = [(np.log(1 / one.signal) - one.samples * snr2 * np.log(np.sqrt(np.log(4)) / one.memory))
                    / (2 * kappa * snr2 * (one.samples * psi + one.dead * 0.3)) for one in starts]
            assert row["leading"] == pytest.approx(first + max(min(left), 0), rel=1e-9)

    def test_law_ratios(self) -> None:
        """Of two runs the median is the mean, as the table has it."""
        runs, ratios = table("second-order-law", "runs"), table("second-order-law", "ratios")
        group = runs[(runs["setting"] == ratios["setting"][0]) & (runs["kappa"] == 0.1)]
        ratio = group["T2"] / group["theorem"]
        assert ratios["Theorem 3.3"][0] == f"{ratio.mean():.3g} [{ratio.min():.3g}, {ratio.max():.3g}]"
        assert ratios["closed law"][2] == "–"

    def test_law_exponents(self) -> None:
        """A line for every seed through the times at three rates of flips, and at three signals."""
        exponents, of = table("second-order-law", "exponents").set_index("parameter"), SLOW_NOISE
        lr = 0.2 * of.n * of.m / of.d
        for name in ("p", "signal_norm"):
            slopes: dict[str, list[float]] = {"measured": [], "law of the draw": []}
            for seed in (100, 101):
                times, expected, values = [], [], []
                for factor in (0.7, 1.0, 1.4):
                    here = of.replace(signal_norm=of.signal_norm * factor) if name == "signal_norm" else of
                    algorithm = ts.GradientDescent(lr, ts.Flip(0.2 * factor if name == "p" else 0.2))
                    run = ts.simulate(here, algorithm, 20_000, seed, record_at=(), until=lambda seen: (
                        seen["gamma_max"] >= 1) & (seen["rho_bar_min"] >= 0.1))
                    found = run.stage_times()
                    told = second_order.predicted(here, algorithm, run.draw)
                    times.append(found.T2 - found.T1)
                    expected.append(told.T2 - told.T1)
                    values.append(factor)
                for column, one in (("measured", times), ("law of the draw", expected)):
                    slopes[column].append(float(np.polyfit(np.log(values), np.log(one), 1)[0]))
            for column, found in slopes.items():
                assert exponents.loc[name, column] == pytest.approx(np.mean(found), abs=6e-4)
        assert exponents["law, power"].to_dict() == {
            "lr": -2, "m": 2, "n": 1, "d": -1, "noise_std": -2, "signal_norm": -2, "p": -0.75}
        assert exponents["Lemma 4.5, power"].to_dict() == {
            "lr": -1, "m": 1, "n": 0, "d": 0, "noise_std": 0, "signal_norm": -2, "p": 0}

    def test_error_law(self) -> None:
        """One run stopped at T2, its error and its memory; and what the table makes of four."""
        errors = table("error-law", "errors")
        of = ts.SignalNoise(20, 10**6, 6, 1.0, 1.0, 1e-7).replace(n_snr2=0.5)
        algorithm = ts.GradientDescent(0.2 * of.n * of.m / of.d, ts.Flip(0.1))
        run = ts.simulate(of, algorithm, 30_000, 101, record_at=(), until=lambda seen: seen["gamma_max"] >= 1)
        row = errors[(errors["at"] == "T2") & (errors["n"] == 20) & (errors["seed"] == 101)].iloc[0]
        assert row["step"] == run.steps
        alone = run.test_error(method="rare-event", relative_error=0.2)
        assert row["measured"] == pytest.approx(-np.log(10) * alone.log10_value, rel=1e-12)
        signal, noise, labels = run.signal_products()[-1], run.noise_products()[-1], run.draw.labels
        parts, tops = [], []
        for branch, label in enumerate((1, -1)):
            own, other = (sum(max(label * one, 0.0) ** 2 for one in signal[side]) / 6 for side in (branch, 1 - branch))
            parts.append(own - other)
            memories = [sum(max(one, 0.0) ** 2 for one in noise[branch, :, i]) / 6 for i in range(20)
                        if labels[i] == label]
            alive = [one for one in memories if one > 0]
            tops.append(second_order.closed_eigenvalue(float(np.mean(alive)), len(alive), 6, 10**6, 1e-4))
        np.testing.assert_allclose(row[["signal_plus", "signal_minus"]].astype(float), parts, rtol=1e-12)
        assert row["closed"] == pytest.approx(min(6 * parts[0] / (2 * tops[1]), 6 * parts[1] / (2 * tops[0])))
        summary = table("error-law", "summary").set_index(["at", "predicted with"])
        rare = errors[(errors["at"] == "both classes") & (errors["measured"] >= 50)]
        logs = np.log(rare["measured"] / rare["eigenvalue"])
        told = summary.loc[("both classes", "eigenvalue as measured")]
        assert len(rare) == 4 == told["runs"] and told["ratio"].startswith(f"{np.exp(logs.mean()):.3f} [")
        assert told["R²"] == f"{1 - (logs ** 2).mean() / np.log(rare['measured']).var(ddof=0):.4f}"
        for at, group in errors.groupby("at"):
            above = sum(-one.measured > np.log(2) - one.d / one.n**2 for one in group.itertuples())
            assert f"in {above} of 4 ({at})" in report("error-law").text
        assert (rare[["signal_plus", "signal_minus"]].min(axis=1) >= 0.5).all() and (rare["step"] % 10 == 0).all()

    @pytest.mark.parametrize(("d", "kappa"), [(2000, 0.45), (2000, 2.0), (10**14, 0.7), (10**14, 2.0)])
    def test_transition_of_kappa(self, d: int, kappa: float) -> None:
        """T2 of both runs, the law, and sample by sample when its memory ends and begins again."""
        of = ts.SignalNoise(10, d, 8, 1.0, 1.0, 0.01 / d**0.5).replace(n_snr2=0.4)
        algorithm = ts.GradientDescent(kappa * 80 / d, ts.Flip(0.1))
        draw = ts.Draw.from_problem(of, 201)
        runs = table("label-noise-transition", "kappa-runs")
        row = runs[(runs["d"] == d) & (runs["kappa"] == kappa) & (runs["seed"] == 201)].iloc[0]
        field = ts.simulate(ts.MeanField.of(of), algorithm, 3000, 201, draw=draw, record_at=())
        exact = ts.simulate(of, algorithm, 3000, 201, draw=draw, record_every=1, until=lambda seen: (
            seen["gamma_max"] >= 1))
        assert (row["T2"], row["field"]) == (exact.steps, np.flatnonzero(field.column("gamma_max") >= 1)[0])
        flips, deaths, births, alive = second_order.law_of(ts.Flip(0.1)), 0, 0, 0
        for i, label in enumerate(draw.labels):
            own = exact.noise_products()[:, 0 if label > 0 else 1, :, i]
            there = [any(z > 0 for z in now) for now in own]
            deaths += sum(before and not after for before, after in zip(there, there[1:]))
            births += sum(after and not before for before, after in zip(there, there[1:]))
            alive += there[-1]
        assert [row["deaths"], row["births"], row["alive"]] == pytest.approx([deaths / 10, births / 10, alive / 10])
        assert row["law"] == pytest.approx(min(second_order.second_stage(one, kappa, 0.04, flips)
                                               for one in second_order.starts_of(draw)))

    def test_transition_says_where_memory_is_killed_and_reborn(self) -> None:
        """No death below ½; beyond, one a sample and the mean field at d = 10¹⁴, at 2000 many births, and later."""
        runs = table("label-noise-transition", "kappa-runs")
        below, beyond = runs[runs["kappa"] < 0.5], runs[runs["kappa"] > 0.5]
        assert (below[["deaths", "births"]] == 0).all(axis=None) and (below["alive"] == 1).all()
        far, near = beyond[beyond["d"] == 10**14], beyond[beyond["d"] == 2000]
        assert (abs(far["T2"] / far["field"] - 1) < 0.1).all() and far["deaths"].between(0.8, 1.1).all()
        assert far["births"].max() < 0.1 < 0.5 < near["births"].min() and (near["T2"] / near["field"]).median() > 1.05
        born = table("label-noise-transition", "rebirth-runs").groupby(["overlap", "m"])["births"].mean().unstack()
        assert (born.loc[0.3] > born.loc[0.01]).all() and born.loc[0.3, 8] > born.loc[0.3, 4]

    @pytest.mark.parametrize(("kappa", "p", "extinct"), [(0.3, 0.2, False), (0.3, 0.38, False), (0.45, 0.45, True)])
    def test_transition_of_flips(self, kappa: float, p: float, extinct: bool) -> None:
        """The mean pull found from every output and flip, and predicted to 3%, or 20% where samples are few."""
        runs = table("label-noise-transition", "flips-runs")
        chosen = (runs["kappa"] == kappa) & (runs["p"] == p) & (runs["steps"] == 2000)
        row = runs[chosen & (runs["seed"] == 200)].iloc[0]
        run = ts.simulate(QUIET, ts.GradientDescent(kappa * 100 / QUIET.d, ts.Flip(p)), 2000, 200, record_every=1)
        flips = run.label_multipliers(2000)
        pulls = [flips[t] / (1 + np.exp(flips[t] * run.draw.labels * run.outputs(t))) for t in range(500, 2000)]
        assert row["psi"] == pytest.approx(np.mean(pulls), rel=0.01)  # to first order in λ
        expected = 0.5 - p if extinct else second_order.psi(kappa, second_order.law_of(ts.Flip(p)))
        assert row["predicted"] == pytest.approx(expected, rel=1e-12)
        assert runs.loc[chosen, "psi"].mean() == pytest.approx(expected, rel=0.2 if extinct else 0.03)
        assert (runs.loc[chosen, "memory"] < 1e-6).all() == extinct

    def test_transition_of_snr(self) -> None:
        """The growth found from one run alone; its sign turns at SNR = 1, where label noise begins to erase."""
        runs = table("label-noise-transition", "snr-runs")
        of = ts.SignalNoise(4, 10**10, 20, 1.0, 1.0, 1e-6).replace(n_snr2=8.0)
        run = ts.simulate(of, ts.GradientDescent(0.03 * 80 / 10**10, ts.Flip(0.2)), 8889, 201, record_at=[333])
        levels = []
        for place in (list(run.steps_recorded).index(333), -1):
            signal, noise = run.signal_products()[place], run.noise_products()[place]
            level = sum(np.log(np.mean([max(label * s, 0) ** 2 for s in signal[j]])) for j, label in enumerate((1, -1)))
            for i, label in enumerate(run.draw.labels):
                level -= 2 * np.log(np.mean([max(z, 0) ** 2 for z in noise[0 if label > 0 else 1, :, i]]))
            levels.append(level)
        row = runs[(runs["snr_squared"] == 2) & (runs["kappa"] == 0.03) & (runs["seed"] == 201)].iloc[0]
        assert row["growth"] == pytest.approx((levels[1] - levels[0]) / 8556 / (4 * 0.03**2 * 0.16 * 8), rel=1e-9)
        small = runs[runs["kappa"] == 0.03].groupby("snr_squared").mean()
        np.testing.assert_allclose(runs["predicted"], 1 - runs["snr_squared"], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(small["growth"], 1 - small.index, atol=0.3)
        assert small.loc[2, "share_first"] > 0.8 > 0.3 > small.loc[2, "share_last"]
        assert small.loc[0.5, "share_first"] < small.loc[0.5, "share_last"]
        with pytest.raises(ValueError, match=r"kappas=\(0.1, 0.2\): κ·n·SNR² is up to 1.6, must be at most 0.5"):
            Erasure((0.5, 2.0), (0.1, 0.2))

    @pytest.mark.parametrize(("p", "kappa"), [(0.1, 0.3), (0.3, 1.0)])
    def test_best_cell(self, p: float, kappa: float) -> None:
        """The error of one run from its weights, that of its mean field, and the loss of its last steps."""
        errors, steps = table("best-noise", "errors"), 120
        row = errors[(errors["p"] == p) & (errors["kappa"] == kappa) & (errors["seed"] == 401)].iloc[0]
        algorithm = ts.GradientDescent(kappa * TEN.n * TEN.m / TEN.d, ts.Flip(p))
        run = ts.simulate(TEN, algorithm, steps, 401, record_at=())
        assert row["log10_error"] == pytest.approx(-law_by_hand(run) / np.log(10), rel=1e-9)
        field = ts.simulate(ts.MeanField.of(TEN), algorithm, steps, 401)
        assert row["log10_error_field"] == pytest.approx(field.log_error_law() / np.log(10), rel=1e-12)
        assert row["train_loss"] == pytest.approx(np.mean(run.column("train_loss")[-50:]))

    def test_best_ridge(self) -> None:
        """Seed by seed the κ of the smallest error."""
        errors, ridge = table("best-noise", "errors"), table("best-noise", "ridge")
        for one in ridge.itertuples():
            best = []
            for seed in (400, 401):
                found = {row.log10_error: row.kappa for row in errors.itertuples()
                         if (row.p, row.seed) == (one.p, seed)}
                best.append(found[min(found)])
            assert [one.lowest, one.highest] == [min(best), max(best)]
            assert one.rest == pytest.approx(np.log(1 / (1 - one.p))) and one.at_once == 0.5 / (1 - one.p)

    @pytest.mark.parametrize(("kappa", "resting"), [(0.3, True), (1.0, False)])
    def test_best_times(self, kappa: float, resting: bool) -> None:
        """There the error is what was asked for, at the look before it is not; and the law's time for it."""
        times = table("best-noise", "times")
        row = times[(times["kappa"] == kappa) & (times["seed"] == 400)].iloc[0]
        algorithm = ts.GradientDescent(kappa * TEN.n * TEN.m / TEN.d, ts.Flip(0.2))
        looks = sorted({round(1.02**k) for k in range(600)})
        at = {column: int(row[column]) for column in ("measured", "estimated")}
        before = {column: max(step for step in looks if step < at[column]) for column in at}
        run = ts.simulate(TEN, algorithm, max(at.values()), 400, record_at=[*at.values(), *before.values()])
        assert -second_order.minus_log_error_of(run, at["measured"]) <= -10 * np.log(10) < (
            -second_order.minus_log_error_of(run, before["measured"]))
        late, early = (run.test_error(step["estimated"], method="rare-event", relative_error=0.2).log10_value
                       for step in (at, before))
        assert late <= -10 < early
        assert np.isfinite(row["law"]) == resting
        if resting:
            law, starts = second_order.law_of(ts.Flip(0.2)), second_order.starts_of(run.draw)
            parts = [second_order.signal_reached(one, row["law"], kappa, TEN.snr**2, law) for one in starts]
            tops = [second_order.closed_eigenvalue(law.rest - part, one.samples, TEN.m, TEN.d, TEN.init_scale)
                    for part, one in zip(parts, starts, strict=True)]
            assert second_order.minus_log_error(parts, tops, TEN.m) == pytest.approx(10 * np.log(10), rel=1e-4)

    def test_best_laws(self) -> None:
        """All at rest at ln 9, of two means and variances; T2 of one; what the variance would say."""
        laws = table("best-noise", "laws")
        np.testing.assert_allclose(laws["rest"], np.log(9), rtol=1e-9)
        for name, column, value in (("mean", "mean", 0.8), ("variance", "variance", 0.36)):
            same = laws["law"].str.endswith(f"same {name}")
            assert same.sum() == 4
            np.testing.assert_allclose(laws.loc[same, column], value, rtol=1e-9)
        of = laws[laws["seed"] == 401].set_index("law")
        noise = ts.Gaussian(0.8, np.sqrt(1.6 / np.log(9)))
        run = ts.simulate(TEN, ts.GradientDescent(0.1 * TEN.n * TEN.m / TEN.d, noise), int(of["T2"].max()), 401)
        assert of.loc["Gaussian, same mean", "T2"] == np.flatnonzero(run.column("gamma_max") >= 1)[0]
        told = of.loc["flips", "T2"] * 0.36 / (1.6 / np.log(9))
        assert of.loc["Gaussian, same mean", "by variance"] == pytest.approx(told, rel=1e-9)

    def test_best_schedules(self) -> None:
        """In two parts as in one: noise throughout, and multipliers that are 1 after half of the steps."""
        schedules, lr = table("best-noise", "schedules"), 0.6 * TEN.n * TEN.m / TEN.d
        of = schedules[schedules["seed"] == 401].set_index("schedule")
        algorithm = ts.GradientDescent(lr, ts.Flip(0.1))
        whole = ts.simulate(TEN, algorithm, 120, 401, record_at=())
        for name, end in (("noise throughout", 120), ("noise off at ½", 60), ("noise off at 9/10", 108),
                          ("no noise", 0)):
            given = whole.label_multipliers().copy()
            given[end:] = 1
            run = ts.simulate(TEN, algorithm, 120, 401, record_at=(), label_noise=given)
            assert of.loc[name, "log10_error"] == pytest.approx(-law_by_hand(run) / np.log(10), rel=1e-7)
            assert of.loc[name, "train_loss"] == pytest.approx(run.column("train_loss")[-1], rel=1e-7)
        first = ts.simulate(TEN, algorithm, 60, 401, record_at=())
        for name, given in (("noise on, κ = 0.1 at ½", whole.label_multipliers()[60:]),
                            ("noise off at ½, κ = 0.1", np.ones((60, TEN.n)))):
            start = first.draw.with_weights(first.weights_at().reshape(2, TEN.m, -1))
            run = ts.simulate(TEN, ts.GradientDescent(lr / 6), 60, 7, draw=start, label_noise=given, record_at=())
            assert of.loc[name, "train_loss"] == pytest.approx(run.column("train_loss")[-1], rel=1e-9)

    def test_what_must_be_true(self) -> None:
        """Every verdict from the runs: medians between two numbers, slopes, geometric means; one of them is not so."""
        made = {name: table("second-order-fresh", name) for name in ("verdicts", "runs", "exponents", "errors")}
        so = made["verdicts"].set_index("what")
        one = made["runs"][(made["runs"]["kappa"] == 0.3) & (made["runs"]["seed"] == 401)].iloc[0]
        draw, algorithm = ts.Draw.from_problem(QUICK, 401), ts.GradientDescent(0.3 / QUICK.kappa(1.0), ts.Flip(0.2))
        for column, of in (("T2", QUICK), ("predicted", ts.MeanField.of(QUICK))):
            gamma = ts.simulate(of, algorithm, 5000, 401, draw=draw, record_at=()).column("gamma_max")
            assert one[column] == np.flatnonzero(gamma >= 1)[0]
        for name, (low, high), inside in (("closed", (0.97, 1.03), 1), ("field", (0.97, 1.06), 3)):
            mine = made["runs"][made["runs"]["claim"] == name]
            middle = (mine["T2"] / mine["predicted"]).groupby([mine["setting"], mine["kappa"]]).mean()  # of two runs
            assert ((low <= middle) & (middle <= high)).sum() == inside
            assert so.loc[name, "so"] == f"{inside} of {len(middle)}"
            assert so.loc[name, "measured"] == f"{middle.min():.3f} to {middle.max():.3f}"
        gap = [abs(row["measured"] - row["law of the draw"]) for row in made["exponents"].to_dict("records")]
        assert so.loc["exponents of T2 − T1", "so"] == f"{sum(one <= 0.05 for one in gap)} of 7"
        assert so.loc["95% intervals of exponents", ["measured", "so"]].tolist() == ["all do", "7 of 7"]
        rare = made["errors"][made["errors"]["measured"] >= 50]
        for title, column, most in (("eigenvalue", "eigenvalue", 0.03), ("F and S", "closed", 0.1)):
            means = [np.exp(np.log(group["measured"] / group[column]).mean()) for _, group in rare.groupby("at")]
            told = so.loc[f"−ln(error), {title} as measured"]
            assert told["so"] == f"{sum(abs(one - 1) <= most for one in means)} of 2"
            assert told["measured"] == f"{min(means):.3f} to {max(means):.3f}"

    def test_theorem_3_3(self) -> None:
        """Times by their formulas, the bound by its own, verdicts by check()."""
        runs = table("theorem-3-3", "runs").set_index("seed")
        of, algorithm = FEW, ts.GradientDescent(1 / 400, ts.Flip(0.2))
        rate, growth = 1 / 12, 0.8 / 12  # κ and η‖μ‖²/m
        t = np.log(1 / (1e-3 * 20)) / rate + np.log(6 / (1e-3 * of.signal_norm)) / growth
        whole = [ts.simulate(of, algorithm, 20_000, seed, record_at=[int(np.ceil(t))]) for seed in (100, 101, 102)]
        for run in whole:
            row, gamma = runs.loc[run.seed], run.column("gamma_max")
            first = run.stage_times().T1
            largest = run.column("output_max")[int(first):int(row["T2 of Lemma 4.5"]) + 1].max()
            length = 4 * (1 + np.exp(largest)) * np.log(6 / (1e-3 * of.signal_norm)) / growth
            assert row["c₂"] == pytest.approx(largest)
            assert row["T2 of Lemma 4.5"] == np.ceil(first + length)
            assert row["t of Theorem 3.3"] == pytest.approx(t) and row["T1"] == first
            assert row["max γ of the run"] == gamma.max() and row["max γ at t"] == gamma[int(np.ceil(t))]
            assert row["test error at t"] == run.test_error(int(np.ceil(t))).value
            assert row["max γ allowed at the end"] == pytest.approx(self.allowed(run), rel=1e-9, nan_ok=True)
            assert np.isnan(self.allowed(run)) or self.allowed(run) >= gamma[-1]
        expected = ts.check(whole, "huang2025").table.set_index("statement")
        mine = table("theorem-3-3", "statements").set_index("statement")
        assert {"huang2025.theorem_3_3.t2", "huang2025.lemma_4_5.t2"} < set(mine.index)
        pd.testing.assert_frame_equal(mine, expected.loc[mine.index], check_exact=True)

    def test_appendix(self) -> None:
        """A row of Appendix G.3 is its run: losses by loops over records, T2 and what is predicted of it."""
        row = table("huang2025-noise-laws", "runs").query("figure == '11' and seed == 601").iloc[0]
        algorithm = ts.GradientDescent(0.1, ts.Gaussian(0.6, 1.0))
        late = np.unique(np.linspace(450, 600, 200, dtype=int))
        run = ts.simulate(BRIEF, algorithm, 600, 601, record_at=late)
        noise, plain, own = run.label_multipliers(), [], []
        for step in late[:-1]:
            for i, output in enumerate(run.outputs(int(step))):
                margin = run.draw.labels[i] * output
                plain.append(np.log1p(np.exp(-margin)))
                own.append(np.log1p(np.exp(-noise[step, i] * margin)))
        assert row["loss, true labels"] == pytest.approx(np.mean(plain), rel=1e-10)
        assert row["loss, with its multipliers"] == pytest.approx(np.mean(own), rel=1e-10)
        reached = np.flatnonzero(run.column("gamma_max") >= 1)
        assert row["T2"] == (reached[0] if reached.size else np.nan)
        assert row["T2 of the law"] == second_order.predicted(BRIEF, algorithm, run.draw).T2
        assert row["test accuracy"] == 1 - run.test_error(method="monte-carlo").value

    def test_theorem_3_3_family(self) -> None:
        """A row is its run: n = m, η = 1/(σ_p²d), times by their formulas, the verdict by check()."""
        frame = table("theorem-3-3", "family")
        assert frame["n"].tolist() == [8] * 3 + [10] * 3 and frame["seed"].tolist() == [100, 101, 102] * 2
        row = frame[(frame["n"] == 10) & (frame["seed"] == 101)].iloc[0]
        norm = np.sqrt(0.3 / 10 * 1000)
        problem = ts.SignalNoise(10, 1000, 10, norm, 1.0, 0.01 / np.sqrt(1000))
        t = 100 * np.log(100) + 10 * 1000 * np.log(6 / (0.01 / np.sqrt(1000) * norm)) / norm**2
        run = ts.simulate(problem, ts.GradientDescent(1e-3, ts.Flip(0.2)), int(np.ceil(4 * t)), 101,
                          record_at=[int(np.ceil(t))])
        gamma = run.column("gamma_max")
        assert row["t"] == pytest.approx(t) and row["steps"] == run.steps and row["kappa"] == pytest.approx(0.01)
        assert row["gamma at t"] == pytest.approx(gamma[int(np.ceil(t))], rel=1e-6)
        assert row["gamma at the end"] == pytest.approx(gamma.max(), rel=1e-6)
        reached = np.flatnonzero(gamma >= 1)
        assert row["as claimed"] == bool(reached.size and t / 4 <= reached[0] <= 4 * t)
        checked = ts.check(run, "huang2025").table.set_index("statement")
        assert row["verdict"] == checked.loc["huang2025.theorem_3_3.t2", "verdict"]
        items = checked[checked.index.str.contains("assumption_3_1")]
        unmet = items.index[items["holds"] < items["compared"]].str.removeprefix("huang2025.assumption_3_1.")
        assert row["items not met"].split(", ") == sorted(unmet)

    @staticmethod
    def allowed(run: ts.PatchRun) -> float:
        """s(0)(exp(n_j SNR²(gain + 4κ²T)) − 1) of the class with more, with the norms of the samples."""
        found, labels, norms = [], run.draw.labels, np.diag(run.draw.gram)
        lr = run.algorithm.lr / (run.draw.n * run.draw.m)
        for branch, label in enumerate((1, -1)):
            gains = []
            for i in np.flatnonzero(labels == label):
                products = run.noise_products()[:, branch, :, i]
                top = products[0].argmax()
                if products[-1, top] <= 0:
                    return float("nan")
                gains.append(np.log(products[-1, top] / products[0, top]))
            if gains:
                size = norms[1:][labels == label]
                noise = 4 * (lr * norms[1:].max()) ** 2 * run.steps
                grown = len(gains) * norms[0] / size.min() * (max(*gains, 0) + noise)
                found.append((label * run.signal_products()[0, branch]).max() * np.expm1(grown))
        return float(max(found))


class TestHan2025:
    """Against runs made alone."""

    def test_bounds_exponents(self) -> None:
        """A fit to T1 at every single change of the centre; n·SNR² is held through the signal."""
        exponents = table("han2025-bounds", "exponents").set_index("parameter")
        assert exponents["theory"].to_dict() == {"n": 1, "m": 1, "lr": -1, "noise_std": -2, "d": -1, "init_std": 0}
        d = int(64 * np.log(8 / 0.05))
        of = noisy_labels(8, d, 4)
        centre = {"n": 8, "m": 4, "lr": descent(of).lr / 10, "noise_std": 1.0, "d": d, "init_std": of.init_std}
        changes = [{}, *({name: centre[name] * factor} for name, factors in {
            "n": (0.5, 2), "m": (0.5, 2), "lr": (0.5, 2), "noise_std": (0.7, 1.4), "d": (2, 4), "init_std": (1 / 3,),
        }.items() for factor in factors)]
        design, times = [], []
        for change in changes:
            point = centre | change
            fields = {name: point[name] for name in ("noise_std", "init_std")} | {
                name: int(point[name]) for name in ("n", "m", "d")}
            problem = of.replace(**fields).replace(n_snr2=10.0)
            runs = [ts.simulate(problem, ts.GradientDescent(point["lr"]), 700, seed, record_at=()) for seed in (0, 1)]
            times.append(np.mean([np.log(han2025.stage_times(run).T1) for run in runs]))
            design.append([1.0, *np.log([point[name] for name in exponents.index])])
        lines, logs = np.array(design)[:, 1:], np.array(times)
        for number, name in enumerate(exponents.index):  # each along its own values; the mean is typical of two seeds
            others = np.delete(np.arange(lines.shape[1]), number)
            mine = np.isclose(lines[:, others], lines[0, others]).all(axis=1)
            fitted = np.polyfit(lines[mine, number], logs[mine], 1)[0]
            assert exponents.loc[name, "exponent"] == pytest.approx(fitted, abs=1e-8)
        inside = (exponents["low"] <= exponents["theory"]) & (exponents["theory"] <= exponents["high"])
        close = (exponents["exponent"] - exponents["theory"]).abs() <= 0.02
        told = np.where(inside, "agrees", np.where(close, "agrees to 0.02", "disagrees"))
        assert (exponents["verdict"] == told).all()

    def test_bounds_early_error(self) -> None:
        """Twelve steps at n = 200, and the slope of the logarithm."""
        errors = table("han2025-bounds", "early-error")
        of = noisy_labels(200, 100, 20, n_snr2=3.0)
        runs = [ts.simulate(of, descent(of), 12, seed, record_at=()) for seed in range(3)]
        alone = [run.test_error(n_test=100_000, method="monte-carlo").value for run in runs]
        row = errors[errors["d/n"] == 0.5].iloc[0]
        np.testing.assert_allclose(row[["error", "standard error"]].tolist(),
                                   [np.mean(alone), np.std(alone, ddof=1) / 3**0.5], rtol=1e-12)
        slope = np.polyfit(errors["d/n"], np.log(errors["error"]), 1)[0]
        assert f"has the slope {slope:.3f} [" in report("han2025-bounds").text

    @pytest.mark.parametrize(("case", "changes", "constants"), [
        ("inside, τ = 0.2", {}, {}), ("τ = 0.4, c = 0.3", {"tau": 0.4}, {"rho_threshold": 0.3}),
        ("n·SNR² = 2, τ = 0.2", {"n_snr2": 2.0}, {}), ("τ = 0", {"tau": 0.0}, {}),
    ])
    def test_bounds_verdicts(self, case: str, changes: dict[str, float], constants: dict[str, float]) -> None:
        """Those of check() on the runs of each case."""
        of = noisy_labels(8, int(np.ceil(64 * np.log(160))), 4, **changes)
        looks = (1, 2, 3, *range(5, 60, 5))
        runs = [ts.simulate(of, descent(of), 60, seed, record_at=looks) for seed in (0, 1)]
        expected = ts.check(runs, "han2025", replay=True, **constants).table
        expected = expected[expected["statement"].str.startswith("han2025.")]
        verdicts = table("han2025-bounds", "verdicts")
        mine = verdicts[verdicts["case"] == case].drop(columns=["case"])
        pd.testing.assert_frame_equal(mine, expected, check_exact=True)

    def test_early_stop_bound(self) -> None:
        """The error at the step at which a run of one's own is stopped, and the plane through the means."""
        errors = table("han2025-early-stop-bound", "errors")
        of = noisy_labels(10, 4000, 1, n_snr2=10.0, start=0.1 / np.sqrt(4000))
        run = ts.simulate(of, descent(of), 100, 1, record_at=(), policy=ts.EarlyStopping(ts.FirstStage()))
        assert run.stopped_at == han2025.stage_times(run).T1
        alone = run.test_error()
        row = errors[(errors["stop"] == "T1, n·SNR² = 10") & (errors["d"] == 4000) & (errors["n"] == 10)
                     & (errors["seed"] == 1)].iloc[0]
        assert row[["log10_error", "low", "high", "method", "reliable"]].tolist() == [
            alone.log10_value, alone.log10_low, alone.log10_high, "rare-event", True]
        self.assert_exponents("han2025-early-stop-bound", "T1, n·SNR² = 10")

    @staticmethod
    def assert_exponents(name: str, stop: str) -> None:
        """Those of the plane through the three cells' means."""
        errors, fits = table(name, "errors"), table(name, "exponents").set_index("stopped at")
        sizes = errors[errors["stop"] == stop].assign(size=lambda one: np.log(-one["log10_error"] * np.log(10)))
        means = sizes.groupby(["n", "d"])["size"].mean().reset_index()
        plane = np.column_stack([np.ones(3), np.log(means["d"]), np.log(means["n"])])
        _, in_d, in_n = np.linalg.solve(plane, means["size"])
        after = "[" if errors["seed"].nunique() > 1 else "(one seed)"
        assert fits.loc[stop, "exponent in d"].startswith(f"{in_d:.3f} {after}")
        assert fits.loc[stop, "exponent in n"].startswith(f"{in_n:.3f} {after}")
        free = means["size"] - np.log(means["d"] / means["n"])
        assert fits.loc[stop, "R² of d/n"] == f"{1 - free.var() / means['size'].var():.3f}"

    def test_fig1(self) -> None:
        """A row of flipped and one of clean labels, at a look and at the end."""
        frame = table("han2025-fig1", "settings")
        assert frame[["setting", "τ", "step"]].to_numpy().tolist() == [
            ["ReLU", 0.2, 20], ["ReLU", 0.2, 140], ["ReLU", 0.0, 20], ["ReLU", 0.0, 140],
            ["squared", 0.3, 20], ["squared", 0.3, 100], ["squared", 0.0, 20], ["squared", 0.0, 100]]
        for place, of, last, step in ((1, noisy_labels(10, 400, 4), 140, 140),
                                      (6, noisy_labels(10, 400, 4, tau=0.0, start=0.001, q=2), 100, 20)):
            runs = [ts.simulate(of, descent(of), last, seed) for seed in (0, 1)]
            times = [han2025.stage_times(run) for run in runs]
            row = frame.iloc[place]
            for title, column in (("accuracy clean", "clean_accuracy"), ("noisy", "noisy_accuracy"),
                                  ("max γ", "gamma_max"), ("max ρ̄ noisy", "rho_bar_max_noisy")):
                assert row[title] == spread([run.column(column)[step] for run in runs])
            outputs = [run.column("output_min_clean")[step] for run in runs]
            assert row["largest loss clean"] == spread([np.log1p(np.exp(-one)) for one in outputs])
            errors = [run.test_error(step, method="monte-carlo", n_test=100_000).value for run in runs]
            assert row["fresh-noise error"] == spread(errors)
            assert row["memory-test error"] == spread([run.test_error(step, kind="memory").value for run in runs])
            assert row["T1"] == spread([one.T1 for one in times])
            assert row["crossing"] == spread([one.crossing for one in times])
        assert frame.loc[1, "crossing"] != "–" and frame.loc[6, "noisy"] == "–"

    def test_fig1_steps(self) -> None:
        """May be asked for."""
        made = reproduce("han2025-fig1", seeds=1, settings=SETTINGS[:1], steps=30).tables["settings"]
        assert made["step"].tolist() == [20, 30, 20, 30]
        of = noisy_labels(10, 400, 4)
        assert made.loc[1, "max γ"] == spread(ts.simulate(of, descent(of), 30, 0).column("gamma_max")[-1:].tolist())

    def test_fig3(self) -> None:
        """Crossing, separation and errors of one cell."""
        frame = table("han2025-fig3", "cells")
        of = noisy_labels(20, 3000, 4, n_snr2=4.0, tau=0.3)
        runs = [ts.simulate(of, descent(of), 200, seed) for seed in (0, 1)]
        times = [han2025.stage_times(run) for run in runs]
        row = frame[(frame["n·SNR²"] == 4.0) & (frame["τ"] == 0.3)].iloc[0]
        assert row["‖μ‖"] == f"{of.signal_norm:.3g}" and row["n·SNR²(1−2τ)"] == "1.6" and row["min τ/2"] == 0.15
        over = [run.column("rho_bar_max_noisy") > run.column("gamma_max") for run in runs]
        assert all(one.any() for one in over) and row["crossing"] == spread([float(np.argmax(one)) for one in over])
        assert row["log 2 separates from"] == spread([one.separation[0] for one in times])
        assert row["to"] == spread([one.separation[1] for one in times])
        errors = [run.test_error(kind="memory").value for run in runs]
        assert row["memory-test error"] == spread(errors) and max(errors) > 0

    def test_phases(self) -> None:
        """Every measure of every cell, and the rows of the text."""
        frame = table("han2025-phases", "cells").set_index(["n_snr2", "tau"])
        leads = {}
        for x, tau in frame.index:
            of = noisy_labels(50, int(np.ceil(2500 * np.log(1000))), 20, n_snr2=x, tau=tau)
            runs = [ts.simulate(of, descent(of), 160, seed) for seed in (0, 1)]
            times = [han2025.stage_times(run) for run in runs]
            at = [int(one.T1) for one in times]
            row = frame.loc[x, tau]
            leads[x, tau] = np.mean([run.column("gamma_min")[t] > run.column("rho_bar_max")[t]
                                     for run, t in zip(runs, at, strict=True)])
            assert row["signal_leads"] == leads[x, tau]
            np.testing.assert_allclose(row["crossing"], pd.Series([one.crossing for one in times]).mean(), rtol=1e-12)
            apart = [((run.column("clean_accuracy") == 1) & (run.column("noisy_accuracy") == 0)).any() for run in runs]
            assert row["separates"] == np.mean(apart)
            errors = [run.test_error(kind="memory").value for run in runs]
            np.testing.assert_allclose(row["memory_test_error"], np.mean(errors), rtol=1e-12, atol=1e-15)
        assert set(leads.values()) >= {0.0, 1.0} and set(frame["separates"]) >= {0.0, 1.0}
        assert f"| 5 to inf | 2 | {leads[12.0, 0.1]:.2f} |" in report("han2025-phases").text

    POLICIES: dict[str, Any] = {
        "to convergence": None,
        "early stopping at T1": ts.EarlyStopping(ts.FirstStage()),
        "small loss at T1, drop": ts.SmallLossSelection(ts.FirstStage()),
        "small loss at T1, relabel": ts.SmallLossSelection(ts.FirstStage(), action="relabel"),
        "oracle at T1, drop": ts.OracleSelection(ts.FirstStage()),
        "small loss at step 3000, drop": ts.SmallLossSelection(ts.AtStep(3000)),
    }

    def test_policies(self) -> None:
        """Every policy on one seed; the gains are differences of the table's own errors."""
        runs, gains = (table("han2025-policies", name) for name in ("runs", "gains"))
        of = noisy_labels(100, 10_000, 100, tau=0.3)
        assert list(dict.fromkeys(runs["algorithm"])) == list(self.POLICIES)
        for name, policy in self.POLICIES.items():
            run = ts.simulate(of, descent(of), 80, 1, policy=policy)
            row = runs[(runs["algorithm"] == name) & (runs["seed"] == 1)].iloc[0]
            assert row["train_loss"] == pytest.approx(run.column("train_loss")[-1], rel=1e-9)
            assert row["memory_test_error"] == run.test_error(kind="memory").value
            chosen = run.selection
            assert pd.isna(row["precision"]) if chosen is None else row["precision"] == chosen.precision
            assert pd.isna(row["recall"]) if chosen is None else row["recall"] == chosen.recall
            assert pd.isna(row["stopped_at"]) if run.stopped_at is None else row["stopped_at"] == run.stopped_at
        assert runs["recall"].notna().sum() == 6 and runs["stopped_at"].notna().sum() == 2
        errors = runs.pivot(index="seed", columns="algorithm", values="memory_test_error")
        for gain in gains.itertuples():
            difference = errors["to convergence"] - errors[gain.policy]
            assert gain.gain == pytest.approx(difference.mean(), abs=1e-15)
            reach = stats.t.ppf(0.975, 1) * difference.std() / 2**0.5  # two seeds show no skewness
            assert [gain.low, gain.high] == pytest.approx([gain.gain - reach, gain.gain + reach], abs=1e-12)
        assert gains["policy"].tolist() == list(self.POLICIES)[1:]
        assert gains["gain"].max() > 0 and gains["gain"].iloc[-1] == 0  # step 3000 does not come


class TestHuang2025AndKou2023:
    """Against runs made alone."""

    def test_error_bound(self) -> None:
        """The first of every tenth step at which both labels' signal outputs reach the level, and the error there."""
        errors = table("huang2025-error-bound", "errors")
        of = ts.SignalNoise(
            n=10, d=2000, m=4, signal_norm=1.0, noise_std=1.0, init_std=0.5 / 2000).replace(n_snr2=1.0)
        algorithm = ts.GradientDescent(0.3 * 10 * 4 / 2000, ts.Flip(0.1))
        run = ts.simulate(of, algorithm, 1000, 0, record_every=10, until=lambda seen: seen["gamma_max"] >= 4.0)
        steps = []
        for step in run.steps_recorded:
            inner = run.draw.inner[:, 0] + run.coefficients[run.record(int(step))] @ run.draw.gram[:, 0]  # ⟨w_k, μ⟩
            plus, minus = ((np.maximum(side * inner, 0) ** 2) @ np.repeat([1, -1], 4) / 4 for side in (1, -1))
            if min(plus, -minus) >= 1.0:
                steps.append(int(step))
        assert 0 < steps[0] < run.steps and steps[0] % 10 == 0
        row = errors[(errors["stop"] == "signal output 1") & (errors["n"] == 10)].iloc[0]
        alone = run.test_error(steps[0])
        assert row[["log10_error", "low", "high"]].tolist() == [alone.log10_value, alone.log10_low, alone.log10_high]
        earlier = errors[(errors["stop"] == "signal output 0.5") & (errors["n"] == 10)].iloc[0]
        assert row["log10_error"] < earlier["log10_error"]
        TestHan2025.assert_exponents("huang2025-error-bound", "signal output 1")

    @pytest.mark.parametrize(("name", "made"), [
        ("huang2025-fig3", lambda n, snr: (2000, 0.01, 1.0)),
        ("huang2025-fig3-inside", lambda n, snr: (
            d := int(np.ceil(n**2 * np.log(n))), 0.01 / (0.5 * np.sqrt(d)), 0.3 * n * 20 / (0.5**2 * d))),
    ])
    def test_fig3(self, name: str, made: Callable[[int, float], tuple[int, float, float]]) -> None:
        """Mean and standard error of one cell for both algorithms, and the place where the error passes ¼."""
        cells, boundary = table(name, "cells"), table(name, "boundary")
        d, init_std, lr = made(30, 0.1)
        of = ts.SignalNoise(n=30, d=d, m=20, signal_norm=1.0, noise_std=0.5, init_std=init_std).replace(snr=0.1)
        for algorithm, law in (("GD", None), ("label-noise GD", ts.Flip(0.1))):
            runs = [ts.simulate(of, ts.GradientDescent(lr, law), 60, seed) for seed in (0, 1)]
            errors = [run.test_error(method="monte-carlo", n_test=10_000).value for run in runs]
            mine = cells[cells["algorithm"] == algorithm]
            row = mine[(mine["n"] == 30) & (mine["snr"] == 0.1)].iloc[0]
            np.testing.assert_allclose(row[["test_error", "test_error_se"]].tolist(),
                                       [np.mean(errors), np.std(errors, ddof=1) / 2**0.5], rtol=1e-12)
            assert row["gamma_max"] == pytest.approx(np.mean([run.column("gamma_max")[-1] for run in runs]), rel=1e-12)
            curve = mine[mine["n"] == 30].sort_values("snr")
            last = np.flatnonzero(np.diff(np.sign(curve["test_error"] - 0.25)))[-1]
            (x0, x1), (y0, y1) = (curve[key].iloc[last:last + 2] for key in ("snr", "test_error"))
            place = boundary[(boundary["algorithm"] == algorithm) & (boundary["n"] == 30)].iloc[0]
            assert place["crossing"] == pytest.approx(x0 + (0.25 - y0) * (x1 - x0) / (y1 - y0), rel=1e-12)
            assert f"n = 30: {place['crossing']:.4f} [" in report(name).text
            field = [ts.simulate(ts.MeanField.of(of), ts.GradientDescent(lr, law), 60, seed) for seed in (0, 1)]
            told = [run.test_error(method="monte-carlo", n_test=10_000).value for run in field]
            np.testing.assert_allclose(row[["predicted_test_error", "predicted_test_error_se"]].tolist(),
                                       [np.mean(told), np.std(told, ddof=1) / 2**0.5], rtol=1e-12)

    @pytest.mark.parametrize("name", ["huang2025-fig3", "huang2025-fig3-inside"])
    def test_predicted_boundary(self, name: str) -> None:
        """Where the prediction passes ¼: in table, text and picture, on the panel of its algorithm alone."""
        cells, boundary, axes = table(name, "cells"), table(name, "boundary"), report(name).figure.axes
        for panel, algorithm in enumerate(("GD", "label-noise GD")):
            curve = cells[(cells["algorithm"] == algorithm) & (cells["n"] == 30)].sort_values("snr")
            error = curve["predicted_test_error"].to_numpy()
            last = np.flatnonzero(np.diff(np.sign(error - 0.25)))[-1]
            x0, x1 = curve["snr"].iloc[last:last + 2]
            expected = x0 + (0.25 - error[last]) * (x1 - x0) / (error[last + 1] - error[last])
            place = boundary[(boundary["algorithm"] == algorithm) & (boundary["n"] == 30)].iloc[0]
            assert place["predicted"] == pytest.approx(expected, rel=1e-12)
            assert f"n = 30: {expected:.4f}" in report(name).text
            (line,) = [one for one in axes[panel].collections
                       if isinstance(one, ContourSet) and to_hex(one.get_edgecolor()[0]) == style.ORANGE.lower()]
            points = np.concatenate([path.vertices for path in line.get_paths()])
            assert np.abs(points - [30, expected]).min(axis=0) == pytest.approx([0, 0], abs=1e-12)
            labels = [text.get_text() for text in axes[panel].get_legend().get_texts()]
            assert labels == ["n·SNR² = 1", "test error = 0.25", "test error = 0.25, mean field"]
        assert all("mean field" not in text.get_text() for axis in axes[2:4] for text in axis.get_legend().get_texts())

    def test_cells_on_the_predicted_side(self) -> None:
        """Counted by algorithm and in all; those on the other side are named; a cell without a value is not counted."""
        cells = pd.DataFrame({
            "n": [10, 20, 10, 20, 30], "snr": [0.1, 0.1, 0.1, 0.2, 0.1], "algorithm": ["a", "a", "b", "b", "b"],
            "test_error": [0.3, 0.1, 0.2, 0.4, np.nan], "test_error_se": 0.01,
            "predicted_test_error": [0.4, 0.0, 0.31, 0.33, 0.1], "predicted_test_error_se": 0.02})
        found = predicted.sides(cells, 0.25).set_index("algorithm")
        assert found.loc["a"].tolist() == [2, 2, "100.0%", "0.100", "0.100", "none"]
        other = "b, n = 10, SNR = 0.1: 0.200 ± 0.010, predicted 0.310 ± 0.020"
        assert found.loc["b"].tolist() == [2, 1, "50.0%", "0.090", "0.110", other]
        assert found.loc["both"].tolist() == [4, 3, "75.0%", "0.095", "0.110", other]

    def test_kou(self) -> None:
        """One cell; the constant of the boundary."""
        cells, boundary = (table("kou2023-heatmap", name) for name in ("cells", "boundary"))
        of = ts.SignalNoise(
            n=20, d=200, m=10, signal_norm=6.0, noise_std=1.0, q=1, label_flip=0.1, orthogonal_noise=False,
            init_law="uniform", init_std=10 / np.sqrt(3 * 200), bias=1.0)
        runs = [ts.simulate(of, ts.GradientDescent(0.1 * 10**2), 30, seed) for seed in (0, 1)]
        row = cells[(cells["d"] == 200) & (cells["signal_norm"] == 6.0)].iloc[0]
        observed = [run.test_error(method="monte-carlo", n_test=1000, labels="observed").value for run in runs]
        true = [run.test_error(method="monte-carlo", n_test=1000).value for run in runs]
        assert row["test_error_observed"] == pytest.approx(np.mean(observed), rel=1e-12)
        assert row["test_error"] == pytest.approx(np.mean(true), rel=1e-12)
        assert row["train_loss"] == pytest.approx(np.mean([run.column("train_loss")[-1] for run in runs]), rel=1e-12)
        constants = 20 * boundary["crossing"] ** 4 / boundary["d"]
        words = f"has median {constants.median():.2f}, from {constants.min():.2f} to {constants.max():.2f}"
        assert words in report("kou2023-heatmap").text
        over = (cells["test_error_observed"] > 0.2).sum()
        assert 0 < over < 9 and f"exceeds 0.2 in {over} of 9 cells" in report("kou2023-heatmap").text

    def test_kou_without_a_boundary(self) -> None:
        """A diagram that is all failure has no line, and no constant."""
        made = reproduce("kou2023-heatmap", seeds=1, d=[100, 200], signal_norm=[0.1, 0.2], steps=5)
        assert made.tables["boundary"]["crossing"].isna().all()
        assert "exceeds 0.2 in 4 of 4 cells" in made.text and "has median nan" in made.text


class TestZhang2026:
    """Against runs made alone."""

    @staticmethod
    def runs(algorithm: ts.LinearSGD, steps: int, **options: Any) -> list[ts.LinearRun]:
        return [ts.simulate(NET, algorithm, steps, seed, **options) for seed in (0, 1)]

    def test_fig2(self) -> None:
        """Looks, times and verdicts."""
        looks, times, verdicts = (table("zhang2026-fig2", name) for name in ("looks", "times", "statements"))
        runs = self.runs(ts.LinearSGD(1e-3), 20_000, neurons=40, record_at=[0, 20_000])
        row = looks[(looks["algorithm"] == "label noise") & (looks["step"] == 20_000)].iloc[0]
        assert row["tr A/m"] == spread([run.column("mean_norm_sq")[-1] for run in runs])
        assert row["alignment"] == spread([run.column("alignment")[-1] for run in runs])
        assert times.loc[0, "T1, all"] == spread([run.stage_times().T1_all for run in runs]) != "–"
        assert times.loc[0, "T2(0.5)"] == spread([run.stage_times().T2_half for run in runs]) != "–"
        pd.testing.assert_frame_equal(verdicts, ts.check(runs, "zhang2026", replay=True).table, check_exact=True)
        plain = self.runs(ts.LinearSGD(1e-3, label_noise=False), 20_000)
        assert times.loc[1, "floor of the test loss"] == spread([run.loss_floor() for run in plain])

    def test_fig2_at_the_paper_s_length(self) -> None:
        """Raw inner products of both targets, and the linearised model written out."""
        targets = table("zhang2026-fig2", "targets")
        long = NET.replace(target_norm=20.0)
        runs = [ts.simulate(long, ts.LinearSGD(1e-3), 1000, seed, neurons=40, record_at=[500]) for seed in range(2)]
        row = targets[(targets["‖θ*‖"] == "20") & (targets["step"] == 500)].iloc[0]
        neurons = [run.neurons[run.steps_recorded.tolist().index(500)][:, :-1] @ run.draw.target for run in runs]
        assert row["mean abs. ⟨w_i, θ*⟩"] == spread([np.abs(one).mean() for one in neurons])
        lazy = table("zhang2026-fig2", "lazy").set_index(["algorithm", "step"])
        ends = []
        for seed in range(2):
            run = ts.simulate(NET, ts.LinearSGD(1e-3, label_noise=False), 200, seed, record_every=1)
            w, a, x = run.draw.factor[:, :-1], run.draw.factor[:, -1], run.draw.inputs
            theta = a @ w
            noise = StepNoise(NET, ts.LinearSGD(1e-3, label_noise=False), seed)
            for [sample] in noise.between(0, 200)[0]:
                g = x[sample] @ (theta - run.draw.target)
                theta = theta - 1e-3 * g * ((a @ a) * x[sample] + w.T @ (w @ x[sample]))
            ends.append(((theta - run.draw.target) ** 2).sum() / 2)
        assert lazy.loc[("no label noise", 200), "linearised"] == spread(ends)

    def test_lemmas(self) -> None:
        """Counts and numbers are those of check() on runs of its own."""
        frame = table("zhang2026-lemmas", "statements")
        of = NET.replace(width=16, target_norm=1.0)
        steps = int(np.ceil(np.log(250) / 4e-3))
        runs = [ts.simulate(of, ts.LinearSGD(4e-3, batch="full", label_noise=False), steps, seed, neurons=16,
                            draw=ts.LinearDraw.aligned(of, 4e-3**0.5, seed).whitened()) for seed in range(2)]
        row = frame[(frame["statement"] == "lemma_6.error") & frame["setting"].str.contains("= 1, H = I")].iloc[0]
        assert row["measured"] == spread([run.column("parameter_error")[-1] for run in runs])
        bound = 4e-3 * np.log(250)
        assert row["claimed"] == f"≤ {bound:.3g}"
        assert row["true"] == f"{sum(run.column('parameter_error')[-1] <= bound for run in runs)} of 2"

    def test_huang_lemmas(self) -> None:
        """Counts are those of check() on runs of its own, made again."""
        frame = table("huang2025-lemmas", "statements").set_index("statement")
        runs = [ts.simulate(LEMMAS, ts.GradientDescent(0.3 * 6 * 4 / (0.25 * 900), ts.Flip(0.1)), 200, seed)
                for seed in range(2)]
        found = ts.check(runs, "huang2025", replay=True).table.set_index("statement")
        for name, cell in frame["κ = 0.3, label noise"].items():
            row = found.loc[name if name.startswith("conc") else f"huang2025.{name}"] if cell else None
            if row is not None and row.compared:
                assert cell.split(" (")[0] == f"{row.holds} of {row.compared}"
                assert (cell.endswith("(outside)"), cell.endswith("(violated)")) == (
                    row.verdict == "outside regime", row.verdict == "violated")
            elif row is not None:
                assert cell == row.verdict
        assert frame["κ = 0.3, label noise"].str.contains("of 2").sum() > 20

    def test_lemmas_count_what_has_not_come(self) -> None:
        """Times of Theorem 2 are those of the runs in which all neurons have left, and the others are told."""
        frame = table("zhang2026-lemmas", "statements")
        rows = frame[frame["statement"] == "theorem_2"]
        shown = []
        for of, rate in ((NET.replace(width=60), 4e-3), (NET.replace(width=6, d=2), 8e-3)):
            bound = 384 * np.log(of.width) ** 0.5 / ((20 * rate) ** 2 * of.width**0.5)
            runs = [ts.simulate(of, ts.LinearSGD(rate), int(np.ceil(bound)), seed, neurons=of.width)
                    for seed in range(2)]
            left = [run.stage_times().T1_all for run in runs]
            shown.append((spread(left), f"{np.isfinite(left).sum()} of 2"))
        assert list(zip(rows["measured"], rows["true"], strict=True)) == shown

    def test_lemma_3_of_every_lazy_step(self) -> None:
        """Not of those among them that are recorded by default."""
        frame = table("zhang2026-lemmas", "statements").set_index("statement")
        of = NET.replace(width=60)
        worst = []
        for seed in range(2):
            run = ts.simulate(of, ts.LinearSGD(4e-3), 400, seed, neurons=60, record_every=1)
            first = int(run.stage_times().T1_first)
            noise, x = np.array([20.0, -20.0]), run.draw.inputs
            growth = -np.inf
            for step in (one for one in grid(400).tolist() if one < first):
                m = run.neurons[step]
                g = x @ (m[:, -1] @ m[:, :-1] - run.draw.target)
                excess = np.outer(m[:, -1] ** 2, (x**2).sum(axis=1)) - (m[:, :-1] @ x.T) ** 2
                growth = max(growth, ((g[:, None] + noise) ** 2 * excess.max(axis=0)[:, None]).max())
            worst.append(growth)
        assert frame.loc["lemma_3.growth", "measured"] == spread(worst)

    @pytest.mark.parametrize(("name", "options"), [
        ("SAM", {"label_noise": False, "sam_radius": 0.1}),
        ("SAM, shrink only", {"label_noise": False, "sam_radius": 0.1, "sam_terms": "shrink"}),
        ("SAM, oscillation only", {"label_noise": False, "sam_radius": 0.1, "sam_terms": "oscillation"}),
        ("SAM with label noise", {"sam_radius": 0.1}),
        ("label noise", {}),
    ])
    def test_sam(self, name: str, options: dict[str, Any]) -> None:
        """Every algorithm is what it is called."""
        looks, times = (table("zhang2026-sam", key).set_index("algorithm") for key in ("looks", "times"))
        runs = self.runs(ts.LinearSGD(1e-3, **options), 12_000)
        end = looks[looks["step"] == 12_000].loc[name]
        assert end["tr A/m"] == spread([run.column("mean_norm_sq")[-1] for run in runs])
        assert end["test loss"] == spread([run.column("test_loss")[-1] for run in runs])
        assert times.loc[name, "T3"] == spread([run.stage_times().T3 for run in runs])
        assert looks["tr A/m"].nunique() == 6  # five ends, and one start

    @pytest.mark.parametrize("norm", [1.0, 10.0])
    def test_oscillation(self, norm: float) -> None:
        """Recursion and chains at the looks, and where it comes to rest."""
        frame = table("zhang2026-sam", "oscillation")
        frame = frame[frame["‖θ*‖"] == f"{norm:g}"].set_index("step")
        here = NET.replace(target_norm=norm)
        mean = ts.simulate(here, ts.OscillatingLayer(1e-3), 1000, 0, record_at=[0, 100, 1000])
        chains = ts.simulate(here, ts.OscillatingLayer(1e-3, 3), 1000, 0, record_at=[0, 100, 1000])
        assert frame.index.tolist() == [0, 100, 1000, 5000]
        for place, step in enumerate((0, 100, 1000)):
            norms = chains.norms[place]
            assert frame.loc[step, "recursion"] == f"{mean.norms[place, 0]:.4g}"
            assert frame.loc[step, "chains"] == f"{norms.mean():.4g} ± {np.std(norms, ddof=1) / 3**0.5:.1g}"
        late = ts.simulate(here, ts.OscillatingLayer(1e-3), 5000, 0)
        assert frame.loc[5000, "recursion"] == f"{late.norms[-1, 0]:.4g}"
        h = late.draw.inputs.T @ late.draw.inputs / NET.n
        assert frame.loc[5000, "rest"] == spread([5e-4 * late.draw.target @ h @ late.draw.target])
        assert frame.loc[5000, "√η"] == spread([1e-3**0.5])

    def test_periodic(self) -> None:
        """The change of log tr A, and −η²ΣE[g²] with every step counted once."""
        frame = table("zhang2026-periodic", "periods")
        ends = list(range(0, 4001, 200))
        assert frame["from"].tolist() == ends[:-1] and frame["to"].tolist() == ends[1:]
        assert frame["label noise"].tolist() == ["on", "off"] * 10
        every = self.runs(ts.LinearSGD(1e-3, period=200), 4000, record_at=range(4001))  # so that all are watched
        for number, row in enumerate(frame.itertuples()):
            start, stop, on = row[1], row[2], number % 2 == 0
            norms = [run.observables["mean_norm_sq"] for run in every]
            assert row.change == pytest.approx(np.mean([np.log(one[stop] / one[start]) for one in norms]), rel=1e-9)
            sums = [2 * run.observables["train_loss"].loc[start:stop - 1].sum() + on * 200 * 400 for run in every]
            assert row[5] == pytest.approx(-1e-6 * np.mean(sums), rel=0.02 if on else 1.0)
        means = frame.groupby("label noise")["change"].mean()
        assert f"{means['on']:.3f} with label noise, {means['off']:.4f} without" in report("zhang2026-periodic").text

    def test_periodic_counts_every_step_once(self) -> None:
        """Although the first steps of a run are watched far more closely than the later ones."""
        still = NET.replace(label_noise_std=0.0, width=4)  # slow: the first steps weigh differently from the others
        frame = reproduce("zhang2026-periodic", seeds=1, period=600, problem=still).tables["periods"]
        run = ts.simulate(still, ts.LinearSGD(1e-3, period=600), 600, 0, record_at=range(601))
        loss = run.column("train_loss")[:-1]
        assert frame["−τ"][0] == pytest.approx(-2e-6 * loss.sum(), rel=0.01)
        assert abs(loss[:129].mean() / loss.mean() - 1) > 0.1

    def test_theorem2(self) -> None:
        """Times of single runs, the fit to them, and ratios of the laws."""
        times, exponents = (table("zhang2026-theorem2", f"T1-{name}") for name in ("runs", "exponents"))
        for width, lr, seed in ((30, 1e-3, 0), (40, 1.4e-3, 1), (60, 1e-3, 1)):
            here = NET.replace(width=width)
            run = ts.simulate(here, ts.LinearSGD(lr), 20_000, seed, neurons=width)
            row = times[(times["width"] == width) & (times["lr"] == lr) & (times["seed"] == seed)]
            assert row["measured"].tolist() == [run.stage_times().T1_all]
            bound = 384 * np.log(width) ** 0.5 / ((20.0 * lr) ** 2 * width**0.5)
            np.testing.assert_allclose(row["predicted"], bound, rtol=1e-12)
        logs = times.assign(log=np.log(times["measured"]))
        lines = {"width": logs[logs["lr"] == 1e-3], "lr": logs[logs["width"] == 40]}
        fitted = []
        for name, line in lines.items():
            values = CASES["zhang2026-theorem2"].options["vary"][name]
            groups = line[line[name].isin(values)].groupby("seed")
            fitted.append(np.mean([np.polyfit(np.log(one[name]), one["log"], 1)[0] for _, one in groups]))
        np.testing.assert_allclose(exponents["exponent"], fitted, atol=1e-8)
        assert exponents[["parameter", "theory"]].to_numpy().tolist() == [["width", -0.5], ["lr", -2.0]]
        words = [f"| {name} | {value:.3f}".rstrip("0") for name, value in zip(("width", "lr"), fitted, strict=True)]
        assert all(word in report("zhang2026-theorem2").text for word in words)

    def test_laws(self) -> None:
        """Ratios of check() at the corners, on runs of 2.5/(ησ)² steps."""
        laws = table("zhang2026-theorem2", "laws").set_index("varied")
        assert laws.index.tolist() == ["width = 30", "width = 60", "lr = 0.001", "lr = 0.0014"]
        runs = [ts.simulate(NET, ts.LinearSGD(1.4e-3), int(2.5 / 0.028**2), seed, neurons=40) for seed in (0, 1)]
        for name in laws.columns:
            ratios = [one.ratio for found in ts.check(runs, "zhang2026", replay=True).findings for one in found
                      if one.statement.id == f"zhang2026.{name}"]
            assert len(ratios) == 2 and laws.loc["lr = 0.0014", name] == spread(ratios) != "–"


class TestStores:
    """Those that are sweeps keep their runs, and go on from them."""

    @pytest.fixture
    def calls(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
        """The exact runs that are made; the mean field's have no store and take no time."""
        made: list[tuple[Any, ...]] = []

        def counting(*given: Any, **options: Any) -> Any:
            made.extend([] if isinstance(given[0], ts.MeanField) else [given])
            return ts.simulate(*given, **options)

        monkeypatch.setattr(work, "simulate", counting)
        return made

    @pytest.mark.parametrize("name", SWEEPS)
    def test_nothing_is_made_twice(self, name: str, tmp_path: Path, calls: list[tuple[Any, ...]]) -> None:
        """All runs with a new store, none with one that has them; a further seed only adds its own."""
        options = CASES[name].options | {"store": tmp_path / "s.db", "workers": 1}
        half = reproduce(name, **options | {"seeds": 1})
        cells = len(calls)
        assert cells == len(ts.load_sweep(tmp_path / "s.db")) == {"han2025-phases": 6, "kou2023-heatmap": 9}.get(
            name, 6 if name == "han2025-policies" else 18)
        assert half.name == name and "1 seeds" in half.text
        first = reproduce(name, **options)
        assert len(calls) == 2 * cells
        second = reproduce(name, **options)
        assert len(calls) == 2 * cells
        assert_same_tables(first, report(name))
        assert_same_tables(second, report(name))

    def test_interrupted(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Ctrl-C gives a report of what there is that says so; the same call then makes the rest."""
        name = "huang2025-fig3"
        made: list[Any] = []
        whole: list[Report] = []

        def stopping(*given: Any, **options: Any) -> Any:
            made.extend([] if isinstance(given[0], ts.MeanField) else [given])
            if len(made) == 15 and not whole:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.3)  # long enough for it to arrive
            return ts.simulate(*given, **options)

        options = CASES[name].options | {"store": tmp_path / "s.db", "workers": 1}
        with monkeypatch.context() as patch:
            patch.setattr(execution, "BATCH_RUNS", 2)
            patch.setattr(work, "simulate", stopping)
            part = reproduce(name, **options)
            there = len(ts.load_sweep(tmp_path / "s.db"))
            assert 14 <= there < 36
            assert part.text.startswith(f"**Interrupted: made of the {there} runs there were.")
            assert "--store" in part.text
            whole.append(report(name))
            made.clear()
            assert_same_tables(reproduce(name, **options), whole[0])
            assert len(made) == 36 - there

    @pytest.mark.parametrize(("name", "at"), [*((name, 1) for name in SWEEPS), ("huang2025-fig3", 4)])
    def test_interrupted_at_once(self, name: str, at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Too early for a report: that is what is said, and what there is is kept."""
        made = []

        def stopping(*given: Any, **options: Any) -> Any:
            made.append(given)
            if len(made) == at:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.3)  # long enough for it to arrive
            return ts.simulate(*given, **options)

        monkeypatch.setattr(execution, "BATCH_RUNS", 2)
        monkeypatch.setattr(work, "simulate", stopping)
        with pytest.raises(ValueError, match=r"^interrupted after \d runs, too few for a report; with a") as told:
            reproduce(name, **CASES[name].options, store=tmp_path / "s.db", workers=1)
        kept = len(ts.load_sweep(tmp_path / "s.db"))
        assert at - 1 <= kept <= at + 1 and f"after {kept} runs" in str(told.value)


class TestNames:
    """What can be asked for."""

    @pytest.mark.parametrize("name", list(figures()))
    def test_run(self, name: str) -> None:
        """Is documented, takes its arguments by name, has a default for each, and is described in one line."""
        run = figures()[name].run
        assert len((inspect.getdoc(run) or "").strip()) > 10
        parameters = inspect.signature(run).parameters
        if name != "huang2025-fig3-inside":
            assert parameters["seeds"].default >= 1 and parameters["progress"].default is False
            assert all(one.kind is one.KEYWORD_ONLY and one.default is not one.empty for one in parameters.values())
        assert figures()[name].text and "\n" not in figures()[name].text

    @pytest.mark.parametrize("name", list(figures()))
    def test_unknown_options(self, name: str) -> None:
        """Are refused by name, before anything is run."""
        with pytest.raises(TypeError, match="colour"):
            reproduce(name, colour="red")

    def test_unknown_options_are_told_the_known(self) -> None:
        """With the reproduction and what it has."""
        with pytest.raises(TypeError, match="store='s.db': han2025-fig3 has no such option; it has seeds, progress, s"):
            reproduce("han2025-fig3", store="s.db")

    @pytest.mark.parametrize(("options", "error", "words"), [
        ({"seeds": 0}, ValueError, "seeds=0: must be an integer >= 1"),
        ({"progress": 1}, TypeError, "progress=1: must be True or False"),
    ])
    def test_bad_options(self, options: dict[str, Any], error: type[Exception], words: str) -> None:
        """Are refused for all."""
        with pytest.raises(error, match=words):
            reproduce("han2025-fig3", **options)


class TestRareErrors:
    """What the two studies of rare errors share."""

    @pytest.mark.parametrize("name", [name for name, case in CASES.items() if "cells" in case.options])
    def test_too_few_steps(self, name: str) -> None:
        """Are reported with the remedy."""
        with pytest.raises(ValueError, match="steps: no run got as far as to be stopped; allow more steps"):
            reproduce(name, seeds=1, cells=[(10, 1000)], m=2, steps=1)

    @staticmethod
    def frame(cells: Sequence[tuple[int, int]]) -> pd.DataFrame:
        """Errors exp(−3 d^1.5 n^−2), two seeds each."""
        return pd.DataFrame([
            {"n": n, "d": d, "seed": seed, "log10_error": -3 * d**1.5 / n**2 / np.log(10), "reliable": True}
            for n, d in cells for seed in (0, 1)])

    def test_exact_powers(self) -> None:
        """Are found, without spread, whatever unreliable or common errors lie beside them."""
        frame = self.frame([(10, 100), (20, 100), (20, 400), (40, 900)])
        beside = [{"n": 10, "d": 100, "seed": 2, "log10_error": -1e4, "reliable": False},
                  {"n": 40, "d": 900, "seed": 2, "log10_error": np.log10(0.45), "reliable": True},
                  {"n": 40, "d": 900, "seed": 3, "log10_error": -np.inf, "reliable": True}]
        found = rare_errors.fit(pd.concat([frame, pd.DataFrame(beside)]))
        np.testing.assert_allclose(found.d, 1.5, rtol=1e-9)
        np.testing.assert_allclose(found.n, -2, rtol=1e-9)
        assert rare_errors.words(found.d) == "1.500 [1.500, 1.500]"
        assert rare_errors.words(rare_errors.fit(frame[frame["seed"] == 0]).d) == "1.500 (one seed)"
        assert set(found.r2) == {"d/n²", "d/n"} and max(found.r2.values()) < 1

    @pytest.mark.parametrize("cells", [
        [], [(10, 100)], [(10, 100), (10, 200)], [(10, 100), (20, 100)], [(10, 100), (20, 200)],
        [(10, 100), (20, 400), (40, 1600)],
    ], ids=str)
    def test_what_does_not_vary_apart_has_no_exponents(self, cells: list[tuple[int, int]]) -> None:
        """Neither one n or d, nor two points, nor d as a power of n."""
        found = rare_errors.fit(self.frame([(10, 100), *cells]).iloc[2 * (not cells):])
        assert np.isnan([*found.d, *found.n]).all() and found.r2 == {}
        assert rare_errors.words(found.d) == "–"


class TestBoundaries:
    """Where theory draws lines that no test of a paper needs."""

    @pytest.mark.parametrize("c", [1.0, 3.0])
    def test_n_snr_q(self, c: float) -> None:
        """Zero at SNR = (c/n)^(1/q), for any q; by the power q beside it."""
        margin = boundaries.n_snr_q(c).margin
        n, q = np.array([10, 50, 200]), np.array([3.0, 4.0, 3.0])
        at = (c / n) ** (1 / q)
        np.testing.assert_allclose(margin({"n": n, "snr": at, "q": q}), 0, atol=1e-12)
        np.testing.assert_allclose(margin({"n": n, "snr": 2 * at, "q": q}), q * np.log(2))
        np.testing.assert_allclose(margin({"n": n, "snr": at / 2, "q": q}), -q * np.log(2))
        assert (boundaries.n_snr_q(c).label, boundaries.n_snr_q().label) == (f"n·SNR^q = {c:g}", "n·SNR^q = 1")

    @pytest.mark.parametrize("c", [1.0, 40.0])
    def test_signal_power(self, c: float) -> None:
        """Zero at ‖μ‖ = σ(cd/n)^¼, so that the line rises as d^¼; σ is that of the cell."""
        margin = boundaries.signal_power(c).margin
        n, d, sigma = 20, np.array([100, 1600]), np.array([1.0, 0.5])
        at = sigma * (c * d / n) ** 0.25
        cell = {"n": n, "d": d, "noise_std": sigma}
        np.testing.assert_allclose(margin(cell | {"signal_norm": at}), 0, atol=1e-12)
        np.testing.assert_allclose(margin(cell | {"signal_norm": 2 * at}), 4 * np.log(2))
        np.testing.assert_allclose(margin(cell | {"signal_norm": at / 2}), -4 * np.log(2))
        assert boundaries.signal_power(c).label == f"n‖μ‖⁴ = {c:g} σ⁴d"

    @pytest.mark.parametrize("boundary", [boundaries.n_snr_q, boundaries.signal_power, boundaries.n_snr2])
    def test_constants_are_positive(self, boundary: Callable[[float], boundaries.Boundary]) -> None:
        """Zero has no logarithm."""
        with pytest.raises(ValueError, match=r"c=0: must be finite and in \(0, inf\]"):
            boundary(0)

    def test_on_a_diagram(self) -> None:
        """Both are drawn over a sweep that has what they need, and named."""
        of = ts.SignalNoise(n=4, d=60, m=2, signal_norm=1.0, noise_std=1.0, init_std=0.1, q=3)
        frame = ts.sweep(of, grid={"n": [4, 8, 16], "snr": [0.2, 0.5, 1.0]}, algorithms={"GD": ts.GradientDescent(0.1)},
                         steps=2, seeds=1, measure="train_loss")
        lines = [boundaries.n_snr_q(1.0), boundaries.signal_power(2.0)]
        axis, = ts.plot.heatmap(frame, "n", "snr", "train_loss", theory=lines)
        legend = axis.get_legend()
        assert [text.get_text() for text in legend.get_texts()] == ["n·SNR^q = 1", "n‖μ‖⁴ = 2 σ⁴d"]
        for line in lines:
            margin = line.margin({name: frame[name].to_numpy() for name in frame})
            assert (margin > 0).any() and (margin < 0).any()
