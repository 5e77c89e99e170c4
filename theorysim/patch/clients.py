"""Local steps: several clients, each with weights and samples of its own, whose weights are averaged from time to time.

Client c has the samples i with i mod C = c and the loss over these. What the run shows at a step is the average of the
clients' weights, which are in the span as they are: an average of coefficients.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.kernels import layout, network, rules
from theorysim.patch.kernels.observe import leave_out_coefficients

Array = NDArray[np.float64]


def shares(n: int, clients: int, mean: bool) -> list[Array]:
    """(1, n) for each client how much a sample counts: n over its number of samples, or 1 where losses are sums."""
    found = []
    for client in range(clients):
        own = (np.arange(n) % clients == client).astype(float)
        found.append((own * (n / own.sum() if mean else 1.0))[None])
    return found


def local_updates(
    data: layout.Data, now: layout.State, clients: Sequence[layout.State], algorithm: GradientDescent,
    steps: layout.PerStep, first: int, own: Sequence[Array], scratch: layout.Scratch, work: layout.Work, rows: Array,
) -> int:
    """Advance all clients in place, and ``now``, their average; rows and the result as of the kernels.

    ``first`` is the number of the first step since the clients began: after every ``local_steps`` they are averaged.
    """
    row, rule = np.empty((2, rows.shape[1])), algorithm.rule()
    none: Any = np.empty(layout.NOTHING, now.inner.dtype)
    for t in range(len(steps.lr)):
        if not network.observe(data, now, scratch, rows[t]):
            return t
        if not data.watched:
            leave_out_coefficients(rows[t])
        one = layout.PerStep(*(array[t : t + 1] for array in steps))
        for state, share in zip(clients, own, strict=True):
            if not rules.evolve_by_rule(data, none, state, rule, one._replace(share=share), scratch, work, row):
                return t
        average(now, clients)
        if (first + t + 1) % algorithm.local_steps == 0:
            for state in clients:
                for mine, ours in zip(moved(state), moved(now), strict=True):
                    mine[:] = ours
    return len(steps.lr)


def average(now: layout.State, clients: Sequence[layout.State]) -> None:
    """The mean of the clients' weights, velocities left alone."""
    for place, ours in enumerate(moved(now)):
        ours[:] = sum(moved(state)[place] for state in clients) / len(clients)


def moved(state: layout.State) -> tuple[Any, ...]:
    """What makes up the weights: z, b, the second layer, and α."""
    return state.inner, state.coef, state.readout, state.scale[:1]
