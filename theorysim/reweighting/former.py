"""Runs as they were written in files of format 2."""

from typing import Any

from theorysim.core.status import Status
from theorysim.reweighting.algorithm import Reweighting
from theorysim.reweighting.data import Digits, LabelledArrays, SignalNoiseImages
from theorysim.reweighting.draw import ReweightingDraw
from theorysim.reweighting.problem import KernelReweighting
from theorysim.reweighting.run import ReweightingRun

DATA = {kind.__name__: kind for kind in (SignalNoiseImages, Digits, LabelledArrays)}
DRAW = ("train_kernel", "clean_kernel", "labels", "clean_labels", "true_labels", "test_kernel", "test_labels",
        "proxy_kernel", "inputs")
GIVEN = ("inputs", "labels")  # of data that the user gave
PLAIN = ("seed", "engine", "message", "stopped_at", "lr", "weight_lr")
RENAMED = {"label_noise": "label_flip", "clean_label_noise": "clean_label_flip"}


def unpack(header: dict[str, Any], arrays: dict[str, Any]) -> ReweightingRun:
    """The run again."""
    problem = {RENAMED.get(name, name): value for name, value in header["problem"].items()}
    facts = dict(problem.pop("data"))
    kind: Any = DATA[facts.pop("kind")]
    given = {name: arrays.pop(f"data_{name}") for name in GIVEN if f"data_{name}" in arrays}
    draw = ReweightingDraw(**{name: arrays.pop(f"draw_{name}") for name in DRAW if f"draw_{name}" in arrays})
    network = (arrays.pop("network_first"), arrays.pop("network_second")) if "network_first" in arrays else None
    return ReweightingRun(
        problem=KernelReweighting(data=kind(**facts, **given), **problem), draw=draw, network=network,
        algorithm=Reweighting(**header["algorithm"]), status=Status(header["status"]), timings=header["timings"],
        **{name: header[name] for name in PLAIN}, **arrays,
    )
