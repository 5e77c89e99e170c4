"""Theorem 3.3 in a family n = m with the step that Assumption 3.1 asks for, η = 1/(σ_p²d)."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.check import evaluate
from theorysim.core import style
from theorysim.core.intervals import interval
from theorysim.papers.huang2025 import PAPER, HuangEvidence, quantities
from theorysim.papers.second_order.evidence import SecondOrderEvidence
from theorysim.patch.algorithm import Flip, GradientDescent
from theorysim.patch.problem import SignalNoise
from theorysim.systems import simulate

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

TIME, ASSUMED = "huang2025.theorem_3_3.t2", "huang2025.assumption_3_1."


@dataclass(frozen=True)
class Family:
    """Problems with n = m and σ_p = 1, trained with the largest step that Assumption 3.1 allows.

    Attributes
    ----------
    sizes : tuple of int
        n and m.
    d : int
    n_snr2 : float
        n·SNR², the same for all sizes.
    p : float
        Flip probability.
    """

    sizes: tuple[int, ...] = (20, 30, 40, 50, 60)
    d: int = 10**4
    n_snr2: float = 0.3
    p: float = 0.2

    def problem(self, size: int) -> SignalNoise:
        """σ_p = 1 and σ_0 = 0.01/(σ_p√d)."""
        return SignalNoise(size, self.d, size, 1.0, 1.0, 0.01 / self.d**0.5).replace(n_snr2=self.n_snr2)

    @property
    def algorithm(self) -> GradientDescent:
        """κ = 1/(nm)."""
        return GradientDescent(1 / self.d, Flip(self.p))

    def row(self, size: int, seed: int) -> dict[str, Any]:
        """One run up to four times the time of Theorem 3.3, where its Θ with a band of 4 is decided."""
        problem, algorithm = self.problem(size), self.algorithm
        begun = HuangEvidence(simulate(problem, algorithm, 0, seed))
        at, band = quantities.noise_time(begun), begun.constants.band
        look = int(np.ceil(at))
        run = simulate(problem, algorithm, int(np.ceil(band * at)), seed, record_at=[look])
        evidence, prediction = HuangEvidence(run), SecondOrderEvidence(run).prediction
        found = {one.id: evaluate(one, evidence) for one in PAPER.statements_about(run)
                 if one.id == TIME or one.id.startswith(ASSUMED)}
        time = found.pop(TIME)
        gamma = run.column("gamma_max")
        return {
            "n": size, "seed": seed, "kappa": problem.kappa(algorithm.lr), "t": at, "steps": run.steps,
            "gamma at t": float(gamma[look]), "gamma at the end": float(gamma.max()),
            "train loss at t": float(run.column("train_loss")[look]), "test error at t": run.test_error(look).value,
            "test error at the end": run.test_error().value,
            "T2 of the law": np.nan if prediction is None else prediction.T2,
            "T2": evidence.second_stage_end, "verdict": str(time.verdict), "as claimed": bool(time.comparison),
            "items not met": ", ".join(sorted(name.removeprefix(ASSUMED) for name, one in found.items()
                                              if not one.comparison)),
        }


def summary(rows: "pd.DataFrame") -> "pd.DataFrame":
    """A line for each size: how many runs have T2 as claimed, with the exact 95% interval, and medians with range."""
    import pandas as pd

    found = []
    for size, group in rows.groupby("n"):
        true = int(group["as claimed"].sum())
        low, high = interval(true, len(group))
        found.append({
            "n = m": size, "κ": f"{group['kappa'].iloc[0]:.3g}", "t": f"{group['t'].iloc[0]:.4g}",
            "T2 within [t/4, 4t]": f"{true} of {len(group)} [{low:.2f}, {high:.2f}]",
            "verdicts": ", ".join(f"{name} {count}" for name, count in sorted(Counter(group["verdict"]).items())),
            **{name: _spread(group[column]) for name, column in (
                ("max γ at t", "gamma at t"), ("max γ up to 4t", "gamma at the end"),
                ("training loss at t", "train loss at t"), ("test error at t", "test error at t"),
                ("test error at 4t", "test error at the end"))},
            "T2 of the law/t": _spread(group["T2 of the law"] / group["t"]),
            "items not met": _items(group["items not met"]),
        })
    return pd.DataFrame(found)


def _spread(values: Iterable[float]) -> str:
    """Median [smallest, largest] of what is known."""
    known = np.array([one for one in values if np.isfinite(one)])
    return f"{np.median(known):.3g} [{known.min():.3g}, {known.max():.3g}]" if known.size else "–"


def _items(lists: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(item for one in lists for item in one.split(", ") if item)) or "none"


def draw(axis: "Axes", rows: "pd.DataFrame") -> None:
    """max γ at t and up to 4t, against the size."""
    for number, (column, label) in enumerate((("gamma at t", "at t"), ("gamma at the end", "largest up to 4t"))):
        axis.plot(rows["n"], rows[column], label=label, fillstyle="none", **style.points(number))
    axis.axhline(1, color=style.REFERENCE, linestyle=":", label="1, which T2 is about")
    axis.set(yscale="log", xlabel="n = m (every run a mark)", ylabel="max γ", title="family with η = 1/(σ_p²d)")
    style.legend_below(axis)
