"""Runs as datasets of xarray: arrays whose dimensions have names."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

OBSERVED, RECORDED = "step", "step_recorded"  # dimensions: steps with a row of observables, and with a record
UPDATES = (OBSERVED, RECORDED, "every_step")  # dimensions counted in updates


class Labelled(NamedTuple):
    """An array with the names of its dimensions, what it is, and its units."""

    dimensions: tuple[str, ...]
    values: NDArray[Any]
    meaning: str
    units: str = "1"

    def variable(self) -> tuple[Any, ...]:
        """What a dataset is made of."""
        return self.dimensions, self.values, {"long_name": self.meaning, "units": self.units}


def dataset(run: Any) -> "xr.Dataset":
    """Observables, named arrays and coordinates of a run; a column with the name of one of these gets "own_" before."""
    xarray = _xarray()
    arrays, given = run.named_arrays(), run.coordinates()
    sizes = {OBSERVED: len(run.steps_observed)}
    for one in (*arrays.values(), *given.values()):
        sizes |= dict(zip(one.dimensions, one.values.shape, strict=True))
    steps = {OBSERVED: run.steps_observed, RECORDED: run.steps_recorded}
    numbers = {name: _numbers(name, steps.get(name, np.arange(size))) for name, size in sizes.items()}
    coordinates = numbers | given
    columns = {name: Labelled((OBSERVED,), values, run.MEANINGS.get(name, name))
               for name, values in {**run.table, **run.own}.items()}
    taken = {*arrays, *coordinates}
    variables = {_free(name, taken | (set(columns) - {name})): one for name, one in columns.items()} | arrays
    return xarray.Dataset(_made(variables), _made(coordinates), {
        "problem": repr(run.problem), "algorithm": repr(run.algorithm), "seed": run.seed, "engine": run.engine,
        "status": str(run.status), "message": run.message, "steps": run.steps})


def over_seeds(datasets: "Sequence[xr.Dataset]", seeds: Sequence[int]) -> "xr.Dataset":
    """One dataset of several, the first dimension being the seed; attributes are those that all share."""
    xarray = _xarray()
    joined: xr.Dataset = xarray.concat(
        datasets, xarray.DataArray(list(seeds), dims="seed", name="seed"), data_vars="all", coords="all",
        compat="equals", join="outer", combine_attrs="drop_conflicts")
    joined.attrs.pop("seed", None)
    return joined


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"own_{name}"
    return name


def _numbers(name: str, values: NDArray[Any]) -> Labelled:
    return Labelled((name,), values, name, "updates" if name in UPDATES else "1")


def _made(named: Mapping[str, Labelled]) -> dict[str, Any]:
    return {name: one.variable() for name, one in named.items()}


def _xarray() -> Any:
    try:
        import xarray
    except ImportError:
        raise ImportError("to_xarray() needs xarray: pip install xarray") from None
    return xarray
