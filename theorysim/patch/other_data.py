"""Training that goes on with other data: the weights stay, and so do the coefficients of patches in both data sets."""

import numpy as np
from numpy.typing import NDArray

from theorysim.core import blas
from theorysim.patch.draw import Draw
from theorysim.patch.fits import check_fits
from theorysim.patch.problem import Problem
from theorysim.patch.run import PatchRun

Array = NDArray[np.float64]


def carried(run: PatchRun, problem: Problem, draw: Draw) -> tuple[Draw, Array]:
    """The draw that a run goes on with from its end, and the coefficients b (2m, K) that it begins with.

    Of a patch that both draws have, up to its sign, b is carried over. The initial weights of the new draw are what is
    left of the run's weights without these, so that w = w(0) + Σ_a b_a v_a holds at once.

    Raises
    ------
    ValueError
        When the draws have no coordinates in common, other filters, or the run has noise on its weights.
    """
    check_fits(draw, problem)
    for one, name in ((run.draw, "run.draw"), (draw, "draw")):
        if one.form != "vectors":
            raise ValueError(f"{name}.form={one.form!r}: must be 'vectors' to go on with other data, whose patches are "
                             "then in the same coordinates; simulate with draw='vectors'")
    if draw.weights.shape != run.draw.weights.shape:
        raise ValueError(f"draw: has filters of shape {draw.weights.shape}, must have those of the run, "
                         f"{run.draw.weights.shape}")
    if run.drifts is not None:
        raise ValueError("run: has noise on its weights, which is closed with other data but not built")
    coefficients = np.zeros((len(draw.weights), len(draw.vectors)))
    places = {row.tobytes(): (place, sign) for place, vector in enumerate(run.draw.vectors) if vector.any()
              for sign in (-1.0, 1.0) for row in (sign * vector + 0.0,)}
    for place, vector in enumerate(draw.vectors):
        if (known := places.get((vector + 0.0).tobytes())) is not None:
            coefficients[:, place] = known[1] * run.coefficients[-1][:, known[0]]
    with blas.single_threaded():
        weights = run.weights_at() - coefficients @ draw.vectors
    return draw.with_weights(weights.reshape(2, draw.m, -1)), coefficients
