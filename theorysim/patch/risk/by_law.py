"""Test errors of data by law: over all samples, and group by group."""

from collections.abc import Iterable
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from theorysim.core import validate
from theorysim.core.run import At
from theorysim.patch.patch_model import PatchModel
from theorysim.patch.risk.counting import of_states
from theorysim.patch.risk.estimate import Estimate
from theorysim.patch.risk.mixture import hits, mixture, weights
from theorysim.patch.risk.rare import rare_of_states
from theorysim.patch.trained import TrainedRun

if TYPE_CHECKING:
    import pandas as pd


def of_model(
    run: TrainedRun, problem: PatchModel, at: At, group: dict[str, Any] | None, method: str, relative_error: float,
    n_test: int, seed: int, tau: tuple[float, float], applies: bool,
) -> Estimate:
    """The error of a run on a :class:`PatchModel`; ``applies`` says whether the rare-event method does."""
    law, chances = mixture(run, at), weights(problem, group)
    if method == "rare-event":
        return rare_of_states(law, chances, seed, relative_error, tau)
    found, events = of_states(law, chances, hits(law, n_test, seed), n_test, tau)
    enough = events >= relative_error**-2 or any(tau) or not applies
    return found if method == "monte-carlo" or enough else rare_of_states(law, chances, seed, relative_error, tau)


def group_accuracy(
    run: TrainedRun, at: At = "end", *, by: Iterable[str] | None = None, n_test: int = 100_000,
    seed: int | None = None,
) -> "pd.DataFrame":
    """Test accuracy in every group of fresh samples, counted, each with its own 95% interval.

    Parameters
    ----------
    run : PatchRun
        A run of a :class:`PatchModel`.
    at : int or "end"
        A recorded step.
    by : names, optional
        Of what divides the samples: "label", and the laws that leave something to chance (``problem.groups``); all of
        the latter by default, or the label where there are none.
    n_test, seed
        As of :func:`test_error`.

    Returns
    -------
    DataFrame
        Indexed by the groups, with columns share (of the samples by law), test_accuracy, low, high.

    Raises
    ------
    ValueError
        When the problem is no :class:`PatchModel`, or a name is none of its own.
    """
    import pandas as pd

    problem = run.problem
    if not isinstance(problem, PatchModel):
        raise ValueError(f"problem={problem!r}: must be a PatchModel to have groups")
    n_test = validate.integer("n_test", n_test, 1)
    seed = run.seed if seed is None else validate.integer("seed", seed, 0)
    known: dict[str, tuple[Any, ...]] = {"label": (1, -1), **problem.groups}
    names = tuple(problem.groups) or ("label",) if by is None else (by,) if isinstance(by, str) else tuple(by)
    if not names or len(set(names)) < len(names) or not set(names) <= set(known):
        raise ValueError(f"by={by!r}: must be different names among {', '.join(map(repr, known))}")
    law = mixture(run, at)
    errors, every, rows = hits(law, n_test, seed), problem.population.probabilities(), []
    groups = list(product(*(known[name] for name in names)))
    for group in groups:
        chances = weights(problem, dict(zip(names, group, strict=True)))
        found, _ = of_states(law, chances, errors, n_test)
        rows.append((float(every[chances > 0].sum()), 1 - found.value, 1 - found.high, 1 - found.low))
    return pd.DataFrame(np.array(rows), columns=["share", "test_accuracy", "low", "high"],
                        index=pd.MultiIndex.from_tuples(groups, names=names))
