"""Runs of linear networks as a header and arrays."""

import dataclasses
from typing import Any

from theorysim.linear import LinearDraw, LinearNetwork, LinearRun, LinearSGD
from theorysim.core.status import Status

_ARRAYS = ("steps_watched", "rows", "steps_recorded", "states", "combination", "leaving")
_DRAW_ARRAYS = ("inputs", "target", "rows")
_PLAIN = ("seed", "engine", "message", "stopped_at")


def pack(run: LinearRun) -> tuple[dict[str, Any], dict[str, Any]]:
    """What of a run JSON can hold, and its arrays."""
    header = {"problem": dataclasses.asdict(run.problem), "algorithm": dataclasses.asdict(run.algorithm),
              "status": run.status, "neurons": run.draw.neurons, "timings": dict(run.timings)}
    arrays = {name: getattr(run, name) for name in _ARRAYS}
    header |= {name: getattr(run, name) for name in _PLAIN}
    return header, arrays | {f"draw_{name}": getattr(run.draw, name) for name in _DRAW_ARRAYS}


def unpack(header: dict[str, Any], arrays: dict[str, Any]) -> LinearRun:
    """The run again."""
    draw = LinearDraw(neurons=header["neurons"], **{name: arrays.pop(f"draw_{name}") for name in _DRAW_ARRAYS})
    return LinearRun(
        problem=LinearNetwork(**header["problem"]), algorithm=LinearSGD(**header["algorithm"]), draw=draw,
        status=Status(header["status"]), timings=header["timings"], **{name: header[name] for name in _PLAIN}, **arrays,
    )
