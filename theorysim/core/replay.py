"""A run made again: whether it is the same, and what of it is taken."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import numpy as np


def unequal(run: Any, made: Any) -> str:
    """In what the run made again differs from a run at its records; "" where not a bit does."""
    places = np.searchsorted(made.steps_recorded, run.steps_recorded)
    if made.steps != run.steps:
        return f"it ends at step {made.steps}, not {run.steps}"
    for name in run.PER_RECORD:
        before, after = getattr(run, name), getattr(made, name)
        if before is not None and not np.array_equal(before, after[places], equal_nan=True):
            return f"{name} at its records come out otherwise"
    return ""


def kept(run: Any, made: Any, keywords: Iterable[str]) -> Any:
    """The run, with records and rows of the one made again, and what that was asked to keep otherwise."""
    arrays = {*run.PER_RECORD, *run.PER_ROW, *keywords} & {one.name for one in fields(run)}
    own = {}
    for name, values in run.own.items():
        own[name] = np.full(len(made.steps_observed), np.nan)
        own[name][np.searchsorted(made.steps_observed, run.steps_observed)] = values
    return run.replace(**{name: getattr(made, name) for name in arrays}, own=own, record_every=None, listed=True)
