"""check(): runs and claims side by side, one verdict for each statement of a paper."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from theorysim.check.finding import Finding, evaluate
from theorysim.check.replay import replayed
from theorysim.check.report import CheckReport
from theorysim.core import validate
from theorysim.theory.expression import did_you_mean
from theorysim.theory.paper import (
    Paper, constants_of, default_paper, paper_named, paper_of, papers, papers_about, statement_named, system_name,
)
from theorysim.theory.statement import Statement

OWN = "own claims"
Asked = str | Statement


def check(
    run: Any, paper: Asked | Iterable[Asked] | None = None, *, replay: bool = False, **constants: Any
) -> CheckReport:
    """Hold a run, or runs of one setting over seeds, against every statement of a paper that is about them.

    Or against claims of your own (:func:`theorysim.claim`), and single statements of papers.

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
    paper : str, Statement, or sequence of these, optional
        A claim or several; ids of statements of papers ("huang2025.lemma_4_2.t1"); or a paper by name: ours (such as
        "huang2025"; :func:`theorysim.theory.paper.papers` has all), another package's, or registered with
        :func:`register_paper`. By default the paper whose setting the run has, and where none claims it the first with
        a statement about it; the report says which and why.
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
        For what is not a run that the paper speaks about, an unknown paper, an impossible constant, a run that cannot
        be made again, or a claim about what such runs have not.
    """
    runs = _validated(run)
    validate.flag("replay", replay)
    if isinstance(paper, Iterator):
        paper = tuple(paper)
    chosen, why = _chosen(runs[0], paper)
    hidden = constants_of(chosen, constants)
    found = []
    for one in runs:
        for source in chosen if replay else ():
            one = replayed(one, source, hidden[source.name])
        findings: list[Finding] = []
        for source in chosen:
            evidence = source.evidence(one, hidden[source.name])
            findings += [evaluate(claim, evidence) for claim in source.statements_about(one)]
        found.append(tuple(findings))
    reasons = [why, *(f"of problem and draw alone: {reason}" for source in chosen
                      for reason in dict.fromkeys(map(source.unlike, runs)) if reason)]
    silent = sorted(_asked_one_by_one(paper) - {one.statement.id for findings in found for one in findings})
    if silent:
        reasons.append(f"not about such runs: {', '.join(silent)}")
    widest = max(hidden.values(), key=lambda one: len(one.names()))
    title = " and ".join(OWN if source.citation == OWN else source.name for source in chosen)
    return CheckReport(title, widest, tuple(found), "; ".join(filter(None, reasons)))


def _asked_one_by_one(asked: Any) -> set[str]:
    """Ids of the statements that were named, rather than their paper."""
    each = [asked] if isinstance(asked, str | Statement) else asked or []
    named = {one.id if isinstance(one, Statement) else one for one in each}
    return {one for one in named if one not in papers()}


def _chosen(run: Any, asked: Any) -> tuple[list[Paper], str]:
    """The papers, with the statements that were asked for alone; and why it is these, where they were not asked for."""
    if asked is None:
        choice = default_paper(run)
        return [choice.paper], choice.why
    if isinstance(asked, str) and not statement_named(asked):
        return [_about(run, paper_named(asked))], ""
    if isinstance(asked, str | Statement):
        asked = [asked]
    if not isinstance(asked, Iterable):
        raise TypeError(f"paper={asked!r}: must be a string, a Statement or a sequence of these, not "
                        f"{type(asked).__name__}")
    parts: dict[str, tuple[Paper | None, list[Statement]]] = {}
    for one in asked:
        source, statements = _source(run, one)
        parts.setdefault("" if source is None else source.name, (source, []))[1].extend(statements)
    if not parts:
        raise ValueError("paper: must name at least one claim or paper")
    ids = [one.id for _, statements in parts.values() for one in statements]
    for name in ids:
        if ids.count(name) > 1:
            raise ValueError(f"paper: {name!r} occurs {ids.count(name)} times; give claims different names (name=)")
    return [_alone(run, source, statements) for source, statements in parts.values()], ""


def _source(run: Any, asked: Any) -> tuple[Paper | None, Sequence[Statement]]:
    """What is asked for in one word, and the paper that it is of."""
    if isinstance(asked, Statement):
        return paper_of(asked, run), (asked,)
    if not isinstance(asked, str):
        raise TypeError(f"paper: {asked!r} must be a Statement, the id of one or the name of a paper, not "
                        f"{type(asked).__name__}")
    found = statement_named(asked)
    if found:
        source, statement = next((pair for pair in found if pair[0] in papers_about(run)), found[0])
        return _about(run, source), (statement,)
    if asked not in papers():
        known = [*papers(), *(one.id for source in papers().values() for one in source.statements)]
        raise ValueError(f"paper: {asked!r} is no paper, and no statement of one{did_you_mean(asked, known)}; there "
                         f"are the papers {', '.join(papers())}, and theorysim.claim makes claims of your own")
    whole = _about(run, paper_named(asked))
    return whole, whole.statements


def _alone(run: Any, source: Paper | None, statements: Sequence[Statement]) -> Paper:
    if source is None:
        return Paper("own_claims", OWN, (system_name(run),), tuple(statements))
    return replace(source, statements=tuple(statements))


def _about(run: Any, paper: Paper) -> Paper:
    if system_name(run) not in paper.about:
        known = ", ".join(repr(one.name) for one in papers_about(run))
        raise ValueError(f"paper={paper.name!r}: says nothing of a {type(run).__name__}; must be one of "
                         f"{known or 'none'}")
    return paper


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
