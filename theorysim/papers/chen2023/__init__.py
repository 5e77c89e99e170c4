"""Chen et al. 2023 (arXiv 2310.07269): sharpness-aware minimisation against SGD on the patch network. From memory."""

from theorysim.papers.chen2023.evidence import SamConstants, SamEvidence, sam
from theorysim.papers.chen2023.figures import FIGURES
from theorysim.papers.chen2023.statements import STATEMENTS
from theorysim.patch.problem import SignalNoise
from theorysim.patch.run import PatchRun
from theorysim.theory.paper import Paper
from theorysim.theory.signal_noise import unlike_gradient_descent


def unlike(run: PatchRun) -> str:
    """What makes a run other than mini-batch SGD or SAM."""
    if run.algorithm.batch_size is None:
        return f"{run.algorithm} has no mini-batches"
    if run.algorithm.label_noise is not None:
        return f"{run.algorithm} has label noise"
    return unlike_gradient_descent(run, "batch_size", "replacement", "sam_radius")


def setting(run: PatchRun) -> str:
    """ReLU on signal-noise data."""
    p = run.problem
    known = isinstance(p, SignalNoise) and p.is_standard and p.q == 1 and not p.bias and p.init_law == "normal"
    return "ReLU, mini-batches" if known else ""


PAPER = Paper(
    name="chen2023",
    citation="Chen et al. 2023: why SAM generalises better than SGD (arXiv 2310.07269), from memory",
    about=("patch",),
    statements=STATEMENTS,
    evidence=SamEvidence,
    constants=SamConstants,
    setting=setting,
    unlike=unlike,
    figures=FIGURES,
)

__all__ = ["PAPER", "STATEMENTS", "SamConstants", "SamEvidence", "sam"]
