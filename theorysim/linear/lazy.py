"""The linearised model: the network with the kernel of its start, on the same samples and noise (derived).

f is linear in x, so its kernel at (W(0), a(0)) is x'ᵀKx with K = ‖a(0)‖²I + W(0)ᵀW(0), and a step of the linearised
model on a batch with mean v of g x is θ ← θ − ηKv.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from theorysim.linear.draw import StepNoise
from theorysim.linear.run import LinearRun

Array = NDArray[np.float64]


def linearised_errors(run: LinearRun, steps: Sequence[int]) -> Array:
    """e = θ − θ* of the linearised model at some steps, from the start of a run and under its algorithm.

    Parameters
    ----------
    run : LinearRun
    steps : increasing sequence of int
        They may lie beyond the end of the run.

    Returns
    -------
    (steps, d) array

    Raises
    ------
    ValueError
        For sharpness-aware steps, which have no gradient of a linearised model.
    """
    if run.algorithm.sam_radius:
        raise ValueError(f"run.algorithm.sam_radius={run.algorithm.sam_radius!r}: must be 0")
    factor, x, lr = run.draw.factor, run.draw.inputs, run.algorithm.lr
    kernel = (factor[:, -1] @ factor[:, -1]) * np.eye(x.shape[1]) + factor[:, :-1].T @ factor[:, :-1]
    error, noise = factor[:, -1] @ factor[:, :-1] - run.draw.target, StepNoise(run.problem, run.algorithm, run.seed)
    found, now = np.empty((len(steps), x.shape[1])), 0
    for place, wanted in enumerate(steps):
        while now < wanted:
            stop = min(wanted, noise.end_of_block(now))
            for chosen, eps in zip(*noise.between(now, stop), strict=True):
                batch = x[chosen]
                error = error - lr * kernel @ ((batch @ error - eps) @ batch / len(batch))
            now = stop
        found[place] = error
    return found
