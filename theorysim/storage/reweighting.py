"""Runs of sample reweighting as a header and arrays."""

import dataclasses
from typing import Any

from theorysim.reweighting import (
    Digits, KernelReweighting, LabelledArrays, Reweighting, ReweightingDraw, ReweightingRun, SignalNoiseImages,
)
from theorysim.core.status import Status

_DATA = {kind.__name__: kind for kind in (SignalNoiseImages, Digits, LabelledArrays)}
_ARRAYS = (
    "series", "steps_recorded", "outputs", "clean_outputs", "test_outputs", "weights", "gradients", "coefficients",
)
_DRAW = ("train_kernel", "clean_kernel", "labels", "clean_labels", "true_labels", "test_kernel", "test_labels",
         "proxy_kernel", "inputs")
_GIVEN = ("inputs", "labels")  # of data that the user gave
_PLAIN = ("seed", "engine", "message", "stopped_at", "lr", "weight_lr")


def pack(run: ReweightingRun) -> tuple[dict[str, Any], dict[str, Any]]:
    """What of a run JSON can hold, and its arrays."""
    data = run.problem.data
    facts = {field.name: getattr(data, field.name) for field in dataclasses.fields(data)}
    problem = {field.name: getattr(run.problem, field.name) for field in dataclasses.fields(run.problem)}
    kept = {name: fact for name, fact in facts.items() if name not in _GIVEN}
    header = {
        "problem": problem | {"data": {"kind": type(data).__name__} | kept},
        "algorithm": dataclasses.asdict(run.algorithm), "status": run.status, "timings": dict(run.timings),
    }
    header |= {name: getattr(run, name) for name in _PLAIN}
    arrays = {name: getattr(run, name) for name in _ARRAYS} | {f"data_{name}": facts.get(name) for name in _GIVEN}
    arrays |= {f"draw_{name}": getattr(run.draw, name) for name in _DRAW}
    if run.network is not None:
        arrays |= {"network_first": run.network[0], "network_second": run.network[1]}
    return header, {name: array for name, array in arrays.items() if array is not None}


def unpack(header: dict[str, Any], arrays: dict[str, Any]) -> ReweightingRun:
    """The run again."""
    facts = header["problem"].pop("data")
    kind: Any = _DATA[facts.pop("kind")]
    given = {name: arrays.pop(f"data_{name}") for name in _GIVEN if f"data_{name}" in arrays}
    draw = ReweightingDraw(**{name: arrays.pop(f"draw_{name}") for name in _DRAW if f"draw_{name}" in arrays})
    network = (arrays.pop("network_first"), arrays.pop("network_second")) if "network_first" in arrays else None
    return ReweightingRun(
        problem=KernelReweighting(data=kind(**facts, **given), **header["problem"]),
        algorithm=Reweighting(**header["algorithm"]), status=Status(header["status"]), draw=draw, network=network,
        timings=header["timings"], coefficients=arrays.pop("coefficients", None),
        **{name: header[name] for name in _PLAIN}, **arrays,
    )
