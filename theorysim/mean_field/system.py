"""The mean field of the patch network as a system."""

from typing import Any

import numpy as np

from theorysim.core import recording
from theorysim.core.recording import RECORDS, Steps
from theorysim.core.system import OVERHEAD, System, even_records
from theorysim.mean_field.draw import MeanFieldDraw
from theorysim.mean_field.groups import noise_products, record_numbers, signal_products
from theorysim.mean_field.observables import MEAN_FIELD_OBSERVABLES
from theorysim.mean_field.problem import MeanField
from theorysim.mean_field.run import MeanFieldRun
from theorysim.mean_field.stepper import ENGINE, proceed, seams, start
from theorysim.patch.algorithm import LAWS, GradientDescent
from theorysim.patch.picture import learning_curves
from theorysim.patch.derived import DERIVED
from theorysim.patch.quantities import COEFFICIENTS, time_columns
from theorysim.patch.risk import Estimate
from theorysim.patch.system import HOLDABLE, JOINTS, numbers

NUMERICS = 1  # raised when the same seed gives other numbers than before, be it by rounding
PRODUCT = 700.0  # what a step takes for one inner product, as floating-point operations of a matrix product

QUANTITIES = {
    **COEFFICIENTS,
    "z_signal": lambda run, place: signal_products(run.problem, run.draw, run.signal[place]),
    "z_noise": lambda run, place: noise_products(run.problem, run.draw, run.memory[place]),
}


def _record_bytes(problem: MeanField) -> int:
    return 8 * record_numbers(problem)


def _usual_records(start: int, end: int, problem: MeanField, run: MeanFieldRun | None) -> tuple[int | None, Steps]:
    """About 100 records, fewer where they are large."""
    return even_records(start, end, max(1, min(RECORDS, recording.MAX_BYTES // _record_bytes(problem) - 2)), run)


def _again(run: MeanFieldRun) -> dict[str, Any]:
    """As it was, observed at every step."""
    if run.given_label_noise:
        raise ValueError("run: was given its label noise, which it does not keep, and cannot be made again")
    return {"draw": run.draw, "observables_every": 1}


def _economy(needs: str) -> dict[str, Any]:
    """What a run may leave out."""
    return {} if needs == "all" else {"record_at": ()}


def _cost(problem: MeanField, _algorithm: GradientDescent, steps: int) -> float:
    """The chains."""
    return OVERHEAD + steps * PRODUCT * record_numbers(problem) / 2


def _error(seen: Any) -> Estimate:
    """On fresh data, against true labels."""
    found: Estimate = seen.once("error", lambda: seen.run.test_error(n_test=seen.n_test, method="monte-carlo"))
    return found


def _settings() -> Any:
    from theorysim.mean_field import strategies  # needs Hypothesis, which a simulation does not

    return strategies.settings()


MEAN_FIELD = System(
    name="mean_field",
    problems=(MeanField,),
    algorithms=(GradientDescent,),
    run=MeanFieldRun,
    start=start,
    proceed=proceed,
    engines=(ENGINE,),
    observables=MEAN_FIELD_OBSERVABLES,
    usual_records=_usual_records,
    record_bytes=_record_bytes,
    seams=seams,
    measures={
        "test_error": lambda seen: _error(seen).value,
        "test_accuracy": lambda seen: 1 - _error(seen).value,
        "test_error_observed": lambda seen: seen.run.test_error(
            n_test=seen.n_test, labels="observed", method="monte-carlo").value,
        "log10_test_error": lambda seen: seen.run.test_error(n_test=seen.n_test).log10_value,
        "log10_error_law": lambda seen: seen.run.log_error_law() / np.log(10),
    },
    times=("T1", "T2"),
    time_columns=time_columns,
    quantities=QUANTITIES,
    usual=("test_error", "train_loss"),
    derived=DERIVED,
    joints=JOINTS,
    holdable=HOLDABLE,
    numbers=numbers,
    economy=_economy,
    cost=_cost,
    numerics=NUMERICS,
    picture=learning_curves,
    types=(MeanFieldDraw, *LAWS),
    again=_again,
    strategies=_settings,
)
