"""A run that contradicts a claim, and everything that makes it again."""

from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from theorysim.check.finding import Finding
from theorysim.core.html import show, table
from theorysim.core.status import Status
from theorysim.falsify import picture
from theorysim.falsify.claim import Claim
from theorysim.falsify.setting import Setting
from theorysim.falsify.source import claim_source, source
from theorysim.theory.statement import Constants, Statement


@dataclass(frozen=True, eq=False, repr=False)
class Counterexample:
    """A run on which the assumptions of a claim hold and the claim does not.

    Attributes
    ----------
    setting : problem, algorithm, steps and seed
    status : Status
        How the run ends.
    finding : theorysim.check.Finding
        The claim's verdict on the run.
    step : int
        Where the claim fails worst, relative to the larger side; ``measured`` and ``predicted`` are those of this step.
    how : {"random", "climb"}
        By what it was found: among independent settings, or uphill of one of them.
    tries : int
        Runs of the search until it was found.
    shrinks : int
        Runs made to make it smaller.
    smallest : bool
        Whether making it smaller came to its end: no simpler setting that was tried contradicts the claim.
    seconds, until : float
        All of it took, and until the first counterexample.
    share : (int, int) or None
        Of a claim about draws: of how many it holds, and of how many fresh ones, seeds 0, 1, …
    interrupted : bool
    """

    setting: Setting
    status: Status
    finding: Finding
    step: int
    how: str
    tries: int
    shrinks: int
    smallest: bool
    seconds: float
    until: float
    share: tuple[int, int] | None
    interrupted: bool
    asked: Claim

    @property
    def claim(self) -> Statement:
        """What is contradicted."""
        return self.asked.statement

    @property
    def constants(self) -> Constants:
        """What the claim hides, as it was asked."""
        return self.asked.constants

    @property
    def problem(self) -> Any:
        """What is trained."""
        return self.setting.problem

    @property
    def algorithm(self) -> Any:
        """How."""
        return self.setting.algorithm

    @property
    def steps(self) -> int:
        """Number of updates."""
        return self.setting.steps

    @property
    def seed(self) -> int:
        """Of data, initial weights and all noise."""
        return self.setting.seed

    @property
    def first(self) -> int:
        """The first step at which the claim fails."""
        return int(self.finding.first_violation)

    @property
    def measured(self) -> float:
        """The claim's left side at :attr:`step`."""
        return self.finding.measured

    @property
    def predicted(self) -> float:
        """Its right side there."""
        return self.finding.predicted

    @property
    def ratio(self) -> float:
        """measured/predicted there."""
        return self.finding.ratio

    def run(self) -> Any:
        """Make the run again."""
        return self.setting.run(self.asked)

    @property
    def code(self) -> str:
        """Python that makes the run again and holds it against the claim, after ``import theorysim as ts``.

        A claim that is not of :func:`theorysim.claim` with expressions alone is to be there under the name ``claim``.
        """
        options = ', on_failure="return"' if self.status == Status.DIVERGED else ""
        seed, last = ("seed", f" for seed in range({self.share[1]})]") if self.share else (str(self.seed), "")
        if self.setting.recipe is not None:
            options += f", draw={source(self.setting.recipe(self.problem, self.seed))}"
        made = f"ts.simulate(problem, {source(self.algorithm)}, steps={self.steps}, seed={seed}{options})"
        constants = "".join(f", {key}={source(value)}" for key, value in self.asked.given.items())
        typed = None if self.asked.printed else claim_source(self.claim)
        name = f'"{self.claim.id}"' if self.asked.printed else "claim"
        return "\n".join([
            *(["from numpy import array"] if self.setting.recipe is not None else []),
            *([] if typed is None else [f"claim = {typed}"]),
            f"problem = {source(self.problem)}", f"run = {'[' * bool(last)}{made}{last}",
            f'print(ts.check(run, {name}, replay=True{constants}).table[["verdict", "measured", "predicted"]])'])

    def plot(self, axes: Any = None) -> Any:
        """Both sides of the claim over the steps of the run, with :attr:`step` marked; returns the Axes."""
        return picture.sides(self.claim, *self.asked.sides(self.asked.replayed(self.run())), self.step, axes)

    def summary(self) -> dict[str, Any]:
        """What there is to say, by name."""
        said: dict[str, Any] = {
            "claim": f"{self.claim.id}: {self.claim.formula}", "problem": self.problem, "algorithm": self.algorithm,
            "steps": self.steps, "seed": self.seed, "step": self.step, "measured": self.measured,
            "predicted": self.predicted, "ratio": self.ratio, "found": self._found,
        }
        if self.share is not None:
            said["draws on which it holds"] = f"{self.share[0]} of {self.share[1]}"
        return said

    @property
    def _found(self) -> str:
        how = "among independent settings" if self.how == "random" else "by climbing"
        state = "no simpler one was found" if self.smallest else "not made as small as may be"
        cut = ", interrupted" if self.interrupted else ""
        return f"{how}, after {self.tries} runs; {state} in {self.shrinks} more{cut}"

    def __str__(self) -> str:
        draws = "" if self.share is None else (
            f" A claim about draws: it holds on {self.share[0]} of {self.share[1]} fresh ones, seeds 0 to "
            f"{self.share[1] - 1}.")
        margin = self.finding.margin
        count = len(self.finding.conditions)
        inside = (f"All {count} conditions hold, the tightest with margin {show(margin)}." if count
                  else "It assumes nothing.")
        return (f"{self.claim.id} is contradicted: {self.claim.formula}\n"
                f"At step {self.step} the left side is {show(self.measured)}, the right side {show(self.predicted)}; "
                f"it first fails at step {self.first}. {inside}{draws}\n"
                f"Found {self._found} ({self.seconds:.1f} s).\n\n{self.code}")

    def __repr__(self) -> str:
        return (f"<Counterexample to {self.claim.id} at step {self.step}: {show(self.measured)}, claimed "
                f"{self.claim.sense} {show(self.predicted)}>")

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(repr(self))

    def _repr_html_(self) -> str:
        return table(f"Counterexample to {self.claim.id}", self.summary()) + f"<pre>{escape(self.code)}</pre>"


def worst_step(claim: Claim, run: Any) -> int:
    """Where the claim fails worst on a run."""
    steps, measured, predicted = claim.sides(run)
    excess = claim.excess(measured, predicted)
    return int(steps[np.argmax(np.where(np.isnan(excess), -np.inf, excess))])
