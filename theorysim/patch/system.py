"""The patch network as a system."""

from dataclasses import fields
from typing import Any

from theorysim.core import axes, recording
from theorysim.core.recording import RECORDS, Steps
from theorysim.core.system import OVERHEAD, System, even_records
from theorysim.patch.activation import ACTIVATIONS, Network
from theorysim.patch.algorithm import LAWS, GradientDescent
from theorysim.patch.doubts import doubts
from theorysim.patch.draw import Draw
from theorysim.patch.former import read_format_2
from theorysim.patch.observables import OBSERVABLES
from theorysim.patch.options import PatchOptions
from theorysim.patch.patch_data import PatchData
from theorysim.patch.patch_laws import PatchLaw
from theorysim.patch.patch_model import PatchModel
from theorysim.patch.picture import learning_curves
from theorysim.patch.phases import Phase
from theorysim.patch.policy import (
    AtStep,
    BestSoFar,
    BestValidation,
    EarlyStopping,
    FirstStage,
    LossBelow,
    OracleSelection,
    Selection,
    SmallLossSelection,
)
from theorysim.patch.derived import DERIVED
from theorysim.patch.problem import Problem, SignalNoise
from theorysim.patch.quantities import QUANTITIES, time_columns
from theorysim.patch.risk import Estimate
from theorysim.patch.run import PatchRun
from theorysim.patch.schedules import SCHEDULES
from theorysim.patch.begin import ENGINES, proceed, seams, start

NUMERICS = 2  # raised when the same seed gives other numbers than before, be it by rounding


def _record_bytes(problem: Problem) -> int:
    return 8 * 2 * problem.m * problem.atoms


def _usual_records(start: int, end: int, problem: Problem, run: PatchRun | None) -> tuple[int | None, Steps]:
    """About 100 records, fewer where they are large."""
    return even_records(start, end, max(1, min(RECORDS, recording.MAX_BYTES // _record_bytes(problem) - 2)), run)


def _again(run: PatchRun) -> dict[str, Any]:
    """As it was, observed at every step; a policy that only ended it has no part in what it did before."""
    if run.phases:
        raise ValueError("run: was trained in phases, and cannot be made again in one")
    if run.given_label_noise:
        raise ValueError("run: was given its label noise, which it does not keep, and cannot be made again")
    acting = {} if isinstance(run.policy, EarlyStopping) else {"policy": run.policy}
    return {"draw": run.draw, "precision": run.precision, "observables_every": 1, "observe": "all",
            "threads": run.threads} | acting


def numbers(problem: Problem | None, algorithm: GradientDescent | None) -> dict[str, Any]:
    """The fields, with a rate of label flips for each class; of a network's and a rule's own what is not at default."""
    found = axes.numbers(problem, None, DERIVED)
    if isinstance(problem, SignalNoise | PatchModel):
        found["tau_plus"], found["tau_minus"] = problem.flip_rates
        del found["label_flip"]
    found |= {name: "none" if value is None and name == "label_noise" else value
              for name, value in axes.numbers(None, algorithm, {}).items()}
    unused = {one.name for value, kind in ((problem, Network), (algorithm, GradientDescent)) if value is not None
              for one in fields(kind) if one.kw_only and getattr(value, one.name) == one.default}
    return {name: value for name, value in found.items() if name not in unused}


def _economy(needs: str) -> dict[str, Any]:
    """What a run may leave out."""
    return {} if needs == "all" else {"record_at": ()} | ({"observe": "outputs"} if needs == "outputs" else {})


def _cost(problem: Problem, _algorithm: GradientDescent, steps: int) -> float:
    """One product (2m, K) by (K, K) a step, and what is around it."""
    return OVERHEAD + steps * 4.0 * problem.m * problem.atoms * (problem.atoms + 60)


def _error(seen: Any) -> Estimate:
    """On fresh data, against true labels."""
    found: Estimate = seen.once("error", lambda: seen.run.test_error(n_test=seen.n_test, method="monte-carlo"))
    return found


def _kappa(problem: SignalNoise, algorithm: GradientDescent) -> float:
    return problem.kappa(algorithm.lr) if isinstance(algorithm.lr, float) else float("nan")


JOINTS = {"kappa": axes.Joint(
    SignalNoise, "lr", _kappa,
    lambda problem, value: problem.lr_at(value))}
HOLDABLE = DERIVED | {"init_scale": "init_std", "kappa": "lr"}


def _settings() -> Any:
    from theorysim.patch import strategies  # needs Hypothesis, which a simulation does not

    return strategies.settings()


PATCH = System(
    name="patch",
    problems=(SignalNoise, PatchData, PatchModel),
    algorithms=(GradientDescent,),
    run=PatchRun,
    start=start,
    proceed=proceed,
    engines=ENGINES,
    observables=OBSERVABLES,
    usual_records=_usual_records,
    record_bytes=_record_bytes,
    seams=seams,
    measures={
        "test_error": lambda seen: _error(seen).value,
        "test_accuracy": lambda seen: 1 - _error(seen).value,
        "test_error_observed": lambda seen: seen.run.test_error(
            n_test=seen.n_test, labels="observed", method="monte-carlo").value,
        "log10_test_error": lambda seen: seen.run.test_error(n_test=seen.n_test).log10_value,
        "memory_test_error": lambda seen: seen.run.test_error(kind="memory").value,
        "precision": lambda seen: None if seen.run.selection is None else seen.run.selection.precision,
        "recall": lambda seen: None if seen.run.selection is None else seen.run.selection.recall,
    },
    times=("T1", "T2"),
    time_columns=time_columns,
    quantities=QUANTITIES,
    policies=(EarlyStopping, SmallLossSelection, OracleSelection),
    usual=("test_error", "train_loss"),
    derived=DERIVED,
    joints=JOINTS,
    holdable=HOLDABLE,
    numbers=numbers,
    economy=_economy,
    cost=_cost,
    numerics=NUMERICS,
    picture=learning_curves,
    options=PatchOptions(),
    doubts=doubts,
    types=(Draw, PatchLaw, *LAWS, *SCHEDULES, *ACTIVATIONS, Phase, EarlyStopping, SmallLossSelection, OracleSelection,
           FirstStage, LossBelow, AtStep, BestValidation, Selection, BestSoFar),
    former=read_format_2,
    again=_again,
    strategies=_settings,
)
