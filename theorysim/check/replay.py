"""What a run must keep for the statements of a paper to be compared at all the steps they speak about."""

from typing import Any

import numpy as np

from theorysim.check.finding import Verdict, evaluate
from theorysim.core.recording import MAX_BYTES
from theorysim.core.status import Status
from theorysim.systems import again, register_for_check, system_of
from theorysim.theory.paper import Paper, paper_named
from theorysim.theory.statement import Constants, Statement
from theorysim.theory.windows import RECORDS, NotSampledError, Steps

FEW = 1000  # steps of a window that are kept one and all
SHARE = 8  # of what may be recorded, records made for a check take so manieth a part
ROUNDS = 4  # a step that is looked at may only be known once another was seen


def replayed(run: Any, paper: Paper, constants: Constants) -> Any:
    """The run itself where nothing is missing; else the same made again, with what its statements look at.

    Raises
    ------
    ValueError
        When it cannot be made again.
    """
    asked: Steps = np.arange(0)
    for _ in range(ROUNDS):
        missing, hidden = _missing(run, paper, constants)
        wanted = np.setdiff1d(_thinned(run, missing), asked)
        if not len(wanted) and not (hidden and not len(asked)):
            break
        run = again(run, record_at=wanted.tolist())
        asked = np.concatenate([[0], asked, *missing])
    return run


def _missing(run: Any, paper: Paper, constants: Constants) -> tuple[list[Steps], bool]:
    """Of each statement the steps it speaks about and the run lacks; whether rows are missing besides.

    They are where a statement cannot tell of which steps it speaks, unless it says which rows would tell, is of a long
    window of which rows are missing, or finds nothing in those there are: a run that is made again has what it can
    have.
    """
    evidence, missing, hidden = paper.evidence(run, constants), [], False
    for claim in paper.statements_about(run):
        try:
            lacking = _lacking(claim, evidence, run)
        except NotSampledError as error:
            hidden = True
            missing.append(error.lacking)
        else:
            rows = claim.looks != RECORDS and len(lacking) > FEW
            hidden |= rows or (not len(lacking) and evaluate(claim, evidence).verdict == Verdict.NOT_SAMPLED)
            missing += [] if rows else [lacking]
    return missing, hidden


def _lacking(claim: Statement, evidence: Any, run: Any) -> Steps:
    steps = claim.window(evidence)
    kept = run.steps_recorded if claim.looks == RECORDS else run.steps_observed
    lacking: Steps = np.setdiff1d(steps, kept)
    return lacking


def _thinned(run: Any, missing: list[Steps]) -> Steps:
    """All steps of short windows, and of the long ones as many, evenly spaced, as may be recorded."""
    short = [steps for steps in missing if len(steps) <= FEW]
    chosen = np.unique(np.concatenate([np.arange(0), *short]))
    rest = np.setdiff1d(np.concatenate([np.arange(0), *(steps for steps in missing if len(steps) > FEW)]), chosen)
    each = max(1, system_of(run).record_bytes(run.problem))
    most = max(FEW, MAX_BYTES // SHARE // each) - len(chosen) - len(run.steps_recorded)
    if len(rest) > max(most, 0):
        rest = rest[np.linspace(0, len(rest) - 1, max(most, 0)).astype(np.int64)]
    return np.union1d(chosen, rest).astype(np.int64)


def _finishing(name: str) -> Any:
    paper = paper_named(name)

    def finish(run: Any) -> Any:
        if run.status == Status.INTERRUPTED:
            return run
        return replayed(run, paper, paper.constants())

    return finish


register_for_check(_finishing)
