"""Wan et al. 2025: forgetting of one signal while another is learned, against the angle between the two."""

from theorysim.papers.wan2025.evidence import ForgettingConstants, ForgettingEvidence, is_second_task
from theorysim.papers.wan2025.figures import FIGURES
from theorysim.papers.wan2025.statements import STATEMENTS
from theorysim.papers.wan2025.tasks import Tasks, first_task, second_task
from theorysim.patch.run import PatchRun
from theorysim.theory.paper import Paper
from theorysim.theory.signal_noise import unlike_gradient_descent


def setting(run: PatchRun) -> str:
    """A second task after a first."""
    return "a task after another, each with a signal of its own" if is_second_task(run) else ""


PAPER = Paper(
    name="wan2025",
    citation="Wan et al. 2025: forgetting of a task against its angle to the next",
    about=("patch",),
    statements=STATEMENTS,
    evidence=ForgettingEvidence,
    constants=ForgettingConstants,
    setting=setting,
    unlike=unlike_gradient_descent,
    figures=FIGURES,
)

__all__ = ["PAPER", "STATEMENTS", "ForgettingConstants", "ForgettingEvidence", "Tasks", "first_task", "second_task"]
