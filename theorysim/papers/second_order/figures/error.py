"""The test error of label-noise gradient descent as a rare event, beside the law −ln err = min_y m S_y/(2μ_{−y})."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theorysim.core import progress as bars
from theorysim.core import style
from theorysim.core.intervals import student
from theorysim.core.status import Status
from theorysim.patch.algorithm import Flip, GradientDescent
from theorysim.patch.problem import SignalNoise
from theorysim.patch.run import PatchRun
from theorysim.reproduce import Report, markdown
from theorysim.systems import simulate
from theorysim.theory import second_order

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
FIRST_SEED = 100
SIZES = tuple((n, n * ratio) for ratio in (10, 100, 1000, 10**4, 10**5, 10**6) for n in (16, 48, 144))
KAPPA, P_FLIP, N_SNR2 = 0.2, 0.1, 0.5
LEVEL = 0.5  # of the smaller of both classes' signal parts, at the second look
EVERY = 10  # steps between which it is looked for
RELATIVE = 0.2  # error of an error, which does not matter for its logarithm
BOTH = "both classes"
MOMENTS = ("T2", BOTH)
RARE = 50.0  # of −ln, from which an error counts as rare
PREDICTED = {
    "eigenvalue": "eigenvalue as measured", "closed": "F and S as measured", "before": "S as measured, F = f* − S"}


def problem(n: int, d: int, m: int) -> SignalNoise:
    """A cell, with initial weights so small that they leave no floor in the covariance of the output."""
    return SignalNoise(n, d, m, 1.0, 1.0, 0.1 / d).replace(n_snr2=N_SNR2)


def run(
    *, seeds: int = 3, progress: bool = False, sizes: Sequence[tuple[int, int]] = SIZES, m: int = 10,
    steps: int = 30_000,
) -> Report:
    """Measure, predict and report."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    with bars.bar(len(sizes) * seeds, progress, "run", "error-law") as bar:
        for n, d in sizes:
            for seed in range(FIRST_SEED, FIRST_SEED + seeds):
                rows += errors_of(problem(n, d, m), seed, steps)
                bar.update(1)
    if not rows:
        raise ValueError(f"steps={steps}: no run got to max γ ≥ 1; allow more steps")
    errors = pd.DataFrame(rows)
    summary, proportional = summary_of(errors), _proportional(errors)
    made, reached = len(sizes) * seeds, errors["at"].value_counts().reindex(MOMENTS, fill_value=0)
    return Report(
        name="error-law",
        title="The test error of label-noise gradient descent: a law with no fitted number",
        text="\n\n".join([
            f"n·SNR² = {N_SNR2:g}, κ = {KAPPA:g}, p = {P_FLIP:g}, m = {m}, σ_0 = 0.1/d, seeds {FIRST_SEED}.."
            f"{FIRST_SEED + seeds - 1}, d/n from {min(d / n for n, d in sizes):g} to {max(d / n for n, d in sizes):g}; "
            f"{reached['T2']} of {made} runs reached T2, the first step with max γ ≥ 1, {reached[BOTH]} also the "
            f"first of every {EVERY} steps at which the signal part S of both classes is {LEVEL:g}. Test errors are "
            f"estimated as rare events, to {RELATIVE:g} of themselves.",
            "Ratio: −ln(error), measured/predicted, geometric mean with a 95% Student interval over runs, and the "
            "smallest and largest. R²: share of the variance of ln(−ln(error)) that the prediction explains as it is, "
            "nothing fitted. Predicted is min over y of mS_y/(2μ_{−y}) with the top eigenvalue μ as measured; with its "
            "closed form of the measured mean F of either class; and with that of F = f* − S, n/2 samples in each "
            f"class. The last knows only S, and says nothing where S ≥ f*. Only where −ln(error) ≥ {RARE:g}: the law "
            "is one for rare errors; the others are counted.",
            markdown(summary),
            f"Where −ln(error) ≥ {RARE:g}, proportionality to one variable with a constant that is fitted (spread: "
            "standard deviation of the logarithm of the ratio, R² as above):",
            markdown(proportional),
            "The bound of Theorem 3.3, 2 exp(−d/n²) with constant 1, is exceeded " + " and ".join(
                f"in {_exceeding(errors[errors['at'] == at])} ({at})" for at in MOMENTS) + "; no run is inside its "
            "Assumption 3.1, whose step is smaller and whose σ_0 is larger.",
        ]),
        tables={"errors": errors, "summary": summary, "proportional": proportional},
        figure=picture(errors),
    )


def errors_of(of: SignalNoise, seed: int, steps: int) -> list[dict[str, Any]]:
    """One run at T2 and later: its error, and what is predicted of it."""
    algorithm = GradientDescent(KAPPA / of.kappa(1.0), Flip(P_FLIP))
    reaching = {"T2": lambda seen: seen["gamma_max"] >= 1, BOTH: lambda seen: seen["signal"] >= LEVEL}
    rows = []
    for at, until in reaching.items():
        done = simulate(of, algorithm, steps, seed, record_at=(), until=until, observe={"signal": _weaker},
                        observe_every=EVERY)
        if done.status == Status.STOPPED:
            rows.append({"at": at, "n": of.n, "d": of.d, "seed": seed, "step": done.steps} | _look(of, done))
    return rows


def _weaker(view: Any) -> float:
    """The smaller of both classes' signal parts."""
    return float(_signal_parts(view.z_signal).min())


def _look(p: SignalNoise, done: PatchRun) -> dict[str, Any]:
    """The error of a run at its end, and what is predicted of it."""
    error = done.test_error(method="rare-event", relative_error=RELATIVE)
    signal, memory, samples = _parts(done)
    rest = second_order.law_of(done.algorithm.label_noise).rest
    scale = p.init_scale

    def law(memories: Array, counts: Array) -> float:
        tops = [second_order.closed_eigenvalue(one, count, p.m, p.d, scale)
                for one, count in zip(memories, counts, strict=True)]
        return second_order.minus_log_error(signal, tops, p.m)

    possible = samples.min() > 0 and memory.min() > 0
    return {
        "measured": -np.log(10) * error.log10_value, "reliable": error.reliable,
        "eigenvalue": second_order.minus_log_error_of(done),
        "closed": law(memory, samples) if possible else np.nan,
        "before": law(rest - signal, np.full(2, p.n / 2)) if signal.max() < rest else np.nan,
        "signal_plus": signal[0], "signal_minus": signal[1], "memory_plus": memory[0], "memory_minus": memory[1],
    }


def _parts(done: PatchRun) -> tuple[Array, Array, Array]:
    """S_y, the mean F of the samples of class y that have a memory, and their number, for y = 1 and −1, at the end."""
    noise = np.maximum(done.noise_products()[-1], 0.0)
    own = [(noise[branch][:, done.draw.labels == label] ** 2).mean(axis=0) for branch, label in enumerate((1, -1))]
    alive = [one[one > 0] for one in own]
    return (_signal_parts(done.signal_products()[-1]), np.array([one.mean() if one.size else 0.0 for one in alive]),
            np.array([float(one.size) for one in alive]))


def _signal_parts(products: Array) -> Array:
    """S_y of y = 1 and −1, (2,), from ⟨w_{j,r}, μ⟩ (2, m)."""
    answers = np.array([(np.maximum(label * products, 0.0) ** 2).mean(axis=1) for label in (1, -1)])
    parts: Array = np.maximum([answers[0, 0] - answers[0, 1], answers[1, 1] - answers[1, 0]], 0.0)
    return parts


def summary_of(errors: "pd.DataFrame") -> "pd.DataFrame":
    """Ratios to each prediction, by moment, where errors are rare."""
    import pandas as pd

    rows = []
    for at in MOMENTS:
        looks = errors[errors["at"] == at]
        rare = looks[looks["reliable"] & (looks["measured"] >= RARE)]
        for column, title in PREDICTED.items():
            known = rare[rare[column] > 0]
            rows.append({"at": at, "predicted with": title, "runs": len(known), "left out": len(looks) - len(known)}
                        | _compared(known["measured"], known[column]))
    return pd.DataFrame(rows)


def _compared(measured: "pd.Series[float]", predicted: "pd.Series[float]") -> dict[str, Any]:
    """The range of −ln(error), the ratio and R²."""
    logs = np.asarray(np.log(measured / predicted))
    if logs.size < 2:
        return {"from": "–", "to": "–", "ratio": "–", "range": "–", "R²": "–"}
    reach = student(logs.size - 1) * logs.std(ddof=1) / np.sqrt(logs.size)
    middle, low, high = np.exp(logs.mean() + np.array([0, -reach, reach]))
    return {"from": f"{measured.min():.3g}", "to": f"{measured.max():.3g}",
            "ratio": f"{middle:.3f} [{low:.3f}, {high:.3f}]",
            "range": f"{np.exp(logs.min()):.3g} to {np.exp(logs.max()):.3g}",
            "R²": f"{1 - (logs**2).mean() / np.log(measured).var(ddof=0):.4f}"}


def _proportional(errors: "pd.DataFrame") -> "pd.DataFrame":
    """How well one variable explains rare errors, up to a constant."""
    import pandas as pd

    rows = []
    rare = errors[errors["reliable"] & (errors["measured"] >= RARE)]
    for at in MOMENTS:
        looks = rare[rare["at"] == at]
        if len(looks) < 2:
            continue
        size = np.log(looks["measured"])
        for name, variable in (("d/n² (Theorem 3.3)", looks["d"] / looks["n"] ** 2), ("d/n", looks["d"] / looks["n"]),
                               ("min_y m S_y/(2μ_{−y})", looks["eigenvalue"])):
            rest = size - np.log(variable)
            rows.append({"at": at, "runs": len(looks), "proportional to": name, "spread": f"{rest.std(ddof=1):.3f}",
                         "R²": f"{1 - rest.var(ddof=0) / size.var(ddof=0):.4f}"})
    return pd.DataFrame(rows)


def _exceeding(looks: "pd.DataFrame") -> str:
    """How many errors are above 2 exp(−d/n²)."""
    above = looks["measured"] < looks["d"] / looks["n"] ** 2 - np.log(2)
    return f"{int(above.sum())} of {len(looks)}"


def picture(errors: "pd.DataFrame") -> Any:
    """Measured against predicted, and against the theorem's variable with its bound."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.PAGE, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for number, (column, title) in enumerate(PREDICTED.items()):
        left.plot(errors[column], errors["measured"], fillstyle="none", label=title, **style.points(number))
    ends = np.array([errors["eigenvalue"].min(), errors["eigenvalue"].max()])
    left.plot(ends, ends, color=style.REFERENCE, linestyle=":", label="equal")
    left.set(xscale="log", yscale="log", xlabel="predicted −ln(error)", ylabel="measured −ln(error)",
             title="the law, no fitted number")
    style.legend_below(left, 2)
    both = errors[errors["at"] == BOTH]
    for number, n in enumerate(np.unique(both["n"])):
        group = both[both["n"] == n]
        right.plot(group["d"] / n**2, group["measured"], label=f"n = {n}", **style.points(number))
    ends = np.array([1, (both["d"] / both["n"] ** 2).max()])  # where it says something
    right.plot(ends, ends - np.log(2), color=style.THEORY, linestyle="--", label="Theorem 3.3, 2 exp(−d/n²)")
    right.set(xscale="log", yscale="log", xlabel="d/n²", ylabel="measured −ln(error)",
              title=f"the variable of Theorem 3.3; S of both classes {LEVEL:g}")
    style.legend_below(right, 2)
    style.panel_letters((left, right))
    return figure
