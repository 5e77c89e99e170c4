"""Runs of the patch network as a header and arrays."""

import dataclasses
from typing import Any

from theorysim.patch.algorithm import Flip, Gaussian, GradientDescent, Uniform
from theorysim.patch.draw import Draw
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
from theorysim.core.status import Status
from theorysim.patch.run import Run

_LAWS = {law.__name__: law for law in (Flip, Gaussian, Uniform)}
_ARRAYS = ("rows", "steps_recorded", "coefficients", "inner", "weights", "validation")
_POLICIES = {one.__name__: one for one in (EarlyStopping, SmallLossSelection, OracleSelection)}
_TRIGGERS = {one.__name__: one for one in (FirstStage, LossBelow, AtStep, BestValidation)}
_SELECTION = ("flagged", "noisy", "weight", "turned")
_DRAW_ARRAYS = ("labels", "observed_labels", "atom", "sign", "owner", "gram", "vectors", "weights")
_PLAIN = ("seed", "engine", "message", "stopped_at", "deviation", "record_every", "given_label_noise")


def pack(run: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    """What of a run JSON can hold, and its arrays."""
    header = {
        "problem": _problem_header(run.problem),
        "algorithm": _algorithm_header(run.algorithm),
        "draw_form": run.draw.form,
        "policy": _policy_header(run.policy),
        "selected_at": None if run.selection is None else run.selection.step,
        "status": run.status,
        "timings": dict(run.timings),
    }
    header |= {name: getattr(run, name) for name in _PLAIN}
    arrays = {name: getattr(run, name) for name in _ARRAYS if getattr(run, name) is not None}
    if run.selection is not None:
        arrays |= {f"selection_{name}": getattr(run.selection, name) for name in _SELECTION}
    return header, arrays | {f"draw_{name}": getattr(run.draw, name) for name in _DRAW_ARRAYS}


def unpack(header: dict[str, Any], arrays: dict[str, Any]) -> Run:
    """The run again."""
    draw = Draw(form=header["draw_form"], **{name: arrays.pop(f"draw_{name}") for name in _DRAW_ARRAYS})
    selection = None
    if header["selected_at"] is not None:
        chosen = {name: arrays.pop(f"selection_{name}") for name in _SELECTION}
        selection = Selection(step=header["selected_at"], **chosen)
    return Run(
        problem=_read_problem(header["problem"], draw),
        algorithm=_read_algorithm(header["algorithm"]),
        draw=draw,
        status=Status(header["status"]),
        policy=_read_policy(header["policy"]),
        selection=selection,
        timings=header["timings"],
        **{name: header[name] for name in _PLAIN},
        **arrays,
    )


def _problem_header(problem: Problem) -> dict[str, Any]:
    if isinstance(problem, SignalNoise):
        return dataclasses.asdict(problem)
    return {"m": problem.m, "init_std": problem.init_std, "q": problem.q, "vectors": problem.vectors is not None}


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


def _algorithm_header(algorithm: GradientDescent) -> dict[str, Any]:
    law = algorithm.label_noise
    noise = None if law is None else {"law": type(law).__name__, **dataclasses.asdict(law)}
    return {"lr": algorithm.lr, "label_noise": noise}


def _read_algorithm(header: dict[str, Any]) -> GradientDescent:
    noise = header["label_noise"]
    if noise is None:
        return GradientDescent(header["lr"])
    return GradientDescent(header["lr"], _LAWS[noise.pop("law")](**noise))


def _policy_header(policy: Policy | None) -> dict[str, Any] | None:
    if policy is None:
        return None
    at = {"trigger": type(policy.at).__name__, **dataclasses.asdict(policy.at)}
    return {"policy": type(policy).__name__, **dataclasses.asdict(policy), "at": at}


def _read_policy(header: dict[str, Any] | None) -> Policy | None:
    if header is None:
        return None
    at = header.pop("at")
    trigger = _TRIGGERS[at.pop("trigger")](**at)
    kind: Any = _POLICIES[header.pop("policy")]
    policy: Policy = kind(at=trigger, **header)
    return policy
