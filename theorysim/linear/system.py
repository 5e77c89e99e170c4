"""Linear networks, as a value."""

from typing import Any

import numpy as np

from theorysim.core import axes
from theorysim.core.recording import Steps, evenly
from theorysim.core.system import OVERHEAD, System
from theorysim.linear import former, picture, stages, stepper, watch
from theorysim.linear.algorithm import LinearSGD
from theorysim.linear.doubts import doubts
from theorysim.linear.draw import LinearDraw
from theorysim.linear.options import LinearOptions
from theorysim.linear.problem import LinearNetwork
from theorysim.linear.run import LinearRun, seams

DERIVED = {"target_norm": "target"}
QUANTITIES = {  # of the neurons followed: ‖w_i‖, a_i, cos(w_i, θ*); and e = Wᵀa − θ*
    "norms": lambda run, place: np.linalg.norm(run.neurons[place, :, :-1], axis=1),
    "seconds": lambda run, place: run.neurons[place, :, -1],
    "cosines": lambda run, place: run.cosines[place],
    "error": lambda run, place: run.states[place, :, -1] @ run.states[place, :, :-1] - run.draw.target,
}


def usual_records(start: int, end: int, problem: LinearNetwork, run: Any) -> tuple[int | None, Steps]:
    """As the run that is continued is recorded, if evenly; else every eighth of the steps watched.

    ``run`` may be of any system of linear networks.
    """
    if run is not None and run.record_every is not None:
        return run.record_every, evenly(start, end, run.record_every)
    chosen = watch.usual_records(end, problem)
    return None, chosen[chosen >= start]


def numbers(problem: LinearNetwork | None, algorithm: Any) -> dict[str, Any]:
    """All that defines a setting; of θ* its length."""
    found = axes.numbers(problem, algorithm, DERIVED)
    return {name: value for name, value in found.items() if name != "target"}


def economy(needs: str) -> dict[str, Any]:
    """Rows are cheap, states are not."""
    return {} if needs == "all" else {"record_at": ()}


def _cost(problem: LinearNetwork, algorithm: LinearSGD, steps: int) -> float:
    width = min(problem.width, problem.d + 1)
    return OVERHEAD + steps * problem.d * (8.0 * width + 4.0 * algorithm.samples(problem))


def drawn_again(run: Any) -> dict[str, Any]:
    """The draw of a run; one of which only some neurons were drawn one by one can only come from the seed."""
    return {"draw": run.draw} if run.draw.neurons == run.problem.width else {}


def _again(run: LinearRun) -> dict[str, Any]:
    return drawn_again(run) | {"neurons": len(run.combination)}


def _settings() -> Any:
    from theorysim.linear import strategies  # needs Hypothesis, which a simulation does not

    return strategies.settings()


LINEAR = System(
    name="linear",
    problems=(LinearNetwork,),
    algorithms=(LinearSGD,),
    run=LinearRun,
    start=stepper.start,
    proceed=stepper.proceed,
    engines=stepper.ENGINES,
    observables=watch.LINEAR_OBSERVABLES,
    usual_records=usual_records,
    record_bytes=watch.record_bytes,
    seams=seams,
    measures={"test_loss_floor": lambda seen: seen.run.loss_floor()},
    times=stages.TIMES,
    quantities=QUANTITIES,
    usual=("test_loss", "alignment"),
    derived=DERIVED,
    numbers=numbers,
    economy=economy,
    cost=_cost,
    numerics=2,
    picture=picture.two_phases,
    options=LinearOptions(),
    doubts=doubts,
    types=(LinearDraw,),
    former=former.read,
    again=_again,
    strategies=_settings,
)
