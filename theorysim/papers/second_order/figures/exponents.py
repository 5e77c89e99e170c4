"""Exponents of T2 − T1 at a small step: measured, of the second-order law, and of Lemma 4.5 of Huang et al. 2025."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.core.intervals import typical
from theorysim.patch.algorithm import Flip, GradientDescent
from theorysim.patch.draw import Draw
from theorysim.patch.problem import SignalNoise
from theorysim.scaling import rounded, scaling
from theorysim.theory import second_order

if TYPE_CHECKING:
    import pandas as pd

FACTORS = (0.7, 1.0, 1.4)
POWERS = {"lr": -2.0, "m": 2.0, "n": 1.0, "d": -1.0, "noise_std": -2.0, "signal_norm": -2.0}


def table(
    problem: SignalNoise, p: float, kappa: float, seeds: Sequence[int], steps: int, progress: bool = False
) -> "pd.DataFrame":
    """One row per parameter."""
    import pandas as pd

    algorithm = GradientDescent(kappa / problem.kappa(1.0), Flip(p))
    centre = {"lr": algorithm.lr, "m": problem.m, "n": problem.n, "d": problem.d, "noise_std": problem.noise_std,
              "signal_norm": problem.signal_norm, "p": p}
    vary = {name: [type(value)(round(value * factor)) if isinstance(value, int) else value * factor
                   for factor in FACTORS] for name, value in centre.items()}
    fit = scaling(problem, algorithm, "huang2025.T2", vary=vary, seeds=seeds, steps=steps, progress=progress)
    runs = fit.runs.assign(law=[
        _expected(problem, row, int(row["seed"])) for row in fit.runs.to_dict("records")])
    rows = []
    for found in fit.exponents.to_dict("records"):
        name = found["parameter"]
        rest = [other for other in vary if other != name]
        line = runs[np.all([runs[other] == centre[other] for other in rest], axis=0)]
        slopes = [np.polyfit(np.log(one[name]), np.log(one["law"]), 1)[0] for _, one in line.groupby("seed")]
        rows.append({
            "parameter": name, "measured": found["exponent"], "low": found["low"], "high": found["high"],
            "law, power": POWERS.get(name, -(1 - 2 * p) / (1 - p)), "law of the draw": typical(slopes).value,
            "Lemma 4.5, power": found["power"], "Lemma 4.5": found["theory"], "seeds": found["seeds"],
            "not reached": found["not_reached"]})
    return rounded(pd.DataFrame(rows))


def _expected(problem: SignalNoise, point: Mapping[Any, Any], seed: int) -> float:
    """T2 − T1 as predicted from the draw of one run."""
    fields = {name: type(getattr(problem, name))(point[name]) for name in ("m", "n", "d", "noise_std", "signal_norm")}
    here = problem.replace(**fields)
    found = second_order.predicted(here, GradientDescent(point["lr"], Flip(point["p"])), Draw.from_problem(here, seed))
    return found.T2 - found.T1
