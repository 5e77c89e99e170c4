"""From times at the points of a study to exponents: a line for every seed, and what is typical of their slopes.

The same seed at two points may stand for the same random numbers (only the learning rate differs), for some of the
same (another n), or for others. A line through the times of one seed is right for all of these: whatever the points of
a seed share is in its slope, and slopes of different seeds are independent.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core.html import cut
from theorysim.core.intervals import Interval, typical
from theorysim.theory.law import Law
from theorysim.theory.statement import Sense

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
CLOSE = 0.02  # a difference between exponents that does not count, however certain it is
DIVIDED = "normalised: factors of the law that are no powers, measured ones too, divided out of every run"
ROUNDING = 1e-12  # of logarithms, relative: slopes that agree to this are equal
RAW = ("parameter", "exponent", "low", "high", "theory", "verdict")
NORMALISED = ("normalised", "normalised_low", "normalised_high", "power", "normalised_verdict")
COUNTS = ("seeds", "not_reached")


@dataclass(frozen=True, eq=False)
class ScalingFit:
    """Fitted exponents of a time, with 95% intervals over seeds.

    Attributes
    ----------
    measure, formula, source : str
        What was measured, and the law it is held against ("" for a function of one's own).
    exponents : DataFrame
        One row per parameter. First the measured time itself: ``exponent``, ``low``, ``high``, that of the ``theory``
        (its power, and what its logarithms contribute over these values, as far as these are known before training) and
        the ``verdict``. Then the time with all of the law's factors divided out that are no powers, measured ones too:
        ``normalised``, ``normalised_low``, ``normalised_high``, the law's ``power``, and ``normalised_verdict``. Then
        ``seeds``, those that gave a slope, and ``not_reached``, the runs at this parameter's values without a time.
    runs : DataFrame
        One row per run: the parameters varied, seed, measured, predicted, ratio.
    band : (float, float)
        Smallest and largest measured/predicted.
    not_reached : int
        Runs left out of ``runs``, in which the time did not come or the law's logarithm does not exist.
    points : DataFrame
        One row per setting: the parameters varied, ``seeds`` and ``not_reached`` of them.
    """

    measure: str
    formula: str
    source: str
    exponents: "pd.DataFrame"
    runs: "pd.DataFrame"
    band: tuple[float, float]
    not_reached: int
    points: "pd.DataFrame"

    def __str__(self) -> str:
        low, high = self.band
        lines = [f"{self.measure}: {self.formula} ({self.source})" if self.formula else self.measure]
        for told, part in self._parts():
            lines += [told] if told else []
            lines.append(part.to_string(index=False, float_format=lambda value: f"{value:z.3f}"))
        if np.isfinite(low):
            lines.append(f"measured/predicted from {low:.3g} to {high:.3g} over {len(self.runs)} runs")
        if self.not_reached:
            lines.append(self.missing())
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        missing = f"<p>{escape(self.missing())}</p>" if self.not_reached else ""
        parts = "".join(f"<p>{told}</p>{rounded(part).to_html(index=False)}" for told, part in self._parts())
        return f"<p>{escape(self.formula or self.measure)}</p>{parts}{missing}"

    def __repr__(self) -> str:
        found = ", ".join(f"{row.parameter}^{row.exponent:.3g} [{row.low:.3g}, {row.high:.3g}]"
                          for row in self.exponents.itertuples())
        return f"<ScalingFit of {cut(self.measure)} ~ {found} over {len(self.runs)} runs>"

    def _parts(self) -> "list[tuple[str, pd.DataFrame]]":
        """Tables to show: of the time itself, and, where they differ, of what is left without the law's factors."""
        found = self.exponents
        parts = [("", found[[*RAW, *(COUNTS if found["not_reached"].any() else ())]])]
        if not np.allclose(found["exponent"], found["normalised"], rtol=0, atol=1e-9, equal_nan=True):
            rest = found[["parameter", *NORMALISED]].rename(columns={f"normalised_{name}": name for name in RAW})
            parts.append((DIVIDED, rest))
        return parts

    def missing(self) -> str:
        """What was not reached, and where; "" when everything was."""
        if not self.not_reached:
            return ""
        short = self.points[self.points["not_reached"] > 0]
        names = list(self.exponents["parameter"])
        places = [f"{row['not_reached']:.0f} of {row['seeds']:.0f} at "
                  + ", ".join(f"{name} = {row[name]:g}" for name in names) for _, row in short.iterrows()]
        return (f"not reached (or without a prediction) in {self.not_reached} runs, left out: {'; '.join(places)}. "
                "What is left are the faster runs: such exponents come out low where times are long")


def rounded(frame: "pd.DataFrame", digits: int = 3) -> "pd.DataFrame":
    """A table for people: numbers with so many digits after the point, and no sign on a zero."""
    shown = frame.round(digits)
    numbers = shown.select_dtypes("float").columns
    shown[numbers] += 0.0  # −0.0 + 0.0 is 0.0
    return shown


@dataclass(frozen=True)
class Times:
    """What the runs of a study gave: arrays (points, seeds), NaN where there is nothing.

    ``factor`` is what the law has beside powers, ``known`` the part of it that is known before training.
    """

    measured: Array
    predicted: Array
    factor: Array
    known: Array


def fitted(
    measure: str | Callable[[Any], float],
    law: Law | None,
    points: Sequence[Mapping[str, float]],
    lines: Mapping[str, Sequence[int]],
    seeds: Sequence[int],
    times: Times,
) -> ScalingFit:
    """The exponents of every parameter, each along a line: the points at which it varies and the others do not.

    Raises
    ------
    ValueError
        When for no parameter any seed reached the time at two values.
    """
    import pandas as pd

    with np.errstate(invalid="ignore", divide="ignore"):
        raw, divided, known = (_finite(np.log(one)) for one in (
            times.measured, times.measured / times.factor, times.known))
    rows = []
    for name, line in lines.items():
        x = np.log([points[number][name] for number in line])
        rows.append(_row(law, name, x, raw[line], divided[line], known[line]))
    if all(np.isnan(row[1]) for row in rows):
        raise ValueError(f"measure: reached at too few values of {', '.join(lines)} to fit an exponent; allow more "
                         "steps")
    missing = np.isnan(divided)
    table = pd.DataFrame([dict(point) for point in points])
    runs = table.loc[table.index.repeat(len(seeds))].reset_index(drop=True)
    runs = runs.assign(seed=np.tile(seeds, len(points)), measured=times.measured.ravel(),
                       predicted=times.predicted.ravel())
    runs["ratio"] = runs["measured"] / runs["predicted"]
    reached = runs[~missing.ravel()]
    return ScalingFit(
        measure=measure if isinstance(measure, str) else getattr(measure, "__name__", "measure"),
        formula="" if law is None else law.formula,
        source="" if law is None else law.source,
        exponents=pd.DataFrame(rows, columns=[*RAW, *NORMALISED, *COUNTS]),
        runs=reached,
        band=(float(reached["ratio"].min()), float(reached["ratio"].max())),
        not_reached=int(missing.sum()),
        points=table.assign(seeds=len(seeds), not_reached=missing.sum(axis=1)),
    )


def _finite(values: Array) -> Array:
    return np.where(np.isfinite(values), values, np.nan)


def _row(law: Law | None, name: str, x: Array, raw: Array, divided: Array, known: Array) -> tuple[Any, ...]:
    """A row of the table of exponents."""
    found, normalised = exponent(x, raw), exponent(x, divided)
    power = np.nan if law is None else float(law.exponents.get(name, 0))
    theory = power + exponent(x, known).value
    counts = int(np.isfinite(_slopes(x, raw)).sum()), int(np.isnan(divided).sum())
    return (name, *found, theory, verdict(law, name, found, theory),
            *normalised, power, verdict(law, name, normalised, power), *counts)


def _slopes(x: Array, y: Array) -> Array:
    """The least-squares slope of every seed's line through what it has of y (values, seeds); NaN below two values."""
    there = np.isfinite(y)
    count = there.sum(axis=0)
    centred = np.where(there, x[:, None] - np.where(there, x[:, None], 0.0).sum(axis=0) / np.maximum(count, 1), 0.0)
    spread = (centred**2).sum(axis=0)
    known = spread > 0
    slopes = (centred * np.where(there, y, 0.0)).sum(axis=0) / np.where(known, spread, 1.0)
    return np.where(known, slopes, np.nan)


def exponent(x: Array, y: Array) -> Interval:
    """What is typical of the slopes of y (values, seeds) over x (values,), NaN where there is nothing; 95% interval.

    With room for the rounding of what slopes are made of.
    """
    slopes = _slopes(x, y)
    value, low, high = typical(slopes[np.isfinite(slopes)])
    room = ROUNDING * max(1.0, float(np.nanmax(np.abs(y), initial=0.0)))
    return Interval(value, low - room, high + room)


def verdict(law: Law | None, name: str, found: Interval, theory: float) -> str:
    """What the interval of an exponent says of the theory's; "" without a law."""
    if law is None:
        return ""
    if np.isnan(found.low) or np.isnan(theory):
        return "too few runs"
    if found.low <= theory <= found.high:
        return "agrees"
    if abs(theory - found.value) <= CLOSE:
        return f"agrees to {CLOSE:g}"
    slack = (theory - found.value) * law.limits.get(name, 1)
    if law.sense == Sense.UPPER and slack > 0:
        return f"bound is loose by the power {abs(theory - found.value):.2f}"
    return "disagrees"
