"""Whether a draw that was given can be one of a problem."""

import numpy as np
from numpy.typing import NDArray

from theorysim.patch import model_draw
from theorysim.patch.draw import Draw
from theorysim.patch.patch_data import PatchData
from theorysim.patch.patch_model import PatchModel
from theorysim.patch.problem import Problem, SignalNoise

LEAST_SIZE = 1e-150  # of ‖μ‖‖ξ‖ in a cosine


def check_fits(draw: Draw, problem: Problem) -> None:
    """Raise ValueError unless a draw can be one of ``problem``; names what differs."""
    _equal("n", draw.n, problem.n)
    _equal("m", draw.m, problem.m)
    if isinstance(problem, PatchData):
        _of_patches(draw, problem)
    elif isinstance(problem, PatchModel):
        model_draw.check(problem, draw.labels, draw.atom, draw.sign, draw.owner, draw.vectors, draw.form)
    else:
        _of_signal_noise(draw, problem)


def _equal(name: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise ValueError(f"draw has {name}={found}, but problem has {name}={wanted}: they must be equal")


def _of_patches(draw: Draw, problem: PatchData) -> None:
    if draw.gram.shape != problem.gram.shape or not np.allclose(draw.gram, problem.gram):
        raise ValueError("draw has other atoms than problem: make it with Draw.from_problem(problem)")
    for name in ("labels", "observed_labels", "atom", "sign"):
        if not np.array_equal(getattr(draw, name), getattr(problem, name)):
            raise ValueError(f"draw has other {name} than problem: make it with Draw.from_problem(problem)")


def _of_signal_noise(draw: Draw, problem: SignalNoise) -> None:
    if draw.owner[0] != -1 or len(draw.owner) != problem.atoms:
        other = "another bias" if len(draw.owner) in (problem.n + 1, problem.n + 2) else "PatchData"
        raise ValueError(f"draw is one of {other}, but problem is {problem}")
    if draw.form == "vectors":
        _equal("d", draw.vectors.shape[1] - bool(problem.bias), problem.d)
    vectors = draw.vectors
    if problem.bias:  # inner products without it are taken afresh: it may be large beside them
        if (vectors[:, -1] != problem.bias).any():
            raise ValueError(f"draw has bias={vectors[0, -1]:g}, but problem has bias={problem.bias:g}: they must be "
                             "equal")
        vectors = vectors[:, :-1]
    signal, noise = vectors[0], vectors[-draw.n:]
    norm = float(np.linalg.norm(signal))
    if not np.isclose(norm, problem.signal_norm, rtol=1e-6, atol=0):
        raise ValueError(f"draw has a signal of norm {norm:g}, but problem has signal_norm={problem.signal_norm:g}: "
                         "they must agree to 1e-6")
    if problem.orthogonal_noise:
        _orthogonal(signal, noise, norm)


def _orthogonal(signal: NDArray[np.float64], noise: NDArray[np.float64], norm: float) -> None:
    size = np.maximum(norm * np.linalg.norm(noise, axis=1), LEAST_SIZE)
    cosine = np.abs(noise @ signal) / size
    if cosine.max() > 1e-8:
        raise ValueError(f"draw has noise with cosine {cosine.max():.3g} to the signal, but problem has "
                         "orthogonal_noise=True: project the noise or set orthogonal_noise=False")
