"""An example of a paper: how fast gradient descent learns the signal with a ReLU network and true labels.

Everything that theorysim knows of a paper is in PAPER. Only `name` and `citation` are required.
"""

from example2026.constants import ExampleConstants
from example2026.figure import rise
from example2026.law import LEARNED
from example2026.statements import STATEMENTS
from theorysim import Paper
from theorysim.theory.paper import Figure

PAPER = Paper(
    name="example2026",  # ts.check(run, "example2026")
    citation="Example 2026: how fast the signal is learned",
    about=("patch",),  # the systems whose runs it speaks of: patch, linear, oscillation, reweighting
    statements=STATEMENTS,
    constants=ExampleConstants,  # ts.check(run, "example2026", C=2), ts.scaling(..., "example2026.T", theta=0.2)
    laws={"T": LEARNED},  # ts.scaling(problem, algorithm, "example2026.T", vary=...)
    figures={"example2026-rise": Figure("signal learning against its bound", rise)},  # theorysim reproduce NAME
    # With `setting`, a function of a run that returns a reason or "", it would be the default paper of its runs; with
    # `evidence`, a type of its own, statements could share what is expensive to work out; with `regime`, a Hypothesis
    # strategy, `theorysim.strategies.problems(inside="example2026")` would draw problems inside its assumptions.
)
