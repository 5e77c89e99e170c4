"""What a search goes by: it looks at settings, counts, keeps the closest, and says when to end."""

import math
from collections import Counter
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

from theorysim.check.finding import Verdict
from theorysim.core.intervals import interval
from theorysim.falsify.claim import Claim, compared_inside
from theorysim.falsify.setting import Interrupted, Setting, Trial, look, missed
from theorysim.theory.statement import no_conditions

RANDOM, CLIMB, SHRINK, REPEAT = "random", "climb", "shrink", "repeat"  # what a run is made for
REPEATS = 40  # fresh draws that a claim about draws is counted over
FUTILE, LIKELY = 20, 0.85  # after so many it is given up where so large a share holds
DOUBT = 1e-6 / REPEATS  # of a share refuted at one look: how seldom a true one looks like it
TROUBLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)  # settings and claims that do not fit
REFUSED = "refused"
SEEDS = 10  # of a random setting, whose draws are looked at before one is trained on


class Ended(Exception):
    """Time is up, enough runs were made, or Ctrl-C came."""


class Judge:
    """Looks at settings for a search.

    Attributes
    ----------
    counts : Counter
        Verdicts by what the run was made for.
    closest, best : Trial or None
        The largest excess among runs inside the assumptions that do not contradict the claim; and the
        one with the least objective, inside or not.
    error : Exception or None
        Of the last setting that could not be looked at.
    interrupted : bool
    """

    def __init__(
        self, claim: Claim, assumption: Claim | None, seconds: float | None, runs: int | None,
        stopped: Callable[[], bool], bar: Any,
    ) -> None:
        self.claim, self.assumption, self.bar = claim, assumption, bar
        self._seconds, self._most, self._stopped = seconds, runs, stopped
        self._started = self._told = perf_counter()
        self.runs = 0  # of the search itself, which the budget is about
        self.counts: Counter[tuple[str, str]] = Counter()
        self.closest: Trial | None = None
        self.best: Trial | None = None  # of the least objective, that did not fail
        self.error: Exception | None = None
        self.interrupted = False
        self.shares: dict[str, tuple[int, int]] = {}  # of refuted claims about draws
        self.met: frozenset[str] | None = None  # items of the assumption that every random setting meets

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return perf_counter() - self._started

    def extend(self, seconds: float) -> None:
        """Allow some time from now on, and any number of runs."""
        if self._seconds is not None:
            self._seconds = max(self._seconds, self.elapsed + seconds)
        self._most = None

    def check(self) -> None:
        """Raise :class:`Ended` when it is time."""
        self.interrupted |= self._stopped()
        timed = self._most is None and self._seconds is not None and self.elapsed > self._seconds
        if self.interrupted or timed or (self._most is not None and self.runs >= self._most):
            raise Ended

    def look(self, setting: Setting, what: str, longest: int = 0) -> Trial | None:
        """The trial of a setting; None where there is none, as it cannot be simulated.

        One that does not come to where the claim speaks is made again with ``longest`` steps, if these are more.

        Raises
        ------
        Ended
        """
        self.check()
        self.runs += what in (RANDOM, CLIMB)
        try:
            found = look(self.claim, setting, self.assumption)
            if found.verdict == Verdict.NOT_REACHED and longest > setting.steps:
                found = look(self.claim, setting.replace(steps=longest), self.assumption)
        except Interrupted:
            self.interrupted = True
            raise Ended from None
        except TROUBLE as error:
            self.error = error
            self.counts[what, REFUSED] += 1
            return None
        finally:
            self._tell()
        self.counts[what, found.verdict] += 1
        if what == RANDOM and compared_inside(found.finding):
            self.met = found.assumed if self.met is None else self.met & found.assumed
        if not found.violated and (self.best is None or self.objective(found) < self.objective(self.best)):
            self.best = found
        if compared_inside(found.finding) and not found.violated and self._inside(found):
            if self.closest is None or found.excess > self.closest.excess:
                self.closest = found
        return found

    def promising(self, setting: Setting) -> Setting | None:
        """The setting with that of some seeds whose draw misses the fewest assumptions; None where it is not about it.

        Of a claim about draws, or without assumptions, it is the setting itself.
        """
        self.check()
        best, fewest = setting, math.inf
        one_seed = self.claim.statement.over_draws or self.claim.statement.conditions is no_conditions
        for seed in range(setting.seed, setting.seed + (1 if one_seed else SEEDS)):
            try:
                found = missed(self.claim, setting.replace(seed=seed))
            except TROUBLE:
                return setting  # the run itself will say what is wrong
            if found is None:
                return None
            if found < fewest:
                best, fewest = setting.replace(seed=seed), found
            if not found:
                break
        return best

    def skip(self, why: str) -> None:
        """Count a random setting that was not run."""
        self.runs += 1
        self.counts[RANDOM, why] += 1
        self._tell()

    def fails(self, trial: Trial | None) -> bool:
        """Whether a trial contradicts the claim; of a claim about draws whether that many fresh ones do.

        Raises
        ------
        Ended
        """
        if trial is None or not trial.violated or not self._inside(trial):
            return False
        return not self.claim.statement.over_draws or self._refuted(trial.setting)

    def _refuted(self, setting: Setting) -> bool:
        """Whether so few of the draws of seeds 0, 1, … hold that it refutes the claim; then their count is kept.

        They are as many as make it clear at the level DOUBT, at most REPEATS.
        """
        holds = 0
        for count in range(1, REPEATS + 1):
            again = self.look(setting.replace(seed=count - 1), REPEAT)
            if again is None or again.finding is None or not compared_inside(again.finding):
                return False
            holds += not again.violated
            required = again.finding.required
            required = 1 - self.claim.constants.delta if np.isnan(required) else required
            if interval(holds, count, 1 - 2 * DOUBT)[1] < required:
                self.shares[repr(setting)] = holds, count
                return True
            if count >= FUTILE and holds > LIKELY * count:
                return False
        return False

    def _inside(self, trial: Trial) -> bool:
        """Whether it meets all of the assumption that every random setting does."""
        return not self.met or self.met <= trial.assumed

    def objective(self, trial: Trial | None) -> float:
        """What a climb minimises: the excess turned where the assumptions hold, above that how far they do not."""
        if trial is None or trial.finding is None:
            return 3e4
        if trial.excess != trial.excess:
            return 2e4
        outside = trial.shortfall + 10.0 * len((self.met or frozenset()) - trial.assumed)
        return 1e4 + outside if outside > 0 else -float(np.clip(trial.excess, -1e3, 1e3))

    def _tell(self) -> None:
        if self._most is not None:
            self.bar.update(1)
        else:
            now = perf_counter()
            self.bar.update(now - self._told)
            self._told = now
