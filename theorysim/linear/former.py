"""Files of format 2."""

from typing import Any

from theorysim.core.status import Status
from theorysim.linear.algorithm import LinearSGD
from theorysim.linear.draw import LinearDraw
from theorysim.linear.problem import LinearNetwork
from theorysim.linear.run import LinearRun
from theorysim.linear.watch import LINEAR_OBSERVABLES

_PLAIN = ("seed", "engine", "message", "stopped_at", "timings")
_ARRAYS = ("rows", "steps_recorded", "states", "combination", "leaving")


def read(header: dict[str, Any], arrays: dict[str, Any]) -> LinearRun:
    """A run from its header and arrays; the factor of a draw was called its rows, steps observed were watched."""
    draw = LinearDraw(arrays["draw_inputs"], arrays["draw_target"], arrays["draw_rows"], header["neurons"])
    return LinearRun(
        problem=LinearNetwork(**header["problem"]), algorithm=LinearSGD(**header["algorithm"]), draw=draw,
        status=Status(header["status"]), observed_at=arrays["steps_watched"],
        columns=tuple(LINEAR_OBSERVABLES)[: arrays["rows"].shape[1]],
        **{name: header[name] for name in _PLAIN}, **{name: arrays[name] for name in _ARRAYS},
    )
