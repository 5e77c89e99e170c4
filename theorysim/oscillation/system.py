"""Oscillation of the second layer alone, as a value."""

from typing import Any

from theorysim.core.system import OVERHEAD, System
from theorysim.linear.draw import LinearDraw
from theorysim.linear.problem import LinearNetwork
from theorysim.linear.system import DERIVED, drawn_again, economy, numbers, usual_records
from theorysim.linear.watch import usual_records as usual_steps
from theorysim.oscillation import picture, stages, stepper
from theorysim.oscillation.algorithm import OscillatingLayer
from theorysim.oscillation.run import OSCILLATION_OBSERVABLES, OscillationRun


def _seams(run: OscillationRun) -> tuple[bool, bool]:
    """Whether the last record of a run, and its row, are of the longer one, too."""
    every = run.record_every
    usual = bool(usual_steps(run.steps, run.problem)[-1] == run.steps)
    record = usual if every is None else run.steps % every == 0
    return record, record


def _cost(problem: LinearNetwork, algorithm: OscillatingLayer, steps: int) -> float:
    if algorithm.chains == 0:
        return OVERHEAD + steps * (stepper.CALL + 6.0 * problem.d**3)
    return OVERHEAD + steps * 4.0 * algorithm.chains * problem.width * problem.d


def _settings() -> Any:
    from theorysim.oscillation import strategies  # needs Hypothesis, which a simulation does not

    return strategies.settings()


OSCILLATION = System(
    name="oscillation",
    problems=(LinearNetwork,),
    algorithms=(OscillatingLayer,),
    run=OscillationRun,
    start=stepper.start,
    proceed=stepper.proceed,
    observables=OSCILLATION_OBSERVABLES,
    usual_records=usual_records,
    seams=_seams,
    times=stages.TIMES,
    quantities={"norms": lambda run, place: run.norms[place]},
    usual=("mean_norm_sq",),
    derived=DERIVED,
    numbers=numbers,
    economy=economy,
    cost=_cost,
    numerics=2,
    picture=picture.norm_curves,
    types=(LinearDraw,),
    again=drawn_again,
    strategies=_settings,
)
