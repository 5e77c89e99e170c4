"""What a page says of a scaling study: the law, exponents beside the theory's, times against predicted ones."""

from typing import Any

import numpy as np
from markupsafe import Markup

from theorysim.check.formula_lines import to_mathml_lines
from theorysim.plot import scaling
from theorysim.report.parts import Folded, Part, Picture, Section, Text, numbers, table_of
from theorysim.report.pictures import picture
from theorysim.scaling import ScalingFit
from theorysim.scaling.fit import NORMALISED, RAW

DIGITS = 9  # a slope of 0 is 0 up to rounding
TONES = {"agrees": "good", "disagrees": "bad", "bound": "unsure", "too": "unsure"}  # by the verdict's first word


def section_of(fit: ScalingFit) -> Section:
    """A fit."""
    low, high = fit.band
    law = Text(Markup("<p>{}</p>").format(Markup(to_mathml_lines(fit.formula)))) if fit.formula else Text(
        "A measure of one's own: no theory to hold it against.")
    spread = [Text(f"Measured over predicted, constant 1: from {low:.3g} to {high:.3g} over {len(fit.runs)} runs.")] * (
        bool(np.isfinite(low)))
    missing = fit.missing()
    exponents = fit.exponents.round(DIGITS)
    first, rest = exponents[[*RAW, "seeds", "not_reached"]], exponents[["parameter", *NORMALISED]]
    parts: tuple[Part, ...] = (
        law, *([Text(f"Source: {fit.source}")] if fit.source else []),
        table_of(first, "Exponents of the time, 95% intervals over seeds", {"verdict": tone}),
        table_of(rest, "With the law's factors that are no powers divided out", {"normalised_verdict": tone}), *spread,
        *([Text(f"{missing[:1].upper()}{missing[1:]}.")] if missing else []), _drawn(fit),
        Folded(f"All {len(fit.runs)} times", (table_of(fit.runs, "Times in steps"),)),
        Text("Problem and algorithm are not part of a fit: it cannot be made again from this page alone."),
    )
    seeds = numbers(fit.runs["seed"].tolist()) + (" (of the runs that reached it)" if missing else "")
    return Section(f"Scaling of {fit.measure}", parts, seeds)


def tone(verdict: Any) -> str:
    """Of a verdict of an exponent."""
    return TONES.get(str(verdict).partition(" ")[0], "")


def _drawn(fit: ScalingFit) -> Picture:
    if np.isfinite(fit.band[0]):
        return picture(lambda: scaling(fit), "Measured against predicted times (steps), a point for each run; the line "
                       "is measured = predicted.", arrange=False)
    return picture(lambda: _against_parameters(fit), "Measured values against each parameter, a point for each run.")


def _against_parameters(fit: ScalingFit) -> Any:
    """Without a prediction: a panel for each parameter, the others at the centre."""
    import matplotlib.pyplot as plt

    names = list(fit.exponents["parameter"])
    centre = fit.runs[names].mode().iloc[0]
    axes = plt.subplots(1, len(names), layout="constrained", squeeze=False)[1].ravel()
    for axis, name in zip(axes, names, strict=True):
        others = [other for other in names if other != name]
        shown = fit.runs[(fit.runs[others] == centre[others]).all(axis=1)]
        axis.loglog(shown[name], shown["measured"], "o", markersize=4, alpha=0.6)
        axis.set(xlabel=name, ylabel=fit.measure)
    return axes
