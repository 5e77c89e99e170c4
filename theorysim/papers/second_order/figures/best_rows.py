"""What the study of the best noise measures: errors over κ and p, times to an error, laws of ε, schedules."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq

from theorysim.core.status import Status
from theorysim.mean_field import MeanField
from theorysim.patch.algorithm import Flip, Gaussian, GradientDescent, LabelNoise, Uniform
from theorysim.patch.draw import Draw
from theorysim.patch.problem import SignalNoise
from theorysim.patch.run import PatchRun
from theorysim.systems import simulate
from theorysim.theory import second_order
from theorysim.theory.second_order import Multipliers, Phase

Row = dict[str, Any]
LATE = 50  # steps over which the loss at the end is averaged
RELATIVE = 0.2  # error of an error, which does not matter for its logarithm
FINER = 1.02  # ratio of the steps at which an error is looked at
BEYOND, MORE = 3, 300  # a run is given this many times the mean field's time, and these steps more
LEARNED = 1.0  # of max γ
SLOW = 0.1  # κ of the second half of a schedule that lowers the step


def log10_law(run: PatchRun, at: int) -> float:
    """log₁₀ of the test error by the error law with the covariance of the run's own weights."""
    return -second_order.minus_log_error_of(run, at) / np.log(10)


# (a) errors after a fixed number of steps


def cell(problem: SignalNoise, kappa: float, p: float, seed: int, steps: int) -> Row:
    """One run of the map: its error and loss at the end, and the error of the mean field of the seed."""
    algorithm = GradientDescent.from_kappa(problem, kappa, Flip(p))
    exact = simulate(problem, algorithm, steps, seed, record_at=(), on_failure="return")
    field = simulate(MeanField.of(problem), algorithm, steps, seed, record_at=(), on_failure="return")
    done = [one.status != Status.DIVERGED for one in (exact, field)]
    return {
        "p": p, "kappa": kappa, "seed": seed, "status": exact.status.value,
        "log10_error": log10_law(exact, exact.steps) if done[0] else np.nan,
        "log10_error_field": field.log_error_law() / np.log(10) if done[1] else np.nan,
        "train_loss": exact.column("train_loss")[-LATE:].mean() if done[0] else np.nan,
    }


def estimated(problem: SignalNoise, kappa: float, p: float, seed: int, steps: int) -> Row:
    """The same run, its error as an estimate beside the law."""
    run = simulate(problem, GradientDescent.from_kappa(problem, kappa, Flip(p)), steps, seed, record_at=())
    found = run.test_error(relative_error=RELATIVE)
    return {"p": p, "kappa": kappa, "seed": seed, "log10_error": log10_law(run, steps),
            "estimated": found.log10_value, "reliable": found.reliable}


# (b) steps to an error


def arrival(problem: SignalNoise, kappa: float, p: float, seed: int, log10_error: float, steps: int,
            estimate: bool) -> Row:
    """When the test error comes to a value: of an exact run, of the law of its draw, of its mean field.

    The errors of the run are those of the error law; with ``estimate`` its time is found by estimates, too.
    """
    algorithm, draw = GradientDescent.from_kappa(problem, kappa, Flip(p)), Draw.from_problem(problem, seed)
    grid = np.unique(np.round(FINER ** np.arange(np.log(steps) / np.log(FINER))).astype(int))
    row: Row = {"p": p, "kappa": kappa, "seed": seed, "law": _law_arrival(problem, algorithm, draw, log10_error)}
    field = simulate(MeanField.of(problem), algorithm, steps, seed, draw=draw, record_at=grid, on_failure="return")
    row["field"] = _first(field.steps_recorded,
                          np.array([field.log_error_law(int(step)) for step in field.steps_recorded]) / np.log(10),
                          log10_error)
    if np.isfinite(row["field"]):
        steps = min(steps, int(BEYOND * row["field"]) + MORE)
    run = simulate(problem, algorithm, steps, seed, draw=draw, record_at=grid[grid <= steps], on_failure="return")
    looks = run.steps_recorded
    row["measured"] = _first(looks, np.array([log10_law(run, int(step)) for step in looks]), log10_error)
    row["estimated"] = _estimated_arrival(run, row["measured"], log10_error) if estimate else np.nan
    return row


def _estimated_arrival(run: PatchRun, start: float, log10_error: float) -> float:
    """A look at which the estimated error is at most a value and was not one look earlier, going from a step."""
    if not np.isfinite(start):
        return start
    looks = run.steps_recorded.tolist()
    at = looks.index(int(start))

    def there(look: int) -> bool:
        found = run.test_error(looks[look], method="rare-event", relative_error=RELATIVE)
        return bool(found.log10_value <= log10_error)

    if there(at):
        while at > 0 and there(at - 1):
            at -= 1
        return float(looks[at])
    return next((float(looks[look]) for look in range(at + 1, len(looks)) if there(look)), float("nan"))


def _first(steps: Any, log10_errors: Any, level: float) -> float:
    """The first of the steps at which an error is at most a value; NaN if there is none."""
    there = np.flatnonzero(log10_errors <= level)
    return float(steps[there[0]]) if there.size else float("nan")


def _law_arrival(problem: SignalNoise, algorithm: GradientDescent, draw: Draw, log10_error: float) -> float:
    """The law's time of the error; NaN unless memory rests."""
    kappa, law = problem.kappa(algorithm.lr), second_order.law_of(algorithm.label_noise)
    if second_order.phase(kappa, law) != Phase.RESTING:
        return float("nan")
    return second_order.error_time(second_order.starts_of(draw), kappa, problem.snr**2, law, -np.log(10) * log10_error,
                                   problem.m, problem.d, problem.init_scale)


# (c) laws of ε


def laws_like(p: float) -> dict[str, LabelNoise]:
    """Flips, and Gaussian and uniform multipliers with the same resting output and either the mean or the variance."""
    flips = Multipliers.flips(p)
    mean, variance, rest = flips.mean, 4 * p * (1 - p), flips.resting()
    half = np.sqrt(3 * variance)
    wide = _root(lambda reach: Multipliers.uniform(mean - reach, mean + reach), rest, mean, mean + 10)
    centre = _root(lambda middle: Multipliers.uniform(middle - half, middle + half), rest, 1e-6, half)
    return {
        "flips": Flip(p),
        "Gaussian, same mean": Gaussian(mean, np.sqrt(2 * mean / rest)),
        "Gaussian, same variance": Gaussian(rest * variance / 2, np.sqrt(variance)),
        "uniform, same mean": Uniform(mean - wide, mean + wide),
        "uniform, same variance": Uniform(centre - half, centre + half),
    }


def _root(made: Any, rest: float, low: float, high: float) -> float:
    """The parameter of a family of laws whose mean pull is 0 at an output."""
    return float(brentq(lambda value: float(made(value).mean_pull(rest)), low, high, xtol=1e-13))


def of_law(problem: SignalNoise, kappa: float, name: str, noise: LabelNoise, seed: int, steps: int) -> Row:
    """T2 of one law of ε, measured and as predicted from the draw."""
    law, draw = second_order.law_of(noise), Draw.from_problem(problem, seed)
    algorithm = GradientDescent.from_kappa(problem, kappa, noise)
    run = simulate(problem, algorithm, steps, seed, draw=draw, record_at=(),
                   until=lambda seen: seen["gamma_max"] >= LEARNED)
    return {
        "law": name, "kappa": kappa, "seed": seed, "rest": law.rest, "mean": law.mean,
        "variance": law.moment(2) - law.mean**2, "psi": second_order.psi(kappa, law),
        "T2": float(run.steps) if run.status == Status.STOPPED else np.nan,
        "predicted": min(second_order.second_stage(one, kappa, problem.snr**2, law, LEARNED)
                         for one in second_order.starts_of(draw)),
    }


# (d) schedules


@dataclass(frozen=True)
class Schedule:
    """What the last part of a training does: go on with noise or without, at the same step or at a lower one."""

    name: str
    share: float  # of the last part
    noisy: bool
    slow: bool


SCHEDULES = (
    Schedule("noise throughout", 0.5, True, False),
    Schedule("noise off at ½", 0.5, False, False),
    Schedule(f"noise off at ½, κ = {SLOW:g}", 0.5, False, True),
    Schedule(f"noise on, κ = {SLOW:g} at ½", 0.5, True, True),
    Schedule("noise off at 9/10", 0.1, False, False),
)
WITHOUT = "no noise"


def annealed(problem: SignalNoise, kappa: float, p: float, seed: int, steps: int) -> Iterator[Row]:
    """Error and loss after all schedules of one κ, of one draw with the same label noise, and without noise."""
    noisy = GradientDescent.from_kappa(problem, kappa, Flip(p))
    multipliers = simulate(problem, noisy, steps, seed, record_at=()).label_multipliers()
    for one in SCHEDULES:
        last = round(one.share * steps)
        first = simulate(problem, noisy, steps - last, seed, record_at=())
        done = simulate(problem, GradientDescent.from_kappa(problem, SLOW if one.slow else kappa), last, seed,
                        draw=continued(first), record_at=(), label_noise=multipliers[-last:] if one.noisy else None)
        yield {"kappa": kappa, "schedule": one.name, "seed": seed} | _looked(done)
    plain = simulate(problem, GradientDescent.from_kappa(problem, kappa), steps, seed, record_at=())
    yield {"kappa": kappa, "schedule": WITHOUT, "seed": seed} | _looked(plain)


def _looked(run: PatchRun) -> Row:
    return {"log10_error": log10_law(run, run.steps), "train_loss": float(run.column("train_loss")[-1])}


def continued(run: PatchRun) -> Draw:
    """The data of a run with the weights it ended with: the start of a second phase, with another step."""
    return run.draw.with_weights(run.weights_at().reshape(2, run.draw.m, -1))
