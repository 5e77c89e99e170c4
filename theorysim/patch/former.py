"""Run files of format 2."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from theorysim.patch.algorithm import Flip, Gaussian, GradientDescent, Uniform
from theorysim.patch.draw import Draw
from theorysim.patch.observables import OBSERVABLES
from theorysim.patch.patch_data import PatchData
from theorysim.patch.policy import (
    AtStep,
    BestValidation,
    EarlyStopping,
    FirstStage,
    LossBelow,
    OracleSelection,
    Policy,
    Selection,
    SmallLossSelection,
)
from theorysim.patch.problem import Problem, SignalNoise
from theorysim.patch.run import PatchRun

_LAWS = {law.__name__: law for law in (Flip, Gaussian, Uniform)}
_POLICIES = {one.__name__: one for one in (EarlyStopping, SmallLossSelection, OracleSelection)}
_TRIGGERS = {one.__name__: one for one in (FirstStage, LossBelow, AtStep, BestValidation)}
_SELECTION = ("flagged", "noisy", "weight", "turned")
_DRAW_ARRAYS = ("labels", "observed_labels", "atom", "sign", "owner", "gram", "vectors", "weights")
_PLAIN = ("seed", "engine", "message", "stopped_at", "record_every", "given_label_noise")


def read_format_2(header: dict[str, Any], arrays: dict[str, Any]) -> PatchRun:
    """The run of a header and arrays."""
    draw = Draw(form=header["draw_form"], **{name: arrays.pop(f"draw_{name}") for name in _DRAW_ARRAYS})
    selection = None
    if header["selected_at"] is not None:
        chosen = {name: arrays.pop(f"selection_{name}") for name in _SELECTION}
        selection = Selection(step=header["selected_at"], **chosen)
    return PatchRun(
        problem=_read_problem(header["problem"], draw),
        algorithm=_read_algorithm(header["algorithm"]),
        draw=draw,
        status=header["status"],
        policy=_read_policy(header["policy"]),
        selection=selection,
        timings=header["timings"],
        observed_at=np.arange(len(arrays["rows"])),
        columns=tuple(OBSERVABLES)[: arrays["rows"].shape[1]],  # later ones stand after those of that time
        deviations=_read_deviations(header["deviation"], len(arrays["steps_recorded"])),
        **{name: header[name] for name in _PLAIN},
        **arrays,
    )


def _read_deviations(largest: float | None, records: int) -> NDArray[np.float64] | None:
    """Only the largest was kept."""
    return None if largest is None else np.full(records, largest)


def _read_problem(header: dict[str, Any], draw: Draw) -> Problem:
    if "signal_norm" in header:
        return SignalNoise(**header)
    return PatchData(
        labels=draw.labels,
        observed_labels=draw.observed_labels,
        atom=draw.atom,
        sign=draw.sign,
        gram=draw.gram,
        vectors=draw.vectors if header.pop("vectors") else None,
        **header,
    )


def _read_algorithm(header: dict[str, Any]) -> GradientDescent:
    noise = header["label_noise"]
    if noise is None:
        return GradientDescent(header["lr"])
    return GradientDescent(header["lr"], _LAWS[noise.pop("law")](**noise))


def _read_policy(header: dict[str, Any] | None) -> Policy | None:
    if header is None:
        return None
    at = header.pop("at")
    trigger = _TRIGGERS[at.pop("trigger")](**at)
    kind: Any = _POLICIES[header.pop("policy")]
    policy: Policy = kind(at=trigger, **header)
    return policy
