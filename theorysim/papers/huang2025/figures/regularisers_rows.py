"""The runs of the study of regularisers: one row each, at equal numbers of gradient evaluations.

One evaluation is the gradient of all n samples: a step of a batch of B counts B/n, one of SAM two.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from theorysim.core.status import Status
from theorysim.papers.huang2025.figures.regularisers_rules import (
    NAMED, SMOOTHING, Choice, Rule, smoothing_edge)
from theorysim.patch.draw import Draw
from theorysim.patch.problem import SignalNoise
from theorysim.patch.run import PatchRun
from theorysim.sweep.random_numbers import INDEPENDENT, draw_seed
from theorysim.systems import simulate

Row = dict[str, Any]
CHANCE = 0.5
LEARNED = 0.1  # of the test error
N_TEST = 2000
FINER = np.sqrt(2)  # ratio of two looks
SPAN = 20  # last steps in which outputs are seen to swing
FIRST_LOOK = 1  # gradient evaluations


def train(choice: Choice, problem: SignalNoise, draw: Draw, seed: int, budget: int, looks: bool = True) -> PatchRun:
    """A run of so many gradient evaluations, or less where a policy ends it."""
    steps = round(budget / choice.cost)
    evaluations = budget / FINER ** np.arange(max(np.log(budget / FIRST_LOOK) / np.log(FINER), 0) + 1)
    at = np.unique(np.round(evaluations / choice.cost).astype(int)) if looks else ()
    return simulate(problem, choice.algorithm(problem), steps, seed, draw=draw, record_at=at, policy=choice.policy,
                    on_failure="return")


def error(run: PatchRun, at: Any = "end") -> float:
    """The test error, counted; of a network that diverged ½."""
    if run.status == Status.DIVERGED:
        return CHANCE
    return float(run.test_error(at, method="monte-carlo", n_test=N_TEST).value)


def arrival(run: PatchRun, cost: float) -> float:
    """Gradient evaluations up to the first look with a test error of at most LEARNED; NaN if there is none."""
    if run.status == Status.DIVERGED:
        return float("nan")
    found = (step for step in run.steps_recorded.tolist() if step and error(run, step) <= LEARNED)
    return float(next(found, np.nan)) * cost


def places(problem: SignalNoise, n: Sequence[int], n_snr2: Sequence[float], seeds: Sequence[int]
           ) -> Iterator[tuple[Row, SignalNoise, Draw]]:
    """Cells and seeds, with random numbers of their own that all rules share."""
    for size in n:
        for x in n_snr2:
            here = problem.replace(n=size).replace(n_snr2=x)
            for seed in seeds:
                own = draw_seed({"n": size, "n_snr2": x}, seed, INDEPENDENT)
                yield {"n": size, "n_snr2": x, "seed": seed, "draw_seed": own}, here, Draw.from_problem(here, own)


def build(rules: Sequence[Rule], problem: SignalNoise, n: Sequence[int], n_snr2: Sequence[float], seeds: Sequence[int],
          budget: int, tick: Callable[[], object]) -> list[Row]:
    """Test errors of everything that there is to choose from."""
    rows = []
    for place, here, draw in places(problem, n, n_snr2, seeds):
        for rule in rules:
            for choice in rule.choices():
                run = train(choice, here, draw, place["draw_seed"], budget, looks=False)
                rows.append({"rule": rule.name, "strength": choice.strength, "kappa": choice.kappa} | place
                            | {"status": str(run.status), "test_error": error(run)})
                tick()
    return rows


def scan(choices: Sequence[Choice], problem: SignalNoise, n: Sequence[int], n_snr2: Sequence[float],
         seeds: Sequence[int], budget: int, tick: Callable[[], object]) -> list[Row]:
    """Error, loss and time of the chosen ones in every cell."""
    rows = []
    for place, here, draw in places(problem, n, n_snr2, seeds):
        for choice in choices:
            run = train(choice, here, draw, place["draw_seed"], budget)
            rows.append({"algorithm": choice.rule.name} | place | {
                "status": "completed", "diverged": run.status == Status.DIVERGED, "test_error": error(run),
                "train_loss": _loss(run), "evaluations": run.steps * choice.cost,
                "learned_at": arrival(run, choice.cost)})
            tick()
    return rows


def edge(problem: SignalNoise, strengths: Sequence[float], ratios: Sequence[float], seeds: Sequence[int], budget: int,
         tick: Callable[[], object]) -> list[Row]:
    """Label smoothing at steps around the largest at which its resting output is stable."""
    rows = []
    for seed in seeds:
        draw = Draw.from_problem(problem, seed)
        for a in strengths:
            for ratio in ratios:
                choice = Choice(NAMED[SMOOTHING], a, ratio * smoothing_edge(a))
                run = train(choice, problem, draw, seed, budget, looks=False)
                outputs = run.column("output_max")[-SPAN:]
                rows.append({"a": a, "ratio": ratio, "kappa": choice.kappa, "seed": seed,
                             "diverged": run.status == Status.DIVERGED, "test_error": error(run),
                             "swing": float(np.ptp(outputs)), "train_loss": _loss(run)})
                tick()
    return rows


def high(choices: Sequence[Choice], problem: SignalNoise, n: int, n_snr2: Sequence[float], seeds: Sequence[int],
         budget: int, tick: Callable[[], object]) -> list[Row]:
    """The same where gradient descent learns, with errors however small."""
    rows = []
    for place, here, draw in places(problem, [n], n_snr2, seeds):
        for choice in choices:
            run = train(choice, here, draw, place["draw_seed"], budget)
            diverged = run.status == Status.DIVERGED
            rows.append({"algorithm": choice.rule.name} | place | {
                "diverged": diverged,
                "log10_error": np.log10(CHANCE) if diverged else run.test_error(relative_error=0.5).log10_value,
                "train_loss": _loss(run), "learned_at": arrival(run, choice.cost)})
            tick()
    return rows


def review(settings: Sequence[tuple[SignalNoise, float]], rules: Sequence[tuple[Rule, float]], seeds: Sequence[int],
           budget: int, tick: Callable[[], object]) -> list[Row]:
    """Problems and learning rates of the public review."""
    rows = []
    for problem, lr in settings:
        for seed in seeds:
            draw = Draw.from_problem(problem, seed)
            for rule, strength in rules:
                choice = Choice(rule, strength, problem.kappa(lr))
                run = train(choice, problem, draw, seed, budget, looks=False)
                rows.append({"m": problem.m, "noise_std": problem.noise_std, "lr": lr, "kappa": choice.kappa,
                             "algorithm": rule.name, "seed": seed, "diverged": run.status == Status.DIVERGED,
                             "test_error": error(run), "train_loss": _loss(run)})
                tick()
    return rows


def _loss(run: PatchRun) -> float:
    """The last training loss; infinite where the run diverged."""
    return np.inf if run.status == Status.DIVERGED else float(run.column("train_loss")[-1])
