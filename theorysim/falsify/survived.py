"""What was tried without a counterexample, and what that bounds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from theorysim.check.finding import Verdict
from theorysim.core.html import show, table
from theorysim.core.intervals import interval
from theorysim.falsify.claim import Claim
from theorysim.falsify.judge import CLIMB, RANDOM, REFUSED
from theorysim.falsify.setting import NOT_ABOUT, Trial
from theorysim.theory.statement import Statement

CONFIDENCE = 0.95


@dataclass(frozen=True, eq=False, repr=False)
class Survived:
    """A search that found no counterexample.

    Attributes
    ----------
    counts : mapping
        How many runs came to each verdict, by (what they were made for, verdict): "random" settings are independent of
        each other, those of a "climb" are not.
    closest : Trial or None
        Inside the assumptions the setting that came closest to a violation (``closest.setting``, ``closest.finding``).
    seconds : float
    seed : int
        Of the search.
    interrupted : bool
    """

    counts: Mapping[tuple[str, str], int]
    closest: Trial | None
    seconds: float
    seed: int
    interrupted: bool
    asked: Claim

    @property
    def claim(self) -> Statement:
        """What was not contradicted."""
        return self.asked.statement

    def _count(self, *verdicts: str, what: tuple[str, ...] = (RANDOM, CLIMB)) -> int:
        return sum(self.counts.get((one, verdict), 0) for one in what for verdict in verdicts)

    @property
    def tried(self) -> int:
        """Runs inside the assumptions on which the claim was compared, climbed ones included."""
        return self._count(Verdict.HOLDS, Verdict.VIOLATED)

    @property
    def independent(self) -> int:
        """Those of them that are of independent settings."""
        return self._count(Verdict.HOLDS, Verdict.VIOLATED, what=(RANDOM,))

    @property
    def failed(self) -> int:
        """Of the independent ones of a claim about draws the single draws on which it fails; else 0."""
        return self._count(Verdict.VIOLATED, what=(RANDOM,))

    @property
    def outside(self) -> int:
        """Runs outside of the claim's assumptions."""
        return self._count(Verdict.OUTSIDE)

    @property
    def silent(self) -> int:
        """Runs that say nothing: not reached, not sampled, not evaluable, vacuous, not about them, not to be made."""
        return self._count(Verdict.NOT_REACHED, Verdict.NOT_SAMPLED, Verdict.NOT_EVALUABLE, Verdict.VACUOUS, NOT_ABOUT,
                           REFUSED)

    @property
    def climbed(self) -> int:
        """Runs of the directed search."""
        return sum(number for (what, _), number in self.counts.items() if what == CLIMB)

    @property
    def bound(self) -> float:
        """Exact one-sided 95% upper bound of the rate of failure among this search's own independent settings.

        Of those in which the claim is compared inside its assumptions. After k of them without failure it is
        1 − 0.05^(1/k); 1 where there were none. It says nothing of settings that the search seldom makes.
        """
        return interval(self.failed, self.independent, 2 * CONFIDENCE - 1)[1]

    def summary(self) -> dict[str, Any]:
        """What there is to say, by name."""
        said: dict[str, Any] = {
            "claim": f"{self.claim.id}: {self.claim.formula}", "compared inside its assumptions": self.tried,
            "of independent settings": self.independent, "outside": self.outside, "said nothing": self.silent,
            "climbed": self.climbed, "failure rate below (95%)": self.bound, "seconds": self.seconds, "seed": self.seed,
        }
        if self.failed:
            said["independent draws that fail"] = self.failed
        if self.closest is not None and self.closest.finding is not None:
            said["closest ratio"] = self.closest.finding.ratio
            said["closest"] = f"{self.closest.setting.problem}, {self.closest.setting.algorithm}"
        return said

    def __str__(self) -> str:
        head = f"{self.claim.id}: no counterexample{' so far (interrupted)' if self.interrupted else ''}: " \
               f"{self.claim.formula}\n"
        if not self.tried:
            return (f"{head}Nothing was compared inside its assumptions: {self.outside} runs lie outside, "
                    f"{self.silent} say nothing. Give inside=, algorithm= or steps= where it speaks.")
        failed = f" and {self.failed} single draws that fail, as a claim about draws allows," if self.failed else ""
        text = head + (
            f"{self.tried} runs inside its assumptions were compared, {self.independent} of them of independent "
            f"settings{failed} ({self.outside} runs outside, {self.silent} say nothing; {self.seconds:.0f} s). So of "
            f"the settings as this search draws them less than {show(self.bound)} fail, at 95% confidence; of settings "
            "that it seldom draws that says nothing.")
        if self.closest is not None and self.closest.finding is not None:
            one, finding = self.closest.setting, self.closest.finding
            text += (f"\nClosest: measured/predicted = {show(finding.ratio)} (claimed {self.claim.sense}), at "
                     f"{one.problem}, {one.algorithm}, {one.steps} steps, seed {one.seed}.")
        return text

    def __repr__(self) -> str:
        cut = ", interrupted" if self.interrupted else ""
        return (f"<Survived {self.claim.id}: {self.tried} runs compared, {self.independent} independent, failure rate "
                f"below {show(self.bound)}{cut}>")

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(repr(self))

    def _repr_html_(self) -> str:
        return table(f"Survived: no counterexample to {self.claim.id}", self.summary())
