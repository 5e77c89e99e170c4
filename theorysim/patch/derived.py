"""Numbers that a signal-noise problem may be given by in place of its fields."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from theorysim.core import validate
from theorysim.patch.activation import NetworkFields
from theorysim.patch.patch_laws import LARGEST

# What takes the place of which field on an axis of a grid.
DERIVED = {"snr": "signal_norm", "n_snr2": "signal_norm", "d_over_n2": "d"}
IN_PLACE = DERIVED | {"init_scale": "init_std"}
SETS = {"d": "sets d", "signal_norm": "sets the signal norm", "init_std": "sets init_std"}


def fields_of(given: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are given, and those that derived numbers among them stand for; ``known`` has all the others.

    d = (d/n²)·n² (rounded) first, then ‖μ‖ = SNR·σ_p√d with SNR = √(n·SNR²/n), and σ_0 = (σ_0σ_p√d)/(σ_p√d).

    Raises
    ------
    TypeError, ValueError
        For two numbers of one field, or one that asks for what its field cannot be.
    """
    for field, does in SETS.items():
        named = [name for name in (field, *IN_PLACE) if name in given and IN_PLACE.get(name, name) == field]
        if len(named) > 1:
            raise ValueError(f"{' and '.join(named)}: give only one of them, each {does}")
    found = {name: value for name, value in given.items() if name not in IN_PLACE}
    if len(found) == len(given):
        return found
    setting = {**known, **found}
    n = validate.integer("n", setting["n"], 1)
    if "d_over_n2" in given:
        found["d"] = setting["d"] = _dimension(given["d_over_n2"], n)
    if given.keys() & IN_PLACE.keys() <= {"d_over_n2"}:
        return found
    noise_std = validate.real("noise_std", setting["noise_std"], 0, LARGEST, above=True)
    d = validate.integer("d", setting["d"], 2, 2**53)
    if "init_scale" in given:
        found["init_std"] = validate.real("init_scale", given["init_scale"], 0) / (noise_std * d**0.5)
    for name in given.keys() & {"snr", "n_snr2"}:
        ratio = validate.real(name, given[name], 0)
        snr = ratio if name == "snr" else float(np.sqrt(ratio / n))
        found["signal_norm"] = norm = snr * noise_std * float(np.sqrt(d))
        if norm > LARGEST:
            raise ValueError(f"{name}={given[name]!r}: asks for signal_norm={norm:g}, which must be finite and in "
                             f"[0, {LARGEST:g}]")
    return found


def _dimension(ratio: Any, n: int) -> int:
    """d from d/n²."""
    d = round(validate.real("d_over_n2", ratio, 0, 2.0**53) * n**2)
    if not 2 <= d <= 2**53:
        raise ValueError(f"d_over_n2={ratio!r}: asks for d={d}, which must be in [2, {2**53}]")
    return d


def complete(given: Mapping[str, Any], required: Iterable[str]) -> None:
    """Raise TypeError for a field that neither is given nor follows from a number in its place."""
    for field in required:
        others = [name for name, stands_for in IN_PLACE.items() if stands_for == field]
        if not given.keys() & {field, *others}:
            raise TypeError(f"{' or '.join([field, *others])}: must be given")


class InPlace(NetworkFields, total=False):
    """What a problem may be given by name beside n, m and noise_std."""

    d: int
    signal_norm: float
    init_std: float
    snr: float
    n_snr2: float
    d_over_n2: float
    init_scale: float
    q: float
    label_flip: float | tuple[float, float]
    orthogonal_noise: bool
    init_law: str
    bias: float
    flip_law: str
