"""Lu et al. 2024: benign oscillation of SGD with large steps, by which weak features are learned."""

from theorysim.papers.lu2024.evidence import OscillationConstants, OscillationEvidence, is_two_signals
from theorysim.papers.lu2024.figures import FIGURES
from theorysim.papers.lu2024.statements import STATEMENTS
from theorysim.patch.run import PatchRun
from theorysim.theory.paper import Paper
from theorysim.theory.signal_noise import unlike_gradient_descent


def setting(run: PatchRun) -> str:
    """A strong and a weak signal, and the squared loss."""
    return "a strong and a weak signal, squared loss" if is_two_signals(run) else ""


def unlike(run: PatchRun) -> str:
    """What makes a run other than SGD."""
    return unlike_gradient_descent(run, "batch_size", "replacement")


PAPER = Paper(
    name="lu2024",
    citation="Lu et al. 2024: benign oscillation of SGD with large learning rates",
    about=("patch",),
    statements=STATEMENTS,
    evidence=OscillationEvidence,
    constants=OscillationConstants,
    setting=setting,
    unlike=unlike,
    figures=FIGURES,
)

__all__ = ["PAPER", "STATEMENTS", "OscillationConstants", "OscillationEvidence"]
