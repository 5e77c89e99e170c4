"""check(): runs and claims side by side, one verdict for each statement of a paper."""

from collections.abc import Iterable
from typing import Any

from theorysim.check.finding import evaluate
from theorysim.check.replay import replayed
from theorysim.check.report import CheckReport
from theorysim.core import validate
from theorysim.theory.paper import Choice, constants_of, default_paper, paper_named, papers_about, system_name


def check(run: Any, paper: str | None = None, *, replay: bool = False, **constants: Any) -> CheckReport:
    """Hold a run, or runs of one setting over seeds, against every statement of a paper that is about them.

    A statement is compared at the steps that it speaks about, as far as the run has kept what it looks at there; where
    nothing was kept it is "not sampled". One whose assumptions fail is compared all the same and shown as "outside
    regime". Of runs unlike the paper's (another training rule, label noise that was given, a policy that acted) claims
    about problem and draw alone are judged, and the report says why.

    Claims about the draw ("with probability at least 1 − δ", theorems included) are counted over runs: with two runs or
    more they are violated when the exact one-sided 97.5% bound of the share that holds lies below 1 − δ. A single run
    speaks for itself, and other statements are violated when any run inside the regime violates them.

    Parameters
    ----------
    run : run or iterable of runs
        Of one system, fresh or loaded.
    paper : str, optional
        The name of a paper, ours (such as "huang2025"; :func:`theorysim.theory.paper.papers` has all), of another
        package, or registered with :func:`register_paper`. By default the one whose setting the run has, and where none
        claims it the first with a statement about it; the report says which and why.
    replay : bool
        Make runs that lack a step which a statement speaks about again from their seed, exactly, and compare there.
        Of windows with more steps than may be recorded evenly spaced ones. It takes as long as the runs did.
    **constants
        What the paper hides: ``delta``, ``C`` and ``band`` of :class:`theorysim.theory.statement.Constants`, and more
        for some papers.

    Returns
    -------
    CheckReport

    Raises
    ------
    TypeError, ValueError
        For what is not a run that the paper speaks about, an unknown paper, an impossible constant, or a run that
        cannot be made again.
    """
    runs = _validated(run)
    validate.flag("replay", replay)
    chosen, why = default_paper(runs[0]) if paper is None else _asked(runs[0], paper)
    hidden = constants_of([chosen], constants)[chosen.name]
    found = []
    for one in runs:
        seen = replayed(one, chosen, hidden) if replay else one
        evidence = chosen.evidence(seen, hidden)
        found.append(tuple(evaluate(claim, evidence) for claim in chosen.statements_about(seen)))
    reasons = [why, *(f"of problem and draw alone: {one}" for one in dict.fromkeys(map(chosen.unlike, runs)) if one)]
    return CheckReport(chosen.name, hidden, tuple(found), "; ".join(filter(None, reasons)))


def _asked(run: Any, name: str) -> Choice:
    paper = paper_named(name)
    if system_name(run) not in paper.about:
        known = ", ".join(repr(one.name) for one in papers_about(run))
        raise ValueError(f"paper={name!r}: says nothing of a {type(run).__name__}; must be one of {known or 'none'}")
    return Choice(paper, "")


def _validated(given: Any) -> list[Any]:
    """The runs, of one setting and each only once."""
    if system_name(given):
        given = [given]
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(f"run={given!r}: must be a Run or a sequence of Runs, not {type(given).__name__}")
    runs = list(given)
    if not runs:
        raise ValueError("run: must be a Run or a non-empty sequence of Runs")
    seen: set[tuple[int, bytes]] = set()
    for one in runs:
        if not system_name(one):
            raise TypeError(f"run={one!r}: must be a Run, not {type(one).__name__}")
        if (one.problem, one.algorithm) != (runs[0].problem, runs[0].algorithm):
            raise ValueError(f"run: must be runs of one setting over seeds; {one.problem}, {one.algorithm} is not "
                             f"{runs[0].problem}, {runs[0].algorithm}")
        draw = (one.seed, getattr(one.draw, "fingerprint", b""))
        if draw in seen:
            raise ValueError(f"run: the draw of seed {one.seed} occurs twice, and would count twice")
        seen.add(draw)
    return runs
