"""falsify(): search, climb, shrink."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.core import blas, interrupts, validate
from theorysim.core.progress import bar
from theorysim.falsify.claim import claim_of
from theorysim.falsify.counterexample import Counterexample, worst_step
from theorysim.falsify.judge import CLIMB, RANDOM, REFUSED, SHRINK, Ended, Judge
from theorysim.falsify.setting import NOT_ABOUT, Trial
from theorysim.falsify.survived import Survived
from theorysim.theory.statement import Statement

if TYPE_CHECKING:
    from theorysim.falsify.region import Region

ROUND = 40  # runs of random settings before each climb
CLIMBS = 240  # runs of a climb at most
SHRINKS = 600  # runs of making it smaller at most
LONGEST = 4000  # steps of a run that is made longer, as it did not come to where the claim speaks
LATER = 0.25  # of the seconds, which making it smaller may take at least


def falsify(
    claim: Statement | str, inside: Any = None, *, algorithm: Any = None, steps: Any = None, budget: float = 60.0,
    runs: int | None = None, seed: int = 0, progress: bool = False, **constants: Any,
) -> Counterexample | Survived:
    """Search for a run that contradicts a claim: inside its assumptions, compared, and false.

    Two searches take turns. Settings are drawn at random, independent of each other. From the one that comes closest
    to a violation, or to the assumptions, another climbs: it moves learning rate, norms, sizes, steps and whatever
    numbers the setting has, within the assumptions, on log(measured/predicted). What is found
    is made smaller: fewer steps, smaller sizes, rounder numbers, a smaller seed.

    A claim about draws ("with probability at least 1 − δ") is contradicted by a setting in which it fails on so many of
    up to 40 fresh draws that a true claim would not once in 10⁶; a single draw only leads there.

    Parameters
    ----------
    claim : Statement or str
        Or the id of a paper's, such as "huang2025.lemma_d_4", with its evidence and conditions; or what
        :func:`theorysim.claim` reads, such as "gamma_max <= rho_bar_max".
    inside : optional
        Where to look. By default anything valid of the systems that the claim's paper speaks of; for one's own claim of
        the patch network, or of the algorithm's system. The name of a paper that has a regime ("huang2025"); a problem,
        of which then only algorithm, steps and seed vary; a Hypothesis strategy of problems
        (:mod:`theorysim.strategies`); or a mapping with any of "problems", "algorithms" and "steps". Outside of a
        strategy nothing is tried, and Hypothesis itself climbs and shrinks within it.
    algorithm, steps : optional
        A value, a strategy, or a function of the problem to either. By default algorithms under which the problem
        trains (:func:`theorysim.strategies.algorithms_for`), and 1 to 4000 steps evenly in the logarithm.
    budget : float
        Seconds to search. Making a counterexample smaller may take a quarter more.
    runs : int, optional
        So many runs instead of seconds. Then the same seed gives the same result; with seconds it depends on the
        machine how far the search comes, though not what it tries first.
    seed : int
        Of the search.
    progress : bool
        Show a progress bar.
    **constants
        What the claim hides, as for :func:`theorysim.check`.

    Returns
    -------
    Counterexample or Survived
        Ctrl-C returns what there is so far.

    Raises
    ------
    ImportError
        Without Hypothesis, which is an extra.
    TypeError, ValueError
        Naming the argument, its value and what is allowed, before any run; and with the reason of the last one when not
        one setting could be simulated or compared.
    """
    seconds = validate.real("budget", budget, 0, above=True)
    most = None if runs is None else validate.integer("runs", runs, 1)
    seed, progress = validate.integer("seed", seed, 0), validate.flag("progress", progress)
    asked = claim_of(claim, inside, constants)
    from theorysim import strategies  # noqa: F401  # an extra, which says what to install where it is missing
    from theorysim.falsify.region import region_of

    region = region_of(asked, inside, algorithm, steps)
    total, unit = (seconds, "s") if most is None else (float(most), "run")
    with blas.single_threaded(), interrupts.postponed() as stopped, bar(total, progress, unit, "falsify") as shown:
        judge = Judge(asked, region.assumption, seconds, most, stopped, shown)
        found = _Search(judge, region, seed).found()
        if found is None:
            return _survived(judge, seed)
        return _counterexample(judge, region, seconds, *found)


class _Search:
    """Random settings and climbs in turns."""

    def __init__(self, judge: Judge, region: "Region", seed: int) -> None:
        self.judge, self.region, self.seed = judge, region, seed
        self.number = 0  # of random settings so far
        self.climbs = 0
        self.numbers: list[dict[str, float]] = []  # that they have

    def found(self) -> tuple[Trial, str, int | None] | None:
        """A counterexample, how it was found, and the seed that Hypothesis makes it from if it does."""
        try:
            while True:
                trials: list[Trial] = []
                while len(trials) < ROUND:
                    trial, key = self._random()
                    if self.judge.fails(trial) and trial is not None:
                        return trial, RANDOM, key
                    trials += [trial] if trial is not None else []
                trial = self._climb(trials)
                if trial is not None:
                    return trial, CLIMB, None
        except Ended:
            return None

    def _random(self) -> tuple[Trial | None, int]:
        from theorysim.falsify import numbers, search

        self.judge.check()
        key = search.source(self.seed, self.number)
        self.number += 1
        setting = search.sample(self.region.settings, key)
        if setting is None:
            if self.number >= ROUND and not self.numbers:
                raise ValueError(f"inside: Hypothesis found no setting in {self.number} searches that it allows")
            self.judge.skip(REFUSED)
            return None, key
        self.numbers.append(numbers.numbers(setting, self.region))
        chosen = self.judge.promising(setting)
        if chosen is None:
            self.judge.skip(NOT_ABOUT)
            return None, key
        return self.judge.look(chosen, RANDOM, LONGEST if self.region.steps else 0), key

    def _climb(self, trials: list[Trial]) -> Trial | None:
        """From the best of some trials, and every other time from the best of all."""
        from theorysim.falsify import climb, numbers, search

        key = search.source(self.seed, -self.number % 2**32)
        look, objective = _looking(self.judge, CLIMB), self.judge.objective
        if self.region.strict:
            return search.uphill(self.region.settings, key, CLIMBS, look, objective, self.judge.fails)
        self.climbs += 1
        best = None if self.climbs % 2 else self.judge.best
        start = (best or min(trials, key=objective)).setting
        return climb.climb(start, self.region, numbers.Reach.of(self.numbers), np.random.default_rng(key), CLIMBS,
                           best is not None, look, objective, self.judge.fails)


def _looking(judge: Judge, what: str) -> Callable[[Any], Trial | None]:
    return lambda setting: judge.look(setting, what)


def _counterexample(
    judge: Judge, region: "Region", seconds: float, trial: Trial, how: str, key: int | None
) -> Counterexample:
    """The smallest that is found from one."""
    from theorysim.falsify import search, shrink

    tries, before, until = judge.runs, sum(judge.counts.values()), judge.elapsed
    kept, done = [trial], False
    judge.extend(LATER * seconds)

    def look(setting: Any) -> Trial | None:
        if sum(judge.counts.values()) - before >= SHRINKS:
            raise Ended
        return judge.look(setting, SHRINK)

    try:
        if region.strict and key is not None:
            search.shrunk(region.settings, key, look, judge.fails, kept.append)
        else:
            shrink.smaller(trial, region, judge.claim.statement.over_draws, look, judge.fails,
                           judge.promising, kept.append)
        done = True
    except Ended:
        pass
    return _told(judge, kept[-1], how, tries, sum(judge.counts.values()) - before, done, until)


def _told(
    judge: Judge, trial: Trial, how: str, tries: int, shrinks: int, done: bool, until: float
) -> Counterexample:
    setting = trial.setting
    run = judge.claim.replayed(setting.run(judge.claim))
    finding = judge.claim.finding(run)
    return Counterexample(
        setting, run.status, finding or trial.seen, worst_step(judge.claim, run), how, tries, shrinks, done,
        judge.elapsed, until, judge.shares.get(repr(setting)), judge.interrupted, judge.claim)


def _survived(judge: Judge, seed: int) -> Survived:
    counts = dict(judge.counts)
    if judge.error is not None and not judge.interrupted and all(verdict == REFUSED for _, verdict in counts):
        raise judge.error
    return Survived(counts, judge.closest, judge.elapsed, seed, judge.interrupted, judge.claim)
